"""Expressions: values that remember how they came about.

An operation called with an expression gives an expression (`Expression.__row__`), so rules and
forward functions leave behind what they compute when they are run on expressions, as they are: a
formula or a program made of it cannot disagree with the engine. An expression carries its value,
too: a rule that asks for a shape, or branches on a value, goes the way it goes in the engine, and
what it asked for is noted as an assumption. What leaves no expression raises `NotSymbolic`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from itertools import count as counting
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.accumulation import fitted
from microgradnd.declaration import NUMPY, REDUCES, REQUIRED, Op
from microgradnd.engine import Tensor, node_of
from microgradnd.methods import Methods
from microgradnd.node import Array, Constant, MaybeNone, Node, by_seq, reachable
from microgradnd.numpy_protocol import PLAIN, parameters
from microgradnd.ops.shape import astype

# The truths that the rule being run has asked for, with the answers it was given.
assumptions: ContextVar[list[tuple[Expression, bool]] | None] = ContextVar(
    "assumptions", default=None
)
_next_seq = counting().__next__


class NotSymbolic(TypeError, AttributeError):
    """A rule or a forward function does what leaves no expression behind."""


class Expression(Methods):
    """A value and how it came about.

    Attributes:
        op: the operation whose result it is; None for a name or a number.
        operands: what it was called with: expressions, arrays, numbers; None where not given.
        options: its options, in their order.
        value: the array itself.
        name: of an expression that stands for itself.
        of: of a gradient, the two names in ∂of[0]/∂of[1].
        seq: grows in order of creation.

    >>> x = Expression.named("x", np.array([1.0, 2.0]))
    >>> y = np.exp(-x) * 2
    >>> y
    multiply(exp(negative(x)), 2)
    >>> evaluate(y, {"x": np.zeros(2)})
    array([2., 2.])
    """

    __slots__ = ("name", "of", "op", "operands", "options", "seq", "value")
    op: Op | MaybeNone
    operands: tuple
    options: dict[str, Any]
    value: Array
    name: str | None
    of: tuple[str, str] | None
    node = None  # as of a Tensor that requires no gradient

    def __init__(
        self, op: Op | None, operands: Iterable[Any], options: Mapping[str, Any], value: Any
    ) -> None:
        self.op, self.operands, self.options = op, tuple(operands), dict(options)
        self.value, self.seq = np.asarray(value), _next_seq()
        self.name = self.of = None

    @classmethod
    def named(  # type: ignore[override]
        cls, name: str, value: Any, of: tuple[str, str] | None = None
    ) -> Expression:
        """A value that is spoken of by its name."""
        x = cls(None, (), {}, value)
        x.name, x.of = name, of
        return x

    @classmethod
    def literal(cls, value: Any) -> Expression:
        """A number that is written as it is, where what is done to it shall be written, too."""
        return cls(None, (), {}, value)

    @staticmethod
    def __row__(op: Op, operands: Sequence[Any], options: Sequence[Any]) -> Expression:
        """Called by an operation that was given an expression."""
        flat = operands[0] if op.variadic else operands
        given = dict(zip(op.options, options))
        if op.scratch:  # it may write into an operand only where all of them are arrays
            given[op.scratch] = False
        return applied(op, [x._array if isinstance(x, Tensor) else x for x in flat], given)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "__call__" and not options and ufunc in NUMPY:
            return NUMPY[ufunc](*inputs)
        if method == "__call__":
            return _bare(ufunc, inputs, options)
        options = {k: v for k, v in options.items() if k != "out" or v is not None}
        if method == "reduce" and ufunc in REDUCES and not options.keys() - {"axis", "keepdims"}:
            return REDUCES[ufunc](*inputs, **{"axis": 0, **options})
        if method != "reduce":
            raise NotSymbolic(f"numpy.{ufunc.__name__}.{method} is called")
        return _bare(ufunc.reduce, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function in PLAIN or function in _ABOUT_SHAPES:
            return function(*concrete(args), **concrete(options))
        ours = NUMPY.get(function)
        if ours is None:
            return _bare(function, args, options)
        theirs, names = parameters(function, ours)
        if names is None:
            return ours(*args, **options)
        named = {**dict(zip(theirs, args)), **options}
        if any(key not in names and x is not theirs[key] for key, x in named.items()):
            return _bare(function, args, options)
        return ours(**{names[k]: x for k, x in named.items() if k in names})

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise NotSymbolic("the array itself is asked for")

    def __getattr__(self, name: str) -> Any:
        raise NotSymbolic(f".{name} is asked for")

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: self.value.dtype)
    parents = property(lambda self: self.operands)
    __hash__ = object.__hash__  # they are compared elementwise: look them up in sets, not lists

    def astype(self, dtype: Any, **how: Any) -> Any:
        return self if self.dtype == dtype else astype(self, dtype)

    def copy(self) -> Expression:
        return self

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self.value)))

    def __bool__(self) -> bool:
        answer = bool(self.value)
        if (noted := assumptions.get()) is not None:
            noted.append((self, answer))
        return answer

    def __repr__(self) -> str:
        if self.op is None:
            return str(self.value) if self.name is None else self.name
        terms = [*map(repr, self.operands), *(f"{k}={v!r}" for k, v in self.options.items())]
        return f"{self.op.name}({', '.join(terms)})"


_ABOUT_SHAPES = frozenset({np.broadcast_shapes, np.einsum_path})


@cache
def bare_op(function: Callable, options: tuple[str, ...] = ()) -> Op:
    """A NumPy function that is no operation, as one: a call that is written as it is."""
    owner: Any = getattr(function, "__self__", None)  # of np.add.reduce the ufunc
    ufunc = isinstance(owner, np.ufunc)
    name = f"{owner.__name__}.{function.__name__}" if ufunc else function.__name__
    ours = not ufunc and (function.__module__ or "").partition(".")[0] != "numpy"
    traits = {
        "elementwise": isinstance(function, np.ufunc) and function.signature is None,
        "numpy": None if ours and not isinstance(function, np.ufunc) else function,
    }
    signature = (("x",), False, set[str](), dict.fromkeys(options, REQUIRED), options)
    return Op(function, name, signature, {}, traits)


def _bare(function: Callable, operands: Sequence[Any], options: Mapping[str, Any]) -> Expression:
    return applied(bare_op(function, tuple(options)), operands, options)


def applied(op: Op, operands: Sequence[Any], options: Mapping[str, Any]) -> Expression:
    """An operation called with operands, as an expression whatever they are."""
    return Expression(op, operands, options, computed(op, operands, options))


def computed(op: Op, operands: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """An operation's result on arrays, quietly: infinities are the engine's to complain of."""
    with np.errstate(all="ignore"):
        out = op.call(concrete(tuple(operands)), concrete(tuple(options.values())))
    return np.asarray(out[0] if op.keeps else out)


def concrete(x: Any) -> Any:
    """The same, with the values of expressions in their place."""
    return _mapped(x, lambda e: e.value)


def _mapped(x: Any, function: Callable[[Expression], Any]) -> Any:
    """The same, with something else in the place of each expression."""
    if isinstance(x, Expression):
        return function(x)
    if isinstance(x, (tuple, list)) and type(x) in (tuple, list):
        return type(x)(_mapped(y, function) for y in x)
    if isinstance(x, dict):
        return {key: _mapped(y, function) for key, y in x.items()}
    return x


def within(x: Any) -> list[Expression]:
    """The expressions that something holds, itself or in tuples, in their order."""
    found: list[Expression] = []
    _mapped(x, found.append)
    return found


def parts(x: Expression) -> list[Expression]:
    """The expressions that one was computed from, among them those in its options."""
    return within([*x.operands, *x.options.values()])


def ordered(outs: Any, known: Any = ()) -> list[Expression]:
    """All expressions below some, in order of creation, but for what is below those known."""
    found = {e: None for e in within(outs) if e not in known}
    stack = list(found)
    while stack:
        for e in parts(stack.pop()):
            if e not in found and e not in known:
                found[e] = None
                stack.append(e)
    return sorted(found, key=by_seq)


# --- Rules run on expressions --------------------------------------------------------------------
def ruled(
    op: Op, i: int, operands: Sequence[Any], out: Any, g: Any, options: Mapping[str, Any]
) -> Any:
    """What the rule for operand i gives: an expression, or numbers.

    Raises:
        NotSymbolic: the rule cannot be run so.
    """
    key = op.operands[0] if op.variadic else op.operands[i]
    places = needed(op, i, operands, out, options)
    try:
        with np.errstate(all="ignore"):
            rules, needs = rules_of(op, operands, out)
            result = rules[key](g, *(places[need] for need in needs[key]))
    except Exception as error:
        raise NotSymbolic(f"{op.name}: {error}") from error
    result = result[i] if op.variadic else result
    if not isinstance(result, (Expression, Array, np.generic, int, float)):
        raise NotSymbolic(f"{op.name}: the rule gives a {type(result).__name__}")
    return result


def rules_of(op: Op, operands: Sequence[Any], out: Any) -> tuple[Mapping, Mapping]:
    """The rules of an operation and what they need, for the numbers it was given."""
    return op.derivatives(any(np.iscomplexobj(concrete(x)) for x in (*operands, out)))


def needed(
    op: Op, i: int, operands: Sequence[Any], out: Any, options: Mapping[str, Any]
) -> dict[str, Any]:
    """All that the rule for operand i may ask for, by name."""
    places = {"out": out, "out_shape": np.shape(concrete(out)), **options}
    shapes = [np.shape(concrete(x)) for x in operands]
    if op.variadic:
        return places | {op.operands[0]: list(operands), f"{op.operands[0]}_shapes": shapes}
    places |= dict(zip(op.operands, operands))
    places |= {f"{k}_shape": shape for k, shape in zip(op.operands, shapes)}
    places["into"] = np.zeros_like(concrete(operands[i]))
    for key in set(op.keeps).intersection(op.needs[op.operands[i]]):
        places[key] = op.keeps[key](*(places[need] for need in op.kept_from(key)))
    return places


def composed(op: Op, i: int, operands: Sequence[Any], g: Any, options: Mapping[str, Any]) -> Any:
    """The same by the composed form of an operation, for rules that are made for arrays."""
    assert op.composed is not None
    with np.errstate(all="ignore"):
        out = op.composed(*operands, *options.values())
    return gradients(out, [operands[i]], g, within(tuple(operands)))[0]


def _contribution(e: Expression, i: int, g: Any) -> Any:
    """What an expression adds to the gradient of its operand i, in the operand's shape and dtype.

    Raises:
        TypeError: the operation has no derivative by it.
        NotSymbolic: its rule leaves no expression.
    """
    op = e.op
    assert op is not None
    key = op.operands[0] if op.variadic else op.operands[i] if i < len(op.operands) else ""
    if key not in op.rules:
        raise errors.no_derivative(op.name, key or op.name)
    if op.composed is not None:
        x = composed(op, i, e.operands, g, e.options)
    else:
        x = ruled(op, i, e.operands, e, g, e.options)
    node: Any = e  # as far as an error asks
    return fitted(x if isinstance(x, Expression) else np.asarray(x), e.operands[i], node)


def gradients(
    out: Expression,
    leaves: Sequence[Expression],
    seed: Any = None,
    constants: Iterable[Expression] = (),
) -> list[Any]:
    """The gradients by some expressions: the engine's walk, on expressions. 0.0 where none flows.

    They are expressions (or arrays, where they depend on nothing): they can be differentiated.
    Nothing flows through the constants.

    >>> x = Expression.named("x", np.array(3.0))
    >>> (slope,) = gradients(np.sin(x * 2.0), [x])
    >>> gradients(slope, [x])[0].value.round(6), (-4 * np.sin(6.0)).round(6)
    (np.float64(1.117662), np.float64(1.117662))
    """
    found = ordered(out, set(constants))
    wanted, flows = set(leaves), set(leaves)
    for e in found:
        if any(x in flows for _, x in _differentiable(e)):
            flows.add(e)
    totals: dict[Expression, Any] = {}
    if out in flows:
        totals[out] = np.ones(out.shape, out.dtype) if seed is None else seed
    for e in reversed(found):
        if e.op is None or e not in totals:
            continue
        g = totals[e] if e in wanted else totals.pop(e)
        for i, x in _differentiable(e):
            if x in flows:
                c = _contribution(e, i, g)
                totals[x] = totals[x] + c if x in totals else c
    return [totals.get(x, 0.0) for x in leaves]


def _differentiable(e: Expression) -> list[tuple[int, Expression]]:
    """The operands to which a gradient flows, with their numbers."""
    op = e.op
    if op is None or op.discrete or e.dtype.kind not in "fc":
        return []
    fixed = [i for i, key in enumerate(op.operands) if key in op.fixed]
    places = enumerate(e.operands)
    return [(i, x) for i, x in places if isinstance(x, Expression) and i not in fixed]


# --- Forward functions run on expressions --------------------------------------------------------
def lowered(outs: Sequence[Any]) -> list[Any]:
    """The same expressions by NumPy's functions: operations are replaced by what they compute.

    Their forward functions are run on expressions: `softmax` becomes a maximum, a difference, an
    exponential, a sum and a quotient. Ufuncs, views, reductions and what is `whole` stay. Equal
    expressions are found once: forward and backward share them.
    """
    new: dict[Expression, Expression] = {}
    same: dict[Any, Expression] = {}

    def lower(outs: Any) -> None:
        for e in ordered(outs, new):
            op = e.op
            if op is None:
                new[e] = e
                continue
            operands, options = (_mapped(x, new.__getitem__) for x in (e.operands, e.options))
            stays = op.whole or op.view or op.reduction or op.discrete
            stays = stays or isinstance(op.call_forward, np.ufunc)
            inner = None if stays else run(e, operands, options)
            if inner is None or inner.op is op:
                key = op, _lookup_key(operands), _lookup_key(options)
                new[e] = same.setdefault(key, Expression(op, operands, options, e.value))
            else:
                new.update((x, x) for x in within([operands, options]))
                lower([inner])
                new[e] = new[inner]
            new[new[e]] = new[e]

    lower(outs)
    return _mapped(list(outs), new.__getitem__)


def run(e: Expression, operands: tuple, options: Mapping[str, Any]) -> Expression | None:
    """The forward function of an expression's operation, run on others; None if it cannot be."""
    op = e.op
    assert op is not None
    try:
        with np.errstate(all="ignore"):
            inner = op.call(list(operands) if op.variadic else operands, tuple(options.values()))
    except Exception:  # whatever it does with what is no array: it is kept as a call
        return None
    inner = inner[0] if op.keeps else inner
    same = isinstance(inner, Expression) and (inner.shape, inner.dtype) == (e.shape, e.dtype)
    return inner if same else None


