"""The derivation of a gradient as data: names, forward steps, backward steps, gradients.

Every expression comes from running the rules on symbols (`microgradnd.program`), every number from
the engine's own walk (`viz.trace`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import count as counting
from operator import add
from typing import Any

from microgradnd import Tensor
from microgradnd.graph import Node, Operand, node_of
from microgradnd.program import Expression, applied, count, names_of, simplified, substitute
from viz.capture.trace import Trace, trace
from viz.formulas.formulas import Formula, of_contribution
from viz.formulas.notation import LOWERED, is_simple

_LONG = 40  # an expression of more names and calls is not put into another one
_TERMS = 12  # a gradient of more contributions is left as their sum
_SHORT = 9  # one of no more is put in the place of a result that has no name


@dataclass
class Named:
    """What a symbol of the derivation stands for."""

    symbol: Expression
    shape: tuple[int, ...]
    origin: str  # parameter, constant, or the name of the operation
    name: str | None  # the tensor's own, where it is not the symbol


Addition = tuple[Node, int, Formula]  # a node, the number of an operand, and the formula


@dataclass
class Sum:
    """A gradient: the expression at hand, then with more and more put in.

    Attributes:
        left: the gradient's symbol.
        forms: equal expressions, from the nearest named gradients down to values alone.
        stated: the quoted rules it depends on where they leave no expression.
    """

    left: Expression
    forms: list[Any]
    stated: list[str]


class Derivation:
    """How the gradient of every tensor comes about, by the chain rule, step by step.

    Attributes:
        trace: the numbers of the engine.
        symbols: of every node, and of constants by the id of their array.
        legend: what the symbols stand for, constants and parameters first.
        forward: the formula of each result, in order of computation.
        steps: the backward pass in its order: operations, and what each adds to the gradient of
            which operand.
        sums: the gradient of each node that has a name, or is used more than once, or is a leaf.
    """

    def __init__(self, loss: Tensor, grad: Any = None) -> None:
        self.top = node_of(loss)
        self.trace: Trace = trace(loss, grad, keep="arrays")
        self.computed = self.trace.graph.computed[::-1]
        self.leaves = self.trace.graph.leaves
        self.taken: set[str] = set()
        self.numbered: dict[str, Iterator[str]] = {}  # by stem, the names not yet tried
        self.symbols: dict[Any, Any] = {}
        self.legend: list[Named] = []
        self.name_all()
        self.loss = str(self.symbols[self.top].name)
        self.gradients = {node: self.gradient_symbol(node) for node in self.trace.nodes}
        self.forward = [(node, self.result(node)) for node in reversed(self.computed)]
        self.steps: list[tuple[Node, list[Addition]]] = []
        self.arrivals: dict[Node, list[Addition]] = {}
        for node in self.computed:
            self.steps.append((node, []))
            for i, operand in enumerate(node.operands):
                if operand.node is not None:
                    formula = self.contribution(node, i)
                    self.steps[-1][1].append((operand.node, i, formula))
                    self.arrivals.setdefault(operand.node, []).append((node, i, formula))
        self.condense()
        self.known = {str(self.gradients[n].name): x for n, x in self.condensed.items()}
        self.sums = {node: self.sum_of(node) for node in self.shown()}

    def name_all(self) -> None:
        """Gives a symbol to every operand and result; tensors keep names that can be symbols."""
        wishes = [node.name for node in self.trace.nodes]
        self.reserved = {name for name in wishes if name and is_simple(name)}
        for leaf in self.leaves:
            self.name(leaf, leaf.name, "w", "parameter", self.trace.values[leaf])
        for node in self.trace.nodes:
            for operand in node.operands:
                if operand.node is None:
                    self.name_constant(operand)
        for node in reversed(self.computed):
            stem = "L" if node == self.top else "z"
            self.name(node, node.name, stem, node.op.name, self.trace.values[node])

    def name(self, key: Any, own: str | None, stem: str, origin: str, value: Any) -> None:
        name = own if own and is_simple(own) and own not in self.taken else self.generated(stem)
        self.taken.add(name)
        self.symbols[key] = symbol = Expression.named(name, value)
        self.legend.append(Named(symbol, symbol.shape, origin, None if own == name else own))

    def generated(self, stem: str) -> str:
        if stem not in self.numbered:
            numbers = counting(stem != "L")
            self.numbered[stem] = (f"{stem}{k}".translate(LOWERED) if k else stem for k in numbers)
        names = self.numbered[stem]
        return next(n for n in names if n not in self.taken and n not in self.reserved)

    def name_constant(self, operand: Operand) -> None:
        if operand.key in self.symbols:
            return
        if operand.kind == "constant":
            self.name(operand.key, operand.name, "c", "constant", operand.value)
        else:
            self.symbols[operand.key] = operand.value

    def operands(self, node: Node) -> list[Any]:
        return [self.symbols[operand.key] for operand in node.operands]

    def gradient_symbol(self, node: Node) -> Expression:
        name = str(self.symbols[node].name)
        return Expression.named(f"∂{self.loss}/∂{name}", self.trace.values[node], (self.loss, name))

    def result(self, node: Node) -> Formula:
        found = applied(node.op, self.operands(node), node.options)
        return Formula(self.symbols[node], simplified(found))

    def contribution(self, node: Node, i: int) -> Formula:
        operands = self.operands(node)
        return of_contribution(node, i, operands, self.symbols[node], self.gradients[node])

    def is_landmark(self, node: Node) -> bool:
        """Whether a gradient is spoken of by its own symbol: it has a name, or several sources."""
        own = node.name and self.symbols[node].name == node.name
        return node == self.top or bool(own) or len(self.arrivals.get(node, ())) > 1

    def condense(self) -> None:
        """Expresses each gradient by those of the nearest landmarks, and values by named ones."""
        self.condensed: dict[Node, Any] = {}
        self.inlined: dict[str, Any] = {}
        for node, formula in self.forward:
            if not self.is_landmark(node):
                inner = simplified(substitute(formula.expression, self.inlined))
                if count(inner) <= _SHORT:
                    self.inlined[str(self.symbols[node].name)] = inner
        seed = self.trace.seeds[self.top]
        gradients: dict[str, Any] = {}
        if seed.ndim == 0 and seed == 1:
            gradients[str(self.gradients[self.top].name)] = Expression.literal(1.0)
        for node in [*self.computed, *reversed(self.leaves)]:
            terms = [formula.expression for _, _, formula in self.arrivals.get(node, ())]
            if not 0 < len(terms) <= _TERMS or any(term is None for term in terms):
                continue
            total = reduce(add, [substitute(term, gradients) for term in terms])
            self.condensed[node] = found = simplified(total)
            if not self.is_landmark(node) and count(found) <= _LONG:
                gradients[str(self.gradients[node].name)] = found

    def shown(self) -> list[Node]:
        """The nodes whose gradients are written out: landmarks in backward order, then leaves."""
        middle = [n for n in self.computed if self.is_landmark(n) and n != self.top]
        return [*middle, *self.leaves]

    def sum_of(self, node: Node) -> Sum:
        """The gradient of a node, in one form after another until only values are left."""
        left = self.gradients[node]
        if node not in self.condensed:
            quoted = [f.stated for _, _, f in self.arrivals.get(node, ()) if f.stated]
            return Sum(left, [], quoted)
        forms = [self.condensed[node]]
        while any(name in self.known for name in names_of(forms[-1])):
            following = simplified(substitute(forms[-1], self.known))
            if count(following) > _LONG:
                break
            forms.append(following)
        return Sum(left, distinct([simplified(substitute(f, self.inlined)) for f in forms]), [])

    def gradient(self, name: str) -> Any:
        """The last form of the gradient of what is called so, an expression.

        Raises:
            KeyError: nothing shown has the name.
        """
        return {self.symbols[n].name: x for n, x in self.sums.items()}[name].forms[-1]

    def environment(self) -> dict[str, Any]:
        """The engine's numbers by the names that expressions use."""
        found = {str(s.name): s.value for s in self.symbols.values() if isinstance(s, Expression)}
        return found | {str(self.gradients[n].name): g for n, g in self.trace.gradients.items()}

    def size(self) -> int:
        """How many numbers there are in all values."""
        return sum(math.prod(item.shape) for item in self.legend)


def distinct(forms: Iterable[Any]) -> list[Any]:
    """The forms without those that are written like the one before."""
    found: list[Any] = []
    for form in forms:
        if not found or repr(form) != repr(found[-1]):
            found.append(form)
    return found
