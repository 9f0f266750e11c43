"""Data sets: arrays of equal length, read a whole batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from microgradnd.arguments import (
    CALLABLE,
    index_array,
    optional,
    real_array,
    require,
    shown,
)
from microgradnd.declaration import TensorLike
from microgradnd.errors import explained

Index = int | slice | list | np.ndarray


class Dataset(Protocol):
    """What a `DataLoader` needs: a length, and a batch for a slice or an array of indices."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Index, /) -> tuple[np.ndarray, ...]: ...


class ArrayDataset:
    """Arrays whose first axis counts the samples: inputs first, then targets, then what you like.

    Args:
        arrays: anything NumPy makes arrays of, all with N entries; they are kept, not copied.
        transform: a function of a batch of inputs, the first array; it is called once per read,
            not once per sample, and must not change its argument. A single sample is given to
            it as a batch of one.

    Indexing gives a tuple with one array each. An integer reads one sample (first axis gone); a
    slice reads a batch of views, an array of indices or a mask a batch of copies.

    Raises:
        ValueError: arrays of different length, or none; TypeError for scalars.

    >>> data = ArrayDataset([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0, 1, 0])
    >>> len(data)
    3
    >>> x, y = data[[2, 0]]
    >>> x.tolist(), y.tolist()
    ([[5.0, 6.0], [1.0, 2.0]], [0, 0])
    """

    def __init__(
        self, *arrays: TensorLike, transform: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        require("ArrayDataset", "transform", transform, optional(CALLABLE))
        if not arrays:
            raise ValueError("ArrayDataset: give at least one array")
        self.arrays = tuple(_samples(array) for array in arrays)
        self.transform = transform
        if len({len(array) for array in self.arrays}) > 1:
            raise ValueError(
                "ArrayDataset: the first axes must be equally long, the arrays have shapes "
                f"{', '.join(str(array.shape) for array in self.arrays)}; each sample needs one "
                "entry in each array"
            )

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Index) -> tuple[np.ndarray, ...]:
        if isinstance(index, list):
            index = _indices(index)
        batch = tuple(array[index] for array in self.arrays)
        if self.transform is None:
            return batch
        one = not isinstance(index, slice) and np.ndim(index) == 0
        inputs = self.transform(batch[0][None])[0] if one else self.transform(batch[0])
        return (inputs, *batch[1:])

    def subset(self, indices: Index) -> ArrayDataset:
        """The samples at `indices` (a slice: views; an array or a mask: copies), same transform.

        >>> ArrayDataset(np.arange(5)).subset([4, 1])[:]
        (array([4, 1]),)
        """
        chosen = indices if isinstance(indices, slice) else _indices(indices)
        with explained("ArrayDataset.subset", {}, {"indices": indices}):
            parts = [array[chosen] for array in self.arrays]
        return ArrayDataset(*parts, transform=self.transform)

    def __repr__(self) -> str:
        return f"ArrayDataset({', '.join(f'{a.shape} {a.dtype}' for a in self.arrays)})"


def _samples(value: TensorLike) -> np.ndarray:
    """An array with an axis of samples, of whatever dtype."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"ArrayDataset: arrays must be what NumPy makes an array of, not {shown(value)}; it "
            f"says: {error}"
        ) from None
    if array.ndim == 0:
        raise TypeError(
            f"ArrayDataset: a scalar has no samples, got {shown(value)}; give arrays with a first "
            "axis"
        )
    return array


def _indices(indices: Index) -> np.ndarray:
    """An index array or a mask; an empty list selects nothing (NumPy reads it as floats)."""
    array = np.atleast_1d(real_array("ArrayDataset", "indices", indices))
    return array if array.dtype == bool else index_array("ArrayDataset", "indices", array)
