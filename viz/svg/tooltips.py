"""What is said of nodes and edges: tooltips, and data-* attributes to check a picture by."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from viz.capture.summary import Summary, literal
from viz.model.elements import (
    ClosedGroup,
    Edge,
    Elsewhere,
    Node,
    OpenGroup,
    Operation,
    PictureModel,
    Tag,
    TensorRecord,
)
from viz.style.text import number, shape_of
from viz.svg.records import WORDS, title_of, titled

_Described: TypeAlias = tuple[str, dict[str, Any]]  # a tooltip, and data-* attributes

_STATISTICS = ("mean", "std", "min", "max", "norm", "rms", "zeros", "nans", "infs")


def _numbers_of(key: str, x: Summary | None) -> dict[str, object]:
    """The data-* attributes of a summary, all numbers in full precision.

    A scalar has data-<key>; an array data-<key>-mean, -norm, ...; of up to 64 elements all stand
    in data-<key>s as JSON.
    """
    if x is None:
        return {}
    out: dict[str, object] = {key: repr(x.scalar)}
    if x.scalar is None:
        out = {f"{key}-{name}": repr(getattr(x, name)) for name in _STATISTICS}
        out[f"{key}-sum"] = repr(x.total)
    if x.elements is not None:
        out[f"{key}s"] = literal(x.elements)
    return out


def _brief(x: Summary | None) -> str:
    """A summary in a line of a tooltip."""
    if x is None:
        return "—"
    if x.scalar is not None:
        return number(x.scalar, 6)
    words = f"mean {number(x.mean)}, norm {number(x.norm)}, std {number(x.std)}, "
    words += f"min {number(x.min)}, max {number(x.max)}, zeros {x.zeros:.0%}"
    words += f", {x.flaw}" if x.flaw else ""
    if x.elements is not None and x.size <= 12:
        words += f"\n  {literal(x.elements)}"
    return words + (f" (thumbnail: {x.caption})" if x.caption else "")


def _listed(steps: tuple[int, ...]) -> str:
    return ", ".join(map(str, steps[:6])) + (" …" if len(steps) > 6 else "")


def _carried(model: PictureModel, tail: str, tensor: str) -> str:
    """The name of the tensor that an edge carries, though its record be hidden in a group."""
    node = model.nodes.get(tensor) or model.nodes[tail]
    results = node.results if isinstance(node, ClosedGroup) else ()
    return titled(next((x.name for x in results if x.id == tensor), node.name), tensor)


def of_record(node: TensorRecord, model: PictureModel) -> _Described:
    """The tooltip and the data of a tensor's record."""
    word = WORDS.get(node.kind, "intermediate")
    lines = [f"{title_of(node)} ({word}): {shape_of(node.shape)} {node.dtype}"]
    lines.append(f"data: {_brief(node.value)}")
    if node.kind != "constant":
        lines.append(f"grad: {_brief(node.gradient)}")
    if node.gradient is not None:
        terms: list[tuple[str, Summary | None]] = []
        if node.seed is not None:
            terms.append(("the start of the walk", node.seed))
        for edge in map(model.edges.__getitem__, node.contributions):
            user = model.nodes[edge.head]
            where = f"{user.name or user.kind}, backward step {_listed(edge.steps)}"
            terms.append((where, edge.contributed_to(node.id)))
        if node.inside is not None:
            terms.append(("the group it is made in", node.inside))
        if len(terms) > 1:
            lines.append(f"grad is the sum of {len(terms)} contributions:")
        for i, (where, x) in enumerate(terms):
            lines.append(f"  {'+' if i else ' '} {_brief(x)}  ({where})")
    if node.hooked:
        lines.append("A hook replaced the sum by the gradient shown.")
    data = {
        "id": node.id, "kind": node.kind, "name": node.name,
        "shape": json.dumps(node.shape), "dtype": node.dtype,
        **_numbers_of("value", node.value),
        **_numbers_of("grad", node.gradient), **_numbers_of("seed", node.seed),
        **_numbers_of("inside", node.inside), "hidden": "true" if node.hidden else None,
        "contributions": " ".join(node.terms) or None,
        "hooked": "true" if node.hooked else None,
    }  # fmt: skip
    return "\n".join(lines), data


def _of_operation(node: Operation, model: PictureModel) -> _Described:
    options = ", ".join(f"{key}={value!r}" for key, value in node.options.items())
    given = [f"{arg} = {node.numbers[i]}" if i in node.numbers else arg
             for i, arg in enumerate(node.args)]  # fmt: skip
    title = f"{node.name}({', '.join(given)}{', ' if options else ''}{options})"
    title += f"\nbackward step {node.step}" if node.step else ""
    data = {"id": node.id, "kind": "operation", "name": node.name, "step": node.step,
            "text": node.text or None, "options": options or None}  # fmt: skip
    data |= {f"number-{i}": repr(float(x)) for i, x in node.numbers.items()}
    return title, data


