"""The table of functions composed of operations: how one is called, what NumPy and torch answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate

import microgradnd as mg
from microgradnd.declaration import FUNCTIONS
from tests.composed_cases_images import IMAGES
from tests.op_case import OpCase, Operand, Sample, distinct, off_grid, off_off_grid, positive

NAN = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, np.nan]])
MASK = np.array([[True, False, True], [False, False, True]])
INDEX = np.array([[2, 0], [1, 1]])


def given(*operands: Any, **options: Any) -> Sample:
    """Shapes are drawn and get a gradient, all else is a constant."""
    made = tuple(Operand(o) if isinstance(o, tuple) else o for o in operands)
    return Sample(made, options)


def drawn(draw: Callable, *shapes: tuple[int, ...], **options: Any) -> Sample:
    return Sample(tuple(Operand(shape, draw) for shape in shapes), options)


def composed(
    name: str, reference: Callable | None, *samples: Sample, torch: Any = None, numpy: Any = None
) -> OpCase:
    """A row; the function is looked up by its name, when called."""
    function = getattr(mg, name, None) or FUNCTIONS[name]
    theirs = getattr(np, name, None) if numpy is None else numpy
    named = (lambda t, *xs, **o: getattr(t, torch)(*xs, **o)) if isinstance(torch, str) else torch
    known = reference or getattr(np, name, None)
    return OpCase(name, function, known, samples, theirs or None, named)


def joined(function: Callable) -> Callable:
    return lambda *xs, **options: function(list(xs), **options)


def scattered(x: np.ndarray, axis: int, index: np.ndarray, src: Any) -> np.ndarray:
    out = x.copy()
    np.put_along_axis(out, index, src, axis)
    return out


def added(x: np.ndarray, axis: int, index: np.ndarray, src: np.ndarray) -> np.ndarray:
    out = x.copy()
    for place in np.ndindex(index.shape):
        to = list(place)
        to[axis] = index[place]
        out[tuple(to)] += src[place]
    return out


def put(x: np.ndarray, index: Any, value: Any) -> np.ndarray:
    out = x.copy()
    out[index] = value
    return out


def embedded(x: np.ndarray, offset: int = 0) -> np.ndarray:
    rows = [np.diag(row, offset) for row in x.reshape(-1, x.shape[-1])]
    return np.array(rows).reshape(*x.shape[:-1], *rows[0].shape)


def torch_dim(name: str, axis: str = "dim") -> Callable:
    """torch's function, which calls an axis otherwise."""

    def call(t: Any, *xs: Any, **options: Any) -> Any:
        renamed = {axis if k == "axis" else k: v for k, v in options.items()}
        return getattr(t, name)(*xs, **renamed)

    return call


def swapped(name: str) -> Callable:
    """torch's function, which takes the axis before the other operands."""
    return lambda t, x, *rest, axis, **options: getattr(t, name)(x, axis, *rest, **options)


