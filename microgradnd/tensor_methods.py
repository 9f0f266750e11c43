"""The operators and methods of a Tensor, attached here in one place.

Most are ops that attach themselves; what is no op stands here. `methods.pyi` tells
type checkers about all of them; `python -m microgradnd.stubs` writes it.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from microgradnd import errors, writes
from microgradnd.arguments import CALLABLE, require
from microgradnd.engine import Methods, Tensor
from microgradnd.grad_mode import recording
from microgradnd.node import Array, next_seq
from microgradnd.ops import elementwise, indexing, linalg, shape


def in_place(function: Any) -> Callable:
    """The operator of `t += u`.

    Under `no_grad` it writes into the array. While recording, a tensor that was computed becomes
    the result of t + u, as a new node: nothing that the graph needs is overwritten. A leaf that
    requires a gradient would silently stop being one, so that raises.
    """

    def operator(self: Tensor, other: Any) -> Tensor:
        if not recording.get():
            function.op.numpy(self._array, getattr(other, "_array", other), out=self._array)
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
        if not np.can_cast(result.dtype, self.dtype, "same_kind"):
            raise errors.integer_target(function.__name__ + " in place", self.dtype)
        return become(self, result.astype(self.dtype))

    operator.__doc__ = function.__doc__
    return operator


def become(self: Tensor, result: Tensor) -> Tensor:
    """Makes a Tensor stand for another value: the same object, a new node."""
    notes = None if self.node is None else self.node.notes
    # where retain_grad() was asked of this tensor, its new value's gradient is kept
    kept = None if notes is None else notes.pop("target", None)
    self._array, self.node = result._array, result.node
    if result.node is None:
        self._name = None
    elif kept is not None:
        result.node.note()["target"] = kept
    return self


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """t[index] = value: recorded as a copy with the value written in, which t becomes.

    Among constants, and under `no_grad`, it writes into the array itself.
    """
    index = indexing.plain(index)
    constant = self.node is None and getattr(value, "node", None) is None
    if not recording.get() or (constant and self._array.flags.writeable):
        self._array[index] = getattr(value, "_array", value)  # what a NumPy array refuses, raises
        part = self._array[index]
        alone = isinstance(part, Array) and np.may_share_memory(part, self._array)
        self._leaf_changed(writes.log(part if alone else self._array))
        return
    if self.node is not None and self.is_leaf:
        raise errors.in_place("setting items of a leaf")
    if isinstance(value, Tensor) and value.requires_grad and self.dtype.kind != "f":
        raise errors.integer_target("setting items", self.dtype)
    become(self, indexing.setitem(self, value, index))


def astype(self: Tensor, dtype: Any) -> Tensor:
    """The tensor in another dtype; as integers or booleans it carries no gradient."""
    dtype = shape.number_dtype(dtype)
    return self if self.dtype == dtype else shape.astype(self, dtype)


def item(self: Tensor) -> float:
    """The only element, as a Python number."""
    if self._array.size != 1:
        raise ValueError(f"item() needs one element, this tensor has shape {self._array.shape}")
    return self._array.item()


def as_float(self: Tensor) -> float:
    if self.node is not None:
        words = "float(t), or a write into a NumPy array, takes a number out of the graph: no "
        words += "gradient flows through it; say t.item() or t.detach() if that is meant"
        warnings.warn(words, errors.DetachWarning, stacklevel=2)
    return float(item(self))


def as_int(self: Tensor) -> int:
    return int(item(self))


def as_bool(self: Tensor) -> bool:
    return bool(self._array)


def as_index(self: Tensor) -> int:
    return self._array.__index__()


def formatted(self: Tensor, spec: str) -> str:
    if not spec:
        return repr(self)
    if self._array.size != 1:
        raise TypeError(
            f"format {spec!r} is for one number, this tensor has shape {self.shape}; format its "
            "elements, as in [f'{v:.3f}' for v in t.tolist()]"
        )
    return format(self._array.item(), spec)


def to(
    self: Tensor, *like: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False,
    copy: bool = False,
) -> Tensor:  # fmt: skip
    """The tensor in another dtype, as `astype`, or in that of another tensor.

    "cpu", where all tensors are, changes nothing.
    """
    out = self
    for value in (*like, device, dtype):
        value = getattr(value, "type", value)  # (of a device of PyTorch's)
        if isinstance(value, Methods):
            value = value.dtype
        if value is not None and (device is value or (isinstance(value, str) and value == "cpu")):
            to_device(self, value)
        elif value is not None:
            out = out.astype(value)
    return elementwise.positive(out) if copy and out is self else out


def cpu(self: Tensor) -> Tensor:
    """The tensor itself: all of them are there."""
    return self


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype of another."""
    return self.astype(other.dtype)


