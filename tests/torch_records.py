"""Where PyTorch's optimisers and schedules go, recorded for machines that have no PyTorch.

`torch_records.json` was written by PyTorch 2.13 in float64. `python -m tests.torch_records` writes
it anew, and with PyTorch at hand a test compares it with what PyTorch gives now.
"""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_suffix(".json")
STEPS = 200
EVERY = 40  # of the parameters, those after every fortieth step are kept

START = np.random.default_rng(0).standard_normal((2, 3))
TARGET = np.random.default_rng(1).standard_normal((4, 3))
MIX = np.random.default_rng(2).standard_normal((4, 2))
SHIFT = np.array([0.5, -0.25, 0.0])  # a second group of parameters, with options of its own

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
    ("Adam", {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.1, "rho": 0.95, "eps": 1e-2, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.05}),
    ("Adamax", {"lr": 0.05, "betas": (0.7, 0.995), "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.05}),
    ("NAdam", {"lr": 0.05, "betas": (0.7, 0.995), "weight_decay": 0.1, "momentum_decay": 0.02}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.05}),
    ("RAdam", {"lr": 0.05, "betas": (0.7, 0.6), "weight_decay": 0.1}),  # never scaled by squares
    ("RAdam", {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("Rprop", {"lr": 0.05}),
    ("Rprop", {"lr": 0.05, "etas": (0.4, 1.5), "step_sizes": (1e-3, 0.1)}),
    ("ASGD", {"lr": 0.02, "t0": 20}),
    ("ASGD", {"lr": 0.02, "lambd": 0.1, "alpha": 0.6, "t0": 0, "weight_decay": 0.1}),
]

RARELY = 9  # of the rates, those before every ninth step are kept
BASE = 0.5  # the rate that schedules start from
SHARES = np.random.default_rng(3).random(STEPS)
LOSSES = [3, 2, 2, 2, 2, 2, 2, 1.9999, *(1 + SHARES[8:] / np.arange(8, STEPS))]  # of a plateau


def FALL(t: float) -> float:
    return 1 / (1 + t)


def SCALE(t: float) -> float:
    return 0.99 + 0.02 * math.sin(t)


SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 11], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 7}),
    ("LinearLR", {"start_factor": 0.1, "total_iters": 6}),
    ("PolynomialLR", {"total_iters": 150, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 20, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 5}),
    ("CyclicLR", {"base_lr": [0.1, 0.2], "max_lr": [0.7, 0.9], "step_size_up": 5,
                  "step_size_down": 8, "mode": "triangular2", "base_momentum": 0.6}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 9, "mode": "exp_range",
                  "gamma": 0.98, "cycle_momentum": False}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 9, "scale_fn": SCALE,
                  "scale_mode": "iterations"}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 200, "pct_start": 0.4}),
    ("OneCycleLR", {"max_lr": [1.0, 2.0], "epochs": 20, "steps_per_epoch": 10, "three_phase": True,
                    "anneal_strategy": "linear", "base_momentum": 0.7, "div_factor": 10.0}),
    ("LambdaLR", {"lr_lambda": FALL}),
    ("LambdaLR", {"lr_lambda": [FALL, SCALE]}),
    ("MultiplicativeLR", {"lr_lambda": SCALE}),
    ("ReduceLROnPlateau", {"factor": 0.3, "patience": 2, "cooldown": 1, "min_lr": 0.02}),
    ("ReduceLROnPlateau", {"mode": "max", "factor": 0.8, "patience": 9, "min_lr": [0.02, 0.1],
                           "threshold_mode": "abs", "threshold": 0.2}),
    ("SequentialLR", {"milestones": [4, 90]}),  # a warm-up, a decay, and a cosine
    ("ChainedScheduler", {}),
]  # fmt: skip


def label(name: str, options: dict[str, Any]) -> str:
    shown = {key: getattr(value, "__name__", value) for key, value in options.items()}
    shown |= {k: "[FALL, SCALE]" for k, value in shown.items() if value == [FALL, SCALE]}
    return f"{name}({', '.join(f'{key}={value}' for key, value in shown.items())})"


def rates(schedules: Any, optimizer: Any, name: str, options: dict[str, Any]) -> list[list[float]]:
    """The rates and momenta of all groups before each step, by the schedules of either library."""
    if name == "SequentialLR":
        warm = schedules.LinearLR(optimizer, start_factor=0.25, total_iters=4)
        after = schedules.ExponentialLR(optimizer, gamma=0.98)
        last = schedules.CosineAnnealingLR(optimizer, 30)
        schedule = schedules.SequentialLR(optimizer, [warm, after, last], **options)
    elif name == "ChainedScheduler":
        all_at_once = [
            schedules.LinearLR(optimizer, start_factor=0.25, total_iters=4),
            schedules.CosineAnnealingLR(optimizer, 30, eta_min=0.01),
            schedules.MultiplicativeLR(optimizer, SCALE),
            schedules.MultiStepLR(optimizer, [10, 50], gamma=0.7),
        ]
        schedule = schedules.ChainedScheduler(all_at_once)
    else:
        schedule = getattr(schedules, name)(optimizer, **options)
    seen = []
    for loss in LOSSES:
        groups = optimizer.param_groups
        seen.append([float(group[key]) for group in groups for key in ("lr", "momentum")])
        optimizer.step()
        schedule.step(*[loss] * (name == "ReduceLROnPlateau"))
    return seen


def torch_rates(torch: Any, name: str, options: dict[str, Any]) -> list[list[float]]:
    a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD(grouped(a, b, {"lr": BASE}), lr=BASE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its SequentialLR warns of what it does itself
        return rates(torch.optim.lr_scheduler, optimizer, name, options)


def grouped(w: Any, shift: Any, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Two groups, the second with half the rate, and no decay of weights."""
    own = {"lr": options.get("lr", 1.0) / 2}
    if "weight_decay" in options:
        own["weight_decay"] = 0.0
    return [{"params": [w]}, {"params": [shift], **own}]


def torch_path(
    torch: Any, name: str, options: dict[str, Any], dtype: Any = np.float64
) -> np.ndarray:
    """The parameters after each of the steps down a loss that is no parabola."""
    w, shift = (torch.tensor(x.astype(dtype), requires_grad=True) for x in (START, SHIFT))
    mix, target = (torch.tensor(x.astype(dtype)) for x in (MIX, TARGET))
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # in which its states keep single numbers
    try:
        optimizer = getattr(torch.optim, name)(grouped(w, shift, options), **options)
        path = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            ((torch.tanh(mix @ w + shift) - target) ** 2).sum().backward()
            optimizer.step()
            path.append(torch.cat([w.detach().ravel(), shift.detach()]).numpy())
    finally:
        torch.set_default_dtype(before)
    return np.array(path)


def torch_records(torch: Any) -> dict[str, dict[str, Any]]:
    """All that is kept, computed by PyTorch."""
    paths = {label(n, o): torch_path(torch, n, o)[EVERY - 1 :: EVERY] for n, o in OPTIMISERS}
    rows = {label(n, o): torch_rates(torch, n, o)[::RARELY] for n, o in SCHEDULES}
    return {"parameters": {name: path.tolist() for name, path in paths.items()}, "rates": rows}


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
