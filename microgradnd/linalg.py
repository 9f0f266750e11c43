"""Linear algebra: the functions of torch.linalg and numpy.linalg, on Tensors.

They are operations, or composed of them; `np.linalg.NAME(tensor)` is the same as `mg.linalg.NAME`.

>>> import microgradnd as mg
>>> a = mg.Tensor([[2.0, 0.0], [0.0, 4.0]], requires_grad=True)
>>> mg.linalg.det(a).backward()
>>> a.grad
Tensor([[4., 0.],
        [0., 2.]])
"""

from __future__ import annotations

from typing import Any

import microgradnd.ops  # noqa: F401 - they declare themselves
from microgradnd import errors
from microgradnd.declaration import TORCH, public

PREFIX = "linalg."  # before PyTorch's names of what belongs here


def names() -> list[str]:
    """The names here."""
    return sorted(n.removeprefix(PREFIX) for n in TORCH if n.startswith(PREFIX))


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return names()
    if PREFIX + name not in TORCH:
        raise errors.missing_name(f"module {__name__!r}", name, names)
    globals()[name] = function = public(PREFIX + name)
    return function


def __dir__() -> list[str]:
    return names()
