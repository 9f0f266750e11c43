"""The declaration of an operation: its forward function, its derivative rules and its traits.

A ufunc is one line, any other operation is its own forward function, decorated; the function's
signature is the operation's::

    multiply = op(np.multiply, "x y", x=lambda g, y: g * y, y=lambda g, x: g * x, linear="x y")

    @op(x=lambda g, x_shape, axis: broadcast_to(kept(g, x_shape, axis), x_shape), linear="x")
    def sum(x: Value, axis: Axis = None, keepdims: bool = False):
        "The sum over the axes."
        return np.add.reduce(x, axis, keepdims=keepdims)

Parameters annotated `Value` are operands, the others options. A rule is named after its operand,
its parameters name what it needs (see `microgradnd.plan`). All else is a trait (see `Op`). From
the declaration the caller is generated: arrays in, an array out; a Tensor among them, a recorded
Tensor out; another class that has `__row__` decides. The operations stand in `microgradnd.ops`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from threading import Lock
from types import FunctionType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

import numpy as np

from microgradnd import errors
from microgradnd.arguments import CALLABLE, Kind, check, elements, optional, require
from microgradnd.calling import by_option, by_samples, call_with, prepared, reflected
from microgradnd.documentation import documentation, summary_of
from microgradnd.engine import Tensor, new_tensor
from microgradnd.generation import aliases_of, caller_source, code_of
from microgradnd.grad_mode import notify, observers, recording
from microgradnd.methods import Methods
from microgradnd.node import Array, Constant, Node, dtype_for, next_seq
from microgradnd.plan import Plan, conjugated
from microgradnd.signatures import REQUIRED, Signature, needs_of, parameters_of, signature_of

if TYPE_CHECKING:
    Value: TypeAlias = Any
    Values: TypeAlias = Sequence[Any]
else:
    Value = Annotated[Any, "operand"]  # an operand, in the signature of a forward function
    Values = Annotated[Any, "operands"]  # a sequence of operands, the only ones of an operation
# What stands for an operand in a call: a Tensor, a real array or number, nested lists of numbers.
TensorLike: TypeAlias = Union[
    Tensor, np.ndarray, "np.number[Any]", np.bool_, float, list[Any], tuple[Any, ...]
]
Axis: TypeAlias = int | tuple[int, ...] | None
Shape: TypeAlias = int | Sequence[int]

OPERANDS = Kind(
    "names, separated by spaces",
    lambda v: isinstance(v, str),
    lambda v: all(k.isidentifier() for k in v.removeprefix("*").split()),
)
_NAMES = optional(OPERANDS)
OPS: dict[str, Op] = {}  # all operations by name
FUNCTIONS: dict[str, Callable] = {}  # functions composed of operations, by name
NUMPY: dict[Callable, Callable] = {}  # by NumPy's function, what computes it on Tensors
REDUCES: dict[np.ufunc, Callable] = {}  # by ufunc, what computes its `reduce`
PUBLIC: set[str] = set()  # the names of operations and functions that are for everyone
TORCH: dict[str, str] = {}  # by PyTorch's name, the name here
_public: dict[str, Any] = {}  # the functions that `public` has made
FLOATING = frozenset("f")  # kinds of dtypes: of what real rules give a gradient to,
KINDS = frozenset("biuf")  # of real numbers,
NUMERIC = frozenset("biufc")  # of those that complex numbers are among
ABSENT: Any = type("Absent", (), {"__repr__": lambda self: "..."})()  # an alias that was not given


class Op:
    """An operation: a forward function on arrays, its rules, and its traits; see `op`."""

    # Attributes:
    #     name: how messages and pictures call it.
    #     operands: their names. `variadic`: the one operand is a sequence; `optional`: may be None;
    #         `fixed`: those through which no gradient flows by nature, such as a condition.
    #     options: their names and defaults (`REQUIRED`: none); `named`: the keyword-only ones.
    #     rules: by operand, the rule for its gradient. `needs`: by operand, the rule's parameters.
    #     function: the caller.
    #
    # Traits, all optional:
    #     elementwise: each element of the result comes of those of the operands at its place.
    #     linear: operands in which it is linear, "x y" in each, "x+y" in all at once.
    #     view: the operand whose memory the result may share.
    #     fresh: operands whose contribution is an array that the rule has just made.
    #     reduction: the ufunc by which it reduces.
    #     contraction: sums products of two operands. cost: its multiply-adds, from shapes, options.
    #     discrete: no gradient by nature. casts: the result may be no floating-point number.
    #     keeps: what the forward function returns beside the result, for rules to ask for: by
    #         name, a function of operands and options that computes it so that it can be
    #         differentiated.
    #     batch: how it computes all samples at once where it is mapped over them (`func.vmap`) and
    #         neither `elementwise` nor an option `axis` says it; see microgradnd.ops.batches.
    #     batch_index: the option that may be another one for each sample.
    #     scratch: the option that lets the forward function write into an operand; arrays only.
    #     prepare: by option, a function that makes it ready for rules and forward function.
    #     composed: the same by other operations, where its rules are to be differentiated again.
    #     opened: the same by other operations, for those who look into it, by default `composed`;
    #         True: its own forward function.
    #     whole: stays itself where operations are replaced by what they are composed of.
    #     infix: sign and level of precedence. sign: of a reduction or function. scalar: the
    #         formula of one element. program: it in NumPy, a template such as
    #         "{x:atom}.astype({dtype})".
    #     notation: its way of writing in formulas, see viz.formulas.mathematics; "weighted_sums":
    #         x Wᵀ + b of its three operands, written as what its forward function calls.
    #     keeps_channels: axis 1 of the result holds the channels that axis 1 of the operand holds.
    #     saturates: (lower, upper), the results at which its slope is 0, None where there is none;
    #         or a function of the options, by name, that gives them.
    #     flat: its slope is 0 wherever it has one. permutes: it only exchanges axes.
    #     activation: what one calls the function of a layer. truths: the operand of truth values.
    #     singular: the operand at whose zeros the result or a slope is not finite.
    #     numpy: NumPy's function or functions. method: True for a method of that name, other names
    #         (`"@T"` a property, `"*shape"` an option taken as *args). operator: "add" for __add__.
    #     complex: takes complex numbers; True where its rules hold for them as they stand (by
    #         default where it is linear in all operands at once), or by operand other rules.
    #     holomorphic: takes complex numbers, and has a derivative f' by them: of its rule for real
    #         ones, g f', is made g conj(f').
    #     cure: what to try where it raises. torch: PyTorch's names. internal: no public name.
    #     aliases: PyTorch's names of its options, beside those of `generation.ALIASES`.
    #     extras: options that public functions and methods take by name beside its own; by name,
    #         what computes it of a function of the operands, the operands and the option's value.

    elementwise = contraction = discrete = casts = whole = internal = keeps_channels = False
    permutes = flat = activation = holomorphic = False
    singular = truths = cure = None
    linear = view = reduction = cost = infix = sign = scalar = program = notation = None
    saturates = composed = opened = scratch = batch_index = operator = torch = method = numpy = None
    keeps: Mapping[str, Callable] = {}
    aliases: Mapping[str, str] = {}
    extras: Mapping[str, Callable] = {}
    fresh: Any = ()
    fixed: Any = ()
    batch: Any = None
    complex: Any = None
    prepare: Mapping[str, Callable] = {}
    function: Callable[..., Any]

    def __init__(
        self,
        forward: Callable,
        name: str,
        signature: Signature,
        rules: Mapping[str, Callable],
        traits: Mapping[str, Any],
    ) -> None:
        self.name, self.call_forward, self.rules = name, forward, dict(rules)
        self.operands, self.variadic, self.optional, self.options, self.named = signature
        self.optional_options = [k for k, d in self.options.items() if d is not REQUIRED]
        vars(self).update(traits)
        self.fresh = _words(self.fresh)
        self.fixed = _words(self.fixed)
        self.forward = self._result_alone() if self.keeps or self.named else forward
        self.needs = {key: needs_of(rule) for key, rule in rules.items()}
        known = {*self.operands, *self.options, *self.keeps, "out", "out_shape", "into"}
        known.update(f"{k}_shapes" if self.variadic else f"{k}_shape" for k in self.operands)
        if self.complex is None:
            linear: str = self.linear or ""
            together = "+" in linear or len(self.rules) == 1
            self.complex = together and {*self.rules} == {*linear.replace("+", " ").split()}
        self.kinds = NUMERIC if self.holomorphic or self.complex else KINDS
        needed = [*self.needs.values()]
        if isinstance(self.complex, Mapping):
            needed += self.derivatives(True)[1].values()
        unknown = [n for needs in needed for n in needs if n not in known]
        unknown += [k for k in (*self.operands, *self.options) if k in ("g", "out", "into")]
        if unknown or set(rules) - set(self.operands):
            raise errors.bad_rule(name, unknown or [*rules], sorted(known))
        self.plans: dict[Any, Plan] = {}

    def _result_alone(self) -> Callable:
        """The forward function with options by position, giving the result alone."""

        def forward(*given: Any) -> Any:
            out = self.call(given[: len(self.operands)], given[len(self.operands) :])
            return out[0] if self.keeps else out

        forward.__name__, forward.__doc__ = self.name, self.call_forward.__doc__
        return forward

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join([*self.operands, *self.options])})>"

    def __reduce__(self) -> tuple:
        return _op_named, (self.name,)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Calls the operation, as its `function` does."""
        return self.function(*args, **options)

    def operand(self, i: int) -> str:
        """The name of operand i."""
        return f"{self.operands[0]}[{i}]" if self.variadic else self.operands[i]

    def plan(
        self, mask: int, exact: bool = False, wanted: int | None = None, complex: bool = False
    ) -> Plan:
        """What it saves and how it is pulled back, for a set of tracked operands."""
        key = mask, exact, wanted, complex
        if key not in self.plans:
            self.plans[key] = Plan(self, mask, wanted, exact, complex)
        return self.plans[key]

    def derivatives(self, complex: bool) -> tuple[Mapping[str, Callable], Mapping[str, tuple]]:
        """The rules, and what they need by operand, where all is real or something is complex."""
        if not complex:
            return self.rules, self.needs
        own = self.complex if isinstance(self.complex, Mapping) else {}
        rules = self.rules
        if self.holomorphic:
            rules = {key: conjugated(rule) for key, rule in rules.items()}
        needs = {key: needs_of(rule) for key, rule in own.items()}
        return {**rules, **own}, self.needs | needs

    def kept_from(self, key: str) -> tuple[str, ...]:
        """The operands and options from which what the forward function keeps can be computed."""
        return tuple(parameters_of(self.keeps[key]))

    def multiply_adds(self, out_shape: Any, shapes: Sequence[Any], options: Sequence[Any]) -> int:
        """How many products it adds up, by its `cost`; 0 for all that contracts nothing."""
        if self.cost is None:
            return 0
        places = {f"{k}_shape": s for k, s in zip((*self.operands, "out"), (*shapes, out_shape))}
        places |= dict(zip(self.options, options))
        return self.cost(*[places[need] for need in parameters_of(self.cost)])

    def call(self, operands: Sequence[Any], options: Sequence[Any]) -> Any:
        """What the forward function returns, with what it keeps, from options in their order."""
        return self.passed_to(self.call_forward, operands, options)

    def passed_to(self, function: Callable, operands: Sequence[Any], options: Sequence[Any]) -> Any:
        """Calls a function of the operation's own signature with options in their order."""
        named = {k: v for k, v in zip(self.options, options) if k in self.named}
        given = [v for k, v in zip(self.options, options) if k not in self.named]
        return function(*([operands] if self.variadic else operands), *given, **named)

    def run(self, operands: Sequence[Any], options: Sequence[Any]) -> Array:
        """The result for arrays, an array."""
        out = self.call(operands, options)
        return np.asarray(out[0] if self.keeps else out)


