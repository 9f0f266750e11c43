"""Pooling: the largest element or the mean of each window that slides over the last two axes.

A window of K elements is K strided views of the whole array, so both directions are K elementwise
steps over whole arrays, in whatever order the input lies in memory; the result lies in the same.

Ties: the whole gradient of a window goes to the first of its largest elements, row by row, as in
torch (the reductions `max` and `min` share it evenly). So the gradient of max pooling reads and
writes at one place for each window, which is `put_add` with its own gradient, indexing.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from microgradnd.declaration import op
from microgradnd.engine import Tensor
from microgradnd.ops import linalg, reduction, shape
from microgradnd.ops.indexing import put_add
from microgradnd.ops.padding import inside, pad_forward
from microgradnd.ops.windows import Pair, output_size, pair
from microgradnd.signatures import TensorLike

Value = Any
Sides = tuple[int, int]  # of the axes of height and width
ONES: Sides = (1, 1)


def taps(x: np.ndarray, kernel: Sides, stride: Sides, dilation: Sides) -> list[np.ndarray]:
    """For each place in the window, row by row, a view of what stands there in all windows."""
    rows, columns = (
        [
            slice(d * i, d * i + s * ((n - d * (k - 1) - 1) // s) + 1, s)
            for i in range(k)
        ]
        for n, k, s, d in zip(x.shape[-2:], kernel, stride, dilation)
    )  # fmt: skip
    return [x[..., row, column] for row, column in product(rows, columns)]


def widths(ndim: int, padding: Sides) -> tuple[tuple[int, int], ...]:
    return ((0, 0),) * (ndim - 2) + tuple((p, p) for p in padding)


def padded(x: np.ndarray, padding: Sides, value: float) -> np.ndarray:
    return pad_forward(x, widths(x.ndim, padding), value) if any(padding) else x


def cropped(x: np.ndarray, padding: Sides) -> np.ndarray:
    return x[inside(x.shape, widths(x.ndim, padding))] if any(padding) else x


def lowest(dtype: np.dtype) -> float:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def max_pool2d_forward(
    x: np.ndarray, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides
) -> np.ndarray:
    """The largest element of each window; padding never is it."""
    views = taps(padded(x, padding, lowest(x.dtype)), kernel, stride, dilation)
    if len(views) == 1:
        return views[0].copy("K")
    out = np.maximum(views[0], views[1])
    for view in views[2:]:
        np.maximum(out, view, out=out)
    return out


def max_pool2d_x(
    g: Value, x: Value, out: Value, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides
) -> Value:
    if isinstance(g, Tensor):
        index = first_places(x.data, out.data, kernel, stride, padding, dilation)
        return put_add(g, index, x.shape)
    x = padded(x, padding, lowest(x.dtype))
    alone = all(s >= d * (k - 1) + 1 for k, s, d in zip(kernel, stride, dilation))
    covered = kernel == stride and all(n % k == 0 for n, k in zip(x.shape[-2:], kernel))
    dx = np.empty_like(x) if alone and covered else np.zeros_like(x)
    views = taps(x, kernel, stride, dilation)
    free: Any = True  # the windows whose largest element was not met yet
    for i, (view, target) in enumerate(zip(views, taps(dx, kernel, stride, dilation))):
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
    return cropped(dx, padding)


def first_places(
    x: np.ndarray, out: np.ndarray, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides
) -> tuple[np.ndarray, ...]:
    """The index, into x, of the first of the largest elements of each window."""
    views = taps(padded(x, padding, lowest(x.dtype)), kernel, stride, dilation)
    tap = np.full(out.shape, len(views) - 1)
    for i in reversed(range(len(views) - 1)):
        tap[views[i] == out] = i
    places: list[np.ndarray] = list(np.indices(out.shape, sparse=True))
    for axis, within in zip((-2, -1), divmod(tap, kernel[1])):
        place = places[axis] * stride[axis] + within * dilation[axis] - padding[axis]
        # Of a window of NaN or -inf alone padding could be the first: it has no place in x.
        places[axis] = place.clip(0, x.shape[axis] - 1)
    return tuple(places)


def share(
    size: Sides, kernel: Sides, stride: Sides, padding: Sides, count_include_pad: bool
) -> float | np.ndarray:
    """By how many elements the sum of each window is divided, for an input of (height, width)."""
    if count_include_pad or not any(padding):
        return kernel[0] * kernel[1]
    counts = []
    for n, k, s, p in zip(size, kernel, stride, padding):
        starts = np.arange(0, n + 2 * p - k + 1, s) - p
        counts.append(np.minimum(starts + k, n) - np.maximum(starts, 0))
    return np.multiply.outer(*counts)


def avg_pool2d_forward(
    x: np.ndarray, kernel: Sides, stride: Sides, padding: Sides, count_include_pad: bool = True
) -> np.ndarray:
    """The mean of each window; padding counts as zeros, or not at all."""
    views = taps(padded(x, padding, 0), kernel, stride, ONES)
    out = views[0] + 0.0 if len(views) == 1 else views[0] + views[1]
    for view in views[2:]:
        out += view
    count = share(x.shape[-2:], kernel, stride, padding, count_include_pad)
    return out / np.asarray(count, out.dtype) if out.dtype.kind == "f" else out / count


def avg_pool2d_input_forward(
    y: np.ndarray,
    size: Sides,
    kernel: Sides,
    stride: Sides,
    padding: Sides,
    count_include_pad: bool = True,
) -> np.ndarray:
    """What average pooling does to gradients: each is shared out evenly over its window."""
    each = y / np.asarray(share(size, kernel, stride, padding, count_include_pad), y.dtype)
    room = tuple(n + 2 * p for n, p in zip(size, padding))
    dx = np.zeros_like(y, shape=(*y.shape[:-2], *room))
    for target in taps(dx, kernel, stride, ONES):
        target += each
    return cropped(dx, padding)


def avg_pool2d_x(
    g: Value,
    x_shape: tuple[int, ...],
    kernel: Sides,
    stride: Sides,
    padding: Sides,
    count_include_pad: bool,
) -> Value:
    spread = avg_pool2d_input if isinstance(g, Tensor) else avg_pool2d_input_forward
    size = x_shape[-2], x_shape[-1]
    return spread(g, size, kernel, stride, padding, count_include_pad)


def avg_pool2d_input_y(
    g: Value, kernel: Sides, stride: Sides, padding: Sides, count_include_pad: bool
) -> Value:
    pool = avg_pool2d_op if isinstance(g, Tensor) else avg_pool2d_forward
    return pool(g, kernel, stride, padding, count_include_pad)


# fmt: off
max_pool2d_op    = op(max_pool2d_forward,       "x", name="max_pool2d",       x=max_pool2d_x)
avg_pool2d_op    = op(avg_pool2d_forward,       "x", name="avg_pool2d",       x=avg_pool2d_x)
avg_pool2d_input = op(avg_pool2d_input_forward, "y", name="avg_pool2d_input", y=avg_pool2d_input_y)
# fmt: on


def checked(
    name: str, x: TensorLike, kernel_size: Pair, stride: Pair | None, padding: Pair, dilation: Pair
) -> tuple[Tensor, Sides, Sides, Sides, Sides]:
    """The input as a tensor, and kernel, stride, padding and dilation that fit it."""
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.ndim < 2:
        raise ValueError(f"{name}: x has shape {x.shape}, it needs the axes (..., height, width)")
    kernel = pair(kernel_size)
    steps = kernel if stride is None else pair(stride)
    border, spread = pair(padding), pair(dilation)
    for n, k, s, p, d in zip(x.shape[-2:], kernel, steps, border, spread):
        output_size(name, n, k, s, p, d)
        if 2 * p > k:
            raise ValueError(
                f"{name}: padding {p} is more than half of the kernel size {k}, so a window could "
                "hold nothing but padding; give a smaller padding or a larger kernel"
            )
    return x, kernel, steps, border, spread


def max_pool2d(
    x: TensorLike,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
) -> Tensor:
    """The largest element of each window: `out[i, j] = max x[i S + a, j S + b]` over a, b < K.

    Args:
        x: (..., H, W).
        kernel_size: K, one number or (height, width), as are the next three.
        stride: S, default K; less than K makes windows overlap, as in AlexNet (3, 2).
        padding: P, elements of -inf on each side, at most K/2.
        dilation: the distance between the elements of a window.

    Result: (..., H', W') with `H' = (H - K + 2P)/S + 1`, rounded down. Of several largest elements
    the first, row by row, gets the gradient.

    Source: fig. 5-16, eq. 5-32.

    >>> max_pool2d([[1.0, 2.0, 5.0, 6.0], [4.0, 3.0, 8.0, 7.0]], 2)
    Tensor([[4., 8.]])
    """
    return max_pool2d_op(*checked("max_pool2d", x, kernel_size, stride, padding, dilation))


def avg_pool2d(
    x: TensorLike,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    *,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window; see `max_pool2d` for arguments and shapes.

    Args:
        padding: elements of 0 on each side, at most K/2.
        count_include_pad: False divides by the number of those that are no padding.

    >>> avg_pool2d([[1.0, 2.0, 5.0, 6.0], [4.0, 3.0, 8.0, 7.0]], 2)
    Tensor([[2.5, 6.5]])
    """
    *given, _ = checked("avg_pool2d", x, kernel_size, stride, padding, 1)
    return avg_pool2d_op(*given, count_include_pad)


