"""A picture's model as a networkx graph, for programs that know graphs."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from viz.model.elements import PictureModel, TensorRecord

if TYPE_CHECKING:
    import networkx as nx

_ENDS = ("id", "tail", "head", "merged")  # networkx has the first three in places of their own


def to_networkx(model: PictureModel) -> nx.MultiDiGraph:
    """The nodes and edges of a model by their ids, with the fields of their classes.

    Every node has its `kind`, records in closed groups are dicts. The graph's `clusters` are the
    open groups as dicts; it has `title`, `summary`, `steps` and the other fields, too.
    """
    import networkx

    known = {x.name: getattr(model, x.name) for x in fields(model)}
    del known["nodes"], known["edges"], known["groups"]
    out = networkx.MultiDiGraph(clusters=[_attributes(group) for group in model.groups], **known)
    for name, node in model.nodes.items():
        out.add_node(name, **_attributes(node) | {"kind": node.kind})
    for order, edge in enumerate(model.edges.values()):
        data = {key: x for key, x in _attributes(edge).items() if key not in _ENDS}
        merged = {"merged": [(c.tensor, c.summary) for c in edge.merged]} if edge.merged else {}
        out.add_edge(edge.tail, edge.head, key=edge.id, order=order, **data, **merged)
    return out


def _attributes(element: Any) -> dict[str, Any]:
    """The fields of an element; the order of contributions is a list, records are dicts."""
    found = {x.name: getattr(element, x.name) for x in fields(element)}
    for name, value in found.items():
        if isinstance(value, tuple) and value and isinstance(value[0], TensorRecord):
            found[name] = [_attributes(record) for record in value]
        elif name in ("contributions", "results", "parameters"):
            found[name] = list(value)
    return found
