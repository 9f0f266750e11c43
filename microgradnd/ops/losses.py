"""Losses whose derivative deserves a row of its own."""

from __future__ import annotations

import numpy as np

from microgradnd.declaration import Value, op
from microgradnd.engine import Tensor
from microgradnd.kernels.ctc import ctc_backward, ctc_forward, start
from microgradnd.ops.elementwise import where
from microgradnd.ops.selecting import take_along_axis
from microgradnd.ops.shape import concatenate, stack
from microgradnd.ops.softmax import logsumexp


def binary_cross_entropy_o(g: Value, o: Value, y: Value, eps: float) -> Value:
    if eps:
        return g * ((1 - y) / (1 - o + eps) - y / (o + eps))
    return g * ((o - y) / np.maximum(o * (1 - o), 1e-12))  # as PyTorch bounds it at 0 and 1


def binary_cross_entropy_y(g: Value, o: Value, eps: float) -> Value:
    yes, no = np.log(o + eps), np.log(1 - o + eps)
    return g * (no - yes if eps else np.maximum(no, -100.0) - np.maximum(yes, -100.0))


@op(
    o=binary_cross_entropy_o,
    y=binary_cross_entropy_y,
    fresh="o y",
    elementwise=True,
    whole=True,
    internal=True,
)
def binary_cross_entropy(o: Value, y: Value, eps: float = 0.0) -> Value:
    """-(y log o + (1 - y) log(1 - o)); logarithms are held at -100, or taken of o + eps."""
    if o.size and not (o.min() >= 0 and o.max() <= 1):
        raise ValueError(
            f"probabilities must lie in 0..1, these reach from {o.min():g} to {o.max():g}; "
            "for logits use binary_cross_entropy_with_logits"
        )
    if eps:
        return -(y * np.log(o + eps) + (1 - y) * np.log(1 - o + eps))
    with np.errstate(divide="ignore"):
        return -(y * np.maximum(np.log(o), -100) + (1 - y) * np.maximum(np.log(1 - o), -100))


def ctc_program(
    log_probs: Tensor, labels: np.ndarray, skips: np.ndarray, live: np.ndarray, ends: np.ndarray
) -> Tensor:
    """`ctc` composed of other operations, one step after the other."""
    count = labels.shape[1]
    index = np.broadcast_to(labels, (len(live), *labels.shape))
    emitted = take_along_axis(log_probs, index, 2)
    beyond = np.full((len(labels), 2), -np.inf, log_probs.dtype)
    a = start(labels, log_probs.dtype)
    for t in range(len(live)):
        before = concatenate([beyond, a], 1)
        two = where(skips, before[:, :count], -np.inf)
        a = where(live[t], logsumexp(stack([a, before[:, 1 : count + 1], two]), 0) + emitted[t], a)
    return -logsumexp(where(ends, a, -np.inf), -1)


@op(log_probs=ctc_backward, composed=ctc_program, fresh="log_probs", internal=True, whole=True)
def ctc(
    log_probs: Value, labels: np.ndarray, skips: np.ndarray, live: np.ndarray, ends: np.ndarray
) -> Value:
    """-log of the probability of all paths (N,) through the states (N, L) of labellings.

    Of log_probs (T, N, C); labels (N, L) has the class of each state, skips (N, L) where one may
    come from two states before, live (T, N, 1) which steps count, ends (N, L) where paths end.
    """
    return ctc_forward(log_probs, labels, skips, live, ends)