def bins(length: int, count: int, dtype: np.dtype) -> np.ndarray:
    """A matrix (count, length) that takes the mean of each bin along an axis.

    Bin i goes from floor(i L / B) to before ceil((i + 1) L / B), so bins may overlap.
    """
    out = np.zeros((count, length), dtype)
    for i in range(count):
        start, stop = i * length // count, -(-(i + 1) * length // count)
        out[i, start:stop] = 1 / (stop - start)
    return out


def adaptive_avg_pool2d(x: TensorLike, output_size: Pair | tuple[int | None, int | None]) -> Tensor:
    """Means over as many bins as are asked for: x (..., H, W) → (..., H', W').

    Bin i of B over L elements goes from `floor(i L / B)` to before `ceil((i + 1) L / B)`. One bin
    for each axis is global average pooling, which takes the place of fully connected layers.

    Args:
        output_size: (H', W'), or one number for both; None keeps a length.

    >>> adaptive_avg_pool2d([[1.0, 2.0, 5.0, 6.0], [4.0, 3.0, 8.0, 7.0]], 1)
    Tensor([[4.5]])
    """
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.ndim < 2 or 0 in x.shape[-2:]:
        raise ValueError(
            f"adaptive_avg_pool2d: x has shape {x.shape}, it needs axes (..., height, width) that "
            "are not empty"
        )
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    size = pair([n if m is None else m for m, n in zip(wanted, x.shape[-2:], strict=True)])
    if min(size) < 1:
        raise ValueError(f"adaptive_avg_pool2d: the output size is {size}, it must be at least 1")
    if size == (1, 1):
        return reduction.mean(x, (-2, -1), True)
    if all(n % m == 0 for m, n in zip(size, x.shape[-2:])):
        kernel = x.shape[-2] // size[0], x.shape[-1] // size[1]
        return avg_pool2d_op(x, kernel, kernel, (0, 0))
    rows, columns = (bins(n, m, x.dtype) for m, n in zip(size, x.shape[-2:]))
    return linalg.matmul(linalg.matmul(rows, x), columns.T)


