"""Op cases of the losses."""

from __future__ import annotations

import numpy as np

from microgradnd.ops.losses import binary_cross_entropy
from tests.op_case import OpCase, Operand, between, samples

inside = between(0.1, 0.9)
TARGETS = np.array([[0.0, 1.0, 0.3], [1.0, 0.0, 0.5]])


def by_hand(o: np.ndarray, y: np.ndarray, eps: float = 0.0) -> np.ndarray:
    return -(y * np.log(o + eps) + (1 - y) * np.log(1 - o + eps))


LOSSES = (
    OpCase(
        "binary_cross_entropy", binary_cross_entropy, by_hand,
        samples([(Operand((2, 3), inside), TARGETS)], {}, {"eps": 1e-3}),
    ),
)  # fmt: skip
