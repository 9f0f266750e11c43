"""What a picture shows, as data: records of tensors, operations, groups, and the edges between.

Ids count in order of creation over the whole computation, whatever of it is shown: tensors
"t-1", operations "op-1", groups "g-1". Numbers are `viz.capture.summary.Summary`. Nothing here
knows how it is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from viz.capture.summary import Summary, summarise

State = Literal["done", "now", "pending"]  # of an operation at a stage of the backward pass


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """A tensor or constant with its numbers.

    Attributes:
        id, name: "t-1"; None without a name.
        kind: "parameter" (a leaf with a name), "leaf", "constant", "intermediate" or "output".
        shape, dtype, value: of its array.
        gradient: None where none was computed.
        contributions: the ids of the edges over which the gradient arrived, in the order of the
            walk.
        seed: the gradient that the walk started from here.
        inside: of a closed group's result, what the group itself contributed to its gradient.
        hidden: whether contributions came from operations that are not shown.
        hooked: whether hooks made the gradient another one than the sum.
        box: the id of the open group around it.
        rows: what is shown in place of value and gradient, each with its label.
        notes: below the rows.
        tooltip: more lines of it.
        expected: at a stage of the backward pass, how many contributions there are in the end.
    """

    id: str
    kind: str
    name: str | None
    shape: tuple[int, ...]
    dtype: str
    value: Summary
    gradient: Summary | None = None
    contributions: tuple[str, ...] = ()
    seed: Summary | None = None
    inside: Summary | None = None
    hidden: bool = False
    hooked: bool = False
    box: str | None = None
    rows: tuple[tuple[str, Summary | None], ...] | None = None
    notes: tuple[str, ...] = ()
    tooltip: str = ""
    expected: int = 0

    @property
    def terms(self) -> tuple[str, ...]:
        """What its gradient is the sum of: "seed", ids of edges, "inside"."""
        start = ("seed",) if self.seed is not None else ()
        return (*start, *self.contributions, *(("inside",) if self.inside is not None else ()))


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation.

    Attributes:
        step: of the backward pass, from 1; None if the walk did not come here.
        options: those that are not the defaults.
        numbers: by index, the operands that are plain numbers; they have no record.
        args: the names of all operands.
        infix: the operator between its two operands, if it is written so.
        text: what it does, in a few characters.
        view: whether its result holds no numbers of its own.
        state: at a stage of the backward pass.
    """

    id: str
    name: str
    step: int | None
    options: Mapping[str, Any]
    numbers: Mapping[int, Any]
    args: tuple[str, ...]
    infix: str = ""
    text: str = ""
    view: bool = False
    box: str | None = None
    notes: tuple[str, ...] = ()
    tooltip: str = ""
    state: State | None = None

    kind = "operation"


@dataclass(frozen=True, slots=True)
class Tag:
    """Another use of a tensor, away from its record; `shown` says whether there is a record."""

    id: str
    home: str  # the tensor
    name: str | None
    shape: tuple[int, ...]
    shown: bool
    box: str | None = None

    kind = "tag"


@dataclass(frozen=True, slots=True)
class ClosedGroup:
    """A group of operations that is drawn as one node.

    Attributes:
        module: the class of the module, or "repeat", "chain", ... for what was found.
        path: the names of the modules around it and its own.
        count, shared: of a repetition, how often its steps come, and whether with the same
            parameters.
        operations: how many are in it.
        steps: the first and the last backward step in it.
        inputs: id, name and shape of the tensors it is given.
        results: what it gives to others.
        parameters: the leaves that are used in it alone.
        strip: of a row of operations, what each of them does, and its gain: the norm of the
            gradient behind it over that before it.
    """

    id: str
    name: str
    module: str
    path: str
    count: int
    shared: bool
    operations: int
    steps: tuple[int, int] | None
    inputs: tuple[tuple[str, str | None, tuple[int, ...]], ...]
    results: tuple[TensorRecord, ...]
    parameters: tuple[TensorRecord, ...]
    strip: tuple[tuple[str, float | None], ...] = ()
    box: str | None = None
    tooltip: str = ""
    state: State | None = None

    kind = "group"

    @property
    def main(self) -> TensorRecord | None:
        """The result that it shows; of a layer of scalars all of them, as one array."""
        first = self.results[0] if self.results else None
        alike = all(record.value.scalar is not None for record in self.results)
        if self.module != "layer" or len(self.results) < 2 or not alike:
            return first
        rows = self.count if len(self.results) % self.count == 0 else 1
        value = _stacked([record.value for record in self.results], rows)
        gradient = _stacked([record.gradient for record in self.results], rows)
        assert first is not None
        assert value is not None
        return TensorRecord(first.id, first.kind, None, value.shape, first.dtype, value, gradient)


