"""The health of a pass: what keeps a network from learning, as a table and as marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from microgradnd import AnomalyError, Tensor
from microgradnd.graph import POSITIVE, PROBABILITY, Graph, checked
from viz.capture.summary import spelled
from viz.capture.trace import Trace, merged, trace
from viz.diagnosis import origins, sizes, units
from viz.diagnosis.findings import Finding
from viz.diagnosis.series import Series, series_of
from viz.model.marks import Mark, put
from viz.structure.ids import ids_of
from viz.style.kinds import GRADIENT, SOURCE
from viz.style.text import fit, number, plural, xml

_HEADS = ("", "what", "where", "figure", "should be", "cure")
_NOTE = 190.0  # px of what a record says of a finding
MOST = 50  # rows of a table
_SIGNS = {"bad": "✗", "warn": "!"}
_UNKNOWN = (
    "some activations could not be looked into: leaves changed since the pass, and the trace kept "
    "no arrays; trace with keep='arrays'"
)
_STALE = "leaves changed since the forward pass: values are those the new ones give"


@dataclass
class Health:
    """What `viz.health` found.

    Attributes:
        findings: the rows of the table, the gravest first.
        series: the sizes of gradients over depth and over time.
        trace: the numbers all of it was read from.
        notes: what could not be looked into.

    `str()` and a notebook show a table; `marks` goes to a picture.
    """

    findings: tuple[Finding, ...]
    series: tuple[Series, ...]
    trace: Trace = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def marks(self) -> dict[str, Mark]:
        """By id of a picture's node or edge, what is said of it."""
        out: dict[str, Mark] = {}
        for row in self.findings:
            for name in row.ids:
                which = f" units: {units.ranges(row.units)}" if row.units else ""
                put(out, name, Mark(row.level, row.words, fit(row.kind + which, _NOTE, 11.0)))
        for row in self.findings:
            for name in (name for name in row.way if name not in row.ids):
                put(out, name, Mark("way", f"on the way of the {row.kind} from {row.where}"))
        return out

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """All of it as dicts, lists, strings and numbers, for JSON; NaN is the string "nan"."""
        return {
            "findings": [{**asdict(row), "value": spelled(row.value)} for row in self.findings],
            "series": [
                {
                    "axis": s.axis, "name": s.name, "bins": s.counts(),
                    "points": [
                        {"label": p.label, "rms": spelled(p.rms), "bin": p.bin} for p in s.points
                    ],
                }
                for s in self.series
            ],
            "notes": list(self.notes),
        }  # fmt: skip

    def cells(self) -> list[tuple[str, ...]]:
        return [
            (_SIGNS[row.level], row.kind, row.where, row.figure, row.threshold, row.cure)
            for row in self.findings[:MOST]
        ]

    def lines(self) -> list[str]:
        """What is said beside the table."""
        verdict = "no trouble found" if self.ok else f"{plural(len(self), 'finding')}"
        if not self.trace.gradients:
            verdict += " (no backward pass was looked at)"
        sizes_ = [
            f"gradient RMS {s.title}: {number(s.points[-1].rms, 3)} near the loss, "
            f"{number(s.points[0].rms, 3)} at the far end; "
            + " · ".join(f"{word} {count}" for word, count in s.counts().items())
            for s in self.series
        ]
        notes = [f"note: {words}" for words in self.notes]
        if len(self) > MOST:
            notes.append(f"the first {MOST} are shown, `findings` has all")
        return [verdict, *sizes_, *notes]

    def __str__(self) -> str:
        out = self.lines()
        for sign, kind, where, figure, bound, cure in self.cells():
            out += [f"{sign} {kind}: {where}", f"    {figure}; should be {bound}"]
            out.append(f"    cure: {cure}")
        return "\n".join(out)

    def _repr_html_(self) -> str:
        style = "text-align:left;vertical-align:top"
        said = "".join(f"<p>{xml(words)}</p>" for words in self.lines())
        if self.ok:
            return said
        head = "".join(f'<th scope="col" style="{style}">{word}</th>' for word in _HEADS)
        rows = "".join(
            "<tr>" + "".join(f'<td style="{style}">{xml(cell)}</td>' for cell in cells) + "</tr>"
            for cells in self.cells()
        )
        return f"{said}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


