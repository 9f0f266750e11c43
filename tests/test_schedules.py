"""Schedules: closed forms, and the rates PyTorch's own take."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from microgradnd import Tensor, optim

CASES: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 20, "eta_min": 0.01}),
    ("LinearLR", {"start_factor": 0.1, "total_iters": 6}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 21, "pct_start": 0.4}),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}),
]


def descent(lr: float = 0.5) -> optim.SGD:
    return optim.SGD([Tensor([1.0], requires_grad=True)], lr=lr)


def torch_descent() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        torch = pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
    return torch, torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.5)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_rates_are_torchs(name: str, options: dict[str, Any]) -> None:
    torch, theirs = torch_descent()
    more = {"cycle_momentum": False} if name == "OneCycleLR" else {}
    wanted = getattr(torch.optim.lr_scheduler, name)(theirs, **options, **more)
    ours = getattr(optim, name)(descent(), **options)
    for _ in range(20):
        assert ours.get_last_lr() == pytest.approx(wanted.get_last_lr(), rel=1e-9)
        theirs.step()
        wanted.step()
        ours.step()


def test_plateaus_are_met_as_torch_meets_them() -> None:
    torch, theirs = torch_descent()
    options: dict[str, Any] = {"factor": 0.3, "patience": 2, "cooldown": 1, "min_lr": 0.02}
    wanted = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    optimizer = descent()
    ours = optim.ReduceLROnPlateau(optimizer, **options)
    for loss in (3, 2, 2, 2, 2, 2, 2, 1.9999, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1):
        wanted.step(loss)
        ours.step(loss)
        assert ours.get_last_lr() == pytest.approx([theirs.param_groups[0]["lr"]])


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
