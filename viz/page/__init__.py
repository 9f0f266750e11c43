"""The interactive page of a picture: one file that needs no network and no framework.

Python writes the document, the legend and the widths of characters; the modules of this folder
are put together into one script, which lays out and draws what is open. Their files are plain ES
modules, read in the order of `_MODULES`, a folder's by "folder/module".
"""

from __future__ import annotations

import hashlib
import math
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from importlib.resources import files
from posixpath import dirname, normpath
from typing import Any

from viz.formats.document import Writer, text_of
from viz.formats.live import program
from viz.model.describe import Describer
from viz.model.elements import PictureModel
from viz.model.marks import Mark, put
from viz.style.text import width, xml
from viz.style.theme import COLOURS
from viz.svg.canvas import Canvas
from viz.svg.legend import legend
from viz.svg.records import MARKS
from viz.svg.river.key import key_to

_LIVE = (
    "live/ndarray", "live/special", "live/functions", "live/kernels", "live/engine",
    "live/summary", "live/training",
)  # fmt: skip
_DESK = ("live/controls", "live/fragment", "live/descend", "live/practice", "live/panel")
_MODULES = (
    "dom", "text", "model", "river/elements", "river/rooms", "river/lanes", "river/tracks",
    "river/arrangement", "river/score", "picture", "records", "cells", "looks", "placing",
    "canvas", "heatmap", "record", "painter", "drawing", "pointer", "viewport", "formula",
    *_LIVE, *_DESK, "stepper", "products", "panel", "chart", "search", "film", "main",
)  # fmt: skip
_LEGEND_WIDTH = 300
_CANVAS = Canvas("auto")


def page(
    describer: Describer,
    model: PictureModel,
    direction: str | None = None,
    theme: str = "auto",
    marks: Mapping[str, Mark] | None = None,
    highlight: Mapping[str, str] | None = None,
    film: Callable[[Writer, dict[str, Any]], dict[str, Any]] | None = None,
    samples: Mapping[str, Any] | None = None,
) -> str:
    """The page of a picture as the text of an HTML file.

    Args:
        describer, model: of the picture.
        direction: of the forward pass, "TB" or "LR"; None for what fits what is open.
        theme: "light", "dark" or "auto" to start with.
        marks, highlight: by id, as `viz.svg.Extras` has them.
        film: of the writer of the document and its contents, the member `film`.
        samples: that the page goes through, see `viz.formats.live`.
    """
    writer = Writer(describer)
    contents = writer.write(model, direction)
    if film is not None:  # its moments have other leaves than the graph has now
        contents["film"] = film(writer, contents)
    else:
        contents["live"] = program(describer.trace, describer.ids) | {"samples": samples}
    script = f'"use strict";\n(() => {{\n{"".join(map(_scoped, _MODULES))}}})();\n'
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    document = _embedded(contents)
    marked = {
        name: {"words": mark.words, "level": mark.level, "note": mark.note}
        for name, mark in _with_groups(marks or {}, writer).items()
    }
    annotations = {"marks": marked, "highlight": dict(highlight or {}), "levels": MARKS}
    parts = {
        "title": xml(contents["title"]) or "picture",
        "theme": theme,
        "policy": f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        "style": _palette() + _source("style.css"),
        "legend": _legend(contents),
        "document": document,
        "widths": _embedded(_widths(text_of(contents) + text_of(annotations) + script)),
        "annotations": _embedded(annotations),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _source("template.html"))


def _widths(text: str) -> dict[str, str]:
    """By their widths, regular and bold, all characters that the page can write."""
    out: dict[str, str] = {}
    for c in sorted({*text, "\N{REPLACEMENT CHARACTER}"}):
        if c.isprintable():
            key = f"{width(c, 1.0):g} {width(c, 1.0, True):g}"
            out[key] = out.get(key, "") + c
    return out


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
    kinds = {x["kind"] for x in tensors}
    there = {
        "value": contents["operations"],
        "flow": contents["contributions"],
        "learns": kinds & {"parameter", "leaf"},
        "constant": "constant" in kinds,
        "group": len(contents["groups"]) > 1,
        "sum": sums,
        "shared": any(group["shared"] for group in contents["groups"].values()),
        "array": any(math.prod(x["shape"]) > 1 for x in tensors),
    }
    besides = {"cells"} | ({"step"} if contents["steps"] else set())
    found = key_to({what for what, is_there in there.items() if is_there}, besides)
    text, height = legend(_CANVAS, found, _LEGEND_WIDTH)
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
