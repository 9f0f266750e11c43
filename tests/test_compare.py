"""Two passes compared: what corresponds is matched, what differs is measured, both are drawn."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import microgradnd as mg
import viz
from microgradnd.graph import Node, node_of
from viz.capture.summary import summarise
from viz.reports.compare import compare
from viz.reports.compare.alignment import matches
from viz.reports.compare.differences import difference

Array = np.ndarray
SVG = "{http://www.w3.org/2000/svg}"
RNG = np.random.default_rng(0)
X, W0, V0, Y = (RNG.normal(size=shape) for shape in ((4, 3), (3, 2), (2, 1), (4, 1)))


def parameter(array: Array, name: str) -> mg.Tensor:
    return mg.Tensor(np.array(array), requires_grad=True, name=name)


def network(kind: str = "sigmoid", W: Array = W0, batch: int = 4, extra: bool = False) -> mg.Tensor:
    x = mg.Tensor(X[:batch], name="x")
    h = getattr(x @ parameter(W, "W"), kind)().named("h")
    if extra:
        h = h * h + h
    o = (h @ parameter(V0, "V")).named("o")
    return (o - Y[:batch]).square().mean().named("E")


def recurrent(steps: int) -> mg.Tensor:
    W, h = parameter(np.eye(3) * 0.5, "W"), mg.Tensor(np.ones((2, 3)))
    for _ in range(steps):
        h = (h @ W).tanh()
    return h.square().sum().named("E")


# --- differences ---


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_difference_is_what_numpy_says(data: st.DataObject) -> None:
    numbers = st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda x: round(x, 6))
    a, b = (data.draw(arrays(np.float64, (2, 3), elements=numbers)) for _ in range(2))
    found = difference(a, b)
    assert found is not None
    norms = np.linalg.norm(a), np.linalg.norm(b)
    assert (found.a, found.b) == pytest.approx(norms)
    if norms[0]:
        assert found.change == pytest.approx(np.linalg.norm(b - a) / norms[0])
    if norms[0] and norms[1]:
        assert found.cosine == pytest.approx(np.vdot(a, b) / norms[0] / norms[1], abs=1e-9)
    else:
        assert found.cosine is None
    assert difference(summarise(a), summarise(b)) == found  # six elements are kept whole


def test_of_large_summaries_only_the_norms_are_compared() -> None:
    a, b = np.full((30, 30), 1.0), np.full((30, 30), -1.5)
    found = difference(summarise(a), summarise(b))
    assert found is not None
    assert (found.exact, found.cosine) == (False, None)
    assert found.change == pytest.approx(0.5)
    assert found.amount == "‖·‖ +50%"
    whole = difference(a, b)
    assert whole is not None
    assert (whole.change, whole.cosine) == (pytest.approx(2.5), pytest.approx(-1.0))


def test_what_comes_of_nothing_has_changed_infinitely() -> None:
    zero, one = np.zeros(3), np.ones(3)
    assert [x.change for x in (difference(zero, one), difference(zero, zero)) if x] == [np.inf, 0.0]
    assert difference(None, one) is None


# --- what corresponds ---


def test_a_program_equals_itself() -> None:
    found = compare(network(), network())
    assert len(found) == 8
    for row in found:
        assert row.a == row.b
        assert row.value is not None
        assert row.gradient is not None
        assert (row.value.change, row.gradient.change) == (0.0, 0.0)


def test_a_training_step_moves_a_weight_by_its_gradient() -> None:
    before = viz.trace(network(), keep="arrays")
    W = next(node for node in before.nodes if node.name == "W")
    g = before.gradients[W]
    found = compare(before, network(W=W0 - 0.1 * g), names=("before", "after"))
    row = found["W"]
    assert row.value is not None
    assert row.value.change == pytest.approx(0.1 * np.linalg.norm(g) / np.linalg.norm(W0))
    assert row.value.cosine == pytest.approx(
        np.vdot(W0, W0 - 0.1 * g) / np.linalg.norm(W0) / np.linalg.norm(W0 - 0.1 * g)
    )
    assert found["V"].value == difference(V0, V0)
    slope = found["V"].gradient
    assert slope is not None
    assert slope.change > 0


def test_a_pass_whose_weights_were_changed_since_is_no_picture_of_before() -> None:
    w = parameter(W0, "W")
    before = (w * 2.0).sum()
    with mg.no_grad():
        w -= 1.0
    found = compare(before, (w * 2.0).sum(), names=("before", "after"))
    assert "leaves changed since before" in found.summary
    assert "leaves changed since before" in str(found)
    assert "changed since the forward pass" in found.svg()


def test_tensors_that_are_no_scalars_are_compared_by_their_values() -> None:
    w = parameter(W0, "W")
    row = compare((w * 2.0).named("y"), (w * 3.0).named("y"))["y"]
    assert row.gradient is None
    assert row.value is not None
    assert row.value.change == pytest.approx(0.5)


def test_sigmoid_stands_in_the_place_of_relu() -> None:
    a, b = network("sigmoid"), network("relu")
    found = compare(a, b, names=("sigmoid", "ReLU"))
    assert all(row.a and row.b for row in found)
    row = found["h"]
    assert row.operations == ("sigmoid", "relu")
    assert row.value is not None
    s, r = 1 / (1 + np.exp(-X @ W0)), np.maximum(X @ W0, 0)
    assert row.value.change == pytest.approx(np.linalg.norm(r - s) / np.linalg.norm(s))
    assert "(sigmoid | relu)" in str(found)


def test_what_is_only_in_one_pass_is_told() -> None:
    found = compare(network(), network(extra=True), names=("plain", "more"))
    lone = [row for row in found if row.a is None]
    assert [row.operations for row in lone] == [(None, "multiply"), (None, "add")]
    assert not [row for row in found if row.b is None]
    assert found["o"].b != found["o"].a
    back = compare(network(extra=True), network())
    assert sum(row.b is None for row in back) == 2
    assert "2 only in a" in repr(back)


def test_steps_more_do_not_lose_those_before_and_the_end() -> None:
    a, b = viz.trace(recurrent(5)), viz.trace(recurrent(8))
    found = compare(a, b)
    assert sum(row.a is None for row in found) == 2 * 3
    assert not [row for row in found if row.b is None]
    assert found["E"].value is not None
    pairs = found.alignment.operations
    assert all(one.op.name == other.op.name for one, other in pairs.items())


def test_another_batch_is_compared_by_norms() -> None:
    found = compare(network(batch=4), network(batch=3))
    row = found["o"]
    assert row.value is not None
    assert not row.value.exact
    assert row.value.b == pytest.approx(np.linalg.norm(1 / (1 + np.exp(-X[:3] @ W0)) @ V0))
    assert found["W"].value is not None
    assert found["W"].value.change == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["tanh", "sin", "cos"]), max_size=12), st.integers(0, 12),
       st.integers(0, 12))  # fmt: skip
def test_an_alignment_keeps_the_order_and_pairs_everything_once(
    names: list[str], start: int, stop: int
) -> None:
    def computed(chain: list[str]) -> list[Node]:
        t = mg.Tensor(0.1, requires_grad=True)
        out = []
        for name in chain:
            t = getattr(t, name)()
            out.append(node_of(t))
        return out

    a, b = computed(names), computed(names[:start] + names[stop:])
    pairs = list(matches(a, b))
    places = [(a.index(x), b.index(y)) for x, y in pairs]
    assert places == sorted(places)
    assert len({i for i, _ in places}) == len({j for _, j in places}) == len(places)
    if start <= stop:  # a part was cut out: the whole rest is found again
        assert len(places) == len(b)


def test_ten_thousand_operations_are_aligned_at_once() -> None:
    nodes = []
    t = mg.Tensor(0.1, requires_grad=True)
    for _ in range(10_000):
        t = t.tanh()
        nodes.append(node_of(t))
    assert len(list(matches(nodes, nodes[:4000] + nodes[5000:]))) == 9000


# --- what is shown ---


def read(found: viz.Comparison) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(found.svg())
    return {e.attrib["data-id"]: e for e in root.iter() if "data-id" in e.attrib}


def words(element: ElementTree.Element) -> list[str]:
    return ["".join(e.itertext()) for e in element.iter(f"{SVG}text")]


def test_the_picture_shows_both_passes_at_every_record() -> None:
    found = compare(network("sigmoid"), network("relu"), names=("sigmoid", "ReLU"), theme="light")
    parts = read(found)
    said = words(parts["t-10"])
    assert "E = mean(·)" in said
    values = [float(found.a.values[found.a.outputs[0].node]), float(found.b.outputs[0])]
    rows = ["sigmoid", "ReLU", "∂sigmoid", "∂ReLU"]
    assert [word for word in said if word in rows] == rows
    for value in values:
        assert f"{value:.4g}" in said
    percent = float(f"{100 * abs(values[1] - values[0]) / values[0]:.2g}")
    assert said[-1] == f"Δ {percent:g}% · ∂Δ 0%"
    assert "h = sigmoid | relu" in words(parts["op-2"])
    assert parts["op-2"].attrib["data-mark"] == "warn"
    title = parts["t-10"].find(f"{SVG}title")
    assert title is not None
    assert title.text is not None
    assert "value sigmoid → ReLU:" in title.text


def test_the_picture_holds_what_is_only_in_one_pass() -> None:
    found = compare(network(), network(extra=True), names=("plain", "more"))
    parts = read(found)
    lone = [name for name, e in parts.items() if "only in more" in " ".join(words(e))]
    assert sorted(lone) == ["t-b5", "t-b6"]  # once, where operation and result are one record
    assert all(parts[name].attrib["data-mark"] == "warn" for name in ("op-b3", "op-b4"))
    records = read(
        compare(network(), network(extra=True), names=("plain", "more"), engine="layered")
    )
    lone = [name for name, e in records.items() if "only in more" in " ".join(words(e))]
    assert sorted(lone) == ["op-b3", "op-b4", "t-b5", "t-b6"]
    back = read(compare(network(extra=True), network(), names=("more", "plain")))
    lone = [name for name, e in back.items() if "only in more" in " ".join(words(e))]
    assert sorted(lone) == ["t-5", "t-6"]
    edges = {name for name in parts if name.startswith("e-b")}
    assert {"e-b3-0", "e-b3-1", "e-b4-0", "e-b4-1", "e-b3-out", "e-b4-out"} <= edges


def test_a_number_that_differs_is_told_at_its_operation() -> None:
    w = parameter(W0, "W")
    parts = read(compare((w * 2.0).sum(), (w * 3.0).sum()))
    assert any("b: × 3" in word for word in words(parts["op-1"]))


def test_the_names_that_were_given_stand_everywhere() -> None:
    w = parameter(W0, "W")
    found = compare((w * 2.0).sum(), (w * 3.0).tanh().sum(), names=("before", "after"))
    root = ElementTree.fromstring(found.svg())
    text = "\n".join(word for e in root.iter() for word in words(e))
    assert "after: × 3" in text
    assert "before: ‖·‖" in text
    assert "after: ‖·‖" in text
    assert "‖after − before‖ / ‖before‖" in text
    assert not re.search(r"\b(a|b): |^∂?[ab]$", text, re.MULTILINE)


def test_a_large_comparison_is_folded() -> None:
    found = compare(recurrent(400), recurrent(401), direction="LR")
    parts = read(found)
    assert len(parts) < 300
    assert sum(row.a is None for row in found) == 2


def test_names_of_tensors_do_nothing_in_a_picture_or_a_table() -> None:
    bad = "</script><img src=x onerror=alert(1)>"
    a, b = ((parameter(W0, bad) * k).sum().named(bad) for k in (1.0, 2.0))
    found = compare(a, b, names=("<b>", "&"))
    assert "<img" not in found.svg()
    html = found._repr_html_()
    assert "<img" not in html
    ElementTree.fromstring(f"<div>{html}</div>")


def test_a_comparison_is_saved_as_a_picture_and_as_a_table(tmp_path: Path) -> None:
    found = compare(network(), network("relu"))
    assert found.save(tmp_path / "c.svg").read_text(encoding="utf-8") == found.svg()
    assert found.save(tmp_path / "c.txt").read_text(encoding="utf-8") == f"{found}\n"
    with pytest.raises(ValueError, match=r"cannot save a comparison as 'c.gif'"):
        found.save(tmp_path / "c.gif")
    rows = json.loads(json.dumps(found.to_dict(), allow_nan=False))["changes"]
    assert len(rows) == len(found)
    assert compare(network(), network("relu")).svg() == found.svg()


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="takes no argument 'fold'"):
        compare(network(), network(), fold=True)
    with pytest.raises(ValueError, match="two different words"):
        compare(network(), network(), names=("a", "a"))
    with pytest.raises(KeyError, match="no tensor is called 'q'"):
        compare(network(), network())["q"]


# --- the graph of a gradient ---


def test_the_graph_of_a_gradient_computes_the_gradient() -> None:
    x = mg.Tensor(0.5, requires_grad=True, name="x")
    found = viz.gradient_trace((x.tanh() * x).named("y"), x)
    slope = np.tanh(0.5) + 0.5 * (1 - np.tanh(0.5) ** 2)
    (g,) = found.outputs[1:]
    assert (g.name, float(g)) == ("∂y/∂x", pytest.approx(slope))
    assert found.values[g.node].scalar == pytest.approx(slope)
    assert float(mg.grad(g, x)[0]) == pytest.approx(
        (1 - np.tanh(0.5) ** 2) * (2 - 2 * 0.5 * np.tanh(0.5))
    )


def test_forward_and_backward_stand_apart_and_every_rule_by_itself() -> None:
    tensors = [parameter(W0, "W"), parameter(V0, "V")]
    h = (mg.Tensor(X) @ tensors[0]).sigmoid().named("h")
    loss = ((h @ tensors[1]).named("o") - Y).square().mean().named("E")
    found = viz.gradient_trace(loss, tensors)
    forward, backward = found.groups.parts
    assert (forward.name, backward.name) == ("forward", "backward")
    first, then = list(forward.nodes()), list(backward.nodes())
    assert max(node.seq for node in first) < min(node.seq for node in then)
    assert len(first) + len(then) == len(found.graph.computed)
    rules = [part.name for part in backward.parts if isinstance(part, viz.structure.groups.Group)]
    assert rules == ["back through square", "back through matmul", "back through sigmoid"]
    names = {node.name for node in then if node.name}
    assert {"∂E/∂h", "∂E/∂W", "∂E/∂V"} <= names
    wanted = mg.grad(loss, tensors, retain_graph=True)
    for g, w in zip(found.outputs[1:], wanted, strict=True):
        assert w is not None
        np.testing.assert_array_equal(g.data, w.data)


def test_sums_of_contributions_belong_to_no_rule() -> None:
    x = mg.Tensor(0.5, requires_grad=True, name="x")
    found = viz.gradient_trace((x.tanh() * x).named("y"), x)
    backward = found.groups.parts[1]
    loose = [part for part in backward.parts if isinstance(part, Node)]
    assert [(node.op.name, node.name) for node in loose] == [("add", "∂y/∂x")]


def test_the_picture_of_a_gradient_has_two_boxes() -> None:
    x = mg.Tensor([0.5, 1.0], requires_grad=True, name="x")
    picture = viz.gradient_graph(x.tanh().sum(), x, theme="light")
    names = [cluster["name"] for cluster in picture.graph.graph["clusters"]]
    assert names[:2] == ["forward", "backward"]
    assert "∂loss/∂x" in picture.svg()
    assert "no backward pass" not in picture.svg()
    assert ">—<" not in picture.svg()
    drawn = {node["name"]: node for _, node in picture.graph.nodes(data=True) if "name" in node}
    slopes = 1 - np.tanh([0.5, 1.0]) ** 2
    np.testing.assert_allclose(drawn["x"]["gradient"].elements, slopes)
    assert "gradient" in drawn["∂loss/∂x"]
    ElementTree.fromstring(picture.svg())


def test_a_gradient_of_what_does_not_depend_is_refused() -> None:
    x, z = (mg.Tensor(1.0, requires_grad=True, name=name) for name in "xz")
    with pytest.raises(ValueError, match="y does not depend on z"):
        viz.gradient_trace((x * x).named("y"), z)
