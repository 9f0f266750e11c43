"""The loop over epochs and batches."""

from __future__ import annotations

import inspect
import math
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from microgradnd.arguments import CALLABLE, KINDS, Kind, instance, optional, require, several, shown
from microgradnd.engine import Tensor
from microgradnd.grad_mode import no_grad
from microgradnd.io import save
from microgradnd.nn.module import Module
from microgradnd.optim import clip_grad_norm_
from microgradnd.training.history import History, as_text
from microgradnd.training.metrics import Metric
from microgradnd.training.run import Run, restore, state_of

Batches = Iterable[Any]  # of pairs (x, y), anew for each epoch
Loss = Callable[[Tensor, Any], Tensor]  # of prediction and target
_BATCHES = Kind(
    "a DataLoader or a list of (x, y) pairs, to be gone over anew for each epoch",
    lambda v: hasattr(v, "__iter__") and not isinstance(v, (str, bytes, dict, Tensor, np.ndarray)),
)
_KINDS = KINDS | {  # of the arguments of `fit`
    "model": instance(Module, "a Module"),
    "loss": CALLABLE,
    "optimizer": Kind(
        "an optimizer, with step(), zero_grad() and param_groups",
        lambda v: all(hasattr(v, name) for name in ("step", "zero_grad", "param_groups")),
    ),
    "batches": _BATCHES,
    "validation": optional(_BATCHES),
    "metrics": optional(
        Kind(
            "a dict of functions by name",
            lambda v: isinstance(v, Mapping) and all(map(callable, v.values())),
        )
    ),
    "schedule": optional(
        Kind("a schedule, with step()", lambda v: callable(getattr(v, "step", None)))
    ),
    "callbacks": several(CALLABLE, "a list of functions"),
    "history": optional(instance(History, "a History")),
}


def fit(
    model: Module, loss: Loss, optimizer: Any, batches: Batches, epochs: int, *,
    validation: Batches | None = None, metrics: Mapping[str, Metric] | None = None,
    schedule: Any = None, callbacks: Sequence[Callable[[Run], Any]] = (),
    clip: float | None = None, progress: bool = True,
    checkpoint: str | os.PathLike[str] | None = None, resume: bool = False,
    rng: np.random.Generator | None = None, history: History | None = None,
) -> History:  # fmt: skip
    """Trains a model until so many epochs are complete, and tells how it went.

    Args:
        model: is trained in training mode and left in evaluation mode.
        loss: gives a scalar Tensor from `model(x)` and `y`, the mean over the batch.
        optimizer: of the model's parameters.
        batches: gives (x, y) of each batch, anew for each epoch; a `DataLoader` or a list.
        epochs: the number of the last epoch.
        validation: batches that are only evaluated, after each epoch, without gradients.
        metrics: by name, functions of the predicted and the true arrays, such as `accuracy`.
            They and the losses are averaged over batches by their numbers of samples, `len(y)`.
        schedule: its `step()` is called after each epoch; with the validation loss (or else the
            training loss) if it takes `metrics`, as ReduceLROnPlateau does.
        callbacks: functions that are called with the `Run` after each epoch.
        clip: the largest norm that all gradients together may have; larger ones are shortened.
        progress: shows a live bar over the batches (with tqdm, on a terminal) and prints a line
            per epoch.
        checkpoint: an .npz file that holds, after each epoch, all that is needed to go on.
        resume: go on from the checkpoint if there is one, to the same bits as without a break.
        rng: a generator that `batches` or `loss` draw from, for the checkpoint to keep. Those of
            the library, of the model's modules and of a loader are kept anyway.
        history: one to go on with; an interrupt leaves the complete epochs in it.

    Raises:
        FloatingPointError: a loss is not finite; names epoch and batch. The weights are those
            before that batch.
    """
    for name, value in locals().items():
        require("fit", name, value, _KINDS[name])
    loaders = {"batches": batches, "validation": validation}
    history = History() if history is None else history
    run = Run(model, optimizer, history, epochs, schedule, callbacks, loaders, rng)
    _prepare(run, checkpoint, resume)
    while run.epoch < epochs and not run.stop:
        history.records.append(_one_epoch(run, loss, metrics or {}, clip, progress))
        _after_epoch(run, checkpoint, progress)
    for callback in callbacks:
        if hasattr(callback, "finish"):
            callback.finish(run)
    model.eval()
    return history


def _after_epoch(run: Run, checkpoint: str | os.PathLike[str] | None, progress: bool) -> None:
    for callback in run.callbacks:
        callback(run)
    if checkpoint is not None:
        save(checkpoint, state_of(run))
    if progress:
        print(_line(run), flush=True)


def _prepare(run: Run, checkpoint: str | os.PathLike[str] | None, resume: bool) -> None:
    """Sees that a checkpoint can be written, and goes back to one that is there if wanted."""
    for name, given in run.loaders.items():
        if isinstance(given, Collection):  # what can be looked at before the first step is
            pairs = [_pair(f"fit: {name}", batch) for batch in given]
            if not pairs:
                raise _no_samples(f"fit: {name}")
    held = {id(p) for group in run.optimizer.param_groups for p in group["params"]}
    learned = [p for p in run.model.parameters() if p.requires_grad]
    if learned and not any(id(p) in held for p in learned):
        raise ValueError(
            f"fit: optimizer holds none of the parameters of model, a {type(run.model).__name__}, "
            "which so would never change; make it with model.parameters()"
        )
    if getattr(run.schedule, "optimizer", run.optimizer) is not run.optimizer:
        raise ValueError("fit: schedule is of another optimizer; make it of the one given")
    if checkpoint is None:
        if resume:
            raise ValueError("fit: resume=True needs checkpoint=, the file to go on from")
        return
    path, given = Path(checkpoint), f"fit: checkpoint={os.fspath(checkpoint)!r}"
    if path.suffix != ".npz":  # before the first epoch, not after it
        raise ValueError(f"{given}: it is an .npz file, name it so")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{given}: there is no such folder")
    if resume and path.exists():
        restore(run, checkpoint)


