"""Layers, activations and losses as functions, gathered under PyTorch's names.

>>> import microgradnd as mg, microgradnd.nn.functional as F
>>> F.relu(mg.Tensor([-1.0, 2.0]))
Tensor([0., 2.])
"""

from __future__ import annotations

from microgradnd.nn.activations import affine, leaky_relu
from microgradnd.nn.embedding import embedding
from microgradnd.nn.linear import linear
from microgradnd.ops.activations import elu, erf, gaussian, gelu, hardtanh, silu, softplus, step
from microgradnd.ops.elementwise import relu, sigmoid, tanh
from microgradnd.ops.softmax import log_softmax, softmax

__all__ = [
    "affine",
    "elu",
    "embedding",
    "erf",
    "gaussian",
    "gelu",
    "hardtanh",
    "leaky_relu",
    "linear",
    "log_softmax",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "step",
    "tanh",
]
