"""Gradient descent, with momentum if wanted."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from microgradnd.optim.optimizer import Array, Group, Optimizer, Spare, State
from microgradnd.parameters import Parameters


class SGD(Optimizer):
    """Gradient descent w ← w - η ∂E/∂w of eqs. 5-7 and 5-8, with momentum if wanted.

    g = ∂E/∂w + λ w; with momentum v ← μ v + (1 - τ) g, at first v = g, and v takes the place of g
    (Polyak, 1964), or g + μ v does (Nesterov, in the form of Sutskever et al., 2013, eqs. 3 and 4).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of groups.
        lr: learning rate η, in the chapter between 0 and 1.
        momentum: μ.
        dampening: τ.
        weight_decay: λ; the same as the penalty `l2_penalty(params, λ)` in the loss.
        nesterov: looks ahead; needs momentum, and no dampening.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([4.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.25)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimizer.step()
    >>> w
    Tensor([0.5], requires_grad=True)
    """

    keeps: ClassVar[dict[str, str | None]] = {"momentum_buffer": "momentum"}

    def __init__(
        self, params: Parameters, lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def option_problems(self, group: Group) -> list[str]:
        problems = super().option_problems(group)
        if not problems and group.get("nesterov"):
            wrong = group["momentum"] <= 0 or group["dampening"] != 0
            problems = ["nesterov needs momentum > 0 and dampening = 0"] * wrong
        return problems

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        mu, (step, other) = group["momentum"], spare
        g = decayed(g, w, group, other)  # g + λ w
        if mu:
            v = state.get("momentum_buffer")
            if v is None:
                v = state["momentum_buffer"] = np.array(g, w.dtype)
            else:
                v *= mu
                v += np.multiply(g, 1 - group["dampening"], step)  # v = μ v + (1 - τ) g
            g = np.add(g, np.multiply(v, mu, step), step) if group["nesterov"] else v  # g + μ v
        w -= np.multiply(g, group["lr"], step)  # w = w - η g


def decayed(g: Array, w: Array, group: Group, out: Array) -> Array:
    """The gradient g + λ w of a loss with the penalty ½ λ Σ w²."""
    if not group["weight_decay"]:
        return g
    np.multiply(w, group["weight_decay"], out)
    return np.add(out, g, out)
