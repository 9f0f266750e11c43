"""Data sets, what is done to their inputs, and the batches a loader makes of them."""

from __future__ import annotations

import json
import warnings
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgradnd as mg
from microgradnd.data import (
    ArrayDataset,
    DataLoader,
    Standardiser,
    one_hot,
    to_unit_range,
    upsample,
)


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def visited(loader: DataLoader) -> list[int]:
    return [int(i) for (batch,) in loader for i in batch]


# Data sets


def test_one_read_gives_one_array_for_each_given() -> None:
    data = ArrayDataset(np.arange(12).reshape(4, 3), np.arange(4.0), np.array(list("abcd")))
    x, y, name = data[np.array([3, 1])]
    assert x.tolist() == [[9, 10, 11], [3, 4, 5]]
    assert y.tolist() == [3.0, 1.0]
    assert name.tolist() == ["d", "b"]


def test_a_number_reads_one_sample_without_the_batch_axis() -> None:
    x, y = ArrayDataset(np.ones((4, 3)), np.arange(4))[-1]
    assert x.shape == (3,)
    assert y == 3


def test_a_slice_is_a_view_and_an_index_array_a_copy() -> None:
    array = np.arange(5.0)
    data = ArrayDataset(array)
    assert np.shares_memory(data[1:3][0], array)
    assert not np.shares_memory(data[np.array([1, 2])][0], array)


def test_a_mask_and_an_empty_list_choose_samples_too() -> None:
    data = ArrayDataset(np.arange(4))
    assert data[np.array([True, False, False, True])][0].tolist() == [0, 3]
    assert data[[True, False, False, True]][0].tolist() == [0, 3]
    assert data[[]][0].shape == (0,)
    assert len(data.subset([])) == 0


def test_arrays_of_different_length_are_refused_with_their_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(3, 2\), \(4,\)"):
        ArrayDataset(np.ones((3, 2)), np.ones(4))


def test_no_array_and_a_scalar_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one array"):
        ArrayDataset()
    with pytest.raises(TypeError, match="scalar"):
        ArrayDataset(3.0)


def test_the_transform_sees_each_batch_of_inputs_once_and_no_targets() -> None:
    shapes = []

    def double(x: np.ndarray) -> np.ndarray:
        shapes.append(x.shape)
        return 2 * x

    data = ArrayDataset(np.arange(6), np.arange(6), transform=double)
    x, y = data[[5, 2, 0]]
    assert (x.tolist(), y.tolist()) == ([10, 4, 0], [5, 2, 0])
    assert data[4] == (8, 4)
    assert data[np.int64(4)] == (8, 4)
    assert shapes == [(3,), (1,), (1,)]


def test_a_subset_keeps_its_transform_and_counts_its_own_samples() -> None:
    part = ArrayDataset(np.arange(6), transform=np.negative).subset(np.array([4, 1]))
    assert len(part) == 2
    assert part[:][0].tolist() == [-4, -1]


# Before the network


def test_bytes_become_numbers_from_zero_to_one_and_floats_keep_their_dtype() -> None:
    images = np.array([[0, 255]], np.uint8)
    assert to_unit_range(images).tolist() == [[0.0, 1.0]]
    assert to_unit_range(np.array([0, 16], np.float32), high=16).dtype == np.float32
    before = mg.get_default_dtype()
    try:
        mg.set_default_dtype(np.float32)
        assert to_unit_range(images).dtype == np.float32
    finally:
        mg.set_default_dtype(before)
    with pytest.raises(ValueError, match="high must exceed low"):
        to_unit_range(images, 1, 1)


def test_standardised_training_data_have_mean_0_and_deviation_1() -> None:
    x = np.random.default_rng(0).normal(5, 3, (200, 4))
    z = Standardiser.fit(x)(x)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(0), 1)


def test_test_data_are_standardised_with_the_figures_of_training() -> None:
    standardise = Standardiser.fit(np.array([0.0, 2.0]))  # mean 1, deviation 1
    test = np.array([10.0, 12.0])
    assert standardise(test).tolist() == [9.0, 11.0]
    assert standardise.inverse(standardise(test)).tolist() == test.tolist()


def test_a_constant_feature_becomes_zero_not_nan() -> None:
    x = np.full((7, 1), 0.1)  # its computed deviation is 1.4e-17, not 0
    assert Standardiser.fit(x).scale == 1
    assert abs(Standardiser.fit(x)(x)).max() < 1e-15


