"""Units that do not learn: ReLUs that are off for the whole batch, saturated sigmoids and tanhs.

A unit is one index of the axis that holds features: axis 1 behind a convolution, else the last.
Statistics cannot tell one unit from another. Where they leave a doubt, the values are taken from a
trace that kept its arrays, or computed again from the leaves, one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from microgradnd.graph import Node, replay
from viz.capture.summary import Summary
from viz.capture.trace import Trace
from viz.diagnosis.findings import Finding, families, level_of, location
from viz.structure.ids import Ids

Array = np.ndarray
_FLAT = 0.01  # a slope below is that of a saturated element
_MOST_UNITS = 12  # so many units are told by number
_Levels = tuple[float, float | None]
_DEAD = "leaky_relu or GELU, a smaller learning rate, He initialisation"
_SATURATED = "smaller initial weights, inputs of unit scale, normalisation, or ReLU"


@dataclass
class _Activation:
    """What is known of one activation, over all time steps."""

    nodes: list[Node] = field(default_factory=list)
    off: Array | None = None  # by unit, whether it was 0 always
    samples: int = 0  # per unit
    flat: int = 0
    size: int = 0
    worst: tuple[float, int] = (0.0, 0)  # share of flat elements, and the step


def levels_of(node: Node) -> _Levels | None:
    """The output levels at which an activation has no slope: (0, None) of ReLU, (−1, 1) of tanh."""
    if node.op.forward is np.maximum:
        zero = any(x.kind == "number" and float(x.value) == 0 for x in node.operands)
        return (0.0, None) if zero else None
    found = node.op.saturates
    return found(node.options) if callable(found) else found


def _slope(y: Any, lower: float, upper: float) -> Any:
    """The slope of a sigmoid or tanh where it took the value y."""
    return (y - lower) * (upper - y)


def _feature_axis(node: Node) -> int:
    """The axis of a result that its units lie along: 1 behind a convolution, else the last."""
    if len(node.shape) < 3:
        return -1
    stack, seen = [node], {node}
    while stack:
        source = stack.pop()
        if source.op.keeps_channels and source.op.contraction:
            return 1
        if not (source.op.keeps_channels or source.op.elementwise):
            continue
        for p in source.predecessors:
            same = len(p.shape) == len(node.shape) and p.shape[1] == node.shape[1]
            if same and not p.is_leaf and p not in seen:
                seen.add(p)
                stack.append(p)
    return -1


def findings(found: Trace, ids: Ids, dead: float, saturated: float) -> tuple[list[Finding], bool]:
    """What is wrong with the activations, and whether some could not be looked into."""
    places = families(found)
    seen: dict[Node, _Activation] = {}
    wanted = [node for node in found.graph.computed if levels_of(node)]
    unknown = False
    for node, y in _arrays(found, wanted):
        home, step = places.get(node, (node, 1))
        one = seen.setdefault(home, _Activation())
        if y is None:
            unknown = True
        elif y.size:
            _note(one, node, y, step)
    rows = (
        _flat_row(one, ids, saturated) if one.off is None else _dead_row(one, ids, dead)
        for one in seen.values()
        if one.nodes
    )
    return [row for row in rows if row], unknown


def _note(one: _Activation, node: Node, y: Array, step: int) -> None:
    one.nodes.append(node)
    lower, upper = levels_of(node) or (0.0, None)
    if upper is None:
        units = np.moveaxis(y, _feature_axis(node), -1) if y.ndim else y.reshape(1, 1)
        units = units.reshape(-1, units.shape[-1])
        off = np.asarray(np.all(units == lower, axis=0))
        one.off = off if one.off is None else np.logical_and(one.off, off)
        one.samples += len(units)
        return
    count = int(np.count_nonzero(_slope(y, lower, upper) < _FLAT))
    one.flat += count
    one.size += y.size
    one.worst = max(one.worst, (count / y.size, -step))  # the first of the worst steps


def _dead_row(one: _Activation, ids: Ids, dead: float) -> Finding | None:
    assert one.off is not None
    share = float(one.off.mean())
    # by chance half the units are off in one sample, a quarter in both of two: that is no death
    chance = 0.5**one.samples
    bound = max(dead, chance + 3.0 * math.sqrt(chance * (1.0 - chance) / one.off.size))
    level = level_of(share, bound, max(0.5, bound))
    if level is None:
        return None
    count, units = int(one.off.sum()), one.off.size
    which = tuple(np.flatnonzero(one.off).tolist())
    figure = f"{count} of {units} units ({share:.0%}) are 0 for all {one.samples:,} samples"
    figure += f": {ranges(which)}" if count < units else ""
    allowed, marked = math.floor(100 * bound), tuple(ids.tensors[node] for node in one.nodes)
    where = location(ids, one.nodes)
    return Finding("dead", level, where, figure, share, f"at most {allowed}%", _DEAD, marked,
                   units=which)  # fmt: skip


def ranges(numbers: Sequence[int]) -> str:
    """Numbers in rising order, neighbours as ranges, the first few of many.

    >>> ranges([0, 1, 2, 5]), ranges(range(0, 40, 2))
    ('0–2, 5', '0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22 and 8 more')
    """
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1][1:] = [n]
        else:
            runs.append([n])
    words = [f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    more = len(runs) - _MOST_UNITS
    return ", ".join(words[:_MOST_UNITS]) + (f" and {more} more" if more > 0 else "")


def _flat_row(one: _Activation, ids: Ids, saturated: float) -> Finding | None:
    share = one.flat / one.size
    level = level_of(share, saturated, 0.9)
    if level is None:
        return None
    figure = f"{share:.0%} of {one.size:,} elements have a slope below {_FLAT:g}"
    if len(one.nodes) > 1:
        figure += f" (worst: {one.worst[0]:.0%} in step {-one.worst[1]})"
    return Finding(
        "saturated", level, location(ids, one.nodes), figure, share,
        f"at most {saturated:.0%}", _SATURATED, tuple(ids.tensors[node] for node in one.nodes),
    )  # fmt: skip


def _arrays(found: Trace, wanted: Iterable[Node]) -> Iterator[tuple[Node, Array | None]]:
    """The values of some nodes; None where the trace did not keep them and a leaf has changed."""
    doubtful = set()
    for node in wanted:
        kept = found.values[node]
        if not isinstance(kept, Summary):
            yield node, kept
        elif kept.elements is not None:
            yield node, np.asarray(kept.elements)
        elif (plain := _stand_in(node, kept)) is not None:
            yield node, plain
        else:
            doubtful.add(node)
    if doubtful and found.graph.changed:
        yield from ((node, None) for node in doubtful)
    elif doubtful:
        yield from replay(found.nodes, doubtful)


def _stand_in(node: Node, x: Summary) -> Array | None:
    """An array with as many dead units or flat elements, where statistics alone tell how many."""
    lower, upper = levels_of(node) or (0.0, None)
    if upper is None:
        if x.zeros == 1.0:
            return np.zeros(x.shape)
        few = x.zeros * x.shape[_feature_axis(node)] < 1.0 - 1e-9  # too few zeros for one unit
        return np.ones(x.shape) if few else None
    slopes = _slope(np.array([x.min, x.max]), lower, upper)
    # the slope is a cap over the values: between two that are steep all are
    return np.full(x.shape, (lower + upper) / 2) if slopes.min() >= _FLAT else None
