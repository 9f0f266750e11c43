"""Convolutional layers (5.3): cross-correlation with learned filters, and its transpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import numpy as np

from microgradnd.arguments import checked, either, one_of, sizes, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.functions import expand_dims, squeeze
from microgradnd.kernels.windows import Pair, output_size, pair
from microgradnd.nn.init import uniform_parameter
from microgradnd.nn.module import Module
from microgradnd.ops import convolution
from microgradnd.random import generator

Padding: TypeAlias = Pair | str  # a number, a pair, "same" or "valid"
PADDING = either(sizes(0), one_of("same", "valid"))


def _sides(
    padding: Padding, kernel: tuple[int, ...], stride: tuple, dilation: tuple
) -> tuple[tuple[int, int], ...]:
    """Padding as ((top, bottom), (left, right)); "same" puts the odd element behind."""
    if padding == "valid":
        return ((0, 0), (0, 0))
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f"padding='same' keeps the size at stride 1 only, not at {stride}")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, str):
        raise ValueError(f"padding={padding!r} is unknown: a number, a pair, 'same' or 'valid'")
    return tuple((p, p) for p in pair(padding))


def _check_axes(
    owner: str, axes: int, input: TensorLike, weight: TensorLike
) -> tuple[Tensor, Tensor]:
    """Input and weight as Tensors, if they have so many axes of an image."""
    x, w = as_tensor(input, owner, "input"), as_tensor(weight, owner, "weight")
    if w.ndim != axes + 2 or x.ndim not in (axes + 1, axes + 2):
        sizes = "(C, H, W) or (N, C, H, W) and (O, C/groups, F, F)"
        raise ValueError(
            f"{owner}: input and weight have shapes {x.shape} and {w.shape}, "
            f"needed {sizes if axes == 2 else '(C, L) or (N, C, L) and (O, C/groups, F)'}"
        )
    return x, w


def conv2d(
    input: TensorLike,
    weight: TensorLike,
    bias: Tensor | np.ndarray | None = None,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """y[n, o, p, q] = Σ_c Σ_i Σ_j w[o, c, i, j] x[n, c, p·S + i·D - P, q·S + j·D - P] + b_o, 5-31.

    Shapes: x (N, C, H, W) or (C, H, W), w (O, C/groups, F, F), b (O,), result (N, O, H2, W2) with
    H2 = (H - F + 2P)/S + 1, rounded down (eq. 5-32).

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)))
    Tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    x, w = _check_axes("conv2d", 2, input, weight)
    stride, dilation = pair(stride), pair(dilation)
    options = stride, _sides(padding, w.shape[2:], stride, dilation), dilation, groups
    if x.ndim == 3:
        return squeeze(convolution.conv2d(expand_dims(x, 0), w, bias, *options), 0)
    return convolution.conv2d(x, w, bias, *options)


