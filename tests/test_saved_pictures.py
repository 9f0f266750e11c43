"""Saved files are read back: every number of them is the engine's, and PyTorch's where it is there.

`--pictures=N` random programs (a few by default) of modules, loops, focus and folding, drawn before
and after `backward()`, saved as SVG, JSON, page and GraphML. Spoiled files are noticed.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import microgradnd as mg
import viz
from microgradnd import Tensor, nn
from viz.structure.ids import ids_of

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        import torch
except ImportError:
    torch = None  # it is an oracle, not a dependency

UNARY = "tanh", "sigmoid", "sin", "exp", "square", "relu"
BINARY = "add", "mul", "sub"
PAGE = re.compile(r'<script id="document" type="application/json">(.*?)</script>', re.S)


@dataclass
class Program:
    """Leaves and steps: `(name, i, j)` of what was made before; loops repeat theirs."""

    leaves: list[np.ndarray]
    parts: list[tuple[int, list[tuple[str, int, int]]]]

    def run(self, library: Any, leaves: list[Any], wrapped: bool) -> Any:
        """The loss; with `wrapped`, each part is a module's call."""
        values = list(leaves)
        for times, steps in self.parts:
            part = _Part(library, steps)
            for _ in range(times):
                values.append(part(values) if wrapped else part.forward(values))
        return sum((value * value).sum() for value in values[len(leaves) :])


class _Part(nn.Module):
    def __init__(self, library: Any, steps: list[tuple[str, int, int]]) -> None:
        self.library, self.steps = library, steps

    def forward(self, values: list[Any]) -> Any:
        made = list(values)
        for name, i, j in self.steps:
            x, y = made[-1 - i % len(made)], made[-1 - j % len(made)]
            function = getattr(self.library, "multiply" if name == "mul" else
                               "subtract" if name == "sub" else name)  # fmt: skip
            out = function(x, y) if name in BINARY else function(x)
            made.append(out * 0.5 if name in ("square", "exp", "mul") else out)
        return made[-1]


def program(number: int) -> tuple[Program, dict[str, Any]]:
    """A random program, and how to draw it."""
    random = np.random.default_rng((11, number))
    shape = tuple(random.integers(1, 4, random.integers(0, 3)))
    leaves = [random.uniform(-0.8, 0.8, shape) for _ in range(random.integers(1, 4))]
    names = (*UNARY, *BINARY, *BINARY)
    parts = [
        (int(random.choice([1, 1, 3, 5])),
         [(str(random.choice(names)), *map(int, random.integers(0, 6, 2)))
          for _ in range(random.integers(1, 5))])
        for _ in range(random.integers(1, 4))
    ]  # fmt: skip
    folds: list[Any] = ["auto", True, False, ("repeats",), ("modules",)]
    how: dict[str, Any] = {"fold": folds[random.integers(5)]}
    if random.integers(3) == 0:
        how |= {"focus": "x0", "hops": int(random.integers(1, 4))}
    return Program(leaves, parts), how


@dataclass
class Said:
    """What a file says: by id of tensors and edges."""

    values: dict[str, np.ndarray] = field(default_factory=dict)
    gradients: dict[str, np.ndarray] = field(default_factory=dict)
    contributions: dict[str, np.ndarray] = field(default_factory=dict)
    running: dict[str, np.ndarray] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    sums: dict[str, list[str]] = field(default_factory=dict)


def of_data(elements: Iterator[dict[str, str]]) -> Said:
    """What the data of an SVG says, or that of GraphML."""
    out = Said()
    for data in elements:
        name, array = data.get("id", ""), lambda key, data=data: np.array(json.loads(data[key]))
        tables = {
            "values": out.values, "grads": out.gradients, "contributions": out.contributions,
            "runnings": out.running,
        }  # fmt: skip
        for key, table in tables.items():
            if key in data and (key != "contributions" or name.startswith("e-")):
                table[name] = array(key)
        if "grads" in data and not data.get("hidden"):
            out.sums[name] = data.get("contributions", "").split()
        if "share" in data:
            out.shares[name] = float(data["share"])
        if "gain" in data and name.startswith("op-"):
            out.gains[name] = float(data["gain"])
        if data.get("kind") == "operation" and data.get("step"):
            out.steps[name] = int(float(data["step"]))
    return out


