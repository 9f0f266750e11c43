"""Expressions as mathematics: LaTeX, MathML or one line of plain text.

One walk over the expression decides what is said and where parentheses stand; the three `Form`s
only know how a fraction, a root or a transpose is spelled in their language.

⊙ is the product element by element; factors side by side are scalars, or matrices multiplied as
matrices. [x > 0] is 1 where the statement holds, else 0. ᵀ exchanges the last two axes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np

from viz.simplify import Product, product_of, x_is
from viz.symbols import Symbol, alike, concrete
from viz.text import clean

LOGIC, SUM, PRODUCT, POWER, ATOM = range(5)  # how tightly what was written binds
Piece = tuple[str, int]

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
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹ᵒʸ⁺⁻", "0123456789oy+-"))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
SIMPLE = re.compile(
    rf"([^\W\d_][^\W_]*?)([{''.join(SUBSCRIPTS)}]*)([{''.join(SUPERSCRIPTS)}]*)((?:[._]\w+)*)('*)"
)
LATEX_TEXT = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "^": r"\textasciicircum{}", "_": r"\_", "~": r"\textasciitilde{}", "%": r"\%",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textquoteleft{}",
    "*": r"\textasteriskcentered{}", "[": r"{[}", "]": r"{]}", "\n": " ", "\r": " ", "\t": " ",
}  # fmt: skip
LATEX_SIGNS = {
    "⊙": r"\odot ", "·": r"\,", "≥": r"\ge ", "≤": r"\le ", "≠": r"\ne ", "∧": r"\land ",
    "∨": r"\lor ", "¬": r"\lnot ", "−": "-", "∂": r"\partial ", "Σ": r"\sum", "→": r"\to ",
    "π": r"\pi ", "σ": r"\sigma", "∞": r"\infty ", "×": r"\times ", "…": r"\ldots ", "<": "<",
}  # fmt: skip


def is_simple(name: str) -> bool:
    """Whether a name can stand as a symbol in a formula: h, net¹, W₂, conv1.weight, x_1."""
    return len(name) <= 24 and SIMPLE.fullmatch(name) is not None and "__" not in name


def parts(name: str) -> tuple[str, str, str]:
    """A simple name as its letters, its subscript and its superscript."""
    found = SIMPLE.fullmatch(name)
    assert found is not None
    base, below, above, rest, primes = found.groups()
    if len(base) == 1 and re.fullmatch(r"_\w{1,2}", rest) and not below:
        below, rest = rest[1:], ""
    sub = "".join(SUBSCRIPTS.get(c, c) for c in below)
    return base + rest + primes, sub, "".join(SUPERSCRIPTS[c] for c in above)


class Text:
    """One line of plain text."""

    name = "text"

    def symbol(self, name: str) -> str:
        return " ".join(clean(name).split())

    def word(self, word: str) -> str:
        return word

    def sign(self, sign: str) -> str:
        return {"·": "·", ",": ", ", "¬": "¬"}.get(sign, f" {sign} ")

    def row(self, *pieces: str) -> str:
        return "".join(pieces)

    def parentheses(self, x: str, pair: str = "()") -> str:
        return f"{pair[0]}{x}{pair[1]}"

    def derivative(self, above: str, below: str) -> Piece:
        return f"∂{above}/∂{below}", ATOM

    def fraction(self, above: Piece, below: Piece) -> Piece:
        top = above[0] if above[1] >= PRODUCT else f"({above[0]})"
        bottom = below[0] if below[1] >= POWER else f"({below[0]})"
        return f"{top} / {bottom}", PRODUCT

    def raised(self, x: str, power: str) -> str:
        fitting = {"2": "²", "3": "³", "-1": "⁻¹", "T": "ᵀ"}
        return x + (fitting.get(power) or f"^{power if len(power) == 1 else f'({power})'}")

    def lowered(self, x: str, index: str) -> str:
        return f"{x}_{{{index}}}" if index else x

    def root(self, x: Piece) -> Piece:
        return (f"√{x[0]}" if x[1] == ATOM else f"√({x[0]})"), POWER

    def choice(self, rows: list[tuple[str, str]], last: str) -> Piece:
        return f"({'; '.join(f'{x} if {c}' for x, c in rows)}; else {last})", ATOM


class Latex(Text):
    """LaTeX as KaTeX, MathJax and a TeX engine take it."""

    name = "latex"

    def symbol(self, name: str) -> str:
        name = clean(name)
        if not is_simple(name):
            return rf"\text{{{''.join(LATEX_TEXT.get(c, c) for c in name)}}}"
        base, below, above = parts(name)
        base = latex_letter(base) if len(base) == 1 else rf"\mathrm{{{base.replace('_', '\\_')}}}"
        below = "".join(LATEX_TEXT.get(c, c) for c in below)
        return base + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")

    def word(self, word: str) -> str:
        if word in LATEX_SIGNS or not word.isascii():
            return "".join(LATEX_SIGNS.get(c, c) for c in word)
        if word in ("exp", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh", "max", "min",
                    "arcsin", "arccos", "arctan"):  # fmt: skip
            return f"\\{word}"
        if word[:1].isalpha():
            return rf"\operatorname{{{''.join(LATEX_TEXT.get(c, c) for c in word)}}}"
        return "".join(LATEX_TEXT.get(c, c) for c in word).replace("−", "-")

    def sign(self, sign: str) -> str:
        return LATEX_SIGNS.get(sign) or {",": r",\,"}.get(sign, f" {sign} ")

    def parentheses(self, x: str, pair: str = "()") -> str:
        ends = {"{": r"\{", "}": r"\}"}
        return rf"\left{ends.get(pair[0], pair[0])}{x}\right{ends.get(pair[1], pair[1])}"

    def derivative(self, above: str, below: str) -> Piece:
        return rf"\frac{{\partial {above}}}{{\partial {below}}}", ATOM

    def fraction(self, above: Piece, below: Piece) -> Piece:
        return rf"\frac{{{above[0]}}}{{{below[0]}}}", PRODUCT

    def raised(self, x: str, power: str) -> str:
        # a base that has a superscript of its own needs braces
        return rf"{{{x}}}^{{{'\\top' if power == 'T' else power}}}"

    def root(self, x: Piece) -> Piece:
        return rf"\sqrt{{{x[0]}}}", ATOM

    def choice(self, rows: list[tuple[str, str]], last: str) -> Piece:
        lines = [rf"{x} & \text{{if }} {c}" for x, c in rows] + [rf"{last} & \text{{else}}"]
        return rf"\begin{{cases}}{' \\\\ '.join(lines)}\end{{cases}}", ATOM


def latex_letter(letter: str) -> str:
    """A letter as LaTeX spells it: θ is \\theta; Latin letters, and those it lacks, stand."""
    words = unicodedata.name(letter, "").split()
    if words[:1] == ["GREEK"] and len(words) == 4 and words[2] == "LETTER":
        word = {"LAMDA": "lambda"}.get(words[3], words[3].lower())
        upright = "Α Β Ε Ζ Η Ι Κ Μ Ν Ο Ρ Τ Χ ο".split()
        if letter in upright:
            return unicodedata.normalize("NFKC", letter)
        return "\\" + (word if words[1] == "SMALL" else word.capitalize()) + " "
    return letter


class MathML(Text):
    """MathML Core, which browsers draw themselves."""

    name = "mathml"

    def symbol(self, name: str) -> str:
        name = clean(name)
        if not is_simple(name):
            return f"<mtext>{escape(name)}</mtext>"
        base, below, above = parts(name)
        letters = f"<mi>{escape(base)}</mi>"
        below, above = (f"<mn>{escape(s)}</mn>" if s else "" for s in (below, above))
        if below and above:
            return f"<msubsup>{letters}{below}{above}</msubsup>"
        if below:
            return f"<msub>{letters}{below}</msub>"
        return f"<msup>{letters}{above}</msup>" if above else letters

    def word(self, word: str) -> str:
        kind = "mn" if word[:1].isdigit() else "mi" if word[:1].isalpha() else "mo"
        return f"<{kind}>{escape(word)}</{kind}>"

    def sign(self, sign: str) -> str:
        if sign == "·":
            return '<mspace width="0.17em"/>'
        return f"<mo>{escape(sign)}</mo>"

    def row(self, *pieces: str) -> str:
        return f"<mrow>{''.join(pieces)}</mrow>"

    def parentheses(self, x: str, pair: str = "()") -> str:
        return f"<mrow><mo>{pair[0]}</mo>{x}<mo>{pair[1]}</mo></mrow>"

    def derivative(self, above: str, below: str) -> Piece:
        d = "<mo>∂</mo>"
        return f"<mfrac><mrow>{d}{above}</mrow><mrow>{d}{below}</mrow></mfrac>", ATOM

    def fraction(self, above: Piece, below: Piece) -> Piece:
        return f"<mfrac><mrow>{above[0]}</mrow><mrow>{below[0]}</mrow></mfrac>", PRODUCT

    def raised(self, x: str, power: str) -> str:
        above = "<mo>⊤</mo>" if power == "T" else power if "<" in power else self.word(power)
        return f"<msup><mrow>{x}</mrow><mrow>{above}</mrow></msup>"

    def lowered(self, x: str, index: str) -> str:
        return f"<msub><mrow>{x}</mrow><mrow>{index}</mrow></msub>" if index else x

    def root(self, x: Piece) -> Piece:
        return f"<msqrt>{x[0]}</msqrt>", ATOM

    def choice(self, rows: list[tuple[str, str]], last: str) -> Piece:
        lines = [(x, f"<mtext>if </mtext>{c}") for x, c in rows] + [(last, "<mtext>else</mtext>")]
        cells = "".join(f"<mtr><mtd>{x}</mtd><mtd>{c}</mtd></mtr>" for x, c in lines)
        return f"<mrow><mo>{{</mo><mtable>{cells}</mtable></mrow>", ATOM


FORMS: dict[str, Text] = {"text": Text(), "latex": Latex(), "mathml": MathML()}


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
            return self.form.row(self.form.sign("−").strip(), word), SUM
        return word, PRODUCT if "/" in text or " " in text else ATOM

    def array(self, x: np.ndarray) -> Piece:
        if x.ndim == 2 and x.shape[0] == x.shape[1] > 1 and np.array_equal(x, np.eye(len(x))):
            return self.form.word("I"), ATOM
        if x.size and (x == x.flat[0]).all() and x.dtype.kind == "f":
            size = "×".join(map(str, x.shape))
            ones = self.form.lowered(self.form.word("𝟏"), self.form.word(size))
            if x.flat[0] == 1:
                return ones, ATOM
            return self.form.row(self.number(x.flat[0].item())[0], self.form.sign("·"), ones), 2
        if x.ndim == 1 and x.size <= 6:
            inner = self.form.sign(",").join(self.number(v)[0] for v in x.tolist())
            return self.form.parentheses(inner, "[]"), ATOM
        size = "×".join(map(str, x.shape))
        return self.form.lowered(self.form.word("const"), self.form.word(size)), ATOM

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
        return self.form.word(text if key in ("shape", "subscripts") else f"{key}={text}")

    def comparison(self, x: Symbol) -> Piece:
        left, right = (self.within(a, SUM) for a in x.args)
        return self.form.row(left, self.form.sign(COMPARISONS[x.head]), right), LOGIC

    def of_invert(self, x: Symbol) -> Piece:
        return self.form.row(self.form.sign("¬"), self.within(x.args[0], ATOM)), POWER

    def factor(self, x: Any, level: int = POWER) -> str:
        """A factor of a product; a statement is 1 where it holds."""
        if isinstance(x, Symbol) and (x.head in COMPARISONS or x.head == "invert"):
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
            return self.form.row(left, self.form.sign("·"), self.form.raised(right, "T")), PRODUCT
        product = product_of(x)
        if product.number == 0:
            return self.form.word("0"), ATOM
        negative = product.number < 0
        if product.below:
            text, level = self.fraction(product)
        else:
            text, level = self.factors(product)
        if negative:
            return self.form.row(self.form.sign("−").strip(), text), SUM
        return text, level

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
        if number == 1 and len(product.above) == 1:
            text = self.factor(product.above[0], PRODUCT)
            return text, PRODUCT
        if product.decimal or number.denominator == 1:
            return self.line(float(number), product.above)
        if number.denominator in (2, 3, 4) and number.numerator == 1 and self.form.name == "text":
            half = {2: "½", 3: "⅓", 4: "¼"}[number.denominator]
            return self.form.row(half, self.form.sign("·"), self.line(1, product.above)[0]), PRODUCT
        below = self.line(float(number.denominator), [])
        return self.form.fraction(self.line(float(number.numerator), product.above), below)

    def line(self, number: float, factors: list[Any]) -> Piece:
        """A number and factors side by side: equal ones as a power."""
        if not factors:
            return self.number(number if number % 1 else int(number))
        if number == 1 and len(factors) == 1:
            return self.factor(factors[0], SUM), self.write(factors[0])[1]
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
        sign = "" if self.form.name == "latex" else "·"
        space = self.form.sign("·") if sign else r"\,"
        return self.form.row(first, space, self.within(right, ATOM)), PRODUCT

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
        over = "" if axis is None else self.form.word(f"axis {axis}")
        if self.form.name == "latex" and over:
            over = rf"\text{{axis }}{index_text(axis)}"
        sign = self.form.lowered(self.form.word("Σ"), over)
        return self.form.row(sign, self.form.sign("·"), self.within(x.args[0], PRODUCT)), PRODUCT

    def of_mean(self, x: Symbol) -> Piece:
        return self.call(x, "mean")

    def of_broadcast_to(self, x: Symbol) -> Piece:
        """A scalar times an array of ones; other arrays are spread."""
        size = self.form.word("×".join(map(str, x.shape)))
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
            return self.form.row(left, self.form.sign("·"), right), PRODUCT
        inner = self.within(x.args[0], ATOM)
        index = index_text(x.options["index"])
        if self.form.name == "text":
            return f"{inner}[{index}]", ATOM
        bracketed = self.form.parentheses(self.form.word(index), "[]")
        return self.form.lowered(inner, bracketed), ATOM

    def of_put_add(self, x: Symbol) -> Piece:
        """Zeros of a shape with x added in at an index."""
        index, size = index_text(x.options["index"]), "×".join(map(str, x.shape))
        head = self.form.lowered(self.form.word("put"), self.form.word(f"[{index}] of {size}"))
        return self.form.row(head, self.form.parentheses(self(x.args[0]))), POWER


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
    if x_is(x, "getitem") and x.options["index"] == index and x.args[0].ndim == 1:
        return x.args[0]
    return None


def outer_product(x: Symbol) -> tuple[Any, Any] | None:
    """The vectors u and v of u[…, None] * v, which is the matrix u vᵀ."""
    if x.head != "multiply":
        return None
    left, right = x.args
    u = indexed(left, Ellipsis, None) or indexed(left, slice(None), None)
    v = indexed(right, Ellipsis, None, slice(None)) or (right if np.ndim(concrete(right)) else None)
    return (u, v) if u is not None and v is not None and np.ndim(concrete(v)) == 1 else None


def matrix_times_vector(x: Symbol) -> tuple[Any, Any] | None:
    """A and v of (A @ v[…, None])[…, 0], which is A v."""
    if x.options["index"] != (Ellipsis, 0) or not x_is(x.args[0], "matmul"):
        return None
    left, right = x.args[0].args
    v = indexed(right, Ellipsis, None)
    return None if v is None else (left, v)


def latex(x: Any) -> str:
    """An expression in LaTeX, without dollar signs."""
    return Writer("latex")(x)


def mathml(x: Any, more: Callable[[str], str] = lambda inner: inner) -> str:
    """An expression as a `<math>` element; `more` may put something around its content."""
    inner = more(Writer("mathml")(x))
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML">{inner}</math>'


def text(x: Any) -> str:
    """An expression on one line of plain text."""
    return Writer("text")(x)
