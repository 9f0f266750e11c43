"""Gradients share their memory with nobody, keep their tensor's dtype, and lose nothing."""

from __future__ import annotations

import copy
import pickle
import threading
import warnings
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import Tensor


def leaf(*values: float, dtype: Any = float) -> Tensor:
    return Tensor(np.array(values, dtype), requires_grad=True)


def memory_is_apart(*tensors: Tensor) -> bool:
    arrays = [t.data for t in tensors]
    pairs = [(p, q) for i, p in enumerate(arrays) for q in arrays[:i]]
    return not any(np.shares_memory(p, q) for p, q in pairs)


@pytest.mark.parametrize("create_graph", [False, True])
def test_leaves_and_seed_share_no_buffer(create_graph: bool) -> None:
    a, b, seed = leaf(1.0, 2.0), leaf(3.0, 4.0), Tensor(np.ones(2))
    (a + b).backward(seed, create_graph=create_graph)
    assert a.grad is not b.grad
    assert memory_is_apart(a.grad, b.grad, seed)
    mg.optim.clip_grad_norm_([a, b], 1.0)
    np.testing.assert_allclose(a.grad.data, [0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(b.grad.data, [0.5, 0.5], rtol=1e-6)
    assert seed.tolist() == [1.0, 1.0]


def test_a_broadcast_gradient_can_be_written_to() -> None:
    a = Tensor(np.ones((2, 3)), requires_grad=True)
    a.sum().backward()
    a.grad.data[0, 0] = 7.0
    assert a.grad.data.sum() == 12.0


def test_what_a_hook_writes_into_its_argument_stays_with_the_hook() -> None:
    a, b = leaf(1.0), leaf(2.0)

    def spoil(g: Tensor) -> None:
        g.data[...] = 100.0

    y = a + b
    a.register_hook(spoil)
    y.register_hook(spoil)
    y.sum().backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([1.0], [1.0])


def test_a_hooks_own_array_is_not_taken_over() -> None:
    a, kept = leaf(1.0), Tensor(np.array([5.0]))
    a.register_hook(lambda g: kept)
    (a * 2.0).sum().backward()
    assert a.grad.tolist() == [5.0]
    assert memory_is_apart(a.grad, kept)


def test_threads_that_share_a_leaf_lose_no_contribution() -> None:
    w = leaf(1.0)
    start = threading.Barrier(16)

    def work() -> None:
        start.wait()
        for _ in range(100):
            (w * 2.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert w.grad.tolist() == [3200.0]


def test_inputs_may_be_one_tensor_and_must_be_some() -> None:
    w, v = leaf(1.0), leaf(1.0)
    y = (w * v).sum()
    y.backward(inputs=w, retain_graph=True)
    assert (w.grad.tolist(), v.grad) == ([1.0], None)
    with pytest.raises(ValueError, match="backward: inputs is empty"):
        y.backward(inputs=[])
    with pytest.raises(TypeError, match="backward: inputs must be a Tensor"):
        y.backward(inputs=[np.ones(1)])


def test_retain_grad_follows_a_tensor_through_its_in_place_update() -> None:
    w = leaf(1.0, 2.0)
    h = w * 1.0
    h.retain_grad()
    h *= 3.0
    (h * h).sum().backward()
    assert h.grad.tolist() == [6.0, 12.0]
    assert w.grad.tolist() == [18.0, 36.0]


@pytest.mark.parametrize("again", [False, True])
def test_an_older_graph_writes_gradients_where_pytorch_does_after_a_leaf_was_frozen(
    again: bool,
) -> None:
    torch = pytest.importorskip("torch")
    w, other = leaf(1.0, 2.0), torch.tensor([1.0, 2.0], requires_grad=True)
    y, wanted = (w * w).sum(), (other * other).sum()
    for flag in (False, True)[: 1 + again]:
        w.requires_grad = other.requires_grad = flag
    y.backward()
    wanted.backward()
    assert (w.grad is None) == (other.grad is None) == (not again)
    if again:
        assert w.grad.tolist() == other.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("before", [False, True])
def test_an_older_graph_writes_gradients_as_pytorch_does_after_a_conversion(before: bool) -> None:
    """In the graph's dtype; added to a gradient that was converted along, in the new one."""
    torch = pytest.importorskip("torch")
    layer, other = mg.nn.Linear(2, 1, bias=False).float(), torch.nn.Linear(2, 1, bias=False)
    x = np.array([[1.0, 2.0]], np.float32)
    if before:
        layer(Tensor(x)).sum().backward()
        other(torch.tensor(x)).sum().backward()
    y, wanted = layer(Tensor(x)).sum(), other(torch.tensor(x)).sum()
    layer.double()
    other.double()
    y.backward()
    wanted.backward()
    np.testing.assert_array_equal(layer.weight.grad.data, other.weight.grad.numpy(), strict=True)
    assert layer.weight.grad.dtype == (np.float64 if before else np.float32)


@pytest.mark.parametrize("base", [2.0, 2, 10**30, np.float64(2.0), np.array(2.0)])
def test_gradients_have_the_dtype_of_their_tensor(base: Any) -> None:
    t = leaf(0.5, 1.0, dtype=np.float32)
    (base**t).sum().backward()
    assert t.grad.dtype == np.float32
    expected = np.log(float(base)) * float(base) ** t.data.astype(float)
    np.testing.assert_allclose(t.grad.data, expected, rtol=1e-5)


@pytest.mark.parametrize("recording", [True, False])
def test_integers_in_place_are_not_truncated(recording: bool) -> None:
    x = Tensor(np.array([1, 2]))
    with mg.set_grad_enabled(recording), pytest.raises(TypeError, match="int64"):
        x += 0.5
    assert x.tolist() == [1, 2]


def test_the_mean_of_many_half_precision_numbers_has_a_gradient() -> None:
    x = Tensor(np.ones(70_000, np.float16), requires_grad=True)
    x.mean().backward()
    np.testing.assert_allclose(x.grad.data.astype(float), 1 / 70_000, rtol=0.02)


class Stop(BaseException):
    """Not even an Exception."""


@pytest.mark.parametrize("kind", [MemoryError, KeyError, Stop])
def test_exceptions_go_on_as_they_are_and_forwards_run_once(kind: type[BaseException]) -> None:
    runs = []

    def forward(x: np.ndarray) -> np.ndarray:
        runs.append(1)
        raise kind("mine")

    failing = mg.op(forward, "x", name="failing", x=lambda g: g, replace=True)
    with pytest.raises(kind) as caught:
        failing(leaf(1.0))
    assert len(runs) == 1
    frames = []
    trace = caught.value.__traceback__
    while trace:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert "forward" in frames
    if issubclass(kind, Exception):
        assert any("failing: x = (1,) float64" in note for note in caught.value.__notes__)


def test_enable_grad_within_a_model_switches_no_observer_off() -> None:
    class Model(mg.nn.Module):
        def __init__(self) -> None:
            self.inner = mg.nn.Linear(3, 2)

        def forward(self, x: Any) -> Tensor:
            with mg.enable_grad():
                return self.inner(x)

    assert mg.nn.summary(Model(), (1, 3)).multiply_adds == 6
    x = leaf(-1.0)
    watched = mg.detect_anomaly(), np.errstate(invalid="ignore"), mg.enable_grad()
    with (
        watched[0],
        watched[1],
        watched[2],
        pytest.raises(FloatingPointError, match="log gave NaN"),
    ):
        x.log()


def test_no_grad_decorates_generators() -> None:
    w = leaf(1.0)

    @mg.no_grad()
    def numbers() -> Any:
        for _ in range(2):
            got = yield (w * 2.0).requires_grad, mg.is_grad_enabled()
            assert got in (None, "sent")

    generator = numbers()
    assert next(generator) == (False, False)
    assert mg.is_grad_enabled()
    assert generator.send("sent") == (False, False)
    assert mg.is_grad_enabled()
    generator.close()


def test_what_would_detach_silently_raises_or_warns() -> None:
    t = leaf(1.0, 2.0)
    for call in (
        lambda: np.full_like(t, t[0]), lambda: np.ma.exp(t), lambda: t.clip(1j),
        lambda: t * np.ma.array([1.0, 2.0], mask=[True, False]),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            call()
    buffer = np.zeros(2)
    for write in (lambda: float(t[0]), lambda: buffer.__setitem__(0, t[0] * 2)):
        with pytest.warns(mg.DetachWarning, match=r"t\.item\(\)"):
            write()
    assert buffer[0] == 2.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert t[0].item() == float(t.detach()[0]) == 1.0


def test_infinities_and_nans_have_the_gradients_of_pytorch() -> None:
    def slope(function: Any, *at: float) -> list[float]:
        x = leaf(*at)
        with np.errstate(all="ignore"):
            return mg.grad(function(x).sum(), x)[0].tolist()

    nan, inf = float("nan"), float("inf")
    np.testing.assert_array_equal(slope(lambda x: x.logsumexp(), 1.0, nan), [nan, nan])
    np.testing.assert_array_equal(slope(lambda x: x.logsumexp(), 1.0, inf), [0.0, nan])
    np.testing.assert_array_equal(slope(lambda x: x.max(), 1.0, nan), [0.0, 1.0])
    assert mg.nn.functional.silu(-1e308).item() == 0.0
    assert Tensor(np.zeros((2, 0))).softmax().shape == (2, 0)


def test_a_subclass_keeps_type_and_attributes_when_copied() -> None:
    for copied in (copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))):
        made = Named([1.0, 2.0], requires_grad=True)
        made.note = {"a": 1}
        other = copied(made)
        assert (type(other), other.note, other.requires_grad) == (Named, {"a": 1}, True)
        assert memory_is_apart(made, other)


class Named(Tensor):
    """As a user may define one, with attributes."""

    note: Any = None


def test_numbers_are_formatted_and_rounded() -> None:
    loss = (leaf(1.0, 2.0) / 3.0).sum()
    assert f"{loss:.4f}" == "1.0000"
    assert f"{leaf(1.0)}" == str(leaf(1.0))
    assert round(leaf(0.126).sum(), 2).item() == 0.13
    with pytest.raises(TypeError, match=r"format '.2f' is for one number"):
        f"{leaf(1.0, 2.0):.2f}"


def test_what_is_not_there_says_what_to_use() -> None:
    for call, words in (
        (lambda: mg.divde, "did you mean divide"), (lambda: mg.cuda, "on the CPU"),
        (lambda: leaf(1.0).unsqueez, "unsqueeze"), (lambda: mg.from_numpy, "Tensor"),
        (lambda: np.array([leaf(1.0), leaf(2.0)]), r"np\.stack"),
        (lambda: leaf(1.0) - leaf(1.0).grad, r"None until backward\(\) has put one there"),
    ):  # fmt: skip
        with pytest.raises((AttributeError, TypeError), match=words):
            call()
    for name in ("tensor", "zeros", "ones", "arange", "randn", "cat"):
        assert callable(getattr(mg, name))
    t = mg.randn(2, 3, requires_grad=True)
    assert t.unsqueeze(0).view(3, 2).clone().to("float32").dtype == np.float32


def test_all_tensors_are_on_the_cpu() -> None:
    t = mg.Tensor([1.0])
    assert t.device == "cpu"
    assert t.to_device("cpu") is t
    with pytest.raises(ValueError, match="to_device: all tensors are on the 'cpu'"):
        t.to_device("cuda")
    with pytest.raises(ValueError, match="newer than what is offered"):
        t.__array_namespace__(api_version="2099.12")
