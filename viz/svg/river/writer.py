"""The SVG of a river picture: frames, ribbons and wires below, records with their numbers above."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from viz.capture.summary import Summary
from viz.model.elements import ClosedGroup, Edge, Operation, PictureModel, TensorRecord
from viz.model.gains import gains
from viz.model.marks import Mark
from viz.model.river import Record, records_of
from viz.model.snapshot import at_step
from viz.style.text import fit
from viz.svg import tooltips
from viz.svg.canvas import Canvas, coordinate, group, place
from viz.svg.legend import Item
from viz.svg.records import MARKS, Measures, draw_mark
from viz.svg.river import drawing
from viz.svg.river.key import key_of
from viz.svg.river.looks import PAD, SMALL, Look, lines_of
from viz.svg.river.motion import STILL, Motion
from viz.svg.river.placing import Placed, Point, label_of, title_of
from viz.svg.river.placing import place as placed
from viz.svg.sheet import MOST_HELD, Chart, Extras, assembled, besides, filmed, stage_of

_ROW = 8  # closed groups that stand below each other
_TURN = 10.0  # radius of a wire's turns


class RiverDrawing:
    """A picture with every record in its place, ready to be drawn.

    Args:
        model: what it shows, made without tags.
        direction: of the forward pass, "TB" or "LR"; None for downward, and to the right where
            steps of a loop are drawn.
        words: by edge, what stands there in place of its contribution.
        notes: by operation or tensor, what its record says besides.
    """

    def __init__(
        self, model: PictureModel, direction: str | None = None,
        words: Mapping[str, str] | None = None, notes: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.model = model
        river = records_of(model)
        stepped = any(len(loop.steps) > 1 for loop in river.loops.values()) or _in_a_row(model)
        turned = direction == "LR" or (direction is None and stepped)
        self.where = placed(river, turned, words or {}, notes or {})

    def svg(
        self, theme: str, step: int | None = None, extras: Extras | None = None,
        animate: bool = False,
    ) -> str:  # fmt: skip
        """The picture, or a stage of its backward pass, as the text of an SVG file.

        With `animate`, it plays the pass, see `viz.svg.river.motion`.
        """
        where, extras = self.where, extras or Extras()
        shown = self.model if step is None else at_step(self.model, step)
        drawn = _Drawn(Canvas(theme), where, shown, extras, Motion(shown) if animate else STILL)
        extent = 0.0, 0.0, where.width, where.height
        key = self.key(shown, extras)
        parts = [drawn.motion.style(), *drawn.parts()]
        return assembled(drawn.canvas, shown, parts, extent, extras, key, "river")

    def film(self, theme: str, steps: Sequence[int], columns: int) -> str:
        """Stages side by side as the text of an SVG file."""
        canvas = Canvas(theme)
        stages = []
        for step in steps:
            stage = at_step(self.model, step)
            parts = _Drawn(canvas, self.where, stage, Extras()).parts()
            stages.append((step, stage_of(step, self.model.steps), parts))
        size = self.where.width, self.where.height
        return filmed(canvas, self.model, stages, size, columns, self.key(self.model, Extras()))

    def key(self, model: PictureModel, extras: Extras) -> list[Item]:
        cells = any(look.form in ("table", "map") for look in self.where.looks.values())
        return key_of(model, self.where.river, cells, besides(extras))


def strip(
    moments: Sequence[tuple[int, str, RiverDrawing]], theme: str, title: str, chart: Chart
) -> str:
    """Pictures of one computation side by side, as the text of an SVG file.

    Args:
        moments: the number of each, the words above it, and itself.
        title: of all of them.
        chart: what stands under them.
    """
    canvas, last = Canvas(theme), moments[-1][2]
    stages = [
        (number, words, _Drawn(canvas, x.where, x.model, Extras()).parts())
        for number, words, x in moments
    ]
    size = max(x.where.width for *_, x in moments), max(x.where.height for *_, x in moments)
    model = replace(last.model, title=title)
    key = last.key(last.model, Extras())
    return filmed(canvas, model, stages, size, len(moments), key, chart=chart)


class _Drawn:
    """Draws a picture that has its places, at a stage of its backward pass."""

    def __init__(
        self, canvas: Canvas, where: Placed, model: PictureModel, extras: Extras,
        motion: Motion = STILL,
    ) -> None:  # fmt: skip
        self.canvas, self.where, self.model, self.extras = canvas, where, model, extras
        self.motion = motion
        self.turned = where.turned
        self.uses: dict[Record, list[Edge]] = {}
        self.operands: dict[Record, list[Edge]] = {}  # the wires into each record
        for edge, tail, head in where.river.wires:
            self.uses.setdefault(tail, []).append(model.edges[edge.id])
            self.operands.setdefault(head, []).append(model.edges[edge.id])
        self.into: dict[str, list[Edge]] = {}  # all edges, by the id of their head
        for edge in model.edges.values():
            self.into.setdefault(edge.head, []).append(edge)
        self.gains = gains(model)
        self.beside = {
            leaf: (record, edge) for record in where.river.records for leaf, edge in record.beside
        }

    def node(self, record: Record) -> TensorRecord | None:
        """The tensor of a record at this stage."""
        now = self.model.nodes.get(record.id)
        if isinstance(now, ClosedGroup):
            return now.main
        tensor = self.model.nodes[record.tensor.id] if record.tensor is not None else None
        assert tensor is None or isinstance(tensor, TensorRecord)
        return tensor

    def parts(self) -> list[str]:
        river = self.where.river
        out = self.frames()
        wires = [(edge.id, tail) for edge, tail, _ in river.wires]
        wires += [(edge.id, leaf) for leaf, (_, edge) in self.beside.items()]
        out += [self.wire(edge, tail) for edge, tail in wires]
        out += [self.record(record) for record in river.all()]
        out += [self.label(edge, tail) for edge, tail in wires]
        return out

    def frames(self) -> list[str]:
        out = []
        for box in self.model.groups:
            title, data = tooltips.of_open_group(box)
            if box.id not in self.where.frames:
                out.append(group(data, "", []))
                continue
            left, top, right, bottom = self.where.frames[box.id]
            words = fit(title_of(self.where.river, box), right - left - 16.0, SMALL, True)
            text = self.canvas.text(left + 9, top + 14, words, size=SMALL, bold=True, fill="muted")
            shape = self.canvas.rect(
                left, top, right - left, bottom - top, 8.0, fill="box", stroke="box-line"
            )
            out.append(group(data, title, [shape, text]))
        return out

    def wire(self, name: str, tail: Record) -> str:
        """An edge: the ribbon of what flows back, and the line of the value beside it."""
        edge = self.model.edges[name]
        title, data = tooltips.of_edge(edge, self.model)
        mark = self.extras.marks.get(name)
        title = f"{title}\n{mark.words}" if mark else title
        parts = []
        if mark is not None or name in self.extras.highlight:
            role = MARKS[mark.level][0] if mark is not None else "glow"
            parts += [self.path(way, role, 9.0) for way in self.where.wires[name]]
        flow = _flow(edge)
        if flow is not None:
            wide = drawing.broad(flow)
            ribbons = [self.path(way, "river", wide) for way in self.where.ribbons[name]]
            tip = self.tip(self.where.ribbons[name][0], wide, self.colour(edge, tail))
            parts.append(self.motion.at(_when(edge), "".join(map(self.motion.ribbon, ribbons))))
            parts.append(self.motion.arrived(_when(edge), tip))
        for way in self.where.wires[name]:
            if len(way) > 2:
                parts.append(self.path(way, "canvas", 3.6))
            parts.append(self.path(way, "line", 1.4))
        parts.append(self.arrow(self.where.wires[name][-1]))
        return group(data, title, parts)

    def colour(self, edge: Edge, tail: Record) -> str:
        """The colour of a ribbon's tip: of its part in a sum, where several add up."""
        terms = tail.tensor.terms if tail.tensor is not None else ()
        if len(terms) > 1 and edge.id in terms:
            return f"part-{terms.index(edge.id) % drawing.PARTS}"
        return "tip"

    def path(self, points: list[Point], role: str, line: float) -> str:
        return self.canvas.path(_rounded(points), stroke=role, line=line)

    def tip(self, points: list[Point], wide: float, role: str) -> str:
        """The head of a ribbon, at the record that it flows to."""
        (x0, y0), (x1, y1) = points[0], points[1]
        return self.canvas.path(_triangle(x0, y0, x1 - x0, y1 - y0, 4.0 + wide * 0.28, 1.5),
                                fill=role)  # fmt: skip

    def arrow(self, points: list[Point]) -> str:
        (x0, y0), (x1, y1) = points[-2], points[-1]
        return self.canvas.path(_triangle(x1, y1, x0 - x1, y0 - y1, 3.6, 1.95), fill="line")

    def label(self, name: str, tail: Record) -> str:
        words = self.extras.highlight.get(name)
        (spot, anchor) = self.where.labels.get(name, (None, "end"))
        edge = self.model.edges[name]
        text = label_of(edge, self.uses.get(tail, ()))
        if words and tail in self.beside:
            return ""  # they stand in the leaf
        if words:
            spot = spot or _middle(self.where.wires[name][0])
            return self.canvas.text(*spot, words, size=SMALL, bold=True, anchor=anchor,
                                    halo="canvas")  # fmt: skip
        if spot is None or not text:
            return ""
        words = self.canvas.text(*spot, text, size=SMALL, fill="grad-ink", anchor=anchor)
        return self.motion.at(_when(edge), words)

    def record(self, record: Record) -> str:
        look = self.now(record)
        state = self.at_stage(record)
        x, y = self.where.at[record]
        tensor = self.node(record)
        parts = [drawing.border(self.canvas, record, look)]
        g = tensor.gradient if tensor is not None else None
        ribbon = self.ribbon(record, look, g, self.operands.get(record, []))
        beside = record in self.beside or record.shared
        step, motion = _step_of(state), self.motion
        at, arrived = partial(motion.at, step), partial(motion.arrived, self.arrival(record))
        ribbon = at(ribbon) if step is not None else arrived(ribbon)
        head = drawing.head(self.canvas, state, look, self.turned, g is not None, beside, at)
        parts.append(motion.glow(self.canvas, step, look.width, look.height))
        if record.operation is not None and record.result is not None:
            edge, op = record.result, self.model.nodes[record.operation.id]
            title, data = tooltips.of_edge(edge, self.model)
            parts.append(group(data, title, [ribbon]))
            title, data = tooltips.of_node(op, self.model)
            parts.append(group(self.with_mark(data, op.id), title, [head]))
        else:
            parts += [ribbon, head]
        parts.append(drawing.body(self.canvas, look, arrived))
        parts += self.lines(record, look)
        if tensor is not None and look.bar is not None and tensor.terms:
            parts.append(self.sum(tensor, look))
        if tensor is not None and look.bars is not None:
            uses = [self.model.edges[edge.id] for edge in record.uses]
            norms = [(x, _when(edge)) for edge in uses for x in _norms(edge)]
            parts.append(drawing.bars(self.canvas, look, norms, self.motion.arrived))
        if look.foot:
            low = look.height - (look.channel + 10.0 if self.turned and not record.leaf else 7.0)
            parts.append(self.canvas.text(PAD, low, look.foot, size=SMALL, bold=True,
                                          fill="sum-ink"))  # fmt: skip
        return self.marked(record, look, parts, f' transform="translate({place((x, y))})"')

    def marked(self, record: Record, look: Look, parts: list[str], shift: str) -> str:
        """The record with its data, with marks and highlights of what it shows."""
        tensor = record.tensor if record.group is None else None
        shown = self.model.nodes[tensor.id if tensor is not None else record.id]
        title, data = tooltips.of_node(shown, self.model)
        names = dict.fromkeys((record.id, getattr(record.tensor, "id", record.id)))  # in order
        marks = [self.extras.marks[name] for name in names if name in self.extras.marks]
        mark = _joined(marks)
        data = self.with_mark(data, shown.id)
        if mark is not None:
            title = f"{title}\n{mark.words}"
            f = Measures(look.width, look.height, form="record")
            parts.append(draw_mark(self.canvas, f, mark))
        lit = [self.extras.highlight[name] for name in names if name in self.extras.highlight]
        if lit:
            glow = self.canvas.border(look.width, look.height, -4.0, 9.0, stroke="glow", line=6.0)
            said = " ".join(filter(None, lit))
            words = self.canvas.text(
                look.width / 2, -9.0, said, size=SMALL, bold=True, anchor="middle", halo="canvas"
            )
            parts = [glow, *parts, *([words] if said else [])]
        inner = ""
        for view in record.views:
            inner += self.view(view)
        if isinstance(shown, ClosedGroup):
            held = [*shown.results, *shown.parameters][:MOST_HELD]
            inner += "".join(_data_of(x, self.model) for x in held)
        return group(data, title, [*parts, inner], shift)

    def arrival(self, record: Record) -> int | None:
        """The step after which the gradient of a record's tensor is there."""
        tensor = self.node(record)
        if tensor is None or tensor.gradient is None:
            return None
        inside = record.group.steps if record.group and tensor.inside is not None else None
        steps = [inside[1] if inside else 0]
        steps += [_when(self.model.edges[edge]) or 0 for edge in tensor.contributions]
        return max(steps)

    def with_mark(self, data: dict[str, Any], name: str) -> dict[str, Any]:
        """The data of a node, with its gain and the level of its own mark."""
        mark, growth = self.extras.marks.get(name), self.gains.get(name)
        more = {} if growth is None else {"gain": repr(growth)}
        return data | more | ({} if mark is None else {"mark": mark.level})

    def view(self, record: Record) -> str:
        """What is known of an operation that only shows a leaf otherwise; it has no record."""
        assert record.operation is not None
        assert record.result is not None
        assert record.tensor is not None
        model = self.model
        into = self.into.get(record.operation.id, ())
        described = [
            tooltips.of_node(model.nodes[record.operation.id], model),
            tooltips.of_node(model.nodes[record.tensor.id], model),
            *(tooltips.of_edge(edge, model) for edge in (model.edges[record.result.id], *into)),
        ]
        return "".join(group(data, "", []) for _, data in described)

    def now(self, record: Record) -> Look:
        """The look at this stage: the same places, with the gradients known so far."""
        full = self.where.looks[record]
        if self.model.stage is None:
            return full
        state = self.at_stage(record)
        g = state.tensor.gradient if state.tensor is not None else None
        parts = [replace(x, summary=g) if x.label == "∂" else x for x in full.parts]
        pending = getattr(state.operation or state.group, "state", None) == "pending"
        texts = lines_of(state)
        lines = [(y, text, edge) for (y, _, _), (text, edge) in zip(full.lines, texts)]
        return replace(full, parts=parts, lines=lines, gain="" if pending else full.gain)

    def at_stage(self, record: Record) -> Record:
        """The record with what is known of its nodes at this stage."""
        shown = self.model.nodes[record.id]
        return replace(
            record, tensor=self.node(record),
            operation=shown if isinstance(shown, Operation) else None,
            group=shown if isinstance(shown, ClosedGroup) else None,
            named=[self.model.edges[edge.id] for edge in record.named],
        )  # fmt: skip

    def ribbon(self, record: Record, look: Look, g: Summary | None, operands: list[Edge]) -> str:
        beside = record in self.beside or record.shared
        if g is None or beside:
            return ""
        flows = [x for x in map(_flow, operands) if x is not None]
        widths = [drawing.broad(x) for x in flows]
        after = drawing.broad(g.rms)
        side = [(leaf, edge) for leaf, edge in record.beside
                if _flow(self.model.edges[edge.id]) is not None]  # fmt: skip
        d = drawing.river(look, self.turned, max(widths, default=0.0), after, not widths)
        out = self.canvas.path(d, fill="river")
        x, y = self.where.at[record]
        for _, edge in side:
            (_, (x1, y1)) = self.where.ribbons[edge.id][0]
            wide = drawing.broad(_flow(self.model.edges[edge.id]) or 0.0)
            if self.turned:
                line = look.height - look.channel
                far = (x1 - x, y1 - y)
                d = f"M{place(far)}V{coordinate(line)}"
            else:
                line = look.width - look.channel
                d = f"M{place((x1 - x, y1 - y))}H{coordinate(line)}"
            ribbon = self.motion.ribbon(self.canvas.path(d, stroke="river", line=wide))
            out += self.motion.at(_when(self.model.edges[edge.id]), ribbon)
        return out

    def lines(self, record: Record, look: Look) -> list[str]:
        out = []
        for y, words, edge in look.lines:
            limit = look.width - PAD - (PAD if self.turned or record.leaf else look.channel + 12.0)
            role = "grad-ink" if words.startswith("∂") else "muted"
            text = self.canvas.text(PAD, y + 11.0, fit(words, limit, SMALL), size=SMALL, fill=role)
            if role == "grad-ink":
                last = record.group.steps[1] if record.group and record.group.steps else None
                text = self.motion.at(last if edge is None else _when(edge), text)
            if edge is not None:
                title, data = tooltips.of_edge(self.model.edges[edge.id], self.model)
                text = group(data, title, [text])
            out.append(text)
        return out

    def sum(self, tensor: TensorRecord, look: Look) -> str:
        """The bar of the contributions that a gradient is the sum of."""
        terms = tensor.terms
        shares, steps, total = [], [], 0.0
        for term in terms:
            edge = self.model.edges.get(term)
            steps.append(0 if edge is None else _when(edge))
            shares.append(edge.share if edge is not None else None)
            total += shares[-1] or 0.0
        unknown = shares.count(None)
        if unknown == 1:  # shares sum to 1
            shares[shares.index(None)] = 1.0 - total
        right = look.width - PAD - (0.0 if self.turned else look.channel + 4.0)
        expected = max(tensor.expected, len(terms))
        known = list(zip(shares, steps, strict=True))
        return drawing.shares(self.canvas, look, known, expected, right, self.motion.arrived)


