"""`func.vmap`: every operation for many samples at once is what it is for each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import func
from microgradnd.declaration import OPS
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


def each_sample() -> list[Any]:
    return [
        pytest.param(case, sample, id=f"{case.op} {sample.label}")
        for case in CASES
        for sample in case.samples
    ]


@pytest.mark.parametrize(("case", "sample"), each_sample())
def test_maps_in_maps(case: OpCase, sample: Sample) -> None:
    """The first operand differs in both maps, the others in the inner or in the outer one alone."""
    arrays, rng = sample.arrays(), np.random.default_rng(1)
    inner, outer, operands = [0], [0], []
    for k, (o, a) in enumerate(zip(sample.operands, arrays)):
        lead = (2, 3) if k == 0 else (3,) if k == 1 else (2,)
        inner += [0 if k == 1 else None] * (k > 0)
        outer += [None if k == 1 else 0] * (k > 0)
        draw = isinstance(o, Operand)
        each = [o.draw(rng, o.shape) if draw else a for _ in range(int(np.prod(lead)))]
        operands.append(np.stack(each).reshape((*lead, *a.shape)))
    call = lambda *xs: case.call(*xs, **sample.options)
    out = func.vmap(func.vmap(call, tuple(inner)), tuple(outer))(*operands)
    for i in range(2):
        for j in range(3):
            at = [(i, j) if k == 0 else j if k == 1 else i for k in range(len(operands))]
            expected = call(*[mg.Tensor(x[a]) for x, a in zip(operands, at)])
            assert_close(out[i, j], expected)


@pytest.mark.parametrize(
    ("case", "sample"),
    [p for p in each_sample() if OPS[p.values[0].op].rules and p.values[1].tracked],
)
def test_rules_take_several_gradients_at_once(case: OpCase, sample: Sample) -> None:
    """One forward pass, gradients from several starts: what Jacobians are made of."""
    tensors, tracked = sample.tensors(), sample.tracked

    def call(*xs: Any) -> mg.Tensor:
        given: list[Any] = list(tensors)
        for k, x in zip(tracked, xs):
            given[k] = x
        return case.call(*given, **sample.options)

    out, pull = func.vjp(call, *[tensors[k].data for k in tracked])
    starts = np.random.default_rng(3).uniform(-1, 1, (2, *out.shape)).astype(out.dtype)
    before = dict(batching.looped)
    found = func.vmap(pull)(starts)
    assert dict(batching.looped) == before
    for k, g in enumerate(found):
        assert_close(g, mg.stack([pull(start)[k] for start in starts]))
