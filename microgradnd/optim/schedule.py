"""What the schedules of learning rates have in common."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from microgradnd.arguments import (
    ANY,
    CALLABLE,
    FLAG,
    KINDS,
    NOT_NEGATIVE,
    Kind,
    either,
    instance,
    one_of,
    optional,
    real,
    require,
    several,
    whole,
)
from microgradnd.optim.optimizer import Optimizer


@dataclass(eq=False, repr=False)
class Scheduler:
    """What changes the rates of an optimiser; its fields are the arguments, held to their kinds."""

    optimizer: Optimizer

    saved: ClassVar[tuple[str, ...]] = ()  # the attributes that are its state, as PyTorch's
    kinds: ClassVar[dict[str, Kind]] = {}  # of arguments that mean something else elsewhere

    def __post_init__(self) -> None:
        kinds = KINDS_OF_SCHEDULES | self.kinds
        for name in (argument.name for argument in fields(self)):
            require(type(self).__name__, name, getattr(self, name), kinds.get(name, ANY))
            if isinstance(getattr(self, name), (list, tuple)) and name in _FOR_EACH:
                self.each(name)

    def get_last_lr(self) -> list[float]:
        """The rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def each(self, name: str) -> list[Any]:
        """An argument for each group: a list of as many as there are, or one for all."""
        value, count = getattr(self, name), len(self.optimizer.param_groups)
        if not isinstance(value, (list, tuple)):
            return [value] * count
        if len(value) != count:
            raise ValueError(
                f"{type(self).__name__}: {name} has {len(value)} elements, the optimiser has "
                f"{count} parameter groups"
            )
        return list(value)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here, under PyTorch's names."""
        state = {key: copy.copy(getattr(self, key)) for key in self.saved}
        return state | {"_last_lr": self.get_last_lr()}

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        """Takes over a state, or raises before anything of it is; sets the rates it was saved with.

        What PyTorch's schedule of the same name gave is read, too, but for the arguments in it.
        """
        what = type(self).__name__
        require(what, "the given state", given, instance(Mapping, "a dict, as state_dict() gives"))
        missing = [key for key in (*self.saved, "_last_lr") if key not in given]
        if missing:
            raise ValueError(f"{what}: the given state is none of a schedule, it has no {missing}")
        groups = self.optimizer.param_groups
        for key in {"base_lrs", "_last_lr"} & given.keys():
            if len(given[key]) != len(groups):
                raise ValueError(
                    f"{what}: the state has the rates of {len(given[key])} parameter groups, the "
                    f"optimiser has {len(groups)} groups"
                )
        vars(self).update({key: copy.copy(given[key]) for key in self.saved})
        for group, rate in zip(groups, given["_last_lr"]):
            group["lr"] = float(rate)


@dataclass(eq=False, repr=False)
class Schedule(Scheduler):
    """Sets the learning rate of each group of an optimiser from its first one.

    A subclass gives `lr(base, epoch)`: the rate after `epoch` steps, of a group that began with
    `base`. `last_epoch` is the number of steps taken; given to the constructor it is the number of
    the last epoch of a training that goes on, -1 for one that begins.
    """

    last_epoch: int = field(default=-1, kw_only=True)

    saved: ClassVar[tuple[str, ...]] = ("last_epoch", "base_lrs")
    alone: ClassVar[bool] = False  # takes no notice of the rate it finds

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check()
        groups = self.optimizer.param_groups
        if self.last_epoch >= 0 and not all("initial_lr" in group for group in groups):
            raise ValueError(
                f"{type(self).__name__}: last_epoch={self.last_epoch} goes on with a training, so "
                "each group needs its 'initial_lr'; load the optimiser's state first"
            )
        for group in groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs: list[float] = [group["initial_lr"] for group in groups]
        self.begin()
        self.step()

    def check(self) -> None:
        """Refuses arguments that do not go together, before anything is set."""

    def begin(self) -> None:
        """What a schedule sets up before its first rates."""

    def lr(self, base: float, epoch: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} defines no lr(self, base, epoch)")

    def rates(self, epoch: int) -> list[float]:
        """The rate of each group after `epoch` steps, were no other schedule at work."""
        return [self.lr(base, epoch) for base in self.base_lrs]

    def floor(self) -> float:
        """The rate's distance to it is what changes in proportion."""
        return 0.0

    def momenta(self, epoch: int) -> list[float] | None:
        """The momentum of each group after `epoch` steps, of a schedule that changes it, too."""
        return None

    def set(self, epoch: int) -> None:
        """Sets the rates to those of `rates`, and momentum to that of `momenta`."""
        for group, rate in zip(self.optimizer.param_groups, self.rates(epoch)):
            group["lr"] = rate
        for group, momentum in zip(self.optimizer.param_groups, self.momenta(epoch) or ()):
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum

    def change(self, before: list[float]) -> None:
        """Goes on from the rates before to those of now; in proportion, if others changed them."""
        found = self.get_last_lr()
        self.set(self.last_epoch)
        if self.alone:
            return
        for group, rate, old in zip(self.optimizer.param_groups, found, before):
            new, floor = group["lr"], self.floor()
            if rate != old:  # another schedule, or the user
                ratio = (new - floor) / (old - floor) if old != floor else 1.0
                group["lr"] = floor + (rate - floor) * ratio if old != floor else rate + new - old

    def step(self) -> None:
        """Goes on to the next epoch."""
        before = self.base_lrs if self.alone or self.last_epoch < 0 else self.rates(self.last_epoch)
        self.last_epoch += 1
        self.change(before)

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        super().load_state_dict(given)
        self.base_lrs = [float(base) for base in self.base_lrs]


def half_cosine(share: float) -> float:
    """From 1 at 0 to 0 at 1, flat at both ends."""
    return (1 + math.cos(math.pi * share)) / 2


_FOR_EACH = {  # what may be a list of one for each group
    "lr_lambda": CALLABLE,
    **dict.fromkeys(["base_lr", "max_lr", "min_lr"], NOT_NEGATIVE),
    **dict.fromkeys(["base_momentum", "max_momentum"], real(0, 1, without="high")),
}
_WORDS = "a list of one for each parameter group"
KINDS_OF_SCHEDULES = KINDS | {  # of the arguments
    "optimizer": instance(Optimizer, "an Optimizer of microgradnd.optim"),
    "patience": whole(0),
    "threshold": NOT_NEGATIVE,
    **{k: either(kind, several(kind, _WORDS, 1)) for k, kind in _FOR_EACH.items()},
    "schedulers": several(instance(Schedule, "schedules"), "a list of schedules", 1),
    "milestones": several(whole(0), "a list of whole numbers of at least 0"),
    "factor": real(0, 1, without="low high"),
    "threshold_mode": one_of("rel", "abs"),
    "last_epoch": whole(-1),
    **dict.fromkeys(["T_0", "T_mult", "step_size_up"], whole(1)),
    **dict.fromkeys(["step_size_down", "steps_per_epoch"], optional(whole(1))),
    **dict.fromkeys(["cycle_momentum", "three_phase"], FLAG),
    "power": NOT_NEGATIVE,
    "scale_fn": optional(CALLABLE),
    "scale_mode": one_of("cycle", "iterations"),
    "anneal_strategy": one_of("cos", "linear"),
}
