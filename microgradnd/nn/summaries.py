"""The table of a network: its layers, their output shapes, parameters and multiply-adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from microgradnd.arguments import NUMBER_DTYPE, checked, either, instance, optional, several, whole
from microgradnd.engine import Tensor, default_dtype
from microgradnd.grad_mode import enable_grad, observed
from microgradnd.nn.module import Module
from microgradnd.node import Array, Node
from microgradnd.writes import owner_of

_Shape = tuple[int, ...]


@dataclass
class Row:
    """A module's line: what it did itself, without the modules within."""

    path: str
    kind: str
    parameters: int = 0
    multiply_adds: int = 0
    calls: int = 0
    shape: Any = None  # of its last result; a list for several results


@dataclass
class Summary:
    """What `summary` found; its repr is the table.

    `rows` has a `Row` per module that computes; `parameters` (of them `trainable`) and
    `multiply_adds` are the totals; `kept` is the memory in bytes that the forward pass keeps for
    the backward one, without the parameters; `stored` that of the parameters.
    """

    rows: list[Row]
    parameters: int = 0
    trainable: int = 0
    multiply_adds: int = 0
    kept: int = 0
    stored: int = 0
    inputs: list[_Shape] = field(default_factory=list)

    def __repr__(self) -> str:
        lines: list[tuple[str, ...]] = [("layer", "kind", "output", "parameters", "multiply-adds")]
        lines.append(("(input)", "", ", ".join(map(str, self.inputs)), "", ""))
        for row in self.rows:
            kind = row.kind + f" ×{row.calls}" * (row.calls > 1)
            output = str(row.shape) if row.calls else "(not called)"
            counts = (f"{n:,}" if n else "" for n in (row.parameters, row.multiply_adds))
            lines.append((row.path, kind, output, *counts))
        lines.append(("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"))
        table = aligned(lines, "<<<>>").splitlines()
        rule = "─" * max(map(len, table))
        frozen = self.parameters - self.trainable
        note = f"parameters {in_bytes(self.stored)}, kept for backward {in_bytes(self.kept)}"
        note += f", {frozen:,} parameters frozen" * (frozen > 0)
        return "\n".join([table[0], rule, *table[1:-1], rule, table[-1], note])


def aligned(rows: Sequence[Sequence[str]], sides: str) -> str:
    """Rows of words as columns, each flush left ("<") or right (">").

    >>> print(aligned([["a", "1"], ["bcd", "20"]], "<>"))
    a     1
    bcd  20
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    padded = (
        "  ".join(f"{word:{side}{width}}" for word, side, width in zip(row, sides, widths))
        for row in rows
    )
    return "\n".join(text.rstrip() for text in padded)


def in_bytes(count: int) -> str:
    """A number of bytes in a unit that fits.

    >>> in_bytes(512), in_bytes(1_724_320)
    ('512 B', '1.72 MB')
    """
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000  # type: ignore[assignment]
    return f"{count:.3g} GB"


_SHAPES = several(whole(0), "a shape, such as (1, 3, 224, 224)")


@checked(
    model=instance(Module, "a Module"),
    input_shape=either(_SHAPES, several(_SHAPES, "a list of shapes", 1)),
    dtype=either(optional(NUMBER_DTYPE), several(NUMBER_DTYPE, "a list of them")),
)
def summary(model: Module, input_shape: _Shape | Sequence[_Shape], dtype: Any = None) -> Summary:
    """The table of a model's layers for an input of zeros.

    The numbers are those of the operations that were really run, forward, in evaluation mode: a
    multiply-add is one product and its addition in a matrix product or convolution. The model's
    modes, buffers and gradients are as before.

    Args:
        model: any module.
        input_shape: with the batch's axis, as (1, 3, 224, 224); a list of shapes for several
            inputs.
        dtype: of the input, or a list of them; default the parameters'. `int` for an Embedding.

    >>> from microgradnd import nn
    >>> nn.summary(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), (1, 4), dtype="float64")
    layer    kind    output  parameters  multiply-adds
    ──────────────────────────────────────────────────
    (input)          (1, 4)
    0        Linear  (1, 3)          15             12
    1        Linear  (1, 2)           8              6
    ──────────────────────────────────────────────────
    total                            23             18
    parameters 184 B, kept for backward 56 B
    """
    shapes: list[Any] = (
        [input_shape] if all(isinstance(n, int) for n in input_shape) else list(input_shape)
    )
    parameters = list(model.parameters())
    dtypes = list(dtype) if isinstance(dtype, (list, tuple)) else [dtype] * len(shapes)
    if len(dtypes) != len(shapes):
        raise ValueError(f"summary: dtype has {len(dtypes)} entries for {len(shapes)} inputs")
    usual = parameters[0].dtype if parameters else default_dtype[0]
    inputs = [np.zeros(n, t or usual) for n, t in zip(shapes, dtypes, strict=True)]
    rows = {id(module): Row(path, type(module).__name__) for path, module in model.named_modules()}
    seen: set[int] = set()
    for module in model.modules():
        own = [p for _, p in module.own("parameter") if id(p) not in seen]
        seen.update(map(id, own))
        rows[id(module)].parameters = sum(p.size for p in own)
    kept: dict[int, Array] = {}
    with _evaluated(model), _counted(model, rows, kept):
        model(*(Tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs))
    for parameter in parameters:
        kept.pop(id(owner_of(parameter.data)), None)
    working = [
        row
        for module, row in ((m, rows[id(m)]) for m in model.modules())
        if row.parameters or row.multiply_adds or not list(module.children())
    ]
    return Summary(
        working,
        sum(p.size for p in parameters),
        sum(p.size for p in parameters if p.requires_grad),
        sum(row.multiply_adds for row in working),
        sum(array.nbytes for array in kept.values()),
        sum(p.data.nbytes for p in parameters),
        [x.shape for x in inputs],
    )


@contextmanager
def _evaluated(model: Module) -> Iterator[None]:
    """Evaluation mode, frozen parameters recorded as the others; then all is as it was."""
    frozen = [p for p in model.parameters() if not p.requires_grad]
    before: list[tuple[Any, str, bool]] = [(m, "training", m.training) for m in model.modules()]
    before += [(p, "requires_grad", False) for p in frozen]
    model.eval()
    try:
        for parameter in frozen:
            parameter.requires_grad = True
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


@contextmanager
def _counted(model: Module, rows: dict[int, Row], kept: dict[int, Array]) -> Iterator[None]:
    """Adds what is run inside to the rows of the modules that run it, and to `kept`."""
    running: list[Row] = []

    def enter(module: Module, args: tuple) -> None:
        running.append(rows[id(module)])

    def leave(module: Module, args: tuple, out: Any) -> None:
        row = running.pop()
        row.calls += 1
        row.shape = _shape_of(out)

    def count(node: Node, out: Array) -> None:
        shapes = [getattr(p, "shape", ()) for p in node.parents]
        running[-1].multiply_adds += node.op.multiply_adds(node.shape, shapes, node.options)
        for array in node.plan.unpacked(node.saved):
            if isinstance(array, Array):
                kept[id(owner_of(array))] = owner_of(array)

    with ExitStack() as stack:
        for module in model.modules():
            stack.callback(module.register_forward_pre_hook(enter).remove)
            stack.callback(module.register_forward_hook(leave).remove)
        with enable_grad(), observed(count, lambda seeds: None):
            yield


def _shape_of(out: Any) -> Any:
    if isinstance(out, (tuple, list)):
        return [_shape_of(part) for part in out]
    return getattr(out, "shape", None)
