"""Recurrent layers and cells of random shapes compute what PyTorch's do, and differentiate so."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgradnd import Tensor, nn

small = st.integers(1, 3)
LAYERS = ("RNN", "LSTM", "GRU")


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def flat(out: Any) -> list[Any]:
    return [part for x in out for part in flat(x)] if isinstance(out, tuple) else [out]


def compare(torch: Any, ours: nn.Module, theirs: Any, arrays: list[Any], state: Any) -> None:
    """Equal results and gradients: of the input, of the states given and of all parameters."""
    ours.load_state_dict(theirs.state_dict())
    mine = [Tensor(a, requires_grad=True) for a in arrays]
    other = [torch.tensor(a, requires_grad=True) for a in arrays]
    out = flat(ours(mine[0], *state(mine[1:])))
    expected = flat(theirs(other[0], *state(other[1:])))
    random = np.random.default_rng(0)
    total, wanted = Tensor(0.0), 0.0
    for a, b in zip(out, expected, strict=True):
        assert a.shape == tuple(b.shape)
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-12)
        g = random.normal(size=a.shape)
        total, wanted = total + (a * g).sum(), wanted + (b * torch.tensor(g)).sum()
    total.backward()
    wanted.backward()
    pairs = [
        *zip(mine, other, strict=True),
        *zip(ours.parameters(), theirs.parameters(), strict=True),
    ]
    for a, b in pairs:
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-8, atol=1e-11)


@given(
    st.sampled_from(LAYERS), st.tuples(small, small, small, small, st.integers(1, 2)),
    st.tuples(st.booleans(), st.booleans(), st.booleans()), st.booleans(), st.booleans(),
    st.sampled_from(["tanh", "relu"]), st.booleans(),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_layers(
    torch: Any, name: str, sizes: Any, switches: Any, batched: bool, given_state: bool,
    nonlinearity: str, fused: bool,
) -> None:  # fmt: skip
    steps, batch, inputs, width, layers = sizes
    batch_first, bidirectional, bias = switches
    options = {"bidirectional": bidirectional, "batch_first": batch_first, "bias": bias}
    if name == "RNN":
        options["nonlinearity"] = nonlinearity
    theirs = getattr(torch.nn, name)(inputs, width, layers, **options).double()
    ours = getattr(nn, name)(inputs, width, layers, fused=fused, dtype=np.float64, **options)
    random = np.random.default_rng(steps + 7 * width)
    shape = (batch, steps, inputs) if batch_first else (steps, batch, inputs)
    first = (layers * (1 + bidirectional), batch, width)
    if not batched:
        shape, first = (steps, inputs), (first[0], width)
    count = (2 if name == "LSTM" else 1) if given_state else 0
    arrays = [random.normal(size=shape), *(random.normal(size=first) for _ in range(count))]

    def state(given: list[Any]) -> list[Any]:
        return [tuple(given)] if len(given) == 2 else given

    compare(torch, ours, theirs, arrays, state)


@given(
    st.sampled_from(LAYERS), st.tuples(small, small, small), st.booleans(), st.booleans(),
    st.booleans(), st.sampled_from(["tanh", "relu"]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_cells(
    torch: Any, name: str, sizes: Any, bias: bool, batched: bool, given_state: bool,
    nonlinearity: str,
) -> None:  # fmt: skip
    batch, inputs, width = sizes
    options = {"nonlinearity": nonlinearity} if name == "RNN" else {}
    theirs = getattr(torch.nn, f"{name}Cell")(inputs, width, bias, **options).double()
    ours = getattr(nn, f"{name}Cell")(inputs, width, bias, dtype=np.float64, **options)
    random = np.random.default_rng(batch + 5 * inputs)
    lead = (batch,) if batched else ()
    count = (2 if name == "LSTM" else 1) if given_state else 0
    arrays = [random.normal(size=(*lead, inputs))]
    arrays += [random.normal(size=(*lead, width)) for _ in range(count)]

    def state(given: list[Any]) -> list[Any]:
        return [tuple(given)] if len(given) == 2 else given

    compare(torch, ours, theirs, arrays, state)


@pytest.mark.parametrize("name", LAYERS)
def test_float32_stays_float32(name: str) -> None:
    layer = getattr(nn, name)(2, 3, dtype=np.float32)
    out = flat(layer(np.ones((4, 1, 2), np.float32)))
    sum(part.sum() for part in out).backward()
    assert {part.dtype for part in out} == {np.dtype(np.float32)}
    assert {p.grad.dtype for p in layer.parameters()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", LAYERS)
def test_the_start_is_uniform_within_one_over_the_root_of_the_width(name: str) -> None:
    layer = getattr(nn, name)(20, 50, rng=np.random.default_rng(0))
    for p in layer.parameters():
        assert np.abs(p.data).max() <= 50**-0.5
    values = np.concatenate([p.data.ravel() for p in layer.parameters()])
    assert values.std() == pytest.approx(50**-0.5 / 3**0.5, rel=0.03)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    ("shape", "state", "lengths", "words"),
    [
        ((4, 2, 3), None, None, r"must have shape \(T, N, 2\)"),
        ((4,), None, None, "must have shape"),
        ((4, 3, 2), (1, 2, 5), None, r"shape \(1, 3, 5\)"),
        ((4, 3, 2), None, [4, 5, 1], "lengths"),
        ((4, 3, 2), None, [4, 1], "lengths"),
        ((4, 3, 2), None, [4, -1, 1], "lengths"),
    ],
)
def test_what_does_not_fit_is_refused(
    name: str, shape: Any, state: Any, lengths: Any, words: str
) -> None:
    layer = getattr(nn, name)(2, 5)
    first: Any = None if state is None else np.zeros(state)
    if first is not None and name == "LSTM":
        first = (first, first)
    with pytest.raises(ValueError, match=words) as error:
        layer(np.zeros(shape), first, lengths=lengths)
    assert name in str(error.value)
