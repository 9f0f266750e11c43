"""microgradnd: the tensor library that shows its work.

A Tensor records what is computed with it; `backward()` differentiates the record in reverse, and
the package `viz` draws it.

>>> import microgradnd as mg
>>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
Tensor([2., 4.])
"""

from microgradnd import methods, numpy_protocol
from microgradnd.checks import GradientMismatch, detect_anomaly, gradcheck, gradgradcheck
from microgradnd.engine import Tensor
from microgradnd.errors import GraphError
from microgradnd.modes import (
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
from microgradnd.table import OPS, Op, op
from microgradnd.transforms import grad

__version__ = "0.1.0"

__all__ = [name for name in dir() if not name.startswith("_") and name not in ("methods", "numpy_protocol")]