def in_dtype(dtype: str) -> Callable[[Tensor], Tensor]:
    """The method that casts to it."""

    def cast(self: Tensor) -> Tensor:
        return self.astype(dtype)

    cast.__doc__ = f"The tensor in {dtype}, as `astype` gives it."
    return cast


def dim(self: Tensor) -> int:
    """How many axes there are."""
    return self.ndim


def numel(self: Tensor) -> int:
    """How many elements there are."""
    return self.size


def is_floating_point(self: Tensor) -> bool:
    """Whether its elements are real floating-point numbers."""
    return self.dtype.kind == "f"


def is_complex(self: Tensor) -> bool:
    """Whether its elements are complex numbers."""
    return self.dtype.kind == "c"


def transposed(self: Tensor) -> Tensor:
    """The transposed matrix; a vector is its own."""
    if self.ndim > 2:
        raise ValueError(f"t() is for matrices, not for shape {self.shape}; use .mT or permute()")
    return shape.transpose(self, None)


def expand_as(self: Tensor, other: Any) -> Tensor:
    """Broadcast to the shape of another tensor."""
    return shape.broadcast_to(self, other.shape)


def reshape_as(self: Tensor, other: Any) -> Tensor:
    """Reshaped to the shape of another tensor."""
    return shape.reshape(self, other.shape)


def where(self: Tensor, condition: Any, y: Any) -> Tensor:
    """Its elements where the condition holds, else those of y."""
    return elementwise.where(condition, self, y)


def missing(self: Tensor, name: str) -> Any:
    """Called for attributes that are not there: says what there is in their place."""
    if name.startswith("__") or name in Tensor.__slots__:
        raise AttributeError(f"a Tensor has no attribute {name!r}", name=name, obj=self)
    plain = name.removesuffix("_")
    instead = errors.INSTEAD_OF_METHODS
    if plain != name and plain not in instead and plain in dir(Tensor):
        instead = {name: f"use t = t.{plain}(...); what the graph may need is not overwritten"}
    known = errors.INSTEAD | instead
    raise errors.missing_name(
        "a Tensor", name, lambda: [n for n in dir(Tensor) if n[0] != "_"], known
    )


def numpy(self: Tensor) -> Array:
    """The array itself (shared memory), out of the graph."""
    return self._array


