"""What depends on order: sorting, the largest k, quantiles; searching and counting.

Places are found on the arrays, where no gradient flows; values are read there, so that each gets
the gradient of where it went. Equal elements keep their order.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from microgradnd.calling import IN_DTYPE
from microgradnd.declaration import Axis, TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.elementwise import where
from microgradnd.ops.indexing import add_at, getitem
from microgradnd.ops.reduction import axes_of, length, sum
from microgradnd.ops.selecting import Selected, flat, take_along_axis
from microgradnd.ops.shape import moveaxis, reshape

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _order(data: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    """The stable order of the elements along an axis."""
    if not descending:
        return np.argsort(data, axis=axis, kind="stable")
    back = np.argsort(np.flip(data, axis), axis=axis, kind="stable")
    return np.flip(data.shape[axis] - 1 - back, axis)


@op(discrete=True, numpy=np.argsort, method=True, batch="flat")
def argsort(
    x: Value, axis: int | None = -1, *, descending: bool = False, stable: bool = True
) -> Value:
    """The order that would sort the elements along the axis; flat, if it is None."""
    if not x.ndim:
        return np.argsort(x, axis=axis)
    return _order(x.reshape(-1), 0, descending) if axis is None else _order(x, axis, descending)


@derived(numpy=np.sort, method=True)
def sort(x: TensorLike, axis: int | None = -1, *, descending: bool = False,
         stable: bool = True) -> Tensor:  # fmt: skip
    """The elements in ascending order along the axis; flat, if it is None. NaN comes last.

    >>> sort(Tensor([3.0, 1.0, 2.0]))
    Tensor([1., 2., 3.])
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = flat(x), 0
    order = argsort(x.data, axis, descending=descending)
    return take_along_axis(x, order, axis) if x.ndim else x


@derived(method=True)
def msort(x: TensorLike) -> Tensor:
    """The elements in ascending order along the first axis.

    >>> msort(Tensor([3.0, 1.0]))
    Tensor([1., 3.])
    """
    return sort(x, 0)


@derived(method=True)
def topk(x: TensorLike, k: int, axis: int = -1, largest: bool = True,
         sorted: bool = True) -> Selected:  # fmt: skip
    """The k largest (or smallest) along the axis, and where they stand.

    They come in their order: `sorted=False` would only allow another.

    >>> topk(Tensor([3.0, 1.0, 2.0]), 2).values
    Tensor([3., 2.])
    """
    x = as_tensor(x)
    size = x.shape[axis] if x.ndim else 1
    if not 0 <= k <= size:
        raise ValueError(f"topk: k={k} does not fit an axis of length {size}")
    if not x.ndim:
        return Selected(x, Tensor(0))
    at = np.take(argsort(x.data, axis, descending=largest), np.arange(k), axis)
    return Selected(take_along_axis(x, at, axis), as_tensor(at))


@derived(method=True)
def kthvalue(x: TensorLike, k: int, axis: int = -1, keepdims: bool = False) -> Selected:
    """The k-th smallest along the axis, counted from 1, and where it stands.

    >>> kthvalue(Tensor([3.0, 1.0, 2.0]), 2).values
    Tensor(2.)
    """
    x = as_tensor(x)
    size = x.shape[axis] if x.ndim else 1
    if not 1 <= k <= size:
        raise ValueError(f"kthvalue: k={k} does not fit an axis of length {size}, counted from 1")
    if not x.ndim:
        return Selected(x, Tensor(0))
    at = np.take(argsort(x.data, axis), [k - 1], axis)
    return _reduced(x, at, axis, keepdims)


def _reduced(x: Tensor, at: np.ndarray, axis: int, keepdims: bool) -> Selected:
    """The elements at one place along an axis."""
    values = take_along_axis(x, at, axis)
    if keepdims:
        return Selected(values, as_tensor(at))
    at = at.squeeze(axis)
    return Selected(reshape(values, at.shape), as_tensor(at))


