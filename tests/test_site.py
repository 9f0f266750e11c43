"""The site: every public name has a page, what pages say is true, and a browser reads them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from examples.__main__ import programs
from examples.site import text
from examples.site.kinks import kinks
from examples.site.pages import saved, session
from examples.site.public import Entry, entries, is_constant, modules, names, pages
from examples.site.samples import as_leaves, call, code_of, results, simple
from microgradnd import OPS
from tests.test_browser import CHROMIUM

ROOT = Path(__file__).parents[1]
SEEN = "microgradnd/exp", "microgradnd/max", "microgradnd.nn.functional", "microgradnd.ops/conv2d"


# --- What is public ------------------------------------------------------------------------------
def test_dir_shows_what_is_public_and_nothing_else() -> None:
    for module, value in modules().items():
        for name in dir(value):
            thing = getattr(value, name)
            assert name[:1] != "_" or name == "__version__", f"{module}.{name}"
            if isinstance(thing, ModuleType):
                assert thing.__name__.startswith(("microgradnd.", "viz.")), f"{module}.{name}"
            elif not is_constant(thing):
                home = Entry("", (name,), thing, getattr(thing, "op", None)).home
                assert home.startswith(("microgradnd", "viz", "numpy")), f"{module}.{name}"


def test_every_public_name_and_every_operation_has_a_page() -> None:
    known = pages()
    for name, _ in names():
        assert known[name] in entries() or known[name].endswith("/constants")
    assert {e.op for e in entries().values() if e.op is not None} == {*OPS.values()}
    places = [place.lower() for place in entries()]
    assert len(set(places)) == len(places)  # files that differ by case alone are one file somewhere


def test_a_name_stands_for_the_same_on_every_page() -> None:
    assert pages()["microgradnd.acos"] == pages()["microgradnd.arccos"] == "microgradnd/arccos"
    assert pages()["microgradnd.nn.functional.relu"] == "microgradnd/relu"


# --- What pages say ------------------------------------------------------------------------------
def test_what_is_said_to_be_saved_is_what_a_call_keeps() -> None:
    told = 0
    for op in OPS.values():
        given = simple(op)
        if given is None or op.variadic or op.keeps or any(given[k] is None for k in op.operands):
            continue
        for i, key in enumerate(op.operands):
            if key not in op.rules:
                continue
            leaf = as_leaves(given, [key])
            out = call(op.function, getattr(op.call_forward, "__code__", None), leaf)
            kept = out.node.saved
            kept = list(kept) if type(kept) is tuple else [] if kept is None else [kept]
            names = {id(leaf[key]._array): key, id(out._array): "out"}
            names |= {id(given[k]): k for k in op.operands if k != key}
            words = [names.get(id(getattr(x, "array", x)), "?") for x in kept]
            said = saved(op, i).replace("the result ", "").replace("`", "")
            assert said.split(", ") == (words or ["nothing but shapes and options"]), op
            told += 1
    assert told > 100


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("abs", [("x = 0", -1, 1, 0)]),
        ("relu", [("x = 0", 0, 1, 0)]),
        ("hardtanh", [("x = -1", 0, 1, 0), ("x = 1", 1, 0, 0)]),
        ("sqrt", [("x = 0", np.nan, np.inf, np.inf)]),
        ("exp", []),
        ("floor", []),
    ],
)
def test_kinks_are_measured(name: str, found: list[tuple]) -> None:
    entry = entries()[f"microgradnd/{name}"]
    given = simple(OPS[name])
    assert given is not None
    measured = [(k.where, k.left, k.right, k.gradient) for k in kinks(entry, given)]
    assert len(measured) == len(found)
    for ours, wanted in zip(measured, found):
        assert ours[0] == wanted[0]
        np.testing.assert_allclose(ours[1:], wanted[1:], atol=1e-6)


def test_ties_of_max_are_said_to_share_evenly() -> None:
    given = simple(OPS["max"])
    assert given is not None
    assert [k.gradient for k in kinks(entries()["microgradnd/max"], given)] == [1 / 6, 1 / 6]


def test_an_example_is_run() -> None:
    assert session(["x = mg.Tensor([1.0, 2.0])", "x * 2"]) == (
        ">>> x = mg.Tensor([1.0, 2.0])\n>>> x * 2\nTensor([2., 4.])\n"
    )


def test_results_of_an_example_are_recorded_from_its_arguments() -> None:
    entry = entries()["microgradnd/hstack"]
    code = code_of(entry)
    assert code is not None
    (found,) = results(entry, {code.co_varnames[0]: [[1.0, 2.0], [3.0]]})
    assert found.requires_grad
    assert found.tolist() == [1.0, 2.0, 3.0]


def test_docstrings_become_text_that_means_the_same() -> None:
    doc = "A *b* |c| `exp` of x_1.\n\nArgs:\n    x: the `x`.\n    y, z: two\n        lines."
    doc += "\n\n>>> 1\n1"
    assert text.restructured(doc, {"exp": "microgradnd/exp"}.get) == (
        "\\ A \\*b\\* \\|c\\| :doc:`exp </microgradnd/exp>` of x\\_1.\n\n**Args**\n\n"
        "``x``\n    \\ the ``x``.\n\n``y, z``\n    \\ two lines.\n\n>>> 1\n1\n"
    )


def test_the_programs_are_listed() -> None:
    assert {"bp_network", "gallery", "lenet", "site", "sunspots"} <= programs().keys()


# --- In a browser --------------------------------------------------------------------------------
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on PATH")
def test_the_site_in_a_browser(tmp_path: Path) -> None:
    """Built with few pictures, for time's sake; the build itself checks every link."""
    pytest.importorskip("sphinx", reason="Sphinx is not installed")
    pytest.importorskip("furo", reason="Sphinx's theme furo is not installed")
    site = tmp_path / "site"
    shown = f"^({'|'.join(SEEN)})$"
    command = [sys.executable, "-m", "examples", "site", "--out", str(site), "--pictures", shown]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for place in {*pages().values(), *entries(), *modules()}:
        assert (site / f"{place}.html").is_file()
    moved = Path(shutil.move(site, tmp_path / "a folder"))  # it is read from anywhere
    looked_at(moved)


