"""The picture of a computation: what `viz.draw` returns, and the files it is saved to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import networkx as nx

from microgradnd.engine import Tensor
from viz import files
from viz.graph import build
from viz.theme import THEMES
from viz.trace import Trace, trace

MOST = 20_000  # drawn nodes; beyond, neither layout engines nor browsers are of use
FAN_OUT = 4  # an intermediate result used by so many operations is drawn with tags, too
DIRECTIONS = ("TB", "LR")


class Picture:
    """A graph as it will be drawn; made by `viz.draw`.

    Attributes:
        graph: a networkx.MultiDiGraph, see the docstring of `viz.picture`.
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
    tensors: Tensor | Sequence[Tensor],
    *,
    gradient: Any = None,
    backward: bool = True,
    theme: str = "auto",
    direction: str = "TB",
    title: str | None = None,
    engine: str | None = None,
    timeout: float = 10.0,
) -> Picture:
    """Draws how tensors were computed and how the gradient flows back from them.

    Values are replayed from the leaves, gradients come from one observed backward pass that
    leaves `.grad` untouched: the picture is the same before and after `backward()`.

    Args:
        tensors: one tensor or several. One that requires no gradient is drawn as a lone record.
        gradient: of what is differentiated with respect to the tensor, as for `backward`; a list
            of them for several tensors.
        backward: False draws the forward pass alone.
        theme: "light", "dark", or "auto" to follow the reader's system.
        direction: of the forward pass: "TB" from top to bottom, "LR" from left to right.
        title: the first line of the picture.
        engine: of the layout, see `viz.layout.layout`; by default one that suits the graph.
        timeout: how long the layout engine may take, in seconds.

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
    found = trace(tensors, gradient, backward=backward)
    graph = build(found)
    if title is not None:
        graph.graph["title"] = title
    return Picture(
        found, graph, {"theme": theme, "direction": direction, "engine": engine, "timeout": timeout}
    )
