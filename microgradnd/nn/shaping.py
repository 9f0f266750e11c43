"""Layers that change the shape alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from microgradnd.arguments import checked, several, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.functions import unflatten
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


class Unflatten(Module):
    """One axis as several, which `Flatten` undoes; of their lengths one may be -1.

    >>> import numpy as np
    >>> Unflatten(1, (2, -1))(np.zeros((5, 6))).shape
    (5, 2, 3)
    """

    @checked(unflattened_size=several(whole(-1), "a tuple of lengths", 1))
    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim, self.unflattened_size = dim, tuple(map(int, unflattened_size))

    def forward(self, x: TensorLike) -> Tensor:
        x, size = as_tensor(x, "Unflatten", "x"), self.unflattened_size
        if not -x.ndim <= self.dim < x.ndim:
            raise ValueError(f"Unflatten: dim={self.dim} is no axis of x, of shape {x.shape}")
        length, rest = x.shape[self.dim], prod(n for n in size if n >= 0)
        if length != rest and (size.count(-1) != 1 or not rest or length % rest):
            raise ValueError(f"Unflatten: {length} elements of x, {x.shape}, are not {size}")
        return unflatten(x, self.dim, size)

    def extra_repr(self) -> str:
        return f"{self.dim}, {self.unflattened_size}"


class Identity(Module):
    """Gives back what it gets. It takes any arguments, as PyTorch's, and needs none."""

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def forward(self, x: TensorLike) -> Any:
        return x
