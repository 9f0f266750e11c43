"""Formulas say what the rules compute, derivations what the engine computed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from examples import bp_equations as equations
from examples.bp_equations import ThreeLayer, half_squared_error, sample_pair
from microgradnd import OPS
from microgradnd.engine import as_gradient
from microgradnd.graph import Graph, Node, fitted, node_of
from microgradnd.nn import functional
from microgradnd.program import Expression, NotSymbolic, evaluate, names_of, simplified
from microgradnd.program.expressions import needed
from tests.op_case import OpCase, Sample
from tests.op_cases import CASES
from viz import explain, formula
from viz.formulas.elements import element_of
from viz.formulas.formulas import Formula, contribution, of_contribution
from viz.formulas.mathematics import latex, mathml, text
from viz.reports.derivation import Derivation

# Of these families every rule leaves an expression; elsewhere one may look at the arrays
# themselves, or run a whole walk, and is quoted.
FAMILIES = ("elementwise", "reduction", "shape", "indexing", "linalg", "einsum", "softmax",
            "activations", "convolution")  # fmt: skip
FORMS = ("text", "latex", "mathml")


def recorded(case: OpCase, sample: Sample) -> tuple[Node, list[np.ndarray], np.ndarray]:
    """The node of a sample, its operands' values and its result."""
    out = case.call(*sample.tensors(), **sample.options)
    node, values = node_of(out), Graph(out).replay()
    return node, [operand.value_in(values) for operand in node.operands], out.data


def by_the_rule(node: Node, i: int, operands: list, out: np.ndarray, g: np.ndarray) -> np.ndarray:
    """What the operation's rule gives for operand i on arrays, fitted as the engine does."""
    op = node.op
    key = op.operands[0 if op.variadic else i]
    places = needed(op, i, operands, out, node.options)
    with np.errstate(all="ignore"):
        found = op.rules[key](np.asarray(g), *(places[need] for need in op.needs[key]))
    found = as_gradient(found[i] if op.variadic else found, False)
    return fitted(found, node, i)


def moved(x: Any, random: np.random.Generator) -> Any:
    """Other numbers that are as near zero, as large and as equal as they were."""
    array = np.asarray(x)
    if array.dtype.kind != "f":
        return x
    return array * (1 + 1e-3 * random.uniform(-1, 1))


def differentiated(case: OpCase) -> Iterator[tuple[Node, int, list, np.ndarray, np.ndarray]]:
    random = np.random.default_rng(5)
    for sample in case.samples:
        node, operands, out = recorded(case, sample)
        g = random.uniform(-1, 1, out.shape).astype(out.dtype)
        for i, operand in enumerate(node.operands):
            if operand.node is not None:
                yield node, i, operands, out, g


def may_be_quoted(op: str) -> bool:
    homes = {rule.__module__.rpartition(".")[2] for rule in OPS[op].rules.values()}
    return not homes & set(FAMILIES)


def symbols(operands: list) -> list[Expression]:
    return [None if x is None else Expression.named(f"x{i}", x) for i, x in enumerate(operands)]


