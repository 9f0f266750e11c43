"""microgradnd: the tensor library that shows its work.

A Tensor records what is computed with it; `backward()` differentiates the record in reverse, and
the package `viz` draws it.

>>> import microgradnd as mg
>>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
Tensor([2., 4.])
"""

import typing as _typing

from microgradnd import errors as _errors
from microgradnd import functions as _functions
from microgradnd import numpy_protocol as _numpy_protocol  # noqa: F401 - it completes Tensor
from microgradnd import tensor_methods as _tensor_methods  # noqa: F401 - they complete Tensor
from microgradnd.creation import (
    arange,
    as_tensor,
    bernoulli,
    choice,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    linspace,
    logspace,
    normal,
    ones,
    ones_like,
    permutation,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    tensor,
    uniform,
    zeros,
    zeros_like,
)
from microgradnd.declaration import OPS, Op, Value, Values, op
from microgradnd.engine import Tensor
from microgradnd.errors import AnomalyError, DetachWarning, GraphError
from microgradnd.grad_mode import (
    enable_grad,
    get_default_dtype,
    is_grad_enabled,
    no_grad,
    set_default_dtype,
    set_grad_enabled,
)
from microgradnd.random import manual_seed

__version__ = "0.1.0"

__all__ = [
    "OPS", "AnomalyError", "DetachWarning", "GradientMismatch", "GraphError", "Op", "Tensor",
    "Value", "Values", "arange", "as_tensor", "bernoulli", "choice", "cross_entropy",
    "detect_anomaly", "empty", "empty_like", "enable_grad", "eye", "full", "full_like",
    "get_default_dtype", "grad", "gradcheck", "gradgradcheck", "is_grad_enabled", "linspace",
    "logspace", "manual_seed", "no_grad", "normal", "ones", "ones_like", "op", "permutation",
    "rand", "rand_like", "randint", "randn", "randn_like", "set_default_dtype",
    "set_grad_enabled", "source_lines", "tensor", "uniform", "zeros", "zeros_like",
]  # fmt: skip
_PACKAGES = (
    "data", "fft", "func", "io", "linalg", "models", "nn", "optim", "testing", "training",
)  # fmt: skip

_LATE = {  # modules that are loaded when these names of theirs are spoken of
    "grad": "transforms.gradients", "gradcheck": "testing.differences",
    "gradgradcheck": "testing.differences", "GradientMismatch": "testing.differences",
    "detect_anomaly": "testing.anomaly", "source_lines": "testing.lines",
    "cross_entropy": "nn.functional",
}  # fmt: skip

if _typing.TYPE_CHECKING:
    from microgradnd import data as data
    from microgradnd import fft as fft
    from microgradnd import func as func
    from microgradnd import io as io
    from microgradnd import linalg as linalg
    from microgradnd import models as models
    from microgradnd import nn as nn
    from microgradnd import optim as optim
    from microgradnd import testing as testing
    from microgradnd import training as training
    from microgradnd.functions import *
    from microgradnd.nn.functional import cross_entropy
    from microgradnd.testing.anomaly import detect_anomaly
    from microgradnd.testing.differences import GradientMismatch, gradcheck, gradgradcheck
    from microgradnd.testing.lines import source_lines
    from microgradnd.transforms.gradients import grad

    __all__ += _functions.__all__
else:
    _OWN = frozenset(__all__)
    __all__ += _functions.names()

    def __getattr__(name: str) -> _typing.Any:
        """Makes the functions, and loads the packages of layers and training, when spoken of."""
        if name in _PACKAGES or name in _LATE:
            from importlib import import_module

            found = import_module(f"{__name__}.{_LATE.get(name, name)}")
            if name in _LATE:
                globals()[name] = found = getattr(found, name)
            return found
        if name.startswith("__"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        try:
            globals()[name] = function = getattr(_functions, name)
            return function
        except AttributeError:
            raise _errors.missing_name(f"module {__name__!r}", name, __dir__) from None

    def __dir__() -> list[str]:
        return sorted({*_OWN, *_functions.names(), *_PACKAGES, "__version__"})
