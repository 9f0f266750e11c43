"""What a picture says about its nodes and edges: tooltips, and data-* attributes to check it by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import networkx as nx

from viz.records import WORDS, arrivals, title_of
from viz.summary import Summary, literal
from viz.text import number, shape_of

STATISTICS = ("mean", "std", "min", "max", "norm", "rms", "zeros", "nans", "infs")


def numbers_of(key: str, x: Summary | None) -> dict[str, object]:
    """The data-* attributes of a summary, all numbers in full precision.

    A scalar has data-<key>; an array data-<key>-mean, -norm, ...; of up to 64 elements all stand
    in data-<key>s as JSON.
    """
    if x is None:
        return {}
    out: dict[str, object] = {}
    if x.scalar is not None:
        out[key] = repr(x.scalar)
    else:
        out = {f"{key}-{name}": repr(getattr(x, name)) for name in STATISTICS}
        out[f"{key}-sum"] = repr(x.total)
    if x.elements is not None:
        out[f"{key}s"] = literal(x.elements)
    return out


def brief(x: Summary | None) -> str:
    """A summary in a line of a tooltip."""
    if x is None:
        return "—"
    if x.scalar is not None:
        return number(x.scalar, 6)
    words = f"mean {number(x.mean)}, norm {number(x.norm)}, std {number(x.std)}, "
    words += f"min {number(x.min)}, max {number(x.max)}, zeros {x.zeros:.0%}"
    if x.flaw:
        words += f", {x.flaw}"
    if x.elements is not None and x.size <= 12:
        words += f"\n  {literal(x.elements)}"
    return words + (f" (thumbnail: {x.caption})" if x.caption else "")


def of_record(graph: nx.MultiDiGraph, name: str, edges: Mapping[str, Any]) -> tuple[str, dict]:
    """The tooltip and the data of a tensor's record."""
    node = graph.nodes[name]
    word = WORDS.get(node["kind"], "intermediate")
    lines = [f"{title_of(node)} ({word}): {shape_of(node['shape'])} {node['dtype']}"]
    lines.append(f"data: {brief(node['value'])}")
    if node["kind"] != "constant":
        lines.append(f"grad: {brief(node['gradient'])}")
    if node["gradient"] is not None:
        terms = [("seed", "the start of the walk", node["seed"])] if node["seed"] else []
        for key in node["contributions"]:
            op, edge = edges[key]
            terms.append((key, f"{op['name']}, backward step {op['step']}", edge["contribution"]))
        if len(terms) > 1:
            lines.append(f"grad is the sum of {len(terms)} contributions:")
        lines += [f"  {'+' if i else ' '} {brief(x)}  ({where})" for i, (_, where, x) in
                  enumerate(terms)]  # fmt: skip
    if node["hooked"]:
        lines.append("A hook replaced the sum by the gradient shown.")
    data = {
        "id": name, "kind": node["kind"], "name": node["name"], "shape": json.dumps(node["shape"]),
        "dtype": node["dtype"], **numbers_of("value", node["value"]),
        **numbers_of("grad", node["gradient"]), **numbers_of("seed", node["seed"]),
        "contributions": " ".join(arrivals(node)) or None,
        "hooked": "true" if node["hooked"] else None,
    }  # fmt: skip
    return "\n".join(lines), data


def of_operation(name: str, node: Mapping[str, Any]) -> tuple[str, dict]:
    options = ", ".join(f"{key}={value!r}" for key, value in node["options"].items())
    operands = ", ".join(
        f"{arg} = {node['numbers'][i]!r}" if i in node["numbers"] else arg
        for i, arg in enumerate(node["args"])
    )
    step = node["step"]
    title = f"{node['name']}({operands}{', ' if options else ''}{options})"
    title += f"\nbackward step {step}" if step else ""
    data = {"id": name, "kind": "operation", "name": node["name"], "step": step}
    data["options"] = options or None
    data |= {f"number-{i}": repr(float(x)) for i, x in node["numbers"].items()}
    return title, data


def of_tag(name: str, node: Mapping[str, Any], graph: nx.MultiDiGraph) -> tuple[str, dict]:
    home = title_of(graph.nodes[node["home"]])
    data = {"id": name, "kind": "tag", "name": node["name"], "home": node["home"]}
    return f"another use of {home}: its record stands elsewhere in the picture", data


def of_edge(graph: nx.MultiDiGraph, tail: str, head: str, key: str) -> tuple[str, dict]:
    """The tooltip and the data of an edge."""
    edge = graph.edges[tail, head, key]
    if edge["out"]:
        op, result = graph.nodes[tail], graph.nodes[head]
        title = f"result of {op['name']}"
        if result["gradient"] is not None and op["step"]:
            title += f"; back flows its gradient: {brief(result['gradient'])}"
        return title, {"id": key, "op": tail, "result": head}
    op, x = graph.nodes[head], edge["contribution"]
    name = title_of(graph.nodes[edge["home"]])
    title = f"{name} is operand {edge['arg']} of {op['name']}"
    if x is not None:
        title += f"\nbackward step {op['step']} adds to the gradient of {name}: {brief(x)}"
    data = {
        "id": key, "op": head, "arg": edge["index"], "operand": edge["arg"], "tail": tail,
        "home": edge["home"] if edge["home"] != tail else None, **numbers_of("contribution", x),
    }  # fmt: skip
    return title, data