def looked_at(site: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        troubles: list[str] = []
        for scheme in ("light", "dark"):
            context = browser.new_context(color_scheme=scheme)
            page = context.new_page()
            page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.on("request", lambda r: r.url.startswith("file:") or troubles.append(r.url))
            for place in ("index", "from-pytorch", "from-numpy", *SEEN):
                page.goto((site / f"{place}.html").as_uri())
                for width in (400, 1400):
                    page.set_viewport_size({"width": width, "height": 900})
                    wide = page.evaluate("document.documentElement.scrollWidth")
                    assert wide <= width, f"{place} at {width}"
                found = Axe().run(page, options={"preload": False}).response["violations"]
                serious = [v for v in found if v["impact"] in ("serious", "critical")]
                assert not serious, (place, scheme, [told(v) for v in serious])
            assert troubles == []
            context.close()
        page = browser.new_page()
        for words, place in (("acos", "microgradnd/arccos"), ("Linear", "microgradnd.nn/Linear")):
            page.goto(f"{(site / 'search.html').as_uri()}?q={words}")
            page.wait_for_selector(f"#search-results li a[href*='{place}.html']")
        page.goto((site / "microgradnd/exp.html").as_uri())
        ground = "getComputedStyle(document.querySelector('.picture rect')).fill"
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
        while page.evaluate("document.body.dataset.theme") != "dark":
            page.click("button.theme-toggle:visible")
        assert page.evaluate(ground) == "rgb(13, 17, 23)"  # the picture follows the page's switch
        browser.close()


def told(violation: dict[str, Any]) -> tuple:
    return violation["id"], [n["html"][:150] for n in violation["nodes"][:3]]
