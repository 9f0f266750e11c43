"""The chapter's learning rules beside back-propagation (section 5.2.4): what Δw is, of one unit.

Shapes: x (I,) or a batch (N, I), outputs (O,) or (N, O), Δw (O, I), summed over the batch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray


def outer(left: Array, right: Array) -> Array:
    return np.atleast_2d(left).T @ np.atleast_2d(right)


def hebb(x: Array, y: Array, lr: float = 1.0) -> Array:
    """Δw = η y x: a connection grows when both its ends are active (Hebb 1949).

    >>> hebb(np.array([1.0, 0.0]), np.array([1.0]), lr=0.5)
    array([[0.5, 0. ]])
    """
    return lr * outer(y, x)


def delta(
    x: Array, d: Array, o: Array, slope: Array | float | Callable[[Array], Array] = 1.0,
    lr: float = 1.0,
) -> Array:  # fmt: skip
    """Δw = η (d - o) f'(net) x: the step down the half squared error (Widrow, Hoff 1960).

    `slope` is f'(net), or a function of o that gives it; 1 for linear units.

    >>> delta(np.array([1.0, 2.0]), np.array([1.0]), np.array([0.5]))
    array([[0.5, 1. ]])
    """
    return lr * outer((d - o) * (slope(o) if callable(slope) else slope), x)


def perceptron(x: Array, d: Array, o: Array, lr: float = 1.0) -> Array:
    """Δw = η (d - o) x, with o = 1 for net ≥ 0 else 0: only mistakes teach (Rosenblatt 1958).

    >>> perceptron(np.array([1.0, -1.0]), np.array([1.0]), np.array([0.0]))
    array([[ 1., -1.]])
    """
    wrong = ~np.isin(o, (0, 1))
    if wrong.any():
        raise ValueError(f"perceptron: outputs are 0 or 1, not {o[wrong][0]}")
    return delta(x, d, o, lr=lr)
