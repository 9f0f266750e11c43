"""Memory for time: what a part of a network computes is not kept, but computed again backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd import errors
from microgradnd.declaration import Op, caller_of
from microgradnd.engine import Tensor, node_of, tracked, walk
from microgradnd.grad_mode import enable_grad, recording
from microgradnd.node import Node, next_seq
from microgradnd.random import generator
from microgradnd.transforms.batching import Batch


def checkpoint(function: Callable[..., Tensor], *args: Any, **options: Any) -> Tensor:
    """function(*args), whose intermediate values are not kept for the walk backward.

    They are computed again when it comes by, from the same arguments and random numbers (of the
    library's own generator). All that the function depends on gets its gradient, what it closes
    over too. Worth its time (one more forward pass) around the blocks of a deep network.

    Returns:
        The function's result, which must be one tensor.

    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: (x * x).exp(), w).sum().backward()
    >>> np.allclose(w.grad.data, 2 * w.data * np.exp(w.data**2))
    True
    """
    if not callable(function):
        raise TypeError(f"checkpoint: a function is needed, not {errors.describe(function)}")
    start, random = next_seq(), generator().bit_generator
    state = random.state
    out = function(*args, **options)
    if isinstance(out, Batch):
        return out  # of samples that it is mapped over, all is kept
    if not isinstance(out, Tensor):
        raise TypeError(
            f"checkpoint: the function must return a Tensor, not {errors.describe(out)}"
        )
    inputs = _older([out.node], start) if out.node is not None and recording.get() else []
    if not inputs or out.node in inputs:
        return out

    def again() -> Tensor:
        """The result, from the function run once more."""
        before, random.state = random.state, state
        try:
            with enable_grad():
                return function(*args, **options)
        finally:
            random.state = before

    gradients = _Gradients(again, inputs)
    names = tuple(f"x{i}" for i in range(len(inputs)))
    rules = {name: gradients.rule(i) for i, name in enumerate(names)}
    row = Op(lambda *_: out.data, "checkpoint", (names, False, set(), {}, ()), rules,
             {"whole": True})  # fmt: skip
    made = caller_of(row)(*[tracked(np.zeros(n.shape, n.dtype), n) for n in inputs])
    out.node = None  # the row's forward function holds `out`, which no longer holds the first run
    return made


class _Gradients:
    """The gradients of all inputs from one run, for rules that ask for one of them each."""

    def __init__(self, again: Callable[[], Tensor], inputs: list[Node]) -> None:
        self.again, self.inputs = again, inputs
        self.given: Any = None  # the rules of one node are called in turn with one gradient
        self.found: list[Any] = []

    def of(self, g: Any) -> list[Any]:
        since = next_seq()
        replayed, create = self.again(), isinstance(g, Tensor)
        targets = dict.fromkeys(self.inputs)
        found = walk([(node_of(replayed), g)], targets, create, create, since=since)
        return [found[n] if n in found else np.zeros(n.shape, n.dtype) for n in self.inputs]

    def rule(self, i: int) -> Callable[[Any], Any]:
        def gradient(g: Any) -> Any:
            if self.given is not g or self.found[i] is None:
                self.given, self.found = g, self.of(g)
            x, self.found[i] = self.found[i], None
            if all(other is None for other in self.found):
                self.given = None
            return x if isinstance(g, Tensor) else getattr(x, "_array", x)

        return gradient


def _older(nodes: list[Any], clock: int) -> list[Node]:
    """The nodes made before a time from which some were computed."""
    found: dict[Node, None] = {}
    seen = set(nodes)
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node.seq < clock:
            found[node] = None
            continue
        for p in node.parents:
            if type(p) is Node and p not in seen:
                seen.add(p)
                stack.append(p)
    return list(found)