def _lookup_key(x: Any) -> Any:
    """What two equal operands or options have in common, to look them up by."""
    if isinstance(x, dict):
        return tuple((key, _lookup_key(y)) for key, y in x.items())
    if isinstance(x, (tuple, list)):
        return tuple(map(_lookup_key, x))
    if isinstance(x, Array):
        return (x.shape, x.dtype, x.tobytes()) if x.size <= 16 else id(x)
    return id(x) if isinstance(x, Expression) else (type(x), repr(x))


# --- Graphs that were recorded -------------------------------------------------------------------
def recorded(tensor: Tensor) -> tuple[Expression, dict[Node, Expression]]:
    """The expressions of a graph that was recorded: that of the tensor, and the leaves by node.

    Values are computed anew from the leaves, so they are there whether or not it was freed.

    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> recorded((x * x).sum())[0]
    sum(multiply(x, x), axis=None, keepdims=False)
    """
    nodes, leaves = reachable([node_of(tensor)])
    at: dict[Any, Any] = {x: Expression.named(x.name or "w", x.saved) for x in leaves}
    for n in reversed(nodes):
        for p in n.parents:
            if isinstance(p, Constant) and p not in at:
                at[p] = Expression.named(p.name, p.value)
        operands = [at[p] if isinstance(p, (Node, Constant)) else p for p in n.parents]
        at[n] = applied(n.op, operands, dict(zip(n.op.options, n.options)))
    return at[node_of(tensor)], {leaf: at[leaf] for leaf in sorted(leaves, key=by_seq)}