@derived(method=True, batch="axis")
def mode(x: TensorLike, axis: int = -1, keepdims: bool = False) -> Selected:
    """The most frequent value along the axis (of several the smallest), and its last place.

    >>> mode(Tensor([1.0, 2.0, 2.0])).values
    Tensor(2.)
    """
    x = as_tensor(x)
    if not x.ndim:
        return Selected(x, Tensor(0))
    rows = np.moveaxis(x.data, axis, -1)
    at = np.empty((*rows.shape[:-1], 1), np.intp)
    for place in np.ndindex(rows.shape[:-1]):
        values, counts = np.unique(rows[place], return_counts=True)
        at[place] = np.flatnonzero(rows[place] == values[counts.argmax()])[-1]
    return _reduced(x, np.moveaxis(at, -1, axis), axis, keepdims)


# --- Quantiles -----------------------------------------------------------------------------------
def _rows(x: Tensor, axis: Axis) -> Tensor:
    """The axes reduced over as one, the last."""
    axes = axes_of(x.shape, axis)
    front = moveaxis(x, axes, tuple(range(-len(axes), 0))) if axes else x
    return reshape(front, (*front.shape[: x.ndim - len(axes)], length(x.shape, axis)))


def _between(sorted_: Tensor, position: np.ndarray, method: str) -> Tensor:
    """Elements of sorted rows at places (one a row, last axis) that lie between two of them."""
    low, high = np.floor(position), np.ceil(position)
    if method == "nearest":
        low = high = np.round(position)
    weight = {"linear": position - low, "midpoint": 0.5 * (high != low), "higher": 1.0}
    share = weight.get(method, np.zeros(()))
    share = sorted_.dtype.type(share) if isinstance(share, float) else share.astype(sorted_.dtype)
    below = take_along_axis(sorted_, low.astype(np.intp), -1)
    if low is high or method == "lower":
        return below
    above = take_along_axis(sorted_, high.astype(np.intp), -1)
    equal = (low == high) | (below.data == above.data)  # (the difference of infinities is none)
    return where(equal, below, below + (above - below) * share)


def _quantile(
    x: TensorLike, q: TensorLike, axis: Axis, keepdims: bool, method: str, ignore: bool, name: str
) -> Tensor:
    x, chosen = as_tensor(x), np.asarray(getattr(q, "_array", q), float)
    if getattr(q, "requires_grad", False):
        raise TypeError(f"{name}: q is a constant here: pass q.detach()")
    if not ((chosen >= 0) & (chosen <= 1)).all():
        raise ValueError(f"{name}: q must lie between 0 and 1, got {q!r:.60}")
    if method not in METHODS:
        raise ValueError(f"{name}: method must be one of {', '.join(METHODS)}, not {method!r}")
    if method in ("linear", "midpoint") and x.dtype.kind != "f":
        x = x.astype(float)  # between integers
    axes, rows = axes_of(x.shape, axis), _rows(x, axis)
    if not rows.shape[-1]:
        raise ValueError(f"{name}: there are no elements along axis {axis} of shape {x.shape}")
    ordered = sort(rows)
    count = np.full((*rows.shape[:-1], 1), rows.shape[-1])
    missing = np.isnan(rows.data).sum(-1, keepdims=True)
    last = np.maximum(count - missing - 1, 0) if ignore else count - 1
    out = _between(ordered, last * chosen.ravel(), method)  # (..., Q)
    nothing = missing == count if ignore else missing > 0
    if not isinstance(nothing, np.ndarray) or nothing.any():  # a NaN comes last, and is the result
        out = where(nothing, getitem(ordered, (..., slice(-1, None))), out)
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    shape = kept if keepdims else tuple(n for i, n in enumerate(x.shape) if i not in axes)
    return reshape(moveaxis(out, -1, 0), (*chosen.shape, *shape))


