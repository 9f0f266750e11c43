"""What a row of the table of op cases is made of.

A row lists samples: operands (a shape and a domain to draw from, or a fixed array that is a
constant) and options. Domains keep away from the kinks of an op, where finite differences mean
nothing; `test_ops.py` checks the kinks by value.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import microgradnd as mg

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, Shape], np.ndarray]


def between(low: float, high: float) -> Draw:
    return lambda random, shape: random.uniform(low, high, shape)


def nonzero(random: np.random.Generator, shape: Shape) -> np.ndarray:
    return random.uniform(0.5, 2, shape) * random.choice([-1.0, 1.0], shape)


def off_grid(random: np.random.Generator, shape: Shape) -> np.ndarray:
    """At least 0.01 from each multiple of 0.05: from 0, from integers, from halves."""
    return 0.1 * random.integers(-20, 20, shape) + random.uniform(0.01, 0.04, shape)


def off_off_grid(random: np.random.Generator, shape: Shape) -> np.ndarray:
    """Never equal to what `off_grid` draws."""
    return off_grid(random, shape) + 0.05


def distinct(random: np.random.Generator, shape: Shape) -> np.ndarray:
    """No two elements closer than 0.1, so that the largest and the smallest stand clear."""
    size = int(np.prod(shape))
    return (0.1 * (random.permutation(size) - size // 2) + 0.03).reshape(shape)


def exactly(values: Any) -> Operand:
    array = np.array(values, dtype=float)
    return Operand(array.shape, lambda random, shape: array.copy())


real = between(-2, 2)
positive = between(0.5, 2)
unit = between(-0.8, 0.8)


@dataclass(frozen=True)
class Operand:
    """An operand that requires a gradient."""

    shape: Shape
    draw: Draw = real


@dataclass(frozen=True)
class Sample:
    """Operands (an array among them is a constant) and options of one call."""

    operands: tuple[Operand | np.ndarray, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        shapes = " ".join(str(o.shape).replace(" ", "") for o in self.operands)
        options = (f"{key}={value!r}" for key, value in self.options.items())
        return " ".join([shapes, *options]).replace("\n", "")

    @property
    def tracked(self) -> list[int]:
        return [i for i, o in enumerate(self.operands) if isinstance(o, Operand)]

    def arrays(self, dtype: Any = np.float64) -> list[np.ndarray]:
        """The operands: the same ones at each call, those that are drawn in the dtype."""
        random = np.random.default_rng(zlib.crc32(self.label.encode()))
        return [
            np.asarray(o.draw(random, o.shape), dtype) if isinstance(o, Operand) else o.copy()
            for o in self.operands
        ]

    def complex_arrays(self, tracked: list[int], elementwise: bool) -> list[np.ndarray]:
        """The operands, those tracked of complex numbers: in each quadrant if `elementwise`."""
        random = np.random.default_rng(zlib.crc32(self.label.encode()) + 1)
        arrays = self.arrays()
        for i in tracked:
            operand = self.operands[i]
            assert isinstance(operand, Operand)
            if elementwise:
                turned = random.choice([1, 1j, -1, -1j], operand.shape)
                arrays[i] = (arrays[i] + 1j * operand.draw(random, operand.shape)) * turned
            else:
                arrays[i] = arrays[i] + 0.3j * random.uniform(-1, 1, operand.shape)
        return [np.asarray(a) for a in arrays]

    def tensors(self, dtype: Any = np.float64) -> list[mg.Tensor]:
        arrays = enumerate(self.arrays(dtype))
        return [mg.Tensor(a, requires_grad=i in self.tracked) for i, a in arrays]


@dataclass(frozen=True)
class OpCase:
    """How to call an op, what NumPy says its value is, and the samples to try it on."""

    op: str  # its name in OPS
    call: Callable[..., mg.Tensor]
    reference: Callable[..., np.ndarray]
    samples: tuple[Sample, ...]
    numpy: Callable | None = None  # NumPy's function, which must record the same node
    torch: Callable | None = None  # called with the module torch, the operands and the options
    keeps_dtype: bool = True  # False: an option of the op asks for another dtype
    complex: bool = True  # False: not tried on complex numbers, though the op takes them; see why


def samples(operands: Iterable[tuple[Operand | np.ndarray, ...]], *options: Mapping) -> Any:
    """Each tuple of operands with each set of options."""
    return tuple(Sample(given, chosen) for given in operands for chosen in options or ({},))


def along_directions(
    function: Callable[..., mg.Tensor], tensors: list[mg.Tensor], few: int = 24, count: int = 4
) -> tuple[Callable[..., mg.Tensor], list[mg.Tensor]]:
    """The function of how far tensors of many elements are moved along some random directions.

    A derivative that is wrong anywhere is wrong along each of them, so that finite differences by
    four numbers tell as much as those by hundreds. Tensors of few elements stay what is moved.
    """
    if sum(t.size for t in tensors if t.requires_grad) <= few:
        return function, tensors
    random = np.random.default_rng(11)
    moves = [random.standard_normal((count, t.size)) if t.requires_grad else None for t in tensors]

    def moved(steps: mg.Tensor) -> mg.Tensor:
        return function(*(
            t if move is None else t.detach() + (steps @ move).reshape(t.shape)
            for t, move in zip(tensors, moves)
        ))  # fmt: skip

    return moved, [mg.Tensor(np.zeros(count), requires_grad=True)]
