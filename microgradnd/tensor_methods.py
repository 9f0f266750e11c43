"""The operators and methods of a Tensor, attached here in one place.

Most are the ops themselves. `methods.pyi` beside this file tells type checkers and editors about
them; a test keeps the two equal.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.engine import Tensor, recording
from microgradnd.node import Array, next_seq
from microgradnd.ops import elementwise, indexing, linalg, reduction, shape, softmax


def reflected(function: Callable) -> Callable:
    """The operator for a Tensor on the right: y.__rsub__(x) is x - y."""

    def operator(y: Any, x: Any) -> Tensor:
        return function(x, y)

    operator.__doc__ = function.__doc__
    return operator


def in_place(function: Callable) -> Callable:
    """The operator of `t += u`.

    Under `no_grad` it writes into the array. While recording, a tensor that was computed becomes
    the result of t + u, as a new node: nothing that the graph needs is overwritten. A leaf that
    requires a gradient would silently stop being one, so that raises.
    """

    def operator(self: Tensor, other: Any) -> Tensor:
        if not recording.get():
            function_on = function.op.forward  # type: ignore[attr-defined]
            function_on(self._data, getattr(other, "_data", other), out=self._data)
            self.changed()
            return self
        if self.node is not None and self.is_leaf:
            raise errors.in_place(f"{function.__name__} in place on a leaf")
        result = function(self, other)
        if result.shape != self.shape:
            raise ValueError(
                f"{function.__name__} in place: the result has shape {result.shape}, the tensor "
                f"{self.shape}; write t = t + u"
            )
        if result.requires_grad and self.dtype.kind != "f":
            raise errors.integer_target(function.__name__ + " in place", self.dtype)
        return become(self, result.astype(self.dtype))

    operator.__doc__ = function.__doc__
    return operator


def become(self: Tensor, result: Tensor) -> Tensor:
    """Makes a Tensor stand for another value: the same object, a new node."""
    self._data, self.node = result._data, result.node
    if result.node is None:
        self._name = None
    return self


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """t[index] = value: recorded as a copy with the value written in, which t becomes.

    Under `no_grad` it writes into the array itself.
    """
    index = indexing.plain(index)
    if not recording.get():
        self._data[index] = getattr(value, "_data", value)
        self.changed()
        return
    if self.node is not None and self.is_leaf:
        raise errors.in_place("setting items of a leaf")
    if isinstance(value, Tensor) and value.requires_grad and self.dtype.kind != "f":
        raise errors.integer_target("setting items", self.dtype)
    become(self, indexing.setitem(self, value, index))


def comparison(ufunc: np.ufunc) -> Callable[[Any, Any], Tensor]:
    """An operator whose result is boolean (or integer), so that no gradient flows through it."""

    def compare(*operands: Any) -> Tensor:
        return Tensor(ufunc(*(getattr(x, "_data", x) for x in operands)))

    compare.__doc__ = f"numpy.{ufunc.__name__} of the elements; no gradient flows through it."
    return compare


def discrete(name: str) -> Callable:
    """The method of ndarray with that name; its result (an index, a truth) has no gradient."""

    def method(self: Tensor, *args: Any, **options: Any) -> Tensor:
        options = {{"dim": "axis", "keepdim": "keepdims"}.get(k, k): v for k, v in options.items()}
        return Tensor(getattr(self._data, name)(*args, **options))

    method.__name__ = name
    method.__doc__ = f"numpy.{name} of the tensor; no gradient flows through it."
    return method


def from_args(function: Callable, first: str) -> Callable:
    """A method that takes sizes or axes one by one or as a tuple: t.reshape(2, 3)."""

    def method(self: Tensor, *given: Any, **named: Any) -> Tensor:
        if first in named:
            given = (named[first],)
        if len(given) == 1 and (given[0] is None or isinstance(given[0], (tuple, list))):
            return function(self, given[0])
        return function(self, tuple(given) or None)

    method.__name__, method.__doc__ = function.__name__, function.__doc__
    return method


def flatten(self: Tensor) -> Tensor:
    """All elements in one axis."""
    return shape.reshape(self, -1)


def astype(self: Tensor, dtype: Any) -> Tensor:
    """The tensor in another dtype; as integers or booleans it carries no gradient."""
    return self if self.dtype == dtype else shape.astype(self, np.dtype(dtype))


def clip(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Held within [min, max], arrays or numbers; None leaves a side open."""
    return elementwise.clip(self, min, max)


def item(self: Tensor) -> float:
    """The only element, as a Python number."""
    if self._data.size != 1:
        raise ValueError(f"item() needs one element, this tensor has shape {self._data.shape}")
    return self._data.item()


def numpy(self: Tensor) -> Array:
    """The array itself (shared memory), out of the graph."""
    return self._data


