"""Losses that ask scores or distances to differ by a margin, under PyTorch's names.

Where a margin is just kept, what PyTorch composes of `clamp` has the slope of the side on which it
is not, and `multi_margin_loss` and `multilabel_margin_loss` have 0, as there.
Targets are constants.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd.arguments import (
    CALLABLE,
    NORM,
    NUMBER,
    POSITIVE,
    check,
    index_array,
    one_number_of,
    optional,
    require,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor
from microgradnd.functions import clip, minimum, relu, softplus, square, where
from microgradnd.nn.distances import floats, pairwise_distance, wide
from microgradnd.nn.losses import (
    agreeing,
    class_factors,
    constant,
    constant_like,
    reduced,
    weighted,
)

COSINE_EPS = 1e-12  # added to squared lengths, as in PyTorch


def _alike(loss: str, **given: TensorLike) -> list[Tensor]:
    """Operands as Tensors of floats, once their shapes agree."""
    xs = floats(loss, **given)
    if len({x.shape for x in xs}) > 1:
        shapes = ", ".join(f"{name} has shape {x.shape}" for name, x in zip(given, xs))
        raise ValueError(f"{loss}: {shapes}; they must be equal, nothing is broadcast")
    return xs


def _signs(loss: str, target: TensorLike, x: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """A target of 1 and -1, of the dtype of x."""
    y = constant_like(loss, "target", target, x)
    if y.shape != shape:
        raise ValueError(f"{loss}: the target has shape {y.shape}, it must be {shape}")
    if not (np.abs(y) == 1).all():
        raise ValueError(f"{loss}: the target must hold 1 and -1 alone; for 0 and 1 give 2 y - 1")
    return y


def _held(x: Tensor) -> Tensor:
    """max(0, x), whose slope at 0 is 1."""
    return clip(x, 0.0, None)


def hinge_embedding_loss(
    input: TensorLike, target: TensorLike, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """x where y = 1, max(0, margin - x) where y = -1, of distances x.

    Args:
        input: x, distances of pairs.
        target: y, of the same shape: 1 for pairs that are alike, -1 for others.
        margin: how far apart pairs should be that are not alike.
        reduction: "mean", "sum" or "none".

    >>> hinge_embedding_loss(Tensor([0.25, 0.25]), np.array([1, -1]), reduction="none")
    Tensor([0.25, 0.75])
    """
    loss = "hinge_embedding_loss"
    require(loss, "margin", margin, NUMBER)
    agreeing(loss, input, target)
    (x,) = floats(loss, input=input)
    y = _signs(loss, target, x, x.shape)
    return reduced(loss, where(y > 0, x, _held(margin - x)), reduction, x.dtype)


def margin_ranking_loss(
    input1: TensorLike,
    input2: TensorLike,
    target: TensorLike,
    margin: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin - y (x1 - x2)): scores x1 are to exceed x2 where y = 1, the reverse for -1.

    Shapes: input1, input2 and target are of one shape.

    >>> margin_ranking_loss(Tensor([1.0, 1.0]), np.array([3.0, 3.0]), [1, -1], reduction="none")
    Tensor([2., 0.])
    """
    loss = "margin_ranking_loss"
    require(loss, "margin", margin, NUMBER)
    x1, x2 = _alike(loss, input1=input1, input2=input2)
    e = x2 - x1
    y = _signs(loss, target, e, e.shape)
    return reduced(loss, _held(e * y + margin), reduction, e.dtype)


