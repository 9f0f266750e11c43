"""The rows of linear algebra's composed functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.composed_cases import composed, drawn, given
from tests.op_case import Operand, Sample, off_grid
from tests.op_cases_linalg import regular

L = np.linalg


def matrices(*shapes: tuple[int, ...], **options: Any) -> Sample:
    return drawn(regular, *shapes, **options)


def linalg(name: str) -> Any:
    return lambda t, *xs, **options: getattr(t.linalg, name)(*xs, **options)


def scaled(name: str) -> Any:
    return (given((2, 3), *ADDED[name]), given((2, 3), *ADDED[name], beta=0.5, alpha=2))


ADDED: dict[str, Any] = {
    "addmm": ((2, 4), (4, 3)), "addmv": ((2, 3), (3,)), "addr": ((2,), (3,)),
    "addbmm": ((4, 2, 2), (4, 2, 3)), "baddbmm": ((4, 2, 2), (4, 2, 3)),
}  # fmt: skip
TRIANGLES = [
    matrices((2, 2), (2, 2), upper=u, left=left, unitriangular=unit)
    for u in (True, False) for left in (True, False) for unit in (True, False)
]  # fmt: skip

# fmt: off
LINALG = (
    composed("slogdet", L.slogdet, matrices((3, 3)), matrices((2, 2, 2)), matrices((0, 2, 2)),
             numpy=L.slogdet, torch=linalg("slogdet")),
    composed("logdet", lambda x: np.log(L.det(x)),
             Sample((Operand((2, 2), lambda r, s: np.eye(2) + r.uniform(0, 0.3, s)),)),
             numpy=False, torch="logdet"),
    composed("solve_triangular", None, *TRIANGLES, matrices((0, 2, 2), (0, 2, 1), upper=True),
             matrices((2, 2, 2), (2, 2, 1), upper=False), numpy=False,
             torch=linalg("solve_triangular")),
    composed("cholesky_solve", None, matrices((2, 3, 2), (2, 3, 3)),
             numpy=False, torch=lambda t, b, c: t.cholesky_solve(b, c.tril())),
    composed("tensorinv", L.tensorinv, given((4, 2, 2), ind=1), given((2, 2, 4)),
             numpy=L.tensorinv, torch=linalg("tensorinv")),
    composed("tensorsolve", L.tensorsolve, given((2, 2, 4), (2, 2)),
             given((4, 2, 2), (2, 2), axes=(0,)), numpy=L.tensorsolve),
    *[composed("matrix_power", L.matrix_power, matrices((2, 2), n=n), matrices((2, 2, 2), n=n),
               numpy=L.matrix_power, torch=linalg("matrix_power")) for n in (0, 1, 2, 5, -1, -3)],
    composed("qr", L.qr, matrices((3, 2)), matrices((2, 3)), matrices((2, 2), mode="complete"),
             matrices((2, 3, 2), mode="r"), matrices((0, 3, 2)), numpy=L.qr),
    composed("svd", L.svd, matrices((3, 2), full_matrices=False), matrices((2, 2)),
             matrices((2, 2, 3), full_matrices=False), matrices((3, 2), compute_uv=False),
             numpy=L.svd),
    composed("eig", L.eig, given(np.array([[1.0, 2.0], [0.5, 4.0]])), numpy=L.eig),
    composed("eigh", L.eigh, given(np.array([[1.0, 2.0], [2.0, 4.0]])), numpy=L.eigh),
    composed("lstsq", lambda a, b: L.lstsq(a, b), matrices((3, 2), (3, 2)),
             Sample((Operand((3, 2), regular), Operand((3,)))),
             numpy=L.lstsq),
    *[composed("matrix_norm", L.matrix_norm, drawn(off_grid, (2, 3), ord=o),
               drawn(off_grid, (2, 3, 2), ord=o, keepdims=True), numpy=L.matrix_norm,
               torch=lambda t, x, ord, keepdims=False: t.linalg.matrix_norm(x, ord, (-2, -1),
                                                                            keepdims))
      for o in ("fro", "nuc", 1, -1, np.inf, -np.inf)],
    composed("norm", L.norm, given((3,)), given((2, 3)), given((2, 3, 2)), given((2, 3), ord=2),
             given((2, 3), ord="nuc"), given((3,), ord=3), given((2, 3), axis=0),
             given((2, 3, 2), ord=1, axis=(0, 2), keepdims=True), given((2, 3), ord=1),
             given((2, 3), axis=(0, 1)), numpy=L.norm),
    composed("torch_norm", None, given((2, 3)), given((2, 3), p=1), given((2, 3), p="nuc"),
             given((2, 3), p=3, axis=0), numpy=False,
             torch=lambda t, x, p="fro", axis=None: t.norm(x, p, axis)),
    composed("dist", None, given((3,), (2, 3)), given((3,), (3,), p=3), numpy=False, torch="dist"),
    composed("cdist", None, given((3, 2), (2, 2)), given((2, 1, 3), (2, 2, 3), p=1.0),
             given((0, 2), (3, 2)), numpy=False, torch="cdist"),
    composed("cond", L.cond, matrices((3, 3)), matrices((2, 2), p=-2), numpy=L.cond,
             torch=linalg("cond")),
    composed("cond", L.cond, matrices((2, 2), p="fro"), matrices((2, 2), p="nuc"),
             matrices((2, 2), p=1), numpy=L.cond),
    composed("matrix_rank", lambda A: np.asarray(L.matrix_rank(A)),
             given(np.ones((2, 3, 3))), given(np.eye(3)), numpy=L.matrix_rank),
    composed("vdot", None, given((2, 3), (3, 2)), given((3,), (3,))),
    composed("inner", None, given((3,), (3,)), given((2, 3), (4, 3)), given((), (3,)),
             given((2, 1, 3), (3,)), torch="inner"),
    composed("outer", None, given((2,), (3,)), given((2, 2), (3,))),
    *[composed("tensordot", None, given((2, 3, 4), (4, 3, 2), axes=axes))
      for axes in (0, 1, ([2, 1], [0, 1]), (-1, 0), ([0, 1, 2], [2, 1, 0]))],
    composed("tensordot", None, given((2, 3, 4), (3, 4, 5))),
    composed("kron", None, given((2, 3), (2,)), given((), (2, 1)), given((2,), (1, 2, 2)),
             given((0,), (2,)), torch="kron"),
    composed("cross", None, given((3,), (3,)), given((2, 3), (1, 3)), given((3, 2), (3, 2), axis=0),
             given((3, 2), (2, 3), axisa=0, axisc=0)),
    composed("vector_cross", None, given((3,), (3,)), given((3, 2), (3, 2), axis=0),
             numpy=L.cross, torch=lambda t, x, y, axis=-1: t.linalg.cross(x, y, dim=axis)),
    composed("vecdot", L.vecdot, given((2, 3), (3,)), given((3, 2), (3, 2), axis=0), numpy=L.vecdot,
             torch=lambda t, x, y, axis=-1: t.linalg.vecdot(x, y, dim=axis)),
    composed("matrix_diagonal", L.diagonal, given((2, 3, 3)), given((2, 3), offset=1),
             numpy=L.diagonal),
    composed("matrix_trace", L.trace, given((2, 3, 3)), given((2, 3), offset=1), numpy=L.trace),
    composed("matrix_product", L.matmul, given((2, 3), (3, 2)), numpy=L.matmul),
    composed("matrices_transposed", L.matrix_transpose, given((2, 2, 3)),
             numpy=L.matrix_transpose),
    composed("chain_matmul", lambda *xs: L.multi_dot(xs), given((2, 3), (3, 1), (1, 4)),
             numpy=False, torch="chain_matmul"),
    *[composed(name, None, *scaled(name), numpy=False, torch=name)
      for name in ("addmm", "addr", "addbmm", "baddbmm")],
    composed("addmv", None, given((2,), (2, 3), (3,)),
             given(np.ones(2), (2, 3), (3,), beta=0, alpha=3),
             numpy=False, torch="addmv"),
    composed("bilinear", None, given((4, 2), (4, 3), (2, 2, 3), (2,)), given((2,), (3,), (1, 2, 3)),
             numpy=False, torch=lambda t, *xs: t.nn.functional.bilinear(*xs)),
)
# fmt: on
