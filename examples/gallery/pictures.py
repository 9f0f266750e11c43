"""One function per picture. Each makes a small network, runs it once and draws what happened."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import viz
from examples.bp_network import small_graph
from microgradnd import Tensor, nn
from microgradnd.models import LeNet, vgg
from microgradnd.models.resnets import BasicBlock
from microgradnd.models.vggs import VGG
from microgradnd.nn.functional import cross_entropy, softmax

Array = np.ndarray


def image(size: int, channels: int = 1) -> Array:
    """A ring on a dark ground, (1, C, size, size): something for filters to see."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    ring = np.exp(-20 * (np.hypot(x, y) - 0.6) ** 2)
    return np.stack([ring * (1 - 0.3 * c) for c in range(channels)])[None].astype(np.float32)


def bp_network(**looks: Any) -> viz.Picture:
    """The chapter's three-layer network (fig. 5-7), one sample, every number of both passes."""
    return viz.draw(small_graph(), title="One sample through a 2-3-1 network", **looks)


def neurons(**looks: Any) -> viz.Neurons:
    """The same pass as circles and weighted connections, as the chapter draws it."""
    return viz.neurons(small_graph(), title="The 2-3-1 network and its weights", **looks)


def neuron(**looks: Any) -> viz.Neurons:
    """One of its units: the products that its net input and its weights' gradients are."""
    title = "One hidden unit, product by product"
    return viz.neurons(small_graph(), unit=("v", 1), title=title, **looks)


def path(**looks: Any) -> viz.Picture:
    """One way from an input to the result, with the local slopes along it."""
    x = Tensor(0.5, requires_grad=True, name="x")
    y = (x.sin().named("s") * x.exp().named("p")).named("y")
    return viz.paths((y + x).named("z"), x).draw(1, **looks)


def lenet(**looks: Any) -> viz.Picture:
    """The LeNet-style network (C8) on an image of 28 × 28 pixels, every layer open."""
    model = LeNet(rng=np.random.default_rng(0))
    loss = cross_entropy(model(image(28)), np.array([0])).named("loss")
    return viz.draw(loss, title="LeNet on one digit", **looks)


def deep(**looks: Any) -> viz.Picture:
    """Thirty equal layers of tanh: how the gradient vanishes on its way back."""
    rng = np.random.default_rng(0)
    layers = [part for _ in range(30) for part in (nn.Linear(8, 8, rng=rng), nn.Tanh())]
    model = nn.Sequential(*layers, nn.Linear(8, 3, rng=rng))
    x = Tensor(rng.normal(size=(4, 8)).astype(np.float32), name="x")
    loss = cross_entropy(model(x), np.array([0, 1, 2, 0])).named("loss")
    return viz.draw(loss, title="A network of 30 layers", **looks)


class Stages(nn.Module):
    """A VGG in its stages: what lies between two poolings is one module."""

    def __init__(self, model: VGG) -> None:
        layers: list[nn.Module] = []
        for layer in model.features:
            layers.append(layer)
            if isinstance(layer, nn.MaxPool2d):
                setattr(self, f"stage{len(list(self.children())) + 1}", nn.Sequential(*layers))
                layers = []
        self.avgpool, self.flatten, self.classifier = model.avgpool, nn.Flatten(), model.classifier

    def forward(self, x: Any) -> Tensor:
        for part in self.children():
            x = part(x)
        return x


def vgg16(**looks: Any) -> viz.Picture:
    """VGG-16 with small fully connected layers, on a small image, its stages closed."""
    model = Stages(vgg(16, 10, hidden=256, rng=np.random.default_rng(0))).eval()
    loss = cross_entropy(model(image(32, 3)), np.array([0])).named("loss")
    return viz.draw(loss, fold=True, open="Stages", title="VGG-16, stage by stage", **looks)


def rnn(**looks: Any) -> viz.Picture:
    """A recurrent network over three steps, unrolled: its weights' gradients are sums over time."""
    rng = np.random.default_rng(0)
    x = Tensor(np.sin(np.arange(4.0))[:, None, None], name="x")  # (T, 1, 1)
    cell, h = nn.RNNCell(1, 2, rng=rng, dtype=np.float64), None
    for t in range(3):
        h = cell(x.data[t], h).named(f"h{'₁₂₃'[t]}")  # (1, 2)
    assert h is not None
    error = (h.sum().named("o") - x.data[3, 0, 0]).square().named("E")
    return viz.draw(error, title="A recurrent network over three steps", **looks)


