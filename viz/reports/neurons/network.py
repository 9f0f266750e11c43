"""Networks as textbooks draw them: a circle per unit, a line per weight, with the true numbers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from microgradnd import Tensor
from microgradnd.graph import checked, node_of, one_of, optional, whole
from viz.capture.trace import Trace, trace
from viz.diagnosis import differentiable
from viz.formats import files
from viz.formats.export import of_svg
from viz.formulas.notation import is_simple
from viz.reports.neurons import circles, products
from viz.reports.neurons.chains import Layer, chains_of, layers_of
from viz.reports.neurons.circles import Style
from viz.style.kinds import GRADIENT, LOOKS, SAVED, SOURCE, UNIT
from viz.style.text import fit, number, one_line, plural, xml
from viz.style.theme import style
from viz.svg.canvas import Canvas, attributes, coordinate, document, place
from viz.svg.legend import Draw, legend

_MOST_UNITS = 16
_MOST_LAYERS = 12
COLOURS = ("weight", "gradient")
_MARGIN = 26.0
_NARROWEST = 560.0


class Neurons:
    """Units and weights of a network for one sample; made by `viz.neurons`.

    Attributes:
        trace: the numbers of the pass.
        layers: with the numbers of the sample, in order of creation.
        chains: the same layers, in rows each of which feeds the next.
    """

    def __init__(
        self, found: Trace, layers: Sequence[Layer], sample: int, drawing: dict[str, Any]
    ) -> None:
        self.trace, self.layers, self.sample = found, tuple(layers), sample
        self.chains = chains_of(layers)
        self.drawing = drawing

    @cached_property
    def _svg(self) -> str:
        return _write(self, **self.drawing)

    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return self._svg

    _repr_svg_ = svg

    @checked(**SAVED)
    def save(self, path: str | os.PathLike[str], *, scale: float = 2.0) -> Path:
        """Writes the picture to an .svg, .png or .pdf file; folders are created.

        Raises:
            ValueError: the file has another suffix.
        """
        return files.save(path, of_svg(self.svg, scale), "neurons")

    def __repr__(self) -> str:
        sizes = ", ".join("-".join(map(str, _widths(chain))) for chain in self.chains)
        return f"<Neurons of {plural(len(self.layers), 'layer')}: {sizes}>"


@checked(
    source=SOURCE, gradient=GRADIENT, colour=one_of(*COLOURS), sample=whole(),
    unit=optional(UNIT), theme=LOOKS["theme"], title=LOOKS["title"],
)  # fmt: skip
def neurons(
    source: Tensor | Sequence[Tensor] | Trace,
    *,
    gradient: Any = None,
    colour: str = "weight",
    sample: int = 0,
    unit: tuple[int | str, int] | None = None,
    theme: str = "auto",
    title: str | None = None,
) -> Neurons:
    """Draws the layers of a network as circles and weighted connections, as figures 5-6 and 5-7 do.

    Layers are products x W or W x of data with a leaf, biases and thresholds included, such as
    `nn.Linear`; of up to 16 inputs and units. Circles hold the values of one sample, below them
    stand net input and gradient. Gradients of weights and biases are those of the whole pass, of
    all its samples together.

    Args:
        source: a loss or other result, or its `viz.trace(..., keep="arrays")`.
        gradient: to start from at the result; without one, a result that is no scalar is drawn
            without gradients.
        colour: of connections: by "weight" or by "gradient".
        sample: which one of the batch, from 0.
        unit: a layer, by number from 0 or by its weight's name, and the number of a unit in it:
            draws this unit alone, its net input and its weights' gradients as sums and products
            of numbers, net = Σ w x + b and ∂E/∂w = ∂E/∂net · x (eq. 5-2, 5-12).
        theme: "light", "dark" or "auto".
        title: the first line of the picture.

    Raises:
        ValueError: there is no such layer, unit or sample, a layer is too large, there are more
            than 12 layers, or the trace lacks what the picture needs.

    >>> import numpy as np
    >>> x, W = Tensor([[1.0, 2.0]]), Tensor(np.eye(2), requires_grad=True, name="W")
    >>> picture = neurons((x @ W).tanh().sum())
    >>> picture
    <Neurons of 1 layer: 2-2>
    >>> picture.layers[0].function
    'tanh'
    """
    found = source
    if not isinstance(found, Trace):
        backward = differentiable(found, gradient)
        found = trace(found, gradient, backward=backward, keep="arrays")
    layers = _layers_in(found, sample, colour)
    chosen = None if unit is None else _unit_of(layers, unit)
    _check_sizes(layers if chosen is None else [layers[chosen[0]]])
    drawing = {"theme": theme, "title": title, "colour": colour, "unit": chosen}
    return Neurons(found, layers, sample, drawing)


def _layers_in(found: Trace, sample: int, colour: str) -> list[Layer]:
    """The layers of a trace that has what the picture needs, which is checked."""
    if found.keep != "arrays":
        raise ValueError(
            "neurons(source): a trace of summaries has not every weight: "
            'viz.trace(..., keep="arrays")'
        )
    if colour == "gradient" and not found.gradients:
        raise ValueError(
            "neurons(colour): there was no backward pass, so there are no gradients to colour by: "
            "give a loss, or gradient= to start from"
        )
    layers = layers_of(found, sample)
    if not layers:
        raise ValueError(
            "neurons(source): there is no layer of neurons: no product x @ W or W @ x of data with "
            "a leaf W"
        )
    return layers


def _unit_of(layers: Sequence[Layer], unit: tuple[int | str, int]) -> tuple[int, int]:
    """The numbers of a layer and a unit, checked."""
    which, j = unit
    if isinstance(which, str):
        names = [one.weight.name for one in layers]
        if which not in names:
            known = ", ".join(repr(name) for name in names if name) or "none has a name"
            raise ValueError(f"neurons(unit): no layer has a weight {which!r}; there are: {known}")
        which = names.index(which)
    if not 0 <= which < len(layers):
        raise ValueError(
            f"neurons(unit): layer {which} is not among the {plural(len(layers), 'layer')}, from 0"
        )
    units = layers[which].sizes[1]
    if not 0 <= j < units:
        raise ValueError(
            f"neurons(unit): unit {j} is not among the {plural(units, 'unit')} of layer {which}"
        )
    return which, j


def _check_sizes(layers: Sequence[Layer]) -> None:
    for k, one in enumerate(layers):
        inputs, units = one.sizes
        if max(inputs, units) > _MOST_UNITS:
            name = f" {one.weight.name!r}" if one.weight.name else ""
            raise ValueError(
                f"layer {k}{name} has {plural(inputs, 'input')} and {plural(units, 'unit')}; "
                f"circles are drawn for up to {_MOST_UNITS}: viz.draw shows any size"
            )
    if len(layers) > _MOST_LAYERS:
        raise ValueError(
            f"there are {len(layers)} layers of neurons, more than {_MOST_LAYERS}: viz.draw shows "
            "them all, and unit=(layer, j) one unit of one"
        )


def _widths(chain: Sequence[Layer]) -> list[int]:
    return [chain[0].sizes[0], *(one.sizes[1] for one in chain)]


def _loss_of(found: Trace) -> tuple[str, str]:
    """The symbol of what is differentiated, and the picture's title."""
    names = [t.name for t in found.outputs]
    single = names[0] if len(names) == 1 else None
    symbol = single if single and is_simple(single) else "E"
    heads = []
    for t in found.outputs:
        value = found.values[node_of(t)] if t.requires_grad else t.data
        amount = f" = {number(float(value))}" if np.ndim(value) == 0 else ""
        heads.append(f"{t.name or ('E' if amount and single is not None else 'output')}{amount}")
    return symbol, ", ".join(heads)


