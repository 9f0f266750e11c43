"""Dropout: in training, parts of what flows through are set to 0 at random (N9)."""

from __future__ import annotations

import numpy as np

from microgradnd.arguments import PROBABILITY, checked, optional
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.nn.module import Module
from microgradnd.random import generator


def dropout(
    x: TensorLike, p: float = 0.5, training: bool = True, *, rng: np.random.Generator | None = None
) -> Tensor:
    """m ⊙ x / (1 - p), where m is 0 with probability p, else 1 (inverted dropout).

    Outside of training, x itself. The mask is a constant operand of one product.

    >>> dropout(Tensor([1.0, 2.0]), training=False)
    Tensor([1., 2.])
    """
    x = as_tensor(x, "dropout", "x")
    return _dropped(x, x.shape, p, training, rng)


def dropout2d(
    x: TensorLike, p: float = 0.5, training: bool = True, *, rng: np.random.Generator | None = None
) -> Tensor:
    """Dropout of whole maps: one choice for each sample and channel of x (N, C, H, W)."""
    x = as_tensor(x, "dropout2d", "x")
    if x.ndim < 3:
        raise ValueError(f"dropout2d: x has shape {x.shape}, it needs (N, C, H, W)")
    return _dropped(x, (*x.shape[:2], *(1 for _ in x.shape[2:])), p, training, rng)


def _dropped(
    x: Tensor, shape: tuple[int, ...], p: float, training: bool, rng: np.random.Generator | None
) -> Tensor:
    if not training or p == 0:
        return x
    keep = generator(rng).random(shape, np.float32) >= p
    return x * (keep * x.dtype.type(1 / (1 - p) if p < 1 else 0.0))


class Dropout(Module):
    """Inverted dropout, in training mode only: m ⊙ x / (1 - p).

    Args:
        p: the probability to drop, as in PyTorch.
        keep_prob: that to keep, 1 - p, as in the chapter (N9); instead of p.
        rng: draws the masks.

    >>> Dropout(keep_prob=0.75)
    Dropout(p=0.25)
    """

    function = staticmethod(dropout)

    @checked(p=optional(PROBABILITY), keep_prob=optional(PROBABILITY))
    def __init__(
        self,
        p: float | None = None,
        *,
        keep_prob: float | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        if p is not None and keep_prob is not None:
            raise ValueError(f"{type(self).__name__}: give p or keep_prob = 1 - p, not both")
        chosen = 0.5 if p is None else p
        self.p = chosen if keep_prob is None else 1 - keep_prob
        self.rng = rng

    def forward(self, x: TensorLike) -> Tensor:
        return self.function(x, self.p, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        return f"p={self.p:g}"


class Dropout2d(Dropout):
    """Dropout of whole maps of x (N, C, H, W), in training mode only."""

    function = staticmethod(dropout2d)
