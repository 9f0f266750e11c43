"""What nn.utils has, against PyTorch: weights written otherwise, sequences in one array."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn
from tests.torch_layers import compared, layers_agree, leaves, loaded


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


U = nn.utils


@pytest.mark.parametrize("dim", [0, 1, -1, None])
def test_weight_norm_is_torchs(torch: Any, dim: int | None) -> None:
    ours = U.weight_norm(nn.Linear(3, 2), dim=dim)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch wants its newer form
        theirs = torch.nn.utils.weight_norm(torch.nn.Linear(3, 2).double(), dim=dim)
    loaded(ours, theirs, torch)
    call = lambda layer, x: layer(x)
    layers_agree(torch, ours, theirs, leaves((4, 3)), call, call)
    x = leaves((4, 3))[0]
    before = ours(x).data
    U.remove_weight_norm(ours)
    np.testing.assert_allclose(ours(x).data, before, rtol=1e-14)
    assert sorted(ours.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="that is so written"):
        U.remove_weight_norm(ours)


@pytest.mark.parametrize("kind", ["Linear", "Conv2d", "ConvTranspose2d"])
def test_spectral_norm_is_torchs(torch: Any, kind: str) -> None:
    given = (3, 2) if kind == "Linear" else (3, 2, 2)
    ours = U.spectral_norm(getattr(nn, kind)(*given), n_power_iterations=2)
    theirs = torch.nn.utils.spectral_norm(
        getattr(torch.nn, kind)(*given).double(), n_power_iterations=2
    )
    ours.load_state_dict(theirs.state_dict())
    assert sorted(ours.state_dict()) == sorted(theirs.state_dict())
    call = lambda layer, x: layer(x)
    shape = (4, 3) if kind == "Linear" else (1, 3, 4, 4)
    for mode in (True, False):
        ours.train(mode).zero_grad()
        theirs.train(mode).zero_grad()
        layers_agree(torch, ours, theirs, leaves(shape), call, call)
        for key, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[key], value.numpy(), rtol=1e-10)
    x = leaves(shape)[0]
    before = ours(x).data
    U.remove_spectral_norm(ours)
    np.testing.assert_allclose(ours(x).data, before, rtol=1e-13)


def test_a_rewritten_weight_learns() -> None:
    layer = U.weight_norm(nn.Linear(3, 2))
    optimizer = mg.optim.SGD(layer.parameters(), 0.1)
    before = layer(np.ones(3)).sum()
    before.backward()
    optimizer.step()
    assert float(layer(np.ones(3)).sum()) < float(before)


@pytest.mark.parametrize("options", [{}, {"batch_first": True, "padding_value": 2.0},
                                     {"padding_side": "left"}])  # fmt: skip
def test_padded_sequences_are_torchs(torch: Any, options: dict[str, Any]) -> None:
    call = torch.nn.utils.rnn.pad_sequence
    compared(
        torch,
        lambda *xs: U.rnn.pad_sequence(xs, **options) ** 2,
        lambda *xs: call(xs, **options) ** 2,
        leaves((2, 3), (4, 3), (1, 3)),
    )
    if options.get("padding_side") == "left":
        return
    rows, first = leaves((2, 3), (4, 3), (0, 3)), options.get("batch_first", False)
    back = U.rnn.unpad_sequence(U.rnn.pad_sequence(rows, **options), [2, 4, 0], first)
    for row, found in zip(rows, back, strict=True):
        np.testing.assert_array_equal(row.data, found.data)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [(4, 3, 1), (2, 4, 1)])
def test_packed_sequences_are_torchs(torch: Any, lengths: Any, batch_first: bool) -> None:
    ours, theirs, rows = U.rnn, torch.nn.utils.rnn, leaves(*((n, 3) for n in lengths))
    in_order = list(lengths) == sorted(lengths, reverse=True)
    packed = ours.pack_sequence(rows, in_order)
    expected = theirs.pack_sequence([torch.tensor(row.data) for row in rows], in_order)
    assert packed.batch_sizes.tolist() == expected.batch_sizes.tolist()
    for one, other in zip(packed[2:], expected[2:], strict=True):
        assert (one is None) == (other is None)
        assert one is None or one.tolist() == other.tolist()
    options: dict[str, Any] = {"padding_value": 0.5, "total_length": 5}
    padded, found = ours.pad_packed_sequence(packed, batch_first, **options)
    exact, ends = theirs.pad_packed_sequence(expected, batch_first, **options)
    np.testing.assert_array_equal(padded.data, exact.numpy())
    assert tuple(found.tolist()) == tuple(ends.tolist()) == lengths
    again = ours.pack_padded_sequence(padded, lengths, batch_first, in_order)
    np.testing.assert_array_equal(again.data.data, expected.data.numpy())
    for row, back in zip(rows, ours.unpack_sequence(again), strict=True):
        np.testing.assert_array_equal(row.data, back.data)
        assert mg.gradcheck(
            lambda *xs: ours.pad_packed_sequence(ours.pack_sequence(xs, in_order))[0], rows
        )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: U.rnn.pad_sequence([]), "at least one array"),
        (lambda: U.rnn.pad_sequence([np.ones((2, 3)), np.ones((2, 4))]), "their shapes are"),
        (lambda: U.rnn.unpad_sequence(np.ones((2, 3)), [1, 1]), "of the N = 3 sequences"),
        (lambda: U.rnn.pack_sequence([[1.0], [2.0, 3.0]]), "must fall, got"),
        (lambda: U.rnn.pack_sequence([[1.0], []]), "must not be empty"),
        (
            lambda: U.rnn.pad_packed_sequence(U.rnn.pack_sequence([[1.0, 2.0]]), total_length=1),
            "total_length=1, the longest sequence has 2",
        ),
        (
            lambda: nn.RNN(1, 1)(U.rnn.pack_sequence([[[1.0]]]), lengths=[1]),
            "has lengths of its own",
        ),
        (lambda: nn.LSTM(1, 2, proj_size=2), "proj_size=2 must be less than hidden_size=2"),
        (lambda: U.weight_norm(nn.Linear(2, 2), "gain"), "name 'gain' is no weight"),
        (lambda: U.weight_norm(nn.Linear(2, 2), dim=2), "dim must be an axis of weight"),
        (lambda: U.spectral_norm(nn.Tanh()), "name 'weight' is no weight of this Tanh"),
    ],
)
def test_what_does_not_fit_is_named(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
