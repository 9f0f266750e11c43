"""How large each kind of node of a picture is, and how it is drawn: one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from viz.model.elements import ClosedGroup, Elsewhere, Node, Operation, Tag, TensorRecord
from viz.svg.groups import draw_elsewhere, draw_group, measures_of_elsewhere, measures_of_group
from viz.svg.pen import Pen
from viz.svg.records import (
    Measures,
    draw_operation,
    draw_record,
    draw_tag,
    measures_of_operation,
    measures_of_record,
    measures_of_tag,
)

Measure = Callable[[Any, str], Measures]  # of a node of the class, in a direction
Draw = Callable[[Pen, Any, Measures], str]

LOOKS: dict[type, tuple[Measure, Draw]] = {
    TensorRecord: (measures_of_record, draw_record),
    Operation: (measures_of_operation, draw_operation),
    Tag: (measures_of_tag, draw_tag),
    ClosedGroup: (measures_of_group, draw_group),
    Elsewhere: (measures_of_elsewhere, draw_elsewhere),
}


def measured(node: Node, direction: str) -> Measures:
    """The measures of a node; those of a record suit the direction of the forward pass."""
    return LOOKS[type(node)][0](node, direction)


def draw_node(pen: Pen, node: Node, f: Measures) -> str:
    """A node at the origin, its box at (0, 0)."""
    return LOOKS[type(node)][1](pen, node, f)
