"""The chapter's learning rules beside back-propagation (section 5.2.4): what Δw is, of one unit.

Shapes: x (I,) or a batch (N, I), outputs (O,) or (N, O), Δw (O, I), summed over the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd.arguments import NUMBER, real_array, require

Array = np.ndarray


def _outer(rule: str, left: Array, right: Array) -> Array:
    left, right = np.atleast_2d(left), np.atleast_2d(right)
    if left.ndim > 2 or right.ndim > 2 or len(left) != len(right):
        raise ValueError(
            f"{rule}: outputs of shape {left.shape} and inputs x of {right.shape} do not belong "
            "together; needed (O,) and (I,), or (N, O) and (N, I)"
        )
    return left.T @ right


def _vectors(rule: str, lr: float, **given: Any) -> list[Array]:
    require(rule, "lr", lr, NUMBER)
    return [real_array(rule, name, value) for name, value in given.items()]


def hebb(x: Array, y: Array, lr: float = 1.0) -> Array:
    """Δw = η y x: a connection grows when both its ends are active (Hebb 1949).

    >>> hebb(np.array([1.0, 0.0]), np.array([1.0]), lr=0.5)
    array([[0.5, 0. ]])
    """
    x, y = _vectors("hebb", lr, x=x, y=y)
    return lr * _outer("hebb", y, x)


def delta(
    x: Array, d: Array, o: Array, slope: Array | float | Callable[[Array], Array] = 1.0,
    lr: float = 1.0,
) -> Array:  # fmt: skip
    """Δw = η (d - o) f'(net) x: the step down the half squared error (Widrow, Hoff 1960).

    `slope` is f'(net), or a function of o that gives it; 1 for linear units.

    >>> delta(np.array([1.0, 2.0]), np.array([1.0]), np.array([0.5]))
    array([[0.5, 1. ]])
    """
    return _correction("delta", x, d, o, slope, lr)


def perceptron(x: Array, d: Array, o: Array, lr: float = 1.0) -> Array:
    """Δw = η (d - o) x, with o = 1 for net ≥ 0 else 0: only mistakes teach (Rosenblatt 1958).

    >>> perceptron(np.array([1.0, -1.0]), np.array([1.0]), np.array([0.0]))
    array([[ 1., -1.]])
    """
    o = real_array("perceptron", "o", o)
    wrong = ~np.isin(o, (0, 1))
    if wrong.any():
        raise ValueError(f"perceptron: outputs o are 0 or 1, not {o[wrong][0]}")
    return _correction("perceptron", x, d, o, 1.0, lr)


def _correction(rule: str, x: Any, d: Any, o: Any, slope: Any, lr: float) -> Array:
    x, d, o = _vectors(rule, lr, x=x, d=d, o=o)
    if d.shape != o.shape:
        raise ValueError(f"{rule}: d has shape {d.shape}, o {o.shape}; they must be equal")
    fs = real_array(rule, "slope", slope(o) if callable(slope) else slope)
    if fs.shape not in ((), o.shape):
        raise ValueError(f"{rule}: slope has shape {fs.shape}, needed a number or {o.shape}")
    return lr * _outer(rule, (d - o) * fs, x)
