"""Layers of units as circles, and their weights as connections: the chapter's figures 5-6, 5-7."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from viz.formulas.elements import bracketed
from viz.formulas.notation import LOWERED, RAISED, is_simple
from viz.layout.edges import TEXT, EdgePath, Rect, put_labels
from viz.reports.neurons.chains import Array, Column, Layer, Parameter
from viz.style.text import fit, number, one_line, plural, shape_of, width
from viz.style.theme import paint
from viz.svg.canvas import Canvas, Point, coordinate, group, place

RADIUS = 32.0
_BADGE = 17.0  # height of a bias or threshold
NARROW, WIDE = 230.0, 430.0  # between two columns
_LABELLED = 20  # a layer of more weights has no room for their numbers
_DENSE = 48  # of more, only the strongest lines of each unit stand out
_STRONGEST, PALE = 2, 0.16
HEAD = 46.0


@dataclass(frozen=True)
class Style:
    """What the whole picture has in common."""

    canvas: Canvas
    colour: str  # "weight" or "gradient"
    loss: str  # its symbol
    slopes: bool = True  # whether there was a backward pass

    def shown(self, p: Parameter) -> Array | None:
        """The numbers that connections are coloured by."""
        return p.values if self.colour == "weight" else p.gradients

    @property
    def signs(self) -> tuple[str, str]:
        """The roles of strokes of positive and negative numbers."""
        return ("plus", "minus") if self.colour == "weight" else ("grad", "above-1")

    def slope(self, name: str) -> str:
        return f"∂{self.loss}/∂{name}"


@dataclass(frozen=True)
class Names:
    """The symbols of a layer's tensors; those without a name have the chapter's."""

    inputs: str
    sums: str
    outputs: str
    weight: str


def names_of(chain: Sequence[Layer]) -> list[Names]:
    """The symbols of each layer of a chain: x, net, h, o where tensors have no names."""
    names, hidden = [], len(chain) - 1
    before = _shown_name(chain[0].inputs.name, "x")
    for k, one in enumerate(chain):
        raised = str(k).translate(RAISED) if hidden else ""
        sums = _shown_name(one.sums.name, f"net{raised}")
        default = "o" if k == hidden else f"h{raised if hidden > 1 else ''}"
        outputs = sums if one.outputs is None else _shown_name(one.outputs.name, default)
        weight = _shown_name(one.weight.name, f"W{raised}")
        names.append(Names(before, sums, outputs, weight))
        before = outputs
    return names


def _shown_name(name: str | None, default: str) -> str:
    return one_line(name) if name else default


def symbol(name: str, j: int) -> str:
    """The name of a unit: h₀, or long name[0].

    >>> symbol("h", 12), symbol("fc 1", 0)
    ('h₁₂', 'fc 1[0]')
    """
    return name + str(j).translate(LOWERED) if is_simple(name) else f"{name}[{j}]"


def largest(values: Array | None) -> float:
    """The largest finite magnitude, the end of a layer's scale."""
    if values is None:
        return 0.0
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def line_of(
    style: Style, d: str, value: float | None, top: float, widest: float = 5.0, dash: str = "7 4"
) -> str:
    """A stroke that tells a number: width by magnitude, dashes and colour by sign."""
    canvas, (plus, minus) = style.canvas, style.signs
    hit = f'<path d="{d}" fill="none" stroke="#000000" stroke-width="9" stroke-opacity="0"/>'
    if value is None or not math.isfinite(value):
        return hit + canvas.path(d, stroke="line", line=1.0, dash="1 3")
    if value == 0:
        return hit + canvas.path(d, stroke="line", line=0.8)
    wide = 0.15 * widest + 0.85 * widest * min(abs(value) / top, 1.0)
    if value > 0:
        return hit + canvas.path(d, stroke=plus, line=wide)
    return hit + canvas.path(d, stroke=minus, line=wide, dash=dash)


