"""Words for what can go wrong: every message names the op, the operands and the cure."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from string import Formatter
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

E = TypeVar("E", bound=Exception)
_BROADCASTING = (
    "shapes are aligned from the right, and two sizes fit when they are equal or one of them is 1"
)

TAKEN = {  # by options of operations, what they take: words for what NumPy refused
    **dict.fromkeys(["axis", "axes"], "a whole number, a tuple of them, or None"),
    **dict.fromkeys(["axis1", "axis2", "decimals", "n", "m", "num"], "a whole number"),
    "shape": "whole numbers",
    "keepdims": "True or False",
}


class GraphError(RuntimeError):
    """A backward pass was asked of a graph that cannot give it: freed, stale or never recorded."""


class DetachWarning(UserWarning):
    """A number was taken out of the graph where NumPy or Python leaves no way to record it."""


class LoopWarning(UserWarning):
    """An operation was called for each sample of `func.vmap`, which costs the time of a loop."""


class AnomalyError(FloatingPointError):
    """A NaN that `microgradnd.detect_anomaly` met, with all that a picture of it needs.

    Attributes:
        node: the operation.
        operand: the index of the operand whose gradient is NaN; None if its result is.
        where: file and line of its call in the forward pass.
        seeds: the nodes and gradients that the backward pass started from; empty in a forward one.
    """

    def __init__(
        self,
        message: str,
        node: Any = None,
        operand: int | None = None,
        where: str = "",
        seeds: Sequence[tuple[Any, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.node, self.operand, self.where, self.seeds = node, operand, where, tuple(seeds)


def shown(value: Any) -> str:
    """A value as a message has it: short, on one line, whatever it is."""
    if isinstance(value, np.ndarray) or hasattr(value, "_array"):
        return f"{type(value).__name__} of shape {value.shape} and dtype {value.dtype}"
    text = reprlib.repr(value)
    return text if len(text) < 80 and "\n" not in text else f"a {type(value).__name__}"


def describe(operand: Any) -> str:
    """How a message calls an operand: its name if it has one, its shape and its dtype."""
    name = getattr(operand, "name", None)
    label = f"{name!r} " if isinstance(name, str) else ""
    if isinstance(operand, (bool, int, float, str, type(None))):
        return f"{type(operand).__name__} {reprlib.repr(operand)}"
    try:
        return f"{label}{np.shape(operand)} {getattr(operand, 'dtype', type(operand).__name__)}"
    except Exception:  # whatever an object answers that is no array
        return f"{label}{type(operand).__name__}"


def explain(
    error: Exception,
    op: str,
    names: Sequence[str],
    operands: Sequence[Any],
    options: dict,
    op_cure: str | None = None,
    kinds: Any = "biufc",
) -> None:
    """Adds to an exception, which goes on as it is: op, operands, options and the cure.

    What is no array of the numbers that the op takes is refused instead.
    """
    for name, x in zip(names, operands):
        if getattr(x, "dtype", np.dtype(bool)).kind not in kinds:
            raise not_an_operand(op, name, x) from error
        if isinstance(error, AttributeError) and isinstance(x, (int, float)):
            raise TypeError(f"{op}: {name} is one number, {shown(x)}; it needs axes") from error
    listed = [f"{name} = {describe(x)}" for name, x in zip(names, operands)]
    listed += [f"{key}={shown(value)}" for key, value in options.items()]
    wrong = [key for key, value in options.items() if key in TAKEN and not _whole(value)]
    cure = "; ".join(f"{key} takes {TAKEN[key]}" for key in wrong)
    cure = cure or op_cure or (_BROADCASTING if "broadcast" in str(error) else "")
    if isinstance(error, np.exceptions.AxisError) and not cure:
        which = names[0] if names else "an array"
        cure = f"the axes of {which} count from 0, or from -1 at the end"
    advice = f". Cure: {cure}." if cure else ""
    error.add_note(f"{op}: {', '.join(listed)}{advice}")


@contextmanager
def explained(
    op: str, operands: Mapping[str, Any], options: dict, cure: str | None = None
) -> Iterator[None]:
    """What is raised inside is explained as an operation's own errors are."""
    try:
        yield
    except Exception as error:
        explain(error, op, [*operands], [*operands.values()], options, cure)
        raise


