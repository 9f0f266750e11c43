"""Parameters: leaves that are learned. How they are made, read from what is given, and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from microgradnd.arguments import FLAG, elements, require
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.shape import concatenate

# A tensor, several, (name, tensor) pairs, or (of an optimiser) groups with options of their own.
Parameters = Tensor | Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[Mapping[str, Any]]


def Parameter(data: TensorLike, requires_grad: bool = True) -> Tensor:
    """A leaf to be learned: `Tensor(data, requires_grad=True)`, under PyTorch's name.

    Integers become floats of the default dtype. A module registers any such leaf that is assigned
    to it, so this is a function, not a class.

    >>> Parameter([1, 2])
    Tensor([1., 2.], requires_grad=True)
    """
    require("Parameter", "requires_grad", requires_grad, FLAG)
    given = as_tensor(data, "Parameter", "data").detach()
    if given.dtype.kind not in "fc":
        given = Tensor(given.data.astype(float).tolist())  # of the default dtype
    return Tensor(given, bool(requires_grad))


def zero_grad(parameters: Iterable[Tensor], set_to_none: bool) -> None:
    """Forgets gradients, or sets those that are there to 0."""
    require("zero_grad", "set_to_none", set_to_none, FLAG)
    for p in parameters:
        if set_to_none or p.grad is None:
            p.grad = None
        else:
            p.grad = Tensor(np.zeros_like(p.grad.data))


def parameters_to_vector(parameters: Parameters) -> Tensor:
    """All elements of the parameters in one axis, in their order.

    >>> parameters_to_vector([Tensor([[1.0, 2.0]]), Tensor(3.0)])
    Tensor([1., 2., 3.])
    """
    return concatenate([p.reshape(-1) for p in tensors_of(parameters, "parameters_to_vector")])


def vector_to_parameters(vec: TensorLike, parameters: Parameters) -> None:
    """Writes the elements of a vector into the parameters, in their order: the way back.

    >>> w = Parameter([[0.0, 0.0]])
    >>> vector_to_parameters([1.0, 2.0], [w])
    >>> w
    Tensor([[1., 2.]], requires_grad=True)
    """
    vector = as_tensor(vec, "vector_to_parameters", "vec").detach().numpy()
    found = tensors_of(parameters, "vector_to_parameters")
    for p in found:
        if not p.is_leaf:
            raise TypeError(f"vector_to_parameters: {described(p)} was computed, it is no leaf")
    count = sum(p.size for p in found)
    if vector.shape != (count,):
        raise ValueError(
            f"vector_to_parameters: vec has shape {vector.shape}, the parameters need ({count},)"
        )
    if vector.dtype.kind == "c" and any(p.dtype.kind != "c" for p in found):
        raise TypeError("vector_to_parameters: vec is complex and does not fit real parameters")
    parts = np.split(vector, np.cumsum([p.size for p in found])[:-1])
    for p, part in zip(found, parts):
        p.data = np.array(part.reshape(p.shape), p.dtype)


def tensors_of(parameters: Parameters, what: str) -> list[Tensor]:
    """The tensors of one tensor, of several, or of (name, tensor) pairs.

    Raises:
        TypeError: something in it is no Tensor.
        ValueError: it is empty, as a generator is that was gone through before.
    """
    if isinstance(parameters, Tensor):
        return [parameters]
    given = elements(what, "parameters", parameters, "Tensors, as model.parameters() gives them")
    named = (isinstance(x, tuple) and len(x) == 2 and isinstance(x[0], str) for x in given)
    found = [x[1] if pair else x for x, pair in zip(given, named)]
    for x in found:
        if not isinstance(x, Tensor):
            raise TypeError(f"{what}: a parameter must be a Tensor, not a {type(x).__name__}")
    if not found:
        raise ValueError(
            f"{what}: there are no parameters; a generator such as model.parameters() gives them "
            "once only, so call it anew or keep a list"
        )
    return found


def check_parameter(p: Tensor, what: str) -> None:
    """Refuses what cannot be changed in place by its gradient."""
    if not p.is_leaf:
        raise TypeError(
            f"{what}: {described(p)} was computed, and only leaves can be changed; give the "
            "tensors it was computed from, or t.detach() made to require a gradient"
        )
    if p.dtype.kind not in "fc":
        raise TypeError(f"{what}: {described(p)} is {p.dtype}; parameters are floating-point")
    if not p.data.flags.writeable:
        raise ValueError(
            f"{what}: the array of {described(p)} is read-only; make the parameter one of its own "
            "with Tensor(array, requires_grad=True, copy=True)"
        )


def described(p: Tensor) -> str:
    return f"the parameter {p.name or '(unnamed)'} of shape {p.shape}"
