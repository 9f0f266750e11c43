"""The op cases of linear algebra: inverses, systems of equations, decompositions, norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

import microgradnd as mg
from microgradnd.ops import decompositions, linear_systems, norms
from tests.op_case import Draw, OpCase, Operand, Sample, Shape, off_grid, real, samples

SQUARE: tuple[Shape, ...] = ((3, 3), (2, 2, 2), (0, 2, 2), (1, 1), (0, 0))
ANY: tuple[Shape, ...] = ((3, 3), (3, 2), (2, 3), (2, 3, 2), (0, 2, 3))


def stack(random: np.random.Generator, shape: Shape, singular: Any) -> np.ndarray:
    """Matrices with singular values that are well apart, U diag(s) Vᵀ."""
    u, _, v = np.linalg.svd(random.uniform(-1, 1, shape), full_matrices=False)
    return (u * singular[: u.shape[-1]]) @ v


def regular(random: np.random.Generator, shape: Shape) -> np.ndarray:
    return stack(random, shape, np.array([2.0, 1.2, 0.6]))


def definite(random: np.random.Generator, shape: Shape) -> np.ndarray:
    """Symmetric matrices with eigenvalues 0.6, 1.2, 2."""
    q = np.linalg.qr(random.uniform(-1, 1, shape))[0]
    return (q * np.array([2.0, 1.2, 0.6])[: shape[-1]]) @ q.swapaxes(-1, -2)


def real_eigenvalues(random: np.random.Generator, shape: Shape) -> np.ndarray:
    return np.diag([1.0, 2.0, 4.0])[: shape[-1], : shape[-1]] + random.uniform(-0.2, 0.2, shape)


def symmetric(x: Any) -> Any:
    return (x + (x.conj() if x.dtype.kind == "c" else x).swapaxes(-1, -2)) * 0.5


def of_symmetric(function: Callable) -> Callable:
    """The function of the symmetric part, as one triangle alone is read."""
    return lambda x, **options: function(symmetric(x), **options)


def case(
    name: str,
    call: Callable,
    numpy: Callable | None,
    shapes: Any,
    *options: Any,
    draw: Draw = regular,
    reference: Callable | None = None,
    torch: Any = None,
    complex: bool = True,
) -> OpCase:
    theirs = reference or numpy
    assert theirs is not None
    drawn = samples([(Operand(shape, draw),) for shape in shapes], *options)
    return OpCase(name, call, theirs, drawn, numpy=numpy, torch=torch, complex=complex)


def exponential(x: np.ndarray) -> np.ndarray:
    return scipy.linalg.expm(x).astype(x.dtype) if x.size else x.copy()


def packed_qr(x: np.ndarray) -> np.ndarray:
    q, r = np.linalg.qr(x)
    return np.concatenate([q.swapaxes(-1, -2), r], -1)


def packed_svd(x: np.ndarray) -> np.ndarray:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([u.swapaxes(-1, -2), s[..., None], vh], -1)


def packed_eigen(decomposed: Callable) -> Callable:
    def packed(x: np.ndarray, **options: Any) -> np.ndarray:
        w, v = decomposed(x, **options)
        return np.concatenate([w[..., None, :], v], -2)

    return packed


def vector_norm_reference(x: np.ndarray, **options: Any) -> np.ndarray:
    return np.asarray(np.linalg.vector_norm(x, **options), x.real.dtype)


SOLVED = (
    (Operand((2, 2), regular), Operand((2,))), (Operand((3, 3), regular), Operand((3, 2))),
    (Operand((2, 2, 2), regular), Operand((2,))),
    (Operand((2, 1, 2, 2), regular), Operand((3, 2, 1))),
    (Operand((0, 2, 2), regular), Operand((0, 2, 1))), (Operand((2, 2), regular), Operand((2, 0))),
)  # fmt: skip
ORDERS = tuple({"ord": o, "axis": -1} for o in (1, 3, 2.5, 0.5, -1, np.inf, -np.inf))

# fmt: off
DECOMPOSITIONS = (
    case("inv", mg.linalg.inv, np.linalg.inv, SQUARE, torch=lambda t, x: t.linalg.inv(x)),
    case("det", mg.linalg.det, np.linalg.det, SQUARE,
         torch=lambda t, x: t.linalg.det(x) if x.numel() else t.linalg.det(x) + x.sum()),
    case("logabsdet", linear_systems.logabsdet, None, SQUARE,
         reference=lambda x: np.linalg.slogdet(x)[1], torch=lambda t, x: t.linalg.slogdet(x)[1]),
    OpCase("solve", mg.linalg.solve, np.linalg.solve, samples(SOLVED), numpy=np.linalg.solve),
    OpCase("solve", mg.linalg.solve, np.linalg.solve, samples(SOLVED[:2]),
           torch=lambda t, a, b: t.linalg.solve(a, b)),
    case("matrix_exp", mg.linalg.matrix_exp, None, SQUARE, reference=exponential,
         torch=lambda t, x: t.linalg.matrix_exp(x)),
    case("cholesky", of_symmetric(mg.linalg.cholesky), of_symmetric(np.linalg.cholesky), SQUARE,
         {}, {"upper": True}, draw=definite,
         torch=lambda t, x, upper=False: t.linalg.cholesky((x + x.mH) / 2, upper=upper)),
    case("packed_qr", decompositions.packed_qr, None, ANY, reference=packed_qr),
    # complex vectors' phases are arbitrary: test_complex.py has what does not depend on them
    case("packed_svd", decompositions.packed_svd, None, ANY, reference=packed_svd, complex=False),
    case("svdvals", mg.linalg.svdvals, np.linalg.svdvals, ANY,
         torch=lambda t, x: t.linalg.svdvals(x)),
    case("packed_eigh", of_symmetric(decompositions.packed_eigh), None, SQUARE, {}, {"UPLO": "U"},
         draw=definite, reference=of_symmetric(packed_eigen(np.linalg.eigh)), complex=False),
    case("eigvalsh", of_symmetric(mg.linalg.eigvalsh), of_symmetric(np.linalg.eigvalsh), SQUARE,
         draw=definite, torch=lambda t, x: t.linalg.eigvalsh((x + x.mH) / 2)),
    case("packed_eig", decompositions.packed_eig, None, SQUARE[:4], draw=real_eigenvalues,
         reference=packed_eigen(np.linalg.eig), complex=False),
    case("eigvals", mg.linalg.eigvals, np.linalg.eigvals, SQUARE[:4], draw=real_eigenvalues,
         reference=lambda x: np.linalg.eigvals(x) if x.dtype.kind == "c"
         else np.linalg.eigvals(x).real),
    case("pinv", mg.linalg.pinv, np.linalg.pinv, ANY, {}, {"rcond": 1e-3},
         torch=lambda t, x, rcond=1e-15: t.linalg.pinv(x, rtol=rcond)),
    case("vector_norm", mg.linalg.vector_norm, np.linalg.vector_norm, ((3,), (2, 3), (2, 0, 3)),
         {}, {"axis": 0}, {"axis": -1, "keepdims": True}, draw=real,
         reference=vector_norm_reference),
    case("vector_norm", norms.vector_norm, np.linalg.vector_norm, ((3,), (2, 3), (0, 3)), *ORDERS,
         draw=off_grid, reference=vector_norm_reference,
         torch=lambda t, x, ord, axis: t.linalg.vector_norm(x, ord, axis)),
    OpCase("vector_norm", mg.linalg.vector_norm, vector_norm_reference,
           (Sample((Operand((2, 3, 2)),), {"axis": (0, -1)}),
                         Sample((Operand((2, 3), off_grid),), {"ord": 0}))),
)
# fmt: on
