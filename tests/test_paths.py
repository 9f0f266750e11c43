"""A gradient is the sum of what each path contributes."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

import microgradnd as mg
import viz
from examples.bp_equations import ThreeLayer, half_squared_error, sample_pair
from microgradnd import nn
from viz.reports.paths import paths
from viz.style.text import number


def leaf(*shape: int, name: str = "w", seed: int = 0) -> mg.Tensor:
    values = np.random.default_rng(seed).normal(size=shape)
    return mg.Tensor(values, requires_grad=True, name=name)


def gradient(loss: mg.Tensor, w: mg.Tensor) -> np.ndarray:
    return mg.grad(loss, w, retain_graph=True)[0].data


def test_a_square_by_multiplication_has_two_paths() -> None:
    x = mg.Tensor(3.0, requires_grad=True, name="x")
    found = paths(x * x, x)
    assert found.count == 2
    assert [float(p.contribution) for p in found] == [3.0, 3.0]
    assert [i for p in found for _, i in p.edges] == [0, 1]
    assert float(found.total) == 6.0


def test_a_path_is_the_product_of_its_local_slopes() -> None:
    x = mg.Tensor(0.5, requires_grad=True)
    first, second = paths(x.sin() * x.exp(), x)
    assert float(first.contribution) == pytest.approx(np.exp(0.5) * np.cos(0.5))
    assert float(second.contribution) == pytest.approx(np.sin(0.5) * np.exp(0.5))


def test_the_paths_of_a_recurrent_net_are_its_time_steps() -> None:
    W, x = leaf(3, 3, name="W"), np.random.default_rng(1).normal(size=(4, 2, 3))
    h = mg.Tensor(np.zeros((2, 3)))
    for t in range(4):
        h = (h @ W + x[t]).tanh()
    loss = h.square().sum()
    found = paths(loss, W)
    assert found.count == 4
    assert len({len(p.edges) for p in found}) == 4
    np.testing.assert_allclose(found.total, gradient(loss, W), rtol=1e-12)


@pytest.mark.parametrize("name", ["x", "W", "b"])
def test_broadcasting_joining_and_indexing_add_up(name: str) -> None:
    leaves = {n: leaf(*s, name=n) for n, s in {"x": (3, 2), "W": (2, 2), "b": (2,)}.items()}
    x, W, b = leaves.values()
    h = mg.concatenate([x @ W + b, x * b, x[np.array([0, 0, 2])]], axis=1)
    loss = (h.softmax() * h).sum() + mg.stack([b, b * b]).max()
    w = leaves[name]
    found = paths(loss, w)
    assert found.count == len(found.listed or ())
    np.testing.assert_allclose(found.total, gradient(loss, w), rtol=1e-12, atol=1e-14)


def test_diamonds_are_counted_and_listed_up_to_the_limit() -> None:
    x = mg.Tensor(1.1, requires_grad=True)
    y = x
    for _ in range(5):
        y = y * 0.5 + y * 0.25
    found = paths(y, x, limit=32)
    assert found.count == 32
    np.testing.assert_allclose(found.total, gradient(y, x), rtol=1e-12)
    above = paths(y, x, limit=31)
    assert (above.count, above.listed) == (32, None)
    with pytest.raises(ValueError, match=r"32 paths, more than the limit of 31"):
        _ = above.total
    assert str(above) == "32 paths, too many to list"


@pytest.mark.parametrize("diamonds", [30, 70])
def test_paths_beyond_all_limits_are_counted_exactly(diamonds: int) -> None:
    x = mg.Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(diamonds):
        y = y + y
    assert paths(y, x).count == 2**diamonds


def test_a_deep_chain_is_one_path() -> None:
    x = mg.Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(5000):
        y = y * 1.0
    found = paths(y, x)
    assert (found.count, len(found[0].edges), float(found.total)) == (1, 5000, 1.0)


def test_edges_are_named_as_in_the_picture() -> None:
    x = mg.Tensor(2.0, requires_grad=True, name="x")
    y = (x * x).sin() + x
    found = paths(y, x)
    drawn = {key for _, _, key in viz.draw(y).graph.edges(keys=True)}
    assert {key for p in found for key in p.keys} == {k for k in drawn if not k.endswith("out")}


def test_each_step_of_a_path_is_an_edge_the_walk_reports() -> None:
    v = ThreeLayer(2, 3, 1)
    x, d = sample_pair(2, 1, 1)
    loss = half_squared_error(d, v(x))
    (path,) = paths(loss, v.v)
    assert path.labels[0] == "v"
    assert path.labels[-1] == "E"
    for (node, i), below in zip(path.edges, path.nodes[1:], strict=True):
        assert node.operands[i].node == below
    np.testing.assert_allclose(path.contribution, gradient(loss, v.v), rtol=1e-12)


def test_an_intermediate_result_is_a_beginning_too() -> None:
    x = leaf(3)
    h = x.tanh()
    loss = (h * h + h).sum()
    found = paths(loss, h)
    assert found.count == 3
    np.testing.assert_allclose(found.total, 2 * h.data + 1, rtol=1e-12)


def test_the_loss_itself_is_reached_by_the_empty_path() -> None:
    x = mg.Tensor(2.0, requires_grad=True)
    y = x.exp()
    found = paths(y, y)
    assert (found.count, found[0].edges, float(found.total)) == (1, (), 1.0)


def test_the_paths_of_an_element_go_through_single_elements() -> None:
    v = ThreeLayer(2, 3, 2)
    x, d = sample_pair(2, 2, 1)
    loss = half_squared_error(d, v(x))
    found = paths(loss, v.v[0, 1])
    whole = gradient(loss, v.v)
    assert found.count == len(found.listed or ()) == 2  # one over each of the two outputs
    assert float(found.total) == pytest.approx(whole[0, 1], rel=1e-12)
    assert found.total.shape == ()
    assert found[0].labels[0] == "v[0, 1]"
    assert {path.elements[-1] for path in found if path.elements} == {(0, 1)}
    for other in (paths(loss, v.v, (0, 1)), paths(loss, v.v.T, (1, 0)), paths(loss, v.v[0], 1)):
        assert str(other) == str(found)


def test_the_contribution_of_an_elements_path_is_the_product_of_its_slopes() -> None:
    x, W = leaf(2, 3, name="x"), leaf(3, 3, name="W", seed=1)
    h = (x @ W).tanh().named("h")
    loss = (h.softmax() * h).sum()
    for index in np.ndindex(3, 3):
        found = paths(loss, W, index)
        assert float(found.total) == pytest.approx(gradient(loss, W)[index], rel=1e-10)
        for k, path in enumerate(found):
            slopes = [float(J.item()) for J in found.jacobians(k) if J is not None]
            assert float(np.prod(slopes)) == pytest.approx(float(path.contribution))
    assert any(label.startswith("h[0, ") for label in paths(loss, W, (0, 0))[0].labels)


def test_an_element_that_the_loss_does_not_depend_on_has_no_path() -> None:
    x = leaf(3, name="x")
    found = paths((x[1:] * 2.0).sum(), x, 0)
    assert (found.count, float(found.total)) == (0, 0.0)


def test_the_path_of_an_element_is_drawn_with_its_slopes() -> None:
    x = mg.Tensor([2.0, 3.0], requires_grad=True, name="x")
    picture = paths((x * x).sum(), x, 1).draw()
    assert picture.graph.graph["title"].startswith("path 1 of 2 from x[1] adds 3 ")
    assert picture.extras["highlight"]["e-1-0"] == "3"


@pytest.mark.parametrize("element", [5, (0, 0), slice(None), (slice(1),), "a"])
def test_what_is_no_element_is_refused(element: object) -> None:
    x = leaf(3, name="x")
    with pytest.raises(ValueError, match=r"no single element of a tensor of shape \(3,\)"):
        paths(x.sum(), x, element)


def test_parts_and_elements_of_large_results_are_refused_with_the_cure() -> None:
    x = leaf(3, name="x")
    with pytest.raises(ValueError, match="'x' that leaves 2 elements"):
        paths(x.sum(), x[1:])
    y = leaf(100, name="y")
    with pytest.raises(ValueError, match="'exp' on the way has 100 elements"):
        paths(y.exp().sum(), y, 0)


def test_a_tensor_the_loss_does_not_depend_on_is_refused() -> None:
    x, other = leaf(2), leaf(2, name="other")
    with pytest.raises(ValueError, match="'other' is no part"):
        paths(x.sum(), other)


def test_a_freed_graph_has_its_paths_still() -> None:
    x = leaf(3)
    loss = (x.exp() * x).sum()
    loss.backward()
    assert x.grad is not None
    np.testing.assert_allclose(paths(loss, x).total, x.grad.data, rtol=1e-12)


def test_a_gradient_to_start_from_is_pulled_back() -> None:
    x = leaf(3)
    found = paths(x * 2.0, x, gradient=np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(found.total, [2, 4, 6])


def edges_of(picture: viz.Picture) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(picture.svg())
    return {e.attrib["data-id"]: e for e in root.iter() if "data-id" in e.attrib}


@pytest.mark.parametrize("name", ["x", "W", "b"])
def test_a_contribution_is_the_product_of_local_jacobians(name: str) -> None:
    leaves = {n: leaf(*s, name=n) for n, s in {"x": (3, 2), "W": (2, 2), "b": (2,)}.items()}
    x, W, b = leaves.values()
    h = mg.concatenate([x @ W + b, x * b], axis=1).softmax()
    found = paths((h * h).sum() + mg.stack([b, b * b]).max(), leaves[name])
    for k, path in enumerate(found):
        product = np.ones((1, 1))
        for J in found.jacobians(k):
            assert J is not None
            product = product @ J
        contribution = path.contribution.reshape(1, -1)
        np.testing.assert_allclose(product, contribution, rtol=1e-12, atol=1e-14)


def test_a_path_stands_out_on_the_picture_with_its_slopes() -> None:
    x = mg.Tensor(0.5, requires_grad=True, name="x")
    y = ((x.sin() * x.exp()).named("y") + x).named("z")
    found = paths(y, x)
    river = found.draw(1)
    assert all(f">{slope}</text>" in river.svg() for slope in ("1.649", "0.4794", "1"))
    picture = found.draw(1, style="records")
    words = {"e-2-0": "1.649", "e-3-1": "0.4794", "e-4-0": "1"}
    marked = picture.extras["highlight"]
    assert {key: said for key, said in marked.items() if said} == words
    assert set(found[1].keys) == set(words)
    drawn = edges_of(picture)
    assert set(marked) <= set(drawn)
    assert not {"e-1-0", "e-3-0", "e-4-1", "op-1", "e-1-out"} & set(marked)
    assert {"op-2", "op-3", "op-4", "t-1", "t-5", "e-2-out", "e-4-out"} <= set(marked)
    assert picture.svg().count('class="mg-s-glow"') == len(marked) + 1  # and the legend's
    assert picture.graph.graph["title"] == "path 2 of 3 from x adds 0.7904 (bold: local slopes)"


def test_a_path_leads_over_closed_groups_and_shared_weights() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 3), nn.Tanh())
    x = np.ones((2, 2))
    loss = model(x).square().sum()
    found = paths(loss, model[0].weight)
    opened, closed = found.draw(), found.draw(fold=True)
    assert len(closed.graph) < len(opened.graph)
    marked = closed.extras["highlight"]
    assert any(key.startswith("g-") for key in marked)
    assert set(marked) <= {*closed.graph, *(key for _, _, key in closed.graph.edges(keys=True))}
    assert {opened.extras["highlight"][key] for key in found[0].keys} == {
        f"‖J‖ {number(float(np.linalg.norm(J)), 3)}" for J in found.jacobians(0) if J is not None
    }


def test_a_focused_picture_shows_the_path_alone() -> None:
    x, b = leaf(3, name="x"), leaf(3, name="b")
    loss = (x.tanh() * b).sum().named("loss")
    found = paths(loss, x)
    picture = found.draw(focus=(x, loss))
    tracked = {key for _, _, key, e in picture.graph.edges(keys=True, data=True) if not e["out"]}
    assert set(found[0].keys) <= tracked & set(picture.extras["highlight"])


def test_large_jacobians_are_named_by_their_shape() -> None:
    x = leaf(10, 10, name="x")
    found = paths(x.exp().sum(), x)
    first, second = found.jacobians(0)
    assert first is not None
    assert first.shape == (1, 100)
    assert second is None
    assert found.draw(0).extras["highlight"]["e-1-0"] == "J 100×100"
    with pytest.raises(IndexError):
        found.draw(1)


def test_paths_that_are_only_counted_cannot_be_drawn() -> None:
    x = mg.Tensor(1.0, requires_grad=True)
    with pytest.raises(ValueError, match="2 paths, more than the limit of 1"):
        paths(x * x, x, limit=1).draw()


def test_the_last_path_is_number_minus_one() -> None:
    x = mg.Tensor(3.0, requires_grad=True, name="x")
    found = paths(x * x + x, x)
    assert found.draw(-1).graph.graph["title"].startswith("path 3 of 3 from x adds 1 ")
