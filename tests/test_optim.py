"""Optimisers, clipping and penalties: formulas by hand, PyTorch's trajectories, states."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import Tensor, optim
from microgradnd.state import StateError
from tests.torch_records import (
    EVERY,
    MIX,
    OPTIMISERS,
    SHIFT,
    START,
    STEPS,
    TARGET,
    grouped,
    label,
    records,
    torch_path,
    torch_records,
)

each_case = pytest.mark.parametrize(("name", "options"), OPTIMISERS)


def leaves(dtype: Any = np.float64) -> list[Tensor]:
    return [Tensor(x.astype(dtype), requires_grad=True, copy=True) for x in (START, SHIFT)]


def made(
    name: str, options: dict[str, Any], params: list[Tensor] | None = None, **more: Any
) -> optim.Optimizer:
    """An optimiser of two groups, with options of their own."""
    return getattr(optim, name)(grouped(*(params or leaves()), options), **options, **more)


def steps(optimizer: optim.Optimizer, count: int, sign: int = 1) -> np.ndarray:
    """A few steps down a loss that is no parabola; the parameters after each."""
    w, shift = optimizer.parameters()
    mix, target = MIX.astype(w.dtype), TARGET.astype(w.dtype)
    path = []
    for _ in range(count):
        optimizer.zero_grad()
        (sign * (((mix @ w + shift).tanh() - target) ** 2).sum()).backward()
        optimizer.step()
        path.append(np.concatenate([w.data.ravel(), shift.data]))
    return np.array(path)


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


@each_case
def test_steps_go_as_torchs(torch: Any, name: str, options: dict[str, Any]) -> None:
    path = torch_path(torch, name, options)
    np.testing.assert_allclose(steps(made(name, options), STEPS), path, rtol=0, atol=1e-10)


@each_case
def test_steps_in_float32_go_as_torchs(torch: Any, name: str, options: dict[str, Any]) -> None:
    wanted = torch_path(torch, name, options, np.float32)
    path = steps(made(name, options, leaves(np.float32)), STEPS)
    assert path.dtype == wanted.dtype == np.float32
    np.testing.assert_allclose(path, wanted, rtol=0, atol=2e-4)


@each_case
def test_steps_go_as_torchs_did_when_it_was_recorded(name: str, options: dict[str, Any]) -> None:
    kept = np.array(records()["parameters"][label(name, options)])
    path = steps(made(name, options), STEPS)[EVERY - 1 :: EVERY]
    np.testing.assert_allclose(path, kept, rtol=0, atol=1e-9)


@each_case
def test_to_maximize_is_to_minimize_the_negative(name: str, options: dict[str, Any]) -> None:
    path = steps(made(name, options, maximize=True), 5, sign=-1)
    np.testing.assert_array_equal(path, steps(made(name, options), 5))


@each_case
def test_ways_to_compute_the_same_change_nothing(name: str, options: dict[str, Any]) -> None:
    ways = {"foreach": False, "fused": True, "capturable": None}
    path = steps(made(name, options, **ways), 3)
    np.testing.assert_array_equal(path, steps(made(name, options), 3))
    with pytest.raises(ValueError, match=f"{name}: differentiable=True is not to be had"):
        made(name, options, differentiable=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'sparse'"):
        made(name, options, sparse=False)
    with pytest.raises(TypeError, match=f"{name}: foreach must be True or False"):
        made(name, options, foreach="yes")


@each_case
def test_a_state_of_ours_goes_on_in_torch(torch: Any, name: str, options: dict[str, Any]) -> None:
    optimizer = made(name, options)
    steps(optimizer, 3)
    params = [torch.tensor(p.data, requires_grad=True) for p in optimizer.parameters()]
    theirs = getattr(torch.optim, name)(grouped(*params, options), **options)
    given = optimizer.state_dict()
    for group in given["param_groups"]:
        group |= {k: v for k, v in theirs.param_groups[0].items() if k not in group}
    for own in given["state"].values():
        own |= {k: torch.tensor(np.asarray(v, float)) for k, v in own.items() if k != "mu_product"}
        own |= {k: torch.tensor(float(own[k])) for k in own if k == "mu_product"}
    theirs.load_state_dict(given)
    for _ in range(3):
        theirs.zero_grad()
        mixed = torch.tanh(torch.tensor(MIX) @ params[0] + params[1])
        ((mixed - torch.tensor(TARGET)) ** 2).sum().backward()
        theirs.step()
    path = steps(optimizer, 3)[-1]
    found = np.concatenate([p.detach().numpy().ravel() for p in params])
    single = name in ("ASGD", "NAdam")  # whose rates and momenta torch loads in float32
    np.testing.assert_allclose(found, path, rtol=0, atol=1e-6 if single else 1e-10)


def test_what_was_recorded_is_what_torch_gives(torch: Any) -> None:
    now, then = torch_records(torch), records()
    assert now.keys() == then.keys()
    for part, table in now.items():
        assert table.keys() == then[part].keys()
        for name, row in table.items():
            np.testing.assert_allclose(row, then[part][name], rtol=1e-9, err_msg=name)


@each_case
def test_a_loaded_state_goes_on_bit_for_bit(name: str, options: dict[str, Any]) -> None:
    path = steps(made(name, options), 6)
    early = made(name, options)
    steps(early, 3)
    kept = [Tensor(p.data, requires_grad=True, copy=True) for p in early.parameters()]
    late = made(name, {**options, "lr": 9.0}, kept)
    late.load_state_dict(early.state_dict())
    assert np.array_equal(steps(late, 3), path[3:])


@each_case
def test_a_state_of_torchs_goes_on_here(torch: Any, name: str, options: dict[str, Any]) -> None:
    params = [torch.tensor(x, requires_grad=True) for x in (START, SHIFT)]
    theirs = getattr(torch.optim, name)(grouped(*params, options), **options)
    for go_on in (True,) * 4 + (False,):
        theirs.zero_grad()
        mixed = torch.tanh(torch.tensor(MIX) @ params[0] + params[1])
        ((mixed - torch.tensor(TARGET)) ** 2).sum().backward()
        if not go_on:
            here = [Tensor(p.detach().numpy(), requires_grad=True, copy=True) for p in params]
            ours = made(name, {**options, "lr": 9.0}, here)
            ours.load_state_dict(theirs.state_dict())
            path = steps(ours, 1)
        theirs.step()
    wanted = np.concatenate([p.detach().numpy().ravel() for p in params])
    np.testing.assert_allclose(path[0], wanted, rtol=1e-6)


def test_gradient_descent_is_equation_5_7() -> None:
    w = Tensor([2.0, -1.0], requires_grad=True)
    (w * w).sum().backward()
    optim.SGD([w], lr=0.1).step()
    np.testing.assert_allclose(w.data, [2.0 - 0.1 * 4.0, -1.0 + 0.1 * 2.0])


def test_adam_by_hand() -> None:
    w = Tensor([1.0], requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1)
    m = v = 0.0
    x = 1.0
    for t in range(1, 6):
        optimizer.zero_grad()
        (w**3).sum().backward()
        optimizer.step()
        g = 3 * x * x
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        x -= 0.1 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
        np.testing.assert_allclose(w.data, [x], rtol=1e-12)


def test_groups_have_options_of_their_own() -> None:
    a, b = (Tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
    (a + b).sum().backward()
    optimizer.step()
    assert (a.item(), b.item()) == (0.9, 0.5)


def test_a_parameter_without_a_gradient_stays() -> None:
    w = Tensor([1.0], requires_grad=True)
    optim.Adam([w]).step()
    assert w.item() == 1.0


def test_a_graph_recorded_before_a_step_cannot_be_walked_after_it() -> None:
    w = Tensor([1.0], requires_grad=True)
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(mg.GraphError, match="changed in place"):
        loss.backward()


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    w = Tensor(START, requires_grad=True, copy=True)
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
    for _ in range(2):
        optimizer.zero_grad()
        (w**2).sum().backward()
        optimizer.step()
    before = optimizer.state_dict()
    wrong = optimizer.state_dict()
    wrong["state"][0]["momentum_buffer"] = np.zeros(7)
    with pytest.raises(StateError, match="another shape"):
        optimizer.load_state_dict(wrong)
    after = optimizer.state_dict()
    assert np.array_equal(
        before["state"][0]["momentum_buffer"], after["state"][0]["momentum_buffer"]
    )


@pytest.mark.parametrize(
    ("params", "options", "words"),
    [
        ([], {}, "no parameters"),
        ([Tensor([1.0])], {}, "none of the parameters requires a gradient"),
        (
            [Tensor([1.0], requires_grad=True)],
            {"lr": -1},
            "lr must be a finite number of at least 0",
        ),
        ([Tensor([1.0], requires_grad=True)], {"nesterov": True}, "nesterov needs momentum"),
    ],
)
def test_bad_arguments_are_refused(params: list, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        optim.SGD(params, **options)


def test_weight_decay_is_the_gradient_of_the_l2_penalty() -> None:
    decayed, penalised = (Tensor(START, requires_grad=True, copy=True) for _ in range(2))
    (decayed.tanh()).sum().backward()
    optim.SGD([decayed], lr=0.1, weight_decay=0.3).step()
    (penalised.tanh().sum() + optim.l2_penalty([penalised], 0.3)).backward()
    optim.SGD([penalised], lr=0.1).step()
    np.testing.assert_allclose(decayed.data, penalised.data, rtol=1e-14)


def test_penalties_are_differentiable() -> None:
    w = Tensor(START, requires_grad=True)
    assert mg.gradcheck(lambda t: optim.l1_penalty([t], 0.2) + optim.l2_penalty([t], 0.7), [w])


def test_clipping_scales_all_gradients_by_one_factor() -> None:
    a, b = Tensor([3.0], requires_grad=True), Tensor([4.0, 0.0], requires_grad=True)
    a.grad, b.grad = Tensor([3.0]), Tensor([4.0, 0.0])
    assert optim.clip_grad_norm_([a, b], 10.0) == 5.0
    assert a.grad.item() == 3.0
    optim.clip_grad_norm_([a, b], 1.0)
    np.testing.assert_allclose(np.r_[a.grad.data, b.grad.data], [0.6, 0.8, 0.0], rtol=1e-6)
    a.grad = Tensor([np.inf])
    with pytest.raises(FloatingPointError, match="inf"):
        optim.clip_grad_norm_([a, b], 1.0, error_if_nonfinite=True)
    optim.clip_grad_value_([b], 0.5)
    np.testing.assert_allclose(b.grad.data, [0.5, 0.0])


def test_the_delta_rule_is_the_step_down_the_half_squared_error() -> None:
    random = np.random.default_rng(0)
    x, d = random.standard_normal((5, 3)), random.uniform(0, 1, (5, 2))
    w = Tensor(random.standard_normal((2, 3)), requires_grad=True)
    o = (x @ w.T).sigmoid()
    (((d - o) ** 2) * 0.5).sum().backward()
    out = o.detach().numpy()
    np.testing.assert_allclose(
        optim.delta(x, d, out, lambda o: o * (1 - o), 0.3), -0.3 * w.grad.data
    )


def test_the_perceptron_learns_what_a_line_can_part() -> None:
    random = np.random.default_rng(3)
    x = np.c_[random.standard_normal((40, 2)), np.ones(40)]
    d = (x @ [2.0, -1.0, 0.3] >= 0).astype(float)[:, None]
    w = np.zeros((1, 3))
    for _ in range(200):
        for row, wanted in zip(x, d):
            w += optim.perceptron(row, wanted, (w @ row >= 0).astype(float))
    assert np.array_equal((x @ w.T >= 0).astype(float), d)


def test_hebbs_weights_grow_without_end() -> None:
    w, x = np.full((1, 2), 0.1), np.array([1.0, 0.5])
    sizes = []
    for _ in range(10):
        w = w + optim.hebb(x, w @ x, lr=0.5)
        sizes.append(np.linalg.norm(w))
    growth = np.diff(sizes) / sizes[:-1]
    assert (np.diff(sizes) > 0).all()
    np.testing.assert_allclose(growth[-1], 0.5 * x @ x, rtol=1e-2)  # η ‖x‖² at each step
