"""What pictures and tables call the parts of a trace: ids in order of creation, and titles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from microgradnd import Tensor
from microgradnd.graph import Node, Operand, operand_of
from viz.structure.nesting import Key, Nesting
from viz.style.text import one_line


class _Traced(Protocol):
    """What must be known of a computation to number its parts; a Trace does."""

    @property
    def outputs(self) -> Sequence[Tensor]: ...
    @property
    def nodes(self) -> Sequence[Node]: ...
    @property
    def nesting(self) -> Nesting: ...


@dataclass(frozen=True)
class Ids:
    """The ids of a trace's tensors ("t-1") and operations ("op-1"), as in its picture.

    Attributes:
        nesting: the groups they stand in.
        tensors: by key: by node, of constants by `Operand.key`.
        operations: by node.
        constants: by key.
    """

    nesting: Nesting
    tensors: dict[Key, str] = field(default_factory=dict)
    constants: dict[Key, Operand] = field(default_factory=dict)
    operations: dict[Node, str] = field(default_factory=dict)

    def edge(self, node: Node, i: int) -> str:
        """The id of the edge into an operation from one of its operands."""
        return f"e-{self.operations[node][3:]}-{i}"

    def result(self, node: Node) -> str:
        """The id of the edge from an operation to its result."""
        return f"e-{self.operations[node][3:]}-out"

    def title(self, what: Node | Operand) -> str:
        """A tensor's name, or the number of its record."""
        return one_line(what.name) if what.name else f"#{self.tensors[what.key][2:]}"

    def where(self, node: Node) -> str:
        """Where a node stands: module, operation and name, e.g. "layers.0: relu → h"."""
        if node.is_leaf:
            return self.title(node)
        group = self.nesting.group_of.get(node)
        path = group.path() if group else ""
        name = f"{one_line(path)}: {node.op.name}" if path else node.op.name
        return f"{name} → {self.title(node)}"


def ids_of(trace: _Traced) -> Ids:
    """The ids of a trace, counted in order of creation."""
    out = Ids(trace.nesting)
    numbers = count(1)
    for what in _in_order(trace):
        key = what.key
        if key in out.tensors:
            continue
        if isinstance(what, Operand):
            out.constants[key] = what
        elif not what.is_leaf:
            out.operations[what] = f"op-{len(out.operations) + 1}"
        out.tensors[key] = f"t-{next(numbers)}"
    return out


def _in_order(trace: _Traced) -> Iterator[Node | Operand]:
    """All tensors of a trace: constants where they are first used, nodes as they were created."""
    for node in trace.nodes:
        yield from (x for x in node.operands if x.kind == "constant")
        yield node
    yield from (operand_of(t) for t in trace.outputs if not t.requires_grad)
