"""The pages of the reference, written from declarations, docstrings and examples that are run."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from io import StringIO
from typing import Any

import numpy as np

import microgradnd
import viz
from examples.site import text
from examples.site.kinks import Kink, kinks
from examples.site.public import (
    CONSTANTS,
    INTERNAL,
    Entry,
    entries,
    is_constant,
    method_names,
    modules,
    names,
    numpy_names,
    pages,
    torch_names,
)
from examples.site.samples import Arguments, Samples, has_examples, picture, results
from microgradnd import Op
from microgradnd.documentation import summary_of
from microgradnd.graph import Graph
from microgradnd.program import source_of_rule
from microgradnd.stubs import forms, signature_text
from viz.formulas import mathematics
from viz.formulas.formulas import Formula

LONG = 260  # characters; a longer rule is shown as its source
FEW = 12  # elements that an example writes out
DRAWN = ("microgradnd.ops", "microgradnd.nn")  # whose examples are drawn
NOT_DRAWN = ("microgradnd.nn.utils", "microgradnd.nn.init")
KINKS = (
    "Where there are two slopes or none, and what the gradient is there. "
    "Of arrays whose elements are equal, the first element is moved."
)

Put = Callable[[str], str]  # takes HTML and gives what stands for it in reStructuredText


def link(name: str, module: str = "microgradnd") -> str | None:
    """The page of what a docstring speaks of."""
    known = pages()
    plain = name.replace("mg.", "microgradnd.") if name.startswith("mg.") else name
    for full in (plain, f"{module}.{plain}", f"microgradnd.{plain}", f"viz.{plain}",
                 f"microgradnd.nn.{plain}", f"microgradnd.nn.functional.{plain}"):  # fmt: skip
        if full in known:
            return known[full]
        if full in modules():
            return full
    return None


class Pages:
    """Writes the pages.

    Args:
        put: keeps a piece of HTML, a formula or a picture, and gives what stands for it.
        samples: the arguments of an example for each entry.
        drawn: what is found in the places of the pages that have a picture.
    """

    def __init__(self, put: Put, samples: Samples, drawn: str = "") -> None:
        self.put, self.samples, self.drawn = put, samples, drawn

    def page(self, entry: Entry) -> str:
        """The page of a function, class or operation."""
        up = entry.module
        parts = [
            ":orphan:\n",
            text.heading(entry.title.removesuffix("-class").removesuffix("-function"), "="),
            f"In {text.linked(up, up)}\n",
            self.signature(entry),
        ]
        given = self.samples.of(entry)
        if entry.op is not None:
            parts += self.mathematics(entry.op, given)
        if given is not None and not isinstance(entry.value, type) and _is_drawn(entry):
            parts += _kinks(kinks(entry, given))
        parts += _names(entry)
        if entry.op is not None and entry.names and given is not None and not has_examples(entry):
            parts += _example(entry, given)
        if given is not None and _is_drawn(entry):
            parts += self.drawing(entry, given)
        return "\n".join(parts)

    def signature(self, entry: Entry) -> str:
        """The signature and what the docstring says, and of a class its methods."""
        kind = "class" if isinstance(entry.value, type) else "function"
        name = entry.names[0] if entry.names else entry.place.replace("/", ".")
        lines = [f".. py:{kind}:: {name}{form}" for form in signatures(entry)[:1]]
        lines += [f"{' ' * len(f'.. py:{kind}::')} {name}{form}" for form in signatures(entry)[1:]]
        said = text.restructured(description(entry), lambda n: link(n, entry.module))
        body = [said, *(_methods(entry) if isinstance(entry.value, type) else [])]
        return "\n".join([*lines, "", *_indented("\n".join(body))]) + "\n"

    # --- What an operation computes --------------------------------------------------------------
    def mathematics(self, op: Op, given: Arguments | None) -> list[str]:
        """The formula, the rule of each operand, what is saved for it, and the traits."""
        parts = [text.heading("Formula and gradients", "-")]
        result = equation(op, None, given)
        if result is not None:
            parts.append(self.equation(result))
        if op.discrete:
            parts.append("It has no gradient by nature.\n")
        elif op.flat:
            parts.append("Its slope is 0 wherever it has one: the gradient is 0 everywhere.\n")
        for i, key in enumerate(op.operands):
            if key not in op.rules:
                if not op.discrete:
                    parts.append(f"- {text.code(key)}: no gradient flows to it.\n")
                continue
            parts.append(f"- {text.code(key)}: saved for its gradient: {saved(op, i)}.\n")
            found = equation(op, i, given)
            if found is None or found.expression is None or len(found.text()) > LONG:
                parts += _indented(text.block(rule_source(op, key)), "  ")
            else:
                parts += _indented(self.equation(found), "  ")
        said = traits(op)
        return [*parts, f"Traits: {', '.join(said)}.\n"] if said else parts

    def equation(self, formula: Formula) -> str:
        """A formula as mathematics, with what it rests on and the notations it uses."""
        shown = formula.mathml(equation=True).replace("<math ", '<math display="block" ', 1)
        parts = [self.put(f'<div class="formula" role="group" tabindex="0">{shown}</div>')]
        given = [text.code(x.replace("`", "")) for x in formula.conditions()]
        if given:
            parts.append(f"where {', '.join(given)}\n")
        writer = mathematics.Writer("text")
        writer(formula.expression)
        parts += [
            text.paragraph(f"{mathematics.DEFINITIONS[key]}.", lambda _: None)
            for key in writer.defined
            if key in mathematics.DEFINITIONS
        ]
        return "\n".join(parts)

    # --- Pictures --------------------------------------------------------------------------------
    def drawing(self, entry: Entry, given: Arguments) -> list[str]:
        """The example as a picture, and of a composed function the operations in it."""
        found = results(entry, given)
        if not found:
            return []
        parts = [text.heading("The example, drawn", "-")]
        if entry.op is None:
            ops = dict.fromkeys(node.op for node in Graph(found).computed)
            places = {id(e.op): e for e in entries().values() if e.op is not None}
            listed = [text.linked(op.name, places[id(op)].place) for op in ops if id(op) in places]
            parts.append(f"Operations in it: {', '.join(listed)}.\n")
        svg = picture(found) if re.search(self.drawn, entry.place) else None
        if svg is not None:
            parts.append(self.put(f'<div class="picture" tabindex="0">{svg}</div>'))
        return parts


def _is_drawn(entry: Entry) -> bool:
    return entry.home.startswith(DRAWN) and not entry.home.startswith(NOT_DRAWN)


def _indented(block: str, by: str = "   ") -> list[str]:
    return [f"{by}{line}".rstrip() for line in block.splitlines()] + [""]


# --- Signatures and docstrings -------------------------------------------------------------------
def signatures(entry: Entry) -> list[str]:
    """What stands in parentheses, once for each way of calling it."""
    if entry.op is not None:
        return [f"({given})" for _, given in forms(entry.op, entry.function, method=False)]
    try:
        written = signature_text(entry.value, method=False)
    except (TypeError, ValueError):  # a class that NumPy or Python made
        return ["()"]
    return [written.removesuffix(" -> None") if isinstance(entry.value, type) else written]


def description(entry: Entry) -> str:
    """The docstring, of NumPy's functions the paragraph that matters."""
    if entry.op is not None:
        return summary_of(entry.op.call_forward, entry.op.operands) if isinstance(
            entry.op.call_forward, np.ufunc
        ) else inspect.getdoc(entry.op.call_forward) or ""  # fmt: skip
    return inspect.getdoc(entry.value) or ""


