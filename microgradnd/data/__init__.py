"""Data sets, loaders, readers, windows and splits: NumPy arrays in, batches out."""

from typing import TYPE_CHECKING

from microgradnd import errors
from microgradnd.data.datasets import ArrayDataset, Dataset
from microgradnd.data.idx import mnist, read_idx
from microgradnd.data.loader import DataLoader
from microgradnd.data.preprocessing import Standardiser, one_hot, to_unit_range, upsample
from microgradnd.data.text import (
    Vocabulary,
    characters,
    pad_sequences,
    padding_mask,
    sequences,
    words,
)
from microgradnd.data.validation import Ensemble, bagging, bootstrap, hold_out, k_fold
from microgradnd.data.windowing import (
    Autoregression,
    chronological_split,
    difference,
    fit_autoregression,
    persistence_forecast,
    undifference,
    windows,
)

__all__ = [
    "ArrayDataset", "Autoregression", "DataLoader", "Dataset", "Ensemble", "Standardiser",
    "Vocabulary", "bagging", "bootstrap", "characters", "chronological_split", "difference",
    "fit_autoregression", "hold_out", "k_fold", "mnist", "one_hot", "pad_sequences",
    "padding_mask", "persistence_forecast", "read_idx", "sequences", "to_unit_range",
    "undifference", "upsample", "windows", "words",
]  # fmt: skip
# What one may look for here, and what to use.
_INSTEAD = {
    "TensorDataset": "use ArrayDataset(x, y)",
    "Subset": "use ArrayDataset.subset(indices)",
    "random_split": "use hold_out(len(dataset)) and ArrayDataset.subset",
    "Sampler": "use DataLoader(..., shuffle=True, rng=rng)",
}

if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__, _INSTEAD)
