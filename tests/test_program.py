"""Expressions, and programs made of them, compute what the engine computes."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import OPS, program
from microgradnd.ops.recurrent import lstm_sequence
from microgradnd.program.expressions import (
    Expression,
    NotSymbolic,
    assumptions,
    evaluate,
    gradients,
    lowered,
    ordered,
    recorded,
)
from microgradnd.program.placed import Placed
from tests.op_case import OpCase, Sample
from tests.op_cases import CASES


def close(found: Any, expected: Any, what: str = "") -> None:
    np.testing.assert_allclose(
        getattr(found, "value", found), expected, rtol=1e-12, atol=1e-13, err_msg=what
    )


def called(case: OpCase, sample: Sample, operands: Sequence[Any], w: Any) -> Any:
    """A scalar of the op's result: its elements, each with its own weight."""
    return real((case.call(*operands, **sample.options) * w).sum())


def real(loss: Any) -> Any:
    """The real part of a complex loss."""
    return loss.real if loss.dtype.kind == "c" else loss


def leaves_of(sample: Sample) -> list[Any]:
    """The operands as expressions; constants stay arrays."""
    return [
        Expression.named(f"x{i}", a) if i in sample.tracked else a
        for i, a in enumerate(sample.arrays())
    ]


def by_op(sample: Sample, case: OpCase) -> tuple[list[mg.Tensor], mg.Tensor, np.ndarray]:
    tensors = sample.tensors()
    out = case.call(*tensors, **sample.options)
    w = np.random.default_rng(3).uniform(0.5, 1.5, out.shape).astype(out.dtype)
    return tensors, real((out * w).sum()), w


@pytest.mark.parametrize("case", [pytest.param(c, id=c.op) for c in CASES])
def test_a_forward_function_runs_on_expressions_as_on_tensors(case: OpCase) -> None:
    for sample in case.samples:
        expected = case.call(*sample.tensors(), **sample.options)
        values = {f"x{i}": a for i, a in enumerate(sample.arrays())}
        operands = [Expression.named(name, a) for name, a in values.items()]
        out = case.call(*operands, **sample.options)
        close(out, expected.data)
        assert out.dtype == expected.dtype
        for e in lowered([out]):
            close(e, expected.data)
            assert e.dtype == expected.dtype
            close(evaluate(e, values), expected.data)


@pytest.mark.parametrize("case", [pytest.param(c, id=c.op) for c in CASES])
def test_tensors_expressions_and_what_they_are_lowered_to_agree(case: OpCase) -> None:
    for sample in case.samples:
        tensors, loss, _ = by_op(sample, case)
        if not loss.requires_grad:
            continue
        out, leaves = recorded(loss)
        close(out, loss.data)
        tracked = [tensors[i] for i in sample.tracked if tensors[i].node in leaves]
        exprs = [leaves[t.node] for t in tracked]
        found = gradients(out, exprs)
        first = mg.grad(loss, tracked, create_graph=True)
        for one, other in zip(found, first, strict=True):
            close(one, other.data)
        expected = [loss.data, *(g.data for g in first)]
        for one, other in zip(lowered([out, *found]), expected, strict=True):
            close(one, other)
        program = Placed([out, *found])
        for _ in range(2):  # what a run leaves in the buffers is nothing to the next
            for one, other in zip(program.run(), expected, strict=True):
                close(one, other)
        square = sum(((g * g).sum() for g in first), mg.Tensor(0.0))
        if not square.requires_grad:
            continue
        total = sum(((g * g).sum() for g in found if isinstance(g, Expression)), 0.0)
        second = mg.grad(square, tracked, allow_unused=True)
        slopes = gradients(total, exprs)
        for results in (slopes, lowered(slopes), Placed(slopes).run()):
            for one, other in zip(results, second, strict=True):
                close(one, 0.0 if other is None else other.data, "second order")


