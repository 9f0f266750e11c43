"""How far vectors lie from one another, or point in one direction; vectors of length 1."""

from __future__ import annotations

import numpy as np

from microgradnd.arguments import FLAG, NOT_NEGATIVE, Kind, checked, is_finite, is_real, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.functions import maximum
from microgradnd.nn.module import Module
from microgradnd.ops.indexing import getitem
from microgradnd.ops.norms import vector_norm

ORDER = Kind(
    "a number of at least 0, or inf", is_real, lambda v: v == np.inf or (v >= 0 and is_finite(v))
)
KINDS = {"p": ORDER, "dim": whole(), "eps": NOT_NEGATIVE, "keepdim": FLAG}


def _float(owner: str, name: str, x: TensorLike) -> Tensor:
    t = as_tensor(x, owner, name)
    return t if t.dtype.kind == "f" else t.astype(default_dtype[0])


def _two(owner: str, x1: TensorLike, x2: TensorLike, dim: int) -> tuple[Tensor, Tensor]:
    """Both operands, if they can be broadcast to a shape that has the axis."""
    a, b = _float(owner, "x1", x1), _float(owner, "x2", x2)
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ValueError(
            f"{owner}: x1 and x2 have shapes {a.shape} and {b.shape}, which do not fit each other"
        ) from None
    if not -len(shape) <= dim < len(shape):
        raise ValueError(f"{owner}: dim={dim} is no axis of x1 and x2, of shape {shape} together")
    return a.broadcast_to(shape), b.broadcast_to(shape)


def normalize(input: TensorLike, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖_p, eps): vectors along an axis made to have length 1.

    >>> normalize([[3.0, 4.0]])
    Tensor([[0.6, 0.8]])
    """
    x = _float("normalize", "input", input)
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"normalize: dim={dim} is no axis of the input, of shape {x.shape}")
    return x / maximum(vector_norm(x, p, dim, True), x.dtype.type(eps))


def cosine_similarity(x1: TensorLike, x2: TensorLike, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x₁·x₂ / (max(‖x₁‖, eps) · max(‖x₂‖, eps)) along an axis: the cosine of their angle.

    The operands are broadcast. At a vector of zeros the slope is that of x / eps.

    >>> cosine_similarity([[1.0, 0.0]], [[3.0, 4.0]])
    Tensor([0.6])
    """
    a, b = _two("cosine_similarity", x1, x2, dim)
    return (_direction(a, dim, eps) * _direction(b, dim, eps)).sum(axis=dim)


def _direction(x: Tensor, dim: int, eps: float) -> Tensor:
    """x / max(‖x‖, eps), differentiated as if nothing had been held."""
    size = vector_norm(x, 2, dim, True)
    below = np.maximum(eps - size.data, 0).astype(size.dtype)
    return x / (size + below)


def pairwise_distance(
    x1: TensorLike, x2: TensorLike, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """‖x₁ - x₂ + eps‖_p along the last axis; the operands are broadcast.

    >>> pairwise_distance([[3.0, 4.0]], [[0.0, 0.0]], eps=0.0)
    Tensor([5.])
    """
    a, b = _two("pairwise_distance", x1, x2, -1)
    return vector_norm(a - b + eps, p, -1, keepdim)


def pdist(input: TensorLike, p: float = 2.0) -> Tensor:
    """‖x_i - x_j‖_p of all pairs i < j of N rows: N (N - 1) / 2 distances, row by row.

    Points that coincide have slope 0.

    >>> pdist([[0.0, 0.0], [3.0, 4.0], [0.0, 4.0]])
    Tensor([5., 4., 3.])
    """
    x = _float("pdist", "input", input)
    if x.ndim != 2:
        raise ValueError(f"pdist: input must have shape (N, D), not {x.shape}")
    first, second = np.triu_indices(x.shape[0], 1)
    return vector_norm(getitem(x, first) - getitem(x, second), p, -1)


class CosineSimilarity(Module):
    """The cosine of the angle of two vectors, along an axis; see `functional.cosine_similarity`.

    >>> CosineSimilarity()([[1.0, 0.0]], [[3.0, 4.0]])
    Tensor([0.6])
    """

    @checked()
    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        self.dim, self.eps = dim, eps

    def forward(self, x1: TensorLike, x2: TensorLike) -> Tensor:
        return cosine_similarity(x1, x2, self.dim, self.eps)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, eps={self.eps:g}"


class PairwiseDistance(Module):
    """‖x₁ - x₂ + eps‖_p along the last axis; see `functional.pairwise_distance`.

    >>> PairwiseDistance(1.0, eps=0.0)([[3.0, 4.0]], [[0.0, 0.0]])
    Tensor([7.])
    """

    @checked(p=ORDER, keepdim=FLAG)
    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        self.p, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: TensorLike, x2: TensorLike) -> Tensor:
        return pairwise_distance(x1, x2, self.p, self.eps, self.keepdim)

    def extra_repr(self) -> str:
        return f"p={self.p:g}, eps={self.eps:g}" + ", keepdim=True" * self.keepdim
