"""Embeddings: a learned vector for each of a vocabulary's numbers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from microgradnd.arguments import FLAG, POSITIVE, Kind, checked, optional, real_array, require
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.functions import where
from microgradnd.methods import Methods
from microgradnd.nn.module import Module
from microgradnd.ops.indexing import getitem
from microgradnd.parameters import Parameter
from microgradnd.random import generator

OPTIONS = {
    "max_norm": optional(POSITIVE),
    "norm_type": POSITIVE,
    "scale_grad_by_freq": FLAG,
    "sparse": Kind("False (gradients are arrays, without gaps)", FLAG.typed, lambda v: not v),
}


def embedding(
    input: TensorLike, weight: TensorLike, padding_idx: int | None = None,
    max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:  # fmt: skip
    """The rows of a table at given numbers: out[...] = weight[input[...]].

    Args:
        input: integers from 0 to V-1, of any shape.
        weight: the table, (V, D).
        padding_idx: the row of this number gets no gradient; negative ones count from the end.
        max_norm: rows that are read and longer are shortened to it first, in the table itself.
        norm_type: p of the norm by which they are measured.
        scale_grad_by_freq: divides the gradient of each row by how often it is read.
        sparse: False; gradients are arrays, without gaps.

    Shapes: input (...), weight (V, D), result (..., D).

    Raises:
        TypeError: if the numbers are no integers.
        IndexError: if one of them lies outside the table.

    >>> embedding([2, 0], [[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])
    Tensor([[2. , 2.1],
            [0. , 0.1]])
    """
    numbers, weight = rows_of("embedding", input, weight, max_norm, norm_type)
    out = getitem(weight, numbers)  # (..., D)
    out = shared(out, numbers) if scale_grad_by_freq else out
    if padding_idx is None:
        return out
    learned = numbers != row_of("embedding", padding_idx, weight.shape[0])
    known = isinstance(learned, np.ndarray)
    return out if known and learned.all() else where(learned[..., None], out, out.detach())


def rows_of(
    owner: str, input: TensorLike, weight: TensorLike, max_norm: float | None, norm_type: float
) -> tuple[np.ndarray, Tensor]:
    """The numbers as an array of integers, and the table, which has them all, none too long."""
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
    if max_norm is not None:
        _shorten(weight, np.unique(numbers), max_norm, norm_type)
    return numbers, weight


def _shorten(table: Tensor, rows: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Shortens rows of a table that are longer, in place, as PyTorch does."""
    norms = np.linalg.norm(table.data[rows], norm_type, axis=1)
    if (long := norms > max_norm).any():
        scale = max_norm / (norms[long] + 1e-7)
        table.data[rows[long]] *= scale[:, None].astype(table.dtype)
        table.changed()


def shared(out: Tensor, numbers: np.ndarray) -> Tensor:
    """Rows of a table, whose gradients are divided by how often each was read."""
    read = np.bincount(numbers.reshape(-1))[numbers][..., None]
    fixed = out.detach()
    return fixed + (out - fixed) * (1 / read).astype(out.dtype)


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
        max_norm, norm_type, scale_grad_by_freq, sparse: as of `functional.embedding`.
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
        max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        if padding_idx is not None:
            padding_idx = row_of(type(self).__name__, padding_idx, num_embeddings)
        self.padding_idx, self.max_norm, self.norm_type = padding_idx, max_norm, norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        table = generator(rng).standard_normal((num_embeddings, embedding_dim))
        if self.padding_idx is not None:
            table[self.padding_idx] = 0
        self.weight = Tensor(table.astype(dtype or default_dtype[0]), requires_grad=True)

    @classmethod
    def from_pretrained(
        cls, embeddings: TensorLike, freeze: bool = True, padding_idx: int | None = None,
        **options: Any,
    ) -> Self:  # fmt: skip
        """A layer of a given table, whose array it shares; unless `freeze` is False it stays so.

        The other options are the constructor's.

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
        options |= {"padding_idx": padding_idx, "dtype": table.dtype}
        layer = cls(table.shape[0], table.shape[1], **options)
        layer.weight = Parameter(table)
        layer.weight.requires_grad = not freeze
        return layer

    def forward(self, input: TensorLike) -> Tensor:
        return embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type,
            self.scale_grad_by_freq,
        )  # fmt: skip  # (..., D)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
