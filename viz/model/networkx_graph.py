"""A picture's model as a networkx graph, for programs that know graphs."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from viz.model.elements import Edge, PictureModel, TensorRecord

if TYPE_CHECKING:
    import networkx as nx


def to_networkx(model: PictureModel) -> nx.MultiDiGraph:
    """The nodes and edges of a model by their ids, with the fields of their classes.

    Every node has its `kind`, records in closed groups are dicts. The graph's `clusters` are the
    open groups as dicts; it has `title`, `summary`, `steps` and the other fields, too.
    """
    import networkx

    known = {x.name: getattr(model, x.name) for x in fields(model)}
    del known["nodes"], known["edges"], known["groups"]
    out = networkx.MultiDiGraph(clusters=[attributes(group) for group in model.groups], **known)
    for name, node in model.nodes.items():
        out.add_node(name, **attributes(node) | {"kind": node.kind})
    for order, edge in enumerate(model.edges.values()):
        out.add_edge(edge.tail, edge.head, key=edge.id, order=order, **of_edge(edge))
    return out


def of_edge(edge: Edge) -> dict[str, Any]:
    found = attributes(edge)
    for name in ("id", "tail", "head"):
        del found[name]
    merged = [(c.tensor, c.summary) for c in found.pop("merged")]
    return found | ({"merged": merged} if merged else {})


def attributes(element: Any) -> dict[str, Any]:
    """The fields of an element; the order of contributions is a list, records are dicts."""
    found = {x.name: getattr(element, x.name) for x in fields(element)}
    for name, value in found.items():
        if isinstance(value, tuple) and value and isinstance(value[0], TensorRecord):
            found[name] = [attributes(record) for record in value]
        elif name in ("contributions", "results", "parameters"):
            found[name] = list(value)
    return found
