"""Lays out a block with all blocks in it, and leads the wires over their borders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from viz.layout.river import lanes, tracks
from viz.layout.river.elements import (
    MARGIN,
    Block,
    Distances,
    Item,
    Point,
    Segment,
    Wire,
)


def arrange(root: Block, wires: Sequence[Wire], distances: Distances) -> None:
    """Places everything; u of the whole is 0 on its main line, v begins with 0.

    Items of every block must be in an order in which tails come before heads.
    """
    for wire in wires:
        wire.head.depth = max(wire.head.depth, wire.tail.depth + 1)
    for wire in wires:
        _lead(wire)
    blocks = list(root.blocks())
    for block in reversed(blocks):
        _ordered(block)
        lanes.place(block)
        tracks.make_room(block, distances)
        _make_equal(block)
        if distances.turned:
            _turn_leaves(block)
        tracks.settle(block, distances)
        if block.item is not None:
            tracks.frame(block, distances)
    for block in blocks:
        if block.item is not None:
            _move(block, block.item, distances)
    for wire in wires:
        wire.points = _joined([s.points for s in wire.parts])


def _make_equal(block: Block) -> None:
    """Records that follow each other on a line are equally wide: their borders are lines, too."""
    for chain in block.chains:
        some = [x for x in chain.items if x.inner is None and x.port is None and not x.rigid]
        for _, rows in groupby(enumerate(some), lambda x: x[1].row - x[0]):
            alike = [item for _, item in rows]
            before, after = max(x.before for x in alike), max(x.after for x in alike)
            for item in alike:
                item.before, item.after = before, after


def _turn_leaves(block: Block) -> None:
    """Leaves of items after the main line stand on the far side from it."""
    main = block.chains[0].lane.order if block.chains else 0.0
    for item in block.items:
        if item.chain.lane.order > main:
            for leaf in item.leaves:
                leaf.after = True


def _lead(wire: Wire) -> None:
    """Divides a wire into its segments: out of blocks, across the common one, into blocks."""
    tail, head = wire.tail, wire.head
    around = set()
    block = tail.block
    around.add(block)
    while block.item is not None:
        block = block.outer
        around.add(block)
    common = head.block
    while common not in around:
        common = common.outer
    out: list[Segment] = []
    inward: list[tuple[Item, Item, Item | None]] = []
    tail_port: Item | None = None
    head_port: Item | None = None
    while tail.block is not common:
        exit_ = Item(f"{wire.id}/out", depth=wire.tail.depth, port=wire, block=tail.block)
        tail.block.items.append(exit_)
        out.append(_segment(wire, tail, exit_, tail_port, None))
        tail, tail_port = _frame_of(tail.block), exit_
    while head.block is not common:
        entry = Item(
            f"{wire.id}/in", depth=wire.tail.depth, port=wire, entry=True, block=head.block
        )
        head.block.items.append(entry)
        inward.append((entry, head, head_port))
        head, head_port = _frame_of(head.block), entry
    out.append(_segment(wire, tail, head, tail_port, head_port))
    for entry, inner, port in reversed(inward):
        out.append(_segment(wire, entry, inner, None, port))
    wire.parts = out


def _frame_of(block: Block) -> Item:
    assert block.item is not None
    return block.item


def _segment(
    wire: Wire, tail: Item, head: Item, tail_port: Item | None, head_port: Item | None
) -> Segment:
    s = Segment(wire, tail, head, tail_port, head_port)
    tail.outputs.append(s)
    head.inputs.append(s)
    tail.block.segments.append(s)
    return s


def _ordered(block: Block) -> None:
    """Brings a block's items in an order in which tails come before heads, nearest to theirs."""
    left = {item: len(item.inputs) for item in block.items}
    number = {item: k for k, item in enumerate(block.items)}
    entries = [x for x in block.items if x.entry]
    stack = [x for x in block.items if not left[x] and not x.entry][::-1] + entries[::-1]
    out = []
    while stack:
        item = stack.pop()
        out.append(item)
        for s in sorted(item.outputs, key=lambda s: -number[s.head]):
            left[s.head] -= 1
            if not left[s.head]:
                stack.append(s.head)
    assert len(out) == len(block.items), "a group that a path leaves and enters again"
    block.items = out


def _move(block: Block, item: Item, distances: Distances) -> None:
    """Moves what stands in a block to where the block is in the picture."""
    u, v = item.u, item.v + MARGIN + distances.title_along
    begin, end = item.v, item.v + item.along
    for inner in block.items:
        inner.u += u
        inner.v += v
        for leaf in inner.leaves:
            leaf.at = leaf.at[0] + u, leaf.at[1] + v
    block.rows = [(a + v, b + v) for a, b in block.rows]
    for s in block.segments:
        s.points = [(x + u, y + v) for x, y in s.points]
        if s.tail.entry:
            s.points[0] = s.points[0][0], begin
        if s.head.port is not None and not s.head.entry:
            s.points[-1] = s.points[-1][0], end
        if s.wire.label_at is not None and s is s.wire.parts[0]:
            x, y = s.wire.label_at
            s.wire.label_at = x + u, y + v


def _joined(parts: list[list[Point]]) -> list[Point]:
    """The points of segments as those of one way, without those that lie on straight lines."""
    out: list[Point] = []
    for points in parts:
        for p in points:
            if out and abs(out[-1][0] - p[0]) < 0.05 and abs(out[-1][1] - p[1]) < 0.05:
                continue
            if len(out) > 1 and _straight(out[-2], out[-1], p):
                out[-1] = p
            else:
                out.append(p)
    return out


def _straight(a: Point, b: Point, c: Point) -> bool:
    return (abs(a[0] - b[0]) < 0.05 and abs(b[0] - c[0]) < 0.05) or (
        abs(a[1] - b[1]) < 0.05 and abs(b[1] - c[1]) < 0.05
    )
