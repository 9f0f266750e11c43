"""What is known of operations stands with their traits, and nowhere by their names."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import viz
from microgradnd import Tensor, nn
from microgradnd.declaration import OPS, op

ROOT = Path(viz.__file__).parents[1]
FILES = sorted(
    path
    for package in ("microgradnd", "viz")
    for path in (ROOT / package).rglob("*.py")
    if path.parent.name not in ("ops", "kernels")
)
# They are words of their own, too: a folder, a key of a document, a method of an array.
WORDS = {
    "where", "sign", "sum", "step", "max", "min", "mean", "all", "any", "round", "log", "add",
    "abs", "exp", "pad", "linear", "tanh", "relu", "sigmoid", "softmax", "std", "clip",
    "complex", "fft",  # a trait; a module
}  # fmt: skip
# Functions and options of these modules have PyTorch's names, as some operations do.
NAMESAKES = {
    "microgradnd/errors.py": {"equal"},  # PyTorch's method, which is another function
    "microgradnd/data/idx.py": {"i1"},  # a dtype
    "microgradnd/nn/convolution.py": {"conv2d"},
    "microgradnd/nn/distances.py": {"normalize"},  # PyTorch's name of another function
    "microgradnd/nn/init.py": {"conv2d", "leaky_relu"},
    "microgradnd/nn/losses.py": {"binary_cross_entropy", "cross_entropy"},
    "microgradnd/optim/cycles.py": {"cos"},
    "microgradnd/optim/schedule.py": {"cos", "power"},
    "microgradnd/nn/transformer.py": {"gelu"},  # an option's value
    "microgradnd/tensor_methods.py": {"matmul", "astype"},  # __imatmul__, the method astype
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_but_the_operations_knows_one_by_its_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {x.value for x in ast.walk(tree) if isinstance(x, ast.Constant)}
    texts -= {x for a in ast.walk(tree) if isinstance(a, ast.Assign) for x in listed(a)}
    library = {name for name, op in OPS.items() if op.function.__module__.startswith("microgradnd")}
    assert texts & (library - WORDS) == NAMESAKES.get(path.relative_to(ROOT).as_posix(), set())


@pytest.mark.parametrize("package", ["ops", "kernels"])
def test_rules_and_forward_functions_do_not_ask_what_they_run_on(package: str) -> None:
    """They run on arrays, on Tensors and on symbols: one who asks has branches to keep alike."""
    for path in (ROOT / "microgradnd" / package).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "isinstance",
                "issubclass",
            ):
                asked = ast.unparse(node.args[1])
            else:
                asked = ast.unparse(node.comparators[0]) if isinstance(node, ast.Compare) else ""
            assert "Tensor" not in asked, f"{path.name}:{node.lineno}"


def test_what_a_layer_is_called_with_has_a_type() -> None:
    layers = [layer for layer in map(vars(nn).get, nn.__all__) if isinstance(layer, type)]
    forwards = {x.forward for x in layers if issubclass(x, nn.Module)} - {nn.Module.forward}
    assert len(forwards) > 20
    for forward in forwards:
        first = forward.__code__.co_varnames[1]
        assert forward.__annotations__[first] != "Any", forward.__qualname__


def listed(assignment: ast.Assign) -> set[str]:
    """What `__all__` lists, or a standard: names of functions, which may be those of operations."""
    names = [t.id for t in assignment.targets if isinstance(t, ast.Name)]
    values = (
        ast.walk(assignment.value)
        if names in (["__all__"], ["FUNCTIONS"], ["LINALG"], ["FFT"])
        else ()
    )
    return {x.value for x in values if isinstance(x, ast.Constant)}


def test_an_operation_with_a_notation_of_its_own_is_written_so() -> None:
    row = op(
        np.cbrt,
        "x",
        name="own_root",
        x=lambda g, out: g / (3.0 * out * out),
        notation=lambda writer, x: (f"∛{writer.within(x.operands[0], 4)}", 4),
    )
    try:
        assert str(viz.formula(row, out="y")) == "y = ∛x"
        x = Tensor([1.0, 8.0], requires_grad=True, name="x")
        assert "∛x" in viz.explain(row(x).sum(), "text")
    finally:
        del OPS["own_root"]