def global_avg_pool2d(x: TensorLike) -> Tensor:
    """The mean of each map: x (..., H, W) → (...).

    >>> global_avg_pool2d([[[1.0, 3.0]], [[2.0, 4.0]]])
    Tensor([2., 3.])
    """
    return reduction.mean(x, (-2, -1))


def along(kernel_size: int, stride: int | None) -> tuple[int, int]:
    """The stride of a row as one of an image."""
    return 1, kernel_size if stride is None else stride


def max_pool1d(
    x: TensorLike, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1
) -> Tensor:
    """`max_pool2d` over the last axis alone: x (..., L) → (..., L').

    >>> max_pool1d([1.0, 3.0, 2.0, 4.0, 0.0], 3, 2)
    Tensor([3., 4.])
    """
    flat = shape.expand_dims(x, -2)
    out = max_pool2d(
        flat, (1, kernel_size), along(kernel_size, stride), (0, padding), (1, dilation)
    )
    return shape.squeeze(out, -2)


def avg_pool1d(
    x: TensorLike,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    *,
    count_include_pad: bool = True,
) -> Tensor:
    """`avg_pool2d` over the last axis alone: x (..., L) → (..., L').

    >>> avg_pool1d([1.0, 3.0, 2.0, 4.0, 0.0], 3, 2)
    Tensor([2., 2.])
    """
    out = avg_pool2d(
        shape.expand_dims(x, -2), (1, kernel_size), along(kernel_size, stride), (0, padding),
        count_include_pad=count_include_pad,
    )  # fmt: skip
    return shape.squeeze(out, -2)
