"""Lines: a picture that grows to the right is broken into lines, like a score.

It is cut between two rows of the whole, where only wires run, and these go on at the beginning of
the next line.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from operator import attrgetter, itemgetter

from viz.layout.river.elements import Block, Point, Wire

_BETWEEN = 36.0  # from one line to the next
_MORE = 160.0  # by how much the last line may be longer
_OVER = 14.0  # by how much wires stand out at both ends


@dataclass(frozen=True, slots=True)
class Line:
    """A part of the flow from `first` to `last`; `u` is added to what lies across it there."""

    first: float
    last: float
    u: float
    over: float = _OVER


def divided(root: Block, wires: Sequence[Wire], room: float, turned: bool) -> list[Line]:
    """The lines of a picture; one that grows downward has one."""
    end = max(root.along, 1.0)
    cuts = [0.0]
    made = {item.row for item in root.items if item.inputs or item.leaves or item.inner}
    rows = enumerate(root.rows)
    for row, (begin, stop) in rows if turned else ():
        # what a line begins with is no mere leaf
        if stop - cuts[-1] > room and begin - 8.0 > cuts[-1] + 1.0 and row - 1 in made:
            cuts.append(begin - 8.0)
    if len(cuts) == 1:
        return [Line(0.0, end, 0.0)]
    found = [_stacked(root, wires, cuts, end)]
    if end - cuts[-2] < room + _MORE:
        found.append(_stacked(root, wires, cuts[:-1], end))
    return min(found, key=itemgetter(0))[1]


def _stacked(
    root: Block, wires: Sequence[Wire], cuts: list[float], end: float
) -> tuple[float, list[Line]]:
    """Lines that begin at places of the flow, each after the one before it; first their area."""
    lines, u = [], 0.0
    reaches = _reaches(root, wires, cuts)
    for first, last, (low, high) in zip(cuts, [*cuts[1:], end], reaches, strict=True):
        lines.append(Line(first, last, u - low))
        u += high - low + _BETWEEN
    return u * max(x.last - x.first for x in lines), lines


def _reaches(root: Block, wires: Sequence[Wire], cuts: list[float]) -> list[Point]:
    """How far what stands on each line reaches across the flow."""
    lows, highs = [inf] * len(cuts), [-inf] * len(cuts)

    def add(lines: range, low: float, high: float) -> None:
        for k in lines:
            lows[k] = min(lows[k], low)
            highs[k] = max(highs[k], high)

    for item in root.items:
        k = bisect_right(cuts, item.v) - 1
        add(range(k, k + 1), item.u - item.reach[0], item.u + item.reach[1])
    for wire in wires:
        for (u0, v0), (u1, v1) in pairwise(wire.points):
            over = range(bisect_right(cuts, min(v0, v1)) - 1, bisect_left(cuts, max(v0, v1)))
            add(over, min(u0, u1) - 34.0, max(u0, u1) + 10.0)
    return [(a, b) if a <= b else (0.0, 0.0) for a, b in zip(lows, highs, strict=True)]


def spanned(lines: Sequence[Line], begin: float, end: float) -> Sequence[Line]:
    """The lines that what lies between two places of the flow is on."""
    first = bisect_left(lines, begin, key=attrgetter("last"))
    return lines[first : bisect_right(lines, end, key=attrgetter("first"))]


def placed(point: Point, lines: Sequence[Line], turned: bool, left: float, near: float) -> Point:
    """Where a point of the layout is in the picture; `near` says on which line it belongs."""
    u, v = point
    line = lines[min(bisect_right(lines, near, key=attrgetter("last")), len(lines) - 1)]
    if not turned:
        return u + left, v
    return v - line.first + left, u + line.u
