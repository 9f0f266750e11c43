"""Where the boxes of a picture go and how its links run.

Graphviz does the work in a process of its own under a wall-clock limit; our layered layout stands
in when it fails. Unit: px, one px being one Graphviz point.
"""

import logging
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from viz.layout import layered, nested
from viz.layout.graphviz_child import MISSING

logger = logging.getLogger("viz")

Point = tuple[float, float]
Rect = tuple[float, float, float, float]  # left, top, right, bottom
Placed = tuple[list[Point], list[list[Point]], list[Rect]]  # boxes' centres, links' routes, frames

_MARGIN = 8.0  # px around the drawing
_LARGE = 500  # boxes from which Graphviz is told to search less
HUGE = 1_500  # boxes above which Graphviz is not asked unless told to
_POINTS_PER_INCH = 72


class LayoutError(RuntimeError):
    """The layout engine is missing, failed, or did not finish in time."""


class MissingEngine(LayoutError):
    """The layout engine is not installed."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node to place; width and height in px; `frame` is the frame it stands in."""

    id: str
    width: float
    height: float
    frame: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A directed edge between the boxes `tail` and `head`; parallel links are allowed."""

    id: str
    tail: str
    head: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle around boxes and other frames, with room for a title of `width` px on top."""

    id: str
    width: float
    frame: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A finished layout, in px; y grows downward and every coordinate is at least 0.

    `positions` has the centre of each box by id; `routes` the 3k+1 cubic Bezier control points of
    each link by id, from the tail's border to the head's; `frames` the left, top, right and bottom
    of each frame. `engine` says who made it: "pygraphviz",
    "dot" or "layered"; `seconds` is the wall-clock time it took.
    """

    positions: dict[str, Point]
    routes: dict[str, list[Point]]
    width: float
    height: float
    engine: str
    seconds: float
    frames: dict[str, Rect] = field(default_factory=dict)


def layout(
    boxes: Sequence[Box], links: Sequence[Link], *, frames: Sequence[Frame] = (),
    direction: str = "TB", engine: str | None = None, timeout: float = 10.0,
    ranksep: float = 36.0, nodesep: float = 18.0,
) -> Layout:  # fmt: skip
    """Place boxes and route links, tails before heads along `direction` ("TB" or "LR").

    Graphviz is asked through pygraphviz, else through the `dot` executable, for at most `timeout`
    seconds. Where it fails or is not installed, and above 1,500 boxes, our layered layout is used
    and a line logged.
    An explicit `engine` ("pygraphviz", "dot" or "layered") is never replaced by another.
    `ranksep` and `nodesep` are the distances in px between ranks and between boxes of a rank.
    The same input gives the same layout.

    Raises ValueError for duplicate ids, links to unknown boxes, sizes that are not positive;
    LayoutError when the engine asked for fails.

    >>> two = [Box("x", 60, 20), Box("y", 60, 20)]
    >>> layout(two, [Link("e", "x", "y")], engine="layered").positions
    {'x': (38.0, 18.0), 'y': (38.0, 74.0)}
    """
    distances = {"timeout": timeout, "ranksep": ranksep, "nodesep": nodesep}
    _check(boxes, links, frames, direction, engine, distances)
    start = time.perf_counter()
    place = {frame.id: number for number, frame in enumerate(frames)}
    index = {box.id: number for number, box in enumerate(boxes)}
    edges = [(index[link.tail], index[link.head]) for link in links]
    sizes = [(float(box.width), float(box.height)) for box in boxes]
    nest = nested.Nest(
        [None if box.frame is None else place[box.frame] for box in boxes],
        [None if frame.frame is None else place[frame.frame] for frame in frames],
        [frame.width for frame in frames],
    )

    def run(name: str) -> Placed:
        if name == "layered":
            return nested.place(sizes, edges, nest, direction, ranksep, nodesep)
        source = _dot_source(sizes, edges, nest, direction, ranksep, nodesep)
        return _parse_svg(_ENGINES[name](source, timeout), sizes, edges, len(frames))

    engine, placed = (engine, run(engine)) if engine else _first_that_works(run, len(boxes))
    centres, routes, rects, width, height = _to_origin(*placed, sizes)
    return Layout(
        {box.id: centre for box, centre in zip(boxes, centres, strict=True)},
        {link.id: route for link, route in zip(links, routes, strict=True)},
        width, height, engine, time.perf_counter() - start,
        {frame.id: rect for frame, rect in zip(frames, rects, strict=True)},
    )  # fmt: skip


def _check(
    boxes: Sequence[Box], links: Sequence[Link], frames: Sequence[Frame], direction: str,
    engine: str | None, distances: Mapping[str, float],
) -> None:  # fmt: skip
    """Raise ValueError for input that no engine can lay out."""
    if direction not in ("TB", "LR"):
        raise ValueError(f'direction must be "TB" or "LR", not {direction!r}')
    if engine not in (None, "layered", *_ENGINES):
        raise ValueError(f'engine must be "pygraphviz", "dot", "layered" or None, not {engine!r}')
    for name, value in distances.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite, not {value!r}")
    around: set[str | None] = {None}
    for frame in frames:
        if frame.id in around or frame.frame not in around:
            raise ValueError(f"frame {frame.id!r} comes twice, or before the frame around it")
        around.add(frame.id)
    known: set[str] = set()
    for box in boxes:
        if box.frame not in around:
            raise ValueError(f"box {box.id!r} stands in {box.frame!r}, which is not a frame")
        if box.id in known:
            raise ValueError(f"two boxes have the id {box.id!r}")
        if not (0 < box.width < math.inf and 0 < box.height < math.inf):
            raise ValueError(f"box {box.id!r} needs a positive size: {box.width} x {box.height} px")
        known.add(box.id)
    seen: set[str] = set()
    for link in links:
        if link.id in seen:
            raise ValueError(f"two links have the id {link.id!r}")
        for end in (link.tail, link.head):
            if end not in known:
                raise ValueError(f"link {link.id!r} ends at {end!r}, which is not a box")
        seen.add(link.id)


def _first_that_works(run: Callable[[str], Placed], count: int) -> tuple[str, Placed]:
    """Graphviz where it is installed and up to it, our layered layout otherwise."""
    if count > HUGE:
        logger.info("%d boxes are many for Graphviz: using the layered layout", count)
    for name in _ENGINES if 0 < count <= HUGE else ():
        try:
            return name, run(name)
        except MissingEngine as error:
            logger.info("%s", error)
        except LayoutError as error:
            logger.warning("%s: using the layered layout instead", error)
            break
    return "layered", run("layered")


def _dot_source(
    sizes: list[Point], edges: list[tuple[int, int]], nest: nested.Nest, direction: str,
    ranksep: float, nodesep: float,
) -> str:  # fmt: skip
    """The graph in DOT: sizes only, under ids of our own, so no text of the user's gets there."""
    inches = lambda px: f"{px / _POINTS_PER_INCH:.6f}"
    lines = [
        "digraph {",
        f"graph [rankdir={direction}, ranksep={inches(ranksep)}, nodesep={inches(nodesep)}]",
        'node [shape=box, fixedsize=true, label=""]',
        "edge [arrowhead=none]",
    ]
    if len(sizes) > _LARGE:
        # splines=line would save 0.05 s more but draws its lines through boxes.
        lines.append("graph [nslimit=0.1, nslimit1=0.1, mclimit=0.05]")
    lines += _dot_frame(sizes, nest, nest.contents(), None)
    for n, chosen in enumerate(layered.longest_path_edges(len(sizes), edges)):
        tail, head = edges[n]
        lines.append(f"n{tail} -> n{head} [id=e{n}, weight={10 if chosen else 1}]")
    return "\n".join([*lines, "}"])


