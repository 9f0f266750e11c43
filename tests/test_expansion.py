"""Fused operations opened: the same numbers, by what they are composed of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import viz
from microgradnd import Tensor, nn
from microgradnd.declaration import OPS, Value, op
from microgradnd.graph import Graph, expanded
from microgradnd.nn.functional import cross_entropy
from microgradnd.optim import SGD
from tests.picture_laws import broken, read

LENGTHS = np.array([4, 2, 3])


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def recurrent(kind: type, **how: object) -> Tensor:
    net = kind(2, 3, rng=np.random.default_rng(1), dtype=np.float64, **how)
    y, _ = net(Tensor(normal(4, 3, 2), requires_grad=True, name="x"), lengths=LENGTHS)
    return (y * normal(*y.shape, seed=2)).sum()


def last_state(kind: type) -> Tensor:
    net = kind(2, 3, rng=np.random.default_rng(1), dtype=np.float64)
    y, _ = net(normal(4, 1, 2))
    return (y[-1] ** 2).sum().named("loss")


def normalized(layer: nn.Module) -> Tensor:
    y = layer(Tensor(normal(5, 4), requires_grad=True, name="x"))
    return (y * normal(5, 4, seed=3)).sum()


def logits() -> Tensor:
    return Tensor(normal(4, 3), requires_grad=True, name="z")


def connectionist() -> Tensor:
    x = Tensor(normal(6, 2, 4), requires_grad=True, name="x")
    targets = np.array([[1, 2, 2], [3, 1, 0]])
    return nn.CTCLoss()(x.log_softmax(-1), targets, np.array([6, 5]), np.array([3, 2]))


CASES: dict[str, Callable[[], Tensor]] = {
    "lstm": lambda: recurrent(nn.LSTM),
    "lstm of two layers, both ways": lambda: recurrent(nn.LSTM, num_layers=2, bidirectional=True),
    "lstm of the chapter": lambda: recurrent(nn.LSTM, chapter=True),
    "gru": lambda: recurrent(nn.GRU),
    "rnn": lambda: recurrent(nn.RNN),
    "rnn of relu": lambda: recurrent(nn.RNN, nonlinearity="relu"),
    "last state": lambda: last_state(nn.LSTM),
    "classes": lambda: cross_entropy(logits(), np.array([0, 2, 1, 1])),
    "distributions": lambda: cross_entropy(logits(), np.full((4, 3), 1 / 3)),
    "layer norm": lambda: normalized(nn.LayerNorm(4, dtype=np.float64)),
    "batch norm": lambda: normalized(nn.BatchNorm1d(4, dtype=np.float64)),
    "ctc": connectionist,
}


def fused(t: Tensor) -> list[str]:
    return [x.op.name for x in Graph(t).computed if x.op.opened or x.op.composed]


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_the_fused_operation(name: str) -> None:
    loss = CASES[name]()
    assert fused(loss)
    (opened,) = expanded([loss])
    assert not fused(opened)
    one, other = viz.trace(loss, keep="arrays"), viz.trace(opened, keep="arrays")
    assert float(opened) == pytest.approx(float(loss))
    assert set(one.graph.leaves) == set(other.graph.leaves)
    for leaf in one.graph.leaves:
        assert np.abs(one.gradients[leaf]).max() > 0
        np.testing.assert_allclose(
            other.gradients[leaf], one.gradients[leaf], rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_steps_of_time_and_gates_are_seen(kind: type) -> None:
    picture = viz.draw(last_state(kind), expand=True, theme="light")
    svg = picture.svg()
    assert broken(svg) == []
    assert read(svg).size[0] <= 2_200
    repeats = [g for g in picture.trace.groups.groups() if g.kind == "repeat"]
    assert [(g.count, g.shared) for g in repeats] == [(4, True)]
    assert [g.kind for g in repeats[0].around()][1:3] == [
        f"{kind.__name__.lower()}_sequence", kind.__name__,
    ]  # fmt: skip
    names = {node.name for node in picture.trace.graph.computed if node.name}
    gates = {"LSTM": set("ifgoch"), "GRU": set("rznh"), "RNN": {"h"}}[kind.__name__]
    assert names == gates | {"loss"}
    kinds = [node.op.name for node in picture.trace.graph.computed]
    assert not {"stack", "concatenate"} & set(kinds)  # nothing of how it is fused is left


def test_what_has_no_fused_operation_stays_as_it_is() -> None:
    x = Tensor(2.0, requires_grad=True)
    y = x * x
    assert expanded([y])[0] is y
    found = viz.draw(y, expand=True)
    assert found.model.nodes == viz.draw(y).model.nodes


def test_names_calls_and_hooks_are_kept() -> None:
    seen = []
    net = nn.LSTM(2, 3, rng=np.random.default_rng(1), dtype=np.float64)
    y, _ = net(normal(4, 1, 2))
    y.named("states").register_hook(lambda g: seen.append(g) or g * 2)
    loss = (y * y).sum().named("loss")
    picture = viz.draw(loss, expand=True)
    assert seen
    assert {"states", "loss"} <= {node.name for node in picture.trace.graph.computed}
    (node,) = [x for x in picture.trace.graph.computed if x.name == "states"]
    assert node in picture.trace.hooked
    loss.backward()
    for weight in net.parameters():
        g = picture.trace.gradients[weight.node]
        assert g.norm == pytest.approx(np.linalg.norm(weight.grad.data))


def test_what_was_written_to_since_is_said() -> None:
    net = nn.LSTM(2, 3, rng=np.random.default_rng(1), dtype=np.float64)
    loss = (net(normal(4, 1, 2))[0] ** 2).sum()
    assert not viz.draw(loss, expand=True).model.stale
    loss.backward()
    SGD(net.parameters(), 0.1).step()
    assert viz.draw(loss, expand=True).model.changed


def test_an_operation_that_is_not_what_it_says_is_refused() -> None:
    try:

        @op(x=lambda g: g * 2, opened=lambda x: x + x + 1e-3, internal=True)
        def doubled(x: Value) -> Value:
            return x * 2

        y = doubled(Tensor(1.0, requires_grad=True))
        with pytest.raises(ValueError, match="doubled gives"):
            expanded([y])
    finally:
        OPS.pop("doubled")


def test_a_trace_cannot_be_opened_any_more() -> None:
    with pytest.raises(ValueError, match="not a trace"):
        viz.draw(viz.trace(last_state(nn.RNN)), expand=True)