# fmt: off
PLAIN = (
    composed("lerp", lambda x, y, w: x + w * (y - x), given((2, 3), (3,), (2, 1)), torch="lerp"),
    composed("addcmul", lambda x, a, b, value=1: x + value * a * b, given((2, 3), (3,), (2, 1)),
             given((3,), (3,), (3,), value=0.5), torch="addcmul"),
    composed("addcdiv", lambda x, a, b, value=1: x + value * a / b,
             drawn(positive, (2, 3), (3,), (2, 1), value=2.0), torch="addcdiv"),
    composed("logit", lambda x, eps=None: np.log(x / (1 - x)),
             drawn(lambda r, s: r.uniform(0.2, 0.8, s), (2, 3)),
             drawn(lambda r, s: r.uniform(0.2, 0.8, s), (3,), eps=0.1), torch="logit"),
    composed("diff", None, given((4,)), given((3, 2), axis=0), given((2, 4), n=2),
             given((2, 0)), numpy=np.diff,
             torch=lambda t, x, n=1, axis=-1: t.diff(x, n, axis)),
    composed("gradient", None, given((4,)), given((3, 2), axis=0),
             given((2, 5), axis=1, edge_order=2),
             given((2,), np.array(0.5)), given((4,), np.array([0.0, 1.0, 3.0, 3.5]), edge_order=2),
             given((3, 3), np.array(0.5), np.array([0.0, 1.0, 3.0]))),
    composed("trapezoid", None, given((4,)), given((3, 2), axis=0, dx=0.5),
             given((2, 3), np.array([0.0, 1.0, 3.0])), torch=None),
    composed("cumulative_trapezoid",
             lambda y, dx=1.0, axis=-1: scipy.integrate.cumulative_trapezoid(y, None, dx, axis),
             given((4,)), given((3, 2), axis=0, dx=0.5),
             torch=lambda t, y, dx=1.0, axis=-1: t.cumulative_trapezoid(y, dx=dx, dim=axis)),
    composed("nansum", None, given(NAN), given((2, 3), axis=0), given((2, 3), keepdims=True)),
    composed("nanmean", None, given(NAN), given((2, 3), axis=(0, 1)), given((2, 3), axis=1)),
    composed("aminmax", lambda x, axis=None: (x.min(axis), x.max(axis)), drawn(distinct, (2, 3)),
             drawn(distinct, (2, 3), axis=0)),
    composed("var_mean", lambda x, axis=None, correction=1: (x.var(axis, ddof=correction),
             x.mean(axis)), given((2, 3)), given((2, 3), axis=0, correction=0),
             torch=torch_dim("var_mean")),
    composed("std_mean", lambda x, axis=None, correction=1: (x.std(axis, ddof=correction),
             x.mean(axis)), given((2, 3)), given((2, 3), axis=1), torch=torch_dim("std_mean")),
    composed("polygamma", None),
)
def through(name: str) -> Callable:
    return lambda t, *xs, **options: getattr(t.nn.functional, name)(*xs, **options)


