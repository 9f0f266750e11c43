"""Function transforms: against PyTorch's `torch.func`, against formulas, nested in each other."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import func

X, Y = np.array([0.5, -1.2, 2.0]), np.array([[1.0, 0.3, -0.7], [0.2, 2.0, 1.1]])


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def scalar(m: Any, x: Any, y: Any) -> Any:
    return (m.sin(y @ x) * m.exp(-x[:2])).sum()


def vector(m: Any, x: Any, y: Any) -> Any:
    return m.tanh(y @ x) * x[0] ** 2


CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "grad": lambda f, m, to: f.grad(lambda x, y: scalar(m, x, y))(to(X), to(Y)),
    "grad by the second": lambda f, m, to: f.grad(lambda x, y: scalar(m, x, y), 1)(to(X), to(Y)),
    "grad by both": lambda f, m, to: f.grad(lambda x, y: scalar(m, x, y), (0, 1))(to(X), to(Y)),
    "with aux": lambda f, m, to: f.grad(lambda x: ((x * x).sum(), x + 1), has_aux=True)(to(X)),
    "jacrev": lambda f, m, to: f.jacrev(lambda x, y: vector(m, x, y), (0, 1))(to(X), to(Y)),
    "jacfwd": lambda f, m, to: f.jacfwd(lambda x, y: vector(m, x, y), (0, 1))(to(X), to(Y)),
    "hessian": lambda f, m, to: f.hessian(lambda x, y: scalar(m, x, y))(to(X), to(Y)),
    "mixed": lambda f, m, to: f.jacrev(f.grad(lambda x, y: scalar(m, x, y)), 1)(to(X), to(Y)),
    "jacobian of containers": lambda f, m, to: f.jacrev(
        lambda d: (d["a"] * 2, {"s": (d["a"] * d["b"]).sum()})
    )({"a": to(X), "b": to(X + 1)}),
    "vjp": lambda f, m, to: f.vjp(lambda x, y: vector(m, x, y), to(X), to(Y))[1](to(X[:2])),
    "jvp": lambda f, m, to: f.jvp(
        lambda x, y: vector(m, x, y), (to(X), to(Y)), (to(X + 1), to(Y * 2))
    ),
    "linearize": lambda f, m, to: f.linearize(lambda x: vector(m, x, to(Y)), to(X))[1](to(X + 1)),
    "third": lambda f, m, to: f.grad(lambda x: f.grad(lambda y: f.grad(lambda z: z**4 * y)(x * y))(
        x * x))(to(1.5)),
}  # fmt: skip


def flattened(x: Any) -> list[np.ndarray]:
    if isinstance(x, dict):
        return [a for key in x for a in flattened(x[key])]
    if isinstance(x, (tuple, list)):
        return [a for y in x for a in flattened(y)]
    return [np.asarray(x.detach().numpy())]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_torch_func_gives_the_same(call: Callable, torch: Any) -> None:
    ours = call(func, mg, mg.Tensor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own complaints
        theirs = call(torch.func, torch, torch.tensor)
    for one, other in zip(flattened(ours), flattened(theirs), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    assert not any(t.requires_grad for t in mg.transforms.containers.tensors_in(ours))


def test_value_and_grad_hvp_and_hessian_agree_with_each_other() -> None:
    f = lambda x: (x**3).sum() * x[0]
    value, g = func.value_and_grad(f)(X)
    assert value.item() == pytest.approx((X**3).sum() * X[0])
    t = np.array([1.0, 2.0, -1.0])
    gradient, pushed = func.hvp(f, (X,), (t,))
    np.testing.assert_allclose(gradient.data, g.data)
    np.testing.assert_allclose(pushed.data, func.hessian(f)(X).data @ t)


def test_nested_derivatives_never_confuse_their_variables() -> None:
    # d/dx (x · d/dy (x + y)) = 1, where a confusion of x and y would give 2.
    assert func.grad(lambda x: x * func.grad(lambda y: x + y)(1.0))(2.0).item() == 1.0
    inner = lambda x: func.jvp(lambda y: x * y, (1.0,), (1.0,))[1]
    assert func.grad(lambda x: x * inner(x))(3.0).item() == 6.0


def test_what_comes_out_leads_on_to_what_the_caller_differentiates() -> None:
    w = mg.Tensor(2.0, requires_grad=True)
    g = mg.grad(lambda x: w * x**2)(3.0)
    g.backward()  # d/dw 2 w x
    assert (g.item(), w.grad.item()) == (12.0, 6.0)
    x = mg.Tensor(3.0, requires_grad=True)
    func.grad(lambda z: z**3)(x).backward()
    assert x.grad.item() == 18.0
    with mg.no_grad():
        assert not func.grad(lambda z: w * z**3)(x).requires_grad
        assert func.grad(lambda z: w * z**3)(x).item() == 54.0


def test_gradients_have_the_containers_of_their_arguments() -> None:
    parameters = {"w": X, "layers": [(Y, None), (Y[:, 0], "relu")]}
    loss = lambda p: (p["layers"][0][0] @ p["w"] * p["layers"][1][0]).sum()
    g = func.grad(loss)(parameters)
    assert g["layers"][0][1] is None
    assert g["layers"][1][1] == "relu"
    np.testing.assert_allclose(g["w"].data, Y.T @ Y[:, 0])


def test_what_does_not_depend_on_a_variable_has_a_gradient_of_zeros() -> None:
    g = func.grad(lambda x, y: (y * y).sum(), (0, 1))(X, Y)
    np.testing.assert_array_equal(g[0].data, 0 * X)
    np.testing.assert_array_equal(g[1].data, 2 * Y)
    np.testing.assert_array_equal(func.jacrev(lambda x: mg.Tensor([1.0]))(X).data, np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: func.grad(3), "grad: a function is needed|value_and_grad: a function"),
        (lambda: func.grad(lambda x: x * 2)(X), "must return one number"),
        (lambda: func.grad(lambda x: 1.0)(X), "must return one number"),
        (lambda: func.grad(lambda x: x)(3), "no floating-point numbers"),
        (lambda: func.grad(lambda x: x)("s"), "no tensor among the arguments"),
        (lambda: func.grad(lambda x: x, 2)(X), "argnums=2"),
        (lambda: func.jvp(lambda x: x, (X,), (X[:2],)), "tangent of shape"),
        (lambda: func.jvp(lambda x: x, (X,), ()), "1 primals, but 0 tangents"),
        (lambda: func.vjp(lambda x: (x, x), X)[1](X), "2 outputs, but 1 cotangents"),
        (lambda: func.grad(lambda x: x.sum(), has_aux=True)(X), "has_aux=True"),
        (lambda: mg.grad(mg.Tensor(1.0, requires_grad=True)), "inputs.*missing"),
    ],
)
def test_bad_arguments_are_named(call: Callable, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_stop_gradient_and_closures() -> None:
    g = func.grad(lambda x: (x * func.stop_gradient(x)).sum())(X)
    np.testing.assert_array_equal(g.data, X)


# --- checkpoint ----------------------------------------------------------------------------------
def block(w: mg.Tensor) -> Callable[[mg.Tensor], mg.Tensor]:
    return lambda x: mg.tanh(x @ w) * x


def test_checkpointed_blocks_give_the_same_gradients_of_first_and_second_order() -> None:
    w = mg.Tensor(np.random.default_rng(0).normal(size=(3, 3)) * 0.3, requires_grad=True)
    x = mg.Tensor(X, requires_grad=True)
    plain = (block(w)(block(w)(x)) ** 2).sum()
    made = (func.checkpoint(block(w), func.checkpoint(block(w), x)) ** 2).sum()
    np.testing.assert_array_equal(made.data, plain.data)
    first = mg.grad(plain, [w, x], create_graph=True)
    again = mg.grad(made, [w, x], create_graph=True)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_allclose(one.data, other.data, rtol=1e-13)
    second = [mg.grad((g[0] ** 2).sum() + (g[1] ** 2).sum(), [w, x]) for g in (first, again)]
    for one, other in zip(*second, strict=True):
        np.testing.assert_allclose(one.data, other.data, rtol=1e-12)


def test_checkpointed_dropout_draws_the_same_numbers_again() -> None:
    x = mg.Tensor(np.ones(1000), requires_grad=True)
    drop = mg.nn.Dropout(0.5)
    out = func.checkpoint(lambda t: drop(t), x)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.data, out.data)


def test_a_checkpoint_keeps_less() -> None:
    def peak(call: Callable) -> int:
        x = mg.Tensor(np.ones(100_000), requires_grad=True)
        tracemalloc.start()
        h = x
        for _ in range(8):
            h = call(lambda t: ((t * 0.5).tanh().exp() * t).tanh(), h)
        h.sum().backward()
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(func.checkpoint) < 0.6 * peak(lambda f, h: f(h))


def test_a_checkpoint_of_constants_records_nothing() -> None:
    assert not func.checkpoint(lambda x: x * 2, mg.Tensor(X)).requires_grad
