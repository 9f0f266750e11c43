"""Every layer's derivatives, first and second, in its input and its parameters, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import Tensor, nn
from microgradnd.nn import Module
from tests.op_case import along_directions


class Positive(Module):
    """A layer of what is above 0: the p-norm of its input's squares."""

    def __init__(self, layer: Module) -> None:
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x * x + 0.5)


class Twice(nn.Sequential):
    """A layer of two inputs, the second made from the first."""

    def forward(self, x: Tensor) -> Any:
        return self[0](x, mg.sin(2.0 * x) + 0.5)


class Thrice(nn.Sequential):
    """An attention, whose query, key and value are made from one input."""

    def forward(self, x: Tensor) -> Any:
        return self[0](x, mg.sin(x), x * x)


# a layer, its arguments, the shape of its input; kinks are kept off by distinct inputs
LAYERS: dict[str, tuple[Callable[[], Module], tuple[int, ...]]] = {
    "Linear": (lambda: nn.Linear(3, 2), (2, 3)),
    "Linear without bias": (lambda: nn.Linear(3, 2, bias=False), (3,)),
    "Perceptron": (lambda: nn.Perceptron(3), (2, 3)),
    "ThresholdUnit": (lambda: nn.ThresholdUnit(3), (2, 3)),
    "Conv1d": (lambda: nn.Conv1d(2, 2, 2, stride=2, padding=1), (1, 2, 4)),
    "Conv2d": (lambda: nn.Conv2d(2, 2, (2, 3), padding=1, groups=2), (1, 2, 3, 2)),
    "Conv2d same": (lambda: nn.Conv2d(1, 2, 2, padding="same", bias=False), (1, 1, 3, 2)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(1, 2, 2, stride=2), (1, 1, 2, 2)),
    "MaxPool1d": (lambda: nn.MaxPool1d(3, 2), (1, 2, 5)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 2, 1), (1, 2, 4, 4)),
    "AvgPool1d": (lambda: nn.AvgPool1d(2), (1, 2, 4)),
    "AvgPool2d": (lambda: nn.AvgPool2d(2, 1), (1, 2, 3, 3)),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((2, 1)), (1, 2, 3, 3)),
    "Conv3d": (lambda: nn.Conv3d(1, 1, 2, padding=1, stride=2), (1, 1, 2, 2, 3)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(2, 1, 2, stride=2), (1, 2, 2)),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(1, 1, 2), (1, 1, 1, 2, 2)),
    "MaxPool3d": (lambda: nn.MaxPool3d(2), (1, 1, 2, 2, 4)),
    "AvgPool3d": (lambda: nn.AvgPool3d(2), (1, 1, 2, 2, 4)),
    **{
        f"{name}{axes}d": (
            lambda name=name, axes=axes: getattr(nn, f"{name}{axes}d")(2),
            (1, 1, *(4, 3, 3)[:axes]))
        for name in ("AdaptiveMaxPool", "AdaptiveAvgPool") for axes in (1, 2, 3)
    },
    **{
        f"LPPool{axes}d": (
            lambda axes=axes: Positive(getattr(nn, f"LPPool{axes}d")(2, 2)),
            (1, 1, *(2, 4, 2)[:axes]))
        for axes in (1, 2, 3)
    },
    **{
        f"{name}Pad{axes}d": (
            lambda name=name, axes=axes: getattr(nn, f"{name}Pad{axes}d")(
                1, *([0.5] if name == "Constant" else [])),
            (1, 1, *(3, 2, 2)[:axes]))
        for name in ("Zero", "Constant", "Reflection", "Replication", "Circular")
        for axes in (1, 2, 3)
    },
    "PixelShuffle": (lambda: nn.PixelShuffle(2), (1, 4, 1, 2)),
    "PixelUnshuffle": (lambda: nn.PixelUnshuffle(2), (1, 1, 2, 4)),
    "ChannelShuffle": (lambda: nn.ChannelShuffle(2), (1, 4, 2)),
    "Unfold": (lambda: nn.Unfold(2), (1, 2, 3, 3)),
    "Fold": (lambda: nn.Fold((3, 3), 2), (1, 4, 4)),
    "Upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), (1, 1, 2, 2)),
    "UpsamplingBilinear2d": (lambda: nn.UpsamplingBilinear2d(scale_factor=2), (1, 1, 2, 2)),
    "UpsamplingNearest2d": (lambda: nn.UpsamplingNearest2d(scale_factor=2), (1, 1, 2, 2)),
    "Flatten": (lambda: nn.Flatten(), (2, 2, 3)),
    "Identity": (lambda: nn.Identity(), (2, 3)),
    "Affine": (lambda: nn.Affine(2.0, 1.0), (2, 3)),
    "Gaussian": (lambda: nn.Gaussian(0.5, 2.0), (2, 3)),
    "Threshold": (lambda: nn.Threshold(0.1, 0.5), (2, 3)),
    "GLU": (lambda: nn.GLU(0), (2, 3)),
    "Softmax2d": (lambda: nn.Softmax2d(), (1, 2, 2, 3)),
    "RReLU in evaluation": (lambda: nn.RReLU().eval(), (2, 3)),
    "PReLU": (lambda: nn.PReLU(), (2, 3)),
    "PReLU of channels": (lambda: nn.PReLU(3), (2, 3, 2)),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(3), (1, 4, 2)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(2), (4, 2)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(2), (2, 2, 2, 2)),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(1, bias=False), (2, 1, 1, 2, 2)),
    "InstanceNorm3d": (lambda: nn.InstanceNorm3d(1, affine=True), (2, 1, 1, 2, 2)),
    "Unflatten": (lambda: nn.Unflatten(-1, (3, 2)), (2, 6)),
    "AlphaDropout in evaluation": (lambda: nn.AlphaDropout().eval(), (2, 3)),
    "LayerNorm": (lambda: nn.LayerNorm(3), (2, 3)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), (2, 4, 2)),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(2, affine=True), (2, 2, 3)),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(2), (1, 2, 2, 2)),
    "RMSNorm": (lambda: nn.RMSNorm(3), (2, 3)),
    "Bilinear": (lambda: Twice(nn.Bilinear(3, 3, 2)), (2, 3)),
    "CosineSimilarity": (lambda: Twice(nn.CosineSimilarity()), (2, 3)),
    "PairwiseDistance": (lambda: Twice(nn.PairwiseDistance()), (2, 3)),
    "MultiheadAttention": (lambda: Thrice(nn.MultiheadAttention(2, 2)), (2, 1, 2)),
    "TransformerEncoderLayer": (
        lambda: nn.TransformerEncoderLayer(2, 1, 2, activation="gelu").eval(), (2, 1, 2)),
    "TransformerEncoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(
            2, 1, 1, activation="gelu", norm_first=True).eval(), 1), (2, 1, 2)),
    "TransformerDecoderLayer": (
        lambda: Twice(nn.TransformerDecoderLayer(2, 1, 1, activation="gelu").eval()), (2, 1, 2)),
    "TransformerDecoder": (
        lambda: Twice(nn.TransformerDecoder(nn.TransformerDecoderLayer(
            2, 1, 1, activation="gelu", norm_first=True).eval(), 1)), (2, 1, 2)),
    "Transformer": (
        lambda: Twice(nn.Transformer(2, 1, 1, 1, 1, activation="gelu").eval()), (2, 1, 2)),
    "Dropout in evaluation": (lambda: nn.Dropout(0.5).eval(), (2, 3)),
    "RNNCell": (lambda: nn.RNNCell(1, 1), (2, 1)),
    "LSTMCell": (lambda: nn.LSTMCell(1, 1), (2, 1)),
    "LSTMCell of the chapter": (lambda: nn.LSTMCell(1, 1, chapter=True), (2, 1)),
    "LSTM projected": (
        lambda: nn.LSTM(1, 2, bidirectional=True, proj_size=1), (2, 1, 1)),
    "GRUCell": (lambda: nn.GRUCell(1, 1), (2, 1)),
    **{
        f"{kind.__name__} {'fused' if fused else 'composed'} {options}": (
            lambda kind=kind, fused=fused, options=options: kind(1, 1, fused=fused, **options),
            (2, 1, 1),
        )
        for kind in (nn.RNN, nn.LSTM, nn.GRU)
        for fused in (True, False)
        for options in (
            {},
            {"bidirectional": True, "batch_first": True, "bias": False},
            *([{"chapter": True}] if kind is nn.LSTM else []),
        )
    },
    **{
        name: (lambda name=name: getattr(nn, name)(), (2, 3))
        for name in (
            "ReLU", "LeakyReLU", "Sigmoid", "Tanh", "Softplus", "ELU", "GELU", "SiLU", "Hardtanh",
            "Softmax", "LogSoftmax", "ReLU6", "SELU", "CELU", "Mish", "Softsign", "Hardsigmoid",
            "Hardswish", "Hardshrink", "Softshrink", "Tanhshrink", "LogSigmoid", "Softmin",
        )
    },
}  # fmt: skip


