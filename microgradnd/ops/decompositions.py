"""Decompositions of matrices: Cholesky, QR, singular values, eigenvalues, inverses of any rank.

Nodes have one output: the parts of a decomposition are packed into one array, from which the public
functions cut them, so that the gradients of all parts arrive together in one rule. The rules
are those of Giles (2008), An extended collection of matrix derivative results, and of PyTorch.

Freedom of gauge: the signs of the vectors of `svd` and `eigh` are not determined, and a loss should
not depend on them. Where eigenvalues or singular values are equal, their vectors have no
derivative: the terms between equal ones, which are infinite elsewhere, count as 0 here, so that
what depends on the values alone, or on the space that the vectors span, has its gradient.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.complex_numbers import conjugated_where_complex, real_where_complex
from microgradnd.ops.linalg import matmul
from microgradnd.ops.linear_systems import matrix_of_diagonal, solve
from microgradnd.ops.rearranging import triu


class QR(NamedTuple):
    """A = Q R."""

    Q: Tensor
    R: Tensor


class SVD(NamedTuple):
    """A = U diag(S) Vh."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class Eigen(NamedTuple):
    """Eigenvalues, and the eigenvectors in the columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def T(x: Value) -> Value:
    return x.swapaxes(-1, -2)


def H(x: Value) -> Value:
    return T(conjugated_where_complex(x))


def symmetric(x: Value) -> Value:
    return (x + H(x)) * 0.5


def safe_inverse(x: Value) -> Value:
    """1/x, and 0 for 0."""
    zero = x == 0
    return np.where(zero, 0.0, 1.0 / np.where(zero, 1.0, x))


def gaps(w: Value) -> Value:
    """1/(w_j - w_i) in row i, column j; 0 between equal ones."""
    return safe_inverse(w[..., None, :] - w[..., :, None])


# --- Cholesky ------------------------------------------------------------------------------------
def cholesky_a(g: Value, out: Value, upper: bool) -> Value:
    factor, g = (H(out), H(g)) if upper else (out, g)
    n = factor.shape[-1]
    below = np.tri(n, dtype=g.dtype) - 0.5 * np.eye(n, dtype=g.dtype)
    middle = matmul(H(factor), g) * below
    left = solve(H(factor), middle)  # L⁻ᴴ Φ, then L⁻¹ from the right
    return symmetric(H(solve(H(factor), H(left))))


@op(a=cholesky_a, numpy=np.linalg.cholesky, torch="linalg.cholesky", fresh="a",
    whole=True, complex=True, cure="a must be symmetric and positive definite",
    batch="leading")  # fmt: skip
def cholesky(a: Value, upper: bool = False) -> Value:
    """The lower triangular L with L Lᴴ = a, or Lᴴ, of symmetric (Hermitian) positive definite a.

    Only one triangle of a is read; its gradient is symmetric (Hermitian).

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    return np.linalg.cholesky(a, upper=upper)


# --- QR ------------------------------------------------------------------------------------------
def tall_qr(g_q: Value, g_r: Value, q: Value, r: Value) -> Value:
    """The gradient of A, m×n with m ≥ n: (gQ + Q M') R⁻ᴴ, M' the lower triangle of M, mirrored."""
    n = r.shape[-1]
    m = matmul(r, H(g_r)) - matmul(H(g_q), q)
    low = m * (np.tri(n, dtype=g_q.dtype) - 0.5 * np.eye(n, dtype=g_q.dtype))
    return H(solve(r, H(g_q + matmul(q, low + H(low)))))


def packed_qr_a(g: Value, out: Value, a_shape: tuple[int, ...]) -> Value:
    m, n = a_shape[-2:]
    q, r, g_q, g_r = T(out[..., :m]), out[..., m:], T(g[..., :m]), g[..., m:]
    if m >= n:
        return tall_qr(g_q, g_r, q, r)
    # wide: A = [X Y], R = [U V], V = QᴴY; Q and U are of X alone
    u, v, g_u, g_v = r[..., :m], r[..., m:], g_r[..., :m], g_r[..., m:]
    g_q = g_q + matmul(matmul(q, v), H(g_v))
    return np.concatenate([tall_qr(g_q, g_u, q, u), matmul(q, g_v)], axis=-1)


@op(a=packed_qr_a, internal=True, whole=True, complex=True,
    batch="leading")  # fmt: skip
