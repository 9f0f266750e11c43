"""Files of other programs: PNG, PDF, DOT, GraphML and Mermaid hold what the picture shows."""

from __future__ import annotations

import io
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any
from xml.sax.saxutils import unescape

import networkx as nx
import numpy as np
import pygraphviz
import pypdfium2
import pytest
from PIL import Image

import viz
from microgradnd import Tensor, nn
from viz.formats.export import entity, png
from viz.formats.fonts import MissingGlyphWarning

HOSTILE = 'x "<b>&{}|`#;\n--> end %% \x00 subgraph'


def model_loss() -> Tensor:
    rng = np.random.default_rng(0)
    inner = nn.Sequential(nn.Tanh(), nn.Linear(4, 2, rng=rng))
    model = nn.Sequential(nn.Linear(3, 4, rng=rng), inner)
    loss = (model(Tensor(rng.normal(size=(5, 3)), name=HOSTILE)) ** 2).mean()
    loss.name = "E"
    return loss


FOLDS: list[dict[str, Any]] = [{}, {"fold": True}, {"fold": False}, {"open": "1"}]


@pytest.mark.parametrize("options", FOLDS, ids=str)
def test_dot_is_complete_and_graphviz_draws_it(options: dict) -> None:
    picture = viz.draw(model_loss(), **options)
    drawn = pygraphviz.AGraph(string=picture.dot())
    assert set(drawn.nodes()) == set(picture.graph)
    clusters = {cluster["id"] for cluster in picture.graph.graph["clusters"]}
    found = re.findall(r"subgraph \"?cluster_(g-\d+)", picture.dot())
    assert set(found) == clusters
    assert len(found) == len(clusters)
    svg = unescape(drawn.draw(format="svg", prog="dot").decode(), {"&#45;": "-"})
    assert svg.count('class="node') == len(picture.graph)
    backward = [k for _, _, k, e in picture.graph.edges(keys=True, data=True) if e["contribution"]]
    assert all(f'id="{key}-back"' in svg for key in backward)


def test_dot_draws_stubs_and_bundles() -> None:
    h, w, states = Tensor(np.ones(2)), Tensor(np.eye(2) * 0.5, requires_grad=True, name="W"), []
    for _ in range(9):
        h = (w @ h).tanh()
        states.append(h)
    total = sum(states[1:], start=states[0]).sum()
    for picture in (viz.draw(total, fold=True), viz.draw(total, focus="W", hops=1)):
        drawn = pygraphviz.AGraph(string=picture.dot())
        assert set(drawn.nodes()) == set(picture.graph)
        drawn.draw(format="svg", prog="dot")
    assert any(kind == "more" for _, kind in picture.graph.nodes(data="kind"))


@pytest.mark.parametrize("options", FOLDS, ids=str)
def test_graphml_comes_back_with_its_numbers(options: dict, tmp_path: Path) -> None:
    picture = viz.draw(model_loss(), **options)
    back = nx.read_graphml(picture.save(tmp_path / "x.graphml"))
    assert set(back) == set(picture.graph)
    assert back.number_of_edges() == picture.graph.number_of_edges()
    assert back.graph["steps"] == len(picture.trace.steps)
    for name, node in picture.graph.nodes(data=True):
        if "value" in node and node["gradient"] is not None and node["shape"]:
            assert back.nodes[name]["grad-norm"] == node["gradient"].norm
            assert back.nodes[name]["value-mean"] == node["value"].mean
    norms = sorted(e["contribution"].norm for *_, e in picture.graph.edges(data=True)
                   if e["contribution"] and e["contribution"].shape)  # fmt: skip
    read = [e["contribution-norm"] for *_, e in back.edges(data=True) if "contribution-norm" in e]
    assert sorted(read) == norms


def test_graphml_keeps_parallel_edges_apart(tmp_path: Path) -> None:
    x = Tensor(3.0, requires_grad=True, name="x")
    back = nx.read_graphml(viz.draw(x * x).save(tmp_path / "x.graphml"), force_multigraph=True)
    edges = {
        key: e["contribution"]
        for _, _, key, e in back.edges(keys=True, data=True)
        if key != "e-1-out"
    }
    assert edges == {"e-1-0": 3.0, "e-1-1": 3.0}


def test_mermaid_names_every_node_and_edge_once() -> None:
    picture = viz.draw(model_loss(), fold=False)
    lines = picture.mermaid().splitlines()
    assert lines[0] == "flowchart TB"
    nodes = [m[1] for line in lines if (m := re.match(r" +((?:t|op|g)_[\w]+)[\[({]", line))]
    assert sorted(nodes) == sorted(name.replace("-", "_") for name in picture.graph)
    assert sum("-->" in line and line.split()[1] == "-->" for line in lines) == (
        picture.graph.number_of_edges()
    )
    opened = sum(line.strip().startswith("subgraph ") for line in lines)
    assert opened == sum(line.strip() == "end" for line in lines)
    for line in lines:  # nothing of a name is left that means something to Mermaid
        for text in re.findall(r'"(.*)"', line):
            assert not set('"<>{}|`') & set(text.replace("<br/>", ""))


def test_entities_are_numbers() -> None:
    assert entity('end; "q" #1') == "end#59; #34;q#34; #35;1"


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def size_of(svg: str) -> tuple[float, float]:
    found = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg)
    assert found
    return float(found[1]), float(found[2])


