"""Optimisers, schedules, penalties and learning rules."""

from typing import TYPE_CHECKING

from microgradnd import errors
from microgradnd.optim import lr_scheduler
from microgradnd.optim.algorithms import SGD, Adagrad, Adam, AdamW, RMSprop
from microgradnd.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    OneCycleLR,
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
    "SGD", "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "ExponentialLR", "LambdaLR",
    "LinearLR", "OneCycleLR", "Optimizer", "RMSprop", "ReduceLROnPlateau", "Schedule",
    "SequentialLR", "StepLR", "clip_grad_norm_", "clip_grad_value_", "delta", "hebb",
    "l1_penalty", "l2_penalty", "lr_scheduler", "perceptron",
]  # fmt: skip
# What one may look for here, and what to use.
_INSTEAD = {
    "LBFGS": "there are SGD, Adam, AdamW, RMSprop and Adagrad",
    "NAdam": "use Adam, or SGD(nesterov=True)",
    "Adadelta": "use RMSprop",
    "Adamax": "use Adam",
}

if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__, _INSTEAD)
