"""Where a NaN or an infinity comes from, and the way from there to the loss."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from microgradnd.graph import Node, Use
from viz.capture.summary import Summary, summarise
from viz.capture.trace import Trace
from viz.diagnosis.findings import Finding
from viz.structure.ids import Ids
from viz.style.text import number, plural

OVERFLOW = "it left the dtype's range: smaller weights or inputs, subtract the maximum first "
OVERFLOW += "(softmax, logsumexp), clip the gradients"


def _cure(node: Node) -> str:
    """What keeps an operation's result and slopes finite."""
    operand = node.op.singular
    if operand is None:
        return OVERFLOW
    return f"keep {operand} above 0: clip it or add a small ε (of probabilities: log_softmax)"


def flaws(x: Any) -> tuple[int, int]:
    """How many elements are NaN and how many infinite, of a summary, an array or a number."""
    if isinstance(x, Summary):
        return x.nans, x.infs
    array = np.asarray(x)
    if array.dtype.kind != "f":
        return 0, 0
    return int(np.isnan(array).sum()), int(np.isinf(array).sum())


class Flow:
    """The computation of a trace as a graph that can be walked towards the loss."""

    def __init__(self, found: Trace, ids: Ids) -> None:
        self.found, self.ids = found, ids
        self.uses, self.roots = found.graph.uses, set(found.graph.outputs)

    def way(self, origin: Node, within: set[Node] | None = None) -> list[Use]:
        """The shortest way from a node to an output, as edges; if possible within some nodes."""
        came: dict[Node, Use | None] = {origin: None}
        queue = deque([origin])
        while queue:
            node = queue.popleft()
            if node in self.roots:
                return list(self.back(node, came))[::-1]
            for user, i in self.uses[node]:
                if user not in came and (within is None or user in within):
                    came[user] = user, i
                    queue.append(user)
        return [] if within is None else self.way(origin)

    def back(self, node: Node, came: dict[Node, Any]) -> Iterator[tuple[Node, int]]:
        while (edge := came[node]) is not None:
            yield edge
            node = edge[0].parent(edge[1])

    def named(self, origin: Node, edges: list[Use]) -> tuple[str, ...]:
        """The ids of all that a way passes, from its origin on."""
        ids = self.ids
        out = [ids.tensors[origin]]
        for node, i in edges:
            out += [ids.edge(node, i), ids.operations[node], ids.result(node), ids.tensors[node]]
        return tuple(out)


def findings(found: Trace, ids: Ids) -> list[Finding]:
    """The origins of NaNs and infinities: of the forward pass, and if it has none, of the walk."""
    flow = Flow(found, ids)
    bad = {node: flaws(x) for node, x in found.values.items()}
    nans = {node for node, (count, _) in bad.items() if count}
    infs = {node for node, (_, count) in bad.items() if count}
    rows = _forward_rows(flow, "NaN", nans, bad, 0)
    rows += _forward_rows(flow, "Inf", infs, bad, 1)
    if found.seeds:
        rows += _backward_rows(flow, bool(nans))
    return rows


def _forward_rows(
    flow: Flow, word: str, flawed: set[Node], bad: dict[Node, tuple[int, int]], which: int
) -> list[Finding]:
    """A row for the first operation, in order of creation, that made a flaw of sound operands.

    A leaf or constant with a flaw is the origin itself. Infinite constants are often meant, as
    masks, so that an infinity is only reported where an operation made it.
    """
    origins = [
        node for node in flow.found.nodes if node in flawed and not _inherited(node, which, bad)
    ]
    if which:
        origins = [node for node in origins if not node.is_leaf]
    if not origins:
        return []
    node = origins[0]
    count = bad[node][which]
    figure = f"{count} {word} of {plural(_node_size(node), 'element')}"
    if node.is_leaf:
        figure += " in the leaf"
        advice = "mend the data, or the update that wrote it"
    elif which == 0 and (taken := _given(node, bad)):
        figure += f"; it came in with {taken}"
        advice = "mend the data"
    else:
        figure += f" from {_operands(flow, node)}"
        advice = _cure(node)
    if len(origins) > 1:
        figure += f" ({len(origins) - 1} more origins follow)"
    grave = which == 0 or any(user in flawed for user in flow.roots)
    name = flow.ids.where(node)
    marked = [flow.ids.tensors[node]]
    marked += [flow.ids.operations[node]] if not node.is_leaf else []
    way = (
        flow.named(node, flow.way(node, flawed))
        if node not in flow.roots
        else _taken_in(flow, node)
    )
    return [
        Finding(word, "bad" if grave else "warn", name, figure, float(count), "none", advice,
                tuple(marked), way)
    ]  # fmt: skip