def _write(
    picture: Neurons, theme: str, title: str | None, colour: str, unit: tuple[int, int] | None
) -> str:
    """The text of the SVG file."""
    loss, default = _loss_of(picture.trace)
    look = Style(Canvas(theme), colour, loss, bool(picture.trace.gradients))
    parts: list[str] = []
    across, down = 0.0, 0.0
    if unit is None:
        number_of = {id(one): k for k, one in enumerate(picture.layers)}
        for chain in picture.chains:
            row, wide, tall = circles.row(chain, [number_of[id(one)] for one in chain], look)
            parts += _shifted(row, 0.0, down)
            across, down = max(across, wide), down + tall + 20.0
    else:
        chain = next(c for c in picture.chains if picture.layers[unit[0]] in c)
        parts, across, down = products.table(chain, picture.layers[unit[0]], unit, look)
    return _assemble(picture, look, title or default, (parts, across, down), unit)


def _shifted(parts: list[str], x: float, y: float) -> list[str]:
    return [f'<g transform="translate({coordinate(x)},{coordinate(y)})">', *parts, "</g>"]


def _assemble(
    picture: Neurons,
    look: Style,
    title: str,
    body: tuple[list[str], float, float],
    unit: tuple[int, int] | None,
) -> str:
    """Title, drawing and legend together."""
    canvas, (parts, wide, tall) = look.canvas, body
    room = max(wide, _NARROWEST)
    key, key_height = legend(canvas, _items(picture, look, unit), room)
    across, below = room + 2 * _MARGIN, _MARGIN + 48.0 + tall + 12.0
    down = below + key_height + 24.0
    subtitle = _subtitle(picture, unit)
    whole = [
        f"<title>{xml(title)}</title>",
        f"<desc>{xml(_description(picture, look, subtitle))}</desc>",
        style(canvas.theme),
        canvas.rect(0, 0, across, down, fill="canvas"),
        canvas.text(
            _MARGIN, _MARGIN + 13, fit(one_line(title), room, 16.0, True), size=16.0, bold=True
        ),
        canvas.text(_MARGIN, _MARGIN + 31, fit(subtitle, room, 11.0), size=11.0, fill="muted"),
        *_shifted(parts, _MARGIN + (room - wide) / 2, _MARGIN + 48.0),
        canvas.path(f"M{place((_MARGIN, below))}H{coordinate(across - _MARGIN)}", stroke="hair"),
        *_shifted([key], _MARGIN, below + 12.0),
    ]
    data = {
        "kind": "neurons", "sample": picture.sample, "colour": look.colour,
        "unit": None if unit is None else f"{unit[0]} {unit[1]}",
    }  # fmt: skip
    return document(across, down, attributes(data), whole, canvas.theme)


