"""The chapter's network class: layers of any sizes and activations, trained by gradient descent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microgradnd import (
    Tensor,
    cross_entropy,
    leaky_relu,
    log,
    no_grad,
    relu,
    sigmoid,
    softmax,
    tanh,
)

Array = np.ndarray
ACTIVATIONS: dict[str, Callable[[Any], Tensor]] = {
    "linear": lambda net: net,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "softmax": softmax,
}
LOSSES = {"b_ce": "sigmoid", "c_ce": "softmax"}  # each with the activation its outputs need
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Status:
    """Where training stands: what the chapter's status line says."""

    epoch: int
    cost: float
    accuracy: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"epoch {self.epoch:5d}   cost {self.cost:8.4f}   "
            f"accuracy {self.accuracy:7.2%}   time taken {self.seconds:6.2f} s"
        )


class Network:
    """The chapter's network class: layers of any sizes and activations, trained by descent.

    net = a W + b, a = f(net) for each layer (eq. 5-2, 5-3), one sample per row as in scikit-learn.
    A threshold θ would only be a second bias of the opposite sign, so the class, like the
    chapter's own, has none.

    Args:
        sizes: units per layer, inputs first: [64, 32, 10].
        activations: one name per layer after the inputs, of ACTIVATIONS.
        loss: "b_ce", binary cross-entropy over sigmoid outputs, a prediction being o > 0.5; or
            "c_ce", categorical cross-entropy over a softmax, a prediction being its argmax.
        seed: of the weights, the order of mini-batches and the dropout masks.
        dtype: of everything computed, float32 or float64.

    >>> network = Network([2, 4, 1], ["tanh", "sigmoid"], "b_ce", seed=0)
    >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    >>> history = network.train(X, y, epochs=500, alpha=1.0, report=None)
    >>> history[-1].accuracy
    1.0
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: Sequence[str],
        loss: str = "c_ce",
        *,
        seed: int = 0,
        dtype: Any = np.float64,
    ) -> None:
        check_architecture(sizes, activations, loss, np.dtype(dtype))
        self.sizes, self.activations, self.loss = tuple(sizes), tuple(activations), loss
        self.dtype = np.dtype(dtype)
        self.rng = np.random.default_rng(seed)
        self.W: list[Tensor] = []  # (inputs of the layer, its units)
        self.B: list[Tensor] = []  # (units,)
        for n, m, f in zip(sizes, sizes[1:], activations, strict=False):
            # Keeps the variance of the signal from layer to layer; a relu passes half of it.
            spread = np.sqrt((2 if "relu" in f else 1) / n)
            layer = str(len(self.W)).translate(SUPERSCRIPTS)
            W = self.rng.normal(0, spread, (n, m)).astype(self.dtype)
            self.W.append(Tensor(W, requires_grad=True, name=f"W{layer}"))
            self.B.append(Tensor(np.zeros(m, self.dtype), requires_grad=True, name=f"b{layer}"))

    def net(self, X: Array, keep_prob: float = 1.0) -> Tensor:
        """The last layer's net input, X (N, sizes[0]) to (N, sizes[-1]).

        With keep_prob < 1 each hidden activation is dropped out, inverted: kept with that
        probability and divided by it, so that its expectation stays what it was.
        """
        a = Tensor(np.asarray(X, self.dtype), name="x")  # (N, sizes[0])
        last = len(self.W) - 1
        for i, (W, b, f) in enumerate(zip(self.W, self.B, self.activations, strict=True)):
            layer = str(i).translate(SUPERSCRIPTS)
            net = ((a @ W).named(f"a W{layer}") + b).named(f"net{layer}")  # (N, sizes[i + 1])
            if i == last:
                return net
            a = ACTIVATIONS[f](net).named(f"h{layer}")  # (N, sizes[i + 1])
            if keep_prob < 1:
                a = self.dropout(a, keep_prob).named(f"h{layer} kept")
        raise AssertionError("a network has a last layer")

    def dropout(self, a: Tensor, keep_prob: float) -> Tensor:
        """(rand < keep_prob) * a / keep_prob, elementwise."""
        mask = (self.rng.random(a.shape) < keep_prob).astype(self.dtype) / keep_prob
        return a * Tensor(mask.astype(self.dtype), name="mask")

    def cost(
        self, X: Array, y: Array, lambda_: float = 0.0, keep_prob: float = 1.0, m: int | None = None
    ) -> Tensor:
        """C = mean over the samples of the loss + λ/(2m) Σ W², m samples in the training set.

        So ∂C/∂W has the term λ W / m, as the chapter's code adds `_lambda * W` to its sum over m
        samples before dividing by m. Biases are not penalised.
        """
        if self.loss == "c_ce":
            C = (
                cross_entropy(self.net(X, keep_prob), Tensor(y, name="d")).named("losses").mean()
            )  # (N,) to ()
        else:
            o = sigmoid(self.net(X, keep_prob)).named("o")  # (N, sizes[-1])
            C = binary_cross_entropy(y, o)
        if lambda_:
            squares = sum((W.square().sum() for W in self.W), start=Tensor(0.0, dtype=self.dtype))
            C = C + lambda_ / (2 * (m or len(X))) * squares
        return C.named("E")

    def predict(self, X: Array) -> Array:
        """The outputs o (N, sizes[-1]): probabilities."""
        with no_grad():
            return ACTIVATIONS[self.activations[-1]](self.net(X)).numpy()

    def accuracy(self, X: Array, y: Array) -> float:
        """The share of right predictions: o > 0.5 for "b_ce", the argmax for "c_ce"."""
        X, y = self.checked(X, y)
        o = self.predict(X)
        right = o.argmax(axis=1) == y if self.loss == "c_ce" else (o > 0.5) == y
        return float(right.mean())

    def train(
        self,
        X: Array,
        y: Array,
        epochs: int,
        alpha: float,
        lambda_: float = 0.0,
        keep_prob: float = 1.0,
        interval: int = 100,
        *,
        batch_size: int | None = None,
        report: Callable[[Status], None] | None = print,
    ) -> list[Status]:
        """Descends the cost: W -= α ∂C/∂W, b -= α ∂C/∂b (eq. 5-7, 5-8).

        Args:
            X: inputs (N, sizes[0]).
            y: class numbers (N,) for "c_ce"; 0 or 1, (N,) or (N, sizes[-1]), for "b_ce".
            epochs: passes over the samples.
            alpha: learning rate α, the chapter's η.
            lambda_: penalty λ on the weights; `cost` says how it enters.
            keep_prob: of dropout, in (0, 1]; 1 drops nothing.
            interval: epochs between two reports. Epoch 0, before training, is the first of them.
            batch_size: samples per step at most; None takes all of them, as the chapter does.
            report: called with each Status; the default prints the status line. None is silent.

        Returns:
            Every Status reported.
        """
        check_training(epochs, alpha, lambda_, keep_prob, interval, batch_size)
        X, y = self.checked(X, y)
        start, history = time.perf_counter(), []
        for epoch in range(epochs + 1):
            if epoch:
                for batch in self.batches(len(X), batch_size):
                    self.cost(X[batch], y[batch], lambda_, keep_prob, len(X)).backward()
                    self.step(alpha)
            if epoch % interval == 0 or epoch == epochs:
                with no_grad():
                    cost = self.cost(X, y, lambda_).item()
                seconds = time.perf_counter() - start
                history.append(Status(epoch, cost, self.accuracy(X, y), seconds))
                if report is not None:
                    report(history[-1])
        return history

    def batches(self, samples: int, batch_size: int | None) -> Iterator[Any]:
        """What to index the samples with, one step after another.

        Mini-batches are shuffled and of one size but for a sample: a small rest, taken for a batch,
        would be a step as long as the others in the direction of a few samples.
        """
        if batch_size is None or batch_size >= samples:
            yield slice(None)
            return
        yield from np.array_split(self.rng.permutation(samples), -(-samples // batch_size))

    def step(self, alpha: float) -> None:
        """Δ = -α ∂C/∂parameter, in place, and the gradients cleared."""
        with no_grad():
            for p in (*self.W, *self.B):
                if p.grad is not None:
                    p -= alpha * p.grad
                p.grad = None

    def checked(self, X: Array, y: Array) -> tuple[Array, Array]:
        """The data in this network's dtype, or an error that says what does not fit."""
        X, y = np.asarray(X, self.dtype), np.asarray(y)
        if X.ndim != 2 or X.shape[1] != self.sizes[0]:
            raise ValueError(f"X has shape {X.shape}, the network needs (N, {self.sizes[0]})")
        if self.loss == "c_ce":
            if y.shape != X.shape[:1] or y.dtype.kind not in "iu":
                raise ValueError(
                    f'"c_ce" needs {len(X)} class numbers (integers), got {y.dtype} {y.shape}'
                )
            return X, y
        if y.size != len(X) * self.sizes[-1]:
            raise ValueError(f'"b_ce" needs y of shape {(len(X), self.sizes[-1])}, got {y.shape}')
        return X, y.reshape(len(X), self.sizes[-1]).astype(self.dtype)


