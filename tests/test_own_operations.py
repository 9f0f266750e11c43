"""Operations of one's own: the guide runs, and nested derivatives of them are torch.func's."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from examples.site import own_operations
from microgradnd import Tensor, func
from tests import conftest


def test_the_guide_runs_as_it_is_printed() -> None:
    found = doctest.testmod(own_operations, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 25
    assert found.failed == 0


def declared() -> Callable[..., Any]:
    """x² y + sin(x), as one operation."""
    return mg.op(
        lambda x, y: x * x * y + np.sin(x), "x y", name="curved", elementwise=True,
        x=lambda g, x, y: g * (2 * x * y + np.cos(x)), y=lambda g, x: g * x * x,
    )  # fmt: skip


# Functions of derivatives within derivatives; `f` is the operation, `d` derives by one argument.
NESTED: dict[str, Callable[[Callable, Callable, Any], Any]] = {
    "by each variable in turn": lambda f, d, x: d(lambda a: d(lambda b: f(a, b))(x * 2) * a)(x),
    "one that closes over another": lambda f, d, x: d(lambda a: a * d(lambda b: f(b, a))(a))(x),
    "the same name twice": lambda f, d, x: d(lambda a: d(lambda a: f(a, a))(a * a))(x),
    "three deep": lambda f, d, x: d(lambda a: d(lambda b: d(lambda c: f(a * b, c) * c)(b))(a))(x),
    "of what does not depend on it": lambda f, d, x: d(lambda a: a * d(lambda b: f(b, 1.0))(x))(x),
    "a constant in between": lambda f, d, x: d(lambda a: a * d(lambda b: f(a, b) + b)(x * 1.0))(x),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_derivatives_are_torchs(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch.func is what nested derivatives are held to")
    theirs = lambda a, b: a * a * b + torch.sin(a)
    wanted = NESTED[name](theirs, torch.func.grad, torch.tensor(0.7, dtype=torch.float64))
    given = Tensor(0.7)
    found = NESTED[name](declared(), func.grad, given)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-12)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("mixed", ["jvp of grad", "grad of jvp", "jacfwd of jacrev", "hessian"])
def test_modes_are_mixed_as_torch_mixes_them(mixed: str) -> None:
    torch = pytest.importorskip("torch", reason="torch.func is what nested derivatives are held to")
    x, v = np.array([0.7, -0.3, 1.1]), np.array([1.0, 2.0, -0.5])

    def of(m: Any, f: Callable, x: Any, v: Any) -> Any:
        total = lambda t: (f(t, t * 2.0) * t).sum()
        if mixed == "jvp of grad":
            return m.jvp(m.grad(total), (x,), (v,))[1]
        if mixed == "grad of jvp":
            return m.grad(lambda t: m.jvp(total, (t,), (v,))[1])(x)
        if mixed == "hessian":
            return m.hessian(total)(x)
        return m.jacfwd(m.jacrev(total))(x)

    theirs = lambda a, b: a * a * b + torch.sin(a)
    wanted = of(torch.func, theirs, torch.tensor(x), torch.tensor(v))
    found = of(func, declared(), Tensor(x), Tensor(v))
    np.testing.assert_allclose(found.data, wanted.numpy(), rtol=1e-12)


def test_containers_within_containers() -> None:
    torch = pytest.importorskip("torch", reason="torch.func is what nested derivatives are held to")

    def energy(f: Callable, state: Any) -> Any:
        return f(state["p"], state["rest"][0]).sum() * state["rest"][1]["w"]

    arrays = np.array([0.5, 2.0]), np.array([1.5, -1.0]), np.array(0.25)

    def state(make: Callable) -> dict[str, Any]:
        return {"p": make(arrays[0]), "rest": [make(arrays[1]), {"w": make(arrays[2])}]}

    f = declared()
    found = func.grad(lambda s: energy(f, s))(state(Tensor))
    theirs = lambda a, b: a * a * b + torch.sin(a)
    wanted = torch.func.grad(lambda s: energy(theirs, s))(state(torch.tensor))
    assert isinstance(found["rest"], list)
    for mine, other in (
        (found["p"], wanted["p"]), (found["rest"][0], wanted["rest"][0]),
        (found["rest"][1]["w"], wanted["rest"][1]["w"]),
    ):  # fmt: skip
        np.testing.assert_allclose(mine.data, other.numpy(), rtol=1e-12)


# NumPy's pad and PyTorch's differ; torch.Tensor.unfold and F.unfold are two functions in PyTorch;
# leaky_relu's slope has PyTorch's name, and is checked, in `functional` alone.
DIFFER = {"pad", "unfold", "leaky_relu"}


# --- Ownership by what a rule declares (E17), one meaning per name (E18), skips that speak (U7) ---
def test_what_a_rule_does_not_call_fresh_is_never_written_to() -> None:
    """Whoever else holds the array: how many do is not asked."""
    kept: list[np.ndarray] = []

    def rule(g: Any) -> Any:
        kept.append(np.array([1.0, 2.0]))  # (an array that nobody but this list and the engine has)
        return kept[-1] if len(kept) == 1 else kept[0]

    mine = mg.op(lambda x: x * 1.0, "x", name="keeps_its_gradient", x=rule)
    x = Tensor([0.0, 0.0], requires_grad=True)
    (mine(x) + mine(x) + mine(x)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 6.0]
    assert kept[0].tolist() == [1.0, 2.0]
    x.grad += 1.0  # type: ignore[misc]
    assert kept[0].tolist() == [1.0, 2.0]


def test_what_a_rule_calls_fresh_is_added_up_in() -> None:
    made: list[np.ndarray] = []

    def rule(g: Any) -> Any:
        made.append(np.array([1.0, 2.0]))
        return made[-1]

    mine = mg.op(lambda x: x * 1.0, "x", name="gives_its_gradient", x=rule, fresh="x")
    x = Tensor([0.0, 0.0], requires_grad=True)
    (mine(x) + mine(x) + mine(x)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 6.0]
    assert any(np.shares_memory(x.grad.data, array) for array in made)


def test_one_name_has_one_meaning() -> None:
    from microgradnd.nn import functional as F

    assert mg.cross_entropy is F.cross_entropy
    z, target = Tensor(np.random.default_rng(0).normal(size=(4, 3))), np.array([0, 2, 1, 1])
    each = mg.cross_entropy(z, target, reduction="none")
    assert each.shape == (4,)
    assert mg.cross_entropy(z, target).item() == pytest.approx(each.data.mean())
    for name in {*dir(mg)} & {*dir(F)} - DIFFER:
        one, other = (inspect.unwrap(getattr(place, name)) for place in (mg, F))
        assert getattr(one, "op", one) is getattr(other, "op", other), name


def test_skipped_tests_say_why(tmp_path: Path) -> None:
    lines: list[str] = []
    reports = [
        SimpleNamespace(longrepr=("f.py", 1, f"Skipped: {why}"), nodeid=f"f.py::{i}")
        for i, why in enumerate(["no PyTorch", "no dot", "no PyTorch"])
    ]
    reporter: Any = SimpleNamespace(getreports=lambda _: reports, write_line=lines.append)
    noted = str(tmp_path / "noted")
    config: Any = SimpleNamespace(getoption=lambda _: noted)
    conftest.pytest_terminal_summary(reporter, config)
    assert [line.strip() for line in lines] == ["2 skipped: no PyTorch", "1 skipped: no dot"]
    assert (tmp_path / "noted").read_text().split() == ["f.py::0", "f.py::1", "f.py::2"]
