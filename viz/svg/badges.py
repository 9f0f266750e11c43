"""How marks are drawn: a border and a badge that say something is wrong at a node."""

from __future__ import annotations

from viz.model.marks import Mark
from viz.svg.canvas import Canvas
from viz.svg.records import Measures

# by level: the colour of the border, its width, its dashes, the badge's colours and its sign
LOOKS: dict[str, tuple[str, float, str, str, str, str]] = {
    "bad": ("bad", 3.0, "", "bad", "bad-ink", "×"),
    "warn": ("warn-line", 2.4, "6 3", "warn", "warn-ink", "!"),
    "way": ("bad", 2.0, "2 3", "", "", ""),
}
OFF = 3.5  # how far the border stands off
BADGE = 8.0  # its radius


def draw_mark(canvas: Canvas, f: Measures, mark: Mark) -> str:
    """The border around a node's box at (0, 0), and the badge on its upper left corner."""
    line, width, dash, fill, ink, sign = LOOKS[mark.level]
    off = OFF + f.margin
    radius = 9.0 if f.rows else f.height / 2 + off  # operations and tags are round
    border = canvas.rect(
        -off, -off, f.width + 2 * off, f.height + 2 * off, stroke=line, line=width, dash=dash,
        radius=radius,
    )  # fmt: skip
    if not sign:
        return border
    x = y = -off + 1.0
    badge = canvas.rect(
        x - BADGE, y - BADGE, 2 * BADGE, 2 * BADGE, fill=fill, stroke=line, radius=BADGE
    )
    return border + badge + canvas.text(
        x, y + 4.4, sign, size=12.0, bold=True, fill=ink, anchor="middle"
    )  # fmt: skip
