"""The library's border: NumPy's functions on Tensors, foreign operands, misuse explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg


@pytest.fixture
def t() -> mg.Tensor:
    return mg.Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True, name="t")


RECORDED: dict[str, tuple[Callable, str]] = {
    "np.tanh": (np.tanh, "tanh"),
    "np.abs": (np.abs, "abs"),
    "np.add": (lambda t: np.add(1.0, t), "add"),
    "ndarray + t": (lambda t: np.ones(3) + t, "add"),
    "t + ndarray": (lambda t: t + np.ones(3), "add"),
    "ndarray - t": (lambda t: np.ones((2, 1)) - t, "subtract"),
    "ndarray * t": (lambda t: np.ones(3) * t, "multiply"),
    "ndarray / t": (lambda t: np.ones(3) / t, "divide"),
    "ndarray ** t": (lambda t: np.full(3, 2.0) ** t, "power"),
    "ndarray @ t": (lambda t: np.ones((4, 2)) @ t, "matmul"),
    "np.float64 * t": (lambda t: np.float64(2) * t, "multiply"),
    "np.float32 - t": (lambda t: np.float32(2) - t, "subtract"),
    "np.int64 ** t": (lambda t: np.int64(2) ** t, "power"),
    "list - t": (lambda t: [1.0, 2.0, 3.0] - t, "subtract"),
    "np.sum": (np.sum, "sum"),
    "np.sum over an axis": (lambda t: np.sum(t, 1, keepdims=True), "sum"),
    "np.mean": (lambda t: np.mean(t, axis=0), "mean"),
    "np.var": (lambda t: np.var(t, axis=1, ddof=1), "var"),
    "np.add.reduce": (np.add.reduce, "sum"),
    "np.add.reduce over an axis": (lambda t: np.add.reduce(t, axis=1, keepdims=True), "sum"),
    "np.multiply.reduce": (np.multiply.reduce, "prod"),
    "np.maximum.reduce": (lambda t: np.maximum.reduce(t, axis=1), "max"),
    "np.minimum.reduce": (lambda t: np.minimum.reduce(t, 0), "min"),
    "np.reshape": (lambda t: np.reshape(t, -1), "reshape"),
    "np.ravel": (np.ravel, "reshape"),
    "np.transpose": (np.transpose, "transpose"),
    "np.moveaxis": (lambda t: np.moveaxis(t[None], 0, -1), "transpose"),
    "np.moveaxis of several": (lambda t: np.moveaxis(t[None], [0, 1], [-1, 0]), "transpose"),
    "np.matrix_transpose": (np.matrix_transpose, "swapaxes"),
    "np.concatenate": (lambda t: np.concatenate([np.ones((1, 3)), t]), "concatenate"),
    "np.vstack": (lambda t: np.vstack([t, np.ones(3)]), "concatenate"),
    "np.hstack": (lambda t: np.hstack([t, np.ones((2, 1))]), "concatenate"),
    "np.hstack of vectors": (lambda t: np.hstack([t[0], np.ones(2)]), "concatenate"),
    "np.stack": (lambda t: np.stack([t, np.ones((2, 3))], axis=1), "stack"),
    "np.pad": (lambda t: np.pad(t, ((1, 0), (0, 2)), constant_values=7.0), "pad"),
    "np.pad all around": (lambda t: np.pad(t, 1), "pad"),
    "np.where": (lambda t: np.where(t > 2.5, t, 0.0), "where"),
    "np.where on arrays": (lambda t: np.where(np.array([True, False, True]), 1.0, t), "where"),
    "np.clip": (lambda t: np.clip(t, 1.5, 4.5), "clip"),
    "np.clip by keyword": (lambda t: np.clip(t, min=1.5, max=4.5), "clip"),
    "np.amax": (lambda t: np.amax(t, axis=0), "max"),
    "np.amin": (lambda t: np.amin(t), "min"),
    "np.around": (lambda t: np.around(t, 1), "round"),
    "np.clip below": (lambda t: np.clip(t, 1.5, None), "clip"),
    "np.round": (lambda t: np.round(t / 3, 1), "round"),
    "np.dot": (lambda t: np.dot(np.ones(2), t), "matmul"),
    "np.einsum": (lambda t: np.einsum("ij,j->i", t, np.ones(3)), "einsum2"),
    "np.expand_dims": (lambda t: np.expand_dims(t, 0), "expand_dims"),
    "np.squeeze": (lambda t: np.squeeze(t[:1]), "squeeze"),
    "np.swapaxes": (lambda t: np.swapaxes(t, 0, 1), "swapaxes"),
    "np.broadcast_to": (lambda t: np.broadcast_to(t, (2, 2, 3)), "broadcast_to"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "op"), RECORDED.values(), ids=RECORDED)
def test_numpys_functions_and_operators_record(call: Callable, op: str, t: mg.Tensor) -> None:
    out = call(t)
    assert out.node.op.name == op
    expected = call(t.numpy())
    assert (out.shape, out.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(out.data, expected, rtol=1e-14)
    assert op == "round" or mg.gradcheck(call, t)


def test_np_split_gives_recorded_parts(t: mg.Tensor) -> None:
    left, right = np.split(t, [1], axis=1)
    (left.sum() + 2 * right.sum()).backward()
    np.testing.assert_array_equal(t.grad.data, [[1, 2, 2], [1, 2, 2]])


UNSUPPORTED: dict[str, tuple[Callable, str]] = {
    "partition": (lambda t: np.partition(t, 1), r"numpy\.partition has no derivative rule"),
    "qualified": (np.emath.sqrt, r"numpy\.lib\.scimath\.sqrt has no"),
    "unwrap": (np.unwrap, r"numpy\.unwrap has no"),
    "ufunc": (np.spacing, r"numpy\.spacing has no"),
    "two results": (lambda t: np.divmod(t, 2), r"numpy\.divmod has no"),
    "accumulate": (np.add.accumulate, r"numpy\.add\.accumulate has no"),
    "outer": (lambda t: np.multiply.outer(t, t), r"numpy\.multiply\.outer has no"),
    "reduceat": (lambda t: np.add.reduceat(t, [0, 1]), r"numpy\.add\.reduceat"),
    "at": (lambda t: np.add.at(np.zeros(3), [0, 1], t[0, :2]), r"numpy\.add\.at has no"),
    "reduce of others": (np.subtract.reduce, r"numpy\.subtract\.reduce has no"),
    "dtype": (lambda t: np.exp(t, dtype=np.float32), r"numpy\.exp with dtype has no"),
    "where": (lambda t: np.exp(t, where=[True, False, True]), r"numpy\.exp with where has no"),
    "out": (lambda t: np.exp(t, out=np.ones((2, 3))), r"np\.exp\(\.\.\., out=\) would overwrite"),
    "sum to a dtype": (lambda t: np.sum(t, dtype=np.float32), r"numpy\.sum with dtype="),
    "sum of some": (lambda t: np.sum(t, where=t.numpy() > 2), r"numpy\.sum with where="),
    "sum with a start": (lambda t: np.sum(t, initial=1.0), r"numpy\.sum with initial=1\.0"),
    "reduce with a start": (lambda t: np.add.reduce(t, initial=1.0), r"numpy\.add\.reduce with "),
    "order": (lambda t: np.reshape(t, (3, 2), order="F"), r"numpy\.reshape with order='F'"),
    "asarray": (np.asarray, r"np\.asarray\(t\) would lose .*t\.detach\(\)"),
    "array of tensors": (lambda t: np.array([t, t]), "would lose this tensor's gradient"),
    "math": (lambda t: divmod(t, 2), "unsupported operand"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_has_no_rule_raises_and_names_itself(
    call: Callable, message: str, t: mg.Tensor
) -> None:
    with pytest.raises(TypeError, match=message):
        call(t)


def test_an_array_cannot_take_up_a_tracked_tensor_in_place(t: mg.Tensor) -> None:
    total = np.zeros((2, 3))
    with pytest.raises(TypeError, match=r"np\.add\(\.\.\., out=\) would overwrite"):
        total += t
    with pytest.raises(TypeError, match="would lose this tensor's gradient"):
        total[...] = t
    np.testing.assert_array_equal(total, 0)
    total += t.detach()
    np.testing.assert_array_equal(total, t.numpy())


def test_constants_become_arrays_freely(t: mg.Tensor) -> None:
    constant = t.detach()
    assert np.asarray(constant) is not None
    np.testing.assert_array_equal(np.asarray(constant), t.numpy())
    assert np.asarray(constant, np.float32).dtype == np.float32
    assert np.shares_memory(np.asarray(constant), t.numpy())
    assert not np.shares_memory(np.array(constant, copy=True), t.numpy())


@pytest.mark.parametrize(
    ("scalar", "dtype"),
    [
        (2, np.float32),
        (2.0, np.float32),
        (True, np.float32),
        (np.float32(2), np.float32),
        (np.float64(2), np.float64),
        (np.int64(2), np.float64),
        (np.bool_(True), np.float32),
        (np.float64(2) * np.ones(1), np.float64),
    ],
)
def test_scalars_follow_nep_50(scalar: Any, dtype: type) -> None:
    t = mg.Tensor(np.float32([1, 2]), requires_grad=True)
    for out in (scalar * t, t * scalar, np.multiply(scalar, t), np.multiply(t, scalar)):
        assert out.dtype == dtype
        np.testing.assert_array_equal(out.data, scalar * t.numpy())
        assert mg.grad(out.sum(), t)[0].dtype == np.float32


WITHOUT_GRADIENT: dict[str, Callable] = {
    "argmax": lambda t: np.argmax(t, axis=1),
    "argsort": np.argsort,
    "less": lambda t: np.less(t, 3),
    "comparison with an array": lambda t: np.full(3, 2.0) < t,
    "isnan": np.isnan,
    "logical_and": lambda t: np.logical_and(t > 1, t < 4),
    "all": lambda t: np.all(t > 0),
    "any": lambda t: np.any(t > 5, axis=0),
    "zeros_like": np.zeros_like,
    "ones_like": lambda t: np.ones_like(t, dtype=np.float32),
    "isclose": lambda t: np.isclose(t, 2.0),
}


@pytest.mark.parametrize("call", WITHOUT_GRADIENT.values(), ids=WITHOUT_GRADIENT)
def test_results_that_have_no_gradient_are_constant_tensors(call: Callable, t: mg.Tensor) -> None:
    out = call(t)
    assert isinstance(out, mg.Tensor)
    assert not out.requires_grad
    assert out.dtype == call(t.numpy()).dtype
    np.testing.assert_array_equal(out.data, call(t.numpy()))


def test_questions_about_a_tensor_have_plain_answers(t: mg.Tensor) -> None:
    assert (np.shape(t), np.ndim(t), np.size(t)) == ((2, 3), 2, 6)
    assert np.allclose(t, t.numpy()) is True
    assert np.array_equal(t, t.numpy() + 1) is False
    assert np.result_type(t, np.float32) == np.float64
    assert np.array_str(t) == str(t.numpy())


def test_an_operand_without_a_rule_must_be_constant() -> None:
    z = mg.Tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.raises(TypeError, match=r"cross_entropy: target is a constant.*target\.detach\(\)"):
        mg.cross_entropy(z, z * 0.5)
    with pytest.raises(TypeError, match=r"where: .*'condition'.*condition\.detach\(\)"):
        mg.where(z, z, z)


named_pair = (mg.Tensor(np.ones((2, 3)), name="W"), mg.Tensor(np.ones((4, 5)), name="x"))
ERRORS: dict[str, tuple[Callable, type, str]] = {
    "matmul": (lambda w, x: w @ x, ValueError, r"matmul: .*'W' \(2, 3\).*'x' \(4, 5\).*\.mT"),
    "add": (lambda w, x: w + x, ValueError, r"add: .*'W' \(2, 3\).*'x' \(4, 5\).*aligned from"),
    "where": (lambda w, x: mg.where(True, w, x), ValueError, r"where: .*'W' .*'x' .*aligned"),
    "reshape": (lambda w, x: w.reshape(5, 2), ValueError, r"reshape: .*'W'.*\(5, 2\).*same number"),
    "concatenate": (
        lambda w, x: mg.concatenate([w, x]),
        ValueError,
        r"concatenate: .*xs\[0\] = 'W' \(2, 3\).*xs\[1\] = 'x' \(4, 5\).*agree on every axis",
    ),
    "stack": (lambda w, x: mg.stack([w, x]), ValueError, r"stack: .*'W'.*'x'.*same shape"),
    "axis": (lambda w, x: w.sum(axis=2), IndexError, r"sum: .*'W' \(2, 3\).*axis=2"),
    "index": (lambda w, x: w[5], IndexError, r"getitem: .*'W' \(2, 3\).*index=5"),
    "unknown option": (lambda w, x: w.sum(along=0), TypeError, r"sum\(\) .*'along'"),
    "missing option": (
        lambda w, x: mg.swapaxes(w, 0),
        TypeError,
        r"swapaxes\(\) missing .*'axis2'",
    ),
    "missing operand": (lambda w, x: mg.where(w > 0, x), TypeError, r"where\(\) missing .*'y'"),
    "option of a ufunc": (lambda w, x: mg.exp(w, out=x), TypeError, r"exp\(\).*'out'"),
    "string": (lambda w, x: w + "a", TypeError, r"add: cannot .* str \('a'\) as y; give a"),
    "strings": (lambda w, x: mg.concatenate([w, ["a"]]), TypeError, "concatenate: cannot.*list"),
    "None": (lambda w, x: w * None, TypeError, "multiply: cannot compute with a NoneType"),
    "complex": (lambda w, x: np.maximum(w, 1j), TypeError, "maximum: cannot .*complex128.*real"),
    "complex array": (
        lambda w, x: mg.arctan2(w, np.array(1j)),
        TypeError,
        "arctan2: cannot compute with",
    ),
    "complex on the left": (
        lambda w, x: np.minimum(np.array([1j]), w),
        TypeError,
        "minimum: cannot .*complex128.*real",
    ),
    "object array": (
        lambda w, x: w + np.array([None]),
        TypeError,
        "add: .*object.*real NumPy array",
    ),
    "einsum letters": (lambda w, x: mg.einsum("i", w), ValueError, "einsum: 'i' names .* 2 axes"),
    "einsum operands": (lambda w, x: mg.einsum("ij", w, x), ValueError, "1 operands, got 2"),
    "einsum sizes": (lambda w, x: mg.einsum("ij,ik", w, x), ValueError, r"einsum2: .*'W'.*'x'"),
    "einsum without subscripts": (lambda w, x: mg.einsum(w, x), TypeError, "einsum: .*a string"),
}


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS.values(), ids=ERRORS)
def test_an_error_names_the_op_the_operands_and_the_cure(
    call: Callable, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"(?s){message}"):
        call(*named_pair)


def test_gradients_are_not_lost_in_an_integer_tensor() -> None:
    x = mg.Tensor([0.5, 1.5], requires_grad=True)
    whole = mg.Tensor([1, 2])
    with pytest.raises(TypeError, match=r"int64 would lose the gradient.*astype\(float\)"):
        whole[0] = x[0]
    with pytest.raises(TypeError, match=r"add in place.*int64 would lose the gradient"):
        whole += x
