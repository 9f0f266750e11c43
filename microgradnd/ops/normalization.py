"""Normalising: taking away the mean and dividing by the standard deviation."""

from __future__ import annotations

import numpy as np

from microgradnd.declaration import Value, op


def normalize_x(g: Value, x: Value, out: Value, axis: tuple[int, ...], eps: float) -> Value:
    scale = np.sqrt(x.var(axis=axis, keepdims=True) + eps)
    along = (g * out).mean(axis=axis, keepdims=True)
    return (g - g.mean(axis=axis, keepdims=True) - out * along) / scale


@op(x=normalize_x, fresh="x", internal=True, keeps_channels=True, whole=True, opened=True)
def normalize(x: Value, axis: tuple[int, ...], eps: float = 1e-5) -> Value:
    """(x - mean) / sqrt(variance + eps) over the axes; the variance is divided by their length."""
    centred = x - x.mean(axis=axis, keepdims=True)
    variance = np.square(centred).mean(axis=axis, keepdims=True)
    return centred / np.sqrt(variance + eps)
