"""What every op promises: one row of `op_cases.CASES` makes each test below once per sample."""

from __future__ import annotations

import inspect
import operator
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import tensor_methods
from microgradnd.declaration import OPS, public
from microgradnd.engine import walk
from microgradnd.node import Constant, Node
from tests.op_case import OpCase, Sample, along_directions
from tests.op_cases import CASES, LIBRARY_OPS


def each_sample_of(chosen: Callable[[OpCase, Sample], bool]) -> pytest.MarkDecorator:
    pairs = [(case, sample) for case in CASES for sample in case.samples if chosen(case, sample)]
    params = [pytest.param(*pair, id=f"{pair[0].op} {pair[1].label}") for pair in pairs]
    return pytest.mark.parametrize(("case", "sample"), params)


each_sample = each_sample_of(lambda case, sample: bool(OPS[case.op].rules))


def rows(chosen: Callable[[OpCase], bool]) -> list:
    return [pytest.param(case, id=case.op) for case in CASES if chosen(case)]


def is_binary_ufunc(case: OpCase) -> bool:
    op = OPS[case.op]
    binary = isinstance(op.forward, np.ufunc) and op.forward.nin == 2
    return binary and case.keeps_dtype and not op.discrete and not op.fixed


def closure(case: OpCase, sample: Sample) -> Callable[..., mg.Tensor]:
    return lambda *operands: case.call(*operands, **sample.options)


def gradient_for(out: mg.Tensor) -> np.ndarray:
    """A gradient to start from, of no special symmetry, and of the dtype of the result."""
    random = np.random.default_rng(5)
    g = random.uniform(-1, 1, out.shape)
    if np.dtype(out.dtype).kind == "c":
        g = g + 1j * random.uniform(-1, 1, out.shape)
    return np.asarray(g, out.dtype)


def leaves(tensors: Iterable[mg.Tensor]) -> list[mg.Tensor]:
    return [t for t in tensors if t.requires_grad]


def gradients(case: OpCase, sample: Sample, tensors: list[mg.Tensor]) -> list[np.ndarray]:
    out = case.call(*tensors, **sample.options)
    return [g.data for g in mg.grad(out, leaves(tensors), gradient_for(out))]


def saved_by(node: Node) -> tuple:
    """What a node keeps for its rules."""
    return node.plan.unpacked(node.saved)


def same_node(one: Any, other: Any) -> bool:
    """Whether two nodes record the same computation on the same leaves and constants."""
    if type(one) is not Node or one.op is None:
        if isinstance(one, Constant):
            return isinstance(other, Constant) and one.name == other.name
        return one is other if type(one) is Node else np.array_equal(one, other)
    return (
        type(other) is Node
        and one.op is other.op
        and (one.plan.mask, one.plan.save) == (other.plan.mask, other.plan.save)
        and repr(one.options) == repr(other.options)
        and (one.shape, one.dtype) == (other.shape, other.dtype)
        and all(np.array_equal(a, b) for a, b in zip(saved_by(one), saved_by(other), strict=True))
        and len(one.parents) == len(other.parents)
        and all(same_node(p, q) for p, q in zip(one.parents, other.parents, strict=True))
    )


def assert_same(one: mg.Tensor, other: mg.Tensor) -> None:
    """Equal in value, dtype and record."""
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one.data, other.data)
    assert same_node(one.node, other.node)


def test_every_op_has_a_case_and_every_case_names_an_op() -> None:
    assert {case.op for case in CASES} == LIBRARY_OPS


