"""Schedules: closed forms, and the rates PyTorch's own take."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from microgradnd import Tensor, optim
from tests.torch_records import (
    BASE,
    LOSSES,
    RARELY,
    SCHEDULES,
    grouped,
    label,
    rates,
    records,
    torch_rates,
)


def descent(lr: float = 0.5) -> optim.SGD:
    return optim.SGD([Tensor([1.0], requires_grad=True)], lr=lr)


def two_groups() -> optim.SGD:
    a, b = (Tensor([1.0], requires_grad=True) for _ in range(2))
    return optim.SGD(grouped(a, b, {"lr": BASE}), lr=BASE)


each_case = pytest.mark.parametrize(("name", "options"), SCHEDULES)


@each_case
def test_rates_are_torchs(name: str, options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        torch = pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
    wanted = torch_rates(torch, name, options)
    found = rates(optim, two_groups(), name, options)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@each_case
def test_rates_are_those_that_were_recorded_of_torch(name: str, options: dict[str, Any]) -> None:
    wanted = records()["rates"][label(name, options)]
    assert len(np.unique(wanted)) > 3  # they change
    found = rates(optim, two_groups(), name, options)[::RARELY]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_a_warm_up_is_followed_by_another_schedule() -> None:
    optimizer = descent(1.0)
    warm = optim.LinearLR(optimizer, start_factor=0.25, total_iters=3)
    after = optim.ExponentialLR(optimizer, gamma=0.5)
    both = optim.SequentialLR(optimizer, [warm, after], milestones=[3])
    seen = []
    for _ in range(6):
        seen += both.get_last_lr()
        both.step()
    assert seen == pytest.approx([0.25, 0.5, 0.75, 1.0, 0.5, 0.25])


def test_a_loaded_state_goes_on_where_the_other_stood() -> None:
    one = optim.StepLR(descent(), step_size=2)
    for _ in range(3):
        one.step()
    other = optim.StepLR(descent(9.0), step_size=2)
    other.load_state_dict(one.state_dict())
    assert other.get_last_lr() == one.get_last_lr()
    one.step()
    other.step()
    assert other.get_last_lr() == one.get_last_lr()


HOLDERS = ("SequentialLR", "ChainedScheduler")  # of schedules: the next test


@pytest.mark.parametrize(("name", "options"), [row for row in SCHEDULES if row[0] not in HOLDERS])
def test_every_state_goes_on_where_the_other_stood(name: str, options: dict[str, Any]) -> None:
    make = lambda: getattr(optim.lr_scheduler, name)(two_groups(), **options)
    whole, first, second = make(), make(), make()
    for loss in LOSSES[:60]:
        whole.step(*[loss] * (name == "ReduceLROnPlateau"))
    for loss in LOSSES[:50]:
        first.step(*[loss] * (name == "ReduceLROnPlateau"))
    second.load_state_dict(first.state_dict())
    assert second.get_last_lr() == first.get_last_lr()
    for loss in LOSSES[50:60]:
        second.step(*[loss] * (name == "ReduceLROnPlateau"))
    assert second.state_dict() == whole.state_dict()


def test_a_state_of_several_goes_on_where_the_other_stood() -> None:
    def make(kind: str) -> Any:
        sgd = descent()
        parts = [optim.LinearLR(sgd, 0.1), optim.MultiStepLR(sgd, [3, 7], 0.5)]
        if kind == "chain":
            return optim.ChainedScheduler(parts)
        return optim.SequentialLR(sgd, parts, [4])

    for kind in ("chain", "sequence"):
        whole, first, second = make(kind), make(kind), make(kind)
        for t in range(9):
            whole.step()
            (first if t < 5 else second).step()
            if t == 4:
                second.load_state_dict(first.state_dict())
        assert second.get_last_lr() == whole.get_last_lr()
        before = second.state_dict()
        with pytest.raises(ValueError, match=r"the given state|is of 1 schedulers"):
            second.load_state_dict({"_schedulers": [{}], "_last_lr": [1.0]})
        assert second.state_dict() == before


def test_schedules_side_by_side_multiply() -> None:
    optimizer = descent(1.0)
    half, decay = optim.ConstantLR(optimizer, 0.5, 3), optim.ExponentialLR(optimizer, 0.9)
    seen = []
    for _ in range(5):
        seen += half.get_last_lr()
        half.step()
        decay.step()
    assert seen == pytest.approx([0.5, 0.45, 0.405, 0.729, 0.6561])
    optimizer.param_groups[0]["lr"] = 8.0  # by hand: it goes on from there
    decay.step()
    assert decay.get_last_lr() == pytest.approx([7.2])


def test_a_training_goes_on_after_its_last_epoch() -> None:
    whole = optim.ExponentialLR(descent(1.0), 0.5)
    for _ in range(4):
        whole.step()
    with pytest.raises(ValueError, match="needs its 'initial_lr'"):
        optim.ExponentialLR(descent(), 0.5, last_epoch=3)
    optimizer = descent()
    optimizer.load_state_dict(whole.optimizer.state_dict())
    again = optim.ExponentialLR(optimizer, 0.5, last_epoch=4)
    whole.step()
    assert again.get_last_lr() == whole.get_last_lr() == [0.5**5]


def test_a_restart_may_be_given_parts_of_epochs() -> None:
    schedule = optim.CosineAnnealingWarmRestarts(descent(1.0), T_0=2, T_mult=2)
    for epoch, rate in [(1.0, 0.5), (2.0, 1.0), (4.0, 0.5), (6.0, 1.0), (10.0, 0.5)]:
        schedule.step(epoch)
        assert schedule.get_last_lr() == pytest.approx([rate])
    schedule.step(3.5)
    assert schedule.get_last_lr() == pytest.approx([(1 + np.cos(np.pi * 1.5 / 4)) / 2])


def test_momentum_that_is_not_there_cannot_be_cycled() -> None:
    rprop = optim.Rprop([Tensor([1.0], requires_grad=True)])
    for make in (lambda: optim.CyclicLR(rprop, 0.1, 1.0), lambda: optim.OneCycleLR(rprop, 1.0, 5)):
        with pytest.raises(ValueError, match="Rprop has no momentum to change"):
            make()
    adam = optim.Adam([Tensor([1.0], requires_grad=True)])
    cycle = optim.OneCycleLR(adam, 1.0, 10)
    assert adam.param_groups[0]["betas"] == (0.95, 0.999)
    cycle.step()
    assert adam.param_groups[0]["betas"][0] < 0.95


def test_groups_keep_their_own_rates() -> None:
    a, b = (Tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
    schedule = optim.ExponentialLR(optimizer, gamma=0.5)
    schedule.step()
    assert schedule.get_last_lr() == [0.05, 0.25]


def test_bad_arguments_are_refused() -> None:
    schedules = [optim.ExponentialLR(descent(), 0.5)] * 2
    with pytest.raises(ValueError, match="2 schedulers need 1 milestones"):
        optim.SequentialLR(descent(), schedules, [])
    with pytest.raises(ValueError, match=r"factor must be a number in \(0, 1\)"):
        optim.ReduceLROnPlateau(descent(), factor=2.0)
    with pytest.raises(ValueError, match=r"pct_start must be a number in \[0, 1\], not 2"):
        optim.OneCycleLR(descent(), 1.0, 9, pct_start=2)
    counts = {"StepLR": "step_size", "CosineAnnealingLR": "T_max", "LinearLR": "total_iters"}
    for name, count in counts.items():
        with pytest.raises(
            ValueError, match=f"{name}: {count} must be a whole number of at least 1, not 0"
        ):
            getattr(optim, name)(descent(), **{count: 0})
    with pytest.raises(ValueError, match="total_steps must be a whole number of at least 1"):
        optim.OneCycleLR(descent(), 1.0, 0)


@pytest.mark.parametrize("pct_start", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("total", [1, 2, 7])
def test_a_cycle_has_as_many_steps_as_it_says(total: int, pct_start: float) -> None:
    cycle = optim.OneCycleLR(descent(), 1.0, total, pct_start=pct_start)
    for _ in range(total):
        assert 0 <= cycle.get_last_lr()[0] <= 1.0
        cycle.step()
    with pytest.raises(ValueError, match=f"step {total + 1} of {total} in all"):
        cycle.step()


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_a_plateau_of_either_kind(mode: str, threshold_mode: str) -> None:
    sign = 1 if mode == "min" else -1
    optimizer = descent(1.0)
    plateau = optim.ReduceLROnPlateau(
        optimizer, mode, factor=0.5, patience=1, threshold=0.1, threshold_mode=threshold_mode
    )
    slack = 0.1 if threshold_mode == "abs" else 1.0  # a tenth of ten
    for value, rate in [
        (10.0, 1.0),
        (10.0 - sign * slack * 1.01, 1.0),  # better by more than the threshold
        (10.0 - sign * slack * 1.5, 1.0),  # not by enough
        (10.0 - sign * slack * 1.5, 0.5),
    ]:
        plateau.step(value)
        assert plateau.get_last_lr() == [rate]


def test_a_plateau_goes_on_from_its_state() -> None:
    def plateau() -> optim.ReduceLROnPlateau:
        return optim.ReduceLROnPlateau(descent(), patience=3, cooldown=2)

    losses = [5.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]
    for cut in range(len(losses)):
        whole, first, second = plateau(), plateau(), plateau()
        for loss in losses:
            whole.step(loss)
        for loss in losses[:cut]:
            first.step(loss)
        second.load_state_dict(first.state_dict())
        second.optimizer.load_state_dict(first.optimizer.state_dict())
        for loss in losses[cut:]:
            second.step(loss)
        assert second.get_last_lr() == whole.get_last_lr()
        assert second.state_dict() == whole.state_dict()


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    schedule, plateau = optim.ExponentialLR(descent(), 0.5), optim.ReduceLROnPlateau(descent())
    schedule.step()
    before = schedule.state_dict(), schedule.get_last_lr(), plateau.state_dict()
    with pytest.raises(ValueError, match="it has no"):
        schedule.load_state_dict({"epoch": 9})
    state = {"last_epoch": 9, "base_lrs": [1.0, 2.0], "_last_lr": [1.0, 2.0]}
    with pytest.raises(ValueError, match="rates of 2 parameter groups, the optimiser has 1"):
        schedule.load_state_dict(state)
    with pytest.raises(ValueError, match="it has no"):
        plateau.load_state_dict({"best": 0.0, "num_bad_epochs": 3})
    assert (schedule.state_dict(), schedule.get_last_lr(), plateau.state_dict()) == before
