"""Marks at a picture's nodes and edges: what says that something is wrong there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from microgradnd.graph import Node
from viz.structure.folding import Folding
from viz.structure.ids import Ids
from viz.structure.tree import Group

Level = Literal["bad", "warn", "way"]
_RANK = {"bad": 2, "warn": 1, "way": 0}


@dataclass(frozen=True, slots=True)
class Mark:
    """What is said of a node or an edge.

    Attributes:
        level: "bad", "warn", or "way" for what only lies on the way to something bad.
        words: one line for each finding, for the tooltip.
        note: what is written in the record itself.
    """

    level: Level
    words: str
    note: str = ""

    def joined(self, other: Mark) -> Mark:
        """Both marks in one: the graver level, the words of both."""
        first, second = sorted((self, other), key=lambda mark: -_RANK[mark.level])
        lines = dict.fromkeys([*first.words.splitlines(), *second.words.splitlines()])
        notes = dict.fromkeys(filter(None, (first.note, second.note)))
        return Mark(first.level, "\n".join(lines), " · ".join(notes))


def put(marks: dict[str, Mark], name: str, mark: Mark) -> None:
    """Adds a mark at an id, joined with the one that is there."""
    marks[name] = marks[name].joined(mark) if name in marks else mark


def gathered(marks: Mapping[str, Mark], ids: Ids, folding: Folding) -> dict[str, Mark]:
    """Marks as a folded picture shows them: a closed group has those of all that is in it."""
    out = dict(marks)
    for key, name in ids.tensors.items() if marks else ():
        node = key if isinstance(key, Node) and not key.is_leaf else None
        place = folding.place.get(node) if node else folding.collapsed(key)
        if not isinstance(place, Group):
            continue
        inside = [name]
        if node:
            inside += [ids.operations[node], ids.result(node)]
            inside += [ids.edge(node, i) for i in range(len(node.operands))]
        for part in filter(marks.__contains__, inside):
            put(out, place.id, marks[part])
    return out
