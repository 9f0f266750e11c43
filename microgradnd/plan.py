"""Plans: what an op saves, and how gradients are pulled back, for one set of tracked operands.

A rule's parameters name what it needs: `g`, the gradient of the result; an operand; `out`, the
result; `x_shape` or `out_shape`; an option; what the forward function `keeps`; `into`, the buffer
in which the walk gathers the operand's gradient. Only what the rules of those operands that
require a gradient ask for is saved, and the code that hands it to them is generated from that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from microgradnd import errors
from microgradnd.accumulation import add_to, buffer_of, fitted, zeros
from microgradnd.engine import Tensor, node_of, walk
from microgradnd.generation import built, rule_text
from microgradnd.grad_mode import recording
from microgradnd.methods import Methods
from microgradnd.node import Array, Node

if TYPE_CHECKING:
    from microgradnd.declaration import Op

SCOPE = {
    "Array": Array, "Node": Node, "add": np.add, "add_to": add_to, "asarray": np.asarray,
    "buffer_of": buffer_of, "fitted": fitted, "np": np, "zeros": zeros,
}  # fmt: skip


class Plan:
    """What an op saves for one set of tracked operands, and how their gradients are computed.

    `pull(g, n, totals, own)` adds the contributions of node n to the totals of its operands;
    `contributions(g, s, n)` lists them, as (operand index, operand, contribution), of the saved
    values s. np.multiply with both operands tracked saves both and has, in essence,
    `pull = lambda g, n, totals, own: (add(n.first, g * s[1]), add(n.second, g * s[0]))`.
    A single saved array stands by itself, not in a tuple.

    Args:
        op: the operation.
        mask: the tracked operands, one bit each.
        wanted: those of them whose contributions are asked for; default all.
        exact: the operands have the shape and dtype of the result, so that the gradients of rules
            that are written out need not be fitted.
        complex: an operand or the result is complex.
    """

    # fmt: off
    __slots__ = ("_fresh", "complex", "contributions", "exact", "mask", "needs", "op", "pick",
                 "pull", "pulled", "rules", "save")
    # fmt: on
    pull: Callable[..., None]
    contributions: Callable[..., list[tuple[int, Node, Any]]]

    def __init__(
        self, op: Op, mask: int, wanted: int | None = None, exact: bool = False,
        complex: bool = False,
    ) -> None:  # fmt: skip
        self.op, self.mask, self.exact, self.complex = op, mask, exact, complex
        self.rules, self.needs = op.derivatives(complex)
        tracked = [i for i in range(len(op.operands)) if mask >> i & 1]
        for i in tracked:
            if op.operands[i] not in self.rules:
                raise errors.no_derivative(op.name, op.operands[i])
        self.pulled = [i for i in tracked if wanted is None or wanted >> i & 1]
        needs = {need for i in tracked for need in self.needs[op.operands[i]]}
        keys = [*op.operands, "out", *op.keeps]
        for key in needs.intersection(op.keeps):  # a recorded walk computes them anew, as Tensors
            needs.update(op.kept_from(key))
        self.save = () if op.variadic else tuple(i for i, k in enumerate(keys) if k in needs)
        self.pick = itemgetter(*self.save) if self.save else _nothing
        self._fresh: dict[int, bool] = {}

    def __getattr__(self, name: str) -> Any:
        """Generates `pull` or `contributions` when first needed: no import pays for unused ones."""
        if name not in ("pull", "contributions"):
            raise AttributeError(name)
        source = self._pull_source() if name == "pull" else self._contributions_source()
        scope = {f"rule_{key}": rule for key, rule in self.rules.items()} | SCOPE
        if self.op.composed is not None:
            scope |= {f"rule_{key}": _composing(self.op, key) for key in self.op.rules}
        function = built(source, name, f"{self.op.name}, backward", scope)
        setattr(self, name, function)
        return function

    def unpacked(self, saved: Any) -> tuple:
        """What was saved, as a tuple of as many values as `save` has numbers."""
        return (saved,) if len(self.save) == 1 else saved

    def only(self, parents: Sequence, needed: set[Node]) -> Plan:
        """This plan, pulling gradients back only to those parents that are needed."""
        if self.op.variadic:
            return self
        tracked = ((i, p) for i, p in enumerate(parents) if type(p) is Node)
        wanted = sum((p in needed) << i for i, p in tracked)
        return self.op.plan(self.mask, False, wanted, self.complex)

    def is_fresh(self, i: int) -> bool:
        """Whether the contribution to operand i is a new array, which nobody else holds."""
        if i not in self._fresh:
            key = self.op.operands[0 if self.op.variadic else i]
            text = None if self.op.variadic else self._inline(key)
            self._fresh[i] = key in self.op.fresh if text is None else text.startswith("(")
        return self._fresh[i]

    def kept_anew(self, saved: list[Any], options: tuple) -> Any:
        """Saved Tensors as rules take them; what the forward function keeps, it computes anew."""
        op, keys = self.op, [*self.op.operands, "out", *self.op.keeps]
        values = {
            **dict(zip(op.options, options)),
            **{keys[k]: x for x, k in zip(saved, self.save)},
        }
        for key in op.keeps:
            if key in values:
                values[key] = op.keeps[key](*[values[k] for k in op.kept_from(key)])
        saved = [values[keys[k]] for k in self.save]
        return saved[0] if len(saved) == 1 else tuple(saved)

    # --- The sources of the generated functions --------------------------------------------------
    def saved_source(self, values: list[str], out: str = "out") -> str:
        """What is saved: nothing, one array, or a tuple of them."""
        terms = [*values, out, *(f"kept_{key}" for key in self.op.keeps)]
        saved = [terms[i] for i in self.save]
        return saved[0] if len(saved) == 1 else f"({''.join(term + ', ' for term in saved)})"

    def _place(self, key: str) -> str:
        """Operand `key` of a node n."""
        i = self.op.operands.index(key)
        return f"n.many[{i}]" if len(self.op.operands) > 2 else ("n.first", "n.second")[i]

    def _argument(self, need: str) -> str:
        op = self.op
        if need in op.options:
            return f"n.options[{list(op.options).index(need)}]"
        if need == "out_shape":
            return "n.shape"
        if op.variadic and need == f"{op.operands[0]}_shapes":
            return "[np.shape(p) for p in n.many]"
        if need.endswith("_shape") and need not in op.keeps:
            key = need.removesuffix("_shape")
            tracked = self.mask >> op.operands.index(key) & 1
            return f"{self._place(key)}.shape" if tracked else f"np.shape({self._place(key)})"
        index = [*op.operands, "out", *op.keeps].index(need)
        return "s" if len(self.save) == 1 else f"s[{self.save.index(index)}]"

    def _inline(self, key: str) -> str | None:
        """The rule written out, where it is a lambda of operators and ufuncs."""
        op = self.op
        if not op.elementwise:
            return None
        return rule_text(self.rules[key], [self._argument(need) for need in self.needs[key]])

    def _call(self, key: str, into: str = "") -> str:
        """The contribution to operand `key`: its rule written out, or called."""
        needs = self.needs[key]
        arguments = [into if need == "into" else self._argument(need) for need in needs]
        return self._inline(key) or f"rule_{key}({', '.join(['g', *arguments])})"

    def _pull_source(self) -> str:
        op = self.op
        lines = ["def pull(g, n, totals, own):", *["    s = n.saved"] * bool(self.save)]
        if op.variadic:
            lines += [f"    for p, x in zip(n.many, {self._call(op.operands[0])}):"]
            lines += ["        if type(p) is Node:"]
            return "\n".join(lines + [f"            {line}" for line in self._adding(None)]) + "\n"
        for i in self.pulled:
            key = op.operands[i]
            lines += [f"    p = {self._place(key)}"]
            if "into" in self.needs[key]:
                lines += [f"    totals[p] = {self._call(key, 'buffer_of(totals, own, p)')}"]
            elif self._call(key) == "g":
                lines += ["    x = g", *(f"    {line}" for line in self._adding(i)[1:])]
            else:
                lines += [f"    x = {self._call(key)}"]
                lines += [f"    {line}" for line in self._adding(i)]
        return "\n".join(lines) + "\n"

    def _adding(self, i: int | None) -> list[str]:
        """Adds the contribution x to the total of p."""
        exact = self.exact and i is not None and self._inline(self.op.operands[i]) is not None
        fresh = i is not None and self.is_fresh(i)
        first = ["    totals[p] = x", *["    if p.plan is None: own.add(p)"] * fresh]
        fit = "if x.shape != p.shape or x.dtype is not p.dtype: x = fitted(x, p, n)"
        return [
            "if type(x) is not Array: x = asarray(x)",
            *[fit] * (not exact),
            "if p not in totals:",
            *first,
            "elif p in own: t = totals[p]; add(t, x, t)",
            "else: add_to(totals, own, p, x)",
        ]

    def _contributions_source(self) -> str:
        op = self.op
        if op.variadic:
            pairs = f"enumerate(zip(n.many, {self._call(op.operands[0])}))"
            body = f"[(i, p, x) for i, (p, x) in {pairs} if type(p) is Node]"
        else:
            places = [(i, op.operands[i], self._place(op.operands[i])) for i in self.pulled]
            each = [f"({i}, {p}, {self._call(key, f'zeros({p})')})" for i, key, p in places]
            body = f"[{', '.join(each)}]"
        return f"def contributions(g, s, n):\n    return {body}\n"


def conjugated(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule of a holomorphic f by that of a real one: of g f'(x) is made g conj(f'(x)).

    The gradient of a real loss L by z is ∂L/∂Re z + i ∂L/∂Im z, as in PyTorch.
    """

    @wraps(rule)
    def contribution(g: Any, *given: Any) -> Any:
        return np.conjugate(rule(np.conjugate(g), *given))

    return contribution


