"""The live page in a real browser: its engine's numbers, and what a student can do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import Tensor
from tests.live_programs import RUN, SYSTEMS, random_losses, trial, wrong
from tests.test_browser import CHROMIUM
from tests.test_browser_page import chromium, show
from viz.page import _LIVE, _scoped

__all__ = ["chromium", "show"]  # fixtures
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on PATH")

Open = Callable[..., Any]
ENGINE = "".join(map(_scoped, ("text", "model", "cells", *_LIVE)))


@pytest.fixture(scope="module")
def blank(chromium: Any) -> Iterator[Any]:
    page = chromium.new_page()
    yield page
    page.close()


def test_sixty_programs_of_twenty_changes_each_have_the_engines_numbers(blank: Any) -> None:
    losses = [*(build(np.float64) for build in SYSTEMS.values()), *islice(random_losses(), 60)]
    jobs = [trial(loss, 20, seed) for seed, loss in enumerate(losses[:60])]
    code = f"(data) => {{{ENGINE}const {{Live}} = of_live_engine;{RUN}return data.map(ran);}}"
    found = blank.evaluate(code, [job for job, _ in jobs])
    compared = 0
    for (_, expected), numbers in zip(jobs, found, strict=True):
        assert not wrong(expected, numbers, 1e-10)
        compared += sum(x.size for tables in expected for table in tables for x in table.values())
    print(f"{len(jobs)} programs, {compared:,} numbers")
    assert len(jobs) == 60


def network() -> Tensor:
    random = np.random.default_rng(0)
    w = Tensor(random.normal(size=(3, 2)), requires_grad=True, name="w")
    x = Tensor(random.normal(size=(1, 3)), name="x")
    return ((x @ w).tanh() ** 2).sum().named("loss")


def numbers(page: Any, name: str, what: str) -> list[float]:
    return page.evaluate(
        """([name, what]) => { const {doc} = globalThis.page.model;
        const x = Object.values(doc.tensors).find((t) => t.name === name);
        const s = doc.summaries[x[what]];
        return [s.elements ?? s.scalar].flat(Infinity); }""",
        [name, what],
    )


def choose(page: Any, name: str) -> None:
    page.evaluate(
        """(name) => { const {page} = globalThis, {tensors} = page.model.doc;
        page.goTo(Object.keys(tensors).find((id) => tensors[id].name === name));
        document.querySelector(".live").open = true; }""",
        name,
    )


def settled(page: Any) -> None:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_a_number_that_is_typed_changes_all_that_depends_on_it(show: Open) -> None:
    page = show(network())
    choose(page, "w")
    page.locator(".live-grid input").first.fill("1.5")
    settled(page)
    w = Tensor(np.random.default_rng(0).normal(size=(3, 2)), requires_grad=True)
    x = np.random.default_rng(0)
    x.normal(size=(3, 2))
    w.data[0, 0] = 1.5
    loss = ((Tensor(x.normal(size=(1, 3))) @ w).tanh() ** 2).sum()
    loss.backward()
    np.testing.assert_allclose(numbers(page, "w", "gradient"), w.grad.data.ravel(), rtol=1e-10)
    np.testing.assert_allclose(numbers(page, "loss", "value"), [loss.item()], rtol=1e-12)
    assert page.locator("#title").inner_text().startswith("loss = ")
    page.wait_for_timeout(600)  # the address follows when nothing is changed for a while
    assert "#live=" in page.url
    again = page.context.new_page()
    again.goto(page.url)  # a link shows the same again
    again.wait_for_selector(".node")
    np.testing.assert_allclose(numbers(again, "loss", "value"), [loss.item()], rtol=1e-12)
    page.get_by_role("button", name="reset").first.click()
    settled(page)
    assert numbers(page, "w", "value")[0] != 1.5


def test_steps_of_descent_lower_the_loss_and_draw_its_curve(show: Open) -> None:
    page = show(network())
    choose(page, "w")
    before = numbers(page, "loss", "value")[0]
    for _ in range(5):
        page.get_by_role("button", name="step", exact=True).click()
        settled(page)
    assert numbers(page, "loss", "value")[0] < before
    assert page.locator(".live-curve path").get_attribute("d").count("L") == 5


def test_an_activation_is_exchanged_and_a_flow_is_blocked(show: Open) -> None:
    page = show(network())
    page.evaluate("page.goTo('op-2'); document.querySelector('.live').open = true")
    page.locator("summary", has_text="Cut").click()
    page.get_by_label("activation").select_option("relu")
    settled(page)
    random = np.random.default_rng(0)
    w, x = random.normal(size=(3, 2)), random.normal(size=(1, 3))
    np.testing.assert_allclose(numbers(page, "loss", "value"), [(np.maximum(x @ w, 0) ** 2).sum()])
    assert page.evaluate("page.model.doc.operations['op-2'].text") == "relu(·)"
    page.get_by_role("button", name="freeze").click()
    settled(page)
    assert not any(numbers(page, "w", "gradient"))


def test_practice_hides_gradients_until_they_are_worked_out(show: Open) -> None:
    page = show(network())
    choose(page, "w")
    page.locator("summary", has_text="Practice").click()
    page.get_by_role("button", name="practise").click()
    settled(page)
    find = "Object.values(page.model.doc.tensors).filter((x) => x.gradient !== null).length"
    assert page.evaluate(find) == 1  # that of the loss
    assert page.locator(".live-rules button").count() > 1
    count = page.evaluate("page.live.practice.all.length")
    page.locator(".live-row input").last.fill("77")
    page.get_by_role("button", name="check").click()
    assert "Not yet" in page.locator(".live-wrong").inner_text()
    page.get_by_role("button", name="hint").click()
    for _ in range(count):
        truth = page.evaluate("""() => { const {all, at, panel} = page.live.practice;
            return panel.live.contribution(all[at].key).data[all[at].at]; }""")
        page.locator(".live-row input").last.fill(repr(truth))
        page.get_by_role("button", name="check").click()
        settled(page)
    assert page.get_by_text("Done:").inner_text() == f"Done: {3 * count - 2} points of {3 * count}."
    assert page.evaluate(find) > 1


def test_a_page_says_why_its_numbers_cannot_be_changed(show: Open) -> None:
    x = Tensor(np.eye(3) * 2.0, requires_grad=True)
    page = show(mg.linalg.pinv(x).sum())
    assert "pinv" in page.locator(".live").inner_text()
