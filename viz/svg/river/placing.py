"""Lays out a river picture: records become items, open groups frames, and long ones lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from viz.layout.river import DOWN, RIGHT, Block, Item, Leaf, Wire, arrange
from viz.layout.river.score import Line, divided, placed, spanned
from viz.model.elements import Edge, OpenGroup
from viz.model.river import Loop, Record, River
from viz.style.text import width
from viz.svg.nodes import title_of_box
from viz.svg.river.looks import SMALL, Look, amount, look_of

Point = tuple[float, float]
Rect = tuple[float, float, float, float]  # left, top, right, bottom
_FEW = 24  # records of a picture that has room for matrices of up to 8 × 8 numbers
_WRAP = 2_000.0  # px of a line, of a picture that grows to the right
_BAND = 64.0  # px down the picture
_SHIFT = 12.0  # from the ribbon of an edge to its forward wire


@dataclass
class Placed:
    """A river picture with all places, in px from its upper left corner.

    Attributes:
        looks: by record.
        at: the upper left corner of each record.
        ribbons, wires: by edge, the ways of the gradient and of the value, from tail to head;
            one for each line of the picture that they run over.
        labels: by edge, where what it contributes is written, and how it is anchored there.
        frames: by the id of an open group.
    """

    river: River
    turned: bool
    looks: dict[Record, Look] = field(default_factory=dict)
    at: dict[Record, Point] = field(default_factory=dict)
    ribbons: dict[str, list[list[Point]]] = field(default_factory=dict)
    wires: dict[str, list[list[Point]]] = field(default_factory=dict)
    labels: dict[str, tuple[Point, str]] = field(default_factory=dict)
    frames: dict[str, Rect] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def place(
    river: River, turned: bool, words: Mapping[str, str], notes: Mapping[str, str] | None = None
) -> Placed:
    """Gives everything in a picture its place.

    `words` stand at edges in place of numbers, `notes` in records.
    """
    out, notes = Placed(river, turned), notes or {}
    edges = {leaf: edge.id for record in river.records for leaf, edge in record.beside}
    for record in river.all():
        if (tensor := record.tensor) is not None:
            # the wire of a leaf beside is too short for words
            said = words.get(edges.get(record, "")), notes.get(record.id), notes.get(tensor.id)
            more = dict.fromkeys(filter(None, said))
            record.tensor = replace(tensor, notes=(*tensor.notes, *more)) if more else tensor
    _Placing(out, words).run()
    return out


class _Placing:
    """Translates records to items of the layout, and its places back."""

    def __init__(self, out: Placed, words: Mapping[str, str]) -> None:
        self.words = words
        self.out, self.river, self.turned = out, out.river, out.turned
        self.root = Block("")
        self.blocks: dict[str | None, Block] = {None: self.root}
        self.items: dict[Record, Item] = {}
        self.wires: dict[str, Wire] = {}
        self.into: dict[Record, list[Edge]] = {}
        self.out_of: dict[Record, list[Edge]] = {}
        for edge, tail, head in self.river.wires:
            self.into.setdefault(head, []).append(edge)
            self.out_of.setdefault(tail, []).append(edge)

    def run(self) -> None:
        self.measure()
        self.open_blocks()
        self.add_items()
        self.add_wires()
        for loop in self.river.loops.values():
            self.make_labels_equal(loop)
            self.keep_straight(loop)
        distances = RIGHT if self.turned else DOWN
        arrange(self.root, list(self.wires.values()), distances)
        self.read_back()

    def measure(self) -> None:
        looks, turned = self.out.looks, self.turned
        most = 8 if sum(1 for _ in self.river.all()) <= _FEW else 4
        for record in self.river.records:
            into, away = self.into.get(record, []), self.out_of.get(record, [])
            wide = len(into) > 1 or len(away) > 1
            looks[record] = look_of(record, into, turned, wide, most=most)
            for leaf, _ in record.beside:
                looks[leaf] = look_of(leaf, [], turned, beside=True, most=most)
        for record in self.river.heads:
            looks[record] = look_of(record, [], turned, beside=True, most=most)
        for loop in self.river.loops.values():
            self.make_equal(loop)

    def make_equal(self, loop: Loop) -> None:
        """Gives the records of all open steps the same sizes, place by place."""
        steps = [self.river.members[x.id] for x in loop.steps if isinstance(x, OpenGroup)]
        if len({len(some) for some in steps}) != 1:
            return
        for alike in zip(*steps, strict=True):
            looks = [self.out.looks[record] for record in alike]
            for look in looks:
                look.width = max(x.width for x in looks)
                look.height = max(x.height for x in looks)
                look.channel = max(x.channel for x in looks)

    def open_blocks(self) -> None:
        """A block for each open group that something stands in; repetitions have none."""
        boxes = {box for x in self.river.records for box in self.river.around[x.box]}
        alone = {group.id for record in self.river.records for group in record.within}
        alone |= self.broken() if self.turned else set()
        for group in self.river.model.groups:
            if group.id not in boxes:
                continue
            outer = self.blocks[group.box]
            if group.id in self.river.loops or group.id in alone:
                self.blocks[group.id] = outer
                continue
            block = Block(group.id, title=width(title_of(self.river, group), SMALL, True))
            block.item = Item(group.id, inner=block, block=outer)
            outer.items.append(block.item)
            self.blocks[group.id] = block

    def broken(self) -> set[str]:
        """Groups around what is broken into lines: they have no frame, for nothing could be cut."""
        river = self.river
        inside = Counter(box for record in river.records for box in river.around[record.box])
        out = {box for box, count in inside.items() if 2 * count > len(river.records) > 8}
        for loop in river.loops.values():
            out.update(river.around[loop.group.box])
        return out - set(river.members)

    def add_items(self) -> None:
        order = {name: k for k, name in enumerate(self.river.model.nodes)}
        for record in self.river.records:
            block = self.block_of(record)
            look = self.out.looks[record]
            across, along = self.turn(look.width, look.height)
            item = Item(record.id, across - look.channel, look.channel, along, block=block)
            item.rigid = self.turned and (record.leaf or look.form == "none")
            for leaf, edge in record.beside:
                size = self.turn(self.out.looks[leaf].width, self.out.looks[leaf].height)
                item.leaves.append(Leaf(leaf.id, *size, after=edge.contribution is not None))
            self.items[record] = item
            block.items.append(item)
        for block in self.blocks.values():
            block.items.sort(key=lambda x: order.get(x.id, -1) if x.inner is None else -1)

    def block_of(self, record: Record) -> Block:
        """Where a record stands; the state that a loop starts from stands before it."""
        block = self.blocks[record.box]
        if record.leaf and record.uses:
            for loop in self.river.loops.values():
                first = loop.steps[0] if loop.steps else None
                if isinstance(first, OpenGroup) and block is self.blocks.get(first.id):
                    heads = {x: k for k, x in enumerate(self.river.members[first.id])}
                    places = {(head, index) for _, head, index in loop.states}
                    head = heads.get(self.river.shown[record.uses[0].head])
                    if (head, record.uses[0].index or 0) in places and block.item is not None:
                        assert block.item.block is not None
                        return block.item.block
        return block

    def turn(self, x: float, y: float) -> Point:
        return (y, x) if self.turned else (x, y)

    def add_wires(self) -> None:
        depth = {record: k for k, record in enumerate(self.river.records)}
        for edge, tail, head in sorted(self.river.wires, key=lambda w: depth[w[2]]):
            flows = edge.contribution is not None or bool(edge.flowing)
            words = self.words.get(edge.id, "")
            label = width(words or label_of(edge, self.out_of[tail]), SMALL, bool(words))
            self.wires[edge.id] = Wire(
                edge.id, self.items[tail], self.items[head], edge.index or 0, flows, label
            )

    def make_labels_equal(self, loop: Loop) -> None:
        """Gives the labels of the same wire in all open steps the same room."""
        places: dict[Record, tuple[int, int]] = {}
        for number, step in enumerate(loop.steps):
            some = self.river.members[step.id] if isinstance(step, OpenGroup) else []
            places |= {record: (number, place) for place, record in enumerate(some)}
        alike: dict[tuple[int, int, int], list[Wire]] = {}
        for edge, tail, head in self.river.wires:
            (one, tail_place), (other, head_place) = (places.get(x, (-1, -1)) for x in (tail, head))
            if one == other >= 0:
                key = tail_place, head_place, edge.index or 0
                alike.setdefault(key, []).append(self.wires[edge.id])
        for wires in alike.values():
            longest = max(wire.label for wire in wires)
            for wire in wires:
                wire.label = longest

    def keep_straight(self, loop: Loop) -> None:
        """The states of a loop run straight through each of its steps."""
        steps = [x for x in loop.steps if isinstance(x, OpenGroup) and x.id in self.blocks]
        for step in steps:
            some = self.river.members[step.id]
            block = self.blocks[step.id]
            if any(self.items[x].block is not block for x in some):
                continue
            lines = _lines(some, loop, self.out_of, self.river)
            for made, line in lines:
                items: list[Item | Wire] = [self.items[x] for x in line]
                entry, leave = self.state_wires(line, loop, made, some)
                block.lines.append([*entry, *items, *leave])

    def state_wires(
        self, line: list[Record], loop: Loop, made: int, some: list[Record]
    ) -> tuple[list[Wire], list[Wire]]:
        """The wires over which a state comes into a step and leaves it; one each, or none."""
        inside = set(some)
        first = some.index(line[0])
        entries = [
            edge for edge in self.into.get(line[0], ())
            if (made, first, edge.index or 0) in loop.states
            and self.river.shown[edge.tail] not in inside
        ]  # fmt: skip
        leaves = [
            edge
            for edge in self.out_of.get(line[-1], ())
            if self.river.shown[edge.head] not in inside
        ]
        place = first, entries[0].index or 0 if entries else 0
        # the one that comes into the next step where this one comes in
        leaves.sort(key=lambda edge: self.place_of(edge) != place)
        return [self.wires[x.id] for x in entries[:1]], [self.wires[x.id] for x in leaves[:1]]

    def place_of(self, edge: Edge) -> tuple[int, int] | None:
        """Where an edge leads in a step: to which of its records, and as which operand."""
        head = self.river.shown[edge.head]
        step = self.river.step_of(head)
        return (self.river.members[step].index(head), edge.index or 0) if step else None

    def read_back(self) -> None:
        out = self.out
        wires = list(self.wires.values())
        side = max((out.looks[x].width + 40.0 for x in self.river.heads), default=0.0)
        lines = divided(self.root, wires, _WRAP - side, self.turned)
        left = side if self.turned else side + self.root.before
        above = len(lines) > 1
        if above:
            lines, left = divided(self.root, wires, _WRAP, self.turned), 0.0
        for record, item in self.items.items():
            look = out.looks[record]
            width, height = self.grown(item)
            look.width, look.height, look.channel = width, height, item.after
            u, v = item.u - item.before, item.v
            out.at[record] = self.point(u, v, lines, left)
            by_id = {leaf.id: leaf for leaf in item.leaves}
            for leaf, _ in record.beside:
                out.at[leaf] = self.point(*by_id[leaf.id].at, lines, left, item.v)
        self.read_wires(lines, left)
        for box, block in self.blocks.items():
            if block.item is not None and block.id == box:
                item = block.item
                corner = self.point(item.u - item.before, item.v, lines, left)
                w, h = self.turn(item.before + item.after, item.along)
                out.frames[block.id] = corner[0], corner[1], corner[0] + w, corner[1] + h
        self.add_heads(above)
        self.free_labels(lines, left)
        self.crop()

    def label_beside(self, spot: Point, after: bool) -> tuple[Point, str]:
        """Where a label stands at a place of its ribbon, and how it is anchored there."""
        x, y = spot
        if self.turned:
            return (x, y + 20.0 if after else y - 18.0), "middle"
        return ((x + 11.0, y + 4.0), "start") if after else ((x - 18.0, y + 4.0), "end")

    def extent_of(self, edge: str, label: tuple[Point, str]) -> Rect:
        (x, y), anchor = label
        wide = self.wires[edge].label
        x -= {"end": wide, "middle": wide / 2, "start": 0.0}[anchor]
        return x, y - 10.0, x + wide, y + 3.0

    def free_labels(self, lines: list[Line], left: float) -> None:
        """A label that something runs through goes to the other side of its wire, if that is free.

        What stands in the picture is kept in bands, so that few things are looked at for a label.
        """
        out = self.out
        bands: dict[int, list[Rect]] = {}
        rects = [(*p, p[0] + out.looks[r].width, p[1] + out.looks[r].height)
                 for r, p in out.at.items()]  # fmt: skip
        for some, wide in ((out.ribbons, 7.0), (out.wires, 2.0)):
            for way in (way for ways in some.values() for way in ways):
                rects += [(min(a, c) - wide, min(b, d) - wide, max(a, c) + wide, max(b, d) + wide)
                          for (a, b), (c, d) in pairwise(way)]  # fmt: skip
        for rect in rects:
            for band in range(int(rect[1] // _BAND), int(rect[3] // _BAND) + 1):
                bands.setdefault(band, []).append(rect)

        def is_free(rect: Rect) -> bool:
            near = range(int(rect[1] // _BAND), int(rect[3] // _BAND) + 1)
            return not any(_meet(rect, x) for band in near for x in bands.get(band, ()))

        for edge, label in out.labels.items():
            wire = self.wires[edge]
            if is_free(self.extent_of(edge, label)) or wire.label_at is None:
                continue
            u, v = wire.label_at
            spot = placed((u, v), lines, self.turned, left, v)
            other = self.label_beside(spot, not wire.label_after)
            rect = self.extent_of(edge, other)
            others = (self.extent_of(x, y) for x, y in out.labels.items() if x != edge)
            if is_free(rect) and not any(_meet(rect, x) for x in others):
                out.labels[edge] = other

    def add_heads(self, above: bool) -> None:
        """Shared leaves stand above each other at the side, above several lines beside each other.

        Above, they end before the first line begins.
        """
        looks = self.out.looks
        x, y, high = 0.0, 0.0, 0.0
        for record in self.river.heads:
            look = looks[record]
            if not above or x + look.width > _WRAP:
                x, y, high = 0.0, y + high, 0.0
            self.out.at[record] = x, y
            x, high = x + look.width + 16.0, max(high, look.height + 8.0)
        for record in self.river.heads if above else ():
            left, top = self.out.at[record]
            self.out.at[record] = left, top - y - high - 24.0

    def grown(self, item: Item) -> Point:
        """The size of a record: it is as long as the leaves beside it together."""
        return self.turn(item.before + item.after, item.along)

    def point(
        self, u: float, v: float, lines: list[Line], left: float, near: float | None = None
    ) -> Point:
        return placed((u, v), lines, self.turned, left, v if near is None else near)

    def read_wires(self, lines: list[Line], left: float) -> None:
        out = self.out
        for edge, _, _ in self.river.wires:
            wire = self.wires[edge.id]
            out.ribbons[edge.id] = _ways(wire.points, lines, self.turned, left)
            out.wires[edge.id] = _ways(shifted(wire.points, -_SHIFT), lines, self.turned, left)
            if wire.label and wire.label_at is not None:
                u, v = wire.label_at
                spot = placed((u, v), lines, self.turned, left, v)
                out.labels[edge.id] = self.label_beside(spot, wire.label_after)
        for record in self.river.records:
            for leaf, edge in record.beside:
                self.wire_beside(record, leaf, edge)

    def wire_beside(self, record: Record, leaf: Record, edge: Edge) -> None:
        """The short wire between a leaf and the record it stands beside."""
        out = self.out
        (x, y), (lx, ly) = out.at[record], out.at[leaf]
        look, other = out.looks[record], out.looks[leaf]
        if self.turned:
            at = lx + min(other.width / 2, 56.0)
            below = ly > y
            ends = (ly, y + look.height) if below else (ly + other.height, y)
            ribbon = [(at, ends[0]), (at, ends[1])]
            wire = [(at - _SHIFT, ends[0]), (at - _SHIFT, ends[1])]
        else:
            right = lx > x
            at = ly + min(31.0, other.height - 8.0)
            ends = (lx, x + look.width) if right else (lx + other.width, x)
            ribbon = [(ends[0], at), (ends[1], at)]
            off = 11.0 if right else 0.0
            wire = [(ends[0], at - off), (ends[1], at - off)]
        out.ribbons[edge.id], out.wires[edge.id] = [ribbon], [wire]

    def crop(self) -> None:
        """Moves everything to the origin and finds the size of the picture."""
        out = self.out
        rects = [(*p, p[0] + out.looks[r].width, p[1] + out.looks[r].height)
                 for r, p in out.at.items()] + list(out.frames.values())  # fmt: skip
        points = [p for ways in (*out.ribbons.values(), *out.wires.values())
                  for way in ways for p in way]  # fmt: skip
        rects += [(x - 8.0, y - 8.0, x + 8.0, y + 8.0) for x, y in points]
        rects += [self.extent_of(edge, label) for edge, label in out.labels.items()]
        if not rects:
            return
        x0, y0 = min(r[0] for r in rects), min(r[1] for r in rects)
        move = lambda p: (p[0] - x0, p[1] - y0)
        out.at = {record: move(p) for record, p in out.at.items()}
        for ways in (out.ribbons, out.wires):
            for edge, some in ways.items():
                ways[edge] = [[move(p) for p in way] for way in some]
        out.labels = {e: (move(p), anchor) for e, (p, anchor) in out.labels.items()}
        out.frames = {k: (*move(r[:2]), *move(r[2:])) for k, r in out.frames.items()}
        out.width = max(r[2] for r in rects) - x0
        out.height = max(r[3] for r in rects) - y0


def _meet(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def title_of(river: River, group: OpenGroup) -> str:
    """The title of an open group; a step of a loop says which it is."""
    titles = (loop.titles.get(group.id) for loop in river.loops.values())
    return next(filter(None, titles), None) or title_of_box(group)


def label_of(edge: Edge, siblings: Iterable[Edge]) -> str:
    """What stands at an edge: its contribution where several add up, else nothing."""
    if edge.label:
        return edge.label
    if edge.merged:
        return f"{len(edge.merged)} tensors"
    flowing = [x for x in siblings if x.contribution is not None]
    if edge.contribution is None or len(flowing) < 2:
        return ""
    return amount(edge.contribution)


def shifted(points: list[Point], by: float) -> list[Point]:
    """A way beside another one, on the side of smaller u; both ends stay on their sides."""
    out = []
    for k, (u, v) in enumerate(points):
        before = points[k - 1] if k else None
        after = points[k + 1] if k + 1 < len(points) else None
        # a part across the flow keeps its distance on the side that the turns leave free
        across = 0.0
        for a, b in ((before, (u, v)), ((u, v), after)):
            if a is not None and b is not None and abs(a[1] - b[1]) < 0.05:
                across = -by if b[0] > a[0] else by
        out.append((u + by, v + across))
    return out


def _ways(
    points: list[Point], lines: Sequence[Line], turned: bool, left: float
) -> list[list[Point]]:
    """A way as parts, one on each line of the picture that it runs over."""
    out = []
    along = [v for _, v in points]
    for line in spanned(lines, min(along), max(along)):
        part: list[Point] = []
        for (u0, v0), (u1, v1) in pairwise(points):
            if max(v0, v1) < line.first or min(v0, v1) > line.last:
                continue
            for u, v in ((u0, v0), (u1, v1)):
                v = min(max(v, line.first - line.over), line.last + line.over)
                p = placed((u, v), [line], turned, left, v)
                if not part or part[-1] != p:
                    part.append(p)
        if len(part) > 1:
            out.append(part)
    return out


def _lines(
    some: list[Record], loop: Loop, out_of: dict[Record, list[Edge]], river: River
) -> list[tuple[int, list[Record]]]:
    """For each state, the records between where it comes in and where it is made anew.

    Of all ways the shortest; the state with the shortest has the choice.
    """
    taken: set[Record] = set()
    out: list[tuple[int, list[Record]]] = []
    inside = set(some)
    while True:
        found: list[tuple[int, int, list[Record]]] = []
        done = {made for made, _ in out}
        for made in dict.fromkeys(made for made, _, _ in loop.states):
            if made in done or made >= len(some) or some[made] in taken:
                continue
            starts = [some[head] for m, head, _ in loop.states if m == made and head < len(some)]
            way = _shortest(starts, some[made], inside - taken, out_of, river)
            if way:
                found.append((len(way), made, way))
        if not found:
            return out
        _, made, way = min(found, key=lambda x: x[:2])
        out.append((made, way))
        taken |= set(way)


def _shortest(
    starts: list[Record], end: Record, inside: set[Record], out_of: dict[Record, list[Edge]],
    river: River,
) -> list[Record]:  # fmt: skip
    before: dict[Record, Record | None] = {x: None for x in starts if x in inside}
    queue = list(before)
    for record in queue:
        if record is end:
            way: list[Record] = []
            at: Record | None = record
            while at is not None:
                way.append(at)
                at = before[at]
            return way[::-1]
        for edge in out_of.get(record, ()):
            head = river.shown[edge.head]
            if head in inside and head not in before:
                before[head] = record
                queue.append(head)
    return []
