"""Where a function has no slope, or two, and which one its gradient takes: found by measuring."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from examples.site.public import Entry
from examples.site.samples import Arguments, call, code_of, tensors
from microgradnd import Tensor

STEP = 1e-6
APART = 1e-2  # two slopes that differ by more than rounding and curvature make them
GRID = np.arange(-6, 6.5, 0.5)
MOST = 4  # that a page lists; of a staircase they are without end


@dataclass(frozen=True)
class Kink:
    """A place with different slopes on its sides.

    Attributes:
        where: the place, in words. at: the number there.
        left, right: the slopes on its sides; infinite at a jump, NaN where there is no function.
        gradient: what the rule gives there.
    """

    where: str
    at: float
    left: float
    right: float
    gradient: float


def kinks(entry: Entry, given: Arguments) -> list[Kink]:
    """Those of a function on a grid of numbers, or on arrays of equal elements."""
    if not entry.names or (entry.op is not None and (entry.op.flat or entry.op.discrete)):
        return []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return list(_found(entry, given))


def _found(entry: Entry, given: Arguments) -> Iterator[Kink]:
    code = code_of(entry)
    function = entry.op.function if entry.op is not None else entry.value
    keys = [k for k, x in given.items() if _real(x) and (entry.op is None or k in entry.op.rules)]
    for key in keys:
        others = [k for k in keys if k != key]
        found: list[Kink] = []
        for value in (1.0, 0.0) if len(others) == 1 else (None,):

            def f(x: Any, key: str = key, others: list = others, value: Any = value) -> Any:
                fixed = {} if value is None else {k: np.full(x.shape, value) for k in others}
                return tensors(call(function, code, {**given, **fixed, key: x}))[0]

            beside = "" if value is None else f", {others[0]} = {value:g}"
            try:
                found += _on_grid(f, key, beside) if _elementwise(f) else _of_equals(f, key, given)
            except Exception:  # whatever it says of arrays that are not those of its example
                break
        yield from sorted(found, key=lambda kink: abs(kink.at))[:MOST]


def _real(x: Any) -> bool:
    return isinstance(x, (np.ndarray, Tensor)) and x.dtype.kind == "f"


def _elementwise(f: Callable) -> bool:
    """Whether each element of the result comes of the one at its place alone."""
    try:
        whole, turned = f(Tensor(GRID)).numpy(), f(Tensor(GRID[::-1].copy())).numpy()
        one = f(Tensor(GRID[:1])).numpy()
    except Exception:  # it takes no vectors
        return False
    same = whole.shape == GRID.shape and np.array_equal(whole, turned[::-1], equal_nan=True)
    return same and np.array_equal(whole[:1], one, equal_nan=True)


def _sides(below: Any, at: Any, above: Any, below2: Any, above2: Any) -> tuple[Any, Any]:
    """One-sided slopes, from values at distances STEP and STEP/100; infinite where they grow."""
    left, right = (at - below) / STEP, (above - at) / STEP
    left2, right2 = (at - below2) / STEP * 100, (above2 - at) / STEP * 100

    def limit(far: Any, near: Any) -> Any:
        return np.where(abs(near) > 5 * abs(far) + 1, np.copysign(np.inf, far), far)

    return limit(left, left2), limit(right, right2)


def _on_grid(f: Callable, key: str, beside: str) -> Iterator[Kink]:
    shifted = (GRID - STEP, GRID, GRID + STEP, GRID - STEP / 100, GRID + STEP / 100)
    values = [f(Tensor(x)).numpy() for x in shifted]
    left, right = _sides(*values)
    x = Tensor(GRID.copy(), requires_grad=True)
    f(x).sum().backward()
    assert x.grad is not None
    for i, at in enumerate(GRID):
        gradient = float(x.grad.numpy()[i])
        if np.isfinite(values[1][i]) and _differ(left[i], right[i], gradient):
            yield Kink(f"{key} = {at:g}{beside}", at, left[i], right[i], gradient)


def _differ(left: float, right: float, gradient: float) -> bool:
    """Whether there are two slopes, or one that is not finite."""
    if np.isnan([left, right]).any():
        return not np.isfinite(gradient)
    return not abs(left - right) < APART


def _of_equals(f: Callable, key: str, given: Arguments) -> Iterator[Kink]:
    """Of all elements equal, the first of them moved."""
    for value, words in ((1.0, "equal"), (0.0, "0")):
        base = np.full(given[key].shape, value)

        def total(x: Tensor) -> Any:
            out = f(x)
            weights = np.arange(1.0, out.size + 1).reshape(out.shape)
            return (out * weights).sum()

        def moved(by: float, base: np.ndarray = base) -> float:
            x = base.copy()
            x.flat[0] += by
            return float(total(Tensor(x)).numpy())

        values = [moved(by) for by in (-STEP, 0.0, STEP, -STEP / 100, STEP / 100)]
        left, right = (float(s) for s in _sides(*values))
        x = Tensor(base.copy(), requires_grad=True)
        total(x).backward()
        assert x.grad is not None
        gradient, steady = float(x.grad.numpy().flat[0]), values[1] == moved(0.0)
        if steady and np.isfinite([left, right]).all() and _differ(left, right, gradient):
            yield Kink(f"{key} all {words}", value, left, right, gradient)
