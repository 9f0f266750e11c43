"""Arrays in a picture: a few numbers as a table on coloured cells, many as a heat-map.

Pure functions of a summary and a place; each gives the elements of the SVG file as text.
"""

from __future__ import annotations

import math
from typing import Any

from viz.capture.summary import Summary
from viz.capture.thumbnails import planned
from viz.style.heatmap import colours, data_uri, ink_of, rectangles
from viz.style.text import number, width
from viz.svg.canvas import Canvas, coordinate

SIZE = 11.0  # of numbers in cells
CELL = 16.0  # height of a cell that shows its number
_TABLE = 8  # a matrix of up to so many rows and columns shows its numbers
_IMAGE = 64.0  # px along the longer side of images, about
_MATRIX = ((40.0, 9.0), (32.0, 18.0))  # px across and down, of a matrix about, of a cell at most


def form_of(shape: tuple[int, ...]) -> str:
    """How an array is shown: as a number, a table of numbers or a heat-map.

    >>> form_of((1, 1)), form_of((1, 1, 5, 5)), form_of((16, 16)), form_of((3, 0))
    ('scalar', 'table', 'map', 'empty')
    """
    if math.prod(shape) == 1:
        return "scalar"
    if 0 in shape:
        return "empty"
    rows, columns = (1, 1, *shape)[-2:]
    return "table" if rows * columns == math.prod(shape) and max(rows, columns) <= _TABLE else "map"


def flat(x: Any) -> list[float]:
    return [v for item in x for v in flat(item)] if isinstance(x, list) else [float(x)]


def spelled(x: float, digits: int = 2) -> str:
    """A number to so many significant digits; whole ones below 10,000 are not rounded.

    >>> spelled(0.04567), spelled(-123.4), spelled(5e6)
    ('0.046', '−123', '5e6')
    """
    return number(x, max(digits, len(str(int(abs(x)))) if abs(x) < 1e4 else 0))


def cell_width(shown: list[Summary], digits: int) -> float:
    """The width of the cells of tables, so that all numbers of these arrays fit."""
    words = (spelled(v, digits) for x in shown for v in flat(x.elements))
    return max(18.0, *(width(word, SIZE) + 6.0 for word in words))


def scale_of(x: Summary) -> str:
    """Both ends of the colours of a heat-map."""
    return f"±{spelled(x.scale)}"


def table(
    canvas: Canvas, x: Summary, left: float, top: float, cell: float, digits: int = 2
) -> str:  # fmt: skip
    """The elements as cells of a heat-map with their numbers in them."""
    assert x.thumb is not None
    pixels = colours(x.thumb, x.scale)
    rows, columns = x.thumb.shape
    ground = canvas.rect(left, top, cell * columns, CELL * rows, fill="record")
    parts = [ground, rectangles(pixels, left, top, cell, CELL)]
    for k, v in enumerate(flat(x.elements)):
        i, j = divmod(k, columns)
        at = left + cell * (j + 0.5), top + 12.0 + CELL * i
        known = math.isfinite(v)
        if not known:
            box = left + cell * j, top + CELL * i, cell, CELL
            parts.append(canvas.rect(*box, fill="record") + canvas.hatch(*box))
        parts.append(canvas.text(
            *at, spelled(v, digits), size=SIZE, bold=not known, anchor="middle",
            fill=ink_of(tuple(pixels[i, j].tolist())) if known else "ink",
            halo=None if known else "record",
        ))  # fmt: skip
    frame = canvas.rect(left, top, cell * columns, CELL * rows, stroke="line", line=0.6)
    return "".join(parts) + frame


def map_size(shape: tuple[int, ...]) -> tuple[float, float]:
    """How wide and how high a heat-map is: whole pixels for each cell, images not distorted.

    >>> map_size((1, 28, 28)), map_size((64, 10))
    ((56.0, 56.0), (40.0, 32.0))
    """
    rows, columns = planned(shape).size
    if len(shape) > 2:
        px = max(min(_IMAGE // max(rows, columns), 6.0), 1.0)
        return px * columns, px * rows
    across, down = (
        max(min(room // n, most), 1.0)
        for (room, most), n in zip(_MATRIX, (columns, rows), strict=True)
    )
    return across * columns, down * rows


def heat(canvas: Canvas, x: Summary, left: float, top: float) -> str:
    """The thumbnail as a small PNG that is drawn without smoothing."""
    assert x.thumb is not None
    wide, high = map_size(x.shape)
    ground = canvas.rect(left, top, wide, high, fill="record")
    picture = (
        f'<image x="{coordinate(left)}" y="{coordinate(top)}" width="{wide:g}" height="{high:g}" '
        'preserveAspectRatio="none" image-rendering="optimizeSpeed" '
        f'style="image-rendering:pixelated" href="{data_uri(colours(x.thumb, x.scale))}"/>'
    )
    flawed = canvas.hatch(left, top, wide, high) if x.flaw else ""
    return ground + picture + flawed + canvas.rect(left, top, wide, high, stroke="line", line=0.6)
