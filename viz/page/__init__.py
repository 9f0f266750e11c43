"""The interactive page of a picture: one file that needs no network and no framework.

Python writes the document, the faces of all nodes and the legend; the modules of this folder are
put together into one script. Their files are plain ES modules, read in the order of `MODULES`.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any

import networkx as nx

from microgradnd.graph import Node
from viz.document import Writer, text_of
from viz.faces import draw_node, face
from viz.folding import Folding
from viz.graph import Builder
from viz.legend import items, legend
from viz.pen import Pen
from viz.records import row
from viz.text import xml
from viz.theme import COLOURS
from viz.trace import Trace

MODULES = (
    "model", "dom", "view", "layered", "layout", "draw", "camera", "heat", "formula", "stepper",
    "panel", "strip", "search", "main",
)  # fmt: skip
LEGEND = 300.0


def page(found: Trace, graph: nx.MultiDiGraph, direction: str = "TB", theme: str = "auto") -> str:
    """The page of a picture as the text of an HTML file.

    Args:
        found, graph: the picture's trace and graph.
        direction: of the forward pass, "TB" or "LR".
        theme: "light", "dark" or "auto" to start with.
    """
    writer = Writer(found)
    contents = writer.write(graph, direction)
    script = program()
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "title": xml(contents["title"]) or "picture",
        "theme": theme,
        "policy": policy,
        "style": palette() + source("style.css"),
        "legend": key_of(graph, found),
        "document": embedded(contents),
        "faces": embedded(faces(writer, contents, direction)),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], source("template.html"))


def source(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def program() -> str:
    """The modules as one script, each in a scope of its own."""
    return f'"use strict";\n(() => {{\n{"".join(map(scoped, MODULES))}}})();\n'


def scoped(name: str) -> str:
    """A module as a constant that holds what it exports."""
    text = source(f"{name}.js")
    exports = re.findall(r"^export (?:class|function) ([\w$]+)", text, flags=re.MULTILINE)
    text = re.sub(
        r'^import (\{[^}]*\}) from "\./(\w+)\.js";', r"const \1 = of_\2;", text, flags=re.M
    )
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return f"const of_{name} = (() => {{\n{text}return {{{', '.join(exports)}}};\n}})();\n"


def embedded(contents: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return text_of(contents).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def palette() -> str:
    """The colours of the still picture as variables of the page, and the classes that use them."""
    light, dark = (
        "".join(f"--{role}:{pair[k]};" for role, pair in COLOURS.items()) for k in (0, 1)
    )
    roles = "".join(
        f".mg-f-{role}{{fill:var(--{role})}}.mg-s-{role}{{stroke:var(--{role})}}"
        for role in COLOURS
    )
    return (
        f":root{{color-scheme:light;{light}}}"
        f"@media(prefers-color-scheme:dark){{:root[data-theme=auto]{{color-scheme:dark;{dark}}}}}"
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}{roles}\n"
    )


def key_of(graph: nx.MultiDiGraph, found: Trace) -> str:
    """The legend as drawings."""
    text, height = legend(Pen("auto"), items(graph, tabled=True), LEGEND)
    size = f'width="{LEGEND:g}" height="{height:g}" viewBox="0 0 {LEGEND:g} {height:g}"'
    return f'<svg {size} role="img" aria-label="legend">{text}</svg>'


def faces(writer: Writer, contents: Mapping[str, Any], direction: str) -> dict[str, Any]:
    """Every node that can be visible, drawn by the still picture's writer, by id; tags by "t-1-u".

    A face has w and h, its margin m, `base` and `rows`: what of it shows data or a gradient.
    """
    found, ids = writer.found, writer.ids
    pen, out = Pen("auto"), {}
    builder = Builder(found, Folding(found.homes, set(found.homes.groups.groups())))
    for node in writer.shown:
        builder.add_operation(node)
        name = ids.operations[node]
        out[name] = drawn(pen, builder.graph.nodes[name], direction)
    for key, name in ids.tensors.items():
        if name in contents["tensors"]:
            record = builder.record(key)
            arrivals = writer.arrivals.get(key, ()) if isinstance(key, Node) else ()
            record["contributions"] = [ids.edge(*use) for use in arrivals]
            out[name] = drawn(pen, record, direction)
            tag = {**record, "kind": "tag", "home": name, "shown": True}
            out[f"{name}-u"] = drawn(pen, tag, direction)
    for group in writer.groups:
        if group.parent is not None and any(map(writer.in_focus, group.nodes())):
            builder.folding.open = {*list(group.around())[1:]}
            builder.add_group(group)
            node = builder.graph.nodes[group.id]
            out[group.id] = drawn(pen, node, direction)
            out[group.id]["of"] = node["results"][0]["id"] if node["results"] else None
    return out


def drawn(pen: Pen, node: Any, direction: str) -> dict[str, Any]:
    f = face(node, direction)
    rows = [
        {"kind": part.label, "svg": row(pen, part, f.form), "x": part.x, "y": part.y,
         "height": part.height}
        for part in f.rows
    ]  # fmt: skip
    base = draw_node(pen, node, replace(f, rows=()))
    return {"w": f.width, "h": f.height, "m": f.margin, "base": base, "rows": rows}
