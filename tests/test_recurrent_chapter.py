"""The chapter's recurrent sections: its printed numbers, its hand derivation, its errata.

The derivation of 5-44 stands here in plain NumPy, one line per equation, and knows no engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import Tensor, nn

Array = np.ndarray
GATES = ("i", "f", "g", "o")  # the order of the rows in weight_ih and weight_hh


def numerical(f: Callable[[Array], float], x: Array, step: float = 1e-5) -> Array:
    """Central differences of f at x, element by element."""
    slope = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        moved = x.copy()
        moved[index] += step
        above = f(moved)
        moved[index] -= 2 * step
        slope[index] = (above - f(moved)) / (2 * step)
    return slope


# Q1 and Q2: the plain recurrent network of 5.4.3

W = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])  # rows: state, state, input
B, V, C = np.array([0.1, -0.1]), np.array([[1.0], [2.0]]), 0.1
PRINTED = [  # before the activation, state, output: by step
    ([0.6, 0.5], [0.53704957, 0.46211716], 1.56128388),
    ([1.2923401, 1.39225678], [0.85973818, 0.88366641], 2.72707101),
]


def chapter_rnn() -> nn.RNNCell:
    """The worked example's cell: its input's weights and its state's, transposed; b in one bias."""
    cell = nn.RNNCell(1, 2, dtype=np.float64)
    for name, value in (("weight_hh", W[:2].T), ("weight_ih", W[2:].T), ("bias_ih", B)):
        getattr(cell, name).data = value.copy()
    cell.bias_hh.data = np.zeros(2)
    return cell


def test_the_cell_has_the_printed_number_of_parameters() -> None:
    """Q1: (n + x)·n + n for n units of state and x inputs, PyTorch's second bias left out."""
    for n, x in ((2, 1), (7, 3), (128, 64)):
        cell = nn.RNNCell(x, n)
        assert cell.parameter_count() - n == (n + x) * n + n


@pytest.mark.parametrize("composed", ["concatenated", "cell", "layer"])
def test_all_printed_digits_of_the_worked_example(composed: str) -> None:
    """Q2: by the chapter's own form [h, x] W + b, by RNNCell and by RNN."""
    cell, h = chapter_rnn(), Tensor(np.zeros(2))
    layer = nn.RNN(1, 2, dtype=np.float64)
    layer.load_state_dict({f"{name}_l0": p.data for name, p in cell.named_parameters()})
    states, _ = layer(np.array([[1.0], [2.0]]))
    for t, (before, state, output) in enumerate(PRINTED):
        x = np.array([t + 1.0])
        net = mg.concatenate([h, Tensor(x)]) @ W + B
        np.testing.assert_allclose(net.numpy(), before, atol=5e-9)
        h = {"concatenated": mg.tanh(net), "cell": cell(x, h), "layer": states[t]}[composed]
        np.testing.assert_allclose(h.numpy(), state, atol=5e-9)
        assert float((h @ V)[0] + C) == pytest.approx(output, abs=5e-9)


def test_back_propagation_through_time_of_the_worked_example() -> None:
    """Q3: the loss over all steps, its gradients unrolled by hand."""
    cell, target = chapter_rnn(), [1.0, 2.0]
    h, loss = Tensor(np.zeros(2)), Tensor(0.0)
    for t in range(2):
        h = cell(np.array([t + 1.0]), h)
        loss = loss + 0.5 * ((h @ V)[0] + C - target[t]) ** 2
    loss.backward()
    states = [np.zeros(2)]
    for t in range(2):
        states.append(np.tanh(np.concatenate([states[-1], [t + 1.0]]) @ W + B))
    dW, db, dh = np.zeros_like(W), np.zeros(2), np.zeros(2)
    for t in (1, 0):
        dh = dh + V[:, 0] * ((states[t + 1] @ V)[0] + C - target[t])
        da = (1 - states[t + 1] ** 2) * dh
        dW += np.outer(np.concatenate([states[t], [t + 1.0]]), da)
        db += da
        dh = W[:2] @ da
    np.testing.assert_allclose(cell.weight_hh.grad.numpy(), dW[:2].T, rtol=1e-12)
    np.testing.assert_allclose(cell.weight_ih.grad.numpy(), dW[2:].T, rtol=1e-12)
    np.testing.assert_allclose(cell.bias_ih.grad.numpy(), db, rtol=1e-12)


# S1 to S4: the LSTM of 5.4.5


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


@dataclass
class Step:
    """What 5-37 computes in one step: the concatenated input, gates and states."""

    xc: Array
    gate: dict[str, Array]
    s_before: Array
    s: Array
    h: Array


