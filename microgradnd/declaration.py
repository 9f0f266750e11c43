"""The derivative table: how a differentiable operation is declared, called and compiled.

An operation is one row::

    op(np.multiply, "x y", x=lambda g, y: g * y, y=lambda g, x: g * x)

The keyword names the operand. The parameters of its rule name what the rule needs: `g`, the
gradient of the result; an operand's value; `out`, the result; `x_shape`, the shape of operand x;
or an option of the operation. Only what the rules of those operands that require a gradient ask
for is saved. The rows themselves stand in `microgradnd.ops`, one file per family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.engine import Tensor, record, recording, untracked
from microgradnd.formulas import documentation
from microgradnd.node import NO_OPTIONS, Array, Node, constant

OPS: dict[str, Op] = {}
# What the commonest rules compile to: they are written out where they are used, not called.
INLINE = {
    (lambda g: g).__code__.co_code: "g",
    (lambda g, y: g * y).__code__.co_code: "g * {0}",
    (lambda g, out: g - g * out * out).__code__.co_code: "g - g * {0} * {0}",
}
REQUIRED = object()  # the default of an option that has none


def parameters_of(function: Callable) -> dict[str, Any]:
    """The names of a function's parameters and their defaults."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    return dict(zip(names, (REQUIRED,) * (len(names) - len(defaults)) + defaults))


class Plan:
    """What an op saves and how its gradients are pulled back, for one set of tracked operands.

    Both are compiled from the rules' parameters: np.multiply with both operands tracked has
    `pick = lambda values, out: (values[0], values[1],)` and
    `pull = lambda g, s, n: ((n.first, g * s[1]), (n.second, g * s[0]),)`.
    A single saved array stands by itself, not in a tuple.
    """

    __slots__ = ("op", "mask", "exact", "save", "pick", "pulled", "pull")

    def __init__(self, op: Op, mask: int, wanted: int | None = None, exact: bool = False) -> None:
        self.op, self.mask = op, mask
        self.exact = exact  # gradients come out in the operands' shapes and dtypes: none to fit
        tracked = [i for i, _ in enumerate(op.operands) if mask >> i & 1]
        for i in tracked:
            if op.operands[i] not in op.rules:
                raise errors.no_derivative(op.name, op.operands[i])
        needs = [need for i in tracked for need in op.needs[op.operands[i]]]
        keys = [*op.operands, "out"]
        self.save = tuple(k for k, key in enumerate(keys) if key in needs and not op.variadic)
        self.pulled = [i for i in tracked if wanted is None or wanted >> i & 1]

    def __getattr__(self, name: str) -> Callable:
        """Compiles `pick` or `pull` when it is first needed: no import pays for unused ones."""
        if name not in ("pick", "pull"):
            raise AttributeError(name)
        op = self.op
        if name == "pick":
            terms = (f"values[{k}]" if k < len(op.operands) else "out" for k in self.save)
            comma = "" if len(self.save) == 1 else ","
            self.pick = eval(f"lambda values, out: ({''.join(term + comma for term in terms)})")
            return self.pick
        rules = {f"rule{i}": op.rules[op.operands[i]] for i in self.pulled}
        if op.variadic:
            source = f"[(p, x) for p, x in zip(n.many, {self.call(0)}) if type(p) is Node]"
        else:
            source = "".join(f"({self.slot(i)}, {self.call(i)})," for i in self.pulled)
        self.pull = eval(f"lambda g, s, n: ({source})", {**rules, "Node": Node, "np": np})
        return self.pull

    def slot(self, i: int) -> str:
        """The source of operand i of a node n."""
        return f"n.many[{i}]" if len(self.op.operands) > 2 else ("n.first", "n.second")[i]

    def indices(self, node: Node) -> list[int]:
        """The operands that `pull` gives the gradients of, in its order."""
        if not self.op.variadic:
            return self.pulled
        return [i for i, p in enumerate(node.parents) if type(p) is Node]

    def call(self, i: int) -> str:
        """The source of the call of operand i's rule."""
        op = self.op
        keys = [*op.operands, "out"]
        places = {key: f"n.options[{key!r}]" for key in op.defaults}
        for k, key in enumerate(op.operands):
            tracked = self.mask >> k & 1
            slot = self.slot(k)
            places[f"{key}_shape"] = f"{slot}.shape" if tracked else f"np.shape({slot})"
        places |= {f"{op.operands[0]}_shapes": "[np.shape(p) for p in n.many]"}
        alone = len(self.save) == 1
        places |= {keys[k]: "s" if alone else f"s[{j}]" for j, k in enumerate(self.save)}
        arguments = [places[need] for need in op.needs[op.operands[i]]]
        inline = INLINE.get(op.rules[op.operands[i]].__code__.co_code)
        return inline.format(*arguments) if inline else f"rule{i}({', '.join(['g', *arguments])})"

    def unpacked(self, saved: Any) -> tuple:
        """What `pick` gave, as a tuple of as many arrays as `save` has numbers."""
        return (saved,) if len(self.save) == 1 else saved

    def only(self, parents: tuple, needed: set[Node]) -> Plan:
        """This plan, pulling gradients back only to those parents that are needed."""
        if self.op.variadic:
            return self
        tracked = ((i, p) for i, p in enumerate(parents) if type(p) is Node)
        wanted = sum((p in needed) << i for i, p in tracked)
        key = self.mask, wanted, "only"
        if key not in self.op.plans:
            self.op.plans[key] = Plan(self.op, self.mask, wanted)
        return self.op.plans[key]


