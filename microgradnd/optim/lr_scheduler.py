"""Learning rates that change as training goes on, under PyTorch's names.

Each is a closed form of the number of steps taken: `lr(base, epoch)`. `step()` is called after
each epoch (or batch, as of OneCycleLR).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from microgradnd.arguments import (
    ANY,
    CALLABLE,
    KINDS,
    NOT_NEGATIVE,
    instance,
    number_of,
    one_of,
    real,
    require,
    several,
    whole,
)
from microgradnd.optim.optimizer import Optimizer

__all__ = [
    "CosineAnnealingLR", "ExponentialLR", "LambdaLR", "LinearLR", "OneCycleLR", "ReduceLROnPlateau",
    "Schedule", "SequentialLR", "StepLR",
]  # fmt: skip


@dataclass(eq=False, repr=False)
class _Scheduler:
    """What changes the rates of an optimiser; its fields are the arguments, held to their kinds."""

    optimizer: Optimizer

    saved: ClassVar[tuple[str, ...]] = ()  # the attributes that are its state

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            require(type(self).__name__, name, getattr(self, name), _KINDS.get(name, ANY))

    def get_last_lr(self) -> list[float]:
        """The rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        return {key: copy.copy(getattr(self, key)) for key in self.saved}

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        """Takes over a state, or raises before anything of it is."""
        what = type(self).__name__
        require(what, "the given state", given, instance(Mapping, "a dict, as state_dict() gives"))
        missing = [key for key in self.saved if key not in given]
        if missing:
            raise ValueError(f"{what}: the given state is none of a schedule, it has no {missing}")
        vars(self).update({key: given[key] for key in self.saved})


@dataclass(eq=False, repr=False)
class Schedule(_Scheduler):
    """Sets the learning rate of each group of an optimiser from its first one.

    A subclass gives `lr(base, epoch)`: the rate after `epoch` steps, of a group that began with
    `base`.
    """

    saved: ClassVar[tuple[str, ...]] = ("epoch", "bases")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.epoch = 0
        for group in self.optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.bases: list[float] = [group["initial_lr"] for group in self.optimizer.param_groups]
        self.set()

    def lr(self, base: float, epoch: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} defines no lr(self, base, epoch)")

    def set(self) -> None:
        for group, base in zip(self.optimizer.param_groups, self.bases):
            group["lr"] = self.lr(base, self.epoch)

    def step(self) -> None:
        """Goes on to the next epoch."""
        self.epoch += 1
        self.set()

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        count = len(given["bases"]) if isinstance(given, Mapping) and "bases" in given else None
        if count not in (None, len(self.bases)):
            raise ValueError(
                f"{type(self).__name__}: the state has the rates of {count} parameter groups, the "
                f"optimiser has {len(self.bases)} groups"
            )
        super().load_state_dict(given)
        self.epoch, self.bases = int(self.epoch), [float(base) for base in self.bases]
        self.set()


@dataclass(eq=False, repr=False)
class StepLR(Schedule):
    """η γ^⌊t/s⌋: times `gamma` every `step_size` steps."""

    step_size: int
    gamma: float = 0.1

    def lr(self, base: float, epoch: int) -> float:
        return base * self.gamma ** (epoch // self.step_size)


@dataclass(eq=False, repr=False)
class ExponentialLR(Schedule):
    """η γ^t."""

    gamma: float

    def lr(self, base: float, epoch: int) -> float:
        return base * self.gamma**epoch


@dataclass(eq=False, repr=False)
class CosineAnnealingLR(Schedule):
    """m + ½ (η - m)(1 + cos(π t/T)), from η down to m = `eta_min` in T = `T_max` steps.

    Source: Loshchilov, Hutter 2017.
    """

    T_max: int
    eta_min: float = 0.0

    def lr(self, base: float, epoch: int) -> float:
        return self.eta_min + (base - self.eta_min) * _half_cosine(epoch / self.T_max)


@dataclass(eq=False, repr=False)
class LinearLR(Schedule):
    """η times a factor that goes straight from `start_factor` to `end_factor`: a warm-up."""

    start_factor: float = 1 / 3
    end_factor: float = 1.0
    total_iters: int = 5

    def lr(self, base: float, epoch: int) -> float:
        share = min(epoch, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * share)


@dataclass(eq=False, repr=False)
class LambdaLR(Schedule):
    """η f(t), with a function of your own."""

    lr_lambda: Callable[[int], float]

    def lr(self, base: float, epoch: int) -> float:
        factor = self.lr_lambda(epoch)
        require("LambdaLR", "what lr_lambda gives", factor, NOT_NEGATIVE)
        return base * factor


@dataclass(eq=False, repr=False)
class OneCycleLR(Schedule):
    """Up along a half cosine to `max_lr`, then down along another to almost 0.

    Args:
        optimizer: whose rates are set.
        max_lr: the highest rate.
        total_steps: how often `step` may be called, as once after each batch; then it raises.
        pct_start: the share of them that goes up.
        div_factor: the first rate is max_lr / div_factor.
        final_div_factor: the last rate is the first / final_div_factor.

    Momentum is left as it is. Source: Smith, Topin 2018.
    """

    max_lr: float
    total_steps: int
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def lr(self, base: float, epoch: int) -> float:
        if epoch > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {epoch} of {self.total_steps} in all; total_steps is the number "
                "of batches in all epochs, or of epochs if it steps once in each"
            )
        first = self.max_lr / self.div_factor
        top, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        if epoch <= top or end <= top:
            return self.max_lr + (first - self.max_lr) * _half_cosine(epoch / top if top else 1.0)
        last = first / self.final_div_factor
        return last + (self.max_lr - last) * _half_cosine((epoch - top) / (end - top))


