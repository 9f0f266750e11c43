"""Pooling over volumes, by p-norms, into a number of bins; and what undoes max pooling.

A window over depth, height and width is one over height and width, then one over depth. Where one
asks for places, they are found on the arrays, where no gradient flows.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from microgradnd.declaration import TensorLike, derived
from microgradnd.engine import Tensor, as_tensor
from microgradnd.kernels.windows import Pair, Several, numbers
from microgradnd.ops.elementwise import where
from microgradnd.ops.indexing import getitem, setitem
from microgradnd.ops.linalg import matmul
from microgradnd.ops.pooling import (
    avg_pool1d,
    avg_pool2d,
    avg_pooled,
    bins,
    checked,
    max_pool2d,
    means,
)
from microgradnd.ops.reduction import mean
from microgradnd.ops.shape import reshape

Wanted = int | None | Sequence[int | None]  # sizes of results; None keeps a length
VOLUME = "depth, height, width"


@derived(torch="nn.functional.max_pool3d", internal=True, batch="leading")
def max_pool3d(
    x: TensorLike, kernel_size: Several, stride: Several | None = None, padding: Several = 0,
    dilation: Several = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window of x (..., D, H, W); see `max_pool2d`.

    >>> max_pool3d(np.arange(8.0).reshape(2, 2, 2), 2)
    Tensor([[[7.]]])
    """
    x, window = checked("max_pool3d", x, kernel_size, stride, padding, dilation, VOLUME)
    *lead, _, height, width = x.shape
    flat: Any = [pair[1:] for pair in window]
    out = max_pool2d(x, *flat, ceil_mode, return_indices)
    kernel, step, border, spread = ((numbers[0], 1) for numbers in window)
    border = border[0], 0
    out, inner = out if return_indices else (out, None)
    rows = reshape(out, (*out.shape[:-2], prod(out.shape[-2:])))
    best = max_pool2d(rows, kernel, step, border, spread, ceil_mode, return_indices)
    if inner is None:
        return reshape(best, (*lead, best.shape[-2], *out.shape[-2:]))
    best, deep = best
    end = (*lead, best.shape[-2], *out.shape[-2:])
    within = np.take_along_axis(
        inner.data.reshape(*lead, prod(rows.shape[-2:])),
        deep.data.reshape(*lead, prod(deep.shape[-2:])), -1,
    )  # fmt: skip
    deep = deep.data // max(rows.shape[-1], 1) * (height * width)
    return reshape(best, end), Tensor(deep.reshape(end) + within.reshape(end))


