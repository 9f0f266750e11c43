"""How the operations can be called, for type checkers and editors.

An operation is declared in a table, `exp = unary(op(np.exp, ...))`; what a checker should know of
its operands and options stands here, once for each shape of signature. `dim` and `keepdim` are
taken for `axis` and `keepdims` everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union, overload

import numpy as np

if TYPE_CHECKING:
    from microgradnd.declaration import Op
    from microgradnd.engine import Tensor

# What stands for an operand: a Tensor, a real array or number, or nested lists of numbers.
TensorLike: TypeAlias = Union[
    "Tensor", np.ndarray, "np.number[Any]", np.bool_, float, list[Any], tuple[Any, ...]
]
Axis: TypeAlias = int | tuple[int, ...] | None
Shape: TypeAlias = int | Sequence[int]


class Unary(Protocol):
    __name__: str
    op: Op

    def __call__(self, x: TensorLike) -> Tensor: ...


class Binary(Protocol):
    __name__: str
    op: Op

    def __call__(self, x: TensorLike, y: TensorLike) -> Tensor: ...


class Reduction(Protocol):
    def __call__(
        self,
        x: TensorLike,
        axis: Axis = None,
        keepdims: bool = False,
        *,
        dim: Axis = None,
        keepdim: bool = False,
    ) -> Tensor: ...


class Spread(Protocol):
    def __call__(
        self,
        x: TensorLike,
        axis: Axis = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        dim: Axis = None,
        keepdim: bool = False,
    ) -> Tensor: ...


class AlongAxis(Protocol):
    def __call__(self, x: TensorLike, axis: int = -1, *, dim: int = -1) -> Tensor: ...


class Joining(Protocol):
    def __call__(self, xs: Iterable[TensorLike], axis: int = 0, *, dim: int = 0) -> Tensor: ...


class JoiningOrFlat(Protocol):
    def __call__(
        self, xs: Iterable[TensorLike], axis: int | None = 0, *, dim: int | None = 0
    ) -> Tensor: ...


class Reshaping(Protocol):
    def __call__(self, x: TensorLike, shape: Shape) -> Tensor: ...


class Transposing(Protocol):
    def __call__(self, x: TensorLike, axes: Sequence[int] | None = None) -> Tensor: ...


class Swapping(Protocol):
    def __call__(self, x: TensorLike, axis1: int, axis2: int) -> Tensor: ...


class Expanding(Protocol):
    @overload
    def __call__(self, x: TensorLike, axis: Shape) -> Tensor: ...
    @overload
    def __call__(self, x: TensorLike, *, dim: Shape) -> Tensor: ...


class Squeezing(Protocol):
    def __call__(self, x: TensorLike, axis: Axis = None, *, dim: Axis = None) -> Tensor: ...


class Rounding(Protocol):
    def __call__(self, x: TensorLike, decimals: int = 0) -> Tensor: ...


class Leaky(Protocol):
    def __call__(self, x: TensorLike, slope: float = 0.01) -> Tensor: ...


class Clipping(Protocol):
    def __call__(
        self, x: TensorLike, min: TensorLike | None = None, max: TensorLike | None = None
    ) -> Tensor: ...


class Choosing(Protocol):
    def __call__(self, condition: TensorLike, x: TensorLike, y: TensorLike) -> Tensor: ...
