"""Operations that rearrange: every gradient is the rearrangement undone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from microgradnd.arguments import NUMBER_DTYPE, elements, require
from microgradnd.declaration import Axis, Shape, TensorLike, Value, Values, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.errors import explained
from microgradnd.ops.batches import aligned
from microgradnd.ops.indexing import getitem


def reshape_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    (x,), shape = values, options["shape"]
    given = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    stands = np.broadcast_to(0, x.shape[1:]).reshape(given)  # (-1 is to be told from a sample)
    return reshape(x, (n, *stands.shape))


@op(x=lambda g, x_shape: reshape(g, x_shape), linear="x", view="x", numpy=np.reshape,
    method="*shape", torch="view", notation="reshaped", batch=reshape_batch,
    cure="the new shape must hold the same number of elements; one size may be -1")  # fmt: skip
def reshape(x: Value, shape: Shape) -> Value:
    """The same elements in another shape; one size may be -1.

    >>> reshape(Tensor([1.0, 2.0, 3.0, 4.0]), (2, -1))
    Tensor([[1., 2.],
            [3., 4.]])
    """
    return x.reshape(shape)


def undone(axes: Sequence[int] | None) -> tuple[int, ...] | None:
    """The order of axes that undoes another."""
    if axes is None:
        return None
    return tuple(int(i) for i in np.argsort([a % len(axes) for a in axes]))


def transpose_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    (x,), axes = values, options["axes"]
    stands = np.empty((0,) * (x.ndim - 1)).transpose(axes)  # raises for axes that are none
    order = reversed(range(stands.ndim)) if axes is None else [a % stands.ndim for a in axes]
    return transpose(x, (0, *(a + 1 for a in order)))


@op(x=lambda g, axes: transpose(g, undone(axes)), linear="x", view="x", numpy=np.transpose,
    batch=transpose_batch,
    method=("*axes", "@T"), torch="permute", notation="transposed", permutes=True)  # fmt: skip
def transpose(x: Value, axes: Sequence[int] | None = None) -> Value:
    """The axes in another order; reversed by default."""
    return x.transpose(axes)


@op(x=lambda g, axis1, axis2: swapaxes(g, axis1, axis2), linear="x", view="x",
    numpy=np.swapaxes, method=True, notation="transposed", permutes=True)  # fmt: skip
def swapaxes(x: Value, axis1: int, axis2: int) -> Value:
    """Two axes exchanged.

    >>> swapaxes(Tensor([[1.0, 2.0, 3.0]]), 0, 1).shape
    (3, 1)
    """
    return x.swapaxes(axis1, axis2)


@derived(numpy=np.matrix_transpose, method="@mT", internal=True)
def matrix_transpose(x: Any) -> Tensor:
    """The last two axes exchanged."""
    return swapaxes(x, -1, -2)


@op(x=lambda g, x_shape: reshape(g, x_shape), linear="x", view="x", numpy=np.expand_dims,
    method=True, torch="unsqueeze", batch="new axes")  # fmt: skip
def expand_dims(x: Value, axis: Shape) -> Value:
    """With new axes of length 1.

    >>> expand_dims(Tensor([1.0, 2.0]), 0)
    Tensor([[1., 2.]])
    """
    return np.expand_dims(x, axis)


def squeeze_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    (x,), axis = values, options["axis"]
    return reshape(x, (n, *np.squeeze(np.broadcast_to(0, x.shape[1:]), axis).shape))


@op(x=lambda g, x_shape: reshape(g, x_shape), linear="x", view="x", numpy=np.squeeze, method=True,
    batch=squeeze_batch)  # fmt: skip
def squeeze(x: Value, axis: Axis = None) -> Value:
    """Without axes of length 1."""
    return np.squeeze(x, axis)


def broadcast_to_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    shape = options["shape"]
    given = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    x = values[0]
    np.broadcast_to(np.broadcast_to(0, x.shape[1:]), given)  # raises for what has too many axes
    return broadcast_to(aligned(x, len(given)), (n, *given))


@op(x=lambda g: g, linear="x", view="x", numpy=np.broadcast_to, method="*shape", whole=True,
    batch=broadcast_to_batch,
    notation="repeated")  # fmt: skip
def broadcast_to(x: Value, shape: Shape) -> Value:  # the engine sums
    """Repeated to a larger shape, by the rules of broadcasting, without copying.

    >>> broadcast_to(Tensor([1.0, 2.0]), (2, 2))
    Tensor([[1., 2.],
            [1., 2.]])
    """
    if x.size == 1 and type(shape) is tuple:  # as np.broadcast_to, in a tenth of its time
        if len(shape) < x.ndim:
            raise ValueError(f"{x.shape} does not broadcast to {shape}")
        out: np.ndarray = np.ndarray(shape, x.dtype, x, strides=(0,) * len(shape))
        out.flags.writeable = False
        return out
    return np.broadcast_to(x, shape)


def concatenate_xs(g: Value, xs_shapes: list[tuple[int, ...]], axis: int | None) -> list[Value]:
    sizes = [math.prod(s) if axis is None else s[axis] for s in xs_shapes]
    ends = list(accumulate(sizes))
    lead = (slice(None),) * (0 if axis is None else axis % g.ndim)
    pieces = [g[(*lead, slice(end - size, end))] for size, end in zip(sizes, ends)]
    return [reshape(piece, s) for piece, s in zip(pieces, xs_shapes)] if axis is None else pieces


@op(
    xs=concatenate_xs,
    linear="xs",
    numpy=np.concatenate,
    torch="cat concat",
    whole=True,
    batch="flat",
    cure="all operands must agree on every axis but the one they are joined along",
)
def concatenate(xs: Values, axis: int | None = 0) -> Value:
    """Joined along an axis they have; with axis None flattened first."""
    return np.concatenate(xs, axis)


def stack_xs(g: Value, axis: int) -> list[Value]:
    lead = (slice(None),) * (axis % g.ndim)
    return [g[(*lead, i)] for i in range(g.shape[axis])]


@op(
    xs=stack_xs,
    linear="xs",
    numpy=np.stack,
    whole=True,
    batch="new axes",
    cure="all operands must have the same shape",
)
def stack(xs: Values, axis: int = 0) -> Value:
    """Joined along a new axis."""
    return np.stack(xs, axis)


def number_dtype(value: Any) -> np.dtype:
    require("astype", "dtype", value, NUMBER_DTYPE)
    return np.dtype(value)


@op(x=lambda g: g, linear="x", casts=True, prepare={"dtype": number_dtype}, internal=True,
    whole=True, notation="itself", program="{x:atom}.astype({dtype})", batch="leading")  # fmt: skip
def astype(x: Value, dtype: np.dtype) -> Value:  # the engine casts back
    """In another dtype."""
    return x.astype(dtype)


@derived(numpy=np.ravel, method=True)
def ravel(x: TensorLike) -> Tensor:
    """All elements in one axis.

    >>> ravel(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 2., 3., 4.])
    """
    return reshape(x, -1)


@derived(method=True)
def flatten(x: TensorLike, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from `start_dim` to `end_dim`, this one included, as one axis; all by default.

    >>> flatten(Tensor(np.zeros((2, 3, 4))), 1).shape
    (2, 12)
    """
    x = as_tensor(x)
    if (start_dim, end_dim) == (0, -1) or not x.ndim:
        return reshape(x, -1)
    first, last = np.lib.array_utils.normalize_axis_tuple(
        (start_dim, end_dim), x.ndim, allow_duplicate=True
    )
    if first > last:
        raise ValueError(f"flatten: start_dim={start_dim} comes after end_dim={end_dim}")
    size = math.prod(x.shape[first : last + 1])
    return reshape(x, (*x.shape[:first], size, *x.shape[last + 1 :]))


