"""The SVG writer: lays a picture out and draws it. It knows the picture's model and no engine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from viz.capture.summary import Summary
from viz.layout import Frame, Layout, Link, edges, layout
from viz.layout.blocks import blocks_of, place_nodes
from viz.layout.edges import EdgePath, Rect
from viz.model.elements import ClosedGroup, Edge, Node, Operation, PictureModel, Tag, TensorRecord
from viz.model.snapshot import at_step
from viz.style.text import fit, number, width
from viz.svg import tooltips
from viz.svg.canvas import Canvas, Point, coordinate, curve, group, place
from viz.svg.legend import items, kinds_in
from viz.svg.nodes import draw_node, measured, title_of_box
from viz.svg.records import MARKS, Measures, draw_mark, footnote
from viz.svg.sheet import MOST_HELD, Extras, assembled, besides, filmed, stage_of

_RANKSEP = {"TB": 30.0, "LR": 78.0}  # in the second, labels lie along the edges
_ROOMY = 14.0  # more where groups are closed: edges leave them at a slant
_NODESEP = 26.0
_ARROW = 7.5


@dataclass(frozen=True)
class _Drawing:
    """A picture that is laid out: its nodes' measures and places, its edges' curves."""

    measures: Mapping[str, Measures]
    boxes: Mapping[str, Rect]
    paths: Sequence[EdgePath]
    placed: Layout

    @property
    def cells(self) -> set[str]:
        """What the legend says of heat-maps, if there are any."""
        tabled = any(f.form in ("table", "map") for f in self.measures.values())
        return {"cells"} if tabled else set()

    @property
    def extent(self) -> Rect:
        """The rectangle that holds every box, curve and label."""
        return _extent([*self.boxes.values(), *self.placed.frames.values()], self.paths)


def write(
    model: PictureModel, theme: str, direction: str, engine: str | None, timeout: float,
    step: int | None = None, extras: Extras | None = None,
) -> str:  # fmt: skip
    """A picture as the text of an SVG file, with the arguments of `viz.draw`."""
    drawing = _arrange(model, direction, engine, timeout)
    if step is not None:
        model, drawing = _stepped(model, drawing, step)
    return _assemble(Canvas(theme), model, drawing, extras or Extras())


def film(
    model: PictureModel, theme: str, direction: str, engine: str | None, timeout: float,
    steps: Sequence[int], columns: int,
) -> str:  # fmt: skip
    """Stages of a picture's backward pass side by side, as the text of an SVG file."""
    canvas, drawing = Canvas(theme), _arrange(model, direction, engine, timeout)
    left, top, right, bottom = drawing.extent
    stages = []
    for step in steps:
        stage, shown = _stepped(model, drawing, step)
        body = _body(canvas, stage, shown, Extras())
        stages.append((step, stage_of(step, model.steps), body))
    key = items(kinds_in(model) | drawing.cells)
    return filmed(canvas, model, stages, (right - left, bottom - top), columns, key, (left, top))


def _arrange(model: PictureModel, direction: str, engine: str | None, timeout: float) -> _Drawing:
    """Lays a picture out."""
    measures = {name: measured(node, direction) for name, node in model.nodes.items()}
    sizes = {name: f.size for name, f in measures.items()}
    paths = [_path_of(edge, model) for edge in model.edges.values()]
    blocks, home = blocks_of(model, sizes, direction)
    pairs = ((path.id, home[path.tail], home[path.head]) for path in paths)
    links = [Link(name, tail, head) for name, tail, head in pairs if tail != head]
    roomy = _ROOMY if any(model.of_kind(ClosedGroup)) else 0.0
    placed = layout(
        [block.box for block in blocks], links, frames=_frames_of(model), direction=direction,
        engine=engine, timeout=timeout, ranksep=_RANKSEP[direction] + roomy, nodesep=_NODESEP,
    )  # fmt: skip
    boxes: dict[str, Rect] = {}
    for block in blocks:
        boxes |= place_nodes(block, placed.positions[block.box.id], sizes, direction)
    _route_edges(paths, boxes, model, placed, direction)
    places = placed.frames
    titles = {f.id: _title_place(places[f.id], f.width) for f in _frames_of(model)}
    edges.put_labels(paths, {**boxes, **titles})
    return _Drawing(measures, boxes, paths, placed)


def _stepped(model: PictureModel, drawing: _Drawing, step: int) -> tuple[PictureModel, _Drawing]:
    """The picture when some backward steps are done, every node in its place."""
    stage = at_step(model, step)
    measures = {name: _restated(drawing.measures[name], node) for name, node in stage.nodes.items()}
    flowing = {edge.id: _path_of(edge, stage) for edge in stage.edges.values()}
    paths = []
    for path in drawing.paths:
        now = flowing[path.id]
        points, spot = (path.backward, path.label_at) if now.back else ([], None)
        paths.append(replace(path, back=now.back, label=now.label, backward=points, label_at=spot))
    return stage, replace(drawing, measures=measures, paths=paths)


