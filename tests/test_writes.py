"""In-place writes: a backward pass uses the values of the forward pass, or says that it cannot."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import GraphError, Tensor, writes


def leaf(*values: float, name: str | None = None) -> Tensor:
    return Tensor(np.array(values), requires_grad=True, name=name)


@pytest.mark.parametrize("write", ["add", "item"])
def test_a_write_into_a_result_that_nobody_saved_leaves_gradients_right(write: str) -> None:
    w = leaf(1.0, 2.0)
    h = w * 3.0
    with mg.no_grad():
        if write == "add":
            h += 1.0
        else:
            h[0] = 0.0
    h.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_a_write_into_a_product_does_not_change_what_it_was_made_of() -> None:
    w = Tensor(np.ones((3, 2)), requires_grad=True)
    h = w @ np.eye(2)
    with mg.no_grad():
        h += 1.0
    h.sum().backward()
    assert w.grad.shape == (3, 2)


def through_a_detached_one(w: Tensor, c: Tensor) -> None:
    d = w.detach()
    d += 1.0


def through_a_view(w: Tensor, c: Tensor) -> None:
    v = w[0:1]
    v += 1.0


def through_the_transpose(w: Tensor, c: Tensor) -> None:
    w.T[0] = 100.0


def through_out(w: Tensor, c: Tensor) -> None:
    np.add(c, 1.0, out=c)


def through_a_constant(w: Tensor, c: Tensor) -> None:
    c *= 0.0


def through_another_leaf(w: Tensor, c: Tensor) -> None:
    twin = Tensor(w.data, requires_grad=True)
    twin += 1.0


def through_data_and_told(w: Tensor, c: Tensor) -> None:
    w.data[0] = 100.0
    w.changed()


WAYS = [
    through_a_detached_one, through_a_view, through_the_transpose, through_out,
    through_a_constant, through_another_leaf, through_data_and_told,
]  # fmt: skip


@pytest.mark.parametrize("write", WAYS, ids=lambda f: f.__name__)
def test_a_write_to_what_was_saved_is_refused(write: Callable[[Tensor, Tensor], None]) -> None:
    w, c = leaf(1.0, 2.0, name="w"), Tensor(np.array([3.0, 4.0]), name="c")
    y = (w * w * c).sum()
    with mg.no_grad():
        write(w, c)
    with pytest.raises(GraphError, match=r"'multiply' saved .*changed in place since"):
        y.backward()
    assert w.grad is None
    (w * w * c).sum().backward()  # a forward pass after the write is as good as any
    np.testing.assert_allclose(w.grad.data, 2 * w.data * c.data)


def test_writes_to_other_memory_are_none_of_a_graphs_business() -> None:
    whole = np.ones((3, 4))
    left, right = Tensor(whole[:, 0], requires_grad=True), Tensor(whole[:, 1], requires_grad=True)
    y = (left * left + right).sum()
    with mg.no_grad():
        right += 5.0  # columns of one array: their extents overlap, their elements do not
    y.backward()
    assert left.grad.tolist() == [2.0] * 3


def test_a_part_of_a_leaf_is_written_to_beside_what_was_saved() -> None:
    w = Tensor(np.ones((3, 4)), requires_grad=True)
    left, right = w[:, 0], w[:, 1:3]
    y, z = (left * left).sum(), (right * right).sum()
    with mg.no_grad():
        w[:, 1] = 5.0
    y.backward()
    assert w.grad.data.sum(0).tolist() == [6.0, 0.0, 0.0, 0.0]
    with pytest.raises(GraphError, match="'multiply' saved"):
        z.backward()


def test_anomaly_mode_finds_writes_through_the_bare_array() -> None:
    w = leaf(1.0, 2.0, name="w")
    with mg.detect_anomaly():
        y = (w * w).sum()
        w.data[0] = 100.0
        with pytest.raises(GraphError, match=r"'multiply' saved the value of 'w'"):
            y.backward()


def test_an_index_that_was_written_to_is_refused() -> None:
    x, index = leaf(1.0, 2.0, 3.0), Tensor(np.array([0, 1]))
    y = x[index].sum()
    with mg.no_grad():
        index += 1
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()


def test_a_leaf_changed_in_place_makes_what_saved_it_stale() -> None:
    w, x = leaf(2.0, name="w"), leaf(3.0)
    y = w * x
    with mg.no_grad():
        w -= 0.5
    with pytest.raises(GraphError, match=r"'multiply' saved the value of 'w'"):
        y.backward()
    assert x.grad is None


def test_a_view_of_a_changed_leaf_is_stale_too() -> None:
    w = Tensor(np.ones((2, 2)), requires_grad=True, name="w")
    row = w[0]
    y = (row * row).sum()
    with mg.no_grad():
        w *= 2.0
    with pytest.raises(GraphError, match=r"its operand 'x', of shape \(2,\)"):
        y.backward()


def test_what_did_not_save_a_changed_leaf_runs_backward() -> None:
    w = leaf(2.0)
    y = w + 1.0
    w.data -= 0.5
    y.backward()
    assert w.grad.item() == 1.0


def test_assigning_a_new_array_leaves_old_graphs_right() -> None:
    w = leaf(2.0)
    y = w * w
    w.data = np.array([5.0])
    y.backward()
    assert w.grad.item() == 4.0
    with pytest.raises(ValueError, match=r"shape \(1,\).*\(2,\)"):
        w.data = np.zeros(2)


def test_writing_into_a_tracked_tensor_through_out_raises() -> None:
    x = leaf(1.0)
    h = x * 2.0
    with pytest.raises(TypeError, match="out="):
        np.add(h, 1.0, out=h)


def test_writing_items_of_a_constant_that_the_graph_saved_is_seen() -> None:
    x = leaf(3.0)
    c = Tensor([2.0])
    view = c[:1]
    y = x * c
    c[0] = 100.0
    assert view.item() == 100.0  # the same memory, as in NumPy
    with pytest.raises(GraphError, match="'multiply' saved the value"):
        y.backward()


def test_the_log_forgets_arrays_that_are_gone_and_stays_small() -> None:
    gc.collect()
    before = len(writes._log)
    big = Tensor(np.zeros(1000))
    with mg.no_grad():
        for i in range(500):
            big[i] = 1.0
    assert len(writes._log) == before + 1
    assert len(writes._log[id(writes.owner_of(big.data))].places) <= writes.MANY
    del big
    gc.collect()
    assert len(writes._log) == before


def test_many_writes_to_one_place_are_one_entry_and_training_is_never_refused() -> None:
    w = leaf(1.0, -2.0)
    for _ in range(100):
        loss = (w * w).sum()
        loss.backward()
        with mg.no_grad():
            w -= w.grad * 0.1
        w.grad = None
    assert len(writes._log[id(writes.owner_of(w.data))].places) == 1
