"""Pictures in other formats: PNG and PDF from the SVG, GraphML and Mermaid from the graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from viz.formats import dot
from viz.formats.fonts import fonts, warn_of_missing_glyphs
from viz.model.elements import ClosedGroup, Node, OpenGroup, PictureModel
from viz.model.gains import gains
from viz.style.text import clean
from viz.svg import tooltips
from viz.svg.nodes import title_of_box

_CURE = 'install it with `pip install "microgradnd[pictures]"`'
_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"')


def of_svg(svg: Callable[[], str], scale: float) -> dict[str, Callable[[], str | bytes]]:
    """By suffix, the writers of everything that is drawn from an SVG."""
    return {".svg": svg, ".png": lambda: png(svg(), scale), ".pdf": lambda: _pdf(svg())}


def png(svg: str, scale: float = 2.0) -> bytes:
    """An SVG as a PNG file, `scale` pixels to each of its own; "auto" pictures are light.

    Raises:
        ImportError: resvg-py is missing.
        ValueError: the scale is not positive.
    """
    if not scale > 0:
        raise ValueError(f"scale={scale!r}: a PNG needs a positive number of pixels")
    try:
        import resvg_py
    except ImportError as error:
        raise ImportError(f"a PNG needs resvg-py: {_CURE}") from error
    warn_of_missing_glyphs(svg)
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, zoom=scale, font_files=fonts(), sans_serif_family="DejaVu Sans"
        )
    )


def _pdf(svg: str) -> bytes:
    """An SVG as a PDF file of one page of its size; lines stay lines and words can be searched.

    Raises:
        ImportError: typst is missing.
    """
    try:
        import typst
    except ImportError as error:
        raise ImportError(f"a PDF needs typst: {_CURE}") from error
    warn_of_missing_glyphs(svg)
    found = _SIZE.search(svg)
    assert found is not None, "an SVG of ours says its size"
    wide, high = found.groups()
    page = f"#set page(width: {wide}pt, height: {high}pt, margin: 0pt)\n"
    page += '#image("picture.svg", width: 100%)\n'  # else a pixel is three quarters of a point
    folders = sorted({str(Path(name).parent) for name in fonts()})
    files = {"main.typ": page.encode(), "picture.svg": svg.encode()}
    compiled: Any = typst.compile  # its types know of no files in memory
    return bytes(compiled(files, font_paths=folders, timestamp=0))


def graphml(model: PictureModel) -> str:
    """A picture as GraphML.

    An operation and its result are two nodes, as in the document. Nodes and edges have the
    attributes that the SVG has as data-*, numbers as numbers: `kind`, `name`, `shape`, `value` of
    a scalar or `value-mean`, `value-norm`, ... of an array, `grad` and `contribution` likewise,
    `step`, `text` and `gain` of an operation, `share` and `running` of a contribution that is one
    of several, and `label`, what a tooltip says. Results of closed groups have theirs in front:
    `result-t-5-grad-norm`.
    """
    import networkx as nx

    out = nx.MultiDiGraph(title=clean(model.title), steps=model.steps, summary=model.summary)
    known = gains(model)
    for name, node in model.nodes.items():
        label, data = tooltips.of_node(node, model)
        data = data | {"gain": known.get(name)}
        for record in node.results if isinstance(node, ClosedGroup) else ():
            _, more = tooltips.of_record(record, model)
            data |= {f"result-{record.id}-{key}": x for key, x in more.items()}
        out.add_node(name, label=clean(label), **_plain(data | {"box": node.box}))
    for edge in model.edges.values():
        label, data = tooltips.of_edge(edge, model)
        out.add_edge(edge.tail, edge.head, key=edge.id, label=clean(label), **_plain(data))
    return "\n".join(nx.generate_graphml(out)) + "\n"


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as GraphML takes them: numbers, or text without what XML forbids."""
    return {key: _value(x) for key, x in data.items() if x is not None and key != "id"}


def _value(x: Any) -> float | int | str:
    if isinstance(x, (int, float)):
        return x
    try:
        return float(x)
    except (TypeError, ValueError):  # text, complex numbers
        return clean(str(x))


_SHAPES = {  # of Mermaid, by kind; tensors that are not named here are plain boxes
    "operation": ('(["', '"])'),
    "parameter": ('[["', '"]]'),
    "leaf": ('[["', '"]]'),
    "constant": ('[/"', '"/]'),
    "output": ('{{"', '"}}'),
    "tag": ('("', '")'),
    "group": ('[["', '"]]'),
    "more": ('("', '")'),
}
_SAFE = re.compile(r"[\x00-\x7f]")
_LITERAL = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,+-=/_")


def entity(text: object) -> str:
    """Text as Mermaid shows it: all signs that could mean something are written by number.

    >>> entity('a"<b>')
    'a#34;#60;b#62;'
    """
    spelled = lambda m: m[0] if m[0] in _LITERAL else f"#{ord(m[0])};"
    return _SAFE.sub(spelled, clean(text).replace("\n", "⏎").replace("\r", ""))


def _identifier(name: str) -> str:
    return name.replace("-", "_")


def _mermaid_node(known: Mapping[str, float], name: str, node: Node) -> str:
    left, right = _SHAPES.get(node.kind, ('["', '"]'))
    text = "<br/>".join(entity(line) for line in dot.texts(node, known.get(name)) if line)
    return f"{_identifier(name)}{left}{text}{right}"


def _subgraph(group: OpenGroup) -> list[str]:
    return [f'subgraph {_identifier(group.id)}["{entity(title_of_box(group))}"]']


def mermaid(model: PictureModel, direction: str) -> str:
    """A picture as a Mermaid flowchart, its nodes and edges those of `viz.formats.dot`."""
    ends = [(_identifier(edge.tail), _identifier(edge.head), dot.backward_label(edge))
            for edge in model.edges.values()]  # fmt: skip
    node = partial(_mermaid_node, gains(model))
    out = [f"flowchart {direction}", *dot.nested(model, node, _subgraph, "end")]
    out += [f"  {tail} --> {head}" for tail, head, _ in ends]
    out += [f'  {head} -. "{entity(label)}" .-> {tail}' for tail, head, label in ends if label]
    return "\n".join([*out, ""])
