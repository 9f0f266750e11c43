"""Random programs of all operations (`--programs=N` of them) have the derivatives they should."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from tests.random_programs import ROWS, Program, program

SEED = 10

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        import torch
except ImportError:
    torch = None  # it is an oracle, not a dependency


def derivatives(made: Program, leaves: list[np.ndarray], v: list[np.ndarray]) -> Any:
    """The value, its gradient, and the gradient of the slope along v."""
    tensors = [mg.Tensor(a, requires_grad=True) for a in leaves]
    loss = made.loss(*tensors)
    zeros = [np.zeros_like(a) for a in leaves]
    if not isinstance(loss, mg.Tensor) or not loss.requires_grad:
        return np.asarray(getattr(loss, "data", loss)), zeros, zeros
    first = mg.grad(loss, tensors, create_graph=True, allow_unused=True)
    assert all(g is None or g.dtype == t.dtype for g, t in zip(first, tensors, strict=True))
    slope = sum(
        (g * d.astype(g.dtype)).sum() for g, d in zip(first, v, strict=True) if g is not None
    )
    second = zeros
    if isinstance(slope, mg.Tensor) and slope.requires_grad:
        found = mg.grad(slope, tensors, allow_unused=True)
        second = [z if h is None else h.data for h, z in zip(found, zeros, strict=True)]
    return (
        loss.data,
        [z if g is None else g.data for g, z in zip(first, zeros, strict=True)],
        second,
    )


def along(gradient: list[np.ndarray], direction: list[np.ndarray]) -> float:
    return float(sum((g * d).sum() for g, d in zip(gradient, direction, strict=True)))


def agrees(one: Any, other: Any, scale: float, rtol: float) -> None:
    np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * (scale + 1e-3))


def check(number: int, torch: Any) -> bool:
    """Whether it had a counterpart in PyTorch; what does not agree raises."""
    made = program(SEED, number)
    random = np.random.default_rng(number)
    v, w = ([random.uniform(-1, 1, a.shape) for a in made.leaves] for _ in range(2))
    loss, first, second = derivatives(made, made.leaves, v)
    h = 1e-5
    ends = [[a + sign * h * d for a, d in zip(made.leaves, w, strict=True)] for sign in (1, -1)]
    (up, up_first, _), (down, down_first, _) = (derivatives(made, end, v) for end in ends)
    scale = abs(along(first, w)) + sum(np.abs(g).max(initial=0) for g in first)
    agrees(along(first, w), (up - down) / (2 * h), scale + abs(float(loss)) * 1e-3, 1e-5)
    slope = (along(up_first, v) - along(down_first, v)) / (2 * h)
    scale += sum(np.abs(g).max(initial=0) for g in second)
    agrees(along(second, w), slope, scale, 1e-4)
    small = [a.astype(np.float32) for a in made.leaves]
    for one, other in zip(derivatives(made, small, v)[1], first, strict=True):
        agrees(one, other, scale, 0.02)
    if torch is None or not all(case.torch for case, *_ in made.steps):
        return False
    theirs = [torch.tensor(a, requires_grad=True) for a in made.leaves]
    total = made.loss(*theirs, torch=torch)
    if not isinstance(total, torch.Tensor) or not total.requires_grad:
        return False
    agrees(loss, total.detach().numpy(), abs(float(loss)), 1e-9)
    slopes = torch.autograd.grad(total, theirs, allow_unused=True)
    for g, other in zip(first, slopes, strict=True):
        agrees(g, np.zeros(g.shape) if other is None else other.numpy(), scale, 1e-8)
    return True


def test_random_programs(request: pytest.FixtureRequest) -> None:
    wrong = []
    for number in range(request.config.getoption("programs")):
        try:
            check(number, torch)
        except Exception as error:  # whatever it is: the program is to be seen
            wrong.append(f"program {number}: {error!r}\n{program(SEED, number)}")
    assert not wrong, "\n\n".join([f"{len(wrong)} programs are wrong", *wrong[:5]])


def test_they_are_of_all_operations() -> None:
    drawn = {case.op for n in range(400) for case, *_ in program(SEED, n).steps}
    assert len(drawn) > len({case.op for case, _ in ROWS}) / 2