def sequence(**looks: Any) -> viz.Picture:
    """A recurrent network over a hundred steps: the first three, the last two, and the others."""
    net = nn.RNN(1, 4, fused=False, rng=np.random.default_rng(0), dtype=np.float64)
    x = np.sin(0.3 * np.arange(101.0))[:, None, None]  # (T, 1, 1)
    _, h = net(x[:-1])  # (1, 1, 4)
    loss = (h.mean() - float(x[-1, 0, 0])).square().named("loss")
    title = "A recurrent network over 100 steps"
    return viz.draw(loss, title=title, **looks)


def lstm_cell(**looks: Any) -> viz.Picture:
    """One step of the LSTM (eq. 5-37): gates, cell state and output."""
    rng = np.random.default_rng(0)
    cell = nn.LSTMCell(2, 2, rng=rng, dtype=np.float64)
    h, c = (Tensor(rng.normal(size=(1, 2)), requires_grad=True, name=n) for n in ("h", "c"))
    x = Tensor(rng.normal(size=(1, 2)), name="x")
    h1, c1 = cell(x, (h, c))
    c1.named("c₁")
    loss = h1.named("h₁").square().sum().named("E")
    return viz.draw(loss, fold=False, title="One step of an LSTM", **looks)


def lstm(**looks: Any) -> viz.Picture:
    """An LSTM over three steps: the cell's state runs straight through all of them."""
    rng = np.random.default_rng(0)
    cell = nn.LSTMCell(2, 3, rng=rng, dtype=np.float64)
    h, c = (Tensor(np.zeros((1, 3)), name=n) for n in ("h₀", "c₀"))
    for t in range(3):
        h, c = cell(Tensor(rng.normal(size=(1, 2)), name=f"x{'₁₂₃'[t]}"), (h, c))
    loss = h.square().sum().named("E")
    return viz.draw(loss, title="An LSTM over three steps", **looks)


def attention(**looks: Any) -> viz.Picture:
    """Scaled dot products of five words: the gradient of x is the sum over q, k and v."""
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(5, 8)), requires_grad=True, name="x")
    weights = (Tensor(0.4 * rng.normal(size=(8, 8)), requires_grad=True, name=f"W{n}")
               for n in "qkv")  # fmt: skip
    q, k, v = ((x @ w).named(n) for w, n in zip(weights, "qkv", strict=True))
    scores = (q @ k.T / 8**0.5).named("scores")
    y = (softmax(scores, dim=-1).named("A") @ v).named("y")
    return viz.draw(y.square().mean().named("loss"), direction="LR", title="Attention", **looks)


def scalars(**looks: Any) -> viz.Picture:
    """Some 1,900 operations on single numbers, five samples: read again as three layers."""
    rng = np.random.default_rng(0)
    sizes = (2, 12, 12, 1)
    net = [
        [[Tensor(w, requires_grad=True) for w in rng.uniform(-1, 1, n + 1)] for _ in range(m)]
        for n, m in pairwise(sizes)
    ]
    loss: Any = 0.0
    for sample in rng.uniform(-1, 1, (5, 2)):
        x = list(sample)
        for layer in net:
            sums = [sum((w * v for w, v in zip(row, x, strict=False)), row[-1]) for row in layer]
            x = sums if layer is net[-1] else [z.tanh() for z in sums]
        loss = loss + (x[0] - 1.0) ** 2
    return viz.draw(loss.named("loss"), title="A network of single numbers", **looks)


def residual_block(**looks: Any) -> viz.Picture:
    """A block of ResNet-18: the gradient of its input is the sum over branch and shortcut."""
    rng = np.random.default_rng(0)
    block = BasicBlock(2, 2, 1, {"rng": rng, "dtype": np.float32})
    x = Tensor(image(8, 2), requires_grad=True, name="image").relu().named("x")
    loss = block(x).square().mean().named("loss")
    return viz.draw(loss, title="A residual block", **looks)


GALLERY: dict[str, Callable[..., viz.Picture | viz.Neurons]] = {
    f.__name__: f
    for f in (
        bp_network, neurons, neuron, path, lenet, deep, vgg16, rnn, sequence, lstm_cell, lstm,
        attention, residual_block, scalars,
    )
}  # fmt: skip
PLAYING = {"bp_network"}  # those that play their backward pass
