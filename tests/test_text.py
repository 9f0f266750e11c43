"""Text to numbers and back: nothing is lost but what the vocabulary leaves out on purpose."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnd.data import (
    Vocabulary,
    characters,
    pad_sequences,
    padding_mask,
    sequences,
    words,
)


@given(st.text())
def test_characters_of_a_text_come_back_from_their_numbers(text: str) -> None:
    vocabulary = Vocabulary.build(characters(text))
    numbers = vocabulary.encode(text)
    assert numbers.dtype == np.int64
    assert "".join(vocabulary.decode(numbers)) == text


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_words_come_back_from_their_numbers_and_lose_only_white_space(text: str) -> None:
    found = words(text)
    vocabulary = Vocabulary.build(found, unknown=None)
    assert vocabulary.decode(vocabulary.encode(found)) == found
    assert "".join(found) == "".join(text.split())


def test_words_keep_inner_apostrophes_and_part_with_punctuation() -> None:
    assert words("It's he said, 'quite'.") == ["It's", "he", "said", ",", "'", "quite", "'", "."]
    assert words("") == []


@given(st.lists(st.text("abc", max_size=2)), st.randoms())
def test_the_order_depends_on_the_counts_alone(tokens: list[str], random) -> None:
    mixed = tokens.copy()
    random.shuffle(mixed)
    vocabulary = Vocabulary.build(mixed)
    assert vocabulary.tokens == Vocabulary.build(tokens).tokens
    counts = Counter(tokens)
    keys = [(-counts[token], token) for token in vocabulary.tokens[1:]]
    assert keys == sorted(keys)


def test_padding_and_unknown_come_first_and_once() -> None:
    text = ["b", "<unk>", "<pad>", "b", "a", "<unk>", "<unk>"]
    vocabulary = Vocabulary.build(text, padding="<pad>")
    assert vocabulary.tokens == ("<pad>", "<unk>", "b", "a")
    assert (vocabulary.padding_idx, vocabulary.unknown_idx) == (0, 1)
    assert Vocabulary.build(text, padding="<unk>").tokens[0] == "<unk>"


def test_rare_tokens_become_unknown() -> None:
    vocabulary = Vocabulary.build("aaabbc", min_count=2)
    assert vocabulary.tokens == ("<unk>", "a", "b")
    assert "".join(vocabulary.decode(vocabulary.encode("cab"))) == "<unk>ab"


def test_the_size_limit_counts_the_special_tokens_and_keeps_the_commonest() -> None:
    vocabulary = Vocabulary.build("aaabbc", max_size=3, padding="<pad>")
    assert vocabulary.tokens == ("<pad>", "<unk>", "a")
    with pytest.raises(ValueError, match="no room"):
        Vocabulary.build("abc", max_size=1, padding="<pad>")


def test_a_token_that_is_not_there_is_named() -> None:
    vocabulary = Vocabulary.build("ab", unknown=None)
    with pytest.raises(ValueError, match="'z' is not among the 2 tokens"):
        vocabulary.encode("az")


@pytest.mark.parametrize("numbers", [[0, 3], [-1]])
def test_a_number_that_is_no_token_is_refused(numbers: list[int]) -> None:
    with pytest.raises(ValueError, match="numbered 0 to 2"):
        Vocabulary("abc").decode(numbers)


def test_numbers_with_fractions_are_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        Vocabulary("abc").decode([0.5])


def test_the_tokens_are_all_that_need_be_kept() -> None:
    vocabulary = Vocabulary.build(words("to be or not to be"), padding="<pad>")
    again = Vocabulary(vocabulary.tokens, unknown="<unk>", padding="<pad>")
    assert again.index == vocabulary.index
    assert len(again) == 6
    assert "be" in again
    assert "bee" not in again


def test_tokens_given_twice_and_special_tokens_not_given_are_refused() -> None:
    with pytest.raises(ValueError, match=r"more than once: \['a'\]"):
        Vocabulary("aba")
    with pytest.raises(ValueError, match="unknown token '\\?' is not among"):
        Vocabulary("ab", unknown="?")


def test_no_text_has_no_tokens() -> None:
    vocabulary = Vocabulary.build([], unknown=None)
    assert len(vocabulary) == 0
    assert vocabulary.encode([]).dtype == np.int64
    assert vocabulary.decode([]) == []


# Sequences


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 40))
def test_each_target_is_the_token_after_its_input(length: int, step: int, more: int) -> None:
    tokens = np.arange(length + 1 + more)
    inputs, targets = sequences(tokens, length, step)
    assert inputs.shape == targets.shape == (more // step + 1, length)
    assert (targets == inputs + 1).all()
    assert (inputs[:, 0] == step * np.arange(len(inputs))).all()


def test_by_default_no_token_is_a_target_twice() -> None:
    _, targets = sequences(np.arange(21), 5)
    assert targets.ravel().tolist() == list(range(1, 21))


def test_sequences_are_read_only_views() -> None:
    tokens = np.arange(10)
    for view in sequences(tokens, 3, 1):
        assert np.shares_memory(view, tokens)
        assert not view.flags.writeable


@pytest.mark.parametrize(
    ("tokens", "length", "step", "said"),
    [
        ([1, 2, 3], 3, 1, r"3 tokens, one sequence needs 3 \+ 1"),
        ([], 1, 1, "0 tokens"),
        ([1, 2], 0, 1, "whole number of at least 1"),
        ([1, 2], 1, 0, "whole number of at least 1"),
        ([[1, 2]], 1, 1, r"\(1, 2\)"),
    ],
)
def test_text_too_short_for_a_sequence_is_refused(
    tokens: list, length: int, step: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        sequences(tokens, length, step)


@given(st.lists(st.lists(st.integers(1, 99), max_size=6), max_size=6))
def test_padded_rows_come_back_by_their_lengths_and_by_the_mask(rows: list[list[int]]) -> None:
    padded, lengths = pad_sequences(rows, padding_idx=0)
    assert padded.shape == (len(rows), max(map(len, rows), default=0))
    assert np.issubdtype(padded.dtype, np.integer)
    assert [row[:n].tolist() for row, n in zip(padded, lengths)] == rows
    mask = padding_mask(lengths)
    assert mask.shape == padded.shape
    assert (mask == (padded != 0)).all()


def test_rows_of_features_are_padded_along_time_and_keep_their_dtype() -> None:
    rows = [np.ones((2, 3), np.float32), np.ones((4, 3), np.float32), np.ones((0, 3), np.float32)]
    padded, lengths = pad_sequences(rows, padding_idx=-1)
    assert padded.shape == (3, 4, 3)
    assert padded.dtype == np.float32
    assert lengths.tolist() == [2, 4, 0]
    assert (padded[0, 2:] == -1).all()
    assert (padded[2] == -1).all()


def test_rows_of_unequal_features_and_single_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2,\), \(3,\)"):
        pad_sequences([np.ones((2, 3)), np.ones((2, 2))])
    with pytest.raises(ValueError, match="single number"):
        pad_sequences([1, 2])


def test_a_mask_can_be_longer_than_the_longest_row_but_not_shorter() -> None:
    assert padding_mask([1, 2], 4).sum(1).tolist() == [1, 2]
    assert padding_mask([1, 2], 4).shape == (2, 4)
    with pytest.raises(ValueError, match="longest row, 2"):
        padding_mask([1, 2], 1)
