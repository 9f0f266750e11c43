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

from microgradnd.arguments import (
    CALLABLE,
    FLAG,
    PATH,
    POSITIVE,
    RNG,
    Kind,
    instance,
    optional,
    require,
    several,
    shown,
    whole,
)
from microgradnd.engine import Tensor
from microgradnd.grad_mode import no_grad
from microgradnd.io import save
from microgradnd.nn.module import Module
from microgradnd.optim import clip_grad_norm_
from microgradnd.training.history import History
from microgradnd.training.history import shown as as_text
from microgradnd.training.metrics import Metric
from microgradnd.training.run import Run, check_place, restore, state_of

Batches = Iterable[Any]  # of pairs (x, y), anew for each epoch
Loss = Callable[[Tensor, Any], Tensor]  # of prediction and target


BATCHES = Kind(
    "a DataLoader or a list of (x, y) pairs, to be gone over anew for each epoch",
    lambda v: hasattr(v, "__iter__") and not isinstance(v, (str, bytes, dict, Tensor, np.ndarray)),
)
MODEL = instance(Module, "a Module")
METRICS = Kind(
    "a dict of functions by name",
    lambda v: isinstance(v, Mapping) and all(map(callable, v.values())),
)
KINDS = {  # of the arguments of `fit`
    "model": MODEL,
    "loss": CALLABLE,
    "optimizer": Kind(
        "an optimizer, with step(), zero_grad() and param_groups",
        lambda v: all(hasattr(v, name) for name in ("step", "zero_grad", "param_groups")),
    ),
    "batches": BATCHES,
    "epochs": whole(0),
    "validation": optional(BATCHES),
    "metrics": optional(METRICS),
    "schedule": optional(
        Kind("a schedule, with step()", lambda v: callable(getattr(v, "step", None)))
    ),
    "callbacks": several(CALLABLE, "a list of functions"),
    "clip": optional(POSITIVE),
    "progress": FLAG,
    "checkpoint": optional(PATH),
    "resume": FLAG,
    "rng": RNG,
    "history": optional(instance(History, "a History")),
}


def fit(
    model: Module,
    loss: Loss,
    optimizer: Any,
    batches: Batches,
    epochs: int,
    *,
    validation: Batches | None = None,
    metrics: Mapping[str, Metric] | None = None,
    schedule: Any = None,
    callbacks: Sequence[Callable[[Run], Any]] = (),
    clip: float | None = None,
    progress: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    rng: np.random.Generator | None = None,
    history: History | None = None,
) -> History:
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
        require("fit", name, value, KINDS[name])
    loaders = {"batches": batches, "validation": validation}
    history = History() if history is None else history
    run = Run(model, optimizer, history, epochs, schedule, callbacks, loaders, rng)
    prepare(run, checkpoint, resume)
    while run.epoch < epochs and not run.stop:
        history.records.append(one_epoch(run, loss, metrics or {}, clip, progress))
        hand_on(run, checkpoint, progress)
    for callback in callbacks:
        if hasattr(callback, "finish"):
            callback.finish(run)
    model.eval()
    return history


def prepare(run: Run, checkpoint: str | os.PathLike[str] | None, resume: bool) -> None:
    """Sees that a checkpoint can be written, and goes back to one that is there if wanted."""
    for name, given in run.loaders.items():
        if isinstance(given, Collection):  # what can be looked at before the first step is
            pairs = [pair_of(f"fit: {name}", batch) for batch in given]
            if not pairs:
                raise no_samples(f"fit: {name}")
    held = {id(p) for group in run.optimizer.param_groups for p in group["params"]}
    learned = [p for p in run.model.parameters() if p.requires_grad]
    if learned and not any(id(p) in held for p in learned):
        raise ValueError(
            f"fit: optimizer holds none of the parameters of model, a {type(run.model).__name__}, "
            "which so would never change; make it with model.parameters()"
        )
    if getattr(run.schedule, "optimizer", run.optimizer) is not run.optimizer:
        raise ValueError("fit: schedule is of another optimizer; make it of the one given")
    if checkpoint is not None:
        check_place(checkpoint)
        if resume and Path(checkpoint).exists():
            restore(run, checkpoint)
    elif resume:
        raise ValueError("fit: resume=True needs checkpoint=, the file to go on from")


def one_epoch(
    run: Run, loss: Loss, metrics: Mapping[str, Metric], clip: float | None, progress: bool
) -> dict[str, Any]:
    """Training, validation and a step of the schedule; gives the epoch's record."""
    start = perf_counter()
    record: dict[str, Any] = {"epoch": run.epoch + 1}
    record |= train(run, loss, run.loaders["batches"], metrics, clip, progress)
    if run.loaders["validation"] is not None:
        values = evaluated("fit: validation", run.model, loss, run.loaders["validation"], metrics)
        record |= {f"val_{name}": value for name, value in values.items()}
    record["lr"] = float(run.optimizer.param_groups[0]["lr"])
    if run.schedule is not None:
        advance(run.schedule, record.get("val_loss", record["loss"]))
    record["seconds"] = perf_counter() - start
    return record


