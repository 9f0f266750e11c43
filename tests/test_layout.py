"""What `viz.layout` promises of every engine, and of Graphviz's child process when it fails."""

import importlib
import logging
import os
import shutil
import subprocess
import sys
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viz.layout import Box, Frame, Layout, LayoutError, Link, layout

module = importlib.import_module("viz.layout.placing")

needs_pygraphviz = pytest.mark.skipif(
    importlib.util.find_spec("pygraphviz") is None, reason="pygraphviz is not installed"
)
needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="the executable `dot` of Graphviz is not on PATH"
)
every_engine = pytest.mark.parametrize(
    "engine",
    [
        "layered",
        pytest.param("pygraphviz", marks=needs_pygraphviz),
        pytest.param("dot", marks=needs_dot),
    ],
)
both_directions = pytest.mark.parametrize("direction", ["TB", "LR"])


def diamond() -> tuple[list[Box], list[Link]]:
    """x -> f, g -> y, and x straight to y."""
    boxes = [Box("x", 80, 40), Box("f", 40, 20), Box("g", 50, 30), Box("y", 80, 60)]
    ends = [("x", "f"), ("x", "g"), ("f", "y"), ("g", "y"), ("x", "y")]
    return boxes, [Link(f"{tail}{head}", tail, head) for tail, head in ends]


def borders(box: Box, at: tuple[float, float]) -> tuple[float, float, float, float]:
    x, y = at
    return x - box.width / 2, y - box.height / 2, x + box.width / 2, y + box.height / 2


def on_border(point: tuple[float, float], box: Box, at: tuple[float, float]) -> bool:
    dx, dy = abs(point[0] - at[0]) - box.width / 2, abs(point[1] - at[1]) - box.height / 2
    return max(dx, dy) == pytest.approx(0, abs=0.05)


