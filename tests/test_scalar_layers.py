"""Neurons and layers found in computations with scalar weights, by their structure alone."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import viz
from microgradnd import Tensor
from tests.picture_laws import broken, read
from viz.model.build import build
from viz.model.elements import ClosedGroup
from viz.structure.folding import Folding
from viz.structure.groups import grouped
from viz.structure.tree import Group

Weights = list[list[list[Tensor]]]  # by layer and neuron: weights, and the bias


def network(sizes: Sequence[int], seed: int = 0) -> Weights:
    draw = random.Random(seed)
    return [
        [[Tensor(draw.uniform(-1, 1), requires_grad=True) for _ in range(n + 1)] for _ in range(m)]
        for n, m in itertools.pairwise(sizes)
    ]


def outputs(net: Weights, x: list[Any]) -> list[Any]:
    for k, layer in enumerate(net):
        rows = [sum((w * v for w, v in zip(row, x, strict=False)), row[-1]) for row in layer]
        x = [z.tanh() for z in rows] if k < len(net) - 1 else rows
    return x


def loss_of(net: Weights, samples: int = 1, seed: int = 1) -> Tensor:
    draw, total = random.Random(seed), 0
    for _ in range(samples):
        x = [draw.uniform(-1, 1) for _ in range(len(net[0][0]) - 1)]
        total = total + sum((o - 1.0) ** 2 for o in outputs(net, x))
    return total


def tops(t: Tensor) -> list[Group]:
    return [part for part in viz.trace(t).groups.parts if isinstance(part, Group)]


def kinds(t: Tensor) -> set[str]:
    return {group.kind for group in viz.trace(t).groups.groups()}


def test_layers_are_found_without_names() -> None:
    groups = tops(loss_of(network((3, 4, 4, 1))))
    assert [(group.name, group.kind) for group in groups] == [
        ("layer of 4 neurons, tanh", "layer"),
        ("layer of 4 neurons, tanh", "layer"),
        ("neuron: Σ wᵢxᵢ + b", "neuron"),
    ]
    neurons = [part for part in groups[0].parts if isinstance(part, Group)]
    assert [neuron.name for neuron in neurons] == [
        f"neuron {k}: Σ wᵢxᵢ + b, tanh" for k in (1, 2, 3, 4)
    ]
    for neuron in neurons:
        assert [node.op.name for node in neuron.nodes()] == ["multiply", "add"] * 3 + ["tanh"]


def test_the_activations_may_come_after_all_sums_and_the_bias_last() -> None:
    net = network((2, 3, 1))
    x = [Tensor(0.3, name="x1"), Tensor(-0.2, name="x2")]
    sums = [sum(v * w for w, v in zip(row, x, strict=False)) + row[-1] for row in net[0]]
    hidden = [z.relu() for z in sums]
    y = sum(v * w for w, v in zip(net[1][0], hidden, strict=False)) + net[1][0][-1]
    names = [group.name for group in tops(y * y)]
    assert names == ["layer of 3 neurons, relu", "neuron: Σ wᵢxᵢ + b"]


def test_samples_that_go_through_the_same_weights_are_one_layer() -> None:
    groups = tops(loss_of(network((2, 3, 1)), samples=4))
    assert [(group.name, group.count) for group in groups[:2]] == [
        ("layer of 3 neurons, tanh", 4),
        ("neuron: Σ wᵢxᵢ + b", 4),
    ]
    assert [part.name for part in groups[0].parts if isinstance(part, Group)] == [
        f"sample {k}" for k in (1, 2, 3, 4)
    ]


def test_a_layer_that_feeds_itself_is_not_one_over_all_times() -> None:
    net, x = network((2, 2)), [0.5, -0.25]
    for _ in range(2):
        x = [z.tanh() for z in outputs(net, x)]
    groups = tops(x[0] * x[1])
    assert [(group.name, group.count) for group in groups] == [("layer of 2 neurons, tanh", 1)] * 2


def test_what_is_no_weighted_sum_is_left_as_it_is() -> None:
    a, b, c, x = (Tensor(v, requires_grad=True) for v in (0.5, -1.0, 2.0, 3.0))
    assert kinds(a * x * x + b * x + c) == {"graph"}
    assert kinds(a * a + b * b + c * c) == {"graph"}
    gate, state = x.sigmoid(), a.tanh()
    assert kinds((gate * state + b * c).tanh() + (gate * state - b * c)) == {"graph"}
    assert kinds((a * x + b).tanh()) == {"graph"}  # one neuron needs no name


@pytest.mark.parametrize("samples", [1, 3])
def test_closed_layers_show_the_sums_of_what_is_in_them(samples: int) -> None:
    net = network((3, 5, 4, 2))
    loss = loss_of(net, samples)
    loss.backward()
    trace = viz.trace(loss)
    model = build(trace, Folding(trace.nesting, set()), tags=False)
    layers = [x for x in model.of_kind(ClosedGroup) if x.module == "layer"]
    assert len(layers) == 3
    for layer, rows, follower in zip(layers, net, [*layers[1:], None], strict=True):
        true = math.sqrt(sum(float(w.grad) ** 2 for row in rows for w in row))
        assert math.sqrt(sum(x.gradient.norm**2 for x in layer.parameters)) == pytest.approx(true)
        group = next(g for g in trace.groups.groups() if g.id == layer.id)
        last = [node for node in group.nodes() if node in ends(group)]
        shape = (samples, len(rows)) if samples > 1 else (len(rows),)
        assert layer.main is not None
        for shown, numbers in ((layer.main.value, trace.values),
                               (layer.main.gradient, trace.gradients)):  # fmt: skip
            assert shown is not None
            assert shown.shape == shape
            total = math.sqrt(sum(numbers[node].scalar ** 2 for node in last))
            assert shown.norm == pytest.approx(total)
        if follower is not None:  # all that comes back goes over this edge
            edge = model.edges[f"e-{layer.id}-{follower.id}"]
            assert edge.norm == pytest.approx(layer.main.gradient.norm)


def ends(group: Group) -> set:
    """The results of a group: what no operation in it uses."""
    nodes = set(group.nodes())
    return nodes - {p for node in nodes for p in node.predecessors}


@pytest.mark.parametrize(
    ("sizes", "samples"), [((16, 24, 24, 1), 1), ((2, 12, 12, 1), 5), ((4, 8, 8, 3), 1)]
)
def test_a_large_scalar_network_is_a_readable_picture(sizes: Sequence[int], samples: int) -> None:
    picture = viz.draw(loss_of(network(sizes), samples), theme="light")
    svg = picture.svg()
    assert broken(svg) == []
    found = read(svg)
    assert found.size[0] <= 2_200
    assert len(found.boxes) < 20
    assert "layer of" in svg


def test_a_small_one_is_drawn_whole_in_frames() -> None:
    picture = viz.draw(loss_of(network((2, 2, 1))))
    assert {group.name for group in picture.model.groups} == {
        "layer of 2 neurons, tanh", "neuron 1: Σ wᵢxᵢ + b, tanh",
        "neuron 2: Σ wᵢxᵢ + b, tanh", "neuron: Σ wᵢxᵢ + b",
    }  # fmt: skip
    assert not list(picture.model.of_kind(ClosedGroup))


def test_layers_open_and_the_grouping_can_be_left_out() -> None:
    loss = loss_of(network((3, 4, 4, 1)), samples=2)
    opened = viz.draw(loss_of(network((3, 4, 4, 1))), open="layer")
    assert broken(opened.svg()) == []
    assert any(group.module == "neuron" for group in opened.model.of_kind(ClosedGroup))
    unread = viz.draw(loss, fold=("modules", "repeats"))
    assert "neuron" not in {group.kind for group in unread.trace.groups.groups()}


def test_every_operation_stands_in_one_group_whose_inputs_come_before_it() -> None:
    computed = viz.trace(loss_of(network((3, 4, 4, 2)), samples=3)).graph.computed
    root = grouped(computed)
    assert sorted(root.nodes()) == list(computed)
    done: set = set()
    for part in root.parts:
        some = set(part.nodes()) if isinstance(part, Group) else {part}
        needed = {p for node in some for p in node.predecessors if not p.is_leaf}
        assert needed <= done | some
        done |= some


def test_arrays_of_samples_go_through_scalar_weights_too() -> None:
    draw = np.random.default_rng(0)
    net, x = network((2, 3, 1)), [Tensor(draw.normal(size=5), name=n) for n in "xy"]
    y = outputs(net, x)[0]
    assert next(group.name for group in tops((y * y).sum())) == "layer of 3 neurons, tanh"


def test_the_document_has_what_a_closed_layer_shows() -> None:
    picture = viz.draw(loss_of(network((2, 3, 1)), samples=4))
    document = json.loads(picture.json())
    layers = [x for x in document["groups"].values() if x["kind"] == "layer" and x["count"] > 1]
    shapes = [document["summaries"][i]["shape"] for x in layers for i in x["stacked"]]
    assert shapes == [[4, 3], [4, 3], [4, 1], [4, 1]]
    gradients = document["summaries"][layers[0]["stacked"][1]]["elements"]
    flat = [x for row in gradients for x in row]
    tensors = [document["tensors"][name] for name in layers[0]["outputs"]]
    assert flat == [document["summaries"][x["gradient"]]["scalar"] for x in tensors]
