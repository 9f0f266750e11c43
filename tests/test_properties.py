"""What holds for every program: random ones are built from the ops and checked."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import microgradnd as mg
from microgradnd import Tensor

MAX_SIDE = 4
# Smooth and of moderate size everywhere, so that finite differences hold for any composition.
UNARY: tuple[Callable[[Tensor], Tensor], ...] = (
    mg.tanh,
    mg.sigmoid,
    mg.sin,
    mg.cos,
    mg.arctan,
    mg.negative,
    lambda x: mg.exp(mg.tanh(x)),
    lambda x: mg.log(x * x + 1.0),
    lambda x: mg.sqrt(mg.square(x) + 0.5),
    lambda x: (x * x + 0.5) ** 1.5 / (x * x + 2.0),
    lambda x: 1 - x / 3,
)
BINARY: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (
    mg.add,
    mg.subtract,
    mg.multiply,
    mg.logaddexp,
    lambda x, y: x / (y * y + 1.0),
    lambda x, y: mg.arctan2(x, y * y + 1.0),
    lambda x, y: (x * x + 1.0) ** mg.tanh(y),
)
REDUCTIONS: tuple[Callable[..., Tensor], ...] = (mg.sum, mg.mean, mg.var, mg.logsumexp)

# A slow or busy machine is no failure of a test.
SLOW = [HealthCheck.too_slow]
settings.register_profile("ops", deadline=None, derandomize=True, suppress_health_check=SLOW)
settings.load_profile("ops")


def floats(shape: tuple[int, ...], dtype: Any = np.float64) -> st.SearchStrategy[np.ndarray]:
    values = st.floats(-1.5, 1.5, width=16)
    return hnp.arrays(dtype, shape, elements=values)


Step = Callable[[list[Tensor]], Tensor]


@st.composite
def steps(draw: st.DrawFn, shapes: list[tuple[int, ...]]) -> tuple[Step, tuple[int, ...]]:
    """One operation on values made before, and the shape of what it gives."""
    i = draw(st.integers(0, len(shapes) - 1))
    shape = shapes[i]
    kinds = ["unary", "binary", "reshape", "stack"]
    if shape:
        kinds += ["reduce", "transpose", "index", "softmax", "concatenate"]
    if 1 <= len(shape) <= 2:
        kinds.append("matmul")
    kind = draw(st.sampled_from(kinds))
    axis = draw(st.integers(-len(shape), len(shape) - 1)) if shape else 0
    if kind == "unary":
        f = draw(st.sampled_from(UNARY))
        return lambda values: f(values[i]), shape
    if kind == "binary":
        fits = [j for j, other in enumerate(shapes) if broadcast(shape, other) is not None]
        j, g = draw(st.sampled_from(fits)), draw(st.sampled_from(BINARY))
        return lambda values: g(values[i], values[j]), broadcast(shape, shapes[j])
    if kind == "reshape":
        new = (1, prod(shape)) if draw(st.booleans()) else (prod(shape),)
        return lambda values: values[i].reshape(new), new
    if kind == "stack":
        return lambda values: mg.stack([values[i], values[i] * 2], -1), (*shape, 2)
    if kind == "reduce":
        h, keep = draw(st.sampled_from(REDUCTIONS)), draw(st.booleans())
        reduced = np.zeros(shape).sum(axis, keepdims=keep).shape
        return lambda values: h(values[i], axis=axis, keepdims=keep), reduced
    if kind == "transpose":
        return lambda values: values[i].T, shape[::-1]
    if kind == "softmax":
        return lambda values: mg.softmax(values[i], axis), shape
    if kind == "concatenate":
        new = tuple(2 * n if k == axis % len(shape) else n for k, n in enumerate(shape))
        return lambda values: mg.concatenate([values[i], mg.tanh(values[i])], axis), new
    if kind == "matmul":
        return lambda values: values[i] @ values[i].T, np.matmul(empty(shape), empty(shape).T).shape
    index = draw(hnp.basic_indices(shape, allow_newaxis=True, max_dims=3))
    if draw(st.booleans()):
        size = shape[0]
        index = draw(hnp.arrays(int, draw(st.integers(1, 4)), elements=st.integers(0, size - 1)))
    return lambda values: values[i][index], empty(shape)[index].shape


def empty(shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape)


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


@st.composite
def programs(draw: st.DrawFn, depth: int = 6) -> tuple[Callable[..., Tensor], list[np.ndarray]]:
    """A function of one or two tensors, at most `depth` operations deep, and its arguments."""
    shape = hnp.array_shapes(min_dims=0, max_dims=2, max_side=3)
    leaves = draw(st.lists(shape, min_size=1, max_size=2))
    arrays = [draw(floats(s)) for s in leaves]
    shapes, made = list(leaves), []
    for _ in range(draw(st.integers(1, depth))):
        step, new = draw(steps(shapes))
        if 0 < prod(new) <= 12 and len(new) <= 3 and max(new, default=1) <= MAX_SIDE:
            made.append(step)
            shapes.append(new)

    def program(*operands: Tensor) -> Tensor:
        values = list(operands)
        for step in made:
            values.append(step(values))
        return values[-1]

    return program, arrays


def tracked(arrays: list[np.ndarray]) -> list[Tensor]:
    return [Tensor(a.copy(), requires_grad=True) for a in arrays]


def tame(out: Tensor) -> bool:
    """Whether finite differences can tell its slope: their error grows with the value."""
    return bool((abs(out.detach()) < 50).all())


@given(programs())
@settings(max_examples=60)
def test_any_program_agrees_with_finite_differences(given_program: Any) -> None:
    program, arrays = given_program
    assume(tame(program(*map(Tensor, arrays))))
    assert mg.gradcheck(program, tracked(arrays), atol=1e-4)


@given(programs(depth=4))
@settings(max_examples=40)
def test_second_derivatives_of_any_program_agree_too(given_program: Any) -> None:
    program, arrays = given_program
    tensors = tracked(arrays)
    out = program(*tensors)
    found = mg.grad(out.sum(), tensors, allow_unused=True, create_graph=True)
    assume(tame(out) and all(g is None or tame(g) for g in found))
    assert mg.gradgradcheck(program, tensors, atol=1e-4)


@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=4, max_dims=4), st.data()
)
def test_a_gradient_has_the_shape_of_its_operand(shapes: Any, data: st.DataObject) -> None:
    x, y = tracked([data.draw(floats(s)) for s in shapes.input_shapes])
    op = data.draw(st.sampled_from(BINARY))
    out = op(x, y)
    assert out.shape == shapes.result_shape
    for create_graph in (True, False):
        for g, t in zip(mg.grad(out.sum(), [x, y], create_graph=create_graph), (x, y), strict=True):
            assert (g.shape, g.dtype) == (t.shape, t.dtype)


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_side=4, max_dims=4), st.data())
def test_broadcasting_sums_the_gradient_over_the_copies(shapes: Any, data: st.DataObject) -> None:
    x, y = tracked([data.draw(floats(s)) for s in shapes.input_shapes])
    gradient = data.draw(floats(shapes.result_shape))
    (x * y).backward(gradient)
    copies = np.broadcast_to(x.data, shapes.result_shape) * gradient
    extra = tuple(range(copies.ndim - y.ndim))
    expected = copies.sum(axis=extra)
    stretched = tuple(k for k in range(y.ndim) if y.shape[k] == 1)
    np.testing.assert_allclose(y.grad.data, expected.sum(axis=stretched, keepdims=True), atol=1e-12)


SCALARS = st.one_of(st.floats(0.5, 2), st.integers(1, 3), st.booleans())
WITH_SCALAR: tuple[Callable[[Tensor, Any], Tensor], ...] = (
    lambda x, c: x + c,
    lambda x, c: c - x,
    lambda x, c: x * c,
    lambda x, c: c / (x * x + c + 1),
    lambda x, c: (x * x + 1) ** c,
    lambda x, c: (c + 0.5) ** x,
    lambda x, c: mg.maximum(c, x),
    lambda x, c: mg.where(x > c, x, c),
    lambda x, c: x.clip(-c - 1, c),
)


@given(
    floats((2, 3), np.float32),
    st.lists(st.tuples(st.sampled_from(WITH_SCALAR), SCALARS), min_size=1, max_size=4),
    st.sampled_from(UNARY),
)
def test_float32_programs_with_python_scalars_stay_float32(
    array: np.ndarray, chain: Any, last: Callable
) -> None:
    x = Tensor(array, requires_grad=True)
    out = x
    for function, scalar in chain:
        out = mg.tanh(function(out, scalar))
        assert out.dtype == np.float32
    out = last(out)
    assert out.dtype == np.float32
    (first,) = mg.grad(out.sum(), x, create_graph=True)
    assert first.dtype == np.float32
    if first.requires_grad:
        assert mg.grad(first.sum(), x, allow_unused=True)[0].dtype == np.float32


@given(programs(), st.data(), st.floats(-3, 3), st.floats(-3, 3))
def test_backward_is_linear_in_the_gradient(
    given_program: Any, data: st.DataObject, a: float, b: float
) -> None:
    program, arrays = given_program
    tensors = tracked(arrays)
    out = program(*tensors)
    assume(tame(out))
    g, h = (data.draw(floats(out.shape)) for _ in range(2))

    def pulled(start: np.ndarray) -> list[np.ndarray]:
        found = mg.grad(out, tensors, start, allow_unused=True, retain_graph=True)
        zeros = [np.zeros(t.shape) for t in tensors]
        return [z if x is None else x.data for x, z in zip(found, zeros, strict=True)]

    for both, one, other in zip(pulled(a * g + b * h), pulled(g), pulled(h), strict=True):
        scale = 1 + np.abs(one).max() + np.abs(other).max()
        np.testing.assert_allclose(both, a * one + b * other, atol=1e-11 * scale)