def curve(route: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points along the Bezier curves of a route."""
    points = []
    for start in range(0, len(route) - 1, 3):
        for t in (step / 16 for step in range(17)):
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            four = route[start : start + 4]
            points.append(
                tuple(sum(w * p[k] for w, p in zip(weights, four, strict=True)) for k in (0, 1))
            )
    return points


def assert_drawable(boxes: list[Box], links: list[Link], done: Layout) -> None:
    """Everything is placed, inside the drawing, without overlap, and links touch their boxes."""
    by_id = {box.id: box for box in boxes}
    assert list(done.positions) == list(by_id)
    assert list(done.routes) == [link.id for link in links]
    areas = {box.id: borders(box, done.positions[box.id]) for box in boxes}
    for left, top, right, bottom in areas.values():
        assert 0 < left < right < done.width
        assert 0 < top < bottom < done.height
    for a, b in combinations(areas.values(), 2):
        apart = max(a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3])
        assert apart > -0.05
    for link in links:
        route = done.routes[link.id]
        assert len(route) >= 4
        assert len(route) % 3 == 1
        assert all(0 <= x <= done.width and 0 <= y <= done.height for x, y in route)
        assert on_border(route[0], by_id[link.tail], done.positions[link.tail])
        assert on_border(route[-1], by_id[link.head], done.positions[link.head])


@st.composite
def dags(draw: st.DrawFn) -> tuple[list[Box], list[Link]]:
    """Up to twelve boxes of any size; links run from earlier to later ones and may repeat."""
    side = st.floats(1, 200, allow_nan=False)
    sizes = draw(st.lists(st.tuples(side, side), min_size=1, max_size=12))
    boxes = [Box(f"b{n}", *size) for n, size in enumerate(sizes)]
    end = st.integers(0, len(boxes) - 1)
    ends = draw(st.lists(st.tuples(end, end).filter(lambda pair: pair[0] != pair[1]), max_size=20))
    pairs = [sorted(pair) for pair in ends] if len(boxes) > 1 else []
    return boxes, [Link(f"l{n}", f"b{t}", f"b{h}") for n, (t, h) in enumerate(pairs)]


@every_engine
@settings(
    max_examples=25,
    deadline=None,  # a child process per example
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(graph=dags(), direction=st.sampled_from(["TB", "LR"]))
def test_any_small_dag_is_drawable(engine: str, graph: tuple, direction: str) -> None:
    done = layout(*graph, direction=direction, engine=engine)
    assert done.engine == engine
    assert_drawable(*graph, done)


@every_engine
@both_directions
def test_links_run_along_the_direction(engine: str, direction: str) -> None:
    boxes, links = diamond()
    done = layout(boxes, links, direction=direction, engine=engine)
    axis = 1 if direction == "TB" else 0
    for link in links:
        assert done.positions[link.tail][axis] < done.positions[link.head][axis]


@every_engine
def test_no_link_crosses_a_box(engine: str) -> None:
    boxes = [Box(f"b{n}", 60 + 50 * (n % 3), 20 + 30 * (n % 2)) for n in range(15)]
    ends = [(n, n + step) for step in (1, 2, 5) for n in range(15 - step)]
    links = [Link(f"{tail}-{head}", f"b{tail}", f"b{head}") for tail, head in ends]
    done = layout(boxes, links, engine=engine)
    for link in links:
        for box in boxes:
            if box.id in (link.tail, link.head):
                continue
            left, top, right, bottom = borders(box, done.positions[box.id])
            assert not any(
                left + 0.5 < x < right - 0.5 and top + 0.5 < y < bottom - 0.5
                for x, y in curve(done.routes[link.id])
            )


@every_engine
def test_the_same_input_gives_the_same_layout(engine: str) -> None:
    first, second = (layout(*diamond(), engine=engine) for _ in range(2))
    assert (first.positions, first.routes) == (second.positions, second.routes)
    assert (first.width, first.height) == (second.width, second.height)


@every_engine
@both_directions
def test_parallel_links_have_routes_of_their_own(engine: str, direction: str) -> None:
    boxes = [Box("x", 60, 30), Box("square", 40, 20)]
    links = [Link("first", "x", "square"), Link("second", "x", "square")]
    done = layout(boxes, links, direction=direction, engine=engine)
    assert_drawable(boxes, links, done)
    assert done.routes["first"] != done.routes["second"]


@every_engine
@both_directions
def test_self_loops_and_cycles_do_not_crash(engine: str, direction: str) -> None:
    boxes = [Box(name, 50, 30) for name in "abc"]
    ends = ["aa", "aa", "ab", "bc", "ca", "ba"]
    links = [Link(f"{n}", *pair) for n, pair in enumerate(ends)]
    done = layout(boxes, links, direction=direction, engine=engine)
    assert_drawable(boxes, links, done)


@every_engine
def test_hostile_ids_are_only_ids(engine: str) -> None:
    names = ['"];}', "<b>&amp;", "n0", "\n\\N\x00", "", "σ→∂", "--", "graph"]
    boxes = [Box(name, 40, 20) for name in names]
    links = [Link(a + b, a, b) for a, b in pairwise(names)]
    assert_drawable(boxes, links, layout(boxes, links, engine=engine))


@every_engine
def test_nothing_and_a_single_box_are_graphs_too(engine: str) -> None:
    assert layout([], [], engine=engine).positions == {}
    one = layout([Box("x", 40, 20)], [], engine=engine)
    assert one.positions == {"x": (one.width / 2, one.height / 2)}
    assert one.width > 40


@every_engine
def test_long_chains_keep_exact_and_do_not_drift(engine: str) -> None:
    """1,100 ranks are 60,000 px: five digits would not do; skips must not push it sideways."""
    boxes = [Box(f"b{n}", 60, 20) for n in range(1_100)]
    links = [Link(f"l{n}", f"b{n}", f"b{n + 1}") for n in range(1_099)]
    links += [Link(f"skip{n}", f"b{n}", f"b{n + 3}") for n in range(0, 1_096, 3)]
    done = layout(boxes, links, engine=engine)
    for upper, lower in pairwise(done.positions.values()):
        assert lower[1] - upper[1] == pytest.approx(20 + 36, abs=0.1)
    assert done.width < 600


def test_one_box_used_at_every_step_of_a_long_chain_costs_no_square_of_dummies() -> None:
    boxes = [Box("weight", 60, 20), *(Box(f"b{n}", 60, 20) for n in range(2_000))]
    links = [Link(f"l{n}", f"b{n}", f"b{n + 1}") for n in range(1_999)]
    links += [Link(f"w{n}", "weight", f"b{n}") for n in range(2_000)]
    done = layout(boxes, links)
    assert done.engine == "layered"
    assert set(done.routes) == {link.id for link in links}
    assert done.routes["w1999"][-1][1] == pytest.approx(done.positions["b1999"][1] - 10)


def test_very_many_boxes_are_not_given_to_graphviz(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "HUGE", 3)
    with caplog.at_level(logging.INFO, logger="viz"):
        assert layout(*diamond()).engine == "layered"
    assert "4 boxes are many for Graphviz" in caplog.text


def child(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let `code` run in place of Graphviz's child."""
    monkeypatch.setattr(module, "_child_command", lambda: [sys.executable, "-S", "-c", code])


FAILURES = {
    "did not finish within 0.3 s": "import time; time.sleep(60)",
    "exit code": "import os; os.abort()",
    "left out a part of the graph": "print('<svg></svg>')",
    "three words said": "import sys; sys.exit('three words said')",
}


@needs_pygraphviz
@pytest.mark.parametrize(("reason", "code"), FAILURES.items())
def test_a_failing_graphviz_falls_back_with_a_logged_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, reason: str, code: str
) -> None:
    child(monkeypatch, code)
    timeout = 0.3 if "sleep" in code else 10.0
    with caplog.at_level(logging.WARNING, logger="viz"):
        done = layout(*diamond(), timeout=timeout)
    assert done.engine == "layered"
    assert_drawable(*diamond(), done)
    assert [record.name for record in caplog.records] == ["viz"]
    assert reason in caplog.text


