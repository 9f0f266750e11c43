"""Turning, shifting, repeating, cutting and joining: what moves elements and computes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from microgradnd.arguments import WHOLES, elements, index_array, require, whole
from microgradnd.declaration import Axis, TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.methods import Methods
from microgradnd.ops.elementwise import where
from microgradnd.ops.indexing import getitem, setitem
from microgradnd.ops.selecting import flat
from microgradnd.ops.shape import (
    broadcast_to,
    concatenate,
    moveaxis,
    reshape,
    split,
    swapaxes,
    transpose,
)


@op(x=lambda g, axis: flip(g, axis), linear="x", view="x", numpy=np.flip, method=True,
    aliases={"dims": "axis"})  # fmt: skip
def flip(x: Value, axis: Axis = None) -> Value:
    """In the opposite order along the axes; along all by default."""
    return np.flip(x, tuple(axis) if isinstance(axis, list) else axis)


@derived(numpy=np.fliplr, method=True)
def fliplr(x: TensorLike) -> Tensor:
    """In the opposite order along the second axis.

    >>> fliplr([[1.0, 2.0]])
    Tensor([[2., 1.]])
    """
    return flip(as_tensor(x), 1)


@derived(numpy=np.flipud, method=True)
def flipud(x: TensorLike) -> Tensor:
    """In the opposite order along the first axis.

    >>> flipud([1.0, 2.0])
    Tensor([2., 1.])
    """
    return flip(as_tensor(x), 0)


def _whole(shift: Any) -> Any:
    array = index_array("roll", "shift", shift)
    return int(array) if array.ndim == 0 else tuple(array.tolist())


def back(shift: Any) -> Any:
    return -shift if np.ndim(shift) == 0 else tuple(-s for s in shift)


def roll_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    (x,), shift, axis = values, options["shift"], options["axis"]
    if axis is None:
        return roll(x.reshape((n, math.prod(x.shape[1:]))), shift, 1).reshape(x.shape)
    axes = np.lib.array_utils.normalize_axis_tuple(axis, x.ndim - 1)
    return roll(x, shift, tuple(a + 1 for a in axes))


@op(x=lambda g, shift, axis: roll(g, back(shift), axis), linear="x", numpy=np.roll, method=True,
    whole=True, fresh="x", prepare={"shift": _whole}, batch=roll_batch,
    aliases={"shifts": "shift", "dims": "axis"})  # fmt: skip
def roll(x: Value, shift: int | Sequence[int], axis: Axis = None) -> Value:
    """Shifted along the axes, what falls out at the end comes in at the start; flat by default.

    >>> roll(Tensor([1.0, 2.0, 3.0]), 1)
    Tensor([3., 1., 2.])
    """
    return np.roll(x, shift, axis)


@derived(numpy=np.rot90, method=True, aliases={"dims": "axes"})
def rot90(x: TensorLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """Turned k times by 90°, from the first of two axes towards the second.

    >>> rot90([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[2., 4.],
            [1., 3.]])
    """
    x = as_tensor(x)
    first, second = normalize_axis_tuple(axes, x.ndim)  # two different ones
    k = k % 4
    if k == 2:
        return flip(x, (first, second))
    if k == 0:
        return x
    return flip(swapaxes(x, first, second), first) if k == 1 else swapaxes(
        flip(x, first), first, second
    )  # fmt: skip


@derived(method=True)
def unflatten(x: TensorLike, axis: int, sizes: Sequence[int]) -> Tensor:
    """One axis as several, whose sizes multiply to its own; one of them may be -1.

    >>> unflatten(Tensor(np.zeros((2, 6))), 1, (3, -1)).shape
    (2, 3, 2)
    """
    x = as_tensor(x)
    axis = normalize_axis_index(axis, x.ndim)
    return reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


@derived(method=True)
def expand(x: TensorLike, *sizes: Any) -> Tensor:
    """Repeated to a larger shape as `broadcast_to`; -1 stands for a size as it is.

    >>> expand(Tensor([[1.0], [2.0]]), -1, 3).shape
    (2, 3)
    """
    x = as_tensor(x)
    wanted = tuple(sizes[0] if len(sizes) == 1 and np.ndim(sizes[0]) else sizes)
    require("expand", "sizes", wanted, WHOLES)
    own = (1,) * (len(wanted) - x.ndim) + x.shape
    return broadcast_to(x, tuple(m if n == -1 else n for m, n in zip(own, wanted)))


@derived(numpy=np.tile, method=True)
def tile(x: TensorLike, reps: int | Sequence[int]) -> Tensor:
    """Copies side by side: as many along each axis as `reps` says.

    >>> tile(Tensor([1.0, 2.0]), 2)
    Tensor([1., 2., 1., 2.])
    """
    x = as_tensor(x)
    times = [int(r) for r in np.atleast_1d(reps)]
    times = [1] * (x.ndim - len(times)) + times
    own = (1,) * (len(times) - x.ndim) + x.shape
    pairs = [size for n in own for size in (1, n)]
    copies = [size for r, n in zip(times, own) for size in (r, n)]
    return reshape(
        broadcast_to(reshape(x, tuple(pairs)), tuple(copies)),
        tuple(r * n for r, n in zip(times, own)),
    )


@derived(numpy=np.repeat, method=True, torch="repeat_interleave")
def repeat(x: TensorLike, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element several times in a row, along the axis; without one, of the flattened array.

    >>> repeat(Tensor([1.0, 2.0]), [1, 2])
    Tensor([1., 2., 2.])
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = flat(x), 0
    axis = normalize_axis_index(axis, x.ndim)
    index = np.repeat(np.arange(x.shape[axis]), np.asarray(getattr(repeats, "_array", repeats)))
    return getitem(x, (*(slice(None),) * axis, index))


def _one_list(xs: tuple[Any, ...]) -> Sequence[Any]:
    """Operands, which PyTorch takes as one list of Tensors, too."""
    listed = len(xs) == 1 and isinstance(xs[0], (list, tuple))
    return xs[0] if listed and any(isinstance(x, Methods) for x in xs[0]) else xs


def _at_least(xs: tuple[Any, ...], places: tuple[tuple[int, ...], ...]) -> Any:
    """Tensors with enough axes: by how many they have, where new ones of length 1 go."""
    raised = []
    for x in map(as_tensor, _one_list(xs)):
        new = places[x.ndim] if x.ndim < len(places) else ()
        shape, own = [1] * (x.ndim + len(new)), iter(x.shape)
        shape = [1 if i in new else next(own) for i in range(len(shape))]
        raised.append(reshape(x, tuple(shape)) if new else x)
    return raised[0] if raised and _one_list(xs) is xs and len(xs) == 1 else tuple(raised)


@derived(numpy=np.atleast_1d)
def atleast_1d(*xs: Any) -> Any:
    """With at least one axis; several tensors give a tuple.

    >>> atleast_1d(1.0)
    Tensor([1.])
    """
    return _at_least(xs, ((0,),))


@derived(numpy=np.atleast_2d)
def atleast_2d(*xs: Any) -> Any:
    """With at least two axes; a vector becomes a row.

    >>> atleast_2d([1.0, 2.0]).shape
    (1, 2)
    """
    return _at_least(xs, ((0, 1), (0,)))


@derived(numpy=np.atleast_3d)
def atleast_3d(*xs: Any) -> Any:
    """With at least three axes; n becomes 1×n×1, m×n becomes m×n×1.

    >>> atleast_3d([1.0, 2.0]).shape
    (1, 2, 1)
    """
    return _at_least(xs, ((0, 1, 2), (0, 2), (2,)))


@derived(numpy=np.dstack)
def dstack(tup: Any) -> Tensor:
    """Joined along the third axis.

    >>> dstack([[1.0], [2.0]]).shape
    (1, 1, 2)
    """
    parts = elements("dstack", "tup", tup, "a sequence of tensors")
    return concatenate([atleast_3d(x) for x in parts], 2)


@derived(numpy=np.column_stack)
def column_stack(tup: Any) -> Tensor:
    """Vectors as columns, and matrices, side by side.

    >>> column_stack([[1.0, 2.0], [3.0, 4.0]]).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    parts = map(as_tensor, elements("column_stack", "tup", tup, "a sequence of tensors"))
    return concatenate([x if x.ndim > 1 else reshape(x, (-1, 1)) for x in parts], 1)


