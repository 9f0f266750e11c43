"""The chapter's networks: sizes, names, and that they compute what torch's do."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from microgradnd import Tensor
from microgradnd.models import LeNet, ResNet, resnet, vgg
from microgradnd.models.resnets import BasicBlock, Bottleneck
from microgradnd.nn import Module


@pytest.fixture
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def count(model: Module) -> int:
    return sum(p.size for p in model.parameters())


class Zeros(np.random.Generator):
    """Half a gigabyte of draws is nothing to wait for."""

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        return np.broadcast_to(np.float32(0.0), size)


def test_lenet_has_the_chapter_s_layers() -> None:
    net = LeNet(rng=np.random.default_rng(0))
    shapes = {name: p.shape for name, p in net.named_parameters() if name.endswith("weight")}
    assert shapes == {
        "conv1.weight": (20, 1, 5, 5),
        "conv2.weight": (50, 20, 5, 5),
        "fc1.weight": (500, 800),
        "fc2.weight": (10, 500),
    }
    assert count(net) == 520 + 25_050 + 400_500 + 5_010


@pytest.mark.parametrize(
    ("depth", "parameters"), [(11, 132_863_336), (16, 138_357_544), (19, 143_667_240)]
)
def test_vgg_has_the_published_number_of_parameters(depth: int, parameters: int) -> None:
    assert count(vgg(depth, rng=Zeros(np.random.PCG64(0)))) == parameters


@pytest.mark.parametrize(
    ("depth", "parameters"),
    [(18, 11_689_512), (34, 21_797_672), (50, 25_557_032), (101, 44_549_160), (152, 60_192_808)],
)
def test_resnet_has_the_published_number_of_parameters(depth: int, parameters: int) -> None:
    assert count(resnet(depth)) == parameters


def test_the_twelve_steps_of_vgg_16() -> None:
    """M2, figures 5-22, 5-23: the sizes after the first stages, and where the image is halved."""
    net = vgg(16, 10, hidden=8, rng=np.random.default_rng(0))
    x: Any = np.zeros((1, 3, 224, 224), np.float32)
    sizes = []
    for layer in list(net.features)[:10]:
        x = layer(x)
        if type(layer).__name__ == "MaxPool2d":
            sizes.append(x.shape[1:])
    assert sizes == [(64, 112, 112), (128, 56, 56)]
    pools = [k for k, layer in enumerate(net.features) if type(layer).__name__ == "MaxPool2d"]
    assert pools == [4, 9, 16, 23, 30]


def torch_vgg(nn: Any, hidden: int, classes: int) -> Any:
    """VGG-16 as torchvision builds it."""
    layers, maps = [], 3
    for stage in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if not stage:
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers += [nn.Conv2d(maps, stage, 3, padding=1), nn.ReLU(inplace=True)]
        maps = stage
    net = nn.Module()
    net.features = nn.Sequential(*layers)
    net.avgpool = nn.AdaptiveAvgPool2d((7, 7))
    net.classifier = nn.Sequential(
        nn.Linear(512 * 49, hidden), nn.ReLU(True), nn.Dropout(),
        nn.Linear(hidden, hidden), nn.ReLU(True), nn.Dropout(), nn.Linear(hidden, classes),
    )  # fmt: skip
    net.forward = lambda x: net.classifier(net.avgpool(net.features(x)).flatten(1))
    return net


def agree(torch: Any, ours: Module, theirs: Any, x: np.ndarray, tolerance: float) -> None:
    """Both networks give the same result and, for a random direction, the same gradients."""
    state = {name: t.detach().numpy() for name, t in theirs.state_dict().items()}
    ours.load_state_dict(state)
    out = ours(x)
    expected = theirs.forward(torch.tensor(x))
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), rtol=tolerance, atol=1e-4)
    g = np.random.default_rng(1).normal(size=out.shape).astype(x.dtype)
    out.backward(g)
    expected.backward(torch.tensor(g))
    gradients = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        assert isinstance(p.grad, Tensor)
        want = gradients[name].grad.numpy()
        np.testing.assert_allclose(
            p.grad.numpy(), want, atol=tolerance * np.abs(want).max(), err_msg=name
        )


def test_torch_s_weights_of_vgg_16_load_unchanged_and_compute_the_same(torch: Any) -> None:
    torch.manual_seed(0)
    theirs = torch_vgg(torch.nn, 32, 10).eval()
    ours = vgg(16, 10, hidden=32)
    ours.eval()
    x = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    agree(torch, ours, theirs, x, 2e-4)


def test_parameters_of_vgg_16_have_torchvision_s_names_and_shapes(torch: Any) -> None:
    with torch.device("meta"):  # shapes without numbers
        theirs = torch_vgg(torch.nn, 4096, 1000)
    expected = {name: tuple(p.shape) for name, p in theirs.state_dict().items()}
    ours = vgg(16, rng=Zeros(np.random.PCG64(0)))
    assert {name: a.shape for name, a in ours.state_dict().items()} == expected
    assert {"features.0.weight", "features.28.bias", "classifier.6.weight"} <= set(expected)


def torch_block(nn: Any, inputs: int, maps: int, stride: int, deep: bool) -> Any:
    """A residual block with torchvision's names."""
    wide = maps * (4 if deep else 1)
    block = nn.Module()
    if deep:
        block.conv1 = nn.Conv2d(inputs, maps, 1, bias=False)
        block.conv2 = nn.Conv2d(maps, maps, 3, stride, 1, bias=False)
        block.conv3 = nn.Conv2d(maps, wide, 1, bias=False)
    else:
        block.conv1 = nn.Conv2d(inputs, maps, 3, stride, 1, bias=False)
        block.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
    block.bn1, block.bn2 = nn.BatchNorm2d(maps), nn.BatchNorm2d(maps)
    if deep:
        block.bn3 = nn.BatchNorm2d(wide)
    if stride != 1 or inputs != wide:
        block.downsample = nn.Sequential(
            nn.Conv2d(inputs, wide, 1, stride, bias=False), nn.BatchNorm2d(wide)
        )

    def forward(x: Any) -> Any:
        h = block.bn1(block.conv1(x)).relu()
        h = block.bn2(block.conv2(h))
        h = block.bn3(block.conv3(h.relu())) if deep else h
        return (h + (block.downsample(x) if hasattr(block, "downsample") else x)).relu()

    block.forward = forward
    return block


