"""What type checkers are told, written from the declarations: python -m microgradnd.stubs.

`functions.pyi` declares the public functions, `methods.pyi` the operators, methods and
properties of a Tensor. A test holds both current.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import microgradnd.functions as _functions
import microgradnd.tensor_methods as _tensor_methods
from microgradnd.declaration import REQUIRED, Op
from microgradnd.engine import Tensor
from microgradnd.generation import aliases_of
from microgradnd.methods import Methods

# (their own stubs tell nothing of what is in them besides)
functions: Any = _functions
tensor_methods: Any = _tensor_methods

HEAD = '''"""{about}

Written by `python -m microgradnd.stubs`; do not edit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np

if TYPE_CHECKING:  # which is read last: what is imported imports this
    from microgradnd.declaration import Axis, Shape, TensorLike
    from microgradnd.engine import Tensor
    from microgradnd.node import Array
    from microgradnd.ops.linear_systems import SignAndLog
    from microgradnd.ops.selecting import Selected

'''
# `__array__` is left out on purpose: NumPy's hints would take a Tensor with it for an array, and
# the result of `array * tensor`, a Tensor, for an ndarray. `__getattr__` only says what is missing.
UNDECLARED = frozenset({
    "__array__", "__array_ufunc__", "__array_function__", "__getattr__", "__reduce__", "__module__",
    "__doc__", "__slots__", "__dict__", "__weakref__", "__annotations__", "__static_attributes__",
    "__firstlineno__",
})  # fmt: skip
# Where the classes of numbers and arrays, or `object` itself, declare the same otherwise.
UNSAFE = {"__eq__": "override", "__ne__": "override"} | dict.fromkeys(
    ("__rmul__", "__lt__", "__le__", "__gt__", "__ge__"), "misc"
)
FIXED = {"__hash__": "self) -> int"}  # which is `object`'s


def function_stubs() -> str:
    """The text of `functions.pyi`."""
    about = "The public functions, made from the operations."
    names = [n for n in functions.names() if _is_ours(functions.public(n))]
    listed = ", ".join(f'"{name}"' for name in names)
    each = [_stub(name, functions.public(name), method=False) for name in names]
    return HEAD.format(about=about) + f"__all__ = [{listed}]\n\n" + "\n".join(each) + "\n"


def _is_ours(function: Callable) -> bool:
    """Whether it belongs to the library: a program may have declared operations of its own."""
    op = getattr(function, "op", None)
    return (op.function if op else function).__module__.startswith("microgradnd.")


def method_stubs() -> str:
    """The text of `methods.pyi`."""
    about = "The operators, methods and properties of a Tensor."
    own = {**vars(Methods), **tensor_methods.SPECIAL, **tensor_methods.METHODS}
    own |= tensor_methods.PROPERTIES
    own |= {f"__i{name}__": vars(Tensor)[f"__i{name}__"] for name in tensor_methods.IN_PLACE}
    lines = ["class Methods:"]
    for name in sorted(set(own) - UNDECLARED):
        for line in _stub(name, own[name], method=True).splitlines():
            declared, quotes, doc = line.partition('"""')
            lines.append(f"    {_SHADOWED.sub(lambda m: '_' + m[0], declared)}{quotes}{doc}")
    aliases = "".join(f"_{name}: TypeAlias = {name}\n" for name in ("bool", "float", "int"))
    return HEAD.format(about=about) + aliases + "\n".join(lines) + "\n"


_SHADOWED = re.compile(r"(?<!def )(?<![\w.])(bool|float|int)(?!\w)")  # by methods of that name


def _stub(name: str, value: Any, method: bool) -> str:
    if isinstance(value, property):
        annotations = {} if hasattr(value.fget, "op") else value.fget.__annotations__
        result = annotations.get("return", "Tensor")
        return _with_doc(f"@property\ndef {name}(self) -> {result}:", value.__doc__)
    if name in FIXED:
        return f"def {name}({FIXED[name]}: ..."
    op = getattr(value, "op", None)
    if name.startswith("__") and (op is not None or (name[2] in "ri" and name not in _OWN)):
        two = op is None or len(op.operands) + len(op.options) == 2
        other = "index: Any, /" if name == "__getitem__" else "other: TensorLike, /"
        ignore = f"  # type: ignore[{UNSAFE[name]}]" if name in UNSAFE else ""
        given = f"self, {other}" if two and name != "__round__" else "self"
        given += ", decimals: int = 0, /" * (name == "__round__")
        return f"def {name}({given}) -> Tensor: ...{ignore}"
    if op is None:
        return _with_doc(f"def {name}{signature_text(value, method)}:", value.__doc__)
    return "\n".join(
        _with_doc(f"{start}def {name}({given}) -> Tensor:", value.__doc__)
        for start, given in forms(op, value, method)
    )


_OWN = {*tensor_methods.SPECIAL, *tensor_methods.METHODS, *tensor_methods.SHARED}


def forms(op: Op, function: Callable, method: bool) -> list[tuple[str, str]]:
    """The parameters of an op's caller; several where an option may come in several ways."""
    packed = function.__globals__["how"]["packed"] if "how" in function.__globals__ else None
    first = ["self"] if method else [_operand(op, op.operands[0])]
    rest = [_operand(op, k) for k in op.operands[1:]]
    if packed:
        one = f"{packed}: {_annotation(op, packed)}"
        one += " = None" * (packed in op.optional_options)
        item = "int"
        return [("@overload\n", f"self, {one}"), ("@overload\n", f"self, *{packed}: {item}")]
    positional = [_option(op, k) for k in op.options if k not in op.named]
    renamed = aliases_of(op.options, op.aliases)
    aliases = [f"{theirs}: {_annotation(op, k)} = ..." for theirs, k in renamed]
    named = [_option(op, k) for k in op.named] + aliases
    if getattr(function, "__globals__", {}).get("how", {}).get("extras"):
        named += [f"{k}: {f.__annotations__[k]} = ..." for k, f in op.extras.items()]
    star = ["*", *named] if named else []
    required = [k for _, k in renamed if k not in op.optional_options]
    if required:
        other = [f"{theirs}: {_annotation(op, k)}" for theirs, k in renamed if k in required]
        plain = [p for p in positional if p.partition(":")[0] not in required]
        return [
            ("@overload\n", ", ".join([*first, *rest, *positional])),
            ("@overload\n", ", ".join([*first, *rest, *plain, "*", *other])),
        ]
    return [("", ", ".join([*first, *rest, *positional, *star]))]


def _operand(op: Op, key: str) -> str:
    if op.variadic:
        return f"{key}: Iterable[TensorLike]"
    return f"{key}: TensorLike | None = None" if key in op.optional else f"{key}: TensorLike"


def _annotation(op: Op, key: str) -> str:
    note = getattr(op.call_forward, "__annotations__", {}).get(key, "Any")
    text = note.__name__ if isinstance(note, type) else str(note)
    return {"np.dtype": "Any", "Flag": "bool"}.get(text, text)


def _option(op: Op, key: str) -> str:
    default = op.options[key]
    return f"{key}: {_annotation(op, key)}" + ("" if default is REQUIRED else f" = {default!r}")


def signature_text(function: Callable, method: bool) -> str:
    """The signature of a function that is no op, as its source has it."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    if method:
        parameters[0] = parameters[0].replace(name="self", annotation=inspect.Parameter.empty)
    result = signature.return_annotation
    if result is inspect.Signature.empty:
        result = "Any"
    text = str(signature.replace(parameters=parameters, return_annotation=result))
    return re.sub(r"(?<=[:>] )'([^']*)'", r"\1", text)  # (what is no default was quoted)


def _with_doc(head: str, doc: str | None) -> str:
    first = (doc or "").strip().partition("\n\n")[0].replace("\n", " ")
    first = " ".join(first.split())
    return f'{head} """{first}"""' if first else f"{head} ..."


FILES: dict[str, Callable[[], str]] = {
    "functions.pyi": function_stubs,
    "methods.pyi": method_stubs,
}


def main() -> None:
    for name, write in FILES.items():
        Path(__file__).with_name(name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()
