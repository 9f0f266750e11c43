"""The chapter's neurons: N1 (5-1), N2 (5-2, 5-3), and its learning rules on them (N11)."""

from __future__ import annotations

import numpy as np
import pytest

import microgradnd as mg
import microgradnd.nn.functional as F
from microgradnd import Tensor, nn, optim

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
AND, OR, XOR = np.array([[0, 0, 0, 1], [0, 1, 1, 1], [0, 1, 1, 0]], float)[..., None]
random = np.random.default_rng(0)


def neuron(weight: list, bias: list, **options) -> nn.Perceptron:
    unit = nn.Perceptron(len(weight[0]), len(weight), **options)
    unit.weight.data, unit.bias.data = weight, bias
    return unit


def test_a_neuron_is_equation_5_1() -> None:
    """N1: the sum taken term by term, its term 0 the bias."""
    w, b, x = [0.3, -0.2, 0.5], 0.1, [1.0, 2.0, -1.0]
    net = b + sum(wi * xi for wi, xi in zip(w, x))
    unit = neuron([w], [b], activation=F.sigmoid)
    np.testing.assert_allclose(unit(x).numpy(), [1 / (1 + np.exp(-net))], rtol=1e-15)


@pytest.mark.parametrize(
    ("weight", "bias", "table"), [([1.0, 1.0], -1.5, AND), ([1.0, 1.0], -0.5, OR)]
)
def test_and_and_or_by_hand(weight: list, bias: float, table: np.ndarray) -> None:
    np.testing.assert_array_equal(neuron([weight], [bias])(CORNERS).numpy(), table)


def test_no_neuron_of_a_fine_grid_gives_xor_and_three_do() -> None:
    """Minsky, Papert 1969: w1 + b ≥ 0, w2 + b ≥ 0, b < 0 and w1 + w2 + b < 0 have no solution."""
    axis = np.linspace(-2, 2, 21)
    w1, w2, b = (part.ravel() for part in np.meshgrid(axis, axis, axis))
    many = neuron(np.stack([w1, w2], 1).tolist(), b.tolist())(CORNERS).numpy()  # (4, units)
    found = {tuple(column) for column in many.T.astype(int).tolist()}
    assert len(found) == 14  # of the 16 tables all but XOR and its opposite
    assert (0, 1, 1, 0) not in found
    assert (1, 0, 0, 1) not in found
    hidden = neuron([[1.0, 1.0], [1.0, 1.0]], [-0.5, -1.5])  # OR, AND
    net = nn.Sequential(hidden, neuron([[1.0, -1.0]], [-0.5]))  # OR and not AND
    np.testing.assert_array_equal(net(CORNERS).numpy(), XOR)


def learned(table: np.ndarray, epochs: int) -> tuple[nn.Perceptron, int]:
    """N11's perceptron rule, sample by sample; the bias is the weight of a constant 1."""
    unit, mistakes = neuron([[0.0, 0.0]], [0.0]), 0
    for _ in range(epochs):
        mistakes = 0
        for x, d in zip(CORNERS, table):
            o = unit(x).numpy()
            mistakes += int((o != d).any())
            unit.weight.data += optim.perceptron(x, d, o)
            unit.bias.data += optim.perceptron(np.ones(1), d, o)[:, 0]
    return unit, mistakes


@pytest.mark.parametrize("table", [AND, OR])
def test_the_perceptron_rule_learns_and_and_or(table: np.ndarray) -> None:
    unit, mistakes = learned(table, 20)
    assert mistakes == 0
    np.testing.assert_array_equal(unit(CORNERS).numpy(), table)


def test_the_perceptron_rule_never_settles_on_xor() -> None:
    assert learned(XOR, 200)[1] > 0


def test_the_delta_rule_is_the_neurons_gradient_step() -> None:
    """N11, N4: Δw = -η ∂E/∂w with E of 5-4."""
    unit = nn.Perceptron(3, 2, F.sigmoid, rng=np.random.default_rng(1))
    x, d = random.standard_normal((5, 3)), random.uniform(size=(5, 2))
    o = unit(x)
    (0.5 * (d - o) ** 2).sum().backward()
    rule = optim.delta(x, d, o.detach().numpy(), lambda o: o * (1 - o), 0.3)
    np.testing.assert_allclose(rule, -0.3 * unit.weight.grad.numpy(), rtol=1e-12)


