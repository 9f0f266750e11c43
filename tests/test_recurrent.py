"""Recurrent layers: fused against composed to second order, and PyTorch as an oracle."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd.nn.recurrent import GRU, LSTM, RNN

KINDS: dict[str, tuple[Any, dict]] = {
    "tanh": (RNN, {}),
    "relu": (RNN, {"nonlinearity": "relu"}),
    "lstm": (LSTM, {}),
    "chapter": (LSTM, {"chapter": True}),
    "gru": (GRU, {}),
    "projected": (LSTM, {"proj_size": 2}),
}


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def flat(out: Any) -> list[mg.Tensor]:
    """output, h_n and c_n, as far as there are."""
    return [out[0], *(out[1] if isinstance(out[1], tuple) else (out[1],))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [None, [4, 1, 3]])
def test_fused_and_composed_agree_to_second_order(kind: str, lengths: Any) -> None:
    layer, options = KINDS[kind]
    x = np.random.default_rng(1).normal(size=(4, 3, 2))
    answers = []
    for fused in (True, False):
        rng = np.random.default_rng(0)
        net = layer(2, 3, 2, bidirectional=True, fused=fused, rng=rng, **options)
        start = mg.Tensor(x, requires_grad=True)
        leaves = [start, *net.parameters()]
        outputs = flat(net(start, lengths=lengths))
        loss = sum(((t + 0.3) ** 2).sum() for t in outputs)
        first = mg.grad(loss, leaves, create_graph=True)
        plain = mg.grad(loss, leaves, retain_graph=True)
        second = mg.grad(sum((g * g).sum() for g in first), leaves, allow_unused=True)
        answers.append([*outputs, *first, *plain, *(s for s in second if s is not None)])
    for one, other in zip(*answers, strict=True):
        np.testing.assert_allclose(one.data, other.data, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", ["tanh", "relu", "lstm", "gru", "projected"])
@pytest.mark.parametrize("lengths", [None, [5, 2, 4]])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("started", [False, True])
def test_torch_agrees_and_its_state_loads(
    torch: Any, kind: str, lengths: Any, batch_first: bool, packed: bool, started: bool
) -> None:
    layer, options = KINDS[kind]
    same = {"bidirectional": True, "batch_first": batch_first, **options}
    theirs = getattr(torch.nn, layer.__name__)(2, 3, 2, **same).double()
    ours = layer(2, 3, 2, **same)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(2).normal(size=(3, 5, 2) if batch_first else (5, 3, 2))
    xt = torch.tensor(x, requires_grad=True)
    given: Any = xt
    pack = torch.nn.utils.rnn
    if lengths is not None:
        given = pack.pack_padded_sequence(xt, lengths, batch_first, enforce_sorted=False)
    widths = [options.get("proj_size", 3), 3][: len(ours.states)]
    first = [np.random.default_rng(4).normal(size=(4, 3, n)) for n in widths]
    state = lambda make: [made[0] if len(made := [*map(make, first)]) == 1 else tuple(made)]
    expected = list(theirs(given, *state(torch.tensor) if started else []))
    if lengths is not None:
        expected[0] = pack.pad_packed_sequence(expected[0], batch_first, total_length=5)[0]
    start = mg.Tensor(x, requires_grad=True)
    pack = mg.nn.utils.rnn
    own: Any = start
    if packed:
        ends, lengths = lengths or [5] * 3, None
        own = pack.pack_padded_sequence(start, ends, batch_first, enforce_sorted=False)
    out, last = ours(own, state(mg.Tensor)[0] if started else None, lengths)
    if packed:
        out = pack.pad_packed_sequence(out, batch_first, total_length=5)[0]
    pairs = list(zip(flat((out, last)), flat(expected), strict=True))
    for t, e in pairs:
        np.testing.assert_allclose(t.data, e.detach().numpy(), rtol=1e-11, atol=1e-12)
    sum((t * t).sum() for t, _ in pairs).backward()
    sum((e * e).sum() for _, e in pairs).backward()
    np.testing.assert_allclose(start.grad.data, xt.grad.numpy(), rtol=1e-9, atol=1e-11)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), 1e-9, 1e-11, err_msg=name)
