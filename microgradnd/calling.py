"""What is done with arguments before a function sees them: Tensors made, other classes asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from microgradnd.engine import Tensor, as_tensor
from microgradnd.generation import aliases_of
from microgradnd.signatures import REQUIRED, parameters_of

if TYPE_CHECKING:
    from microgradnd.declaration import Op


def prepared(
    owner: str, function: Callable, names: tuple[str, ...], own: Mapping[str, str]
) -> Callable:
    """The function, its operands made Tensors, its options taken by PyTorch's names, too."""
    aliases = dict(aliases_of(names, own))
    notes = function.__annotations__
    operands = {k for k in notes if str(notes[k]).startswith("TensorLike") and k != "return"}
    optional = {k for k in operands if "None" in str(notes[k])}
    if not aliases and not operands:
        return function
    rest = next(iter(operands.difference(names)), None)  # of `*xs: TensorLike`

    @wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        for theirs in options.keys() & aliases.keys():
            options[aliases[theirs]] = options.pop(theirs)
        given = list(args)
        for i, x in enumerate(given):
            name = names[i] if i < len(names) else rest
            if (
                name in operands
                and type(x) is not Tensor
                and (x is not None or name not in optional)
            ):
                given[i] = as_tensor(x, owner, name)
        for name in options.keys() & operands:
            if options[name] is not None or name not in optional:
                options[name] = as_tensor(options[name], owner, name)
        return function(*given, **options)

    return called


def by_option(row: Op, operands: tuple, options: tuple) -> Any:
    """The result, where the forward function failed because another class stands in an option."""
    for option in options:
        for x in option if isinstance(option, tuple) else (option,):
            if (decide := getattr(type(x), "__option__", None)) is not None:
                return decide(row, operands, options)
    return None


def by_samples(function: Callable, rule: Callable | str) -> Callable:
    """The function, whose rule says how it computes all samples that another class stands for."""

    names = parameters_of(function)
    defaults = {k: d for k, d in names.items() if d is not REQUIRED}

    @wraps(function)
    def each(*args: Any, **options: Any) -> Any:
        for x in (*args, *options.values()):
            if (decide := getattr(type(x), "__samples__", None)) is not None:
                return decide(function, rule, defaults | dict(zip(names, args)) | options)
        return function(*args, **options)

    return each
