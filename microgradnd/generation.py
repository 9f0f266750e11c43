"""Generated code: the callers of ops and the rules written out where they are used.

A call of an op on a few numbers takes half a microsecond, so all that depends on its declaration
alone is decided once: each op gets a function of straight-line code for its own signature.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Mapping
from types import CodeType, FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from microgradnd.declaration import Op

# PyTorch's names of options, taken everywhere: by them, NumPy's.
ALIASES = {"dim": "axis", "keepdim": "keepdims", "correction": "ddof", "unbiased": "ddof"}
_codes: dict[str, CodeType] = {}


def code_of(source: str, name: str, title: str) -> CodeType:
    """The code of the one function that a source defines, under a name of its own.

    Sources are compiled once; each function gets a copy, because the interpreter specialises code
    for what the function around it finds in its globals.
    """
    if source not in _codes:
        module = compile(source, "<generated>", "exec")
        _codes[source] = next(c for c in module.co_consts if isinstance(c, CodeType))
    file = f"<microgradnd: {title}>"
    linecache.cache[file] = len(source), None, source.splitlines(True), file  # for tracebacks
    return _codes[source].replace(co_name=name, co_qualname=name, co_filename=file)


def built(source: str, name: str, title: str, scope: dict[str, Any]) -> Callable:
    """The function that a source defines, with the names in `scope`."""
    return FunctionType(code_of(source, name, title), scope, name)


class _Text:
    """Stands for a value in a rule that is to be written out."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *xs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        return _Text(f"(np.{ufunc.__name__}({', '.join(map(_written, xs))}))")

    def __neg__(self) -> _Text:
        return _Text(f"(-{self.text})")

    def __bool__(self) -> bool:
        raise TypeError("a rule that branches is called, not written out")


def _written(x: Any) -> str:
    if isinstance(x, _Text):
        return x.text
    if type(x) in (int, float) and x == x and abs(x) != float("inf"):
        return repr(x)
    raise TypeError(f"{x!r} cannot be written out")


def _binary(sign: str, swapped: bool) -> Callable[[_Text, Any], _Text]:
    def operator(one: _Text, other: Any) -> _Text:
        left, right = (_written(other), one.text) if swapped else (one.text, _written(other))
        return _Text(f"({left} {sign} {right})")

    return operator


for _name, _sign in {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**", "and": "&",
    "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!=",
}.items():  # fmt: skip
    setattr(_Text, f"__{_name}__", _binary(_sign, swapped=False))
    setattr(_Text, f"__r{_name}__", _binary(_sign, swapped=True))


def rule_text(rule: Callable, arguments: list[str]) -> str | None:
    """A rule as source, if it is a lambda of operators and ufuncs; what computes is in brackets."""
    code = getattr(rule, "__code__", None)
    if code is None or code.co_name != "<lambda>":
        return None  # (a function might branch on what it is given)
    try:
        return rule(_Text("g"), *map(_Text, arguments)).text
    except Exception:  # whatever a rule does with what it did not expect: it is called instead
        return None


def aliases_of(
    options: Iterable[str], own: Mapping[str, str] = MappingProxyType({})
) -> list[tuple[str, str]]:
    """PyTorch's names of some options, each with the name here; `own`: those of one function."""
    return [(theirs, ours) for theirs, ours in {**ALIASES, **own}.items() if ours in options]


# --- The callers of ops --------------------------------------------------------------------------
def caller_source(
    op: Op, public: bool = False, packed: str | None = None, extras: bool = False
) -> str:
    """The source of an op's caller.

    Args:
        op: the operation.
        public: a Tensor comes back for arrays, too; else an array.
        packed: an option that is taken as `*args`, as in t.reshape(2, 3).
        extras: it takes what the op's `extras` name, too.
    """
    operands, options = list(op.operands), list(op.options)
    aliases = aliases_of(options, op.aliases)
    given = _given(op)
    passed = "".join(f", {k}={k}" if k in op.named else f", {k}" for k in options)
    lines = [f"def caller({_parameters(op, packed, op.extras if extras else ())}):"]
    if packed:
        lines += [
            f"    if {packed} is ABSENT: {packed} = args[0] if len(args) == 1 else args or None"
        ]
    else:
        lines += [f"    if {theirs} is not ABSENT: {k} = {theirs}" for theirs, k in aliases]
        renamed = {k for _, k in aliases}
        missing = [k for k in options if k in renamed and k not in op.optional_options]
        lines += [f"    if {k} is ABSENT: missing(op, {k!r})" for k in missing]
    for k in op.extras if extras else ():
        call = f"call_with(op, function, ({_tuple(options)}))"
        lines += [f"    if {k} is not ABSENT: return extra_{k}({call}, {_tuple(operands)}{k})"]
    lines += [f"    {k} = prepare_{k}({k})" for k in op.prepare]
    if op.variadic:
        lines += _variadic_operands(op, given, passed, public)
        values, call = [], f"forward(values{passed})"
    else:
        values = [f"a{i}" for i in range(len(operands))]
        call = f"forward({', '.join(values)}{passed})"
        lines += _operands(op, given, passed, call, public)
    if op.scratch:  # what is recorded is kept
        lines += [f"    {op.scratch} = False"]
    out = ", ".join(["out", *(f"kept_{key}" for key in op.keeps)])
    lines += [
        "    try:",
        f"        {out} = {call}",
        "        if type(out) is not Array: out = asarray(out)",
        "    except Exception as error:",
        f"        if (out := by_option(op, {given})) is not None: return out",
        f"        explain(error, op, {given}); raise",
    ]
    return "\n".join([*lines, *_recording(op, values)]) + "\n"


