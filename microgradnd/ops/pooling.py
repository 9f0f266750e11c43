"""Pooling: the largest element or the mean of each window that slides over the last two axes.

Ties: the whole gradient of a window goes to the first of its largest elements, row by row, as in
torch (the reductions `max` and `min` share it evenly). So the gradient of max pooling reads and
writes at one place for each window.
"""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

import numpy as np

from microgradnd.arguments import require, sizes
from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.kernels import pooling
from microgradnd.kernels.pooling import Sides
from microgradnd.kernels.windows import Pair, Several, numbers, output_size, overhang
from microgradnd.ops import reduction, shape
from microgradnd.ops.padding import padded


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
    name: str, x: TensorLike, kernel_size: Several, stride: Several | None, padding: Several,
    dilation: Several = 1, axes: str = "height, width",
) -> tuple[Tensor, list[Any]]:  # fmt: skip
    """The input as a tensor, and kernel, stride, padding and dilation that fit its last axes."""
    x, count = as_tensor(x, name, "x"), axes.count(",") + 1
    if x.ndim < count:
        raise ValueError(f"{name}: x has shape {x.shape}, it needs the axes (..., {axes})")
    steps = kernel_size if stride is None else stride
    for option, value, least in (
        ("kernel_size", kernel_size, 1), ("stride", steps, 1), ("padding", padding, 0),
        ("dilation", dilation, 1),
    ):  # fmt: skip
        require(name, option, value, sizes(least, count))
    window = [numbers(given, count) for given in (kernel_size, steps, padding, dilation)]
    for n, k, s, p, d in zip(x.shape[-count:], *window):
        output_size(name, n, k, s, p, d)  # raises unless the window fits
        if 2 * p > d * (k - 1) + 1:
            raise ValueError(
                f"{name}: padding {p} is more than half of the kernel size {k}, so a window could "
                "hold nothing but padding; give a smaller padding or a larger kernel"
            )
    return x, window


def longer(x: Tensor, ends: Sides, value: float) -> Tensor:
    """The last two axes of x with constants behind them."""
    if not any(ends):
        return x
    return padded(x, ((0, 0),) * (x.ndim - 2) + tuple((0, end) for end in ends), value)


def rounded_up(x: Tensor, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides) -> Tensor:
    """x with so much of what is never the largest behind it that sizes are rounded up."""
    axes = zip(x.shape[-2:], kernel, stride, padding, dilation)
    below, beside = (overhang(*axis) for axis in axes)
    return longer(x, (below, beside), pooling.lowest(x.dtype))


