"""Layers that normalise what flows through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from microgradnd.arguments import NUMBER, PROBABILITY, checked, either, optional, several, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.functions import pad
from microgradnd.nn.module import FunctionModule, Module
from microgradnd.ops.normalization import normalize

SHAPE = either(whole(1), several(whole(1), "a tuple of them", 1))


def shape_of(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    sizes = normalized_shape if isinstance(normalized_shape, Sequence) else [normalized_shape]
    return tuple(map(int, sizes))


def wide(x: Tensor) -> Tensor:
    """x, if it is of float16 as float32: squares, of which variances are made, need the room."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def normalized(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    return normalize(wide(x), axes, eps).astype(x.dtype)


def check_shapes(owner: str, shape: tuple[int, ...], **given: Any) -> None:
    """Refuses weights, biases and statistics of another shape, where they are given."""
    for name, value in given.items():
        if value is not None and value.shape != shape:
            raise ValueError(f"{owner}: {name} has shape {value.shape}, needed {shape}")


def batch_norm(
    input: TensorLike, running_mean: np.ndarray | None, running_var: np.ndarray | None,
    weight: Tensor | np.ndarray | None = None, bias: Tensor | np.ndarray | None = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x - μ) / sqrt(σ² + eps) · weight + bias for each channel, the second axis.

    In training μ and σ² are those of the batch, and the running ones (arrays, changed in place)
    go towards them by `momentum`; else the running ones are taken. Source: Ioffe, Szegedy 2015.

    >>> batch_norm(Tensor([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    Tensor([[-1.],
            [ 1.]])
    """
    x = as_tensor(input, "batch_norm", "input")
    if x.ndim < 2:
        raise ValueError(
            f"batch_norm: input of shape {x.shape} has no axis of channels, (N, C, ...)"
        )
    check_shapes(
        "batch_norm", x.shape[1:2], weight=weight, bias=bias, running_mean=running_mean,
        running_var=running_var,
    )  # fmt: skip
    axes = (0, *range(2, x.ndim))
    shape = (1, -1, *(1 for _ in range(2, x.ndim)))
    if training or running_mean is None or running_var is None:
        count = x.size // max(x.shape[1], 1)
        if count < 2:
            raise ValueError(
                f"batch_norm: input of shape {x.shape} has {count} value per channel, which has "
                "no variance; give a larger batch, or call eval()"
            )
        out = normalized(x, axes, eps)
        if training and running_mean is not None and running_var is not None:
            data = wide(x).data
            running_mean += momentum * (data.mean(axis=axes) - running_mean)
            running_var += momentum * (data.var(axis=axes, ddof=1) - running_var)
    else:
        scale = 1 / np.sqrt(running_var + eps)
        out = (x - running_mean.reshape(shape)) * scale.reshape(shape)
    if weight is not None:
        out = out * weight.reshape(shape)
    return out if bias is None else out + bias.reshape(shape)


def layer_norm(
    input: TensorLike,
    normalized_shape: Sequence[int],
    weight: Tensor | np.ndarray | None = None,
    bias: Tensor | np.ndarray | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - μ) / sqrt(σ² + eps) · weight + bias over the last axes, those of `normalized_shape`.

    Source: Ba, Kiros, Hinton 2016.

    >>> layer_norm(Tensor([[1.0, 3.0]]), (2,), eps=0.0)
    Tensor([[-1.,  1.]])
    """
    x = as_tensor(input, "layer_norm", "input")
    given = shape_of(normalized_shape)
    check_shapes("layer_norm", given, weight=weight, bias=bias)
    if not given or x.shape[-len(given) :] != given:
        raise ValueError(f"layer_norm: input of shape {x.shape} does not end in {given}")
    out = normalized(x, tuple(range(x.ndim - len(given), x.ndim)), eps)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def local_response_norm(
    input: TensorLike, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + α/n Σ x²)^β, the sum over n = `size` neighbouring channels (AlexNet, M1).

    Source: Krizhevsky, Sutskever, Hinton 2012.

    >>> local_response_norm(Tensor([[[1.0]]]), size=1, alpha=1.0, beta=1.0)
    Tensor([[[0.5]]])
    """
    x = as_tensor(input, "local_response_norm", "input")
    if x.ndim < 3:
        raise ValueError(f"local_response_norm: input must be (N, C, ...), not {x.shape}")
    around = ((0, 0), (size // 2, (size - 1) // 2), *((0, 0),) * (x.ndim - 2))
    squares, channels = pad(x * x, around), x.shape[1]
    total = sum(squares[:, i : i + channels] for i in range(size))
    return x / (total * (alpha / size) + k) ** beta


def learned(fill: Callable, shape: Any, dtype: Any, wanted: bool) -> Tensor | None:
    return Tensor(fill(shape, dtype), requires_grad=True) if wanted else None


class ChannelNorm(Module):
    """What batch and instance normalization hold: of each channel, what is learned and tracked."""

    num_batches_tracked: np.ndarray

    def _set_up(
        self, num_features: int, eps: float, momentum: float | None, affine: bool,
        track_running_stats: bool, bias: bool, dtype: Any,
    ) -> None:  # fmt: skip
        dtype = dtype or default_dtype[0]
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = learned(np.ones, num_features, dtype, affine)
        self.bias = learned(np.zeros, num_features, dtype, affine and bias)
        self.running_mean: np.ndarray | None = None
        self.running_var: np.ndarray | None = None
        if track_running_stats:
            self.register_buffer("running_mean", np.zeros(num_features, dtype))
            self.register_buffer("running_var", np.ones(num_features, dtype))
            self.register_buffer("num_batches_tracked", np.zeros((), np.int64))

    def extra_repr(self) -> str:
        return f"{self.num_features}"


class BatchNorm1d(ChannelNorm):
    """Batch normalisation of x (N, C) or (N, C, L), for each channel.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: how fast the running statistics follow, 0.1 of the way at each batch; None: they
            are the averages of all batches.
        affine: whether a weight and (with `bias`) a bias for each channel are learned.
        track_running_stats: without, evaluation normalises by its own batch, too.
        dtype: of the parameters and statistics.

    Running variances are divided by n - 1, those that normalise by n, as in PyTorch.

    >>> BatchNorm1d(2)(np.array([[1.0, 0.0], [3.0, 2.0]])).round(3)
    Tensor([[-1., -1.],
            [ 1.,  1.]], op='round')
    """

    dims: tuple[int, ...] = (2, 3)  # how many axes x may have

    @checked(momentum=optional(PROBABILITY))
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
        affine: bool = True, track_running_stats: bool = True,
        *, bias: bool = True, dtype: Any = None,
    ) -> None:  # fmt: skip
        self._set_up(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, x: TensorLike) -> Tensor:
        x = as_tensor(x, type(self).__name__, "x")
        shape = x.shape
        if len(shape) not in self.dims or shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}: x of shape {shape}, needed: {self.num_features} channels "
                f"in the second of {' or '.join(map(str, self.dims))} axes"
            )
        momentum = self.momentum
        if self.training and self.running_mean is not None:
            self.num_batches_tracked[...] += 1
            momentum = 1 / float(self.num_batches_tracked) if momentum is None else momentum
        stats = self.running_mean, self.running_var
        return batch_norm(
            x, *stats, self.weight, self.bias, self.training, momentum or 0.0, self.eps
        )  # (N, C, ...)


class BatchNorm2d(BatchNorm1d):
    """Batch normalisation of x (N, C, H, W), for each channel; see `BatchNorm1d`."""

    dims = (4,)


class BatchNorm3d(BatchNorm1d):
    """Batch normalisation of x (N, C, D, H, W), for each channel; see `BatchNorm1d`."""

    dims = (5,)


class LayerNorm(Module):
    """Normalisation of each sample over its last axes.

    >>> LayerNorm(2)(np.array([[1.0, 3.0]])).round(3)
    Tensor([[-1.,  1.]], op='round')
    """

    @checked(normalized_shape=SHAPE)
    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = None,
    ) -> None:
        self.normalized_shape, self.eps = shape_of(normalized_shape), eps
        start = self.normalized_shape, dtype or default_dtype[0]
        self.weight = learned(np.ones, *start, elementwise_affine)
        self.bias = learned(np.zeros, *start, elementwise_affine and bias)

    def forward(self, x: TensorLike) -> Tensor:
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}"


class LocalResponseNorm(
    FunctionModule, function=local_response_norm, size=whole(1), alpha=NUMBER, beta=NUMBER
):
    """x / (k + α/n Σ x²)^β over n neighbouring channels, as AlexNet has it (M1)."""

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha:g}, beta={self.beta:g}, k={self.k:g}"
