"""Function transforms under the names of `torch.func` and JAX: `mg.func.grad(f)(x)`.

>>> from microgradnd import func
>>> func.grad(lambda x: x**2)(3.0)
Tensor(6.)
"""

from typing import TYPE_CHECKING

from microgradnd import errors
from microgradnd.transforms.checkpoint import checkpoint
from microgradnd.transforms.functional import (
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stop_gradient,
    value_and_grad,
    vjp,
)
from microgradnd.transforms.mapping import vmap
from microgradnd.transforms.modules import functional_call

jacobian = jacrev

__all__ = [
    "checkpoint", "functional_call", "grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev",
    "jvp", "linearize", "stop_gradient", "value_and_grad", "vjp", "vmap",
]  # fmt: skip

if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__)
