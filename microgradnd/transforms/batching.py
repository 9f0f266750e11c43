"""Values with a hidden batch axis: what a function that is mapped over samples computes with.

A `Batch` stands for one sample, and holds all of them: an operation called with a Batch computes
all samples in one call of itself on what they hold. How, its traits say: an elementwise operation
broadcasts, an `axis` moves by one, and what neither covers has a trait `batch` of its own. Only
what has none of these is called sample by sample, which is counted in `looped`. What is computed
so is recorded as usual, so gradients flow. Maps in maps are Batches that hold Batches.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.declaration import NUMPY, Op
from microgradnd.engine import Tensor, as_tensor, constant
from microgradnd.methods import Methods
from microgradnd.node import Array
from microgradnd.numpy_protocol import PLAIN, array_function, array_ufunc
from microgradnd.ops.batches import Each, aligned, repeated, repeated_all
from microgradnd.ops.shape import broadcast_to, reshape, stack, transpose
from microgradnd.transforms.containers import mapped

looped: Counter[str] = Counter()  # the operations that were called sample by sample, how often
AXES = ("axis", "axis1", "axis2")  # the options that name axes of a sample
# Functions of NumPy that ask for shapes and dtypes alone.
ABOUT = frozenset({
    np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like, np.full_like,
    np.result_type, np.einsum_path,
})  # fmt: skip


class Unbatchable(TypeError, AttributeError):
    """A function that is mapped over samples asks for what differs from sample to sample."""


class Frame:
    """One run of a mapped function: how many samples it has, and how deep in others it is."""

    def __init__(self, size: int, level: int, randomness: str) -> None:
        self.size, self.level, self.randomness, self.active = size, level, randomness, True


Frames = tuple[Frame, ...]
frames: ContextVar[Frames] = ContextVar("frames", default=())  # those running, outermost first


class Batch(Methods):
    """A tensor of one sample, for all samples at once.

    Attributes:
        value: all samples, along its first axis: a Tensor, or the Batch of an outer map.
        frame: the run of the mapped function to which the samples belong.
        shape, ndim, size, dtype: of one sample.
    """

    __slots__ = ("frame", "value")
    frame: Frame
    value: Any

    def __init__(self, value: Any, frame: Frame) -> None:
        self.value, self.frame = value, frame

    @staticmethod
    def __row__(op: Op, operands: Sequence[Any], options: Sequence[Any]) -> Any:
        """Called by an operation that was given a Batch."""
        return called(op, operands, options)

    __option__ = __row__  # or, in one of its options

    @staticmethod
    def __samples__(function: Callable, rule: Any, given: dict[str, Any]) -> Any:
        """Called by a function composed of operations that has a rule for all samples."""
        return _at_once(function, rule, given)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if options.get("out") is not None:
            raise _differs("a write into an array")
        return array_ufunc(self, ufunc, method, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function in ABOUT:
            return function(*_stand_ins(args), **_stand_ins(options))
        if function in PLAIN and function not in NUMPY:
            raise _differs(f"numpy.{function.__name__}")
        return array_function(self, function, types, args, options)

    shape = property(lambda self: self.value.shape[1:])
    ndim = property(lambda self: self.value.ndim - 1)
    size = property(lambda self: int(np.prod(self.shape)))
    dtype = property(lambda self: self.value.dtype)
    node = property(lambda self: self.value.node)
    requires_grad = property(lambda self: self.value.requires_grad)
    is_leaf = property(lambda self: self.value.is_leaf)
    data = property(lambda self: self.detach(), doc="The same as a constant.")
    device = property(lambda self: "cpu")
    # The array of all samples, for checks of values: what is wrong in one sample, is wrong.
    every_sample = property(lambda self: under(self).data)
    __hash__ = object.__hash__

    @property
    def name(self) -> str | None:
        return self.value.name

    @name.setter
    def name(self, name: str | None) -> None:
        self.value.name = name

    def named(self, name: str) -> Any:
        self.name = name
        return self

    def detach(self) -> Any:
        return Batch(self.value.detach(), self.frame)

    def astype(self, dtype: Any, **how: Any) -> Any:
        return Batch(self.value.astype(dtype), self.frame)

    def __setitem__(self, index: Any, value: Any) -> None:
        from microgradnd.ops.indexing import setitem

        self.value = setitem(self, value, index).value

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Batch({self.frame.size} samples of shape {self.shape}, {self.value!r})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise _differs("the array itself, or a write into one,")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise Unbatchable(f"vmap: {name} is asked of a tensor that is mapped over samples")
        raise _differs(f".{name}")

    def _refused(self, *args: Any) -> Any:
        raise _differs("a number or a truth, as `if` and float() need,")

    __bool__ = __float__ = __int__ = __index__ = __complex__ = _refused


def _differs(what: str) -> Unbatchable:
    return Unbatchable(
        f"vmap: {what} is asked of a tensor that is mapped over samples, for each of which it "
        "would be another one; use operations (where, comparisons, indices), or pass in_axes=None"
    )


def _stand_ins(x: Any) -> Any:
    """Arguments with arrays of a sample's shape and dtype in the place of Batches."""
    if isinstance(x, Batch):
        return np.broadcast_to(np.zeros((), x.dtype), x.shape)
    if isinstance(x, (tuple, list)):
        return type(x)(map(_stand_ins, x))
    return {k: _stand_ins(y) for k, y in x.items()} if isinstance(x, dict) else x


