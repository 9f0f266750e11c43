"""Text as numbers: characters or words, a vocabulary, sequences with their next tokens."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from microgradnd.arguments import (
    STRING,
    check,
    elements,
    index_array,
    optional,
    real_array,
    require,
    whole,
)
from microgradnd.declaration import TensorLike

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def characters(text: str) -> list[str]:
    """Every character a token, white space included; `"".join` gives the text back.

    >>> characters("h t")
    ['h', ' ', 't']
    """
    require("characters", "text", text, STRING)
    return list(text)


def words(text: str) -> list[str]:
    """Runs of letters and digits, apostrophes inside kept, and each punctuation mark for itself.

    Case is kept; use `words(text.lower())` to fold it. Scripts that write without spaces, such as
    Chinese, are better read with `characters`.

    >>> words("He didn't stop: 3 times!")
    ['He', "didn't", 'stop', ':', '3', 'times', '!']
    """
    require("words", "text", text, STRING)
    return _WORD.findall(text)


def _strings(owner: str, name: str, value: Iterable[str]) -> tuple[str, ...]:
    """Tokens as a tuple; a string is its characters."""
    found = tuple(value) if isinstance(value, str) else elements(owner, name, value, "strings")
    for token in found:
        require(owner, f"each of {name}", token, STRING)
    return tuple(found)


class Vocabulary:
    """Tokens and their numbers, 0 to len - 1: the order of `tokens`, so they are all its state.

    Args:
        tokens: the tokens in order, each once; `Vocabulary.build` finds them in a text.
        unknown: the token among them that stands for every other; None: others are errors.
        padding: the token among them that fills short sequences, if there is one.

    >>> vocabulary = Vocabulary.build(characters("abca"))
    >>> vocabulary.tokens
    ('<unk>', 'a', 'b', 'c')
    >>> vocabulary.encode("cab!")
    array([3, 1, 2, 0])
    >>> vocabulary.decode([3, 1, 2, 0])
    ['c', 'a', 'b', '<unk>']
    """

    def __init__(
        self, tokens: Iterable[str], unknown: str | None = None, padding: str | None = None
    ) -> None:
        require("Vocabulary", "unknown", unknown, optional(STRING))
        require("Vocabulary", "padding", padding, optional(STRING))
        self.tokens = _strings("Vocabulary", "tokens", tokens)
        self.index = {token: i for i, token in enumerate(self.tokens)}
        if len(self.index) < len(self.tokens):
            twice = [token for token, n in Counter(self.tokens).items() if n > 1]
            raise ValueError(f"Vocabulary: tokens must differ, given more than once: {twice[:5]}")
        for role, token in (("unknown", unknown), ("padding", padding)):
            if token is not None and token not in self.index:
                raise ValueError(f"Vocabulary: the {role} token {token!r} is not among the tokens")
        self.unknown, self.padding = unknown, padding
        self.unknown_idx = None if unknown is None else self.index[unknown]
        self.padding_idx = None if padding is None else self.index[padding]

    @classmethod
    def build(
        cls,
        text: Iterable[str],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        unknown: str | None = "<unk>",
        padding: str | None = None,
    ) -> Vocabulary:
        """The tokens of `text`, commonest first, equal counts in the order of the characters.

        Padding and unknown, where there are any, come before them and count towards `max_size`.
        Tokens rarer than `min_count`, or beyond `max_size`, become unknown.
        """
        require("Vocabulary.build", "min_count", min_count, whole(0))
        require("Vocabulary.build", "max_size", max_size, optional(whole(0)))
        require("Vocabulary.build", "unknown", unknown, optional(STRING))
        require("Vocabulary.build", "padding", padding, optional(STRING))
        text = _strings("Vocabulary.build", "text", text)
        special = list(dict.fromkeys(t for t in (padding, unknown) if t is not None))
        if max_size is not None and max_size < len(special):
            raise ValueError(
                f"Vocabulary.build: max_size {max_size} has no room for the special {special}"
            )
        counts = Counter(text)
        found = [t for t, n in counts.items() if n >= min_count and t not in special]
        found.sort(key=lambda token: (-counts[token], token))
        return cls((special + found)[:max_size], unknown, padding)

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """The numbers of `tokens`, int64. A string is read as its characters.

        Raises:
            ValueError: a token that is not here, where there is no unknown token.
        """
        tokens = _strings("Vocabulary.encode", "tokens", tokens)
        if self.unknown_idx is not None:
            numbers = [self.index.get(token, self.unknown_idx) for token in tokens]
            return np.array(numbers, np.int64)
        try:
            return np.array([self.index[token] for token in tokens], np.int64)
        except KeyError as error:
            raise ValueError(
                f"Vocabulary.encode: {error.args[0]!r} is not among the {len(self)} tokens; build "
                'the vocabulary with an unknown token, e.g. unknown="<unk>"'
            ) from None

    def decode(self, numbers: TensorLike) -> list[str]:
        """The tokens of numbers 0 to len - 1; join them with "" or " " as the text was split."""
        numbers = index_array("Vocabulary.decode", "numbers", numbers).ravel()
        if numbers.size == 0:
            return []
        if numbers.min() < 0 or numbers.max() >= len(self):
            raise ValueError(
                f"Vocabulary.decode: numbers from {numbers.min()} to {numbers.max()}, the "
                f"{len(self)} tokens are numbered 0 to {len(self) - 1}"
            )
        return [self.tokens[i] for i in numbers.tolist()]

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self.index

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, unknown={self.unknown!r}, padding={self.padding!r})"


def sequences(
    tokens: TensorLike, length: int, step: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and next-token targets, both (N, length): the target is the input one token later.

    A new sequence starts every `step` tokens, by default `length`: each token is a target once.
    Tokens after the last whole sequence are left out. Both results are read-only views.

    Raises:
        ValueError: fewer than length + 1 tokens.

    >>> inputs, targets = sequences([1, 2, 3, 4, 5, 6], 2)
    >>> inputs.tolist(), targets.tolist()
    ([[1, 2], [3, 4]], [[2, 3], [4, 5]])
    """
    tokens = index_array("sequences", "tokens", tokens)
    step = length if step is None else step
    check("sequences", length=length, step=step)
    if tokens.ndim != 1:
        raise ValueError(f"sequences: needs one row of token numbers, got shape {tokens.shape}")
    if len(tokens) < length + 1:
        raise ValueError(
            f"sequences: {len(tokens)} tokens, one sequence needs {length} + 1 (its last target); "
            "take a shorter length or more text"
        )
    spans = np.lib.stride_tricks.sliding_window_view(tokens, length + 1)[::step]  # (N, length + 1)
    return spans[:, :-1], spans[:, 1:]


