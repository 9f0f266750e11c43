"""The program of a graph is plain NumPy, and computes what the engine computes."""

from __future__ import annotations

import ast
import sys
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from examples.bp_equations import ThreeLayer, half_squared_error, sample_pair
from microgradnd import OPS
from microgradnd.graph import Graph
from microgradnd.program import NotExpressible, Program, identifier
from tests.op_case import OpCase
from tests.op_cases import CASES
from viz import numpy_program, trace


def checked(
    loss: mg.Tensor, gradient: Any = None, rtol: float = 1e-12, atol: float = 1e-13
) -> Program:
    """The program of a graph, after its loss and gradients were compared with the engine's."""
    program = numpy_program(loss, gradient)
    value, gradients = program.run()
    assert gradients.keys() == program.gradients.keys()
    np.testing.assert_allclose(value, loss.data, rtol=rtol, atol=atol)
    assert loss.node is not None
    leaves = list(Graph(loss).leaves)
    assert list(program.gradients.values()) == leaves
    found = trace(loss, gradient, keep="arrays")
    for name, leaf in zip(gradients, leaves, strict=True):
        g = found.gradients[leaf]
        assert np.shape(gradients[name]) == g.shape
        assert np.asarray(gradients[name]).dtype == g.dtype
        np.testing.assert_allclose(gradients[name], g, rtol=rtol, atol=atol)
    return program


def imports(program: str) -> set[str]:
    """The modules that a program imports."""
    found = set()
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


@pytest.mark.parametrize("case", [pytest.param(c, id=c.op) for c in CASES if OPS[c.op].rules])
def test_every_op_has_a_program_that_computes_its_gradients(case: OpCase) -> None:
    for sample in case.samples:
        tensors = sample.tensors()  # a leaf gets its gradient while its tensor lives
        out = case.call(*tensors, **sample.options)
        g = np.random.default_rng(5).uniform(-1, 1, out.shape).astype(out.dtype)
        program = checked(out, g)
        assert {m.partition(".")[0] for m in imports(program)} <= sys.stdlib_module_names | {
            "numpy",
            "scipy",
        }


def perceptron(dtype: Any) -> tuple[mg.Tensor, list[mg.Tensor]]:
    random = np.random.default_rng(0)
    shapes = {"W₁": (4, 6), "b₁": (6,), "W₂": (6, 3), "b₂": (3,)}
    leaves = [
        mg.Tensor(random.normal(size=s).astype(dtype), requires_grad=True, name=n)
        for n, s in shapes.items()
    ]
    W1, b1, W2, b2 = leaves
    x = mg.Tensor(random.normal(size=(5, 4)).astype(dtype), name="x")
    h = (x @ W1 + b1).relu().named("h")
    z = (h @ W2 + b2).named("z")
    penalty = 0.01 * (W1.square().sum() + W2.square().sum())
    return (mg.cross_entropy(z, [0, 1, 2, 1, 0]).mean() + penalty).named("C"), leaves


def test_the_chapters_network_as_a_program() -> None:
    network = ThreeLayer(2, 3, 1, seed=1)
    x, d = sample_pair(2, 1, 4, 1)
    program = checked(half_squared_error(d, network(x)))
    assert imports(program) == {"numpy"}
    for line in (
        "def forward_backward(v, b0, θ0, w, b1, θ1, x, d):",
        "net0 = matmul1 + b0  # (3, 4)",
        "# ∂E/∂h = wᵀ ∂E/∂matmul2",
        "d_h = w.swapaxes(-1, -2) @ d_matmul2",
        "d_b1 = d_net1.sum(axis=(1,), keepdims=True)",
    ):
        assert f"{line}\n" in program


def test_a_program_takes_other_numbers_than_those_of_its_graph() -> None:
    (loss, leaves), random = perceptron(np.float64), np.random.default_rng(9)
    program = checked(loss)
    for leaf in leaves:
        leaf.data = random.normal(size=leaf.shape)
    value, gradients = program.run(W1=leaves[0].data, b1=leaves[1].data, W2=leaves[2].data,
                                   b2=leaves[3].data)  # fmt: skip
    W1, b1, W2, b2 = leaves
    h = (program.arguments["x"] @ W1 + b1).relu()
    again = mg.cross_entropy(h @ W2 + b2, [0, 1, 2, 1, 0]).mean()
    again = again + 0.01 * (W1.square().sum() + W2.square().sum())
    again.backward()
    np.testing.assert_allclose(value, again.data, rtol=1e-12)
    for name, leaf in zip(gradients, leaves):
        assert leaf.grad is not None
        np.testing.assert_allclose(gradients[name], leaf.grad.data, rtol=1e-12, atol=1e-14)


def test_float32_stays_float32() -> None:
    loss, leaves = perceptron(np.float32)
    program = checked(loss)
    value, gradients = program.run()
    assert value.dtype == np.float32
    assert [g.dtype for g in gradients.values()] == [np.float32] * len(leaves)


