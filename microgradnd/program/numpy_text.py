"""Expressions as NumPy code, and the plain functions that such code needs.

Most operations are an operator, a method or a NumPy function. The others are brought along as
functions: their own forward functions, read from their source, less what is there for Tensors.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import sys
from itertools import count
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from microgradnd.declaration import Op
from microgradnd.engine import Tensor
from viz.formulas.notation import SUBSCRIPTS, SUPERSCRIPTS
from viz.formulas.symbols import Symbol, alike

COMPARE, OR, AND, SUM, PRODUCT, UNARY, POWER, ATOM = range(8)
OPERATORS: dict[str, tuple[str, int]] = {
    "add": ("+", SUM), "subtract": ("-", SUM), "multiply": ("*", PRODUCT), "divide": ("/", PRODUCT),
    "matmul": ("@", PRODUCT), "greater": (">", COMPARE), "less": ("<", COMPARE),
    "greater_equal": (">=", COMPARE), "less_equal": ("<=", COMPARE), "equal": ("==", COMPARE),
    "not_equal": ("!=", COMPARE), "bitwise_and": ("&", AND), "bitwise_or": ("|", OR),
}  # fmt: skip
METHODS = {"sum", "mean", "max", "min", "prod", "var", "std", "reshape", "transpose", "swapaxes",
           "astype"}  # fmt: skip
FUNCTIONS = {"where", "broadcast_to", "expand_dims", "squeeze", "clip", "round"}
# Operations whose forward function does not read well, or not without the library.
WRITTEN = {
    "put_add": '''
def put_add(y, index, shape):
    """Zeros of a shape, with y added in at index."""
    out = np.zeros(shape, y.dtype)
    np.add.at(out, index, y)
    return out
''',
    "sigmoid": '''
def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    return 1 / (1 + np.exp(np.minimum(-x, np.log(np.finfo(x.dtype).max))))
''',
}
SMALL = 16  # arrays of up to so many elements are written out


class NotExpressible(ValueError):
    """Something of a graph cannot be written as a plain NumPy program."""


def identifier(name: str) -> str:
    """A name as Python takes it: b⁰ is b0, W₁ is W1, conv.weight is conv_weight.

    >>> identifier("b⁰"), identifier("2 x"), identifier("lambda"), identifier("")
    ('b0', 'x_2_x', 'lambda_', 'x')
    """
    plain = "".join(SUPERSCRIPTS.get(c) or SUBSCRIPTS.get(c) or c for c in name)
    plain = re.sub(r"\W+", "_", plain.replace("'", "_prime"))[:40].strip("_")
    if not plain.isidentifier():
        plain = f"x_{plain}".rstrip("_")
    if not plain.isidentifier():
        plain = "x"
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
        self.known: dict[Any, str] = {}

    def __call__(self, x: Any) -> str:
        return self.write(x)[0]

    def within(self, x: Any, level: int) -> str:
        text, found = self.write(x)
        return text if found >= level else f"({text})"

    def write(self, x: Any) -> tuple[str, int]:
        if not isinstance(x, Symbol):
            return self.literal(x)
        if x.function is None:
            return self.literal(x.value) if x.name is None else (x.name, ATOM)
        method = getattr(self, f"of_{x.head}", None)
        if method is not None:
            return method(x)
        if x.head in OPERATORS:
            sign, level = OPERATORS[x.head]
            left, right = x.args
            near = level + (level == COMPARE)
            return f"{self.within(left, near)} {sign} {self.within(right, level + 1)}", level
        function = x.function.forward if isinstance(x.function, Op) else x.function
        bare = x.head in METHODS | FUNCTIONS
        options = self.options(x, bare)
        if x.head in METHODS:
            return f"{self.within(x.args[0], ATOM)}.{x.head}({', '.join(options)})", ATOM
        arguments = ", ".join([*map(self, x.args), *options])
        if isinstance(x.function, Op) and not isinstance(function, np.ufunc):
            return f"{f'np.{x.head}' if bare else self.helper(x.function)}({arguments})", ATOM
        if isinstance(function, FunctionType) and not function.__module__.startswith("numpy"):
            return f"{self.function(function, function.__name__)}({arguments})", ATOM
        return f"np.{function.__name__}({arguments})", ATOM

    def options(self, x: Symbol, bare: bool) -> list[str]:
        """The options of a call that are not the default ones; NumPy takes some without a name."""
        defaults = getattr(x.function, "defaults", {})
        nameless = ("shape", "dtype", "axes", "axis1", "axis2") if bare else ()
        return [
            self(value) if key in nameless else f"{key}={self(value)}"
            for key, value in x.options.items()
            if not (key in defaults and alike(value, defaults[key]))
        ]

    def of_negative(self, x: Symbol) -> tuple[str, int]:
        return f"-{self.within(x.args[0], UNARY)}", UNARY

    def of_invert(self, x: Symbol) -> tuple[str, int]:
        return f"~{self.within(x.args[0], UNARY)}", UNARY

    def of_positive(self, x: Symbol) -> tuple[str, int]:
        return self.write(x.args[0])

    def of_power(self, x: Symbol) -> tuple[str, int]:
        return f"{self.within(x.args[0], ATOM)} ** {self.within(x.args[1], ATOM)}", POWER

    def of_relu(self, x: Symbol) -> tuple[str, int]:
        return f"np.maximum({self(x.args[0])}, 0)", ATOM

    def of_transpose(self, x: Symbol) -> tuple[str, int]:
        axes = x.options.get("axes")
        turned = "T" if axes is None else f"transpose({self(axes)})"
        return f"{self.within(x.args[0], ATOM)}.{turned}", ATOM

    def of_getitem(self, x: Symbol) -> tuple[str, int]:
        return f"{self.within(x.args[0], ATOM)}[{self.index(x.options['index'])}]", ATOM

    def of_concatenate(self, x: Symbol) -> tuple[str, int]:
        arrays = "".join(f"{self(a)}, " for a in x.args).rstrip(" ")
        options = "".join(f", {option}" for option in self.options(x, bare=True))
        return f"np.{x.head}(({arrays}){options})", ATOM

    of_stack = of_concatenate

    def of_einsum(self, x: Symbol) -> tuple[str, int]:
        arrays = "".join(f", {self(a)}" for a in x.args)
        return f"np.einsum({x.options['subscripts']!r}{arrays})", ATOM

    of_einsum2 = of_einsum

    def index(self, index: Any) -> str:
        """An index between brackets, where a slice has its own way to be written."""
        if isinstance(index, tuple) and index:
            return ", ".join(map(self.index, index)) + ("," if len(index) == 1 else "")
        if isinstance(index, slice):
            ends = ["" if e is None else self(e) for e in (index.start, index.stop)]
            return ":".join([*ends, *([] if index.step is None else [self(index.step)])])
        return self(index)

    def literal(self, x: Any) -> tuple[str, int]:
        """A number, an array, or what else an option may be.

        Raises:
            NotExpressible: there is no way to write it.
        """
        if x is Ellipsis:
            return "...", ATOM
        if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
            return f"np.{np.dtype(x).type.__name__}", ATOM
        if isinstance(x, (tuple, list)):
            inner = ", ".join(map(self, x)) + ("," if isinstance(x, tuple) and len(x) == 1 else "")
            return f"({inner})" if isinstance(x, tuple) else f"[{inner}]", ATOM
        if isinstance(x, slice):
            return f"slice({self(x.start)}, {self(x.stop)}, {self(x.step)})", ATOM
        if isinstance(x, dict):
            return f"{{{', '.join(f'{k!r}: {self(v)}' for k, v in x.items())}}}", ATOM
        if isinstance(x, np.ndarray):
            return self.array(x), ATOM
        if isinstance(x, float) and not isinstance(x, np.generic) and not np.isfinite(x):
            return ("np.nan", ATOM) if x != x else ("np.inf", ATOM) if x > 0 else ("-np.inf", UNARY)
        if isinstance(x, (bool, int, float, str, np.generic)) or x is None:
            text = repr(x)
            return text, UNARY if text.startswith("-") else ATOM
        raise NotExpressible(f"{x!r:.60} cannot be written in a program")

    def array(self, x: np.ndarray) -> str:
        kind = self(x.dtype)
        if x.size == 0:
            return f"np.zeros({x.shape}, {kind})"
        if x.ndim and x.dtype.kind == "f" and (x == 1).all():
            return f"np.ones({x.shape}, {kind})"
        if x.ndim == 2 and x.shape[0] == x.shape[1] and np.array_equal(x, np.eye(len(x))):
            return f"np.eye({len(x)}, dtype={kind})"
        if x.ndim == 1 and x.dtype.kind == "i" and np.array_equal(x, np.arange(x.size)):
            return f"np.arange({x.size})"
        if x.size <= SMALL and x.dtype.itemsize <= 8 and np.isfinite(x).all():
            return f"np.array({x.tolist()}, {kind})"
        if id(x) not in self.known:
            self.known[id(x)] = name = self.names.give("constant")
            self.arguments[name] = x
        return self.known[id(x)]

    def helper(self, op: Op) -> str:
        """The name of a function in the program that computes an operation."""
        if op.name in WRITTEN and op.name not in self.helpers:
            self.helpers[op.name] = WRITTEN[op.name].strip("\n")
            self.known[op.forward] = op.name
            self.names.taken.add(op.name)
        return self.function(op.forward, identifier(op.name))

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
        definition = Plain(self, function, definition).visit(definition)
        definition.name = name
        self.helpers[name] = ast.unparse(ast.fix_missing_locations(definition))
        return name

    def needed(self, name: str, value: Any, by: str) -> str:
        """What a global of a helper is called in the program."""
        if isinstance(value, ModuleType):
            root = value.__name__.partition(".")[0]
            if root == "numpy" and value is np:
                return "np"
            if root in sys.stdlib_module_names:
                self.imports[f"import {value.__name__}"] = None
                return name
        op = value if isinstance(value, Op) else getattr(value, "op", None)
        if isinstance(op, Op):
            forward = op.forward
            if isinstance(forward, np.ufunc):
                return f"np.{forward.__name__}"
            return self.helper(op)
        home = str(getattr(value, "__module__", "")).partition(".")[0]
        if isinstance(value, (FunctionType, type)) and home == "microgradnd":
            return self.function(value, name)
        if callable(value) and home in sys.stdlib_module_names:
            alias = "" if value.__name__ == name else f" as {name}"
            self.imports[f"from {value.__module__} import {value.__name__}{alias}"] = None
            return name
        if isinstance(value, (int, float, str, tuple, frozenset)):
            if name not in self.helpers:
                self.names.taken.add(name)
                self.helpers[name] = f"{name} = {self(value)}"
            return name
        raise NotExpressible(f"{by} needs {name}, a {type(value).__name__} of the library")


class Plain(ast.NodeTransformer):
    """A function's source without its hints, and without what is there for Tensors."""

    def __init__(self, text: NumPyText, function: Any, definition: ast.AST) -> None:
        self.text, self.name = text, function.__name__
        self.known = vars(sys.modules[function.__module__])
        bound = (n for n in ast.walk(definition) if isinstance(n, (ast.Name, ast.arg)))
        self.local = {
            n.arg if isinstance(n, ast.arg) else n.id
            for n in bound
            if isinstance(n, ast.arg) or isinstance(n.ctx, ast.Store)
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

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            kind = node.args[-1]
            if isinstance(kind, ast.Name) and self.known.get(kind.id) is Tensor:
                return ast.Constant(False)
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        decided = isinstance(node.op, ast.Or)
        values = [self.visit(value) for value in node.values]
        truths = [v.value if isinstance(v, ast.Constant) else None for v in values]
        if decided in truths:
            return ast.Constant(decided)
        left = [v for v, truth in zip(values, truths) if truth is None]
        return left[0] if len(left) == 1 else ast.BoolOp(node.op, left or values)

    def visit_If(self, node: ast.If) -> Any:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self.block(node.body if test.value else node.orelse) or None
        return ast.If(test, self.block(node.body), self.block(node.orelse))

    def block(self, statements: list[ast.stmt]) -> list[Any]:
        """Statements; those that need the library say so if they are ever reached."""
        kept = [dict(d) for d in (self.text.known, self.text.helpers, self.text.imports)]
        try:
            visited = [self.visit(statement) for statement in statements]
        except NotExpressible as error:
            self.text.known, self.text.helpers, self.text.imports = kept
            return ast.parse(f"raise NotImplementedError({str(error)!r})").body
        flat = (v if isinstance(v, list) else [v] for v in visited if v is not None)
        return [statement for part in flat for statement in part]

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self.visit(node.body if test.value else node.orelse)
        return ast.IfExp(test, self.visit(node.body), self.visit(node.orelse))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        known = node.id in self.known and node.id not in self.local
        if not known or not isinstance(node.ctx, ast.Load):
            return node
        value = self.known[node.id]
        if value is None or getattr(builtins, node.id, self) is value:
            return node
        return ast.parse(self.text.needed(node.id, value, self.name), mode="eval").body