@checked(
    what=SOURCE, gradient=GRADIENT, vanishing=POSITIVE, exploding=POSITIVE, dead=PROBABILITY,
    saturated=PROBABILITY,
)  # fmt: skip
def health(
    what: Tensor | Sequence[Tensor] | Trace | AnomalyError, gradient: Any = None, *,
    vanishing: float = 1e-3, exploding: float = 1e3, dead: float = 0.1, saturated: float = 0.5,
) -> Health:  # fmt: skip
    """Looks for what keeps a network from learning.

    - NaN and infinities: the first operation that made one of sound operands (in order of
      creation; in the backward pass, the first in the walk), and the way from there to the loss;
    - gradients that vanish or explode over depth or time, by the ratio of their RMS far from the
      loss to that near it; parameters whose gradient is in the outermost of five fixed bins;
    - parameters whose gradient is 0 everywhere, and the operation that made it so;
    - dead ReLUs: the share of units that are 0 for the whole batch, and at all time steps;
    - saturated sigmoids and tanhs: the share of elements where the derivative is below 0.01.

    Statistics of a trace suffice for all but single units. For these, values are computed again
    from the leaves, unless the trace kept its arrays. The gates inside the operations lstm_sequence
    and gru_sequence are not seen.

    Args:
        what: a tensor or several, a trace, or the error that `microgradnd.detect_anomaly` raised.
        gradient: to start from at tensors that are no scalars, as for `backward`.
        vanishing, exploding: ratios of gradients' RMS from which on there is a warning; a thousand
            times further it is bad.
        dead: share of dead units for a warning; more in batches so small that as many units may
            be off by chance. Above a half it is bad.
        saturated: share of flat elements for a warning; above nine tenths it is bad.

    >>> x = Tensor([[-1.0, 2.0]] * 8)
    >>> w = Tensor([[1.0, 1.0]], requires_grad=True, name="w")
    >>> print(health((x * w).relu().sum()))
    1 finding
    ! dead: relu → #4
        1 of 2 units (50%) are 0 for all 8 samples: 0; should be at most 13%
        cure: leaky_relu or GELU, a smaller learning rate, He initialisation
    """
    found = traced(what, gradient)
    ids = ids_of(found)
    rows = origins.findings(found, ids)
    series = series_of(found, ids)
    for one in series:
        rows += sizes.of_series(one, ids, vanishing, exploding)
    rows += sizes.of_parameters(found, ids)
    more, unknown = units.findings(found, ids, dead, saturated)
    rows = sorted([*rows, *more], key=lambda row: row.level != "bad")
    notes = [words for words, so in ((_UNKNOWN, unknown), (_STALE, found.stale)) if so]
    return Health(tuple(rows), tuple(series), found, tuple(notes))


def traced(what: Any, gradient: Any = None) -> Trace:
    """The trace of tensors, or of what an error of anomaly mode was raised in."""
    if isinstance(what, Trace):
        return what
    with np.errstate(all="ignore"):  # what NumPy would warn of is found and told
        if not isinstance(what, AnomalyError):
            return trace(what, gradient, backward=differentiable(what, gradient))
        tensors, gradients = _subject(what)
        return trace(tensors, gradients or None, backward=bool(gradients))


def differentiable(what: Any, gradient: Any = None) -> bool:
    """Whether a backward pass can start: from gradients that are given, or from scalars."""
    tensors = [what] if isinstance(what, Tensor) else what
    return gradient is not None or all(getattr(t, "size", 1) == 1 for t in tensors)


def _subject(error: AnomalyError) -> tuple[list[Tensor], list[Any]]:
    """The tensors that an error of anomaly mode is about, and the gradients it started from.

    In the forward pass it is the result that was NaN, and no gradient.
    """
    if error.node is None:
        raise ValueError("this error knows no operation; it was not raised by detect_anomaly")
    graph = Graph([node for node, _ in error.seeds] or [error.node])
    values = graph.replay(graph.outputs)
    return [node.tensor(values[node]) for node in graph.outputs], list(merged(error.seeds).values())