def forward(weights: dict[str, Array], biases: dict[str, Array], xs: Array) -> list[Step]:
    """5-37, with each bias inside its σ or tanh, as in the chapter's code; h = s ⊙ o (S1)."""
    width = len(biases["i"])
    h, s, steps = np.zeros(width), np.zeros(width), []
    for x in xs:
        xc = np.hstack([x, h])
        net = {k: weights[k] @ xc + biases[k] for k in GATES}
        gate = {k: np.tanh(net[k]) if k == "g" else sigmoid(net[k]) for k in GATES}
        before, s = s, gate["g"] * gate["i"] + s * gate["f"]
        h = s * gate["o"]
        steps.append(Step(xc, gate, before, s, h))
    return steps


def toy_loss(steps: list[Step], ys: Array) -> float:
    """S2 and S3: Σ_t (h_t[0] - y_t)²."""
    return sum((step.h[0] - y) ** 2 for step, y in zip(steps, ys, strict=True))


# What the derivatives through the nonlinearities are multiplied by: 5-44, and 5-45's slip.
Slopes = Callable[[dict[str, Array]], dict[str, Array]]


def slopes_of_5_44(gate: dict[str, Array]) -> dict[str, Array]:
    slopes = {k: (1 - gate[k]) * gate[k] for k in ("i", "f", "o")}
    return slopes | {"g": 1 - gate["g"] ** 2}


def slopes_of_5_45(gate: dict[str, Array]) -> dict[str, Array]:
    return dict.fromkeys(GATES, (1 - gate["i"]) * gate["i"])


@dataclass
class Gradients:
    weights: dict[str, Array]
    biases: dict[str, Array]
    inputs: Array
    gates: list[dict[str, Array]]  # di, df, dg, do of each step


def backward(
    weights: dict[str, Array], steps: list[Step], ys: Array, slopes: Slopes = slopes_of_5_44
) -> Gradients:
    """5-39 to 5-44, from the last step to the first."""
    size, width = len(steps[0].xc) - len(steps[0].h), len(steps[0].h)
    found = Gradients(
        {k: np.zeros_like(w) for k, w in weights.items()}, {k: np.zeros(width) for k in GATES},
        np.zeros((len(steps), size)), [{} for _ in steps],
    )  # fmt: skip
    dh_after, ds_after = np.zeros(width), np.zeros(width)
    for t in reversed(range(len(steps))):
        step, gate = steps[t], steps[t].gate
        dh = dh_after.copy()  # 5-43: dL(t)/dh(t) = dl(t)/dh(t) + dL(t+1)/dh(t)
        dh[0] += 2 * (step.h[0] - ys[t])  # 5-38
        ds = gate["o"] * dh + ds_after
        d = {"o": step.s * dh, "i": gate["g"] * ds, "g": gate["i"] * ds, "f": step.s_before * ds}
        found.gates[t] = d
        slope = slopes(gate)
        d_net = {k: slope[k] * d[k] for k in GATES}
        dxc = np.zeros_like(step.xc)
        for k in GATES:
            found.weights[k] += np.outer(d_net[k], step.xc)
            found.biases[k] += d_net[k]
            dxc += weights[k].T @ d_net[k]
        ds_after = ds * gate["f"]  # bottom_diff_s
        found.inputs[t], dh_after = dxc[:size], dxc[size:]
    return found


@dataclass
class Example:
    weights: dict[str, Array]
    biases: dict[str, Array]
    xs: Array
    ys: Array


@pytest.fixture(params=[(1, 1, 1), (3, 2, 4), (5, 4, 3)], ids=str)
def example(request: pytest.FixtureRequest) -> Example:
    """Steps, inputs and units of random numbers."""
    steps, inputs, width = request.param
    random = np.random.default_rng(steps)
    return Example(
        {k: random.normal(size=(width, inputs + width)) for k in GATES},
        {k: random.normal(size=width) for k in GATES},
        random.normal(size=(steps, inputs)), random.normal(size=steps),
    )  # fmt: skip


def cell_of(example: Example) -> nn.LSTMCell:
    """The example's numbers in a cell with h = c ⊙ o: W splits into its parts for x and for h."""
    inputs = example.xs.shape[1]
    cell = nn.LSTMCell(inputs, len(example.biases["i"]), chapter=True, dtype=np.float64)
    stacked = np.concatenate([example.weights[k] for k in GATES])
    cell.weight_ih.data, cell.weight_hh.data = stacked[:, :inputs], stacked[:, inputs:]
    cell.bias_ih.data = np.concatenate([example.biases[k] for k in GATES])
    cell.bias_hh.data = np.zeros_like(cell.bias_ih.data)
    return cell


