"""Products composed of matrix products and Einstein sums: outer, Kronecker, cross, chains."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from microgradnd.declaration import TensorLike, derived
from microgradnd.engine import Tensor, as_tensor
from microgradnd.ops.complex_numbers import conjugated_where_complex
from microgradnd.ops.einsum import contracted
from microgradnd.ops.elementwise import multiply
from microgradnd.ops.linalg import matmul
from microgradnd.ops.rearranging import diagonal
from microgradnd.ops.shape import moveaxis, swapaxes


@derived(numpy=np.vdot, method=True)
def vdot(x: TensorLike, y: TensorLike) -> Tensor:
    """The sum of the products of all elements, those of x conjugated.

    >>> vdot([[1.0, 2.0]], [[3.0], [4.0]])
    Tensor(11.)
    """
    return matmul(conjugated_where_complex(as_tensor(x)).reshape(-1), as_tensor(y).reshape(-1))


@derived(numpy=np.inner, method=True)
def inner(x: TensorLike, y: TensorLike) -> Tensor:
    """The sums of products over the last axes of both.

    >>> inner([[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]])
    Tensor([[11., 17.]])
    """
    x, y = as_tensor(x), as_tensor(y)
    return multiply(x, y) if not x.ndim or not y.ndim else tensordot(x, y, ((-1,), (-1,)))


@derived(numpy=(np.outer, np.linalg.outer), method=True, torch="ger linalg.outer")
def outer(x: TensorLike, y: TensorLike) -> Tensor:
    """Each element of x times each of y, both flattened: a matrix.

    >>> outer([1.0, 2.0], [3.0, 4.0])
    Tensor([[3., 4.],
            [6., 8.]])
    """
    return as_tensor(x).reshape((-1, 1)) * as_tensor(y).reshape(-1)


@derived(numpy=(np.tensordot, np.linalg.tensordot), torch="linalg.tensordot",
         aliases={"dims": "axes"})  # fmt: skip
def tensordot(x: TensorLike, y: TensorLike, axes: Any = 2) -> Tensor:
    """The sum of products over some axes of both; then the others of x, and the others of y.

    Args:
        x: a tensor.
        y: another.
        axes: a number: as many last axes of x and first ones of y; or the axes of x and those of y.

    >>> tensordot(np.ones((2, 3)), np.ones((3, 4)), 1).shape
    (2, 4)
    """
    x, y = as_tensor(x), as_tensor(y)
    mine: list[Any]
    theirs: list[Any]
    if isinstance(axes, (int, np.integer)):
        if axes > min(x.ndim, y.ndim) or axes < 0:
            raise ValueError(f"tensordot: {axes} axes of shapes {x.shape} and {y.shape}")
        mine, theirs = list(range(x.ndim - axes, x.ndim)), list(range(axes))
    else:
        mine, theirs = [[a] if isinstance(a, (int, np.integer)) else list(a) for a in axes]
        mine, theirs = [a % x.ndim for a in mine], [a % y.ndim for a in theirs]
    summed = [x.shape[a] for a in mine]
    if summed != [y.shape[a] for a in theirs]:
        raise ValueError(
            f"tensordot: axes {mine} of shape {x.shape} and {theirs} of {y.shape} differ in length"
        )
    rows = [a for a in range(x.ndim) if a not in mine]
    columns = [a for a in range(y.ndim) if a not in theirs]
    shape = [x.shape[a] for a in rows], [y.shape[a] for a in columns]
    left = x.transpose((*rows, *mine)).reshape((prod(shape[0]), prod(summed)))
    right = y.transpose((*theirs, *columns)).reshape((prod(summed), prod(shape[1])))
    return matmul(left, right).reshape((*shape[0], *shape[1]))


@derived(numpy=np.kron, method=True)
def kron(x: TensorLike, y: TensorLike) -> Tensor:
    """The Kronecker product: each element of x replaced by itself times y.

    >>> kron([1.0, 10.0], [1.0, 2.0])
    Tensor([ 1.,  2., 10., 20.])
    """
    x, y = as_tensor(x), as_tensor(y)
    n = max(x.ndim, y.ndim)
    one, two = (1,) * (n - x.ndim) + x.shape, (1,) * (n - y.ndim) + y.shape
    apart = [k for size in one for k in (size, 1)], [k for size in two for k in (1, size)]
    product = x.reshape(apart[0]) * y.reshape(apart[1])
    return product.reshape(tuple([p * q for p, q in zip(one, two)]))


@derived(numpy=np.cross, method=True)
def cross(x: TensorLike, y: TensorLike, axisa: int = -1, axisb: int = -1, axisc: int = -1,
          axis: int | None = None) -> Tensor:  # fmt: skip
    """The vector product of three-dimensional vectors, along the last axis or the given ones.

    Raises:
        ValueError: an axis has another length than 3.

    >>> cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    Tensor([0., 0., 1.])
    """
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    a, b = moveaxis(x, axisa, -1), moveaxis(y, axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError(f"cross: vectors have 3 elements, not {a.shape[-1]} and {b.shape[-1]}")
    after, before = [1, 2, 0], [2, 0, 1]
    product = a[..., after] * b[..., before] - a[..., before] * b[..., after]
    return moveaxis(product, -1, axisc)


@derived(numpy=np.linalg.cross, torch="linalg.cross", internal=True)
def vector_cross(x1: TensorLike, x2: TensorLike, axis: int = -1) -> Tensor:
    """The vector product along one axis.

    >>> vector_cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    Tensor([0., 0., 1.])
    """
    return cross(x1, x2, axis=axis)


@derived(numpy=(np.linalg.vecdot, np.vecdot), torch="linalg.vecdot")
def vecdot(x1: TensorLike, x2: TensorLike, axis: int = -1) -> Tensor:
    """The sum of products along one axis, the others broadcast; those of x1 are conjugated.

    >>> vecdot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    Tensor([3., 7.])
    """
    return (conjugated_where_complex(as_tensor(x1)) * as_tensor(x2)).sum(axis=axis)


@derived(numpy=np.linalg.diagonal, torch="linalg.diagonal", internal=True)
def matrix_diagonal(
    x: TensorLike, *, offset: int = 0, dim1: int = -2, dim2: int = -1
) -> Tensor:  # fmt: skip
    """The diagonals of matrices in two axes, the last ones by default.

    >>> matrix_diagonal([[1.0, 2.0], [3.0, 4.0]])
    Tensor([1., 4.])
    """
    return diagonal(x, offset, dim1, dim2)


@derived(numpy=np.linalg.trace, torch="linalg.trace", internal=True)
def matrix_trace(x: TensorLike, *, offset: int = 0) -> Tensor:
    """The sums of the diagonals of matrices in the last two axes.

    >>> matrix_trace([[1.0, 2.0], [3.0, 4.0]])
    Tensor(5.)
    """
    return diagonal(x, offset, -2, -1).sum(axis=-1)


@derived(numpy=np.linalg.matmul, torch="linalg.matmul", internal=True)
def matrix_product(x1: TensorLike, x2: TensorLike) -> Tensor:
    """`matmul`, under NumPy's other name.

    >>> matrix_product([[2.0]], [[3.0]])
    Tensor([[6.]])
    """
    return matmul(as_tensor(x1), as_tensor(x2))


@derived(numpy=np.linalg.matrix_transpose, torch="linalg.matrix_transpose", internal=True)
def matrices_transposed(x: TensorLike) -> Tensor:
    """The last two axes exchanged.

    >>> matrices_transposed([[1.0, 2.0]])
    Tensor([[1.],
            [2.]])
    """
    return swapaxes(as_tensor(x), -1, -2)


# --- Chains --------------------------------------------------------------------------------------
def cheapest(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Of each piece i..j of a chain of matrices, where to part it for the fewest products."""
    n = len(sizes) - 1
    cost, cut = {(i, i): 0 for i in range(n)}, {}
    for span in range(1, n):
        for i in range(n - span):
            j = i + span
            each = {
                k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            }
            cut[i, j] = min(each, key=lambda k: each[k])
            cost[i, j] = each[cut[i, j]]
    return cut


