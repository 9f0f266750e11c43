"""Learning rates that change as training goes on, under PyTorch's names.

Each is a closed form of the number t of steps taken: `lr(base, epoch)`, of a group that began with
the rate η = `base`. `step()` is called after each epoch (or batch, as of OneCycleLR). Several may
be at work on one optimiser: each changes the rate it finds in the proportion of its own.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from microgradnd import errors
from microgradnd.arguments import (
    NOT_NEGATIVE,
    PROBABILITY,
    Kind,
    instance,
    number_of,
    optional,
    require,
)
from microgradnd.optim.cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from microgradnd.optim.optimizer import Optimizer
from microgradnd.optim.schedule import KINDS_OF_SCHEDULES, Schedule, Scheduler, half_cosine

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts",
    "CyclicLR", "ExponentialLR", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR",
    "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau", "Schedule", "SequentialLR", "StepLR",
]  # fmt: skip
if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__)


@dataclass(eq=False, repr=False)
class StepLR(Schedule):
    """η γ^⌊t/s⌋: times `gamma` every `step_size` steps."""

    step_size: int
    gamma: float = 0.1

    def lr(self, base: float, epoch: int) -> float:
        return base * self.gamma ** (epoch // self.step_size)


@dataclass(eq=False, repr=False)
class MultiStepLR(Schedule):
    """η γ^n, with n of the `milestones` reached: times `gamma` at each of them."""

    milestones: Sequence[int]
    gamma: float = 0.1

    def lr(self, base: float, epoch: int) -> float:
        return base * self.gamma ** bisect_right(sorted(self.milestones), epoch)


@dataclass(eq=False, repr=False)
class ExponentialLR(Schedule):
    """η γ^t."""

    gamma: float

    def lr(self, base: float, epoch: int) -> float:
        return base * self.gamma**epoch


@dataclass(eq=False, repr=False)
class ConstantLR(Schedule):
    """η times `factor` for the first `total_iters` steps, then η."""

    factor: float = 1 / 3
    total_iters: int = 5

    kinds: ClassVar[dict[str, Kind]] = {"factor": PROBABILITY}

    def lr(self, base: float, epoch: int) -> float:
        return base * self.factor if epoch < self.total_iters else base


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
class PolynomialLR(Schedule):
    """η (1 - t/T)^p, down to 0 in T = `total_iters` steps, with p = `power`."""

    total_iters: int = 5
    power: float = 1.0

    def lr(self, base: float, epoch: int) -> float:
        return base * (1 - min(epoch, self.total_iters) / self.total_iters) ** self.power


@dataclass(eq=False, repr=False)
class CosineAnnealingLR(Schedule):
    """m + ½ (η - m)(1 + cos(π t/T)), from η down to m = `eta_min` in T = `T_max` steps.

    Source: Loshchilov, Hutter 2017.
    """

    T_max: int
    eta_min: float = 0.0

    def floor(self) -> float:
        return self.eta_min

    def lr(self, base: float, epoch: int) -> float:
        return self.eta_min + (base - self.eta_min) * half_cosine(epoch / self.T_max)


@dataclass(eq=False, repr=False)
class LambdaLR(Schedule):
    """η f(t), with a function of your own, or a list of one for each group."""

    lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]

    alone: ClassVar[bool] = True

    def rates(self, epoch: int) -> list[float]:
        functions = self.each("lr_lambda")
        return [base * self._factor(f, epoch) for base, f in zip(self.base_lrs, functions)]

    def _factor(self, function: Callable[[int], float], epoch: int) -> float:
        factor = function(epoch)
        require(type(self).__name__, "what lr_lambda gives", factor, NOT_NEGATIVE)
        return factor


@dataclass(eq=False, repr=False)
class MultiplicativeLR(LambdaLR):
    """η f(1) f(2) ⋯ f(t): times a function of your own at each step, or one for each group."""

    alone: ClassVar[bool] = False

    def begin(self) -> None:
        self._products: dict[int, list[float]] = {0: [1.0] * len(self.base_lrs)}

    def rates(self, epoch: int) -> list[float]:
        at, product = max(pair for pair in self._products.items() if pair[0] <= epoch)
        for t in range(at + 1, epoch + 1):
            factors = [self._factor(f, t) for f in self.each("lr_lambda")]
            product = [p * factor for p, factor in zip(product, factors)]
        self._products = {0: self._products[0], epoch: product}
        return [base * p for base, p in zip(self.base_lrs, product)]


@dataclass(eq=False, repr=False)
class SequentialLR(Schedule):
    """Schedules one after the other, such as a warm-up and then another.

    Args:
        optimizer: whose rates are set.
        schedulers: of the same optimiser; each counts its steps from where it begins, and its
            rates are those it would have alone.
        milestones: the steps at which the second, the third, ... begin.
        last_epoch: the last step of a training that goes on.
    """

    schedulers: Sequence[Schedule]
    milestones: Sequence[int]

    alone: ClassVar[bool] = True

    def check(self) -> None:
        count, milestones = len(self.schedulers), list(self.milestones)
        if len(milestones) != count - 1:
            raise ValueError(
                f"SequentialLR: {count} schedulers need {count - 1} milestones, not "
                f"{len(milestones)}"
            )
        if milestones != sorted(milestones):
            raise ValueError(f"SequentialLR: milestones must rise, not {milestones}")
        if any(s.optimizer is not self.optimizer for s in self.schedulers):
            raise ValueError("SequentialLR: the schedulers must be of the optimizer given, all")

    def rates(self, epoch: int) -> list[float]:
        schedule, own = self.current(epoch)
        return schedule.rates(own)

    def set(self, epoch: int) -> None:
        schedule, own = self.current(epoch)
        schedule.set(own)

    def current(self, epoch: int) -> tuple[Schedule, int]:
        """The schedule at work after `epoch` steps, and how many of them are its own."""
        k = bisect_right(self.milestones, epoch)
        return self.schedulers[k], epoch - [0, *self.milestones][k]


class ChainedScheduler(Scheduler):
    """Schedules at once: each changes the rate that the one before it left.

    Args:
        schedulers: of one optimiser.
        optimizer: theirs; None to take it from them.
    """

    def __init__(self, schedulers: Sequence[Schedule], optimizer: Optimizer | None = None) -> None:
        require("ChainedScheduler", "schedulers", schedulers, KINDS_OF_SCHEDULES["schedulers"])
        require(
            "ChainedScheduler", "optimizer", optimizer, optional(KINDS_OF_SCHEDULES["optimizer"])
        )
        self.schedulers, self.optimizer = schedulers, optimizer or schedulers[0].optimizer
        if any(s.optimizer is not self.optimizer for s in schedulers):
            raise ValueError("ChainedScheduler: the schedulers must be of one optimizer, all")

    def step(self) -> None:
        """Goes on to the next epoch, in each schedule."""
        for schedule in self.schedulers:
            schedule.step()

    def state_dict(self) -> dict[str, Any]:
        own = super().state_dict()
        return own | {"_schedulers": [schedule.state_dict() for schedule in self.schedulers]}

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        what, words = "ChainedScheduler", "a dict, as state_dict() gives"
        require(what, "the given state", given, instance(Mapping, words))
        if "_schedulers" not in given:
            raise ValueError(f"{what}: the given state is none of several, it has no '_schedulers'")
        count = len(given["_schedulers"])
        if count != len(self.schedulers):
            raise ValueError(
                f"ChainedScheduler: the state is of {count} schedulers, here are "
                f"{len(self.schedulers)}"
            )
        kept = self.state_dict()
        try:
            for schedule, state in zip(self.schedulers, given["_schedulers"]):
                schedule.load_state_dict(state)
            super().load_state_dict(given)
        except Exception:
            for schedule, state in zip(self.schedulers, kept["_schedulers"]):
                schedule.load_state_dict(state)
            super().load_state_dict(kept)
            raise


@dataclass(eq=False, repr=False)
class ReduceLROnPlateau(Scheduler):
    """Times `factor` when a number has not got better for more than `patience` steps.

    Args:
        optimizer: whose rates are lowered.
        mode: "min" or "max", which of them is better.
        factor: of each reduction.
        patience: steps without improvement that are tolerated.
        threshold: the least improvement that counts.
        threshold_mode: "rel": a share of the best number, "abs": a difference.
        cooldown: steps after a reduction in which none are counted.
        min_lr: no rate goes below it; or a list of one for each group.
        eps: a change smaller than this is not made.
    """

    mode: str = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float | Sequence[float] = 0.0
    eps: float = 1e-8

    saved: ClassVar[tuple[str, ...]] = (
        "best", "num_bad_epochs", "cooldown_counter", "last_epoch",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        self.best = math.inf if self.mode == "min" else -math.inf
        self.num_bad_epochs, self.cooldown_counter, self.last_epoch = 0, 0, 0
        self.each("min_lr")

    def step(self, metrics: float) -> None:
        """Takes the number of this epoch, and lowers the rates if it is time."""
        number = number_of("ReduceLROnPlateau", "metrics", metrics)
        self.last_epoch += 1
        slack = self.threshold * (abs(self.best) if self.threshold_mode == "rel" else 1.0)
        gain = self.best - number if self.mode == "min" else number - self.best
        better = gain > (slack if math.isfinite(self.best) else 0)
        if better:
            self.best = number
        self.num_bad_epochs = 0 if better else self.num_bad_epochs + 1
        if self.cooldown_counter:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
            for group, least in zip(self.optimizer.param_groups, self.each("min_lr")):
                lower = max(group["lr"] * self.factor, least)
                if group["lr"] - lower > self.eps:
                    group["lr"] = lower