def summary(entry: Entry) -> str:
    """The first paragraph of the docstring."""
    return " ".join(description(entry).partition("\n\n")[0].split())


def _methods(entry: Entry) -> list[str]:
    """The methods and properties that a class has itself; those that have a page are linked."""
    parts = []
    places = {id(getattr(e.value, "op", e.value)): e.place for e in entries().values()}
    listed: dict[str, str] = {}
    classes = inspect.getmro(entry.value) if entry.value is microgradnd.Tensor else (entry.value,)
    own = {k: v for cls in reversed(classes) for k, v in vars(cls).items()}
    for name, value in sorted(own.items()):
        function = value.fget if isinstance(value, property) else inspect.unwrap(value)
        function = getattr(function, "__func__", function)
        if name.startswith("_") or not callable(function) or isinstance(function, type):
            continue
        if id(getattr(function, "op", function)) in places:
            listed[name] = places[id(getattr(function, "op", function))]
        elif doc := inspect.getdoc(function):
            form = "" if isinstance(value, property) else _form_of(function)
            kind = "property" if isinstance(value, property) else "method"
            said = text.restructured(doc, lambda n: link(n, entry.module))
            parts += [f".. py:{kind}:: {name}{form}\n", *_indented(said)]
    if listed:
        each = ", ".join(text.linked(name, place) for name, place in listed.items())
        parts += [f"Methods and properties that are functions, too: {each}.\n"]
    return parts


