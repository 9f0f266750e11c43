"""Checking a state dict against the module or optimiser it is to be loaded into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from microgradnd.arguments import instance, require


class StateError(ValueError):
    """A state that does not fit; nothing of it was loaded."""


def fitting(
    given: Mapping[str, Any], wanted: Mapping[str, np.ndarray], strict: bool, owner: str
) -> dict[str, np.ndarray]:
    """The given arrays that are wanted, once all fit in name (if strict) and shape."""
    require(owner, "the given state", given, instance(Mapping, "a dict of arrays by name"))
    arrays = {path: array_of(value) for path, value in given.items() if path in wanted}
    problems = []
    if strict:
        problems += listed("missing", [path for path in wanted if path not in given])
        problems += listed("unexpected", [path for path in given if path not in wanted])
    shapes = [(path, arrays[path].shape, wanted[path].shape) for path in wanted if path in arrays]
    wrong = [f"{path}: {own}, needed {needed}" for path, own, needed in shapes if own != needed]
    problems += listed("of another shape", wrong)
    if problems:
        cure = "; strict=False ignores missing and unexpected names" if strict else ""
        words = f"{owner}: the given state does not fit, nothing was loaded{cure}:"
        raise StateError("\n".join([words, *problems]))
    return arrays


def listed(kind: str, items: Iterable[str]) -> list[str]:
    return [f"  {kind}: {item}" for item in items]


def array_of(value: Any) -> np.ndarray:
    """The array of a Tensor, of a PyTorch tensor (also one that requires a gradient), or itself."""
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    return np.asarray(value)
