"""Reading and writing by tables of indices: NumPy's take and put, PyTorch's gather and scatter.

All of them are an index, made once, that is read (`getitem`), written (`setitem`) or added to
(`add_at`); what is written to several times keeps the last value. None of them changes its operand.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from microgradnd.declaration import TensorLike, derived
from microgradnd.engine import Tensor, as_tensor
from microgradnd.methods import Methods
from microgradnd.ops.batches import aligned
from microgradnd.ops.elementwise import divide, isclose, multiply, where
from microgradnd.ops.indexing import add_at, getitem, setitem
from microgradnd.ops.shape import broadcast_to, reshape

Places = tuple[Any, ...]
_FAMILIES = {"f": 1, "c": 2}  # a value of a later one does not fit into an earlier one


class Selected(NamedTuple):
    """Values, and where along the axis they stand."""

    values: Tensor
    indices: Tensor


def flat(x: Tensor) -> Tensor:
    """All elements in one axis."""
    return reshape(x, -1)


def _constant(x: Any) -> Any:
    """What a tensor holds, or the array that something makes."""
    return as_tensor(x).data if isinstance(x, Methods) else np.asarray(x)


def _integers(name: str, index: TensorLike) -> np.ndarray:
    """An array of indices, whatever it was given as."""
    array = _constant(index)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{name}: indices must be integers, got dtype {array.dtype}")
    return array.astype(np.intp, copy=False)


def _truths(name: str, mask: TensorLike) -> np.ndarray:
    array = _constant(mask)
    if array.dtype != bool:
        raise TypeError(f"{name}: the mask must hold truths, got dtype {array.dtype}")
    return array


def _along(name: str, x: Tensor, index: TensorLike, axis: int) -> Places:
    """The places of x that a table of indices along one axis names."""
    table = _integers(name, index)
    if table.ndim != x.ndim:
        raise ValueError(
            f"{name}: the indices have {table.ndim} axes (shape {table.shape}), x has {x.ndim} "
            f"(shape {x.shape}); there must be one for each"
        )
    grid: list[Any] = list(np.indices(table.shape, sparse=True))
    grid[normalize_axis_index(axis, x.ndim)] = table
    return tuple(grid)


def _row(index: TensorLike) -> np.ndarray:
    """Indices into what has no axis and is taken as of one element, as in PyTorch."""
    return np.atleast_1d(_constant(index))


def _with_an_axis(x: Tensor) -> Tensor:
    return x if x.ndim else flat(x)


def _before(x: Tensor, axis: int) -> Places:
    return (slice(None),) * normalize_axis_index(axis, max(x.ndim, 1))


def _as_source(value: TensorLike, places: Places) -> Any:
    """A value to be written at places, cut to their shape as PyTorch does."""
    value = as_tensor(value)
    shape = np.broadcast_shapes(*(np.shape(p) for p in places))
    if value.ndim != len(shape) or value.shape == shape:
        return value
    return getitem(value, tuple(slice(n) for n in shape))


# --- Reading -------------------------------------------------------------------------------------
@derived(numpy=np.take, method=True)
def take(
    x: TensorLike, indices: TensorLike, axis: int | None = None, mode: str = "raise"
) -> Tensor:
    """The elements, or the parts along an axis, at some indices; flat without an axis.

    Args:
        mode: "wrap" counts indices beyond the ends around, "clip" holds them within, "raise"
            refuses them.

    >>> take(Tensor([4.0, 5.0, 6.0]), [2, 0])
    Tensor([6., 4.])
    """
    x, index = as_tensor(x), _integers("take", indices)
    if axis is None:
        x, axis = flat(x), 0
    size = x.shape[axis]
    if mode == "wrap":
        index = index % size
    elif mode == "clip":
        index = np.clip(index, 0, size - 1)
    elif mode != "raise":
        raise ValueError(f"take: mode must be 'raise', 'wrap' or 'clip', not {mode!r}")
    return getitem(x, (*_before(x, axis), index))


@derived(method=True)
def index_select(x: TensorLike, axis: int, index: TensorLike) -> Tensor:
    """The parts of x at some indices along an axis, as `take`.

    >>> index_select(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1, [1])
    Tensor([[2.],
            [4.]])
    """
    x = as_tensor(x)
    return take(x, index, axis) if x.ndim else reshape(take(flat(x), index, axis), ())


@derived(numpy=np.take_along_axis, torch="take_along_dim", method=True)
def take_along_axis(x: TensorLike, indices: TensorLike, axis: int | None = -1) -> Tensor:
    """out[i, j] = x[i, indices[i, j]], for axis 1 of two; other axes are broadcast.

    >>> take_along_axis(Tensor([[3.0, 1.0], [2.0, 4.0]]), [[1], [0]], 1)
    Tensor([[1.],
            [2.]])
    """
    x, index = as_tensor(x), _integers("take_along_axis", indices)
    if axis is None:
        x, index, axis = flat(x), index.reshape(-1), 0
    axis = normalize_axis_index(axis, max(x.ndim, 1))
    if index.ndim == x.ndim:
        shape = [
            m if i == axis else np.broadcast_shapes((m,), (n,))[0]
            for i, (m, n) in enumerate(zip(index.shape, x.shape))
        ]
        index = np.broadcast_to(index, shape)
        own = tuple(n if i == axis else shape[i] for i, n in enumerate(x.shape))
        x = x if x.shape == own else as_tensor(broadcast_to(x, own))
    return getitem(x, _along("take_along_axis", x, index, axis))


@derived(method=True)
def gather(x: TensorLike, axis: int, index: TensorLike) -> Tensor:
    """out[i, j] = x[i, index[i, j]], for axis 1 of two; the result has the shape of index.

    >>> gather(Tensor([[3.0, 1.0], [2.0, 4.0]]), 1, [[1, 1], [0, 1]])
    Tensor([[1., 1.],
            [2., 4.]])
    """
    x = as_tensor(x)
    if not x.ndim:
        return reshape(gather(flat(x), axis, _row(index)), np.shape(_constant(index)))
    return getitem(x, _along("gather", x, index, axis))


@derived(method=True)
def masked_select(x: TensorLike, mask: TensorLike) -> Tensor:
    """The elements where the mask holds, in one axis.

    >>> masked_select(Tensor([1.0, 2.0, 3.0]), [True, False, True])
    Tensor([1., 3.])
    """
    x, array = as_tensor(x), _truths("masked_select", mask)
    shape = np.broadcast_shapes(x.shape, array.shape)
    return getitem(broadcast_to(x, shape), np.broadcast_to(array, shape))


# --- Writing -------------------------------------------------------------------------------------
@derived(method=True)
def scatter(x: TensorLike, axis: int, index: TensorLike, src: TensorLike) -> Tensor:
    """x with out[i, index[i, j]] = src[i, j], for axis 1 of two; src may be one number.

    >>> scatter(Tensor([[0.0, 0.0, 0.0]]), 1, [[2, 0]], [[5.0, 6.0]])
    Tensor([[6., 0., 5.]])
    """
    x = as_tensor(x)
    if not x.ndim:
        return reshape(scatter(flat(x), axis, _row(index), src), ())
    places = _along("scatter", x, index, axis)
    return setitem(x, _as_source(src, places), places)


@derived(method=True)
def scatter_add(x: TensorLike, axis: int, index: TensorLike, src: TensorLike) -> Tensor:
    """x with src[i, j] added to out[i, index[i, j]], for axis 1 of two.

    >>> scatter_add(Tensor([[0.0, 0.0]]), 1, [[1, 1]], [[5.0, 6.0]])
    Tensor([[ 0., 11.]])
    """
    x = as_tensor(x)
    if not x.ndim:
        return reshape(scatter_add(flat(x), axis, _row(index), src), ())
    places = _along("scatter_add", x, index, axis)
    return add_at(x, _as_source(src, places), places)


@derived(method=True, batch="axis")
def scatter_reduce(
    x: TensorLike, axis: int, index: TensorLike, src: TensorLike, reduce: str,
    *, include_self: bool = True,
) -> Tensor:  # fmt: skip
    """x with what src brings to each place reduced with it: by its sum, mean, product, extreme.

    Args:
        reduce: "sum", "mean", "prod", "amax" or "amin". Ties of extremes share the gradient.
        include_self: whether the element of x that stands there counts, too.

    >>> scatter_reduce(Tensor([1.0, 1.0]), 0, [0, 0], [2.0, 4.0], "prod")
    Tensor([8., 1.])
    """
    x = as_tensor(x)
    if not x.ndim:
        row = scatter_reduce(flat(x), axis, _row(index), src, reduce, include_self=include_self)
        return reshape(row, ())
    places = _along("scatter_reduce", x, index, axis)
    src = _as_source(src, places)
    ones = np.ones(np.broadcast_shapes(*(p.shape for p in places)), np.intp)
    brought = np.zeros(x.shape, np.intp)
    np.add.at(brought, places, ones)
    count = brought + include_self
    if reduce in ("sum", "mean"):
        start = x if include_self else where(brought > 0, np.zeros((), x.dtype), x)
        total = add_at(start, src, places)
        return total if reduce == "sum" else divide(total, np.maximum(count, 1).astype(x.dtype))
    if reduce not in ("prod", "amax", "amin"):
        raise ValueError(
            f"scatter_reduce: reduce={reduce!r} is none of 'sum', 'mean', 'prod', 'amax', 'amin'"
        )
    # Places as rows: element k of row p is the k-th that comes to p, or nothing.
    cells = np.ravel_multi_index(np.broadcast_arrays(*places), x.shape).ravel()
    order = np.argsort(cells, kind="stable")
    rank = np.empty_like(cells)
    starts = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=x.size))])
    rank[order] = np.arange(cells.size) - starts[cells[order]]
    width = int(brought.max(initial=0))
    nothing = {"prod": 1.0, "amax": -np.inf, "amin": np.inf}[reduce]
    table = np.full((x.size, width + 1), nothing, x.dtype)
    table = setitem(Tensor(table), flat(as_tensor(src)), (cells, rank))
    mine = x if include_self else where(brought > 0, np.full((), nothing, x.dtype), x)
    table = setitem(table, flat(as_tensor(mine)), (slice(None), width))
    reduced = {"prod": table.prod, "amax": table.max, "amin": table.min}[reduce](1)
    return reshape(reduced, x.shape)


@derived(method=True)
def index_add(
    x: TensorLike, axis: int, index: TensorLike, source: TensorLike, *, alpha: float = 1
) -> Tensor:
    """x with the parts of alpha source added at some indices along an axis.

    >>> index_add(Tensor([1.0, 1.0]), 0, [1, 1], Tensor([2.0, 3.0]))
    Tensor([1., 6.])
    """
    x = as_tensor(x)
    source = as_tensor(source)
    places = (*_before(x, axis), _integers("index_add", index))
    added = add_at(_with_an_axis(x), source if alpha == 1 else multiply(source, alpha), places)
    return reshape(added, x.shape)


@derived(method=True)
def index_copy(x: TensorLike, axis: int, index: TensorLike, source: TensorLike) -> Tensor:
    """x with the parts of source written at some indices along an axis.

    >>> index_copy(Tensor([1.0, 2.0]), 0, [1], Tensor([5.0]))
    Tensor([1., 5.])
    """
    x = as_tensor(x)
    places = (*_before(x, axis), _integers("index_copy", index))
    return reshape(setitem(_with_an_axis(x), as_tensor(source), places), x.shape)


@derived(method=True)
def index_fill(x: TensorLike, axis: int, index: TensorLike, value: TensorLike) -> Tensor:
    """x with one value written at some indices along an axis.

    >>> index_fill(Tensor([1.0, 2.0]), 0, [0], 7.0)
    Tensor([7., 2.])
    """
    return index_copy(x, axis, index, value)


@derived(method=True)
def index_put(
    x: TensorLike, indices: Sequence[TensorLike], values: TensorLike, accumulate: bool = False
) -> Tensor:
    """x with values written, or added, at x[indices[0], indices[1], ...].

    >>> index_put(Tensor([1.0, 2.0]), ([1, 1],), Tensor([5.0, 6.0]), accumulate=True)
    Tensor([ 1., 13.])
    """
    x, values = as_tensor(x), as_tensor(values)
    places = tuple(map(_constant, indices))
    return add_at(x, values, places) if accumulate else setitem(x, values, places)


@derived(method=True)
def masked_fill(x: TensorLike, mask: TensorLike, value: TensorLike) -> Tensor:
    """x with a value where the mask holds.

    >>> masked_fill(Tensor([1.0, 2.0]), [False, True], 0.0)
    Tensor([1., 0.])
    """
    x, value = as_tensor(x), as_tensor(value)
    if _FAMILIES.get(value.dtype.kind, 0) > _FAMILIES.get(x.dtype.kind, 0):
        raise TypeError(f"masked_fill: a value of {value.dtype} does not fit into x, {x.dtype}")
    value = value.astype(x.dtype)
    return where(_truths("masked_fill", mask), value, x)


def _each_scattered(x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`masked_scatter` of samples: element k of each is taken from where k of its truths end."""
    truths = _truths("masked_scatter", mask)
    shape = (len(x), *np.broadcast_shapes(x.shape[1:], truths.shape[1:]))
    x, truths = (broadcast_to(aligned(t, len(shape) - 1), shape) for t in (x, truths))
    places = truths.reshape(len(x), prod(shape[1:]))
    numbers = places.cumsum(axis=1)
    rows = reshape(source, (len(x), prod(source.shape[1:])))
    if places.size and rows.shape[1] < (most := numbers[:, -1].max()):
        raise ValueError(f"masked_scatter: {most} elements are wanted, {rows.shape[1]} given")
    index = np.where(places, numbers - 1, 0)
    taken = take_along_axis(rows, index, 1) if rows.shape[1] else np.zeros(index.shape, x.dtype)
    return where(places.reshape(x.shape), reshape(taken, x.shape), x)


