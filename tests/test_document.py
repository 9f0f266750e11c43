"""The JSON document of a picture: valid, whole, and every number the engine's."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viz
from microgradnd import Tensor, nn
from microgradnd.nn.functional import cross_entropy
from viz import draw, trace
from viz.capture.summary import summarise
from viz.formats.document import Writer
from viz.model.build import build
from viz.model.describe import Describer

Document = dict[str, Any]


def network() -> Tensor:
    random = np.random.default_rng(0)
    X = Tensor(random.normal(size=(4, 3)), name="X")
    W = Tensor(random.normal(size=(3, 2)), requires_grad=True, name="W")
    h = (X @ W + Tensor(np.ones(2), requires_grad=True, name="b")).tanh()
    return (((h - 1.0) ** 2).mean() + 0.1 * (W * W).sum()).named("loss")


def recurrent(steps: int = 8) -> Tensor:
    random = np.random.default_rng(0)
    W = Tensor(random.normal(size=(3, 3)), requires_grad=True, name="W")
    h = Tensor(np.zeros((1, 3)))
    for _ in range(steps):
        h = (Tensor(random.normal(size=(1, 3))) + h @ W).tanh()
    return (h * h).sum()


def convolutional() -> Tensor:
    random = np.random.default_rng(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, rng=random), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(36, 3, rng=random),
    )  # fmt: skip
    return cross_entropy(net(random.normal(size=(2, 1, 8, 8))), np.array([0, 2]))


def flawed() -> Tensor:
    x = Tensor([1.0, 0.0, -1.0], requires_grad=True, name="x")
    with np.errstate(all="ignore"):
        return (x.log() * Tensor(math.inf, name="k")).sum()


def lone() -> Tensor:
    return Tensor([1.0, 2.0], name="c")


PROGRAMS = (network, recurrent, convolutional, flawed, lone)


def strict(text: str) -> Document:
    """JSON as the standard has it: without NaN and Infinity."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def saved(t: Tensor, tmp_path: Path, **how: Any) -> Document:
    return strict(draw(t, **how).save(tmp_path / "x.json").read_text(encoding="utf-8"))


def elements(doc: Document, place: int) -> np.ndarray:
    x = doc["summaries"][place]
    return np.array(x["scalar"] if "scalar" in x else x["elements"], dtype=float)


def follow_the_schema(*documents: Document) -> None:
    validators = pytest.importorskip("jsonschema", reason="it validates the schema, for tests only")
    schema = json.loads((Path(viz.__file__).parent / "formats/schema.json").read_text("utf-8"))
    validators.Draft202012Validator.check_schema(schema)
    for document in documents:
        validators.validate(document, schema)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_document_is_as_its_schema_says(program: Callable[[], Tensor], tmp_path: Path) -> None:
    ways = ({"fold": True}, {"fold": False}, {"backward": False})
    follow_the_schema(*(saved(program(), tmp_path, **how) for how in ways))


def test_every_number_is_the_engine_s(tmp_path: Path) -> None:
    loss = network()
    doc = saved(loss, tmp_path)
    found = trace(loss, keep="arrays")
    by_name = {x["name"]: x for x in doc["tensors"].values()}
    loss.backward()
    for node in found.nodes:
        if node.name is None:
            continue
        x = by_name[node.name]
        np.testing.assert_array_equal(elements(doc, x["value"]), found.values[node])
        np.testing.assert_array_equal(elements(doc, x["gradient"]), found.gradients[node])
    assert {name for name in by_name if name} == {"X", "W", "b", "loss"}
    walk = sorted(doc["operations"].values(), key=lambda op: op["step"])
    assert [op["name"] for op in walk] == [node.op.name for node in found.steps]


@pytest.mark.parametrize("program", [network, recurrent])
def test_contributions_add_up_step_by_step(program: Callable[[], Tensor], tmp_path: Path) -> None:
    doc = saved(program(), tmp_path)
    several = 0
    for x in doc["tensors"].values():
        if x["gradient"] is None:
            continue
        total = np.zeros(x["shape"])
        if x["seed"] is not None:
            total = total + elements(doc, x["seed"])
        for key in x["contributions"]:
            total = total + elements(doc, doc["contributions"][key])
            if key in doc["running"]:
                np.testing.assert_allclose(elements(doc, doc["running"][key]), total, rtol=1e-12)
        np.testing.assert_allclose(elements(doc, x["gradient"]), total, rtol=1e-12)
        several += len(x["contributions"]) > 1
    assert several


def test_what_flows_over_a_border_is_the_sum_of_what_flows_inside(tmp_path: Path) -> None:
    doc = saved(recurrent(60), tmp_path, fold=True)  # so many steps are gathered in twos
    checked = []
    for group in doc["groups"].values():
        for border in group["borders"].values():
            flowing = [key for key in border["edges"] if key in doc["contributions"]]
            if not flowing:
                assert border["contribution"] is None
                continue
            total = sum(elements(doc, doc["contributions"][key]) for key in flowing)
            found = elements(doc, border["contribution"])
            np.testing.assert_allclose(found, total, rtol=1e-12)
            checked.append(len(flowing))
    assert {1, 2} <= set(checked)


