"""Two hundred random programs: every number in a picture, a page or a document is true.

Values and gradients are compared with the engine's own, gradients of leaves with finite
differences too, and everywhere contributions must add up to gradients.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import Any
from xml.etree import ElementTree

import numpy as np
from hypothesis import assume, given, settings

from microgradnd import Tensor
from tests.test_properties import programs, tame
from viz import draw, trace
from viz.structure.ids import ids_of

Arrays = list[np.ndarray]
Numbers = dict[str, np.ndarray]  # by id of a tensor
STEP = 1e-5


def run(program: Callable[..., Tensor], arrays: Arrays) -> tuple[Tensor, list[Tensor]]:
    leaves = [Tensor(a.copy(), requires_grad=True, name=f"x{k}") for k, a in enumerate(arrays)]
    out = program(*leaves)
    return (out * out).sum() * 0.5 + out.sum() * 0.25, leaves


def finite_differences(program: Callable[..., Tensor], arrays: Arrays) -> Iterator[np.ndarray]:
    for k, array in enumerate(arrays):
        slope = np.zeros_like(array)
        for index in product(*map(range, array.shape)):
            ends = []
            for step in (STEP, -STEP):
                moved = [a.copy() for a in arrays]
                moved[k][index] += step
                ends.append(run(program, moved)[0].item())
            slope[index] = (ends[0] - ends[1]) / (2 * STEP)
        yield slope


def engine_numbers(picture: Any) -> tuple[Numbers, Numbers, dict[str, np.ndarray]]:
    """Values, gradients and contributions by id: the engine's, kept in full in a walk of ours."""
    found = trace(list(picture.trace.outputs), keep="arrays")
    ids = ids_of(found)
    values = {ids.tensors[node]: x for node, x in found.values.items()}
    gradients = {ids.tensors[node]: x for node, x in found.gradients.items()}
    return values, gradients, {ids.edge(*use): x for use, x in found.contributions.items()}


def in_svg(text: str) -> tuple[Numbers, Numbers, dict[str, np.ndarray], dict[str, list[str]]]:
    """What a picture says: values, gradients, contributions, and what each gradient is a sum of."""
    values, gradients, contributions, sums = {}, {}, {}, {}
    for element in ElementTree.fromstring(text).iter():
        data = {k[5:]: v for k, v in element.attrib.items() if k.startswith("data-")}
        if "values" in data and "id" in data:
            values[data["id"]] = np.array(json.loads(data["values"]), float)
        if "grads" in data:
            gradients[data["id"]] = np.array(json.loads(data["grads"]), float)
            sums[data["id"]] = data.get("contributions", "").split()
            if "seeds" in data:
                contributions["seed"] = np.array(json.loads(data["seeds"]), float)
        if "contributions" in data and data["id"].startswith("e-"):
            contributions[data["id"]] = np.array(json.loads(data["contributions"]), float)
    return values, gradients, contributions, sums


def in_document(text: str) -> tuple[Numbers, Numbers, dict[str, np.ndarray], dict[str, list[str]]]:
    """What a document says, in the same form."""
    contents = json.loads(text)

    @cache
    def array(number: int) -> np.ndarray:
        summary = contents["summaries"][number]
        x = np.array(summary["elements"] if "elements" in summary else summary["scalar"], float)
        return x.reshape(summary["shape"])

    tensors = contents["tensors"]
    values = {name: array(t["value"]) for name, t in tensors.items()}
    known = {name: t for name, t in tensors.items() if t["gradient"] is not None}
    gradients = {name: array(t["gradient"]) for name, t in known.items()}
    contributions = {key: array(number) for key, number in contents["contributions"].items()}
    [contributions["seed"]] = [array(t["seed"]) for t in known.values() if t["seed"] is not None]
    sums = {
        name: ["seed"] * (t["seed"] is not None) + t["contributions"] for name, t in known.items()
    }
    return values, gradients, contributions, sums


def check(said: Any, true: Any) -> None:
    (values, gradients, contributions, sums), (all_values, all_gradients, flows) = said, true
    assert set(gradients) == set(all_gradients)
    for numbers, expected in ((values, all_values), (gradients, all_gradients)):
        for name, x in numbers.items():
            if name in expected:
                np.testing.assert_array_equal(x, expected[name], err_msg=name)
    assert set(contributions) - {"seed"} == set(flows)
    for key, x in flows.items():
        np.testing.assert_array_equal(contributions[key], x, err_msg=key)
    for name, terms in sums.items():
        total = sum(contributions[key] for key in terms)
        scale = 1.0 + sum(float(np.abs(contributions[key]).max()) for key in terms)
        np.testing.assert_allclose(total, gradients[name], atol=1e-13 * scale, err_msg=name)


@given(programs())
@settings(max_examples=200)
def test_every_number_of_a_picture_is_the_engine_s_and_the_slope(given_program: Any) -> None:
    program, arrays = given_program
    loss, leaves = run(program, arrays)
    assume(tame(loss))
    picture = draw(loss, fold=False, engine="layered")
    true = engine_numbers(picture)
    for name, x in true[0].items():
        assume(x.size <= 64 and true[1].get(name, x).size <= 64)  # so that all elements are drawn
    check(in_svg(picture.svg()), true)
    document = picture.json()
    check(in_document(document), true)
    in_page = re.findall(r"<script[^>]*application/json[^>]*>(.*?)</script>", picture.html())
    assert json.loads(document) in map(json.loads, in_page)
    loss.backward()
    drawn = dict(zip([f"x{k}" for k in range(len(leaves))], leaves, strict=True))
    names = {t["name"]: name for name, t in json.loads(document)["tensors"].items() if t["name"]}
    for leaf, slope in zip(leaves, finite_differences(program, arrays), strict=True):
        assert leaf.name in drawn
        if leaf.grad is None:  # the program does not use it
            assert leaf.name not in names or names[leaf.name] not in true[1]
            continue
        shown = true[1][names[leaf.name]]
        np.testing.assert_array_equal(shown, leaf.grad.numpy())
        scale = 1.0 + abs(loss.item()) + float(np.abs(slope).max(initial=0.0))
        np.testing.assert_allclose(shown, slope, atol=1e-5 * scale)
