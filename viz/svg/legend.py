"""The legend: how to read what stands in a picture, and only that."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from viz.model.elements import PictureModel, TensorRecord
from viz.model.marks import Level, Mark
from viz.style.heatmap import colours, rectangles
from viz.style.text import width
from viz.svg.badges import draw_mark
from viz.svg.pen import Pen
from viz.svg.records import RING, Measures, frame

SIZE = 10.0
LINE = 24.0
GAP = 20.0
SWATCH = Measures(26.0, 15.0)

Draw = Callable[[Pen], str]


def swatch(kind: str) -> Draw:
    return lambda pen: frame(pen, kind, SWATCH)


def tag(pen: Pen) -> str:
    return pen.rect(
        0.5, 0.5, 25, 14, fill="leaf", stroke="leaf-line", radius=7.0, dash="4 3"
    ) + pen.text(13, 11, "↗", bold=True, anchor="middle")


def pill(pen: Pen) -> str:
    return pen.rect(0.5, 0.5, 25, 14, fill="op", stroke="op-line", radius=7.0)


def closed(pen: Pen) -> str:
    return pen.rect(0.5, 0.5, 25, 14, fill="group", stroke="group-line", line=1.6, radius=4.0)


def open_box(pen: Pen) -> str:
    return pen.rect(0.5, 0.5, 25, 14, fill="box", stroke="box-line", radius=5.0)


def stub(pen: Pen) -> str:
    return pen.rect(0.5, 0.5, 25, 14, stroke="line", radius=7.0, dash="2 3")


def step(pen: Pen) -> str:
    return pen.rect(4, 0, 18, 16, fill="chip", radius=8.0) + pen.text(
        13, 11.5, "1", bold=True, fill="chip-ink", anchor="middle"
    )


def forward(pen: Pen) -> str:
    return pen.path("M0 8H20", stroke="line", line=1.3) + pen.path(
        "M26 8L18.5 4.5V11.5z", fill="line"
    )


def backward(pen: Pen) -> str:
    return pen.path("M26 8H8", stroke="grad", line=3.2, dash="5 3") + pen.path(
        "M0 8L9 3V13z", fill="grad"
    )


def ring(pen: Pen) -> str:
    box = pen.rect(RING, RING, 18, 8, fill="record", stroke="line", radius=3.0)
    return box + pen.rect(0.5, 0.5, 25, 15, stroke="sum", line=2.2, radius=6.0)


def scale(pen: Pen) -> str:
    cells = colours(np.linspace(-1.0, 1.0, 9)[None], 1.0)
    return rectangles(cells, 0.0, 1.0, 6.0, 13.0) + pen.rect(0, 1, 54, 13, stroke="line", line=0.8)


def glow(pen: Pen) -> str:
    return pen.rect(3, 3, 20, 10, stroke="glow", line=5.0, radius=5.0)


def marked(level: Level) -> Draw:
    frame = '<g transform="translate(6,5)">{}</g>'
    return lambda pen: frame.format(draw_mark(pen, Measures(16.0, 6.0), Mark(level, "")))


# what makes an item part of the legend, its swatch, the swatch's width, its words
ITEMS: tuple[tuple[str, Draw, float, str], ...] = (
    ("parameter", swatch("parameter"), 26.0, "param: leaf with a name"),
    ("leaf", swatch("leaf"), 26.0, "leaf: requires a gradient"),
    ("constant", swatch("constant"), 26.0, "const: no gradient"),
    ("intermediate", swatch("intermediate"), 26.0, "result"),
    ("output", swatch("output"), 26.0, "output"),
    ("tag", tag, 26.0, "another use of a tensor"),
    ("operation", pill, 26.0, "operation"),
    ("group", closed, 26.0, "closed group of operations"),
    ("box", open_box, 26.0, "open group"),
    ("more", stub, 26.0, "not in focus"),
    ("step", step, 26.0, "backward step"),
    ("edge", forward, 26.0, "forward"),
    ("step", backward, 26.0, "gradient contribution (width: log of its RMS)"),
    ("sum", ring, 26.0, "Σ gradient summed from several"),
    ("glow", glow, 26.0, "pointed out"),
    ("bad", marked("bad"), 26.0, "wrong"),
    ("warn", marked("warn"), 26.0, "suspicious"),
    ("way", marked("way"), 26.0, "on the way to what is wrong"),
    ("cells", scale, 54.0, "−max … 0 … +max of the tensor"),
)


def kinds_in(model: PictureModel) -> set[str]:
    """What there is in a picture that the legend has an item for."""
    here = {node.kind for node in model.nodes.values()}
    here |= {
        what
        for what, there in (
            ("box", model.groups), ("edge", model.edges), ("step", model.steps),
            ("sum", any(len(record.terms) > 1 for record in model.of_kind(TensorRecord))),
        )
        if there
    }  # fmt: skip
    return here


def items(kinds: Iterable[str]) -> list[tuple[Draw, float, str]]:
    """The items that a picture of these kinds of things needs."""
    here = set(kinds)
    return [(draw, wide, words) for kind, draw, wide, words in ITEMS if kind in here]


def legend(pen: Pen, found: list[tuple[Draw, float, str]], room: float) -> tuple[str, float]:
    """The legend at (0, 0), as wide as there is room, and its height."""
    parts: list[str] = []
    x = y = 0.0
    for draw, wide, words in found:
        across = wide + 7.0 + width(words, SIZE)
        if x and x + across > room:
            x, y = 0.0, y + LINE
        parts.append(f'<g transform="translate({x:g},{y:g})">{draw(pen)}')
        parts.append(pen.text(wide + 7.0, 11.5, words, size=SIZE, fill="muted") + "</g>")
        x += across + GAP
    return "".join(parts), y + LINE if found else 0.0
