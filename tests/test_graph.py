"""The public graph: what it tells is what the engine computed, and looking changes nothing."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import microgradnd as mg
from microgradnd import Tensor, nn
from microgradnd.graph import (
    Graph,
    Node,
    clock,
    node_of,
    operand_of,
    pullback,
    replay,
    seeded,
    walk,
    watching,
)
from tests.test_properties import programs

Array = np.ndarray


def leaf(values: Any, name: str | None = None) -> Tensor:
    return Tensor(np.asarray(values, float), requires_grad=True, name=name)


def lstm_loss() -> tuple[Tensor, nn.Module]:
    mg.manual_seed(0)
    cell = nn.LSTMCell(2, 3)
    state, total = None, Tensor(0.0)
    for x in np.arange(8.0).reshape(4, 1, 2) / 8:
        state = cell(Tensor(x), state)
        total = total + state[0].square().sum()
    return total, cell


# what a graph consists of


def test_nodes_come_in_order_of_creation_and_split_into_operations_and_leaves() -> None:
    a, b = leaf([1.0, 2.0], "a"), leaf(3.0, "b")
    y = (a * b).sum().named("y")
    graph = Graph(y)
    assert [node.op.name for node in graph.computed] == ["multiply", "sum"]
    assert [node.name for node in graph.leaves] == ["a", "b"]
    assert list(graph.nodes) == sorted([*graph.computed, *graph.leaves])
    assert graph.outputs == (y.node,)
    assert all(before.seq < after.seq for before, after in zip(graph.nodes, graph.nodes[1:]))


def test_a_node_tells_operation_options_shape_dtype_and_name() -> None:
    x = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    node = node_of(mg.sum(x, axis=1, keepdims=True).named("rows"))
    assert (node.op.name, node.name, node.shape, node.dtype) == ("sum", "rows", (2, 1), np.float32)
    assert dict(node.options) == {"axis": 1, "keepdims": True} == node.changed_options
    assert node_of(x.sum()).changed_options == {}
    assert repr(node) == "<sum rows (2, 1) float32>"


def test_the_four_kinds_of_operands() -> None:
    w = leaf([1.0, 2.0], "w")
    computed = node_of(w * w + w)
    assert [(p.kind, p.name, p.node) for p in computed.operands] == [
        ("computed", None, computed.predecessors[0]),
        ("leaf", "w", w.node),
    ]
    named = node_of(w * Tensor(2.0, name="c")).operands[1]
    assert (named.kind, named.name, named.shape, named.node) == ("constant", "c", (), None)
    bare = np.array([3.0, 4.0])
    assert node_of(w * bare).operands[1].kind == "constant"
    assert node_of(w * bare).operands[1].value.tolist() == [3.0, 4.0]
    number = node_of(w * 2.0).operands[1]
    assert (number.kind, number.value, number.shape, number.dtype) == ("number", 2.0, (), float)


def test_operands_have_the_numbers_and_names_of_the_operations_parameters() -> None:
    w = leaf([1.0, 2.0])
    choice = node_of(mg.where(np.array([True, False]), 1.0, w))
    assert [(p.index, p.parameter) for p in choice.operands] == [
        (0, "condition"), (1, "x"), (2, "y"),
    ]  # fmt: skip
    joined = node_of(mg.concatenate([w, w, np.ones(1)]))
    assert [p.parameter for p in joined.operands] == ["xs[0]", "xs[1]", "xs[2]"]
    assert joined.predecessors == (w.node, w.node)


def test_keys_tell_tensors_apart() -> None:
    w, array = leaf([1.0, 2.0]), np.array([3.0, 4.0])
    one, other = node_of(w * array), node_of((w + 1.0) * array)
    assert one.operands[1].key == other.operands[1].key != node_of(w * array.copy()).operands[1].key
    assert one.operands[0].key == w.node != other.operands[0].key


def test_a_tensor_that_requires_no_gradient_is_an_operand_without_a_node() -> None:
    c = Tensor([1.0, 2.0], name="c")
    operand = operand_of(c)
    assert (operand.kind, operand.name) == ("constant", "c")
    assert (operand.node, operand.index) == (None, None)
    assert operand_of(c * 2.0).key != operand.key == operand_of(c).key
    w = leaf(1.0, "w")
    assert (operand_of(w).kind, operand_of(w).key) == ("leaf", w.node)


def test_uses_and_what_leads_to_a_tensor() -> None:
    x, y = leaf(2.0, "x"), leaf(3.0, "y")
    square = x * x
    loss = square * y + y
    graph = Graph(loss)
    assert graph.uses[node_of(x)] == ((square.node, 0), (square.node, 1))
    assert [user.op.name for user, _ in graph.uses[node_of(y)]] == ["multiply", "add"]
    assert graph.uses[node_of(loss)] == ()
    assert graph.leading_to([node_of(y)]) == {*graph.computed[1:], y.node}
    assert loss in graph
    assert x.node in graph
    assert leaf(0.0) not in graph


def test_several_outputs_are_one_graph() -> None:
    x = leaf([1.0, 2.0])
    h = x.tanh()
    outputs = [h.sum(), h.mean(), Tensor(1.0), h.sum()]
    graph = Graph(outputs)
    assert graph.outputs == tuple(t.node for t in (outputs[0], outputs[1], outputs[3]))
    assert len(graph) == 5
    assert Graph([h, h]).outputs == (h.node,)


def test_a_graph_of_nothing_that_requires_a_gradient_is_empty() -> None:
    graph = Graph(Tensor([1.0]) * 2.0)
    assert (graph.outputs, graph.nodes, len(graph)) == ((), (), 0)
    with pytest.raises(mg.GraphError, match="does not depend on any tensor that requires"):
        node_of(Tensor([1.0]))


def test_module_calls_hooks_places_and_writes_are_told() -> None:
    layer = nn.Linear(2, 1)
    out = layer(np.ones((3, 2)))
    assert [call.kind for call in node_of(out).calls] == ["Linear"]
    w = leaf([1.0, 2.0])
    assert not node_of(w).has_hooks
    remove = w.register_hook(lambda g: None)
    assert node_of(w).has_hooks
    remove()
    assert not node_of(w).has_hooks
    with mg.detect_anomaly():
        assert re.search(rf"{Path(__file__).name}:\d+", node_of(w * 2.0).where or "")
    assert node_of(w * 2.0).where is None


def test_leaves_written_to_since_they_were_used_are_found() -> None:
    w, b = leaf([1.0, 2.0], "w"), leaf([1.0, 2.0], "b")
    with mg.no_grad():
        b += 1.0  # before it is used: nothing is out of date
    loss = (w * b).sum()
    assert Graph(loss).changed == ()
    with mg.no_grad():
        w += 1.0
    assert Graph(loss).changed == (w.node,)


# read-only


def test_nothing_of_it_can_be_set() -> None:
    w = leaf([1.0, 2.0], "w")
    node = node_of(w * np.ones(2))
    for name in ("shape", "op", "name", "value", "anything"):
        with pytest.raises(AttributeError):
            setattr(node, name, None)
    with pytest.raises(AttributeError):
        node.operands[0].name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        node.options["axis"] = 1  # type: ignore[index]
    with pytest.raises(TypeError):
        Graph(w).uses[node] = ()  # type: ignore[index]
    for operand in node.operands:
        with pytest.raises(ValueError, match="read-only"):
            operand.value[0] = 5.0
    value = node_of(w).value
    assert value is not None
    assert not value.flags.writeable
    assert w.data.flags.writeable


def test_views_of_a_node_are_one_and_keep_nothing_alive() -> None:
    w = leaf([1.0, 2.0])
    y = w * w
    assert node_of(y) is node_of(y.node) is Graph(y).outputs[0]
    assert node_of(y) == y.node
    assert {node_of(y): 1}[y.node] == 1
    assert node_of(y) != node_of(w * w)
    assert node_of(y) != "y"
    view = weakref.ref(node_of(y).operands[0].node)
    array = weakref.ref(y.data)
    gc.disable()
    try:
        del y
        assert (view(), array()) == (None, None)  # at once: no reference cycles
    finally:
        gc.enable()


def test_looking_changes_nothing() -> None:
    loss, cell = lstm_loss()
    other, same_cell = lstm_loss()
    graph = Graph(loss)
    states = [(n, n._node.saved, dict(n._node.notes or {})) for n in graph.nodes]
    values = graph.replay()
    for node in graph.computed:
        pullback(node, np.ones(node.shape), values)
        assert repr(node)
        assert node.operands
        assert not node.has_hooks
    walk(seeded([loss], [None]), lambda *seen: None, values=values)
    walk(seeded([loss], [None]))
    assert all(p.grad is None for p in cell.parameters())
    for node, saved, notes in states:
        assert node._node.saved is saved
        assert (node._node.notes or {}) == notes
    loss.backward()
    other.backward()
    for p, q in zip(cell.parameters(), same_cell.parameters(), strict=True):
        np.testing.assert_array_equal(p.grad, q.grad)


# values


def test_values_are_replayed_when_the_graph_is_freed() -> None:
    a, b = np.array([[0.1, -0.2], [0.3, 0.4]]), np.array([0.5, -0.6])
    x, y = leaf(a), leaf(b)
    z = (x @ y).tanh()
    loss = z.sum()
    loss.backward()
    values = Graph(loss).replay()
    np.testing.assert_array_equal(values[node_of(z)], np.tanh(a @ b))
    np.testing.assert_array_equal(values[node_of(loss)], np.tanh(a @ b).sum())
    np.testing.assert_array_equal(values[node_of(x)], a)


def test_only_values_that_are_wanted_are_kept() -> None:
    x = leaf(np.ones(100))
    chain = [x]
    for _ in range(20):
        chain.append(chain[-1] * 1.5)
    graph = Graph(chain[-1])
    wanted = {node_of(chain[3]), node_of(chain[20])}
    assert graph.replay(wanted).keys() == wanted
    np.testing.assert_array_equal(graph.replay(wanted)[node_of(chain[3])], chain[3].data)
    alive: list[weakref.ref[Array]] = []
    steps = replay(graph.nodes, set(graph.computed))
    for _, value in steps:
        alive.append(weakref.ref(value))
        del value
        assert sum(ref() is not None for ref in alive) <= 2


def test_only_what_leads_to_the_wanted_values_is_computed() -> None:
    ran: list[str] = []

    def noisy(x: Array) -> Array:
        ran.append("noisy")
        return x + 0.0

    op = mg.op(noisy, "x", name="noisy_identity", x=lambda g: g)
    x = leaf([1.0])
    loss = (x * 2.0).named("early") + op(x)
    ran.clear()
    graph = Graph(loss)
    graph.replay([next(n for n in graph.nodes if n.name == "early")])
    assert ran == []
    graph.replay()
    assert ran == ["noisy"]


def test_an_operation_can_be_run_on_other_values() -> None:
    x = leaf([[1.0, 2.0]])
    node = node_of(x.sum(axis=1))
    np.testing.assert_array_equal(node.compute([np.array([[3.0, 4.0], [5.0, 6.0]])]), [7.0, 11.0])
    again = node.tensor(np.array([9.0]))
    assert again.requires_grad
    assert node_of(again) is node
    assert again.data.tolist() == [9.0]


# gradients


def observed(loss: Tensor, **options: Any) -> tuple[dict[Node, Any], dict[Any, Any], list[Node]]:
    """The gradients and contributions that an observer of a walk is told, and the order."""
    gradients: dict[Node, Any] = {}
    contributions: dict[Any, Any] = {}
    order: list[Node] = []

    def note(node: Node, i: int | None, x: Any) -> None:
        if i is None:
            gradients[node] = x
            order.append(node)
        else:
            contributions[node, i] = x

    walk(seeded([loss], [None]), note, **options)
    return gradients, contributions, order


def test_the_walk_goes_backward_and_tells_every_gradient_and_contribution() -> None:
    x = leaf(3.0, "x")
    loss = x * x + x
    gradients, contributions, order = observed(loss)
    product, total = Graph(loss).computed
    assert order == [total, product, x.node]
    assert {use: float(g) for use, g in contributions.items()} == {
        (total, 0): 1.0, (total, 1): 1.0, (product, 0): 3.0, (product, 1): 3.0,
    }  # fmt: skip
    assert float(gradients[node_of(x)]) == 7.0
    assert x.grad is None


@given(programs())
@settings(max_examples=60)
def test_of_random_programs_values_and_gradients_are_the_engines(
    found: tuple[Callable[..., Tensor], list[Array]],
) -> None:
    program, arrays = found
    leaves = [leaf(a) for a in arrays]
    out = program(*leaves)
    loss = (out * out).sum()
    graph = Graph(loss)
    values = graph.replay()
    np.testing.assert_array_equal(values[node_of(loss)], loss.data)
    gradients, contributions, _ = observed(loss)
    replayed = observed(loss, values=values)
    for node, g in gradients.items():
        np.testing.assert_array_equal(replayed[0][node], g)
        parts = [contributions[use] for use in graph.uses[node]]
        assert all(part.shape == node.shape and part.dtype == node.dtype for part in parts)
        if parts:
            np.testing.assert_allclose(sum(parts), g, rtol=1e-12, atol=1e-12)
        if not node.is_leaf:
            for i, part in pullback(node, g, values).items():
                np.testing.assert_array_equal(part, contributions[node, i])
                alone = pullback(node, g, values, [i])
                assert alone.keys() == {i}
                np.testing.assert_array_equal(alone[i], part)
    loss.backward()
    for t in leaves:
        if t.grad is not None:
            np.testing.assert_array_equal(gradients[node_of(t)], t.grad)


def test_a_walk_on_replayed_values_needs_nothing_that_the_graph_saved() -> None:
    loss, cell = lstm_loss()
    loss.backward()
    with pytest.raises(mg.GraphError, match="freed"):
        walk(seeded([loss], [None]))
    found = walk(seeded([loss], [None]), values=Graph(loss).replay())
    for p in cell.parameters():
        np.testing.assert_array_equal(found[node_of(p)], p.grad)


def test_a_walk_goes_only_to_what_is_wanted() -> None:
    x, y = leaf(2.0), leaf(3.0)
    h = x * y
    loss = h * x
    found = walk(seeded([loss], [None]), inputs=[node_of(h)])
    assert {node: float(g) for node, g in found.items()} == {h.node: 2.0}


def test_a_recorded_walk_gives_tensors() -> None:
    x = leaf(2.0)
    gradients, _, _ = observed(x**3, create_graph=True)
    g = gradients[node_of(x)]
    assert isinstance(g, Tensor)
    assert float(mg.grad(g, x)[0]) == 12.0


def test_hooks_run_in_a_walk_and_not_in_a_pullback() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2.0
    h.register_hook(lambda g: g * 10.0)
    loss = h.sum()
    gradients, contributions, _ = observed(loss)
    assert gradients[node_of(h)].tolist() == [10.0, 10.0]
    assert contributions[node_of(loss), 0].tolist() == [1.0, 1.0]
    part = pullback(node_of(h), np.ones(2), Graph(loss).replay())
    assert part[0].tolist() == [2.0, 2.0]


def test_several_outputs_are_walked_from_their_seeds() -> None:
    x = leaf([1.0, 2.0])
    y, z = x * 2.0, x * 5.0
    seeds = seeded([y, z], [np.array([1.0, 0.0]), Tensor([0.0, 1.0])])
    assert all(type(g) is np.ndarray for _, g in seeds)
    assert walk(seeds)[node_of(x)].tolist() == [2.0, 5.0]
    with pytest.raises(mg.GraphError, match="needs a scalar that is real"):
        seeded([y], [None])


def test_a_pullback_gives_nothing_for_constants_and_sums_over_broadcast_axes() -> None:
    w = Tensor(np.float32(2.0), requires_grad=True)
    graph = Graph((w * np.ones((3, 4), np.float32)).sum())
    part = pullback(graph.computed[0], np.ones((3, 4), np.float32), graph.replay())
    assert part.keys() == {0}
    assert (part[0].shape, part[0].dtype, float(part[0])) == ((), np.float32, 12.0)
    joined = Graph(mg.concatenate([w.reshape(1), np.ones(2, np.float32)]))
    assert pullback(joined.computed[-1], np.arange(3.0), joined.replay())[0].tolist() == [0.0]


# watching


def test_what_a_program_computes_can_be_watched() -> None:
    x = leaf(3.0, "x")
    made: list[str] = []
    passes: list[dict[Any, float]] = []

    def begin(seeds: Any) -> Callable[..., None]:
        passes.append({})
        return lambda node, i, g: passes[-1].update({(node.name, i): float(g)})

    with watching(lambda node, out: made.append(f"{node.op.name} {out}"), begin):
        (x * x).named("y").backward()
        (x * 2.0).named("z").backward()
    (x + 1.0).backward()
    assert made == ["multiply 9.0", "multiply 6.0"]
    assert passes == [
        {("y", None): 1.0, ("y", 0): 3.0, ("y", 1): 3.0, ("x", None): 6.0},
        {("z", None): 1.0, ("z", 0): 2.0, ("x", None): 2.0},
    ]


def test_backward_passes_can_be_let_go() -> None:
    x = leaf(3.0)
    with watching(None, lambda seeds: None):
        (x * x).backward()
    assert x.grad is not None
    assert float(x.grad) == 6.0


def test_the_clock_stands_between_what_is_computed_before_and_after() -> None:
    x = leaf(3.0)
    before = x * x
    moment = clock()
    assert node_of(before).seq < moment < node_of(x * x).seq
