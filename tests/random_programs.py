"""Random programs made of the rows of the tables: any operation on what any others gave.

A program has some leaves and a list of steps. A step takes a sample of a row, and for each of its
operands a value made before: brought to the operand's shape by views, indices and broadcasting,
and moved about what the row draws for the operand, so near that it stays off the kinks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

import microgradnd as mg
from tests import op_case
from tests.composed_cases import COMPOSED
from tests.composed_linalg import LINALG
from tests.op_case import OpCase, Operand, Sample
from tests.op_cases import CASES
from tests.test_composed import called

MOST = 64  # elements of a value
# How far from what a row draws one may go: with smooth functions, as far as their domains allow.
REACH = {op_case.real: 0.5, op_case.positive: 0.3, op_case.nonzero: 0.3, op_case.unit: 0.1,
         op_case.distinct: 0.03}  # fmt: skip


def _usable(sample: Sample) -> bool:
    operands = [o for o in sample.operands if isinstance(o, Operand)]
    if sample.options.get("dtype") is np.longdouble:  # linear algebra has none of them
        return False
    exact = any("exactly" in getattr(o.draw, "__qualname__", "") for o in operands)
    return bool(operands) and not exact and all(0 < prod(o.shape) <= MOST for o in operands)


ROWS = [
    (case, sample) for case in (*CASES, *COMPOSED, *LINALG) for sample in case.samples
    if _usable(sample)
]  # fmt: skip
COMPOSITES = {id(case) for case in (*COMPOSED, *LINALG)}


@dataclass
class Fitted:
    """A value made before, brought to a shape by an index, and moved about a centre."""

    source: int
    index: Any  # of the flattened value; None where it is taken as it is, or turned
    centre: np.ndarray
    reach: float

    def __call__(self, values: list[Any], sin: Callable) -> Any:
        x, shape = values[self.source], self.centre.shape
        if self.index is not None:
            x = x.reshape(-1)[self.index]
            x = x.reshape(shape) if prod(x.shape) == prod(shape) else x  # else it is broadcast
        elif tuple(x.shape) != shape:
            x = x.swapaxes(0, 1)
        numpy = isinstance(x, mg.Tensor)
        centre = self.centre.astype(x.dtype) if numpy else x.new_tensor(self.centre)
        return sin(x) * self.reach + centre


@dataclass
class Program:
    """Steps, each a row's sample on fitted values; the outputs of all of them are summed up."""

    leaves: list[np.ndarray]
    steps: list[tuple[OpCase, Sample, list[Any], int]] = field(default_factory=list)

    def __call__(self, *leaves: Any, torch: Any = None) -> Any:
        values = list(leaves)
        for case, sample, operands, way in self.steps:
            values += self.step(values, case, sample, operands, way, torch)
        return values

    @staticmethod
    def step(
        values: list, case: OpCase, sample: Sample, operands: list, way: int, torch: Any
    ) -> list:
        """What one step gives: its floating-point results."""
        sin = mg.sin if torch is None else torch.sin
        given = [o(values, sin) if isinstance(o, Fitted) else o for o in operands]
        if torch is not None:
            kinds = {"i": torch.long, "u": torch.long}
            given = [
                torch.as_tensor(x, dtype=kinds.get(x.dtype.kind))
                if isinstance(x, np.ndarray)
                else x
                for x in given
            ]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's own complaints
                out = case.torch(torch, *given, **sample.options)
            outs = list(out) if isinstance(out, (tuple, list)) else [out]
            return [o for o in outs if o.is_floating_point()]
        function = case.numpy if way and case.numpy else case.call
        if id(case) in COMPOSITES:
            outs = called(function, case, sample, given)
        else:
            outs = [function(*given, **sample.options)]
        return [o for o in outs if o.dtype.kind == "f"]

    def loss(self, *leaves: Any, torch: Any = None) -> Any:
        """One number: all values that the steps made, each element with a weight of its own."""
        total = 0.0
        for value in self(*leaves, torch=torch)[len(leaves) :]:
            weight = np.cos(np.arange(prod(value.shape)).reshape(tuple(value.shape)) + 1.0)
            weight = weight if torch is None else torch.as_tensor(weight)
            total = (
                total + (value * (weight.astype(value.dtype) if torch is None else weight)).sum()
            )
        return total

    def __str__(self) -> str:
        lines = [f"leaves {[a.shape for a in self.leaves]}"]
        for case, sample, operands, _ in self.steps:
            sources = [o.source if isinstance(o, Fitted) else "constant" for o in operands]
            lines.append(f"{case.op}({sources}) as in its sample {sample.label}")
        return "\n".join(lines)


def fitted(random: np.random.Generator, values: list[Any], operand: Operand) -> Fitted:
    """A random value made before, for an operand."""
    source = int(random.integers(len(values)))
    shape, mine = operand.shape, values[source].shape
    size, wanted = values[source].size, prod(operand.shape)
    index: Any = random.integers(0, size, shape)
    way = random.integers(4)
    if way == 0 and shape in (mine, mine[::-1]) and len(shape) < 3:
        index = None
    elif way == 1:  # a row for all rows
        index = random.integers(0, size, shape[-1:])
    elif way == 2 and size >= wanted:  # a slice with a step
        step = size // wanted
        index = slice(0, wanted * step, step)
    centre = np.asarray(operand.draw(random, shape), float)
    return Fitted(source, index, centre, REACH.get(operand.draw, 0.004))


def program(seed: int, number: int, rows: list = ROWS) -> Program:
    """The program of a number."""
    random = np.random.default_rng((seed, number))
    shapes = [tuple(random.integers(1, 4, random.integers(0, 3))) for _ in range(2)]
    made = Program([random.uniform(-1, 1, s) for s in shapes])
    values = [mg.Tensor(a) for a in made.leaves]
    for _ in range(random.integers(1, 7)):
        case, sample = rows[random.integers(len(rows))]
        operands = [
            fitted(random, values, o) if isinstance(o, Operand) else o for o in sample.operands
        ]
        step = case, sample, operands, int(random.integers(2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outs = Program.step(values, *step, None)
        sizes = [o.size for o in outs]
        if outs and 0 < min(sizes) <= max(sizes) <= MOST and all(_tame(o) for o in outs):
            made.steps.append(step)
            values += outs
    return made


def _tame(out: mg.Tensor) -> bool:
    """Whether finite differences can tell its slope: their error grows with the value."""
    return bool(np.isfinite(out.data).all() and np.abs(out.data).max() < 100)
