"""Looking at the gradients of a module's call: hooks on all its inputs and outputs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from microgradnd.engine import Tensor
from microgradnd.functions import concatenate

# Given the gradients of several tensors; what it returns, if not None, takes their place.
_Seen = Callable[[list[Tensor]], Sequence[Any] | None]


class Call:
    """One call of a module whose backward hooks are to be called.

    Several tensors are led through one node, whose gradient is that of them all.
    """

    def __init__(self, module: Any, before: Any, after: Any) -> None:
        self.module, self.before, self.after = module, before, after
        self.places: list[int] = []  # of the arguments that have a gradient
        self.count = 0  # of arguments
        self.grad_output: tuple[Any, ...] = ()

    def entered(self, args: tuple) -> tuple:
        """The arguments, watched."""
        self.count, self.places = len(args), _tracked(args)
        return _watched(args, self.places, self._inputs_seen)

    def left(self, out: Any) -> Any:
        """The result, watched: a Tensor, or a tuple or list with Tensors in it."""
        parts = out if isinstance(out, (tuple, list)) else (out,)
        self.outputs, places = len(parts), _tracked(parts)
        parts = _watched(parts, places, lambda grads: self._outputs_seen(places, grads))
        if not isinstance(out, (tuple, list)):
            return parts[0]
        named = hasattr(out, "_fields")
        return type(out)(*parts) if named else type(out)(parts)

    def _outputs_seen(self, places: list[int], grads: list[Tensor]) -> list[Any]:
        given = tuple(_placed(grads, places, self.outputs))
        for hook in list(self.before.values()):
            changed = hook(self.module, given)
            given = given if changed is None else _as_tuple(self.module, changed, self.outputs)
        self.grad_output = given
        if not self.places:
            self._inputs_seen([])
        return [given[i] for i in places]

    def _inputs_seen(self, grads: list[Tensor]) -> list[Any]:
        given = tuple(_placed(grads, self.places, self.count))
        for hook in list(self.after.values()):
            changed = hook(self.module, given, self.grad_output)
            given = given if changed is None else _as_tuple(self.module, changed, self.count)
        return [given[i] for i in self.places]


def _tracked(values: Sequence[Any]) -> list[int]:
    return [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.node is not None]


def _placed(grads: list[Tensor], places: list[int], count: int) -> list[Any]:
    out: list[Any] = [None] * count
    for i, g in zip(places, grads):
        out[i] = g
    return out


def _as_tuple(module: Any, changed: Any, count: int) -> tuple:
    found = changed if isinstance(changed, tuple) else (changed,)
    if len(found) != count:
        raise ValueError(
            f"{type(module).__name__}: a backward hook returned {len(found)} gradients, needed "
            f"{count}"
        )
    return found


def _watched(values: Sequence[Any], places: list[int], seen: _Seen) -> tuple:
    """The values, those at some places led through one node that shows its gradient."""
    out = list(values)
    tensors = [values[i] for i in places]
    if not tensors:
        return tuple(out)
    if len(tensors) == 1:
        joined, parts = _single(tensors[0], seen)
    else:
        joined, parts = _several(tensors, seen)
    if joined.node is None:  # nothing is recorded
        return tuple(values)
    for i, part in zip(places, parts):
        out[i] = part
    return tuple(out)


def _single(t: Tensor, seen: _Seen) -> tuple[Tensor, list[Tensor]]:
    same = t.reshape(t.shape)
    if same.node is not None:
        same.register_hook(lambda g: (seen([g]) or [None])[0])
    return same, [same]


def _several(tensors: list[Tensor], seen: _Seen) -> tuple[Tensor, list[Tensor]]:
    dtype = np.result_type(*[t.dtype for t in tensors])
    joined = concatenate([t.reshape(-1).astype(dtype) for t in tensors])
    ends = np.cumsum([t.size for t in tensors]).tolist()
    pieces = [slice(end - t.size, end) for end, t in zip(ends, tensors)]

    def parts(flat: Tensor) -> list[Tensor]:
        return [flat[i].reshape(t.shape).astype(t.dtype) for i, t in zip(pieces, tensors)]

    def hook(g: Tensor) -> Tensor | None:
        changed = seen(parts(g))
        if changed is None:
            return None
        given = [np.zeros(t.shape) if c is None else c for c, t in zip(changed, tensors)]
        return concatenate([Tensor(c).reshape(-1) if not isinstance(c, Tensor) else c.reshape(-1)
                            for c in given])  # fmt: skip

    if joined.node is not None:
        joined.register_hook(hook)
    return joined, parts(joined)
