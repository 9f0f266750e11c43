"""Embedding: rows of a table by number, a padding row that never learns."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd.nn.embedding import Embedding, embedding


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


TABLE = np.arange(12.0).reshape(4, 3)


def test_rows_are_read_by_number_in_any_shape() -> None:
    for numbers in ([1, 3], [[0, 0], [2, 1]], 3, np.uint8([[2]])):
        np.testing.assert_array_equal(embedding(numbers, TABLE).data, TABLE[np.array(numbers)])
    assert embedding(np.zeros((2, 0), int), TABLE).shape == (2, 0, 3)
    assert embedding([], TABLE).shape == (0, 3)
    assert embedding(mg.Tensor([1, 2]), np.float32(TABLE)).dtype == np.float32


def test_a_row_read_several_times_adds_up_its_gradients() -> None:
    weight = mg.Tensor(TABLE, requires_grad=True)
    (embedding([1, 0, 1, 1], weight) * np.array([[1.0], [2.0], [3.0], [4.0]])).sum().backward()
    np.testing.assert_array_equal(weight.grad.data, [[2] * 3, [8] * 3, [0] * 3, [0] * 3])


@pytest.mark.parametrize("padding", [None, 1, -1])
def test_first_and_second_derivatives_pass_the_check(padding: int | None) -> None:
    weight = mg.Tensor(np.random.default_rng(0).normal(size=(3, 2)), requires_grad=True)
    held = weight.data.copy()

    def function(w: mg.Tensor) -> mg.Tensor:
        out = embedding([[0, 2], [0, 1]], w, padding)
        return (out * out * out).sum(axis=-1)

    if padding is None:
        assert mg.gradcheck(function, weight)
        assert mg.gradgradcheck(function, weight)
    (g,) = mg.grad(function(weight).sum(), weight)
    expected = 3 * held**2 * np.array([[2], [1], [1]])
    if padding is not None:
        expected[padding] = 0
    np.testing.assert_allclose(g.data, expected, rtol=1e-13)


def test_the_padding_row_is_read_as_it_stands_and_gets_no_gradient() -> None:
    weight = mg.Tensor(TABLE, requires_grad=True)
    out = embedding([0, 2, 2], weight, padding_idx=2)
    np.testing.assert_array_equal(out.data, TABLE[[0, 2, 2]])
    out.sum().backward()
    np.testing.assert_array_equal(weight.grad.data, [[1] * 3, [0] * 3, [0] * 3, [0] * 3])


def test_the_layer_starts_normal_with_a_zero_padding_row() -> None:
    layer = Embedding(2000, 8, padding_idx=-1, rng=np.random.default_rng(1))
    weight = layer.weight.data
    assert layer.padding_idx == 1999
    np.testing.assert_array_equal(weight[-1], 0)
    assert abs(weight[:-1].mean()) < 0.03
    assert abs(weight[:-1].std() - 1) < 0.03
    assert [(name, p.shape) for name, p in layer.named_parameters()] == [("weight", (2000, 8))]
    assert repr(layer) == "Embedding(2000, 8, padding_idx=1999)  # 16,000 parameters"
    assert Embedding(3, 2, dtype=np.float32)([1]).dtype == np.float32


@pytest.mark.parametrize(
    ("numbers", "error", "message"),
    [
        ([0, 4], IndexError, r"4 rows has the numbers 0\.\.3, .* from 0 to 4; make the table"),
        ([-1], IndexError, "from -1 to -1"),
        ([0.5], TypeError, r"must hold integers.*float64.*astype\(int\)"),
        ([True], TypeError, "bool"),
    ],
)
def test_numbers_that_name_no_row_are_refused(numbers: list, error: type, message: str) -> None:
    with pytest.raises(error, match=rf"embedding: .*{message}"):
        embedding(numbers, TABLE)


def test_a_padding_number_outside_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"padding_idx=4 is no row of a table of 4"):
        Embedding(4, 2, padding_idx=4)


@pytest.mark.parametrize("padding", [None, 0, 2])
def test_torch_agrees_and_its_state_loads(torch: Any, padding: int | None) -> None:
    theirs = torch.nn.Embedding(5, 3, padding_idx=padding)
    ours = Embedding(5, 3, padding, dtype=np.float32)
    ours.load_state_dict(theirs.state_dict())
    numbers = np.array([[0, 2, 2], [4, 1, 0]])
    factor = np.random.default_rng(0).normal(size=(2, 3, 3)).astype(np.float32)
    expected, out = theirs(torch.tensor(numbers)), ours(numbers)
    np.testing.assert_array_equal(out.data, expected.detach().numpy())
    (expected * torch.tensor(factor)).sum().backward()
    (out * factor).sum().backward()
    np.testing.assert_allclose(ours.weight.grad.data, theirs.weight.grad.numpy(), rtol=1e-6)
