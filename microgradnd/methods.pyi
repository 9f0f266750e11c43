"""The operators, methods and properties of a Tensor.

Written by `python -m microgradnd.stubs`; do not edit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np

if TYPE_CHECKING:  # which is read last: what is imported imports this
    from microgradnd.declaration import Axis, Shape, TensorLike
    from microgradnd.engine import Tensor
    from microgradnd.node import Array
    from microgradnd.ops.linear_systems import SignAndLog
    from microgradnd.ops.selecting import Selected

_bool: TypeAlias = bool
_float: TypeAlias = float
_int: TypeAlias = int
class Methods:
    @property
    def H(self) -> Tensor: """The last two axes exchanged, each element conjugated."""
    @property
    def T(self) -> Tensor: """The axes in another order; reversed by default."""
    def __abs__(self) -> Tensor: ...
    def __add__(self, other: TensorLike, /) -> Tensor: ...
    def __and__(self, other: TensorLike, /) -> Tensor: ...
    def __array_namespace__(self, *, api_version: str | None = None) -> Any: """The functions of the Python array API standard."""
    def __bool__(self) -> _bool: ...
    def __complex__(self) -> Any: ...
    def __dlpack__(self, *, stream: Any = None, max_version: tuple[_int, _int] | None = None, dl_device: tuple[_int, _int] | None = None, copy: _bool | None = None) -> Any: ...
    def __dlpack_device__(self) -> Any: ...
    def __eq__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[override]
    def __float__(self) -> _float: ...
    def __floordiv__(self, other: TensorLike, /) -> Tensor: ...
    def __format__(self, spec: str) -> str: ...
    def __ge__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __getitem__(self, index: Any, /) -> Tensor: ...
    def __gt__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __hash__(self) -> _int: ...
    def __iadd__(self, other: TensorLike, /) -> Tensor: ...
    def __iand__(self, other: TensorLike, /) -> Tensor: ...
    def __ifloordiv__(self, other: TensorLike, /) -> Tensor: ...
    def __ilshift__(self, other: TensorLike, /) -> Tensor: ...
    def __imatmul__(self, other: TensorLike, /) -> Tensor: ...
    def __imod__(self, other: TensorLike, /) -> Tensor: ...
    def __imul__(self, other: TensorLike, /) -> Tensor: ...
    def __index__(self) -> _int: ...
    def __int__(self) -> _int: ...
    def __invert__(self) -> Tensor: ...
    def __ior__(self, other: TensorLike, /) -> Tensor: ...
    def __ipow__(self, other: TensorLike, /) -> Tensor: ...
    def __irshift__(self, other: TensorLike, /) -> Tensor: ...
    def __isub__(self, other: TensorLike, /) -> Tensor: ...
    def __iter__(self) -> Iterator[Tensor]: ...
    def __itruediv__(self, other: TensorLike, /) -> Tensor: ...
    def __ixor__(self, other: TensorLike, /) -> Tensor: ...
    def __le__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __len__(self) -> _int: ...
    def __lshift__(self, other: TensorLike, /) -> Tensor: ...
    def __lt__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __matmul__(self, other: TensorLike, /) -> Tensor: ...
    def __mod__(self, other: TensorLike, /) -> Tensor: ...
    def __mul__(self, other: TensorLike, /) -> Tensor: ...
    def __ne__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[override]
    def __neg__(self) -> Tensor: ...
    def __or__(self, other: TensorLike, /) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __pow__(self, other: TensorLike, /) -> Tensor: ...
    def __radd__(self, other: TensorLike, /) -> Tensor: ...
    def __rand__(self, other: TensorLike, /) -> Tensor: ...
    def __repr__(self) -> str: ...
    def __rfloordiv__(self, other: TensorLike, /) -> Tensor: ...
    def __rlshift__(self, other: TensorLike, /) -> Tensor: ...
    def __rmatmul__(self, other: TensorLike, /) -> Tensor: ...
    def __rmod__(self, other: TensorLike, /) -> Tensor: ...
    def __rmul__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __ror__(self, other: TensorLike, /) -> Tensor: ...
    def __round__(self, decimals: _int = 0, /) -> Tensor: ...
    def __rpow__(self, other: TensorLike, /) -> Tensor: ...
    def __rrshift__(self, other: TensorLike, /) -> Tensor: ...
    def __rshift__(self, other: TensorLike, /) -> Tensor: ...
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
    def add(self, y: TensorLike, *, alpha: _float = ...) -> Tensor: """Add arguments element-wise."""
    def addbmm(self, batch1: TensorLike, batch2: TensorLike, *, beta: _float = 1, alpha: _float = 1) -> Tensor: """beta input + alpha times the sum over the stack of batch1 batch2."""
    def addcdiv(self, tensor1: TensorLike, tensor2: TensorLike, *, value: _float = 1) -> Tensor: """x + value tensor1 / tensor2."""
    def addcmul(self, tensor1: TensorLike, tensor2: TensorLike, *, value: _float = 1) -> Tensor: """x + value tensor1 tensor2."""
    def addmm(self, mat1: TensorLike, mat2: TensorLike, *, beta: _float = 1, alpha: _float = 1) -> Tensor: """beta input + alpha mat1 mat2."""
    def addmv(self, mat: TensorLike, vec: TensorLike, *, beta: _float = 1, alpha: _float = 1) -> Tensor: """beta input + alpha mat vec."""
    def addr(self, vec1: TensorLike, vec2: TensorLike, *, beta: _float = 1, alpha: _float = 1) -> Tensor: """beta input + alpha times the outer product of two vectors."""
    def all(self, axis: Axis = None, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ...) -> Tensor: """Whether all elements over the axes are true."""
    def allclose(self, y: TensorLike, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False) -> _bool: """Whether all |x - y| ≤ atol + rtol |y|."""
    def amax(self, axis: Axis = None, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ...) -> Tensor: """The largest element over the axes."""
    def amin(self, axis: Axis = None, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ...) -> Tensor: """The smallest element over the axes."""
    def aminmax(self, axis: Axis = None, keepdims: _bool = False) -> tuple[Tensor, Tensor]: """The smallest and the largest element over the axes."""
    def angle(self, deg: _bool = False) -> Tensor: """The angle of a complex number from the axis of the real ones, in radians or degrees."""
    def any(self, axis: Axis = None, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ...) -> Tensor: """Whether any element over the axes is true."""
    def arccos(self) -> Tensor: """Trigonometric inverse cosine, element-wise."""
    def arccosh(self) -> Tensor: """Inverse hyperbolic cosine, element-wise."""
    def arcsin(self) -> Tensor: """Inverse sine, element-wise."""
    def arcsinh(self) -> Tensor: """Inverse hyperbolic sine element-wise."""
    def arctan(self) -> Tensor: """Trigonometric inverse tangent, element-wise."""
    def arctan2(self, y: TensorLike) -> Tensor: """Element-wise arc tangent of ``x/y`` choosing the quadrant correctly."""
    def arctanh(self) -> Tensor: """Inverse hyperbolic tangent element-wise."""
    def argmax(self, axis: _int | None = None, keepdims: _bool = False, *, dim: _int | None = ..., keepdim: _bool = ...) -> Tensor: """Where the largest element along the axis is; without an axis, in the flattened array."""
    def argmin(self, axis: _int | None = None, keepdims: _bool = False, *, dim: _int | None = ..., keepdim: _bool = ...) -> Tensor: """Where the smallest element along the axis is; without an axis, in the flattened array."""
    def argsort(self, axis: _int | None = -1, *, descending: _bool = False, stable: _bool = True, dim: _int | None = ...) -> Tensor: """The order that would sort the elements along the axis; flat, if it is None."""
    def argwhere(self) -> Tensor: """Where x is not 0: a row of indices for each such element."""
    def array_equal(self, y: TensorLike, equal_nan: _bool = False) -> _bool: """Whether shapes and elements are the same; torch.equal."""
    def as_strided(self, size: Any, stride: Any, storage_offset: _int = 0) -> Tensor: """Not offered: a view of raw memory has no derivative that could be told from its arguments."""
    def asin(self) -> Tensor: """Inverse sine, element-wise."""
    def asinh(self) -> Tensor: """Inverse hyperbolic sine element-wise."""
    def astype(self, dtype: Any) -> Tensor: """The tensor in another dtype; as integers or booleans it carries no gradient."""
    def atan(self) -> Tensor: """Trigonometric inverse tangent, element-wise."""
    def atan2(self, y: TensorLike) -> Tensor: """Element-wise arc tangent of ``x/y`` choosing the quadrant correctly."""
    def atanh(self) -> Tensor: """Inverse hyperbolic tangent element-wise."""
    def baddbmm(self, batch1: TensorLike, batch2: TensorLike, *, beta: _float = 1, alpha: _float = 1) -> Tensor: """beta input + alpha batch1 batch2, each matrix of the one stack with its own of the other."""
    def bincount(self, weights: TensorLike | None = None, minlength: _int = 0) -> Tensor: """How often each integer from 0 on occurs, or the sum of its weights, which get a gradient."""
    def bitwise_and(self, y: TensorLike) -> Tensor: """Compute the bit-wise AND of two arrays element-wise."""
    def bitwise_not(self) -> Tensor: """Compute bit-wise inversion, or bit-wise NOT, element-wise."""
    def bitwise_or(self, y: TensorLike) -> Tensor: """Compute the bit-wise OR of two arrays element-wise."""
    def bitwise_xor(self, y: TensorLike) -> Tensor: """Compute the bit-wise XOR of two arrays element-wise."""
    def bmm(self, y: TensorLike) -> Tensor: """The matrix product: (..., n, k) @ (..., k, m) is (..., n, m); a vector has its axis alone."""
    def bool(self) -> Tensor: """The tensor in bool, as `astype` gives it."""
    @overload
    def broadcast_to(self, shape: Shape) -> Tensor: """Repeated to a larger shape, by the rules of broadcasting, without copying."""
    @overload
    def broadcast_to(self, *shape: _int) -> Tensor: """Repeated to a larger shape, by the rules of broadcasting, without copying."""
    def cbrt(self) -> Tensor: """Return the cube-root of an array, element-wise."""
    def ceil(self) -> Tensor: """Return the ceiling of the input, element-wise."""
    def cholesky_solve(self, factor: TensorLike, upper: _bool = False) -> Tensor: """The x with A x = b, from the Cholesky factor of A: L, or its transpose where `upper`."""
    def chunk(self, chunks: _int, axis: _int = 0) -> tuple[Tensor, ...]: """Cut along the axis into at most `chunks` pieces, all of one size but for the last."""
    def clamp(self, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor: """x, held within [min, max]; None leaves a side open, and max wins where they cross."""
    def clip(self, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor: """x, held within [min, max]; None leaves a side open, and max wins where they cross."""
    def clone(self) -> Tensor: """Numerical positive, element-wise."""
    def conj(self) -> Tensor: """Return the complex conjugate, element-wise."""
    def conj_physical(self) -> Tensor: """Return the complex conjugate, element-wise."""
    def conjugate(self) -> Tensor: """Return the complex conjugate, element-wise."""
    def contiguous(self) -> Tensor: """The tensor itself: how its elements lie in memory is nobody's concern here."""
    def copysign(self, y: TensorLike) -> Tensor: """Change the sign of x to that of y, element-wise."""
    def cos(self) -> Tensor: """Cosine element-wise."""
    def cosh(self) -> Tensor: """Hyperbolic cosine, element-wise."""
    def count_nonzero(self, axis: Axis = None, keepdims: _bool = False) -> Tensor: """How many elements over the axes are not 0."""
    def cpu(self) -> Tensor: """The tensor itself: all of them are there."""
    def cross(self, y: TensorLike, axisa: _int = -1, axisb: _int = -1, axisc: _int = -1, axis: _int | None = None) -> Tensor: """The vector product of three-dimensional vectors, along the last axis or the given ones."""
    def cummax(self, axis: _int) -> Selected: """The largest so far along the axis, and where it stands."""
    def cummin(self, axis: _int) -> Selected: """The smallest so far along the axis, and where it stands."""
    def cumprod(self, axis: _int | None = None, *, dim: _int | None = ..., dtype: Any = ...) -> Tensor: """The product of each element and all before it along the axis, with any number of zeros."""
    def cumsum(self, axis: _int | None = None, *, dim: _int | None = ..., dtype: Any = ...) -> Tensor: """The sum of each element and all before it along the axis."""
    def deg2rad(self) -> Tensor: """Convert angles from degrees to radians."""
    def det(self) -> Tensor: """The determinant. Its gradient, of cofactors, is right for singular matrices, too."""
    def detach(self) -> Tensor: """The same array (shared memory) as a constant: no gradient flows through it."""
    @property
    def device(self) -> Tensor: """Where it is: always on the CPU."""
    def diag(self, k: _int = 0) -> Tensor: """The k-th diagonal of a matrix, or the matrix that has a vector on it."""
    def diag_embed(self, offset: _int = 0, axis1: _int = -2, axis2: _int = -1) -> Tensor: """Square matrices with the last axis of x on a diagonal, and zeros."""
    def diagonal(self, offset: _int = 0, axis1: _int = 0, axis2: _int = 1) -> Tensor: """The diagonal of two axes, `offset` above the main one, in a new last axis."""
    def diff(self, n: _int = 1, axis: _int = -1, prepend: TensorLike | None = None, append: TensorLike | None = None) -> Tensor: """The differences of neighbours along the axis, n times over."""
    def digamma(self) -> Tensor: """ψ(x), the slope of ln Γ."""
    def dim(self) -> _int: """How many axes there are."""
    def dist(self, y: TensorLike, p: _float = 2) -> Tensor: """The p-norm of the difference."""
    def div(self, y: TensorLike, *, rounding_mode: str | None = ...) -> Tensor: """Divide arguments element-wise."""
    def divide(self, y: TensorLike, *, rounding_mode: str | None = ...) -> Tensor: """Divide arguments element-wise."""
    def dot(self, y: TensorLike) -> Tensor: """numpy.dot: the sum over the last axis of x and the second-to-last (or only) axis of y."""
    def double(self) -> Tensor: """The tensor in float64, as `astype` gives it."""
    def dsplit(self, indices_or_sections: _int | Sequence[_int]) -> list[Tensor]: """`split` along the third axis."""
    @property
    def dtype(self) -> np.dtype[Any]: """The type of the elements."""
    def eq(self, y: TensorLike) -> Tensor: """Return (x == y) element-wise."""
    def erf(self) -> Tensor: """The error function, 2/√π times the integral of exp(-t²) from 0 to x; saturates at ±1."""
    def erfc(self) -> Tensor: """1 - erf(x), precise where that is tiny."""
    def erfinv(self) -> Tensor: """The inverse of erf, for -1 < x < 1."""
    def exp(self) -> Tensor: """Calculate the exponential of all elements in the input array."""
    def exp2(self) -> Tensor: """Calculate `2**p` for all `p` in the input array."""
    def expand(self, *sizes: Any) -> Tensor: """Repeated to a larger shape as `broadcast_to`; -1 stands for a size as it is."""
    def expand_as(self, other: Any) -> Tensor: """Broadcast to the shape of another tensor."""
    @overload
    def expand_dims(self, axis: Shape) -> Tensor: """With new axes of length 1."""
    @overload
    def expand_dims(self, *, dim: Shape) -> Tensor: """With new axes of length 1."""
    def expm1(self) -> Tensor: """Calculate ``exp(x) - 1`` for all elements in the array."""
    def fix(self) -> Tensor: """Return the truncated value of the input, element-wise."""
    def flatten(self, start_dim: _int = 0, end_dim: _int = -1) -> Tensor: """The axes from `start_dim` to `end_dim`, this one included, as one axis; all by default."""
    def flip(self, axis: Axis = None, *, dim: Axis = ..., dims: Axis = ...) -> Tensor: """In the opposite order along the axes; along all by default."""
    def fliplr(self) -> Tensor: """In the opposite order along the second axis."""
    def flipud(self) -> Tensor: """In the opposite order along the first axis."""
    def float(self) -> Tensor: """The tensor in float32, as `astype` gives it."""
    def float_power(self, y: TensorLike) -> Tensor: """First array elements raised to powers from second array, element-wise."""
    def floor(self) -> Tensor: """Return the floor of the input, element-wise."""
    def floor_divide(self, y: TensorLike) -> Tensor: """Return the largest integer smaller or equal to the division of the inputs."""
    def fmax(self, y: TensorLike) -> Tensor: """Element-wise maximum of array elements."""
    def fmin(self, y: TensorLike) -> Tensor: """Element-wise minimum of array elements."""
    def fmod(self, y: TensorLike) -> Tensor: """Returns the element-wise remainder of division."""
    def frac(self) -> Tensor: """What x exceeds its whole part by: x - trunc(x), of the sign of x."""
    def gather(self, axis: _int, index: TensorLike) -> Tensor: """out[i, j] = x[i, index[i, j]], for axis 1 of two; the result has the shape of index."""
    def ge(self, y: TensorLike) -> Tensor: """Return the truth value of (x >= y) element-wise."""
    def ger(self, y: TensorLike) -> Tensor: """Each element of x times each of y, both flattened: a matrix."""
    def greater(self, y: TensorLike) -> Tensor: """Return the truth value of (x > y) element-wise."""
    def greater_equal(self, y: TensorLike) -> Tensor: """Return the truth value of (x >= y) element-wise."""
    def gt(self, y: TensorLike) -> Tensor: """Return the truth value of (x > y) element-wise."""
    def half(self) -> Tensor: """The tensor in float16, as `astype` gives it."""
    def heaviside(self, y: TensorLike) -> Tensor: """Compute the Heaviside step function."""
    def histogram(self, bins: Any = 10, range: tuple[_float, _float] | None = None, weights: TensorLike | None = None, density: _bool = False) -> tuple[Tensor, Tensor]: """How many elements lie in each bin, and the bins' edges; constants."""
    def hsplit(self, indices_or_sections: _int | Sequence[_int]) -> list[Tensor]: """`split` along the second axis; of vectors along their only one."""
    def hypot(self, y: TensorLike) -> Tensor: """Given the "legs" of a right triangle, return its hypotenuse."""
    def i0(self) -> Tensor: """The modified Bessel function of the first kind and order 0; needs SciPy."""
    def i1(self) -> Tensor: """The modified Bessel function of the first kind and order 1, the slope of i0."""
    @property
    def imag(self) -> Tensor: """The imaginary part, a real number."""
    def index_add(self, axis: _int, index: TensorLike, source: TensorLike, *, alpha: _float = 1) -> Tensor: """x with the parts of alpha source added at some indices along an axis."""
    def index_copy(self, axis: _int, index: TensorLike, source: TensorLike) -> Tensor: """x with the parts of source written at some indices along an axis."""
    def index_fill(self, axis: _int, index: TensorLike, value: TensorLike) -> Tensor: """x with one value written at some indices along an axis."""
    def index_put(self, indices: Sequence[TensorLike], values: TensorLike, accumulate: _bool = False) -> Tensor: """x with values written, or added, at x[indices[0], indices[1], ...]."""
    def index_select(self, axis: _int, index: TensorLike) -> Tensor: """The parts of x at some indices along an axis, as `take`."""
    def inner(self, y: TensorLike) -> Tensor: """The sums of products over the last axes of both."""
    def int(self) -> Tensor: """The tensor in int32, as `astype` gives it."""
    def inv(self) -> Tensor: """The inverse."""
    def inverse(self) -> Tensor: """The inverse."""
    def invert(self) -> Tensor: """Compute bit-wise inversion, or bit-wise NOT, element-wise."""
    def is_complex(self) -> _bool: """Whether its elements are complex numbers."""
    def is_floating_point(self) -> _bool: """Whether its elements are real floating-point numbers."""
    def isclose(self, y: TensorLike, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False) -> Tensor: """Where |x - y| ≤ atol + rtol |y|."""
    def isfinite(self) -> Tensor: """Test element-wise for finiteness (not infinity and not Not a Number)."""
    def isin(self, test_elements: TensorLike, assume_unique: _bool = False, invert: _bool = False) -> Tensor: """Where an element is one of the others, or with `invert` none of them."""
    def isinf(self) -> Tensor: """Test element-wise for positive or negative infinity."""
    def isnan(self) -> Tensor: """Test element-wise for NaN and return result as a boolean array."""
    def item(self) -> _float: """The only element, as a Python number."""
    @property
    def itemsize(self) -> Tensor: """How many bytes an element takes."""
    def kron(self, y: TensorLike) -> Tensor: """The Kronecker product: each element of x replaced by itself times y."""
    def kthvalue(self, k: _int, axis: _int = -1, keepdims: _bool = False) -> Selected: """The k-th smallest along the axis, counted from 1, and where it stands."""
    def ldexp(self, i: TensorLike) -> Tensor: """Returns x * 2**i, element-wise."""
    def le(self, y: TensorLike) -> Tensor: """Return the truth value of (x <= y) element-wise."""
    def leaky_relu(self, slope: _float = 0.01) -> Tensor: """x where x > 0, else slope * x."""
    def lerp(self, end: TensorLike, weight: TensorLike) -> Tensor: """start + weight (end - start): from start at weight 0 to end at 1."""
    def less(self, y: TensorLike) -> Tensor: """Return the truth value of (x < y) element-wise."""
    def less_equal(self, y: TensorLike) -> Tensor: """Return the truth value of (x <= y) element-wise."""
    def lgamma(self) -> Tensor: """ln |Γ(x)|."""
    def log(self) -> Tensor: """Natural logarithm, element-wise."""
    def log10(self) -> Tensor: """Return the base 10 logarithm of the input array, element-wise."""
    def log1p(self) -> Tensor: """Return the natural logarithm of one plus the input array, element-wise."""
    def log2(self) -> Tensor: """Base-2 logarithm of `x`."""
    def log_softmax(self, axis: _int = -1, *, dim: _int = ..., dtype: Any = ...) -> Tensor: """log(softmax(x)) along an axis."""
    def logaddexp(self, y: TensorLike) -> Tensor: """Logarithm of the sum of exponentiations of the inputs."""
    def logaddexp2(self, y: TensorLike) -> Tensor: """Logarithm of the sum of exponentiations of the inputs in base-2."""
    @overload
    def logcumsumexp(self, axis: _int) -> Tensor: """ln of the sum of the exponentials of each element and all before it along the axis."""
    @overload
    def logcumsumexp(self, *, dim: _int) -> Tensor: """ln of the sum of the exponentials of each element and all before it along the axis."""
    def logdet(self) -> Tensor: """The logarithm of the determinant; NaN where that is negative."""
    def logical_and(self, y: TensorLike) -> Tensor: """Compute the truth value of x AND y element-wise."""
    def logical_not(self) -> Tensor: """Compute the truth value of NOT x element-wise."""
    def logical_or(self, y: TensorLike) -> Tensor: """Compute the truth value of x OR y element-wise."""
    def logical_xor(self, y: TensorLike) -> Tensor: """Compute the truth value of x XOR y, element-wise."""
    def logit(self, eps: _float | None = None) -> Tensor: """ln(x / (1 - x)), the inverse of sigmoid; with eps x is held within [eps, 1 - eps] first."""
    def logsumexp(self, axis: Axis = None, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ...) -> Tensor: """log(sum(exp(x))) over the axes."""
    def long(self) -> Tensor: """The tensor in int64, as `astype` gives it."""
    def lt(self, y: TensorLike) -> Tensor: """Return the truth value of (x < y) element-wise."""
    @property
    def mT(self) -> Tensor: """The last two axes exchanged."""
    def masked_fill(self, mask: TensorLike, value: TensorLike) -> Tensor: """x with a value where the mask holds."""
    def masked_scatter(self, mask: TensorLike, source: TensorLike) -> Tensor: """x with the elements of source, in their order, written where the mask holds."""
    def masked_select(self, mask: TensorLike) -> Tensor: """The elements where the mask holds, in one axis."""
    def matmul(self, y: TensorLike) -> Tensor: """The matrix product: (..., n, k) @ (..., k, m) is (..., n, m); a vector has its axis alone."""
    def matrix_exp(self) -> Tensor: """The exponential of matrices, by Padé approximation, scaling and squaring (Higham, 2005)."""
    def matrix_power(self, n: _int) -> Tensor: """a multiplied with itself n times, by repeated squaring; its inverse, if n is negative."""
    def max(self, axis: Axis = None, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ...) -> Tensor: """The largest element over the axes."""
    def maximum(self, y: TensorLike) -> Tensor: """Element-wise maximum of array elements."""
    def mean(self, axis: Axis = None, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ..., dtype: Any = ...) -> Tensor: """The mean over the axes."""
    def median(self, axis: Axis = None, keepdims: _bool = False) -> Tensor: """The middle element over the axes; of an even number the mean of the two in the middle."""
    def min(self, axis: Axis = None, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ...) -> Tensor: """The smallest element over the axes."""
    def minimum(self, y: TensorLike) -> Tensor: """Element-wise minimum of array elements."""
    def mm(self, y: TensorLike) -> Tensor: """The matrix product: (..., n, k) @ (..., k, m) is (..., n, m); a vector has its axis alone."""
    def mode(self, axis: _int = -1, keepdims: _bool = False) -> Selected: """The most frequent value along the axis (of several the smallest), and its last place."""
    def moveaxis(self, source: Any, destination: Any) -> Tensor: """The axes `source` moved to the places `destination`; the others keep their order."""
    def movedim(self, source: Any, destination: Any) -> Tensor: """The axes `source` moved to the places `destination`; the others keep their order."""
    def msort(self) -> Tensor: """The elements in ascending order along the first axis."""
    def mul(self, y: TensorLike) -> Tensor: """Multiply arguments element-wise."""
    def multiply(self, y: TensorLike) -> Tensor: """Multiply arguments element-wise."""
    def mv(self, y: TensorLike) -> Tensor: """The matrix product: (..., n, k) @ (..., k, m) is (..., n, m); a vector has its axis alone."""
    def named(self, name: str) -> Tensor: """Gives the tensor a name for pictures and messages, and returns it: h = relu(z).named("h")."""
    def nan_to_num(self, nan: _float = 0.0, posinf: _float | None = None, neginf: _float | None = None) -> Tensor: """Numbers in the place of NaN and the infinities; by default 0 and the dtype's extremes."""
    def nanmean(self, axis: Axis = None, keepdims: _bool = False) -> Tensor: """The mean over the axes of the elements that are no NaN."""
    def nanmedian(self, axis: Axis = None, keepdims: _bool = False) -> Tensor: """`median` of the elements that are no NaN."""
    def nanquantile(self, q: TensorLike, axis: Axis = None, keepdims: _bool = False, method: str = 'linear') -> Tensor: """`quantile` of the elements that are no NaN."""
    def nansum(self, axis: Axis = None, keepdims: _bool = False) -> Tensor: """The sum over the axes, in which a NaN counts as 0."""
    def narrow(self, axis: _int, start: _int, length: _int) -> Tensor: """`length` elements from `start` on along an axis."""
    @property
    def nbytes(self) -> Tensor: """How many bytes the elements take."""
    @property
    def ndim(self) -> _int: """How many axes there are."""
    def ne(self, y: TensorLike) -> Tensor: """Return (x != y) element-wise."""
    def neg(self) -> Tensor: """Numerical negative, element-wise."""
    def negative(self) -> Tensor: """Numerical negative, element-wise."""
    def nonzero(self, *, as_tuple: _bool = True) -> Any: """Where x is not 0: an array of indices for each axis, as numpy.nonzero."""
    def norm(self, p: _float | str | None = 'fro', axis: Axis = None, keepdims: _bool = False, *, ord: _float | str | None = None) -> Tensor: """torch.norm: of all elements, or those of the axes, as one vector; p "nuc" of matrices."""
    def not_equal(self, y: TensorLike) -> Tensor: """Return (x != y) element-wise."""
    def numel(self) -> _int: """How many elements there are."""
    def numpy(self) -> Array: """The array itself (shared memory), out of the graph."""
    def outer(self, y: TensorLike) -> Tensor: """Each element of x times each of y, both flattened: a matrix."""
    def partition(self, kth: Any, axis: _int | None = -1) -> Tensor: """The elements along the axis, none before a place `kth` larger, none after it smaller."""
    @overload
    def permute(self, axes: Sequence[_int] | None = None) -> Tensor: """The axes in another order; reversed by default."""
    @overload
    def permute(self, *axes: _int) -> Tensor: """The axes in another order; reversed by default."""
    def positive(self) -> Tensor: """Numerical positive, element-wise."""
    def pow(self, y: TensorLike) -> Tensor: """First array elements raised to powers from second array, element-wise."""
    def prod(self, axis: Axis = None, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ..., dtype: Any = ...) -> Tensor: """The product over the axes."""
    def put_along_axis(self, indices: TensorLike, values: TensorLike, axis: _int | None) -> Tensor: """x with out[i, indices[i, j]] = values[i, j], for axis 1 of two; a new tensor."""
    def qr(self, mode: str = 'reduced') -> Any: """a = Q R with orthonormal columns in Q and upper triangular R, as (Q, R)."""
    def quantile(self, q: TensorLike, axis: Axis = None, keepdims: _bool = False, method: str = 'linear') -> Tensor: """What a share q of the elements over the axes lies below; several q stand in a first axis."""
    def rad2deg(self) -> Tensor: """Convert angles from radians to degrees."""
    def ravel(self) -> Tensor: """All elements in one axis."""
    @property
    def real(self) -> Tensor: """The real part."""
    def reciprocal(self) -> Tensor: """Return the reciprocal of the argument, element-wise."""
    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]: """Calls hook(gradient) when this tensor's gradient is complete in a backward pass."""
    def relu(self, *, inplace: _bool = ...) -> Tensor: """max(0, x)."""
    def remainder(self, y: TensorLike) -> Tensor: """Returns the element-wise remainder of division."""
    def repeat(self, repeats: Any, axis: _int | None = None) -> Tensor: """Each element several times in a row, along the axis; without one, of the flattened array."""
    def repeat_interleave(self, repeats: Any, axis: _int | None = None) -> Tensor: """Each element several times in a row, along the axis; without one, of the flattened array."""
    def requires_grad_(self, requires_grad: _bool = True) -> Tensor: """Makes this tensor a leaf that gets a gradient, or a constant again."""
    @overload
    def reshape(self, shape: Shape) -> Tensor: """The same elements in another shape; one size may be -1."""
    @overload
    def reshape(self, *shape: _int) -> Tensor: """The same elements in another shape; one size may be -1."""
    def reshape_as(self, other: Any) -> Tensor: """Reshaped to the shape of another tensor."""
    def retain_grad(self) -> None: """Lets backward() leave the gradient of a computed tensor in `.grad` too."""
    @overload
    def roll(self, shift: _int | Sequence[_int], axis: Axis = None) -> Tensor: """Shifted along the axes, what falls out at the end comes in at the start; flat by default."""
    @overload
    def roll(self, axis: Axis = None, *, shifts: _int | Sequence[_int]) -> Tensor: """Shifted along the axes, what falls out at the end comes in at the start; flat by default."""
    def rot90(self, k: _int = 1, axes: Sequence[_int] = (0, 1)) -> Tensor: """Turned k times by 90°, from the first of two axes towards the second."""
    def round(self, decimals: _int = 0) -> Tensor: """Rounded to a number of decimals, halves to even. Its slope is 0."""
    def rsqrt(self) -> Tensor: """1 / √x."""
    def scatter(self, axis: _int, index: TensorLike, src: TensorLike) -> Tensor: """x with out[i, index[i, j]] = src[i, j], for axis 1 of two; src may be one number."""
    def scatter_add(self, axis: _int, index: TensorLike, src: TensorLike) -> Tensor: """x with src[i, j] added to out[i, index[i, j]], for axis 1 of two."""
    def scatter_reduce(self, axis: _int, index: TensorLike, src: TensorLike, reduce: str, *, include_self: _bool = True) -> Tensor: """x with what src brings to each place reduced with it: by its sum, mean, product, extreme."""
    def select(self, axis: _int, index: _int) -> Tensor: """The part at one index along an axis, which it loses."""
    @property
    def shape(self) -> tuple[_int, ...]: """The length of each axis."""
    def sigmoid(self) -> Tensor: """1 / (1 + exp(-x))."""
    def sign(self) -> Tensor: """Returns an element-wise indication of the sign of a number."""
    def signbit(self) -> Tensor: """Returns element-wise True where signbit is set (less than zero)."""
    def sin(self) -> Tensor: """Trigonometric sine, element-wise."""
    def sinc(self) -> Tensor: """sin(πx) / (πx), 1 at 0."""
    def sinh(self) -> Tensor: """Hyperbolic sine, element-wise."""
    @property
    def size(self) -> _int: """How many elements there are."""
    def slogdet(self) -> SignAndLog: """The sign of the determinant, a constant where it is real, and the log of its absolute value."""
    def softmax(self, axis: _int = -1, *, dim: _int = ..., dtype: Any = ...) -> Tensor: """exp(x) / sum(exp(x)) along an axis (eq. 5-30, with the sign of its own code)."""
    def sort(self, axis: _int | None = -1, *, descending: _bool = False, stable: _bool = True) -> Tensor: """The elements in ascending order along the axis; flat, if it is None. NaN comes last."""
    def split(self, indices_or_sections: _int | Sequence[_int], axis: _int = 0) -> list[Tensor]: """Cut into equal sections, or before the given indices, along an axis; as numpy.split."""
    def sqrt(self) -> Tensor: """Return the non-negative square-root of an array, element-wise."""
    def square(self) -> Tensor: """Return the element-wise square of the input."""
    def squeeze(self, axis: Axis = None, *, dim: Axis = ...) -> Tensor: """Without axes of length 1."""
    def std(self, axis: Axis = None, ddof: _float = 0, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ..., correction: _float = ..., unbiased: _float = ..., dtype: Any = ...) -> Tensor: """The standard deviation over the axes, divided by their length less ddof."""
    def sub(self, y: TensorLike, *, alpha: _float = ...) -> Tensor: """Subtract arguments, element-wise."""
    def subtract(self, y: TensorLike, *, alpha: _float = ...) -> Tensor: """Subtract arguments, element-wise."""
    def sum(self, axis: Axis = None, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ..., dtype: Any = ...) -> Tensor: """The sum over the axes."""
    def swapaxes(self, axis1: _int, axis2: _int) -> Tensor: """Two axes exchanged."""
    def t(self) -> Tensor: """The transposed matrix; a vector is its own."""
    def take(self, indices: TensorLike, axis: _int | None = None, mode: str = 'raise') -> Tensor: """The elements, or the parts along an axis, at some indices; flat without an axis."""
    def take_along_axis(self, indices: TensorLike, axis: _int | None = -1) -> Tensor: """out[i, j] = x[i, indices[i, j]], for axis 1 of two; other axes are broadcast."""
    def take_along_dim(self, indices: TensorLike, axis: _int | None = -1) -> Tensor: """out[i, j] = x[i, indices[i, j]], for axis 1 of two; other axes are broadcast."""
    def tan(self) -> Tensor: """Compute tangent element-wise."""
    def tanh(self) -> Tensor: """Compute hyperbolic tangent element-wise."""
    def tensor_split(self, indices_or_sections: _int | Sequence[_int], axis: _int = 0) -> tuple[Tensor, ...]: """`array_split`, as a tuple."""
    def tile(self, reps: _int | Sequence[_int]) -> Tensor: """Copies side by side: as many along each axis as `reps` says."""
    def to(self, *like: Any, dtype: Any = None, device: Any = None, non_blocking: _bool = False, copy: _bool = False) -> Tensor: """The tensor in another dtype, as `astype`, or in that of another tensor."""
    def to_device(self, device: Any, /, *, stream: Any = None) -> Tensor: """The tensor itself: all of them are on the "cpu"."""
    def tolist(self) -> Any: """The elements as Python numbers in nested lists."""
    def topk(self, k: _int, axis: _int = -1, largest: _bool = True, sorted: _bool = True) -> Selected: """The k largest (or smallest) along the axis, and where they stand."""
    def trace(self, offset: _int = 0, axis1: _int = 0, axis2: _int = 1) -> Tensor: """The sum of the diagonal of two axes."""
    @overload
    def transpose(self, axes: Sequence[_int] | None = None) -> Tensor: """The axes in another order; reversed by default."""
    @overload
    def transpose(self, *axes: _int) -> Tensor: """The axes in another order; reversed by default."""
    def tril(self, k: _int = 0) -> Tensor: """The last two axes' lower triangle, up to the k-th diagonal; zeros above it."""
    def triu(self, k: _int = 0) -> Tensor: """The last two axes' upper triangle, from the k-th diagonal on; zeros below it."""
    def true_divide(self, y: TensorLike, *, rounding_mode: str | None = ...) -> Tensor: """Divide arguments element-wise."""
    def trunc(self) -> Tensor: """Return the truncated value of the input, element-wise."""
    def type_as(self, other: Tensor) -> Tensor: """The tensor in the dtype of another."""
    def unbind(self, axis: _int = 0) -> tuple[Tensor, ...]: """The parts along an axis, which they lose."""
    def unflatten(self, axis: _int, sizes: Sequence[_int]) -> Tensor: """One axis as several, whose sizes multiply to its own; one of them may be -1."""
    def unfold(self, axis: _int, size: _int, step: _int = 1) -> Tensor: """All windows of a size along an axis, `step` apart, in a new last axis."""
    def unique(self, return_index: _bool = False, return_inverse: _bool = False, return_counts: _bool = False, axis: _int | None = None, *, sorted: _bool = True) -> Any: """The different elements in ascending order, as constants; with what numpy.unique returns."""
    @overload
    def unsqueeze(self, axis: Shape) -> Tensor: """With new axes of length 1."""
    @overload
    def unsqueeze(self, *, dim: Shape) -> Tensor: """With new axes of length 1."""
    def unstack(self, axis: _int = 0) -> tuple[Tensor, ...]: """The parts along an axis, which they lose."""
    def var(self, axis: Axis = None, ddof: _float = 0, keepdims: _bool = False, *, dim: Axis = ..., keepdim: _bool = ..., correction: _float = ..., unbiased: _float = ..., dtype: Any = ...) -> Tensor: """The variance over the axes, divided by their length less ddof."""
    def vdot(self, y: TensorLike) -> Tensor: """The sum of the products of all elements, those of x conjugated."""
    @overload
    def view(self, shape: Shape) -> Tensor: """The same elements in another shape; one size may be -1."""
    @overload
    def view(self, *shape: _int) -> Tensor: """The same elements in another shape; one size may be -1."""
    def view_as(self, other: Any) -> Tensor: """Reshaped to the shape of another tensor."""
    def vsplit(self, indices_or_sections: _int | Sequence[_int]) -> list[Tensor]: """`split` along the first axis of two or more."""
    def where(self, condition: Any, y: Any) -> Tensor: """Its elements where the condition holds, else those of y."""
    def xlogy(self, y: TensorLike) -> Tensor: """x ln y, and 0 where x is 0, whatever y is (unless it is a NaN)."""