def _composing(op: Op, key: str) -> Callable[..., Any]:
    """The rule of an op that is composed of others, where it can be used; else their derivative.

    A rule made for arrays cannot be differentiated again, and may give None for a gradient that
    it has no formula for: then the composed form is run and differentiated.
    """
    rule, needs = op.rules[key], op.needs[key]

    def contribution(g: Any, *given: Any) -> Any:
        recorded = isinstance(g, Methods)
        x = None if recorded else rule(g, *given)
        return x if x is not None else by_composition(op, key, g, dict(zip(needs, given)), recorded)

    return contribution


def by_composition(op: Op, key: str, g: Any, given: dict[str, Any], recorded: bool) -> Any:
    """The contribution to operand `key` by way of the composed form, recorded if g is."""
    token = recording.set(True)
    try:
        xs = {}
        for k in op.operands:
            x = given[k]
            if recorded and isinstance(x, Tensor):
                xs[k] = x.reshape(x.shape)  # a node of its own: the walk stops and calls no hooks
            else:
                xs[k] = Tensor(x, requires_grad=k == key)
        program: Any = op.composed
        out = program(*xs.values(), *[given[k] for k in op.options])
        node = node_of(xs[key])
        x = walk([(node_of(out), g)], {node: xs[key]}, create_graph=recorded)[node]
        return x if recorded else x._array
    finally:
        recording.reset(token)


def _nothing(values: tuple) -> tuple:
    return ()
