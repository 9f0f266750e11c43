"""Penalties on the size of parameters, to be added to a loss (R1, and λ of N9)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

from microgradnd.arguments import check
from microgradnd.engine import Tensor
from microgradnd.parameters import tensors_of


def l1_penalty(parameters: Iterable[Any], strength: float) -> Tensor:
    """λ Σ |w| over all parameters: drives small ones to 0.

    >>> l1_penalty([Tensor([1.0, -2.0])], 0.5)
    Tensor(1.5)
    """
    check("l1_penalty", strength=strength)
    return _total([p.abs().sum() for p in tensors_of(parameters, "l1_penalty")]) * strength


def l2_penalty(parameters: Iterable[Any], strength: float) -> Tensor:
    """½ λ Σ w² over all parameters; its gradient is λ w, the weight decay of `SGD`.

    >>> l2_penalty([Tensor([1.0, -2.0])], 0.5)
    Tensor(1.25)
    """
    check("l2_penalty", strength=strength)
    return _total([(p * p).sum() for p in tensors_of(parameters, "l2_penalty")]) * (0.5 * strength)


def _total(terms: list[Tensor]) -> Tensor:
    return reduce(add, terms)
