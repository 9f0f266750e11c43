"""Checks of derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.arguments import CALLABLE, NOT_NEGATIVE, POSITIVE, elements
from microgradnd.arguments import checked as checked_arguments
from microgradnd.engine import TENSORS, Tensor, tensors_of
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
        inputs: those that require a gradient are checked; they must be float64 or complex128.
        eps, atol, rtol: the step, and the tolerances |a - n| <= atol + rtol |n|.
        raise_exception: False returns False instead of raising GradientMismatch.

    >>> gradcheck(lambda x: x.tanh() * x, [Tensor([0.3, -0.7], requires_grad=True)])
    True
    """
    inputs = _inputs("gradcheck", inputs)
    checked = _tracked(inputs)
    outputs = _as_list(function(*inputs))
    for k, out in enumerate(outputs):
        if not out.requires_grad:
            continue
        numeric = [_central_differences(function, inputs, t, k, out.size, eps) for t in checked]
        units = (1.0, 1j) if out.dtype.kind == "c" else (1.0,)
        # the rules must run on an empty output all the same
        for j, unit in product(range(max(out.size, 1)), units):
            start = np.zeros(out.shape, out.dtype)
            start.reshape(-1)[j : j + 1] = unit
            given = grad(out, checked, start, allow_unused=True, retain_graph=True)
            for i, (t, g) in enumerate(zip(checked, given)):
                analytic = np.zeros(t.shape) if g is None else g.data
                expected = _towards(unit, *numeric[i][:, j]) if out.size else np.zeros(t.shape)
                if not np.allclose(analytic, expected, rtol, atol):
                    if raise_exception:
                        raise GradientMismatch(_mismatch(i, t, k, j, analytic, expected))
                    return False
    return True


def _central_differences(
    function: Callable, inputs: Sequence[Any], t: Tensor, k: int, size: int, eps: float
) -> np.ndarray:
    """The derivatives of the elements of output k by those of t, by moving each both ways.

    There are two of them where t is complex, by the real and by the imaginary parts.
    """
    units = (1.0, 1j) if t.dtype.kind == "c" else (1.0,)
    original, numeric = t.data, np.zeros((len(units), size, *t.shape), complex)
    try:
        for place, (i, unit) in product(np.ndindex(t.shape), enumerate(units)):
            ends = []
            for step in (eps * unit, -eps * unit):
                moved = original.copy()
                moved[place] += step
                t._array = moved
                ends.append(_as_list(function(*inputs))[k].data.ravel())
            numeric[i, :, *place] = (ends[0] - ends[1]) / (2 * eps)
    finally:
        t._array = original
    return numeric


def _towards(unit: complex, by_real: np.ndarray, by_imag: np.ndarray | None = None) -> np.ndarray:
    """The gradient of the real (of 1j the imaginary) part of an output, by its derivatives."""
    part = (np.conj(unit) * by_real).real
    return part if by_imag is None else part + 1j * (np.conj(unit) * by_imag).real


def _as_list(outputs: Tensor | Sequence[Tensor]) -> list[Tensor]:
    return tensors_of("gradcheck", "the result of function", outputs)


def _tracked(inputs: Sequence[Any]) -> list[Tensor]:
    return [t for t in inputs if isinstance(t, Tensor) and t.requires_grad]


def _inputs(owner: str, inputs: Any) -> list[Any]:
    """The inputs of a function as a list, if there is something to check in it."""
    several = [inputs] if isinstance(inputs, Tensor) else elements(owner, "inputs", inputs, TENSORS)
    if not _tracked(several):
        raise ValueError(f"{owner}: none of inputs requires a gradient, there is nothing to check")
    for t in _tracked(several):
        if t.dtype not in (np.float64, np.complex128):
            raise TypeError(f"{owner} needs float64 or complex128 inputs, got {errors.describe(t)}")
    return several


def _mismatch(i: int, t: Tensor, k: int, j: int, analytic: Any, numeric: Any) -> str:
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
    inputs = _inputs("gradgradcheck", inputs)
    random = np.random.default_rng(0)
    outputs = [out for out in _as_list(function(*inputs)) if out.requires_grad]
    starts = [Tensor(_drawn(random, out), requires_grad=True) for out in outputs]

    def gradients(*arguments: Any) -> list[Tensor]:
        own, given = arguments[: len(inputs)], arguments[len(inputs) :]
        checked = _tracked(own)
        outputs = [out for out in _as_list(function(*own)) if out.requires_grad]
        found = grad(outputs, checked, list(given), create_graph=True, allow_unused=True)
        return [g for g in found if g is not None]

    return gradcheck(gradients, [*inputs, *starts], eps, atol, rtol, raise_exception)


def _drawn(random: np.random.Generator, out: Tensor) -> np.ndarray:
    """Numbers in the shape of an output, complex ones if it is."""
    numbers = random.uniform(-1, 1, out.shape)
    return numbers + 1j * random.uniform(-1, 1, out.shape) if out.dtype.kind == "c" else numbers
