"""The program of a picture for its page: forward and backward, to run again on other numbers.

`program(trace, ids)` is an object with these members, or {"missing": [...], "why": "..."} where
something of the computation cannot run in a page:

    functions, places, rows, constants   see `microgradnd.program.javascript.Rows`
    tensors      by id: the places of the value and, or null, of the gradient
    operations   by id: output (an id), elementwise, rows [first, end], place of the result and,
                 where there are any, guards; of an activation input (an id) and alike: its dtype,
                 by which alternatives are found
    alternatives by dtype and name, the programs of other activations: functions, places, rows,
                 constants, `shape` of the operand (stands for any), forward and backward (rows,
                 place, guards); the first three places are operand, result and its gradient
    contributions  by edge as in the document, in the order in which they arrive: of, to (ids),
                 rows, place, guards
    seeds        by id of a tensor, the place of what its gradient starts from

    samples      null, or of a data set count, arrays ([dtype, base64] by id of the leaf or constant
                 that they are put into) and answers: [target, prediction] (ids) to be compared

Guards are [place, truth]: the rows are right as long as the place holds this.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from microgradnd.graph import Node, fitted, real_array
from microgradnd.program import (
    Expression,
    NotExpressible,
    NotSymbolic,
    Rows,
    activations,
    applied,
    composed,
    concrete,
    encoded,
    is_activation,
    ruled,
)
from viz.capture.trace import Trace
from viz.structure.ids import Ids

Array = np.ndarray
MOST = 2_000_000  # elements of all places together
MANY = 64  # operands of an operation
_SOURCES = ("special", "functions", "kernels")


def program(trace: Trace, ids: Ids) -> dict[str, Any]:
    """The program of a trace, or why there is none."""
    size = sum(math.prod(node.shape) for node in trace.nodes)
    if 2 * size > MOST:
        return {"missing": [], "why": f"{size:,} numbers are too many to be computed in a page"}
    for node in trace.nodes:
        if len(node.operands) > MANY:  # each of its rules goes by all of them
            why = f"{len(node.operands)} operands are too many to be computed in a page"
            return {"missing": [node.op.name], "why": why}
    if trace.hooked or any(node.has_hooks for node in trace.nodes):
        return {"missing": ["hook"], "why": "hooks are functions of Python"}
    if trace.stale or any(written(trace, leaf) for leaf in trace.graph.leaves):
        return {"missing": [], "why": "leaves were written to since they were used"}
    return _Writer(trace, ids).program()


def written(trace: Trace, leaf: Node) -> bool:
    """Whether a leaf was written to since it was first used."""
    uses = trace.graph.uses[leaf]
    return bool(uses) and leaf.written_since(uses[0][0].seq)


def samples_of(trace: Trace, ids: Ids, given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The member `samples` for arrays by the names of leaves or constants.

    Raises:
        ValueError: there is no such name, or an array does not fit.
    """
    if not given:
        return None
    leaves: list[Any] = [*ids.constants.values(), *trace.graph.leaves]
    places = {ids.title(x): x for x in leaves}
    arrays, counts = {}, {}
    for name, x in given.items():
        array = real_array("draw", f"samples[{name!r}]", x)
        if name not in places:
            raise ValueError(
                f"draw: samples has {name!r}, which no leaf or constant is called: there are "
                f"{', '.join(places)}; constants get names by Tensor(x, name=...)"
            )
        shape = places[name].shape
        counts[name] = len(array) if array.ndim else 0
        if not counts[name] or array.size != counts[name] * math.prod(shape):
            raise ValueError(
                f"draw: samples[{name!r}] has shape {array.shape}; it needs an axis of samples "
                f"before the shape {shape} that one sample has in the graph"
            )
        stored_as = places[name].dtype.name
        arrays[ids.tensors[places[name].key]] = [stored_as, encoded(array.astype(stored_as))]
    if len(set(counts.values())) > 1:
        raise ValueError(f"draw: samples must be equally many, there are {counts}")
    return {
        "count": next(iter(counts.values())),
        "arrays": arrays,
        "answers": [pair for name in given for pair in _answers(trace, ids, places[name].key)],
    }


def _answers(trace: Trace, ids: Ids, target: Any) -> list[list[str]]:
    """What a target is compared with: the computed operand beside it, where it is used once."""
    uses = trace.nesting.uses.get(target, ())
    operands = uses[0][0].operands if len(uses) == 1 else ()
    others = [x.key for x in operands if x.kind == "computed" and x.key != target]
    return [[ids.tensors[target], ids.tensors[others[0]]]] if len(others) == 1 else []


@cache
def known() -> frozenset[str]:
    """The functions that the page has, by the names at the starts of lines of its sources."""
    names = set[str]()
    for name in _SOURCES:
        text = files("viz.page").joinpath(f"live/{name}.js").read_text(encoding="utf-8")
        names.update(re.findall(r'^  "?([a-z]\w*(?:\.reduce)?)"?(?=[:(,])', text, flags=re.M))
    return frozenset(names)


