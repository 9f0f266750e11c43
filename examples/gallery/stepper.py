"""The screenshot of a page at a step of the backward pass, which the README shows."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from examples.gallery.pictures import rnn

STEP = 16  # where a shared weight's gradient gets its second contribution of three
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def save(path: Path) -> Path:
    """Opens the recurrent network's page in a browser and takes its picture at a step.

    Raises:
        RuntimeError: Playwright or a browser is missing.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        browser = None
    if browser is None:
        raise RuntimeError(f"{path.name} needs Chromium and `pip install playwright`")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        html = rnn(theme="light").save(Path(folder, "page.html"))
        with playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]) as chromium:
            page = chromium.new_page(
                viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
            )
            page.goto(html.as_uri())
            page.wait_for_selector(".node")
            page.evaluate(f"page.stepper.seek({STEP})")
            page.wait_for_timeout(500)
            page.screenshot(path=path)
    return path
