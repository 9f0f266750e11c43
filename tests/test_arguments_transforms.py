"""Bad arguments of transforms of functions, and of what draws and makes tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import microgradnd as mg
from microgradnd import func
from tests.bad_arguments import Case, trials_of


def squared(x: Any = 0.0, *more: Any) -> mg.Tensor:
    """A number, whatever it is given."""
    try:
        x = mg.as_tensor(x)
    except TypeError:
        return mg.Tensor(0.0)
    return (x * x).sum()


def x2() -> mg.Tensor:
    return mg.Tensor([0.5, 0.25])


FUNCTION = "none|class|function|len|layer"  # can be called; what it raises is its own


def made(transform: Callable[..., Any], **kinds: str) -> Case:
    """A transform that gives a function, which is called with a tensor."""

    def call(function: Any, **options: Any) -> Any:
        return transform(function, **options)(x2())

    return Case(call, lambda: {"function": squared}, {"function": FUNCTION, **kinds},
                name=f"{transform.__name__}, grad, jacrev")  # fmt: skip


def applied(transform: Callable[..., Any]) -> Case:
    """A transform of a function at once, at arguments and along tangents."""
    return Case(transform, lambda: {"function": squared, "primals": (x2(),), "tangents": (x2(),)}, {
        "function": FUNCTION, "primals": "none|[]|()", "tangents": "none"},
        name=f"{transform.__name__}, jvp, grad")  # fmt: skip


ARGNUMS = "none|0|-1"
TRANSFORMS = [
    made(func.grad, argnums=ARGNUMS, has_aux="none|0|False"),
    made(func.value_and_grad, argnums=ARGNUMS, has_aux="none|0|False"),
    made(func.jacrev, argnums=ARGNUMS, chunk_size="size?"),
    made(func.jacfwd, argnums=ARGNUMS, chunk_size="size?"),
    made(func.hessian, argnums=ARGNUMS),
    applied(func.jvp), applied(func.hvp),
    Case(lambda function, primal: func.vjp(function, primal)[0],
         lambda: {"function": squared, "primal": x2()},
         {"function": FUNCTION, "primal": "anything"}, name="vjp, grad"),
    Case(lambda function, primal: func.linearize(function, primal)[0],
         lambda: {"function": squared, "primal": x2()},
         {"function": FUNCTION, "primal": "anything"}, name="linearize, jvp"),
    Case(lambda function, argument: func.checkpoint(function, argument),
         lambda: {"function": squared, "argument": x2()},
         {"function": FUNCTION, "argument": "anything"}, name="checkpoint"),
    Case(func.stop_gradient, lambda: {"x": x2()}, {"x": "anything"}, name="stop_gradient"),
]  # fmt: skip


def drawn(name: str, kinds: dict[str, str], **valid: Any) -> Case:
    function = getattr(mg, name)

    def call(**given: Any) -> Any:
        return function(**given)

    return Case(call, lambda: {**valid, "rng": np.random.default_rng(0)}, kinds | {"rng": "rng"},
                name=name)  # fmt: skip


SIZE = "size0?|[]|()|(1, 2, 3)|(2, 2)|range|empty array|integer Tensor"
DRAWN = [
    drawn("normal", {"mean": "array", "std": "array", "size": SIZE}, mean=0.0, std=1.0, size=2),
    drawn("uniform", {"low": "array", "high": "array", "size": SIZE}, low=0.0, high=1.0, size=2),
    drawn("randint", {"low": "whole", "high": "whole?", "size": SIZE}, low=0, high=9, size=2),
    drawn("bernoulli", {"p": "array"}, p=[0.5]),
    drawn("permutation", {"x": "array"}, x=4),
    drawn("choice", {"a": "array", "size": SIZE, "replace": "flag",
                     "p": "none?|bool array|integer Tensor|leaf"},
          a=[1.0, 2.0], size=2),
]  # fmt: skip
DTYPES = "dtype|integer dtype|class"
LIKE = [
    *(Case(getattr(mg, name), lambda: {"x": x2()}, {"x": "array", "dtype": DTYPES}, name=name)
      for name in ("empty_like", "rand_like", "randn_like")),
    Case(lambda shape, **given: mg.empty(shape, **given), lambda: {"shape": (2, 2)},
         {"shape": f"{SIZE}|[]".replace("size0?", "size0"), "dtype": DTYPES},
         name="empty"),
    Case(mg.logspace, lambda: {"start": 0.0, "stop": 1.0, "num": 3, "base": 2.0}, {
        "start": "array", "stop": "array", "num": "size0|True|False", "base": "array",
        "dtype": DTYPES}),
    Case(mg.as_tensor, lambda: {"data": [0.5]}, {
        "data": "array", "dtype": DTYPES}, name="as_tensor"),
]  # fmt: skip
CASES = [*TRANSFORMS, *DRAWN, *LIKE]

(
    test_bad_arguments_are_named_or_rightly_taken,
    test_several_bad_arguments_are_named_or_rightly_taken,
    test_exchanged_arguments_are_named_or_rightly_taken,
) = trials_of(CASES)
