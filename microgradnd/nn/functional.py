"""Layers, activations and losses as functions, gathered under PyTorch's names.

>>> import microgradnd as mg, microgradnd.nn.functional as F
>>> F.relu(mg.Tensor([-1.0, 2.0]))
Tensor([0., 2.])
"""

from __future__ import annotations

from microgradnd.nn.activations import affine, leaky_relu
from microgradnd.nn.convolution import conv1d, conv2d, conv_transpose2d
from microgradnd.nn.dropout import dropout, dropout2d
from microgradnd.nn.embedding import embedding
from microgradnd.nn.linear import linear
from microgradnd.nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    first_component_loss,
    half_squared_error,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from microgradnd.nn.normalization import batch_norm, layer_norm, local_response_norm
from microgradnd.functions import elu, erf, gaussian, gelu, hardtanh, silu, softplus, step
from microgradnd.functions import relu, sigmoid, tanh
from microgradnd.ops.pooling import (
    adaptive_avg_pool2d,
    avg_pool1d,
    avg_pool2d,
    global_avg_pool2d,
    max_pool1d,
    max_pool2d,
)
from microgradnd.functions import log_softmax, softmax

__all__ = [
    "adaptive_avg_pool2d",
    "affine",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "erf",
    "first_component_loss",
    "gaussian",
    "gelu",
    "global_avg_pool2d",
    "half_squared_error",
    "hardtanh",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_softmax",
    "max_pool1d",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "step",
    "tanh",
]
