"""Optimisers, schedules, penalties and learning rules."""

from microgradnd.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from microgradnd.optim.optimizer import Optimizer
from microgradnd.optim.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]
