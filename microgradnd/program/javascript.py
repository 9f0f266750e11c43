"""Computations as a table of steps that a small interpreter in a page runs.

A step is a row [function, result, operands, options] of numbers: of the function in a list of
names, of places in memory. The rows are written from the same expressions as formulas and NumPy
programs; views need no row, their place says how they lie in another's memory. Which functions
there are, the interpreter says: the rest is lowered to them by running forward functions on
expressions, so what an operation needs to be known is its declaration and nothing else.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from microgradnd.declaration import OPS, PUBLIC, Op
from microgradnd.node import Array
from microgradnd.ops.elementwise import where
from microgradnd.ops.indexing import add_at, getitem, setitem
from microgradnd.program.expressions import (
    Expression,
    NotSymbolic,
    applied,
    assumptions,
    concrete,
    ordered,
    parts,
    ruled,
    run,
    within,
)
from microgradnd.program.numpy_text import NotExpressible, numpy_function

_STORED = {"float32": "<f4", "int32": "<i4", "bool": "|u1"}  # all others as float64


class Rows:
    """Steps, and the places that they work on.

    Args:
        known: the names of the functions that the interpreter has.

    Attributes:
        functions: the names of those that are used.
        places: [dtype, shape] of what has memory of its own, [dtype, shape, of, offset, strides]
            of a view of another place, counted in elements.
        rows: the steps in their order: [function, result, operands, options].
        constants: by place, the number or the base64 of the elements that it holds from the start.
        elements: of all places with memory of their own.

    >>> rows = Rows({"exp", "multiply", "add.reduce"})
    >>> x = Expression.named("x", np.array([1.0, 2.0]))
    >>> rows.bind(x), rows.write(np.exp(x * x).sum())
    (0, 3)
    >>> rows.functions, rows.rows
    (['multiply', 'exp', 'add.reduce'], [[0, 1, [0, 0]], [1, 2, [1]], [2, 3, [2]]])
    """

    def __init__(self, known: Collection[str]) -> None:
        self.known = known
        self.functions: list[str] = []
        self.places: list[list[Any]] = []
        self.rows: list[list[Any]] = []
        self.constants: dict[int, Any] = {}
        self.elements = 0
        self.layout: list[Array] = []  # by place, an array that lies as it does there
        self.at: dict[Expression, int] = {}
        self.written: list[Expression] = []  # those of `at` that belong to the present part
        self.same: dict[Any, int] = {}  # in the present part, the places of equal results
        self.fixed: dict[Any, int] = {}  # the places of constants
        self.held: list[Any] = []  # arrays whose ids are keys of `fixed`

    def table(self) -> dict[str, Any]:
        """What the interpreter takes, in JSON."""
        return {
            "functions": self.functions,
            "places": self.places,
            "rows": self.rows,
            "constants": {str(place): x for place, x in self.constants.items()},
        }

    # --- Places ----------------------------------------------------------------------------------
    def new(self, shape: Iterable[int], dtype: Any) -> int:
        """A place with memory of its own.

        Raises:
            NotExpressible: the interpreter has no numbers of this dtype.
        """
        dtype, shape = np.dtype(dtype), tuple(map(int, shape))
        if dtype.kind not in "biuf" or dtype.itemsize == 2 or dtype.itemsize > 8:
            raise NotExpressible(f"{dtype} arrays")
        self.places.append([dtype.name, [*shape]])
        self.layout.append(np.empty(shape, dtype))
        self.elements += self.layout[-1].size
        return len(self.places) - 1

    def bind(self, x: Expression) -> int:
        """A place for a name, which somebody else fills."""
        self.at[x] = self.new(x.shape, x.dtype)
        return self.at[x]

    def fill(self, place: int, x: Array) -> None:
        """Says what a place holds from the start."""
        self.constants[place] = stored(x)

    def constant(self, x: Any) -> int:
        """The place of what is known from the start."""
        x = np.asarray(x)
        key = (x.shape, x.dtype.name, x.tobytes()) if x.size <= 64 else id(x)
        if key not in self.fixed:
            self.held.append(x)
            self.fixed[key] = place = self.new(x.shape, x.dtype)
            self.fill(place, x)
        return self.fixed[key]

    def view(self, view: Array, of: int) -> int:
        """The place of what lies in another's memory, as a view of its layout does."""
        while len(self.places[of]) > 2:
            of = self.places[of][2]
        root = self.layout[of]
        start = view.__array_interface__["data"][0] - root.__array_interface__["data"][0]
        strides = [s // root.itemsize for s in view.strides]
        place = [root.dtype.name, [*view.shape], of, start // root.itemsize, strides]
        key = json.dumps(place)
        if key not in self.same:
            self.places.append(place)
            self.layout.append(view)
            self.same[key] = len(self.places) - 1
        return self.same[key]

    # --- Rows ------------------------------------------------------------------------------------
    def begin(self) -> int:
        """Starts a part that can be replaced: it shares no steps with those before it."""
        for e in self.written:
            del self.at[e]
        self.written.clear()
        self.same.clear()
        return len(self.rows)

    def part(self, make: Callable[[], Any]) -> dict[str, Any]:
        """The steps of what a function gives, as a part that can be left out or replaced.

        It has its `rows`, from one to before another, the `place` of the result, and `guards`:
        places of truths that were asked for, with the answers by which it went on.
        """
        start, noted = self.begin(), list[tuple[Expression, bool]]()
        token = assumptions.set(noted)
        try:
            place = self.write(make())
            guards = [[self.write(e), answer] for e, answer in noted]
            guards = [g for g in guards if g[0] not in self.constants]
        finally:
            assumptions.reset(token)
        found: dict[str, Any] = {"rows": [start, len(self.rows)], "place": place}
        return found | {"guards": guards} if guards else found

    def row(
        self, name: str, operands: Sequence[int | None], like: Expression,
        options: Mapping[str, Any] | None = None,
    ) -> int:  # fmt: skip
        """A step, or the place of the result of an equal one."""
        key = name, json.dumps([operands, options]), like.shape, like.dtype
        if key not in self.same:
            if name not in self.functions:
                self.functions.append(name)
            place = self.new(like.shape, like.dtype)
            row = [self.functions.index(name), place, operands]
            self.rows.append([*row, options] if options else row)
            self.same[key] = place
        return self.same[key]

    def write(self, x: Any) -> int:
        """The place of what an expression gives, after the steps that it takes.

        Raises:
            NotExpressible: for an operation, whose name it holds, there is no way.
        """
        for e in ordered(x, self.at):
            if self.varies(e):
                self.at[e] = self.placed(e)
                self.written.append(e)
        return self.operand(x)

    def varies(self, e: Any) -> bool:
        """Whether a value depends on one that has a name."""
        return e in self.at or any(p in self.at for p in parts(e))

    def operand(self, x: Any, among: Collection[Any] = ()) -> int:
        """The place of an operand; a number becomes one in the dtype that it is computed in."""
        if isinstance(x, Expression):
            return self.at[x] if x in self.at else self.constant(x.value)
        if type(x) in (int, float):
            dtypes = [y.dtype for y in among if isinstance(y, (Expression, Array))]
            return self.constant(np.array(x, np.result_type(*dtypes, x) if dtypes else None))
        return self.constant(x)

    def placed(self, e: Expression) -> int:
        """The place of the result of an operation whose operands have theirs."""
        assert e.op is not None
        op, special = e.op, _SPECIAL.get(e.op)
        found = self.as_view(e)
        if found is None and special is not None:
            found = special(self, e)
        if found is not None:
            return found
        for name in _names(op):
            if name in self.known:
                return self.called(name, e)
        inner = run(e, e.operands, e.options)
        if inner is not None and inner.op is not op:
            return self.write(inner)
        if op.composed is not None:
            with np.errstate(all="ignore"):
                inner = op.composed(*e.operands, *e.options.values())
            return self.write(inner)
        found = self.gathered(e)
        if found is None:
            raise NotExpressible(op.name)
        return found

    def as_view(self, e: Expression) -> int | None:
        """The place of a view, if the operation gives one."""
        x, op = e.operands[0], e.op
        if (
            not isinstance(x, Expression)
            or x not in self.at
            or len(e.operands) > 1
            or (self.varying(e.options))
        ):
            return None
        if not op.view and any(name in self.known for name in _names(op)):
            return None
        source = self.layout[self.at[x]]
        try:
            with np.errstate(all="ignore"):
                view = op.forward(source, *concrete(tuple(e.options.values())))
        except Exception:  # it asks for values, which stand there not yet
            return None
        same = isinstance(view, Array) and view.shape == e.shape and view.dtype == e.dtype
        return self.view(view, self.at[x]) if same and np.may_share_memory(view, source) else None

    def varying(self, x: Any) -> bool:
        return any(e in self.at for e in within(x))

    def called(self, name: str, e: Expression) -> int:
        operands = [None if x is None else self.operand(x, e.operands) for x in e.operands]
        options = {key: _plain(x) for key, x in e.options.items() if not _untold(x)}
        return self.row(name, operands, e, options)

    def gathered(self, e: Expression) -> int | None:
        """What only moves elements about: linear, and each element of the result one of operands.

        Where each comes from is seen from the result for numbered elements. Random ones are a
        second witness: two linear functions that agree there are the same.
        """
        op, moving = e.op, [x for x in e.operands if self.varying(x)]
        names = [op.operands[0 if op.variadic else i] for i in range(len(e.operands))]
        linear = {*(op.linear or "").replace("+", " ").split()}
        together = "+" in (op.linear or "") or len(moving) == 1 or op.variadic
        if self.varying(e.options) or not moving or not linear.issuperset(names) or not together:
            return None
        sizes = [x.size for x in moving]
        random = np.random.default_rng(0).uniform(1, 2, sum(sizes))
        numbered, witness = (
            self.tried(e, moving, x) for x in (1.0 + np.arange(sum(sizes)), random)
        )
        index = numbered.astype(np.int32) - 1 if np.isfinite(numbered).all() else None
        if index is None or (index.size and not -1 <= index.min() <= index.max() < random.size):
            return None
        expected = np.where(index < 0, 0.0, random[index] if random.size else 0.0)
        if not np.array_equal(numbered, index + 1) or not np.array_equal(witness, expected):
            return None
        return self.row("take", [*map(self.operand, moving), self.constant(index)], e)

    def tried(self, e: Expression, moving: list[Expression], numbers: Array) -> Array:
        """The result for other numbers in the operands."""
        ends = np.cumsum([x.size for x in moving])
        given = [part.reshape(x.shape) for part, x in zip(np.split(numbers, ends[:-1]), moving)]
        new = {id(x): array for x, array in zip(moving, given)}
        operands = [new.get(id(x), concrete(x)) for x in e.operands]
        return np.asarray(e.op.run(operands, concrete(tuple(e.options.values()))))

    def index(self, index: Any, shape: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
        """The place of an index counted through the elements, or through blocks of the last axes;
        the size of a block; and the shape of what is read."""
        parts = index if isinstance(index, tuple) else (index,)
        if not self.varying(index):
            flat = np.arange(np.prod(shape, dtype=int)).reshape(shape)[concrete(index)]
            flat = np.asarray(flat, np.int32)
            return self.constant(flat), 1, flat.shape
        if any(isinstance(p, (slice, list)) or p is None or p is ... for p in parts) or any(
            np.asarray(concrete(p)).dtype.kind not in "iu" for p in parts
        ):
            raise NotExpressible("an index that is computed, beside slices or as a mask")
        flat, rest = 0, shape[len(parts) :]
        for n, p in zip(shape, parts):
            inside = (
                where(p < 0, p + n, p) if isinstance(p, Expression) else np.where(p < 0, p + n, p)
            )
            flat = flat * n + inside
        return self.write(flat), int(np.prod(rest, dtype=int)), (*flat.shape, *rest)


def is_activation(op: Op) -> bool:
    """Whether an operation is a function of a layer's elements that others can stand for."""
    bare = len(op.options) == len(op.optional_options)
    return op.activation and op.elementwise and len(op.operands) == 1 and bare


@cache
def activations(known: frozenset[str], dtype: str) -> Mapping[str, dict[str, Any]]:
    """All such operations by name, as programs of their own.

    A program has functions, places, rows and constants, and of its parts `forward` and `backward`
    the rows, the result's place and guards. The first three places are those of the operand, of
    the result and of its gradient; the operand's `shape` stands for any.
    """
    found = {}
    for op in filter(is_activation, OPS.values()):
        if op.name in PUBLIC:
            try:
                found[op.name] = _template(op, known, dtype)
            except (NotExpressible, NotSymbolic):
                continue
    return MappingProxyType(found)


def _template(op: Op, known: frozenset[str], dtype: str) -> dict[str, Any]:
    rows, options, half = Rows(known), dict(op.options), np.full((2, 3), 0.5, dtype)
    x = Expression.named("x", half)
    out, g = (Expression.named(name, op.run([half], [*options.values()])) for name in ("y", "∂y"))
    for symbol in (x, out, g):
        rows.bind(symbol)
    forward = rows.part(lambda: applied(op, [x], options))
    backward = rows.part(lambda: ruled(op, 0, [x], out, g, options))
    return rows.table() | {"shape": [*half.shape], "forward": forward, "backward": backward}


def stored(x: Array) -> Any:
    """Elements as the interpreter takes them: a number, or base64 of little-endian numbers."""
    return x.item() if x.ndim == 0 and np.isfinite(x) else encoded(x)


def encoded(x: Array) -> str:
    """The elements in base64."""
    return b64encode(np.ascontiguousarray(x, _STORED.get(x.dtype.name, "<f8")).tobytes()).decode()


def _names(op: Op) -> list[str]:
    """What the interpreter may call an operation: as NumPy does, or by the library's own name."""
    function: Any = numpy_function(op)
    if function is not None:
        names: list[str] = [f"{op.reduction.__name__}.reduce"] if op.reduction else []
        owner = getattr(function, "__self__", None)  # of np.add.reduce the ufunc
        home = f"{owner.__name__}." if isinstance(owner, np.ufunc) else ""
        return [*names, home + function.__name__]
    ours = (getattr(op.call_forward, "__module__", None) or "").startswith("microgradnd.")
    return [op.name] if ours else []


def _untold(x: Any) -> bool:
    """Whether an option is said by the result itself, or is not given."""
    return x is None or x is False or isinstance(x, (type, np.dtype))


def _plain(x: Any) -> Any:
    """An option in JSON.

    Raises:
        NotExpressible: it holds more than numbers, words and truths.
    """
    if isinstance(x, (tuple, list)):
        return [*map(_plain, x)]
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, float) and not np.isfinite(x):
        return repr(x)
    if x is None or isinstance(x, (bool, int, float, str)):
        return x
    raise NotExpressible(f"an option that is a {type(x).__name__}")


# --- Operations whose index is worked out here ---------------------------------------------------
def _taken(to: Rows, e: Expression) -> int:
    (x,) = e.operands
    flat, block, _ = to.index(e.options["index"], np.shape(concrete(x)))
    return to.row("take", [to.operand(x), flat], e, {"block": block} if block != 1 else None)


def _written(to: Rows, e: Expression) -> int:
    x, y = e.operands
    flat, block, shape = to.index(e.options["index"], e.shape)
    operands = [to.operand(x, e.operands), flat, to.operand(y, e.operands)]
    return to.row(e.op.name, operands, e, {"block": block, "shape": [*shape]})


_SPECIAL: dict[Any, Callable[[Rows, Expression], int]] = {
    getitem.op: _taken, add_at.op: _written, setitem.op: _written,
}  # fmt: skip
