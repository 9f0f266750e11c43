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
from microgradnd.nn.embedding import Embedding
from microgradnd.nn.linear import Linear
from microgradnd.nn.module import Module
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
    "Embedding",
    "GRUCell",
    "Gaussian",
    "Hardtanh",
    "LSTMCell",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Module",
    "ModuleList",
    "RNNCell",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Step",
    "Summary",
    "Tanh",
    "summary",
]