def built(name: str) -> tuple[Module, list[Tensor]]:
    """The layer, with parameters that are not all alike, and the tensors to differentiate by."""
    mg.random.manual_seed(3)
    make, shape = LAYERS[name]
    with_doubles = mg.get_default_dtype()
    assert with_doubles == np.float64
    layer = make()
    random = np.random.default_rng(5)
    for p in layer.parameters():
        p.data = random.uniform(-1.0, 1.0, p.shape)
    count = int(np.prod(shape))
    x = np.linspace(-1.3, 1.4, count)[random.permutation(count)].reshape(shape)
    return layer, [Tensor(x, requires_grad=True), *layer.parameters()]


def first(out: Any) -> Tensor:
    """One number per element of all results, so that none goes unchecked."""
    if isinstance(out, Tensor):
        return out
    parts = [first(part).reshape(-1) for part in out]
    return mg.concatenate(parts)


@pytest.mark.parametrize("name", LAYERS)
def test_first_and_second_derivatives_are_the_finite_differences(name: str) -> None:
    layer, tensors = built(name)
    paths = [path.rpartition(".") for path, _ in layer.named_parameters()]
    places = [(layer.get_submodule(owner), key) for owner, _, key in paths]

    def f(x: Tensor, *parameters: Tensor) -> Tensor:
        for (owner, key), p in zip(places, parameters, strict=True):
            object.__setattr__(owner, key, p)
        return first(layer(x)) * 1.0

    assert mg.gradcheck(f, tensors)
    assert mg.gradgradcheck(*along_directions(f, tensors, few=12), atol=1e-4)


def test_no_layer_is_left_out() -> None:
    """Every public class of nn that computes something is in the table, or named here with why."""
    elsewhere = {
        "Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict",
        # random: their gradient is their mask, tests/test_normalization.py
        "Dropout", "Dropout1d", "Dropout2d", "Dropout3d",
        "Embedding", "EmbeddingBag",  # take integers: tests/test_embedding.py, and of bags
        "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",  # take indices: tests/test_composed.py
        "Step",  # its slope is zero wherever it has one: tests/test_activations.py
    }  # fmt: skip
    checked = {name.split()[0] for name in LAYERS}
    public = {
        name
        for name in nn.__all__
        if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), Module)
    }
    losses = {name for name in public if name.endswith(("Loss", "Error"))}  # tests/test_losses.py
    assert public - losses - elsewhere - checked == set()
