"""Sequences of different lengths in one array, filled up or packed, under PyTorch's names.

The recurrent layers take both: packed ones, or padded ones and their `lengths`:
`LSTM(3, 2)(pad_sequence(rows), lengths=[len(row) for row in rows])`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from microgradnd import errors
from microgradnd.arguments import (
    FLAG,
    NUMBER,
    checked,
    elements,
    index_array,
    instance,
    one_of,
    optional,
    whole,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.functions import pad, stack
from microgradnd.ops.indexing import setitem

__all__ = [
    "PackedSequence", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class PackedSequence(NamedTuple):
    """Sequences without gaps: their first elements one after the other, then the second ones, ...

    Attributes:
        data: all elements, (ΣT, ...).
        batch_sizes: for each step, how many sequences have one; the longest come first.
        sorted_indices: which sequence of the batch comes first, second, ...; None: as they stand.
        unsorted_indices: the way back.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None


PACKED = instance(PackedSequence, "a PackedSequence, as pack_sequence(rows) gives one")


def places_of(packed: PackedSequence) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """The step and sequence of each packed element, and the sequences' lengths."""
    sizes = index_array("PackedSequence", "batch_sizes", packed.batch_sizes)
    numbers = np.arange(sizes[0] if sizes.size else 0)
    order = numbers if packed.sorted_indices is None else packed.sorted_indices.data
    held = numbers < sizes[:, None]  # (T, N)
    steps, rows = np.nonzero(held)
    lengths = np.empty_like(numbers)
    lengths[order] = held.sum(axis=0)
    return (steps, order[rows]), lengths


