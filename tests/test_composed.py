"""What functions composed of operations promise: a row of `composed_cases` makes each test."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd.declaration import FUNCTIONS, public
from tests.composed_cases import COMPOSED as GENERAL
from tests.composed_complex import COMPLEX
from tests.composed_linalg import LINALG
from tests.op_case import OpCase, Sample, along_directions

COMPOSED = (*GENERAL, *COMPLEX, *LINALG)
# Functions with tests of their own.
ELSEWHERE = {
    "adaptive_avg_pool2d", "allclose", "array_equal", "as_strided", "avg_pool1d", "avg_pool2d",
    "conjugate_transpose", "contiguous", "dot", "einsum", "fftfreq", "global_avg_pool2d",
    "gumbel_softmax", "hstack", "matrix_transpose", "max_pool1d", "max_pool2d", "moveaxis",
    "multi_dot", "ravel", "rfftfreq", "split", "vstack",
}  # fmt: skip
# Rows whose operands come in a form of their own, tested below.
FORMS = {"polygamma", "expand", "dstack", "column_stack", "select_by_conditions"}


def each_sample_of(chosen: Callable[[OpCase, Sample], bool]) -> pytest.MarkDecorator:
    pairs = [(case, sample) for case in COMPOSED for sample in case.samples if chosen(case, sample)]
    params = [pytest.param(*pair, id=f"{pair[0].op} {pair[1].label}") for pair in pairs]
    return pytest.mark.parametrize(("case", "sample"), params)


def called(function: Callable, case: OpCase, sample: Sample, operands: list[Any]) -> list[Any]:
    """The results of a call, several or one; torch's positional order is the rows' own business."""
    options = dict(sample.options)
    if case.op in POSITIONED and "axis" in options:
        out = function(operands[0], options.pop("axis"), *operands[1:], **options)
    elif case.op == "index_put":
        out = function(operands[0], (operands[1],), operands[2])
    elif case.op == "bincount" and "classes" in options:
        out = function(options["classes"], operands[0])
    else:
        out = function(*operands, **options)
    if case.op in ("topk", "kthvalue", "mode", "cummax", "cummin"):
        return [out.values]
    return list(out) if isinstance(out, (tuple, list)) else [out]


# PyTorch takes the axis before the other operands.
POSITIONED = {
    "index_select", "gather", "scatter", "scatter_add", "scatter_reduce", "index_add",
    "index_copy", "index_fill",
}  # fmt: skip


def total(case: OpCase, sample: Sample) -> Callable[..., mg.Tensor]:
    """All results in one number, each element with a weight of its own."""

    def function(*tensors: mg.Tensor) -> mg.Tensor:
        outs = called(case.call, case, sample, list(tensors))
        return sum(weighted(out) for out in outs if out.requires_grad)

    return function


def weighted(out: Any) -> Any:
    """The real sum of the elements, here or in torch, each with a weight of its own."""
    factors = weights(tuple(out.shape))
    factors = factors if isinstance(out, mg.Tensor) else out.real.new_tensor(factors)
    if np.dtype(str(out.dtype).removeprefix("torch.")).kind != "c":
        return (out * factors).sum()
    return (out.real * factors).sum() - (out.imag * factors).sum() * 0.5


def weights(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(5).uniform(-1, 1, shape)


with_gradient = each_sample_of(lambda case, sample: bool(sample.tracked))


def test_every_composed_function_has_a_row() -> None:
    own = {
        name
        for name, function in FUNCTIONS.items()
        if function.__module__.startswith("microgradnd.")
    }
    assert {case.op for case in COMPOSED} | ELSEWHERE == own


@each_sample_of(lambda case, sample: True)
def test_value_and_dtype_are_the_references(case: OpCase, sample: Sample) -> None:
    if case.reference is None:
        assert case.torch is not None  # PyTorch says what is right
        return
    outs = called(case.call, case, sample, sample.tensors())
    arrays, options = sample.arrays(), dict(sample.options)
    if case.op == "bincount" and "classes" in options:
        expected = case.reference(arrays[0], options["classes"])
    else:
        expected = case.reference(*arrays, **options)
    expected = list(expected) if isinstance(expected, (tuple, list)) else [expected]
    assert len(outs) == len(expected)
    for out, exact in zip(outs, expected, strict=True):
        assert type(out) is mg.Tensor
        assert (out.shape, out.dtype) == (np.shape(exact), np.asarray(exact).dtype)
        np.testing.assert_allclose(out.data, exact, rtol=1e-13, atol=1e-14)


@with_gradient
def test_first_and_second_derivatives_agree_with_finite_differences(
    case: OpCase, sample: Sample
) -> None:
    moved = along_directions(total(case, sample), sample.tensors())
    assert mg.gradcheck(*moved, atol=1e-7, rtol=1e-6)
    assert mg.gradgradcheck(*moved, atol=1e-7, rtol=1e-6)


def test_what_is_wrong_in_one_element_of_many_is_seen_along_directions() -> None:
    off = np.zeros(40)
    off[17] = 1e-4
    x = mg.Tensor(np.linspace(0.5, 2.0, 40), requires_grad=True)
    squares = mg.op(lambda x: 3 * x * x, "x", name="squares", x=lambda g, x: g * (6 * x + off))
    for check, rule in (
        (mg.gradcheck, lambda g, x: g * (3 * x * x + off)),
        (mg.gradgradcheck, lambda g, x: g * squares(x)),
    ):
        cubes = mg.op(lambda x: x**3, "x", name="cubes", x=rule, replace=True)
        with pytest.raises(mg.GradientMismatch):
            check(*along_directions(lambda t, cubes=cubes: cubes(t).sum(), [x]), 1e-6, 1e-7, 1e-6)


@with_gradient
def test_float32_stays_float32(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors(np.float32)
    constants = [np.asarray(x).dtype for x in sample.operands if isinstance(x, np.ndarray)]
    if np.float64 in constants:
        return
    outs = called(case.call, case, sample, tensors)
    assert {out.real.dtype for out in outs if out.requires_grad} == {np.dtype(np.float32)}
    sum(out.real.sum() for out in outs if out.requires_grad).backward()
    assert {t.grad.dtype for t in tensors if t.requires_grad} == {np.dtype(np.float32)}


@with_gradient
def test_operands_are_not_changed(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors()
    for t in tensors:
        t.data.flags.writeable = False
    total(case, sample)(*tensors).backward()


@each_sample_of(lambda case, sample: case.numpy is not None)
def test_numpys_function_gives_the_same(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors()
    outs, theirs = (called(f, case, sample, tensors) for f in (case.call, case.numpy))
    for out, other in zip(outs, theirs, strict=True):
        assert type(other) is mg.Tensor
        np.testing.assert_array_equal(out.data, other.data)
        assert out.requires_grad == other.requires_grad


@each_sample_of(lambda case, sample: hasattr(mg.Tensor, case.op))
def test_the_method_gives_the_same(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors()
    if case.op == "bincount":
        return
    method = lambda x, *rest, **options: getattr(x, case.op)(*rest, **options)
    outs, theirs = (called(f, case, sample, tensors) for f in (case.call, method))
    for out, other in zip(outs, theirs, strict=True):
        np.testing.assert_array_equal(out.data, other.data)


@each_sample_of(lambda case, sample: case.torch is not None)
def test_torch_agrees_in_value_and_gradient(case: OpCase, sample: Sample, torch: Any) -> None:
    tensors = sample.tensors()
    theirs = [torch.tensor(t.data, requires_grad=t.requires_grad) for t in tensors]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own complaints
        found = case.torch(torch, *theirs, **sample.options)
    found = list(found) if isinstance(found, (tuple, list)) else [found]
    outs = called(case.call, case, sample, tensors)
    for out, other in zip(outs, found, strict=True):
        assert out.shape == tuple(other.shape)
        np.testing.assert_allclose(
            out.data, other.detach().resolve_conj().numpy(), rtol=1e-11, atol=1e-12
        )
    if sample.tracked:
        sum(weighted(o) for o in found).backward()
        total(case, sample)(*tensors).backward()
        for t, other in zip(tensors, theirs, strict=True):
            if t.requires_grad:
                np.testing.assert_allclose(t.grad.data, other.grad, rtol=1e-10, atol=1e-12)


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def test_functions_whose_operands_have_a_form_of_their_own() -> None:
    x, y = mg.Tensor([1.0, 2.0], requires_grad=True), mg.Tensor([3.0, 4.0], requires_grad=True)
    for name in ("dstack", "column_stack"):
        np.testing.assert_array_equal(
            getattr(mg, name)([x, y]).data, getattr(np, name)([x.data, y.data])
        )
        assert mg.gradcheck(lambda a, b, name=name: getattr(np, name)([a, b]), [x, y])
    assert mg.gradcheck(lambda a: mg.polygamma(0, a), x)
    assert mg.gradcheck(lambda a: mg.polygamma(2, a), x)
    conditions, default = [np.array([False, True]), np.array([True, True])], np.array([5.0, 6.0])
    chosen = np.select(conditions, [x, y], default)
    np.testing.assert_array_equal(chosen.data, np.select(conditions, [x.data, y.data], default))
    assert mg.gradcheck(lambda a, b: np.select(conditions[:1], [a], b), [x, y])
    for name in ("atleast_1d", "atleast_2d", "meshgrid"):  # PyTorch takes a list, too
        listed, apart = getattr(mg, name)([x, y]), getattr(mg, name)(x, y)
        assert [a.tolist() for a in listed] == [b.tolist() for b in apart]
    np.testing.assert_array_equal(x.expand(3, -1).data, np.broadcast_to(x.data, (3, 2)))
    np.testing.assert_array_equal(x.expand((3, 2)).data, np.broadcast_to(x.data, (3, 2)))
    assert {case.op for case in COMPOSED if not case.samples} == FORMS


def test_quantiles_say_that_no_gradient_flows_through_their_share() -> None:
    with pytest.raises(TypeError, match=r"quantile: q is a constant here: pass q.detach\(\)"):
        mg.quantile(mg.Tensor([1.0, 2.0]), mg.Tensor(0.5, requires_grad=True))


def test_gumbel_softmax_draws_as_often_as_softmax_says() -> None:
    logits = mg.Tensor(np.log([0.2, 0.3, 0.5]) * np.ones((20_000, 1)), requires_grad=True)
    soft = public("nn.functional.gumbel_softmax")(logits, 0.5)
    np.testing.assert_allclose(soft.data.sum(-1), 1)
    hard = public("nn.functional.gumbel_softmax")(logits, hard=True)
    np.testing.assert_allclose(hard.data.mean(0), [0.2, 0.3, 0.5], atol=0.02)
    assert set(np.unique(hard.data.round(12))) == {0.0, 1.0}
    (hard * [1.0, 2.0, 3.0]).sum().backward()
    assert np.abs(logits.grad.data).max() > 0
    x = mg.Tensor(-np.ones(10_000), requires_grad=True)
    noisy = mg.rrelu(x, 0.2, 0.4, training=True)
    assert -0.4 <= noisy.data.min() < noisy.data.max() <= -0.2


def test_extremes_and_order_say_where() -> None:
    x = mg.Tensor([2.0, 3.0, 1.0, 3.0])
    assert mg.topk(x, 2).indices.tolist() == [3, 1] or mg.topk(x, 2).indices.tolist() == [1, 3]
    assert mg.kthvalue(x, 1).indices.item() == 2
    assert mg.mode(x).indices.item() == 3
    assert mg.cummax(x, 0).indices.tolist() == [0, 1, 1, 3]
    assert mg.argsort(x, descending=True, stable=True).tolist() == [1, 3, 0, 2]
