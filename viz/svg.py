"""The SVG writer: lays a picture out and draws it. It knows the picture's graph and no engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import networkx as nx

from viz import edges, words
from viz.blocks import blocks_of, stand
from viz.edges import Rect, Wire
from viz.layout import Layout, Link, layout
from viz.legend import items, legend
from viz.pen import Pen, Point, attributes, coordinate, curve, document, group, place
from viz.records import Face, draw_node, face
from viz.summary import Summary
from viz.text import fit, number, one_line, width, xml
from viz.theme import style

MARGIN = 26.0
NARROWEST = 520.0  # so that title and legend have room beside a slim graph
RANKSEP = {"TB": 30.0, "LR": 78.0}  # in the second, labels lie along the edges
NODESEP = 26.0
ARROW = 7.5


def write(
    graph: nx.MultiDiGraph, theme: str, direction: str, engine: str | None, timeout: float
) -> str:
    """The picture of a graph as the text of an SVG file.

    Args:
        graph: as `viz.picture.build` makes it.
        theme, direction, engine, timeout: as for `viz.draw`.
    """
    faces = {name: face(node, direction) for name, node in graph.nodes(data=True)}
    wires = wires_of(graph)
    blocks, home = blocks_of(graph, faces, direction)
    links = [
        Link(wire.id, home[wire.tail], home[wire.head])
        for wire in wires
        if home[wire.tail] != home[wire.head]
    ]
    placed = layout(
        [block.box for block in blocks], links, direction=direction, engine=engine,
        timeout=timeout, ranksep=RANKSEP[direction], nodesep=NODESEP,
    )  # fmt: skip
    boxes: dict[str, Rect] = {}
    for block in blocks:
        boxes |= stand(block, placed.positions[block.box.id], faces, direction)
    run_wires(wires, boxes, faces, graph, placed, direction)
    edges.put_labels(wires, boxes)
    return assemble(Pen(theme), graph, faces, boxes, wires, placed)


def order(key: str) -> tuple[int, float]:
    """Edges come by operation, then by operand, its result last."""
    _, op, index = key.split("-")
    return int(op), math.inf if index == "out" else int(index)


def wires_of(graph: nx.MultiDiGraph) -> list[Wire]:
    wires = []
    for tail, head, key, edge in sorted(
        graph.edges(keys=True, data=True), key=lambda edge: order(edge[2])
    ):
        if edge["out"]:
            flows = graph.nodes[tail]["step"] is not None
            g = graph.nodes[head]["gradient"]
            wires.append(Wire(key, tail, head, flows and g is not None))
            continue
        x = edge["contribution"]
        wire = Wire(key, tail, head, x is not None)
        if x is not None:
            wire.label, wire.thick = label_of(x), thickness(x)
        wires.append(wire)
    return wires


def label_of(x: Summary) -> str:
    if x.size == 1:
        return number(x.total)
    return x.flaw or f"‖·‖ {number(x.norm, 3)}"


def thickness(x: Summary) -> float:
    """The width of a backward edge: from 1.2 px at an RMS of 1e-6 to 4.8 px at 1 and above."""
    if not math.isfinite(x.rms) or x.rms == 0:
        return 1.2
    return 1.2 + 0.6 * min(max(math.log10(x.rms) + 6.0, 0.0), 6.0)


def run_wires(
    wires: list[Wire],
    boxes: Mapping[str, Rect],
    faces: Mapping[str, Face],
    graph: nx.MultiDiGraph,
    placed: Layout,
    direction: str,
) -> None:
    """Gives the wires their curves, in the picture's own frame."""

    def turned(rect: Rect) -> Rect:
        return *edges.turn(direction, rect[:2]), *edges.turn(direction, rect[2:])

    frames = {name: turned(box) for name, box in boxes.items()}
    flat = {}
    for name, (left, top, right, bottom) in frames.items():
        pill = graph.nodes[name]["kind"] in ("operation", "tag")
        corner = min(14.0, (bottom - top) / 2, (right - left) / 2) if pill else 7.0
        flat[name] = max(right - left - 2 * corner - 4.0, 12.0)
    routes = {key: [edges.turn(direction, p) for p in r] for key, r in placed.routes.items()}
    straight = [(0.0, 0.0)] * 4  # within a block: from port to port
    routes |= {wire.id: straight for wire in wires if wire.id not in routes}
    edges.lay(wires, frames, flat, routes)
    for wire in wires:
        wire.forth = [edges.turn(direction, p) for p in wire.forth]
        wire.home = [edges.turn(direction, p) for p in wire.home]


