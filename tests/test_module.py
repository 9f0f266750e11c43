"""Modules: registering, naming, saving, switching, hooks, and marks for pictures."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn
from microgradnd.graph import Graph
from microgradnd.state import StateError


class Block(nn.Module):
    def __init__(self) -> None:
        self.first = nn.Linear(2, 3)
        self.scale = mg.Tensor(np.ones(3), requires_grad=True)
        self.register_buffer("seen", np.zeros(1))
        self.second = nn.Linear(3, 1, bias=False)

    def forward(self, x):
        return self.second((self.first(x) * self.scale).tanh())


def test_parameters_come_in_the_order_of_definition_under_their_paths() -> None:
    names = [name for name, _ in Block().named_parameters()]
    assert names == ["scale", "first.weight", "first.bias", "second.weight"]


def test_parameter_tensors_are_named_by_their_path() -> None:
    net = nn.Sequential(Block(), nn.Linear(1, 1))
    assert [p.name for p in net.parameters()] == [path for path, _ in net.named_parameters()]


def test_a_shared_parameter_is_given_once_and_saved_under_each_name() -> None:
    net = nn.ModuleList([nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)])
    net[1].weight = net[0].weight
    assert [name for name, _ in net.named_parameters()] == ["0.weight"]
    assert list(net.state_dict()) == ["0.weight", "1.weight"]


def test_a_frozen_parameter_stays_a_parameter() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.requires_grad = False
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_state_goes_over_to_another_module() -> None:
    one, other = Block(), Block()
    one.seen[...] = 7
    other.load_state_dict(one.state_dict())
    x = np.ones((4, 2))
    assert (one(x).detach().numpy() == other(x).detach().numpy()).all()
    assert other.seen == 7
    assert not np.shares_memory(one.first.weight.data, other.first.weight.data)


def test_a_state_that_does_not_fit_names_all_that_is_wrong_and_changes_nothing() -> None:
    net = Block()
    before = {path: array.copy() for path, array in net.state_dict().items()}
    state = {path: array + 1 for path, array in before.items()}
    state["first.bias"] = np.zeros(5)
    state["third.bias"] = state.pop("scale")
    with pytest.raises(StateError) as error:
        net.load_state_dict(state)
    for words in ("missing: scale", "unexpected: third.bias", "first.bias: (5,), needed (3,)"):
        assert words in str(error.value)
    for path, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[path])
    del state["first.bias"]
    net.load_state_dict(state, strict=False)
    np.testing.assert_array_equal(net.first.weight.data, before["first.weight"] + 1)


def test_modes_and_apply_reach_all_modules() -> None:
    net = nn.Sequential(Block())
    assert not any(module.training for module in net.eval().modules())
    seen: list[str] = []
    net.apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "Linear", "Block", "Sequential"]


def test_hooks_see_and_replace_until_they_are_removed() -> None:
    layer = nn.Linear(2, 2)
    x = np.ones((1, 2))
    plain = layer(x).detach().numpy()
    before = layer.register_forward_pre_hook(lambda module, args: args[0] * 0)
    after = layer.register_forward_hook(lambda module, args, out: out + 1)
    np.testing.assert_allclose(layer(x).detach().numpy()[0], layer.bias.data + 1)
    before.remove()
    after.remove()
    np.testing.assert_array_equal(layer(x).detach().numpy(), plain)


def test_a_call_is_marked_on_the_last_node_it_made() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    out = net(np.ones((1, 2)))
    calls = max(Graph(out).nodes, key=lambda node: node.seq).calls
    assert [(call.name, call.kind) for call in calls] == [
        ("1", "Linear"),
        ("Sequential", "Sequential"),
    ]
    inner, outer = calls
    assert outer.first < inner.first < out.node.seq


def test_a_call_without_gradients_leaves_no_mark() -> None:
    with mg.no_grad():
        assert nn.Linear(2, 1)(np.ones((1, 2))).node is None


def test_the_repr_shows_the_tree_with_counts() -> None:
    assert repr(nn.Sequential(Block())).splitlines() == [
        "Sequential(  # 15 parameters",
        "  (0): Block(  # 15 parameters",
        "    (first): Linear(2, 3)  # 9 parameters",
        "    (second): Linear(3, 1, bias=False)  # 3 parameters",
        "  )",
        ")",
    ]


def test_converting_changes_parameters_and_their_results() -> None:
    net = Block().astype(np.float32)
    assert {array.dtype for array in net.state_dict().values()} == {np.dtype(np.float32)}
    assert net(np.ones((1, 2), np.float32)).dtype == np.float32
    assert [p.name for p in net.parameters()] == [path for path, _ in net.named_parameters()]


def test_calling_a_module_costs_one_call_of_python_more_than_its_forward() -> None:
    """Time differs from machine to machine, the number of calls does not: `__call__` alone."""

    def calls(function: Callable[[mg.Tensor], mg.Tensor]) -> int:
        count = 0

        def see(frame: Any, event: str, argument: Any) -> None:
            nonlocal count
            count += event == "call"

        sys.setprofile(see)
        try:
            function(x)
        finally:
            sys.setprofile(None)
        return count

    layer, x = nn.Tanh(), mg.Tensor([1.0], requires_grad=True)
    layer(x), layer.forward(x)  # what is compiled at first is not counted
    assert calls(layer) - calls(layer.forward) == 1


def test_converting_a_model_keeps_its_parameters_tied_and_in_their_optimiser() -> None:
    """E5: the Tensors are the same objects before and after, as with PyTorch's .double()."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    before = list(net.parameters())
    optimizer = mg.optim.Adam(net.parameters(), lr=0.1)
    net(np.ones((1, 2))).sum().backward()
    optimizer.step()
    assert net.float() is net
    assert [p is q for p, q in zip(net.parameters(), before, strict=True)] == [True] * 3
    assert net[1].weight is net[0].weight
    assert {p.dtype for p in before} == {p.grad.dtype for p in before} == {np.dtype("f4")}
    old = [p.data.copy() for p in before]
    optimizer.zero_grad()
    net(np.ones((1, 2), np.float32)).sum().backward()
    optimizer.step()
    assert all((p.data != q).any() for p, q in zip(before, old))
    kept = [x for state in optimizer.state for x in state.values() if isinstance(x, np.ndarray)]
    assert {x.dtype for x in kept} == {p.dtype for p in before} == {np.dtype("f4")}


