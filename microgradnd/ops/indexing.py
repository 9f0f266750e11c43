"""Reading and writing parts: basic slices, integer arrays, boolean masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.accumulation import Scatter
from microgradnd.declaration import op
from microgradnd.engine import Tensor

Value = Any


def plain(index: Any) -> Any:
    """An index without Tensors in it."""
    if isinstance(index, tuple):
        return tuple(plain(part) for part in index)
    if isinstance(index, Tensor):
        return index.data
    return np.asarray(index, None if index else int) if isinstance(index, list) else index


def is_unique(index: Any) -> bool:
    """Whether an index reads no element twice for sure: slices, single integers and masks."""
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [part for part in parts if isinstance(part, np.ndarray) and part.ndim]
    return all(part.dtype == bool for part in arrays)


def getitem_forward(x: np.ndarray, index: Any) -> np.ndarray:
    """x[index], for every index that NumPy takes."""
    return x[index]


def getitem_x(g: Value, x_shape: tuple[int, ...], index: Any) -> Value:
    if isinstance(g, Tensor):
        return put_add(g, index, x_shape)
    return Scatter(g, index, x_shape, is_unique(index))


def put_add_forward(y: np.ndarray, index: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros of a shape, with y added in at index: what reading at index does to gradients."""
    return Scatter(y, index, shape, is_unique(index)).dense()


def setitem_forward(x: np.ndarray, value: np.ndarray | float, index: Any) -> np.ndarray:
    """A copy of x in which value was written at index."""
    out = np.array(x)
    out[index] = value
    return out


def setitem_x(g: Value, index: Any) -> Value:
    return setitem(g, 0.0, index) if isinstance(g, Tensor) else setitem_forward(g, 0.0, index)


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


getitem_op = op(getitem_forward, "x", name="getitem", x=getitem_x)
put_add = op(put_add_forward, "y", name="put_add", y=lambda g, index: g[index])
setitem = op(setitem_forward, "x value", name="setitem", x=setitem_x, value=setitem_value)


def getitem(x: Any, index: Any) -> Tensor:
    """x[index]; Tensors of integers or booleans may stand in the index."""
    return getitem_op(x, plain(index))