def _widest_of(one: Layer) -> float:
    """The thickest line of a layer, so that many lines leave each other room."""
    return min(5.0, max(2.0, 24.0 / math.sqrt(one.weight.values.size)))


def formatted(x: float | None, digits: int = 4) -> str:
    return "—" if x is None else number(float(x), digits)


def _compact(x: float | None, room: float) -> str:
    """A number to three digits, or as many as there is room for, small ones with an exponent.

    >>> _compact(-0.06789, 58.0), _compact(-0.000569, 58.0)
    ('−0.0679', '−5.7e−4')
    """
    words = [formatted(x, 3)]
    if x is not None and math.isfinite(x):
        powers = (f"{x:.{digits}e}".split("e") for digits in (2, 1, 0))
        words += [f"{base}e{int(power)}".replace("-", "−") for base, power in powers]
    return next((text for text in words if width(text, 11.0, True) <= room), words[-1])


def exact(x: float | None) -> str | None:
    return None if x is None else repr(float(x))


def at(values: Array | None, *index: int) -> float | None:
    return None if values is None else float(values[index])


def _pitch(shifts: int) -> float:
    """The distance of two units in a column."""
    return 2 * RADIUS + 40.0 + _BADGE * shifts


def _spots(units: int, shifts: int, x: float, middle: float) -> list[Point]:
    """The centres of a column's circles, badges above and two lines of words below them."""
    step = _pitch(shifts)
    first = middle - (units - 1) / 2 * step + (_BADGE * shifts - 20.0) / 2
    return [(x, first + j * step) for j in range(units)]


def row(
    chain: Sequence[Layer], numbers: Sequence[int], style: Style
) -> tuple[list[str], float, float]:
    """A chain of layers, inputs on the left: its elements, width and height."""
    names = names_of(chain)
    sizes = [(chain[0].sizes[0], 0), *((one.sizes[1], len(one.shifts)) for one in chain)]
    tall = max(units * _pitch(shifts) for units, shifts in sizes)
    gap = min(max(0.34 * tall, NARROW), WIDE)
    left = 64.0
    columns = [_spots(*size, left + k * gap, HEAD + tall / 2) for k, size in enumerate(sizes)]
    circles, lines, paths = [], [], list[EdgePath]()
    boxes: dict[str, Rect] = {}
    first = chain[0].inputs
    words = _heading(style.canvas, left, names[0].inputs, plural(len(columns[0]), "input"))
    for i, spot in enumerate(columns[0]):
        circles.append(input_unit(style, spot, numbers[0], i, first, names[0].inputs))
        boxes[f"x-{numbers[0]}-{i}"] = _around(spot, 0)
    for k, (one, name) in enumerate(zip(chain, names, strict=True)):
        x = left + (k + 1) * gap
        caption = f"{one.function or 'net input'}, {plural(one.sizes[1], 'unit')}"
        words += _heading(style.canvas, x, name.outputs, caption)
        words += _heading(style.canvas, x - gap / 2, *_matrix(style, one, name), small=True)
        for j, spot in enumerate(columns[k + 1]):
            circles.append(unit(style, spot, numbers[k], j, one, name))
            boxes[f"u-{numbers[k]}-{j}"] = _around(spot, len(one.shifts))
        made = _connections(style, one, name, numbers[k], columns[k : k + 2])
        lines += made[0]
        paths += made[1]
    put_labels(paths, boxes)
    role = "ink" if style.colour == "weight" else "grad-ink"
    labels = [
        style.canvas.text(w.label_at[0], w.label_at[1] + 3.5, w.label, size=TEXT, fill=role,
                       anchor="middle", halo="canvas")
        for w in paths if w.label_at
    ]  # fmt: skip
    across = left + len(chain) * gap + 90.0
    return [pointing(chain, numbers), *lines, *circles, *labels, *words], across, HEAD + tall


