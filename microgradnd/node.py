"""Nodes: what a computation leaves behind, and ways through them.

Nodes point only at the nodes and constants they were computed from, never at Tensors: a graph has
no reference cycles, so it is freed at once when the last Tensor of it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from microgradnd.declaration import Op
    from microgradnd.plan import Plan

Array = np.ndarray
MaybeNone: TypeAlias = Any  # `X | MaybeNone` may be None where the code around knows better
next_seq = count(1).__next__
by_seq = attrgetter("seq")
saved_by = attrgetter("saved")


class Node:
    """One recorded operation, or a leaf (then `plan` is None and `saved` holds its array)."""

    # The operands stand in slots of their own, not in a tuple: half as many objects for Python's
    # garbage collector to visit, which took a third of the time of a chain of 100,000 operations.
    # fmt: off
    __slots__ = ("plan", "first", "second", "many", "saved", "options", "shape", "dtype", "seq",
                 "notes")
    # fmt: on
    plan: Plan | MaybeNone
    first: Any
    second: Any
    many: Sequence | None  # all operands, where the operation does not take one or two
    saved: Any  # what the rules need, an array or a tuple of them; None once freed
    options: tuple  # in the order of the op's options
    shape: tuple[int, ...]
    # Of complex nodes it is NumPy's scalar type, equal to the dtype and identical to none: an array
    # whose dtype is identical to that of a tracked operand is real, which callers need not ask.
    dtype: np.dtype | type
    seq: int  # grows in order of creation; backward is a walk in falling order of it
    notes: dict[str, Any] | MaybeNone  # rarely used: name, hooks, target, changed, calls, where

    @property
    def parents(self) -> Sequence:
        """The operands: a Node where one requires a gradient, else the constant itself."""
        if self.plan is None:
            return ()
        if self.many is not None:
            return self.many
        return (self.first, self.second)[: len(self.plan.op.operands)]

    @property
    def op(self) -> Op | MaybeNone:
        return None if self.plan is None else self.plan.op

    @property
    def name(self) -> str | None:
        return None if self.notes is None else self.notes.get("name")

    def note(self) -> dict[str, Any]:
        if self.notes is None:
            self.notes = {}
        return self.notes


class Call(NamedTuple):
    """A call of a module, noted on the last node it made: it made those after `first`."""

    name: str  # of the module, within the module around it
    kind: str  # its class
    first: int  # no node of the call has this number or a smaller one
    inputs: tuple[int, ...] = ()  # the ids of its arguments' nodes, of constants their arrays'


class Constant:
    """A constant operand that has a name; unnamed ones stand in `Node.parents` as they are."""

    __slots__ = ("value", "name")

    def __init__(self, value: Array, name: str) -> None:
        self.value, self.name = value, name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape


def dtype_for(array: Array) -> np.dtype | type:
    """The dtype of the node of a value."""
    return array.dtype.type if array.dtype.kind == "c" else array.dtype


def reachable(roots: Iterable[Node]) -> tuple[list[Node], list[Node]]:
    """The computed nodes below the roots, last created first, and the leaves."""
    nodes: list[Node] = []
    leaves: list[Node] = []
    stack = list(dict.fromkeys(roots))
    seen = set(stack)
    pop, push, see = stack.pop, stack.append, seen.add
    while stack:
        node = pop()
        while node.plan is not None:  # down the first operands: a chain never comes on the stack
            nodes.append(node)
            p, q = node.first, node.second
            if type(q) is Node and q not in seen:
                see(q)
                push(q)
            if node.many is not None:
                for q in node.many:
                    if type(q) is Node and q not in seen:
                        see(q)
                        push(q)
            if type(p) is not Node or p in seen:
                break
            see(p)
            node = p
        else:
            leaves.append(node)
    nodes.sort(key=by_seq, reverse=True)
    return nodes, leaves


def leading_to(targets: Iterable[Node], nodes: list[Node]) -> set[Node]:
    """The targets, and those of the nodes (last created first) from which one can be reached."""
    needed = set(targets)
    for node in reversed(nodes):
        if any(type(p) is Node and p in needed for p in node.parents):
            needed.add(node)
    return needed
