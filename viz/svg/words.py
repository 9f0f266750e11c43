"""What a picture says about its nodes and edges: tooltips, and data-* attributes to check it by."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import networkx as nx

from viz.capture.summary import Summary, literal
from viz.style.text import number, shape_of
from viz.svg.records import WORDS, arrivals, title_of

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


def told(steps: tuple[int, ...]) -> str:
    return ", ".join(map(str, steps[:6])) + (" …" if len(steps) > 6 else "")


def carried(graph: nx.MultiDiGraph, tail: str, home: str) -> str:
    """The name of the tensor that an edge carries, though its record be hidden in a group."""
    node = graph.nodes[home] if home in graph else graph.nodes[tail]
    if node["kind"] == "group":
        node = next((record for record in node["results"] if record["id"] == home), node)
    return title_of(node | {"id": home})


def of_record(node: Mapping[str, Any], edges: Mapping[str, Any]) -> tuple[str, dict]:
    """The tooltip and the data of a tensor's record."""
    word = WORDS.get(node["kind"], "intermediate")
    lines = [f"{title_of(node)} ({word}): {shape_of(node['shape'])} {node['dtype']}"]
    lines.append(f"data: {brief(node['value'])}")
    if node["kind"] != "constant":
        lines.append(f"grad: {brief(node['gradient'])}")
    if node["gradient"] is not None:
        terms = [("seed", "the start of the walk", node["seed"])] if node["seed"] else []
        for key in node["contributions"]:
            op, edge = edges[key]
            where = f"{op['name'] or op['kind']}, backward step {told(edge['steps'])}"
            terms.append((key, where, flow(edge, node["id"])))
        if node["inside"] is not None:
            terms.append(("inside", "the group it is made in", node["inside"]))
        if len(terms) > 1:
            lines.append(f"grad is the sum of {len(terms)} contributions:")
        lines += [f"  {'+' if i else ' '} {brief(x)}  ({where})" for i, (_, where, x) in
                  enumerate(terms)]  # fmt: skip
    if node["hooked"]:
        lines.append("A hook replaced the sum by the gradient shown.")
    data = {
        "id": node["id"], "kind": node["kind"], "name": node["name"],
        "shape": json.dumps(node["shape"]), "dtype": node["dtype"],
        **numbers_of("value", node["value"]),
        **numbers_of("grad", node["gradient"]), **numbers_of("seed", node["seed"]),
        **numbers_of("inside", node["inside"]), "hidden": "true" if node["hidden"] else None,
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


def of_tag(name: str, node: Mapping[str, Any]) -> tuple[str, dict]:
    home = title_of({**node, "id": node["home"]})
    data = {"id": name, "kind": "tag", "name": node["name"], "home": node["home"]}
    if not node["shown"]:
        return f"{home}: not in focus, or in a closed group", data
    return f"another use of {home}: its record stands elsewhere in the picture", data


def of_group(node: Mapping[str, Any]) -> tuple[str, dict]:
    """The tooltip and the data of a closed group; its results and parameters have their own."""
    lines = [f"{node['path'] or node['name']} ({node['module']}), closed"]
    lines += [f"in: {name or id_}  {shape_of(shape)}" for id_, name, shape in node["inputs"][:8]]
    for word, key in (("out", "results"), ("parameter", "parameters")):
        for record in node[key][:8]:
            lines.append(f"{word}: {title_of(record)}  {shape_of(record['shape'])}")
            lines.append(f"  data: {brief(record['value'])}")
            if record["gradient"] is not None:
                lines.append(f"  grad: {brief(record['gradient'])}")
        if len(node[key]) > 8:
            lines.append(f"  and {len(node[key]) - 8} more")
    data = {
        "id": node["id"], "kind": "group", "name": node["name"], "module": node["module"],
        "path": node["path"], "operations": node["operations"],
        "count": node["count"] if node["count"] > 1 else None,
        "shared": "true" if node["shared"] else None,
        "results": len(node["results"]), "parameters": len(node["parameters"]),
        "steps": None if node["steps"] is None else "{}-{}".format(*node["steps"]),
    }  # fmt: skip
    return "\n".join(lines), data


def of_stub(node: Mapping[str, Any]) -> tuple[str, dict]:
    title = f"{node['uses']} of the operations that use {node['home']} are not in focus"
    return title, {"kind": "more", "home": node["home"], "uses": node["uses"]}


def of_cluster(cluster: Mapping[str, Any]) -> tuple[str, dict]:
    """The tooltip and the data of an open group."""
    data = {"id": cluster["id"], "kind": "box", "name": cluster["name"],
            "module": cluster["module"], "path": cluster["path"]}  # fmt: skip
    return f"{cluster['path'] or cluster['name']} ({cluster['module']})", data


def of_merged(edge: Mapping[str, Any], tail: str, head: str, key: str) -> tuple[str, dict]:
    """The tooltip and the data of an edge that carries several tensors."""
    lines = [f"{len(edge['merged'])} tensors"]
    lines += [f"{home}: contribution {brief(x)}" for home, x in edge["merged"][:12]]
    if len(edge["merged"]) > 12:
        lines.append(f"and {len(edge['merged']) - 12} more")
    data = {"id": key, "tail": tail, "head": head,
            "tensors": " ".join(home for home, _ in edge["merged"]),
            "contribution-norm": repr(merged_norm(edge))}  # fmt: skip
    return "\n".join(lines), data


def flow(edge: Mapping[str, Any], tensor: str) -> Summary | None:
    """What an edge contributes to the gradient of a tensor that it carries."""
    return dict(edge["merged"]).get(tensor) if "merged" in edge else edge["contribution"]


def merged_norm(edge: Mapping[str, Any]) -> float:
    """The norm of all contributions on an edge together."""
    return math.sqrt(sum(x.norm**2 for _, x in edge["merged"] if x is not None))


def of_edge(graph: nx.MultiDiGraph, tail: str, head: str, key: str) -> tuple[str, dict]:
    """The tooltip and the data of an edge."""
    edge = graph.edges[tail, head, key]
    if "merged" in edge:
        return of_merged(edge, tail, head, key)
    if edge["out"]:
        op, result = graph.nodes[tail], graph.nodes[head]
        title = f"result of {op['name']}"
        if result["gradient"] is not None and op["step"]:
            title += f"; back flows its gradient: {brief(result['gradient'])}"
        return title, {"id": key, "op": tail, "result": head}
    op, x = graph.nodes[head], edge["contribution"]
    name = carried(graph, tail, edge["home"])
    title = f"{name} is used by {op['name'] or op['kind']}"
    if edge["arg"]:
        title = f"{name} is operand {edge['arg']} of {op['name']}"
    if x is not None:
        steps = "steps" if len(edge["steps"]) > 1 else "step"
        when = told(edge["steps"])
        title += f"\nbackward {steps} {when} add{'' if steps == 'steps' else 's'} to the gradient"
        title += f" of {name}: {brief(x)}"
    data = {
        "id": key, "op": head, "arg": edge["index"], "operand": edge["arg"] or None, "tail": tail,
        "home": edge["home"] if edge["home"] != tail else None, **numbers_of("contribution", x),
    }  # fmt: skip
    return title, data
