"""What keeps a network from learning is found, by figures that NumPy finds too."""

from __future__ import annotations

import json
import math
import tracemalloc
from xml.etree import ElementTree

import numpy as np
import pytest

import microgradnd as mg
import viz
from microgradnd.errors import AnomalyError
from microgradnd.graph import replay
from microgradnd.nn import functional
from viz.diagnosis import health
from viz.diagnosis.chart import gradient_chart
from viz.diagnosis.series import BINS, bin_of, series_of
from viz.model.marks import Mark, gathered
from viz.structure.ids import ids_of
from viz.svg.canvas import Canvas

Array = np.ndarray
SVG = "{http://www.w3.org/2000/svg}"


def parameter(array: object, name: str) -> mg.Tensor:
    return mg.Tensor(np.asarray(array, float), requires_grad=True, name=name)


def logistic(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


def rms(x: Array) -> float:
    return math.sqrt(float((x**2).mean()))


def kinds(found: viz.Health) -> set[str]:
    return {row.kind for row in found}


def deep(weights: list[Array], x: Array) -> mg.Tensor:
    h = mg.Tensor(x)
    for k, W in enumerate(weights):
        h = (h @ parameter(W, f"W{k}") + parameter(np.zeros(W.shape[1]), f"b{k}")).sigmoid()
    return h.square().mean()


def error_terms(weights: list[Array], x: Array) -> list[Array]:
    """The gradients of a deep sigmoid network's net inputs, by hand."""
    values = [x]
    for W in weights:
        values.append(logistic(values[-1] @ W))
    g = 2.0 * values[-1] / values[-1].size
    out = []
    for W, y in zip(weights[::-1], values[:0:-1], strict=True):
        out.append(g * y * (1 - y))
        g = out[-1] @ W.T
    return out[::-1]


# --- gradients over depth and time ---


def test_the_series_over_depth_is_that_of_the_layers_error_terms() -> None:
    rng = np.random.default_rng(0)
    weights, x = [rng.normal(size=(6, 6)) * 0.3 for _ in range(12)], rng.normal(size=(4, 6))
    found = health(deep(weights, x))
    (depth,) = found.series
    wanted = [rms(term) for term in error_terms(weights, x)]
    np.testing.assert_allclose([p.rms for p in depth.points], wanted, rtol=1e-12)
    assert depth.points[0].label == "W0, b0"
    (row,) = [row for row in found if row.where == "over depth"]
    assert row.kind == "vanishing"
    assert row.value == pytest.approx(wanted[0] / wanted[-1])
    assert depth.factor == pytest.approx((wanted[0] / wanted[-1]) ** (1 / 11))
    assert row.level == ("bad" if row.value < 1e-6 else "warn")


def test_a_layer_is_where_its_input_meets_its_weights() -> None:
    rng = np.random.default_rng(11)
    layers = [mg.nn.Linear(4, 4, rng=rng) for _ in range(3)]
    net = mg.nn.Sequential(*layers)
    loss = net(rng.normal(size=(5, 4))).square().mean()
    (depth,) = health(loss).series
    assert [p.label for p in depth.points] == ["0", "1", "2"]
    assert [node.op.name for p in depth.points for node in p.nodes] == ["linear"] * 3
    assert all(node.shape == (5, 4) for p in depth.points for node in p.nodes)


@pytest.mark.parametrize(("scale", "kind"), [(0.4, "vanishing"), (1.0, ""), (3.0, "exploding")])
def test_the_series_over_time_is_that_of_the_states(scale: float, kind: str) -> None:
    rng = np.random.default_rng(1)
    W0 = np.linalg.qr(rng.normal(size=(4, 4)))[0] * scale
    x, T = rng.normal(size=(20, 3, 4)), 20
    W, h = parameter(W0, "W"), mg.Tensor(np.zeros((3, 4)))
    for t in range(T):
        h = h @ W + x[t]
    found = health(h.sum())
    g = np.ones((3, 4))
    wanted = [rms(g)]
    for _ in range(T - 1):
        g = g @ W0.T
        wanted.append(rms(g))
    (time,) = found.series
    assert time.axis == "time"
    assert [p.label for p in time.points] == [str(t + 1) for t in range(T)]
    np.testing.assert_allclose([p.rms for p in time.points], wanted[::-1], rtol=1e-12)
    assert time.factor == pytest.approx(scale)
    assert {row.kind for row in found if row.where.startswith("over time")} == {kind} - {""}


def test_over_time_it_is_the_state_that_counts_not_the_outputs() -> None:
    rng = np.random.default_rng(10)
    W, V, h = parameter(np.eye(3) * 0.5, "W"), parameter(np.eye(3), "V"), mg.Tensor(np.ones((2, 3)))
    total, states = mg.Tensor(0.0), []
    for _ in range(6):
        h = h @ W + rng.normal(size=(2, 3))
        states.append(h)
        total = total + (h @ V).square().sum()
    wanted = [rms(g.data) for g in mg.grad(total, states, retain_graph=True) if g is not None]
    time = health(total).series[-1]
    np.testing.assert_allclose([p.rms for p in time.points][:5], wanted[:5], rtol=1e-12)


def test_every_gradient_is_in_one_of_five_bins() -> None:
    starts = [start for _, start in BINS]
    assert len(starts) == 5
    assert [bin_of(start) for start in starts] == [word for word, _ in BINS]
    assert [bin_of(np.nextafter(start, 0)) for start in starts[1:]] == [w for w, _ in BINS[:-1]]
    assert bin_of(math.inf) == "Inf"


def test_a_parameter_with_a_tiny_or_huge_gradient_is_named() -> None:
    w, v = parameter([1.0, 2.0], "w"), parameter([1.0, 2.0], "v")
    found = health((w * 1e-12).sum() + (v * 1e5).sum())
    assert {(row.kind, row.where) for row in found} == {("vanishing", "w"), ("exploding", "v")}
    assert sorted(row.value for row in found) == pytest.approx([1e-12, 1e5])


def test_a_healthy_network_has_no_findings() -> None:
    rng = np.random.default_rng(2)
    W, v = parameter(rng.normal(size=(5, 8)) / 2, "W"), parameter(rng.normal(size=(8, 1)), "v")
    found = health(((mg.Tensor(rng.normal(size=(32, 5))) @ W).relu() @ v).tanh().mean())
    assert found.ok
    assert str(found).startswith("no trouble found")
    assert not found.marks


# --- units ---


def dense(x: Array, W: Array, b: Array) -> mg.Tensor:
    return (mg.Tensor(x) @ parameter(W, "W") + parameter(b, "b")).relu().named("h")


def test_dead_units_are_those_that_are_zero_for_the_whole_batch() -> None:
    rng = np.random.default_rng(3)
    x, W = rng.normal(size=(40, 5)), rng.normal(size=(5, 30))
    b = np.where(np.arange(30) % 3 == 0, -50.0, 0.0)
    h = dense(x, W, b)
    dead = (np.maximum(x @ W + b, 0) == 0).all(axis=0)
    (row,) = [row for row in health(h.sum()) if row.kind == "dead"]
    assert row.value == pytest.approx(dead.mean())
    assert row.figure.startswith(f"{dead.sum()} of 30 units (33%) are 0 for all 40 samples")
    assert row.units == tuple(np.flatnonzero(dead))
    assert row.figure.endswith(": 0, 3, 6, 9, 12, 15, 18, 21, 24, 27")
    assert row.ids == (ids_of(viz.trace(h.sum())).tensors[h.node],)
    assert row.level == "warn"


def test_statistics_a_replay_and_kept_arrays_tell_the_same_dead_units() -> None:
    rng = np.random.default_rng(4)
    b = np.where(np.arange(9) < 2, -50.0, 0.0)
    loss = dense(rng.normal(size=(16, 5)), rng.normal(size=(5, 9)), b).sum()
    with viz.trace() as passes:
        dense(rng.normal(size=(16, 5)), rng.normal(size=(5, 9)), b).sum().backward()
    traces = [viz.trace(loss), viz.trace(loss, keep="arrays"), passes[0]]
    for found in traces:
        assert [row.value for row in health(found) if row.kind == "dead"] == [2 / 9]


def test_what_changed_since_the_pass_is_not_guessed() -> None:
    rng = np.random.default_rng(5)
    W = parameter(rng.normal(size=(5, 9)), "W")
    b = np.where(np.arange(9) < 2, -50.0, 0.0)
    with viz.trace() as passes:
        (mg.Tensor(rng.normal(size=(16, 5))) @ W + b).relu().sum().backward()
    with mg.no_grad():
        W -= 1.0
    found = health(passes[0])
    assert "dead" not in kinds(found)
    assert "keep='arrays'" in found.notes[0]


def test_values_are_computed_again_with_no_more_memory_than_the_graph_is_wide() -> None:
    w = parameter(np.ones(50_000), "w")
    h = w * 1.0
    for _ in range(30):
        h = (h - 0.5).relu() + 0.5
    found = viz.trace(h.sum())
    relus = {node for node in found.graph.computed if node.op.name == "relu"}
    tracemalloc.start()
    try:
        count = sum(1 for _ in replay(found.nodes, relus))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 30
    assert peak < 5 * w.data.nbytes


def test_the_units_of_a_convolution_are_its_channels() -> None:
    rng = np.random.default_rng(6)
    x, K = rng.normal(size=(4, 2, 6, 6)), parameter(rng.normal(size=(5, 2, 3, 3)), "K")
    b = parameter([0.0, -99.0, 0.0, -99.0, 0.0], "b")
    h = functional.conv2d(mg.Tensor(x), K, b).relu()
    (row,) = [row for row in health(h.sum()) if row.kind == "dead"]
    assert row.value == pytest.approx(2 / 5)
    assert "for all 64 samples" in row.figure


@pytest.mark.parametrize("training", [True, False])
def test_a_dead_channel_is_found_behind_batch_normalisation(training: bool) -> None:
    rng = np.random.default_rng(12)
    net = mg.nn.Sequential(mg.nn.Conv2d(2, 5, 3, rng=rng), mg.nn.BatchNorm2d(5), mg.nn.ReLU())
    norm = net[1]
    with mg.no_grad():
        norm.bias[1] = norm.bias[3] = -99.0
    net.train(training)
    (row,) = [row for row in health(net(rng.normal(size=(4, 2, 6, 6))).sum()) if row.kind == "dead"]
    assert row.units == (1, 3)
    assert "for all 64 samples: 1, 3" in row.figure


def test_pictures_take_a_diagnosis_as_their_marks() -> None:
    loss = dense(np.ones((9, 1)), -np.ones((1, 3)), np.zeros(3)).sum()
    found = health(loss)
    drawn = viz.draw(loss, marks=found, theme="light").svg()
    assert 'data-mark="bad"' in drawn
    assert drawn == viz.draw(loss, marks=found.marks, theme="light").svg()


def test_a_unit_is_dead_only_if_it_is_off_at_every_time_step() -> None:
    W = parameter(np.eye(4), "W")
    x = np.full((12, 8, 4), -1.0)
    x[:, :, 0] = 1.0
    x[7, :, 1] = 1.0  # the second unit lives in one step alone
    total = mg.Tensor(0.0)
    for t in range(12):
        total = total + (mg.Tensor(x[t]) @ W).relu().sum()
    (row,) = [row for row in health(total) if row.kind == "dead"]
    assert row.value == pytest.approx(2 / 4)
    assert "for all 96 samples" in row.figure
    assert len(row.ids) == 12


@pytest.mark.parametrize(
    ("off", "samples", "found"), [(34, 1, 0), (64, 1, 1), (5, 8, 0), (9, 8, 1)]
)
def test_units_that_may_be_off_by_chance_are_not_dead(off: int, samples: int, found: int) -> None:
    W = np.where(np.arange(64) < off, -1.0, 1.0)[None]
    rows = list(health(dense(np.ones((samples, 1)), W, np.zeros(64)).sum()))
    assert sum(row.kind == "dead" for row in rows) == found


def test_half_the_units_off_in_one_sample_is_no_death() -> None:
    h = dense(np.ones((1, 1)), np.array([[1.0, -1.0, 2.0, -3.0]]), np.zeros(4))
    assert "dead" not in kinds(health(h.sum()))


def test_maximum_with_zero_is_a_relu() -> None:
    w = parameter(-np.ones((1, 3)), "w")
    h = mg.maximum(mg.Tensor(np.ones((20, 1))) * w, 0.0)
    assert [row.value for row in health(h.sum()) if row.kind == "dead"] == [1.0]


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_saturated_elements_have_a_slope_below_a_hundredth(name: str) -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(30, 20)) * 8.0
    w = parameter(np.ones(20), "w")
    y = getattr(mg.Tensor(x) * w, name)()
    value = logistic(x) if name == "sigmoid" else np.tanh(x)
    slope = value * (1 - value) if name == "sigmoid" else 1 - value**2
    share = (slope < 0.01).mean()
    assert 0.5 < share < 0.9
    (row,) = [row for row in health(y.sum()) if row.kind == "saturated"]
    assert (row.value, row.level) == (pytest.approx(share), "warn")
    assert not [row for row in health(y.sum(), saturated=0.95) if row.kind == "saturated"]


