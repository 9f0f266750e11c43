"""L-BFGS: PyTorch's path with and without a line search, states, and what is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from microgradnd import Tensor, io, optim
from microgradnd.state import StateError
from tests.torch_records import MIX, SHIFT, START, TARGET

OPTIONS: list[dict[str, Any]] = [
    {"lr": 0.2, "max_iter": 4},
    {"line_search_fn": "strong_wolfe", "max_iter": 4},
    {"line_search_fn": "strong_wolfe", "max_iter": 9, "max_eval": 6, "history_size": 2, "lr": 0.5},
    {"line_search_fn": "strong_wolfe", "lr": 30.0, "max_iter": 5},  # the first tries are too long
    {"line_search_fn": "strong_wolfe", "lr": 0.05, "max_iter": 5},  # and too short
    {"tolerance_grad": 1.0, "lr": 0.1},
    {"tolerance_change": 1e-2, "lr": 0.1},
]
each_case = pytest.mark.parametrize("options", OPTIONS)


def leaves(dtype: Any = np.float64) -> list[Tensor]:
    return [Tensor(x.astype(dtype), requires_grad=True, copy=True) for x in (START, SHIFT)]


def closure_of(optimizer: optim.LBFGS) -> Callable[[], Tensor]:
    def closure() -> Tensor:
        optimizer.zero_grad()
        w, shift = optimizer.parameters()
        mixed = (MIX.astype(w.dtype) @ w + shift).tanh()
        loss = ((mixed - TARGET.astype(w.dtype)) ** 2).sum() + 0.01 * (w**2).sum()
        loss.backward()
        return loss

    return closure


def steps(optimizer: optim.LBFGS, count: int) -> np.ndarray:
    """The parameters, and the loss before, of some steps."""
    path, closure = [], closure_of(optimizer)
    for _ in range(count):
        loss = optimizer.step(closure)
        path.append(np.r_[*(p.data.ravel() for p in optimizer.parameters()), loss.item()])
    return np.array(path)


def torch_steps(options: dict[str, Any], count: int, dtype: Any) -> tuple[np.ndarray, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        torch = pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
    w, shift = (torch.tensor(x.astype(dtype), requires_grad=True) for x in (START, SHIFT))
    mix, target = (torch.tensor(x.astype(dtype)) for x in (MIX, TARGET))
    optimizer = torch.optim.LBFGS([w, shift], **options)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((torch.tanh(mix @ w + shift) - target) ** 2).sum() + 0.01 * (w**2).sum()
        loss.backward()
        return loss

    path = []
    for _ in range(count):
        loss = optimizer.step(closure)
        path.append(np.r_[w.detach().numpy().ravel(), shift.detach().numpy(), loss.item()])
    return np.array(path), optimizer


@each_case
@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-8), (np.float32, 1e-3)])
def test_steps_go_as_torchs(options: dict[str, Any], dtype: Any, atol: float) -> None:
    count = 12 if dtype is np.float64 else 3
    path, _ = torch_steps(options, count, dtype)
    found = steps(optim.LBFGS(leaves(dtype), **options), count)
    np.testing.assert_allclose(found, path, rtol=0, atol=atol)


@each_case
def test_a_saved_state_goes_on_bit_for_bit(options: dict[str, Any], tmp_path: Any) -> None:
    path = steps(optim.LBFGS(leaves(), **options), 5)
    early = optim.LBFGS(leaves(), **options)
    steps(early, 2)
    io.save(tmp_path / "state.npz", early.state_dict())
    kept = [Tensor(p.data, requires_grad=True, copy=True) for p in early.parameters()]
    late = optim.LBFGS(kept, lr=9.0)
    late.load_state_dict(io.load(tmp_path / "state.npz"))
    assert np.array_equal(steps(late, 3), path[2:])


@each_case
def test_a_state_of_torchs_goes_on_here(options: dict[str, Any]) -> None:
    path, optimizer = torch_steps(options, 2, np.float64)
    further, _ = torch_steps(options, 3, np.float64)
    w, shift = np.split(path[-1, :-1], [START.size])
    ours = optim.LBFGS([Tensor(w.reshape(START.shape), True), Tensor(shift, True)])
    ours.load_state_dict(optimizer.state_dict())
    np.testing.assert_allclose(steps(ours, 1)[0], further[-1], rtol=0, atol=1e-8)


def test_the_valley_of_rosenbrock_in_ten_dimensions() -> None:
    w = Tensor(np.zeros(10), requires_grad=True)
    optimizer = optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(w.data, 1, atol=1e-4)
    assert optimizer.state[0]["func_evals"] < 120


def test_a_loss_that_is_not_everywhere_is_searched_where_it_is() -> None:
    w = Tensor([10.0], requires_grad=True)
    optimizer = optim.LBFGS([w], lr=50.0, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (w - w.log()).sum()
        loss.backward()
        return loss

    with np.errstate(invalid="ignore", divide="ignore"):
        optimizer.step(closure)
    np.testing.assert_allclose(w.data, 1, atol=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    a, b = leaves()
    with pytest.raises(ValueError, match="one group only"):
        optim.LBFGS([{"params": [a]}, {"params": [b]}])
    with pytest.raises(TypeError, match=r"write optimizer.step\(closure\)"):
        optim.LBFGS([a]).step()
    optimizer = optim.LBFGS([a, b])
    steps(optimizer, 1)
    state = optimizer.state_dict()
    state["state"][0]["d"] = np.zeros(2)
    state["state"][0]["ro"][0] = np.zeros(2)
    with pytest.raises(StateError, match=r"ro: \(2,\), needed \(\)\n.*d: \(2,\), needed \(9,\)"):
        optimizer.load_state_dict(state)