def torch_resnet(nn: Any, deep: bool, counts: tuple[int, ...], width: int, classes: int) -> Any:
    net = nn.Module()
    net.conv1, net.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
    inputs = width
    for number, blocks in enumerate(counts):
        stage = []
        for k in range(blocks):
            maps = width << number
            stage.append(torch_block(nn, inputs, maps, 2 if number and not k else 1, deep))
            inputs = maps * (4 if deep else 1)
        setattr(net, f"layer{number + 1}", nn.Sequential(*stage))
    net.fc = nn.Linear(inputs, classes)

    def forward(x: Any) -> Any:
        x = nn.functional.max_pool2d(net.bn1(net.conv1(x)).relu(), 3, 2, 1)
        for number in range(len(counts)):
            x = getattr(net, f"layer{number + 1}")(x)
        return net.fc(x.mean((2, 3)))

    net.forward = forward
    return net


@pytest.mark.parametrize("deep", [False, True])
def test_residual_networks_compute_what_torch_s_do(torch: Any, deep: bool) -> None:
    torch.manual_seed(0)
    counts = (2, 1, 2)
    theirs = torch_resnet(torch.nn, deep, counts, 8, 5).double()
    ours = ResNet(Bottleneck if deep else BasicBlock, counts, 5, width=8, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(3, 3, 48, 48))
    agree(torch, ours, theirs, x, 1e-8)


@pytest.mark.parametrize(
    ("depth", "deep", "counts"),
    [(18, False, (2, 2, 2, 2)), (50, True, (3, 4, 6, 3)), (152, True, (3, 8, 36, 3))],
)
def test_states_of_resnets_have_torchvision_s_names_and_shapes(
    torch: Any, depth: int, deep: bool, counts: tuple[int, ...]
) -> None:
    with torch.device("meta"):
        theirs = torch_resnet(torch.nn, deep, counts, 64, 1000)
    expected = {name: tuple(p.shape) for name, p in theirs.state_dict().items()}
    ours = resnet(depth, rng=Zeros(np.random.PCG64(0)))
    assert {name: a.shape for name, a in ours.state_dict().items()} == expected
    assert {"layer1.0.conv1.weight", "layer2.0.downsample.0.weight"} <= set(expected)


@pytest.mark.parametrize(
    ("build", "known"), [(vgg, "11, 16, 19"), (resnet, "18, 34, 50, 101, 152")]
)
def test_unknown_depths_are_refused(build: Any, known: str) -> None:
    with pytest.raises(ValueError, match=f"depth must be one of {known}, not 17"):
        build(17)
