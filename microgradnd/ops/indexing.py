"""Reading and writing parts: basic slices, integer arrays, boolean masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.declaration import Value, op

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


def is_unique(index: Any) -> bool:
    """Whether an index reads no element twice for sure: slices, single integers and masks."""
    parts = index if isinstance(index, tuple) else (index,)
    return all([p.dtype == bool for p in parts if isinstance(p, np.ndarray) and p.ndim])


@op(x=lambda g, index, into: add_at(into, g, index, True), linear="x", view="x", whole=True,
    prepare={"index": plain}, method="__getitem__", internal=True, notation="element",
    program="{x:atom}[{index:index}]")  # fmt: skip
def getitem(x: Value, index: Any) -> Value:
    """x[index], for every index that NumPy takes; Tensors of integers or truths may stand in it."""
    return x[index]


@op(x=lambda g: g, y=lambda g, index: g[index], linear="x+y", scratch="fresh", whole=True,
    prepare={"index": plain}, internal=True, notation="scattered")  # fmt: skip
def add_at(x: Value, y: Value, index: Any, fresh: bool = False) -> Value:
    """x with y added at index; in x itself if nobody else holds it (fresh)."""
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
    prepare={"index": plain}, internal=True, whole=True)  # fmt: skip
def setitem(x: Value, value: Value, index: Any) -> Value:
    """A copy of x in which value was written at index."""
    out = x.copy()
    out[index] = value
    return out
