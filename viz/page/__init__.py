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
from viz.capture.trace import Trace
from viz.formats.document import Writer, text_of
from viz.model.graph import Builder
from viz.model.marks import Mark, draw_mark, put
from viz.structure.folding import Folding
from viz.style.text import xml
from viz.style.theme import COLOURS
from viz.svg.faces import draw_node, face
from viz.svg.legend import items, legend
from viz.svg.pen import Pen
from viz.svg.records import Face, row

MODULES = (
    "model", "dom", "view", "layered", "layout", "draw", "hands", "camera", "heat", "formula",
    "stepper", "panel", "strip", "search", "main",
)  # fmt: skip
LEGEND = 300.0


def page(
    found: Trace,
    graph: nx.MultiDiGraph,
    direction: str = "TB",
    theme: str = "auto",
    marks: Mapping[str, Mark] | None = None,
    highlight: Mapping[str, str] | None = None,
) -> str:
    """The page of a picture as the text of an HTML file.

    Args:
        found, graph: the picture's trace and graph.
        direction: of the forward pass, "TB" or "LR".
        theme: "light", "dark" or "auto" to start with.
        marks, highlight: by id, as `viz.svg.Extras` has them.
    """
    writer = Writer(found)
    contents = writer.write(graph, direction)
    script = program()
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    seen = faces(writer, contents, direction)
    parts = {
        "title": xml(contents["title"]) or "picture",
        "theme": theme,
        "policy": policy,
        "style": palette() + source("style.css"),
        "legend": key_of(contents),
        "document": embedded(contents),
        "faces": embedded({name: looks for name, (_, looks) in seen.items()}),
        "looks": embedded(looks_of(writer, seen, dict(marks or {}), highlight or {})),
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


def key_of(contents: Mapping[str, Any]) -> str:
    """The legend as drawings: of all that can be visible, whatever is open."""
    whole = nx.MultiDiGraph(steps=contents["steps"], clusters=list(contents["groups"])[1:])
    for name, x in contents["tensors"].items():
        whole.add_node(name, kind=x["kind"], contributions=x["contributions"], seed=x["seed"])
        if len(x["uses"]) > 1:
            whole.add_node(f"{name}-u", kind="tag")
    for name in contents["operations"]:
        whole.add_node(name, kind="operation")
        whole.add_edge(name, name)
    if whole.graph["clusters"]:
        whole.add_node("group", kind="group")
    text, height = legend(Pen("auto"), items(whole, tabled=True), LEGEND)
    size = f'width="{LEGEND:g}" height="{height:g}" viewBox="0 0 {LEGEND:g} {height:g}"'
    return f'<svg {size} role="img" aria-label="legend">{text}</svg>'


def looks_of(
    writer: Writer,
    seen: Mapping[str, tuple[Face, Any]],
    marks: dict[str, Mark],
    highlight: Mapping[str, str],
) -> dict[str, Any]:
    """The marks of nodes and edges, drawn, and what is highlighted; groups bear those inside."""
    ids = writer.ids
    for group in writer.groups:
        for node in group.nodes():
            for name in (ids.operations[node], ids.tensors[node]):
                if name in marks and group.parent is not None:
                    put(marks, group.id, marks[name])
    pen = Pen("auto")
    return {
        "marks": {
            name: {
                "words": mark.words,
                "svg": plain(draw_mark(pen, seen[name][0], mark)) if name in seen else "",
            }
            for name, mark in marks.items()
        },
        "highlight": dict(highlight),
    }


def faces(
    writer: Writer, contents: Mapping[str, Any], direction: str
) -> dict[str, tuple[Face, Any]]:
    """Every node that can be visible, drawn by the still picture's writer, by id; tags by "t-1-u".

    A face has w and h, its margin m, `base` and `rows`: what of it shows data or a gradient.
    """
    found, ids = writer.found, writer.ids
    pen, out = Pen("auto"), dict[str, tuple[Face, Any]]()
    builder = Builder(found, Folding(found.nesting, set(found.nesting.groups.groups())))
    for node in writer.shown:
        builder.add_operation(node)
        name = ids.operations[node]
        out[name] = drawn(pen, builder.graph.nodes[name], direction)
    for key, name in ids.tensors.items():
        if name in contents["tensors"]:
            record = builder.record(key)
            arrivals = writer.arrivals.get(key, ()) if isinstance(key, Node) else ()
            record["contributions"] = list(arrivals)
            out[name] = drawn(pen, record, direction)
            shown = not isinstance(key, Node) or writer.in_focus(key)
            if not shown or len(found.nesting.uses.get(key, ())) > 1:
                tag = {**record, "kind": "tag", "home": name, "shown": shown}
                out[f"{name}-u"] = drawn(pen, tag, direction)
    for group in writer.groups:
        if group.parent is not None and any(map(writer.in_focus, group.nodes())):
            builder.folding.open = {*list(group.around())[1:]}
            builder.add_group(group)
            node = builder.graph.nodes[group.id]
            out[group.id] = drawn(pen, node, direction)
            out[group.id][1]["of"] = node["results"][0]["id"] if node["results"] else None
    return out


def drawn(pen: Pen, node: Any, direction: str) -> tuple[Face, dict[str, Any]]:
    f = face(node, direction)
    rows = [
        {"kind": part.label, "svg": plain(row(pen, part, f.form)), "x": part.x, "y": part.y,
         "height": part.height}
        for part in f.rows
    ]  # fmt: skip
    base = plain(draw_node(pen, node, replace(f, rows=())))
    return f, {"w": f.width, "h": f.height, "m": f.margin, "base": base, "rows": rows}


def plain(svg: str) -> str:
    """A drawing without the colours that the page's classes give it anyway."""
    return re.sub(r'(?: (?:fill|stroke)="#[0-9a-fA-F]{6}")+(?= class="mg-)', "", svg)
