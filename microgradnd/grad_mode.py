"""Switches: whether operations are recorded, who observes them, the dtype of new tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from functools import partial, wraps
from types import CoroutineType, GeneratorType
from typing import Any, NamedTuple, TypeVar

import numpy as np

from microgradnd.arguments import FLAG, FLOATS, require
from microgradnd.node import Array, Node

F = TypeVar("F", bound=Callable[..., Any])
Walked = Callable[[Node, int | None, Any], None]

GENERATOR, COROUTINE = 0x20, 0x80  # inspect's flags of code objects; inspect itself loads slowly

# Whether operations are recorded: a context variable, so threads and tasks have their own.
recording: ContextVar[bool] = ContextVar("recording", default=True)
default_dtype = [np.dtype(np.float64)]  # one cell, so that set_default_dtype reaches everyone


class Observer(NamedTuple):
    """Who looks on: at each operation as it is recorded, and at each walk backward."""

    recorded: Callable[[Node, Array], None] | None  # called with a new node and its result
    walk: Callable[[Sequence], Walked | None]  # called with a walk's seeds, gives its observer


# All observers of the process: while it is empty, recording asks no further.
observers: list[Observer] = []
_here: ContextVar[tuple[Observer, ...]] = ContextVar("observers", default=())


@contextmanager
def observed(recorded: Callable | None, walk: Callable) -> Iterator[None]:
    """Looks on at what is recorded inside, in this thread or task, and at each walk backward.

    Args:
        recorded: called with each new node and its result, an array.
        walk: called with the seeds of each walk, gives an observer as `engine.walk` takes it,
            or None to let a walk pass.
    """
    observer = Observer(recorded, walk)
    token = _here.set((*_here.get(), observer))
    observers.append(observer)
    try:
        yield
    finally:
        _here.reset(token)
        del observers[next(i for i, other in enumerate(observers) if other is observer)]


def notify(node: Node, out: Array) -> None:
    """Tells the observers of this thread or task of a node that was recorded."""
    for observer in _here.get():
        if observer.recorded is not None:
            observer.recorded(node, out)


def walk_observer(seeds: Sequence) -> Walked | None:
    """The observers of this thread or task as one, for a walk from these seeds; None if none."""
    watching = [w for observer in _here.get() if (w := observer.walk(seeds)) is not None]
    if len(watching) <= 1:
        return watching[0] if watching else None

    def all_of_them(node: Node, i: int | None, x: Any) -> None:
        for watch in watching:
            watch(node, i, x)

    return all_of_them


class set_grad_enabled:
    """Records operations or not, in a `with` block or a decorated function or generator.

    The mode belongs to the thread (or task) that sets it.

    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        require("set_grad_enabled", "mode", mode, FLAG)
        self.mode = bool(mode)
        self._tokens: list[Token] = []

    def __enter__(self) -> set_grad_enabled:
        self._tokens.append(recording.set(self.mode))
        return self

    def __exit__(self, *exc: object) -> None:
        recording.reset(self._tokens.pop())

    def __call__(self, function: F) -> F:
        """Decorates a function; a generator or coroutine runs in the mode at each step."""
        mode = self.mode
        flags = getattr(getattr(function, "__code__", None), "co_flags", 0)

        @wraps(function)
        def inside(*args: Any, **options: Any) -> Any:
            if flags & GENERATOR:
                return _steps(function(*args, **options), mode)
            if flags & COROUTINE:
                return _awaited(function(*args, **options), mode)
            with set_grad_enabled(mode):
                return function(*args, **options)

        return inside  # type: ignore[return-value]


def _steps(generator: GeneratorType, mode: bool) -> Iterator[Any]:
    """A generator that runs in the mode, and gives the mode back whenever it yields."""
    step: Callable[[], Any] = generator.__next__
    while True:
        try:
            with set_grad_enabled(mode):
                value = step()
        except StopIteration as end:
            return end.value
        try:
            sent = yield value
            step = partial(generator.send, sent)
        except GeneratorExit:
            generator.close()
            raise
        except BaseException as error:
            step = partial(generator.throw, error)


async def _awaited(coroutine: CoroutineType, mode: bool) -> Any:
    with set_grad_enabled(mode):
        return await coroutine


class no_grad(set_grad_enabled):
    """Nothing inside is recorded: for evaluation, and for updating leaves in place.

    >>> from microgradnd import Tensor
    >>> w = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     w -= 0.5
    >>> w
    Tensor([0.5], requires_grad=True)
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(set_grad_enabled):
    """What is inside is recorded, also within a `no_grad` block."""

    def __init__(self) -> None:
        super().__init__(True)


def is_grad_enabled() -> bool:
    """Whether operations are being recorded in this thread."""
    return recording.get()


def set_default_dtype(dtype: Any) -> None:
    """The dtype of tensors made from Python floats (float64 at first, as in NumPy) and of layers.

    >>> set_default_dtype("float32")
    >>> from microgradnd import Tensor
    >>> Tensor([1.0]).dtype
    dtype('float32')
    >>> set_default_dtype("float64")
    """
    require("set_default_dtype", "dtype", dtype, FLOATS)
    default_dtype[0] = np.dtype(dtype)


def get_default_dtype() -> np.dtype:
    """The dtype of tensors made from Python floats and of layers."""
    return default_dtype[0]