def _cut(name: str, x: TensorLike, cuts: Any, axis: int, least: int) -> list[Tensor]:
    x = as_tensor(x)
    if x.ndim < least:
        raise ValueError(f"{name}: x has shape {x.shape}, it needs at least {least} axes")
    return split(x, cuts, min(axis, x.ndim - 1))


@derived(numpy=np.hsplit, method=True)
def hsplit(x: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """`split` along the second axis; of vectors along their only one.

    >>> [part.shape for part in hsplit(Tensor(np.zeros((2, 4))), 2)]
    [(2, 2), (2, 2)]
    """
    return _cut("hsplit", x, indices_or_sections, 1, 1)


@derived(numpy=np.vsplit, method=True)
def vsplit(x: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """`split` along the first axis of two or more.

    >>> [part.shape for part in vsplit(Tensor(np.zeros((2, 4))), 2)]
    [(1, 4), (1, 4)]
    """
    return _cut("vsplit", x, indices_or_sections, 0, 2)


@derived(numpy=np.dsplit, method=True)
def dsplit(x: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """`split` along the third axis.

    >>> [part.shape for part in dsplit(Tensor(np.zeros((2, 3, 4))), [1])]
    [(2, 3, 1), (2, 3, 3)]
    """
    return _cut("dsplit", x, indices_or_sections, 2, 3)


@derived(numpy=np.append)
def append(arr: TensorLike, values: TensorLike, axis: int | None = None) -> Tensor:
    """Both joined along the axis; without one, both flattened first.

    >>> append(Tensor([1.0, 2.0]), [3.0])
    Tensor([1., 2., 3.])
    """
    return concatenate([as_tensor(arr), as_tensor(values)], axis)


@derived(numpy=np.rollaxis)
def rollaxis(x: TensorLike, axis: int, start: int = 0) -> Tensor:
    """One axis moved to before another; see `moveaxis`.

    >>> rollaxis(Tensor(np.zeros((2, 3, 4))), 2).shape
    (4, 2, 3)
    """
    x = as_tensor(x)
    order = np.rollaxis(np.empty(range(x.ndim)), axis, start).shape  # (axis i has length i)
    return transpose(x, order)


@derived(numpy=np.select, internal=True, name="select_by_conditions")
def select_by_conditions(condlist: Any, choicelist: Any, default: TensorLike = 0.0) -> Tensor:
    """Of several choices, each element that of the first condition that holds; numpy.select.

    >>> np.select([[True, False]], [Tensor([1.0, 2.0])], 5.0)
    Tensor([1., 5.])
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"select: {len(condlist)} conditions for {len(choicelist)} choices")
    out = as_tensor(default)
    for holds, choice in zip(reversed(condlist), reversed(choicelist)):
        out = where(getattr(holds, "_array", holds), as_tensor(choice), out)
    return out


@derived(numpy=np.array_split)
def array_split(
    x: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0
) -> list[Tensor]:
    """Cut along the axis into sections that differ by one at most, or before the given indices.

    >>> [part.shape for part in array_split(Tensor([1.0, 2.0, 3.0]), 2)]
    [(2,), (1,)]
    """
    x = as_tensor(x)
    if isinstance(indices_or_sections, (int, np.integer)):
        require("array_split", "indices_or_sections", indices_or_sections, whole(1))
        size, rest = divmod(x.shape[axis], int(indices_or_sections))
        lengths = [size + (i < rest) for i in range(int(indices_or_sections))]
        indices_or_sections = np.cumsum(lengths[:-1]).tolist()
    return split(x, indices_or_sections, axis)


@derived(method=True)
def tensor_split(
    x: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0
) -> tuple[Tensor, ...]:
    """`array_split`, as a tuple.

    >>> [part.shape for part in tensor_split(Tensor([1.0, 2.0, 3.0]), 2)]
    [(2,), (1,)]
    """
    if not isinstance(indices_or_sections, (int, np.integer)):
        cuts = index_array("tensor_split", "indices_or_sections", indices_or_sections)
        indices_or_sections = cuts.tolist()  # (of an array without axes a number)
    return tuple(array_split(x, indices_or_sections, axis))


@derived(method=True)
def chunk(x: TensorLike, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
    """Cut along the axis into at most `chunks` pieces, all of one size but for the last.

    >>> [part.shape for part in chunk(Tensor([1.0, 2.0, 3.0]), 2)]
    [(2,), (1,)]
    """
    x = as_tensor(x)
    require("chunk", "chunks", chunks, whole(1))
    size = max(math.ceil(x.shape[axis] / chunks), 1)
    return tuple(split(x, list(range(size, x.shape[axis], size)), axis))


@derived(numpy=getattr(np, "unstack", None), method=True, torch="unbind")
def unstack(x: TensorLike, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts along an axis, which they lose.

    >>> [part.item() for part in unstack(Tensor([1.0, 2.0]))]
    [1.0, 2.0]
    """
    x = as_tensor(x)
    lead = (slice(None),) * normalize_axis_index(axis, x.ndim)
    return tuple(getitem(x, (*lead, i)) for i in range(x.shape[axis]))


@derived(method=True)
def select(x: TensorLike, axis: int, index: int) -> Tensor:
    """The part at one index along an axis, which it loses.

    >>> select(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1, 0)
    Tensor([1., 3.])
    """
    x = as_tensor(x)
    return getitem(x, (*(slice(None),) * normalize_axis_index(axis, x.ndim), index))


@derived(method=True)
def narrow(x: TensorLike, axis: int, start: int, length: int) -> Tensor:
    """`length` elements from `start` on along an axis.

    >>> narrow(Tensor([1.0, 2.0, 3.0]), 0, 1, 2)
    Tensor([2., 3.])
    """
    x = as_tensor(x)
    axis, size = normalize_axis_index(axis, x.ndim), x.shape[axis]
    start = start + size if start < 0 else start
    if not (start >= 0 and length >= 0 and start + length <= size):
        raise ValueError(f"narrow: {start}+{length} does not lie in axis {axis} of length {size}")
    return getitem(x, (*(slice(None),) * axis, slice(start, start + length)))


@derived(method=True)
def unfold(x: TensorLike, axis: int, size: int, step: int = 1) -> Tensor:
    """All windows of a size along an axis, `step` apart, in a new last axis.

    >>> unfold(Tensor([1.0, 2.0, 3.0]), 0, 2).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    x = as_tensor(x)
    axis = normalize_axis_index(axis, max(x.ndim, 1))
    length = x.shape[axis] if x.ndim else 1
    if not 0 <= size <= length or step < 1:
        raise ValueError(
            f"unfold: windows of {size}, {step} apart, do not fit axis {axis} of length {length}"
        )
    index = np.arange(0, length - size + 1, step)[:, None] + np.arange(size)
    windows = getitem(x if x.ndim else reshape(x, 1), (*(slice(None),) * axis, index))
    return moveaxis(windows, axis + 1, -1)


@derived(method=True)
def as_strided(x: TensorLike, size: Any, stride: Any, storage_offset: int = 0) -> Tensor:
    """Not offered: a view of raw memory has no derivative that could be told from its arguments.

    Raises:
        NotImplementedError: always; it says what to use instead.
    """
    raise NotImplementedError(
        "as_strided is not offered: how elements lie in memory is no part of a Tensor's value; "
        "windows are unfold(x, axis, size, step), others reshape, transpose, expand or x[index]"
    )


# --- Diagonals and triangles ---------------------------------------------------------------------
def _diagonal_of(shape: tuple[int, ...], offset: int) -> tuple[Any, ...]:
    """The index of a diagonal of the last two axes."""
    rows, columns = shape[-2:]
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    at = np.arange(length)
    return ..., at - min(offset, 0), at + max(offset, 0)


PAIR = {"dim1": "axis1", "dim2": "axis2"}  # PyTorch's names of two axes


@derived(numpy=np.diagonal, method=True, aliases=PAIR)
def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of two axes, `offset` above the main one, in a new last axis.

    >>> diagonal(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 4.])
    """
    moved = as_tensor(moveaxis(x, (axis1, axis2), (-2, -1)))
    return getitem(moved, _diagonal_of(moved.shape, offset))


@derived(method=True, aliases=PAIR)
def diag_embed(x: TensorLike, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Tensor:
    """Square matrices with the last axis of x on a diagonal, and zeros.

    >>> diag_embed(Tensor([1.0, 2.0]))
    Tensor([[1., 0.],
            [0., 2.]])
    """
    x = as_tensor(x)
    n = x.shape[-1] + abs(offset)
    zeros = np.zeros((*x.shape[:-1], n, n), x.dtype)
    made = setitem(zeros, x, _diagonal_of(zeros.shape, offset))
    return moveaxis(as_tensor(made), (-2, -1), (axis1, axis2))


@derived(numpy=np.diag, method=True)
def diag(x: TensorLike, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix, or the matrix that has a vector on it.

    >>> diag(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
    Tensor([2.])
    """
    x = as_tensor(x)
    if x.ndim not in (1, 2):
        raise ValueError(f"diag: a vector or a matrix is needed, not shape {x.shape}")
    return diag_embed(x, k) if x.ndim == 1 else diagonal(x, k)


@derived(numpy=np.trace, method=True)
def trace(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the diagonal of two axes.

    >>> trace(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(5.)
    """
    return diagonal(x, offset, axis1, axis2).sum(-1)


def _below(x: Tensor, k: int) -> np.ndarray:
    rows, columns = x.shape[-2:]
    return np.tri(rows, columns, k, bool)


@derived(numpy=np.tril, method=True)
def tril(x: TensorLike, k: int = 0) -> Tensor:
    """The last two axes' lower triangle, up to the k-th diagonal; zeros above it.

    >>> tril(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 0.],
            [3., 4.]])
    """
    x = as_tensor(x)
    return where(_below(x, k), x, np.zeros((), x.dtype))


@derived(numpy=np.triu, method=True)
def triu(x: TensorLike, k: int = 0) -> Tensor:
    """The last two axes' upper triangle, from the k-th diagonal on; zeros below it.

    >>> triu(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
    Tensor([[0., 2.],
            [0., 0.]])
    """
    x = as_tensor(x)
    return where(_below(x, k - 1), np.zeros((), x.dtype), x)


@derived(numpy=np.meshgrid)
def meshgrid(*xi: Any, indexing: str = "xy", copy: bool = True, sparse: bool = False) -> Any:
    """Coordinate arrays of the grid over vectors: a tuple, with x along columns ("xy") or rows.

    >>> [part.shape for part in meshgrid([1.0, 2.0], [3.0, 4.0, 5.0])]
    [(3, 2), (3, 2)]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', not {indexing!r}")
    xi = tuple(_one_list(xi))
    n = len(xi)
    turned = indexing == "xy" and n > 1
    places = [1, 0, *range(2, n)] if turned else list(range(n))
    parts = [
        reshape(as_tensor(x), tuple(-1 if i == place else 1 for i in range(n)))
        for x, place in zip(xi, places)
    ]
    if sparse:
        return tuple(parts)
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    return tuple(broadcast_to(part, shape) for part in parts)


@derived(name="contiguous", method=True)
def contiguous(x: TensorLike) -> Tensor:
    """The tensor itself: how its elements lie in memory is nobody's concern here.

    >>> contiguous(Tensor([[1.0, 2.0]]).T)
    Tensor([[1.],
            [2.]])
    """
    return as_tensor(x)


@derived(numpy=np.broadcast_arrays, torch="broadcast_tensors")
def broadcast_arrays(*xs: TensorLike) -> Any:
    """Tensors repeated to their common shape, as a tuple.

    >>> [part.shape for part in broadcast_arrays(Tensor([1.0, 2.0]), 3.0)]
    [(2,), (2,)]
    """
    parts = [as_tensor(x) for x in xs]
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    return tuple(broadcast_to(part, shape) for part in parts)
