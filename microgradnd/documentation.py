"""The docstring of an operation: what it computes, and its derivative rules as they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np


def documentation(forward: Callable, operands: tuple[str, ...], rules: Mapping) -> str:
    """What `help` shows of an op.

    >>> from microgradnd import sin
    >>> print(sin.__doc__)
    Trigonometric sine, element-wise.
    <BLANKLINE>
    Gradients, of g, the gradient of the result (out):
        x: g * np.cos(x)
    """
    summary = summary_of(forward, operands)
    lines = [f"    {operand}: {formula(rule)}" for operand, rule in rules.items()]
    if not lines:
        return summary
    return "\n".join([summary, "", "Gradients, of g, the gradient of the result (out):", *lines])


def summary_of(forward: Callable, operands: tuple[str, ...]) -> str:
    """What a forward function says of itself; of NumPy's page, the paragraph that matters."""
    text = (forward.__doc__ or "").strip()
    if not isinstance(forward, np.ufunc):
        return "\n".join(map(str.strip, text.splitlines()))
    # NumPy's: the signature, one paragraph, then much more, which no import should pay for.
    summary = " ".join([*text.split("\n\n", 2), "", ""][1].split())
    summary = summary.partition(". ")[0].rstrip(".") + "."
    for number, operand in enumerate(operands, start=1):
        summary = summary.replace(f"x{number}", operand)
    return summary


def formula(rule: Callable) -> str:
    """The expression of a rule that is a lambda; of any other, or without its source, its name."""
    code = getattr(rule, "__code__", None)
    if code is None or code.co_name != "<lambda>":
        return getattr(rule, "__name__", repr(rule))
    # The body's instructions know where they stand; the one that enters the lambda spans nothing.
    places = [p for p in code.co_positions() if None not in p and p[2:] != (0, 0)]
    if not places:
        return "a lambda"
    first, start = min((line, column) for line, _, column, _ in places)
    last, end = max((line, column) for _, line, _, column in places)
    lines = [*source(code.co_filename)[first - 1 : last]]
    if not lines:
        return "a lambda"
    lines[-1] = lines[-1][:end]  # columns are counted in bytes
    lines[0] = lines[0][start:]
    return " ".join(b" ".join(lines).decode().split())


@cache
def source(path: str) -> tuple[bytes, ...]:
    """The lines of a source file; none if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return tuple(file)
    except OSError:
        return ()
