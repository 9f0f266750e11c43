"""The picture in the DOT language: complete, for Graphviz and the tools around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from viz.capture.summary import Summary
from viz.model.elements import (
    ClosedGroup,
    Edge,
    Elsewhere,
    Node,
    OpenGroup,
    Operation,
    PictureModel,
    Tag,
)  # fmt: skip
from viz.model.gains import gains
from viz.model.phrases import written
from viz.style.text import clean, number
from viz.svg.nodes import captions, elsewhere_label, kind_of_group, title_of_box, title_of_group
from viz.svg.records import WORDS, meta_of, tag_label, title_of

_LOOKS = {
    "parameter": 'shape=box, style="filled,bold", fillcolor="#fdf6e3", color="#6b5310"',
    "leaf": 'shape=box, style="filled,bold", fillcolor="#fdf6e3", color="#6b5310"',
    "constant": 'shape=note, style=filled, fillcolor="#eef0f2", color="#6e7781"',
    "intermediate": 'shape=box, style=rounded, color="#6e7781"',
    "output": 'shape=box, style=rounded, peripheries=2, color="#6e7781"',
    "tag": 'shape=box, style="rounded,dashed", color="#6b5310"',
    "operation": 'shape=box, style="rounded,filled", fillcolor="#e6eef7", color="#4f6d8f"',
    "group": 'shape=box3d, style=filled, fillcolor="#f3f4f6", color="#6e7781"',
    "more": "shape=plaintext",
}
_LONGEST = 400  # characters of a text: Graphviz reads no string of more than 16,384 bytes
_ESCAPES = str.maketrans({"&": "&amp;", "\\": "\\\\", '"': '\\"', "\r": "", "\n": "⏎"})
_BACKWARD = 'constraint=false, style=dashed, color="#D55E00", fontcolor="#a34700"'


def _quoted(text: object) -> str:
    """A string of the DOT language that Graphviz draws as it stands.

    Backslashes and quotes are escaped, and `&`, which would start an entity.

    >>> print(_quoted('a"b&c'))
    "a\\"b&amp;c"
    """
    words = clean(text)
    words = words if len(words) <= _LONGEST else words[:_LONGEST] + "…"
    return f'"{words.translate(_ESCAPES)}"'


def _lines(*texts: str) -> str:
    """Several lines in one label."""
    return '"' + "\\n".join(_quoted(text)[1:-1] for text in texts if text) + '"'


def _short(x: Summary | None) -> str:
    if x is None:
        return "—"
    if x.size == 1:
        return number(x.total)
    return x.flaw or f"μ {number(x.mean, 3)}  ‖·‖ {number(x.norm, 3)}  ±{number(x.top, 2)}"


def texts(node: Node, gain: float | None = None) -> list[str]:
    """What a node says, line by line; `gain` is that of an operation or a group."""
    growth = "" if gain is None else f"×{number(gain, 2)}"
    if isinstance(node, Operation):
        step = f"step {node.step}" if node.step else ""
        return [node.name, node.text, written(node.options), f"{step}   {growth}".strip()]
    if isinstance(node, Tag):
        return [tag_label(node)]
    if isinstance(node, Elsewhere):
        return [elsewhere_label(node)]
    if isinstance(node, ClosedGroup):
        results = [_short(record.gradient) for record in node.results[:1]]
        out = [f"{title_of_group(node)}   {kind_of_group(node)}".strip(), *captions(node)]
        return [*out, *(f"grad {x}" for x in results), growth]
    rows = [f"{title_of(node)}   {meta_of(node)}", f"data {_short(node.value)}"]
    if node.kind != "constant":
        count = len(node.terms)
        rows.append(f"grad {_short(node.gradient)}")
        rows.append(f"Σ {count} contributions" if count > 1 else "")
    return rows


def backward_label(edge: Edge) -> str:
    """What flows back over an edge, in words; "" if nothing does."""
    if edge.merged:
        norm = f"{len(edge.merged)} tensors, ‖·‖ {number(edge.norm, 3)}"
        return norm if edge.flowing else ""
    x = edge.contribution
    if x is None:
        return ""
    words = number(x.total) if x.size == 1 else f"‖·‖ {number(x.norm, 3)}"
    return words if edge.share is None else f"{words}   {edge.share:.0%}".replace("-", "−")


def write(model: PictureModel, direction: str) -> str:
    """A picture as the text of a .dot file.

    An operation and its result are two nodes, so that layouts of others can part them; operations
    say their gain (×0.22). Backward edges are dashed, point backward, and say the contribution
    and, where several add up, its share of the sum.
    """
    out = ["digraph {", f"  rankdir={direction}; label={_quoted(model.title)};"]
    out.append('  node [fontname="sans-serif", fontsize=10]; edge [fontsize=9, color="#6e7781"];')
    out += nested(model, partial(_node, gains(model)), _cluster, "}")
    for edge in model.edges.values():
        tail, head, label = _quoted(edge.tail), _quoted(edge.head), backward_label(edge)
        out.append(f"  {tail} -> {head} [id={_quoted(edge.id)}];")
        if label:
            name = _quoted(f"{edge.id}-back")
            out.append(f"  {head} -> {tail} [id={name}, label={_quoted(label)}, {_BACKWARD}];")
    return "\n".join([*out, "}", ""])


def _node(known: Mapping[str, float], name: str, node: Node) -> str:
    looks = f"label={_lines(*texts(node, known.get(name)))}, {_LOOKS[node.kind]}"
    return f"{_quoted(name)} [{looks}, class={_quoted(WORDS.get(node.kind, node.kind))}];"


def _cluster(group: OpenGroup) -> list[str]:
    label = f'  label={_quoted(title_of_box(group))}; color="#b6bfc9";'
    return [f"subgraph {_quoted('cluster_' + group.id)} {{", label]


def nested(
    model: PictureModel,
    node: Callable[[str, Node], str],
    start: Callable[[OpenGroup], list[str]],
    end: str,
    box: str | None = None,
    depth: int = 1,
) -> list[str]:
    """The lines of the nodes in an open group, and of the groups in it, each between its own."""
    indent = "  " * depth
    out = [indent + node(name, x) for name, x in model.nodes.items() if x.box == box]
    for group in model.groups:
        if group.box == box:
            out += [indent + line for line in start(group)]
            out += [*nested(model, node, start, end, group.id, depth + 1), indent + end]
    return out
