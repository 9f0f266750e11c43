"""The library's random numbers: one seeded generator, used where no other is given.

Every function that draws takes `rng`, a `numpy.random.Generator`. Without one it draws from the
generator kept here, which starts from seed 0: a program gives the same numbers each time it runs.
"""

from __future__ import annotations

import reprlib

import numpy as np

__all__ = ["generator", "manual_seed"]
_own: list[np.random.Generator] = []  # made when first needed: numpy.random takes time to load


def generator(rng: np.random.Generator | None = None) -> np.random.Generator:
    """The generator given, or the library's own.

    >>> manual_seed(3)
    >>> generator().integers(10) == np.random.default_rng(3).integers(10)
    np.True_
    """
    if rng is not None:
        return rng
    if not _own:
        _own.append(np.random.default_rng(0))
    return _own[0]


def manual_seed(seed: int) -> None:
    """Starts the library's generator again from a seed; those who hold it see it restart."""
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        raise TypeError(
            f"manual_seed: seed must be a whole number of at least 0, not {reprlib.repr(seed)}"
        )
    generator().bit_generator.state = np.random.default_rng(seed).bit_generator.state
