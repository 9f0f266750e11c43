"""What a layout engine places: an operation with its result's record as one box.

They stand together, so that a picture has half as many ranks: edges enter the operation and leave
the record, and a short link joins the two. Sources get room above them, as much as an operation
takes, so that they stand beside the results of their rank and not half-way up its operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from viz.layout.placing import Box, Point, Rect
from viz.model.elements import ClosedGroup, PictureModel

OPERATION_HEIGHT = 28.0  # without a caption
_JOIN = 13.0  # from an operation to its record; no label lies there
_ABOVE = OPERATION_HEIGHT + _JOIN


@dataclass(frozen=True, slots=True)
class _Block:
    """One box of the layout and the nodes that stand in it, in the order of the forward pass."""

    box: Box
    names: tuple[str, ...]


def blocks_of(
    model: PictureModel, sizes: Mapping[str, Point], direction: str
) -> tuple[list[_Block], dict[str, str]]:
    """The blocks of a picture, and by node the id of its block."""
    results = {edge.tail: edge.head for edge in model.edges.values() if edge.out}
    operation_of = {head: op for op, head in results.items()}
    blocks = []
    for name, node in model.nodes.items():
        if name in operation_of:
            continue
        names = (name, results[name]) if name in results else (name,)
        wide, high = zip(*(sizes[n] for n in names), strict=True)
        joins = _JOIN * (len(names) - 1)
        if direction == "TB":
            above = 0.0 if name in results or isinstance(node, ClosedGroup) else _ABOVE
            box = Box(name, max(wide), sum(high) + joins + above, node.box)
        else:
            box = Box(name, sum(wide) + joins, max(high), node.box)
        blocks.append(_Block(box, names))
    return blocks, {name: operation_of.get(name, name) for name in model.nodes}


def place_nodes(block: _Block, centre: Point, sizes: Mapping[str, Point], direction: str) -> dict:
    """By node of a block its rectangle, on whole pixels so that lines are crisp."""
    out: dict[str, Rect] = {}
    axis = 1 if direction == "TB" else 0
    far = centre[axis] + (block.box.width, block.box.height)[axis] / 2
    for name in reversed(block.names):
        size = sizes[name]
        middle = list(centre)
        middle[axis] = far - size[axis] / 2
        far -= size[axis] + _JOIN
        left, top = round(middle[0] - size[0] / 2), round(middle[1] - size[1] / 2)
        out[name] = left, top, left + size[0], top + size[1]
    return out
