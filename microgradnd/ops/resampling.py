"""Images of other sizes: shuffled pixels, interpolation, sampling at the points of a grid.

Interpolation goes along one axis after the other: a product with a matrix that holds the weights
of each result, or a choice of elements where no weights are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import floor, prod
from typing import Any

import numpy as np

from microgradnd.declaration import TensorLike, derived
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.elementwise import where
from microgradnd.ops.indexing import getitem
from microgradnd.ops.linalg import matmul
from microgradnd.ops.more_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
)
from microgradnd.ops.shape import broadcast_to, reshape, transpose

MODES = {"nearest": None, "nearest-exact": None, "area": None, "linear": 1, "bilinear": 2,
         "bicubic": 2, "trilinear": 3}  # by name, how many axes it is for  # fmt: skip


# --- Pixels and channels -------------------------------------------------------------------------
@derived(torch="nn.functional.pixel_shuffle", internal=True)
def pixel_shuffle(input: TensorLike, upscale_factor: int) -> Tensor:
    """Channels as pixels: (..., C·r², H, W) to (..., C, H·r, W·r), r being `upscale_factor`.

    >>> pixel_shuffle([[[1.0]], [[2.0]], [[3.0]], [[4.0]]], 2)
    Tensor([[[1., 2.],
             [3., 4.]]])
    """
    x, r = as_tensor(input), int(upscale_factor)
    if x.ndim < 3 or r < 1 or x.shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle: input has shape {x.shape}, needed (..., C·{r}², H, W)")
    *lead, channels, height, width = x.shape
    x, n = reshape(x, (*lead, channels // r**2, r, r, height, width)), len(lead)
    x = transpose(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(x, (*lead, channels // r**2, height * r, width * r))


@derived(torch="nn.functional.pixel_unshuffle", internal=True)
def pixel_unshuffle(input: TensorLike, downscale_factor: int) -> Tensor:
    """Pixels as channels, which `pixel_shuffle` undoes: (..., C, H·r, W·r) to (..., C·r², H, W).

    >>> pixel_unshuffle([[[1.0, 2.0], [3.0, 4.0]]], 2).shape
    (4, 1, 1)
    """
    x, r = as_tensor(input), int(downscale_factor)
    if x.ndim < 3 or r < 1 or x.shape[-2] % r or x.shape[-1] % r:
        raise ValueError(
            f"pixel_unshuffle: input has shape {x.shape}, needed (..., C, H·{r}, W·{r})"
        )
    *lead, channels, height, width = x.shape
    x, n = reshape(x, (*lead, channels, height // r, r, width // r, r)), len(lead)
    x = transpose(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(x, (*lead, channels * r**2, height // r, width // r))


@derived(torch="nn.functional.channel_shuffle channel_shuffle", internal=True)
def channel_shuffle(input: TensorLike, groups: int) -> Tensor:
    """The channels of axis 1 dealt out anew: the first of each group, the second of each, ...

    >>> channel_shuffle([[[1.0], [2.0], [3.0], [4.0]]], 2).data.ravel().tolist()
    [1.0, 3.0, 2.0, 4.0]
    """
    x, groups = as_tensor(input), int(groups)
    if x.ndim < 3 or groups < 1 or x.shape[1] % groups:
        raise ValueError(
            f"channel_shuffle: input has shape {x.shape}, needed (N, C, ...) with C divisible by "
            f"groups={groups}"
        )
    dealt = reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
    return reshape(dealt.swapaxes(1, 2), x.shape)


# --- Interpolation -------------------------------------------------------------------------------
def _step(n: int, m: int, scale: float | None, align: bool) -> float:
    """How far apart m results stand, in elements of n."""
    if align:
        return (n - 1) / (m - 1) if m > 1 else 0.0
    return 1 / scale if scale else n / m


def _coordinates(n: int, m: int, scale: float | None, align: bool) -> np.ndarray:
    """Where each of m results stands among n elements."""
    i, step = np.arange(m), _step(n, m, scale, align)
    return i * step if align else (i + 0.5) * step - 0.5


def _cubic(distance: np.ndarray, a: float) -> np.ndarray:
    """The cubic convolution kernel: 1 at distance 0, 0 at 1 and from 2 on."""
    d = np.abs(distance)
    inner = ((a + 2) * d - (a + 3)) * d * d + 1
    return np.where(d <= 1, inner, np.where(d < 2, a * (((d - 5) * d + 8) * d - 4), 0.0))


def _weights(n: int, m: int, scale: float | None, align: bool, cubic: bool) -> np.ndarray:
    """The matrix (m, n) of linear or cubic interpolation along an axis."""
    x = _coordinates(n, m, scale, align)
    if not cubic:
        x = np.clip(x, 0, n - 1)
    first = np.floor(x)
    out = np.zeros((m, n))
    for tap in (-1, 0, 1, 2) if cubic else (0, 1):
        place = first + tap
        share = _cubic(x - place, -0.75) if cubic else 1 - np.abs(x - place)
        np.add.at(out, (np.arange(m), np.clip(place, 0, n - 1).astype(int)), share)
    return out


def _smooth_weights(n: int, m: int, scale: float | None, align: bool, cubic: bool) -> np.ndarray:
    """The matrix (m, n) of interpolation whose kernel widens with what one shrinks by."""
    step = _step(n, m, scale, align)
    wide = max(step, 1.0)
    support = (2 if cubic else 1) * wide
    out = np.zeros((m, n))
    for i in range(m):
        center = step * (i + 0.5)
        start, stop = max(int(center - support + 0.5), 0), min(int(center + support + 0.5), n)
        at = (np.arange(start, stop) - center + 0.5) / wide
        shares = _cubic(at, -0.5) if cubic else np.maximum(1 - np.abs(at), 0)
        out[i, start:stop] = shares / (shares.sum() or 1.0)
    return out


def _nearest(n: int, m: int, scale: float | None, exact: bool) -> np.ndarray:
    """The element that each of m results repeats, in float32 as PyTorch finds it."""
    step = np.float32(1 / scale if scale else n / m)
    i = np.arange(m, dtype=np.float32) + np.float32(0.5 if exact else 0)
    return np.minimum(np.floor(i * step).astype(int), n - 1)


def _chosen(x: Tensor, axis: int, index: np.ndarray) -> Tensor:
    """The elements at an ascending index along an axis."""
    n, m = x.shape[axis], len(index)
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    if m % n == 0 and (index == np.arange(m) // (m // n)).all():
        column = reshape(x, (*before, n, 1, *after))
        return reshape(broadcast_to(column, (*before, n, m // n, *after)), (*before, m, *after))
    step = int(index[1] - index[0]) if m > 1 else 1
    if step > 0 and (index == index[0] + step * np.arange(m)).all():
        index_of_axis: Any = slice(int(index[0]), int(index[-1]) + 1, step)
    else:
        index_of_axis = index
    return getitem(x, (*(slice(None),) * axis, index_of_axis))


def _weighted(x: Tensor, axis: int, weights: np.ndarray) -> Tensor:
    """The product of a matrix of weights with an axis."""
    before, n, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    weights = weights.astype(x.dtype if x.dtype.kind == "f" else float)
    if not after:
        return matmul(x, weights.T)
    out = matmul(weights, reshape(x, (*before, n, prod(after))))
    return reshape(out, (*before, len(weights), *after))


def _sizes(
    own: Sequence[int], size: Any, scale_factor: Any, recompute: bool
) -> tuple[list[int], list[float | None]]:
    """The sizes that are asked for, and the factors that coordinates are scaled by."""
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    given = scale_factor if size is None else size
    each = list(given) if isinstance(given, Sequence) else [given] * len(own)
    if len(each) != len(own):
        raise ValueError(
            f"interpolate: {given!r} must be one number, or one for each of {len(own)} axes"
        )
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor goes with scale_factor only")
        sizes = [int(n) for n in each]
    else:
        sizes = [floor(float(n * f)) for n, f in zip(own, each)]
    factors = [None if recompute or size is not None else float(f) for f in each]
    if min(sizes) < 1 or min(own) < 1:
        raise ValueError(f"interpolate: sizes {tuple(own)} to {tuple(sizes)}, all must be above 0")
    return sizes, factors


@derived(torch="nn.functional.interpolate nn.functional.upsample", internal=True)
def interpolate(
    input: TensorLike, size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Images of another size, as torch's `interpolate`: (N, C, *sizes) to (N, C, *other sizes).

    Args:
        input: with one, two or three axes after (N, C).
        size: of the result, one number for all axes or one for each; or instead
        scale_factor: what the sizes are multiplied by, rounded down.
        mode: "nearest" or "nearest-exact" repeat elements, "linear", "bilinear", "trilinear" and
            "bicubic" weigh those around, "area" takes means as `adaptive_avg_pool2d`.
        align_corners: whether the outermost elements stay where they are; else the outer edges of
            the outermost elements do. For the modes with weights only.
        recompute_scale_factor: takes the factor from the rounded sizes.
        antialias: weighs as many more elements as the image shrinks by ("bilinear", "bicubic").

    >>> interpolate([[[1.0, 3.0]]], size=4, mode="linear")
    Tensor([[[1. , 1.5, 2.5, 3. ]]])
    """
    x = as_tensor(input)
    axes = x.ndim - 2
    if mode not in MODES:
        raise ValueError(f"interpolate: mode {mode!r} is unknown; there are {', '.join(MODES)}")
    weighing = MODES[mode] is not None
    if axes not in (1, 2, 3) or MODES[mode] not in (None, axes):
        raise ValueError(
            f"interpolate: input has shape {x.shape}; mode {mode!r} needs (N, C) and "
            f"{MODES[mode] or '1, 2 or 3'} axes more"
        )
    if align_corners is not None and not weighing:
        raise ValueError(f"interpolate: align_corners has no meaning for mode {mode!r}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError("interpolate: antialias goes with the modes 'bilinear' and 'bicubic' only")
    sizes, factors = _sizes(x.shape[2:], size, scale_factor, bool(recompute_scale_factor))
    if mode == "area":
        pool = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[axes - 1]
        return pool(x, tuple(sizes))
    for axis, (m, factor) in enumerate(zip(sizes, factors), start=2):
        n = x.shape[axis]
        if not weighing:
            x = _chosen(x, axis, _nearest(n, m, factor, mode == "nearest-exact"))
        elif n != m or factor not in (None, 1.0):
            matrix = _smooth_weights if antialias else _weights
            x = _weighted(x, axis, matrix(n, m, factor, bool(align_corners), mode == "bicubic"))
    return x


# --- Grids ---------------------------------------------------------------------------------------
def _reflected(v: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates mirrored at both ends until they are between them, and the slope of that."""
    if low == high:
        return np.zeros_like(v), np.zeros_like(v)
    away = np.abs(v - low)
    turns, rest = np.divmod(away, high - low)
    odd = turns % 2 == 1
    sign = np.where(v < low, -1.0, 1.0)
    return np.where(odd, high - rest, rest + low), np.where(odd, -sign, sign)


def _inside(v: np.ndarray, n: int, padding_mode: str, align: bool) -> tuple[Any, Any]:
    """Coordinates as they count for a way of padding, and the slope of that."""
    slope = np.ones_like(v)
    if padding_mode == "reflection":
        v, slope = _reflected(v, *((0.0, n - 1.0) if align else (-0.5, n - 0.5)))
    if padding_mode != "zeros":
        slope = np.where((v > 0) & (v < n - 1), slope, 0.0)
        v = np.clip(v, 0, n - 1)
    return v, slope.astype(v.dtype)


def _taps(c: Tensor, n: int, mode: str, padding_mode: str, align: bool) -> list[tuple[Any, Any]]:
    """What coordinates along an axis of n elements read: places, and Tensors of weights."""
    if mode == "bicubic":
        first = np.floor(c.data)
        t, taps = c - first, []
        for tap in (-1, 0, 1, 2):
            d, a = abs(tap - t), -0.75
            if tap in (0, 1):
                share = ((a + 2) * d - (a + 3)) * d * d + 1
            else:
                share = ((d - 5) * d + 8) * (a * d) - 4 * a
            taps.append((np.rint(_inside(first + tap, n, padding_mode, align)[0]), share))
        return taps
    v, slope = _inside(c.data, n, padding_mode, align)
    if mode == "nearest":
        return [(np.rint(v), None)]
    c = c if padding_mode == "zeros" else c * slope + (v - slope * c.data)
    first = np.floor(v)
    t = c - first
    return [(first, 1.0 - t), (first + 1, t)]


def _read(x: Tensor, places: Sequence[np.ndarray]) -> Tensor:
    """x (N, C, *sizes) at places (N, *out) of each axis: (N, C, *out); 0 outside."""
    batch, channels, *sizes = x.shape
    within: Any = True
    flat: Any = 0
    for place, n in zip(places, sizes):
        within = within & (place >= 0) & (place <= n - 1)
        flat = flat * n + np.clip(np.nan_to_num(place), 0, n - 1).astype(int)
    plane = np.arange(batch * channels).reshape(batch, channels, *(1,) * (flat.ndim - 1))
    index = plane * prod(sizes) + flat[:, None]
    out = reshape(getitem(reshape(x, (-1,)), index.ravel()), index.shape)
    return out if within.all() else where(within[:, None], out, 0.0)


def _each_sampled(input: Tensor, grid: Tensor, **options: Any) -> Tensor:
    """`grid_sample` of samples, each of which is images: of all as of more images."""
    if input.shape[:2] != grid.shape[:2]:
        raise ValueError(
            f"grid_sample: input and grid have shapes {input.shape[1:]} and {grid.shape[1:]}"
        )
    lead = input.shape[:2]
    x, points = (reshape(t, (prod(lead), *t.shape[2:])) for t in (input, grid))
    out = grid_sample(x, points, **options)
    return reshape(out, (*lead, *out.shape[1:]))


@derived(torch="nn.functional.grid_sample grid_sampler", internal=True, batch=_each_sampled)
def grid_sample(
    input: TensorLike, grid: TensorLike, mode: str = "bilinear", padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:  # fmt: skip
    """The values of images at the points of a grid, as torch's `grid_sample`.

    Args:
        input: (N, C, H, W), or volumes (N, C, D, H, W).
        grid: (N, H2, W2, 2) of points (x, y), or (N, D2, H2, W2, 3) of (x, y, z), where -1 and 1
            are the ends of an axis.
        mode: "bilinear" (of volumes trilinear), "nearest", or of images "bicubic".
        padding_mode: what lies outside: "zeros", the nearest element at the "border", or the image
            mirrored by "reflection".
        align_corners: whether the ends are the middles of the outermost elements; default their
            outer edges.

    Result: (N, C, H2, W2). Where a weight has a kink the gradient of the grid is the one to the
    right; at the border of a padding, 0, as in PyTorch. "nearest" has none.

    >>> grid_sample([[[[1.0, 3.0]]]], [[[[0.0, 0.0], [0.5, 0.0]]]])
    Tensor([[[[2., 3.]]]])
    """
    x, points = as_tensor(input), as_tensor(grid)
    axes = x.ndim - 2
    if axes not in (2, 3) or points.ndim != x.ndim or points.shape[-1] != axes \
            or points.shape[0] != x.shape[0] or 0 in x.shape[2:]:  # fmt: skip
        raise ValueError(
            f"grid_sample: input and grid have shapes {x.shape} and {points.shape}, needed "
            "(N, C, H, W) and (N, H2, W2, 2), or (N, C, D, H, W) and (N, D2, H2, W2, 3)"
        )
    if mode not in ("bilinear", "nearest") + ("bicubic",) * (axes == 2):
        raise ValueError(f"grid_sample: mode {mode!r} is none of {axes} axes")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"grid_sample: padding_mode {padding_mode!r} is unknown")
    align, taps = bool(align_corners), []
    for axis, n in enumerate(x.shape[2:]):
        c = getitem(points, (..., axes - 1 - axis))
        c = (c + 1.0) * ((n - 1) / 2) if align else ((c + 1.0) * n - 1.0) / 2
        taps.append(_taps(c, n, mode, padding_mode, align))
    total: Any = None
    for corner in product(*taps):
        part = _read(x, [place for place, _ in corner])
        if mode != "nearest":
            weight = corner[0][1]
            for _, share in corner[1:]:
                weight = weight * share
            part = part * getitem(weight, (slice(None), None))
        total = part if total is None else total + part
    return total


@derived(torch="nn.functional.affine_grid", internal=True)
def affine_grid(
    theta: TensorLike, size: Sequence[int], align_corners: bool | None = None
) -> Tensor:
    """The points that affine maps make of a regular grid, for `grid_sample`.

    Args:
        theta: (N, 2, 3) for images, (N, 3, 4) for volumes: a matrix beside a shift.
        size: (N, C, H, W) or (N, C, D, H, W) of what is to be sampled.
        align_corners: as for `grid_sample`.

    Result: (N, H, W, 2) or (N, D, H, W, 3).

    >>> affine_grid([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], (1, 1, 1, 2))
    Tensor([[[[-0.5,  0. ],
              [ 0.5,  0. ]]]])
    """
    theta, size = as_tensor(theta), tuple(int(n) for n in size)
    axes = len(size) - 2
    if axes not in (2, 3) or theta.shape != (size[0], axes, axes + 1):
        raise ValueError(
            f"affine_grid: theta and size are {theta.shape} and {size}, needed (N, 2, 3) and "
            "(N, C, H, W), or (N, 3, 4) and (N, C, D, H, W)"
        )
    dtype = theta.dtype if theta.dtype.kind == "f" else np.dtype(float)
    lines = []
    for n in reversed(size[2:]):
        line = np.linspace(-1, 1, n) if n > 1 else np.zeros(n)
        lines.append(line if align_corners else line * ((n - 1) / n))
    # (D, H, W) points, each (x, y, z, 1)
    base = np.stack([*np.meshgrid(*lines[::-1], indexing="ij")[::-1], np.ones(size[2:])], -1)
    points = matmul(base.reshape(-1, axes + 1).astype(dtype), theta.swapaxes(1, 2))
    return reshape(points, (size[0], *size[2:], axes))
