"""Embeddings: a learned vector for each of a vocabulary's numbers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from microgradnd.arguments import FLAG, POSITIVE, Kind, checked, real_array, require
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.functions import where
from microgradnd.methods import Methods
from microgradnd.nn.module import Module
from microgradnd.ops.indexing import getitem
from microgradnd.parameters import Parameter
from microgradnd.random import generator

# What PyTorch has, and why there is only one choice here.
OPTIONS = {
    "max_norm": Kind(
        "None (it would rewrite the table as it is read; shorten its rows after each step instead)",
        lambda v: v is None,
    ),
    "norm_type": POSITIVE,
    "scale_grad_by_freq": Kind(
        "False (divide the table's gradient by numpy.bincount of the input instead)",
        FLAG.typed, lambda v: not v,
    ),
    "sparse": Kind("False (gradients are arrays, without gaps)", FLAG.typed, lambda v: not v),
}  # fmt: skip


def embedding(
    input: TensorLike, weight: TensorLike, padding_idx: int | None = None, max_norm: None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """The rows of a table at given numbers: out[...] = weight[input[...]].

    Args:
        input: integers from 0 to V-1, of any shape.
        weight: the table, (V, D).
        padding_idx: the row of this number gets no gradient; negative ones count from the end.
        max_norm, norm_type, scale_grad_by_freq, sparse: as PyTorch's defaults; nothing else.

    Shapes: input (...), weight (V, D), result (..., D).

    Raises:
        TypeError: if the numbers are no integers.
        IndexError: if one of them lies outside the table.

    >>> embedding([2, 0], [[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])
    Tensor([[2. , 2.1],
            [0. , 0.1]])
    """
    numbers, weight = rows_of("embedding", input, weight)
    out = getitem(weight, numbers)  # (..., D)
    if padding_idx is None:
        return out
    learned = numbers != row_of("embedding", padding_idx, weight.shape[0])
    known = isinstance(learned, np.ndarray)
    return out if known and learned.all() else where(learned[..., None], out, out.detach())


def rows_of(owner: str, input: TensorLike, weight: TensorLike) -> tuple[np.ndarray, Tensor]:
    """The numbers as an array of integers, and the table, which has them all."""
    numbers = real_array(owner, "input", input)
    if not numbers.size:
        numbers = numbers.astype(int)
    weight = weight if isinstance(weight, Methods) else Tensor(weight)
    if weight.ndim != 2:
        raise ValueError(f"{owner}: weight has shape {weight.shape}, needed (V, D)")
    size = weight.shape[0]
    if numbers.dtype.kind not in "iu":
        raise TypeError(
            f"{owner}: the input must hold integers, rows of the table, got {numbers.dtype}; "
            "convert it with .astype(int)"
        )
    known = isinstance(numbers, np.ndarray)
    if known and numbers.size and (numbers.min() < 0 or numbers.max() >= size):
        raise IndexError(
            f"{owner}: a table of {size} rows has the numbers 0..{size - 1}, the input's reach "
            f"from {numbers.min()} to {numbers.max()}; make the table larger or map unknown "
            "numbers to a row of their own"
        )
    return numbers, weight


def row_of(owner: str, padding_idx: int, size: int) -> int:
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
        max_norm, norm_type, scale_grad_by_freq, sparse: as PyTorch's defaults; nothing else.
        rng: draws the start, from the normal distribution N(0, 1) as in PyTorch.
        dtype: of the table; default `get_default_dtype()`.

    Shapes: input (...) of integers, weight (V, D), result (..., D).

    >>> words = Embedding(10, 3, padding_idx=0)
    >>> words([[4, 2, 0, 0]]).shape
    (1, 4, 3)
    >>> words([0])
    Tensor([[0., 0., 0.]], op='where')
    """

    @checked(**OPTIONS)
    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
        max_norm: None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        if padding_idx is not None:
            padding_idx = row_of(type(self).__name__, padding_idx, num_embeddings)
        self.padding_idx = padding_idx
        table = generator(rng).standard_normal((num_embeddings, embedding_dim))
        if self.padding_idx is not None:
            table[self.padding_idx] = 0
        self.weight = Tensor(table.astype(dtype or default_dtype[0]), requires_grad=True)

    @classmethod
    def from_pretrained(
        cls, embeddings: TensorLike, freeze: bool = True, padding_idx: int | None = None
    ) -> Self:
        """A layer of a given table, whose array it shares; unless `freeze` is False it stays so.

        >>> Embedding.from_pretrained([[1.0, 2.0], [3.0, 4.0]])([1])
        Tensor([[3., 4.]])
        """
        require("from_pretrained", "freeze", freeze, FLAG)
        table = as_tensor(embeddings, "from_pretrained", "embeddings").detach()
        if table.ndim != 2 or not table.size or table.dtype.kind != "f":
            raise ValueError(
                f"from_pretrained: embeddings must be floats of shape (V, D), not {table.dtype} "
                f"of shape {table.shape}"
            )
        layer = cls(table.shape[0], table.shape[1], padding_idx=padding_idx, dtype=table.dtype)
        layer.weight = Parameter(table)
        layer.weight.requires_grad = not freeze
        return layer

    def forward(self, input: TensorLike) -> Tensor:
        return embedding(input, self.weight, self.padding_idx)  # (..., D)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
