"""Builds the site, out/site: the reference of all that is public. It is read without a network."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import microgradnd
from examples.site import own_operations, tables, text
from examples.site.pages import Pages, constants, link, section
from examples.site.public import INTERNAL, entries, modules
from examples.site.samples import Samples, has_examples
from viz.formulas import mathematics

HERE = Path(__file__).parent
DARK = re.compile(r"<style>@media \(prefers-color-scheme:dark\)\{(.*?)\}</style>", re.DOTALL)
HEADING = 'role="heading" aria-level="2"'
PIECE = re.compile(r"<!--piece (\d+)-->")
SETTINGS: dict[str, Any] = {
    "project": "microgradnd",
    "version": microgradnd.__version__,
    "extensions": [],
    "html_theme": "furo",
    "html_title": "microgradnd",
    "html_static_path": [str(HERE / "static")],
    "html_css_files": ["site.css", "pictures.css"],
    "html_copy_source": False,
    "html_show_search_summary": False,  # it would be fetched, which browsers refuse from disk
    "html_show_copyright": False,
    "html_use_index": False,
    "html_domain_indices": False,
    "python_use_unqualified_type_names": True,
    "toc_object_entries": False,
    "smartquotes": False,
    "keep_warnings": True,
}


class Pieces:
    """Formulas and pictures, kept out of the way until a page is written."""

    def __init__(self) -> None:
        self.html: list[str] = []
        self.dark = ""

    def put(self, html: str) -> str:
        """Keeps a piece; the dark colours of pictures, alike in all, are put together."""
        found = DARK.search(html)
        self.dark = self.dark or (found[1] if found else "")
        self.html.append(DARK.sub("", html))
        return f".. raw:: html\n\n   <!--piece {len(self.html) - 1}-->\n"

    def restore(self, app: Any, page: str, template: str, context: dict, doctree: Any) -> None:
        """Called by Sphinx for each page."""
        if "body" in context:
            context["body"] = PIECE.sub(lambda m: self.html[int(m[1])], context["body"])
        tree = context.get("furo_navigation_tree", "")  # whose headings lack their level
        context["furo_navigation_tree"] = tree.replace('role="heading"', HEADING)

    def style(self) -> str:
        """The dark colours of pictures, for the theme's own switch."""
        dark = self.dark.replace(".mg-auto", 'body[data-theme="dark"] .mg-auto')
        auto = self.dark.replace(".mg-auto", 'body:not([data-theme="light"]) .mg-auto')
        return f"{dark}\n@media (prefers-color-scheme: dark) {{{auto}}}\n"


def sources(pieces: Pieces, only: str | None, drawn: str) -> Iterator[tuple[str, str]]:
    """All pages as reStructuredText, by place."""
    samples = Samples()
    chosen = [e for e in entries().values() if only is None or re.search(only, e.place)]
    for entry in entries().values():
        if has_examples(entry) and entry.home.startswith(("microgradnd.ops", "microgradnd.nn")):
            samples.look(entry)
    writer = Pages(pieces.put, samples, drawn)
    listed = [*modules(), INTERNAL]
    yield "index", index(listed)
    yield from tables.files()
    yield "own-operations", guide(own_operations, pieces.put)
    for module in listed:
        yield module, section(module)
        if module != INTERNAL and (page := constants(module)):
            yield f"{module}/constants", page
    for k, entry in enumerate(chosen):
        if k % 25 == 0:
            print(f"\r{k:4} of {len(chosen)} pages", end="", file=sys.stderr, flush=True)
        yield entry.place, writer.page(entry)
    print("\r", end="", file=sys.stderr)


def index(listed: list[str]) -> str:
    """The first page."""
    parts = [text.heading("microgradnd, the reference", "=")]
    parts.append(text.restructured(microgradnd.__doc__ or "", link))
    guides = {"own-operations": str(own_operations.__doc__)}
    more = {"from-pytorch": "PyTorch's names, and what they are here",
            "from-numpy": "NumPy's functions, and what takes Tensors",
            "names": "all names, from A to Z"}  # fmt: skip
    for caption, places in (("Guides", [*guides]), ("Reference", listed), ("Coming from", [*more])):
        lines = [".. toctree::", "   :hidden:", f"   :caption: {caption}", ""]
        parts += [*lines, *(f"   {place}" for place in places), ""]
    said = {name: str(module.__doc__).strip() for name, module in modules().items()}
    said |= {
        INTERNAL: "Operations without a public name, of which others are made.",
        **guides,
        **more,
    }
    rows = [
        [text.linked(place, place), text.inline(said[place].partition("\n\n")[0], link)]
        for place in [*guides, *listed, *more]
    ]
    parts.append(text.table(["page", "what is there"], rows))
    parts += [text.heading("How formulas are written", "-")]
    notation = (mathematics.__doc__ or "").strip().partition("⊙")
    parts.append(text.paragraph("".join(notation[1:]), link))
    return "\n".join(parts)


