"""Layers that change the shape alone."""

from __future__ import annotations

from math import prod
from typing import Any

from microgradnd.arguments import checked
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.nn.module import Module


class Flatten(Module):
    """The axes from `start_dim` to `end_dim` as one: (N, 50, 4, 4) to (N, 800), as in C8.

    >>> import numpy as np
    >>> Flatten()(np.zeros((2, 50, 4, 4))).shape
    (2, 800)
    """

    @checked()
    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: TensorLike) -> Tensor:
        x = as_tensor(x, "Flatten", "x")
        for name in ("start_dim", "end_dim"):
            if not -x.ndim <= (dim := getattr(self, name)) < x.ndim:
                raise ValueError(f"Flatten: {name}={dim} is no axis of x, of shape {x.shape}")
        first, last = self.start_dim % x.ndim, self.end_dim % x.ndim
        return x.reshape((*x.shape[:first], prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))


class Identity(Module):
    """Gives back what it gets."""

    def forward(self, x: TensorLike) -> Any:
        return x
