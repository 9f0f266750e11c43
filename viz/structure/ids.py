"""What pictures and tables call the parts of a trace: ids in order of creation, and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from microgradnd.node import Constant, Node
from viz.structure.homes import Homes, is_number, key_of
from viz.style.text import one_line

if TYPE_CHECKING:
    from viz.capture.trace import Trace


@dataclass(frozen=True)
class Ids:
    """The ids of a trace's tensors ("t-1") and operations ("op-1"), as in its picture.

    Attributes:
        tensors: by node, of constants by `viz.homes.key_of`.
        operations: by node.
        constants: by key, as they stand in the graph.
        homes: the groups they stand in.
    """

    homes: Homes
    tensors: dict[Any, str] = field(default_factory=dict)
    constants: dict[Any, Any] = field(default_factory=dict)
    operations: dict[Node, str] = field(default_factory=dict)

    def edge(self, node: Node, i: int) -> str:
        """The id of the edge into an operation from one of its operands."""
        return f"e-{self.operations[node][3:]}-{i}"

    def result(self, node: Node) -> str:
        """The id of the edge from an operation to its result."""
        return f"e-{self.operations[node][3:]}-out"

    def title(self, operand: Any) -> str:
        """A tensor's name, or the number of its record."""
        name = getattr(operand, "name", None)
        return one_line(name) if name else f"#{self.tensors[key_of(operand)][2:]}"

    def where(self, node: Node) -> str:
        """Where a node stands: module, operation and name, e.g. "layers.0: relu → h"."""
        if node.plan is None:
            return self.title(node)
        home = self.homes.of.get(node)
        path = home.path() if home else ""
        words = f"{one_line(path)}: {node.op.name}" if path else str(node.op.name)
        return f"{words} → {self.title(node)}"


def ids_of(found: Trace) -> Ids:
    """The ids of a trace, counted as `viz.model.graph.build` counts them."""
    out = Ids(found.homes)
    numbers = count(1)
    for operand in in_order(found):
        key = key_of(operand)
        if key in out.tensors:
            continue
        if not isinstance(operand, Node):
            out.constants[key] = operand
        elif operand.plan is not None:
            out.operations[operand] = f"op-{len(out.operations) + 1}"
        out.tensors[key] = f"t-{next(numbers)}"
    return out


def in_order(found: Trace) -> Iterator[Any]:
    """All tensors of a trace: constants where they are first used, nodes as they were created."""
    for node in found.nodes:
        for operand in node.parents:
            if not isinstance(operand, Node) and not is_number(operand):
                yield operand
        yield node
    for t in found.outputs:
        if t.node is None:
            yield Constant(t._data, t.name) if t.name else t._data
