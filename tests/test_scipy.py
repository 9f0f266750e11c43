"""SciPy minimises what is differentiated here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from examples.scipy_minimize import bridged, curvature, rosenbrock
from microgradnd import Tensor, nn
from microgradnd.func import value_and_grad
from microgradnd.nn.functional import mse_loss

scipy_optimize = pytest.importorskip("scipy.optimize", reason="SciPy is no requirement")


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "SLSQP", "Newton-CG"])
def test_it_finds_the_minimum_of_the_valley(method: str) -> None:
    more: dict[str, Any] = {"hessp": curvature(rosenbrock)} if method == "Newton-CG" else {}
    function, start = bridged(rosenbrock), np.linspace(-1, 1, 6)
    found = scipy_optimize.minimize(function, start, jac=True, method=method, **more)
    np.testing.assert_allclose(found.x, 1, atol=1e-2)
    value, gradient = value_and_grad(rosenbrock)(Tensor(found.x))
    np.testing.assert_allclose(gradient.numpy(), scipy_optimize.rosen_der(found.x), atol=1e-9)
    assert value.item() == pytest.approx(found.fun)


def test_it_finds_the_gradient_right() -> None:
    x = np.random.default_rng(0).standard_normal(7)
    function = bridged(rosenbrock)
    error = scipy_optimize.check_grad(lambda x: function(x)[0], lambda x: function(x)[1], x)
    assert error < 1e-3
    p = np.random.default_rng(1).standard_normal(7)
    wanted = scipy_optimize.rosen_hess_prod(x, p)
    np.testing.assert_allclose(curvature(rosenbrock)(x, p), wanted, rtol=1e-10)


def test_a_network_s_parameters_are_one_vector() -> None:
    random = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(2, 4, rng=random), nn.Tanh(), nn.Linear(4, 1, rng=random))
    net.astype(np.float64)
    x = random.standard_normal((20, 2))
    y = np.sin(x.sum(1, keepdims=True))

    def loss(vector: np.ndarray) -> tuple[float, np.ndarray]:
        nn.utils.vector_to_parameters(vector, net.parameters())
        net.zero_grad()
        value = mse_loss(net(x), y)
        value.backward()
        return value.item(), np.concatenate([p.grad.numpy().ravel() for p in net.parameters()])

    start = nn.utils.parameters_to_vector(net.parameters()).numpy()
    found = scipy_optimize.minimize(loss, start, jac=True, method="L-BFGS-B")
    assert found.fun < 0.05 * loss(start)[0]
