"""The public functions: each operation, and each function composed of them, under its names.

They are the operations themselves, but for one thing: a Tensor comes back for arrays and numbers,
too. `functions.pyi` beside this file is written by `python -m microgradnd.stubs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np  # noqa: F401 - for the examples of operations

import microgradnd.ops  # noqa: F401 - they declare themselves
from microgradnd import errors
from microgradnd.declaration import FUNCTIONS, OPS, PUBLIC, TORCH, public
from microgradnd.engine import Tensor  # noqa: F401

_FUNCTIONAL = "nn.functional."  # before PyTorch's names of what belongs there


def names() -> list[str]:
    """The names here: those of NumPy, and PyTorch's where they differ."""
    theirs = {name for name, ours in TORCH.items() if "." not in name and ours in PUBLIC}
    return sorted(
        name for name in PUBLIC | theirs if name in OPS or name in FUNCTIONS or name in TORCH
    )


def functional_names() -> list[str]:
    """The names in `microgradnd.nn.functional` that are operations or composed of them."""
    return sorted(n.removeprefix(_FUNCTIONAL) for n in TORCH if n.startswith(_FUNCTIONAL))


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return names()
    if name not in PUBLIC and name not in TORCH:
        raise errors.missing_name(__name__, name, names)
    globals()[name] = function = public(name)
    return function


def functional(name: str) -> Callable:
    """The function that `microgradnd.nn.functional` has under that name."""
    return public(_FUNCTIONAL + name)
