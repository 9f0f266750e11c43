"""The signature of a forward function: its operands, its options, and what they default to."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd import errors

REQUIRED: Any = object()  # the default of an option that has none
# Operands, whether they are a sequence, which may be None; options, the keyword-only ones.
Signature = tuple[tuple[str, ...], bool, set[str], dict[str, Any], tuple[str, ...]]


def parameters_of(function: Any) -> dict[str, Any]:
    """The names of a function's positional parameters and their defaults."""
    code = getattr(function, "__code__", None)
    if code is None:
        return _inspected(function)[0]
    names = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    return dict(zip(names, (REQUIRED,) * (len(names) - len(defaults)) + defaults))


def needs_of(rule: Any) -> tuple[str, ...]:
    """What a rule asks for beside the gradient, by name."""
    return tuple(parameters_of(getattr(rule, "__wrapped__", rule)))[1:]


def _inspected(function: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Positional and keyword-only parameters of a function without code of its own."""
    import inspect  # takes 9 ms to load, and the library's own ops do not need it

    if isinstance(function, np.ufunc) and function.nin == 1:
        return {"x": REQUIRED}, {}
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise TypeError(
            f"op: the parameters of forward, {errors.shown(function)}, cannot be told; write a "
            "lambda with named ones"
        ) from None
    empty = inspect.Parameter.empty
    found: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for p in parameters:
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            found[p.kind is p.KEYWORD_ONLY][p.name] = REQUIRED if p.default is empty else p.default
    return found


def signature_of(forward: Any, operands: str | None, name: str) -> Signature:
    """Operands, whether they are a sequence, which may be None; options and keyword-only ones."""
    notes = getattr(forward, "__annotations__", {})
    if isinstance(getattr(forward, "func", forward), np.ufunc):  # or a partial of one
        positional, named = dict.fromkeys((operands or "").split(), REQUIRED), {}
    elif hasattr(forward, "__code__"):
        code = forward.__code__
        positional = parameters_of(forward)
        keys = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
        named = {k: (forward.__kwdefaults__ or {}).get(k, REQUIRED) for k in keys}
    else:
        positional, named = _inspected(forward)
        positional.pop("out", None)
    if operands is None:
        chosen = [k for k in positional if _is_operand(notes.get(k))]
        variadic = any("Values" in str(notes[k]) or "'operands'" in str(notes[k]) for k in chosen)
    else:
        chosen, variadic = operands.removeprefix("*").split(), operands.startswith("*")
    if not chosen:
        raise TypeError(
            f"op {name!r}: no operands; name them, op(forward, 'x y', ...), or annotate the "
            "forward function's parameters with Value"
        )
    rest = list(positional.items())[len(chosen) :]
    optional = {k for k in chosen if "None" in str(notes.get(k, ""))}
    return tuple(chosen), variadic, optional, {**dict(rest), **named}, tuple(named)


def _is_operand(note: Any) -> bool:
    text = str(note)
    return text.startswith("Value") or "'operand" in text