def _around(spot: Point, shifts: int) -> Rect:
    x, y = spot
    return x - RADIUS - 8, y - RADIUS - 4 - _BADGE * shifts, x + RADIUS + 8, y + RADIUS + 26


def _heading(canvas: Canvas, x: float, title: str, below: str, small: bool = False) -> list[str]:
    size = 11.0 if small else 12.0
    room = 130.0
    return [
        canvas.text(x, 14, fit(title, room, size, True), size=size, bold=True, anchor="middle"),
        canvas.text(x, 29, fit(below, room, 11.0), fill="muted", anchor="middle"),
    ]


def _matrix(style: Style, one: Layer, name: Names) -> tuple[str, str]:
    top = largest(style.shown(one.weight))
    of = name.weight if style.colour == "weight" else style.slope(name.weight)
    return f"{of}  {shape_of(one.weight.shape)}", f"widest line: {number(top, 3)}"


def _connections(
    style: Style, one: Layer, name: Names, k: int, ends: Sequence[Sequence[Point]]
) -> tuple[list[str], list[EdgePath]]:
    """The lines of a layer's weights, and paths that carry their numbers if there is room."""
    values, lines, paths = style.shown(one.weight), [], []
    top, widest, dense = largest(values), _widest_of(one), is_dense(one)
    for j, head in enumerate(ends[1]):
        strong = set[int]()
        if values is not None:
            strong = set(np.argsort(-np.abs(values[j]), kind="stable")[:_STRONGEST].tolist())
        for i, tail in enumerate(ends[0]):
            start, end = trimmed(tail, head)
            value = at(values, j, i)
            line = line_of(style, f"M{place(start)}L{place(end)}", value, top, widest)
            data = {"id": f"w-{k}-{j}-{i}", "kind": "weight", "from": i, "to": j}
            data |= data_of(one.weight, j, i)
            pale = f' opacity="{PALE}"' if dense and i not in strong else ""
            lines.append(group(data, _weight_words(style, one, name, j, i), [line], pale))
            if len(ends[0]) * len(ends[1]) <= _LABELLED and value is not None:
                thirds = [(start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t)
                          for t in (1.0, 2 / 3, 1 / 3, 0.0)]  # fmt: skip
                label = number(value, 3)
                paths.append(EdgePath(f"w-{k}-{j}-{i}", "", "", True, label, [], thirds, thick=3.0))
    return lines, paths


def is_dense(one: Layer) -> bool:
    """Whether a layer has more weights than a reader could follow."""
    return one.weight.values.size > _DENSE


def pointing(chain: Sequence[Layer], numbers: Sequence[int]) -> str:
    """The style by which a unit that one points at shows all the lines of it, in a browser."""
    rules, before = [], f"x-{numbers[0]}"
    for k, one in zip(numbers, chain, strict=True):
        inputs, units = one.sizes if is_dense(one) else (0, 0)
        for i in range(inputs):
            rules.append((f"{before}-{i}", f'[data-id^="w-{k}-"][data-from="{i}"]'))
        rules += [(f"u-{k}-{j}", f'[data-id^="w-{k}-{j}-"]') for j in range(units)]
        before = f"u-{k}"
    chosen = ",".join(f".mg:has([data-id={unit}]:hover) {lines}" for unit, lines in rules)
    return f"<style>{chosen}{{opacity:1}}</style>" if rules else ""


def trimmed(tail: Point, head: Point) -> tuple[Point, Point]:
    """The line between two centres, from rim to rim."""
    dx, dy = head[0] - tail[0], head[1] - tail[1]
    ux, uy = (d / math.hypot(dx, dy) * RADIUS for d in (dx, dy))
    return (tail[0] + ux, tail[1] + uy), (head[0] - ux, head[1] - uy)


