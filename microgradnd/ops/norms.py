"""Norms of vectors and matrices, distances, condition and rank.

The norm has slope 0 at 0 (PyTorch's choice among the subgradients); where several elements are the
largest, they share the gradient evenly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.declaration import Axis, TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.decompositions import svdvals
from microgradnd.ops.linear_systems import inv
from microgradnd.ops.reduction import HALF, extreme_x, kept, single
from microgradnd.ops.shape import moveaxis


def vector_norm_x(g: Value, x: Value, out: Value, ord: Any, axis: Axis) -> Value:
    g, size = kept(g, x.shape, axis), kept(out, x.shape, axis)
    if ord == 0:
        return x * 0.0
    if ord == 1:
        return g * np.sign(x)
    if abs(ord) == np.inf:
        return extreme_x(g, np.abs(x), size, axis) * np.sign(x)
    zero = size == 0
    if ord == 2:
        return np.where(zero, 0.0, g * x / np.where(zero, 1.0, size))
    flat = (x == 0) | zero
    ratio = np.where(flat, 1.0, np.abs(x)) / np.where(zero, 1.0, size)
    return np.where(flat, 0.0, g * np.sign(x) * ratio ** (ord - 1))


@op(x=vector_norm_x, fresh="x", torch="linalg.vector_norm", numpy=np.linalg.vector_norm,
    internal=True, whole=True, complex=True)  # fmt: skip
def vector_norm(x: Value, ord: Any = 2, axis: Axis = None, keepdims: Any = False) -> Value:
    """(Σ |x|^ord)^(1/ord) over the axes, by default all.

    inf and -inf are the largest and smallest |x|, 0 is the number of elements that are not 0.

    >>> float(vector_norm(np.array([3.0, 4.0])))
    5.0
    """
    if x.dtype is HALF:
        return single(vector_norm, x, ord, axis, keepdims)
    if axis is None and not x.ndim:
        x = x.reshape(1)
        keepdims = False
    out = np.linalg.vector_norm(x, ord=ord, axis=axis, keepdims=keepdims)
    return np.asarray(out, x.dtype) if x.dtype.kind == "f" else out


def _pair(name: str, x: Tensor, axis: Any) -> tuple[int, int]:
    pair = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    if len(pair) != 2 or x.ndim < 2 or pair[0] % x.ndim == pair[1] % x.ndim:
        raise ValueError(f"{name}: the norm of matrices is over two axes, not {axis} of {x.ndim}")
    return pair[0] % x.ndim, pair[1] % x.ndim


@derived(numpy=np.linalg.matrix_norm, torch="linalg.matrix_norm", internal=True)
def matrix_norm(
    x: TensorLike, ord: float | str | None = "fro", axis: Axis = (-2, -1), keepdims: bool = False
) -> Tensor:
    """The norm of matrices: "fro", "nuc", inf, -inf, 1, -1, 2 or -2.

    "fro" is the root of the sum of squares, "nuc" the sum of singular values, 2 and -2 the largest
    and smallest of them, 1 and inf the largest sum of |x| in a column and in a row, with a minus
    the smallest.

    >>> matrix_norm([[1.0, -2.0], [3.0, 4.0]], 1)
    Tensor(6.)
    """
    x = as_tensor(x)
    row, column = _pair("matrix_norm", x, axis)
    if ord in ("fro", "f", None):
        return vector_norm(x, 2, (row, column), keepdims)
    if ord in (2, -2, "nuc"):
        s = svdvals(moveaxis(x, (row, column), (-2, -1)))
        out = s.sum(axis=-1) if ord == "nuc" else s.max(axis=-1) if ord == 2 else s.min(axis=-1)
    elif ord in (1, -1, np.inf, -np.inf):
        along, other = (row, column) if abs(ord) == 1 else (column, row)
        sums = x.abs().sum(axis=along, keepdims=True)
        out = sums.max(axis=other, keepdims=True) if ord > 0 else sums.min(other, keepdims=True)
        out = out.squeeze((row, column))
    else:
        raise ValueError(f"matrix_norm: ord {ord!r} is none of fro, nuc, inf, -inf, 1, -1, 2, -2")
    return np.expand_dims(out, (row, column)) if keepdims else out  # type: ignore[return-value]


@derived(numpy=np.linalg.norm, torch="linalg.norm")
def norm(
    x: TensorLike,
    ord: float | str | None = None,
    axis: Axis = None,
    keepdims: bool = False,
    *,
    p: float | str | None = None,
) -> Tensor:  # fmt: skip
    """numpy.linalg.norm, or with `p` torch.norm, which never takes a number for a matrix's norm.

    Without ord the root of the sum of squares, over all axes or the given ones. With ord the norm
    of vectors along one axis, of matrices over two; without an axis x must be a vector or a matrix.

    >>> norm([[3.0, 0.0], [0.0, 4.0]]), norm([[3.0, 0.0], [0.0, 4.0]], 2)
    (Tensor(5.), Tensor(4.))
    >>> norm([[3.0, 0.0], [0.0, 4.0]], p=1)
    Tensor(7.)
    """
    x = as_tensor(x)
    if p is not None:
        return torch_norm(x, p, axis, keepdims)
    if axis is None and ord is None:
        return vector_norm(x, 2, None, keepdims)
    if axis is None:
        if x.ndim not in (1, 2):
            raise ValueError(f"norm: ord {ord!r} needs an axis for {x.ndim} dimensions")
        axis = tuple(range(x.ndim))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(f"norm: ord {ord!r} is a norm of matrices, x has one axis")
        return vector_norm(x, 2 if ord is None else ord, axes[0], keepdims)
    return matrix_norm(x, "fro" if ord is None else ord, axes, keepdims)


@derived(internal=True, method="norm")
def torch_norm(
    x: TensorLike,
    p: float | str | None = "fro",
    axis: Axis = None,
    keepdims: bool = False,
    *,
    ord: float | str | None = None,
) -> Tensor:  # fmt: skip
    """torch.norm: of all elements, or those of the axes, as one vector; p "nuc" of matrices.

    With `ord` it is numpy.linalg.norm.

    >>> Tensor([[1.0, -2.0], [3.0, 4.0]]).norm(1)
    Tensor(10.)
    """
    if ord is not None:
        return norm(x, ord, axis, keepdims)
    x = as_tensor(x)
    if p == "nuc":
        return matrix_norm(x, p, (-2, -1) if axis is None else axis, keepdims)
    axes = tuple(axis) if isinstance(axis, list) else axis
    return vector_norm(x, 2 if p in ("fro", None) else p, axes, keepdims)


@derived(method=True)
def dist(x: TensorLike, y: TensorLike, p: float = 2) -> Tensor:
    """The p-norm of the difference.

    >>> dist([1.0, 2.0], [4.0, 6.0])
    Tensor(5.)
    """
    return vector_norm(as_tensor(x) - as_tensor(y), p)


@derived()
def cdist(x1: TensorLike, x2: TensorLike, p: float = 2.0) -> Tensor:
    """The p-norm of each row of x1, (..., P, M), less each row of x2, (..., R, M): (..., P, R).

    >>> cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])
    Tensor([[5., 1.]])
    """
    between = as_tensor(x1)[..., :, None, :] - as_tensor(x2)[..., None, :, :]
    if between.shape[-1] == 0:
        return between.sum(axis=-1)
    return vector_norm(between, p, -1)


@derived(numpy=np.linalg.cond, torch="linalg.cond", internal=True)
def cond(x: TensorLike, p: float | str | None = None) -> Tensor:
    """The condition: the norm of a matrix times that of its inverse; by default the 2-norm.

    >>> cond([[2.0, 0.0], [0.0, 1.0]])
    Tensor(2.)
    """
    x = as_tensor(x)
    if p in (None, 2, -2):
        s = svdvals(x)
        with np.errstate(divide="ignore"):
            return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return matrix_norm(x, p) * matrix_norm(inv(x), p)


@derived(numpy=np.linalg.matrix_rank, torch="linalg.matrix_rank", internal=True,
         aliases={"atol": "tol"}, uncomplex="tol rtol")  # fmt: skip
def matrix_rank(
    A: TensorLike,
    tol: TensorLike | None = None,
    hermitian: bool = False,
    *,
    rtol: TensorLike | None = None,
) -> Tensor:
    """How many singular values are above tol, or rtol times the largest: integers, no gradient.

    >>> matrix_rank([[1.0, 2.0], [2.0, 4.0]])
    Tensor(1)
    """
    least, share = (None if x is None else as_tensor(x).data for x in (tol, rtol))
    rank = np.linalg.matrix_rank(as_tensor(A).data, least, hermitian, rtol=share)
    return Tensor(np.asarray(rank))