@pytest.mark.parametrize("case", [pytest.param(c, id=c.op) for c in CASES if OPS[c.op].rules])
def test_the_expression_of_a_rule_is_what_the_rule_computes(case: OpCase) -> None:
    random = np.random.default_rng(7)
    for node, i, operands, out, g in differentiated(case):
        named = symbols(operands), Expression.named("out", out), Expression.named("g", g)
        try:
            found = contribution(node, i, *named)
        except NotSymbolic:
            assert may_be_quoted(case.op)
            continue
        assert names_of(found).keys() <= {"g", "out", *(f"x{k}" for k in range(len(operands)))}
        # at the node's own numbers, and at others, which a number frozen in would not follow
        for values in ((operands, out, g), ([moved(x, random) for x in operands], out, 3 * g)):
            env = {f"x{k}": x for k, x in enumerate(values[0])} | {"out": values[1], "g": values[2]}
            expected = by_the_rule(node, i, *values)
            for expression in (found, simplified(found)):
                given = evaluate(expression, env)
                assert np.shape(given) == node.operands[i].shape
                np.testing.assert_allclose(given, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("case", [pytest.param(c, id=c.op) for c in CASES if OPS[c.op].rules])
def test_every_formula_can_be_written(case: OpCase) -> None:
    for node, i, operands, out, g in differentiated(case):
        gradient = Expression.named("g", g, ("L", "y"))
        found = of_contribution(node, i, symbols(operands), Expression.named("y", out), gradient)
        if found.expression is None:
            assert may_be_quoted(case.op)
            assert found.stated == node.op.rules[node.op.operands[i]].__name__
        written = {form: found.written(form) for form in FORMS}
        assert all(written.values())
        ET.fromstring(f"<math>{written['mathml']}</math>")
        assert written["latex"].count("{") - written["latex"].count("}") == 0
        assert re.fullmatch(r"[^$\n]*", written["latex"])


# What plain text means, in Python's words.
SPOKEN = {
    "σ(": "sigmoid(", "ln1p(": "np.log1p(", "ln(": "np.log(", "ln 2": "np.log(2)",
    "ln 10": "np.log(10)", "²": "**2", "³": "**3", "·": "*", "−": "-", "½": "0.5", "⅓": "(1/3)",
    "¼": "0.25", "√(2/π)": "np.sqrt(2/np.pi)", "1/√(2π)": "1/np.sqrt(2*np.pi)",
    "1/√2": "1/np.sqrt(2)", "2/√π": "2/np.sqrt(np.pi)", "√": "np.sqrt", "^": "**", "∧": "and",
    "∨": "or", "≥": ">=", "≤": "<=", "≠": "!=", " = ": " == ", "erf(": "erf(",
}  # fmt: skip
PYTHON = {
    **{f: getattr(np, f) for f in ("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign")},
    "np": np, "min": np.minimum, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "isfinite": np.isfinite,
    "logaddexp": np.logaddexp, "max": np.maximum, "mean": np.mean, "softmax": lambda x: x * 0 + 1,
}  # fmt: skip


def read_back(written: str) -> str:
    """A formula in plain text as a Python expression."""
    for said, meant in SPOKEN.items():
        written = written.replace(said, meant)
    written = re.sub(r"\[([^][]*)\]", r"float(\1)", written)  # 1 where it holds
    return re.sub(r"([^;(]+) if ([^;]+); else", r"\1 if \2 else", written)


READABLE = [
    "add", "subtract", "multiply", "divide", "arctan2", "logaddexp", "negative", "abs", "square",
    "sqrt", "reciprocal", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos",
    "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh",
    "sigmoid", "relu", "leaky_relu", "power", "hypot", "silu", "softplus", "gaussian",
]  # fmt: skip


@pytest.mark.parametrize("name", READABLE)
def test_a_written_formula_read_by_python_has_the_value_of_the_rule(name: str) -> None:
    """Signs, powers and parentheses say what the expression says."""
    case = next(c for c in CASES if c.op == name)
    scalar = next(s for s in case.samples if all(o.shape == () for o in s.operands))
    node, operands, out = recorded(case, scalar)
    for i in range(len(operands)):
        named = (
            symbols(operands),
            Expression.named("out", out),
            Expression.named("g", np.array(0.75)),
        )
        python = read_back(text(simplified(contribution(node, i, *named))))
        values = {f"x{k}": float(x) for k, x in enumerate(operands)} | {
            "out": float(out),
            "g": 0.75,
        }
        found = eval(python, {**PYTHON, **values})
        np.testing.assert_allclose(found, by_the_rule(node, i, operands, out, np.array(0.75)))


TEXTS = [
    (formula("add", "x", out="z"), "∂L/∂x = ∂L/∂z"),
    (formula("subtract", "y", out="z"), "∂L/∂y = −∂L/∂z"),
    (formula("multiply", "x", out="z"), "∂L/∂x = ∂L/∂z ⊙ y"),
    (formula("divide", "y", out="z"), "∂L/∂y = −∂L/∂z ⊙ z / y"),
    (formula("matmul", "x", ["X", "W"], out="Z"), "∂L/∂X = ∂L/∂Z Wᵀ"),
    (formula("matmul", "y", ["X", "W"], out="Z"), "∂L/∂W = Xᵀ ∂L/∂Z"),
    (formula("sigmoid", "x", out="o"), "∂L/∂x = ∂L/∂o ⊙ o ⊙ (1 − o)"),
    (formula("relu", "x", out="h"), "∂L/∂x = ∂L/∂h ⊙ [h > 0]"),
    (formula("softmax", "x", out="p"), "∂L/∂x = p ⊙ (∂L/∂p − Σ_{axis -1} (∂L/∂p ⊙ p))"),
    (formula("sum", "x", out="s"), "∂L/∂x = ∂L/∂s·𝟏_{2×3}"),
    (formula("mean", "x", out="m"), "∂L/∂x = ∂L/∂m·𝟏_{2×3} / 6"),
    (formula("matmul", "x", ["A", "b"], shapes=[(2, 3), (3,)], out="z"), "∂L/∂A = ∂L/∂z bᵀ"),
    (formula("matmul", "y", ["A", "b"], shapes=[(2, 3), (3,)], out="z"), "∂L/∂b = Aᵀ ∂L/∂z"),
    (formula("power", "x", values={"y": 2}, out="z"), "∂L/∂x = 2·∂L/∂z ⊙ x"),
    (formula("concatenate", 1, out="z"), "∂L/∂x₂ = ∂L/∂z[2:4]"),
    (formula("getitem", "x", index=(slice(1, None), 0)), "∂L/∂x = put_{[1:, 0] of 2×3}(∂L/∂out)"),
    (formula("transpose", out="z"), "z = xᵀ"),
    (formula("matmul", out="Z"), "Z = x y"),
    (formula("softmax", out="p"), "p = softmax(x)"),
]  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), TEXTS, ids=[t for _, t in TEXTS])
def test_formulas_read_as_in_a_textbook(found: Formula, expected: str) -> None:
    assert str(found) == expected