@derived(numpy=np.linalg.multi_dot, torch="linalg.multi_dot", internal=True)
def multi_dot(arrays: Sequence[TensorLike]) -> Tensor:
    """The product of a chain of matrices, in the order of fewest multiplications.

    The first and the last may be vectors: a row, and a column.

    >>> multi_dot([np.ones((2, 3)), np.ones((3, 4)), np.ones(4)])
    Tensor([12., 12.])
    """
    xs = [as_tensor(x) for x in arrays]
    if len(xs) < 2:
        raise ValueError("multi_dot: needs at least two matrices")
    row, column = xs[0].ndim == 1, xs[-1].ndim == 1
    xs[0] = xs[0].reshape((1, -1)) if row else xs[0]
    xs[-1] = xs[-1].reshape((-1, 1)) if column else xs[-1]
    if any(x.ndim != 2 for x in xs):
        raise ValueError(f"multi_dot: takes matrices, got shapes {[x.shape for x in xs]}")
    cut = cheapest([xs[0].shape[0], *[x.shape[1] for x in xs]])

    def piece(i: int, j: int) -> Tensor:
        return xs[i] if i == j else matmul(piece(i, cut[i, j]), piece(cut[i, j] + 1, j))

    out = piece(0, len(xs) - 1)
    return out.reshape(out.shape[int(row) : 2 - int(column)])


