"""A textbook's three-layer network, its gradients by hand, and what the print got wrong.

Equations 5-1 and on are those of the chapter "Deep Learning and Neural Networks", the fifth.
Samples are columns here, as in the chapter: then `w @ h` is Σ_j w_kj h_j, index for index.
N samples, n inputs, m hidden units, l outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from microgradnd import Tensor, log, sigmoid

Array = np.ndarray
Source = Literal["printed", "right", "control"]


class ThreeLayer:
    """The network of fig. 5-7, each unit of its hidden and output layer with a threshold.

    Args:
        inputs, hidden, outputs: sizes of the layers, the chapter's n, m and l.
        seed: of the random weights; biases and thresholds are random too, so that every gradient
            below is put to the test.

    >>> network = ThreeLayer(2, 3, 1, seed=0)
    >>> network(Tensor([[0.5], [1.0]])).shape
    (1, 1)
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)

        def parameter(name: str, *shape: int) -> Tensor:
            return Tensor(rng.uniform(-1, 1, shape), requires_grad=True, name=name)

        self.v = parameter("v", hidden, inputs)  # the chapter's w⁽⁰⁾, and v from eq. 5-12 on
        self.b0 = parameter("b⁰", hidden, 1)
        self.theta0 = parameter("θ⁰", hidden, 1)
        self.w = parameter("w", outputs, hidden)  # w⁽¹⁾
        self.b1 = parameter("b¹", outputs, 1)
        self.theta1 = parameter("θ¹", outputs, 1)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """All six by their symbols."""
        tensors = (self.v, self.b0, self.theta0, self.w, self.b1, self.theta1)
        return {str(t.name): t for t in tensors}

    def __call__(self, x: Tensor) -> Tensor:
        """net_j = Σ_i w_ji x_i + b_j and h_j = f(net_j - θ_j); o_k alike (eq. 5-2, 5-3).

        x (n, N) gives o (l, N). The steps stay at hand as `net0`, `h`, `net1`.
        """
        f = sigmoid
        self.net0 = ((self.v @ x).named("v·x") + self.b0).named("net⁰")  # (m, N)
        self.h = f((self.net0 - self.theta0).named("net⁰ - θ⁰")).named("h")  # (m, N)
        self.net1 = ((self.w @ self.h).named("w·h") + self.b1).named("net¹")  # (l, N)
        return f((self.net1 - self.theta1).named("net¹ - θ¹")).named("o")  # (l, N)


def half_squared_error(d: Tensor, o: Tensor) -> Tensor:
    """E = ½ Σ_k (d_k - o_k)², summed over the samples too (eq. 5-4). d, o (l, N); E ()."""
    error = (d - o).named("d - o")  # (l, N)
    return (0.5 * error.square().named("(d - o)²").sum().named("Σ(d - o)²")).named("E")