def _in_a_row(model: PictureModel) -> bool:
    """Whether a picture is mostly a row of closed groups: many equal layers."""
    boxes = Counter(node.box for node in model.of_kind(ClosedGroup))
    most = max(boxes.values(), default=0)
    return most > _ROW and 2 * most > len(model.nodes)


def _flow(edge: Edge) -> float | None:
    """The RMS of what flows back over an edge."""
    if edge.merged:
        count = sum(x.size for x in edge.flowing)
        return edge.norm / math.sqrt(count) if count else None
    return edge.contribution.rms if edge.contribution is not None else None


def _when(edge: Edge) -> int | None:
    """The backward step after which all that flows back over an edge is there."""
    return edge.steps[-1] if edge.steps else None


def _step_of(record: Record) -> int | None:
    """The backward step that comes to a record first."""
    if record.group is not None:
        return record.group.steps[0] if record.group.steps else None
    return record.operation.step if record.operation is not None else None


def _norms(edge: Edge) -> Sequence[float | None]:
    """The norms of what the uses that an edge stands for contribute."""
    if edge.contribution is None:
        return [None] * max(len(edge.norms), 1)
    return edge.norms or [edge.contribution.norm]


def _joined(marks: Sequence[Mark]) -> Mark | None:
    out: Mark | None = None
    for mark in marks:
        out = mark if out is None else out.joined(mark)
    return out


