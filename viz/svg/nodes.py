"""How large each kind of node of a picture is, and how it is drawn: closed groups, and a table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from viz.model.elements import (
    ClosedGroup,
    Elsewhere,
    Node,
    OpenGroup,
    Operation,
    Tag,
    TensorRecord,
)
from viz.style.text import fit, number, one_line, plural, shape_of, width
from viz.svg import records
from viz.svg.canvas import Canvas, Look
from viz.svg.cells import form_of
from viz.svg.records import HEADER, INDENT, PAD, WIDEST, Measures, Row, even

_LINE = 13.0  # from one line of small text to the next
_STACK = 4.0  # how far the cards of a repetition stand off each other


def _measures_of_group(node: ClosedGroup, direction: str) -> Measures:
    """The measures of a closed group: title, shapes, parameters and its main result's rows."""
    cards = 2 * _STACK if node.module == "repeat" else 0.0
    y = HEADER + _LINE * len(captions(node)) + 4.0
    texts = [width(line, 11.0) + 2 * PAD for line in captions(node)]
    head = width(title_of_group(node), 12.0, True) + width(kind_of_group(node), 11.0)
    across = min(max([head + 12.0 + 2 * PAD + _steps_of_group(node)[1], *texts, 96.0]), WIDEST + 40)
    form, rows = "", list[Row]()
    if node.results:
        result = node.results[0]
        form = form_of(result.shape)
        parts = [("out", result.value), ("grad", result.gradient)]
        room = INDENT + records.inner_width(result.shape, form, [x for _, x in parts if x]) + PAD
        across = even(max(across, room))
        rows, y = records.rows_of(parts, result.shape, form, across, y, abreast=False)
    return Measures(even(across), y + 4.0, tuple(rows), form, "", cards)


def title_of_group(node: ClosedGroup) -> str:
    return one_line(node.name) or node.module


_PLAIN = ("step", "steps", "stretch", "layer", "neuron")  # kinds that the name says


def kind_of_group(node: ClosedGroup | OpenGroup) -> str:
    """What a group is, in a word or two; a repetition says honestly what is repeated."""
    if node.module == "repeat":
        return f"×{node.count} the same" if node.shared else f"{node.count} alike"
    if node.module in _PLAIN:
        return f"{node.count} samples" if node.count > 1 else ""
    return one_line(node.module)


def title_of_box(cluster: OpenGroup) -> str:
    """The title of an open group."""
    kind = kind_of_group(cluster) if cluster.name != cluster.module else ""
    return one_line(f"{cluster.name}  {kind}".strip())


def captions(node: ClosedGroup) -> list[str]:
    """The lines below the title: shapes in and out, parameters and their gradient."""
    lines = contents_of(node)
    if node.results and records.so_far(node.results[0]):
        lines[-1] = f"grad: {records.so_far(node.results[0])}"
    rms = _parameter_rms(node)
    if rms is not None:
        lines.append(f"their gradient: RMS {number(rms, 3)}")
    return lines


def contents_of(node: ClosedGroup) -> list[str]:
    """The shapes that a closed group takes and gives, and how much is in it."""
    given = [shape_of(shape) for _, _, shape in node.inputs]
    made = [shape_of(record.shape) for record in node.results]
    count = sum(math.prod(x.shape) for x in node.parameters if x.kind != "constant")
    words = plural(node.operations, "operation")
    inside = f"{words} · {count:,} parameters" if count else words
    return [f"{some(given)} → {some(made)}", inside]


def some(shapes: list[str]) -> str:
    if len(shapes) > 2 and len(set(shapes)) == 1:
        return f"{len(shapes)} × {shapes[0]}"
    return ", ".join(shapes[:2]) + (f" +{len(shapes) - 2}" if len(shapes) > 2 else "")


def _parameter_rms(node: ClosedGroup) -> float | None:
    """The root mean square of all gradients of a group's parameters."""
    some = [record.gradient for record in node.parameters if record.gradient is not None]
    size = sum(x.size for x in some)
    return math.sqrt(sum(x.norm**2 for x in some) / size) if size else None


def _steps_of_group(node: ClosedGroup) -> tuple[str, float]:
    """The backward steps in a group, and the room their chip takes."""
    if node.steps is None:
        return "", 0.0
    first, last = node.steps
    text = str(first) if first == last else f"{first}–{last}"
    return text, width(text, 11.0, True) + 15.0


def _draw_group(canvas: Canvas, node: ClosedGroup, f: Measures) -> str:
    """A closed group at the origin; a repetition is a pile of cards."""
    w, h = f.width - 1, f.height - 1
    parts = [
        canvas.rect(0.5 + shift, 0.5 - shift, w, h, 6.0, fill="group", stroke="group-line")
        for shift in ((2 * _STACK, _STACK) if f.margin else ())
    ]
    dash = "" if node.module not in ("chain", "stretch", "steps") else "7 3"
    look = Look(fill="group", stroke="group-line", line=1.6, dash=dash)
    parts.append(canvas.border(f.width, f.height, 0.5, 6.0, **look))
    text, wide = _steps_of_group(node)
    right = f.width - PAD
    if text:
        parts.append(
            records.step_badge(canvas, text, right - wide + 6.0, 12.0, wide - 6.0, node.state)
        )
        right -= wide
    kind = kind_of_group(node)
    room = right - PAD - (width(kind, 11.0) + 8.0 if kind else 0.0)
    title = fit(title_of_group(node), room, 12.0, True)
    parts.append(canvas.text(PAD, 15.5, title, size=12.0, bold=True))
    right = PAD + width(title, 12.0, True) + 7.0
    parts.append(canvas.text(right, 15.3, kind, size=11.0, fill="muted"))
    for k, line in enumerate(captions(node)):
        line = fit(line, f.width - 2 * PAD, 11.0)
        parts.append(canvas.text(PAD, HEADER + 9.0 + k * _LINE, line, size=11.0, fill="muted"))
    parts += [records.row(canvas, part, f.form) for part in f.rows]
    return "".join(parts)


def _measures_of_elsewhere(node: Elsewhere, direction: str) -> Measures:
    return Measures(even(width(elsewhere_label(node), 11.0) + 18.0), 20.0)


def elsewhere_label(node: Elsewhere) -> str:
    return f"⋯ {plural(node.uses, 'use')} elsewhere"


def _draw_elsewhere(canvas: Canvas, node: Elsewhere, f: Measures) -> str:
    """What stands for the uses of a tensor that are not in focus."""
    box = canvas.border(f.width, f.height, 0.5, 9.5, stroke="line", dash="2 3")
    label = elsewhere_label(node)
    return box + canvas.text(f.width / 2, 13.5, label, fill="muted", anchor="middle")


_Measure = Callable[[Any, str], Measures]  # of a node of the class, in a direction
_Draw = Callable[[Canvas, Any, Measures], str]

_LOOKS: dict[type, tuple[_Measure, _Draw]] = {
    TensorRecord: (records.measures_of_record, records.draw_record),
    Operation: (records.measures_of_operation, records.draw_operation),
    Tag: (records.measures_of_tag, records.draw_tag),
    ClosedGroup: (_measures_of_group, _draw_group),
    Elsewhere: (_measures_of_elsewhere, _draw_elsewhere),
}


def measured(node: Node, direction: str) -> Measures:
    """The measures of a node; those of a record suit the direction of the forward pass."""
    return _LOOKS[type(node)][0](node, direction)


def draw_node(canvas: Canvas, node: Node, f: Measures) -> str:
    """A node at the origin, its box at (0, 0)."""
    return _LOOKS[type(node)][1](canvas, node, f)
