"""Which parts of two computations correspond, when the programs are the same but for a detail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from microgradnd.graph import Node
from viz.capture.trace import Trace
from viz.structure.nesting import Key


@dataclass(frozen=True)
class Alignment:
    """Pairs of what corresponds; each part is in one pair at most.

    Attributes:
        operations: by operation of the first computation, that of the second.
        tensors: by tensor or constant of the first (by key), that of the second.
    """

    operations: dict[Node, Node] = field(default_factory=dict)
    tensors: dict[Key, Key] = field(default_factory=dict)


def _exact(node: Node) -> Any:
    """Operations of equal kind, on operands of equal shapes and the same parameters."""
    leaves = [p.name for p in node.operands if p.kind == "leaf" or p.name]
    return node.op.name, node.shape, *(p.shape for p in node.operands), *leaves


def _alike(node: Node) -> Any:
    """Operations of equal kind, whatever their sizes."""
    return node.op.name, len(node.operands)


def _in_place_of(node: Node) -> Any:
    """Another operation of the same shape, as sigmoid in the place of ReLU."""
    return node.shape, len(node.predecessors)


_LEVELS: tuple[Callable[[Node], Any], ...] = (_exact, _alike, _in_place_of)


def matches(
    a: Sequence[Node], b: Sequence[Node], levels: Sequence[Callable[[Node], Any]] = _LEVELS
) -> Iterator[tuple[Node, Node]]:
    """Pairs of two sequences, in order: what is equal, then in the gaps between what is alike."""
    if not levels or not a or not b:
        return
    token, *others = levels
    one, other = [token(node) for node in a], [token(node) for node in b]
    start = _ends_alike(one, other)
    stop = _ends_alike(one[start:][::-1], other[start:][::-1])
    blocks = [(0, 0, start)]
    middle = one[start : len(one) - stop], other[start : len(other) - stop]
    found = SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks()
    blocks += [(i + start, j + start, size) for i, j, size in found if size]
    blocks += [(len(one) - stop, len(other) - stop, stop), (len(one), len(other), 0)]
    at_a = at_b = 0
    for i, j, size in blocks:
        yield from matches(a[at_a:i], b[at_b:j], others)
        yield from zip(a[i : i + size], b[j : j + size], strict=True)
        at_a, at_b = i + size, j + size


def _ends_alike(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many elements two sequences have in common from their start."""
    pairs = zip(one, other, strict=False)
    return next((k for k, (x, y) in enumerate(pairs) if x != y), min(len(one), len(other)))


def aligned(a: Trace, b: Trace) -> Alignment:
    """What corresponds in two traces: operations by their order, tensors by what they are for."""
    found = Alignment(dict(matches(a.graph.computed, b.graph.computed)))
    taken: set[Key] = set()

    def pair(x: Key, y: Key) -> None:
        if x not in found.tensors and y not in taken:
            found.tensors[x] = y
            taken.add(y)

    for op, its in found.operations.items():
        pair(op, its)
    named = {node.name: node for node in b.graph.leaves if node.name}
    for node in a.graph.leaves:
        if node.name in named:
            pair(node, named[node.name])
    for op, its in found.operations.items():
        if len(op.operands) == len(its.operands):
            for p, q in zip(op.operands, its.operands, strict=True):
                if all(x.kind in ("leaf", "constant") for x in (p, q)):  # no operation made them
                    pair(p.key, q.key)
    return found
