"""Films of a training: every number of every moment is that of the loop itself."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import microgradnd as mg
import viz
from microgradnd import Tensor, nn, optim
from tests.picture_laws import broken
from tests.test_document import follow_the_schema

Contents = dict[str, Any]


def parts(dtype: Any = np.float64) -> nn.Sequential:
    rng = np.random.default_rng(0)
    first = nn.Linear(2, 4, rng=rng, dtype=dtype)
    return nn.Sequential(first, nn.Tanh(), nn.Linear(4, 1, rng=rng, dtype=dtype))


def training(steps: int, look: Callable[[int, Tensor], None] = lambda *_: None) -> nn.Sequential:
    """A loop whose batch, indices and one plain number differ from step to step."""
    rng = np.random.default_rng(1)
    data, wanted = rng.normal(size=(8, 2)), rng.normal(size=(8, 1))
    model = parts()
    batch = np.empty((3, 2))
    optimiser = optim.SGD(model.parameters(), lr=0.1)
    for step in range(steps):
        optimiser.zero_grad()
        np.copyto(batch, data[rng.integers(0, 8, 3)])  # each batch over the one before
        y = model(Tensor(batch, name="x"))[rng.permutation(3)].named("y")
        loss = ((y - wanted[:3]) ** 2).mean() * (1.0 + 0.1 * step)
        loss = loss.named("loss")
        look(step, loss)
        loss.backward()
        optimiser.step()
    return model


def at(contents: Contents, k: int) -> Contents:
    """The document at a moment, as its description has it."""
    moment = contents["film"]["moments"][k]
    changed = lambda one, more: {n: x for n, x in (one | more).items() if x is not None}
    out = {key: x for key, x in contents.items() if key != "film"} | moment["members"]
    out["summaries"] = [
        changed(x, moment["summaries"].get(str(n), {})) for n, x in enumerate(contents["summaries"])
    ]
    for table, differing in moment["parts"].items():
        part = lambda one, x: one | x if isinstance(x, dict) else x
        now = {key: part(contents[table][key], x) for key, x in differing.items()}
        out[table] = contents[table] | now
    return out


def spelled_out(contents: Contents) -> Contents:
    """A document whose parts hold their summaries themselves; formulas aside."""
    x = contents["summaries"]
    of = lambda n: None if n is None else x[n]
    places = ("value", "gradient", "seed")
    out = {key: v for key, v in contents.items() if key not in ("summaries", "formulas", "open")}
    out["tensors"] = {
        name: t | {key: of(t[key]) for key in places} for name, t in contents["tensors"].items()
    }
    for table in ("contributions", "running"):
        out[table] = {key: of(n) for key, n in contents[table].items()}
    out["groups"] = {
        name: group
        | {"inside": {key: of(n) for key, n in group["inside"].items()}}
        | {
            "borders": {
                tensor: border | {key: of(border[key]) for key in ("contribution", "after")}
                for tensor, border in group["borders"].items()
            }
        }
        for name, group in contents["groups"].items()
    }
    out["operations"] = {
        name: {key: v for key, v in op.items() if key not in ("rule", "rules")}
        for name, op in contents["operations"].items()
    }
    return out


@pytest.fixture(scope="module")
def filmed() -> tuple[viz.Film, dict[int, Contents]]:
    """A film of each third call, and documents drawn of the loop itself at the same calls."""
    expected: dict[int, Contents] = {}

    def look(step: int, loss: Tensor) -> None:
        if step % 3 == 0:
            expected[step + 1] = json.loads(viz.draw(loss).json())

    training(14, look)
    with viz.film(every=3) as film:
        training(14)
    return film, expected


def test_every_number_of_every_moment_is_that_of_the_loop(
    filmed: tuple[viz.Film, dict[int, Contents]], tmp_path: Path
) -> None:
    film, expected = filmed
    saved = film.save(tmp_path / "x.json")
    contents = json.loads(saved.read_text(encoding="utf-8"))
    follow_the_schema(contents)
    moments = contents["film"]["moments"]
    assert [moment["call"] for moment in moments] == list(expected) == [1, 4, 7, 10, 13]
    for k, moment in enumerate(moments):
        now, true = spelled_out(at(contents, k)), spelled_out(expected[moment["call"]])
        assert now["title"] == true["title"]
        for part, x in true.items():
            assert now[part] == x, f"{part} of call {moment['call']}"
        true_loss = true["tensors"][true["outputs"][0]]["value"]["scalar"]
        assert moment["loss"] == true_loss
    inputs = [[op["inputs"] for op in at(contents, k)["operations"].values()] for k in range(5)]
    factors = [[x for some in given for x in some if isinstance(x, float)] for given in inputs]
    assert [some[-1] for some in factors] == [1.0 + 0.1 * step for step in (0, 3, 6, 9, 12)]


def test_a_moment_is_small(filmed: tuple[viz.Film, dict[int, Contents]]) -> None:
    contents = json.loads(filmed[0].json())
    moments = contents["film"]["moments"]
    assert moments[-1]["summaries"] == moments[-1]["parts"] == moments[-1]["members"] == {}
    for moment in moments:
        for n, members in moment["summaries"].items():
            base = contents["summaries"][int(n)]
            assert all(base.get(key) != x for key, x in members.items())


def test_a_moment_is_drawn_with_its_numbers(filmed: tuple[viz.Film, dict[int, Contents]]) -> None:
    film, expected = filmed
    for k, (call, contents) in enumerate(expected.items()):
        picture = film.draw(k)
        assert picture.model.title == contents["title"]
        assert film.losses[k][0] == call
        assert spelled_out(json.loads(picture.json())) == spelled_out(contents)
    assert broken(film.draw(2).svg()) == []
    with pytest.raises(IndexError, match="there is no moment 5 in a film of 5"):
        film.draw(5)


def stages(svg: str) -> Iterator[str]:
    """Each of the pictures of a strip alone; ids are those of one picture."""
    count = svg.count("data-stage")
    for k in range(count):
        root = ElementTree.fromstring(svg)
        shown = [x for x in root if x.get("data-stage")]
        for j, x in enumerate(shown):
            if j != k:
                root.remove(x)
        yield ElementTree.tostring(root, encoding="unicode")


def test_a_strip_shows_moments_and_the_loss(
    filmed: tuple[viz.Film, dict[int, Contents]], tmp_path: Path
) -> None:
    svg = filmed[0].save(tmp_path / "x.svg", columns=3).read_text(encoding="utf-8")
    for stage in stages(svg):
        assert broken(stage) == []
    for call in (1, 7, 13):
        assert f'data-stage="{call}"' in svg
        assert f"backward call {call} ·" in svg
    assert "loss over 13 backward calls" in svg
    assert svg.count("<circle") == 3
    (tmp_path / "one.svg").write_text(filmed[0].svg(columns=1))
    assert 'data-stage="13"' in filmed[0].svg(columns=1)
    with pytest.raises(ValueError, match=r"cannot save a film as 'x\.gif'"):
        filmed[0].save(tmp_path / "x.gif")


def test_filming_changes_nothing() -> None:
    plain = training(7)
    with viz.film():
        filmed = training(7)
    for one, other in zip(plain.parameters(), filmed.parameters(), strict=True):
        np.testing.assert_array_equal(one.data, other.data)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    w = Tensor(3.0, requires_grad=True, name="w")
    monkeypatch.setattr("viz.reports.film.recording._BUDGET", 0)  # the fewest moments there are
    with viz.film() as film:
        for _ in range(100):
            (w * w).backward()
    assert len(film) <= 8
    assert film.every == 16
    assert [call for call, _ in film.losses] == list(range(1, 101, 16))


def test_graphs_are_not_kept() -> None:
    class Watched(np.ndarray):
        """An array whose end can be seen."""

    w, ends = Tensor(np.ones(4), requires_grad=True, name="w"), []
    with viz.film() as film:
        for _ in range(4):
            x = np.ones(4).view(Watched)
            ends.append(weakref.ref(x))
            (w * Tensor(x, name="x")).sum().backward()
            del x
    gc.collect()
    assert len(film) == 4
    assert sum(end() is not None for end in ends) <= 1  # that of the first


def test_another_computation_is_refused_before_anything_happens() -> None:
    w = Tensor(3.0, requires_grad=True, name="w")
    with viz.film() as film:
        (w * w).backward()
        for other, what in (
            (w + w, "its part 2 is add, not multiply"),
            (w * w * w, "its part 3 is multiply, not what is differentiated"),
            (w * Tensor(3.0, name="c"), "its part 2, multiply, is made of others"),
        ):
            before = w.grad.numpy().copy()
            with pytest.raises(ValueError, match=f"film: .* than the first: {what}"):
                other.backward()
            np.testing.assert_array_equal(w.grad.numpy(), before)
    assert len(film) == 1


def test_the_calls_from_one_tensor_are_filmed_alone() -> None:
    w = Tensor(3.0, requires_grad=True, name="w")
    with viz.film(of="loss") as film:
        for _ in range(3):
            (w + 1.0).named("penalty").backward()
            (w * w).named("loss").backward()
    assert film.losses == [(1, 9.0), (2, 9.0), (3, 9.0)]
    with viz.film(of="los") as film:
        (w * w).named("loss").backward()
    with pytest.raises(ValueError, match="the film is empty: there was no backward call from a te"):
        film.save("x.html")
    assert not Path("x.html").exists()


def test_a_batch_of_another_size_is_skipped_and_the_next_one_taken() -> None:
    w = Tensor(np.ones(2), requires_grad=True, name="w")
    with viz.film(every=2) as film:
        for rows in (3, 3, 1, 3, 3, 3):
            (Tensor(np.ones((rows, 2)), name="x") @ w).sum().backward()
    assert [call for call, _ in film.losses] == [1, 4, 6]
    assert film.skipped == 1


def test_nans_are_spelled_and_do_not_spoil_the_curve(tmp_path: Path) -> None:
    w = Tensor(np.ones(2), requires_grad=True, name="w")
    with viz.film() as film, np.errstate(all="ignore"):
        for x in (1.0, 2.0, np.inf, np.nan, 3.0):
            (w * Tensor(np.full(2, x), name="x")).sum().backward()
    contents = json.loads(film.json())
    assert [m["loss"] for m in contents["film"]["moments"]] == [2.0, 4.0, "inf", "nan", 6.0]
    assert film.save(tmp_path / "x.svg").exists()


def test_random_draws_are_those_of_the_loop() -> None:
    rng = np.random.default_rng(0)
    layer, expected = nn.Dropout(0.5, rng=rng), []
    w = Tensor(np.ones(6), requires_grad=True, name="w")
    with viz.film() as film:
        for _ in range(4):
            w.grad = None
            layer(w).sum().backward()
            expected.append(w.grad.numpy().copy())
    contents = json.loads(film.json())
    (name,) = [name for name, t in contents["tensors"].items() if t["name"] == "w"]
    for k, g in enumerate(expected):
        doc = at(contents, k)
        said = doc["summaries"][doc["tensors"][name]["gradient"]]["elements"]
        np.testing.assert_array_equal(said, g)


@pytest.fixture
def open_page(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    sync = pytest.importorskip("playwright.sync_api")  # drives the browser, for tests only
    from tests.test_browser import CHROMIUM

    if CHROMIUM is None:
        pytest.skip("no Chromium is on PATH")
    troubles: list[str] = []
    with sync.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def run(html: str) -> Any:
            path = tmp_path / "film.html"
            path.write_text(html, encoding="utf-8")
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.on("console", lambda message: troubles.append(message.text))
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.goto(path.as_uri())
            page.wait_for_selector("#film")
            return page

        yield run
        browser.close()
    assert troubles == []


def test_the_page_slides_through_the_training(
    filmed: tuple[viz.Film, dict[int, Contents]], open_page: Callable[[str], Any]
) -> None:
    film, expected = filmed
    page = open_page(film.html())
    contents = json.loads(film.json())
    for k in (0, 3, 1, 4):
        page.locator("#film input").fill(str(k))
        call, loss = film.losses[k]
        shown = page.evaluate("page.model.doc")
        assert shown["title"] == expected[call]["title"]
        assert spelled_out(shown | {"film": 0}) == spelled_out(at(contents, k) | {"film": 0})
        assert (
            page.locator("#film output").inner_text().startswith(f"call {call} · loss {loss:.4g}")
        )
        assert page.locator("#title").inner_text() == expected[call]["title"]
    box = page.locator("#film div svg").bounding_box()
    page.mouse.click(box["x"] + 10, box["y"] + 10)
    assert page.evaluate("page.film.at") == 0
    page.locator("#film button").click()
    page.wait_for_timeout(6_000)
    assert page.evaluate("[page.film.at, page.film.playing]") == [4, None]


def test_a_picture_s_page_has_no_film() -> None:
    page = viz.draw(mg.exp(Tensor(1.0, requires_grad=True))).html()
    assert '"film":{' not in page
