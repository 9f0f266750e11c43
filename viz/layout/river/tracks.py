"""Places: lines across the flow by a skyline, rows along it, wires in tracks between the rows.

Between two rows there are zones: for what leaves the row before, for labels, and for what joins
the row after. Only wires that run along the flow pass through all of them, and lines keep their
distance, so nothing can meet.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator

from viz.layout.river.elements import (
    AFTER,
    BESIDE,
    LANE,
    MARGIN,
    PORT,
    STACK,
    TRACK,
    WIRE,
    Block,
    Chain,
    Distances,
    Item,
    Segment,
)
from viz.layout.river.rooms import Skyline, Taken

Labels = dict[Chain, list[tuple[int, float, float]]]
Extents = dict[Chain, list[tuple[int, int, float, float]]]
Ports = dict[Chain, list[tuple[int, Item, float, float]]]

_NEAR = 14.0  # parts of wires that lie on each other
_EDGE = 12.0  # from a side's end to the first wire that leaves there


def make_room(block: Block, distances: Distances) -> None:
    """Widens records until the wires on either side of the channel have room beside each other."""
    for item in block.items:
        if item.inner is not None or item.port is not None:
            continue
        for some in (item.outputs, item.inputs):
            if len(some) > 1:
                before, after = _sides(item, some, distances)
                item.before = max(item.before, sum(before) + _EDGE)
                if len(after) > 1:
                    item.after = max(item.after, AFTER + sum(after) - min(after) + 14.0)


def _end(s: Segment, item: Item) -> float:
    """Where a wire of an item ends in the border of a block, from its channel."""
    return _fixed(s.head_port if s.tail is item else s.tail_port)


def _sides(
    item: Item, some: list[Segment], distances: Distances
) -> tuple[list[float], list[float]]:
    """The rooms of wires that leave an item before its channel or on it, and after it."""
    sides: tuple[list[float], list[float]] = [], []
    for s in some:
        leads = _leads_to(s, item)
        is_after = leads.lane.order > item.chain.lane.order
        if leads is item.chain and s.run is None:
            straight = _straight(some, leads)
            is_after = straight is not None and _end(s, item) > _end(straight, item)
        sides[is_after].append(_room(s, item, distances))
    return sides


def _leads_to(s: Segment, item: Item) -> Chain:
    """The chain that a wire of an item runs along, or ends in."""
    return s.run or (s.head if s.tail is item else s.tail).chain


def _room(s: Segment, item: Item, distances: Distances) -> float:
    """How far the next wire has to be from one of an item, and from its label if it is there."""
    other = s.head if s.tail is item else s.tail
    near = s.run is None and (s.head is item or other.chain is item.chain)
    if not s.wire.label or not (near or s.run is item.chain):
        return PORT
    return PORT + 15.0 if distances.turned else max(PORT, s.wire.label + 28.0)


def settle(block: Block, distances: Distances) -> None:
    """Gives a block's items and segments their places, from (0, 0) of its own on."""
    _shift(block)
    _spread(block, distances)
    _across(block, distances)
    _spread(block, distances)  # again: now it is known on which side every wire runs
    for s in block.straight:
        s.head.u = s.tail.u + s.start
    _along(block, distances)


def _shift(block: Block) -> None:
    """Moves items off the channel of their chain so that fixed ports meet."""
    for chain in block.chains:
        shift, before = 0.0, None
        for item in chain.items:
            if before is not None:
                s = _straight(item.inputs, chain)
                if s is not None and s.tail is before:
                    shift += _fixed(s.tail_port) - _fixed(s.head_port)
            item.shift = shift
            before = item


def _straight(some: list[Segment], chain: Chain) -> Segment | None:
    """The one of an item's segments that runs along the line of its chain."""
    return next((s for s in some if s.run is chain), None)


def _fixed(port: Item | None) -> float:
    return 0.0 if port is None else port.u


def _spread(block: Block, distances: Distances) -> None:
    """Ports: wires leave an item beside each other in the order of the lines they run along."""
    for item in block.items:
        _spread_side(item, item.outputs, distances, out=True)
        _spread_side(item, item.inputs, distances, out=False)


