"""Rows, chains and lanes: which items stand on one line, and where lines lie beside each other.

The row of an item is the length of the longest path to it. The spine leads from the result always
to the deepest operand; every other operand begins a chain of its own, until it meets an item that
is placed. A chain takes the nearest lane that is free over its whole length, on the side where it
comes from.
"""

from __future__ import annotations

from bisect import bisect_left
from heapq import heappop, heappush, nlargest

from viz.layout.river.elements import Block, Chain, Item, Lane, Segment, Wire

_SEARCH = 48  # lanes that are looked at on the way outward, at most


def place(block: Block) -> None:
    """Gives every item of a block its row and its chain, every chain its lane."""
    _rows(block)
    _Chains(block).place()


def _rows(block: Block) -> None:
    """Longest paths; trees of sources go down to the row before the one that uses them."""
    first = any(item.entry for item in block.items)
    loose: dict[Item, bool] = {}
    for item in block.items:
        least = 0 if item.entry or not first else 1
        item.row = max((s.tail.row + 1 for s in item.inputs), default=least)
        loose[item] = not item.entry and all(
            loose[s.tail] and len(s.tail.outputs) == 1 for s in item.inputs
        )
    last = max((item.row for item in block.items), default=0)
    for item in block.items:
        if item.port is not None and not item.entry:
            item.row = last
    for item in reversed(block.items):
        if item.outputs and loose[item]:
            item.row = max(item.row, min(s.head.row for s in item.outputs) - 1)


