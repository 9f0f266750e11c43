"""Thumbnails: an array shrunk to a few cells that keep the distribution of its elements.

An array of more cells than there is room for is cut into equal sub-blocks, four of which (two by
two, or in a line where the other axis is whole) are a block. The elements of a block are sorted
and dealt out to its four cells in quarters, the lowest quarter to the sub-block of the lowest
mean; a cell is the mean of its quarter. So a block's mean is exact, smooth arrays look as if they
were averaged, noise stays noise of its true strength, and half-dead units are half empty. Where
the blocks lie depends on the shape alone: data and gradient have the same. Of arrays of millions
of elements a part is looked at, evenly spaced.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from viz.style.heatmap import GAP

Array = np.ndarray
Span = tuple[int, int, int]  # from, to, and how much of it each block takes
MATRIX = 32  # rows and columns at most
STRIP = 64  # cells of a vector
_SHEET = (57, 64)  # rows and columns of tiles, together with the gaps between them
_GRID = 6  # tiles at most in a row or column of a grid
_TILES = 12  # and of a single axis of them
_LEGIBLE = 12  # rows and columns of a tile below which there are rather fewer tiles
_LOOK = 32  # elements along each side of a cell that are looked at, about


class Plan(NamedTuple):
    """Where the cells of an array come from; its shape alone decides.

    Attributes:
        down, across: rows and columns of tiles.
        size: rows and columns of cells, gaps between tiles included.
        shown: the place of each tile among the matrices of the array.
        block: rows and columns of elements that make a cell.
        steps: every so many of them are looked at.
        caption: what a reader should know: what is left out, what a cell is.
    """

    down: int
    across: int
    size: tuple[int, int]
    shown: tuple[int, ...]
    block: tuple[int, int]
    steps: tuple[int, int]
    caption: str


def thumbnail(x: Array) -> tuple[Array, Plan]:
    """The cells that stand for an array that is not empty.

    >>> thumbnail(np.array([[1.0, 2.0], [3.0, 4.0]]))[0]
    array([[1., 2.],
           [3., 4.]])
    """
    plan = planned(x.shape)
    images = x.reshape(-1, *(1, 1, *x.shape)[-2:])
    (a, b), (s, t) = plan.block, plan.steps
    rows, columns = -(-images.shape[1] // a), -(-images.shape[2] // b)
    sheet = np.full(plan.size, GAP)
    for k, place in enumerate(plan.shown):
        top, left = k // plan.across * (rows + 1), k % plan.across * (columns + 1)
        cells = shrink(images[place, ::s, ::t], a // s, b // t)
        sheet[top : top + rows, left : left + columns] = cells
    return sheet, plan


def planned(shape: tuple[int, ...]) -> Plan:
    """Where the cells of an array of this shape come from.

    A matrix has at most 32 × 32 cells, a vector 64. The matrices of an array of more axes are
    tiles: two axes of several are a grid, samples or filters downward and channels across, one is
    laid out in the lines that shrink it least.

    >>> planned((6, 24, 24))  # doctest: +ELLIPSIS
    Plan(down=2, across=3, size=(25, 38), shown=(0, ...5), block=(2, 2), ..., caption='a cell: 2×2')
    >>> planned((16, 3, 3, 3)).caption
    '6 of 16 × 3 tiles'
    """
    rows, columns = (1, 1, *shape)[-2:]
    if len(shape) <= 2:
        most = (1, STRIP) if len(shape) == 1 else (MATRIX, MATRIX)
        a, b = -(-rows // most[0]), -(-columns // most[1])
        return _plan(shape, (1, 1), (0,), (a, b), "")
    samples, channels = math.prod(shape[:-3]), shape[-3]
    if samples > 1 and channels > 1:
        down, across = (
            min(n, _GRID, (most + 1) // (min(side, _LEGIBLE) + 1))
            for n, most, side in zip((samples, channels), _SHEET, (rows, columns), strict=True)
        )
        shown = tuple(i * channels + j for i in range(down) for j in range(across))
        words = [str(n) if n == of else f"{n} of {of}"
                 for n, of in ((down, samples), (across, channels))]  # fmt: skip
        words = [] if len(shown) == samples * channels else words
    else:
        count = min(samples * channels, _TILES)

        def unlike(n: int) -> tuple[int, ...]:
            lines = -(-count // n)
            a, b = _sides(rows, columns, lines, n)
            return a * b, lines * n - count, abs(lines * rows - n * columns), -n

        across = min(range(1, count + 1), key=unlike)
        down, shown = -(-count // across), tuple(range(count))
        words = [f"{count} of {samples * channels}"] if count < samples * channels else []
    sides = _sides(rows, columns, down, across)
    return _plan(shape, (down, across), shown, sides, " × ".join(words) + " tiles" * bool(words))


def _sides(rows: int, columns: int, down: int, across: int) -> tuple[int, int]:
    """The elements along the sides of a cell so that the tiles fit; those of images are square."""
    room = [(most + 1) // n - 1 for n, most in zip((down, across), _SHEET, strict=True)]
    a, b = -(-rows // room[0]), -(-columns // room[1])
    return (a, b) if max(rows, columns) > 4 * min(rows, columns) else (max(a, b), max(a, b))


def _plan(
    shape: tuple[int, ...], grid: tuple[int, int], shown: tuple[int, ...], sides: tuple[int, int],
    words: str,
) -> Plan:  # fmt: skip
    """A plan whose cells look at no more elements than are worth their time."""
    (down, across), (a, b), (rows, columns) = grid, sides, (1, 1, *shape)[-2:]
    s, t = max(a // (_LOOK if b > 1 else _LOOK**2), 1), max(b // (_LOOK if a > 1 else _LOOK**2), 1)
    a, b = -(-a // s) * s, -(-b // t) * t
    cell = f"a cell: {a}×{b}" + (f", 1 of {s * t} looked at" if s * t > 1 else "")
    caption = ", ".join(filter(None, (words, cell if a * b > 1 else "")))
    size = down * (-(-rows // a) + 1) - 1, across * (-(-columns // b) + 1) - 1
    return Plan(down, across, size, shown, (a, b), (s, t), caption)


def shrink(x: Array, a: int, b: int) -> Array:
    """A matrix with a cell for every a × b elements, as the docstring of this module says.

    >>> shrink(np.array([[8.0, 0.0, 0.0, 7.0, 1.0]]), 1, 2)
    array([[7.5, 0.5, 0. ]])
    """
    if a * b == 1:
        return x.astype(np.float64)
    m, n = (1 if a == 1 else 4 if b == 1 else 2), (1 if b == 1 else 4 if a == 1 else 2)
    out = np.empty((-(-x.shape[0] // a), -(-x.shape[1] // b)))
    for top, bottom, high in _spans(x.shape[0], a * m):
        for left, right, wide in _spans(x.shape[1], b * n):
            cells = _blocks(x[top:bottom, left:right], high, wide, a, b)
            i, j = top // a, left // b
            out[i : i + cells.shape[0], j : j + cells.shape[1]] = cells
    return out


def _spans(length: int, block: int) -> Iterator[Span]:
    """The stretch of whole blocks along an axis, and the shorter block that is left at its end."""
    whole = length - length % block
    if whole:
        yield 0, whole, block
    if whole < length:
        yield whole, length, length - whole


def _blocks(x: Array, high: int, wide: int, a: int, b: int) -> Array:
    """The cells of equal blocks of high × wide elements, each in sub-blocks of at most a × b."""
    down, across = x.shape[0] // high, x.shape[1] // wide
    tops, lefts = np.arange(0, high, a), np.arange(0, wide, b)
    count = len(tops) * len(lefts)
    sizes = np.outer(np.diff(tops, append=high), np.diff(lefts, append=wide)).ravel()
    blocks = x.reshape(down, high, across, wide).swapaxes(1, 2)
    with np.errstate(all="ignore"):
        halves = np.add.reduceat(blocks, tops, axis=2, dtype=np.float64)
        means = np.add.reduceat(halves, lefts, axis=3).reshape(-1, count) / sizes
        order = np.argsort(means, axis=1, kind="stable")  # not a number is last
        elements = np.sort(blocks.reshape(len(means), high * wide), axis=1)
        ends = np.cumsum(sizes[order], axis=1)
        starts = ends - sizes[order] + high * wide * np.arange(len(means))[:, None]
        sums = np.add.reduceat(elements.ravel(), starts.ravel(), dtype=np.float64)
        quarters = sums.reshape(-1, count) / sizes[order]
    cells = np.empty_like(quarters)
    np.put_along_axis(cells, order, quarters, axis=1)
    cells = cells.reshape(down, across, len(tops), len(lefts)).swapaxes(1, 2)
    return cells.reshape(down * len(tops), across * len(lefts))