CONVOLUTION = {"shapes": [(2, 1, 5, 5), (3, 1, 3, 3)], "out": "y"}
STRIDED: dict[str, Any] = {**CONVOLUTION, "stride": (2, 2), "padding": ((1, 1), (1, 1))}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (formula("conv2d", **CONVOLUTION), "y = x ⋆ w"),
        (formula("conv2d", "x", **CONVOLUTION), "∂L/∂x = ∂L/∂y ∗_{full} w"),
        (formula("conv2d", "w", **CONVOLUTION), "∂L/∂w = Σ_{n} x_{n} ⋆ ∂L/∂y_{n}"),
        (formula("conv2d", **STRIDED), "y = x ⋆_{stride 2, padding 1} w"),
        (
            formula("conv2d", "x", **STRIDED),
            "∂L/∂x = ∂L/∂y ∗_{full, stride 2, padding 1} w",
        ),
        (
            formula("conv2d", "w", **STRIDED),
            "∂L/∂w = Σ_{n} x_{n} ⋆_{dilation 2, padding 1} ∂L/∂y_{n}",
        ),
    ],
)
def test_convolutions_are_written_with_the_signs_of_the_field(
    found: Formula, expected: str
) -> None:
    assert str(found) == expected
    assert r"\star" in found.latex() or r"\ast" in found.latex()
    ET.fromstring(found.mathml())


def test_a_derivation_explains_the_signs_of_convolutions_that_it_uses() -> None:
    x = mg.Tensor(np.ones((1, 1, 3, 3)))
    w = mg.Tensor(np.ones((1, 1, 2, 2)), requires_grad=True, name="w")
    loss = functional.conv2d(x, w).sum()
    assert "cross-correlation of images" in explain(loss, "text")
    assert "full convolution" not in explain(loss, "text")
    assert "Signs" not in explain((w * 2.0).sum(), "text")


def test_factors_side_by_side_have_a_sign_between_them() -> None:
    found = formula("multiply", "x", values={"y": 0.001341})
    assert "<mo>·</mo><mn>0.001341</mn>" in found.mathml()
    assert r"\cdot 0.001341" in found.latex()


def test_spaces_at_the_ends_of_words_are_kept_in_mathml() -> None:
    written = formula("getitem", "x", index=(slice(1, None), 0)).mathml()
    assert "of\u00a0</mtext>" in written


