"""Schedules: closed forms, and the rates PyTorch's own take."""

from __future__ import annotations

import warnings

import pytest

from microgradnd import Tensor, optim
from tests.torch_records import BASE, SCHEDULES, rates, records, torch_rates


def descent(lr: float = 0.5) -> optim.SGD:
    return optim.SGD([Tensor([1.0], requires_grad=True)], lr=lr)


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_torchs(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        torch = pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
    wanted = torch_rates(torch, name)
    assert rates(optim, descent(BASE), name, SCHEDULES[name]) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_those_that_were_recorded_of_torch(name: str) -> None:
    wanted = records()["rates"][name]
    assert len(set(wanted)) > 3  # they change
    assert rates(optim, descent(BASE), name, SCHEDULES[name]) == pytest.approx(wanted, rel=1e-9)


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


def test_groups_keep_their_own_rates() -> None:
    a, b = (Tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
    schedule = optim.ExponentialLR(optimizer, gamma=0.5)
    schedule.step()
    assert schedule.get_last_lr() == [0.05, 0.25]


def test_bad_arguments_are_refused() -> None:
    schedules = [optim.ExponentialLR(descent(), 0.5)] * 2
    with pytest.raises(ValueError, match="2 schedules need 1 milestones"):
        optim.SequentialLR(descent(), schedules, [])
    with pytest.raises(ValueError, match="factor must lie between"):
        optim.ReduceLROnPlateau(descent(), factor=2.0)
    cycle = optim.OneCycleLR(descent(), 1.0, 2)
    cycle.step()
    with pytest.raises(ValueError, match="step 3 of 2"):
        cycle.step()
