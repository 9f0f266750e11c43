"""The op cases of the activation functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from microgradnd.declaration import OPS
from tests.op_case import Draw, OpCase, Operand, between, off_grid, real, samples

SHAPES = ((), (3,), (2, 3), (0,), (2, 0, 3))
wide = between(-7, 7)  # through all ranges of erf
erf = np.vectorize(math.erf, otypes=[float])


def activation(
    name: str, reference: Callable, torch: Callable | None, draw: Draw, *options: Mapping
) -> OpCase:
    """A function of one array and options; its reference is NumPy's textbook form."""
    return OpCase(
        name,
        OPS[name].function,
        lambda x, **given: np.asarray(reference(x, **given)).astype(x.dtype),
        samples([(Operand(shape, draw),) for shape in SHAPES], {}, *options),
        torch=torch,
    )


def gelu(x: np.ndarray, approximate: str = "none") -> np.ndarray:
    if approximate == "tanh":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * (1 + erf(x / math.sqrt(2))) / 2


def softplus(x: np.ndarray, beta: float = 1.0, threshold: float = 20.0) -> np.ndarray:
    return np.where(x * beta > threshold, x, np.log(1 + np.exp(beta * x)) / beta)


def through(name: str) -> Callable:
    """torch.nn.functional's function of that name."""
    return lambda torch, x, **options: getattr(torch.nn.functional, name)(x, **options)


def torch_gaussian(torch: Any, x: Any, c: float = 0.0, sigma: float = 1.0) -> Any:
    return torch.exp(-(((x - c) / sigma) ** 2) / 2)


# fmt: off
ACTIVATIONS = (
    activation("erf", erf, lambda torch, x: torch.erf(x), wide),
    activation("step", lambda x: np.where(x >= 0, 1.0, 0.0), None, off_grid),
    activation("silu", lambda x: x / (1 + np.exp(-x)), through("silu"), wide),
    activation(
        "gaussian", lambda x, c=0.0, sigma=1.0: np.exp(-((x - c) ** 2) / (2 * sigma**2)),
        torch_gaussian, real, {"c": 0.5, "sigma": 0.7},
    ),
    activation(
        "softplus", softplus, through("softplus"), off_grid, {"beta": 2.0, "threshold": 1.1}
    ),
    activation(
        "elu", lambda x, alpha=1.0: np.where(x > 0, x, alpha * (np.exp(x) - 1)),
        through("elu"), off_grid, {"alpha": 0.3},
    ),
    activation(
        "celu", lambda x, alpha=1.0: np.where(x > 0, x, alpha * (np.exp(x / alpha) - 1)),
        None, off_grid, {"alpha": 0.3},  # (torch's α is a float32)
    ),
    activation(
        "hardswish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), through("hardswish"), wide
    ),
    activation("gelu", gelu, through("gelu"), wide, {"approximate": "tanh"}),
    activation(
        "hardtanh", lambda x, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val),
        through("hardtanh"), off_grid, {"min_val": -0.5, "max_val": 1.5},
    ),
)
# fmt: on
