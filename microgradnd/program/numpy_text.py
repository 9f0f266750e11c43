"""Expressions as NumPy code, and the plain functions that such code needs.

Most operations are an operator, a method or a NumPy function, which their traits say. The others
are brought along as functions: their own forward functions, read from their source.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import count
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from microgradnd.declaration import REQUIRED, Op
from microgradnd.program.expressions import Expression, alike, ordered, parts, run

COMPARE, UNARY, POWER, ATOM = 0, 6, 7, 8  # levels of precedence, as in `Op.infix`
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹ᵒʸ⁺⁻", "0123456789oy+-"))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
_SMALL = 16  # arrays of up to so many elements are written out


class NotExpressible(ValueError):
    """Something of a graph cannot be written as a plain NumPy program."""


def plain_name(name: str) -> str:
    """A name with digits and letters in the place of raised and lowered ones."""
    return "".join(SUPERSCRIPTS.get(c) or SUBSCRIPTS.get(c) or c for c in name)


def identifier(name: str) -> str:
    """A name as Python takes it: b⁰ is b0, W₁ is W1, conv.weight is conv_weight.

    >>> identifier("b⁰"), identifier("2 x"), identifier("lambda"), identifier("")
    ('b0', 'x_2_x', 'lambda_', 'x')
    """
    plain = re.sub(r"\W+", "_", plain_name(name).replace("'", "_prime"))[:40].strip("_")
    plain = plain if plain.isidentifier() else f"x_{plain}".rstrip("_")
    plain = plain if plain.isidentifier() else "x"
    taken = keyword.iskeyword(plain) or keyword.issoftkeyword(plain) or hasattr(builtins, plain)
    return f"{plain}_" if taken else plain


class Names:
    """Names that are given once each, together with the name of the gradient."""

    def __init__(self) -> None:
        self.taken = {"np", "gradients"}

    def free(self, name: str) -> bool:
        return not {name, f"d_{name}"} & self.taken and not name.startswith("d_")

    def give(self, wish: str) -> str:
        wish = wish.removeprefix("d_") or "x"
        name = next(n for k in count(1) if self.free(n := wish if k == 1 else f"{wish}_{k}"))
        self.taken |= {name, f"d_{name}"}
        return name


class _Code(NamedTuple):
    """Code and how tightly it binds; in a template, `{x:atom}` puts what binds less in brackets."""

    text: str
    level: int = ATOM

    def within(self, level: int) -> str:
        return self.text if self.level >= level else f"({self.text})"

    def __format__(self, spec: str) -> str:
        return self.within(ATOM) if spec == "atom" else self.text


class NumPyText:
    """Writes expressions as NumPy code and gathers what the code needs.

    Attributes:
        arguments: arrays that are too large to be written out, by the names given to them.
        helpers: the source of functions and constants, by name, in the order of their need.
        imports: lines for modules of the standard library that the helpers need.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.arguments: dict[str, Any] = {}
        self.helpers: dict[str, str] = {}
        self.imports: dict[str, None] = {}
        self.known: dict[Any, str] = {}  # of functions, and of arrays by id
        self.shared: dict[Expression, _Code] = {}

    def __call__(self, x: Any) -> str:
        return self.write(x).text

    def statements(self, x: Any) -> tuple[list[str], str]:
        """Lines for what an expression uses more than once, and the expression itself."""
        found, lines = ordered(x), list[str]()
        uses = Counter(part for e in found for part in parts(e))
        for e in found:
            if uses[e] > 1 and e.op is not None and not e.op.view and e not in self.shared:
                name = self.names.give("t1")
                lines.append(f"{name} = {self(e)}")
                self.shared[e] = _Code(name)
        return lines, self(x)

    def write(self, x: Any) -> _Code:
        if not isinstance(x, Expression):
            return self.literal(x)
        if x in self.shared:
            return self.shared[x]
        if x.op is None:
            return self.literal(x.value) if x.name is None else _Code(x.name)
        return self.by_traits(x, x.op) or self.by_function(x, x.op)

    # --- Operations ------------------------------------------------------------------------------
    def by_traits(self, x: Expression, op: Op) -> _Code | None:
        """As an operator, by the template `program`, as an attribute or a method."""
        operands = [self.write(y) for y in x.operands]
        if op.notation == "weighted_sums":
            return self.write(run(x, x.operands, x.options))
        if op.infix and len(operands) == 1:
            sign, level = op.infix
            return _Code(f"{sign}{operands[0].within(level)}", level)
        if op.infix:
            sign, level = op.infix
            left = operands[0].within(level + (level in (COMPARE, POWER)))
            return _Code(f"{left} {sign} {operands[1].within(level + 1)}", level)
        if op.program:
            options = {key: _Option(self, value) for key, value in x.options.items()}
            return _Code(op.program.format(**dict(zip(op.operands, operands)), **options))
        methods: Any = op.method if isinstance(op.method, tuple) else (op.method,)
        names = [m[1:] for m in methods if isinstance(m, str) and m.startswith("@")]
        if names and not self.changed(x):
            return _Code(f"{operands[0]:atom}.{names[0]}")
        array = isinstance(x.operands[0], Expression)
        if array and numpy_function(op) and not op.elementwise and hasattr(np.ndarray, op.name):
            nameless = [m[1:] for m in methods if isinstance(m, str) and m.startswith("*")]
            options = ", ".join(self.given(x, nameless))
            return _Code(f"{operands[0]:atom}.{op.name}({options})")
        return None

    def by_function(self, x: Expression, op: Op) -> _Code:
        """As a call of NumPy's function, or of one that is brought along."""
        operands = [self(y) for y in x.operands]
        if op.variadic:
            operands = [f"({', '.join(operands)}{',' * (len(operands) == 1)})"]
        if (function := numpy_function(op)) is not None:
            owner = getattr(function, "__self__", None)  # of np.add.reduce the ufunc
            home = f"np.{owner.__name__}" if isinstance(owner, np.ufunc) else "np"
            if (module := getattr(function, "__module__", None) or "").startswith("numpy."):
                home = module.replace("numpy", "np", 1)
            arguments = ", ".join([*operands, *self.given(x)])
            return _Code(f"{home}.{function.__name__}({arguments})")
        kept = [dict(d) for d in (self.known, self.helpers, self.imports)]
        try:
            name = self.function(op.call_forward, identifier(op.name))
        except NotExpressible:
            self.known, self.helpers, self.imports = kept
            inner = run(x, x.operands, x.options)  # what it does, in place of a call
            if inner is None or inner.op in (None, op):
                raise
            return self.write(inner)
        while op.optional and operands[-1] == "None":
            operands.pop()
        if not op.variadic and not op.elementwise:  # NumPy's scalars cannot be written into
            scalar = [isinstance(y, Expression) and y.ndim == 0 for y in x.operands]
            operands = [f"np.asarray({y})" if s else y for y, s in zip(operands, scalar)]
        named = [f"{key}={self(value)}" for key, value in self.changed(x).items()]
        return _Code(f"{name}({', '.join([*operands, *named])}){'[0]' * bool(op.keeps)}")

    def changed(self, x: Expression) -> dict[str, Any]:
        """The options that are not the default ones."""
        default = x.op.options
        return {key: y for key, y in x.options.items() if not alike(y, default.get(key, REQUIRED))}

    def given(self, x: Expression, nameless: Any = ()) -> list[str]:
        """The options of a call; NumPy takes those without a default by position."""
        bare = {*nameless, *(k for k, d in x.op.options.items() if d is REQUIRED)} - {*x.op.named}
        return [self(y) if k in bare else f"{k}={self(y)}" for k, y in self.changed(x).items()]

    def index(self, index: Any) -> str:
        """An index between brackets, where a slice has its own way to be written."""
        if isinstance(index, tuple) and index:
            return ", ".join(map(self.index, index)) + ("," if len(index) == 1 else "")
        if isinstance(index, slice):
            ends = ["" if e is None else self(e) for e in (index.start, index.stop)]
            return ":".join([*ends, *([] if index.step is None else [self(index.step)])])
        return self(index)

    # --- Literals --------------------------------------------------------------------------------
    def literal(self, x: Any) -> _Code:
        """A number, an array, or what else an option may be.

        Raises:
            NotExpressible: there is no way to write it.
        """
        if x is Ellipsis:
            return _Code("...")
        if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
            return _Code(f"np.{np.dtype(x).type.__name__}")
        if isinstance(x, (tuple, list)):
            inner = ", ".join(map(self, x)) + ("," if isinstance(x, tuple) and len(x) == 1 else "")
            return _Code(f"({inner})" if isinstance(x, tuple) else f"[{inner}]")
        if isinstance(x, slice):
            return _Code(f"slice({self(x.start)}, {self(x.stop)}, {self(x.step)})")
        if isinstance(x, Mapping):
            key = {k: f"np.dtype({self(k)})" if isinstance(k, np.dtype) else repr(k) for k in x}
            return _Code(f"{{{', '.join(f'{key[k]}: {self(v)}' for k, v in x.items())}}}")
        if isinstance(x, np.ndarray):
            return _Code(self.array(x))
        if isinstance(x, float) and not isinstance(x, np.generic) and not np.isfinite(x):
            return _Code("np.nan" if x != x else "np.inf") if not x < 0 else _Code("-np.inf", UNARY)
        if isinstance(x, (bool, int, float, str, np.generic)) or x is None:
            text = repr(x)
            return _Code(text, UNARY if text.startswith("-") else ATOM)
        raise NotExpressible(f"{x!r:.60} cannot be written in a program")

    def array(self, x: np.ndarray) -> str:
        kind = self(x.dtype)
        if x.size == 0 or (x.ndim and not x.any()):
            return f"np.zeros({x.shape}, {kind})"
        if x.ndim and x.dtype.kind == "f" and (x == 1).all():
            return f"np.ones({x.shape}, {kind})"
        if x.ndim == 2 and x.shape[0] == x.shape[1] and np.array_equal(x, np.eye(len(x))):
            return f"np.eye({len(x)}, dtype={kind})"
        if x.ndim == 1 and x.dtype.kind == "i" and np.array_equal(x, np.arange(x.size)):
            return f"np.arange({x.size})"
        if x.size <= _SMALL and x.dtype.itemsize <= 8 and np.isfinite(x).all():
            return f"np.array({x.tolist()}, {kind})"
        if id(x) not in self.known:
            self.known[id(x)] = name = self.names.give("constant")
            self.arguments[name] = x
        return self.known[id(x)]

    # --- Functions that are brought along --------------------------------------------------------
    def function(self, function: Any, wish: str) -> str:
        """Brings a function along by its source.

        Raises:
            NotExpressible: there is no source, or it needs more than NumPy.
        """
        import inspect
        import textwrap

        if function in self.known:
            return self.known[function]
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        except (OSError, TypeError, SyntaxError) as error:
            raise NotExpressible(f"the source of {wish} cannot be read: {error}") from error
        definition = tree.body[0]
        if not isinstance(definition, (ast.FunctionDef, ast.ClassDef)):
            raise NotExpressible(f"{wish} is no plain function")
        if getattr(function, "__closure__", None):
            raise NotExpressible(f"{wish} is a function within another, whose variables it needs")
        name = self.names.give(wish)
        self.known[function] = name
        definition = _PlainSource(self, function, definition).visit(definition)
        definition.name = name
        self.helpers[name] = ast.unparse(ast.fix_missing_locations(definition))
        return name

    def needed(self, name: str, value: Any, by: str) -> str:
        """What a global of a helper is called in the program."""
        home = str(getattr(value, "__module__", "")).partition(".")[0]
        op = value if isinstance(value, Op) else getattr(value, "op", None)
        if isinstance(value, ModuleType):
            if value is np:
                return "np"
            if value.__name__.partition(".")[0] in sys.stdlib_module_names:
                self.imports[f"import {value.__name__}"] = None
                return name
        elif isinstance(op, Op) and not op.keeps:
            forward = op.call_forward
            if isinstance(forward, np.ufunc):
                return f"np.{forward.__name__}"
            return self.function(forward, identifier(op.name))
        elif isinstance(value, (FunctionType, type)) and home == "microgradnd":
            return self.function(value, name)
        elif callable(value) and hasattr(value, "__wrapped__") and home == "microgradnd":
            return self.function(value.__wrapped__, name)  # one that remembers its results
        elif callable(value) and home in sys.stdlib_module_names:
            alias = "" if value.__name__ == name else f" as {name}"
            self.imports[f"from {value.__module__} import {value.__name__}{alias}"] = None
            return name
        elif isinstance(value, (int, float, str, tuple, frozenset, dict)):
            if name not in self.helpers:
                self.names.taken.add(name)
                self.helpers[name] = f"{name} = {self(value)}"
            return name
        raise NotExpressible(f"{by} needs {name}, a {type(value).__name__} of the library")


