"""The graph of a picture: a networkx.MultiDiGraph of a trace.

It is bipartite and knows nothing of drawing. Nodes are tensor records ("t-1", ...),
operations ("op-1", ...), tags ("t-1-u2", the second use of t-1) and closed groups ("g-1", ...),
numbered in order of creation over the whole computation, whatever of it is shown.

Records, tags and groups have the attributes
    kind            parameter, leaf, constant, intermediate, output, tag or group
    name, box       its name, and the id of the open group around it or None
Records and tags besides
    shape, dtype
    value           `viz.summary.Summary`
    gradient        Summary, or None where none was computed
    contributions   the keys of the edges over which it arrived, in the order of the walk
    seed            Summary of the gradient the walk started from here, or None
    inside          of a closed group's result: Summary of what the group itself contributed to
                    its gradient, or None
    hidden          whether contributions came from operations that are not shown
    hooked          whether hooks made the gradient another one than the sum
    home            of a tag, the id of its record
Operations have kind "operation", name, step (None without a backward pass), options and numbers,
the operands that are plain numbers by index.
Groups have
    module, path    the class of the module ("repeat", "chain", ... for what was found), its path
    count, shared   of a repetition, how often its steps come, and whether with the same parameters
    operations      how many are in it
    steps           the first and last backward step in it, or None
    inputs          (id, name, shape) of the tensors it is given
    results         records of what it gives to others, with the attributes of records and `id`
    parameters      records of the leaves that are used in it alone

A comparison (`viz.compare`) adds `rows` (a label and a Summary each, for data and grad), `notes`
(words on a record or pill), `said` (more of the tooltip), and to edges a `label`.

Edges into an operation have the key "e-<op>-<operand index>", the attributes `arg` (the operand's
name), `index` and `contribution` (Summary or None); the edge to its result is "e-<op>-out".
Edges into a closed group have the key "e-<group>-<tensor>" and the sum of its contributions.
All have `home`, the id of the tensor that they carry, `running` (the sum of contributions when
this one had arrived, if there are several), and `steps`, the backward steps that made it. Where
several tensors pass from a closed group to another, or many to one operation, a single edge
"e-<group>-<group>" or "e-<group>-<op>" carries them all: `merged` is a list of (id, Summary or
None).

The graph's `clusters` are the open groups: dicts of id, name, path, module, count, shared and box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx

from microgradnd.graph import Node, Operand, Use, node_of, operand_of
from viz.capture.summary import Summary, summarise
from viz.structure.folding import Folding, whole
from viz.structure.groups import Group
from viz.structure.ids import ids_of
from viz.structure.nesting import Key, is_computed
from viz.style.text import number, plural

if TYPE_CHECKING:
    from viz.capture.trace import Trace

BUNDLE = 4  # edges from a closed group to one operation, from which on they are drawn as one
FAN_OUT = 4  # an intermediate result used by so many operations is drawn with tags, too


def build(found: Trace, folding: Folding | None = None) -> nx.MultiDiGraph:
    """The graph of a trace, see the docstring of this module; without a folding, all of it."""
    return Builder(found, folding or whole(found.nesting)).build()


class Builder:
    """Makes the graph of a picture, in order of creation."""

    def __init__(self, found: Trace, folding: Folding) -> None:
        self.found, self.folding, self.ids = found, folding, ids_of(found)
        self.graph = nx.MultiDiGraph()
        self.roots = set(found.graph.outputs)
        self.tags: dict[tuple[str, str], str] = {}  # by the id of a tensor and of its user
        self.tag_counts: dict[str, int] = {}
        self.count = 0  # of edges
        self.into: dict[tuple[str, str], list[str]] = {}  # edges from closed groups
        self.bundles: dict[str, str] = {}  # by edge that was merged, the one that it is part of
        self.keys: dict[tuple[Node, int], str] = {}  # by use, the key of its edge
        self.users = self.users_of()

    def build(self) -> nx.MultiDiGraph:
        for node in self.found.nodes:
            if not self.folding.shows(node):
                continue
            if node.is_leaf:
                if self.folding.closed(node) is None:
                    self.add_record(node)
                continue
            place = self.folding.place[node]
            if isinstance(place, Group):
                if place.id not in self.graph:
                    self.add_group(place)
            else:
                self.add_operation(node)
            self.add_uses(node, place)
            if not isinstance(place, Group):
                self.add_record(node)
                op, edge = self.ids.operations[node], self.ids.result(node)
                self.add_edge(op, self.ids.tensors[node], edge, node, out=True)
        for node in self.found.nodes:
            if self.folding.shows(node):
                self.add_elsewhere(node)
        for t in self.found.outputs:
            if not t.requires_grad:
                self.add_constant(operand_of(t).key)
        self.merge()
        self.arrive()
        self.describe()
        return self.graph

    def users_of(self) -> dict[Any, list[Any]]:
        """The visible places that use each tensor or constant, oldest first, each once."""
        out: dict[Any, list[Any]] = {}
        for key, uses in self.found.nesting.uses.items():
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
        group = self.folding.box(part)
        return None if group is None else group.id

    def add_record(self, node: Node) -> None:
        self.graph.add_node(self.ids.tensors[node], **self.record(node), box=self.box(node))

    def record(self, key: Key) -> dict[str, Any]:
        """What is shown of a tensor or constant."""
        if not isinstance(key, Node):
            return self.record_of_constant(key)
        kind = "intermediate" if not key.is_leaf else "parameter" if key.name else "leaf"
        kind = "output" if key in self.roots and not key.is_leaf else kind
        value, g = shown(self.found.values[key]), shown(self.found.gradients.get(key))
        # in the graph of a gradient the walk itself has gradients no more
        alone = g is None and self.found.gradients and not self.found.seeds
        rows = {"rows": [("data", value)]} if alone else {}
        return rows | {
            "id": self.ids.tensors[key], "kind": kind, "name": key.name, "shape": key.shape,
            "dtype": str(key.dtype), "value": value, "gradient": g, "contributions": [],
            "seed": shown(self.found.seeds.get(key)), "inside": None, "hidden": False,
            "hooked": key in self.found.hooked,
        }  # fmt: skip

    def record_of_constant(self, key: Key) -> dict[str, Any]:
        operand = self.ids.constants[key]
        return {
            "id": self.ids.tensors[key], "kind": "constant", "name": operand.name,
            "shape": operand.shape, "dtype": str(operand.dtype), "value": summarise(operand.value),
            "gradient": None, "contributions": [], "seed": None, "inside": None, "hidden": False,
            "hooked": False,
        }  # fmt: skip

    def add_constant(self, key: Key) -> None:
        if self.ids.tensors[key] not in self.graph:
            self.graph.add_node(self.ids.tensors[key], **self.record(key), box=self.box(key))

    def add_operation(self, node: Node) -> None:
        self.graph.add_node(
            self.ids.operations[node], kind="operation", name=node.op.name,
            step=self.found.steps.get(node), options=node.changed_options,
            numbers={x.index: x.value for x in node.operands
                     if x.kind == "number" and x.value is not None},
            arity=len(node.operands), args=[x.parameter for x in node.operands],
            box=self.box(node),
        )  # fmt: skip

    def add_group(self, group: Group) -> None:
        nodes = [node for node in group.nodes() if self.folding.shows(node)]
        own = set(nodes)
        uses = self.found.nesting.uses
        results = [
            node
            for node in nodes
            if node in self.roots or any(op not in own for op, _ in uses.get(node, ()))
        ]
        inputs, leaves = dict[Any, None](), dict[Any, None]()
        for node in nodes:
            for operand in node.operands:
                key = operand.key
                if operand.kind == "number" or key in own:
                    continue
                inside = not is_computed(key) and self.folding.closed(key) is not None
                (leaves if inside else inputs)[key] = None
        walked = [self.found.steps[node] for node in nodes if node in self.found.steps]
        records = [self.record(node) for node in results]
        for node, record in zip(results, records, strict=True):
            record["inside"] = shown(self.flow(group, node))
        self.graph.add_node(
            group.id, id=group.id, kind="group", name=group.name, module=group.kind,
            path=group.path(), count=group.count, shared=group.shared, operations=len(nodes),
            steps=(min(walked), max(walked)) if walked else None,
            inputs=[(self.ids.tensors[key], *self.name_and_shape(key)) for key in inputs],
            results=records, parameters=[self.record(key) for key in leaves],
            box=self.box(group),
        )  # fmt: skip

    def name_and_shape(self, key: Key) -> tuple[str | None, tuple[int, ...]]:
        what: Node | Operand = key if isinstance(key, Node) else self.ids.constants[key]
        return what.name, what.shape

    def flow(self, group: Group | None, node: Node) -> Any:
        """What the uses of a node in a group that are in focus add to its gradient, if they do.

        None stands for all uses that are not in focus.
        """
        found = self.found
        if (group, node) in found.borders:
            return found.borders[group, node]
        uses = [
            (op, i)
            for op, i in found.nesting.uses.get(node, ())
            if self.folding.shows(op) == (group is not None)
            and (group is None or group in found.nesting.group_of[op].around())
        ]
        if len(uses) == 1:
            return found.contributions.get(uses[0])
        alone = len(uses) == len(found.nesting.uses.get(node, ())) and node not in found.seeds
        return found.gradients.get(node) if uses and alone and node not in found.hooked else None

    def add_uses(self, node: Node, place: Node | Group) -> None:
        """The edges into an operation or its group, each from its operand or from a tag of it."""
        for i, operand in enumerate(node.operands):
            if operand.kind == "number":
                continue
            key = operand.key
            if isinstance(place, Group) and self.inside(key, place):
                continue
            if not isinstance(key, Node):
                self.add_constant(key)
            if isinstance(place, Group):
                self.add_border(key, place, (node, i))
            else:
                self.add_use(key, node, i)

    def inside(self, key: Key, group: Group) -> bool:
        if isinstance(key, Node) and not key.is_leaf:
            return self.folding.place[key] is group
        return self.folding.closed(key) is group

    def add_use(self, key: Key, node: Node, i: int) -> None:
        op, use, arg = self.ids.operations[node], (node, i), node.operands[i].parameter
        self.keys[use] = self.ids.edge(node, i)
        self.add_edge(
            self.tail(key, node, op), op, self.keys[use], key, arg=arg, index=i,
            tracked=isinstance(key, Node), contribution=shown(self.found.contributions.get(use)),
            running=shown(self.found.running.get(use)), steps=self.steps_of([use]),
        )  # fmt: skip

    def add_border(self, key: Key, group: Group, use: tuple[Node, int]) -> None:
        """The edge over a closed group's border, once for all its uses of a tensor."""
        tensor = self.ids.tensors[key]
        edge = self.keys[use] = f"e-{group.id}-{tensor}"
        tail = self.tail(key, group, group.id)
        if self.graph.has_edge(tail, group.id, edge):
            return
        uses = [
            (op, i)
            for op, i in self.found.nesting.uses[key]
            if self.folding.shows(op) and self.folding.place[op] is group
        ]
        self.add_edge(
            tail, group.id, edge, key, arg="", index=None, tracked=isinstance(key, Node),
            contribution=shown(self.flow(group, key)) if isinstance(key, Node) else None,
            running=shown(self.found.running.get(self.latest(uses))),
            steps=self.steps_of(uses),
        )  # fmt: skip

    def latest(self, uses: list[Use]) -> Use:
        """Which of some uses contributed last: the walk goes from the youngest to the oldest."""
        return min(uses, key=lambda use: (use[0].seq, -use[1]))

    def steps_of(self, uses: list[tuple[Node, int]]) -> tuple[int, ...]:
        return tuple(sorted({self.found.steps[op] for op, _ in uses if op in self.found.steps}))

    def add_edge(self, tail: str, head: str, edge: str, key: Key, **attributes: Any) -> None:
        values = {"out": False, "contribution": None, "running": None, "steps": (), **attributes}
        if tail.startswith("g-"):
            self.into.setdefault((tail, head), []).append(edge)
        home = self.ids.tensors[key]
        self.graph.add_edge(tail, head, key=edge, home=home, order=self.count, **values)
        self.count += 1

    def tail(self, key: Key, user: Any, head: str) -> str:
        """Where an edge to a user starts: at the tensor itself, or at a tag of it."""
        tensor, users, home = self.ids.tensors[key], self.users[key], self.where(key)
        leaf = not is_computed(key)
        if home is not None and (users[0] is user or not (leaf or len(users) >= FAN_OUT)):
            return home
        tag = self.tags.get((tensor, head))
        if tag is None:
            number = self.tag_counts[tensor] = self.tag_counts.get(tensor, 1) + 1
            tag = self.tags[tensor, head] = f"{tensor}-u{number}"
            name, shape = self.name_and_shape(key)
            self.graph.add_node(
                tag, kind="tag", home=tensor, name=name, shape=shape, shown=home is not None,
                box=self.box(user),
            )  # fmt: skip
        return tag

    def add_elsewhere(self, node: Node) -> None:
        """A stub for the uses of a node that are not in focus."""
        uses = [u for u in self.found.nesting.uses.get(node, ()) if not self.folding.shows(u[0])]
        tail = self.where(node)
        if not uses or tail is None or tail not in self.graph:
            return
        stub = f"{self.ids.tensors[node]}-more"
        self.graph.add_node(stub, kind="more", name=None, home=self.ids.tensors[node], box=None,
                            uses=len(uses))  # fmt: skip
        for use in uses:
            self.keys[use] = f"e-more-{self.ids.tensors[node]}"
        self.add_edge(
            tail, stub, f"e-more-{self.ids.tensors[node]}", node, arg="", index=None, tracked=True,
            contribution=shown(self.flow(None, node)), steps=self.steps_of(uses),
            running=shown(self.found.running.get(self.latest(uses))),
        )  # fmt: skip

    def merge(self) -> None:
        """Makes one edge of those that lead from a closed group to another or to an operation."""
        for (tail, head), edges in self.into.items():
            if len(edges) == 1 or (head.startswith("op-") and len(edges) < BUNDLE):
                continue
            self.bundles.update(dict.fromkeys(edges, f"e-{tail}-{head}"))
            some = [self.graph.edges[tail, head, edge] for edge in edges]
            self.graph.remove_edges_from([(tail, head, edge) for edge in edges])
            steps = tuple(sorted({step for edge in some for step in edge["steps"]}))
            self.graph.add_edge(
                tail, head, key=f"e-{tail}-{head}", out=False, home=None, order=some[0]["order"],
                arg="", index=None, tracked=any(edge["tracked"] for edge in some),
                contribution=None, running=None, steps=steps,
                merged=[(edge["home"], edge["contribution"]) for edge in some],
            )  # fmt: skip

    def arrive(self) -> None:
        """Gives the records the keys of the edges over which their gradients came."""
        records = {node["id"]: node for _, node in self.graph.nodes(data=True) if "value" in node}
        for _, node in self.graph.nodes(data=True):
            if node["kind"] == "group":
                records |= {record["id"]: record for record in node["results"]}
        edges = {key for _, _, key in self.graph.edges(keys=True)}
        for op, i in self.found.contributions:
            record = records.get(self.ids.tensors[op.parent(i)])
            key = self.keys.get((op, i))
            key = self.bundles.get(key, key)  # type: ignore[arg-type]
            if record is None or (key is None and record["inside"] is not None):
                continue
            if key is None or key not in edges:
                record["hidden"] = True
            elif key not in record["contributions"]:
                record["contributions"].append(key)

    def describe(self) -> None:
        """The words about the whole picture."""
        found, clusters = self.found, []
        boxes = {box for _, box in self.graph.nodes(data="box")}
        for group in found.groups.groups():
            inner = {box for box in boxes if box is not None} & {g.id for g in group.groups()}
            if group.parent is None or group not in self.folding.open or not inner:
                continue
            if self.box_of(group) == group.id:
                around = group.parent
                clusters.append(
                    {"id": group.id, "name": group.name, "path": group.path(),
                     "module": group.kind, "count": group.count, "shared": group.shared,
                     "box": self.box_of(around)}
                )  # fmt: skip
        names = [repr(leaf.name) if leaf.name else "an unnamed leaf" for leaf in found.changed]
        self.graph.graph.update(
            title=", ".join(self.heads()), summary=self.summary(), steps=len(found.steps),
            stale=found.stale, changed=tuple(dict.fromkeys(names)),
            names=[leaf.name or "" for leaf in found.changed], backward=bool(found.seeds),
            clusters=clusters,
        )  # fmt: skip

    def box_of(self, group: Group | None) -> str | None:
        box = self.folding.boxed(group)
        return None if box is None else box.id

    def heads(self) -> list[str]:
        out = []
        for t in self.found.outputs:
            value = shown(self.found.values[node_of(t)] if t.requires_grad else t.data)
            told = "" if value is None or value.scalar is None else f" = {number(value.scalar)}"
            out.append(f"{t.name or 'output'}{told}")
        return out

    def summary(self) -> str:
        tensors, operations = len(self.ids.tensors), len(self.ids.operations)
        words = f"{plural(tensors, 'tensor')}, {plural(operations, 'operation')}"
        groups = [node for _, node in self.graph.nodes(data=True) if node["kind"] == "group"]
        if groups:
            words += f", folded into {plural(len(self.graph), 'node')}"
        if self.found.nesting.focus is not None:
            shown_count = sum(self.folding.shows(node) for node in self.found.nodes)
            words += f", {shown_count} of them in focus"
        return words


def shown(x: Any) -> Summary | None:
    """The summary of what a trace kept of an array, if it did."""
    return x if x is None or isinstance(x, Summary) else summarise(x)
