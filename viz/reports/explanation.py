"""The derivation of every gradient, written for a reader: Markdown, HTML or plain text."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from microgradnd import Tensor
from microgradnd.graph import FLAG, Graph, Node, checked, one_of, optional
from microgradnd.program import simplified
from viz.formats import files
from viz.formats.whole_page import WholePage
from viz.formulas.elements import Index, bracketed, element_in, element_of
from viz.formulas.formulas import Formula
from viz.formulas.mathematics import DEFINITIONS, Writer
from viz.reports.derivation import Derivation, Named, distinct
from viz.style.kinds import GRADIENT, LOSS, PATH
from viz.style.text import clean, number, one_line

MOST = 500  # operations; a longer derivation is of no use to a reader
_FEW = 60  # numbers in a graph that is small enough to have them written beside the formulas
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1rem;margin:1.2rem 0 .2rem}
math{font-size:1.05rem}div.eq{overflow:auto hidden;padding:.25rem 0 .25rem 1rem}
mtable.forms mtd{text-align:left;padding:.2em 0}mtable.matrix mtd{text-align:right}
mtable.matrix{border:solid;border-width:0 1.5px;border-radius:.3em;padding:0 .15em}
table{border-collapse:collapse}td,th{text-align:left;padding:.15rem .8rem .15rem 0;
border-bottom:1px solid #8884}p.note{opacity:.8;margin:.2rem 0}
"""


Part = tuple[Node, Index | None] | None  # what is explained, if not all