def test_ids_do_not_depend_on_what_is_folded(tmp_path: Path) -> None:
    closed, opened = (saved(recurrent(), tmp_path, fold=fold) for fold in (True, "auto"))
    assert closed["open"] != opened["open"]
    for part in ("tensors", "operations", "contributions", "groups", "summaries", "formulas"):
        assert closed[part] == opened[part]


def test_the_same_program_gives_the_same_bytes(tmp_path: Path) -> None:
    for suffix in ("json", "html"):
        one, other = (draw(convolutional()).save(tmp_path / f"{k}.{suffix}") for k in (1, 2))
        assert one.read_bytes() == other.read_bytes()


def test_the_graph_of_a_picture_has_the_same_ids(tmp_path: Path) -> None:
    picture = draw(convolutional(), fold=False)
    doc = strict(picture.save(tmp_path / "x.json").read_text(encoding="utf-8"))
    ids = {name for name, kind in picture.graph.nodes(data="kind") if kind != "tag"}
    assert ids == doc["tensors"].keys() | doc["operations"].keys()
    edges = {key for *_, key, data in picture.graph.edges(keys=True, data=True) if not data["out"]}
    assert doc["contributions"].keys() <= edges


def test_what_is_not_finite_is_spelled(tmp_path: Path) -> None:
    doc = saved(flawed(), tmp_path)
    by_name = {x["name"]: x for x in doc["tensors"].values()}
    assert doc["summaries"][by_name["k"]["value"]]["scalar"] == "inf"
    log = doc["tensors"][
        next(op for op in doc["operations"].values() if op["name"] == "log")["output"]
    ]
    assert doc["summaries"][log["value"]]["elements"] == [0.0, "-inf", "nan"]


def test_rules_stand_in_the_document_as_mathematics(tmp_path: Path) -> None:
    doc = saved(network(), tmp_path)
    matmul = next(op for op in doc["operations"].values() if op["name"] == "matmul")
    assert doc["formulas"][matmul["rule"]]["text"] == "q0 q1"
    assert matmul["rules"][0] is None  # X is a constant
    rule = doc["formulas"][matmul["rules"][1]]
    assert rule["text"] == "q0ᵀ qg"
    assert rule["mathml"].startswith('<math xmlns="http://www.w3.org/1998/Math/MathML">')
    tanh = next(op for op in doc["operations"].values() if op["name"] == "tanh")
    assert doc["formulas"][tanh["rules"][0]]["text"] == "qg − qg ⊙ qy²"


def test_equal_rules_stand_there_once(tmp_path: Path) -> None:
    few, many = (saved(recurrent(steps), tmp_path) for steps in (6, 24))
    assert len(many["formulas"]) == len(few["formulas"])


def test_parts_that_do_not_fit_are_sealed() -> None:
    loss = recurrent(60)
    picture = draw(loss)
    doc = Writer(picture.describer, most=20).write(picture.model, "TB")
    sealed = [group for group in doc["groups"].values() if group["sealed"]]
    assert sealed
    assert len(doc["operations"]) <= 20 < len(picture.trace.steps)
    for group in sealed:
        assert group["parts"] == []
        for tensor, border in group["borders"].items():
            assert tensor in doc["tensors"]
            if border["contribution"] is not None:
                assert doc["summaries"][border["contribution"]]["shape"]
    for op in doc["operations"].values():
        assert all(x in doc["tensors"] for x in op["inputs"] if isinstance(x, str))


def test_arrays_that_were_kept_are_written_whole() -> None:
    x = Tensor(np.arange(100.0), requires_grad=True, name="x")
    y = (x * x).sum()
    for keep, whole in (("summaries", False), ("arrays", True)):
        found = trace(y, keep=keep)
        doc = Writer(Describer(found)).write(build(found))
        value = doc["summaries"][doc["tensors"]["t-1"]["value"]]
        assert ("elements" in value) is whole
        assert sum(value["bins"]) == 100


def test_a_histogram_counts_what_is_finite() -> None:
    x = np.concatenate([np.linspace(-1.0, 3.0, 200), [np.nan, np.inf]])
    expected, _ = np.histogram(x[np.isfinite(x)], 16)
    assert np.abs(np.array(summarise(x).bins) - expected).max() <= 1  # at the bins' edges
    assert sum(summarise(x).bins) == 200
    assert summarise(np.full(70, 2.0)).bins == (70, *[0] * 15)
    assert summarise(np.array([1e308, -1e308] * 40)).bins == (40, *[0] * 14, 40)
    large = np.random.default_rng(0).normal(size=1 << 21).astype(np.float32)
    wide = np.histogram(large.astype(float), 16)[0]
    assert np.abs(np.array(summarise(large).bins) - wide).max() < 40
