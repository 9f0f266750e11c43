"""Which samples to train on and which to judge by: hold-out, k folds, bootstrap and bagging.

All give arrays of indices, for `ArrayDataset.subset`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from microgradnd.arguments import CALLABLE, check, real_array, require, whole
from microgradnd.declaration import TensorLike
from microgradnd.random import generator

_Predict = Callable[[Any], Any]


def _shuffled(n: int, labels: Any, rng: np.random.Generator | None, function: str) -> np.ndarray:
    """0 … n - 1 in random order; with `labels` the classes one after the other."""
    check(function, rng=rng)
    if labels is None:
        return generator(rng).permutation(n)
    listed = isinstance(labels, (list, tuple)) or (isinstance(labels, np.ndarray) and labels.ndim)
    named = listed and all(isinstance(x, str) for x in labels)  # strings sort as numbers do
    labels = np.asarray(labels) if named else real_array(function, "labels", labels)
    if labels.shape != (n,):
        raise ValueError(f"{function}: {n} samples need labels of shape ({n},), got {labels.shape}")
    order = generator(rng).permutation(n)
    return order[np.argsort(labels[order], kind="stable")]


def hold_out(
    n: int, fraction: float = 0.2, labels: TensorLike | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Indices to train on and round(n · fraction) held out, both in rising order.

    Every sample is held out with the same probability. With `labels` (n,) each class gives its
    share, rounded up or down: systematic sampling, from a random start, of the sorted classes.

    Raises:
        ValueError: a split that leaves one side empty, or labels of another length.

    >>> training, held = hold_out(10, 0.3)
    >>> len(training), len(held)
    (7, 3)
    """
    check("hold_out", n=n, fraction=fraction)
    count = round(n * fraction)
    if not 1 <= count < n:
        raise ValueError(
            f"hold_out: {fraction} of {n} samples is {count}; both sides need at least one sample"
        )
    order, rng = _shuffled(n, labels, rng, "hold_out"), generator(rng)
    places = (rng.integers(n) + n * np.arange(count)) // count  # evenly spaced over the classes
    held = np.zeros(n, bool)
    held[order[places]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def k_fold(
    n: int, k: int = 5, labels: TensorLike | None = None, rng: np.random.Generator | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """k pairs of (training, validation) indices; each sample is validated on exactly once.

    Fold sizes differ by at most one, and with `labels` (n,) so do each class's counts.

    Raises:
        ValueError: k below 2 or above n, or labels of another length.

    >>> [len(validation) for training, validation in k_fold(10, 3)]
    [4, 3, 3]
    """
    check("k_fold", n=n)
    require("k_fold", "k", k, whole())
    if not 2 <= k <= n:
        raise ValueError(f"k_fold: k must be from 2 to the number of samples {n}, got {k}")
    order = _shuffled(n, labels, rng, "k_fold")
    fold = np.empty(n, np.intp)
    fold[order] = np.arange(n) % k  # dealt out like cards
    return ((np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(k))


def bootstrap(n: int, rng: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
    """n indices drawn with replacement, and the out-of-bag ones never drawn, about n/e of them.

    >>> drawn, out_of_bag = bootstrap(1000, np.random.default_rng(0))
    >>> len(drawn), len(np.union1d(drawn, out_of_bag))
    (1000, 1000)
    """
    check("bootstrap", n=n, rng=rng)
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

    predictors: tuple[_Predict, ...]
    out_of_bag: tuple[np.ndarray, ...]
    n: int

    def __call__(self, inputs: TensorLike) -> np.ndarray:
        """The mean prediction: of values, or of class probabilities, not of class numbers."""
        total: Any = sum(np.asarray(predict(inputs)) for predict in self.predictors)
        return total / len(self.predictors)

    def predict_out_of_bag(self, inputs: TensorLike) -> np.ndarray:
        """Each training sample predicted by the models that have not seen it: a free validation.

        `inputs` are all n training inputs. Samples that every model has seen get nan.
        """
        inputs = real_array("predict_out_of_bag", "inputs", inputs)
        if not inputs.ndim or len(inputs) != self.n:
            raise ValueError(
                f"predict_out_of_bag: needs the {self.n} training inputs, got {inputs.shape[:1]}"
            )
        pairs = [(f, unseen) for f, unseen in zip(self.predictors, self.out_of_bag) if len(unseen)]
        if not pairs:
            raise ValueError("predict_out_of_bag: every model has seen every sample; train more")
        predicted = [(unseen, np.asarray(predict(inputs[unseen]))) for predict, unseen in pairs]
        first = predicted[0][1]
        total = np.zeros((self.n, *first.shape[1:]), np.result_type(first, np.float16))
        counts = np.zeros((self.n, *[1] * (first.ndim - 1)))
        for unseen, prediction in predicted:
            total[unseen] += prediction
            counts[unseen] += 1
        counts = counts.astype(total.dtype)
        return np.divide(total, counts, out=np.full_like(total, np.nan), where=counts > 0)


def bagging(
    train: Callable[[np.ndarray, np.random.Generator], _Predict],
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
    check("bagging", n=n, models=models, rng=rng)
    rng = generator(rng)
    predictors, out_of_bag = [], []
    for _ in range(models):
        drawn, unseen = bootstrap(n, rng)
        own = np.random.default_rng(rng.integers(2**63))  # a model's draws do not shift the next's
        predictors.append(train(drawn, own))
        out_of_bag.append(unseen)
    return Ensemble(tuple(predictors), tuple(out_of_bag), n)
