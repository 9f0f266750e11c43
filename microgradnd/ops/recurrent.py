"""Recurrent layers as one operation each: all time steps forward, and their BPTT by hand.

The operands of a layer are packed into one array, so that a single rule walks back through time
once and gives the gradients of all of them; the weight's is one matrix product over all steps.
What a step needs on the way back (the gates) is part of the result. Where that walk is itself to
be differentiated, or a gate's own gradient is asked for, the composed equations of
`ops.recurrent_steps` are run and differentiated instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from microgradnd.declaration import op
from microgradnd.engine import Tensor, node_of, recording, walk
from microgradnd.ops import recurrent_steps as steps
from microgradnd.ops.shape import concatenate, reshape, stack
from microgradnd.signatures import TensorLike

Value = Any
Shape = tuple[int, int, int]  # T, N, H: steps, sequences, width of the state
Mask = np.ndarray | None  # (T, N, 1), False at steps past a sequence's end


def unpacked(packed: Value, shapes: Sequence[tuple[int, ...]]) -> list[Value]:
    """The arrays that were joined into one, as views if it is contiguous."""
    parts, start = [], 0
    for shape in shapes:
        parts.append(packed[start : start + prod(shape)].reshape(shape))
        start += prod(shape)
    return parts


def rnn_parts(shape: Shape) -> list[tuple[int, ...]]:
    """z, w_hh, h0."""
    _, n, h = shape
    return [shape, (h, h), (n, h)]


def lstm_parts(shape: Shape) -> list[tuple[int, ...]]:
    """z, w_hh, h0, c0."""
    t, n, h = shape
    return [(t, n, 4 * h), (4 * h, h), (n, h), (n, h)]


def gru_parts(shape: Shape) -> list[tuple[int, ...]]:
    """z, w_hh, h0, b_hh."""
    t, n, h = shape
    return [(t, n, 3 * h), (3 * h, h), (n, h), (3 * h,)]


def before(first: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The states that the steps started from."""
    return np.concatenate([first[None], states[:-1]])


def rows(x: np.ndarray) -> np.ndarray:
    """(T, N, ...) as a matrix with one row for each step of each sequence."""
    return x.reshape(x.shape[0] * x.shape[1], prod(x.shape[2:]))


def composed(program: Callable, g: Value, packed: Value, *options: Any) -> Value:
    """The gradient of a packed operand by way of the composed equations, recorded if g is."""
    token = recording.set(recording.get() or True)
    try:
        recorded = isinstance(g, Tensor)
        # A node of its own, so that this walk stops here and calls nobody's hooks.
        x = reshape(packed, packed.shape) if recorded else Tensor(packed, requires_grad=True)
        out = program(x, *options)
        return walk([(node_of(out), g)], {node_of(x): x}, create_graph=recorded)[node_of(x)]
    finally:
        recording.reset(token)


# --- The plain network ---------------------------------------------------------------------------
def rnn_program(packed: Tensor, shape: Shape, mask: Mask, nonlinearity: str) -> Tensor:
    z, w, h = unpacked(packed, rnn_parts(shape))
    states = []
    for t in range(shape[0]):
        new = steps.rnn_step(z[t] + h @ w.T, nonlinearity)
        h = steps.kept(None if mask is None else mask[t], new, h)
        states.append(h)
    return stack(states)


def rnn_forward(
    packed: np.ndarray, shape: Shape, mask: Mask = None, nonlinearity: str = "tanh"
) -> np.ndarray:
    """All states (T, N, H) of h_t = tanh(z_t + W h_{t-1}), or relu; z_t holds W_ih x_t + b."""
    z, w, h = unpacked(packed, rnn_parts(shape))
    out = np.empty(shape, packed.dtype)
    w = np.ascontiguousarray(w.T)
    zero = np.zeros((), packed.dtype)
    for t, (z_t, new) in enumerate(zip(z, out)):
        np.dot(h, w, new)
        np.add(new, z_t, new)
        if nonlinearity == "tanh":
            np.tanh(new, new)
        else:
            np.maximum(new, zero, out=new)
        if mask is not None:
            np.copyto(new, h, where=~mask[t])
        h = new
    return out