@derived()
def chain_matmul(*matrices: TensorLike) -> Tensor:
    """The product of matrices, in the order of fewest multiplications.

    >>> chain_matmul([[2.0]], [[3.0]], [[4.0]])
    Tensor([[24.]])
    """
    return multi_dot(matrices) if len(matrices) > 1 else as_tensor(matrices[0])


# --- PyTorch's sums of a tensor and a product -----------------------------------------------------
def _added(input: TensorLike, product: Tensor, beta: float, alpha: float) -> Tensor:
    product = product if alpha == 1 else alpha * product
    if beta == 0:  # what is in `input`, even NaN, does not count
        return product
    input = as_tensor(input)
    return (input if beta == 1 else beta * input) + product


@derived(method=True)
def addmm(
    input: TensorLike, mat1: TensorLike, mat2: TensorLike, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta input + alpha mat1 mat2.

    >>> addmm([[1.0]], [[2.0]], [[3.0]], alpha=2)
    Tensor([[13.]])
    """
    return _added(input, matmul(as_tensor(mat1), as_tensor(mat2)), beta, alpha)


@derived(method=True)
def addmv(
    input: TensorLike, mat: TensorLike, vec: TensorLike, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta input + alpha mat vec.

    >>> addmv([1.0], [[2.0]], [3.0])
    Tensor([7.])
    """
    return _added(input, matmul(as_tensor(mat), as_tensor(vec)), beta, alpha)


@derived(method=True)
def addr(
    input: TensorLike, vec1: TensorLike, vec2: TensorLike, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta input + alpha times the outer product of two vectors.

    >>> addr([[1.0, 1.0]], [2.0], [3.0, 4.0])
    Tensor([[7., 9.]])
    """
    return _added(input, outer(vec1, vec2), beta, alpha)


@derived(method=True)
def baddbmm(
    input: TensorLike, batch1: TensorLike, batch2: TensorLike, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta input + alpha batch1 batch2, each matrix of the one stack with its own of the other.

    >>> baddbmm([[[1.0]]], [[[2.0]]], [[[3.0]]])
    Tensor([[[7.]]])
    """
    return _added(input, matmul(as_tensor(batch1), as_tensor(batch2)), beta, alpha)


@derived(method=True)
def addbmm(
    input: TensorLike, batch1: TensorLike, batch2: TensorLike, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta input + alpha times the sum over the stack of batch1 batch2.

    >>> addbmm([[1.0]], [[[2.0]], [[1.0]]], [[[3.0]], [[1.0]]])
    Tensor([[8.]])
    """
    product = contracted("bij,bjk->ik", as_tensor(batch1), as_tensor(batch2))
    return _added(input, product, beta, alpha)


@derived(internal=True, torch="nn.functional.bilinear")
def bilinear(
    input1: TensorLike, input2: TensorLike, weight: TensorLike, bias: TensorLike | None = None
) -> Tensor:
    """y_k = x₁ᵀ W_k x₂ + b_k: inputs (..., I) and (..., J), weight (K, I, J), bias (K,).

    >>> bilinear([2.0], [3.0], [[[1.0]], [[2.0]]])
    Tensor([ 6., 12.])
    """
    given = {"input1": input1, "input2": input2, "weight": weight}
    x, y, w = (as_tensor(v, "bilinear", name) for name, v in given.items())
    fits = w.ndim == 3 and 0 < x.ndim == y.ndim and x.shape[:-1] == y.shape[:-1]
    if not fits or (x.shape[-1], y.shape[-1]) != w.shape[1:]:
        raise ValueError(
            f"bilinear: input1, input2 and weight have shapes {x.shape}, {y.shape} and {w.shape}, "
            "needed (..., I), (..., J) and (K, I, J)"
        )
    out = contracted("...i,kij,...j->...k", x, w, y)
    if bias is None:
        return out
    b = as_tensor(bias, "bilinear", "bias")
    if b.shape != w.shape[:1]:
        raise ValueError(f"bilinear: bias has shape {b.shape}, needed {w.shape[:1]}")
    return out + b
