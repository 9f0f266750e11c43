"""The picture in the DOT language: complete, for Graphviz and the tools around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx

from viz.records import WORDS, arrivals, caption_of, meta_of, tag_label, title_of
from viz.summary import Summary
from viz.text import clean, number, plural

LOOKS = {
    "parameter": 'shape=box, style="filled,bold", fillcolor="#fdf6e3", color="#6b5310"',
    "leaf": 'shape=box, style="filled,bold", fillcolor="#fdf6e3", color="#6b5310"',
    "constant": 'shape=note, style=filled, fillcolor="#eef0f2", color="#6e7781"',
    "intermediate": 'shape=box, style=rounded, color="#6e7781"',
    "output": 'shape=box, style=rounded, peripheries=2, color="#6e7781"',
    "tag": 'shape=box, style="rounded,dashed", color="#6b5310"',
    "operation": 'shape=box, style="rounded,filled", fillcolor="#e6eef7", color="#4f6d8f"',
    "group": 'shape=box3d, style=filled, fillcolor="#f3f4f6", color="#6e7781"',
    "more": "shape=plaintext",
}
BACK = 'constraint=false, style=dashed, color="#D55E00", fontcolor="#a34700"'


def quoted(text: object) -> str:
    """A string of the DOT language that Graphviz draws as it stands.

    Backslashes and quotes are escaped, and `&`, which would start an entity.

    >>> print(quoted('a"b&c'))
    "a\\"b&amp;c"
    """
    safe = clean(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + safe.replace("\r", "").replace("\n", "⏎") + '"'


def lines(*texts: str) -> str:
    """Several lines in one label."""
    return '"' + "\\n".join(quoted(text)[1:-1] for text in texts if text) + '"'


def short(x: Summary | None) -> str:
    if x is None:
        return "—"
    if x.size == 1:
        return number(x.total)
    return x.flaw or f"μ {number(x.mean, 3)}  ‖·‖ {number(x.norm, 3)}  ±{number(x.top, 2)}"


def label(node: Mapping[str, Any]) -> str:
    if node["kind"] == "operation":
        step = f"step {node['step']}" if node["step"] else ""
        return lines(node["name"], caption_of(node), step)
    if node["kind"] == "tag":
        return lines(tag_label(node))
    if node["kind"] == "more":
        return lines(f"⋯ {node['uses']} more")
    if node["kind"] == "group":
        count = f" ×{node['count']}" if node["count"] > 1 else ""
        return lines(
            f"{node['name']}{count}", node["module"], plural(node["operations"], "operation")
        )
    rows = [f"{title_of(node)}   {meta_of(node)}", f"data {short(node['value'])}"]
    if node["kind"] != "constant":
        rows.append(f"grad {short(node['gradient'])}")
        count = len(arrivals(node))
        rows.append(f"Σ {count} contributions" if count > 1 else "")
    return lines(*rows)


def write(graph: nx.MultiDiGraph, direction: str) -> str:
    """The graph as the text of a .dot file; backward edges are dashed and point backward."""
    out = ["digraph {", f"  rankdir={direction}; label={quoted(graph.graph['title'])};"]
    out.append('  node [fontname="sans-serif", fontsize=10]; edge [fontsize=9, color="#6e7781"];')
    for name, node in graph.nodes(data=True):
        word = WORDS.get(node["kind"], node["kind"])
        out.append(
            f"  {quoted(name)} [label={label(node)}, {LOOKS[node['kind']]}, class={quoted(word)}];"
        )
    for tail, head, key, edge in graph.edges(keys=True, data=True):
        out.append(f"  {quoted(tail)} -> {quoted(head)} [id={quoted(key)}];")
        x = edge.get("contribution")
        if x is not None:
            words = number(x.total) if x.size == 1 else f"‖·‖ {number(x.norm, 3)}"
            ends = f"{quoted(head)} -> {quoted(tail)}"
            out.append(f"  {ends} [id={quoted(f'{key}-back')}, label={quoted(words)}, {BACK}];")
    return "\n".join([*out, "}", ""])
