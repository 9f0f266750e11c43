"""Callers for the ops that make up long scalar and elementwise chains.

They mean exactly what `Op.__call__` means (a test compares the two); one ufunc on a few numbers
takes 0.3 µs, so here everything that `Op.__call__` looks up is bound once, in a closure.
The result of a tracked, hence floating-point, operand is taken to be floating-point.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.declaration import Op, as_operand
from microgradnd.engine import Tensor, new_tensor, recording, untracked
from microgradnd.node import NO_OPTIONS, Array, Node, constant, next_seq
from microgradnd.signatures import Binary, Unary

is_recording = recording.get


def unary(op: Op) -> Unary:
    """A caller of an op with one operand and no options."""
    forward, fitting, exact = op.forward, op.plan(1), op.plan(1, exact=True)
    saves_operand, saves_result = exact.save == (0,), exact.save == (1,)

    def call(x: Any) -> Tensor:
        if type(x) is not Tensor:
            return op(x)
        a, p = x._data, x.node
        try:
            out = forward(a)
        except Exception:
            return op(x)  # raises again, with the words of the op
        if type(out) is not Array:
            out = np.asarray(out)
        if p is None or not (mode := is_recording()):
            return untracked(out)
        dtype = out.dtype
        node = Node()
        node.plan, node.first = exact if dtype is p.dtype else fitting, p
        node.second = node.many = node.notes = None
        node.saved = out if saves_result else a if saves_operand else exact.pick((a,), out)
        node.options = NO_OPTIONS
        node.shape, node.dtype, node.seq = p.shape, dtype, next_seq()
        t = new_tensor(Tensor)
        t._data, t.node = out, node
        if mode is not True:
            mode(node, out)
        return t

    return dressed(call, op)


def binary(op: Op) -> Binary:
    """A caller of an op with two operands and no options."""
    forward, name = op.forward, op.name
    left, right, both = (op.plan(mask) for mask in (1, 2, 3))
    saves_operands = both.save == (0, 1)
    left_exact, right_exact, both_exact = (op.plan(mask, exact=True) for mask in (1, 2, 3))

    def call(x: Any, y: Any) -> Tensor:
        p: Any = None
        q: Any = None
        if type(x) is Tensor:
            a, p = x._data, x.node
        elif type(x) is Array and x.dtype.kind in "biuf":
            a = x
        elif isinstance(x, Tensor):
            return op(x, y)
        else:
            a = as_operand(x, name)
        if type(y) is Tensor:
            b, q = y._data, y.node
        elif type(y) is Array and y.dtype.kind in "biuf":
            b = y
        elif isinstance(y, Tensor):
            return op(x, y)
        else:
            b = as_operand(y, name)
        try:
            out = forward(a, b)
        except Exception:
            return op(x, y)  # raises again, with the words of the op
        if type(out) is not Array:
            out = np.asarray(out)
        if (p is None and q is None) or not (mode := is_recording()):
            return untracked(out)
        shape, dtype = out.shape, out.dtype
        saved: Any = None
        if q is None:
            exact = p.dtype is dtype and p.shape == shape
            plan, q = left_exact if exact else left, constant(y) if type(y) is Tensor else b
        elif p is None:
            exact = q.dtype is dtype and q.shape == shape
            plan, p = right_exact if exact else right, constant(x) if type(x) is Tensor else a
        else:
            exact = p.dtype is dtype is q.dtype and p.shape == shape == q.shape
            plan = both_exact if exact else both
            if saves_operands:
                saved = a, b
        node = Node()
        node.plan, node.first, node.second = plan, p, q
        node.many = node.notes = None
        if saved is None:
            saved = plan.pick((a, b), out) if plan.save else ()
        node.saved, node.options = saved, NO_OPTIONS
        node.shape, node.dtype, node.seq = shape, dtype, next_seq()
        t = new_tensor(Tensor)
        t._data, t.node = out, node
        if mode is not True:
            mode(node, out)
        return t

    return dressed(call, op)


def dressed(call: Any, op: Op) -> Any:
    call.__name__ = call.__qualname__ = op.name
    call.__doc__ = op.__doc__
    call.op = op
    return call