def _spread_side(item: Item, some: list[Segment], distances: Distances, out: bool) -> None:
    if item.inner is not None:
        for s in some:
            if out:
                s.start = _fixed(s.tail_port)
            else:
                s.end = _fixed(s.head_port)
        return
    if len(some) == 1 and (some[0].run is None or some[0].run is item.chain):
        _put(some[0], 0.0, out)
        return
    straight = _straight(some, item.chain)
    if straight is None:
        straight = min(some, key=lambda s: (abs(_target(s, item, out)), s.wire.index), default=None)
        if straight is not None and straight.run is not None:
            straight = None
    before: list[tuple[float, int, Segment]] = []
    after: list[tuple[float, int, Segment]] = []
    for s in some:
        if s is not straight:
            aim = _target(s, item, out)
            (after if aim > 0 else before).append((aim, s.wire.index, s))
    if straight is not None:
        _put(straight, 0.0, out)
    first = _room(straight, item, distances) if straight is not None else 0.0
    needed = first + sum(_room(s, item, distances) for *_, s in before)
    scale = min(1.0, max(item.before - _EDGE, 1.0) / needed) if needed else 1.0
    at = -first * scale
    # the nearest line gets the port nearest to the channel, of those that run before it
    for _, _, s in sorted(before, key=lambda x: (-x[0], x[1])):
        _put(s, min(at, 0.0), out)
        at -= _room(s, item, distances) * scale
    start = at = min(AFTER, max(item.after - 3.0, 0.0))
    after.sort(key=lambda x: (x[0], x[1]))
    needed = sum(_room(s, item, distances) for *_, s in after[:-1])
    scale = min(1.0, max(item.after - start - 3.0, 0.0) / needed) if needed else 1.0
    for _, _, s in after:
        _put(s, at, out)
        at += _room(s, item, distances) * scale


def _put(s: Segment, offset: float, out: bool) -> None:
    if out:
        s.start = offset
    else:
        s.end = offset


def _target(s: Segment, item: Item, out: bool) -> float:
    """Where a wire leads, from the channel of an item."""
    if s.run is not None:
        return s.line - item.u if s.run is not item.chain else 0.0
    other = s.head if out else s.tail
    port = _fixed(s.head_port) if out else _fixed(s.tail_port)
    aim = other.u + port - item.u
    if other.chain is item.chain and not port:
        return -1.0  # a twin of the straight one
    return aim or other.chain.lane.order - item.chain.lane.order


def _across(block: Block, distances: Distances) -> None:
    """The u of every chain: from the first lane outward, as near as its cells allow."""
    cells = 2 * max((item.row for item in block.items), default=0) + 2
    if not block.chains:
        return
    start = block.chains[0].lane
    labels = _labels(block, distances)
    extents = {chain: _extents(chain, labels, distances) for chain in block.chains}
    ports = {chain: _ports_of(chain, distances) for chain in block.chains}
    outward = sorted(block.chains, key=lambda c: (abs(c.lane.order - start.order), c.first))
    for side in (1, -1):
        found = _Side(side, cells, extents, ports)
        for chain in outward:
            offset = chain.lane.order - start.order
            if offset * side > 0:
                need = found.need(chain)
                wish = _wish(chain)
                chain.u = wish if wish is not None and wish * side >= need else side * need
            if offset * side >= 0:
                found.add(chain)
    for chain in block.chains:
        for item in chain.items:
            item.u = chain.u + item.shift
    _extend(block)


