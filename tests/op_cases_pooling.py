"""Op cases of pooling and padding, their values by loops over the windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.ops.padding import padded
from microgradnd.ops.patches import overlapped, patches
from microgradnd.ops.pooling import avg_pool2d_input, avg_pooled, max_pool2d_input, max_pooled
from tests.op_case import OpCase, Operand, distinct, samples


def pooled(
    x: np.ndarray, kernel: Any, stride: Any, padding: Any, dilation: Any, how: Any, fill: Any
):
    (k, m), (s, t), (p, q), (d, e) = kernel, stride, padding, dilation
    wide = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(p, p), (q, q)], constant_values=fill)
    rows = (wide.shape[-2] - d * (k - 1) - 1) // s + 1
    columns = (wide.shape[-1] - e * (m - 1) - 1) // t + 1
    out = np.empty((*x.shape[:-2], rows, columns), x.dtype)
    for i in range(rows):
        for j in range(columns):
            window = wide[..., i * s : i * s + d * k : d, j * t : j * t + e * m : e]
            out[..., i, j] = how(window[..., :k, :m], (-2, -1))
    return out


def largest(x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any = (1, 1)) -> np.ndarray:
    return pooled(x, kernel, stride, padding, dilation, np.max, -np.inf)


def mean(x: Any, kernel: Any, stride: Any, padding: Any, count_include_pad: bool = True):
    total = pooled(x, kernel, stride, padding, (1, 1), np.sum, 0.0)
    if count_include_pad:
        return total / (kernel[0] * kernel[1])
    return total / pooled(np.ones_like(x), kernel, stride, padding, (1, 1), np.sum, 0.0)


def two(k: int, s: int, p: int, **more: Any) -> dict[str, Any]:
    return {"kernel": (k, k), "stride": (s, s), "padding": (p, p), **more}


def spread(y: np.ndarray, size: Any, kernel: Any, stride: Any, padding: Any) -> np.ndarray:
    """The gradient of `mean`, by the matrix that takes the means."""
    rows = [
        mean(e.reshape(size), kernel, stride, padding).ravel() for e in np.eye(size[0] * size[1])
    ]
    flat = y.reshape(*y.shape[:-2], -1) @ np.array(rows, y.dtype).T
    return flat.reshape(*y.shape[:-2], *size)


def gradient_of_largest(y: Any, x: Any, out: Any, **windows: Any) -> np.ndarray:
    """Each window's gradient at the place of its largest element, window by window."""
    dx = np.zeros(x.shape, y.dtype)
    for n, i, j in np.ndindex(out.shape):
        window = x[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        a, b = np.unravel_index(window.argmax(), window.shape)
        dx[n, 2 * i + a, 2 * j + b] += y[n, i, j]
    return dx


def met(x: np.ndarray, kernel: Any, stride: Any, dilation: Any) -> np.ndarray:
    """What each window meets, element by element of the window."""
    (k, m), (s, t), (d, e) = kernel, stride, dilation
    rows = (x.shape[-2] - d * (k - 1) - 1) // s + 1
    columns = (x.shape[-1] - e * (m - 1) - 1) // t + 1
    out = np.empty((*x.shape[:-2], k, m, rows, columns), x.dtype)
    for i, j, p, q in np.ndindex(out.shape[-4:]):
        out[..., i, j, p, q] = x[..., p * s + i * d, q * t + j * e]
    return out


def added(y: np.ndarray, size: Any, stride: Any, dilation: Any) -> np.ndarray:
    (s, t), (d, e) = stride, dilation
    out = np.zeros((*y.shape[:-4], *size), y.dtype)
    for i, j, p, q in np.ndindex(y.shape[-4:]):
        out[..., p * s + i * d, q * t + j * e] += y[..., i, j, p, q]
    return out


IMAGES = distinct(np.random.default_rng(8), (2, 4, 5))
POOLING = (
    OpCase(
        "pad", padded, lambda x, pad_width, constant_values=0.0: np.pad(
            x, pad_width, constant_values=constant_values),
        samples([(Operand((2, 3)),)], {"pad_width": ((1, 0), (0, 2))},
                {"pad_width": ((0, 0), (1, 1)), "constant_values": 2.0}),
    ),
    OpCase(
        "max_pool2d", max_pooled, largest,
        samples([(Operand((2, 4, 5), distinct),)], two(2, 2, 0, dilation=(1, 1)),
                two(3, 1, 1, dilation=(1, 1)), two(2, 1, 0, dilation=(2, 3))),
    ),
    OpCase(
        "max_pool2d_input", max_pool2d_input, gradient_of_largest,
        samples([(Operand((2, 2, 2)), IMAGES, largest(IMAGES, **two(2, 2, 0)))],
                two(2, 2, 0, dilation=(1, 1))),
    ),
    OpCase(
        "avg_pool2d", avg_pooled, mean,
        samples([(Operand((2, 4, 5)),)], two(2, 2, 0), two(3, 2, 1),
                two(3, 2, 1, count_include_pad=False)),
    ),
    OpCase(
        "patches", patches, met,
        samples([(Operand((2, 4, 5)),)],
                {"kernel": (2, 2), "stride": (1, 1), "dilation": (1, 1)},
                {"kernel": (2, 3), "stride": (2, 1), "dilation": (2, 1)}),
    ),
    OpCase(
        "overlapped", overlapped, added,
        samples([(Operand((2, 2, 2, 2, 3)),)],
                {"size": (3, 4), "stride": (1, 1), "dilation": (1, 1)},
                {"size": (6, 4), "stride": (2, 1), "dilation": (3, 1)}),
    ),
    OpCase(
        "avg_pool2d_input", avg_pool2d_input, spread,
        (
            *samples([(Operand((2, 2, 2)),)], {"size": (4, 5), **two(2, 2, 0)}),
            *samples([(Operand((1, 2, 3)),)], {"size": (4, 5), **two(3, 2, 1)}),
        ),
    ),
)  # fmt: skip