def test_the_three_forms_of_one_formula() -> None:
    found = formula("sigmoid", "x", out="o")
    assert found.latex(equation=True) == (
        r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial o}\odot o\odot "
        r"\left(1 - o\right)"
    )
    assert "<mfrac><mrow><mo>∂</mo><mi>L</mi></mrow>" in found.mathml()
    assert found.text() == "∂L/∂o ⊙ o ⊙ (1 − o)"


def test_a_rule_that_goes_by_its_values_says_so() -> None:
    whole = formula("prod", "x", out="p")
    assert str(whole) == "∂L/∂x = ∂L/∂p·p / x"
    assert whole.conditions() == ["all(x ≠ 0)"]
    zero = formula("prod", "x", values={"x": np.array([0.0, 2.0, 3.0])}, out="p")
    assert zero.conditions() == ["¬(all(x ≠ 0))"]
    assert "where" not in str(whole)


def test_a_rule_that_leaves_no_expression_is_quoted() -> None:
    def forward(x: np.ndarray) -> np.ndarray:
        """x sorted."""
        return np.array(sorted(x.tolist()))

    def slope(g: Any, x: Any) -> Any:
        return g[np.argsort(np.argsort([float(v) for v in x]))]

    op = mg.op(forward, "x", name="sorted_by_python", x=slope)
    found = formula(op, "x", shapes=[(3,)])
    assert (found.expression, found.stated) == (None, "slope")
    assert str(found) == "∂L/∂x = slope"
    with pytest.raises(NotSymbolic, match="slope was not run on symbols"):
        found.evaluate({})
    x = mg.Tensor([2.0, 1.0], requires_grad=True, name="x")
    assert "by the rule slope" in explain((op(x) * [1.0, 2.0]).sum(), "text")


def test_unknown_operands_are_refused() -> None:
    with pytest.raises(ValueError, match="no operand 'w': one of x, y"):
        formula("multiply", "w")
    with pytest.raises(ValueError, match="no derivative by condition"):
        formula("where", "condition")
    with pytest.raises(ValueError, match="2 operands, 1 names"):
        formula("multiply", "x", ["a"])


def test_simplifying_keeps_shape_and_value() -> None:
    x = Expression.named("x", np.array([[1.0, 2.0]]))
    s = Expression.named("s", np.array(3.0))
    cases = {
        "x": 1.0 * x + 0, "−x": -(x * 1), "2·x": x + x, "x + s": x - (-s), "3·x": x * 6 / 2,
        "x / s": x / s, "s·x": np.broadcast_to(s.reshape((1, 1)), (1, 2)) * x,
        "½·x²": 0.5 * (x * x), "x − s": x + (-s), "2·x + s": x + s + x, "−x + s": -x + s,
    }  # fmt: skip
    for expected, expression in cases.items():
        short = simplified(expression)
        assert text(short) == expected
        np.testing.assert_allclose(short.value, expression.value)


def bp_network(hidden: int = 3, outputs: int = 1) -> tuple[ThreeLayer, Any, Any, mg.Tensor]:
    network = ThreeLayer(2, hidden, outputs, seed=3)
    x, d = sample_pair(2, outputs, 1, 3)
    return network, x, d, half_squared_error(d, network(x))


@pytest.mark.parametrize(("hidden", "outputs"), [(3, 1), (4, 3)])
def test_the_chapters_network_arrives_at_its_deltas(hidden: int, outputs: int) -> None:
    network, x, d, E = bp_network(hidden, outputs)
    found = Derivation(E)
    hand = equations.hand_gradients(network, x.data, d.data)
    values = {k: v for k, v in found.environment().items() if not k.startswith("∂")}
    for name, delta in (("net¹", "δᵒ"), ("net⁰", "δʸ")):  # δ = −∂E/∂net, eq. 5-11
        np.testing.assert_allclose(-evaluate(found.gradient(name), values), hand[delta], rtol=1e-12)
    for name in network.parameters:
        np.testing.assert_allclose(evaluate(found.gradient(name), values), hand[name], rtol=1e-12)
    assert text(found.gradient("net¹")) == "−(d − o) ⊙ o ⊙ (1 − o)"  # eq. 5-16
    forms = {n: [text(f) for f in s.forms] for n, s in found.sums.items()}
    hidden_forms = next(f for n, f in forms.items() if n.name == "net⁰")
    assert "(wᵀ ∂E/∂net¹) ⊙ h ⊙ (1 − h)" in hidden_forms  # eq. 5-17
    assert hidden_forms[-1] == "−(wᵀ ((d − o) ⊙ o ⊙ (1 − o))) ⊙ h ⊙ (1 − h)"


