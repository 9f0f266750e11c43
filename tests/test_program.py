"""Expressions, and programs made of them, compute what the engine computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd.declaration import OPS
from microgradnd.program.expressions import (
    Expression,
    NotSymbolic,
    evaluate,
    gradients,
    lowered,
    ordered,
    recorded,
)
from tests.op_case import OpCase, Sample
from tests.op_cases import CASES

def close(found: Any, expected: Any, what: str = "") -> None:
    np.testing.assert_allclose(
        getattr(found, "value", found), expected, rtol=1e-12, atol=1e-13, err_msg=what
    )


def called(case: OpCase, sample: Sample, operands: Sequence[Any], w: Any) -> Any:
    """A scalar of the op's result: its elements, each with its own weight."""
    return (case.call(*operands, **sample.options) * w).sum()


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
    return tensors, (out * w).sum(), w


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
        for one, other in zip(lowered([out, *found]), [loss, *first], strict=True):
            close(one, other.data)
        if case.op in FIRST_ORDER:
            continue
        square = sum(((g * g).sum() for g in first), mg.Tensor(0.0))
        if not square.requires_grad:
            continue
        total = sum(((g * g).sum() for g in found if isinstance(g, Expression)), 0.0)
        reached = [t for t in tracked]
        second = mg.grad(square, reached, allow_unused=True)
        for one, other in zip(gradients(total, exprs), second, strict=True):
            close(one, 0.0 if other is None else other.data, "second order")


FIRST_ORDER: set[str] = set()
