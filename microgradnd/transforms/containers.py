"""Tensors in nested containers: tuples, lists, dictionaries and named tuples, taken apart and put
together again. Anything else in them stays where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from microgradnd.methods import Methods
from microgradnd.node import Array


def is_tensor(x: Any) -> bool:
    """Whether something is a tensor, an array or a real number: what can have a gradient."""
    return isinstance(x, (Methods, Array, np.number)) or type(x) in (float, int)


def mapped(function: Callable[..., Any], x: Any, *others: Any) -> Any:
    """The container, with function(tensor, ...) in the place of each tensor.

    Args:
        others: containers of the same structure, whose parts go along.

    >>> mapped(lambda t: t * 2, {"w": 1.0, "b": (2.0, None)})
    {'w': 2.0, 'b': (4.0, None)}
    """
    if is_tensor(x):
        return function(x, *others)
    if isinstance(x, dict):
        return {key: mapped(function, y, *(o[key] for o in others)) for key, y in x.items()}
    if isinstance(x, (tuple, list)):
        for other in others:
            if len(other) != len(x):
                raise ValueError(f"containers of {len(x)} and {len(other)} elements do not match")
        parts = [mapped(function, y, *each) for y, *each in zip(x, *others)]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    return x


def tensors_in(x: Any) -> list[Any]:
    """The tensors in a container, in their order."""
    found: list[Any] = []
    mapped(found.append, x)
    return found


def filled(like: Any, values: Iterable[Any]) -> Any:
    """The container, with values in the place of its tensors, in their order."""
    rest = iter(values)
    return mapped(lambda _: next(rest), like)