def _tuple(names: list[str]) -> str:
    return "".join(f"{name}, " for name in names)


def _parameters(op: Op, packed: str | None, extras: Iterable[str] = ()) -> str:
    """The parameters of a caller; their defaults are set on the function."""
    if packed:
        return f"{op.operands[0]}, *args, {packed}=None"
    first = [k + "=None" * (k in op.optional) for k in op.operands]
    aliases = aliases_of(op.options, op.aliases)
    default = {*op.optional_options, *(ours for _, ours in aliases)}
    rest = [k + "=None" * (k in default) for k in op.options if k not in op.named]
    named = [f"{k}=None" for k in op.named]
    named += [f"{theirs}=None" for theirs in (*dict(aliases), *extras)]
    return ", ".join([*first, *rest, *(["*", *named] if named else [])])


def _operands(op: Op, given: str, passed: str, call: str, public: bool) -> list[str]:
    """Tells Tensors from arrays: a{i} is the array of operand i, p{i} its node or None."""
    lines, count, first = [], len(op.operands), "[0]" if op.keeps else ""
    for i, k in enumerate(op.operands):
        node = "None" if k in op.fixed else f"{k}.node"
        lines += [f"    if type({k}) is Tensor: a{i} = {k}._array; p{i} = {node}"]
        if count == 1 and not public:
            lines += [f"    elif type({k}) is Array: return forward({k}{passed}){first}"]
        elif count == 1:
            lines += [f"    elif type({k}) is Array: a{i} = {k}; p{i} = None"]
        else:
            none = f" or {k} is None" * (k in op.optional)
            numeric = f"type({k}) is Array or type({k}) in NUMBER{none}"
            lines += [f"    elif {numeric}: a{i} = {k}; p{i} = None"]
        lines += [f"    else: return dispatch(op, function, {given})"]
    if count > 1 and not public:
        arrays = " and ".join(f"{k} is a{i}" for i, k in enumerate(op.operands))
        lines += [f"    if {arrays}: return {call}{first}"]
    return lines


def _variadic_operands(op: Op, given: str, passed: str, public: bool) -> list[str]:
    xs = op.operands[0]
    arrays = "" if public else (
        f"    if p0 is None and Tensor not in map(type, {xs}): return forward(values{passed})\n"
    )  # fmt: skip
    return [
        f"    if type({xs}) is not list and type({xs}) is not tuple: {xs} = sequence(op, {xs})",
        "    values, parents, p0 = [], [], None",
        f"    for x in {xs}:",
        "        if type(x) is Tensor:",
        "            values.append(x._array)",
        "            if (p := x.node) is None: parents.append(constant_of(x))",
        "            else: parents.append(p); p0 = p",
        "        elif type(x) is Array: values.append(x); parents.append(x)",
        f"        else: return dispatch(op, function, {given})",
        *arrays.splitlines(),
    ]


def _given(op: Op) -> str:
    return f"({_tuple(list(op.operands))}), ({_tuple(list(op.options))})"


def _refuse(op: Op) -> str:
    """Raises for what is no result: one call, for what comes next in a line."""
    return f"refuse(op, out, {_given(op)})"


def _recorded(op: Op) -> str:
    """Records what is complex, or refuses it."""
    results = ", ".join(["out", *(f"kept_{key}" for key in op.keeps)])
    return f"return recorded(op, {_given(op)}, {results})"


def _unlike(tracked: list[int]) -> str:
    """Whether something is complex, or the result no floating-point number."""
    operands = "".join(f" or type(p{i}.dtype) is type" for i in tracked)
    return f"dtype.kind not in FLOATING{operands}"


