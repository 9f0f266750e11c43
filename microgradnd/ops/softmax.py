"""Softmax and its relatives, computed without overflow by shifting with the largest element."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.declaration import op
from microgradnd.engine import Tensor
from microgradnd.ops.reduction import axes_of, kept
from microgradnd.signatures import AlongAxis, Axis, Reduction, TensorLike

Value = Any


def shifted(x: np.ndarray, axis: Axis) -> tuple[np.ndarray, np.ndarray]:
    """x less its largest element along axis, and that element (0 where it is infinite)."""
    top = np.maximum.reduce(x, axis, keepdims=True)
    if not np.isfinite(top).all():
        top = np.where(np.isfinite(top), top, np.zeros_like(top))
    return x - top, top


def softmax_forward(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """exp(x) / sum(exp(x)) along an axis (eq. 5-30, with the sign of its own code)."""
    e = np.exp(shifted(x, axis)[0])
    return np.divide(e, np.add.reduce(e, axis, keepdims=True), out=e)


def log_softmax_forward(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """log(softmax(x)) along an axis."""
    z = shifted(x, axis)[0]
    return z - np.log(np.add.reduce(np.exp(z), axis, keepdims=True))


def logsumexp_forward(x: np.ndarray, axis: Axis = None, keepdims: bool = False) -> np.ndarray:
    """log(sum(exp(x))) over the axes."""
    z, top = shifted(x, axis)
    total = np.add.reduce(np.exp(z), axis, keepdims=True)
    with np.errstate(divide="ignore"):  # the logarithm of an empty sum of weights is -inf
        out = np.log(total) + top
    return out if keepdims else np.squeeze(out, axes_of(x.shape, axis))


def logsumexp_x(g: Value, x: Value, out: Value, axis: Axis) -> Value:
    level = kept(out, x.shape, axis)
    return kept(g, x.shape, axis) * np.exp(x - np.where(np.isfinite(level), level, 0.0))


def cross_entropy_forward(z: np.ndarray, target: np.ndarray) -> np.ndarray:
    """-log softmax(z)[target] along the last axis: one loss for each row of logits.

    z (..., C) are logits; target (...) holds class numbers from 0 to C-1, or target (..., C) is a
    distribution over the classes: then the loss is -sum(target * log softmax(z)).
    """
    check_target(z, target)
    if target.shape == z.shape and target.dtype.kind == "f":
        return -np.add.reduce(target * log_softmax_forward(z), -1)
    y = shifted(z, -1)[0]
    levels = np.log(np.add.reduce(np.exp(y), -1))
    return levels - y.reshape(-1, y.shape[-1])[np.arange(target.size), target.ravel()].reshape(
        target.shape
    )


def check_target(z: np.ndarray, target: np.ndarray) -> None:
    classes = target.dtype.kind in "iu"
    wanted = z.shape[:-1] if classes else z.shape
    if target.shape != wanted:
        raise ValueError(
            f"the target has shape {target.shape}, logits of shape {z.shape} need class numbers "
            f"(integers) of shape {z.shape[:-1]} or distributions (floats) of shape {z.shape}"
        )
    if classes and target.size and out_of_range(target, z.shape[-1]):
        raise ValueError(
            f"class numbers must lie in 0..{z.shape[-1] - 1}, the target's reach from "
            f"{target.min()} to {target.max()}"
        )


def out_of_range(target: np.ndarray, classes: int) -> bool:
    if target.dtype.kind == "i":  # seen without their sign, negative numbers are very large
        target = target.view(f"u{target.itemsize}")
    return bool(np.maximum.reduce(target, None) >= classes)


def cross_entropy_z(g: Value, z: Value, target: Value) -> Value:
    p = softmax(z) if isinstance(z, Tensor) else softmax_forward(z)
    if target.shape == z.shape and target.dtype.kind == "f":
        return g[..., None] * (p * target.sum(axis=-1, keepdims=True) - target)
    if isinstance(p, Tensor):
        return g[..., None] * (p - (target[..., None] == np.arange(z.shape[-1])))
    p = np.ascontiguousarray(p)  # else reshape would copy
    p.reshape(-1, p.shape[-1])[np.arange(target.size), target.ravel()] -= 1
    return np.multiply(g[..., None], p, out=p)


# fmt: off
softmax: AlongAxis     = op(softmax_forward,     "x", name="softmax",
    x=lambda g, out, axis: out * (g - (g * out).sum(axis=axis, keepdims=True)))
log_softmax: AlongAxis = op(log_softmax_forward, "x", name="log_softmax",
    x=lambda g, out, axis: g - np.exp(out) * g.sum(axis=axis, keepdims=True))
logsumexp: Reduction   = op(logsumexp_forward,   "x", name="logsumexp", x=logsumexp_x)
cross_entropy_op = op(cross_entropy_forward, "z target", name="cross_entropy", z=cross_entropy_z)
# fmt: on


def cross_entropy(z: TensorLike, target: TensorLike) -> Tensor:
    """Softmax cross-entropy, one loss for each row of logits; `.mean()` it for a training loss.

    >>> z = Tensor([[2.0, 0.0, 0.0]], requires_grad=True)
    >>> cross_entropy(z, [0]).round(4)
    Tensor([0.2395], op='round')
    """
    target = target if isinstance(target, Tensor) else np.asarray(target)
    return cross_entropy_op(z, target)