def binary_cross_entropy(t: Array, o: Tensor) -> Tensor:
    """-(t ln(o + ε) + (1 - t) ln(1 - o + ε)), summed over outputs, averaged over samples.

    That is eq. 5-29 with the minus it lacks. ε, the dtype's resolution, keeps ln from 0.
    t, o (N, K); the result ().
    """
    eps = float(np.finfo(o.dtype).eps)
    loss = -(t * log(o + eps) + (1 - t) * log(1 - o + eps))  # (N, K)
    return loss.sum(axis=1).mean()


def check_architecture(
    sizes: Sequence[int], activations: Sequence[str], loss: str, dtype: np.dtype
) -> None:
    if len(sizes) < 2 or any(not isinstance(n, (int, np.integer)) or n < 1 for n in sizes):
        raise ValueError(f"sizes needs at least two positive integers, got {list(sizes)}")
    if len(activations) != len(sizes) - 1:
        raise ValueError(
            f"{len(sizes)} layer sizes need {len(sizes) - 1} activations (none for the inputs), "
            f"got {len(activations)}"
        )
    for f in activations:
        if f not in ACTIVATIONS:
            raise ValueError(f"unknown activation {f!r}: choose from {', '.join(ACTIVATIONS)}")
    if loss not in LOSSES:
        raise ValueError(f"unknown loss {loss!r}: choose from {', '.join(LOSSES)}")
    if activations[-1] != LOSSES[loss]:
        raise ValueError(
            f"the loss {loss!r} needs {LOSSES[loss]!r} outputs, the last activation is "
            f"{activations[-1]!r}"
        )
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, not {dtype}")


def check_training(
    epochs: int,
    alpha: float,
    lambda_: float,
    keep_prob: float,
    interval: int,
    batch_size: int | None,
) -> None:
    if epochs < 0:
        raise ValueError(f"epochs must be at least 0, got {epochs}")
    if not alpha > 0:
        raise ValueError(f"the learning rate alpha must be positive, got {alpha}")
    if not lambda_ >= 0:
        raise ValueError(f"the penalty lambda_ must be at least 0, got {lambda_}")
    if not 0 < keep_prob <= 1:
        raise ValueError(f"keep_prob is a probability in (0, 1], got {keep_prob}")
    if interval < 1:
        raise ValueError(f"interval must be at least 1 epoch, got {interval}")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, or None for all, got {batch_size}")