def test_the_written_derivation_holds_the_chapters_equations() -> None:
    E = bp_network()[-1]
    plain, markdown, page = (explain(E, form) for form in ("text", "markdown", "html"))
    for line in ("h = σ(z₂)", "∂E/∂net¹ = ∂E/∂o ⊙ o ⊙ (1 − o)", "= −(d − o) ⊙ o ⊙ (1 − o)"):
        assert line in plain
    assert r"-\left(d - o\right)\odot o\odot \left(1 - o\right)" in markdown
    assert "<msup><mi>net</mi><mn>1</mn></msup>" in page
    ET.fromstring(page[page.index("<body>") : page.index("</html>")])


def recurrent() -> mg.Tensor:
    random = np.random.default_rng(0)
    W = mg.Tensor(random.normal(size=(3, 3)), requires_grad=True, name="W")
    b = mg.Tensor(random.normal(size=3), requires_grad=True, name="b")
    h = mg.Tensor(random.normal(size=(2, 3)), name="h₀")
    for t in range(1, 4):
        h = (h @ W + b).tanh().named("h" + "₀₁₂₃"[t])
    return mg.cross_entropy(h, [0, 2]).mean().named("C")


def shapes_and_choices() -> mg.Tensor:
    x = mg.Tensor(np.arange(6.0).reshape(2, 3) - 2.5, requires_grad=True, name="x")
    y = mg.Tensor([0.5, 1.0, 2.0], requires_grad=True)
    joined = mg.concatenate([x * y, mg.where(x > 0, x, y)], axis=0)
    return (joined.softmax()[1:, np.array([0, 0, 2])].std(axis=1) * joined.max()).sum()


@pytest.mark.parametrize("make", [lambda: bp_network()[-1], recurrent, shapes_and_choices])
def test_every_written_gradient_evaluates_to_the_engines(make: Any) -> None:
    found = Derivation(make())
    values = found.environment()
    for node, total in found.sums.items():
        assert total.forms
        for form in total.forms:
            np.testing.assert_allclose(
                evaluate(form, values), found.trace.gradients[node], rtol=1e-10, atol=1e-14
            )
    for node, step in found.forward:
        np.testing.assert_allclose(step.evaluate(values), found.trace.values[node], rtol=1e-12)


def test_where_gradients_meet_the_terms_are_counted() -> None:
    x = mg.Tensor(3.0, requires_grad=True, name="x")
    plain = explain((x * x + x.sin()).named("y"), "text")
    for note in ("(term 1 of 3)", "(term 2 of 3)", "(term 3 of 3)", "(the sum of the terms above)"):
        assert note in plain
    assert "∂y/∂x = cos(x) + 2·x" in plain or "∂y/∂x = 2·x + cos(x)" in plain


def test_numbers_stand_in_small_graphs_alone() -> None:
    x = mg.Tensor(np.full(3, 0.5), requires_grad=True, name="x")
    small, large = (x * 2.0).sum(), mg.Tensor(np.ones(99), requires_grad=True, name="x").exp().sum()
    assert "[0.5, 0.5, 0.5]" not in explain(small, "text", numbers=False)
    assert "= [1, 1, 1]" in explain(small, "text")
    assert "2.718" not in explain(large, "text")


HOSTILE = [
    "</script><img src=x onerror=alert(1)>", "$\\evil{x}$ | b", "[a](javascript:alert(1))",
    "one\ntwo", "`code`", "<b>&amp;", "a_b*c*", "x'\"y",
]  # fmt: skip


