"""What one does with a live program: new documents, nudges, steps of descent, samples, paths."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from microgradnd import Tensor, optim
from microgradnd.nn import functional as F
from tests.live_programs import SYSTEMS
from tests.node import needs_node, run
from tests.test_river import lstm
from viz import draw
from viz.capture.summary import summarise
from viz.formats.document import Writer, _described
from viz.formats.live import program
from viz.page import _LIVE

pytestmark = needs_node
MODULES = ("text", "model", "cells", *_LIVE)
HEAD = """const {Live} = of_live_engine, {summarise, written} = of_live_summary;
const {Descent, nudge, Samples, strongest, correct} = of_live_training;
const live = new Live(data.live ?? data.doc?.live ?? data);
"""


def document(tensor: Tensor, **how: Any) -> dict[str, Any]:
    """A document as the page has it."""
    picture = draw(tensor, **how)
    writer = Writer(picture.describer)
    found = json.loads(json.dumps(writer.write(picture.model)))
    return found | {"live": program(picture.trace, picture.describer.ids)}


def near(one: Any, other: Any, within: float) -> bool:
    """Whether two parts of documents say the same, numbers up to rounding."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(near(one[k], other[k], within) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(near, one, other, [within] * len(one)))
    if isinstance(one, float | int) and isinstance(other, float | int):
        return bool(np.isclose(one, other, rtol=within, atol=within))
    return bool(one == other)


def arrays() -> list[np.ndarray]:
    draw_ = np.random.default_rng(0)
    shapes: Any = [(), (3,), (65,), (70,), (300,), (9, 9), (40, 33), (64, 64), (1, 2000), (3, 9, 9),
                   (20, 3, 3), (4, 3, 12, 12), (7, 1, 28, 28), (2, 2, 50, 3), (0,)]  # fmt: skip
    found = [draw_.normal(size=shape) for shape in shapes]
    odd = draw_.normal(size=(10, 10))
    odd[0, 0], odd[3, 4], odd[5] = np.nan, np.inf, 0
    large = draw_.normal(size=100) * 1e200
    whole = draw_.integers(-5, 5, (12, 12)).astype(float)
    return [*found, odd, large, whole, np.array([np.nan]), np.zeros((9, 9)), np.array(np.inf)]


def test_summaries_are_those_of_python() -> None:
    for dtype in (np.float64, np.float32, np.int64, np.bool_):
        with np.errstate(all="ignore"):
            given = [x.astype(dtype) for x in arrays()]
            wanted = [json.loads(json.dumps(_described(summarise(x)))) for x in given]
        jobs = [{"shape": x.shape, "dtype": str(x.dtype), "data": [
            v if np.isfinite(v) else repr(v) for v in x.ravel().astype(float).tolist()]}
            for x in given]  # fmt: skip
        code = """const {summarise} = of_live_summary;
        const special = {nan: NaN, inf: Infinity, "-inf": -Infinity};
        return data.map(({data, ...x}) => summarise({...x, data: Float64Array.from(data, (v) =>
          typeof v === "string" ? special[v] : v)}));"""
        for x, expected, got in zip(given, wanted, run(MODULES, code, jobs), strict=True):
            cells = expected.pop("cells", None), got.pop("cells", None)
            assert near(expected, got, 1e-11), (x.shape, dtype, expected, got)
            assert cells[0] is None or near(*cells, 2e-3)


