"""`func.vmap`: every operation for many samples at once is what it is for each of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import func
from microgradnd.declaration import OPS, op
from microgradnd.transforms import batching
from tests.op_case import OpCase, Operand, Sample
from tests.op_cases import CASES

N = 3
# Operations that are called sample by sample, for want of a trait that says otherwise.
LOOPS: set[str] = set()


def patterns(sample: Sample) -> list[tuple[int | None, ...]]:
    """The axes of samples in the operands: all first, all last, each operand alone the same."""
    count = len(sample.operands)
    found: list[tuple[int | None, ...]] = [(0,) * count, (-1,) * count]
    if count > 1:
        found += [tuple(None if i == k else 0 for i in range(count)) for k in range(count)]
    return found


def params() -> list[Any]:
    return [
        pytest.param(case, sample, axes, id=f"{case.op} {sample.label} {axes}")
        for case in CASES
        for sample in case.samples
        for axes in patterns(sample)
    ]


def leaves_of(sample: Sample, axes: tuple[int | None, ...]) -> list[mg.Tensor]:
    """Operands for all samples, which require a gradient where they can."""
    made = []
    for k, (o, axis) in enumerate(zip(sample.operands, axes, strict=True)):
        rng = np.random.default_rng(k)
        each = [o.draw(rng, o.shape) if isinstance(o, Operand) else o for _ in range(N)]
        array = each[0] if axis is None else np.stack(each, axis)
        made.append(mg.Tensor(array, requires_grad=isinstance(o, Operand)))
    return made


def one_of(x: mg.Tensor, axis: int | None, i: int) -> mg.Tensor:
    return x if axis is None else x[i] if axis == 0 else x[..., i]


def assert_close(one: Any, other: Any) -> None:
    assert one.shape == other.shape
    assert one.dtype == other.dtype
    np.testing.assert_allclose(one.data, other.data, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("case", "sample", "axes"), params())
def test_all_samples_at_once_are_each_by_itself(case: OpCase, sample: Sample, axes: Any) -> None:
    leaves = leaves_of(sample, axes)
    before = dict(batching.looped)
    call = lambda *xs: case.call(*xs, **sample.options)
    out = func.vmap(call, axes)(*leaves)
    rows = [call(*[one_of(x, a, i) for x, a in zip(leaves, axes)]) for i in range(N)]
    expected = mg.stack(rows)
    assert_close(out, expected)
    assert dict(batching.looped) == before or case.op in LOOPS
    tracked = [x for x in leaves if x.requires_grad]
    assert out.requires_grad == expected.requires_grad
    if OPS[case.op].rules and tracked:
        g = np.random.default_rng(9).uniform(-1, 1, out.shape).astype(out.dtype)
        found, exact = (mg.grad(o, tracked, g) for o in (out, expected))
        for one, other in zip(found, exact, strict=True):
            assert_close(one, other)
