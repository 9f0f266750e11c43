"""Pooling layers: the largest or the mean element of each window (fig. 5-16)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd.arguments import checked, either, optional, several, sizes, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor
from microgradnd.nn.module import Module
from microgradnd.ops import pooling

ALONG = {"kernel_size": whole(1), "stride": optional(whole(1)), "padding": whole(0)}
BINS = either(
    optional(whole(1)), several(optional(whole(1)), "a pair (height, width) of them", 2, 2)
)


def in_float32(pool: Callable[..., Tensor], x: Any, *args: Any, **options: Any) -> Tensor:
    """Pooling of float16 by way of float32: a sum may overflow where its mean does not."""
    if getattr(x, "dtype", None) != np.float16:
        return pool(x, *args, **options)
    return pool(x.astype(np.float32), *args, **options).astype(np.float16)


def avg_pool2d(
    x: TensorLike, kernel_size: Any, stride: Any = None, padding: Any = 0,
    *, count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of x (..., H, W); padding counts as zeros, unless told otherwise.

    >>> avg_pool2d([[1.0, 2.0], [3.0, 6.0]], 2)
    Tensor([[3.]])
    """
    return in_float32(
        pooling.avg_pool2d, x, kernel_size, stride, padding, count_include_pad=count_include_pad
    )


def avg_pool1d(
    x: TensorLike, kernel_size: int, stride: int | None = None, padding: int = 0,
    *, count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of x (..., L); see `avg_pool2d`.

    >>> avg_pool1d([1.0, 2.0, 3.0], 2, 1)
    Tensor([1.5, 2.5])
    """
    return in_float32(
        pooling.avg_pool1d, x, kernel_size, stride, padding, count_include_pad=count_include_pad
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

    def forward(self, x: TensorLike) -> Tensor:
        return pooling.max_pool2d(x, self.kernel_size, self.stride, self.padding)


class MaxPool1d(Pooling):
    """The largest element of each window of x (N, C, L)."""

    kinds = ALONG

    def forward(self, x: TensorLike) -> Tensor:
        return pooling.max_pool1d(x, self.kernel_size, self.stride, self.padding)


class AvgPool2d(Pooling):
    """The mean of each window of x (N, C, H, W); padding counts as zeros, as in PyTorch."""

    def forward(self, x: TensorLike) -> Tensor:
        return avg_pool2d(x, self.kernel_size, self.stride, self.padding)


class AvgPool1d(Pooling):
    """The mean of each window of x (N, C, L)."""

    kinds = ALONG

    def forward(self, x: TensorLike) -> Tensor:
        return avg_pool1d(x, self.kernel_size, self.stride, self.padding)


class AdaptiveAvgPool2d(Module):
    """Means over as many bins as asked for: x (N, C, H, W) to (N, C, *output_size).

    With output_size 1 it is global average pooling (C9).
    """

    @checked(output_size=BINS)
    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def forward(self, x: TensorLike) -> Tensor:
        return pooling.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
