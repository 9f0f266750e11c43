"""Straight-line NumPy in which every buffer is placed beforehand.

The expressions of a computation, forward and backward, are lowered to NumPy's functions and written
as one function without branches. Each result has its place: a buffer that is free again, or the
operand's own where it is no longer needed. Leaves are bound as they are: write into their arrays
and run again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from microgradnd.node import Array
from microgradnd.ops.elementwise import where
from microgradnd.ops.indexing import add_at, is_unique
from microgradnd.ops.linalg import matmul
from microgradnd.ops.shape import astype
from microgradnd.program.expressions import Expression, concrete, lowered, ordered, parts, within


class Placed:
    """A program of expressions.

    Args:
        outs: what it computes.

    Attributes:
        outs: the arrays of the results, which each run writes anew.
        source: the text of the function that `run` calls.
        bytes: the size of all buffers.

    It goes the way that the expressions went: where a rule asked for values, it is right as long
    as the answers are the same.

    >>> x = Expression.named("x", np.array([1.0, 2.0]))
    >>> program = Placed([np.exp(x * x - x) + 1.0])
    >>> print(program.source)
    def run(x0=x0, t1=t1, multiply=multiply, subtract=subtract, exp=exp, c5=c5, add=add):
        multiply(x0, x0, out=t1)
        subtract(t1, x0, out=t1)
        exp(t1, out=t1)
        add(t1, c5, out=t1)
    <BLANKLINE>
    >>> x.value[...] = 0.0
    >>> program.run()
    [array([2., 2.])]
    """

    def __init__(self, outs: Sequence[Any]) -> None:
        self.scope: dict[str, Any] = {}
        self.names: dict[int, str] = {}
        self.lines: list[str] = []
        self.bytes = 0
        self.free: dict[Any, list[Array]] = {}
        self.at: dict[Expression, Array] = {}  # where the value of an expression lies
        self.buffer: dict[Expression, Array | None] = {}  # in which buffer; None: of a leaf
        self.users: dict[int, set[Expression]] = {}  # by id of a buffer, whose values lie there
        results = lowered(outs)
        found = ordered(results)
        # how often a value will still be used
        self.left = Counter([*(x for e in found for x in parts(e)), *within(results)])
        for e in found:
            self.place(e)
        self.outs = [self.at[e] if isinstance(e, Expression) else np.asarray(e) for e in results]
        given = ", ".join(f"{name}={name}" for name in self.scope)
        body = "\n    ".join(self.lines or ["pass"])
        self.source = f"def run({given}):\n    {body}\n"
        exec(compile(self.source, "<placed>", "exec"), self.scope)
        self._run: Callable[[], None] = self.scope["run"]

    def run(self) -> list[Array]:
        """Computes the results from what the leaves' arrays hold now."""
        with np.errstate(all="ignore"):
            self._run()
        return self.outs

    # --- Buffers ---------------------------------------------------------------------------------
    def new(self, e: Expression) -> Array:
        """A place for e: a buffer of its size that is free, or a new one."""
        free = self.free.get((e.value.nbytes, e.dtype))
        flat = free.pop() if free else np.empty(e.size, e.dtype)
        self.bytes += 0 if free is not None else flat.nbytes
        return self.put(e, flat.reshape(e.shape), flat)

    def put(self, e: Expression, array: Array, flat: Array | None) -> Array:
        self.at[e], self.buffer[e] = array, flat
        if flat is not None:
            self.users.setdefault(id(flat), set()).add(e)
        return array

    def used(self, x: Expression) -> None:
        """Notes one use of x; after the last one its buffer is free, if no view needs it."""
        self.left[x] -= 1
        flat = self.buffer[x]
        if not self.left[x] and flat is not None:
            self.users[id(flat)].discard(x)
            if not self.users[id(flat)]:
                self.free.setdefault((flat.nbytes, flat.dtype), []).append(flat)

    def replaceable(self, x: Any, e: Expression) -> bool:
        """Whether e may be written where operand x lies: nobody needs x after that."""
        if not isinstance(x, Expression) or self.left[x] > 1 or self.buffer[x] is None:
            return False
        flags = self.at[x].flags
        fits = (x.shape, x.dtype) == (e.shape, e.dtype) and flags.c_contiguous and flags.writeable
        return fits and len(self.users[id(self.buffer[x])]) == 1

    def place_over(self, e: Expression, operands: Sequence[Any]) -> Array:
        """A place for e: that of an operand which is no longer needed, else another."""
        for x in operands:
            if self.replaceable(x, e):
                return self.put(e, self.at[x], self.buffer[x])
        return self.new(e)

    # --- Lines -----------------------------------------------------------------------------------
    def name(self, x: Any, wish: str) -> str:
        """What an object is called in the program."""
        if id(x) not in self.names:
            name = f"{wish}{len(self.scope)}" if isinstance(x, Array) or wish == "option" else wish
            while name in self.scope:
                name += "_"
            self.scope[name], self.names[id(x)] = x, name  # (kept there, so that its id is its own)
        return self.names[id(x)]

    def write(self, function: Callable, *terms: str) -> None:
        wish = getattr(function, "__name__", "call")
        owner = getattr(function, "__self__", None)
        wish = f"{owner.__name__}_{wish}" if isinstance(owner, np.ufunc) else wish
        self.lines.append(f"{self.name(function, wish)}({', '.join(terms)})")

    def array(self, x: Any, e: Expression) -> Any:
        """An operand's array; a number becomes one in the dtype that it is computed in."""
        if isinstance(x, Expression):
            return self.at[x]
        if type(x) in (int, float):
            dtypes = [y.dtype for y in e.operands if isinstance(y, (Expression, Array))]
            return np.array(x, np.result_type(*dtypes, x) if dtypes else None)
        return x

    def place(self, e: Expression) -> None:
        if e.op is None:
            wish = "x" if e.name is not None else "c"
            self.name(self.put(e, e.value, None), wish)
            return
        arrays = [self.array(x, e) for x in e.operands]
        if e.op.view and self.is_view(e, arrays[0]):
            return
        special = _SPECIAL.get(e.op)
        if special is None or not special(self, e, arrays):
            self.usual(e, arrays)
        for x in parts(e):
            self.used(x)

    def is_view(self, e: Expression, source: Array) -> bool:
        """Makes a view once, here, if the operation gives one: no line is needed."""
        x = e.operands[0]
        view = e.op.forward(source, *concrete(tuple(e.options.values())))
        if within(e.options) or not isinstance(view, Array):
            return False
        if not isinstance(x, Expression) or not np.may_share_memory(view, source):
            return False
        self.put(e, view, self.buffer[x])
        self.used(x)
        return True

    def usual(self, e: Expression, arrays: list[Any]) -> None:
        """The line of a ufunc, of a reduction, or the call of another function, whose result is
        copied to its place."""
        op, function = e.op, e.op.call_forward
        terms = [self.name(a, "c") if a is not None else "None" for a in arrays]
        if isinstance(function, np.ufunc) and not e.options:
            over = e.operands if op.elementwise else ()
            out = self.name(self.place_over(e, over), "t")
            self.write(function, *terms, f"out={out}")
        elif op.reduction and {"axis", "keepdims"} == e.options.keys():
            out, how = self.name(self.new(e), "t"), e.options
            self.write(
                op.reduction.reduce, *terms, repr(how["axis"]), "None", out, repr(how["keepdims"])
            )
        else:
            out = self.name(self.new(e), "t")
            given = f"[{', '.join(terms)}]" if op.variadic else ", ".join(terms)
            options = "".join(
                f", {f'{k}=' * (k in op.named)}{self.option(x)}" for k, x in e.options.items()
            )
            wish = getattr(function, "__name__", op.name)
            call = f"{self.name(function, wish)}({given}{options})"
            self.write(np.copyto, out, f"{call}{'[0]' * bool(op.keeps)}")

    def option(self, x: Any) -> str:
        if x is None or isinstance(x, (bool, int, str)):
            return repr(x)
        if isinstance(x, Expression):
            return self.name(self.at[x], "t")
        if isinstance(x, tuple):
            return f"({''.join(self.option(y) + ', ' for y in x)})"
        return self.name(x, "c" if isinstance(x, Array) else "option")