class Explanation(str):
    """The text of a derivation, and the derivation itself; made by `viz.explain`.

    Notebooks show it as Markdown, of the form "html" the page in a frame; `print` and a terminal
    show the text.
    """

    derivation: Derivation
    form: str
    numbers: bool
    part: Part

    @classmethod
    def of(cls, derivation: Derivation, form: str, numbers: bool, part: Part) -> Explanation:
        page = FORMATS[form](numbers)
        _fill(page, derivation, part)
        out = cls(page.finished())
        out.derivation, out.form, out.numbers, out.part = derivation, form, numbers, part
        return out

    @checked(path=PATH)
    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a .md, .html or .txt file, whatever the form of this text; folders are created.

        Raises:
            ValueError: the file has another suffix.
        """
        texts = {
            suffix: partial(self.of, self.derivation, form, self.numbers, self.part)
            for suffix, form in ((".md", "markdown"), (".html", "html"), (".txt", "text"))
        }
        return files.save(path, texts, "an explanation")

    def _repr_markdown_(self) -> str | None:
        fenced = f"```\n{self}```\n" if self.form == "text" else str(self)
        return None if self.form == "html" else fenced

    def _repr_html_(self) -> str | None:
        return WholePage(self)._repr_html_() if self.form == "html" else None

    def __repr__(self) -> str:
        return str(self)


@checked(
    loss=LOSS, format=one_of("markdown", "html", "text"), numbers=optional(FLAG), gradient=GRADIENT,
    of=optional(LOSS),
)  # fmt: skip
def explain(
    loss: Tensor,
    format: str = "markdown",
    numbers: bool | None = None,
    gradient: Any = None,
    *,
    of: Tensor | None = None,
) -> Explanation:
    """Writes how the gradient of every parameter of a graph comes about, by the chain rule.

    First the forward pass, then the backward pass operation by operation: what each adds to the
    gradients of its operands, and the sums where several meet; then each gradient in full, put
    together from the nearest named results down to values alone. Formulas are those that the rules
    leave behind when they are run on symbols; one that leaves none is quoted from its source.
    Tensors whose name can stand in a formula keep it, others get one; a table tells which.

    Args:
        loss: the tensor that is differentiated.
        format: "markdown" with LaTeX between dollar signs, "html" with MathML (one page that
            needs nothing else), or "text".
        numbers: writes the values beside the formulas; by default if there are at most 60.
        gradient: to start from, 1 for a scalar.
        of: explains the gradient of this tensor alone, or of one element, as `of=V[0, 1]`.

    Raises:
        GraphError: the loss depends on no tensor that requires a gradient, or is no scalar.
        ValueError: the format is unknown, or the graph has more than 500 operations.

    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> text = explain((x * x).named("y"), format="text")
    >>> print(text[text.index("Gradients") :])
    Gradients
    ---------
    <BLANKLINE>
    ∂y/∂x = 2·x
      = 6
    <BLANKLINE>
    """
    graph = Graph(loss)
    count = len(graph.computed)
    if count > MOST:
        raise ValueError(
            f"a derivation of {count:,} operations is too long to be read; explain "
            f"a part of the graph, or fewer time steps ({MOST} operations at most)"
        )
    found = Derivation(loss, gradient)
    numbers = found.size() <= _FEW if numbers is None else numbers
    return Explanation.of(
        found, format, numbers, None if of is None else element_in(graph, of, owner="explain(of)")
    )


def _fill(page: _Page, found: Derivation, part: Part) -> None:
    """Writes the derivation, or that of one gradient or element, on a page, section by section."""
    of = found.loss
    if part is not None:
        of = str(found.symbols[part[0]].name) + bracketed(part[1] or ())
    page.title(f"The gradient{'s' if part is None else ''} of {of}")
    page.table(found.legend)
    page.heading("Forward pass")
    for node, formula in found.forward:
        page.equation(formula.left, [formula.expression], found.trace.values[node])
    if part is not None:
        _fill_one(page, found, *part)
        return
    _fill_backward(page, found)
    page.heading("Gradients")
    for node, total in found.sums.items():
        if total.forms:
            page.equation(total.left, total.forms, found.trace.gradients[node], many=True)
        else:
            count = len(found.arrivals[node])
            sources = f"by the rule {', '.join(total.stated)}" if total.stated else "above"
            note = f"the sum of {count} terms, {sources}" if count > 1 else sources
            page.equation(total.left, [], found.trace.gradients[node], note=note)
    if page.write.defined:
        page.heading("Signs")
        page.paragraphs([DEFINITIONS[notation] for notation in page.write.defined])


def _fill_backward(page: _Page, found: Derivation) -> None:
    page.heading("Backward pass")
    page.equation(found.gradients[found.top], [], found.trace.seeds[found.top], always=True)
    given: Counter[Node] = Counter()
    for k, (node, additions) in enumerate(found.steps, start=1):
        page.step(k, node.op.name, found.symbols[node])
        for p, i, formula in additions:
            given[p] += 1
            of = given[p], len(found.arrivals[p])
            _add_term(page, formula, found.trace.contributions[node, i], of)
            if of[0] == of[1] > 1:
                note = "the sum of the terms above"
                page.equation(formula.left, [], found.trace.gradients[p], note=note)


def _fill_one(page: _Page, found: Derivation, node: Node, index: Index | None) -> None:
    """Writes how one gradient comes about, or that of one element."""
    page.heading("Gradient")
    total, value = found.sum_of(node), found.trace.gradients[node]
    page.equation(total.left, total.forms, value, many=True)
    if index is not None:
        forms = [simplified(element_of(form, index)) for form in total.forms]
        page.equation(total.left[index], distinct(forms), np.asarray(value[index]), many=True)


def _add_term(page: _Page, formula: Formula, value: np.ndarray, of: tuple[int, int]) -> None:
    """What one operation adds to a gradient, numbered where it is one of several terms."""
    notes = [f"term {of[0]} of {of[1]}"] if of[1] > 1 else []
    if formula.expression is None:
        notes.append(f"by the rule {formula.stated}")
    elif formula.given:
        notes.append(f"where {', '.join(formula.conditions())}")
    right = [] if formula.expression is None else [formula.expression]
    page.equation(formula.left, right, value, note=", ".join(notes))


class _Page:
    """A derivation in plain text; subclasses write the same in other forms."""

    form = "text"

    def __init__(self, numbers: bool) -> None:
        self.numbers = numbers
        self.lines: list[str] = []
        self.write = Writer(self.form)

    def title(self, text: str) -> None:
        self.lines += [self.plain(text), "=" * len(text), ""]

    def heading(self, text: str) -> None:
        self.lines += ["", text, "-" * len(text), ""]

    def step(self, number: int, op: str, result: Any) -> None:
        self.lines.append(f"{number}. Through {self.plain(op)}, back from {self.write(result)}")

    def plain(self, text: str) -> str:
        """Words that may be anything, made harmless."""
        return one_line(text)

    def table(self, items: list[Named]) -> None:
        for item in items:
            self.lines.append("  ".join(self.cells(item)).rstrip())

    def paragraphs(self, texts: list[str]) -> None:
        for text in texts:
            self.lines += [self.plain(text), ""]

    def cells(self, item: Named) -> list[str]:
        """Expression, shape, origin and the tensor's name where that could not be the symbol."""
        size = "×".join(map(str, item.shape)) or "scalar"
        own = "" if item.name is None else f"“{item.name}”"
        return [self.inline(self.write(item.symbol)), size, *map(self.plain, (item.origin, own))]

    def inline(self, formula: str) -> str:
        return formula

    def equation(
        self,
        left: Any,
        right: list[Any],
        value: np.ndarray,
        note: str = "",
        always: bool = False,
        many: bool = False,
    ) -> None:
        """left = right = … = value; with `many` the forms stand below each other."""
        parts = [self.write(x) for x in right]
        if (self.numbers or always or not parts) and value.size <= _FEW:
            amount = self.amount(value)
            parts += [amount] if parts[-1:] != [amount] else []
        self.put(self.write(left), parts, note, many)

    def put(self, left: str, parts: list[str], note: str, many: bool) -> None:
        line = f"{left} = {parts[0]}" if parts else left
        self.lines.append(f"{line}" if many else f"   {' = '.join([line, *parts[1:]])}")
        if many:
            self.lines += [f"  = {part}" for part in parts[1:]] + [""]
        if note:
            self.lines[-1] += f"   ({self.plain(note)})"

    def amount(self, x: np.ndarray) -> str:
        """Numbers to four digits."""
        if x.ndim == 0:
            return self.digits(float(x))
        return self.array(x)

    def array(self, x: np.ndarray) -> str:
        return f"[{', '.join(map(self.amount, x))}]"

    def digits(self, x: float | complex) -> str:
        if isinstance(x, complex):
            sign = "-" if x.imag < 0 else "+"
            return rf"{self.digits(x.real)} {sign} {self.digits(abs(x.imag))}\,i"
        return number(x)

    def finished(self) -> str:
        return "\n".join(self.lines).rstrip() + "\n"


