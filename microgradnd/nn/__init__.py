"""Layers, losses and initialisers, under PyTorch's names."""

from microgradnd.nn.activations import (
    ELU,
    GELU,
    Affine,
    Gaussian,
    Hardtanh,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Step,
    Tanh,
)
from microgradnd.nn.containers import ModuleList, Sequential
from microgradnd.nn.dropout import Dropout, Dropout2d
from microgradnd.nn.embedding import Embedding
from microgradnd.nn.linear import Linear
from microgradnd.nn.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    FirstComponentLoss,
    HalfSquaredError,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from microgradnd.nn.module import Module
from microgradnd.nn.normalization import BatchNorm1d, BatchNorm2d, LayerNorm, LocalResponseNorm
from microgradnd.nn.recurrent import GRU, LSTM, RNN
from microgradnd.nn.recurrent_cells import GRUCell, LSTMCell, RNNCell
from microgradnd.nn.summary import Summary, summary

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "Affine",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "CrossEntropyLoss",
    "Dropout",
    "Dropout2d",
    "Embedding",
    "FirstComponentLoss",
    "GRUCell",
    "Gaussian",
    "HalfSquaredError",
    "Hardtanh",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LocalResponseNorm",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "ModuleList",
    "NLLLoss",
    "RNNCell",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Step",
    "Summary",
    "Tanh",
    "summary",
]
