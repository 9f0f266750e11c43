"""Two passes as one picture: what they have in common once, with the numbers of both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from viz.capture.summary import Summary
from viz.capture.trace import Trace
from viz.model.build import build
from viz.model.describe import summary
from viz.model.elements import ClosedGroup, Edge, Node, Operation, PictureModel, Tag, TensorRecord
from viz.model.marks import Mark
from viz.reports.compare.differences import difference
from viz.structure.folding import overview
from viz.structure.ids import Ids, ids_of
from viz.structure.nesting import Key
from viz.style.text import fit, number, one_line, shape_of
from viz.svg import writer as svg
from viz.svg.cells import form_of
from viz.svg.records import caption_of
from viz.svg.river.writer import RiverDrawing
from viz.svg.sheet import Extras
from viz.svg.writer import label_of

if TYPE_CHECKING:
    from viz.reports.compare.comparison import Comparison

WIDEST, LABEL = 90.0, 11.0  # of a pass's name at a row, in px, and its size


def write(comparison: Comparison) -> str:
    """The picture of a comparison as the text of an SVG file."""
    drawing = dict(comparison.drawing)
    river = drawing["engine"] is None
    merged = _Merged(comparison, tags=not river)
    model = merged.build()
    extras = Extras(marks=merged.marks)
    if river:
        return RiverDrawing(model, drawing["direction"]).svg(drawing["theme"], extras=extras)
    return svg.write(model, **drawing | {"direction": drawing["direction"] or "TB"}, extras=extras)


class _Merged:
    """Makes the model of a comparison: that of a with the numbers of b, and what is only in b.

    Where the picture of a folds, what is only in b is left to the table.
    """

    def __init__(self, comparison: Comparison, tags: bool) -> None:
        self.tags, self.c, self.marks = tags, comparison, dict[str, Mark]()
        self.a, self.b = ids_of(comparison.a), ids_of(comparison.b)
        pairs = comparison.alignment
        self.labels = [fit(one_line(name), WIDEST, LABEL) for name in comparison.names]
        self.keys = {name: key for key, name in self.a.tensors.items()}
        self.tensors = {self.a.tensors[x]: y for x, y in pairs.tensors.items()}
        self.operations = {self.a.operations[x]: y for x, y in pairs.operations.items()}
        self.first = build(comparison.a, overview(comparison.a.nesting), tags=tags)
        folded = any(self.first.of_kind(ClosedGroup))
        self.other = None if folded else build(comparison.b, tags=tags)
        self.nodes: dict[str, Node] = {}
        self.edges: dict[str, Edge] = {}

    def build(self) -> PictureModel:
        for name, node in self.first.nodes.items():
            if isinstance(node, Operation):
                node = self.operation(node)
            elif isinstance(node, TensorRecord):
                node = self.record(node)
            self.nodes[name] = node
        self.edges = {name: self.edge(edge) for name, edge in self.first.edges.items()}
        title, names = f"{self.c.names[0]}: {self.first.title}", self.c.names
        if self.other is not None:
            self.add_rest(self.other)
            title += f" | {names[1]}: {self.other.title}"
        key = f"∂: gradients · Δ = ‖{names[1]} − {names[0]}‖ / ‖{names[0]}‖"
        return replace(
            self.first, nodes=self.nodes, edges=self.edges, title=title,
            summary=f"{self.c.summary} · {key}",
        )  # fmt: skip

    def lone(self, node: Node, which: int) -> Node:
        """A node that is in one pass only, which is said there."""
        words = f"only in {self.c.names[which]}"
        self.marks[node.id] = Mark("warn", words)
        if isinstance(node, TensorRecord) or (isinstance(node, Operation) and self.tags):
            return replace(node, notes=(words,))  # a river says it of the result
        return node

    def operation(self, node: Operation) -> Node:
        first, second = self.c.names
        its = self.operations.get(node.id)
        if its is None:
            return self.lone(node, 0)
        if its.op.name != node.name:
            self.marks[node.id] = Mark("warn", f"{node.name} in {first}, {its.op.name} in {second}")
            both = f"{node.name} | {its.op.name}"
            return replace(node, name=both, text=both)
        other = self.other.nodes[self.b.operations[its]] if self.other is not None else None
        if isinstance(other, Operation):
            caption = caption_of(other) or "—"
            if caption != (caption_of(node) or "—"):
                self.marks[node.id] = Mark("warn", f"in {second}: {caption}")
                return replace(node, notes=(f"{second}: {caption}",))
        return node

    def record(self, node: TensorRecord) -> Node:
        its = self.tensors.get(node.id)
        if its is None:
            return self.lone(node, 0)
        value, g = _numbers(self.c.a, self.a, self.keys[node.id])
        other, its_g = _numbers(self.c.b, self.b, its)
        change, slope = difference(value, other), difference(g, its_g)
        if node.kind == "constant" and change is not None and change.change == 0:
            return node
        first, second = self.labels
        rows = [(first, node.value), (second, _fitting(node, other))]
        if g is not None or its_g is not None:
            slopes = node.gradient, _fitting(node, its_g)
            rows += [(f"∂{first}", slopes[0]), (f"∂{second}", slopes[1])]
        notes = [f"{sign}{x.amount}" for sign, x in (("", change), ("∂", slope)) if x is not None]
        if other.shape != node.shape:
            notes.append(f"{second} is {shape_of(other.shape)}")
        tooltip = f"\nvalue {self.c.names[0]} → {self.c.names[1]}: {change}"
        tooltip += f"\ngradient: {slope}" if slope else ""
        return replace(node, rows=tuple(rows), notes=tuple(notes), tooltip=tooltip)

    def edge(self, edge: Edge) -> Edge:
        """An edge with both contributions."""
        x, its, i = edge.contribution, self.operations.get(edge.head), edge.index
        if its is None or i is None:
            return edge
        tail = its.operands[i].key if i < len(its.operands) else None
        if tail != self.tensors.get(edge.home or ""):
            return replace(edge, label=f"{self.labels[0]}: {label_of(x)}" if x else "")
        y = summary(self.c.b.contributions.get((its, i)))
        if x is None or y is None:
            return edge
        second = number(y.total) if y.size == 1 else number(y.norm, 3)
        return replace(edge, label=f"{label_of(x)} | {second}")

    def add_rest(self, other: PictureModel) -> None:
        """Adds what is only in b, its edges to and from what is in both included."""
        names = {self.b.tensors[y]: x for x, y in self.tensors.items()}
        names |= {self.b.operations[y]: x for x, y in self.operations.items()}
        for name, node in other.nodes.items():
            if name not in names and not isinstance(node, Tag):
                self.add(node, names)
                self.nodes[names[name]] = self.lone(self.nodes[names[name]], 1)
        homes = {(edge.head, edge.index): edge.home for edge in self.first.edges.values()}
        for edge in other.edges.values():
            use = names.get(edge.head, ""), edge.index
            if use in homes and homes[use] == names.get(edge.home or ""):
                continue
            for end in (edge.tail, edge.head):
                if end not in names:
                    self.add(other.nodes[end], names)
            x = edge.contribution
            copy = replace(
                edge, id=_only_b(edge.id), tail=names[edge.tail], head=names[edge.head],
                home=names.get(edge.home or "", edge.home),
                label="" if x is None else f"{self.labels[1]}: {label_of(x)}",
            )  # fmt: skip
            self.edges[copy.id] = copy

    def add(self, node: Node, names: dict[str, str]) -> None:
        """Copies a node of b under a name that no node of a has."""
        name = names[node.id] = _only_b(node.id)
        copy: Any = replace(node, id=name, box=None)
        if isinstance(node, TensorRecord):
            copy = replace(copy, contributions=tuple(map(_only_b, node.contributions)))
        elif isinstance(node, Tag):
            copy = replace(copy, home=names.get(node.home, node.home))
        self.nodes[name] = copy


def _numbers(found: Trace, ids: Ids, key: Key) -> tuple[Any, Any]:
    """What a trace kept of a tensor's value and gradient; of a constant its array."""
    if isinstance(key, int):
        return ids.constants[key].value, None
    return found.values[key], found.gradients.get(key)


def _only_b(name: str) -> str:
    """The id of a node or edge of b in a picture of both: "t-3" becomes "t-b3"."""
    kind, _, rest = name.partition("-")
    return f"{kind}-b{rest}"


def _fitting(node: TensorRecord, x: Any) -> Summary | None:
    """The summary of b's array, if it can be shown in a record that was made for a's."""
    found = summary(x)
    if found is None or found.shape == node.shape:
        return found
    both = form_of(found.shape), form_of(node.shape)
    return found if both == ("map", "map") else None
