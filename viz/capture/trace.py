"""The true numbers of a graph: its values, and one observed walk backward over it.

`trace(outputs)` replays the values from the leaves by the operations' own forward functions, so
they are there whether or not the graph was freed, and walks backward once without touching any
`.grad`. `with trace() as passes:` watches a program's own passes as they happen. Gradients and
contributions are always those of the engine's own walk. Hooks run as in every backward pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, overload

import numpy as np

from microgradnd import Tensor
from microgradnd.graph import (
    FLAG,
    Graph,
    Node,
    Seeds,
    Use,
    checked,
    node_of,
    optional,
    seeded,
    walk,
    watching,
)
from viz.capture.summary import summarise
from viz.structure.groups import grouped
from viz.structure.nesting import Nesting, nested
from viz.structure.tree import Group
from viz.style.kinds import GRADIENT, LOOKS, LOSSES

Array = np.ndarray
Snapshot: TypeAlias = Any  # of an array: a Summary, or a copy of it with keep="arrays"
KEEP: dict[str, Callable[[Array], Snapshot]] = {"summaries": summarise, "arrays": np.array}


@dataclass
class Trace:
    """Every number of one forward and one backward pass: as `Summary`, or in full.

    Attributes:
        keep: "summaries" or "arrays": what stands in the four tables of numbers.
        outputs: the tensors that were traced.
        graph: what they were computed from, and they themselves.
        values: of each node.
        gradients: of each node the walk reached, after its hooks; empty without a backward pass.
        contributions: by operation and operand index, what it added to that operand's gradient,
            in the order of the walk.
        seeds: the gradients the walk started from; starts: the same in full.
        steps: by operation, when it was walked: 1 for the first.
        running: by operation and operand index, where a gradient is the sum of several
            contributions: what the sum was after this one.
        shares: by operation and operand index, where a gradient is the sum of up to 8
            contributions: which part of it this one is, ⟨c, g⟩ ÷ ⟨g, g⟩; they sum to 1 (with
            that of a start of the walk), and one that the others outweigh is negative.
        borders: by group (None: all that is not in focus) and node, what a group that uses the
            node in several places adds to its gradient: the sum of these contributions.
        nesting: the groups of the computation (modules' calls, repeated steps, ...), and which
            group each node belongs to.
        hooked: the nodes whose hooks made the gradient another one than the sum.
        changed: leaves that were written to since something was computed from them.
        stale: whether the replayed values may differ from those of the forward pass.
    """

    keep: str
    outputs: tuple[Tensor, ...] = ()
    graph: Graph = field(default_factory=lambda: Graph(()))
    values: dict[Node, Snapshot] = field(default_factory=dict)
    gradients: dict[Node, Snapshot] = field(default_factory=dict)
    contributions: dict[Use, Snapshot] = field(default_factory=dict)
    running: dict[Use, Snapshot] = field(default_factory=dict)
    shares: dict[Use, float] = field(default_factory=dict)
    borders: dict[tuple[Group | None, Node], Snapshot] = field(default_factory=dict)
    nesting: Nesting = field(default_factory=lambda: Nesting(Group("", "graph")))
    seeds: dict[Node, Snapshot] = field(default_factory=dict)
    starts: dict[Node, Array] = field(default_factory=dict)
    steps: dict[Node, int] = field(default_factory=dict)
    hooked: set[Node] = field(default_factory=set)
    changed: tuple[Node, ...] = ()
    stale: bool = False

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the graph, in order of creation."""
        return self.graph.nodes

    @property
    def groups(self) -> Group:
        """The tree of groups of the computation."""
        return self.nesting.groups

    def __repr__(self) -> str:
        return f"<Trace of {len(self.nodes)} tensors, {len(self.steps)} backward steps>"


_MOST_SHARES = 8  # contributions to one gradient that are kept until it is known


class Recorder:
    """Writes what a walk does into a Trace, as its observer."""

    def __init__(self, trace: Trace, seeds: Seeds) -> None:
        self.trace, self.snapshot = trace, KEEP[trace.keep]
        self.latest: dict[Node, tuple[Array, Snapshot]] = {}  # contributions not yet added up
        self.sums: dict[Node, Array] = {}  # of all contributions, before hooks ran
        self.crossings = trace.nesting.crossings()
        self.crossed: dict[Node, dict[Group | None, Array]] = {}  # sums of what groups contribute
        uses = trace.graph.uses
        self.terms: dict[Node, list[tuple[Use, Array]]] = {
            node: [] for node in trace.nodes if 1 < len(uses[node]) <= _MOST_SHARES
        }
        self.added = {node for node in trace.nodes if len(uses[node]) > 1 or node.has_hooks}
        for node, x in merged(seeds).items():
            trace.seeds[node], trace.starts[node] = self.snapshot(x), x
            if uses[node]:
                self.added.add(node)
            self.add(node, x)

    def add(self, node: Node, x: Array) -> bool:
        """Adds a contribution to the sum of them; whether there were others before it."""
        if node not in self.added:
            return False
        several = node in self.sums
        self.sums[node] = self.sums[node] + x if several else x
        return several

    def __call__(self, node: Node, i: int | None, x: Any) -> None:
        x = x.data if isinstance(x, Tensor) else x
        if i is None:
            self.complete(node, x)
        else:
            self.contribute(node, i, x)

    def complete(self, node: Node, x: Array) -> None:
        """Notes a node's whole gradient."""
        trace = self.trace
        array, snapshot = self.latest.pop(node, (None, None))
        # A single contribution is the gradient: it is summarised once.
        trace.gradients[node] = snapshot if array is x else self.snapshot(x)
        if not node.is_leaf:
            trace.steps[node] = len(trace.steps) + 1
        self.divide(self.terms.pop(node, []), self.sums.get(node))
        if node in self.sums and not same(self.sums.pop(node), x):
            trace.hooked.add(node)
        for group, total in self.crossed.pop(node, {}).items():
            trace.borders[group, node] = self.snapshot(total)

    def divide(self, terms: list[tuple[Use, Array]], total: Array | None) -> None:
        """Notes which part of a sum each of its terms is."""
        if total is None:
            return
        with np.errstate(all="ignore"):
            square = float(np.vdot(total, total).real)
            for use, x in terms if 0 < square < math.inf else ():
                self.trace.shares[use] = float(np.vdot(total, x).real) / square

    def contribute(self, node: Node, i: int, x: Array) -> None:
        """Notes what a node adds to the gradient of an operand."""
        trace, p = self.trace, node.parent(i)
        if p in self.terms:
            self.terms[p].append(((node, i), x))
        snapshot = trace.contributions[node, i] = self.snapshot(x)
        self.latest[p] = x, snapshot
        if self.add(p, x):
            trace.running[node, i] = self.snapshot(self.sums[p])
        elif p in self.added:
            trace.running[node, i] = snapshot
        for group in self.crossings.get((node, i), ()):
            totals = self.crossed.setdefault(p, {})
            totals[group] = totals[group] + x if group in totals else x


def merged(seeds: Seeds) -> dict[Node, Array]:
    """The gradients a walk starts from, by node: those given for the same one are added up."""
    out: dict[Node, Array] = {}
    for seed, g in seeds:
        node, x = node_of(seed), g.data if isinstance(g, Tensor) else g
        out[node] = out[node] + x if node in out else x
    return out


@overload
def trace(
    outputs: None = None, grad: None = None, *, keep: str = ...
) -> AbstractContextManager[list[Trace]]: ...
@overload
def trace(
    outputs: Tensor | Sequence[Tensor], grad: Any = None, *, backward: bool = ..., keep: str = ...
) -> Trace: ...


@checked(outputs=optional(LOSSES), grad=GRADIENT, backward=FLAG, keep=LOOKS["keep"])
def trace(
    outputs: Tensor | Sequence[Tensor] | None = None,
    grad: Any = None,
    *,
    backward: bool = True,
    keep: str = "summaries",
) -> Any:
    """Traces how tensors were computed and differentiated, or watches a program do so.

    Args:
        outputs: a tensor or several; those that require no gradient are not walked from. Without
            them, a context manager whose list gets one Trace for each backward pass inside.
        grad: the gradient to start from, for several outputs a list; None for 1 (of a scalar).
        backward: False replays the values only.
        keep: "summaries" keeps statistics and a thumbnail of every array, "arrays" all of it.

    Raises:
        GraphError: an output is no scalar and has no gradient, as in `Tensor.backward`.
        ValueError: a gradient has another shape than its output, or `keep` is unknown.

    >>> x = Tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> numbers = trace(y)
    >>> [numbers.contributions[y.node, i].scalar for i in (0, 1)], numbers.gradients[x.node].scalar
    ([3.0, 3.0], 6.0)
    >>> with trace() as passes:
    ...     (x * 2.0).backward()
    >>> passes
    [<Trace of 2 tensors, 1 backward steps>]
    """
    if outputs is None:
        return _watched(keep)
    return captured(*several(outputs, grad), backward, keep, nesting_of)


def several(outputs: Any, grad: Any) -> tuple[list[Tensor], list[Any]]:
    """The tensors to trace, and the gradient that each is given."""
    tensors = list(outputs) if isinstance(outputs, Sequence) else [outputs]
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(f"can trace and draw a Tensor or several, not a {type(t).__name__}")
    given = list(grad) if isinstance(grad, (list, tuple)) else [grad]
    if isinstance(outputs, Tensor):
        given = [grad]
    elif grad is None:
        given = [None] * len(tensors)
    if len(given) != len(tensors):
        raise ValueError(f"{len(tensors)} tensors were given, but {len(given)} gradients")
    return tensors, given


def captured(
    outputs: Sequence[Tensor],
    gradients: Sequence[Any],
    backward: bool,
    keep: str,
    nest: Callable[[Graph], Nesting],
) -> Trace:
    """The trace of a graph that is there already."""
    pairs = zip(outputs, gradients, strict=True)
    roots = [(t, g) for t, g in pairs if t.requires_grad]
    graph = Graph(outputs)
    values, changed = graph.replay(), graph.changed
    trace = Trace(keep, tuple(outputs), graph, nesting=nest(graph), changed=changed)
    trace.stale = bool(changed) or any(not same(values[node_of(t)], t.data) for t, _ in roots)
    fill(trace, seeded(*zip(*roots)) if backward and roots else (), values)
    return trace


def fill(trace: Trace, seeds: Seeds, values: dict[Node, Array]) -> None:
    """Writes values into a trace, and what a walk over them gives, if there are seeds."""
    if seeds:
        walk(seeds, Recorder(trace, seeds), values=values)
    trace.values = {node: KEEP[trace.keep](x) for node, x in values.items()}


@contextmanager
def _watched(keep: str) -> Iterator[list[Trace]]:
    """A list that gets the trace of each backward pass inside, as the program itself runs it."""
    passes: list[Trace] = []
    values: dict[Node, Snapshot] = {}
    heads: dict[Node, Array] = {}  # the results nothing was computed from yet
    taken: dict[Node, int] = {}  # when the value of a leaf was: an optimiser may change it since

    def after_forward(node: Node, out: Array) -> None:
        values[node], heads[node] = KEEP[keep](out), out
        for p in node.predecessors:
            heads.pop(p, None)
            if p.value is not None and (p not in taken or p.written_since(taken[p])):
                values[p], taken[p] = KEEP[keep](p.value), node.seq

    def before_backward(seeds: Seeds) -> Recorder:
        passes.append(begun(seeds, keep, values, heads))
        return Recorder(passes[-1], seeds)

    with watching(after_forward, before_backward):
        yield passes


def begun(seeds: Seeds, keep: str, values: dict[Node, Snapshot], heads: dict[Node, Array]) -> Trace:
    """The trace of a walk that begins; values that are not known yet are replayed and added."""
    graph = Graph([node for node, _ in seeds])
    if any(node not in values for node in graph.nodes):
        again = graph.replay()
        heads.update((node, again[node]) for node, _ in seeds)
        values.update((n, KEEP[keep](x)) for n, x in again.items() if n not in values)
    outputs = tuple(node.tensor(heads[node]) for node, _ in seeds)
    known = {node: values[node] for node in graph.nodes}
    return Trace(keep, outputs, graph, known, nesting=nesting_of(graph))


def regrouped(trace: Trace, nesting: Nesting) -> Trace:
    """The same numbers in other groups; sums over borders need arrays to be kept."""
    out = replace(trace, nesting=nesting, borders={})
    if trace.keep != "arrays":
        return out
    for (node, i), groups in nesting.crossings().items():
        if (node, i) in trace.contributions:
            p, x = node.parent(i), trace.contributions[node, i]
            for group in groups:
                total = out.borders.get((group, p))
                out.borders[group, p] = x if total is None else total + x
    return out


def nesting_of(graph: Graph) -> Nesting:
    """The groups of a computation as they are drawn by default."""
    return nested(grouped(graph.computed), graph.nodes)


def same(one: Array, other: Array) -> bool:
    """Whether two arrays hold the same numbers; NaN equals NaN."""
    if one.shape != other.shape:
        return False
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f" == other.dtype.kind)
