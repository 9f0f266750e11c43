"""The patches that a window meets as it slides, copied out of an array or added back into one."""

from __future__ import annotations

from math import prod

from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.kernels import pooling
from microgradnd.kernels.pooling import Sides
from microgradnd.kernels.windows import Pair, output_size, pair
from microgradnd.ops.indexing import getitem
from microgradnd.ops.padding import padded
from microgradnd.ops.shape import reshape


@op(x=lambda g, x_shape, stride, dilation: overlapped(g, x_shape[-2:], stride, dilation),
    linear="x", fresh="x", internal=True, whole=True, batch="leading")  # fmt: skip
def patches(x: Value, kernel: Sides, stride: Sides, dilation: Sides) -> Value:
    """out[..., i, j, p, q] = x[..., p·S + i·D, q·S + j·D]: (..., H, W) to (..., F, F, H2, W2)."""
    return pooling.patches(x, kernel, stride, dilation)


@op(y=lambda g, y_shape, stride, dilation: patches(g, y_shape[-4:-2], stride, dilation),
    linear="y", fresh="y", internal=True, whole=True, batch="leading")  # fmt: skip
def overlapped(y: Value, size: Sides, stride: Sides, dilation: Sides) -> Value:
    """Patches (..., F, F, H2, W2) added where `patches` would read them, to (..., H, W)."""
    return pooling.overlapped(y, size, stride, dilation)


def added_back(y: Tensor, size: Sides, stride: Sides, dilation: Sides, padding: Sides) -> Tensor:
    """`overlapped` into an array that is larger by a padding, which is cut off again."""
    out = overlapped(y, tuple(n + 2 * p for n, p in zip(size, padding)), stride, dilation)
    if not any(padding):
        return out
    return getitem(out, (..., *(slice(p, p + n) for n, p in zip(size, padding))))


def _numbers(*given: Pair) -> list[Sides]:
    return [pair(value) for value in given]


@derived(name="unfold_patches", torch="nn.functional.unfold", internal=True)
def unfold(
    input: TensorLike, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1
) -> Tensor:
    """Each patch of an image as a column: (N, C, H, W) to (N, C·F·F, L), as torch's `unfold`.

    Args:
        input: (N, C, H, W) or (C, H, W).
        kernel_size: F, a number or (height, width), as are the next three.
        dilation: distance between a patch's elements.
        padding: zeros on each side.
        stride: from one patch to the next.

    A convolution is the product of a matrix of filters (O, C·F·F) with these columns.

    >>> unfold(Tensor([[[1.0, 2.0, 3.0]]]), (1, 2))
    Tensor([[1., 2.],
            [2., 3.]])
    """
    x = as_tensor(input)
    if x.ndim not in (3, 4):
        raise ValueError(f"unfold: input has shape {x.shape}, needed (N, C, H, W) or (C, H, W)")
    kernel, spread, border, steps = _numbers(kernel_size, dilation, padding, stride)
    for n, k, s, p, d in zip(x.shape[-2:], kernel, steps, border, spread):
        output_size("unfold", n, k, s, p, d)
    if any(border):
        x = padded(x, ((0, 0),) * (x.ndim - 2) + tuple((p, p) for p in border))
    out = patches(x, kernel, steps, spread)
    *lead, channels = x.shape[:-2]
    return reshape(out, (*lead, channels * prod(kernel), prod(out.shape[-2:])))


@derived(name="fold_patches", torch="nn.functional.fold", internal=True)
def fold(
    input: TensorLike, output_size: Pair, kernel_size: Pair, dilation: Pair = 1,
    padding: Pair = 0, stride: Pair = 1,
) -> Tensor:  # fmt: skip
    """The transpose of `unfold`: columns added back to where they came from, as torch's `fold`.

    Args:
        input: (N, C·F·F, L) or (C·F·F, L).
        output_size: (H, W) of the result, (N, C, H, W) or (C, H, W).
        kernel_size, dilation, padding, stride: those of `unfold`.

    >>> fold(Tensor([[1.0, 2.0], [2.0, 3.0]]), (1, 3), (1, 2))
    Tensor([[[1., 4., 3.]]])
    """
    y = as_tensor(input)
    size, kernel, spread, border, steps = _numbers(
        output_size, kernel_size, dilation, padding, stride
    )
    counts = _counts("fold", size, kernel, steps, border, spread)
    if y.ndim not in (2, 3) or y.shape[-2] % prod(kernel) or y.shape[-1] != prod(counts):
        raise ValueError(
            f"fold: input has shape {y.shape}, needed (N, C·F·F, L) or (C·F·F, L) with "
            f"F·F = {prod(kernel)} and L = {prod(counts)}, which is {counts[0]}·{counts[1]} patches"
        )
    channels = y.shape[-2] // prod(kernel)
    y = reshape(y, (*y.shape[:-2], channels, *kernel, *counts))
    return added_back(y, size, steps, spread, border)


def _counts(name: str, size: Sides, *numbers: Sides) -> Sides:
    """At how many places along each axis a window stands."""
    counts = [output_size(name, *axis) for axis in zip(size, *numbers)]
    return counts[0], counts[1]


def along_depth(x: Tensor, kernel: int, stride: int, dilation: int) -> Tensor:
    """What windows over depth meet: x (N, C, D, H, W) as images (N·D2, C·F, H, W)."""
    batch, channels, depth, *size = x.shape
    columns = reshape(x, (batch, channels, depth, prod(size)))
    met = patches(columns, (kernel, 1), (stride, 1), (dilation, 1))  # (N, C, F, 1, D2, H·W)
    places = met.shape[-2]
    met = reshape(met, (batch, channels * kernel, places, prod(size))).swapaxes(1, 2)
    return reshape(met, (batch * places, channels * kernel, *size))


def spread_along_depth(
    y: Tensor, batch: int, places: int, kernel: int, depth: int, stride: int, dilation: int
) -> Tensor:
    """The transpose of `along_depth`: y (N·D2, C·F, H, W) added into (N, C, D, H, W)."""
    channels, size = y.shape[1] // kernel, y.shape[2:]
    y = reshape(y, (batch, places, channels * kernel, prod(size))).swapaxes(1, 2)
    y = reshape(y, (batch, channels, kernel, 1, places, prod(size)))
    out = overlapped(y, (depth, prod(size)), (stride, 1), (dilation, 1))
    return reshape(out, (batch, channels, depth, *size))
