"""Pooling layers: the largest or the mean element of each window (fig. 5-16)."""

from __future__ import annotations

from typing import Any

from microgradnd.arguments import checked, either, optional, several, sizes, whole
from microgradnd.engine import Tensor
from microgradnd.nn.module import Module
from microgradnd.ops import pooling

ALONG = {"kernel_size": whole(1), "stride": optional(whole(1)), "padding": whole(0)}
BINS = either(
    optional(whole(1)), several(optional(whole(1)), "a pair (height, width) of them", 2, 2)
)


class Pooling(Module):
    """What the layers share: kernel_size, stride (by default the same) and padding."""

    @checked(stride=optional(sizes(1)), padding=sizes(0))
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def extra_repr(self) -> str:
        stride = self.kernel_size if self.stride is None else self.stride
        words = f"kernel_size={self.kernel_size}, stride={stride}"
        return words + (f", padding={self.padding}" if self.padding else "")


class MaxPool2d(Pooling):
    """The largest element of each window of x (N, C, H, W); windows may overlap, as in AlexNet.

    >>> from microgradnd import Tensor
    >>> MaxPool2d(2)(Tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    Tensor([[[[4.]]]])
    """

    def forward(self, x: Any) -> Tensor:
        return pooling.max_pool2d(x, self.kernel_size, self.stride, self.padding)


class MaxPool1d(Pooling):
    """The largest element of each window of x (N, C, L)."""

    kinds = ALONG

    def forward(self, x: Any) -> Tensor:
        return pooling.max_pool1d(x, self.kernel_size, self.stride, self.padding)


class AvgPool2d(Pooling):
    """The mean of each window of x (N, C, H, W); padding counts as zeros, as in PyTorch."""

    def forward(self, x: Any) -> Tensor:
        return pooling.avg_pool2d(x, self.kernel_size, self.stride, self.padding)


class AvgPool1d(Pooling):
    """The mean of each window of x (N, C, L)."""

    kinds = ALONG

    def forward(self, x: Any) -> Tensor:
        return pooling.avg_pool1d(x, self.kernel_size, self.stride, self.padding)


class AdaptiveAvgPool2d(Module):
    """Means over as many bins as asked for: x (N, C, H, W) to (N, C, *output_size).

    With output_size 1 it is global average pooling (C9).
    """

    @checked(output_size=BINS)
    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def forward(self, x: Any) -> Tensor:
        return pooling.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
