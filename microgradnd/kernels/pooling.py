"""Pooling on arrays: windows that slide over the last two axes.

A window of K elements is K strided views of the whole array, so both directions are K elementwise
steps over whole arrays, in whatever order the input lies in memory; the result lies in the same.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from microgradnd.kernels.padding import inside, pad

Sides = tuple[int, int]  # of the axes of height and width
_ONES: Sides = (1, 1)


def _window_views(x: np.ndarray, kernel: Sides, stride: Sides, dilation: Sides) -> list[np.ndarray]:
    """For each place in the window, row by row, a view of what stands there in all windows."""
    rows, columns = (
        [
            slice(d * i, d * i + s * ((n - d * (k - 1) - 1) // s) + 1, s)
            for i in range(k)
        ]
        for n, k, s, d in zip(x.shape[-2:], kernel, stride, dilation)
    )  # fmt: skip
    return [x[..., row, column] for row, column in product(rows, columns)]


def _widths(ndim: int, padding: Sides) -> tuple[tuple[int, int], ...]:
    return ((0, 0),) * (ndim - 2) + tuple((p, p) for p in padding)


def _padded(x: np.ndarray, padding: Sides, value: float) -> np.ndarray:
    return pad(x, _widths(x.ndim, padding), value) if any(padding) else x


def _cropped(x: np.ndarray, padding: Sides) -> np.ndarray:
    return x[inside(x.shape, _widths(x.ndim, padding))] if any(padding) else x


def lowest(dtype: np.dtype) -> float:
    """What no element of a dtype is below."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def max_pool2d(
    x: np.ndarray, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides
) -> np.ndarray:
    """The largest element of each window; padding never is it."""
    views = _window_views(_padded(x, padding, lowest(x.dtype)), kernel, stride, dilation)
    if len(views) == 1:
        return views[0].copy("K")
    out = np.maximum(views[0], views[1])
    for view in views[2:]:
        np.maximum(out, view, out=out)
    return out


def max_pool2d_input(
    g: np.ndarray, x: np.ndarray, out: np.ndarray, kernel: Sides, stride: Sides, padding: Sides,
    dilation: Sides,
) -> np.ndarray:  # fmt: skip
    """The gradient of the input: each window's goes to the first of its largest elements."""
    x = _padded(x, padding, lowest(x.dtype))
    alone = all(s >= d * (k - 1) + 1 for k, s, d in zip(kernel, stride, dilation))
    covered = kernel == stride and all(n % k == 0 for n, k in zip(x.shape[-2:], kernel))
    dx = (np.empty_like if alone and covered else np.zeros_like)(x, g.dtype)
    views = _window_views(x, kernel, stride, dilation)
    free: Any = True  # the windows whose largest element was not met yet
    for i, (view, target) in enumerate(zip(views, _window_views(dx, kernel, stride, dilation))):
        if i == len(views) - 1:
            chosen = free
        else:
            chosen = view == out
            chosen &= free
            free = ~chosen if i == 0 else free ^ chosen
        if alone:  # no element lies in two windows
            np.multiply(g, chosen, out=target)
        else:
            target += g * chosen
    return _cropped(dx, padding)


def first_places(
    x: np.ndarray, out: np.ndarray, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides
) -> tuple[np.ndarray, ...]:
    """The index, into x, of the first of the largest elements of each window."""
    views = _window_views(_padded(x, padding, lowest(x.dtype)), kernel, stride, dilation)
    place_in_window = np.full(out.shape, len(views) - 1)
    for i in reversed(range(len(views) - 1)):
        place_in_window[views[i] == out] = i
    places: list[np.ndarray] = list(np.indices(out.shape, sparse=True))
    for axis, within in zip((-2, -1), divmod(place_in_window, kernel[1])):
        place = places[axis] * stride[axis] + within * dilation[axis] - padding[axis]
        # Of a window of NaN or -inf alone padding could be the first: it has no place in x.
        places[axis] = place.clip(0, x.shape[axis] - 1)
    return tuple(places)


def counts_along(n: int, k: int, s: int, p: int, end: int, count_include_pad: bool) -> np.ndarray:
    """How many elements each window holds along an axis, without what stands out at its end."""
    starts = np.arange(0, n + 2 * p + end - k + 1, s) - p
    stops = np.minimum(starts + k, n + p)
    if count_include_pad:
        return stops - starts
    return np.minimum(stops, n) - np.maximum(starts, 0)


def _window_counts(
    size: Sides, kernel: Sides, stride: Sides, padding: Sides, count_include_pad: bool
) -> float | np.ndarray:
    """By how many elements the sum of each window is divided, for an input of (height, width)."""
    if count_include_pad or not any(padding):
        return kernel[0] * kernel[1]
    axes = zip(size, kernel, stride, padding)
    return np.multiply.outer(*(counts_along(*axis, 0, count_include_pad) for axis in axes))


def avg_pool2d(
    x: np.ndarray, kernel: Sides, stride: Sides, padding: Sides, count_include_pad: bool = True
) -> np.ndarray:
    """The mean of each window; padding counts as zeros, or not at all."""
    views = _window_views(_padded(x, padding, 0), kernel, stride, _ONES)
    out = views[0] + 0.0 if len(views) == 1 else views[0] + views[1]
    for view in views[2:]:
        out += view
    count = _window_counts(x.shape[-2:], kernel, stride, padding, count_include_pad)
    return out / np.asarray(count, out.dtype) if out.dtype.kind == "f" else out / count


def avg_pool2d_input(
    y: np.ndarray,
    size: Sides,
    kernel: Sides,
    stride: Sides,
    padding: Sides,
    count_include_pad: bool = True,
) -> np.ndarray:
    """What average pooling does to gradients: each is shared out evenly over its window."""
    each = y / np.asarray(_window_counts(size, kernel, stride, padding, count_include_pad), y.dtype)
    room = tuple(n + 2 * p for n, p in zip(size, padding))
    dx = np.zeros_like(y, shape=(*y.shape[:-2], *room))
    for target in _window_views(dx, kernel, stride, _ONES):
        target += each
    return _cropped(dx, padding)


def patches(x: np.ndarray, kernel: Sides, stride: Sides, dilation: Sides) -> np.ndarray:
    """What each window meets: (..., H, W) to (..., *kernel, H2, W2)."""
    views = _window_views(x, kernel, stride, dilation)
    out = np.empty((*x.shape[:-2], len(views), *views[0].shape[-2:]), x.dtype)
    for i, view in enumerate(views):
        out[..., i, :, :] = view
    return out.reshape(*x.shape[:-2], *kernel, *out.shape[-2:])


def overlapped(y: np.ndarray, size: Sides, stride: Sides, dilation: Sides) -> np.ndarray:
    """Windows (..., *kernel, H2, W2) added where they stand in (..., H, W)."""
    kernel = y.shape[-4], y.shape[-3]
    out = np.zeros((*y.shape[:-4], *size), y.dtype)
    for (i, j), view in zip(np.ndindex(*kernel), _window_views(out, kernel, stride, dilation)):
        view += y[..., i, j, :, :]
    return out
