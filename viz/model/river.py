"""The records of a river picture: an operation and its result are one, leaves stand beside it.

`records_of` reads a picture's model (made without tags) and says, for each record, what stands
beside it, which contributions it names in words, and between which records wires run. It knows
nothing of how things are drawn or where they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from viz.capture.summary import Summary
from viz.model.elements import (
    ClosedGroup,
    Edge,
    Elsewhere,
    OpenGroup,
    Operation,
    PictureModel,
    Tag,
    TensorRecord,
)
from viz.model.phrases import short
from viz.style.text import one_line

MOST_WIRES = 4  # uses of a leaf; one of more stands once, at the side, and its users name it
_MOST_OF_WEIGHT = 2  # the same of a leaf that is a weight
_MOST_FAN = 8  # uses of a result that have wires
_MOST_STEPS = 2  # steps of a loop to which a result has wires


@dataclass(eq=False)
class Record:
    """What one box of the picture shows.

    Attributes:
        id: of its first node: of the operation, the group, the tensor.
        operation, tensor, group, more, tag: the nodes that it shows; an operation comes with its
            result, the tensor of a group is its main result.
        result: the edge from the operation to its result.
        beside: leaves that it alone uses, each with the edge of the use.
        named: edges of uses that have no wire: their contributions are named in the record.
        names: by the id of a named edge, what is used there.
        uses: of a leaf, the edges of all its uses, in order.
        views: of a leaf, operations that only show it otherwise (a transpose, a reshape): what
            uses their results uses the leaf.
        within: the open groups that hold nothing but it, the outer before the inner.
        shared: whether it is a leaf that stands at the side of the picture, once for many uses.
    """

    id: str
    operation: Operation | None = None
    tensor: TensorRecord | None = None
    group: ClosedGroup | None = None
    more: Elsewhere | None = None
    tag: Tag | None = None
    result: Edge | None = None
    beside: list[tuple[Record, Edge]] = field(default_factory=list)
    named: list[Edge] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    uses: list[Edge] = field(default_factory=list)
    views: list[Record] = field(default_factory=list)
    within: list[OpenGroup] = field(default_factory=list)
    shared: bool = False

    @property
    def leaf(self) -> bool:
        return self.operation is None and self.group is None and self.more is None

    @property
    def box(self) -> str | None:
        node = self.operation or self.group or self.tensor or self.more or self.tag
        return node.box if node is not None else None

    @property
    def gradient(self) -> Summary | None:
        return self.tensor.gradient if self.tensor is not None else None


@dataclass(eq=False)
class Loop:
    """Steps of a repetition that share their parameters, each in a group of its own.

    Attributes:
        group: the repetition.
        steps: the open groups of its steps, and the records of those that are closed.
        titles: by the id of an open step, which it is, where its name does not say it.
        states: what leads from each step to the next: by the place of the record that makes it
            among the records of its step, the place of the one that uses it, and the operand.
    """

    group: OpenGroup
    steps: list[OpenGroup | Record] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    states: list[tuple[int, int, int]] = field(default_factory=list)


@dataclass(eq=False)
class River:
    """All records and wires of a picture.

    Attributes:
        records: in order of creation; leaves beside others are not among them.
        wires: edges between records, with the records.
        heads: the shared leaves.
        loops: by the id of their group.
        shown: the record that shows a node, by the node's id.
        around: by the id of an open group, its own and those of the groups around it, the inner
            before the outer; by None, nothing.
        members: by the id of a loop's step, its operations and closed groups, in order.
    """

    model: PictureModel
    records: list[Record] = field(default_factory=list)
    wires: list[tuple[Edge, Record, Record]] = field(default_factory=list)
    heads: list[Record] = field(default_factory=list)
    loops: dict[str, Loop] = field(default_factory=dict)
    shown: dict[str, Record] = field(default_factory=dict)
    around: dict[str | None, tuple[str, ...]] = field(default_factory=lambda: {None: ()})
    members: dict[str, list[Record]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for group in self.model.groups:
            self.around[group.id] = group.id, *self.around[group.box]

    def all(self) -> Iterator[Record]:
        """Every record, those beside others too."""
        for record in self.records:
            yield record
            yield from (leaf for leaf, _ in record.beside)
        yield from self.heads

    def step_of(self, record: Record) -> str | None:
        """The id of the innermost step of a loop that a record is in or is; None outside."""
        boxes = record.id, *self.around[record.box]
        return next((box for box in boxes if box in self.members), None)


def records_of(model: PictureModel) -> River:
    """The records of a picture's model and the wires between them."""
    out = River(model)
    _combine(out)
    edges = _absorbed(out)
    _find_loops(out)
    uses: dict[Record, list[Edge]] = {}
    into: dict[Record, list[Edge]] = {}
    for edge in edges:
        uses.setdefault(out.shown[edge.tail], []).append(edge)
        into.setdefault(out.shown[edge.head], []).append(edge)
    states = _states_of_first_steps(out)
    away: set[Record] = set()
    named: set[str] = set()
    for record, some in uses.items():
        record.uses = some
        if _is_shared(out, some, into) if record.leaf else _is_spread(out, record, some):
            record.shared = record.leaf
            named.update(edge.id for edge in some)
            _name(out, record, some)
            if record.leaf:
                out.heads.append(record)
                away.add(record)
    for record, some in uses.items():
        user = out.shown[some[0].head]
        alone = record.leaf and not record.shared and len(some) == 1 and user.more is None
        if alone and some[0].id not in states and not _is_source(out, record, into[user]):
            user.beside.append((record, some[0]))
            away.add(record)
    out.records = [x for x in dict.fromkeys(out.shown.values()) if x not in away]
    _find_alone(out)
    for edge in edges:
        tail = out.shown[edge.tail]
        if tail not in away and edge.id not in named:
            out.wires.append((edge, tail, out.shown[edge.head]))
    return out


