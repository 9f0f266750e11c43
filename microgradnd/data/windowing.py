"""Time series: windows, splits in order of time, and the baselines that a network must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from microgradnd.arguments import POSITIVE, check, real_array, require, several
from microgradnd.data.preprocessing import as_float
from microgradnd.declaration import TensorLike

_SHARES = several(POSITIVE, "a list of numbers above 0 that add up to 1", 1)


def windows(
    series: TensorLike, length: int, horizon: int = 1, step: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """What was seen and what came next: inputs (N, length[, F]), targets (N, horizon[, F]).

    Window n holds the values from n·step on, its target the `horizon` values that follow it;
    N = ⌊(T - length - horizon) / step⌋ + 1. Both are read-only views of the series (T[, F]);
    `.copy()` them before writing.

    Raises:
        ValueError: T < length + horizon.

    >>> seen, next_values = windows([1, 2, 3, 4, 5], length=3)
    >>> seen.tolist(), next_values.tolist()
    ([[1, 2, 3], [2, 3, 4]], [[4], [5]])
    """
    series = _series(series, "windows")
    check("windows", length=length, horizon=horizon, step=step)
    if len(series) < length + horizon:
        raise ValueError(
            f"windows: {len(series)} values, one window needs length + horizon = {length} + "
            f"{horizon} = {length + horizon}; take a shorter length or a longer series"
        )
    spans = np.lib.stride_tricks.sliding_window_view(series, length + horizon, axis=0)[::step]
    spans = np.moveaxis(spans, -1, 1)  # (N, length + horizon[, F])
    return spans[:, :length], spans[:, length:]


def chronological_split(
    series: TensorLike, fractions: Sequence[float] = (0.8, 0.2), context: int = 0
) -> list[np.ndarray]:
    """Consecutive parts of a series in order of time, views: training, (validation,) test.

    Split the series first and cut windows from each part: windows cut before, or shuffled, let
    training see values that are tested. With `context` = window length, each later part starts so
    many values early: its first target is then its first own value, and only inputs overlap.

    Raises:
        ValueError: fractions that are not positive or do not add up to 1, an empty part, or a
            context longer than what comes before.

    >>> [part.tolist() for part in chronological_split(range(10))]
    [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9]]
    >>> [part.tolist() for part in chronological_split(range(10), context=3)]
    [[0, 1, 2, 3, 4, 5, 6, 7], [5, 6, 7, 8, 9]]
    """
    series = _series(series, "chronological_split")
    require("chronological_split", "fractions", fractions, _SHARES)
    check("chronological_split", context=context)
    if not np.isclose(sum(fractions), 1):
        raise ValueError(
            f"chronological_split: fractions must be positive and add up to 1, got "
            f"{tuple(fractions)}"
        )
    n = len(series)
    cuts = [0, *(round(n * part) for part in accumulate(fractions[:-1])), n]
    if any(start == stop for start, stop in pairwise(cuts)):
        raise ValueError(
            f"chronological_split: {n} values in parts {tuple(fractions)} leave a part empty"
        )
    if len(cuts) > 2 and not 0 <= context <= cuts[1]:
        raise ValueError(
            f"chronological_split: a context of {context} does not fit the {cuts[1]} values "
            "before the second part"
        )
    return [series[max(0, start - context) : stop] for start, stop in pairwise(cuts)]


def difference(series: TensorLike, lag: int = 1) -> np.ndarray:
    """x_t - x_{t-lag}, (T - lag[, F]): takes out a trend (lag 1) or a season (lag = period).

    Unsigned integers become int64 first, so that a fall is no wrap-around.

    >>> difference([1, 4, 9, 16]).tolist()
    [3, 5, 7]
    """
    series = _series(series, "difference")
    check("difference", lag=lag)
    if lag > len(series):
        raise ValueError(
            f"difference: lag must be from 1 to {len(series)}, the length of series, got {lag}"
        )
    if series.dtype.kind in "ub":
        series = series.astype(np.int64)
    return series[lag:] - series[:-lag]


def undifference(changes: TensorLike, start: TensorLike) -> np.ndarray:
    """The series whose first values are `start`, one per lag, and whose differences are `changes`.

    >>> undifference([3, 5, 7], [1]).tolist()
    [1, 4, 9, 16]
    """
    start = _series(start, "undifference", "start")
    changes = _series(changes, "undifference", "changes")
    if not len(start) or start.shape[1:] != changes.shape[1:]:
        raise ValueError(
            f"undifference: start must hold the first values, one for lag 1, as many features each "
            f"as changes; they have shapes {start.shape} and {changes.shape}"
        )
    series = np.concatenate([start, changes])
    lag = len(start)
    for phase in range(lag):
        series[phase::lag] = series[phase::lag].cumsum(axis=0)
    return series


def persistence_forecast(inputs: TensorLike, horizon: int = 1) -> np.ndarray:
    """Tomorrow is as today: the last value of each window (N, length[, F]), `horizon` times.

    The forecast (N, horizon[, F]) fits the targets of `windows`; a read-only view.

    >>> persistence_forecast([[1, 2, 3], [2, 3, 4]], horizon=2).tolist()
    [[3, 3], [4, 4]]
    """
    inputs = real_array("persistence_forecast", "inputs", inputs)
    check("persistence_forecast", horizon=horizon)
    if inputs.ndim < 2 or inputs.shape[1] == 0:
        raise ValueError(f"persistence_forecast: needs windows (N, length), got {inputs.shape}")
    return np.broadcast_to(inputs[:, -1:], (len(inputs), horizon, *inputs.shape[2:]))


@dataclass(frozen=True)
class Autoregression:
    """x_t = c + φ_1 x_{t-1} + … + φ_p x_{t-p}; `coefficients` are φ_1 … φ_p, `intercept` is c."""

    coefficients: np.ndarray
    intercept: float

    def __post_init__(self) -> None:
        coefficients = _series(self.coefficients, "Autoregression", "coefficients")
        if coefficients.ndim != 1:
            raise ValueError(f"Autoregression: coefficients {coefficients.shape}, needed (p,)")
        object.__setattr__(self, "coefficients", coefficients)
        check("Autoregression", intercept=self.intercept)

    def predict(self, inputs: TensorLike, horizon: int = 1) -> np.ndarray:
        """Windows (N, length ≥ p) to forecasts (N, horizon), each step fed the ones before it."""
        inputs = as_float("Autoregression.predict", "inputs", inputs)
        check("Autoregression.predict", horizon=horizon)
        order = len(self.coefficients)
        if inputs.ndim != 2 or inputs.shape[1] < order:
            raise ValueError(
                f"Autoregression.predict: order {order} needs windows (N, {order} or more), got "
                f"{inputs.shape}"
            )
        values = np.empty((len(inputs), order + horizon), inputs.dtype)
        values[:, :order] = inputs[:, inputs.shape[1] - order :]
        for t in range(order, order + horizon):
            past = values[:, t - order : t][:, ::-1]  # (N, p), newest first
            values[:, t] = past @ self.coefficients + self.intercept
        return values[:, order:]


def fit_autoregression(series: TensorLike, order: int) -> Autoregression:
    """AR(p) by least squares over all of the series (T,): the baseline for forecasts.

    Raises:
        ValueError: a series that is not 1-D or not finite, or with fewer than 2 p + 1 values,
            which are needed for p + 1 unknowns.

    >>> model = fit_autoregression([1.0, 2.0, 4.0, 8.0, 16.0], order=1)
    >>> bool(np.allclose(model.predict([[16.0]], horizon=2), [[32.0, 64.0]]))
    True
    """
    name = "fit_autoregression"
    series = as_float(name, "series", _series(series, name))
    check(name, order=order)
    if series.ndim != 1:
        raise ValueError(f"fit_autoregression: needs a series (T,), got {series.shape}")
    if not np.isfinite(series).all():
        raise ValueError("fit_autoregression: the series holds nan or inf; fill or cut them first")
    if len(series) < 2 * order + 1:
        raise ValueError(
            f"fit_autoregression: order {order} needs the series to hold "
            f"2 · {order} + 1 = {2 * order + 1} values, it holds {len(series)}"
        )
    past, following = windows(series, order)
    design = np.column_stack([past[:, ::-1], np.ones(len(past), series.dtype)])  # (T - p, p + 1)
    solution = np.linalg.lstsq(design, following[:, 0], rcond=None)[0]
    return Autoregression(solution[:-1], float(solution[-1]))


def _series(value: TensorLike, function: str, name: str = "series") -> np.ndarray:
    series = real_array(function, name, value)
    if series.ndim == 0:
        raise ValueError(
            f"{function}: {name} must be a series (T,) or (T, F), not a single value, {series!r}"
        )
    return series
