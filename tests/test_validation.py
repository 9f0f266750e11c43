"""Splits and bags: nothing is judged by what it was trained on, and every class gets its share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnd.data import bagging, bootstrap, hold_out, k_fold

labelled = st.lists(st.sampled_from("abc"), min_size=2, max_size=60)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(labelled, st.floats(0.05, 0.95), st.booleans(), st.integers(0, 99))
def test_each_sample_is_either_trained_on_or_held_out(
    labels: list[str], fraction: float, stratified: bool, seed: int
) -> None:
    n, count = len(labels), round(len(labels) * fraction)
    if not 1 <= count < n:
        with pytest.raises(ValueError, match="both sides need at least one"):
            hold_out(n, fraction)
        return
    training, held = hold_out(n, fraction, labels if stratified else None, rng(seed))
    assert len(held) == count
    assert sorted([*training, *held]) == list(range(n))
    assert (np.diff(training) > 0).all()


@given(labelled, st.sampled_from([0.1, 0.25, 0.5]), st.integers(0, 99))
def test_a_stratified_hold_out_gives_each_class_its_share(
    labels: list[str], fraction: float, seed: int
) -> None:
    count = round(len(labels) * fraction)
    if not 1 <= count < len(labels):
        return
    _, held = hold_out(len(labels), fraction, labels, rng(seed))
    for label in set(labels):
        share = labels.count(label) * count / len(labels)
        assert abs(sum(labels[i] == label for i in held) - share) < 1 + 1e-9


def test_every_sample_can_be_held_out_about_equally_often() -> None:
    labels = np.repeat([0, 1], [15, 5])
    for given_labels in (None, labels):
        generator, counts = rng(), np.zeros(20)
        for _ in range(2000):
            counts[hold_out(20, 0.25, given_labels, generator)[1]] += 1
        assert abs(counts / 2000 - 0.25).max() < 0.06  # six standard deviations


@given(labelled, st.integers(2, 8), st.booleans(), st.integers(0, 99))
def test_folds_partition_the_samples_and_share_out_the_classes(
    labels: list[str], k: int, stratified: bool, seed: int
) -> None:
    n = len(labels)
    if k > n:
        with pytest.raises(ValueError, match=f"number of samples {n}"):
            k_fold(n, k)
        return
    pairs = list(k_fold(n, k, labels if stratified else None, rng(seed)))
    assert len(pairs) == k
    assert sorted(i for _, validation in pairs for i in validation) == list(range(n))
    for training, validation in pairs:
        assert sorted([*training, *validation]) == list(range(n))
    sizes = [len(validation) for _, validation in pairs]
    assert max(sizes) - min(sizes) <= 1
    for label in set(labels) if stratified else ():
        counts = [sum(labels[i] == label for i in validation) for _, validation in pairs]
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("split", [lambda g: hold_out(50, rng=g)[1],
                                   lambda g: next(k_fold(50, rng=g))[1],
                                   lambda g: bootstrap(50, g)[0]])  # fmt: skip
def test_a_seed_gives_its_split_again_and_another_seed_another(split: Callable) -> None:
    assert split(rng(1)).tolist() == split(rng(1)).tolist()
    assert split(rng(1)).tolist() != split(rng(2)).tolist()


def test_what_cannot_be_split_is_refused_before_it_is_used() -> None:
    with pytest.raises(ValueError, match="from 2 to the number of samples 5, got 1"):
        k_fold(5, 1)
    with pytest.raises(ValueError, match=r"labels of shape \(5,\), got \(4,\)"):
        k_fold(5, 2, labels=[0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"labels of shape \(5,\), got \(4,\)"):
        hold_out(5, 0.4, labels=[0, 1, 0, 1])
    with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
        bootstrap(0)


@given(st.integers(1, 50), st.integers(0, 99))
def test_drawn_and_out_of_bag_samples_are_all_there_are(n: int, seed: int) -> None:
    drawn, unseen = bootstrap(n, rng(seed))
    assert len(drawn) == n
    assert sorted([*set(drawn.tolist()), *unseen]) == list(range(n))


def test_about_a_share_of_1_over_e_stays_out_of_the_bag() -> None:
    _, unseen = bootstrap(100_000, rng())
    assert abs(len(unseen) / 100_000 - np.exp(-1)) < 0.01


# Bagging


def test_an_ensemble_predicts_the_mean_of_its_models() -> None:
    constants = iter([1.0, 2.0, 6.0])

    def train(indices: np.ndarray, own: np.random.Generator) -> Callable:
        constant = next(constants)
        return lambda x: np.full((len(x), 2), constant)

    ensemble = bagging(train, 10, 3, rng())
    assert ensemble(np.ones(4)).tolist() == [[3.0, 3.0]] * 4


def test_out_of_bag_predictions_come_from_models_that_never_saw_the_sample() -> None:
    def train(indices: np.ndarray, own: np.random.Generator) -> Callable:
        return lambda x: np.isin(x, indices).astype(np.float32)  # 1: trained on it

    ensemble = bagging(train, 30, 20, rng())
    out = ensemble.predict_out_of_bag(np.arange(30))
    assert out.dtype == np.float32
    assert (out == 0).all()
    assert (ensemble(np.arange(30)) > 0).all()


def test_each_bag_leaves_out_what_its_model_was_not_given() -> None:
    bags: list[np.ndarray] = []

    def train(indices: np.ndarray, own: np.random.Generator) -> Callable:
        bags.append(indices)
        return lambda x: x

    ensemble = bagging(train, 500, 20, rng())
    assert len(ensemble.out_of_bag) == len(bags) == 20
    for drawn, unseen in zip(bags, ensemble.out_of_bag):
        assert len(drawn) == 500
        assert len(unseen) == 500 - len(set(drawn.tolist()))
        assert not np.isin(unseen, drawn).any()
    share = np.mean([len(unseen) for unseen in ensemble.out_of_bag]) / 500
    assert abs(share - (1 - 1 / 500) ** 500) < 0.02  # about 1/e, R1


def test_samples_seen_by_every_model_have_no_out_of_bag_prediction() -> None:
    ensemble = bagging(lambda indices, own: lambda x: 2 * x[:, None], 8, 1, rng())
    out = ensemble.predict_out_of_bag(np.arange(8))
    unseen = ensemble.out_of_bag[0]
    assert out[unseen, 0].tolist() == (2 * unseen).tolist()
    assert np.isnan(np.delete(out, unseen, axis=0)).all()


def test_out_of_bag_needs_the_training_inputs_and_a_sample_left_out() -> None:
    ensemble = bagging(lambda indices, own: lambda x: x, 1, 2, rng())
    with pytest.raises(ValueError, match=r"the 1 training inputs, got \(3,\)"):
        ensemble.predict_out_of_bag(np.ones(3))
    with pytest.raises(ValueError, match="every model has seen every sample"):
        ensemble.predict_out_of_bag(np.ones(1))


def test_what_a_model_draws_does_not_change_the_samples_of_the_next() -> None:
    def train(draws: int) -> tuple[list, list]:
        bags, firsts = [], []

        def one(indices: np.ndarray, own: np.random.Generator) -> Callable:
            bags.append(indices.tolist())
            firsts.append(own.normal(size=draws)[0])
            return lambda x: x

        bagging(one, 12, 3, rng())
        return bags, firsts

    assert train(1) == train(100)
    assert len(set(train(1)[1])) == 3


def test_bagging_lowers_the_error_of_a_wavering_model() -> None:
    generator = rng()
    x = generator.uniform(-1, 1, 40)
    y = np.sin(3 * x) + 0.4 * generator.normal(size=40)
    test = np.linspace(-0.9, 0.9, 200)

    def train(indices: np.ndarray, own: np.random.Generator) -> Callable:
        nearest = x[indices], y[indices]
        return lambda q: nearest[1][abs(q[:, None] - nearest[0]).argmin(1)]

    def error(predict: Callable) -> float:
        return float(np.mean((predict(test) - np.sin(3 * test)) ** 2))

    alone = train(np.arange(40), generator)
    assert error(bagging(train, 40, 50, rng(1))) < 0.7 * error(alone)


def test_no_model_is_no_ensemble() -> None:
    with pytest.raises(ValueError, match="models must be a whole number of at least 1"):
        bagging(lambda indices, own: lambda x: x, 5, 0)
