"""The optimisers: gradient descent, and those that scale each step by past gradients."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from microgradnd.optim.optimizer import Array, Group, Optimizer, Spare, State, buffer, count_step
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
        g = _decayed(g, w, group, other)  # g + λ w
        if mu:
            v = state.get("momentum_buffer")
            if v is None:
                v = state["momentum_buffer"] = np.array(g, w.dtype)
            else:
                v *= mu
                v += np.multiply(g, 1 - group["dampening"], step)  # v = μ v + (1 - τ) g
            g = np.add(g, np.multiply(v, mu, step), step) if group["nesterov"] else v  # g + μ v
        w -= np.multiply(g, group["lr"], step)  # w = w - η g


class RMSprop(Optimizer):
    """w ← w - η g / (√v + ε) with a running mean v of g².

    v ← α v + (1 - α) g² (Tieleman and Hinton, 2012, lecture 6.5); centred it is the variance:
    m ← α m + (1 - α) g, and v - m² takes the place of v (Graves, 2013, eqs. 38 to 42). With
    momentum b ← μ b + g / (√v + ε), w ← w - η b.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of groups.
        lr: learning rate η.
        alpha: α, how much of the past is kept.
        eps: ε, against division by zero.
        weight_decay: λ; g becomes g + λ w.
        momentum: μ.
        centered: scales by the standard deviation of the gradients.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([1.0, -200.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> RMSprop([w], lr=0.01).step()  # as far for the large gradient as for the small
    >>> w
    Tensor([   0.9, -199.9], requires_grad=True)
    """

    keeps: ClassVar[dict[str, str | None]] = {
        "step": None, "square_avg": None, "momentum_buffer": "momentum", "grad_avg": "centered",
    }  # fmt: skip

    def __init__(
        self, params: Parameters, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        lr, alpha, mu, (step, other) = group["lr"], group["alpha"], group["momentum"], spare
        count_step(state)
        g = _decayed(g, w, group, other)  # g + λ w
        v = buffer(state, "square_avg", w)
        _square_mean(v, g, alpha, step)  # v = α v + (1 - α) g²
        if group["centered"]:
            m = buffer(state, "grad_avg", w)
            _mean(m, g, alpha, step)  # m = α m + (1 - α) g
            v = np.subtract(v, np.multiply(m, m, step), step)  # v - m²
        np.sqrt(v, step)
        step += group["eps"]
        np.divide(g, step, step)  # g / (√v + ε)
        if mu:
            b = buffer(state, "momentum_buffer", w)
            b *= mu
            b += step  # b = μ b + g / (√v + ε)
            step = np.multiply(b, lr, step)
        else:
            step *= lr
        w -= step


class Adagrad(Optimizer):
    """w ← w - η g / (√s + ε) with the sum s of all past g² (Duchi, Hazan and Singer, 2011).

    The rate falls as η / (1 + (t - 1) δ) with the number t of the step.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of groups.
        lr: learning rate η.
        lr_decay: δ.
        weight_decay: λ; g becomes g + λ w.
        initial_accumulator_value: of s.
        eps: ε, against division by zero.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([1.0, -200.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adagrad([w], lr=0.1).step()
    >>> w
    Tensor([   0.9, -199.9], requires_grad=True)
    """

    keeps: ClassVar[dict[str, str | None]] = {"step": None, "sum": None}

    def __init__(
        self, params: Parameters, lr: float = 1e-2, lr_decay: float = 0.0,
        weight_decay: float = 0.0, initial_accumulator_value: float = 0.0, eps: float = 1e-10,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        t, (step, other) = count_step(state), spare
        lr = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        g = _decayed(g, w, group, other)  # g + λ w
        s = buffer(state, "sum", w, group["initial_accumulator_value"])
        s += np.multiply(g, g, step)  # s = s + g²
        np.sqrt(s, step)
        step += group["eps"]
        np.divide(g, step, step)  # g / (√s + ε)
        step *= lr
        w -= step


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
        weight_decay: λ; g becomes g + λ w. `AdamW` keeps λ out of the means.
        amsgrad: never lets a step grow because gradients shrank.

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
    fixed: ClassVar[dict[str, bool]] = {"maximize": False, "decoupled_weight_decay": False}

    def __init__(
        self, params: Parameters, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        lr, (beta1, beta2), (step, other) = group["lr"], group["betas"], spare
        t = count_step(state)
        if self.fixed["decoupled_weight_decay"]:
            w *= 1 - lr * group["weight_decay"]
        else:
            g = _decayed(g, w, group, other)  # g + λ w
        m, v = buffer(state, "exp_avg", w), buffer(state, "exp_avg_sq", w)
        _mean(m, g, beta1, step)  # m = β₁ m + (1 - β₁) g
        _square_mean(v, g, beta2, step)  # v = β₂ v + (1 - β₂) g²
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

    fixed: ClassVar[dict[str, bool]] = {"maximize": False, "decoupled_weight_decay": True}

    def __init__(
        self, params: Parameters, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)


def _decayed(g: Array, w: Array, group: Group, out: Array) -> Array:
    """The gradient g + λ w of a loss with the penalty ½ λ Σ w²."""
    if not group["weight_decay"]:
        return g
    np.multiply(w, group["weight_decay"], out)
    return np.add(out, g, out)


def _mean(m: Array, g: Array, keep: float, spare: Array) -> None:
    """The running mean m ← β m + (1 - β) g, as m + (1 - β)(g - m)."""
    np.subtract(g, m, spare)
    spare *= 1 - keep
    m += spare


def _square_mean(v: Array, g: Array, keep: float, spare: Array) -> None:
    """The running mean of squares v ← β v + (1 - β) g²."""
    v *= keep
    np.multiply(g, g, spare)
    spare *= 1 - keep
    v += spare
