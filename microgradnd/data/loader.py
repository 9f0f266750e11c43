"""Batches: all samples (BGD), one (SGD) or some (mini-batch) per update, eq. 5-28."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from microgradnd.arguments import Kind, checked, optional, shown, whole
from microgradnd.data.datasets import Dataset
from microgradnd.random import generator

# A tuple has a length, too, and a slice of it is a tuple: of whole arrays, not of batches.
_DATASET = Kind(
    "a data set, such as ArrayDataset(x, y): with a length, and a batch for a slice of indices",
    lambda v: (
        hasattr(v, "__len__")
        and hasattr(v, "__getitem__")
        and not isinstance(v, (tuple, list, range, str, bytes, dict, np.ndarray, np.dtype))
        and not hasattr(v, "_array")
    ),
)


class DataLoader:
    """Goes over a data set in batches; each `for` over it is one epoch.

    Args:
        dataset: an `ArrayDataset`, or anything with a length that gives a tuple of arrays for a
            slice and for an array of indices.
        batch_size: how many samples one update sees, and so the kind of descent:
            None or at least N: batch gradient descent (BGD), one update per epoch;
            1: stochastic gradient descent (SGD), N updates per epoch;
            n between: mini-batch descent, ⌈N / n⌉ updates per epoch.
        shuffle: a new permutation from `rng` each epoch; without it batches are slices in order,
            views of the data that must not be written to.
        rng: default the library's generator.
        drop_last: leave out a last batch of fewer than `batch_size` samples. A full batch (None)
            always stays.

    The chapter counts the cost in sample visits, epochs × N: with N = 300,000 samples and 10
    iterations BGD visits 10 × 300,000 samples for its 10 updates, SGD 1 × 300,000 for 300,000
    updates in a single epoch.

    `len(loader)` is the number of batches in an epoch. Yields tuples of NumPy arrays.

    Raises:
        ValueError: a batch size below 1, or so large that `drop_last` would leave no batch.

    >>> from microgradnd.data import ArrayDataset
    >>> loader = DataLoader(ArrayDataset(np.arange(5)), batch_size=2)
    >>> len(loader), [x.tolist() for (x,) in loader]
    (3, [[0, 1], [2, 3], [4]])
    """

    @checked(dataset=_DATASET, batch_size=optional(whole(1)))
    def __init__(
        self,
        dataset: Dataset,
        batch_size: int | None,
        shuffle: bool = False,
        rng: np.random.Generator | None = None,
        drop_last: bool = False,
    ) -> None:
        self.dataset, self.batch_size = dataset, batch_size
        self.shuffle, self.drop_last = shuffle, drop_last
        self.rng = generator(rng)
        if drop_last and batch_size is not None and 0 < len(dataset) < batch_size:
            raise ValueError(
                f"DataLoader: drop_last leaves no batch, batch_size {batch_size} is more than the "
                f"{len(dataset)} samples there are; take a smaller one or drop_last=False"
            )

    def __len__(self) -> int:
        n = len(self.dataset)
        size = self.batch_size or max(n, 1)
        return n // size if self.drop_last else math.ceil(n / size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        n = len(self.dataset)
        size = self.batch_size or max(n, 1)
        order = self.rng.permutation(n) if self.shuffle else None
        for start in range(0, len(self) * size, size):
            batch = slice(start, min(start + size, n))
            yield self.dataset[batch if order is None else order[batch]]

    def state_dict(self) -> dict[str, Any]:
        """The generator's state. Taken between epochs, it makes the next ones come out the same.

        >>> from microgradnd.data import ArrayDataset
        >>> data, rng = ArrayDataset(np.arange(100)), np.random.default_rng(0)
        >>> loader = DataLoader(data, None, shuffle=True, rng=rng)
        >>> state = loader.state_dict()
        >>> [(first,)] = loader
        >>> loader.load_state_dict(state)
        >>> [(again,)] = loader
        >>> np.array_equal(first, again)
        True
        """
        return {"bit_generator": copy.deepcopy(self.rng.bit_generator.state)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Sets the generator, where it is, to a state of `state_dict`; others who hold it see it.

        Raises:
            ValueError: no state of a loader, or one of another kind of bit generator. The loader
                then stays as it was.
        """
        kind = type(self.rng.bit_generator).__name__
        held = state.get("bit_generator") if isinstance(state, dict) else None
        if not isinstance(held, dict) or held.get("bit_generator") != kind:
            found = held.get("bit_generator") if isinstance(held, dict) else shown(state)
            raise ValueError(
                f"DataLoader.load_state_dict: needs the state of a {kind} generator, found "
                f"{found!r}; give the loader a generator of the kind it was saved with"
            )
        before = self.rng.bit_generator.state
        try:
            self.rng.bit_generator.state = copy.deepcopy(held)
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            self.rng.bit_generator.state = before
            raise ValueError(
                f"DataLoader.load_state_dict: the {kind} state is damaged ({error!r})"
            ) from error
