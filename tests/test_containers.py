"""Lists and dicts of modules and parameters, hooks on gradients, and what Module has besides."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn
from tests.torch_layers import loaded


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def test_a_list_of_modules_is_changed_as_a_list() -> None:
    a, b, c = nn.Linear(1, 1), nn.Tanh(), nn.ReLU()
    layers = nn.ModuleList([a]).append(c).extend([nn.Sigmoid()])
    layers.insert(1, b)
    assert list(layers)[:3] == [a, b, c]
    assert [name for name, _ in layers.named_children()] == ["0", "1", "2", "3"]
    assert list(layers[1:3]) == [b, c]
    assert type(layers[1:3]) is nn.ModuleList
    layers[-1] = a
    del layers[0]
    assert list(layers) == [b, c, a]
    del layers[1:]
    assert list(layers) == [b]
    with pytest.raises(IndexError, match="there is no number 5, it holds 1"):
        layers[5]
    with pytest.raises(TypeError, match="holds modules"):
        layers[0] = 3


def test_a_part_of_a_sequential_shares_its_layers_and_names_may_be_given() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    part = net[:2]
    assert type(part) is nn.Sequential
    assert part[0] is net[0]
    x = np.ones((1, 2))
    np.testing.assert_array_equal(net[2](part(x)).data, net(x).data)
    named = nn.Sequential({"first": nn.Linear(2, 3), "then": nn.Tanh()})
    assert list(named.state_dict()) == ["first.weight", "first.bias"]
    assert named[1] is named.then
    assert named(x).shape == (1, 3)


def test_modules_by_name_come_in_order_and_as_torchs(torch: Any) -> None:
    ours = nn.ModuleDict({"b": nn.Linear(2, 1), "a": nn.Linear(1, 1, bias=False)})
    theirs = torch.nn.ModuleDict(
        {"b": torch.nn.Linear(2, 1), "a": torch.nn.Linear(1, 1, bias=False)}
    ).double()
    loaded(ours, theirs, torch)
    assert [*ours] == [*ours.keys()] == ["b", "a"]
    assert dict(ours.items())["a"] is ours["a"]
    ours.update([("c", nn.Tanh())])
    assert "c" in ours
    assert len(ours) == 3
    tanh = ours.pop("c")
    assert isinstance(tanh, nn.Tanh)
    del ours["a"]
    assert list(ours.state_dict()) == ["b.weight", "b.bias"]
    ours.clear()
    assert len(ours) == 0


@pytest.mark.parametrize("kind", [nn.ModuleDict, nn.ParameterDict])
@pytest.mark.parametrize("key", ["", "a.b", "train", "update", "name"])
def test_keys_that_are_no_names_are_refused(kind: Any, key: str) -> None:
    value = nn.Tanh() if kind is nn.ModuleDict else mg.Tensor([1.0])
    with pytest.raises(KeyError, match="cannot be a name"):
        kind()[key] = value
    with pytest.raises(KeyError, match="there is no 'x'"):
        kind()["x"]


def test_parameters_in_lists_and_dicts_are_registered_and_learn(torch: Any) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.list = nn.ParameterList([mg.Tensor([1.0, 2.0]), nn.Parameter([3.0])])
            self.dict = nn.ParameterDict({"w": np.ones(2)})

        def forward(self, x: Any) -> Any:
            return sum(p.sum() for p in self.list) * x + self.dict["w"].sum()

    net = Net()
    assert [name for name, _ in net.named_parameters()] == ["list.0", "list.1", "dict.w"]
    net(2.0).backward()
    assert [p.grad.tolist() for p in net.parameters()] == [[2.0, 2.0], [2.0], [1.0, 1.0]]
    assert len(net.list[:1]) == 1
    theirs = torch.nn.ParameterList([torch.ones(2), torch.ones(1)])
    net.list.load_state_dict(theirs.state_dict())
    assert net.list[0].tolist() == [1.0, 1.0]
    again = copy.deepcopy(net)
    assert again.list[0] is not net.list[0]
    with pytest.raises(TypeError, match="leaves to be learned"):
        net.list.append(net.list[0] * 2)


def test_backward_hooks_see_what_torchs_see(torch: Any) -> None:
    seen: list[Any] = []
    for module, t in ((nn.Bilinear(3, 2, 4), mg), (torch.nn.Bilinear(3, 2, 4).double(), torch)):
        if t is mg:
            module.load_state_dict(state := {k: v * 1 for k, v in module.state_dict().items()})
        else:
            module.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
        random = np.random.default_rng(0)
        make = mg.Tensor if t is mg else torch.tensor
        inputs = [make(random.normal(size=(5, n))) for n in (3, 2)]
        inputs[1].requires_grad_()

        def hook(module: Any, inner: Any, outer: Any) -> Any:
            seen.append([g if g is None else np.array(g.tolist()) for g in (*inner, *outer)])
            return inner[0], inner[1] * 2

        def before(module: Any, outer: Any) -> Any:
            return (outer[0] * 3,)

        module.register_full_backward_hook(hook)
        module.register_full_backward_pre_hook(before)
        (module(*inputs) ** 2).sum().backward()
        seen[-1].append(np.array(inputs[1].grad.tolist()))
        seen[-1].append(np.array(module.weight.grad.tolist()))
    assert [g is None for g in seen[0]] == [True, False, False, False, False]
    for ours, theirs in zip(*seen, strict=True):
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_backward_hooks_of_several_inputs_and_outputs_end_when_removed() -> None:
    class Two(nn.Module):
        def forward(self, x: Any, y: Any) -> Any:
            return x * y, x + y

    layer, calls = Two(), []
    handle = layer.register_full_backward_hook(lambda m, inner, outer: calls.append((inner, outer)))
    x, y = mg.Tensor([1.0, 2.0], requires_grad=True), mg.Tensor(3.0, requires_grad=True)
    a, b = layer(x, y)
    (a.sum() + 2 * b.sum()).backward()
    ((gx, gy), (ga, gb)) = calls[0]
    assert (gx.tolist(), float(gy)) == ([5.0, 5.0], 7.0)
    assert (ga.tolist(), gb.tolist()) == ([1.0, 1.0], [2.0, 2.0])
    assert (x.grad.tolist(), float(y.grad)) == ([5.0, 5.0], 7.0)
    with mg.no_grad():
        layer(x, y)
    handle.remove()
    sum(layer(x, y)).sum().backward()
    assert len(calls) == 1


def test_backward_hooks_without_a_tracked_input_see_the_output() -> None:
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, inner, outer: seen.append((inner, outer)))
    layer(np.ones((1, 2))).sum().backward()
    ((inner, outer),) = seen
    assert inner == (None,)
    assert outer[0].tolist() == [[1.0]]


def test_buffers_that_are_not_kept_follow_the_dtype_alone() -> None:
    layer = nn.Module()
    layer.register_buffer("mask", np.ones(2), persistent=False)
    layer.register_buffer("kept", np.zeros(2))
    assert list(layer.state_dict()) == ["kept"]
    assert [name for name, _ in layer.named_buffers()] == ["mask", "kept"]
    layer.float()
    assert layer.mask.dtype == np.float32
    assert list(layer.state_dict()) == ["kept"]
    layer.load_state_dict({"kept": np.ones(2)})
    assert [b.tolist() for b in layer.buffers()] == [[1.0, 1.0], [1.0, 1.0]]


def test_parts_are_added_and_found_by_path() -> None:
    net = nn.Module()
    net.add_module("inner", nn.Sequential(nn.Linear(1, 1)))
    net.register_parameter("frozen", mg.Tensor([1.0]))
    net.register_parameter("none", None)
    assert net.get_submodule("inner.0") is net.inner[0]
    assert net.get_submodule("") is net
    assert net.get_parameter("inner.0.bias") is net.inner[0].bias
    assert [name for name, _ in net.named_parameters()] == [
        "frozen", "inner.0.weight", "inner.0.bias",
    ]  # fmt: skip
    with pytest.raises(AttributeError, match=r"target='inner\.1' is no path to a parameter"):
        net.get_parameter("inner.1")
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    assert net.requires_grad_() is net
    assert all(p.requires_grad for p in net.parameters())


def test_to_takes_a_device_a_dtype_or_both() -> None:
    net = nn.Linear(1, 1)
    weight = net.weight
    optimizer = mg.optim.SGD(net.parameters(), 0.1)
    assert net.to("cpu").weight.dtype == np.float64
    assert net.cpu() is net
    norm = nn.Sequential(nn.BatchNorm1d(2))
    assert norm.get_buffer("0.running_mean") is norm[0].running_mean
    with pytest.raises(AttributeError, match="no path to a buffer"):
        norm.get_buffer("0.weight")
    for name, words in (("cuda", "on the CPU"), ("type", "astype"), ("wieght", "mean weight")):
        with pytest.raises(
            AttributeError, match=f"'Linear' object has no attribute '{name}'.*{words}"
        ):
            getattr(net, name)
    assert net.to("cpu", np.float32).weight.dtype == np.float32
    assert net.to(device="cpu", dtype="float16").weight.dtype == np.float16
    assert net.to(np.float64).weight is weight
    net(np.ones((1, 1))).sum().backward()
    before = weight.data.copy()
    optimizer.step()
    assert not np.array_equal(before, weight.data)
    with pytest.raises(TypeError, match="give dtype, or device, or both; got nothing"):
        net.to()
