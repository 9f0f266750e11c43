"""L-BFGS, and the line search it may use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from microgradnd.engine import Tensor
from microgradnd.optim.optimizer import Array, Group, Optimizer, State, evaluated, real_parts
from microgradnd.parameters import Parameters
from microgradnd.state import array_of, listed

_CURVED = 1e-10  # the least sᵀy of a pair that is kept
_COUNTS = ("n_iter", "func_evals")
_VECTORS = ("d", "prev_flat_grad")
_LISTS = ("old_dirs", "old_stps", "ro")  # of vectors y, of vectors s, of numbers 1 / sᵀy
_FLOATS = ("t", "H_diag", "prev_loss")


class LBFGS(Optimizer):
    """w ← w - t H g, with H the inverse of the second derivatives as the last steps show it.

    H comes of pairs s = Δw and y = Δg of the last `history_size` steps, by the two-loop recursion
    (Nocedal, 1980; Nocedal and Wright, 2006, algorithm 7.4), from sᵀy / yᵀy times the identity.
    All parameters are one vector, so there is one group. Each `step(closure)` makes up to
    `max_iter` iterations; the closure computes the loss anew, with its gradients, and returns it.

    Args:
        params: tensors or (name, tensor) pairs.
        lr: the length t that is tried first, and without a line search the one taken.
        max_iter: iterations per call of `step`.
        max_eval: calls of the closure per call of `step`; None for 1¼ `max_iter`.
        tolerance_grad: ends where no element of the gradient is larger.
        tolerance_change: ends where w or the loss changes less.
        history_size: the pairs that are kept.
        line_search_fn: "strong_wolfe" looks for a t where the loss has fallen enough and is
            flatter (Nocedal and Wright, algorithms 3.5 and 3.6); None takes t = lr.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([-1.0, 1.5], requires_grad=True)
    >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(4):
    ...     loss = optimizer.step(closure)
    >>> bool(abs(w.numpy() - 1).max() < 1e-3)
    True
    """

    def __init__(
        self, params: Parameters, lr: float = 1.0, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())
        group = self.param_groups[0]
        if group["max_eval"] is None:
            group["max_eval"] = max(1, group["max_iter"] * 5 // 4)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Takes the one group there may be."""
        if self.param_groups:
            raise ValueError("LBFGS: all parameters are one vector, so there can be one group only")
        super().add_param_group(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Makes up to `max_iter` iterations, and returns the loss before the first."""
        if closure is None:
            raise TypeError(
                "LBFGS: step needs a function that computes the loss anew with its gradients; "
                "write optimizer.step(closure)"
            )
        first = evaluated(self, closure)
        state, group = self.state[0], self.param_groups[0]
        for name in _COUNTS:
            state.setdefault(name, 0)
        loss, g, calls = float(first), self._gradient(), 1
        state["func_evals"] += 1
        for i in range(1, group["max_iter"] + 1):
            if abs(g).max(initial=0) <= group["tolerance_grad"]:
                break
            state["n_iter"] += 1
            d = _direction(state, g, group["history_size"])
            t = min(1.0, 1 / float(abs(g).sum())) if state["n_iter"] == 1 else 1.0
            state.update(d=d, t=t * group["lr"], prev_flat_grad=g, prev_loss=loss)
            slope = float(g @ d)
            if slope > -group["tolerance_change"]:
                break
            if group["line_search_fn"]:
                start = Point(0.0, loss, g, slope)
                point, count = _wolfe(
                    partial(self._tried, closure, d), start, state["t"], float(abs(d).max()),
                    group["tolerance_change"], group["max_eval"] - calls,
                )  # fmt: skip
                t, loss, g, _ = point
                state["t"] = t
                self._move(t, d)
            else:
                self._move(state["t"], d)
                count = int(i < group["max_iter"])  # after the last one nobody asks for the loss
                if count:
                    loss, g = float(evaluated(self, closure)), self._gradient()
            calls += count
            state["func_evals"] += count
            least = group["tolerance_change"]
            if calls >= group["max_eval"] or abs(d * state["t"]).max() <= least:
                break
            if abs(loss - state["prev_loss"]) < least:
                break
        return first

    def _gradient(self) -> Array:
        """All gradients as one vector."""
        found = [np.zeros_like(p._array) if p._grad is None else p._grad._array
                 for p in self.parameters()]  # fmt: skip
        return np.concatenate([_parts(x).ravel() for x in found])

    def _move(self, t: float, d: Array) -> None:
        """w ← w + t d."""
        start = 0
        for p in self.parameters():
            w = _parts(p._array)
            w += t * d[start : start + w.size].reshape(w.shape)
            p.changed()
            start += w.size

    def _tried(self, closure: Callable[[], Any], d: Array, t: float) -> Point:
        """The loss at w + t d; w is put back."""
        kept = [p._array.copy() for p in self.parameters()]
        self._move(t, d)
        loss, g = float(evaluated(self, closure)), self._gradient()
        for p, array in zip(self.parameters(), kept):
            np.copyto(p._array, array)
            p.changed()
        return Point(t, loss, g, float(g @ d))

    def _loaded(self, name: str, value: Any, p: Tensor) -> Any:
        if name in (*_COUNTS, *_FLOATS):
            return int(array_of(value)) if name in _COUNTS else float(array_of(value))
        dtype = np.result_type(*(p._array.real.dtype for p in self.parameters()))
        if name in _LISTS:
            return [np.array(array_of(x), dtype)[()] for x in value]
        return np.array(array_of(value), dtype)

    def _state_problems(self, state: dict[int, State], groups: list[Group]) -> list[str]:
        problems = [
            f"  unexpected: the state of parameter {i}; all is kept for 0" for i in state if i
        ]
        own = state.get(0, {})
        own.pop("al", None)  # PyTorch's, to compute in
        known = (*_COUNTS, *_LISTS, *_FLOATS, *_VECTORS)
        begun = own.get("n_iter", 0) > 0
        problems += listed("missing", [k for k in known if begun and k not in own])
        problems += listed("unexpected", [k for k in own if k not in known])
        size = sum(_parts(p._array).size for p in self.parameters())
        for name, value in own.items():
            wanted = () if name in (*_COUNTS, *_FLOATS, "ro") else (size,)
            shapes = {array_of(x).shape for x in (value if name in _LISTS else [value])} - {wanted}
            problems += listed(
                "of another shape", [f"{name}: {s}, needed {wanted}" for s in shapes]
            )
        return problems


def _direction(state: State, g: Array, most: int) -> Array:
    """-H g, once the pair of the last step is taken into H."""
    if state["n_iter"] == 1:
        state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
        return -g
    y, s = g - state["prev_flat_grad"], state["d"] * g.dtype.type(state["t"])
    ys = y @ s
    if ys > _CURVED:
        for name, value in zip(_LISTS, (y, s, 1 / ys)):
            state[name] = [*state[name], value][-most:]
        state["H_diag"] = float(ys / (y @ y))
    pairs = list(zip(*(state[name] for name in _LISTS)))
    q, shares = -g, []
    for y, s, ro in reversed(pairs):
        shares.append((s @ q) * ro)
        q -= shares[-1] * y
    q *= state["H_diag"]
    for y, s, ro in pairs:
        q += (shares.pop() - (y @ q) * ro) * s
    return q


class Point(NamedTuple):
    """A place on the line w + t d: the loss there, its gradient, and its slope along d."""

    t: float
    loss: float
    g: Array
    slope: float


def _parts(x: Array) -> Array:
    """The numbers of an array; those of complex ones are their parts."""
    return real_parts(x) if x.dtype.kind == "c" else x


def _wolfe(
    at: Callable[[float], Point], start: Point, t: float, length: float, least: float, most: int,
    c1: float = 1e-4, c2: float = 0.9,
) -> tuple[Point, int]:  # fmt: skip
    """A point with a loss ≤ start's + c₁ t slope₀ and |slope| ≤ c₂ |slope₀|, if it is found.

    Args:
        at: evaluates the loss at t.
        start: the point at t = 0.
        t: the first that is tried.
        length: the largest |element| of d.
        least: the bracket is small enough once its length times `length` is below.
        most: evaluations after the first.

    Returns the best point found, and how many were evaluated.
    """

    def high(p: Point) -> bool:
        return not p.loss <= start.loss + c1 * p.t * start.slope  # NaN is

    def flat(p: Point) -> bool:
        return abs(p.slope) <= -c2 * start.slope

    before, now, count = start, at(t), 0
    while count < most:  # outwards, until the minimum is passed
        if high(now) or (count > 1 and now.loss >= before.loss) or now.slope >= 0 or flat(now):
            break
        beyond = now.t + 0.01 * (now.t - before.t), now.t * 10
        before, now, count = now, at(_cubic(before, now, *beyond)), count + 1
    else:
        before = start
    passed = high(now) or (count > 1 and now.loss >= before.loss)
    if count < most and flat(now) and not passed:
        return now, count + 1
    ends = sorted([before, now], key=lambda p: p.loss)  # the lower first; of equals the nearer
    return _narrowed(at, ends, high, flat, count, most, least / length if length else math.inf)


def _narrowed(
    at: Callable[[float], Point], ends: list[Point], high: Callable[[Point], bool],
    flat: Callable[[Point], bool], count: int, most: int, least: float,
) -> tuple[Point, int]:  # fmt: skip
    """A point between two, the lower first, that is neither high nor steep; else the lowest."""
    stuck = False
    while count < most:
        low, top = sorted(p.t for p in ends)
        if top - low < least:
            break
        t, margin = _cubic(ends[0], ends[1], low, top), 0.1 * (top - low)
        near = min(top - t, t - low) < margin
        if near and (stuck or t >= top or t <= low):
            t, near = (top - margin if abs(t - top) < abs(t - low) else low + margin), False
        stuck = near
        now, count = at(t), count + 1
        if high(now) or now.loss >= ends[0].loss:
            ends = sorted([ends[0], now], key=lambda p: p.loss)
            continue
        if flat(now):
            return now, count + 1
        turned = now.slope * (ends[1].t - ends[0].t) >= 0
        ends = [now, ends[0] if turned else ends[1]]
    return ends[0], count + 1


def _cubic(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic through both points, with their slopes, is least within bounds."""
    a, b = sorted((a, b), key=lambda p: p.t)
    if a.t == b.t:
        return (low + high) / 2
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    over = b.slope - a.slope + 2 * square**0.5 if square >= 0 else 0.0
    if not over:  # it has no minimum
        return (low + high) / 2
    t = b.t - (b.t - a.t) * (b.slope + square**0.5 - d1) / over
    return min(max(t, low), high)
