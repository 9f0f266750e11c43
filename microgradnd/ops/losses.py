"""Losses whose derivative deserves a row of its own."""

from __future__ import annotations

import numpy as np

from microgradnd.declaration import Value, op


def binary_cross_entropy_o(g: Value, o: Value, y: Value, eps: float) -> Value:
    if eps:
        return g * ((1 - y) / (1 - o + eps) - y / (o + eps))
    return g * ((o - y) / np.maximum(o * (1 - o), 1e-12))  # as PyTorch bounds it at 0 and 1


@op(o=binary_cross_entropy_o, fresh="o", elementwise=True, whole=True, internal=True)
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
