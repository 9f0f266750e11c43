"""Initialisers: their distributions by bounds and moments, fans, orthogonality, refusals."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from microgradnd import Tensor, manual_seed, nn
from microgradnd.nn import init

SHAPE = (300, 50, 2, 2)  # fan_in 200, fan_out 1200
ROOT2 = math.sqrt(2)


def weight(shape: Any = SHAPE, dtype: Any = np.float64) -> Tensor:
    return Tensor(np.full(shape, np.nan, dtype), requires_grad=True)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


UNIFORM = [
    (init.uniform_, {"a": -3.0, "b": 3.0}, 3.0),
    (init.xavier_uniform_, {}, math.sqrt(6 / 1400)),
    (init.xavier_uniform_, {"gain": 5 / 3}, 5 / 3 * math.sqrt(6 / 1400)),
    (init.kaiming_uniform_, {}, ROOT2 * math.sqrt(3 / 200)),
    (init.kaiming_uniform_, {"mode": "fan_out", "nonlinearity": "tanh"}, 5 / 3 * 0.05),
    (init.kaiming_uniform_, {"a": math.sqrt(5)}, 1 / math.sqrt(200)),
]
NORMAL = [
    (init.normal_, {"mean": 2.0, "std": 0.5}, 2.0, 0.5),
    (init.xavier_normal_, {"gain": 2.0}, 0.0, 2 * math.sqrt(2 / 1400)),
    (init.kaiming_normal_, {"nonlinearity": "relu"}, 0.0, ROOT2 / math.sqrt(200)),
    (init.kaiming_normal_, {"mode": "fan_out", "a": 1.0}, 0.0, 1 / math.sqrt(1200)),
]
DRAWING = [init.orthogonal_, *(row[0] for row in UNIFORM[::2]), *(row[0] for row in NORMAL[:3])]


@pytest.mark.parametrize(("fill", "options", "bound"), UNIFORM)
def test_uniform_draws_fill_their_bounds(fill: Callable, options: dict, bound: float) -> None:
    x = fill(weight(), rng=rng(), **options).numpy()
    assert np.abs(x).max() <= bound
    assert np.abs(x).max() > 0.999 * bound  # 60,000 draws come that near
    assert x.std() == pytest.approx(bound / math.sqrt(3), rel=0.01)
    assert abs(x.mean()) < 0.01 * bound


@pytest.mark.parametrize(("fill", "options", "mean", "std"), NORMAL)
def test_normal_draws_have_their_moments(
    fill: Callable, options: dict, mean: float, std: float
) -> None:
    x = fill(weight(), rng=rng(), **options).numpy()
    assert x.mean() == pytest.approx(mean, abs=0.02 * std)
    assert x.std() == pytest.approx(std, rel=0.01)
    z = (x - mean) / std
    assert np.mean(z**4) == pytest.approx(3, rel=0.05)  # a uniform one has 1.8
    assert np.mean(np.abs(z) < 1) == pytest.approx(0.6827, abs=0.01)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (2, 3, 2, 2), (1, 5)])
def test_orthogonal_matrices_keep_lengths(shape: tuple) -> None:
    w = init.orthogonal_(weight(shape), gain=2.0, rng=rng()).numpy().reshape(shape[0], -1)
    w = w if len(w) <= w.shape[1] else w.T
    np.testing.assert_allclose(w @ w.T, 4 * np.eye(len(w)), atol=1e-12)


def test_orthogonal_matrices_turn_in_all_directions_alike() -> None:
    """Without setting signs, QR gives a diagonal that leans to one side."""
    source = rng()
    drawn = [init.orthogonal_(weight((2, 2)), rng=source).numpy() for _ in range(2000)]
    np.testing.assert_allclose(np.mean(drawn, 0), 0, atol=0.06)
    assert np.mean([np.linalg.det(w) > 0 for w in drawn]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("fill", DRAWING)
def test_filling_keeps_the_leaf_its_dtype_and_its_gradient(fill: Callable) -> None:
    w = weight((3, 4), np.float32)
    w.grad = np.ones((3, 4), np.float32)
    assert fill(w, rng=rng()) is w
    assert w.dtype == np.float32
    assert w.is_leaf
    assert w.requires_grad
    assert w.grad.tolist() == np.ones((3, 4)).tolist()
    assert np.isfinite(w.numpy()).all()


@pytest.mark.parametrize("fill", DRAWING)
def test_the_same_generator_gives_the_same_draw(fill: Callable) -> None:
    first, again = (fill(weight((3, 4)), rng=rng()).tolist() for _ in range(2))
    assert first == again
    manual_seed(5)
    kept = fill(weight((3, 4))).tolist()
    assert kept == fill(weight((3, 4)), rng=np.random.default_rng(5)).tolist()
    assert kept != first


def test_constants() -> None:
    assert init.zeros_(weight((2,))).tolist() == [0.0, 0.0]
    assert init.ones_(weight((2,))).tolist() == [1.0, 1.0]
    assert init.constant_(weight((2, 1)), -0.3).tolist() == [[-0.3], [-0.3]]
    assert init.constant_(weight(()), 4.0).item() == 4.0


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((5, 3), (3, 5)), ((20, 3, 5, 5), (75, 500)), ((4, 6, 3), (18, 12)), ((0, 3), (3, 0))],
)
def test_fans_count_the_field_of_a_convolution(shape: tuple, expected: tuple) -> None:
    assert init.fans(weight(shape)) == expected


def test_the_fans_of_a_grouped_convolution_see_one_group() -> None:
    assert init.fans(nn.Conv2d(8, 4, 3, groups=2).weight) == (36, 36)


def test_a_weight_without_elements_stays_one() -> None:
    assert init.xavier_uniform_(weight((0, 0))).shape == (0, 0)
    assert init.kaiming_normal_(weight((3, 0))).shape == (3, 0)


def test_he_keeps_the_size_of_signals_through_relu_and_a_small_start_does_not() -> None:
    source = rng()
    small = kept = source.standard_normal((200, 256))
    for _ in range(10):
        he = init.kaiming_normal_(weight((256, 256)), nonlinearity="relu", rng=source).numpy()
        kept = np.maximum(kept @ he.T, 0)
        small = np.maximum(small @ (he / 2).T, 0)
    assert 0.3 < np.mean(kept**2) < 3
    assert np.mean(small**2) < 1e-5


def test_a_graph_made_before_a_leaf_is_refilled_keeps_what_it_saw() -> None:
    w = weight((2,))
    out = (init.ones_(w) ** 2).sum()
    init.zeros_(w)
    out.backward()
    assert w.grad.tolist() == [2.0, 2.0]
    assert w.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: init.xavier_normal_(weight((3,))), ValueError, r"shape \(3,\).*bias"),
        (lambda: init.orthogonal_(weight((3,))), ValueError, "2 or more axes"),
        (lambda: init.kaiming_normal_(weight(), mode="fan"), ValueError, "'fan_in' or 'fan_out'"),
        (lambda: init.kaiming_normal_(weight(), nonlinearity="cube"), ValueError, "leaky_relu"),
        (lambda: init.uniform_(weight(), 1.0, 0.0), ValueError, "above"),
        (lambda: init.normal_(weight(), std=-1.0), ValueError, "at least 0"),
        (lambda: init.zeros_(np.ones(2)), TypeError, r"Tensor\(x\)"),
        (lambda: init.normal_(Tensor([1, 2])), TypeError, "dtype"),
        (lambda: init.zeros_(weight((2,)) * 2), TypeError, "computed tensor"),
    ],
)
def test_refusals_say_what_to_do(call: Callable, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def torch_or_skip() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def test_gains_and_fans_are_torchs() -> None:
    torch = torch_or_skip()
    for name in [*init._GAINS, "leaky_relu"]:
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert init.calculate_gain("leaky_relu", 0.2) == pytest.approx(
        torch.nn.init.calculate_gain("leaky_relu", 0.2)
    )
    find = torch.nn.init._calculate_fan_in_and_fan_out
    for shape in [(5, 3), (4, 6, 3), (20, 3, 5, 5)]:
        assert init.fans(weight(shape)) == find(torch.empty(shape))