def op(forward: Any = None, operands: str | None = None, *, name: str | None = None,
       replace: bool = False, **keys: Any) -> Any:  # fmt: skip
    """Declares an operation: `op(np.multiply, "x y", x=rule, y=rule)`, or as a decorator.

    Args:
        forward: computes the result from arrays: a function, a ufunc, a NumPy function.
        operands: their names, separated by spaces, `"*xs"` for one sequence; default the
            parameters annotated `Value` or `Values`.
        name: default that of the function.
        replace: takes the place of an operation that has the name.
        keys: by operand, the rule for its gradient; all others are traits, see `Op`.

    Returns the caller: of arrays alone it computes an array, else a Tensor. Its attribute `op` is
    the `Op`.

    >>> square = op(lambda x: x * x, "x", name="my_square", x=lambda g, x: 2.0 * x * g)
    >>> t = Tensor([1.0, 2.0], requires_grad=True)
    >>> square(t).sum().backward()
    >>> t.grad
    Tensor([2., 4.])
    """
    if operands is None and (forward is None or isinstance(forward, str)):
        return lambda function: op(function, forward, name=name, replace=replace, **keys)
    check("op", name=name, replace=replace)
    require("op", "operands", operands, _NAMES)
    require("op", "forward", forward, CALLABLE)
    name = str(name or getattr(getattr(forward, "func", forward), "__name__", ""))
    if name in OPS and not replace:
        raise errors.taken(name, OPS[name].function.__module__)
    signature = signature_of(forward, operands, name)
    rules = {key: keys.pop(key) for key in signature[0] if key in keys}
    if isinstance(forward, np.ufunc):
        keys.setdefault("elementwise", forward.signature is None)
    numpys = isinstance(forward, np.ufunc) or str(forward.__module__).startswith("numpy")
    if numpys and (replace or forward not in NUMPY):  # (what it does on Tensors, it keeps doing)
        keys.setdefault("numpy", forward)
    unknown = [key for key in keys if not hasattr(Op, key) or key.startswith("_")]
    if unknown:
        raise errors.bad_rule(name, unknown, [*signature[0], *_traits()])
    row = Op(forward, name, signature, rules, keys)
    row.function = function = _stub(row, module=_module_of(forward, rules))
    OPS[name] = row
    _forget(name)
    _enter(function, name, row)
    return function