ACTIVATING = (
    *[composed(name, None, drawn(draw, (2, 4)), drawn(draw, (3, 2), **more), given((0, 2), **more),
               numpy=False, torch=through(name))
      for name, draw, more in (
          ("selu", off_grid, {}), ("relu6", off_grid, {}), ("mish", off_grid, {}),
          ("softsign", off_grid, {}),
          ("hardshrink", off_grid, {"lambd": 0.31}), ("softshrink", off_grid, {"lambd": 0.31}),
          ("tanhshrink", off_grid, {}), ("logsigmoid", off_grid, {}),
          ("softmin", off_grid, {}), ("rrelu", off_grid, {"lower": 0.2, "upper": 0.4}),
      )],
    composed("hardsigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1),  # (torch's slope is a float32)
             drawn(off_grid, (2, 3)), numpy=False),
    composed("threshold", None, drawn(off_grid, (2, 3), threshold=0.5, value=-1.0), numpy=False,
             torch=through("threshold")),
    composed("glu", lambda x, axis=-1: np.split(x, 2, axis)[0] / (1 + np.exp(
             -np.split(x, 2, axis)[1])), given((2, 4)), given((4, 3), axis=0),
             torch=lambda t, x, axis=-1: t.nn.functional.glu(x, axis)),
    composed("prelu", lambda x, w: np.where(x > 0, x, x * w.reshape(-1, *(1,) * (x.ndim - 2))),
             drawn(off_grid, (2, 3, 2), (3,)), drawn(off_grid, (2, 3), (1,)),
             torch=through("prelu")),
)
ORDER = (
    composed("sort", None, drawn(distinct, (4,)), drawn(distinct, (3, 2), axis=0),
             drawn(distinct, (3, 2), axis=None), given((0,))),
    composed("sort", lambda x, descending, axis=-1: -np.sort(-x, axis),
             drawn(distinct, (2, 4), descending=True), drawn(distinct,
             (2, 4), descending=True, axis=0),
             numpy=False, torch=lambda t, x, descending, axis=-1: t.sort(x, axis, descending)[0]),
    composed("msort", lambda x: np.sort(x, 0), drawn(distinct, (3, 2)), torch="msort"),
    composed("topk", lambda x, k, axis=-1, largest=True: np.take(
        np.flip(np.sort(x, axis), axis) if largest else np.sort(x, axis), np.arange(k), axis),
        drawn(distinct, (2, 5), k=3), drawn(distinct, (4, 2), k=2, axis=0, largest=False),
        torch=lambda t, x, k, axis=-1, largest=True: t.topk(x, k, axis, largest)[0]),
    composed("kthvalue", lambda x, k, axis=-1, keepdims=False: np.take(
        np.sort(x, axis), [k - 1] if keepdims else k - 1, axis),
        drawn(distinct, (2, 5), k=3), drawn(distinct, (3, 2), k=1, axis=0, keepdims=True),
        torch=lambda t, x, k, axis=-1, keepdims=False: t.kthvalue(x, k, axis, keepdims)[0]),
    composed("mode", lambda x, axis=-1: np.sort(x, axis).take(0, axis), drawn(distinct, (2, 3)),
             drawn(distinct, (2, 3), axis=0),
             torch=lambda t, x, axis=-1: t.mode(x, axis)[0]),
    composed("cummax", lambda x, axis: np.maximum.accumulate(x, axis), drawn(distinct,
             (2, 4), axis=1),
             drawn(distinct, (4, 2), axis=0), torch=lambda t, x, axis: t.cummax(x, axis)[0]),
    composed("cummin", lambda x, axis: np.minimum.accumulate(x, axis), drawn(distinct,
             (2, 4), axis=1),
             torch=lambda t, x, axis: t.cummin(x, axis)[0]),
    composed("quantile", None, drawn(distinct, (5,), q=0.3), drawn(distinct, (3, 4), q=0.5, axis=0),
             drawn(distinct, (3, 4), q=[0.1, 0.9], axis=1, keepdims=True),
             drawn(distinct, (2, 3, 2), q=0.25, axis=(0, 2)),
             *[drawn(distinct, (7,), q=0.4, method=m)
               for m in ("lower", "higher", "midpoint", "nearest")],
             given(NAN, q=0.5, axis=0)),
    composed("nanquantile", None, given(NAN, q=0.5, axis=0), drawn(distinct,
             (3, 4), q=0.2, axis=1)),
    composed("percentile", None, drawn(distinct, (5,), q=30), drawn(distinct, (3, 4), q=[10, 90],
             axis=1, keepdims=True)),
    composed("nanpercentile", None, given(NAN, q=50, axis=0), drawn(distinct, (3, 4), q=20)),
    composed("partition", None, drawn(distinct, (6,), kth=2), drawn(distinct,
             (4, 2), kth=1, axis=0), drawn(distinct, (2, 3), kth=4, axis=None)),
    composed("median", None, given(np.array([3, 1, 8, 2])), drawn(distinct, (4,)),
             drawn(distinct, (3, 2), axis=0),
             drawn(distinct, (2, 3, 2), axis=(0, 2), keepdims=True), given(NAN)),
    composed("nanmedian", None, given(NAN), given(NAN, axis=1), drawn(distinct, (4, 2), axis=0)),
    composed("unique", None, given(np.array([3.0, 1.0, 3.0])),
             given(np.array([3.0, 1.0, 3.0]), return_counts=True)),
    composed("searchsorted", None, given(np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0])),
             given(np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0]), side="right"),
             given(np.array([4.0, 1.0, 2.0]), np.array([3.0]), sorter=np.array([1, 2, 0]))),
    composed("bucketize", lambda x, b, right=False: np.searchsorted(
        b, x, "right" if right else "left"), given(np.array([0.5, 2.0]), np.array([1.0, 2.0])),
        given(np.array([0.5, 2.0]), np.array([1.0, 2.0]), right=True)),
    composed("histogram", None, given(NAN[:, :1]), given(NAN[:, :1], bins=3, range=(0, 5))),
    composed("bincount", None, given(np.array([0, 2, 2])), given(np.array([0, 2, 2]), minlength=5)),
    composed("bincount", lambda w, classes: np.bincount(classes, w),
             given((3,), classes=np.array([0, 2, 2])), numpy=False),
    composed("count_nonzero", None, given(MASK), given(MASK, axis=0)),
    composed("nonzero", lambda x: np.nonzero(x), given(MASK), numpy=False),
    composed("argwhere", None, given(MASK), numpy=False),
    composed("isin", None, given(np.array([[1.0, 2.0], [4.0, 2.5]]), np.array([2.0, 4.0])),
             given(np.array([1.0, 2.0]), np.array([[2.0], [5.0]]), invert=True)),
    composed("one_hot", lambda x, num_classes=3: np.eye(num_classes, dtype=int)[x], given(INDEX),
             given(INDEX, num_classes=5),
             torch=lambda t, x, **o: t.nn.functional.one_hot(x, **o)),
)
SELECTING = (
    composed("take", None, given((3, 2), INDEX), given((3, 2), INDEX, axis=0),
             given((3, 2), np.array([5, -7]), mode="wrap"), given((3,), np.array([9]), mode="clip"),
             given((3,), np.array(1))),
    composed("index_select", lambda x, index, axis: np.take(x, index, axis),
             given((3, 2), np.array([0, 0, 2]), axis=0), torch=swapped("index_select")),
    composed("take_along_axis", None, given((3, 2), INDEX, axis=0), given((2, 3), INDEX, axis=1),
             given((3,), np.array([0, 0]), axis=0), given((2, 3), np.array([4, 0]), axis=None),
             torch=None),
    composed("gather", lambda x, index, axis: np.take_along_axis(x, index, axis),
             given((2, 3), INDEX, axis=1), given((3, 2), INDEX, axis=0), torch=swapped("gather")),
    *[composed(name, None, given((), np.array(0), (), axis=0), numpy=False, torch=swapped(name))
      for name in ("scatter", "scatter_add", "index_add", "index_copy")],
    composed("scatter_reduce", None, given((), np.array(0), (), axis=-1, reduce="prod"),
             numpy=False, torch=swapped("scatter_reduce")),
    composed("index_fill", None, given((), np.array([0]), np.array(0.5), axis=0), numpy=False,
             torch=swapped("index_fill")),
    *[composed(name, None, given((), np.array([0]), axis=0), numpy=False, torch=swapped(name))
      for name in ("gather", "index_select")],
    composed("masked_select", lambda x, mask: x[np.broadcast_to(mask, x.shape)],
             given((2, 3), MASK), given((2, 3), MASK[0]), torch="masked_select"),
    composed("scatter", lambda x, index, src, axis: scattered(x, axis, index, src),
             given((2, 3), np.array([[2, 0], [1, 0]]), (2, 2), axis=1), torch=swapped("scatter")),
    composed("scatter_add", lambda x, index, src, axis: added(x, axis, index, src),
             given((2, 3), INDEX, (2, 2), axis=1), given((3, 2), INDEX, (2, 2), axis=0),
             torch=swapped("scatter_add")),
    *[composed("scatter_reduce", None, Sample(
        (Operand((2, 3), off_grid), np.array([[2, 0, 0], [1, 1, 1]]),
            Operand((2, 3), off_off_grid)),
        {"axis": 1, "reduce": reduce, "include_self": include}), numpy=False,
        torch=swapped("scatter_reduce"))
      for reduce in ("sum", "mean", "prod", "amax", "amin") for include in (True, False)],
    composed("index_add", None, given((3, 2), np.array([0, 2, 0]), (3, 2), axis=0, alpha=0.5),
             numpy=False, torch=swapped("index_add")),
    composed("index_copy", lambda x, index, source, axis: put(x, (slice(None), index), source),
             given((2, 3), np.array([2, 0]), (2, 2), axis=1), torch=swapped("index_copy")),
    composed("index_fill", lambda x, index, value, axis: put(x, index, value),
             given((3, 2), np.array([2, 0]), np.array(0.5), axis=0), torch=swapped("index_fill")),
    composed("index_put", lambda x, index, values: put(x, index, values),
             given((3, 2), np.array([2, 0]), (2, 2)), torch=lambda t, x, i, v: t.index_put(x,
             (i,), v)),
    composed("masked_fill", lambda x, mask, value: np.where(mask, value, x),
             given((2, 3), MASK, np.array(0.5)), given((2, 3), MASK, ()), torch="masked_fill"),
    composed("masked_scatter", lambda x, mask, source: put(x, mask, source.ravel()[: mask.sum()]),
             given((2, 3), MASK, (4,)), torch="masked_scatter"),
    composed("masked_scatter", None, given((3,), MASK, (4,)), numpy=False,
             torch="masked_scatter"),
    composed("put_along_axis", lambda x, index, values, axis: scattered(x, axis, index, values),
             given((2, 3), np.array([[2, 0], [1, 0]]), (2, 2), axis=1), numpy=False),
)
SHAPING = (
    composed("fliplr", None, given((2, 3)), torch="fliplr"),
    composed("flipud", None, given((2, 3)), torch="flipud"),
    *[composed("rot90", None, given((2, 3), k=k), given((2, 3, 2), k=k, axes=(2, 0)),
               torch=lambda t, x, k, axes=(0, 1): t.rot90(x, k, axes)) for k in (-1, 0, 1, 2)],
    composed("flatten", lambda x, start_dim=0, end_dim=-1: x.reshape(
        {0: -1, 1: (2, -1), -2: (2, -1)}[start_dim]),
        given((2, 3, 2)), given((2, 3, 2), start_dim=1), given((2, 3), start_dim=-2, end_dim=-2),
        given(()), numpy=False, torch="flatten"),
    *[composed(name, None, *(given((4, 4, 4), indices_or_sections=cuts) for cuts in (2, [1, 3])),
               torch=lambda t, x, indices_or_sections, name=name: getattr(t, name)(
            x, indices_or_sections)) for name in ("hsplit", "vsplit", "dsplit")],
    composed("hsplit", None, given((4,), indices_or_sections=2)),
    composed("append", None, given((2, 3), (3,)), given((2, 3), (1, 3), axis=0)),
    composed("rollaxis", None, given((2, 3, 4), axis=2), given((2, 3, 4), axis=0, start=3)),
    composed("select_by_conditions", lambda *xs: np.select(xs[:2], xs[2:4], xs[4]), numpy=False),
    composed("unflatten", lambda x, axis, sizes: x.reshape(2, 3, 2),
             given((2, 6), axis=1, sizes=(3, -1)),
             torch=lambda t, x, axis, sizes: t.unflatten(x, axis, sizes)),
    composed("expand", lambda x, sizes: np.broadcast_to(x, (2, 2, 3)), numpy=False),
    composed("tile", None, given((2, 3), reps=2), given((3,), reps=(2, 1)),
             given((2, 1), reps=(3,)),
             given((), reps=2), torch=lambda t, x, reps: t.tile(x, tuple(np.atleast_1d(reps)))),
    composed("repeat", None, given((2, 3), repeats=2), given((2, 3), repeats=[1, 0, 2], axis=1)),
    composed("atleast_1d", None, given(()), given((2,)), torch="atleast_1d"),
    composed("atleast_2d", None, given(()), given((2,)), given((1, 2)), torch="atleast_2d"),
    composed("atleast_3d", None, given(()), given((2,)), given((2, 3)), torch="atleast_3d"),
    composed("broadcast_arrays", lambda *xs: np.broadcast_arrays(*xs), given((2, 1), (3,)),
             torch="broadcast_tensors"),
    composed("meshgrid", None, given((2,), (3,)), given((2,), (3,), indexing="ij"),
             given((2,), (3,), sparse=True), given((2,), (1,), (3,)), given((2,))),
    composed("array_split", None, given((5,), indices_or_sections=2),
             given((2, 5), indices_or_sections=[1, 3], axis=1)),
    composed("tensor_split", np.array_split, given((5,), indices_or_sections=2),
             given((5,), indices_or_sections=np.array([1, 4])),
             torch=lambda t, x, indices_or_sections: t.tensor_split(
                 x, t.as_tensor(indices_or_sections))),
    composed("chunk", lambda x, chunks, axis=0: np.split(x, [3], axis), given((5,), chunks=2),
             given((2, 5), chunks=2, axis=1),
             torch=lambda t, x, chunks, axis=0: t.chunk(x, chunks, axis)),
    composed("unstack", lambda x, axis=0: list(np.moveaxis(x, axis, 0)), given((2, 3)),
             given((2, 3), axis=-1), torch=lambda t, x, axis=0: t.unbind(x, axis)),
    composed("select", lambda x, axis, index: np.take(x, index, axis),
             given((2, 3), axis=1, index=-1),
             numpy=False,
             torch=lambda t, x, axis, index: t.select(x, axis, index)),
    composed("narrow", lambda x, axis, start, length: x[:, 1:3],
             given((2, 4), axis=1, start=1, length=2),
             torch=lambda t, x, axis, start, length: t.narrow(x, axis, start, length)),
    composed("unfold", None, given((5, 2), axis=0, size=3, step=2), given((5,), axis=0, size=2),
             numpy=False, torch=lambda t, x, axis, size, step=1: x.unfold(axis, size, step)),
    composed("diagonal", None, given((3, 3)), given((2, 3), offset=1), given((3, 2), offset=-1),
             given((2, 3, 3), axis1=1, axis2=2), given((2, 2), offset=5),
             torch=lambda t, x, offset=0, axis1=0, axis2=1: t.diagonal(x, offset, axis1, axis2)),
    composed("diag_embed", embedded, given((2, 3)), given((3,), offset=-1),
             torch="diag_embed"),
    composed("diag", None, given((3,)), given((2, 3), k=1), given((2,), k=-1),
             torch=lambda t, x, k=0: t.diag(x, k)),
    composed("trace", None, given((3, 3)), given((2, 3), offset=1),
             given((2, 3, 3), axis1=1, axis2=2)),
    composed("tril", None, given((3, 3)), given((2, 3, 2), k=-1),
             torch=lambda t, x, k=0: t.tril(x, k)),
    composed("triu", None, given((3, 3)), given((2, 3, 2), k=1),
             torch=lambda t, x, k=0: t.triu(x, k)),
    *[composed("pad", None, given((2, 4), pad_width=((1, 0), (2, 3)), mode=mode),
               given((3,), pad_width=2, mode=mode))
      for mode in ("edge", "reflect", "symmetric", "wrap", "constant")],
    *[composed("pad_from_the_last", None, given((2, 3, 4), pad=(2, 1), mode=mode),
               torch=lambda t, x, **o: t.nn.functional.pad(x, **o))
      for mode in ("constant", "reflect", "replicate", "circular")],
    composed("pad_from_the_last", None, given((2, 4, 4), pad=(-1, 1, 2, -1), mode="circular"),
             given((2, 3), pad=(1, -1, -1, 2), value=0.5),
             torch=lambda t, x, **o: t.nn.functional.pad(x, **o)),
    composed("dstack", joined(np.dstack), numpy=False),
    composed("column_stack", joined(np.column_stack), numpy=False),
)
# fmt: on
COMPOSED = (*PLAIN, *ACTIVATING, *ORDER, *SELECTING, *SHAPING, *IMAGES)
