"""Activation functions as layers, under PyTorch's names, and those of the chapter (5-22 to 5-27).

Each says its formula, its derivative, and where it saturates: where the derivative goes to 0 and a
unit stops to learn. The functions are `microgradnd.nn.functional`'s. `inplace` is taken for
PyTorch's sake: nothing is computed in place here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd import functions
from microgradnd.arguments import (
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    Kind,
    checked,
    is_finite,
    is_real,
    one_of,
    whole,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.functions import log_softmax, softmax
from microgradnd.nn.module import FunctionModule, Module
from microgradnd.ops import more_activations as more

_NONZERO = Kind("a finite number other than 0", is_real, lambda v: is_finite(v) and v != 0)


def affine(x: TensorLike, k: float = 1.0, c: float = 0.0) -> Tensor:
    """k x + c (eq. 5-22).

    >>> affine(Tensor([1.0, 2.0]), k=3.0, c=0.5)
    Tensor([3.5, 6.5])
    """
    return functions.add(functions.multiply(x, k), c)


def leaky_relu(x: TensorLike, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope times x; derivative 1 or negative_slope.

    `inplace` is taken for PyTorch's sake; nothing is computed in place.

    >>> leaky_relu(Tensor([-2.0, 2.0]))
    Tensor([-0.02,  2.  ])
    """
    return functions.leaky_relu(x, negative_slope)


def _hardswish(x: TensorLike) -> Tensor:
    return more.hardswish(as_tensor(x, "Hardswish", "x"))


def _over_channels(x: TensorLike) -> Tensor:
    x = as_tensor(x, "Softmax2d", "x")
    if x.ndim not in (3, 4):
        raise ValueError(f"Softmax2d: x has shape {x.shape}, it must be (N, C, H, W) or (C, H, W)")
    return softmax(x, -3)


class Affine(FunctionModule, function=affine):
    """The linear activation f(x) = k x + c of eq. 5-22; k and c are fixed numbers.

    Derivative: k. Never saturates, and adds nothing that a linear layer could not do.

    >>> Affine(2.0, 1.0)(Tensor([3.0]))
    Tensor([7.])
    """

    k: float = 1.0
    c: float = 0.0


class Step(FunctionModule, function=functions.step):
    """The threshold function of eq. 5-23: f(x) = 1 for x ≥ 0, else 0.

    Derivative: 0 everywhere, so gradient descent cannot train what stands before it.

    >>> Step()(Tensor([-1.0, 0.0, 2.0]))
    Tensor([0., 1., 1.])
    """


class Sigmoid(FunctionModule, function=functions.sigmoid):
    """f(x) = 1 / (1 + exp(-x)) (eq. 5-24).

    Derivative: f (1 - f), at most 1/4 (at x = 0). Saturates at 0 and at 1.

    >>> Sigmoid()(Tensor([0.0]))
    Tensor([0.5])
    """


class Tanh(FunctionModule, function=functions.tanh):
    """f(x) = tanh(x) (eq. 5-25).

    Derivative: 1 - f², at most 1 (at x = 0). Saturates at -1 and at 1.

    >>> Tanh()(Tensor([0.0]))
    Tensor([0.])
    """


class Gaussian(FunctionModule, function=functions.gaussian, sigma=POSITIVE):
    """f(x) = exp(-½ ((x - c)/σ)²) (eq. 5-26).

    Derivative: f (c - x)/σ². Saturates at 0 on both sides, a few σ away from c.

    >>> Gaussian(c=1.0, sigma=2.0)(Tensor([1.0]))
    Tensor([1.])
    """

    c: float = 0.0
    sigma: float = 1.0


class ReLU(FunctionModule, function=functions.relu):
    """f(x) = max(0, x) (eq. 5-27).

    Derivative: 1 for x > 0, else 0 (0 at the kink). Saturates for x < 0 only, there fully.

    >>> ReLU()(Tensor([-1.0, 2.0]))
    Tensor([0., 2.])
    """

    inplace: bool = False


