"""Reductions: sums, means, extremes, spreads and products over any axes.

Ties of max and min share the gradient evenly; the standard deviation of a constant has slope 0;
the product is differentiated rightly through any number of zeros.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd.arguments import NUMBER, require
from microgradnd.calling import IN_DTYPE
from microgradnd.declaration import Axis, Value, op
from microgradnd.ops.shape import broadcast_to

Flag = Any  # a bool; NumPy's hints would have it a literal one
HALF = np.dtype(np.float16)


def _ddof(value: Any) -> Any:
    """The option, which PyTorch gives as a truth, `unbiased`, too."""
    value = int(value) if isinstance(value, bool) else value
    require("var and std", "ddof", value, NUMBER)
    return value


FAST = frozenset({np.dtype(np.float32), np.dtype(np.float64)})


def single(function: Callable, x: Value, *options: Any) -> Value:
    """What sums float16, computed in float32 as PyTorch does, so that it neither stops nor ends."""
    return function(x.astype(np.float32), *options).astype(x.dtype)


def axes_of(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The axes reduced over, each counted from the front."""
    if axis is None or not shape:  # NumPy reduces a 0-d array along axis 0 or -1, too
        return tuple(range(len(shape)))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(a % len(shape) for a in given)


def kept(reduced: Value, shape: tuple[int, ...], axis: Axis) -> Value:
    """A reduced value with the reduced axes put back, of length 1."""
    if not reduced.ndim or reduced.ndim == len(shape):
        return reduced
    axes = axes_of(shape, axis)
    return reduced.reshape(tuple([1 if i in axes else n for i, n in enumerate(shape)]))


def spread(g: Value, shape: tuple[int, ...], axis: Axis) -> Value:
    """A reduced gradient, repeated along the axes that were reduced."""
    return broadcast_to(kept(g, shape, axis), shape)


