"""Bags of embeddings: the sum, mean or largest of several rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.arguments import FLAG, checked, index_array, one_of
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.functions import where
from microgradnd.nn.embedding import OPTIONS, Embedding, row_of, rows_of, shared
from microgradnd.ops.indexing import add_at, getitem

BAG = {**OPTIONS, "mode": one_of("sum", "mean", "max"), "include_last_offset": FLAG}


def embedding_bag(
    input: TensorLike, weight: TensorLike, offsets: TensorLike | None = None,
    max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
    mode: str = "mean", sparse: bool = False, per_sample_weights: TensorLike | None = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """The sum, mean or largest elements of the rows that each bag names; zeros of an empty one.

    Args:
        input: the rows' numbers: (B, n), n in each bag, or (N,), all bags in a row.
        weight: the table, (V, D).
        offsets: of an input (N,), where in it each bag begins, the first at 0, ascending.
        max_norm, norm_type, scale_grad_by_freq, sparse: as of `embedding`.
        mode: "sum", "mean" or "max"; of equally large elements the first gets the gradient.
        per_sample_weights: factors of the rows, of the input's shape; with "sum" alone.
        include_last_offset: the last of the offsets is where the last bag ends.
        padding_idx: rows of this number are left out, and not counted.

    Shapes: result (B, D).

    >>> embedding_bag([0, 1, 1], [[1.0, 2.0], [3.0, 5.0]], offsets=[0, 2], mode="sum")
    Tensor([[4., 7.],
            [3., 5.]])
    """
    owner = "embedding_bag"
    numbers, table = rows_of(owner, input, weight, max_norm, norm_type)
    bags, count = _bags_of(numbers, offsets, include_last_offset)
    factors = None
    if per_sample_weights is not None:
        factors = as_tensor(per_sample_weights, owner, "per_sample_weights")
        if mode != "sum" or factors.shape != numbers.shape:
            raise ValueError(
                f"{owner}: per_sample_weights needs mode='sum' and the input's shape "
                f"{numbers.shape}; got mode={mode!r} and {factors.shape}"
            )
        factors = factors.reshape(-1)
    numbers = numbers.reshape(-1)
    if padding_idx is not None:
        counted = numbers != row_of(owner, padding_idx, table.shape[0])
        numbers, bags = numbers[counted], bags[counted]
        factors = None if factors is None else getitem(factors, counted)
    if mode == "max":
        if scale_grad_by_freq:
            raise ValueError(f"{owner}: scale_grad_by_freq goes with mode='sum' and 'mean' only")
        return _largest(table, numbers, bags, count)
    rows = getitem(table, numbers)  # (N, D)
    rows = shared(rows, numbers) if scale_grad_by_freq else rows
    rows = rows if factors is None else rows * factors.astype(table.dtype)[:, None]
    total = add_at(Tensor(np.zeros((count, table.shape[1]), rows.dtype)), rows, bags)
    if mode == "sum":
        return total
    sizes = np.maximum(np.bincount(bags, minlength=count), 1).astype(rows.dtype)
    return total / sizes[:, None]


def _bags_of(numbers: np.ndarray, offsets: Any, last: bool) -> tuple[np.ndarray, int]:
    """The bag of each number, and how many bags there are."""
    if numbers.ndim == 2:
        if offsets is not None:
            raise ValueError(
                f"embedding_bag: offsets are for an input (N,); the rows of {numbers.shape} are "
                "bags of their own"
            )
        return np.repeat(np.arange(len(numbers)), numbers.shape[1]), len(numbers)
    if numbers.ndim != 1 or offsets is None:
        raise ValueError(
            f"embedding_bag: input must be (B, n), or (N,) with offsets; it has shape "
            f"{numbers.shape}, offsets are {'missing' if offsets is None else 'given'}"
        )
    starts, size = index_array("embedding_bag", "offsets", offsets), numbers.size
    ends = np.append(starts, size)
    if starts.ndim != 1 or (last and not starts.size) or (
        starts.size and (starts[0] != 0 or (np.diff(ends.astype(int)) < 0).any())
    ):  # fmt: skip
        raise ValueError(
            f"embedding_bag: offsets must ascend from 0 to at most {size}, the input's length, in "
            f"one axis; got {starts.tolist()}"
        )
    if last:
        starts = starts[:-1]
    return np.searchsorted(starts, np.arange(size), "right") - 1, len(starts)


def _largest(table: Tensor, numbers: np.ndarray, bags: np.ndarray, count: int) -> Tensor:
    """The largest element of each bag's rows, column by column, read from the table itself."""
    width = table.shape[1]
    chosen, full = np.zeros((count, width), int), np.zeros((count, 1), bool)
    if numbers.size and width:
        starts = np.flatnonzero(np.diff(bags, prepend=-1))
        rows = table.data[numbers]  # (N, D)
        top = np.maximum.reduceat(rows, starts)
        lengths = np.diff(starts, append=len(bags))
        best = (rows == np.repeat(top, lengths, axis=0)) | np.isnan(rows)
        places = np.where(best, np.arange(len(bags))[:, None], len(bags))
        first = np.minimum.reduceat(places, starts)
        chosen[bags[starts]], full[bags[starts]] = numbers[first], True
    out = getitem(table, (chosen, np.arange(width)))
    return out if full.all() else where(full, out, 0.0)


class EmbeddingBag(Embedding):
    """The sum, mean or largest of a table's rows, bag by bag; see `functional.embedding_bag`.

    Args:
        num_embeddings: rows of the table, V.
        embedding_dim: length of each vector, D.
        max_norm, norm_type, scale_grad_by_freq, sparse: as of `embedding`.
        mode: "sum", "mean" or "max".
        include_last_offset: the last of the offsets is where the last bag ends.
        padding_idx: rows of this number are left out; its vector starts at zero.
        rng: draws the start, from the normal distribution N(0, 1) as in PyTorch.
        dtype: of the table; default `get_default_dtype()`.

    >>> EmbeddingBag(10, 3)([[4, 2], [0, 0]]).shape
    (2, 3)
    """

    @checked(**BAG)
    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: str = "mean",
        sparse: bool = False, include_last_offset: bool = False, padding_idx: int | None = None,
        *, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq,
            sparse, rng=rng, dtype=dtype,
        )  # fmt: skip
        self.mode, self.include_last_offset = mode, include_last_offset

    def forward(
        self, input: TensorLike, offsets: TensorLike | None = None,
        per_sample_weights: TensorLike | None = None,
    ) -> Tensor:  # fmt: skip
        return embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
            self.mode, per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset, padding_idx=self.padding_idx,
        )  # fmt: skip  # (B, D)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, mode={self.mode!r}"
