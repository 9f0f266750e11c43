"""Dropout: in training, parts of what flows through are set to 0 at random (N9)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from microgradnd.arguments import PROBABILITY, checked, optional
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.nn.module import Module
from microgradnd.random import generator


def dropout(
    x: TensorLike, p: float = 0.5, training: bool = True, inplace: bool = False, *,
    rng: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """m ⊙ x / (1 - p), where m is 0 with probability p, else 1 (inverted dropout).

    Outside of training, x itself. The mask is a constant operand of one product. `inplace` is
    taken for PyTorch's sake; nothing is computed in place.

    >>> dropout(Tensor([1.0, 2.0]), training=False)
    Tensor([1., 2.])
    """
    x = as_tensor(x, "dropout", "x")
    return _dropped(x, x.shape, p, training, rng)


def _of_maps(axes: int) -> Callable[..., Tensor]:
    """Dropout of whole channels that have so many axes."""
    name = f"dropout{axes}d"
    shape = {1: "C, L", 2: "C, H, W", 3: "C, D, H, W"}[axes]
    needs = f"(N, {shape})" + f" or ({shape})" * (axes != 2)

    def function(
        x: TensorLike, p: float = 0.5, training: bool = True, inplace: bool = False, *,
        rng: np.random.Generator | None = None,
    ) -> Tensor:  # fmt: skip
        x = as_tensor(x, name, "x")
        lead = x.ndim - axes  # 1: without samples; images as in PyTorch may have one axis, not two
        if axes == 2 and x.ndim == 3:
            lead = 2
        if lead not in (1, 2):
            raise ValueError(f"{name}: x has shape {x.shape}, it needs {needs}")
        return _dropped(x, x.shape[:lead] + (1,) * (x.ndim - lead), p, training, rng)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Dropout of whole channels of x {needs}."
    return function


dropout1d, dropout2d, dropout3d = map(_of_maps, (1, 2, 3))
_SATURATED = -1.7580993408473766  # what SELU goes to for x → -∞


def alpha_dropout(
    x: TensorLike, p: float = 0.5, training: bool = True, inplace: bool = False, *,
    rng: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Dropout for SELU networks: what is dropped is -1.758, then all is scaled.

    So inputs of mean 0 and variance 1 keep both: with q = 1 - p, a (m ⊙ x + s (1 - m)) - a p s,
    s = -1.758, a = (q + p q s²)^(-½). Source: Klambauer et al. 2017.

    >>> alpha_dropout(Tensor([1.0, 2.0]), training=False)
    Tensor([1., 2.])
    """
    x = as_tensor(x, "alpha_dropout", "x")
    if not training or p == 0:
        return x
    if p == 1:
        return x * 0.0
    keep = generator(rng).random(x.shape, np.float32) >= p
    scale = ((1 - p) * (1 + p * _SATURATED**2)) ** -0.5
    shift = np.where(keep, -scale * p * _SATURATED, scale * (1 - p) * _SATURATED)
    return x * (keep * x.dtype.type(scale)) + shift.astype(x.dtype)


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
        inplace: taken for PyTorch's sake; nothing is computed in place.
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
        inplace: bool = False,
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


class Dropout1d(Dropout):
    """Dropout of whole channels of x (N, C, L) or (C, L), in training mode only."""

    function = staticmethod(dropout1d)


class Dropout2d(Dropout):
    """Dropout of whole maps of x (N, C, H, W), in training mode only."""

    function = staticmethod(dropout2d)


class Dropout3d(Dropout):
    """Dropout of whole volumes of x (N, C, D, H, W) or (C, D, H, W), in training mode only."""

    function = staticmethod(dropout3d)


class AlphaDropout(Dropout):
    """Dropout for SELU networks, in training mode only; see `functional.alpha_dropout`."""

    function = staticmethod(alpha_dropout)
