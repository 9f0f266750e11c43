"""Checks of derivatives against finite differences, and the hunt for NaN."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from zlib import crc32

import numpy as np

from microgradnd import errors
from microgradnd.arguments import CALLABLE, NOT_NEGATIVE, POSITIVE, elements
from microgradnd.arguments import checked as checked_arguments
from microgradnd.engine import TENSORS, Tensor, tensors_of
from microgradnd.grad_mode import observed
from microgradnd.node import Node, reachable
from microgradnd.transforms.gradients import grad

TOLERANCES = {
    "function": CALLABLE, "eps": POSITIVE, "atol": NOT_NEGATIVE, "rtol": NOT_NEGATIVE,
}  # fmt: skip


class GradientMismatch(AssertionError):
    """A derivative differs from its finite difference."""


@checked_arguments(**TOLERANCES)
def gradcheck(
    function: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Tensor | Sequence[Any],
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Compares the gradients of a function with central differences (f(x+eps) - f(x-eps)) / 2 eps.

    Args:
        function: takes the inputs, returns a tensor or several.
        inputs: those that require a gradient are checked; they must be float64.
        eps, atol, rtol: the step, and the tolerances |a - n| <= atol + rtol |n|.
        raise_exception: False returns False instead of raising GradientMismatch.

    >>> gradcheck(lambda x: x.tanh() * x, [Tensor([0.3, -0.7], requires_grad=True)])
    True
    """
    inputs = inputs_of("gradcheck", inputs)
    checked = tracked(inputs)
    outputs = listed(function(*inputs))
    for k, out in enumerate(outputs):
        if not out.requires_grad:
            continue
        for j in range(max(out.size, 1)):
            start = np.zeros(out.shape)
            if out.size:
                start.flat[j] = 1.0
            given = grad(out, checked, start, allow_unused=True, retain_graph=True)
            for i, (t, g) in enumerate(zip(checked, given)):
                analytic = np.zeros(t.shape) if g is None else g.data
                # An empty output moves with nothing, but the rules must run on it all the same.
                numeric = np.zeros(t.shape)
                if out.size:
                    numeric = central_difference(function, inputs, t, k, j, eps)
                if not np.allclose(analytic, numeric, rtol, atol):
                    if raise_exception:
                        raise GradientMismatch(mismatch(i, t, k, j, analytic, numeric))
                    return False
    return True


def central_difference(
    function: Callable, inputs: Sequence[Any], t: Tensor, k: int, j: int, eps: float
) -> np.ndarray:
    """The derivative of element j of output k by each element of t, by moving t both ways."""
    original, numeric = t.data, np.zeros(t.shape)
    try:
        for place in np.ndindex(t.shape):
            ends = []
            for step in (eps, -eps):
                moved = original.copy()
                moved[place] += step
                t._array = moved
                ends.append(listed(function(*inputs))[k].data.flat[j])
            numeric[place] = (ends[0] - ends[1]) / (2 * eps)
    finally:
        t._array = original
    return numeric


def listed(outputs: Tensor | Sequence[Tensor]) -> list[Tensor]:
    return tensors_of("gradcheck", "the result of function", outputs)


def tracked(inputs: Sequence[Any]) -> list[Tensor]:
    return [t for t in inputs if isinstance(t, Tensor) and t.requires_grad]


def inputs_of(owner: str, inputs: Any) -> list[Any]:
    """The inputs of a function as a list, if there is something to check in it."""
    several = [inputs] if isinstance(inputs, Tensor) else elements(owner, "inputs", inputs, TENSORS)
    if not tracked(several):
        raise ValueError(f"{owner}: none of inputs requires a gradient, there is nothing to check")
    for t in tracked(several):
        if t.dtype != np.float64:
            raise TypeError(f"{owner} needs float64 inputs, got {errors.describe(t)}")
    return several


