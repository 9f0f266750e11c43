"""Layers, losses and initialisers, under PyTorch's names."""

from typing import TYPE_CHECKING

from microgradnd import errors
from microgradnd.nn import functional, init, utils
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
from microgradnd.nn.attention import MultiheadAttention
from microgradnd.nn.containers import (
    ModuleDict,
    ModuleList,
    ParameterDict,
    ParameterList,
    Sequential,
)
from microgradnd.nn.convolution import Conv1d, Conv2d, ConvTranspose2d
from microgradnd.nn.distances import CosineSimilarity, PairwiseDistance
from microgradnd.nn.dropout import Dropout, Dropout2d
from microgradnd.nn.embedding import Embedding
from microgradnd.nn.embedding_bag import EmbeddingBag
from microgradnd.nn.group_normalization import GroupNorm, InstanceNorm1d, InstanceNorm2d, RMSNorm
from microgradnd.nn.linear import Bilinear, Linear
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
from microgradnd.nn.neuron import Perceptron, ThresholdUnit
from microgradnd.nn.normalization import BatchNorm1d, BatchNorm2d, LayerNorm, LocalResponseNorm
from microgradnd.nn.pooling import AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d
from microgradnd.nn.recurrent import GRU, LSTM, RNN
from microgradnd.nn.recurrent_cells import GRUCell, LSTMCell, RNNCell
from microgradnd.nn.shaping import Flatten, Identity
from microgradnd.nn.summaries import Summary, summary
from microgradnd.nn.transformer import TransformerEncoder, TransformerEncoderLayer
from microgradnd.parameters import Parameter

__all__ = [
    "ELU", "GELU", "GRU", "LSTM", "RNN", "AdaptiveAvgPool2d", "Affine", "AvgPool1d",
    "AvgPool2d", "BCELoss", "BCEWithLogitsLoss", "BatchNorm1d", "BatchNorm2d", "Bilinear",
    "Conv1d", "Conv2d", "ConvTranspose2d", "CosineSimilarity", "CrossEntropyLoss", "Dropout",
    "Dropout2d", "Embedding", "EmbeddingBag", "FirstComponentLoss", "Flatten", "GRUCell",
    "Gaussian", "GroupNorm", "HalfSquaredError", "Hardtanh", "HuberLoss", "Identity",
    "InstanceNorm1d", "InstanceNorm2d", "KLDivLoss", "L1Loss", "LSTMCell", "LayerNorm",
    "LeakyReLU", "Linear", "LocalResponseNorm", "LogSoftmax", "MSELoss", "MaxPool1d",
    "MaxPool2d", "Module", "ModuleDict", "ModuleList", "MultiheadAttention", "NLLLoss",
    "PairwiseDistance", "Parameter", "ParameterDict", "ParameterList", "Perceptron", "RMSNorm",
    "RNNCell", "ReLU", "Sequential", "SiLU", "Sigmoid", "SmoothL1Loss", "Softmax", "Softplus",
    "Step", "Summary", "Tanh", "ThresholdUnit", "TransformerEncoder", "TransformerEncoderLayer",
    "functional", "init", "summary", "utils",
]  # fmt: skip
# What one may look for here, and what to use.
_INSTEAD = {
    "ReLU6": "use Hardtanh(0.0, 6.0)",
    "Conv3d": "there are Conv1d and Conv2d",
    "AdaptiveAvgPool1d": "use AdaptiveAvgPool2d on x[..., None, :]",
    "DataParallel": "everything is computed on one CPU",
    "Unflatten": "use x.reshape in forward",
    "Transformer": "use TransformerEncoder, and MultiheadAttention for decoders",
}

if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__, _INSTEAD)