def engine_loss(cell: nn.LSTMCell, xs: Tensor, ys: Array) -> tuple[Tensor, list[Tensor]]:
    state, states = None, []
    for t in range(len(ys)):
        state = cell(xs[t], state)
        states.append(state[0])
    return sum((h[0] - y) ** 2 for h, y in zip(states, ys, strict=True)), states


def test_the_lstm_computes_5_37(example: Example) -> None:
    """S1: every state, with h = c ⊙ o."""
    _, states = engine_loss(cell_of(example), Tensor(example.xs), example.ys)
    by_hand = forward(example.weights, example.biases, example.xs)
    for h, step in zip(states, by_hand, strict=True):
        np.testing.assert_allclose(h.numpy(), step.h, rtol=1e-12, atol=1e-14)


def test_the_usual_lstm_has_a_tanh_more() -> None:
    """S1's note: chapter=True leaves out the tanh around c and nothing else."""
    x = np.random.default_rng(0).normal(size=(1, 2))
    pair = [nn.LSTMCell(2, 3, chapter=c, rng=np.random.default_rng(1)) for c in (True, False)]
    (h, c), (usual, same) = (cell(x) for cell in pair)
    np.testing.assert_array_equal(c.numpy(), same.numpy())
    o = h.numpy() / c.numpy()
    np.testing.assert_allclose(usual.numpy(), np.tanh(c.numpy()) * o, rtol=1e-12)


@pytest.mark.parametrize("fused", [None, True, False], ids=["cell", "fused", "composed"])
def test_the_engine_s_gradients_are_those_of_5_44(example: Example, fused: bool | None) -> None:
    """S2 to S4: for every gate's weights and bias, and for the inputs, to 1e-12."""
    cell, inputs = cell_of(example), example.xs.shape[1]
    xs = Tensor(example.xs, requires_grad=True)
    if fused is None:
        loss, _ = engine_loss(cell, xs, example.ys)
        got = {name: p for name, p in cell.named_parameters()}
    else:
        layer = nn.LSTM(inputs, cell.hidden_size, chapter=True, fused=fused, dtype=np.float64)
        layer.load_state_dict({f"{name}_l0": p.data for name, p in cell.named_parameters()})
        loss = ((layer(xs)[0][:, 0] - example.ys) ** 2).sum()
        got = {name.removesuffix("_l0"): p for name, p in layer.named_parameters()}
    steps = forward(example.weights, example.biases, example.xs)
    assert loss.item() == pytest.approx(toy_loss(steps, example.ys), rel=1e-12)
    loss.backward()
    hand = backward(example.weights, steps, example.ys)
    weights = np.concatenate([hand.weights[k] for k in GATES])
    biases = np.concatenate([hand.biases[k] for k in GATES])
    close = {"rtol": 1e-12, "atol": 1e-12 * max(1.0, np.abs(weights).max())}
    np.testing.assert_allclose(got["weight_ih"].grad.numpy(), weights[:, :inputs], **close)
    np.testing.assert_allclose(got["weight_hh"].grad.numpy(), weights[:, inputs:], **close)
    np.testing.assert_allclose(got["bias_ih"].grad.numpy(), biases, **close)
    np.testing.assert_allclose(xs.grad.numpy(), hand.inputs, **close)


def test_each_gate_s_own_derivative_is_the_chapter_s(example: Example) -> None:
    """S4: do = s ⊙ dh, di = g ⊙ ds, dg = i ⊙ ds, df = s_{t-1} ⊙ ds, step by step."""
    gates: list[dict[str, Tensor]] = []
    width = len(example.biases["i"])
    h, s = Tensor(np.zeros(width)), Tensor(np.zeros(width))
    weights = {k: Tensor(w, requires_grad=True) for k, w in example.weights.items()}
    loss = Tensor(0.0)
    for x, y in zip(example.xs, example.ys, strict=True):
        xc = mg.concatenate([Tensor(x), h])
        net = {k: weights[k] @ xc + example.biases[k] for k in GATES}
        gate = {k: mg.tanh(net[k]) if k == "g" else mg.sigmoid(net[k]) for k in GATES}
        gates.append(gate)
        s = gate["g"] * gate["i"] + s * gate["f"]
        h = s * gate["o"]
        loss = loss + (h[0] - y) ** 2
    flat = [gate[k] for gate in gates for k in GATES]
    found = iter(mg.grad(loss, flat))
    hand = backward(
        example.weights, forward(example.weights, example.biases, example.xs), example.ys
    )
    for d in hand.gates:
        for k in GATES:
            np.testing.assert_allclose(next(found).numpy(), d[k], rtol=1e-11, atol=1e-12)


