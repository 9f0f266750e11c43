"""The pictures of reports keep the laws of all pictures: nothing overlaps, all can be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

import viz
from microgradnd import Tensor, nn
from tests.picture_laws import SMALLEST, broken, faint, read
from viz.style.theme import COLOURS
from viz.svg.cells import spelled


def loss(scale: float = 1.0, relu: bool = False) -> Tensor:
    random = np.random.default_rng(1)
    W = Tensor(scale * random.normal(size=(3, 2)), requires_grad=True, name="W")
    b = Tensor(np.ones(2), requires_grad=True, name="b")
    h = (Tensor(random.normal(size=(4, 3)), name="x") @ W + b).tanh()
    return (((h.relu() if relu else h) ** 2).sum()).named("E")


def network(*sizes: int, dead: int = 0) -> Tensor:
    random = np.random.default_rng(2)
    layers: list[nn.Module] = []
    for inputs, units in pairwise(sizes):
        layers += [nn.Linear(inputs, units, rng=random), nn.ReLU() if dead else nn.Tanh()]
    net = nn.Sequential(*layers)
    if dead:
        net[0].bias.data[:dead] = -100.0
    x = Tensor(random.normal(size=(16, sizes[0])), name="x")
    return (net(x) ** 2).mean().named("loss")


def neuron(**how: object) -> Callable[[str], str]:
    return lambda theme: viz.neurons(network(3, 16, 8, 2), theme=theme, **how).svg()  # type: ignore[arg-type]


def way(theme: str) -> str:
    a, b = (Tensor(x, requires_grad=True, name=name) for name, x in (("a", 2.0), ("b", 3.0)))
    return viz.paths(((a * b + b).tanh() * a).named("f"), a).draw(theme=theme).svg()


def beside(theme: str) -> str:
    W = Tensor([[0.1234, -0.5]], requires_grad=True, name="W")
    E = ((Tensor([[-1.2345], [2.0]], name="x") @ W).tanh() ** 2).sum()
    return viz.paths(E, W, (0, 0)).draw(theme=theme).svg()


PICTURES: dict[str, Callable[[str], str]] = {
    "compare": lambda theme: viz.compare(loss(), loss(1.1), theme=theme).svg(),
    "compare, one more": lambda theme: viz.compare(loss(), loss(1.1, True), theme=theme).svg(),
    "compare, records": lambda theme: (
        viz.compare(loss(), loss(2), theme=theme, engine="layered").svg()
    ),
    "neurons": lambda theme: viz.neurons(network(2, 3, 1), theme=theme).svg(),
    "neurons, dense": neuron(),
    "neurons, gradient": neuron(colour="gradient"),
    "one neuron": neuron(unit=(1, 3)),
    "paths": way,
    "a path from a leaf beside": beside,
    "health": lambda theme: (
        lambda E: viz.draw(E, marks=viz.health(E), theme=theme).svg()
    )(network(4, 8, 2, dead=3)),
    "chart": lambda theme: viz.draw(network(4, 6, 6, 1), strip=True, theme=theme).svg(),
    "records": lambda theme: viz.draw(network(4, 6, 1), style="records", theme=theme).svg(),
    "heat-maps": lambda theme: viz.draw(network(40, 30, 10), theme=theme).svg(),
    "numbers": lambda theme: viz.draw(loss(), theme=theme).svg(),
}  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PICTURES)
def test_every_text_can_be_read(name: str, theme: str) -> None:
    svg = PICTURES[name](theme)
    assert faint(svg) == []
    small = [words for words in re.findall(r'font-size="([\d.]+)"', svg)
             if float(words) < SMALLEST]  # fmt: skip
    assert small == []


@pytest.mark.parametrize("name", [name for name in PICTURES if "records" not in name])
def test_a_picture_breaks_no_law(name: str) -> None:
    assert broken(PICTURES[name]("light")) == []


def test_the_law_of_contrast_finds_what_is_faint() -> None:
    svg = PICTURES["numbers"]("dark")
    assert len(faint(svg.replace("#e6edf3", "#30363d"))) > 3
    assert faint(svg.replace('fill="#ffffff"', 'fill="#3a3a3a"'))  # numbers on cells


def test_a_comparison_has_a_column_for_each_pass() -> None:
    svg = viz.compare(loss(), loss(1.1), names=("before", "after")).svg()
    found = read(svg)
    first = next(record for _, words, _, record in found.texts if words == "before")
    at = {words: rect for rect, words, _, record in found.texts if record == first}
    assert at["before"][1] == at["after"][1]
    assert at["before"][2] < at["after"][0]
    assert at["before"][2] == pytest.approx(at["∂before"][2])
    assert any(re.fullmatch(r"Δ 10% · ∂Δ .*%", words) for words in at)


def test_a_marked_record_says_which_units_are_dead() -> None:
    E = network(4, 8, 2, dead=3)
    words = [words for _, words, _, _ in read(viz.draw(E, marks=viz.health(E)).svg()).texts]
    assert "dead units: 0–2" in words


def test_of_a_dense_layer_the_strongest_lines_stand_out() -> None:
    svg = neuron()("light")
    pale = re.findall(r'data-id="w-1-(\d+)-(\d+)"[^>]*opacity="0.16"', svg)
    assert len(pale) == 8 * (16 - 2)
    assert ".mg:has([data-id=u-1-3]:hover)" in svg
    assert "opacity" not in viz.neurons(network(2, 3, 1)).svg().replace("stroke-opacity", "")


def test_weights_and_gradients_have_no_colour_in_common() -> None:
    for theme in (0, 1):
        weights = {COLOURS[role][theme].lower() for role in ("plus", "minus")}
        gradients = {
            COLOURS[role][theme].lower() for role in ("grad", "above-1", "grad-ink", "tip")
        }
        assert not weights & gradients


def test_small_matrices_are_numbers_where_there_is_room() -> None:
    few, many = network(8, 8, 1), network(*[8] * 20, 1)
    tall = [read(viz.draw(E, open="all").svg()).size[1] for E in (few, many)]
    assert tall[1] < 20 * 300
    words = {words for _, words, _, _ in read(viz.draw(few).svg()).texts}
    weights = next(x for x in viz.trace(few).values.values() if x.shape == (8, 8))
    assert {spelled(v) for v in np.ravel(weights.elements)} <= words