class LeakyReLU(FunctionModule, function=leaky_relu):
    """f(x) = x for x > 0, else a x, with a = `negative_slope`, 1/100 in the chapter.

    Derivative: 1 for x > 0, else a (a at the kink). Never saturates.

    >>> LeakyReLU()(Tensor([-1.0, 2.0]))
    Tensor([-0.01,  2.  ])
    """

    negative_slope: float = 0.01
    inplace: bool = False


class Softplus(FunctionModule, function=functions.softplus, beta=POSITIVE, threshold=NUMBER):
    """f(x) = log(1 + exp(βx))/β, a smooth ReLU; above `threshold` (of βx) taken to be x.

    Derivative: σ(βx). Saturates at 0 for x → -∞.

    >>> Softplus()(Tensor([0.0])).round(4)
    Tensor([0.6931])
    """

    beta: float = 1.0
    threshold: float = 20.0


class ELU(FunctionModule, function=functions.elu, alpha=NUMBER):
    """f(x) = x for x > 0, else α (exp(x) - 1) (Clevert, Unterthiner, Hochreiter 2015).

    Derivative: 1 for x > 0, else α exp(x). Saturates at -α for x → -∞.

    >>> ELU()(Tensor([-1.0, 2.0])).round(4)
    Tensor([-0.6321,  2.    ])
    """

    alpha: float = 1.0
    inplace: bool = False


class GELU(FunctionModule, function=functions.gelu, approximate=one_of("none", "tanh")):
    """f(x) = x Φ(x), Φ the normal distribution (Hendrycks, Gimpel 2016).

    Derivative: Φ(x) + x φ(x), φ the normal density. Saturates at 0 for x → -∞.
    `approximate="tanh"` takes Φ(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³)))/2.

    >>> GELU()(Tensor([-1.0, 2.0])).round(4)
    Tensor([-0.1587,  1.9545])
    """

    approximate: str = "none"


class SiLU(FunctionModule, function=functions.silu):
    """f(x) = x σ(x), also called swish (Elfwing, Uchibe, Doya 2017).

    Derivative: σ(x) (1 + x (1 - σ(x))). Saturates at 0 for x → -∞.

    >>> SiLU()(Tensor([-1.0, 2.0])).round(4)
    Tensor([-0.2689,  1.7616])
    """

    inplace: bool = False


class Hardtanh(FunctionModule, function=functions.hardtanh, min_val=NUMBER, max_val=NUMBER):
    """f(x) = x, held within [min_val, max_val].

    Derivative: 1 between the bounds, else 0 (0 at the bounds). Saturates fully beyond them.

    >>> Hardtanh()(Tensor([-3.0, 0.5]))
    Tensor([-1. ,  0.5])
    """

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False

    def __post_init__(self) -> None:
        if self.min_val >= self.max_val:
            raise ValueError(
                f"Hardtanh: min_val={self.min_val!r} must be less than max_val={self.max_val!r}"
            )


class Softmax(FunctionModule, function=softmax):
    """f(a)_j = exp(a_j) / Σ_k exp(a_k) along an axis (eq. 5-30, with the sign of its code).

    Derivative: ∂f_j/∂a_k = f_j ((j = k) - f_k). Saturates where one f_j is near 1.

    >>> Softmax(dim=-1)(Tensor([[0.0, 0.0]]))
    Tensor([[0.5, 0.5]])
    """

    dim: int = -1


class LogSoftmax(FunctionModule, function=log_softmax):
    """f(a)_j = a_j - log Σ_k exp(a_k) along an axis: the logarithm of `Softmax`.

    Derivative: ∂f_j/∂a_k = (j = k) - exp(f_k). With a loss on it, saturates only where it is right.

    >>> LogSoftmax(dim=-1)(Tensor([[0.0, 0.0]])).round(4)
    Tensor([[-0.6931, -0.6931]])
    """

    dim: int = -1


