"""A stage of the backward pass: the picture when some of its steps are done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx

from viz.svg.records import arrivals
from viz.svg.words import flow


def staged(graph: nx.MultiDiGraph, step: int) -> nx.MultiDiGraph:
    """The graph of a picture after `step` backward steps.

    Operations get the attribute `state`: "done", "now" or "pending". What later steps contribute
    is not there yet, and gradients are the sums of what has arrived.

    Args:
        graph: as `viz.model.graph.build` makes it.
        step: 0, when the walk has but its start, up to the number of steps.

    Raises:
        ValueError: there is no such step.
    """
    last = graph.graph["steps"]
    if not 0 <= step <= last:
        raise ValueError(f"step {step} of a backward pass that has {last}: give one of 0 to {last}")
    out = graph.copy()
    edges: dict[str, dict[str, Any]] = {}
    for tail, head, key, edge in out.edges(keys=True, data=True):
        if edge["out"]:
            continue
        if "merged" in edge and not arrived(edge, step):
            edge["merged"] = [(home, None) for home, _ in edge["merged"]]
        if not arrived(edge, step):
            out.edges[tail, head, key]["contribution"] = None
        edges[key] = edge
    for _, node in out.nodes(data=True):
        if node["kind"] == "operation":
            node["state"] = state(node["step"], node["step"], step)
        elif node["kind"] == "group":
            first, final = node["steps"] or (None, None)
            node["state"] = state(first, final, step)
            node["results"] = [
                record | partial(record, edges, step, final) for record in node["results"]
            ]
            if final is None or final > step:
                node["parameters"] = [record | {"gradient": None} for record in node["parameters"]]
        elif "value" in node:
            node |= partial(node, edges, step)
    out.graph["stage"] = step
    return out


def arrived(edge: Mapping[str, Any], step: int) -> bool:
    return bool(edge["steps"]) and edge["steps"][-1] <= step


def state(first: int | None, last: int | None, step: int) -> str | None:
    if first is None or last is None:
        return None
    return "now" if first <= step <= last else "done" if last < step else "pending"


def partial(
    record: Mapping[str, Any],
    edges: Mapping[str, dict[str, Any]],
    step: int,
    final: int | None = None,
) -> dict[str, Any]:
    """What is known of a tensor's gradient after a step.

    Args:
        record: of the tensor.
        edges: by key.
        step: the last that is done.
        final: of the closed group that makes the tensor, its last step.
    """
    here = [key for key in record["contributions"] if arrived(edges[key], step)]
    last = len(arrivals(record))
    inner = record["inside"] is None or (final is not None and final <= step)
    if len(here) == len(record["contributions"]) and not record["hidden"] and inner:
        whole = bool(here) or record["seed"] is not None
        return {"contributions": here, "gradient": record["gradient"] if whole else None}
    so_far = record["seed"]
    for k, key in enumerate(here):
        alone = k == 0 and record["seed"] is None and not record["hidden"]
        so_far = edges[key]["running"]
        if so_far is None and alone:
            so_far = flow(edges[key], record["id"])
    return {"contributions": here, "gradient": so_far, "inside": None, "last": last}
