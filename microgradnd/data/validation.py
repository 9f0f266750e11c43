"""Which samples to train on and which to judge by: hold-out, k folds, bootstrap and bagging.

All give arrays of indices, for `ArrayDataset.subset`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from microgradnd.arguments import CALLABLE, PROBABILITY, check, real_array, require, whole
from microgradnd.random import generator

Predict = Callable[[Any], Any]


def shuffled(n: int, labels: Any, rng: np.random.Generator | None, function: str) -> np.ndarray:
    """0 … n - 1 in random order; with `labels` the classes one after the other."""
    check(function, rng=rng)
    if labels is None:
        return generator(rng).permutation(n)
    labels = np.asarray(labels) if sortable(labels) else real_array(function, "labels", labels)
    if labels.shape != (n,):
        raise ValueError(f"{function}: {n} samples need labels of shape ({n},), got {labels.shape}")
    order = generator(rng).permutation(n)
    return order[np.argsort(labels[order], kind="stable")]


def sortable(labels: Any) -> bool:
    """Whether they are strings: those are sorted as numbers are."""
    listed = isinstance(labels, (list, tuple)) or (isinstance(labels, np.ndarray) and labels.ndim)
    return bool(listed) and all(isinstance(x, str) for x in labels)


def hold_out(
    n: int, fraction: float = 0.2, labels: Any = None, rng: np.random.Generator | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Indices to train on and round(n · fraction) held out, both in rising order.

    Every sample is held out with the same probability. With `labels` (n,) each class gives its
    share, rounded up or down: systematic sampling, from a random start, of the sorted classes.

    Raises:
        ValueError: a split that leaves one side empty, or labels of another length.

    >>> training, held = hold_out(10, 0.3)
    >>> len(training), len(held)
    (7, 3)
    """
    require("hold_out", "n", n, whole(1))
    require("hold_out", "fraction", fraction, PROBABILITY)
    count = round(n * fraction)
    if not 1 <= count < n:
        raise ValueError(
            f"hold_out: {fraction} of {n} samples is {count}; both sides need at least one sample"
        )
    order, rng = shuffled(n, labels, rng, "hold_out"), generator(rng)
    places = (rng.integers(n) + n * np.arange(count)) // count  # evenly spaced over the classes
    held = np.zeros(n, bool)
    held[order[places]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def k_fold(
    n: int, k: int = 5, labels: Any = None, rng: np.random.Generator | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """k pairs of (training, validation) indices; each sample is validated on exactly once.

    Fold sizes differ by at most one, and with `labels` (n,) so do each class's counts.

    Raises:
        ValueError: k below 2 or above n, or labels of another length.

    >>> [len(validation) for training, validation in k_fold(10, 3)]
    [4, 3, 3]
    """
    require("k_fold", "n", n, whole(1))
    require("k_fold", "k", k, whole())
    if not 2 <= k <= n:
        raise ValueError(f"k_fold: k must be from 2 to the number of samples {n}, got {k}")
    order = shuffled(n, labels, rng, "k_fold")
    fold = np.empty(n, np.intp)
    fold[order] = np.arange(n) % k  # dealt out like cards
    return ((np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(k))


def bootstrap(n: int, rng: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
    """n indices drawn with replacement, and the out-of-bag ones never drawn, about n/e of them.

    >>> drawn, out_of_bag = bootstrap(1000, np.random.default_rng(0))
    >>> len(drawn), len(np.union1d(drawn, out_of_bag))
    (1000, 1000)
    """
    require("bootstrap", "n", n, whole(1))
    check("bootstrap", rng=rng)
    drawn = generator(rng).integers(n, size=n)
    out_of_bag = np.ones(n, bool)
    out_of_bag[drawn] = False
    return drawn, np.flatnonzero(out_of_bag)


@dataclass(frozen=True)
class Ensemble:
    """Models whose predictions are averaged; what `bagging` returns.

    `predictors` are functions of a batch of inputs; `out_of_bag` holds for each the indices of
    the samples it was not trained on; `n` is the number of samples.
    """

    predictors: tuple[Predict, ...]
    out_of_bag: tuple[np.ndarray, ...]
    n: int

    def __call__(self, inputs: Any) -> np.ndarray:
        """The mean prediction: of values, or of class probabilities, not of class numbers."""
        total: Any = sum(np.asarray(predict(inputs)) for predict in self.predictors)
        return total / len(self.predictors)

    def predict_out_of_bag(self, inputs: Any) -> np.ndarray:
        """Each training sample predicted by the models that have not seen it: a free validation.

        `inputs` are all n training inputs. Samples that every model has seen get nan.
        """
        inputs = real_array("predict_out_of_bag", "inputs", inputs)
        if not inputs.ndim or len(inputs) != self.n:
            raise ValueError(
                f"predict_out_of_bag: needs the {self.n} training inputs, got {inputs.shape[:1]}"
            )
        total: np.ndarray | None = None
        counts = np.zeros(self.n)
        for predict, unseen in zip(self.predictors, self.out_of_bag):
            if not len(unseen):
                continue
            prediction = np.asarray(predict(inputs[unseen]))
            if total is None:
                dtype = np.result_type(prediction, np.float16)
                total = np.zeros((self.n, *prediction.shape[1:]), dtype)
            total[unseen] += prediction
            counts[unseen] += 1
        if total is None:
            raise ValueError("predict_out_of_bag: every model has seen every sample; train more")
        counts = counts.reshape(-1, *[1] * (total.ndim - 1)).astype(total.dtype)
        return np.divide(total, counts, out=np.full_like(total, np.nan), where=counts > 0)


def bagging(
    train: Callable[[np.ndarray, np.random.Generator], Predict],
    n: int,
    models: int = 10,
    rng: np.random.Generator | None = None,
) -> Ensemble:
    """Bootstrap aggregating (Breiman 1996): models trained on resampled data, then averaged.

    Args:
        train: gets the indices of its training samples (n, with repeats) and a generator of its
            own, and returns a function of inputs that gives predictions as arrays.
        n: number of training samples.
        models: how many are trained.
        rng: draws the samples and seeds the models' generators.

    >>> x, y = np.arange(20.0), 3 * np.arange(20.0)
    >>> def train(indices, rng):
    ...     slope = (x[indices] @ y[indices]) / (x[indices] @ x[indices])
    ...     return lambda inputs: slope * inputs
    >>> bagging(train, n=20, models=3)(np.array([2.0])).round(12)
    array([6.])
    """
    require("bagging", "train", train, CALLABLE)
    require("bagging", "n", n, whole(1))
    check("bagging", models=models, rng=rng)
    rng = generator(rng)
    predictors, out_of_bag = [], []
    for _ in range(models):
        drawn, unseen = bootstrap(n, rng)
        own = np.random.default_rng(rng.integers(2**63))  # a model's draws do not shift the next's
        predictors.append(train(drawn, own))
        out_of_bag.append(unseen)
    return Ensemble(tuple(predictors), tuple(out_of_bag), n)