class _Markdown(_Page):
    """Markdown with LaTeX between dollar signs, as GitHub and notebooks show it."""

    form = "latex"

    def title(self, text: str) -> None:
        self.lines += [f"# {self.plain(text)}", ""]

    def heading(self, text: str) -> None:
        self.lines += ["", f"## {text}", ""]

    def step(self, number: int, op: str, result: Any) -> None:
        where = self.inline(self.write(result))
        self.lines += [f"**{number}.** Through {self.plain(op)}, back from {where}:", ""]

    def plain(self, text: str) -> str:
        quoted = re.sub(r"([\\`*_{}\[\]()#+\-.!|~$:@])", r"\\\1", one_line(text))
        return quoted.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def table(self, items: list[Named]) -> None:
        self.lines += ["| symbol | shape | from | name |", "|---|---|---|---|"]
        self.lines += [f"| {' | '.join(self.cells(item))} |" for item in items]

    def inline(self, formula: str) -> str:
        return f"${formula}$"

    def put(self, left: str, parts: list[str], note: str, many: bool) -> None:
        if many and len(parts) > 1:
            rows = r" \\ ".join(f"&= {part}" for part in parts)
            body = rf"\begin{{aligned}} {left} {rows} \end{{aligned}}"
        else:
            body = " = ".join([left, *parts])
        self.lines += [f"$${body}$$", ""]
        if note:
            self.lines += [f"({self.plain(note)})", ""]

    def array(self, x: np.ndarray) -> str:
        if x.ndim > 2 or not x.size:  # by its shape
            return r"\text{array of } " + r" \times ".join(map(str, x.shape))
        body = r" \\ ".join(" & ".join(map(self.digits, row)) for row in np.atleast_2d(x).tolist())
        return rf"\begin{{bmatrix}}{body}\end{{bmatrix}}"

    def digits(self, x: float | complex) -> str:
        if isinstance(x, complex):
            sign = "-" if x.imag < 0 else "+"
            return rf"{self.digits(x.real)} {sign} {self.digits(abs(x.imag))}\,i"
        if not math.isfinite(x):
            return r"\text{NaN}" if x != x else r"\infty" if x > 0 else r"-\infty"
        mantissa, _, exponent = f"{x:.4g}".partition("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


class _Html(_Page):
    """One HTML page with MathML; no script, nothing loaded."""

    form = "mathml"

    def title(self, text: str) -> None:
        self.name = self.plain(text)
        self.lines.append(f"<h1>{self.name}</h1>")

    def heading(self, text: str) -> None:
        self.lines.append(f"<h2>{text}</h2>")

    def step(self, number: int, op: str, result: Any) -> None:
        where = self.inline(self.write(result))
        self.lines.append(f"<h3>{number}. Through {self.plain(op)}, back from {where}</h3>")

    def plain(self, text: str) -> str:
        return escape(one_line(clean(text)))

    def table(self, items: list[Named]) -> None:
        head = "".join(f"<th>{name}</th>" for name in ("symbol", "shape", "from", "name"))
        self.lines.append(f"<table><tr>{head}</tr>")
        for item in items:
            row = "".join(f"<td>{cell}</td>" for cell in self.cells(item))
            self.lines.append(f"<tr>{row}</tr>")
        self.lines.append("</table>")

    def paragraphs(self, texts: list[str]) -> None:
        self.lines += [f"<p>{self.plain(text)}</p>" for text in texts]

    def inline(self, formula: str) -> str:
        return f"<math>{formula}</math>"

    def put(self, left: str, parts: list[str], note: str, many: bool) -> None:
        equal = "<mo>=</mo>"
        if many and len(parts) > 1:
            rows = [f"<mtr><mtd>{left}</mtd><mtd>{equal}{parts[0]}</mtd></mtr>"]
            rows += [f"<mtr><mtd></mtd><mtd>{equal}{part}</mtd></mtr>" for part in parts[1:]]
            body = f'<mtable class="forms">{"".join(rows)}</mtable>'
        else:
            body = f"<mrow>{equal.join([left, *parts])}</mrow>"
        self.lines.append(f'<div class="eq"><math displaystyle="true">{body}</math></div>')
        if note:
            self.lines.append(f'<p class="note">({self.plain(note)})</p>')

    def array(self, x: np.ndarray) -> str:
        if x.ndim > 2 or not x.size:
            return f"<mtext>array of {'×'.join(map(str, x.shape))}</mtext>"
        rows = "".join(
            f"<mtr>{''.join(f'<mtd>{self.digits(v)}</mtd>' for v in row)}</mtr>"
            for row in np.atleast_2d(x).tolist()
        )
        return f'<mtable class="matrix">{rows}</mtable>'

    def digits(self, x: float | complex) -> str:
        if isinstance(x, complex):
            sign = "-" if x.imag < 0 else "+"
            return rf"{self.digits(x.real)} {sign} {self.digits(abs(x.imag))}\,i"
        return f"<mn>{number(x)}</mn>"

    def finished(self) -> str:
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{self.name}</title><style>{_STYLE}</style></head><body>\n"
            + "\n".join(self.lines)
            + "\n</body></html>\n"
        )


FORMATS: dict[str, type[_Page]] = {"markdown": _Markdown, "html": _Html, "text": _Page}
