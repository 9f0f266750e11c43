"""Heat-maps: cells on a diverging scale, as rectangles or PNG.

A cell is the colour of its sign, the more opaque the larger its magnitude; zero is the ground of
the picture, white in a light one and dark in a dark one.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode

import numpy as np

from viz.style.theme import COLOURS, NEGATIVE, POSITIVE, Rgb, ink_on, rgb

Array = np.ndarray
GAP = np.float64(2e300)  # stands for the space between tiles
_GREY, _FAINT = (128, 128, 128), 90  # a gap is a faint grey
INKS = ("cell-ink", "cell-white", "cell-black")


def colours(cells: Array, top: float) -> Array:
    """RGBA of each cell, uint8: clear at 0, blue at +top, orange at -top, grey for NaN and Inf.

    >>> colours(np.array([[0.0, 2.0, -1.0]]), 2.0).tolist()
    [[[213, 94, 0, 0], [0, 114, 178, 255], [213, 94, 0, 128]]]
    """
    numbers = np.isfinite(cells) & (cells != GAP)
    x = np.where(numbers, cells, 0.0) / (top if top > 0 else 1.0)
    out = np.empty((*cells.shape, 4), np.uint8)
    out[..., :3] = np.where(x[..., None] > 0, POSITIVE, NEGATIVE)
    out[..., 3] = np.rint(255 * np.minimum(np.abs(x), 1.0))
    out[~numbers] = (*_GREY, 255)
    out[cells == GAP] = (*_GREY, _FAINT)
    return out


def over(cell: tuple[int, int, int, int], ground: Rgb) -> Rgb:
    """The colour of a cell on an opaque ground.

    >>> over((0, 114, 178, 128), (255, 255, 255))
    (127, 184, 216)
    """
    *colour, alpha = cell
    r, g, b = (round(u + (c - u) * alpha / 255) for c, u in zip(colour, ground, strict=True))
    return r, g, b


def ink_of(cell: tuple[int, int, int, int]) -> str:
    """The role of the ink that can be read on a cell in either theme.

    >>> ink_of((0, 114, 178, 30)), ink_of((0, 114, 178, 255)), ink_of((213, 94, 0, 255))
    ('cell-ink', 'cell-white', 'cell-black')
    """
    inks = [ink_on(over(cell, rgb(ground))) for ground in COLOURS["record"]]
    return next(role for role in INKS if list(COLOURS[role]) == inks)


def png(pixels: Array) -> bytes:
    """A PNG file of an RGBA image (rows, columns, 4), uint8."""
    rows, columns, _ = pixels.shape
    lines = np.zeros((rows, 1 + 4 * columns), np.uint8)  # each line starts with filter type 0
    lines[:, 1:] = pixels.reshape(rows, -1)
    head = struct.pack(">IIBBBBB", columns, rows, 8, 6, 0, 0, 0)
    data = zlib.compress(lines.tobytes(), 9)
    parts = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def data_uri(pixels: Array) -> str:
    """The PNG as a data: address."""
    return "data:image/png;base64," + b64encode(png(pixels)).decode()


def rectangles(pixels: Array, x: float, y: float, dx: float, dy: float) -> str:
    """The cells as SVG paths, one per colour: crisp in every renderer, for few cells."""
    by_colour: dict[str, list[str]] = {}
    for i, row in enumerate(pixels.tolist()):
        for j, (r, g, b, alpha) in enumerate(row):
            if alpha:
                place = f"M{x + j * dx:g} {y + i * dy:g}h{dx:g}v{dy:g}h{-dx:g}z"
                opacity = f' fill-opacity="{alpha / 255:.3g}"' if alpha < 255 else ""
                paint = f'fill="#{r:02x}{g:02x}{b:02x}"{opacity}'
                by_colour.setdefault(paint, []).append(place)
    paths = (f'<path {paint} d="{"".join(d)}"/>' for paint, d in by_colour.items())
    return f'<g shape-rendering="crispEdges">{"".join(paths)}</g>'
