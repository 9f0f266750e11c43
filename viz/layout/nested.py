"""The layered layout for boxes that stand in frames: each frame is laid out by itself.

A frame is one box to what is around it. A link over its border goes through a port: inside, ports
are sources above and sinks below everything else, so that a link never crosses a box there either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from viz.layout import layered

Point = tuple[float, float]
Rect = tuple[float, float, float, float]  # left, top, right, bottom
Contents = dict[int | None, tuple[list[int], list[int]]]

_MARGIN = 12.0  # between a frame and what it holds
_TITLE = 20.0


@dataclass(frozen=True)
class Nest:
    """The frame of each box and of each frame, or None, and how wide the frames' titles are."""

    boxes: list[int | None]
    frames: list[int | None]
    widths: list[float]

    def contents(self) -> Contents:
        """By frame, and for None, the boxes and the frames that stand directly in it."""
        found: Contents = {frame: ([], []) for frame in (None, *range(len(self.frames)))}
        for number, frame in enumerate(self.boxes):
            found[frame][0].append(number)
        for number, frame in enumerate(self.frames):
            found[frame][1].append(number)
        return found

    def around(self, box: int) -> list[int | None]:
        """The frames around a box, the innermost first, None at last."""
        out: list[int | None] = [self.boxes[box]]
        while out[-1] is not None:
            out.append(self.frames[out[-1]])
        return out


@dataclass
class Placed:
    """What a frame holds, from its left upper corner on."""

    width: float = 0.0
    height: float = 0.0
    centres: dict[int, Point] = field(default_factory=dict)
    rects: dict[int, Rect] = field(default_factory=dict)
    routes: dict[int, list[Point]] = field(default_factory=dict)

    def moved(self, x: float, y: float) -> Placed:
        return Placed(
            self.width, self.height,
            {n: (a + x, b + y) for n, (a, b) in self.centres.items()},
            {n: (a + x, b + y, c + x, d + y) for n, (a, b, c, d) in self.rects.items()},
            {n: [(a + x, b + y) for a, b in route] for n, route in self.routes.items()},
        )  # fmt: skip


def place(
    sizes: list[Point], edges: list[tuple[int, int]], nest: Nest, direction: str, ranksep: float,
    nodesep: float,
) -> tuple[list[Point], list[list[Point]], list[Rect]]:  # fmt: skip
    """Centres of boxes, routes of edges and rectangles of frames."""
    transposed = direction == "LR"
    if transposed:
        sizes = [(h, w) for w, h in sizes]
    whole = _Nesting(sizes, edges, nest, transposed, ranksep, nodesep).placed(None)
    centres = [whole.centres[n] for n in range(len(sizes))]
    routes = [whole.routes[n] for n in range(len(edges))]
    rects = [whole.rects[n] for n in range(len(nest.frames))]
    if transposed:
        centres = [(y, x) for x, y in centres]
        routes = [[(y, x) for x, y in route] for route in routes]
        rects = [(b, a, d, c) for a, b, c, d in rects]
    return centres, routes, rects