def _combine(out: River) -> None:
    """One record for each operation with its result, each group, and each leaf."""
    results = {edge.tail: edge for edge in out.model.edges.values() if edge.out}
    nodes = out.model.nodes
    for name, node in nodes.items():
        if isinstance(node, Operation):
            edge = results[name]
            tensor = nodes[edge.head]
            assert isinstance(tensor, TensorRecord)
            record = Record(name, operation=node, tensor=tensor, result=edge)
            out.shown[name] = out.shown[edge.head] = record
    made = {edge.head for edge in results.values()}
    for name, node in nodes.items():
        if isinstance(node, ClosedGroup):
            out.shown[name] = Record(name, group=node, tensor=node.main)
        elif isinstance(node, TensorRecord) and name not in made:
            out.shown[name] = Record(name, tensor=node)
        elif isinstance(node, Elsewhere):
            out.shown[name] = Record(name, more=node)
        elif isinstance(node, Tag):
            out.shown[name] = Record(name, tag=node)
    order = {name: number for number, name in enumerate(nodes)}
    out.shown = dict(sorted(out.shown.items(), key=lambda item: order[item[0]]))


def _absorbed(out: River) -> list[Edge]:
    """The edges that are wires or words; leaves take in what only shows them otherwise."""
    edges = [edge for edge in out.model.edges.values() if not edge.out]
    into: dict[str, list[Edge]] = {}
    for edge in edges:
        into.setdefault(edge.head, []).append(edge)
    gone: set[str] = set()
    for name, node in out.model.nodes.items():
        if not isinstance(node, Operation) or not node.view or len(into.get(name, ())) != 1:
            continue
        (edge,) = into[name]
        record, leaf = out.shown[name], out.shown[edge.tail]
        view = record.tensor
        assert view is not None
        if leaf.leaf and leaf.tensor is not None and leaf.tensor.value.size == view.value.size:
            leaf.views.append(record)
            out.shown[name] = out.shown[view.id] = leaf
            gone.add(edge.id)
    return [edge for edge in edges if edge.id not in gone]


def _find_alone(out: River) -> None:
    """Groups of one record: it bears their names, and they need no frame."""
    held: dict[str, list[Record]] = {}
    for record in out.records:
        for box in out.around[record.box]:
            held.setdefault(box, []).append(record)
    for group in out.model.groups:
        some = held.get(group.id, [])
        if len(some) == 1 and not (group.id in out.members or group.id in out.loops):
            some[0].within.append(group)


def _find_loops(out: River) -> None:
    """Repetitions whose steps stand in the picture, with what leads from one to the next."""
    for group in out.model.groups:
        if group.module == "repeat" and group.shared:
            out.loops[group.id] = Loop(group)
    for group in out.model.groups:
        if group.box in out.loops:
            out.loops[group.box].steps.append(group)
    for record in dict.fromkeys(out.shown.values()):
        if record.group is not None and record.box in out.loops:
            out.loops[record.box].steps.append(record)
    _find_members(out)
    for loop in out.loops.values():
        loop.steps.sort(key=lambda step: int(step.id.removeprefix("g-")))  # in order of creation
        loop.states = _states(out, loop)
        _number(loop)