class _Side:
    """How far all that is placed reaches on one side of the main line.

    Wires of an item reach its ports over each other in the order of their lines, so that the line
    of one has to keep off the ports of all others' wires, but not of its siblings'.
    """

    def __init__(self, side: int, cells: int, extents: Extents, ports: Ports) -> None:
        self.side, self.extents, self.ports = side, extents, ports
        self.sky, self.high_ports = Skyline(cells, -LANE), Skyline(cells, -LANE)
        self.owners: dict[int, list[tuple[float, Item]]] = {}  # by cell, of the two highest

    def add(self, chain: Chain) -> None:
        u, side = chain.u, self.side
        for a, b, before, after in self.extents[chain]:
            self.sky.lift(a, b, u + after if side > 0 else before - u)
        for cell, item, before, after in self.ports[chain]:
            height = u + after if side > 0 else before - u
            self.high_ports.lift(cell, cell, height)
            owners = self.owners.setdefault(cell, [])
            owners.append((height, item))
            owners.sort(key=lambda x: -x[0])
            del owners[2:]

    def need(self, chain: Chain) -> float:
        """How far a chain has to keep from the main line."""
        ends = {}
        begin, end = chain.first, chain.last
        if chain.top is not None:
            ends[begin] = self.others(begin, chain.top.tail)
            begin += 1
        if chain.join is not None:
            ends[end] = max(ends.get(end, -LANE), self.others(end, chain.join.head))
            end -= 1
        out = 0.0
        for a, b, before, after in self.extents[chain]:
            high = self.sky.highest(a, b)
            if max(a, begin) <= min(b, end):
                high = max(high, self.high_ports.highest(max(a, begin), min(b, end)))
            for cell in {a, b}:
                high = max(high, ends.get(cell, high))
            out = max(out, high + LANE + (before if self.side > 0 else after))
        return out

    def others(self, cell: int, item: Item) -> float:
        """How far ports of other items than one reach in a cell."""
        return next((high for high, x in self.owners.get(cell, ()) if x is not item), -LANE)


def _wish(chain: Chain) -> float | None:
    """Where a chain of one item would have a straight way to a place in a block's border."""
    if len(chain.items) != 1 or len(chain.items[0].outputs) != 1:
        return None
    s = chain.items[0].outputs[0]
    if s.head_port is None or s.head.chain is None:
        return None
    return s.head.chain.u + s.head.shift + s.head_port.u


def _extend(block: Block) -> None:
    """How far the block reaches on either side of its main line."""
    lows, highs = [0.0], [0.0]
    for chain in block.chains:
        for item in chain.items:
            before, after = item.reach
            if item.port is not None:
                before = after = 0.0
            lows.append(item.u - before)
            highs.append(item.u + after)
        if not chain.items:
            lows.append(chain.u - WIRE[0])
            highs.append(chain.u + WIRE[1])
    block.before, block.after = -min(lows), max(highs)


def _labels(block: Block, distances: Distances) -> Labels:
    """By chain, the gaps in which labels of wires stand, and the room that they take there."""
    out: Labels = {}
    for s in block.segments:
        if not s.wire.label or s is not s.wire.parts[0]:
            continue
        cell, long = 2 * s.tail.row + 1, 15.0 if distances.turned else s.wire.label
        if s.run is not None:
            out.setdefault(s.run, []).append((cell, long + 26.0, WIRE[1]))
        elif s.end > 0:
            out.setdefault(s.head.chain, []).append((cell, WIRE[0], s.end + long + 16.0))
    return out


def _extents(
    chain: Chain, labels: Labels, distances: Distances
) -> list[tuple[int, int, float, float]]:
    """Cells of a chain with how far it reaches before and after its line there."""
    out = []
    at = chain.first
    for item in chain.items:
        cell = 2 * item.row
        if at < cell:
            s = _straight(item.inputs, chain)
            off = item.shift + _fixed(s.head_port if s is not None else None)
            out.append((at, cell - 1, WIRE[0] - off, WIRE[1] + off))
        before, after = WIRE if item.port is not None else item.reach
        out.append((cell, cell, before - item.shift, after + item.shift))
        at = cell + 1
    if at <= chain.last:
        s = _straight(chain.items[-1].outputs, chain) if chain.items else None
        off = chain.items[-1].shift + _fixed(s.tail_port) if s is not None else 0.0
        out.append((at, chain.last, WIRE[0] - off, WIRE[1] + off))
    for item in chain.items:
        for cell, some in _gaps(item):
            if not _is_crowded(item, some):
                some = [s for s in some if _leads_to(s, item) is chain]
            before, after = _reach_of_ports(item, some, distances)
            out.append((cell, cell, before - item.shift, after + item.shift))
    out += [(cell, cell, before, after) for cell, before, after in labels.get(chain, ())]
    return out


