"""The equations of the recurrent cells, one line each, on Tensors.

The cells of `microgradnd.nn` are made of them; the fused operations of `ops.recurrent` go back to
them where a derivative is to be differentiated again. Gates are named: pictures show the letters.
"""

from __future__ import annotations

from typing import Any

from microgradnd.engine import Tensor
from microgradnd.ops.elementwise import relu, sigmoid, tanh, where

NONLINEARITIES = {"tanh": tanh, "relu": relu}


def named(t: Tensor, name: str) -> Tensor:
    """t, under a name if it is part of a graph."""
    if t.node is not None:
        t.name = name
    return t


def kept(mask: Any, new: Tensor, old: Any) -> Tensor:
    """The new state where the mask holds, else the old one; without a mask the new one."""
    return new if mask is None else where(mask, new, old)


def rnn_step(a: Any, nonlinearity: str = "tanh") -> Tensor:
    """h_t of the plain network, from a = W_ih x_t + W_hh h_{t-1} + b."""
    return named(NONLINEARITIES[nonlinearity](a), "h")


def lstm_step(a: Any, c: Any, chapter: bool = False) -> tuple[Tensor, ...]:
    """(i, f, g, o, c_t, h_t) of the LSTM, from a = W_ih x_t + W_hh h_{t-1} + b and c_{t-1}.

    Eq. 5-37 with the gates' biases inside σ. The usual h_t is tanh(c_t) ⊙ o; with `chapter` it is
    the chapter's c_t ⊙ o.
    """
    size = a.shape[-1] // 4
    i = named(sigmoid(a[..., :size]), "i")  # (..., H)
    f = named(sigmoid(a[..., size : 2 * size]), "f")  # (..., H)
    g = named(tanh(a[..., 2 * size : 3 * size]), "g")  # (..., H)
    o = named(sigmoid(a[..., 3 * size :]), "o")  # (..., H)
    c = named(g * i + c * f, "c")  # (..., H)
    h = named((c if chapter else tanh(c)) * o, "h")  # (..., H)
    return i, f, g, o, c, h


def gru_step(a: Any, b: Any, h: Any) -> tuple[Tensor, ...]:
    """(r, z, n, m, h_t) of the GRU, from a = W_ih x_t + b_ih, b = W_hh h_{t-1} + b_hh and h_{t-1}.

    Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014), with PyTorch's
    place of the reset gate: m is the new gate's part of b, before r is applied to it.
    """
    size = a.shape[-1] // 3
    r = named(sigmoid(a[..., :size] + b[..., :size]), "r")  # (..., H)
    z = named(sigmoid(a[..., size : 2 * size] + b[..., size : 2 * size]), "z")  # (..., H)
    m = b[..., 2 * size :]  # (..., H)
    n = named(tanh(a[..., 2 * size :] + r * m), "n")  # (..., H)
    h = named((1 - z) * n + z * h, "h")  # (..., H)
    return r, z, n, m, h
