"""Single neurons and layers of them, as section 5.2 writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd.arguments import CALLABLE, checked, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor
from microgradnd.functions import sigmoid, step
from microgradnd.nn.linear import Linear


class Perceptron(Linear):
    """The neuron y = f(Σ_i w_i x_i), its bias b the term i = 0 (eq. 5-1).

    Args:
        in_features: length of x, I.
        out_features: how many neurons look at x, O.
        activation: f; the step of eq. 5-23 by default, through which no gradient passes. Such a
            neuron learns by `optim.perceptron`; with a smooth f, by gradients.
        rng: draws the start, weight and bias uniform in ±1/√I.
        dtype: of the parameters; default `get_default_dtype()`.

    Shapes: x (..., I), weight (O, I), bias (O,), result (..., O).

    >>> neuron = Perceptron(2)
    >>> neuron.weight.data, neuron.bias.data = [[1.0, 1.0]], [-1.5]
    >>> neuron([[0.0, 1.0], [1.0, 1.0]]).tolist()  # AND
    [[0.0], [1.0]]
    """

    @checked(in_features=whole(1), out_features=whole(1), activation=CALLABLE)
    def __init__(
        self,
        in_features: int,
        out_features: int = 1,
        activation: Callable[[Tensor], Tensor] = step,
        *,
        rng: np.random.Generator | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(in_features, out_features, rng=rng, dtype=dtype)
        self.activation = activation

    def forward(self, x: TensorLike) -> Tensor:
        return self.activation(super().forward(x))  # (..., O)


class ThresholdUnit(Perceptron):
    """The unit with a threshold, net_j = Σ_i w_ji x_i + b_j, h_j = f(net_j - θ_j) (5-2, 5-3).

    θ starts at 0. It acts as a bias of the opposite sign: the gradients are ∂E/∂θ = -∂E/∂b.

    Args:
        in_features: length of x, I.
        out_features: number of units, O.
        activation: f; the sigmoid of eq. 5-2 by default.
        rng: draws the start, weight and bias uniform in ±1/√I.
        dtype: of the parameters; default `get_default_dtype()`.

    Shapes: x (..., I), weight (O, I), bias and threshold (O,), result (..., O).

    >>> unit = ThresholdUnit(2)
    >>> unit.weight.data, unit.bias.data, unit.threshold.data = [[2.0, 1.0]], [0.5], [3.5]
    >>> unit([1.0, 1.0])
    Tensor([0.5], op='sigmoid')
    """

    def __init__(
        self,
        in_features: int,
        out_features: int = 1,
        activation: Callable[[Tensor], Tensor] = sigmoid,
        *,
        rng: np.random.Generator | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(in_features, out_features, activation, rng=rng, dtype=dtype)
        self.threshold = Tensor(np.zeros(out_features, self.weight.dtype), requires_grad=True)

    def forward(self, x: TensorLike) -> Tensor:
        net = Linear.forward(self, x)  # (..., O)
        return self.activation(net - self.threshold)  # (..., O)
