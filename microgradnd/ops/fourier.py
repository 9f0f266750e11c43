"""Fourier transforms, of one axis as operations; of several, one after the other.

A transform is linear, y = F x, so the gradient by x is Fᴴ g: the transform in the other direction,
without the factor 1/n or with it. The `norm` says which direction has the factor: "backward" (the
default) the inverse one, "forward" the other, "ortho" each of them 1/√n.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from microgradnd.arguments import ANNOTATED, optional, required, whole
from microgradnd.declaration import Axis, TensorLike, Value, derived, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.errors import explained
from microgradnd.ops.complex_numbers import conj
from microgradnd.ops.padding import padded
from microgradnd.ops.rearranging import roll

PREPARED = {
    "n": required("Fourier transforms", "n", optional(whole(1))),
    "norm": required("Fourier transforms", "norm", ANNOTATED["Norm"]),
}
Norm = Any  # None or one of those names; NumPy's hints would have it a literal one
ADJOINT = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def resized(x: Value, n: int, axis: int) -> Value:
    """The first n elements along an axis, with zeros after them where there are fewer."""
    axis, size = axis % x.ndim, x.shape[axis]
    if n < size:
        return x[(*(slice(None),) * axis, slice(n))]
    if n > size:
        return padded(x, tuple((0, n - size if i == axis else 0) for i in range(x.ndim)))
    return x


def fft_x(g: Value, x_shape: tuple[int, ...], axis: int, norm: Norm) -> Value:
    return resized(ifft(g, None, axis, ADJOINT[norm]), x_shape[axis], axis)


def ifft_x(g: Value, x_shape: tuple[int, ...], axis: int, norm: Norm) -> Value:
    return resized(fft(g, None, axis, ADJOINT[norm]), x_shape[axis], axis)


@op(x=fft_x, fresh="x", complex=True, numpy=np.fft.fft, torch="fft.fft", internal=True,
    prepare=PREPARED, whole=True)  # fmt: skip
def fft(x: Value, n: int | None = None, axis: int = -1, norm: Norm = None) -> Value:
    """The discrete Fourier transform along an axis: y_k = Σ_j x_j exp(-2πi jk/n).

    x is cut to n elements first, or lengthened by zeros.

    >>> fft(np.array([1.0, 0.0])).tolist()
    [(1+0j), (1+0j)]
    """
    return np.fft.fft(x, n, axis, norm)


@op(x=ifft_x, fresh="x", complex=True, numpy=np.fft.ifft, torch="fft.ifft", internal=True,
    prepare=PREPARED, whole=True)  # fmt: skip
def ifft(x: Value, n: int | None = None, axis: int = -1, norm: Norm = None) -> Value:
    """The inverse of `fft`: y_j = 1/n Σ_k x_k exp(2πi jk/n).

    >>> ifft(np.array([1.0, 1.0])).tolist()
    [(1+0j), 0j]
    """
    return np.fft.ifft(x, n, axis, norm)


def rfft_x(g: Value, x_shape: tuple[int, ...], n: int | None, axis: int, norm: Norm) -> Value:
    full = ifft(g, n or x_shape[axis], axis, ADJOINT[norm])
    return resized(np.real(full), x_shape[axis], axis)


@op(x=rfft_x, fresh="x", complex=True, numpy=np.fft.rfft, torch="fft.rfft", internal=True,
    prepare=PREPARED, whole=True)  # fmt: skip
def rfft(x: Value, n: int | None = None, axis: int = -1, norm: Norm = None) -> Value:
    """The first n // 2 + 1 elements of the transform of real numbers, which determine the others.

    >>> rfft(np.array([1.0, 0.0, 0.0])).tolist()
    [(1+0j), (1+0j)]
    """
    return np.fft.rfft(x, n, axis, norm)


def irfft_x(g: Value, x_shape: tuple[int, ...], axis: int, norm: Norm) -> Value:
    n = g.shape[axis]
    half = rfft(g, None, axis, ADJOINT[norm])
    # each element but the first, and the last of an even number, stands for its mirror image, too
    twice = np.full(half.shape[axis], 2.0, g.dtype)
    twice[[0, n // 2] if n % 2 == 0 else [0]] = 1.0
    weights = twice.reshape([-1 if i == axis % g.ndim else 1 for i in range(g.ndim)])
    return resized(half * weights, x_shape[axis], axis)


@op(x=irfft_x, fresh="x", complex=True, numpy=np.fft.irfft, torch="fft.irfft", internal=True,
    prepare=PREPARED, whole=True)  # fmt: skip
def irfft(x: Value, n: int | None = None, axis: int = -1, norm: Norm = None) -> Value:
    """The inverse of `rfft`: n real numbers, by default 2 (m - 1) of m complex ones.

    The imaginary part of the first element is not read, nor that of element n/2.

    >>> irfft(np.array([1.0, 1.0])).tolist()
    [1.0, 0.0]
    """
    return np.fft.irfft(x, n, axis, norm)


@derived(numpy=np.fft.hfft, torch="fft.hfft", internal=True)
def hfft(x: TensorLike, n: int | None = None, axis: int = -1, norm: Norm = None) -> Tensor:
    """The transform, n real numbers, of numbers of which the first half is given: x_-j = conj x_j.

    >>> hfft([1.0, 1.0])
    Tensor([2., 0.])
    """
    return irfft(conj(as_tensor(x)), n, axis, ADJOINT[norm])


@derived(numpy=np.fft.ihfft, torch="fft.ihfft", internal=True)
def ihfft(x: TensorLike, n: int | None = None, axis: int = -1, norm: Norm = None) -> Tensor:
    """The inverse of `hfft`: the first n // 2 + 1 of the numbers whose transform is real.

    >>> ihfft([2.0, 0.0])
    Tensor([1.-0.j, 1.-0.j], dtype=complex128)
    """
    return conj(rfft(as_tensor(x), n, axis, ADJOINT[norm]))


# --- Several axes --------------------------------------------------------------------------------


def _each(
    name: str, x: Any, s: Sequence[int] | None, axes: Any, dim: Any
) -> tuple[Tensor, list[tuple[int, Any]]]:
    """The axes to transform, each with its n."""
    axes, x = axes if dim is None else dim, as_tensor(x, name, "x")
    with explained(name, {"x": x}, {"s": s, "axes": axes}):
        if axes is None:
            axes = range(-x.ndim if s is None else -len(s), 0)
        axes = [axes] if isinstance(axes, int) else list(axes)
        sizes = [None] * len(axes) if s is None else [None if n == -1 else n for n in s]
        if len(sizes) != len(axes):
            raise ValueError(f"{name}: {len(sizes)} sizes s for {len(axes)} axes")
        return x, list(zip(axes, sizes))


def _all(function: Callable, x: Tensor, pairs: list[tuple[int, Any]], norm: Norm) -> Tensor:
    for axis, n in reversed(pairs):
        x = function(x, n, axis, norm)
    return x


@derived(numpy=np.fft.fftn, torch="fft.fftn", internal=True)
def fftn(x: TensorLike, s: Sequence[int] | None = None, axes: Axis = None, norm: Norm = None, *,
         dim: Axis = None) -> Tensor:  # fmt: skip
    """`fft` along several axes, by default all; s are their lengths n.

    >>> fftn([[1.0, 0.0], [0.0, 0.0]]).real
    Tensor([[1., 1.],
            [1., 1.]])
    """
    return _all(fft, *_each("fftn", x, s, axes, dim), norm)


@derived(numpy=np.fft.ifftn, torch="fft.ifftn", internal=True)
def ifftn(x: TensorLike, s: Sequence[int] | None = None, axes: Axis = None, norm: Norm = None, *,
          dim: Axis = None) -> Tensor:  # fmt: skip
    """`ifft` along several axes, by default all; s are their lengths n.

    >>> ifftn([[1.0, 1.0], [1.0, 1.0]]).real
    Tensor([[1., 0.],
            [0., 0.]])
    """
    return _all(ifft, *_each("ifftn", x, s, axes, dim), norm)


@derived(numpy=np.fft.rfftn, torch="fft.rfftn", internal=True)
def rfftn(x: TensorLike, s: Sequence[int] | None = None, axes: Axis = None, norm: Norm = None, *,
          dim: Axis = None) -> Tensor:  # fmt: skip
    """`rfft` along the last of several axes, then `fft` along the others.

    >>> rfftn([[1.0, 0.0], [0.0, 0.0]]).shape
    (2, 2)
    """
    x, pairs = _each("rfftn", x, s, axes, dim)
    axis, n = pairs[-1]
    return _all(fft, rfft(x, n, axis, norm), pairs[:-1], norm)


@derived(numpy=np.fft.irfftn, torch="fft.irfftn", internal=True)
def irfftn(x: TensorLike, s: Sequence[int] | None = None, axes: Axis = None, norm: Norm = None, *,
           dim: Axis = None) -> Tensor:  # fmt: skip
    """The inverse of `rfftn`.

    >>> irfftn([[1.0, 1.0], [1.0, 1.0]])
    Tensor([[1., 0.],
            [0., 0.]])
    """
    x, pairs = _each("irfftn", x, s, axes, dim)
    axis, n = pairs[-1]
    return irfft(_all(ifft, x, pairs[:-1], norm), n, axis, norm)


def _of_two(function: Callable, theirs: Callable) -> Callable:
    """A transform of several axes as one of two, by default the last ones."""
    name = theirs.__name__

    def transform(x: TensorLike, s: Sequence[int] | None = None, axes: Axis = (-2, -1),
                  norm: Norm = None, *, dim: Axis = None) -> Tensor:  # fmt: skip
        return function(x, s, axes, norm, dim=dim)

    transform.__doc__ = f"`{function.__name__}` along two axes, by default the last ones."
    transform.__name__ = transform.__qualname__ = name
    return derived(numpy=theirs, torch=f"fft.{name}", internal=True)(transform)


fft2, ifft2 = _of_two(fftn, np.fft.fft2), _of_two(ifftn, np.fft.ifft2)
rfft2, irfft2 = _of_two(rfftn, np.fft.rfft2), _of_two(irfftn, np.fft.irfft2)


# --- The order of frequencies --------------------------------------------------------------------
def _shifted(x: Any, axes: Any, dim: Any, sign: int) -> Tensor:
    x, axes = as_tensor(x), axes if dim is None else dim
    axes = tuple(range(x.ndim)) if axes is None else (axes,) if isinstance(axes, int) else axes
    halves = [x.shape[a] // 2 if sign > 0 else -(x.shape[a] // 2) for a in axes]
    return roll(x, tuple(halves), tuple(axes))


@derived(numpy=np.fft.fftshift, torch="fft.fftshift", internal=True)
def fftshift(x: TensorLike, axes: Axis = None, *, dim: Axis = None) -> Tensor:
    """With the frequency 0 in the middle of the axes, by default all.

    >>> fftshift([0.0, 1.0, -1.0])
    Tensor([-1.,  0.,  1.])
    """
    return _shifted(x, axes, dim, 1)


@derived(numpy=np.fft.ifftshift, torch="fft.ifftshift", internal=True)
def ifftshift(x: TensorLike, axes: Axis = None, *, dim: Axis = None) -> Tensor:
    """The inverse of `fftshift`.

    >>> ifftshift([-1.0, 0.0, 1.0])
    Tensor([ 0.,  1., -1.])
    """
    return _shifted(x, axes, dim, -1)


@derived(torch="fft.fftfreq", internal=True)
def fftfreq(n: int, d: float = 1.0) -> Tensor:
    """The frequencies of the elements of a transform of n samples, which stand d apart.

    >>> fftfreq(4)
    Tensor([ 0.  ,  0.25, -0.5 , -0.25])
    """
    return Tensor(np.fft.fftfreq(n, d))


@derived(torch="fft.rfftfreq", internal=True)
def rfftfreq(n: int, d: float = 1.0) -> Tensor:
    """The frequencies of the elements of `rfft` of n samples, which stand d apart.

    >>> rfftfreq(4)
    Tensor([0.  , 0.25, 0.5 ])
    """
    return Tensor(np.fft.rfftfreq(n, d))
