"""Layers that put a border around sequences, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from microgradnd.arguments import NUMBER, Kind, checked, either, several, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor
from microgradnd.nn.module import Module
from microgradnd.ops.padding import pad_from_the_last


def _widths(axes: int) -> Kind:
    return either(
        whole(), several(whole(), f"{2 * axes} of them, (before, after) of the last axis first",
                         2 * axes, 2 * axes),
    )  # fmt: skip


class _Padding(Module):
    """What the layers share: how many elements they add, a number or (left, right, top, ...)."""

    axes: ClassVar[int]
    mode: ClassVar[str]
    kinds: ClassVar[dict[str, Kind]]

    def __init_subclass__(cls, axes: int = 0, **more: Any) -> None:
        super().__init_subclass__(**more)
        if axes:
            cls.axes, cls.kinds = axes, {"padding": _widths(axes)}

    @checked()
    def __init__(self, padding: int | Sequence[int]) -> None:
        given = padding if isinstance(padding, Sequence) else [padding] * (2 * self.axes)
        self.padding = tuple(int(n) for n in given)

    def forward(self, x: TensorLike) -> Tensor:
        return pad_from_the_last(x, self.padding, self.mode)

    def extra_repr(self) -> str:
        return str(self.padding)


class _ConstantPadding(_Padding):
    mode = "constant"

    @checked(value=NUMBER)
    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, x: TensorLike) -> Tensor:
        return pad_from_the_last(x, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadding, axes=1):
    """A constant on both sides of sequences (..., L): `padding` is a number or (left, right)."""


class ConstantPad2d(_ConstantPadding, axes=2):
    """A constant around images (..., H, W).

    Args:
        padding: a number for all sides, or (left, right, top, bottom); below 0 it cuts off.
        value: the constant.

    >>> ConstantPad2d((1, 0, 0, 0), 2.0)([[[1.0]]])
    Tensor([[[2., 1.]]])
    """


class ConstantPad3d(_ConstantPadding, axes=3):
    """A constant around volumes (..., D, H, W): (left, right, top, bottom, front, back)."""


class ZeroPad1d(_Padding, axes=1):
    """Zeros on both sides of sequences (..., L)."""

    mode = "constant"


class ZeroPad2d(_Padding, axes=2):
    """Zeros around images (..., H, W): `padding` is a number or (left, right, top, bottom).

    >>> ZeroPad2d(1)([[[1.0]]]).shape
    (1, 3, 3)
    """

    mode = "constant"


class ZeroPad3d(_Padding, axes=3):
    """Zeros around volumes (..., D, H, W)."""

    mode = "constant"


class ReflectionPad1d(_Padding, axes=1):
    """Sequences (..., L), mirrored at both ends."""

    mode = "reflect"


class ReflectionPad2d(_Padding, axes=2):
    """Images (..., H, W), mirrored at their outermost elements, which are not repeated.

    >>> ReflectionPad2d((1, 1, 0, 0))([[[1.0, 2.0, 3.0]]])
    Tensor([[[2., 1., 2., 3., 2.]]])
    """

    mode = "reflect"


class ReflectionPad3d(_Padding, axes=3):
    """Volumes (..., D, H, W), mirrored at their outermost elements."""

    mode = "reflect"


class ReplicationPad1d(_Padding, axes=1):
    """Sequences (..., L), whose ends are repeated."""

    mode = "replicate"


class ReplicationPad2d(_Padding, axes=2):
    """Images (..., H, W), whose outermost elements are repeated.

    >>> ReplicationPad2d((1, 1, 0, 0))([[[1.0, 2.0]]])
    Tensor([[[1., 1., 2., 2.]]])
    """

    mode = "replicate"


class ReplicationPad3d(_Padding, axes=3):
    """Volumes (..., D, H, W), whose outermost elements are repeated."""

    mode = "replicate"


class CircularPad1d(_Padding, axes=1):
    """Sequences (..., L) that go on at the other end."""

    mode = "circular"


class CircularPad2d(_Padding, axes=2):
    """Images (..., H, W) that go on at the other side.

    >>> CircularPad2d((1, 0, 0, 0))([[[1.0, 2.0]]])
    Tensor([[[2., 1., 2.]]])
    """

    mode = "circular"


class CircularPad3d(_Padding, axes=3):
    """Volumes (..., D, H, W) that go on at the other side."""

    mode = "circular"
