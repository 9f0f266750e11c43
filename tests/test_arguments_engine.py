"""Bad arguments of Tensors, of what makes, switches and differentiates them, and of checks."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
import viz
from tests.bad_arguments import Case, leaf, trials_of

ANY_DTYPE = "dtype|integer dtype|class"
KINDS = {
    "data": "array|1j|complex array", "requires_grad": "flag", "name": "string?", "copy": "flag",
    "dtype": ANY_DTYPE, "rng": "rng",
}  # fmt: skip
FLOATS = {"0", "1", "7", "0.0", "0.5", "1.0"}


def like_numpy(name: str, numpys: Callable[..., Any], complex: str = "none", **valid: Any) -> Case:
    """A function that makes tensors as NumPy makes arrays; its options are the same everywhere."""
    ours = getattr(mg, name)

    def reference(**given: Any) -> Any:
        for key in ("requires_grad", "name", "rng", "dtype"):
            given.pop(key, None)
        return numpys(*given.values())

    def call(**given: Any) -> Any:
        options = {k: given.pop(k) for k in KINDS if k in given}
        if name.startswith("rand"):
            options.setdefault("rng", np.random.default_rng(0))
        return ours(*given.values(), **options)

    kinds = {k: complex for k in valid} | {k: KINDS[k] for k in ("requires_grad", "name", "dtype")}
    kinds |= {"rng": "rng"} if name.startswith("rand") else {}
    return Case(call, lambda: dict(valid), kinds, reference, name)


MADE = [
    *(Case(f, lambda: {"data": [1.0, 2.0]}, KINDS, name=name)
      for f, name in ((mg.Tensor, "Tensor"), (mg.tensor, "tensor"))),
    like_numpy("zeros", np.zeros, shape=(2, 3)),
    like_numpy("ones", np.ones, shape=(2, 3)),
    like_numpy("rand", lambda shape: np.random.default_rng(0).random(shape), shape=(0,)),
    like_numpy("randn", lambda shape: np.random.default_rng(0).standard_normal(shape), shape=(0,)),
    like_numpy("full", np.full, "none|1j", shape=(2, 3), value=0.5),
    like_numpy("eye", np.eye, n=2, m=3),
    like_numpy("arange", np.arange, start=0, stop=3.0, step=0.5),
    like_numpy("linspace", np.linspace, "none|1j|complex array", start=0.0, stop=1.0, num=3),
    like_numpy("zeros_like", lambda x: np.zeros(np.shape(x), getattr(x, "dtype", None)),
               "none|complex array", x=[0.5]),
    like_numpy("ones_like", lambda x: np.ones(np.shape(x), getattr(x, "dtype", None)),
               "none|complex array", x=[0.5]),
    like_numpy("full_like", lambda x, value: np.full(
        np.shape(x), value, getattr(x, "dtype", None)),
        "none|1j|complex array", x=[0.5], value=0.5),
]  # fmt: skip


def loss() -> mg.Tensor:
    return (leaf(2) * 2.0).sum()


def method(
    name: str, kinds: dict[str, str], make: Callable[[], mg.Tensor], /, **valid: Any
) -> Case:
    def arguments() -> dict[str, Any]:
        return {"self": make(), **{k: v() if callable(v) else v for k, v in valid.items()}}

    def call(self: mg.Tensor, **given: Any) -> Any:
        return getattr(mg.Tensor, name)(self, *given.values())

    return Case(call, arguments, kinds, name=f"Tensor.{name}")


def assigned(name: str, kind: str) -> Case:
    def call(self: mg.Tensor, **given: Any) -> None:
        setattr(self, name, given[name])

    return Case(call, lambda: {"self": leaf(2), name: getattr(leaf(2), name)}, {name: kind},
                name=f"Tensor.{name}")  # fmt: skip


def of_two() -> mg.Tensor:
    return leaf(2) * 2.0


FITTING = "array nan|big-endian|Tensor|leaf|computed|(2, 2)|(-1, 1)|(2.5, 1)"  # of shape (2,)
TENSORS = "Tensor|Tensor 0-d|leaf|computed|integer Tensor"
FITS = "bool array|integer Tensor"
METHODS = [
    method("astype", {"dtype": ANY_DTYPE}, of_two, dtype="float32"),
    method("to", {"dtype": f"{ANY_DTYPE}|{TENSORS}"}, of_two, dtype="cpu"),
    Case(
        lambda self, **given: self.where(*given.values()),
        lambda: {"self": of_two(), "condition": np.array([True, False]), "y": 0.5},
        {"condition": "none", "y": "none"},
        lambda condition, y: np.where(condition, of_two().numpy(), y),
        "Tensor.where",
    ),
    method("requires_grad_", {"requires_grad": "flag"}, lambda: leaf(2), requires_grad=True),
    method("register_hook", {"hook": "function"}, of_two, hook=lambda: abs),
    method("named", {"name": "string?"}, of_two, name="h"),
    method(
        "backward",
        {
            "gradient": "number?",
            "retain_graph": "flag?",
            "create_graph": "flag",
            "inputs": "none?|leaf|computed",
        },
        loss,
        gradient=lambda: None,
        retain_graph=False,
        create_graph=False,
        inputs=lambda: None,
    ),
    assigned("name", "string?"),
    assigned("requires_grad", "flag"),
    assigned("data", f"none|{FITTING}|{FITS}"),
    assigned("grad", f"none?|{FITTING}|{FITS}"),
]
OPTIONS = {
    "argnums": "none|0", "has_aux": "none|False",  # for functions alone
    "create_graph": "flag", "allow_unused": "flag", "retain_graph": "flag?",
}  # fmt: skip


def differentiated() -> dict[str, Any]:
    w = leaf(2)
    return {"outputs": (w * 2.0).sum(), "inputs": w, "grad_outputs": None, "create_graph": False,
            "allow_unused": False, "retain_graph": False,
            "argnums": 0, "has_aux": False}  # fmt: skip


def square(x: mg.Tensor) -> mg.Tensor:
    return x * x


def set_and_back(dtype: Any) -> None:
    before = mg.get_default_dtype()
    mg.set_default_dtype(dtype)
    mg.set_default_dtype(before)


CHECK = {"function": "function", "inputs": "none|leaf|computed", "eps": "positive",
         "atol": "not negative", "rtol": "not negative", "raise_exception": "flag"}  # fmt: skip
SWITCHES = [
    Case(mg.grad, differentiated, OPTIONS | {
        "outputs": "none", "inputs": "none", "grad_outputs": "number?|[None]|[nan]"}),
    *(Case(check, lambda: {"function": square, "inputs": [leaf(2)], "raise_exception": False},
           CHECK) for check in (mg.gradcheck, mg.gradgradcheck)),
    Case(mg.set_grad_enabled, lambda: {"mode": True}, {"mode": "flag"}),
    Case(set_and_back, lambda: {"dtype": "float64"}, {"dtype": "none|dtype"},
         name="set_default_dtype"),
    Case(mg.op, lambda: {"forward": np.tanh, "operands": "x", "name": "mine", "replace": True}, {
        "forward": "function?", "operands": "string?", "name": "string?", "replace": "flag"}),
]  # fmt: skip
CASES = [*MADE, *METHODS, *SWITCHES]
(
    test_bad_arguments_are_named_or_rightly_taken,
    test_several_bad_arguments_are_named_or_rightly_taken,
    test_exchanged_arguments_are_named_or_rightly_taken,
) = trials_of(CASES)


def test_numbers_are_formatted_and_rounded() -> None:
    t = mg.Tensor(1.23456, requires_grad=True)
    assert f"{t:.4f}" == "1.2346"
    assert round(t, 2).item() == 1.23


def test_dir_lists_what_is_public() -> None:
    assert {"Tensor", "tensor", "zeros", "nn", "optim"} <= set(dir(mg))
    assert not {"TYPE_CHECKING", "Any", "annotations", "hotpath"} & set(dir(mg))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mg.grad(loss(), np.ones(2)), "grad: inputs must be a Tensor"),
        (lambda: leaf(2).register_hook("s"), "register_hook: hook must be a function, not 's'"),
        (lambda: mg.Tensor(np.array([None, 1], object), dtype=float), "Tensor: cannot compute"),
        (lambda: leaf(2).clip(1j), "clip: cannot compute with an array of dtype complex128"),
        (lambda: viz.explain(5), "explain: loss must be a Tensor, not 5"),
        (lambda: mg.erf(np.ones(2, complex)), "erf: cannot compute"),
        (lambda: mg.concatenate([leaf(2), np.array(["a"])]), "concatenate: cannot compute"),
        (lambda: mg.elu(leaf(2), Fraction(1, 2)), r"elu: .* alpha = Fraction\(1, 2\)"),
        (lambda: mg.Tensor([1.0], requires_grad="no"), "requires_grad must be True or False"),
    ],
)  # fmt: skip
def test_what_used_to_pass_or_to_fail_obscurely(call: Callable[[], Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        call()
