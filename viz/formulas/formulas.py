"""The formula of an operation, and of each of its derivatives: the rule itself, run on symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microgradnd import OPS, Op
from microgradnd.graph import (
    FLAG,
    STRING,
    Node,
    checked,
    either,
    fitted,
    instance,
    one_of,
    optional,
    several,
    whole,
)
from microgradnd.program import (
    REQUIRED,
    Expression,
    NotSymbolic,
    applied,
    assumptions,
    evaluate,
    names_of,
    ruled,
    simplified,
    source_of_rule,
)
from viz.formulas import mathematics
from viz.formulas.notation import FORMS, LOWERED
from viz.style.kinds import OPERATION, SHAPE


@dataclass(frozen=True)
class Formula:
    """An equation: what is computed, and the expression that says how.

    Attributes:
        left: what stands before the equals sign.
        expression: what was recorded, None if the rule could not be run on symbols.
        stated: then the rule as its source states it, or its name.
        given: what the rule asked of the values, and was told: the formula holds where this does.
    """

    left: Expression
    expression: Any
    stated: str | None = None
    given: tuple[tuple[Expression, bool], ...] = ()

    @checked(form=one_of(*FORMS), equation=FLAG)
    def written(self, form: str, equation: bool = True) -> str:
        """In the form "text", "latex" or "mathml"; `equation` puts the left side before it."""
        writer = mathematics.Writer(form)
        note = FORMS[form].note
        right = note(str(self.stated)) if self.expression is None else writer(self.expression)
        return f"{writer(self.left)}{FORMS[form].sign('=')}{right}" if equation else right

    @checked(equation=FLAG)
    def text(self, equation: bool = False) -> str:
        return self.written("text", equation)

    @checked(equation=FLAG)
    def latex(self, equation: bool = False) -> str:
        return self.written("latex", equation)

    @checked(equation=FLAG)
    def mathml(self, equation: bool = False) -> str:
        """A `<math>` element."""
        return mathematics.element(self.written("mathml", equation))

    @checked(form=one_of(*FORMS))
    def conditions(self, form: str = "text") -> list[str]:
        """What the values must satisfy for the formula to be this one."""
        writer, negation = mathematics.Writer(form), FORMS[form].sign("¬")
        held = [(writer.within(x, mathematics.LOGIC), truth) for x, truth in self.given]
        return list(dict.fromkeys(x if truth else f"{negation}({x})" for x, truth in held))

    @checked(values=instance(Mapping, "numbers or arrays by name"))
    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The right side computed from the values of its names."""
        if self.expression is None:
            raise NotSymbolic(f"{self.stated} was not run on symbols, it has no expression")
        if missing := sorted(names_of(self.expression) - values.keys()):
            raise ValueError(f"evaluate: values has none for {', '.join(missing)}")
        return evaluate(self.expression, values)

    def _repr_markdown_(self) -> str:
        given = [f"$ {words} $" for words in self.conditions("latex")]
        where = f"\n\nwhere {', '.join(given)}" if given else ""
        return f"$$ {self.latex(equation=True)} $${where}\n"

    def __str__(self) -> str:
        return self.text(equation=True)


def stated(op: Op, i: int) -> str:
    """The rule of operand i as its source has it."""
    return source_of_rule(op.rules[op.operands[0 if op.variadic else i]])


def _by_rule(left: Expression, op: Op, i: int, run: Callable[[], Any]) -> Formula:
    """What the rule of operand i gives when it is run; quoted if symbols are not enough for it."""
    asked: list[tuple[Expression, bool]] = []  # of symbols, while the rule is run
    token = assumptions.set(asked)
    try:
        expression = run()
    except NotSymbolic:
        return Formula(left, None, stated(op, i))
    finally:
        assumptions.reset(token)
    return Formula(left, simplified(expression), None, tuple(asked))


def of_contribution(
    node: Node, i: int, operands: Sequence[Any], out: Expression, g: Expression
) -> Formula:
    """What a node adds to the gradient of operand i: its rule, fitted to the operand's shape."""
    name = operands[i].name if isinstance(operands[i], Expression) else "?"
    of = (g.of[0] if g.of else "L", str(name))
    left = Expression.named(f"∂{of[0]}/∂{of[1]}", np.empty(node.operands[i].shape), of)
    return _by_rule(left, node.op, i, lambda: contribution(node, i, operands, out, g))


def contribution(
    node: Node, i: int, operands: Sequence[Any], out: Expression, g: Expression
) -> Any:
    """What a node adds to the gradient of operand i, fitted to it by the engine's own function."""
    result = ruled(node.op, i, operands, out, g, node.options)
    return fitted(result if isinstance(result, Expression) else np.asarray(result), node, i)


def _default_shapes(op: Op) -> Sequence[tuple[int, ...]]:
    """Shapes that an operation takes, if it takes matrices, or images and filters."""
    count = 2 if op.variadic else len(op.operands) - len(op.optional)
    if not op.contraction:
        return [(2, 3)] * count
    return ([(2, 1, 5, 5), (3, 1, 3, 3), (3,)] if op.keeps_channels else [(2, 3), (3, 4)])[:count]


