"""Penalties on the size of parameters (R1, and λ of N9), and bounds on that of gradients."""

from __future__ import annotations

import math
from functools import reduce
from operator import add

import numpy as np

from microgradnd.arguments import NORM, NOT_NEGATIVE, check, require
from microgradnd.engine import Tensor
from microgradnd.parameters import Parameters, tensors_of

_SAFE = (1e-15, 1e15)  # norms whose squares are far from the bounds of float32


def l1_penalty(parameters: Parameters, strength: float) -> Tensor:
    """λ Σ |w| over all parameters: drives small ones to 0.

    >>> l1_penalty([Tensor([1.0, -2.0])], 0.5)
    Tensor(1.5)
    """
    check("l1_penalty", strength=strength)
    return reduce(add, [p.abs().sum() for p in tensors_of(parameters, "l1_penalty")]) * strength


def l2_penalty(parameters: Parameters, strength: float) -> Tensor:
    """½ λ Σ w² over all parameters; its gradient is λ w, the weight decay of `SGD`.

    >>> l2_penalty([Tensor([1.0, -2.0])], 0.5)
    Tensor(1.25)
    """
    check("l2_penalty", strength=strength)
    squares = [(p * p).sum() for p in tensors_of(parameters, "l2_penalty")]
    return reduce(add, squares) * (0.5 * strength)


def clip_grad_norm_(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """Scales all gradients so that their norm, taken as one vector, is at most `max_norm`.

    Args:
        parameters: whose `.grad` are scaled in place; those without one are passed over.
        max_norm: the bound.
        norm_type: p of the norm (Σ |g|^p)^(1/p); `inf` for the largest magnitude.
        error_if_nonfinite: raises, and changes nothing, if the norm is NaN or infinite.

    Returns the norm before. Source: Pascanu, Mikolov, Bengio 2013.

    >>> from microgradnd import Tensor
    >>> w = Tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> clip_grad_norm_([w], 1.0)
    10.0
    >>> w.grad
    Tensor([0.59999994, 0.79999992])
    """
    require("clip_grad_norm_", "max_norm", max_norm, NOT_NEGATIVE)
    require("clip_grad_norm_", "norm_type", norm_type, NORM)
    check("clip_grad_norm_", error_if_nonfinite=error_if_nonfinite)
    gradients = _gradients(parameters, "clip_grad_norm_")
    total = _norm(np.array([_norm(g.ravel(), norm_type) for g in gradients]), norm_type)
    if error_if_nonfinite and not np.isfinite(total):
        raise FloatingPointError(f"clip_grad_norm_: the norm of the gradients is {total}")
    scale = max_norm / (total + 1e-6)  # as PyTorch guards it
    if scale < 1 or not np.isfinite(total):
        for g in gradients:  # in float32 at least: a scale may be too small for float16
            np.multiply(g, scale, g, dtype=np.result_type(g, np.float32), casting="same_kind")
    return total


def clip_grad_value_(parameters: Parameters, clip_value: float) -> None:
    """Holds each element of the gradients within ±clip_value, in place.

    >>> from microgradnd import Tensor
    >>> w = Tensor([3.0, -0.1], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> clip_grad_value_([w], 1.0)
    >>> w.grad
    Tensor([ 1. , -0.2])
    """
    require("clip_grad_value_", "clip_value", clip_value, NOT_NEGATIVE)
    for g in _gradients(parameters, "clip_grad_value_"):
        np.clip(g, -clip_value, clip_value, out=g)


def _norm(x: np.ndarray, p: float) -> float:
    """(Σ |x|^p)^(1/p); of x over its largest element where powers would over- or underflow."""
    if not x.size:
        return 0.0
    x = x.astype(np.float32) if x.dtype == np.float16 else x
    with np.errstate(over="ignore", under="ignore"):
        found = float(np.linalg.norm(x, p))
    if _SAFE[0] < found < _SAFE[1] or math.isnan(found):
        return found
    largest = float(np.abs(x).max())
    return largest if largest in (0, math.inf) else largest * float(np.linalg.norm(x / largest, p))


def _gradients(parameters: Parameters, what: str) -> list[np.ndarray]:
    return [p.grad.data for p in tensors_of(parameters, what) if p.grad is not None]
