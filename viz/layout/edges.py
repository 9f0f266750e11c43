"""Edges of a picture: ports, curves beside each other, and labels that sit on nothing.

All is computed in a frame in which the forward pass flows downward; `transpose` leads into it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from viz.layout.placing import Point, Rect
from viz.style.text import width

_BESIDE = 5.0  # how far a forward edge and its backward edge stand off their middle
_PAIR = 26.0  # between the edges that share a side of a box
_SHORT = 150.0  # an edge across no more than this is drawn as one S
_SAMPLES = (0.0, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92, 1.0)
_SPOTS = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)  # where along an edge a label may sit
TEXT = 11.0


@dataclass(slots=True)
class EdgePath:
    """An edge from the box `tail` to the box `head`; `back` says that a gradient flows on it."""

    id: str
    tail: str
    head: str
    back: bool
    label: str = ""
    forward: list[Point] = field(default_factory=list)  # control points, tail to head
    backward: list[Point] = field(default_factory=list)  # of the backward edge, head to tail
    label_at: Point | None = None  # middle of the label
    thick: float = 1.0


def transpose(direction: str, point: Point) -> Point:
    """A point in the frame where the forward pass flows downward, or back from it."""
    return point if direction == "TB" else (point[1], point[0])


class _Index:
    """Rectangles by the squares of a grid that they touch, to find collisions quickly."""

    def __init__(self, square: float = 48.0) -> None:
        self.square = square
        self.cells: dict[tuple[int, int], list[tuple[str, Rect]]] = {}

    def squares(self, rect: Rect) -> list[tuple[int, int]]:
        square = self.square
        left, top, right, bottom = [math.floor(x / square) for x in rect]
        down = range(top, bottom + 1)
        return [(i, j) for i in range(left, right + 1) for j in down]

    def add(self, name: str, rect: Rect) -> None:
        for cell in self.squares(rect):
            self.cells.setdefault(cell, []).append((name, rect))

    def hits(self, rect: Rect, but: Sequence[str] = ()) -> int:
        """How many of the rectangles overlap this one, leaving out those named."""
        found = set()
        left, top, right, bottom = rect
        for cell in self.squares(rect):
            for name, (a, b, c, d) in self.cells.get(cell, ()):
                if a < right and left < c and b < bottom and top < d and name not in but:
                    found.add((name, a, b))
        return len(found)


def _bezier(p: Sequence[Point], t: float) -> Point:
    """The point at t in [0, 1] of one cubic curve."""
    s = 1.0 - t
    a, b, c, d = s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = p
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def along(points: Sequence[Point], t: float) -> Point:
    """The point at t in [0, 1] of a chain of curves."""
    count = (len(points) - 1) // 3
    k = min(int(t * count), count - 1)
    return _bezier(points[3 * k : 3 * k + 4], t * count - k)


def _sampled(points: Sequence[Point]) -> list[Point]:
    return [
        _bezier(points[k : k + 4], t)
        for k in range(0, len(points) - 1, 3)
        for t in (_SAMPLES if k == 0 else _SAMPLES[1:])
    ]


def _beside(points: Sequence[Point], distance: float) -> list[Point]:
    """A chain of curves shifted sideways: to the right of its direction if positive.

    Every control point moves along the normal at its end of its curve, which is exact for
    straight lines; bends are halved first, so that their middle stands off as far as their ends.
    """
    out: list[Point] = []
    for p in _halves(points):
        first = normal(p[0], next((q for q in p[1:] if _far(q, p[0])), p[3]))
        last = normal(next((q for q in p[2::-1] if _far(q, p[3])), p[0]), p[3])
        normals = (first, first, last, last)
        moved = [(x + a * distance, y + b * distance) for (x, y), (a, b) in zip(p, normals)]
        if out:  # two curves meet half-way between their own ideas of the joint
            moved[0] = _between(out.pop(), moved[0])
        out += moved
    return out


def _halves(points: Sequence[Point]) -> Iterable[list[Point]]:
    """The curves of a chain, bent ones in two halves."""
    for k in range(0, len(points) - 1, 3):
        a, b, c, d = points[k : k + 4]
        if max(abs(a[0] - q[0]) for q in (b, c, d)) < 1.0:
            yield [a, b, c, d]
            continue
        ab, bc, cd = _between(a, b), _between(b, c), _between(c, d)
        abc, bcd = _between(ab, bc), _between(bc, cd)
        yield [a, ab, abc, _between(abc, bcd)]
        yield [_between(abc, bcd), bcd, cd, d]


def _between(p: Point, q: Point) -> Point:
    return (p[0] + q[0]) / 2, (p[1] + q[1]) / 2


def _far(p: Point, q: Point) -> bool:
    return abs(p[0] - q[0]) + abs(p[1] - q[1]) > 0.5


def normal(p: Point, q: Point) -> Point:
    dx, dy = q[0] - p[0], q[1] - p[1]
    length = math.hypot(dx, dy) or 1.0
    return dy / length, -dx / length


def _ports(
    paths: Sequence[EdgePath], boxes: Mapping[str, Rect], flat: Mapping[str, float], routes: Mapping
) -> dict[tuple[str, str], float]:
    """Where along its box's side each path's end stands.

    Ends stand side by side in the order in which the paths part. Those at operations are centred;
    those at records then move towards the operation, so that edges run as straight as can be.
    """
    sides: dict[tuple[str, str], list[tuple[float, int, EdgePath]]] = {}
    for k, path in enumerate(paths):
        route = routes[path.id]
        short = len(route) == 4
        to = _middle(boxes[path.head]) if short else route[3][0]
        come = _middle(boxes[path.tail]) if short else route[-4][0]
        sides.setdefault((path.tail, "out"), []).append((to, k, path))
        sides.setdefault((path.head, "in"), []).append((come, k, path))
    where: dict[tuple[str, str], float] = {}
    for (box, side), ends in sorted(sides.items(), key=lambda item: item[0][0].startswith("t-")):
        count, room = len(ends), flat[box]
        step = min(_PAIR, room / count)
        centre = _middle(boxes[box])
        spots = [centre + (i - (count - 1) / 2) * step for i in range(count)]
        ends = sorted(ends, key=lambda end: end[:2])
        other = "in" if side == "out" else "out"
        if all((path.id, other) in where for _, _, path in ends):
            slack = max(min(room, 0.7 * room + step) - step * count, 0.0) / 2
            gaps = [abs(boxes[w.head][1] - boxes[w.tail][3]) for _, _, w in ends]
            near = min(gaps) + 1.0
            wishes = [  # those of the nearest operations: short edges gain most from being straight
                where[w.id, other] - x
                for x, gap, (_, _, w) in zip(spots, gaps, ends)
                if gap <= near
            ]
            shift = min(max(sum(wishes) / len(wishes), -slack), slack)
            spots = [x + shift for x in spots]
        for x, (_, _, path) in zip(spots, ends, strict=True):
            where[path.id, side] = x
    return where


def _middle(box: Rect) -> float:
    return (box[0] + box[2]) / 2


def lay_out(
    paths: Sequence[EdgePath], boxes: Mapping[str, Rect], flat: Mapping[str, float],
    routes: Mapping[str, Sequence[Point]],
) -> None:  # fmt: skip
    """Gives each path its curves, from the engine's routes; all in the frame that flows downward.

    `flat` says how much of each box's top and bottom side is straight.
    """
    index = _Index(96.0)
    for name, box in boxes.items():
        index.add(name, box)
    where = _ports(paths, boxes, flat, routes)
    for path in paths:
        start = where[path.id, "out"], boxes[path.tail][3]
        end = where[path.id, "in"], boxes[path.head][1]
        course = _joined(path, start, end, list(routes[path.id]), index)
        path.forward = _beside(course, _BESIDE) if path.back else course
        if path.back:
            path.backward = _beside(course, -_BESIDE)[::-1]


def _joined(
    path: EdgePath, start: Point, end: Point, route: list[Point], index: _Index
) -> list[Point]:
    """The curve from port to port: an S if it is short and free, else the engine's way."""
    drop = end[1] - start[1]
    if 0 < drop <= _SHORT or len(route) == 4:
        bend = drop / 2
        ess = [start, (start[0], start[1] + bend), (end[0], end[1] - bend), end]
        ends = (path.tail, path.head)
        if drop > 0 and not any(index.hits(_around(p, 7.0), ends) for p in _sampled(ess)):
            return ess
    lead = max(min(abs(route[1][1] - route[0][1]), 40.0), 12.0)
    tail = max(min(abs(route[-1][1] - route[-2][1]), 40.0), 12.0)
    inner = route[2:-2] if len(route) > 4 else []
    return [start, (start[0], start[1] + lead), *inner, (end[0], end[1] - tail), end]


