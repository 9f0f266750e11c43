"""Activations A1 to A7 and their relatives: formulas, kinks, saturation, PyTorch as an oracle."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
import microgradnd.nn.functional as F
from microgradnd import Tensor, nn

LAYERS = [
    nn.Affine(2.0, 0.5), nn.Sigmoid(), nn.Tanh(), nn.Gaussian(0.5, 2.0), nn.ReLU(),
    nn.LeakyReLU(), nn.Softplus(), nn.ELU(0.7), nn.GELU(), nn.GELU("tanh"), nn.SiLU(),
    nn.Hardtanh(), nn.Softmax(), nn.LogSoftmax(), nn.ReLU6(), nn.SELU(), nn.CELU(0.7), nn.Mish(),
    nn.Softsign(), nn.Hardsigmoid(), nn.Hardswish(), nn.Hardshrink(0.4), nn.Softshrink(0.4),
    nn.Tanhshrink(), nn.LogSigmoid(), nn.Threshold(0.2, -1.5), nn.Softmin(), nn.RReLU().eval(),
    nn.PReLU(), nn.Step(),
]  # fmt: skip
SPECIAL = np.array([[0.0, 1.0, -1.0, 30.0, -30.0, 1e-3, -1e-3]])


def name_of(layer: nn.Module) -> str:
    return repr(layer).split("  #")[0]


each = pytest.mark.parametrize("layer", LAYERS, ids=name_of)
FORMS: dict[str, Callable] = {
    "Affine": lambda torch, x: 2 * x + 0.5,
    "Gaussian": lambda torch, x: torch.exp(-(((x - 0.5) / 2) ** 2) / 2),
    "ELU": lambda torch, x: torch.nn.functional.elu(x, 0.7),
    "Softmax": lambda torch, x: torch.softmax(x, -1),
    "LogSoftmax": lambda torch, x: torch.log_softmax(x, -1),
}


def torch_form(layer: nn.Module, torch: Any) -> Callable:
    kind = type(layer).__name__
    if kind in FORMS:
        return lambda x: FORMS[kind](torch, x)
    if kind == "PReLU":
        return torch.nn.PReLU(dtype=torch.double)
    if kind in ("Softmin", "RReLU", "GELU", "CELU", "Hardshrink", "Softshrink", "Threshold"):
        options = {k: getattr(layer, k) for k in layer.__match_args__}
        return getattr(torch.nn, kind)(**options).eval()
    return getattr(torch.nn, kind)()


@pytest.mark.parametrize("layer", LAYERS[:-1], ids=name_of)  # torch has no step
def test_values_and_two_derivatives_are_torchs(layer: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        torch = pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
    random = np.random.default_rng(0)
    for x in (random.standard_normal((3, 7)) * 2, SPECIAL):
        g = random.standard_normal(x.shape)
        ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        out, expected = layer(ours), torch_form(layer, torch)(theirs)
        out.backward(g, create_graph=True)
        first = ours.grad
        (wanted,) = torch.autograd.grad(expected, theirs, torch.tensor(g), create_graph=True)
        single = isinstance(layer, (nn.Hardsigmoid, nn.CELU))  # torch's 1/6 and 1/α are float32
        close = {"rtol": 1e-6 if single else 1e-10, "atol": 1e-7 if single else 1e-12}
        np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), **close)
        np.testing.assert_allclose(first.numpy(), wanted.detach().numpy(), **close)
        if first.requires_grad and wanted.requires_grad:
            ours.grad = None
            (first * first).sum().backward()
            (second,) = torch.autograd.grad((wanted * wanted).sum(), theirs, allow_unused=True)
            if second is not None:
                found = ours.grad.numpy() if ours.grad is not None else np.zeros(x.shape)
                # elu's kink has two second derivatives: torch takes the right one, we the left
                there = (x != 0) | (not isinstance(layer, (nn.ELU, nn.SELU, nn.CELU)))
                np.testing.assert_allclose(found[there], second.numpy()[there], **close)


@each
def test_derivatives_agree_with_finite_differences(layer: nn.Module) -> None:
    x = Tensor([[0.3, -0.7, 1.6, -2.1]], requires_grad=True)
    mg.gradcheck(layer, [x])
    mg.gradgradcheck(layer, [x])


@each
def test_float32_stays_float32_and_large_inputs_stay_finite(layer: nn.Module) -> None:
    x = Tensor(np.array([[0.0, 80.0, -80.0]], np.float32), requires_grad=True)
    layer.zero_grad()  # (of a computed gradient there is no copy)
    out = copy.deepcopy(layer).float()(x)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == np.float32
    assert np.isfinite(out.numpy()).all()
    assert np.isfinite(x.grad.numpy()).all()


@each
def test_each_layer_says_formula_derivative_and_saturation(layer: nn.Module) -> None:
    text = type(layer).__doc__
    assert "f(x)" in text or "f(a)_j" in text
    assert "Derivative:" in text
    assert isinstance(layer, nn.Step) or "saturates" in text.lower()


def slope(function: Callable, x: list) -> list:
    leaf = Tensor(x, requires_grad=True)
    function(leaf).sum().backward()
    return leaf.grad.tolist()


def test_the_step_is_1_from_0_on() -> None:
    """A2, eq. 5-23."""
    assert F.step(Tensor([-1e-9, 0.0, 2.0])).tolist() == [0.0, 1.0, 1.0]
    assert slope(F.step, [-1.0, 0.0, 2.0]) == [0.0, 0.0, 0.0]


def test_the_sigmoids_slope_is_f_times_1_minus_f_and_at_most_a_quarter() -> None:
    """A3, eq. 5-24."""
    x = np.linspace(-10, 10, 2001)
    f = 1 / (1 + np.exp(-x))
    found = np.array(slope(F.sigmoid, x.tolist()))
    np.testing.assert_allclose(found, f * (1 - f), rtol=1e-12)
    assert found.max() == found[1000] == 0.25


def test_the_slope_of_tanh_is_1_minus_f_squared() -> None:
    """A4, eq. 5-25."""
    x = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(slope(F.tanh, x.tolist()), 1 - np.tanh(x) ** 2, atol=1e-14)


def test_the_leaky_relus_slope_is_a_hundredth_below_zero() -> None:
    """A7; at the kink the slope of the left side."""
    assert slope(F.leaky_relu, [-2.0, 0.0, 2.0]) == [0.01, 0.01, 1.0]
    assert slope(F.relu, [-2.0, 0.0, 2.0]) == [0.0, 0.0, 1.0]  # A6
    assert F.leaky_relu(Tensor([-2.0, 2.0])).tolist() == [-0.02, 2.0]


def test_the_slope_of_rrelu_is_drawn_in_training_and_is_the_middle_in_evaluation() -> None:
    layer = nn.RReLU(0.2, 0.6)
    x = np.full((4, 50), -1.0)
    found = -layer(x).numpy()
    assert 0.2 <= found.min() < 0.25
    assert 0.55 < found.max() <= 0.6
    leaf = Tensor(x, requires_grad=True)
    mg.random.manual_seed(0)
    out = layer(leaf)
    out.sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), -out.detach().numpy())
    np.testing.assert_allclose(layer.eval()(x).numpy(), -0.4)
    with pytest.raises(ValueError, match=r"lower=0\.5 exceeds upper=0\.1"):
        nn.RReLU(0.5, 0.1)


def test_the_weight_of_prelu_is_learned() -> None:
    layer = nn.PReLU(2)
    assert repr(layer) == "PReLU(num_parameters=2)  # 2 parameters"
    layer(np.array([[-1.0, 2.0], [-3.0, -5.0]])).sum().backward()
    assert layer.weight.grad.tolist() == [-4.0, -5.0]
    assert nn.PReLU(dtype=np.float32)(np.ones((1, 2), np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match="does not fit"):
        layer(np.ones((1, 3)))


def test_softmax2d_needs_images() -> None:
    with pytest.raises(ValueError, match="Softmax2d: x has shape"):
        nn.Softmax2d()(np.ones((2, 3)))


def test_every_activation_of_torch_is_there_or_says_what_to_use() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
    for name in torch.nn.modules.activation.__all__:
        if not hasattr(nn, name):
            with pytest.raises(AttributeError, match=f"{name}'; (use|write)"):
                getattr(nn, name)