def _node_size(node: Node) -> int:
    return int(np.prod(node.shape))


def _inherited(node: Node, which: int, bad: dict[Node, tuple[int, int]]) -> bool:
    """Whether a flaw of a result comes from a computed operand or a leaf that has it too."""
    return any(bad[p][which] for p in node.predecessors)


def _operands(flow: Flow, node: Node) -> str:
    """The operands of an operation with the ranges of their values."""
    words = []
    for operand in node.operands:
        x = operand.value_in(flow.found.values)
        x = x if isinstance(x, Summary) else summarise(x)
        span = number(x.min) if x.size == 1 else f"{number(x.min)} … {number(x.max)}"
        words.append(f"{operand.parameter} = {span}")
    return ", ".join(words)


def _taken_in(flow: Flow, node: Node) -> tuple[str, ...]:
    """The ids of an operation's operands and of the edges from them."""
    ids: list[str] = []
    for i, operand in enumerate(node.operands):
        if operand.node is not None:
            ids += [flow.ids.tensors[operand.node], flow.ids.edge(node, i)]
    return tuple(ids)


def _given(node: Node, bad: dict[Node, tuple[int, int]]) -> str:
    """The constants of an operation that hold NaN, in words."""
    names = [
        operand.name or "an unnamed constant"
        for operand in node.operands
        if operand.node is None and flaws(operand.value)[0]
    ]
    return ", ".join(names)


def _backward_rows(flow: Flow, forward_is_bad: bool) -> list[Finding]:
    """The first contribution of the walk that is flawed though the gradient it came from is not."""
    found, ids = flow.found, flow.ids
    rows = []
    for which, word in enumerate(("NaN", "Inf")):
        for node, g in found.seeds.items():
            if flaws(g)[which]:
                figure = f"the walk starts from a gradient with {flaws(g)[which]} {word}"
                rows.append(
                    Finding(word, "bad", ids.where(node), figure, float(flaws(g)[which]), "none",
                            "give backward() a finite gradient", (ids.tensors[node],))
                )  # fmt: skip
        for (node, i), x in found.contributions.items():
            count = flaws(x)[which]
            if not count or (g := found.gradients.get(node)) is None or any(flaws(g)):
                continue
            if forward_is_bad and which == 0:
                break  # a consequence; the origin has a row already
            rows.append(_contribution_row(flow, node, i, word, count))
            break
    return rows


def _contribution_row(flow: Flow, node: Node, i: int, word: str, count: int) -> Finding:
    ids, p = flow.ids, node.parent(i)
    figure = f"{count} {word} in the gradient of {node.operands[i].parameter} ({ids.title(p)})"
    figure += ", from a gradient without"
    advice = _cure(node)
    if node.op.singular:
        advice += "; a where() around it does not help, one inside does"
    edges = flow.way(node)
    way = (ids.tensors[p], ids.edge(node, i), ids.operations[node], ids.result(node))
    return Finding(
        word, "bad", ids.where(node), figure, float(count), "none", advice,
        (ids.operations[node], ids.edge(node, i)), way + flow.named(node, edges),
    )  # fmt: skip
