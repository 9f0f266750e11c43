"""Pooling layers: the largest or the mean element of each window (fig. 5-16)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from microgradnd.arguments import FLAG, POSITIVE, Kind, either, optional, several, sizes, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.kernels.windows import Pair, Several
from microgradnd.nn.module import FunctionModule
from microgradnd.ops import more_pooling, pooling

ALONG = {"kernel_size": sizes(1, 1), "stride": optional(sizes(1, 1)), "padding": sizes(0, 1)}
IMAGES = {"kernel_size": sizes(1), "stride": optional(sizes(1)), "padding": sizes(0)}
VOLUMES = {"kernel_size": sizes(1, 3), "stride": optional(sizes(1, 3)), "padding": sizes(0, 3)}
FLAGS = dict.fromkeys(["ceil_mode", "return_indices", "count_include_pad"], FLAG)
DIVISOR = {"divisor_override": optional(whole(1))}


def bins(axes: int) -> Kind:
    """How many bins along each axis; None keeps a length."""
    words = {
        1: "a list of one",
        2: "a pair (height, width) of them",
        3: "a triple (depth, height, width) of them",
    }
    each = several(optional(whole(1)), words[axes], axes, axes)
    return either(optional(whole(1)), each)


BINS = bins(2)


def _in_float32(pool: Callable[..., Tensor], x: TensorLike, *args: Any, **options: Any) -> Tensor:
    """Pooling of float16 by way of float32: a sum may overflow where its mean does not."""
    if getattr(x, "dtype", None) != np.float16:
        return pool(x, *args, **options)
    wide = as_tensor(x, pool.__name__, "x").astype(np.float32)
    return pool(wide, *args, **options).astype(np.float16)


def avg_pool2d(
    x: TensorLike, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of x (..., H, W); padding counts as zeros, unless told otherwise.

    >>> avg_pool2d([[1.0, 2.0], [3.0, 6.0]], 2)
    Tensor([[3.]])
    """
    given = x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    return _in_float32(pooling.avg_pool2d, *given)