def _samples(op: Op, shapes: Sequence[tuple[int, ...]] | None, values: Mapping) -> list[Any]:
    """Arrays to stand for the operands while a rule is run; a constant operand is of integers."""
    usual = _default_shapes(op)
    shapes = usual if shapes is None else shapes
    if not op.variadic and not len(usual) <= len(shapes) <= len(op.operands):
        raise ValueError(
            f"formula(shapes): {op.name} takes {len(usual)} operands, not {len(shapes)}"
        )
    random = np.random.default_rng(0)
    arrays: list[Any] = [random.uniform(0.2, 0.8, shape) for shape in shapes]
    for i, key in enumerate(op.operands[: len(arrays)]):
        if key in values:
            arrays[i] = values[key]
        elif key not in op.rules:
            chosen = op.truths == key
            arrays[i] = np.ones((2, 3), bool) if chosen else np.zeros(np.shape(arrays[0])[:1], int)
    return arrays


@checked(
    op=OPERATION,
    operand=optional(either(STRING, whole())),
    operands=optional(several(STRING, "names")),
    out=STRING,
    loss=STRING,
    shapes=optional(several(SHAPE, "shapes")),
    values=optional(instance(Mapping, "values by name")),
)
def formula(
    op: str | Op | Any,
    operand: str | int | None = None,
    operands: Sequence[str] | None = None,
    *,
    out: str = "out",
    loss: str = "L",
    shapes: Sequence[tuple[int, ...]] | None = None,
    values: Mapping[str, Any] | None = None,
    **options: Any,
) -> Formula:
    """The formula of an operation's result, or of the derivative by one of its operands.

    A rule that goes by shapes or values is run for those given; what it asked of them stands in
    `given`. One that cannot be run on symbols is quoted from its source instead, in `stated`.

    Args:
        op: an operation, its function or its name in the table.
        operand: by which is differentiated, by name or number; None for the result itself.
        operands: what to call the operands; by default as the table does.
        out, loss: what to call the result, and what is differentiated.
        shapes: of the operands; by default matrices of 2 × 3.
        values: of operands by their name in the table, where the formula depends on them; a
            Python number is written as such.
        options: of the operation.

    Raises:
        KeyError: there is no such operation.
        ValueError: there is no such operand, or no derivative by it.

    >>> print(formula("tanh", "x", out="y"))
    ∂L/∂x = ∂L/∂y − ∂L/∂y ⊙ y²
    >>> formula("matmul", "y", ["X", "W"], out="Z").latex()
    '{X}^{\\\\top}\\\\,\\\\frac{\\\\partial L}{\\\\partial Z}'
    >>> print(formula("power", "x", values={"y": 3}, out="y"))
    ∂L/∂x = 3·∂L/∂y ⊙ x²
    >>> print(formula("sigmoid", out="y"))
    y = σ(x)
    """
    row = op if isinstance(op, Op) else OPS[op] if isinstance(op, str) else op.op
    arrays = _samples(row, shapes, values or {})
    names = _operand_names(row, operands, len(arrays))
    symbols: list[Any] = [
        x if isinstance(x, (bool, int, float)) else Expression.named(name, x)
        for name, x in zip(names, arrays)
    ]
    if not row.variadic:  # optional operands are not given
        symbols += [None] * (len(row.operands) - len(symbols))
    given = _complete(row, options)
    result = applied(row, symbols, given)
    left = Expression.named(out, result.value)
    if operand is None:
        return Formula(left, simplified(result))
    i = _place(row, operand, names)
    g = Expression.named(f"∂{loss}/∂{out}", np.full(result.shape, 0.5), (loss, out))
    target = Expression.named(f"∂{loss}/∂{names[i]}", np.asarray(arrays[i]), (loss, names[i]))
    return _by_rule(target, row, i, lambda: ruled(row, i, symbols, left, g, given))


def _operand_names(op: Op, given: Sequence[str] | None, count: int) -> list[str]:
    """The names that were given, one for each operand, or those of the table."""
    numbered = [f"x{i + 1}".translate(LOWERED) for i in range(count)]
    table = numbered if op.variadic else op.operands[:count]
    names = list(table if given is None else given)
    if len(names) != count:
        raise ValueError(
            f"formula(operands): {op.name} takes {count} operands, {len(names)} names were given"
        )
    return names


def _complete(op: Op, options: Mapping[str, Any]) -> dict[str, Any]:
    """All options of an operation, those not given with their defaults."""
    full = {**op.options, **options}
    missing = [key for key, value in full.items() if value is REQUIRED]
    if missing or full.keys() - op.options.keys():
        raise ValueError(f"{op!r}: unknown options, or no value for {missing}")
    return full


def _place(op: Op, operand: str | int, names: list[str]) -> int:
    """The number of an operand, which may be given by its name in the table or by its own."""
    if isinstance(operand, str):
        known = [*op.operands, *names] if not op.variadic else [*names]
        if operand not in known:
            raise ValueError(
                f"formula: {op.name} has no operand {operand!r}: one of {', '.join(known)}"
            )
        operand = known.index(operand) % len(names)
    if not 0 <= operand < len(names):
        raise ValueError(f"formula: {op.name} has no operand {operand}: from 0 to {len(names) - 1}")
    if op.operands[0 if op.variadic else operand] not in op.rules:
        raise ValueError(f"formula: {op.name} has no derivative by {names[operand]}")
    return operand
