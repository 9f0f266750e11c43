"""How large each kind of node of a picture is, and how it is drawn: one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from viz.svg.closed import draw_group, draw_stub, face_of_group, face_of_stub
from viz.svg.pen import Pen
from viz.svg.records import (
    Face,
    draw_pill,
    draw_record,
    draw_tag,
    face_of_pill,
    face_of_record,
    face_of_tag,
)

Measure = Callable[[Mapping[str, Any], str], Face]
Draw = Callable[[Pen, Mapping[str, Any], Face], str]

# by kind; the kinds of tensors are drawn as records
LOOKS: dict[str, tuple[Measure, Draw]] = {
    "operation": (face_of_pill, draw_pill),
    "tag": (face_of_tag, draw_tag),
    "group": (face_of_group, draw_group),
    "more": (face_of_stub, draw_stub),
}
RECORD = (face_of_record, draw_record)


def face(node: Mapping[str, Any], direction: str) -> Face:
    """The measures of a node of the picture's graph; those of a record suit the direction."""
    return LOOKS.get(node["kind"], RECORD)[0](node, direction)


def draw_node(pen: Pen, node: Mapping[str, Any], f: Face) -> str:
    """A node at the origin, its box at (0, 0)."""
    return LOOKS.get(node["kind"], RECORD)[1](pen, node, f)
