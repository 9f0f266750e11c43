"""Op cases of normalising."""

from __future__ import annotations

import numpy as np

from microgradnd.ops.normalization import normalize
from tests.op_case import OpCase, Operand, samples


def by_hand(x: np.ndarray, axis: tuple[int, ...], eps: float = 1e-5) -> np.ndarray:
    return (x - x.mean(axis, keepdims=True)) / (x.var(axis, keepdims=True) + eps) ** 0.5


NORMALIZATION = (
    OpCase(
        "normalize", normalize, by_hand,
        (
            *samples([(Operand((3, 4)),)], {"axis": (0,)}, {"axis": (1,), "eps": 0.1}),
            *samples([(Operand((2, 3, 2)),)], {"axis": (0, 2)}),
        ),
    ),
)  # fmt: skip