# Errata


def parameters_as_one(example: Example) -> Array:
    return np.concatenate([example.weights["i"].ravel(), example.biases["i"]])


def loss_at(example: Example, flat: Array, run: Callable[..., list[Step]]) -> float:
    """The toy loss with the input gate's weights and bias replaced."""
    rows = example.weights["i"].shape
    weights = example.weights | {"i": flat[: rows[0] * rows[1]].reshape(rows)}
    biases = example.biases | {"i": flat[rows[0] * rows[1] :]}
    return toy_loss(run(weights, biases, example.xs), example.ys)


def forward_as_printed(
    weights: dict[str, Array], biases: dict[str, Array], xs: Array
) -> list[Step]:
    """5-37 as it is printed: the bias is added to σ( ) and tanh( ), not inside."""
    width = len(biases["i"])
    h, s, steps = np.zeros(width), np.zeros(width), []
    for x in xs:
        xc = np.hstack([x, h])
        squash = {k: np.tanh if k == "g" else sigmoid for k in GATES}
        gate = {k: squash[k](weights[k] @ xc) + biases[k] for k in GATES}
        before, s = s, gate["g"] * gate["i"] + s * gate["f"]
        h = s * gate["o"]
        steps.append(Step(xc, gate, before, s, h))
    return steps


def test_erratum_3_the_bias_stands_inside_the_gate(example: Example) -> None:
    """5-44 is the derivative of the form with the bias inside; of the printed one it is not."""
    for run, right in ((forward, True), (forward_as_printed, False)):
        hand = backward(
            example.weights, run(example.weights, example.biases, example.xs), example.ys
        )
        gradient = np.concatenate([hand.weights["i"].ravel(), hand.biases["i"]])
        slope = numerical(
            lambda flat, run=run: loss_at(example, flat, run), parameters_as_one(example)
        )
        off = np.abs(gradient - slope).max() / np.abs(slope).max()
        assert off < 1e-7 if right else off > 1e-2


def test_erratum_3_a_gate_as_printed_is_no_share_between_0_and_1() -> None:
    random = np.random.default_rng(0)
    weights = {k: random.normal(size=(3, 5)) for k in GATES}
    biases = dict.fromkeys(GATES, np.full(3, 0.8))
    [printed] = forward_as_printed(weights, biases, random.normal(size=(1, 2)))
    assert max(printed.gate[k].max() for k in ("i", "f", "o")) > 1


def test_erratum_4_every_gate_has_its_own_slope(example: Example) -> None:
    """5-44's slopes pass the gradient check of every gate; 5-45's (1 - i) i passes only i's."""
    steps = forward(example.weights, example.biases, example.xs)
    right = backward(example.weights, steps, example.ys)
    last = Example(example.weights, example.biases, example.xs[:1], example.ys[:1])
    first = forward(last.weights, last.biases, last.xs)  # one step: errors do not mix between gates
    wrong = backward(last.weights, first, last.ys, slopes_of_5_45)
    for k in GATES:

        def loss(bias: Array, of: Example, k: str = k) -> float:
            return toy_loss(forward(of.weights, of.biases | {k: bias}, of.xs), of.ys)

        slope = numerical(lambda b: loss(b, example), example.biases[k])
        np.testing.assert_allclose(right.biases[k], slope, rtol=1e-6, atol=1e-8)
        slope = numerical(lambda b: loss(b, last), last.biases[k])
        fits = np.allclose(wrong.biases[k], slope, rtol=1e-3, atol=1e-8)
        nothing_to_tell = k == "f"  # before the first step the state is 0: df = 0 in both forms
        assert fits == (k == "i" or nothing_to_tell)


def test_erratum_4_the_forget_gate_s_slope_over_two_steps() -> None:
    """From the second step on df is not 0, and 5-45 gives it the wrong slope."""
    random = np.random.default_rng(7)
    weights = {k: random.normal(size=(2, 4)) for k in GATES}
    biases = {k: random.normal(size=2) for k in GATES}
    xs, ys = random.normal(size=(2, 2)), random.normal(size=2)
    steps = forward(weights, biases, xs)

    def loss(bias: Array) -> float:
        return toy_loss(forward(weights, biases | {"f": bias}, xs), ys)

    slope = numerical(loss, biases["f"])
    right = backward(weights, steps, ys).biases["f"]
    wrong = backward(weights, steps, ys, slopes_of_5_45).biases["f"]
    np.testing.assert_allclose(right, slope, rtol=1e-6, atol=1e-9)
    assert not np.allclose(wrong, slope, rtol=1e-2)