def _subtitle(picture: Neurons, unit: tuple[int, int] | None) -> str:
    samples = sorted({one.samples for one in picture.layers})
    if unit is None:
        subtitle = ", ".join("–".join(map(str, _widths(c))) for c in picture.chains) + " units"
    else:
        subtitle = f"unit {unit[1]} of layer {unit[0]}"
    if picture.trace.stale:
        subtitle = f"⚠ a leaf or constant changed since the forward pass · {subtitle}"
    if samples == [1]:
        return f"{subtitle} · one sample"
    many = f"{samples[-1]:,}" if len(samples) == 1 else "its"
    subtitle += f" · sample {picture.sample} of {many} samples, counted from 0"
    if picture.trace.gradients:
        subtitle += " · gradients of weights and biases: of all samples"
    return subtitle


def _description(picture: Neurons, look: Style, subtitle: str) -> str:
    text = f"A network of circles and weighted connections: {subtitle}."
    text += " Connections are coloured by "
    text += "weight" if look.colour == "weight" else "gradient"
    text += ": solid where it is positive, dashed where it is negative."
    for k, one in enumerate(picture.layers):
        text += f" Layer {k}: {plural(one.sizes[0], 'input')}, {plural(one.sizes[1], 'unit')}"
        text += f", {one.function}." if one.function else "."
    return text


def _items(
    picture: Neurons, look: Style, unit: tuple[int, int] | None
) -> list[tuple[Draw, float, str]]:
    """The legend."""
    of = "weight" if look.colour == "weight" else "gradient of the weight"

    def stroke(value: float) -> Draw:
        return lambda canvas: circles.line_of(look, "M0 8H26", value, 1.0)

    found = [
        (stroke(0.6), 26.0, f"{of} > 0"),
        (stroke(-0.6), 26.0, f"{of} < 0"),
        (lambda canvas: circles.line_of(look, "M0 3H26", 0.1, 1.0)
         + circles.line_of(look, "M0 12H26", 1.0, 1.0), 26.0, "width: magnitude within a layer"),
    ]  # fmt: skip
    if unit is None and any(map(circles.is_dense, picture.layers)):
        pale = f'<g opacity="{circles.PALE}">{circles.line_of(look, "M0 8H26", 0.6, 1.0)}</g>'
        found.append((lambda canvas: pale, 26.0, "not of a unit's two strongest: point at a unit"))
    shifts = {p.sign for one in picture.layers for p in one.shifts}
    if shifts and unit is None:
        sorts = ["bias (+)"] * (1 in shifts) + ["threshold (−)"] * (-1 in shifts)
        found.append((_box, 26.0, " and ".join(sorts)))
    return found


def _box(canvas: Canvas) -> str:
    return canvas.rect(0.5, 1.5, 25, 13, fill="canvas", stroke="plus", radius=6.0)