def _of_tag(node: Tag, model: PictureModel) -> _Described:
    home = titled(node.name, node.home)
    data = {"id": node.id, "kind": "tag", "name": node.name, "home": node.home}
    if not node.shown:
        return f"{home}: not in focus, or in a closed group", data
    return f"another use of {home}: its record stands elsewhere in the picture", data


def _of_group(node: ClosedGroup, model: PictureModel) -> _Described:
    """The tooltip and the data of a closed group; its results and parameters have their own."""
    lines = [f"{node.path or node.name} ({node.module}), closed"]
    lines += [f"in: {name or id_}  {shape_of(shape)}" for id_, name, shape in node.inputs[:8]]
    for word, records in (("out", node.results), ("parameter", node.parameters)):
        for record in records[:8]:
            lines.append(f"{word}: {title_of(record)}  {shape_of(record.shape)}")
            lines.append(f"  data: {_brief(record.value)}")
            if record.gradient is not None:
                lines.append(f"  grad: {_brief(record.gradient)}")
        if len(records) > 8:
            lines.append(f"  and {len(records) - 8} more")
    data = {
        "id": node.id, "kind": "group", "name": node.name, "module": node.module,
        "path": node.path, "operations": node.operations,
        "count": node.count if node.count > 1 else None,
        "shared": "true" if node.shared else None,
        "results": len(node.results), "parameters": len(node.parameters),
        "steps": None if node.steps is None else "{}-{}".format(*node.steps),
    }  # fmt: skip
    return "\n".join(lines), data


def _of_elsewhere(node: Elsewhere, model: PictureModel) -> _Described:
    title = f"{node.uses} of the operations that use {node.home} are not in focus"
    return title, {"kind": "more", "home": node.home, "uses": node.uses}


def of_open_group(cluster: OpenGroup) -> _Described:
    """The tooltip and the data of an open group."""
    data = {"id": cluster.id, "kind": "box", "name": cluster.name,
            "module": cluster.module, "path": cluster.path}  # fmt: skip
    return f"{cluster.path or cluster.name} ({cluster.module})", data


def _of_merged(edge: Edge) -> _Described:
    """The tooltip and the data of an edge that carries several tensors."""
    lines = [f"{len(edge.merged)} tensors"]
    lines += [f"{one.tensor}: contribution {_brief(one.summary)}" for one in edge.merged[:12]]
    if len(edge.merged) > 12:
        lines.append(f"and {len(edge.merged) - 12} more")
    data = {"id": edge.id, "tail": edge.tail, "head": edge.head,
            "tensors": " ".join(one.tensor for one in edge.merged),
            "contribution-norm": repr(edge.norm), "norms": _norms(edge),
            "steps": _steps(edge)}  # fmt: skip
    return "\n".join(lines), data


def of_edge(edge: Edge, model: PictureModel) -> _Described:
    """The tooltip and the data of an edge."""
    if edge.merged:
        return _of_merged(edge)
    if edge.out:
        return _of_result(edge, model)
    user, x = model.nodes[edge.head], edge.contribution
    name = _carried(model, edge.tail, edge.home or "")
    title = f"{name} is used by {user.name or user.kind}"
    if edge.arg:
        title = f"{name} is operand {edge.arg} of {user.name}"
    if x is not None:
        when = f"s {_listed(edge.steps)} add" if edge.steps[1:] else f" {_listed(edge.steps)} adds"
        title += f"\nbackward step{when} to the gradient of {name}: {_brief(x)}"
    data = {
        "id": edge.id, "op": edge.head, "arg": edge.index, "operand": edge.arg or None,
        "tail": edge.tail, "home": edge.home if edge.home != edge.tail else None,
        **_numbers_of("contribution", x), **_numbers_of("running", edge.running),
        "share": None if edge.share is None else repr(edge.share),
        "norms": _norms(edge), "steps": _steps(edge),
    }  # fmt: skip
    return title, data


def _norms(edge: Edge) -> str | None:
    """The norms of what flows back over an edge of several tensors or uses, "-" for nothing."""
    norms = edge.norms or [x.summary.norm if x.summary else None for x in edge.merged]
    return " ".join("-" if x is None else repr(x) for x in norms) or None


def _steps(edge: Edge) -> str | None:
    return " ".join(map(str, edge.steps)) or None


def _of_result(edge: Edge, model: PictureModel) -> _Described:
    """The tooltip and the data of the edge from an operation to its result."""
    op, result = model.nodes[edge.tail], model.nodes[edge.head]
    title = f"result of {op.name}"
    g = result.gradient if isinstance(result, TensorRecord) else None
    if g is not None and isinstance(op, Operation) and op.step:
        title += f"; back flows its gradient: {_brief(g)}"
    return title, {"id": edge.id, "op": edge.tail, "result": edge.head}


def of_node(node: Node, model: PictureModel) -> _Described:
    """The tooltip and the data of a node."""
    describe: Any = {
        Operation: _of_operation, Tag: _of_tag, ClosedGroup: _of_group, Elsewhere: _of_elsewhere,
        TensorRecord: of_record,
    }[type(node)]  # fmt: skip
    title, data = describe(node, model)
    return title + getattr(node, "tooltip", ""), data
