"""Passes over graphs of one structure, as a training makes them: their numbers, and no graphs.

The first pass is kept as its trace; of each further one only what may differ from pass to pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from microgradnd.graph import Graph, Node, Operand
from viz.capture.summary import Summary, summarise
from viz.capture.trace import Snapshot, Trace
from viz.model.phrases import phrase_of
from viz.style.text import brief

_TABLES = ("values", "gradients", "contributions", "running", "shares", "borders", "seeds")


class _Word(str):
    """An option in words, which stands for itself."""

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Said:
    """What an operation says besides numbers of tensors, where it differs from the first pass.

    Attributes:
        options: those that are not the defaults, in words.
        numbers: by index, the operands that are plain numbers.
        text: what it does, in a few characters.
    """

    options: dict[str, Any]
    numbers: dict[int, Any]
    text: str


@dataclass(frozen=True)
class Moment:
    """The numbers of one backward pass.

    Attributes:
        call: its number among those that the program made, from 1.
        tables: of a trace, each in the order of the first pass.
        constants: their values, in the order of their first uses.
        said: by number of the node, what operations say otherwise than in the first pass.
    """

    call: int
    tables: dict[str, tuple[Snapshot | None, ...]]
    constants: tuple[Summary, ...]
    said: dict[int, Said] = field(default_factory=dict)

    @property
    def loss(self) -> float:
        """The sum of what was differentiated, which is mostly one number."""
        heads = self.tables["heads"]
        return sum(x.total for x in heads if isinstance(x, Summary))


class Moments:
    """Backward passes of one structure.

    Attributes:
        first: the trace of the first; its graph is that of all.
        kept: the moments.
    """

    def __init__(self) -> None:
        self.first: Trace | None = None
        self.kept: list[Moment] = []
        self.structure: tuple[list[Any], list[tuple[int, ...]]] = ([], [])
        self.keys: dict[str, list[Any]] = {}

    def fits(self, graph: Graph) -> bool:
        """Whether a pass over a graph can be one of the moments: arrays have the same shapes.

        Raises:
            ValueError: it is another computation than that of the first pass.
        """
        if self.first is None:
            return True
        (before, shapes), (now, others) = self.structure, _structure(graph)
        for number, (one, other) in enumerate(zip(before, now, strict=False), start=1):
            if one != other:
                raise ValueError(_difference(number, one, other))
        if len(before) != len(now):
            raise ValueError(_difference(0, len(before), len(now)))
        return shapes == others

    def add(self, call: int, trace: Trace, constants: tuple[Summary, ...]) -> None:
        """Keeps the numbers of a pass that is over."""
        if self.first is None:
            self.first, self.structure = trace, _structure(trace.graph)
            self.keys = {name: list(_packed(trace, name)) for name in _TABLES}
        packed = {name: _packed(trace, name) for name in _TABLES}
        tables: dict[str, tuple[Snapshot | None, ...]] = {
            name: tuple(packed[name].get(key) for key in keys) for name, keys in self.keys.items()
        }
        tables["heads"] = tuple(trace.values[node] for node in trace.graph.outputs)
        said = {
            k: words
            for k, (one, other) in enumerate(zip(self.first.nodes, trace.nodes, strict=True))
            if not one.is_leaf and (words := _said(other)) != _said(one)
        }
        self.kept.append(Moment(call, tables, constants, said))

    def trace(self, moment: Moment) -> Trace:
        """The trace of a moment, on the graph of the first."""
        assert self.first is not None
        nodes = self.first.nodes
        groups = {g.id: g for g in self.first.groups.groups()} | {None: None}
        tables: dict[str, Any] = {}
        for name, keys in self.keys.items():
            pairs = zip(keys, moment.tables[name], strict=True)
            tables[name] = {_unpacked(k, nodes, groups): x for k, x in pairs if x is not None}
        return replace(self.first, **tables, stale=False, changed=())

    @property
    def summaries(self) -> int:
        """How many a moment has."""
        return sum(len(keys) for keys in self.keys.values())


def constants_of(graph: Graph) -> Iterator[Operand]:
    """The constants of a graph in the order in which pictures number them, each once."""
    known: set[Any] = set()
    for node in graph.nodes:
        for operand in node.operands:
            if operand.kind == "constant" and operand.key not in known:
                known.add(operand.key)
                yield operand


def summarised(graph: Graph) -> tuple[Summary, ...]:
    """The constants as they are now: a program may write the next batch over them."""
    return tuple(summarise(x.value) for x in constants_of(graph))


def _structure(graph: Graph) -> tuple[list[Any], list[tuple[int, ...]]]:
    """What is the same in all passes, operation by operation; and the shapes of all arrays."""
    numbers: dict[Any, int] = {node: k for k, node in enumerate(graph.nodes)}
    known: dict[Any, int] = {operand.key: -1 - k for k, operand in enumerate(constants_of(graph))}
    parts: list[Any] = []
    for node in graph.nodes:
        name = f"leaf {node.name}" if node.is_leaf and node.name else "a leaf"
        operands = [
            None if x.kind == "number" else numbers.get(x.key, known.get(x.key))
            for x in node.operands
        ]
        parts.append((name if node.is_leaf else node.op.name, operands))
    outputs = [numbers[node] for node in graph.outputs]
    shapes = [node.shape for node in graph.nodes] + [x.shape for x in constants_of(graph)]
    return [*parts, ("what is differentiated", outputs)], shapes


def _difference(number: int, one: Any, other: Any) -> str:
    if not number:
        what = f"it has {other} parts, not {one}"
    elif one[0] != other[0]:
        what = f"its part {number} is {other[0]}, not {one[0]}"
    else:
        what = f"its part {number}, {one[0]}, is made of others"
    return (
        f"film: this backward call differentiates another computation than the first: {what}; "
        'film the calls from one tensor alone, viz.film(of="loss"), or one film for each'
    )


def _said(node: Node) -> Said:
    options = {key: _Word(brief(x)) for key, x in node.changed_options.items()}
    numbers = {k: x.value for k, x in enumerate(node.operands)
               if x.kind == "number" and x.value is not None}  # fmt: skip
    return Said(options, numbers, phrase_of(node) if options or numbers else "")


def _packed(trace: Trace, table: str) -> dict[Any, Snapshot]:
    """A table of a trace, by numbers in place of nodes and ids in place of groups."""
    numbers = {node: k for k, node in enumerate(trace.nodes)}

    def key(k: Any) -> Any:
        if not isinstance(k, tuple):
            return numbers[k]
        one, two = k
        if table == "borders":
            return one.id if one is not None else None, numbers[two]
        return numbers[one], two

    return {key(k): x for k, x in getattr(trace, table).items()}


def _unpacked(key: Any, nodes: Any, groups: Any) -> Any:
    if not isinstance(key, tuple):
        return nodes[key]
    one, two = key
    return (groups[one], nodes[two]) if not isinstance(one, int) else (nodes[one], two)