class Op:
    """A differentiable operation: a NumPy function and its row of the derivative table.

    Args:
        forward: computes the result from arrays; its parameters after the operands are options.
        operands: their names, separated by spaces; `"*xs"` for one sequence of any length.
        name: how messages and pictures call it.
        rules: by operand, the rule for its gradient.
    """

    def __init__(self, forward: Callable, operands: str, name: str, rules: Mapping) -> None:
        self.forward, self.name, self.rules = forward, name, dict(rules)
        self.variadic = operands.startswith("*")
        self.operands = tuple(operands.removeprefix("*").split())
        self.__doc__, self.__name__ = documentation(forward, self.operands, rules), name
        ufunc = isinstance(forward, np.ufunc)
        parameters = {} if ufunc else parameters_of(forward)
        self.defaults = dict(list(parameters.items())[len(self.operands) :])
        self.needs = {key: tuple(parameters_of(rule))[1:] for key, rule in rules.items()}
        known = {*self.operands, *self.defaults, "out", f"{self.operands[0]}_shapes"}
        known |= {f"{operand}_shape" for operand in self.operands}
        unknown = [n for needs in self.needs.values() for n in needs if n not in known]
        if unknown or set(rules) - set(self.operands):
            spoken = unknown or [*rules]
            raise TypeError(f"{name}: a rule speaks of {spoken}, known: {sorted(known)}")
        self.plans: dict[Any, Plan] = {}
        OPS[name] = self

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join([*self.operands, *self.defaults])})>"

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__":  # loads `inspect`, which takes a third of the import's time
            from microgradnd.formulas import signature_of

            return signature_of(self.operands, self.defaults, REQUIRED)
        raise AttributeError(name)

    def __get__(self, tensor: Any, kind: Any) -> Any:
        """Makes an op a method where it is an attribute of Tensor."""
        return self if tensor is None else MethodType(self, tensor)

    def operand(self, i: int) -> str:
        """The name of operand i."""
        return f"{self.operands[0]}[{i}]" if self.variadic else self.operands[i]

    def plan(self, mask: int, exact: bool = False) -> Plan:
        if (mask, exact) not in self.plans:
            self.plans[mask, exact] = Plan(self, mask, exact=exact)
        return self.plans[mask, exact]

    def bind(self, args: tuple, options: dict) -> tuple[tuple, dict]:
        """Tells operands from options; `dim` and `keepdim` are taken for `axis` and `keepdims`."""
        operands = tuple(args[0]) if self.variadic else args[: len(self.operands)]
        given = dict(zip(self.defaults, args[len(self.operands) :]))
        for key, value in options.items():
            given[{"dim": "axis", "keepdim": "keepdims"}.get(key, key)] = value
        options = {**self.defaults, **given}
        missing = [key for key, value in options.items() if value is REQUIRED]
        surplus = options.keys() - self.defaults.keys()
        if surplus or missing or len(args) > len(self.operands) + len(self.defaults):
            raise TypeError(f"{self!r}: unknown options {sorted(surplus)}, missing {missing}")
        if not self.variadic and len(operands) < len(self.operands):
            raise TypeError(f"{self!r} takes {len(self.operands)} operands, got {len(operands)}")
        return operands, options

    def __call__(self, *args: Any, **options: Any) -> Tensor:
        operands, options = self.bind(args, options)
        values: list[Any] = []
        parents: list[Any] = []
        mask = 0
        for i, operand in enumerate(operands):
            if isinstance(operand, Tensor):
                values.append(operand._data)
                parents.append(operand.node or constant(operand))
                mask |= (operand.node is not None) << i
            else:
                values.append(as_operand(operand, self.name))
                parents.append(values[-1])
        out = self.run(values, operands, options)
        if not mask or not (mode := recording.get()) or out.dtype.kind != "f":
            return untracked(out)
        plan = self.plan(1 if self.variadic else mask)
        return record(plan, tuple(parents), plan.pick(values, out), out, mode, options)

    def run(
        self, values: Sequence, operands: tuple = (), options: dict[str, Any] = NO_OPTIONS
    ) -> Array:
        """The forward function on arrays; what NumPy complains of is said in the user's terms."""
        try:
            if self.variadic:
                out = self.forward(values, **options)
            else:
                out = self.forward(*values, **options)
        except Exception as error:
            names = (f"*{self.operands[0]}",) if self.variadic else self.operands
            given = operands or tuple(values)
            raise errors.explained(error, self.name, names, given, options) from None
        return out if type(out) is Array else np.asarray(out)


def op(forward: Callable, operands: str, *, name: str | None = None, **rules: Callable) -> Op:
    """Declares a differentiable operation: one row of a derivative table.

    >>> square = op(lambda x: x * x, "x", name="my_square", x=lambda g, x: 2.0 * x * g)
    >>> t = Tensor([1.0, 2.0], requires_grad=True)
    >>> square(t).sum().backward()
    >>> t.grad
    Tensor([2., 4.])
    """
    return Op(forward, operands, name or forward.__name__, rules)


def as_operand(value: Any, op_name: str) -> Any:
    """A constant as ufuncs take it: numbers stay as they are, so that float32 stays float32."""
    if isinstance(value, (Array, np.generic, int, float)):
        out = value
    elif isinstance(value, (list, tuple)):
        out = np.asarray(value)
    else:
        raise errors.not_an_operand(op_name, value)
    if isinstance(out, (Array, np.generic)) and out.dtype.kind not in "biuf":
        raise errors.not_an_operand(op_name, value)
    return out
