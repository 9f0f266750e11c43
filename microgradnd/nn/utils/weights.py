"""Weights written in other parameters: length and direction, or held to a largest stretch."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.arguments import NOT_NEGATIVE, RNG, instance, is_whole, require, shown, whole
from microgradnd.engine import Tensor
from microgradnd.nn.module import Module
from microgradnd.parameters import Parameter
from microgradnd.random import generator

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]
_MODULE = instance(Module, "a layer")


class _Rewritten:
    """A hook that computes a layer's weight from what it is written in, before each call."""

    parts: tuple[str, ...]  # what its parameters' names end in

    def __init__(self, name: str, module: Module) -> None:
        self.name = name
        self.handle = module.register_forward_pre_hook(self)

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.weight(module))

    def weight(self, module: Module) -> Tensor:
        raise NotImplementedError

    def removed(self, module: Module) -> Module:
        """The layer, its weight a parameter again."""
        weight = self.weight(module).detach()
        self.handle.remove()
        for part in self.parts:
            delattr(module, self.name + part)
        setattr(module, self.name, Parameter(weight))
        return module


def _weight_of(owner: str, module: Any, name: Any) -> Tensor:
    require(owner, "module", module, _MODULE)
    if not isinstance(name, str):
        raise TypeError(f"{owner}: name must be a string, not {shown(name)}")
    found = dict(module.own("parameter")).get(name)
    if found is None or not found.ndim:
        raise ValueError(f"{owner}: name {name!r} is no weight of this {type(module).__name__}")
    return found


def _hook_of(owner: str, kind: type, module: Any, name: Any) -> Any:
    require(owner, "module", module, _MODULE)
    if not isinstance(name, str):
        raise TypeError(f"{owner}: name must be a string, not {shown(name)}")
    for hook in module._hook_tables()["before"].values():
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]
            return hook
    raise ValueError(
        f"{owner}: module, a {type(module).__name__}, has no name {name!r} that is so written"
    )


class _WeightNorm(_Rewritten):
    parts = ("_g", "_v")

    def __init__(self, name: str, module: Module, dim: int | None) -> None:
        super().__init__(name, module)
        self.dim = dim

    def length(self, v: Tensor) -> Tensor:
        axes = None if self.dim is None else tuple(i for i in range(v.ndim) if i != self.dim)
        return (v * v).sum(axis=axes, keepdims=self.dim is not None) ** 0.5

    def weight(self, module: Module) -> Tensor:
        g, v = (getattr(module, self.name + part) for part in self.parts)
        return v * (g / self.length(v))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Writes a layer's weight as g · v / ‖v‖, the length and direction, which are learned instead.

    The parameters are called NAME_g and NAME_v. Source: Salimans, Kingma 2016.

    Args:
        dim: the axis of which each entry has a length of its own; None (or -1, as in PyTorch): one
            for all.

    >>> from microgradnd.nn import Linear
    >>> layer = weight_norm(Linear(2, 3))
    >>> [(name, p.shape) for name, p in layer.named_parameters()]
    [('bias', (3,)), ('weight_g', (3, 1)), ('weight_v', (3, 2))]
    """
    w = _weight_of("weight_norm", module, name)
    if dim is not None and not (is_whole(dim) and -1 <= dim < w.ndim):
        words = f"weight_norm: dim must be an axis of {name}, of shape {w.shape}, or None, not "
        raise (ValueError if is_whole(dim) else TypeError)(words + shown(dim))
    hook = _WeightNorm(name, module, None if dim is None or dim == -1 else int(dim))
    delattr(module, name)
    setattr(module, f"{name}_g", Parameter(hook.length(w).detach()))
    setattr(module, f"{name}_v", Parameter(w.detach()))
    hook(module, ())
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Makes the weight a parameter again, of the value that it has."""
    hook = _hook_of("remove_weight_norm", _WeightNorm, module, name)
    return hook.removed(module)


class _SpectralNorm(_Rewritten):
    parts = ("_orig", "_u", "_v")

    def __init__(self, name: str, module: Module, steps: int, eps: float, dim: int) -> None:
        super().__init__(name, module)
        self.steps, self.eps, self.dim = steps, eps, dim

    def matrix(self, w: Any) -> Any:
        """The weight with the axis `dim` first and all others as one."""
        axes = (self.dim, *(i for i in range(w.ndim) if i != self.dim))
        return w.transpose(axes).reshape((w.shape[self.dim], -1))

    def unit(self, x: np.ndarray) -> np.ndarray:
        return x / max(float(np.sqrt((x * x).sum())), self.eps)

    def improve(self, m: np.ndarray, u: np.ndarray, v: np.ndarray, steps: int) -> None:
        """Power iteration: u and v, changed in place, go towards the singular vectors."""
        for _ in range(steps):
            v[...] = self.unit(m.T @ u)
            u[...] = self.unit(m @ v)

    def weight(self, module: Module) -> Tensor:
        w, u, v = (getattr(module, self.name + part) for part in self.parts)
        m = self.matrix(w)
        if module.training:
            self.improve(m.data, u, v, self.steps)
        return w / (u.copy() @ (m @ v.copy()))

    def removed(self, module: Module) -> Module:
        training, module.training = module.training, False  # the value that it has
        super().removed(module)
        module.training = training
        return module


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
    dim: int | None = None,
    *, rng: np.random.Generator | None = None,
) -> Module:  # fmt: skip
    """Divides a layer's weight by its largest singular value, so that it stretches nothing.

    NAME_orig is learned; the buffers NAME_u and NAME_v are singular vectors, improved by some steps
    of power iteration at each call in training. Source: Miyato et al. 2018.

    Args:
        n_power_iterations: how many.
        eps: below which a vector's length is not divided by.
        dim: the axis that counts the outputs; None: 0, of transposed convolutions 1.
        rng: draws where u and v start.

    >>> from microgradnd.nn import Linear
    >>> layer = spectral_norm(Linear(2, 3), n_power_iterations=20)
    >>> round(float(np.linalg.norm(layer.weight.data, 2)), 6)
    1.0
    """
    w = _weight_of("spectral_norm", module, name)
    require("spectral_norm", "n_power_iterations", n_power_iterations, whole(1))
    require("spectral_norm", "eps", eps, NOT_NEGATIVE)
    require("spectral_norm", "rng", rng, RNG)
    if dim is None:
        dim = int("Transpose" in type(module).__name__)
    elif not (is_whole(dim) and -w.ndim <= dim < w.ndim):
        words = f"spectral_norm: dim must be an axis of {name}, of shape {w.shape}, or None, not "
        raise (ValueError if is_whole(dim) else TypeError)(words + shown(dim))
    hook = _SpectralNorm(name, module, n_power_iterations, eps, int(dim) % w.ndim)
    m, draws = hook.matrix(w.data), generator(rng)
    u, v = (hook.unit(draws.standard_normal(n)).astype(w.dtype) for n in m.shape)
    hook.improve(m, u, v, 15)
    delattr(module, name)
    setattr(module, f"{name}_orig", Parameter(w.detach()))
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    hook(module, ())
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Makes the weight a parameter again, of the value that it has."""
    return _hook_of("remove_spectral_norm", _SpectralNorm, module, name).removed(module)
