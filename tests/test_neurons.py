"""Circles and connections hold the engine's numbers; a unit's products add up to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import resvg_py
from hypothesis import given, settings
from hypothesis import strategies as st

import microgradnd as mg
import viz
from examples.bp_equations import ThreeLayer, half_squared_error, sample_pair
from examples.network import Network
from microgradnd import Tensor, nn
from microgradnd.nn.linear import linear
from viz.style.text import width

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = 'W"</title><script>alert(1)</script>&\n{|}\x00'
Elements = dict[str, ElementTree.Element]


def elements(picture: viz.Neurons) -> Elements:
    root = ElementTree.fromstring(picture.svg())
    return {e.attrib["data-id"]: e for e in root.iter() if "data-id" in e.attrib}


def figure(found: Elements, name: str, key: str) -> float:
    return float(found[name].attrib[f"data-{key}"])


def matrix(found: Elements, kind: str, key: str, shape: tuple[int, ...], name: str) -> np.ndarray:
    """A parameter put together again from the places that its elements say they have."""
    out = np.full(shape, np.nan)
    for e in found.values():
        if e.get("data-kind") == kind and e.get("data-name") == name:
            out[tuple(map(int, e.attrib["data-index"].split()))] = float(e.attrib[f"data-{key}"])
    return out


def three_layer() -> tuple[ThreeLayer, Tensor, Tensor]:
    x, d = sample_pair(2, 1, 1)
    return ThreeLayer(2, 3, 1), x, d


def difference(f: Callable[[], float], at: np.ndarray) -> np.ndarray:
    out = np.zeros_like(at)
    for i in np.ndindex(at.shape):
        kept, values = at[i], []
        for step in (1e-6, -1e-6):
            at[i] = kept + step
            values.append(f())
        at[i] = kept
        out[i] = (values[0] - values[1]) / 2e-6
    return out


@pytest.mark.parametrize("colour", ["weight", "gradient"])
def test_the_chapter_s_network_is_drawn_with_the_engine_s_numbers(colour: str) -> None:
    network, x, d = three_layer()
    picture = viz.neurons(half_squared_error(d, network(x)), colour=colour)
    assert repr(picture) == "<Neurons of 2 layers: 2-3-1>"
    found = elements(picture)

    def E() -> float:
        again = ThreeLayer(2, 3, 1)
        for t, p in zip(again.parameters.values(), network.parameters.values(), strict=True):
            t.data[...] = p.data
        return half_squared_error(d, again(x)).item()

    kinds = {"v": "weight", "b⁰": "bias", "θ⁰": "threshold", "w": "weight", "b¹": "bias",
             "θ¹": "threshold"}  # fmt: skip
    for name, t in network.parameters.items():
        np.testing.assert_array_equal(matrix(found, kinds[name], "value", t.shape, name), t.data)
        g = matrix(found, kinds[name], "grad", t.shape, name)
        np.testing.assert_allclose(g, difference(E, t.numpy()), rtol=1e-6, atol=1e-10)
    h, net = network.h.data[:, 0], (network.net0 - network.theta0).data[:, 0]
    assert [figure(found, f"u-0-{j}", "value") for j in range(3)] == h.tolist()
    assert [figure(found, f"u-0-{j}", "net") for j in range(3)] == net.tolist()
    assert [figure(found, f"x-0-{i}", "value") for i in range(2)] == x.data[:, 0].tolist()


def test_the_gradient_at_a_unit_is_the_chapter_s_delta_with_the_other_sign() -> None:
    network, x, d = three_layer()
    found = elements(viz.neurons(half_squared_error(d, network(x))))
    h, o = network.h.data[:, 0], 1 / (1 + np.exp(-(network.net1 - network.theta1).data[:, 0]))
    delta_o = (d.data[:, 0] - o) * o * (1 - o)  # eq. 5-16
    delta_y = network.w.data.T @ delta_o * h * (1 - h)  # eq. 5-17
    for layer, delta in ((0, delta_y), (1, delta_o)):
        slopes = [figure(found, f"u-{layer}-{j}", "net-grad") for j in range(len(delta))]
        np.testing.assert_allclose(slopes, -delta, rtol=1e-12)


def spellings() -> dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]]:
    """x (N, I), W (I, O), b (O,): the same layer, written in other ways. All give (N, O)."""
    return {
        "x @ W + b": lambda x, W, b: x @ W + b,
        "b + x @ W": lambda x, W, b: b + x @ W,
        "linear": lambda x, W, b: linear(x, W.T, b),
        "W @ x": lambda x, W, b: (W.T @ x.T + b.reshape(-1, 1)).T,
        "threshold": lambda x, W, b: x @ W - (-1 * b.data),
        "row": lambda x, W, b: x @ W + b.reshape(1, -1),
    }


@pytest.mark.parametrize("spelling", spellings())
@pytest.mark.parametrize("tracked", [False, True])
def test_every_spelling_gives_the_same_picture_of_a_layer(spelling: str, tracked: bool) -> None:
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(5, 3)), requires_grad=tracked, name="x")
    W = Tensor(rng.normal(size=(3, 4)), requires_grad=True, name="W")
    b = Tensor(rng.normal(size=4), requires_grad=True, name="b")
    net = spellings()[spelling](x, W, b)
    picture = viz.neurons(net.tanh().square().sum(), sample=2)
    (layer,) = picture.layers
    assert layer.sizes == (3, 4)
    assert layer.samples == 5
    assert (layer.inputs.gradients is not None) == tracked
    np.testing.assert_array_equal(layer.inputs.values, x.data[2])
    np.testing.assert_allclose(layer.sums.values, net.data[2], rtol=1e-12)
    found = elements(picture)
    np.testing.assert_array_equal(matrix(found, "weight", "value", (3, 4), "W"), W.data)
    slope = 2 * np.tanh(net.data) * (1 - np.tanh(net.data) ** 2)
    np.testing.assert_allclose(
        matrix(found, "weight", "grad", (3, 4), "W"), x.data.T @ slope, rtol=1e-10
    )
    assert [figure(found, f"w-0-{j}-{i}", "value") for j in range(4) for i in range(3)] == (
        W.data.T.ravel().tolist()
    )


def test_layers_link_over_activation_dropout_and_modules() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.SiLU(), nn.Dropout(0.5), nn.Linear(5, 2))
    picture = viz.neurons(model(np.ones((4, 3))).sum(), sample=3)
    (chain,) = picture.chains
    assert [one.function for one in chain] == ["silu, multiply", ""]
    assert chain[0].outputs is chain[1].inputs
    assert chain[1].outputs is None


def test_the_network_class_is_one_chain_of_the_right_sample() -> None:
    X, y = np.random.default_rng(0).normal(size=(6, 3)), np.array([0, 1, 1, 0, 1, 0])
    network = Network([3, 4, 2, 1], ["leaky_relu", "tanh", "sigmoid"], "b_ce", seed=1)
    E = network.cost(X, y, lambda_=0.1)
    picture = viz.neurons(E, sample=4)
    assert repr(picture) == "<Neurons of 3 layers: 3-4-2-1>"
    found = elements(picture)
    assert figure(found, "u-2-0", "value") == pytest.approx(network.predict(X)[4, 0], rel=1e-12)
    E.backward()
    for W in network.W:  # the penalty on the weights is part of their gradient
        assert W.grad is not None
        g = matrix(found, "weight", "grad", W.shape, str(W.name))
        np.testing.assert_allclose(g, W.grad.data, rtol=1e-12)
        here = matrix(found, "weight", "here", W.shape, str(W.name))
        np.testing.assert_allclose(g - here, 0.1 / 6 * W.data, rtol=1e-9, atol=1e-12)


def test_a_shortcut_ends_a_chain() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3))
    V, W, U = (Tensor(rng.normal(size=(3, 3)), requires_grad=True, name=n) for n in "VWU")
    h = (x @ V).tanh()
    loss = (((h @ W).tanh() + h) @ U).sum()
    picture = viz.neurons(loss)
    assert [[one.weight.name for one in chain] for chain in picture.chains] == [["V", "W"], ["U"]]
    assert picture.chains[1][0].inputs.values == pytest.approx(
        (np.tanh(h.data @ W.data) + h.data)[0]
    )


def test_what_attention_multiplies_is_no_layer() -> None:
    x = Tensor(np.eye(3), requires_grad=True, name="x")
    a, b = x.tanh(), x.exp()
    with pytest.raises(ValueError, match=r"no layer of neurons: no product x @ W"):
        viz.neurons((a @ b).sum())


def products(found: Elements, key: str) -> list[float]:
    rows = [e for e in found.values() if e.get("data-kind") == "product"]
    return [float(e.attrib[f"data-{key}"]) for e in rows]


def test_a_unit_spells_its_sum_and_its_weights_gradients() -> None:
    network, x, d = three_layer()
    E = half_squared_error(d, network(x))
    picture = viz.neurons(E, unit=("v", 1))
    found = elements(picture)
    net = figure(found, "net-0-1", "net")
    assert sum(products(found, "product")) == pytest.approx(net, rel=1e-12)
    assert net == (network.net0 - network.theta0).data[1, 0]
    slope = figure(found, "net-0-1", "net-grad")
    E.backward()
    assert network.v.grad is not None
    hand = [slope * x.data[0, 0], slope * x.data[1, 0], slope, -slope]
    assert products(found, "grad-product") == hand
    np.testing.assert_allclose(products(found, "grad"), hand, rtol=1e-12)
    np.testing.assert_allclose(hand[:2], network.v.grad.data[1], rtol=1e-12)
    tooltip = found["u-0-1"].findtext(f"{SVG}title", "")
    assert "net⁰ - θ⁰ = Σ v x + b⁰ − θ⁰" in tooltip
    words = " ".join("".join(e.itertext()) for e in found["net-0-1"].iter(f"{SVG}text"))
    assert "net = (−0.918) · 0.779 + (−0.967) · 0.114 + 0.459 − 0.632 = −0.9988" in words


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_the_products_of_all_samples_add_up_to_the_gradient(
    inputs: int, units: int, samples: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    W = Tensor(rng.normal(size=(inputs, units)), requires_grad=True, name="W")
    b = Tensor(rng.normal(size=units), requires_grad=True, name="b")
    x = rng.normal(size=(samples, inputs))
    loss = (x @ W + b).sigmoid().square().mean()
    found = viz.trace(loss, keep="arrays")
    j = int(rng.integers(units))
    pictures = [elements(viz.neurons(found, unit=(0, j), sample=n)) for n in range(samples)]
    sums = np.sum([products(e, "grad-product") for e in pictures], axis=0)
    gW, gb = (g.data for g in mg.grad(loss, [W, b]))
    np.testing.assert_allclose(sums, [*gW[:, j], gb[j]], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(products(pictures[0], "grad"), [*gW[:, j], gb[j]], rtol=1e-12)


def test_what_units_give_back_adds_up_to_the_gradient_of_their_input() -> None:
    network, x, d = three_layer()
    found = viz.trace(half_squared_error(d, network(x)), keep="arrays")
    rows = elements(viz.neurons(found, unit=(1, 0)))
    shares = [figure(rows, f"p-1-0-{i}", "share") for i in range(3)]
    np.testing.assert_allclose(shares, found.gradients[network.h.node][:, 0], rtol=1e-12)


def test_sign_is_told_by_dashes_and_magnitude_by_width() -> None:
    W = Tensor([[3.0, -3.0, 0.3, 0.0]], requires_grad=True, name="W")
    found = elements(viz.neurons((Tensor([[1.0]]) @ W).sum()))
    lines = [found[f"w-0-{j}-0"].findall(f"{SVG}path")[1] for j in range(4)]
    assert ["stroke-dasharray" in line.attrib for line in lines] == [False, True, False, False]
    wide = [float(line.attrib.get("stroke-width", 1)) for line in lines]
    assert wide[0] == wide[1] > 2 * wide[2] > 2 * wide[3]


def test_a_number_that_is_none_is_drawn_as_such() -> None:
    W = Tensor([[np.nan, 1.0]], requires_grad=True, name="W")
    found = elements(viz.neurons((Tensor([[1.0]]) @ W).sum()))
    assert found["w-0-0-0"].attrib["data-value"] == "nan"
    assert found["w-0-0-0"].findall(f"{SVG}path")[1].attrib["stroke-dasharray"] == "1 3"


def test_a_frozen_layer_and_a_forward_pass_have_no_gradients() -> None:
    x = Tensor([[1.0, 2.0]], requires_grad=True, name="x")
    W = Tensor(np.eye(2), name="W")
    found = elements(viz.neurons((x.tanh() @ W).sum()))
    assert "data-grad" not in found["w-0-0-0"].attrib
    assert figure(found, "x-0-0", "grad") == 1.0
    forward = viz.trace((x.tanh() @ W).sum(), backward=False, keep="arrays")
    assert "data-grad" not in elements(viz.neurons(forward))["x-0-0"].attrib
    with pytest.raises(ValueError, match="no backward pass"):
        viz.neurons(forward, colour="gradient")


@pytest.mark.parametrize("unit", [None, (0, 1)])
@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_hostile_names_are_text_in_every_theme(unit: tuple[int, int] | None, theme: str) -> None:
    W = Tensor(np.ones((2, 2)), requires_grad=True, name=HOSTILE)
    b = Tensor(np.ones(2), requires_grad=True, name=HOSTILE)
    x = Tensor(np.ones((1, 2)), name=HOSTILE)
    y = (x @ W + b).named(HOSTILE).tanh().named(HOSTILE).sum().named(HOSTILE)
    picture = viz.neurons(y, unit=unit, theme=theme, title=HOSTILE)
    root = ElementTree.fromstring(picture.svg())
    assert root.find(f".//{SVG}script") is None
    assert ("<style>" in picture.svg()) == (theme == "auto")
    assert elements(picture)["w-0-1-0"].attrib["data-name"] == HOSTILE.replace("\x00", "�")
    assert root.findtext(f"{SVG}title", "").startswith('W"</title><script>')
    assert len(bytes(resvg_py.svg_to_bytes(svg_string=picture.svg()))) > 1000


def test_text_within_circles_stays_there() -> None:
    x = np.array([[-1.23456789e-7, 1234567.0, -0.000569, 0.5]])
    W = Tensor(np.full((4, 2), -1e-5), requires_grad=True, name="a long name of weights")
    found = elements(viz.neurons((x @ W).tanh().named("an even longer name").sum()))
    for name in ("x-0-0", "x-0-1", "x-0-2", "u-0-0"):
        rim = found[name].find(f"{SVG}circle")
        assert rim is not None
        for text in found[name].findall(f"{SVG}text")[:2]:
            words = "".join(text.itertext())
            assert width(words, float(text.attrib["font-size"])) <= 2 * float(rim.attrib["r"])


def test_one_pass_gives_the_same_file_every_time(tmp_path: Path) -> None:
    network, x, d = three_layer()
    E = half_squared_error(d, network(x))
    path = viz.neurons(E).save(tmp_path / "deep" / "n.svg")
    assert path.read_text(encoding="utf-8") == viz.neurons(E)._repr_svg_()
    with pytest.raises(ValueError, match=r"cannot save neurons as 'n.html'"):
        viz.neurons(E).save(tmp_path / "n.html")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sample": 1}, r"sample=1 is not in the pass: it has one sample, 0"),
        ({"unit": (2, 0)}, r"layer 2 is not among the 2 layers"),
        ({"unit": (0, 3)}, r"unit 3 is not among the 3 units of layer 0"),
        ({"unit": ("u", 0)}, r"no layer has a weight 'u'; there are: 'v', 'w'"),
        ({"colour": "red"}, r"colour must be 'weight' or 'gradient', not 'red'"),
        ({"theme": "grey"}, r"theme must be .* not 'grey'"),
    ],
)
def test_what_is_not_there_is_refused(options: dict, words: str) -> None:
    network, x, d = three_layer()
    with pytest.raises(ValueError, match=words):
        viz.neurons(half_squared_error(d, network(x)), **options)


def test_layers_that_are_too_large_are_refused_but_their_small_neighbours_are_not() -> None:
    model = nn.Sequential(nn.Linear(3, 17), nn.Tanh(), nn.Linear(17, 2))
    loss = model(np.ones((1, 3))).sum()
    with pytest.raises(ValueError, match=r"layer 0 '0.weight' has 3 inputs and 17 units; .* 16"):
        viz.neurons(loss)
    small = nn.Sequential(*[nn.Linear(2, 2) for _ in range(13)])
    loss = small(np.ones((1, 2))).sum()
    with pytest.raises(ValueError, match=r"13 layers of neurons, more than 12"):
        viz.neurons(loss)
    assert "net-12-1" in elements(viz.neurons(loss, unit=(12, 1)))


def test_summaries_are_not_enough() -> None:
    network, x, d = three_layer()
    with pytest.raises(ValueError, match=r'keep="arrays"'):
        viz.neurons(viz.trace(half_squared_error(d, network(x))))


def test_the_description_tells_what_the_picture_shows() -> None:
    network, x, d = three_layer()
    picture = viz.neurons(half_squared_error(d, network(x)))
    said = ElementTree.fromstring(picture.svg()).findtext(f"{SVG}desc", "")
    assert "2–3–1 units" in said
    assert "Layer 0: 2 inputs, 3 units, sigmoid." in said


def test_numbers_that_are_not_those_of_the_forward_pass_are_announced() -> None:
    W = Tensor(np.ones((2, 2)), requires_grad=True, name="W")
    y = (np.ones((1, 2)) @ W).sum()
    assert "⚠" not in viz.neurons(y).svg()
    with mg.no_grad():
        W -= 0.5
    assert "⚠ a leaf or constant changed since the forward pass" in viz.neurons(y).svg()


def odd_layers() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """W (3, 2) and w (3,) with vectors and with samples on other axes than the first."""
    x = np.random.default_rng(5).normal(size=(5, 3, 4))
    return {
        "one sample": lambda W, w: x[0, :, 0] @ W,
        "one sample, W first": lambda W, w: W.T @ x[0, :, 0],
        "one unit": lambda W, w: x[0].T @ w + 1.5,
        "one unit, w first": lambda W, w: w @ x[0],
        "one unit, one sample": lambda W, w: w @ x[0, :, 0],
        "samples on two axes": lambda W, w: W.T @ x,
    }


@pytest.mark.parametrize("name", odd_layers())
def test_vectors_and_samples_on_any_axes_are_layers_too(name: str) -> None:
    rng = np.random.default_rng(6)
    W, w = (Tensor(rng.normal(size=s), requires_grad=True, name="W") for s in ((3, 2), (3,)))
    net = odd_layers()[name](W, w)
    found = viz.trace(net.sigmoid().square().sum(), keep="arrays")
    samples = viz.neurons(found).layers[0].samples
    used = W if "unit" not in name else w
    sums = np.zeros(used.shape)
    for n in range(samples):
        (one,) = viz.neurons(found, sample=n).layers
        values = one.weight.values @ one.inputs.values + sum(p.sign * p.values for p in one.shifts)
        np.testing.assert_allclose(values, one.sums.values, rtol=1e-12)
        for j in range(one.sizes[1]):
            rows = elements(viz.neurons(found, sample=n, unit=(0, j)))
            for i in range(3):
                place = tuple(map(int, rows[f"w-0-{j}-{i}"].attrib["data-index"].split()))
                sums[place] += figure(rows, f"p-0-{j}-{i}", "grad-product")
    assert samples * one.sizes[1] == net.data.size
    (g,) = mg.grad(net.sigmoid().square().sum(), [used])
    np.testing.assert_allclose(sums, g.data, rtol=1e-10)


def test_tied_weights_tell_what_each_layer_adds_to_their_gradient() -> None:
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(4, 3)), Tensor(rng.normal(size=(3, 2)), requires_grad=True, name="W")
    loss = ((x @ W).tanh() @ W.T - x).square().sum()
    picture = viz.neurons(loss)
    first, second = picture.layers
    assert second.after is first
    assert first.weight.here is not None
    assert second.weight.here is not None
    (g,) = mg.grad(loss, [W])
    np.testing.assert_allclose(first.weight.here.T + second.weight.here, g.data, rtol=1e-12)
    assert first.weight.gradients is not None
    np.testing.assert_allclose(first.weight.gradients.T, g.data, rtol=1e-12)
    tooltip = elements(picture)["w-1-0-0"].findtext(f"{SVG}title", "")
    assert "of it through this layer" in tooltip


def test_an_output_that_is_no_scalar_is_drawn_without_gradients() -> None:
    W = mg.Tensor(np.eye(2), requires_grad=True, name="W")
    output = (mg.Tensor([[1.0, 2.0]]) @ W).tanh()
    picture = viz.neurons(output)
    assert picture.layers[0].sums.gradients is None
    assert "∂" not in picture.svg()
    assert viz.neurons(output, gradient=np.ones((1, 2))).layers[0].sums.gradients is not None
    with pytest.raises(ValueError, match="give a loss, or gradient="):
        viz.neurons(output, colour="gradient")