@pytest.mark.parametrize(
    "name", ["back-propagation", "LeNet", "LSTM cells", "attention", "scalars"]
)
def test_a_document_with_new_numbers_is_that_of_python(name: str) -> None:
    """After a change of a leaf: the document of the graph with the new number in Python."""
    loss = SYSTEMS[name](np.float64)
    before = document(loss)
    leaves = draw(loss).trace.graph.leaves
    leaf = leaves[len(leaves) // 2]
    ids = draw(loss).describer.ids
    leaf._node.saved.reshape(-1)[0] += 0.25
    code = f"""{HEAD}live.set(data.id, 0, data.value); live.run();
    return written(live, data.doc);"""
    given = {"doc": before, "id": ids.tensors[leaf],
             "value": float(leaf._node.saved.reshape(-1)[0])}  # fmt: skip
    got, expected = run(MODULES, code, given), document(loss)
    differences = [k for k in expected if k not in ("live", "stale", "changed", "title")
                   and not near(resolved(expected, k), resolved(got, k), 1e-9)]  # fmt: skip
    assert not differences


def resolved(doc: dict[str, Any], key: str) -> Any:
    """A member of a document with its summaries in the place of their numbers."""

    def full(x: Any) -> Any:
        if x is None:
            return None
        found = dict(doc["summaries"][x])
        found.pop("cells", None)
        return found

    member = doc[key]
    if key == "summaries":
        return None
    if key == "tensors":
        named = ("value", "gradient", "seed")
        return {i: x | {k: full(x[k]) for k in named} for i, x in member.items()}
    if key in ("contributions", "running"):
        return {i: full(x) for i, x in member.items()}
    if key == "groups":
        return {i: x | {
            "stacked": x["stacked"] and [*map(full, x["stacked"])],
            "inside": {t: full(n) for t, n in x["inside"].items()},
            "borders": {t: b | {k: full(b[k]) for k in ("contribution", "after")}
                        for t, b in x["borders"].items()}} for i, x in member.items()}  # fmt: skip
    return member


def regression() -> tuple[Tensor, list[Tensor]]:
    random = np.random.default_rng(0)
    w, b = (
        Tensor(random.normal(size=s), requires_grad=True, name=n)
        for s, n in (((3, 2), "w"), ((2,), "b"))
    )
    x, d = (Tensor(random.normal(size=s), name=n) for s, n in (((1, 3), "x"), ((1, 2), "d")))
    return (((x @ w + b).tanh() - d) ** 2).sum().named("loss"), [w, b]


@pytest.mark.parametrize(("method", "options", "make"), [
    ("sgd", {"lr": 0.1}, lambda p: optim.SGD(p, lr=0.1)),
    ("momentum", {"lr": 0.1, "momentum": 0.8}, lambda p: optim.SGD(p, lr=0.1, momentum=0.8)),
    ("adam", {"lr": 0.05}, lambda p: optim.Adam(p, lr=0.05)),
])  # fmt: skip
def test_steps_of_descent_are_those_of_the_optimizers(method: str, options: Any, make: Any) -> None:
    loss, parameters = regression()
    code = f"""{HEAD}const descent = new Descent(live);
    for (let k = 0; k < 7; k++) descent.step(data.method, data.options);
    return [descent.losses, ["w", "b"].map((name) => [...live.value(data.ids[name]).data])];"""
    doc = document(loss)
    ids = {x["name"]: k for k, x in doc["tensors"].items()}
    losses, got = run(
        MODULES, code, {"live": doc["live"], "method": method, "options": options, "ids": ids}
    )
    optimizer, expected = make(parameters), []
    w, b = parameters
    constants = {o.name: o.value for n in draw(loss).trace.nodes if not n.is_leaf
                 for o in n.operands if o.kind == "constant"}  # fmt: skip
    for _ in range(7):
        optimizer.zero_grad()
        y = (((constants["x"] @ w + b).tanh() - constants["d"]) ** 2).sum()
        expected.append(y.item())
        y.backward()
        optimizer.step()
    np.testing.assert_allclose(losses, expected, rtol=1e-11)
    for mine, p in zip(got, parameters, strict=True):
        np.testing.assert_allclose(mine, p.data.ravel(), rtol=1e-11)


def test_a_nudge_says_what_the_gradient_predicts_and_what_happens() -> None:
    x = Tensor([1.0, 3.0], requires_grad=True)
    code = f"{HEAD}return [nudge(live, 't-1', 1, 0.5), [...live.value('t-1').data]];"
    found, after = run(MODULES, code, document((x * x).sum())["live"])
    assert found == {
        "before": 10,
        "after": 13.25,
        "step": 0.5,
        "slope": 6,
        "predicted": 3,
        "change": 3.25,
    }
    assert after == [1, 3]


def test_samples_travel_in_the_page() -> None:
    random = np.random.default_rng(1)
    xs, classes = random.normal(size=(6, 4)), random.integers(0, 3, 6)
    w = Tensor(random.normal(size=(4, 3)), requires_grad=True, name="w")

    def loss(x: Any, d: Any) -> Tensor:
        return F.cross_entropy(Tensor(x, name="x") @ w, Tensor(d)).named("loss")

    picture = draw(loss(xs[:1], classes[:1]), samples={"x": xs, "#4": classes})
    live = program(picture.trace, picture.describer.ids) | {"samples": picture._samples}
    code = f"""{HEAD}const samples = new Samples(live, data.samples), all = samples.all();
    const ids = [...live.leaves].filter((id) => live.gradient(id));
    const {{loss, gradients}} = samples.mean(ids);
    return [all, loss, [...gradients.get(ids[0])], samples.at];"""
    found, mean, gradient, at = run(MODULES, code, live)
    expected = loss(xs, classes)
    expected.backward()
    assert at == 0
    np.testing.assert_allclose([found["loss"], mean], expected.item(), rtol=1e-12)
    np.testing.assert_allclose(gradient, w.grad.data.ravel(), rtol=1e-11)
    np.testing.assert_allclose(
        found["losses"], [loss(x[None], d[None]).item() for x, d in zip(xs, classes)]
    )
    assert found["accuracy"] == float(np.mean((xs @ w.data).argmax(1) == classes))


def test_samples_that_do_not_fit_are_refused() -> None:
    loss, _ = regression()
    for samples, words in (
        ({"q": np.zeros((2, 3))}, "no leaf or constant is called: there are"),
        ({"x": np.zeros((2, 4))}, "needs an axis of samples"),
        ({"x": np.zeros((2, 3)), "d": np.zeros((3, 2))}, "equally many"),
    ):
        with pytest.raises(ValueError, match=words):
            draw(loss, samples=samples)


def test_the_product_of_gains_is_the_norm_of_a_gradient() -> None:
    loss = lstm(5)
    doc = document(loss)
    leaf = next(k for k, x in doc["tensors"].items() if x["kind"] == "parameter")
    found = run(MODULES, f"{HEAD}return strongest(live, data.id);", {"doc": doc, "id": leaf})
    assert found["path"][0]["tensor"] == leaf
    assert found["norm"] > 0
    np.testing.assert_allclose(found["product"], found["norm"], rtol=1e-12)
    gains = np.prod([step["gain"] * step["sum"] for step in found["path"]]) * found["start"]
    np.testing.assert_allclose(gains, found["norm"], rtol=1e-12)
