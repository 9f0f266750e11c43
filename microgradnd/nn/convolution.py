"""Convolutional layers (5.3): cross-correlation with learned filters, and its transpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import numpy as np

from microgradnd.arguments import checked, either, one_of, sizes
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.functions import expand_dims, reshape, squeeze
from microgradnd.kernels.windows import Pair, Several, numbers, output_size, pair
from microgradnd.nn.init import uniform_parameter
from microgradnd.nn.module import Module
from microgradnd.ops import convolution, patches
from microgradnd.ops.padding import pad_from_the_last, padded
from microgradnd.random import generator

Padding: TypeAlias = Several | str  # a number, one for each axis, "same" or "valid"
PADDING = either(sizes(0), one_of("same", "valid"))
PADDING_MODES = one_of("zeros", "reflect", "replicate", "circular")
AXES = {
    1: ("(C, L) or (N, C, L)", "F", "L"),
    2: ("(C, H, W) or (N, C, H, W)", "F, F", "H"),
    3: ("(C, D, H, W) or (N, C, D, H, W)", "F, F, F", "D"),
}


def _sides(
    padding: Padding, kernel: tuple[int, ...], stride: tuple, dilation: tuple
) -> tuple[tuple[int, int], ...]:
    """Padding as (before, after) for each axis; "same" puts the odd element behind."""
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ValueError(f"padding='same' keeps the size at stride 1 only, not at {stride}")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, str):
        raise ValueError(f"padding={padding!r} is unknown: a number, a pair, 'same' or 'valid'")
    return tuple((p, p) for p in numbers(padding, len(kernel)))


def _check_axes(
    owner: str, axes: int, input: TensorLike, weight: TensorLike
) -> tuple[Tensor, Tensor]:
    """Input and weight as Tensors, if they have so many axes of an image."""
    x, w = as_tensor(input, owner, "input"), as_tensor(weight, owner, "weight")
    if w.ndim != axes + 2 or x.ndim not in (axes + 1, axes + 2):
        images, kernel, _ = AXES[axes]
        filters = (
            f"(C, O/groups, {kernel})" if "_transpose" in owner else f"(O, C/groups, {kernel})"
        )
        raise ValueError(
            f"{owner}: input and weight have shapes {x.shape} and {w.shape}, "
            f"needed {images} and {filters}"
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
    stride: Several = 1,
    padding: Padding = 0,
    dilation: Several = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` along one axis: x (N, C, L), w (O, C/groups, F), result (N, O, L2).

    >>> conv1d(np.ones((1, 1, 4)), np.ones((1, 1, 2)))
    Tensor([[[2., 2., 2.]]])
    """
    _check_axes("conv1d", 1, input, weight)
    flat = padding if isinstance(padding, str) else (0, *numbers(padding, 1))
    image, filters = expand_dims(input, -2), expand_dims(weight, -2)
    step, spread = (1, *numbers(stride, 1)), (1, *numbers(dilation, 1))
    return squeeze(conv2d(image, filters, bias, step, flat, spread, groups), -2)


