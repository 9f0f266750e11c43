"""How smoothly the page of a large graph moves: python -m tests.benchmark_page [layers].

Headless Chromium draws a picture of some 2,000 visible nodes (8 for each layer); the times between
frames are told while it is dragged, panned at three scales, zoomed and stepped through.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from microgradnd import Tensor
from tests.test_browser import CHROMIUM
from viz import draw

FRAMES = """async ([what, count]) => {
  const out = [];
  let last = await new Promise(requestAnimationFrame);
  for (let i = 0; i < count; i++) {
    if (what === "pan") page.viewport.pan(6, -40);
    else if (what === "zoom") page.viewport.zoom(i % 2 ? 1.05 : 1 / 1.05);
    else page.stepper.seek(i + 5);
    const now = await new Promise(requestAnimationFrame);
    out.push(now - last);
    last = now;
  }
  return out;
}"""
WATCH = """() => {
  globalThis.gaps = [];
  const next = (last) => requestAnimationFrame((now) => {
    if (last) gaps.push(now - last);
    next(now);
  });
  next(0);
}"""


def network(layers: int) -> Tensor:
    random = np.random.default_rng(0)
    h = Tensor(random.normal(size=(4, 6)), name="x")
    for k in range(layers):
        W = Tensor(random.normal(size=(6, 6)) * 0.4, requires_grad=True, name=f"W{k}")
        h = (h @ W + Tensor(np.zeros(6), requires_grad=True, name=f"b{k}")).tanh()
    return (h * h).sum()


def report(what: str, times: list[float]) -> None:
    median, high, most = np.percentile(times, (50, 95, 100))
    print(f"  {what:20} median {median:6.1f} ms   95 % {high:6.1f} ms   most {most:6.1f} ms")


def measure(page: Any) -> None:
    for scale in (1.0, 0.4, 0.1):
        page.evaluate("(k) => page.viewport.go(0, 0, k, false)", scale)
        page.wait_for_timeout(1500)
        report(f"pan at {scale:g}", page.evaluate(FRAMES, ["pan", 90]))
    report("zoom", page.evaluate(FRAMES, ["zoom", 90]))
    page.evaluate("page.viewport.go(0, 0, 0.7, false)")
    page.wait_for_timeout(1500)
    page.evaluate(WATCH)
    page.mouse.move(500, 700)
    page.mouse.down()
    for k in range(80):
        page.mouse.move(500 + 2 * k, 700 - 8 * k)
    page.mouse.up()
    report("drag", page.evaluate("gaps"))
    report("step", page.evaluate(FRAMES, ["step", 40]))


def main(layers: int = 250) -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        picture = draw(network(layers), fold=False)
        start = time.perf_counter()
        path = picture.save(Path(folder, "page.html"))
        seconds, size = time.perf_counter() - start, path.stat().st_size / 1e6
        print(f"{len(picture.graph):,} nodes, {size:.1f} MB, written in {seconds:.1f} s")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        start = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector(".node", state="attached")
        print(f"opened and laid out in {time.perf_counter() - start:.1f} s; times between frames:")
        measure(page)
        browser.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