def _form_of(function: Callable) -> str:
    try:
        return signature_text(function, method=True)
    except (TypeError, ValueError, IndexError):  # a class method of NumPy's or Python's
        return "()"


# --- Operations ----------------------------------------------------------------------------------
def equation(op: Op, operand: int | None, given: Arguments | None) -> Formula | None:
    """The formula of the result, or of the gradient of an operand, at an example's arguments."""
    if given is None:
        return None
    values = {k: given[k] for k in op.operands if given[k] is not None}
    options = {k: given[k] for k in op.options}
    if op.variadic:
        shapes, values = [np.shape(x) for x in given[op.operands[0]]], {}
    else:
        shapes = [np.shape(x) for x in values.values()]
    try:
        with np.errstate(all="ignore"):
            return viz.formula(op, operand, shapes=shapes, values=values, **options)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # it is not to be had in symbols


def saved(op: Op, i: int) -> str:
    """What a call keeps in memory if operand i alone is differentiated: the plan is asked."""
    keys = [*op.operands, "out", *op.keeps]
    if op.variadic:
        kept = [k for k in op.needs[op.operands[0]] if k in keys]
    else:
        kept = [keys[k] for k in op.plan(1 << i).save]
    words = {"out": "the result ``out``"}
    return ", ".join(words.get(k, text.code(k)) for k in kept) or "nothing but shapes and options"


def rule_source(op: Op, key: str) -> str:
    """A rule as Python has it."""
    rule = inspect.unwrap(op.rules[key])
    if rule.__name__ == "<lambda>":
        return source_of_rule(rule)
    return inspect.cleandoc(inspect.getsource(rule))


def traits(op: Op) -> list[str]:
    """What the row says of an operation in one word each."""
    named = {
        "element by element": op.elementwise, f"linear in ``{op.linear}``": op.linear,
        "a reduction": op.reduction, "a contraction": op.contraction,
        f"may share memory with ``{op.view}``": op.view, "discrete": op.discrete,
        "piecewise constant": op.flat, "an activation": op.activation,
    }  # fmt: skip
    return [words for words, holds in named.items() if holds]


def _kinks(found: list[Kink]) -> list[str]:
    """Where it has two slopes or none, and what the gradient is there."""
    if not found:
        return []
    rows = [[text.escape(k.where), *map(_number, (k.left, k.right, k.gradient))] for k in found]
    heads = ["at", "slope from the left", "slope from the right", "gradient"]
    return [text.heading("Kinks", "-"), f"{KINKS}\n", text.table(heads, rows)]


def _number(x: float) -> str:
    if not np.isfinite(x):
        return "none" if np.isnan(x) else ("−∞" if x < 0 else "∞")
    return f"{round(float(x), 4) + 0.0:g}".replace("-", "−")


