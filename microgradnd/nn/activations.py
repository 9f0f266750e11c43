"""Activation functions as layers, under PyTorch's names, and those of the chapter (5-22 to 5-27).

Each says its formula, its derivative, and where it saturates: where the derivative goes to 0 and a
unit stops to learn. The functions are `microgradnd.nn.functional`'s.
"""

from __future__ import annotations

from microgradnd import functions
from microgradnd.arguments import NUMBER, POSITIVE, one_of
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor
from microgradnd.functions import log_softmax, softmax
from microgradnd.nn.module import FunctionModule


def affine(x: TensorLike, k: float = 1.0, c: float = 0.0) -> Tensor:
    """k x + c (eq. 5-22).

    >>> affine(Tensor([1.0, 2.0]), k=3.0, c=0.5)
    Tensor([3.5, 6.5])
    """
    return functions.add(functions.multiply(x, k), c)


def leaky_relu(x: TensorLike, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope times x; derivative 1 or negative_slope.

    >>> leaky_relu(Tensor([-2.0, 2.0]))
    Tensor([-0.02,  2.  ])
    """
    return functions.leaky_relu(x, negative_slope)


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


class LeakyReLU(FunctionModule, function=leaky_relu):
    """f(x) = x for x > 0, else a x, with a = `negative_slope`, 1/100 in the chapter.

    Derivative: 1 for x > 0, else a (a at the kink). Never saturates.

    >>> LeakyReLU()(Tensor([-1.0, 2.0]))
    Tensor([-0.01,  2.  ])
    """

    negative_slope: float = 0.01


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


class Hardtanh(FunctionModule, function=functions.hardtanh, min_val=NUMBER, max_val=NUMBER):
    """f(x) = x, held within [min_val, max_val].

    Derivative: 1 between the bounds, else 0 (0 at the bounds). Saturates fully beyond them.

    >>> Hardtanh()(Tensor([-3.0, 0.5]))
    Tensor([-1. ,  0.5])
    """

    min_val: float = -1.0
    max_val: float = 1.0

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
