"""Normalisation within each sample: of groups of channels, of single channels, by mean squares."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from microgradnd.arguments import (
    NOT_NEGATIVE,
    PROBABILITY,
    checked,
    optional,
    require_real,
    whole,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.nn.module import Module
from microgradnd.nn.normalization import (
    SHAPE,
    ChannelNorm,
    batch_norm,
    check_shapes,
    learned,
    normalized,
    shape_of,
    wide,
)

EPS = optional(NOT_NEGATIVE)


def _scaled(x: Tensor, weight: Any, bias: Any) -> Tensor:
    """x · weight + bias, of each channel, the second axis."""
    shape = (1, -1, *(1 for _ in range(2, x.ndim)))
    out = x if weight is None else x * weight.reshape(shape)
    return out if bias is None else out + bias.reshape(shape)


def group_norm(
    input: TensorLike,
    num_groups: int,
    weight: Tensor | np.ndarray | None = None,
    bias: Tensor | np.ndarray | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - μ) / sqrt(σ² + eps) · weight + bias, μ and σ² of each sample's groups of channels.

    Source: Wu, He 2018.

    Shapes: input (N, C, ...), weight and bias (C,), result as the input.

    Raises:
        ValueError: C is no multiple of `num_groups`, or a shape does not fit.

    >>> group_norm(Tensor([[1.0, 3.0, 5.0, 5.0]]), 2, eps=0.25).round(3)
    Tensor([[-0.894,  0.894,  0.   ,  0.   ]])
    """
    x = as_tensor(input, "group_norm", "input")
    if x.ndim < 2:
        raise ValueError(
            f"group_norm: input of shape {x.shape} has no axis of channels, (N, C, ...)"
        )
    channels = x.shape[1]
    if channels % num_groups:
        raise ValueError(
            f"group_norm: the {channels} channels of the input cannot be divided into "
            f"num_groups={num_groups}"
        )
    check_shapes("group_norm", (channels,), weight=weight, bias=bias)
    inner = channels // num_groups * prod(x.shape[2:])
    grouped = x.reshape((x.shape[0], num_groups, inner))
    return _scaled(normalized(grouped, (2,), eps).reshape(x.shape), weight, bias)


