"""Contributions: what a rule gives for one operand, made fit to be added to its gradient.

A walk keeps a total for each node, and the set of the nodes whose total it owns: a buffer that
nobody else holds, which may be added to in place and handed out. The first contribution to a total
is kept by reference; it is the walk's own only if the rule that gave it says so (`fresh`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.node import Array, Node

Totals = dict[Node, Any]
Owned = set[Node]


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
    if x.dtype == p.dtype:
        return x
    if x.dtype.kind == "c" and type(p.dtype) is not type:  # what is real has a real gradient
        x = x.real
    return x.astype(p.dtype)


def add_to(totals: Totals, own: Owned, p: Node, x: Array) -> None:
    """Adds to a total that is not the walk's own: into a new buffer, which is."""
    totals[p] = np.asarray(totals[p] + x)  # the sum of 0-d arrays is a NumPy scalar
    own.add(p)


def buffer_of(totals: Totals, own: Owned, p: Node) -> Array:
    """What a rule that asks for `into` adds to: the total of the operand, as the walk's own."""
    if p not in own:
        total = totals.get(p)
        totals[p] = np.zeros(p.shape, p.dtype) if total is None else total.copy()
        own.add(p)
    return totals[p]


def zeros(p: Node) -> Array:
    """`into` where contributions stand alone: in walks that are recorded, observed or selective."""
    return np.zeros(p.shape, p.dtype)
