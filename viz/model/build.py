"""The model of a picture, made of a trace and of what is open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from microgradnd.graph import Node, Use, node_of, operand_of
from viz.model import elements
from viz.model.describe import Describer, summary
from viz.model.elements import ClosedGroup, Contribution, Edge, PictureModel, TensorRecord
from viz.structure.folding import Folding, whole
from viz.structure.nesting import Key, is_computed
from viz.structure.tree import Group
from viz.style.text import number, plural

if TYPE_CHECKING:
    from viz.capture.summary import Summary
    from viz.capture.trace import Trace

_MANY = 4  # edges from a closed group to one operation, from which on they are drawn as one
_FAN_OUT = 4  # an intermediate result used by so many operations is drawn with tags, too


def build(
    trace: Trace, folding: Folding | None = None, describer: Describer | None = None,
    tags: bool = True,
) -> PictureModel:  # fmt: skip
    """The model of a trace's picture; everything is open unless a folding says otherwise.

    With `tags`, a tensor that is used in several places stands in all but one as a tag.
    """
    describer, folding = describer or Describer(trace), folding or whole(trace.nesting)
    return _Builder(describer, folding, tags).build()


class _Builder:
    """Makes the model of a picture, in order of creation."""

    def __init__(self, describer: Describer, folding: Folding, tagged: bool) -> None:
        self.describer, self.folding, self.tagged = describer, folding, tagged
        self.trace, self.ids = describer.trace, describer.ids
        self.nodes: dict[str, Any] = {}
        self.edges: dict[str, Edge] = {}
        self.tags: dict[tuple[str, str], str] = {}  # by the ids of a tensor and of its user
        self.tag_counts: dict[str, int] = {}  # by the id of a tensor
        self.from_groups: dict[tuple[str, str], list[str]] = {}  # edges, by their ends
        self.merged: dict[str, str] = {}  # by edge, the one that it became a part of
        self.keys: dict[Use, str] = {}  # the edge that shows a use
        self.users = self.users_of()

    def build(self) -> PictureModel:
        nodes = [node for node in self.trace.nodes if self.folding.shows(node)]
        for node in nodes:
            if node.is_leaf:
                if self.folding.collapsed(node) is None:
                    self.add_record(node)
            else:
                self.add_computed(node)
        for node in nodes:
            self.add_elsewhere(node)
        for t in self.trace.outputs:
            if not t.requires_grad:
                self.add_record(operand_of(t).key)
        self.merge()
        self.arrive()
        return self.described()

    def users_of(self) -> dict[Key, list[Node | Group]]:
        """The visible places that use each tensor or constant, oldest first, each once."""
        out: dict[Key, list[Node | Group]] = {}
        for key, uses in self.trace.nesting.uses.items():
            places = (self.folding.place[op] for op, _ in uses if self.folding.shows(op))
            out[key] = list(dict.fromkeys(places))
        return out

    def where(self, key: Key) -> str | None:
        """The id of what shows a tensor: its record, the group it is made in; None if nothing."""
        if isinstance(key, Node):
            if not self.folding.shows(key):
                return None
            if not key.is_leaf:
                place = self.folding.place[key]
                return place.id if isinstance(place, Group) else self.ids.tensors[key]
        return self.ids.tensors[key]

    def box(self, part: Any) -> str | None:
        return getattr(self.folding.box(part), "id", None)

    def add_record(self, key: Key) -> None:
        name = self.ids.tensors[key]
        if name not in self.nodes:
            self.nodes[name] = replace(self.describer.record(key), box=self.box(key))

    def add_computed(self, node: Node) -> None:
        """An operation with its result, or the closed group that it is in, and what goes in."""
        place, op = self.folding.place[node], self.ids.operations[node]
        if isinstance(place, Group):
            if place.id not in self.nodes:
                group = self.describer.closed_group(place)
                self.nodes[place.id] = replace(group, box=self.box(place))
            self.add_uses(node, place)
            return
        self.nodes[op] = replace(self.describer.operation(node), box=self.box(node))
        self.add_uses(node, place)
        self.add_record(node)
        tensor = self.ids.tensors[node]
        self.add_edge(Edge(self.ids.result(node), op, tensor, tensor, out=True))

    def add_uses(self, node: Node, place: Node | Group) -> None:
        """The edges into an operation or its group, each from its operand or from a tag of it."""
        for i, operand in enumerate(node.operands):
            key = operand.key
            hidden = isinstance(place, Group) and self.inside(key, place)
            if operand.kind == "number" or hidden:
                continue
            if not isinstance(key, Node):
                self.add_record(key)
            if isinstance(place, Group):
                self.add_border(key, place, (node, i))
            else:
                self.add_use(key, node, i)

    def inside(self, key: Key, group: Group) -> bool:
        if isinstance(key, Node) and not key.is_leaf:
            return self.folding.place[key] is group
        return self.folding.collapsed(key) is group

    def add_use(self, key: Key, node: Node, i: int) -> None:
        edge, op = self.ids.edge(node, i), self.ids.operations[node]
        flow = summary(self.trace.contributions.get((node, i)))
        arg = node.operands[i].parameter
        one = Edge(edge, self.tail(key, node, op), op, self.ids.tensors[key], arg=arg, index=i)
        self.add_flow(one, flow, [(node, i)])

    def add_border(self, key: Key, group: Group, use: Use) -> None:
        """The edge over a closed group's border, once for all its uses of a tensor."""
        tensor = self.ids.tensors[key]
        edge = self.keys[use] = f"e-{group.id}-{tensor}"
        if edge in self.edges:
            return
        place, shows = self.folding.place, self.folding.shows
        users = self.trace.nesting.uses[key]
        uses = [(op, i) for op, i in users if shows(op) and place[op] is group]
        flow = self.describer.flow(group, key) if isinstance(key, Node) else None
        norms = self.describer.norms(uses) if len(uses) > 1 else ()
        one = Edge(edge, self.tail(key, group, group.id), group.id, tensor, norms=norms)
        self.add_flow(one, flow, uses)

    def add_flow(self, edge: Edge, flow: Summary | None, uses: list[Use]) -> None:
        """An edge with what flows back over it from some uses."""
        latest, steps = self.describer.latest(uses), self.describer.steps_of(uses)
        self.keys.update(dict.fromkeys(uses, edge.id))
        share = self.describer.share(uses)
        self.add_edge(replace(edge, contribution=flow, running=latest, steps=steps, share=share))

    def add_edge(self, edge: Edge) -> None:
        self.edges[edge.id] = edge
        if edge.tail.startswith("g-"):
            self.from_groups.setdefault((edge.tail, edge.head), []).append(edge.id)

    def tail(self, key: Key, user: Node | Group, head: str) -> str:
        """Where an edge to a user starts: at the tensor itself, or at a tag of it."""
        tensor, users, home = self.ids.tensors[key], self.users[key], self.where(key)
        leaf = not is_computed(key)
        many = self.tagged and (leaf or len(users) >= _FAN_OUT)
        if home is not None and (users[0] is user or not many):
            return home
        tag = self.tags.get((tensor, head))
        if tag is None:
            number = self.tag_counts[tensor] = self.tag_counts.get(tensor, 1) + 1
            tag = self.tags[tensor, head] = f"{tensor}-u{number}"
            name, shape = self.describer.name_and_shape(key)
            self.nodes[tag] = elements.Tag(
                tag, tensor, name, shape, home is not None, self.box(user)
            )
        return tag

    def add_elsewhere(self, node: Node) -> None:
        """A node for the uses of another one that are not in focus."""
        uses = [u for u in self.trace.nesting.uses.get(node, ()) if not self.folding.shows(u[0])]
        tail, tensor = self.where(node), self.ids.tensors[node]
        if not uses or tail is None or tail not in self.nodes:
            return
        name, edge = f"{tensor}-more", f"e-more-{tensor}"
        self.nodes[name] = elements.Elsewhere(name, tensor, len(uses))
        flow = self.describer.flow(None, node)
        self.add_flow(Edge(edge, tail, name, tensor), flow, uses)

    def merge(self) -> None:
        """Makes one edge of those that lead from a closed group to another or to an operation."""
        instead: dict[str, Edge] = {}
        for (tail, head), edges in self.from_groups.items():
            if len(edges) == 1 or (head.startswith("op-") and len(edges) < _MANY):
                continue
            some = [self.edges[edge] for edge in edges]
            steps = sorted({step for edge in some for step in edge.steps})
            carried = tuple(Contribution(edge.home or "", edge.contribution) for edge in some)
            one = Edge(f"e-{tail}-{head}", tail, head, None, steps=tuple(steps), merged=carried)
            self.merged.update(dict.fromkeys(edges, one.id))
            instead[edges[0]] = one
        kept = (instead.get(key, edge) for key, edge in self.edges.items()
                if key in instead or key not in self.merged)  # fmt: skip
        self.edges = {edge.id: edge for edge in kept}

    def arrive(self) -> None:
        """Gives the records the edges over which their gradients came."""
        arrived: dict[str, dict[str, None]] = {}
        hidden: set[str] = set()
        groups = [node for node in self.nodes.values() if isinstance(node, ClosedGroup)]
        results = [record for group in groups for record in group.results]
        inside = {record.id for record in results if record.inside is not None}
        for use in self.trace.contributions:
            tensor, key = self.ids.tensors[use[0].parent(use[1])], self.keys.get(use)
            key = self.merged.get(key, key) if key else None
            if key is None or key not in self.edges:
                if key is not None or tensor not in inside:
                    hidden.add(tensor)
            else:
                arrived.setdefault(tensor, {})[key] = None

        def complete(record: TensorRecord) -> TensorRecord:
            edges, more = tuple(arrived.get(record.id, ())), record.id in hidden
            return replace(record, contributions=edges, hidden=more) if edges or more else record

        for name, node in self.nodes.items():
            if isinstance(node, TensorRecord):
                self.nodes[name] = complete(node)
            elif isinstance(node, ClosedGroup):
                self.nodes[name] = replace(node, results=tuple(map(complete, node.results)))

    def described(self) -> PictureModel:
        trace = self.trace
        names = [repr(leaf.name) if leaf.name else "an unnamed leaf" for leaf in trace.changed]
        return PictureModel(
            self.nodes, self.edges, self.open_groups(), ", ".join(heads(trace)), self.summary(),
            len(trace.steps), bool(trace.seeds), trace.stale, tuple(dict.fromkeys(names)),
        )  # fmt: skip

    def open_groups(self) -> tuple[elements.OpenGroup, ...]:
        """The open groups that are drawn around something, the outer before the inner."""
        holding: set[str] = set()
        by_id = {group.id: group for group in self.trace.groups.groups()}
        for box in {node.box for node in self.nodes.values() if node.box is not None}:
            holding.update(group.id for group in by_id[box].around())
        shown = self.folding.open & {group for group in by_id.values() if group.id in holding}
        return tuple(
            elements.OpenGroup(
                g.id, g.name, g.path(), g.kind, g.count, g.shared, self.box_of(g.parent)
            )
            for g in by_id.values()
            if g.parent is not None and g in shown and self.box_of(g) == g.id
        )

    def box_of(self, group: Group | None) -> str | None:
        return getattr(self.folding.boxed(group), "id", None)

    def summary(self) -> str:
        tensors, operations = len(self.ids.tensors), len(self.ids.operations)
        words = f"{plural(tensors, 'tensor')}, {plural(operations, 'operation')}"
        if any(isinstance(node, ClosedGroup) for node in self.nodes.values()):
            words += f", folded into {plural(len(self.nodes), 'node')}"
        if self.trace.nesting.focus is not None:
            count = sum(self.folding.shows(node) for node in self.trace.nodes)
            words += f", {count} of them in focus"
        return words


def heads(trace: Trace) -> list[str]:
    """Names and values of what was computed."""
    out = []
    for t in trace.outputs:
        value = summary(trace.values[node_of(t)] if t.requires_grad else t.data)
        text = "" if value is None or value.scalar is None else f" = {number(value.scalar)}"
        out.append(f"{t.name or 'output'}{text}")
    return out
