"""Pooling: the largest element or the mean of each window that slides over the last two axes.

Ties: the whole gradient of a window goes to the first of its largest elements, row by row, as in
torch (the reductions `max` and `min` share it evenly). So the gradient of max pooling reads and
writes at one place for each window.
"""

from __future__ import annotations

import numpy as np

from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.kernels import pooling
from microgradnd.kernels.pooling import Sides
from microgradnd.kernels.windows import Pair, output_size, pair
from microgradnd.ops import linalg, reduction, shape


@op(name="max_pool2d", fresh="x", internal=True, batch="leading", keeps_channels=True, whole=True,
    x=lambda g, x, out, kernel, stride, padding, dilation: max_pool2d_input(
        g, x, out, kernel, stride, padding, dilation))  # fmt: skip
def max_pooled(x: Value, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides) -> Value:
    """The largest element of each window; padding never is it."""
    return pooling.max_pool2d(x, kernel, stride, padding, dilation)


def max_pool2d_input_y(
    g: Value, x: Value, best: Value, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides
) -> Value:
    x, best = (getattr(v, "_array", v) for v in (x, best))
    return g[pooling.first_places(x, best, kernel, stride, padding, dilation)]


@op(y=max_pool2d_input_y, fixed="x best", linear="y", internal=True, whole=True,
    batch="leading")  # fmt: skip
def max_pool2d_input(
    y: Value, x: Value, best: Value, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides
) -> Value:
    """What max pooling does to gradients: each goes to where its window's largest element was."""
    return pooling.max_pool2d_input(y, x, best, kernel, stride, padding, dilation)


@op(name="avg_pool2d", linear="x", fresh="x", internal=True, keeps_channels=True, whole=True,
    batch="leading",
    x=lambda g, x_shape, kernel, stride, padding, count_include_pad: avg_pool2d_input(
        g, x_shape[-2:], kernel, stride, padding, count_include_pad))  # fmt: skip
def avg_pooled(
    x: Value, kernel: Sides, stride: Sides, padding: Sides, count_include_pad: bool = True
) -> Value:
    """The mean of each window; padding counts as zeros, or not at all."""
    return pooling.avg_pool2d(x, kernel, stride, padding, count_include_pad)


@op(y=lambda g, kernel, stride, padding, count_include_pad: avg_pooled(
        g, kernel, stride, padding, count_include_pad),
    linear="y", fresh="y", internal=True, whole=True, sign="avg_poolᵀ", batch="leading",
    keeps_channels=True)  # fmt: skip
def avg_pool2d_input(
    y: Value,
    size: Sides,
    kernel: Sides,
    stride: Sides,
    padding: Sides,
    count_include_pad: bool = True,
) -> Value:
    """What average pooling does to gradients: each is shared out evenly over its window."""
    return pooling.avg_pool2d_input(y, size, kernel, stride, padding, count_include_pad)


def checked(
    name: str, x: TensorLike, kernel_size: Pair, stride: Pair | None, padding: Pair, dilation: Pair
) -> tuple[Tensor, Sides, Sides, Sides, Sides]:
    """The input as a tensor, and kernel, stride, padding and dilation that fit it."""
    x = as_tensor(x, name, "x")
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


@derived(torch="nn.functional.max_pool2d", internal=True)
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
    return max_pooled(*checked("max_pool2d", x, kernel_size, stride, padding, dilation))


@derived(torch="nn.functional.avg_pool2d", internal=True)
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
    return avg_pooled(*given, count_include_pad)


def bins(length: int, count: int, dtype: np.dtype) -> np.ndarray:
    """A matrix (count, length) that takes the mean of each bin along an axis.

    Bin i goes from floor(i L / B) to before ceil((i + 1) L / B), so bins may overlap.
    """
    out = np.zeros((count, length), dtype)
    for i in range(count):
        start, stop = i * length // count, -(-(i + 1) * length // count)
        out[i, start:stop] = 1 / (stop - start)
    return out


@derived(torch="nn.functional.adaptive_avg_pool2d", internal=True)
def adaptive_avg_pool2d(x: TensorLike, output_size: Pair | tuple[int | None, int | None]) -> Tensor:
    """Means over as many bins as are asked for: x (..., H, W) → (..., H', W').

    Bin i of B over L elements goes from `floor(i L / B)` to before `ceil((i + 1) L / B)`. One bin
    for each axis is global average pooling, which takes the place of fully connected layers.

    Args:
        output_size: (H', W'), or one number for both; None keeps a length.

    >>> adaptive_avg_pool2d([[1.0, 2.0, 5.0, 6.0], [4.0, 3.0, 8.0, 7.0]], 1)
    Tensor([[4.5]])
    """
    x = as_tensor(x, "adaptive_avg_pool2d", "x")
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
        return avg_pooled(x, kernel, kernel, (0, 0))
    rows, columns = (bins(n, m, x.dtype) for m, n in zip(size, x.shape[-2:]))
    return linalg.matmul(linalg.matmul(rows, x), columns.T)


@derived(torch="nn.functional.global_avg_pool2d", internal=True)
def global_avg_pool2d(x: TensorLike) -> Tensor:
    """The mean of each map: x (..., H, W) → (...).

    >>> global_avg_pool2d([[[1.0, 3.0]], [[2.0, 4.0]]])
    Tensor([2., 3.])
    """
    return reduction.mean(as_tensor(x, "global_avg_pool2d", "x"), (-2, -1))


def as_row(name: str, x: TensorLike) -> Tensor:
    """The input of 1-D pooling as images of one row."""
    x = as_tensor(x, name, "x")
    if not x.ndim:
        raise ValueError(f"{name}: x is one number of shape (); it needs the axes (..., length)")
    return shape.expand_dims(x, -2)


def along(kernel_size: int, stride: int | None) -> tuple[int, int]:
    """The stride of a row as one of an image."""
    return 1, kernel_size if stride is None else stride


@derived(torch="nn.functional.max_pool1d", internal=True)
def max_pool1d(
    x: TensorLike, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1
) -> Tensor:
    """`max_pool2d` over the last axis alone: x (..., L) → (..., L').

    >>> max_pool1d([1.0, 3.0, 2.0, 4.0, 0.0], 3, 2)
    Tensor([3., 4.])
    """
    flat = as_row("max_pool1d", x)
    out = max_pool2d(
        flat, (1, kernel_size), along(kernel_size, stride), (0, padding), (1, dilation)
    )
    return shape.squeeze(out, -2)


@derived(torch="nn.functional.avg_pool1d", internal=True)
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
        as_row("avg_pool1d", x), (1, kernel_size), along(kernel_size, stride), (0, padding),
        count_include_pad=count_include_pad,
    )  # fmt: skip
    return shape.squeeze(out, -2)