def _stacked(some: list[Summary | None], rows: int) -> Summary | None:
    """Scalars as one array, in so many rows, if all of them are known."""
    known = np.array([x.scalar for x in some if x is not None and x.scalar is not None])
    if len(known) < len(some):
        return None
    return summarise(known.reshape(rows, -1) if rows > 1 else known)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The uses of a tensor that are not in focus, all in one."""

    id: str
    home: str  # the tensor
    uses: int
    box: str | None = None

    kind = "more"
    name = None


Node: TypeAlias = TensorRecord | Operation | Tag | ClosedGroup | Elsewhere


@dataclass(frozen=True, slots=True)
class Contribution:
    """What flows back over an edge to one of the tensors that it carries."""

    tensor: str
    summary: Summary | None


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge of the forward pass, and the contribution that flows back over it.

    Attributes:
        id: "e-<operation>-<operand>" into an operation, "e-<operation>-out" to its result,
            "e-<group>-<tensor>" into a closed group, "e-more-<tensor>" to the uses that are not in
            focus; "e-<group>-<group>" or "e-<group>-<op>" where one edge carries many tensors.
        tail, head: ids of nodes.
        home: the id of the tensor that it carries; None where there are many.
        out: whether it leads from an operation to its result.
        arg, index: the operand's name and place.
        contribution: to the tensor's gradient.
        running: the sum of contributions when this one had arrived, if there are several.
        share: which part of the gradient the contribution is, if there are few; see `Trace.shares`.
        steps: the backward steps that made it.
        norms: of the contributions of all uses in a closed group, in order, where they are many.
        merged: the tensors that it carries, where there are many.
        label: words in place of the contribution.
    """

    id: str
    tail: str
    head: str
    home: str | None
    out: bool = False
    arg: str = ""
    index: int | None = None
    contribution: Summary | None = None
    running: Summary | None = None
    share: float | None = None
    steps: tuple[int, ...] = ()
    norms: tuple[float | None, ...] = ()
    merged: tuple[Contribution, ...] = ()
    label: str = ""

    def contributed_to(self, tensor: str) -> Summary | None:
        """What it adds to the gradient of a tensor that it carries."""
        if self.merged:
            return next((c.summary for c in self.merged if c.tensor == tensor), None)
        return self.contribution

    @property
    def flowing(self) -> tuple[Summary, ...]:
        """The contributions of an edge that carries many tensors."""
        return tuple(c.summary for c in self.merged if c.summary is not None)

    @property
    def norm(self) -> float:
        """The norm of all contributions on an edge that carries many tensors."""
        return math.sqrt(sum(x.norm**2 for x in self.flowing))


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """A group that is drawn as a box around what it holds."""

    id: str
    name: str
    path: str
    module: str
    count: int
    shared: bool
    box: str | None


@dataclass(frozen=True, slots=True)
class PictureModel:
    """All that a picture shows.

    Attributes:
        nodes: by id, in order of creation.
        edges: by id, in order of creation.
        groups: the open ones, the outer before the inner.
        title, summary: the lines above the picture.
        steps: of the backward pass.
        backward: whether there was one.
        stale: whether the values may differ from those of the forward pass.
        changed: the leaves that were written to since, as they are named in a sentence.
        stage: after how many steps the backward pass is shown; None for all.
    """

    nodes: dict[str, Node]
    edges: dict[str, Edge]
    groups: tuple[OpenGroup, ...] = ()
    title: str = ""
    summary: str = ""
    steps: int = 0
    backward: bool = False
    stale: bool = False
    changed: tuple[str, ...] = ()
    stage: int | None = None

    def of_kind(self, kind: type) -> Iterator[Any]:
        """The nodes of a class."""
        return (node for node in self.nodes.values() if isinstance(node, kind))