def length(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements go into one reduced element."""
    return math.prod(shape) if axis is None else math.prod([shape[a] for a in axes_of(shape, axis)])


@op(x=lambda g, x_shape, axis: spread(g, x_shape, axis), linear="x", reduction=np.add,
    numpy=np.sum, method=True, sign="Σ", notation="total", extras=IN_DTYPE)  # fmt: skip
def sum(x: Value, axis: Axis = None, keepdims: Flag = False) -> Value:
    """The sum over the axes."""
    if x.dtype is HALF:
        return single(sum, x, axis, keepdims)
    return np.add.reduce(x, axis, keepdims=keepdims)


@op(x=lambda g, x_shape, axis: spread(g * (1 / length(x_shape, axis)), x_shape, axis),
    linear="x", numpy=np.mean, method=True, extras=IN_DTYPE)  # fmt: skip
def mean(x: Value, axis: Axis = None, keepdims: Flag = False) -> Value:
    """The mean over the axes."""
    if x.dtype not in FAST or not x.size:
        return np.mean(x, axis=axis, keepdims=keepdims)
    total = np.add.reduce(x, axis, keepdims=keepdims)
    return total / (x.size if axis is None else length(x.shape, axis))  # np.mean, faster


def extreme_x(g: Value, x: Value, out: Value, axis: Axis) -> Value:
    level = kept(out, x.shape, axis)
    chosen = (x == level) | ((x != x) & (level != level))  # a NaN is the largest, and the smallest
    share = chosen.sum(axis=axis, keepdims=True).astype(g.dtype)
    return np.where(chosen, kept(g, x.shape, axis) / share, 0.0)


@op(x=extreme_x, fresh="x", reduction=np.maximum, numpy=(np.max, np.amax), method=True,
    torch="amax", whole=True)  # fmt: skip
def max(x: Value, axis: Axis = None, keepdims: Flag = False) -> Value:
    """The largest element over the axes."""
    return np.maximum.reduce(x, axis, keepdims=keepdims)


@op(x=extreme_x, fresh="x", reduction=np.minimum, numpy=(np.min, np.amin), method=True,
    torch="amin", whole=True)  # fmt: skip
def min(x: Value, axis: Axis = None, keepdims: Flag = False) -> Value:
    """The smallest element over the axes."""
    return np.minimum.reduce(x, axis, keepdims=keepdims)


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


@op(x=prod_x, fresh="x", reduction=np.multiply, numpy=np.prod, method=True, sign="Π", whole=True,
    notation="total", holomorphic=True, extras=IN_DTYPE)  # fmt: skip
def prod(x: Value, axis: Axis = None, keepdims: Flag = False) -> Value:
    """The product over the axes."""
    if x.dtype is HALF:
        return single(prod, x, axis, keepdims)
    return np.multiply.reduce(x, axis, keepdims=keepdims)


def var_x(g: Value, x: Value, axis: Axis, ddof: float) -> Value:
    centred = x - x.mean(axis=axis, keepdims=True)
    return kept(g, x.shape, axis) * centred * (2 / (length(x.shape, axis) - ddof or math.nan))


@op(x=var_x, fresh="x", numpy=np.var, method=True, whole=True, prepare={"ddof": _ddof},
    complex=True, extras=IN_DTYPE)  # fmt: skip
def var(x: Value, axis: Axis = None, ddof: float = 0, keepdims: Flag = False) -> Value:
    """The variance over the axes, divided by their length less ddof."""
    if x.dtype is HALF:
        return single(var, x, axis, ddof, keepdims)
    return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)


def std_x(g: Value, x: Value, out: Value, axis: Axis, ddof: float) -> Value:
    centred = x - x.mean(axis=axis, keepdims=True)
    flat = kept(out, x.shape, axis) == 0
    if x.dtype.kind != "c":  # the rounded mean of equal elements need not equal them
        flat = flat | (x.min(axis=axis, keepdims=True) == x.max(axis=axis, keepdims=True))
    scale = np.where(flat, 1.0, kept(out, x.shape, axis)) * (length(x.shape, axis) - ddof)
    return np.where(flat, 0.0, kept(g, x.shape, axis) * centred / scale)


@op(x=std_x, fresh="x", numpy=np.std, method=True, whole=True, prepare={"ddof": _ddof},
    complex=True, extras=IN_DTYPE)  # fmt: skip
def std(x: Value, axis: Axis = None, ddof: float = 0, keepdims: Flag = False) -> Value:
    """The standard deviation over the axes, divided by their length less ddof."""
    if x.dtype is HALF:
        return single(std, x, axis, ddof, keepdims)
    return np.std(x, axis=axis, ddof=ddof, keepdims=keepdims)


# --- No gradient by nature: places and truths ----------------------------------------------------
@op(discrete=True, numpy=np.argmax, method=True, batch="flat")
def argmax(x: Value, axis: int | None = None, keepdims: Flag = False) -> Value:
    """Where the largest element along the axis is; without an axis, in the flattened array."""
    return np.argmax(x, axis=axis, keepdims=keepdims)


@op(discrete=True, numpy=np.argmin, method=True, batch="flat")
def argmin(x: Value, axis: int | None = None, keepdims: Flag = False) -> Value:
    """Where the smallest element along the axis is; without an axis, in the flattened array."""
    return np.argmin(x, axis=axis, keepdims=keepdims)


@op(discrete=True, numpy=np.all, method=True, reduction=np.logical_and)
def all(x: Value, axis: Axis = None, keepdims: Flag = False) -> Value:
    """Whether all elements over the axes are true."""
    return np.all(x, axis=axis, keepdims=keepdims)


@op(discrete=True, numpy=np.any, method=True, reduction=np.logical_or)
def any(x: Value, axis: Axis = None, keepdims: Flag = False) -> Value:
    """Whether any element over the axes is true."""
    return np.any(x, axis=axis, keepdims=keepdims)
