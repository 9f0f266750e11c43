"""How much two arrays differ, from all their elements or from their norms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from viz.capture.summary import Summary
from viz.diagnosis.series import norm_of
from viz.style.text import number


@dataclass(frozen=True)
class Difference:
    """How two arrays differ.

    Attributes:
        a, b: their norms.
        change: ‖b − a‖ / ‖a‖ if both arrays are known, else (‖b‖ − ‖a‖) / ‖a‖; infinite if only
            a is 0.
        cosine: of the angle between them, if both are known and neither is 0; else None.
        exact: whether both arrays were known.
    """

    a: float
    b: float
    change: float
    cosine: float | None
    exact: bool

    def __str__(self) -> str:
        words = f"{number(self.a, 3)} → {number(self.b, 3)}, {self.amount}"
        return words + (f", cos {number(self.cosine, 3)}" if self.cosine is not None else "")

    @property
    def amount(self) -> str:
        """The change in words: "Δ 12%" of the arrays, "‖·‖ +12%" of their norms alone."""
        if not math.isfinite(self.change):
            return "Δ —" if math.isnan(self.change) else "Δ ∞"
        if self.exact:
            return f"Δ {_percent(self.change)}"
        return f"‖·‖ {'+' if self.change > 0 else ''}{_percent(self.change)}"


def _percent(x: float) -> str:
    """A share as a percentage to two digits.

    >>> _percent(0.12345), _percent(2.0), _percent(1e-9), _percent(1e6)
    ('12%', '200%', '1e−7%', '1e8%')
    """
    x *= 100
    if x and (abs(x) < 1e-3 or abs(x) >= 1e5):
        return f"{number(x, 2)}%"
    return f"{number(float(f'{x:.2g}'), 6)}%"


def difference(a: Any, b: Any) -> Difference | None:
    """How two arrays differ, or what two traces kept of them; None if one is not there.

    >>> str(difference(np.array([3.0, 4.0]), np.array([3.0, 4.5])))
    '5 → 5.41, Δ 10%, cos 0.998'
    """
    if a is None or b is None:
        return None
    one, other = norm_of(a), norm_of(b)
    x, y = _known(a), _known(b)
    if x is None or y is None or x.shape != y.shape:
        return Difference(one, other, _relative(other - one, one), None, False)
    with np.errstate(all="ignore"):
        change, cosine = _relative(norm_of(y - x), one), None
        if 0 < one < math.inf and 0 < other < math.inf:
            cosine = float(np.clip(np.vdot(x / one, y / other), -1, 1))
    return Difference(one, other, change, cosine, True)


def _relative(change: float, base: float) -> float:
    if base == 0:
        return 0.0 if change == 0 else math.inf if change > 0 else math.nan
    return change / base


def _known(x: Any) -> np.ndarray | None:
    """An array as float64, where a trace kept it or its few elements."""
    if isinstance(x, Summary):
        return None if x.elements is None else np.asarray(x.elements, np.float64)
    return np.asarray(x, np.float64)
