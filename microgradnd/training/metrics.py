"""Measures of how well predictions fit, beside the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from microgradnd.arguments import real_array

Metric = Callable[[np.ndarray, np.ndarray], float]


def accuracy(prediction: np.ndarray, target: np.ndarray) -> float:
    """The share of samples whose largest score is that of their class.

    Shapes: prediction (..., K), target (...) of class indices or (..., K) of probabilities.

    >>> accuracy(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]))
    0.5
    """
    prediction = real_array("accuracy", "prediction", prediction)
    target = real_array("accuracy", "target", target)
    if not prediction.ndim or not prediction.shape[-1]:
        raise ValueError(f"accuracy: prediction has shape {prediction.shape}, needed (..., K)")
    if target.shape == prediction.shape:
        target = target.argmax(-1)
    classes = prediction.argmax(-1)
    if classes.shape != target.shape:
        raise ValueError(
            f"accuracy: predictions {prediction.shape} need targets {classes.shape} of class "
            f"indices or {prediction.shape} of probabilities, got {target.shape}"
        )
    return float((classes == target).mean())
