"""The op cases of special functions, of what turns and shifts, and of running sums and products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

import microgradnd as mg
from microgradnd.declaration import public
from microgradnd.ops import special
from tests.op_case import (
    Draw,
    OpCase,
    Operand,
    Sample,
    between,
    exactly,
    nonzero,
    off_grid,
    off_off_grid,
    positive,
    real,
    samples,
    unit,
)

SHAPES = ((), (3,), (2, 3), (0,), (2, 0, 3))
PAIRS = (((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((0, 3), (3,)), ((), (2,)))


def in_dtype(x: np.ndarray, out: Any) -> np.ndarray:
    """A result of floats in their dtype; of integers as it is."""
    return np.asarray(out, x.dtype if x.dtype.kind == "f" else None)


def one(
    name: str, reference: Callable, draw: Draw = real, torch: Any = None, numpy: Any = None
) -> OpCase:
    """A function of one array."""
    torchs = name if torch is None else torch
    return OpCase(
        name,
        public(name),
        lambda x: in_dtype(x, reference(x)),
        samples([(Operand(shape, draw),) for shape in SHAPES]),
        numpy=numpy,
        torch=None if torch is False else lambda t, x: getattr(t, torchs)(x),
    )


def two(ufunc: np.ufunc, x: Draw, y: Draw, torch: Any = None) -> OpCase:
    """A ufunc of two arrays."""
    name = ufunc.__name__
    return OpCase(
        name,
        public(name),
        ufunc,
        samples([(Operand(m, x), Operand(n, y)) for m, n in PAIRS]),
        numpy=ufunc,
        torch=None if torch is False else lambda t, x, y: getattr(t, torch or name)(x, y),
    )


far = between(2.3, 2.9)  # x / far, and far / x, lie off the integers
near = between(0.6, 0.9)
# fmt: off
MORE_ELEMENTWISE = (
    two(np.logaddexp2, real, real), two(np.fmax, off_grid, off_off_grid),
    two(np.fmin, off_grid, off_off_grid), two(np.remainder, near, far), two(np.fmod, far, near),
    two(np.floor_divide, far, near, torch=False), two(np.copysign, nonzero, nonzero),
    two(np.heaviside, nonzero, real, torch=False),
    OpCase(
        "float_power", mg.float_power, np.float_power,
        samples([(Operand(m, positive), Operand(n, real)) for m, n in PAIRS]),
        numpy=np.float_power, torch=lambda t, x, y: t.float_power(x, y), keeps_dtype=False,
    ),
    OpCase(
        "ldexp", mg.ldexp, np.ldexp,
        (Sample((Operand((2, 3)), np.array([1, 0, -2]))), Sample((Operand(()), np.array(3)))),
        numpy=np.ldexp,
    ),
    one("cbrt", np.cbrt, nonzero, torch=False, numpy=np.cbrt),
    one("fabs", np.fabs, off_grid, "abs", np.fabs),
    one("deg2rad", np.deg2rad, numpy=np.deg2rad), one("rad2deg", np.rad2deg, numpy=np.degrees),
    one("trunc", np.trunc, off_grid, numpy=np.trunc),
    one("rint", np.rint, off_grid, "round", np.rint),
    one("rsqrt", lambda x: 1 / np.sqrt(x), positive), one("sinc", np.sinc, numpy=np.sinc),
    one("frac", lambda x: x - np.trunc(x), off_grid),
    OpCase(
        "xlogy", mg.xlogy, lambda x, y: scipy.special.xlogy(x, y).astype(np.result_type(x, y)),
        samples([(Operand(m, real), Operand(n, positive)) for m, n in PAIRS]),
        torch=lambda t, x, y: t.xlogy(x, y),
    ),
    OpCase(
        "nan_to_num", mg.nan_to_num, np.nan_to_num,
        samples([(Operand(s),) for s in SHAPES], {}, {"nan": 1.0, "posinf": 2.0, "neginf": -3.0}),
        numpy=np.nan_to_num, torch=lambda t, x, **given: t.nan_to_num(x, **given),
    ),
    OpCase(
        "isclose", mg.isclose, np.isclose,
        samples([(Operand((2, 3)), Operand((3,)))], {}, {"rtol": 0.5, "atol": 0.1}),
        numpy=np.isclose,
    ),
)
SPECIAL = (
    one("erfc", scipy.special.erfc, between(-4, 7)),
    one("erfinv", scipy.special.erfinv, unit),
    one("lgamma", scipy.special.gammaln, positive),
    one("digamma", scipy.special.digamma, positive, torch=False),  # torch is right to 1e-9 only
    OpCase(
        "polygamma", special.polygamma_of,
        lambda x, n: scipy.special.polygamma(n, x).astype(x.dtype),
        samples([(Operand(s, positive),) for s in SHAPES], {"n": 1}, {"n": 2}),
    ),
    one("i0", scipy.special.i0, numpy=np.i0),
    one("i1", scipy.special.i1, torch=False),
)


def along(name: str, draw: Draw, *more: Sample, torch: Callable, **of: Any) -> OpCase:
    """A function that runs along an axis, flat without one."""
    usual = samples([(Operand((2, 3), draw),)], {}, {"axis": 0}, {"axis": -1})
    edges = Sample((Operand((3,), draw),)), Sample((Operand((0, 2), draw),), {"axis": 1})
    return OpCase(
        name, public(name), getattr(np, name), usual + edges + more, numpy=getattr(np, name),
        torch=lambda t, x, axis=None: torch(t, x.reshape(-1) if axis is None else x, axis or 0),
        **of,
    )


ZEROS = exactly([[0.5, 0.0, 2.0, 3.0], [0.0, 3.0, 0.0, 1.0]])


def logcumsumexp(x: np.ndarray, axis: int) -> np.ndarray:
    return np.log(np.cumsum(np.exp(x), axis))


MOVING = (
    along("cumsum", real, torch=lambda t, x, axis: t.cumsum(x, axis)),
    along(
        "cumprod", nonzero, Sample((ZEROS,), {"axis": 1}), Sample((ZEROS,), {"axis": 0}),
        Sample((ZEROS,)), torch=lambda t, x, axis: t.cumprod(x, axis),
    ),
    OpCase(
        "logcumsumexp", mg.logcumsumexp, logcumsumexp,
        (
            *samples([(Operand((2, 3)),)], {"axis": 0}, {"axis": -1}),
            Sample((Operand((0, 3)),), {"axis": 1}),
        ),
        torch=lambda t, x, axis: t.logcumsumexp(x, axis),
    ),
    OpCase(
        "flip", mg.flip, np.flip,
        (
            *samples([(Operand((2, 3)),)], {}, {"axis": 0}, {"axis": (0, -1)}),
            Sample((Operand(()),)), Sample((Operand((0, 2)),), {"axis": 1}),
        ),
        numpy=np.flip,
        torch=lambda t, x, axis=None: t.flip(
            x, list(range(x.ndim)) if axis is None else list(np.atleast_1d(axis))
        ),
    ),
    OpCase(
        "roll", mg.roll, np.roll,
        (
            *samples([(Operand((2, 3)),)], {"shift": 2}, {"shift": -1, "axis": 1},
                     {"shift": (1, 2), "axis": (0, 1)}),
            Sample((Operand((0,)),), {"shift": 1}),
        ),
        numpy=np.roll, torch=lambda t, x, shift, axis=None: t.roll(x, shift, axis),
    ),
)
# fmt: on
BREADTH = (*MORE_ELEMENTWISE, *SPECIAL, *MOVING)
