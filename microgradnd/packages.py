"""Modules of functions that PyTorch, too, keeps in one: `mg.linalg`, `mg.fft`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import microgradnd.ops  # noqa: F401 - they declare themselves
from microgradnd import errors
from microgradnd.declaration import TORCH, public


def package(module: str, prefix: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a module of what PyTorch calls by names with that prefix."""

    def listed() -> list[str]:
        return sorted(n.removeprefix(prefix) for n in TORCH if n.startswith(prefix))

    def find(name: str) -> Any:
        if name == "__all__":
            return listed()
        if prefix + name not in TORCH:
            raise errors.missing_name(f"module {module!r}", name, listed)
        function = public(prefix + name)
        setattr(sys.modules[module], name, function)
        return function

    return find, listed
