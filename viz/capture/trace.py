"""The true numbers of a graph: its values, and one observed walk backward over it.

`trace(outputs)` replays the values from the leaves by the operations' own forward functions, so
they are there whether or not the graph was freed, and walks backward once without touching any
`.grad`. `with trace() as passes:` watches a program's own passes as they happen. Gradients and
contributions are always those of the engine's own walk. Hooks run as in every backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from microgradnd.engine import Tensor, seed, tracked, walk
from microgradnd.grad_mode import observed
from microgradnd.node import Array, Constant, Node, by_seq, reachable
from viz.capture.summary import summarise
from viz.structure.groups import Group, grouped
from viz.structure.homes import Homes, Use, homes

if TYPE_CHECKING:
    import networkx as nx

Kept = Any  # what a trace keeps of an array: a Summary, or a copy of it with keep="arrays"
KEEP: dict[str, Callable[[Array], Kept]] = {"summaries": summarise, "arrays": np.array}


@dataclass
class Trace:
    """Every number of one forward and one backward pass: as `Summary`, or in full.

    Attributes:
        keep: "summaries" or "arrays": what stands in the four tables of numbers.
        outputs: the tensors that were traced.
        nodes: what they were computed from, and they themselves, in order of creation.
        values: of each node.
        gradients: of each node the walk reached, after its hooks; empty without a backward pass.
        contributions: by operation and operand index, what it added to that operand's gradient,
            in the order of the walk.
        seeds: the gradients the walk started from.
        steps: by operation, when it was walked: 1 for the first.
        running: by operation and operand index, where a gradient is the sum of several
            contributions: what the sum was after this one.
        borders: by group (None: all that is not in focus) and node, what a group that uses the
            node in several places adds to its gradient: the sum of these contributions.
        homes: the groups of the computation (modules' calls, repeated steps, ...), and where each
            node is at home in them, see `viz.groups` and `viz.homes`.
        hooked: the nodes whose hooks made the gradient another one than the sum.
        changed: leaves that were written to since something was computed from them.
        stale: whether the replayed values may differ from those of the forward pass.
    """

    keep: str
    outputs: tuple[Tensor, ...] = ()
    nodes: tuple[Node, ...] = ()
    values: dict[Node, Kept] = field(default_factory=dict)
    gradients: dict[Node, Kept] = field(default_factory=dict)
    contributions: dict[Use, Kept] = field(default_factory=dict)
    running: dict[Use, Kept] = field(default_factory=dict)
    borders: dict[tuple[Group | None, Node], Kept] = field(default_factory=dict)
    homes: Homes = field(default_factory=lambda: Homes(Group("", "graph")))
    seeds: dict[Node, Kept] = field(default_factory=dict)
    steps: dict[Node, int] = field(default_factory=dict)
    hooked: set[Node] = field(default_factory=set)
    changed: tuple[Node, ...] = ()
    stale: bool = False

    @property
    def groups(self) -> Group:
        """The tree of groups of the computation."""
        return self.homes.groups

    def to_networkx(self) -> nx.MultiDiGraph:
        """The trace as a networkx.MultiDiGraph; `viz.graph` tells its attributes."""
        from viz.model.graph import build

        return build(self)

    def __repr__(self) -> str:
        return f"<Trace of {len(self.nodes)} tensors, {len(self.steps)} backward steps>"


class Observer:
    """Writes what a walk does into a Trace, as the engine's observer."""

    def __init__(self, found: Trace, seeds: Iterable[tuple[Node, Any]]) -> None:
        self.found, self.kept = found, KEEP[found.keep]
        self.latest: dict[Node, tuple[Array, Kept]] = {}  # contributions not yet added up
        self.sums: dict[Node, Array] = {}  # of all contributions, before hooks ran
        self.crossings = found.homes.crossings()
        self.crossed: dict[
            Node, dict[Group | None, Array]
        ] = {}  # the sums of what groups contribute
        uses = found.homes.uses
        self.added = {node for node in found.nodes if len(uses.get(node, ())) > 1}
        self.added |= {node for node in found.nodes if node.notes and node.notes.get("hooks")}
        starts: dict[Node, Array] = {}
        for node, g in seeds:
            x = getattr(g, "_data", g)
            starts[node] = starts[node] + x if node in starts else x
        for node, x in starts.items():
            found.seeds[node] = self.kept(x)
            if node in uses:
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
        x, found = getattr(x, "_data", x), self.found
        if i is None:
            array, kept = self.latest.pop(node, (None, None))
            # A single contribution is the gradient: it is summarised once.
            found.gradients[node] = kept if array is x else self.kept(x)
            if node.plan is not None:
                found.steps[node] = len(found.steps) + 1
            if node in self.sums and not same(self.sums.pop(node), x):
                found.hooked.add(node)
            for group, total in self.crossed.pop(node, {}).items():
                found.borders[group, node] = self.kept(total)
            return
        p = node.parents[i]
        kept = found.contributions[node, i] = self.kept(x)
        self.latest[p] = x, kept
        if self.add(p, x):
            found.running[node, i] = self.kept(self.sums[p])
        elif p in self.added:
            found.running[node, i] = kept
        for group in self.crossings.get((node, i), ()):
            totals = self.crossed.setdefault(p, {})
            totals[group] = totals[group] + x if group in totals else x


@overload
def trace(
    outputs: None = None, grad: None = None, *, keep: str = ...
) -> AbstractContextManager[list[Trace]]: ...
@overload
def trace(
    outputs: Tensor | Sequence[Tensor], grad: Any = None, *, backward: bool = ..., keep: str = ...
) -> Trace: ...


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
    >>> found = trace(y)
    >>> [found.contributions[y.node, i].scalar for i in (0, 1)], found.gradients[x.node].scalar
    ([3.0, 3.0], 6.0)
    >>> with trace() as passes:
    ...     (x * 2.0).backward()
    >>> passes
    [<Trace of 2 tensors, 1 backward steps>]
    """
    if keep not in KEEP:
        raise ValueError(f"keep={keep!r} is unknown: one of {', '.join(KEEP)}")
    if outputs is None:
        return watched(keep)
    return replay(*several(outputs, grad), backward, keep, homes_of)


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


def replay(
    outputs: Sequence[Tensor],
    given: Sequence[Any],
    backward: bool,
    keep: str,
    at_home: Callable[[Sequence[Node]], Homes],
) -> Trace:
    """The trace of a graph that is there already."""
    roots = [(t, g) for t, g in zip(outputs, given, strict=True) if t.node is not None]
    computed, leaves = reachable(dict.fromkeys(t.node for t, _ in roots if t.node is not None))
    nodes = tuple(sorted([*computed, *leaves], key=by_seq))
    changed = tuple(sorted(changed_leaves(computed), key=by_seq))
    values = replayed(nodes, changed)
    differs = (not same(values[t.node], t._data) for t, _ in roots if t.node is not None)
    found = Trace(keep, tuple(outputs), nodes, homes=at_home(nodes), changed=changed)
    found.stale = bool(changed) or any(differs)
    if backward and roots:

        def saved_of(node: Node) -> Any:
            assert node.plan is not None
            return node.plan.pick([operand_value(p, values) for p in node.parents], values[node])

        seeds = seed([t for t, _ in roots], [g for _, g in roots])
        walk(seeds, None, True, observer=Observer(found, seeds), saved_of=saved_of)
    found.values = {node: KEEP[keep](x) for node, x in values.items()}
    return found


@contextmanager
def watched(keep: str) -> Iterator[list[Trace]]:
    """A list that gets the trace of each backward pass inside, as the program itself runs it."""
    passes: list[Trace] = []
    values: dict[Node, Kept] = {}
    heads: dict[Node, Array] = {}  # the results nothing was computed from yet
    taken: dict[Node, int] = {}  # when the value of a leaf was: an optimiser may change it since

    def after_forward(node: Node, out: Array) -> None:
        values[node], heads[node] = KEEP[keep](out), out
        for p in node.parents:
            if isinstance(p, Node):
                heads.pop(p, None)
                if p.plan is None and p.note().get("changed", 0) >= taken.get(p, 0):
                    values[p], taken[p] = KEEP[keep](p.saved), node.seq

    def watch(seeds: Sequence[tuple[Node, Any]]) -> Observer:
        passes.append(begun(seeds, keep, values, heads))
        return Observer(passes[-1], seeds)

    with observed(after_forward, watch):
        yield passes


def begun(
    seeds: Sequence[tuple[Node, Any]],
    keep: str,
    values: dict[Node, Kept],
    heads: dict[Node, Array],
) -> Trace:
    """The trace of a walk that begins; values that are not known yet are replayed and added."""
    computed, leaves = reachable(dict.fromkeys(node for node, _ in seeds))
    nodes = tuple(sorted([*computed, *leaves], key=by_seq))
    if any(node not in values for node in nodes):
        again = replayed(nodes)
        heads.update((node, again[node]) for node, _ in seeds)
        values.update((n, KEEP[keep](x)) for n, x in again.items() if n not in values)
    roots = tuple(tracked(heads[node], node) for node, _ in seeds)
    known = {node: values[node] for node in nodes}
    return Trace(keep, roots, nodes, known, homes=homes_of(nodes))


def regrouped(found: Trace, new: Homes) -> Trace:
    """The same numbers in other groups; sums over borders need arrays to be kept."""
    out = replace(found, homes=new, borders={})
    if found.keep != "arrays":
        return out
    for use, groups in new.crossings().items():
        if use in found.contributions:
            for group in groups:
                key = group, use[0].parents[use[1]]
                x = found.contributions[use]
                out.borders[key] = out.borders[key] + x if key in out.borders else x
    return out


def homes_of(nodes: Sequence[Node]) -> Homes:
    return homes(grouped([node for node in nodes if node.plan is not None]), nodes)


def operand_value(parent: Any, values: dict[Node, Array]) -> Any:
    """The value of an operand: a node's, a named constant's, or the array or number itself."""
    if isinstance(parent, Node):
        return values[parent]
    return parent.value if isinstance(parent, Constant) else parent


def replayed(nodes: Sequence[Node], changed: Sequence[Node] = ()) -> dict[Node, Array]:
    """The value of each node, computed from the leaves; nodes must come in order of creation.

    Leaves are used as they lie in memory, because the last bits of a matrix product depend on
    it. Only those that were changed are copied: the engine refuses to walk over them otherwise.
    """
    values: dict[Node, Array] = {}
    for node in nodes:
        if node.op is None:
            assert node.saved is not None
            values[node] = node.saved.copy() if node in changed else node.saved
        else:
            operands = [operand_value(p, values) for p in node.parents]
            with np.errstate(all="ignore"):
                values[node] = node.op.run(operands, options=node.options)
    return values


def changed_leaves(computed: Sequence[Node]) -> set[Node]:
    """The leaves that were changed after one of the computed nodes had used them."""
    return {
        p
        for node in computed
        for p in node.parents
        if isinstance(p, Node) and p.notes is not None and p.notes.get("changed", 0) > node.seq
    }


def same(one: Array, other: Array) -> bool:
    """Whether two arrays hold the same numbers; NaN equals NaN."""
    if one.shape != other.shape:
        return False
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f" == other.dtype.kind)
