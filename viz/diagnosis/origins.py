"""Where a NaN or an infinity comes from, and the way from there to the loss."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from microgradnd.graph import Node, Use
from viz.capture.summary import Summary, summarise
from viz.capture.trace import Trace
from viz.diagnosis.findings import Finding
from viz.model.marks import Level
from viz.structure.ids import Ids
from viz.style.text import number, plural

_OVERFLOW = "it left the dtype's range: smaller weights or inputs, subtract the maximum first "
_OVERFLOW += "(softmax, logsumexp), clip the gradients"


def _cure(node: Node) -> str:
    """What keeps an operation's result and slopes finite."""
    operand = node.op.singular
    if operand is None:
        return _OVERFLOW
    return f"keep {operand} above 0: clip it or add a small ε (of probabilities: log_softmax)"


def flaws(x: Any) -> tuple[int, int]:
    """How many elements are NaN and how many infinite, of a summary, an array or a number."""
    if isinstance(x, Summary):
        return x.nans, x.infs
    array = np.asarray(x)
    if array.dtype.kind != "f":
        return 0, 0
    return int(np.isnan(array).sum()), int(np.isinf(array).sum())


def _way(found: Trace, origin: Node, within: set[Node] | None = None) -> list[Use]:
    """The shortest way from a node to an output, as edges; if possible within some nodes."""
    came: dict[Node, Use | None] = {origin: None}
    queue, outputs = deque([origin]), set(found.graph.outputs)
    while queue:
        node = queue.popleft()
        if node in outputs:
            way = []
            while (edge := came[node]) is not None:
                way.append(edge)
                node = edge[0].parent(edge[1])
            return way[::-1]
        for user, i in found.graph.uses[node]:
            if user not in came and (within is None or user in within):
                came[user] = user, i
                queue.append(user)
    return [] if within is None else _way(found, origin)


def _ids_along(ids: Ids, origin: Node, edges: list[Use]) -> tuple[str, ...]:
    """The ids of all that a way passes, from its origin on."""
    out = [ids.tensors[origin]]
    for node, i in edges:
        out += [ids.edge(node, i), ids.operations[node], ids.result(node), ids.tensors[node]]
    return tuple(out)


def findings(found: Trace, ids: Ids) -> list[Finding]:
    """The origins of NaNs and infinities: of the forward pass, and if it has none, of the walk."""
    bad = {node: flaws(x) for node, x in found.values.items()}
    rows = _forward_rows(found, ids, "NaN", bad, 0) + _forward_rows(found, ids, "Inf", bad, 1)
    if found.seeds:
        rows += _backward_rows(found, ids, any(nans for nans, _ in bad.values()))
    return rows


def _forward_rows(
    found: Trace, ids: Ids, word: str, bad: dict[Node, tuple[int, int]], which: int
) -> list[Finding]:
    """A row for the first operation, in order of creation, that made a flaw of sound operands.

    A leaf or constant with a flaw is the origin itself. Infinite constants are often meant, as
    masks, so that an infinity is only reported where an operation made it.
    """
    flawed = {node for node, counts in bad.items() if counts[which]}
    origins = [
        node
        for node in found.nodes
        if node in flawed and not (which and node.is_leaf) and flawed.isdisjoint(node.predecessors)
    ]
    if not origins:
        return []
    node = origins[0]
    count = bad[node][which]
    figure = f"{count} {word} of {plural(math.prod(node.shape), 'element')}"
    if node.is_leaf:
        figure += " in the leaf"
        advice = "mend the data, or the update that wrote it"
    elif which == 0 and (taken := _flawed_constants(node)):
        figure += f"; it came in with {taken}"
        advice = "mend the data"
    else:
        figure += f" from {_operands(found, node)}"
        advice = _cure(node)
    if len(origins) > 1:
        figure += f" ({len(origins) - 1} more origins follow)"
    outputs = found.graph.outputs
    level: Level = "warn" if which and flawed.isdisjoint(outputs) else "bad"
    marked = [ids.tensors[node]]
    marked += [ids.operations[node]] if not node.is_leaf else []
    if node in outputs:  # the way into it
        uses = [(x.node, i) for i, x in enumerate(node.operands) if x.node is not None]
        way = tuple(name for p, i in uses for name in (ids.tensors[p], ids.edge(node, i)))
    else:
        way = _ids_along(ids, node, _way(found, node, flawed))
    return [
        Finding(word, level, ids.where(node), figure, float(count), "none", advice,
                tuple(marked), way)
    ]  # fmt: skip


def _operands(found: Trace, node: Node) -> str:
    """The operands of an operation with the ranges of their values."""
    words = []
    for operand in node.operands:
        x = operand.value_in(found.values)
        x = x if isinstance(x, Summary) else summarise(x)
        span = number(x.min) if x.size == 1 else f"{number(x.min)} … {number(x.max)}"
        words.append(f"{operand.parameter} = {span}")
    return ", ".join(words)


def _flawed_constants(node: Node) -> str:
    """The constants of an operation that hold NaN, in words."""
    names = [
        operand.name or "an unnamed constant"
        for operand in node.operands
        if operand.node is None and flaws(operand.value)[0]
    ]
    return ", ".join(names)


def _backward_rows(found: Trace, ids: Ids, forward_is_bad: bool) -> list[Finding]:
    """The first contribution of the walk that is flawed though the gradient it came from is not."""
    rows = []
    for which, word in enumerate(("NaN", "Inf")):
        for node, g in found.seeds.items():
            if count := flaws(g)[which]:
                figure = f"the walk starts from a gradient with {count} {word}"
                rows.append(
                    Finding(word, "bad", ids.where(node), figure, float(count), "none",
                            "give backward() a finite gradient", (ids.tensors[node],))
                )  # fmt: skip
        for (node, i), x in found.contributions.items():
            count = flaws(x)[which]
            if not count or (g := found.gradients.get(node)) is None or any(flaws(g)):
                continue
            if forward_is_bad and which == 0:
                break  # a consequence; the origin has a row already
            rows.append(_contribution_row(found, ids, (node, i), word, count))
            break
    return rows


def _contribution_row(found: Trace, ids: Ids, use: Use, word: str, count: int) -> Finding:
    node, i = use
    p = node.parent(i)
    figure = f"{count} {word} in the gradient of {node.operands[i].parameter} ({ids.title(p)})"
    figure += ", from a gradient without"
    advice = _cure(node)
    if node.op.singular:
        advice += "; a where() around it does not help, one inside does"
    start = (ids.tensors[p], ids.edge(node, i), ids.operations[node], ids.result(node))
    way = start + _ids_along(ids, node, _way(found, node))
    return Finding(
        word, "bad", ids.where(node), figure, float(count), "none", advice,
        (ids.operations[node], ids.edge(node, i)), way,
    )  # fmt: skip
