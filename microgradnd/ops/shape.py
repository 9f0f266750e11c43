"""Operations that rearrange: every gradient is the rearrangement undone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from microgradnd.declaration import op
from microgradnd.engine import Tensor
from microgradnd.ops.indexing import getitem
from microgradnd.signatures import (
    Expanding,
    Joining,
    JoiningOrFlat,
    Reshaping,
    Squeezing,
    Swapping,
    TensorLike,
    Transposing,
)

Value = Any


def reshape_forward(x: np.ndarray, shape: int | Sequence[int]) -> np.ndarray:
    """The same elements in another shape; one size may be -1."""
    return np.reshape(x, shape)


def transpose_forward(x: np.ndarray, axes: Sequence[int] | None = None) -> np.ndarray:
    """The axes in another order; reversed by default."""
    return np.transpose(x, axes)


def transpose_x(g: Value, axes: Sequence[int] | None) -> Value:
    if axes is None:
        return g.transpose()
    return g.transpose(tuple(int(i) for i in np.argsort([a % len(axes) for a in axes])))


def swapaxes_forward(x: np.ndarray, axis1: int, axis2: int) -> np.ndarray:
    """Two axes exchanged."""
    return np.swapaxes(x, axis1, axis2)


def expand_dims_forward(x: np.ndarray, axis: int | Sequence[int]) -> np.ndarray:
    """With new axes of length 1."""
    return np.expand_dims(x, axis)


def squeeze_forward(x: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    """Without axes of length 1."""
    return np.squeeze(x, axis)


def broadcast_to_forward(x: np.ndarray, shape: int | Sequence[int]) -> np.ndarray:
    """Repeated to a larger shape, by the rules of broadcasting, without copying."""
    return np.broadcast_to(x, shape)


def concatenate_forward(xs: Sequence[np.ndarray], axis: int | None = 0) -> np.ndarray:
    """Joined along an axis they have; with axis None flattened first."""
    return np.concatenate(xs, axis)


def concatenate_xs(g: Value, xs_shapes: list[tuple[int, ...]], axis: int | None) -> list[Value]:
    sizes = [int(np.prod(s)) if axis is None else s[axis] for s in xs_shapes]
    ends = list(accumulate(sizes))
    lead = (slice(None),) * (0 if axis is None else axis % g.ndim)
    pieces = [g[(*lead, slice(end - size, end))] for size, end in zip(sizes, ends)]
    return [piece.reshape(shape) for piece, shape in zip(pieces, xs_shapes)]


def stack_forward(xs: Sequence[np.ndarray], axis: int = 0) -> np.ndarray:
    """Joined along a new axis."""
    return np.stack(xs, axis)


def stack_xs(g: Value, axis: int) -> list[Value]:
    lead = (slice(None),) * (axis % g.ndim)
    return [g[(*lead, i)] for i in range(g.shape[axis])]


def astype_forward(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """In another dtype."""
    return x.astype(dtype)


# fmt: off
reshape: Reshaping = op(
    reshape_forward,      "x",   name="reshape",      x=lambda g, x_shape: g.reshape(x_shape))
transpose: Transposing = op(
    transpose_forward,    "x",   name="transpose",    x=transpose_x)
swapaxes: Swapping = op(
    swapaxes_forward,     "x",   name="swapaxes",
    x=lambda g, axis1, axis2: g.swapaxes(axis1, axis2))
expand_dims: Expanding = op(
    expand_dims_forward,  "x",   name="expand_dims",  x=lambda g, x_shape: g.reshape(x_shape))
squeeze: Squeezing = op(
    squeeze_forward,      "x",   name="squeeze",      x=lambda g, x_shape: g.reshape(x_shape))
broadcast_to: Reshaping = op(
    broadcast_to_forward, "x",   name="broadcast_to", x=lambda g: g)  # the engine sums
astype = op(
    astype_forward,       "x",   name="astype",       x=lambda g: g)  # the engine casts back
concatenate: JoiningOrFlat = op(
    concatenate_forward,  "*xs", name="concatenate",  xs=concatenate_xs)
stack: Joining = op(
    stack_forward,        "*xs", name="stack",        xs=stack_xs)
# fmt: on


def split(x: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Cut into equal sections, or before the given indices, along an axis; as numpy.split.

    >>> [part.shape for part in split(Tensor([1.0, 2.0, 3.0]), [1])]
    [(1,), (2,)]
    """
    x = x if isinstance(x, Tensor) else Tensor(x)
    size = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        step, rest = divmod(size, int(indices_or_sections))
        if rest:
            raise ValueError(
                f"split: axis {axis} of length {size} does not divide into {indices_or_sections} "
                "equal sections; give the indices to cut at"
            )
        cuts = list(range(step, size, step)) if step else [0] * (int(indices_or_sections) - 1)
    else:
        cuts = [int(i) for i in indices_or_sections]
    lead = (slice(None),) * (axis % x.ndim)
    bounds = zip([0, *cuts], [*cuts, size])
    return [getitem(x, (*lead, slice(start, stop))) for start, stop in bounds]
