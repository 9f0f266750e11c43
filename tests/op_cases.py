"""The table of op cases: one row says how an op is called and what NumPy and torch answer.

`test_ops.py` makes a family of tests of every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import microgradnd as mg
from microgradnd.declaration import OPS, public
from microgradnd.ops import indexing
from tests.op_case import (
    Draw,
    OpCase,
    Operand,
    Sample,
    Shape,
    between,
    distinct,
    exactly,
    nonzero,
    off_grid,
    off_off_grid,
    positive,
    real,
    samples,
    unit,
)
from tests.op_cases_activations import ACTIVATIONS
from tests.op_cases_breadth import BREADTH
from tests.op_cases_complex import COMPLEX
from tests.op_cases_convolution import CONVOLUTION
from tests.op_cases_linalg import DECOMPOSITIONS
from tests.op_cases_losses import LOSSES
from tests.op_cases_normalization import NORMALIZATION
from tests.op_cases_pooling import POOLING
from tests.op_cases_recurrent import RECURRENT

# Taken before any test ran, so without the ops that tests and doctests declare for themselves.
LIBRARY_OPS = {
    name for name, op in OPS.items() if op.function.__module__.startswith("microgradnd.ops")
}


UNARY_SHAPES: tuple[Shape, ...] = ((), (3,), (2, 3), (0,), (2, 0, 3))
PAIRS: tuple[tuple[Shape, Shape], ...] = (
    ((), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((2, 1, 2), (3, 1)),
    ((2, 3), ()), ((), (2,)), ((0, 3), (3,)), ((1, 2), (2, 0, 1)),
)  # fmt: skip


def unary(name: str, reference: Callable, draw: Draw = real, ufunc: bool = True) -> OpCase:
    """A function of one array; torch calls it by the same name."""
    return OpCase(
        name,
        getattr(mg, name),
        reference,
        samples((Operand(shape, draw),) for shape in UNARY_SHAPES),
        numpy=reference if ufunc else None,
        torch=lambda torch, x: getattr(torch, name)(x),
    )


def binary(ufunc: np.ufunc, x: Draw = real, y: Draw = real, torch: str | None = None) -> OpCase:
    """A ufunc of two arrays."""
    name = ufunc.__name__
    return OpCase(
        name,
        getattr(mg, name),
        ufunc,
        samples((Operand(m, x), Operand(n, y)) for m, n in PAIRS),
        numpy=ufunc,
        torch=lambda t, x, y: getattr(t, torch or name)(x, y),
    )


# fmt: off
ELEMENTWISE = (
    binary(np.add), binary(np.subtract), binary(np.multiply), binary(np.divide, y=nonzero),
    binary(np.power, positive, torch="pow"), binary(np.maximum, off_grid, off_off_grid),
    binary(np.minimum, off_grid, off_off_grid), binary(np.arctan2, nonzero, nonzero),
    binary(np.hypot, nonzero, nonzero), binary(np.logaddexp), unary("negative", np.negative),
    unary("positive", np.positive), unary("abs", np.absolute, off_grid), unary("square", np.square),
    unary("sqrt", np.sqrt, positive), unary("reciprocal", np.reciprocal, nonzero),
    unary("exp", np.exp), unary("exp2", np.exp2), unary("expm1", np.expm1),
    unary("log", np.log, positive), unary("log2", np.log2, positive),
    unary("log10", np.log10, positive), unary("log1p", np.log1p, positive), unary("sin", np.sin),
    unary("cos", np.cos), unary("tan", np.tan, unit), unary("arcsin", np.arcsin, unit),
    unary("arccos", np.arccos, unit), unary("arctan", np.arctan), unary("sinh", np.sinh),
    unary("cosh", np.cosh), unary("tanh", np.tanh), unary("arcsinh", np.arcsinh),
    unary("arccosh", np.arccosh, between(1.3, 2.5)), unary("arctanh", np.arctanh, unit),
    unary("sigmoid", lambda x: 1 / (1 + np.exp(-x)), ufunc=False),
    unary("relu", lambda x: np.maximum(x, 0), off_grid, ufunc=False),
    unary("sign", np.sign, off_grid), unary("floor", np.floor, off_grid),
    unary("ceil", np.ceil, off_grid),
    OpCase(
        "round", mg.round, np.round,
        samples([(Operand(s, off_grid),) for s in UNARY_SHAPES], {}, {"decimals": 1}),
        numpy=np.round, torch=lambda torch, x, decimals=0: torch.round(x, decimals=decimals),
    ),
    OpCase(
        "leaky_relu", mg.leaky_relu, lambda x, slope=0.01: np.where(x > 0, x, x * slope),
        samples([(Operand(s, off_grid),) for s in UNARY_SHAPES], {}, {"slope": 0.3}),
        torch=lambda torch, x, slope=0.01: torch.nn.functional.leaky_relu(x, slope),
    ),
    OpCase(
        "clip", mg.clip, lambda x, min=None, max=None: np.clip(x, min, max),
        samples(
            [(Operand(s, off_grid),) for s in UNARY_SHAPES],
            {"min": -0.5, "max": 0.5}, {"min": 0.0}, {"max": 1},
        )
        + samples(
            [(Operand((2, 3), off_grid),)],
            {"min": np.float32([[-1], [0.5]]), "max": np.ones(3, np.float32)},
        )
        + (Sample((Operand((2, 3), off_grid), Operand((3,), off_off_grid), Operand(()))),),
        numpy=lambda x, min=None, max=None: np.clip(x, min, max),
        torch=lambda torch, x, min=None, max=None: torch.clamp(
            x, *(b if b is None or isinstance(b, float | int) else torch.as_tensor(b)
                 for b in (min, max))),
    ),
    OpCase(
        "where", mg.where, np.where,
        samples(
            [
                (np.array([[True], [False]]), Operand((2, 3)), Operand((3,))),
                (np.array([True, False, True]), Operand((2, 3)), Operand(())),
                (np.array(True), Operand(()), Operand((2,))),
                (np.ones((0,), bool), Operand((1,)), Operand((0,))),
            ]
        ),
        numpy=np.where, torch=lambda torch, condition, x, y: torch.where(condition, x, y),
    ),
)
# fmt: on


def reduction(name: str, draw: Draw, *more: Sample, torch: Callable) -> OpCase:
    """A reduction; with torch, all axes reduced are given as a tuple."""

    def through_torch(
        module: Any, x: Any, axis: Any = None, keepdims: bool = False, **options: Any
    ) -> Any:
        axes = (
            tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        )
        return (
            torch(module, x, axes, keepdims, **options) if x.ndim else torch(module, x, (), False)
        )

    usual = samples([(Operand((3, 2), draw),)], {}, {"axis": 0}, {"axis": -1, "keepdims": True})
    three = samples(
        [(Operand((2, 3, 2), draw),)],
        {"axis": (0, -1)},
        {"axis": (2, 0), "keepdims": True},
        {"axis": None, "keepdims": True},
    )
    edges = Sample((Operand((), draw),)), Sample((Operand((0, 3), draw),), {"axis": 1})
    return OpCase(
        name,
        getattr(mg, name),
        getattr(np, name),
        usual + three + edges + more,
        numpy=getattr(np, name),
        torch=through_torch,
    )


def torch_prod(torch: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    out = x
    for axis in sorted((a % x.ndim for a in axes), reverse=True):
        out = out.prod(axis, keepdim=keepdims)
    return out


def torch_spread(name: str) -> Callable:
    def call(torch: Any, x: Any, axes: Any, keepdims: bool, ddof: float = 0) -> Any:
        return getattr(torch, name)(x, dim=axes, correction=ddof, keepdim=keepdims)

    return call


EMPTY_SUM = Sample((Operand((0, 3)),), {"axis": 0})
SCALAR_ALONG_AN_AXIS = Sample((Operand(()),), {"axis": -1})
DDOF = Sample((Operand((3, 2)),), {"axis": 0, "ddof": 1})
# fmt: off
REDUCTIONS = (
    reduction(
        "sum", real, EMPTY_SUM,
        SCALAR_ALONG_AN_AXIS,
        Sample((Operand((2, 3)),), {"axis": ()}),
        torch=lambda torch, x, axes, keep: torch.sum(x, axes, keep) if axes else x * 1,
    ),
    reduction("mean", real, torch=lambda torch, x, axes, keep: torch.mean(x, axes, keep)),
    reduction(
        "max", distinct, SCALAR_ALONG_AN_AXIS,
        torch=lambda torch, x, axes, keep: torch.amax(x, axes, keep),
    ),
    reduction(
        "min", distinct, SCALAR_ALONG_AN_AXIS,
        torch=lambda torch, x, axes, keep: torch.amin(x, axes, keep),
    ),
    reduction(
        "prod", nonzero, EMPTY_SUM,
        SCALAR_ALONG_AN_AXIS,
        Sample((exactly([[0.5, 0.0, 2.0], [0.0, 3.0, 0.0]]),), {"axis": 1}),
        Sample((exactly([[0.5, 0.0, 2.0], [0.0, 3.0, 1.0]]),), {"axis": 0, "keepdims": True}),
        Sample((exactly([[[2.0, 0.0], [1.5, 0.5]], [[3.0, 1.0], [-1.0, 2.0]]]),), {"axis": (0, 2)}),
        torch=torch_prod,
    ),
    reduction("var", real, DDOF, torch=torch_spread("var")),
    reduction("std", real, DDOF, torch=torch_spread("std")),
)
# fmt: on


def stacked(join: Callable) -> Callable:
    """A function of one sequence, called with its elements one by one."""
    return lambda *xs, **options: join(list(xs), **options)


def shapes(*given: Shape) -> tuple[Operand, ...]:
    return tuple(Operand(shape) for shape in given)


def sample(*given: Shape, **options: Any) -> Sample:
    return Sample(shapes(*given), options)


# fmt: off
SHAPES = (
    OpCase(
        "reshape", mg.reshape, np.reshape,
        (
            sample((2, 3), shape=(3, 2)), sample((2, 3), shape=(-1,)), sample((4,), shape=(2, -1)),
            sample((), shape=(1, 1)), sample((0, 3), shape=(3, 0)),
        ),
        numpy=np.reshape, torch=lambda torch, x, shape: torch.reshape(x, shape),
    ),
    OpCase(
        "transpose", mg.transpose, np.transpose,
        (
            sample((2, 3)), sample((2, 1, 3)), sample((2, 1, 3), axes=(1, 2, 0)),
            sample((2, 1, 3), axes=(-1, 0, 1)), sample(()), sample((0, 2)),
        ),
        numpy=np.transpose,
        torch=lambda torch, x, axes=None: x.permute(axes or tuple(reversed(range(x.ndim)))),
    ),
    OpCase(
        "swapaxes", mg.swapaxes, np.swapaxes,
        (sample((2, 1, 3), axis1=0, axis2=-1), sample((0, 2), axis1=0, axis2=1)),
        numpy=np.swapaxes, torch=lambda torch, x, axis1, axis2: torch.swapaxes(x, axis1, axis2),
    ),
    OpCase(
        "expand_dims", mg.expand_dims, np.expand_dims,
        (
            sample((2, 3), axis=0), sample((2, 3), axis=-1), sample((2,), axis=(0, 2)),
            sample((), axis=0), sample((0,), axis=1),
        ),
        numpy=np.expand_dims,
    ),
    OpCase(
        "squeeze", mg.squeeze, np.squeeze,
        (
            sample((1, 2, 1)), sample((1, 2, 1), axis=0), sample((1, 2, 1), axis=(0, -1)),
            sample(()), sample((1, 0)),
        ),
        numpy=np.squeeze,
    ),
    OpCase(
        "broadcast_to", mg.broadcast_to, np.broadcast_to,
        (
            sample((3,), shape=(2, 3)), sample((2, 1), shape=(2, 2, 3)), sample((), shape=(2,)),
            sample((1,), shape=(0,)), sample((1, 3), shape=(0, 3)),
        ),
        numpy=np.broadcast_to, torch=lambda torch, x, shape: torch.broadcast_to(x, shape),
    ),
    OpCase(
        "astype", lambda x, dtype: x.astype(dtype), lambda x, dtype: x.astype(dtype),
        (
            sample((2, 3), dtype=np.longdouble), sample((), dtype=np.longdouble),
            sample((0,), dtype=np.longdouble),
        ),
        keeps_dtype=False, complex=False,  # the imaginary part would be lost
    ),
    OpCase(
        "concatenate", stacked(mg.concatenate), stacked(np.concatenate),
        (
            sample((2, 3), (1, 3)), sample((2, 1), (2, 3), (2, 0), axis=-1),
            sample((2, 2), (3,), (), axis=None), sample((2, 1, 2), (2, 2, 2), axis=1),
            Sample((Operand((2,)), np.arange(3.0), Operand((1,)))),
        ),
        numpy=stacked(np.concatenate),
    ),
    OpCase(
        "stack", stacked(mg.stack), stacked(np.stack),
        (
            sample((2, 3), (2, 3)), sample((2, 3), (2, 3), axis=-1),
            sample((2, 3), (2, 3), (2, 3), axis=1), sample((), ()), sample((0,), (0,)),
            Sample((np.arange(2.0), Operand((2,))), {"axis": -2}),
        ),
        numpy=stacked(np.stack), torch=lambda torch, *xs, axis=0: torch.stack(xs, axis),
    ),
)
# fmt: on

TWICE = np.array([0, 2, 0])  # an index that reads element 0 twice
GRID = np.array([[0, 1], [1, 1]])
MASK = np.array([[True, False, True], [False, False, True]])
PLAIN_INDICES: tuple[tuple[Shape, Any], ...] = (
    ((3,), 1), ((3,), -1), ((2, 3), (1, 2)), ((2, 3), slice(None)), ((3, 2), slice(1, None)),
    ((5,), slice(0, 5, 2)), ((2, 3), (slice(None), 1)), ((2, 3), (..., 0)), ((2, 3), None),
    ((2, 3), (slice(None), None, 1)), ((2, 2, 2), (0, ..., None)), ((), ()), ((), None),
    ((0, 2), slice(None)), ((3,), TWICE), ((3, 2), TWICE), ((3, 2), GRID), ((3, 3), (TWICE, TWICE)),
    ((2, 3), MASK), ((2, 3), np.zeros((2, 3), bool)), ((2, 3), np.array([False, True])),
    ((2, 3), (slice(None), np.array([True, False, True]))),
)  # fmt: skip
NUMPY_INDICES: tuple[tuple[Shape, Any], ...] = (
    ((5,), slice(None, None, -1)), ((5,), slice(4, 0, -2)),
    ((2, 3), (slice(None, None, -1), slice(None, None, -2))), ((3, 2), (TWICE, 1)),
    ((3, 3), (slice(None), TWICE)), ((3, 3), (TWICE, slice(None, None, -1))),
    ((2, 3, 3), (1, slice(None), TWICE)), ((2, 3, 3), (TWICE[:2] * 0, slice(None), TWICE[:2])),
    ((3, 3), (TWICE[:, None], TWICE)), ((3, 2), (None, TWICE)), ((3, 2), (..., TWICE * 0, None)),
    ((3, 2), np.array([], int)), ((2, 3), (np.array([True, True]), TWICE[:2])), ((3,), np.array(1)),
    ((3,), True),
)  # fmt: skip


def torch_index(torch: Any, index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(torch_index(torch, part) for part in index)
    return torch.tensor(index) if isinstance(index, np.ndarray) else index


def torch_setitem(torch: Any, x: Any, value: Any, index: Any) -> Any:
    out = x.clone()
    out[torch_index(torch, index)] = value
    return out


def numpy_setitem(x: np.ndarray, value: np.ndarray, index: Any) -> np.ndarray:
    out = x.copy()
    out[index] = value
    return out


def numpy_add_at(x: np.ndarray, y: np.ndarray, index: Any) -> np.ndarray:
    out = x.copy()
    np.add.at(out, index, y)
    return out


def written(indices: Iterable[tuple[Shape, Any]]) -> tuple[Sample, ...]:
    """Writes of a whole part and of a number, spread over the part."""
    each = [(shape, np.empty(shape)[index].shape, index) for shape, index in indices]
    return tuple(sample(s, n, index=i) for s, part, i in each for n in {part, ()})


def index_case(indices: Iterable[tuple[Shape, Any]], torch: Callable | None) -> OpCase:
    return OpCase(
        "getitem",
        lambda x, index: x[index],
        lambda x, index: x[index],
        tuple(sample(shape, index=index) for shape, index in indices),
        torch=torch,
    )


UNIQUE_INDICES = [
    (s, i)
    for s, i in PLAIN_INDICES
    if all(p is not TWICE and p is not GRID for p in (i if isinstance(i, tuple) else (i,)))
]
# fmt: off
INDEXING = (
    index_case(PLAIN_INDICES, lambda torch, x, index: x[torch_index(torch, index)] * 1),
    index_case(NUMPY_INDICES, None),
    OpCase(
        "setitem", indexing.setitem, numpy_setitem,
        written(UNIQUE_INDICES),
        torch=torch_setitem,
    ),
    OpCase(
        "setitem", indexing.setitem, numpy_setitem,
        (
            *written([*NUMPY_INDICES, ((3,), TWICE), ((3, 2), TWICE), ((3, 2), GRID)]),
            sample((2, 3), (1, 3), index=0),  # NumPy drops the leading axes of length 1
            sample((2, 3), (1, 2, 1), index=slice(None)),
        ),
    ),
    OpCase(
        "add_at", indexing.add_at, numpy_add_at,
        tuple(
            sample(shape, np.empty(shape)[index].shape, index=index)
            for shape, index in [*PLAIN_INDICES, *NUMPY_INDICES]
        ),
    ),
)
# fmt: on

MATMUL_SHAPES: tuple[tuple[Shape, Shape], ...] = (
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 2)), ((2, 2, 3), (3,)),
    ((3,), (2, 3, 2)), ((2, 1, 3), (3, 2)), ((2, 3), (2, 3, 1)), ((2, 1, 3), (2, 3, 2)),
    ((1, 2, 3), (2, 3, 1)), ((2, 1, 1, 2), (2, 2, 1)), ((2, 2, 1), (2, 1, 1, 2)),
    ((1, 2, 1, 2), (2, 1, 2, 1)), ((2, 1, 1, 3), (3,)), ((2,), (1, 2, 2, 1)),
    ((2, 2, 1, 2), (2, 2)), ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((2, 2, 0), (0, 3)),
    ((2, 2, 3), (3, 0)), ((0, 2, 2), (2, 2)),
)  # fmt: skip
EINSUMS: tuple[tuple[str, tuple[Shape, ...]], ...] = (
    ("ij->ji", ((2, 3),)), ("ij", ((2, 3),)), ("ba", ((2, 3),)), ("ij->", ((2, 3),)),
    ("ij->j", ((2, 3),)), ("ii", ((3, 3),)), ("ii->i", ((3, 3),)), ("iij->ij", ((2, 2, 3),)),
    ("iii->i", ((2, 2, 2),)), ("iji->j", ((2, 3, 2),)), ("...ij->...ji", ((2, 1, 3),)),
    ("...", ((2, 3),)), ("i...->...", ((2, 3),)), ("->", ((),)), ("ij->i", ((2, 0),)),
    ("i -> i", ((0,),)),
)  # fmt: skip
EINSUMS_OF_MORE: tuple[tuple[str, tuple[Shape, ...]], ...] = (
    ("ij,jk->ik", ((2, 3), (3, 2))), ("ij,jk", ((2, 3), (3, 2))), ("i,j->ij", ((2,), (3,))),
    ("i,i", ((3,), (3,))), ("ij,ij->i", ((2, 3), (2, 3))), ("ij,k->k", ((2, 3), (2,))),
    ("ij,k->i", ((2, 3), (2,))), ("ii,i->", ((3, 3), (3,))), ("ii,jj->ij", ((2, 2), (3, 3))),
    ("iij,kjj->ik", ((2, 2, 3), (1, 3, 3))), ("bij,bjk->bik", ((2, 1, 3), (2, 3, 2))),
    ("...ij,...jk->...ik", ((2, 1, 3), (3, 2))), ("...i,...i->...", ((2, 1, 3), (4, 3))),
    ("...i,i...", ((2, 3), (3, 2))), ("i...,j->...", ((2, 3), (2,))),
    ("...,...->...", ((), (2, 3))), (",i->i", ((), (3,))),
    ("ij,ij->i", ((2, 3), (2, 1))),  # an axis of length 1 is spread, as in NumPy
    ("ij,ij->j", ((1, 3), (2, 3))), ("ij,jk->ik", ((2, 0), (0, 3))),
    ("i,j,k->ijk", ((2,), (1,), (3,))), ("ij,jk,kl->il", ((2, 3), (3, 1), (1, 2))),
    ("ij,jk,kl", ((2, 3), (3, 1), (1, 2))), ("bi,bj,ij->b", ((2, 3), (2, 1), (3, 1))),
    ("bi,oij,bj->bo", ((2, 2), (3, 2, 2), (2, 2))), ("ii,ij,k->jk", ((2, 2), (2, 3), (2,))),
    ("...i,ij,...j->...", ((2, 2), (2, 3), (2, 3))), ("i,ij,jk,k->", ((2,), (2, 2), (2, 3), (3,))),
)  # fmt: skip


def einsum_case(op: str, forms: Iterable[tuple[str, tuple[Shape, ...]]]) -> OpCase:
    return OpCase(
        op,
        lambda *xs, subscripts: mg.einsum(subscripts, *xs),
        lambda *xs, subscripts: np.einsum(subscripts, *xs),
        tuple(sample(*given, subscripts=subscripts) for subscripts, given in forms),
        numpy=lambda *xs, subscripts: np.einsum(subscripts, *xs),
        torch=lambda torch, *xs, subscripts: torch.einsum(subscripts, *xs) * 1,
    )


# fmt: off
LINALG = (
    OpCase(
        "matmul", mg.matmul, np.matmul,
        tuple(sample(*pair) for pair in MATMUL_SHAPES),
        numpy=np.matmul, torch=lambda torch, x, y: torch.matmul(x, y),
    ),
    OpCase(
        "linear", public("linear"), lambda x, w, b=0.0: x @ w.T + np.asarray(b, x.dtype),
        (
            sample((2, 3), (4, 3), (4,)), sample((2, 3), (4, 3)), sample((3,), (4, 3), (4,)),
            sample((2, 1, 3), (2, 3), (2,)), sample((0, 3), (2, 3), (2,)),
        ),
        torch=lambda torch, x, w, b=None: torch.nn.functional.linear(x, w, b),
    ),
    einsum_case("einsum", EINSUMS),
    einsum_case("einsum2", EINSUMS_OF_MORE),
)
# fmt: on


def numpy_logsumexp(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> np.ndarray:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def numpy_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def numpy_cross_entropy(z: np.ndarray, target: np.ndarray) -> np.ndarray:
    weights = target if target.shape == z.shape else np.eye(z.shape[-1], dtype=z.dtype)[target]
    return -np.sum(weights * np.log(numpy_softmax(z)), axis=-1, dtype=np.result_type(z, weights))


def torch_logsumexp(torch: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    axes = tuple(range(x.ndim)) if axis is None else axis
    return torch.logsumexp(x, axes, keepdims)


def torch_cross_entropy(torch: Any, z: Any, target: Any) -> Any:
    rows, classes = z.reshape(-1, z.shape[-1]), target.is_floating_point()
    flat = target.reshape(rows.shape).to(z.dtype) if classes else target.reshape(-1)
    loss = torch.nn.functional.cross_entropy(rows, flat, reduction="none")
    return loss.reshape(z.shape[:-1])


TARGETS = [
    (Operand((2, 3)), np.array([2, 0])),
    (Operand((3,)), np.array(1)),
    (Operand((2, 2, 3)), np.array([[0, 1], [2, 2]], np.int32)),
    (Operand((0, 3)), np.zeros(0, int)),
    (Operand((2, 3)), np.array([[0.25, 0.25, 0.5], [0.0, 1.0, 0.0]], np.float32)),
    (Operand((2, 2)), np.array([[0.5, 0.75], [2.0, 0.0]], np.float32)),  # not adding up to 1
    (Operand((2, 3)), Operand((2, 3), positive)),
]
# fmt: off
SOFTMAX = (
    OpCase(
        "softmax", mg.softmax, numpy_softmax,
        (
            *samples([shapes((3, 1, 2))], {}, {"axis": 0}, {"axis": 1}, {"axis": -3}),
            *(sample((3,)), sample((2, 3)), sample((0, 3)), sample((2, 0, 3))),
        ),
        torch=lambda torch, x, axis=-1: torch.softmax(x, axis),
    ),
    OpCase(
        "log_softmax", mg.log_softmax, lambda x, axis=-1: np.log(numpy_softmax(x, axis)),
        (
            *samples([shapes((2, 3))], {}, {"axis": 0}, {"axis": -2}),
            *(sample((3,)), sample((0, 3)), sample((3, 1, 2), axis=1)),
        ),
        torch=lambda torch, x, axis=-1: torch.log_softmax(x, axis),
    ),
    OpCase(
        "logsumexp", mg.logsumexp, numpy_logsumexp,
        (
            *samples([shapes((2, 3, 2))], {}, {"axis": 0}, {"axis": (0, -1)}, {"keepdims": True}),
            *(sample(()), sample((3,)), sample((0, 3), axis=-1)),
            sample((2, 3), axis=1, keepdims=True),
        ),
        torch=torch_logsumexp,
    ),
    OpCase(
        "cross_entropy", public("cross_entropy"), numpy_cross_entropy,
        samples(TARGETS),
        torch=torch_cross_entropy,
    ),
)
# fmt: on


def ordered(
    x: np.ndarray, axis: int | None = -1, descending: bool = False, stable: bool = True
) -> np.ndarray:
    return np.argsort(-x if descending else x, axis=axis, kind="stable")


# fmt: off
DISCRETE = (
    *[
        OpCase(u.__name__, getattr(mg, u.__name__), u, samples([shapes((2, 3), (3,))]), numpy=u)
        for u in (
            np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal,
            np.logical_and, np.logical_or, np.logical_xor,
        )
    ],
    *[
        OpCase(u.__name__, getattr(mg, u.__name__), u, (Sample((MASK, ~MASK)),), numpy=u)
        for u in (np.bitwise_and, np.bitwise_or, np.bitwise_xor)
    ],
    *[
        OpCase(f"bitwise_{u.__name__}", getattr(mg, f"bitwise_{u.__name__}"), u,
               (Sample((np.array([5, 12]), np.array([1, 2]))),), numpy=u)
        for u in (np.left_shift, np.right_shift)
    ],
    OpCase("invert", mg.invert, np.invert, (Sample((MASK,)),), numpy=np.invert),
    *[
        OpCase(u.__name__, getattr(mg, u.__name__), u, samples([shapes((2, 3))]), numpy=u)
        for u in (np.logical_not, np.isnan, np.isinf, np.isfinite, np.signbit)
    ],
    *[
        OpCase(
            f.__name__, getattr(mg, f.__name__), f,
            samples([shapes((2, 3))], {}, {"axis": 0}, {"axis": 1, "keepdims": True}), numpy=f,
        )
        for f in (np.argmax, np.argmin, np.all, np.any)
    ],
    OpCase(
        "argsort", mg.argsort, ordered,
        samples([shapes((2, 3))], {}, {"axis": 0}, {"axis": None}), numpy=np.argsort,
    ),
    OpCase(
        "argsort", lambda x: mg.argsort(x, descending=True), lambda x: np.argsort(-x),
        samples([shapes((2, 3))]), numpy=lambda x: x.argsort(descending=True),
    ),
)
# fmt: on

CASES = (
    *DISCRETE,
    *ELEMENTWISE,
    *REDUCTIONS,
    *SHAPES,
    *INDEXING,
    *LINALG,
    *SOFTMAX,
    *ACTIVATIONS,
    *BREADTH,
    *COMPLEX,
    *CONVOLUTION,
    *DECOMPOSITIONS,
    *LOSSES,
    *NORMALIZATION,
    *POOLING,
    *RECURRENT,
)
