"""What the river layout places: items, the blocks they stand in, and wires between them.

The flow of the forward pass is one axis, `v`; across it is `u`. A picture that grows downward has
v to the bottom and u to the right, one that grows to the right has v to the right and u to the
bottom: the layout knows only u and v. Each item has a channel, the line u = 0 of its own that its
main wire runs on; `before` and `after` are how far it reaches to either side of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from viz.layout.river.rooms import Taken

Point = tuple[float, float]  # (u, v)


@dataclass(eq=False, slots=True)
class Leaf:
    """A leaf that stands beside the only item that uses it: across and along are its size.

    What learns stands `after` the item, else before it; `at` is its corner when placed.
    """

    id: str
    across: float
    along: float
    after: bool = False
    at: Point = (0.0, 0.0)


@dataclass(eq=False, slots=True)
class Wire:
    """What an item uses of another; `points` is its way when it is placed.

    Attributes:
        index: its place among the operands of its head.
        flows: whether a gradient flows back over it.
        label_at, label_after: where the label stands, and on which side of the wire.
        label: how long the label is that stands at it, along its text; 0 for none.
    """

    id: str
    tail: Item
    head: Item
    index: int = 0
    flows: bool = False
    label: float = 0.0
    points: list[Point] = field(default_factory=list)
    parts: list[Segment] = field(default_factory=list)
    label_at: Point | None = None
    label_after: bool = False


@dataclass(eq=False, slots=True)
class Item:
    """A record, a block of them, or the place where a wire goes in or out of a block.

    Attributes:
        before, after, along: its size, around its channel and along the flow.
        leaves: what stands beside it.
        inner: the block that it is, if it is no record.
        depth: the number of records on the longest path to it.
        port: of a place in a block's border, the wire; `entry` says which border.
        rigid: whether it keeps its size; others are as wide as the widest on their line.
    """

    id: str
    before: float = 0.0
    after: float = 0.0
    along: float = 0.0
    leaves: list[Leaf] = field(default_factory=list)
    inner: Block | None = None
    block: Block = None  # type: ignore[assignment]  # until it is put into one
    depth: int = 0
    port: Wire | None = None
    entry: bool = False
    rigid: bool = False
    inputs: list[Segment] = field(default_factory=list)
    outputs: list[Segment] = field(default_factory=list)
    row: int = 0
    chain: Chain = None  # type: ignore[assignment]  # until it is placed
    shift: float = 0.0  # of its channel from its chain's
    u: float = 0.0  # of its channel
    v: float = 0.0  # of its beginning

    @property
    def reach(self) -> tuple[float, float]:
        """How far it and its leaves reach before and after the channel."""
        before, after = self.before, self.after
        for leaf in self.leaves:
            if leaf.after:
                after = max(after, self.after + BESIDE + leaf.across)
            else:
                before = max(before, self.before + BESIDE + leaf.across)
        return before, after


@dataclass(eq=False, slots=True)
class Segment:
    """The part of a wire in one block: between two of its items.

    Attributes:
        run: the chain along whose line it runs, or None if it only crosses one gap.
        start, end: the offsets from the channels of tail and head where it leaves and arrives.
        split, join: the tracks of its parts across the flow, where it has any.
        tail_port, head_port: the places in the borders of blocks that it leaves and enters.
    """

    wire: Wire
    tail: Item
    head: Item
    tail_port: Item | None = None
    head_port: Item | None = None
    run: Chain | None = None
    start: float = 0.0
    end: float = 0.0
    split: int | None = None
    join: int | None = None
    points: list[Point] = field(default_factory=list)

    @property
    def near(self) -> bool:
        return self.head.row == self.tail.row + 1

    @property
    def line(self) -> float:
        """The u along which it runs."""
        if self.run is None or self.head.chain is self.run:
            return self.head.u + self.end
        return self.tail.u + self.start if self.tail.chain is self.run else self.run.u


@dataclass(eq=False, slots=True)
class Chain:
    """Items on one straight line, or a wire alone, over the cells from `first` to `last`.

    Cells are rows and the gaps between them: row k is the cell 2k, the gap after it 2k + 1.

    Attributes:
        top, join: the segments that lead from another chain to it and from it to another.
    """

    items: list[Item]
    first: int
    last: int
    top: Segment | None = None
    join: Segment | None = None
    lane: Lane = None  # type: ignore[assignment]  # until it is placed
    u: float = 0.0


@dataclass(eq=False, slots=True)
class Lane:
    """A place across the flow that chains share; `order` says where it lies."""

    order: float
    taken: Taken = field(default_factory=Taken)


@dataclass(eq=False, slots=True)
class Block:
    """Items that are laid out together: the whole picture, or what stands in a frame.

    Attributes:
        item: what it is in the block around it; None of the whole.
        title: how wide the title is, 0 without one.
        straight: segments that leave the block right where they begin.
        lines: items that have to stand on straight lines, the first on the main one; a wire
            stands for the place where it comes in or goes out.
    """

    id: str
    item: Item | None = None
    title: float = 0.0
    items: list[Item] = field(default_factory=list)
    lines: list[list[Item | Wire]] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    straight: list[Segment] = field(default_factory=list)
    before: float = 0.0
    after: float = 0.0
    along: float = 0.0
    rows: list[tuple[float, float]] = field(default_factory=list)  # begin and end of each

    @property
    def outer(self) -> Block:
        """The block around it, which the whole has not."""
        assert self.item is not None
        return self.item.block

    def blocks(self) -> Iterator[Block]:
        """This block and those in it, the outer before the inner."""
        yield self
        for item in self.items:
            if item.inner is not None:
                yield from item.inner.blocks()


@dataclass(frozen=True, slots=True)
class Distances:
    """The distances of a layout, in px; they differ with the direction of the flow.

    Attributes:
        label: the height of a label along the flow, 0 to take each label's own length.
        title: the room for a frame's title along and across the flow.
        gap: between two rows at least.
    """

    label: float
    title_along: float
    title_across: float
    gap: float
    turned: bool


DOWN = Distances(label=16.0, title_along=20.0, title_across=0.0, gap=17.0, turned=False)
RIGHT = Distances(label=0.0, title_along=0.0, title_across=20.0, gap=24.0, turned=True)

BESIDE = 30.0  # between an item and a leaf beside it
STACK = 6.0  # between two leaves beside the same item
LANE = 16.0  # between chains
TRACK = 25.0  # between parts of wires that run across the flow
AFTER = 23.0  # from the channel to the first wire after it
PORT = 27.0  # between wires that leave an item
WIRE = (20.0, 9.0)  # the room of a wire with its ribbon, before and after it
MARGIN = 10.0  # between a frame and what it holds
