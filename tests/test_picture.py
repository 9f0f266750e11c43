"""The picture's graph: which nodes and edges there are, what they are called and say."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pygraphviz
import pytest

import microgradnd as mg
from microgradnd import GraphError, Tensor
from viz import draw, picture
from viz.capture import summary


def leaf(values: object, name: str | None = None) -> Tensor:
    return Tensor(values, dtype=float, requires_grad=True, name=name)


def kinds(tensor: Tensor) -> dict[str, str]:
    return dict(draw(tensor).graph.nodes(data="kind"))


def test_a_square_has_two_edges_from_one_record() -> None:
    x = leaf(3.0, "x")
    graph = draw(x * x).graph
    assert sorted(graph["t-1"]["op-1"]) == ["e-1-0", "e-1-1"]
    assert graph.nodes["t-1"]["contributions"] == ["e-1-0", "e-1-1"]


def test_each_use_of_a_weight_beyond_the_first_is_a_tag() -> None:
    w, h = leaf(np.eye(2), "W"), leaf([[1.0, 2.0]], "h")
    for _ in range(3):
        h = h @ w
    graph = draw(h.sum()).graph
    tags = [name for name, kind in graph.nodes(data="kind") if kind == "tag"]
    assert tags == ["t-1-u2", "t-1-u3"]
    assert all(graph.nodes[tag]["home"] == "t-1" for tag in tags)
    assert len(graph.nodes["t-1"]["contributions"]) == 3
    assert graph.has_edge("t-1-u2", "op-2", "e-2-1")


def test_a_result_is_tagged_only_when_four_operations_use_it() -> None:
    def used(times: int) -> list[str]:
        h = leaf([1.0, 2.0]) * 2.0
        total = h.sum()
        for k in range(times - 1):
            total = total + (h * float(k)).sum()
        return [name for name, kind in draw(total).graph.nodes(data="kind") if kind == "tag"]

    assert used(3) == []
    assert used(4) == ["t-2-u2", "t-2-u3", "t-2-u4"]


def test_kinds_of_tensors_are_told_apart() -> None:
    constant = Tensor([1.0, 2.0], name="d")
    found = kinds((leaf([1.0, 2.0], "w") * constant + leaf([0.0, 0.0])).sum())
    assert sorted(found.values()) == sorted(
        ["parameter", "leaf", "constant", "intermediate", "intermediate", "output"]
        + ["operation"] * 3
    )


def test_plain_numbers_stand_on_the_operation() -> None:
    graph = draw(2.0 - leaf(3.0, "x")).graph
    assert graph.nodes["op-1"]["numbers"] == {0: 2.0}
    assert "op-1" in graph["t-1"]


def test_a_tensor_without_gradient_is_a_lone_record() -> None:
    graph = draw(Tensor([1.0, 2.0], name="d")).graph
    assert list(graph) == ["t-1"]
    assert graph.nodes["t-1"]["kind"] == "constant"


def test_hooks_are_marked_when_they_change_a_sum() -> None:
    w = leaf([1.0, 2.0], "w")
    h = w * 3.0
    h.register_hook(lambda g: g * 10.0)
    hooked = [name for name, is_ in draw(h.sum()).graph.nodes(data="hooked") if is_]
    assert hooked == ["t-2"]


def test_several_outputs_with_a_gradient_each() -> None:
    w = leaf([1.0, 2.0], "w")
    graph = draw([w * 2.0, w * 3.0], gradient=[np.ones(2), np.ones(2)]).graph
    assert graph.nodes["t-1"]["gradient"].elements == [5.0, 5.0]


def test_saving_makes_folders_and_knows_its_formats(tmp_path: Path) -> None:
    shown = draw(leaf(2.0, "x") * 2.0)
    path = shown.save(tmp_path / "some" / "folder" / "x.svg")
    assert path.read_text(encoding="utf-8") == shown.svg()
    assert shown.save(tmp_path / "x.dot").read_text(encoding="utf-8").startswith("digraph")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["some", "x.dot"]
    with pytest.raises(ValueError, match=r"'x\.jpg'.*\.svg, \.png, \.pdf, \.html, \.json"):
        shown.save(tmp_path / "x.jpg")


def test_too_large_a_picture_explains_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MOST", 4)
    with pytest.raises(ValueError, match="more than 4 nodes"):
        draw(leaf(2.0).tanh().tanh().tanh())


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"theme": "sepia"}, "theme must be 'auto', 'light'"),
        ({"direction": "up"}, "'TB' or 'LR', or None, not 'up'"),
        ({"style": "river", "engine": "layered"}, "leave engine='layered' out"),
        ({"keep": "all"}, "'summaries' or 'arrays', not 'all'"),
    ],
)
def test_unknown_options_are_refused(option: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(leaf(2.0), **option)


HOSTILE = 'a"b<script>&c\n{|}\\ &amp; \x00'


def test_dot_draws_hostile_names() -> None:
    x = leaf([1.0, 2.0], HOSTILE)
    dot = draw((x * x).sum()).dot()
    graph = pygraphviz.AGraph(string=dot)
    rendered = graph.draw(format="svg", prog="dot").decode()
    assert "<script>" not in rendered
    assert "a&quot;b&lt;script&gt;&amp;c⏎{|}\\" in rendered
    assert set(graph.nodes()) == {"t-1", "op-1", "t-2", "op-2", "t-3"}
    assert sum(edge.attr["style"] == "dashed" for edge in graph.edges()) == 3


@pytest.mark.parametrize(
    "draw_from",
    [
        lambda random, shape: random.standard_normal(shape).astype(np.float32),
        lambda random, shape: random.standard_normal(shape).T * 1e-3 + 5.0,
        lambda random, shape: random.standard_normal(shape).astype(np.float32) * np.float32(1e25),
        lambda random, shape: random.random(shape) < 0.5,
        lambda random, shape: random.integers(-9, 9, shape),
        lambda random, shape: np.where(random.random(shape) < 0.01, np.nan, 1.0),
        lambda random, shape: np.where(random.random(shape) < 0.01, -np.inf, 1.0),
    ],
)
def test_large_arrays_are_summarised_in_blocks_as_small_ones_at_once(
    draw_from: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = draw_from(np.random.default_rng(0), (50, 70))
    with np.errstate(invalid="ignore"):
        at_once = summary.summarise(array)
    monkeypatch.setattr(summary, "LARGE", 128)
    in_blocks = summary.summarise(array)
    for field in summary.Summary.__slots__:
        one, other = getattr(at_once, field), getattr(in_blocks, field)
        if isinstance(one, (float, np.ndarray)):
            np.testing.assert_allclose(other, one, rtol=2e-5, equal_nan=True, err_msg=field)
        else:
            assert other == one, field


def test_a_page_with_all_elements_has_every_cell() -> None:
    x = leaf(np.arange(200.0).reshape(10, 20), "x")
    for keep, expected in (("summaries", False), ("arrays", True)):
        found = json.loads(draw((x * x).sum(), keep=keep).json())
        summaries = [s for s in found["summaries"] if s["shape"] == [10, 20]]
        assert all(("elements" in s) == expected for s in summaries)


def chained(n: int) -> Tensor:
    h = x = Tensor(1.0, requires_grad=True, name="x")
    for k in range(n):
        h = h.sin() if k % 2 else h.tanh()
    return h + x


def fanned(n: int) -> Tensor:
    x = Tensor(1.0, requires_grad=True, name="x")
    return mg.stack([x.sin() if k % 2 else x.tanh() for k in range(n)]).sum()


def lines_run(act: Callable[[], object]) -> int:
    """How many lines run, every turn of a loop or comprehension counted."""
    count = 0

    def follow(frame: Any, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return follow

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("program", [chained, fanned])
@pytest.mark.parametrize("form", ["svg", "html"])
@pytest.mark.parametrize("fold", [False, True])
def test_the_work_of_drawing_grows_as_the_graph_does(
    program: Callable[[int], Tensor], form: str, fold: bool
) -> None:
    few, many = (
        lines_run(lambda n=n: getattr(draw(program(n), fold=fold, engine="layered"), form)())
        for n in (150, 300)
    )
    assert many < 2.4 * few


def test_a_vector_is_drawn_without_a_backward_pass_unless_a_gradient_is_given() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    picture = draw(x * 2.0)
    assert "no backward pass" in picture.svg()
    assert not picture.trace.gradients
    assert draw(x * 2.0, gradient=np.ones(2)).trace.gradients
    with pytest.raises(GraphError, match="needs a scalar"):
        draw(x * 2.0, backward=True)