class _Writer:
    """One program while it is written."""

    def __init__(self, trace: Trace, ids: Ids) -> None:
        self.trace, self.ids = trace, ids
        self.rows = Rows(known())
        self.values = trace.graph.replay()
        self.symbols: dict[Any, Any] = {}
        self.totals: dict[Node, Array] = {}
        self.missing: dict[str, None] = {}
        self.tensors: dict[str, list[int | None]] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self.contributions: dict[str, dict[str, Any]] = {}
        self.seeds: dict[str, int] = {}

    def program(self) -> dict[str, Any]:
        for key, operand in self.ids.constants.items():
            self.bind(key, self.ids.tensors[key], operand.value, True)
        for node in self.trace.nodes:
            self.tried(node.op.name if not node.is_leaf else "leaf", self.node, node)
        if not self.missing:
            self.backward()
        if self.missing:
            return {"missing": [*self.missing], "why": "not in the page's JavaScript"}
        rows = self.rows
        if rows.elements > MOST:
            why = f"{rows.elements:,} numbers are too many to be computed in a page"
            return {"missing": [], "why": why}
        return rows.table() | {
            "tensors": self.tensors,
            "operations": self.operations,
            "contributions": self.contributions,
            "seeds": self.seeds,
            "alternatives": self.alternatives(),
        }

    def tried(self, name: str, write: Callable[..., None], *given: Any) -> None:
        """Notes what cannot be written, and goes on: the page says all of it."""
        try:
            write(*given)
        except (NotExpressible, NotSymbolic) as error:
            words = isinstance(error, NotExpressible) and " " in str(error)  # no operation's name
            self.missing[str(error) if words else name] = None

    def bind(self, key: Any, name: str, value: Any, constant: bool) -> None:
        symbol = Expression.named(name, value)
        self.symbols[key] = symbol
        place = self.rows.bind(symbol)
        self.tensors[name] = [place, None]
        if constant:
            self.rows.fill(place, symbol.value)

    def operands(self, node: Node) -> list[Any]:
        return [self.symbols.get(x.key, x.value) for x in node.operands]

    def node(self, node: Node) -> None:
        """A leaf, or the forward pass of an operation."""
        name = self.ids.tensors[node]
        self.bind(node, name, self.values[node], node.is_leaf)
        if node.is_leaf:
            return
        operands = self.operands(node)
        part = self.rows.part(lambda: applied(node.op, operands, node.options))
        also = {"output": name, "elementwise": node.op.elementwise}
        self.operations[self.ids.operations[node]] = also | part
        if is_activation(node.op):
            also = {"input": self.ids.tensors[node.operands[0].key], "alike": node.dtype.name}
            self.operations[self.ids.operations[node]] |= also

    def alternatives(self) -> dict[str, dict[str, Any]]:
        """Programs of the activations that can stand for those in the graph, by dtype and name."""
        dtypes = {x["alike"] for x in self.operations.values() if "alike" in x}
        return {dtype: dict(activations(known(), dtype)) for dtype in sorted(dtypes)}

    def backward(self) -> None:
        for node, g in self.trace.starts.items():
            self.totals[node] = np.asarray(g)
            self.seeds[self.ids.tensors[node]] = self.rows.constant(self.totals[node])
        gradients: dict[Node, Expression] = {}

        def gradient(node: Node) -> Expression:
            if node not in gradients:
                name = self.ids.tensors[node]
                gradients[node] = g = Expression.named(f"∂{name}", self.totals[node])
                self.tensors[name][1] = self.rows.bind(g)
            return gradients[node]

        for node, i in self.trace.contributions:
            self.tried(node.op.name, self.contribution, node, i, gradient)
        for node in self.trace.gradients:
            if node in self.totals:
                gradient(node)

    def contribution(self, node: Node, i: int, gradient: Any) -> None:
        """What an operation adds to the gradient of operand i."""
        p, g = node.parent(i), gradient(node)
        found = None

        def contributed() -> Any:
            nonlocal found
            found = _pulled(node, i, self.operands(node), self.symbols[node], g)
            return found

        part = self.rows.part(contributed)
        self.contributions[self.ids.edge(node, i)] = {
            "of": self.ids.operations[node],
            "to": self.ids.tensors[p],
        } | part
        x = concrete(found)
        self.totals[p] = self.totals[p] + x if p in self.totals else np.asarray(x)


def _pulled(node: Node, i: int, operands: list[Any], out: Expression, g: Expression) -> Any:
    """What the rule for operand i gives, or where that works on arrays the composed form."""
    op = node.op
    if op.composed is not None:
        found = composed(op, i, operands, g, node.options)
    else:
        found = ruled(op, i, operands, out, g, node.options)
    return fitted(found if isinstance(found, Expression) else np.asarray(found), node, i)
