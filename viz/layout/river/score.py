"""Lines: a picture that grows to the right is broken into lines, like a score.

It is cut between two rows of the whole, where only wires run, and these go on at the beginning of
the next line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from viz.layout.river.elements import Block, Point, Wire

_BETWEEN = 46.0  # from one line to the next
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
    fed = {item.row for item in root.items if item.inputs}
    rows = enumerate(root.rows)
    for row, (begin, stop) in rows if turned else ():
        # what a line begins with is no mere leaf
        if stop - cuts[-1] > room and begin - 8.0 > cuts[-1] + 1.0 and row - 1 in fed:
            cuts.append(begin - 8.0)
    if len(cuts) == 1:
        return [Line(0.0, end, 0.0)]
    lines, u = [], 0.0
    for first, last in zip(cuts, [*cuts[1:], end], strict=True):
        low, high = _reach(root, wires, first, last)
        lines.append(Line(first, last, u - low))
        u += high - low + _BETWEEN
    return lines


def _reach(root: Block, wires: Sequence[Wire], first: float, last: float) -> Point:
    """How far what stands between two places of the flow reaches across it."""
    spans = [
        (item.u - item.reach[0], item.u + item.reach[1])
        for item in root.items
        if first <= item.v < last
    ]
    for wire in wires:
        for (u0, v0), (u1, v1) in zip(wire.points, wire.points[1:], strict=False):
            if min(v0, v1) < last and max(v0, v1) > first:
                spans.append((min(u0, u1) - 34.0, max(u0, u1) + 10.0))
    return min((a for a, _ in spans), default=0.0), max((b for _, b in spans), default=0.0)


def placed(point: Point, lines: Sequence[Line], turned: bool, left: float, near: float) -> Point:
    """Where a point of the layout is in the picture; `near` says on which line it belongs."""
    u, v = point
    line = next((x for x in lines if near < x.last), lines[-1])
    if not turned:
        return u + left, v
    return v - line.first + left, u + line.u