def cosine_embedding_loss(
    input1: TensorLike,
    input2: TensorLike,
    target: TensorLike,
    margin: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1.

    Shapes: input1 and input2 (N, D) or (D,), target (N,) or (): 1 for vectors that are alike.

    >>> cosine_embedding_loss(Tensor([[1.0, 0.0], [1.0, 0.0]]), [[0.0, 1.0], [2.0, 0.0]], [1, -1],
    ...                       reduction="none")
    Tensor([1., 1.])
    """
    loss = "cosine_embedding_loss"
    require(loss, "margin", margin, NUMBER)
    given = _alike(loss, input1=input1, input2=input2)
    x1, x2 = map(wide, given)
    if x1.ndim not in (1, 2):
        raise ValueError(f"{loss}: input1 has shape {x1.shape}, it must be (N, D) or (D,)")
    lengths = ((square(x1).sum(-1) + COSINE_EPS) * (square(x2).sum(-1) + COSINE_EPS)).sqrt()
    cos = (x1 * x2).sum(-1) / lengths
    y = _signs(loss, target, cos, cos.shape)
    losses = where(y > 0, 1 - cos, _held(cos - margin))
    return reduced(loss, losses, reduction, np.result_type(*(x.dtype for x in given)))


def soft_margin_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-y x)) of scores x and labels y = 1 or -1, of one shape; without overflow.

    >>> soft_margin_loss(Tensor([0.0, -900.0]), np.array([1, -1]), reduction="none").round(4)
    Tensor([0.6931, 0.    ])
    """
    agreeing("soft_margin_loss", input, target)
    (x,) = floats("soft_margin_loss", input=input)
    y = _signs("soft_margin_loss", target, x, x.shape)
    return reduced("soft_margin_loss", softplus(x * -y, 1.0, np.inf), reduction)


def multi_margin_loss(
    input: TensorLike,
    target: TensorLike,
    p: int = 1,
    margin: float = 1.0,
    weight: TensorLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ_{c ≠ y} w_y max(0, margin - x_y + x_c)^p / C: the hinge loss of C classes.

    Args:
        input: scores x, (N, C) or (C,).
        target: class numbers y, (N,) or ().
        p: 1 or 2.
        margin: by how much the score of the right class is to exceed the others.
        weight: w, a factor for each class, (C,).
        reduction: "mean" divides by N.

    >>> multi_margin_loss(Tensor([[0.5, 1.0]]), np.array([0]))
    Tensor(0.75)
    """
    loss = "multi_margin_loss"
    require(loss, "margin", margin, NUMBER)
    require(loss, "p", p, one_number_of(1, 2))
    x = _scores(loss, input)
    y = index_array(loss, "target", constant(loss, "target", target))
    if y.shape != x.shape[:-1]:
        raise ValueError(
            f"{loss}: the target has shape {y.shape}, scores of shape {x.shape} need class "
            f"numbers of shape {x.shape[:-1]}"
        )
    _check_classes(loss, y, 0, x.shape[-1])
    others = np.arange(x.shape[-1]) != y[..., None]
    right = np.where(others, 0, class_factors(loss, x, None))
    z = where(others, relu(x - (x * right).sum(-1, keepdims=True) + margin), 0.0)
    losses = (z if p == 1 else square(wide(z))).sum(-1) / x.shape[-1]
    if weight is not None:
        losses = losses * class_factors(loss, x, weight)[y]
    return reduced(loss, losses, reduction, x.dtype)


def multilabel_margin_loss(
    input: TensorLike, target: TensorLike, reduction: str = "mean"
) -> Tensor:
    """Σ_y Σ_{c ∉ target} max(0, 1 - x_y + x_c) / C, over the classes y that the target lists.

    Args:
        input: scores x, (N, C) or (C,).
        target: class numbers, of the same shape; those from the first -1 on do not count.
        reduction: "mean" divides by N.

    >>> multilabel_margin_loss(Tensor([0.5, 1.0, 0.0]), np.array([1, -1, -1])).round(4)
    Tensor(0.1667)
    """
    loss = "multilabel_margin_loss"
    agreeing(loss, input, target)
    x = _scores(loss, input)
    y = index_array(loss, "target", constant(loss, "target", target))
    counts = np.logical_and.accumulate(y >= 0, -1)
    _check_classes(loss, np.where(counts, y, 0), 0, x.shape[-1], ", up to the first -1")
    most = counts.sum(-1).max(initial=0)  # as many as a row lists
    y, counts = y[..., :most], counts[..., :most]
    named = (np.where(counts, y, -1)[..., None] == np.arange(x.shape[-1])).astype(x.dtype)
    right = (x[..., None, :] * named).sum(-1, keepdims=True)  # (..., most, 1): what is listed
    between = counts[..., None] & ~named.astype(bool).any(-2, keepdims=True)
    z = where(between, relu(1 - right + x[..., None, :]), 0.0)
    return reduced(loss, z.sum((-2, -1)) / x.shape[-1], reduction)


def _scores(loss: str, input: TensorLike) -> Tensor:
    (x,) = floats(loss, input=input)
    if x.ndim not in (1, 2) or not x.shape[-1]:
        raise ValueError(f"{loss}: input has shape {x.shape}, it must be (N, C) or (C,)")
    return x


def _check_classes(loss: str, y: np.ndarray, low: int, classes: int, more: str = "") -> None:
    if y.size and not low <= y.min() <= y.max() < classes:
        raise ValueError(
            f"{loss}: class numbers must lie in {low}..{classes - 1}{more}; the target's reach "
            f"from {y.min()} to {y.max()}"
        )


def multilabel_soft_margin_loss(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the classes of -w_c (y_c log σ(x_c) + (1 - y_c) log σ(-x_c)).

    Args:
        input: scores x, (..., C).
        target: y, of the same shape, 1 where a class is there, else 0.
        weight: w, factors that are broadcast to the shape of x, such as (C,).
        reduction: "mean", "sum" or "none" of the losses (...).

    >>> multilabel_soft_margin_loss(Tensor([[0.0, 900.0]]), np.array([[1, 1]])).round(4)
    Tensor(0.3466)
    """
    loss = "multilabel_soft_margin_loss"
    agreeing(loss, input, target)
    (x,) = floats(loss, input=input)
    if not x.ndim or not x.shape[-1]:
        raise ValueError(f"{loss}: input has shape {x.shape}, it needs an axis of classes")
    y = constant_like(loss, "target", target, x)
    losses = softplus(-x, 1.0, np.inf) + (1 - y) * x
    return reduced(loss, weighted(loss, losses, weight).mean(-1), reduction)


def triplet_margin_loss(
    anchor: TensorLike,
    positive: TensorLike,
    negative: TensorLike,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(a, p) - d(a, n) + margin): the positive is to be nearer than the negative.

    d is `pairwise_distance` with `p` and `eps`. With `swap` the distance of the positive from the
    negative counts, if it is smaller than that of the anchor (Balntas et al. 2016).

    Shapes: anchor, positive and negative (..., D); one loss for each (...).

    >>> triplet_margin_loss(Tensor([[0.0, 0.0]]), [[3.0, 4.0]], [[0.0, 4.0]]).round(3)
    Tensor(2.)
    """
    loss = "triplet_margin_loss"
    require(loss, "margin", margin, POSITIVE)
    require(loss, "p", p, NORM)
    check(loss, eps=eps, swap=swap)

    def distance(x1: Tensor, x2: Tensor) -> Tensor:
        return pairwise_distance(x1, x2, p, eps)

    return _triplet(loss, anchor, positive, negative, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: TensorLike,
    positive: TensorLike,
    negative: TensorLike,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of one's own, a function of two Tensors.

    >>> distance = lambda x, y: abs(x - y).max(-1)
    >>> triplet_margin_with_distance_loss(Tensor([[0.0, 0.0]]), [[3.0, 4.0]], [[0.0, 3.0]],
    ...                                   distance_function=distance)
    Tensor(2.)
    """
    loss = "triplet_margin_with_distance_loss"
    require(loss, "margin", margin, POSITIVE)
    require(loss, "distance_function", distance_function, optional(CALLABLE))
    check(loss, swap=swap)
    distance = distance_function or pairwise_distance
    return _triplet(loss, anchor, positive, negative, distance, margin, swap, reduction)


def _triplet(
    loss: str,
    anchor: TensorLike,
    positive: TensorLike,
    negative: TensorLike,
    distance: Callable[..., Any],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    a, p, n = _alike(loss, anchor=anchor, positive=positive, negative=negative)
    if not a.ndim:
        raise ValueError(f"{loss}: anchor is a number; it needs an axis of components")
    far = distance(a, n)
    if swap:
        far = minimum(far, distance(p, n))
    return reduced(loss, _held(distance(a, p) - far + margin), reduction)