@derived(torch="nn.functional.max_pool2d", internal=True, batch="leading")
def max_pool2d(
    x: TensorLike,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window: `out[i, j] = max x[i S + a, j S + b]` over a, b < K.

    Args:
        x: (..., H, W).
        kernel_size: K, one number or (height, width), as are the next three.
        stride: S, default K; less than K makes windows overlap, as in AlexNet (3, 2).
        padding: P, elements of -inf on each side, at most K/2.
        dilation: the distance between the elements of a window.
        ceil_mode: rounds sizes up: the last window may stand out behind the padding.
        return_indices: gives the places of the largest elements, too, counted through each image
            row by row, as `max_unpool2d` takes them.

    Result: (..., H', W') with `H' = (H - K + 2P)/S + 1`, rounded down. Of several largest elements
    the first, row by row, gets the gradient.

    Source: fig. 5-16, eq. 5-32.

    >>> max_pool2d([[1.0, 2.0, 5.0, 6.0], [4.0, 3.0, 8.0, 7.0]], 2)
    Tensor([[4., 8.]])
    """
    x, window = checked("max_pool2d", x, kernel_size, stride, padding, dilation)
    columns = x.shape[-1]
    x = rounded_up(x, *window) if ceil_mode else x
    out = max_pooled(x, *window)
    if not return_indices:
        return out
    *_, row, column = pooling.first_places(x.data, out.data, *window)
    return out, Tensor(row * columns + column)


@derived(torch="nn.functional.avg_pool2d", internal=True)
def avg_pool2d(
    x: TensorLike,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window; see `max_pool2d` for arguments and shapes.

    Args:
        padding: elements of 0 on each side, at most K/2.
        ceil_mode: rounds sizes up; what stands out behind the padding is not counted.
        count_include_pad: False divides by the number of those that are no padding.
        divisor_override: what each window's sum is divided by instead.

    >>> avg_pool2d([[1.0, 2.0, 5.0, 6.0], [4.0, 3.0, 8.0, 7.0]], 2)
    Tensor([[2.5, 6.5]])
    """
    x, window = checked("avg_pool2d", x, kernel_size, stride, padding)
    if not ceil_mode and divisor_override is None:
        return avg_pooled(x, *window[:3], count_include_pad)
    return means(x, window[:3], ceil_mode, count_include_pad, divisor_override)


def means(
    x: Tensor, window: Any, ceil_mode: bool, count_include_pad: bool, divisor: int | None
) -> Tensor:
    """The mean of each window of the last axes, as many as the window has, with all options."""
    kernel, stride, padding = window
    size = x.shape[-len(kernel) :]
    axes = list(zip(size, kernel, stride, padding))
    ends = [overhang(*axis) if ceil_mode else 0 for axis in axes]
    if any(padding) or any(ends):
        sides = tuple((p, p + end) for p, end in zip(padding, ends))
        x = padded(x, ((0, 0),) * (x.ndim - len(kernel)) + sides)
    total = avg_pooled(x, kernel[-2:], stride[-2:], (0, 0))
    if len(kernel) == 3:
        total = over_depth(total, avg_pooled, kernel[0], stride[0], 0)
    if divisor is not None:
        if not divisor:
            raise ValueError("avg_pool: divisor_override must not be 0")
        return total * (prod(kernel) / divisor)
    counts = [pooling.counts_along(*axis, end, count_include_pad) for axis, end in zip(axes, ends)]
    factors = reduce(np.multiply.outer, counts)
    same = (factors == prod(kernel)).all()
    return total if same else total * (prod(kernel) / factors).astype(total.dtype)


def over_depth(x: Tensor, pool: Any, kernel: int, stride: int, padding: int, *more: Any) -> Tensor:
    """Pooling over the third axis from behind alone, the last two as one."""
    *lead, depth, height, width = x.shape
    flat = shape.reshape(x, (*lead, depth, height * width))
    out = pool(flat, (kernel, 1), (stride, 1), (padding, 0), *more)
    return shape.reshape(out, (*lead, out.shape[-2], height, width))


def bins(length: int, count: int, dtype: np.dtype) -> np.ndarray:
    """A matrix (count, length) that takes the mean of each bin along an axis.

    Bin i goes from floor(i L / B) to before ceil((i + 1) L / B), so bins may overlap.
    """
    out = np.zeros((count, length), dtype)
    for i in range(count):
        start, stop = i * length // count, -(-(i + 1) * length // count)
        out[i, start:stop] = 1 / (stop - start)
    return out


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


def one(*given: Any) -> Any:
    """Numbers for the one axis of a row; PyTorch's may stand in a tuple."""
    return [numbers(value, 1)[0] for value in given]


def along(kernel_size: int, stride: int | None) -> tuple[int, int]:
    """The stride of a row as one of an image."""
    return 1, kernel_size if stride is None else one(stride)[0]


@derived(torch="nn.functional.max_pool1d", internal=True, batch="leading")
def max_pool1d(
    x: TensorLike, kernel_size: int, stride: int | None = None, padding: int = 0,
    dilation: int = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """`max_pool2d` over the last axis alone: x (..., L) → (..., L').

    >>> max_pool1d([1.0, 3.0, 2.0, 4.0, 0.0], 3, 2)
    Tensor([3., 4.])
    """
    kernel_size, padding, dilation = one(kernel_size, padding, dilation)
    out = max_pool2d(
        as_row("max_pool1d", x), (1, kernel_size), along(kernel_size, stride), (0, padding),
        (1, dilation), ceil_mode, return_indices,
    )  # fmt: skip
    if return_indices:
        return tuple(shape.squeeze(part, -2) for part in out)
    return shape.squeeze(out, -2)


@derived(torch="nn.functional.avg_pool1d", internal=True)
def avg_pool1d(
    x: TensorLike,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """`avg_pool2d` over the last axis alone: x (..., L) → (..., L').

    >>> avg_pool1d([1.0, 3.0, 2.0, 4.0, 0.0], 3, 2)
    Tensor([2., 2.])
    """
    kernel_size, padding = one(kernel_size, padding)
    out = avg_pool2d(
        as_row("avg_pool1d", x), (1, kernel_size), along(kernel_size, stride), (0, padding),
        ceil_mode, count_include_pad, divisor_override,
    )  # fmt: skip
    return shape.squeeze(out, -2)