def test_what_softmax_computes_is_found_once_for_both_passes() -> None:
    x = Expression.named("x", np.array([[1.0, 2.0, 4.0]]))
    out = mg.softmax(x)[0, 0]
    found = ordered(lowered([out, *gradients(out, [x])]))
    functions = [e.op.name for e in found if e.op is not None]
    assert "softmax" not in functions
    assert functions.count("exp") == 1


def test_a_function_of_numpy_without_a_row_is_a_call_without_a_derivative() -> None:
    x = Expression.named("x", np.array([1.0, -2.0]))
    y = np.fix(x) + np.spacing(x) + np.ptp(x)
    close(evaluate(y, {"x": np.array([8.0, 27.0])}), np.add([27, 46], np.spacing([8.0, 27.0])))
    with pytest.raises(TypeError, match="there is no derivative"):
        gradients(y.sum(), [x])


def test_values_that_a_rule_asks_for_are_noted() -> None:
    x = Expression.named("x", np.array([1.0, 2.0]))
    noted: list = []
    token = assumptions.set(noted)
    try:
        gradients(x.prod(), [x])
    finally:
        assumptions.reset(token)
    assert [(repr(e), answer) for e, answer in noted] == [
        ("all(not_equal(x, 0), axis=None, keepdims=False)", True)
    ]


def test_what_asks_for_the_array_leaves_no_expression() -> None:
    x = Expression.named("x", np.array([1.0, 2.0]))
    for ask in (lambda: np.asarray(x), lambda: x.tolist(), lambda: np.add.outer(x, x)):
        with pytest.raises(NotSymbolic):
            ask()


