"""Tensors in a notebook: with `viz` imported, a small graph is shown as its picture."""

from __future__ import annotations

from math import prod
from typing import Any

from microgradnd import Tensor
from microgradnd.graph import Graph
from viz.picture import draw

_FEW = 60  # nodes of a graph that is drawn; a larger one is told in words
_SMALL = 1_000_000  # elements that may have to be computed again for it


def _bundle(tensor: Tensor, **_: Any) -> dict[str, str]:
    """What IPython shows of a tensor: its text, and its picture if that is quickly drawn.

    Nothing of the program changes: graphs with hooks are drawn without a backward pass, since
    hooks would run in it. A graph that cannot be drawn is shown as text alone.
    """
    out = {"text/plain": repr(tensor)}
    graph = Graph(tensor)
    if len(graph) > _FEW or sum(prod(node.shape) for node in graph.nodes) + tensor.size > _SMALL:
        words = f"{len(graph.computed):,} operations lead to it: viz.draw(tensor) shows them folded"
        return out | {"text/plain": f"{out['text/plain']}\n{words}"}
    hooked = any(node.has_hooks for node in graph.nodes)
    try:
        picture = draw(tensor, backward=tensor.size == 1 and not hooked)
        return out | {"image/svg+xml": picture.svg()}
    except Exception:  # a display must not raise, whatever the graph holds
        return out


def register() -> None:
    """Shows tensors so from now on."""
    Tensor._repr_mimebundle_ = lambda t, **options: _bundle(t)  # type: ignore[attr-defined]
