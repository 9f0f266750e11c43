"""Modules as functions of their parameters, for the transforms that differentiate by those."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from microgradnd import errors
from microgradnd.arguments import FLAG, require


def functional_call(
    module: Any, parameters_and_buffers: Any, args: Any = (), kwargs: Any = None,
    *, tie_weights: bool = True,
) -> Any:  # fmt: skip
    """Calls a module with other parameters and buffers in the place of its own, by their paths.

    Args:
        module: keeps what it has; so do paths that are not named.
        parameters_and_buffers: a dict of them, or several dicts.
        args: the arguments of the call, a tuple; or one that is none.
        kwargs: those by name.
        tie_weights: what is given for a parameter holds for the other paths to it, too.

    >>> from microgradnd import Tensor, func, nn
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> def loss(weights):
    ...     return functional_call(layer, weights, Tensor([1.0, 2.0])).sum()
    >>> func.grad(loss)({"weight": Tensor([[3.0, 4.0]])})
    {'weight': Tensor([[1., 2.]])}
    """
    name = "functional_call"
    require(name, "tie_weights", tie_weights, FLAG)
    several = isinstance(parameters_and_buffers, (tuple, list))
    given: dict[str, Any] = {}
    for each in parameters_and_buffers if several else (parameters_and_buffers,):
        if not isinstance(each, Mapping):
            raise TypeError(f"{name}: parameters_and_buffers must be a dict by paths, not "
                            f"{errors.shown(each)}")  # fmt: skip
        given |= each
    own = dict(module.named("parameter")) | dict(module.named("buffer"))
    if unknown := [path for path in given if path not in own]:
        raise KeyError(f"{name}: {unknown[0]!r} is no path of {type(module).__name__}; it has "
                       f"{', '.join(own)}")  # fmt: skip
    for path, value in given.items():
        if getattr(value, "shape", None) != own[path].shape:
            raise ValueError(f"{name}: {path!r} has shape {own[path].shape}, what is given is "
                             f"{errors.shown(value)}")  # fmt: skip
    same = {id(own[path]): value for path, value in given.items()} if tie_weights else {}
    chosen = {path: same[id(x)] for path, x in own.items() if id(x) in same} | given
    places = [(vars(module.get_submodule(path.rpartition(".")[0])), path) for path in chosen]
    try:
        for attributes, path in places:
            attributes[path.rpartition(".")[2]] = chosen[path]
        return module(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    finally:
        for attributes, path in places:
            attributes[path.rpartition(".")[2]] = own[path]
