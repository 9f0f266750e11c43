"""Recurrent layers on arrays: all time steps forward, and back-propagation through time by hand.

The operands of a layer are packed into one array, so that one pass back through time gives the
gradients of all of them; the weight's is one matrix product over all steps. What a step needs on
the way back (the gates) is part of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

Shape = tuple[int, int, int]  # T, N, H: steps, sequences, width of the state
Mask = np.ndarray | None  # (T, N, 1), False at steps past a sequence's end


def unpacked(packed: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """The arrays that were joined into one, as views if it is contiguous."""
    parts, start = [], 0
    for shape in shapes:
        parts.append(packed[start : start + prod(shape)].reshape(shape))
        start += prod(shape)
    return parts


def _parts(gates: int, shape: Shape) -> list[tuple[int, ...]]:
    """The shapes of z, w_hh and h0; of the LSTM's c0, of the GRU's b_hh."""
    t, n, h = shape
    more: dict[int, list[tuple[int, ...]]] = {1: [], 4: [(n, h)], 3: [(3 * h,)]}
    return [(t, n, gates * h), (gates * h, h), (n, h), *more[gates]]


def rnn_parts(shape: Shape) -> list[tuple[int, ...]]:
    return _parts(1, shape)


def lstm_parts(shape: Shape) -> list[tuple[int, ...]]:
    return _parts(4, shape)


def gru_parts(shape: Shape) -> list[tuple[int, ...]]:
    return _parts(3, shape)


def _before(first: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The states that the steps started from."""
    return np.concatenate([first[None], states[:-1]])


def _rows(x: np.ndarray) -> np.ndarray:
    """(T, N, ...) as a matrix with one row for each step of each sequence."""
    return x.reshape(x.shape[0] * x.shape[1], prod(x.shape[2:]))


# --- The plain network ---------------------------------------------------------------------------
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


def rnn_backward(
    g: np.ndarray, packed: np.ndarray, out: np.ndarray, shape: Shape, mask: Mask, nonlinearity: str
) -> np.ndarray | None:
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
    np.matmul(_rows(dz).T, _rows(_before(h0, out)), dw)
    return total


# --- LSTM ----------------------------------------------------------------------------------------
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


def lstm_backward(
    g: np.ndarray, packed: np.ndarray, out: np.ndarray, shape: Shape, mask: Mask, chapter: bool
) -> np.ndarray | None:
    """Back-propagation through time by eqs. 5-43 and 5-44."""
    if g[:4].any():
        return None
    _, w, h0, c0 = unpacked(packed, lstm_parts(shape))
    total = np.empty(packed.shape, packed.dtype)
    dz, dw, dh, dc = unpacked(total, lstm_parts(shape))
    _, f, _, _, c, h = out
    slopes = dz.reshape(*shape[:2], 4, shape[2])  # dz holds the slopes until dh and dc come by
    s = c if chapter else np.tanh(c)
    _lstm_slopes(slopes, out, _before(c0, c), s)
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
    np.matmul(_rows(dz).T, _rows(_before(h0, h)), dw)
    return total


def _lstm_slopes(slopes: np.ndarray, out: np.ndarray, c_before: np.ndarray, s: np.ndarray) -> None:
    """Writes what dc (for i, f, g) and dh (for o) are multiplied with: eq. 5-44, all steps."""
    i, f, g, o = out[:4]
    for k, (gate, factor) in enumerate([(i, g), (f, c_before), (g, i), (o, s)]):
        slope = 1 - gate * gate if k == 2 else gate - gate * gate
        np.multiply(slope, factor, slopes[:, :, k])


# --- GRU -----------------------------------------------------------------------------------------
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


def gru_backward(
    g: np.ndarray, packed: np.ndarray, out: np.ndarray, shape: Shape, mask: Mask
) -> np.ndarray | None:
    if g[:4].any():
        return None
    _, w, h0, _ = unpacked(packed, gru_parts(shape))
    total = np.empty(packed.shape, packed.dtype)
    dx, dw, dh, db = unpacked(total, gru_parts(shape))
    r, z, n, m, h = out
    h_before = _before(h0, h)
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
    np.matmul(_rows(by_h).T, _rows(h_before), dw)
    np.add.reduce(_rows(by_h), 0, out=db)
    return total
