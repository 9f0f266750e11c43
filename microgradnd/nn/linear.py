"""Fully connected layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.arguments import checked
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, default_dtype
from microgradnd.nn.init import uniform_parameter
from microgradnd.nn.module import Module
from microgradnd.ops.linalg import linear
from microgradnd.random import generator


class Linear(Module):
    """The fully connected layer a = W x + b of eqs. 5-33 and 5-34.

    Args:
        in_features: length of x, I.
        out_features: length of a, O.
        bias: whether b is added.
        rng: draws the start, weight and bias uniform in ±1/√I as in PyTorch.
        dtype: of the parameters; default `get_default_dtype()`.

    Shapes: x (..., I), weight (O, I), bias (O,), result (..., O).

    >>> Linear(3, 2)(np.ones((4, 3))).shape
    (4, 2)
    """

    @checked()
    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
        dtype: Any = None,
    ) -> None:
        self.in_features, self.out_features = in_features, out_features
        rng, dtype = generator(rng), dtype or default_dtype[0]
        bound = in_features**-0.5 if in_features else 0.0
        self.weight = uniform_parameter((out_features, in_features), bound, rng, dtype)
        self.bias: Tensor | None = None
        if bias:
            self.bias = uniform_parameter(out_features, bound, rng, dtype)

    def forward(self, x: TensorLike) -> Tensor:
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}" + ", bias=False" * (self.bias is None)
