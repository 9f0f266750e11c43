"""Inverses, determinants, systems of equations, powers and the exponential of matrices.

All take stacks of matrices, in the last two axes.
"""

from __future__ import annotations

from functools import cache
from math import factorial, prod
from typing import Any, NamedTuple

import numpy as np

from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.batches import aligned
from microgradnd.ops.complex_numbers import conjugated_where_complex
from microgradnd.ops.linalg import matmul
from microgradnd.ops.rearranging import tril, triu


class SignAndLog(NamedTuple):
    """The sign of a determinant and the logarithm of its absolute value."""

    sign: Tensor
    logabsdet: Tensor


def matrix_of_diagonal(x: Value) -> Value:
    """Diagonal matrices of the last axis."""
    return x[..., None, :] * np.eye(x.shape[-1], dtype=x.dtype)


def inv_a(g: Value, out: Value) -> Value:
    transposed = out.swapaxes(-1, -2)
    return -matmul(matmul(transposed, g), transposed)


@op(a=inv_a, fresh="a", numpy=np.linalg.inv, torch="inverse linalg.inv", whole=True, method=True,
    holomorphic=True,
    cure="a singular matrix has no inverse; linalg.pinv is defined for each",
    batch="leading")  # fmt: skip
def inv(a: Value) -> Value:
    """The inverse.

    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    return np.linalg.inv(a)


def cofactors(a: Value) -> Value:
    """Of each element the determinant without its row and column, signed: for singular matrices."""
    n = a.shape[-1]
    others = np.array([[j for j in range(n) if j != i] for i in range(n)], int).reshape(n, n - 1)
    minors = a[..., others[:, None, :, None], others[None, :, None, :]]
    return det(minors) * (1.0 - 2.0 * (np.indices((n, n)).sum(axis=0) % 2)).astype(a.dtype)


def det_a(g: Value, a: Value, out: Value) -> Value:
    if a.shape[-1] == 0:
        return a * 0.0
    if np.all(out != 0):
        return (g * out)[..., None, None] * inv(a).swapaxes(-1, -2)
    return g[..., None, None] * cofactors(a)


@op(a=det_a, fresh="a", numpy=np.linalg.det, torch="linalg.det", method=True, whole=True,
    holomorphic=True,
    batch="leading")  # fmt: skip
def det(a: Value) -> Value:
    """The determinant. Its gradient, of cofactors, is right for singular matrices, too.

    >>> float(det(np.array([[2.0, 1.0], [0.0, 3.0]])))
    6.0
    """
    return np.linalg.det(a)


@op(a=lambda g, a: g[..., None, None] * conjugated_where_complex(inv(a)).swapaxes(-1, -2),
    fresh="a", internal=True, whole=True, complex=True,
    batch="leading")  # fmt: skip
def logabsdet(a: Value) -> Value:
    """log |det a|."""
    return np.linalg.slogdet(a)[1]


def signdet_a(g: Value, a: Value, out: Value) -> Value:
    turn = np.imag(g * np.conjugate(out)) * 1j
    return turn[..., None, None] * np.conjugate(inv(a)).swapaxes(-1, -2)


@op(a=lambda g, a: a * 0.0, complex={"a": signdet_a}, fresh="a", internal=True, whole=True,
    batch="leading")  # fmt: skip
def signdet(a: Value) -> Value:
    """det a / |det a|."""
    return np.linalg.slogdet(a)[0]


@derived(numpy=np.linalg.slogdet, torch="linalg.slogdet", method=True)
def slogdet(a: TensorLike) -> SignAndLog:
    """The sign of the determinant, a constant where it is real, and the log of its absolute value.

    >>> slogdet(Tensor([[-1.0, 0.0], [0.0, 1.0]])).sign
    Tensor(-1.)
    """
    a = as_tensor(a)
    if a.dtype.kind == "c":
        return SignAndLog(signdet(a), logabsdet(a))
    return SignAndLog(Tensor(np.linalg.slogdet(a.data)[0]), logabsdet(a))


@derived(method=True)
def logdet(a: TensorLike) -> Tensor:
    """The logarithm of the determinant; NaN where that is negative.

    >>> logdet(Tensor([[1.0, 0.0], [0.0, 1.0]]))
    Tensor(0.)
    """
    sign, log = slogdet(a)
    return np.where(sign.data < 0, np.asarray(np.nan, log.dtype), log)  # type: ignore[return-value]


# --- Systems of equations ------------------------------------------------------------------------
def solve_b(g: Value, a: Value, b_shape: tuple[int, ...]) -> Value:
    transposed = a.swapaxes(-1, -2)
    if len(b_shape) == 1:
        return solve(transposed, g[..., None])[..., 0]
    return solve(transposed, g)


def solve_a(g: Value, a: Value, b_shape: tuple[int, ...], out: Value) -> Value:
    gb = solve_b(g, a, b_shape)
    if len(b_shape) == 1:
        return -gb[..., :, None] * out[..., None, :]
    return -matmul(gb, out.swapaxes(-1, -2))


def solve_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    a, b = values
    vector = np.ndim(b) == 1 + mapped[1]
    b = b[..., None] if vector else b
    ndim = max(np.ndim(v) - m for v, m in zip((a, b), mapped))
    out = solve(*[aligned(v, ndim) if m else v for v, m in zip((a, b), mapped)])
    return out[..., 0] if vector else out


@op(a=solve_a, b=solve_b, fresh="a b", numpy=np.linalg.solve, torch="linalg.solve", linear="b",
    internal=True, whole=True, holomorphic=True, batch=solve_batch,
    cure="b is a vector (n,) or matrices (..., n, k); of a singular matrix take "
    "linalg.lstsq")  # fmt: skip
def solve(a: Value, b: Value) -> Value:
    """The x with a x = b. b is one vector (n,) or a stack of matrices (..., n, k), as in NumPy.

    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0])).tolist()
    [1.0, 0.5]
    """
    return np.linalg.solve(a, b)


@derived(torch="linalg.solve_triangular", internal=True)
def solve_triangular(
    a: TensorLike,
    b: TensorLike,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> Tensor:
    """The x with a x = b, or x a = b where not `left`, of triangular a: the rest is not read.

    Args:
        a: (..., n, n).
        b: (..., n, k), or (..., k, n) where not left.
        upper: whether a is upper triangular.
        left: on which side a stands.
        unitriangular: whether its diagonal is taken to be ones, and not read.

    >>> solve_triangular([[2.0, 9.0], [1.0, 1.0]], [[2.0], [3.0]], upper=False)
    Tensor([[1.],
            [2.]])
    """
    a, b = as_tensor(a), as_tensor(b)
    side = (triu if upper else tril)(a, int(unitriangular) * (1 if upper else -1))
    if unitriangular:
        side = side + np.eye(a.shape[-1], dtype=a.dtype)
    if left:
        return solve(side, b)
    return solve(side.swapaxes(-1, -2), b.swapaxes(-1, -2)).swapaxes(-1, -2)


@derived(method=True, torch="linalg.cholesky_solve")
def cholesky_solve(b: TensorLike, factor: TensorLike, upper: bool = False) -> Tensor:
    """The x with A x = b, from the Cholesky factor of A: L, or its transpose where `upper`.

    >>> cholesky_solve([[4.0]], [[2.0]])
    Tensor([[1.]])
    """
    lower = as_tensor(factor)
    lower = lower.swapaxes(-1, -2) if upper else lower
    half = solve_triangular(lower, b, upper=False)
    return solve_triangular(lower.swapaxes(-1, -2), half, upper=True)


@derived(numpy=np.linalg.tensorinv, torch="linalg.tensorinv", internal=True)
def tensorinv(a: TensorLike, ind: int = 2) -> Tensor:
    """The inverse of the linear map from the axes after the first `ind` to the first ones.

    >>> tensorinv(np.eye(4).reshape(4, 2, 2), ind=1).shape
    (2, 2, 4)
    """
    a = as_tensor(a)
    if ind <= 0:
        raise ValueError(f"tensorinv: ind must be positive, not {ind}")
    rows = prod(a.shape[ind:])
    return inv(a.reshape((-1 if rows else 0, rows))).reshape((*a.shape[ind:], *a.shape[:ind]))


@derived(numpy=np.linalg.tensorsolve, torch="linalg.tensorsolve", internal=True,
         aliases={"dims": "axes"})  # fmt: skip
def tensorsolve(a: TensorLike, b: TensorLike, axes: Any = None) -> Tensor:
    """The x with tensordot(a, x, x.ndim) = b; `axes` of a are moved to its end first.

    >>> tensorsolve(np.eye(4).reshape(2, 2, 4), np.ones((2, 2)))
    Tensor([1., 1., 1., 1.])
    """
    a, b = as_tensor(a), as_tensor(b)
    if axes is not None:
        moved = [axis % a.ndim for axis in axes]
        a = a.transpose(tuple([i for i in range(a.ndim) if i not in moved] + moved))
    shape = a.shape[b.ndim :]
    if prod(shape) != b.size:
        raise ValueError(
            f"tensorsolve: a of shape {a.shape} is no square map to b of shape {b.shape}"
        )
    return solve(a.reshape((b.size, b.size)), b.reshape((b.size,))).reshape(shape)


# --- Powers and the exponential ------------------------------------------------------------------
@derived(numpy=np.linalg.matrix_power, torch="linalg.matrix_power", method=True)
def matrix_power(a: TensorLike, n: int) -> Tensor:
    """a multiplied with itself n times, by repeated squaring; its inverse, if n is negative.

    >>> matrix_power(Tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    Tensor([[1., 3.],
            [0., 1.]])
    """
    a = as_tensor(a)
    if n != int(n) or a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"matrix_power: needs square matrices and a whole n, not {a.shape}, {n!r}")
    if n == 0:
        ones = np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
        return a * 0.0 + ones if a.requires_grad else Tensor(ones.copy())
    a, n = (inv(a), -n) if n < 0 else (a, n)
    out = None
    while n:
        n, odd = divmod(n, 2)
        if odd:
            out = a if out is None else matmul(out, a)
        a = matmul(a, a) if n else a
    return out  # type: ignore[return-value]


@cache
def pade(order: int) -> tuple[float, ...]:
    """The coefficients of the diagonal Padé approximant of the exponential."""
    top = factorial(2 * order)
    return tuple(
        factorial(2 * order - k) * factorial(order)
        / (top * factorial(k) * factorial(order - k))
        for k in range(order + 1)
    )  # fmt: skip


def matrix_exp_a(g: Value, a: Value) -> Value:
    # the exponential of [[Aᵀ, G], [0, Aᵀ]] has the derivative of exp at Aᵀ towards G in its corner
    n, at = a.shape[-1], a.swapaxes(-1, -2)
    top = np.concatenate([at, g], axis=-1)
    bottom = np.concatenate([at * 0.0, at], axis=-1)
    return matrix_exp(np.concatenate([top, bottom], axis=-2))[..., :n, n:]


@op(a=matrix_exp_a, torch="linalg.matrix_exp", method=True, whole=True, holomorphic=True,
    batch="leading")  # fmt: skip
def matrix_exp(a: Value) -> Value:
    """The exponential of matrices, by Padé approximation, scaling and squaring (Higham, 2005).

    >>> matrix_exp(np.zeros((2, 2))).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"matrix_exp: needs square matrices, not shape {a.shape}")
    if not a.size:
        return np.array(a)
    size = np.abs(a).sum(axis=-2).max(axis=-1)[..., None, None]
    with np.errstate(divide="ignore"):
        halvings = np.maximum(np.ceil(np.log2(size / 4.0)), 0)
    halvings = np.where(np.isfinite(halvings), halvings, 0)
    x = a * np.exp2(-halvings).astype(a.dtype)
    square, one, c = x @ x, np.eye(a.shape[-1], dtype=a.dtype), pade(13)
    even, odd, power = c[0] * one, c[1] * one, one
    for k in range(1, 7):
        power = power @ square
        even, odd = even + c[2 * k] * power, odd + c[2 * k + 1] * power
    odd = x @ odd
    out = np.linalg.solve(even - odd, even + odd)
    for i in range(int(halvings.max())):
        out = np.where(i < halvings, out @ out, out)
    return out.astype(a.dtype, copy=False)
