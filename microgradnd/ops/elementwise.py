"""Elementwise operations: arithmetic, powers, exponentials, activations, choices.

Kinks are settled here, each tested: |x|'(0) = 0, relu'(0) = 0, hypot'(0, 0) = 0, ties of maximum
and minimum go half-half, clip has slope 1 at its bounds, and sqrt'(0) = inf. To keep that infinity
out of a gradient choose twice, before and after: `where(x > 0, sqrt(where(x > 0, x, 1)), 0)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.declaration import op
from microgradnd.engine import Tensor
from microgradnd.hotpath import binary, unary
from microgradnd.signatures import Choosing, Clipping, Leaky, Rounding

Value = Any  # an array, or a Tensor when the walk itself is recorded


def where_larger(g: Value, x: Value, y: Value) -> Value:
    """The gradient where x > y, half of it where they tie, else 0."""
    return np.where(x > y, g, np.where(x == y, g * 0.5, 0.0))


def power_x(g: Value, x: Value, y: Value) -> Value:
    if isinstance(y, (int, float)):
        if y == 2:
            return g * (x * 2)
        return g * (x ** (y - 1) * y) if y else g * 0.0
    return g * (y * x ** np.where(y == 0, 1, y - 1))


def power_y(g: Value, x: Value, out: Value) -> Value:
    return g * (out * np.log(np.where(x == 0, 1, x)))


def floating(x: Value) -> np.ndarray:
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def sigmoid_forward(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)). exp is held below its overflow, where the result is 0 all the same."""
    x = floating(x)
    return 1 / (1 + np.exp(np.minimum(-x, np.log(np.finfo(x.dtype).max))))


def relu_forward(x: np.ndarray) -> np.ndarray:
    """max(0, x)."""
    return np.maximum(x, 0)


def leaky_relu_forward(x: np.ndarray, slope: float = 0.01) -> np.ndarray:
    """x where x > 0, else slope * x."""
    return np.where(np.greater(x, 0), x, np.multiply(x, slope))


