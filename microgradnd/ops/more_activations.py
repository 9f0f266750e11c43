"""Activation functions composed of others, under PyTorch's names and with its kinks."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.calling import IN_DTYPE, IN_PLACE
from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor, constant
from microgradnd.ops.activations import elu, hardtanh, softplus
from microgradnd.ops.elementwise import logaddexp, sigmoid, tanh, where
from microgradnd.ops.rearranging import chunk
from microgradnd.ops.softmax import softmax
from microgradnd.random import generator

F = "nn.functional."
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _zero(x: Tensor) -> np.ndarray:
    return np.zeros((), x.dtype)


@op(x=lambda g, x, alpha: np.where(x > 0, g, g * np.exp(np.minimum(x, 0.0) / alpha)),
    elementwise=True, fresh="x", extras=IN_PLACE, torch=F + "celu", activation=True)  # fmt: skip
def celu(x: Value, alpha: float = 1.0) -> Value:
    """x where x > 0, else α (exp(x/α) - 1): a continuous slope for every α."""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0.0) / alpha) * alpha)


@derived(extras=IN_PLACE, torch=F + "selu")
def selu(x: TensorLike) -> Tensor:
    """1.0507 x where x > 0, else 1.0507 · 1.6733 (exp(x) - 1): keeps mean 0 and variance 1.

    >>> selu(Tensor([1.0])).round(4)
    Tensor([1.0507])
    """
    return elu(as_tensor(x), SELU_ALPHA) * SELU_SCALE


@derived(extras=IN_PLACE, torch=F + "relu6", internal=True)
def relu6(x: TensorLike) -> Tensor:
    """max(0, min(x, 6)); slope 0 at its bounds.

    >>> relu6([-1.0, 7.0])
    Tensor([0., 6.])
    """
    return hardtanh(as_tensor(x), 0.0, 6.0)


@derived(extras=IN_PLACE, torch=F + "mish", internal=True)
def mish(x: TensorLike) -> Tensor:
    """x tanh(softplus(x)).

    >>> mish([0.0])
    Tensor([0.])
    """
    x = as_tensor(x)
    return x * tanh(softplus(x))


@derived(torch=F + "softsign", internal=True)
def softsign(x: TensorLike) -> Tensor:
    """x / (1 + |x|).

    >>> softsign([1.0])
    Tensor([0.5])
    """
    x = as_tensor(x)
    return x / (1 + abs(x))


@derived(extras=IN_PLACE, torch=F + "hardsigmoid", internal=True)
def hardsigmoid(x: TensorLike) -> Tensor:
    """x/6 + 1/2, held within 0 and 1.

    >>> hardsigmoid([0.0, 9.0])
    Tensor([0.5, 1. ])
    """
    return hardtanh(as_tensor(x) * (1 / 6) + 0.5, 0.0, 1.0)


@op(x=lambda g, x: np.where(np.abs(x) < 3, g * (x / 3 + 0.5), np.where(x > 0, g, 0.0)),
    elementwise=True, fresh="x", torch=F + "hardswish", internal=True, activation=True,
    extras=IN_PLACE)  # fmt: skip
def hardswish(x: Value) -> Value:
    """x hardsigmoid(x); slope 0 at -3, 1 at 3."""
    return x * np.clip(x * (1 / 6) + 0.5, 0.0, 1.0)


@derived(torch=F + "hardshrink")
def hardshrink(x: TensorLike, lambd: float = 0.5) -> Tensor:
    """x where |x| > λ, else 0.

    >>> hardshrink([0.2, 1.0])
    Tensor([0., 1.])
    """
    x = as_tensor(x)
    return where(abs(x.data) > lambd, x, _zero(x))


@derived(torch=F + "softshrink", internal=True)
def softshrink(x: TensorLike, lambd: float = 0.5) -> Tensor:
    """x, by λ nearer to 0; 0 where |x| ≤ λ.

    >>> softshrink([0.2, 1.0, -1.0])
    Tensor([ 0. ,  0.5, -0.5])
    """
    x = as_tensor(x)
    if lambd < 0:
        raise ValueError(f"softshrink: lambd must not be negative, got {lambd}")
    return where(abs(x.data) > lambd, x - np.clip(x.data, -lambd, lambd), _zero(x))


@derived(torch=F + "tanhshrink", internal=True)
def tanhshrink(x: TensorLike) -> Tensor:
    """x - tanh(x).

    >>> tanhshrink([0.0])
    Tensor([0.])
    """
    x = as_tensor(x)
    return x - tanh(x)


@derived(torch=F + "logsigmoid", internal=True)
def logsigmoid(x: TensorLike) -> Tensor:
    """ln σ(x), without the overflow of computing σ first.

    >>> logsigmoid([-1000.0])
    Tensor([-1000.])
    """
    x = as_tensor(x)
    return -logaddexp(_zero(x), -x)


@derived(extras=IN_PLACE, torch=F + "threshold")
def threshold(x: TensorLike, threshold: float, value: float) -> Tensor:
    """x where it exceeds the threshold, else the value.

    >>> threshold([0.1, 2.0], 0.5, -1.0)
    Tensor([-1.,  2.])
    """
    x = as_tensor(x)
    return where(x.data > threshold, x, np.asarray(value, x.dtype))


@derived(torch=F + "glu", internal=True)
def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """The first half of an axis, each element times σ of its fellow in the second half.

    >>> glu([2.0, 0.0])
    Tensor([1.])
    """
    x = as_tensor(x)
    if not x.ndim or x.shape[axis] % 2:
        raise ValueError(f"glu: axis {axis} of shape {x.shape} has no halves of one length")
    if not x.shape[axis]:
        return x
    a, b = chunk(x, 2, axis)
    return a * sigmoid(b)


@derived(extras=IN_DTYPE, torch=F + "softmin", internal=True)
def softmin(x: TensorLike, axis: int = -1) -> Tensor:
    """softmax(-x).

    >>> softmin([1.0, 1.0])
    Tensor([0.5, 0.5])
    """
    return softmax(-as_tensor(x), axis)


@derived(torch=F + "prelu", uncomplex="x weight")
def prelu(x: TensorLike, weight: TensorLike) -> Tensor:
    """x where x > 0, else weight · x; the weight is learned.

    Shapes: weight (1,) or (C,), one for each channel, axis 1 of x (N, C, ...).

    >>> prelu([-2.0, 1.0], [0.25])
    Tensor([-0.5,  1. ])
    """
    x, slope = as_tensor(x), as_tensor(weight)
    if slope.size != 1:
        channels = x.shape[1] if x.ndim > 1 else 1
        if slope.shape != (channels,):
            raise ValueError(
                f"prelu: a weight of shape {slope.shape} does not fit {channels} channels (axis 1 "
                f"of {x.shape}); it has one element, or one for each channel"
            )
        slope = slope.reshape((channels, *(1,) * (x.ndim - 2)))
    return where(x.data > 0, x, x * slope)


@derived(extras=IN_PLACE, torch=F + "rrelu")
def rrelu(
    x: TensorLike, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False,
    *, rng: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """x where x > 0, else x times a slope: drawn from [lower, upper] in training, else its mean.

    >>> rrelu([-2.0], 0.5, 0.5, training=True)
    Tensor([-1.])
    """
    x = as_tensor(x)
    if not lower <= upper:
        raise ValueError(f"rrelu: lower={lower} must not exceed upper={upper}")
    slope: Any = (lower + upper) / 2
    if training:
        slope = constant(generator(rng).uniform(lower, upper, x.shape).astype(x.dtype))
    return where(x.data > 0, x, x * slope)


@derived(torch=F + "gumbel_softmax", internal=True)
def gumbel_softmax(
    logits: TensorLike, tau: float = 1.0, hard: bool = False, axis: int = -1,
    *, rng: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """softmax((logits + Gumbel noise) / τ): a draw from a categorical distribution with a slope.

    Args:
        tau: the smaller, the nearer to a draw.
        hard: gives a draw, 0 and 1, whose gradient is that of the soft one.

    >>> gumbel_softmax([[0.0, 100.0]], hard=True)
    Tensor([[0., 1.]])
    """
    x = as_tensor(logits)
    noise = -np.log(generator(rng).exponential(size=x.shape)).astype(x.dtype)
    soft = softmax((x + noise) / tau, axis)
    if not hard:
        return soft
    chosen = soft.data.argmax(axis, keepdims=True)
    draw = np.zeros(x.shape, x.dtype)
    np.put_along_axis(draw, chosen, 1, axis)
    return soft + (draw - soft.data)
