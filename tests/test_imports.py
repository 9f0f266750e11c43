"""Who imports whom: downward only, in no circle, and pictures nothing of the engine's inside."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("microgradnd", "viz")

# A line is a floor: its modules import what stands on it or below. A package stands for all that
# is in it, a package and a module of the same line may be neighbours.
FLOORS = """
microgradnd.errors microgradnd.random microgradnd.kernels
microgradnd.arguments
microgradnd.node microgradnd.writes microgradnd.methods
microgradnd.accumulation
microgradnd.engine microgradnd.grad_mode
microgradnd.io
microgradnd.documentation microgradnd.generation microgradnd.signatures
microgradnd.plan microgradnd.calling
microgradnd.declaration
microgradnd.ops
microgradnd.packages
microgradnd.functions microgradnd.creation microgradnd.tensor_methods microgradnd.numpy_options
microgradnd.numpy_protocol microgradnd.expansion
microgradnd.graph
microgradnd.program microgradnd.transforms
microgradnd.testing microgradnd.stubs
microgradnd.state microgradnd.parameters
microgradnd.nn microgradnd.optim microgradnd.data
microgradnd.func microgradnd.linalg microgradnd.fft microgradnd.array_api
microgradnd.models microgradnd.training microgradnd.sklearn
microgradnd
viz.style
viz.structure
viz.capture
viz.model
viz.layout
viz.svg
viz.formulas
viz.formats
viz.page
viz.diagnosis
viz.picture
viz.reports
viz.notebook viz.cli
viz
viz.__main__
"""

# On one floor, and yet they know nothing of each other.
STRANGERS = (("microgradnd.optim", "microgradnd.nn"), ("microgradnd.data", "microgradnd.nn"))

# All that pictures, formulas and reports may know of the library; of it, what `__all__` lists.
PUBLIC = ("microgradnd", "microgradnd.graph", "microgradnd.program")

# What does not hold yet, by "importer imported" or hidden module: why. What has come true must go.
PENDING: dict[str, str] = {}


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module, by its full name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def statements(tree: ast.AST, typing: bool) -> Iterator[ast.stmt]:
    """All import statements, in functions too; those for type checkers alone only if wanted."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not typing:
            yield from statements(ast.Module(node.orelse, []), typing)
        else:
            yield from statements(node, typing)


def names_imported(name: str, typing: bool = False) -> Iterator[tuple[str, str]]:
    """Pairs of a module and what is taken from it, "" where it is the module itself."""
    for node in statements(modules()[name], typing):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole, "") if whole in modules() else (node.module or "", alias.name)


@cache
def imports() -> tuple[tuple[str, str], ...]:
    """Pairs of a module and another one of these packages that it imports."""
    pairs = ((name, other) for name in modules() for other, _ in names_imported(name))
    return tuple(dict.fromkeys(pair for pair in pairs if pair[1] in modules()))


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def floor(name: str) -> int:
    """The number of the floor of the line that names the module most exactly."""
    places = {entry: k for k, line in enumerate(FLOORS.split("\n")) for entry in line.split()}
    fitting = [entry for entry in places if entry == name or (
        within(name, entry) and entry not in PACKAGES)]  # fmt: skip
    assert fitting, f"{name} stands on no floor: name it in FLOORS"
    return places[max(fitting, key=len)]


def upward() -> set[str]:
    return {f"{one} {other}" for one, other in imports() if floor(other) > floor(one)}


def hinted_upward() -> set[str]:
    """What stands higher and is named in hints alone, which only type checkers import."""
    found = {other for name in modules() for other, _ in names_imported(name, typing=True)
             if other in modules() and floor(other) > floor(name)}  # fmt: skip
    return found - {pair.split()[1] for pair in upward()}


def strange() -> set[str]:
    return {
        f"{one} {other}"
        for one, other in imports()
        for package, unknown in STRANGERS
        if within(one, package) and within(other, unknown)
    }


def private() -> set[str]:
    """What pictures take of the library that is not public."""
    found = set()
    for name in modules():
        for other, taken in names_imported(name, typing=True):
            if not within(name, "viz") or not within(other, "microgradnd"):
                continue
            public = other in PUBLIC or within(other, "microgradnd.program")
            if not public or (taken and taken not in importlib.import_module(other).__all__):
                found.add(f"{name} {other}")
    return found


def circles() -> list[set[str]]:
    graph = nx.DiGraph(imports())
    return [found for found in nx.strongly_connected_components(graph) if len(found) > 1]


def test_imports_run_downward_only() -> None:
    assert upward() - PENDING.keys() == set()


def test_hints_look_up_to_what_an_operation_is_and_to_nothing_else() -> None:
    assert hinted_upward() == {"microgradnd.declaration", "microgradnd.plan"}


def test_optimisers_and_data_know_nothing_of_layers() -> None:
    assert strange() - PENDING.keys() == set()


def test_pictures_know_of_the_library_only_what_is_public() -> None:
    assert private() - PENDING.keys() == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_leads_back_in_a_circle(package: str) -> None:
    found = [sorted(circle) for circle in circles() if any(within(n, package) for n in circle)]
    assert found == []


OF_EXTRAS = {"microgradnd.sklearn": "sklearn"}  # modules that need a package that may be missing


def hidden() -> set[str]:
    """The modules that their package calls by another thing's name."""
    missing = {name for name, needed in OF_EXTRAS.items() if find_spec(needed) is None}
    loaded = [x for x in modules() if not x.endswith("__main__") and x not in missing]
    for name in loaded:
        importlib.import_module(name)
    found = set()
    for name in loaded:
        package, _, last = name.rpartition(".")
        if package and getattr(sys.modules[package], last) is not sys.modules[name]:
            found.add(name)
    return found


def test_no_name_of_a_package_hides_its_module() -> None:
    assert hidden() - PENDING.keys() == set()


def test_what_is_pending_is_still_true() -> None:
    assert PENDING.keys() - (upward() | strange() | private() | hidden()) == set()


def test_a_look_at_viz_shows_what_is_public() -> None:
    viz = importlib.import_module("viz")
    assert dir(viz) == sorted(viz.__all__)