def test_no_operation_is_known_by_its_name() -> None:
    words = {"where", "sign", "sum", "max", "min", "add", "linear", "all", "any"}  # words, too
    for path in Path(program.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        assert not {x for x in texts if isinstance(x, str)} & (OPS.keys() - words), path.name


# --- Programs with placed buffers ----------------------------------------------------------------
def perceptron(x: Any, target: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    h = mg.tanh(x @ W1 + b1)
    z = h @ W2 + b2
    return -(mg.log_softmax(z) * target).sum(axis=-1).mean() + 0.01 * (W1 * W1).sum()


def arrays_of(batch: int, sizes: tuple[int, int, int], dtype: Any = np.float64) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    i, h, o = sizes
    target = np.eye(o)[random.integers(0, o, batch)]
    shapes = [(i, h), (h,), (h, o), (o,)]
    given = [random.normal(size=(batch, i)), target, *(random.normal(size=s) for s in shapes)]
    return [a.astype(dtype) for a in given]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_of_a_perceptron_in_placed_buffers_is_the_engines_to_the_bit(dtype: Any) -> None:
    arrays = arrays_of(8, (6, 5, 3), dtype)
    leaves = [Expression.named(f"a{i}", a) for i, a in enumerate(arrays)]
    out = perceptron(*leaves)
    program = Placed([out, *gradients(out, leaves[2:])])
    for _ in range(3):
        tensors = [mg.Tensor(a, requires_grad=i > 1) for i, a in enumerate(arrays)]
        loss = perceptron(*tensors)
        loss.backward()
        for one, other in zip(program.run(), [loss, *(t.grad for t in tensors[2:])], strict=True):
            assert one.dtype == dtype
            np.testing.assert_array_equal(one, other.data)
        for a, t in zip(arrays[2:], tensors[2:]):  # leaves are bound: update them in place
            a -= (0.1 * t.grad.data).astype(dtype)


def test_buffers_are_used_again() -> None:
    arrays = arrays_of(64, (32, 32, 8))
    leaves = [Expression.named(f"a{i}", a) for i, a in enumerate(arrays)]
    out = perceptron(*leaves)
    results = lowered([out, *gradients(out, leaves[2:])])
    all_values = sum(e.value.nbytes for e in ordered(results) if e.op is not None)
    assert Placed(results).bytes < 0.4 * all_values
    chain = leaves[0]
    for _ in range(50):
        chain = np.sin(chain * 1.5)
    assert Placed([chain]).bytes == arrays[0].nbytes


UNARY = [np.sin, np.tanh, np.exp, mg.sigmoid, mg.relu, np.negative, lambda x: x.T, lambda x: x * x,
         lambda x: x.softmax(axis=-1), lambda x: x[::-1], lambda x: x - x.mean(axis=0),
         lambda x: x.sum(axis=1, keepdims=True) + x, lambda x: mg.where(x > 0.1, x, x * 0.5),
         lambda x: x.max(axis=-1, keepdims=True) - x, lambda x: x[[0, 2, 0]].reshape((3, 3)),
         lambda x: x.reshape((9,)).reshape((3, 3)).T @ x, lambda x: x.clip(-0.5, 0.5)]  # fmt: skip
BINARY = [np.add, np.subtract, np.multiply, np.matmul, np.maximum, np.hypot,
          lambda x, y: x / (1.0 + y * y), lambda x, y: np.concatenate([x, y])[1:4],
          lambda x, y: mg.einsum("ij,kj->ik", x, y)]  # fmt: skip


def random_program(seed: int, xs: Sequence[Any]) -> Any:
    """A computation of some operations on 3×3 matrices, the same for each kind of operand."""
    random, values = np.random.default_rng(seed), list(xs)
    for _ in range(random.integers(3, 14)):
        x, y = (values[i] for i in random.integers(0, len(values), 2))
        if random.random() < 0.5:
            values.append(np.tanh(UNARY[random.integers(len(UNARY))](x)))
        else:
            values.append(np.tanh(BINARY[random.integers(len(BINARY))](x, y)))
    total = values[-1]
    for v in values[-4:-1]:
        total = total + v
    return (total * total).sum()


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_agree_with_the_engine(seed: int) -> None:
    arrays = list(np.random.default_rng(seed + 1000).normal(size=(2, 3, 3)))
    tensors = [mg.Tensor(a.copy(), requires_grad=True) for a in arrays]
    leaves = [Expression.named(f"a{i}", a) for i, a in enumerate(arrays)]
    loss, out = random_program(seed, tensors), random_program(seed, leaves)
    program = Placed([out, *gradients(out, leaves)])
    for _ in range(2):
        found = mg.grad(loss, tensors, retain_graph=True, allow_unused=True)
        for one, other in zip(program.run(), [loss, *found], strict=True):
            close(one, 0.0 if other is None else other.data)
        for t, a in zip(tensors, arrays):  # other numbers, on the same side of each branch
            a *= 1.0 + 1e-3
            t.data = a.copy()
        loss = random_program(seed, tensors)


@pytest.mark.parametrize("seed", range(60))
def test_the_numpy_program_of_a_random_graph_runs_and_agrees_with_the_engine(seed: int) -> None:
    arrays = np.random.default_rng(seed + 1000).normal(size=(2, 3, 3))
    tensors = [mg.Tensor(a, requires_grad=True, name=n) for n, a in zip("ab", arrays)]
    loss = random_program(seed, tensors)
    value, found = program.numpy_program(loss).run()
    close(value, loss.data)
    for t in tensors:
        g = mg.grad(loss, [t], retain_graph=True, allow_unused=True)[0]
        assert (g is None) == (t.name not in found)
        if g is not None:
            close(found[t.name], g.data)


def test_a_program_of_a_sequence_reaches_the_gates_by_its_equations() -> None:
    random = np.random.default_rng(1)
    z, h, c, w = (
        mg.Tensor(random.normal(size=s), requires_grad=True, name=n)
        for n, s in (("z", (3, 2, 8)), ("h", (2, 2)), ("c", (2, 2)), ("w", (8, 2)))
    )
    loss = (lstm_sequence(z, h, c, w) ** 2).sum()
    _, found = program.numpy_program(loss).run()
    for t, g in zip((z, h, c, w), mg.grad(loss, [z, h, c, w])):
        close(found[t.name], g.data)
