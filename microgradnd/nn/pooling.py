"""Pooling layers: the largest or the mean element of each window (fig. 5-16)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd.arguments import either, optional, several, sizes, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.kernels.windows import Pair
from microgradnd.nn.module import FunctionModule
from microgradnd.ops import pooling

ALONG = {"kernel_size": whole(1), "stride": optional(whole(1)), "padding": whole(0)}
BINS = either(
    optional(whole(1)), several(optional(whole(1)), "a pair (height, width) of them", 2, 2)
)


def _in_float32(pool: Callable[..., Tensor], x: TensorLike, *args: Any, **options: Any) -> Tensor:
    """Pooling of float16 by way of float32: a sum may overflow where its mean does not."""
    if getattr(x, "dtype", None) != np.float16:
        return pool(x, *args, **options)
    wide = as_tensor(x, pool.__name__, "x").astype(np.float32)
    return pool(wide, *args, **options).astype(np.float16)


def avg_pool2d(
    x: TensorLike, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0,
    *, count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of x (..., H, W); padding counts as zeros, unless told otherwise.

    >>> avg_pool2d([[1.0, 2.0], [3.0, 6.0]], 2)
    Tensor([[3.]])
    """
    given = x, kernel_size, stride, padding
    return _in_float32(pooling.avg_pool2d, *given, count_include_pad=count_include_pad)


def avg_pool1d(
    x: TensorLike, kernel_size: int, stride: int | None = None, padding: int = 0,
    *, count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of x (..., L); see `avg_pool2d`.

    >>> avg_pool1d([1.0, 2.0, 3.0], 2, 1)
    Tensor([1.5, 2.5])
    """
    given = x, kernel_size, stride, padding
    return _in_float32(pooling.avg_pool1d, *given, count_include_pad=count_include_pad)


class _Pooling(FunctionModule, stride=optional(sizes(1)), padding=sizes(0)):
    """What the layers share: kernel_size, stride (by default the same) and padding."""

    kernel_size: Pair
    stride: Pair | None = None
    padding: Pair = 0

    def extra_repr(self) -> str:
        stride = self.kernel_size if self.stride is None else self.stride
        padding = f", padding={self.padding}" if self.padding else ""
        return f"kernel_size={self.kernel_size}, stride={stride}{padding}"


class MaxPool2d(_Pooling, function=pooling.max_pool2d):
    """The largest element of each window of x (N, C, H, W); windows may overlap, as in AlexNet.

    >>> from microgradnd import Tensor
    >>> MaxPool2d(2)(Tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    Tensor([[[[4.]]]])
    """


class MaxPool1d(_Pooling, function=pooling.max_pool1d, **ALONG):
    """The largest element of each window of x (N, C, L)."""


class AvgPool2d(_Pooling, function=avg_pool2d):
    """The mean of each window of x (N, C, H, W); padding counts as zeros, as in PyTorch."""


class AvgPool1d(_Pooling, function=avg_pool1d, **ALONG):
    """The mean of each window of x (N, C, L)."""


class AdaptiveAvgPool2d(FunctionModule, function=pooling.adaptive_avg_pool2d, output_size=BINS):
    """Means over as many bins as asked for: x (N, C, H, W) to (N, C, *output_size).

    With output_size 1 it is global average pooling (C9).
    """

    output_size: Pair | tuple[int | None, int | None] | None
