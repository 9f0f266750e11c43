"""Heat-maps show what is there: true means, the distribution of the elements, zeros, noise pale."""

from __future__ import annotations

import re
from io import BytesIO
from itertools import product

import numpy as np
import pytest
from PIL import Image

from microgradnd import Tensor
from tests.node import needs_node, run
from tests.picture_laws import broken
from viz import draw, trace
from viz.capture.summary import Summary, summarise
from viz.capture.thumbnails import planned, shrink, thumbnail
from viz.capture.trace import Trace
from viz.model.describe import Describer
from viz.style.heatmap import GAP, colours, ink_of, over, png
from viz.style.theme import COLOURS, luminance, rgb
from viz.svg.cells import form_of, spelled

SHAPES = [
    (65,), (1, 7), (9, 8), (33, 70), (64, 10), (3, 1000), (1000, 3), (6, 5, 5), (1, 6, 24, 24),
    (4, 1, 28, 28), (4, 6, 24, 24), (16, 3, 3, 3), (32, 10, 200), (2, 3, 4, 5, 6),
]  # fmt: skip


@pytest.mark.parametrize("shape", [(64, 64), (200, 96), (4096,), (40, 2000)])
def test_blocks_keep_their_mean_and_strength(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    cells, plan = thumbnail(x)
    matrix = np.atleast_2d(x)
    (a, b), rows = plan.block, matrix.shape[0]
    m, n = (1, 4) if a == 1 else (2, 2)
    if matrix.shape[1] % (b * n) == 0 and rows % (a * m) == 0:
        blocks = matrix.reshape(rows // (a * m), a * m, -1, b * n).mean((1, 3))
        means = cells.reshape(rows // (a * m), m, -1, n).mean((1, 3))
        np.testing.assert_allclose(means, blocks, atol=1e-12)
    # the largest of each block had 4 times the strength of what was there
    assert np.abs(cells).mean() == pytest.approx(np.abs(x).mean(), rel=0.05)
    assert cells.std() == pytest.approx(x.std(), rel=0.1)


def test_what_is_smooth_looks_averaged_and_an_image_like_itself() -> None:
    i, j = np.mgrid[0:96, 0:96] / 96
    x = np.sin(5 * i) * np.cos(4 * j)
    cells, _ = thumbnail(x)
    averaged = x.reshape(32, 3, 32, 3).mean((1, 3))
    assert np.abs(cells - averaged).max() < 0.05
    digit = (np.hypot(i - 0.5, j - 0.5) < 0.3)[:28, :28].astype(float)
    np.testing.assert_array_equal(thumbnail(digit[None])[0], digit)  # whole


def test_zeros_and_half_dead_units_are_seen() -> None:
    mask = 2.0 * (np.random.default_rng(1).random((64, 256)) < 0.5)
    cells, plan = thumbnail(mask)
    assert np.mean(cells) == pytest.approx(mask.mean(), abs=1e-12)
    assert np.mean(cells < 1.0) == pytest.approx(0.5, abs=0.05)
    assert np.mean(cells == 0.0) > 0.35
    assert plan.caption == "a cell: 2×8"
    tooltip = draw(Tensor(mask, name="mask")).svg()
    assert "thumbnail: a cell: 2×8" in tooltip


def test_a_spike_is_not_shown_as_if_it_were_everywhere() -> None:
    x = np.zeros((64, 64))
    x[17, 5] = -8.0
    cells, _ = thumbnail(x)
    assert np.count_nonzero(cells) == 1
    assert cells.min() == -2.0  # a quarter of 16 elements
    found = summarise(x)
    assert (found.top, found.scale) == (8.0, 2.0)


def test_nan_is_seen_and_spoils_no_other_block() -> None:
    x = np.ones((64, 64))
    x[3, 3] = np.nan
    cells, _ = thumbnail(x)
    assert np.isnan(cells).sum() == 1
    assert np.isnan(cells[:2, :2]).any()
    assert np.isnan(shrink(np.array([[1.0, np.nan, 3.0]]), 1, 3)).all()


def test_data_and_gradient_have_the_same_blocks() -> None:
    x = Tensor(np.random.default_rng(0).normal(size=(70, 50)), requires_grad=True, name="x")
    found = trace((x * x).sum())
    value, gradient = found.values[x.node], found.gradients[x.node]
    assert value.block == gradient.block == (3, 2)  # type: ignore[union-attr]
    np.testing.assert_allclose(gradient.thumb, 2 * value.thumb)  # type: ignore[union-attr]


def test_large_arrays_are_looked_at_in_part_and_say_so() -> None:
    x = np.random.default_rng(0).normal(size=(3000, 2000)).astype(np.float32) + 1
    cells, plan = thumbnail(x)
    assert plan.caption == "a cell: 94×63, 1 of 2 looked at"
    assert cells.mean() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("shape", SHAPES)
def test_sheets_are_no_larger_than_planned(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    cells, plan = thumbnail(x)
    assert cells.shape == plan.size
    assert cells.shape <= (57, 64)
    shown = len(plan.shown) * np.prod([-(-n // k) for n, k in
                                       zip((1, *shape)[-2:], plan.block, strict=True)])  # fmt: skip
    assert np.count_nonzero(cells != GAP) == shown


def test_filters_feature_maps_and_batches_are_tiles() -> None:
    assert planned((6, 1, 5, 5))[:2] == (2, 3)
    assert planned((16, 3, 5, 5))[:2] == (6, 3)  # filters downward, channels across
    assert planned((4, 1, 28, 28)).block == (1, 1)  # four digits, whole
    assert planned((2, 20, 30, 30)).caption == "2 × 5 of 20 tiles, a cell: 3×3"
    assert planned((3, 427, 640)).size[1] > 45  # a photograph


def recorded(found: Trace, name: str) -> Summary | None:
    """The gradient of a leaf as pictures have it."""
    return Describer(found).record(next(n for n in found.nodes if n.name == name)).gradient


def test_rounding_noise_is_pale() -> None:
    random = np.random.default_rng(0)
    x = Tensor(random.normal(size=(40, 30)), name="x")
    b = Tensor(random.normal(size=(30,)), requires_grad=True, name="b")
    z = x + b
    z = z - z.mean(axis=0)
    loss = (z * Tensor(random.normal(size=(40, 30)))).sum()
    found = trace(loss, keep="arrays")
    noise = found.gradients[b.node]
    assert 0 < np.abs(noise).max() < 1e-13  # the shift cancels, but for rounding
    gradient = recorded(found, "b")
    assert gradient is not None
    assert gradient.thumb is not None
    assert colours(gradient.thumb, gradient.scale)[..., 3].mean() < 128
    small = Tensor(1e-18 * random.normal(size=(30,)), requires_grad=True, name="s")
    found = trace((small * small).sum())  # as small, but no noise
    gradient = recorded(found, "s")
    assert gradient is not None
    assert gradient.scale == gradient.top


def test_five_by_five_images_and_their_maps_show_numbers() -> None:
    image = np.arange(25.0).reshape(1, 1, 5, 5)
    assert [form_of(s) for s in ((1, 1, 5, 5), (3, 3), (8, 8), (9, 8), (2, 1, 3, 3))] == [
        "table", "table", "table", "map", "map",
    ]  # fmt: skip
    x = Tensor(image, requires_grad=True, name="x")
    for style in ("river", "records"):
        svg = draw((x * x).sum(), style=style).svg()
        assert {str(k) for k in range(25)} <= set(re.findall(r">(\d+)</text>", svg))
    assert broken(draw((x * x).sum()).svg()) == []


def test_the_scale_is_printed() -> None:
    x = Tensor(np.linspace(-3.0, 2.0, 200).reshape(20, 10), requires_grad=True, name="x")
    for style in ("river", "records"):
        svg = draw((x * x).sum(), style=style).svg()
        assert {"±3", "±6", "±9", "±1"} <= set(re.findall(r">(±[^<]*)</text>", svg))


def test_zero_is_dark_in_the_dark() -> None:
    assert colours(np.zeros((1, 1)), 1.0)[0, 0, 3] == 0  # clear, on the ground of records
    svg = draw(Tensor(np.zeros((20, 20)), name="x"), theme="dark").svg()
    place = svg.index("<image ")
    assert svg[:place].rstrip("<g").count(COLOURS["record"][1]) > 0
    assert '"#ffffff"' not in svg


def test_numbers_are_legible_on_every_cell_in_both_themes() -> None:
    cells = colours(np.linspace(-1, 1, 401)[None], 1.0)[0]
    for cell, theme in product(map(tuple, cells.tolist()), (0, 1)):
        ground = over(cell, rgb(COLOURS["record"][theme]))
        levels = sorted((luminance(ground), luminance(rgb(COLOURS[ink_of(cell)][theme]))))
        assert (levels[1] + 0.05) / (levels[0] + 0.05) >= 4.5


def test_a_png_is_a_png() -> None:
    given = colours(np.array([[0.0, 1.0], [-1.0, np.nan]]), 1.0)
    back = np.asarray(Image.open(BytesIO(png(given))))
    assert np.array_equal(back, given)


@needs_node
def test_the_page_draws_the_same_cells_colours_and_texts() -> None:
    random = np.random.default_rng(7)
    arrays = [random.normal(size=shape) * 10.0 ** random.integers(-6, 7) for shape in SHAPES]
    arrays += [np.where(random.random(shape) < 0.4, 0.0, 3.0) for shape in SHAPES[3:]]
    arrays.append(np.array([[np.nan, 1.0], [-np.inf, 0.0]]))
    program = """
      return data.map(([shape, elements]) => {
        const flat = elements.map((x) => of_text.toFloat(x));
        const {cells, scale, block, caption} = of_cells.thumbnail(flat, shape);
        const all = cells.flat().map((v) => (v === null || Number.isFinite(v) ? v : String(v)));
        const colours = cells.flat().map((v) => of_cells.colour(v, scale));
        return {all, scale, block, caption, colours, inks: colours.map(of_cells.inkOf),
          words: flat.map((x) => of_cells.spelled(x)), size: of_cells.planned(shape).size};
      });"""
    given = [[list(x.shape), [float(v) if np.isfinite(v) else str(v) for v in x.ravel()]]
             for x in arrays]  # fmt: skip
    for x, there in zip(arrays, run(["text", "cells"], program, given), strict=True):
        cells, plan = thumbnail(x)
        scale = summarise(x).scale
        assert (there["block"], there["caption"]) == (list(plan.block), plan.caption)
        assert there["size"] == list(plan.size)
        assert there["scale"] == pytest.approx(scale, rel=1e-12)
        numbers = [GAP if v is None else float(v.lower().replace("infinity", "inf"))
                   if isinstance(v, str) else v for v in there["all"]]  # fmt: skip
        np.testing.assert_allclose(numbers, cells.ravel(), rtol=1e-9, atol=1e-12 * scale)
        expected = colours(cells, scale).reshape(-1, 4)
        assert np.abs(np.array(there["colours"]) - expected).max() <= 1  # halves may round apart
        assert there["inks"] == [ink_of(tuple(c)) for c in there["colours"]]
        assert there["words"] == [spelled(float(v)) for v in x.ravel()]
