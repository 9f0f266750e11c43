"""Op cases of the losses."""

from __future__ import annotations

import numpy as np

from microgradnd.ops.losses import binary_cross_entropy, ctc
from tests.op_case import OpCase, Operand, Sample, between, samples

inside = between(0.1, 0.9)
TARGETS = np.array([[0.0, 1.0, 0.3], [1.0, 0.0, 0.5]])


def by_hand(o: np.ndarray, y: np.ndarray, eps: float = 0.0) -> np.ndarray:
    return -(y * np.log(o + eps) + (1 - y) * np.log(1 - o + eps))


def over_paths(
    p: np.ndarray, labels: np.ndarray, skips: np.ndarray, live: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """-log Σ exp(log p) over all walks through the states, one by one."""
    found = []
    for n, states in enumerate(labels):
        walks = {-1: 0.0}  # before the first state, as it were: by state, the sum so far
        for t in range(int(live[:, n].sum())):
            new: dict[int, float] = {}
            for s, total in ((s, v) for s, v in walks.items()):
                to = (0, 1) if s < 0 else (s, s + 1, s + 2)
                for k in to:
                    if k < len(states) and (k != s + 2 or s < 0 or skips[n, k]):
                        so_far = total + p[t, n, states[k]]
                        new[k] = np.logaddexp(new.get(k, -np.inf), so_far)
            walks = new
        found.append(-np.logaddexp.reduce([v for s, v in walks.items() if s >= 0 and ends[n, s]]))
    return np.array(found)


LABELS = np.array([[0, 1, 0, 1, 0], [0, 1, 0, 2, 0]])
PATHS = {
    "labels": LABELS,
    "skips": np.array([[0, 0, 0, 0, 0], [0, 0, 0, 1, 0]], bool),
    "live": np.arange(4)[:, None, None] < np.array([[4], [3]]),
    "ends": np.array([[0, 0, 0, 1, 1], [0, 0, 0, 1, 1]], bool),
}
LOSSES = (
    OpCase(
        "binary_cross_entropy", binary_cross_entropy, by_hand,
        samples([(Operand((2, 3), inside), y) for y in (TARGETS, Operand((2, 3), inside))], {},
                {"eps": 1e-3}),
    ),
    OpCase("ctc", ctc, over_paths, (Sample((Operand((4, 2, 3)),), PATHS),)),
)  # fmt: skip
