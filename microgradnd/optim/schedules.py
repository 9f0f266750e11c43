"""Learning rates that change as training goes on, under PyTorch's names.

Each is a closed form of the number of steps taken: `lr(base, epoch)`. `step()` is called after
each epoch (or batch, as of OneCycleLR).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from microgradnd.arguments import (
    CALLABLE,
    NOT_NEGATIVE,
    POSITIVE,
    PROBABILITY,
    checked,
    instance,
    number_of,
    one_of,
    real,
    require,
    several,
    whole,
)
from microgradnd.optim.optimizer import Optimizer

OPTIMIZER = instance(Optimizer, "an Optimizer of microgradnd.optim")


class Schedule:
    """Sets the learning rate of each group of an optimiser from its first one.

    A subclass gives `lr(base, epoch)`: the rate after `epoch` steps, of a group that began with
    `base`.
    """

    @checked(optimizer=OPTIMIZER)
    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.epoch = optimizer, 0
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.bases: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
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

    def get_last_lr(self) -> list[float]:
        """The rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "bases": list(self.bases)}

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        check_state(self, given)
        epoch, bases = int(given["epoch"]), [float(base) for base in given["bases"]]
        if len(bases) != len(self.bases):
            raise ValueError(
                f"{type(self).__name__}: the state has the rates of {len(bases)} parameter groups, "
                f"the optimiser has {len(self.bases)} groups"
            )
        self.epoch, self.bases = epoch, bases
        self.set()


class StepLR(Schedule):
    """η γ^⌊t/s⌋: times `gamma` every `step_size` steps."""

    @checked(step_size=whole(1), gamma=NOT_NEGATIVE)
    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def lr(self, base: float, epoch: int) -> float:
        return base * self.gamma ** (epoch // self.step_size)


class ExponentialLR(Schedule):
    """η γ^t."""

    @checked(gamma=NOT_NEGATIVE)
    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def lr(self, base: float, epoch: int) -> float:
        return base * self.gamma**epoch


class CosineAnnealingLR(Schedule):
    """m + ½ (η - m)(1 + cos(π t/T)), from η down to m = `eta_min` in T = `T_max` steps.

    Source: Loshchilov, Hutter 2017.
    """

    @checked(T_max=whole(1), eta_min=NOT_NEGATIVE)
    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def lr(self, base: float, epoch: int) -> float:
        return self.eta_min + (base - self.eta_min) * half_cosine(epoch / self.T_max)


class LinearLR(Schedule):
    """η times a factor that goes straight from `start_factor` to `end_factor`: a warm-up."""

    @checked(start_factor=NOT_NEGATIVE, end_factor=NOT_NEGATIVE, total_iters=whole(1))
    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer)

    def lr(self, base: float, epoch: int) -> float:
        share = min(epoch, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * share)


class LambdaLR(Schedule):
    """η f(t), with a function of your own."""

    @checked(lr_lambda=CALLABLE)
    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer)

    def lr(self, base: float, epoch: int) -> float:
        factor = self.lr_lambda(epoch)
        require("LambdaLR", "what lr_lambda gives", factor, NOT_NEGATIVE)
        return base * factor


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

    @checked(
        max_lr=NOT_NEGATIVE, total_steps=whole(1), pct_start=PROBABILITY, div_factor=POSITIVE,
        final_div_factor=POSITIVE,
    )  # fmt: skip
    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        self.max_lr, self.total_steps, self.pct_start = max_lr, total_steps, pct_start
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        super().__init__(optimizer)

    def lr(self, base: float, epoch: int) -> float:
        if epoch > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {epoch} of {self.total_steps} in all; total_steps is the number "
                "of batches in all epochs, or of epochs if it steps once in each"
            )
        first = self.max_lr / self.div_factor
        top, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        if epoch <= top or end <= top:
            return self.max_lr + (first - self.max_lr) * half_cosine(epoch / top if top else 1.0)
        last = first / self.final_div_factor
        return last + (self.max_lr - last) * half_cosine((epoch - top) / (end - top))


class SequentialLR(Schedule):
    """Schedules one after the other, such as a warm-up and then another.

    Args:
        optimizer: whose rates are set.
        schedules: of the same optimiser; each counts its steps from where it begins.
        milestones: the steps at which the second, the third, ... begin.
    """

    @checked(
        schedules=several(instance(Schedule, "schedules"), "a list of schedules", 1),
        milestones=several(whole(0), "a list of whole numbers of at least 0"),
    )
    def __init__(
        self, optimizer: Optimizer, schedules: Sequence[Schedule], milestones: Sequence[int]
    ) -> None:
        if len(milestones) != len(schedules) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedules)} schedules need {len(schedules) - 1} milestones, "
                f"not {len(milestones)}"
            )
        if list(milestones) != sorted(milestones):
            raise ValueError(f"SequentialLR: milestones must rise, not {list(milestones)}")
        if any(s.optimizer is not optimizer for s in schedules):
            raise ValueError("SequentialLR: the schedules must be of the optimizer given, all")
        self.schedules, self.starts = list(schedules), [0, *milestones]
        super().__init__(optimizer)

    def lr(self, base: float, epoch: int) -> float:
        k = sum(epoch >= start for start in self.starts) - 1
        return self.schedules[k].lr(base, epoch - self.starts[k])


class ReduceLROnPlateau:
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

    @checked(
        optimizer=OPTIMIZER, mode=one_of("min", "max"), factor=real(0, 1, without="low high"),
        patience=whole(0), threshold=NOT_NEGATIVE, threshold_mode=one_of("rel", "abs"),
        cooldown=whole(0), min_lr=NOT_NEGATIVE,
    )  # fmt: skip
    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer, self.sign = optimizer, 1.0 if mode == "min" else -1.0
        self.factor, self.patience, self.cooldown = factor, patience, cooldown
        self.threshold, self.relative = threshold, threshold_mode == "rel"
        self.min_lr, self.eps = min_lr, eps
        self.best, self.bad, self.cooling, self.epoch = math.inf, 0, 0, 0

    def step(self, metrics: float) -> None:
        """Takes the number of this epoch, and lowers the rates if it is time."""
        value = self.sign * number_of("ReduceLROnPlateau", "metrics", metrics)
        self.epoch += 1
        slack = self.threshold * (abs(self.best) if self.relative else 1.0)
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

    def get_last_lr(self) -> list[float]:
        """The rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in ("best", "bad", "cooling", "epoch")}

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        check_state(self, given)
        for key in self.state_dict():
            setattr(self, key, given[key])


def check_state(schedule: Any, given: Mapping[str, Any]) -> None:
    """Raises before anything of a state is taken over that lacks something."""
    what = type(schedule).__name__
    require(what, "the given state", given, instance(Mapping, "a dict, as state_dict() gives"))
    missing = [key for key in schedule.state_dict() if key not in given]
    if missing:
        raise ValueError(f"{what}: the given state is none of such a schedule, it has no {missing}")


def half_cosine(share: float) -> float:
    """From 1 at 0 to 0 at 1, flat at both ends."""
    return (1 + math.cos(math.pi * share)) / 2