def mismatch(i: int, t: Tensor, k: int, j: int, analytic: Any, numeric: Any) -> str:
    return (
        f"gradient of element {j} of output {k} by input {i} ({errors.describe(t)}): the engine "
        f"gives\n{analytic}\nfinite differences give\n{numeric}\n"
        f"largest difference {np.abs(analytic - numeric).max():.3g}"
    )


@checked_arguments(**TOLERANCES)
def gradgradcheck(
    function: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Tensor | Sequence[Any],
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Checks second derivatives: runs gradcheck on the gradients that `create_graph` records.

    >>> gradgradcheck(lambda x: x.tanh() * x, [Tensor([0.3, -0.7], requires_grad=True)])
    True
    """
    inputs = inputs_of("gradgradcheck", inputs)
    random = np.random.default_rng(0)
    outputs = [out for out in listed(function(*inputs)) if out.requires_grad]
    starts = [Tensor(random.uniform(-1, 1, out.shape), requires_grad=True) for out in outputs]

    def gradients(*arguments: Any) -> list[Tensor]:
        own, given = arguments[: len(inputs)], arguments[len(inputs) :]
        checked = tracked(own)
        outputs = [out for out in listed(function(*own)) if out.requires_grad]
        found = grad(outputs, checked, list(given), create_graph=True, allow_unused=True)
        return [g for g in found if g is not None]

    return gradcheck(gradients, [*inputs, *starts], eps, atol, rtol, raise_exception)


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raises where a NaN first appears, forward or backward, naming the op and its line.

    Every operation inside remembers the file and line that called it (`node.notes["where"]`). The
    error knows the operation, so that `viz.health(error)` can tell the way to it. Checksums of what
    operations saved find writes through bare NumPy arrays, too. Slow: for debugging.

    >>> with detect_anomaly(), np.errstate(invalid="ignore"):
    ...     Tensor([-1.0], requires_grad=True).log()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    microgradnd.errors.AnomalyError: log gave NaN from operands without NaN, at ...
    """

    def after_forward(node: Node, out: np.ndarray) -> None:
        node.note()["where"] = where = calling_line()
        node.note()["checksums"] = checksums(node)
        if np.isnan(out).any():
            node.note()["nan"] = True
            if not any(has_nan(p) for p in node.parents):
                words = f"{node.op.name} gave NaN from operands without NaN, at {where}"
                raise errors.AnomalyError(words, node, where=where)

    def watch(seeds: Sequence[tuple[Node, Any]]) -> Callable[[Node, int | None, Any], None]:
        for node in reachable(node for node, _ in seeds)[0]:
            for k, before, now in zip(
                node.plan.save, node.note().get("checksums", ()), checksums(node)
            ):
                if before != now:
                    raise errors.stale(node.op, k, node)

        def after_rule(node: Node, i: int | None, contribution: Any) -> None:
            if i is not None and np.isnan(getattr(contribution, "_array", contribution)).any():
                where = (node.notes or {}).get("where", "(computed outside detect_anomaly)")
                words = f"the gradient of operand {node.op.operand(i)!r} of {node.op.name} is NaN"
                words += f"; the forward pass computed it at {where}"
                raise errors.AnomalyError(words, node, i, where, seeds)

        return after_rule

    with observed(after_forward, watch):
        yield


def checksums(node: Node) -> list[int | None]:
    """A number for each array that a node saved, which changes when one of its elements does."""
    saved = () if node.saved is None else node.plan.unpacked(node.saved)
    return [crc32(x.tobytes()) if isinstance(x, np.ndarray) else None for x in saved]


def has_nan(operand: Any) -> bool:
    if isinstance(operand, Node):
        notes = operand.notes or {}
        return bool(notes.get("nan")) or (operand.plan is None and has_nan(operand.saved))
    return bool(np.isnan(getattr(operand, "value", operand)).any())


def calling_line() -> str:
    """The nearest caller outside this package, as file:line."""
    package = __name__.partition(".")[0]
    frame: Any = sys._getframe(1)
    while frame.f_globals.get("__name__", "").partition(".")[0] in (package, "numpy"):
        if frame.f_back is None:
            break
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
