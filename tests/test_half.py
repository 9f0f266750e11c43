"""float16: what its range holds comes out right, though squares and sums on the way exceed it."""

from __future__ import annotations

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn, optim
from microgradnd.nn import functional as F

HALF, SINGLE = np.float16, np.float32


def pair(values: object) -> list[mg.Tensor]:
    """The same values as leaves of float16 and of float32."""
    return [mg.Tensor(np.array(values, d), requires_grad=True) for d in (HALF, SINGLE)]


def alike(half: mg.Tensor, single: mg.Tensor) -> None:
    assert (half.dtype, single.dtype) == (HALF, SINGLE)
    np.testing.assert_allclose(half.data, single.data.astype(HALF), rtol=2e-3)


@pytest.mark.parametrize("loss", [F.mse_loss, F.half_squared_error, F.first_component_loss])
def test_a_large_error_among_many_small_ones_has_a_finite_loss(loss: object) -> None:
    x = np.zeros((100, 2))
    x[3] = 500.0  # its square is 250,000; the mean over 100 samples 2,500
    results = []
    for t in pair(x):
        out = loss(t, t.data * 0 if loss is not F.first_component_loss else t.data[:, 0] * 0)  # type: ignore[operator]
        out.backward()
        results.append((out, t.grad))
    for half, single in zip(*results):
        alike(half.detach(), single.detach())


def test_layer_norm_of_large_values() -> None:
    results = []
    for t in pair([[1000.0, -1000.0, 500.0]]):
        out = F.layer_norm(t, 3)
        (out * out * out).sum().backward()
        results.append((out, t.grad))
    (half, _), (single, _) = results
    alike(half.detach(), single.detach())
    assert abs(half.data).min() > 0.3


def test_batch_norm_of_large_values_and_its_statistics() -> None:
    layers = nn.BatchNorm1d(1, dtype=HALF), nn.BatchNorm1d(1, dtype=SINGLE)
    half, single = (layer(t) for layer, t in zip(layers, pair([[200.0], [-800.0], [500.0]])))
    alike(half.detach(), single.detach())
    np.testing.assert_allclose(layers[0].running_mean, layers[1].running_mean, rtol=2e-3)


@pytest.mark.parametrize("pool", [F.avg_pool1d, nn.AvgPool1d(4)])
def test_the_mean_of_a_window_whose_sum_overflows(pool: object) -> None:
    options = (4,) if pool is F.avg_pool1d else ()
    half, single = (pool(t, *options) for t in pair(np.full((1, 1, 8), 60000.0)))  # type: ignore[operator]
    alike(half.detach(), single.detach())


@pytest.mark.parametrize(
    ("value", "dtype"), [(1000.0, "f2"), (1e-6, "f2"), (1e30, "f4"), (1e-30, "f4"), (1e200, "f8")]
)
def test_gradients_are_clipped_to_their_norm_where_squares_leave_the_range(
    value: float, dtype: str
) -> None:
    w = mg.Tensor(np.zeros(4, dtype), requires_grad=True)
    w.grad = mg.Tensor(np.full(4, value, dtype))
    held = float(w.grad.data[0])
    assert optim.clip_grad_norm_([w], 1.0) == pytest.approx(2 * held)
    wanted = held if held < 0.5 else 0.5
    np.testing.assert_allclose(w.grad.data, wanted, rtol=2e-3)


def test_a_scale_too_small_for_float16_does_not_make_gradients_vanish() -> None:
    w = mg.Tensor(np.zeros(10**6, HALF), requires_grad=True)
    w.grad = mg.Tensor(np.full(10**6, 60000.0, HALF))
    optim.clip_grad_norm_([w], 1.0)
    np.testing.assert_allclose(w.grad.data, 1e-3, rtol=2e-3)
