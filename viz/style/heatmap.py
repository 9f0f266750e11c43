"""Heat-maps: an array shrunk to a few cells on a diverging scale, as rectangles or PNG."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from itertools import pairwise

import numpy as np

from viz.style.theme import NEGATIVE, POSITIVE

Array = np.ndarray
_CELLS = 16  # a matrix is shown with at most so many rows and columns
_BIG = 1 << 16  # elements
_STRIP = 64  # a vector with at most so many cells
_CHANNELS = 8  # of a stack of images, so many are shown
_TILE = 12  # each with at most so many rows and columns
_HIDDEN = 0.1  # a share of zeros that a thumbnail must not hide
GAP = np.float64(2e300)  # stands for the space between tiles, which has no colour
_GREY = (128, 128, 128)


def shrink(x: Array, rows: int, columns: int) -> Array:
    """A matrix of at most rows × columns cells; each shows its block's element of largest |x|.

    >>> shrink(np.array([[1.0, -3.0, 2.0, 0.5]]), 1, 2)
    array([[-3.,  2.]])
    """
    for axis, most in ((0, rows), (1, columns)):
        n = x.shape[axis]
        if n > most:
            ends = np.arange(most + 1) * n // most
            # NaN wins over every number, as maximum and minimum pass it on
            if x.size > _BIG:  # reduceat takes 20 times as long there
                blocks = [x[a:b] if axis == 0 else x[:, a:b] for a, b in pairwise(ends.tolist())]
                high = np.stack([block.max(axis) for block in blocks], axis)
                low = np.stack([block.min(axis) for block in blocks], axis)
            else:
                high = np.maximum.reduceat(x, ends[:-1], axis)
                low = np.minimum.reduceat(x, ends[:-1], axis)
            with np.errstate(invalid="ignore"):
                x = np.where(-low > high, low, high)
    return x


def _small(images: list[Array], rows: int, columns: int) -> tuple[list[Array], str]:
    """Matrices of one shape in at most rows × columns cells each, and what was left out.

    The largest |x| of each block lets no spike vanish, but it hides zeros: a dropout mask or a
    layer of half-dead units would look as if every element were alive. Where zeros are at least
    a tenth and more than half of their share would vanish, the first elements are shown instead,
    one per cell, and the caption says so. Sparse arrays stay whole: their zeros survive.

    >>> mask = np.tile([0.0, 2.0], (32, 128))
    >>> _small([mask], 1, 4)
    ([array([[0., 2., 0., 2.]])], 'first 1×4 of 32×256')
    """
    shrunk = [shrink(x, rows, columns) for x in images]
    if shrunk[0].shape == images[0].shape:
        return shrunk, ""
    zeros = 1.0 - float(np.mean([np.count_nonzero(x) / x.size for x in images]))
    left = 1.0 - float(np.mean([np.count_nonzero(x) / x.size for x in shrunk]))
    if zeros < _HIDDEN or left >= zeros / 2:
        return shrunk, ""
    high, wide = images[0].shape
    caption = f"first {min(rows, high)}×{min(columns, wide)} of {high}×{wide}"
    return [x[:rows, :columns] for x in images], caption


def thumbnail(x: Array) -> tuple[Array, str]:
    """The cells that stand for an array that is not empty, and a caption of what is left out."""
    if x.ndim <= 2:
        matrix = np.atleast_2d(x)
        (cells,), caption = _small([matrix], *((1, _STRIP) if x.ndim == 1 else (_CELLS, _CELLS)))
        return cells, caption
    words = []
    while x.ndim > 3:
        words += ["first of " + str(len(x))] if len(x) > 1 else []
        x = x[0]
    if len(x) > _CHANNELS:
        words.append(f"{_CHANNELS} of {len(x)} channels")
    images, caption = _small(list(x[:_CHANNELS]), _TILE, _TILE)
    return _tiled(images), ", ".join([*words, caption] if caption else words)


def _tiled(images: list[Array]) -> Array:
    """Images side by side with a gap of one cell, in two rows if there are more than four."""
    rows, columns = images[0].shape
    across = len(images) if len(images) <= 4 else (len(images) + 1) // 2
    down = -(-len(images) // across)
    sheet = np.full((down * (rows + 1) - 1, across * (columns + 1) - 1), GAP)
    for k, image in enumerate(images):
        i, j = divmod(k, across)
        top, left = i * (rows + 1), j * (columns + 1)
        sheet[top : top + rows, left : left + columns] = image
    return sheet


def colours(cells: Array, top: float) -> Array:
    """RGBA of each cell, uint8: white at 0, blue at +top, orange at -top, grey for NaN and Inf.

    >>> colours(np.array([[0.0, 2.0]]), 2.0).tolist()
    [[[255, 255, 255, 255], [0, 114, 178, 255]]]
    """
    numbers = np.isfinite(cells) & (cells != GAP)
    x = np.where(numbers, cells, 0.0) / (top if top > 0 else 1.0)
    ends = np.where(x[..., None] > 0, np.array(POSITIVE, float), np.array(NEGATIVE, float))
    out = np.full((*cells.shape, 4), 255, np.uint8)
    share = np.minimum(np.abs(x), 1.0)[..., None]
    out[..., :3] = np.rint(255 + (ends - 255) * share)
    out[~numbers, :3] = _GREY
    out[cells == GAP] = 0
    return out


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
                by_colour.setdefault(f"#{r:02x}{g:02x}{b:02x}", []).append(place)
    paths = (f'<path fill="{code}" d="{"".join(d)}"/>' for code, d in by_colour.items())
    return f'<g shape-rendering="crispEdges">{"".join(paths)}</g>'
