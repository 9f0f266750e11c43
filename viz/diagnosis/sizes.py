"""Gradients that vanish, explode or are zero: over depth, over time, and of each parameter."""

from __future__ import annotations

import math
from collections.abc import Sized
from typing import Any

from microgradnd.graph import Node
from viz.capture.summary import Summary
from viz.capture.trace import Trace
from viz.diagnosis.findings import Finding, level_of
from viz.diagnosis.origins import flaws
from viz.diagnosis.series import BINS, Series, rms_of
from viz.diagnosis.units import levels_of
from viz.model.marks import Level
from viz.structure.ids import Ids
from viz.style.text import number

_GRAVER = 1e3  # by so much beyond a threshold, a warning becomes bad
VANISHED, EXPLODED = BINS[1][1], BINS[-1][1]
_VANISHING = "ReLU or gates (LSTM, GRU), normalisation, residual connections, He or Glorot weights"
_EXPLODING = "clip the gradients, smaller or orthogonal weights, normalisation"
_TINY = "as for vanishing; if the loss is as low as it can be, none is needed"
_HUGE = "clip the gradients, scale inputs and targets, take a mean for a sum in the loss"
_SHOWN = 4  # so many parameters, or operations that block them, are told in one row


def _unblocked(node: Node) -> str:
    """What helps where an operation's slopes are 0 everywhere."""
    if node.op.flat:
        return "its slope is 0 everywhere: take a smooth function, as sigmoid instead of a step"
    if node.op.linear == "x y":
        return "the other factor is 0 everywhere: weights that start at 0 stay there"
    if levels_of(node):
        return "all its elements are saturated or off: leaky_relu, a smaller learning rate"
    return "the slopes of that operation are 0 here: all elements are beyond its bounds, or masked"


def of_series(series: Series, ids: Ids, vanishing: float, exploding: float) -> list[Finding]:
    """A row if gradients shrink or grow too much on their way back over the whole series."""
    points = [p for p in series.points if math.isfinite(p.rms)]
    ratio = series.ratio
    if len(points) < 3 or not math.isfinite(ratio) or not ratio > 0:
        return []
    far, near = points[0], points[-1]
    place = f"step {far.label}" if series.axis == "time" else far.label
    figure = f"RMS {number(near.rms, 3)} near the loss, {number(far.rms, 3)} at {place} "
    figure += f"(×{number(series.factor, 3)} a step back, {len(points)} steps)"
    where, marked = series.title, tuple(ids.tensors[node] for node in far.nodes)
    if level := level_of(1 / ratio, 1 / vanishing, _GRAVER / vanishing):
        bound = f"at least {number(vanishing)} of that near the loss"
        row = Finding("vanishing", level, where, figure, ratio, bound, _VANISHING, marked)
    elif level := level_of(ratio, exploding, _GRAVER * exploding):
        bound = f"at most {number(exploding)} times that near the loss"
        row = Finding("exploding", level, where, figure, ratio, bound, _EXPLODING, marked)
    else:
        return []
    return [row]


def of_parameters(found: Trace, ids: Ids) -> list[Finding]:
    """Rows about the leaves: those without any gradient, by what blocks it; tiny and huge ones."""
    zero: dict[tuple[Node, ...], list[Node]] = {}
    tiny, huge, flawed = dict[Node, float](), dict[Node, float](), dict[Node, float]()
    blocked = _blockers(found)
    for node in filter(found.gradients.__contains__, found.graph.leaves):
        g = found.gradients[node]
        rms = rms_of([g])
        if count := sum(flaws(g)):
            flawed[node] = float(count)
        elif rms == 0:
            zero.setdefault(blocked.get(node, ()), []).append(node)
        elif rms < VANISHED:
            tiny[node] = rms
        elif rms >= EXPLODED:
            huge[node] = rms
    rows = [_zero_row(ids, at, leaves) for at, leaves in zero.items()]
    if tiny:
        worst, least = number(VANISHED), min(tiny.values())
        figure = f"gradient RMS of {_few(tiny)} below {worst}, the least {number(least, 3)}"
        rows.append(_row_of("vanishing", ids, tiny, figure, least, f"at least {worst}", _TINY))
    if huge:
        worst, most = number(EXPLODED), max(huge.values())
        figure = f"gradient RMS of {_few(huge)} up to {number(most, 3)}"
        rows.append(_row_of("exploding", ids, huge, figure, most, f"below {worst}", _HUGE))
    if flawed:
        total, figure = sum(flawed.values()), f"the gradients of {_few(flawed)} hold NaN or Inf"
        cure = "do not step; mend the origin"
        rows.append(_row_of("NaN", ids, flawed, figure, total, "none", cure))
    return rows


def _few(leaves: Sized) -> str:
    count = len(leaves)
    return "this leaf" if count == 1 else f"these {count} leaves"


def _row_of(
    kind: str, ids: Ids, leaves: dict[Node, float], figure: str, value: float, bound: str, cure: str
) -> Finding:
    marked = tuple(ids.tensors[node] for node in leaves)
    where = _listed(ids, list(leaves))
    level: Level = "warn" if kind == "vanishing" else "bad"
    return Finding(kind, level, where, figure, value, bound, cure, marked)


def _listed(ids: Ids, nodes: list[Node]) -> str:
    names = [ids.title(node) for node in nodes[:_SHOWN]]
    return ", ".join(names) + (f" and {len(nodes) - _SHOWN} more" if len(nodes) > _SHOWN else "")


def _zero_row(ids: Ids, at: tuple[Node, ...], leaves: list[Node]) -> Finding:
    figure = f"the gradient of {_few(leaves)} is 0 everywhere"
    cure = "its contributions cancel; look at the loss"
    if at:
        figure += f", from {ids.where(at[0])} on"
        cure = _unblocked(at[0])
    level: Level = "warn" if all(node.shape == () for node in leaves) else "bad"
    marked = [*(ids.tensors[node] for node in leaves), *(ids.operations[node] for node in at)]
    where = _listed(ids, leaves)
    return Finding("zero gradient", level, where, figure, 0.0, "not 0", cure, tuple(marked))


def _blockers(found: Trace) -> dict[Node, tuple[Node, ...]]:
    """By tensor without gradient, the operations on the ways to it that had one and gave 0.

    There may be many: the first few in order of creation.
    """
    out: dict[Node, tuple[Node, ...]] = {}
    for node, g in found.gradients.items():  # in the order of the walk: users come first
        if not _is_zero(g):
            continue
        some: dict[Node, None] = {}
        for use in found.graph.uses[node]:
            if use in found.contributions and _is_zero(found.contributions[use]):
                some.update(dict.fromkeys(out.get(use[0], use[:1])))
        out[node] = tuple(sorted(some)[:_SHOWN])
    return out


def _is_zero(x: Any) -> bool:
    return x.zeros == 1.0 if isinstance(x, Summary) else not x.any()
