"""float16: what its range holds comes out right, though squares and sums on the way exceed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


# --- As PyTorch computes it ----------------------------------------------------------------------
TABLE = np.random.default_rng(0).uniform(0, 1, (5000, 3)).astype(HALF)
SMALL = TABLE * HALF(1e-3)
LARGE = np.array([-3000, 3000, 0], HALF)  # whose squares overflow
ONES = np.ones((3, 2), HALF)
AS_TORCH: dict[str, tuple[np.ndarray, Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "sum": (TABLE, lambda x: x.sum(0), lambda t, x: x.sum(0)),
    "sum of all": (TABLE, lambda x: x.sum(), lambda t, x: x.sum()),
    "mean": (TABLE, lambda x: x.mean(0), lambda t, x: x.mean(0)),
    "nansum": (TABLE, lambda x: mg.nansum(x, 0), lambda t, x: x.nansum(0)),
    "prod": (TABLE[:40] * 2, lambda x: x.prod(0), lambda t, x: x.prod(0)),
    "cumsum": (SMALL, lambda x: x.cumsum(0), lambda t, x: x.cumsum(0)),
    "cumprod": (TABLE[:20] * 2, lambda x: x.cumprod(0), lambda t, x: x.cumprod(0)),
    "softmax": (TABLE * 8, lambda x: x.softmax(0), lambda t, x: x.softmax(0)),
    "log_softmax": (TABLE, lambda x: x.log_softmax(0), lambda t, x: x.log_softmax(0)),
    "logsumexp": (TABLE, lambda x: x.logsumexp(0), lambda t, x: x.logsumexp(0)),
    "norm": (LARGE, lambda x: mg.norm(x), lambda t, x: x.norm()),
    "norm along an axis": (TABLE, lambda x: x.norm(axis=0), lambda t, x: x.norm(dim=0)),
    "1-norm": (TABLE, lambda x: x.norm(1, axis=0), lambda t, x: x.norm(1, dim=0)),
    "var": (TABLE, lambda x: x.var(0), lambda t, x: x.var(0, correction=0)),
    "std": (LARGE, lambda x: x.std(), lambda t, x: x.std(correction=0)),
    "matmul": (TABLE, lambda x: x.T @ ONES[[0] * 5000], lambda t, x: x.T @ t(ONES[[0] * 5000])),
    "einsum": (TABLE, lambda x: mg.einsum("ij->j", x), lambda t, x: x.sum(0)),
    "linear": (TABLE, lambda x: F.linear(x, ONES.T), lambda t, x: x @ t(ONES)),
    "broadcast": (TABLE[0], lambda x: (x + TABLE) * SMALL, lambda t, x: (x + t(TABLE)) * t(SMALL)),
}  # fmt: skip


@pytest.mark.parametrize(("array", "ours", "theirs"), AS_TORCH.values(), ids=AS_TORCH)
def test_float16_accumulates_as_torch_does(
    array: np.ndarray, ours: Callable[[Any], Any], theirs: Callable[[Any, Any], Any]
) -> None:
    torch = pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
    x, y = mg.Tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    out, other = ours(x), theirs(torch.tensor, y)
    assert out.dtype == HALF == other.detach().numpy().dtype
    # One unit in the last place: the order of sums is nobody's to say.
    np.testing.assert_allclose(out.data, other.detach().numpy(), rtol=1.1e-3, atol=6e-8)
    seed = np.linspace(0.5, 1, out.size).reshape(out.shape).astype(HALF)
    out.backward(seed)
    other.backward(torch.tensor(seed))
    scale = float(np.abs(y.grad.numpy().astype(float)).max())
    np.testing.assert_allclose(x.grad.data, y.grad.numpy(), rtol=4e-3, atol=2e-3 * scale)