@derived(numpy=np.quantile, uncomplex="x q", method=True, aliases={"interpolation": "method"})
def quantile(x: TensorLike, q: TensorLike, axis: Axis = None, keepdims: bool = False,
             method: str = "linear") -> Tensor:  # fmt: skip
    """What a share q of the elements over the axes lies below; several q stand in a first axis.

    Args:
        q: between 0 and 1; constants.
        method: between two elements: "linear", "lower", "higher", "midpoint" or "nearest".

    A NaN among the elements is the result.

    >>> quantile(Tensor([1.0, 2.0, 4.0]), 0.75)
    Tensor(3.)
    """
    return _quantile(x, q, axis, keepdims, method, False, "quantile")


@derived(numpy=np.nanquantile, uncomplex="x q", method=True, aliases={"interpolation": "method"})
def nanquantile(x: TensorLike, q: TensorLike, axis: Axis = None, keepdims: bool = False,
                method: str = "linear") -> Tensor:  # fmt: skip
    """`quantile` of the elements that are no NaN.

    >>> nanquantile(Tensor([1.0, np.nan, 3.0]), 0.5)
    Tensor(2.)
    """
    return _quantile(x, q, axis, keepdims, method, True, "nanquantile")


@derived(numpy=np.percentile, uncomplex="x q")
def percentile(x: TensorLike, q: TensorLike, axis: Axis = None, keepdims: bool = False,
               method: str = "linear") -> Tensor:  # fmt: skip
    """`quantile` with q in percent.

    >>> percentile(Tensor([1.0, 2.0, 4.0]), 75)
    Tensor(3.)
    """
    return _quantile(x, _bare(q) / 100, axis, keepdims, method, False, "percentile")


@derived(numpy=np.nanpercentile, uncomplex="x q")
def nanpercentile(x: TensorLike, q: TensorLike, axis: Axis = None, keepdims: bool = False,
                  method: str = "linear") -> Tensor:  # fmt: skip
    """`nanquantile` with q in percent.

    >>> nanpercentile(Tensor([1.0, np.nan, 3.0]), 50)
    Tensor(2.)
    """
    return _quantile(x, _bare(q) / 100, axis, keepdims, method, True, "nanpercentile")


@derived(numpy=np.partition, method=True, batch="axis")
def partition(x: TensorLike, kth: Any, axis: int | None = -1) -> Tensor:
    """The elements along the axis, none before a place `kth` larger, none after it smaller.

    >>> partition(Tensor([3.0, 1.0, 2.0]), 0)[0]
    Tensor(1.)
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    return take_along_axis(x, np.argpartition(_bare(x), kth, axis), axis)


@derived(numpy=np.median, uncomplex="x", method=True)
def median(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle element over the axes; of an even number the mean of the two in the middle.

    >>> median(Tensor([1.0, 2.0, 4.0, 8.0]))
    Tensor(3.)
    """
    return _quantile(x, 0.5, axis, keepdims, "midpoint", False, "median")