def data_of(p: Parameter, *unit: int) -> dict[str, object]:
    """The data-* attributes of one number of a parameter, in full precision."""
    return {
        "name": p.name, "index": " ".join(map(str, p.place(*unit))),
        "value": exact(at(p.values, *unit)), "grad": exact(at(p.gradients, *unit)),
        "here": exact(at(p.here, *unit)),
    }  # fmt: skip


def element(name: str, p: Parameter, *unit: int) -> str:
    """A number of a parameter as NumPy would write it: v[0, 1]."""
    return name + bracketed(p.place(*unit))


def _weight_words(style: Style, one: Layer, name: Names, j: int, i: int) -> str:
    w = element(name.weight, one.weight, j, i)
    title = f"{w} = {formatted(at(one.weight.values, j, i), 6)}"
    title += f": from {symbol(name.inputs, i)} to {symbol(name.outputs, j)}"
    return title + _slope_words(style, one, one.weight, w, j, i)


def _slope_words(style: Style, one: Layer, p: Parameter, name: str, *unit: int) -> str:
    """A parameter's gradient in a tooltip, and whose it is."""
    if not style.slopes:
        return ""
    g, here = at(p.gradients, *unit), at(p.here, *unit)
    words = f"\n{style.slope(name)} = {formatted(g, 6)}"
    words += "" if g is None else f" (of the whole pass, {plural(one.samples, 'sample')})"
    if here is not None and here != g:
        words += f"\n  of it through this layer: {formatted(here, 6)}"
    return words


def input_unit(
    style: Style, spot: Point, k: int, i: int, first: Column, name: str, alone: bool = False
) -> str:
    """An input with its gradient: below it, or where one unit is drawn alone in the tooltip."""
    value, g, own = at(first.values, i), at(first.gradients, i), symbol(name, i)
    title, below = f"{own} = {formatted(value, 6)}", []
    if g is not None:
        title += f"\n{style.slope(own)} = {formatted(g, 6)}"
        title += ", over all units that it leads to" if alone else ""
        below = [] if alone else [(style.slope(name), formatted(g, 3), "grad-ink")]
    data = {"id": f"x-{k}-{i}", "kind": "input", "name": first.name, "unit": i,
            "value": exact(value), "grad": exact(g)}  # fmt: skip
    return group(data, title, circle(style.canvas, spot, own, value, below, "leaf", "leaf-line"))


def unit(
    style: Style, spot: Point, k: int, j: int, one: Layer, name: Names, badges: bool = True
) -> str:
    """A unit with its net input, its output, their gradients, its bias and threshold as badges."""
    net, slope = at(one.sums.values, j), at(one.sums.gradients, j)
    out = at(one.outputs.values, j) if one.outputs else None
    g = at(one.outputs.gradients, j) if one.outputs else None
    label = symbol(name.outputs, j)
    lines = [f"{label}: unit {j} of {one.sizes[1]}", f"{name.sums} = {_formula(one, name)}"]
    lines.append(f"  = {formatted(net, 6)}")
    if one.outputs is not None:
        lines.append(f"{label} = {one.function}({name.sums}) = {formatted(out, 6)}")
        lines += [f"{style.slope(label)} = {formatted(g, 6)}"] if style.slopes else []
    lines += [f"{style.slope(name.sums)} = {formatted(slope, 6)}"] if style.slopes else []
    data = {
        "id": f"u-{k}-{j}", "kind": "unit", "name": one.outputs.name if one.outputs else
        one.sums.name, "unit": j, "function": one.function or None, "net": exact(net),
        "net-grad": exact(slope), "value": exact(out), "grad": exact(g),
    }  # fmt: skip
    below = [("net", formatted(net, 4), "muted")] if one.outputs else []
    if style.slopes:
        below.append((f"∂{style.loss}/∂net", formatted(slope, 3), "grad-ink"))
    shown = net if one.outputs is None else out
    parts = circle(style.canvas, spot, label, shown, below, "op", "op-line")
    shifts = enumerate(one.shifts if badges else ())
    above = [_badge(style, spot, k, j, one, p, s) for s, p in shifts]
    return group(data, "\n".join(lines), parts) + "".join(above)