class Tags(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_whatever_they_hold(name: str) -> None:
    w = mg.Tensor([1.0, 2.0], requires_grad=True, name=name)
    loss = (w * mg.Tensor([3.0, 4.0], name=name)).named(name).sum().named(name)
    tags = Tags(explain(loss, "html"))
    assert not tags.tags & {"img", "script", "b", "a"}
    assert not {a for a in tags.attributes if a.startswith("on")}
    markdown = explain(loss)
    bare = re.sub(r"\\.", "", markdown)
    assert "<" not in bare
    assert "](" not in bare
    assert bare.count("$") % 2 == 0
    rows = [line for line in bare.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {5}
    assert explain(loss, "text").count("parameter") == 1
    for form in (latex, mathml):
        assert "<img" not in form(Expression.named(name, np.ones(2)))


def test_names_that_differ_in_nothing_get_symbols_that_do() -> None:
    a, b = (mg.Tensor(v, requires_grad=True, name="w") for v in (1.0, 2.0))
    found = Derivation(a * b)
    assert [str(item.symbol.name) for item in found.legend] == ["w", "w₁", "L"]


def test_what_cannot_be_explained_is_refused() -> None:
    x = mg.Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(501):
        y = y * 1.0
    with pytest.raises(ValueError, match="501 operations is too long to be read"):
        explain(y)
    with pytest.raises(ValueError, match=r"explain: format must be .* not 'pdf'"):
        explain(x * x, "pdf")
    with pytest.raises(mg.GraphError, match="needs a scalar"):
        explain(mg.Tensor([1.0, 2.0], requires_grad=True) * 2)


def test_one_element_is_explained_by_elements() -> None:
    network, _, _, E = bp_network(outputs=2)
    plain = explain(E, "text", of=network.v[0, 1])
    assert plain.startswith("The gradient of v[0, 1]")
    assert "∂E/∂v[0, 1] = ∂E/∂net⁰[0, 0]·x[1, 0]" in plain
    assert plain.count("∂E/∂v[0, 1]") == 1
    last = plain.strip().splitlines()[-1]
    value = float(mg.grad(E, network.v, retain_graph=True)[0].data[0, 1])
    assert float(last.partition("= ")[2].replace("−", "-")) == pytest.approx(value, rel=1e-3)
    assert "w[0, 0]" in plain  # the sum over both outputs, written out
    whole = explain(E, "text", of=network.v)
    assert "∂E/∂v = " in whole
    assert "∂E/∂w" not in whole
    with pytest.raises(ValueError, match="'b' is no part"):
        explain(E, of=mg.Tensor([1.0], requires_grad=True, name="b"))


@pytest.mark.parametrize("make", [lambda: bp_network(4, 3)[-1], recurrent, shapes_and_choices])
def test_the_elements_of_an_expression_are_those_of_its_value(make: Any) -> None:
    found = Derivation(make())
    values = found.environment()
    for node, total in found.sums.items():
        whole = found.trace.gradients[node]
        for index in np.ndindex(whole.shape):
            for form in total.forms:
                single = simplified(element_of(form, index))
                np.testing.assert_allclose(evaluate(single, values), whole[index], rtol=1e-9)


def test_a_graph_that_is_too_large_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    y = mg.Tensor(1.0, requires_grad=True)
    for _ in range(501):
        y = y * 1.0
    monkeypatch.setattr("viz.reports.explanation.Derivation", lambda *_: pytest.fail("begun"))
    with pytest.raises(ValueError, match="501 operations"):
        explain(y)


def test_naming_takes_time_in_proportion_to_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Derivation, "condense", lambda self: setattr(self, "condensed", {}))
    monkeypatch.setattr(Derivation, "shown", lambda self: [])
    y = mg.Tensor(1.0, requires_grad=True)
    for _ in range(400):
        y = y * 1.0
    found = Derivation(y)
    assert str(found.legend[-2].symbol.name) == "z₃₉₉"
    names = found.numbered["z"]
    assert next(names) == "z₄₀₀"  # no name was tried twice


def test_a_gradient_of_many_terms_is_left_as_their_sum() -> None:
    w = mg.Tensor(0.5, requires_grad=True, name="w")
    y: Any = w
    for _ in range(240):
        y = y * w
    plain = explain(y, "text")
    assert "(the sum of 241 terms, above)" in plain
    assert "(term 241 of 241)" in plain


def test_explaining_leaves_gradients_and_graph_alone() -> None:
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    assert explain(loss) == explain(loss)
    assert x.grad is None
    loss.backward()
    assert explain(loss)  # after the graph was freed, too
