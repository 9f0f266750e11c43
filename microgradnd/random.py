"""The library's random numbers: one seeded generator, used where no other is given.

Every function that draws takes `rng`, a `numpy.random.Generator`. Without one it draws from the
generator kept here, which starts from seed 0: a program gives the same numbers each time it runs.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

__all__ = ["generator", "manual_seed"]
# Where a function is mapped over samples: what stands for the generator.
drawn: ContextVar[Callable[[np.random.Generator], Any] | None] = ContextVar("drawn", default=None)
_own: list[np.random.Generator] = []  # made when first needed: numpy.random takes time to load


def generator(rng: np.random.Generator | None = None) -> np.random.Generator:
    """The generator given, or the library's own.

    >>> manual_seed(3)
    >>> generator().integers(10) == np.random.default_rng(3).integers(10)
    np.True_
    """
    if rng is None:
        if not _own:
            _own.append(np.random.default_rng(0))
        rng = _own[0]
    around = drawn.get()
    return rng if around is None else around(rng)


def manual_seed(seed: int) -> None:
    """Starts the library's generator again from a seed; those who hold it see it restart."""
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        raise TypeError(
            f"manual_seed: seed must be a whole number of at least 0, not {reprlib.repr(seed)}"
        )
    generator().bit_generator.state = np.random.default_rng(seed).bit_generator.state
