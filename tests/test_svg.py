"""A drawn picture is read back: its numbers are true, its looks hold in every renderer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import BytesIO
from itertools import product
from xml.etree import ElementTree

import numpy as np
import pytest
import resvg_py
from PIL import Image

from microgradnd import Tensor, no_grad
from viz import draw
from viz.style.text import fit, width
from viz.style.theme import COLOURS, luminance, rgb

SVG = "{http://www.w3.org/2000/svg}"
Arrays = dict[str, np.ndarray]


def leaves() -> Arrays:
    random = np.random.default_rng(5)
    shapes: dict[str, tuple[int, ...]] = {"V": (2, 3), "b": (3,), "θ": (3,), "W": (3, 3), "s": ()}
    return {name: random.normal(size=shape) for name, shape in shapes.items()}


def network(values: Arrays) -> Tensor:
    """Two uses of W, a square, a broadcast bias, a scalar leaf and constants."""
    t = {name: Tensor(x, requires_grad=True, name=name) for name, x in values.items()}
    x = Tensor([[0.5, -1.0]], name="x")
    net = x @ t["V"] + t["b"]
    net.name = "net"
    h = ((net - t["θ"]).sigmoid() @ t["W"]).tanh() @ t["W"]
    h.name = "h"
    error = (0.5 * (h * h) * t["s"]).sum()
    error.name = "E"
    return error


def read(text: str) -> tuple[ElementTree.Element, dict[str, ElementTree.Element]]:
    root = ElementTree.fromstring(text)
    return root, {e.attrib["data-id"]: e for e in root.iter() if "data-id" in e.attrib}


def array(element: ElementTree.Element, key: str) -> np.ndarray:
    return np.array(json.loads(element.attrib[f"data-{key}"]), dtype=float)


def words(element: ElementTree.Element) -> str:
    return " ".join("".join(e.itertext()) for e in element.iter(f"{SVG}text"))


def finite_difference(f: Callable[[Arrays], float], values: Arrays, name: str) -> np.ndarray:
    out = np.zeros_like(values[name])
    for index in product(*map(range, out.shape)):
        ends = []
        for step in (1e-6, -1e-6):
            moved = values[name].copy()
            moved[index] += step
            ends.append(f({**values, name: moved}))
        out[index] = (ends[0] - ends[1]) / 2e-6
    return out


def test_drawn_gradients_are_the_finite_differences() -> None:
    values = leaves()
    _, found = read(draw(network(values)).svg())
    drawn = {e.get("data-name"): e for e in found.values() if e.get("data-kind") == "parameter"}
    assert set(drawn) == set(values)
    for name, record in drawn.items():
        assert name is not None
        expected = finite_difference(lambda v: network(v).item(), values, name)
        np.testing.assert_allclose(array(record, "grads"), expected, rtol=1e-6, atol=1e-8)


def test_drawn_values_are_the_engine_s_to_the_last_bit() -> None:
    values = leaves()
    loss = network(values)
    _, found = read(draw(loss).svg())
    for record in found.values():
        if record.get("data-kind") == "parameter":
            assert np.array_equal(array(record, "values"), values[record.attrib["data-name"]])
    output = next(e for e in found.values() if e.get("data-kind") == "output")
    assert float(output.attrib["data-value"]) == loss.item()


def test_drawn_contributions_sum_to_drawn_gradients() -> None:
    _, found = read(draw(network(leaves())).svg())
    summed = 0
    for record in found.values():
        if "data-grads" not in record.attrib:
            continue
        total = np.zeros(json.loads(record.attrib["data-shape"]))
        for key in record.attrib["data-contributions"].split():
            total = total + (
                array(record, "seeds") if key == "seed" else array(found[key], "contributions")
            )
            summed += 1
        np.testing.assert_allclose(array(record, "grads"), total, rtol=1e-14, atol=1e-16)
    assert summed > 12


def test_statistics_are_in_full_precision() -> None:
    x = np.random.default_rng(0).normal(size=(9, 11))
    w = Tensor(x, requires_grad=True, name="w")
    record = read(draw((w * w).mean()).svg())[1]["t-1"]
    for key, value in {"mean": x.mean(), "std": x.std(), "min": x.min(), "max": x.max()}.items():
        assert float(record.attrib[f"data-value-{key}"]) == pytest.approx(value, rel=1e-15)
    assert float(record.attrib["data-grad-norm"]) == pytest.approx(
        np.linalg.norm(2 * x / x.size), rel=1e-15
    )
    assert "data-values" not in record.attrib


def test_the_picture_is_the_same_before_and_after_backward() -> None:
    loss = network(leaves())
    before = draw(loss).svg()
    loss.backward()
    assert draw(loss).svg() == before


def test_the_same_program_gives_the_same_bytes() -> None:
    assert draw(network(leaves())).svg() == draw(network(leaves())).svg()


def test_drawing_leaves_grad_alone() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    draw((w * w).sum()).svg()
    assert w.grad is None


def test_a_changed_leaf_is_announced() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    loss = (w * w).sum()
    assert "data-stale" not in read(draw(loss).svg())[0].attrib
    with no_grad():
        w.data = w.data * 2.0
    root, _ = read(draw(loss).svg())
    assert root.attrib["data-stale"] == "true"
    assert root.attrib["data-changed"] == "'w'"
    said = "leaf 'w' changed since the forward pass"
    assert said in words(root)
    assert said in root.findtext(f"{SVG}desc", "")
    assert root.findtext(f"{SVG}title") == "output = 20"  # what is drawn, not what was computed


def test_what_was_not_computed_is_a_dash() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    _, found = read(draw((w * w).sum(), backward=False, style="records").svg())
    assert "grad —" in words(found["t-1"])
    assert "data-grads" not in found["t-1"].attrib
    assert "data-step" not in found["op-1"].attrib
    assert "data-contributions" not in found["e-1-0"].attrib


def test_a_constant_has_no_grad_row() -> None:
    w, d = Tensor([1.0, 2.0], requires_grad=True, name="w"), Tensor([3.0, 4.0], name="d")
    _, found = read(draw((w * d).sum(), style="records").svg())
    record = next(e for e in found.values() if e.get("data-name") == "d" and e.get("data-shape"))
    assert "grad" not in words(record)
    assert "const" in words(record)


def test_kinds_are_said_in_words() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    _, found = read(draw((w * Tensor([1.0, 1.0], requires_grad=True)).sum(), style="records").svg())
    said = {e.get("data-kind"): words(e) for e in found.values() if "data-kind" in e.attrib}
    for kind, word in (("parameter", "param"), ("leaf", "leaf"), ("output", "output")):
        assert word in said[kind]


def test_nan_and_inf_are_drawn_with_the_word() -> None:
    big = np.zeros((20, 20))
    big[3, 4], big[5, 5] = np.nan, np.inf
    few = Tensor([np.nan, 1.0], requires_grad=True, name="few")
    loss = Tensor(big, requires_grad=True, name="big").sum() + few.sum()
    _, found = read(draw(loss).svg())
    drawn = {e.get("data-name"): e for e in found.values() if e.get("data-kind") == "parameter"}
    assert "1 NaN 1 Inf" in words(drawn["big"])
    assert "NaN" in words(drawn["few"])
    assert json.loads(drawn["few"].attrib["data-values"]) == ["nan", 1.0]
    assert drawn["big"].attrib["data-value-nans"] == "1"
    output = next(e for e in found.values() if e.get("data-kind") == "output")
    assert "NaN" in words(output)


def test_accumulation_is_spelled_out() -> None:
    x = Tensor(3.0, requires_grad=True, name="x")
    record = read(draw(x * x, style="records").svg())[1]["t-1"]
    assert "Σ 2 contributions" in words(record)
    assert re.search(r"\s3\s+\(multiply.*\n\s+\+ 3\s", record.findtext(f"{SVG}title", ""))


def test_a_scalar_used_three_times_has_the_sum_of_three_contributions() -> None:
    x = Tensor(3.0, requires_grad=True, name="x")
    _, found = read(draw(x * x * x + x, style="records").svg())
    record = found["t-1"]
    keys = record.attrib["data-contributions"].split()
    assert keys == ["e-3-1", "e-2-1", "e-1-0", "e-1-1"]
    terms = [float(found[key].attrib["data-contribution"]) for key in keys]
    assert terms == [1.0, 9.0, 9.0, 9.0]
    assert float(record.attrib["data-grad"]) == sum(terms) == 28.0
    assert "Σ 4 contributions" in words(record)
    assert "grad is the sum of 4 contributions" in record.findtext(f"{SVG}title", "")
    assert [found[tag].attrib["data-home"] for tag in ("t-1-u2", "t-1-u3")] == ["t-1", "t-1"]
    cube = read(draw(x * x * x, style="records").svg())[1]["t-1"]
    assert "Σ 3 contributions" in words(cube)
    assert float(cube.attrib["data-grad"]) == 27.0


HOSTILE = 'a"b<script>&c\n{|}\x00\x1b'


def test_hostile_names_are_harmless_and_whole() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True, name=HOSTILE)
    text = draw((w * w).sum(), title=HOSTILE).svg()
    assert "<script" not in text
    root, found = read(text)
    assert found["t-1"].attrib["data-name"] == HOSTILE.replace("\x00", "�").replace("\x1b", "�")
    assert root.findtext(f"{SVG}title", "").startswith('a"b<script>&c\n{|}')


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_every_theme_and_direction_renders(theme: str, direction: str) -> None:
    text = draw(network(leaves()), theme=theme, direction=direction).svg()
    assert "var(" not in text
    assert ("<style>" in text) == (theme == "auto")
    pixels = rendered(text)
    canvas = rgb(COLOURS["canvas"][theme == "dark"])
    assert pixels.getpixel((2, 2)) == canvas
    share = np.mean(np.all(np.asarray(pixels) == canvas, axis=-1))
    assert share > 0.4  # most of a picture is its background: nothing has turned black


def rendered(text: str) -> Image.Image:
    return Image.open(BytesIO(resvg_py.svg_to_bytes(svg_string=text))).convert("RGB")


def test_records_have_the_theme_s_fill_without_css() -> None:
    loss = network(leaves())
    root, found = read(draw(loss, engine="layered").svg())
    pixels = rendered(draw(loss, engine="layered").svg())
    graph = root.findall(f"{SVG}g")[1]
    dx, dy = shift(graph)
    for kind, role in (("parameter", "leaf"), ("intermediate", "record"), ("constant", "const")):
        record = next(e for e in found.values() if e.get("data-kind") == kind)
        x, y = shift(record)
        place = round(dx + x) + 12, round(dy + y) + 4
        assert pixels.getpixel(place) == rgb(COLOURS[role][0])


def shift(element: ElementTree.Element) -> tuple[float, float]:
    x, y = re.findall(r"-?[\d.]+", element.attrib["transform"])
    return float(x), float(y)


@pytest.mark.parametrize("style", ["river", "records"])
def test_text_stays_in_its_box(style: str) -> None:
    names = ["x", "W" * 60, "θ̂₁", "張量" * 20]
    total = Tensor(0.0, requires_grad=True)
    for name in names:
        t = Tensor(-1.23456789e-7 * np.ones((3, 3)), requires_grad=True, name=name)
        total = (t * t).sum() + total
    _, found = read(draw(total, style=style).svg())
    for node in found.values():
        boxes = node.findall(f"{SVG}rect")
        if "data-kind" not in node.attrib or not boxes:
            continue
        right = max(float(b.attrib["x"]) + float(b.attrib["width"]) for b in boxes)
        for text in node.findall(f"{SVG}text"):
            size = float(text.attrib["font-size"])
            wide = width("".join(text.itertext()), size, "font-weight" in text.attrib)
            anchor = {"end": 1.0, "middle": 0.5}.get(text.get("text-anchor", ""), 0.0)
            left = float(text.attrib["x"]) - anchor * wide
            assert size >= 9.5
            assert left >= 0
            assert left + wide <= right + 1.0


def test_labels_sit_on_no_record() -> None:
    root, found = read(draw(network(leaves()), engine="layered").svg())
    graph = root.findall(f"{SVG}g")[1]
    boxes = []
    for node in found.values():
        if "data-kind" in node.attrib and node.find(f"{SVG}rect") is not None:
            x, y = shift(node)
            rect = node.findall(f"{SVG}rect")[0]
            boxes.append(
                (x, y, x + float(rect.attrib["width"]) - 9, y + float(rect.attrib["height"]) - 9)
            )
    labels = graph.findall(f"{SVG}text")
    assert len(labels) > 10
    for label in labels:
        x, y = float(label.attrib["x"]), float(label.attrib["y"]) - 3.5
        assert not any(a < x < c and b < y < d for a, b, c, d in boxes)


@pytest.mark.parametrize(("direction", "axis"), [("TB", 1), ("LR", 0)])
def test_a_pill_stands_right_before_its_result(direction: str, axis: int) -> None:
    x = Tensor([[3.0], [1.0]], requires_grad=True, name="x")
    shown = draw(x * x, gradient=[[1.0], [1.0]], direction=direction, style="records")
    _, found = read(shown.svg())
    pill, result = found["op-1"], found["t-2"]
    rect = pill.findall(f"{SVG}rect")[0]
    length = float(rect.attrib[("width", "height")[axis]]) + 1.0
    gap = shift(result)[axis] - shift(pill)[axis] - length
    assert 10.0 <= gap <= 16.0
    start, end = (float(x) for x in re.findall(r"-?[\d.]+", drawn(found["e-1-out"]))[axis:8:6])
    assert start < end <= start + gap


def drawn(edge: ElementTree.Element) -> str:
    return edge.findall(f"{SVG}path")[0].attrib["d"]


# every role of text with the fills it is written on
TEXT_ON: dict[str, tuple[str, ...]] = {
    "ink": ("canvas", "record", "leaf", "const", "op", "group", "box"),
    "muted": ("canvas", "record", "leaf", "const", "op", "group", "box"),
    "grad-ink": ("canvas", "record", "leaf", "op", "group", "box"),
    "chip-ink": ("chip",),
    "sum-ink": ("canvas", "record", "leaf", "box"),
    "warn-ink": ("warn",),
    "bad-ink": ("bad",),
}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, from 1 to 21 (WCAG 2)."""
    a, b = sorted((luminance(rgb(one)), luminance(rgb(other))))
    return (b + 0.05) / (a + 0.05)


def test_black_on_white_has_the_highest_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("theme", [0, 1])
def test_every_text_is_legible_on_what_it_is_written(theme: int) -> None:
    for role, grounds in TEXT_ON.items():
        for ground in grounds:
            assert contrast(COLOURS[role][theme], COLOURS[ground][theme]) >= 4.5, (role, ground)


def test_fit_keeps_to_its_room() -> None:
    for room in (20.0, 33.0, 90.0):
        assert width(fit("backpropagation", room, 12.0), 12.0) <= room


def test_large_graphs_are_drawn() -> None:
    w, h = Tensor(np.eye(3), requires_grad=True, name="W"), Tensor(np.ones((1, 3)), name="h₀")
    for _ in range(180):
        h = (h @ w).tanh()
    shown = draw(h.sum(), engine="layered", fold=False)
    assert len(shown.graph) > 900
    _, found = read(shown.svg())
    assert len(found["t-1"].attrib["data-contributions"].split()) == 180