def _forget(name: str) -> None:
    """Lets the modules that have kept the public function of that name look it up again."""
    _public.pop(name, None)
    for module in ("microgradnd", "microgradnd.functions"):
        if module in sys.modules:
            vars(sys.modules[module]).pop(name, None)


def derived(*, name: str | None = None, **traits: Any) -> Callable[[Callable], Callable]:
    """Declares a function composed of operations: its public name, NumPy entry and methods.

    `batch` says how it computes all samples at once where it is mapped over them and asks for
    values: "leading" where axes may stand before its operands', "axis" where its `axis` moves by
    one, else a function of the same operands, each with one axis more, and options. `uncomplex`
    names the operands that must not be complex.
    """

    def declare(function: Callable) -> Callable:
        named = name or function.__name__
        names = tuple(parameters_of(function))
        if (rule := traits.get("batch")) is not None:
            function = by_samples(function, rule)
        function = prepared(
            named,
            function,
            names,
            traits.get("aliases", {}),
            traits.get("uncomplex", ""),
            traits.get("extras", {}),
        )
        FUNCTIONS[named] = function
        _enter(function, named, _Traits(traits))
        return function

    return declare


class _Traits:
    """The traits of a composed function that say where it can be found."""

    operator = torch = method = numpy = reduction = None
    internal = False

    def __init__(self, traits: Mapping[str, Any]) -> None:
        vars(self).update(traits)