# --- zeros ---


def test_a_zero_gradient_is_traced_to_the_operation_that_made_it() -> None:
    w, v = parameter(np.zeros((3, 2)), "w"), parameter(np.zeros((2, 1)), "v")
    loss = ((mg.Tensor(np.ones((8, 3))) @ w).tanh() @ v - 1.0).square().mean()
    (row,) = health(loss)
    assert (row.kind, row.where, row.level) == ("zero gradient", "w, v", "bad")
    assert "from matmul → #6 on" in row.figure
    assert "weights that start at 0 stay there" in row.cure


def test_a_step_function_blocks_what_stands_before_it() -> None:
    w = parameter([0.5, -1.0], "w")
    loss = (functional.step(w * 2.0) * parameter([1.0, 2.0], "v")).sum()
    (row,) = [row for row in health(loss) if row.kind == "zero gradient"]
    assert row.where == "w"
    assert "sigmoid instead" in row.cure


# --- NaN ---


def test_the_origin_of_a_nan_is_the_first_operation_that_made_it() -> None:
    x = parameter([0.5, 2.0], "x")
    with np.errstate(invalid="ignore"):
        first = (x - 1.0).log()
        loss = ((first * 2.0).named("twice") + (x - 3.0).sqrt().sum()).sum()
        found = health(loss)
    row = found.findings[0]
    assert (row.kind, row.level, row.where) == ("NaN", "bad", "log → #3")
    assert "1 NaN of 2 elements from x = −0.5 … 1" in row.figure
    assert "1 more origins" in row.figure
    assert row.value == 1
    way = [name for name in row.way if name.startswith("t-")]
    ids = ids_of(found.trace)
    assert way[0] == ids.tensors[first.node]
    assert way[-1] == ids.tensors[loss.node]
    assert "log_softmax" in row.cure
    assert found.marks[row.ids[0]].level == "bad"
    assert found.marks[way[1]].level == "way"