def rnn_packed(
    g: Value, packed: Value, out: Value, shape: Shape, mask: Mask, nonlinearity: str
) -> Value:
    if isinstance(g, Tensor):
        return composed(rnn_program, g, packed, shape, mask, nonlinearity)
    _, w, h0 = unpacked(packed, rnn_parts(shape))
    total = np.empty(packed.shape, packed.dtype)
    dz, dw, dh = unpacked(total, rnn_parts(shape))  # dz holds the slopes until dh comes by
    if nonlinearity == "tanh":
        np.subtract(1, out * out, dz)
    else:
        np.greater(out, 0, dz, casting="unsafe")
    if mask is not None:
        dz *= mask
    dh[...] = 0
    for t in range(shape[0] - 1, -1, -1):
        dz_t = dz[t]
        np.add(dh, g[t], dh)
        np.multiply(dz_t, dh, dz_t)
        if mask is None:
            np.dot(dz_t, w, dh)
        else:
            np.add(dz_t @ w, dh * ~mask[t], dh)
    np.matmul(rows(dz).T, rows(before(h0, out)), dw)
    return total


# --- LSTM ----------------------------------------------------------------------------------------
def lstm_program(packed: Tensor, shape: Shape, mask: Mask, chapter: bool) -> Tensor:
    z, w, h, c = unpacked(packed, lstm_parts(shape))
    planes = []
    for t in range(shape[0]):
        *gates, c_new, h_new = steps.lstm_step(z[t] + h @ w.T, c, chapter)
        m = None if mask is None else mask[t]
        c, h = steps.kept(m, c_new, c), steps.kept(m, h_new, h)
        planes.append(stack([*gates, c, h]))
    return stack(planes, axis=1)


def lstm_forward(
    packed: np.ndarray, shape: Shape, mask: Mask = None, chapter: bool = False
) -> np.ndarray:
    """Gates and states (i, f, g, o, c, h) of all steps, (6, T, N, H), by eq. 5-37.

    z_t holds W_ih x_t + b. All four gates take one tanh: σ(x) = (1 + tanh(x/2)) / 2.
    """
    z, w, h, c = unpacked(packed, lstm_parts(shape))
    _, n, width = shape
    out = np.empty((6, *shape), packed.dtype)
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], packed.dtype), width)
    shift = np.array([0.5, 0.5, 0, 0.5], packed.dtype)[:, None, None]
    z, w = z * half, np.ascontiguousarray((w * half[:, None]).T)
    a = np.empty((n, 4 * width), packed.dtype)
    by_gate = a.reshape(n, 4, width).swapaxes(0, 1)
    for t in range(shape[0]):
        np.dot(h, w, a)
        np.add(a, z[t], a)
        np.tanh(a, a)
        np.multiply(a, half, a)
        i, f, g, o = np.add(by_gate, shift, out[:4, t])
        c_new, h_new = out[4, t], out[5, t]
        np.multiply(g, i, c_new)
        np.multiply(c, f, h_new)
        np.add(c_new, h_new, c_new)
        np.multiply(c_new if chapter else np.tanh(c_new, h_new), o, h_new)
        if mask is not None:
            np.copyto(c_new, c, where=~mask[t])
            np.copyto(h_new, h, where=~mask[t])
        h, c = h_new, c_new
    return out


def lstm_packed(
    g: Value, packed: Value, out: Value, shape: Shape, mask: Mask, chapter: bool
) -> Value:
    """Back-propagation through time by eqs. 5-43 and 5-44."""
    if isinstance(g, Tensor) or g[:4].any():
        return composed(lstm_program, g, packed, shape, mask, chapter)
    _, w, h0, c0 = unpacked(packed, lstm_parts(shape))
    total = np.empty(packed.shape, packed.dtype)
    dz, dw, dh, dc = unpacked(total, lstm_parts(shape))
    _, f, _, _, c, h = out
    slopes = dz.reshape(*shape[:2], 4, shape[2])  # dz holds the slopes until dh and dc come by
    s = c if chapter else np.tanh(c)
    lstm_slopes(slopes, out, before(c0, c), s)
    h_by_c = out[3] if chapter else out[3] * (1 - s * s)
    if mask is not None:
        slopes *= mask[..., None]
        h_by_c = h_by_c * mask
        f = np.where(mask, f, np.ones((), f.dtype))
    dh[...], dc[...] = 0, 0
    t_h = np.empty_like(dh)
    for t in range(shape[0] - 1, -1, -1):
        of_c, of_o = slopes[t, :, :3], slopes[t, :, 3]
        np.add(dh, g[5, t], dh)
        np.add(dc, g[4, t], dc)
        np.add(dc, np.multiply(dh, h_by_c[t], t_h), dc)
        np.multiply(of_c, dc[:, None], of_c)
        np.multiply(of_o, dh, of_o)
        np.multiply(dc, f[t], dc)
        if mask is None:
            np.dot(dz[t], w, dh)
        else:
            np.add(dz[t] @ w, dh * ~mask[t], dh)
    np.matmul(rows(dz).T, rows(before(h0, h)), dw)
    return total


