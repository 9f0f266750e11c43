"""Switches: whether operations are recorded, and the dtype of new tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ContextDecorator, contextmanager
from contextvars import ContextVar, Token
from typing import Any

import numpy as np

from microgradnd.engine import default_dtype, recording, watcher
from microgradnd.node import Array, Node

# What recording means when it is on: True, or the function of an anomaly mode around it.
recorder: ContextVar[bool | Callable] = ContextVar("recorder", default=True)


@contextmanager
def observed(after_forward: Callable | None, watch: Callable) -> Iterator[None]:
    """Watches what is computed inside, and each walk backward.

    Args:
        after_forward: called with each new node and its result, an array.
        watch: called with the seeds of each walk, gives an observer as `engine.walk` takes it,
            or None to let a walk pass.
    """
    outer, around = recorder.get(), watcher.get()

    def record_both(node: Node, out: Array) -> None:
        outer(node, out)  # type: ignore[operator]
        after_forward(node, out)  # type: ignore[misc]

    def watch_both(seeds: Sequence) -> Callable:
        both = around(seeds), watch(seeds)  # type: ignore[misc]
        observers = [observer for observer in both if observer is not None]
        return lambda *seen: [observer(*seen) for observer in observers]

    contexts: dict[ContextVar[Any], Any] = {watcher: watch if around is None else watch_both}
    if after_forward is not None:
        contexts[recorder] = record_both if callable(outer) else after_forward
        contexts[recording] = recording.get() and contexts[recorder]  # inside no_grad it stays off
    tokens = [(context, context.set(value)) for context, value in contexts.items()]
    try:
        yield
    finally:
        for context, token in tokens:
            context.reset(token)


class set_grad_enabled(ContextDecorator):
    """Records operations or not, in a `with` block or a decorated function.

    The mode belongs to the thread (or task) that sets it.

    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)
        self.tokens: list[Token] = []

    def _recreate_cm(self) -> set_grad_enabled:
        return set_grad_enabled(self.mode)  # a decorated function may run in several threads

    def __enter__(self) -> set_grad_enabled:
        self.tokens.append(recording.set(recorder.get() if self.mode else False))
        return self

    def __exit__(self, *exc: object) -> None:
        recording.reset(self.tokens.pop())


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
    return recording.get() is not False


def set_default_dtype(dtype: Any) -> None:
    """The dtype of tensors made from Python floats (float64 at first, as in NumPy) and of layers.

    >>> set_default_dtype("float32")
    >>> from microgradnd import Tensor
    >>> Tensor([1.0]).dtype
    dtype('float32')
    >>> set_default_dtype("float64")
    """
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"the default dtype must be a floating-point one, not {dtype}")
    default_dtype[0] = dtype


def get_default_dtype() -> np.dtype:
    """The dtype of tensors made from Python floats and of layers."""
    return default_dtype[0]