class _Chains:
    """Makes chains in the order of the rows where they join, the inner before the outer."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.lanes: list[Lane] = []  # in order
        self.queue: list[tuple[int, int, Item, Segment | None]] = []
        self.count = 0
        self.main: dict[Item, list[Segment]] = {}  # the two main inputs of each

    def place(self) -> None:
        self.prescribed()
        items = self.block.items
        ends = sorted((x for x in items if not x.outputs), key=lambda x: (-x.depth, x.row))
        for item in ends:
            self.push(-1, item, None)
        while self.queue:
            _, _, item, join = heappop(self.queue)
            if join is None and item.chain is not None:
                continue
            if join is None and item.port is not None and self.leave(item):
                continue
            self.grow(item, join)

    def push(self, row: int, item: Item, join: Segment | None) -> None:
        self.count += 1
        heappush(self.queue, (row, self.count, item, join))

    def prescribed(self) -> None:
        """The lines that must be straight, each in a lane of its own, one after the other."""
        ports = {item.port: item for item in self.block.items if item.port is not None}
        lines = [
            [ports[x] if isinstance(x, Wire) else x for x in line] for line in self.block.lines
        ]
        for number, line in enumerate(lines):
            first, last = line[0], line[-1]
            chain = Chain(line, 2 * first.row, 2 * last.row)
            self.add(chain, self.new_lane(number))
            for item in line:
                self.branch(item, line)

    def branch(self, item: Item, line: list[Item]) -> None:
        """Queues the operands of an item that do not stand before it on its line."""
        inside = set(line)
        straight = next((s for s in item.inputs if s.tail in inside), None)
        if straight is not None:
            straight.run = item.chain
        for s in item.inputs:
            if s is not straight:
                self.push(item.row, s.tail, s)

    def grow(self, item: Item, join: Segment | None) -> None:
        """The chain that ends in an item, which `join` leads on from."""
        if item.chain is not None:
            assert join is not None
            self.wire(join)
            return
        line: list[Item] = []
        later: dict[Segment, None] = {}  # in order
        top: Segment | None = None
        while True:
            line.append(item)
            item.chain = _PENDING
            fresh = [s for s in item.inputs if s.tail.chain is None]
            best = _best(fresh or item.inputs)
            later |= {s: None for s in item.inputs if s is not best}
            if best is None or not fresh:
                top = best
                break
            item = best.tail
        line.reverse()
        begin = 2 * line[0].row if top is None else 2 * top.tail.row + 1
        end = 2 * line[-1].row if join is None else 2 * join.head.row - 1
        chain = Chain(line, begin, end, top, join)
        self.add(chain, self.lane_for(chain, top, join))
        inside = set(line)
        for member in line:
            for s in member.inputs:
                if s.tail in inside and s not in later:
                    s.run = chain
        for s in (top, join):
            if s is not None:
                s.run = chain
        for s in later:
            self.push(s.head.row, s.tail, s)

    def leave(self, item: Item) -> bool:
        """Whether a wire leaves the block right after an item that is placed: it goes straight."""
        s = item.inputs[0]
        if not s.near or s.tail.chain is None or s.tail.inner is not None:
            return False
        item.chain = s.tail.chain
        self.block.straight.append(s)
        return True

    def wire(self, s: Segment) -> None:
        """A wire between two items that are placed, in a lane of its own if it is long."""
        if s.near:
            return
        chain = Chain([], 2 * s.tail.row + 1, 2 * s.head.row - 1, s, s)
        s.run = chain
        self.add(chain, self.lane_for(chain, s, s))

    def add(self, chain: Chain, lane: Lane) -> None:
        chain.lane = lane
        lane.taken.add(chain.first, chain.last)
        for item in chain.items:
            item.chain = chain
        self.block.chains.append(chain)

    def lane_for(self, chain: Chain, top: Segment | None, join: Segment | None) -> Lane:
        """The nearest free lane on the side that a chain comes from."""
        if not self.lanes:
            return self.new_lane(0)
        user = join.head.chain.lane if join else None
        source = top.tail.chain.lane if top else None
        if user is not None and source is not None and user is not source:
            return self.between(chain, user, source)
        start = user or source or self.lanes[len(self.lanes) // 2]
        return self.outward(chain, start, self.side_of(chain, join))

    def side_of(self, chain: Chain, join: Segment | None) -> int:
        """On which side of its user a chain comes: by its place among the operands."""
        if join is None or not chain.items:
            return 1
        if join.head not in self.main:
            self.main[join.head] = nlargest(2, join.head.inputs, key=_main)
        main = next((s for s in self.main[join.head] if s is not join), None)
        if main is None:
            return 1
        if join.head_port is not None and main.head_port is not None:
            return -1 if join.head_port.u < main.head_port.u else 1
        return -1 if join.wire.index < main.wire.index else 1

    def outward(self, chain: Chain, start: Lane, side: int) -> Lane:
        """The next free lane on one side; a new one before a line that the chain would cross."""
        place = self.place_of(start)
        for k in range(1, _SEARCH):
            at = place + side * k
            if not 0 <= at < len(self.lanes):
                break
            if self.lanes[at].taken.is_free(chain.first, chain.last):
                return self.lanes[at]
            if self.lanes[at].taken.until(chain.last) > chain.last:
                return self.new_lane(at if side > 0 else at + 1)
        return self.new_lane(len(self.lanes) if side > 0 else 0)

    def between(self, chain: Chain, user: Lane, source: Lane) -> Lane:
        """A free lane between those of its user and its source, or a new one beside the source."""
        a, b = self.place_of(user), self.place_of(source)
        side = 1 if b > a else -1
        for at in range(a + side, b, side)[:_SEARCH]:
            if self.lanes[at].taken.is_free(chain.first, chain.last):
                return self.lanes[at]
        return self.new_lane(b if side > 0 else b + 1)

    def place_of(self, lane: Lane) -> int:
        return bisect_left(self.lanes, lane.order, key=lambda x: x.order)

    def new_lane(self, at: int) -> Lane:
        """A new lane at a place among the others."""
        low = self.lanes[at - 1].order if at > 0 else None
        high = self.lanes[at].order if at < len(self.lanes) else None
        if high is None:
            order = 0.0 if low is None else low + 1.0
        elif low is None:
            order = high - 1.0
        else:
            order = (low + high) / 2
            if not low < order < high or high - low < 1e-9:
                for k, lane in enumerate(self.lanes):
                    lane.order = float(k)
                order = at - 0.5
        lane = Lane(order)
        self.lanes.insert(at, lane)
        return lane


_PENDING = Chain([], 0, 0)


def _best(some: list[Segment]) -> Segment | None:
    """The main one of an item's inputs; of those from the same item the straightest."""
    best = max(some, key=_main, default=None)
    if best is None or best.tail_port is None or best.head_port is None:
        return best
    alike = (s for s in some if s.tail is best.tail and s.wire.flows == best.wire.flows)
    return max(alike, key=lambda s: (-_bend(s), _main(s)))


def _bend(s: Segment) -> int:
    """How far apart the places in the borders of two blocks are that a wire joins."""
    assert s.tail_port is not None
    assert s.head_port is not None
    return int(abs(s.tail_port.u - s.head_port.u))


def _main(s: Segment) -> tuple[bool, int, int]:
    """How an operand compares: the one that gradient flows to, the deepest, the first."""
    tail = s.wire.tail
    return s.wire.flows, tail.depth, -s.wire.index