@derived(method=True, batch=_each_scattered)
def masked_scatter(x: TensorLike, mask: TensorLike, source: TensorLike) -> Tensor:
    """x with the elements of source, in their order, written where the mask holds.

    >>> masked_scatter(Tensor([1.0, 2.0, 3.0]), [True, False, True], Tensor([7.0, 8.0]))
    Tensor([7., 2., 8.])
    """
    x = as_tensor(x)
    truths = _truths("masked_scatter", mask)
    x = as_tensor(broadcast_to(x, np.broadcast_shapes(x.shape, truths.shape)))
    places = np.broadcast_to(truths, x.shape)
    count = int(np.count_nonzero(places))
    source = flat(as_tensor(source))
    if source.shape[0] < count:
        raise ValueError(f"masked_scatter: {count} elements are wanted, {source.shape[0]} given")
    return setitem(x, getitem(source, slice(count)), places)


@derived(method=True)
def put_along_axis(
    x: TensorLike, indices: TensorLike, values: TensorLike, axis: int | None
) -> Tensor:
    """x with out[i, indices[i, j]] = values[i, j], for axis 1 of two; a new tensor.

    >>> put_along_axis(Tensor([[1.0, 2.0]]), [[1]], 5.0, 1)
    Tensor([[1., 5.]])
    """
    x = as_tensor(x)
    if axis is None:
        put = put_along_axis(flat(x), _integers("put", indices).reshape(-1), values, 0)
        return reshape(put, x.shape)
    return setitem(x, as_tensor(values), _along("put_along_axis", x, indices, axis))