def _enter(function: Callable, name: str, traits: Any) -> None:
    """Makes a function reachable under all names that its traits say."""
    for theirs in _several(traits.numpy):
        NUMPY[theirs] = function
    if not traits.internal:
        PUBLIC.add(name)
    for theirs in _words(traits.torch):
        TORCH[theirs] = name
    if traits.reduction:
        REDUCES[traits.reduction] = function
    if traits.operator:
        setattr(Methods, f"__{traits.operator}__", function)
        setattr(Methods, f"__r{traits.operator}__", reflected(function))
    aliases = [theirs for theirs in _words(traits.torch) if "." not in theirs]
    for method in _several(traits.method):
        if method is True or method.startswith("*"):
            made = function if method is True else _stub(traits, packed=method[1:])
            if method is True and isinstance(traits, Op) and traits.extras:
                made = _stub(traits, extras=True)
            for named in (name, *aliases):
                setattr(Methods, named, made)
        elif method.startswith("@"):
            setattr(Methods, method[1:], property(function, doc=function.__doc__))
        else:
            setattr(Methods, method, function)


def _several(given: Any) -> tuple:
    return given if isinstance(given, tuple) else () if given in (None, False) else (given,)


def _words(given: Any) -> tuple[str, ...]:
    return tuple(given.split()) if isinstance(given, str) else tuple(given or ())


def _traits() -> list[str]:
    return [k for k, v in vars(Op).items() if not k.startswith("_") and not callable(v)]


def _op_named(name: str) -> Op:
    return OPS[name]


def _module_of(forward: Any, rules: Mapping[str, Callable]) -> str:
    """Where an operation was declared: with its rules, if the forward function is NumPy's."""
    for function in (forward, *rules.values()):
        module = getattr(function, "__module__", None)
        if module and module.partition(".")[0] != "numpy":
            return module
    return "microgradnd.ops"


# --- Callers -------------------------------------------------------------------------------------
_generating = Lock()


