"""What the traits `batch` are made of: how an operation computes all samples of a batch at once.

A trait is called with (values, mapped, n, options): the operands, each with the batch's axis first
where `mapped` says so; the number of samples; the options for one sample, by name. It gives the
results of all samples along a first axis. "leading" stands for an operation that takes any number
of axes before those that it computes with, "flat" for one that flattens without an `axis`,
"new axes" for one whose `axis` is one of the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Each:
    """All samples of an index that is another one for each: its first axis is the batch's."""

    def __init__(self, value: Any) -> None:
        self.value = value


def aligned(x: Any, ndim: int) -> Any:
    """Samples with axes of length 1 before theirs, until each has ndim."""
    if x.ndim >= ndim + 1:
        return x
    return x.reshape((x.shape[0], *(1,) * (ndim + 1 - x.ndim), *x.shape[1:]))


def repeated(x: Any, n: int) -> Any:
    """An operand that is the same for all samples, as one for each."""
    return np.broadcast_to(x, (n, *np.shape(x)))


def repeated_all(values: list[Any], mapped: list[bool], n: int) -> list[Any]:
    """All operands with the batch's axis."""
    return [x if m or x is None else repeated(x, n) for x, m in zip(values, mapped)]


def first_to_last(x: Any) -> Any:
    """The first axis moved behind the others."""
    return x.transpose((*range(1, x.ndim), 0))


def last_to_first(x: Any) -> Any:
    """The last axis moved before the others."""
    return x.transpose((x.ndim - 1, *range(x.ndim - 1)))


def moved(x: Any, axis: int, to: int) -> Any:
    """One axis moved to another place, both counted from the front."""
    order = [i for i in range(x.ndim) if i != axis]
    order.insert(to, axis)
    return x.transpose(tuple(order))
