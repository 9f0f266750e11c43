"""Padding: with a constant, whose gradient is a slice, or with elements of the array itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.arguments import index_array, one_of, require
from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.kernels import padding
from microgradnd.kernels.padding import Widths, inside
from microgradnd.ops.indexing import getitem


@op(x=lambda g, pad_width: g[inside(g.shape, pad_width)], linear="x", whole=True,
    name="pad", keeps_channels=True, batch=lambda values, mapped, n, options: padded(
        values[0], ((0, 0), *options["pad_width"]), options["constant_values"]))  # fmt: skip
def padded(x: Value, pad_width: Widths, constant_values: float = 0.0) -> Value:
    """x with constants around it; the result lies in memory in the order that x lies in."""
    return padding.pad(x, pad_width, constant_values)


MODES = {"edge": "edge", "replicate": "edge", "reflect": "reflect", "symmetric": "symmetric",
         "wrap": "wrap", "circular": "wrap"}  # fmt: skip


@derived(numpy=np.pad)
def pad(
    x: TensorLike,
    pad_width: int | Sequence[Any],
    mode: str = "constant",
    constant_values: float = 0.0,
) -> Tensor:
    """x with a border around it, as numpy.pad.

    Args:
        pad_width: how many elements to add: a number for all sides, (before, after) for all
            axes, or one such pair for each axis.
        mode: "constant"; "edge" (or "replicate") repeats the outermost elements, "reflect" mirrors
            them without the outermost, "symmetric" with it, "wrap" (or "circular") goes on from
            the other side.
        constant_values: the value of what is added.

    >>> pad(Tensor([1.0, 2.0]), (1, 2))
    Tensor([0., 1., 2., 0., 0.])
    >>> pad(Tensor([1.0, 2.0, 3.0]), (2, 0), "reflect")
    Tensor([3., 2., 1., 2., 3.])
    """
    x = as_tensor(x)
    require("pad", "mode", mode, one_of("constant", *MODES))
    if errors.as_array("pad", "constant_values", constant_values).ndim:
        raise ValueError(
            f"pad: constant_values {constant_values!r} must be one number; for other values on "
            "other sides, pad side by side"
        )
    each = _widths(x, pad_width)
    if mode == "constant":
        return padded(x, each, constant_values)
    for axis, (before, after) in enumerate(each):
        if before or after:
            if not x.shape[axis]:
                raise ValueError(f"pad: axis {axis} of shape {x.shape} has no elements to repeat")
            index = np.pad(np.arange(x.shape[axis]), (before, after), MODES[mode])  # type: ignore
            x = as_tensor(getitem(x, (*(slice(None),) * axis, index)))
    return x


def _widths(x: Tensor, pad_width: int | Sequence[Any]) -> Widths:
    """How many elements are added before and after, for each axis."""
    widths = index_array("pad", "pad_width", pad_width)
    if (widths < 0).any():
        raise ValueError(f"pad: pad_width must hold integers from 0 on, got {pad_width!r}")
    try:
        each = np.broadcast_to(widths, (x.ndim, 2)).tolist()
    except ValueError:
        raise ValueError(
            f"pad: pad_width {pad_width!r} does not fit {x.ndim} axes; give a number, a pair "
            "(before, after), or such a pair for each axis"
        ) from None
    return tuple((before, after) for before, after in each)


bordered = pad  # (in what follows `pad` is PyTorch's name of the widths)


@derived(torch="nn.functional.pad", internal=True)
def pad_from_the_last(
    x: TensorLike, pad: Sequence[int], mode: str = "constant", value: float = 0.0
) -> Tensor:
    """x with a border around it, as torch.nn.functional.pad.

    Args:
        pad: (before, after) of the last axis, then of the one before it, and so on; negative
            numbers cut off.
        mode: "constant", "reflect", "replicate" or "circular".
        value: of what is added, in the mode "constant".

    >>> pad_from_the_last(Tensor([1.0, 2.0]), (1, -1))
    Tensor([0., 1.])
    """
    x, numbers = as_tensor(x), [int(n) for n in pad]
    if len(numbers) % 2 or len(numbers) > 2 * x.ndim:
        raise ValueError(f"pad: {list(pad)} must be pairs, at most one for each of {x.ndim} axes")
    pairs = [(0, 0)] * (x.ndim - len(numbers) // 2)
    pairs += [(numbers[i], numbers[i + 1]) for i in range(len(numbers) - 2, -1, -2)]
    added = [(max(before, 0), max(after, 0)) for before, after in pairs]
    cuts = [slice(max(-before, 0), min(after, 0) or None) for before, after in pairs]
    if mode == "circular" and min(numbers, default=0) < 0:  # what is cut off is not gone round to
        return bordered(getitem(x, tuple(cuts)), added, mode)
    x = bordered(x, added, mode, value) if any(map(any, added)) else x
    return getitem(x, tuple(cuts)) if min(numbers, default=0) < 0 else x