def _whole(value: Any) -> bool:
    """Whether it is a whole number, several, or None."""
    several = value if isinstance(value, (tuple, list)) else [value]
    return all(x is None or isinstance(x, (int, np.integer)) for x in several)


def as_array(op: str, operand: str, value: Any) -> np.ndarray:
    """A number or nested list as an array, if it is one of numbers."""
    try:
        array = np.asarray(value)
    except _Lossy as error:
        error.add_note(f"{op}: {operand} holds tensors that require a gradient")
        raise
    except Exception as error:  # ragged lists, objects that refuse in whatever way
        raise not_an_operand(op, operand, value) from error
    if array.dtype.kind not in "biufc":
        raise not_an_operand(op, operand, value)
    return array


def a_tensor(function: str, argument: str, value: Any) -> Any:
    """The value, if it is a Tensor (or stands for one)."""
    if not hasattr(value, "node"):
        raise TypeError(
            f"{function}: {argument} must be a Tensor, or several, not {describe(value)}; "
            "gradients flow to tensors that were made with requires_grad=True"
        )
    return value


def not_real(op: str, dtype: np.dtype, given: Mapping[str, Any]) -> TypeError:
    listed = ", ".join(f"{name} = {shown(x)}" for name, x in given.items())
    return TypeError(
        f"{op}: cannot compute with an array of dtype {dtype}, which {listed} gave; give real "
        "numbers, for example array.astype(float), or .real, .imag, abs() of complex ones"
    )


def spread(op: str, got: tuple, wanted: tuple, options: Mapping[str, Any]) -> ValueError:
    """An option of an elementwise operation has made the result larger than the operand."""
    listed = ", ".join(f"{name} = {shown(x)}" for name, x in options.items())
    return ValueError(
        f"{op}: the operand has shape {wanted}, with {listed} the result would have shape {got}; "
        "give numbers, or arrays that broadcast to the operand's shape"
    )


def not_an_operand(op: str, operand: str, value: Any) -> TypeError:
    cure = "give a Tensor, a real NumPy array, a number or a nested list of numbers"
    if value is None:
        cure += " (a .grad is None until backward() has put one there)"
    return TypeError(
        f"{op}: cannot compute with a {type(value).__name__} ({shown(value)}) as {operand}; {cure}"
    )


class _Lossy(TypeError):
    """A gradient would be lost."""


def stale(op: Any, k: int, node: Any) -> GraphError:
    """A saved value was written to: operand k of an op, its result, or what its forward kept."""
    if k < len(op.operands):
        parent = node.parents[k]
        name = getattr(parent, "name", None)
        what = f"the value of {name!r}, its operand {op.operands[k]!r}," if name else (
            f"the value of its operand {op.operands[k]!r}, of shape {np.shape(parent)},"
        )  # fmt: skip
    else:
        what = "its result" + (f" {node.name!r}" if node.name else f", of shape {node.shape},")
    return GraphError(
        f"{op.name!r} saved {what} which was changed in place since; run backward before the "
        "update, write t = t + u in place of it, or run the forward pass again after it"
    )


def _message(kind: type[E], text: str) -> Callable[..., E]:
    """What makes an exception of a kind; the text's fields are given in their order."""
    fields = dict.fromkeys(name.split(".")[0] for _, name, _, _ in Formatter().parse(text) if name)
    return lambda *values: kind(text.format(**dict(zip(fields, values, strict=True))))


