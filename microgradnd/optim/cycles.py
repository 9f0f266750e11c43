"""Schedules that go up and down again, with momentum the other way round."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from microgradnd.arguments import NOT_NEGATIVE, Kind, one_of, optional, require, whole
from microgradnd.optim.schedule import Schedule, half_cosine


@dataclass(eq=False, repr=False)
class CosineAnnealingWarmRestarts(Schedule):
    """m + ½ (η - m)(1 + cos(π t/T)), from η down to m = `eta_min`, and again from η.

    The first time T = `T_0` steps, each later time `T_mult` times as many; t counts from the last
    restart. `step` may be given the number of epochs done, also part of one, instead of counting.
    Source: Loshchilov, Hutter 2017.
    """

    T_0: int
    T_mult: int = 1
    eta_min: float = 0.0

    alone: ClassVar[bool] = True

    def lr(self, base: float, epoch: float) -> float:
        length, t = self.T_0, epoch
        while self.T_mult > 1 and t >= length:
            t, length = t - length, length * self.T_mult
        return self.eta_min + (base - self.eta_min) * half_cosine(t % length / length)

    def step(self, epoch: float | None = None) -> None:
        """Goes on to the next epoch, or to the one given."""
        if epoch is None:
            super().step()
            return
        require(type(self).__name__, "epoch", epoch, NOT_NEGATIVE)
        self.last_epoch = math.floor(epoch)
        self.set(epoch)  # type: ignore[arg-type]


@dataclass(eq=False, repr=False)
class CyclicLR(Schedule):
    """Up straight from `base_lr` to `max_lr` and down again, again and again.

    The height of a cycle is that of the first one times s: 1 ("triangular"), ½ in the second cycle,
    ¼ in the third, ... ("triangular2"), or γ^t ("exp_range"). Source: Smith 2017.

    Args:
        optimizer: whose rates are set.
        base_lr: the lowest rate, or a list of one for each group.
        max_lr: the highest rate, or a list of one for each group.
        step_size_up: steps from the lowest to the highest.
        step_size_down: and back; None for as many.
        mode: which s.
        gamma: γ of "exp_range".
        scale_fn: an s of your own, in place of `mode`.
        scale_mode: what `scale_fn` is of: "cycle", the number of the cycle from 1, or "iterations",
            the number of the step.
        cycle_momentum: moves momentum (or β₁) the other way round.
        base_momentum: the lowest momentum, or a list of one for each group.
        max_momentum: the highest momentum, or a list of one for each group.
        last_epoch: the last step of a training that goes on.
    """

    base_lr: float | Sequence[float]
    max_lr: float | Sequence[float]
    step_size_up: int = 2000
    step_size_down: int | None = None
    mode: str = "triangular"
    gamma: float = 1.0
    scale_fn: Callable[[float], float] | None = None
    scale_mode: str = "cycle"
    cycle_momentum: bool = True
    base_momentum: float | Sequence[float] = 0.8
    max_momentum: float | Sequence[float] = 0.9

    alone: ClassVar[bool] = True
    kinds: ClassVar[dict[str, Kind]] = {"mode": one_of("triangular", "triangular2", "exp_range")}

    def check(self) -> None:
        _check_momentum(self)

    def begin(self) -> None:
        self.base_lrs = [float(rate) for rate in self.each("base_lr")]

    def rates(self, epoch: int) -> list[float]:
        height = self._height(epoch)
        return [low + (top - low) * height for low, top in zip(self.base_lrs, self.each("max_lr"))]

    def momenta(self, epoch: int) -> list[float] | None:
        if not self.cycle_momentum:
            return None
        ends, height = (
            zip(self.each("base_momentum"), self.each("max_momentum")),
            self._height(epoch),
        )
        return [top - (top - low) * height for low, top in ends]

    def _height(self, epoch: int) -> float:
        """How far up it is, as a share of the first cycle's height."""
        up = self.step_size_up
        length = up + (up if self.step_size_down is None else self.step_size_down)
        cycle, t = epoch // length + 1, epoch % length
        share = t / up if t <= up else (length - t) / (length - up)
        if self.scale_fn is not None:
            return share * self.scale_fn(cycle if self.scale_mode == "cycle" else epoch)
        scales = {
            "triangular": 1.0,
            "triangular2": 0.5 ** (cycle - 1),
            "exp_range": self.gamma**epoch,
        }
        return share * scales[self.mode]