@needs_pygraphviz
@pytest.mark.parametrize(("reason", "code"), FAILURES.items())
def test_an_engine_asked_for_by_name_raises_its_reason(
    monkeypatch: pytest.MonkeyPatch, reason: str, code: str
) -> None:
    child(monkeypatch, code)
    timeout = 0.3 if "sleep" in code else 10.0
    with pytest.raises(LayoutError, match=reason):
        layout(*diamond(), engine="pygraphviz", timeout=timeout)


@needs_pygraphviz
def test_pygraphviz_that_cannot_be_imported_counts_as_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child(monkeypatch, "import sys; print('broken wheel', file=sys.stderr); sys.exit(3)")
    with pytest.raises(LayoutError, match="cannot be imported: broken wheel"):
        layout(*diamond(), engine="pygraphviz")


def without_graphviz(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_without_any_graphviz_our_own_layout_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_graphviz(monkeypatch, tmp_path)
    assert layout(*diamond()).engine == "layered"


def test_where_no_process_can_be_started_our_own_layout_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise OSError("emscripten does not support processes.")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert layout(*diamond()).engine == "layered"


@pytest.mark.parametrize(
    ("engine", "cure"), [("pygraphviz", "pip install pygraphviz"), ("dot", "install Graphviz")]
)
def test_a_missing_engine_asked_for_by_name_raises(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: str, cure: str
) -> None:
    without_graphviz(monkeypatch, tmp_path)
    with pytest.raises(LayoutError, match=cure):
        layout(*diamond(), engine=engine)


@needs_dot
def test_dot_stands_in_for_pygraphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert layout(*diamond()).engine == "dot"


@pytest.mark.skipif(os.name != "posix", reason="the fake `dot` is a shell script")
@pytest.mark.parametrize(
    ("script", "reason"),
    [("exec sleep 60", "did not finish within 0.3 s"), ("kill -ABRT $$", "Graphviz failed")],
)
def test_a_failing_dot_executable_is_told_apart_from_a_missing_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, reason: str
) -> None:
    fake = tmp_path / "dot"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(LayoutError, match=reason):
        layout(*diamond(), engine="dot", timeout=0.3)
    assert layout(*diamond(), timeout=0.3).engine == "layered"


@needs_pygraphviz
def test_graphviz_works_from_any_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pygraphviz.py").write_text("raise SystemExit('the wrong pygraphviz')")
    monkeypatch.chdir(tmp_path)
    assert layout(*diamond()).engine == "pygraphviz"


