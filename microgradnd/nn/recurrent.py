"""Recurrent layers over whole sequences: RNN, LSTM, GRU; in several layers and both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from microgradnd.arguments import checked, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.functions import concatenate, stack, where
from microgradnd.kernels.recurrent import Mask
from microgradnd.nn.dropout import dropout
from microgradnd.nn.module import Module
from microgradnd.nn.recurrent_cells import WEIGHTS, State, draw_weights
from microgradnd.nn.utils.rnn import PackedSequence, packed_like, pad_packed_sequence
from microgradnd.ops import recurrent as fused
from microgradnd.ops.linalg import linear
from microgradnd.ops.recurrent_steps import gru_step, kept, lstm_step, rnn_step
from microgradnd.random import generator

_States: TypeAlias = tuple[State, ...]  # h, or h and c
_Weights: TypeAlias = tuple[Any, ...]  # W_ih, W_hh, b_ih, b_hh; W_hr where h_t is projected


class _Recurrent(Module):
    """What RNN, LSTM and GRU share: the walk through layers, directions and time.

    A kind of layer says how many gates it has and how one step and one whole sequence go.
    """

    gates: int
    states: tuple[str, ...] = ("h_0",)  # what hx holds
    proj_size: int = 0

    @checked()
    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        *, fused: bool = True, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.fused, self.rng = bidirectional, fused, rng
        start = generator(rng), dtype or default_dtype[0]
        for layer, suffix in self._passes():
            width = input_size if layer == 0 else self._width * (1 + bidirectional)
            draw_weights(self, suffix, width, bias, *start)

    @property
    def _width(self) -> int:
        """How long h_t is."""
        return self.proj_size or self.hidden_size

    def _passes(self) -> list[tuple[int, str]]:
        """The layers' passes over the sequence: which layer, and how its parameters' names end."""
        ends = ("", "_reverse")[: 1 + self.bidirectional]
        return [(layer, f"_l{layer}{end}") for layer in range(self.num_layers) for end in ends]

    def _weights(self, suffix: str) -> _Weights:
        """W_ih, W_hh, b_ih and b_hh of one pass, and W_hr if there is one."""
        names = WEIGHTS if self.proj_size else WEIGHTS[:4]
        return tuple(getattr(self, name + suffix) for name in names)

    def _step(self, x: State, states: _States, w: _Weights) -> tuple[Tensor, ...]:
        """The states after one step."""
        raise NotImplementedError

    def _sequence(self, x: State, states: _States, w: _Weights, mask: Mask) -> tuple[Tensor, ...]:
        """The states after all steps, (T, N, H) each, by the fused operation."""
        raise NotImplementedError

    def forward(
        self,
        input: TensorLike | PackedSequence,
        hx: TensorLike | Sequence[TensorLike] | None = None,
        lengths: TensorLike | None = None,
    ) -> tuple[Any, Any]:
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise ValueError(f"{type(self).__name__}: a PackedSequence has lengths of its own")
            padded, lengths = pad_packed_sequence(input)
            x, last = self._over(padded, hx, lengths, False)
            return packed_like(input, x), last
        return self._over(as_tensor(input, type(self).__name__, "input"), hx, lengths,
                          self.batch_first)  # fmt: skip

    def _over(self, x: Any, hx: Any, lengths: Any, batch_first: bool) -> tuple[Tensor, Any]:
        """The outputs of the last layer, and the last states of all."""
        shape, unbatched = x.shape, x.ndim == 2
        x = x[:, None] if unbatched else x.swapaxes(0, 1) if batch_first else x  # (T, N, I)
        self._check_input(x, shape)
        mask = self._mask(lengths, *x.shape[:2])  # (T, N, 1)
        start = self._start(hx, x.shape[1], unbatched)  # (L·D, N, H) each
        last: list[_States] = []
        for layer in range(self.num_layers):
            outputs = []
            for suffix in [s for number, s in self._passes() if number == layer]:
                states = tuple(s[len(last)] for s in start)  # (N, H) each
                h, final = self._run(x, states, suffix, mask)  # (T, N, H)
                outputs.append(h if mask is None else where(mask, h, 0.0))
                last.append(final)
            x = outputs[0] if len(outputs) == 1 else concatenate(outputs, axis=-1)  # (T, N, D·H)
            if layer + 1 < self.num_layers:
                x = dropout(x, self.dropout, self.training, rng=self.rng)
        ends = [stack(list(final)) for final in zip(*last)]  # (L·D, N, H) each
        if unbatched:
            x, ends = x[:, 0], [end[:, 0] for end in ends]
        elif batch_first:
            x = x.swapaxes(0, 1)
        return x, ends[0] if len(ends) == 1 else tuple(ends)

    def _run(self, x: State, states: _States, suffix: str, mask: Mask) -> tuple[Tensor, _States]:
        """One pass over the sequence: h of all steps, and the last states.

        Backward in time, the steps past a sequence's end come first and leave its state alone: it
        starts at the sequence's own end.
        """
        back, weights = suffix.endswith("_reverse"), self._weights(suffix)
        if back:
            x, mask = x[::-1], None if mask is None else mask[::-1]
        final: _States
        if self.fused and not self.proj_size:
            every = self._sequence(x, states, weights, mask)
            h, final = every[0], tuple(s[-1] for s in every)
        else:
            hs = []
            for t in range(x.shape[0]):
                new = self._step(x[t], states, weights)
                m = None if mask is None else mask[t]
                states = tuple(kept(m, s, old) for s, old in zip(new, states))
                hs.append(states[0])
            h, final = stack(hs), states
        return h[::-1] if back else h, final

    def _check_input(self, x: State, given: tuple[int, ...]) -> None:
        if x.ndim != 3 or x.shape[2] != self.input_size or not x.shape[0]:
            order = "N, T" if self.batch_first else "T, N"
            raise ValueError(
                f"{type(self).__name__}: the input must have shape ({order}, {self.input_size}), "
                f"or (T, {self.input_size}) for one sequence, with at least one step; got {given}"
            )

    def _start(self, hx: Any, sequences: int, unbatched: bool) -> _States:
        """The states to start from, zeros if none are given."""
        lead = (len(self._passes()),) if unbatched else (len(self._passes()), sequences)
        wanted = [(*lead, n) for n in (self._width, self.hidden_size)[: len(self.states)]]
        if hx is None:
            dtype = self._weights("_l0")[1].dtype
            given = tuple(np.zeros(shape, dtype) for shape in wanted)
        else:
            given = (hx,) if len(wanted) == 1 else tuple(hx)
        if [np.shape(s) for s in given] != wanted:
            raise ValueError(
                f"{type(self).__name__}: hx must hold {' and '.join(self.states)} of shape "
                f"{' and '.join(map(str, dict.fromkeys(wanted)))} (layers · directions, sequences, "
                f"width), got {[np.shape(s) for s in given]}"
            )
        given = tuple(s if isinstance(s, Tensor) else np.asarray(s) for s in given)
        return tuple(s[:, None] for s in given) if unbatched else given

    def _mask(self, lengths: TensorLike | None, steps: int, sequences: int) -> np.ndarray | None:
        """(T, N, 1), True within each sequence; None if all are of full length."""
        if lengths is None:
            return None
        ends = np.asarray(lengths.data if isinstance(lengths, Tensor) else lengths)
        kind = type(self).__name__
        if ends.dtype.kind not in "iu":
            raise TypeError(f"{kind}: lengths must be integers, got {ends.dtype}")
        if ends.shape != (sequences,) or ((ends < 0) | (ends > steps)).any():
            raise ValueError(
                f"{kind}: lengths must be one number from 0 to T = {steps} for each of the "
                f"N = {sequences} sequences, got {ends.tolist()}"
            )
        if (ends == steps).all():
            return None
        return (np.arange(steps)[:, None] < ends)[..., None]

    def extra_repr(self) -> str:
        options = [
            (f"num_layers={self.num_layers}", self.num_layers > 1),
            ("bias=False", not self.bias),
            ("batch_first=True", self.batch_first),
            (f"dropout={self.dropout}", self.dropout),
            ("bidirectional=True", self.bidirectional),
            (f"proj_size={self.proj_size}", self.proj_size),
            ("fused=False", not self.fused),
        ]
        shown = [text for text, wanted in options if wanted]
        return ", ".join([str(self.input_size), str(self.hidden_size), *shown])


def _input_part(
    x: State, weight: Tensor, b_ih: Tensor | None, b_hh: Tensor | None = None
) -> Tensor:
    """W x_t + b of all steps by one matrix product."""
    b = b_ih if b_hh is None else b_hh if b_ih is None else b_ih + b_hh
    z = linear(x.reshape((x.shape[0] * x.shape[1], x.shape[2])), weight, b)  # (T·N, G·H)
    return z.reshape((*x.shape[:2], z.shape[1]))  # (T, N, G·H)


class RNN(_Recurrent):
    """The recurrent network of 5.4: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh).

    Args:
        input_size: length of x_t, I.
        hidden_size: length of h_t, H.
        num_layers: L layers, each reading the outputs of the one below.
        nonlinearity: "tanh" or "relu".
        bias: whether the biases are added.
        batch_first: sequences come as (N, T, I), and so do the outputs.
        dropout: the part of the outputs that is dropped between layers in training.
        bidirectional: D = 2: a second pass from the end; the outputs stand side by side.
        fused: all steps as one operation; False: step by step, each equation a node of the graph.
        rng: draws the start, all parameters uniform in ±1/√H as in PyTorch, and what is dropped.
        dtype: of the parameters; default `get_default_dtype()`.

    Call it with `input` (T, N, I), or (T, I) for one sequence; optionally with `hx`, h_0 of shape
    (L·D, N, H), and with `lengths` (N,), the steps of each sequence: past them its state stays as
    it is and its output is 0. Of a `PackedSequence` (`nn.utils.rnn.pack_sequence`) it makes one.

    Returns `output` (T, N, D·H) and h_n (L·D, N, H).

    >>> output, h_n = RNN(3, 2)(np.ones((5, 4, 3)), lengths=[5, 2, 4, 1])
    >>> output.shape, h_n.shape
    ((5, 4, 2), (1, 4, 2))
    """

    gates = 1

    @checked()
    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0,
        bidirectional: bool = False,
        *, fused: bool = True, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            fused=fused, rng=rng, dtype=dtype,
        )  # fmt: skip

    def _step(self, x: State, states: _States, w: _Weights) -> tuple[Tensor, ...]:
        w_ih, w_hh, b_ih, b_hh = w
        a = linear(x, w_ih, b_ih) + linear(states[0], w_hh, b_hh)  # (N, H)
        return (rnn_step(a, self.nonlinearity),)

    def extra_repr(self) -> str:
        return super().extra_repr() + ", nonlinearity='relu'" * (self.nonlinearity == "relu")

    def _sequence(self, x: State, states: _States, w: _Weights, mask: Mask) -> tuple[Tensor, ...]:
        w_ih, w_hh, b_ih, b_hh = w
        z = _input_part(x, w_ih, b_ih, b_hh)  # (T, N, H)
        return (fused.rnn_sequence(z, states[0], w_hh, mask, self.nonlinearity),)


class LSTM(_Recurrent):
    """The long short-term memory of 5.5 over sequences; see `LSTMCell` for its equations (5-37).

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, fused, rng,
            dtype: as of `RNN`.
        proj_size: P: h_t is W_hr times that of the equations, P numbers in place of H; step by
            step, not fused. 0: as it is (Sak, Senior, Beaufays 2014).
        chapter: h_t = c_t ⊙ o, as the chapter has it, in place of tanh(c_t) ⊙ o.

    Call it with `input` (T, N, I), or (T, I); optionally `hx` = (h_0, c_0), each (L·D, N, H), and
    `lengths` as of `RNN`, or with a `PackedSequence`.

    Returns `output` (T, N, D·H) and (h_n, c_n), each (L·D, N, H); of h with P in place of H.

    >>> output, (h_n, c_n) = LSTM(3, 2, num_layers=2, bidirectional=True)(np.ones((5, 4, 3)))
    >>> output.shape, h_n.shape, c_n.shape
    ((5, 4, 4), (4, 4, 2), (4, 4, 2))
    """

    gates = 4
    states = ("h_0", "c_0")

    @checked(proj_size=whole(0))
    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        proj_size: int = 0, *, chapter: bool = False, fused: bool = True,
        rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if proj_size >= hidden_size:
            raise ValueError(
                f"{type(self).__name__}: proj_size={proj_size} must be less than "
                f"hidden_size={hidden_size}"
            )
        self.proj_size = proj_size
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            fused=fused, rng=rng, dtype=dtype,
        )  # fmt: skip
        self.chapter = chapter

    def _step(self, x: State, states: _States, w: _Weights) -> tuple[Tensor, ...]:
        w_ih, w_hh, b_ih, b_hh, *w_hr = w
        h, c = states
        a = linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)  # (N, 4H)
        *_, c, h = lstm_step(a, c, self.chapter)  # (N, H)
        return linear(h, w_hr[0]) if w_hr else h, c  # (N, P), (N, H)

    def _sequence(self, x: State, states: _States, w: _Weights, mask: Mask) -> tuple[Tensor, ...]:
        w_ih, w_hh, b_ih, b_hh = w
        z = _input_part(x, w_ih, b_ih, b_hh)  # (T, N, 4H)
        h, c = states
        steps = fused.lstm_sequence(z, h, c, w_hh, mask, self.chapter)  # (6, T, N, H)
        return steps[5], steps[4]

    def extra_repr(self) -> str:
        return super().extra_repr() + ", chapter=True" * self.chapter


class GRU(_Recurrent):
    """The gated recurrent unit over sequences; see `GRUCell` for its equations.

    Args: as of `RNN`, without `nonlinearity`.

    Called as `RNN` is. Returns `output` (T, N, D·H) and h_n (L·D, N, H).

    >>> output, h_n = GRU(3, 2, batch_first=True)(np.ones((4, 5, 3)))
    >>> output.shape, h_n.shape
    ((4, 5, 2), (1, 4, 2))
    """

    gates = 3

    def _step(self, x: State, states: _States, w: _Weights) -> tuple[Tensor, ...]:
        w_ih, w_hh, b_ih, b_hh = w
        a, b = linear(x, w_ih, b_ih), linear(states[0], w_hh, b_hh)  # (N, 3H)
        return (gru_step(a, b, states[0])[-1],)

    def _sequence(self, x: State, states: _States, w: _Weights, mask: Mask) -> tuple[Tensor, ...]:
        w_ih, w_hh, b_ih, b_hh = w
        z = _input_part(x, w_ih, b_ih)  # (T, N, 3H)
        b = np.zeros(w_hh.shape[0], w_hh.dtype) if b_hh is None else b_hh
        return (fused.gru_sequence(z, states[0], w_hh, b, mask)[4],)
