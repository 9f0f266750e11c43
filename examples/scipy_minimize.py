"""SciPy's optimisers, with gradients from here: a bridge of three lines.

    python -m examples.scipy_minimize

`scipy.optimize` wants vectors of float64 in and floats out, so an objective of one vector is all
there is to convert. Needs SciPy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from microgradnd import Tensor
from microgradnd.func import hvp, value_and_grad


def bridged(objective: Callable[[Tensor], Tensor]) -> Callable[..., tuple[float, np.ndarray]]:
    """The objective as `scipy.optimize.minimize(..., jac=True)` calls it."""

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = value_and_grad(objective)(Tensor(x))
        return value.item(), gradient.numpy()

    return function


def curvature(
    objective: Callable[[Tensor], Tensor],
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The second derivatives times a vector, as `hessp` of Newton's methods wants them."""
    return lambda x, p: hvp(objective, (Tensor(x),), (Tensor(p),))[1].numpy()


def rosenbrock(x: Tensor) -> Tensor:
    """A curved valley; the minimum, 0, is at (1, 1, ..., 1)."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def main() -> None:
    from scipy.optimize import check_grad, minimize

    function, start = bridged(rosenbrock), np.zeros(10)
    error = check_grad(lambda x: function(x)[0], lambda x: function(x)[1], start)
    print(f"the gradient differs from differences by {error:.1e}")
    for method in ("BFGS", "L-BFGS-B", "CG", "Newton-CG"):
        more = {"hessp": curvature(rosenbrock)} if method == "Newton-CG" else {}
        found = minimize(function, start, jac=True, method=method, **more)
        print(
            f"{method:9} {found.nfev:4} evaluations, furthest from 1: {abs(found.x - 1).max():.0e}"
        )


if __name__ == "__main__":
    main()
