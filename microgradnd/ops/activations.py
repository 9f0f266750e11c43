"""Activation functions beside those of `elementwise`: each with its formula and its saturation.

Kinks: hardtanh has slope 0 at its bounds (where clip has 1), elu has slope alpha at 0, step has
slope 0 everywhere.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any, Protocol

import numpy as np

from microgradnd.declaration import op
from microgradnd.engine import Tensor
from microgradnd.hotpath import unary
from microgradnd.ops.elementwise import floating, sigmoid, sigmoid_forward
from microgradnd.signatures import TensorLike

Value = Any  # an array, or a Tensor when the walk itself is recorded

# Rational approximations of erf after W. J. Cody's scheme, with the coefficients of Sun's fdlibm
# (s_erf.c, 1993, freely usable): numerators and denominators, highest power first.
NEAR_ZERO = (
    (
        -2.37630166566501626084e-05, -5.77027029648944159157e-03, -2.84817495755985104766e-02,
        -3.25042107247001499370e-01, 1.28379167095512558561e-01,
    ),
    (
        -3.96022827877536812320e-06, 1.32494738004321644526e-04, 5.08130628187576562776e-03,
        6.50222499887672944485e-02, 3.97917223959155352819e-01, 1.0,
    ),
)  # fmt: skip
NEAR_ONE = (
    (
        -2.16637559486879084300e-03, 3.54783043256182359371e-02, -1.10894694282396677476e-01,
        3.18346619901161753674e-01, -3.72207876035701323847e-01, 4.14856118683748331666e-01,
        -2.36211856075265944077e-03,
    ),
    (
        1.19844998467991074170e-02, 1.36370839120290507362e-02, 1.26171219808761642112e-01,
        7.18286544141962662868e-02, 5.40397917702171048937e-01, 1.06420880400844228286e-01, 1.0,
    ),
)  # fmt: skip
MIDDLE = (
    (
        -9.81432934416914548592e00, -8.12874355063065934246e01, -1.84605092906711035994e02,
        -1.62396669462573470355e02, -6.23753324503260060396e01, -1.05586262253232909814e01,
        -6.93858572707181764372e-01, -9.86494403484714822705e-03,
    ),
    (
        -6.04244152148580987438e-02, 6.57024977031928170135e00, 1.08635005541779435134e02,
        4.29008140027567833386e02, 6.45387271733267880336e02, 4.34565877475229228821e02,
        1.37657754143519042600e02, 1.96512716674392571292e01, 1.0,
    ),
)  # fmt: skip
TAIL = (
    (
        -4.83519191608651397019e02, -1.02509513161107724954e03, -6.37566443368389627722e02,
        -1.60636384855821916062e02, -1.77579549177547519889e01, -7.99283237680523006574e-01,
        -9.86494292470009928597e-03,
    ),
    (
        -2.24409524465858183362e01, 4.74528541206955367215e02, 2.55305040643316442583e03,
        3.19985821950859553908e03, 1.53672958608443695994e03, 3.25792512996573918826e02,
        3.03380607434824582924e01, 1.0,
    ),
)  # fmt: skip
ERF_NEAR_ONE = 8.45062911510467529297e-01
TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
ROOT_TWO_OVER_PI = math.sqrt(2 / math.pi)


def rational(x: np.ndarray, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    """The quotient of two polynomials, by Horner's rule."""
    over, under = (reduce(lambda y, c: y * x + c, row, np.zeros_like(x)) for row in coefficients)
    return over / under


def erf_forward(x: np.ndarray) -> np.ndarray:
    """The error function, 2/√π times the integral of exp(-t²) from 0 to x; saturates at ±1."""
    x = floating(x)
    a = np.abs(x)
    out = np.where(a < 6, a, np.sign(a))  # a NaN stays one
    near, middle = a < 0.84375, (a >= 1.25) & (a < 1 / 0.35)
    one, tail = (a >= 0.84375) & (a < 1.25), (a >= 1 / 0.35) & (a < 6)
    out[near] += a[near] * rational(a[near] ** 2, NEAR_ZERO)
    out[one] = rational(a[one] - 1, NEAR_ONE) + ERF_NEAR_ONE
    for there, coefficients in ((middle, MIDDLE), (tail, TAIL)):
        z = a[there]
        s = 1 / (z * z)
        out[there] = 1 - np.exp(rational(s, coefficients) - 0.5625 - z * z) / z
    return np.copysign(out, x)


def step_forward(x: np.ndarray) -> np.ndarray:
    """1 where x >= 0, else 0 (eq. 5-23). Its slope is 0: nothing is learned through it."""
    return np.heaviside(floating(x), 1)