# --- Batches taken apart and put together --------------------------------------------------------
def under(x: Any) -> Tensor:
    """The Tensor below a Batch; its first axes are those of the frames, outermost first."""
    while isinstance(x, Batch):
        x = x.value
    return as_tensor(x)


def frames_of(x: Any) -> Frames:
    """The frames of a Batch and of those below it, outermost first."""
    found: list[Frame] = []
    while isinstance(x, Batch):
        found.insert(0, x.frame)
        x = x.value
    return tuple(found)


def wrapped(x: Any, over: Frames) -> Any:
    """A Tensor, whose first axes are those of some frames, as a Batch of them."""
    for frame in over:
        x = Batch(x, frame)
    return x


def lifted(x: Any, over: Frames) -> Any:
    """A tensor as a Batch of all of some frames: repeated for those that it does not know."""
    if not over:
        return as_tensor(x)
    *outer, frame = over
    if isinstance(x, Batch) and x.frame is frame:
        return Batch(lifted(x.value, tuple(outer)), frame)
    y = lifted(x, tuple(outer))
    return Batch(broadcast_to(y, (frame.size, *y.shape)), frame)


def regrouped(x: Any, inner: Frames, outer: Frames) -> Any:
    """A Batch of inner and outer frames, as one of inner frames over a Tensor of all else.

    It is how a gradient walks through a graph that was made before the inner frames began: to its
    nodes the axes of the outer frames are like any others.
    """
    t = under(lifted(x, outer + inner))
    n, k = len(outer), len(inner)
    return wrapped(transpose(t, (*range(n, n + k), *range(n), *range(n + k, t.ndim))), inner)


def grouped(x: Any, inner: Frames, outer: Frames) -> Any:
    """The way back from `regrouped`."""
    t = under(lifted(x, inner))
    n, k = len(outer), len(inner)
    return wrapped(
        transpose(t, (*range(k, n + k), *range(k), *range(n + k, t.ndim))), outer + inner
    )


def bare(x: Any) -> Any:
    """A tensor, or a Batch, as a constant."""
    return wrapped(constant(under(x).data), frames_of(x))


# --- Operations called with Batches --------------------------------------------------------------
def _found(x: Any, frame: Frame | None = None) -> Frame | None:
    """The innermost frame of the Batches in operands, options and containers."""
    if isinstance(x, Batch):
        return x.frame if frame is None or x.frame.level > frame.level else frame
    if isinstance(x, (tuple, list)):
        for y in x:
            frame = _found(y, frame)
    return frame


def _at(x: Any, frame: Frame, i: int) -> Any:
    """An operand or option with sample i in the place of Batches."""
    if isinstance(x, Batch) and x.frame is frame:
        return x.value[i]
    if isinstance(x, (tuple, list)) and _found(x) is not None:
        return type(x)(_at(y, frame, i) for y in x)
    return x


def _call(op: Op, values: Sequence[Any], options: Mapping[str, Any]) -> Any:
    return op.passed_to(op.function, list(values), tuple(options.values()))


def called(op: Op, operands: Sequence[Any], options: Sequence[Any]) -> Any:
    """An operation's result for all samples."""
    flat = list(operands[0] if op.variadic else operands)
    given = dict(zip(op.options, options))
    frame = _found([*flat, *options])
    assert frame is not None
    if not frame.active:
        raise Unbatchable(
            f"{op.name}: a tensor that was mapped over samples is used after vmap has returned; "
            "return it from the mapped function"
        )
    if op.scratch:  # it may write into an operand only where all of them are arrays
        given[op.scratch] = False
    if op.composed is not None:
        return op.composed(*flat, *given.values())
    many = [isinstance(x, Batch) and x.frame is frame for x in flat]
    values = [x.value if m else x for x, m in zip(flat, many)]
    try:
        out = _computed(op, values, many, given, frame)
    except Unbatchable:
        raise
    except Exception as error:
        _explain(op, flat, given, frame)
        error.add_note(f"vmap: in {op.name}, for {frame.size} samples at once")
        raise
    return Batch(as_tensor(out), frame)


def _explain(op: Op, flat: list[Any], options: Mapping[str, Any], frame: Frame) -> None:
    """Calls the operation for one sample, which raises what is wrong in its own words."""
    if frame.size:
        one = {k: _at(x, frame, 0) for k, x in options.items()}
        _call(op, [_at(x, frame, 0) for x in flat], one)