def detach(self: Tensor) -> Tensor:
    """The same array (shared memory) as a constant: no gradient flows through it."""
    return Tensor(self._array, name=self.name)


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Makes this tensor a leaf that gets a gradient, or a constant again."""
    self.requires_grad = requires_grad
    return self


def retain_grad(self: Tensor) -> None:
    """Lets backward() leave the gradient of a computed tensor in `.grad` too."""
    if self.node is None:
        raise errors.untracked(self._array.shape)
    self.node.note()["target"] = weakref.ref(self)


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
    """Calls hook(gradient) when this tensor's gradient is complete in a backward pass.

    What the hook returns, if not None, replaces the gradient. Returns a function that removes it.
    """
    if self.node is None:
        raise errors.untracked(self._array.shape)
    require("register_hook", "hook", hook, CALLABLE)
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
    return self._array.tolist()


def representation(self: Tensor) -> str:
    body = np.array2string(self._array, separator=", ", prefix="Tensor(", threshold=100)
    notes = [] if self._array.dtype == np.float64 else [f"dtype={self._array.dtype}"]
    if self._array.dtype.kind in "b" or self._array.dtype == np.int64:
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
    return np.array(self._array, dtype, copy=copy)


def namespace(self: Tensor, *, api_version: str | None = None) -> Any:
    """The functions of the Python array API standard."""
    from importlib import import_module

    array_api = import_module("microgradnd.array_api")  # loaded by those who ask for it alone
    if api_version is not None and api_version > array_api.__array_api_version__:
        raise ValueError(f"the array API of {api_version!r} is newer than what is offered")
    return array_api


def dlpack(
    self: Tensor,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    if self.node is not None:
        raise errors.lossy("__dlpack__")
    options: dict[str, Any] = {"max_version": max_version, "dl_device": dl_device, "copy": copy}
    given = {key: value for key, value in options.items() if value is not None}
    return self._array.__dlpack__(stream=stream, **given)


def to_device(self: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    """The tensor itself: all of them are on the "cpu"."""
    if device != "cpu" or stream is not None:
        raise ValueError(f"to_device: all tensors are on the 'cpu', there is no {device!r}")
    return self


def rebuild(self: Tensor) -> tuple:
    """Copies and pickles constants and leaves; of computed tensors it would lose the graph."""
    if not self.is_leaf:
        raise errors.lossy("copying or pickling a computed tensor")
    parts = type(self), self._array.copy(), self.requires_grad, self.name, self.grad
    return _restored, parts, getattr(self, "__dict__", None) or None


def _restored(
    kind: type[Tensor], data: Array, requires_grad: bool, name: str | None, grad: Tensor | None
) -> Tensor:
    tensor = kind.__new__(kind)
    Tensor.__init__(tensor, data, requires_grad, name=name)
    tensor.grad = grad
    return tensor


def array_shape(self: Tensor) -> tuple[int, ...]:
    """The length of each axis."""
    return self._array.shape


def array_ndim(self: Tensor) -> int:
    """How many axes there are."""
    return self._array.ndim


def array_size(self: Tensor) -> int:
    """How many elements there are."""
    return self._array.size


def array_dtype(self: Tensor) -> np.dtype[Any]:
    """The type of the elements."""
    return self._array.dtype


def length(self: Tensor) -> int:
    if self._array.ndim == 0:
        raise TypeError("a 0-d tensor has no length")
    return len(self._array)


def iterate(self: Tensor) -> Iterator[Tensor]:
    return (indexing.getitem(self, i) for i in range(length(self)))


IN_PLACE = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": elementwise.divide,
    "pow": elementwise.power,
    "matmul": linalg.matmul,
    "mod": elementwise.remainder,
    "floordiv": elementwise.floor_divide,
    "and": elementwise.bitwise_and,
    "or": elementwise.bitwise_or,
    "xor": elementwise.bitwise_xor,
    "lshift": elementwise.bitwise_left_shift,
    "rshift": elementwise.bitwise_right_shift,
}
SPECIAL = {
    "__setitem__": setitem,
    "__len__": length,
    "__iter__": iterate,
    "__float__": as_float,
    "__int__": as_int,
    "__bool__": as_bool,
    "__index__": as_index,
    "__format__": formatted,
    "__hash__": object.__hash__,
    "__repr__": representation,
    "__array__": as_array,
    "__reduce__": rebuild,
    "__complex__": lambda self: complex(item(self)),
    "__array_namespace__": namespace,
    "__dlpack__": dlpack,
    "__dlpack_device__": lambda self: self._array.__dlpack_device__(),
    "__getattr__": missing,
}
METHODS = {
    "astype": astype,
    "item": item,
    "numpy": numpy,
    "tolist": tolist,
    "detach": detach,
    "requires_grad_": requires_grad_,
    "retain_grad": retain_grad,
    "register_hook": register_hook,
    "named": named,
    "to_device": to_device,
}
# What asks other methods alone, so that all that stands for a Tensor can do it.
SHARED = {
    "to": to,
    "cpu": cpu,
    "dim": dim,
    "numel": numel,
    "is_floating_point": is_floating_point,
    "is_complex": is_complex,
    "t": transposed,
    "expand_as": expand_as,
    "reshape_as": reshape_as,
    "view_as": reshape_as,
    "type_as": type_as,
    "where": where,
    "half": in_dtype("float16"),
    "float": in_dtype("float32"),
    "double": in_dtype("float64"),
    "int": in_dtype("int32"),
    "long": in_dtype("int64"),
    "bool": in_dtype("bool"),
}
PROPERTIES = {
    "shape": property(array_shape),
    "ndim": property(array_ndim),
    "size": property(array_size),
    "dtype": property(array_dtype),
    "itemsize": property(lambda self: self.dtype.itemsize, doc="How many bytes an element takes."),
    "nbytes": property(lambda self: self._array.nbytes, doc="How many bytes the elements take."),
    "device": property(lambda self: "cpu", doc="Where it is: always on the CPU."),
}


def attach() -> None:
    """Puts all of the above on Tensor."""
    for name, function in IN_PLACE.items():
        setattr(Tensor, f"__i{name}__", in_place(function))
    for name, value in {**SPECIAL, **METHODS, **PROPERTIES}.items():
        setattr(Tensor, name, value)
    for name, value in SHARED.items():
        setattr(Methods, name, value)


attach()
