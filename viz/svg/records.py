"""Nodes of a picture: how large a record, an operation or a tag is, and how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from viz.capture.summary import Summary
from viz.layout.blocks import OPERATION_HEIGHT
from viz.model.elements import Operation, State, Tag, TensorRecord
from viz.model.marks import Mark
from viz.model.phrases import infix_of
from viz.style.text import brief, dtype_of, fit, number, one_line, shape_of, width
from viz.svg.canvas import Canvas, coordinate
from viz.svg.cells import CELL, cell_width, form_of, heat, map_size, scale_of, table

WORDS = {"parameter": "param", "leaf": "leaf", "constant": "const", "output": "output"}

HEADER = 22.0
PAD = 9.0
INDENT = 42.0  # where the contents of a row start, after its label
SMALL = 11.0  # font size of all but titles and scalars
_NUMBER = 12.0
_STATISTICS = 28.0  # height of two lines of them
_FOOT = 17.0
RING = 4.0  # how far the ring of an accumulated gradient stands off
WIDEST = 236.0


@dataclass(frozen=True, slots=True)
class Row:
    """A part of a record, its data or its gradient, and the rectangle it has there."""

    label: str
    summary: Summary | None
    x: float
    y: float
    width: float
    height: float
    indent: float = INDENT


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of a node: its box, and of a record the kind and place of its rows."""

    width: float
    height: float
    rows: tuple[Row, ...] = ()
    form: str = ""
    foot: str = ""
    margin: float = 0.0  # room for a ring around the box

    @property
    def size(self) -> tuple[float, float]:
        """The room a node takes, its ring included."""
        return self.width + 2 * self.margin, self.height + 2 * self.margin


def measures_of_tag(node: Tag, direction: str) -> Measures:
    return Measures(min(width(tag_label(node), 11.0, True) + 18.0, WIDEST), 20.0)


def tag_label(node: Tag) -> str:
    """The name of the tensor, and whether its record stands elsewhere in the picture or nowhere."""
    return f"{titled(node.name, node.home)} {'↗' if node.shown else '⋯'}"


def measures_of_record(node: TensorRecord, direction: str) -> Measures:
    """A record's measures; slim columns stand side by side where the picture grows downward."""
    form = form_of(node.shape)
    parts: list[tuple[str, Summary | None]] = [("data", node.value), ("grad", node.gradient)]
    parts = parts[:1] if node.kind == "constant" else parts
    parts = list(node.rows) if node.rows is not None else parts
    abreast = direction == "TB" and (1, *node.shape)[-1] == 1 and len(parts) == 2
    foot = footnote(node)
    head = width(title_of(node), 12.0, True) + 12.0 + width(meta_of(node), SMALL) + 2 * PAD
    below = width(foot, SMALL, True) + 2 * PAD
    indent = max([INDENT, *(PAD + 2.0 + width(label, SMALL) + 6.0 for label, _ in parts)])
    room = indent + inner_width(node.shape, form, [x for _, x in parts if x]) + PAD
    count = len(parts) if abreast else 1
    across = even(max(count * room, min(max(head, below), WIDEST), 96.0))
    rows, y = rows_of(parts, node.shape, form, across, HEADER + 3.0, abreast)
    rows = [replace(row, indent=indent) for row in rows]
    ring = RING + 1.0 if len(node.terms) > 1 else 0.0
    down = y + (_FOOT if foot else 0.0) + 3.0
    return Measures(across, down, tuple(rows), form, foot, ring)


def rows_of(
    parts: Sequence[tuple[str, Summary | None]], shape: tuple[int, ...], form: str, across: float,
    y: float, abreast: bool,
) -> tuple[list[Row], float]:  # fmt: skip
    """The rows of a box that is so wide, from y downward, and where they end."""
    rows, share = [], across / len(parts) if abreast else across
    for k, (label, x) in enumerate(parts):
        high = _row_height(shape, form) if x is not None or abreast else 18.0
        rows.append(Row(label, x, k * share if abreast else 0.0, y, share, high))
        y += 0.0 if abreast and k + 1 < len(parts) else high
    return rows, y


def _row_height(shape: tuple[int, ...], form: str) -> float:
    high = {
        "table": (1, 1, *shape)[-2] * CELL + 5.0,
        "map": max(map_size(shape)[1], _STATISTICS) + 6.0,
    }
    return high.get(form, 18.0)


def inner_width(shape: tuple[int, ...], form: str, shown: Sequence[Summary]) -> float:
    """How wide the contents of a row are."""
    if form == "scalar":
        return max(width(number(x.mean), _NUMBER, True) for x in shown)
    if form == "table":
        return cell_width(list(shown), 3) * (1, *shape)[-1]
    if form == "map":
        return map_size(shape)[0] + 8.0 + max(max(map(_stat_width, shown)), 100.0)
    return width("empty", SMALL)


