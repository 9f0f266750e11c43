"""How large each record of a river picture is, and where in it everything stands."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from viz.capture.summary import Summary
from viz.model.elements import ClosedGroup, Edge, TensorRecord
from viz.model.gains import gain_of
from viz.model.phrases import NAMELESS, short, written
from viz.model.river import Record
from viz.style.text import number, one_line, plural, shape_of, width
from viz.svg.cells import CELL, cell_width, form_of, map_size, scale_of, spelled
from viz.svg.nodes import contents_of
from viz.svg.records import tag_label, titled

TITLE, SMALL = 12.0, 11.0  # sizes of text
HEAD, PAD, LINE = 20.0, 7.0, 16.0
CHANNEL = 36.0  # from the river to the right side of a record
LOW, DEEP = 13.0, 20.0  # from the river to the lower side, and more where wires part
WIDEST = 300.0
_TWO = 480.0  # of the arrays of two passes side by side
_STRIP = 230.0  # of a line of operations
_MOST_LINES = 6
_ROOM = 280.0  # long lines of numbers are heat-maps
BARS = 32.0  # height of the bars of a shared leaf


@dataclass(frozen=True, slots=True)
class Part:
    """The data or the gradient of a record, and the rectangle it has there."""

    label: str
    summary: Summary | None
    x: float
    y: float
    width: float
    height: float


@dataclass(slots=True)
class Look:
    """A record's measures.

    Attributes:
        channel: from the river to the side beyond it: right where the picture grows downward,
            below where it grows to the right.
        title, meta: its first line, at the left and at the right.
        form: how arrays are shown: "scalar", "table", "map", "empty", "none" of views.
        lines: further lines of text, with the role of their colour; those of named edges have them.
    """

    width: float = 0.0
    height: float = 0.0
    channel: float = CHANNEL
    title: str = ""
    bold: bool = False
    meta: str = ""
    chip: str = ""
    gain: str = ""
    captions: list[str] = field(default_factory=list)
    form: str = "none"
    parts: list[Part] = field(default_factory=list)
    lines: list[tuple[float, str, Edge | None]] = field(default_factory=list)
    bar: float | None = None  # y of the shares of contributions
    bars: float | None = None  # y of a shared leaf's bars
    foot: str = ""
    cell: float = 0.0

    @property
    def chip_width(self) -> float:
        return max(18.0, width(self.chip, SMALL, True) + 7.0) if self.chip else 0.0


def shown_as(
    x: Summary, gradient: Summary | None, small: bool, most: int = 8
) -> tuple[str, float]:  # fmt: skip
    """How an array and its gradient are shown, and of a table the width of a cell.

    With `small`, only columns and pairs of numbers are tables; else those of at most `most` rows.
    """
    form, known = form_of(x.shape), [s for s in (x, gradient) if s is not None]
    rows, columns = (1, 1, *x.shape)[-2:]
    if form == "table" and (rows > most or (small and (rows > 4 or columns > 2))):
        return "map", 0.0
    if form != "table":
        return form, 0.0
    cell = cell_width(known, 2)
    return (form, cell) if cell * columns <= _ROOM or rows > 4 else ("map", 0.0)


def amount(x: Summary, digits: int = 3) -> str:
    """An array in one number: itself, or its norm between bars."""
    if x.size == 1:
        return number(x.total, digits)
    return x.flaw or f"‖{number(x.norm, digits)}‖"


def sizes(x: Summary) -> tuple[str, str]:
    """The numbers beside a heat-map: the norm, and the ends of the colours."""
    return x.flaw or spelled(x.norm), scale_of(x)


def look_of(
    record: Record, into: list[Edge], turned: bool, wide: bool = False, beside: bool = False,
    most: int = 8,
) -> Look:  # fmt: skip
    """The measures of a record.

    Args:
        record: what it is of.
        into: the edges of its wires.
        turned: whether the picture grows to the right.
        wide: whether several wires part at it.
        beside: whether it stands beside another one, or at the side of the picture.
        most: rows of a matrix that is written in numbers.
    """
    look = Look(channel=(LOW + DEEP * wide) if turned else CHANNEL)
    if record.more is not None:
        look.title = f"⋯ {plural(record.more.uses, 'use')} elsewhere"
        look.width, look.height = width(look.title, SMALL) + 2 * PAD + CHANNEL, 24.0
        return look
    if record.tag is not None:
        look.title, look.bold = tag_label(record.tag), True
        look.width, look.height = width(look.title, TITLE, True) + 2 * PAD + 2.0, 24.0
        if not beside:
            look.width += CHANNEL * (not turned)
            look.height += look.channel * turned
        return look
    _title(record, look, into)
    river = record.gradient is not None and not beside
    y = HEAD + (LINE - 1.0) * len(look.captions)
    across = _body(record, look, y, turned, most)
    y = max((part.y + part.height for part in look.parts), default=y) + 3.0
    for text, edge in lines_of(record):
        look.lines.append((y, text, edge))
        across = max(across, width(text, SMALL))
        y += LINE
    if record.tensor is not None and len(record.tensor.terms) > 1 and not record.shared:
        look.bar = y
        across = max(across, 90.0)
        y += LINE
    if record.shared:
        look.bars = y
        y += BARS
    if look.foot:
        across = max(across, width(look.foot, SMALL, True))
        y += LINE
    _close(look, across, y, turned and not beside, river)
    return look


def _title(record: Record, look: Look, into: list[Edge]) -> None:
    tensor = record.tensor
    if record.operation is not None:
        op = record.operation
        name = short(tensor.name) if tensor is not None and tensor.name else ""
        look.title = f"{name} = {op.text}" if name else op.text
        look.bold = bool(name or record.within)
        names = [short(group.name) for group in record.within]
        look.title = ": ".join([*names, look.title])
        look.chip = str(op.step) if op.step is not None else ""
        options = written(op.options)
        look.captions = [options, *op.notes] if options else list(op.notes)
    elif record.group is not None:
        group = record.group
        look.title, look.bold = group_title(group), True
        if group.steps is not None:
            first, last = group.steps
            look.chip = str(first) if first == last else f"{first}–{last}"
        look.captions = strip_of(group) or contents_of(group)
    elif tensor is not None:
        look.title = short(tensor.name) if tensor.name else titled(None, tensor.id)
        look.bold = bool(tensor.name)
    if tensor is not None:
        look.meta = shape_of(tensor.shape) if tensor.shape and record.leaf else ""
        for view in record.views[:1] if len(record.views) == 1 or record.shared else []:
            assert view.operation is not None
            look.meta += " " + ("ᵀ" if view.operation.text.endswith("ᵀ") else "⟲")
        look.foot = _foot(tensor)
    edges = [*into, *record.named, *(edge for _, edge in record.beside)]
    gain = gain_of(record.gradient, edges)
    if gain is not None:
        look.gain = f"×{number(gain, 2)}"


def _foot(tensor: TensorRecord) -> str:
    words = ["and more that is not shown"] if tensor.hidden else []
    words += ["changed by a hook"] if tensor.hooked else []
    return " · ".join([*words, *tensor.notes])


def group_title(group: ClosedGroup) -> str:
    """What a closed group is: its name and class, honestly what is repeated how often."""
    name = one_line(group.name) or group.module
    if group.module == "repeat":
        return f"{name}  ×{group.count}" if group.shared else f"{name}  {group.count} alike"
    if group.module == "steps":
        return f"… {name}"
    if group.module in ("step", "stretch", "chain", "layer", "neuron"):
        return name if group.count == 1 else f"{name} · {group.count} samples"
    return name if name == group.module else f"{name} · {one_line(group.module)}"


def strip_of(group: ClosedGroup) -> list[str]:
    """What the operations of a chain do one after the other, each with its gain, in lines."""
    lines = [""]
    for k, (text, gain) in enumerate(group.strip):
        word = text.removesuffix(f"({NAMELESS})") + (
            f" (×{number(gain, 2)})" if gain is not None else ""
        )
        word += " →" if k + 1 < len(group.strip) else ""
        if width(f"{lines[-1]} {word}", SMALL) > _STRIP and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES - 2 : -1] = [f"… {plural(len(group.strip), 'operation')} in all …"]
    return lines if group.strip else []


def lines_of(record: Record) -> list[tuple[str, Edge | None]]:
    """What is said in words: contributions to leaves at the side, gradients of a closed group."""
    out: list[tuple[str, Edge | None]] = []
    for edge in record.named:
        out.append((named(edge, record.names), edge))
    if record.group is not None:
        learned = [x for x in record.group.parameters if x.kind != "constant"]
        for x in learned if len(learned) <= 4 else []:
            said = "—" if x.gradient is None else amount(x.gradient)
            name = one_line(x.name or NAMELESS).removeprefix(f"{record.group.path}.")
            out.append((f"∂{name} {said}", None))
        if len(learned) > 4:
            total = math.sqrt(sum(x.gradient.norm**2 for x in learned if x.gradient))
            out.append((f"∂ of {len(learned)} parameters ‖{number(total, 3)}‖", None))
    return out


def named(edge: Edge, names: dict[str, str]) -> str:
    """A use without a wire: what it adds to the gradient of what it uses."""
    name = names.get(edge.id, NAMELESS)
    if edge.contribution is None:
        return f"← {name}"
    return f"∂{name} += {amount(edge.contribution)}"


def _body(record: Record, look: Look, y: float, turned: bool, most: int) -> float:
    """Places data and gradient; returns how wide they are."""
    tensor = record.tensor
    if tensor is None or (record.operation is not None and record.operation.view):
        return 0.0
    shown: list[tuple[str, Summary | None]] = [("", tensor.value), ("∂", tensor.gradient)]
    shown = shown[:1] if tensor.kind == "constant" else shown
    shown = list(tensor.rows) if tensor.rows is not None else shown
    shown = [("", x) for _, x in shown] if len(shown) == 1 else shown
    known = [x for _, x in shown if x is not None]
    look.form, look.cell = shown_as(tensor.value, tensor.gradient, turned, most)
    if tensor.rows is not None and look.form == "table":
        look.cell = cell_width(known, 2)
    wide, high = _extent(look, tensor.shape, known)
    label = max(width(name, TITLE) + 5.0 for name, _ in shown) if len(shown) > 1 else 0.0
    if tensor.rows is not None:
        return _columns(look, shown, (label, wide, high), y)
    stacked = (turned and not record.leaf and look.form != "table") or (
        2 * wide + label > WIDEST - (20.0 if record.leaf else 60.0)
    )
    x = PAD
    for k, (name, summary) in enumerate(shown):
        room = label if stacked and len(shown) > 1 else label if k else 0.0
        look.parts.append(Part(name, summary, x + room, y, wide, high))
        if stacked:
            y += high
        else:
            x += room + wide + 6.0
    return max(part.x + part.width for part in look.parts) - PAD


def _columns(
    look: Look, shown: list[tuple[str, Summary | None]], size: tuple[float, float, float], y: float
) -> float:  # fmt: skip
    """Places the arrays of two passes, a column for each if there is room; returns their width."""
    label, wide, high = size
    count = 2 if 2 * (label + wide) <= _TWO and len(shown) > 1 else 1
    for k, (name, summary) in enumerate(shown):
        x = PAD + label + k % count * (label + wide + 8.0)
        look.parts.append(Part(name, summary, x, y + k // count * high, wide, high))
    return count * (label + wide + 8.0) - 8.0


def _extent(look: Look, shape: tuple[int, ...], known: list[Summary]) -> tuple[float, float]:
    if look.form == "scalar":
        return max(44.0, *(width(number(x.total), TITLE, True) for x in known)), 20.0
    if look.form == "table":
        rows, columns = (1, 1, *shape)[-2:]
        return look.cell * columns, CELL * rows + 6.0
    if look.form == "empty":
        return width("empty", SMALL), 20.0
    wide, high = map_size(shape)
    words = max(width(text, SMALL) for x in known for text in sizes(x))
    return wide + 5.0 + words, max(high, 28.0) + 6.0


def _close(look: Look, across: float, y: float, turned: bool, river: bool) -> None:
    """The size of a record, so that title, body and river have their room."""
    chip = look.chip_width
    gain = width(look.gain, SMALL, True) + 8.0 if look.gain else 0.0
    title = width(look.title, TITLE, True) + 2.0
    captions = max((width(caption, SMALL) for caption in look.captions), default=0.0)
    if turned:
        head = min(title, WIDEST - 60.0) + (chip + 4.0 if chip else 0.0)
        body = across + (gain if look.parts or not look.gain else 0.0)
        if look.gain and not look.parts:
            head += gain
        look.width = _even(max(head, body, captions, 46.0) + 2 * PAD)
        look.height = y + 10.0 + look.channel
    else:
        if river:
            look.channel = max(look.channel, chip + 14.0)
        tail = look.channel + 14.0 if river or chip else PAD
        meta = width(look.meta, SMALL) + 8.0 if look.meta else 0.0
        head = min(title + gain + meta, WIDEST)
        look.width = _even(max(PAD + max(head, across, captions) + tail, 84.0))
        more = look.parts or look.lines or look.captions or look.bar is not None
        look.height = y + 2.0 if more else 26.0


def _even(x: float) -> float:
    return 2.0 * math.ceil(x / 2.0)
