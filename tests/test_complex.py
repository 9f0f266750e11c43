"""Complex numbers: what every op that takes them promises, and the convention of gradients.

Each row of `op_cases.CASES` whose op takes complex numbers makes the tests here, once with all
operands complex, and where there are several, once with the first one alone.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd.declaration import NUMERIC, OPS
from tests.op_case import OpCase, Sample
from tests.op_cases import CASES
from tests.test_ops import closure, gradient_for, leaves

NOT_IN_TORCH = ("sign", "round", "nan_to_num")  # of complex numbers; its sgn is tested below


def drawn(through_torch: bool = False) -> list[Any]:
    params = []
    for case in CASES:
        op = OPS[case.op]
        if op.kinds is not NUMERIC or not op.rules or not case.complex:
            continue
        if through_torch and (case.torch is None or case.op in NOT_IN_TORCH):
            continue
        # what is linear over the real numbers takes complex ones by the same rules: a few do
        chosen = case.samples[:3] if op.complex is True and op.linear else case.samples
        for sample in chosen:
            for tracked in [
                sample.tracked,
                *[[k] for k in sample.tracked[:1] if sample.tracked[1:]],
            ]:
                if through_torch and tracked != sample.tracked:  # it mixes no dtypes in products
                    continue
                label = f"{case.op} {sample.label} {tracked}"
                params.append(pytest.param(case, sample, tracked, id=label))
    return params


each_sample = pytest.mark.parametrize(("case", "sample", "tracked"), drawn())


def arrays(case: OpCase, sample: Sample, tracked: list[int], single: bool = False) -> list[Any]:
    given = sample.complex_arrays(tracked, OPS[case.op].elementwise)
    if single:
        dtypes = {"c": np.complex64, "f": np.float32}
        given = [a.astype(dtypes.get(a.dtype.kind, a.dtype)) for a in given]
    return given


def tensors(
    case: OpCase, sample: Sample, tracked: list[int], single: bool = False
) -> list[mg.Tensor]:
    given = enumerate(arrays(case, sample, tracked, single))
    return [mg.Tensor(a, requires_grad=i in sample.tracked) for i, a in given]


@each_sample
def test_value_and_dtype_are_numpys(case: OpCase, sample: Sample, tracked: list[int]) -> None:
    expected = case.reference(*arrays(case, sample, tracked), **sample.options)
    out = case.call(*tensors(case, sample, tracked), **sample.options)
    assert out.requires_grad
    assert (out.shape, out.dtype) == (np.shape(expected), expected.dtype)
    np.testing.assert_allclose(out.data, expected, rtol=1e-12, atol=1e-13)


@each_sample
def test_gradients_agree_with_finite_differences(
    case: OpCase, sample: Sample, tracked: list[int]
) -> None:
    inputs = tensors(case, sample, tracked)
    assert mg.gradcheck(closure(case, sample), inputs, atol=1e-6, rtol=1e-5)
    if sum(t.size for t in inputs) <= 8:
        assert mg.gradgradcheck(closure(case, sample), inputs, atol=1e-6, rtol=1e-5)


@each_sample
def test_each_gradient_has_shape_and_dtype_of_its_operand(
    case: OpCase, sample: Sample, tracked: list[int]
) -> None:
    inputs = tensors(case, sample, tracked, single=True)
    out = case.call(*inputs, **sample.options)
    found = mg.grad(out, leaves(inputs), gradient_for(out), create_graph=True)
    out.backward(gradient_for(out))
    for t, g in zip(leaves(inputs), found, strict=True):
        assert (t.grad.shape, t.grad.dtype) == (g.shape, g.dtype) == (t.shape, t.dtype)
        np.testing.assert_allclose(t.grad.data, g.data, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("case", "sample", "tracked"), drawn(through_torch=True))
def test_torch_agrees(case: OpCase, sample: Sample, tracked: list[int], torch: Any) -> None:
    inputs = tensors(case, sample, tracked)
    theirs = [torch.tensor(t.data, requires_grad=t.requires_grad) for t in inputs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = case.torch(torch, *theirs, **sample.options)
    out = case.call(*inputs, **sample.options)
    np.testing.assert_allclose(
        out.data, expected.detach().resolve_conj().numpy(), rtol=1e-11, atol=1e-12
    )
    expected.backward(torch.tensor(gradient_for(out)))
    ours = mg.grad(out, leaves(inputs), gradient_for(out))
    for g, t in zip(ours, [t for t in theirs if t.requires_grad], strict=True):
        np.testing.assert_allclose(g.data, t.grad.resolve_conj().numpy(), rtol=1e-9, atol=1e-11)


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