@derived(numpy=np.moveaxis, method=True, torch="movedim")
def moveaxis(x: TensorLike, source: Any, destination: Any) -> Tensor:
    """The axes `source` moved to the places `destination`; the others keep their order.

    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = as_tensor(x, "moveaxis", "x")
    with explained("moveaxis", {"x": x}, {"source": source, "destination": destination}):
        np.moveaxis(np.empty((0,) * x.ndim), source, destination)  # checks the arguments
        places = np.lib.array_utils.normalize_axis_tuple(source, x.ndim)
        goals = np.lib.array_utils.normalize_axis_tuple(destination, x.ndim)
    axes = [i for i in range(x.ndim) if i not in places]
    for goal, place in sorted(zip(goals, places)):
        axes.insert(goal, place)
    return transpose(x, tuple(axes))


def _joined(name: str, xs: Any, axis: int, at_least: int) -> Tensor:
    """Concatenated along an axis, after giving the operands enough axes."""
    tensors = [as_tensor(t, name, "tup") for t in elements(name, "tup", xs, "a list of arrays")]
    if not tensors:
        raise ValueError(f"{name}: tup is empty; give at least one array")
    raised = [reshape(t, (1,) * (at_least - t.ndim) + t.shape) for t in tensors]
    return concatenate(raised, min(axis, raised[0].ndim - 1))


@derived(numpy=np.vstack)
def vstack(tup: Any) -> Tensor:
    """Stacked row upon row: along the first axis, one-dimensional ones as rows.

    >>> vstack([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """
    return _joined("vstack", tup, 0, at_least=2)


@derived(numpy=np.hstack)
def hstack(tup: Any) -> Tensor:
    """Side by side: along the second axis, one-dimensional ones along their only one.

    >>> hstack([[1.0, 2.0], [3.0]]).shape
    (3,)
    """
    return _joined("hstack", tup, 1, at_least=1)


EQUAL = "the number of equal sections must divide the axis; else give the indices to cut at"


@derived(numpy=np.split, method=True)
def split(x: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Cut into equal sections, or before the given indices, along an axis; as numpy.split.

    >>> [part.shape for part in split(Tensor([1.0, 2.0, 3.0]), [1])]
    [(1,), (2,)]
    """
    x = as_tensor(x, "split", "x")
    options = {"indices_or_sections": indices_or_sections, "axis": axis}
    with explained("split", {"x": x}, options, EQUAL):
        parts = np.split(np.broadcast_to(0, x.shape), indices_or_sections, axis)  # checks them
        size, lead = x.shape[axis], (slice(None),) * (axis % x.ndim)
        if np.ndim(indices_or_sections):
            cuts = [int(i) for i in indices_or_sections]  # type: ignore[union-attr]
        else:
            cuts = [*accumulate(part.shape[axis] for part in parts[:-1])]
    bounds = zip([0, *cuts], [*cuts, size])
    return [getitem(x, (*lead, slice(start, stop))) for start, stop in bounds]
