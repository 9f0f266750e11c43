"""How convolutions lie in memory: sizes, padding, patches, and the three products over patches.

Images are shown as (N, C, H, W) and lie as (C, H, W, N), the batch innermost. A row of a patch
matrix is then made of runs of W·N numbers, a convolution is one matrix product, and the patches'
gradients are added back in runs as long. Elementwise operations keep this order of axes. Patch
matrices are made a few rows at a time, to stay in the processor's cache, and are never kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np

from microgradnd.kernels.windows import output_size

Pair: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[Pair, Pair]  # of padding: (top, bottom), (left, right)
_BLOCK = 1 << 20  # bytes of patches at a time; more where the filters themselves are larger


class Geometry(NamedTuple):
    """The options of a convolution, whichever of its operands or its result is computed."""

    stride: Pair
    padding: Sides
    dilation: Pair
    groups: int

    def sizes(self, size: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[int, ...]:
        """Height and width of the result, from those of the input."""
        axes = zip(size, kernel, self.stride, self.padding, self.dilation)
        return tuple(output_size("conv2d", *axis) for axis in axes)


def _batch_last(x: np.ndarray, padding: Sides = ((0, 0), (0, 0))) -> np.ndarray:
    """An array (N, C, H, W) as a contiguous one (C, H, W, N), with zeros around it."""
    (top, bottom), (left, right) = padding
    moved = x.transpose(1, 2, 3, 0)
    if not (top or bottom or left or right):
        return np.ascontiguousarray(moved)
    channels, height, width, batch = moved.shape
    padded = np.zeros((channels, top + height + bottom, left + width + right, batch), x.dtype)
    padded[:, top : top + height, left : left + width] = moved
    return padded


def _patch_view(x: np.ndarray, kernel: tuple, sizes: tuple, geometry: Geometry) -> np.ndarray:
    """A view (C, F, F, H2, W2, N) of planes: what each element of the filter meets."""
    channels, height, width, batch = x.shape
    # The strides are worked out: NumPy leaves those of axes of length 1 undefined.
    column = batch * x.itemsize
    row = width * column
    down, right = geometry.stride
    under, beside = geometry.dilation
    strides = (height * row, under * row, beside * column, down * row, right * column, x.itemsize)
    return np.ndarray((channels, *kernel, *sizes, batch), x.dtype, x, 0, strides)


def _row_ranges(rows: int, row_bytes: int, filter_bytes: int) -> list[Pair]:
    """Cuts the result's rows into ranges whose patches are about as large as a cache."""
    step = max(1, max(_BLOCK, filter_bytes) // max(row_bytes, 1))
    return [(start, min(start + step, rows)) for start in range(0, rows, step)]


def _patch_matrices(
    x: np.ndarray, kernel: tuple, sizes: tuple, geometry: Geometry, filter_bytes: int
) -> Iterator[tuple[np.ndarray, slice]]:
    """Patch matrices (G, C/G·F·F, L), and the L elements of the result that each is for.

    One buffer serves them all: a matrix must have been used when the next is asked for.
    """
    view = _patch_view(_batch_last(x, geometry.padding), kernel, sizes, geometry)
    depth, line = x.shape[1] * prod(kernel), sizes[1] * x.shape[0]
    shape = geometry.groups, depth // geometry.groups
    buffer = np.empty(0, x.dtype)
    for start, stop in _row_ranges(sizes[0], depth * line * x.itemsize, filter_bytes):
        part = view[:, :, :, start:stop]
        if not part.flags.c_contiguous:
            buffer = buffer if buffer.size else np.empty(part.size, x.dtype)
            columns = buffer[: part.size].reshape(part.shape)
            columns[...] = part
            part = columns
        yield part.reshape(*shape, (stop - start) * line), slice(start * line, stop * line)


def convolved(x: np.ndarray, w: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The result (O, H2, W2, N) of a convolution: filters times patches."""
    groups, kernel = geometry.groups, w.shape[2:]
    sizes = geometry.sizes(x.shape[2:], kernel)
    filters = w.reshape(groups, w.shape[0] // groups, prod(w.shape[1:]))
    out = np.empty((w.shape[0], *sizes, x.shape[0]), np.result_type(x, w))
    flat = out.reshape(*filters.shape[:2], prod(out.shape[1:]))
    for matrix, at in _patch_matrices(x, kernel, sizes, geometry, w.nbytes):
        np.matmul(filters, matrix, out=flat[:, :, at])
    return out


def correlated(x: np.ndarray, g: np.ndarray, kernel: tuple, geometry: Geometry) -> np.ndarray:
    """The gradient (O, C/G, F, F) of the filters: patches times the gradient of the result."""
    groups, (outputs, *sizes) = geometry.groups, g.shape[1:]
    shape = outputs, x.shape[1] // groups, *kernel
    flat = _batch_last(g).reshape(groups, outputs // groups, prod(sizes) * g.shape[0])
    dtype = np.result_type(x, g)
    total = np.zeros((groups, prod(shape[1:]), outputs // groups), dtype)
    size = prod(shape) * dtype.itemsize
    for matrix, at in _patch_matrices(x, kernel, tuple(sizes), geometry, size):
        total += np.matmul(matrix, flat[:, :, at].swapaxes(1, 2))
    return np.ascontiguousarray(total.swapaxes(1, 2)).reshape(shape)


def transposed(g: np.ndarray, w: np.ndarray, size: tuple, geometry: Geometry) -> np.ndarray:
    """The gradient (C, H, W, N) of the input: each element's share is added where it was read."""
    (groups, (_, channels, *kernel)), (batch, outputs) = (geometry.groups, w.shape), g.shape[:2]
    (rows, width), (height2, width2) = geometry.padding, g.shape[2:]
    (down, right), (under, beside) = geometry.stride, geometry.dilation
    line = width2 * batch
    filters = w.reshape(groups, outputs // groups, channels * prod(kernel)).swapaxes(1, 2)
    flat = _batch_last(g).reshape(groups, outputs // groups, height2 * line)
    channels *= groups
    dtype = np.result_type(g, w)
    padded = np.zeros((channels, sum(rows) + size[0], sum(width) + size[1], batch), dtype)
    row_bytes = channels * prod(kernel) * line * dtype.itemsize
    for start, stop in _row_ranges(height2, row_bytes, w.nbytes):
        shares = np.matmul(filters, flat[:, :, start * line : stop * line])
        shares = shares.reshape(channels, *kernel, stop - start, width2, batch)
        for i in range(kernel[0]):
            top = i * under + start * down
            bottom = top + (stop - start - 1) * down + 1
            for j in range(kernel[1]):
                left = j * beside
                target = padded[:, top:bottom:down, left : left + (width2 - 1) * right + 1 : right]
                np.add(target, shares[:, i, j], out=target)
    return padded[:, rows[0] : rows[0] + size[0], width[0] : width[0] + size[1]]


def flipped(w: np.ndarray, groups: int) -> np.ndarray:
    """The filters that take gradients back where the stride is 1: upside down, in for out."""
    outputs, channels, *kernel = w.shape
    apart = w[:, :, ::-1, ::-1].reshape(groups, outputs // groups, channels, *kernel)
    return apart.swapaxes(1, 2).reshape(groups * channels, outputs // groups, *kernel)


def flipped_padding(kernel: tuple, geometry: Geometry) -> Sides:
    """The padding with which `flipped` filters give back the input's size."""
    top, left = (d * (k - 1) for d, k in zip(geometry.dilation, kernel))
    (above, below), (before, after) = geometry.padding
    return (top - above, top - below), (left - before, left - after)