def detach(self: Tensor) -> Tensor:
    """The same array (shared memory) as a constant: no gradient flows through it."""
    return Tensor(self._data, name=self.name)


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Makes this tensor a leaf that gets a gradient, or a constant again."""
    self.requires_grad = requires_grad
    return self


def retain_grad(self: Tensor) -> None:
    """Lets backward() leave the gradient of a computed tensor in `.grad` too."""
    if self.node is None:
        raise errors.untracked(self._data.shape)
    self.node.note()["target"] = weakref.ref(self)


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
    """Calls hook(gradient) when this tensor's gradient is complete in a backward pass.

    What the hook returns, if not None, replaces the gradient. Returns a function that removes it.
    """
    if self.node is None:
        raise errors.untracked(self._data.shape)
    hooks = self.node.note().setdefault("hooks", {})
    key = next_seq()
    hooks[key] = hook
    return lambda: hooks.pop(key, None)


def named(self: Tensor, name: str) -> Tensor:
    """Gives the tensor a name for pictures and messages, and returns it: h = relu(z).named("h")."""
    self.name = name
    return self


def tolist(self: Tensor) -> Any:
    """The elements as Python numbers in nested lists."""
    return self._data.tolist()


def representation(self: Tensor) -> str:
    body = np.array2string(self._data, separator=", ", prefix="Tensor(", threshold=100)
    notes = [] if self._data.dtype == np.float64 else [f"dtype={self._data.dtype}"]
    if self._data.dtype.kind in "b" or self._data.dtype == np.int64:
        notes = []
    if self.node is not None:
        op = self.node.op
        notes.append("requires_grad=True" if op is None else f"op={op.name!r}")
    if self.name is not None:
        notes.append(f"name={self.name!r}")
    return f"Tensor({', '.join([body, *notes])})"


def as_array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> Array:
    if self.node is not None:
        raise errors.lossy("np.asarray(t)")
    return np.array(self._data, dtype, copy=copy)


def rebuild(self: Tensor) -> tuple:
    """Copies and pickles constants and leaves; of computed tensors it would lose the graph."""
    if not self.is_leaf:
        raise errors.lossy("copying or pickling a computed tensor")
    return _restored, (self._data.copy(), self.requires_grad, self.name, self.grad)


def _restored(data: Array, requires_grad: bool, name: str | None, grad: Tensor | None) -> Tensor:
    tensor = Tensor(data, requires_grad, name=name)
    tensor.grad = grad
    return tensor


def length(self: Tensor) -> int:
    if self._data.ndim == 0:
        raise TypeError("a 0-d tensor has no length")
    return len(self._data)


def iterate(self: Tensor) -> Iterator[Tensor]:
    return (indexing.getitem(self, i) for i in range(length(self)))


ARITHMETIC = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": elementwise.divide,
    "pow": elementwise.power,
    "matmul": linalg.matmul,
}
COMPARISONS = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}
SPECIAL = {
    "__invert__": comparison(np.invert),
    "__neg__": elementwise.negative,
    "__pos__": elementwise.positive,
    "__abs__": elementwise.abs,
    "__getitem__": indexing.getitem,
    "__setitem__": setitem,
    "__len__": length,
    "__iter__": iterate,
    "__float__": lambda self: float(item(self)),
    "__int__": lambda self: int(item(self)),
    "__bool__": lambda self: bool(self._data),
    "__index__": lambda self: self._data.__index__(),
    "__hash__": object.__hash__,
    "__repr__": representation,
    "__array__": as_array,
    "__reduce__": rebuild,
}
METHODS = {
    **{name: getattr(elementwise, name) for name in (
        "exp", "log", "sqrt", "square", "tanh", "sigmoid", "relu", "leaky_relu", "sin", "cos",
        "abs", "maximum", "minimum", "sign", "floor", "ceil", "round",
    )},
    **{name: getattr(reduction, name) for name in (
        "sum", "mean", "max", "min", "prod", "var", "std",
    )},
    **{name: getattr(shape, name) for name in ("swapaxes", "expand_dims", "squeeze", "split")},
    **{name: getattr(softmax, name) for name in ("softmax", "log_softmax", "logsumexp")},
    "pow": elementwise.power,
    "matmul": linalg.matmul,
    "dot": linalg.dot,
    "clip": clip,
    "reshape": from_args(shape.reshape, "shape"),
    "transpose": from_args(shape.transpose, "axes"),
    "broadcast_to": from_args(shape.broadcast_to, "shape"),
    "ravel": flatten,
    "flatten": flatten,
    "astype": astype,
    "item": item,
    "numpy": numpy,
    "tolist": tolist,
    "detach": detach,
    "requires_grad_": requires_grad_,
    "retain_grad": retain_grad,
    "register_hook": register_hook,
    "named": named,
}  # fmt: skip
WITHOUT_GRADIENT = ("argmax", "argmin", "argsort", "all", "any")
PROPERTIES = {
    "shape": property(lambda self: self._data.shape, doc="The length of each axis."),
    "ndim": property(lambda self: self._data.ndim, doc="How many axes there are."),
    "size": property(lambda self: self._data.size, doc="How many elements there are."),
    "dtype": property(lambda self: self._data.dtype, doc="The type of the elements."),
    "T": property(lambda self: shape.transpose(self), doc="The axes in reverse order."),
    "mT": property(lambda self: shape.swapaxes(self, -1, -2), doc="The last two axes exchanged."),
}


def attach() -> None:
    """Puts all of the above on Tensor."""
    for name, function in ARITHMETIC.items():
        setattr(Tensor, f"__{name}__", function)
        setattr(Tensor, f"__r{name}__", reflected(function))
        setattr(Tensor, f"__i{name}__", in_place(function))
    for name, ufunc in COMPARISONS.items():
        setattr(Tensor, f"__{name}__", comparison(ufunc))
    for name in ("and", "or", "xor"):
        setattr(Tensor, f"__r{name}__", reflected(comparison(COMPARISONS[name])))
    for name, function in {**SPECIAL, **METHODS}.items():
        setattr(Tensor, name, function)
    for name in WITHOUT_GRADIENT:
        setattr(Tensor, name, discrete(name))
    for name, value in PROPERTIES.items():
        setattr(Tensor, name, value)


attach()
