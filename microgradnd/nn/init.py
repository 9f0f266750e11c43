"""Initialisers: fill a parameter with its start, in place, under PyTorch's names.

They set the width of the start so that signals (fan_in) or gradients (fan_out) keep their size
from layer to layer. Each takes a leaf, gives it back filled, and records nothing.

>>> import microgradnd as mg
>>> w = mg.Tensor(np.empty((2, 3)), requires_grad=True)
>>> ones_(w)
Tensor([[1., 1., 1.],
        [1., 1., 1.]], requires_grad=True)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from microgradnd import errors
from microgradnd.arguments import NUMBER, check, instance, one_of, optional, require
from microgradnd.engine import Tensor
from microgradnd.random import generator

__all__ = [
    "calculate_gain", "constant_", "fans", "kaiming_normal_", "kaiming_uniform_", "normal_",
    "ones_", "orthogonal_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_",
    "zeros_",
]  # fmt: skip
if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__)

_LINEAR = ("linear", "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "sigmoid")
_GAINS = {name: 1.0 for name in _LINEAR} | {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}

_ACTIVATIONS = one_of(*_GAINS, "leaky_relu")
_TENSOR = instance(Tensor, "a Tensor; wrap an array: Tensor(x)")


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that makes up for what an activation takes from the width of a signal.

    1 for linear layers and the sigmoid, 5/3 for tanh, √2 for relu, 3/4 for selu, and
    √(2/(1 + a²)) for leaky_relu, a = `param` (0.01 if not given).

    >>> calculate_gain("tanh")
    1.6666666666666667
    """
    require("calculate_gain", "nonlinearity", nonlinearity, _ACTIVATIONS)
    require("calculate_gain", "param", param, optional(NUMBER))
    if nonlinearity == "leaky_relu":
        return math.sqrt(2) / math.hypot(1, 0.01 if param is None else param)
    return _GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs an output sees, and how many outputs an input: fan_in and fan_out.

    Shapes: weight (O, I) or of a convolution (O, C/groups, F, F): I and O, each times F·F.

    >>> fans(Tensor(np.empty((20, 3, 5, 5))))
    (75, 500)
    """
    return _fans(tensor, "fans")


def _fans(tensor: Tensor, name: str) -> tuple[int, int]:
    require(name, "tensor", tensor, _TENSOR)
    shape = tensor.shape
    if len(shape) < 2:
        raise ValueError(
            f"{name}: needs a weight of 2 or more axes (O, I, ...), got shape {shape}; "
            "fill a bias by zeros_, constant_ or uniform_"
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fills with one number.

    >>> constant_(Tensor([0.0, 0.0]), 0.5)
    Tensor([0.5, 0.5])
    """
    check("constant_", val=val)
    return _filled("constant_", tensor, lambda shape: np.full(shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """Fills with 0.

    >>> zeros_(Tensor([1.0, 2.0]))
    Tensor([0., 0.])
    """
    return _filled("zeros_", tensor, np.zeros)


def ones_(tensor: Tensor) -> Tensor:
    """Fills with 1.

    >>> ones_(Tensor([3.0, 2.0]))
    Tensor([1., 1.])
    """
    return _filled("ones_", tensor, np.ones)


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, *, rng: np.random.Generator | None = None
) -> Tensor:
    """Draws each element evenly from [a, b): mean (a + b)/2, variance (b - a)²/12.

    >>> float(uniform_(Tensor(np.empty(100)), -2.0, -1.0).max()) < -1
    True
    """
    require("uniform_", "a", a, NUMBER)
    require("uniform_", "b", b, NUMBER)
    check("uniform_", rng=rng)
    if not a <= b:
        raise ValueError(f"uniform_: a={a!r} must not be above b={b!r}")
    return _filled("uniform_", tensor, lambda shape: generator(rng).uniform(a, b, shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, *, rng: np.random.Generator | None = None
) -> Tensor:
    """Draws each element from the normal distribution of that mean and standard deviation.

    >>> normal_(Tensor([0.0, 0.0]), mean=3.0, std=0.0)
    Tensor([3., 3.])
    """
    check("normal_", mean=mean, std=std, rng=rng)
    return _filled("normal_", tensor, lambda shape: generator(rng).normal(mean, std, shape))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
    *, rng: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Draws each element from the normal distribution, of which only what is in [a, b] is left.

    The bounds are values, as in PyTorch, not numbers of standard deviations.

    >>> float(trunc_normal_(Tensor(np.empty(100)), std=5.0).max()) <= 2
    True
    """
    name = "trunc_normal_"
    for key, value in (("a", a), ("b", b)):
        require(name, key, value, NUMBER)
    check(name, mean=mean, std=std, rng=rng)
    if not a < b or std == 0:
        raise ValueError(f"{name}: needs a < b and std > 0, got a={a!r}, b={b!r}, std={std!r}")
    low, high = (a - mean) / std, (b - mean) / std
    top = min(max(low, 0.0), high)  # where the density is highest; it ends within this reach of it
    reach = min(9.0, 40.0 / abs(top)) if top else 9.0
    low, high = max(low, top - reach), min(high, top + reach)

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        source, drawn, missing = generator(rng), [np.empty(0)], math.prod(shape)
        while missing > 0:
            z = source.uniform(low, high, 4 * missing + 16)
            drawn.append(z[source.random(z.size) < np.exp((top - z) * (top / 2 + z / 2))])
            missing -= drawn[-1].size
        z = np.concatenate(drawn)[: math.prod(shape)].reshape(shape)
        return np.clip(mean + std * z, a, b)

    return _filled(name, tensor, draw)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, *, rng: np.random.Generator | None = None
) -> Tensor:
    """Uniform in ±gain √(6/(fan_in + fan_out)) (Glorot, Bengio 2010).

    A compromise between signals, which ask for fan_in, and gradients, which ask for fan_out; for
    tanh and sigmoid.

    >>> w = xavier_uniform_(Tensor(np.empty((2, 4))))
    >>> float(abs(w).max()) <= 1  # √(6/6)
    True
    """
    name = "xavier_uniform_"
    return _uniform(name, tensor, _xavier_std(name, tensor, gain), rng)


def xavier_normal_(
    tensor: Tensor, gain: float = 1.0, *, rng: np.random.Generator | None = None
) -> Tensor:
    """Normal with standard deviation gain √(2/(fan_in + fan_out)) (Glorot, Bengio 2010).

    >>> xavier_normal_(Tensor(np.empty((2, 4)))).shape
    (2, 4)
    """
    return _normal("xavier_normal_", tensor, _xavier_std("xavier_normal_", tensor, gain), rng)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    *, rng: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Uniform in ±gain √(3/fan) (He et al. 2015), for ReLU and its relatives.

    Args:
        tensor: the weight.
        a: the slope of a leaky ReLU below 0.
        mode: "fan_in" keeps the size of signals, "fan_out" that of gradients.
        nonlinearity: what follows the layer; see `calculate_gain`.
        rng: where to draw from.

    >>> w = kaiming_uniform_(Tensor(np.empty((4, 6))))
    >>> float(abs(w).max()) <= 1  # √2 √(3/6)
    True
    """
    name = "kaiming_uniform_"
    return _uniform(name, tensor, _kaiming_std(name, tensor, a, mode, nonlinearity), rng)


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    *, rng: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal with standard deviation gain/√fan (He et al. 2015); see `kaiming_uniform_`.

    >>> kaiming_normal_(Tensor(np.empty((2, 4))), mode="fan_out").shape
    (2, 4)
    """
    name = "kaiming_normal_"
    return _normal(name, tensor, _kaiming_std(name, tensor, a, mode, nonlinearity), rng)


def orthogonal_(
    tensor: Tensor, gain: float = 1.0, *, rng: np.random.Generator | None = None
) -> Tensor:
    """A random matrix with W Wᵀ = gain² I, or Wᵀ W = gain² I if it is higher than wide.

    It turns signals without stretching them, as long recurrences need (Saxe et al. 2014). The
    orthogonal factor of a normal matrix, its signs set so that all turns are equally likely. Axes
    after the first count as one.

    >>> w = orthogonal_(Tensor(np.empty((2, 2))))
    >>> np.allclose((w @ w.T).numpy(), np.eye(2))
    True
    """
    require("orthogonal_", "tensor", tensor, _TENSOR)
    check("orthogonal_", gain=gain, rng=rng)
    shape = tensor.shape
    if len(shape) < 2:
        raise ValueError(f"orthogonal_: needs a weight of 2 or more axes, got shape {shape}")
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = generator(rng).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q = q * np.where(np.diag(r) < 0, -gain, gain)
    weight = (q.T if rows < columns else q).reshape(shape)
    return _filled("orthogonal_", tensor, lambda shape: weight)


def _uniform(name: str, tensor: Tensor, std: float, rng: np.random.Generator | None) -> Tensor:
    check(name, rng=rng)
    bound = math.sqrt(3) * std
    return _filled(name, tensor, lambda shape: generator(rng).uniform(-bound, bound, shape))


def _normal(name: str, tensor: Tensor, std: float, rng: np.random.Generator | None) -> Tensor:
    check(name, rng=rng)
    return _filled(name, tensor, lambda shape: generator(rng).normal(0.0, std, shape))


def uniform_parameter(shape: Any, bound: float, rng: np.random.Generator, dtype: Any) -> Tensor:
    """A new parameter, uniform in ±bound, as PyTorch's layers start."""
    start = uniform_(Tensor(np.empty(shape, dtype)), -bound, bound, rng=rng)
    start.requires_grad = True
    return start


def _filled(name: str, tensor: Tensor, draw: Callable[[tuple[int, ...]], np.ndarray]) -> Tensor:
    """The tensor with what `draw` gives for its shape, once it is known to be one to fill."""
    require(name, "tensor", tensor, _TENSOR)
    if not tensor.is_leaf:
        raise TypeError(
            f"{name}: the tensor is a computed tensor, which cannot be filled; fill the leaves"
        )
    if tensor.dtype.kind != "f":
        raise TypeError(
            f"{name}: the tensor has dtype {tensor.dtype}, which would cut the values; make it "
            "with dtype=float"
        )
    tensor.data = draw(tensor.shape)
    return tensor


def _xavier_std(name: str, tensor: Tensor, gain: float) -> float:
    check(name, gain=gain)
    return gain * math.sqrt(2 / max(sum(_fans(tensor, name)), 1))  # 1: a weight without elements


def _kaiming_std(name: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    require(name, "mode", mode, one_of("fan_in", "fan_out"))
    require(name, "a", a, NUMBER)
    fan = _fans(tensor, name)[mode == "fan_out"]
    require(name, "nonlinearity", nonlinearity, _ACTIVATIONS)
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))
