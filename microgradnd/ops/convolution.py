"""Convolution: a family of three operations, each the derivative of the two others.

A convolution y = x * w is linear in the image x and in the filters w. What takes a gradient of y
back to x is the transposed convolution, what takes it back to w the correlation of x with it.
"""

from __future__ import annotations

from math import prod

import numpy as np

from microgradnd.declaration import Value, op
from microgradnd.kernels.convolution import (
    Geometry,
    Pair,
    Sides,
    convolved,
    correlated,
    flipped,
    flipped_padding,
    transposed,
)
from microgradnd.ops.batches import moved, repeated_all
from microgradnd.ops.reduction import sum

NO_PADDING: Sides = ((0, 0), (0, 0))


def check(x_shape: tuple, w_shape: tuple, groups: int, what: str = "x") -> None:
    """Raises unless x (N, C, H, W) and the filters w (O, C/groups, F, F) belong together."""
    if len(x_shape) != 4 or len(w_shape) != 4:
        raise ValueError(
            f"{what} must have 4 axes (N, C, H, W) and w 4 axes (O, C/groups, F, F), they have the "
            f"shapes {x_shape} and {w_shape}; reshape them, or add axes of length 1"
        )
    channels = x_shape[1]
    if groups < 1 or channels != w_shape[1] * groups or w_shape[0] % groups:
        raise ValueError(
            f"{what} has {channels} channels and w is for {groups} · {w_shape[1]} = "
            f"{groups * w_shape[1]} (groups · w.shape[1]), giving {w_shape[0]}; both must agree, "
            "and groups must divide the numbers of channels"
        )


def check_result(y_shape: tuple, x_shape: tuple, w_shape: tuple, geometry: Geometry) -> None:
    """Raises unless y has the shape of the convolution of x and w."""
    expected = (x_shape[0], w_shape[0], *geometry.sizes(x_shape[2:], w_shape[2:]))
    if y_shape != expected:
        raise ValueError(
            f"y must have the shape {expected} of the convolution of {x_shape} with filters "
            f"{w_shape}, it has {y_shape}"
        )


# --- All samples of a batch at once --------------------------------------------------------------
# Samples that share their filters are more images; others are more groups of channels.
def images(x: Value) -> Value:
    """(B, N, ...) as (BN, ...)."""
    return x.reshape((x.shape[0] * x.shape[1], *x.shape[2:]))


def channels(x: Value) -> Value:
    """(B, N, C, ...) as (N, BC, ...)."""
    x = moved(x, 0, 1)
    return x.reshape((x.shape[0], x.shape[1] * x.shape[2], *x.shape[3:]))


