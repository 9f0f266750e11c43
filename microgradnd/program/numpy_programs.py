"""A graph as a plain NumPy program: the forward pass, and the backward pass written out.

Every line of the backward pass is the expression that the rule itself leaves behind when it is run
on expressions, so the program says nothing that the engine does not compute.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from microgradnd.arguments import PATH, require
from microgradnd.engine import Tensor
from microgradnd.graph import Graph, Node, Operand, fitted, node_of, seeded
from microgradnd.program.expressions import (
    Expression,
    NotSymbolic,
    applied,
    bare_op,
    composed,
    concrete,
    count,
    needed,
    ruled,
    rules_of,
)
from microgradnd.program.numpy_text import Names, NotExpressible, NumPyText, identifier, plain_name

Array = np.ndarray
_WRITTEN_OUT = 8  # unnamed constants of up to so many elements are literals, others arguments
_COMMENTED = 60  # an expression of more names and calls is not said in a comment


class Program(str):
    """The text of a program, and what to call it with.

    Attributes:
        arguments: the arrays of the graph by the names of the program's parameters.
        gradients: the leaves by the names under which their gradients are returned.
    """

    arguments: dict[str, Any]
    gradients: dict[str, Node]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a .py file; folders are created."""
        require("Program.save", "path", path, PATH)
        path = Path(path)
        if path.suffix != ".py":
            raise ValueError(
                f"save(path): cannot save a program as {path.name!r}: the suffix must be .py"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(self), encoding="utf-8")
        return path

    def _repr_markdown_(self) -> str:
        return f"```python\n{self}```\n"

    def __repr__(self) -> str:
        return str(self)

    def run(self, **other: Any) -> tuple[Any, dict[str, Array]]:
        """Executes the program on the graph's arrays, or on others given by name."""
        scope: dict[str, Any] = {"__name__": "numpy_program"}
        exec(compile(str(self), "<numpy_program>", "exec"), scope)
        return scope["forward_backward"](**{**self.arguments, **other})


def numpy_program(
    loss: Tensor, gradient: Any = None, spoken: Callable[[Any], str] | None = None
) -> Program:
    """The forward and backward pass of a graph as a NumPy program that needs nothing else.

    It defines `forward_backward(...)`, which takes the leaves and the larger constants as arguments
    and returns the loss and a dict of the leaves' gradients. Shapes are those of this graph, and
    where a rule goes by values, it went as it does for the values of this graph. Names are those
    of the tensors, made valid. An operation that is no NumPy function comes along as one, read
    from the source of its forward function. Hooks are no part of it.

    Args:
        loss: the tensor that is differentiated.
        gradient: to start from, 1 for a scalar; it is written into the program or made an argument.
        spoken: writes an expression in words, for comments above the lines of the backward pass.

    Raises:
        GraphError: the loss depends on no tensor that requires a gradient, or is no scalar and no
            gradient is given.
        NotExpressible: an operation needs more than its source; the message says which.

    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> program = numpy_program((x * x).sum().named("y"))
    >>> print(program)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def forward_backward(x):
        # forward
        multiply1 = x * x  # (2,)
        y = multiply1.sum()  # ()
    <BLANKLINE>
        # backward
        d_y = np.float64(1.0)
        d_multiply1 = np.broadcast_to(d_y, (2,))
        d_x = np.zeros_like(x)
        d_x += d_multiply1 * x
        d_x += d_multiply1 * x
    <BLANKLINE>
        return y, {"x": d_x}
    >>> y, gradients = program.run()
    >>> gradients["x"]
    array([2., 4.])
    """
    return _Writer(node_of(loss), seeded([loss], [gradient])[0][1], spoken).program()


