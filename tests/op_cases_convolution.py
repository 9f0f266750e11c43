"""The rows of the convolution family, against loops that read like its sums."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from microgradnd.ops import convolution
from tests.op_case import OpCase, Operand, Sample

NONE = ((0, 0), (0, 0))


def meetings(
    y: np.ndarray,
    w: np.ndarray,
    size: tuple,
    stride: tuple,
    padding: tuple,
    dilation: tuple,
    groups: int,
) -> Any:
    """All o, c, i, j, p, q, row, column at which w[o, c, i, j] is laid on an element of x."""
    outputs, channels, *kernel = w.shape
    for o, c, i, j in product(*map(range, (outputs, channels, *kernel))):
        channel = o // (outputs // groups) * channels + c
        for p, q in product(*map(range, y.shape[2:])):
            row = p * stride[0] + i * dilation[0] - padding[0][0]
            column = q * stride[1] + j * dilation[1] - padding[1][0]
            if 0 <= row < size[0] and 0 <= column < size[1]:
                yield o, c, i, j, p, q, channel, row, column


def naive_conv2d(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    stride: tuple = (1, 1),
    padding: tuple = NONE,
    dilation: tuple = (1, 1),
    groups: int = 1,
) -> np.ndarray:
    height, width = (
        (n + sum(sides) - d * (k - 1) - 1) // s + 1
        for n, k, s, sides, d in zip(
            x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True
        )
    )
    y = np.zeros((len(x), len(w), height, width), np.result_type(x, w))
    options = stride, padding, dilation, groups
    for o, c, i, j, p, q, channel, row, column in meetings(y, w, x.shape[2:], *options):
        y[:, o, p, q] += w[o, c, i, j] * x[:, channel, row, column]
    return y if b is None else y + b[:, None, None]


def naive_conv2d_input(
    y: np.ndarray,
    w: np.ndarray,
    size: tuple,
    stride: tuple = (1, 1),
    padding: tuple = NONE,
    dilation: tuple = (1, 1),
    groups: int = 1,
) -> np.ndarray:
    x = np.zeros((len(y), w.shape[1] * groups, *size), np.result_type(y, w))
    options = stride, padding, dilation, groups
    for o, c, i, j, p, q, channel, row, column in meetings(y, w, size, *options):
        x[:, channel, row, column] += w[o, c, i, j] * y[:, o, p, q]
    return x


def naive_conv2d_weight(
    x: np.ndarray,
    y: np.ndarray,
    kernel: tuple,
    stride: tuple = (1, 1),
    padding: tuple = NONE,
    dilation: tuple = (1, 1),
    groups: int = 1,
) -> np.ndarray:
    w = np.zeros((y.shape[1], x.shape[1] // groups, *kernel), np.result_type(x, y))
    options = stride, padding, dilation, groups
    for o, c, i, j, p, q, channel, row, column in meetings(y, w, x.shape[2:], *options):
        w[o, c, i, j] += y[:, o, p, q] @ x[:, channel, row, column]
    return w


def torch_conv2d(torch: Any, x: Any, w: Any, b: Any = None, **options: Any) -> Any:
    (top, bottom), (left, right) = options.pop("padding", NONE)
    x = torch.nn.functional.pad(x, (left, right, top, bottom))
    return torch.nn.functional.conv2d(x, w, b, **options)


# Shapes of x and w, and options: strides that divide and that do not, uneven padding, all at once.
GEOMETRIES: tuple[tuple[tuple, tuple, dict], ...] = (
    ((2, 1, 3, 3), (1, 1, 2, 2), {}),
    ((1, 2, 2, 3), (3, 2, 2, 1), {}),
    ((2, 2, 1, 2), (2, 2, 1, 1), {}),
    ((2, 1, 4, 3), (1, 1, 1, 2), {"stride": (2, 3)}),
    ((1, 2, 2, 2), (1, 2, 3, 3), {"padding": ((1, 1), (1, 1))}),
    ((2, 1, 2, 2), (1, 1, 2, 4), {"padding": ((0, 1), (1, 2))}),
    ((1, 1, 1, 2), (1, 1, 2, 2), {"padding": ((2, 2), (2, 3))}),
    ((1, 1, 4, 5), (2, 1, 2, 2), {"dilation": (2, 3)}),
    ((1, 4, 2, 2), (2, 2, 2, 1), {"groups": 2}),
    ((1, 2, 2, 2), (4, 1, 1, 2), {"groups": 2, "padding": ((1, 0), (0, 1))}),
    (
        (1, 2, 4, 3),
        (2, 1, 2, 2),
        {"stride": (3, 2), "padding": ((1, 2), (0, 1)), "dilation": (2, 1), "groups": 2},
    ),
    ((0, 1, 3, 3), (2, 1, 2, 2), {}),
    ((0, 2, 4, 4), (2, 1, 2, 2), {"stride": (2, 2), "groups": 2}),
)


def result_shape(x: tuple, w: tuple, options: dict) -> tuple:
    return naive_conv2d(np.zeros(x), np.zeros(w), **options).shape


def operands(*shapes: tuple) -> tuple[Operand, ...]:
    return tuple(map(Operand, shapes))


CONVOLUTION = (
    OpCase(
        "conv2d",
        convolution.conv2d,
        naive_conv2d,
        (
            *(Sample(operands(x, w), options) for x, w, options in GEOMETRIES),
            *(Sample(operands(x, w, w[:1]), options) for x, w, options in GEOMETRIES[1::3]),
        ),
        torch=torch_conv2d,
    ),
    OpCase(
        "conv2d_input",
        convolution.conv2d_input,
        naive_conv2d_input,
        tuple(
            Sample(operands(result_shape(x, w, options), w), {"size": x[2:], **options})
            for x, w, options in GEOMETRIES
        ),
    ),
    OpCase(
        "conv2d_weight",
        convolution.conv2d_weight,
        naive_conv2d_weight,
        tuple(
            Sample(operands(x, result_shape(x, w, options)), {"kernel": w[2:], **options})
            for x, w, options in GEOMETRIES
        ),
    ),
)
