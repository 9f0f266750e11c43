"""Folded and focused pictures: what is closed, and that its numbers still add up."""

from __future__ import annotations

import re
from typing import Any

import networkx as nx
import numpy as np
import pytest

import microgradnd as mg
from microgradnd import Tensor, nn
from viz import Trace, draw, trace
from viz.model.snapshot import at_step
from viz.structure.folding import overview
from viz.structure.ids import ids_of


class Block(nn.Module):
    """x + W₂ tanh(W₁ x): its input is used twice, its parameters are its own."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.first = nn.Linear(size, size, rng=rng, dtype=np.float64)
        self.second = nn.Linear(size, size, rng=rng, dtype=np.float64)

    def forward(self, x: Any) -> Tensor:
        return x + self.second(self.first(x).tanh())


class Tower(nn.Module):
    def __init__(self, blocks: int) -> None:
        rng = np.random.default_rng(5)
        self.entry = nn.Linear(3, 4, rng=rng, dtype=np.float64)
        self.blocks = nn.Sequential(*(Block(4, rng) for _ in range(blocks)))

    def forward(self, x: Any) -> Tensor:
        return self.blocks(self.entry(x))


X = np.random.default_rng(0).normal(size=(2, 3))


def tower_loss(blocks: int = 3) -> Tensor:
    return (Tower(blocks)(X) ** 2).sum()


def recurrent_loss(steps: int) -> Tensor:
    w = Tensor(np.eye(2) * 0.5, requires_grad=True, name="W")
    h: Tensor = Tensor(np.ones((1, 2)), name="h₀")
    for _ in range(steps):
        h = (h @ w + 0.5).tanh()
    return (h * h).sum()


def of_kind(graph: nx.MultiDiGraph, kind: str) -> dict[str, dict]:
    return {name: node for name, node in graph.nodes(data=True) if node["kind"] == kind}


def records(graph: nx.MultiDiGraph) -> list[dict]:
    """All records in a graph, the results of closed groups among them."""
    own = [node for _, node in graph.nodes(data=True) if "value" in node]
    return own + [r for node in of_kind(graph, "group").values() for r in node["results"]]


def flow(edge: dict[str, Any], tensor: str) -> Any:
    """What an edge contributes to the gradient of a tensor that it carries."""
    return dict(edge["merged"]).get(tensor) if "merged" in edge else edge["contribution"]


def check_sums(graph: nx.MultiDiGraph) -> int:
    """Contributions add up to gradients wherever nothing is hidden; how many were checked."""
    edges = {key: edge for _, _, key, edge in graph.edges(keys=True, data=True)}
    checked = 0
    for record in records(graph):
        if record["gradient"] is None or record["hidden"] or record["hooked"]:
            continue
        terms = [flow(edges[key], record["id"]) for key in record["contributions"]]
        terms += [record["seed"], record["inside"]]
        arrays = [np.array(x.elements) for x in terms if x is not None]
        np.testing.assert_allclose(sum(arrays), record["gradient"].elements, rtol=1e-12, atol=1e-15)
        checked += 1
    return checked


@pytest.mark.parametrize("open_groups", [None, "blocks", ["blocks", "blocks.1"], "all"])
@pytest.mark.parametrize("fold", [True, "auto", {"modules"}, {"repeats"}, False])
def test_contributions_add_up_however_a_picture_is_folded(fold: Any, open_groups: Any) -> None:
    if fold in (False, {"repeats"}):
        open_groups = None
    graph = draw(tower_loss(), fold=fold, open=open_groups).graph
    assert check_sums(graph) >= 1
    assert nx.is_directed_acyclic_graph(graph)


def test_a_closed_module_shows_shapes_parameters_and_the_gradient_over_its_border() -> None:
    loss = tower_loss()
    graph = draw(loss, fold=True, open="blocks").graph
    blocks = {n: g for n, g in of_kind(graph, "group").items() if g["module"] == "Block"}
    assert [g["path"] for g in blocks.values()] == [f"Tower.blocks.{i}" for i in range(3)]
    name, second = list(blocks.items())[1]
    assert [shape for _, _, shape in second["inputs"]] == [(2, 4)]
    assert [r["shape"] for r in second["results"]] == [(2, 4)]
    assert [r["shape"] for r in second["parameters"]] == [(4, 4), (4,), (4, 4), (4,)]
    [(_, _, border)] = graph.in_edges(name, data=True)
    found = trace(loss, keep="arrays")
    nodes = {name: node for node, name in ids_of(found).tensors.items()}
    # the block uses its input twice: both contributions together are all of its gradient
    gradient = found.gradients[nodes[border["home"]]]
    np.testing.assert_array_equal(border["contribution"].elements, gradient)


def test_data_from_outside_stays_outside_of_the_module_that_uses_it_alone() -> None:
    graph = draw(tower_loss(), fold=True, open="Tower").graph
    [constant] = of_kind(graph, "constant").values()
    assert (constant["shape"], constant["box"]) == ((2, 3), None)


def test_small_graphs_are_drawn_whole_and_large_ones_within_the_budget() -> None:
    assert not of_kind(draw(tower_loss(1)).graph, "group")
    graph = draw(tower_loss(40)).graph
    assert of_kind(graph, "group")
    assert len(graph) <= 120


def test_every_grouping_can_be_switched_off() -> None:
    loss = recurrent_loss(60)
    assert len(of_kind(draw(loss).graph, "group")) == 1
    assert not of_kind(draw(loss, fold=False).graph, "group")
    tower = tower_loss(40)
    assert {
        g["module"] for g in of_kind(draw(tower, fold={"repeats"}).graph, "group").values()
    } <= {
        "repeat",
        "stretch",
        "step",
    }
    with pytest.raises(ValueError, match=r"fold='layers' is unknown: one of modules, repeats"):
        draw(tower, fold={"layers"})


def test_time_steps_roll_into_one_and_chosen_steps_are_unrolled() -> None:
    loss = recurrent_loss(60)
    [rolled] = of_kind(draw(loss, fold=True).graph, "group").values()
    assert (rolled["module"], rolled["count"], rolled["shared"]) == ("repeat", 60, True)
    graph = draw(loss).graph
    assert [g["name"] for g in of_kind(graph, "group").values()] == ["steps 4–58"]
    names = [c["name"] for c in graph.graph["clusters"]][1:]
    assert names == [f"step {number}" for number in (1, 2, 3, 59, 60)]
    graph = draw(loss, steps=[1, 2, -1]).graph
    assert [g["name"] for g in of_kind(graph, "group").values()] == ["steps 3–59"]
    assert [c["name"] for c in graph.graph["clusters"]][1:] == ["step 1", "step 2", "step 60"]
    assert check_sums(graph) > 10


def test_what_a_rolled_up_loop_adds_to_its_weight_is_the_weight_s_gradient() -> None:
    loss = recurrent_loss(60)
    graph = draw(loss, steps=[1, 60]).graph
    [weight] = of_kind(graph, "parameter").values()
    loss.backward()
    into = [edge for _, head, edge in graph.edges(data=True) if head.startswith("g-")]
    [rest] = [edge for edge in into if edge["home"] == weight["id"]]
    edges = {key: e for _, _, key, e in graph.edges(keys=True, data=True)}
    terms = [np.array(edges[key]["contribution"].elements) for key in weight["contributions"]]
    assert len(terms) == 3
    assert len(rest["steps"]) == 58
    np.testing.assert_allclose(sum(terms), weight["gradient"].elements, rtol=1e-13)


def test_many_tensors_between_two_groups_are_one_edge() -> None:
    random = np.random.default_rng(1)
    pool = [Tensor(float(v), requires_grad=True) for v in random.normal(size=9)]
    for _ in range(2_000):
        a, b = random.integers(max(0, len(pool) - 60), len(pool), 2)
        pool.append((pool[a] * pool[b]).tanh())
    total = sum(pool[-20:], start=pool[-21])
    shown = draw(total)
    merged = [e for _, _, e in shown.graph.edges(data=True) if "merged" in e]
    assert merged
    assert len(shown.graph) <= 300
    groups = {name for name in shown.graph if name.startswith("g-")}
    between = [(u, v) for u, v in shown.graph.edges() if u in groups and v in groups]
    assert len(between) == len(set(between))


def test_unknown_groups_are_named_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"no group is called 'decoder'; .*'Tower.blocks.0'"):
        draw(tower_loss(), open="decoder")


def test_a_focus_shows_the_paths_between_two_tensors_alone() -> None:
    x = Tensor(1.5, requires_grad=True, name="x")
    y = Tensor(2.0, requires_grad=True, name="y")
    h = (x * y).tanh()
    out = h * h + y.exp() * x.sin()
    graph = draw(out, focus=(x, h)).graph
    names = sorted(node["name"] for node in of_kind(graph, "operation").values())
    assert names == ["multiply", "tanh"]
    stubs = of_kind(graph, "more").values()
    assert [stub["uses"] for stub in stubs if stub["home"] == "t-1"] == [1]
    assert check_sums(graph) == 3
    with pytest.raises(ValueError, match="no path leads from 'y' to 'x'"):
        draw(out, focus=("y", "x"))
    with pytest.raises(
        ValueError, match="no tensor in the graph is called 'z'; there are 'x', 'y'"
    ):
        draw(out, focus="z")


def test_a_neighbourhood_of_k_hops() -> None:
    t = x = Tensor(0.3, requires_grad=True, name="x")
    for _ in range(9):
        t = t.sin() if t is x else t.tanh()
    middle = draw(t, focus=t, hops=2).graph
    assert len(of_kind(middle, "operation")) == 3
    assert len(of_kind(draw(t, focus="x", hops=1).graph, "operation")) == 1


def test_what_carries_no_gradient_can_be_left_out() -> None:
    x = Tensor([1.0, -2.0], requires_grad=True, name="x")
    out = (mg.relu(x * -1.0) * np.array([3.0, 0.0])).sum() + (x * 0.0).sum()
    graph = draw(out, carrying=True).graph
    names = sorted(node["name"] for node in of_kind(graph, "operation").values())
    assert names == ["add", "multiply", "multiply", "relu", "sum", "sum"]  # and no x · −1
    assert "t-1" not in graph
    assert "t-1" in draw(out).graph


def test_a_trace_is_drawn_as_it_was_taken() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    with trace() as passes:
        for _ in range(2):
            loss = (x * x).sum()
            loss.backward()
            with mg.no_grad():
                x -= 0.1 * x.grad
            x.grad = None
    values = [draw(found).graph.nodes["t-1"]["value"].elements for found in passes]
    np.testing.assert_allclose(values, [[1.0, 2.0], [0.8, 1.6]])
    assert isinstance(passes[0], Trace)


def test_stages_show_what_has_arrived_so_far() -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    out = x * x + x.exp()
    model = draw(out).model
    stages = [at_step(model, step) for step in range(model.steps + 1)]
    gradients = [stage.nodes["t-1"].gradient for stage in stages]
    assert gradients[:2] == [None, None]  # the walk comes over the sum first
    assert [g.scalar for g in gradients[2:]] == pytest.approx([np.exp(2.0), 4.0 + np.exp(2.0)])
    states = [stage.nodes["op-2"].state for stage in stages]
    assert states == ["pending", "pending", "now", "done"]
    with pytest.raises(ValueError, match="step 9 of a backward pass that has 3"):
        draw(out, step=9)


def test_a_filmstrip_has_a_panel_for_every_stage() -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    svg = draw((x * x).tanh()).filmstrip([0, 1, 2]).svg()
    assert [part.split('"')[0] for part in svg.split('data-stage="')[1:]] == ["0", "1", "2"]


def test_an_overview_opens_groups_of_a_kind_together() -> None:
    found = trace(tower_loss(30))
    kinds: dict[str, set[bool]] = {}
    folding = overview(found.nesting)
    for group in found.groups.groups():
        if group.parent in folding.open:
            kinds.setdefault(group.kind, set()).add(group in folding.open)
    assert all(len(states) == 1 for kind, states in kinds.items() if kind == "Block")


def test_many_edges_from_a_group_to_one_operation_are_one() -> None:
    w = Tensor(np.eye(2) * 0.5, requires_grad=True, name="W")
    h, states = Tensor(np.ones((1, 2))), []
    for _ in range(30):
        h = (h @ w).tanh()
        states.append(h)
    graph = draw(mg.stack(states).sum(), fold=True).graph
    [(group, op, bundle)] = [e for e in graph.edges(data=True) if "merged" in e[2]]
    assert (graph.nodes[group]["count"], graph.nodes[op]["name"]) == (30, "stack")
    assert len(bundle["merged"]) == 30
    assert check_sums(graph) >= 30


def test_a_gradient_so_far_says_how_many_of_its_contributions_have_arrived() -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    out = x * x + x.exp()
    drawn = [draw(out, step=step, style="records").svg() for step in range(4)]
    said = [re.findall(r">(Σ \d[^<]*)<", svg) for svg in drawn]
    assert said == [[], [], ["Σ 1 of 3 so far"], ["Σ 3 contributions"]]
    assert draw(out, style="records").filmstrip([2]).svg().count("Σ 1 of 3 so far") == 1
    said = [re.findall(r">(\d of \d|3)<", draw(out, step=step).svg()) for step in range(4)]
    assert said == [["3"], ["3"], ["1 of 3", "3"], ["3", "3"]]  # one is the number of a step
    assert draw(out).filmstrip([2]).svg().count("1 of 3") == 1


def test_the_result_of_a_closed_group_waits_for_what_the_group_adds_itself() -> None:
    class Twice(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            y = x.sin()
            return y, y * y

    x = Tensor(0.5, requires_grad=True, name="x")
    y, z = Twice()(x)
    out = (y + z).tanh()
    # tanh and add are done, the group is not
    assert "grad: Σ 1 of 2 so far" in draw(out, fold=True, step=2, style="records").svg()
    assert ">1 of 2<" in draw(out, fold=True, step=2).svg()
