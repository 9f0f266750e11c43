"""Where PyTorch's optimisers and schedules go, recorded for machines that have no PyTorch.

`torch_records.json` was written by PyTorch 2.13 in float64. `python -m tests.torch_records` writes
it anew, and with PyTorch at hand a test compares it with what PyTorch gives now.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_suffix(".json")
STEPS = 50
EVERY = 10  # of the parameters, those after every tenth step are kept

START = np.random.default_rng(0).standard_normal((2, 3))
TARGET = np.random.default_rng(1).standard_normal((4, 3))
MIX = np.random.default_rng(2).standard_normal((4, 2))

OPTIMISERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.02}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.02, "momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"lr": 0.02}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.5, "centered": True, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.05}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.2}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "betas": (0.7, 0.95), "weight_decay": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3}),
    ("AdamW", {"lr": 0.05, "amsgrad": True}),
]

BASE = 0.5  # the rate that schedules start from
LOSSES = (3, 2, 2, 2, 2, 2, 2, 1.9999, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)  # which a plateau meets
SCHEDULES: dict[str, dict[str, Any]] = {
    "StepLR": {"step_size": 3, "gamma": 0.5},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 20, "eta_min": 0.01},
    "LinearLR": {"start_factor": 0.1, "total_iters": 6},
    "OneCycleLR": {"max_lr": 1.0, "total_steps": 20, "pct_start": 0.4},
    "LambdaLR": {"lr_lambda": lambda t: 1 / (1 + t)},
    "ReduceLROnPlateau": {"factor": 0.3, "patience": 2, "cooldown": 1, "min_lr": 0.02},
    "SequentialLR": {"milestones": [4]},  # a warm-up, then a decay
}


def label(name: str, options: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value}' for key, value in options.items())})"


def rates(schedules: Any, optimizer: Any, name: str, options: dict[str, Any]) -> list[float]:
    """The rate before each of twenty steps, by the schedules of either library."""
    if name == "SequentialLR":
        warm = schedules.LinearLR(optimizer, start_factor=0.25, total_iters=4)
        after = schedules.ExponentialLR(optimizer, gamma=0.8)
        schedule = schedules.SequentialLR(optimizer, [warm, after], **options)
    else:
        schedule = getattr(schedules, name)(optimizer, **options)
    seen = []
    for loss in LOSSES:
        seen.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        schedule.step(*[loss] * (name == "ReduceLROnPlateau"))
    return seen


def torch_rates(torch: Any, name: str) -> list[float]:
    more = {"cycle_momentum": False} if name == "OneCycleLR" else {}
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=BASE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its SequentialLR warns of what it does itself
        return rates(torch.optim.lr_scheduler, optimizer, name, SCHEDULES[name] | more)


def torch_path(torch: Any, name: str, options: dict[str, Any]) -> np.ndarray:
    """The parameter after each of fifty steps down a loss that is no parabola."""
    w = torch.tensor(START, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], **options)
    path = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((torch.tanh(torch.tensor(MIX) @ w) - torch.tensor(TARGET)) ** 2).sum().backward()
        optimizer.step()
        path.append(w.detach().numpy().copy())
    return np.array(path)


def torch_records(torch: Any) -> dict[str, dict[str, Any]]:
    """All that is kept, computed by PyTorch."""
    paths = {label(n, o): torch_path(torch, n, o)[EVERY - 1 :: EVERY] for n, o in OPTIMISERS}
    return {
        "parameters": {name: path.reshape(-1, START.size).tolist() for name, path in paths.items()},
        "rates": {name: torch_rates(torch, name) for name in SCHEDULES},
    }


def records() -> dict[str, dict[str, Any]]:
    """What was recorded."""
    return json.loads(PATH.read_text(encoding="utf-8"))


def main() -> None:
    import torch

    parts = []
    for part, table in torch_records(torch).items():
        rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in table.items())
        parts.append(f"{json.dumps(part)}: {{\n{rows}\n}}")
    PATH.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
