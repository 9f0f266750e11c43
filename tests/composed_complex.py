"""The rows of Fourier transforms of several axes, and of what makes complex numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.composed_cases import composed, drawn, given
from tests.op_case import OpCase, positive

LENGTHS = {"s": (3, 2)}
AXES = {"axes": (0, -1), "norm": "ortho"}


def torch_fft(name: str) -> Callable:
    def call(t: Any, *xs: Any, axes: Any = None, axis: Any = None, **options: Any) -> Any:
        along = {} if axes is axis is None else {"dim": axis if axes is None else axes}
        return getattr(t.fft, name)(*xs, **along, **options)

    return call


def transform(name: str, *samples: Any) -> OpCase:
    theirs = getattr(np.fft, name)
    return composed(name, theirs, *samples, numpy=theirs, torch=torch_fft(name))


def several(name: str) -> OpCase:
    samples = [given((2, 3)), given((2, 3, 2), **AXES), given((2, 3), norm="forward")]
    lengths = given((2, 2, 2), s=(3, 2), axes=(-2, -1))
    return transform(name, *samples, lengths)


COMPLEX = (
    *map(several, ("fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2", "irfft2")),
    transform("hfft", given((4,)), given((2, 3), n=5), given((3, 2), axis=0, norm="ortho")),
    transform("ihfft", given((4,)), given((2, 3), n=5), given((3, 2), axis=0, norm="forward")),
    transform("fftshift", given((5,)), given((2, 4)), given((3, 4), axes=1)),
    transform("ifftshift", given((5,)), given((2, 4)), given((3, 4), axes=(0,))),
    composed("polar", lambda r, phi: r * np.exp(1j * phi), drawn(positive, (2, 3), (2, 3)),
             drawn(positive, (2, 3), (3,)), numpy=False,
             torch=lambda t, r, phi: t.polar(*t.broadcast_tensors(r, phi))),
    composed("view_as_real", lambda x: np.stack([x, 0 * x], -1), given((2, 3)), numpy=False),
    composed("view_as_complex", lambda x: x[..., 0] + 1j * x[..., 1], given((3, 2)), given((2,)),
             numpy=False, torch="view_as_complex"),
)  # fmt: skip
