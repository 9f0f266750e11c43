"""NumPy's functions on Tensors: all that are listed, with `where=`, `dtype=`, `initial=`, `order=`.

What NumPy answers for the arrays is the reference of values, shapes and dtypes, finite differences
are that of gradients and second derivatives.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg

MASK = np.array([[True, False, True], [False, True, True]])


def t(dtype: Any = np.float64) -> mg.Tensor:
    return mg.Tensor(np.array([[1.0, 2.5, 3.0], [4.0, 5.25, 6.5]], dtype), requires_grad=True)


WITH_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "exp dtype": lambda t: np.exp(t, dtype=np.float64),
    "add dtype, casting": lambda t: np.add(t, 2.0, dtype=np.float64, casting="safe"),
    "matmul dtype": lambda t: np.matmul(t, t.T, dtype=np.float64),
    "sum where": lambda t: np.sum(t, axis=1, where=MASK),
    "sum where a row": lambda t: np.sum(t, axis=1, where=MASK[0]),
    "sum where, initial": lambda t: np.sum(t, 1, where=MASK, initial=3.0, keepdims=True),
    "sum initial": lambda t: np.sum(t, initial=3.0),
    "sum dtype": lambda t: np.sum(t, dtype=np.float64),
    "prod where, initial": lambda t: np.prod(t, axis=0, where=MASK, initial=2.0),
    "max where": lambda t: np.max(t, axis=0, where=MASK, initial=2.0),
    "amax initial": lambda t: np.amax(t, axis=0, initial=3.5),
    "min where": lambda t: np.min(t, where=MASK, initial=2.0),
    "max of nothing": lambda t: np.max(t[:0], axis=1, initial=2.0),
    "any where": lambda t: np.any(t > 3, where=MASK, axis=0),
    "all where": lambda t: np.all(t > 3, where=MASK),
    "mean where": lambda t: np.mean(t, axis=0, where=MASK),
    "mean where, keepdims": lambda t: np.mean(t, where=MASK, keepdims=True),
    "mean dtype": lambda t: np.mean(t, axis=0, dtype=np.float64),
    "var where": lambda t: np.var(t, axis=1, where=MASK),
    "var where, ddof": lambda t: np.var(t, axis=1, where=MASK, ddof=1, keepdims=True),
    "var correction": lambda t: np.var(t, axis=1, correction=1),
    "var mean": lambda t: np.var(t, axis=1, mean=np.ones((2, 1))),
    "std where": lambda t: np.std(t, where=MASK),
    "std dtype": lambda t: np.std(t, dtype=np.float64),
    "std of equal ones": lambda t: np.std(t[0] * 0.0 + 0.1, where=np.ones(3, bool)),
    "nansum where": lambda t: np.nansum(t, where=MASK, axis=0),
    "nansum initial": lambda t: np.nansum(t, initial=3.0, axis=0),
    "nanmean where": lambda t: np.nanmean(t, where=MASK, axis=0),
    "cumsum dtype": lambda t: np.cumsum(t, axis=0, dtype=np.float64),
    "cumprod dtype": lambda t: np.cumprod(t, dtype=np.float64),
    "trace dtype": lambda t: np.trace(t, dtype=np.float64),
    "concatenate dtype": lambda t: np.concatenate([t, np.ones((1, 3))], dtype=np.float64),
    "stack casting": lambda t: np.stack([t, np.ones((2, 3))], casting="safe"),
    "reshape order": lambda t: np.reshape(t, (3, -1, 1), order="F"),
    "reshape to one axis": lambda t: np.reshape(t, 6, order="F"),
    "ravel order": lambda t: np.ravel(t, order="F"),
    "median overwrite": lambda t: np.median(t, axis=0, overwrite_input=True),
    "clip dtype": lambda t: np.clip(t, 2.0, 5.0, dtype=np.float64),
    "outer": lambda t: np.subtract.outer(t[0], t[:, 0]),
    "outer dtype": lambda t: np.multiply.outer(t[0], [1.0, 2.0], dtype=np.float64),
    "add.accumulate": lambda t: np.add.accumulate(t, 1),
    "multiply.accumulate": np.multiply.accumulate,
    "add.reduce where": lambda t: np.add.reduce(t, axis=(0, 1), where=MASK, initial=1.0),
    "maximum.reduce where": lambda t: np.maximum.reduce(t, where=MASK, initial=-1.0),
    "multiply.reduce dtype": lambda t: np.multiply.reduce(t, dtype=np.float64),
}  # fmt: skip
with_options = pytest.mark.parametrize("call", WITH_OPTIONS.values(), ids=WITH_OPTIONS)


@with_options
def test_options_give_numpys_value_and_the_right_derivatives(call: Callable[[Any], Any]) -> None:
    x = t()
    out, expected = call(x), np.asarray(call(x.numpy()))
    assert (out.shape, out.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(out.data, expected, rtol=1e-14, atol=1e-16)
    assert out.requires_grad == (out.dtype.kind == "f" and out.size > 0)
    if out.requires_grad and out.size and call is not EQUAL:
        assert mg.gradcheck(call, x)
        assert mg.gradgradcheck(call, x)


EQUAL = WITH_OPTIONS["std of equal ones"]


def test_the_slope_of_the_deviation_of_equal_elements_is_0() -> None:
    x = t()
    EQUAL(x).backward()
    np.testing.assert_array_equal(x.grad.data, 0)


@with_options
def test_options_give_numpys_dtype_for_float32(call: Callable[[Any], Any]) -> None:
    x = t(np.float32)
    out, expected = call(x), np.asarray(call(x.numpy()))
    assert (out.shape, out.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(out.data, expected, rtol=1e-6, atol=1e-7)
    if out.requires_grad:
        out.sum().backward()
        assert x.grad.dtype == np.float32


def test_a_ufunc_is_computed_where_the_mask_holds_alone() -> None:
    x = mg.Tensor([-1.0, 0.0, 4.0], requires_grad=True)
    out = np.log(x, where=x > 0) + np.multiply(x, 2.0, where=[True, False, False])
    np.testing.assert_allclose(out.data, [-2.0, 0.0, np.log(4.0)])
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2.0, 0.0, 0.25])  # not NaN where x is 0
    assert mg.gradgradcheck(lambda x: np.exp(x, where=np.array([[True], [False]])), x)


REFUSED: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "mask": (lambda t: np.sum(t, where=np.ones(5, bool)), ValueError, r"numpy\.sum: .*where="),
    "axis": (lambda t: np.sum(t, axis=7, where=MASK), IndexError, r"numpy\.sum: .*axis=7"),
    "no start": (lambda t: np.max(t, where=MASK), ValueError, "(?s)'initial'.*numpy.max"),
    "casting": (lambda t: np.exp(t, dtype=int), TypeError, "(?s)casting.*numpy.exp: .*dtype="),
    "dtype": (lambda t: np.less(t, 3, dtype=float), TypeError, "(?s)signature.*numpy.less"),
    "out": (lambda t: np.sum(t, out=np.zeros(())), TypeError, r"sum\(\.\.\., out=\) would overw"),
    "out by place": (lambda t: np.max(t, 0, np.zeros(3)), TypeError, r"max\(\.\.\., out=\)"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_options_that_do_not_fit_are_refused_by_name(
    call: Callable[[Any], Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        call(t())
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert re.search(words, text)


def test_constants_are_written_into_an_array() -> None:
    x, buffer, target = t().detach(), np.zeros(3), mg.Tensor(np.zeros(3))
    assert np.sum(x, axis=0, out=buffer) is buffer
    assert np.sum(x, axis=0, out=target) is target
    np.testing.assert_array_equal(buffer, x.numpy().sum(0))
    np.testing.assert_array_equal(target.data, buffer)


# --- The functions that users of NumPy reach for -------------------------------------------------
def whole(x: Any) -> np.ndarray:
    """Integers in place of an operand."""
    return np.asarray([[3, 0, 2], [1, 4, 2]])


def square(x: Any) -> Any:
    """A symmetric matrix whose eigenvalues are far apart and above 0."""
    half = x[:, :2]
    return np.matmul(half, half.T) + np.diag([1.0, 3.0])


# By the form of a call, the functions that are called so; what follows stands for them all.
FORMS: list[tuple[str, Callable[[Any, Any], Any]]] = [
    (
        "abs absolute acos arccos asin arcsin asinh arcsinh atan arctan atanh arctanh ceil floor "
        "trunc fix round around rint sign signbit positive negative reciprocal sqrt square cbrt "
        "exp exp2 expm1 isnan log log2 log10 log1p sin cos tan sinh cosh tanh sinc deg2rad rad2deg "
        "radians degrees i0 nan_to_num fabs isinf isfinite isposinf isneginf logical_not copy "
        "zeros_like ones_like",
        lambda f, x: f(x),
    ),
    ("acosh arccosh", lambda f, x: f(x + 1.0)),
    (
        "arctan2 atan2 hypot logaddexp logaddexp2 copysign remainder mod fmod floor_divide "
        "float_power power pow maximum minimum fmax fmin add subtract multiply divide true_divide "
        "heaviside greater greater_equal less less_equal equal not_equal isclose",
        lambda f, x: f(x, x[::-1] * 1.5),
    ),
    ("logical_and logical_or logical_xor", lambda f, x: f(x > 0.5, x < 0.7)),
    ("bitwise_and bitwise_or bitwise_xor left_shift right_shift", lambda f, x: f(np.argsort(x), 1)),
    ("invert", lambda f, x: f(x > 0.5)),
    ("ldexp", lambda f, x: f(x, whole(x))),
    ("allclose array_equal array_equiv", lambda f, x: f(x, x)),
    ("full_like", lambda f, x: f(x, 3.0)),
    ("clip", lambda f, x: f(x, 0.4, x[:1] + 0.1)),
    ("where", lambda f, x: f(x > 0.5, x, -x)),
    (
        "sum mean prod nansum nanmean var std max min amax amin median nanmedian all any argmax "
        "argmin count_nonzero cumsum cumprod diff trapezoid sort argsort flip",
        lambda f, x: f(x, axis=1),
    ),
    (
        "sum mean prod nansum nanmean var std max min amax amin median nanmedian all any",
        lambda f, x: f(x, axis=(0, 1), keepdims=True),
    ),
    ("quantile nanquantile", lambda f, x: f(x, [0.2, 0.6], axis=1, keepdims=True)),
    ("percentile nanpercentile", lambda f, x: f(x, 30, axis=0)),
    ("histogram", lambda f, x: f(x, bins=3, range=(0.0, 1.0))),
    ("bincount", lambda f, x: f(np.argsort(x[0]), x[0])),
    ("reshape", lambda f, x: f(x, (3, -1))),
    (
        "ravel transpose permute_dims matrix_transpose atleast_1d atleast_2d atleast_3d fliplr "
        "flipud rot90 tril triu unique nonzero flatnonzero argwhere trace diagonal",
        lambda f, x: f(x),
    ),
    ("squeeze", lambda f, x: f(x[:1], 0)),
    ("expand_dims roll repeat tile diag", lambda f, x: f(x, 1)),
    ("swapaxes moveaxis", lambda f, x: f(x, 0, 1)),
    ("broadcast_to", lambda f, x: f(x, (2, 2, 3))),
    ("broadcast_arrays", lambda f, x: f(x, x[0])),
    ("stack concat concatenate hstack vstack dstack column_stack", lambda f, x: f([x, x * 2.0])),
    ("split hsplit", lambda f, x: f(x, [1], **({"axis": 1} if f is np.split else {}))),
    ("vsplit array_split", lambda f, x: f(x, 2)),
    ("dsplit", lambda f, x: f(x[:, :, None], 1)),
    ("unstack", lambda f, x: f(x, axis=1)),
    ("meshgrid", lambda f, x: f(x[0], x[:, 0], indexing="ij")),
    ("pad", lambda f, x: f(x, 1, mode="reflect")),
    ("take", lambda f, x: f(x, [2, 0], axis=1)),
    ("take_along_axis", lambda f, x: f(x, np.argsort(x, axis=1), axis=1)),
    ("searchsorted", lambda f, x: f([0.3, 0.6], x)),
    ("digitize", lambda f, x: f(x, [0.3, 0.6])),
    ("matmul dot inner vecdot linalg.matmul linalg.vecdot", lambda f, x: f(x[:, :2], x[:, 1:])),
    ("vdot outer linalg.outer", lambda f, x: f(x[0], x[1])),
    ("kron", lambda f, x: f(x, x[:1])),
    ("tensordot linalg.tensordot", lambda f, x: f(x, x, axes=1 if x.ndim == 1 else [[1], [1]])),
    ("einsum", lambda f, x: f("ij,kj->ik", x, x)),
    ("cross linalg.cross", lambda f, x: f(x[0], x[1])),
    ("shape ndim size result_type", lambda f, x: f(x)),
    (
        "linalg.inv linalg.pinv linalg.det linalg.slogdet linalg.cholesky linalg.qr linalg.svdvals "
        "linalg.eigvalsh linalg.norm linalg.matrix_norm linalg.vector_norm linalg.cond "
        "linalg.matrix_rank linalg.diagonal linalg.trace linalg.matrix_transpose",
        lambda f, x: f(square(x)),
    ),
    ("linalg.svd linalg.eigh", lambda f, x: f(square(x))[-2]),  # signs of vectors are arbitrary
    ("linalg.eig", lambda f, x: np.sort(f(square(x))[0])),
    ("linalg.solve linalg.lstsq", lambda f, x: f(square(x), x[:, 0])[:2]),
    ("linalg.matrix_power", lambda f, x: f(square(x), 3)),
    ("linalg.multi_dot", lambda f, x: f([square(x), x, x.T])),
    ("linalg.tensorinv", lambda f, x: f(square(x), ind=1)),
    ("linalg.tensorsolve", lambda f, x: f(square(x), x[:, 0])),
]
CALLS = [
    pytest.param(eval(f"np.{name}"), call, id=f"{name} {i}")
    for i, (names, call) in enumerate(FORMS) for name in names.split()
]  # fmt: skip


def parts(out: Any) -> list[Any]:
    return [x for part in out for x in parts(part)] if isinstance(out, (list, tuple)) else [out]


@pytest.mark.parametrize(("function", "call"), CALLS)
def test_numpys_function_gives_its_value_and_the_right_gradient(
    function: Callable[..., Any], call: Callable[[Any, Any], Any]
) -> None:
    x = mg.Tensor([[0.31, 0.52, 0.84], [0.75, 0.22, 0.63]], requires_grad=True)
    outs, expected = parts(call(function, x)), parts(call(function, x.numpy()))
    assert len(outs) == len(expected)
    for out, exact in zip(outs, expected, strict=True):
        if isinstance(out, mg.Tensor):
            assert (out.shape, out.dtype) == (np.shape(exact), np.asarray(exact).dtype)
            np.testing.assert_allclose(out.data, exact, rtol=1e-12)
        else:
            assert np.all(out == exact)

    def total(x: mg.Tensor) -> Any:
        tracked = [out for out in parts(call(function, x)) if getattr(out, "requires_grad", False)]
        return sum((out * np.cos(np.arange(out.size)).reshape(out.shape)).sum() for out in tracked)

    if any(getattr(out, "requires_grad", False) for out in outs):
        assert mg.gradcheck(total, x)


# --- All others ----------------------------------------------------------------------------------
def dispatched() -> dict[str, Callable[..., Any]]:
    """What NumPy hands over to Tensors among its functions, by name."""
    return {
        f"{prefix}{name}": function
        for prefix, module in (("", np), ("linalg.", np.linalg), ("fft.", np.fft))
        for name, function in vars(module).items()
        if name[0] != "_" and (isinstance(function, np.ufunc)
                               or hasattr(function, "_implementation"))
    }  # fmt: skip


def matrix(n: int) -> mg.Tensor:
    return mg.Tensor(np.linspace(0.3, 0.9, n * n).reshape(n, n) + np.eye(n), requires_grad=True)


def tries() -> list[tuple[Any, ...]]:
    x, y = matrix(3), matrix(3)
    return [(x,), (x, y), ([x, y],), (x[0],), (x[0], y[1]), (x, 0), (x, 1, y)]


def loses(out: Any) -> bool:
    """Whether an array of floats came of tensors that require a gradient."""
    return any(isinstance(x, (np.ndarray, np.floating)) and x.dtype.kind in "fcO"
               for x in parts(out))  # fmt: skip


def outcomes(name: str, function: Callable[..., Any]) -> tuple[int, list[str]]:
    """How many calls give a result, and which ones fail to say what went wrong."""
    worked, wrong = 0, []
    for args in tries():
        try:
            out = function(*args)
        except Exception as error:
            text = "\n".join([f"{error}", *getattr(error, "__notes__", ())])
            frames = traceback.extract_tb(error.__traceback__)
            asked = any(frame.name == "array_function" for frame in frames)
            asked = asked or isinstance(function, np.ufunc)  # else NumPy refuses it by itself
            if asked and function.__name__ not in text and "would lose" not in text:
                wrong.append(f"{name}: {type(error).__name__} {text}")
        else:
            worked += 1
            if loses(out):
                wrong.append(f"{name} gives {type(out).__name__}")
    return worked, wrong


def test_every_function_of_numpy_works_or_names_itself(record_property: Any) -> None:
    found = {name: outcomes(name, function) for name, function in dispatched().items()}
    assert [line for _, wrong in found.values() for line in wrong] == []
    working = [name for name, (worked, _) in found.items() if worked]
    record_property("working", len(working))
    assert len(working) >= 200 < len(found)
