"""Special functions that NumPy lacks, on arrays."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

# The largest number whose exponential is finite.
_LARGEST_EXPONENT = {
    np.dtype(t): np.log(np.finfo(t).max)
    for t in (np.float16, np.float32, np.float64, np.longdouble)
}
# Rational approximations of erf after W. J. Cody's scheme, with the coefficients of Sun's fdlibm
# (s_erf.c, 1993, freely usable): numerators and denominators, highest power first.
_NEAR_ZERO = (
    (
        -2.37630166566501626084e-05, -5.77027029648944159157e-03, -2.84817495755985104766e-02,
        -3.25042107247001499370e-01, 1.28379167095512558561e-01,
    ),
    (
        -3.96022827877536812320e-06, 1.32494738004321644526e-04, 5.08130628187576562776e-03,
        6.50222499887672944485e-02, 3.97917223959155352819e-01, 1.0,
    ),
)  # fmt: skip
_NEAR_ONE = (
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
_MIDDLE = (
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
_TAIL = (
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
_ERF_NEAR_ONE = 8.45062911510467529297e-01


def floating(x: Any) -> Any:
    """Integers and truths as floating-point numbers, all in this machine's byte order."""
    if x.dtype.kind in "biu":
        return x.astype(np.float64)
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


def logistic(x: Any) -> Any:
    """1 / (1 + exp(-x)). exp is held below its overflow, where the result is 0 all the same."""
    x = floating(x)
    return 1 / (1 + np.exp(np.minimum(-x, _LARGEST_EXPONENT[x.dtype])))


def _rational(x: np.ndarray, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    """The quotient of two polynomials, by Horner's rule."""
    over, under = (reduce(lambda y, c: y * x + c, row, np.zeros_like(x)) for row in coefficients)
    return over / under


def erf(x: np.ndarray) -> np.ndarray:
    """The error function, 2/√π times the integral of exp(-t²) from 0 to x; saturates at ±1."""
    x = floating(x)
    a = np.abs(x)
    near = a < 0.84375
    out = np.asarray(1 - _above(a))
    out[near] = a[near] + a[near] * _rational(a[near] ** 2, _NEAR_ZERO)
    return np.copysign(out, x)


def erfc(x: np.ndarray) -> np.ndarray:
    """1 - erf(x), to full precision where erf is near 1."""
    x = floating(x)
    near = np.abs(x) < 0.84375
    above = _above(np.abs(x))
    out = np.asarray(np.where(x < 0, 2 - above, above))
    out[near] = 1 - erf(x[near])
    return out


def _above(a: np.ndarray) -> np.ndarray:
    """1 - erf(a) for a ≥ 0.84375; NaN stays NaN."""
    out = np.where(a < 28, a, np.where(a == a, 0, a))
    one, middle = (a >= 0.84375) & (a < 1.25), (a >= 1.25) & (a < 1 / 0.35)
    out[one] = 1 - _ERF_NEAR_ONE - _rational(a[one] - 1, _NEAR_ONE)
    for there, coefficients in ((middle, _MIDDLE), ((a >= 1 / 0.35) & (a < 28), _TAIL)):
        z = a[there]
        s = 1 / (z * z)
        high = z.astype(np.float16).astype(z.dtype)  # its square is exact, so exp of it is, too
        low = np.exp((high - z) * (high + z) + _rational(s, coefficients))
        out[there] = np.exp(-high * high - 0.5625) * low / z
    return out


def by_scipy(name: str, x: np.ndarray, *before: Any) -> np.ndarray:
    """A function of scipy.special, in the dtype of x."""
    try:
        from scipy import special
    except ImportError:
        raise ImportError(f"{name} needs SciPy: pip install 'microgradnd[special]'") from None
    out = getattr(special, name)(*before, x)
    return out.astype(x.dtype, copy=False) if x.dtype.kind == "f" else out