# --- What can be done with expressions -----------------------------------------------------------
def rebuilt(x: Any, change: Callable[[Expression, tuple, dict], Any]) -> Any:
    """An expression made anew from below: `change(e, operands, options)` for each, once."""
    new: dict[Expression, Any] = {}
    for e in ordered(x):
        new[e] = change(e, *(_mapped(y, new.__getitem__) for y in (e.operands, e.options)))
    return _mapped(x, new.__getitem__)


def evaluate(x: Any, values: Mapping[str, Any]) -> Any:
    """An expression computed anew from the values of its names.

    Raises:
        KeyError: a name has no value.
    """

    def change(e: Expression, operands: tuple, options: dict) -> Any:
        if e.op is None:
            return e.value if e.name is None else np.asarray(values[e.name])
        return computed(e.op, operands, options)

    return rebuilt(x, change)


def substitute(x: Any, replacements: Mapping[str, Any]) -> Any:
    """An expression with other expressions in the place of names."""

    def change(e: Expression, operands: tuple, options: dict) -> Any:
        if e.op is None:
            return replacements.get(str(e.name), e)
        same = all(one is other for one, other in zip(operands, e.operands))
        return e if same else Expression(e.op, operands, options, e.value)

    return rebuilt(x, change)


def names_of(x: Any) -> dict[str, Expression]:
    """The names an expression speaks of, in the order of their creation."""
    return {e.name: e for e in ordered(x) if e.name is not None}


def count(x: Any) -> int:
    """How many names and calls an expression has, the repeated ones counted each time."""
    sizes: dict[Expression, int] = {}
    for e in ordered(x):
        sizes[e] = 1 + sum(sizes[y] for y in within(e.operands))
    return sum(sizes[y] for y in within(x))


def alike(x: Any, y: Any) -> bool:
    """Whether two expressions are written alike."""
    if isinstance(x, Expression) and isinstance(y, Expression):
        if x is y or x.op is not y.op or x.name != y.name:
            return x is y
        if x.op is None:
            return x.name is not None or np.array_equal(x.value, y.value)
        return alike([*x.operands, *x.options.values()], [*y.operands, *y.options.values()])
    if isinstance(x, (tuple, list)) and isinstance(y, (tuple, list)):
        return len(x) == len(y) and all(map(alike, x, y))
    if isinstance(x, Array) or isinstance(y, Array):
        return not within([x, y]) and np.array_equal(x, y)
    return type(x) is type(y) and bool(x == y)
