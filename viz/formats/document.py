"""A picture as a JSON document: every number of it, in full precision, for other programs.

`picture.save("x.json")` writes it, and the page of `picture.save("x.html")` is drawn from it. It
is an object with these members; `schema.json` beside this file says the same as a JSON Schema.

    format          "microgradnd/picture"
    version         2; grows when a member changes its meaning or goes. 1 had in each of `cells`
                    the element of largest magnitude, now it is a mean: blocks of 2 × 2 cells (4 × 1
                    or 1 × 4 where the other axis is whole) hold the means of the quarters of their
                    elements, sorted
    title, summary  the words above the picture
    direction       "TB" or "LR", of the forward pass; null for what fits what is open
    backward        whether there was a backward pass, and its number of `steps`
    stale, changed  whether leaves were written to since the forward pass, and which
    outputs         the ids of the tensors that were drawn
    tensors         by id: name, kind (parameter, leaf, constant, intermediate or output), shape,
                    dtype, value, gradient, seed, contributions (keys of edges in the order in
                    which they arrived), hooked, group, by (the operation that made it), uses,
                    shown (false if it is not in focus), elsewhere (its uses that are not)
    operations      by id: name, order (of the forward pass, from 1), step (of the backward pass,
                    from 1, or null), options, args (names of the operands), inputs (ids of tensors
                    or plain numbers), output, group, rule (of the forward pass) and rules (by
                    operand, null where there is none), text (what it does, in a few characters),
                    view (whether its result holds no numbers of its own), where (file and line of
                    the program, within `microgradnd.source_lines`; else null)
    contributions   by edge "e-<operation>-<operand>": what it added to the operand's gradient; by
                    "e-more-<tensor>" what all uses that are not in focus add (null: not known)
    running         by edge: the operand's gradient after it, where several contributions arrive
    shares          by edge: which part of the gradient c makes up, <c, g> / <g, g>, where a few
                    contributions add up
    groups          by id: name, path, kind, count, shared, parent, parts (ids of operations and
                    groups in order), operations (their number), first (the order of the first),
                    steps (the first and the last), parameters (their elements), leaves (the ids
                    of those used in it alone), outputs, stacked: of a layer of scalars all its
                    outputs' values and gradients in one array each; strip: of a row of operations
                    what each does, with its gain or null; inside: by output, what its own
                    operations add to its gradient; borders: by tensor from outside, what the
                    group as a whole adds to its gradient (`contribution`), what that is then
                    (`after`), over which `edges`, its `share` and of several uses their `norms`;
                    sealed: whether its parts are left out because the document would be too large
    open            the groups that are open in the picture
    source          the lines that operations name, by file and line
    formulas        what `rule` and `rules` point at: text, mathml and given (conditions). There
                    stand q0, q1, … for operands, qy for the result, qg for its gradient
    summaries       what every value, gradient and contribution points at: shape, dtype and either
                    scalar, or mean, std, min, max, norm, rms, sum, top (the largest magnitude),
                    zeros (their share), nans and infs (their number), bins (counts in as many
                    equal intervals from the smallest to the largest finite element), elements (if
                    at most 64, or all were kept), scale (the end of the heat-map's colours, which
                    rounding errors do not reach), and where there are no elements cells (a
                    thumbnail, rounded; null is a gap between tiles), block (rows and columns of
                    elements that a cell stands for) and caption (what the thumbnail leaves out)
    film            of a training (`viz.film`) alone: `moments`, each with the number of its
                    backward `call`, the `loss`, and what differs from this document then: members
                    of `summaries` by number (null for one that is gone), of `parts` by table and
                    id, and other `members` of the document

The document of a page has `live` besides, the program that it runs: see `viz.formats.live`.
Floats that are no JSON numbers are the strings "nan", "inf" and "-inf". Ids count in order of
creation over the whole computation, whatever is folded: the same program gives the same bytes.
"""

from __future__ import annotations

import json
import linecache
import math
import re
from collections import deque
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from microgradnd.graph import Node, Operand, Use, operand_of
from microgradnd.program import Expression, NotSymbolic, applied, simplified
from viz.capture.summary import Summary, spelled, summarise
from viz.capture.trace import Trace
from viz.formulas.formulas import Formula, of_contribution, stated
from viz.model.describe import Describer
from viz.model.elements import ClosedGroup, PictureModel
from viz.structure.nesting import Key
from viz.structure.tree import Group
from viz.style.heatmap import GAP
from viz.style.text import brief

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # halves of surrogate pairs cannot be encoded
FORMAT, VERSION = "microgradnd/picture", 2
MOST = 6_000  # parts of groups in a document; the parts of groups beyond are left out
_HOVER = 4_096  # elements that are written of an array that was kept in full
_HELD = 64  # leaves that are written of a group whose parts are left out
_MANY = 64  # operands of an operation whose rule is quoted: each of their rules uses all of them
_COSTLY = 1 << 21  # elements of an operation's arrays whose rule is quoted, not run on symbols


