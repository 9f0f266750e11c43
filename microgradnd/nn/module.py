"""Module: what layers and networks have in common.

A module's parameters, buffers and inner modules are its attributes. Assigning one registers it, so
they come in the order of definition and under the names that PyTorch would give them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

import numpy as np

from microgradnd import state
from microgradnd.arguments import (
    CALLABLE,
    FLAG,
    FLOATS,
    STRING,
    Kind,
    checked,
    optional,
    real_array,
    require,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor
from microgradnd.errors import missing_name, shown
from microgradnd.nn.backward_hooks import Call
from microgradnd.node import next_seq
from microgradnd.parameters import zero_grad

_NAME = Kind("a name without dots", lambda v: isinstance(v, str), lambda v: v and "." not in v)
_LEAF = Kind("a Tensor that is a leaf", lambda v: isinstance(v, Tensor), lambda v: v.is_leaf)
_MODULE = Kind("a module", lambda v: isinstance(v, Module))
_KINDS = {"buffer": ("buffer", "temporary"), "saved": ("buffer",)}  # what a kind may be kept as
_INSTEAD = {  # what users of PyTorch look for on a module
    "cuda": "everything is computed on the CPU",
    "type": "use astype(dtype)",
    "bfloat16": "NumPy has no such dtype; use half() or float()",
    "compile": "use viz.numpy_program, which writes the NumPy program of a graph",
    "register_module": "use add_module(name, module)",
    "register_backward_hook": "use register_full_backward_hook(hook)",
    "share_memory": "arrays are those of one process",
}
_WHEN = ("before", "after", "before backward", "backward")  # hooks are called


class _Handle:
    """What registering a hook returns: `remove()` takes the hook away again."""

    def __init__(self, hooks: dict[object, Callable], hook: Callable) -> None:
        self.hooks = hooks
        hooks[self] = hook

    def remove(self) -> None:
        self.hooks.pop(self, None)


class Module:
    """A layer or network: parameters, and a `forward` that computes with them.

    >>> class Neuron(Module):
    ...     def __init__(self):
    ...         self.w = Tensor([1.0, -2.0], requires_grad=True)
    ...     def forward(self, x):
    ...         return (self.w * x).sum().tanh()
    >>> neuron = Neuron()
    >>> neuron([3.0, 1.0]).round(4)
    Tensor(0.7616, op='round')
    >>> [(name, p.shape) for name, p in neuron.named_parameters()]
    [('w', (2,))]
    """

    training: bool = True
    name: str | None = None  # under which the module around it knows it
    _hooks: dict[str, dict[object, Callable]] | None = None  # by when they are called
    _kinds: dict[str, str]  # by attribute: "parameter", "buffer" or "module"

    def __setattr__(self, name: str, value: Any) -> None:
        kinds: dict[str, str] = vars(self).setdefault("_kinds", {})
        if isinstance(value, Module):
            kinds[name] = "module"
            value.adopted(name)
        elif isinstance(value, Tensor) and value.requires_grad and value.is_leaf:
            kinds[name] = "parameter"
            value.name = value.name or name
        elif kinds.get(name) not in _KINDS["buffer"] or value is None:
            kinds.pop(name, None)
        object.__setattr__(self, name, value)

    if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves

        def __getattr__(self, name: str) -> Any:
            """Called for what is not there: says what takes its place."""
            raise missing_name(
                f"{type(self).__name__!r} object",
                name,
                lambda: [n for n in dir(self) if n[0] != "_"],
                _INSTEAD,
            )

    def __delattr__(self, name: str) -> None:
        vars(self).get("_kinds", {}).pop(name, None)
        object.__delattr__(self, name)

    def adopted(self, name: str) -> None:
        """Takes the name an outer module knows this one by, in front of its parameters' names."""
        if self.name is None:
            object.__setattr__(self, "name", name)
            for path, parameter in self.named_parameters():
                if parameter.name == path:
                    parameter.name = f"{name}.{path}"

    @checked(name=_NAME, persistent=FLAG)
    def register_buffer(self, name: str, value: np.ndarray, persistent: bool = True) -> None:
        """Keeps an array that is part of the state but not learned, as of running statistics.

        With `persistent=False` it is converted with the module, but is not in its state dict.
        """
        array = real_array(type(self).__name__, "value", value)
        vars(self).setdefault("_kinds", {})[name] = "buffer" if persistent else "temporary"
        object.__setattr__(self, name, array)

    @checked(name=_NAME, param=optional(_LEAF))
    def register_parameter(self, name: str, param: Tensor | None) -> None:
        """Sets an attribute to a parameter; unlike plain assignment also to a frozen one.

        >>> module = Module()
        >>> module.register_parameter("w", Tensor([1.0]))
        >>> [name for name, _ in module.named_parameters()]
        ['w']
        """
        setattr(self, name, param)
        if param is not None:
            self._kinds[name] = "parameter"
            param.name = param.name or name

    @checked(name=_NAME)
    def add_module(self, name: str, module: Module | None) -> None:
        """Sets an attribute to an inner module, under any name without dots."""
        require(type(self).__name__, "module", module, optional(_MODULE))
        setattr(self, name, module)

    def forward(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no forward(self, ...)")

    def __call__(self, *args: Any, **options: Any) -> Any:
        if self._hooks is not None:
            return self._call_with_hooks(args, options)
        first = next_seq()
        out = self.forward(*args, **options)
        if type(out) is Tensor and len(args) == 1 and type(x := args[0]) is Tensor:
            node = out.node  # the usual case stands here, without the call of `_mark`
            if node is None or node.seq <= first:
                return out
            if node.notes is None:
                node.notes = {"calls": [(self.name, type(self), first, id(x.node or x._array))]}
                return out
        _mark(out, self, first, args)
        return out

    def _call_with_hooks(self, args: tuple, options: dict[str, Any]) -> Any:
        for hook in list(self._hook_tables()["before"].values()):
            changed = hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        first = next_seq()
        tables = self._hook_tables()
        if tables["backward"] or tables["before backward"]:
            call = Call(self, tables["before backward"], tables["backward"])
            out = call.left(self.forward(*call.entered(args), **options))
        else:
            out = self.forward(*args, **options)
        _mark(out, self, first, args)
        for hook in list(self._hook_tables()["after"].values()):
            changed = hook(self, args, out)
            if changed is not None:
                out = changed
        return out

    @checked(hook=CALLABLE)
    def register_forward_hook(self, hook: Callable) -> _Handle:
        """Calls hook(module, args, out) after each forward; what it returns replaces `out`."""
        return _Handle(self._hook_tables()["after"], hook)

    @checked(hook=CALLABLE)
    def register_forward_pre_hook(self, hook: Callable) -> _Handle:
        """Calls hook(module, args) before each forward; what it returns replaces `args`."""
        return _Handle(self._hook_tables()["before"], hook)

    @checked(hook=CALLABLE)
    def register_full_backward_hook(self, hook: Callable) -> _Handle:
        """Calls hook(module, grad_input, grad_output) when a backward pass has gone through it.

        Both are tuples: the gradients of the call's arguments (None where none flows) and of its
        results. What the hook returns, if not None, replaces `grad_input`.

        >>> from microgradnd import nn
        >>> layer = nn.Affine(3.0)
        >>> handle = layer.register_full_backward_hook(lambda module, inner, outer: print(inner))
        >>> layer(Tensor([1.0], requires_grad=True)).sum().backward()
        (Tensor([3.]),)
        """
        return _Handle(self._hook_tables()["backward"], hook)

    @checked(hook=CALLABLE)
    def register_full_backward_pre_hook(self, hook: Callable) -> _Handle:
        """Calls hook(module, grad_output) before a backward pass goes through the module.

        What the hook returns, if not None, replaces `grad_output`.
        """
        return _Handle(self._hook_tables()["before backward"], hook)

    def _hook_tables(self) -> dict[str, dict[object, Callable]]:
        if self._hooks is None:
            tables: dict[str, dict] = {key: {} for key in _WHEN}
            object.__setattr__(self, "_hooks", tables)
        return self._hooks  # type: ignore[return-value]

    def own(self, kind: str) -> Iterator[tuple[str, Any]]:
        """The attributes of one kind, in the order of definition."""
        kinds = _KINDS.get(kind, (kind,))
        for name, its in vars(self).get("_kinds", {}).items():
            if its in kinds:
                yield name, getattr(self, name)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The inner modules, with their names."""
        return self.own("module")

    def children(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    @checked(prefix=STRING)
    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module (under the name ""), and all modules within, each once."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            inner = [(joined(path, name), child) for name, child in module.named_children()]
            stack.extend(reversed(inner))

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Paths as of PyTorch ("0.weight") and parameters, each once, in the order of definition.

        A parameter that was frozen, with `p.requires_grad = False`, is still one.
        """
        unique: dict[int, tuple[str, Tensor]] = {}
        for path, parameter in self.named("parameter"):
            unique.setdefault(id(parameter), (path, parameter))
        return iter(unique.values())

    def parameters(self) -> Iterator[Tensor]:
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        return self.named("buffer")

    def buffers(self) -> Iterator[np.ndarray]:
        return (buffer for _, buffer in self.named_buffers())

    @checked(target=STRING)
    def get_submodule(self, target: str) -> Module:
        """The module at a path such as "0.norm"; "" is this one."""
        return self._at(target, "module")

    @checked(target=STRING)
    def get_parameter(self, target: str) -> Tensor:
        """The parameter at a path such as "0.weight"."""
        return self._at(target, "parameter")

    @checked(target=STRING)
    def get_buffer(self, target: str) -> np.ndarray:
        """The buffer at a path such as "1.running_mean"."""
        return self._at(target, "buffer")

    def _at(self, target: str, kind: str) -> Any:
        found = dict(self.named_modules() if kind == "module" else self.named(kind))
        if target not in found:
            what = "submodule" if kind == "module" else kind
            raise AttributeError(
                f"get_{what}: target={target!r} is no path to a {kind} of {type(self).__name__}"
            )
        return found[target]

    def named(self, kind: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """All attributes of one kind, here and within; what is shared comes under each path."""
        for name, value in self.own(kind):
            yield joined(prefix, name), value
        for name, child in self.named_children():
            yield from child.named(kind, joined(prefix, name))

    def state_dict(self) -> dict[str, np.ndarray]:
        """Parameters and buffers by path. The arrays are the module's own, not copies."""
        parameters = {path: parameter.data for path, parameter in self.named("parameter")}
        return {**parameters, **dict(self.named("saved"))}

    @checked()
    def load_state_dict(self, given: Mapping[str, Any], strict: bool = True) -> None:
        """Copies arrays (or PyTorch tensors) into the parameters and buffers of the same names.

        Nothing is written unless all fits. Shapes must always; with `strict=False` names may be
        missing or unexpected.

        Raises:
            StateError: lists what is missing, unexpected or of another shape.
        """
        arrays = state.fitting(given, self.state_dict(), strict, type(self).__name__)
        for path, parameter in self.named("parameter"):
            if path in arrays:
                parameter.data = np.array(arrays[path], parameter.dtype)
        for path, buffer in self.named("saved"):
            if path in arrays:
                buffer[...] = arrays[path]

    @checked(mode=FLAG)
    def train(self, mode: bool = True) -> Self:
        """Sets training mode here and within: dropout drops, batch norm uses the batch."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Sets evaluation mode, the opposite of `train()`."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters; `set_to_none=False` sets them to 0 instead."""
        zero_grad(self.parameters(), set_to_none)

    @checked(requires_grad=FLAG)
    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Lets all parameters be learned, or with False freezes them, and returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    @checked(function=CALLABLE)
    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Calls a function on each module, the inner ones first."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def astype(self, dtype: Any) -> Self:
        """Converts parameters, their gradients and floating-point buffers to another dtype.

        In place: each parameter stays the object that other modules and optimisers hold.

        >>> from microgradnd import nn
        >>> layer = nn.Linear(1, 1)
        >>> weight = layer.weight
        >>> layer.astype("float32").weight is weight, weight.dtype
        (True, dtype('float32'))
        """
        require(type(self).__name__, "dtype", dtype, FLOATS)
        for parameter in self.parameters():
            if parameter.dtype != dtype:
                _convert(parameter, dtype)
        for module in self.modules():
            for name, buffer in list(module.own("buffer")):
                if buffer.dtype.kind == "f":
                    object.__setattr__(module, name, buffer.astype(dtype))
        return self

    def to(self, *given: Any, device: Any = None, dtype: Any = None) -> Self:
        """`astype`, under PyTorch's name: of a dtype, of "cpu" and a dtype, of "cpu" alone.

        Everything is computed on the CPU, so that a device changes nothing.
        """
        named = [value for value in (device, dtype) if value is not None]
        if not 1 <= len([*given, *named]) <= 2:
            raise TypeError(
                f"{type(self).__name__}.to: give dtype, or device, or both; got "
                f"{', '.join(map(shown, (*given, *named))) or 'nothing'}"
            )
        for value in (*given, *named):
            if not (isinstance(value, str) and value == "cpu"):
                self.astype(value)
        return self

    def double(self) -> Self:
        """Converts to float64, as `astype` does."""
        return self.astype(np.float64)

    def float(self) -> Self:
        """Converts to float32, as `astype` does."""
        return self.astype(np.float32)

    def half(self) -> Self:
        """Converts to float16, as `astype` does."""
        return self.astype(np.float16)

    def cpu(self) -> Self:
        """The module itself: everything is computed there."""
        return self

    def parameter_count(self) -> int:
        return sum(parameter.size for parameter in self.parameters())

    def extra_repr(self) -> str:
        """What stands between the brackets of a layer's repr."""
        return ""

    def __repr__(self) -> str:
        count = self.parameter_count()
        note = f"  # {count:,} parameter{'s' * (count != 1)}" if count else ""
        inner = [f"({name}): {child!r}" for name, child in self.named_children()]
        head = f"{type(self).__name__}({self.extra_repr()}"
        if not inner:
            return f"{head}){note}"
        lines = "\n".join(inner).splitlines()
        return "\n".join([head + note, *(f"  {line}" for line in lines), ")"])


@dataclass_transform(eq_default=False)
class FunctionModule(Module):
    """A function as a layer. The layer's fields are the arguments after x, in their order.

    A layer names its function, and the kinds of those fields that need one of their own.

    >>> class Power(FunctionModule, function=lambda x, exponent: Tensor(x) ** exponent):
    ...     exponent: float = 2.0
    >>> Power(), Power(3.0)(2.0)
    (Power(exponent=2.0), Tensor(8.))
    """

    function: ClassVar[Callable[..., Tensor]]
    kinds: ClassVar[dict[str, Kind]] = {}
    __match_args__: ClassVar[tuple[str, ...]] = ()  # the names of the fields
    passed: ClassVar[tuple[str, ...]] = ()  # those that the function takes

    def __init_subclass__(
        cls, *, function: Callable[..., Tensor] | None = None, **kinds: Kind
    ) -> None:
        if function is None and not kinds:  # a layer changed by somebody, in whatever way
            return
        if function is not None:
            cls.function = staticmethod(function)
        cls.kinds = cls.kinds | kinds
        dataclass(eq=False, repr=False)(cls)
        cls.passed = tuple(name for name in cls.__match_args__ if name != "inplace")
        cls.__init__ = checked()(cls.__init__)  # type: ignore[method-assign]

    def forward(self, x: TensorLike) -> Tensor:
        if not (fields := self.passed):  # in a third of the time
            return self.function(x)
        return self.function(x, *[getattr(self, field) for field in fields])

    def extra_repr(self) -> str:
        given = [(field, getattr(self, field)) for field in self.passed]
        return ", ".join(f"{k}={v!r}" if isinstance(v, str) else f"{k}={v}" for k, v in given)


def _convert(parameter: Tensor, dtype: Any) -> None:
    """Makes a leaf one of another dtype: the same Tensor, with its name, gradient and hooks."""
    grad, node = parameter.grad, parameter.node
    hooks = None if node is None else node.note().get("hooks")
    array = parameter.data.astype(dtype)
    Tensor.__init__(parameter, array, parameter.requires_grad, name=parameter.name)
    if grad is not None:
        parameter.grad = Tensor(grad.data.astype(dtype))
    if hooks and parameter.node is not None:
        parameter.node.note()["hooks"] = hooks


def joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _mark(out: Any, module: Module, first: int, args: tuple) -> None:
    """Notes on the nodes of a result which module's call made them: all those since `first`.

    Only the last node is written on, so that a call costs no more however much it computes;
    pictures find the nodes between by their numbers.
    """
    if isinstance(out, (tuple, list, dict)):
        for part in out.values() if isinstance(out, dict) else out:
            _mark(part, module, first, args)
    elif type(out) is Tensor and out.node is not None and out.node.seq > first:
        inputs = [id(getattr(x, "node", None) or getattr(x, "_array", x)) for x in args]
        call = (module.name, type(module), first, *inputs)
        out.node.note().setdefault("calls", []).append(call)
