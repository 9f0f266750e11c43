"""What a notebook shows of pictures and, once viz is imported, of tensors."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

import viz
from microgradnd import Tensor
from tests.test_browser import CHROMIUM


def shown(value: object) -> dict[str, str]:
    return DisplayFormatter().format(value)[0]


def page_in(html: str) -> tuple[dict[str, str], str]:
    """The attributes of the frame that a notebook shows, and the page in it."""
    attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', html))
    return attributes, unescape(attributes["srcdoc"])


def test_a_picture_is_shown_as_its_page_and_as_svg_where_scripts_are_off() -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    picture = viz.draw(x * x)
    found = shown(picture)
    assert found["image/svg+xml"].startswith("<svg")
    attributes, page = page_in(found["text/html"])
    assert attributes["sandbox"] == "allow-scripts"
    assert found["text/html"].count("<iframe") == 1
    still = re.search(r"<noscript>(.*?)</noscript>", page, re.S)
    assert still is not None
    assert still[1].endswith(found["image/svg+xml"])
    assert page.replace(still[0], "") == picture.html()
    assert attributes["style"].startswith("width:100%;height:5")
    for _ in range(40):
        x = x.sin()
    assert "height:720px" in page_in(shown(viz.draw(x, fold=False))["text/html"])[0]["style"]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_browser_shows_the_page_or_the_picture(scripts: bool, tmp_path: Path) -> None:
    sync = pytest.importorskip("playwright.sync_api")  # drives the browser, for tests only
    if CHROMIUM is None:
        pytest.skip("no Chromium is on PATH")
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    with viz.film() as film:
        (x * x).sum().backward()
    for k, value in enumerate((viz.draw((x * x).sum()), film)):
        host = tmp_path / f"cell{k}.html"
        frame = value._repr_html_()
        frame = frame if scripts else frame.replace('sandbox="allow-scripts"', 'sandbox=""')
        host.write_text(f"<!DOCTYPE html><body>{frame}", encoding="utf-8")
        with sync.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(host.as_uri())
            frame = page.frame_locator("iframe")
            if scripts:
                frame.locator("#world [data-id]").first.wait_for()
                frame.locator("#play").click()
                assert frame.locator("noscript svg").count() == 0
            else:
                frame.locator("noscript svg").first.wait_for()
                assert not frame.locator("#dock").is_visible()
            browser.close()


def test_a_tensor_of_a_small_graph_is_shown_with_its_picture() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    loss = (x * x).sum()
    found = shown(loss)
    assert found["text/plain"] == repr(loss)
    assert 'data-name="multiply"' in found["image/svg+xml"]
    assert "backward step" in found["image/svg+xml"]
    assert x.grad is None


@pytest.mark.parametrize("value", [[1.0, 2.0], 3.0, []])
def test_leaves_and_results_that_are_no_scalars_are_shown_without_a_backward_pass(
    value: object,
) -> None:
    x = Tensor(value, dtype=float, requires_grad=True, name="x")
    for t in (x, x * 2.0, Tensor([1, 2])):
        assert shown(t)["image/svg+xml"].startswith("<svg")


def test_a_large_graph_is_told_in_words() -> None:
    t = Tensor(1.0, requires_grad=True)
    for _ in range(100):
        t = t.tanh()
    assert shown(t)["text/plain"].splitlines()[1:] == [
        "100 operations lead to it: viz.draw(tensor) shows them folded"
    ]
    large = Tensor(np.ones(2_000_000), requires_grad=True)
    assert "image/svg+xml" not in shown(large)


def test_showing_runs_no_hooks_and_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Tensor(2.0, requires_grad=True)
    calls: list[object] = []
    x.register_hook(calls.append)
    assert "image/svg+xml" in shown(x * x)
    assert calls == []
    monkeypatch.setattr("viz.picture.captured", lambda *_: 1 / 0)
    assert shown(x * x)["text/plain"].startswith("Tensor(4.")


def test_an_explanation_is_shown_as_markdown_and_a_page_in_a_frame() -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    found = shown(viz.explain(x * x))
    assert found["text/markdown"].startswith("# The gradients of L")
    assert found["text/plain"] == viz.explain(x * x).rstrip()  # lines, not one escaped string
    assert shown(viz.explain(x * x, "text"))["text/markdown"].startswith("```\nThe gradients")
    page = shown(viz.explain(x * x, "html"))["text/html"]
    assert page.startswith("<iframe srcdoc=")
    assert "<body" not in page  # its style must not reach the notebook


def test_a_program_is_shown_as_code() -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    program = viz.numpy_program(x * x)
    found = shown(program)
    assert found["text/markdown"] == f"```python\n{program}```\n"
    assert found["text/plain"].startswith("import numpy as np\n")


def test_the_interactive_page_is_shown_in_a_frame() -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    page = viz.draw(x * x).html()
    attributes, shown_page = page_in(shown(page)["text/html"])
    assert shown_page == page
    assert attributes["sandbox"] == "allow-scripts"
    assert len(repr(page)) < 100


def test_formulas_and_paths_are_shown_as_text_with_mathematics(tmp_path: Path) -> None:
    found = shown(viz.formula("multiply", "x"))["text/markdown"]
    assert found.startswith("$$ ")
    assert "\\odot" in found
    x = Tensor(2.0, requires_grad=True, name="x")
    paths = viz.paths(x * x, x)
    for suffix in (".md", ".txt"):
        saved = paths.save(tmp_path / f"ways{suffix}").read_text(encoding="utf-8")
        assert "sum of 2 paths" in saved
    with pytest.raises(ValueError, match=r"cannot save paths as 'ways\.svg'"):
        paths.save(tmp_path / "ways.svg")


def test_explanations_and_programs_are_saved_in_the_form_of_the_suffix(tmp_path: Path) -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    loss = x * x
    found = viz.explain(loss)
    for suffix, form in ((".md", "markdown"), (".html", "html"), (".txt", "text")):
        path = found.save(tmp_path / "new" / f"e{suffix}")
        assert path.read_text(encoding="utf-8") == viz.explain(loss, form)
    with pytest.raises(ValueError, match=r"cannot save an explanation as 'e\.gif'"):
        found.save(tmp_path / "e.gif")
    program = viz.numpy_program(loss)
    scope: dict = {}
    exec(program.save(tmp_path / "p.py").read_text(encoding="utf-8"), scope)
    assert scope["forward_backward"](np.array(3.0))[1]["x"] == 6.0
    with pytest.raises(ValueError, match=r"must be \.py"):
        program.save(tmp_path / "p.txt")
