"""Padding with a constant."""

from __future__ import annotations

from typing import Any

import numpy as np

Widths = tuple[tuple[int, int], ...]  # by axis, how many elements come before and after


def inside(shape: tuple[int, ...], pad_width: Widths) -> tuple[slice, ...]:
    """Where in a padded array of a shape its elements are not padding."""
    return tuple(slice(before, n - after) for n, (before, after) in zip(shape, pad_width))


def pad(x: np.ndarray, pad_width: Widths, constant_values: Any = 0.0) -> np.ndarray:
    """x with constants around it; the result lies in memory in the order that x lies in."""
    shape = tuple(before + n + after for n, (before, after) in zip(x.shape, pad_width))
    out = np.empty_like(x, shape=shape)
    inner = inside(shape, pad_width)
    if out.size != x.size:
        out.fill(constant_values)
    out[inner] = x
    return out