def _number(loop: Loop) -> None:
    """Says of steps that are modules which they are; what is elided counts."""
    number = 1
    for step in loop.steps:
        group = step.group if isinstance(step, Record) else step
        name = one_line(group.name) if group is not None else ""
        if isinstance(step, OpenGroup) and step.module != "step":
            loop.titles[step.id] = f"{name} · step {number}"
        several = re.fullmatch(r"steps \d+–(\d+)", name)
        number = int(several[1]) + 1 if several else number + 1


def _find_members(out: River) -> None:
    """The operations and closed groups of each step, in order."""
    out.members = {step.id: [] for loop in out.loops.values() for step in loop.steps}
    for record in dict.fromkeys(out.shown.values()):
        for box in (record.id, *out.around[record.box]) if not record.leaf else ():
            if box in out.members:
                out.members[box].append(record)


def _states(out: River, loop: Loop) -> list[tuple[int, int, int]]:
    """What most pairs of open steps that follow each other hand on."""
    found: Counter[tuple[int, int, int]] = Counter()
    places = [{x: k for k, x in enumerate(out.members[step.id])} for step in loop.steps]
    pairs = [
        (a, b) for a, b in zip(range(len(places)), range(1, len(places)), strict=False)
        if not isinstance(loop.steps[a], Record) and not isinstance(loop.steps[b], Record)
    ]  # fmt: skip
    step_of = {record: k for k, some in enumerate(places) for record in some}
    for edge in out.model.edges.values():
        tail, head = out.shown[edge.tail], out.shown[edge.head]
        pair = step_of.get(tail, -1), step_of.get(head, -1)
        if not edge.out and pair in pairs:
            found[places[pair[0]][tail], places[pair[1]][head], edge.index or 0] += 1
    return [state for state, count in found.items() if 2 * count >= len(pairs)]


def _states_of_first_steps(out: River) -> set[str]:
    """Edges from leaves that a loop starts from: they stand where a state comes in later."""
    found = set()
    for loop in out.loops.values():
        if not loop.steps:
            continue
        places = {x: k for k, x in enumerate(out.members[loop.steps[0].id])}
        heads = {(head, index) for _, head, index in loop.states}
        for edge in out.model.edges.values():
            head = out.shown[edge.head]
            if out.shown[edge.tail].leaf and (places.get(head), edge.index or 0) in heads:
                found.add(edge.id)
    return found


def _is_shared(out: River, uses: list[Edge], into: dict[Record, list[Edge]]) -> bool:
    """Whether a leaf stands once at the side: steps of a loop share it, or many use it.

    Fewer uses are many of a weight, which mostly meets computed data, than of data itself.
    """
    users = [out.shown[edge.head] for edge in uses]
    computed = sum(any(not out.shown[e.tail].leaf for e in into[user]) for user in users)
    few = _MOST_OF_WEIGHT if 2 * computed > len(users) else MOST_WIRES
    return len(uses) > few or len({out.step_of(user) for user in users} - {None}) > 1


def _is_spread(out: River, record: Record, uses: list[Edge]) -> bool:
    """Whether a result has too many users for wires: at all, or in the steps of a loop."""
    steps = {out.step_of(out.shown[edge.head]) for edge in uses} - {None, out.step_of(record)}
    return len(uses) > _MOST_FAN or len(steps) > _MOST_STEPS


def _name(out: River, record: Record, uses: list[Edge]) -> None:
    """Lets the users of a tensor name it, instead of wires to it."""
    name = record.tensor.name if record.tensor is not None else None
    for edge in uses:
        user = out.shown[edge.head]
        user.named.append(edge)
        user.names[edge.id] = short(name) if name else f"#{(edge.home or record.id)[2:]}"


def _is_source(out: River, leaf: Record, into: list[Edge]) -> bool:
    """Whether a leaf is the data that the picture begins with: it stands before its user."""
    user = out.shown[into[0].head]
    tails = [out.shown[edge.tail] for edge in into]
    if out.step_of(user) is not None or not all(x.leaf for x in tails):
        return False
    leaves = [x for x in dict.fromkeys(tails) if not x.shared]
    if any(len(x.uses) > 1 for x in leaves):
        return False
    plain = [x for x in leaves if x.tensor is not None and x.tensor.kind == "constant"]
    return len(leaves) == 1 or plain[:1] == [leaf]