def even(x: float) -> float:
    return 2.0 * -(-x // 2.0)


def footnote(node: TensorRecord) -> str:
    count = len(node.terms)
    words = [f"Σ {count} contributions"] if count > 1 else []
    words = [so_far(node)] if so_far(node) else words
    words += ["and more that is not shown"] if node.hidden else []
    words += ["changed by a hook"] if node.hooked else []
    return " · ".join([*words, *node.notes])


def so_far(node: TensorRecord) -> str:
    """At a stage of the backward pass, how many of a gradient's contributions have arrived."""
    count, last = len(node.terms), node.expected
    return f"Σ {count} of {last} so far" if 0 < count < last else ""


def title_of(node: TensorRecord) -> str:
    return titled(node.name, node.id)


def titled(name: str | None, tensor: str) -> str:
    """A tensor's name, or the number of its record."""
    return one_line(name) if name else f"#{tensor[2:]}"


def meta_of(node: TensorRecord) -> str:
    kind = f" · {WORDS[node.kind]}" if node.kind in WORDS else ""
    return f"{shape_of(node.shape)} {dtype_of(node.dtype)}{kind}"


def _stats_of(x: Summary) -> tuple[str, str, str]:
    if x.flaw:
        return x.flaw, f"of {x.size}", scale_of(x)
    return f"μ {number(x.mean, 3)}", f"‖·‖ {number(x.norm, 3)}", scale_of(x)


def _stat_width(x: Summary) -> float:
    mean, norm, top = _stats_of(x)
    return max(width(mean, SMALL), width(norm, SMALL)) + 8.0 + width(top, SMALL)


def draw_tag(canvas: Canvas, node: Tag, f: Measures) -> str:
    label = fit(tag_label(node), f.width - 16.0, 11.0, True)
    box = canvas.border(f.width, f.height, fill="leaf", stroke="leaf-line", radius=9.5, dash="4 3")
    return box + canvas.text(f.width / 2, 14.0, label, size=SMALL, bold=True, anchor="middle")


def draw_record(canvas: Canvas, node: TensorRecord, f: Measures) -> str:
    """A tensor's record at the origin, its box at (0, 0)."""
    parts = [frame(canvas, node.kind, f), _heading(canvas, node, f)]
    parts += [row(canvas, part, f.form) for part in f.rows]
    if f.foot:
        x, y = f.width / 2, f.height - 9.0
        text = canvas.text(x, y, f.foot, size=SMALL, bold=True, fill="sum-ink", anchor="middle")
        parts.append(text)
    return "".join(parts)


def frame(canvas: Canvas, kind: str, f: Measures) -> str:
    """The border that tells the kinds of tensors apart, and the ring of an accumulation."""
    w, h = f.width, f.height
    box = canvas.border(w, h, -RING, 9.0, stroke="sum", line=2.2) if f.margin else ""
    if kind in ("parameter", "leaf"):
        box += canvas.border(w, h, 1.0, 2.0, fill="leaf", stroke="leaf-line", line=2.0)
        bar = canvas.rect(1, 1, 5, h - 2, fill="leaf-line")
        return box + bar if kind == "parameter" else box
    if kind == "constant":
        cut = 11.0
        d = f"M.5 .5H{coordinate(w - cut)}L{coordinate(w - 0.5)} {cut:g}V{coordinate(h - 0.5)}H.5z"
        return box + canvas.path(d, fill="const", stroke="line")
    box += canvas.border(w, h, 0.5, 7.0, fill="record", stroke="line", line=1.2)
    second = canvas.border(w, h, 3.5, 4.5, stroke="line", line=1.2)
    return box + second if kind == "output" else box


def _heading(canvas: Canvas, node: TensorRecord, f: Measures) -> str:
    meta = meta_of(node)
    right = f.width - PAD - (5.0 if node.kind == "constant" else 0.0)
    left = PAD + (2.0 if node.kind == "parameter" else 0.0)
    name = fit(title_of(node), right - left - width(meta, SMALL) - 6.0, 12.0, True)
    named = bool(node.name)
    rule = f"M{coordinate(left - 3)} {HEADER:g}H{coordinate(f.width - 6)}"
    return (
        canvas.text(left, 15.5, name, size=12.0, bold=named, fill="ink" if named else "muted")
        + canvas.text(right, 15.0, meta, size=SMALL, fill="muted", anchor="end")
        + canvas.path(rule, stroke="hair")
    )


def row(canvas: Canvas, part: Row, form: str) -> str:
    """One row of a record: its label and what it holds; "—" for what was not computed."""
    x, left, middle = part.summary, part.x + part.indent, part.y + part.height / 2
    ink = "grad-ink" if part.label.startswith(("grad", "∂")) else "muted"
    text = canvas.text(part.x + PAD + 2.0, middle + 3.5, part.label, fill=ink)
    if x is None:
        return text + canvas.text(left, middle + 3.5, "—", size=12.0, fill="muted")
    if form == "scalar":
        place = left - 3, part.y + 1, part.width - part.indent - 4, part.height - 2
        back = canvas.hatch(*place) if x.flaw else ""
        halo = "record" if x.flaw else None
        value = canvas.text(left, middle + 4.2, number(x.mean), size=_NUMBER, bold=True, halo=halo)
        return text + back + value
    if form == "table":
        cell = (part.width - part.indent - PAD) / (1, *x.shape)[-1]
        return text + table(canvas, x, left, part.y + 2.0, cell, digits=3)
    if form == "empty":
        return text + canvas.text(left, middle + 3.5, "empty", fill="muted")
    right = part.x + part.width - PAD
    return text + heat(canvas, x, left, part.y + 3.0) + _statistics(canvas, x, left, right, middle)


def _statistics(canvas: Canvas, x: Summary, x0: float, right: float, middle: float) -> str:
    (first, second, top), left = _stats_of(x), x0 + map_size(x.shape)[0] + 8.0
    return (
        canvas.text(left, middle - 2.5, first, size=SMALL, bold=bool(x.flaw))
        + canvas.text(left, middle + 11.0, second, size=SMALL)
        + canvas.text(right, middle + 3.5, top, size=SMALL, fill="muted", anchor="end")
    )


def caption_of(node: Operation) -> str:
    """What an operation says below the name: operands that are plain numbers, and options."""
    words = []
    for i, x in node.numbers.items():
        sign = infix_of(node.infix)
        value = number(float(x))
        if sign and len(node.args) == 2:
            words.append(f"{sign} {value}" if i else f"{value} {sign}")
        else:
            words.append(f"{node.args[i]} = {value}")
    for key, x in node.options.items():
        text = one_line(brief(x))
        words.append(f"[{text}]" if key == "index" else f"{key} {text}")
    words += node.notes
    return fit(" · ".join(words), 150.0, SMALL)


def measures_of_operation(node: Operation, direction: str) -> Measures:
    caption = caption_of(node)
    label = fit(one_line(node.name), 150.0, 12.0, True)
    text = max(width(label, 12.0, True), width(caption, SMALL))
    high = 40.0 if caption else OPERATION_HEIGHT
    return Measures(even(max(text + 26.0 + _step_width(node), 64.0)), high)


def _step_width(node: Operation) -> float:
    if node.step is None:
        return 0.0
    return max(18.0, width(str(node.step), SMALL, True) + 9.0)


def draw_operation(canvas: Canvas, node: Operation, f: Measures) -> str:
    caption, room = caption_of(node), _step_width(node)
    radius = min(14.0, f.height / 2)
    box = canvas.border(f.width, f.height, 0.5, radius, fill="op", stroke="op-line")
    middle = (f.width - room) / 2 + (1.0 if room else 0.0)
    label = fit(one_line(node.name), 150.0, 12.0, True)
    y = f.height / 2 + (-2.0 if caption else 4.2)
    words = canvas.text(middle, y, label, size=12.0, bold=True, anchor="middle")
    if caption:
        words += canvas.text(middle, y + 13.5, caption, size=SMALL, fill="muted", anchor="middle")
    if not room:
        return box + words
    left, y = f.width - room - 6.0, f.height / 2
    return box + words + step_badge(canvas, str(node.step), left, y, room, node.state)


def step_badge(
    canvas: Canvas, text: str, left: float, middle: float, wide: float, state: State | None
) -> str:
    """A backward step's number; hollow while the step is yet to come, ringed when it is now."""
    top, ink = middle - 9.0, "grad-ink" if state == "pending" else "chip-ink"
    words = canvas.text(
        left + wide / 2, middle + 4.0, text, size=SMALL, bold=True, fill=ink, anchor="middle"
    )
    if state == "pending":
        hollow = canvas.rect(left + 0.5, top + 0.5, wide - 1, 17, 8.5, stroke="chip", dash="3 2")
        return hollow + words
    box = canvas.rect(left, top, wide, 18.0, 9.0, fill="chip")
    if state == "now":
        box = canvas.rect(left - 3, top - 3, wide + 6, 24.0, 12.0, stroke="chip", line=2.2) + box
    return box + words


# by level: the colour of the border, its width, its dashes, the badge's colours and its sign
MARKS: dict[str, tuple[str, float, str, str, str, str]] = {
    "bad": ("bad", 3.0, "", "bad", "bad-ink", "×"),
    "warn": ("warn-line", 2.4, "6 3", "warn", "warn-ink", "!"),
    "way": ("bad", 2.0, "2 3", "", "", ""),
}
_BADGE = 8.0  # its radius


def draw_mark(canvas: Canvas, f: Measures, mark: Mark) -> str:
    """The border around a node's box at (0, 0), and the badge on its upper left corner."""
    line, width, dash, fill, ink, sign = MARKS[mark.level]
    off = 3.5 + f.margin  # how far the border stands off
    radius = 9.0 if f.form else f.height / 2 + off  # operations and tags are round
    border = canvas.border(f.width, f.height, -off, radius, stroke=line, line=width, dash=dash)
    if not sign:
        return border
    x = 1.0 - off
    badge = canvas.rect(
        x - _BADGE, x - _BADGE, 2 * _BADGE, 2 * _BADGE, _BADGE, fill=fill, stroke=line
    )
    text = canvas.text(x, x + 4.4, sign, size=12.0, bold=True, fill=ink, anchor="middle")
    return border + badge + text
