"""What is done with arguments before a function sees them: Tensors made, other classes asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from numpy.lib.array_utils import normalize_axis_tuple

from microgradnd import errors
from microgradnd.arguments import ANNOTATED, check, require, require_real
from microgradnd.engine import Tensor, as_tensor
from microgradnd.generation import aliases_of
from microgradnd.signatures import REQUIRED, parameters_of

if TYPE_CHECKING:
    from microgradnd.declaration import Op


def prepared(
    owner: str, function: Callable, names: tuple[str, ...], own: Mapping[str, str],
    real: str = "", extras: Mapping[str, Callable] = MappingProxyType({}),
) -> Callable:  # fmt: skip
    """The function, its operands made Tensors, its options held to what their annotations say.

    Operands named in `real` must not be complex. Options are taken by PyTorch's names, too; what
    is raised inside names the function. `extras` are what computes it with an option that it has
    not, see `Op`.
    """
    aliases, reals = dict(aliases_of(names, own)), real.split()
    notes = {k: str(v) for k, v in function.__annotations__.items() if k != "return"}
    operands = {k for k, note in notes.items() if note.startswith("TensorLike")}
    optional = {k for k in operands if "None" in notes[k]}
    kinds = {k: ANNOTATED[note] for k, note in notes.items() if note in ANNOTATED}
    rest = next(iter(operands.difference(names)), None)  # of `*xs: TensorLike`

    def ready(name: str | None, value: Any) -> Any:
        if name in operands:
            if value is None and name in optional:
                return value
            x = value if type(value) is Tensor else as_tensor(value, owner, str(name))
            if name in reals:
                require_real(owner, str(name), x)
            return x
        if name in kinds and not hasattr(type(value), "__option__"):
            require(owner, str(name), value, kinds[name])
        return value

    @wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        for theirs in options.keys() & aliases.keys():
            options[aliases[theirs]] = options.pop(theirs)
        for name in options.keys() & extras.keys():
            value = options.pop(name)
            return _with_extra(called, extras[name], value, dict(zip(names, args)) | options)
        args = tuple(ready(names[i] if i < len(names) else rest, x) for i, x in enumerate(args))
        options = {name: ready(name, x) for name, x in options.items()}
        given = dict(zip(names, args)) | options
        try:
            if given.get("axis") is not None and names[0] in operands and "axis" in kinds:
                normalize_axis_tuple(given["axis"], max(given[names[0]].ndim, 1))
            return function(*args, **options)
        except Exception as error:
            first = [k for k in given if k in operands]
            chosen = {k: x for k, x in given.items() if k not in operands}
            chosen |= {f"xs[{i}]": x for i, x in enumerate(args[len(names) :])}
            errors.explain(error, owner, first, [given[k] for k in first], chosen)
            raise

    return called


def by_option(row: Op, operands: tuple, options: tuple) -> Any:
    """The result, where the forward function failed because another class stands in an option."""
    for option in options:
        for x in option if isinstance(option, tuple) else (option,):
            if (decide := getattr(type(x), "__option__", None)) is not None:
                return decide(row, operands, options)
    return None


def _with_extra(function: Callable, extra: Callable, value: Any, given: dict[str, Any]) -> Any:
    """The result of a function with an option that it has not itself."""
    first, *rest = given.items()
    return extra(partial(function, **dict(rest)), first[1], value)


def call_with(row: Op, function: Callable, options: tuple) -> Callable:
    """The call of an operation with its options settled, for `extras`."""
    return lambda *operands: row.passed_to(function, operands, options)


def reflected(function: Callable) -> Callable:
    """The operator for a Tensor on the right: y.__rsub__(x) is x - y."""

    def operator(y: Any, x: Any) -> Any:
        return function(x, y)

    operator.__doc__ = function.__doc__
    return operator


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


# --- Options that PyTorch and NumPy know, as `extras` --------------------------------------------
def _in_dtype(call: Callable, x: Any, dtype: Any) -> Any:
    """The operand is cast first."""
    return call(x if dtype is None else as_tensor(x).astype(dtype))


def _not_in_place(call: Callable, x: Any, inplace: bool) -> Any:
    """Taken for PyTorch's sake: nothing is computed in place, the result is the same."""
    check("nn.functional", inplace=inplace)
    return call(x)


IN_DTYPE: Mapping[str, Callable] = {"dtype": _in_dtype}
IN_PLACE: Mapping[str, Callable] = {"inplace": _not_in_place}