@dataclass
class _Nesting:
    """A layout in the making, in the frame that flows downward."""

    sizes: list[Point]
    edges: list[tuple[int, int]]
    nest: Nest
    transposed: bool
    ranksep: float
    nodesep: float

    def __post_init__(self) -> None:
        self.contents = self.nest.contents()
        self.crossing: dict[int | None, list[int]] = {}  # by frame, the edges with an end in it
        for number, (tail, head) in enumerate(self.edges):
            for frame in {*self.nest.around(tail), *self.nest.around(head)}:
                self.crossing.setdefault(frame, []).append(number)

    def placed(self, frame: int | None) -> Placed:
        """The layout of what stands in a frame, or of the whole."""
        boxes, frames = self.contents[frame]
        inner = {n: self.placed(n) for n in frames}
        items = {("box", n): k for k, n in enumerate(boxes)}
        items |= {("frame", n): k for k, n in enumerate(inner, start=len(items))}
        sizes = [self.sizes[n] for n in boxes] + [(p.width, p.height) for p in inner.values()]
        links: list[tuple[int, int]] = []
        numbers: list[int] = []  # of the edges that the links are
        entries, exits = list[int](), list[int]()
        for number in self.crossing.get(frame, ()):
            ends = [self.item(end, frame) for end in self.edges[number]]
            if ends[0] == ends[1] and (ends[0] is None or ends[0][0] == "frame"):
                continue
            pair = []
            for end, ports in zip(ends, (entries, exits), strict=True):
                if end is None:
                    ports.append(len(sizes))
                    sizes.append((2.0, 0.0))
                    pair.append(len(sizes) - 1)
                else:
                    pair.append(items[end])
            links.append((pair[0], pair[1]))
            numbers.append(number)
        centres, routes = layered.place(sizes, links, self.ranksep, self.nodesep, entries, exits)
        by_edge = dict(zip(numbers, routes, strict=True))
        return self.assembled(frame, boxes, inner, sizes, centres, by_edge)

    def item(self, box: int, frame: int | None) -> tuple[str, int] | None:
        """What a box belongs to among the items of a frame; None if it stands elsewhere."""
        line = self.nest.around(box)
        if frame not in line:
            return None
        at = line.index(frame)
        return ("frame", line[at - 1] or 0) if at else ("box", box)

    def assembled(
        self, frame: int | None, boxes: list[int], inner: dict[int, Placed], sizes: list[Point],
        centres: list[Point], routes: dict[int, list[Point]],
    ) -> Placed:  # fmt: skip
        """Puts inner frames in their places and joins the routes over their borders."""
        out = Placed(routes=dict(routes))
        out.centres = {n: centres[k] for k, n in enumerate(boxes)}
        for k, (n, held) in enumerate(inner.items(), start=len(boxes)):
            (x, y), (w, h) = centres[k], sizes[k]
            held = held.moved(x - w / 2, y - h / 2)
            out.centres |= held.centres
            out.rects |= held.rects
            out.rects[n] = x - w / 2, y - h / 2, x + w / 2, y + h / 2
            for number, route in held.routes.items():
                if number not in routes:
                    out.routes[number] = route
                elif self.item(self.edges[number][0], frame) == ("frame", n):
                    out.routes[number] = _joined(route, out.routes[number])
                else:
                    out.routes[number] = _joined(out.routes[number], route)
        if frame is None:
            return out
        return self.framed(frame, out, sizes, centres)

    def framed(self, frame: int, held: Placed, sizes: list[Point], centres: list[Point]) -> Placed:
        """What a frame holds, with the margin and the room for a title around it."""
        pairs = list(zip(centres, sizes, strict=True))
        xs = [x + side * w / 2 for (x, _), (w, _) in pairs for side in (-1, 1)]
        xs += [x for route in held.routes.values() for x, _ in route]
        ys = [y + side * h / 2 for (_, y), (_, h) in pairs for side in (-1, 1)]
        side, above = (_TITLE, 0.0) if self.transposed else (0.0, _TITLE)
        long, wide = max(ys) - min(ys), max(xs) - min(xs)
        title = self.nest.widths[frame] + 2 * _MARGIN
        left = _MARGIN + side - min(xs)
        if self.transposed:
            long = max(long, title)
        elif title > wide + 2 * _MARGIN:
            left += (title - wide - 2 * _MARGIN) / 2
            wide = title - 2 * _MARGIN
        out = held.moved(left, _MARGIN + above - min(ys))
        out.width, out.height = wide + 2 * _MARGIN + side, long + 2 * _MARGIN + above
        return out


def _joined(one: list[Point], other: list[Point]) -> list[Point]:
    """A route that goes on with another one, over the border of a frame."""
    (x, y), (x2, y2) = one[-1], other[0]
    middle = (y + y2) / 2
    return [*one, (x, middle), (x2, middle), *other]
