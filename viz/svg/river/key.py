"""The legend of a river picture: how to read what stands in it, and only that."""

from __future__ import annotations

import math

from viz.model.elements import ClosedGroup, PictureModel, TensorRecord
from viz.model.river import River
from viz.svg.canvas import Canvas
from viz.svg.legend import Draw, Item, items
from viz.svg.river.looks import SMALL


def _box(fill: str, stroke: str, line: float = 1.2, dash: str = "") -> Draw:
    return lambda canvas: canvas.rect(
        1, 1, 24, 13, 3.0, fill=fill, stroke=stroke, line=line, dash=dash
    )


def _forward(canvas: Canvas) -> str:
    return canvas.path("M0 8H20", stroke="line", line=1.4) + canvas.path(
        "M26 8L19 4.4V11.6z", fill="line"
    )


def _ribbon(canvas: Canvas) -> str:
    return canvas.path("M8 8H28", stroke="river", line=10.0) + canvas.path(
        "M0 8L9 2V14z", fill="tip"
    )


def _shares(canvas: Canvas) -> str:
    return "".join(canvas.rect(9.0 * k, 3, 9, 9, fill=f"part-{k}") for k in range(3))


def _bars(canvas: Canvas) -> str:
    heights = (4.0, 8.0, 13.0)
    return "".join(
        canvas.rect(3 + 7 * k, 14 - high, 5, high, fill="tip") for k, high in enumerate(heights)
    )


def _gain(canvas: Canvas) -> str:
    return canvas.text(0, 11.5, "×0.2", size=SMALL, fill="below-1", bold=True)


def _norm(canvas: Canvas) -> str:
    return canvas.text(2, 11.5, "‖·‖", size=SMALL, fill="grad-ink")


# what makes an item part of the legend, its swatch, its words
_ITEMS: tuple[tuple[str, Draw, str], ...] = (
    ("value", _forward, "value"),
    ("flow", _ribbon, "gradient flowing back, width: log of its RMS"),
    ("learns", _box("leaf", "leaf-line", 1.8), "learns"),
    ("constant", _box("const", "hair"), "gets no gradient"),
    ("group", _box("group", "group-line", 1.4), "closed group"),
    ("flow", _gain, "gain: ‖∂ in‖ ÷ ‖∂ out‖"),
    ("sum", _shares, "shares of contributions in the sum Σ"),
    ("shared", _bars, "contribution of each use"),
    ("array", _norm, "norm of an array, beside its heat-map"),
)


def key_to(here: set[str], besides: set[str]) -> list[Item]:
    """The items of what is here; `besides` are kinds that every legend knows."""
    out: list[Item] = [(draw, 28.0, words) for kind, draw, words in _ITEMS if kind in here]
    return out + items(besides, river=True)


def key_of(model: PictureModel, river: River, cells: bool, besides: set[str]) -> list[Item]:
    """The items that a picture needs."""
    mains = (group.main for group in model.of_kind(ClosedGroup))
    tensors = [*model.of_kind(TensorRecord), *(x for x in mains if x is not None)]
    kinds = {node.kind for node in model.nodes.values()}
    here = {
        "value": bool(river.wires),
        "flow": any(x.gradient is not None for x in tensors),
        "learns": bool(kinds & {"parameter", "leaf"}),
        "constant": "constant" in kinds,
        "group": "group" in kinds,
        "sum": any(len(x.terms) > 1 for x in tensors),
        "shared": any(x.shared for x in river.heads),
        "array": any(math.prod(x.shape) > 1 for x in tensors),
    }
    there = {"step"} if model.steps else set()
    more = there | besides | ({"cells"} if cells else set())
    return key_to({kind for kind, is_here in here.items() if is_here}, more)
