"""A stage of the backward pass: the picture when some of its steps are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from viz.model import elements
from viz.model.elements import ClosedGroup, Contribution, Edge, Node, PictureModel, TensorRecord


def at_step(model: PictureModel, step: int) -> PictureModel:
    """The model of a picture after `step` backward steps.

    Operations and closed groups get their `_state`. What later steps contribute is not there yet,
    and gradients are the sums of what has arrived. Raises ValueError if there is no such step.
    """
    last = model.steps
    if not 0 <= step <= last:
        raise ValueError(f"step {step} of a backward pass that has {last}: give one of 0 to {last}")
    edges = {}
    for key, edge in model.edges.items():
        merged = tuple(Contribution(one.tensor, None) for one in edge.merged)
        known = edge.out or _arrived(edge, step)
        edges[key] = edge if known else replace(edge, contribution=None, merged=merged)
    nodes = {name: _node_at(node, model.edges, step) for name, node in model.nodes.items()}
    return replace(model, nodes=nodes, edges=edges, stage=step)


def _node_at(node: Node, edges: Mapping[str, Edge], step: int) -> Node:
    if isinstance(node, elements.Operation):
        return replace(node, state=_state(node.step, node.step, step))
    if isinstance(node, TensorRecord):
        return so_far(node, edges, step)
    if not isinstance(node, ClosedGroup):
        return node
    first, last = node.steps or (None, None)
    parameters = node.parameters
    if last is None or last > step:
        parameters = tuple(replace(record, gradient=None) for record in parameters)
        node = replace(node, strip=tuple((text, None) for text, _ in node.strip))
    results = tuple(so_far(record, edges, step, last) for record in node.results)
    return replace(node, state=_state(first, last, step), results=results, parameters=parameters)


def _arrived(edge: Edge, step: int) -> bool:
    return bool(edge.steps) and edge.steps[-1] <= step


def _state(first: int | None, last: int | None, step: int) -> elements.State | None:
    if first is None or last is None:
        return None
    return "now" if first <= step <= last else "done" if last < step else "pending"


def so_far(
    record: TensorRecord, edges: Mapping[str, Edge], step: int, last: int | None = None
) -> TensorRecord:
    """A tensor with what of its gradient has arrived after a step.

    `last` is the last step of the closed group that makes the tensor, if one does.
    """
    here = tuple(key for key in record.contributions if _arrived(edges[key], step))
    inside = record.inside is None or (last is not None and last <= step)
    if here == record.contributions and not record.hidden and inside:
        whole = bool(here) or record.seed is not None
        return replace(record, gradient=record.gradient if whole else None)
    gradient = record.seed
    for k, key in enumerate(here):
        alone = k == 0 and record.seed is None and not record.hidden
        gradient = edges[key].running
        if gradient is None and alone:
            gradient = edges[key].contributed_to(record.id)
    return replace(
        record, contributions=here, gradient=gradient, inside=None, expected=len(record.terms)
    )