@each_sample_of(lambda case, sample: not OPS[case.op].rules)
def test_what_has_no_gradient_by_nature_is_a_constant(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors()
    out, expected = (
        case.call(*tensors, **sample.options),
        case.reference(*sample.arrays(), **sample.options),
    )
    assert OPS[case.op].discrete
    assert (out.node, out.shape, out.dtype) == (None, np.shape(expected), expected.dtype)
    np.testing.assert_array_equal(out.data, expected)
    np.testing.assert_array_equal(case.numpy(*tensors, **sample.options).data, expected)


@each_sample
def test_value_and_dtype_are_numpys(case: OpCase, sample: Sample) -> None:
    expected = case.reference(*sample.arrays(), **sample.options)
    out = case.call(*sample.tensors(), **sample.options)
    assert out.node.op is OPS[case.op]
    assert type(out.data) is np.ndarray
    assert (out.shape, out.dtype) == (np.shape(expected), expected.dtype)
    np.testing.assert_allclose(out.data, expected, rtol=1e-13, atol=1e-14)


@each_sample
def test_gradient_agrees_with_finite_differences(case: OpCase, sample: Sample) -> None:
    assert mg.gradcheck(closure(case, sample), sample.tensors(), atol=1e-7, rtol=1e-6)


@each_sample
def test_second_derivative_agrees_with_finite_differences(case: OpCase, sample: Sample) -> None:
    moved = along_directions(closure(case, sample), sample.tensors())
    assert mg.gradgradcheck(*moved, atol=1e-7, rtol=1e-6)


@each_sample
def test_each_gradient_has_shape_and_dtype_of_its_operand(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors()
    out = case.call(*tensors, **sample.options)
    out.backward(gradient_for(out))
    for t in leaves(tensors):
        assert type(t.grad.data) is np.ndarray
        assert (t.grad.shape, t.grad.dtype) == (t.shape, t.dtype)


@each_sample
def test_float32_stays_float32(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors(np.float32)
    out = case.call(*tensors, **sample.options)
    constants = [np.result_type(t.data) for t in tensors if not t.requires_grad and t.ndim]
    if case.keeps_dtype and np.float64 not in constants:
        assert out.dtype == np.float32
    expected = case.reference(*sample.arrays(np.float32), **sample.options)
    assert out.dtype == expected.dtype
    np.testing.assert_allclose(out.data, expected, rtol=2e-5, atol=2e-6)
    found = mg.grad(out, leaves(tensors), gradient_for(out), create_graph=True)
    assert [g.dtype for g in found] == [np.float32] * len(found)
    for g, exact in zip(found, gradients(case, sample, sample.tensors()), strict=True):
        np.testing.assert_allclose(g.data, exact, rtol=1e-3, atol=1e-4)


@each_sample
def test_neither_operands_nor_the_gradient_are_changed(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors()
    before = [t.data.copy() for t in tensors]
    for t in tensors:
        t.data.flags.writeable = False
    out = case.call(*tensors, **sample.options)
    g = gradient_for(out)
    g.flags.writeable = False
    for create_graph in (True, False):
        mg.grad(out, leaves(tensors), g, create_graph=create_graph)
    for t, array in zip(tensors, before, strict=True):
        np.testing.assert_array_equal(t.data, array)
    np.testing.assert_array_equal(g, gradient_for(out))


@each_sample
def test_memory_layout_makes_no_difference(case: OpCase, sample: Sample) -> None:
    strided = []
    for t in sample.tensors():
        room = np.zeros((*(2 * n for n in reversed(t.shape)), 2), t.dtype)
        view = room[(*(slice(None, None, -2) for _ in t.shape), ..., 1)].transpose()
        view[...] = t.data
        strided.append(mg.Tensor(view, requires_grad=t.requires_grad))
        assert t.size < 2 or not view.flags.c_contiguous
    out = case.call(*strided, **sample.options)
    expected = case.call(*sample.tensors(), **sample.options)
    np.testing.assert_allclose(out.data, expected.data, rtol=1e-14, atol=1e-14)
    for g, exact in zip(
        gradients(case, sample, strided), gradients(case, sample, sample.tensors()), strict=True
    ):
        np.testing.assert_allclose(g, exact, rtol=1e-13, atol=1e-13)


@each_sample_of(lambda case, sample: case.numpy is not None and bool(OPS[case.op].rules))
def test_numpys_function_records_the_same_node(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors()
    out = case.call(*tensors, **sample.options)
    assert_same(case.numpy(*tensors, **sample.options), out)


def has_method(case: OpCase) -> bool:
    method = None if case.op in tensor_methods.SHARED else getattr(mg.Tensor, case.op, None)
    return method is not None and not isinstance(method, property) and bool(OPS[case.op].rules)


@each_sample_of(lambda case, sample: has_method(case))
def test_a_method_records_the_same_node(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors()
    method = getattr(mg.Tensor, case.op)
    out = case.call(*tensors, **sample.options)
    named = {"axis": "dim", "keepdims": "keepdim"}
    torch_style = {named.get(key, key): value for key, value in sample.options.items()}
    assert_same(method(*tensors, **sample.options), out)
    assert_same(method(*tensors, **torch_style), out)


@each_sample_of(lambda case, sample: case.torch is not None)
def test_torch_agrees_in_value_and_gradient(case: OpCase, sample: Sample, torch: Any) -> None:
    tensors = sample.tensors()
    theirs = [torch.tensor(t.data, requires_grad=t.requires_grad) for t in tensors]
    theirs = [t if t.is_floating_point() or t.dtype == torch.bool else t.long() for t in theirs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own complaints
        expected = case.torch(torch, *theirs, **sample.options)
    out = case.call(*tensors, **sample.options)
    assert out.shape == tuple(expected.shape)
    np.testing.assert_allclose(
        out.data, expected.detach().resolve_conj().numpy(), rtol=1e-11, atol=1e-12
    )
    expected.backward(torch.tensor(gradient_for(out)))
    ours = mg.grad(out, leaves(tensors), gradient_for(out))
    for g, t in zip(ours, [t for t in theirs if t.requires_grad], strict=True):
        np.testing.assert_allclose(g.data, t.grad.resolve_conj().numpy(), rtol=1e-10, atol=1e-12)


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


@each_sample_of(lambda case, sample: len(sample.tracked) > 1 and bool(OPS[case.op].rules))
def test_a_constant_operand_costs_nothing(case: OpCase, sample: Sample) -> None:
    """No gradient is computed for it, and nothing is saved that only its rule would need."""
    op = OPS[case.op]
    everything = gradients(case, sample, sample.tensors())
    for kept, exact in zip(sample.tracked, everything, strict=True):
        arrays = enumerate(sample.arrays())
        tensors = [mg.Tensor(a, requires_grad=i == kept, name=f"t{i}") for i, a in arrays]
        out = case.call(*tensors, **sample.options)
        np.testing.assert_allclose(gradients(case, sample, tensors)[0], exact, rtol=1e-13)
        if op.variadic or op.keeps or len(tensors) > len(op.operands):
            continue
        needs = set(inspect.signature(op.rules[op.operands[kept]]).parameters)
        values = {**dict(zip(op.operands, tensors)), "out": out}
        expected = [t.data for key, t in values.items() if key in needs]
        assert len(saved_by(out.node)) == len(expected)
        assert all(a is b for a, b in zip(saved_by(out.node), expected, strict=True))
        seen: list[int] = []
        note = lambda node, i, x, seen=seen: seen.append(i) if i is not None else None
        walk([(out.node, gradient_for(out))], observer=note)
        assert seen == [kept]


@pytest.mark.parametrize(
    ("call", "saved"),
    [
        (lambda x, w: x + w, ""),
        (lambda x, w: x - w, ""),
        (lambda x, w: x * w, "xw"),
        (lambda x, w: x.detach() * w, "x"),
        (lambda x, w: x * w.detach(), "w"),
        (lambda x, w: x.detach() @ w, "x"),
        (lambda x, w: x @ w.detach(), "w"),
        (lambda x, w: x / w.detach(), "w"),
        (lambda x, w: x.exp(), "o"),
        (lambda x, w: x.tanh(), "o"),
        (lambda x, w: x.sum(), ""),
        (lambda x, w: x.mean(axis=0), ""),
        (lambda x, w: x[0], ""),
        (lambda x, w: x.reshape(-1), ""),
        (lambda x, w: mg.concatenate([x, w]), ""),
        (lambda x, w: x.relu(), "o"),
        (lambda x, w: x.softmax(), "o"),
    ],
)
def test_only_what_the_rules_need_is_saved(call: Callable, saved: str) -> None:
    x, w = (mg.Tensor(np.eye(2) + i, requires_grad=True) for i in (1, 2))
    out = call(x, w)
    arrays = {"x": x.data, "w": w.data, "o": out.data}
    assert [id(a) for a in saved_by(out.node)] == [id(arrays[key]) for key in saved]


def test_the_rule_of_a_constant_operand_is_never_called() -> None:
    calls = []

    def for_x(g: Any, y: Any) -> Any:
        calls.append("x")
        return g * y

    def for_y(g: Any, x: Any) -> Any:
        calls.append("y")
        return g * x

    product = mg.op(np.multiply, "x y", name="counted_product", x=for_x, y=for_y)
    w = mg.Tensor([2.0, 3.0], requires_grad=True)
    for constant in (5.0, np.array([5.0, 6.0]), mg.Tensor([5.0, 6.0]), w.detach()):
        product(w, constant).sum().backward()
        product(constant, w).sum().backward()
    assert calls == ["x", "y"] * 4
    calls.clear()
    v = mg.Tensor([1.0, 1.0], requires_grad=True)
    mg.grad(product(w, v).sum(), v)  # nor that of an operand whose gradient nobody asked for
    assert calls == ["y"]


# (the cases of einsum give its subscripts in forms, and operands in numbers, that the op has not)
@each_sample_of(lambda case, sample: not case.op.startswith("einsum"))
def test_arrays_alone_give_an_array_and_its_public_twin_a_tensor(
    case: OpCase, sample: Sample
) -> None:
    arrays, row = sample.arrays(), OPS[case.op]
    given = [arrays] if row.variadic else arrays
    bare = row.function(*given, **sample.options)
    assert type(bare) is np.ndarray or np.isscalar(bare)
    out = public(case.op) if not row.internal else None
    if out is not None:
        assert type(out(*given, **sample.options)) is mg.Tensor
        np.testing.assert_array_equal(out(*given, **sample.options).data, bare)


@pytest.mark.parametrize("case", rows(lambda case: len(OPS[case.op].operands) == 2))
def test_operands_of_every_kind_are_recorded_alike(case: OpCase) -> None:
    call = OPS[case.op].function
    for sample in case.samples[:4]:
        tensors = sample.tensors()
        if len(tensors) != 2 or OPS[case.op].fixed or OPS[case.op].discrete:
            continue
        for i in (0, 1):
            if i not in sample.tracked:
                continue
            own, other = tensors[i], sample.arrays()[1 - i]
            kinds = [other, mg.Tensor(other), mg.Tensor(other, name="c"), other.tolist()]
            outs = [
                call(*((own, x) if i == 0 else (x, own)), **sample.options)
                for x in kinds[: 3 if other.size == 0 or other.dtype != float else 4]
            ]
            for out in outs[1:]:
                np.testing.assert_array_equal(out.data, outs[0].data)
                assert (out.node.plan.mask, out.node.plan.save) == (
                    outs[0].node.plan.mask, outs[0].node.plan.save
                )  # fmt: skip
            assert isinstance(outs[2].node.parents[1 - i], Constant)
            with mg.no_grad():
                assert not call(*tensors, **sample.options).requires_grad


@each_sample
def test_what_a_rule_calls_fresh_is_shared_with_nobody(case: OpCase, sample: Sample) -> None:
    tensors = sample.tensors()
    node = case.call(*tensors, **sample.options).node
    assert node is not None
    if case.op.startswith("einsum") and len(tensors) > 2:
        return  # the last of several nodes; each is checked by the cases of two operands
    g = gradient_for(node)
    for i, _, x in node.plan.contributions(g, node.saved, node):
        if not node.plan.is_fresh(i) or x is None or not np.size(x):
            continue
        held = [g, *saved_by(node), *(t.data for t in tensors)]
        assert not any(np.shares_memory(x, a) for a in held if isinstance(a, np.ndarray)), i


@pytest.mark.parametrize("case", rows(is_binary_ufunc))
@pytest.mark.parametrize("scalar", [0.75, 2, True])
def test_a_python_scalar_keeps_float32(case: OpCase, scalar: float) -> None:
    ufunc = OPS[case.op].forward
    for i in (0, 1):
        t = mg.Tensor(np.float32([0.5, 1.25]), requires_grad=True)
        operands = [scalar, t] if i else [t, scalar]
        out = case.call(*operands)
        assert out.dtype == np.float32
        np.testing.assert_array_equal(out.data, ufunc(*(getattr(x, "data", x) for x in operands)))
        (g,) = mg.grad(out.sum(), t, create_graph=True)
        assert g.dtype == np.float32
        exact = mg.Tensor([0.5, 1.25], requires_grad=True)
        double = case.call(*([scalar, exact] if i else [exact, scalar]))
        np.testing.assert_allclose(g.data, mg.grad(double.sum(), exact)[0].data, rtol=1e-6)


@pytest.mark.parametrize("case", rows(is_binary_ufunc))
@pytest.mark.parametrize("scalar", [np.float32(1.5), np.float64(1.5), np.array(1.5), np.int64(2)])
def test_a_numpy_scalar_promotes_as_nep_50_says(case: OpCase, scalar: Any) -> None:
    t = mg.Tensor(np.float32([0.5, 1.25]), requires_grad=True)
    for operands in ([t, scalar], [scalar, t]):
        out = case.call(*operands)
        assert out.dtype == np.result_type(np.float32, scalar.dtype)
        assert mg.grad(out.sum(), t)[0].dtype == np.float32


@pytest.mark.parametrize(
    "case", rows(lambda c: isinstance(OPS[c.op].forward, np.ufunc) and not OPS[c.op].discrete)
)
def test_integers_give_numpys_dtype(case: OpCase) -> None:
    ufunc = OPS[case.op].forward
    operands = [np.ones((2, 2), np.int32)] * ufunc.nin
    with np.errstate(all="ignore"):  # arctanh(1) is infinite
        expected, out = ufunc(*operands), case.call(*map(mg.Tensor, operands))
    assert out.dtype == expected.dtype
    np.testing.assert_array_equal(out.data, expected)
    assert not out.requires_grad


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        (operator.add, mg.add),
        (operator.sub, mg.subtract),
        (operator.mul, mg.multiply),
        (operator.truediv, mg.divide),
        (operator.pow, mg.power),
        (operator.matmul, mg.matmul),
    ],
)
@pytest.mark.parametrize("other", [[[1.0, 2.0], [3.0, 4.0]], np.ones((2, 2)), 3.0, 2])
def test_an_operator_is_its_op_on_either_side(
    operation: Callable, call: Callable, other: Any
) -> None:
    if call is mg.matmul and np.ndim(other) == 0:
        other = np.full((2, 2), other)
    t = mg.Tensor([[0.5, 1.0], [1.5, 2.0]], requires_grad=True)
    assert_same(operation(t, other), call(t, other))
    assert_same(operation(other, t), call(other, t))


def test_the_unary_operators_are_ops() -> None:
    t = mg.Tensor([0.5, -1.0], requires_grad=True)
    assert_same(-t, mg.negative(t))
    assert_same(+t, mg.positive(t))
    assert_same(abs(t), mg.abs(t))


def slope(function: Callable[[mg.Tensor], mg.Tensor], at: Any) -> np.ndarray:
    """The gradient of the sum of function(x)."""
    x = mg.Tensor(np.array(at, float), requires_grad=True)
    return mg.grad(function(x).sum(), x)[0].data


def over(product: np.ndarray) -> np.ndarray:
    """For each element the product of the others, one by one."""
    flat = product.ravel()
    others = [np.prod(np.delete(flat, i)) for i in range(flat.size)]
    return np.reshape(others, product.shape)


NO_ZERO = np.array([[2.0, 1.0], [3.0, -4.0]])
ONE_ZERO = np.array([[2.0, 0.0], [3.0, -4.0]])
TWO_ZEROS = np.array([0.0, 5.0, 0.0])
KINKS: dict[str, tuple[Callable, Any, Any]] = {
    "relu": (mg.relu, [-1.0, 0.0, 1.0], [0, 0, 1]),
    "leaky_relu": (lambda x: mg.leaky_relu(x, 0.25), [-1.0, 0.0, 1.0], [0.25, 0.25, 1]),
    "abs": (mg.abs, [-2.0, 0.0, 2.0], [-1, 0, 1]),
    "sign": (mg.sign, [0.0], [0]),
    "hypot": (lambda x: mg.hypot(x, 0.0), [-2.0, 0.0, 2.0], [-1, 0, 1]),
    "max of a tie": (lambda x: x.max(), [3.0, 1.0, 3.0, 3.0], [1 / 3, 0, 1 / 3, 1 / 3]),
    "max along an axis": (lambda x: x.max(axis=0), [[2.0, 1.0], [2.0, 0.0]], [[0.5, 1], [0.5, 0]]),
    "min of a tie": (lambda x: x.min(), [[1.0, 2.0], [1.0, 1.0]], [[1 / 3, 0], [1 / 3, 1 / 3]]),
    "maximum": (lambda x: mg.maximum(x, 1.0), [0.0, 1.0, 2.0], [0, 0.5, 1]),
    "maximum on the right": (lambda x: mg.maximum(1.0, x), [0.0, 1.0, 2.0], [0, 0.5, 1]),
    "minimum": (lambda x: mg.minimum(x, 1.0), [0.0, 1.0, 2.0], [1, 0.5, 0]),
    "minimum on the right": (lambda x: mg.minimum(1.0, x), [0.0, 1.0, 2.0], [1, 0.5, 0]),
    "maximum of itself": (lambda x: mg.maximum(x, x), [1.0, -1.0], [1, 1]),
    "clip": (lambda x: x.clip(-1, 1), [-2.0, -1.0, 0.0, 1.0, 2.0], [0, 1, 1, 1, 0]),
    "clip to a tensor": (lambda x: x.clip(mg.Tensor([0.0, 1.0])), [0.5, 0.5], [1, 0]),
    "std of a constant": (lambda x: x.std(), [2.0, 2.0, 2.0], [0, 0, 0]),
    "std of an inexact constant": (lambda x: x.std(axis=0), [0.1, 0.1, 0.1], [0, 0, 0]),
    "var of a constant": (lambda x: x.var(), [2.0, 2.0], [0, 0]),
    "prod": (lambda x: x.prod(), NO_ZERO, over(NO_ZERO)),
    "prod with one zero": (lambda x: x.prod(), ONE_ZERO, over(ONE_ZERO)),
    "prod with two zeros": (lambda x: x.prod(), TWO_ZEROS, over(TWO_ZEROS)),
    "prod along an axis": (lambda x: x.prod(axis=1), ONE_ZERO, [over(row) for row in ONE_ZERO]),
    "x ** 2 at 0": (lambda x: x**2, [0.0, -3.0], [0, -6]),
    "x ** 1 at 0": (lambda x: x**1, [0.0], [1]),
    "x ** 0 at 0": (lambda x: x**0, [0.0, 2.0], [0, 0]),
    "x ** [0, 1, 2] at 0": (lambda x: x ** np.array([0.0, 1.0, 2.0]), [0.0] * 3, [0, 1, 0]),
    "0 ** x": (lambda x: 0.0**x, [1.0, 2.0], [0, 0]),
    "sqrt where it is not 0": (
        lambda x: mg.where(x > 0, mg.sqrt(mg.where(x > 0, x, 1)), 0),
        [0.0, 4.0],
        [0, 0.25],
    ),
}


@pytest.mark.parametrize(("function", "at", "expected"), KINKS.values(), ids=KINKS)
def test_the_slope_at_a_kink_is_as_documented(function: Callable, at: Any, expected: Any) -> None:
    np.testing.assert_array_equal(slope(function, at), expected)


@pytest.mark.parametrize(("function", "at", "expected"), KINKS.values(), ids=KINKS)
def test_float32_has_the_same_kinks(function: Callable, at: Any, expected: Any) -> None:
    x = mg.Tensor(np.float32(at), requires_grad=True)
    (g,) = mg.grad(function(x).sum(), x, create_graph=True)  # and so has a recorded walk
    assert g.dtype == np.float32
    np.testing.assert_array_equal(g.data, np.float32(expected))


def test_sqrt_has_an_infinite_slope_at_0() -> None:
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(slope(mg.sqrt, [0.0, 4.0]), [np.inf, 0.25])


def test_the_two_sides_of_a_tie_add_up_to_the_gradient() -> None:
    for op in (mg.maximum, mg.minimum):
        x, y = (mg.Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
        op(x, y).backward([3.0, 5.0])
        np.testing.assert_array_equal(x.grad.data, [1.5, 2.5])
        np.testing.assert_array_equal(y.grad.data, [1.5, 2.5])


def test_a_scalar_may_be_used_any_number_of_times() -> None:
    x = mg.Tensor(2.0, requires_grad=True)
    (x * x * x * x).backward()
    assert type(x.grad.data) is np.ndarray
    assert x.grad.item() == 32.0


DOT_SHAPES = [
    *[((), ()), ((), (2,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2))],
    *[((2, 3), (3, 2)), ((2, 1, 3), (3,)), ((3,), (2, 3, 1)), ((2, 3), (2, 3, 1))],
    *[((2, 1, 3), (1, 3, 2)), ((1, 2, 1, 2), (2, 2)), ((2, 2), (2, 1, 2, 2))],
    *[((1, 2, 2), (2, 1, 2, 2)), ((2, 0), (1, 0, 2)), ((2, 1, 2, 1), (1, 2, 1, 2))],
]


@pytest.mark.parametrize(("left", "right"), DOT_SHAPES)
def test_dot_is_numpys_in_every_number_of_dimensions(left: tuple, right: tuple) -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=left), random.normal(size=right)
    x, y = mg.Tensor(a, requires_grad=True), mg.Tensor(b, requires_grad=True)
    for out in (mg.dot(x, y), x.dot(y), np.dot(a, y), np.dot(x, b)):
        np.testing.assert_allclose(out.data, np.dot(a, b), rtol=1e-13)
        assert out.shape == np.dot(a, b).shape
        assert out.requires_grad
    assert mg.gradcheck(mg.dot, [x, y])
    assert mg.gradgradcheck(mg.dot, [x, y])


@pytest.mark.parametrize(
    "cuts",
    [1, 2, 4, [1], [1, 3], [0, 2, 2], [3, 1], [-1], [2, 9], (1, 2), np.array([1, 2])],
    ids=str,
)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_split_cuts_as_numpy_does(cuts: Any, axis: int) -> None:
    a = np.arange(16.0).reshape(4, 4)
    t = mg.Tensor(a, requires_grad=True)
    for parts in (mg.split(t, cuts, axis), t.split(cuts, axis=axis), np.split(t, cuts, axis)):
        for part, expected in zip(parts, np.split(a, cuts, axis), strict=True):
            np.testing.assert_array_equal(part.data, expected)
    assert mg.gradcheck(lambda t: mg.split(t, cuts, axis), t)


def test_uneven_sections_are_refused_with_the_cure() -> None:
    with pytest.raises(ValueError, match=r"split: x = \(5,\).*sections=2.*Cure: .*indices"):
        mg.split(mg.Tensor(np.ones(5)), 2)


def test_tensors_are_indices_too() -> None:
    t = mg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    rows, mask = mg.Tensor([1, 1, 0]), t > 2
    np.testing.assert_array_equal(t[rows].data, [[3, 4], [3, 4], [1, 2]])
    np.testing.assert_array_equal(t[rows, mg.Tensor(0)].data, [3, 3, 1])
    np.testing.assert_array_equal(t[[1, 0], ...].data, [[3, 4], [1, 2]])
    assert t[[]].shape == (0, 2)
    (t[rows].sum() + t[mask].sum()).backward()
    np.testing.assert_array_equal(t.grad.data, [[1, 1], [3, 3]])


def test_items_can_be_set_and_the_write_is_recorded() -> None:
    x = mg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = mg.Tensor([10.0, 20.0], requires_grad=True)
    y = x * 2
    y[mg.Tensor([0, 2])] = v
    np.testing.assert_array_equal(y.data, [10, 4, 20])
    np.testing.assert_array_equal(x.data, [1, 2, 3])
    (y * [1.0, 2.0, 3.0]).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [0, 4, 0])
    np.testing.assert_array_equal(v.grad.data, [1, 3])


def test_of_several_values_written_to_one_place_the_last_gets_the_gradient() -> None:
    v = mg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = mg.Tensor(np.zeros(2))
    y[np.array([1, 1, 0])] = v
    np.testing.assert_array_equal(y.data, [3, 2])
    y.backward([5.0, 7.0])
    np.testing.assert_array_equal(v.grad.data, [0, 7, 5])


HUGE = np.array([[1e308, -1e300, 0.0], [-np.inf, 1e4, 1e4], [-1e5, -1e5, -np.inf]])


def test_softmax_and_its_relatives_neither_overflow_nor_give_nan() -> None:
    rows = [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.5, 0.0]]
    np.testing.assert_array_equal(mg.softmax(mg.Tensor(HUGE)).data, rows)
    level = [1e308, 1e4 + np.log(2), -1e5 + np.log(2)]
    np.testing.assert_allclose(mg.logsumexp(mg.Tensor(HUGE), axis=1).data, level)
    np.testing.assert_array_equal(mg.logsumexp(mg.Tensor([1e308] * 3)).data, 1e308)
    assert mg.logsumexp(mg.Tensor([-np.inf, -np.inf])).item() == -np.inf
    logs = [[0.0, -np.inf], [np.log(0.5), np.log(0.5)]]
    np.testing.assert_allclose(mg.log_softmax(mg.Tensor([[2e4, -np.inf], [9e9, 9e9]])).data, logs)
    np.testing.assert_allclose(slope(lambda x: x.logsumexp(axis=1), HUGE), rows, rtol=1e-11)
    np.testing.assert_array_equal(slope(lambda x: x.logsumexp(), [-np.inf, -np.inf]), [0, 0])
    first = slope(lambda x: x.softmax()[:, 1], HUGE)
    np.testing.assert_array_equal(first, [[0, 0, 0], [0, 0.25, -0.25], [-0.25, 0.25, 0]])
    loss = mg.cross_entropy(mg.Tensor([[1e4, 0.0], [-1e4, 1e4]]), [1, 1], reduction="none")
    np.testing.assert_array_equal(loss.data, [1e4, 0])
    ends = mg.sigmoid(mg.Tensor([-1e4, 1e4, -np.inf, np.inf])).data
    np.testing.assert_allclose(ends, [0, 1, 0, 1], atol=1e-300)
    assert mg.logaddexp(1e4, 1e4).item() == 1e4 + np.log(2)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([0, 3], r"class numbers must lie in 0\.\.2, the target's reach from 0 to 3"),
        ([-1, 0], "from -1 to 0"),
        ([0, 1, 2], r"target has shape \(3,\), logits of shape \(2, 3\)"),
        ([0.5, 0.5], r"distributions \(floats\) of shape \(2, 3\)"),
        ([[0, 0, 1], [1, 0, 0]], r"class numbers \(integers\) of shape \(2,\)"),
    ],
)
def test_a_bad_target_is_explained(target: list, message: str) -> None:
    with pytest.raises(ValueError, match=rf"cross_entropy: .*{message}"):
        public("cross_entropy")(mg.Tensor(np.ones((2, 3)), requires_grad=True), target)


def test_a_subclass_of_tensor_is_an_operand() -> None:
    class Parameter(mg.Tensor):
        """As a user may define one."""

    p, x = Parameter([2.0, 3.0], requires_grad=True), mg.Tensor([5.0, 7.0], requires_grad=True)
    (p * x + x * p + p.exp() * 0).sum().backward()
    np.testing.assert_array_equal(p.grad.data, [10, 14])
    np.testing.assert_array_equal(x.grad.data, [4, 6])
