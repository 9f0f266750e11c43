"""What the package says of itself to those who install it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))[
    "project"
]


def required(**environment: str) -> set[str]:
    """The packages that are installed along where `environment` holds."""
    requirements = map(Requirement, PROJECT["dependencies"])
    return {r.name for r in requirements if r.marker is None or r.marker.evaluate(environment)}


@pytest.mark.parametrize(
    ("system", "machine", "implementation", "wheels"),
    [
        ("linux", "x86_64", "CPython", True),
        ("linux", "aarch64", "CPython", True),
        ("darwin", "arm64", "CPython", True),
        ("win32", "AMD64", "CPython", True),
        ("win32", "ARM64", "CPython", False),
        ("linux", "riscv64", "CPython", False),
        ("linux", "x86_64", "PyPy", False),
        ("emscripten", "wasm32", "CPython", False),  # Pyodide
    ],
)
def test_pygraphviz_is_required_where_it_has_wheels(
    system: str, machine: str, implementation: str, wheels: bool
) -> None:
    found = required(
        sys_platform=system, platform_machine=machine, platform_python_implementation=implementation
    )
    assert found - {"pygraphviz"} == {"numpy", "networkx", "graphviz"}
    assert ("pygraphviz" in found) == wheels


def test_the_classifiers_name_the_pythons_that_ci_runs() -> None:
    named = [c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if ":: Python :: 3." in c]
    assert named == ["3.11", "3.12", "3.13", "3.14"]
    script = (Path(__file__).parent.parent / ".ci" / "run").read_text("utf-8")
    assert f"pythons=({' '.join(named)} " in script