def test_a_nan_that_came_in_with_the_data_is_no_operations_fault() -> None:
    x, w = mg.Tensor([1.0, np.nan], name="x"), parameter([1.0, 1.0], "w")
    row = health((w * x).sum()).findings[0]
    assert "it came in with x" in row.figure
    leaf = parameter([np.nan, 1.0], "broken")
    row = health((leaf * 2.0).sum()).findings[0]
    assert (row.where, row.value) == ("broken", 1)


def test_minus_infinity_in_a_mask_is_meant() -> None:
    mask = np.array([0.0, -np.inf, 0.0])
    w = parameter([0.1, 0.2, 0.3], "w")
    assert "NaN" not in kinds(health((w + mask).softmax()[0]))
    with np.errstate(divide="ignore"):
        loss = parameter([0.0, 1.0], "z").log().sum()
    found = health(loss)
    assert ("Inf", "bad") in {(row.kind, row.level) for row in found}


def test_a_nan_of_the_backward_pass_alone_is_found_in_the_walk() -> None:
    x = parameter([0.0, 4.0], "x")
    root = (x * 1.0).sqrt()
    loss = (root * np.array([0.0, 1.0])).sum().named("E")
    found = health(loss)
    row = found.findings[0]
    assert (row.kind, row.where) == ("NaN", "sqrt → #3")
    assert "1 NaN in the gradient of x (#2), from a gradient without" in row.figure
    assert row.way[-1] == ids_of(found.trace).tensors[loss.node]
    assert found.findings[1].where == "x"


