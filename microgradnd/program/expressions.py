"""Symbols: values that remember the expression they came from, for the rules to be run on.

A derivative rule is an ordinary function. Run on Symbols instead of Tensors it leaves behind the
expression that it computes, so that a formula cannot disagree with the engine. A Symbol also
carries the numbers of the node it stands for: a rule that asks for a shape, or branches on a
value, goes the way it goes in the engine, and what it asked for is noted as an assumption.

The rule's own code is run, with one thing changed: where it speaks of Tensors and of operations,
it meets Symbols and operations on them (`rebound`). What a rule does beyond that, such as asking
for the array itself, raises `NotSymbolic`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from microgradnd.accumulation import fitted
from microgradnd.declaration import OPS, Op
from microgradnd.engine import Tensor
from microgradnd.node import Node

Array = np.ndarray
# The truths that the rule being run has asked for, with the answers it was given.
assumptions: ContextVar[list[tuple[Symbol, bool]] | None] = ContextVar("assumptions", default=None)


class NotSymbolic(TypeError, AttributeError):
    """A rule does what leaves no expression behind."""


class Symbol:
    """A value and the expression it came from.

    Attributes:
        function: of which it is the result, an Op or a NumPy function; None for a name.
        args: what it was called with: Symbols, numbers, arrays, or lists of them.
        options: the options it was called with.
        value: the array itself.
        name: of a symbol that stands for itself.
        of: of a gradient, the two names in ∂of[0]/∂of[1].

    >>> x = Symbol.named("x", np.array([1.0, 2.0]))
    >>> y = np.exp(-x) * 2
    >>> y
    multiply(exp(negative(x)), 2)
    >>> evaluate(y, {"x": np.zeros(2)})
    array([2., 2.])
    """

    __slots__ = ("function", "args", "options", "value", "name", "of")
    function: Any
    args: tuple
    options: dict[str, Any]
    value: Any
    name: str | None
    of: tuple[str, str] | None

    def __init__(self, function: Any, args: tuple, options: dict[str, Any], value: Any) -> None:
        self.function, self.args, self.options = function, args, options
        self.value = np.asarray(value)
        self.name, self.of = None, None

    @classmethod
    def named(cls, name: str, value: Any, of: tuple[str, str] | None = None) -> Symbol:
        symbol = cls(None, (), {}, value)
        symbol.name, symbol.of = name, of
        return symbol

    @classmethod
    def literal(cls, value: Any) -> Symbol:
        """A number that is written as it is, where what is done to it shall be written, too."""
        return cls(None, (), {}, value)

    @property
    def head(self) -> str:
        """The name of the function, or an empty string."""
        if self.function is None:
            return ""
        return self.function.name if isinstance(self.function, Op) else self.function.__name__

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: self.value.dtype)
    T = property(lambda self: apply(OPS["transpose"], (self,), {}))
    mT = property(lambda self: apply(OPS["swapaxes"], (self, -1, -2), {}))
    __hash__ = object.__hash__

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        op = op_of(ufunc)
        if method == "__call__" and not options:
            return apply(op or ufunc, inputs, {})
        reduction = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
        if method == "reduce" and ufunc.__name__ in reduction and not options.get("out"):
            options = {"axis": 0, **{k: v for k, v in options.items() if k != "out"}}
            return apply(OPS[reduction[ufunc.__name__]], inputs, options)
        raise NotSymbolic(f"numpy.{ufunc.__name__}.{method} with {sorted(options)}")

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        name = function.__name__
        if name in ABOUT_SHAPES:
            return function(*concrete(args), **concrete(options))
        if name == "einsum" and "einsum" in OPS:
            operation = OPS["einsum" if len(args) == 2 else "einsum2"]
            return apply(operation, (*args[1:], args[0]), {})
        name = {"amax": "max", "amin": "min", "around": "round"}.get(name, name)
        if name in OPS and not options.keys() - OPS[name].defaults.keys():
            return apply(OPS[name], args, options)
        return apply(function, args, options)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise NotSymbolic("the rule asks for the array itself")

    def __getattr__(self, name: str) -> Any:
        if name in NUMPY_METHODS:
            return lambda *args, **options: apply(getattr(np, name), (self, *args), options)
        if name.startswith("_") or name not in OPS:
            raise NotSymbolic(f"the rule asks for .{name}")
        return lambda *args, **options: apply(OPS[name], (self, *args), options)

    def __getitem__(self, index: Any) -> Symbol:
        return apply(OPS["getitem"], (self, index), {})

    def reshape(self, *shape: Any) -> Symbol:
        return apply(OPS["reshape"], (self, shape[0] if len(shape) == 1 else shape), {})

    def transpose(self, *axes: Any) -> Symbol:
        order = axes[0] if len(axes) == 1 else axes or None
        return apply(OPS["transpose"], (self, order), {})

    def astype(self, dtype: Any, **how: Any) -> Symbol:
        return self if self.dtype == dtype else apply(OPS["astype"], (self, np.dtype(dtype)), {})

    def ravel(self) -> Symbol:
        return self.reshape(-1)

    flatten = ravel

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self.value)))

    def __bool__(self) -> bool:
        answer = bool(self.value)
        noted = assumptions.get()
        if noted is not None:
            noted.append((self, answer))
        return answer

    def __repr__(self) -> str:
        if self.function is None:
            return str(self.value) if self.name is None else self.name
        terms = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.options.items())]
        return f"{self.head}({', '.join(terms)})"


def operator(ufunc: Any, reflected: bool = False) -> Callable:
    if reflected:
        return lambda self, other: ufunc(other, self)
    return lambda self, *other: ufunc(self, *other)


for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power,
    "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "floordiv": np.floor_divide, "mod": np.remainder,
}.items():  # fmt: skip
    setattr(Symbol, f"__{_name}__", operator(_ufunc))
    setattr(Symbol, f"__r{_name}__", operator(_ufunc, reflected=True))
for _name, _ufunc in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
    "ne": np.not_equal, "neg": np.negative, "pos": np.positive, "abs": np.absolute,
    "invert": np.invert,
}.items():  # fmt: skip
    setattr(Symbol, f"__{_name}__", operator(_ufunc))

ABOUT_SHAPES = {"shape", "ndim", "size", "zeros_like", "ones_like", "empty_like", "result_type",
                "broadcast_shapes", "einsum_path"}  # fmt: skip
NUMPY_METHODS = {"argmax", "argmin", "argsort", "all", "any", "cumsum", "repeat"}


def op_of(ufunc: Any) -> Op | None:
    """The operation of the table that a ufunc is the forward function of."""
    name = {"absolute": "abs"}.get(ufunc.__name__, ufunc.__name__)
    return OPS[name] if name in OPS and OPS[name].forward is ufunc else None


def concrete(x: Any) -> Any:
    """The same, with the values of Symbols in their place."""
    if isinstance(x, Symbol):
        return x.value
    if isinstance(x, (tuple, list)):
        return type(x)(map(concrete, x))
    if isinstance(x, dict):
        return {key: concrete(item) for key, item in x.items()}
    return x


def any_symbol(x: Any) -> bool:
    if isinstance(x, (tuple, list)):
        return any(map(any_symbol, x))
    if isinstance(x, slice):
        return any_symbol((x.start, x.stop, x.step))
    return isinstance(x, Symbol)


def compute(function: Any, args: tuple, options: Mapping[str, Any]) -> Any:
    """A function's result on arrays, quietly: infinities are the engine's to complain of."""
    with np.errstate(all="ignore"):
        if isinstance(function, Op):
            return function.run(args, options=dict(options))
        return function(*args, **options)


def apply(function: Any, args: tuple, options: dict[str, Any]) -> Any:
    """Calls an Op or a NumPy function, and writes down the call if a Symbol takes part."""
    if isinstance(function, Op):
        args, options = function.bind(tuple(args), options)
        args = tuple(a._data if isinstance(a, Tensor) else a for a in args)
    if not any_symbol((*args, *options.values())):
        return compute(function, args, options)
    value = compute(function, concrete(tuple(args)), concrete(options))
    return Symbol(function, tuple(args), options, value)


class SymbolicOp:
    """An operation as a rebound rule meets it."""

    def __init__(self, op: Op) -> None:
        self.op = op

    def __call__(self, *args: Any, **options: Any) -> Any:
        return apply(self.op, args, options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.op, name)


class SymbolicModule:
    """A module of the library as a rebound rule meets it."""

    def __init__(self, module: ModuleType, seen: dict) -> None:
        self._module, self._seen = module, seen

    def __getattr__(self, name: str) -> Any:
        return swapped(getattr(self._module, name), self._seen)


def swapped(value: Any, seen: dict) -> Any:
    """What stands in a rule's code for a global of the library."""
    if value is Tensor:
        return Symbol
    op = value if isinstance(value, Op) else getattr(value, "op", None)
    if isinstance(op, Op):
        return SymbolicOp(op)
    ours = str(getattr(value, "__module__", "")).startswith("microgradnd.")
    if isinstance(value, FunctionType) and (ours or ("home" in seen and is_home(value, seen))):
        return rebound(value, seen)
    if isinstance(value, ModuleType) and value.__name__.startswith("microgradnd"):
        return SymbolicModule(value, seen)
    return value