def _around(p: Point, margin: float) -> Rect:
    return p[0] - margin, p[1] - margin, p[0] + margin, p[1] + margin


def put_labels(paths: Sequence[EdgePath], boxes: Mapping[str, Rect]) -> None:
    """Finds a place for each label: on no box and no other label, and on few lines.

    Here paths and boxes are in the picture's own frame, since text does not turn.
    """
    solid, lines = _Index(), _Index(24.0)
    for name, box in boxes.items():
        solid.add(name, (box[0] - 2, box[1] - 1, box[2] + 2, box[3] + 1))
    for path in paths:
        for points in (path.forward, path.backward):
            for p in _sampled(points) if points else ():
                lines.add(path.id, _around(p, 2.5))
    for path in paths:
        if path.label and path.backward:
            path.label_at, rect = _best_spot(path, solid, lines)
            solid.add(f"label {path.id}", rect)


def _best_spot(path: EdgePath, solid: _Index, lines: _Index) -> tuple[Point, Rect]:
    half, high = width(path.label, TEXT) / 2, 6.5
    best: tuple[float, Point, Rect] | None = None
    for rank, t in enumerate(_SPOTS):
        x, y = along(path.backward, t)
        nx, ny = normal((x, y), along(path.backward, min(t + 0.02, 1.0)))
        for sign in (1.0, -1.0):
            # far enough along the normal that the whole box of the text clears the line
            reach = half * abs(nx) + high * abs(ny) + path.thick / 2 + 2.5
            reach += 2 * _BESIDE if sign < 0 else 0.0
            spot = x + sign * nx * reach, y + sign * ny * reach
            rect = spot[0] - half, spot[1] - high, spot[0] + half, spot[1] + high
            cost = 100 * solid.hits(rect) + 6 * lines.hits(rect) + 0.4 * rank + (sign < 0)
            if best is None or cost < best[0]:
                best = cost, spot, rect
            if cost < 2:
                return spot, rect
    assert best is not None
    return best[1], best[2]
