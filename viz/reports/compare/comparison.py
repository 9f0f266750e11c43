"""Two passes of nearly the same program, side by side: what changed, and by how much."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from microgradnd import Tensor
from microgradnd.graph import Node, checked
from viz.capture.summary import spelled
from viz.capture.trace import Trace, trace
from viz.diagnosis import differentiable
from viz.formats import files
from viz.reports.compare.alignment import Alignment, aligned
from viz.reports.compare.differences import Difference, difference
from viz.structure.ids import Ids, ids_of
from viz.style.kinds import LOOKS, PAIR, SAVED, SOURCE
from viz.style.text import plural, xml


@dataclass(frozen=True)
class Change:
    """A tensor of the one pass and its counterpart in the other.

    Attributes:
        name: its own, or None.
        a, b: their ids in the pictures of the two passes; None if there is no counterpart.
        where: module, operation and name.
        operations: those that computed them, by name; None for leaves and constants.
        value, gradient: how they differ; None where one is missing.
    """

    name: str | None
    a: str | None
    b: str | None
    where: str
    operations: tuple[str | None, str | None]
    value: Difference | None
    gradient: Difference | None


class Comparison:
    """Two passes compared; made by `viz.compare`.

    Attributes:
        a, b: the traces.
        names: what they are called.
        alignment: which parts correspond.
        changes: a row for each tensor, in order of creation; those only in b at the end.
    """

    def __init__(self, a: Trace, b: Trace, names: tuple[str, str], drawing: dict[str, Any]) -> None:
        self.a, self.b, self.names, self.drawing = a, b, names, drawing
        self.alignment = aligned(a, b)
        self.changes = tuple(_changes(a, b, self.alignment))

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __getitem__(self, name: str) -> Change:
        """The row of the tensor that has a name, or an id in the picture of a."""
        for row in self.changes:
            if name in (row.name, row.a):
                return row
        raise KeyError(f"no tensor is called {name!r} in either pass")

    @cached_property
    def _svg(self) -> str:
        from viz.reports.compare.comparison_graph import write

        return write(self)

    def svg(self) -> str:
        """Both passes in one picture, as the text of an SVG file."""
        return self._svg

    _repr_svg_ = svg

    @checked(**SAVED)
    def save(self, path: str | os.PathLike[str], *, scale: float = 2.0) -> Path:
        """Writes a file in the format that its suffix names: .svg, .png, .pdf, .html or .txt."""
        from viz.formats.export import of_svg

        texts = {".html": self._repr_html_, ".txt": lambda: f"{self}\n"}
        return files.save(path, of_svg(self.svg, scale) | texts, "a comparison")

    def to_dict(self) -> dict[str, Any]:
        """All rows as dicts, ready for JSON; "nan" and "inf" are strings there."""
        rows = [asdict(row) for row in self.changes]
        for row in rows:
            for what in ("value", "gradient"):
                if row[what]:
                    row[what] = {key: spelled(x) for key, x in row[what].items()}
        return {"names": list(self.names), "changes": rows}

    @property
    def summary(self) -> str:
        """How many tensors correspond, how many have no counterpart, and what is not as it was."""
        lone = [sum(row.b is None for row in self), sum(row.a is None for row in self)]
        words = f"{plural(len(self) - sum(lone), 'tensor')} in both"
        words += "".join(f", {n} only in {name}" for n, name in zip(lone, self.names) if n)
        stale = [name for name, x in zip(self.names, (self.a, self.b), strict=True) if x.stale]
        if stale:
            words += f"; leaves changed since {' and '.join(stale)}: values are what they give now"
        return words

    def _rows(self) -> list[tuple[str, str, str]]:
        """The table, its head first."""
        names = " → ".join(self.names)
        rows = [("", f"‖value‖ {names}", f"‖gradient‖ {names}")]
        for row in self:
            where = _where_of(row, self.names)
            rows.append((where, str(row.value or "—"), str(row.gradient or "—")))
        return rows

    def __str__(self) -> str:
        rows = self._rows()
        wide = [max(len(row[k]) for row in rows) for k in range(2)]
        lines = (f"{row[0]:{wide[0]}}  {row[1]:{wide[1]}}  {row[2]}".rstrip() for row in rows)
        return "\n".join([self.summary, *lines])

    def __repr__(self) -> str:
        return f"<Comparison of {' and '.join(self.names)}: {self.summary}>"

    def _repr_html_(self) -> str:
        style = "text-align:left"
        heads, *rows = self._rows()
        head = "".join(f'<th scope="col" style="{style}">{xml(word)}</th>' for word in heads)
        body = "".join(
            "<tr>" + "".join(f'<td style="{style}">{xml(cell)}</td>' for cell in row) + "</tr>"
            for row in rows
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p>{xml(self.summary)}</p>{table}"


def _where_of(row: Change, names: tuple[str, str]) -> str:
    """A row's place; what differs in the programs is said."""
    if row.b is None or row.a is None:
        return f"{row.where} (only in {names[0] if row.b is None else names[1]})"
    first, second = row.operations
    return row.where if first == second else f"{row.where} ({first} | {second})"


