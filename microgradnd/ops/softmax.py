"""Softmax and its relatives, computed without overflow by shifting with the largest element."""

from __future__ import annotations

from functools import cache

import numpy as np

from microgradnd.declaration import Axis, Value, op
from microgradnd.ops.indexing import add_at
from microgradnd.ops.reduction import axes_of, kept


@cache
def lowest(dtype: np.dtype) -> float:
    """What every number of the dtype is at least; finite, so that x less it is no NaN."""
    return np.finfo(dtype).min if dtype.kind == "f" else 0 if dtype.kind == "b" else -(2**31)


def shifted(x: Value, axis: Axis) -> tuple[Value, Value]:
    """x less its largest element along axis, and that element."""
    top = np.maximum.reduce(x, axis, keepdims=True, initial=lowest(x.dtype))
    return x - top, top


@op(x=lambda g, out, axis: out * (g - (g * out).sum(axis=axis, keepdims=True)), fresh="x",
    method=True, torch="nn.functional.softmax", activation=True)  # fmt: skip
def softmax(x: Value, axis: int = -1) -> Value:
    """exp(x) / sum(exp(x)) along an axis (eq. 5-30, with the sign of its own code)."""
    e = np.exp(shifted(x, axis)[0])
    return np.divide(e, np.add.reduce(e, axis, keepdims=True))


@op(x=lambda g, out, axis: g - np.exp(out) * g.sum(axis=axis, keepdims=True), fresh="x",
    method=True, torch="nn.functional.log_softmax", activation=True)  # fmt: skip
def log_softmax(x: Value, axis: int = -1) -> Value:
    """log(softmax(x)) along an axis."""
    z = shifted(x, axis)[0]
    return z - np.log(np.add.reduce(np.exp(z), axis, keepdims=True))


def logsumexp_x(g: Value, x: Value, out: Value, axis: Axis) -> Value:
    level = kept(out, x.shape, axis)
    return kept(g, x.shape, axis) * np.exp(x - np.where(level == -np.inf, 0.0, level))


@op(x=logsumexp_x, fresh="x", method=True)
def logsumexp(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """log(sum(exp(x))) over the axes."""
    top = shifted(x, axis)[1]
    top = np.where(np.isfinite(top), top, 0.0)  # an infinite one comes out of exp and log again
    total = np.add.reduce(np.exp(x - top), axis, keepdims=True)
    with np.errstate(divide="ignore"):  # the logarithm of an empty sum of weights is -inf
        out = np.log(total) + top
    return out if keepdims else np.squeeze(out, axes_of(x.shape, axis))


def check_target(z: Value, target: Value) -> None:
    classes = target.dtype.kind in "iu"
    wanted = z.shape[:-1] if classes else z.shape
    if target.shape != wanted:
        raise ValueError(
            f"cross_entropy: the target has shape {target.shape}, logits of shape {z.shape} need "
            f"class numbers (integers) of shape {z.shape[:-1]} or distributions (floats) of shape "
            f"{z.shape}"
        )
    if classes and target.size and out_of_range(target, z.shape[-1]):
        raise ValueError(
            f"cross_entropy: class numbers must lie in 0..{z.shape[-1] - 1}, the target's reach "
            f"from {target.min()} to {target.max()}"
        )


def out_of_range(target: np.ndarray, classes: int) -> bool:
    if target.dtype.kind == "i":  # seen without their sign, negative numbers are very large
        target = target.astype(target.dtype.newbyteorder("="), copy=False)
        target = target.view(f"u{target.itemsize}")
    return bool(np.maximum.reduce(target, None) >= classes)


def cross_entropy_z(g: Value, p: Value, target: Value) -> Value:
    g = g[..., None]
    if target.dtype.kind == "f":
        return g * (p * target.sum(axis=-1, keepdims=True) - target)
    return g * add_at(p, -1.0, places(target))


def places(target: Value) -> tuple[Value, ...]:
    """The index, into logits, of the class that the target names in each row."""
    return (*np.indices(target.shape, sparse=True), target)


@op(z=cross_entropy_z, keeps={"p": lambda z: softmax(z)}, fresh="z", whole=True, internal=True)
def cross_entropy(z: Value, target: Value) -> Value:
    """-log softmax(z)[target] along the last axis: one loss for each row of logits.

    z (..., C) are logits; target (...) holds class numbers from 0 to C-1, or target (..., C) is a
    distribution over the classes: then the loss is -sum(target * log softmax(z)).
    """
    check_target(z, target)
    y = shifted(z, -1)[0]
    e = np.exp(y)
    total = np.add.reduce(e, -1, keepdims=True)
    p = e / total
    if target.dtype.kind == "f":
        return -np.add.reduce(target * (y - np.log(total)), -1), p
    return np.log(total)[..., 0] - y[places(target)], p