def in_svg(text: str) -> Said:
    elements = ElementTree.fromstring(text).iter()
    return of_data({k[5:]: v for k, v in e.items() if k.startswith("data-")} for e in elements)


def in_graphml(text: str) -> Said:
    root, space = ElementTree.fromstring(text), "{http://graphml.graphdrawing.org/xmlns}"
    keys = {key.attrib["id"]: key.attrib["attr.name"] for key in root.iter(f"{space}key")}

    def data(element: ElementTree.Element) -> dict[str, str]:
        found = {keys[x.attrib["key"]]: x.text or "" for x in element.iter(f"{space}data")}
        return found | {"id": element.attrib["id"]}

    return of_data(data(e) for kind in ("node", "edge") for e in root.iter(space + kind))


def in_document(contents: dict[str, Any]) -> Said:
    out, summaries = Said(), contents["summaries"]

    def array(n: int) -> np.ndarray:
        x = summaries[n]
        return np.array(x["elements"] if "elements" in x else x["scalar"], float).reshape(
            x["shape"]
        )

    for name, t in contents["tensors"].items():
        out.values[name] = array(t["value"])
        if t["gradient"] is not None:
            out.gradients[name] = array(t["gradient"])
            out.sums[name] = ["seed"] * (t["seed"] is not None) + t["contributions"]
    for table, known in ((contents["contributions"], out.contributions),
                         (contents["running"], out.running)):  # fmt: skip
        known |= {key: array(n) for key, n in table.items() if n is not None}
    out.shares = {key: float(x) for key, x in contents["shares"].items()}
    out.steps = {name: op["step"] for name, op in contents["operations"].items() if op["step"]}
    return out


def truth(loss: Tensor) -> Said:
    """The same of a walk of our own, every array in full."""
    found = viz.trace(loss, keep="arrays")
    ids, out = ids_of(found), Said()
    out.values = {ids.tensors[node]: x for node, x in found.values.items()}
    out.gradients = {ids.tensors[node]: x for node, x in found.gradients.items()}
    out.contributions = {ids.edge(*use): x for use, x in found.contributions.items()}
    out.steps = {ids.operations[node]: k for node, k in found.steps.items()}
    for node in found.graph.computed:
        flows = [x for (op, _), x in found.contributions.items() if op == node]
        g = np.linalg.norm(found.gradients[node]) if node in found.gradients else 0.0
        if flows and g > 0:
            out.gains[ids.operations[node]] = max(map(np.linalg.norm, flows)) / g
    for node, g in found.gradients.items():
        uses = [use for use in found.contributions if use[0].parent(use[1]) == node]
        total, square = 0.0, float(np.vdot(g, g))
        for use in uses:
            total = total + found.contributions[use]
            out.running[ids.edge(*use)] = np.asarray(total)
            if square > 0:
                out.shares[ids.edge(*use)] = float(np.vdot(g, found.contributions[use])) / square
    return out


def wrong(said: Said, true: Said) -> list[str]:
    """The numbers of a file that are not true."""
    out = []

    def compare(what: str, name: str, one: Any, other: Any, scale: float = 1.0) -> None:
        one, other = np.asarray(one, float), np.asarray(other, float)
        close = one.size == other.size and np.allclose(
            one.ravel(), other.ravel(), rtol=1e-11, atol=1e-12 * scale
        )
        if not close:
            out.append(f"{what} of {name}: {one.tolist()}, not {other.tolist()}")

    for what in ("values", "gradients", "contributions", "running", "shares", "gains", "steps"):
        expected = getattr(true, what)
        for name, x in getattr(said, what).items():
            if name in expected:
                size = np.abs(np.asarray(expected[name])).max(initial=0.0)
                compare(what, name, x, expected[name], 1.0 + float(size))
    for name, terms in said.sums.items():
        if all(term in said.contributions for term in terms) and terms:
            parts = [said.contributions[term] for term in terms]
            scale = 1.0 + sum(float(np.abs(x).max(initial=0.0)) for x in parts)
            compare("the sum", name, sum(parts), said.gradients[name], scale)
    return out


