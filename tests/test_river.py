"""River pictures: everything has a place of its own, and what is straight by nature is straight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from time import process_time
from xml.etree import ElementTree

import numpy as np
import pytest

import microgradnd as mg
import viz
from microgradnd import Tensor, nn
from tests.picture_laws import broken, read
from tests.random_layouts import FAMILIES, of_family, random_blocks
from viz.layout.river import DOWN, RIGHT, Item, Wire, arrange
from viz.model.build import build
from viz.model.river import records_of
from viz.svg.river.placing import place

GALLERY = Path(__file__).parents[1] / "examples" / "gallery"
RIVERS = [p for p in sorted(GALLERY.glob("*.svg")) if 'data-layout="river"' in p.read_text("utf-8")]


def rectangles(items: list[Item]) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    for item in items:
        yield item.id, (item.u - item.before, item.v, item.u + item.after, item.v + item.along)
        for leaf in item.leaves:
            yield leaf.id, (*leaf.at, leaf.at[0] + leaf.across, leaf.at[1] + leaf.along)


def meet(a: tuple, b: tuple, by: float) -> bool:
    return (a[0] + by < b[2] and b[0] + by < a[2]) and (a[1] + by < b[3] and b[1] + by < a[3])


@pytest.mark.parametrize("distances", [DOWN, RIGHT], ids=["down", "right"])
def test_no_item_lies_on_another_and_no_wire_runs_through_one(distances: object) -> None:
    for seed in range(100):
        root, items, wires = random_blocks(seed)
        arrange(root, wires, distances)  # type: ignore[arg-type]
        boxes = list(rectangles(items))
        for k, (name, box) in enumerate(boxes):
            for other, more in boxes[k + 1 :]:
                assert not meet(box, more, 0.1), (seed, name, other)
        for wire in wires:
            tail, head = wire.tail, wire.head
            assert wire.points[0][1] == pytest.approx(tail.v + tail.along)
            assert wire.points[-1][1] == pytest.approx(head.v)
            for (u0, v0), (u1, v1) in pairwise(wire.points):
                assert abs(u0 - u1) < 0.1 or abs(v0 - v1) < 0.1, (seed, wire.id)
                line = min(u0, u1), min(v0, v1), max(u0, u1), max(v0, v1)
                for name, box in boxes:
                    inside = box[0] + 1 < line[2] and line[0] < box[2] - 1
                    crosses = inside and box[1] + 1 < line[3] and line[1] < box[3] - 1
                    assert not crosses, (seed, wire.id, name)


@pytest.mark.parametrize("distances", [DOWN, RIGHT], ids=["down", "right"])
def test_no_wire_runs_on_another(distances: object) -> None:
    for seed in range(200):
        root, _, wires = random_blocks(seed)
        arrange(root, wires, distances)  # type: ignore[arg-type]
        for along in (True, False):
            parts = sorted(parts_of(wires, along))
            for k, (at, low, high, name) in enumerate(parts):
                for other, low_2, high_2, more in parts[k + 1 :]:
                    if other - at > 12.0:  # less than a ribbon and the wire beside it take
                        break
                    apart = high <= low_2 + 1.0 or high_2 <= low + 1.0
                    assert name == more or apart, (seed, name, more)


def parts_of(wires: list[Wire], along: bool) -> Iterator[tuple[float, float, float, str]]:
    """The straight parts of wires along the flow or across it: where they are, from, to."""
    for wire in wires:
        for (u0, v0), (u1, v1) in pairwise(wire.points):
            if along and abs(u0 - u1) < 0.1:
                yield u0, min(v0, v1), max(v0, v1), wire.id
            elif not along and abs(v0 - v1) < 0.1:
                yield v0, min(u0, u1), max(u0, u1), wire.id


def test_the_same_items_get_the_same_places() -> None:
    places = []
    for _ in range(2):
        root, items, wires = random_blocks(7)
        arrange(root, wires, DOWN)
        places.append([(x.u, x.v) for x in items] + [p for wire in wires for p in wire.points])
    assert places[0] == places[1]


@pytest.mark.parametrize("path", RIVERS, ids=lambda path: path.stem)
def test_a_picture_of_the_gallery_breaks_no_law(path: Path) -> None:
    svg = path.read_text("utf-8")
    assert broken(svg) == []
    found = read(svg)
    assert found.size[0] <= 2_200
    assert len(found.boxes) >= 4


def test_spoiled_pictures_are_noticed() -> None:
    svg = viz.draw(recurrent(2), theme="light").svg()
    assert broken(svg) == []
    small = svg.replace('font-size="12"', 'font-size="9"', 1)
    assert any("small" in words for words in broken(small))
    moved = re.sub(r'(data-kind="output".*?translate)\([^)]*\)', r"\1(0 0)", svg, count=1)
    assert any("lies on" in words for words in broken(moved))
    word = svg.replace("</svg>", '<text x="300" y="150" font-size="400">‖‖‖‖</text></svg>')
    assert any("runs through" in words or "lies on" in words for words in broken(word))


def recurrent(steps: int) -> Tensor:
    draw = np.random.default_rng(0)
    wx, wh, b = (
        Tensor(draw.normal(size=shape) * 0.5, requires_grad=True, name=name)
        for name, shape in (("Wx", (3, 4)), ("Wh", (4, 4)), ("b", (4,)))
    )
    h = Tensor(np.zeros((1, 4)), name="h0")
    for t in range(steps):
        x = Tensor(draw.normal(size=(1, 3)), name=f"x{t + 1}")
        h = mg.tanh(h @ wh + x @ wx + b).named(f"h{t + 1}")
    return (h * h).mean().named("loss")


def lstm(steps: int) -> Tensor:
    draw = np.random.default_rng(0)
    cell = nn.LSTMCell(2, 3, rng=draw, dtype=np.float64)
    h, c = (Tensor(np.zeros((1, 3)), name=name) for name in ("h0", "c0"))
    for t in range(steps):
        h, c = cell(Tensor(draw.normal(size=(1, 2)), name=f"x{t + 1}"), (h, c))
        h, c = h.named(f"h{t + 1}"), c.named(f"c{t + 1}")
    return (h * h).sum().named("loss")


def test_the_state_of_an_lstm_runs_straight_through_equal_steps() -> None:
    picture = viz.draw(lstm(4))
    model = build(picture.trace, tags=False)
    found = place(records_of(model), True, {})
    names = {record.tensor.name: record for record in found.river.records if record.tensor}
    straight = 0
    for edge, tail, head in found.river.wires:
        assert tail.tensor is not None
        if tail.tensor.name in ("c1", "c2", "c3") and head.box != tail.box:
            ways = found.ribbons[edge.id]
            assert all(len({y for _, y in way}) == 1 for way in ways), edge.id
            straight += 1
    assert straight == 3
    corners = [found.frames[names[f"h{t}"].box] for t in (2, 3)]  # type: ignore[index]
    offsets = [
        [(round(found.at[x][0] - left, 6), round(found.at[x][1] - top, 6))
         for x in found.river.records if x.box == names[f"h{t}"].box and not x.leaf]
        for t, (left, top, _, _) in zip((2, 3), corners, strict=True)
    ]  # fmt: skip
    assert offsets[0] == offsets[1]
    assert len(offsets[0]) == 16


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["stacked", "bidirectional"])
def test_loops_beside_each_other_and_after_each_other_break_no_law(
    bidirectional: bool, direction: str
) -> None:
    draw = np.random.default_rng(0)
    net = nn.GRU(
        2, 3, 2 - bidirectional, bidirectional=bidirectional, fused=False, rng=draw, dtype=float
    )
    out, _ = net(Tensor(draw.normal(size=(2, 1, 2)), name="x"))
    svg = viz.draw((out * out).sum().named("loss"), direction=direction, fold=False).svg()
    assert broken(svg) == []
    assert len(read(svg).boxes) > 80


def test_a_state_that_two_records_use_stays_on_its_line() -> None:
    draw = np.random.default_rng(0)
    cell, h = nn.GRUCell(2, 3, rng=draw, dtype=np.float64), Tensor(np.zeros((1, 3)), name="h0")
    for _ in range(3):
        h = cell(Tensor(draw.normal(size=(1, 2))), h)
    model = build(viz.draw(h.sum()).trace, tags=False)
    found = place(records_of(model), True, {})
    pairs = {(tail, head) for _, tail, head in found.river.wires}
    straight = [
        head
        for edge, tail, head in found.river.wires
        if tail.box != head.box and head.box in found.frames and not tail.leaf
        and all(len({y for _, y in way}) == 1 for way in found.ribbons[edge.id])
    ]  # fmt: skip
    assert len(straight) == 2
    for head in straight:  # z × h, from which the way to the new state is the shortest
        assert (head, found.river.members[head.box][-1]) in pairs


def test_a_long_loop_shows_its_ends_and_counts_every_use() -> None:
    svg = viz.draw(recurrent(60)).svg()
    assert broken(svg) == []
    texts = [
        "".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.tag[-4:] == "text"
    ]
    assert texts.count("Σ of 60") == 3
    assert {"step 1", "step 2", "step 3", "… steps 4–58", "step 59", "step 60"} <= set(texts)


def test_shares_are_parts_of_the_gradient() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    loss = (x * 3.0).sum() - x.sum() + (x * x).sum()
    found = viz.trace(loss, keep="arrays")
    total = found.gradients[x.node]
    uses = [use for use in found.contributions if use[0].parent(use[1]) == x.node]
    assert len(uses) == 4
    for use in uses:
        part = found.contributions[use]
        expected = float((part * total).sum() / (total * total).sum())
        assert found.shares[use] == pytest.approx(expected)
    assert sum(found.shares[use] for use in uses) == pytest.approx(1.0)
    assert min(found.shares[use] for use in uses) < 0


def test_a_leaf_seen_through_a_view_is_that_leaf_and_nothing_is_lost() -> None:
    w = Tensor(np.ones((2, 3)), requires_grad=True, name="W")
    x = Tensor(np.ones((4, 3)), name="x")
    svg = viz.draw((x @ w.T).sum()).svg()
    ids = set(re.findall(r'data-id="([^"]+)"', svg))
    assert {"op-1", "e-1-0", "e-1-out", "t-2", "op-2", "e-2-1"} <= ids
    assert "3 ᵀ</text>" in svg
    assert len(read(svg).boxes) == 4  # x, W, the product and the sum


def test_steps_run_to_the_right_and_all_else_downward() -> None:
    def spread(svg: str) -> float:
        boxes = read(svg).boxes.values()
        return max(b[2] for b in boxes) / max(b[3] for b in boxes)

    chain = Tensor(1.0, requires_grad=True).sin().cos().exp().tanh()
    assert spread(viz.draw(chain).svg()) < 1.2 < spread(viz.draw(chain, direction="LR").svg())
    down = viz.draw(recurrent(3), direction="TB").svg()
    assert spread(viz.draw(recurrent(3)).svg()) > 1 > spread(down)


@pytest.mark.parametrize("family", FAMILIES)
def test_ten_thousand_items_are_placed_in_little_more_time_each(family: str) -> None:
    seconds = []
    for count in (1_250, 10_000):
        root, wires = of_family(family, count)
        start = process_time()
        arrange(root, wires, DOWN)
        seconds.append(process_time() - start)
    assert sum(len(chain.items) for chain in root.chains) == len(root.items) == 10_000
    assert all(wire.points for wire in wires)
    assert seconds[1] < 24 * seconds[0]  # 8 times as many; squares would be 64
