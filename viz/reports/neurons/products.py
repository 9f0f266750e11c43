"""One unit in full: its net input and the gradients of its weights, product by product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from viz.reports.neurons import circles
from viz.reports.neurons.chains import Layer, Parameter
from viz.reports.neurons.circles import RADIUS, Names, Style, at, exact, formatted, symbol
from viz.style.text import fit, one_line, width
from viz.svg.canvas import Point, coordinate, group, place

_PITCH = 70.0
HEAD = 52.0
GAP = 26.0
_SIZE = 11.0


@dataclass(frozen=True)
class Term:
    """A summand of the net input: parameter times input, which is ±1 for a bias or threshold."""

    parameter: Parameter
    where: tuple[int, ...]
    name: str  # of the number in the parameter
    input: str
    x: float
    slope: float | None  # ∂E/∂net
    bias: bool = False

    @property
    def value(self) -> float:
        return float(self.parameter.values[self.where])

    @property
    def product(self) -> float:
        return self.value * self.x

    @property
    def grad_product(self) -> float | None:
        """What this sample adds to the parameter's gradient."""
        g = self.slope
        return None if g is None or self.parameter.gradients is None else g * self.x

    @property
    def share(self) -> float | None:
        """What this unit adds to the gradient of its input."""
        return None if self.slope is None else self.slope * self.value

    @property
    def total(self) -> float | None:
        """The parameter's gradient, of the whole pass."""
        return at(self.parameter.gradients, *self.where)


def _terms_of(one: Layer, name: Names, j: int) -> list[Term]:
    """What a unit's net input is the sum of, inputs first."""
    slope = at(one.sums.gradients, j)
    terms = []
    for i, x in enumerate(one.inputs.values):
        own = circles.element(name.weight, one.weight, j, i)
        terms.append(Term(one.weight, (j, i), own, symbol(name.inputs, i), float(x), slope))
    for s, p in enumerate(one.shifts):
        sign = float(p.sign)
        own = circles.element(circles.shift_name(p, s), p, j)
        terms.append(Term(p, (j,), own, formatted(sign), sign, slope, True))
    return terms


def table(
    chain: Sequence[Layer], one: Layer, which: tuple[int, int], style: Style
) -> tuple[list[str], float, float]:
    """A unit, its inputs, and beside each its product; the elements, their width and height."""
    k, j = which
    name = circles.names_of(chain)[chain.index(one)]
    terms = _terms_of(one, name, j)
    tall = len(terms) * _PITCH
    left, middle = 40.0, 270.0
    spots = [(left, HEAD + (i + 0.5) * _PITCH) for i in range(len(terms))]
    centre = middle, HEAD + tall / 2
    top = max(
        circles.largest(style.shown(one.weight)),
        *(circles.largest(style.shown(p)) for p in one.shifts),
        0.0,
    )
    lines, ends = [], []
    for i, (term, spot) in enumerate(zip(terms, spots, strict=True)):
        lines.append(_connection(style, term, k, j, i, (spot, centre), top))
        ends.append(_end(style, one, name, term, k, i, spot))
    ends.append(circles.unit(style, centre, k, j, one, name, badges=False))
    start = middle + RADIUS + 70.0
    cells, right = _columns(style, one, terms, start)
    rows = [
        group(_row_data(term, k, j, i), _row_words(style, term), cells[i + 1])
        for i, term in enumerate(terms)
    ]
    sums, deep = _totals(style, one, name, terms, (k, j), HEAD + tall + 14.0, right - GAP)
    return lines + ends + cells[0] + rows + sums, right, deep


def _connection(
    style: Style, term: Term, k: int, j: int, i: int, ends: tuple[Point, Point], top: float
) -> str:
    values = style.shown(term.parameter)
    start, stop = circles.trimmed(*ends)
    line = circles.line_of(
        style, f"M{place(start)}L{place(stop)}", at(values, *term.where), top or 1.0
    )
    data = {"id": f"w-{k}-{j}-{i}", "kind": "weight", "from": i, "to": j}
    data |= circles.data_of(term.parameter, *term.where)
    return group(data, f"{term.name} = {formatted(term.value, 6)}", [line])


def _end(style: Style, one: Layer, name: Names, term: Term, k: int, i: int, spot: Point) -> str:
    """The circle of an input, or of the constant 1 that a bias is multiplied by."""
    if not term.bias:
        return circles.input_unit(style, spot, k, i, one.inputs, name.inputs, True)
    own = "for " + circles.shift_name(term.parameter, i - one.sizes[0])
    parts = circles.circle(style.canvas, spot, own, term.x, [], "const", "line")
    return group({"id": f"x-{k}-{i}", "kind": "one", "value": exact(term.x)}, "", parts)


