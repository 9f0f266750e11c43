"""How mathematics is spelled: in LaTeX, in MathML, or on one line of plain text.

A form knows what a fraction, a root or a transpose looks like, and how a name that may be anything
is made harmless. What is to be written is decided in `viz.formulas.mathematics`.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape

from microgradnd.program import SUBSCRIPTS, SUPERSCRIPTS
from viz.style.text import clean

LOGIC, SUM, PRODUCT, POWER, ATOM = range(5)  # how tightly what was written binds
Piece = tuple[str, int]

_SIMPLE = re.compile(
    rf"([^\W\d_][^\W_]*?)([{''.join(SUBSCRIPTS)}]*)([{''.join(SUPERSCRIPTS)}]*)((?:[._]\w+)*)('*)"
)
_LATEX_TEXT = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "^": r"\textasciicircum{}", "_": r"\_", "~": r"\textasciitilde{}", "%": r"\%",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textquoteleft{}",
    "*": r"\textasteriskcentered{}", "[": r"{[}", "]": r"{]}", "\n": " ", "\r": " ", "\t": " ",
    "…": r"\ldots{}", "×": "x",
}  # fmt: skip
_LATEX_SIGNS = {
    "⊙": r"\odot ", "·": r"\cdot ", "⋆": r"\star ", "∗": r"\ast ",
    "≥": r"\ge ", "≤": r"\le ", "≠": r"\ne ", "∧": r"\land ",
    "∨": r"\lor ", "¬": r"\lnot ", "−": "-", "∂": r"\partial ", "Σ": r"\sum", "→": r"\to ",
    "π": r"\pi ", "σ": r"\sigma", "∞": r"\infty ", "×": r"\times ", "…": r"\ldots ", "<": "<",
}  # fmt: skip

_LATEX_WORDS = {
    "ln 2": r"\ln 2", "ln 10": r"\ln 10", "1/√2": r"\tfrac{1}{\sqrt{2}}", "𝟏": r"\mathbf{1}",
    "√(2/π)": r"\sqrt{\tfrac{2}{\pi}}", "2/√π": r"\tfrac{2}{\sqrt{\pi}}", "⊤": r"\top ",
    "1/√(2π)": r"\tfrac{1}{\sqrt{2\pi}}",
}  # fmt: skip


LOWERED = str.maketrans({digit: sign for sign, digit in SUBSCRIPTS.items()})
RAISED = str.maketrans({digit: sign for sign, digit in SUPERSCRIPTS.items()})


def is_simple(name: str) -> bool:
    """Whether a name can stand as a symbol in a formula: h, net¹, W₂, conv1.weight, x_1."""
    return len(name) <= 24 and _SIMPLE.fullmatch(name) is not None and "__" not in name


def _parts(name: str) -> tuple[str, str, str]:
    """A simple name as its letters, its subscript and its superscript."""
    found = _SIMPLE.fullmatch(name)
    assert found is not None
    base, below, above, rest, primes = found.groups()
    if len(base) == 1 and re.fullmatch(r"_\w{1,2}", rest) and not below:
        below, rest = rest[1:], ""
    sub = "".join(SUBSCRIPTS.get(c, c) for c in below)
    return base + rest + primes, sub, "".join(SUPERSCRIPTS[c] for c in above)


class _Text:
    """One line of plain text."""

    name = "text"

    def symbol(self, name: str) -> str:
        return " ".join(clean(name).split())

    def word(self, word: str) -> str:
        return word

    def note(self, words: str) -> str:
        """Words and Python code within a formula."""
        return clean(words)

    def sign(self, sign: str) -> str:
        return {"·": "·", ",": ", ", "¬": "¬", "−()": "−", "": " "}.get(sign, f" {sign} ")

    def operator(self, sign: str, below: str) -> str:
        """A sign between two operands, with a subscript that says of what kind it is."""
        return f" {self.lowered(self.sign(sign).strip(), below)} "

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

    def part(self, whole: int) -> str:
        """A half, a third or a quarter."""
        return {2: "½", 3: "⅓", 4: "¼"}[whole]

    def raised(self, x: str, power: str) -> str:
        fitting = {"2": "²", "3": "³", "-1": "⁻¹", "T": "ᵀ"}
        return x + (fitting.get(power) or f"^{power if len(power) == 1 else f'({power})'}")

    def lowered(self, x: str, index: str) -> str:
        return f"{x}_{{{index}}}" if index else x

    def root(self, x: Piece) -> Piece:
        return (f"√{x[0]}" if x[1] == ATOM else f"√({x[0]})"), POWER

    def choice(self, rows: list[tuple[str, str]], last: str) -> Piece:
        return f"{'; '.join(f'{x} if {c}' for x, c in rows)}; else {last}", LOGIC


class _Latex(_Text):
    """LaTeX as KaTeX, MathJax and a TeX engine take it."""

    name = "latex"

    def symbol(self, name: str) -> str:
        name = clean(name)
        if not is_simple(name):
            return rf"\text{{{''.join(_LATEX_TEXT.get(c, c) for c in name)}}}"
        base, below, above = _parts(name)
        spelled = base.replace("_", r"\_")
        base = _latex_letter(base) if len(base) == 1 else rf"\mathrm{{{spelled}}}"
        below = "".join(_LATEX_TEXT.get(c, c) for c in below)
        return base + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")

    def word(self, word: str) -> str:
        if word in _LATEX_WORDS:
            return _LATEX_WORDS[word]
        if word in _LATEX_SIGNS or not word.isascii():
            return "".join(_LATEX_SIGNS.get(c, c) for c in word)
        if word[:1].isalpha():
            return rf"\operatorname{{{''.join(_LATEX_TEXT.get(c, c) for c in word)}}}"
        return "".join(_LATEX_TEXT.get(c, c) for c in word).replace("−", "-")

    def note(self, words: str) -> str:
        return rf"\text{{{''.join(_LATEX_TEXT.get(c, c) for c in clean(words))}}}"

    def sign(self, sign: str) -> str:
        known = {",": r",\,", "−()": "-", "−": " - ", "": r"\,"}
        return known.get(sign) or _LATEX_SIGNS.get(sign) or f" {sign} "

    def parentheses(self, x: str, pair: str = "()") -> str:
        ends = {"{": r"\{", "}": r"\}"}
        return rf"\left{ends.get(pair[0], pair[0])}{x}\right{ends.get(pair[1], pair[1])}"

    def derivative(self, above: str, below: str) -> Piece:
        return rf"\frac{{\partial {above}}}{{\partial {below}}}", ATOM

    def fraction(self, above: Piece, below: Piece) -> Piece:
        return rf"\frac{{{above[0]}}}{{{below[0]}}}", PRODUCT

    def part(self, whole: int) -> str:
        return rf"\tfrac{{1}}{{{whole}}}"

    def raised(self, x: str, power: str) -> str:
        # a base that has a superscript of its own needs braces
        above = r"\top" if power == "T" else power
        return f"{{{x}}}^{{{above}}}"

    def root(self, x: Piece) -> Piece:
        return rf"\sqrt{{{x[0]}}}", ATOM

    def choice(self, rows: list[tuple[str, str]], last: str) -> Piece:
        lines = [rf"{x} & \text{{if }} {c}" for x, c in rows] + [rf"{last} & \text{{else}}"]
        table = r" \\ ".join(lines)
        return rf"\begin{{cases}}{table}\end{{cases}}", ATOM


def _latex_letter(letter: str) -> str:
    """A letter as LaTeX spells it: θ is \\theta; Latin letters, and those it lacks, stand."""
    words = unicodedata.name(letter, "").split()
    if words[:1] == ["GREEK"] and len(words) == 4 and words[2] == "LETTER":
        word = {"LAMDA": "lambda"}.get(words[3], words[3].lower())
        upright = ["Α", "Β", "Ε", "Ζ", "Η", "Ι", "Κ", "Μ", "Ν", "Ο", "Ρ", "Τ", "Χ", "ο"]
        if letter in upright:
            return unicodedata.normalize("NFKC", letter)
        return "\\" + (word if words[1] == "SMALL" else word.capitalize()) + " "
    return letter


class _MathML(_Text):
    """MathML Core, which browsers draw themselves."""

    name = "mathml"

    def symbol(self, name: str) -> str:
        name = clean(name)
        if not is_simple(name):
            return f"<mtext>{escape(name)}</mtext>"
        base, below, above = _parts(name)
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

    def note(self, words: str) -> str:
        edged = clean(words).replace(" ", "\u00a0")  # plain spaces at the ends would not be shown
        return f"<mtext>{escape(edged)}</mtext>"

    def sign(self, sign: str) -> str:
        if sign == "":
            return '<mspace width="0.17em"/>'
        return f"<mo>{escape(sign.removesuffix('()'))}</mo>"

    def row(self, *pieces: str) -> str:
        return f"<mrow>{''.join(pieces)}</mrow>"

    def parentheses(self, x: str, pair: str = "()") -> str:
        return f"<mrow><mo>{pair[0]}</mo>{x}<mo>{pair[1]}</mo></mrow>"

    def derivative(self, above: str, below: str) -> Piece:
        d = "<mo>∂</mo>"
        return f"<mfrac><mrow>{d}{above}</mrow><mrow>{d}{below}</mrow></mfrac>", ATOM

    def fraction(self, above: Piece, below: Piece) -> Piece:
        return f"<mfrac><mrow>{above[0]}</mrow><mrow>{below[0]}</mrow></mfrac>", PRODUCT

    def part(self, whole: int) -> str:
        return f"<mfrac><mn>1</mn><mn>{whole}</mn></mfrac>"

    def raised(self, x: str, power: str) -> str:
        above = "<mo>⊤</mo>" if power == "T" else power if "<" in power else self.word(power)
        return f"<msup><mrow>{x}</mrow><mrow>{above}</mrow></msup>"

    def lowered(self, x: str, index: str) -> str:
        return f"<msub><mrow>{x}</mrow><mrow>{index}</mrow></msub>" if index else x

    def root(self, x: Piece) -> Piece:
        return f"<msqrt>{x[0]}</msqrt>", ATOM

    def choice(self, rows: list[tuple[str, str]], last: str) -> Piece:
        lines = [(x, f"<mtext>if\u00a0</mtext>{c}") for x, c in rows] + [
            (last, "<mtext>else</mtext>")
        ]
        cells = "".join(f"<mtr><mtd>{x}</mtd><mtd>{c}</mtd></mtr>" for x, c in lines)
        return f"<mrow><mo>{{</mo><mtable>{cells}</mtable></mrow>", ATOM


FORMS: dict[str, _Text] = {"text": _Text(), "latex": _Latex(), "mathml": _MathML()}
