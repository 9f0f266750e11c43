"""Reading the parameters that optimisers, clipping and penalties are given."""

from __future__ import annotations

from typing import Any

from microgradnd.arguments import elements
from microgradnd.engine import Tensor


def tensors_of(parameters: Any, what: str) -> list[Tensor]:
    """The tensors of one tensor, of several, or of (name, tensor) pairs.

    Raises:
        TypeError: something in it is no Tensor.
        ValueError: it is empty, as a generator is that was gone through before.
    """
    if isinstance(parameters, Tensor):
        return [parameters]
    given = elements(what, "parameters", parameters, "Tensors, as model.parameters() gives them")
    found = [x[1] if is_named(x) else x for x in given]
    for x in found:
        if not isinstance(x, Tensor):
            raise TypeError(f"{what}: a parameter must be a Tensor, not a {type(x).__name__}")
    if not found:
        raise ValueError(
            f"{what}: there are no parameters; a generator such as model.parameters() gives them "
            "once only, so call it anew or keep a list"
        )
    return found


def is_named(x: Any) -> bool:
    return isinstance(x, tuple) and len(x) == 2 and isinstance(x[0], str)


def check_parameter(p: Tensor, what: str) -> None:
    """Refuses what cannot be changed in place by its gradient."""
    if not p.is_leaf:
        raise TypeError(
            f"{what}: {described(p)} was computed, and only leaves can be changed; give the "
            "tensors it was computed from, or t.detach() made to require a gradient"
        )
    if p.dtype.kind != "f":
        raise TypeError(f"{what}: {described(p)} is {p.dtype}; parameters are floating-point")
    if not p.data.flags.writeable:
        raise ValueError(
            f"{what}: the array of {described(p)} is read-only; make the parameter one of its own "
            "with Tensor(array, requires_grad=True, copy=True)"
        )


def described(p: Tensor) -> str:
    return f"the parameter {p.name or '(unnamed)'} of shape {p.shape}"
