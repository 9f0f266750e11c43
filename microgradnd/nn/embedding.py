"""Embeddings: a learned vector for each of a vocabulary's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.arguments import checked, real_array
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, default_dtype
from microgradnd.functions import where
from microgradnd.nn.module import Module
from microgradnd.ops.indexing import getitem
from microgradnd.random import generator


def embedding(input: TensorLike, weight: TensorLike, padding_idx: int | None = None) -> Tensor:
    """The rows of a table at given numbers: out[...] = weight[input[...]].

    Args:
        input: integers from 0 to V-1, of any shape.
        weight: the table, (V, D).
        padding_idx: the row of this number gets no gradient; negative ones count from the end.

    Shapes: input (...), weight (V, D), result (..., D).

    Raises:
        TypeError: if the numbers are no integers.
        IndexError: if one of them lies outside the table.

    >>> embedding([2, 0], [[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])
    Tensor([[2. , 2.1],
            [0. , 0.1]])
    """
    numbers = real_array("embedding", "input", input)
    if not numbers.size:
        numbers = numbers.astype(int)
    weight = weight if isinstance(weight, Tensor) else Tensor(weight)
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight has shape {weight.shape}, needed (V, D)")
    size = weight.shape[0]
    if numbers.dtype.kind not in "iu":
        raise TypeError(
            f"embedding: the input must hold integers, rows of the table, got {numbers.dtype}; "
            "convert it with .astype(int)"
        )
    if numbers.size and (numbers.min() < 0 or numbers.max() >= size):
        raise IndexError(
            f"embedding: a table of {size} rows has the numbers 0..{size - 1}, the input's reach "
            f"from {numbers.min()} to {numbers.max()}; make the table larger or map unknown "
            "numbers to a row of their own"
        )
    out = getitem(weight, numbers)  # (..., D)
    if padding_idx is None:
        return out
    learned = numbers != _row_of("embedding", padding_idx, size)
    return out if learned.all() else where(learned[..., None], out, out.detach())


def _row_of(owner: str, padding_idx: int, size: int) -> int:
    if not -size <= padding_idx < size:
        raise ValueError(
            f"{owner}: padding_idx={padding_idx} is no row of a table of {size}; "
            f"give a number from {-size} to {size - 1}"
        )
    return padding_idx % size


class Embedding(Module):
    """A table of learned vectors, read by number (the chapter's word vectors, 5.4.3).

    Args:
        num_embeddings: rows of the table, V.
        embedding_dim: length of each vector, D.
        padding_idx: the number that stands for no word: its vector starts at zero and, getting
            no gradient, stays there. Negative ones count from the end.
        rng: draws the start, from the normal distribution N(0, 1) as in PyTorch.
        dtype: of the table; default `get_default_dtype()`.

    Shapes: input (...) of integers, weight (V, D), result (..., D).

    >>> words = Embedding(10, 3, padding_idx=0)
    >>> words([[4, 2, 0, 0]]).shape
    (1, 4, 3)
    >>> words([0])
    Tensor([[0., 0., 0.]], op='where')
    """

    @checked()
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rng: np.random.Generator | None = None,
        dtype: Any = None,
    ) -> None:
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        if padding_idx is not None:
            padding_idx = _row_of(type(self).__name__, padding_idx, num_embeddings)
        self.padding_idx = padding_idx
        table = generator(rng).standard_normal((num_embeddings, embedding_dim))
        if self.padding_idx is not None:
            table[self.padding_idx] = 0
        self.weight = Tensor(table.astype(dtype or default_dtype[0]), requires_grad=True)

    def forward(self, input: TensorLike) -> Tensor:
        return embedding(input, self.weight, self.padding_idx)  # (..., D)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
