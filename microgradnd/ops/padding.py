"""Padding with a constant. Its gradient is a slice."""

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


@op(x=lambda g, pad_width: g[inside(g.shape, pad_width)], linear="x", whole=True,
    name="pad", keeps_channels=True)  # fmt: skip
def padded(x: Value, pad_width: Widths, constant_values: float = 0.0) -> Value:
    """x with constants around it; the result lies in memory in the order that x lies in."""
    return padding.pad(x, pad_width, constant_values)


@derived(numpy=np.pad)
def pad(
    x: TensorLike,
    pad_width: int | Sequence[Any],
    mode: str = "constant",
    constant_values: float = 0.0,
) -> Tensor:
    """x with a border of constants, as numpy.pad in its mode "constant".

    Args:
        pad_width: how many elements to add: a number for all sides, (before, after) for all
            axes, or one such pair for each axis.
        constant_values: the value of what is added.

    >>> pad(Tensor([1.0, 2.0]), (1, 2))
    Tensor([0., 1., 2., 0., 0.])
    """
    require("pad", "mode", mode, one_of("constant"))
    if errors.as_array("pad", "constant_values", constant_values).ndim:
        raise ValueError(
            f"pad: constant_values {constant_values!r} must be one number; for other values on "
            "other sides, pad side by side"
        )
    widths = index_array("pad", "pad_width", pad_width)
    x = as_tensor("pad", "x", x)
    ndim = x.ndim
    if (widths < 0).any():
        raise ValueError(f"pad: pad_width must hold integers from 0 on, got {pad_width!r}")
    try:
        each = np.broadcast_to(widths, (ndim, 2)).tolist()
    except ValueError:
        raise ValueError(
            f"pad: pad_width {pad_width!r} does not fit {ndim} axes; give a number, a pair "
            "(before, after), or such a pair for each axis"
        ) from None
    return padded(x, tuple((before, after) for before, after in each), constant_values)
