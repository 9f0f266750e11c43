"""Layers, losses and initialisers, under PyTorch's names."""

from microgradnd.nn.containers import ModuleList, Sequential
from microgradnd.nn.linear import Linear
from microgradnd.nn.module import Module

__all__ = ["Linear", "Module", "ModuleList", "Sequential"]
