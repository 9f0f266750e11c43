"""Bags of embeddings, and the product of two inputs, against PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn
from microgradnd.nn import functional as F
from tests.torch_layers import compared, layers_agree, leaves, loaded


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


OFFSETS = np.array([0, 2, 2, 5])
FLAT = np.array([1, 0, 3, 3, 1, 2, 2])
CASES: list[tuple[np.ndarray, dict[str, Any]]] = [
    (FLAT.reshape(7, 1).repeat(2, 1), {}),
    (np.array([[1, 0, 1], [2, 2, 3]]), {}),
    (FLAT, {"offsets": OFFSETS}),
    (FLAT, {"offsets": np.append(OFFSETS, 7), "include_last_offset": True}),
    (FLAT, {"offsets": OFFSETS, "padding_idx": 3}),
    (np.array([[1, 0, 1], [2, 2, 2]]), {"padding_idx": 2}),
    (np.zeros(0, int), {"offsets": np.array([0, 0])}),
]


def torch_options(torch: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].shape} {[*case[1]]}")
def test_bags_are_torchs(torch: Any, case: tuple, mode: str) -> None:
    numbers, options = case
    options = {**options, "mode": mode}
    (table,) = leaves((4, 3))
    theirs = torch.tensor(table.data, requires_grad=True)
    call = torch.nn.functional.embedding_bag
    expected = call(torch.tensor(numbers), theirs, **torch_options(torch, options))
    out = F.embedding_bag(numbers, table, **options)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=1e-14)
    factor = np.random.default_rng(1).normal(size=out.shape)
    (out * factor).sum().backward()
    (expected * torch.tensor(factor)).sum().backward()
    np.testing.assert_allclose(table.grad.data, theirs.grad.numpy(), rtol=1e-13)
    function = lambda w: F.embedding_bag(numbers, w, **options) ** 2
    assert mg.gradcheck(function, leaves((4, 3)))
    assert mg.gradgradcheck(function, leaves((4, 3)))


def test_weighted_samples_are_torchs(torch: Any) -> None:
    table, factors = leaves((4, 3), (7,))
    ours = F.embedding_bag(FLAT, table, OFFSETS, mode="sum", per_sample_weights=factors)
    w, f = (torch.tensor(t.data, requires_grad=True) for t in (table, factors))
    expected = torch.nn.functional.embedding_bag(
        torch.tensor(FLAT), w, torch.tensor(OFFSETS), mode="sum", per_sample_weights=f
    )
    np.testing.assert_allclose(ours.data, expected.detach().numpy(), rtol=1e-14)
    (ours * ours).sum().backward()
    (expected * expected).sum().backward()
    for t, e in ((table, w), (factors, f)):
        np.testing.assert_allclose(t.grad.data, e.grad.numpy(), rtol=1e-13)


def test_of_equal_elements_the_first_gets_the_gradient() -> None:
    table = mg.Tensor([[1.0], [1.0], [0.0]], requires_grad=True)
    F.embedding_bag([[2, 1, 0]], table, mode="max").sum().backward()
    assert table.grad.tolist() == [[0.0], [1.0], [0.0]]


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_the_layer_loads_torchs_state(torch: Any, mode: str) -> None:
    ours = nn.EmbeddingBag(4, 3, mode=mode, padding_idx=1, dtype=np.float32)
    theirs = torch.nn.EmbeddingBag(4, 3, mode=mode, padding_idx=1)
    ours.load_state_dict(theirs.state_dict())
    out = ours(FLAT, OFFSETS)
    assert out.dtype == np.float32
    np.testing.assert_allclose(
        out.data, theirs(torch.tensor(FLAT), torch.tensor(OFFSETS)).detach().numpy(), rtol=1e-6
    )
    assert not nn.EmbeddingBag(4, 3, padding_idx=1).weight.data[1].any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda w: F.embedding_bag(FLAT, w), "offsets are missing"),
        (lambda w: F.embedding_bag([[0, 1]], w, [0]), "bags of their own"),
        (lambda w: F.embedding_bag(FLAT, w, [1, 2]), "ascend from 0 to at most 7"),
        (lambda w: F.embedding_bag(FLAT, w, [0, 8]), "ascend from 0 to at most 7"),
        (lambda w: F.embedding_bag(FLAT, w, [0], per_sample_weights=np.ones(7)), "mode='sum'"),
        (lambda w: F.embedding_bag(FLAT, w, [0], mode="min"), "'sum', 'mean' or 'max'"),
        (lambda w: F.embedding_bag(FLAT, w, [0], sparse=True), "sparse must be False"),
    ],
)
def test_what_does_not_fit_is_named(call: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(np.ones((4, 2)))


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("options", [{}, {"scale_grad_by_freq": True}, {"padding_idx": 1}])
@pytest.mark.parametrize("mode", [None, "sum", "mean", "max"])
def test_long_rows_are_shortened_as_torchs(
    torch: Any, mode: str | None, options: dict[str, Any], norm_type: float
) -> None:
    """In the table itself, and those that are read alone; the gradient is by the new ones."""
    if mode == "max" and options.get("scale_grad_by_freq"):
        with pytest.raises(ValueError, match="scale_grad_by_freq goes with mode="):
            F.embedding_bag(FLAT, np.ones((4, 2)), OFFSETS, mode=mode, **options)
        return
    options = {**options, "max_norm": 1.2, "norm_type": norm_type}
    kind = "Embedding" if mode is None else "EmbeddingBag"
    options |= {} if mode is None else {"mode": mode}
    ours, theirs = getattr(nn, kind)(5, 3, **options), getattr(torch.nn, kind)(5, 3, **options)
    theirs.double()
    ours.load_state_dict(theirs.state_dict())
    given = [FLAT] if mode is None else [FLAT, OFFSETS]
    for _ in range(2):
        out, expected = ours(*given), theirs(*map(torch.tensor, given))
        np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=1e-12)
        (out**3).sum().backward()
        (expected**3).sum().backward()
    np.testing.assert_allclose(ours.weight.data, theirs.weight.detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(ours.weight.grad.data, theirs.weight.grad.numpy(), rtol=1e-11)


def test_gradients_are_divided_by_how_often_a_row_is_read() -> None:
    table = mg.Tensor(np.ones((3, 1)), requires_grad=True)
    F.embedding([0, 2, 2, 2], table, scale_grad_by_freq=True).sum().backward()
    np.testing.assert_allclose(table.grad.data, [[1.0], [0.0], [1.0]])
    with pytest.raises(ValueError, match=r"sparse must be False \(gradients are arrays"):
        nn.Embedding(4, 2, sparse=True)


def test_a_pretrained_table_is_frozen_unless_it_is_to_learn() -> None:
    table = np.arange(6.0).reshape(3, 2)
    layer = nn.Embedding.from_pretrained(table, padding_idx=-1)
    assert layer.weight.data is table
    assert not layer.weight.requires_grad
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    learns = nn.EmbeddingBag.from_pretrained(table, freeze=False)
    learns([[0, 1]]).sum().backward()
    assert learns.weight.grad.tolist() == [[0.5, 0.5], [0.5, 0.5], [0.0, 0.0]]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("before", [(), (4,), (2, 3)])
def test_bilinear_is_torchs(torch: Any, bias: bool, before: tuple[int, ...]) -> None:
    ours, theirs = nn.Bilinear(3, 2, 5, bias), torch.nn.Bilinear(3, 2, 5, bias).double()
    loaded(ours, theirs, torch)
    call = lambda layer, x, y: layer(x, y)
    layers_agree(torch, ours, theirs, leaves((*before, 3), (*before, 2)), call, call)
    function = torch.nn.functional.bilinear
    compared(torch, F.bilinear, function, leaves((*before, 3), (*before, 2), (2, 3, 2), (2,)))


def test_bilinear_names_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\), \(3, 2\) and \(5, 3, 2\), needed"):
        F.bilinear(np.ones((2, 3)), np.ones((3, 2)), np.ones((5, 3, 2)))