@derived(torch="nn.functional.avg_pool3d", internal=True)
def avg_pool3d(
    x: TensorLike, kernel_size: Several, stride: Several | None = None, padding: Several = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of x (..., D, H, W); see `avg_pool2d`.

    >>> avg_pool3d(np.arange(8.0).reshape(2, 2, 2), 2)
    Tensor([[[3.5]]])
    """
    x, window = checked("avg_pool3d", x, kernel_size, stride, padding, axes=VOLUME)
    return means(x, window[:3], ceil_mode, count_include_pad, divisor_override)


# --- By norms ------------------------------------------------------------------------------------
def _lp_pooled(x: Tensor, pool: Any, p: float, kernel: tuple[int, ...], *given: Any) -> Tensor:
    total = pool(x**p, kernel, *given) * prod(kernel)
    if p == 1:
        return total
    empty = total == 0.0  # where the slope is infinite
    return where(empty, 0.0, where(empty, 1.0, total) ** (1.0 / p))


@derived(torch="nn.functional.lp_pool1d", internal=True)
def lp_pool1d(
    x: TensorLike, norm_type: float, kernel_size: int, stride: int | None = None,
    ceil_mode: bool = False,
) -> Tensor:  # fmt: skip
    """`(Σ x^p)^(1/p)` over each window of x (..., L); see `lp_pool2d`.

    >>> lp_pool1d([3.0, 4.0], 2, 2)
    Tensor([5.])
    """
    (kernel,) = numbers(kernel_size, 1)
    pool = lambda powers, kernel, *given: avg_pool1d(powers, *kernel, *given)
    return _lp_pooled(as_tensor(x), pool, norm_type, (kernel,), stride, 0, ceil_mode)


@derived(torch="nn.functional.lp_pool2d", internal=True)
def lp_pool2d(
    x: TensorLike, norm_type: float, kernel_size: Pair, stride: Pair | None = None,
    ceil_mode: bool = False,
) -> Tensor:  # fmt: skip
    """`(Σ x^p)^(1/p)` over each window of x (..., H, W), p being `norm_type`.

    As in PyTorch nothing takes absolute values: with an odd p, sums below 0 give NaN. The gradient
    of a window whose sum is 0 is 0. With `ceil_mode`, the mean over a window that stands out is
    taken for that over a whole one.

    >>> lp_pool2d([[3.0, 0.0], [0.0, 4.0]], 2, 2)
    Tensor([[5.]])
    """
    kernel = numbers(kernel_size, 2)
    return _lp_pooled(as_tensor(x), avg_pool2d, norm_type, kernel, stride, 0, ceil_mode)


@derived(torch="nn.functional.lp_pool3d", internal=True)
def lp_pool3d(
    x: TensorLike, norm_type: float, kernel_size: Several, stride: Several | None = None,
    ceil_mode: bool = False,
) -> Tensor:  # fmt: skip
    """`(Σ x^p)^(1/p)` over each window of x (..., D, H, W); see `lp_pool2d`.

    >>> lp_pool3d([[[3.0, 4.0]]], 2, (1, 1, 2))
    Tensor([[[5.]]])
    """
    kernel = numbers(kernel_size, 3)
    return _lp_pooled(as_tensor(x), avg_pool3d, norm_type, kernel, stride, 0, ceil_mode)


# --- Into bins -----------------------------------------------------------------------------------
def _bins_wanted(name: str, x: TensorLike, wanted: Wanted, count: int) -> tuple[Tensor, list[int]]:
    """The input, and the sizes of its last axes in the result."""
    x = as_tensor(x)
    if x.ndim < count or 0 in x.shape[x.ndim - count :]:
        raise ValueError(
            f"{name}: x has shape {x.shape}, it needs {count} axes at its end that are not empty"
        )
    given = wanted if isinstance(wanted, (tuple, list)) else (wanted,) * count
    if len(given) != count:
        raise ValueError(f"{name}: output_size must be one number or {count}, not {wanted!r}")
    sizes = [n if m is None else m for m, n in zip(given, x.shape[-count:])]
    if min(numbers(sizes, count)) < 1:
        raise ValueError(f"{name}: the output size is {tuple(sizes)}, it must be at least 1")
    return x, sizes


def _averaged(x: Tensor, sizes: list[int]) -> Tensor:
    """The means over bins along the last axes, one axis after the other."""
    count = len(sizes)
    if all(m == 1 for m in sizes):
        return mean(x, tuple(range(-count, 0)), True)
    if count == 2 and all(n % m == 0 for n, m in zip(x.shape[-2:], sizes)):
        kernel = x.shape[-2] // sizes[0], x.shape[-1] // sizes[1]
        return avg_pooled(x, kernel, kernel, (0, 0))
    for i, size in enumerate(sizes):
        axis = x.ndim - count + i
        before, length, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
        if size == length:
            continue
        rows = bins(length, size, x.dtype if x.dtype.kind == "f" else np.dtype(float))
        if len(after) > 1:
            x = matmul(rows, reshape(x, (*before, length, prod(after))))
            x = reshape(x, (*before, size, *after))
        else:
            x = matmul(rows, x) if after else matmul(x, rows.T)
    return x


@derived(torch="nn.functional.adaptive_avg_pool1d", internal=True)
def adaptive_avg_pool1d(x: TensorLike, output_size: Wanted) -> Tensor:
    """Means over as many bins as are asked for: x (..., L) → (..., L'); as `adaptive_avg_pool2d`.

    >>> adaptive_avg_pool1d([1.0, 2.0, 3.0], 2)
    Tensor([1.5, 2.5])
    """
    return _averaged(*_bins_wanted("adaptive_avg_pool1d", x, output_size, 1))


@derived(torch="nn.functional.adaptive_avg_pool2d", internal=True)
def adaptive_avg_pool2d(x: TensorLike, output_size: Wanted) -> Tensor:
    """Means over as many bins as are asked for: x (..., H, W) → (..., H', W').

    Bin i of B over L elements goes from `floor(i L / B)` to before `ceil((i + 1) L / B)`. One bin
    for each axis is global average pooling, which takes the place of fully connected layers.

    Args:
        output_size: (H', W'), or one number for both; None keeps a length.

    >>> adaptive_avg_pool2d([[1.0, 2.0, 5.0, 6.0], [4.0, 3.0, 8.0, 7.0]], 1)
    Tensor([[4.5]])
    """
    return _averaged(*_bins_wanted("adaptive_avg_pool2d", x, output_size, 2))


@derived(torch="nn.functional.adaptive_avg_pool3d", internal=True)
def adaptive_avg_pool3d(x: TensorLike, output_size: Wanted) -> Tensor:
    """Means over as many bins as are asked for: x (..., D, H, W); as `adaptive_avg_pool2d`.

    >>> adaptive_avg_pool3d(np.arange(8.0).reshape(2, 2, 2), (2, 1, 1))
    Tensor([[[1.5]],
    <BLANKLINE>
            [[5.5]]])
    """
    return _averaged(*_bins_wanted("adaptive_avg_pool3d", x, output_size, 3))


def _members(length: int, count: int) -> np.ndarray:
    """By bin, the elements in it; the last one stands for those that it lacks."""
    first = np.arange(count) * length // count
    last = -(-np.arange(1, count + 1) * length // count) - 1
    return np.minimum(first[:, None] + np.arange((last - first).max() + 1), last[:, None])


def _largest_of_bins(
    name: str, x: TensorLike, output_size: Wanted, count: int, return_indices: bool
) -> Any:
    x, sizes = _bins_wanted(name, x, output_size, count)
    own = x.shape[-count:]
    lead = x.shape[: x.ndim - count]
    places: Any = np.zeros((1,) * (2 * count), int)  # (B1, B2, K1, K2): where each bin's stand
    for i, (length, size) in enumerate(zip(own, sizes)):
        table = _members(length, size)
        form = [1] * (2 * count)
        form[i], form[count + i] = table.shape
        places = places * length + table.reshape(form)
    places = places.reshape(*sizes, prod(places.shape[count:]))
    flat = reshape(x, (*lead, prod(own)))
    best = flat.data[..., places].argmax(-1)  # the first of them, as in torch; NaN before all
    places = np.broadcast_to(places, (*lead, *places.shape))
    index = np.take_along_axis(places, best[..., None], -1)[..., 0]
    out = _read(flat, index, len(lead))
    return (out, Tensor(index)) if return_indices else out


def _grid(lead: tuple[int, ...], more: int) -> tuple[np.ndarray, ...]:
    """The indices of the leading axes, so that they broadcast with those of `more` axes."""
    sparse = np.indices(lead, sparse=True)
    return tuple(part.reshape(part.shape + (1,) * more) for part in sparse)


def _read(flat: Tensor, index: np.ndarray, lead: int) -> Tensor:
    """The elements of each row of flat (..., L) at an index (..., *sizes) of its own."""
    return getitem(flat, (*_grid(index.shape[:lead], index.ndim - lead), index))


@derived(torch="nn.functional.adaptive_max_pool1d", internal=True, batch="leading")
def adaptive_max_pool1d(x: TensorLike, output_size: Wanted, return_indices: bool = False) -> Any:
    """The largest elements of as many bins as are asked for: x (..., L); see the one of images.

    >>> adaptive_max_pool1d([1.0, 3.0, 2.0], 2)
    Tensor([3., 3.])
    """
    return _largest_of_bins("adaptive_max_pool1d", x, output_size, 1, return_indices)


@derived(torch="nn.functional.adaptive_max_pool2d", internal=True, batch="leading")
def adaptive_max_pool2d(x: TensorLike, output_size: Wanted, return_indices: bool = False) -> Any:
    """The largest elements of as many bins as are asked for: x (..., H, W) → (..., H', W').

    The bins are those of `adaptive_avg_pool2d`. Of several largest elements the first, row by row,
    gets the gradient. With `return_indices` their places come, too, as from `max_pool2d`.

    >>> adaptive_max_pool2d([[1.0, 2.0, 5.0, 6.0], [4.0, 3.0, 8.0, 7.0]], 1)
    Tensor([[8.]])
    """
    return _largest_of_bins("adaptive_max_pool2d", x, output_size, 2, return_indices)


@derived(torch="nn.functional.adaptive_max_pool3d", internal=True, batch="leading")
def adaptive_max_pool3d(x: TensorLike, output_size: Wanted, return_indices: bool = False) -> Any:
    """The largest elements of as many bins as are asked for: x (..., D, H, W).

    >>> adaptive_max_pool3d(np.arange(8.0).reshape(2, 2, 2), 1)
    Tensor([[[7.]]])
    """
    return _largest_of_bins("adaptive_max_pool3d", x, output_size, 3, return_indices)


# --- Undone --------------------------------------------------------------------------------------
def _unpooled(
    name: str, x: TensorLike, indices: TensorLike, kernel_size: Several, stride: Several | None,
    padding: Several, output_size: Sequence[int] | None, count: int,
) -> Tensor:  # fmt: skip
    """Zeros, with the elements of x written at their places."""
    x, index = as_tensor(x), np.asarray(getattr(indices, "_array", indices))
    kernel, border = numbers(kernel_size, count), numbers(padding, count)
    steps = kernel if stride is None else numbers(stride, count)
    if x.ndim < count or index.shape != x.shape or index.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: x has shape {x.shape}, it needs {count} axes at least; the indices, of shape "
            f"{index.shape} and dtype {index.dtype}, must be integers, one for each element"
        )
    own, lead = x.shape[x.ndim - count :], x.shape[: x.ndim - count]
    if min(kernel) < 1 or min(steps) < 1 or min(border) < 0:
        raise ValueError(f"{name}: kernel {kernel}, stride {steps}, padding {border}: too small")
    usual = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(own, steps, border, kernel)]
    size = usual if output_size is None else [int(n) for n in output_size[-count:]]
    if len(size) != count or any(abs(n - u) >= s for n, u, s in zip(size, usual, steps)):
        raise ValueError(
            f"{name}: output_size {tuple(size)} must be within the stride {steps} of {usual}"
        )
    if index.size and not 0 <= index.min() <= index.max() < prod(size):
        raise ValueError(
            f"{name}: the indices go from {index.min()} to {index.max()}, the result has "
            f"{prod(size)} elements, {'×'.join(map(str, size))}"
        )
    places = (*_grid(lead, 1), index.reshape(*lead, prod(own)))
    zeros = np.zeros((*lead, prod(size)), x.dtype)
    out = setitem(zeros, reshape(x, (*lead, prod(own))), places)
    return reshape(out, (*lead, *size))


@derived(torch="nn.functional.max_unpool1d", internal=True, batch="leading")
def max_unpool1d(
    x: TensorLike, indices: TensorLike, kernel_size: int, stride: int | None = None,
    padding: int = 0, output_size: Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """What undoes max pooling of (..., L), but for zeros in place of the smaller elements.

    >>> max_unpool1d([[5.0, 7.0]], [[1, 2]], 2)
    Tensor([[0., 5., 7., 0.]])
    """
    given = kernel_size, stride, padding, output_size
    return _unpooled("max_unpool1d", x, indices, *given, 1)


@derived(torch="nn.functional.max_unpool2d", internal=True, batch="leading")
def max_unpool2d(
    x: TensorLike, indices: TensorLike, kernel_size: Pair, stride: Pair | None = None,
    padding: Pair = 0, output_size: Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """What undoes max pooling of (..., H, W), but for zeros in place of the smaller elements.

    Args:
        x: (..., H', W').
        indices: as `max_pool2d(…, return_indices=True)` gives them.
        kernel_size, stride, padding: those of the pooling.
        output_size: (H, W), where rounding leaves it open; default `(H' - 1) S - 2P + K`.

    Of elements with the same place the last one is written, and gets the gradient.

    >>> max_unpool2d([[5.0]], [[2]], 2)
    Tensor([[0., 0.],
            [5., 0.]])
    """
    given = kernel_size, stride, padding, output_size
    return _unpooled("max_unpool2d", x, indices, *given, 2)


@derived(torch="nn.functional.max_unpool3d", internal=True, batch="leading")
def max_unpool3d(
    x: TensorLike, indices: TensorLike, kernel_size: Several, stride: Several | None = None,
    padding: Several = 0, output_size: Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """What undoes max pooling of (..., D, H, W); see `max_unpool2d`.

    >>> max_unpool3d([[[5.0]]], [[[2]]], (1, 2, 2))
    Tensor([[[0., 0.],
             [5., 0.]]])
    """
    given = kernel_size, stride, padding, output_size
    return _unpooled("max_unpool3d", x, indices, *given, 3)
