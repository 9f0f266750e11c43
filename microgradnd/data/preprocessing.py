"""What is done to data before a network sees it: scaling, one-hot targets, larger images.

All work on whole batches, so each fits `ArrayDataset(..., transform=...)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from microgradnd.arguments import (
    NUMBER,
    check,
    either,
    index_array,
    one_of,
    optional,
    real_array,
    require,
    several,
    sizes,
    whole,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import default_dtype

_AXIS = optional(either(whole(), several(whole(), "a tuple of axes", 1)))


def as_float(function: str, name: str, value: TensorLike) -> np.ndarray:
    """Floats keep their dtype; integers and booleans become the library's default."""
    x = real_array(function, name, value)
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(default_dtype[0])


def to_unit_range(x: TensorLike, low: float = 0.0, high: float = 255.0) -> np.ndarray:
    """(x - low) / (high - low): bytes to [0, 1] as they stand, other ranges by their bounds.

    The bounds are those of the format, not of the batch: every batch is scaled alike.

    >>> to_unit_range(np.array([0, 51, 255], np.uint8)).tolist()
    [0.0, 0.2, 1.0]
    """
    for name, bound in (("low", low), ("high", high)):
        require("to_unit_range", name, bound, NUMBER)
    if not high > low:
        raise ValueError(f"to_unit_range: high must exceed low, got low={low}, high={high}")
    return (as_float("to_unit_range", "x", x) - float(low)) / (float(high) - float(low))


@dataclass(frozen=True)
class Standardiser:
    """z = (x - mean) / scale with the mean and standard deviation of the training data.

    Made by `Standardiser.fit(training)`, then called on training, validation and test data alike:
    what is measured on test data would leak into the model. Constant features get scale 1, and
    so become 0.

    >>> standardise = Standardiser.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> standardise(np.array([[5.0, 6.0]])).tolist()
    [[3.0, 1.0]]
    >>> standardise.inverse(np.array([[3.0, 1.0]])).tolist()
    [[5.0, 6.0]]
    """

    mean: np.ndarray
    scale: np.ndarray

    def __post_init__(self) -> None:
        for name in ("mean", "scale"):
            value = real_array("Standardiser", name, getattr(self, name))
            object.__setattr__(self, name, value)
        if (self.scale == 0).any():
            raise ValueError("Standardiser: scale holds 0, which nothing can be divided by")

    @classmethod
    def fit(cls, training: TensorLike, axis: int | tuple[int, ...] | None = 0) -> Standardiser:
        """Measures over `axis`: 0 for each feature its own, None one mean for all values.

        Statistics are measured in float64 and then take the data's dtype.
        """
        x = as_float("Standardiser.fit", "training", training)
        require("Standardiser.fit", "axis", axis, _AXIS)
        axes = () if axis is None else axis if isinstance(axis, (list, tuple)) else (axis,)
        if len({a % x.ndim for a in axes if -x.ndim <= a < x.ndim}) < len(axes):
            raise ValueError(f"Standardiser.fit: axis {axis} does not fit data of shape {x.shape}")
        if x.size == 0:
            raise ValueError(f"Standardiser.fit: no values to measure in shape {x.shape}")
        mean = x.mean(axis, keepdims=True, dtype=np.float64)
        deviation = x.std(axis, keepdims=True, dtype=np.float64)
        constant = x.min(axis, keepdims=True) == x.max(axis, keepdims=True)
        scale = np.where(constant | (deviation == 0), 1.0, deviation)
        if axis is None:  # a number fits batches and single samples of any rank
            mean, scale = mean.reshape(()), scale.reshape(())
        return cls(mean.astype(x.dtype), scale.astype(x.dtype))

    def __call__(self, x: TensorLike) -> np.ndarray:
        return (as_float("Standardiser", "x", x) - self.mean) / self.scale

    def inverse(self, z: TensorLike) -> np.ndarray:
        """z · scale + mean: back to the units of the data, for forecasts and pictures."""
        return as_float("Standardiser.inverse", "z", z) * self.scale + self.mean


def one_hot(labels: TensorLike, classes: int, dtype: DTypeLike | None = None) -> np.ndarray:
    """Class numbers (...) to rows (..., classes) with a single 1; dtype: the library's default.

    Raises:
        TypeError: labels that are no integers; ValueError: labels outside 0 … classes - 1.

    >>> one_hot([2, 0], 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    labels = index_array("one_hot", "labels", labels)
    check("one_hot", classes=classes, dtype=dtype)
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(
            f"one_hot: labels from {labels.min()} to {labels.max()} do not fit {classes} classes, "
            f"which are numbered 0 to {classes - 1}"
        )
    return (labels[..., None] == np.arange(classes)).astype(dtype or default_dtype[0])


def upsample(images: TensorLike, size: int | tuple[int, int], mode: str = "nearest") -> np.ndarray:
    """Images (..., H, W) at another size (..., H', W'), e.g. digits 8×8 as 28×28.

    "nearest" copies pixel ⌊i H / H'⌋ and keeps the dtype; "bilinear" weights the two nearest
    pixel centres of each axis, (i + ½) H / H' - ½, edges held, and gives floats. Both agree with
    torch's `interpolate` (`align_corners=False`).

    >>> upsample([[1.0, 2.0]], (2, 4)).tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    >>> upsample([[0.0, 1.0]], (1, 4), mode="bilinear").tolist()
    [[0.0, 0.25, 0.75, 1.0]]
    """
    images = real_array("upsample", "images", images)
    require("upsample", "size", size, sizes(1))
    require("upsample", "mode", mode, one_of("nearest", "bilinear"))
    if images.ndim < 2 or 0 in images.shape[-2:]:
        raise ValueError(f"upsample: needs images (..., H, W) with pixels, got {images.shape}")
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    if mode == "nearest":
        rows = np.arange(height) * images.shape[-2] // height
        columns = np.arange(width) * images.shape[-1] // width
        return images[..., rows[:, None], columns]
    columns = as_float("upsample", "images", images).swapaxes(-1, -2)
    tall = _interpolate(columns, height).swapaxes(-1, -2)
    return _interpolate(tall, width)


def _interpolate(x: np.ndarray, size: int) -> np.ndarray:
    """The last axis at `size` points, linear between pixel centres."""
    centre = (np.arange(size) + 0.5) * (x.shape[-1] / size) - 0.5
    centre = centre.clip(0, x.shape[-1] - 1)
    left = centre.astype(np.intp)
    right = np.minimum(left + 1, x.shape[-1] - 1)
    weight = (centre - left).astype(x.dtype)
    return x[..., left] * (1 - weight) + x[..., right] * weight