def torch_leaves(made: Program) -> list[np.ndarray | None]:
    """The gradients of the leaves as PyTorch has them."""
    leaves = [torch.tensor(a, requires_grad=True) for a in made.leaves]
    loss = made.run(torch, leaves, wrapped=False)
    found = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [None if g is None else g.numpy() for g in found]


def saved(loss: Tensor, how: dict[str, Any], folder: Path) -> dict[str, Said]:
    """The files of a picture, read back."""
    picture = viz.draw(loss, **how)
    text = lambda suffix: picture.save(folder / f"x{suffix}").read_text(encoding="utf-8")
    page = PAGE.search(text(".html"))
    assert page is not None
    return {
        "svg": in_svg(text(".svg")), "json": in_document(json.loads(text(".json"))),
        "page": in_document(json.loads(page[1])), "graphml": in_graphml(text(".graphml")),
    }  # fmt: skip


def check(number: int, folder: Path) -> int:
    """How many numbers were compared; raises for those that are wrong."""
    made, how = program(number)
    leaves = [Tensor(a.copy(), requires_grad=True, name=f"x{k}") for k, a in enumerate(made.leaves)]
    loss = made.run(mg, leaves, wrapped=True)
    if "focus" in how and leaves[0].node not in viz.trace(loss, backward=False).nodes:
        how.pop("focus"), how.pop("hops")
    before = saved(loss, how, folder)
    true = truth(loss)
    loss.backward()
    after = saved(loss, how, folder)
    count = 0
    for files in (before, after):
        for kind, said in files.items():
            assert wrong(said, true) == [], f"{kind} of program {number}, drawn {how}"
            assert said.gradients or kind == "graphml"  # which has those of closed groups by them
            count += sum(x.size for x in (*said.values.values(), *said.gradients.values(),
                                          *said.contributions.values()))  # fmt: skip
    if torch is not None:
        names = {node.name: name for node, name in ids_of(viz.trace(loss)).tensors.items()
                 if getattr(node, "name", None)}  # fmt: skip
        for k, g in enumerate(torch_leaves(made)):
            if g is not None and f"x{k}" in names:
                shown = before["json"].gradients.get(names[f"x{k}"])
                if shown is not None:
                    np.testing.assert_allclose(shown.reshape(g.shape), g, rtol=1e-10, atol=1e-12)
    return count


def test_every_number_of_saved_files_is_true(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    count = sum(check(k, tmp_path) for k in range(request.config.getoption("pictures")))
    assert count > 1000


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_spoiled_files_are_noticed(number: int, tmp_path: Path) -> None:
    """A number changed by a billionth: of each kind of number, in each kind of file."""
    made, _ = program(number)
    leaves = [Tensor(a.copy(), requires_grad=True, name=f"x{k}") for k, a in enumerate(made.leaves)]
    loss = made.run(mg, leaves, wrapped=True)
    true = truth(loss)
    for kind, said in saved(loss, {"fold": False}, tmp_path).items():
        assert wrong(said, true) == []
        for what in ("values", "gradients", "contributions", "shares", "gains", "running"):
            table = getattr(said, what)
            for name in [x for x in table if x in getattr(true, what)][:3]:
                kept = table[name]
                table[name] = np.asarray(kept) + 1e-9 * (1.0 + np.abs(kept))
                assert wrong(said, true) != [], f"{what} of {name} in {kind}"
                table[name] = kept
        if kind in ("svg", "graphml"):
            assert said.gains
    assert math.isfinite(loss.item())
