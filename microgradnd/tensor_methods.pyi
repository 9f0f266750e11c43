"""The operators, methods and properties of a Tensor.

Written by `python -m microgradnd.stubs`; do not edit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np

from microgradnd.declaration import Axis, Shape, TensorLike
from microgradnd.engine import Tensor
from microgradnd.node import Array

class TensorMethods:
    @property
    def T(self) -> Tensor: """The axes in another order; reversed by default."""
    def __abs__(self) -> Tensor: ...
    def __add__(self, other: TensorLike, /) -> Tensor: ...
    def __and__(self, other: TensorLike, /) -> Tensor: ...
    def __bool__(self) -> bool: ...
    def __eq__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[override]
    def __float__(self) -> float: ...
    def __format__(self, spec: str) -> str: ...
    def __ge__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __getitem__(self, index: Any, /) -> Tensor: ...
    def __gt__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __hash__(self) -> int: ...
    def __iadd__(self, other: TensorLike, /) -> Tensor: ...
    def __imatmul__(self, other: TensorLike, /) -> Tensor: ...
    def __imul__(self, other: TensorLike, /) -> Tensor: ...
    def __index__(self) -> int: ...
    def __int__(self) -> int: ...
    def __invert__(self) -> Tensor: ...
    def __ipow__(self, other: TensorLike, /) -> Tensor: ...
    def __isub__(self, other: TensorLike, /) -> Tensor: ...
    def __iter__(self) -> Iterator[Tensor]: ...
    def __itruediv__(self, other: TensorLike, /) -> Tensor: ...
    def __le__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __len__(self) -> int: ...
    def __lt__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __matmul__(self, other: TensorLike, /) -> Tensor: ...
    def __mul__(self, other: TensorLike, /) -> Tensor: ...
    def __ne__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[override]
    def __neg__(self) -> Tensor: ...
    def __or__(self, other: TensorLike, /) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __pow__(self, other: TensorLike, /) -> Tensor: ...
    def __radd__(self, other: TensorLike, /) -> Tensor: ...
    def __rand__(self, other: TensorLike, /) -> Tensor: ...
    def __repr__(self) -> str: ...
    def __rmatmul__(self, other: TensorLike, /) -> Tensor: ...
    def __rmul__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __ror__(self, other: TensorLike, /) -> Tensor: ...
    def __round__(self, decimals: int = 0, /) -> Tensor: ...
    def __rpow__(self, other: TensorLike, /) -> Tensor: ...
    def __rsub__(self, other: TensorLike, /) -> Tensor: ...
    def __rtruediv__(self, other: TensorLike, /) -> Tensor: ...
    def __rxor__(self, other: TensorLike, /) -> Tensor: ...
    def __setitem__(self, index: Any, value: Any) -> None: """t[index] = value: recorded as a copy with the value written in, which t becomes."""
    def __sub__(self, other: TensorLike, /) -> Tensor: ...
    def __truediv__(self, other: TensorLike, /) -> Tensor: ...
    def __xor__(self, other: TensorLike, /) -> Tensor: ...
    def abs(self) -> Tensor: """Calculate the absolute value element-wise."""
    def absolute(self) -> Tensor: """Calculate the absolute value element-wise."""
    def acos(self) -> Tensor: """Trigonometric inverse cosine, element-wise."""
    def acosh(self) -> Tensor: """Inverse hyperbolic cosine, element-wise."""
    def all(self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """Whether all elements over the axes are true."""
    def amax(self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """The largest element over the axes."""
    def amin(self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """The smallest element over the axes."""
    def any(self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """Whether any element over the axes is true."""
    def arccos(self) -> Tensor: """Trigonometric inverse cosine, element-wise."""
    def arccosh(self) -> Tensor: """Inverse hyperbolic cosine, element-wise."""
    def arcsin(self) -> Tensor: """Inverse sine, element-wise."""
    def arcsinh(self) -> Tensor: """Inverse hyperbolic sine element-wise."""
    def arctan(self) -> Tensor: """Trigonometric inverse tangent, element-wise."""
    def arctan2(self, y: TensorLike) -> Tensor: """Element-wise arc tangent of ``x/y`` choosing the quadrant correctly."""
    def arctanh(self) -> Tensor: """Inverse hyperbolic tangent element-wise."""
    def argmax(self, axis: int | None = None, keepdims: bool = False, *, dim: int | None = ..., keepdim: bool = ...) -> Tensor: """Where the largest element along the axis is; without an axis, in the flattened array."""
    def argmin(self, axis: int | None = None, keepdims: bool = False, *, dim: int | None = ..., keepdim: bool = ...) -> Tensor: """Where the smallest element along the axis is; without an axis, in the flattened array."""
    def argsort(self, axis: int | None = -1, *, dim: int | None = ...) -> Tensor: """The order that would sort the elements along the axis."""
    def asin(self) -> Tensor: """Inverse sine, element-wise."""
    def asinh(self) -> Tensor: """Inverse hyperbolic sine element-wise."""
    def astype(self, dtype: Any) -> Tensor: """The tensor in another dtype; as integers or booleans it carries no gradient."""
    def atan(self) -> Tensor: """Trigonometric inverse tangent, element-wise."""
    def atan2(self, y: TensorLike) -> Tensor: """Element-wise arc tangent of ``x/y`` choosing the quadrant correctly."""
    def atanh(self) -> Tensor: """Inverse hyperbolic tangent element-wise."""
    def bmm(self, y: TensorLike) -> Tensor: """The matrix product: (..., n, k) @ (..., k, m) is (..., n, m); a vector has its axis alone."""
    @overload
    def broadcast_to(self, shape: Shape) -> Tensor: """Repeated to a larger shape, by the rules of broadcasting, without copying."""
    @overload
    def broadcast_to(self, *shape: int) -> Tensor: """Repeated to a larger shape, by the rules of broadcasting, without copying."""
    def ceil(self) -> Tensor: """Return the ceiling of the input, element-wise."""
    def clamp(self, min: Any = None, max: Any = None) -> Tensor: """x, held within [min, max]; None leaves a side open."""
    def clip(self, min: Any = None, max: Any = None) -> Tensor: """x, held within [min, max]; None leaves a side open."""
    def clone(self) -> Tensor: """Numerical positive, element-wise."""
    def cos(self) -> Tensor: """Cosine element-wise."""
    def cosh(self) -> Tensor: """Hyperbolic cosine, element-wise."""
    def detach(self) -> Tensor: """The same array (shared memory) as a constant: no gradient flows through it."""
    def dot(self, y: TensorLike) -> Tensor: """numpy.dot: the sum over the last axis of x and the second-to-last (or only) axis of y."""
    @property
    def dtype(self) -> np.dtype[Any]: """The type of the elements."""
    def erf(self) -> Tensor: """The error function, 2/√π times the integral of exp(-t²) from 0 to x; saturates at ±1."""
    def exp(self) -> Tensor: """Calculate the exponential of all elements in the input array."""
    def exp2(self) -> Tensor: """Calculate `2**p` for all `p` in the input array."""
    @overload
    def expand_dims(self, axis: Shape) -> Tensor: """With new axes of length 1."""
    @overload
    def expand_dims(self, *, dim: Shape) -> Tensor: """With new axes of length 1."""
    def expm1(self) -> Tensor: """Calculate ``exp(x) - 1`` for all elements in the array."""
    def flatten(self) -> Tensor: """All elements in one axis."""
    def floor(self) -> Tensor: """Return the floor of the input, element-wise."""
    def hypot(self, y: TensorLike) -> Tensor: """Given the "legs" of a right triangle, return its hypotenuse."""
    def isfinite(self) -> Tensor: """Test element-wise for finiteness (not infinity and not Not a Number)."""
    def isinf(self) -> Tensor: """Test element-wise for positive or negative infinity."""
    def isnan(self) -> Tensor: """Test element-wise for NaN and return result as a boolean array."""
    def item(self) -> float: """The only element, as a Python number."""
    def leaky_relu(self, slope: float = 0.01) -> Tensor: """x where x > 0, else slope * x."""
    def log(self) -> Tensor: """Natural logarithm, element-wise."""
    def log10(self) -> Tensor: """Return the base 10 logarithm of the input array, element-wise."""
    def log1p(self) -> Tensor: """Return the natural logarithm of one plus the input array, element-wise."""
    def log2(self) -> Tensor: """Base-2 logarithm of `x`."""
    def log_softmax(self, axis: int = -1, *, dim: int = ...) -> Tensor: """log(softmax(x)) along an axis."""
    def logaddexp(self, y: TensorLike) -> Tensor: """Logarithm of the sum of exponentiations of the inputs."""
    def logical_and(self, y: TensorLike) -> Tensor: """Compute the truth value of x AND y element-wise."""
    def logical_not(self) -> Tensor: """Compute the truth value of NOT x element-wise."""
    def logical_or(self, y: TensorLike) -> Tensor: """Compute the truth value of x OR y element-wise."""
    def logical_xor(self, y: TensorLike) -> Tensor: """Compute the truth value of x XOR y, element-wise."""
    def logsumexp(self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """log(sum(exp(x))) over the axes."""
    @property
    def mT(self) -> Tensor: """The last two axes exchanged."""
    def matmul(self, y: TensorLike) -> Tensor: """The matrix product: (..., n, k) @ (..., k, m) is (..., n, m); a vector has its axis alone."""
    def max(self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """The largest element over the axes."""
    def maximum(self, y: TensorLike) -> Tensor: """Element-wise maximum of array elements."""
    def mean(self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """The mean over the axes."""
    def min(self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """The smallest element over the axes."""
    def minimum(self, y: TensorLike) -> Tensor: """Element-wise minimum of array elements."""
    def mm(self, y: TensorLike) -> Tensor: """The matrix product: (..., n, k) @ (..., k, m) is (..., n, m); a vector has its axis alone."""
    def moveaxis(self, source: Any, destination: Any) -> Tensor: """The axes `source` moved to the places `destination`; the others keep their order."""
    def movedim(self, source: Any, destination: Any) -> Tensor: """The axes `source` moved to the places `destination`; the others keep their order."""
    def mv(self, y: TensorLike) -> Tensor: """The matrix product: (..., n, k) @ (..., k, m) is (..., n, m); a vector has its axis alone."""
    def named(self, name: str) -> Tensor: """Gives the tensor a name for pictures and messages, and returns it: h = relu(z).named("h")."""
    @property
    def ndim(self) -> int: """How many axes there are."""
    def numpy(self) -> Array: """The array itself (shared memory), out of the graph."""
    @overload
    def permute(self, axes: Sequence[int] | None = None) -> Tensor: """The axes in another order; reversed by default."""
    @overload
    def permute(self, *axes: int) -> Tensor: """The axes in another order; reversed by default."""
    def positive(self) -> Tensor: """Numerical positive, element-wise."""
    def pow(self, y: TensorLike) -> Tensor: """First array elements raised to powers from second array, element-wise."""
    def prod(self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """The product over the axes."""
    def ravel(self) -> Tensor: """All elements in one axis."""
    def reciprocal(self) -> Tensor: """Return the reciprocal of the argument, element-wise."""
    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]: """Calls hook(gradient) when this tensor's gradient is complete in a backward pass."""
    def relu(self) -> Tensor: """max(0, x)."""
    def requires_grad_(self, requires_grad: bool = True) -> Tensor: """Makes this tensor a leaf that gets a gradient, or a constant again."""
    @overload
    def reshape(self, shape: Shape) -> Tensor: """The same elements in another shape; one size may be -1."""
    @overload
    def reshape(self, *shape: int) -> Tensor: """The same elements in another shape; one size may be -1."""
    def retain_grad(self) -> None: """Lets backward() leave the gradient of a computed tensor in `.grad` too."""
    def round(self, decimals: int = 0) -> Tensor: """Rounded to a number of decimals, halves to even. Its slope is 0."""
    @property
    def shape(self) -> tuple[int, ...]: """The length of each axis."""
    def sigmoid(self) -> Tensor: """1 / (1 + exp(-x))."""
    def sign(self) -> Tensor: """Returns an element-wise indication of the sign of a number."""
    def signbit(self) -> Tensor: """Returns element-wise True where signbit is set (less than zero)."""
    def sin(self) -> Tensor: """Trigonometric sine, element-wise."""
    def sinh(self) -> Tensor: """Hyperbolic sine, element-wise."""
    @property
    def size(self) -> int: """How many elements there are."""
    def softmax(self, axis: int = -1, *, dim: int = ...) -> Tensor: """exp(x) / sum(exp(x)) along an axis (eq. 5-30, with the sign of its own code)."""
    def split(self, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]: """Cut into equal sections, or before the given indices, along an axis; as numpy.split."""
    def sqrt(self) -> Tensor: """Return the non-negative square-root of an array, element-wise."""
    def square(self) -> Tensor: """Return the element-wise square of the input."""
    def squeeze(self, axis: Axis = None, *, dim: Axis = ...) -> Tensor: """Without axes of length 1."""
    def std(self, axis: Axis = None, ddof: float = 0, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """The standard deviation over the axes, divided by their length less ddof."""
    def sum(self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """The sum over the axes."""
    def swapaxes(self, axis1: int, axis2: int) -> Tensor: """Two axes exchanged."""
    def tan(self) -> Tensor: """Compute tangent element-wise."""
    def tanh(self) -> Tensor: """Compute hyperbolic tangent element-wise."""
    def to(self, dtype: Any) -> Tensor: """The tensor in another dtype, as `astype`; "cpu", where all tensors are, changes nothing."""
    def tolist(self) -> Any: """The elements as Python numbers in nested lists."""
    @overload
    def transpose(self, axes: Sequence[int] | None = None) -> Tensor: """The axes in another order; reversed by default."""
    @overload
    def transpose(self, *axes: int) -> Tensor: """The axes in another order; reversed by default."""
    @overload
    def unsqueeze(self, axis: Shape) -> Tensor: """With new axes of length 1."""
    @overload
    def unsqueeze(self, *, dim: Shape) -> Tensor: """With new axes of length 1."""
    def var(self, axis: Axis = None, ddof: float = 0, keepdims: bool = False, *, dim: Axis = ..., keepdim: bool = ...) -> Tensor: """The variance over the axes, divided by their length less ddof."""
    @overload
    def view(self, shape: Shape) -> Tensor: """The same elements in another shape; one size may be -1."""
    @overload
    def view(self, *shape: int) -> Tensor: """The same elements in another shape; one size may be -1."""