# --- Operations that have a better line than that of their forward function ----------------------
def _place_product(to: Placed, e: Expression, arrays: list[Any]) -> bool:
    """A matrix product, written to its place."""
    x, y = arrays
    function = np.dot if x.ndim == 2 == y.ndim and x.dtype == y.dtype else np.matmul
    terms = [to.name(a, "c") for a in arrays]
    to.write(function, *terms, to.name(to.new(e), "t"))
    return True


def _place_choice(to: Placed, e: Expression, arrays: list[Any]) -> bool:
    """One value, and over it the other where the condition holds."""
    if arrays[0].dtype.kind != "b":
        return False
    condition, x, y = (to.name(a, "c") for a in arrays)
    out = to.name(to.place_over(e, e.operands[2:]), "t")
    if out != y:
        to.write(np.copyto, out, y)
    to.write(np.copyto, out, x, f"where={condition}")
    return True


def _place_conversion(to: Placed, e: Expression, arrays: list[Any]) -> bool:
    to.write(np.copyto, to.name(to.new(e), "t"), to.name(arrays[0], "c"), "'unsafe'")
    return True


def _place_sum_at(to: Placed, e: Expression, arrays: list[Any]) -> bool:
    """x, and y added at an index."""
    x, y = (to.name(a, "c") for a in arrays)
    index = e.options["index"]
    out = to.name(to.place_over(e, e.operands[:1]), "t")
    if out != x:
        to.write(np.copyto, out, x)
    if is_unique(concrete(index)):
        to.lines.append(f"{out}[{to.option(index)}] += {y}")
    else:
        to.write(np.add.at, out, to.option(index), y)
    return True


_SPECIAL: dict[Any, Callable[[Placed, Expression, list[Any]], bool]] = {
    matmul.op: _place_product, where.op: _place_choice, astype.op: _place_conversion,
    add_at.op: _place_sum_at,
}  # fmt: skip
