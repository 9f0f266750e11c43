"""What a training gave, epoch by epoch: as a table, as columns, as curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from microgradnd.arguments import elements, instance, require
from microgradnd.nn.summaries import aligned


class History:
    """What each epoch gave: its number, losses, metrics, learning rate and time in seconds.

    >>> history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    >>> history
    epoch   loss
        1    0.5
        2   0.25
    >>> history.to_dict()
    {'epoch': [1, 2], 'loss': [0.5, 0.25]}
    >>> history[-1]["loss"], len(history)
    (0.25, 2)
    """

    def __init__(self, records: Iterable[Mapping[str, Any]] = ()) -> None:
        given = elements("History", "records", records, "a list of dicts, one for each epoch")
        for record in given:
            require("History", "each of records", record, instance(Mapping, "a dict"))
        self.records: list[dict[str, Any]] = [dict(record) for record in given]

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.records[index]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.records)

    def names(self) -> list[str]:
        """The names of the numbers, in the order in which they first came."""
        return list(dict.fromkeys(name for record in self.records for name in record))

    def to_dict(self) -> dict[str, list[Any]]:
        """The columns of the table: for each name a list with one number per epoch, or None."""
        return {name: [record.get(name) for record in self.records] for name in self.names()}

    def __repr__(self) -> str:
        names = self.names()
        rows = [[as_text(record.get(name)) for name in names] for record in self.records]
        return aligned([names, *rows], ">" * len(names)) or "(no epochs yet)"

    def plot(self) -> Any:
        """A matplotlib figure: a panel each for the loss, the metrics and the learning rate.

        Numbers of the validation (`val_...`) are drawn dashed beside those of the training.

        Raises:
            ImportError: matplotlib, an extra, is missing.
        """
        try:
            from matplotlib import pyplot
        except ImportError as error:
            cure = 'pip install "microgradnd[examples]"'
            raise ImportError(f"History.plot draws with matplotlib: {cure}") from error
        columns = self.to_dict()
        panels = [n for n in columns if n not in ("epoch", "seconds") and not n.startswith("val_")]
        panels.sort(key="lr".__eq__)  # the learning rate comes last
        count = max(len(panels), 1)
        figure, axes = pyplot.subplots(
            1, count, figsize=(4 * count, 3.2), layout="constrained", squeeze=False
        )
        epochs = columns.get("epoch", [])
        for axis, name in zip(axes[0], panels):
            axis.plot(epochs, _points(columns[name]), label="training")
            if f"val_{name}" in columns:
                axis.plot(epochs, _points(columns[f"val_{name}"]), "--", label="validation")
                axis.legend()
            axis.set(xlabel="epoch", title=name)
        return figure


def _points(column: list[Any]) -> list[float]:
    return [math.nan if value is None else value for value in column]


def as_text(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