def test_one_mean_for_all_values_fits_a_single_image() -> None:
    standardise = Standardiser.fit(np.arange(8, dtype=np.float32).reshape(2, 2, 2), axis=None)
    assert standardise(np.ones((2, 2), np.float32)).shape == (2, 2)
    assert standardise(np.ones((2, 2), np.float32)).dtype == np.float32


def test_nothing_cannot_be_standardised() -> None:
    with pytest.raises(ValueError, match=r"\(0, 3\)"):
        Standardiser.fit(np.ones((0, 3)))


def test_one_hot_rows_answer_their_labels() -> None:
    labels = np.array([[0, 3], [2, 2]], np.uint8)
    rows = one_hot(labels, 4, np.float32)
    assert rows.shape == (2, 2, 4)
    assert rows.dtype == np.float32
    assert (rows.argmax(-1) == labels).all()
    assert (rows.sum(-1) == 1).all()
    assert one_hot([], 3).shape == (0, 3)


@pytest.mark.parametrize("labels", [[-1, 0], [0, 3]])
def test_a_label_outside_the_classes_is_refused(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="3 classes"):
        one_hot(labels, 3)


def test_labels_with_fractions_are_refused() -> None:
    with pytest.raises(TypeError, match="integers"):
        one_hot([0.5], 3)


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    size=st.tuples(st.integers(1, 32), st.integers(1, 32)),
)
def test_linear_interpolation_agrees_with_torch(
    torch: ModuleType, shape: tuple[int, int], size: tuple[int, int]
) -> None:
    images = np.random.default_rng(0).normal(size=(2, 3, *shape))
    wanted = torch.nn.functional.interpolate(torch.from_numpy(images), size, mode="bilinear")
    np.testing.assert_allclose(upsample(images, size, "bilinear"), wanted.numpy(), atol=1e-12)


@pytest.mark.parametrize("size", [28, 32, 5, (3, 64)])
def test_nearest_pixels_agree_with_torch(torch: ModuleType, size: int | tuple[int, int]) -> None:
    images = np.random.default_rng(0).normal(size=(2, 3, 8, 8))
    wanted = torch.nn.functional.interpolate(torch.from_numpy(images), size, mode="nearest")
    np.testing.assert_array_equal(upsample(images, size), wanted.numpy())


def test_upsampled_digits_keep_their_pixels_and_dtypes() -> None:
    digits = np.random.default_rng(0).integers(0, 17, (5, 8, 8), dtype=np.uint8)
    assert (upsample(digits, 32)[:, ::4, ::4] == digits).all()
    assert upsample(digits, 28).shape == (5, 28, 28)
    assert upsample(digits, 28).dtype == np.uint8
    assert set(np.unique(upsample(digits, 28)[0])) == set(np.unique(digits[0]))
    assert upsample(digits.astype(np.float32), 28, "bilinear").dtype == np.float32


def test_a_constant_image_stays_constant_at_any_size() -> None:
    np.testing.assert_allclose(upsample(np.full((3, 5), 2.5), (7, 13), "bilinear"), 2.5)


@pytest.mark.parametrize(
    ("images", "size", "mode"),
    [(np.ones(3), 4, "nearest"), (np.ones((0, 3)), 4, "nearest"), (np.ones((2, 2)), 0, "nearest"),
     (np.ones((2, 2)), 4, "cubic")],
)  # fmt: skip
def test_what_cannot_be_upsampled_is_refused(images: np.ndarray, size: int, mode: str) -> None:
    with pytest.raises(ValueError, match="upsample"):
        upsample(images, size, mode)


# Batches


