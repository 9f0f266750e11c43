"""The op cases of complex numbers: their parts, and Fourier transforms of one axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import microgradnd as mg
from microgradnd.declaration import OPS
from tests.op_case import OpCase, Operand, Sample, nonzero, samples

SHAPES = ((), (3,), (2, 3), (0,))
NORMS = ({"norm": "ortho"}, {"norm": "forward"}, {"norm": "backward", "axis": 0})


def transform(name: str, draw_complex: bool = True) -> OpCase:
    """A transform of lengths odd and even, cut, lengthened, along other axes, with each norm."""
    theirs = getattr(np.fft, name)
    return OpCase(
        name,
        getattr(mg.fft, name),
        theirs,
        samples([(Operand((4,)),), (Operand((2, 3)),)], {}, *NORMS[:2])
        + samples([(Operand((3, 2)),)], NORMS[2], {"n": 5, "axis": 0}, {"n": 4, "axis": -2})
        + samples([(Operand((5,)),)], {"n": 3}, {"n": 2}, {"n": 8, "norm": "ortho"}, {"n": 1}),
        numpy=theirs,
        torch=lambda t, x, axis=-1, **options: getattr(t.fft, name)(x, dim=axis, **options),
        keeps_dtype=name == "irfft",
        complex=draw_complex,
    )


def part(name: str, numpy: Callable, torch: bool = True) -> OpCase:
    drawn = samples([(Operand(shape, nonzero),) for shape in SHAPES])
    theirs = (lambda t, x: getattr(t, name)(x)) if torch else None
    return OpCase(name, getattr(mg, name), numpy, drawn, numpy=numpy, torch=theirs)


COMPLEX = (
    part("conj", np.conjugate),
    part("real", np.real),
    part("imag", np.imag, torch=False),  # torch refuses it of real numbers
    part("angle", np.angle),
    OpCase(
        "angle",
        mg.angle,
        np.angle,
        samples([(Operand((3,), nonzero),)], {"deg": True}),
        numpy=np.angle,
    ),
    OpCase(
        "complex",
        mg.complex,
        lambda x, y: x + 1j * y,
        samples(
            [(Operand((2, 3)), Operand((3,))), (Operand(()), Operand(())), (Operand((0,)),) * 2]
        ),
        torch=lambda t, x, y: t.complex(*t.broadcast_tensors(x, y)),
        keeps_dtype=False,
        complex=False,  # its operands are real
    ),
    transform("fft"),
    OpCase("fft", mg.fft.fft, np.fft.fft, (Sample((Operand((0, 3)),)),), keeps_dtype=False),
    transform("ifft"),
    transform("rfft", draw_complex=False),  # its operand is real
    transform("irfft"),
)
assert all(case.op in OPS for case in COMPLEX)