def instance_norm(
    input: TensorLike, running_mean: np.ndarray | None = None,
    running_var: np.ndarray | None = None, weight: Tensor | np.ndarray | None = None,
    bias: Tensor | np.ndarray | None = None, use_input_stats: bool = True,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x - μ) / sqrt(σ² + eps) · weight + bias, μ and σ² of each sample's single channels.

    With `use_input_stats` the running ones (arrays, changed in place), if given, go towards the
    samples' average by `momentum`; without, they are taken in place of μ and σ².
    Source: Ulyanov, Vedaldi, Lempitsky 2016.

    Shapes: input (N, C, ...), all others (C,), result as the input.

    >>> instance_norm(Tensor([[[1.0, 3.0]]]), eps=0.0)
    Tensor([[[-1.,  1.]]])
    """
    x = as_tensor(input, "instance_norm", "input")
    if x.ndim < 3:
        raise ValueError(f"instance_norm: input must be (N, C, ...), not {x.shape}")
    given = {"running_mean": running_mean, "running_var": running_var}
    check_shapes("instance_norm", x.shape[1:2], weight=weight, bias=bias, **given)
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ValueError(
                "instance_norm: without use_input_stats it needs running_mean and running_var"
            )
        return batch_norm(x, running_mean, running_var, weight, bias, False, 0.0, eps)
    axes = tuple(range(2, x.ndim))
    if (count := prod(x.shape[2:])) < 2:
        raise ValueError(
            f"instance_norm: input of shape {x.shape} has {count} value per sample and channel, "
            "which has no variance"
        )
    out = _scaled(normalized(x, axes, eps), weight, bias)
    if x.shape[0]:
        data = wide(x).data
        if running_mean is not None:
            running_mean += momentum * (data.mean(axis=(0, *axes)) - running_mean)
        if running_var is not None:
            running_var += momentum * (data.var(axis=axes, ddof=1).mean(axis=0) - running_var)
    return out


def rms_norm(
    input: TensorLike,
    normalized_shape: Sequence[int],
    weight: Tensor | np.ndarray | None = None,
    eps: float | None = None,
) -> Tensor:
    """x / sqrt(mean(x²) + eps) · weight, the mean over the last axes, those of `normalized_shape`.

    Without `eps`, what 1 differs by from the next number of the input's dtype.
    Source: Zhang, Sennrich 2019.

    >>> rms_norm(Tensor([[3.0, 4.0, 0.0, 0.0]]), (4,), eps=0.0)
    Tensor([[1.2, 1.6, 0. , 0. ]])
    """
    x = as_tensor(input, "rms_norm", "input")
    require_real("rms_norm", "input", x)
    given = shape_of(normalized_shape)
    check_shapes("rms_norm", given, weight=weight)
    if not given or x.shape[-len(given) :] != given:
        raise ValueError(f"rms_norm: input of shape {x.shape} does not end in {given}")
    if x.dtype.kind != "f":
        x = x.astype(default_dtype[0])
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    z = wide(x)
    axes = tuple(range(x.ndim - len(given), x.ndim))
    out = (z / ((z * z).mean(axis=axes, keepdims=True) + eps) ** 0.5).astype(x.dtype)
    return out if weight is None else out * weight


class GroupNorm(Module):
    """Normalisation of each sample's groups of channels; input (N, C, ...).

    Args:
        num_groups: into how many the channels are divided; 1 is all of a sample together, C each
            channel for itself.
        num_channels: C, a multiple of it.
        eps: added to the variance.
        affine: whether a weight and (with `bias`) a bias for each channel are learned.
        dtype: of the parameters; default `get_default_dtype()`.

    >>> GroupNorm(1, 2)(np.array([[1.0, 3.0]])).round(3)
    Tensor([[-1.,  1.]], op='round')
    """

    @checked(num_groups=whole(1), num_channels=whole(1))
    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
        *, bias: bool = True, dtype: Any = None,
    ) -> None:  # fmt: skip
        if num_channels % num_groups:
            raise ValueError(
                f"{type(self).__name__}: num_channels={num_channels} is no multiple of "
                f"num_groups={num_groups}"
            )
        dtype = dtype or default_dtype[0]
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = learned(np.ones, num_channels, dtype, affine)
        self.bias = learned(np.zeros, num_channels, dtype, affine and bias)

    def forward(self, x: TensorLike) -> Tensor:
        x = as_tensor(x, type(self).__name__, "x")
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(
                f"{type(self).__name__}: x of shape {x.shape}, needed: {self.num_channels} "
                "channels in the second axis"
            )
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = ", affine=False" * (self.weight is None)
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps:g}{affine}"


class InstanceNorm1d(ChannelNorm):
    """Normalisation of each sample's channels, each for itself; x (N, C, L) or (C, L).

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: how fast the running statistics follow, if there are any.
        affine: whether a weight and (with `bias`) a bias for each channel are learned.
        track_running_stats: whether running statistics are kept, and taken in evaluation.
        dtype: of the parameters and statistics; default `get_default_dtype()`.

    >>> InstanceNorm1d(1)(np.array([[[1.0, 3.0]]])).round(3)
    Tensor([[[-1.,  1.]]])
    """

    axes: int = 3  # how many x has

    @checked(momentum=optional(PROBABILITY))
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
        affine: bool = False, track_running_stats: bool = False,
        *, bias: bool = True, dtype: Any = None,
    ) -> None:  # fmt: skip
        self._set_up(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, x: TensorLike) -> Tensor:
        x = as_tensor(x, type(self).__name__, "x")
        single = x.ndim == self.axes - 1
        z = x.reshape((1, *x.shape)) if single else x
        if z.ndim != self.axes or z.shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}: x of shape {x.shape}, needed: {self.num_features} "
                f"channels in the second of {self.axes} axes, or the first of {self.axes - 1}"
            )
        own = self.training or self.running_mean is None
        stats = self.running_mean, self.running_var
        momentum = self.momentum or 0.0
        out = instance_norm(z, *stats, self.weight, self.bias, own, momentum, self.eps)
        return out.reshape(x.shape) if single else out


class InstanceNorm2d(InstanceNorm1d):
    """Normalisation of each sample's maps; x (N, C, H, W) or (C, H, W); see `InstanceNorm1d`."""

    axes = 4


class InstanceNorm3d(InstanceNorm1d):
    """Normalisation of each sample's volumes; x (N, C, D, H, W) or (C, D, H, W)."""

    axes = 5


class RMSNorm(Module):
    """x / sqrt(mean(x²) + eps) · weight over the last axes, those of `normalized_shape`.

    Args:
        normalized_shape: how long the last axes are.
        eps: added to the mean; None: the smallest step from 1 in the input's dtype.
        elementwise_affine: whether a weight is learned.
        dtype: of the weight; default `get_default_dtype()`.

    >>> RMSNorm(4)(np.array([3.0, 4.0, 0.0, 0.0])).round(3)
    Tensor([1.2, 1.6, 0. , 0. ], op='round')
    """

    @checked(normalized_shape=SHAPE, eps=EPS)
    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = None,
    ) -> None:
        self.normalized_shape, self.eps = shape_of(normalized_shape), eps
        start = self.normalized_shape, dtype or default_dtype[0]
        self.weight = learned(np.ones, *start, elementwise_affine)

    def forward(self, x: TensorLike) -> Tensor:
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}"
