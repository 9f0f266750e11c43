"""The sheet that a picture stands on: its heading, its legend, and what is under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from viz.model.elements import PictureModel, TensorRecord
from viz.model.marks import Mark
from viz.style.text import fit, one_line, xml
from viz.style.theme import style
from viz.svg.canvas import Canvas, Point, attributes, coordinate, document, place
from viz.svg.legend import Item, legend

Chart = Callable[[Canvas, float], tuple[str, float]]
Rect = tuple[float, float, float, float]  # left, top, right, bottom

MARGIN = 26.0
MOST_HELD = 64  # results and parameters of a closed group whose data stand in the file
NARROWEST = 520.0  # so that title and legend have room beside a slim graph


@dataclass(frozen=True)
class Extras:
    """What is drawn over or under a picture besides.

    Attributes:
        marks: by id of a node or edge, see `viz.marks`.
        highlight: by id of nodes and edges, the words there; "" for none.
        chart: of a width in px, the SVG of what stands under the picture, and its height.
    """

    marks: Mapping[str, Mark] = field(default_factory=dict)
    highlight: Mapping[str, str] = field(default_factory=dict)
    chart: Chart | None = None


def moved(x: float, y: float, content: str) -> str:
    return f'<g transform="translate({coordinate(x)},{coordinate(y)})">{content}</g>'


def sheet(
    canvas: Canvas, model: PictureModel, size: Point, head: str, parts: list[str], data: str = ""
) -> str:
    """The whole file: what describes it, its background and heading, and all parts."""
    whole = [
        f"<title>{xml(model.title)}</title>",
        f"<desc>{xml(_description(model))}</desc>",
        style(canvas.theme),
        canvas.rect(0, 0, *size, fill="canvas"),
        moved(MARGIN, MARGIN, head),
        *parts,
    ]
    return document(*size, data, whole, canvas.theme)


def besides(extras: Extras) -> set[str]:
    """What the legend has to say of marks and highlights."""
    levels = {str(mark.level) for mark in extras.marks.values()}
    return levels | ({"glow"} if extras.highlight else set())


def assembled(
    canvas: Canvas, model: PictureModel, body: list[str], extent: Rect, extras: Extras,
    key: list[Item], engine: str,
) -> str:  # fmt: skip
    """The file of a picture: heading, body, what stands under it, and the legend.

    Args:
        body: the picture itself, in its own coordinates.
        extent: the left, top, right and bottom of it.
        key: the items of the legend.
        engine: who laid it out.
    """
    left, top, right, bottom = extent
    inner = max(right - left, NARROWEST)
    head, head_height = heading(canvas, model, inner)
    under, under_height = extras.chart(canvas, inner) if extras.chart else ("", 0.0)
    drawn_key, key_height = legend(canvas, key, inner)
    across = inner + 2 * MARGIN
    foot = MARGIN + head_height + bottom - top + (18.0 if under else 0.0)
    below = foot + under_height + 22.0
    x, y = MARGIN + (inner - right + left) / 2 - left, MARGIN + head_height - top
    parts = [
        f'<g transform="translate({coordinate(x)},{coordinate(y)})">',
        *body,
        "</g>",
        moved(MARGIN, foot, under) if under else "",
        canvas.path(f"M{place((MARGIN, below))}H{coordinate(across - MARGIN)}", stroke="hair"),
        moved(MARGIN, below + 12, drawn_key),
    ]
    data = {
        "steps": model.steps, "stage": model.stage, "stale": "true" if model.stale else None,
        "changed": ", ".join(model.changed) or None, "layout": engine,
    }  # fmt: skip
    size = across, below + key_height + 14.0
    return sheet(canvas, model, size, head, parts, attributes(data))


def filmed(
    canvas: Canvas, model: PictureModel, stages: Sequence[tuple[int, str, list[str]]],
    size: Point, columns: int, key: list[Item], origin: Point = (0.0, 0.0),
    chart: Chart | None = None,
) -> str:  # fmt: skip
    """The file of several stages of a pass, or moments of a training, side by side.

    Args:
        stages: the number of each, the words above it, and its picture.
        size: of each, and `origin` its upper left corner in its own coordinates.
        chart: what stands under them, as in `Extras`.
    """
    wide, high = size[0] + 2 * MARGIN, size[1] + MARGIN + 18.0
    columns = max(min(columns, len(stages)), 1)
    inner = max(columns * wide, NARROWEST)
    head, head_height = heading(canvas, model, inner)
    parts = []
    for k, (step, text, body) in enumerate(stages):
        row, column = divmod(k, columns)
        x, y = column * wide + MARGIN, MARGIN + head_height + row * high
        parts.append(canvas.text(x, y + 11, text, size=11.0, bold=True, fill="grad-ink"))
        at = f"translate({coordinate(x - origin[0])},{coordinate(y + 20 - origin[1])})"
        parts += [f'<g transform="{at}" data-stage="{step}">', *body, "</g>"]
    room = inner - 2 * MARGIN
    drawn_key, key_height = legend(canvas, key, room)
    below = MARGIN + head_height + -(-len(stages) // columns) * high
    if chart is not None:
        under, under_height = chart(canvas, room)
        parts.append(moved(MARGIN, below + 10, under))
        below += under_height + 16.0
    parts.append(moved(MARGIN, below + 12, drawn_key))
    return sheet(canvas, model, (inner, below + key_height + 26.0), head, parts)


def stage_of(step: int, last: int) -> str:
    """The words above a stage of a backward pass of so many steps."""
    return f"after step {step} of {last}" if step else "before the first step"


def _banner_words(model: PictureModel) -> str:
    """What is text when the numbers are not those of the forward pass."""
    if not model.stale:
        return ""
    who = ("leaf " if len(model.changed) == 1 else "leaves ") + ", ".join(model.changed)
    who = who if model.changed else "a leaf or constant"
    return f"{who} changed since the forward pass: replayed with new values"


def _subtitle(model: PictureModel) -> str:
    steps, stage = model.steps, model.stage
    if stage is not None:
        return f"{model.summary} · after backward step {stage} of {steps}"
    if steps:
        return f"{model.summary} · backward step{'s 1–' if steps > 1 else ' '}{steps}"
    flow = "" if model.backward else " · no backward pass"
    return model.summary + flow


def _description(model: PictureModel) -> str:
    records = model.of_kind(TensorRecord)
    sums = [record.name or record.id for record in records if len(record.contributions) > 1]
    text = f"The graph of a computation and of the gradients that flow back: {_subtitle(model)}."
    if sums:
        text += f" Gradients that are sums of several contributions: {', '.join(sums)}."
    banner = _banner_words(model)
    return text + (f" Warning: {banner}." if banner else "")


def heading(canvas: Canvas, model: PictureModel, room: float) -> tuple[str, float]:
    """Title, summary and, if need be, the banner; at (0, 0), with its height."""
    title = fit(one_line(model.title), room, 16.0, True)
    parts = [canvas.text(0, 13, title, size=16.0, bold=True)]
    parts.append(canvas.text(0, 31, fit(_subtitle(model), room, 11.0), size=11.0, fill="muted"))
    banner = _banner_words(model)
    if not banner:
        return "".join(parts), 52.0
    parts.append(canvas.rect(0, 42, room, 26, fill="warn", stroke="warn-line", radius=5.0))
    text = fit("⚠ " + one_line(banner), room - 20, 11.0, True)
    parts.append(canvas.text(10, 59, text, size=11.0, bold=True, fill="warn-ink"))
    return "".join(parts), 88.0