def conv1d(
    input: TensorLike,
    weight: TensorLike,
    bias: Tensor | np.ndarray | None = None,
    stride: int = 1,
    padding: int | str = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` along one axis: x (N, C, L), w (O, C/groups, F), result (N, O, L2).

    >>> conv1d(np.ones((1, 1, 4)), np.ones((1, 1, 2)))
    Tensor([[[2., 2., 2.]]])
    """
    _check_axes("conv1d", 1, input, weight)
    flat = padding if isinstance(padding, str) else (0, padding)
    image, filters = expand_dims(input, -2), expand_dims(weight, -2)
    return squeeze(conv2d(image, filters, bias, (1, stride), flat, (1, dilation), groups), -2)


def conv_transpose2d(
    input: TensorLike, weight: TensorLike, bias: Tensor | np.ndarray | None = None,
    stride: Pair = 1, padding: Pair = 0, output_padding: Pair = 0, groups: int = 1,
    dilation: Pair = 1,
) -> Tensor:  # fmt: skip
    """The transpose of `conv2d`, its input gradient: each element spreads the filter.

    Shapes: x (N, C, H, W), w (C, O/groups, F, F), result (N, O, H2, W2) with
    H2 = (H - 1)·S - 2P + D·(F - 1) + 1 + output_padding.

    >>> conv_transpose2d(np.ones((1, 1, 1, 2)), np.ones((1, 1, 1, 2)))
    Tensor([[[[1., 2., 1.]]]])
    """
    x, w = (
        as_tensor(v, "conv_transpose2d", name) for name, v in (("input", input), ("weight", weight))
    )
    if x.ndim != 4 or w.ndim != 4:
        raise ValueError(
            f"conv_transpose2d: input and weight have shapes {x.shape} and {w.shape}, needed "
            "(N, C, H, W) and (C, O/groups, F, F)"
        )
    stride, padding, dilation, more = map(pair, (stride, padding, dilation, output_padding))
    axes = zip(x.shape[2:], w.shape[2:], stride, padding, dilation, more)
    size = tuple((n - 1) * s - 2 * p + d * (f - 1) + 1 + o for n, f, s, p, d, o in axes)
    if any(o >= s for o, s in zip(more, stride)):
        raise ValueError(
            f"conv_transpose2d: output_padding {more} must be smaller than the stride {stride}"
        )
    if min(size, default=0) < 1:
        raise ValueError(
            f"conv_transpose2d: (H - 1)·S - 2P + D·(F - 1) + 1 + output_padding gives {size} for "
            f"an input of shape {x.shape}; it must be at least 1: take less padding"
        )
    both = tuple((p, p) for p in padding)
    out = convolution.conv2d_input(x, w, size, stride, both, dilation, groups)
    return out if bias is None else out + bias.reshape(1, -1, 1, 1)


class _Convolution(Module):
    """What the layers share: their numbers, and a start uniform in ±1/√(C/groups·F·F)."""

    axes = 2
    function: ClassVar[Callable[..., Tensor]] = staticmethod(conv2d)

    @checked(padding=PADDING, padding_mode=one_of("zeros"))
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1,
        padding: Padding = 0, dilation: Pair = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros",
        *, strict: bool = False, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        kind = type(self).__name__
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{kind}: groups={groups} must divide {in_channels} and {out_channels} channels"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        given: Any = kernel_size, stride, dilation
        numbers: Any = [pair(n) if self.axes == 2 else int(n) for n in given]
        self.kernel_size, self.stride, self.dilation = numbers
        self.padding: Any = padding
        self.strict = strict
        shape = self._weight_shape()
        rng, dtype = generator(rng), dtype or default_dtype[0]
        bound = float(np.prod(shape[1:])) ** -0.5
        self.weight = uniform_parameter(shape, bound, rng, dtype)
        self.bias: Tensor | None = None
        if bias:
            self.bias = uniform_parameter(out_channels, bound, rng, dtype)

    def _weight_shape(self) -> tuple[int, ...]:
        kernel = self.kernel_size if self.axes == 2 else (self.kernel_size,)
        return (self.out_channels, self.in_channels // self.groups, *kernel)

    def _check(self, x: TensorLike) -> None:
        """With `strict`, raises where eq. 5-32 does not divide."""
        if not self.strict or isinstance(self.padding, str):
            return
        numbers = (self.kernel_size, self.stride, self.padding, self.dilation)
        each = zip(*(pair(n) for n in numbers)) if self.axes == 2 else [numbers]
        for n, (f, s, p, d) in zip(
            as_tensor(x, type(self).__name__, "x").shape[-self.axes :], each
        ):
            output_size(type(self).__name__, n, f, s, p, d, strict=True)

    def forward(self, x: TensorLike) -> Tensor:
        self._check(x)
        options = self.stride, self.padding, self.dilation, self.groups
        return self.function(x, self.weight, self.bias, *options)  # (N, O, H2, W2)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        usual = {"stride": (1, 1), "padding": 0, "dilation": (1, 1), "groups": 1}
        for name, value in usual.items():
            given = getattr(self, name)
            if given not in (value, 1 if isinstance(value, tuple) else value):
                text += f", {name}={given}"
        return text + ", bias=False" * (self.bias is None)


class Conv2d(_Convolution):
    """Convolution of images, cross-correlation plus bias (eqs. 5-31 and 5-32).

    Args:
        in_channels, out_channels: C and O.
        kernel_size, stride, dilation: F, S and D, a number or (height, width) each.
        padding: zeros on each side, P, or "same" or "valid".
        groups: parts of the channels that have filters of their own.
        bias: whether b is added.
        strict: raises where (H - F + 2P)/S does not divide, instead of rounding down.

    Shapes: x (N, C, H, W), weight (O, C/groups, F, F), bias (O,), result (N, O, H2, W2).

    >>> Conv2d(1, 20, 5)(np.zeros((2, 1, 28, 28))).shape
    (2, 20, 24, 24)
    """


class Conv1d(_Convolution):
    """Convolution of sequences x (N, C, L); see `Conv2d`.

    >>> Conv1d(2, 3, 4, stride=2)(np.zeros((1, 2, 10))).shape
    (1, 3, 4)
    """

    axes = 1
    function = staticmethod(conv1d)
    kinds: ClassVar = {
        **dict.fromkeys(["kernel_size", "stride", "dilation"], whole(1)),
        "padding": either(whole(0), one_of("same", "valid")),
    }


class ConvTranspose2d(_Convolution):
    """The transpose of `Conv2d`: from its results' sizes back to its inputs'.

    Shapes: x (N, C, H, W), weight (C, O/groups, F, F), result (N, O, H2, W2); see
    `conv_transpose2d` for H2.

    >>> ConvTranspose2d(3, 2, 2, stride=2)(np.zeros((1, 3, 4, 4))).shape
    (1, 2, 8, 8)
    """

    @checked(padding=sizes(0))
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1,
        padding: Pair = 0, output_padding: Pair = 0, groups: int = 1, bias: bool = True,
        dilation: Pair = 1, padding_mode: str = "zeros",
        *, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self.output_padding = output_padding
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode, rng=rng, dtype=dtype,
        )  # fmt: skip

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *pair(self.kernel_size))

    def forward(self, x: TensorLike) -> Tensor:
        return conv_transpose2d(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding,
            self.groups, self.dilation,
        )  # fmt: skip