def numpy_function(op: Op) -> Any:
    """NumPy's function that computes the same; of another's operation only its very forward."""
    known: Any = op.numpy[0] if isinstance(op.numpy, tuple) else op.numpy
    forward = op.call_forward
    ours = (getattr(forward, "__module__", None) or "").startswith("microgradnd.")
    return known if ours or forward is known else None


class _Option(NamedTuple):
    """An option in a template: `{index:index}` stands between brackets, as slices are written."""

    text: NumPyText
    value: Any

    def __format__(self, spec: str) -> str:
        return self.text.index(self.value) if spec == "index" else self.text(self.value)


class _PlainSource(ast.NodeTransformer):
    """A function's source without its hints and decorators, its globals under their new names."""

    def __init__(self, text: NumPyText, function: Callable, definition: ast.AST) -> None:
        self.text, self.name = text, function.__name__
        self.known = vars(sys.modules[function.__module__])
        nodes = list(ast.walk(definition))
        self.local = {n.arg for n in nodes if isinstance(n, ast.arg)} | {
            n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns, node.decorator_list = None, []
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(node.arg)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for statement in node.body:  # the fields of a named tuple need a hint, whatever it is
            if isinstance(statement, ast.AnnAssign):
                statement.annotation = ast.Name("object", ast.Load())
        node.bases = [self.visit(base) for base in node.bases]
        fields = [n for n in node.body if isinstance(n, ast.AnnAssign)]
        node.body = [n if n in fields else self.visit(n) for n in node.body]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """A function of a module of the library stands alone."""
        module = self.known.get(node.value.id) if isinstance(node.value, ast.Name) else None
        ours = isinstance(module, ModuleType) and module.__name__.startswith("microgradnd")
        if not ours:
            return self.generic_visit(node)
        return self.renamed(node.attr, getattr(module, node.attr))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        known = node.id in self.known and node.id not in self.local
        if not known or not isinstance(node.ctx, ast.Load):
            return node
        value = self.known[node.id]
        if value is None or getattr(builtins, node.id, self) is value:
            return node
        return self.renamed(node.id, value)

    def renamed(self, name: str, value: Any) -> ast.AST:
        return ast.parse(self.text.needed(name, value, self.name), mode="eval").body
