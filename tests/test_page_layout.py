"""The page lays out a river in JavaScript just as Python does: every place is the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

import viz
from microgradnd import Tensor
from tests.node import needs_node, run
from tests.random_layouts import FAMILIES, of_family, random_blocks
from tests.test_river import lstm, recurrent
from viz.layout.river import DOWN, RIGHT, Block, Distances, Item, Wire, arrange
from viz.layout.river.score import divided, placed
from viz.svg.river import placing

LAYOUT = [
    f"river/{name}" for name in ("elements", "rooms", "lanes", "tracks", "arrangement", "score")
]
ROOM = 700.0  # px of a line
# A layout from JSON.
BUILT = """
const {Block, DOWN, Item, Leaf, RIGHT, Wire} = of_river_elements;
const {divided, placed} = of_river_score, {arrange} = of_river_arrangement;
const built = ({turned, blocks, items, wires}) => {
  const frames = blocks.map(({id, title}) => new Block(id, {title}));
  const all = items.map(({leaves, block, inner, ...fields}) => new Item(fields.id, {...fields,
    block: frames[block], inner: frames[inner] ?? null,
    leaves: leaves.map((leaf) => new Leaf(...leaf))}));
  const lines = wires.map(({tail, head, ...fields}) =>
    new Wire(fields.id, all[tail], all[head], fields));
  const named = {item: all, wire: lines};
  frames.forEach((block, k) => Object.assign(block, {item: all[blocks[k].item] ?? null,
    items: blocks[k].items.map((n) => all[n]),
    lines: blocks[k].lines.map((line) => line.map(([kind, n]) => named[kind][n]))}));
  return {blocks: frames, items: all, wires: lines, distances: turned ? RIGHT : DOWN};
};
"""
# Where everything is.
ARRANGED = """
return data.layouts.map(built).map(({blocks, items, wires, distances}) => {
  arrange(blocks[0], wires, distances);
  const cut = divided(blocks[0], wires, data.room, distances.turned);
  return [
    items.map((x) => [x.u, x.v, x.before, x.after, x.along, ...x.leaves.flatMap(({at}) => at)]),
    wires.map(({points, labelAt, labelAfter}) => [...points.flat(), ...labelAt ?? [], labelAfter]),
    blocks.map(({rows, before, after, along}) => [...rows.flat(), before, after, along]),
    cut.map(({first, last, u, over}) => [first, last, u, over]),
    wires.map(({points}) => placed(points.at(-1), cut, distances.turned, 5, points.at(-1)[1]))];
});
"""
# How many milliseconds it takes.
TIMED = """
return data.layouts.map(built).map(({blocks, wires, distances}) => {
  const start = performance.now();
  arrange(blocks[0], wires, distances);
  return performance.now() - start;
});
"""

Layout = tuple[Block, list[Wire], Distances]


def described(root: Block, wires: list[Wire], distances: Distances) -> dict[str, Any]:
    """A layout as JSON, before it is arranged."""
    blocks = list(root.blocks())
    items = [item for block in blocks for item in block.items]
    number: dict[Any, int] = {}
    for some in (blocks, items, wires):
        number |= {x: k for k, x in enumerate(some)}  # type: ignore[attr-defined]
    kinds = {Item: "item", Wire: "wire"}
    return {
        "turned": distances.turned,
        "blocks": [
            {"id": x.id, "title": x.title, "item": number.get(x.item, -1),
             "items": [number[item] for item in x.items],
             "lines": [[[kinds[type(one)], number[one]] for one in line] for line in x.lines]}
            for x in blocks
        ],
        "items": [
            {"id": x.id, "before": x.before, "after": x.after, "along": x.along, "rigid": x.rigid,
             "leaves": [[leaf.id, leaf.across, leaf.along, leaf.after] for leaf in x.leaves],
             "block": number[x.block], "inner": number.get(x.inner, -1)}
            for x in items
        ],
        "wires": [
            {"id": x.id, "tail": number[x.tail], "head": number[x.head], "index": x.index,
             "flows": x.flows, "label": x.label}
            for x in wires
        ],
    }  # fmt: skip


def arranged(root: Block, wires: list[Wire], distances: Distances) -> list[Any]:
    """Where everything is, as the program in JavaScript says it."""
    blocks = list(root.blocks())
    items = [item for block in blocks for item in block.items]
    turned = distances.turned
    arrange(root, wires, distances)
    lines = divided(root, wires, ROOM, turned)
    return [
        [[x.u, x.v, x.before, x.after, x.along, *flat(leaf.at for leaf in x.leaves)]
         for x in items],
        [[*flat(x.points), *(x.label_at or ()), x.label_after] for x in wires],
        [[*flat(x.rows), x.before, x.after, x.along] for x in blocks],
        [[x.first, x.last, x.u, x.over] for x in lines],
        [placed(x.points[-1], lines, turned, 5.0, x.points[-1][1]) for x in wires],
    ]  # fmt: skip


def flat(pairs: Iterable[tuple[float, float]]) -> list[float]:
    return [x for pair in pairs for x in pair]


class _Caught(Exception):
    pass


def drawn(result: Tensor, direction: str) -> Layout:
    """What the still picture of a result has to lay out."""
    found: list[Layout] = []

    def catch(*layout: Any) -> None:
        found.append(layout)
        raise _Caught

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placing, "arrange", catch)
        with pytest.raises(_Caught):
            viz.draw(result, direction=direction).svg()
    return found[0]


def layouts() -> Iterator[Layout]:
    for seed in range(200):
        for distances in (DOWN, RIGHT):
            root, _, wires = random_blocks(seed)
            yield root, wires, distances
    for result in (lstm(4), recurrent(6)):
        for direction in ("TB", "LR"):
            yield drawn(result, direction)


@needs_node
def test_the_page_gives_everything_the_place_that_the_still_picture_gives() -> None:
    some = list(layouts())
    data = {"room": ROOM, "layouts": [described(*layout) for layout in some]}
    found = run(LAYOUT, BUILT + ARRANGED, data)
    assert len(found) == len(some) == 404
    lines = 0
    for number, (layout, places) in enumerate(zip(some, found, strict=True)):
        expected = arranged(*layout)
        lines += len(expected[3])
        for one, other in zip(expected, places, strict=True):
            assert len(one) == len(other)
            for numbers, more in zip(one, other, strict=True):
                assert more == pytest.approx(numbers, abs=0.01), number
    assert lines > 2 * len(some)


@needs_node
@pytest.mark.parametrize("family", FAMILIES)
def test_the_page_places_ten_thousand_items_in_little_more_time_each(family: str) -> None:
    some = [described(*of_family(family, count), DOWN) for count in (1_250, 10_000)]
    few, many = run(LAYOUT, BUILT + TIMED, {"layouts": some})
    assert many < 24 * few  # 8 times as many; squares would be 64
