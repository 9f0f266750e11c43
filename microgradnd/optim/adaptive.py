"""Adam and its kin: running means of the gradient and of its size, freed of their start at zero."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from microgradnd.optim.optimizer import (
    Array,
    Group,
    Optimizer,
    Spare,
    State,
    buffer,
    count_step,
    decayed,
    mean,
    square_mean,
)
from microgradnd.parameters import Parameters


class Adam(Optimizer):
    """w ← w - η m̂ / (√v̂ + ε) with running means m of g and v of g².

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², both freed of their start at zero:
    m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ) (Kingma and Ba, 2015, algorithm 1). With `amsgrad` the
    largest v so far takes the place of v in v̂ (Reddi, Kale and Kumar, 2018).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of groups.
        lr: learning rate η, about the length of a step.
        betas: β₁ and β₂, how much of the past is kept.
        eps: ε, against division by zero.
        weight_decay: λ; g becomes g + λ w.
        amsgrad: never lets a step grow because gradients shrank.
        maximize: climbs: -∂E/∂w takes the place of ∂E/∂w.
        decoupled_weight_decay: w ← (1 - η λ) w instead, as `AdamW` has it.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([1.0, -200.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adam([w], lr=0.1).step()
    >>> w
    Tensor([   0.9, -199.9], requires_grad=True)
    """

    keeps: ClassVar[dict[str, str | None]] = {
        "step": None, "exp_avg": None, "exp_avg_sq": None, "max_exp_avg_sq": "amsgrad",
    }  # fmt: skip

    def __init__(
        self, params: Parameters, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False, *,
        maximize: bool = False, decoupled_weight_decay: bool = False, **ways: Any,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        lr, (beta1, beta2), (step, _) = group["lr"], group["betas"], spare
        t, g, m, v = _moments(w, g, state, group, spare)
        if group["amsgrad"]:
            largest = buffer(state, "max_exp_avg_sq", w)
            v = np.maximum(largest, v, out=largest)
        np.sqrt(v, step)
        step /= (1 - beta2**t) ** 0.5
        step += group["eps"]  # √v̂ + ε
        np.divide(m, step, step)
        step *= lr / (1 - beta1**t)  # η m̂ / (√v̂ + ε)
        w -= step


class AdamW(Adam):
    """Adam with a weight decay of its own: w ← (1 - η λ) w, then Adam's step.

    So large gradients do not weaken the decay (Loshchilov and Hutter, 2019, algorithm 2).

    Its arguments are those of `Adam`, with λ = `weight_decay`.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([1.0, -200.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> AdamW([w], lr=0.1, weight_decay=0.1).step()
    >>> w
    Tensor([   0.89, -197.9 ], requires_grad=True)
    """

    fixed: ClassVar[dict[str, bool]] = {"decoupled_weight_decay": True}

    def __init__(
        self, params: Parameters, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, *,
        maximize: bool = False, **ways: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad,
            maximize=maximize, decoupled_weight_decay=True, **ways,
        )  # fmt: skip


class Adamax(Optimizer):
    """w ← w - η m̂ / u with a running mean m of g and a fading maximum u of |g|.

    m ← β₁ m + (1 - β₁) g, m̂ = m / (1 - β₁ᵗ), u ← max(β₂ u, |g| + ε): Adam in the maximum norm
    (Kingma and Ba, 2015, algorithm 2).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of groups.
        lr: learning rate η, the longest step.
        betas: β₁ and β₂, how much of the past is kept.
        eps: ε, against division by zero.
        weight_decay: λ; g becomes g + λ w.
        maximize: climbs: -∂E/∂w takes the place of ∂E/∂w.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([1.0, -200.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adamax([w], lr=0.125).step()
    >>> w
    Tensor([   0.875, -199.875], requires_grad=True)
    """

    keeps: ClassVar[dict[str, str | None]] = {"step": None, "exp_avg": None, "exp_inf": None}

    def __init__(
        self, params: Parameters, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0, *, maximize: bool = False, **ways: Any,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        lr, (beta1, beta2), (step, other) = group["lr"], group["betas"], spare
        t = count_step(state)
        g = decayed(g, w, group, other)  # g + λ w
        m, u = buffer(state, "exp_avg", w), buffer(state, "exp_inf", w)
        mean(m, g, beta1, step)  # m = β₁ m + (1 - β₁) g
        np.abs(g, step)
        step += group["eps"]
        u *= beta2
        np.maximum(u, step, out=u)  # u = max(β₂ u, |g| + ε)
        np.divide(m, u, step)
        step *= lr / (1 - beta1**t)  # η m̂ / u
        w -= step


class NAdam(Optimizer):
    """Adam that looks ahead: w ← w - η (μ' m / (1 - Πμ μ') + (1 - μ) g / (1 - Πμ)) / (√v̂ + ε).

    m, v and v̂ as in `Adam`. The momentum μ = β₁ (1 - ½ 0.96^(t ψ)) grows with the number t of the
    step; μ' is the next step's, Πμ the product of all up to now (Dozat, 2016, algorithm 2).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of groups.
        lr: learning rate η, about the length of a step.
        betas: β₁ and β₂, how much of the past is kept.
        eps: ε, against division by zero.
        weight_decay: λ; g becomes g + λ w.
        momentum_decay: ψ.
        decoupled_weight_decay: w ← (1 - η λ) w instead, as `AdamW` has it.
        maximize: climbs: -∂E/∂w takes the place of ∂E/∂w.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([1.0, -200.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> NAdam([w], lr=0.1).step()
    >>> w.detach().round(3)
    Tensor([   0.894, -199.894])
    """

    keeps: ClassVar[dict[str, str | None]] = dict.fromkeys(
        ["step", "mu_product", "exp_avg", "exp_avg_sq"]
    )

    def __init__(
        self, params: Parameters, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0, momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False, *, maximize: bool = False, **ways: Any,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        lr, (beta1, beta2), (step, other) = group["lr"], group["betas"], spare
        t, g, m, v = _moments(w, g, state, group, spare)
        mu, later = (beta1 * (1 - 0.5 * 0.96 ** (k * group["momentum_decay"])) for k in (t, t + 1))
        product = state["mu_product"] = state.get("mu_product", 1.0) * mu
        np.multiply(g, lr * (1 - mu) / (1 - product), other)
        other += np.multiply(m, lr * later / (1 - product * later), step)
        np.sqrt(v, step)
        step /= (1 - beta2**t) ** 0.5
        step += group["eps"]  # √v̂ + ε
        other /= step
        w -= other


class RAdam(Optimizer):
    """Adam that warms up by itself: w ← w - η r m̂ / √v̂, and - η m̂ while v says too little.

    m, v, m̂ and v̂ as in `Adam`, √v̂ with ε in it as (√v + ε) / √(1 - β₂ᵗ). v at step t averages
    about ρ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ) squares, in the end ρ∞ = 2 / (1 - β₂) - 1; from ρ > 5 on,
    r = √((ρ - 4)(ρ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρ)) (Liu et al., 2020, algorithm 2).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of groups.
        lr: learning rate η.
        betas: β₁ and β₂, how much of the past is kept.
        eps: ε, against division by zero.
        weight_decay: λ; g becomes g + λ w.
        decoupled_weight_decay: w ← (1 - η λ) w instead, as `AdamW` has it.
        maximize: climbs: -∂E/∂w takes the place of ∂E/∂w.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([1.0, -200.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> RAdam([w], lr=0.1).step()  # at first as gradient descent
    >>> w
    Tensor([   0.8, -160. ], requires_grad=True)
    """

    keeps: ClassVar[dict[str, str | None]] = dict.fromkeys(["step", "exp_avg", "exp_avg_sq"])

    def __init__(
        self, params: Parameters, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0, decoupled_weight_decay: bool = False, *,
        maximize: bool = False, **ways: Any,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        lr, (beta1, beta2), (step, _) = group["lr"], group["betas"], spare
        t, g, m, v = _moments(w, g, state, group, spare)
        left1, left2, end = 1 - beta1**t, 1 - beta2**t, 2 / (1 - beta2) - 1
        rho = end - 2 * t * beta2**t / left2
        if rho <= 5:
            w -= np.multiply(m, lr / left1, step)  # η m̂
            return
        r = ((rho - 4) * (rho - 2) * end / ((end - 4) * (end - 2) * rho)) ** 0.5
        np.sqrt(v, step)
        step += group["eps"]
        np.divide(m, step, step)
        step *= lr * r * left2**0.5 / left1  # η r m̂ / √v̂
        w -= step


def _moments(
    w: Array, g: Array, state: State, group: Group, spare: Spare
) -> tuple[int, Array, Array, Array]:
    """The number of the step, the gradient with its decay, and the running means of it and g²."""
    t, (beta1, beta2), (step, other) = count_step(state), group["betas"], spare
    g = _decayed(g, w, group, other)
    m, v = buffer(state, "exp_avg", w), buffer(state, "exp_avg_sq", w)
    mean(m, g, beta1, step)  # m = β₁ m + (1 - β₁) g
    square_mean(v, g, beta2, step)  # v = β₂ v + (1 - β₂) g²
    return t, g, m, v


def _decayed(g: Array, w: Array, group: Group, out: Array) -> Array:
    """The gradient g + λ w; or, decoupled, w ← (1 - η λ) w and the gradient as it is."""
    if group["decoupled_weight_decay"]:
        w *= 1 - group["lr"] * group["weight_decay"]
        return g
    return decayed(g, w, group, out)