@needs_pygraphviz
def test_the_child_imports_neither_viz_nor_numpy() -> None:
    code = (
        "import runpy, sys\n"
        f"run = runpy.run_path({str(Path(module.__file__).with_name('graphviz_child.py'))!r})\n"
        "run['main']()\n"
        "assert not {'viz', 'numpy', 'networkx'} & set(sys.modules), 'too much imported'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"digraph {}", capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"<svg" in done.stdout


A, B = Box("a", 40, 20), Box("b", 40, 20)


@pytest.mark.parametrize(
    ("boxes", "links", "complaint"),
    [
        ([A, A], [], "two boxes have the id 'a'"),
        ([A, B], [Link("l", "a", "b"), Link("l", "b", "a")], "two links have the id 'l'"),
        ([A], [Link("l", "a", "nowhere")], "'nowhere', which is not a box"),
        ([A], [Link("l", "nowhere", "a")], "'nowhere', which is not a box"),
        ([Box("flat", 40, 0)], [], "box 'flat' needs a positive size"),
        ([Box("vague", float("nan"), 1)], [], "box 'vague' needs a positive size"),
        ([Box("endless", float("inf"), 1)], [], "box 'endless' needs a positive size"),
    ],
)
def test_input_that_is_no_graph_is_refused(
    boxes: list[Box], links: list[Link], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        layout(boxes, links)


@pytest.mark.parametrize(
    "option", [{"direction": "up"}, {"engine": "neato"}, {"timeout": 0}, {"nodesep": -1}]
)
def test_options_that_mean_nothing_are_refused(option: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        layout([A], [], **option)


def nested_graph() -> tuple[list[Box], list[Link], list[Frame]]:
    """Three frames, one in another, with links over their borders and around them."""
    frames = [Frame("outer", 80.0), Frame("inner", 60.0, "outer"), Frame("other", 300.0)]
    homes = {
        "a": None,
        "b": "outer",
        "c": "inner",
        "d": "inner",
        "e": "outer",
        "f": "other",
        "g": None,
    }
    boxes = [Box(name, 50.0 + 10 * k, 24.0, home) for k, (name, home) in enumerate(homes.items())]
    pairs = ["ab", "bc", "cd", "de", "ad", "af", "fg", "eg", "bg", "cg"]
    return boxes, [Link(pair, *pair) for pair in pairs], frames


def inside(point: tuple[float, float], rect: tuple[float, ...]) -> bool:
    return rect[0] <= point[0] <= rect[2] and rect[1] <= point[1] <= rect[3]


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("engine", ["layered", "pygraphviz"])
def test_frames_hold_their_boxes_and_no_others(engine: str, direction: str) -> None:
    boxes, links, frames = nested_graph()
    placed = layout(boxes, links, frames=frames, direction=direction, engine=engine)
    around = {"outer": {"b", "c", "d", "e"}, "inner": {"c", "d"}, "other": {"f"}}
    for name, held in around.items():
        left, top, right, bottom = placed.frames[name]
        for box in boxes:
            x, y = placed.positions[box.id]
            corners = [
                (x + i * box.width / 2, y + j * box.height / 2) for i in (-1, 1) for j in (-1, 1)
            ]
            within = [inside(corner, (left, top, right, bottom)) for corner in corners]
            assert all(within) if box.id in held else not any(within), (name, box.id)
        assert right - left >= 60.0
    assert all(inside(p, placed.frames["outer"]) for p in zip(*[iter(placed.frames["inner"])] * 2))
    for link in links:  # routes begin and end at their boxes
        for end, point in (
            (link.tail, placed.routes[link.id][0]),
            (link.head, placed.routes[link.id][-1]),
        ):
            box = next(box for box in boxes if box.id == end)
            x, y = placed.positions[end]
            assert abs(point[0] - x) <= box.width / 2 + 1
            assert abs(point[1] - y) <= box.height / 2 + 1


def test_frames_must_come_before_what_stands_in_them() -> None:
    with pytest.raises(ValueError, match="frame 'in' comes twice, or before the frame around it"):
        layout([Box("a", 1, 1)], [], frames=[Frame("in", 9.0, "out"), Frame("out", 9.0)])
    with pytest.raises(ValueError, match="box 'a' stands in 'x', which is not a frame"):
        layout([Box("a", 1, 1, "x")], [])
