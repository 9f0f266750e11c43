"""ResNet: deep networks whose blocks add to their input (He et al. 2016; M3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd import nn
from microgradnd.arguments import Kind, checked, one_number_of, require, several, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor


class _Block(nn.Module):
    """relu(residual(x) + x); where shapes differ, x goes through a 1 × 1 convolution first."""

    expansion: int
    relu: nn.Module
    downsample: nn.Module | None = None

    def residual(self, x: TensorLike) -> Tensor:
        raise NotImplementedError

    def forward(self, x: TensorLike) -> Tensor:
        skip = x if self.downsample is None else self.downsample(x)
        return self.relu(self.residual(x) + skip)  # (N, expansion · maps, H / stride, W / stride)


class BasicBlock(_Block):
    """Two 3 × 3 convolutions.

    Shapes: x (N, inputs, H, W), result (N, maps, H / stride, W / stride).
    """

    expansion = 1

    def __init__(self, inputs: int, maps: int, stride: int, options: dict[str, Any]) -> None:
        self.conv1 = nn.Conv2d(inputs, maps, 3, stride, 1, bias=False, **options)
        self.bn1 = nn.BatchNorm2d(maps, dtype=options["dtype"])
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(maps, maps, 3, padding=1, bias=False, **options)
        self.bn2 = nn.BatchNorm2d(maps, dtype=options["dtype"])

    def residual(self, x: TensorLike) -> Tensor:
        maps = self.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(maps))


class Bottleneck(_Block):
    """A 3 × 3 convolution between two of 1 × 1, which narrow and widen the maps.

    Shapes: x (N, inputs, H, W), result (N, 4 maps, H / stride, W / stride).
    """

    expansion = 4

    def __init__(self, inputs: int, maps: int, stride: int, options: dict[str, Any]) -> None:
        self.conv1 = nn.Conv2d(inputs, maps, 1, bias=False, **options)
        self.bn1 = nn.BatchNorm2d(maps, dtype=options["dtype"])
        self.conv2 = nn.Conv2d(maps, maps, 3, stride, 1, bias=False, **options)
        self.bn2 = nn.BatchNorm2d(maps, dtype=options["dtype"])
        self.conv3 = nn.Conv2d(maps, 4 * maps, 1, bias=False, **options)
        self.bn3 = nn.BatchNorm2d(4 * maps, dtype=options["dtype"])
        self.relu = nn.ReLU()

    def residual(self, x: TensorLike) -> Tensor:
        maps = self.relu(self.bn1(self.conv1(x)))  # (N, maps, H, W)
        maps = self.relu(self.bn2(self.conv2(maps)))  # (N, maps, H / stride, W / stride)
        return self.bn3(self.conv3(maps))  # (N, 4 maps, H / stride, W / stride)


# by depth: the kind of block, and how many the four stages have
_STAGES: dict[int, tuple[type[_Block], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}

_BLOCK = Kind("BasicBlock or Bottleneck", lambda v: isinstance(v, type) and issubclass(v, _Block))


class ResNet(nn.Module):
    """A 7 × 7 convolution, four stages of residual blocks, one fully connected layer.

    Args:
        block: BasicBlock or Bottleneck.
        counts: the blocks of each stage; from stage to stage maps double and images are halved.
        classes: how many outputs.
        width: maps of the first stage.

    Shapes: x (N, 3, H, W) (224 × 224 in the paper), result (N, classes): logits.
    """

    @checked(block=_BLOCK, counts=several(whole(1), "a list of whole numbers of at least 1", 1))
    def __init__(
        self,
        block: type[_Block],
        counts: tuple[int, ...],
        classes: int = 1000,
        *,
        width: int = 64,
        rng: np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        options: dict[str, Any] = {"rng": rng, "dtype": dtype}
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False, **options)
        self.bn1 = nn.BatchNorm2d(width, dtype=dtype)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = width
        for number, count in enumerate(counts):
            maps, stride = width << number, 2 if number else 1
            stage = nn.Sequential(_block(block, inputs, maps, stride, options))
            inputs = maps * block.expansion
            for _ in range(count - 1):
                stage.append(_block(block, inputs, maps, 1, options))
            setattr(self, f"layer{number + 1}", stage)
        self.stages = len(counts)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inputs, classes, **options)

    def forward(self, x: TensorLike) -> Tensor:
        maps = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (N, width, H / 4, W / 4)
        for number in range(self.stages):
            maps = getattr(self, f"layer{number + 1}")(maps)
        flat = self.avgpool(maps).reshape(len(maps), -1)  # (N, C)
        return self.fc(flat)  # (N, classes)


def _block(
    block: type[_Block], inputs: int, maps: int, stride: int, options: dict[str, Any]
) -> _Block:
    """A block, with a way around it where its result has another shape than its input."""
    out = block(inputs, maps, stride, options)  # type: ignore[call-arg]
    outputs = maps * block.expansion
    if stride != 1 or inputs != outputs:
        out.downsample = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False, **options),
            nn.BatchNorm2d(outputs, dtype=options["dtype"]),
        )
    return out


def resnet(depth: int = 18, classes: int = 1000, **options: Any) -> ResNet:
    """ResNet of 18, 34, 50, 101 or 152 layers.

    Raises:
        ValueError: there is no ResNet of that depth.

    >>> net = resnet(18, 10, width=4)
    >>> net(np.zeros((1, 3, 64, 64), np.float32)).shape
    (1, 10)
    """
    require("resnet", "depth", depth, one_number_of(*_STAGES))
    return ResNet(*_STAGES[depth], classes, **options)
