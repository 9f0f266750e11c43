"""How the page looks at a picture: what is in sight, moved, zoomed, and in which colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.test_browser import CHROMIUM
from tests.test_browser_page import (
    bp_network,
    chromium,
    convolutional,
    recurrent,
    show,
    square,
    until,
)

__all__ = ["chromium", "show"]  # fixtures
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on PATH")

Open = Callable[..., Any]


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_nothing_overlaps_whatever_is_open(show: Open, direction: str) -> None:
    page = show(convolutional()[0], fold=True, direction=direction)
    for _ in range(4):
        rects = page.evaluate(
            "[...page.drawing.rects].map(([{id}, r]) => [id, r.x, r.y, r.width, r.height])"
        )
        for i, (one, x, y, w, h) in enumerate(rects):
            for other, x2, y2, w2, h2 in rects[i + 1 :]:
                apart = x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
                assert apart, (one, other)
        frames = page.evaluate("Object.fromEntries(page.drawing.places.frames)")
        places = {name: rest for name, *rest in rects}
        for name, around in page.evaluate(
            "page.drawing.river.records.map((x) => [x.id, page.drawing.river.around.get(x.box)])"
        ):
            x, y, w, h = places[name]
            for left, top, right, bottom in (frames[box] for box in around if box in frames):
                assert left <= x
                assert top <= y
                assert x + w <= right
                assert y + h <= bottom
        groups = page.locator(".node.group")
        if not groups.count():
            break
        page.keyboard.press("n")
        page.evaluate("page.all(true)" if frames else "page.open('g-1')")


def test_nothing_moves_for_those_who_asked_for_it(show: Open) -> None:
    page = show(bp_network()[0], motion="reduce", fold=True)
    page.evaluate("page.open('g-1')")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.getAnimations().length") == 0
    assert page.locator("#world.moving").count() == 0
    moving = show(bp_network()[0], motion="no-preference", fold=True)
    moving.keyboard.press("ArrowRight")
    moving.keyboard.press("ArrowRight")
    assert moving.evaluate("document.getAnimations().length") > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_reader_s_scheme_until_told_otherwise(show: Open, scheme: str) -> None:
    page = show(square(), scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor"
    colours = {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}
    assert page.evaluate(ground) == colours[scheme]
    page.keyboard.press("t")
    assert page.evaluate(ground) == colours["dark" if scheme == "light" else "light"]


def test_a_picture_s_own_theme_is_where_the_page_starts(show: Open) -> None:
    page = show(square(), theme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"


def test_a_long_graph_has_a_small_map(show: Open) -> None:
    page = show(recurrent(30)[0], fold=False)
    page.evaluate("page.viewport.go(0, 0, 1)")
    page.wait_for_selector("#map", state="visible")
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 6)
    until(page, "page.viewport.y < -1000")
    page.evaluate("page.viewport.fit()")
    page.wait_for_selector("#map", state="hidden")


def test_dragging_moves_the_picture_and_chooses_nothing(show: Open) -> None:
    page = show(square())
    x, y = page.evaluate("[page.viewport.x, page.viewport.y]")
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(360, 340, steps=5)
    page.mouse.up()
    assert page.evaluate("[page.viewport.x, page.viewport.y]") == [x + 60, y + 40]
    assert page.locator(".node.chosen").count() == 0


def test_two_fingers_zoom(show: Open) -> None:
    page = show(square())
    before = page.evaluate("page.viewport.k")
    page.evaluate(
        """() => {
            const stage = document.querySelector("#viewport");
            const send = (type, pointerId, clientX) => stage.dispatchEvent(new PointerEvent(type,
              {pointerId, clientX, clientY: 300, bubbles: true, pointerType: "touch"}));
            send("pointerdown", 7, 300);
            send("pointerdown", 8, 400);
            send("pointermove", 8, 500);
            send("pointerup", 8, 500);
            send("pointerup", 7, 300);
        }"""
    )
    assert page.evaluate("page.viewport.k") == pytest.approx(2 * before)


def test_of_a_large_graph_only_what_is_near_is_painted(show: Open) -> None:
    page = show(recurrent(100)[0], fold=False)
    page.wait_for_timeout(200)
    shown, count = page.locator(".node"), page.evaluate("page.drawing.rects.size")
    assert 10 < shown.count() < count / 2
    page.keyboard.press("0")  # everything
    until(page, f"document.querySelectorAll('.node').length === {count}")
    page.keyboard.press("1")
    last = page.evaluate("page.drawing.reading.at(-1)")
    page.evaluate("(id) => page.focus(page.drawing.reading.at(-2))", last)
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.id") == last
    node = page.locator(f".node[data-id={last}]")
    page.wait_for_timeout(100)
    box = node.bounding_box()
    assert 0 <= box["y"] <= 800


def test_the_first_view_has_the_result_in_it_and_can_be_read(show: Open) -> None:
    for loss in (bp_network()[0], recurrent(6)[0], recurrent(60)[0]):
        page = show(loss, fold=False)
        result = page.evaluate("page.model.doc.outputs[0]")
        box = page.evaluate("(id) => page.drawing.element(id).getBoundingClientRect()", result)
        there = page.locator("#viewport").bounding_box()
        assert there["x"] <= box["x"]
        assert there["y"] <= box["y"]
        assert box["x"] + box["width"] <= there["x"] + there["width"]
        assert box["y"] + box["height"] <= there["y"] + there["height"]
        assert page.evaluate("page.viewport.k") >= 0.7


def test_the_small_map_covers_nothing(show: Open) -> None:
    page = show(recurrent(60)[0], fold=False)
    page.wait_for_selector("#map", state="visible")
    there, box = page.locator("#viewport").bounding_box(), page.locator("#map").bounding_box()
    assert box["x"] >= there["x"] + there["width"]
    body = page.locator("#panel-sheet").bounding_box()
    assert body["y"] + body["height"] <= box["y"] + 1
