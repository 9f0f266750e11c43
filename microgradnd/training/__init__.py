"""Training: the loop over epochs and batches, its history, callbacks, early stopping."""

from microgradnd.training.early_stopping import EarlyStopping
from microgradnd.training.history import History
from microgradnd.training.loop import fit
from microgradnd.training.metrics import accuracy
from microgradnd.training.run import Run

__all__ = ["EarlyStopping", "History", "Run", "accuracy", "fit"]
