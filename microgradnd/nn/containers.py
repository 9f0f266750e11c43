"""Modules that hold modules or parameters, in a list or by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from microgradnd.arguments import elements, is_whole, require, shown, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor
from microgradnd.nn.module import Module
from microgradnd.parameters import Parameter


class _Listed(Module):
    """A list whose elements are registered under "0", "1", ..."""

    kind: str  # as what they are registered
    words: str  # what they are

    def _element(self, value: Any) -> Any:
        """What can be an element, as one."""
        raise NotImplementedError

    def _extended(self, values: Any, name: str) -> None:
        given = elements(type(self).__name__, name, values, f"a list of {self.words}")
        for value in [self._element(value) for value in given]:
            self._append(value)

    def _append(self, value: Any) -> None:
        setattr(self, str(len(self)), self._element(value))

    def _place(self, index: Any) -> str:
        if not is_whole(index):
            raise TypeError(
                f"{type(self).__name__}: an index must be a whole number or a slice, not "
                f"{shown(index)}"
            )
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"{type(self).__name__}: there is no number {index}, it holds {len(self)}"
            )
        return str(index % len(self))

    def _replace(self, values: list[Any]) -> None:
        """Holds these elements and no others."""
        for place in range(len(self)):
            delattr(self, str(place))
        for value in values:
            self._append(value)

    def __len__(self) -> int:
        return sum(1 for _ in self.own(self.kind))

    def __iter__(self) -> Iterator[Any]:
        return (value for _, value in self.own(self.kind))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._of(list(self)[index])
        return getattr(self, self._place(index))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._place(index), self._element(value))

    def __delitem__(self, index: int | slice) -> None:
        values = list(self)
        del values[index if isinstance(index, slice) else int(self._place(index))]
        self._replace(values)

    def _of(self, values: list[Any]) -> Any:
        """Another of its class, of these elements."""
        return type(self)(values)  # type: ignore[call-arg]


class ModuleList(_Listed):
    """A list of modules, registered under "0", "1", ... It has no forward of its own.

    It is indexed, sliced and changed as a list is.

    >>> layers = ModuleList([Module(), Module()])
    >>> len(layers), [name for name, _ in layers.named_children()]
    (2, ['0', '1'])
    """

    kind, words = "module", "modules"

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self._extended(modules, "modules")

    def _element(self, module: Any) -> Module:
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__} holds modules, not {shown(module)}")
        return module

    def append(self, module: Module) -> Self:
        self._append(module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        self._extended(modules, "modules")
        return self

    def insert(self, index: int, module: Module) -> None:
        """Puts a module in front of that of a number; those behind get the next numbers."""
        require(type(self).__name__, "index", index, whole())
        values = list(self)
        values.insert(int(index), self._element(module))
        self._replace(values)


class Sequential(ModuleList):
    """Modules one after the other: each takes the result of the one before.

    They are given one by one, or as one dict of modules by name.

    >>> from microgradnd.nn import Linear, Tanh
    >>> net = Sequential(Linear(2, 3), Tanh(), Linear(3, 1))
    >>> [name for name, _ in net.named_parameters()]
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, self._element(module))
        else:
            super().__init__(modules)  # type: ignore[arg-type]

    def _place(self, index: Any) -> str:
        """By number among the modules, whatever their names."""
        return list(dict(self.named_children()))[int(super()._place(index))]

    def _replace(self, values: list[Any]) -> None:
        """Renumbers them all: names that were given hold no longer."""
        for name in list(dict(self.named_children())):
            delattr(self, name)
        for value in values:
            self._append(value)

    def _of(self, values: list[Any]) -> Any:
        return type(self)(*values)

    def forward(self, x: TensorLike) -> Any:
        for module in self:
            x = module(x)
        return x


