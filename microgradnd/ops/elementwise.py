"""Elementwise operations: arithmetic, powers, exponentials, comparisons, choices.

Kinks are settled here, each tested: |x|'(0) = 0, relu'(0) = 0, hypot'(0, 0) = 0, ties of maximum
and minimum go half-half, clip has slope 1 at its bounds, and sqrt'(0) = cbrt'(0) = inf. To keep
that infinity out of a gradient choose twice: `where(x > 0, sqrt(where(x > 0, x, 1)), 0)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd.arguments import NUMBER, one_of, optional, real, require
from microgradnd.calling import IN_PLACE
from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.kernels.special import logistic
from microgradnd.plan import conjugated


def where_larger(g: Value, x: Value, y: Value) -> Value:
    """The gradient where x > y, half of it where they tie, else 0."""
    return np.where(x > y, g, np.where(x == y, g * 0.5, 0.0))


def where_wins(g: Value, wins: Value, x: Value, y: Value) -> Value:
    """The gradient where x wins or y is a NaN and x none, half of it where they tie, else 0."""
    return np.where(wins | ((y != y) & (x == x)), g, np.where(x == y, g * 0.5, 0.0))


def sinc_x(g: Value, x: Value) -> Value:
    far = np.abs(x) > 0.03  # nearer to 0 the quotient cancels, and its own slope at 0 is lost
    z = np.where(far, x, 1.0)
    square = (x * x) * np.pi**2
    series = x * (square * (0.1 - square / 280) - 1) * (np.pi**2 / 3)
    return g * np.where(far, (np.cos(z * np.pi) - np.sinc(z)) / z, series)


def xlogy_x(g: Value, x: Value, y: Value) -> Value:
    nothing = (x == 0) & (y <= 0)
    return np.where(nothing, 0.0, g * np.log(np.where(nothing, 1.0, y)))


def power_x(g: Value, x: Value, y: Value) -> Value:
    if type(y) in (int, float):
        if y == 2:
            return g * (x * 2)
        return g * (x ** (y - 1) * y) if y else g * 0.0
    return g * (y * x ** np.where(y == 0, 1, y - 1))


def power_y(g: Value, x: Value, out: Value) -> Value:
    if type(x) in (int, float):
        return g * (out * (math.log(x) if x > 0 else 0.0 if x == 0 else math.nan))
    return g * (out * np.log(np.where(x == 0, 1, x)))


@conjugated
def complex_power_y(g: Value, x: Value, out: Value) -> Value:
    return g * (out * np.log(np.where(x == 0, 1, x) + 0j))


def complex_sign_x(g: Value, x: Value, out: Value) -> Value:
    """Of x / |x|: what of g is at right angles to it, in the plane of complex numbers."""
    size = np.where(x == 0, 1.0, np.abs(x))
    return np.where(x == 0, 0.0, (g - out * np.real(g * np.conjugate(out))) / size)


def scaled(call: Callable, x: Any, y: Any, alpha: float) -> Any:
    """With alpha times the second operand."""
    require("add and subtract", "alpha", alpha, NUMBER)
    return call(x, y if alpha == 1 else multiply(y, alpha))


def rounded_quotient(call: Callable, x: Any, y: Any, rounding_mode: str | None) -> Any:
    """The quotient, rounded to whole numbers: down by "floor", towards 0 by "trunc"."""
    require("divide", "rounding_mode", rounding_mode, optional(one_of("floor", "trunc")))
    if rounding_mode is None:
        return call(x, y)
    if rounding_mode == "floor":
        return floor_divide(x, y)
    out = trunc(call(x, y))
    dtype = np.result_type(*(getattr(v, "dtype", v) for v in (x, y)))
    return out.astype(dtype) if dtype.kind in "iu" else out


# fmt: off
add      = op(np.add,      "x y", x=lambda g: g,          y=lambda g: g,
              operator="add", linear="x+y", infix=("+", 4), notation="plus", scalar="x + y",
              method=True, extras={"alpha": scaled})
subtract = op(np.subtract, "x y", x=lambda g: g,          y=lambda g: -g,
              operator="sub", linear="x+y", infix=("-", 4), notation="minus",
              scalar="x - y", torch="sub",
              method=True, extras={"alpha": scaled})
multiply = op(np.multiply, "x y", x=lambda g, y: g * y,   y=lambda g, x: g * x,
              operator="mul", method=True, linear="x y", infix=("*", 5), notation="product",
              scalar="x * y", torch="mul", holomorphic=True)
divide   = op(np.divide,   "x y", x=lambda g, y: g / y,   y=lambda g, y, out: -g * out / y,
              operator="truediv", method=True, linear="x", infix=("/", 5), notation="product",
              scalar="x / y", torch="div true_divide", singular="y", holomorphic=True,
              extras={"rounding_mode": rounded_quotient})
power    = op(np.power,    "x y", x=power_x,              y=power_y,
              operator="pow", method="pow", infix=("**", 7), notation="power",
              scalar="x ** y", torch="pow", singular="x", holomorphic=True,
              complex={"y": complex_power_y})
maximum  = op(np.maximum,  "x y", x=where_larger,         y=lambda g, x, y: where_larger(g, y, x),
              method=True, sign="max", scalar="max(x, y)")
minimum  = op(np.minimum,  "x y", x=lambda g, x, y: where_larger(g, y, x), y=where_larger,
              method=True, sign="min", scalar="min(x, y)")
arctan2  = op(np.arctan2,  "x y", x=lambda g, x, y: g * y / (x * x + y * y),
                                  y=lambda g, x, y: -g * x / (x * x + y * y),
              method=True, scalar="atan2(x, y)", torch="atan2")
hypot    = op(np.hypot,    "x y", x=lambda g, x, out: g * x / np.where(out == 0, 1, out),
                                  y=lambda g, y, out: g * y / np.where(out == 0, 1, out),
              method=True, scalar="hypot(x, y)")
logaddexp = op(np.logaddexp, "x y", x=lambda g, x, out: g * np.exp(x - out),
                                    y=lambda g, y, out: g * np.exp(y - out), method=True)
logaddexp2 = op(np.logaddexp2, "x y", x=lambda g, x, out: g * np.exp2(x - out),
                                      y=lambda g, y, out: g * np.exp2(y - out), method=True)
fmax     = op(np.fmax, "x y", x=lambda g, x, y: where_wins(g, x > y, x, y),
                              y=lambda g, x, y: where_wins(g, y > x, y, x), method=True)
fmin     = op(np.fmin, "x y", x=lambda g, x, y: where_wins(g, x < y, x, y),
                              y=lambda g, x, y: where_wins(g, y < x, y, x), method=True)
remainder = op(np.remainder, "x y", x=lambda g: g, y=lambda g, x, y: -g * np.floor(x / y),
               operator="mod", infix=("%", 5), method=True, singular="y")
fmod     = op(np.fmod, "x y", x=lambda g: g, y=lambda g, x, y: -g * np.trunc(x / y),
              method=True, singular="y")
floor_divide = op(np.floor_divide, "x y", x=lambda g: g * 0.0, y=lambda g: g * 0.0,
                  operator="floordiv", infix=("//", 5), method=True, flat=True, singular="y")
float_power = op(np.float_power, "x y", x=power_x, y=power_y, method=True, singular="x",
                 holomorphic=True, complex={"y": complex_power_y})
copysign = op(np.copysign, "x y", x=lambda g, x, out: g * (np.sign(x) * np.sign(out)),
              y=lambda g: g * 0.0, method=True)
heaviside = op(np.heaviside, "x y", x=lambda g: g * 0.0, y=lambda g, x: np.where(x == 0, g, 0.0),
               method=True)
ldexp    = op(np.ldexp, "x i", x=lambda g, i: np.ldexp(g, i), fixed="i", linear="x", method=True,
              complex=False)

negative   = op(np.negative,   "x", x=lambda g: -g, method=(True, "__neg__"), linear="x",
                infix=("-", 6), notation="product", scalar="-x", torch="neg")
positive   = op(np.positive,   "x", x=lambda g: g,
                method=(True, "__pos__"), linear="x", infix=("+", 6), scalar="x", torch="clone",
                numpy=(np.positive, np.copy))
abs        = op(np.absolute,   "x", name="abs", x=lambda g, x: g * np.sign(x),
                method=(True, "__abs__"), torch="absolute", notation="magnitude", scalar="abs(x)",
                complex=True)
square     = op(np.square,     "x", x=lambda g, x: g * (x * 2),
                method=True, notation="square", scalar="x * x", holomorphic=True)
sqrt       = op(np.sqrt,       "x", x=lambda g, out: g * 0.5 / out,
                method=True, notation="root", scalar="sqrt(x)", singular="x", holomorphic=True)
cbrt       = op(np.cbrt,       "x", x=lambda g, out: g / (out * out * 3),
                method=True, scalar="cbrt(x)", singular="x")
fabs       = op(np.fabs,       "x", x=lambda g, x: g * np.sign(x), scalar="abs(x)")
deg2rad    = op(np.deg2rad,    "x", x=lambda g: g * float(np.pi / 180), complex=False,
                numpy=(np.deg2rad, np.radians), linear="x", method=True)
rad2deg    = op(np.rad2deg,    "x", x=lambda g: g * float(180 / np.pi), complex=False,
                numpy=(np.rad2deg, np.degrees), linear="x", method=True)
reciprocal = op(np.reciprocal, "x", x=lambda g, out: -g * out * out,
                method=True, notation="reciprocal", scalar="1 / x", singular="x", holomorphic=True)
exp        = op(np.exp,        "x", x=lambda g, out: g * out, method=True, scalar="exp(x)",
                holomorphic=True)
exp2       = op(np.exp2,       "x", x=lambda g, out: g * out * float(np.log(2)), method=True,
                holomorphic=True)
expm1      = op(np.expm1,      "x", x=lambda g, out: g * (out + 1), method=True, scalar="expm1(x)",
                holomorphic=True)
log        = op(np.log,        "x", x=lambda g, x: g / x, method=True, sign="ln", scalar="log(x)",
                singular="x", holomorphic=True)
log2       = op(np.log2,       "x", x=lambda g, x: g / (x * float(np.log(2))),
                method=True, scalar="log2(x)", holomorphic=True)
log10      = op(np.log10,      "x", x=lambda g, x: g / (x * float(np.log(10))),
                method=True, scalar="log10(x)", holomorphic=True)
log1p      = op(np.log1p,      "x", x=lambda g, x: g / (x + 1),
                method=True, sign="ln1p", scalar="log1p(x)", holomorphic=True)
sin        = op(np.sin,        "x", x=lambda g, x: g * np.cos(x), method=True, scalar="sin(x)",
                activation=True, holomorphic=True)
cos        = op(np.cos,        "x", x=lambda g, x: -g * np.sin(x), method=True, scalar="cos(x)",
                holomorphic=True)
tan        = op(np.tan,        "x", x=lambda g, out: g * (1 + out * out),
                method=True, scalar="tan(x)", holomorphic=True)
arcsin     = op(np.arcsin,     "x", x=lambda g, x: g / np.sqrt(1 - x * x),
                method=True, scalar="asin(x)", torch="asin", holomorphic=True)
arccos     = op(np.arccos,     "x", x=lambda g, x: -g / np.sqrt(1 - x * x),
                method=True, scalar="acos(x)", torch="acos", holomorphic=True)
arctan     = op(np.arctan,     "x", x=lambda g, x: g / (1 + x * x),
                method=True, scalar="atan(x)", torch="atan", holomorphic=True)
sinh       = op(np.sinh,       "x", x=lambda g, x: g * np.cosh(x), method=True, scalar="sinh(x)",
                holomorphic=True)
cosh       = op(np.cosh,       "x", x=lambda g, x: g * np.sinh(x), method=True, scalar="cosh(x)",
                holomorphic=True)
tanh       = op(np.tanh,       "x", x=lambda g, out: g - g * out * out,
                method=True, scalar="tanh(x)",
                torch="nn.functional.tanh", activation=True, saturates=(-1.0, 1.0),
                holomorphic=True)
arcsinh    = op(np.arcsinh,    "x", x=lambda g, x: g / np.sqrt(x * x + 1),
                method=True, scalar="asinh(x)", torch="asinh", holomorphic=True)
arccosh    = op(np.arccosh,    "x", x=lambda g, x: g / np.sqrt(x * x - 1),
                method=True, scalar="acosh(x)", torch="acosh",
                complex={"x": conjugated(lambda g, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)))})
arctanh    = op(np.arctanh,    "x", x=lambda g, x: g / (1 - x * x),
                method=True, scalar="atanh(x)", torch="atanh", holomorphic=True)

sign       = op(np.sign,       "x", x=lambda g: g * 0.0, method=True, scalar="sign(x)", flat=True,
                complex={"x": complex_sign_x})
floor      = op(np.floor,      "x", x=lambda g: g * 0.0, method=True, scalar="floor(x)", flat=True)
trunc      = op(np.trunc,      "x", x=lambda g: g * 0.0, method=True, scalar="trunc(x)", flat=True,
                torch="fix", numpy=(np.trunc, np.fix))
rint       = op(np.rint,       "x", x=lambda g: g * 0.0, flat=True)
ceil       = op(np.ceil,       "x", x=lambda g: g * 0.0, method=True, scalar="ceil(x)", flat=True)

# No gradient by nature: the results are truths (or integers).
less          = op(np.less,          "x y", discrete=True, method=(True, "__lt__"),
                   infix=("<", 0), notation="statement", sign="<", scalar="+(x < y)", torch="lt")
less_equal    = op(np.less_equal,    "x y", discrete=True, method=(True, "__le__"), infix=("<=", 0),
                   notation="statement", sign="≤", scalar="+(x <= y)", torch="le")
greater       = op(np.greater,       "x y", discrete=True, method=(True, "__gt__"),
                   infix=(">", 0), notation="statement", sign=">", scalar="+(x > y)", torch="gt")
greater_equal = op(np.greater_equal, "x y", discrete=True, method=(True, "__ge__"), infix=(">=", 0),
                   notation="statement", sign="≥", scalar="+(x >= y)", torch="ge")
equal         = op(np.equal,         "x y", discrete=True, method=("eq", "__eq__"), infix=("==", 0),
                   notation="statement", sign="=", scalar="+(x == y)", torch="eq")
not_equal     = op(np.not_equal,     "x y", discrete=True, method=(True, "__ne__"), infix=("!=", 0),
                   notation="statement", sign="≠", scalar="+(x != y)", torch="ne")
bitwise_and   = op(np.bitwise_and,   "x y", discrete=True, method=True, operator="and",
                   infix=("&", 3), notation="statement", sign="∧", scalar="x & y")
bitwise_or    = op(np.bitwise_or,    "x y", discrete=True, method=True, operator="or",
                   infix=("|", 1), notation="statement", sign="∨", scalar="x | y")
bitwise_xor   = op(np.bitwise_xor,   "x y", discrete=True, method=True, operator="xor",
                   infix=("^", 2), scalar="x ^ y")
bitwise_left_shift  = op(np.left_shift,  "x i", name="bitwise_left_shift", discrete=True,
                         operator="lshift", infix=("<<", 3), numpy=np.left_shift)
bitwise_right_shift = op(np.right_shift, "x i", name="bitwise_right_shift", discrete=True,
                         operator="rshift", infix=(">>", 3), numpy=np.right_shift)
invert        = op(np.invert,        "x",   discrete=True,
                   method=(True, "__invert__"), torch="bitwise_not", infix=("~", 6),
                   notation="not", scalar="+!x")
logical_and   = op(np.logical_and,   "x y", discrete=True,
                   method=True, notation="statement", sign="∧", scalar="+(x && y)")
logical_or    = op(np.logical_or,    "x y", discrete=True,
                   method=True, notation="statement", sign="∨", scalar="+(x || y)")
logical_xor   = op(np.logical_xor,   "x y", discrete=True, method=True, scalar="+(!x != !y)")
logical_not   = op(np.logical_not,   "x",   discrete=True, method=True, scalar="+!x")
isnan         = op(np.isnan,         "x",   discrete=True, method=True, scalar="+isNaN(x)")
isinf         = op(np.isinf,         "x",   discrete=True, method=True)
isfinite      = op(np.isfinite,      "x",   discrete=True, method=True, scalar="+isFinite(x)")
signbit       = op(np.signbit,       "x",   discrete=True, method=True)
# fmt: on


@op(x=lambda g, out: g * (out * (1 - out)), elementwise=True, method=True, sign="σ",
    scalar="1 / (1 + exp(-x))", torch="nn.functional.sigmoid",
    activation=True, saturates=(0.0, 1.0))  # fmt: skip
def sigmoid(x: Value) -> Value:
    """1 / (1 + exp(-x))."""
    return logistic(x)


@op(x=lambda g, out: g * (out > 0), elementwise=True, method=True, scalar="max(x, 0)",
    sign="ReLU", program="np.maximum({x}, 0)", torch="nn.functional.relu", extras=IN_PLACE,
    activation=True, saturates=(0.0, None))  # fmt: skip
def relu(x: Value) -> Value:
    """max(0, x)."""
    return np.maximum(x, 0)


@op(
    x=lambda g, x, slope: np.where(x > 0, g, g * slope),
    elementwise=True,
    method=True,
    activation=True,
)
def leaky_relu(x: Value, slope: float = 0.01) -> Value:
    """x where x > 0, else slope * x."""
    if 0 < slope <= 1:  # in half of the time
        return np.maximum(x, np.multiply(x, slope))
    return np.where(np.greater(x, 0), x, np.multiply(x, slope))


@op(x=lambda g, condition: np.where(condition, g, 0.0),
    y=lambda g, condition: np.where(condition, 0.0, g),
    elementwise=True, linear="x+y", fresh="x y", numpy=np.where, whole=True,
    notation="cases", scalar="condition ? x : y", truths="condition")  # fmt: skip
def where(condition: Value, x: Value, y: Value) -> Value:
    """x where the condition holds, else y."""
    return np.where(condition, x, y)


def clip_x(g: Value, x: Value, min: Value | None, max: Value | None) -> Value:
    inside = x == x if min is None else x >= min
    return np.where(inside if max is None else inside & (x <= max), g, 0.0)


def clip_min(g: Value, x: Value, min: Value, max: Value | None) -> Value:
    below = x < min
    return np.where(below if max is None else below & (min <= max), g, 0.0)


def clip_max(g: Value, x: Value, min: Value | None, max: Value) -> Value:
    return np.where((x > max) if min is None else (x > max) | (min > max), g, 0.0)


@op(x=clip_x, min=clip_min, max=clip_max, fresh="x min max", elementwise=True, numpy=np.clip,
    method=True, torch="clamp", whole=True, program="np.clip({x}, {min}, {max})",
    scalar="min(max(x, min), max)")  # fmt: skip
def clip(x: Value, min: Value | None = None, max: Value | None = None) -> Value:
    """x, held within [min, max]; None leaves a side open, and max wins where they cross.

    A bound gets the gradient where it is the result; at a bound x has slope 1.

    >>> clip(Tensor([-2.0, 0.5, 2.0]), -1.0, 1.0)
    Tensor([-1. ,  0.5,  1. ])
    """
    return np.clip(x, min, max)


@op(
    x=lambda g: g * 0.0,
    elementwise=True,
    method=(True, "__round__"),
    numpy=(np.round, np.around),
    flat=True,
    complex=True,
)
def round(x: Value, decimals: int = 0) -> Value:
    """Rounded to a number of decimals, halves to even. Its slope is 0."""
    return np.round(x, decimals)


@op(x=lambda g, out: g * (out * out * out * -0.5), elementwise=True, method=True, whole=True,
    scalar="1 / sqrt(x)", singular="x", holomorphic=True)  # fmt: skip
def rsqrt(x: Value) -> Value:
    """1 / √x."""
    return 1 / np.sqrt(x)


@op(x=sinc_x, elementwise=True, numpy=np.sinc, method=True, whole=True, holomorphic=True)
def sinc(x: Value) -> Value:
    """sin(πx) / (πx), 1 at 0."""
    return np.sinc(x)


@op(x=lambda g: g, elementwise=True, method=True)
def frac(x: Value) -> Value:
    """What x exceeds its whole part by: x - trunc(x), of the sign of x."""
    return x - np.trunc(x)


@op(x=xlogy_x, y=lambda g, x, y: g * x / y, elementwise=True, method=True, whole=True,
    fresh="x y")  # fmt: skip
def xlogy(x: Value, y: Value) -> Value:
    """x ln y, and 0 where x is 0, whatever y is (unless it is a NaN)."""
    nothing = (x == 0) & (y == y)
    return x * np.log(np.where(nothing, 1.0, y))


@op(x=lambda g, x: np.where(np.isfinite(x), g, 0.0), elementwise=True, fresh="x", method=True,
    numpy=np.nan_to_num, whole=True, complex=True)  # fmt: skip
def nan_to_num(
    x: Value, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Value:
    """Numbers in the place of NaN and the infinities; by default 0 and the dtype's extremes."""
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@op(discrete=True, method=True, numpy=np.isclose, elementwise=True)
def isclose(
    x: Value, y: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Value:
    """Where |x - y| ≤ atol + rtol |y|."""
    return np.isclose(x, y, rtol, atol, equal_nan)


@derived(method=True)
def lerp(start: TensorLike, end: TensorLike, weight: TensorLike) -> Tensor:
    """start + weight (end - start): from start at weight 0 to end at 1.

    >>> lerp(Tensor([0.0, 1.0]), Tensor([2.0, 2.0]), 0.5)
    Tensor([1. , 1.5])
    """
    start = as_tensor(start)
    return start + as_tensor(weight) * (as_tensor(end) - start)


@derived(method=True)
def addcmul(x: TensorLike, tensor1: TensorLike, tensor2: TensorLike, *, value: float = 1) -> Tensor:
    """x + value tensor1 tensor2.

    >>> addcmul(Tensor([1.0]), Tensor([2.0]), Tensor([3.0]), value=0.5)
    Tensor([4.])
    """
    product = as_tensor(tensor1) * as_tensor(tensor2)
    return as_tensor(x) + (product if value == 1 else product * value)


@derived(method=True)
def addcdiv(x: TensorLike, tensor1: TensorLike, tensor2: TensorLike, *, value: float = 1) -> Tensor:
    """x + value tensor1 / tensor2.

    >>> addcdiv(Tensor([1.0]), Tensor([2.0]), Tensor([4.0]))
    Tensor([1.5])
    """
    quotient = as_tensor(tensor1) / as_tensor(tensor2)
    return as_tensor(x) + (quotient if value == 1 else quotient * value)


@derived(method=True)
def logit(x: TensorLike, eps: float | None = None) -> Tensor:
    """ln(x / (1 - x)), the inverse of sigmoid; with eps x is held within [eps, 1 - eps] first.

    >>> logit(Tensor([0.5]))
    Tensor([0.])
    """
    if eps is not None:
        require("logit", "eps", eps, real(0, 0.5))
    x = as_tensor(x) if eps is None else clip(as_tensor(x), eps, 1 - eps)
    return log(x / (1 - x))
