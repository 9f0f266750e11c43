"""A graph as a plain NumPy program: the forward pass, and the backward pass written out.

Every line of the backward pass is the expression that the rule itself leaves behind when it is run
on symbols, so the program says nothing that the engine does not compute.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from microgradnd import Tensor
from microgradnd.graph import Graph, Node, Operand, fitted, node_of, seeded
from viz.formulas import mathematics
from viz.formulas.formulas import forward, stated
from viz.formulas.notation import is_simple
from viz.formulas.numpy_text import Names, NotExpressible, NumPyText, identifier
from viz.formulas.simplify import simplified
from viz.formulas.symbols import NotSymbolic, Symbol, concrete, contribution

Array = np.ndarray
WRITTEN_OUT = 8  # unnamed constants of up to so many elements are literals, others arguments


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
        path = Path(path)
        if path.suffix != ".py":
            raise ValueError(f"cannot save a program as {path.name!r}: the suffix must be .py")
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


def numpy_program(loss: Tensor, gradient: Any = None) -> Program:
    """The forward and backward pass of a graph as a NumPy program that needs nothing else.

    It defines `forward_backward(...)`, which takes the leaves and the larger constants as arguments
    and returns the loss and a dict of the leaves' gradients. Shapes are those of this graph, and
    where a rule goes by values, it went as it does for the values of this graph. Names are those
    of the tensors, made valid. An operation that is no NumPy function comes along as one, read
    from the source of its forward function; sigmoid and put_add have a text of their own. Hooks
    are no part of it.

    Args:
        loss: the tensor that is differentiated.
        gradient: to start from, 1 for a scalar; it is written into the program or made an argument.

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
        # ∂y/∂multiply1 = ∂y/∂y·𝟏_{2}
        d_multiply1 = np.broadcast_to(d_y.reshape((1,)), (2,))
        d_x = np.zeros_like(x)
        # ∂y/∂x += ∂y/∂multiply1 ⊙ x
        d_x += d_multiply1 * x
        # ∂y/∂x += ∂y/∂multiply1 ⊙ x
        d_x += d_multiply1 * x
    <BLANKLINE>
        return y, {"x": d_x}
    >>> y, gradients = program.run()
    >>> gradients["x"]
    array([2., 4.])
    """
    top = node_of(loss)
    start = seeded([loss], [gradient])[0][1]
    return Writing(top, start).program()


class Writing:
    """One program while it is written."""

    def __init__(self, top: Node, start: Array) -> None:
        graph = Graph(top)
        self.top, self.start, self.computed = top, start, graph.computed
        self.values = graph.replay()
        self.names = Names()
        self.names.taken.add("forward_backward")
        self.text = NumPyText(self.names)
        self.arguments: dict[str, Any] = {}
        self.symbols: dict[Any, Any] = {}
        self.leaves = {self.name_leaf(leaf): leaf for leaf in graph.leaves}
        for node in graph.nodes:
            for operand in node.operands:
                if operand.node is None:
                    self.name_constant(operand)
        numbers: dict[str, int] = {}
        for node in graph.computed:
            kind = identifier(node.op.name)
            numbers[kind] = numbers.get(kind, 0) + 1
            own = node.name if node.name and is_simple(node.name) else None
            made = "loss" if node == top else f"{kind}{numbers[kind]}"
            name = self.names.give(identifier(own) if own else made)
            self.symbols[node] = Symbol.named(name, self.values[node])

    def name_leaf(self, leaf: Node) -> str:
        name = self.names.give(identifier(leaf.name or "w"))
        self.symbols[leaf] = Symbol.named(name, self.values[leaf])
        self.arguments[name] = self.values[leaf]
        return name

    def name_constant(self, operand: Operand) -> None:
        """Named and large constants become arguments, the others stand where they are used."""
        key, value = operand.key, operand.value
        if key in self.symbols:
            return
        if operand.name or np.size(value) > WRITTEN_OUT:
            name = self.names.give(identifier(operand.name or "constant"))
            self.symbols[key] = Symbol.named(name, value)
            self.arguments[name] = value
        elif isinstance(value, np.ndarray):
            self.symbols[key] = Symbol.literal(value)
        else:
            self.symbols[key] = value  # a number

    def operands(self, node: Node) -> list[Any]:
        return [self.symbols[operand.key] for operand in node.operands]

    def program(self) -> Program:
        lines = ["# forward", *self.forward_lines(), "", "# backward", *self.backward_lines(), ""]
        pairs = ", ".join(f'"{name}": d_{name}' for name in self.leaves)
        lines.append(f"return {self.symbols[self.top].name}, {{{pairs}}}")
        self.arguments |= self.text.arguments
        head = f"def forward_backward({', '.join(self.arguments)}):"
        body = "\n".join(f"    {line}".rstrip() for line in lines)
        imports = "\n".join(["import numpy as np", *sorted(self.text.imports)])
        parts = [*self.text.helpers.values(), f"{head}\n{body}"]
        out = Program("\n\n\n".join([imports, *parts]) + "\n")
        out.arguments, out.gradients = dict(self.arguments), dict(self.leaves)
        return out

    def forward_lines(self) -> list[str]:
        lines = []
        for node in self.computed:
            result = forward(node.op, self.operands(node), node.options)
            lines.append(f"{self.symbols[node].name} = {self.text(result)}  # {node.shape}")
        return lines

    def backward_lines(self) -> list[str]:
        places = [
            (node, i, operand.node)
            for node in reversed(self.computed)
            for i, operand in enumerate(node.operands)
            if operand.node is not None
        ]
        arrivals: dict[Node, int] = {}
        for _, _, p in places:
            arrivals[p] = arrivals.get(p, 0) + 1
        top = self.symbols[self.top]
        lines = [f"d_{top.name} = {self.beginning()}"]
        begun: set[Node] = set()
        write = mathematics.Writer("text")
        for node, i, p in places:
            target = f"d_{self.symbols[p].name}"
            if arrivals[p] > 1 and p not in begun:
                lines.append(f"{target} = np.zeros_like({self.symbols[p].name})")
                begun.add(p)
            sign = "+=" if arrivals[p] > 1 else "="
            code, formula = self.line(node, i, write)
            lines += [f"# ∂{top.name}/∂{self.symbols[p].name} {sign} {formula}"]
            lines += [f"{target} {sign} {code}"]
        return lines

    def beginning(self) -> str:
        """The gradient of the loss by itself, a number or an array."""
        if self.start.ndim == 0:
            return self.text(self.start[()])
        if self.start.size <= WRITTEN_OUT:
            return self.text(self.start)
        name = self.names.give("gradient")
        self.arguments[name] = self.start
        return name

    def line(self, node: Node, i: int, write: mathematics.Writer) -> tuple[str, str]:
        """What a node adds to an operand's gradient: the code, and the formula in words."""
        out, top = self.symbols[node], str(self.symbols[self.top].name)
        g = Symbol.named(f"d_{out.name}", self.values[node], (top, str(out.name)))
        try:
            found = contribution(node, i, self.operands(node), out, g)
        except NotSymbolic as error:
            found = self.called(node, i, out, g, error)
        return self.text(found), " ".join(write(simplified(found)).split())

    def called(self, node: Node, i: int, out: Symbol, g: Symbol, why: Exception) -> Any:
        """A call of the rule as a function, where it cannot be run on symbols."""
        op, operands = node.op, self.operands(node)
        key = op.operands[0 if op.variadic else i]
        if op.variadic or op.rules[key].__name__ == "<lambda>":
            raise NotExpressible(
                f"{op.name}: its rule {stated(op, i)} leaves no expression"
            ) from why
        shapes = {f"{k}_shape": np.shape(concrete(x)) for k, x in zip(op.operands, operands)}
        places = {**dict(zip(op.operands, operands)), "out": out, **shapes, **node.options}
        args = (g, *(places[need] for need in op.needs[key]))
        value = op.rules[key](*concrete(args))
        if not isinstance(value, np.ndarray):
            raise NotExpressible(f"{op.name}: its rule {stated(op, i)} gives no array") from why
        return fitted(Symbol(op.rules[key], args, {}, value), node, i)
