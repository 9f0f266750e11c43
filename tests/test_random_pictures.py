"""Random programs: every number in a picture, a page or a document is true.

Values and gradients are compared with the engine's own, gradients of leaves with finite
differences too, and everywhere contributions must add up to gradients, whatever is closed and
whatever is in focus.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any
from xml.etree import ElementTree

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from microgradnd import Tensor, nn
from tests.picture_laws import broken
from tests.test_properties import BINARY, UNARY, Step, floats, programs, tame
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
    picture, records = draw(loss, fold=False), draw(loss, fold=False, engine="layered")
    true = engine_numbers(picture)
    for name, x in true[0].items():
        assume(x.size <= 64 and true[1].get(name, x).size <= 64)  # so that all elements are drawn
    for drawn in (picture.svg(), records.svg()):
        check(in_svg(drawn), true)
    assert broken(picture.svg()) == []
    document = picture.json()
    check(in_document(document), true)
    in_page = re.findall(r"<script[^>]*application/json[^>]*>(.*?)</script>", picture.html())
    [contents] = [x for x in map(json.loads, in_page) if "tensors" in x]
    del contents["live"]  # what only a page has
    assert contents == json.loads(document)
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


class Part(nn.Module):
    """Steps of a program as a module's call: a group that a picture can close."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps

    def forward(self, values: list[Tensor]) -> Tensor:
        for step in self.steps:
            out = step(values)
            if values[-1] is not out:  # that of a part is there already
                values.append(out)
        return values[-1]


@st.composite
def grouped(draw_from: st.DrawFn) -> tuple[list[Tensor], dict[str, Any]]:
    """What a random program of modules gives, and how to draw it: what is closed, what in focus."""
    shape = (draw_from(st.integers(1, 2)),)
    values = [
        Tensor(draw_from(floats(shape)), requires_grad=True, name=f"x{k}")
        for k in range(draw_from(st.integers(1, 2)))
    ]

    def step() -> Step:
        i, j = draw_from(st.integers(0, 9)), draw_from(st.integers(0, 9))
        one, two = draw_from(st.sampled_from(UNARY[:4])), draw_from(st.sampled_from(BINARY[:3]))
        if draw_from(st.booleans()):
            return lambda made: one(made[-1 - i % len(made)])
        return lambda made: two(made[-1 - i % len(made)], made[-1 - j % len(made)])

    def steps(most: int) -> list[Step]:
        return [step() for _ in range(draw_from(st.integers(1, most)))]

    for _ in range(draw_from(st.integers(1, 4))):
        some = steps(4)
        if draw_from(st.booleans()):
            some.insert(draw_from(st.integers(0, len(some))), Part(steps(3)))
        Part(some)(values)
    computed = [value for value in values if not value.is_leaf]
    outputs = [values[-1]]
    if draw_from(st.booleans()):  # what is used further is a start of the walk, too
        outputs.append(draw_from(st.sampled_from(computed)))
    if draw_from(st.booleans()):
        draw_from(st.sampled_from(computed)).register_hook(lambda g: g * 2.0)
    whole = trace(outputs, backward=False)
    way: dict[str, Any] = {"fold": draw_from(st.sampled_from([True, False, "auto"]))}
    if way["fold"] is True:
        groups = [group.id for group in whole.groups.groups() if group.parent]
        way["open"] = draw_from(st.sampled_from([(), *([name] for name in groups)]))
    there = [v for v in values if v.node in whole.nodes]
    if draw_from(st.integers(0, 3)):
        way |= {"focus": draw_from(st.sampled_from(there)), "hops": draw_from(st.integers(0, 3))}
    way["carrying"] = draw_from(st.booleans())
    return outputs, way


def close(said: Any, true: np.ndarray, name: str) -> None:
    np.testing.assert_allclose(said, true, atol=1e-12 * (1 + np.abs(true).max()), err_msg=name)


def sums_of_svg(text: str) -> Iterator[tuple[str, Any, list[Any]]]:
    """Each gradient in a picture that is said to be a sum: its tensor, itself, and the terms.

    A term is None where an edge carries several tensors and says but their number.
    """
    elements = [
        {k[5:]: v for k, v in e.attrib.items() if k.startswith("data-")}
        for e in ElementTree.fromstring(text).iter()
    ]
    flows = {d["id"]: d for d in elements if d.get("id", "").startswith("e-")}
    for d in elements:
        if "grads" not in d or d.get("hidden") or d.get("hooked"):
            continue
        terms = d.get("contributions", "").split()
        assert len(terms) == len(set(terms))
        own = {"seed": d.get("seeds"), "inside": d.get("insides")}
        said = [own.get(t) if t in own else flows[t].get("contributions") for t in terms]
        merged = ["tensors" in flows.get(t, ()) for t in terms]
        known = [None if m else json.loads(x) for m, x in zip(merged, said, strict=True)]
        if terms:
            yield d["id"], json.loads(d["grads"]), known


@given(grouped())
@settings(max_examples=300)
def test_sums_are_true_whatever_is_closed_or_in_focus(program: Any) -> None:
    outputs, way = program
    starts = [np.ones(t.shape) for t in outputs]
    assume(all(map(tame, outputs)))
    picture = draw(outputs, gradient=starts, **way)
    records = draw(outputs, gradient=starts, engine="layered", **way)
    assert broken(picture.svg()) == []
    whole = trace(outputs, starts, keep="arrays")
    ids = ids_of(whole)
    gradients = {ids.tensors[node]: g for node, g in whole.gradients.items()}
    flows = {ids.edge(*use): g for use, g in whole.contributions.items()}
    for name, said, terms in (*sums_of_svg(picture.svg()), *sums_of_svg(records.svg())):
        close(said, gradients[name], name)
        if None not in terms:
            close(sum(map(np.array, terms)), gradients[name], name)

    contents = json.loads(picture.json())
    array = lambda number: np.array(contents["summaries"][number]["elements"])
    contributions = {key: array(number) for key, number in contents["contributions"].items()}
    for key, x in contributions.items():
        if not key.startswith("e-more"):
            close(x, flows[key], key)
    for name, tensor in contents["tensors"].items():
        assert set(tensor["contributions"]) <= set(contributions)
        if tensor["gradient"] is None:
            continue
        close(array(tensor["gradient"]), gradients[name], name)
        if not tensor["hooked"]:
            terms = [contributions[key] for key in tensor["contributions"]]
            terms += [array(tensor["seed"])] if tensor["seed"] is not None else []
            close(sum(terms), gradients[name], name)
    for group in contents["groups"].values():
        for name, border in group["borders"].items():
            edges = set(border["edges"])
            if border["contribution"] is None:
                assert not edges & set(contributions)
                continue
            assert edges <= set(contributions)
            close(array(border["contribution"]), sum(contributions[e] for e in edges), name)