_type_error, _value_error = partial(_message, TypeError), partial(_message, ValueError)
_graph_error = partial(_message, GraphError)
no_tensors = _value_error(
    "{owner}: {name} is empty, so no tensor would receive a gradient; leave it out to reach "
    "all leaves, or name the tensors"
)
taken = _value_error(
    "op: the name {name!r} is taken by the operation of {module}; choose another with "
    "name=..., or replace=True to take its place"
)
bad_rule = _type_error("op {op!r}: a rule or trait speaks of {unknown}, known: {known}")
no_derivative = _type_error(
    "{op}: there is no derivative with respect to its operand {operand!r}, which requires a "
    "gradient; pass {operand}.detach() if it is meant as a constant"
)
needs_float = _type_error(
    "only floating-point and complex tensors can require a gradient, this one is {dtype}; "
    "make it one with Tensor(data, dtype=float, requires_grad=True)"
)
lossy = partial(_message, _Lossy)(
    "{what} would lose this tensor's gradient; use t.numpy() or t.detach() to leave the graph "
    "on purpose, np.stack to join tensors"
)
unsupported = _type_error(
    "{function} has no derivative rule for Tensors; compute on t.numpy() if no gradient is "
    "needed, or declare one with microgradnd.op"
)
in_place = _type_error(
    "{what} would overwrite values that the graph needs; write t = t + u instead of an "
    "in-place update, or update leaves inside `with microgradnd.no_grad():`"
)
whole_result = _type_error(
    "dtype={dtype} would lose this tensor's gradient; leave the graph first with t.detach()"
)
integer_target = _type_error(
    "{what} of a tensor of dtype {dtype} would lose the gradient of what is written; make it "
    "one of floats first with t.astype(float)"
)
freed = _graph_error(
    "this graph was already walked backward once, and what {op!r} had saved was freed; call "
    "the first backward with retain_graph=True, or run the forward pass again"
)
stale_option = _graph_error(
    "{op!r} needs its {option}, an array that was changed in place since; run backward before "
    "the change, or pass a copy"
)
untracked = _graph_error(
    "this tensor of shape {shape} does not depend on any tensor that requires a gradient; "
    "create the leaves with requires_grad=True and compute outside no_grad()"
)
gradient_shape = _value_error(
    "{op}: the rule for operand {operand!r} gave a gradient of shape {got}, "
    "the operand has shape {wanted}; mend the rule in the derivative table"
)
needs_gradient = _graph_error(
    "backward() without a gradient needs a scalar that is real, this tensor has shape {shape} "
    "and dtype {dtype}; reduce it first, e.g. t.abs().sum().backward(), or pass "
    "backward(gradient) of that shape"
)
wrong_gradient = _value_error(
    "{owner}: the gradient given has shape {got}, the tensor has shape {wanted}"
)
imaginary = _type_error(
    "Tensor: data is complex, {dtype} would lose its imaginary part; take .real, .imag or abs(data)"
)
wrong_data = _value_error("Tensor.data has shape {wanted}, what is assigned {got}")
unused = _graph_error(
    "grad: input {i}, {tensor}, is not part of the graph of the outputs; "
    "pass allow_unused=True to get None for it"
)