def _dot_frame(
    sizes: list[Point], nest: nested.Nest, contents: nested.Contents, frame: int | None
) -> list[str]:
    """The boxes and frames in a frame; its title is a row of letters that takes as much room."""
    lines = []
    boxes, frames = contents[frame]
    for n in boxes:
        w, h = sizes[n][0] / _POINTS_PER_INCH, sizes[n][1] / _POINTS_PER_INCH
        lines.append(f"n{n} [id=n{n}, width={w:.6f}, height={h:.6f}]")
    for n in frames:
        label = "n" * math.ceil(nest.widths[n] / 6.0)
        lines += [
            f"subgraph cluster_{n} {{",
            f'graph [id=c{n}, label="{label}", labeljust=l, fontsize=12, margin=10]',
            *_dot_frame(sizes, nest, contents, n),
            "}",
        ]
    return lines


def _child_command() -> list[str]:
    # By path, not -m: viz would import NumPy and networkx. -S and -P start faster and keep this
    # folder, whose modules share names with the standard library, off the child's path.
    return [sys.executable, "-S", "-P", str(Path(__file__).with_name("graphviz_child.py"))]


def _run_pygraphviz(source: str, timeout: float) -> str:
    """SVG of the DOT `source`, by pygraphviz in a child process."""
    if find_spec("pygraphviz") is None:
        raise MissingEngine("pygraphviz is not installed: `pip install pygraphviz`")
    try:
        done = subprocess.run(
            _child_command(), input=source.encode(), capture_output=True, timeout=timeout,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LayoutError(f"Graphviz did not finish within {timeout:g} s") from None
    except OSError as error:
        raise LayoutError(f"Graphviz's child process did not start: {error}") from error
    message = done.stderr.decode(errors="replace").strip()
    if done.returncode == MISSING:
        raise MissingEngine(f"pygraphviz cannot be imported: {message}")
    if done.returncode:
        raise LayoutError(f"Graphviz failed with exit code {done.returncode}: {message[-500:]}")
    return done.stdout.decode(errors="replace")


def _run_dot(source: str, timeout: float) -> str:
    """SVG of the DOT `source`, by the `dot` executable."""
    try:
        from graphviz.backend import dot_command, execute
    except ImportError as error:
        raise MissingEngine("graphviz is not installed: `pip install graphviz`") from error
    try:
        # graphviz.pipe() knows no time limit; what it is made of does.
        done = execute.run_check(
            dot_command.command("dot", "svg"), input=source.encode(), capture_output=True,
            quiet=True, timeout=timeout,
        )  # fmt: skip
    except execute.ExecutableNotFound as error:
        raise MissingEngine("the executable `dot` is not on PATH: install Graphviz") from error
    except subprocess.TimeoutExpired:
        raise LayoutError(f"Graphviz did not finish within {timeout:g} s") from None
    except (subprocess.CalledProcessError, OSError) as error:
        raise LayoutError(f"Graphviz failed: {error}") from error
    return done.stdout.decode(errors="replace")


_ENGINES: dict[str, Callable[[str, float], str]] = {"pygraphviz": _run_pygraphviz, "dot": _run_dot}

_NODE = re.compile(r'<g id="n(\d+)" class="node">.*?<polygon [^>]*?points="([^"]+)"', re.DOTALL)
_FRAME = re.compile(r'<g id="c(\d+)" class="cluster">.*?<polygon [^>]*?points="([^"]+)"', re.DOTALL)
_EDGE = re.compile(r'<g id="e(\d+)" class="edge">.*?<path [^>]*?\bd="([^"]+)"', re.DOTALL)
_NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")


def _parse_svg(svg: str, sizes: list[Point], edges: list[tuple[int, int]], frames: int) -> Placed:
    """Centres, routes and frames from Graphviz's SVG.

    Of its formats SVG alone is both exact and short: plain and dot print five significant digits,
    which is 10 px in a long chain.
    """
    centres: dict[int, Point] = {}
    for number, text in _NODE.findall(svg):
        left, top, right, bottom = _bounds(text)
        centres[int(number)] = ((left + right) / 2, (top + bottom) / 2)
    rects = {int(number): _bounds(text) for number, text in _FRAME.findall(svg)}
    routes = {int(number): _points(text) for number, text in _EDGE.findall(svg)}
    if (len(centres), len(routes), len(rects)) != (len(sizes), len(edges), frames):
        raise LayoutError("Graphviz left out a part of the graph")
    for number, (tail, head) in enumerate(edges):
        route = routes[number]
        if len(route) % 3 != 1:
            raise LayoutError("Graphviz gave a route that is no cubic Bezier curve")
        route[0] = _onto_border(route[0], centres[tail], sizes[tail])
        route[-1] = _onto_border(route[-1], centres[head], sizes[head])
    by_number = lambda found: [found[n] for n in range(len(found))]
    return by_number(centres), by_number(routes), by_number(rects)


def _bounds(text: str) -> Rect:
    xs, ys = zip(*_points(text), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _points(text: str) -> list[Point]:
    numbers = [float(number) for number in _NUMBER.findall(text)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _onto_border(point: Point, centre: Point, size: Point) -> Point:
    """The point of the box's border nearest to `point` (Graphviz stops half a pen away)."""
    (cx, cy), (half_width, half_height) = centre, (size[0] / 2, size[1] / 2)
    dx = min(max(point[0] - cx, -half_width), half_width)
    dy = min(max(point[1] - cy, -half_height), half_height)
    if half_width - abs(dx) < half_height - abs(dy):
        dx = math.copysign(half_width, dx)
    else:
        dy = math.copysign(half_height, dy)
    return cx + dx, cy + dy


def _to_origin(
    centres: list[Point], routes: list[list[Point]], rects: list[Rect], sizes: list[Point]
) -> tuple[list[Point], list[list[Point]], list[Rect], float, float]:
    """Everything moved to a margin from the origin and rounded, with the drawing's size."""
    boxes = list(zip(centres, sizes, strict=True))
    corners = [(x + s * w / 2, y + s * h / 2) for (x, y), (w, h) in boxes for s in (-1, 1)]
    corners += [point for route in routes for point in route]
    corners += [point for rect in rects for point in (rect[:2], rect[2:])]
    xs, ys = zip(*corners or [(0.0, 0.0)], strict=True)
    left, top = min(xs), min(ys)

    def move(point: Point) -> Point:
        return round(point[0] - left + _MARGIN, 2), round(point[1] - top + _MARGIN, 2)

    width, height = round(max(xs) - left + 2 * _MARGIN, 2), round(max(ys) - top + 2 * _MARGIN, 2)
    moved = [[move(point) for point in route] for route in routes]
    frames = [(*move(rect[:2]), *move(rect[2:])) for rect in rects]
    return [move(centre) for centre in centres], moved, frames, width, height