def test_a_png_has_the_picture_s_size_and_words(tmp_path: Path) -> None:
    picture = viz.draw(model_loss(), theme="light")
    wide, high = size_of(picture.svg())
    for scale in (1.0, 2.0):
        image = pixels(picture.save(tmp_path / "x.png", scale=scale).read_bytes())
        assert image.shape[:2] == pytest.approx((high * scale, wide * scale), abs=1.5)
    wordless = pixels(png(re.sub(r"<text .*?</text>", "", picture.svg()), 2.0))
    assert np.mean(np.any(wordless != image, axis=2)) > 0.01
    with pytest.raises(ValueError, match=r"scale must be .*not 0"):
        picture.save(tmp_path / "y.png", scale=0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_pdf_is_one_page_with_lines_and_words(theme: str, tmp_path: Path) -> None:
    picture = viz.draw(model_loss(), theme=theme, title="A title to find")
    path = picture.save(tmp_path / "x.pdf")
    assert picture.save(tmp_path / "y.pdf").read_bytes() == path.read_bytes()
    document = pypdfium2.PdfDocument(path)
    assert len(document) == 1
    page = document[0]
    text = page.get_textpage().get_text_range()
    assert "A title to find" in text
    assert "weight" in text
    wide, high = map(
        float, re.search(r'width="([\d.]+)" height="([\d.]+)"', picture.svg()).groups()
    )
    assert page.get_size() == pytest.approx((wide, high), abs=1)
    corner = page.render(scale=1).to_pil().convert("RGB").getpixel((3, 3))
    assert corner == ((255, 255, 255) if theme == "light" else (13, 17, 23))


@pytest.mark.parametrize(("module", "suffix"), [("resvg_py", ".png"), ("typst", ".pdf")])
def test_a_missing_package_is_named_with_its_cure(
    module: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install \"microgradnd\[pictures\]\""):
        viz.draw(model_loss()).save(tmp_path / f"x{suffix}")
    assert not list(tmp_path.iterdir())


def test_whatever_is_drawn_can_be_an_image(tmp_path: Path) -> None:
    loss = model_loss()
    net = Tensor(np.ones((1, 2)), name="x") @ Tensor(np.ones((2, 3)), requires_grad=True, name="W")
    drawn = [
        viz.draw(loss).filmstrip([0, 2]),
        viz.neurons(net.tanh().sum()),
        viz.compare(viz.trace(loss), viz.trace(loss)),
    ]
    for k, picture in enumerate(drawn):
        assert picture.save(tmp_path / f"{k}.png").read_bytes().startswith(b"\x89PNG")
        assert picture.save(tmp_path / f"{k}.pdf").read_bytes().startswith(b"%PDF")


# --- hostile names and dtypes ---


@pytest.mark.parametrize("suffix", ["svg", "html", "json", "dot", "graphml", "mmd", "png", "pdf"])
@pytest.mark.filterwarnings("ignore::viz.formats.fonts.MissingGlyphWarning")
def test_half_a_surrogate_pair_in_a_name_breaks_no_file(suffix: str, tmp_path: Path) -> None:
    x = Tensor(2.0, requires_grad=True, name="a\ud800b")
    file = viz.draw(x * x, title="\udfff").save(tmp_path / f"x.{suffix}")
    assert file.stat().st_size > 100
    if suffix == "json":
        assert json.loads(file.read_text("utf-8"))["tensors"]["t-1"]["name"] == "a\ud800b"


@pytest.mark.parametrize("keep", ["summaries", "arrays"])
def test_long_doubles_are_written_as_floats(keep: str) -> None:
    few = np.arange(3, dtype=np.longdouble)
    many = np.linspace(0, 1, 100, dtype=np.longdouble)
    x = Tensor(few, requires_grad=True, dtype=np.longdouble)
    loss = (x * x).sum() + (Tensor(many, dtype=np.longdouble, requires_grad=True) ** 2).sum()
    picture = viz.draw(loss, keep=keep)
    doc = json.loads(picture.json())
    assert doc["summaries"][doc["tensors"]["t-1"]["value"]]["elements"] == [0.0, 1.0, 2.0]
    for text in (picture.svg(), picture.html(), picture.dot(), picture.graphml()):
        assert text


def test_a_name_of_any_length_is_drawn_by_graphviz() -> None:
    x = Tensor(2.0, requires_grad=True, name="&" * 20_000)
    drawn = pygraphviz.AGraph(string=viz.draw(x * x, title="<" * 20_000).dot())
    assert drawn.draw(format="svg", prog="dot")


# --- fonts ---


def test_characters_that_no_font_has_are_named_in_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [])
    x = Tensor(2.0, requires_grad=True, name="重み")
    picture = viz.draw(x * x)
    for suffix in ("png", "pdf"):
        with pytest.warns(
            MissingGlyphWarning, match="no installed font has 重み: .*fonts-noto-cjk"
        ):
            picture.save(tmp_path / f"x.{suffix}")


def test_characters_that_a_font_has_are_drawn_without_a_warning(tmp_path: Path) -> None:
    x = Tensor(2.0, requires_grad=True, name="W₁ → ∂E")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        viz.draw(x * x).save(tmp_path / "x.png")


def test_a_pdf_fills_its_page(tmp_path: Path) -> None:
    file = viz.draw(Tensor(2.0, requires_grad=True) * 3.0).save(tmp_path / "x.pdf")
    [page] = pypdfium2.PdfDocument(file)
    ink = np.asarray(page.render().to_pil().convert("L")) < 250
    assert ink[-60:].any()  # the legend stands at the foot