def conv3d(
    input: TensorLike,
    weight: TensorLike,
    bias: Tensor | np.ndarray | None = None,
    stride: Several = 1,
    padding: Padding = 0,
    dilation: Several = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` of volumes: x (N, C, D, H, W), w (O, C/groups, F, F, F), y (N, O, D2, H2, W2).

    What the filters meet along the depth counts as channels of images, one for each place there.

    >>> conv3d(np.ones((1, 1, 2, 2, 3)), np.ones((1, 1, 2, 2, 2)))
    Tensor([[[[[8., 8.]]]]])
    """
    x, w = _check_axes("conv3d", 3, input, weight)
    if x.ndim == 4:
        return squeeze(conv3d(expand_dims(x, 0), w, bias, stride, padding, dilation, groups), 0)
    steps, spread = numbers(stride, 3), numbers(dilation, 3)
    (front, *sides) = _sides(padding, w.shape[2:], steps, spread)
    output_size("conv3d", x.shape[2], w.shape[2], steps[0], front, spread[0])
    if any(front):
        x = padded(x, ((0, 0), (0, 0), front, (0, 0), (0, 0)))
    images = patches.along_depth(x, w.shape[2], steps[0], spread[0])
    filters = reshape(w, (w.shape[0], w.shape[1] * w.shape[2], *w.shape[3:]))
    options = steps[1:], tuple(sides), spread[1:], groups
    out = convolution.conv2d(images, filters, bias, *options)
    places = (x.shape[2] - spread[0] * (w.shape[2] - 1) - 1) // steps[0] + 1
    return reshape(out, (x.shape[0], places, *out.shape[1:])).swapaxes(1, 2)


def _spread(owner: str, x: Tensor, w: Tensor, bias: Any, options: Any, groups: int) -> Tensor:
    """Transposed convolution of one, two or three axes."""
    axes = w.ndim - 2
    if x.ndim == axes + 1:
        return squeeze(_spread(owner, expand_dims(x, 0), w, bias, options, groups), 0)
    stride, padding, more, dilation = (numbers(option, axes) for option in options)
    each = zip(x.shape[2:], w.shape[2:], stride, padding, dilation, more)
    size = tuple((n - 1) * s - 2 * p + d * (f - 1) + 1 + o for n, f, s, p, d, o in each)
    if any(o >= max(s, d) for o, s, d in zip(more, stride, dilation)):
        raise ValueError(
            f"{owner}: output_padding {more} must be smaller than the stride {stride} or the "
            f"dilation {dilation}"
        )
    if min(size, default=0) < 1:
        raise ValueError(
            f"{owner}: ({AXES[axes][2]} - 1)·S - 2P + D·(F - 1) + 1 + output_padding gives {size} "
            f"for an input of shape {x.shape}; it must be at least 1: take less padding"
        )
    sides, ends = [(p, p) for p in padding], [0] * axes
    for axis, (o, s, p) in enumerate(zip(more, stride, padding)):
        if o >= s:  # less is cut off behind, and beyond that there is nothing to be spread
            sides[axis], ends[axis] = (p, max(p - o, 0)), max(o - p, 0)
    reached = tuple(n - end for n, end in zip(size, ends))
    transposed = _transposed_volume if axes == 3 else _transposed_image
    out = transposed(x, w, reached, stride, tuple(sides), dilation, groups)
    if any(ends):
        out = padded(out, ((0, 0), (0, 0), *((0, end) for end in ends)))
    return out if bias is None else out + bias.reshape(1, -1, *(1,) * axes)


def _transposed_image(
    x: Tensor, w: Tensor, size: tuple, stride: tuple, sides: tuple, dilation: tuple, groups: int
) -> Tensor:
    if len(size) == 2:
        return convolution.conv2d_input(x, w, size, stride, sides, dilation, groups)
    rows, filters, none = expand_dims(x, -2), expand_dims(w, -2), (0, 0)
    numbers = (1, *size), (1, *stride), (none, *sides), (1, *dilation)
    return squeeze(convolution.conv2d_input(rows, filters, *numbers, groups), -2)


def _transposed_volume(
    x: Tensor, w: Tensor, size: tuple, stride: tuple, sides: tuple, dilation: tuple, groups: int
) -> Tensor:
    """Images are spread in height and width, as often as the filters are deep; then in depth."""
    batch, channels, depth, *image = x.shape
    images = reshape(x.swapaxes(1, 2), (batch * depth, channels, *image))
    filters = reshape(w, (w.shape[0], w.shape[1] * w.shape[2], *w.shape[3:]))
    options = stride[1:], sides[1:], dilation[1:], groups
    out = convolution.conv2d_input(images, filters, size[1:], *options)
    before, after = sides[0]
    whole = size[0] + before + after
    out = patches.spread_along_depth(out, batch, depth, w.shape[2], whole, stride[0], dilation[0])
    return out[:, :, before : whole - after] if before or after else out


def conv_transpose1d(
    input: TensorLike, weight: TensorLike, bias: Tensor | np.ndarray | None = None,
    stride: Several = 1, padding: Several = 0, output_padding: Several = 0, groups: int = 1,
    dilation: Several = 1,
) -> Tensor:  # fmt: skip
    """The transpose of `conv1d`: x (N, C, L), w (C, O/groups, F); see `conv_transpose2d`.

    >>> conv_transpose1d(np.ones((1, 1, 2)), np.ones((1, 1, 2)))
    Tensor([[[1., 2., 1.]]])
    """
    x, w = _check_axes("conv_transpose1d", 1, input, weight)
    options = stride, padding, output_padding, dilation
    return _spread("conv_transpose1d", x, w, bias, options, groups)


def conv_transpose2d(
    input: TensorLike, weight: TensorLike, bias: Tensor | np.ndarray | None = None,
    stride: Pair = 1, padding: Pair = 0, output_padding: Pair = 0, groups: int = 1,
    dilation: Pair = 1,
) -> Tensor:  # fmt: skip
    """The transpose of `conv2d`, its input gradient: each element spreads the filter.

    Shapes: x (N, C, H, W) or (C, H, W), w (C, O/groups, F, F), result (N, O, H2, W2) with
    H2 = (H - 1)·S - 2P + D·(F - 1) + 1 + output_padding.

    >>> conv_transpose2d(np.ones((1, 1, 1, 2)), np.ones((1, 1, 1, 2)))
    Tensor([[[[1., 2., 1.]]]])
    """
    x, w = _check_axes("conv_transpose2d", 2, input, weight)
    options = stride, padding, output_padding, dilation
    return _spread("conv_transpose2d", x, w, bias, options, groups)


def conv_transpose3d(
    input: TensorLike, weight: TensorLike, bias: Tensor | np.ndarray | None = None,
    stride: Several = 1, padding: Several = 0, output_padding: Several = 0, groups: int = 1,
    dilation: Several = 1,
) -> Tensor:  # fmt: skip
    """The transpose of `conv3d`: x (N, C, D, H, W), w (C, O/groups, F, F, F).

    >>> conv_transpose3d(np.ones((1, 1, 1, 1, 2)), np.ones((1, 1, 1, 1, 2)))
    Tensor([[[[[1., 2., 1.]]]]])
    """
    x, w = _check_axes("conv_transpose3d", 3, input, weight)
    options = stride, padding, output_padding, dilation
    return _spread("conv_transpose3d", x, w, bias, options, groups)


class _Convolution(Module):
    """What the layers share: their numbers, and a start uniform in ±1/√(C/groups·F·F)."""

    axes = 2
    function: ClassVar[Callable[..., Tensor]] = staticmethod(conv2d)

    @checked(padding=PADDING, padding_mode=PADDING_MODES)
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
        axes = self.axes
        each: Any = [numbers(n, axes) if axes > 1 else numbers(n, 1)[0] for n in given]
        self.kernel_size, self.stride, self.dilation = each
        self.padding: Any = padding
        self.padding_mode = padding_mode
        self.strict = strict
        shape = self._weight_shape()
        rng, dtype = generator(rng), dtype or default_dtype[0]
        bound = float(np.prod(shape[1:])) ** -0.5
        self.weight = uniform_parameter(shape, bound, rng, dtype)
        self.bias: Tensor | None = None
        if bias:
            self.bias = uniform_parameter(out_channels, bound, rng, dtype)

    def _weight_shape(self) -> tuple[int, ...]:
        kernel = numbers(self.kernel_size, self.axes)
        return (self.out_channels, self.in_channels // self.groups, *kernel)

    def _check(self, x: TensorLike) -> None:
        """With `strict`, raises where eq. 5-32 does not divide."""
        if not self.strict or isinstance(self.padding, str):
            return
        given = self.kernel_size, self.stride, self.padding, self.dilation
        each = zip(*(numbers(n, self.axes) for n in given))
        shape = as_tensor(x, type(self).__name__, "x").shape
        for n, (f, s, p, d) in zip(shape[-self.axes :], each):
            output_size(type(self).__name__, n, f, s, p, d, strict=True)

    def forward(self, x: TensorLike) -> Tensor:
        self._check(x)
        padding = self.padding
        if self.padding_mode != "zeros":
            x, padding = self._bordered(x), 0
        options = self.stride, padding, self.dilation, self.groups
        return self.function(x, self.weight, self.bias, *options)  # (N, O, H2, W2)

    def _bordered(self, x: TensorLike) -> Tensor:
        """x with the border that `padding_mode` makes of its own elements."""
        given = self.kernel_size, self.stride, self.dilation
        sides = _sides(self.padding, *(numbers(n, self.axes) for n in given))
        widths = [width for side in reversed(sides) for width in side]
        return pad_from_the_last(x, widths, self.padding_mode)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        usual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "padding_mode": "zeros"}
        for name, value in usual.items():
            given = getattr(self, name)
            if given not in (value, (value,) * self.axes):
                text += f", {name}={given!r}" if name == "padding_mode" else f", {name}={given}"
        return text + ", bias=False" * (self.bias is None)


class Conv2d(_Convolution):
    """Convolution of images, cross-correlation plus bias (eqs. 5-31 and 5-32).

    Args:
        in_channels, out_channels: C and O.
        kernel_size, stride, dilation: F, S and D, a number or (height, width) each.
        padding: zeros on each side, P, or "same" or "valid".
        groups: parts of the channels that have filters of their own.
        bias: whether b is added.
        padding_mode: "zeros", or what takes their place: the image goes on by "reflect",
            "replicate" or "circular".
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
        **dict.fromkeys(["kernel_size", "stride", "dilation"], sizes(1, 1)),
        "padding": either(sizes(0, 1), one_of("same", "valid")),
    }


class Conv3d(_Convolution):
    """Convolution of volumes x (N, C, D, H, W); see `Conv2d`.

    >>> Conv3d(1, 2, (1, 3, 3))(np.zeros((1, 1, 2, 5, 5))).shape
    (1, 2, 2, 3, 3)
    """

    axes = 3
    function = staticmethod(conv3d)
    kinds: ClassVar = {
        **dict.fromkeys(["kernel_size", "stride", "dilation"], sizes(1, 3)),
        "padding": either(sizes(0, 3), one_of("same", "valid")),
    }


class _Transposed(_Convolution):
    """What the transposed layers share."""

    @checked(padding=sizes(0), padding_mode=one_of("zeros"))
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
        kernel = numbers(self.kernel_size, self.axes)
        return (self.in_channels, self.out_channels // self.groups, *kernel)

    def forward(self, x: TensorLike) -> Tensor:
        return self.function(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding,
            self.groups, self.dilation,
        )  # fmt: skip


class ConvTranspose2d(_Transposed):
    """The transpose of `Conv2d`: from its results' sizes back to its inputs'.

    Shapes: x (N, C, H, W), weight (C, O/groups, F, F), result (N, O, H2, W2); see
    `conv_transpose2d` for H2.

    >>> ConvTranspose2d(3, 2, 2, stride=2)(np.zeros((1, 3, 4, 4))).shape
    (1, 2, 8, 8)
    """

    function = staticmethod(conv_transpose2d)


class ConvTranspose1d(_Transposed):
    """The transpose of `Conv1d`: x (N, C, L), weight (C, O/groups, F).

    >>> ConvTranspose1d(3, 2, 2, stride=2)(np.zeros((1, 3, 4))).shape
    (1, 2, 8)
    """

    axes = 1
    function = staticmethod(conv_transpose1d)
    kinds: ClassVar = {
        **dict.fromkeys(["kernel_size", "stride", "dilation"], sizes(1, 1)),
        **dict.fromkeys(["padding", "output_padding"], sizes(0, 1)),
    }


class ConvTranspose3d(_Transposed):
    """The transpose of `Conv3d`: x (N, C, D, H, W), weight (C, O/groups, F, F, F).

    >>> ConvTranspose3d(1, 2, 2, stride=2)(np.zeros((1, 1, 1, 2, 2))).shape
    (1, 2, 2, 4, 4)
    """

    axes = 3
    function = staticmethod(conv_transpose3d)
    kinds: ClassVar = {
        **dict.fromkeys(["kernel_size", "stride", "dilation"], sizes(1, 3)),
        **dict.fromkeys(["padding", "output_padding"], sizes(0, 3)),
    }
