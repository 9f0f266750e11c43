"""The page's river is the still picture's: every record, wire, label and frame is where it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import viz
from microgradnd import Tensor, nn
from tests.node import needs_node, run
from tests.random_programs import program
from tests.test_river import lstm, recurrent
from tests.test_scalar_layers import loss_of
from tests.test_scalar_layers import network as scalars
from viz.formats.document import Writer, text_of
from viz.model.build import build
from viz.page import _MODULES, _widths
from viz.structure.folding import Folding
from viz.svg.river.placing import Placed
from viz.svg.river.writer import RiverDrawing

PROGRAMS = 120
NETWORKS = 100
FAN_OUT = 12
# Lays out each document with the groups that are to be open, and says where everything is.
PLACED = """
const {Model} = of_model, {Picture} = of_picture, {River} = of_records;
const {isTurned, Places} = of_placing;
of_text.setWidths(data.widths);
return data.pictures.map(({document, open, direction}) => {
  const river = new River(new Picture(new Model(document), new Set(open)));
  const isAuto = direction === null;
  const places = new Places(river, isAuto ? isTurned(river) : direction === "LR");
  const ways = (some) => Object.fromEntries([...some].map(([id, parts]) => [id, parts.flat(2)]));
  return {
    titles: Object.fromEntries([...places.looks].map(([{id}, {title}]) => [id, title])),
    lines: Object.fromEntries([...places.looks].map(([{id}, x]) => [id, x.lines.map((l) => l[1])])),
    records: Object.fromEntries([...places.at].map(([record, p]) => {
      const look = places.looks.get(record), {width, height, channel} = look;
      const parts = look.parts.flatMap((part) => [part.x, part.y, part.width, part.height]);
      return [record.id, [...p, width, height, channel, ...parts]];
    })),
    wires: ways(places.ways), ribbons: ways(places.ribbons),
    labels: Object.fromEntries([...places.labels].map(([id, [p]]) => [id, p])),
    frames: Object.fromEntries(places.frames), size: {"": [places.width, places.height]}};
});
"""


def network(seed: int) -> Tensor:
    """A random computation: modules, loops, shared weights, branches and all kinds of leaves."""
    random = np.random.default_rng(seed)
    size = int(random.integers(1, 5))
    x = Tensor(random.normal(size=(int(random.integers(1, 4)), size)), name="x")
    W = Tensor(random.normal(size=(size, size)), requires_grad=True, name="W")
    made = [x @ W]
    for k in range(int(random.integers(1, 7))):
        h = made[int(random.integers(len(made)))]
        kind = int(random.integers(8))
        if kind == 0:
            layers = [nn.Linear(size, size, rng=random), nn.Tanh()] * int(random.integers(1, 4))
            h = nn.Sequential(*layers)(h)
        elif kind == 1:
            cell = nn.RNNCell(size, size, rng=random)
            for _ in range(int(random.integers(2, 12))):
                h = cell(Tensor(random.normal(size=h.shape)), h)
        elif kind == 2:
            cell, c = nn.LSTMCell(size, size, rng=random), h
            for _ in range(int(random.integers(2, 5))):
                h, c = cell(x, (h, c))
        elif kind == 3:
            for _ in range(int(random.integers(3, 7))):
                h = (h @ W + x * 0.5).tanh()
        elif kind == 4:
            h = sum((h * float(f) for f in range(1, int(random.integers(2, FAN_OUT)))), h)
        elif kind == 5:
            h = h + nn.Sequential(nn.Linear(size, size, rng=random), nn.ReLU())(h)
        elif kind == 6:
            h = (h @ W.T).named(f"h{k}").relu()
        else:
            h = h[:1] + made[int(random.integers(len(made)))] * 2.0
        made.append(h)
    return sum((h * h).sum() for h in made[-2:])  # type: ignore[return-value]


def results() -> Iterator[Tensor]:
    yield lstm(4)
    yield recurrent(6)
    yield recurrent(40)
    yield loss_of(scalars((3, 4, 4, 1)), samples=2)
    for number in range(PROGRAMS):
        some = program(7, number)
        leaves = [Tensor(a, requires_grad=True, name=f"x{k}") for k, a in enumerate(some.leaves)]
        loss = some.loss(*leaves)
        if isinstance(loss, Tensor):  # else all its results are counts or truth values
            yield loss
    for seed in range(NETWORKS):
        yield network(seed)


def places_of(where: Placed) -> dict[str, Any]:
    """The same as the program says in JavaScript."""
    flat = lambda ways: [x for way in ways for p in way for x in p]
    return {
        "titles": {r.id: look.title for r, look in where.looks.items()},
        "lines": {r.id: [text for _, text, _ in look.lines] for r, look in where.looks.items()},
        "records": {
            r.id: [*p, look.width, look.height, look.channel,
                   *(v for part in look.parts for v in (part.x, part.y, part.width, part.height))]
            for r, p in where.at.items() for look in [where.looks[r]]
        },
        "wires": {edge: flat(ways) for edge, ways in where.wires.items()},
        "ribbons": {edge: flat(ways) for edge, ways in where.ribbons.items()},
        "labels": {edge: list(p) for edge, (p, _) in where.labels.items()},
        "frames": {name: list(rect) for name, rect in where.frames.items()},
        "size": {"": [where.width, where.height]},
    }  # fmt: skip


def pictures() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What the page is given for a picture, and where Python puts everything in it."""
    random = np.random.default_rng(1)
    for result in results():
        focus = {"focus": result, "hops": 4} if random.random() < 0.2 else {}
        describer = viz.draw(result, **focus).describer
        nesting, contents = describer.trace.nesting, None
        for _ in range(2):  # some groups open, others closed
            likely = random.uniform(0.2, 1.2)
            groups = [g for g in nesting.groups.groups() if random.random() < likely]
            folding = Folding(
                nesting, {g for g in groups if all(x in groups for x in g.around() if x.parent)}
            )
            model = build(describer.trace, folding, describer, tags=False)
            contents = contents or json.loads(text_of(Writer(describer).write(model)))
            direction = [None, "TB", "LR"][int(random.integers(3))]
            opened = [group.id for group in folding.open]
            given = {"document": contents, "open": opened, "direction": direction}
            yield given, places_of(RiverDrawing(model, direction).where)


@needs_node
def test_the_page_puts_everything_where_the_still_picture_does() -> None:
    found = list(pictures())
    assert len(found) >= 400
    given = [picture for picture, _ in found]
    data = {
        "pictures": given,
        "widths": _widths(
            json.dumps(given, ensure_ascii=False) + "".join(map(chr, range(32, 0x2300)))
        ),
    }
    said = run(_MODULES[: _MODULES.index("placing") + 1], PLACED, data)
    for number, ((_, expected), places) in enumerate(zip(found, said, strict=True)):
        for what, by_id in expected.items():
            assert list(places[what]) == list(by_id), (number, what)
            for name, numbers in by_id.items():
                same = numbers if what in ("titles", "lines") else pytest.approx(numbers, abs=0.01)
                assert places[what][name] == same, (number, what, name)
