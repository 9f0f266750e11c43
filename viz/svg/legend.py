"""The legend: how to read what stands in a picture, and only that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Unpack

import numpy as np

from viz.model.elements import PictureModel, TensorRecord
from viz.model.marks import Level, Mark
from viz.style.heatmap import colours, rectangles
from viz.style.text import width
from viz.svg.canvas import Canvas, Look
from viz.svg.records import RING, Measures, draw_mark, frame

_SIZE = 11.0
_LINE = 24.0
_GAP = 20.0
_SWATCH = Measures(26.0, 15.0)

Draw = Callable[[Canvas], str]
Item = tuple[Draw, float, str]  # the swatch, its width, the words


def _record(kind: str) -> Draw:
    return lambda canvas: frame(canvas, kind, _SWATCH)


def _box(radius: float, sign: str = "", **look: Unpack[Look]) -> Draw:
    """A box that is painted so, perhaps with a sign in it."""
    text = lambda canvas: canvas.text(13, 11, sign, bold=True, anchor="middle") if sign else ""
    return lambda canvas: canvas.border(26, 15, 0.5, radius, **look) + text(canvas)


def _step(canvas: Canvas) -> str:
    number = canvas.text(13, 12, "1", size=_SIZE, bold=True, fill="chip-ink", anchor="middle")
    return canvas.rect(4, 0, 18, 16, 8.0, fill="chip") + number


def _arrow(line: str, tip: str, role: str, wide: float, dash: str = "") -> Draw:
    return lambda canvas: (
        canvas.path(line, stroke=role, line=wide, dash=dash) + canvas.path(tip, fill=role)
    )


def _ring(canvas: Canvas) -> str:
    inner = canvas.rect(RING, RING, 18, 8, 3.0, fill="record", stroke="line")
    return inner + canvas.rect(0.5, 0.5, 25, 15, 6.0, stroke="sum", line=2.2)


def _scale(canvas: Canvas) -> str:
    cells = rectangles(colours(np.linspace(-1.0, 1.0, 9)[None], 1.0), 0.0, 1.0, 6.0, 13.0)
    return (
        canvas.rect(0, 1, 54, 13, fill="record")
        + cells
        + canvas.rect(0, 1, 54, 13, stroke="line", line=0.8)
    )


def _marked(level: Level) -> Draw:
    place = '<g transform="translate(6,5)">{}</g>'
    return lambda canvas: place.format(draw_mark(canvas, Measures(16.0, 6.0), Mark(level, "")))


# what makes an item part of the legend, its swatch, its words
_ITEMS: tuple[tuple[str, Draw, str], ...] = (
    ("parameter", _record("parameter"), "param: leaf with a name"),
    ("leaf", _record("leaf"), "leaf: requires a gradient"),
    ("constant", _record("constant"), "const: no gradient"),
    ("intermediate", _record("intermediate"), "result"),
    ("output", _record("output"), "output"),
    ("tag", _box(7.0, "↗", fill="leaf", stroke="leaf-line", dash="4 3"), "another use of a tensor"),
    ("operation", _box(7.0, fill="op", stroke="op-line"), "operation"),
    ("group", _box(4.0, fill="group", stroke="group-line", line=1.6), "closed group of operations"),
    ("box", _box(5.0, fill="box", stroke="box-line"), "open group"),
    ("more", _box(7.0, stroke="line", dash="2 3"), "not in focus"),
    ("step", _step, "backward step"),
    ("edge", _arrow("M0 8H20", "M26 8L18.5 4.5V11.5z", "line", 1.3), "forward"),
    ("step", _arrow("M26 8H8", "M0 8L9 3V13z", "grad", 3.2, "5 3"),
     "gradient contribution (width: log of its RMS)"),
    ("sum", _ring, "Σ gradient summed from several"),
    ("glow", lambda canvas: canvas.rect(3, 3, 20, 10, 5.0, stroke="glow", line=5.0), "pointed out"),
    ("bad", _marked("bad"), "wrong"),
    ("warn", _marked("warn"), "suspicious"),
    ("way", _marked("way"), "on the way to what is wrong"),
    ("cells", _scale, "−s … 0 … +s, where ±s stands beside it"),
)  # fmt: skip


def kinds_in(model: PictureModel) -> set[str]:
    """What there is in a picture that the legend has an item for."""
    several = any(len(record.terms) > 1 for record in model.of_kind(TensorRecord))
    here = {"box": model.groups, "edge": model.edges, "step": model.steps, "sum": several}
    return {node.kind for node in model.nodes.values()} | {what for what in here if here[what]}


def items(kinds: Iterable[str], river: bool = False) -> list[Item]:
    """The items that a picture of these kinds of things needs; a river has ribbons of its own."""
    here, wide = set(kinds), {"cells": 54.0}
    ribbon = "gradient contribution (width: log of its RMS)"
    return [
        (draw, wide.get(kind, 26.0), words)
        for kind, draw, words in _ITEMS
        if kind in here and not (river and words == ribbon)
    ]


def legend(canvas: Canvas, found: list[Item], room: float) -> tuple[str, float]:
    """The legend at (0, 0), as wide as there is room, and its height."""
    parts: list[str] = []
    x = y = 0.0
    for draw, wide, words in found:
        across = wide + 7.0 + width(words, _SIZE)
        if x and x + across > room:
            x, y = 0.0, y + _LINE
        parts.append(f'<g transform="translate({x:g},{y:g})">{draw(canvas)}')
        parts.append(canvas.text(wide + 7.0, 11.5, words, size=_SIZE, fill="muted") + "</g>")
        x += across + _GAP
    return "".join(parts), y + _LINE if found else 0.0