def where_forward(condition: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x where the condition holds, else y."""
    return np.where(condition, x, y)


def clip_forward(
    x: np.ndarray, min: float | np.ndarray | None = None, max: float | np.ndarray | None = None
) -> np.ndarray:
    """x, held within [min, max]; None leaves a side open."""
    # np.asarray raises for a bound that requires a gradient: it would silently get none.
    min, max = (np.asarray(b) if isinstance(b, Tensor) else b for b in (min, max))
    return np.clip(x, min, max)


def clip_x(g: Value, x: Value, min: Any, max: Any) -> Value:
    inside = x == x if min is None else x >= min
    return np.where(inside if max is None else inside & (x <= max), g, 0.0)


def round_forward(x: np.ndarray, decimals: int = 0) -> np.ndarray:
    """Rounded to a number of decimals, halves to even. Its slope is 0."""
    return np.round(x, decimals)


# fmt: off
add      = binary(op(np.add,      "x y", x=lambda g: g,          y=lambda g: g))
subtract = binary(op(np.subtract, "x y", x=lambda g: g,          y=lambda g: -g))
multiply = binary(op(np.multiply, "x y", x=lambda g, y: g * y,   y=lambda g, x: g * x))
divide   = binary(op(np.divide,   "x y", x=lambda g, y: g / y,   y=lambda g, y, out: -g * out / y))
power    = binary(op(np.power,    "x y", x=power_x,              y=power_y))
maximum  = binary(op(np.maximum,  "x y", x=where_larger,
                                         y=lambda g, x, y: where_larger(g, y, x)))
minimum  = binary(op(np.minimum,  "x y", x=lambda g, x, y: where_larger(g, y, x),
                                         y=where_larger))
arctan2  = binary(op(np.arctan2,  "x y", x=lambda g, x, y: g * y / (x * x + y * y),
                                         y=lambda g, x, y: -g * x / (x * x + y * y)))
hypot    = binary(op(np.hypot,    "x y", x=lambda g, x, out: g * x / np.where(out == 0, 1, out),
                                         y=lambda g, y, out: g * y / np.where(out == 0, 1, out)))
logaddexp = binary(op(np.logaddexp, "x y", x=lambda g, x, out: g * np.exp(x - out),
                                           y=lambda g, y, out: g * np.exp(y - out)))

negative   = unary(op(np.negative,   "x", x=lambda g: -g))
positive   = unary(op(np.positive,   "x", x=lambda g: g))
abs        = unary(op(np.absolute,   "x", name="abs", x=lambda g, x: g * np.sign(x)))
square     = unary(op(np.square,     "x", x=lambda g, x: g * (x * 2)))
sqrt       = unary(op(np.sqrt,       "x", x=lambda g, out: g * 0.5 / out))
reciprocal = unary(op(np.reciprocal, "x", x=lambda g, out: -g * out * out))
exp        = unary(op(np.exp,        "x", x=lambda g, out: g * out))
exp2       = unary(op(np.exp2,       "x", x=lambda g, out: g * out * float(np.log(2))))
expm1      = unary(op(np.expm1,      "x", x=lambda g, out: g * (out + 1)))
log        = unary(op(np.log,        "x", x=lambda g, x: g / x))
log2       = unary(op(np.log2,       "x", x=lambda g, x: g / (x * float(np.log(2)))))
log10      = unary(op(np.log10,      "x", x=lambda g, x: g / (x * float(np.log(10)))))
log1p      = unary(op(np.log1p,      "x", x=lambda g, x: g / (x + 1)))
sin        = unary(op(np.sin,        "x", x=lambda g, x: g * np.cos(x)))
cos        = unary(op(np.cos,        "x", x=lambda g, x: -g * np.sin(x)))
tan        = unary(op(np.tan,        "x", x=lambda g, out: g * (1 + out * out)))
arcsin     = unary(op(np.arcsin,     "x", x=lambda g, x: g / np.sqrt(1 - x * x)))
arccos     = unary(op(np.arccos,     "x", x=lambda g, x: -g / np.sqrt(1 - x * x)))
arctan     = unary(op(np.arctan,     "x", x=lambda g, x: g / (1 + x * x)))
sinh       = unary(op(np.sinh,       "x", x=lambda g, x: g * np.cosh(x)))
cosh       = unary(op(np.cosh,       "x", x=lambda g, x: g * np.sinh(x)))
tanh       = unary(op(np.tanh,       "x", x=lambda g, out: g - g * out * out))
arcsinh    = unary(op(np.arcsinh,    "x", x=lambda g, x: g / np.sqrt(x * x + 1)))
arccosh    = unary(op(np.arccosh,    "x", x=lambda g, x: g / np.sqrt(x * x - 1)))
arctanh    = unary(op(np.arctanh,    "x", x=lambda g, x: g / (1 - x * x)))
sigmoid    = unary(op(sigmoid_forward, "x", name="sigmoid", x=lambda g, out: g * (out * (1 - out))))
relu       = unary(op(relu_forward,  "x", name="relu", x=lambda g, out: g * (out > 0)))

sign       = unary(op(np.sign,       "x", x=lambda g: g * 0.0))
floor      = unary(op(np.floor,      "x", x=lambda g: g * 0.0))
ceil       = unary(op(np.ceil,       "x", x=lambda g: g * 0.0))
round: Rounding   = op(round_forward, "x", name="round", x=lambda g: g * 0.0)
leaky_relu: Leaky = op(leaky_relu_forward, "x", name="leaky_relu",
                       x=lambda g, x, slope: np.where(x > 0, g, g * slope))
clip: Clipping    = op(clip_forward, "x", name="clip", x=clip_x)
where: Choosing   = op(where_forward, "condition x y", name="where",
                       x=lambda g, condition: np.where(condition, g, 0.0),
                       y=lambda g, condition: np.where(condition, 0.0, g))
# fmt: on
