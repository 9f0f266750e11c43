"""What a layout engine places: an operation's pill with its result's record as one box.

Pill and record stand together, so that a picture has half as many ranks: edges enter the pill
and leave the record, and a short link joins the two. Sources get room above them, as much as a
pill takes, so that they stand beside the results of their rank and not half-way up a pill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx

from viz.layout.placing import Box
from viz.svg.pen import Point
from viz.svg.records import PILL, Face

JOIN = 13.0  # from a pill to its record; no label lies there
ABOVE = PILL + JOIN

Rect = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Block:
    """One box of the layout and the nodes that stand in it, in the order of the forward pass."""

    box: Box
    names: tuple[str, ...]


def size_of(f: Face) -> Point:
    """The room a node takes, its ring included."""
    return f.width + 2 * f.margin, f.height + 2 * f.margin


def blocks_of(
    graph: nx.MultiDiGraph, faces: Mapping[str, Face], direction: str
) -> tuple[list[Block], dict[str, str]]:
    """The blocks of a picture's graph, and by node the id of its block."""
    results = {tail: head for tail, head, out in graph.edges(data="out") if out}
    homes = {head: op for op, head in results.items()}
    blocks = []
    for name in graph:
        if name in homes:
            continue
        names = (name, results[name]) if name in results else (name,)
        wide, high = zip(*(size_of(faces[n]) for n in names), strict=True)
        frame = graph.nodes[name]["box"]
        joins = JOIN * (len(names) - 1)
        if direction == "TB":
            above = 0.0 if name in results or graph.nodes[name]["kind"] == "group" else ABOVE
            box = Box(name, max(wide), sum(high) + joins + above, frame)
        else:
            box = Box(name, sum(wide) + joins, max(high), frame)
        blocks.append(Block(box, names))
    return blocks, {name: homes.get(name, name) for name in graph}


def stand(block: Block, centre: Point, faces: Mapping[str, Face], direction: str) -> dict:
    """By node of a block its rectangle, on whole pixels so that lines are crisp."""
    out: dict[str, Rect] = {}
    axis = 1 if direction == "TB" else 0
    far = centre[axis] + (block.box.width, block.box.height)[axis] / 2
    for name in reversed(block.names):
        size = size_of(faces[name])
        middle = list(centre)
        middle[axis] = far - size[axis] / 2
        far -= size[axis] + JOIN
        left, top = round(middle[0] - size[0] / 2), round(middle[1] - size[1] / 2)
        out[name] = left, top, left + size[0], top + size[1]
    return out