def _restated(f: Measures, node: Node) -> Measures:
    """The measures of a node with the gradient that is known at a stage."""
    record = node.results[0] if isinstance(node, ClosedGroup) and node.results else node
    if not isinstance(record, TensorRecord):
        return f
    rows = [replace(row, summary=record.gradient) if row.label == "grad" else row for row in f.rows]
    foot = footnote(record) if f.foot else ""
    return replace(f, rows=tuple(rows), foot=foot)


def _frames_of(model: PictureModel) -> list[Frame]:
    """The boxes of open groups, the outer before the inner."""
    return [Frame(g.id, width(title_of_box(g), 11.0, True), g.box) for g in model.groups]


def _title_place(frame: Rect, wide: float) -> Rect:
    left, top, right, _ = frame
    return left + 7, top + 4, min(left + 11 + wide, right), top + 19


def _path_of(edge: Edge, model: PictureModel) -> EdgePath:
    """How an edge is drawn: whether something flows back, its label and its width."""
    path = EdgePath(edge.id, edge.tail, edge.head, edge.contribution is not None)
    if edge.out:
        op, result = model.nodes[edge.tail], model.nodes[edge.head]
        assert isinstance(op, Operation)
        assert isinstance(result, TensorRecord)
        walked = op.step is not None and op.state != "pending"
        path.back = walked and result.gradient is not None
    elif edge.merged:
        path.back, path.label = bool(edge.flowing), f"{len(edge.merged)} tensors"
        if edge.flowing:
            path.label += f", ‖·‖ {number(edge.norm, 3)}"
            size = sum(x.size for x in edge.flowing)
            path.thick = _thickness(edge.norm / math.sqrt(max(size, 1)))
    elif edge.contribution is not None:
        path.label = edge.label or label_of(edge.contribution)
        path.thick = _thickness(edge.contribution.rms)
    return path


def label_of(x: Summary) -> str:
    if x.size == 1:
        return number(x.total)
    return x.flaw or f"‖·‖ {number(x.norm, 3)}"


def _thickness(rms: float) -> float:
    """The width of a backward edge: from 1.2 px at an RMS of 1e-6 to 4.8 px at 1 and above."""
    if not math.isfinite(rms) or rms == 0:
        return 1.2
    return 1.2 + 0.6 * min(max(math.log10(rms) + 6.0, 0.0), 6.0)


def _route_edges(
    paths: list[EdgePath], boxes: Mapping[str, Rect], model: PictureModel, placed: Layout,
    direction: str,
) -> None:  # fmt: skip
    """Gives the paths their curves, in the picture's own frame."""

    def transposed(rect: Rect) -> Rect:
        return *edges.transpose(direction, rect[:2]), *edges.transpose(direction, rect[2:])

    frames = {name: transposed(box) for name, box in boxes.items()}
    flat = {}
    for name, (left, top, right, bottom) in frames.items():
        round_ = isinstance(model.nodes[name], (Operation, Tag))
        corner = min(14.0, (bottom - top) / 2, (right - left) / 2) if round_ else 7.0
        flat[name] = max(right - left - 2 * corner - 4.0, 12.0)
    routes = {key: [edges.transpose(direction, p) for p in r] for key, r in placed.routes.items()}
    straight = [(0.0, 0.0)] * 4  # within a block: from port to port
    routes |= {path.id: straight for path in paths if path.id not in routes}
    edges.lay_out(paths, frames, flat, routes)
    for path in paths:
        path.forward = [edges.transpose(direction, p) for p in path.forward]
        path.backward = [edges.transpose(direction, p) for p in path.backward]


def _assemble(canvas: Canvas, model: PictureModel, drawing: _Drawing, extras: Extras) -> str:
    """Puts title, banner, edges, nodes, strip and legend together."""
    parts = _body(canvas, model, drawing, extras)
    kinds = kinds_in(model) | drawing.cells
    return assembled(canvas, model, parts, drawing.extent, extras, items(kinds | besides(extras)),
                     drawing.placed.engine)  # fmt: skip


def _frames(canvas: Canvas, model: PictureModel, placed: Layout) -> list[str]:
    """The boxes of open groups, under everything else."""
    parts = []
    for cluster in model.groups:
        left, top, right, bottom = placed.frames[cluster.id]
        title, data = tooltips.of_open_group(cluster)
        size = right - left, bottom - top
        box = canvas.rect(left, top, *size, 10.0, fill="box", stroke="box-line")
        name = fit(title_of_box(cluster), right - left - 16.0, 11.0, True)
        text = canvas.text(left + 9, top + 15, name, size=11.0, bold=True, fill="muted")
        parts.append(group(data, title, [box, text]))
    return parts