@checked(batch_first=FLAG, padding_value=NUMBER, padding_side=one_of("right", "left"))
def pad_sequence(
    sequences: Iterable[TensorLike], batch_first: bool = False, padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:  # fmt: skip
    """Sequences (T_i, ...) side by side, the shorter ones filled up: (T, N, ...), or (N, T, ...).

    >>> pad_sequence([[1.0, 2.0], [3.0]], batch_first=True)
    Tensor([[1., 2.],
            [3., 0.]])
    """
    rows = _rows("pad_sequence", sequences)
    length = max(map(len, rows))
    filled = []
    for row in rows:
        missing = length - row.shape[0]
        sides = (missing, 0) if padding_side == "left" else (0, missing)
        around = (sides, *((0, 0),) * (row.ndim - 1))
        filled.append(pad(row, around, constant_values=padding_value) if missing else row)
    return stack(filled, axis=0 if batch_first else 1)


def _rows(owner: str, sequences: Iterable[TensorLike]) -> list[Tensor]:
    """Sequences as Tensors that differ in their lengths alone."""
    given = elements(owner, "sequences", sequences, "a list of sequences")
    rows = [as_tensor(row, owner, "sequences") for row in given]
    if not rows or any(not r.ndim or r.shape[1:] != rows[0].shape[1:] for r in rows):
        raise ValueError(
            f"{owner}: sequences must be at least one array (T_i, ...), alike but for their "
            f"lengths; their shapes are {[r.shape for r in rows]}"
        )
    return rows


def _batch(
    owner: str, name: str, x: TensorLike, lengths: TensorLike, batch_first: bool, least: int
) -> tuple[Tensor, np.ndarray]:
    """Padded sequences as (T, N, ...), and their lengths, once these fit them."""
    padded, ends = as_tensor(x, owner, name), index_array(owner, "lengths", lengths)
    if padded.ndim < 2:
        raise ValueError(f"{owner}: {name} must have two axes or more, not shape {padded.shape}")
    steps = padded.swapaxes(0, 1) if batch_first else padded
    if ends.shape != steps.shape[1:2] or ((ends < least) | (ends > len(steps))).any():
        raise ValueError(
            f"{owner}: lengths must be one number from {least} to T = {len(steps)} for each of "
            f"the N = {steps.shape[1]} sequences of {name}, got {ends.tolist()}"
        )
    return steps, ends


@checked(batch_first=FLAG)
def unpad_sequence(
    padded_sequences: TensorLike, lengths: TensorLike, batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a padded batch, each of its own length: the way back.

    >>> unpad_sequence([[1.0, 2.0], [3.0, 0.0]], [2, 1], batch_first=True)
    [Tensor([1., 2.]), Tensor([3.])]
    """
    given = "unpad_sequence", "padded_sequences", padded_sequences, lengths
    steps, ends = _batch(*given, batch_first, 0)
    return [steps[: int(end), i] for i, end in enumerate(ends)]


@checked(batch_first=FLAG, enforce_sorted=FLAG)
def pack_padded_sequence(
    input: TensorLike, lengths: TensorLike, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Padded sequences (T, N, ...), or (N, T, ...), without what fills them up.

    Args:
        input: the sequences.
        lengths: of each, at least 1.
        batch_first: whether the sequences stand in the first axis.
        enforce_sorted: lengths must fall; without, the sequences are sorted by them.

    >>> pack_padded_sequence([[1.0, 2.0], [3.0, 0.0]], [2, 1], batch_first=True).data
    Tensor([1., 3., 2.])
    """
    owner = "pack_padded_sequence"
    return _packed(owner, *_batch(owner, "input", input, lengths, batch_first, 1), enforce_sorted)


def _packed(owner: str, steps: Tensor, ends: np.ndarray, enforce_sorted: bool) -> PackedSequence:
    order = np.argsort(-ends, kind="stable")
    if enforce_sorted and (np.diff(ends) > 0).any():
        raise ValueError(
            f"{owner}: the lengths of sequences must fall, got {ends.tolist()}; "
            "enforce_sorted=False sorts them"
        )
    sizes = (ends > np.arange(ends.max(initial=0))[:, None]).sum(axis=1)
    orders = () if enforce_sorted else (Tensor(order), Tensor(np.argsort(order)))
    return packed_like(PackedSequence(steps, Tensor(sizes), *orders), steps)


def packed_like(packed: PackedSequence, steps: Tensor) -> PackedSequence:
    """Other padded sequences (T, N, ...) of the same lengths, packed in the same order."""
    return packed._replace(data=steps[places_of(packed)[0]])


@checked(
    sequence=PACKED, batch_first=FLAG, padding_value=NUMBER, total_length=optional(whole(0))
)  # fmt: skip
def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Packed sequences as a padded batch (T, N, ...), or (N, T, ...), and their lengths.

    `total_length` is T, if not that of the longest sequence.

    >>> pad_packed_sequence(pack_sequence([[1.0, 2.0], [3.0]]), batch_first=True)[1]
    Tensor([2, 1])
    """
    places, ends = places_of(sequence)
    data, steps = as_tensor(sequence.data), int(ends.max(initial=0))
    if total_length is not None and total_length < steps:
        raise ValueError(
            f"pad_packed_sequence: total_length={total_length}, the longest sequence has {steps}"
        )
    shape = (steps if total_length is None else total_length, len(ends), *data.shape[1:])
    out: Any = setitem(np.full(shape, padding_value, data.dtype), data, places)
    return out.swapaxes(0, 1) if batch_first else out, Tensor(ends)


@checked(enforce_sorted=FLAG)
def pack_sequence(sequences: Iterable[TensorLike], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (T_i, ...) packed; see `pack_padded_sequence`.

    >>> pack_sequence([[1.0, 2.0], [3.0]]).batch_sizes
    Tensor([2, 1])
    """
    rows = _rows("pack_sequence", sequences)
    ends = np.array([*map(len, rows)])
    if not ends.all():
        raise ValueError(f"pack_sequence: sequences must not be empty, lengths {ends.tolist()}")
    return _packed("pack_sequence", pad_sequence(rows), ends, enforce_sorted)


@checked(packed_sequences=PACKED)
def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that were packed, in the order in which they came.

    >>> unpack_sequence(pack_sequence([[1.0, 2.0], [3.0]]))[1]
    Tensor([3.])
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences))


if not TYPE_CHECKING:
    __getattr__, __dir__ = errors.public_names(__name__, __all__)