def is_home(function: FunctionType, seen: dict) -> bool:
    """Whether a function stands beside the rule, in the same module."""
    return function.__module__ == seen["home"]


def names_in(code: CodeType) -> set[str]:
    """The globals that a function's code, and the functions within it, may speak of."""
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*map(names_in, inner))


def rebound(function: Any, seen: dict | None = None) -> Callable:
    """The same code, for which Tensors are Symbols and operations make expressions."""
    if not isinstance(function, FunctionType):
        return function
    seen = {"home": function.__module__} if seen is None else seen
    if function in seen:
        return seen[function]
    scope: dict[str, Any] = {"__builtins__": function.__globals__.get("__builtins__")}
    cells = function.__closure__
    copies = None if cells is None else tuple(CellType() for _ in cells)
    copy = FunctionType(function.__code__, scope, function.__name__, function.__defaults__, copies)
    copy.__kwdefaults__ = function.__kwdefaults__
    seen[function] = copy
    for name in names_in(function.__code__):
        if name in function.__globals__:
            scope[name] = swapped(function.__globals__[name], seen)
    for cell, old in zip(copies or (), cells or ()):
        cell.cell_contents = swapped(old.cell_contents, seen)
    return copy


def run_rule(
    op: Op,
    i: int,
    operands: Sequence[Any],
    out: Symbol,
    g: Symbol,
    options: Mapping[str, Any],
) -> Any:
    """Runs operand i's rule on Symbols, or on numbers as they are.

    Raises:
        NotSymbolic: the rule cannot be run so.
    """
    key = op.operands[0] if op.variadic else op.operands[i]
    places: dict[str, Any] = {"out": out, **options}
    if op.variadic:
        places[f"{key}_shapes"] = [np.shape(concrete(x)) for x in operands]
        places[key] = list(operands)
    else:
        places |= dict(zip(op.operands, operands))
        places |= {f"{k}_shape": np.shape(concrete(x)) for k, x in zip(op.operands, operands)}
    try:
        with np.errstate(all="ignore"):
            result = rebound(op.rules[key])(g, *(places[need] for need in op.needs[key]))
    except Exception as error:
        raise NotSymbolic(f"{op.name}: {error}") from error
    result = result[i] if op.variadic else result
    if not isinstance(result, (Symbol, Array, np.generic, int, float)):
        raise NotSymbolic(f"{op.name}: the rule gives a {type(result).__name__}")
    return result


