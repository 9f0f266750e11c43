"""Pictures that play their backward pass: what a step adds appears in its turn, all is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import viz
from examples.bp_network import small_graph
from microgradnd import Tensor
from tests.picture_laws import broken
from tests.test_river import lstm, recurrent

SVG = "{http://www.w3.org/2000/svg}"
KEYFRAMES = re.compile(r"@keyframes (mg-[ab]\S+?)\{0%,([\d.]+)%\{opacity:0[;}]")
RULE = re.compile(r"\.(mg-[ab]\S+?)\{animation:(\S+) ([\d.]+)s linear infinite\}")


def summed() -> Tensor:
    x = Tensor([0.5, -1.0], requires_grad=True, name="x")
    return ((x.exp() * x.sin() + x).sum() + x.square().sum()).named("y")


def long() -> Tensor:
    x = Tensor(0.5, requires_grad=True, name="x")
    for _ in range(300):
        x = x.sin()
    return x.named("y")


GRAPHS: dict[str, Callable[[], viz.Picture]] = {
    "network": lambda: viz.draw(small_graph()),
    "sums": lambda: viz.draw(summed(), fold=False),
    "recurrent": lambda: viz.draw(recurrent(3), fold=False),
    "lstm": lambda: viz.draw(lstm(3)),
    "folded": lambda: viz.draw(recurrent(40)),
    "long": lambda: viz.draw(long(), fold=False),
    "focus": lambda: viz.draw(summed(), focus="x", hops=1, fold=False),
}


def starts(svg: str) -> dict[str, float]:
    """By class, when what has it appears, in seconds."""
    seconds = {one: float(turn) for one, name, turn in RULE.findall(svg) if one == name}
    return {name: seconds[name] * float(at) / 100 for name, at in KEYFRAMES.findall(svg)}


def moments(svg: str) -> Iterator[tuple[dict[str, str], ElementTree.Element, float | None]]:
    """Each element with the data of what is around it, and when it appears."""
    when = starts(svg)

    def walk(
        element: ElementTree.Element, data: dict[str, str], at: float | None
    ) -> Iterator[tuple[dict[str, str], ElementTree.Element, float | None]]:
        own = {key[5:]: x for key, x in element.items() if key.startswith("data-")}
        data = data | own if own else data
        names = element.get("class", "").split()
        at = next((when[name] for name in names if name in when), at)
        yield data, element, at
        for child in element:
            yield from walk(child, data, at)

    yield from walk(ElementTree.fromstring(svg), {}, None)


@pytest.mark.parametrize("name", GRAPHS)
def test_what_a_step_adds_appears_in_the_order_of_the_steps(name: str) -> None:
    picture = GRAPHS[name]()
    svg = picture.svg(animate=True)
    assert broken(svg) == []
    when = starts(svg)
    assert max(when.values()) <= 12.0 - 1.5
    assert 0.5 <= min(when.values()) <= 1.0
    badges: dict[int, float] = {}
    ribbons: dict[str, float] = {}
    for data, element, at in moments(svg):
        step, path = data.get("step") or data.get("steps"), element.tag == f"{SVG}path"
        words = (element.text or "").strip()
        if step and element.tag == f"{SVG}text" and words == step.replace("-", "–"):
            assert at is not None, f"the badge of step {words} is always there"
            badges[int(words.split("–")[0])] = at
        wire = data.get("id", "").startswith("e-") and not data["id"].endswith("-out")
        if path and wire and element.get("pathLength"):
            assert at is not None
            ribbons[data["id"]] = at
    steps = sorted(badges)
    assert steps
    assert [badges[step] for step in steps] == sorted(badges.values())
    if len(steps) < 60:
        assert len(set(badges.values())) == len(steps)
    for key, at in ribbons.items():
        edge = next(e for e in picture._river.model.edges.values() if e.id == key)
        assert edge.steps
        if edge.steps[-1] in badges:
            assert at == badges[edge.steps[-1]]


@pytest.mark.parametrize("name", GRAPHS)
def test_every_number_of_a_gradient_has_its_moment_and_no_value_has(name: str) -> None:
    picture = GRAPHS[name]()
    kinds: dict[bool, int] = {True: 0, False: 0}
    for data, element, at in moments(picture.svg(animate=True)):
        if element.tag != f"{SVG}text" or "kind" not in data:
            continue
        role = re.search(r"mg-f-(\S+)", element.get("class", ""))
        of_gradient = role is not None and role[1] in ("grad-ink", "chip-ink", "below-1", "above-1")
        if of_gradient and (element.text or "").strip() != "—":
            kinds[True] += 1
            assert at is not None, f"{element.text} of {data['id']} is there from the start"
        elif role is not None and role[1] == "ink":
            kinds[False] += 1
            assert at is None
    assert all(kinds.values())


@pytest.mark.parametrize("name", GRAPHS)
def test_without_animation_the_picture_is_the_still_one(name: str) -> None:
    picture = GRAPHS[name]()
    svg = picture.svg(animate=True)
    bare = re.sub(r"<style>@media\(prefers-reduced-motion.*?</style>\n?", "", svg)
    assert "animation" not in bare
    assert "keyframes" not in bare
    bare = re.sub(r'<g class="mg-n\S+" opacity="0">.*?</g>', "", bare)
    bare = re.sub(r' pathLength="1"', "", bare)
    texts = lambda svg: ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter()
                         if e.tag in (f"{SVG}text", f"{SVG}title")]  # fmt: skip
    assert texts(bare) == texts(picture.svg())
    shapes = lambda svg: [
        {k: v for k, v in e.items() if k not in ("class", "opacity")}
        for e in ElementTree.fromstring(svg).iter()
        if e.tag != f"{SVG}g"
    ]
    assert shapes(bare) == shapes(picture.svg())
    assert 'opacity="0"' not in bare


def test_it_needs_nothing_from_elsewhere_and_no_script(tmp_path: Path) -> None:
    saved = viz.draw(small_graph()).save(tmp_path / "x.svg", animate=True)
    svg = saved.read_text(encoding="utf-8")
    assert 2 * svg.count("@keyframes") == 3 * len(starts(svg))
    links = [x for e in ElementTree.fromstring(svg).iter() for key, x in e.items()
             if key.endswith("href")]  # fmt: skip
    assert all(x.startswith("data:") for x in links)
    assert "<script" not in svg
    assert "url(" not in svg


def test_the_same_program_plays_the_same_bytes() -> None:
    one, other = (viz.draw(small_graph()).svg(animate=True) for _ in range(2))
    assert one == other


def test_a_png_of_it_is_complete() -> None:
    pytest.importorskip("resvg_py")  # the package that writes PNG
    from viz.formats.export import png

    picture = viz.draw(summed())
    assert png(picture.svg(animate=True)) == png(picture.svg())


def test_what_cannot_play_says_so(tmp_path: Path) -> None:
    loss = small_graph()
    for picture, why in (
        (viz.draw(loss, backward=False), "animate=True: there is no backward pass"),
        (viz.draw(loss, style="records"), "leave style='records'"),
    ):
        with pytest.raises(ValueError, match=why):
            picture.save(tmp_path / "x.svg", animate=True)
    with pytest.raises(ValueError, match=r"an SVG can play, 'x\.png' cannot"):
        viz.draw(loss).save(tmp_path / "x.png", animate=True)
    assert list(tmp_path.iterdir()) == []


def test_a_browser_plays_it_unless_less_motion_is_asked_for(tmp_path: Path) -> None:
    """What is seen at some times, measured in Chromium; as an image in a page it plays, too."""
    sync = pytest.importorskip("playwright.sync_api")  # drives the browser
    from tests.test_browser import CHROMIUM

    if CHROMIUM is None:
        pytest.skip("no Chromium is on PATH")
    saved = viz.draw(small_graph(), theme="light").save(tmp_path / "x.svg", animate=True)
    seen = """time => {
      for (const a of document.getAnimations()) { a.pause(); a.currentTime = time; }
      return [...document.querySelectorAll('[class^=mg-a],[class^=mg-b]')].filter(
        x => getComputedStyle(x).opacity > 0.99).length }"""
    with sync.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page(reduced_motion="no-preference")
        page.goto(saved.as_uri())
        counts = [page.evaluate(seen, time) for time in (0, 700, 2000, 4000, 6000, 7600, 9000)]
        assert counts[:2] == [0, 0]
        assert counts == sorted(counts)
        everything = page.locator("[class^=mg-a],[class^=mg-b]").count()
        assert counts[-1] == counts[-2] == everything
        assert len(set(counts)) == 5
        still = chromium.new_page(reduced_motion="reduce")
        still.goto(saved.as_uri())
        assert still.evaluate("document.getAnimations().length") == 0
        assert still.evaluate(seen, 0) == everything
        host = tmp_path / "host.html"
        host.write_text('<img src="x.svg" style="height:95vh">', encoding="utf-8")
        page.goto(host.as_uri())
        page.wait_for_timeout(200)
        early = page.screenshot()
        page.wait_for_timeout(2600)
        assert early != page.screenshot()
        chromium.close()