def packed_qr(a: Value) -> Value:
    """[Qᵀ | R], shape (..., min(m, n), m + n)."""
    q, r = np.linalg.qr(a)
    return np.concatenate([q.swapaxes(-1, -2), r], axis=-1)


def refuse_more(name: str, cure: str, x: Tensor, wanted: bool) -> None:
    if wanted and x.requires_grad:
        raise ValueError(
            f"{name}: of {x.shape[-2]}×{x.shape[-1]} matrices the columns that complete the "
            f"vectors to a basis have no gradient, they are not determined; {cure}"
        )


@derived(numpy=np.linalg.qr, torch="linalg.qr", method=True)
def qr(a: TensorLike, mode: str = "reduced") -> Any:
    """a = Q R with orthonormal columns in Q and upper triangular R, as (Q, R).

    The first min(m, n) columns of a must be linearly independent for a gradient. Mode "complete"
    of tall matrices takes none; mode "r" gives R alone.

    Raises:
        ValueError: mode "raw", or "complete" where that has no gradient.

    >>> q, r = qr(Tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> np.allclose((q @ r).data, [[3, 1], [4, 2]])
    True
    """
    a = as_tensor(a)
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode must be 'reduced', 'complete' or 'r', not {mode!r}")
    m, n = a.shape[-2:]
    refuse_more("qr", "take mode='reduced'", a, mode == "complete" and m > n)
    if mode == "complete" and m > n:
        return QR(*[Tensor(part) for part in np.linalg.qr(a.data, "complete")])
    packed = packed_qr(a)
    r = triu(packed[..., m:])
    return r if mode == "r" else QR(packed[..., :m].swapaxes(-1, -2), r)


# --- Singular values -----------------------------------------------------------------------------
def packed_svd_a(g: Value, out: Value, a_shape: tuple[int, ...]) -> Value:
    m, n = a_shape[-2:]
    u, s, vh = T(out[..., :m]), out[..., m], out[..., m + 1 :]
    g_u, g_s, g_vh = T(g[..., :m]), g[..., m], g[..., m + 1 :]
    k, between, inverse = s.shape[-1], gaps(s * s), safe_inverse(s)[..., None, :]
    u_gu, v_gv = matmul(H(u), g_u), matmul(vh, H(g_vh))
    if g.dtype.kind == "c":  # the vectors' phases turn together
        g_s = np.real(g_s) + np.imag((np.conjugate(u) * g_u).sum(axis=-2)) * safe_inverse(s) * 1j
    middle = (u_gu - H(u_gu)) * between * s[..., None, :]
    middle = middle + s[..., :, None] * (v_gv - H(v_gv)) * between + matrix_of_diagonal(g_s)
    left = matmul(u, middle)
    if m > k:
        left = left + (g_u - matmul(u, u_gu)) * inverse
    total = matmul(left, vh)
    if n > k:
        total = total + matmul(u * inverse, g_vh - matmul(H(v_gv), vh))
    return total


@op(a=packed_svd_a, internal=True, whole=True, complex=True,
    batch="leading")  # fmt: skip
def packed_svd(a: Value) -> Value:
    """[Uᵀ | S | Vh], shape (..., min(m, n), m + 1 + n)."""
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([u.swapaxes(-1, -2), s[..., None], vh], axis=-1)


def svdvals_a(g: Value, a: Value) -> Value:
    m, packed = a.shape[-2], packed_svd(a)
    return matmul(T(packed[..., :m]) * g[..., None, :], packed[..., m + 1 :])


@op(a=svdvals_a, fresh="a", numpy=np.linalg.svdvals, torch="linalg.svdvals", internal=True,
    whole=True, complex=True,
    batch="leading")  # fmt: skip
def svdvals(a: Value) -> Value:
    """The singular values, the largest first.

    >>> svdvals(np.diag([3.0, 4.0])).tolist()
    [4.0, 3.0]
    """
    return np.linalg.svdvals(a)