def contribution(node: Node, i: int, operands: Sequence[Any], out: Symbol, g: Symbol) -> Any:
    """What a node adds to the gradient of operand i, fitted to it by the engine's own function."""
    result = run_rule(node.op, i, operands, out, g, node.options)
    result = result if isinstance(result, Symbol) else np.asarray(result)
    return fitted(result, node.parents[i], node)


def evaluate(expression: Any, values: Mapping[str, Any]) -> Any:
    """An expression computed anew from the values of its names.

    Raises:
        KeyError: a name has no value.
    """
    if isinstance(expression, (tuple, list)):
        return type(expression)(evaluate(x, values) for x in expression)
    if isinstance(expression, dict):
        return {key: evaluate(x, values) for key, x in expression.items()}
    if not isinstance(expression, Symbol):
        return expression
    if expression.function is None:
        return expression.value if expression.name is None else values[expression.name]
    args, options = evaluate(expression.args, values), evaluate(expression.options, values)
    return compute(expression.function, args, options)


def substitute(expression: Any, replacements: Mapping[str, Any]) -> Any:
    """An expression with other expressions in the place of names."""
    if isinstance(expression, (tuple, list)):
        return type(expression)(substitute(x, replacements) for x in expression)
    if not isinstance(expression, Symbol):
        return expression
    if expression.function is None:
        return replacements.get(str(expression.name), expression)
    args = substitute(expression.args, replacements)
    if all(one is other for one, other in zip(args, expression.args)):
        return expression
    return Symbol(expression.function, args, expression.options, expression.value)


def names_of(expression: Any) -> dict[str, Symbol]:
    """The names an expression speaks of, in the order of their appearance."""
    found: dict[str, Symbol] = {}
    stack = [expression]
    while stack:
        x = stack.pop()
        if isinstance(x, (tuple, list)):
            stack += reversed(x)
        elif isinstance(x, Symbol):
            if x.name is not None:
                found.setdefault(x.name, x)
            stack += [*reversed(list(x.options.values())), *reversed(x.args)]
    return found


def count(expression: Any) -> int:
    """How many names and calls an expression has, the repeated ones counted each time."""
    if isinstance(expression, (tuple, list)):
        return sum(map(count, expression))
    if not isinstance(expression, Symbol):
        return 0
    return 1 + count(expression.args)


def alike(x: Any, y: Any) -> bool:
    """Whether two expressions are written alike."""
    if isinstance(x, Symbol) != isinstance(y, Symbol):
        return False
    if isinstance(x, Symbol):
        return x is y or (
            x.function is y.function
            and x.name == y.name
            and (x.function is not None or x.name is not None or np.array_equal(x.value, y.value))
            and len(x.args) == len(y.args)
            and all(map(alike, x.args, y.args))
            and x.options.keys() == y.options.keys()
            and all(alike(x.options[key], y.options[key]) for key in x.options)
        )
    if isinstance(x, (tuple, list)) and isinstance(y, (tuple, list)):
        return len(x) == len(y) and all(map(alike, x, y))
    if isinstance(x, Array) or isinstance(y, Array):
        return np.array_equal(x, y)
    return type(x) is type(y) and bool(x == y)
