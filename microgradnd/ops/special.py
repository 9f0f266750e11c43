"""Special functions: of the normal distribution, gamma functions, Bessel functions.

Those that NumPy has no means for are SciPy's, which is loaded when one of them is first called.
"""

from __future__ import annotations

import math

import numpy as np

from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.kernels import special
from microgradnd.kernels.special import by_scipy

TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


@op(x=lambda g, x: g * (np.exp(-x * x) * TWO_OVER_ROOT_PI), elementwise=True, whole=True,
    method=True, torch="nn.functional.erf", activation=True)  # fmt: skip
def erf(x: Value) -> Value:
    """The error function, 2/√π times the integral of exp(-t²) from 0 to x; saturates at ±1."""
    return special.erf(x)


@op(x=lambda g, x: g * (np.exp(-x * x) * -TWO_OVER_ROOT_PI), elementwise=True, whole=True,
    method=True)  # fmt: skip
def erfc(x: Value) -> Value:
    """1 - erf(x), precise where that is tiny."""
    return special.erfc(x)


@op(x=lambda g, out: g * (np.exp(out * out) * (math.sqrt(math.pi) / 2)), elementwise=True,
    whole=True, method=True)  # fmt: skip
def erfinv(x: Value) -> Value:
    """The inverse of erf, for -1 < x < 1."""
    return by_scipy("erfinv", x)


@op(x=lambda g, x: g * digamma(x), elementwise=True, whole=True, method=True)
def lgamma(x: Value) -> Value:
    """ln |Γ(x)|."""
    return by_scipy("gammaln", x)


@op(x=lambda g, x: g * polygamma_of(x, 1), elementwise=True, whole=True, method=True)
def digamma(x: Value) -> Value:
    """ψ(x), the slope of ln Γ."""
    return by_scipy("digamma", x)


@op(x=lambda g, x, n: g * polygamma_of(x, n + 1), name="polygamma", elementwise=True, whole=True,
    internal=True)  # fmt: skip
def polygamma_of(x: Value, n: int) -> Value:
    """The n-th derivative of ψ at x."""
    return by_scipy("polygamma", x, n)


@derived()
def polygamma(n: int, x: TensorLike) -> Tensor:
    """The n-th derivative of ψ = digamma at x; needs SciPy.

    >>> round(polygamma(1, Tensor([1.0])).item(), 6)  # π²/6
    1.644934
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
        raise ValueError(f"polygamma: n, the order, must be an integer from 0 on, not {n!r}")
    return polygamma_of(as_tensor(x), int(n)) if n else digamma(as_tensor(x))


@op(x=lambda g, x: g * i1(x), elementwise=True, whole=True, numpy=np.i0, method=True)
def i0(x: Value) -> Value:
    """The modified Bessel function of the first kind and order 0; needs SciPy."""
    return by_scipy("i0", x)


def i1_x(g: Value, x: Value, out: Value) -> Value:
    far = np.abs(x) > 1e-3  # nearer to 0 by its series: 1/2 + 3/16 x²
    z = np.where(far, x, 1.0)
    return g * np.where(far, i0(x) - out / z, x * x * (3 / 16) + 0.5)


@op(x=i1_x, elementwise=True, whole=True, method=True)
def i1(x: Value) -> Value:
    """The modified Bessel function of the first kind and order 1, the slope of i0."""
    return by_scipy("i1", x)
