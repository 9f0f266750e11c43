"""The operators, methods and properties that `methods.py` attaches to Tensor, for type checkers.

`__array__` is left out on purpose: NumPy's hints would take a Tensor with it for an array, and the
result of `array * tensor`, a Tensor, for an ndarray. Leave the graph with `t.numpy()`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

import numpy as np

from microgradnd.engine import Tensor
from microgradnd.node import Array
from microgradnd.signatures import Axis, Shape, TensorLike

class TensorMethods:
    # Arithmetic; operands are broadcast together.
    def __add__(self, other: TensorLike, /) -> Tensor: ...
    def __radd__(self, other: TensorLike, /) -> Tensor: ...
    def __iadd__(self, other: TensorLike, /) -> Tensor: ...
    def __sub__(self, other: TensorLike, /) -> Tensor: ...
    def __rsub__(self, other: TensorLike, /) -> Tensor: ...
    def __isub__(self, other: TensorLike, /) -> Tensor: ...
    def __mul__(self, other: TensorLike, /) -> Tensor: ...
    def __rmul__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __imul__(self, other: TensorLike, /) -> Tensor: ...
    def __truediv__(self, other: TensorLike, /) -> Tensor: ...
    def __rtruediv__(self, other: TensorLike, /) -> Tensor: ...
    def __itruediv__(self, other: TensorLike, /) -> Tensor: ...
    def __pow__(self, other: TensorLike, /) -> Tensor: ...
    def __rpow__(self, other: TensorLike, /) -> Tensor: ...
    def __ipow__(self, other: TensorLike, /) -> Tensor: ...
    def __matmul__(self, other: TensorLike, /) -> Tensor:
        """The matrix product: (..., n, k) @ (..., k, m) is (..., n, m)."""
    def __rmatmul__(self, other: TensorLike, /) -> Tensor: ...
    def __imatmul__(self, other: TensorLike, /) -> Tensor: ...
    def __neg__(self) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...

    # Comparisons and logic, element by element; no gradient flows through them.
    def __lt__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __le__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __gt__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __ge__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[misc]
    def __eq__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[override]
    def __ne__(self, other: TensorLike, /) -> Tensor: ...  # type: ignore[override]
    def __and__(self, other: TensorLike, /) -> Tensor: ...
    def __rand__(self, other: TensorLike, /) -> Tensor: ...
    def __or__(self, other: TensorLike, /) -> Tensor: ...
    def __ror__(self, other: TensorLike, /) -> Tensor: ...
    def __xor__(self, other: TensorLike, /) -> Tensor: ...
    def __rxor__(self, other: TensorLike, /) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __hash__(self) -> int: ...

    # Parts and conversions.
    def __getitem__(self, index: Any, /) -> Tensor: ...
    def __setitem__(self, index: Any, value: TensorLike, /) -> None: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Tensor]: ...
    def __float__(self) -> float: ...
    def __int__(self) -> int: ...
    def __bool__(self) -> bool: ...
    def __index__(self) -> int: ...
    def __repr__(self) -> str: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

    # NumPy's functions, called with a Tensor.
    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any
    ) -> Any: ...
    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, options: Any
    ) -> Any: ...

    # Elementwise.
    def exp(self) -> Tensor:
        """e to the power of each element: exp(x)."""
    def log(self) -> Tensor:
        """The natural logarithm: log(x)."""
    def sqrt(self) -> Tensor:
        """The square root; its slope at 0 is infinite."""
    def square(self) -> Tensor:
        """x * x."""
    def tanh(self) -> Tensor:
        """The hyperbolic tangent: (exp(x) - exp(-x)) / (exp(x) + exp(-x))."""
    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x))."""
    def relu(self) -> Tensor:
        """max(0, x); its slope at 0 is 0."""
    def leaky_relu(self, slope: float = 0.01) -> Tensor:
        """x where x > 0, else slope * x."""
    def sin(self) -> Tensor:
        """The sine of angles in radians."""
    def cos(self) -> Tensor:
        """The cosine of angles in radians."""
    def abs(self) -> Tensor:
        """|x|; its slope at 0 is 0."""
    def maximum(self, y: TensorLike) -> Tensor:
        """The larger of x and y, element by element; ties share the gradient half-half."""
    def minimum(self, y: TensorLike) -> Tensor:
        """The smaller of x and y, element by element; ties share the gradient half-half."""
    def sign(self) -> Tensor:
        """-1, 0 or 1; its slope is 0."""
    def floor(self) -> Tensor:
        """The largest integer that is not above x; its slope is 0."""
    def ceil(self) -> Tensor:
        """The smallest integer that is not below x; its slope is 0."""
    def round(self, decimals: int = 0) -> Tensor:
        """Rounded to a number of decimals, halves to even; its slope is 0."""
    def clip(self, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
        """Held within [min, max], arrays or numbers; None leaves a side open."""
    def pow(self, y: TensorLike) -> Tensor:
        """x to the power of y: x ** y."""

    # Products.
    def matmul(self, y: TensorLike) -> Tensor:
        """The matrix product x @ y: (..., n, k) @ (..., k, m) is (..., n, m)."""
    def dot(self, y: TensorLike) -> Tensor:
        """numpy.dot: the sum over the last axis of x and the second-to-last (or only) one of y."""

    # Reductions over all axes, one (an int) or several (a tuple); keepdims keeps them, length 1.
    def sum(
        self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool = False
    ) -> Tensor:
        """The sum over the axes."""
    def mean(
        self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool = False
    ) -> Tensor:
        """The mean over the axes: sum(x) / n."""
    def max(
        self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool = False
    ) -> Tensor:
        """The largest element over the axes; ties share the gradient evenly."""
    def min(
        self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool = False
    ) -> Tensor:
        """The smallest element over the axes; ties share the gradient evenly."""
    def prod(
        self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool = False
    ) -> Tensor:
        """The product over the axes."""
    def var(
        self,
        axis: Axis = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        dim: Axis = None,
        keepdim: bool = False,
    ) -> Tensor:
        """The variance over the axes: sum((x - mean(x))**2) / (n - ddof)."""
    def std(
        self,
        axis: Axis = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        dim: Axis = None,
        keepdim: bool = False,
    ) -> Tensor:
        """The standard deviation over the axes: sqrt(sum((x - mean(x))**2) / (n - ddof))."""
    def logsumexp(
        self, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool = False
    ) -> Tensor:
        """log(sum(exp(x))) over the axes, without overflow."""
    def softmax(self, axis: int = -1, *, dim: int = -1) -> Tensor:
        """exp(x) / sum(exp(x)) along an axis, without overflow."""
    def log_softmax(self, axis: int = -1, *, dim: int = -1) -> Tensor:
        """log(softmax(x)) along an axis, without overflow."""

    # Indices and truths: no gradient flows through them.
    def argmax(
        self,
        axis: int | None = None,
        *,
        keepdims: bool = False,
        dim: int | None = None,
        keepdim: bool = False,
    ) -> Tensor:
        """The index of the (first) largest element, of all or along an axis."""
    def argmin(
        self,
        axis: int | None = None,
        *,
        keepdims: bool = False,
        dim: int | None = None,
        keepdim: bool = False,
    ) -> Tensor:
        """The index of the (first) smallest element, of all or along an axis."""
    def argsort(self, axis: int | None = -1, *, dim: int | None = -1) -> Tensor:
        """The indices that would sort the tensor along an axis."""
    def all(
        self, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None, keepdim: bool = False
    ) -> Tensor:
        """Whether all elements over the axes are true (not 0)."""
    def any(
        self, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None, keepdim: bool = False
    ) -> Tensor:
        """Whether any element over the axes is true (not 0)."""

    # Rearrangements.
    @overload
    def reshape(self, *shape: int) -> Tensor:
        """The same elements in another shape; one size may be -1: t.reshape(2, -1)."""
    @overload
    def reshape(self, shape: Shape) -> Tensor: ...
    @overload
    def transpose(self, *axes: int) -> Tensor:
        """The axes in another order; reversed by default: t.transpose(1, 0, 2)."""
    @overload
    def transpose(self, axes: Sequence[int] | None = None) -> Tensor: ...
    @overload
    def broadcast_to(self, *shape: int) -> Tensor:
        """Repeated to a larger shape, by the rules of broadcasting, without copying."""
    @overload
    def broadcast_to(self, shape: Shape) -> Tensor: ...
    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged."""
    @overload
    def expand_dims(self, axis: Shape) -> Tensor:
        """With new axes of length 1, which stand at `axis` in the result."""
    @overload
    def expand_dims(self, *, dim: Shape) -> Tensor: ...
    def squeeze(self, axis: Axis = None, *, dim: Axis = None) -> Tensor:
        """Without axes of length 1: those given, or all of them."""
    def split(self, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
        """Cut into equal sections, or before the given indices, along an axis."""
    def ravel(self) -> Tensor:
        """All elements in one axis."""
    def flatten(self) -> Tensor:
        """All elements in one axis."""

    # The value, the graph, the name.
    def astype(self, dtype: Any) -> Tensor:
        """The tensor in another dtype; as integers or booleans it carries no gradient."""
    def item(self) -> float:
        """The only element, as a Python number."""
    def numpy(self) -> Array:
        """The array itself (shared memory), out of the graph."""
    def tolist(self) -> Any:
        """The elements as Python numbers in nested lists."""
    def detach(self) -> Tensor:
        """The same array (shared memory) as a constant: no gradient flows through it."""
    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Makes this tensor a leaf that gets a gradient, or a constant again."""
    def retain_grad(self) -> None:
        """Lets backward() leave the gradient of a computed tensor in `.grad` too."""
    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """Calls hook(gradient) when this tensor's gradient is complete in a backward pass.

        What the hook returns, if not None, replaces the gradient. Returns a function that removes
        it.
        """
    def named(self, name: str) -> Tensor:
        """Gives the tensor a name for pictures and messages, and returns it."""
    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
    @property
    def ndim(self) -> int:
        """How many axes there are."""
    @property
    def size(self) -> int:
        """How many elements there are."""
    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
    @property
    def T(self) -> Tensor:
        """The axes in reverse order: the transpose of a matrix."""
    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged: each matrix of a stack, transposed."""

ARITHMETIC: dict[str, Callable[..., Tensor]]
COMPARISONS: dict[str, np.ufunc]
SPECIAL: dict[str, Callable[..., Any]]
METHODS: dict[str, Callable[..., Any]]
WITHOUT_GRADIENT: tuple[str, ...]
PROPERTIES: dict[str, property]

def reflected(function: Callable[..., Any]) -> Callable[..., Any]: ...
def in_place(function: Callable[..., Any]) -> Callable[..., Any]: ...
def become(self: Tensor, result: Tensor) -> Tensor: ...
def comparison(ufunc: np.ufunc) -> Callable[..., Tensor]: ...
def discrete(name: str) -> Callable[..., Tensor]: ...
def from_args(function: Callable[..., Any], first: str) -> Callable[..., Tensor]: ...
def flatten(self: Tensor) -> Tensor: ...
def astype(self: Tensor, dtype: Any) -> Tensor: ...
def attach() -> None: ...