# What is called otherwise here, or not to be had, by the name that users of PyTorch or NumPy know.
INSTEAD = {
    "FloatTensor": "use Tensor(data, dtype='float32')",
    "autograd": "use mg.grad, t.backward()",
    "backward": "use t.backward()",
    "cpu": "all tensors are in the memory of the CPU",
    "cuda": "microgradnd computes on the CPU alone",
    "device": "microgradnd computes on the CPU alone",
    "from_numpy": "use Tensor(array)",
    "hessian": "use mg.grad of mg.grad(..., create_graph=True)",
    "load": "use mg.io.load",
    "save": "use mg.io.save",
    "no_grad_": "use mg.no_grad()",
    "array": "use mg.tensor(data)",
    "asarray": "use mg.Tensor(data)",
    "is_tensor": "use isinstance(x, mg.Tensor)",
    "is_floating_point": "use t.is_floating_point()",
    "is_complex": "use t.is_complex()",
    "numel": "use t.size",
    "Generator": "use numpy.random.default_rng(seed), for rng=; or mg.manual_seed",
    "seed": "use mg.manual_seed",
    "set_printoptions": "use numpy.set_printoptions",
    "inference_mode": "use mg.no_grad()",
    "randperm": "use mg.permutation",
    "multinomial": "use mg.choice",
    "jit": "use viz.numpy_program, which writes the NumPy program of a graph",
    "compile": "use viz.numpy_program, which writes the NumPy program of a graph",
    "special": "its functions are mg.erf, mg.lgamma, mg.digamma, mg.i0, ...",
    "degrees": "use mg.rad2deg",
    "radians": "use mg.deg2rad",
    "around": "use mg.round",
    "mod": "use mg.remainder",
    "dropout": "use mg.nn.functional.dropout",
    **dict.fromkeys(["vmap", "checkpoint", "stop_gradient", "jvp", "vjp"], "use mg.func"),
    **dict.fromkeys(["finfo", "iinfo", "result_type", "can_cast"], "use NumPy's"),
}
_WRITE = "use t[...] = value, for a leaf under mg.no_grad()"
_NEW = "use mg.zeros, ones, full, empty or tensor, with dtype=t.dtype"
INSTEAD_OF_METHODS = {
    "nelement": "use t.size",
    "ndimension": "use t.ndim",
    "type": "use t.dtype, t.astype(dtype)",
    "element_size": "use t.itemsize",
    "equal": "use t.array_equal(u), or t == u by elements",
    "grad_fn": "use microgradnd.graph, or viz.draw(t)",
    "detach_": "use t = t.detach()",
    "sum_to_size": "use t.sum(axis=..., keepdims=True)",
    "searchsorted": "use mg.searchsorted(sorted, t)",
    "bernoulli": "use mg.bernoulli(t)",
    "copy": "use t.clone(), or t.data.copy()",
    "retains_grad": "use t.retain_grad()",
    **dict.fromkeys(["copy_", "fill_", "zero_", "fill", "put"], _WRITE),
    **dict.fromkeys(["uniform_", "normal_"], "use mg.nn.init"),
    **dict.fromkeys(["new_zeros", "new_ones", "new_full", "new_empty", "new_tensor"], _NEW),
    **dict.fromkeys(
        ["strides", "flags", "flat", "base", "ctypes", "tobytes", "tofile", "resize", "storage",
         "is_contiguous"], "use t.numpy(), the array"),
}  # fmt: skip


def public_names(
    module: str, names: Sequence[str], instead: Mapping[str, str] = MappingProxyType({})
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a module: what is public, and help for what is not there."""

    def missing(name: str) -> Any:
        raise missing_name(f"module {module!r}", name, lambda: names, instead)

    return missing, lambda: sorted(names)


class MissingName(AttributeError):
    """A name that is not there. What is called much like it is looked for when it is shown."""

    def __init__(self, text: str, name: str, known: Callable[[], Sequence[str]]) -> None:
        super().__init__(text, name=name)
        self.known = known

    def __str__(self) -> str:
        from difflib import get_close_matches  # loads slowly

        known, name = self.known(), str(self.name)
        alike = [n for n in known if n.lower() == name.lower()] or get_close_matches(name, known)
        return super().__str__() + (f"; did you mean {' or '.join(alike)}?" if alike else "")


def missing_name(
    owner: str, name: str, known: Callable[[], Sequence[str]], instead: Mapping[str, str] = INSTEAD
) -> AttributeError:
    """Of a name that a module or class has not: what takes its place, or is called much like it."""
    text = f"{owner} has no attribute {name!r}"
    if name in instead:
        return AttributeError(f"{text}; {instead[name]}", name=name)
    return MissingName(text, name, known)
