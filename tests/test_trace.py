"""The trace holds the engine's own numbers, whenever it is taken."""

from __future__ import annotations

import numpy as np
import pytest

from microgradnd import Tensor, no_grad
from microgradnd.errors import GraphError
from viz import trace


def network() -> tuple[Tensor, dict[str, Tensor]]:
    """A small network with a shared weight and a square; the leaves by name."""
    random = np.random.default_rng(3)
    shapes = {"x": (2, 3), "V": (3, 4), "b": (4,), "W": (4, 4)}
    leaves = {
        name: Tensor(random.normal(size=shape), requires_grad=True, name=name)
        for name, shape in shapes.items()
    }
    h = (leaves["x"] @ leaves["V"] + leaves["b"]).tanh()
    for _ in range(3):
        h = (h @ leaves["W"]).tanh()
    return (h * h).sum(), leaves


def by_name(found: dict, name: str) -> np.ndarray:
    return next(x for node, x in found.items() if node.name == name)


def test_gradients_are_those_of_backward() -> None:
    loss, leaves = network()
    found = trace([loss], [None], keep="arrays")
    loss.backward()
    for name, leaf in leaves.items():
        assert leaf.grad is not None
        assert np.array_equal(by_name(found.gradients, name), leaf.grad.data)


def test_values_are_replayed_after_the_graph_was_freed() -> None:
    loss, _ = network()
    before = trace([loss], [None], keep="arrays")
    loss.backward()
    after = trace([loss], [None], keep="arrays")
    assert not after.stale
    for node, value in before.values.items():
        assert np.array_equal(value, after.values[node])
    for place, x in before.contributions.items():
        assert np.array_equal(x, after.contributions[place])


def test_contributions_and_seeds_sum_to_gradients() -> None:
    loss, _ = network()
    found = trace([loss], [None], keep="arrays")
    for node, gradient in found.gradients.items():
        total = np.array(found.seeds.get(node, np.zeros(node.shape)))
        for (op, i), x in found.contributions.items():
            if op.operands[i].node == node:
                total = total + x
        np.testing.assert_allclose(total, gradient, rtol=1e-13, atol=1e-15)


def test_no_grad_is_touched() -> None:
    loss, leaves = network()
    trace([loss], [None], keep="arrays")
    assert all(leaf.grad is None for leaf in leaves.values())
    loss.backward()
    kept = {name: leaf.grad for name, leaf in leaves.items()}
    trace([loss], [None], keep="arrays")
    assert all(leaf.grad is kept[name] for name, leaf in leaves.items())


def test_steps_count_the_walk_from_the_last_operation_to_the_first() -> None:
    loss, _ = network()
    found = trace([loss], [None], keep="arrays")
    assert list(found.steps.values()) == list(range(1, len(found.steps) + 1))
    seqs = [node.seq for node in found.steps]
    assert seqs == sorted(seqs, reverse=True)


def test_a_changed_leaf_is_found_by_name() -> None:
    loss, leaves = network()
    with no_grad():
        leaves["W"].data = leaves["W"].data * 2.0
    found = trace([loss], [None], keep="arrays")
    assert found.stale
    assert [leaf.name for leaf in found.changed] == ["W"]


def test_a_constant_overwritten_in_place_is_noticed() -> None:
    batch = np.array([1.0, 2.0])
    w = Tensor([3.0, 4.0], requires_grad=True)
    loss = (w * batch).sum()
    assert not trace([loss], [None], keep="arrays").stale
    batch[:] = 7.0
    assert trace([loss], [None], keep="arrays").stale


def test_a_trace_does_not_change_with_its_leaves() -> None:
    w = Tensor([3.0, 4.0], requires_grad=True, name="w")
    found = trace([(w.reshape((2, 1)) * 2.0).sum()], [None], keep="arrays")
    w.data[:] = 0.0
    assert by_name(found.values, "w").tolist() == [3.0, 4.0]


