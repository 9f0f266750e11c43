"""Expressions as mathematics: LaTeX, MathML or one line of plain text.

One walk over the expression decides what is said and where parentheses stand;
`viz.formulas.notation` knows how it is spelled.

⊙ is the product element by element; factors side by side are scalars, or matrices multiplied as
matrices. [x > 0] is 1 where the statement holds, else 0. ᵀ exchanges the last two axes, and 𝟏 is
an array of ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from microgradnd.program import Expression, Product, alike, concrete, core, product_of, run
from viz.formulas.notation import ATOM, FORMS, LOGIC, POWER, PRODUCT, SUM, Piece

CONSTANTS = {
    np.pi: "π", float(np.log(2)): "ln 2", float(np.log(10)): "ln 10", np.sqrt(0.5): "1/√2",
    np.sqrt(2 / np.pi): "√(2/π)", 2 / np.sqrt(np.pi): "2/√π", 1 / np.sqrt(2 * np.pi): "1/√(2π)",
}  # fmt: skip


DEFINITIONS = {
    "correlation": "⋆ is the cross-correlation of images with filters: (x ⋆ w)[n,o,p,q] = "
    "Σ w[o,c,i,j] x[n,c,p·S+i·D−P,q·S+j·D−P] over c, i, j, with stride S, dilation D and padding P "
    "(1, 1 and 0 if nothing is said)",
    "full_convolution": "∗ is the full convolution, which takes a gradient back to the images: "
    "(g ∗ w)[n,c,r,s] = Σ w[o,c,i,j] g[n,o,p,q] over all o, i, j, p, q with p·S+i·D−P = r and "
    "q·S+j·D−P = s",
    "filter_gradient": "Σₙ xₙ ⋆ gₙ is the correlation of each channel of x with each of g, summed "
    "over the samples: [o,c,i,j] = Σ g[n,o,p,q] x[n,c,p·S+i·D−P,q·S+j·D−P] over n, p, q; the "
    "stride S of the convolution is written as the dilation of g",
}


class Writer:
    """Writes expressions in one form."""

    def __init__(self, form: str) -> None:
        self.form = FORMS[form]
        self.defined: dict[str, None] = {}  # the notations so far that a reader may want explained

    def __call__(self, x: Any) -> str:
        return self.write(x)[0]

    def write(self, x: Any) -> Piece:
        if not isinstance(x, Expression):
            return self.constant(x)
        if x.op is None:
            return self.name(x)
        notation = x.op.notation or "call"
        return notation(self, x) if callable(notation) else getattr(self, f"as_{notation}")(x)

    def within(self, x: Any, level: int) -> str:
        """Written so that it can stand where something of that level is needed."""
        text, found = self.write(x)
        return text if found >= level else self.form.parentheses(text)

    def name(self, x: Expression) -> Piece:
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
        return self.form.word(_index_text(x)), ATOM

    def number(self, x: float | complex) -> Piece:
        if isinstance(x, complex):
            return self.form.word(f"{x:.4g}".replace("j", "i")), SUM
        text = (CONSTANTS.get(abs(x)) if isinstance(x, float) else None) or _spelled(abs(x))
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

    def as_call(self, x: Expression) -> Piece:
        """A function by name, its options that are not the default ones as a subscript."""
        defaults = x.op.options
        options = [
            self.option(key, value)
            for key, value in x.options.items()
            if key != "keepdims" and not alike(value, defaults.get(key))
        ]
        name = self.form.word(x.op.sign or x.op.name)
        head = self.form.lowered(name, self.form.sign(",").join(options))
        arguments = self.form.sign(",").join(self(a) for a in x.operands if a is not None)
        return self.form.row(head, self.form.parentheses(arguments)), POWER

    def option(self, key: str, value: Any) -> str:
        text = _index_text(value)
        return self.form.note(text if key in ("shape", "subscripts") else f"{key}={text}")

    def as_statement(self, x: Expression) -> Piece:
        left, right = (self.within(a, SUM) for a in x.operands)
        return self.form.row(left, self.form.sign(str(x.op.sign)), right), LOGIC

    def as_not(self, x: Expression) -> Piece:
        return self.form.row(self.form.sign("¬"), self.within(x.operands[0], ATOM)), POWER

    def factor(self, x: Any, level: int = POWER) -> str:
        """A factor of a product; a statement is 1 where it holds."""
        if _is_statement(x):
            return self.form.parentheses(self(x), "[]")
        return self.within(x, level)

    def as_plus(self, x: Expression) -> Piece:
        return self.sum("+", x, SUM)

    def as_minus(self, x: Expression) -> Piece:
        return self.sum("−", x, PRODUCT)

    def sum(self, sign: str, x: Expression, level: int) -> Piece:
        left, right = self.factor(x.operands[0], SUM), self.factor(x.operands[1], level)
        return self.form.row(left, self.form.sign(sign), right), SUM

    def as_product(self, x: Expression) -> Piece:
        outer = _outer_product(x)
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

    def fraction(self, product: Product) -> Piece:
        number = abs(product.number)
        top, bottom = (number, 1) if product.decimal else number.as_integer_ratio()
        above = self.line(float(top), product.above)
        return self.form.fraction(above, self.line(float(bottom), product.below))

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
        number = number if number % 1 else int(number)
        if not factors:
            return self.number(number)
        if number == 1 and len(factors) == 1:
            only = factors[0]
            return (self.factor(only), ATOM) if _is_statement(only) else self.write(only)
        pieces = [] if number == 1 else [self.number(number)[0]]
        dims = [0] * len(pieces)
        for x, times in _powers(factors):
            raised = self.factor(x) if times == 1 else self.raised(x, str(times))
            pieces.append(raised)
            dims.append(np.ndim(concrete(x)))
        text = pieces[0]
        for k, piece in enumerate(pieces[1:], start=1):
            sign = "⊙" if max(dims[:k]) and dims[k] else "·"
            text = self.form.row(text, self.form.sign(sign), piece)
        return text, POWER if len(pieces) == 1 else PRODUCT

    def raised(self, x: Any, power: str) -> str:
        return self.form.raised(self.factor(x, ATOM), power)

    def as_matrix_product(self, x: Expression) -> Piece:
        left, right = x.operands
        first = self.within(left, PRODUCT if _written_as(left, "matrix_product") else ATOM)
        return self.form.row(first, self.form.sign(""), self.within(right, ATOM)), PRODUCT

    def as_weighted_sums(self, x: Expression) -> Piece:
        """x Wᵀ + b, by the operations that its forward function calls."""
        return self.write(run(x, x.operands, x.options))

    def as_correlation(self, x: Expression) -> Piece:
        """x ⋆ w, the valid cross-correlation; with a bias x ⋆ w + b."""
        self.defined["correlation"] = None
        star = self.form.operator("⋆", self.geometry(x.options))
        left, right, *bias = (a for a in x.operands if a is not None)
        text = self.form.row(self.within(left, ATOM), star, self.within(right, ATOM))
        if not bias:
            return text, PRODUCT
        return self.form.row(text, self.form.sign("+"), self.within(bias[0], PRODUCT)), SUM

    def as_full_convolution(self, x: Expression) -> Piece:
        """y ∗ w, the full convolution, which is the adjoint of x ⋆ w in x."""
        self.defined["full_convolution"] = None
        star = self.form.operator("∗", self.geometry(x.options, "full"))
        left, right = (self.within(a, ATOM) for a in x.operands)
        return self.form.row(left, star, right), PRODUCT

    def as_filter_gradient(self, x: Expression) -> Piece:
        """Σₙ xₙ ⋆ yₙ over the samples, with what was the stride as the dilation of y."""
        self.defined["filter_gradient"] = None
        options = {**x.options, "stride": x.options["dilation"], "dilation": x.options["stride"]}
        n, star = self.form.symbol("n"), self.form.operator("⋆", self.geometry(options))
        left, right = (self.form.lowered(self.factor(a, ATOM), n) for a in x.operands)
        total = self.form.lowered(self.form.word("Σ"), n)
        return self.form.row(total, self.form.sign(""), left, star, right), PRODUCT

    def geometry(self, options: Mapping[str, Any], first: str = "") -> str:
        """What is not usual about a convolution: stride 2, padding 1."""
        usual = {"stride": 1, "dilation": 1, "groups": 1, "padding": 0}
        notes = [first] if first else []
        for key, common in usual.items():
            sizes = np.unique(np.asarray(options[key]))
            if np.any(sizes != common):
                notes.append(f"{key} {sizes[0] if len(sizes) == 1 else _index_text(options[key])}")
        return self.form.note(", ".join(notes)) if notes else ""

    def as_power(self, x: Expression) -> Piece:
        base, power = x.operands
        return self.raised(base, self(power)), POWER

    def as_square(self, x: Expression) -> Piece:
        return self.raised(x.operands[0], "2"), POWER

    def as_root(self, x: Expression) -> Piece:
        return self.form.root(self.write(x.operands[0]))

    def as_reciprocal(self, x: Expression) -> Piece:
        return self.form.fraction(self.number(1), self.write(x.operands[0]))

    def as_magnitude(self, x: Expression) -> Piece:
        return self.form.parentheses(self(x.operands[0]), "||"), ATOM

    def as_cases(self, x: Expression) -> Piece:
        rows, rest = [], x
        while _written_as(rest, "cases"):
            condition, chosen, rest = rest.operands
            rows.append((self(chosen), self(condition)))
        return self.form.choice(rows, self(rest))

    def as_itself(self, x: Expression) -> Piece:
        return self.factor(x.operands[0], LOGIC), self.write(x.operands[0])[1]

    def as_transposed(self, x: Expression) -> Piece:
        """The last two axes exchanged; other permutations by name."""
        axes = [x.options.get(key) for key in ("axis1", "axis2")]
        last = {a % x.ndim for a in axes if a is not None} == {x.ndim - 2, x.ndim - 1}
        if last or (axes == [None, None] and x.options.get("axes") is None and x.ndim <= 2):
            return self.form.raised(self.within(x.operands[0], ATOM), "T"), ATOM
        return self.as_call(x)

    def as_total(self, x: Expression) -> Piece:
        """Σ over the axes that the subscript names; over all without one."""
        axis = x.options.get("axis")
        over = "" if axis is None else self.form.note(f"axis {_index_text(axis)}")
        sign = self.form.lowered(self.form.word(str(x.op.sign)), over)
        return self.form.row(sign, self.form.sign(""), self.factor(x.operands[0])), PRODUCT

    def as_repeated(self, x: Expression) -> Piece:
        """A scalar times an array of ones; other arrays by name."""
        size = self.size(x)
        if np.ndim(concrete(x.operands[0])) == 0:
            ones = self.form.lowered(self.form.word("𝟏"), size)
            scalar = self.within(x.operands[0], POWER)
            return self.form.row(scalar, self.form.sign("·"), ones), PRODUCT
        spread = self.form.lowered(self.form.word("broadcast"), size)
        return self.form.row(spread, self.form.parentheses(self(x.operands[0]))), POWER

    def as_element(self, x: Expression) -> Piece:
        column = _matrix_times_vector(x)
        if column is not None:
            left, right = (self.within(a, ATOM) for a in column)
            return self.form.row(left, self.form.sign(""), right), PRODUCT
        if core(x) is not x:
            return self.write(core(x))
        inner = self.within(x.operands[0], ATOM)
        index = self.form.note(f"[{_index_text(x.options['index'])}]")
        if self.form.name == "text":
            return self.form.row(inner, index), ATOM
        return self.form.lowered(inner, index), ATOM

    def as_reshaped(self, x: Expression) -> Piece:
        """Axes of length 1 around a scalar are not worth saying."""
        return self.as_call(x) if core(x) is x else self.write(core(x))

    def as_scattered(self, x: Expression) -> Piece:
        """Something with y added in at an index; of zeros that alone."""
        base, added = x.operands
        index = _index_text(x.options["index"])
        where = self.form.row(self.form.note(f"[{index}] of "), self.size(x))
        head = self.form.lowered(self.form.word("put"), where)
        put = self.form.row(head, self.form.parentheses(self(added)))
        if not isinstance(base, Expression) and not np.any(base):
            return put, POWER
        return self.form.row(self.factor(base, SUM), self.form.sign("+"), put), SUM


def _is_statement(x: Any) -> bool:
    """Whether an expression holds or does not."""
    return _notation(x) in ("statement", "not")


def _written_as(x: Any, notation: str) -> bool:
    return _notation(x) == notation


def _notation(x: Any) -> Any:
    return x.op.notation if isinstance(x, Expression) and x.op is not None else None


def _spelled(x: float) -> str:
    """A magnitude, exact if it is short, else to six digits and an ellipsis."""
    if x != x or x in (float("inf"),):
        return "NaN" if x != x else "∞"
    if isinstance(x, float) and x.is_integer() and x < 1e6:
        return str(int(x))
    text = repr(x)
    return text if len(text) <= 8 else f"{x:.6g}…"


def _index_text(index: Any) -> str:
    """An index or another option as Python writes it, large arrays by their shape alone."""
    if isinstance(index, tuple) and any(isinstance(p, slice) or p is Ellipsis for p in index):
        return ", ".join(map(_index_text, index))
    if isinstance(index, slice):
        ends = ["" if e is None else str(e) for e in (index.start, index.stop)]
        return ":".join([*ends, *([] if index.step is None else [str(index.step)])])
    if index is Ellipsis:
        return "…"
    if isinstance(index, np.ndarray):
        return str(index.tolist()) if index.size <= 8 else f"{index.dtype} {index.shape}"
    if isinstance(index, Expression):
        return Writer("text")(index)
    if isinstance(index, (tuple, list)):
        return ", ".join(map(_index_text, index)) if index else "()"
    return str(index)


def _powers(factors: list[Any]) -> list[tuple[Any, int]]:
    """The factors, each once and with how often it comes."""
    found: list[list[Any]] = []
    for x in factors:
        equal = (one for one in found if isinstance(x, Expression) and alike(one[0], x))
        known = next(equal, None)
        if known is None:
            found.append([x])
        else:
            known.append(x)
    return [(equal[0], len(equal)) for equal in found]


def _indexed(x: Any, *index: Any) -> Any:
    """What x[index] was read from, if x is written so."""
    if _written_as(x, "element") and alike(x.options["index"], index) and x.operands[0].ndim == 1:
        return x.operands[0]
    return None


def _outer_product(x: Expression) -> tuple[Any, Any] | None:
    """The vectors u and v of u[…, None] * v, which is the matrix u vᵀ."""
    if x.op is None or x.op.linear != "x y":
        return None
    left, right = x.operands
    u = _indexed(left, Ellipsis, None)
    u = _indexed(left, slice(None), None) if u is None else u
    v = _indexed(right, Ellipsis, None, slice(None))
    v = right if v is None and isinstance(right, Expression) else v
    return (u, v) if u is not None and v is not None and v.ndim == 1 else None


def _matrix_times_vector(x: Expression) -> tuple[Any, Any] | None:
    """A and v of (A @ v[…, None])[…, 0], which is A v."""
    if not alike(x.options["index"], (Ellipsis, 0)) or not _written_as(
        x.operands[0], "matrix_product"
    ):
        return None
    left, right = x.operands[0].operands
    v = _indexed(right, Ellipsis, None)
    return None if v is None else (left, v)


def latex(x: Any) -> str:
    """An expression in LaTeX, without dollar signs."""
    return Writer("latex")(x)


def mathml(x: Any) -> str:
    """An expression as a `<math>` element."""
    return element(Writer("mathml")(x))


def element(inner: str) -> str:
    """A `<math>` element of MathML."""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"><mrow>{inner}</mrow></math>'


def text(x: Any) -> str:
    """An expression on one line of plain text."""
    return Writer("text")(x)
