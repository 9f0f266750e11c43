"""Time series: what is seen never overlaps what is asked, and the baselines do what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnd.data import (
    chronological_split,
    difference,
    fit_autoregression,
    persistence_forecast,
    undifference,
    windows,
)


@given(
    st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.integers(0, 20), st.integers(0, 3)
)
def test_targets_follow_their_windows_without_a_gap(
    length: int, horizon: int, step: int, more: int, features: int
) -> None:
    time = np.arange(length + horizon + more)
    series = time if features == 0 else time[:, None] + 1000 * np.arange(features)
    seen, following = windows(series, length, horizon, step)
    n = more // step + 1
    assert seen.shape == (n, length, *series.shape[1:])
    assert following.shape == (n, horizon, *series.shape[1:])
    for i in range(n):
        np.testing.assert_array_equal(seen[i], series[i * step : i * step + length])
        start = i * step + length
        np.testing.assert_array_equal(following[i], series[start : start + horizon])


@pytest.mark.parametrize("shape", [(9,), (9, 2)])
def test_windows_are_read_only_views(shape: tuple[int, ...]) -> None:
    series = np.zeros(shape, np.float32)
    for view in windows(series, 3, 2):
        assert np.shares_memory(view, series)
        assert view.dtype == np.float32
        assert not view.flags.writeable


def test_a_series_of_one_window_gives_one() -> None:
    seen, following = windows([1, 2, 3], 2)
    assert (seen.tolist(), following.tolist()) == ([[1, 2]], [[3]])


@pytest.mark.parametrize(
    ("series", "options", "said"),
    [
        ([1, 2, 3], (2, 2), r"3 values, .* 2 \+ 2 = 4"),
        ([], (1, 1), "0 values"),
        ([1, 2, 3], (0, 1), "whole number of at least 1"),
        ([1, 2, 3], (1, 0), "whole number of at least 1"),
        ([1, 2, 3], (1, 1, 0), "whole number of at least 1"),
        (3.0, (1, 1), "single value"),
    ],
)
def test_windows_that_cannot_be_cut_are_refused(series, options: tuple, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        windows(series, *options)


@given(st.integers(10, 200), st.sampled_from([(0.8, 0.2), (0.7, 0.15, 0.15), (0.3, 0.3, 0.4)]))
def test_the_parts_of_a_split_are_the_series_in_order(n: int, fractions: tuple) -> None:
    series = np.arange(n)
    parts = chronological_split(series, fractions)
    assert np.concatenate(parts).tolist() == series.tolist()
    for part, fraction in zip(parts, fractions):
        assert abs(len(part) - fraction * n) <= 1
        assert np.shares_memory(part, series)


def test_with_context_the_first_test_target_is_the_first_test_value() -> None:
    series = np.arange(100)
    training, test = chronological_split(series, context=12)
    _, targets = windows(test, 12)
    assert training[-1] == 79
    assert targets.ravel().tolist() == list(range(80, 100))


def test_no_test_value_is_seen_in_training() -> None:
    training, test = chronological_split(np.arange(100))
    seen, following = windows(training, 5)
    assert max(seen.max(), following.max()) < test.min()


def test_a_split_into_fractions_that_round_keeps_every_value() -> None:
    parts = chronological_split(np.arange(1_000_000), (0.5, 0.499995))
    assert sum(map(len, parts)) == 1_000_000


@pytest.mark.parametrize(
    ("n", "options", "said"),
    [
        (10, {"fractions": (0.8, 0.3)}, "add up to 1"),
        (10, {"fractions": (1.2, -0.2)}, "above 0"),
        (10, {"fractions": ()}, "above 0"),
        (2, {"fractions": (0.9, 0.1)}, "part empty"),
        (0, {}, "part empty"),
        (10, {"context": 9}, "context of 9 does not fit the 8"),
        (10, {"context": -1}, "context"),
    ],
)
def test_a_split_that_cannot_be_is_refused(n: int, options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        chronological_split(np.arange(n), **options)


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=30), st.data())
def test_differences_add_up_to_the_series_again(values: list[int], data: st.DataObject) -> None:
    lag = data.draw(st.integers(1, len(values)))
    changes = difference(values, lag)
    assert len(changes) == len(values) - lag
    assert undifference(changes, values[:lag]).tolist() == values


def test_a_season_is_taken_out_by_its_lag_for_each_feature() -> None:
    season = np.tile([[1.0, 5.0], [2.0, 3.0], [4.0, 0.0]], (4, 1))
    assert not difference(season, 3).any()
    np.testing.assert_array_equal(undifference(difference(season, 3), season[:3]), season)


def test_a_fall_of_unsigned_counts_is_negative() -> None:
    assert difference(np.array([5, 3], np.uint8)).tolist() == [-2]
    assert difference(np.array([True, False])).tolist() == [-1]


def test_differences_without_a_lag_or_a_start_are_refused() -> None:
    for lag, words in ((0, "at least 1, not 0"), (4, "from 1 to 3")):
        with pytest.raises(ValueError, match=words):
            difference([1, 2, 3], lag)
    with pytest.raises(ValueError, match="first values"):
        undifference([1, 2], [])


# Baselines


@pytest.mark.parametrize("shape", [(20,), (20, 3)])
def test_persistence_fits_the_targets_and_repeats_the_last_value(shape: tuple[int, ...]) -> None:
    series = np.random.default_rng(0).normal(size=shape)
    seen, following = windows(series, 4, horizon=3)
    forecast = persistence_forecast(seen, 3)
    assert forecast.shape == following.shape
    assert (forecast == seen[:, -1:]).all()
    with pytest.raises(ValueError, match=r"\(5,\)"):
        persistence_forecast(np.ones(5))


def recurrence(coefficients: list[float], intercept: float, n: int, noise: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = list(rng.normal(size=len(coefficients)))
    while len(x) < n:
        past = sum(phi * x[-lag] for lag, phi in enumerate(coefficients, 1))
        x.append(past + intercept + noise * rng.normal())
    return np.array(x)


def test_a_series_without_noise_gives_its_own_coefficients() -> None:
    series = recurrence([1.5, -0.9], 0.7, 60, 0.0)
    model = fit_autoregression(series, 2)
    np.testing.assert_allclose(model.coefficients, [1.5, -0.9])
    np.testing.assert_allclose(model.intercept, 0.7)


def test_forecasts_of_many_steps_go_on_from_themselves() -> None:
    series = recurrence([1.5, -0.9], 0.7, 60, 0.0)
    model = fit_autoregression(series[:30], 2)
    seen, following = windows(series, 5, horizon=10)
    np.testing.assert_allclose(model.predict(seen, 10), following, atol=1e-8)


def test_the_fit_is_the_least_squares_of_the_normal_equations() -> None:
    series = recurrence([0.6, 0.2, -0.3], 0.1, 300, 1.0)
    model = fit_autoregression(series, 3)
    past, following = windows(series, 3)
    residual = following[:, 0] - model.predict(past)[:, 0]
    np.testing.assert_allclose(past.T @ residual, 0, atol=1e-9)
    np.testing.assert_allclose(residual.sum(), 0, atol=1e-9)
    np.testing.assert_allclose(model.coefficients, [0.6, 0.2, -0.3], atol=0.15)


def test_the_chosen_order_beats_persistence_where_the_series_swings() -> None:
    series = recurrence([1.6, -0.95], 0.0, 400, 0.5)
    training, test = chronological_split(series, context=2)
    seen, following = windows(test, 2)
    model = fit_autoregression(training, 2)
    error = np.mean((model.predict(seen) - following) ** 2)
    assert error < 0.5 * np.mean((persistence_forecast(seen) - following) ** 2)


def test_a_float32_series_keeps_its_dtype() -> None:
    series = recurrence([0.5], 1.0, 30, 0.1).astype(np.float32)
    model = fit_autoregression(series, 1)
    assert model.coefficients.dtype == np.float32
    assert model.predict(series[None]).dtype == np.float32


@pytest.mark.parametrize(
    ("series", "order", "said"),
    [
        (np.ones(4), 2, r"2 · 2 \+ 1 = 5 values, it holds 4"),
        (np.ones(4), 0, "at least 1"),
        (np.ones((9, 2)), 1, r"\(9, 2\)"),
        (np.array([1.0, np.nan, 2.0]), 1, "nan"),
    ],
)
def test_a_series_that_cannot_be_fitted_is_refused(
    series: np.ndarray, order: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        fit_autoregression(series, order)


def test_a_window_shorter_than_the_order_is_refused() -> None:
    model = fit_autoregression(np.arange(9.0), 3)
    with pytest.raises(ValueError, match=r"order 3 .* \(1, 2\)"):
        model.predict(np.ones((1, 2)))