def _computed(
    op: Op, values: list[Any], mapped: list[bool], options: dict[str, Any], frame: Frame
) -> Any:
    n = frame.size
    held = [k for k, x in options.items() if _found(x) is frame]
    if held:
        if op.batch_index in held:
            opened = {k: _opened(x, frame) if k in held else x for k, x in options.items()}
            return op.batch(values, mapped, n, opened)
        return _looped(op, values, mapped, options, frame)
    if callable(op.batch):
        return op.batch(values, mapped, n, options)
    if op.elementwise:
        ndim = max(np.ndim(x) - m for x, m in zip(values, mapped))
        ndim = max([ndim, *(x.ndim for x in options.values() if isinstance(x, Array))])
        return _call(op, [aligned(x, ndim) if m else x for x, m in zip(values, mapped)], options)
    if op.batch == "leading":
        return _call(op, repeated_all(values, mapped, n), options)
    if any(k in op.options for k in AXES):
        return _along(op, repeated_all(values, mapped, n), options)
    return _looped(op, values, mapped, options, frame)


def _at_once(function: Callable, rule: Any, given: dict[str, Any]) -> Any:
    """A composed function's result for all samples; its operands get one axis for all frames."""
    known = {frame for x in given.values() for frame in frames_of(x)}
    over = tuple(sorted(known, key=lambda frame: frame.level))
    lead = tuple(frame.size for frame in over)
    operands = {k: under(lifted(x, over)) for k, x in given.items() if isinstance(x, Methods)}
    ndim = next(iter(operands.values())).ndim - len(lead)
    single = rule == "axis" and not ndim  # a number has an axis of length 1
    flat = single or (rule == "axis" and given["axis"] is None)
    for k, x in operands.items():
        own = x.shape[len(lead) :]
        operands[k] = reshape(x, (int(np.prod(lead)), *((int(np.prod(own)),) if flat else own)))
    given = given | operands
    if rule == "axis":
        axis, ndim = given["axis"] or 0, 1 if flat else ndim
        given["axis"] = 1 + np.lib.array_utils.normalize_axis_index(axis, ndim)
    outs = (rule if callable(rule) else function)(**given)
    return mapped(lambda t: wrapped(reshape(t, lead + t.shape[1 + single :]), over), outs)


def _opened(x: Any, frame: Frame) -> Any:
    if isinstance(x, Batch) and x.frame is frame:
        return Each(x.value)
    return tuple(_opened(y, frame) for y in x) if isinstance(x, tuple) else x


def _along(op: Op, values: list[Any], options: dict[str, Any]) -> Any:
    """With the axes of a sample, which the batch's comes before; None is all, or the flat one."""
    x = values[0]
    ndim = x.ndim - 1
    chosen, result = dict(options), None
    if op.batch == "flat" and (options["axis"] is None or not ndim):
        values = [reshape(v, (len(v), int(np.prod(v.shape[1:])))) for v in values]
        chosen["axis"] = 1
        result = (len(x), *(1,) * ndim) if options.get("keepdims") else None
    else:
        for key in AXES:
            if key in options:
                chosen[key] = _shifted(options[key], ndim, op)
    out = _call(op, values, chosen)
    return out if result is None else reshape(out, result)


def _shifted(axis: Any, ndim: int, op: Op) -> Any:
    if axis is None:
        return tuple(range(1, ndim + 1))
    several = isinstance(axis, (tuple, list))
    given = tuple(axis) if several else (axis,)
    if not ndim and "keepdims" in op.options and set(given) <= {0, -1}:
        return ()  # NumPy reduces a number along an axis, too
    ndim += len(given) if op.batch == "new axes" else 0
    if any(not -ndim <= a < ndim for a in given):
        raise np.exceptions.AxisError(next(a for a in given if not -ndim <= a < ndim), ndim)
    shifted = tuple(a % ndim + 1 for a in given)
    return shifted if several else shifted[0]


def _looped(
    op: Op, values: list[Any], mapped: list[bool], options: dict[str, Any], frame: Frame
) -> Any:
    """Called for each sample, which is counted; what comes out is stacked."""
    if not looped[op.name]:
        warnings.warn(
            f"vmap: {op.name} is called for each of {frame.size} samples, one after the other; no "
            "trait of it says how to compute all at once",
            errors.LoopWarning,
            stacklevel=3,
        )
    looped[op.name] += 1
    batches = [Batch(x, frame) if m else x for x, m in zip(values, mapped)]
    if not frame.size:
        ones = [np.ones(x.shape[1:], x.dtype) if m else x for x, m in zip(values, mapped)]
        like = as_tensor(_call(op, [as_tensor(x) for x in ones], options))
        return Tensor(np.zeros((0, *like.shape), like.dtype))
    return stack([
        as_tensor(_call(op, [_at(x, frame, i) for x in batches],
                        {k: _at(x, frame, i) for k, x in options.items()}))
        for i in range(frame.size)
    ])  # fmt: skip


__all__ = ["Batch", "Frame", "Unbatchable", "bare", "frames", "frames_of", "grouped", "lifted",
           "looped", "regrouped", "repeated", "under", "wrapped"]  # fmt: skip