def _gaps(item: Item) -> list[tuple[int, list[Segment]]]:
    """The gaps before and after an item in which it has wires, and these."""
    if item.port is not None:
        return []
    gaps = (2 * item.row - 1, item.inputs), (2 * item.row + 1, item.outputs)
    return [(cell, some) for cell, some in gaps if some]


def _is_crowded(item: Item, some: list[Segment]) -> bool:
    """Whether no line may come between the ports of an item's wires in a gap.

    Those of a block lie anywhere, and wires that cross only this gap run to them through all of it.
    """
    return item.inner is not None or any(
        s.run is None and s.head is item and s.tail.chain is not item.chain for s in some
    )


def _ports_of(chain: Chain, distances: Distances) -> list[tuple[int, Item, float, float]]:
    """By cell, how far the wires to the ports of a chain's items reach beside its line."""
    out = []
    for item in chain.items:
        for cell, some in _gaps(item):
            before, after = _reach_of_ports(item, some, distances)
            out.append((cell, item, before - item.shift, after + item.shift))
    return out


def _reach_of_ports(item: Item, some: list[Segment], distances: Distances) -> tuple[float, float]:
    """How far the wires that leave an item on one side reach before and after its channel."""
    if item.inner is not None:
        offsets = [_fixed(s.tail_port if s.tail is item else s.head_port) for s in some]
        return WIRE[0] - min(offsets, default=0.0), WIRE[1] + max(offsets, default=0.0)
    before, after = _sides(item, some, distances)
    low = min(sum(before) - min(before), item.before) if before else 0.0
    high = min(AFTER + sum(after) - min(after), item.after) if after else 0.0
    return low + WIRE[0], high + WIRE[1]


def _along(block: Block, distances: Distances) -> None:
    """The v of every row, the tracks between rows, and where leaves stand."""
    count = 1 + max((item.row for item in block.items), default=0)
    high = [0.0] * count
    for item in block.items:
        stacks = [
            sum(leaf.along for leaf in side) + STACK * (len(side) - 1)
            for side in (
                [leaf for leaf in item.leaves if leaf.after],
                [leaf for leaf in item.leaves if not leaf.after],
            )
            if side
        ]
        if item.inner is None:
            item.along = max([item.along, *stacks])
        high[item.row] = max([high[item.row], item.along, *stacks])
    splits: list[list[Segment]] = [[] for _ in range(count)]
    joins: list[list[Segment]] = [[] for _ in range(count)]
    label = [0.0] * count
    for s in block.segments:
        s.split = s.join = None
        if abs(s.tail.u + s.start - s.line) > 0.5:
            splits[s.tail.row].append(s)
        if abs(s.head.u + s.end - s.line) > 0.5:
            joins[s.head.row].append(s)
        if s.wire.label and s is s.wire.parts[0]:
            length = distances.label or s.wire.label + 12.0
            label[s.tail.row] = max(label[s.tail.row], length)
    v = 0.0
    block.rows, zones = [], []
    for row in range(count):
        block.rows.append((v, v + high[row]))
        v += high[row]
        if row + 1 == count:
            break
        left = _tracks(splits[row], lambda s: (s.tail, s.tail.u + s.start, s.line), "split")
        came = _tracks(joins[row + 1], lambda s: (s.head, s.head.u + s.end, s.line), "join")
        a = v + (6.0 + TRACK * left + 8.0 if left else 0.0)
        b = a + label[row]
        end = b + (8.0 + TRACK * came + 6.0 if came else 0.0)
        empty = not high[row] or not high[row + 1]  # the border of the block
        end = max(end + 5.0, v + (0.0 if empty and not (left or came) else distances.gap))
        zones.append((v, a, b, end))
        v = end
    block.along = v
    for item in block.items:
        item.v = block.rows[item.row][0]
        _stand(item)
    _find_ways(block, zones)