def test_the_delta_rule_lowers_the_error_until_or_is_learned() -> None:
    unit, errors = neuron([[0.0, 0.0]], [0.0], activation=F.sigmoid), []
    for _ in range(500):
        o = unit(CORNERS).numpy()
        errors.append(0.5 * ((OR - o) ** 2).sum())
        slope = o * (1 - o)
        unit.weight.data += optim.delta(CORNERS, OR, o, slope, 1.0)
        unit.bias.data += optim.delta(np.ones((4, 1)), OR, o, slope, 1.0)[:, 0]
    assert (np.diff(errors) < 0).all()
    np.testing.assert_array_equal(unit(CORNERS).numpy() > 0.5, OR > 0.5)


def test_hebbs_rule_stores_a_pattern_that_a_damaged_one_recalls() -> None:
    pattern = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    unit = neuron(np.zeros((5, 5)).tolist(), [0.0] * 5, activation=np.sign)
    unit.weight.data += optim.hebb(pattern, pattern)
    damaged = pattern * [1, 1, -1, 1, 1]
    np.testing.assert_array_equal(unit(damaged).numpy(), pattern)


def test_a_unit_fires_at_its_threshold() -> None:
    """N2, with f the step: net = 2·1 + 1·x + 0.5 against θ = 3.5."""
    unit = nn.ThresholdUnit(2, activation=F.step)
    unit.weight.data, unit.bias.data, unit.threshold.data = [[2.0, 1.0]], [0.5], [3.5]
    assert unit([[1.0, 0.99], [1.0, 1.0]]).tolist() == [[0.0], [1.0]]


def test_two_layers_of_units_are_equations_5_2_and_5_3() -> None:
    """N2, once more by sums over single units."""
    hidden, output = (nn.ThresholdUnit(*n, rng=np.random.default_rng(2)) for n in [(2, 3), (3, 1)])
    hidden.threshold.data, output.threshold.data = [0.3, -0.2, 0.1], [0.4]
    x = [0.7, -1.2]

    def layer(unit: nn.ThresholdUnit, x: list) -> list:
        rows, b, theta = unit.weight.tolist(), unit.bias.tolist(), unit.threshold.tolist()
        nets = [sum(w * v for w, v in zip(row, x)) + b[j] for j, row in enumerate(rows)]
        return [1 / (1 + np.exp(-(net - theta[j]))) for j, net in enumerate(nets)]

    np.testing.assert_allclose(
        output(hidden(x)).numpy(), layer(output, layer(hidden, x)), rtol=1e-14
    )


@pytest.mark.parametrize("activation", [F.sigmoid, F.tanh, F.gaussian])
def test_gradients_agree_with_finite_differences(activation) -> None:
    unit = nn.ThresholdUnit(3, 2, activation, rng=np.random.default_rng(3))
    x = Tensor(random.standard_normal((4, 3)), requires_grad=True)
    leaves = [x, *unit.parameters()]
    mg.gradcheck(lambda *_: unit(x), leaves)
    mg.gradgradcheck(lambda *_: unit(x), leaves)


def test_a_threshold_has_the_opposite_gradient_of_the_bias() -> None:
    unit = nn.ThresholdUnit(3, 2)
    unit(random.standard_normal((4, 3))).sum().backward()
    np.testing.assert_array_equal(unit.threshold.grad.data, -unit.bias.grad.data)
    assert np.abs(unit.bias.grad.data).min() > 0


def test_no_gradient_passes_a_step() -> None:
    unit = nn.Perceptron(2)
    unit(CORNERS).sum().backward()
    assert not unit.weight.grad.data.any()


def test_parameters_are_named_shaped_and_typed_as_a_linear_layers() -> None:
    unit = nn.ThresholdUnit(3, 2, dtype=np.float32)
    found = [(name, p.shape, p.dtype) for name, p in unit.named_parameters()]
    expected = [("weight", (2, 3)), ("bias", (2,)), ("threshold", (2,))]
    assert found == [(name, shape, np.float32) for name, shape in expected]
    assert unit(np.ones((1, 3), np.float32)).dtype == np.float32
    assert "Perceptron(3, 2" in repr(nn.Perceptron(3, 2))
    with pytest.raises(ValueError, match="in_features must be a whole number of at least 1, not 0"):
        nn.Perceptron(0)