class ReLU6(FunctionModule, function=more.relu6):
    """f(x) = min(max(0, x), 6) (Howard et al. 2017).

    Derivative: 1 for 0 < x < 6, else 0 (0 at the bounds). Saturates fully beyond them.

    >>> ReLU6()(Tensor([-1.0, 2.0, 7.0]))
    Tensor([0., 2., 6.])
    """

    inplace: bool = False


class SELU(FunctionModule, function=more.selu):
    """f(x) = λ x for x > 0, else λ α (exp(x) - 1), λ = 1.0507, α = 1.6733 (Klambauer et al. 2017).

    Derivative: λ for x > 0, else λ α exp(x). Saturates at -λα = -1.7581 for x → -∞.

    >>> SELU()(Tensor([-1.0, 2.0])).round(4)
    Tensor([-1.1113,  2.1014])
    """

    inplace: bool = False


class CELU(FunctionModule, function=functions.celu, alpha=_NONZERO):
    """f(x) = x for x > 0, else α (exp(x/α) - 1) (Barron 2017).

    Derivative: 1 for x > 0, else exp(x/α). Saturates at -α for x → -∞.

    >>> CELU(2.0)(Tensor([-1.0, 2.0])).round(4)
    Tensor([-0.7869,  2.    ])
    """

    alpha: float = 1.0
    inplace: bool = False


class Mish(FunctionModule, function=more.mish):
    """f(x) = x tanh(log(1 + exp(x))) (Misra 2019).

    Derivative: with t the tanh, t + x (1 - t²) σ(x). Saturates at 0 for x → -∞.

    >>> Mish()(Tensor([-1.0, 2.0])).round(4)
    Tensor([-0.3034,  1.944 ])
    """

    inplace: bool = False


class Softsign(FunctionModule, function=more.softsign):
    """f(x) = x / (1 + |x|).

    Derivative: 1 / (1 + |x|)². Saturates at -1 and at 1, but slowly.

    >>> Softsign()(Tensor([-1.0, 3.0]))
    Tensor([-0.5 ,  0.75])
    """


class Hardsigmoid(FunctionModule, function=more.hardsigmoid):
    """f(x) = x/6 + 1/2, held within [0, 1] (Howard et al. 2019).

    Derivative: 1/6 for |x| < 3, else 0 (0 at the bounds). Saturates fully beyond them.

    >>> Hardsigmoid()(Tensor([-4.0, 0.0]))
    Tensor([0. , 0.5])
    """

    inplace: bool = False


class Hardswish(FunctionModule, function=_hardswish):
    """f(x) = x hardsigmoid(x) (Howard et al. 2019).

    Derivative: x/3 + 1/2 for |x| < 3, above 1, below 0 (1 at 3, 0 at -3). Saturates for x < -3.

    >>> Hardswish()(Tensor([-4.0, 0.0, 4.0]))
    Tensor([-0.,  0.,  4.])
    """

    inplace: bool = False


class Hardshrink(FunctionModule, function=more.hardshrink, lambd=NUMBER):
    """f(x) = x for |x| > λ, else 0, with λ = `lambd`.

    Derivative: 1 for |x| > λ, else 0. Saturates fully within [-λ, λ].

    >>> Hardshrink()(Tensor([-0.2, 2.0]))
    Tensor([0., 2.])
    """

    lambd: float = 0.5


class Softshrink(FunctionModule, function=more.softshrink, lambd=NOT_NEGATIVE):
    """f(x) = x - λ for x > λ, x + λ for x < -λ, else 0, with λ = `lambd`.

    Derivative: 1 for |x| > λ, else 0. Saturates fully within [-λ, λ].

    >>> Softshrink()(Tensor([-0.2, 2.0]))
    Tensor([0. , 1.5])
    """

    lambd: float = 0.5


class Tanhshrink(FunctionModule, function=more.tanhshrink):
    """f(x) = x - tanh(x).

    Derivative: tanh(x)². Saturates nowhere but at x = 0.

    >>> Tanhshrink()(Tensor([0.0, 1.0])).round(4)
    Tensor([0.    , 0.2384])
    """