def _data_of(record: TensorRecord, model: PictureModel) -> str:
    title, data = tooltips.of_record(record, model)
    return group(data, title, [])


def _middle(points: list[Point]) -> Point:
    k = len(points) // 2
    (x0, y0), (x1, y1) = points[k - 1], points[k]
    return (x0 + x1) / 2, (y0 + y1) / 2


def _rounded(points: list[Point]) -> str:
    d = [f"M{place(points[0])}"]
    for a, b, c in zip(points, points[1:], points[2:], strict=False):
        before, after = math.dist(a, b), math.dist(b, c)
        k = min(_TURN, before / 2, after / 2)
        p = _toward(b, a, k, before)
        q = _toward(b, c, k, after)
        d.append(f"L{place(p)}Q{place(b)} {place(q)}")
    d.append(f"L{place(points[-1])}")
    return "".join(d)


def _toward(b: Point, a: Point, k: float, length: float) -> Point:
    t = k / (length or 1.0)
    return b[0] + (a[0] - b[0]) * t, b[1] + (a[1] - b[1]) * t


def _triangle(x: float, y: float, dx: float, dy: float, half: float, long: float) -> str:
    """A triangle with its tip at a point, pointing against a direction."""
    n = math.hypot(dx, dy) or 1.0
    ux, uy = dx / n, dy / n
    bx, by = x + ux * half * long, y + uy * half * long
    one, two = (bx - uy * half, by + ux * half), (bx + uy * half, by - ux * half)
    return f"M{place((x, y))}L{place(one)}L{place(two)}z"
