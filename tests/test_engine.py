"""What the engine promises, whatever the operation."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import GraphError, Tensor
from microgradnd.engine import seed, walk
from microgradnd.node import reachable


def leaf(*values: float, name: str | None = None) -> Tensor:
    return Tensor(np.array(values), requires_grad=True, name=name)


# --- depth, order, memory ---


def test_a_chain_of_100_000_operations_runs_backward_and_is_freed() -> None:
    x, a = leaf(1.0), leaf(1.0)
    y = x
    for _ in range(50_000):
        y = y * a + a
    last = y.node
    y.backward()
    assert x.grad.item() == 1.0
    # y = 1 + k after k rounds, and each round adds y and 1 to the gradient of a
    assert a.grad.item() == sum(range(1, 50_001)) + 50_000
    assert len(reachable([last])[0]) == 100_000
    del y, last


def test_thirty_stacked_diamonds_take_a_walk_of_sixty_nodes() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(30):
        y = y * 0.5 + y * 0.5
    visited: list[int] = []
    complete: list[int] = []

    def observe(node: Any, i: int | None, g: Any) -> None:
        (complete if i is None else visited).append(node.seq)

    found = walk(seed([y], [None]), observer=observe)
    assert len(set(visited)) == 90  # not 2**30 paths
    assert len(visited) == 120
    assert len(complete) == 91
    assert found[x.node] == 1.0


def test_nodes_are_visited_in_falling_order_of_creation() -> None:
    x = leaf(0.5, 0.25)
    y = x.exp()
    z = (x * y).tanh() + y
    order: list[int] = []
    walk(seed([z.sum()], [None]), observer=lambda node, i, g: order.append(node.seq))
    assert order == sorted(order, reverse=True)


def garbage_after(work: object) -> int:
    gc.collect()
    gc.disable()
    try:
        work()  # type: ignore[operator]
        return gc.collect()
    finally:
        gc.enable()


def test_nothing_is_left_for_the_garbage_collector() -> None:
    w = Tensor(np.ones((3, 2)), requires_grad=True)

    def first_order() -> None:
        loss = (w @ np.ones((2, 4))).tanh().sum()
        loss.backward()
        w.grad = None

    def second_order() -> None:
        loss = ((w * w).tanh() * w).sum()
        (g,) = mg.grad(loss, w, create_graph=True)
        (g * g).sum().backward()
        w.grad = None

    def recorded_backward() -> None:
        v = Tensor(np.ones(3), requires_grad=True)
        (v * v * v).sum().backward(create_graph=True)

    def abandoned() -> None:
        v = Tensor(np.ones(3), requires_grad=True)
        h = v.exp()
        h.retain_grad()
        h.register_hook(lambda g: g * 2)
        (h * v).sum()

    first_order()
    second_order()  # what the first calls set up once is no garbage of theirs
    for work in (first_order, second_order, recorded_backward, abandoned):
        assert garbage_after(work) == 0, work.__name__


def test_an_activation_goes_when_the_walk_has_passed_it() -> None:
    x = leaf(1.0, 2.0)
    h = x.exp()
    alive = weakref.ref(h.data)
    loss = h.sum()
    del h
    assert alive() is not None
    loss.backward()
    assert alive() is None


def test_dead_tensors_take_their_unneeded_activations_along() -> None:
    x = leaf(1.0, 2.0)
    h = x + 1.0
    alive = weakref.ref(h.data)
    y = h * 2.0  # needs no value of h
    del h
    assert alive() is None
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


# --- accumulation and ownership ---


def test_the_two_leaves_of_a_sum_never_share_a_gradient_buffer() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    start = np.ones(2)
    (a + b).backward(start)
    assert not np.shares_memory(a.grad.data, b.grad.data)
    assert not np.shares_memory(a.grad.data, start)
    a.grad.data[:] = 7.0
    assert b.grad.tolist() == [1.0, 1.0]
    assert start.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("shape_of", [lambda t: t.reshape(1, 2), lambda t: t[::-1], lambda t: t.T])
def test_a_gradient_that_is_a_view_is_copied_for_its_leaf(shape_of: object) -> None:
    a = leaf(1.0, 2.0)
    out = shape_of(a)  # type: ignore[operator]
    start = np.ones(out.shape)
    out.backward(start)
    assert not np.shares_memory(a.grad.data, start)
    assert a.grad.data.flags.writeable


def test_the_gradient_of_a_sum_can_be_written_to() -> None:
    a = leaf(1.0, 2.0)
    a.sum().backward()
    a.grad.data[0] = 5.0
    assert a.grad.tolist() == [5.0, 1.0]


def test_a_fresh_gradient_is_not_copied_for_its_leaf() -> None:
    made: list[np.ndarray] = []

    def slope(g: np.ndarray) -> np.ndarray:
        made.append(g * 3.0)
        return made[-1]

    for name, fresh in (("fresh_triple", "x"), ("plain_triple", "")):
        triple = mg.op(lambda x: x * 3.0, "x", name=name, x=slope, fresh=fresh, replace=True)
        a = leaf(1.0, 2.0)
        triple(a).sum().backward()
        assert (a.grad.data is made[-1]) == bool(fresh)  # what may be shared is copied


def test_leaves_accumulate_over_calls_and_interior_gradients_start_afresh() -> None:
    x = leaf(2.0)
    h = x * x
    h.retain_grad()
    loss = h * 3.0
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad.tolist() == [24.0]
    assert h.grad.tolist() == [3.0]


def test_a_tensor_used_many_times_gets_the_sum_of_its_contributions() -> None:
    x = Tensor(0.5, requires_grad=True)
    (x * x * x + x + x * 2.0).backward()
    assert x.grad.item() == pytest.approx(3 * 0.25 + 3)
    assert type(x.grad.data) is np.ndarray


def test_slices_add_into_one_buffer() -> None:
    x = Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
    (x[0] * 2.0 + x[1:, ::2].sum() + x[[0, 0]].sum()).sum().backward()
    expected = np.zeros((3, 4))
    expected[0] = 2.0 + 2 * 4
    expected[1:, ::2] = 4.0
    assert x.grad.data == pytest.approx(expected)


def test_the_gradient_has_the_dtype_and_shape_of_its_tensor() -> None:
    narrow = Tensor(np.ones((3, 1), np.float32), requires_grad=True)
    wide = Tensor(np.ones((2, 1, 4)), requires_grad=True)
    out = narrow * wide
    assert out.dtype == np.float64
    out.sum().backward()
    assert (narrow.grad.dtype, narrow.grad.shape) == (np.float32, (3, 1))
    assert (wide.grad.dtype, wide.grad.shape) == (np.float64, (2, 1, 4))
    assert narrow.grad.data == pytest.approx(np.full((3, 1), 8.0))


# --- graphs: freed, kept, stale ---


def test_a_second_backward_through_a_freed_graph_explains_itself() -> None:
    x = leaf(1.0)
    y = x.exp()
    y.backward()
    with pytest.raises(GraphError, match=r"'exp' had saved was freed.*retain_graph=True"):
        y.backward()
    assert x.grad.item() == pytest.approx(np.e)


def test_retain_graph_allows_a_second_backward() -> None:
    x = leaf(1.0)
    y = x.exp()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == pytest.approx(2 * np.e)


# --- what can be asked of backward ---


def test_backward_of_a_non_scalar_needs_a_gradient_of_its_shape() -> None:
    y = leaf(1.0, 2.0) * 2.0
    with pytest.raises(GraphError, match=r"needs a scalar .*, this tensor has shape \(2,\)"):
        y.backward()
    with pytest.raises(ValueError, match=r"gradient given has shape \(3,\).*\(2,\)"):
        y.backward(np.ones(3))


def test_backward_of_a_constant_says_how_to_track() -> None:
    with pytest.raises(GraphError, match="requires_grad=True"):
        Tensor([1.0]).backward()


def test_backward_to_chosen_inputs_leaves_the_others_alone() -> None:
    a, b = leaf(2.0), leaf(3.0)
    h = a * b
    (h * h).backward(inputs=[h, a])
    assert h.grad.item() == 12.0
    assert a.grad.item() == 36.0
    assert b.grad is None


def test_grad_gives_gradients_of_leaves_and_computed_tensors() -> None:
    a, b = leaf(2.0), leaf(3.0)
    h = a * b
    loss = (h * h).sum()
    to_h, to_a = mg.grad(loss, [h, a])
    assert (to_h.item(), to_a.item()) == (12.0, 36.0)
    assert a.grad is None
    assert h.grad is None


def test_grad_computes_only_what_leads_to_its_inputs() -> None:
    asked: list[str] = []

    probe = mg.op(
        lambda x, y: x + y,
        "x y",
        name="probe_of_two",
        x=lambda g: (asked.append("x"), g)[1],
        y=lambda g: (asked.append("y"), g)[1],
    )
    a, b = leaf(1.0), leaf(2.0)
    mg.grad(probe(a, b), a)
    assert asked == ["x"]


def test_grad_of_an_unused_input_raises_or_is_none() -> None:
    a, b = leaf(1.0), leaf(2.0, name="b")
    with pytest.raises(GraphError, match=r"input 1, 'b' \(1,\) float64.*allow_unused=True"):
        mg.grad((a * 2.0).sum(), [a, b])
    to_a, to_b = mg.grad((a * 2.0).sum(), [a, b], allow_unused=True)
    assert to_a.item() == 2.0
    assert to_b is None


def test_grad_of_several_outputs_adds_up() -> None:
    a = leaf(3.0)
    (g,) = mg.grad([a * a, a * 2.0], a, [np.array([1.0]), np.array([10.0])])
    assert g.item() == 26.0


def test_derivatives_of_any_order() -> None:
    x = Tensor(1.5, requires_grad=True)
    y, found = x**5, []
    for _ in range(5):
        (y,) = mg.grad(y, x, create_graph=True)
        found.append(y.item())
    assert found == pytest.approx([5 * 1.5**4, 20 * 1.5**3, 60 * 1.5**2, 120 * 1.5, 120])


def test_backward_with_create_graph_gives_a_gradient_that_can_be_differentiated() -> None:
    x = leaf(2.0)
    (x * x * x).sum().backward(create_graph=True)
    g = x.grad
    x.grad = None
    g.sum().backward()
    assert x.grad.item() == pytest.approx(12.0)


# --- hooks, retain_grad, detach, names ---


def test_a_hook_sees_the_whole_gradient_and_may_replace_it() -> None:
    x = leaf(1.0, 2.0)
    h = x * 2.0
    seen: list[list[float]] = []
    remove = h.register_hook(lambda g: seen.append(g.tolist()))
    h.register_hook(lambda g: g * 10.0)
    y = h + h
    y.sum().backward(retain_graph=True)
    assert seen == [[2.0, 2.0]]
    assert x.grad.tolist() == [40.0, 40.0]
    remove()
    y.sum().backward()
    assert len(seen) == 1


def test_a_hook_on_a_leaf_runs_before_the_gradient_is_added() -> None:
    x = leaf(1.0)
    x.register_hook(lambda g: g * 3.0)
    (x * 2.0).backward()
    (x * 2.0).backward()
    assert x.grad.item() == 12.0


def test_a_hook_that_gives_another_shape_is_refused() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(ValueError, match=r"shape \(\).*\(2,\)"):
        (x * 2.0).sum().backward()
    assert x.grad is None


def test_a_hook_cannot_change_the_dtype_of_a_gradient() -> None:
    x = Tensor(np.ones(2, np.float32), requires_grad=True)
    x.register_hook(lambda g: g * np.float64(2.0))
    (x * 3.0).sum().backward()
    assert x.grad.dtype == np.float32
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_detached_tensor_is_a_constant_over_the_same_memory() -> None:
    x = leaf(1.0, 2.0)
    d = x.detach()
    assert np.shares_memory(d.data, x.data)
    (x * d).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]


def test_names_stand_on_the_graph() -> None:
    w = leaf(1.0, name="w")
    c = Tensor([2.0], name="c")
    h = (w * c).named("h")
    assert h.node.name == "h"
    assert [p.name for p in h.node.parents] == ["w", "c"]
    assert repr(h) == "Tensor([2.], op='multiply', name='h')"


# --- recording ---


def test_no_grad_and_enable_grad_nest() -> None:
    x = leaf(1.0)
    with mg.no_grad():
        assert not (x * 2.0).requires_grad
        with mg.enable_grad():
            assert (x * 2.0).requires_grad
        assert not mg.is_grad_enabled()
    assert (x * 2.0).requires_grad

    @mg.no_grad()
    def evaluated() -> Tensor:
        return x * 2.0

    assert not evaluated().requires_grad
    assert mg.is_grad_enabled()


def test_an_exception_leaves_the_mode_as_it_was() -> None:
    with pytest.raises(KeyError), mg.no_grad():
        raise KeyError
    assert mg.is_grad_enabled()


def test_two_threads_do_not_disturb_each_others_mode() -> None:
    x = leaf(1.0)
    inside, done = threading.Event(), threading.Event()
    tracked: dict[str, bool] = {}

    def silent() -> None:
        with mg.no_grad():
            inside.set()
            done.wait(10)
            tracked["silent"] = (x * 2.0).requires_grad

    def recording() -> None:
        inside.wait(10)
        tracked["recording"] = (x * 2.0).requires_grad
        done.set()

    threads = [threading.Thread(target=run) for run in (silent, recording)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tracked == {"silent": False, "recording": True}


def test_threads_walk_one_graph_at_the_same_time() -> None:
    x = leaf(*np.linspace(0.1, 1.0, 50))
    y = x
    for _ in range(200):
        y = (y * 1.01).tanh()
    loss = y.sum()
    expected = mg.grad(loss, x, retain_graph=True)[0].data
    results: list[np.ndarray] = []

    def run() -> None:
        for _ in range(5):
            results.append(mg.grad(loss, x, retain_graph=True)[0].data)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 20
    assert all(np.array_equal(r, expected) for r in results)


# --- in place ---


def test_in_place_on_a_leaf_raises_while_recording_and_works_under_no_grad() -> None:
    w = leaf(1.0, 2.0)
    array = w.data
    with pytest.raises(TypeError, match="no_grad"):
        w += 1.0
    with pytest.raises(TypeError, match="no_grad"):
        w[0] = 1.0
    with mg.no_grad():
        w += 1.0
        w[0] = 9.0
    assert w.data is array
    assert array.tolist() == [9.0, 3.0]
    assert w.requires_grad


def test_in_place_on_a_computed_tensor_is_recorded_as_a_new_value() -> None:
    x = leaf(1.0, 2.0)
    h = same = x * x
    h += x
    h[0] = x[1] * 10.0
    assert same is h
    assert h.tolist() == [20.0, 6.0]
    h.sum().backward()
    assert x.grad.tolist() == [0.0, 2 * 2 + 1 + 10.0]


# --- leaves and data ---


@pytest.mark.parametrize("dtype", [int, bool, np.uint8])
def test_an_integer_leaf_is_refused(dtype: type) -> None:
    with pytest.raises(TypeError, match="only floating-point and complex tensors"):
        Tensor([1, 0], requires_grad=True, dtype=dtype)


def test_tensors_are_made_as_numpy_makes_arrays() -> None:
    assert Tensor([1.0]).dtype == np.float64
    assert Tensor([1]).dtype == np.int64
    assert Tensor([1, 1j]).dtype == np.complex128
    array = np.ones(3, np.float16)
    assert Tensor(array).data is array
    assert not np.shares_memory(Tensor(array, copy=True).data, array)
    for bad in (None, "a", [1.0, "b"]):
        with pytest.raises(TypeError, match="Tensor: cannot compute with"):
            Tensor(bad)
    with pytest.raises(TypeError, match="lose this tensor's gradient"):
        Tensor(leaf(1.0))
    with pytest.raises(TypeError, match="lose this tensor's gradient"):
        Tensor([Tensor(1.0, requires_grad=True), Tensor(2.0, requires_grad=True)])


def test_the_default_dtype_reaches_tensors_made_from_floats() -> None:
    mg.set_default_dtype(np.float32)
    try:
        assert Tensor([1.0]).dtype == np.float32
        assert Tensor(np.ones(1)).dtype == np.float64
        assert Tensor([1]).dtype == np.int64
        assert Tensor([1j]).dtype == np.complex64
    finally:
        mg.set_default_dtype(np.float64)
    with pytest.raises(TypeError, match="dtype of floats"):
        mg.set_default_dtype(int)


def test_a_tensor_behaves_like_a_number_or_a_sequence_where_it_is_one() -> None:
    assert float(Tensor(2.5)) == 2.5
    assert [10, 20, 30][Tensor(1)] == 20
    assert len(leaf(1.0, 2.0)) == 2
    assert [t.item() for t in leaf(1.0, 2.0)] == [1.0, 2.0]
    with pytest.raises(TypeError, match="0-d"):
        len(Tensor(1.0))
    with pytest.raises(ValueError, match=r"one element, this tensor has shape \(2,\)"):
        leaf(1.0, 2.0).item()


def test_leaves_copy_and_pickle_and_computed_tensors_refuse_to() -> None:
    w = leaf(1.0, 2.0, name="w")
    (w * w).sum().backward()
    for twin in (copy.deepcopy(w), pickle.loads(pickle.dumps(w))):
        assert twin.requires_grad
        assert (twin.name, twin.tolist(), twin.grad.tolist()) == ("w", [1.0, 2.0], [2.0, 4.0])
        assert not np.shares_memory(twin.data, w.data)
    with pytest.raises(TypeError, match="copying or pickling"):
        copy.deepcopy(w * 2.0)


# --- rules that are wrong ---


def test_a_rule_that_gives_a_wrong_shape_is_named() -> None:
    wrong = mg.op(lambda x: x * 2, "x", name="wrong_shape", x=lambda g: np.ones((5, 7)))
    with pytest.raises(
        ValueError, match=r"wrong_shape: the rule for operand 'x'.*\(5, 7\).*\(2,\)"
    ):
        wrong(leaf(1.0, 2.0)).sum().backward()


def test_a_rule_that_asks_for_something_unknown_is_refused_when_declared() -> None:
    with pytest.raises(TypeError, match="'asks_wrongly': a rule or trait speaks of"):
        mg.op(lambda x: x, "x", name="asks_wrongly", x=lambda g, nonsense: g)


def test_an_operand_without_a_rule_must_not_require_a_gradient() -> None:
    with pytest.raises(TypeError, match=r"where: there is no derivative.*'condition'.*detach"):
        mg.where(leaf(1.0, 0.0), 1.0, 2.0)


# --- anomaly mode ---


def test_anomaly_mode_names_the_line_of_the_first_nan() -> None:
    x = leaf(-1.0)
    with mg.detect_anomaly(), np.errstate(invalid="ignore"):
        with pytest.raises(FloatingPointError, match=r"log gave NaN.*test_engine\.py:\d+"):
            x.log()
        y = mg.where(x > 0, mg.sqrt(mg.maximum(x, 0.0)), 0.0)
        with (
            np.errstate(divide="ignore"),
            pytest.raises(FloatingPointError, match=r"operand 'x' of sqrt is NaN.*test_engine\.py"),
        ):
            y.sum().backward()
    assert mg.is_grad_enabled()
    assert (x * 2.0).node.notes is None


def test_anomaly_mode_blames_the_first_op_and_not_those_after_it() -> None:
    x = leaf(np.nan)
    with mg.detect_anomaly():
        y = x * 2.0  # NaN came in with the leaf
        assert np.isnan(y.data).all()
        assert y.node.notes["where"].rpartition(":")[0].endswith("test_engine.py")