@derived(numpy=np.linalg.svd, torch="linalg.svd", internal=True)
def svd(
    a: TensorLike, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """a = U diag(S) Vh, as (U, S, Vh), the singular values falling; without `compute_uv` S alone.

    The signs of vectors are arbitrary, and where singular values are equal vectors have no
    derivative; see the module's text.

    Raises:
        ValueError: full_matrices, NumPy's default, of a matrix that is not square and requires
            a gradient: the additional vectors have none.

    >>> u, s, vh = svd(Tensor([[0.0, 2.0], [1.0, 0.0]]))
    >>> s
    Tensor([2., 1.])
    """
    a = as_tensor(a)
    if not compute_uv:
        return svdvals(a)
    m, n = a.shape[-2:]
    refuse_more("svd", "take full_matrices=False", a, full_matrices and m != n)
    if full_matrices and m != n:
        return SVD(*[Tensor(part) for part in np.linalg.svd(a.data)])
    packed = packed_svd(a)
    s = real_where_complex(packed[..., m])
    return SVD(packed[..., :m].swapaxes(-1, -2), s, packed[..., m + 1 :])


# --- Eigenvalues ---------------------------------------------------------------------------------
def packed_eigh_a(g: Value, out: Value) -> Value:
    w, v, g_w, g_v = out[..., 0, :], out[..., 1:, :], g[..., 0, :], g[..., 1:, :]
    middle = matmul(H(v), g_v) * gaps(w) + matrix_of_diagonal(real_where_complex(g_w))
    return symmetric(matmul(matmul(v, middle), H(v)))


@op(a=packed_eigh_a, internal=True, whole=True, complex=True,
    batch="leading")  # fmt: skip
def packed_eigh(a: Value, UPLO: str = "L") -> Value:
    """Eigenvalues in row 0, below them the eigenvectors in columns: shape (..., n + 1, n)."""
    w, v = np.linalg.eigh(a, UPLO)  # type: ignore[call-overload]
    return np.concatenate([w[..., None, :], v], axis=-2)


def eigvalsh_a(g: Value, a: Value, UPLO: str) -> Value:
    v = packed_eigh(a, UPLO)[..., 1:, :]
    return matmul(v * g[..., None, :], H(v))


@op(a=eigvalsh_a, fresh="a", numpy=np.linalg.eigvalsh, torch="linalg.eigvalsh", internal=True,
    whole=True, complex=True,
    batch="leading")  # fmt: skip
def eigvalsh(a: Value, UPLO: str = "L") -> Value:
    """The eigenvalues of a symmetric (Hermitian) matrix, rising; one triangle of it is read.

    >>> eigvalsh(np.array([[0.0, 1.0], [1.0, 0.0]])).round(6).tolist()
    [-1.0, 1.0]
    """
    return np.linalg.eigvalsh(a, UPLO)  # type: ignore[call-overload]


@derived(numpy=np.linalg.eigh, torch="linalg.eigh", internal=True)
def eigh(a: TensorLike, UPLO: str = "L") -> Eigen:
    """a = V diag(w) Vᴴ of a symmetric (Hermitian) matrix, as (w, V), the eigenvalues w rising.

    One triangle is read, the gradient is symmetric (Hermitian). The signs (phases) of vectors are
    arbitrary, and vectors of equal eigenvalues have no derivative; see the module's text.

    >>> w, v = eigh(Tensor([[2.0, 0.0], [0.0, 1.0]]))
    >>> w
    Tensor([1., 2.])
    """
    packed = packed_eigh(as_tensor(a), UPLO)
    return Eigen(real_where_complex(packed[..., 0, :]), packed[..., 1:, :])


def where_real(w: np.ndarray, a: np.ndarray) -> bool:
    """Whether all eigenvalues of a real matrix are real; newer NumPys give complex ones even so."""
    return a.dtype.kind != "c" and not (w.dtype.kind == "c" and w.imag.any())


def packed_eig_a(g: Value, out: Value) -> Value:
    w, v, g_w, g_v = out[..., 0, :], out[..., 1:, :], g[..., 0, :], g[..., 1:, :]
    along = real_where_complex(conjugated_where_complex(v) * g_v).sum(axis=-2)  # they keep length 1
    between = conjugated_where_complex(gaps(w))
    middle = (matmul(H(v), g_v) - matmul(H(v), v) * along[..., None, :]) * between
    return solve(H(v), matmul(middle + matrix_of_diagonal(g_w), H(v)))


@op(a=packed_eig_a, internal=True, whole=True, complex=True,
    batch="leading")  # fmt: skip
def packed_eig(a: Value) -> Value:
    """As `packed_eigh`, of any matrix."""
    w, v = np.linalg.eig(a)
    w, v = (w.real, v.real) if where_real(w, a) else (w, v)
    return np.concatenate([w[..., None, :], v], axis=-2)


def eigvals_a(g: Value, a: Value) -> Value:
    v = packed_eig(a)[..., 1:, :]
    return solve(H(v), g[..., :, None] * H(v))


@op(a=eigvals_a, fresh="a", numpy=np.linalg.eigvals, torch="linalg.eigvals", internal=True,
    whole=True, complex=True,
    batch="leading")  # fmt: skip
def eigvals(a: Value) -> Value:
    """The eigenvalues, in no order; real numbers where all of a real matrix are.

    >>> eigvals(np.array([[2.0, 1.0], [0.0, 3.0]]))
    array([2., 3.])
    """
    w = np.linalg.eigvals(a)
    return w.real if where_real(w, a) else w


@derived(numpy=np.linalg.eig, torch="linalg.eig", internal=True)
def eig(a: TensorLike) -> Eigen:
    """Eigenvalues and eigenvectors, of length 1, in columns: a V = V diag(w).

    They are real numbers where all of a real matrix are, as in NumPy, else complex ones. The phases
    of complex vectors are arbitrary, and a loss should not depend on them.

    >>> eig(Tensor([[2.0, 1.0], [0.0, 3.0]])).eigenvalues
    Tensor([2., 3.])
    >>> eig(Tensor([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues.imag
    Tensor([ 1., -1.])
    """
    packed = packed_eig(as_tensor(a))
    return Eigen(packed[..., 0, :], packed[..., 1:, :])


# --- The inverse of any rank ---------------------------------------------------------------------
def pinv_a(g: Value, a: Value, out: Value) -> Value:
    gt, pt = H(g), H(out)
    left = matmul(matmul(gt, out), pt)
    right = matmul(pt, matmul(out, gt))
    total = left - matmul(a, matmul(out, left)) + right - matmul(matmul(right, out), a)
    return total - matmul(matmul(pt, g), pt)


@op(a=pinv_a, fresh="a", numpy=np.linalg.pinv, torch="pinverse linalg.pinv", whole=True,
    complex=True,
    batch="leading")  # fmt: skip
def pinv(a: Value, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Value:
    """The Moore-Penrose inverse; singular values up to rcond times the largest count as 0.

    Its gradient is that among matrices of the same rank (Golub and Pereyra, 1973).

    >>> pinv(np.array([[2.0], [0.0]])).tolist()
    [[0.5, 0.0]]
    """
    given = {} if rtol is None else {"rtol": rtol}
    return np.linalg.pinv(a, rcond, hermitian, **given)


class LeastSquares(NamedTuple):
    """What `lstsq` gives."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


@derived(numpy=np.linalg.lstsq, torch="linalg.lstsq", internal=True)
def lstsq(a: TensorLike, b: TensorLike, rcond: Any = None) -> LeastSquares:
    """The x of least norm that minimizes |a x - b|², with the residuals, rank, singular values.

    x is pinv(a) b, and has its gradient. The residuals are empty where the rank is not full or
    a is not tall, as in NumPy.

    >>> lstsq(Tensor([[1.0], [1.0]]), Tensor([1.0, 2.0])).solution
    Tensor([1.5])
    """
    a, b = as_tensor(a), as_tensor(b)
    m, n = a.shape[-2:]
    if rcond is None:
        rcond = np.finfo(a.dtype if a.dtype.kind in "fc" else float).eps * max(m, n)
    x = matmul(pinv(a, rcond), b)
    s = svdvals(a)
    cut = rcond * s.data.max(axis=-1, keepdims=True, initial=0)
    rank = np.asarray((s.data > cut).sum(axis=-1, dtype=np.intc))  # NumPy's type
    residuals = Tensor(np.zeros(0, x.dtype))
    if m > n and (rank == n).all():
        r = matmul(a, x) - b
        square = r**2 if r.dtype.kind != "c" else r.abs() ** 2
        residuals = square.sum(axis=-1 if b.ndim == 1 else -2)
        residuals = residuals.reshape(1) if b.ndim == 1 == residuals.ndim + 1 else residuals
    return LeastSquares(x, residuals, Tensor(rank), s)
