"""All that is public: by what names it is reached, and where on the site its page stands."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, get_origin

import microgradnd
import viz
from microgradnd import OPS, Op
from microgradnd.declaration import FUNCTIONS, NUMPY, PUBLIC, TORCH
from microgradnd.methods import Methods

INTERNAL = "microgradnd.ops"  # the folder of the pages of operations without a public name
CONSTANTS = "constants"  # the page, of each module, of what is neither a function nor a class


@dataclass(frozen=True)
class Entry:
    """Something that has a page.

    Attributes:
        place: of the page, such as "microgradnd.nn/Linear".
        names: those by which it is reached, the best known first; an internal operation has none.
        value: the function or class.
        op: the operation that it is, if it is one.
    """

    place: str
    names: tuple[str, ...]
    value: Any
    op: Op | None = None

    @property
    def title(self) -> str:
        return self.place.partition("/")[2]

    @property
    def module(self) -> str:
        """The public module in whose list it stands."""
        return self.place.partition("/")[0]

    @property
    def function(self) -> Callable:
        """What computes it."""
        return self.op.function if self.op is not None and not self.names else self.value

    @property
    def home(self) -> str:
        """The module that defines it."""
        source = self.op.function if self.op is not None else inspect.unwrap(self.value)
        return str(source.__module__)


@cache
def modules() -> dict[str, ModuleType]:
    """The public modules by name."""
    found: dict[str, ModuleType] = {}

    def look(name: str, module: ModuleType) -> None:
        found[name] = module
        for key in dir(module):
            value = getattr(module, key)
            if isinstance(value, ModuleType) and not key.startswith("_"):
                look(f"{name}.{key}", value)

    look("microgradnd", microgradnd)
    look("viz", viz)
    return found


def names() -> Iterator[tuple[str, Any]]:
    """Every public name but those of modules, with what it stands for."""
    for module, value in modules().items():
        for key in dir(value):
            if not key.startswith("_") and not isinstance(getattr(value, key), ModuleType):
                yield f"{module}.{key}", getattr(value, key)


@cache
def entries() -> dict[str, Entry]:
    """All that has a page of its own, by place; the constants of a module share one."""
    reached: dict[int, tuple[Any, list[str]]] = {}
    for name, value in names():
        if is_constant(value):
            continue
        same = getattr(value, "op", value)
        reached.setdefault(id(same), (value, []))[1].append(name)
    found: dict[str, Entry] = {}
    taken: set[str] = set()  # case does not tell files apart everywhere
    for value, known in reached.values():
        op = getattr(value, "op", None)
        own = op.name if op is not None else getattr(value, "__name__", "")
        known.sort(key=lambda name: (name.rpartition(".")[2] != own, name.count("."), name))
        place = "/".join(known[0].rpartition(".")[::2])
        if place.lower() in taken:
            place += "-class" if isinstance(value, type) else "-function"
        taken.add(place.lower())
        found[place] = Entry(place, tuple(known), value, op)
    for name, op in OPS.items():
        if id(op) not in reached:
            found[f"{INTERNAL}/{name}"] = Entry(f"{INTERNAL}/{name}", (), op.function, op)
    return found


def is_constant(value: Any) -> bool:
    """Whether it is a value to be used, not a function or class to be called."""
    kind = get_origin(value) is not None  # a hint such as Value
    return not callable(value) or isinstance(value, Op) or kind or not hasattr(value, "__name__")


@cache
def pages() -> dict[str, str]:
    """The page of every public name."""
    found = {name: entry.place for entry in entries().values() for name in entry.names}
    for name, value in names():
        if is_constant(value):
            found[name] = f"{name.rpartition('.')[0]}/{CONSTANTS}"
    return found


# --- Names elsewhere -----------------------------------------------------------------------------
def _declared(entry: Entry) -> str | None:
    """Its name among the declarations, if it is declared."""
    if entry.op is not None:
        return entry.op.name
    return next((n for n, f in FUNCTIONS.items() if f is entry.value), None)


def numpy_names(entry: Entry) -> list[str]:
    """NumPy's functions that compute it on Tensors."""
    ours = entry.op.function if entry.op is not None else entry.value
    theirs = [f for f, function in NUMPY.items() if function is ours]
    return sorted({numpy_name(f) for f in theirs})


def numpy_name(function: Any) -> str:
    """As one calls a function of NumPy's."""
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{function.__name__}"


def torch_names(entry: Entry) -> list[str]:
    """PyTorch's names for it: those that the declarations tell, and what is called the same."""
    own = _declared(entry)
    found = {f"torch.{n}" for n, ours in TORCH.items() if ours == own and own in PUBLIC}
    same = {f"torch.{n.partition('.')[2]}" for n in entry.names if n.startswith("microgradnd.")}
    return sorted(found | {name for name in same if is_torch(name)})


def is_torch(name: str) -> bool:
    """Whether PyTorch has a name, if it is installed."""
    try:
        value: Any = importlib.import_module("torch")
        for part in name.split(".")[1:]:
            value = getattr(value, part)
    except (ImportError, AttributeError):
        return False
    return True


def method_names(entry: Entry) -> list[str]:
    """The methods, properties and operators of a Tensor that it is."""
    ours = entry.op if entry.op is not None else entry.value
    return sorted(name for name, value in vars(Methods).items() if _behind(value) is ours)


def _behind(value: Any) -> Any:
    function = value.fget if isinstance(value, property) else value
    return getattr(function, "op", function)
