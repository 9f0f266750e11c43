"""microgradnd: the tensor library that shows its work.

A Tensor records what is computed with it; `backward()` differentiates the record in reverse, and
the package `viz` draws it.

>>> import microgradnd as mg
>>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
Tensor([2., 4.])
"""

from typing import TYPE_CHECKING, Any

from microgradnd import numpy_protocol, tensor_methods  # noqa: F401 - they complete Tensor
from microgradnd.declaration import OPS, Op, op
from microgradnd.engine import Tensor
from microgradnd.errors import AnomalyError, GraphError
from microgradnd.grad_mode import (
    enable_grad,
    get_default_dtype,
    is_grad_enabled,
    no_grad,
    set_default_dtype,
    set_grad_enabled,
)
from microgradnd.ops.einsum import einsum
from microgradnd.ops.elementwise import (
    abs,
    add,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    ceil,
    clip,
    cos,
    cosh,
    divide,
    exp,
    exp2,
    expm1,
    floor,
    hypot,
    leaky_relu,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    maximum,
    minimum,
    multiply,
    negative,
    positive,
    power,
    reciprocal,
    relu,
    round,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    where,
)
from microgradnd.ops.linalg import dot, matmul
from microgradnd.ops.reduction import max, mean, min, prod, std, sum, var
from microgradnd.ops.shape import (
    broadcast_to,
    concatenate,
    expand_dims,
    reshape,
    split,
    squeeze,
    stack,
    swapaxes,
    transpose,
)
from microgradnd.ops.softmax import cross_entropy, log_softmax, logsumexp, softmax
from microgradnd.random import manual_seed
from microgradnd.testing.checks import GradientMismatch, detect_anomaly, gradcheck, gradgradcheck
from microgradnd.transforms.gradients import grad

__version__ = "0.1.0"

__all__ = [
    "OPS", "AnomalyError", "GradientMismatch", "GraphError", "Op", "Tensor", "abs", "add", "arccos",
    "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "broadcast_to", "ceil",
    "clip", "concatenate", "cos", "cosh", "cross_entropy", "detect_anomaly", "divide", "dot",
    "einsum", "enable_grad", "exp", "exp2", "expand_dims", "expm1", "floor",
    "get_default_dtype", "grad", "gradcheck", "gradgradcheck", "hypot", "is_grad_enabled",
    "leaky_relu", "log", "log1p", "log2", "log10", "log_softmax", "logaddexp", "logsumexp",
    "manual_seed", "matmul", "max", "maximum", "mean", "min", "minimum", "multiply", "negative",
    "no_grad", "op", "positive", "power", "prod", "reciprocal", "relu", "reshape", "round",
    "set_default_dtype", "set_grad_enabled", "sigmoid", "sign", "sin", "sinh", "softmax",
    "split", "sqrt", "square", "squeeze", "stack", "std", "subtract", "sum", "swapaxes",
    "tan", "tanh", "transpose", "var", "where",
]  # fmt: skip


if TYPE_CHECKING:
    from microgradnd import data as data
    from microgradnd import io as io
    from microgradnd import models as models
    from microgradnd import nn as nn
    from microgradnd import optim as optim
    from microgradnd import training as training
else:

    def __getattr__(name: str) -> Any:
        """Loads the packages of layers and training when they are first spoken of: `mg.nn`."""
        if name in ("data", "io", "models", "nn", "optim", "training"):
            from importlib import import_module

            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