def avg_pool1d(
    x: TensorLike, kernel_size: int, stride: int | None = None, padding: int = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of x (..., L); see `avg_pool2d`.

    >>> avg_pool1d([1.0, 2.0, 3.0], 2, 1)
    Tensor([1.5, 2.5])
    """
    given = x, kernel_size, stride, padding, ceil_mode, count_include_pad
    return _in_float32(pooling.avg_pool1d, *given)


def avg_pool3d(
    x: TensorLike, kernel_size: Several, stride: Several | None = None, padding: Several = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of x (..., D, H, W); see `avg_pool2d`.

    >>> avg_pool3d([[[1.0, 2.0], [3.0, 6.0]]], (1, 2, 2))
    Tensor([[[3.]]])
    """
    given = x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    return _in_float32(more_pooling.avg_pool3d, *given)


class _Pooling(FunctionModule, stride=optional(sizes(1)), padding=sizes(0), **FLAGS):
    """What the layers share: kernel_size, stride (by default the same) and padding."""

    kernel_size: Any
    stride: Any = None
    padding: Any = 0

    def extra_repr(self) -> str:
        stride = self.kernel_size if self.stride is None else self.stride
        text = f"kernel_size={self.kernel_size}, stride={stride}"
        for field in self.__match_args__[2:]:
            usual, given = getattr(type(self), field), getattr(self, field)
            text += f", {field}={given}" if given != usual else ""
        return text


class _MaxPooling(_Pooling, dilation=sizes(1)):
    dilation: Any = 1
    return_indices: bool = False
    ceil_mode: bool = False

    def forward(self, x: TensorLike) -> Any:
        window = self.kernel_size, self.stride, self.padding, self.dilation
        return self.function(x, *window, self.ceil_mode, self.return_indices)


class MaxPool2d(_MaxPooling, function=pooling.max_pool2d):
    """The largest element of each window of x (N, C, H, W); windows may overlap, as in AlexNet.

    >>> from microgradnd import Tensor
    >>> MaxPool2d(2)(Tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    Tensor([[[[4.]]]])
    """


class MaxPool1d(_MaxPooling, function=pooling.max_pool1d, **ALONG, dilation=sizes(1, 1)):
    """The largest element of each window of x (N, C, L)."""


class MaxPool3d(_MaxPooling, function=more_pooling.max_pool3d, **VOLUMES, dilation=sizes(1, 3)):
    """The largest element of each window of x (N, C, D, H, W)."""


class AvgPool2d(_Pooling, function=avg_pool2d, **DIVISOR):
    """The mean of each window of x (N, C, H, W); padding counts as zeros, as in PyTorch."""

    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None


class AvgPool1d(_Pooling, function=avg_pool1d, **ALONG):
    """The mean of each window of x (N, C, L)."""

    ceil_mode: bool = False
    count_include_pad: bool = True


class AvgPool3d(_Pooling, function=avg_pool3d, **VOLUMES, **DIVISOR):
    """The mean of each window of x (N, C, D, H, W)."""

    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None


class LPPool2d(
    FunctionModule, function=more_pooling.lp_pool2d, norm_type=POSITIVE,
    stride=optional(sizes(1)), **FLAGS,
):  # fmt: skip
    """(Σ x^p)^(1/p) over each window of x (N, C, H, W); see `functional.lp_pool2d`.

    >>> LPPool2d(2, 2)([[[[3.0, 0.0], [0.0, 4.0]]]])
    Tensor([[[[5.]]]])
    """

    norm_type: float
    kernel_size: Any
    stride: Any = None
    ceil_mode: bool = False


class LPPool1d(
    LPPool2d, function=more_pooling.lp_pool1d, kernel_size=sizes(1, 1), stride=optional(sizes(1, 1))
):
    """(Σ x^p)^(1/p) over each window of x (N, C, L)."""


class LPPool3d(
    LPPool2d, function=more_pooling.lp_pool3d, kernel_size=sizes(1, 3),
    stride=optional(sizes(1, 3)),
):  # fmt: skip
    """(Σ x^p)^(1/p) over each window of x (N, C, D, H, W)."""


class AdaptiveAvgPool2d(
    FunctionModule, function=more_pooling.adaptive_avg_pool2d, output_size=BINS
):
    """Means over as many bins as asked for: x (N, C, H, W) to (N, C, *output_size).

    With output_size 1 it is global average pooling (C9).
    """

    output_size: Pair | tuple[int | None, int | None] | None


class AdaptiveAvgPool1d(
    FunctionModule, function=more_pooling.adaptive_avg_pool1d, output_size=bins(1)
):
    """Means over as many bins as asked for: x (N, C, L) to (N, C, output_size)."""

    output_size: Any


class AdaptiveAvgPool3d(
    FunctionModule, function=more_pooling.adaptive_avg_pool3d, output_size=bins(3)
):
    """Means over as many bins as asked for: x (N, C, D, H, W) to (N, C, *output_size)."""

    output_size: Any


class AdaptiveMaxPool2d(
    FunctionModule, function=more_pooling.adaptive_max_pool2d, output_size=BINS, **FLAGS
):
    """The largest elements of as many bins as asked for: x (N, C, H, W) to (N, C, *output_size).

    >>> AdaptiveMaxPool2d(1)([[[[1.0, 2.0], [3.0, 4.0]]]])
    Tensor([[[[4.]]]])
    """

    output_size: Any
    return_indices: bool = False


class AdaptiveMaxPool1d(
    AdaptiveMaxPool2d, function=more_pooling.adaptive_max_pool1d, output_size=bins(1)
):
    """The largest elements of as many bins as asked for: x (N, C, L)."""


class AdaptiveMaxPool3d(
    AdaptiveMaxPool2d, function=more_pooling.adaptive_max_pool3d, output_size=bins(3)
):
    """The largest elements of as many bins as asked for: x (N, C, D, H, W)."""


class MaxUnpool2d(_Pooling, function=more_pooling.max_unpool2d):
    """What undoes `MaxPool2d(…, return_indices=True)`, but for zeros: called with both results.

    >>> MaxUnpool2d(2)([[[[5.0]]]], [[[[2]]]])
    Tensor([[[[0., 0.],
              [5., 0.]]]])
    """

    def forward(  # type: ignore[override] # (it takes both results of the pooling)
        self, x: TensorLike, indices: TensorLike, output_size: Sequence[int] | None = None
    ) -> Tensor:
        window = self.kernel_size, self.stride, self.padding
        return self.function(x, indices, *window, output_size)


class MaxUnpool1d(MaxUnpool2d, function=more_pooling.max_unpool1d, **ALONG):
    """What undoes `MaxPool1d(…, return_indices=True)`; see `MaxUnpool2d`."""


class MaxUnpool3d(MaxUnpool2d, function=more_pooling.max_unpool3d, **VOLUMES):
    """What undoes `MaxPool3d(…, return_indices=True)`; see `MaxUnpool2d`."""
