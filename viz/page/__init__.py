"""The interactive page of a picture: one file that needs no network and no framework.

Python writes the document, the glyphs of all nodes and the legend; the modules of this folder are
put together into one script. Their files are plain ES modules, read in the order of `_MODULES`,
a folder's by "folder/module".
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.resources import files
from posixpath import dirname, normpath
from typing import Any

from microgradnd.graph import Node
from viz.formats.document import Writer, text_of
from viz.formats.live import program
from viz.model import elements
from viz.model.describe import Describer
from viz.model.marks import Mark, put
from viz.style.text import xml
from viz.style.theme import COLOURS
from viz.svg.canvas import Canvas
from viz.svg.legend import items, legend
from viz.svg.nodes import draw_node, measured
from viz.svg.records import Measures, draw_mark, row

_LIVE = tuple(f"live/{name}" for name in ("ndarray", "special", "functions", "kernels", "engine"))
_MODULES = (
    *_LIVE,
    "dom", "model", "river/elements", "river/rooms", "river/lanes", "river/tracks",
    "river/arrangement", "river/score", "view", "layered", "layout", "drawing", "pointer",
    "viewport", "cells", "heatmap", "formula", "stepper", "panel", "chart", "search", "film",
    "main",
)  # fmt: skip
_LEGEND_WIDTH = 300
_CANVAS = Canvas("auto")


def page(
    describer: Describer,
    model: elements.PictureModel,
    direction: str = "TB",
    theme: str = "auto",
    marks: Mapping[str, Mark] | None = None,
    highlight: Mapping[str, str] | None = None,
    film: Callable[[Writer, dict[str, Any]], dict[str, Any]] | None = None,
) -> str:
    """The page of a picture as the text of an HTML file.

    Args:
        describer, model: of the picture.
        direction: of the forward pass, "TB" or "LR".
        theme: "light", "dark" or "auto" to start with.
        marks, highlight: by id, as `viz.svg.Extras` has them.
        film: of the writer of the document and its contents, the member `film`.
    """
    writer = Writer(describer)
    contents = writer.write(model, direction)
    if film is not None:  # its moments have other leaves than the graph has now
        contents["film"] = film(writer, contents)
    else:
        contents["live"] = program(describer.trace, describer.ids)
    script = f'"use strict";\n(() => {{\n{"".join(map(_scoped, _MODULES))}}})();\n'
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    glyphs = {name: _glyph(node, direction) for name, node in _nodes(writer, contents).items()}
    marked = {}
    for name, mark in _with_groups(marks or {}, writer).items():
        svg = _plain(draw_mark(_CANVAS, glyphs[name][0], mark)) if name in glyphs else ""
        marked[name] = {"words": mark.words, "svg": svg}
    parts = {
        "title": xml(contents["title"]) or "picture",
        "theme": theme,
        "policy": f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        "style": _palette() + _source("style.css"),
        "legend": _legend(contents),
        "document": _embedded(contents),
        "glyphs": _embedded({name: glyph for name, (_, glyph) in glyphs.items()}),
        "annotations": _embedded({"marks": marked, "highlight": dict(highlight or {})}),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _source("template.html"))


def _source(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _scoped(name: str) -> str:
    """A module in a scope of its own, as a constant that holds what it exports."""
    text = _source(f"{name}.js")
    exports = re.findall(r"^export (?:class|function|const) ([\w$]+)", text, flags=re.M)

    def bound(found: re.Match[str]) -> str:
        return f"const {found[1]} = {_scope(normpath(f'{dirname(name)}/{found[2]}').lstrip('/'))};"

    text = re.sub(r'^import (\{[^}]*\}) from "([^"]*)\.js";', bound, text, flags=re.M)
    text = re.sub(r"^export ", "", text, flags=re.M)
    return f"const {_scope(name)} = (() => {{\n{text}return {{{', '.join(exports)}}};\n}})();\n"


def _scope(name: str) -> str:
    """The constant of a module, which may lie in a folder: "river/lanes" is of_river_lanes."""
    return f"of_{name.replace('/', '_')}"


def _embedded(contents: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return text_of(contents).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _palette() -> str:
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


def _legend(contents: Mapping[str, Any]) -> str:
    """The legend as drawings: of all that can be visible, whatever is open."""
    tensors = contents["tensors"].values()
    sums = any(len(x["contributions"]) + (x["seed"] is not None) > 1 for x in tensors)
    there = {
        "tag": any(len(x["uses"]) > 1 for x in tensors), "operation": contents["operations"],
        "edge": contents["operations"], "group": len(contents["groups"]) > 1,
        "box": len(contents["groups"]) > 1, "step": contents["steps"], "sum": sums, "cells": True,
    }  # fmt: skip
    kinds = {x["kind"] for x in tensors} | {what for what, is_there in there.items() if is_there}
    text, height = legend(_CANVAS, items(kinds), _LEGEND_WIDTH)
    size = f'width="{_LEGEND_WIDTH}" height="{height:g}" viewBox="0 0 {_LEGEND_WIDTH} {height:g}"'
    return f'<svg {size} role="img" aria-label="legend">{text}</svg>'


def _with_groups(marks: Mapping[str, Mark], writer: Writer) -> dict[str, Mark]:
    """Marks by id, where groups bear those of all that is in them."""
    out, ids = dict(marks), writer.ids
    for group in writer.groups:
        for node in group.nodes() if group.parent is not None else ():
            for name in (ids.operations[node], ids.tensors[node]):
                if name in marks:
                    put(out, group.id, marks[name])
    return out


def _nodes(writer: Writer, contents: Mapping[str, Any]) -> dict[str, elements.Node]:
    """Every node that can be visible, by id; tags by "t-1-u"."""
    describer, ids = writer.describer, writer.ids
    found: dict[str, elements.Node] = {x.id: x for x in map(describer.operation, writer.shown)}
    for key, name in ids.tensors.items():
        if name in contents["tensors"]:
            record = describer.record(key)
            arrivals = writer.arrivals.get(key, ()) if isinstance(key, Node) else ()
            found[name] = replace(record, contributions=tuple(arrivals))
            shown = not isinstance(key, Node) or describer.in_focus(key)
            if not shown or len(writer.trace.nesting.uses.get(key, ())) > 1:
                tag = f"{name}-u"
                found[tag] = elements.Tag(tag, name, record.name, record.shape, shown)
    for group in writer.groups:
        if group.parent is not None and any(map(describer.in_focus, group.nodes())):
            found[group.id] = describer.closed_group(group)
    return found


def _glyph(node: elements.Node, direction: str) -> tuple[Measures, dict[str, Any]]:
    """A node's measures and drawing at the origin.

    Its width w, height h, margin m, `base` and `rows` (data, gradient); `of` is a group's result.
    """
    f = measured(node, direction)
    rows = [
        {"kind": part.label, "svg": _plain(row(_CANVAS, part, f.form)), "x": part.x, "y": part.y,
         "height": part.height}
        for part in f.rows
    ]  # fmt: skip
    base = _plain(draw_node(_CANVAS, node, replace(f, rows=())))
    results = node.results if isinstance(node, elements.ClosedGroup) else ()
    of = results[0].id if results else None
    return f, {"w": f.width, "h": f.height, "m": f.margin, "base": base, "rows": rows, "of": of}


def _plain(svg: str) -> str:
    """A drawing without the colours that the page's classes give it anyway."""
    return re.sub(r'(?: (?:fill|stroke)="#[0-9a-fA-F]{6}")+(?= class="mg-)', "", svg)