def test_a_nan_that_comes_of_an_infinite_gradient_has_its_origin_there() -> None:
    d = parameter([1.0, 2.0], "x") * 1.0
    loss = (d - d).square().sum().sqrt() + d.mean()
    found = health(loss)
    assert [(row.kind, row.where) for row in found] == [("Inf", "sqrt → #6"), ("NaN", "x")]


def test_the_way_to_the_loss_is_a_shortest_one() -> None:
    x = parameter([-1.0, 4.0], "x")
    with np.errstate(invalid="ignore"):
        y = (x * 1.0).sqrt()
        loss = (y + y.tanh().sin() * 2.0).sum()
        row = health(loss).findings[0]
    ids = ids_of(viz.trace(loss))
    assert [name for name in row.way if name.startswith("op-")] == ["op-6", "op-7"]
    assert [name for name in row.way if name.startswith("t-")] == [
        ids.tensors[y.node], "t-7", "t-8",
    ]  # fmt: skip


def test_a_nan_that_the_walk_starts_from_is_the_givers() -> None:
    x = parameter([1.0, 2.0], "x")
    row = health(x * 2.0, gradient=np.array([1.0, np.nan])).findings[0]
    assert "the walk starts from a gradient with 1 NaN" in row.figure


# --- anomaly mode ---


