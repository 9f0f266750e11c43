"""Which parts of two computations correspond, when the programs are the same but for a detail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from microgradnd.node import Constant, Node
from viz.capture.trace import Trace
from viz.structure.homes import is_number, key_of


@dataclass(frozen=True)
class Alignment:
    """Pairs of what corresponds; each part is in one pair at most.

    Attributes:
        operations: by operation of the first computation, that of the second.
        tensors: by tensor or constant of the first (`viz.homes.key_of`), that of the second.
    """

    operations: dict[Node, Node] = field(default_factory=dict)
    tensors: dict[Any, Any] = field(default_factory=dict)


def shape_of(operand: Any) -> tuple[int, ...]:
    return np.shape(getattr(operand, "value", operand)) if not isinstance(operand, Node) else (
        operand.shape
    )  # fmt: skip


def exact(node: Node) -> Any:
    """Operations of equal kind, on operands of equal shapes and the same parameters."""
    leaves = [p.name for p in node.parents if is_leaf(p) and not is_number(p)]
    return node.op.name, node.shape, *map(shape_of, node.parents), *leaves


def alike(node: Node) -> Any:
    """Operations of equal kind, whatever their sizes."""
    return node.op.name, len(node.parents)


def in_place_of(node: Node) -> Any:
    """Another operation of the same shape, as sigmoid in the place of ReLU."""
    return node.shape, sum(isinstance(p, Node) for p in node.parents)


LEVELS: tuple[Callable[[Node], Any], ...] = (exact, alike, in_place_of)


def is_leaf(operand: Any) -> bool:
    return isinstance(operand, Constant) or (isinstance(operand, Node) and operand.plan is None)


def matches(
    a: Sequence[Node], b: Sequence[Node], levels: Sequence[Callable[[Node], Any]] = LEVELS
) -> Iterator[tuple[Node, Node]]:
    """Pairs of two sequences, in order: what is equal, then in the gaps between what is alike."""
    if not levels or not a or not b:
        return
    token, *others = levels
    one, other = [token(node) for node in a], [token(node) for node in b]
    start = ends_alike(one, other)
    stop = ends_alike(one[start:][::-1], other[start:][::-1])
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


def ends_alike(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many elements two sequences have in common from their start."""
    pairs = zip(one, other, strict=False)
    return next((k for k, (x, y) in enumerate(pairs) if x != y), min(len(one), len(other)))


def aligned(a: Trace, b: Trace) -> Alignment:
    """What corresponds in two traces: operations by their order, tensors by what they are for."""
    one, other = ([node for node in t.nodes if node.plan is not None] for t in (a, b))
    found = Alignment(dict(matches(one, other)))
    taken: set[Any] = set()

    def pair(x: Any, y: Any) -> None:
        x, y = key_of(x), key_of(y)
        if x not in found.tensors and y not in taken:
            found.tensors[x] = y
            taken.add(y)

    for op, its in found.operations.items():
        pair(op, its)
    named = {node.name: node for node in b.nodes if node.plan is None and node.name}
    for node in a.nodes:
        if node.plan is None and node.name in named:
            pair(node, named[node.name])
    for op, its in found.operations.items():
        if len(op.parents) == len(its.parents):
            for p, q in zip(op.parents, its.parents, strict=True):
                if not is_number(p) and not is_number(q) and not made(p) and not made(q):
                    pair(p, q)
    return found


def made(operand: Any) -> bool:
    return isinstance(operand, Node) and operand.plan is not None
