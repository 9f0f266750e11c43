"""Activation functions beside those of `elementwise`: each with its formula and its saturation.

Kinks: hardtanh has slope 0 at its bounds (where clip has 1), elu has slope alpha at 0, step has
slope 0 everywhere.
"""

from __future__ import annotations

import math

import numpy as np

from microgradnd.calling import IN_PLACE
from microgradnd.declaration import Value, op
from microgradnd.kernels.special import floating
from microgradnd.ops.elementwise import sigmoid
from microgradnd.ops.special import erf

ROOT_TWO_OVER_PI = math.sqrt(2 / math.pi)


@op(x=lambda g: g * 0.0, elementwise=True, torch="nn.functional.step", scalar="+(x >= 0)",
    activation=True, flat=True)  # fmt: skip
def step(x: Value) -> Value:
    """1 where x >= 0, else 0 (eq. 5-23). Its slope is 0: nothing is learned through it."""
    return np.heaviside(floating(x), 1)


@op(x=lambda g, x, out, c, sigma: g * (out * (c - x) / sigma / sigma), elementwise=True, fresh="x",
    torch="nn.functional.gaussian", activation=True)  # fmt: skip
def gaussian(x: Value, c: float = 0.0, sigma: float = 1.0) -> Value:
    """exp(-½ ((x - c)/σ)²) (eq. 5-26); saturates at 0 on both sides, a few σ from c."""
    z = (x - c) / sigma
    return np.exp(-0.5 * z * z)


def silu_x(g: Value, x: Value) -> Value:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


@op(x=silu_x, fresh="x", elementwise=True, extras=IN_PLACE, torch="nn.functional.silu",
    scalar="x / (1 + exp(-x))", activation=True)  # fmt: skip
def silu(x: Value) -> Value:
    """x σ(x), also called swish; saturates at 0 for x → -∞."""
    x = floating(x)
    e = np.exp(-np.abs(x))  # (x σ(x) with an exponential that overflows would be inf · 0)
    return x * (np.where(x >= 0, 1.0, e) / (1 + e))


@op(x=lambda g, x, beta, threshold: np.where(x * beta > threshold, g, g * sigmoid(x * beta)),
    elementwise=True, fresh="x", torch="nn.functional.softplus", activation=True)  # fmt: skip
def softplus(x: Value, beta: float = 1.0, threshold: float = 20.0) -> Value:
    """log(1 + exp(βx))/β, and x itself where βx > threshold; saturates at 0 for x → -∞."""
    return np.where(np.multiply(x, beta) > threshold, x, np.logaddexp(0, x * beta) / beta)


@op(x=lambda g, x, alpha: g * np.where(x > 0, 1.0, np.exp(np.where(x > 0, 0.0, x)) * alpha),
    elementwise=True, fresh="x", torch="nn.functional.elu", activation=True,
    extras=IN_PLACE)  # fmt: skip
def elu(x: Value, alpha: float = 1.0) -> Value:
    """x where x > 0, else α (exp(x) - 1); saturates at -α for x → -∞."""
    return np.where(np.greater(x, 0), x, np.expm1(np.minimum(x, 0)) * alpha)


def gate(x: Value, approximate: str) -> Value:
    if approximate == "tanh":
        return (np.tanh(x * (x * x * 0.044715 + 1) * ROOT_TWO_OVER_PI) + 1) * 0.5
    if approximate != "none":
        raise ValueError(f"gelu: approximate={approximate!r}; choose 'none' or 'tanh'")
    return (erf(x * math.sqrt(0.5)) + 1) * 0.5


def gelu_x(g: Value, x: Value, approximate: str) -> Value:
    p = gate(x, approximate)
    if approximate == "tanh":
        slope = p * (1 - p) * (x * x * (3 * 0.044715) + 1) * (2 * ROOT_TWO_OVER_PI)
    else:
        slope = np.exp(x * x * -0.5) * (0.5 * ROOT_TWO_OVER_PI)
    return g * (p + x * slope)


@op(x=gelu_x, fresh="x", elementwise=True, torch="nn.functional.gelu", activation=True)
def gelu(x: Value, approximate: str = "none") -> Value:
    """x Φ(x), Φ the normal distribution; saturates at 0 for x → -∞.

    Φ(x) = (1 + erf(x/√2))/2, or with approximate="tanh", (1 + tanh(√(2/π) (x + 0.044715 x³)))/2.
    """
    return x * gate(x, approximate)


@op(x=lambda g, x, min_val, max_val: g * ((x > min_val) & (x < max_val)), elementwise=True,
    fresh="x", extras=IN_PLACE, torch="nn.functional.hardtanh", activation=True)  # fmt: skip
def hardtanh(x: Value, min_val: float = -1.0, max_val: float = 1.0) -> Value:
    """x, held within [min_val, max_val], where it saturates."""
    if min_val >= max_val:
        raise ValueError(f"hardtanh: min_val={min_val!r} must be less than max_val={max_val!r}")
    return np.clip(x, min_val, max_val)
