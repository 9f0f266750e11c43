"""Recurrent layers as one operation each; the walk through time stands in `kernels.recurrent`.

Where that walk is itself to be differentiated, or a gate's own gradient is asked for, the composed
equations of `ops.recurrent_steps` are run and differentiated instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from microgradnd.declaration import TensorLike, Value, op
from microgradnd.engine import Tensor, as_tensor
from microgradnd.kernels import recurrent as kernels
from microgradnd.kernels.recurrent import (
    Mask,
    Shape,
    gru_parts,
    lstm_parts,
    rnn_parts,
    unpacked,
)
from microgradnd.ops import recurrent_steps as steps
from microgradnd.ops.shape import concatenate, stack


def products(gates: int) -> Callable[[Shape], int]:
    """The multiply-adds of all steps; what W_ih does is a product of its own."""
    return lambda shape: shape[0] * shape[1] * gates * shape[2] ** 2


def rnn_program(packed: Tensor, shape: Shape, mask: Mask, nonlinearity: str) -> Tensor:
    z, w, h = unpacked(packed, rnn_parts(shape))
    states = []
    for t in range(shape[0]):
        new = steps.rnn_step(z[t] + h @ w.T, nonlinearity)
        h = steps.kept(None if mask is None else mask[t], new, h)
        states.append(h)
    return stack(states)


def levels(options: dict) -> tuple[float, float | None]:
    """Where the plain network's units saturate."""
    return (0.0, None) if options["nonlinearity"] == "relu" else (-1.0, 1.0)


@op(name="rnn_sequence", saturates=levels,
    packed=kernels.rnn_backward, composed=rnn_program, fresh="packed",
    cost=products(1), internal=True, whole=True)  # fmt: skip
def rnn(packed: Value, shape: Shape, mask: Mask = None, nonlinearity: str = "tanh") -> Value:
    """All states (T, N, H) of h_t = tanh(z_t + W h_{t-1}), or relu; z_t holds W_ih x_t + b."""
    return kernels.rnn_forward(packed, shape, mask, nonlinearity)


def lstm_program(packed: Tensor, shape: Shape, mask: Mask, chapter: bool) -> Tensor:
    z, w, h, c = unpacked(packed, lstm_parts(shape))
    planes = []
    for t in range(shape[0]):
        *gates, c_new, h_new = steps.lstm_step(z[t] + h @ w.T, c, chapter)
        m = None if mask is None else mask[t]
        c, h = steps.kept(m, c_new, c), steps.kept(m, h_new, h)
        planes.append(stack([*gates, c, h]))
    return stack(planes, axis=1)


@op(name="lstm_sequence", packed=kernels.lstm_backward, composed=lstm_program, fresh="packed",
    cost=products(4), internal=True, whole=True)  # fmt: skip
def lstm(packed: Value, shape: Shape, mask: Mask = None, chapter: bool = False) -> Value:
    """Gates and states (i, f, g, o, c, h) of all steps, (6, T, N, H), by eq. 5-37.

    z_t holds W_ih x_t + b.
    """
    return kernels.lstm_forward(packed, shape, mask, chapter)


def gru_program(packed: Tensor, shape: Shape, mask: Mask) -> Tensor:
    x, w, h, b = unpacked(packed, gru_parts(shape))
    planes = []
    for t in range(shape[0]):
        *gates, new = steps.gru_step(x[t], h @ w.T + b, h)
        h = steps.kept(None if mask is None else mask[t], new, h)
        planes.append(stack([*gates, h]))
    return stack(planes, axis=1)


@op(name="gru_sequence", packed=kernels.gru_backward, composed=gru_program, fresh="packed",
    cost=products(3), internal=True, whole=True)  # fmt: skip
def gru(packed: Value, shape: Shape, mask: Mask = None) -> Value:
    """Gates and states (r, z, n, m, h) of all steps, (5, T, N, H); see `recurrent_steps`."""
    return kernels.gru_forward(packed, shape, mask)


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
    return concatenate([as_tensor(x, name, "operands") for x in operands], axis=None), shape


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
    return rnn(packed, shape=shape, mask=mask, nonlinearity=nonlinearity)


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
    return lstm(packed, shape=shape, mask=mask, chapter=chapter)


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
    return gru(packed, shape=shape, mask=mask)
