"""Recurrent cells: one step of a recurrent network, every gate a node of the graph."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from microgradnd.arguments import checked
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.nn.init import uniform_parameter
from microgradnd.nn.module import Module
from microgradnd.ops.linalg import linear
from microgradnd.ops.recurrent_steps import gru_step, lstm_step, rnn_step
from microgradnd.random import generator

State: TypeAlias = Tensor | np.ndarray
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def draw_weights(
    module: Any, suffix: str, input_size: int, bias: bool, rng: np.random.Generator, dtype: Any
) -> None:
    """W_ih, W_hh, b_ih, b_hh, each uniform in ±1/√H as in PyTorch; the biases may be None.

    With `proj_size` P, W_hr too, which projects h_t to P numbers.
    """
    width, rows = module.hidden_size, module.gates * module.hidden_size
    out = getattr(module, "proj_size", 0) or width
    shapes = [(rows, input_size), (rows, out), (rows,), (rows,)]
    shapes += [(out, width)] if out < width else []
    for name, shape in zip(WEIGHTS, shapes):
        wanted = bias or len(shape) == 2
        drawn = uniform_parameter(shape, width**-0.5, rng, dtype) if wanted else None
        setattr(module, name + suffix, drawn)


class _RecurrentCell(Module):
    """What the cells share: W_ih, W_hh and two biases, and the start of the state at zero."""

    gates: int
    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    @checked()
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
        dtype: Any = None,
    ) -> None:
        self.input_size, self.hidden_size = input_size, hidden_size
        draw_weights(self, "", input_size, bias, generator(rng), dtype or default_dtype[0])

    def _start(self, x: TensorLike, state: TensorLike | None) -> State:
        """The state given, or zeros in the shape and dtype of one for x; checks both widths."""
        kind = type(self).__name__
        shape = as_tensor(x, kind, "input").shape
        if len(shape) not in (1, 2) or shape[-1] != self.input_size:
            raise ValueError(
                f"{kind}: the input must have shape (N, {self.input_size}) or "
                f"({self.input_size},), got {shape}"
            )
        wanted = (*shape[:-1], self.hidden_size)
        if state is None:
            return np.zeros(wanted, self.weight_hh.dtype)
        state = as_tensor(state, kind, "hx")
        if state.shape != wanted:
            raise ValueError(
                f"{kind}: the state must have shape {wanted}, as the input has {shape}; "
                f"got {state.shape}"
            )
        return state

    def extra_repr(self) -> str:
        bias = ", bias=False" * (self.bias_ih is None)
        return f"{self.input_size}, {self.hidden_size}{bias}"


class RNNCell(_RecurrentCell):
    """One step of the plain recurrent network, h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh).

    The chapter's cell (5.4.3), h_t = tanh([h_{t-1}, x_t] W + b), is this with W = [W_hh, W_ih]ᵀ and
    b = b_ih + b_hh. Its (n + x)·n + n parameters are `RNNCell(x, n)`'s, which has PyTorch's two
    biases, less one bias of n; only the sum of the two matters.

    Args:
        input_size: length of x, I.
        hidden_size: length of h, H.
        bias: whether the biases are added.
        nonlinearity: "tanh" or "relu".
        rng: draws the start, all parameters uniform in ±1/√H as in PyTorch.
        dtype: of the parameters; default `get_default_dtype()`.

    Shapes: x (N, I) or (I,), h (N, H) or (H,), weight_ih (H, I), weight_hh (H, H), biases (H,).

    >>> cell = RNNCell(3, 2)
    >>> cell(np.ones((4, 3))).shape
    (4, 2)
    """

    gates = 1

    @checked()
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        rng: np.random.Generator | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, rng=rng, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: TensorLike, hx: TensorLike | None = None) -> Tensor:
        h = self._start(input, hx)  # (N, H)
        a = linear(input, self.weight_ih, self.bias_ih)  # (N, H)
        a = a + linear(h, self.weight_hh, self.bias_hh)  # (N, H)
        return rnn_step(a, self.nonlinearity)  # (N, H)

    def extra_repr(self) -> str:
        return super().extra_repr() + ", nonlinearity='relu'" * (self.nonlinearity == "relu")


class LSTMCell(_RecurrentCell):
    """One step of the LSTM (eq. 5-37), with the gates' biases inside σ.

    i, f, o = σ(W [x_t, h_{t-1}] + b), g = tanh(W [x_t, h_{t-1}] + b), each with its own W and b;
    c_t = g ⊙ i + c_{t-1} ⊙ f and h_t = tanh(c_t) ⊙ o.

    Args:
        input_size: length of x, I.
        hidden_size: length of h and c, H.
        bias: whether the biases are added.
        chapter: h_t = c_t ⊙ o, as the chapter has it.
        rng: draws the start, all parameters uniform in ±1/√H as in PyTorch.
        dtype: of the parameters; default `get_default_dtype()`.

    Shapes: x (N, I) or (I,), h and c (N, H) or (H,); weight_ih (4H, I), weight_hh (4H, H), biases
    (4H,), the gates' rows in the order i, f, g, o. Returns h_t and c_t.

    Source: Hochreiter and Schmidhuber, "Long short-term memory" (1997), with the forget gate of
    Gers et al. (2000).

    >>> h, c = LSTMCell(3, 2)(np.ones((4, 3)))
    >>> h.shape, c.shape
    ((4, 2), (4, 2))
    """

    gates = 4

    @checked()
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        chapter: bool = False,
        rng: np.random.Generator | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, rng=rng, dtype=dtype)
        self.chapter = chapter

    def forward(
        self, input: TensorLike, hx: tuple[TensorLike, TensorLike] | None = None
    ) -> tuple[Tensor, Tensor]:
        h, c = (self._start(input, state) for state in hx or (None, None))  # (N, H)
        a = linear(input, self.weight_ih, self.bias_ih)  # (N, 4H)
        a = a + linear(h, self.weight_hh, self.bias_hh)  # (N, 4H)
        *_, c, h = lstm_step(a, c, self.chapter)  # (N, H)
        return h, c

    def extra_repr(self) -> str:
        return super().extra_repr() + ", chapter=True" * self.chapter


class GRUCell(_RecurrentCell):
    """One step of the gated recurrent unit.

    r, z = σ(W x_t + b + V h_{t-1} + d), n = tanh(W x_t + b + r ⊙ (V h_{t-1} + d)), each with its
    own weights and biases; h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}.

    Args:
        input_size: length of x, I.
        hidden_size: length of h, H.
        bias: whether the biases are added.
        rng: draws the start, all parameters uniform in ±1/√H as in PyTorch.
        dtype: of the parameters; default `get_default_dtype()`.

    Shapes: x (N, I) or (I,), h (N, H) or (H,); weight_ih (3H, I), weight_hh (3H, H), biases (3H,),
    the gates' rows in the order r, z, n. Returns h_t.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014).

    >>> GRUCell(3, 2)(np.ones((4, 3))).shape
    (4, 2)
    """

    gates = 3

    def forward(self, input: TensorLike, hx: TensorLike | None = None) -> Tensor:
        h = self._start(input, hx)  # (N, H)
        a = linear(input, self.weight_ih, self.bias_ih)  # (N, 3H)
        b = linear(h, self.weight_hh, self.bias_hh)  # (N, 3H)
        return gru_step(a, b, h)[-1]  # (N, H)