def _formula(one: Layer, name: Names) -> str:
    """net = Σ w x + b − θ in the layer's own symbols."""
    text = f"Σ {name.weight} {name.inputs}"
    for s, p in enumerate(one.shifts):
        text += f" {'+' if p.sign > 0 else '−'} {shift_name(p, s)}"
    return text


def shift_name(p: Parameter, s: int) -> str:
    return _shown_name(p.name, ("b" if p.sign > 0 else "θ") + "′" * (s // 2))


def circle(
    canvas: Canvas, spot: Point, name: str, value: float | None,
    below: Iterable[tuple[str, str, str]], fill: str, stroke: str,
) -> list[str]:  # fmt: skip
    """A unit: name and value within, below it lines of a symbol, a number and their role."""
    x, y = spot
    room = 2 * RADIUS - 10.0
    rim = f'<circle cx="{coordinate(x)}" cy="{coordinate(y)}" r="{RADIUS:g}" stroke-width="1.6"'
    parts = [rim + paint(canvas.theme, fill, stroke) + "/>"]
    parts.append(canvas.text(x, y - 6, fit(name, room, 11.0), size=11.0, fill="muted",
                          anchor="middle"))  # fmt: skip
    words = _compact(value, room + 4.0)
    parts.append(canvas.text(x, y + 9.5, words, size=11.0, bold=True, anchor="middle"))
    shown = [(fit(what, 136.0 - width(words, 11.0), 11.0) + " " + words, role)
             for what, words, role in below]  # fmt: skip
    if shown:
        wide = max(width(words, 11.0) for words, _ in shown) + 2.0
        left, top, tall = x - wide / 2, y + RADIUS + 2.5, 12.0 * len(shown)
        parts.append(canvas.rect(left, top, wide, tall, fill="canvas", radius=3.0))
    for line, (words, role) in enumerate(shown):
        y_line = y + RADIUS + 11.5 + 12 * line
        parts.append(canvas.text(x, y_line, words, fill=role, anchor="middle"))
    return parts


def _badge(style: Style, spot: Point, k: int, j: int, one: Layer, p: Parameter, s: int) -> str:
    """A bias or threshold above its unit."""
    values, name = style.shown(p), shift_name(p, s)
    value, sign = at(values, j), "+" if p.sign > 0 else "−"
    own = element(name, p, j)
    title = f"{own} = {formatted(at(p.values, j), 6)}, {'added' if p.sign > 0 else 'subtracted'}"
    title += _slope_words(style, one, p, own, j)
    kind = "bias" if p.sign > 0 else "threshold"
    data = {"id": f"b-{k}-{j}-{s}", "kind": kind, "to": j, **data_of(p, j)}
    words = f"{sign} {fit(name, 46.0, 11.0)} {formatted(value, 3)}"
    if style.colour == "gradient":
        words = f"∂{style.loss}/∂{fit(name, 40.0, 11.0)} {formatted(value, 3)}"
    wide = width(words, 11.0) + 10.0
    x, bottom = spot[0], spot[1] - RADIUS - 4.0 - _BADGE * s
    stem = f"M{place((x, bottom))}V{coordinate(bottom + 4.0)}"
    line = line_of(style, stem, value, largest(values), dash="") if s == 0 else ""
    plus, minus = style.signs
    role = "line" if not value or not math.isfinite(value) else plus if value > 0 else minus
    box = style.canvas.rect(
        x - wide / 2, bottom - _BADGE + 2, wide, _BADGE - 3, fill="canvas", stroke=role, radius=7.0,
        dash="4 3" if role == minus else "",
    )  # fmt: skip
    text = style.canvas.text(x, bottom - 4.0, words, anchor="middle")
    return group(data, title, [line, box, text])
