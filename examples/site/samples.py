"""An example for each page: the arguments of a call that its docstring makes, or simple ones."""

from __future__ import annotations

import doctest
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import numpy as np

import viz
from examples.site.public import Entry
from microgradnd import OPS, Op, Tensor
from microgradnd.declaration import REQUIRED
from microgradnd.graph import Graph

Arguments = dict[str, Any]
MOST = 1500  # elements of what is drawn
# Operands to try, in turn, where no docstring calls an operation: the first that it takes.
TRIED = [
    np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]]),
    np.array([[0.5, 0.25, 0.75], [0.4, 0.9, 0.1]]),
    np.array([[1.5, 2.0, 1.25], [3.0, 2.5, 1.75]]),
    np.array([[2.0, 0.5], [0.5, 1.0]]),
]


def code_of(entry: Entry) -> CodeType | None:
    """The code that a call of it runs: of a layer its `forward`, of an operation on arrays."""
    value = entry.op.call_forward if entry.op is not None else entry.value
    if isinstance(value, type):
        value = getattr(value, "forward", None)
    return getattr(inspect.unwrap(value), "__code__", None) if value is not None else None


def parameters(code: CodeType) -> tuple[tuple[str, ...], str | None, tuple[str, ...]]:
    """The names of positional parameters, of the one with a star, and of keyword-only ones."""
    places = code.co_varnames
    n, more = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    return places[:n], places[more] if code.co_flags & inspect.CO_VARARGS else None, places[n:more]