def raised(backward: bool) -> AnomalyError:
    x = parameter([-1.0, 4.0] if not backward else [0.0, 4.0], "x")

    def both_passes() -> None:
        y = (x * 1.0).named("y").sqrt()
        (y * np.array([0.0, 1.0])).sum().named("E").backward()

    with np.errstate(all="ignore"), pytest.raises(AnomalyError) as caught, mg.detect_anomaly():
        both_passes()
    return caught.value


def test_the_error_of_anomaly_mode_can_be_drawn_with_the_way_in_red() -> None:
    error = raised(backward=True)
    assert (error.node.op.name, error.operand) == ("sqrt", 0)
    assert "test_health.py" in error.where
    found = health(error)
    assert found.findings[0].where == "sqrt → #3"
    root = ElementTree.fromstring(viz.draw(error, theme="light").svg())
    marked = {e.attrib["data-id"]: e.attrib["data-mark"] for e in root.iter() if "data-mark" in
              e.attrib}  # fmt: skip
    wanted = {name: mark.level for name, mark in found.marks.items() if not name.startswith("e-")}
    assert marked == wanted
    assert marked["op-2"] == "bad"
    assert set(marked.values()) == {"bad", "way"}


def test_an_error_of_the_forward_pass_is_drawn_up_to_the_operation() -> None:
    error = raised(backward=False)
    assert error.operand is None
    found = health(error)
    assert "no backward pass" in str(found)
    assert found.findings[0].ids == ("t-3", "op-2")
    assert viz.draw(error).graph.nodes["t-3"]["value"].nans == 1


def test_an_error_that_knows_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not raised by detect_anomaly"):
        health(AnomalyError("made by hand"))


# --- what is shown ---


def test_the_table_can_be_read_by_people_browsers_and_programs() -> None:
    w = mg.Tensor(np.full((1, 2), -1.0), requires_grad=True, name="<img src=x>")
    found = health((mg.Tensor(np.ones((9, 1))) @ w).relu().named("</script>").sum())
    html = found._repr_html_()
    assert "<img" not in html
    assert "</script>" not in html
    ElementTree.fromstring(f"<div>{html}</div>")
    rows = json.loads(json.dumps(found.to_dict(), allow_nan=False))["findings"]
    assert [row["kind"] for row in rows] == [row.kind for row in found]
    assert "cure: leaky_relu" in str(found)


def test_a_long_table_is_cut_and_says_so() -> None:
    total = mg.Tensor(0.0)
    for k in range(60):
        total = (
            total + (mg.Tensor(-np.ones((8 + k, 1))) * parameter(np.ones(2), f"w{k}")).relu().sum()
        )
    found = health(total)
    assert len(found) > 50
    assert str(found).count("cure:") == 50
    assert "the first 50 are shown" in found._repr_html_()


def test_a_closed_group_bears_the_marks_of_what_is_in_it() -> None:
    rng = np.random.default_rng(8)
    net = mg.nn.Sequential(*(mg.nn.Sequential(mg.nn.Linear(4, 4, rng=rng), mg.nn.ReLU())
                             for _ in range(2)))  # fmt: skip
    for parameter_ in list(net.parameters())[:2]:
        parameter_.data[...] = -5.0
    loss = net(np.abs(rng.normal(size=(8, 4)))).sum()
    found = health(loss)
    assert "dead" in kinds(found)
    picture = viz.draw(loss, marks=found.marks, fold=True)
    root = ElementTree.fromstring(picture.svg())
    marked = [e.attrib["data-id"] for e in root.iter() if "data-mark" in e.attrib]
    groups = [name for name, kind in picture.graph.nodes(data="kind") if kind == "group"]
    assert groups
    assert set(marked) & set(groups)