def _first_call(*args: Any, **options: Any) -> Any:
    """The code of a caller that was not called before: generates its own, and runs that."""
    stub = globals()  # its own, see `_stub`
    stub["_generate"](stub["function"], stub["op"], stub["how"])
    return stub["function"](*args, **options)


def _stub(
    row: Any, module: str = "", public: bool = False, packed: str | None = None,
    extras: bool = False,
) -> Any:  # fmt: skip
    """A caller whose code is generated when it is first called, which few of them ever are."""
    how = {"public": public, "packed": packed, "extras": extras or public}
    scope = {"_generate": _generate, "op": row, "how": how, "__name__": module or __name__}
    stub: Any = FunctionType(_first_call.__code__, scope, row.name)
    scope["function"] = stub
    forward = row.call_forward
    stub.__module__, stub.__qualname__ = scope["__name__"], row.name
    if hasattr(forward, "__code__") and not public:
        stub.__qualname__ = forward.__qualname__
    stub.__doc__ = (
        documentation(forward, row.operands, row.rules)
        if public
        else summary_of(forward, row.operands)
    )
    stub.__wrapped__ = _prototype(row.operands) if isinstance(forward, np.ufunc) else forward
    stub.op = row
    return stub


def caller_of(row: Op) -> Callable:
    """The caller of an operation that has no name among the others."""
    row.function = _stub(row)
    return row.function


@cache
def _prototype(operands: tuple[str, ...]) -> Callable:
    """A function with the parameters of an op over a ufunc, for `help` before its first call."""
    return eval(f"lambda {', '.join(operands)}: None")


def _generate(function: Any, row: Op, how: dict[str, Any]) -> None:
    with _generating:
        if "__wrapped__" not in vars(function):
            return  # another thread was faster
        code = code_of(caller_source(row, **how), row.name, row.name)
        function.__globals__.update(_scope(row))
        renamed = aliases_of(row.options, row.aliases)
        aliases = {theirs: ABSENT for theirs, _ in renamed}
        aliases |= dict.fromkeys(row.extras if how["extras"] else (), ABSENT)
        named = {k: row.options[k] for k in row.named if row.options[k] is not REQUIRED}
        function.__kwdefaults__ = {how["packed"]: ABSENT} if how["packed"] else {**named, **aliases}
        given = {k: ABSENT if d is REQUIRED else d for k, d in row.options.items()}
        defaults = [
            d
            for k, d in given.items()
            if k in {*row.optional_options, *(ours for _, ours in renamed)} - {*row.named}
        ]
        none = [None for k in row.operands if k in row.optional]
        function.__defaults__ = None if how["packed"] else (*none, *defaults)
        function.__code__ = code  # last, so that a thread calls either the old or the whole new one
        del function.__wrapped__


class _Plans(dict):
    """An op's plans by mask, made when first asked for."""

    def __init__(self, row: Op) -> None:
        super().__init__()
        self.row = row

    def __missing__(self, mask: int) -> Plan:
        self[mask] = plan = self.row.plan(mask)
        return plan


def _scope(row: Op) -> dict[str, Any]:
    """What a generated caller finds in its globals."""
    names = {**_COMMON, "forward": row.call_forward, "plans": _Plans(row), "KINDS": row.kinds}
    names |= {f"prepare_{k}": f for k, f in row.prepare.items()}
    names |= {f"extra_{k}": f for k, f in row.extras.items()}
    ruled = [i for i, k in enumerate(row.operands) if k in row.rules]
    masks = 2 ** len(ruled) - 1 if len(ruled) <= 3 else 0
    for mask in range(1, masks + 1):
        tracked = sum((mask >> place & 1) << i for place, i in enumerate(ruled))
        names[f"plan{tracked}"] = row.plan(tracked)
        if row.elementwise:
            names[f"exact{tracked}"] = row.plan(tracked, exact=True)
    return names


def dispatch(row: Op, function: Callable, operands: tuple, options: tuple) -> Any:
    """The call of what is neither Tensor nor array: lists, NumPy's scalars, other classes."""
    flat = operands[0] if row.variadic else operands
    for x in flat:
        if (decide := getattr(type(x), "__row__", None)) is not None:
            return decide(row, operands, options)
    plain = [_plain(row, row.operand(i), x) for i, x in enumerate(flat)]
    return row.passed_to(function, plain, options)


