"""The same computation with fused operations as what they are composed of, to look into them.

Each operation that says what it is composed of (its traits `opened` or `composed`) gives way to
nodes that compute the same; all others stand anew upon them. What only moves elements about, as
the joining of operands into one and the slices of a result that holds several, is left out where
it gives back what there was before.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np

from microgradnd.engine import Tensor, tracked
from microgradnd.grad_mode import recording
from microgradnd.node import Array, Constant, Node, next_seq, reachable
from microgradnd.ops.shape import stack

_ROOM = 1 << 40  # between the labels of two arrays
_MOST = 4_096  # parts that a result is put together of


def expanded(outputs: Sequence[Tensor]) -> list[Tensor]:
    """Tensors with the same values, computed from the same leaves without fused operations.

    Leaves, names, calls of modules and hooks are those of the outputs' graph.

    Raises:
        ValueError: an operation and what it is composed of differ.

    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> expanded([x.exp()])[0].node.op.name
    'exp'
    """
    roots = [t.node for t in outputs if t.node is not None]
    computed = reachable(roots)[0][::-1]
    if not any(_program(node.op) for node in computed):
        return list(outputs)
    made = _Expansion(computed)
    new = [made.new.get(t.node) if t.node is not None else None for t in outputs]
    made.note_calls([x for x in new if isinstance(x, Node)])
    return [
        tracked(made.value(x), x) if isinstance(x, Node) else t
        for t, x in zip(outputs, new, strict=True)
    ]


def _program(op: Any) -> Any:
    """What an operation is composed of; None of one that is not to be looked into."""
    return op.forward if op.opened is True else op.opened or op.composed


class _Expansion:
    """Makes the nodes anew, in order of creation.

    Attributes:
        new: by old node, what is in its place: a node, or a constant.
        values: of the new nodes and the leaves.
        starts: the numbers of the old nodes, with the clock before theirs were made.
        calls: notes of calls, with the clock before and after them.
    """

    def __init__(self, computed: Sequence[Node]) -> None:
        self.new: dict[Node, Any] = {}
        self.values: dict[Node, Array] = {}
        self.labels: dict[Node, Array] = {}  # of what only moves elements, where each is from
        self.joined: dict[tuple, Node] = {}  # what was joined into one, by first label and shape
        self.sources: list[Any] = []  # nodes and constants
        self.places: dict[int, int] = {}  # of the sources, by id
        self.starts: list[tuple[int, int]] = []
        self.calls: list[tuple[tuple, int, int]] = []
        self.ids: dict[int, int] = {}
        for node in computed:
            start = next_seq()
            self.starts.append((node.seq, start))
            program = _program(node.op)
            made = self.composed(node, program) if program else self.again(node)
            self.new[node] = made
            self.ids[id(node)] = id(made)
            self.keep_notes(node, made)

    def value(self, x: Any) -> Any:
        """The value of a new node, a leaf or a constant."""
        if not isinstance(x, Node):
            return x.value if isinstance(x, Constant) else x
        return x.saved if x.plan is None else self.values[x]

    def again(self, node: Node) -> Any:
        """The operation of a node, on the new ones."""
        parents = [self.new.get(p, p) if isinstance(p, Node) else p for p in node.parents]
        value = node.op.run([self.value(p) for p in parents], node.options)
        labels = self.moved(node, parents)
        known = None if labels is None else self.known(labels)
        if known is not None:
            return known
        if not any(isinstance(p, Node) for p in parents):
            return value
        made = _copied(node, parents)
        self.values[made] = value
        if labels is not None:
            self.labels[made] = labels
        return made

    def composed(self, node: Node, program: Any) -> Any:
        """What an operation is composed of, as a call of its own; the node of the result."""
        parents = [self.new.get(p, p) if isinstance(p, Node) else p for p in node.parents]
        given = [self.tensor(p) for p in parents]
        first, token = next_seq(), recording.set(True)
        try:
            out = program(*given, *node.options)
        finally:
            recording.reset(token)
        fused = node.op.run([self.value(p) for p in parents], node.options)
        _check(node, fused, out._array)
        start = next_seq()
        for inner in reachable([out.node])[0][::-1]:
            if inner.seq > first:
                self.new[inner] = self.again(inner)
                self.keep_notes(inner, self.new[inner])
        kind = type(node.op.name, (), {})  # a call says its class
        self.calls.append((("", kind), start, next_seq()))
        return self.new[out.node]

    def moved(self, node: Node, parents: Sequence[Any]) -> Array | None:
        """Where each element is from, of an operation that only moves them; else None."""
        op = node.op
        if not (op.view or (op.variadic and op.linear and not op.contraction)):
            return None
        labels = [self.labels_of(p) for p in parents]
        for p, x in zip(parents, labels, strict=True) if op.variadic else ():
            if isinstance(p, Node) and x.size:
                self.joined[x.flat[0], x.shape] = p
        return op.run(labels, node.options)

    def labels_of(self, x: Any) -> Array:
        if x in self.labels if isinstance(x, Node) else False:
            return self.labels[x]
        if id(x) not in self.places:
            self.places[id(x)] = len(self.sources)
            self.sources.append(x)
        shape = np.shape(x) if not isinstance(x, (Node, Constant)) else x.shape
        return (np.arange(math.prod(shape)) + self.places[id(x)] * _ROOM).reshape(shape)

    def known(self, labels: Array) -> Any:
        """What holds just these elements: one of the sources, or several in a row."""
        whole = self.source(labels)
        if whole is not None or not labels.ndim or not 0 < len(labels) <= _MOST:
            return whole
        parts = [self.source(part) for part in labels]
        if any(p is None for p in parts) or not any(isinstance(p, Node) for p in parts):
            return None
        made = stack([self.tensor(p) for p in parts])
        self.values[made.node], self.labels[made.node] = made._array, labels
        return made.node

    def source(self, labels: Array) -> Any:
        if not labels.size:
            return None
        x = self.sources[int(labels.flat[0]) // _ROOM]
        x = self.joined.get((labels.flat[0], labels.shape), x)
        return x if np.array_equal(labels, self.labels_of(x)) else None

    def tensor(self, x: Any) -> Any:
        """A new node or leaf as a Tensor, of a constant its value."""
        return tracked(self.value(x), x) if isinstance(x, Node) else self.value(x)

    def keep_notes(self, old: Node, made: Any) -> None:
        """Names and hooks go on to the new node; calls are noted when all is made."""
        for key, note in (old.notes or {}).items():
            if key == "calls":
                last = next_seq()
                self.calls += [(call, self.after(call[2]), last) for call in note]
            elif (
                isinstance(made, Node)
                and made.plan is not None
                and (key != "name" or made.name is None)
            ):
                made.note()[key] = note

    def after(self, first: int) -> int:
        """The clock before what stands for the nodes after a moment was made."""
        k = bisect_right(self.starts, (first, next_seq()))
        return self.starts[min(k, len(self.starts) - 1)][1]

    def note_calls(self, roots: Sequence[Node]) -> None:
        """Notes each call on the last of its nodes that something is made of."""
        there = reachable(roots)[0][::-1]
        seqs = [node.seq for node in there]
        for (name, kind, *rest), first, last in self.calls:
            k = bisect_left(seqs, last) - 1
            if k >= 0 and seqs[k] > first:
                inputs = [self.ids.get(x, x) for x in rest[1:]]
                there[k].note().setdefault("calls", []).append((name, kind, first, *inputs))


def _copied(node: Node, parents: Sequence[Any]) -> Node:
    """A node with the same operation and other operands."""
    made = Node()
    mask = sum(isinstance(p, Node) << i for i, p in enumerate(parents))
    alike = node.op.variadic or mask == node.plan.mask
    made.plan = node.plan if alike else node.op.plan(mask, complex=node.plan.complex)
    made.options, made.saved = node.options, None
    made.shape, made.dtype, made.notes, made.seq = node.shape, node.dtype, None, next_seq()
    made.first = made.second = made.many = None
    if node.many is not None:
        made.many = tuple(parents)
    else:
        made.first, made.second = (*parents, None, None)[:2]
    return made


def _check(node: Node, fused: Array, composed: Array) -> None:
    eps = np.finfo(fused.dtype).eps if fused.dtype.kind in "fc" else 0.0
    near = fused.shape == composed.shape and np.allclose(
        fused, composed, rtol=eps**0.5, atol=eps**0.5, equal_nan=True
    )
    if not near:
        raise ValueError(
            f"{node.op.name} gives {fused.shape} and something else than what it is composed of: "
            "it cannot be shown as that"
        )