def lstm_slopes(slopes: np.ndarray, out: np.ndarray, c_before: np.ndarray, s: np.ndarray) -> None:
    """Writes what dc (for i, f, g) and dh (for o) are multiplied with: eq. 5-44, all steps."""
    i, f, g, o = out[:4]
    for k, (gate, factor) in enumerate([(i, g), (f, c_before), (g, i), (o, s)]):
        slope = 1 - gate * gate if k == 2 else gate - gate * gate
        np.multiply(slope, factor, slopes[:, :, k])


# --- GRU -----------------------------------------------------------------------------------------
def gru_program(packed: Tensor, shape: Shape, mask: Mask) -> Tensor:
    x, w, h, b = unpacked(packed, gru_parts(shape))
    planes = []
    for t in range(shape[0]):
        *gates, new = steps.gru_step(x[t], h @ w.T + b, h)
        h = steps.kept(None if mask is None else mask[t], new, h)
        planes.append(stack([*gates, h]))
    return stack(planes, axis=1)


def gru_forward(packed: np.ndarray, shape: Shape, mask: Mask = None) -> np.ndarray:
    """Gates and states (r, z, n, m, h) of all steps, (5, T, N, H); see `recurrent_steps`."""
    x, w, h, bias = unpacked(packed, gru_parts(shape))
    _, n, width = shape
    out = np.empty((5, *shape), packed.dtype)
    w = np.ascontiguousarray(w.T)
    half = np.full((), 0.5, packed.dtype)
    b = np.empty((n, 3 * width), packed.dtype)
    both = b[:, : 2 * width]
    by_gate = both.reshape(n, 2, width).swapaxes(0, 1)
    for t in range(shape[0]):
        np.dot(h, w, b)
        np.add(b, bias, b)
        np.add(both, x[t, :, : 2 * width], both)
        np.tanh(np.multiply(both, half, both), both)
        np.multiply(both, half, both)
        r, z = np.add(by_gate, half, out[:2, t])
        new, m, h_new = out[2, t], out[3, t], out[4, t]
        m[...] = b[:, 2 * width :]
        np.multiply(r, m, new)
        np.tanh(np.add(new, x[t, :, 2 * width :], new), new)
        np.subtract(h, new, h_new)
        np.add(np.multiply(h_new, z, h_new), new, h_new)
        if mask is not None:
            np.copyto(h_new, h, where=~mask[t])
        h = h_new
    return out


def gru_packed(g: Value, packed: Value, out: Value, shape: Shape, mask: Mask) -> Value:
    if isinstance(g, Tensor) or g[:4].any():
        return composed(gru_program, g, packed, shape, mask)
    _, w, h0, _ = unpacked(packed, gru_parts(shape))
    total = np.empty(packed.shape, packed.dtype)
    dx, dw, dh, db = unpacked(total, gru_parts(shape))
    r, z, n, m, h = out
    h_before = before(h0, h)
    by_x = dx.reshape(*shape[:2], 3, shape[2])  # they hold the slopes until dh comes by
    np.multiply(1 - z, 1 - n * n, by_x[:, :, 2])
    np.multiply(by_x[:, :, 2], m * (r - r * r), by_x[:, :, 0])
    np.multiply(h_before - n, z - z * z, by_x[:, :, 1])
    if mask is not None:
        by_x *= mask[..., None]
        z = np.where(mask, z, np.ones((), z.dtype))
    by_h = by_x.copy()
    by_h[:, :, 2] *= r
    dh[...] = 0
    for t in range(shape[0] - 1, -1, -1):
        np.add(dh, g[4, t], dh)
        np.multiply(by_x[t], dh[:, None], by_x[t])
        np.multiply(by_h[t], dh[:, None], by_h[t])
        np.add(by_h[t].reshape(dh.shape[0], w.shape[0]) @ w, dh * z[t], dh)
    np.matmul(rows(by_h).T, rows(h_before), dw)
    np.add.reduce(rows(by_h), 0, out=db)
    return total


