"""Activation functions as layers, under PyTorch's names, and those of the chapter (5-22 to 5-27).

Each says its formula, its derivative, and where it saturates: where the derivative goes to 0 and a
unit stops to learn. The functions are `microgradnd.nn.functional`'s.
"""

from __future__ import annotations

from microgradnd import functions
from microgradnd.arguments import NUMBER, POSITIVE, checked, one_of
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor
from microgradnd.functions import log_softmax, softmax
from microgradnd.nn.module import Module


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


class Affine(Module):
    """The linear activation f(x) = k x + c of eq. 5-22; k and c are fixed numbers.

    Derivative: k. Never saturates, and adds nothing that a linear layer could not do.

    >>> Affine(2.0, 1.0)(Tensor([3.0]))
    Tensor([7.])
    """

    @checked()
    def __init__(self, k: float = 1.0, c: float = 0.0) -> None:
        self.k, self.c = k, c

    def forward(self, x: TensorLike) -> Tensor:
        return affine(x, self.k, self.c)

    def extra_repr(self) -> str:
        return f"k={self.k}, c={self.c}"


class Step(Module):
    """The threshold function of eq. 5-23: f(x) = 1 for x ≥ 0, else 0.

    Derivative: 0 everywhere, so gradient descent cannot train what stands before it.

    >>> Step()(Tensor([-1.0, 0.0, 2.0]))
    Tensor([0., 1., 1.])
    """

    def forward(self, x: TensorLike) -> Tensor:
        return functions.step(x)


class Sigmoid(Module):
    """f(x) = 1 / (1 + exp(-x)) (eq. 5-24).

    Derivative: f (1 - f), at most 1/4 (at x = 0). Saturates at 0 and at 1.

    >>> Sigmoid()(Tensor([0.0]))
    Tensor([0.5])
    """

    def forward(self, x: TensorLike) -> Tensor:
        return functions.sigmoid(x)


class Tanh(Module):
    """f(x) = tanh(x) (eq. 5-25).

    Derivative: 1 - f², at most 1 (at x = 0). Saturates at -1 and at 1.

    >>> Tanh()(Tensor([0.0]))
    Tensor([0.])
    """

    def forward(self, x: TensorLike) -> Tensor:
        return functions.tanh(x)


class Gaussian(Module):
    """f(x) = exp(-½ ((x - c)/σ)²) (eq. 5-26).

    Derivative: f (c - x)/σ². Saturates at 0 on both sides, a few σ away from c.

    >>> Gaussian(c=1.0, sigma=2.0)(Tensor([1.0]))
    Tensor([1.])
    """

    @checked(sigma=POSITIVE)
    def __init__(self, c: float = 0.0, sigma: float = 1.0) -> None:
        self.c, self.sigma = c, sigma

    def forward(self, x: TensorLike) -> Tensor:
        return functions.gaussian(x, self.c, self.sigma)

    def extra_repr(self) -> str:
        return f"c={self.c}, sigma={self.sigma}"


class ReLU(Module):
    """f(x) = max(0, x) (eq. 5-27).

    Derivative: 1 for x > 0, else 0 (0 at the kink). Saturates for x < 0 only, there fully.

    >>> ReLU()(Tensor([-1.0, 2.0]))
    Tensor([0., 2.])
    """

    def forward(self, x: TensorLike) -> Tensor:
        return functions.relu(x)


class LeakyReLU(Module):
    """f(x) = x for x > 0, else a x, with a = `negative_slope`, 1/100 in the chapter.

    Derivative: 1 for x > 0, else a (a at the kink). Never saturates.

    >>> LeakyReLU()(Tensor([-1.0, 2.0]))
    Tensor([-0.01,  2.  ])
    """

    @checked()
    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: TensorLike) -> Tensor:
        return leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class Softplus(Module):
    """f(x) = log(1 + exp(βx))/β, a smooth ReLU; above `threshold` (of βx) taken to be x.

    Derivative: σ(βx). Saturates at 0 for x → -∞.

    >>> Softplus()(Tensor([0.0])).round(4)
    Tensor([0.6931])
    """

    @checked(beta=POSITIVE, threshold=NUMBER)
    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta, self.threshold = beta, threshold

    def forward(self, x: TensorLike) -> Tensor:
        return functions.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class ELU(Module):
    """f(x) = x for x > 0, else α (exp(x) - 1) (Clevert, Unterthiner, Hochreiter 2015).

    Derivative: 1 for x > 0, else α exp(x). Saturates at -α for x → -∞.

    >>> ELU()(Tensor([-1.0, 2.0])).round(4)
    Tensor([-0.6321,  2.    ])
    """

    @checked(alpha=NUMBER)
    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: TensorLike) -> Tensor:
        return functions.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class GELU(Module):
    """f(x) = x Φ(x), Φ the normal distribution (Hendrycks, Gimpel 2016).

    Derivative: Φ(x) + x φ(x), φ the normal density. Saturates at 0 for x → -∞.
    `approximate="tanh"` takes Φ(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³)))/2.

    >>> GELU()(Tensor([-1.0, 2.0])).round(4)
    Tensor([-0.1587,  1.9545])
    """

    @checked(approximate=one_of("none", "tanh"))
    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: TensorLike) -> Tensor:
        return functions.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """f(x) = x σ(x), also called swish (Elfwing, Uchibe, Doya 2017).

    Derivative: σ(x) (1 + x (1 - σ(x))). Saturates at 0 for x → -∞.

    >>> SiLU()(Tensor([-1.0, 2.0])).round(4)
    Tensor([-0.2689,  1.7616])
    """

    def forward(self, x: TensorLike) -> Tensor:
        return functions.silu(x)


class Hardtanh(Module):
    """f(x) = x, held within [min_val, max_val].

    Derivative: 1 between the bounds, else 0 (0 at the bounds). Saturates fully beyond them.

    >>> Hardtanh()(Tensor([-3.0, 0.5]))
    Tensor([-1. ,  0.5])
    """

    @checked(min_val=NUMBER, max_val=NUMBER)
    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        if min_val >= max_val:
            raise ValueError(f"Hardtanh: min_val={min_val!r} must be less than max_val={max_val!r}")
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: TensorLike) -> Tensor:
        return functions.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class Softmax(Module):
    """f(a)_j = exp(a_j) / Σ_k exp(a_k) along an axis (eq. 5-30, with the sign of its code).

    Derivative: ∂f_j/∂a_k = f_j ((j = k) - f_k). Saturates where one f_j is near 1.

    >>> Softmax(dim=-1)(Tensor([[0.0, 0.0]]))
    Tensor([[0.5, 0.5]])
    """

    @checked()
    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: TensorLike) -> Tensor:
        return softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """f(a)_j = a_j - log Σ_k exp(a_k) along an axis: the logarithm of `Softmax`.

    Derivative: ∂f_j/∂a_k = (j = k) - exp(f_k). With a loss on it, saturates only where it is right.

    >>> LogSoftmax(dim=-1)(Tensor([[0.0, 0.0]])).round(4)
    Tensor([[-0.6931, -0.6931]])
    """

    @checked()
    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: TensorLike) -> Tensor:
        return log_softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
