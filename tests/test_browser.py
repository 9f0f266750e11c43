"""A saved picture in a real browser: both colour schemes, text, and names that would run scripts.

Chromium is driven by its command line alone, so that no dependency is needed for it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from microgradnd import Tensor
from viz import draw
from viz.style.theme import COLOURS, Rgb, rgb

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on PATH")

SVG = "{http://www.w3.org/2000/svg}"
SCHEMES = {"light": 1, "dark": 0}  # the numbers Blink knows them by
HOSTILE = (
    'a"b<script>&c\n{|}',
    '</title><script>document.title="hacked"</script>',
    '"><img src=x onerror="document.title=\'hacked\'">',
)

Browser = Callable[..., bytes]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    profile = tmp_path_factory.mktemp("profile")

    def run(page: Path, *options: str) -> bytes:
        assert CHROMIUM is not None
        quiet = "first-run", "default-browser-check"
        calm = "background-networking", "component-update", "sync", "gpu", "extensions"
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--hide-scrollbars",
            *(f"--no-{what}" for what in quiet), *(f"--disable-{what}" for what in calm),
            f"--user-data-dir={profile}", *options, page.as_uri(),
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout

    return run


def screenshot(browser: Browser, page: Path, scheme: str, size: tuple[int, int]) -> Image.Image:
    target = page.with_suffix(f".{scheme}.png")
    browser(
        page,
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
        f"--window-size={size[0]},{size[1]}",
        f"--screenshot={target}",
    )
    return Image.open(target).convert("RGB")


def loss(names: Sequence[str] = ("x", "y", "d")) -> Tensor:
    x = Tensor([[3.0, -1.0]], requires_grad=True, name=names[0])
    y = (x * x).tanh()
    y.name = names[1]
    return (y * Tensor([[1.0, 2.0]], name=names[2])).sum()


def shift(element: ElementTree.Element) -> tuple[float, float]:
    x, y = re.findall(r"-?[\d.]+", element.attrib["transform"])
    return float(x), float(y)


def size_of(root: ElementTree.Element) -> tuple[int, int]:
    return int(float(root.attrib["width"])), int(float(root.attrib["height"]))


def pixel(image: Image.Image, x: float, y: float) -> Rgb:
    found = image.getpixel((round(x), round(y)))
    assert isinstance(found, tuple)
    return found[0], found[1], found[2]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_picture_follows_the_reader_s_colour_scheme(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    path = draw(loss(), style="records", title="Squares").save(tmp_path / "x.svg")
    root = ElementTree.parse(path).getroot()
    image = screenshot(browser, path, scheme, size_of(root))
    expected = {role: rgb(pair[scheme == "dark"]) for role, pair in COLOURS.items()}
    assert pixel(image, 3, 3) == expected["canvas"]
    graph = root.findall(f"{SVG}g")[1]
    dx, dy = shift(graph)
    roles = {"parameter": "leaf", "intermediate": "record", "constant": "const", "operation": "op"}
    seen = set()
    for node in graph.findall(f"{SVG}g"):
        role = roles.get(node.get("data-kind", ""))
        if role:
            x, y = shift(node)
            # inside the border, above the first line of text
            assert pixel(image, dx + x + 14, dy + y + 4) == expected[role]
            seen.add(role)
    assert seen == set(roles.values())
    title = np.asarray(image)[20:44, 20:120].reshape(-1, 3).astype(int)
    assert np.abs(title - expected["ink"]).sum(axis=1).min() < 30  # bold letters are drawn in ink


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_fixed_theme_does_not_follow_it(browser: Browser, tmp_path: Path, theme: str) -> None:
    path = draw(loss(), theme=theme).save(tmp_path / "x.svg")
    other = "dark" if theme == "light" else "light"
    image = screenshot(browser, path, other, (200, 200))
    assert pixel(image, 3, 3) == rgb(COLOURS["canvas"][theme == "dark"])


def page_of(path: Path, body: str) -> Path:
    html = f'<!DOCTYPE html><meta charset="utf-8"><title>calm</title>{body}'
    path.write_text(html, encoding="utf-8")
    return path


def test_hostile_names_run_no_script_in_a_page(browser: Browser, tmp_path: Path) -> None:
    raw = browser(page_of(tmp_path / "raw.html", HOSTILE[1]), "--dump-dom").decode()
    assert "<title>hacked</title>" in raw  # unescaped, the name would do harm
    svg = draw(loss(HOSTILE), title=HOSTILE[1])._repr_svg_()
    seen = browser(page_of(tmp_path / "page.html", svg), "--dump-dom").decode()
    assert "<title>calm</title>" in seen
    assert "hacked" in seen
    bare = re.sub(r'"[^"]*"', "", seen)  # within attributes a browser may write < as it is
    assert not re.search(r"<(script|img)\b", bare)


def test_a_saved_file_is_read_whole(browser: Browser, tmp_path: Path) -> None:
    path = draw(loss(HOSTILE), title=HOSTILE[1]).save(tmp_path / "x.svg")
    root = ElementTree.fromstring(browser(path, "--dump-dom"))
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter("{http://www.w3.org/1999/xhtml}parsererror"))
    assert not list(root.iter(f"{SVG}script"))
    assert {e.attrib["data-name"] for e in root.iter() if "data-name" in e.attrib} >= set(HOSTILE)
    assert root.findtext(f"{SVG}title") == HOSTILE[1]
