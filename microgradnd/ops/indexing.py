"""Reading and writing parts: basic slices, integer arrays, boolean masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd.declaration import Value, op
from microgradnd.ops.batches import (
    Each,
    aligned,
    first_to_last,
    last_to_first,
    repeated,
    repeated_all,
)

BASIC = frozenset({int, slice, type(None), type(...)})


def plain(index: Any) -> Any:
    """An index without Tensors in it; basic ones come through untouched."""
    if type(index) is tuple:
        for part in index:
            if type(part) not in BASIC:
                return tuple([plain(part) for part in index])
        return index
    if type(index) in BASIC:
        return index
    if isinstance(index, list):
        return np.asarray(index, None if index else int)
    return getattr(index, "_array", index)


# --- All samples of a batch at once --------------------------------------------------------------
def behind(index: Any) -> tuple:
    """An index for arrays that have one more axis, the last, which it leaves alone."""
    parts = index if isinstance(index, tuple) else (index,)
    return (*parts, slice(None)) if any(p is ... for p in parts) else parts


def own_places(ndim: int, n: int, index: Any) -> tuple[tuple, int, int]:
    """An index that differs from sample to sample, as one for all: with each sample's number.

    Returns it, how many axes the arrays in it have, and where these stand in what it reads from a
    sample. What it reads from all has the batch's axis and those of the arrays first.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    values = [p.value if isinstance(p, Each) else p for p in parts]
    if any(hasattr(v, "dtype") and v.dtype == bool for v in values):
        raise TypeError("a mask that differs from sample to sample reads parts of different shapes")
    advanced = [not isinstance(p, (slice, type(None), type(...))) for p in parts]
    if ... in [p for p, a in zip(parts, advanced) if not a]:
        at = next(i for i, p in enumerate(parts) if p is ...)
        taken = sum(p is not None for p in parts) - 1
        parts[at : at + 1] = values[at : at + 1] = [slice(None)] * (ndim - taken)
        advanced[at : at + 1] = [False] * (ndim - taken)
    own = [isinstance(p, Each) for p in parts]
    k = max(np.ndim(v) - o for v, o, a in zip(values, own, advanced) if a)
    values = [aligned(v, k) if o else v for v, o in zip(values, own)]
    values = [getattr(v, "_array", v) for v in values]
    places = [i for i, a in enumerate(advanced) if a]
    together = places[-1] - places[0] == len(places) - 1
    return (np.arange(n).reshape((n,) + (1,) * k), *values), k, places[0] if together else 0


def exchanged(x: Value, k: int, at: int, back: bool = False) -> Value:
    """The k axes after the first moved behind the `at` that follow them, or back."""
    first, second = range(1, k + 1), range(k + 1, k + 1 + at)
    if back:
        first, second = range(1, at + 1), range(at + 1, at + 1 + k)
    rest = range(1 + k + at, x.ndim)
    return x.transpose((0, *second, *first, *rest))


def getitem_batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
    (x,), index = values, options["index"]
    if not differs(index):
        return last_to_first(first_to_last(x)[behind(index)])
    x = x if mapped[0] else repeated(x, n)
    places, k, at = own_places(x.ndim - 1, n, index)
    return exchanged(x[places], k, at)


def differs(index: Any) -> bool:
    """Whether an index holds another array for each sample."""
    parts = index if isinstance(index, tuple) else (index,)
    return any([isinstance(p, Each) for p in parts])


def writing(write: Callable) -> Callable:
    """How values of all samples are written to places of all samples at once."""

    def batch(values: list, mapped: list[bool], n: int, options: dict) -> Value:
        (x, value), index = repeated_all(values, mapped, n), options["index"]
        if not differs(index):
            return last_to_first(write(first_to_last(x), first_to_last(value), behind(index)))
        places, k, at = own_places(x.ndim - 1, n, index)
        ndim = np.broadcast_to(0, x.shape)[places].ndim - 1
        return write(x, exchanged(aligned(value, ndim), k, at, back=True), places)

    return batch


def is_unique(index: Any) -> bool:
    """Whether an index reads no element twice for sure: slices, single integers and masks."""
    parts = index if isinstance(index, tuple) else (index,)
    return all([p.dtype == bool for p in parts if isinstance(p, np.ndarray) and p.ndim])


@op(x=lambda g, index, into: add_at(into, g, index, True), linear="x", view="x", whole=True,
    prepare={"index": plain}, method="__getitem__", internal=True,
    batch=getitem_batch, batch_index="index", notation="element",
    program="{x:atom}[{index:index}]")  # fmt: skip
def getitem(x: Value, index: Any) -> Value:
    """x[index], for every index that NumPy takes; Tensors of integers or truths may stand in it."""
    return x[index]


def _fits(name: str, value: Value, x: Value) -> None:
    if np.iscomplexobj(value) and not np.iscomplexobj(x):  # NumPy would drop the imaginary part
        raise TypeError(f"{name} is complex and does not fit into x, {x.dtype}: convert x first")


@op(x=lambda g: g, y=lambda g, index: g[index], linear="x+y", scratch="fresh", whole=True,
    prepare={"index": plain}, internal=True, notation="scattered",
    batch=writing(lambda *given: add_at(*given)), batch_index="index")  # fmt: skip
def add_at(x: Value, y: Value, index: Any, fresh: bool = False) -> Value:
    """x with y added at index; in x itself if nobody else holds it (fresh)."""
    _fits("y", y, x)
    out = x if fresh else x.copy()
    if is_unique(index):
        out[index] += y
    else:
        np.add.at(out, index, y)
    return out


def setitem_value(g: Value, x_shape: tuple, value_shape: tuple, index: Any) -> Value:
    read = g[index]
    # A value may have more axes than the place it is written to, if their length is 1.
    read = read.reshape((1,) * (len(value_shape) - read.ndim) + read.shape)
    if is_unique(index):
        return read
    # Of several values written to one place only the last is there to get a gradient.
    writes = np.arange(read.size).reshape(read.shape)
    last = np.zeros(x_shape, dtype=int)
    last[index] = writes
    return np.where(last[index].reshape(read.shape) == writes, read, 0.0)


@op(x=lambda g, index: setitem(g, 0.0, index), value=setitem_value, linear="x+value", fresh="x",
    prepare={"index": plain}, internal=True, whole=True,
    batch=writing(lambda *given: setitem(*given)), batch_index="index")  # fmt: skip
def setitem(x: Value, value: Value, index: Any) -> Value:
    """A copy of x in which value was written at index."""
    _fits("value", value, x)
    out = x.copy()
    out[index] = value
    return out