def per_sample(x: Value, n: int) -> Value:
    """(N, BC, ...) as (B, N, C, ...)."""
    return moved(x.reshape((x.shape[0], n, x.shape[1] // n, *x.shape[2:])), 1, 0)


def conv2d_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    x, w, b = values
    if not mapped[1]:
        out = conv2d(images(x) if mapped[0] else x, w, None, **options)
        out = out.reshape((n, out.shape[0] // n, *out.shape[1:])) if mapped[0] else out
    else:
        x, w = repeated_all([x, w], mapped[:2], n)
        check(x.shape[1:], w.shape[1:], options["groups"])
        more = {**options, "groups": options["groups"] * n}
        out = per_sample(conv2d(channels(x), images(w), None, **more), n)
    return out if b is None else out + b[..., None, None] if not mapped[2] else (
        out + b[:, None, :, None, None])  # fmt: skip


def conv2d_input_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    y, w = values
    if not mapped[1]:
        out = conv2d_input(images(y), w, **options)
        return out.reshape((n, out.shape[0] // n, *out.shape[1:]))
    y, w = repeated_all(values, mapped, n)
    more = {**options, "groups": options["groups"] * n}
    return per_sample(conv2d_input(channels(y), images(w), **more), n)


def conv2d_weight_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    x, y = repeated_all(values, mapped, n)
    more = {**options, "groups": options["groups"] * n}
    out = conv2d_weight(channels(x), channels(y), **more)
    return out.reshape((n, out.shape[0] // n, *out.shape[1:]))


@op(x=lambda g, x_shape, w, stride, padding, dilation, groups: conv2d_input(
        g, w, x_shape[2:], stride, padding, dilation, groups),
    w=lambda g, x, w_shape, stride, padding, dilation, groups: conv2d_weight(
        x, g, w_shape[2:], stride, padding, dilation, groups),
    b=lambda g: sum(g, (0, 2, 3)),
    fresh="x w b", linear="x w", contraction=True, internal=True, whole=True,
    notation="correlation",
    cost=lambda out_shape, w_shape: prod(out_shape) * prod(w_shape[1:]),
    keeps_channels=True, batch=conv2d_batch)  # fmt: skip
def conv2d(
    x: Value,
    w: Value,
    b: Value | None = None,
    stride: Pair = (1, 1),
    padding: Sides = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Value:
    """y[n, o, p, q] = Σ_c Σ_i Σ_j w[o, c, i, j] x[n, c, p·S + i·D - P, q·S + j·D - P], eq. 5-31.

    x (N, C, H, W), w (O, C/groups, F, F), y (N, O, H2, W2) with H2 = (H - F + 2P)/S + 1, rounded
    down, and W2 likewise (eq. 5-32). Padding is ((top, bottom), (left, right)). With b (O,), one
    for each of the output's maps, that is added.
    """
    check(x.shape, w.shape, groups)
    if b is not None and b.shape != w.shape[:1]:
        raise ValueError(f"b must have the shape {w.shape[:1]}, one for each map, not {b.shape}")
    y = convolved(x, w, Geometry(stride, padding, dilation, groups))
    if b is not None:
        b = b[:, None, None, None]
        y = np.add(y, b, out=y if y.dtype == np.result_type(y, b) else None)
    return y.transpose(3, 0, 1, 2)


@op(y=lambda g, w, stride, padding, dilation, groups: conv2d(
        g, w, None, stride, padding, dilation, groups),
    w=lambda g, y, w_shape, stride, padding, dilation, groups: conv2d_weight(
        g, y, w_shape[2:], stride, padding, dilation, groups),
    fresh="y w", linear="y w", contraction=True, internal=True, whole=True,
    notation="full_convolution",
    cost=lambda y_shape, w_shape: prod(y_shape) * prod(w_shape[1:]),
    keeps_channels=True, batch=conv2d_input_batch)  # fmt: skip
def conv2d_input(
    y: Value,
    w: Value,
    size: Pair,
    stride: Pair = (1, 1),
    padding: Sides = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Value:
    """The transposed convolution: y (N, O, H2, W2) spread by w over (N, C, H, W), size = (H, W).

    x[n, c, p·S + i·D - P, q·S + j·D - P] is the sum of w[o, c, i, j] y[n, o, p, q] over all
    o, p, q, i, j that lead there.
    """
    geometry = Geometry(stride, padding, dilation, groups)
    shape = (*y.shape[:1], w.shape[1] * groups if w.ndim > 1 else 0, *size)
    check(shape, w.shape, groups, "the result")
    check_result(y.shape, shape, w.shape, geometry)
    back = flipped_padding(w.shape[2:], geometry)
    # One product instead of sums of shares, where it takes few more multiplications, if any.
    cheap = y.shape[1] * size[0] * size[1] <= 1.25 * shape[1] * y.shape[2] * y.shape[3]
    if stride == (1, 1) and cheap and min(map(min, back)) >= 0:
        x = convolved(y, flipped(w, groups), Geometry(stride, back, dilation, groups))
    else:
        x = transposed(y, w, size, geometry)
    return x.transpose(3, 0, 1, 2)


@op(x=lambda g, x_shape, y, stride, padding, dilation, groups: conv2d_input(
        y, g, x_shape[2:], stride, padding, dilation, groups),
    y=lambda g, x, stride, padding, dilation, groups: conv2d(
        x, g, None, stride, padding, dilation, groups),
    fresh="x y", linear="x y", contraction=True, internal=True, whole=True,
    notation="filter_gradient",
    cost=lambda y_shape, out_shape: prod(y_shape) * prod(out_shape[1:]),
    batch=conv2d_weight_batch)  # fmt: skip
def conv2d_weight(
    x: Value,
    y: Value,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Sides = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Value:
    """w[o, c, i, j] = Σ_n Σ_p Σ_q y[n, o, p, q] x[n, c, p·S + i·D - P, q·S + j·D - P].

    x (N, C, H, W) and y (N, O, H2, W2) give w (O, C/groups, *kernel).
    """
    geometry = Geometry(stride, padding, dilation, groups)
    shape = (*y.shape[1:2], x.shape[1] // groups if x.ndim > 1 else 0, *kernel)
    check(x.shape, shape, groups)
    check_result(y.shape, x.shape, shape, geometry)
    return correlated(x, y, kernel, geometry)