def _extent(rects: list[Rect], paths: Sequence[EdgePath]) -> Rect:
    for path in paths:
        rects += [(x, y, x, y) for x, y in (*path.forward, *path.backward)]
        if path.label_at:
            half = width(path.label, edges.TEXT) / 2
            x, y = path.label_at
            rects.append((x - half, y, x + half, y))
    lefts, tops, rights, bottoms = zip(*rects, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _body(canvas: Canvas, model: PictureModel, drawing: _Drawing, extras: Extras) -> list[str]:
    """Boxes and edges first, then nodes, then labels: nothing hides a number."""
    parts = _frames(canvas, model, drawing.placed)
    for path in drawing.paths:
        title, data = tooltips.of_edge(model.edges[path.id], model)
        mark = extras.marks.get(path.id)
        title = f"{title}\n{mark.words}" if mark else title
        lines = [*_glow(canvas, path, extras), *_draw_edge(canvas, path)]
        parts.append(group(data, title, lines))
    for node in model.nodes.values():
        parts.append(_draw_at(canvas, node, model, drawing, extras))
    for path in drawing.paths:
        words_there = extras.highlight.get(path.id)
        if path.label_at and not words_there:
            parts.append(_label(canvas, path.label_at, path.label, "grad-ink"))
        elif words_there:
            spot = path.label_at or edges.along(path.forward, 0.5)
            parts.append(_label(canvas, spot, words_there, "ink"))
    return parts


def _glow(canvas: Canvas, path: EdgePath, extras: Extras) -> list[str]:
    """What lies under an edge that is marked or highlighted."""
    mark, lit = extras.marks.get(path.id), path.id in extras.highlight
    if mark is not None:
        return [canvas.path(curve(path.forward), stroke=MARKS[mark.level][0], line=6.0)]
    return [canvas.path(curve(path.forward), stroke="glow", line=9.0)] if lit else []


def _label(canvas: Canvas, spot: Point, text: str, ink: str) -> str:
    look = {"fill": ink, "halo": "canvas"}
    x, y = spot[0], spot[1] + 3.5
    return canvas.text(x, y, text, size=edges.TEXT, bold=ink == "ink", anchor="middle", **look)


def _draw_at(
    canvas: Canvas, node: Node, model: PictureModel, drawing: _Drawing, extras: Extras
) -> str:
    """A node in its place, with its mark and what the group holds."""
    name = node.id
    title, data = tooltips.of_node(node, model)
    f, (x, y, _, _) = drawing.measures[name], drawing.boxes[name]
    parts = []
    if name in extras.highlight:
        parts.append(canvas.border(f.width, f.height, -5.0, 12.0, stroke="glow", line=6.0))
    held = [*node.results, *node.parameters] if isinstance(node, ClosedGroup) else []
    parts += [draw_node(canvas, node, f)]
    parts += [group(tooltips.of_record(record, model)[1], "", []) for record in held[:MOST_HELD]]
    mark = extras.marks.get(name)
    if mark is not None:
        parts.append(draw_mark(canvas, f, mark))
        data, title = {**data, "mark": mark.level}, f"{title}\n{mark.words}".strip()
    at = f' transform="translate({coordinate(x + f.margin)},{coordinate(y + f.margin)})"'
    return group(data, title, parts, at)


def _draw_edge(canvas: Canvas, path: EdgePath) -> list[str]:
    """The forward edge, and the backward edge beside it if a gradient flows."""
    parts = _pointed(canvas, path.forward, "line", _ARROW, 3.4, 1.3)
    if path.backward:
        thick, dash = path.thick, "5 3" if path.label else "3 3"
        size, half = 6.5 + thick, 2.6 + thick * 0.75
        parts += _pointed(canvas, path.backward, "grad", size, half, thick, dash)
    return parts


def _pointed(
    canvas: Canvas, points: list[Point], role: str, size: float, half: float, line: float,
    dash: str = "",
) -> list[str]:  # fmt: skip
    """A curve that ends where its arrowhead begins, so long and half so wide, and the head."""
    tip, before = points[-1], points[-2]
    dx, dy = tip[0] - before[0], tip[1] - before[1]
    length = math.hypot(dx, dy) or 1.0
    size = min(size, length)
    base = tip[0] - dx / length * size, tip[1] - dy / length * size
    nx, ny = edges.normal(base, tip)
    one, other = [(base[0] - s * nx * half, base[1] - s * ny * half) for s in (1, -1)]
    head = f"M{place(tip)}L{place(one)}L{place(other)}z"
    shaft = canvas.path(curve([*points[:-1], base]), stroke=role, line=line, dash=dash)
    return [shaft, canvas.path(head, fill=role)]
