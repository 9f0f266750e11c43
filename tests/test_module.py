"""Modules: registering, naming, saving, switching, hooks, and marks for pictures."""

from __future__ import annotations

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn
from microgradnd.nn.state import StateError


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
    calls = out.node.notes["calls"]
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