@derived(torch="nn.functional.one_hot")
def one_hot(x: TensorLike, num_classes: int = -1) -> Tensor:
    """Class numbers as rows of 0 with a 1 at the class's place; of integers, no gradient flows.

    Args:
        num_classes: the length of a row; by default one more than the largest number.

    >>> one_hot([0, 2])
    Tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    classes = _integers("one_hot", x)
    count = int(classes.max(initial=-1)) + 1 if num_classes == -1 else int(num_classes)
    known = isinstance(classes, np.ndarray)
    if known and classes.size and (classes.min() < 0 or classes.max() >= count):
        raise ValueError(
            f"one_hot: class numbers must lie in 0..{count - 1}, they reach from {classes.min()} "
            f"to {classes.max()}"
        )
    return as_tensor((classes[..., None] == np.arange(count)).astype(np.int64))


@derived(method=True)
def nonzero(x: TensorLike, *, as_tuple: bool = True) -> Any:
    """Where x is not 0: an array of indices for each axis, as numpy.nonzero.

    With `as_tuple=False`, PyTorch's default, a row of indices for each such element.

    >>> nonzero(Tensor([0.0, 3.0, 4.0]))
    (Tensor([1, 2]),)
    """
    if not as_tuple:
        return argwhere(x)
    return tuple(Tensor(index) for index in np.nonzero(as_tensor(x).data))


def _each_found(
    element: Tensor, test_elements: Tensor, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """`isin` of samples: each element is compared with all others of its sample."""
    n = len(element.data)
    same = element.data.reshape(n, -1, 1) == test_elements.data.reshape(n, 1, -1)
    return Tensor((same.any(-1) != invert).reshape(element.shape))


@derived(method=True, numpy=np.isin, batch=_each_found)
def isin(
    element: TensorLike, test_elements: TensorLike, assume_unique: bool = False,
    invert: bool = False,
) -> Tensor:  # fmt: skip
    """Where an element is one of the others, or with `invert` none of them.

    >>> isin(Tensor([1.0, 2.0]), [2.0, 5.0])
    Tensor([False,  True])
    """
    one, others = as_tensor(element).data, as_tensor(test_elements).data
    return Tensor(np.isin(one, others, assume_unique, invert))


@derived(numpy=np.allclose, method=True)
def allclose(
    x: TensorLike, y: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all |x - y| ≤ atol + rtol |y|.

    >>> allclose(Tensor([1.0, 2.0]), [1.0, 2.0 + 1e-9])
    True
    """
    return bool(isclose(as_tensor(x), y, rtol, atol, equal_nan).all())


@derived(numpy=np.array_equal, method=True)
def array_equal(x: TensorLike, y: TensorLike, equal_nan: bool = False) -> bool:
    """Whether shapes and elements are the same; torch.equal.

    >>> array_equal(Tensor([1.0, 2.0]), [1.0, 2.0]), array_equal(Tensor([1.0]), [1.0, 1.0])
    (True, False)
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.shape != y.shape:
        return False
    same = x == y
    return bool((same | ((x != x) & (y != y)) if equal_nan else same).all())


@derived(method=True)
def argwhere(x: TensorLike) -> Tensor:
    """Where x is not 0: a row of indices for each such element.

    >>> argwhere(Tensor([0.0, 3.0]))
    Tensor([[1]])
    """
    return Tensor(np.argwhere(as_tensor(x).data))
