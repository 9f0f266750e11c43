"""The loss of sequences whose alignment is not known: connectionist temporal classification."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.arguments import check, index_array, require, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor
from microgradnd.functions import isinf, where
from microgradnd.nn.distances import floats, wide
from microgradnd.nn.losses import constant, reduced
from microgradnd.ops import losses as ops


def ctc_loss(
    log_probs: TensorLike,
    targets: TensorLike,
    input_lengths: TensorLike,
    target_lengths: TensorLike,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log Σ_π Π_t p_t(π_t): over all paths π that read as the target (Graves et al. 2006).

    A path reads as what is left of it once repeated classes are one and blanks are gone.

    Args:
        log_probs: log p, (T, N, C), as of log_softmax; or (T, C) for one sequence.
        targets: class numbers, (N, S), of which `target_lengths` count, or all of them joined
            into one axis; (S,) for one sequence.
        input_lengths: how many steps count, (N,), or () for one sequence.
        target_lengths: how many classes count, (N,), or ().
        blank: the class that stands for none.
        reduction: "mean" divides each loss by the length of its target, then takes the mean.
        zero_infinity: makes losses 0 of targets that no path of so few steps reads as, where they
            are infinite.

    The gradient is that of `log_probs` themselves, 0 where the loss is infinite. PyTorch's agrees
    with it behind a log_softmax, through which it takes it for granted that it flows.

    >>> log_probs = np.log(np.full((3, 1, 2), 0.5))
    >>> ctc_loss(log_probs, [[1]], [3], [1]).exp().round(4)  # 6 of 8 paths
    Tensor(1.3333)
    """
    loss = "ctc_loss"
    require(loss, "blank", blank, whole(0))
    check(loss, reduction=reduction, zero_infinity=zero_infinity)
    (x,) = floats(loss, log_probs=log_probs)
    if x.ndim not in (2, 3):
        raise ValueError(f"{loss}: log_probs has shape {x.shape}, it must be (T, N, C) or (T, C)")
    single, dtype = x.ndim == 2, x.dtype
    x = wide(x[:, None] if single else x)
    steps, count, classes = x.shape
    if blank >= classes:
        raise ValueError(f"{loss}: blank={blank} is none of the {classes} classes of log_probs")
    inputs = _lengths(loss, "input_lengths", input_lengths, count, steps)
    y, lengths = _targets(loss, targets, target_lengths, count, single)
    used = np.arange(y.shape[1]) < lengths[:, None]
    wrong = used & ((y < 0) | (y >= classes) | (y == blank))
    if wrong.any():
        raise ValueError(
            f"{loss}: targets must hold class numbers in 0..{classes - 1} other than the blank, "
            f"{blank}; they hold {y[wrong][0]}"
        )
    losses = ops.ctc(x, *_states(np.where(used, y, blank), lengths, inputs, steps, blank))
    if zero_infinity:
        losses = where(isinf(losses), 0.0, losses)
    if reduction == "mean":
        losses = losses / np.maximum(lengths, 1).astype(x.dtype)
    return reduced(loss, losses[0] if single else losses, reduction, dtype)


def _states(
    y: np.ndarray, lengths: np.ndarray, inputs: np.ndarray, steps: int, blank: int
) -> tuple[np.ndarray, ...]:
    """The class of each state, where one may skip, the steps that count, where paths end."""
    labels = np.full((len(y), 2 * y.shape[1] + 1), blank)
    labels[:, 1::2] = y
    skips = np.zeros(labels.shape, bool)
    skips[:, 3::2] = y[:, 1:] != y[:, :-1]
    live = np.arange(steps)[:, None, None] < inputs[:, None]
    places, last = np.arange(labels.shape[1]), 2 * lengths[:, None]
    return labels, skips, live, (places == last) | (places == last - 1)


def _lengths(loss: str, name: str, value: Any, count: int, most: int) -> np.ndarray:
    """Lengths of sequences, one for each of them, from 0 to the most there can be."""
    array = index_array(loss, name, constant(loss, name, value))
    if array.shape != (count,) and not (array.size == count == 1):
        raise ValueError(
            f"{loss}: {name} has shape {array.shape}, {count} sequences need ({count},)"
        )
    if array.size and not 0 <= array.min() <= array.max() <= most:
        raise ValueError(
            f"{loss}: {name} must lie in 0..{most}; they reach from {array.min()} to {array.max()}"
        )
    return array.reshape(count).astype(np.intp)


def _targets(
    loss: str, targets: Any, target_lengths: Any, count: int, single: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The targets as rows of one length, and how much of each row counts."""
    y = index_array(loss, "targets", constant(loss, "targets", targets))
    if single and y.ndim == 1:
        y = y[None]
    if y.ndim == 2:
        if len(y) != count:
            raise ValueError(f"{loss}: targets has shape {y.shape}, needed ({count}, S)")
        return y, _lengths(loss, "target_lengths", target_lengths, count, y.shape[1])
    if y.ndim != 1:
        raise ValueError(f"{loss}: targets has shape {y.shape}, it must be (N, S), or joined, (S,)")
    lengths = _lengths(loss, "target_lengths", target_lengths, count, y.size)
    if lengths.sum() != y.size:
        raise ValueError(
            f"{loss}: targets has {y.size} class numbers, target_lengths add up to {lengths.sum()}"
        )
    rows = np.zeros((count, max(lengths, default=0)), y.dtype)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = y
    return rows, lengths
