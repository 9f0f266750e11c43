"""The river: a structured layout of a computation, along which the gradient flows back.

`arrange` takes records with their sizes, the groups they stand in and the wires between them, and
gives every one its place. The rules are those of a careful drawing by hand: the way to the result
is one straight line, branches are lines beside it, a group is a frame that nothing else is in.
"""

from __future__ import annotations

from viz.layout.river.arrangement import arrange
from viz.layout.river.elements import DOWN, RIGHT, Block, Distances, Item, Leaf, Wire

__all__ = ["DOWN", "RIGHT", "Block", "Distances", "Item", "Leaf", "Wire", "arrange"]