class _Writer:
    """One program while it is written."""

    def __init__(self, top: Node, start: Array, spoken: Callable[[Any], str] | None) -> None:
        self.spoken = spoken
        self.totals: dict[Node, Array] = {top: start}  # the gradients themselves, without hooks
        graph = Graph(top)
        self.top, self.start, self.computed = top, start, graph.computed
        self.values = graph.replay()
        self.names = Names()
        self.names.taken.add("forward_backward")
        self.text = NumPyText(self.names)
        self.arguments: dict[str, Any] = {}
        self.symbols: dict[Any, Any] = {}
        self.leaves = {self.argument(x, x.name or "w", self.values[x]): x for x in graph.leaves}
        for node in graph.nodes:
            for operand in node.operands:
                if operand.node is None:
                    self.name_constant(operand)
        numbers = Counter[str]()
        for node in graph.computed:
            kind = identifier(node.op.name)
            numbers[kind] += 1
            wish = "loss" if node == top else f"{kind}{numbers[kind]}"
            if node.name and _is_plain(node.name):
                wish = identifier(node.name)
            self.symbols[node] = Expression.named(self.names.give(wish), self.values[node])

    def argument(self, key: Any, wish: str, value: Any) -> str:
        """Makes a leaf or a constant an argument, and names it."""
        name = self.names.give(identifier(wish))
        self.symbols[key], self.arguments[name] = Expression.named(name, value), value
        return name

    def name_constant(self, operand: Operand) -> None:
        """Named and large constants become arguments, the others stand where they are used."""
        key, value = operand.key, operand.value
        if key in self.symbols:
            return
        if operand.name or np.size(value) > _WRITTEN_OUT:
            self.argument(key, operand.name or "constant", value)
        else:  # an array, or a number
            self.symbols[key] = Expression.literal(value) if isinstance(value, Array) else value

    def operands(self, node: Node) -> list[Any]:
        return [self.symbols[operand.key] for operand in node.operands]

    def program(self) -> Program:
        lines = ["# forward"]
        for node in self.computed:
            code = self.text(applied(node.op, self.operands(node), node.options))
            lines.append(f"{self.symbols[node].name} = {code}  # {node.shape}")
        lines += ["", "# backward", *self.backward_lines(), ""]
        pairs = ", ".join(f'"{name}": d_{name}' for name in self.leaves)
        lines.append(f"return {self.symbols[self.top].name}, {{{pairs}}}")
        self.arguments |= self.text.arguments
        head = f"def forward_backward({', '.join(self.arguments)}):"
        body = "\n".join(f"    {line}".rstrip() for line in lines)
        imports = "\n".join(["import numpy as np", *sorted(self.text.imports)])
        parts = [imports, *self.text.helpers.values(), f"{head}\n{body}"]
        out = Program("\n\n\n".join(parts) + "\n")
        out.arguments, out.gradients = dict(self.arguments), dict(self.leaves)
        return out

    def backward_lines(self) -> list[str]:
        places = [
            (node, i, operand.node)
            for node in reversed(self.computed)
            for i, operand in enumerate(node.operands)
            if operand.node is not None
        ]
        arrivals = Counter(p for _, _, p in places)
        top, totals = self.symbols[self.top], self.totals
        lines = [f"d_{top.name} = {self.initial_gradient()}"]
        for node, i, p in places:
            target = f"d_{self.symbols[p].name}"
            if arrivals[p] > 1 and p not in totals:
                lines.append(f"{target} = np.zeros_like({self.symbols[p].name})")
            sign = "+=" if arrivals[p] > 1 else "="
            found = self.contribution(node, i)
            totals[p] = totals[p] + concrete(found) if p in totals else concrete(found)
            before, code = self.text.statements(found)
            if self.spoken is not None and count(found) <= _COMMENTED:
                left = f"∂{top.name}/∂{self.symbols[p].name}"
                lines.append(f"# {left} {sign} {' '.join(self.spoken(found).split())}")
            lines += [*before, f"{target} {sign} {code}"]
        return lines

    def initial_gradient(self) -> str:
        """The gradient of the loss by itself, a number or an array."""
        if self.start.ndim == 0 or self.start.size <= _WRITTEN_OUT:
            return self.text(self.start if self.start.ndim else self.start[()])
        name = self.names.give("gradient")
        self.arguments[name] = self.start
        return name

    def contribution(self, node: Node, i: int) -> Any:
        """What a node adds to the gradient of operand i."""
        op, operands, out = node.op, self.operands(node), self.symbols[node]
        of = str(self.symbols[self.top].name), str(out.name)
        g = Expression.named(f"d_{out.name}", self.totals[node], of)
        try:
            found = ruled(op, i, operands, out, g, node.options)
        except NotSymbolic as error:
            found = self.called(node, i, g, error)
        return fitted(found if isinstance(found, Expression) else np.asarray(found), node, i)

    def called(self, node: Node, i: int, g: Expression, why: Exception) -> Any:
        """A call of the rule as a function, where it cannot be run on expressions.

        A rule that has no formula for this gradient gives way to the composed form.
        """
        op, operands = node.op, self.operands(node)
        rules, needs = rules_of(op, operands, self.symbols[node])
        rule = rules[op.operands[0 if op.variadic else i]]
        if op.variadic or rule.__name__ == "<lambda>":
            raise NotExpressible(f"{op.name}: its rule leaves no expression ({why})") from why
        places = needed(op, i, operands, self.symbols[node], node.options)
        args = [g, *(places[need] for need in needs[op.operands[i]])]
        value = rule(*concrete(args))
        if isinstance(value, np.ndarray):
            return Expression(bare_op(rule), args, {}, value)
        if op.composed is None:
            raise NotExpressible(f"{op.name}: its rule gives no array") from why
        return composed(op, i, operands, g, node.options)


def _is_plain(name: str) -> bool:
    """Whether a computed tensor's name is short and plain enough to be that of a variable."""
    plain = plain_name(name).replace("'", "").replace(".", "_")
    said = plain.isidentifier() and "·" not in name  # which Python takes for a letter
    return said and len(name) <= 24 and "__" not in name
