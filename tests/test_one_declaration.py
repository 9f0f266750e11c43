"""An operation is declared once: one row in a module of one's own, and it is found everywhere."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
import viz
from microgradnd import declaration, functions, stubs

ROW = '''
import numpy as np
from microgradnd import Value, op

@op(x=lambda g, x: g * (np.cos(x) * 2), elementwise=True, method=True, numpy=np.fix,
    torch="nn.functional.twice_sine twosin", linear=None, scalar="2 * Math.sin(x)")
def twice_sine(x: Value, *, phase: float = 0.0):
    """Twice the sine of x + phase; a row of the test's own."""
    return np.sin(x + phase) * 2
'''


@pytest.fixture
def row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A temporary module with one row, and nothing left of it afterwards."""
    (tmp_path / "own_row.py").write_text(ROW)
    monkeypatch.syspath_prepend(tmp_path)
    import own_row  # type: ignore[import-not-found]

    yield own_row
    for name in ("twice_sine", "twosin"):
        delattr(mg.methods.Methods, name)
        declaration._forget(name)
    del sys.modules["own_row"]


def leaf() -> mg.Tensor:
    return mg.Tensor([0.3, -0.7], requires_grad=True, name="x")


def test_one_row_is_found_under_every_name(row: ModuleType) -> None:
    x = leaf()
    expected = np.sin(x.data) * 2
    calls: dict[str, Any] = {
        "its own": row.twice_sine, "mg": mg.twice_sine, "torch's name": mg.twosin,
        "NumPy's function": np.fix, "method": lambda t: t.twice_sine(),
        "functional": mg.nn.functional.twice_sine,
    }  # fmt: skip
    for name, call in calls.items():
        out = call(x)
        assert out.node.op is mg.OPS["twice_sine"], name
        np.testing.assert_array_equal(out.data, expected)
    assert type(row.twice_sine(x.data)) is np.ndarray
    assert type(mg.twice_sine(x.data)) is mg.Tensor
    assert type(mg.twice_sine(0.5)) is mg.Tensor
    assert "twice_sine" in dir(mg)


def test_its_option_is_keyword_only(row: ModuleType) -> None:
    x = leaf()
    np.testing.assert_array_equal(mg.twice_sine(x, phase=0.5).data, np.sin(x.data + 0.5) * 2)
    with pytest.raises(TypeError, match="positional argument"):
        mg.twice_sine(x, 0.5)


def test_it_is_differentiated_to_second_order(row: ModuleType) -> None:
    assert mg.gradcheck(row.twice_sine, leaf())
    assert mg.gradgradcheck(row.twice_sine, leaf())


def test_help_and_stubs_tell_of_it(row: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Twice the sine" in mg.twice_sine.__doc__
    assert "x: g * (np.cos(x) * 2)" in mg.twice_sine.__doc__
    monkeypatch.setattr(stubs, "_is_ours", lambda function: True)
    text = stubs.function_stubs()
    assert "def twice_sine(x: TensorLike, *, phase: float = 0.0) -> Tensor" in text
    assert "def twice_sine(self, *, phase: _float = 0.0) -> Tensor" in stubs.method_stubs()
    assert "twice_sine" in functions.names()


def test_ops_are_pickled_by_name(row: ModuleType) -> None:
    op = mg.OPS["twice_sine"]
    assert pickle.loads(pickle.dumps(op)) is op
    assert pickle.loads(pickle.dumps(row.twice_sine)) is row.twice_sine
    assert pickle.loads(pickle.dumps(mg.OPS["exp"])) is mg.OPS["exp"]


def test_pictures_formulas_programs_and_paths_know_it(row: ModuleType) -> None:
    x = leaf()
    loss = (mg.twice_sine(x) * [1.0, 3.0]).sum()
    assert "twice_sine" in viz.draw(loss).svg()
    assert "twice_sine" in viz.formula("twice_sine").text()
    text = viz.explain(loss, "text")
    assert "twice_sine" in text
    assert "cos" in text
    program = viz.numpy_program(loss)
    value, grads = program.run()
    loss.backward(retain_graph=True)
    np.testing.assert_allclose(value, loss.data)
    np.testing.assert_allclose(grads["x"], x.grad.data)
    total = sum(path.contribution for path in viz.paths(loss, x))
    np.testing.assert_allclose(total, x.grad.data)
    assert not viz.health(loss).findings


def test_a_taken_name_raises_unless_it_is_to_be_replaced() -> None:
    with pytest.raises(ValueError, match=r"'exp' is taken by .*elementwise.*replace=True"):
        mg.op(np.exp, "x", x=lambda g, out: g * out)
    ours, method, entry = mg.OPS["exp"], mg.Tensor.exp, declaration.NUMPY[np.exp]
    try:
        mg.op(np.exp, "x", x=lambda g, out: g * out * 5, replace=True)
        x = leaf()
        np.exp(x).sum().backward()
        np.testing.assert_allclose(x.grad.data, np.exp(x.data) * 5)
    finally:
        mg.OPS["exp"], declaration.NUMPY[np.exp] = ours, entry
        declaration._forget("exp")
        mg.methods.Methods.exp = method


def test_numpys_functions_partials_and_ufuncs_are_forward_functions() -> None:
    from functools import partial

    mg.op(np.unwrap, "p", p=lambda g, axis: np.flip(np.flip(g, axis), axis) * 1.0)
    x = mg.Tensor([1.0, 2.0, 9.0], requires_grad=True)
    out = np.unwrap(x, axis=0)
    np.testing.assert_array_equal(out.data, np.unwrap([1.0, 2.0, 9.0]))
    out.backward([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(x.grad.data, [1, 2, 3])
    steep = mg.op(partial(np.multiply, 3.0), "x", name="steep", x=np.negative)
    x.grad = None
    steep(x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [-1, -1, -1])  # the rule is the ufunc it is
    assert mg.gradcheck(mg.op(np.cbrt, "x", name="root", x=lambda g, out: g / (3 * out * out)), x)
