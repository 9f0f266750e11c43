"""Gradient descent, and the optimisers that scale each step by the squares of past gradients."""

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
        maximize: climbs: -∂E/∂w takes the place of ∂E/∂w.

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
        weight_decay: float = 0.0, nesterov: bool = False, *, maximize: bool = False, **ways: Any,
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
        maximize: climbs: -∂E/∂w takes the place of ∂E/∂w.

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
        weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False, *,
        maximize: bool = False, **ways: Any,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        lr, alpha, mu, (step, other) = group["lr"], group["alpha"], group["momentum"], spare
        count_step(state)
        g = decayed(g, w, group, other)  # g + λ w
        v = buffer(state, "square_avg", w)
        square_mean(v, g, alpha, step)  # v = α v + (1 - α) g²
        if group["centered"]:
            m = buffer(state, "grad_avg", w)
            mean(m, g, alpha, step)  # m = α m + (1 - α) g
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
        maximize: climbs: -∂E/∂w takes the place of ∂E/∂w.

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
        *, maximize: bool = False, **ways: Any,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        t, (step, other) = count_step(state), spare
        lr = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        g = decayed(g, w, group, other)  # g + λ w
        s = buffer(state, "sum", w, group["initial_accumulator_value"])
        s += np.multiply(g, g, step)  # s = s + g²
        np.sqrt(s, step)
        step += group["eps"]
        np.divide(g, step, step)  # g / (√s + ε)
        step *= lr
        w -= step


class Adadelta(Optimizer):
    """w ← w - η Δ with Δ = g √(u + ε) / √(v + ε), running means v of g² and u of Δ².

    v ← ρ v + (1 - ρ) g², then u ← ρ u + (1 - ρ) Δ²: a step has the unit of w, so it needs no
    learning rate to speak of (Zeiler, 2012, algorithm 1).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of groups.
        lr: η, by which the steps are scaled.
        rho: ρ, how much of the past is kept.
        eps: ε; its root over that of g² begins the steps.
        weight_decay: λ; g becomes g + λ w.
        maximize: climbs: -∂E/∂w takes the place of ∂E/∂w.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([1.0, -200.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adadelta([w], eps=1e-3).step()
    >>> w.detach().round(3)
    Tensor([   0.9, -199.9])
    """

    keeps: ClassVar[dict[str, str | None]] = {"step": None, "square_avg": None, "acc_delta": None}

    def __init__(
        self, params: Parameters, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6,
        weight_decay: float = 0.0, *, maximize: bool = False, **ways: Any,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        rho, eps, (step, other) = group["rho"], group["eps"], spare
        count_step(state)
        g = decayed(g, w, group, other)  # g + λ w
        v, u = buffer(state, "square_avg", w), buffer(state, "acc_delta", w)
        square_mean(v, g, rho, step)  # v = ρ v + (1 - ρ) g²
        np.add(v, eps, step)
        np.sqrt(step, step)
        np.divide(g, step, other)  # g / √(v + ε)
        np.add(u, eps, step)
        np.sqrt(step, step)
        other *= step  # Δ
        square_mean(u, other, rho, step)  # u = ρ u + (1 - ρ) Δ²
        other *= group["lr"]
        w -= other


class Rprop(Optimizer):
    """w ← w - s sign(g), where each weight has a step s of its own that learns from signs alone.

    s is multiplied by η⁺ where g has the sign of the step before, by η⁻ where it has the other,
    and there the weight rests for one step; s stays within bounds (Riedmiller and Braun, 1993, in
    the form that takes no step back). For gradients of all patterns at once, not of batches.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of groups.
        lr: the first s.
        etas: η⁻ in (0, 1) and η⁺ above 1.
        step_sizes: the bounds of s.
        maximize: climbs: -∂E/∂w takes the place of ∂E/∂w.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([1.0, -200.0], requires_grad=True)
    >>> optimizer = Rprop([w], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimizer.step()
    >>> w
    Tensor([   0.78, -199.78], requires_grad=True)
    """

    keeps: ClassVar[dict[str, str | None]] = {"step": None, "prev": None, "step_size": None}

    def __init__(
        self, params: Parameters, lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0), *, maximize: bool = False, **ways: Any,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def option_problems(self, group: Group) -> list[str]:
        problems = super().option_problems(group)
        if not problems and not 0 < group["etas"][0] < 1 < group["etas"][1]:
            problems.append(f"etas must be one number below 1 and one above, not {group['etas']}")
        if not problems and group["step_sizes"][0] > group["step_sizes"][1]:
            problems.append(f"step_sizes must rise, not {group['step_sizes']}")
        return problems

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        shrink, grow = group["etas"]
        count_step(state)
        s, before = buffer(state, "step_size", w, group["lr"]), buffer(state, "prev", w)
        turn = np.sign(g) * np.sign(before)
        s *= np.where(turn > 0, grow, np.where(turn < 0, shrink, 1)).astype(w.dtype)
        np.clip(s, *group["step_sizes"], out=s)
        np.copyto(before, np.where(turn < 0, 0, g))  # where it turned it rests, and then forgets
        w -= np.multiply(np.sign(before), s, spare[0])


class ASGD(Optimizer):
    """w ← (1 - λ η) w - η g with a falling rate η, and the mean of the weights along the way.

    η ← η₀ / (1 + λ η₀ t)^α after the step of number t. The mean, a ← a + μ (w - a) with
    μ ← 1 / max(1, t - t₀), is kept as `optimizer.state[i]["ax"]` of the i-th parameter: up to
    t₀ it is w itself (Polyak and Juditsky, 1992; Bottou's form).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of groups.
        lr: the first learning rate η₀.
        lambd: λ, the decay.
        alpha: α, the power by which the rate falls.
        t0: t₀, the step after which means are taken.
        weight_decay: g becomes g + `weight_decay` w.
        maximize: climbs: -∂E/∂w takes the place of ∂E/∂w.

    >>> import microgradnd as mg
    >>> w = mg.Tensor([1.0], requires_grad=True)
    >>> optimizer = ASGD([w], lr=0.25, lambd=0.0, t0=1)
    >>> for _ in range(4):
    ...     optimizer.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimizer.step()
    >>> w.item(), optimizer.state[0]["ax"]  # the last weight, and the mean of the last two
    (0.0625, array([0.09375]))
    """

    keeps: ClassVar[dict[str, str | None]] = dict.fromkeys(["step", "eta", "mu", "ax"])

    def __init__(
        self, params: Parameters, lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75,
        t0: float = 1e6, weight_decay: float = 0.0, *, maximize: bool = False, **ways: Any,
    ) -> None:  # fmt: skip
        super().__init__(params, locals())

    def update(self, w: Array, g: Array, state: State, group: Group, spare: Spare) -> None:
        lr, lambd, (step, other) = group["lr"], group["lambd"], spare
        t = count_step(state)
        a = buffer(state, "ax", w)
        eta, mu = state["eta"] if t > 1 else lr, state["mu"] if t > 1 else 1.0
        g = decayed(g, w, group, other)
        w *= 1 - lambd * eta
        w -= np.multiply(g, eta, step)  # w = (1 - λ η) w - η g
        if mu == 1:
            np.copyto(a, w)
        else:
            mean(a, w, 1 - mu, step)  # a = a + μ (w - a)
        state["eta"] = lr / (1 + lambd * lr * t) ** group["alpha"]
        state["mu"] = 1 / max(1, t - group["t0"])
