"""Sequences of different lengths in one array, under PyTorch's names.

Where PyTorch packs sequences, the recurrent layers here take `lengths`:
`LSTM(3, 2)(pad_sequence(rows), lengths=[len(row) for row in rows])`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from microgradnd import errors
from microgradnd.arguments import FLAG, NUMBER, checked, elements, index_array, one_of
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.functions import pad, stack

__all__ = ["pad_sequence", "unpad_sequence"]
_INSTEAD = dict.fromkeys(
    ["pack_padded_sequence", "pad_packed_sequence", "pack_sequence", "PackedSequence"],
    "give the padded sequences and lengths=... to the recurrent layer",
)


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
    words = "a list of sequences"
    given = elements("pad_sequence", "sequences", sequences, words)
    rows = [as_tensor(row, "pad_sequence", "sequences") for row in given]
    if not rows or any(not r.ndim or r.shape[1:] != rows[0].shape[1:] for r in rows):
        raise ValueError(
            "pad_sequence: sequences must be at least one array (T_i, ...), alike but for their "
            f"lengths; their shapes are {[r.shape for r in rows]}"
        )
    length = max(r.shape[0] for r in rows)
    filled = []
    for row in rows:
        missing = length - row.shape[0]
        sides = (missing, 0) if padding_side == "left" else (0, missing)
        around = (sides, *((0, 0),) * (row.ndim - 1))
        filled.append(pad(row, around, constant_values=padding_value) if missing else row)
    return stack(filled, axis=0 if batch_first else 1)


@checked(batch_first=FLAG)
def unpad_sequence(
    padded_sequences: TensorLike, lengths: TensorLike, batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a padded batch, each of its own length: the way back.

    >>> unpad_sequence([[1.0, 2.0], [3.0, 0.0]], [2, 1], batch_first=True)
    [Tensor([1., 2.]), Tensor([3.])]
    """
    x = as_tensor(padded_sequences, "unpad_sequence", "padded_sequences")
    ends = index_array("unpad_sequence", "lengths", lengths)
    if x.ndim < 2:
        raise ValueError(
            f"unpad_sequence: padded_sequences must have two axes or more, not shape {x.shape}"
        )
    rows = x if batch_first else x.swapaxes(0, 1)  # (N, T, ...)
    if ends.shape != rows.shape[:1] or ((ends < 0) | (ends > rows.shape[1])).any():
        raise ValueError(
            f"unpad_sequence: lengths must be one number from 0 to T = {rows.shape[1]} for each "
            f"of the N = {rows.shape[0]} padded_sequences, got {ends.tolist()}"
        )
    return [rows[i, : int(end)] for i, end in enumerate(ends)]


if not TYPE_CHECKING:
    __getattr__, __dir__ = errors.public_names(__name__, __all__, _INSTEAD)
