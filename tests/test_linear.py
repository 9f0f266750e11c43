"""The fully connected layer: the chapter's derivatives (C4 to C8), PyTorch, refusals."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgradnd as mg
import microgradnd.nn.functional as F
from microgradnd import Tensor, nn

sizes = st.integers(1, 5)


def torch_or_skip() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def test_three_to_three_by_sums() -> None:
    """C4, eqs. 5-33 and 5-34: a_k = Σ_j w_kj x_j + b_k."""
    layer = nn.Linear(3, 3, rng=np.random.default_rng(0))
    w, b, x = layer.weight.tolist(), layer.bias.tolist(), [0.5, -1.0, 2.0]
    sums = [sum(w[k][j] * x[j] for j in range(3)) + b[k] for k in range(3)]
    np.testing.assert_allclose(layer(x).numpy(), sums, rtol=1e-14)


def test_the_derivatives_of_three_to_three_by_sums() -> None:
    """C5, C6, C7 for one sample: Σ_j g_j w_jk, g_k x_j and g_k."""
    layer = nn.Linear(3, 3, rng=np.random.default_rng(0))
    x, g = Tensor([0.5, -1.0, 2.0], requires_grad=True), [0.3, -0.7, 1.1]
    layer(x).backward(np.array(g))
    w = layer.weight.tolist()
    dx = [sum(g[j] * w[j][k] for j in range(3)) for k in range(3)]
    np.testing.assert_allclose(x.grad.data, dx, rtol=1e-14)
    dw = [[g[k] * x.tolist()[j] for j in range(3)] for k in range(3)]
    np.testing.assert_allclose(layer.weight.grad.data, dw, rtol=1e-14)
    np.testing.assert_array_equal(layer.bias.grad.data, g)


def test_matrix_forms_of_the_800_to_500_layer_on_a_batch_of_16() -> None:
    """C5 to C8, eqs. 5-35, 5-36, figs. 5-19, 5-20: dX = G W, dW = Gᵀ X, db = Gᵀ 1."""
    random = np.random.default_rng(1)
    layer = nn.Linear(800, 500, rng=random)
    maps = Tensor(random.standard_normal((16, 50, 4, 4)), requires_grad=True)
    g = random.standard_normal((16, 500))
    layer(nn.Flatten()(maps)).backward(g)
    x, w = maps.numpy().reshape(16, 800), layer.weight.numpy()
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(maps.grad.data.reshape(16, 800), g @ w, **close)
    np.testing.assert_allclose(layer.weight.grad.data, g.T @ x, **close)
    np.testing.assert_allclose(layer.bias.grad.data, g.T @ np.ones(16), **close)
    assert layer.weight.grad.shape == (500, 800)


def test_softmax_is_equation_5_30_with_the_sign_of_its_code() -> None:
    """C10: and its cross-entropy has the gradient softmax - target."""
    a = Tensor([[1.0, 2.0, -0.5]], requires_grad=True)
    e = np.exp(a.numpy())
    np.testing.assert_allclose(F.softmax(a).numpy(), e / e.sum(), rtol=1e-14)
    F.cross_entropy(a, np.array([1])).backward()
    np.testing.assert_allclose(a.grad.data, e / e.sum() - [0, 1, 0], rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.lists(sizes, max_size=3), sizes, sizes, st.booleans(), st.integers(0, 99))
def test_values_gradients_and_states_are_torchs(
    batch: list, inputs: int, outputs: int, bias: bool, seed: int
) -> None:
    torch, random = torch_or_skip(), np.random.default_rng(seed)
    theirs = torch.nn.Linear(inputs, outputs, bias, dtype=torch.float64)
    ours = nn.Linear(inputs, outputs, bias)
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    x, g = random.standard_normal((*batch, inputs)), random.standard_normal((*batch, outputs))
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, expected = ours(a), theirs(b)
    out.backward(g)
    expected.backward(torch.tensor(g))
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-12, atol=1e-12)
    for (name, p), (same, q) in zip(ours.named_parameters(), theirs.named_parameters()):
        assert name == same
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 3), (0, 3)])
def test_derivatives_agree_with_finite_differences(shape: tuple) -> None:
    random = np.random.default_rng(0)
    x = Tensor(random.standard_normal(shape), requires_grad=True)
    layer = nn.Linear(3, 2, rng=random)
    mg.gradcheck(F.linear, [x, layer.weight, layer.bias])
    mg.gradgradcheck(F.linear, [x, layer.weight, layer.bias])


def test_float32_stays_float32_and_a_wrong_width_is_refused() -> None:
    layer = nn.Linear(3, 2, dtype=np.float32)
    assert layer(np.ones((4, 3), np.float32)).dtype == np.float32
    assert np.abs(layer.weight.numpy()).max() <= np.float32(3**-0.5)
    with pytest.raises(ValueError, match="4"):
        layer(np.ones((2, 4), np.float32))
