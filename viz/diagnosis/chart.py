"""A chart under a picture: the RMS of gradients over depth or time, on a logarithmic scale.

Five fixed bins lie behind the points as bands, so that charts of different networks compare. The
scale goes from 1e−11 to 1e6, and as far beyond as the gradients do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from viz.capture.trace import Trace
from viz.diagnosis.series import BINS, Point, Series, series_of
from viz.structure.ids import ids_of
from viz.style.text import fit, number, width
from viz.svg.canvas import Canvas, coordinate, group, place

LEFT, RIGHT = 64.0, 116.0  # room for the bins' bounds, and for their words and counts
LOWEST, HIGHEST = -11.0, 6.0  # powers of ten at the ends of the scale, at least
_DECADE = 7.0  # height of one, at most
_TALLEST = 280.0  # of a chart whose scale goes further
TITLE, FOOT = 36.0, 22.0
_APART = 14.0  # pixels between labelled points, at least their labels' width
_CLOSEST = 3.0  # pixels between points; of more points, neighbours become one
_GAP = 16.0  # between two charts


@dataclass(frozen=True)
class _Scale:
    """Where a size lies: powers of ten from the lowest at the bottom to the highest at the top."""

    lowest: float
    highest: float

    @classmethod
    def of(cls, sizes: Iterable[float]) -> _Scale:
        powers = [math.log10(x) for x in sizes if math.isfinite(x) and x > 0]
        lowest = math.floor(min([LOWEST, *powers]))
        return cls(lowest, math.ceil(max([HIGHEST, *powers])))

    @property
    def bottom(self) -> float:
        return self.level(self.lowest)

    def level(self, power: float) -> float:
        decades = self.highest - self.lowest
        return TITLE + min(_DECADE, _TALLEST / decades) * (self.highest - power)

    def height_of(self, rms: float) -> float:
        """0 and NaN lie at the bottom, infinity at the top."""
        if not rms > 0:
            return self.bottom
        return self.level(math.log10(rms) if math.isfinite(rms) else self.highest)


def gradient_chart(found: Trace, canvas: Canvas, room: float) -> tuple[str, float]:
    """The charts of a trace at (0, 0), `room` wide, and their height; ("", 0.0) without gradients.

    >>> from microgradnd import Tensor
    >>> from viz.capture.trace import trace
    >>> v, w = Tensor(0.5, requires_grad=True), Tensor([1.0, 2.0], requires_grad=True)
    >>> found = trace(((w * [3.0, 1.0]).tanh() * v).sum())
    >>> text, height = gradient_chart(found, Canvas("light"), 500.0)
    >>> text.count("<circle"), height
    (2, 193.0)
    """
    parts, y = [], 0.0
    for series in series_of(found, ids_of(found)):
        body, high = _plot(canvas, series, room)
        y += _GAP
        parts.append(f'<g transform="translate(0,{coordinate(y)})">{body}</g>')
        y += high
    return "".join(parts), y


def _plot(canvas: Canvas, series: Series, room: float) -> tuple[str, float]:
    """One series as a chart at (0, 0), and its height."""
    across = room - LEFT - RIGHT
    points = _thinned(series.points, max(int(across / _CLOSEST), 2))
    head, words = f"gradient RMS {series.title}", fit(_description(series), room, 11.0)
    parts = [canvas.text(0, 11, fit(head, room, 11.0, True), size=11.0, bold=True)]
    parts.append(canvas.text(0, 25, words, fill="muted"))
    scale = _Scale.of(p.rms for p in points)
    parts += _bands(canvas, series, scale, room)
    step = across / len(points)
    spots = [(LEFT + (k + 0.5) * step, scale.height_of(p.rms)) for k, p in enumerate(points)]
    line = [spot for spot, p in zip(spots, points, strict=True) if math.isfinite(p.rms)]
    if line:
        parts.append(canvas.path("M" + "L".join(map(place, line)), stroke="grad", line=1.4))
    parts += [_dot(canvas, p, spot) for p, spot in zip(points, spots, strict=True)]
    parts += _labels(canvas, points, spots, step, scale.bottom)
    return "".join(parts), scale.bottom + FOOT


def _description(series: Series) -> str:
    """The series in words."""
    first, last = series.points[0].rms, series.points[-1].rms
    words = f"{number(last, 3)} near the loss · {number(first, 3)} at the far end"
    factor = series.factor
    if math.isfinite(factor):
        words += f" · ×{number(factor, 3)} a step back"
    return words


def _thinned(points: Sequence[Point], most: int) -> list[Point]:
    """No more points than there is room for: neighbours are taken together."""
    size = -(-len(points) // most)
    out = []
    for i in range(0, len(points), size):
        some = points[i : i + size]
        label = some[0].label if len(some) == 1 else f"{some[0].label} … {some[-1].label}"
        rms = math.sqrt(sum(p.rms**2 for p in some) / len(some)) if len(some) > 1 else some[0].rms
        out.append(Point(label, tuple(n for p in some for n in p.nodes), rms))
    return out


def _bands(canvas: Canvas, series: Series, scale: _Scale, room: float) -> list[str]:
    """The five bins with their bounds, their words and the numbers of points in them."""
    parts = []
    counts = series.counts()
    bounds = [scale.lowest, *(math.log10(start) for _, start in BINS[1:]), scale.highest]
    for k, (word, start) in enumerate(BINS):
        top, bottom = scale.level(bounds[k + 1]), scale.level(bounds[k])
        fill = ("warn", "const", "record", "const", "warn")[k]
        parts.append(
            canvas.rect(LEFT, top, room - LEFT - RIGHT, bottom - top, fill=fill, stroke="hair")
        )
        if k or scale.lowest < LOWEST:
            bound = number(start, 2) if k else f"1e−{-scale.lowest:.0f}"
            parts.append(
                canvas.text(LEFT - 6, bottom + 3.4, bound, size=11.0, fill="muted", anchor="end")
            )
        words = f"{word} {counts[word]}"
        ink, middle = "ink" if counts[word] else "muted", (top + bottom) / 2 + 3.6
        right = room - RIGHT + 8
        parts.append(canvas.text(right, middle, words, fill=ink, bold=bool(counts[word])))
    return parts


def _dot(canvas: Canvas, point: Point, spot: tuple[float, float]) -> str:
    """A point with its number as a tooltip; one that is not finite is a cross."""
    x, y = spot
    data = {"point": point.label, "rms": repr(point.rms)}
    title = f"{point.label}: RMS {number(point.rms)} ({point.bin})"
    if math.isfinite(point.rms):
        fill, rim = ("grad", None) if point.rms else ("canvas", "grad")  # zero is hollow
        paint = canvas.stroke(fill, rim, 1.0, "")
        shape = f'<circle cx="{coordinate(x)}" cy="{coordinate(y)}" r="2.6"{paint}/>'
    else:
        d = f"M{place((x - 4, y - 4))}L{place((x + 4, y + 4))}M{place((x - 4, y + 4))}"
        shape = canvas.path(f"{d}L{place((x + 4, y - 4))}", stroke="grad", line=2.0)
    return group(data, title, [shape])


def _labels(
    canvas: Canvas,
    points: Sequence[Point],
    spots: Sequence[tuple[float, float]],
    step: float,
    y: float,
) -> list[str]:
    """The names of as many points as have room, the ends first of all."""
    parts: list[str] = []
    last = len(points) - 1
    widest = max(min(max(width(_short(p.label), 11.0) for p in points), 90.0) + 8.0, _APART)
    every = max(1, math.ceil(widest / step))
    for k in [*range(0, last - every // 2, every), last] if last else [0]:
        words = fit(_short(points[k].label), max(widest, step) - 6.0, 11.0)
        parts.append(
            canvas.text(spots[k][0], y + 13.5, words, size=11.0, fill="muted", anchor="middle")
        )
    return parts


def _short(label: str) -> str:
    """A place without the name of its result."""
    return label.partition(" → ")[0]
