"""NumPy's own functions on Tensors: np.tanh(t), ndarray * t, np.concatenate([t, a]) all record.

A function that has no rule raises and names itself; nothing ever detaches silently.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.engine import Tensor
from microgradnd.node import Array
from microgradnd.ops import einsum as einstein
from microgradnd.ops import elementwise, linalg, padding, reduction, shape
from microgradnd.tensor_methods import METHODS, comparison, flatten

UFUNCS: dict[np.ufunc, Callable] = {
    function.op.forward: function
    for function in [*vars(elementwise).values(), linalg.matmul]
    if isinstance(getattr(getattr(function, "op", None), "forward", None), np.ufunc)
}
UFUNCS |= {
    ufunc: comparison(ufunc)
    for ufunc in (
        np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal,
        np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
        np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert,
        np.isnan, np.isinf, np.isfinite, np.signbit,
    )
}  # fmt: skip
REDUCTIONS: dict[np.ufunc, Callable] = {
    np.add: reduction.sum,
    np.multiply: reduction.prod,
    np.maximum: reduction.max,
    np.minimum: reduction.min,
}


def on_data(function: Callable) -> Callable:
    """A function whose result carries no gradient by nature (an index, a shape, a truth)."""

    def call(*args: Any, **options: Any) -> Any:
        result = function(*map(stripped, args), **{k: stripped(v) for k, v in options.items()})
        return Tensor(result) if isinstance(result, (Array, np.generic)) else result

    return call


def stripped(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map(stripped, value))
    return value._data if isinstance(value, Tensor) else value


def joined(join: Callable[[int], int], at_least: int) -> Callable:
    """np.vstack and np.hstack: concatenate, after giving the operands enough axes."""

    def call(tup: Any) -> Tensor:
        tensors = [t if isinstance(t, Tensor) else Tensor(t) for t in tup]
        raised = [t.reshape((1,) * (at_least - t.ndim) + t.shape) for t in tensors]
        return shape.concatenate(raised, join(raised[0].ndim))

    return call


def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """np.clip, which takes its bounds under two names each."""
    return METHODS["clip"](a, min if a_min is None else a_min, max if a_max is None else a_max)


def moveaxis(a: Tensor, source: Any, destination: Any) -> Tensor:
    """The axes `source` moved to the places `destination`; the others keep their order."""
    order = np.moveaxis(np.empty((0,) * a.ndim), source, destination)  # checks the arguments
    places = np.lib.array_utils.normalize_axis_tuple(source, a.ndim)
    goals = np.lib.array_utils.normalize_axis_tuple(destination, a.ndim)
    axes = [i for i in range(order.ndim) if i not in places]
    for goal, place in sorted(zip(goals, places)):
        axes.insert(goal, place)
    return shape.transpose(a, tuple(axes))


# NumPy's function: ours, and those of NumPy's parameters that ours takes, in its order. Another
# parameter, if given, raises. None: ours has the same positional parameters.
FUNCTIONS: dict[Callable, tuple[Callable, str | None]] = {
    np.sum: (reduction.sum, "a axis keepdims"),
    np.mean: (reduction.mean, "a axis keepdims"),
    np.max: (reduction.max, "a axis keepdims"),
    np.min: (reduction.min, "a axis keepdims"),
    np.amax: (reduction.max, "a axis keepdims"),
    np.amin: (reduction.min, "a axis keepdims"),
    np.prod: (reduction.prod, "a axis keepdims"),
    np.var: (reduction.var, "a axis ddof keepdims"),
    np.std: (reduction.std, "a axis ddof keepdims"),
    np.reshape: (METHODS["reshape"], "a shape"),
    np.ravel: (flatten, "a"),
    np.transpose: (shape.transpose, "a axes"),
    np.swapaxes: (shape.swapaxes, "a axis1 axis2"),
    np.moveaxis: (moveaxis, "a source destination"),
    np.matrix_transpose: (lambda x: x.mT, "x"),
    np.expand_dims: (shape.expand_dims, "a axis"),
    np.squeeze: (shape.squeeze, "a axis"),
    np.broadcast_to: (shape.broadcast_to, "array shape"),
    np.concatenate: (shape.concatenate, None),
    np.stack: (shape.stack, "arrays axis"),
    np.vstack: (joined(lambda ndim: 0, 2), "tup"),
    np.hstack: (joined(lambda ndim: min(1, ndim - 1), 1), "tup"),
    np.split: (shape.split, "ary indices_or_sections axis"),
    np.pad: (padding.pad, None),
    np.where: (elementwise.where, None),
    np.clip: (clip, None),
    np.round: (elementwise.round, "a decimals"),
    np.around: (elementwise.round, "a decimals"),
    np.dot: (linalg.dot, None),
    np.einsum: (einstein.einsum, None),
}
for function in (
    np.shape, np.ndim, np.size, np.argmax, np.argmin, np.argsort, np.nonzero, np.all, np.any,
    np.isclose, np.allclose, np.array_equal, np.zeros_like, np.ones_like, np.empty_like,
    np.full_like, np.result_type, np.array_repr, np.array_str, np.array2string, np.may_share_memory,
    np.shares_memory,
):  # fmt: skip
    FUNCTIONS[function] = on_data(function), None


def array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """Called by NumPy for a ufunc with a Tensor among its operands."""
    if options.get("out") is not None:
        if any(isinstance(x, Tensor) and x.node is not None for x in (*inputs, *options["out"])):
            raise errors.in_place(f"np.{ufunc.__name__}(..., out=)")
        plain = {key: stripped(value) for key, value in options.items()}
        return getattr(ufunc, method)(*stripped(inputs), **plain)
    if method == "__call__" and ufunc in UFUNCS and not options:
        return UFUNCS[ufunc](*inputs)
    if method == "reduce" and ufunc in REDUCTIONS and not options.keys() - {"axis", "keepdims"}:
        return REDUCTIONS[ufunc](*inputs, **{"axis": 0, **options})
    called = "" if method == "__call__" else f".{method}"
    given = f" with {', '.join(options)}" if options else ""
    raise errors.unsupported(f"numpy.{ufunc.__name__}{called}{given}")


def array_function(self: Tensor, function: Callable, types: Any, args: Any, options: Any) -> Any:
    """Called by NumPy for its other functions with a Tensor among their arguments."""
    name = f"{getattr(function, '__module__', 'numpy')}.{function.__name__}"
    if function not in FUNCTIONS:
        raise errors.unsupported(name)
    ours, parameters = FUNCTIONS[function]
    if parameters is None:
        return ours(*args, **options)
    signature = signature_of(function)
    given = signature.bind(*args, **options).arguments
    taken = parameters.split()
    for key, value in given.items():
        default = signature.parameters[key].default
        if key not in taken and value is not default and value is not None:
            raise errors.unsupported(f"{name} with {key}={value!r}")
    while taken[-1] not in given:
        taken.pop()
    values = [given.get(key, signature.parameters[key].default) for key in taken]
    return ours(*(None if value is np._NoValue else value for value in values))


@cache
def signature_of(function: Callable) -> Any:
    import inspect  # takes 9 ms to load, and most programs call no such function

    return inspect.signature(function)


Tensor.__array_ufunc__ = array_ufunc  # type: ignore[method-assign, assignment]
Tensor.__array_function__ = array_function  # type: ignore[method-assign, assignment]