def _columns(
    style: Style, one: Layer, terms: Sequence[Term], left: float
) -> tuple[list[list[str]], float]:
    """The cells of the table's head and of each row, and where the table ends."""
    slope = f"∂{style.loss}/∂net"
    sorts = [
        ("weight", "", "muted", [fit(one_line(t.name), 130.0, _SIZE) for t in terms]),
        ("value", "", "ink", [formatted(t.value) for t in terms]),
        ("× input", "", "ink", [f"× {formatted(t.x)}" for t in terms]),
        ("= product", "adds to net", "ink", [f"= {formatted(t.product)}" for t in terms]),
        (f"∂{style.loss}/∂weight", f"= {slope} × input", "grad-ink",
         [formatted(t.grad_product) for t in terms]),
    ]  # fmt: skip
    if any(t.total is not None and not _near(t.total, t.grad_product) for t in terms):
        over = f"all {one.samples:,} samples" if one.samples > 1 else "whole pass"
        sorts.append(
            (f"∂{style.loss}/∂weight", over, "grad-ink", [formatted(t.total) for t in terms])
        )
    if one.inputs.gradients is not None:
        shares = [formatted(t.share) for t in terms[: one.sizes[0]]]
        sorts.append((f"to ∂{style.loss}/∂input", f"= {slope} × weight", "grad-ink", shares))
    cells: list[list[str]] = [[] for _ in range(len(terms) + 1)]
    x, canvas = left, style.canvas
    for title, below, role, column in sorts:
        x += max(width(w, _SIZE, w == title) for w in (title, below, *column))
        cells[0].append(canvas.text(x, 16, title, size=_SIZE, bold=True, anchor="end"))
        if below:
            cells[0].append(canvas.text(x, 31, below, fill="muted", anchor="end"))
        for i, words in enumerate(column):
            y = HEAD + (i + 0.5) * _PITCH + 4.0
            cells[i + 1].append(canvas.text(x, y, words, size=_SIZE, fill=role, anchor="end"))
        x += GAP
    cells[0].append(canvas.path(f"M{place((left, 40.0))}H{coordinate(x - GAP)}", stroke="hair"))
    return cells, x


def _near(one: float, other: float | None) -> bool:
    """Whether two gradients are one: the engine may have summed in another order."""
    return other is not None and abs(one - other) <= 1e-5 * max(abs(one), abs(other))


def _row_data(term: Term, k: int, j: int, i: int) -> dict[str, object]:
    return {
        "id": f"p-{k}-{j}-{i}", "kind": "product", "weight": exact(term.value),
        "input": exact(term.x), "product": exact(term.product),
        "grad-product": exact(term.grad_product), "grad": exact(term.total),
        "share": exact(term.share),
    }  # fmt: skip


def _row_words(style: Style, term: Term) -> str:
    """The tooltip of a row."""
    words = f"{term.name} × {term.input} = {formatted(term.value, 6)} × {formatted(term.x, 6)} = "
    words += formatted(term.product, 6)
    if term.grad_product is not None:
        words += f"\n∂{style.loss}/∂net × {term.input} = "
        words += f"{formatted(term.slope, 6)} × {formatted(term.x, 6)}"
        words += f" = {formatted(term.grad_product, 6)}"
        words += f"\n{style.slope(term.name)} of the whole pass: {formatted(term.total, 6)}"
    return words


def _spelled(terms: Sequence[Term]) -> list[str]:
    """The summands with their numbers and signs: 0.5 · 1, + (−0.2) · 3, − 0.1."""
    words = []
    for k, term in enumerate(terms):
        value, x = (_bracketed(formatted(x, 3)) for x in (term.value, term.x))
        sign = "− " if term.parameter.sign < 0 else "+ " if k else ""
        words.append(sign + (value if term.bias else f"{value} · {x}"))
    return words


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith("−") else number


def _wrapped(words: Iterable[str], room: float) -> list[str]:
    """Words in lines that are no wider than the room."""
    lines: list[str] = []
    for word in words:
        if lines and width(f"{lines[-1]} {word}", _SIZE, True) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _totals(
    style: Style,
    one: Layer,
    name: Names,
    terms: Sequence[Term],
    which: tuple[int, int],
    y: float,
    room: float,
) -> tuple[list[str], float]:
    """The lines below: net input, output, and how the gradient comes to the net input."""
    (k, j), canvas = which, style.canvas
    net, slope = at(one.sums.values, j), at(one.sums.gradients, j)
    words = ["net =", *_spelled(terms), f"= {formatted(net)}"]
    lines = [(line, "ink", True) for line in _wrapped(words, room)]
    label = symbol(name.outputs, j)
    if name.sums != "net":
        lines.append((f"net is element {j} of {name.sums}", "muted", False))
    if one.outputs is not None:
        result = formatted(at(one.outputs.values, j))
        lines.append((f"{label} = {one.function}(net) = {result}", "ink", False))
        g = at(one.outputs.gradients, j)
        lines.append((f"∂{style.loss}/∂{label} = {formatted(g)}", "grad-ink", False))
    lines.append((f"∂{style.loss}/∂net = {formatted(slope)}", "grad-ink", True))
    parts = [canvas.path(f"M0 {coordinate(y)}H{coordinate(room)}", stroke="hair")]
    for line, role, bold in lines:
        y += 19.0
        line = fit(one_line(line), room, _SIZE, bold)
        parts.append(canvas.text(0, y, line, size=_SIZE, fill=role, bold=bold))
    data = {"id": f"net-{k}-{j}", "kind": "net", "net": exact(net), "net-grad": exact(slope)}
    return [group(data, " ".join(words), parts)], y + 8.0
