"""Losses of regression and classification, under PyTorch's names and the chapter's.

`reduction` says what becomes of the losses of the parts: "mean" (the default), "sum" or "none".
Shapes that do not agree raise: nothing is spread silently. Targets of class numbers are constants.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from microgradnd.arguments import (
    NOT_NEGATIVE,
    POSITIVE,
    check,
    one_of,
    real_array,
    require,
    require_real,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.functions import abs, clip, exp, log, softplus, square, subtract, where
from microgradnd.methods import Methods
from microgradnd.nn.distances import floats
from microgradnd.ops import losses as ops
from microgradnd.ops import softmax

DIVERGENCE = one_of("mean", "sum", "none", "batchmean")


def reduced(loss: str, losses: Tensor, reduction: str, dtype: Any = None) -> Tensor:
    check(loss, reduction=reduction)
    if reduction != "none":
        losses = losses.mean() if reduction == "mean" else losses.sum()
    return losses if dtype is None else losses.astype(dtype)


def _squared(e: Tensor) -> Tensor:
    """e²; of float16 in float32, since it overflows from 256 on where its mean need not."""
    return square(e.astype(np.float32) if e.dtype == np.float16 else e)


def agreeing(loss: str, input: TensorLike, target: TensorLike) -> tuple[Any, Any]:
    """Input and target as Tensors or arrays, once their shapes agree."""
    x = input if isinstance(input, Methods) else real_array(loss, "input", input)
    y = target if isinstance(target, Methods) else real_array(loss, "target", target)
    require_real(loss, "input", x)
    require_real(loss, "target", y)
    if x.shape != y.shape:
        raise ValueError(
            f"{loss}: input has shape {x.shape}, target {y.shape}; they must be equal, nothing is "
            "broadcast: reshape one of them"
        )
    if x.dtype.kind == "f" != y.dtype.kind:  # integers widen no floats
        return x, y.astype(x.dtype)
    return (x.astype(y.dtype), y) if y.dtype.kind == "f" != x.dtype.kind else (x, y)


def constant(loss: str, name: str, value: TensorLike) -> np.ndarray:
    """The array of a target or weight that is a constant, in this machine's byte order."""
    if isinstance(value, Methods) and value.requires_grad:
        raise TypeError(f"{loss}: {name} is a constant here: pass {name}.detach()")
    array = real_array(loss, name, value)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _open(loss: str, target: TensorLike) -> Any:
    """A target as it is where it requires a gradient, else its array."""
    tracked = isinstance(target, Methods) and target.requires_grad
    return target if tracked else constant(loss, "target", target)


def constant_like(loss: str, name: str, value: TensorLike, x: Tensor) -> np.ndarray:
    """A constant that does not widen x: integers and truths take its dtype."""
    array = constant(loss, name, value)
    return array if array.dtype.kind == "f" else array.astype(x.dtype)


