"""Op cases: the recurrent layers, each one operation over all its time steps.

The operands are packed into one array; the references walk through time gate by gate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.kernels.recurrent import gru_parts, lstm_parts, rnn_parts, unpacked
from microgradnd.ops.recurrent import gru, lstm, rnn
from tests.op_case import OpCase, Operand, Sample


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def numpy_rnn(
    packed: np.ndarray, shape: Any, mask: Any = None, nonlinearity: str = "tanh"
) -> np.ndarray:
    z, w, h = unpacked(packed, rnn_parts(shape))
    states = []
    for t in range(len(z)):
        a = z[t] + h @ w.T
        new = np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)
        h = new if mask is None else np.where(mask[t], new, h)
        states.append(h)
    return np.array(states)


def numpy_lstm(
    packed: np.ndarray, shape: Any, mask: Any = None, chapter: bool = False
) -> np.ndarray:
    z, w, h, c = unpacked(packed, lstm_parts(shape))
    steps = []
    for t in range(len(z)):
        i, f, g, o = np.split(z[t] + h @ w.T, 4, axis=-1)
        i, f, g, o = logistic(i), logistic(f), np.tanh(g), logistic(o)
        c_new = g * i + c * f
        h_new = (c_new if chapter else np.tanh(c_new)) * o
        m = True if mask is None else mask[t]
        c, h = np.where(m, c_new, c), np.where(m, h_new, h)
        steps.append([i, f, g, o, c, h])
    return np.array(steps).swapaxes(0, 1)


def numpy_gru(packed: np.ndarray, shape: Any, mask: Any = None) -> np.ndarray:
    x, w, h, b = unpacked(packed, gru_parts(shape))
    steps = []
    for t in range(len(x)):
        (xr, xz, xn), (hr, hz, m) = np.split(x[t], 3, axis=-1), np.split(h @ w.T + b, 3, axis=-1)
        r, z = logistic(xr + hr), logistic(xz + hz)
        n = np.tanh(xn + r * m)
        h = np.where(True if mask is None else mask[t], (1 - z) * n + z * h, h)
        steps.append([r, z, n, m, h])
    return np.array(steps).swapaxes(0, 1)


ENDED = np.array([[[True], [True]], [[True], [False]]])  # the second sequence has one step
STARTING = np.array([[[False]], [[True]]])  # as seen from the end: padding comes first


def cases(parts: Any, shapes: Any, *options: dict) -> tuple[Sample, ...]:
    """All shapes with the first options, the first shape with the others."""
    chosen = [(shape, options[0]) for shape in shapes] + [(shapes[0], o) for o in options[1:]]
    sizes = [sum(int(np.prod(part)) for part in parts(shape)) for shape, _ in chosen]
    return tuple(
        Sample(
            (Operand((sum(int(np.prod(part)) for part in parts(shape)),)),), {"shape": shape, **o}
        )
        for size, (shape, o) in zip(sizes, chosen)
    )


SMALL = [(2, 2, 1), (1, 1, 2), (2, 0, 1)]
# fmt: off
RECURRENT = (
    OpCase(
        "rnn_sequence", rnn, numpy_rnn,
        cases(rnn_parts, SMALL, {}, {"mask": ENDED}, {"nonlinearity": "relu"})
        + cases(rnn_parts, [(2, 1, 2)], {"mask": STARTING, "nonlinearity": "relu"}),
    ),
    OpCase(
        "lstm_sequence", lstm, numpy_lstm,
        cases(lstm_parts, [(2, 1, 1), (1, 2, 1), (1, 0, 1)], {}, {"mask": STARTING})
        + cases(lstm_parts, [(2, 1, 1)], {"chapter": True, "mask": STARTING}),
    ),
    OpCase(
        "gru_sequence", gru, numpy_gru,
        cases(gru_parts, [(2, 1, 1), (1, 2, 1), (1, 0, 1)], {}, {"mask": STARTING}),
    ),
)
# fmt: on