def sample_pair(inputs: int, outputs: int, samples: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random inputs x (n, N) and desired outputs d (l, N)."""
    rng = np.random.default_rng([seed, 1])
    x = Tensor(rng.uniform(-1, 1, (inputs, samples)), name="x")
    return x, Tensor(rng.uniform(0, 1, (outputs, samples)), name="d")


def hand_gradients(network: ThreeLayer, x: Array, d: Array) -> dict[str, Array]:
    """The deltas and the gradients of E by the chapter's formulas, in NumPy alone.

    δ^o = (d - o) o (1 - o)            (eq. 5-16)  δ^y = (Σ_k δ_k^o w_kj) h (1 - h)   (eq. 5-17)
    ∂E/∂w = -δ^o h, ∂E/∂v = -δ^y x     (eq. 5-12)  ∂E/∂b = -δ of the unit's own layer
    and ∂E/∂θ = +δ, since f sees net - θ. Sums over samples are in the matrix products.
    """
    v, b0, theta0, w, b1, theta1 = (t.numpy() for t in network.parameters.values())
    h = 1 / (1 + np.exp(-(v @ x + b0 - theta0)))  # (m, N)
    o = 1 / (1 + np.exp(-(w @ h + b1 - theta1)))  # (l, N)
    delta_o = (d - o) * o * (1 - o)  # (l, N)
    delta_y = (w.T @ delta_o) * h * (1 - h)  # (m, N)
    return {
        "δᵒ": delta_o,
        "δʸ": delta_y,
        "v": -delta_y @ x.T,  # (m, n)
        "b⁰": -delta_y.sum(axis=1, keepdims=True),  # (m, 1)
        "θ⁰": delta_y.sum(axis=1, keepdims=True),
        "w": -delta_o @ h.T,  # (l, m)
        "b¹": -delta_o.sum(axis=1, keepdims=True),  # (l, 1)
        "θ¹": delta_o.sum(axis=1, keepdims=True),
    }


def engine_gradients(network: ThreeLayer, x: Tensor, d: Tensor) -> dict[str, Array]:
    """The same quantities from one `backward()`; δ is -∂E/∂net (eq. 5-11)."""
    for t in network.parameters.values():
        t.grad = None
    E = half_squared_error(d, network(x))
    for t in (network.net0, network.net1):
        t.retain_grad()
    E.backward()
    found = {name: gradient(t) for name, t in network.parameters.items()}
    return {"δᵒ": -gradient(network.net1), "δʸ": -gradient(network.net0), **found}


def gradient(t: Tensor) -> Array:
    """What `backward()` left at a tensor, as an array."""
    if t.grad is None:
        raise ValueError(f"{t.name or 'the tensor'} has no gradient: call backward() first")
    return t.grad.numpy()


def central_difference(f: Callable[[], float], at: Array, step: float = 1e-5) -> Array:
    """∂f/∂at by (f(at + step) - f(at - step)) / 2 step, one element after another, in place."""
    slope = np.zeros_like(at)
    for i in np.ndindex(at.shape):
        kept = at[i]
        at[i] = kept + step
        above = f()
        at[i] = kept - step
        below = f()
        at[i] = kept
        slope[i] = (above - below) / (2 * step)
    return slope


def chapter_updates(network: ThreeLayer, x: Array, d: Array, eta: float) -> dict[str, Array]:
    """The steps that the chapter adds to weights and biases.

    Δw_kj = η δ_k^o h_j, Δv_ji = η δ_j^y x_i (eq. 5-12); Δb = η δ with the delta of the bias's own
    layer (eq. 5-19 and 5-21, whose deltas the print exchanged; see `erratum_6`).
    """
    return {name: -eta * g for name, g in hand_gradients(network, x, d).items() if name[0] != "δ"}


@dataclass(frozen=True)
class Finding:
    """One form of an equation against the truth.

    Attributes:
        quantity: what the form is for.
        form: the equation's number and what was computed.
        error: the largest difference to the engine's gradient (or value).
        error_fd: the same to the central finite difference, which knows no formula at all.
        source: "printed" as in the chapter, "right" as corrected, or "control", a form with an
            error put in on purpose, to show that the test can tell.
    """

    quantity: str
    form: str
    error: float
    error_fd: float
    source: Source

    @property
    def holds(self) -> bool:
        """Whether the form agrees with the true gradient; a finite difference is good to 1e-8."""
        return self.error < 1e-12 and self.error_fd < 1e-8


def compared(
    quantity: str, forms: list[tuple[str, Array, Source]], engine: Array, fd: Array
) -> list[Finding]:
    return [
        Finding(quantity, form, largest(value - engine), largest(value - fd), source)
        for form, value, source in forms
    ]


def largest(x: Array) -> float:
    return float(np.abs(x).max())


def erratum_2(seed: int = 0, samples: int = 6) -> list[Finding]:
    """Eq. 5-29 lacks the minus sign before 1/n.

    C = -1/n Σ [y ln σ(z) + (1 - y) ln(1 - σ(z))], z = wᵀx, with ∂C/∂z = (σ(z) - y)/n. As printed C
    is never positive and falls as the predictions get worse, so that its descent unlearns.
    """
    rng = np.random.default_rng(seed)
    z = Tensor(rng.normal(size=samples), requires_grad=True, name="z")
    y = (rng.random(samples) < 0.5).astype(float)
    true_cost(z, y).backward()
    engine = gradient(z)
    fd = central_difference(lambda: true_cost(Tensor(z.numpy()), y).item(), z.numpy())
    z.grad = None
    printed_cost(z, y).backward()
    printed = gradient(z)
    right = (1 / (1 + np.exp(-z.numpy())) - y) / samples
    forms: list[tuple[str, Array, Source]] = [
        ("5-29  of 1/n Σ[…], no minus", printed, "printed"),
        ("right (σ(z) - y)/n, of -1/n Σ[…]", right, "right"),
    ]
    return compared("∂C/∂z", forms, engine, fd)


def printed_cost(z: Tensor, y: Array) -> Tensor:
    """Eq. 5-29 as printed: 1/n Σ [y ln σ(z) + (1 - y) ln(1 - σ(z))]. z, y (n,)."""
    o = sigmoid(z)
    return (y * log(o) + (1 - y) * log(1 - o)).mean()


def true_cost(z: Tensor, y: Array) -> Tensor:
    """-1/n Σ ln p(y), where the label y has the probability σ(z) if 1, σ(-z) if 0. z, y (n,)."""
    return -log(sigmoid(z * (2 * y - 1))).mean()


def erratum_2_descent(steps: int = 50, alpha: float = 1.0) -> dict[str, tuple[float, float, float]]:
    """What descending each form does to four easy samples: C printed, C true, accuracy at the end.

    The samples x = -2, -1, 1, 2 with y = (x > 0) and the weight w = 0.1 to begin with.
    """
    x, y = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0])
    found = {}
    for form, cost in (("printed", printed_cost), ("right", true_cost)):
        w = Tensor(np.array(0.1), requires_grad=True, name="w")
        for _ in range(steps if form == "right" else 5):  # the printed one runs off to -∞
            w.grad = None
            cost(w * x, y).backward()
            w.data = w.numpy() - alpha * gradient(w)
        z = Tensor(w.numpy() * x)
        accuracy = float(((z.numpy() > 0) == y).mean())
        found[form] = (printed_cost(z, y).item(), true_cost(z, y).item(), accuracy)
    return found


def truth(network: ThreeLayer, x: Tensor, d: Tensor) -> tuple[dict[str, Array], dict[str, Array]]:
    """Gradients by the engine and by central differences of E; δ comes from shifting b by ε."""
    engine = engine_gradients(network, x, d)
    fd = {
        name: central_difference(lambda: half_squared_error(d, network(x)).item(), t.numpy())
        for name, t in network.parameters.items()
    }
    return engine, {**fd, "δᵒ": -fd["b¹"], "δʸ": -fd["b⁰"]}


def erratum_5(seed: int = 0, units: int = 3) -> list[Finding]:
    """δ^y: the sign, the slope f' and the index of the weight in eq. 5-11, 5-13 to 5-15, 5-17.

    Found: the signs of 5-11 and 5-17 are right. Two other things are not. f' is written f'(net)
    but h = f(net - θ), so its slope stands at net - θ (they agree only where θ = 0); 5-17's
    y (1 - y) is right. And 5-17 writes w_jk for w_kj: the transpose of W, which for l = m goes
    through unnoticed. One sample and l = m, so that every form has a shape.
    """
    network = ThreeLayer(2, units, units, seed)
    x, d = sample_pair(2, units, 1, seed)
    engine, fd = truth(network, x, d)
    h, o = network.h.numpy(), network(x).numpy()
    w, net0, net1 = network.w.numpy(), network.net0.numpy(), network.net1.numpy()

    def slope(net: Array) -> Array:
        return (f := 1 / (1 + np.exp(-net))) * (1 - f)

    error = d.numpy() - o
    delta_o = error * o * (1 - o)
    right = (w.T @ delta_o) * h * (1 - h)
    # 5-11 multiplied out: ∂E/∂net¹ = -(d - o) f', and ∂net¹_k/∂net⁰_j = w_kj f'.
    by_definition = -((-delta_o.T @ (w * (h * (1 - h)).T)).T)
    forms_y: list[tuple[str, Array, Source]] = [
        ("5-11  -Σ ∂E/∂net¹·∂net¹/∂net⁰", by_definition, "printed"),
        ("5-11  with a plus sign", -by_definition, "control"),
        ("5-14  f'(net), θ left out", (w.T @ (error * slope(net1))) * slope(net0), "printed"),
        ("5-17  (Σ δᵒ w_jk) y(1-y)", (w @ delta_o) * h * (1 - h), "printed"),
        ("right (Σ δᵒ w_kj) h(1-h)", right, "right"),
    ]
    forms_o: list[tuple[str, Array, Source]] = [
        ("5-13  (d-o) f'(net), θ left out", error * slope(net1), "printed"),
        ("5-16  (d-o) o(1-o)", delta_o, "printed"),
    ]
    return [
        *compared("δᵒ", forms_o, engine["δᵒ"], fd["δᵒ"]),
        *compared("δʸ", forms_y, engine["δʸ"], fd["δʸ"]),
    ]


def erratum_6(seed: int = 0, units: int = 3) -> list[Finding]:
    """Eq. 5-19 and 5-21 exchange the deltas of the biases; 5-20 repeats 5-18.

    The step of a bias is -∂E/∂b, the delta of its own layer. 5-20 writes the hidden layer's net
    for the output layer: it contains neither w nor b¹, so that E would not depend on them. m = l,
    so that the exchanged deltas have the right shape and go through unnoticed.
    """
    network = ThreeLayer(2, units, units, seed)
    x, d = sample_pair(2, units, 1, seed)
    engine, fd = truth(network, x, d)
    hand = hand_gradients(network, x.numpy(), d.numpy())
    v, b0, _, _, _, theta1 = (t.numpy() for t in network.parameters.values())

    def E_by_5_20() -> float:
        net1 = v @ x.numpy() + b0  # (m, N), where net¹ = w h + b¹ is meant
        return half_squared_error(d, sigmoid(Tensor(net1 - theta1))).item()

    unmoved = central_difference(E_by_5_20, network.b1.numpy())
    hidden: list[tuple[str, Array, Source]] = [
        ("5-19  Δb⁰ = ηδᵒ", hand["δᵒ"], "printed"),
        ("right Δb⁰ = ηδʸ", hand["δʸ"], "right"),
    ]
    output: list[tuple[str, Array, Source]] = [
        ("5-21  Δb¹ = ηδʸ", hand["δʸ"], "printed"),
        ("right Δb¹ = ηδᵒ", hand["δᵒ"], "right"),
    ]
    slopes: list[tuple[str, Array, Source]] = [
        ("5-20  of net¹ = Σ v_ji x_i + b⁰", unmoved, "printed"),
        ("right of net¹ = Σ w_kj h_j + b¹", -hand["δᵒ"], "right"),
    ]
    return [
        *compared("Δb⁰/η", hidden, -engine["b⁰"], -fd["b⁰"]),
        *compared("Δb¹/η", output, -engine["b¹"], -fd["b¹"]),
        *compared("∂E/∂b¹", slopes, engine["b¹"], fd["b¹"]),
    ]


def learning_speed(outputs: Array, d: float = 0.0) -> dict[str, Array]:
    """|∂E/∂net| at several outputs o = σ(net): how fast each loss moves the unit (eq. 5-29).

    Half squared error gives |o - d| o (1 - o), which dies as o saturates, right or wrong; binary
    cross-entropy gives |o - d|: the speed follows the error.
    """
    nets = np.log(outputs / (1 - outputs))
    speeds = {}
    for name, loss in (
        ("squared", lambda net: 0.5 * (d - sigmoid(net)).square().sum()),
        ("cross-entropy", lambda net: true_cost(net, np.full(outputs.shape, d)) * outputs.size),
    ):
        net = Tensor(nets, requires_grad=True, name="net")
        loss(net).backward()
        speeds[name] = np.abs(gradient(net))
    return speeds


def steps_to_unlearn(start: float, goal: float = 0.1, eta: float = 0.5) -> dict[str, int]:
    """How many steps of gradient descent bring o = σ(net) from start down to goal, d = 0."""
    steps = {}
    for name in ("squared", "cross-entropy"):
        net, count = np.log(start / (1 - start)), 0
        while (o := 1 / (1 + np.exp(-net))) > goal:
            net -= eta * learning_speed(np.array([o]))[name].item()
            count += 1
        steps[name] = count
    return steps


def sigmoid_slope(points: int = 2001, width: float = 10.0) -> tuple[float, float, float]:
    """f' = f (1 - f) of the sigmoid over [-width, width] by the engine (eq. 5-24).

    Returns the largest slope (1/4), where it is (0), and the largest difference to f (1 - f).
    """
    x = Tensor(np.linspace(-width, width, points), requires_grad=True, name="x")
    f = sigmoid(x)
    f.sum().backward()
    slope, f_array = gradient(x), f.numpy()
    at = int(slope.argmax())
    return float(slope[at]), float(x.numpy()[at]), largest(slope - f_array * (1 - f_array))
