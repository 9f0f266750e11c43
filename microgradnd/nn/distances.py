"""Distances and similarities of vectors, under PyTorch's names, as functions and as modules."""

from __future__ import annotations

import numpy as np

from microgradnd.arguments import FLAG, NORM, check, require, require_real, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.functions import abs, clip, maximum, square, where
from microgradnd.nn.module import FunctionModule
from microgradnd.ops.indexing import getitem
from microgradnd.ops.norms import vector_norm


def floats(loss: str, **given: TensorLike) -> list[Tensor]:
    """Operands as Tensors of floats; integers, truths, numbers and lists widen no others."""
    xs = [as_tensor(value, loss, name) for name, value in given.items()]
    for name, x in zip(given, xs):
        require_real(loss, name, x)
    wide = [x.dtype for x, value in zip(xs, given.values()) if _has_floats(value)]
    weak = np.result_type(*wide) if wide else default_dtype[0]
    return [x if _has_floats(v) else x.astype(weak) for x, v in zip(xs, given.values())]


def _has_floats(value: TensorLike) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "") == "f"


def wide(x: Tensor) -> Tensor:
    """x; if it is of float16, in float32, for squares and sums that overflow."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def pairwise_distance(
    x1: TensorLike, x2: TensorLike, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """‖x1 - x2 + eps‖_p along the last axis; its derivative is 0 where the distance is.

    >>> pairwise_distance(Tensor([[3.0, 4.0]]), np.array([[0.0, 0.0]]), eps=0.0)
    Tensor([5.])
    """
    require("pairwise_distance", "p", p, NORM)
    require("pairwise_distance", "keepdim", keepdim, FLAG)
    check("pairwise_distance", eps=eps)
    a, b = floats("pairwise_distance", x1=x1, x2=x2)
    e = wide(a - b) + eps
    if not e.ndim:
        raise ValueError("pairwise_distance: x1 is a number; it needs an axis of components")
    if p == np.inf:
        out = abs(e).max(-1, keepdims=keepdim)
    elif p == 1:
        out = abs(e).sum(-1, keepdims=keepdim)
    else:
        powers = (square(e) if p == 2 else abs(e) ** p).sum(-1, keepdims=keepdim)
        out = _root(powers, p)
    return out.astype(np.result_type(a.dtype, b.dtype))


def _root(x: Tensor, p: float) -> Tensor:
    """The p-th root of x, and 0 without a slope where x is 0."""
    nothing = x.data == 0
    return where(nothing, 0.0, where(nothing, 1.0, x) ** (1 / p))


def cosine_similarity(x1: TensorLike, x2: TensorLike, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along an axis; x1 and x2 are broadcast.

    >>> cosine_similarity(Tensor([[3.0, 4.0]]), [[1.0, 0.0]])
    Tensor([0.6])
    """
    owner = "cosine_similarity"
    check(owner, dim=dim, eps=eps)
    a, b = given = floats(owner, x1=x1, x2=x2)
    ndim = max(a.ndim, b.ndim)
    if not -ndim <= dim < ndim:
        raise ValueError(f"{owner}: dim={dim} is no axis of x1 and x2, {a.shape} and {b.shape}")
    axis = dim % ndim - ndim  # counted from the end, it is the same of both
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ValueError(
            f"{owner}: x1 and x2 have shapes {a.shape} and {b.shape}, which do not fit each other"
        ) from None
    units = []
    for x in map(wide, given):
        x = x.broadcast_to(shape)  # before its length is taken
        length = _root(square(x).sum(axis, keepdims=True), 2)
        now = length.detach()
        units.append(x / (length + (clip(now, eps, None) - now)))  # held, with its slope
    return (units[0] * units[1]).sum(axis).astype(np.result_type(a.dtype, b.dtype))


def normalize(input: TensorLike, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖_p, eps): vectors along an axis made to have length 1.

    >>> normalize([[3.0, 4.0]])
    Tensor([[0.6, 0.8]])
    """
    require("normalize", "p", p, NORM)
    require("normalize", "dim", dim, whole())
    check("normalize", eps=eps)
    (x,) = floats("normalize", input=input)
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"normalize: dim={dim} is no axis of the input, of shape {x.shape}")
    return x / maximum(vector_norm(x, p, dim, True), x.dtype.type(eps))


def pdist(input: TensorLike, p: float = 2.0) -> Tensor:
    """‖x_i - x_j‖_p of all pairs i < j of N rows: N (N - 1) / 2 distances, row by row.

    Points that coincide have slope 0.

    >>> pdist([[0.0, 0.0], [3.0, 4.0], [0.0, 4.0]])
    Tensor([5., 4., 3.])
    """
    require("pdist", "p", p, NORM)
    (x,) = floats("pdist", input=input)
    if x.ndim != 2:
        raise ValueError(f"pdist: input must have shape (N, D), not {x.shape}")
    first, second = np.triu_indices(x.shape[0], 1)
    return vector_norm(getitem(x, first) - getitem(x, second), p, -1)


class PairwiseDistance(FunctionModule, function=pairwise_distance, p=NORM, keepdim=FLAG):
    """‖x1 - x2 + eps‖_p along the last axis.

    >>> PairwiseDistance(p=1, eps=0.0)(Tensor([[3.0, 4.0]]), [[0.0, 0.0]])
    Tensor([7.])
    """

    p: float = 2.0
    eps: float = 1e-6
    keepdim: bool = False

    def forward(self, x1: TensorLike, x2: TensorLike) -> Tensor:  # type: ignore[override]
        return self.function(x1, x2, self.p, self.eps, self.keepdim)


class CosineSimilarity(FunctionModule, function=cosine_similarity):
    """x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along an axis.

    >>> CosineSimilarity()(Tensor([[3.0, 4.0]]), [[1.0, 0.0]])
    Tensor([0.6])
    """

    dim: int = 1
    eps: float = 1e-8

    def forward(self, x1: TensorLike, x2: TensorLike) -> Tensor:  # type: ignore[override]
        return self.function(x1, x2, self.dim, self.eps)
