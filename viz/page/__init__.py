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

from microgradnd.graph import Node
from viz.formats.document import Writer, text_of
from viz.model.describe import Describer
from viz.model.elements import PictureModel, Tag
from viz.model.marks import Mark, put
from viz.style.text import xml
from viz.style.theme import COLOURS
from viz.svg.badges import draw_mark
from viz.svg.canvas import Canvas
from viz.svg.legend import items, legend
from viz.svg.nodes import draw_node, measured
from viz.svg.records import Measures, row

MODULES = (
    "model", "dom", "view", "layered", "layout", "drawing", "pointer", "viewport", "heatmap", "formula",
    "stepper", "panel", "chart", "search", "main",
)  # fmt: skip
LEGEND = 300.0


def page(
    describer: Describer,
    model: PictureModel,
    direction: str = "TB",
    theme: str = "auto",
    marks: Mapping[str, Mark] | None = None,
    highlight: Mapping[str, str] | None = None,
) -> str:
    """The page of a picture as the text of an HTML file.

    Args:
        describer, model: of the picture.
        direction: of the forward pass, "TB" or "LR".
        theme: "light", "dark" or "auto" to start with.
        marks, highlight: by id, as `viz.svg.Extras` has them.
    """
    writer = Writer(describer)
    contents = writer.write(model, direction)
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
    tensors = contents["tensors"].values()
    sums = any(len(x["contributions"]) + (x["seed"] is not None) > 1 for x in tensors)
    there = {
        "tag": any(len(x["uses"]) > 1 for x in tensors), "operation": contents["operations"],
        "edge": contents["operations"], "group": len(contents["groups"]) > 1,
        "box": len(contents["groups"]) > 1, "step": contents["steps"], "sum": sums, "cells": True,
    }  # fmt: skip
    kinds = {x["kind"] for x in tensors} | {what for what, is_there in there.items() if is_there}
    text, height = legend(Canvas("auto"), items(kinds), LEGEND)
    size = f'width="{LEGEND:g}" height="{height:g}" viewBox="0 0 {LEGEND:g} {height:g}"'
    return f'<svg {size} role="img" aria-label="legend">{text}</svg>'


def looks_of(
    writer: Writer,
    seen: Mapping[str, tuple[Measures, Any]],
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
    canvas = Canvas("auto")
    return {
        "marks": {
            name: {
                "words": mark.words,
                "svg": plain(draw_mark(canvas, seen[name][0], mark)) if name in seen else "",
            }
            for name, mark in marks.items()
        },
        "highlight": dict(highlight),
    }


def faces(
    writer: Writer, contents: Mapping[str, Any], direction: str
) -> dict[str, tuple[Measures, Any]]:
    """Every node that can be visible, drawn by the still picture's writer, by id; tags by "t-1-u".

    A face has w and h, its margin m, `base` and `rows`: what of it shows data or a gradient.
    """
    describer, ids = writer.describer, writer.ids
    canvas, out = Canvas("auto"), dict[str, tuple[Measures, Any]]()
    for node in writer.shown:
        operation = describer.operation(node)
        out[operation.id] = drawn(canvas, operation, direction)
    for key, name in ids.tensors.items():
        if name in contents["tensors"]:
            record = describer.record(key)
            arrivals = writer.arrivals.get(key, ()) if isinstance(key, Node) else ()
            record = replace(record, contributions=tuple(arrivals))
            out[name] = drawn(canvas, record, direction)
            shown = not isinstance(key, Node) or describer.in_focus(key)
            if not shown or len(writer.trace.nesting.uses.get(key, ())) > 1:
                tag = Tag(f"{name}-u", name, record.name, record.shape, shown)
                out[tag.id] = drawn(canvas, tag, direction)
    for group in writer.groups:
        if group.parent is not None and any(map(describer.in_focus, group.nodes())):
            closed = describer.closed_group(group)
            out[group.id] = drawn(canvas, closed, direction)
            out[group.id][1]["of"] = closed.results[0].id if closed.results else None
    return out


def drawn(canvas: Canvas, node: Any, direction: str) -> tuple[Measures, dict[str, Any]]:
    f = measured(node, direction)
    rows = [
        {"kind": part.label, "svg": plain(row(canvas, part, f.form)), "x": part.x, "y": part.y,
         "height": part.height}
        for part in f.rows
    ]  # fmt: skip
    base = plain(draw_node(canvas, node, replace(f, rows=())))
    return f, {"w": f.width, "h": f.height, "m": f.margin, "base": base, "rows": rows}


def plain(svg: str) -> str:
    """A drawing without the colours that the page's classes give it anyway."""
    return re.sub(r'(?: (?:fill|stroke)="#[0-9a-fA-F]{6}")+(?= class="mg-)', "", svg)
