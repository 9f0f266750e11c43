"""Products of vectors, matrices and stacks of matrices."""

from __future__ import annotations

from math import prod

import numpy as np

from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.batches import aligned
from microgradnd.ops.elementwise import multiply


def flat_rows(x: Value) -> Value:
    """A stack of matrices as one matrix of all their rows, also where there are none."""
    return x if x.ndim == 2 else x.reshape((prod(x.shape[:-1]), x.shape[-1]))


def matmul_x(g: Value, x_shape: tuple[int, ...], y: Value) -> Value:
    if y.ndim == 1:
        return g[..., None] * y
    if len(x_shape) == 1:
        return matmul(y, g[..., None])[..., 0]
    return matmul(g, y.swapaxes(-1, -2))


def matmul_y(g: Value, x: Value, y_shape: tuple[int, ...]) -> Value:
    if x.ndim == 1:
        return x * g if len(y_shape) == 1 else x[:, None] * g[..., None, :]
    if len(y_shape) == 1:
        return matmul(x.swapaxes(-1, -2), g[..., None])[..., 0]
    if len(y_shape) == 2 and x.ndim > 2:  # one product over the whole stack, not one each
        return matmul(flat_rows(x).T, flat_rows(g))
    return matmul(x.swapaxes(-1, -2), g)


def matmul_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    (x, y), (many_x, many_y) = values, mapped
    x_ndim, y_ndim = np.ndim(x) - many_x, np.ndim(y) - many_y  # of a sample
    if not (x_ndim and y_ndim):
        raise ValueError("matmul: an operand is a number; multiply it with *")
    if y_ndim <= 2 and not many_y:  # one product over all samples
        if x_ndim <= 2 or y_ndim == 1:
            rows = matmul(x.reshape((prod(x.shape[:-1]), x.shape[-1])), y)
            return rows.reshape((*x.shape[:-1], *rows.shape[1:]))
        return matmul(x, y)
    if x_ndim == 2 and y_ndim == 1 and not many_x:
        return matmul(y, x.swapaxes(-1, -2))
    if x_ndim == 1:
        x = x[..., None, :]
    if y_ndim == 1:
        y = y[..., None]
    ndim = max(x_ndim, y_ndim, 2)
    x, y = (aligned(v, ndim) if m else v for v, m in ((x, many_x), (y, many_y)))
    out = matmul(x, y)
    out = out[..., 0] if y_ndim == 1 else out
    return out.squeeze(-1 if y_ndim == 1 else -2) if x_ndim == 1 else out


@op(x=matmul_x, y=matmul_y, numpy=np.matmul, operator="matmul", method=True, fresh="x y",
    linear="x y", contraction=True, holomorphic=True, infix=("@", 5), torch="mm bmm mv", whole=True,
    batch=matmul_batch,
    notation="matrix_product",
    cost=lambda out_shape, x_shape: prod(out_shape) * x_shape[-1],
    cure="the last axis of x must be as long as the second-to-last axis of y (its only axis, if "
    "y is 1-D); transpose one of them with .T or .mT")  # fmt: skip
def matmul(x: Value, y: Value) -> Value:
    """The matrix product: (..., n, k) @ (..., k, m) is (..., n, m); a vector has its axis alone."""
    if x.ndim == 2 == y.ndim:
        return x.dot(y)  # the same, in half of the time where matrices are small
    return np.matmul(x, y)


def linear_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    (x, weight, bias), (many_x, many_weights, many_biases) = values, mapped
    if not many_weights and not many_biases:
        return linear(x, weight, bias)
    ndim = np.ndim(x) - many_x
    x = x[..., None, :] if ndim == 1 else x
    weights = weight.swapaxes(-1, -2)
    weights = aligned(weights, max(ndim, 2)) if many_weights else weights
    out = matmul(x, weights)
    out = out[..., 0, :] if ndim == 1 else out
    if bias is None:
        return out
    return out + (aligned(bias, ndim) if many_biases else bias)


@op(input=lambda g, weight: matmul(g, weight), batch=linear_batch, bias=lambda g: g,
    weight=lambda g, input: matmul(flat_rows(g).T, flat_rows(input)) if g.ndim > 1
    else g[:, None] * input,
    fresh="input weight", linear="input weight", contraction=True, holomorphic=True, internal=True,
    torch="nn.functional.linear", notation="weighted_sums",
    cost=lambda out_shape, input_shape: prod(out_shape) * input_shape[-1],
    cure="weight has as many columns as input has features (its last axis), bias as many elements "
    "as weight has rows")  # fmt: skip
def linear(input: Value, weight: Value, bias: Value | None = None) -> Value:
    """a = W x + b, the fully connected layer of eqs. 5-33 and 5-34.

    Shapes: input x (..., I), weight W (O, I), bias b (O,), result (..., O).

    >>> linear(Tensor([1.0, 2.0]), np.array([[3.0, 4.0]]), np.array([0.5]))
    Tensor([11.5])
    """
    a = matmul(input, weight.T)  # (..., O)
    return a if bias is None else a + bias


@derived(numpy=np.dot, method=True)
def dot(x: TensorLike, y: TensorLike) -> Tensor:
    """numpy.dot: the sum over the last axis of x and the second-to-last (or only) axis of y.

    >>> float(dot(Tensor([1.0, 2.0]), Tensor([3.0, 4.0])).item())
    11.0
    """
    x, y = as_tensor(x, "dot", "x"), as_tensor(y, "dot", "y")
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