def _stand(item: Item) -> None:
    """The places of leaves beside an item: those that learn after it, others before it."""
    for after in (True, False):
        v = item.v
        for leaf in item.leaves:
            if leaf.after is after:
                u = item.u + item.after + BESIDE if after else item.u - item.before - BESIDE
                leaf.at = (u if after else u - leaf.across, v)
                v += leaf.along + STACK


def _tracks(
    some: list[Segment], ends: Callable[[Segment], tuple[Item, float, float]], kind: str
) -> int:
    """The track of each part across a gap; returns their number.

    `ends` are the item at which a part is, the place there, and where it leads. Of one item's, the
    farther it leads the nearer to the item it lies; none lies before one whose place it leads to.
    """
    tracks: list[Taken] = []
    last: dict[tuple[Item, bool], int] = {}
    spans = {s: ends(s) for s in some}
    blocking = _blocking(spans)

    def key(s: Segment) -> tuple[float, float, float]:
        _, a, b = spans[s]
        return -abs(b - a), min(a, b), max(a, b)

    for s in _after(sorted(some, key=key), blocking):
        item, a, b = spans[s]
        own = item, b > a
        before = (getattr(x, kind) for x in blocking[s])
        k = max([last.get(own, -1), *(x for x in before if x is not None)]) + 1
        low, high = min(a, b) - WIRE[0], max(a, b) + WIRE[0]
        while k < len(tracks) and not tracks[k].is_free(low, high):
            k += 1
        last[own] = k
        if k == len(tracks):
            tracks.append(Taken())
        tracks[k].add(low, high)
        setattr(s, kind, k)
    return len(tracks)


def _blocking(
    spans: dict[Segment, tuple[Item, float, float]],
) -> dict[Segment, list[Segment]]:
    """By segment, those that leave or arrive where it leads to."""
    some = sorted(spans, key=lambda s: spans[s][1])
    places = [spans[s][1] for s in some]
    out = {}
    for s, (_, _, line) in spans.items():
        near = some[bisect_left(places, line - _NEAR) : bisect_right(places, line + _NEAR)]
        out[s] = [x for x in near if x is not s]
    return out


def _after(some: list[Segment], blocking: dict[Segment, list[Segment]]) -> Iterator[Segment]:
    """Segments in an order in which those that block others come first."""
    seen: set[Segment] = set()
    done: set[Segment] = set()
    for one in some:
        stack = [one]
        while stack:
            s = stack[-1]
            waits = [] if s in seen else [x for x in blocking[s] if x not in seen]
            seen.add(s)
            stack += waits
            if not waits:
                stack.pop()
                if s not in done:
                    done.add(s)
                    yield s


def _find_ways(block: Block, zones: list[tuple[float, float, float, float]]) -> None:
    for s in block.segments:
        begin, _, _, _ = zones[s.tail.row]
        _, _, _, end = zones[s.head.row - 1]
        start, line, stop = s.tail.u + s.start, s.line, s.head.u + s.end
        points = [(start, s.tail.v + s.tail.along)]
        if s.split is not None:
            v = begin + 16.0 + TRACK * s.split
            points += [(start, v), (line, v)]
        if s.join is not None:
            v = end - 16.0 - TRACK * s.join
            points += [(line, v), (stop, v)]
        points.append((stop, s.head.v))
        s.points = points
        if s.wire.label and s is s.wire.parts[0]:
            s.wire.label_at = line, (zones[s.tail.row][1] + zones[s.tail.row][2]) / 2
            s.wire.label_after = s.run is None and s.end > 0


def frame(block: Block, distances: Distances) -> None:
    """Sizes the item that a block is for the block around it: with a margin and its title."""
    item = block.item
    assert item is not None
    item.before = block.before + MARGIN + distances.title_across
    item.after = block.after + MARGIN
    item.along = max(block.along + 2 * MARGIN + distances.title_along, 24.0)
    if distances.turned:
        item.along = max(item.along, block.title + 2 * MARGIN)
    else:  # the title stands before the first wire that comes in
        entries = [x.u - WIRE[0] for x in block.items if x.entry]
        first = min(entries, default=block.after)
        item.before = max(item.before, block.title + 2 * MARGIN - first)