def _names(entry: Entry) -> list[str]:
    """All names by which it is reached, here and elsewhere."""
    methods = [m if m.startswith("__") else f"t.{m}" for m in method_names(entry)]
    rows = {
        "here": [n.replace("microgradnd.", "mg.", 1) for n in entry.names],
        "of a Tensor t": methods,
        "NumPy": numpy_names(entry),
        "PyTorch": torch_names(entry),
    }
    if not entry.names:
        return [text.paragraph("It is internal: other operations are made of it.", lambda _: None)]
    if sum(map(len, rows.values())) < 2:
        return []
    listed = [[where, ", ".join(map(text.code, each))] for where, each in rows.items() if each]
    return [text.heading("Names", "-"), text.table(["", "name"], listed, "20 80")]


# --- Examples that are made ----------------------------------------------------------------------
def _example(entry: Entry, given: Arguments) -> list[str]:
    """A call with an example's arguments as code, and what it prints."""
    op = entry.op
    assert op is not None
    lines = []
    shown = [k for k in op.operands if given[k] is not None]
    for key in shown:
        x = given[key]
        if (sum(map(np.size, x)) if op.variadic else np.size(x)) > FEW:
            return []
        tracked = ", requires_grad=True" if key in op.rules else ""
        each = x if op.variadic else [x]
        made = [f"mg.Tensor({np.asarray(v).tolist()}{tracked})" for v in each]
        lines.append(f"{key} = {'[' + ', '.join(made) + ']' if op.variadic else made[0]}")
    options = [f", {k}={v!r}" for k, v in ((k, given[k]) for k in op.options) if v != op.options[k]]
    name = entry.names[0].replace("microgradnd.", "mg.", 1)
    lines += [f"out = {name}({', '.join(shown)}{''.join(options)})", "out"]
    if op.rules:
        lines += ["out.sum().backward()"]
        lines += [f"{k}.grad" for k in shown if k in op.rules and not op.variadic]
    return [text.heading("Example", "-"), text.block(session(lines))]


def session(lines: Iterable[str]) -> str:
    """Lines run in an interpreter, with what it prints."""
    scope: dict[str, Any] = {"mg": microgradnd, "np": np}
    written = []
    for line in lines:
        before, sys.stdout = sys.stdout, StringIO()
        try:
            exec(compile(line, "<example>", "single"), scope)
            printed = sys.stdout.getvalue()
        finally:
            sys.stdout = before
        written.append(f">>> {line}\n{printed}")
    return "".join(written)


# --- Lists ---------------------------------------------------------------------------------------
def section(module: str) -> str:
    """The page of a module: what is in it, by the modules that define it."""
    parts = [text.heading(module, "=")]
    if module == INTERNAL:
        parts.append("Operations without a public name, of which others are made.\n")
    else:
        parts.append(text.restructured(modules()[module].__doc__ or "", lambda n: link(n, module)))
    homes: dict[str, list[Entry]] = {}
    for entry in entries().values():
        if entry.module == module:
            homes.setdefault(entry.home, []).append(entry)
    for home, listed in sorted(homes.items()):
        if len(homes) > 1:
            words = home.removeprefix("microgradnd.").replace("_", " ").replace(".", ": ")
            parts += [text.heading(words, "-")]
            about = (sys.modules[home].__doc__ or "").strip().partition("\n\n")[0]
            parts.append(text.paragraph(about, lambda n: link(n, module)))
        rows = [
            [text.linked(e.title, e.place), text.inline(summary(e), lambda n: link(n, module))]
            for e in sorted(listed, key=lambda e: e.title.lower())
        ]
        parts.append(text.table(["name", "what it is"], rows, "25 75"))
    return "\n".join(parts)


def constants(module: str) -> str | None:
    """The page of the values of a module that are no functions; None if it has none."""
    found = {n: v for n, v in names() if n.rpartition(".")[0] == module and is_constant(v)}
    if not found:
        return None
    rows = [[text.code(n), text.code(_short(v))] for n, v in sorted(found.items())]
    title = text.heading(f"{CONSTANTS.capitalize()} of {module}", "=")
    return "\n".join([":orphan:\n", title, text.table(["name", "value"], rows)])


def _short(value: Any) -> str:
    shown = f"a {type(value).__name__} of {len(value)}" if isinstance(value, dict) else repr(value)
    return shown if len(shown) < 80 else f"a {type(value).__name__}"