@given(
    n=st.integers(0, 40),
    size=st.none() | st.integers(1, 50),
    shuffle=st.booleans(),
    seed=st.integers(0, 99),
)
def test_every_sample_comes_exactly_once_in_an_epoch(
    n: int, size: int | None, shuffle: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    loader = DataLoader(ArrayDataset(np.arange(n)), size, shuffle, rng)
    for _ in range(2):
        sizes = [len(batch) for (batch,) in loader]
        assert len(sizes) == len(loader)
        assert all(s == size for s in sizes[:-1])
        assert sorted(visited(loader)) == list(range(n))


@given(n=st.integers(0, 40), size=st.integers(1, 40), shuffle=st.booleans())
def test_without_the_short_batch_all_are_equal_and_none_comes_twice(
    n: int, size: int, shuffle: bool
) -> None:
    if 0 < n < size:
        with pytest.raises(ValueError, match=f"{n} samples"):
            DataLoader(ArrayDataset(np.arange(n)), size, shuffle, drop_last=True)
        return
    loader = DataLoader(ArrayDataset(np.arange(n)), size, shuffle, drop_last=True)
    assert [len(batch) for (batch,) in loader] == [size] * (n // size)
    assert len(loader) == n // size
    seen = visited(loader)
    assert len(set(seen)) == len(seen)


def test_an_epoch_of_no_samples_has_no_batches() -> None:
    for drop_last in (False, True):
        assert list(DataLoader(ArrayDataset(np.ones((0, 2))), None, drop_last=drop_last)) == []
        assert list(DataLoader(ArrayDataset(np.ones((0, 2))), 3, drop_last=drop_last)) == []


def test_one_sample_is_a_batch_of_any_size() -> None:
    for size in (None, 1, 7):
        ((x,),) = DataLoader(ArrayDataset(np.ones((1, 2))), size, shuffle=True)
        assert x.shape == (1, 2)


@pytest.mark.parametrize("size", [0, -1, 2.5])
def test_an_impossible_batch_size_is_refused(size: float) -> None:
    with pytest.raises((TypeError, ValueError), match="batch_size must be a whole number"):
        DataLoader(ArrayDataset(np.arange(3)), size)  # type: ignore[arg-type]


def test_batches_come_in_order_unless_shuffled() -> None:
    data = ArrayDataset(np.arange(100))
    assert visited(DataLoader(data, 7)) == list(range(100))
    loader = DataLoader(data, 7, shuffle=True, rng=np.random.default_rng(0))
    first, second = visited(loader), visited(loader)
    assert first != list(range(100))
    assert first != second
    again = DataLoader(data, 7, shuffle=True, rng=np.random.default_rng(0))
    assert visited(again) == first


def test_inputs_and_targets_are_shuffled_together() -> None:
    x = np.arange(50)
    for inputs, targets in DataLoader(ArrayDataset(x, x**2), 8, shuffle=True):
        assert (targets == inputs**2).all()


def test_without_a_generator_the_librarys_own_is_used() -> None:
    loader = DataLoader(ArrayDataset(np.arange(30)), 4, shuffle=True)
    mg.manual_seed(5)
    first = visited(loader)
    mg.manual_seed(5)
    assert visited(loader) == first


def test_descent_kinds_visit_samples_and_update_as_the_chapter_counts() -> None:
    n = 300_000  # the chapter's example: 10 iterations of BGD against one epoch of SGD
    data = ArrayDataset(np.arange(n))
    full, one = DataLoader(data, None), DataLoader(data, 1)
    assert sum(len(x) for _ in range(10) for (x,) in full) == 10 * n
    assert sum(len(x) for (x,) in one) == 1 * n
    assert (10 * len(full), len(one), len(DataLoader(data, 128))) == (10, n, 2344)


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_a_resumed_loader_goes_on_bit_for_bit(kind: type[np.random.BitGenerator]) -> None:
    data = ArrayDataset(np.arange(64))
    running = DataLoader(data, 5, True, np.random.Generator(kind(1)))
    visited(running)
    state = running.state_dict()
    wanted = [visited(running) for _ in range(3)]
    resumed = DataLoader(data, 5, True, np.random.Generator(kind(999)))
    resumed.load_state_dict(state)
    assert [visited(resumed) for _ in range(3)] == wanted


def test_the_state_of_the_usual_generator_goes_through_json() -> None:
    loader = DataLoader(ArrayDataset(np.arange(9)), 2, True, np.random.default_rng(3))
    state = json.loads(json.dumps(loader.state_dict()))
    wanted = visited(loader)
    loader.load_state_dict(state)
    assert visited(loader) == wanted


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    loader = DataLoader(ArrayDataset(np.arange(9)), 2, True, np.random.default_rng(3))
    before = loader.state_dict()
    other = DataLoader(loader.dataset, 2, True, np.random.Generator(np.random.Philox(0)))
    damaged = {"bit_generator": before["bit_generator"] | {"state": {"state": "?", "inc": 1}}}
    for state in (other.state_dict(), {}, {"weight": 1}, damaged):
        with pytest.raises(ValueError, match="PCG64"):
            loader.load_state_dict(state)
        assert loader.state_dict() == before