def half_squared_error(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """E = ½ Σ_k (d_k - o_k)² for each sample, k over the last axis (eq. 5-4).

    Shapes: input o and target d (..., K); one loss per sample, (...), reduced over the samples.

    >>> half_squared_error(Tensor([[1.0, 2.0]]), np.array([[0.0, 0.0]]))
    Tensor(2.5)
    """
    o, d = agreeing("half_squared_error", input, target)
    if not o.ndim:
        raise ValueError("half_squared_error: input is a number; it needs an axis of components")
    e = subtract(d, o)
    return reduced("half_squared_error", _squared(e).sum(axis=-1) * 0.5, reduction, e.dtype)


def first_component_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """(h_0 - y)², the loss of the chapter's LSTM code: only the first unit counts.

    Shapes: input h (..., H), target y (...).

    >>> first_component_loss(Tensor([3.0, 7.0]), 1.0)
    Tensor(4.)
    """
    h, y = (
        as_tensor(x, "first_component_loss", name)
        for name, x in (("input", input), ("target", target))
    )
    if not h.ndim or h.shape[:-1] != y.shape or not h.shape[-1]:
        raise ValueError(
            f"first_component_loss: input has shape {h.shape}, its target must have that shape "
            f"without the last axis, which must not be empty; got {y.shape}"
        )
    e = h[..., 0] - y
    return reduced("first_component_loss", _squared(e), reduction, e.dtype)


def mse_loss(
    input: TensorLike,
    target: TensorLike,
    reduction: str = "mean",
    weight: TensorLike | None = None,
) -> Tensor:
    """(input - target)², the squared error.

    With a `weight` of the same shape, errors count by it; "mean" then divides by its sum.

    >>> mse_loss(Tensor([1.0, 3.0]), np.array([1.0, 1.0]))
    Tensor(2.)
    """
    e = subtract(*agreeing("mse_loss", input, target))
    return _weighing("mse_loss", _squared(e), weight, reduction, e.dtype)


def l1_loss(
    input: TensorLike,
    target: TensorLike,
    reduction: str = "mean",
    weight: TensorLike | None = None,
) -> Tensor:
    """|input - target|, the absolute error; its derivative is 0 where the error is.

    With a `weight` of the same shape, errors count by it; "mean" then divides by its sum.

    >>> l1_loss(Tensor([1.0, 3.0]), np.array([1.0, 1.0]))
    Tensor(1.)
    """
    losses = abs(subtract(*agreeing("l1_loss", input, target)))
    return _weighing("l1_loss", losses, weight, reduction)


def _weighing(
    loss: str, losses: Tensor, weight: TensorLike | None, reduction: str, dtype: Any = None
) -> Tensor:
    """Losses by weights of their shape; their mean is divided by the sum of these."""
    if weight is None:
        return reduced(loss, losses, reduction, dtype)
    factors = _weights_of(loss, losses, weight)
    if reduction != "mean":
        return reduced(loss, losses * factors, reduction, dtype)
    out = (losses * factors).sum() / count_of(factors)
    return out if dtype is None else out.astype(dtype)


def _weights_of(loss: str, losses: Tensor, weight: TensorLike) -> np.ndarray:
    factors = constant(loss, "weight", weight).astype(losses.dtype)
    if factors.shape != losses.shape:
        raise ValueError(
            f"{loss}: weight has shape {factors.shape}, it must be that of the input, "
            f"{losses.shape}"
        )
    return factors


def huber_loss(
    input: TensorLike,
    target: TensorLike,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: TensorLike | None = None,
) -> Tensor:
    """½ e² where |e| ≤ δ, else δ (|e| - ½ δ), of the error e = input - target (Huber 1964).

    With a `weight` of the same shape, losses are multiplied by it ("mean" divides by their number).

    >>> huber_loss(Tensor([1.0, 5.0]), np.array([0.0, 0.0]), reduction="none")
    Tensor([0.5, 4.5])
    """
    require("huber_loss", "delta", delta, POSITIVE)
    losses = _huber("huber_loss", input, target, delta)
    if weight is not None:
        losses = losses * _weights_of("huber_loss", losses, weight)
    return reduced("huber_loss", losses, reduction)


def _huber(loss: str, input: TensorLike, target: TensorLike, delta: float) -> Tensor:
    """Huber's loss of each element."""
    e = subtract(*agreeing(loss, input, target))
    clipped = clip(e, -delta, delta)  # its derivative is that of the loss: clipped itself
    return clipped * (e - clipped * 0.5)


def smooth_l1_loss(
    input: TensorLike, target: TensorLike, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """½ e²/β where |e| < β, else |e| - ½ β: Huber's loss over β, the absolute error for β = 0.

    >>> smooth_l1_loss(Tensor([1.0, 5.0]), np.array([0.0, 0.0]), reduction="none", beta=2.0)
    Tensor([0.25, 4.  ])
    """
    name = "smooth_l1_loss"
    require(name, "beta", beta, NOT_NEGATIVE)
    if beta == 0:
        return reduced(name, abs(subtract(*agreeing(name, input, target))), reduction)
    return reduced(name, _huber(name, input, target, beta) * (1 / beta), reduction)


def poisson_nll_loss(
    input: TensorLike,
    target: TensorLike,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """exp(x) - y x: the negative log likelihood of counts y whose logarithmic rate is x.

    Args:
        input: x; with `log_input=False` the rate itself, and the loss is x - y log(x + eps).
        target: y, of the same shape.
        log_input: whether x is the logarithm of the rate.
        full: adds log y! where y > 1, by Stirling's formula y log y - y + ½ log(2π y).
        eps: keeps the logarithm finite.
        reduction: "mean", "sum" or "none".

    >>> poisson_nll_loss(Tensor([0.0, 1.0]), np.array([1.0, 2.0]), reduction="none").round(4)
    Tensor([1.    , 0.7183])
    """
    loss = "poisson_nll_loss"
    check(loss, eps=eps, log_input=log_input, full=full)
    agreeing(loss, input, target)
    (x,) = floats(loss, input=input)
    y = _open(loss, target)
    y = y if y.dtype.kind == "f" else y.astype(x.dtype)
    losses = exp(x) - x * y if log_input else x - log(x + eps) * y
    if full:
        n = np.maximum(y, 1)
        losses = losses + np.where(y > 1, n * np.log(n) - n + 0.5 * np.log(2 * np.pi * n), 0)
    return reduced(loss, losses, reduction, x.dtype)


def gaussian_nll_loss(
    input: TensorLike,
    target: TensorLike,
    var: TensorLike,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """½ (log v + (input - target)²/v): the negative log likelihood of normal distributions.

    Args:
        input: the means.
        target: of the same shape.
        var: the variances v, of the same shape, or a number, or one for each row: the shape
            without its last axis, or with 1 in the place of one of its axes.
        full: adds ½ log 2π.
        eps: smaller variances are held at it; their derivative is taken there, as in PyTorch.
        reduction: "mean", "sum" or "none".

    >>> gaussian_nll_loss(Tensor([1.0, 3.0]), np.array([0.0, 3.0]), 1.0, reduction="none")
    Tensor([0.5, 0. ])
    """
    loss = "gaussian_nll_loss"
    check(loss, eps=eps, full=full)
    agreeing(loss, input, target)
    x, y, v = floats(loss, input=input, target=target, var=var)
    if x.ndim and v.shape == x.shape[:-1]:
        v = v.reshape((*v.shape, 1))
    one = sum(m != n for m, n in zip(v.shape, x.shape))
    if v.shape and (
        v.ndim != x.ndim or one > 1 or any(n not in (1, m) for m, n in zip(x.shape, v.shape))
    ):
        raise ValueError(
            f"{loss}: var has shape {v.shape}, input {x.shape}; var must have that shape, or leave "
            "the last axis out, or have 1 in the place of one axis"
        )
    now = v.detach()
    if (now.data < 0).any():
        raise ValueError(f"{loss}: var must not be negative; its least element is {now.data.min()}")
    v = v + (clip(now, eps, None) - now)  # held from below, with the slope of what is not
    losses = 0.5 * (log(v) + _squared(x - y) / v)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduced(loss, losses, reduction, np.result_type(x.dtype, y.dtype))


def binary_cross_entropy(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
    eps: float = 0.0,
) -> Tensor:
    """-(y log o + (1 - y) log(1 - o)) of probabilities o: eq. 5-29, with its missing minus sign.

    Args:
        input: the probabilities o, within [0, 1].
        target: y, of the same shape, within [0, 1].
        weight: factors of the losses, broadcast to their shape.
        reduction: "mean", "sum" or "none".
        eps: with 0, logarithms are held at -100 or above, as in PyTorch; else it is added to what
            they are taken of, as in the chapter's code.

    >>> binary_cross_entropy(Tensor([0.5, 0.0]), np.array([1.0, 0.0]), reduction="sum").round(4)
    Tensor(0.6931)
    """
    loss = "binary_cross_entropy"
    input, target = agreeing(loss, input, target)
    check(loss, eps=eps)
    losses = ops.binary_cross_entropy(as_tensor(input, loss, "input"), _open(loss, target), eps)
    return reduced(loss, weighted(loss, losses, weight), reduction)


def binary_cross_entropy_with_logits(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
    pos_weight: TensorLike | None = None,
) -> Tensor:
    """Binary cross-entropy of σ(x), from the logits x: no overflow, no logarithm of 0.

    (1 - y) x + (1 + (p - 1) y) log(1 + exp(-x)), with p = `pos_weight`, the weight of positives,
    1 unless given. `weight` and `pos_weight` are broadcast to the shape of the losses.

    >>> binary_cross_entropy_with_logits(Tensor([0.0, -900.0]), np.array([1.0, 1.0])).round(4)
    Tensor(450.3466)
    """
    loss = "binary_cross_entropy_with_logits"
    x, y = agreeing(loss, input, target)
    positive = softplus(-x, 1.0, np.inf)  # the loss where y is 1
    if pos_weight is not None:
        positive = positive * (
            y * (_factors_like(loss, "pos_weight", positive, pos_weight) - 1) + 1
        )
    return reduced(loss, weighted(loss, positive + (1 - y) * x, weight), reduction)


def weighted(loss: str, losses: Tensor, weight: TensorLike | None) -> Tensor:
    return losses if weight is None else losses * _factors_like(loss, "weight", losses, weight)


def _factors_like(loss: str, name: str, losses: Tensor, factors: TensorLike) -> np.ndarray:
    """Factors as an array of the losses' dtype, once they are sure to fit their shape."""
    array = constant(loss, name, factors).astype(losses.dtype)
    fits = array.ndim <= losses.ndim and all(
        n in (1, m) for n, m in zip(array.shape[::-1], losses.shape[::-1])
    )
    if not fits:
        raise ValueError(
            f"{loss}: {name} of shape {array.shape} cannot be broadcast to the losses' shape "
            f"{losses.shape}"
        )
    return array


def nll_loss(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """-w_y input_y: the negative log likelihood of the class y that is the target.

    Args:
        input: logarithms of probabilities, (C,), (N, C) or (N, C, d1, ...).
        target: class numbers, (), (N,) or (N, d1, ...).
        weight: w, a factor for each class, (C,).
        ignore_index: targets with this number count nothing.
        reduction: "mean" divides by the sum of the w_y that count.

    >>> nll_loss(Tensor([[-0.5, -1.0], [-3.0, -0.1]]), np.array([1, 0]))
    Tensor(2.)
    """
    rows, target = _classes_last("nll_loss", input), constant("nll_loss", "target", target)
    check("nll_loss", ignore_index=ignore_index, reduction=reduction)
    count = rows.shape[-1]
    index, factor = _class_weights("nll_loss", rows, target, weight, ignore_index)
    selected = rows.reshape(-1, count)[np.arange(index.size), index.ravel()].reshape(index.shape)
    return _averaged("nll_loss", -selected, factor, reduction)


def cross_entropy(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-Σ_c w_c y_c log softmax(input)_c, from logits: softmax (eq. 5-30) and its loss in one.

    Args:
        input: logits, (C,), (N, C) or (N, C, d1, ...).
        target: class numbers, (), (N,) or (N, d1, ...), or distributions y of the input's shape.
        weight: w, a factor for each class, (C,).
        ignore_index: class numbers equal to it count nothing.
        reduction: "mean" divides by the number of rows, or if the target holds class numbers, by
            the sum of the w_y that count.
        label_smoothing: mixes ε of the uniform distribution into the target: (1 - ε) y + ε/C.

    Source: Szegedy et al. 2015 (label smoothing).

    >>> cross_entropy(Tensor([[2.0, 0.0, 0.0]]), np.array([0])).round(4)
    Tensor(0.2395)
    """
    loss = "cross_entropy"
    check(loss, ignore_index=ignore_index, label_smoothing=label_smoothing, reduction=reduction)
    z, goal = _classes_last(loss, input), _open(loss, target)
    if goal.dtype.kind == "f":
        agreeing(loss, input, goal)
        y = goal if goal.ndim <= 2 else np.moveaxis(goal, 1, -1)
        mixed = y * (1 - label_smoothing) + label_smoothing / z.shape[-1]
        q = (mixed * class_factors(loss, z, weight)).astype(z.dtype)
        return reduced(loss, softmax.cross_entropy(z, q), reduction)
    ignored = _every(goal) == ignore_index
    if weight is None and not label_smoothing and not ignored.any():
        return reduced(loss, softmax.cross_entropy(z, goal), reduction)
    index, factor = _class_weights(loss, z, goal, weight, ignore_index)
    losses = softmax.cross_entropy(z, index)
    if not label_smoothing:
        return _averaged(loss, losses, factor, reduction)
    total = count_of(factor)
    uniform = class_factors(loss, z, weight) / z.shape[-1]
    smooth = softmax.cross_entropy(z, np.broadcast_to(uniform, z.shape))
    counts = goal != ignore_index
    losses = _counted(losses, factor) * (1 - label_smoothing)
    losses = losses + where(counts, smooth, 0.0) * label_smoothing
    return losses.sum() / total if reduction == "mean" else reduced(loss, losses, reduction)


def kl_div(
    input: TensorLike, target: TensorLike, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """y (log y - input), the divergence of a distribution y from exp(input), term by term.

    Args:
        input: logarithms of probabilities.
        target: y, of the same shape; with `log_target` its logarithms.
        reduction: "batchmean" divides the sum by the length of the first axis: only that is the
            mean divergence; "mean" divides by the number of elements, as in PyTorch.

    >>> kl_div(Tensor([[-1.0, -1.0]]), np.array([[0.5, 0.5]]), reduction="batchmean").round(4)
    Tensor(0.3069)
    """
    input, target = agreeing("kl_div", input, target)
    y = _open("kl_div", target)
    check("kl_div", log_target=log_target)
    logs = y if log_target else np.log(np.where(y > 0, y, 1))
    p = np.exp(y) if log_target else y
    losses = subtract(logs, input) * p
    require("kl_div", "reduction", reduction, DIVERGENCE)
    if reduction == "batchmean":
        return losses.sum() / len(y)
    return reduced("kl_div", losses, reduction)


def _classes_last(loss: str, input: TensorLike) -> Tensor:
    """Logits (N, C, d1, ...) with their classes in the last axis."""
    t = as_tensor(input, loss, "input")
    if not t.ndim:
        raise ValueError(f"{loss}: input is a number; it needs an axis of classes")
    return t if t.ndim <= 2 else t.transpose((0, *range(2, t.ndim), 1))


def class_factors(loss: str, rows: Tensor, weight: TensorLike | None) -> np.ndarray:
    """The weight of each class."""
    count = rows.shape[-1]
    if weight is None:
        return np.ones(count, rows.dtype)
    factors = constant(loss, "weight", weight).astype(rows.dtype)
    if factors.shape != (count,):
        raise ValueError(
            f"{loss}: weight has shape {factors.shape}, {count} classes need ({count},)"
        )
    return factors


def _class_weights(
    loss: str, rows: Tensor, target: np.ndarray, weight: TensorLike | None, ignore_index: int
) -> tuple[np.ndarray, np.ndarray]:
    """Class numbers, 0 where they are ignored, and the factor of each row, 0 there."""
    if target.shape != rows.shape[:-1] or target.dtype.kind not in "iu":
        raise ValueError(
            f"{loss}: the target has shape {target.shape} and dtype {target.dtype}; these rows of "
            f"{rows.shape[-1]} classes need integers of shape {rows.shape[:-1]}"
        )
    counts = target != ignore_index
    index = np.where(counts, target, 0)
    every = _every(index)
    if every.size and not 0 <= every.min() <= every.max() < rows.shape[-1]:
        raise ValueError(
            f"{loss}: class numbers must lie in 0..{rows.shape[-1] - 1} (or be {ignore_index}, "
            f"which is ignored), the target's reach from {every.min()} to {every.max()}"
        )
    factors: Any = class_factors(loss, rows, weight)
    factors = factors if isinstance(index, np.ndarray) else Tensor(factors)
    return index, factors[index] * counts


def _every(x: Any) -> np.ndarray:
    """The array itself; of one that is mapped over samples, that of all of them."""
    return getattr(x, "every_sample", x)


def _counted(losses: Tensor, factor: np.ndarray) -> Tensor:
    """The losses times their factors; what is ignored is 0 even where the loss is infinite."""
    return where(factor != 0, losses, 0.0) * factor


def count_of(factor: np.ndarray) -> Any:
    """What a mean divides by: NaN where nothing counts, as the mean then is."""
    total = factor.sum()
    if not isinstance(total, np.generic):  # of each sample that is mapped over
        return np.where(total != 0, total, np.nan)
    return float(total) or float("nan")


def _averaged(loss: str, losses: Tensor, factor: np.ndarray, reduction: str) -> Tensor:
    losses = _counted(losses, factor)
    if reduction == "mean":
        return losses.sum() / count_of(factor)
    return reduced(loss, losses, reduction)
