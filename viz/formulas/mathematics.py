"""Expressions as mathematics: LaTeX, MathML or one line of plain text.

One walk over the expression decides what is said and where parentheses stand;
`viz.formulas.notation` knows how it is spelled.

⊙ is the product element by element; factors side by side are scalars, or matrices multiplied as
matrices. [x > 0] is 1 where the statement holds, else 0. ᵀ exchanges the last two axes, and 𝟏 is
an array of ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from viz.formulas.notation import ATOM, FORMS, LOGIC, POWER, PRODUCT, SUM, Piece
from viz.formulas.simplify import Product, core, product_of, x_is
from viz.formulas.symbols import Symbol, alike, concrete

CONSTANTS = {
    np.pi: "π", float(np.log(2)): "ln 2", float(np.log(10)): "ln 10", np.sqrt(0.5): "1/√2",
    np.sqrt(2 / np.pi): "√(2/π)", 2 / np.sqrt(np.pi): "2/√π", 1 / np.sqrt(2 * np.pi): "1/√(2π)",
}  # fmt: skip
COMPARISONS = {
    "greater": ">", "less": "<", "greater_equal": "≥", "less_equal": "≤", "equal": "=",
    "not_equal": "≠", "bitwise_and": "∧", "logical_and": "∧", "bitwise_or": "∨",
    "logical_or": "∨",
}  # fmt: skip
FUNCTIONS = {"log": "ln", "sigmoid": "σ", "relu": "ReLU", "arcsin": "arcsin", "arccos": "arccos",
             "arctan": "arctan", "maximum": "max", "minimum": "min", "log1p": "ln1p"}  # fmt: skip


class Writer:
    """Writes expressions in one form."""

    def __init__(self, form: str) -> None:
        self.form = FORMS[form]

    def __call__(self, x: Any) -> str:
        return self.write(x)[0]

    def write(self, x: Any) -> Piece:
        if not isinstance(x, Symbol):
            return self.constant(x)
        if x.function is None:
            return self.name(x)
        method = getattr(self, f"of_{x.head}", None)
        if method is not None:
            return method(x)
        if x.head in COMPARISONS:
            return self.comparison(x)
        return self.call(x, FUNCTIONS.get(x.head, x.head))

    def within(self, x: Any, level: int) -> str:
        """Written so that it can stand where something of that level is needed."""
        text, found = self.write(x)
        return text if found >= level else self.form.parentheses(text)

    def name(self, x: Symbol) -> Piece:
        if x.of is not None:
            return self.form.derivative(*map(self.form.symbol, x.of))
        return self.constant(x.value) if x.name is None else (self.form.symbol(x.name), ATOM)

    def constant(self, x: Any) -> Piece:
        """A number, a small array, or what an option may be."""
        if np.ndim(x) == 0 and isinstance(x, (int, float, np.generic, np.ndarray)):
            return self.number(x.item() if isinstance(x, (np.generic, np.ndarray)) else x)
        if isinstance(x, np.ndarray):
            return self.array(x)
        if isinstance(x, (tuple, list)):
            inner = self.form.sign(",").join(self(item) for item in x)
            return self.form.parentheses(inner, "()" if isinstance(x, tuple) else "[]"), ATOM
        if isinstance(x, slice):
            return self.form.word(index_text(x)), ATOM
        return self.form.word({Ellipsis: "…"}.get(x, str(x)) if hashable(x) else str(x)), ATOM

    def number(self, x: float) -> Piece:
        text = CONSTANTS.get(abs(x)) if not isinstance(x, (bool, int)) else None
        if text is None:
            text = spelled(abs(x))
        word = self.form.word(text)
        if x < 0:
            return self.form.row(self.form.sign("−()"), word), SUM
        return word, PRODUCT if "/" in text else POWER if " " in text else ATOM

    def array(self, x: np.ndarray) -> Piece:
        if x.ndim == 2 and x.shape[0] == x.shape[1] > 1 and np.array_equal(x, np.eye(len(x))):
            return self.form.word("I"), ATOM
        if x.size and (x == x.flat[0]).all() and x.dtype.kind == "f":
            ones = self.form.lowered(self.form.word("𝟏"), self.size(x))
            if x.flat[0] == 1:
                return ones, ATOM
            return self.form.row(self.number(x.flat[0].item())[0], self.form.sign("·"), ones), 2
        if x.ndim == 1 and x.size <= 6:
            inner = self.form.sign(",").join(self.number(v)[0] for v in x.tolist())
            return self.form.parentheses(inner, "[]"), ATOM
        return self.form.lowered(self.form.word("const"), self.size(x)), ATOM

    def size(self, x: Any) -> str:
        """The shape of an array, as 2×3."""
        return self.form.word("×").join(map(self.form.word, map(str, x.shape)))

    def call(self, x: Symbol, name: str, hidden: Sequence[str] = ()) -> Piece:
        """A function by name, its options that are not the default ones as a subscript."""
        defaults = getattr(x.function, "defaults", {})
        options = [
            self.option(key, value)
            for key, value in x.options.items()
            if key not in ("keepdims", *hidden) and not alike(value, defaults.get(key))
        ]
        head = self.form.lowered(self.form.word(name), self.form.sign(",").join(options))
        arguments = self.form.sign(",").join(self(a) for a in x.args)
        return self.form.row(head, self.form.parentheses(arguments)), POWER

    def option(self, key: str, value: Any) -> str:
        text = index_text(value)
        return self.form.note(text if key in ("shape", "subscripts") else f"{key}={text}")

    def comparison(self, x: Symbol) -> Piece:
        left, right = (self.within(a, SUM) for a in x.args)
        return self.form.row(left, self.form.sign(COMPARISONS[x.head]), right), LOGIC

    def of_invert(self, x: Symbol) -> Piece:
        return self.form.row(self.form.sign("¬"), self.within(x.args[0], ATOM)), POWER

    def factor(self, x: Any, level: int = POWER) -> str:
        """A factor of a product; a statement is 1 where it holds."""
        if is_statement(x):
            return self.form.parentheses(self(x), "[]")
        return self.within(x, level)

    def of_add(self, x: Symbol) -> Piece:
        left, right = x.args
        return self.form.row(self.term(left), self.form.sign("+"), self.term(right)), SUM

    def of_subtract(self, x: Symbol) -> Piece:
        left, right = x.args
        right = self.factor(right, PRODUCT)
        return self.form.row(self.term(left), self.form.sign("−"), right), SUM

    def term(self, x: Any) -> str:
        return self.factor(x, SUM)

    def of_multiply(self, x: Symbol) -> Piece:
        outer = outer_product(x)
        if outer is not None:
            left, right = (self.within(a, ATOM) for a in outer)
            return self.form.row(left, self.form.sign(""), self.form.raised(right, "T")), PRODUCT
        product = product_of(x)
        if product.number == 0:
            return self.form.word("0"), ATOM
        text, level = self.fraction(product) if product.below else self.factors(product)
        if product.number > 0:
            return text, level
        text = text if level >= PRODUCT else self.form.parentheses(text)
        return self.form.row(self.form.sign("−()"), text), SUM

    of_divide = of_negative = of_multiply

    def fraction(self, product: Product) -> Piece:
        number = abs(product.number)
        whole = product.decimal or number.denominator == 1
        top = float(number) if whole else float(number.numerator)
        bottom = 1.0 if whole else float(number.denominator)
        above, below = self.line(top, product.above), self.line(bottom, product.below)
        return self.form.fraction(above, below)

    def factors(self, product: Product) -> Piece:
        number = abs(product.number)
        if product.decimal or number.denominator == 1:
            return self.line(float(number), product.above)
        if number.denominator in (2, 3, 4) and number.numerator == 1:
            part = self.form.part(number.denominator)
            rest, level = self.line(1, product.above)
            rest = rest if level >= PRODUCT else self.form.parentheses(rest)
            return self.form.row(part, self.form.sign("·"), rest), PRODUCT
        below = self.line(float(number.denominator), [])
        return self.form.fraction(self.line(float(number.numerator), product.above), below)

    def line(self, number: float, factors: list[Any]) -> Piece:
        """A number and factors side by side: equal ones as a power."""
        if not factors:
            return self.number(number if number % 1 else int(number))
        if number == 1 and len(factors) == 1:
            only = factors[0]
            return (self.factor(only), ATOM) if is_statement(only) else self.write(only)
        pieces = [] if number == 1 else [self.number(number if number % 1 else int(number))[0]]
        dims: list[int] = [0] * len(pieces)
        for x, times in powers(factors):
            text = self.factor(x) if times == 1 else self.form.raised(self.base(x), str(times))
            pieces.append(text)
            dims.append(np.ndim(concrete(x)))
        text = pieces[0]
        for k, piece in enumerate(pieces[1:], start=1):
            sign = "⊙" if max(dims[:k]) and dims[k] else "·"
            text = self.form.row(text, self.form.sign(sign), piece)
        return text, POWER if len(pieces) == 1 else PRODUCT

    def base(self, x: Any) -> str:
        """What a power is taken of."""
        return self.factor(x, ATOM)

    def of_matmul(self, x: Symbol) -> Piece:
        left, right = x.args
        first = self.within(left, ATOM if not x_is(left, "matmul") else PRODUCT)
        return self.form.row(first, self.form.sign(""), self.within(right, ATOM)), PRODUCT

    def of_power(self, x: Symbol) -> Piece:
        base, power = x.args
        return self.form.raised(self.base(base), self(power)), POWER

    def of_square(self, x: Symbol) -> Piece:
        return self.form.raised(self.base(x.args[0]), "2"), POWER

    def of_exp(self, x: Symbol) -> Piece:
        return self.call(x, "exp")

    def of_sqrt(self, x: Symbol) -> Piece:
        return self.form.root(self.write(x.args[0]))

    def of_reciprocal(self, x: Symbol) -> Piece:
        return self.form.fraction(self.number(1), self.write(x.args[0]))

    def of_abs(self, x: Symbol) -> Piece:
        return self.form.parentheses(self(x.args[0]), "||"), ATOM

    def of_where(self, x: Symbol) -> Piece:
        rows, rest = [], x
        while x_is(rest, "where"):
            condition, chosen, rest = rest.args
            rows.append((self(chosen), self(condition)))
        return self.form.choice(rows, self(rest))

    def of_astype(self, x: Symbol) -> Piece:
        return self.factor(x.args[0], LOGIC), self.write(x.args[0])[1]

    def of_transpose(self, x: Symbol) -> Piece:
        if x.options["axes"] is None and x.ndim <= 2:
            return self.form.raised(self.within(x.args[0], ATOM), "T"), POWER + (x.ndim < 3)
        return self.call(x, "transpose")

    def of_swapaxes(self, x: Symbol) -> Piece:
        axes = {x.options[key] % x.ndim for key in ("axis1", "axis2")}
        if axes == {x.ndim - 2, x.ndim - 1}:
            return self.form.raised(self.within(x.args[0], ATOM), "T"), ATOM
        return self.call(x, "swapaxes")

    def of_sum(self, x: Symbol) -> Piece:
        """Σ over the axes that the subscript names; over all without one."""
        axis = x.options.get("axis")
        over = "" if axis is None else self.form.note(f"axis {index_text(axis)}")
        sign = self.form.lowered(self.form.word("Σ"), over)
        return self.form.row(sign, self.form.sign(""), self.factor(x.args[0])), PRODUCT

    def of_mean(self, x: Symbol) -> Piece:
        return self.call(x, "mean")

    def of_broadcast_to(self, x: Symbol) -> Piece:
        """A scalar times an array of ones; other arrays are spread."""
        size = self.size(x)
        if np.ndim(concrete(x.args[0])) == 0:
            ones = self.form.lowered(self.form.word("𝟏"), size)
            scalar = self.within(x.args[0], POWER)
            return self.form.row(scalar, self.form.sign("·"), ones), PRODUCT
        spread = self.form.lowered(self.form.word("spread"), size)
        return self.form.row(spread, self.form.parentheses(self(x.args[0]))), POWER

    def of_getitem(self, x: Symbol) -> Piece:
        column = matrix_times_vector(x)
        if column is not None:
            left, right = (self.within(a, ATOM) for a in column)
            return self.form.row(left, self.form.sign(""), right), PRODUCT
        if core(x) is not x:
            return self.write(core(x))
        inner = self.within(x.args[0], ATOM)
        index = self.form.note(f"[{index_text(x.options['index'])}]")
        if self.form.name == "text":
            return self.form.row(inner, index), ATOM
        return self.form.lowered(inner, index), ATOM

    def of_reshape(self, x: Symbol) -> Piece:
        """Axes of length 1 around a scalar are not worth saying."""
        return self.call(x, "reshape") if core(x) is x else self.write(core(x))

    def of_put_add(self, x: Symbol) -> Piece:
        """Zeros of a shape with x added in at an index."""
        index = index_text(x.options["index"])
        where = self.form.row(self.form.note(f"[{index}] of "), self.size(x))
        head = self.form.lowered(self.form.word("put"), where)
        return self.form.row(head, self.form.parentheses(self(x.args[0]))), POWER


def is_statement(x: Any) -> bool:
    """Whether an expression holds or does not."""
    return isinstance(x, Symbol) and (x.head in COMPARISONS or x.head == "invert")


def hashable(x: Any) -> bool:
    return isinstance(x, (str, type(None), type(Ellipsis), bool))


def spelled(x: float) -> str:
    """A magnitude, exact if it is short, else to six digits and an ellipsis."""
    if x != x or x in (float("inf"),):
        return "NaN" if x != x else "∞"
    if isinstance(x, float) and x.is_integer() and x < 1e6:
        return str(int(x))
    text = repr(x)
    return text if len(text) <= 8 else f"{x:.6g}…"


def index_text(index: Any) -> str:
    """An index or another option as Python writes it, large arrays by their shape alone."""
    if isinstance(index, tuple) and any(isinstance(p, slice) or p is Ellipsis for p in index):
        return ", ".join(map(index_text, index))
    if isinstance(index, slice):
        ends = ["" if e is None else str(e) for e in (index.start, index.stop)]
        return ":".join([*ends, *([] if index.step is None else [str(index.step)])])
    if index is Ellipsis:
        return "…"
    if isinstance(index, np.ndarray):
        return str(index.tolist()) if index.size <= 8 else f"{index.dtype} {index.shape}"
    if isinstance(index, Symbol):
        return Writer("text")(index)
    if isinstance(index, (tuple, list)):
        return ", ".join(map(index_text, index)) if index else "()"
    return str(index)


def powers(factors: list[Any]) -> list[tuple[Any, int]]:
    """The factors, each once and with how often it comes."""
    found: list[tuple[Any, int]] = []
    for x in factors:
        for k, (known, times) in enumerate(found):
            if isinstance(x, Symbol) and alike(known, x):
                found[k] = known, times + 1
                break
        else:
            found.append((x, 1))
    return found


def indexed(x: Any, *index: Any) -> Any:
    """What x[index] was read from, if x is written so."""
    if x_is(x, "getitem") and alike(x.options["index"], index) and x.args[0].ndim == 1:
        return x.args[0]
    return None


def outer_product(x: Symbol) -> tuple[Any, Any] | None:
    """The vectors u and v of u[…, None] * v, which is the matrix u vᵀ."""
    if x.head != "multiply":
        return None
    left, right = x.args
    u = next(
        (u for i in (Ellipsis, slice(None)) if (u := indexed(left, i, None)) is not None), None
    )
    v = indexed(right, Ellipsis, None, slice(None))
    v = right if v is None and isinstance(right, Symbol) else v
    return (u, v) if u is not None and v is not None and v.ndim == 1 else None


def matrix_times_vector(x: Symbol) -> tuple[Any, Any] | None:
    """A and v of (A @ v[…, None])[…, 0], which is A v."""
    if not alike(x.options["index"], (Ellipsis, 0)) or not x_is(x.args[0], "matmul"):
        return None
    left, right = x.args[0].args
    v = indexed(right, Ellipsis, None)
    return None if v is None else (left, v)


def latex(x: Any) -> str:
    """An expression in LaTeX, without dollar signs."""
    return Writer("latex")(x)


def mathml(x: Any) -> str:
    """An expression as a `<math>` element."""
    inner = Writer("mathml")(x)
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"><mrow>{inner}</mrow></math>'


def text(x: Any) -> str:
    """An expression on one line of plain text."""
    return Writer("text")(x)
