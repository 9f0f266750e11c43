"""NumPy's own functions on Tensors: np.tanh(t), ndarray * t, np.concatenate([t, a]) all record.

Each function that an op names as its `numpy` is computed by that op; what gives no gradient by
nature (a shape, a truth) is computed on the arrays. All others raise and name themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from microgradnd import errors, numpy_options
from microgradnd.declaration import NUMPY, REDUCES
from microgradnd.engine import Tensor
from microgradnd.methods import Methods
from microgradnd.node import Array
from microgradnd.numpy_options import is_tracked, stripped

# Their results carry no gradient by nature.
PLAIN = frozenset({
    np.shape, np.ndim, np.size, np.nonzero, np.isclose, np.allclose, np.array_equal, np.zeros_like,
    np.ones_like, np.empty_like, np.result_type, np.array_repr, np.array_str, np.array2string,
    np.may_share_memory, np.shares_memory, np.full_like, np.array_equiv, np.isposinf, np.isneginf,
    np.digitize, np.flatnonzero, np.argwhere,
})  # fmt: skip
# NumPy's names of parameters that have another name here.
PARAMETERS = {"a_min": "min", "a_max": "max"}


def on_arrays(function: Callable, args: Any, options: Any) -> Any:
    """A function whose result carries no gradient by nature, computed on the arrays."""
    if function is np.full_like and is_tracked([*args[1:], *options.values()]):
        raise errors.lossy("np.full_like(a, t)")
    plain = [stripped(x) for x in args]
    if any(isinstance(x, Methods) for x in plain):  # what stands for several tensors at once
        raise errors.unsupported(function.__name__)
    result = function(*plain, **{k: stripped(v) for k, v in options.items()})
    return Tensor(result) if isinstance(result, (Array, np.generic)) else result


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """Called by NumPy for a ufunc with a Tensor, or what stands for one, among its operands."""
    called = "" if method == "__call__" else f".{method}"
    if len(inputs) > 1:
        for x in inputs:
            if type(x) is not Tensor and hasattr(x, "mask"):  # masked: it would lose that
                raise errors.unsupported(f"numpy.{ufunc.__name__}{called} with a masked array")
    if not options and not called and (function := NUMPY.get(ufunc)) is not None:
        return function(*inputs)
    if options.get("out") is not None:
        name = f"np.{ufunc.__name__}{called}"
        return numpy_options.into(name, getattr(ufunc, method), inputs, options)
    if method == "reduce" and ufunc in REDUCES and not options.keys() - {"axis", "keepdims"}:
        return REDUCES[ufunc](*inputs, **{"axis": 0, **options})
    if (out := numpy_options.of_ufunc(ufunc, method, inputs, options)) is not None:
        return out
    given = f" with {', '.join(options)}" if options else ""
    raise errors.unsupported(f"numpy.{ufunc.__name__}{called}{given}")


def array_function(self: Any, function: Callable, types: Any, args: Any, options: Any) -> Any:
    """Called by NumPy for its other functions with a Tensor among their arguments."""
    name = f"{getattr(function, '__module__', 'numpy')}.{function.__name__}"
    try:
        return computed(function, name, args, options)
    except Exception as error:
        if name not in "\n".join([str(error), *getattr(error, "__notes__", ())]):
            given = {f"argument {i}": x for i, x in enumerate(args, start=1)} | options
            errors.explain(error, name, (), (), given)
        raise


def computed(function: Callable, name: str, args: Any, options: dict[str, Any]) -> Any:
    """What one of NumPy's functions, called by that name, makes of Tensors."""
    ours = NUMPY.get(function)
    if ours is None and function in PLAIN:
        return on_arrays(function, args, options)
    if ours is None:
        raise errors.unsupported(name)
    theirs, names = parameters(function, ours)
    if names is None:
        return ours(*args, **options)
    given = dict(zip(theirs, args)) | options
    default = {k for k, v in given.items() if v is theirs.get(k, ...) or v is None}
    surplus = [k for k in given if k not in names and k not in default]
    if "out" in surplus:
        return numpy_options.into(name, function, (), given)
    if surplus or len(args) > len(theirs):
        shown = ", ".join(f"{k}={errors.shown(given[k])}" for k in surplus)
        whole = {k: v for k, v in given.items() if k not in default or k == next(iter(theirs))}
        if (out := numpy_options.of_function(function, ours, name, whole)) is None:
            raise errors.unsupported(f"{name} with {shown}")
        return out
    return ours(**{names[k]: v for k, v in given.items() if k in names and v is not np._NoValue})


@cache
def parameters(function: Callable, ours: Callable) -> tuple[dict[str, Any], dict[str, str] | None]:
    """NumPy's parameters with their defaults, and what each is called here.

    The operands come first in both, the options have the same names. None: where NumPy's cannot
    be told, or ours takes any number of operands in another place than first.
    """
    import inspect  # takes 9 ms to load, and most programs call no such function

    try:
        signature = inspect.signature(function).parameters.values()
    except ValueError:
        return {}, None
    theirs = {p.name: p.default for p in signature if p.kind is not p.VAR_KEYWORD}
    if any(p.kind is p.VAR_POSITIONAL for p in signature):
        return theirs, None
    op = getattr(ours, "op", None)
    mine = [*op.operands, *op.options] if op else list(inspect.signature(ours).parameters)
    count = len(op.operands) if op else len(mine)
    names = dict(zip(theirs, mine[:count]))
    if op is None:  # (a composed function may have options in PyTorch's order)
        names |= {key: key for key in theirs if key in mine}
    more = mine if any(p.kind is p.VAR_KEYWORD for p in signature) else ()
    for key in [*list(theirs)[count:], *more]:
        if (here := PARAMETERS.get(key, key)) in mine:
            names.setdefault(key, here)
    return theirs, names


for _kind in (Methods, Tensor):
    setattr(_kind, "__array_ufunc__", array_ufunc)  # noqa: B010 - not what the hints declare
    setattr(_kind, "__array_function__", array_function)  # noqa: B010