def guide(module: Any, put: Callable[[str], str]) -> str:
    """The page of a module that is a guide: its docstring, with headings, and what it draws."""
    title, *parts = re.split(r"^(.+)\n-+$", str(module.__doc__).strip(), flags=re.MULTILINE)
    first, _, rest = title.partition("\n\n")
    lines = [text.heading(first.rstrip(".").partition(":")[0], "="), text.restructured(rest, link)]
    for head, body in zip(parts[::2], parts[1::2]):
        lines += [text.heading(head, "-"), text.restructured(body, link)]
    command = [sys.executable, "-m", module.__name__]
    svg = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    lines.append(text.heading("Drawn", "-"))
    lines.append(put(f'<div class="picture" tabindex="0">{svg}</div>'))
    return "\n".join(lines)


def build(out: Path, only: str | None = None, drawn: str = "") -> int:
    """Writes the site into a folder; gives the number of pages.

    Args:
        out: the folder; what was there is removed.
        only: what is found in the places of the pages that are written, all others are left out.
        drawn: what is found in the places of the pages that have a picture.

    Raises:
        RuntimeError: Sphinx found fault with a page, or a link leads nowhere.
    """
    try:
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace
    except ImportError as error:
        raise SystemExit("the site needs Sphinx: pip install 'microgradnd[docs]'") from error
    pieces, count = Pieces(), 0
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        for place, page in sources(pieces, only, drawn):
            path = source / f"{place}.rst"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page, encoding="utf-8")
            count += 1
        static = Path(folder, "static")
        shutil.copytree(HERE / "static", static)
        (static / "pictures.css").write_text(pieces.style(), encoding="utf-8")
        settings = {**SETTINGS, "html_static_path": [str(static)]}
        shutil.rmtree(out, ignore_errors=True)
        with docutils_namespace(), open(Path(folder, "warnings"), "w+", encoding="utf-8") as told:
            app = Sphinx(
                source, None, out, Path(folder, "doctrees"), "html", settings, status=None,
                warning=told, freshenv=True,
            )  # fmt: skip
            app.connect("html-page-context", pieces.restore)
            app.build()
            told.seek(0)
            if (warnings := told.read()) and only is None:  # a part lacks what it links to
                raise RuntimeError(f"Sphinx: {warnings}")
    (out / "objects.inv").unlink(missing_ok=True)
    broken = [] if only else broken_links(out)
    if broken:
        raise RuntimeError(f"links that lead nowhere: {', '.join(broken[:20])}")
    return count


def broken_links(site: Path) -> list[str]:
    """The links, style sheets, scripts and images of a site's pages that are not there."""
    broken, there = [], {path for path in site.rglob("*") if path.is_file()}
    anchors: dict[Path, set[str]] = {}
    for page in sorted(there):
        if page.suffix == ".html":
            anchors[page] = set(re.findall(r'\bid="([^"]+)"', page.read_text("utf-8")))
    for page in anchors:
        for url in set(re.findall(r'\b(?:href|src)="([^"]*)"', page.read_text("utf-8"))):
            if re.match(r"https?:|data:|mailto:", url):
                continue
            place, _, anchor = unquote(url.partition("?")[0]).partition("#")
            target = (page.parent / place).resolve() if place else page
            known = target in there if target.suffix != ".html" else target in anchors
            if not known or (anchor and anchor not in anchors.get(target, {anchor})):
                broken.append(f"{page.relative_to(site)} → {url}")
    return broken


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m examples site", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out", "site"), help="where to")
    parser.add_argument("--only", metavar="WORDS", help="pages whose place matches, alone")
    parser.add_argument("--pictures", metavar="WORDS", default="", help="of these pages alone")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    count = build(options.out.resolve(), options.only, options.pictures)
    print(f"{count} pages in {time.perf_counter() - start:.0f} s: {options.out / 'index.html'}")


if __name__ == "__main__":
    main()