def assemble(
    pen: Pen,
    graph: nx.MultiDiGraph,
    faces: Mapping[str, Face],
    boxes: Mapping[str, Rect],
    wires: list[Wire],
    placed: Layout,
) -> str:
    """Puts title, banner, edges, nodes and legend together."""
    left, top, right, bottom = extent(boxes, wires)
    inner = max(right - left, NARROWEST)
    head, head_height = heading(pen, graph, inner)
    tabled = any(f.form in ("table", "map") for f in faces.values())
    key, key_height = legend(pen, items(graph, tabled), inner)
    across = inner + 2 * MARGIN
    shift = MARGIN + (inner - right + left) / 2 - left, MARGIN + head_height - top
    below = MARGIN + head_height + bottom - top + 22.0
    down = below + key_height + 14.0
    whole = [
        f"<title>{xml(graph.graph['title'])}</title>",
        f"<desc>{xml(description(graph))}</desc>",
        style(pen.theme),
        pen.rect(0, 0, across, down, fill="canvas"),
        f'<g transform="translate({MARGIN:g},{MARGIN:g})">{head}</g>',
        f'<g transform="translate({coordinate(shift[0])},{coordinate(shift[1])})">',
        *body(pen, graph, faces, boxes, wires),
        "</g>",
        pen.path(f"M{place((MARGIN, below))}H{coordinate(across - MARGIN)}", stroke="hair"),
        f'<g transform="translate({MARGIN:g},{coordinate(below + 12)})">{key}</g>',
    ]
    data = {
        "steps": graph.graph["steps"],
        "stale": "true" if graph.graph["stale"] else None,
        "changed": ", ".join(graph.graph["changed"]) or None,
        "layout": placed.engine,
    }
    return document(across, down, attributes(data), whole, pen.theme)


