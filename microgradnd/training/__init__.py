"""Training: the loop over epochs and batches, its history, callbacks, early stopping."""

from typing import TYPE_CHECKING

from microgradnd import errors
from microgradnd.training.early_stopping import EarlyStopping
from microgradnd.training.history import History
from microgradnd.training.loop import fit
from microgradnd.training.metrics import accuracy
from microgradnd.training.run import Run

__all__ = ["EarlyStopping", "History", "Run", "accuracy", "fit"]

if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__)
