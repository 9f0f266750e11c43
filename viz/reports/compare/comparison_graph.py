"""Two passes as one picture: what they have in common once, with the numbers of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx

from microgradnd.graph import Node
from viz.capture.summary import Summary
from viz.model.graph import build, shown
from viz.model.marks import Mark
from viz.reports.compare.differences import Difference, difference
from viz.structure.folding import overview
from viz.structure.ids import ids_of
from viz.style.text import fit, number, one_line, shape_of
from viz.svg import writer as svg
from viz.svg.records import caption_of, form_of
from viz.svg.writer import Extras, label_of

if TYPE_CHECKING:
    from viz.reports.compare.comparison import Comparison

WIDEST, LABEL = 90.0, 10.0  # of a pass's name at a row, in px, and its size
RECORDS = ("parameter", "leaf", "constant", "intermediate", "output")


def write(comparison: Comparison) -> str:
    """The picture of a comparison as the text of an SVG file."""
    merged = Merged(comparison)
    graph = merged.build()
    return svg.write(graph, **comparison.drawing, extras=Extras(marks=merged.marks))


class Merged:
    """Makes the graph of a comparison: that of a with the numbers of b, and what is only in b.

    Where the picture of a folds, what is only in b is left to the table.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.c, self.marks = comparison, dict[str, Mark]()
        self.a, self.b = ids_of(comparison.a), ids_of(comparison.b)
        pairs = comparison.alignment
        self.labels = [fit(one_line(name), WIDEST, LABEL) for name in comparison.names]
        self.keys = {name: key for key, name in self.a.tensors.items()}
        self.tensors = {self.a.tensors[x]: y for x, y in pairs.tensors.items()}
        self.operations = {self.a.operations[x]: y for x, y in pairs.operations.items()}
        self.graph = build(comparison.a, overview(comparison.a.nesting))
        folded = any(kind == "group" for _, kind in self.graph.nodes(data="kind"))
        self.other = None if folded else build(comparison.b)

    def build(self) -> nx.MultiDiGraph:
        for name, node in self.graph.nodes(data=True):
            if node["kind"] == "operation":
                self.operation(name, node)
            elif node["kind"] in RECORDS:
                self.record(name, node)
        for _, head, edge in self.graph.edges(data=True):
            self.edge(head, edge)
        if self.other is not None:
            self.add_rest(self.other)
        graph, names = self.graph.graph, self.c.names
        graph["title"] = f"{names[0]}: {graph['title']}"
        if self.other is not None:
            graph["title"] += f" | {names[1]}: {self.other.graph['title']}"
        key = f"∂: gradients · Δ = ‖{names[1]} − {names[0]}‖ / ‖{names[0]}‖"
        graph["summary"] = f"{self.c.summary} · {key}"
        return self.graph

    def lone(self, name: str, node: dict[str, Any], which: int) -> None:
        """Says of a node that it is in one pass only."""
        words = f"only in {self.c.names[which]}"
        node["notes"] = [words]
        self.marks[name] = Mark("warn", words)

    def operation(self, name: str, node: dict[str, Any]) -> None:
        first, second = self.c.names
        its = self.operations.get(name)
        if its is None:
            self.lone(name, node, 0)
        elif its.op.name != node["name"]:
            self.marks[name] = Mark("warn", f"{node['name']} in {first}, {its.op.name} in {second}")
            node["name"] = f"{node['name']} | {its.op.name}"
        elif self.other is not None:
            caption = caption_of(self.other.nodes[self.b.operations[its]])
            if caption != caption_of(node):
                node["notes"] = [f"{second}: {caption or '—'}"]
                self.marks[name] = Mark("warn", f"in {second}: {caption or '—'}")

    def record(self, name: str, node: dict[str, Any]) -> None:
        its = self.tensors.get(name)
        if its is None:
            self.lone(name, node, 0)
            return
        (value, g), (other, its_g) = self.numbers(name, node), self.its_numbers(its)
        change, slope = difference(value, other), difference(g, its_g)
        if node["kind"] == "constant" and change is not None and change.change == 0:
            return
        first, second = self.labels
        node["rows"] = [(first, node["value"]), (second, fitting(node, other))]
        if g is not None or its_g is not None:
            slopes = node["gradient"], fitting(node, its_g)
            node["rows"] += [(f"∂{first}", slopes[0]), (f"∂{second}", slopes[1])]
        node["notes"] = [words for words in (amount("", change), amount("∂", slope)) if words]
        if other.shape != node["shape"]:
            node["notes"].append(f"{second} is {shape_of(other.shape)}")
        node["said"] = f"\nvalue {self.c.names[0]} → {self.c.names[1]}: {change}"
        node["said"] += f"\ngradient: {slope}" if slope else ""

    def numbers(self, name: str, node: dict[str, Any]) -> tuple[Any, Any]:
        """What a trace kept of a tensor's value and gradient; of a constant its array."""
        key = self.keys[name]
        if isinstance(key, Node):
            return self.c.a.values[key], self.c.a.gradients.get(key)
        return self.a.constants[key].value, None

    def its_numbers(self, key: Any) -> tuple[Any, Any]:
        if isinstance(key, Node):
            return self.c.b.values[key], self.c.b.gradients.get(key)
        return self.b.constants[key].value, None

    def edge(self, head: str, edge: dict[str, Any]) -> None:
        """Both contributions on one edge."""
        x, its = edge["contribution"], self.operations.get(head)
        if its is None:
            return
        i = edge["index"]
        tail = its.operands[i].key if i < len(its.operands) else None
        if tail != self.tensors.get(edge["home"]):
            edge["label"] = f"{self.labels[0]}: {label_of(x)}" if x else ""
            return
        y = shown(self.c.b.contributions.get((its, i)))
        if x is not None and y is not None:
            second = number(y.total) if y.size == 1 else number(y.norm, 3)
            edge["label"] = f"{label_of(x)} | {second}"

    def add_rest(self, other: nx.MultiDiGraph) -> None:
        """Adds what is only in b, its edges to and from what is in both included."""
        names = {self.b.tensors[y]: x for x, y in self.tensors.items()}
        names |= {self.b.operations[y]: x for x, y in self.operations.items()}
        lone = [name for name, node in other.nodes(data=True)
                if node["kind"] != "tag" and name not in names]  # fmt: skip
        for name in lone:
            self.add(other, name, names)
            self.lone(names[name], self.graph.nodes[names[name]], 1)
        homes = {(head, edge.get("index")): edge["home"]
                 for _, head, edge in self.graph.edges(data=True)}  # fmt: skip
        for tail, head, key, edge in other.edges(keys=True, data=True):
            use = names.get(head), edge.get("index")
            if use in homes and homes[use] == names.get(edge["home"]):
                continue
            for end in (tail, head):
                if end not in names:
                    self.add(other, end, names)
            home = names.get(edge["home"], edge["home"])
            values = {**edge, "home": home, "order": self.graph.number_of_edges()}
            if edge["contribution"] is not None:
                values["label"] = f"{self.labels[1]}: {label_of(edge['contribution'])}"
            self.graph.add_edge(names[tail], names[head], key=only_b(key), **values)

    def add(self, other: nx.MultiDiGraph, name: str, names: dict[str, str]) -> None:
        """Copies a node of b under a name that no node of a has."""
        node = dict(other.nodes[name])
        names[name] = only_b(name)
        node["box"] = None
        if "id" in node:
            node["id"] = names[name]
        if "contributions" in node:
            node["contributions"] = [only_b(key) for key in node["contributions"]]
        if node["kind"] == "tag":
            node["home"] = names.get(node["home"], node["home"])
        self.graph.add_node(names[name], **node)


def only_b(name: str) -> str:
    """The id of a node or edge of b in a picture of both: "t-3" becomes "t-b3"."""
    kind, _, rest = name.partition("-")
    return f"{kind}-b{rest}"


def fitting(node: dict[str, Any], x: Any) -> Summary | None:
    """The summary of b's array, if it can be shown in a record that was made for a's."""
    found = shown(x)
    if found is None or found.shape == node["shape"]:
        return found
    both = form_of(found.shape), form_of(node["shape"])
    return found if both == ("map", "map") else None


def amount(sign: str, x: Difference | None) -> str:
    return "" if x is None else f"{sign}{x.amount}"