class Calls:
    """The first call of each code that is run while one looks on."""

    def __init__(self, codes: set[CodeType]) -> None:
        self.codes, self.first = codes, dict[CodeType, Arguments]()

    def look(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code in self.codes and code not in self.first:
            positional, star, named = parameters(code)
            keys = (*positional, *([star] if star else []), *named)
            self.first[code] = {key: frame.f_locals[key] for key in keys}

    @contextmanager
    def watching(self) -> Iterator[None]:
        sys.setprofile(self.look)
        try:
            yield
        finally:
            sys.setprofile(None)


def run_examples(value: Any) -> None:
    """Runs the examples in a docstring, as doctest does, without a look at what they give."""
    scope = {**vars(sys.modules[inspect.unwrap(value).__module__]), "__name__": "__main__"}
    for example in doctest.DocTestParser().get_examples(inspect.getdoc(value) or ""):
        try:
            exec(compile(example.source, "<example>", "exec"), scope)
        except Exception:
            if example.exc_msg is None:
                raise


def has_examples(entry: Entry) -> bool:
    value = entry.op.call_forward if entry.op is not None else entry.value
    return ">>>" in (inspect.getdoc(value) or "") and not isinstance(value, np.ufunc)


class Samples:
    """The arguments of an example call, for each entry."""

    def __init__(self) -> None:
        forwards = {code: op for op in OPS.values() if (code := _forward_code(op))}
        self.calls = Calls({*forwards})  # of operations, anywhere
        self.found: dict[str, Arguments] = {}

    def look(self, entry: Entry) -> None:
        """Runs the entry's own examples, and notes what it and all operations were called with."""
        code = code_of(entry)
        own = Calls({code} if code is not None else set())
        both = Calls(own.codes | self.calls.codes)
        value = entry.op.call_forward if entry.op is not None else entry.value
        with warnings.catch_warnings(), np.errstate(all="ignore"), both.watching():
            warnings.simplefilter("ignore")
            run_examples(value)
        if code in both.first:
            self.found[entry.place] = both.first.pop(code)
        self.calls.first = both.first | self.calls.first

    def of(self, entry: Entry) -> Arguments | None:
        """From its own examples, or simple ones, or as another example came to call it."""
        found = self.found.get(entry.place)
        if found is None and entry.op is not None:
            code = _forward_code(entry.op)
            found = simple(entry.op) or (self.calls.first.get(code) if code else None)
        return found


def _forward_code(op: Op) -> CodeType | None:
    return getattr(op.call_forward, "__code__", None)


def simple(op: Op) -> Arguments | None:
    """Small operands that an operation takes, with the defaults of its options."""
    if any(default is REQUIRED for default in op.options.values()):
        return None
    for x in TRIED:
        operands = [_operand(op, key, x + i * 0.25) for i, key in enumerate(op.operands)]
        given: Arguments = dict(zip(op.operands, [operands * 2] if op.variadic else operands))
        given |= op.options
        try:
            with np.errstate(all="ignore"):
                results = [out := _result(op, given), *_gradients(op, given)]
        except Exception:  # whatever NumPy says of operands that will not do
            continue
        if all(np.isfinite(r).all() for r in results) and out.size:
            return given
    return None


def _operand(op: Op, key: str, x: np.ndarray) -> Any:
    if key in op.optional:
        return None
    if key in op.rules:
        return x
    return x > 0.5 if op.truths == key else np.arange(x.size).reshape(x.shape) % 2


def _result(op: Op, given: Arguments) -> np.ndarray:
    return op.run(next(iter(given.values())) if op.variadic else [given[k] for k in op.operands],
                  [given[k] for k in op.options])  # fmt: skip


def _gradients(op: Op, given: Arguments) -> list[np.ndarray]:
    leaves = as_leaves(given, op.rules)
    out = [t for t in tensors(call(op.function, _forward_code(op), leaves)) if t.requires_grad]
    for t in out:
        t.sum().backward()
    return [x.grad.numpy() for x in tensors(leaves) if x.grad is not None]


# --- Calls, recorded and drawn -------------------------------------------------------------------
def as_leaves(given: Arguments, names: Collection[str]) -> Arguments:
    """The same arguments; of those named, numbers and arrays of floats are leaves with a name."""

    def leaf(x: Any, name: str) -> Any:
        if type(x) in (list, tuple) and (several := _several(x)):
            return several(leaf(y, f"{name}{i + 1}") for i, y in enumerate(x))
        array = np.asarray(x.numpy() if isinstance(x, Tensor) else x)
        if array.dtype.kind != "f":
            return x
        return Tensor(array.copy(), requires_grad=True, name=getattr(x, "name", None) or name)

    return {k: leaf(x, k) if k in names and x is not None else x for k, x in given.items()}


def _several(x: Any) -> type | None:
    """The container, if it holds tensors or arrays, or lists that make no array."""
    if any(isinstance(y, (Tensor, np.ndarray)) for y in x):
        return type(x)
    try:
        np.asarray(x)
    except ValueError:
        return type(x)
    return None


def call(function: Callable, code: CodeType | None, given: Arguments) -> Any:
    """Calls a function with arguments by the parameters of its code."""
    if code is None:
        return function(*given.values())
    positional, star, named = parameters(code)
    rest = {key: given[key] for key in named}
    return function(*(given[key] for key in positional), *given.get(star or "", ()), **rest)


def tensors(x: Any) -> list[Tensor]:
    """The Tensors in something, itself or in containers."""
    if isinstance(x, dict):
        x = [*x.values()]
    if isinstance(x, (list, tuple)):
        return [t for y in x for t in tensors(y)]
    return [x] if isinstance(x, Tensor) else []


def called(entry: Entry) -> Any:
    """What a call of it runs: of a layer its `forward`."""
    value: Any = entry.op.function if entry.op is not None else entry.value
    return inspect.getattr_static(value, "forward") if isinstance(value, type) else value


def differentiated(entry: Entry) -> Collection[str]:
    """The parameters that stand for tensors."""
    if entry.op is not None:
        return entry.op.rules
    code = code_of(entry)
    notes = inspect.unwrap(called(entry)).__annotations__
    assert code is not None
    every = [*parameters(code)[0], parameters(code)[1] or ""]
    return [k for k in every if re.search("Tensor|Value|Array|Any", str(notes.get(k, "")))]


def results(entry: Entry, given: Arguments) -> list[Tensor]:
    """What an example's call gives, recorded; only that to which a gradient flows."""
    function, names = called(entry), differentiated(entry)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = call(function, code_of(entry), as_leaves(given, names))
        except TypeError:  # some have targets that must be constants
            found = call(function, code_of(entry), as_leaves(given, list(names)[:1]))
    return [t for t in tensors(found) if t.requires_grad and t.dtype.kind == "f" and t.size]


def picture(found: list[Tensor]) -> str | None:
    """Results, added up, with graph and gradients as SVG; None if they are too large."""
    if sum(x.value.size for x in Graph(found).leaves) > MOST:
        return None
    with np.errstate(all="ignore"):
        total, *rest = [t if t.ndim == 0 else t.sum() for t in found]
        for t in rest:
            total = total + t
        return viz.draw(total).svg()
