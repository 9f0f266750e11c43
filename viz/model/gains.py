"""The gain of an operation or a closed group: by how much the gradient grows on its way back."""

from __future__ import annotations

import math
from collections.abc import Iterable

from viz.capture.summary import Summary
from viz.model.elements import ClosedGroup, Edge, Operation, PictureModel, TensorRecord


def gain_of(gradient: Summary | None, into: Iterable[Edge]) -> float | None:
    """‖∂ in‖ ÷ ‖∂ out‖: the largest contribution to an operand over the gradient of the result."""
    flows: list[float] = []
    for edge in into:
        flows += [edge.norm] if edge.flowing else []
        flows += [edge.contribution.norm] if edge.contribution is not None else []
    if gradient is None or not flows or not 0 < gradient.norm < math.inf:
        return None
    return max(flows) / gradient.norm


def gains(model: PictureModel) -> dict[str, float]:
    """The gains of all operations and closed groups of a picture, by id, where there are any."""
    into: dict[str, list[Edge]] = {}
    gradients: dict[str, Summary | None] = {}
    for edge in model.edges.values():
        result = model.nodes[edge.head]
        if edge.out and isinstance(result, TensorRecord):
            gradients[edge.tail] = result.gradient
        else:
            into.setdefault(edge.head, []).append(edge)
    for group in model.of_kind(ClosedGroup):
        gradients[group.id] = group.results[0].gradient if group.results else None
    known = {
        name: gain_of(gradients.get(name), into.get(name, ()))
        for name, node in model.nodes.items()
        if isinstance(node, (Operation, ClosedGroup))
    }
    return {name: x for name, x in known.items() if x is not None}