def test_a_hook_shows_in_the_gradient_that_flowed_on() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    h = w * 3.0
    h.register_hook(lambda g: g * 10.0)
    found = trace([h.sum()], [None], keep="arrays")
    assert found.gradients[h.node].tolist() == [10.0, 10.0]
    assert found.gradients[w.node].tolist() == [30.0, 30.0]


def test_an_output_that_is_no_scalar_needs_a_gradient() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(GraphError, match="needs a scalar"):
        trace([w * 2.0], [None], keep="arrays")
    found = trace([w * 2.0], [np.array([1.0, 5.0])], keep="arrays")
    assert found.gradients[w.node].tolist() == [2.0, 10.0]


def test_without_a_backward_pass_there_are_values_alone() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    found = trace([w * 2.0], [None], backward=False, keep="arrays")
    assert len(found.values) == 2
    assert not found.gradients
    assert not found.steps


def training(steps: int) -> tuple[Tensor, list[tuple[float, np.ndarray]]]:
    """Steps of gradient descent on one leaf, and what it was and got in each."""
    w = Tensor([1.0, -2.0], requires_grad=True, name="w")
    told = []
    for _ in range(steps):
        w.grad = None
        loss = (w * w * 3.0).sum()
        loss.backward()
        assert w.grad is not None
        told.append((w.data.copy(), w.grad.data.copy()))
        w.data -= 0.1 * w.grad.data
    return w, told


def test_a_program_is_watched_over_several_training_steps() -> None:
    with trace(keep="arrays") as passes:
        _, told = training(3)
    assert len(passes) == 3
    for found, (value, gradient) in zip(passes, told, strict=True):
        assert np.array_equal(by_name(found.values, "w"), value)
        assert np.array_equal(by_name(found.gradients, "w"), gradient)


def test_watching_gives_the_numbers_that_a_replay_gives() -> None:
    with trace(keep="arrays") as passes:
        loss, _ = network()
        loss.backward()
    [watched], replayed = passes, trace(loss, keep="arrays")
    assert list(watched.contributions) == list(replayed.contributions)
    for table in ("values", "gradients", "contributions", "seeds"):
        one, other = getattr(watched, table), getattr(replayed, table)
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)
    assert watched.steps == replayed.steps


def test_several_backward_passes_of_one_graph_are_told_apart() -> None:
    w = Tensor(2.0, requires_grad=True)
    with trace(keep="arrays") as passes:
        h = w * w
        early, late = h * 3.0, h * 5.0
        late.backward(retain_graph=True)
        early.backward()
    assert [found.gradients[w.node].item() for found in passes] == [20.0, 12.0]


def test_what_was_computed_before_the_watching_is_replayed() -> None:
    w = Tensor(2.0, requires_grad=True)
    h = w * w
    with trace(keep="arrays") as passes:
        (h * 3.0).backward()
    assert passes[0].values[h.node] == 4.0
    assert passes[0].values[w.node] == 2.0


def test_nothing_is_recorded_where_gradients_are_off() -> None:
    with no_grad(), trace() as passes:
        assert (Tensor(2.0, requires_grad=True) * 2.0).node is None
    assert passes == []


def test_summaries_hold_the_statistics_of_the_arrays() -> None:
    loss, _ = network()
    short, full = trace(loss), trace(loss, keep="arrays")
    for table in ("values", "gradients", "contributions", "seeds"):
        for key, array in getattr(full, table).items():
            summary = getattr(short, table)[key]
            assert summary.shape == array.shape
            np.testing.assert_allclose(summary.norm, np.linalg.norm(array), rtol=1e-12)
            np.testing.assert_allclose(summary.mean, np.mean(array), rtol=1e-9, atol=1e-15)


def test_a_hook_that_changes_the_gradient_is_told_of() -> None:
    w = Tensor(2.0, requires_grad=True)
    h = w * 3.0
    h.register_hook(lambda g: g * 2)
    w.register_hook(lambda g: None)
    found = trace(h * h)
    assert found.hooked == {h.node}


def test_an_unknown_way_to_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="'summaries' or 'arrays', not 'pictures'"):
        trace(Tensor(1.0, requires_grad=True) * 1.0, keep="pictures")
