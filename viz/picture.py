"""The picture of a computation: what `viz.draw` returns, and the files it is saved to."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx

from microgradnd.engine import Tensor
from microgradnd.graph import Node
from viz import files
from viz.focus import focused
from viz.folding import Folding, divided, named, overview, standing, whole
from viz.graph import build, shown
from viz.groups import grouped
from viz.homes import Homes, homes
from viz.theme import THEMES
from viz.trace import Trace, regrouped, replay, several

MOST = 20_000  # drawn nodes; beyond, neither layout engines nor browsers are of use
DIRECTIONS = ("TB", "LR")
GROUPINGS = ("modules", "repeats", "chains")


class Picture:
    """A graph as it will be drawn; made by `viz.draw`.

    Attributes:
        graph: a networkx.MultiDiGraph, see the docstring of `viz.graph`.
        trace: the numbers it shows, see `viz.trace.Trace`.
    """

    def __init__(self, found: Trace, graph: nx.MultiDiGraph, drawing: dict[str, Any]) -> None:
        self.trace, self.graph, self.drawing = found, graph, drawing
        self._svg: str | None = None

    def svg(self) -> str:
        """The picture as the text of an SVG file; it is laid out at the first call."""
        if self._svg is None:
            from viz.svg import write

            self._svg = write(self.graph, **self.drawing)
        return self._svg

    def dot(self) -> str:
        """The picture in the DOT language, for Graphviz."""
        from viz.dot import write

        return write(self.graph, self.drawing["direction"])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a file in the format that its suffix names: .svg or .dot.

        Folders are created, and the file is replaced in one step.

        Raises:
            ValueError: the suffix names no format.
        """
        return files.save(path, {".svg": self.svg, ".dot": self.dot}, "a picture")

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<Picture of {self.graph.graph['summary']}>"


def draw(
    tensors: Tensor | Sequence[Tensor] | Trace,
    *,
    gradient: Any = None,
    backward: bool = True,
    fold: bool | str | Collection[str] = "auto",
    open: str | Collection[str] | None = None,
    steps: Collection[int] = (),
    focus: Any = None,
    hops: int | None = None,
    carrying: bool = False,
    theme: str = "auto",
    direction: str = "TB",
    title: str | None = None,
    engine: str | None = None,
    timeout: float = 10.0,
    force: bool = False,
) -> Picture:
    """Draws how tensors were computed and how the gradient flows back from them.

    Values are replayed from the leaves, gradients come from one observed backward pass that
    leaves `.grad` untouched: the picture is the same before and after `backward()`.

    Args:
        tensors: one tensor or several, or a trace of them. One that requires no gradient is drawn
            as a lone record.
        gradient: of what is differentiated with respect to the tensor, as for `backward`; a list
            of them for several tensors.
        backward: False draws the forward pass alone.
        fold: "auto" opens as many groups (modules, repeated steps, long chains) as stay readable,
            True none, False knows no groups. A collection names the groupings to use: "modules",
            "repeats", "chains".
        open: groups to open besides, by path ("encoder.0"), name, class or id; "all" opens all.
        steps: of repetitions, which to show each by itself, the others folded between them;
            they count from 1, negative ones from the end.
        focus: a tensor or its name, to draw only what is within `hops` (2) operations of it; or a
            pair of them, to draw the paths from the first to the second.
        hops: see `focus`; of a pair, how far around the paths.
        carrying: draws only what carries gradient: no constants, nothing that gets no gradient
            or one that is zero throughout.
        theme: "light", "dark", or "auto" to follow the reader's system.
        direction: of the forward pass: "TB" from top to bottom, "LR" from left to right.
        title: the first line of the picture.
        engine: of the layout, see `viz.layout.layout`; by default one that suits the graph.
        timeout: how long the layout engine may take, in seconds.
        force: draws more than 20,000 nodes.

    Raises:
        GraphError: a tensor is no scalar and no gradient was given.
        ValueError: more than 20,000 nodes would be drawn, or an argument is unknown.

    >>> from microgradnd import Tensor
    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> picture = draw(x * x)
    >>> picture
    <Picture of 2 tensors, 1 operation>
    >>> sorted(key for _, _, key in picture.graph.edges(keys=True))
    ['e-1-0', 'e-1-1', 'e-1-out']
    """
    for what, value, known in (("theme", theme, THEMES), ("direction", direction, DIRECTIONS)):
        if value not in known:
            raise ValueError(f"{what} {value!r} is unknown: one of {', '.join(known)}")
    named_steps = frozenset(steps)
    at_home = lambda nodes: arranged(nodes, fold, named_steps, focus, hops)
    if isinstance(tensors, Trace):
        found = tensors
        if fold not in ("auto", True) or steps or focus is not None:
            found = regrouped(found, at_home(found.nodes))
    else:
        found = replay(*several(tensors, gradient), backward, "summaries", at_home)
    if carrying:
        found = regrouped(found, replace(found.homes, kept=carriers(found)))
    folding = folding_of(found.homes, fold, open, named_steps)
    if folding.size() > MOST and not force:
        raise ValueError(
            f"the picture would have more than {MOST:,} nodes; fold it (fold='auto'), focus on a "
            "part, draw a smaller graph (fewer time steps), or insist with force=True"
        )
    graph = build(found, folding)
    if title is not None:
        graph.graph["title"] = title
    return Picture(
        found, graph, {"theme": theme, "direction": direction, "engine": engine, "timeout": timeout}
    )


def arranged(
    nodes: Sequence[Node], fold: Any, steps: Collection[int], focus: Any, hops: int | None
) -> Homes:
    """The groups of a computation as `draw` was asked to make them, and what is in focus."""
    computed = [node for node in nodes if node.plan is not None]
    wanted = GROUPINGS if fold in ("auto", True) else () if fold is False else tuple(fold)
    for name in wanted:
        if name not in GROUPINGS:
            raise ValueError(f"fold={name!r} is unknown: one of {', '.join(GROUPINGS)}")
    switches = {name: name in wanted for name in GROUPINGS}
    groups = grouped(computed, **switches, stretches=fold is not False)
    if steps:
        divided(groups, steps)
    kept = None if focus is None else focused(nodes, focus, hops)
    return homes(groups, nodes, kept)


def folding_of(homes: Homes, fold: Any, open: Any, steps: Collection[int]) -> Folding:
    """Which groups are open, as `draw` was asked."""
    if fold is False or open == "all":
        return whole(homes)
    folding = Folding(homes, set()) if fold is True else overview(homes)
    wanted = named(homes.groups, [open] if isinstance(open, str) else open or ())
    if steps:
        wanted |= standing(homes.groups, steps)
    return Folding(homes, folding.open | wanted) if wanted else folding


def carriers(found: Trace) -> set[Node]:
    """The nodes whose gradient is known and not zero throughout."""
    shares = ((node, shown(g)) for node, g in found.gradients.items())
    return {node for node, g in shares if g is not None and g.norm != 0}
