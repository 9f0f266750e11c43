"""The strokes a picture is made of: SVG elements as text, painted from the table of colours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack

from viz.style.text import FONTS, xml
from viz.style.theme import paint

Point = tuple[float, float]


def coordinate(x: float) -> str:
    """A length in the file: a tenth of a pixel is enough, and -0 is 0.

    >>> coordinate(12.0), coordinate(-0.04), coordinate(1.26)
    ('12', '0', '1.3')
    """
    text = f"{x:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def place(point: Point) -> str:
    return f"{coordinate(point[0])} {coordinate(point[1])}"


def curve(points: list[Point]) -> str:
    """The path of a chain of cubic Bézier curves with 3k + 1 control points."""
    first, *others = map(place, points)
    return f"M{first}C{' '.join(others)}" if others else f"M{first}"


def attributes(values: Mapping[str, object]) -> str:
    """data-* attributes; those that are None are left out."""
    return "".join(f' data-{key}="{xml(x)}"' for key, x in values.items() if x is not None)


class Look(TypedDict, total=False):
    """How a shape is painted: roles of fill and stroke, the line's width and its dashes."""

    fill: str | None
    stroke: str | None
    line: float
    dash: str


@dataclass(frozen=True, slots=True)
class Canvas:
    """Writes elements in one theme; roles are those of `viz.theme.COLOURS`."""

    theme: str

    def rect(
        self, x: float, y: float, width: float, height: float, radius: float = 0.0,
        **look: Unpack[Look],
    ) -> str:  # fmt: skip
        size = f'width="{coordinate(width)}" height="{coordinate(height)}"'
        round_ = f' rx="{coordinate(radius)}"' if radius else ""
        where = f'x="{coordinate(x)}" y="{coordinate(y)}"'
        return f"<rect {where} {size}{round_}{self.stroke(**look)}/>"

    def border(
        self, width: float, height: float, inset: float = 0.5, radius: float = 0.0,
        **look: Unpack[Look],
    ) -> str:  # fmt: skip
        """The rectangle of a box at (0, 0), by so much smaller on every side."""
        inner = width - 2 * inset, height - 2 * inset
        return self.rect(inset, inset, *inner, radius, **look)

    def path(self, d: str, **look: Unpack[Look]) -> str:
        return f'<path d="{d}"{self.stroke(**look)}/>'

    def stroke(
        self, fill: str | None = None, stroke: str | None = None, line: float = 1.0, dash: str = ""
    ) -> str:
        text = paint(self.theme, fill, stroke) + ("" if fill else ' fill="none"')
        if stroke and line != 1.0:
            text += f' stroke-width="{coordinate(line)}"'
        return text + (f' stroke-dasharray="{dash}"' if dash else "")

    def text(
        self, x: float, y: float, words: str, *, size: float = 11.0, fill: str = "ink",
        bold: bool = False, anchor: str = "", halo: str | None = None,
    ) -> str:  # fmt: skip
        """A line of text; y is that of its baseline, a halo keeps lines behind it apart."""
        style = ' font-weight="700"' if bold else ""
        style += f' text-anchor="{anchor}"' if anchor else ""
        if halo:
            style += ' paint-order="stroke" stroke-width="3.5" stroke-linejoin="round"'
        where = f'x="{coordinate(x)}" y="{coordinate(y)}" font-size="{size:g}"'
        return f"<text {where}{style}{paint(self.theme, fill, halo)}>{xml(words)}</text>"

    def hatch(self, x: float, y: float, width: float, height: float, role: str = "grad") -> str:
        """Slanting lines over a rectangle: there are no numbers here."""
        d = []
        for offset in range(5, math.ceil(width + height), 5):
            right, left = min(offset, width), max(0.0, offset - height)
            start, end = (x + right, y + offset - right), (x + left, y + offset - left)
            d.append(f"M{place(start)}L{place(end)}")
        return self.path("".join(d), stroke=role)


def group(values: Mapping[str, object], title: str, parts: Iterable[str], shift: str = "") -> str:
    """Elements that belong together, with their data and their tooltip."""
    tooltip = f"<title>{xml(title)}</title>" if title else ""
    return f"<g{attributes(values)}{shift}>{tooltip}{''.join(parts)}</g>"


def document(width: float, height: float, head: str, parts: Iterable[str], theme: str) -> str:
    """The whole SVG file; head holds its attributes."""
    size = f'width="{coordinate(width)}" height="{coordinate(height)}"'
    box = f'viewBox="0 0 {coordinate(width)} {coordinate(height)}"'
    scope = f"mg mg-{theme}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" class="{scope}" '
        f'font-family="{FONTS}"{head}>\n' + "\n".join(part for part in parts if part) + "\n</svg>\n"
    )