def _plain(row: Op, operand: str, x: Any) -> Any:
    """An operand as a Tensor, an array or a number."""
    if type(x) in (Tensor, Array) or (x is None and operand in row.optional):
        return x
    if isinstance(x, Tensor):
        same = new_tensor(Tensor)
        same._array, same.node, same._name = x._array, x.node, x.name
        return same
    single = len(row.operands) == 1
    if type(x) in (int, float, complex) and not single:
        return x
    if isinstance(x, (Array, np.generic, bool, int, float, complex, list, tuple)) and not hasattr(
        x, "mask"
    ):
        array: Any = errors.as_array(row.name, operand, x)
        return array.view(Array) if type(array) is not Array else array
    raise errors.not_an_operand(row.name, operand, x)


def _sequence(row: Op, xs: Any) -> tuple:
    """The operands of an operation that takes a sequence of them."""
    return tuple(elements(row.name, row.operands[0], xs, "a sequence of tensors or arrays"))


def constant_of(tensor: Tensor) -> Any:
    """How a node keeps a Tensor that needs no gradient: its array, and its name if it has one."""
    return tensor._array if tensor.name is None else Constant(tensor._array, tensor.name)


def _explain(error: Exception, row: Op, operands: tuple, options: tuple) -> None:
    given = operands[0] if row.variadic else operands
    names = [row.operand(i) for i in range(len(given))]
    errors.explain(error, row.name, names, given, dict(zip(row.options, options)), row.cure,
                   row.kinds)  # fmt: skip


def _refuse(row: Op, out: Array, operands: tuple, options: tuple) -> None:
    """Raises for a result that is no array of numbers it takes, or not of its operand's shape."""
    chosen = dict(zip(row.options, options))
    given = operands[0] if row.variadic else operands
    if row.elementwise and len(given) == 1 and np.shape(given[0]) != out.shape:
        raise errors.spread(row.name, out.shape, np.shape(given[0]), chosen)
    named = {row.operand(i): x for i, x in enumerate(given)} | chosen
    dtypes = [getattr(x, "dtype", out.dtype) for x in given]
    raise errors.not_real(row.name, max(dtypes, key=lambda dtype: dtype.kind == "c"), named)


def _missing(row: Op, option: str) -> None:
    raise TypeError(f"{row.name}() missing required argument {option!r}")


def _recorded(row: Op, operands: tuple, options: tuple, out: Array, *kept: Any) -> Tensor:
    """Records what real numbers' callers leave alone, where something is complex; or refuses it."""
    if row.kinds is KINDS or out.dtype.kind not in "fc":
        _refuse(row, out, operands, options)
    flat = operands[0] if row.variadic else operands
    parents = [constant_of(x) if isinstance(x, Tensor) else x for x in flat]
    tracked = [i for i, x in enumerate(flat) if isinstance(x, Tensor) and x.node is not None]
    for i in tracked:
        if row.operand(i) not in row.fixed:
            parents[i] = flat[i].node
    node = Node()
    mask = 1 if row.variadic else sum((type(p) is Node) << i for i, p in enumerate(parents))
    node.plan = plan = row.plan(mask, complex=True)
    few = len(parents) <= 2 and not row.variadic
    node.first, node.second = (*parents, None)[:2] if few else (None, None)
    node.many = None if few else tuple(parents)
    node.saved = plan.pick((*[getattr(x, "_array", x) for x in flat], out, *kept))
    node.options, node.notes, node.shape = options, None, out.shape
    node.dtype = dtype_for(out)
    node.seq = next_seq()
    t = new_tensor(Tensor)
    t._array, t.node = out, node
    if observers:
        notify(node, out)
    return t


_COMMON = {
    "ABSENT": ABSENT, "Array": Array, "FLOATING": FLOATING, "KINDS": KINDS,
    "NUMBER": frozenset({int, float, complex}), "Node": Node, "Tensor": Tensor,
    "asarray": np.asarray, "by_option": by_option, "call_with": call_with,
    "constant_of": constant_of, "dispatch": dispatch, "explain": _explain, "missing": _missing,
    "new": new_tensor, "next_seq": next_seq, "notify": notify, "observers": observers,
    "recorded": _recorded, "recording": recording.get, "refuse": _refuse, "sequence": _sequence,
}  # fmt: skip


def public(name: str) -> Callable:
    """The public function of that name: an operation that gives a Tensor for arrays, too.

    >>> public("exp")(0.0)
    Tensor(1.)
    """
    name = TORCH.get(name, name)
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    function = _public.get(name)
    if function is None or function.op is not OPS[name]:  # (it may have been replaced)
        _public[name] = function = _stub(OPS[name], module="microgradnd.functions", public=True)
    return function
