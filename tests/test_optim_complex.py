"""Optimisers of complex parameters go PyTorch's way: real and imaginary parts, each by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn, optim

WAYS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.02, "weight_decay": 0.1, "maximize": False}),
    ("Adam", {"lr": 0.05, "amsgrad": True}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.05}),
    ("NAdam", {"lr": 0.05}),
    ("RAdam", {"lr": 0.05}),
    ("Adagrad", {"lr": 0.1}),
    ("Adadelta", {"lr": 1.0}),
    ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.5}),
    ("Rprop", {"lr": 0.02}),
    ("ASGD", {"lr": 0.02}),
    ("LBFGS", {"lr": 0.5, "max_iter": 3, "line_search_fn": "strong_wolfe"}),
]
START = np.array([[1 + 2j, -3.0], [0.5j, 2 - 1j]])
GOAL = np.array([[0.5 - 1j, 1.0], [2j, -1 + 1j]])


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize(("name", "options"), WAYS)
def test_fifty_steps_are_torchs(name: str, options: dict[str, Any], dtype: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch says what a step is")
    w = mg.Tensor(START.astype(dtype), requires_grad=True)
    b = mg.Tensor(np.array(0.5 + 0.25j, dtype), requires_grad=True)
    theirs = [torch.tensor(p.data.copy(), requires_grad=True) for p in (w, b)]
    goal, other_goal = GOAL.astype(dtype), torch.tensor(GOAL.astype(dtype))
    mine, other = getattr(optim, name)([w, b], **options), getattr(torch.optim, name)(
        theirs, **options)  # fmt: skip

    def loss() -> Any:
        mine.zero_grad()
        off = w * w + b - goal
        out = (off * off.conj()).real.sum()
        out.backward()
        return out

    def their_loss() -> Any:
        other.zero_grad()
        off = theirs[0] * theirs[0] + theirs[1] - other_goal
        out = (off * off.conj()).real.sum()
        out.backward()
        return out

    for _ in range(50):
        assert float(mine.step(loss).item()) == pytest.approx(
            float(other.step(their_loss).detach()),
            rel=2e-3 if dtype is np.complex64 else 1e-7,
            abs=1e-6,
        )
    for p, q in zip((w, b), theirs, strict=True):
        assert p.dtype == dtype
        np.testing.assert_allclose(
            p.data, q.detach().numpy(), rtol=5e-3 if dtype is np.complex64 else 1e-7, atol=1e-6
        )


@pytest.mark.parametrize(("name", "options"), WAYS)
def test_a_state_is_taken_up_again(name: str, options: dict[str, Any]) -> None:
    def steps(w: mg.Tensor, optimizer: Any, count: int) -> None:
        def loss() -> Any:
            optimizer.zero_grad()
            out = ((w - GOAL) * (w - GOAL).conj()).real.sum()
            out.backward()
            return out

        for _ in range(count):
            optimizer.step(loss)

    w = mg.Tensor(START.copy(), requires_grad=True)
    first = getattr(optim, name)([w], **options)
    steps(w, first, 3)
    v = mg.Tensor(w.data.copy(), requires_grad=True)
    second = getattr(optim, name)([v], **options)
    second.load_state_dict(first.state_dict())
    steps(w, first, 3)
    steps(v, second, 3)
    np.testing.assert_array_equal(w.data, v.data)


def test_gradients_are_clipped_by_their_magnitudes() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch says what the norm is")
    w = mg.Tensor(START.copy(), requires_grad=True)
    other = torch.tensor(START.copy(), requires_grad=True)
    (w * w.conj()).real.sum().backward()
    (other * other.conj()).real.sum().backward()
    norm = nn.utils.clip_grad_norm_([w], 0.5)
    assert norm == pytest.approx(float(torch.nn.utils.clip_grad_norm_([other], 0.5)))
    assert w.grad is not None
    np.testing.assert_allclose(w.grad.data, other.grad.numpy(), rtol=1e-6)
