"""Contributions: what a rule gives for one operand, made fit to be added to its gradient."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.node import Array, Node


class Scatter:
    """A gradient that is zero but at `index`: added into a buffer there, never spread out twice."""

    __slots__ = ("value", "index", "shape", "unique")

    def __init__(self, value: Array, index: Any, shape: tuple, unique: bool) -> None:
        self.value, self.index, self.shape, self.unique = value, index, shape, unique

    def add_to(self, buffer: Array) -> Array:
        if self.unique:
            buffer[self.index] += self.value
        else:
            np.add.at(buffer, self.index, self.value)
        return buffer

    def dense(self) -> Array:
        return self.add_to(np.zeros(self.shape, self.value.dtype))


def scatter(totals: dict[Node, Any], own: set[Node], p: Node, x: Scatter) -> None:
    """Adds a slice's gradient into the total of the whole, which becomes the walk's own buffer."""
    if p not in own:
        total = totals.get(p)
        totals[p] = np.zeros(p.shape, p.dtype) if total is None else total.copy()
        own.add(p)
    x.add_to(totals[p])


def fitted(x: Any, p: Node, node: Node) -> Any:
    """A contribution in its parent's dtype, summed over the axes that were broadcast."""
    shape = p.shape
    if x.shape != shape:
        given, lead = x.shape, x.ndim - len(shape)
        if lead > 0:
            x = x.sum(axis=0 if lead == 1 else tuple(range(lead)))
        stretched = tuple(k for k, (m, n) in enumerate(zip(x.shape, shape)) if n == 1 != m)
        if stretched:
            x = x.sum(axis=stretched, keepdims=True)
        if x.shape != shape:
            i = next(i for i, parent in enumerate(node.parents) if parent is p)
            raise errors.gradient_shape(node.op.name, node.op.operand(i), given, shape)
        if isinstance(x, np.generic):
            x = np.asarray(x)
    return x if x.dtype is p.dtype else x.astype(p.dtype)


def references(found: dict[Any, Any], key: Any) -> tuple[Any, int]:
    """Takes an array out of a dict, with the number of those who hold it."""
    x = found.pop(key)
    return x, sys.getrefcount(x)


ALONE = references({0: np.empty(1)}, 0)[1]  # the count differs between versions of Python
