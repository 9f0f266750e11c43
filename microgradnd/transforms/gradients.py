"""Functions that differentiate: gradients as values, without touching `.grad`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

from microgradnd import errors
from microgradnd.arguments import checked
from microgradnd.engine import Tensor, node_of, seed, tensors_of, walk
from microgradnd.transforms.functional import grad as of_function


@overload
def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    retain_graph: bool | None = None,
) -> tuple[Tensor | None, ...]: ...
@overload
def grad(
    outputs: Callable[..., Any], *, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]: ...
@checked()
def grad(
    outputs: Any,
    inputs: Any = None,
    grad_outputs: Any = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    retain_graph: bool | None = None,
    *,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
) -> Any:
    """The gradients of the sum of outputs with respect to each input; `.grad` stays as it was.

    Of a function, grad(f) is the function of its gradient: see `microgradnd.func.grad`, which
    argnums and has_aux are for.

    Args:
        outputs: a tensor or several; scalars, unless `grad_outputs` is given.
        inputs: a tensor or several, leaves or computed.
        grad_outputs: the gradient to start from at each output; None or 1 for scalars.
        create_graph: makes the gradients differentiable in their turn.
        allow_unused: gives None for an input that the outputs do not depend on; else that raises.
        retain_graph: keeps what the graph saved, for another walk; default `create_graph`.

    Returns:
        One gradient for each input, of its shape.

    >>> x = Tensor(2.0, requires_grad=True)
    >>> (g,) = grad(x**3, x, create_graph=True)
    >>> float(g), float(grad(g, x)[0])
    (12.0, 12.0)
    >>> grad(lambda x: x**3)(2.0)
    Tensor(12.)
    """
    if callable(outputs) and inputs is None:
        return of_function(outputs, argnums, has_aux)
    if inputs is None:
        raise TypeError("grad: inputs, the tensors to differentiate by, are missing")
    if not (type(argnums) is int and argnums == 0 and has_aux is False):
        raise TypeError(
            f"grad: argnums={errors.shown(argnums)} and has_aux={errors.shown(has_aux)} are for "
            "grad(function), not for tensors"
        )
    outputs = tensors_of("grad", "outputs", outputs)
    inputs = tensors_of("grad", "inputs", inputs)
    if grad_outputs is None or not isinstance(grad_outputs, (list, tuple)):
        grad_outputs = [grad_outputs] * len(outputs) if grad_outputs is None else [grad_outputs]
    if len(grad_outputs) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs, but {len(grad_outputs)} grad_outputs")
    nodes = [None if allow_unused and t.node is None else node_of(t) for t in inputs]
    targets = {node: t for node, t in zip(nodes, inputs) if node is not None}
    found = walk(
        seed(outputs, grad_outputs, "grad", "grad_outputs"), targets, retain_graph, create_graph
    )
    for i, (t, node) in enumerate(zip(inputs, nodes)):
        if node not in found and not allow_unused:
            raise errors.unused(i, errors.describe(t))
    return tuple(None if node is None else found.get(node) for node in nodes)