def _one_epoch(
    run: Run, loss: Loss, metrics: Mapping[str, Metric], clip: float | None, progress: bool
) -> dict[str, Any]:
    """Training, validation and a step of the schedule; gives the epoch's record."""
    start = perf_counter()
    record: dict[str, Any] = {"epoch": run.epoch + 1}
    record |= _train(run, loss, metrics, clip, progress)
    if run.loaders["validation"] is not None:
        values = _validate(run, loss, metrics)
        record |= {f"val_{name}": value for name, value in values.items()}
    record["lr"] = float(run.optimizer.param_groups[0]["lr"])
    if run.schedule is not None:
        asks = "metrics" in inspect.signature(run.schedule.step).parameters
        run.schedule.step(*[record.get("val_loss", record["loss"])] * asks)
    record["seconds"] = perf_counter() - start
    return record


def _train(
    run: Run, loss: Loss, metrics: Mapping[str, Metric], clip: float | None, progress: bool
) -> dict[str, float]:
    """One epoch: a step of the optimiser for each batch. Gives the averages over the samples."""
    run.model.train()
    averages, title = _Averages(metrics), f"epoch {run.epoch + 1}/{run.epochs}"
    with _bar(run.loaders["batches"], title, progress) as (batches, note):
        for number, batch in enumerate(batches, 1):
            x, y = _pair("fit: batches", batch)
            run.optimizer.zero_grad()
            prediction = run.model(x)
            value = _scalar("fit", loss(prediction, y))
            if not math.isfinite(value.item()):
                raise FloatingPointError(
                    f"the loss is {value.item()} in epoch {run.epoch + 1}, batch {number}; take a "
                    "smaller learning rate, clip the gradients with clip=1.0, or look for the "
                    "first bad operation with microgradnd.detect_anomaly()"
                )
            value.backward()
            if clip is not None:
                clip_grad_norm_(run.model.parameters(), clip)
            run.optimizer.step()
            averages.add(value, prediction, y)
            note(f"loss {averages.sums['loss'] / averages.samples:.4g}")
    return averages.result(f"fit: batches (epoch {run.epoch + 1})")


def _validate(run: Run, loss: Loss, metrics: Mapping[str, Metric]) -> dict[str, float]:
    """The averages over the samples of the validation, in evaluation mode, without gradients."""
    run.model.eval()
    averages, source = _Averages(metrics), "fit: validation"
    with no_grad():
        for batch in run.loaders["validation"]:
            x, y = _pair(source, batch)
            prediction = run.model(x)
            averages.add(_scalar(source, loss(prediction, y)), prediction, y)
    return averages.result(source)


def _pair(source: str, batch: Any) -> tuple[Any, Any]:
    """Input and target of a batch."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise TypeError(
            f"{source} must give (x, y) pairs, not {shown(batch)}; for a data set take "
            "DataLoader(ArrayDataset(x, y), batch_size)"
        )
    return batch[0], batch[1]


def _scalar(source: str, value: Any) -> Tensor:
    """The loss, once it is one number."""
    if not isinstance(value, Tensor) or value.size != 1:
        raise TypeError(f"{source}: loss must give a scalar Tensor, not {shown(value)}")
    return value


class _Averages:
    """Averages of loss and metrics over batches, each counting as much as it has samples."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self.metrics, self.samples = metrics, 0
        self.sums = dict.fromkeys(["loss", *metrics], 0.0)

    def add(self, loss: Tensor, prediction: Any, target: Any) -> None:
        n = len(target)
        prediction, target = (getattr(t, "_array", t) for t in (prediction, target))
        self.sums["loss"] += n * loss.item()
        for name, metric in self.metrics.items():
            self.sums[name] += n * float(metric(prediction, target))
        self.samples += n

    def result(self, source: str) -> dict[str, float]:
        if not self.samples:
            raise _no_samples(source)
        return {name: total / self.samples for name, total in self.sums.items()}


def _no_samples(source: str) -> ValueError:
    return ValueError(
        f"{source} gave no samples; give what can be gone over anew for each epoch, "
        "a DataLoader or a list, not a generator that is used up"
    )


def _line(run: Run) -> str:
    """The last epoch in one line."""
    values = {name: as_text(value) for name, value in run.history[-1].items()}
    epoch, seconds = values.pop("epoch"), values.pop("seconds")
    text = "  ".join(f"{name} {value}" for name, value in values.items())
    return f"epoch {epoch}/{run.epochs}  {text}  {seconds} s"


@contextmanager
def _bar(
    batches: Batches, title: str, progress: bool
) -> Iterator[tuple[Batches, Callable[[str], Any]]]:
    """The batches under a live bar, and how to write beside it; bare where there is no terminal."""
    live = progress and sys.stdout.isatty()
    try:
        from tqdm import tqdm
    except ImportError:  # it is an extra
        live = False
    if not live:
        yield batches, lambda text: None
        return
    with tqdm(batches, title, leave=False, file=sys.stdout, dynamic_ncols=True) as bar:
        yield bar, lambda text: bar.set_postfix_str(text, refresh=False)