def test_a_model_has_pytorchs_names_for_its_dtypes() -> None:
    net = nn.BatchNorm1d(2)
    assert net.half().weight.dtype == net.running_mean.dtype == np.float16
    assert net.double().weight.dtype == np.float64
    assert net.to(np.float32).weight.dtype == np.float32
    assert net.to("cpu").weight.dtype == np.float32
    assert net.num_batches_tracked.dtype == np.int64
    for wrong in (int, "cuda", None, 3):
        with pytest.raises(TypeError, match="BatchNorm1d: dtype must be a dtype of floats"):
            net.to(wrong)


def test_converting_keeps_hooks_names_and_what_is_frozen() -> None:
    layer = nn.Linear(1, 1)
    seen: list[mg.Tensor] = []
    layer.weight.register_hook(seen.append)
    layer.bias.requires_grad = False
    layer.float()
    assert (layer.weight.name, layer.bias.requires_grad) == ("weight", False)
    layer(np.ones((1, 1), np.float32)).sum().backward()
    assert [g.dtype for g in seen] == [np.float32]


def test_names_of_pytorch_are_there_or_say_what_to_use() -> None:
    """U2"""
    assert mg.nn.functional.relu is mg.relu
    assert mg.optim.lr_scheduler.StepLR is mg.optim.StepLR
    assert nn.utils.clip_grad_norm_ is mg.optim.clip_grad_norm_
    with pytest.raises(AttributeError, match="did you mean Linear"):
        nn.Linaer  # noqa: B018
    with pytest.raises(AttributeError, match=r"use ArrayDataset\(x, y\)"):
        mg.data.TensorDataset  # noqa: B018
    assert dir(nn) == sorted(nn.__all__)


def test_functional_is_there_before_it_is_imported() -> None:
    code = "import microgradnd as mg; print(mg.nn.functional.relu([-1.0]).item())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0.0\n", "")


def test_a_parameter_is_a_leaf_that_modules_register() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            self.factor = nn.Parameter([1, 2])

    ((name, p),) = Scale().named_parameters()
    assert (name, p.dtype, p.tolist()) == ("factor", np.float64, [1.0, 2.0])
    assert nn.Parameter(np.ones(2, np.float32)).dtype == np.float32
    assert not nn.Parameter([1.0], requires_grad=False).requires_grad


def test_parameters_go_into_a_vector_and_back() -> None:
    net = Block()
    vector = nn.utils.parameters_to_vector(net.parameters())
    (g,) = mg.grad((vector * vector).sum(), net.scale)
    assert np.array_equal(g.data, 2 * net.scale.data)
    nn.utils.vector_to_parameters(np.arange(float(vector.size)), net.parameters())
    flat = np.concatenate([p.data.ravel() for p in net.parameters()])
    assert flat.tolist() == list(range(vector.size))
    with pytest.raises(ValueError, match=r"the parameters need \(15,\)"):
        nn.utils.vector_to_parameters([1.0], net.parameters())


def test_gradients_may_be_set_to_zero_instead_of_none() -> None:
    net = Block()
    for owner in (net, mg.optim.SGD(net.parameters())):
        net(np.ones((1, 2))).sum().backward()
        owner.zero_grad(set_to_none=False)
        assert all(not p.grad.data.any() for p in net.parameters())
        owner.zero_grad()
        assert all(p.grad is None for p in net.parameters())


def test_a_layer_of_fields_can_be_pickled_and_extended() -> None:
    """Its class is made of a declaration; what is derived from it is a class like any other."""

    class Doubled(nn.Gaussian):
        width: int = 2  # no field: the constructor is Gaussian's

        def forward(self, x: Any) -> mg.Tensor:
            return super().forward(x) * self.width

    assert repr(pickle.loads(pickle.dumps(nn.Gaussian(1.0, 2.0)))) == "Gaussian(c=1.0, sigma=2.0)"
    assert Doubled(c=1.0)(1.0).item() == 2.0
    assert inspect.signature(Doubled) == inspect.signature(nn.Gaussian)
    with pytest.raises(TypeError, match="width"):
        Doubled(width=3)