def test_marks_at_one_place_are_one_mark() -> None:
    one, other = Mark("way", "a"), Mark("bad", "b")
    assert one.joined(other) == Mark("bad", "b\na")
    assert other.joined(other) == other
    found = viz.trace(parameter(1.0, "x") * 2.0)
    assert gathered({}, ids_of(found), viz.structure.folding.whole(found.nesting)) == {}


def strip_of(loss: mg.Tensor, room: float = 600.0) -> tuple[ElementTree.Element, float]:
    text, height = gradient_chart(viz.trace(loss), Canvas("light"), room)
    return ElementTree.fromstring(f'<svg xmlns="{SVG[1:-1]}">{text}</svg>'), height


def test_the_strip_shows_every_layer_at_the_height_of_its_gradient() -> None:
    rng = np.random.default_rng(9)
    weights, x = [rng.normal(size=(6, 6)) * 0.3 for _ in range(9)], rng.normal(size=(4, 6))
    root, height = strip_of(deep(weights, x))
    dots = [e for e in root.iter() if "data-rms" in e.attrib]
    wanted = [rms(term) for term in error_terms(weights, x)]
    np.testing.assert_allclose([float(e.attrib["data-rms"]) for e in dots], wanted, rtol=1e-12)
    circles = [dot.find(f"{SVG}circle") for dot in dots]
    tops = np.array([float(c.attrib["cy"]) for c in circles if c is not None])
    above = np.array(wanted) > 1e-11
    slope = np.polyfit(np.log10(wanted)[above], tops[above], 1)
    np.testing.assert_allclose(np.polyval(slope, np.log10(wanted)[above]), tops[above], atol=0.1)
    assert slope[0] < 0
    assert tops.max() < height
    said = " ".join("".join(e.itertext()) for e in root.iter(f"{SVG}text"))
    (depth,) = series_of(viz.trace(deep(weights, x)), ids_of(viz.trace(deep(weights, x))))
    for word, count in depth.counts().items():
        assert f"{word} {count}" in said


@pytest.mark.parametrize(("scale", "lowest"), [(1.0, 1e-11), (1e-12, 1e-40)])
def test_the_scale_goes_as_far_as_the_gradients(scale: float, lowest: float) -> None:
    h = mg.Tensor(np.ones((1, 2)))
    for k in range(4):
        h = h @ parameter(np.eye(2) * scale, f"W{k}")
    root, _ = strip_of(h.sum())
    dots = [e for e in root.iter() if "data-rms" in e.attrib]
    sizes = [float(e.attrib["data-rms"]) for e in dots]
    tops = [float(c.attrib["cy"]) for e in dots if (c := e.find(f"{SVG}circle")) is not None]
    assert len(set(tops)) == len(set(sizes)) == (4 if scale < 1 else 1)
    words = {"".join(e.itertext()) for e in root.iter(f"{SVG}text")}
    assert ("1e−36" in words) == (lowest == 1e-40)


def test_a_strip_of_a_thousand_steps_has_room_for_them() -> None:
    W, h = parameter(np.eye(2) * 0.99, "W"), mg.Tensor(np.ones((1, 2)))
    for _ in range(1000):
        h = (h @ W).tanh()
    root, _ = strip_of(h.sum())
    dots = [e for e in root.iter() if "data-rms" in e.attrib]
    assert 100 < len(dots) <= 200
    assert dots[0].attrib["data-point"] == "1 … 8"


def test_a_gradient_that_is_no_number_is_a_cross_in_the_strip() -> None:
    x = parameter(np.ones((2, 2)), "x")
    h = mg.Tensor(np.ones((1, 2)))
    for k in range(4):
        h = (h @ x).named(f"h{k}")
        if k == 1:
            h = (h * 0.0).sqrt()
    with np.errstate(all="ignore"):
        root, _ = strip_of(h.sum())
    dots = [e for e in root.iter() if "data-rms" in e.attrib]
    crosses = [dot for dot in dots if dot.find(f"{SVG}circle") is None]
    assert [math.isfinite(float(dot.attrib["data-rms"])) for dot in dots].count(False) == len(
        crosses
    )
    assert crosses


def test_without_a_backward_pass_there_is_no_strip() -> None:
    found = viz.trace(parameter([1.0, 2.0], "x") * 2.0, backward=False)
    assert gradient_chart(found, Canvas("light"), 500.0) == ("", 0.0)
