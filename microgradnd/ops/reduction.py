"""Reductions: sums, means, extremes, spreads and products over any axes.

Ties of max and min share the gradient evenly; the standard deviation of a constant has slope 0;
the product is differentiated rightly through any number of zeros.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from microgradnd.declaration import op
from microgradnd.signatures import Axis, Reduction, Spread

Value = Any
Flag = Any  # a bool; NumPy's hints would have it a literal one


def axes_of(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The axes reduced over, each counted from the front."""
    if axis is None or not shape:  # NumPy reduces a 0-d array along axis 0 or -1, too
        return tuple(range(len(shape)))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(a % len(shape) for a in given)


def kept(reduced: Value, shape: tuple[int, ...], axis: Axis) -> Value:
    """A reduced value with the reduced axes put back, of length 1."""
    axes = axes_of(shape, axis)
    return reduced.reshape(tuple(1 if i in axes else n for i, n in enumerate(shape)))


def spread(g: Value, shape: tuple[int, ...], axis: Axis) -> Value:
    """A reduced gradient, repeated along the axes that were reduced."""
    if type(g) is np.ndarray and g.size == 1:  # as np.broadcast_to, in a tenth of its time
        repeated: np.ndarray = np.ndarray(shape, g.dtype, g, strides=(0,) * len(shape))
        repeated.flags.writeable = False
        return repeated
    return np.broadcast_to(kept(g, shape, axis), shape)


def length(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements go into one reduced element."""
    return math.prod(shape[a] for a in axes_of(shape, axis))


def sum_forward(x: np.ndarray, axis: Axis = None, keepdims: Flag = False) -> np.ndarray:
    """The sum over the axes."""
    return np.add.reduce(x, axis, keepdims=keepdims)


def mean_forward(x: np.ndarray, axis: Axis = None, keepdims: Flag = False) -> np.ndarray:
    """The mean over the axes."""
    if x.dtype not in (np.float32, np.float64) or not x.size:
        return np.mean(x, axis, keepdims=keepdims)
    return np.add.reduce(x, axis, keepdims=keepdims) / length(x.shape, axis)  # np.mean, faster


def max_forward(x: np.ndarray, axis: Axis = None, keepdims: Flag = False) -> np.ndarray:
    """The largest element over the axes."""
    return np.maximum.reduce(x, axis, keepdims=keepdims)


def min_forward(x: np.ndarray, axis: Axis = None, keepdims: Flag = False) -> np.ndarray:
    """The smallest element over the axes."""
    return np.minimum.reduce(x, axis, keepdims=keepdims)


def prod_forward(x: np.ndarray, axis: Axis = None, keepdims: Flag = False) -> np.ndarray:
    """The product over the axes."""
    return np.multiply.reduce(x, axis, keepdims=keepdims)


def var_forward(
    x: np.ndarray, axis: Axis = None, ddof: float = 0, keepdims: Flag = False
) -> np.ndarray:
    """The variance over the axes, divided by their length less ddof."""
    return np.var(x, axis, ddof=ddof, keepdims=keepdims)


def std_forward(
    x: np.ndarray, axis: Axis = None, ddof: float = 0, keepdims: Flag = False
) -> np.ndarray:
    """The standard deviation over the axes, divided by their length less ddof."""
    return np.std(x, axis, ddof=ddof, keepdims=keepdims)


def extreme_x(g: Value, x: Value, out: Value, axis: Axis) -> Value:
    chosen = x == kept(out, x.shape, axis)
    share = chosen.sum(axis=axis, keepdims=True).astype(g.dtype)
    return np.where(chosen, kept(g, x.shape, axis) / share, 0.0)


def var_x(g: Value, x: Value, axis: Axis, ddof: float) -> Value:
    centred = x - x.mean(axis=axis, keepdims=True)
    return kept(g, x.shape, axis) * centred * (2 / (length(x.shape, axis) - ddof))


def std_x(g: Value, x: Value, out: Value, axis: Axis, ddof: float) -> Value:
    centred = x - x.mean(axis=axis, keepdims=True)
    # The rounded mean of equal elements need not equal them, so out == 0 is not enough.
    low, high = x.min(axis=axis, keepdims=True), x.max(axis=axis, keepdims=True)
    flat = (low == high) | (kept(out, x.shape, axis) == 0)
    scale = np.where(flat, 1.0, kept(out, x.shape, axis)) * (length(x.shape, axis) - ddof)
    return np.where(flat, 0.0, kept(g, x.shape, axis) * centred / scale)


def prod_x(g: Value, x: Value, out: Value, axis: Axis) -> Value:
    if np.all(x != 0):
        return kept(g * out, x.shape, axis) / x
    # With zeros about, the product of the others: of n copies, the i-th with element i made 1.
    axes = axes_of(x.shape, axis)
    order = (*(i for i in range(x.ndim) if i not in axes), *axes)
    front = tuple(x.shape[i] for i in order[: x.ndim - len(axes)])
    rows = x.transpose(order).reshape((*front, 1, length(x.shape, axis)))
    others = np.where(np.eye(rows.shape[-1], dtype=bool), 1.0, rows).prod(axis=-1)
    back = tuple(int(i) for i in np.argsort(order))
    others = others.reshape(tuple(x.shape[i] for i in order)).transpose(back)
    return kept(g, x.shape, axis) * others


# fmt: off
sum:  Reduction = op(sum_forward,  "x", name="sum",
                     x=lambda g, x_shape, axis: spread(g, x_shape, axis))
mean: Reduction = op(mean_forward, "x", name="mean",
                     x=lambda g, x_shape, axis: spread(g / length(x_shape, axis), x_shape, axis))
max:  Reduction = op(max_forward,  "x", name="max",  x=extreme_x)
min:  Reduction = op(min_forward,  "x", name="min",  x=extreme_x)
prod: Reduction = op(prod_forward, "x", name="prod", x=prod_x)
var:  Spread    = op(var_forward,  "x", name="var",  x=var_x)
std:  Spread    = op(std_forward,  "x", name="std",  x=std_x)
# fmt: on
