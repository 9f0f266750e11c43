"""Products of vectors, matrices and stacks of matrices."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from microgradnd.declaration import op
from microgradnd.engine import Tensor
from microgradnd.hotpath import binary
from microgradnd.ops.elementwise import multiply
from microgradnd.signatures import TensorLike

Value = Any


def matmul_x(g: Value, x_shape: tuple[int, ...], y: Value) -> Value:
    if y.ndim == 1:
        return g[..., None] * y
    if len(x_shape) == 1:
        return (y @ g[..., None])[..., 0]
    return g @ y.swapaxes(-1, -2)


def flat_rows(x: Value) -> Value:
    """A stack of matrices as one matrix of all their rows, also where there are none."""
    return x.reshape((prod(x.shape[:-1]), x.shape[-1]))


def matmul_y(g: Value, x: Value, y_shape: tuple[int, ...]) -> Value:
    if x.ndim == 1:
        return x * g if len(y_shape) == 1 else x[:, None] * g[..., None, :]
    if len(y_shape) == 1:
        return (x.swapaxes(-1, -2) @ g[..., None])[..., 0]
    if len(y_shape) == 2 and x.ndim > 2:  # one product over the whole stack, not one each
        return flat_rows(x).T @ flat_rows(g)
    return x.swapaxes(-1, -2) @ g


matmul = binary(op(np.matmul, "x y", x=matmul_x, y=matmul_y))


def dot(x: TensorLike, y: TensorLike) -> Tensor:
    """numpy.dot: the sum over the last axis of x and the second-to-last (or only) axis of y.

    >>> float(dot(Tensor([1.0, 2.0]), Tensor([3.0, 4.0])))
    11.0
    """
    x, y = (t if isinstance(t, Tensor) else Tensor(t) for t in (x, y))
    if x.ndim == 0 or y.ndim == 0:
        return multiply(x, y)
    if y.ndim <= 2:
        return matmul(x, y)
    columns = y.swapaxes(0, -2)  # (K, ..., N), its axes after the first in another order
    rows = matmul(flat_rows(x), columns.reshape((y.shape[-2], prod(columns.shape[1:]))))
    middle = [y.shape[i] for i in range(1, y.ndim - 2)] + [y.shape[0]]
    out = rows.reshape((*x.shape[:-1], *middle, y.shape[-1]))
    at = x.ndim - 1  # where the axes of y begin; its first one stands last but one
    order = [*range(at), out.ndim - 2, *range(at, out.ndim - 2), out.ndim - 1]
    return out.transpose(order)
