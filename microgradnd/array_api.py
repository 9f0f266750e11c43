"""The Python array API standard, 2024.12: the namespace that `Tensor.__array_namespace__()` gives.

Libraries written for the standard run on Tensors through it. NumPy implements the standard, so
each function is NumPy's: constants are computed by it, and what requires a gradient is recorded
through its protocols, or refused by name where there is no rule. Those in which NumPy differs from
the standard, in names or kinds of results, are written out.

>>> import microgradnd as mg
>>> xp = mg.Tensor([1.0]).__array_namespace__()
>>> x = mg.Tensor([1.0, 4.0], requires_grad=True)
>>> xp.sum(xp.sqrt(x)).backward()
>>> x.grad
Tensor([0.5 , 0.25])
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from types import SimpleNamespace
from typing import Any

import numpy as np

from microgradnd import functions
from microgradnd.engine import Tensor, constant
from microgradnd.node import Array
from microgradnd.numpy_protocol import stripped

__array_api_version__ = "2024.12"

CONSTANTS = ("e", "inf", "nan", "newaxis", "pi")
DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32",
    "float64", "complex64", "complex128",
)  # fmt: skip
FUNCTIONS = [
    "asarray", "from_dlpack", "arange", "empty", "empty_like", "eye", "full", "full_like",
    "linspace", "meshgrid", "ones", "ones_like", "tril", "triu", "zeros", "zeros_like", "astype",
    "broadcast_arrays", "broadcast_to", "can_cast", "finfo", "iinfo", "isdtype", "result_type",
    "abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and",
    "bitwise_left_shift", "bitwise_invert", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "ceil", "clip", "copysign", "cos", "cosh", "divide", "equal", "exp", "expm1", "floor",
    "floor_divide", "greater", "greater_equal", "hypot", "isfinite", "isinf", "isnan", "less",
    "less_equal", "log", "log1p", "log2", "log10", "logaddexp", "logical_and", "logical_not",
    "logical_or", "logical_xor", "maximum", "minimum", "multiply", "negative", "nextafter",
    "not_equal", "positive", "pow", "reciprocal", "remainder", "round", "sign", "signbit", "sin",
    "sinh", "square", "sqrt", "subtract", "tan", "tanh", "trunc", "take", "take_along_axis",
    "matmul", "matrix_transpose", "tensordot", "vecdot", "concat", "expand_dims", "flip",
    "moveaxis", "permute_dims", "repeat", "reshape", "roll", "squeeze", "stack", "tile", "unstack",
    "argmax", "argmin", "count_nonzero", "nonzero", "searchsorted", "where", "unique_all",
    "unique_counts", "unique_inverse", "unique_values", "argsort", "sort", "cumulative_prod",
    "cumulative_sum", "max", "mean", "min", "prod", "std", "sum", "var", "all", "any", "diff",
    "conj", "imag", "real",
]  # fmt: skip
LINALG = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm",
    "matrix_power", "matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve",
    "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip

FFT = [
    "fft", "ifft", "fftn", "ifftn", "rfft", "irfft", "rfftn", "irfftn", "hfft", "ihfft", "fftfreq",
    "rfftfreq", "fftshift", "ifftshift",
]  # fmt: skip


def _is_tracked(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_is_tracked, x))
    return isinstance(x, Tensor) and x.node is not None


def _as_tensors(x: Any) -> Any:
    """Arrays among the results as constants."""
    if isinstance(x, (Array, np.generic)):
        return constant(np.asarray(x))
    if isinstance(x, (list, tuple)):
        parts = map(_as_tensors, x)
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    return x


def _standard(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function, on Tensors and giving them."""

    @wraps(function, updated=())
    def on_tensors(*args: Any, **options: Any) -> Any:
        if any(map(_is_tracked, (*args, *options.values()))):
            return function(*args, **options)
        plain = {key: stripped(value) for key, value in options.items()}
        return _as_tensors(function(*stripped(args), **plain))

    return on_tensors


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
    """The object as a Tensor; a Tensor that requires a gradient stays what it is."""
    if isinstance(obj, Tensor) and obj.node is not None and not copy:
        return obj if dtype is None or obj.dtype == dtype else obj.astype(dtype)
    return _standard(np.asarray)(obj, dtype=dtype, device=device, copy=copy)


def astype(x: Tensor, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """The Tensor in another dtype."""
    if x.node is not None:
        return x.astype(dtype)
    return constant(x.data.astype(dtype, copy=copy))


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The order that sorts the elements along the axis."""
    return functions.argsort(x, axis, descending=descending, stable=stable)


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements in their order along the axis."""
    return functions.sort(x, axis, descending=descending, stable=stable)


def clip(x: Any, /, min: Any = None, max: Any = None) -> Tensor:
    """The elements, held within the bounds."""
    return _standard(np.clip)(x, min, max)


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Tensor]:
    """The coordinates of a grid, as a list."""
    return [*_standard(np.meshgrid)(*arrays, indexing=indexing)]


def broadcast_arrays(*arrays: Any) -> list[Tensor]:
    """The arrays in their common shape, as a list."""
    return [*_standard(np.broadcast_arrays)(*arrays)]


def _dtype_of(given: Any) -> Any:
    return given.dtype if isinstance(given, (Tensor, Array)) else given


def finfo(type: Any, /) -> SimpleNamespace:
    """Bits and bounds of a floating-point dtype, or of that of a Tensor, as Python numbers."""
    its = np.finfo(_dtype_of(type))
    numbers = {k: float(getattr(its, k)) for k in ("eps", "max", "min", "smallest_normal")}
    return SimpleNamespace(bits=int(its.bits), dtype=its.dtype, **numbers)


def iinfo(type: Any, /) -> Any:
    """Bits and bounds of an integer dtype, or of that of a Tensor."""
    return np.iinfo(_dtype_of(type))


def _frequencies(function: Callable[..., Any]) -> Callable[..., Tensor]:
    @wraps(function, updated=())
    def of_dtype(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
        return constant(function(n, d, device).astype(dtype or float))

    del of_dtype.__wrapped__  # whose signature lacks the dtype
    return of_dtype


def __array_namespace_info__() -> Any:
    """What the namespace can do: what NumPy's can."""
    numpys: Any = np.__array_namespace_info__()
    return numpys


@cache
def __getattr__(name: str) -> Any:
    if name in CONSTANTS or name in DTYPES:
        return getattr(np, name)
    if name in FUNCTIONS:
        return _standard(getattr(np, name))
    if name in ("linalg", "fft"):
        theirs, names = (np.linalg, LINALG) if name == "linalg" else (np.fft, FFT)
        found = {key: _standard(getattr(theirs, key)) for key in names}
        frequencies = [key for key in names if key.endswith("freq")]
        return SimpleNamespace(
            **found | {key: _frequencies(getattr(theirs, key)) for key in frequencies}
        )
    raise AttributeError(f"the array API namespace has no {name!r}", name=name)


def __dir__() -> list[str]:
    own = {"__array_namespace_info__", "__array_api_version__", "fft", "linalg"}
    return sorted({*own, *CONSTANTS, *DTYPES, *FUNCTIONS})