def extent(boxes: Mapping[str, Rect], wires: list[Wire]) -> Rect:
    """The rectangle that holds every box, curve and label."""
    rects = list(boxes.values())
    for wire in wires:
        rects += [(x, y, x, y) for x, y in (*wire.forth, *wire.home)]
        if wire.spot:
            half = width(wire.label, edges.TEXT) / 2
            rects.append((wire.spot[0] - half, wire.spot[1], wire.spot[0] + half, wire.spot[1]))
    lefts, tops, rights, bottoms = zip(*rects, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def body(
    pen: Pen,
    graph: nx.MultiDiGraph,
    faces: Mapping[str, Face],
    boxes: Mapping[str, Rect],
    wires: list[Wire],
) -> list[str]:
    """Edges first, then nodes, then labels: nothing hides a number."""
    ends = {key: (graph.nodes[op], edge) for _, op, key, edge in graph.edges(keys=True, data=True)}
    parts = []
    for wire in wires:
        title, data = words.of_edge(graph, wire.tail, wire.head, wire.id)
        parts.append(group(data, title, draw_wire(pen, wire)))
    for name, node in graph.nodes(data=True):
        title, data = about(graph, name, node, ends)
        f, (x, y, _, _) = faces[name], boxes[name]
        at = f' transform="translate({coordinate(x + f.margin)},{coordinate(y + f.margin)})"'
        parts.append(group(data, title, [draw_node(pen, node, f)], at))
    for wire in wires:
        if wire.spot:
            x, y = wire.spot
            parts.append(
                pen.text(x, y + 3.5, wire.label, size=edges.TEXT, fill="grad-ink", anchor="middle",
                         halo="canvas")
            )  # fmt: skip
    return parts


def about(
    graph: nx.MultiDiGraph, name: str, node: Mapping[str, Any], ends: Mapping[str, Any]
) -> tuple[str, dict]:
    if node["kind"] == "operation":
        return words.of_operation(name, node)
    if node["kind"] == "tag":
        return words.of_tag(name, node, graph)
    return words.of_record(graph, name, ends)


def draw_wire(pen: Pen, wire: Wire) -> list[str]:
    """The forward edge, and the backward edge beside it if a gradient flows."""
    line, tip = pointed(wire.forth, ARROW)
    parts = [pen.path(curve(line), stroke="line", line=1.3)]
    parts.append(pen.path(arrow(*tip, 3.4), fill="line"))
    if wire.home:
        size = 6.5 + wire.thick
        line, tip = pointed(wire.home, size)
        dash = "5 3" if wire.label else "3 3"
        parts.append(pen.path(curve(line), stroke="grad", line=wire.thick, dash=dash))
        parts.append(pen.path(arrow(*tip, 2.6 + wire.thick * 0.75), fill="grad"))
    return parts


def pointed(points: list[Point], size: float) -> tuple[list[Point], tuple[Point, Point]]:
    """A curve that ends where its arrowhead begins, and the head's base and tip."""
    tip, before = points[-1], points[-2]
    dx, dy = tip[0] - before[0], tip[1] - before[1]
    length = math.hypot(dx, dy) or 1.0
    size = min(size, length)
    base = tip[0] - dx / length * size, tip[1] - dy / length * size
    return [*points[:-1], base], (base, tip)


def arrow(base: Point, tip: Point, half: float) -> str:
    dx, dy = tip[0] - base[0], tip[1] - base[1]
    length = math.hypot(dx, dy) or 1.0
    nx_, ny = -dy / length * half, dx / length * half
    one, other = (base[0] + nx_, base[1] + ny), (base[0] - nx_, base[1] - ny)
    return f"M{place(tip)}L{place(one)}L{place(other)}z"


def banner_words(graph: nx.MultiDiGraph) -> str:
    """What is said when the numbers are not those of the forward pass."""
    if not graph.graph["stale"]:
        return ""
    who = ", ".join(graph.graph["changed"])
    if who:
        who = ("leaf " if len(graph.graph["changed"]) == 1 else "leaves ") + who
    return f"{who or 'a leaf or constant'} changed since the forward pass: replayed with new values"


def subtitle(graph: nx.MultiDiGraph) -> str:
    steps = graph.graph["steps"]
    if steps:
        return f"{graph.graph['summary']} · backward step{'s 1–' if steps > 1 else ' '}{steps}"
    flow = "" if graph.graph["backward"] else " · no backward pass"
    return graph.graph["summary"] + flow


def description(graph: nx.MultiDiGraph) -> str:
    sums = [
        node["name"] or name
        for name, node in graph.nodes(data=True)
        if len(node.get("contributions") or ()) > 1
    ]
    text = f"The graph of a computation and of the gradients that flow back: {subtitle(graph)}."
    if sums:
        text += f" Gradients that are sums of several contributions: {', '.join(sums)}."
    banner = banner_words(graph)
    return text + (f" Warning: {banner}." if banner else "")


def heading(pen: Pen, graph: nx.MultiDiGraph, room: float) -> tuple[str, float]:
    """Title, summary and, if need be, the banner; at (0, 0), with its height."""
    title = fit(one_line(graph.graph["title"]), room, 16.0, True)
    parts = [pen.text(0, 13, title, size=16.0, bold=True)]
    parts.append(pen.text(0, 31, fit(subtitle(graph), room, 11.0), size=11.0, fill="muted"))
    banner = banner_words(graph)
    if not banner:
        return "".join(parts), 52.0
    parts.append(pen.rect(0, 42, room, 26, fill="warn", stroke="warn-line", radius=5.0))
    said = fit("⚠ " + one_line(banner), room - 20, 11.0, True)
    parts.append(pen.text(10, 59, said, size=11.0, bold=True, fill="warn-ink"))
    return "".join(parts), 88.0
