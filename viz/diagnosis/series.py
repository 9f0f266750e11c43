"""How large gradients are along the depth of a network, or back through its time steps.

Their size is the root mean square: a norm would grow with the number of elements alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microgradnd.graph import Node
from viz.capture.summary import Summary, square
from viz.capture.trace import Trace
from viz.structure.ids import Ids
from viz.structure.tree import Group
from viz.style.text import one_line

# The bins of every table and chart: the word, and the RMS from which on a gradient is in it.
BINS = (("vanished", 0.0), ("faint", 1e-8), ("usual", 1e-5), ("strong", 10.0), ("exploded", 1e3))


@dataclass(frozen=True)
class Point:
    """One place of a series.

    Attributes:
        label: a step's number, or the place in the network.
        nodes: the tensors whose gradients are measured.
        rms: of all elements of these gradients; NaN if one of them is.
    """

    label: str
    nodes: tuple[Node, ...]
    rms: float

    @property
    def bin(self) -> str:
        return bin_of(self.rms)


@dataclass(frozen=True)
class Series:
    """Gradients one after the other, in the order of the forward pass: the loss comes last.

    Attributes:
        axis: "time" or "depth".
        name: of time, the group whose steps it follows.
    """

    axis: str
    name: str
    points: tuple[Point, ...]

    @property
    def ratio(self) -> float:
        """The gradient farthest from the loss over the one nearest to it; NaN if there is none."""
        known = [p.rms for p in self.points if math.isfinite(p.rms)]
        return known[0] / known[-1] if known and known[-1] > 0 else math.nan

    @property
    def factor(self) -> float:
        """By what a gradient is multiplied on the way back over one point, on average."""
        return self.ratio ** (1 / max(len(self.points) - 1, 1))

    @property
    def title(self) -> str:
        return f"over {self.axis}" + (f" ({self.name})" if self.name else "")

    def counts(self) -> dict[str, int]:
        """How many points fall into each of the five bins; those that are not finite into none."""
        counts = Counter(point.bin for point in self.points)
        return {word: counts[word] for word, _ in BINS}


def bin_of(rms: float) -> str:
    """The bin of a gradient's size.

    >>> bin_of(0.02), bin_of(1e-9), bin_of(float("nan"))
    ('usual', 'vanished', 'NaN')
    """
    if not math.isfinite(rms):
        return "NaN" if math.isnan(rms) else "Inf"
    return next(word for word, start in BINS[::-1] if rms >= start)


def rms_of(kept: Sequence[Any]) -> float:
    """The RMS over all elements of some gradients, summaries or arrays.

    >>> rms_of([np.array([3.0, 0.0]), np.array([4.0, 0.0])])
    2.5
    """
    size = sum(x.size for x in kept)
    if not size:
        return math.nan
    return math.hypot(*map(norm_of, kept)) / math.sqrt(size)


def norm_of(x: Any) -> float:
    if isinstance(x, Summary):
        return x.norm
    flat = np.asarray(x, np.float64).ravel()
    top = float(np.abs(flat).max(initial=0.0))
    if 1e-140 < top < 1e140:
        return math.sqrt(square(flat))
    return math.hypot(*flat.tolist()) if top else 0.0


def series_of(found: Trace, ids: Ids) -> list[Series]:
    """The series of a trace with a backward pass: one over depth, one for each row of time steps.

    Over time stand the largest tensors that a step hands to later ones, its state; over depth the
    results of the operations that use a parameter: the error terms of the layers.
    """
    if not found.gradients:
        return []
    times = [_time_series(found, group) for group in repeats(found.groups)]
    spent = {node for group in repeats(found.groups) for node in group.nodes()}
    return [s for s in (_depth_series(found, ids, spent), *times) if len(s.points) > 1]


def repeats(root: Group) -> Iterator[Group]:
    """The outermost repetitions whose steps share their parameters."""
    for part in root.parts:
        if isinstance(part, Group):
            if part.kind == "repeat" and part.shared:
                yield part
            else:
                yield from repeats(part)


def steps_of(group: Group) -> Iterator[Group]:
    """The steps of a repetition, which may stand in stretches."""
    for part in group.parts:
        if isinstance(part, Group):
            if part.kind == "stretch":
                yield from steps_of(part)
            else:
                yield part


def _time_series(found: Trace, group: Group) -> Series:
    steps = list(steps_of(group))
    step_of: dict[Any, int] = {node: k for k, step in enumerate(steps) for node in step.nodes()}
    onward: list[dict[Node, None]] = [{} for _ in steps]
    leaving: list[dict[Node, None]] = [{} for _ in steps]
    for node, i in found.contributions:
        p = node.parent(i)
        k, user = step_of.get(p), step_of.get(node)
        if k is not None and user != k:
            leaving[k][p] = None
            if user is not None:
                onward[k][p] = None
    points = []
    for number, (nodes, others) in enumerate(zip(onward, leaving, strict=True), start=1):
        if tensors := _largest(nodes or others):
            rms = rms_of([found.gradients[p] for p in tensors])
            points.append(Point(str(number), tensors, rms))
    around = (group.parent.path() if group.parent else "") or group.name
    return Series("time", around, tuple(points))


def _largest(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Of what a step hands on the state, not a running sum of losses: what is largest."""
    sizes = {node: math.prod(node.shape) for node in nodes}
    most = max(sizes.values(), default=0)
    return tuple(node for node, size in sizes.items() if size == most)


def _depth_series(found: Trace, ids: Ids, spent: set[Node]) -> Series:
    layers: dict[Node, list[str]] = {}  # with the names of the parameters
    weights: dict[Any, str | None] = {}  # leaves, and what is made of one alone, as its transpose
    latest: Any = None
    for node in found.nodes:
        operands = [x.key for x in node.operands if x.kind != "number"]
        used = [key for key in operands if key in weights]
        if len(operands) == len(used) < 2:
            weights[node] = weights[used[0]] if used else node.name
            continue
        if not used or node in spent or node not in found.gradients:
            continue
        names = [name for p in used if (name := weights[p])]
        if node.op.linear == "x+y" and latest in operands:
            # of a product and the bias added to it, the sum is the layer
            names = layers.pop(latest, []) + names
        layers[node], latest = names, node
    points = (
        Point(_layer_name(names) or ids.where(n), (n,), rms_of([found.gradients[n]]))
        for n, names in layers.items()
    )
    return Series("depth", "", tuple(points))


def _layer_name(parameters: Sequence[str]) -> str:
    """What a layer is called after its parameters: by what their names share, or by all names.

    >>> _layer_name(["net.0.weight", "net.0.bias"]), _layer_name(["W", "b"])
    ('net.0', 'W, b')
    """
    paths = {name.rpartition(".")[0] for name in parameters}
    if len(paths) == 1 and paths != {""}:
        return one_line(paths.pop())
    return one_line(", ".join(dict.fromkeys(parameters)))
