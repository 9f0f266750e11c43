"""NumPy's own functions on Tensors: np.tanh(t), ndarray * t, np.concatenate([t, a]) all record.

Each function that an op names as its `numpy` is computed by that op; what gives no gradient by
nature (a shape, a truth) is computed on the arrays. All others raise and name themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.declaration import NUMPY, REDUCES
from microgradnd.engine import Tensor
from microgradnd.methods import Methods
from microgradnd.node import Array

# Their results carry no gradient by nature.
PLAIN = frozenset({
    np.shape, np.ndim, np.size, np.nonzero, np.isclose, np.allclose, np.array_equal, np.zeros_like,
    np.ones_like, np.empty_like, np.result_type, np.array_repr, np.array_str, np.array2string,
    np.may_share_memory, np.shares_memory, np.full_like,
})  # fmt: skip
# NumPy's names of parameters that have another name here.
PARAMETERS = {"a_min": "min", "a_max": "max"}


def on_arrays(function: Callable, args: Any, options: Any) -> Any:
    """A function whose result carries no gradient by nature, computed on the arrays."""
    if function is np.full_like and any(
        isinstance(x, Tensor) and x.node is not None for x in (*args[1:], *options.values())
    ):
        raise errors.lossy("np.full_like(a, t)")
    result = function(*map(stripped, args), **{k: stripped(v) for k, v in options.items()})
    return Tensor(result) if isinstance(result, (Array, np.generic)) else result


def stripped(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map(stripped, value))
    return value._array if isinstance(value, Tensor) else value


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """Called by NumPy for a ufunc with a Tensor, or what stands for one, among its operands."""
    if not options and method == "__call__":
        function = NUMPY.get(ufunc)
        if len(inputs) > 1:
            for x in inputs:
                if type(x) is not Tensor and hasattr(x, "mask"):  # masked: it would lose that
                    function = None
        if function is not None:
            return function(*inputs)
    if options.get("out") is not None:
        return into(ufunc, method, inputs, options)
    if method == "reduce" and ufunc in REDUCES and not options.keys() - {"axis", "keepdims"}:
        return REDUCES[ufunc](*inputs, **{"axis": 0, **options})
    called = "" if method == "__call__" else f".{method}"
    given = f" with {', '.join(options)}" if options else ""
    raise errors.unsupported(f"numpy.{ufunc.__name__}{called}{given}")


def into(ufunc: np.ufunc, method: str, inputs: tuple, options: dict[str, Any]) -> Any:
    """A ufunc that writes into `out`: allowed among constants, and noted as a write."""
    outs = options["out"]
    if any(isinstance(x, Tensor) and x.node is not None for x in (*inputs, *outs)):
        raise errors.in_place(f"np.{ufunc.__name__}(..., out=)")
    plain = {key: stripped(value) for key, value in options.items()}
    result = getattr(ufunc, method)(*stripped(inputs), **plain)
    for out in outs:
        if isinstance(out, Tensor):
            out.changed()
    return outs[0] if len(outs) == 1 and isinstance(outs[0], Tensor) else result


def array_function(self: Any, function: Callable, types: Any, args: Any, options: Any) -> Any:
    """Called by NumPy for its other functions with a Tensor among their arguments."""
    name = f"{getattr(function, '__module__', 'numpy')}.{function.__name__}"
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
    if surplus or len(args) > len(theirs):
        raise errors.unsupported(f"{name} with {surplus[0]}={given[surplus[0]]!r}")
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
