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
from microgradnd.nn.containers import ModuleList, Sequential
from microgradnd.nn.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
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
from microgradnd.nn.neuron import Perceptron, ThresholdUnit
from microgradnd.nn.normalization import BatchNorm1d, BatchNorm2d, LayerNorm, LocalResponseNorm
from microgradnd.nn.padding import (
    CircularPad1d,
    CircularPad2d,
    CircularPad3d,
    ConstantPad1d,
    ConstantPad2d,
    ConstantPad3d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReflectionPad3d,
    ReplicationPad1d,
    ReplicationPad2d,
    ReplicationPad3d,
    ZeroPad1d,
    ZeroPad2d,
    ZeroPad3d,
)
from microgradnd.nn.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    LPPool1d,
    LPPool2d,
    LPPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
    MaxUnpool1d,
    MaxUnpool2d,
    MaxUnpool3d,
)
from microgradnd.nn.recurrent import GRU, LSTM, RNN
from microgradnd.nn.recurrent_cells import GRUCell, LSTMCell, RNNCell
from microgradnd.nn.resampling import (
    ChannelShuffle,
    Fold,
    PixelShuffle,
    PixelUnshuffle,
    Unfold,
    Upsample,
    UpsamplingBilinear2d,
    UpsamplingNearest2d,
)
from microgradnd.nn.shaping import Flatten, Identity
from microgradnd.nn.summaries import Summary, summary
from microgradnd.parameters import Parameter

__all__ = [
    "ELU", "GELU", "GRU", "LSTM", "RNN", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "Affine",
    "AvgPool1d", "AvgPool2d", "AvgPool3d", "BCELoss", "BCEWithLogitsLoss", "BatchNorm1d",
    "BatchNorm2d", "ChannelShuffle", "CircularPad1d", "CircularPad2d", "CircularPad3d",
    "ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "Conv1d", "Conv2d", "Conv3d",
    "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "CrossEntropyLoss", "Dropout",
    "Dropout2d", "Embedding", "FirstComponentLoss", "Flatten", "Fold", "GRUCell", "Gaussian",
    "HalfSquaredError", "Hardtanh", "HuberLoss", "Identity", "KLDivLoss", "L1Loss", "LPPool1d",
    "LPPool2d", "LPPool3d", "LSTMCell", "LayerNorm", "LeakyReLU", "Linear", "LocalResponseNorm",
    "LogSoftmax", "MSELoss", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d",
    "MaxUnpool3d", "Module", "ModuleList", "NLLLoss", "Parameter", "Perceptron", "PixelShuffle",
    "PixelUnshuffle", "RNNCell", "ReLU", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d",
    "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d", "Sequential", "SiLU", "Sigmoid",
    "SmoothL1Loss", "Softmax", "Softplus", "Step", "Summary", "Tanh", "ThresholdUnit", "Unfold",
    "Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d", "ZeroPad1d", "ZeroPad2d",
    "ZeroPad3d", "functional", "init", "summary", "utils",
]  # fmt: skip
# What one may look for here, and what to use.
_INSTEAD = {
    "ReLU6": "use Hardtanh(0.0, 6.0)",
    "ParameterList": "hold the Tensors in a Module's attributes: assigning registers them",
    "ModuleDict": "use a Module with an attribute for each, or ModuleList",
    "GroupNorm": "there are BatchNorm1d, BatchNorm2d, LayerNorm and LocalResponseNorm",
    "DataParallel": "everything is computed on one CPU",
    "Unflatten": "use x.reshape in forward",
    "MultiheadAttention": "write it with Linear, softmax and matmul",
    "Transformer": "write it with Linear, LayerNorm, softmax and matmul",
}

if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__, _INSTEAD)