def mixture() -> tuple[mg.Tensor, list[mg.Tensor]]:
    """Indexing, reductions, choices, joining, products of stacks, softmax, einsum."""
    random = np.random.default_rng(2)
    x = mg.Tensor(random.normal(size=(3, 4)), requires_grad=True, name="x")
    y = mg.Tensor(random.uniform(0.5, 2, size=(4,)), requires_grad=True, name="y")
    s = mg.Tensor(1.5, requires_grad=True, name="s")
    joined = mg.concatenate([x * y, mg.where(x > 0, x, y)], axis=0)
    rows = joined.softmax(axis=0)[np.array([0, 0, 5]), 1:]
    stack = mg.stack([x, x**2, x.clip(-1, 1)]) @ y
    spread = joined.std(axis=1) + joined.var(axis=1, ddof=1) + joined.prod(axis=1)
    other = mg.einsum("ij,kj->ik", x, x).logsumexp(axis=1).mean() + (x.T.reshape(2, 6)[1] * s).max()
    return rows.sum() + (stack / s).sum() + spread.mean() * s + other, [x, y, s]


def test_many_kinds_of_operations_in_one_program() -> None:
    loss, leaves = mixture()
    assert len(checked(loss).gradients) == len(leaves)


def test_a_recurrent_net_accumulates_its_weight() -> None:
    W = mg.Tensor(np.random.default_rng(3).normal(size=(3, 3)), requires_grad=True, name="W")
    h = mg.Tensor(np.ones((2, 3)), name="h₀")
    for _ in range(4):
        h = (h @ W).tanh()
    program = checked(h.square().sum())
    assert program.count("d_W += ") == 4
    assert program.count("d_W = np.zeros_like(W)\n") == 1


def test_what_is_accumulated_is_nobody_elses_memory() -> None:
    x = mg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    y = mg.Tensor([3.0, 4.0], requires_grad=True, name="y")
    z = x + y
    checked((z + x + x * y + z.sum()).sum())


def test_a_convolution_comes_along_with_what_it_needs() -> None:
    from microgradnd.nn import functional as F

    random = np.random.default_rng(4)
    x, w = (
        mg.Tensor(random.normal(size=s), requires_grad=True, name=n)
        for n, s in (("x", (2, 1, 5, 5)), ("w", (3, 1, 3, 3)))
    )
    program = checked(F.conv2d(x, w, padding=1).relu().mean())
    assert "microgradnd" not in program


def test_constants_are_arguments_or_literals() -> None:
    x = mg.Tensor(np.ones(9), requires_grad=True)
    large, small = np.linspace(0, 1, 9), np.array(0.25)
    program = checked((x * large * small * 2.0 + mg.Tensor(np.arange(9.0), name="bias")).sum())
    assert list(program.arguments) == ["w", "constant", "bias"]
    assert "np.array(0.25, np.float64)" in program
    assert "* 2.0" in program


HOSTILE = [
    "import os\nos.abort()", "lambda", "np", "d_x", "2 + 2", "", "ñ θ", "print", "__class__",
    "forward_backward", "#", '"""', "gradients",
]  # fmt: skip


def test_names_are_made_valid_and_unique() -> None:
    terms = [mg.Tensor(float(i), requires_grad=True, name=n) for i, n in enumerate(HOSTILE * 2, 1)]
    total: Any = 0.0
    for t in terms:
        total = (total + t * t).named(str(t.name))
    program = checked(total)
    assert len(program.gradients) == len(terms)
    assert all(name.isidentifier() for name in program.arguments)
    assert imports(program) == {"numpy"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("net¹", "net1"), ("conv1.weight", "conv1_weight"), ("h'", "h_prime"), ("None", "None_")],
)
def test_identifiers_stay_recognisable(name: str, expected: str) -> None:
    assert identifier(name) == expected


def test_a_gradient_to_start_from_is_part_of_the_program() -> None:
    x = mg.Tensor(np.ones((4, 5)), requires_grad=True, name="x")
    program = checked(x.exp(), np.arange(20.0).reshape(4, 5))
    assert "gradient" in program.arguments
    assert "d_loss = gradient\n" in program


def test_an_operation_without_source_is_written_as_what_it_computes() -> None:
    scope: dict[str, Any] = {"np": np, "op": mg.op}
    exec(
        "made = op(lambda x: np.cbrt(x), 'x', name='hidden', x=lambda g, out: g / (3 * out**2))",
        scope,
    )
    x = mg.Tensor([1.0, 8.0], requires_grad=True)
    assert "hidden1 = np.cbrt(w)" in checked(scope["made"](x).sum())


def test_an_operation_without_source_or_expression_is_refused_by_name() -> None:
    scope: dict[str, Any] = {"np": np, "op": mg.op}
    exec("made = op(lambda x: np.array(x.tolist()), 'x', name='listed', x=lambda g: g)", scope)
    x = mg.Tensor([1.0], requires_grad=True)
    with pytest.raises(NotExpressible, match="listed"):
        numpy_program(scope["made"](x).sum())


def test_a_program_of_a_freed_graph() -> None:
    loss, leaves = perceptron(np.float64)
    loss.backward()
    _, gradients = numpy_program(loss).run()
    for g, leaf in zip(gradients.values(), leaves):
        assert leaf.grad is not None
        np.testing.assert_allclose(g, leaf.grad.data, rtol=1e-12)
