"""NumPy's own options, by what they amount to: `dtype=` casts before a function computes, `where=`
chooses what takes part, `initial=` joins the result, `order="F"` transposes.

NumPy itself computes on the arrays first: it refuses what does not fit, and says which shape and
dtype the result has. The result on Tensors is then composed of functions that are recorded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.declaration import NUMPY, REDUCES
from microgradnd.engine import Methods, Tensor, as_tensor, constant

# What changes no value: NumPy has refused what it would not cast.
SILENT = frozenset({"casting", "subok", "overwrite_input"})
ACCUMULATES: dict[np.ufunc, Callable] = {np.add: np.cumsum, np.multiply: np.cumprod}


def stripped(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map(stripped, value))
    return value._array if isinstance(value, Tensor) else value


def is_tracked(value: Any) -> bool:
    """Whether a gradient flows to it, or to one of several."""
    if isinstance(value, (list, tuple)):
        return any(map(is_tracked, value))
    return isinstance(value, Methods) and getattr(value, "node", None) is not None


def on_arrays(name: str, function: Callable, args: Any, options: dict[str, Any]) -> Any:
    """What NumPy makes of the arrays; None where another class stands for some."""
    plain, named = stripped(args), {k: stripped(v) for k, v in options.items()}
    if any(isinstance(x, Methods) for x in (*plain, *named.values())):
        return None
    explained = errors.explained(name, {"x": args[0]}, options)
    with explained, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # it will warn when it is computed in earnest
        return function(*plain, **named)


def held(out: Any, expected: Any, name: str, options: Mapping[str, Any]) -> Any:
    """The result, if it is of the shape and dtype that NumPy says."""
    if expected is not None and (out.shape, out.dtype) != (expected.shape, expected.dtype):
        raise errors.unsupported(f"{name} with {', '.join(options)}")
    return out


def cast(x: Any, dtype: Any) -> Any:
    """An operand, or each of several, in a dtype; plain numbers go with any."""
    if dtype is None or type(x) in (bool, int, float):
        return x
    if isinstance(x, (list, tuple)):
        return [cast(each, dtype) for each in x]
    if is_tracked(x) and np.dtype(dtype).kind != "f":
        raise errors.whole_result(np.dtype(dtype))
    return as_tensor(x).astype(dtype)


# --- Ufuncs and their methods --------------------------------------------------------------------
def of_ufunc(ufunc: np.ufunc, method: str, inputs: tuple, options: dict[str, Any]) -> Any:
    """A ufunc with options, or one of its methods; None where it cannot be composed."""
    compose = COMPOSED.get(method)
    known = REDUCES if method == "reduce" else NUMPY
    if compose is None or ufunc not in known or "signature" in options:
        return None
    name = f"numpy.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    expected = on_arrays(name, getattr(ufunc, method), inputs, options)
    given = {k: v for k, v in options.items() if k not in SILENT | {"order"}}
    return held(compose(ufunc, *inputs, **given), expected, name, options)


def chosen(ufunc: np.ufunc, *inputs: Any, dtype: Any = None, where: Any = True) -> Any:
    """A ufunc where the mask holds; elsewhere, where NumPy leaves what was in memory, 0."""
    inputs = tuple(cast(x, dtype) for x in inputs)
    if where is True:
        return NUMPY[ufunc](*inputs)
    where = np.asarray(stripped(where))
    shape = np.broadcast_shapes(where.shape, *map(np.shape, inputs))
    where = np.broadcast_to(where, shape)
    numbers = (bool, int, float)
    spread: Any = np.broadcast_to
    values = NUMPY[ufunc](*(x if type(x) in numbers else spread(as_tensor(x), shape)[where]
                            for x in inputs))  # fmt: skip
    out = constant(np.zeros(shape, values.dtype))
    out[where] = values
    return out


def outer(ufunc: np.ufunc, x: Any, y: Any, **options: Any) -> Any:
    """A ufunc of each element of x with each of y."""
    x, y = as_tensor(x), as_tensor(y)
    return chosen(ufunc, x.reshape(x.shape + (1,) * y.ndim), y, **options)


def accumulated(ufunc: np.ufunc, x: Any, axis: int = 0, dtype: Any = None) -> Any:
    if ufunc not in ACCUMULATES:
        raise errors.unsupported(f"numpy.{ufunc.__name__}.accumulate")
    return NUMPY[ACCUMULATES[ufunc]](cast(x, dtype), axis)


def neutral(ufunc: np.ufunc, dtype: np.dtype) -> Any:
    """What changes nothing that a ufunc reduces."""
    if ufunc not in (np.maximum, np.minimum):
        return ufunc.identity
    if dtype.kind == "b":
        return ufunc is np.minimum
    bounds = (-np.inf, np.inf) if dtype.kind == "f" else _bounds(dtype)
    return bounds[ufunc is np.minimum]


def _bounds(dtype: np.dtype) -> tuple[int, int]:
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def reduced(
    ufunc: np.ufunc, x: Any, axis: Any = 0, keepdims: bool = False, dtype: Any = None,
    where: Any = True, initial: Any = None,
) -> Any:  # fmt: skip
    """What takes no part counts as what changes nothing; `initial` joins the result."""
    x = cast(as_tensor(x), dtype)
    if where is not True:
        x = np.where(where, x, neutral(ufunc, x.dtype))
    if initial is None or initial is np._NoValue:
        return REDUCES[ufunc](x, axis, keepdims=keepdims)
    if not x.size:  # the extremes of nothing
        start = neutral(ufunc, x.dtype)
        plain: Any = ufunc.reduce(stripped(x), axis, keepdims=keepdims, initial=start)
        return NUMPY[ufunc](constant(np.asarray(plain)), initial)
    return NUMPY[ufunc](REDUCES[ufunc](x, axis, keepdims=keepdims), initial)


COMPOSED: dict[str, Callable] = {
    "__call__": chosen, "outer": outer, "accumulate": accumulated, "reduce": reduced,
}  # fmt: skip


# --- NumPy's other functions, in its own words ---------------------------------------------------
def mean(x: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Any:
    where = np.broadcast_to(stripped(where), x.shape)
    count = np.sum(where, axis=axis, keepdims=keepdims)
    return np.sum(np.where(where, x, 0), axis=axis, keepdims=keepdims) / count.astype(x.dtype)


def nanmean(x: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Any:
    return mean(x, axis, keepdims, stripped(where) & ~np.isnan(stripped(x)))


def nansum(x: Any, where: Any = True, initial: Any = 0, **options: Any) -> Any:
    return NUMPY[np.nansum](np.where(where, x, 0), **options) + initial


def var(
    x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False, where: Any = True,
    mean: Any = None, correction: float | None = None,
) -> Any:  # fmt: skip
    ddof = ddof if correction is None else correction
    where = np.broadcast_to(stripped(where), x.shape)
    centre = _mean(x, axis, True, where) if mean is None else mean
    squares = np.square(np.where(where, x - centre, 0))
    freedom = np.maximum(np.sum(where, axis=axis, keepdims=keepdims) - ddof, 0)
    return np.sum(squares, axis=axis, keepdims=keepdims) / freedom.astype(x.dtype)


def std(x: Any, axis: Any = None, keepdims: bool = False, where: Any = True, **options: Any) -> Any:
    square = var(x, axis, keepdims=keepdims, where=where, **options)
    # As of `std` itself the slope for equal elements is 0, and their rounded mean need not be one.
    reach = {"axis": axis, "keepdims": keepdims, "where": stripped(where)}
    bare = stripped(x)
    flat = np.max(bare, initial=-np.inf, **reach) == np.min(bare, initial=np.inf, **reach)
    flat = flat & ("mean" not in options) | (stripped(square) == 0)
    return np.where(flat, square * 0, np.sqrt(np.where(flat, 1, square)))


_mean = mean
WITH: dict[Callable, Callable] = {
    np.mean: mean, np.nanmean: nanmean, np.nansum: nansum, np.var: var, np.std: std,
}  # fmt: skip


def in_columns(x: Any, shape: Any = -1) -> Any:
    """reshape and ravel in the order of Fortran."""
    turned = tuple(shape)[::-1] if isinstance(shape, (tuple, list)) else shape
    return np.transpose(np.reshape(np.transpose(x), turned))


def of_function(function: Callable, ours: Callable, name: str, given: dict[str, Any]) -> Any:
    """A function with options that ours has not; None where it cannot be composed."""
    x = given.pop(next(iter(given)))
    expected = on_arrays(name, function, (x,), given)
    rest = {k: v for k, v in given.items() if k not in SILENT and v is not np._NoValue}
    x, order = cast(x, rest.pop("dtype", None)), rest.pop("order", "C")
    if order != "C":
        if order != "F" or function not in (np.reshape, np.ravel):
            return None
        return held(in_columns(x, **rest), expected, name, given)
    compose: Callable | None = function if len(rest) < len(given) else None
    if rest.keys() & {"where", "initial", "mean", "correction"}:
        ufunc = next((u for u, reducer in REDUCES.items() if reducer is ours), None)
        compose = partial(reduced, ufunc) if ufunc else WITH.get(function)
        rest.setdefault("axis", None)
        x = as_tensor(x)
    return None if compose is None else held(compose(x, **rest), expected, name, given)


def into(name: str, function: Callable, inputs: tuple, options: dict[str, Any]) -> Any:
    """What writes into `out`: allowed among constants, and noted as a write."""
    outs = options["out"] if isinstance(options["out"], tuple) else (options["out"],)
    if is_tracked([*inputs, *options.values(), *outs]):
        raise errors.in_place(f"{name}(..., out=)")
    result = function(*stripped(inputs), **{k: stripped(v) for k, v in options.items()})
    for out in outs:
        if isinstance(out, Tensor):
            out.changed()
    return outs[0] if len(outs) == 1 and isinstance(outs[0], Tensor) else result