rnn_op = op(rnn_forward, "packed", name="rnn_sequence", packed=rnn_packed)
lstm_op = op(lstm_forward, "packed", name="lstm_sequence", packed=lstm_packed)
gru_op = op(gru_forward, "packed", name="gru_sequence", packed=gru_packed)


def packed_operands(
    name: str, operands: Sequence[TensorLike], parts: Callable[[Shape], list], gates: int
) -> tuple[Tensor, Shape]:
    """The operands as one, after a look at their shapes; the first is z (T, N, gates·H)."""
    given = [np.shape(x) for x in operands]
    if len(given[0]) != 3 or not given[0][0]:
        raise ValueError(
            f"{name}: z must have shape (T, N, {gates}·H) with at least one step, got {given[0]}"
        )
    shape = (given[0][0], given[0][1], given[0][2] // gates)
    wanted = parts(shape)
    if given != wanted:
        raise ValueError(
            f"{name}: the operands have shapes {given}; T = {shape[0]} steps of N = {shape[1]} "
            f"sequences with H = {shape[2]} need {wanted}"
        )
    return concatenate(list(operands), axis=None), shape


def rnn_sequence(
    z: TensorLike, h0: TensorLike, w_hh: TensorLike, mask: Mask = None, nonlinearity: str = "tanh"
) -> Tensor:
    """All states of a plain recurrent layer, h_t = tanh(z_t + W_hh h_{t-1}), in one operation.

    Args:
        z: W_ih x_t + b of all steps, (T, N, H).
        h0: the state before the first step, (N, H).
        w_hh: (H, H).
        mask: (T, N, 1) of booleans; where False, the state stays as it was.
        nonlinearity: "tanh" or "relu".

    Returns the states, (T, N, H).

    >>> rnn_sequence([[[0.6, 0.5]]], [[0.0, 0.0]], [[0.1, 0.3], [0.2, 0.4]]).round(3)
    Tensor([[[0.537, 0.462]]])
    """
    packed, shape = packed_operands("rnn_sequence", [z, w_hh, h0], rnn_parts, 1)
    return rnn_op(packed, shape=shape, mask=mask, nonlinearity=nonlinearity)


def lstm_sequence(
    z: TensorLike,
    h0: TensorLike,
    c0: TensorLike,
    w_hh: TensorLike,
    mask: Mask = None,
    chapter: bool = False,
) -> Tensor:
    """All gates and states of an LSTM layer (eq. 5-37) in one operation.

    Args:
        z: W_ih x_t + b of all steps, gates in the order i, f, g, o, (T, N, 4H).
        h0, c0: the states before the first step, (N, H).
        w_hh: (4H, H).
        mask: (T, N, 1) of booleans; where False, the states stay as they were.
        chapter: h = c ⊙ o as in the chapter, in place of tanh(c) ⊙ o.

    Returns i, f, g, o, c, h, stacked: (6, T, N, H).

    >>> zeros = np.zeros((1, 2))
    >>> lstm_sequence(np.zeros((3, 1, 8)), zeros, zeros, np.zeros((8, 2)))[0, 0]
    Tensor([[0.5, 0.5]])
    """
    packed, shape = packed_operands("lstm_sequence", [z, w_hh, h0, c0], lstm_parts, 4)
    return lstm_op(packed, shape=shape, mask=mask, chapter=chapter)


def gru_sequence(
    z: TensorLike, h0: TensorLike, w_hh: TensorLike, b_hh: TensorLike, mask: Mask = None
) -> Tensor:
    """All gates and states of a GRU layer in one operation.

    Args:
        z: W_ih x_t + b_ih of all steps, gates in the order r, z, n, (T, N, 3H).
        h0: the state before the first step, (N, H).
        w_hh: (3H, H).
        b_hh: (3H,).
        mask: (T, N, 1) of booleans; where False, the state stays as it was.

    Returns r, z, n, m, h, stacked: (5, T, N, H), where m is W_hn h + b_hn.

    >>> zeros = np.zeros((1, 2))
    >>> gru_sequence(np.zeros((3, 1, 6)), zeros, np.zeros((6, 2)), np.zeros(6))[1, 0]
    Tensor([[0.5, 0.5]])
    """
    packed, shape = packed_operands("gru_sequence", [z, w_hh, h0, b_hh], gru_parts, 3)
    return gru_op(packed, shape=shape, mask=mask)
