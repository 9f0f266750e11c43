"""Closed groups: a module, a repetition or a chain as one node; the stub of what is elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from viz.style.text import fit, number, one_line, plural, shape_of, width
from viz.svg.pen import Pen
from viz.svg.records import (
    HEADER,
    INDENT,
    PAD,
    WIDEST,
    Face,
    Row,
    chip,
    even,
    form_of,
    inner_width,
    row,
    rows_of,
    so_far,
)

LINE = 13.0  # from one line of small text to the next
STACK = 4.0  # how far the cards of a repetition stand off each other


def face_of_group(node: Mapping[str, Any], direction: str) -> Face:
    """The measures of a closed group: title, shapes, parameters and its main result's rows."""
    cards = 2 * STACK if node["module"] == "repeat" else 0.0
    y = HEADER + LINE * len(captions(node)) + 4.0
    texts = [width(line, 9.5) + 2 * PAD for line in captions(node)]
    head = width(title_of_group(node), 12.0, True) + width(kind_of_group(node), 9.5)
    across = min(max([head + 12.0 + 2 * PAD + chip_of_group(node)[1], *texts, 96.0]), WIDEST + 40)
    form, rows = "", list[Row]()
    if node["results"]:
        result = node["results"][0]
        form = form_of(result["shape"])
        parts = [("out", result["value"]), ("grad", result["gradient"])]
        room = INDENT + inner_width(result["shape"], form, [x for _, x in parts if x]) + PAD
        across = even(max(across, room))
        rows, y = rows_of(parts, result["shape"], form, across, y, abreast=False)
    return Face(even(across), y + 4.0, tuple(rows), form, "", cards)


def title_of_group(node: Mapping[str, Any]) -> str:
    return one_line(node["name"]) or node["module"]


def kind_of_group(node: Mapping[str, Any]) -> str:
    """What a group is, in a word or two; a repetition says honestly what is repeated."""
    if node["module"] == "repeat":
        return f"×{node['count']} the same" if node["shared"] else f"{node['count']} alike"
    return {"step": "", "steps": "", "chain": "chain", "stretch": ""}.get(
        node["module"], one_line(node["module"])
    )


def title_of_box(cluster: Mapping[str, Any]) -> str:
    """The title of an open group."""
    kind = kind_of_group(cluster) if cluster["name"] != cluster["module"] else ""
    return one_line(f"{cluster['name']}  {kind}".strip())


def captions(node: Mapping[str, Any]) -> list[str]:
    """The lines below the title: shapes in and out, parameters and their gradient."""
    given = [shape_of(shape) for _, _, shape in node["inputs"]]
    made = [shape_of(record["shape"]) for record in node["results"]]
    lines = [f"{some(given)} → {some(made)}"]
    count = sum(math.prod(record["shape"]) for record in node["parameters"]
                if record["kind"] != "constant")  # fmt: skip
    words = [plural(node["operations"], "operation")]
    if count:
        words.append(f"{count:,} parameters")
    lines.append(" · ".join(words))
    if node["results"] and so_far(node["results"][0]):
        lines[-1] = f"grad: {so_far(node['results'][0])}"
    rms = parameter_rms(node)
    if rms is not None:
        lines.append(f"their gradient: RMS {number(rms, 3)}")
    return lines


def some(shapes: list[str]) -> str:
    return ", ".join(shapes[:2]) + (f" +{len(shapes) - 2}" if len(shapes) > 2 else "")


def parameter_rms(node: Mapping[str, Any]) -> float | None:
    """The root mean square of all gradients of a group's parameters."""
    some = [record["gradient"] for record in node["parameters"] if record["gradient"] is not None]
    size = sum(x.size for x in some)
    return math.sqrt(sum(x.norm**2 for x in some) / size) if size else None


def chip_of_group(node: Mapping[str, Any]) -> tuple[str, float]:
    """The backward steps in a group, and the room their chip takes."""
    if node["steps"] is None:
        return "", 0.0
    first, last = node["steps"]
    text = str(first) if first == last else f"{first}–{last}"
    return text, width(text, 10.0, True) + 15.0


def draw_group(pen: Pen, node: Mapping[str, Any], f: Face) -> str:
    """A closed group at the origin; a repetition is a pile of cards."""
    parts = []
    for shift in (2 * STACK, STACK) if f.margin else ():
        parts.append(
            pen.rect(0.5 + shift, 0.5 - shift, f.width - 1, f.height - 1, fill="group",
                     stroke="group-line", radius=6.0)
        )  # fmt: skip
    dash = "" if node["module"] not in ("chain", "stretch", "steps") else "7 3"
    parts.append(
        pen.rect(0.5, 0.5, f.width - 1, f.height - 1, fill="group", stroke="group-line", line=1.6,
                 radius=6.0, dash=dash)
    )  # fmt: skip
    text, wide = chip_of_group(node)
    right = f.width - PAD
    if text:
        parts.append(chip(pen, text, right - wide + 6.0, 12.0, wide - 6.0, node))
        right -= wide
    kind = kind_of_group(node)
    room = right - PAD - (width(kind, 9.5) + 8.0 if kind else 0.0)
    title = fit(title_of_group(node), room, 12.0, True)
    parts.append(pen.text(PAD, 15.5, title, size=12.0, bold=True))
    parts.append(pen.text(PAD + width(title, 12.0, True) + 7.0, 15.3, kind, size=9.5, fill="muted"))
    for k, line in enumerate(captions(node)):
        line = fit(line, f.width - 2 * PAD, 9.5)
        parts.append(pen.text(PAD, HEADER + 9.0 + k * LINE, line, size=9.5, fill="muted"))
    parts += [row(pen, part, f.form) for part in f.rows]
    return "".join(parts)


def face_of_stub(node: Mapping[str, Any], direction: str) -> Face:
    return Face(even(width(stub_label(node), 10.0) + 18.0), 20.0)


def stub_label(node: Mapping[str, Any]) -> str:
    return f"⋯ {plural(node['uses'], 'use')} elsewhere"


def draw_stub(pen: Pen, node: Mapping[str, Any], f: Face) -> str:
    """What stands for the uses of a tensor that are not in focus."""
    box = pen.rect(0.5, 0.5, f.width - 1, f.height - 1, stroke="line", radius=9.5, dash="2 3")
    return box + pen.text(f.width / 2, 13.5, stub_label(node), fill="muted", anchor="middle")
