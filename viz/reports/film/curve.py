"""The loss over the backward calls of a training, as a chart under its pictures."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from viz.style.text import number, width
from viz.svg.canvas import Canvas, coordinate, place

_TOP, _HIGH, _FOOT, _LEFT = 26.0, 84.0, 22.0, 58.0
_STEEP = 30.0  # times that the largest loss is the smallest, from which on the scale is logarithmic


def loss_curve(
    losses: Sequence[tuple[int, float]], marked: Collection[int], canvas: Canvas, room: float
) -> tuple[str, float]:
    """The chart at (0, 0), `room` wide, and its height; marked calls have a point and a number.

    >>> text, height = loss_curve([(1, 9.0), (3, 0.5)], [3], Canvas("light"), 400.0)
    >>> text.count("<circle"), height
    (1, 132.0)
    """
    known = [(call, x) for call, x in losses if math.isfinite(x)]
    low, high = min((x for _, x in known), default=0.0), max((x for _, x in known), default=1.0)
    steep = low > 0 and high > _STEEP * low
    scale = math.log10 if steep else float
    bottom, top = scale(low), scale(high)
    first, last = losses[0][0], losses[-1][0]
    across = room - _LEFT - 40.0

    def spot(call: int, x: float) -> tuple[float, float]:
        share = (scale(x) - bottom) / (top - bottom or 1.0)
        along = (call - first) / (last - first or 1)
        return _LEFT + across * along, _TOP + _HIGH * (1.0 - share)

    words = f"loss over {last:,} backward calls" + (", logarithmic" if steep else "")
    parts = [canvas.text(0, 11, words, size=11.0, bold=True)]
    for x in dict.fromkeys((high, low)):
        y = spot(first, x)[1]
        parts.append(canvas.path(f"M{coordinate(_LEFT)} {coordinate(y)}h{coordinate(across)}",
                                 stroke="hair"))  # fmt: skip
        parts.append(canvas.text(_LEFT - 8, y + 4, number(x, 3), size=11.0, fill="muted",
                                 anchor="end"))  # fmt: skip
    line = "M" + "L".join(place(spot(*point)) for point in known)
    parts.append(canvas.path(line, stroke="op-line", line=1.8) if len(known) > 1 else "")
    right = -math.inf
    for call, x in known:
        if call in marked:
            cx, cy = spot(call, x)
            paint = canvas.stroke("op-line", None, 1.0, "")
            parts.append(f'<circle cx="{coordinate(cx)}" cy="{coordinate(cy)}" r="3.6"{paint}/>')
            label = f"{call:,}"
            if cx - width(label, 11.0) / 2 > right + 6.0:
                parts.append(canvas.text(cx, _TOP + _HIGH + 18.0, label, size=11.0, fill="muted",
                                         anchor="middle"))  # fmt: skip
                right = cx + width(label, 11.0) / 2
    return "".join(parts), _TOP + _HIGH + _FOOT
