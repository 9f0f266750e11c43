"""The tables of those who come from PyTorch or NumPy: each of its names, and what it is here."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np

import microgradnd
from examples.site import text
from examples.site.public import entries, modules, pages
from microgradnd.declaration import NUMPY, TORCH
from microgradnd.errors import MissingName

NAMESPACES = ("", "Tensor", "nn", "nn.functional", "nn.init", "nn.utils", "linalg", "fft",
              "func", "optim", "optim.lr_scheduler")  # fmt: skip


def from_torch() -> str:
    """The page "From PyTorch": all that PyTorch documents where it is installed, else what the
    declarations know of it."""
    parts = [text.heading("From PyTorch", "=")]
    parts.append("Names are PyTorch's wherever it has one, arguments too: ``dim`` and ``keepdim`` "
                 "are taken beside ``axis`` and ``keepdims``. Functions that write into their "
                 "operand, such as ``exp_``, are left out: write ``t = t.exp()``.\n")  # fmt: skip
    for namespace in NAMESPACES:
        title = f"torch.{namespace}" if namespace else "torch"
        rows = [_row(f"{title}.{n}", *_here(namespace, n)) for n in sorted(_torch(namespace))]
        if rows:
            parts += [text.heading(title, "-"), _counted(rows), _table("PyTorch", rows)]
    return "\n".join(parts)


def _torch(namespace: str) -> set[str]:
    """PyTorch's public names in a namespace."""
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError:
        known = {n for n in TORCH if n.rpartition(".")[0] == namespace}
        return {n.rpartition(".")[2] for n in known}
    owner = torch
    for part in filter(None, namespace.split(".")):
        owner = getattr(owner, part)
    if namespace in ("", "Tensor", "nn.functional"):
        listed = torch.overrides.get_overridable_functions()[owner]
        found = {getattr(f, "__name__", "") for f in listed} & {*dir(owner)}
    else:
        found = {n for n in dir(owner) if _belongs(getattr(owner, n), owner)}
    found = {n for n in found if n.isidentifier() and n[:1] != "_"}
    own = {n for n in found if getattr(owner, n).__doc__}  # what is not documented is internal
    return own - {n for n in own if n.endswith("_") and n[:-1] in own}  # nor in-place twins


def _belongs(value: Any, owner: Any) -> bool:
    """Whether something was defined in a package, not imported from another."""
    home = getattr(value, "__module__", None) or owner.__name__  # (what is written in C has none)
    return callable(value) and home.startswith(owner.__name__)


def elsewhere(name: str) -> tuple[str | None, str]:
    """Where something of that name is to be had, if not where it is looked for."""
    found = [full for full in pages() if full.rpartition(".")[2] == name]
    if found:
        return pages()[min(found, key=len)], _short(min(found, key=len))
    if name in dir(microgradnd.Tensor) and name[:1] != "_":
        return pages()["microgradnd.Tensor"], f"t.{name}"
    return None, ""


def _here(namespace: str, name: str) -> tuple[str | None, str]:
    """The page of what we have under a name of PyTorch's, and what is said of it."""
    owner: Any = microgradnd.Tensor(0.0) if namespace == "Tensor" else microgradnd
    try:
        for part in filter(None, namespace.removeprefix("Tensor").split(".")):
            owner = getattr(owner, part)
        getattr(owner, name)
    except AttributeError as missing:
        cure = _cure(missing)
        return (None, cure) if cure else elsewhere(name)
    except Exception:  # a property that does not hold for this tensor
        pass
    if namespace == "Tensor":
        value = inspect.getattr_static(microgradnd.Tensor, name)
        function = value.fget if isinstance(value, property) else value
        place = _by_value().get(id(getattr(function, "op", function)))
        return place or pages()["microgradnd.Tensor"], f"t.{name}"
    full = ".".join(filter(None, ["microgradnd", namespace, name]))
    return pages().get(full) or (full if full in modules() else None), _short(full)


def _short(name: str) -> str:
    return name.replace("microgradnd.", "mg.", 1)


@cache
def _by_value() -> dict[int, str]:
    return {id(getattr(e.value, "op", e.value)): e.place for e in entries().values()}


def _cure(missing: AttributeError) -> str:
    """What an error says to use instead."""
    if isinstance(missing, MissingName):
        return ""
    return str(missing).partition("; ")[2]


def from_numpy() -> str:
    """The page "From NumPy": its public functions, and what computes them on Tensors."""
    parts = [text.heading("From NumPy", "=")]
    parts.append("NumPy's functions take Tensors themselves: ``np.exp(t)`` is recorded, and so is "
                 "every other that has a page here. One that has none raises a ``TypeError`` that "
                 "says what to do.\n")  # fmt: skip
    for title, owner in (("np", np), ("np.linalg", np.linalg), ("np.fft", np.fft)):
        rows = []
        for name in sorted(n for n in owner.__all__ if _is_function(getattr(owner, n))):
            rows.append(_row(f"{title}.{name}", *_computes(getattr(owner, name), owner, name)))
        parts += [text.heading(title, "-"), _counted(rows), _table("NumPy", rows)]
    return "\n".join(parts)


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _computes(function: Callable, owner: Any, name: str) -> tuple[str | None, str]:
    ours = NUMPY.get(function)
    place = _by_value().get(id(getattr(ours, "op", ours))) if ours is not None else None
    if ours is not None and place is not None:
        return place, "recorded"
    namespace = owner.__name__.removeprefix("numpy").lstrip(".")
    place, shown = _here(namespace, name)
    return place, shown


def _row(theirs: str, place: str | None, said: str) -> list[str]:
    if place is None:
        return [text.code(theirs), "", text.inline(said, lambda _: None) or "not there"]
    title = place.rpartition("/")[2].removesuffix("-class").removesuffix("-function")
    return [text.code(theirs), text.linked(title, place), text.code(said)]


def _counted(rows: list[list[str]]) -> str:
    return f"{sum(bool(row[1]) for row in rows)} of {len(rows)} are there.\n"


def _table(theirs: str, rows: Iterable[list[str]]) -> str:
    return text.table([theirs, "page", "here"], [*rows])


def all_names() -> str:
    """The page of all public names, from A to Z."""
    rows = [
        [text.linked(name.replace("microgradnd.", "mg.", 1), place)]
        for name, place in sorted(pages().items(), key=_by_last)
    ]
    letters: dict[str, list[str]] = {}
    for (name, _), (row,) in zip(sorted(pages().items(), key=_by_last), rows):
        letters.setdefault(name.rpartition(".")[2][0].upper(), []).append(row)
    parts = [text.heading("All names", "=")]
    for letter, found in letters.items():
        parts += [text.heading(letter, "-"), " · ".join(found) + "\n"]
    return "\n".join(parts)


def _by_last(item: tuple[str, str]) -> tuple[str, str]:
    name = item[0].rpartition(".")[2]
    return name.upper(), item[0]


def files() -> Iterator[tuple[str, str]]:
    """The pages of this module, by place."""
    yield "from-pytorch", from_torch()
    yield "from-numpy", from_numpy()
    yield "names", all_names()