class LogSigmoid(FunctionModule, function=more.logsigmoid):
    """f(x) = log σ(x) = -log(1 + exp(-x)), without overflow.

    Derivative: 1 - σ(x). Saturates at 0 for x → ∞.

    >>> LogSigmoid()(Tensor([0.0, -9.0])).round(4)
    Tensor([-0.6931, -9.0001])
    """


class Threshold(FunctionModule, function=more.threshold, threshold=NUMBER, value=NUMBER):
    """f(x) = x for x > `threshold`, else `value`.

    Derivative: 1 for x > threshold, else 0 (0 at it). Saturates fully below.

    >>> Threshold(0.5, -1.0)(Tensor([0.1, 2.0]))
    Tensor([-1.,  2.])
    """

    threshold: float
    value: float
    inplace: bool = False


class GLU(FunctionModule, function=more.glu):
    """f(x) = a σ(b), a and b the halves of x along an axis (Dauphin et al. 2016).

    Derivative: in a σ(b), in b f(x) (1 - σ(b)). Saturates where b is far below 0.

    >>> GLU()(Tensor([[2.0, 0.0]]))
    Tensor([[1.]])
    """

    dim: int = -1


class Softmin(FunctionModule, function=more.softmin):
    """f(a)_j = exp(-a_j) / Σ_k exp(-a_k) along an axis: the softmax of -a.

    Derivative: ∂f_j/∂a_k = -f_j ((j = k) - f_k). Saturates where one f_j is near 1.

    >>> Softmin()(Tensor([[0.0, 0.0]]))
    Tensor([[0.5, 0.5]])
    """

    dim: int = -1


class Softmax2d(FunctionModule, function=_over_channels):
    """f(a)_j = exp(a_j) / Σ_k exp(a_k) over the channels of images (N, C, H, W) or (C, H, W).

    Derivative: ∂f_j/∂a_k = f_j ((j = k) - f_k). Saturates where one f_j is near 1.

    >>> Softmax2d()(Tensor([[[0.0]], [[0.0]]])).tolist()
    [[[0.5]], [[0.5]]]
    """


class RReLU(FunctionModule, function=more.rrelu, lower=NUMBER, upper=NUMBER):
    """f(x) = x for x > 0, else a x: in training a is drawn from [lower, upper] (Xu et al. 2015).

    In evaluation a is the middle of it. The library's generator draws, see `random.manual_seed`.
    Derivative: 1 for x > 0, else a (a at the kink). Never saturates, unless a may be 0.

    >>> RReLU().eval()(Tensor([-24.0, 2.0])).round(4)
    Tensor([-5.5,  2. ])
    """

    lower: float = 1 / 8
    upper: float = 1 / 3
    inplace: bool = False

    def __post_init__(self) -> None:
        if self.lower > self.upper:
            raise ValueError(f"RReLU: lower={self.lower!r} exceeds upper={self.upper!r}")

    def forward(self, x: TensorLike) -> Tensor:
        return self.function(x, self.lower, self.upper, self.training)


class PReLU(Module):
    """f(x) = x for x > 0, else a x, where a = `weight` is learned (He et al. 2015).

    Derivative: 1 for x > 0, else a (a at the kink); in a, x for x < 0, else 0. Never saturates,
    unless a becomes 0.

    Args:
        num_parameters: 1, or the number of channels, axis 1 of x (N, C, ...), each with its own a.
        init: what a starts from.
        dtype: of a; default `get_default_dtype()`.

    >>> PReLU()(Tensor([-2.0, 1.0])).tolist()
    [-0.5, 1.0]
    """

    @checked(num_parameters=whole(1), init=NUMBER)
    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = None) -> None:
        start = np.full(num_parameters, init, dtype or default_dtype[0])
        self.weight = Tensor(start, requires_grad=True)

    def forward(self, x: TensorLike) -> Tensor:
        return more.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.weight.size}"
