"""Optimisers, schedules, penalties and learning rules."""

from typing import TYPE_CHECKING

from microgradnd import errors
from microgradnd.optim import lr_scheduler
from microgradnd.optim.adaptive import Adam, Adamax, AdamW, NAdam, RAdam
from microgradnd.optim.algorithms import ASGD, SGD, Adadelta, Adagrad, RMSprop, Rprop
from microgradnd.optim.lbfgs import LBFGS
from microgradnd.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    Schedule,
    SequentialLR,
    StepLR,
)
from microgradnd.optim.optimizer import Optimizer
from microgradnd.optim.regularization import (
    clip_grad_norm_,
    clip_grad_value_,
    l1_penalty,
    l2_penalty,
)
from microgradnd.optim.rules import delta, hebb, perceptron

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ChainedScheduler",
    "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR",
    "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "NAdam", "OneCycleLR", "Optimizer",
    "PolynomialLR", "RAdam", "RMSprop", "ReduceLROnPlateau", "Rprop", "Schedule", "SequentialLR",
    "StepLR", "clip_grad_norm_", "clip_grad_value_", "delta", "hebb", "l1_penalty", "l2_penalty",
    "lr_scheduler", "perceptron",
]  # fmt: skip
# What one may look for here, and what to use.
_INSTEAD = {
    "SparseAdam": "use Adam: gradients are dense here",
    "Adafactor": "use Adam, or RMSprop, which keeps one array per parameter",
    "Muon": "use AdamW",
}

if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__, _INSTEAD)
