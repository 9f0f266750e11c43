"""Draws the records of a river picture, each at its own origin."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from viz.model.river import Record
from viz.style.text import fit, number, width
from viz.svg.canvas import Canvas, coordinate
from viz.svg.cells import heat, map_size, table
from viz.svg.records import step_badge
from viz.svg.river.looks import HEAD, LINE, PAD, SMALL, TITLE, Look, Part, sizes

At = Callable[[int | None, str], str]  # what appears at a backward step, see `motion.Motion.at`
PARTS = 7  # colours of contributions that add up


def broad(rms: float) -> float:
    """The width of a ribbon: the logarithm of an RMS, from 1e-6 to 10."""
    if not rms > 0:
        return 2.0
    if not math.isfinite(rms):
        return 14.0
    return 2.5 + 11.5 * min(max((math.log10(rms) + 6.0) / 7.0, 0.0), 1.0)


def border(canvas: Canvas, record: Record, look: Look) -> str:
    """The box of a record; it tells results, leaves and constants apart."""
    w, h = look.width, look.height
    if record.more is not None:
        return canvas.border(w, h, 0.5, 9.0, fill="record", stroke="line", dash="2 3")
    if record.tag is not None:
        return canvas.border(w, h, 0.5, 9.0, fill="leaf", stroke="leaf-line", dash="4 3")
    if record.group is not None:
        dash = "" if record.group.module not in ("chain", "stretch", "steps") else "6 4"
        piled = record.group.module == "repeat"
        pile = canvas.rect(3.5, -3.5, w - 1, h - 1, 6.0, fill="group", stroke="group-line")
        box = canvas.border(w, h, 0.6, 6.0, fill="group", stroke="group-line", line=1.4, dash=dash)
        return pile * piled + box
    kind = record.tensor.kind if record.tensor is not None else ""
    if kind in ("parameter", "leaf"):
        return canvas.border(w, h, 0.9, 5.0, fill="leaf", stroke="leaf-line", line=1.8)
    if kind == "constant":
        return canvas.border(w, h, 0.5, 5.0, fill="const", stroke="hair")
    ring = canvas.border(w, h, -3.0, 7.0, stroke="line") if kind == "output" else ""
    return ring + canvas.border(w, h, 0.5, 5.0, fill="record", stroke="line")


def river(look: Look, turned: bool, before: float, after: float, ends: bool) -> str:
    """The ribbon through a record, as the path of its outline.

    `after` is its width where the gradient of the result comes in, `before` where what flows on
    to the operands goes out; `ends` says that no operand gets any over this line.
    """
    w, h = look.width, look.height
    length = w if turned else h
    along = (0.45 if turned else 0.0) * w if ends else 0.0
    start = along if turned else (HEAD + 2.0 if ends else 0.0)
    before = before or after
    middle = (start + length) / 2
    a, b = before / 2, after / 2
    line = h - look.channel if turned else w - look.channel
    points = [(start, -a), (start, a), (middle, a), (middle, b), (length, b), (length, -b),
              (middle, -b), (middle, -a), (start, -a)]  # fmt: skip
    place = [
        f"{coordinate(v if turned else line + u)} {coordinate(line + u if turned else v)}"
        for v, u in points
    ]
    d = f"M{place[0]}L{place[1]}C{' '.join(place[2:5])}L{place[5]}C{' '.join(place[6:9])}z"
    return d


def head(
    canvas: Canvas, record: Record, look: Look, turned: bool, flowing: bool, beside: bool,
    back: Callable[[str], str],
) -> str:  # fmt: skip
    """The first line of a record, and what stands below it in words.

    `back` puts what the backward pass brings into its moment.
    """
    right = look.width - PAD
    parts = []
    state = getattr(record.operation or record.group, "state", None)
    if look.chip:
        wide = look.chip_width
        badge = step_badge(canvas, look.chip, look.width - 4.0 - wide, 13.0, wide, state)
        parts.append(back(badge))
        right -= wide
    if not turned and not beside and (flowing or look.chip):
        right = min(right, look.width - look.channel - 11.0)
    if look.gain and flowing:
        text = look.gain
        factor = text[1:]
        role = _gain_role(factor)
        wide = width(text, SMALL, True)
        y = 15.0 if not turned or not look.parts else look.parts[0].y + 14.0
        at = right if y == 15.0 else look.width - PAD
        bold = role != "muted"
        words = canvas.text(at, y, text, size=SMALL, fill=role, bold=bold, anchor="end")
        parts.append(back(words))
        right -= wide + 6.0 if y == 15.0 else 0.0
    if look.meta:
        parts.append(canvas.text(right, 15.0, look.meta, size=SMALL, fill="muted", anchor="end"))
        right -= width(look.meta, SMALL) + 6.0
    title = fit(look.title, right - PAD, TITLE, look.bold)
    parts.append(canvas.text(PAD, 15.0, title, size=TITLE, bold=look.bold))
    for k, caption in enumerate(look.captions):
        room = look.width - PAD - (look.channel + 12.0 if not turned else PAD)
        words = fit(caption, room, SMALL)
        y = HEAD + 11.0 + k * (LINE - 1.0)
        parts.append(canvas.text(PAD, y, words, size=SMALL, fill="muted"))
    return "".join(parts)


def _gain_role(factor: str) -> str:
    value = float(factor.replace("−", "-").replace("∞", "inf").replace("NaN", "nan"))
    return "below-1" if value < 0.95 else "above-1" if value > 1.05 else "muted"


def body(canvas: Canvas, look: Look, arrived: Callable[[str], str]) -> str:
    """Data and gradient of a record; `arrived` puts the gradient into its moment."""
    parts = [(part, _part(canvas, look, part)) for part in look.parts]
    return "".join(arrived(svg) if part.label == "∂" else svg for part, svg in parts)


def _part(canvas: Canvas, look: Look, part: Part) -> str:
    ink = "grad-ink" if part.label.startswith(("∂", "grad")) else "ink"
    x, y = part.x, part.y
    out = ""
    if part.label:
        wide = width(part.label, TITLE)
        out = canvas.text(x - wide - 3.0, y + 15.0, part.label, size=TITLE, fill=ink)
    summary = part.summary
    if summary is None:
        return out + canvas.text(x, y + 15.0, "—", size=TITLE, fill="muted")
    if look.form == "scalar":
        back = canvas.hatch(x - 2, y + 3, part.width, 14.0) if summary.flaw else ""
        halo = "record" if summary.flaw else None
        text = number(summary.total)
        value = canvas.text(x, y + 15.0, text, size=TITLE, fill=ink, bold=ink == "ink", halo=halo)
        return out + back + value
    if look.form == "empty":
        return out + canvas.text(x, y + 15.0, "empty", size=SMALL, fill="muted")
    if look.form == "table":
        return out + table(canvas, summary, x, y + 2.0, look.cell)
    at, (norm, scale) = x + map_size(summary.shape)[0] + 5.0, sizes(summary)
    out += canvas.text(at, y + 13.0, norm, size=SMALL, fill=ink, bold=bool(summary.flaw))
    out += canvas.text(at, y + 27.0, scale, size=SMALL, fill="muted")
    return out + heat(canvas, summary, x, y + 2.0)


def shares(
    canvas: Canvas, look: Look, values: Sequence[tuple[float | None, int | None]], expected: int,
    right: float, at: At,
) -> str:  # fmt: skip
    """A signed bar of the contributions to a gradient, from a line at zero.

    Args:
        values: the shares, drawn alike where they are not known, and the steps that made them.
        expected: how many contributions there are in the end.
        right: where the bar ends.
        at: puts what a step brings into its moment.
    """
    y = look.bar or 0.0
    known = [x if x is not None else 1.0 / expected for x, _ in values]
    steps = [step for _, step in values]
    words = str(expected) if len(values) == expected else f"{len(values)} of {expected}"
    left = PAD + 15.0
    room = right - left - width(f"{expected} of {expected}", SMALL) - 6.0
    low = min(0.0, sum(x for x in known if x < 0))
    high = max(1.0, sum(x for x in known if x > 0))
    unit = room / (high - low)
    zero = plus = minus = left - low * unit
    out = [canvas.text(PAD, y + 11.0, "Σ", size=SMALL, fill="sum-ink", bold=True)]
    for k, (x, step) in enumerate(zip(known, steps, strict=True)):
        long = abs(x) * unit
        box = plus if x >= 0 else minus - long, y + 3.0, max(long, 0.8), 9.0
        out.append(at(step, canvas.rect(*box, fill=f"part-{k % PARTS}", stroke="record")))
        plus, minus = (plus + long, minus) if x >= 0 else (plus, minus - long)
    out.append(canvas.path(f"M{coordinate(zero)} {coordinate(y + 1)}v13", stroke="ink"))
    count = canvas.text(right, y + 11.5, words, size=SMALL, fill="sum-ink", anchor="end")
    return "".join([*out, at(max((step or 0 for step in steps), default=None), count)])


def bars(
    canvas: Canvas, look: Look, norms: Sequence[tuple[float | None, int | None]], at: At
) -> str:
    """What each use of a shared leaf contributes to its gradient, one bar each, logarithmic.

    The norms stand with the steps that made them; `at` puts a bar into the moment of its step.
    """
    y = (look.bars or 0.0) + 4.0
    known = [x for x, _ in norms if x is not None and 0 < x < math.inf]
    wide = look.width - 2 * PAD - 62.0
    top, step = max(known, default=1.0), wide / max(len(norms), 1)
    out = []
    for k, (x, when) in enumerate(norms):
        high = 0.0
        if x is not None and x > 0:
            high = 20.0 * min(max((math.log10(x / top) + 6.0) / 6.0, 0.03), 1.0)
        if high:
            bar = PAD + k * step, y + 20.0 - high, max(step - 1.5, 0.6), high
            out.append(at(when, canvas.rect(*bar, fill="tip")))
    line = f"M{PAD:g} {coordinate(y + 20.5)}h{coordinate(wide)}"
    out.append(canvas.path(line, stroke="line"))
    count = sum(x is not None for x, _ in norms)
    words = f"Σ of {count}" if count else f"{len(norms)} uses"
    last = max((when or 0 for x, when in norms if x is not None), default=None)
    for down, text, bold in ((9.0, words, True), (21.0, "uses, log" if count else "", False)):
        spot = look.width - PAD, y + down
        line = canvas.text(*spot, text, size=SMALL, fill="sum-ink", bold=bold, anchor="end")
        out.append(at(last, line))
    return "".join(out)
