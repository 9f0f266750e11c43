"""Files of other programs: what they hold of a picture."""

from __future__ import annotations

import numpy as np
import pygraphviz

import viz
from microgradnd import nn


def test_dot_draws_closed_groups() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    picture = viz.draw((model(np.ones((5, 4))) ** 2).mean(), fold=True)
    kinds = [kind for _, kind in picture.graph.nodes(data="kind")]
    assert "group" in kinds
    drawn = pygraphviz.AGraph(string=picture.dot())
    assert set(drawn.nodes()) == set(picture.graph)
    assert b"Sequential" in drawn.draw(format="svg", prog="dot")
