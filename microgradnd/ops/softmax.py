"""Softmax and its relatives, computed without overflow by shifting with the largest element."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.calling import IN_DTYPE
from microgradnd.declaration import Axis, Value, op
from microgradnd.ops.indexing import add_at
from microgradnd.ops.reduction import HALF, Flag, axes_of, kept, single, sum


def largest(x: Value, axis: Axis) -> Value:
    """The largest element along axis, which is kept; 0 where there is none."""
    ufunc: Any = np.maximum if x.size else np.add
    return ufunc.reduce(x, axis, None, None, True)  # (by position: naming keepdims takes time)


@op(x=lambda g, out, axis: out * (g - sum(g * out, axis, True)), fresh="x",
    method=True, torch="nn.functional.softmax", activation=True, extras=IN_DTYPE)  # fmt: skip
def softmax(x: Value, axis: int = -1) -> Value:
    """exp(x) / sum(exp(x)) along an axis (eq. 5-30, with the sign of its own code)."""
    if x.dtype is HALF:
        return single(softmax, x, axis)
    e = np.exp(x - largest(x, axis))
    e /= np.add.reduce(e, axis, None, None, True)  # type: ignore[call-overload]
    return e


@op(x=lambda g, out, axis: g - np.exp(out) * sum(g, axis, True), fresh="x",
    method=True, torch="nn.functional.log_softmax", activation=True, extras=IN_DTYPE)  # fmt: skip
def log_softmax(x: Value, axis: int = -1) -> Value:
    """log(softmax(x)) along an axis."""
    if x.dtype is HALF:
        return single(log_softmax, x, axis)
    z = x - largest(x, axis)
    return z - np.log(np.add.reduce(np.exp(z), axis, keepdims=True))


def logsumexp_x(g: Value, x: Value, out: Value, axis: Axis) -> Value:
    level = kept(out, x.shape, axis)
    return kept(g, x.shape, axis) * np.exp(x - np.where(level == -np.inf, 0.0, level))


@op(x=logsumexp_x, fresh="x", method=True)
def logsumexp(x: Value, axis: Axis = None, keepdims: Flag = False) -> Value:
    """log(sum(exp(x))) over the axes."""
    if x.dtype is HALF:
        return single(logsumexp, x, axis, keepdims)
    top = largest(x, axis)
    top = np.where(np.isfinite(top), top, 0.0)  # an infinite one comes out of exp and log again
    total = np.add.reduce(np.exp(x - top), axis, keepdims=keepdims)
    with np.errstate(divide="ignore"):  # the logarithm of an empty sum of weights is -inf
        return np.log(total) + (top if keepdims else np.squeeze(top, axes_of(x.shape, axis)))


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
        return g * (p * sum(target, -1, True) - target)
    return g * add_at(p, -1.0, places(target))


def places(target: Value) -> tuple[Value, ...]:
    """The index, into logits, of the class that the target names in each row."""
    return (*np.indices(target.shape, sparse=True), target)


def cross_entropy_program(z: Value, target: Value) -> Value:
    y = log_softmax(z)
    return -sum(target * y, -1) if target.dtype.kind == "f" else -y[places(target)]


@op(z=cross_entropy_z, target=lambda g, z: -g[..., None] * log_softmax(z), fresh="z target",
    keeps={"p": lambda z: softmax(z)}, whole=True, internal=True, batch="leading",
    opened=cross_entropy_program)  # fmt: skip
def cross_entropy(z: Value, target: Value) -> Value:
    """-log softmax(z)[target] along the last axis: one loss for each row of logits.

    z (..., C) are logits; target (...) holds class numbers from 0 to C-1, or target (..., C) is a
    distribution over the classes: then the loss is -sum(target * log softmax(z)).
    """
    check_target(z, target)
    y = z - largest(z, -1)
    e = np.exp(y)
    total = np.add.reduce(e, -1, keepdims=True)
    p = e / total
    if target.dtype.kind == "f":
        return -np.add.reduce(target * (y - np.log(total)), -1), p
    return np.log(total)[..., 0] - y[places(target)], p
