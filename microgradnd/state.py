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
    missing = [path for path in wanted if path not in given]
    unexpected = [path for path in given if path not in wanted]
    misshapen = [
        f"{path}: {arrays[path].shape}, needed {value.shape}"
        for path, value in wanted.items()
        if path in arrays and arrays[path].shape != value.shape
    ]
    problems = listed("of another shape", misshapen)
    if strict:
        problems = [*listed("missing", missing), *listed("unexpected", unexpected), *problems]
    if problems:
        cure = "; strict=False ignores missing and unexpected names" if strict else ""
        words = "\n".join(problems)
        raise StateError(
            f"{owner}: the given state does not fit, nothing was loaded{cure}:\n{words}"
        )
    return arrays


def listed(kind: str, items: Iterable[str]) -> list[str]:
    return [f"  {kind}: {item}" for item in items]


def array_of(value: Any) -> np.ndarray:
    """The array of a Tensor, of a PyTorch tensor (also one that requires a gradient), or itself."""
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    return np.asarray(value)
