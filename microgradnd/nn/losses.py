"""Losses, as functions and as modules, under PyTorch's names and the chapter's.

`reduction` says what becomes of the losses of the parts: "mean" (the default), "sum" or "none".
Shapes that do not agree raise: nothing is spread silently. Targets of class numbers, and those of
`binary_cross_entropy` and `cross_entropy`, are constants.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from microgradnd.arguments import (
    ANY,
    KINDS,
    NOT_NEGATIVE,
    POSITIVE,
    Kind,
    check,
    one_of,
    real_array,
    require,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.functions import abs, clip, softplus, square, subtract, where
from microgradnd.nn.module import Module
from microgradnd.ops import losses as ops
from microgradnd.ops import softmax

# What the options of the losses are, for the functions and for the modules.
_OPTIONS: dict[str, Kind] = KINDS | {
    **dict.fromkeys(["weight", "pos_weight"], ANY),  # arrays, held against the losses' shape
    **{"delta": POSITIVE, "beta": NOT_NEGATIVE},
}
_DIVERGENCE = one_of("mean", "sum", "none", "batchmean")


def _reduced(loss: str, losses: Tensor, reduction: str, dtype: Any = None) -> Tensor:
    check(loss, reduction=reduction)
    if reduction != "none":
        losses = losses.mean() if reduction == "mean" else losses.sum()
    return losses if dtype is None else losses.astype(dtype)


def _squared(e: Tensor) -> Tensor:
    """e²; of float16 in float32, since it overflows from 256 on where its mean need not."""
    return square(e.astype(np.float32) if e.dtype == np.float16 else e)


def _operands(loss: str, input: TensorLike, target: TensorLike) -> tuple[Any, Any]:
    """Input and target as Tensors or arrays, once their shapes agree."""
    x = input if isinstance(input, Tensor) else real_array(loss, "input", input)
    y = target if isinstance(target, Tensor) else real_array(loss, "target", target)
    if x.shape != y.shape:
        raise ValueError(
            f"{loss}: input has shape {x.shape}, target {y.shape}; they must be equal, nothing is "
            "broadcast: reshape one of them"
        )
    return x, y


def _constant(loss: str, name: str, value: TensorLike) -> np.ndarray:
    """The array of a target or weight that is a constant, in this machine's byte order."""
    if isinstance(value, Tensor) and value.requires_grad:
        raise TypeError(f"{loss}: {name} is a constant here: pass {name}.detach()")
    array = real_array(loss, name, value)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def half_squared_error(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """E = ½ Σ_k (d_k - o_k)² for each sample, k over the last axis (eq. 5-4).

    Shapes: input o and target d (..., K); one loss per sample, (...), reduced over the samples.

    >>> half_squared_error(Tensor([[1.0, 2.0]]), np.array([[0.0, 0.0]]))
    Tensor(2.5)
    """
    o, d = _operands("half_squared_error", input, target)
    if not o.ndim:
        raise ValueError("half_squared_error: input is a number; it needs an axis of components")
    e = subtract(d, o)
    return _reduced("half_squared_error", _squared(e).sum(axis=-1) * 0.5, reduction, e.dtype)


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
    return _reduced("first_component_loss", _squared(e), reduction, e.dtype)


def mse_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """(input - target)², the squared error.

    >>> mse_loss(Tensor([1.0, 3.0]), np.array([1.0, 1.0]))
    Tensor(2.)
    """
    e = subtract(*_operands("mse_loss", input, target))
    return _reduced("mse_loss", _squared(e), reduction, e.dtype)


def l1_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """|input - target|, the absolute error; its derivative is 0 where the error is.

    >>> l1_loss(Tensor([1.0, 3.0]), np.array([1.0, 1.0]))
    Tensor(1.)
    """
    losses = abs(subtract(*_operands("l1_loss", input, target)))
    return _reduced("l1_loss", losses, reduction)


def huber_loss(
    input: TensorLike, target: TensorLike, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    """½ e² where |e| ≤ δ, else δ (|e| - ½ δ), of the error e = input - target (Huber 1964).

    >>> huber_loss(Tensor([1.0, 5.0]), np.array([0.0, 0.0]), reduction="none")
    Tensor([0.5, 4.5])
    """
    require("huber_loss", "delta", delta, POSITIVE)
    return _reduced("huber_loss", _huber("huber_loss", input, target, delta), reduction)


def _huber(loss: str, input: TensorLike, target: TensorLike, delta: float) -> Tensor:
    """Huber's loss of each element."""
    e = subtract(*_operands(loss, input, target))
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
        return _reduced(name, abs(subtract(*_operands(name, input, target))), reduction)
    return _reduced(name, _huber(name, input, target, beta) * (1 / beta), reduction)


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
    input, target = _operands(loss, input, target)
    check(loss, eps=eps)
    losses = ops.binary_cross_entropy(
        as_tensor(input, loss, "input"), _constant(loss, "target", target), eps
    )
    return _reduced(loss, _weighted(loss, losses, weight), reduction)


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
    x, y = _operands(loss, input, target)
    positive = softplus(-x, 1.0, np.inf)  # the loss where y is 1
    if pos_weight is not None:
        positive = positive * (
            y * (_factors_like(loss, "pos_weight", positive, pos_weight) - 1) + 1
        )
    return _reduced(loss, _weighted(loss, positive + (1 - y) * x, weight), reduction)


def _weighted(loss: str, losses: Tensor, weight: TensorLike | None) -> Tensor:
    return losses if weight is None else losses * _factors_like(loss, "weight", losses, weight)


def _factors_like(loss: str, name: str, losses: Tensor, factors: TensorLike) -> np.ndarray:
    """Factors as an array of the losses' dtype, once they are sure to fit their shape."""
    array = _constant(loss, name, factors).astype(losses.dtype)
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
    rows, target = _classes_last("nll_loss", input), _constant("nll_loss", "target", target)
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
    z, target = _classes_last(loss, input), _constant(loss, "target", target)
    if target.dtype.kind == "f":
        _operands(loss, input, target)
        y = target if target.ndim <= 2 else np.moveaxis(target, 1, -1)
        mixed = y * (1 - label_smoothing) + label_smoothing / z.shape[-1]
        q = (mixed * _class_factors(loss, z, weight)).astype(z.dtype)
        return _reduced(loss, softmax.cross_entropy(z, q), reduction)
    if weight is None and not label_smoothing and not (target == ignore_index).any():
        return _reduced(loss, softmax.cross_entropy(z, target), reduction)
    index, factor = _class_weights(loss, z, target, weight, ignore_index)
    losses = softmax.cross_entropy(z, index)
    if not label_smoothing:
        return _averaged(loss, losses, factor, reduction)
    total = _count_of(factor)
    uniform = _class_factors(loss, z, weight) / z.shape[-1]
    smooth = softmax.cross_entropy(z, np.broadcast_to(uniform, z.shape))
    counts = target != ignore_index
    losses = _counted(losses, factor) * (1 - label_smoothing)
    losses = losses + where(counts, smooth, 0.0) * label_smoothing
    return losses.sum() / total if reduction == "mean" else _reduced(loss, losses, reduction)


def kl_div(
    input: TensorLike, target: TensorLike, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """y (log y - input), the divergence of a distribution y from exp(input), term by term.

    Args:
        input: logarithms of probabilities.
        target: y, of the same shape, a constant; with `log_target` its logarithms.
        reduction: "batchmean" divides the sum by the length of the first axis: only that is the
            mean divergence; "mean" divides by the number of elements, as in PyTorch.

    >>> kl_div(Tensor([[-1.0, -1.0]]), np.array([[0.5, 0.5]]), reduction="batchmean").round(4)
    Tensor(0.3069)
    """
    input, target = _operands("kl_div", input, target)
    y = _constant("kl_div", "target", target)
    check("kl_div", log_target=log_target)
    logs = y if log_target else np.log(np.where(y > 0, y, 1))
    p = np.exp(y) if log_target else y
    losses = subtract(logs, input) * p
    require("kl_div", "reduction", reduction, _DIVERGENCE)
    if reduction == "batchmean":
        return losses.sum() / len(y)
    return _reduced("kl_div", losses, reduction)


def _classes_last(loss: str, input: TensorLike) -> Tensor:
    """Logits (N, C, d1, ...) with their classes in the last axis."""
    t = as_tensor(input, loss, "input")
    if not t.ndim:
        raise ValueError(f"{loss}: input is a number; it needs an axis of classes")
    return t if t.ndim <= 2 else t.transpose((0, *range(2, t.ndim), 1))


def _class_factors(loss: str, rows: Tensor, weight: TensorLike | None) -> np.ndarray:
    """The weight of each class."""
    count = rows.shape[-1]
    if weight is None:
        return np.ones(count, rows.dtype)
    factors = _constant(loss, "weight", weight).astype(rows.dtype)
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
    if index.size and not 0 <= index.min() <= index.max() < rows.shape[-1]:
        raise ValueError(
            f"{loss}: class numbers must lie in 0..{rows.shape[-1] - 1} (or be {ignore_index}, "
            f"which is ignored), the target's reach from {index.min()} to {index.max()}"
        )
    return index, _class_factors(loss, rows, weight)[index] * counts


def _counted(losses: Tensor, factor: np.ndarray) -> Tensor:
    """The losses times their factors; what is ignored is 0 even where the loss is infinite."""
    return where(factor != 0, losses, 0.0) * factor


def _count_of(factor: np.ndarray) -> float:
    """What a mean divides by: NaN where nothing counts, as the mean then is."""
    return float(factor.sum()) or float("nan")


def _averaged(loss: str, losses: Tensor, factor: np.ndarray, reduction: str) -> Tensor:
    losses = _counted(losses, factor)
    if reduction == "mean":
        return losses.sum() / _count_of(factor)
    return _reduced(loss, losses, reduction)


class Loss(Module):
    """A loss as a module: calls its function with the options given to the constructor.

    >>> MSELoss(reduction="sum")(Tensor([1.0, 3.0]), np.array([0.0, 1.0]))
    Tensor(5.)
    """

    function: Callable[..., Tensor]

    def __init__(self, **options: Any) -> None:
        known = list(signature(self.function).parameters)[2:]
        unknown = [key for key in options if key not in known]
        if unknown:
            raise TypeError(f"{type(self).__name__}: unknown {unknown}, known are {known}")
        kinds = _OPTIONS | ({"reduction": _DIVERGENCE} if "log_target" in known else {})
        for key, value in options.items():
            require(type(self).__name__, key, value, kinds[key])
        self.options = options

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return self.function(input, target, **self.options)

    def extra_repr(self) -> str:
        return ", ".join(f"{key}={value!r}" for key, value in self.options.items())


def _module(name: str, function: Callable[..., Tensor]) -> type[Loss]:
    """The class of a loss, under its name."""
    doc = f"As a module: {function.__doc__}"
    return type(name, (Loss,), {"function": staticmethod(function), "__doc__": doc})


# fmt: off
HalfSquaredError   = _module("HalfSquaredError", half_squared_error)
FirstComponentLoss = _module("FirstComponentLoss", first_component_loss)
MSELoss            = _module("MSELoss", mse_loss)
L1Loss             = _module("L1Loss", l1_loss)
HuberLoss          = _module("HuberLoss", huber_loss)
SmoothL1Loss       = _module("SmoothL1Loss", smooth_l1_loss)
BCELoss            = _module("BCELoss", binary_cross_entropy)
BCEWithLogitsLoss  = _module("BCEWithLogitsLoss", binary_cross_entropy_with_logits)
NLLLoss            = _module("NLLLoss", nll_loss)
CrossEntropyLoss   = _module("CrossEntropyLoss", cross_entropy)
KLDivLoss          = _module("KLDivLoss", kl_div)
# fmt: on