def _changes(a: Trace, b: Trace, alignment: Alignment) -> Iterator[Change]:
    """The rows of a comparison."""
    one, other = ids_of(a), ids_of(b)
    for node in a.nodes:
        its = alignment.tensors.get(node)
        if isinstance(its, Node):
            yield Change(
                node.name, one.tensors[node], other.tensors[its], one.where(node),
                (_op_of(node), _op_of(its)),
                difference(a.values[node], b.values[its]),
                difference(a.gradients.get(node), b.gradients.get(its)),
            )  # fmt: skip
        else:
            yield _lone(one, node, True)
    taken = set(alignment.tensors.values())
    for node in b.nodes:
        if node not in taken:
            yield _lone(other, node, False)


def _lone(ids: Ids, node: Node, first: bool) -> Change:
    key, op, where = ids.tensors[node], _op_of(node), ids.where(node)
    if first:
        return Change(node.name, key, None, where, (op, None), None, None)
    return Change(node.name, None, key, where, (None, op), None, None)


def _op_of(node: Node) -> str | None:
    return None if node.is_leaf else node.op.name


@checked(a=SOURCE, b=SOURCE, names=PAIR, **LOOKS)
def compare(
    a: Trace | Tensor | Sequence[Tensor],
    b: Trace | Tensor | Sequence[Tensor],
    *,
    names: tuple[str, str] = ("a", "b"),
    **drawing: Any,
) -> Comparison:
    """Compares two passes of nearly the same program: before and after a step, sigmoid and ReLU.

    Operations are matched by their order: equal ones first, then those alike, then others that
    stand in the same place with the same shape. Tensors are matched by what they are operands and
    results of, leaves by their names first. Arrays are compared where both are known: of traces
    with `keep="arrays"`, of arrays of up to 64 elements, and always if tensors are given; else
    norms are.

    A trace keeps the numbers of its time: trace before a training step and again after it. Tensors
    are traced now, so that their leaves' present values count; those that are no scalars without a
    backward pass.

    Args:
        a, b: traces, or tensors to be traced.
        names: what to call the two.
        drawing: theme, direction, engine and timeout as for `viz.draw`, for `svg()`.

    >>> w = Tensor([3.0, 4.0], requires_grad=True, name="w")
    >>> found = compare((w * 2.0).sum(), (w * 3.0).relu().sum(), names=("before", "after"))
    >>> print(found)
    3 tensors in both, 1 only in after
                                 ‖value‖ before → after     ‖gradient‖ before → after
    w                            5 → 5, Δ 0%, cos 1         2.83 → 4.24, Δ 50%, cos 1
    multiply → #2                10 → 15, Δ 50%, cos 1      1.41 → 1.41, Δ 0%, cos 1
    sum → #3                     14 → 21, Δ 50%, cos 1      1 → 1, Δ 0%, cos 1
    relu → #3 (only in after)    —                          —
    """
    options = {"theme": "auto", "direction": None, "engine": None, "timeout": 10.0}
    for key in drawing:
        if key not in options:
            raise TypeError(f"compare() takes no argument {key!r}; for its picture there are "
                            f"{', '.join(options)}")  # fmt: skip
    one, other = (
        x if isinstance(x, Trace) else trace(x, keep="arrays", backward=differentiable(x))
        for x in (a, b)
    )
    options |= {key: x for key, x in drawing.items() if x is not None}
    return Comparison(one, other, (str(names[0]), str(names[1])), options)