@dataclass(eq=False, repr=False)
class SequentialLR(Schedule):
    """Schedules one after the other, such as a warm-up and then another.

    Args:
        optimizer: whose rates are set.
        schedules: of the same optimiser; each counts its steps from where it begins.
        milestones: the steps at which the second, the third, ... begin.
    """

    schedules: Sequence[Schedule]
    milestones: Sequence[int]

    def __post_init__(self) -> None:
        _Scheduler.__post_init__(self)
        count, milestones = len(self.schedules), list(self.milestones)
        if len(milestones) != count - 1:
            raise ValueError(
                f"SequentialLR: {count} schedules need {count - 1} milestones, not "
                f"{len(milestones)}"
            )
        if milestones != sorted(milestones):
            raise ValueError(f"SequentialLR: milestones must rise, not {milestones}")
        if any(s.optimizer is not self.optimizer for s in self.schedules):
            raise ValueError("SequentialLR: the schedules must be of the optimizer given, all")
        super().__post_init__()

    def lr(self, base: float, epoch: int) -> float:
        starts = [0, *self.milestones]
        k = sum(epoch >= start for start in starts) - 1
        return self.schedules[k].lr(base, epoch - starts[k])


@dataclass(eq=False, repr=False)
class ReduceLROnPlateau(_Scheduler):
    """Times `factor` when a number has not got better for more than `patience` steps.

    Args:
        optimizer: whose rates are lowered.
        mode: "min" or "max", which of them is better.
        factor: of each reduction.
        patience: steps without improvement that are tolerated.
        threshold: the least improvement that counts.
        threshold_mode: "rel": a share of the best number, "abs": a difference.
        cooldown: steps after a reduction in which none are counted.
        min_lr: no rate goes below it.
        eps: a change smaller than this is not made.
    """

    mode: str = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 1e-8

    saved: ClassVar[tuple[str, ...]] = ("best", "bad", "cooling", "epoch")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.best, self.bad, self.cooling, self.epoch = math.inf, 0, 0, 0

    def step(self, metrics: float) -> None:
        """Takes the number of this epoch, and lowers the rates if it is time."""
        number = number_of("ReduceLROnPlateau", "metrics", metrics)
        value = number if self.mode == "min" else -number
        self.epoch += 1
        slack = self.threshold * (abs(self.best) if self.threshold_mode == "rel" else 1.0)
        better = value < (self.best - slack if math.isfinite(self.best) else self.best)
        if better:
            self.best = value
        self.bad = 0 if better else self.bad + 1
        if self.cooling:
            self.cooling, self.bad = self.cooling - 1, 0
        if self.bad > self.patience:
            self.cooling, self.bad = self.cooldown, 0
            for group in self.optimizer.param_groups:
                lower = max(group["lr"] * self.factor, self.min_lr)
                if group["lr"] - lower > self.eps:
                    group["lr"] = lower


def _half_cosine(share: float) -> float:
    """From 1 at 0 to 0 at 1, flat at both ends."""
    return (1 + math.cos(math.pi * share)) / 2


_KINDS = KINDS | {  # of the arguments
    "optimizer": instance(Optimizer, "an Optimizer of microgradnd.optim"),
    "patience": whole(0),
    "threshold": NOT_NEGATIVE,
    "lr_lambda": CALLABLE,
    "schedules": several(instance(Schedule, "schedules"), "a list of schedules", 1),
    "milestones": several(whole(0), "a list of whole numbers of at least 0"),
    "factor": real(0, 1, without="low high"),
    "threshold_mode": one_of("rel", "abs"),
}
