"""Ending a training that gets no better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from microgradnd.arguments import NOT_NEGATIVE, STRING, Kind, checked, require, whole
from microgradnd.training.run import Run

_STATE = Kind(
    "a dict, as state_dict() gives",
    lambda v: isinstance(v, Mapping),
    lambda v: {"best", "best_epoch", "weights"} <= v.keys(),
)


class EarlyStopping:
    """A callback that ends a training which gets no better, and gives back its best weights.

    Args:
        patience: epochs without improvement until it stops.
        monitor: the number in the history that is watched.
        min_delta: only a change by more than this is an improvement.
        restore_best: loads the parameters and buffers of the best epoch when the training ends,
            whether it was stopped or not.
        mode: "min" or "max", which of them is better.

    Raises:
        KeyError: in the first epoch, if the history has no such number.
    """

    @checked(patience=whole(1), monitor=STRING, min_delta=NOT_NEGATIVE)
    def __init__(
        self,
        patience: int = 5,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: str = "min",
    ) -> None:
        self.patience, self.monitor, self.mode = patience, monitor, mode
        self.min_delta, self.restore_best = min_delta, restore_best
        self.best: float | None = None
        self.best_epoch = 0
        self.weights: dict[str, np.ndarray] | None = None

    def __call__(self, run: Run) -> None:
        record = run.history[-1]
        if self.monitor not in record:
            raise KeyError(f"EarlyStopping: no {self.monitor!r} among {', '.join(record)}")
        value = record[self.monitor]
        sign = 1 if self.mode == "min" else -1
        better = self.best is None or sign * (self.best - value) > self.min_delta
        if better and not math.isnan(value):
            self.best, self.best_epoch = value, run.epoch
            if self.restore_best:
                state = run.model.state_dict()
                self.weights = {path: array.copy() for path, array in state.items()}
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop = True

    def finish(self, run: Run) -> None:
        if self.weights is not None:
            run.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch, "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        require("EarlyStopping", "state", state, _STATE)
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.weights = state["weights"]