def hand_on(run: Run, checkpoint: str | os.PathLike[str] | None, progress: bool) -> None:
    """What a complete epoch gave, to the callbacks, the checkpoint and the reader."""
    for callback in run.callbacks:
        callback(run)
    if checkpoint is not None:
        save(checkpoint, state_of(run))
    if progress:
        print(line(run), flush=True)


def train(
    run: Run,
    loss: Loss,
    batches: Batches,
    metrics: Mapping[str, Metric],
    clip: float | None,
    progress: bool,
) -> dict[str, float]:
    """One epoch: a step of the optimiser for each batch. Gives the averages over the samples."""
    run.model.train()
    averages = Averages(metrics)
    with bar(batches, f"epoch {run.epoch + 1}/{run.epochs}", progress) as (shown_batches, note):
        for number, batch in enumerate(shown_batches, 1):
            x, y = pair_of("fit: batches", batch)
            run.optimizer.zero_grad()
            prediction = run.model(x)
            value = scalar("fit", loss(prediction, y))
            if not math.isfinite(value.item()):
                raise not_finite(value.item(), run.epoch + 1, number)
            value.backward()
            if clip is not None:
                clip_grad_norm_(run.model.parameters(), clip)
            run.optimizer.step()
            averages.add(value, prediction, y)
            note(f"loss {averages.sums['loss'] / averages.samples:.4g}")
    return averages.result(f"fit: batches (epoch {run.epoch + 1})")


def evaluate(
    model: Module,
    loss: Loss,
    batches: Batches,
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, float]:
    """The loss and the metrics of a model over batches, in evaluation mode, without gradients.

    The model is left in evaluation mode.
    """
    for name, value in locals().items():
        require("evaluate", name, value, KINDS[name])
    return evaluated("evaluate: batches", model, loss, batches, metrics or {})


def evaluated(
    source: str, model: Module, loss: Loss, batches: Batches, metrics: Mapping[str, Metric]
) -> dict[str, float]:
    model.eval()
    averages = Averages(metrics)
    with no_grad():
        for batch in batches:
            x, y = pair_of(source, batch)
            prediction = model(x)
            averages.add(scalar(source, loss(prediction, y)), prediction, y)
    return averages.result(source)


def pair_of(source: str, batch: Any) -> tuple[Any, Any]:
    """Input and target of a batch."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise TypeError(
            f"{source} must give (x, y) pairs, not {shown(batch)}; for a data set take "
            "DataLoader(ArrayDataset(x, y), batch_size)"
        )
    return batch[0], batch[1]


def scalar(source: str, value: Any) -> Tensor:
    """The loss, once it is one number."""
    if not isinstance(value, Tensor) or value.size != 1:
        raise TypeError(f"{source}: loss must give a scalar Tensor, not {shown(value)}")
    return value


class Averages:
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
            raise no_samples(source)
        return {name: total / self.samples for name, total in self.sums.items()}


def no_samples(source: str) -> ValueError:
    return ValueError(
        f"{source} gave no samples; give what can be gone over anew for each epoch, "
        "a DataLoader or a list, not a generator that is used up"
    )


def advance(schedule: Any, loss: float) -> None:
    """A step of the schedule, which is told the loss if it asks for it."""
    if "metrics" in inspect.signature(schedule.step).parameters:
        schedule.step(loss)
    else:
        schedule.step()


def not_finite(value: float, epoch: int, batch: int) -> FloatingPointError:
    return FloatingPointError(
        f"the loss is {value} in epoch {epoch}, batch {batch}; take a smaller learning rate, clip "
        "the gradients with clip=1.0, or look for the first bad operation with "
        "microgradnd.detect_anomaly()"
    )


def line(run: Run) -> str:
    """The last epoch in one line."""
    values = {name: as_text(value) for name, value in run.history[-1].items()}
    epoch, seconds = values.pop("epoch"), values.pop("seconds")
    words = "  ".join(f"{name} {value}" for name, value in values.items())
    return f"epoch {epoch}/{run.epochs}  {words}  {seconds} s"


@contextmanager
def bar(
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
    with tqdm(batches, title, leave=False, file=sys.stdout, dynamic_ncols=True) as shown_batches:
        yield shown_batches, lambda text: shown_batches.set_postfix_str(text, refresh=False)
