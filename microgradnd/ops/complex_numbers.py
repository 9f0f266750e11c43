"""Complex numbers: made of real ones and taken apart.

The gradient of a real loss L by a complex z is ∂L/∂Re z + i ∂L/∂Im z, PyTorch's convention: the
direction in which L grows. What is real has a real gradient. The slope of |z| and of the angle at
0 is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.declaration import TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.elementwise import cos, sin
from microgradnd.ops.shape import stack

conj = op(
    np.conjugate,
    "x",
    name="conj",
    x=lambda g: np.conjugate(g),
    linear="x",
    method=(True, "conjugate"),
    torch="conj_physical",
)


@op(x=lambda g: g, linear="x", view="x", elementwise=True, numpy=np.real, method="@real",
    whole=True)  # fmt: skip
def real(x: Value) -> Value:
    """The real part.

    >>> import microgradnd as mg
    >>> mg.Tensor([1 + 2j]).real
    Tensor([1.])
    """
    return x.real


@op(x=lambda g: g * 0.0, linear="x", complex={"x": lambda g: g * 1j}, elementwise=True,
    numpy=np.imag, method="@imag", whole=True)  # fmt: skip
def imag(x: Value) -> Value:
    """The imaginary part, a real number.

    >>> import microgradnd as mg
    >>> mg.Tensor([1 + 2j]).imag
    Tensor([2.])
    """
    return x.imag


def angle_x(g: Value, x: Value, deg: bool) -> Value:
    square = np.real(x * np.conjugate(x))
    slope = x * (1j * np.rad2deg(1.0) if deg else 1j) / np.where(square == 0, 1.0, square)
    return g * slope


@op(x=lambda g: g * 0.0, complex={"x": angle_x}, elementwise=True, numpy=np.angle, method=True,
    whole=True)  # fmt: skip
def angle(x: Value, deg: bool = False) -> Value:
    """The angle of a complex number from the axis of the real ones, in radians or degrees.

    >>> angle(np.array([1j]), deg=True).tolist()
    [90.0]
    """
    return np.angle(x, deg)


@op(real=lambda g: np.real(g), imag=lambda g: np.imag(g), linear="real+imag", elementwise=True,
    whole=True)  # fmt: skip
def complex(real: Value, imag: Value) -> Value:
    """The complex numbers real + i imag.

    >>> complex(np.array([1.0]), np.array([2.0])).tolist()
    [(1+2j)]
    """
    if np.iscomplexobj(real) or np.iscomplexobj(imag):
        raise TypeError("complex: real and imag must be real, one of them is complex")
    shape = np.broadcast_shapes(np.shape(real), np.shape(imag))
    out = np.empty(shape, np.result_type(real, imag, np.complex64))
    out.real, out.imag = real, imag
    return out


@derived(uncomplex="abs angle")
def polar(abs: TensorLike, angle: TensorLike) -> Tensor:
    """The complex numbers of an absolute value and an angle in radians.

    >>> polar(2.0, 0.0)
    Tensor(2.+0.j, dtype=complex128)
    """
    size, turn = as_tensor(abs), as_tensor(angle)
    return complex(size * cos(turn), size * sin(turn))


@derived()
def view_as_real(x: TensorLike) -> Tensor:
    """Complex numbers as pairs of real ones, along a new last axis. It is a copy.

    >>> view_as_real([1 + 2j])
    Tensor([[1., 2.]])
    """
    x = as_tensor(x)
    return stack([real(x), imag(x)], -1)


@derived()
def view_as_complex(x: TensorLike) -> Tensor:
    """Pairs of real numbers, along the last axis, as complex ones. It is a copy.

    >>> view_as_complex([[1.0, 2.0]])
    Tensor([1.+2.j], dtype=complex128)
    """
    x = as_tensor(x)
    if x.ndim == 0 or x.shape[-1] != 2 or x.dtype.kind == "c":
        raise ValueError(
            f"view_as_complex: the last axis of x must hold pairs of real numbers, x has shape "
            f"{x.shape} and dtype {x.dtype}"
        )
    return complex(x[..., 0], x[..., 1])


@derived(method="@H", internal=True)
def conjugate_transpose(x: Any) -> Tensor:
    """The last two axes exchanged, each element conjugated."""
    return conjugated_where_complex(x).swapaxes(-1, -2)


def conjugated_where_complex(x: Value) -> Value:
    """The conjugate, without an operation where x is real."""
    return np.conjugate(x) if x.dtype.kind == "c" else x


def real_where_complex(x: Value) -> Value:
    """The real part, without an operation where x is real."""
    return np.real(x) if x.dtype.kind == "c" else x