def text_of(contents: Mapping[str, Any]) -> str:
    """A document as JSON, the same bytes for the same contents."""
    text = json.dumps(contents, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Writer:
    """Gathers the document of a picture, see the docstring of this module.

    Args:
        describer: of the trace that is drawn.
        most: parts of groups in the document.
    """

    def __init__(self, describer: Describer, most: int = MOST) -> None:
        self.describer, self.ids = describer, describer.ids
        self.trace = trace = describer.trace
        nesting = trace.nesting
        self.summaries: list[dict[str, Any]] = []
        self.places: dict[int, tuple[int, Any]] = {}  # by id, which is kept by what it is of
        self.rules = _Rules(trace, describer.varying)
        self.sealed = _sealed(nesting.groups, most)
        self.groups = [g for g in nesting.groups.groups() if self.sealed.isdisjoint(_enclosing(g))]
        self.shown = sorted(
            part
            for group in self.groups
            for part in group.parts
            if isinstance(part, Node) and group not in self.sealed and describer.in_focus(part)
        )
        self.arrivals: dict[Node, dict[str, None]] = {}  # the keys of contributions, in order
        self.order = {use: number for number, use in enumerate(trace.contributions)}
        for node, i in trace.contributions:
            p = node.parent(i)
            key = self.ids.edge(node, i) if describer.in_focus(node) else self.elsewhere(p)
            self.arrivals.setdefault(p, {})[key] = None

    def elsewhere(self, node: Node) -> str:
        """The key of what all uses of a tensor that are not in focus contribute together."""
        return f"e-more-{self.ids.tensors[node]}"

    def number_of(self, node: Node) -> int:
        return int(self.ids.operations[node][3:])

    def summary(self, x: Any) -> int | None:
        """The number of a summary in the table of them."""
        if x is None:
            return None
        if id(x) not in self.places:
            self.places[id(x)] = len(self.summaries), x
            self.summaries.append(_described(x))
        return self.places[id(x)][0]

    def write(self, model: PictureModel, direction: str | None = "TB") -> dict[str, Any]:
        """The document; the model says what is open and what the title is."""
        trace, self.model = self.trace, model
        shown = set(self.shown)
        closed = {group.id for group in model.of_kind(ClosedGroup)}
        flows = [use for use in trace.contributions if use[0] in shown]
        tensors = self.tensors(shown)
        edge, summary = self.ids.edge, self.summary
        contributions = {edge(*use): summary(trace.contributions[use]) for use in flows}
        for node, keys in self.arrivals.items():
            if self.elsewhere(node) in keys and self.ids.tensors[node] in tensors:
                total = self.describer.kept_flow(None, node)
                contributions[self.elsewhere(node)] = summary(total)
        return {
            "format": FORMAT,
            "version": VERSION,
            "title": model.title,
            "summary": model.summary,
            "direction": direction,
            "backward": bool(trace.seeds),
            "steps": len(trace.steps),
            "stale": trace.stale,
            "changed": list(model.changed),
            "outputs": [self.ids.tensors[operand_of(t).key] for t in trace.outputs],
            "tensors": tensors,
            "operations": {self.ids.operations[node]: self.operation(node) for node in self.shown},
            "contributions": contributions,
            "running": {edge(*u): summary(trace.running[u]) for u in flows if u in trace.running},
            "shares": {edge(*u): spelled(trace.shares[u]) for u in flows if u in trace.shares},
            "groups": {group.id: self.group(group) for group in self.groups},
            "open": [
                group.id
                for group in self.groups
                if group not in self.sealed and not closed & {g.id for g in group.around()}
            ],
            "source": self.source(),
            "formulas": self.rules.table,
            "summaries": self.summaries,
        }

    def tensors(self, shown: set[Node]) -> dict[str, Any]:
        """All tensors that an operation makes or uses, but those within sealed groups."""
        trace, out = self.trace, dict[str, Any]()
        wanted = {operand_of(t).key for t in trace.outputs}
        for node in shown:
            wanted.update([node, *(x.key for x in node.operands if x.kind != "number")])
        for group in self.sealed:
            wanted.update([*self.crossing(group), *self.leaves(group)])
        for key, name in self.ids.tensors.items():
            if key not in wanted:
                continue
            uses = [
                [self.ids.operations[node], i]
                for node, i in trace.nesting.uses.get(key, ())
                if node in shown
            ]
            made = self.ids.operations[key] if isinstance(key, Node) and key in shown else None
            group = self.visible(trace.nesting.group_of.get(key, trace.groups))
            out[name] = self.tensor(key) | {
                "by": made, "uses": uses, "group": group.id,
                "shown": not isinstance(key, Node) or self.describer.in_focus(key),
                "elsewhere": sum(not self.describer.in_focus(node)
                                 for node, _ in trace.nesting.uses.get(key, ())),
            }  # fmt: skip
        return out

    def visible(self, group: Group) -> Group:
        """The group itself, or the sealed one around it."""
        return next((g for g in group.around() if g in self.sealed), group)

    def tensor(self, key: Key) -> dict[str, Any]:
        x = self.describer.record(key)
        value, g, start = x.value, x.gradient, x.seed
        arrivals: Collection[str] = ()
        if isinstance(key, Node):  # what the trace kept may be more than a summary of it
            value, g = self.trace.values[key], self.trace.gradients.get(key)
            start, arrivals = self.trace.seeds.get(key), self.arrivals.get(key, ())
        gradient = self.summary(g)
        if gradient is not None and x.gradient is not None and x.gradient.shape:
            self.summaries[gradient]["scale"] = spelled(x.gradient.scale)
        return {
            "name": x.name,
            "kind": x.kind,
            "shape": list(x.shape),
            "dtype": x.dtype,
            "value": self.summary(value),
            "gradient": gradient,
            "seed": self.summary(start),
            "contributions": list(arrivals),
            "hooked": x.hooked,
        }

    def operation(self, node: Node) -> dict[str, Any]:
        count = range(len(node.operands))
        flows = self.trace.contributions
        described = self.describer.operation(node)
        return {
            "name": node.op.name,
            "order": self.number_of(node),
            "step": self.trace.steps.get(node),
            "options": {key: brief(x) for key, x in described.options.items()},
            "args": [x.parameter for x in node.operands],
            "inputs": [
                self.ids.tensors[x.key]
                if x.kind != "number"
                else spelled(_scalar(described.numbers.get(i)))
                for i, x in enumerate(node.operands)
            ],
            "output": self.ids.tensors[node],
            "group": self.trace.nesting.group_of[node].id,
            "rule": self.rules.number(node),
            "rules": [self.rules.number(node, i) if (node, i) in flows else None for i in count],
            "text": described.text,
            "view": described.view,
            "where": _place(node),
        }

    def source(self) -> dict[str, dict[str, str]]:
        """The lines of the program that computed what is shown."""
        out: dict[str, dict[str, str]] = {}
        for place in filter(None, map(_place, self.shown)):
            file, line = place
            out.setdefault(file, {})[str(line)] = linecache.getline(file, line).rstrip()
        return {file: dict(sorted(lines.items(), key=lambda x: int(x[0])))
                for file, lines in out.items()}  # fmt: skip

    def group(self, group: Group) -> dict[str, Any]:
        nodes = [node for node in group.nodes() if self.describer.in_focus(node)]
        closed = group in self.sealed
        ids = [
            part.id if isinstance(part, Group) else self.ids.operations[part]
            for part in group.parts
            if isinstance(part, Group) or self.describer.in_focus(part)
        ]
        crossing = self.crossing(group)
        leaves = {p for n in nodes for p in n.predecessors if p.is_leaf}
        walked = [self.trace.steps[node] for node in nodes if node in self.trace.steps]
        own = [p for p in leaves if p.name and self.made_in(p, group)]
        return {
            "name": group.name,
            "path": group.path(),
            "kind": group.kind,
            "count": group.count,
            "shared": group.shared,
            "parent": group.parent.id if group.parent else None,
            "parts": [] if closed else ids,
            "operations": len(nodes),
            "first": self.number_of(nodes[0]) if nodes else None,
            "steps": [min(walked), max(walked)] if walked else None,
            "parameters": sum(math.prod(p.shape) for p in own),
            "leaves": [self.ids.tensors[key] for key in self.leaves(group)],
            "sealed": closed,
            "inside": self.inside(group, crossing),
            "stacked": self.stacked(group),
            "strip": [[text, spelled(gain)] for text, gain in self.describer.strip(group)],
            "borders": self.borders(group, crossing),
            "outputs": [self.ids.tensors[key] for key in crossing if self.made_in(key, group)],
        }

    def leaves(self, group: Group) -> list[Key]:
        """The leaves and constants that a group alone uses; of a sealed one no more than a few."""
        found = self.describer.leaves(group)
        return found if group not in self.sealed or len(found) <= _HELD else []

    def inside(self, group: Group, crossing: Mapping[Any, Any]) -> dict[str, Any]:
        """What the operations of a group add to the gradients of its own results."""
        made = [node for node in crossing if self.made_in(node, group)]
        flows = {self.ids.tensors[x]: self.describer.kept_flow(group, x) for x in made
                 if isinstance(x, Node) and not x.is_leaf}  # fmt: skip
        return {name: self.summary(x) for name, x in flows.items() if x is not None}

    def stacked(self, group: Group) -> list[int | None] | None:
        """What a closed layer of scalars shows: its results as one array, and their gradients."""
        node = self.describer.closed_group(group) if group.kind == "layer" else None
        if node is None or node.main is None or len(node.results) < 2:
            return None
        return [self.summary(node.main.value), self.summary(node.main.gradient)]

    def made_in(self, key: Key, group: Group) -> bool:
        return group in self.trace.nesting.group_of[key].around()

    def crossing(self, group: Group) -> dict[Key, list[Use]]:
        """The uses in a group of what belongs outside of it, and its results used outside."""
        out: dict[Key, list[Use]] = {}
        roots = set(self.trace.graph.outputs)
        for node in filter(self.describer.in_focus, group.nodes()):
            for i, x in enumerate(node.operands):
                if x.kind != "number" and not self.made_in(x.key, group):
                    out.setdefault(x.key, []).append((node, i))
            uses = self.trace.nesting.uses.get(node, ())
            if node in roots or any(not self.made_in(op, group) for op, _ in uses):
                out.setdefault(node, [])
        return out

    def borders(self, group: Group, crossing: Mapping[Any, Any]) -> dict[str, Any]:
        """What a group adds to the gradient of each tensor that it uses from outside."""
        trace, out = self.trace, {}
        for key, uses in crossing.items():
            if not uses:
                continue
            flowing = sorted((u for u in uses if u in self.order), key=self.order.__getitem__)
            total = trace.contributions[flowing[0]] if len(flowing) == 1 else None
            if len(flowing) > 1:
                total = self.describer.kept_flow(group, key)
            out[self.ids.tensors[key]] = {
                "contribution": self.summary(total),
                "after": self.summary(trace.running.get(flowing[-1])) if flowing else None,
                "edges": [self.ids.edge(*use) for use in flowing or uses],
                "share": spelled(self.describer.share(uses)),
                "norms": [spelled(x) for x in self.describer.norms(uses)] if uses[1:] else [],
            }
        return out


def _place(node: Node) -> tuple[str, int] | None:
    """File and line of the call that made a node, where it is known."""
    file, _, line = (node.where or "").rpartition(":")
    return (file, int(line)) if line.isdecimal() else None


def _scalar(value: Any) -> float | str | None:
    """A number among the operands, as text if complex; None where an optional one is not given."""
    return value if value is None else str(value) if np.iscomplexobj(value) else float(value)


def _sealed(root: Group, most: int) -> set[Group]:
    """The groups whose parts do not fit into the budget, the outermost of them."""
    out: set[Group] = set()
    queue, left = deque([root]), most
    while queue:
        group = queue.popleft()
        if len(group.parts) > left and group is not root:
            out.add(group)
            continue
        left -= len(group.parts)
        queue += [part for part in group.parts if isinstance(part, Group)]
    return out


def _enclosing(group: Group) -> list[Group]:
    """The groups around one."""
    return [*group.around()][1:]


class _Rules:
    """The formulas of a trace's operations, each distinct one once."""

    def __init__(self, trace: Trace, varying: Collection[Node]) -> None:
        self.trace, self.varying = trace, varying
        self.table: list[dict[str, Any]] = []
        self.known: dict[tuple[int, int | None], int] = {}
        self.kinds: dict[Any, int] = {}  # of operations
        self.tokens: dict[Node, int] = {}
        self.same: dict[Any, int] = {}

    def number(self, node: Node, i: int | None = None) -> int:
        """The place in the table of the forward formula, or of that for an operand's gradient.

        Equal operations on equal shapes share a formula.
        """
        key = self.alike(node), i
        if key in self.known:
            return self.known[key]
        formula = self.forward(node) if i is None else self.backward(node, i)
        entry = {
            "text": formula.text(), "mathml": formula.mathml(), "given": formula.conditions(),
            "stated": formula.expression is None,
        }  # fmt: skip
        number = self.same.setdefault(tuple(map(str, entry.values())), len(self.table))
        if number == len(self.table):
            self.table.append(entry)
        if not formula.given:  # else it depends on the values
            self.known[key] = number
        return number

    def alike(self, node: Node) -> int:
        """A number that equal operations on equal shapes share."""
        if node not in self.tokens:
            shapes = tuple(
                _scalar(x.value) if x.kind == "number" else x.shape for x in node.operands
            )
            options = tuple((key, repr(x)) for key, x in node.options.items())
            key = (node.op.name, options, node.shape, shapes)
            self.tokens[node] = self.kinds.setdefault(key, len(self.kinds))
        return self.tokens[node]

    def operands(self, node: Node) -> list[Any]:
        return [
            x.value if x.kind == "number" and not isinstance(x.value, np.ndarray) else
            Expression.named(f"q{i}", self.array(x))
            for i, x in enumerate(node.operands)
        ]  # fmt: skip

    def array(self, what: Node | Operand) -> np.ndarray:
        """The array, or one of its shape if only a summary of it was kept."""
        if not isinstance(what.key, Node):
            return np.asarray(what.value)
        kept = self.trace.values[what.key]
        if not isinstance(kept, Summary):
            return np.asarray(kept)
        if kept.elements is not None:
            return np.array(kept.elements, kept.dtype).reshape(kept.shape)
        return np.broadcast_to(np.array(0.5, kept.dtype), kept.shape)

    def cheap(self, node: Node) -> bool:
        if len(node.operands) > _MANY or node in self.varying:
            return False
        sizes = [math.prod(x.shape) for x in node.operands if x.kind != "number"]
        return sum(sizes) + math.prod(node.shape) <= _COSTLY

    def forward(self, node: Node) -> Formula:
        left = Expression.named("qy", self.array(node))
        if not self.cheap(node):
            count = len(node.operands)
            names = [f"q{i}" for i in range(min(count, _MANY))] + ["…"] * (count > _MANY)
            return Formula(left, None, f"{node.op.name}({', '.join(names)})")
        try:
            return Formula(left, simplified(applied(node.op, self.operands(node), node.options)))
        except (NotSymbolic, ValueError, TypeError):
            return Formula(left, None, node.op.name)

    def backward(self, node: Node, i: int) -> Formula:
        out = Expression.named("qy", self.array(node))
        g = Expression.named("qg", np.broadcast_to(np.array(0.5, node.dtype), node.shape))
        if self.cheap(node):
            try:
                return of_contribution(node, i, self.operands(node), out, g)
            except (NotSymbolic, ValueError, TypeError):
                pass
        return Formula(g, None, stated(node.op, i))


def _described(kept: Any) -> dict[str, Any]:
    """A summary, or an array that was kept in full, as the document has it."""
    x = kept if isinstance(kept, Summary) else summarise(kept)
    out: dict[str, Any] = {"shape": list(x.shape), "dtype": x.dtype}
    if x.scalar is not None:
        return out | {"scalar": spelled(x.scalar)}
    for key in ("mean", "std", "min", "max", "norm", "rms", "sum", "top", "zeros"):
        out[key] = spelled(x.total if key == "sum" else getattr(x, key))
    out |= {"nans": x.nans, "infs": x.infs, "bins": list(x.bins), "scale": spelled(x.scale)}
    if x.elements is not None:
        out["elements"] = spelled(x.elements)
    elif not isinstance(kept, Summary) and kept.size <= _HOVER:
        exact = kept if kept.dtype.itemsize <= 8 else kept.astype(np.float64)
        out["elements"] = spelled(exact.tolist())
    elif x.thumb is not None:
        out["cells"] = [[_thumbnail_cell(v) for v in row] for row in x.thumb.tolist()]
        out |= {"block": list(x.block), "caption": x.caption}
    return out


def _thumbnail_cell(x: float) -> Any:
    """A cell of a thumbnail to four digits; null for the gap between tiles."""
    if x == GAP:
        return None
    return float(f"{x:.4g}") if math.isfinite(x) else repr(x)