@dataclass(eq=False, repr=False)
class OneCycleLR(Schedule):
    """Up along a half cosine to `max_lr`, then down along another to almost 0.

    Source: Smith, Topin 2018.

    Args:
        optimizer: whose rates are set.
        max_lr: the highest rate, or a list of one for each group.
        total_steps: how often `step` may be called, as once after each batch; then it raises.
        epochs: if `total_steps` is None, it is `epochs` times `steps_per_epoch`.
        steps_per_epoch: steps in each of the epochs.
        pct_start: the share of them that goes up.
        anneal_strategy: "cos", along half cosines, or "linear".
        cycle_momentum: moves momentum (or β₁) the other way round.
        base_momentum: the lowest momentum, or a list of one for each group.
        max_momentum: the highest momentum, or a list of one for each group.
        div_factor: the first rate is max_lr / div_factor.
        final_div_factor: the last rate is the first / final_div_factor.
        three_phase: goes down to the first rate in as many steps as up, and then to the last.
        last_epoch: the last step of a training that goes on.
    """

    max_lr: float | Sequence[float]
    total_steps: int | None = None
    epochs: int | None = None
    steps_per_epoch: int | None = None
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    cycle_momentum: bool = True
    base_momentum: float | Sequence[float] = 0.85
    max_momentum: float | Sequence[float] = 0.95
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False

    alone: ClassVar[bool] = True
    kinds: ClassVar[dict[str, Kind]] = {
        "total_steps": optional(whole(1)), "epochs": optional(whole(1)),
    }  # fmt: skip

    def check(self) -> None:
        if self.total_steps is None:
            if self.epochs is None or self.steps_per_epoch is None:
                raise ValueError("OneCycleLR: needs total_steps, or epochs and steps_per_epoch")
            self.total_steps = self.epochs * self.steps_per_epoch
        _check_momentum(self)

    def begin(self) -> None:
        self.base_lrs = [top / self.div_factor for top in self.each("max_lr")]
        for group, base in zip(self.optimizer.param_groups, self.base_lrs):
            group["initial_lr"] = base

    def rates(self, epoch: int) -> list[float]:
        return [
            self._between(
                epoch, [first, top, *[first] * self.three_phase, first / self.final_div_factor]
            )
            for first, top in zip(self.base_lrs, self.each("max_lr"))
        ]

    def momenta(self, epoch: int) -> list[float] | None:
        if not self.cycle_momentum:
            return None
        ends = zip(self.each("base_momentum"), self.each("max_momentum"))
        return [
            self._between(epoch, [top, low, top, *[top] * self.three_phase]) for low, top in ends
        ]

    def _between(self, epoch: int, values: list[float]) -> float:
        """From one value to the next, in the phases of the cycle."""
        total = self.total_steps or 0
        if epoch > total:
            raise ValueError(
                f"OneCycleLR: step {epoch} of {total} in all; total_steps is the number of batches "
                "in all epochs, or of epochs if it steps once in each"
            )
        up = self.pct_start * total
        turns = [0.0, up - 1, *[2 * up - 2] * self.three_phase, total - 1.0]
        k = next((k for k in range(1, len(turns) - 1) if epoch <= turns[k]), len(turns) - 1)
        begin, end, length = values[k - 1], values[k], turns[k] - turns[k - 1]
        if length <= 0:  # it is over as it begins
            return end if k == 1 else begin
        share = (epoch - turns[k - 1]) / length
        return end + (begin - end) * (
            half_cosine(share) if self.anneal_strategy == "cos" else 1 - share
        )


def _check_momentum(schedule: CyclicLR | OneCycleLR) -> None:
    if schedule.cycle_momentum and not {"momentum", "betas"} & schedule.optimizer.defaults.keys():
        raise ValueError(
            f"{type(schedule).__name__}: {type(schedule.optimizer).__name__} has no momentum to "
            "change; give cycle_momentum=False"
        )