@derived(numpy=np.nanmedian, uncomplex="x", method=True)
def nanmedian(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`median` of the elements that are no NaN.

    >>> nanmedian(Tensor([1.0, np.nan, 3.0]))
    Tensor(2.)
    """
    return _quantile(x, 0.5, axis, keepdims, "midpoint", True, "nanmedian")


# --- Searching and counting: no gradient, but for weights ----------------------------------------
def _bare(x: Any) -> np.ndarray:
    return np.asarray(getattr(x, "_array", x))


@derived(numpy=np.unique, method=True)
def unique(x: TensorLike, return_index: bool = False, return_inverse: bool = False,
           return_counts: bool = False, axis: int | None = None, *,
           sorted: bool = True) -> Any:  # fmt: skip
    """The different elements in ascending order, as constants; with what numpy.unique returns.

    `sorted=False` would only allow another order.

    >>> unique(Tensor([2.0, 1.0, 2.0]))
    Tensor([1., 2.])
    """
    search: Any = np.unique
    found = search(_bare(x), return_index, return_inverse, return_counts, axis)
    return tuple(map(Tensor, found)) if isinstance(found, tuple) else Tensor(found)


def _each_searched(
    a: Tensor, v: Tensor, side: str = "left", sorter: Tensor | None = None, *, right: bool = False
) -> Tensor:  # fmt: skip
    """`searchsorted` of samples: where each v comes to stand if it is sorted among a."""
    if a.ndim != 2:
        raise ValueError(f"searchsorted: a must have one axis, not shape {a.shape[1:]}")
    wanted = v.data.reshape(len(v), prod(v.shape[1:]))
    rows = a.data if sorter is None else np.take_along_axis(a.data, _bare(sorter), 1)
    first, last = (rows, wanted) if right or side == "right" else (wanted, rows)
    among = np.argsort(np.concatenate([first, last], 1), axis=1, kind="stable")
    start = first.shape[1] if last is wanted else 0
    rank = np.argsort(among, axis=1)[:, start : start + wanted.shape[1]]
    own = np.argsort(np.argsort(wanted, axis=1, kind="stable"), axis=1)
    return Tensor((rank - own).reshape(v.shape))


@derived(numpy=np.searchsorted, batch=_each_searched)
def searchsorted(
    a: TensorLike, v: TensorLike, side: str = "left", sorter: TensorLike | None = None,
    *, right: bool = False,
) -> Tensor:  # fmt: skip
    """Where v would have to be put into a, which is sorted, to keep it so.

    With a `sorter`, the order that `argsort` gives, a need not be sorted.

    >>> searchsorted(Tensor([1.0, 2.0, 4.0]), [2.0, 3.0])
    Tensor([1, 2])
    """
    search: Any = np.searchsorted
    order = None if sorter is None else _bare(sorter)
    return Tensor(search(_bare(a), _bare(v), "right" if right else side, order))


@derived()
def bucketize(x: TensorLike, boundaries: TensorLike, *, right: bool = False) -> Tensor:
    """The number of the interval between sorted boundaries in which each element lies.

    >>> bucketize(Tensor([0.5, 2.0, 9.0]), [1.0, 2.0])
    Tensor([0, 1, 2])
    """
    return searchsorted(boundaries, x, right=right)


def _each_counted(
    x: Tensor, bins: Any = 10, range: tuple[float, float] | None = None,
    weights: Tensor | None = None, density: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`histogram` of samples: differences of the weights of all elements below each edge."""
    rows = x.data.reshape(len(x), prod(x.shape[1:]))
    bins = _bare(bins)
    edges = bins if bins.ndim == 2 else np.stack([
        np.histogram_bin_edges(row, bins if bins.ndim else int(bins), range) for row in rows
    ]) if len(rows) else np.zeros((0, 1))  # fmt: skip
    ordered = np.argsort(rows, axis=1)
    shares = np.ones(rows.shape, int) if weights is None else weights.data.reshape(rows.shape)
    below = np.pad(np.take_along_axis(shares, ordered, 1).cumsum(axis=1), ((0, 0), (1, 0)))
    sorted_rows = Tensor(np.take_along_axis(rows, ordered, 1))
    ends = [_each_searched(sorted_rows, Tensor(edges[:, part]), side).data for part, side in (
        (slice(-1), "left"), (slice(-1, None), "right"))]  # fmt: skip
    counts = np.diff(np.take_along_axis(below, np.concatenate(ends, 1), 1), axis=1)
    if density:
        counts = counts / np.diff(edges, axis=1) / counts.sum(axis=1, keepdims=True)
    return Tensor(counts), Tensor(edges)


@derived(numpy=np.histogram, batch=_each_counted, method=True,
         aliases={"weight": "weights"})  # fmt: skip
def histogram(
    x: TensorLike, bins: Any = 10, range: tuple[float, float] | None = None,
    weights: TensorLike | None = None, density: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """How many elements lie in each bin, and the bins' edges; constants.

    >>> histogram(Tensor([1.0, 2.0, 2.5]), bins=[1.0, 2.0, 3.0])[0]
    Tensor([1, 2])
    """
    weighing = None if weights is None else _bare(weights)
    counts, edges = np.histogram(_bare(x), _bare(bins) if np.ndim(_bare(bins)) else bins, range,
                                 density, weighing)  # fmt: skip
    return Tensor(counts), Tensor(edges)


def _each_binned(x: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """`bincount` of samples, all at once: those of each are counted at places of their own."""
    lengths = np.maximum(x.data.max(axis=1, initial=-1) + 1, minlength)
    if len({*lengths.tolist()}) > 1:
        raise ValueError(
            f"bincount: the samples' results differ in length, {sorted({*lengths.tolist()})}; "
            "give minlength"
        )
    size = int(lengths.max(initial=minlength))
    places = (x.data + size * np.arange(len(x))[:, None]).reshape(-1)
    flat_weights = None if weights is None else reshape(weights, places.shape)
    return reshape(bincount(places, flat_weights, size * len(x)), (len(x), size))


@derived(numpy=np.bincount, method=True, batch=_each_binned)
def bincount(x: TensorLike, weights: TensorLike | None = None, minlength: int = 0) -> Tensor:
    """How often each integer from 0 on occurs, or the sum of its weights, which get a gradient.

    >>> bincount([0, 2, 2])
    Tensor([1, 0, 2])
    """
    classes = _bare(x)
    counts = np.bincount(classes, minlength=minlength)
    if weights is None:
        return Tensor(counts)
    weights = as_tensor(weights)
    if weights.shape != classes.shape:
        raise ValueError(f"bincount: weights of shape {weights.shape} for x of {classes.shape}")
    return as_tensor(add_at(Tensor(np.zeros(counts.shape, weights.dtype)), weights, classes))


@derived(numpy=np.count_nonzero, method=True)
def count_nonzero(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """How many elements over the axes are not 0.

    >>> count_nonzero(Tensor([0.0, 3.0, 4.0]))
    Tensor(2)
    """
    return as_tensor(sum(as_tensor(x).data != 0, axis, keepdims))


# --- Sums that pass over NaN ---------------------------------------------------------------------
@derived(numpy=np.nansum, method=True, extras=IN_DTYPE)
def nansum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over the axes, in which a NaN counts as 0.

    >>> nansum(Tensor([1.0, np.nan]))
    Tensor(1.)
    """
    x = as_tensor(x)
    return sum(where(np.isnan(x.data), np.zeros((), x.dtype), x), axis, keepdims)


@derived(numpy=np.nanmean, method=True, extras=IN_DTYPE)
def nanmean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over the axes of the elements that are no NaN.

    >>> nanmean(Tensor([1.0, np.nan, 3.0]))
    Tensor(2.)
    """
    x = as_tensor(x)
    count = (~np.isnan(x.data)).sum(axis=axis, keepdims=keepdims)
    return nansum(x, axis, keepdims) / count.astype(x.dtype)


@derived(method=True)
def aminmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """The smallest and the largest element over the axes.

    >>> aminmax(Tensor([2.0, 1.0, 3.0]))
    (Tensor(1.), Tensor(3.))
    """
    x = as_tensor(x)
    return x.min(axis, keepdims), x.max(axis, keepdims)


@derived(aliases={"unbiased": "correction"})
def var_mean(x: TensorLike, axis: Axis = None, correction: float = 1,
             keepdims: bool = False) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The variance over the axes, with 1 less in its divisor as in PyTorch, and the mean.

    >>> var_mean(Tensor([1.0, 3.0]))
    (Tensor(2.), Tensor(2.))
    """
    x = as_tensor(x)
    return x.var(axis, correction, keepdims), x.mean(axis, keepdims)


@derived(aliases={"unbiased": "correction"})
def std_mean(x: TensorLike, axis: Axis = None, correction: float = 1,
             keepdims: bool = False) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The standard deviation over the axes, with 1 less in its divisor, and the mean.

    >>> std_mean(Tensor([1.0, 3.0]))[1]
    Tensor(2.)
    """
    x = as_tensor(x)
    return x.std(axis, correction, keepdims), x.mean(axis, keepdims)