def _recording(op: Op, values: list[str]) -> list[str]:
    """Makes the result a Tensor, with the node that remembers how it came about."""
    untracked = [
        f"        if out.dtype.kind not in KINDS: {_refuse(op)}",
        "        t = new(Tensor); t._array = out; t.node = t._name = None; return t",
    ]
    if not op.rules:
        return [line[4:] for line in untracked]
    count = len(op.operands)
    free = [i for i in range(count) if op.operands[i] not in op.fixed]
    ruled = [i for i in free if op.operands[i] in op.rules]
    none = " and ".join(f"p{i} is None" for i in free)
    discrete = " or out.dtype.kind in 'biu'" * op.casts
    lines = [f"    if {none} or not recording(){discrete}:", *untracked]
    lines += [
        f"    if p{i} is not None: op.plan({1 << i})" for i in free if i not in ruled
    ]  # raises
    lines += ["    node = Node()"]
    if op.variadic:
        lines += [
            f"    if out.dtype is not p0.dtype and out.dtype.kind not in FLOATING: {_recorded(op)}",
            "    node.plan = plan1; node.first = node.second = None",
            "    node.many = parents; node.saved = ()",
        ]
    elif count == 1:
        plan = "exact1" if op.elementwise else "plan1"
        if op.elementwise and op.options:
            lines += [f"    if out.shape != p0.shape: {_refuse(op)}"]
        lines += [
            f"    if out.dtype is p0.dtype: node.plan = {plan}",
            f"    elif out.{_unlike([0])}: {_recorded(op)}",
            "    else: node.plan = plan1",
            "    node.first = p0; node.second = node.many = None",
            f"    node.saved = {op.plan(1).saved_source(values)}",
        ]
    elif len(ruled) <= 3:
        lines += _few_operands(op, values, ruled)
    else:
        lines += _many_operands(op, values, ruled)
    several = count > 1 and not op.variadic
    shape = "shape" if several else "p0.shape" if op.elementwise else "out.shape"
    return [
        *lines,
        f"    node.options = ({_tuple(list(op.options))}); node.notes = None",
        f"    node.shape = {shape}; node.dtype = {'dtype' if several else 'out.dtype'}",
        "    node.seq = next_seq()",
        "    t = new(Tensor); t._array = out; t.node = node",
        "    if observers: notify(node, out)",
        "    return t",
    ]


def _constant(op: Op, i: int) -> str:
    """How a node keeps operand i, which needs no gradient: its array, with its name if any."""
    return f"a{i} if type({op.operands[i]}) is not Tensor else constant_of({op.operands[i]})"


def _few_operands(op: Op, values: list[str], ruled: list[int]) -> list[str]:
    """Keeps operands and saved values, in a branch for each set of tracked operands."""
    lines = ["    shape = out.shape; dtype = out.dtype"]

    def branch(open: list[int], tracked: list[int], indent: str) -> None:
        if open and not tracked and len(open) == 1:  # (one of them is tracked)
            branch([], open, indent)
        elif open:
            lines.append(f"{indent}if p{open[0]} is not None:")
            branch(open[1:], [*tracked, open[0]], indent + " ")
            lines.append(f"{indent}else:")
            branch(open[1:], tracked, indent + " ")
        else:
            lines.extend(indent + line for line in _kept_for(op, values, tracked))

    branch(ruled, [], "    ")
    return lines


def _kept_for(op: Op, values: list[str], tracked: list[int]) -> list[str]:
    mask = sum(1 << i for i in tracked)
    same = " and ".join(f"p{i}.dtype is dtype" for i in tracked)
    exact = " and ".join(f"p{i}.shape == shape" for i in tracked)
    kept = [f"p{i}" if i in tracked else _constant(op, i) for i in range(len(values))]
    return [
        f"if {same}: node.plan = {f'exact{mask} if {exact} else ' * op.elementwise}plan{mask}",
        f"elif {_unlike(tracked)}: {_recorded(op)}",
        f"else: node.plan = plan{mask}",
        f"node.first = {kept[0]}; node.second = {kept[1]}; node.many = None" if len(kept) == 2
        else f"node.first = node.second = None; node.many = ({_tuple(kept)})",
        f"node.saved = {op.plan(mask).saved_source(values)}",
    ]  # fmt: skip


def _many_operands(op: Op, values: list[str], ruled: list[int]) -> list[str]:
    """The same for so many that each set of them cannot have its branch: the plan picks."""
    mask = " | ".join(f"(p{i} is not None) << {i}" for i in ruled)
    kept = [f"p{i} if p{i} is not None else {_constant(op, i)}" for i in range(len(values))]
    picked = _tuple([*values, "out", *(f"kept_{k}" for k in op.keeps)])
    return [
        "    shape = out.shape; dtype = out.dtype",
        f"    if dtype.kind not in FLOATING: {_recorded(op)}",
        f"    node.plan = plan = plans[{mask}]",
        f"    node.first = node.second = None; node.many = ({_tuple(kept)})",
        f"    node.saved = plan.pick(({picked}))",
    ]
