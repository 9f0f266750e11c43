"""What is wrong in a pass: one row of a table of health."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from microgradnd.graph import Node
from viz.diagnosis.series import repeats, steps_of
from viz.model.marks import Level
from viz.structure.ids import Ids

if TYPE_CHECKING:
    from viz.capture.trace import Trace

Place = tuple[Node, int]  # the first node of a family, and the step this one stands in


@dataclass(frozen=True)
class Finding:
    """Something wrong at one place, or at the same place of every time step.

    Attributes:
        kind: "NaN", "Inf", "vanishing", "exploding", "zero gradient", "dead" or "saturated".
        level: "bad" or "warn".
        where: module, operation and name of the tensor.
        figure: what was found, in words.
        value: the number that was held against the threshold.
        threshold: what it should have been.
        cure: what helps, in a few words.
        ids: the nodes of the picture it is about.
        way: of a NaN or Inf, the nodes and edges of the picture from there to the loss.
        units: of dead units their numbers, along the axis of features.
    """

    kind: str
    level: Level
    where: str
    figure: str
    value: float
    threshold: str
    cure: str
    ids: tuple[str, ...] = ()
    way: tuple[str, ...] = ()
    units: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """The row in one line."""
        return f"{self.kind}: {self.figure}. {self.cure}"


def level_of(value: float, warn: float, bad: float) -> Level | None:
    """How grave a share is; None if it is not even worth a warning."""
    return "bad" if value > bad else "warn" if value > warn else None


def families(found: Trace) -> dict[Node, Place]:
    """By operation of a time step, the operation at its place in the first step, and its step."""
    out: dict[Node, Place] = {}
    for group in repeats(found.groups):
        first: list[Node] = []
        for k, step in enumerate(steps_of(group), start=1):
            nodes = list(step.nodes())
            first = first or nodes
            out.update((node, (home, k)) for node, home in zip(nodes, first, strict=False))
    return out


def location(ids: Ids, nodes: list[Node]) -> str:
    """Where one node stands, or the nodes at one place of several steps."""
    words = ids.where(nodes[0])
    return f"{words} (and {len(nodes) - 1} more steps)" if len(nodes) > 1 else words
