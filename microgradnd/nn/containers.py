"""Modules that hold modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from microgradnd.arguments import elements, shown
from microgradnd.declaration import TensorLike
from microgradnd.nn.module import Module


class ModuleList(Module):
    """A list of modules, registered under "0", "1", ... It has no forward of its own.

    >>> layers = ModuleList([Module(), Module()])
    >>> len(layers), [name for name, _ in layers.named_children()]
    (2, ['0', '1'])
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        for module in elements(type(self).__name__, "modules", modules, "a list of modules"):
            self.append(module)

    def append(self, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__} holds modules, not {shown(module)}")
        setattr(self, str(len(self)), module)

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int) -> Module:
        return list(self.children())[index]


class Sequential(ModuleList):
    """Modules one after the other: each takes the result of the one before.

    >>> from microgradnd.nn import Linear, Tanh
    >>> net = Sequential(Linear(2, 3), Tanh(), Linear(3, 1))
    >>> [name for name, _ in net.named_parameters()]
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    def forward(self, x: TensorLike) -> Any:
        for module in self:
            x = module(x)
        return x
