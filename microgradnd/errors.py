"""Words for what can go wrong: every message names the op, the operands and the cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

# What to try, by op; ops without a row of their own get the advice of their kind of error.
CURES = {
    "matmul": "the last axis of x must be as long as the second-to-last axis of y (its only axis, "
    "if y is 1-D); transpose one of them with .T or .mT",
    "reshape": "the new shape must hold the same number of elements; one of its sizes may be -1",
    "concatenate": "all operands must agree on every axis but the one they are joined along",
    "stack": "all operands must have the same shape",
}
NOTHING: dict[str, str] = {}
BROADCASTING = (
    "shapes are aligned from the right, and two sizes fit when they are equal or one of them is 1"
)


class GraphError(RuntimeError):
    """A backward pass was asked of a graph that cannot give it: freed, stale or never recorded."""


class AnomalyError(FloatingPointError):
    """A NaN that `microgradnd.detect_anomaly` met, with all that a picture of it needs.

    Attributes:
        node: the operation.
        operand: the index of the operand whose gradient is NaN; None if its result is.
        where: file and line of its call in the forward pass.
        seeds: the nodes and gradients that the backward pass started from; empty in a forward one.
    """

    def __init__(
        self,
        message: str,
        node: Any = None,
        operand: int | None = None,
        where: str = "",
        seeds: Sequence[tuple[Any, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.node, self.operand, self.where, self.seeds = node, operand, where, tuple(seeds)


def describe(operand: Any) -> str:
    """How a message calls an operand: its name if it has one, its shape and its dtype."""
    name = getattr(operand, "name", None)
    label = f"{name!r} " if isinstance(name, str) else ""
    if isinstance(operand, (bool, int, float, str, type(None))):
        return f"{type(operand).__name__} {operand!r}"
    try:
        return f"{label}{np.shape(operand)} {getattr(operand, 'dtype', type(operand).__name__)}"
    except (TypeError, ValueError):
        return f"{label}{type(operand).__name__}"


def explained(
    error: Exception, op: str, names: tuple[str, ...], operands: tuple, options: dict
) -> Exception:
    """The exception `error` again, of the same family, telling op, operands, options and cure."""
    if names and names[0].startswith("*"):
        listed = [f"{names[0][1:]}[{i}] = {describe(x)}" for i, x in enumerate(operands)]
    else:
        listed = [f"{name} = {describe(x)}" for name, x in zip(names, operands)]
    listed += [f"{key}={value!r}" for key, value in options.items()]
    cure = CURES.get(op) or (BROADCASTING if "broadcast" in str(error) else "")
    advice = f". Cure: {cure}." if cure else ""
    text = f"{op}: {str(error).strip()} [{', '.join(listed)}]{advice}"
    for family in (IndexError, TypeError, ValueError, FloatingPointError):
        if isinstance(error, family):
            return family(text)
    return RuntimeError(text)


def not_an_operand(op: str, value: Any) -> TypeError:
    return TypeError(
        f"{op}: cannot compute with a {type(value).__name__} ({value!r:.60}); "
        "give a Tensor, a real NumPy array, a number or a nested list of numbers"
    )


def no_derivative(op: str, operand: str) -> TypeError:
    return TypeError(
        f"{op}: there is no derivative with respect to its operand {operand!r}, which requires a "
        f"gradient; pass {operand}.detach() if it is meant as a constant"
    )


def needs_float(dtype: np.dtype) -> TypeError:
    return TypeError(
        f"only real floating-point tensors can require a gradient, this one is {dtype}; "
        "make it one with Tensor(data, dtype=float, requires_grad=True)"
    )


def lossy(what: str) -> TypeError:
    return TypeError(
        f"{what} would lose this tensor's gradient; use t.numpy() or t.detach() to leave the graph "
        "on purpose"
    )


def unsupported(function: str) -> TypeError:
    return TypeError(
        f"{function} has no derivative rule for Tensors; compute on t.numpy() if no gradient is "
        "needed, or declare one with microgradnd.op"
    )


def in_place(what: str) -> TypeError:
    return TypeError(
        f"{what} would overwrite values that the graph needs; write t = t + u instead of an "
        "in-place update, or update leaves inside `with microgradnd.no_grad():`"
    )


def integer_target(what: str, dtype: np.dtype) -> TypeError:
    return TypeError(
        f"{what} of a tensor of dtype {dtype} would lose the gradient of what is written; make it "
        "one of floats first with t.astype(float)"
    )


def freed(op: str) -> GraphError:
    return GraphError(
        f"this graph was already walked backward once, and what {op!r} had saved was freed; call "
        "the first backward with retain_graph=True, or run the forward pass again"
    )


def stale(op: str, leaf: str | None) -> GraphError:
    return GraphError(
        f"{op!r} saved the value of the leaf {leaf or '(unnamed)'}, which was changed in place "
        "since; run backward before the update, or run the forward pass again after it"
    )


def untracked(shape: tuple[int, ...]) -> GraphError:
    return GraphError(
        f"this tensor of shape {shape} does not depend on any tensor that requires a gradient; "
        "create the leaves with requires_grad=True and compute outside no_grad()"
    )


def gradient_shape(op: str, operand: str, got: tuple, wanted: tuple) -> ValueError:
    return ValueError(
        f"{op}: the rule for operand {operand!r} gave a gradient of shape {got}, "
        f"the operand has shape {wanted}; mend the rule in the derivative table"
    )


def needs_gradient(shape: tuple[int, ...]) -> GraphError:
    return GraphError(
        f"backward() without a gradient needs a scalar, this tensor has shape {shape}; "
        "reduce it first, e.g. t.sum().backward(), or pass backward(gradient) of that shape"
    )


def wrong_gradient(got: tuple, wanted: tuple) -> ValueError:
    return ValueError(f"the gradient given has shape {got}, the tensor has shape {wanted}")


def wrong_data(got: tuple, wanted: tuple) -> ValueError:
    return ValueError(f".data has shape {wanted}, what is assigned {got}")


def unused(i: int, tensor: Any) -> GraphError:
    return GraphError(
        f"input {i}, {describe(tensor)}, is not part of the graph of the outputs; "
        "pass allow_unused=True to get None for it"
    )


def public_names(
    module: str, names: Sequence[str], instead: Mapping[str, str] = NOTHING
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a module: what is public, and help for what is not there."""

    def missing(name: str) -> Any:
        raise missing_name(module, name, names, instead)

    return missing, lambda: sorted(names)


def missing_name(
    module: str, name: str, known: Sequence[str], instead: Mapping[str, str] = NOTHING
) -> AttributeError:
    """Of a name that a module has not: what takes its place, or what is called much like it."""
    from difflib import get_close_matches  # needed here alone

    text = f"module {module!r} has no attribute {name!r}"
    if name in instead:
        return AttributeError(f"{text}; {instead[name]}")
    alike = [n for n in known if n.lower() == name.lower()] or get_close_matches(name, known)
    return AttributeError(text + (f"; did you mean {' or '.join(alike)}?" if alike else ""))
