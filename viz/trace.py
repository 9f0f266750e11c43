"""The true numbers of a graph: its values replayed, one observed walk backward over it.

Values are computed again from the leaves by the operations' own forward functions, so they are
there whether or not the graph was freed. Gradients and contributions are those of the engine's
own walk; `.grad` of no tensor is touched. Hooks run as they do in every backward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microgradnd.engine import Tensor, seed, walk
from microgradnd.graph import Array, Constant, Node, by_seq, reachable


@dataclass(frozen=True)
class Trace:
    """Every number of one forward and one backward pass.

    Attributes:
        outputs: the tensors that were traced.
        nodes: what they were computed from, and they themselves, in order of creation.
        values: the array of each node.
        gradients: of each node the walk reached, after its hooks; empty without a backward pass.
        contributions: by operation and operand index, what it added to that operand's gradient,
            in the order of the walk.
        seeds: the gradients the walk started from.
        steps: by operation, when it was walked: 1 for the first.
        changed: leaves that were written to since something was computed from them.
        stale: whether the replayed values may differ from those of the forward pass.
    """

    outputs: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    values: dict[Node, Array]
    gradients: dict[Node, Array]
    contributions: dict[tuple[Node, int], Array]
    seeds: dict[Node, Array]
    steps: dict[Node, int]
    changed: tuple[Node, ...]
    stale: bool


def trace(outputs: Sequence[Tensor], gradients: Sequence[Any], *, backward: bool = True) -> Trace:
    """Replays the graph of the outputs and walks it backward once, under observation.

    Args:
        outputs: tensors; those that require no gradient are not walked from.
        gradients: one per output to start from, None for 1 (of a scalar).
        backward: False replays the values only.

    Raises:
        GraphError: an output is no scalar and has no gradient, as in `Tensor.backward`.
        ValueError: a gradient has another shape than its output.

    >>> from microgradnd import Tensor
    >>> x = Tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> found = trace([y], [None])
    >>> [float(found.contributions[y.node, i]) for i in (0, 1)], float(found.gradients[x.node])
    ([3.0, 3.0], 6.0)
    """
    tracked = [(t, g) for t, g in zip(outputs, gradients, strict=True) if t.node is not None]
    roots = dict.fromkeys(t.node for t, _ in tracked if t.node is not None)
    computed, leaves = reachable(roots)
    nodes = tuple(sorted([*computed, *leaves], key=by_seq))
    changed = tuple(sorted(changed_leaves(computed), key=by_seq))
    values = replayed(nodes, changed)
    differs = (not same(values[t.node], t._data) for t, _ in tracked if t.node is not None)
    stale = bool(changed) or any(differs)
    found: dict[Node, Array] = {}
    contributions: dict[tuple[Node, int], Array] = {}
    seeds: dict[Node, Array] = {}
    steps: dict[Node, int] = {}
    if backward and tracked:

        def observe(node: Node, i: int, contribution: Any) -> None:
            steps.setdefault(node, len(steps) + 1)
            contributions[node, i] = contribution

        def saved_of(node: Node) -> Any:
            assert node.plan is not None
            return node.plan.pick([operand_value(p, values) for p in node.parents], values[node])

        starts = seed([t for t, _ in tracked], [g for _, g in tracked])
        starts = [(node, getattr(g, "_data", g)) for node, g in starts]
        for node, g in starts:
            seeds[node] = seeds[node] + g if node in seeds else g
        # naming every node as a target makes the walk hand over each gradient after its hooks
        found = walk(starts, dict.fromkeys(nodes), True, observer=observe, saved_of=saved_of)
    kept = {node: x.copy() if may_change(node, x) else x for node, x in values.items()}
    return Trace(tuple(outputs), nodes, kept, found, contributions, seeds, steps, changed, stale)


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


def may_change(node: Node, value: Array) -> bool:
    """Whether the array is, or may be a view of, one that its owner can write to."""
    return node.op is None or value.base is not None


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