def gaussian_forward(x: np.ndarray, c: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    """exp(-½ ((x - c)/σ)²) (eq. 5-26); saturates at 0 on both sides, a few σ from c."""
    z = (x - c) / sigma
    return np.exp(-0.5 * z * z)


def silu_forward(x: np.ndarray) -> np.ndarray:
    """x σ(x), also called swish; saturates at 0 for x → -∞."""
    return x * sigmoid_forward(x)


def silu_x(g: Value, x: Value) -> Value:
    s = logistic(x)
    return g * (s * (1 + x * (1 - s)))


def softplus_forward(x: np.ndarray, beta: float = 1.0, threshold: float = 20.0) -> np.ndarray:
    """log(1 + exp(βx))/β, and x itself where βx > threshold; saturates at 0 for x → -∞."""
    return np.where(np.multiply(x, beta) > threshold, x, np.logaddexp(0, x * beta) / beta)


def elu_forward(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """x where x > 0, else α (exp(x) - 1); saturates at -α for x → -∞."""
    return np.where(np.greater(x, 0), x, np.expm1(np.minimum(x, 0)) * alpha)


def gelu_forward(x: np.ndarray, approximate: str = "none") -> np.ndarray:
    """x Φ(x), Φ the normal distribution; saturates at 0 for x → -∞.

    Φ(x) = (1 + erf(x/√2))/2, or with approximate="tanh", (1 + tanh(√(2/π) (x + 0.044715 x³)))/2.
    """
    return x * gelu_gate(x, approximate)


def gelu_gate(x: Value, approximate: str) -> Value:
    if approximate == "tanh":
        return (np.tanh(x * (x * x * 0.044715 + 1) * ROOT_TWO_OVER_PI) + 1) * 0.5
    if approximate != "none":
        raise ValueError(f"approximate={approximate!r}; choose 'none' or 'tanh'")
    z = x * math.sqrt(0.5)
    return ((erf(z) if isinstance(z, Tensor) else erf_forward(z)) + 1) * 0.5


def gelu_x(g: Value, x: Value, approximate: str) -> Value:
    gate = gelu_gate(x, approximate)
    if approximate == "tanh":
        slope = gate * (1 - gate) * (x * x * (3 * 0.044715) + 1) * (2 * ROOT_TWO_OVER_PI)
    else:
        slope = np.exp(x * x * -0.5) * (0.5 * ROOT_TWO_OVER_PI)
    return g * (gate + x * slope)


def hardtanh_forward(x: np.ndarray, min_val: float = -1.0, max_val: float = 1.0) -> np.ndarray:
    """x, held within [min_val, max_val], where it saturates."""
    if min_val >= max_val:
        raise ValueError(f"min_val={min_val!r} must be less than max_val={max_val!r}")
    return np.clip(x, min_val, max_val)


def logistic(x: Value) -> Value:
    return sigmoid(x) if isinstance(x, Tensor) else sigmoid_forward(x)


class Bell(Protocol):
    def __call__(self, x: TensorLike, c: float = 0.0, sigma: float = 1.0) -> Tensor: ...


class SoftPlus(Protocol):
    def __call__(self, x: TensorLike, beta: float = 1.0, threshold: float = 20.0) -> Tensor: ...


class Exponential(Protocol):
    def __call__(self, x: TensorLike, alpha: float = 1.0) -> Tensor: ...


class Gated(Protocol):
    def __call__(self, x: TensorLike, approximate: str = "none") -> Tensor: ...


class Hard(Protocol):
    def __call__(self, x: TensorLike, min_val: float = -1.0, max_val: float = 1.0) -> Tensor: ...


# fmt: off
erf  = unary(op(erf_forward,  "x", name="erf",
                x=lambda g, x: g * (np.exp(-x * x) * TWO_OVER_ROOT_PI)))
step = unary(op(step_forward, "x", name="step", x=lambda g: g * 0.0))
silu = unary(op(silu_forward, "x", name="silu", x=silu_x))
gaussian: Bell     = op(gaussian_forward, "x", name="gaussian",
                        x=lambda g, x, out, c, sigma: g * (out * (c - x) / sigma**2))
softplus: SoftPlus = op(softplus_forward, "x", name="softplus",
                        x=lambda g, x, beta, threshold:
                            np.where(x * beta > threshold, g, g * logistic(x * beta)))
elu: Exponential   = op(elu_forward, "x", name="elu",
                        x=lambda g, x, alpha:
                            g * np.where(x > 0, 1.0, np.exp(np.where(x > 0, 0.0, x)) * alpha))
gelu: Gated        = op(gelu_forward, "x", name="gelu", x=gelu_x)
hardtanh: Hard     = op(hardtanh_forward, "x", name="hardtanh",
                        x=lambda g, x, min_val, max_val: g * ((x > min_val) & (x < max_val)))
# fmt: on