def pad_sequences(
    rows: Sequence[TensorLike], padding_idx: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (T_i, ...) of different length as one array (N, max T, ...), and their lengths (N,).

    Short rows are filled at the end with `padding_idx`, whose embedding can be held at zero and
    whose targets a loss can ignore; `padding_mask` tells what is real.

    Raises:
        ValueError: rows that differ in more than their first axis.

    >>> padded, lengths = pad_sequences([[5, 6, 7], [8]])
    >>> padded.tolist(), lengths.tolist()
    ([[5, 6, 7], [8, 0, 0]], [3, 1])
    """
    require("pad_sequences", "padding_idx", padding_idx, whole())
    listed = elements("pad_sequences", "rows", rows, "a list of rows of tokens")
    arrays = [real_array("pad_sequences", f"rows[{i}]", row) for i, row in enumerate(listed)]
    if any(a.ndim == 0 for a in arrays):
        raise ValueError("pad_sequences: needs rows of tokens, got a single number")
    filled = [a for a in arrays if a.size]  # an empty list has no dtype or features of its own
    features = {a.shape[1:] for a in filled}
    if len(features) > 1:
        raise ValueError(
            f"pad_sequences: rows may differ in length only, their entries have shapes "
            f"{sorted(features)}"
        )
    lengths = np.array([len(a) for a in arrays], np.int64)
    dtype = np.result_type(*filled) if filled else np.dtype(np.int64)
    shape = (len(arrays), lengths.max(initial=0), *next(iter(features), ()))
    padded = np.full(shape, padding_idx, dtype)
    for row, a in zip(padded, arrays):
        if a.size:
            row[: len(a)] = a
    return padded, lengths


def padding_mask(lengths: TensorLike, length: int | None = None) -> np.ndarray:
    """(N, T) of bool: True at the first lengths[i] places of row i. T: the longest, or `length`.

    >>> padding_mask([3, 1]).astype(int).tolist()
    [[1, 1, 1], [1, 0, 0]]
    """
    lengths = index_array("padding_mask", "lengths", lengths)
    require("padding_mask", "length", length, optional(whole(0)))
    if lengths.ndim != 1 or (lengths < 0).any():
        raise ValueError(
            f"padding_mask: lengths must be one row of numbers of at least 0, not of shape "
            f"{lengths.shape} from {lengths.min(initial=0)} on"
        )
    longest = int(lengths.max(initial=0))
    if length is not None and length < longest:
        raise ValueError(f"padding_mask: length {length} is less than the longest row, {longest}")
    return np.arange(longest if length is None else length) < lengths[:, None]
