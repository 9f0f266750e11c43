"""Connectionist temporal classification on arrays, forward and backward, in logarithms.

A labelling l of S classes is read as the 2S + 1 states blank, l1, blank, l2, ..., blank. A path
starts at either of the first two, stays, goes on by one, or by two where no class would follow
itself, and ends at either of the last two.
"""

from __future__ import annotations

import numpy as np


def _shifted(a: np.ndarray, by: int) -> np.ndarray:
    """What stands `by` places before, or after if it is negative; -inf from beyond the ends."""
    out = np.full_like(a, -np.inf)
    if by > 0:
        out[..., by:] = a[..., :-by]
    else:
        out[..., :by] = a[..., -by:]
    return out


def _sum(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """log(exp(a) + exp(b) + exp(c))."""
    return np.logaddexp(np.logaddexp(a, b), c)


def _emitted(log_probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The logarithm of what each state's class is given, (T, N, L)."""
    index = np.broadcast_to(labels, (len(log_probs), *labels.shape))
    return np.take_along_axis(log_probs, index, 2)


def start(labels: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The logarithms of the states before the first step, as if a blank had been read."""
    a = np.full(labels.shape, -np.inf, dtype)
    a[:, 0] = 0
    return a


def _alphas(
    log_probs: np.ndarray, labels: np.ndarray, skips: np.ndarray, live: np.ndarray
) -> np.ndarray:
    """Of each step and state, log Σ of all paths that lead there; (T + 1, N, L), from the start."""
    emitted = _emitted(log_probs, labels)
    alphas = np.empty((len(emitted) + 1, *labels.shape), log_probs.dtype)
    a = alphas[0] = start(labels, log_probs.dtype)
    for t, e in enumerate(emitted):
        two = np.where(skips, _shifted(a, 2), -np.inf)
        a = alphas[t + 1] = np.where(live[t], _sum(a, _shifted(a, 1), two) + e, a)
    return alphas


def ctc_forward(
    log_probs: np.ndarray, labels: np.ndarray, skips: np.ndarray, live: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """-log of the sum over all paths, (N,), inf where there is none."""
    a = _alphas(log_probs, labels, skips, live)[-1]
    return -np.logaddexp.reduce(np.where(ends, a, -np.inf), -1)


def ctc_backward(
    g: np.ndarray,
    log_probs: np.ndarray,
    out: np.ndarray,
    labels: np.ndarray,
    skips: np.ndarray,
    live: np.ndarray,
    ends: np.ndarray,
) -> np.ndarray:
    """-g times the probability that a path is in a state of the class, 0 where there is no path."""
    alphas, emitted = _alphas(log_probs, labels, skips, live), _emitted(log_probs, labels)
    level = np.where(np.isfinite(out), out, 0)[:, None]
    b = np.where(ends, 0, -np.inf).astype(log_probs.dtype)  # log Σ of all paths from here on
    shares = np.zeros(emitted.shape, log_probs.dtype)
    ahead = np.zeros_like(skips)  # where a path may go on by two
    ahead[:, :-2] = skips[:, 2:]
    for t in reversed(range(len(emitted))):
        shares[t] = np.exp(alphas[t + 1] + b + level) * live[t]
        e = b + emitted[t]
        two = np.where(ahead, _shifted(e, -2), -np.inf)
        b = np.where(live[t], _sum(e, _shifted(e, -1), two), b)
    total = np.zeros_like(log_probs)
    rows = np.arange(labels.shape[0])
    shares *= g[:, None]
    for s in range(labels.shape[1]):  # (a class may stand in several states)
        total[:, rows, labels[:, s]] -= shares[:, :, s]
    return total