class ParameterList(_Listed):
    """A list of parameters, registered under "0", "1", ...; other Tensors become parameters.

    >>> weights = ParameterList([Tensor([1.0]), Tensor([2.0, 3.0])])
    >>> [(name, p.shape) for name, p in weights.named_parameters()]
    [('0', (1,)), ('1', (2,))]
    """

    kind, words = "parameter", "Tensors or arrays"

    def __init__(self, values: Iterable[TensorLike] = ()) -> None:
        self._extended(values, "values")

    def _element(self, value: Any) -> Tensor:
        return _as_parameter(type(self).__name__, value)

    def append(self, value: TensorLike) -> Self:
        self._append(value)
        return self

    def extend(self, values: Iterable[TensorLike]) -> Self:
        self._extended(values, "values")
        return self


def _as_parameter(owner: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        if not value.is_leaf:
            raise TypeError(
                f"{owner}: the values of parameters are leaves to be learned; this was computed"
            )
        if value.requires_grad:
            return value
    try:
        return Parameter(value)
    except (TypeError, ValueError):
        words = "the values of parameters must be arrays of real numbers"
        raise TypeError(f"{owner}: {words}, not {shown(value)}") from None


class _Named(Module):
    """Modules or parameters by name, in the order in which they came."""

    kind: str

    def _element(self, value: Any) -> Any:
        raise NotImplementedError

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, self._key(key), self._element(value))

    def _key(self, key: Any) -> str:
        """A key, if it can be one."""
        owner = type(self).__name__
        if not isinstance(key, str):
            raise TypeError(f"{owner}: a key must be a string, not {shown(key)}")
        if not key or "." in key or (key not in self and hasattr(self, key)):
            raise KeyError(
                f"{owner}: the key {key!r} cannot be a name: it is empty, has a dot in it, or is "
                "that of an attribute"
            )
        return key

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(f"{type(self).__name__}: there is no {key!r} among {list(self)}")
        return getattr(self, key)

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in dict(self.own(self.kind))

    def __len__(self) -> int:
        return len(dict(self.own(self.kind)))

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.own(self.kind)))

    def keys(self) -> Iterable[str]:
        return dict(self.own(self.kind)).keys()

    def values(self) -> Iterable[Any]:
        return dict(self.own(self.kind)).values()

    def items(self) -> Iterable[tuple[str, Any]]:
        return dict(self.own(self.kind)).items()

    def pop(self, key: str) -> Any:
        value = self[key]
        delattr(self, key)
        return value

    def clear(self) -> None:
        for key in list(self):
            delattr(self, key)

    def update(self, given: Any) -> None:
        """Takes over a mapping, or pairs of a key and what belongs to it."""
        self._update(given, "given")

    def _update(self, given: Any, argument: str) -> None:
        if isinstance(given, (Mapping, _Named)):
            pairs = list(given.items())
        else:
            words = "a dict, or pairs of a key and a value"
            owner = type(self).__name__
            pairs = elements(owner, argument, given, words)
            for pair in pairs:
                if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                    raise TypeError(f"{owner}: {argument} must be {words}, not {shown(given)}")
        for key, value in [(self._key(key), self._element(value)) for key, value in pairs]:
            setattr(self, key, value)


class ModuleDict(_Named):
    """Modules by name. It has no forward of its own.

    >>> from microgradnd.nn import Linear, Tanh
    >>> layers = ModuleDict({"first": Linear(2, 1), "then": Tanh()})
    >>> list(layers), [name for name, _ in layers.named_parameters()]
    (['first', 'then'], ['first.weight', 'first.bias'])
    """

    kind = "module"

    def __init__(self, modules: Any = ()) -> None:
        self._update(modules, "modules")

    def _element(self, value: Any) -> Module:
        if not isinstance(value, Module):
            raise TypeError(f"{type(self).__name__}: modules must be given, not {shown(value)}")
        return value


class ParameterDict(_Named):
    """Parameters by name; other Tensors and arrays become parameters.

    >>> weights = ParameterDict({"w": Tensor([1.0, 2.0])})
    >>> weights["w"]
    Tensor([1., 2.], requires_grad=True, name='w')
    """

    kind = "parameter"

    def __init__(self, parameters: Any = ()) -> None:
        self._update(parameters, "parameters")

    def _element(self, value: Any) -> Tensor:
        return _as_parameter(type(self).__name__, value)
