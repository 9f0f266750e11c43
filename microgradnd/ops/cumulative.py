"""Running sums, products and extremes along an axis, differences and integrals.

Without an axis those of NumPy's names run over the flattened array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from microgradnd.calling import IN_DTYPE
from microgradnd.declaration import Axis, TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.indexing import getitem
from microgradnd.ops.rearranging import flip
from microgradnd.ops.reduction import HALF, single
from microgradnd.ops.selecting import Selected, take_along_axis
from microgradnd.ops.shape import concatenate, swapaxes


def backward_sum(g: Value, axis: int | None) -> Value:
    """The sum of an element and all that come after it."""
    return flip(cumsum(flip(g, axis), axis), axis)


@op(x=lambda g, x_shape, axis: backward_sum(g, axis).reshape(x_shape), linear="x",
    numpy=np.cumsum, method=True, whole=True, batch="flat", extras=IN_DTYPE)  # fmt: skip
def cumsum(x: Value, axis: int | None = None) -> Value:
    """The sum of each element and all before it along the axis."""
    if x.dtype is HALF:
        return single(cumsum, x, axis)
    return np.cumsum(x, axis=axis)


def cumprod_x(g: Value, x: Value, out: Value, axis: int | None) -> Value:
    if np.all(x != 0):
        return backward_sum(g * out, axis).reshape(x.shape) / x
    # With zeros about: of n copies of a row, the i-th with element i made 1, from i on.
    along = 0 if axis is None else axis
    rows = (x.reshape(-1) if axis is None else x).swapaxes(along, -1)
    n = rows.shape[-1]
    copies = np.where(np.eye(n, dtype=bool), 1.0, rows.reshape((*rows.shape[:-1], 1, n)))
    others = np.where(np.tri(n, dtype=bool).T, cumprod(copies, -1), 0.0)
    weights = g.swapaxes(along, -1).reshape((*rows.shape[:-1], 1, n))
    return (others * weights).sum(axis=-1).swapaxes(along, -1).reshape(x.shape)


@op(x=cumprod_x, fresh="x", numpy=np.cumprod, method=True, whole=True, batch="flat",
    holomorphic=True, extras=IN_DTYPE)  # fmt: skip
def cumprod(x: Value, axis: int | None = None) -> Value:
    """The product of each element and all before it along the axis, with any number of zeros."""
    if x.dtype is HALF:
        return single(cumprod, x, axis)
    return np.cumprod(x, axis=axis)


def _running(x: TensorLike, axis: int, extreme: np.ufunc) -> Selected:
    x = as_tensor(x)
    data = x.data if x.ndim else x.data[None]
    axis = normalize_axis_index(axis, max(x.ndim, 1))
    best = extreme.accumulate(data, axis)
    order = np.arange(data.shape[axis]).reshape([-1 if i == axis else 1 for i in range(data.ndim)])
    reached = (data == best) | (data != data)  # (of equal ones the last, as in PyTorch)
    at = np.maximum.accumulate(np.where(reached, order, 0), axis).reshape(x.shape)
    return Selected(take_along_axis(x, at, axis) if x.ndim else x, Tensor(at))


@derived(method=True, batch="axis")
def cummax(x: TensorLike, axis: int) -> Selected:
    """The largest so far along the axis, and where it stands.

    >>> cummax(Tensor([1.0, 3.0, 2.0]), 0).values
    Tensor([1., 3., 3.])
    """
    return _running(x, axis, np.maximum)


@derived(method=True, batch="axis")
def cummin(x: TensorLike, axis: int) -> Selected:
    """The smallest so far along the axis, and where it stands.

    >>> cummin(Tensor([2.0, 1.0, 3.0]), 0).indices
    Tensor([0, 1, 1])
    """
    return _running(x, axis, np.minimum)


def logcumsumexp_x(g: Value, x: Value, out: Value, axis: int) -> Value:
    # Σ_{i≥k} g_i exp(x_k - out_i), which would overflow: g exp(-out) is summed in logarithms.
    level = np.where(out == -np.inf, 0.0, out)

    def part(g: Value) -> Value:
        height = np.where(g > 0, np.log(np.where(g > 0, g, 1.0)) - level, -np.inf)
        return np.exp(flip(logcumsumexp(flip(height, axis), axis), axis) + x)

    return part(g) - part(-g)


@op(x=logcumsumexp_x, fresh="x", method=True, whole=True,
    program="np.logaddexp.accumulate({x}, {axis})")  # fmt: skip
def logcumsumexp(x: Value, axis: int) -> Value:
    """ln of the sum of the exponentials of each element and all before it along the axis.

    >>> logcumsumexp(Tensor([0.0, 0.0, 0.0]), 0).exp().round(6)
    Tensor([1., 2., 3.])
    """
    if x.dtype is HALF:
        return single(logcumsumexp, x, axis)
    return np.logaddexp.accumulate(x, axis)


@derived(numpy=np.diff, method=True)
def diff(
    x: TensorLike,
    n: int = 1,
    axis: int = -1,
    prepend: TensorLike | None = None,
    append: TensorLike | None = None,
) -> Tensor:
    """The differences of neighbours along the axis, n times over.

    Args:
        prepend, append: values that x is lengthened by along the axis first.

    >>> diff(Tensor([1.0, 4.0, 9.0]))
    Tensor([3., 5.])
    """
    x = as_tensor(x)
    if x.ndim == 0 or n < 0:
        raise ValueError(f"diff: needs an axis and n ≥ 0, got shape {x.shape} and n={n}")
    axis = normalize_axis_index(axis, x.ndim)
    ends = []
    for end in (prepend, append):
        end = None if end is None else as_tensor(end)
        if end is not None and end.ndim == 0:
            end = end.broadcast_to(tuple(1 if i == axis else m for i, m in enumerate(x.shape)))
        ends.append(end)
    parts = [part for part in (ends[0], x, ends[1]) if part is not None]
    x = as_tensor(concatenate(parts, axis)) if len(parts) > 1 else x
    lead = (slice(None),) * axis
    for _ in range(n):
        x = as_tensor(getitem(x, (*lead, slice(1, None))) - getitem(x, (*lead, slice(-1))))
    return x


@derived(numpy=np.gradient)
def gradient(f: TensorLike, *varargs: Any, axis: Axis = None, edge_order: int = 1) -> Any:
    """The slope along each axis: between the neighbours of an element, at the ends to the one.

    Args:
        varargs: the step, one for all axes or one for each; or the places along each axis.
        axis: the axes; all by default. Of several a tuple comes back.
        edge_order: 2 takes the slopes at the ends of the parabola through three elements.

    >>> gradient(Tensor([1.0, 2.0, 4.0]), 0.5)
    Tensor([2., 3., 4.])
    """
    f = as_tensor(f)
    axes = np.lib.array_utils.normalize_axis_tuple(range(f.ndim) if axis is None else axis, f.ndim)
    steps = [getattr(h, "_array", h) for h in varargs] or [1.0]
    steps = steps * len(axes) if len(steps) == 1 else steps
    if len(steps) != len(axes):
        raise TypeError(f"gradient: {len(steps)} steps for {len(axes)} axes")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order must be 1 or 2, not {edge_order!r}")
    slopes = [
        swapaxes(_slopes(as_tensor(swapaxes(f, i, -1)), h, edge_order), i, -1)
        for i, h in zip(axes, steps)
    ]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slopes(f: Tensor, step: Any, edge_order: int) -> Tensor:
    """The slopes along the last axis, of parabolas through three neighbours each."""
    n = f.shape[-1]
    if n <= edge_order:
        raise ValueError(f"gradient: {n} elements along an axis are too few, see edge_order")
    d = np.diff(step) if np.ndim(step) else np.full(n - 1, step)
    d = d.astype(f.dtype)
    if len(d) != n - 1:
        raise ValueError(f"gradient: {len(d) + 1} places along an axis of {n} elements")
    ends = [(f[..., 1:2] - f[..., :1]) / d[0], (f[..., -1:] - f[..., -2:-1]) / d[-1]]
    if n == 2:
        return concatenate(ends, -1)
    before, after = d[:-1], d[1:]
    left = (f[..., 1:-1] - f[..., :-2]) / before
    right = (f[..., 2:] - f[..., 1:-1]) / after
    bend = (right - left) / (before + after)
    if edge_order == 2:
        ends = [ends[0] - bend[..., :1] * d[0], ends[1] + bend[..., -1:] * d[-1]]
    return concatenate([ends[0], left + bend * before, ends[1]], -1)


def _trapezia(y: TensorLike, x: TensorLike | None, dx: float, axis: int) -> Tensor:
    """The areas between neighbours."""
    y = as_tensor(y)
    axis = normalize_axis_index(axis, y.ndim)
    lead = (slice(None),) * axis
    pairs = getitem(y, (*lead, slice(1, None))) + getitem(y, (*lead, slice(-1)))
    if x is None:
        return pairs * (dx / 2)
    x = as_tensor(x)
    step = diff(x, axis=-1 if x.ndim == 1 else axis)
    if x.ndim == 1:
        step = step.reshape([-1 if i == axis else 1 for i in range(y.ndim)])
    return pairs * step * 0.5


@derived(numpy=np.trapezoid, torch="trapz")
def trapezoid(
    y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1
) -> Tensor:
    """The integral of y along the axis by the trapezoidal rule, over points x or steps of dx.

    >>> trapezoid(Tensor([1.0, 2.0, 4.0]))
    Tensor(4.5)
    """
    return _trapezia(y, x, dx, axis).sum(axis)


@derived()
def cumulative_trapezoid(
    y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1
) -> Tensor:
    """The integral of y so far along the axis, by the trapezoidal rule.

    >>> cumulative_trapezoid(Tensor([1.0, 2.0, 4.0]))
    Tensor([1.5, 4.5])
    """
    return cumsum(_trapezia(y, x, dx, axis), axis)
