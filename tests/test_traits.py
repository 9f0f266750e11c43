"""What is known of operations stands with their traits, and nowhere by their names."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import viz
from microgradnd import Tensor
from microgradnd.declaration import OPS, op
from viz.formulas.traits import trait

ROOT = Path(viz.__file__).parent
FILES = sorted(
    path
    for folder in ("diagnosis", "reports", "formulas")
    for path in (ROOT / folder).rglob("*.py")
    if path.stem != "traits"
)
WORDS = {"where", "sign", "sum", "step", "max", "min"}  # are words, too


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_reports_and_formulas_know_no_operation_by_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {x.value for x in ast.walk(tree) if isinstance(x, ast.Constant)}
    assert not texts & (OPS.keys() - WORDS)


def test_a_trait_that_is_declared_comes_before_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trait(OPS["tanh"], "saturates") == (-1.0, 1.0)
    monkeypatch.setattr(OPS["tanh"], "traits", {"saturates": None}, raising=False)
    assert trait(OPS["tanh"], "saturates") is None
    assert trait(OPS["tanh"], "unheard", 7) == 7


def test_ufuncs_are_elementwise_but_for_those_of_matrices() -> None:
    assert trait(OPS["arctan2"], "elementwise") is True
    assert not trait(OPS["matmul"], "elementwise")


def test_an_operation_with_a_notation_of_its_own_is_written_so() -> None:
    row = op(
        np.cbrt,
        "x",
        x=lambda g, out: g / (3.0 * out * out),
        notation=lambda writer, x: (f"∛{writer.within(x.operands[0], 4)}", 4),
    )
    try:
        assert str(viz.formula(row, out="y")) == "y = ∛x"
        x = Tensor([1.0, 8.0], requires_grad=True, name="x")
        assert "∛x" in viz.explain(row(x).sum(), "text")
    finally:
        del OPS["cbrt"]
