"""The page as a file: one, whole, that needs nothing else and lets nothing else in."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from posixpath import dirname, normpath
from typing import Any

import numpy as np
import pytest

from microgradnd import Tensor, nn
from viz import draw
from viz.page import _MODULES, _embedded, _source
from viz.style.text import width
from viz.style.theme import COLOURS

HOSTILE = '</script><img src=x onerror="alert(1)">\n&{{script}}\\1${1}\u2028'


class Elements(HTMLParser):
    """The elements of a page: their attributes, and what stands in each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inside.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is not None:  # a script or a style
            self.inside[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def network(name: str = "W") -> Tensor:
    random = np.random.default_rng(0)
    W = Tensor(random.normal(size=(3, 2)), requires_grad=True, name=name)
    x = Tensor(random.normal(size=(4, 3)), name="x")
    return ((x @ W).tanh().sum() + (W * W).sum()).named("loss")


def saved(tmp_path: Path, tensor: Tensor, **how: Any) -> str:
    return draw(tensor, **how).save(tmp_path / "x.html").read_text(encoding="utf-8")


def test_the_page_is_one_file_without_addresses(tmp_path: Path) -> None:
    text = saved(tmp_path, network())
    page = Elements(text)
    assert [s.get("type") for s in page.all("script")] == [*["application/json"] * 3, None]
    for tag, attributes in page.found:
        assert not {"src", "href", "srcset", "action", "data"} & attributes.keys(), tag
        assert not [key for key in attributes if key.startswith("on")], tag
    assert not page.all("link")
    unsigned = re.sub(r"'sha256-[^']*'", "", text)  # a digest may hold slashes
    addresses = set(re.findall(r"\b(?:https?:)?//[\w.]+", unsigned))
    assert addresses <= {"http://www.w3.org"}  # the names of SVG's and MathML's elements
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|eval|importScripts)\s*\(", text)


def test_the_policy_lets_this_script_run_and_no_other(tmp_path: Path) -> None:
    page = Elements(saved(tmp_path, network()))
    [policy] = [m["content"] for m in page.all("meta") if m.get("http-equiv")]
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    digest = re.fullmatch(r"'sha256-(.*)'", rules["script-src"])
    assert digest is not None
    assert b64decode(digest[1]) == hashlib.sha256(page.inside[-1].encode()).digest()


def test_what_is_named_stays_data(tmp_path: Path) -> None:
    module = type("L", (nn.Linear,), {"__name__": HOSTILE})(3, 2, rng=np.random.default_rng(0))
    module.weight.name = HOSTILE
    x = Tensor(np.ones((1, 3)), name=HOSTILE)
    plain_page, hostile = (
        Elements(saved(tmp_path, module(x).named(name).sum(), title=name))
        for name in ("calm", HOSTILE)
    )
    tags = [[tag for tag, _ in page.found] for page in (plain_page, hostile)]
    assert tags[0] == tags[1]
    contents = json.loads(hostile.inside[1])
    assert contents["title"] == HOSTILE
    assert HOSTILE in {x["name"] for x in contents["tensors"].values()}
    assert hostile.inside[-1] == plain_page.inside[-1]  # the program is the same for all


def test_json_in_a_script_holds_no_tag() -> None:
    text = _embedded({"<!--": ["</script>", "\u2028"]})
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"<!--": ["</script>", "\u2028"]}


def test_every_character_of_the_page_has_its_width() -> None:
    page = Elements(draw(network("Ŵ漢"), title="⟨é⟩").html())
    widths = {c: key for key, some in json.loads(page.inside[2]).items() for c in some}
    for c in "".join(page.inside[1:]):
        if c.isprintable():
            regular, bold = map(float, widths[c].split())
            assert regular == pytest.approx(width(c, 1.0))
            assert bold == pytest.approx(width(c, 1.0, bold=True))
    assert {"漢", "Ŵ", "⟨", "é"} <= widths.keys()


def test_the_page_has_the_colours_of_the_picture_in_both_themes(tmp_path: Path) -> None:
    style = Elements(saved(tmp_path, network())).inside[0]
    for role, (light, dark) in COLOURS.items():
        assert style.count(f"--{role}:{light};") >= 1
        assert style.count(f"--{role}:{dark};") >= 2  # asked for, and by the reader's system
    assert set(re.findall(r"var\(--([\w-]+)\)", style)) <= {*COLOURS, "accent", "panel", "soft"}


def test_each_module_imports_what_another_exports() -> None:
    exports = {
        name: set(
            re.findall(r"^export (?:class|function|const) ([\w$]+)", _source(f"{name}.js"), re.M)
        )
        for name in _MODULES
    }
    for place, name in enumerate(_MODULES):
        imports = re.findall(
            r'^import \{([^}]*)\} from "(\.[\w./]*)\.js";$', _source(f"{name}.js"), re.M
        )
        assert len(imports) == len(re.findall(r"^import", _source(f"{name}.js"), re.M))
        for words, path in imports:
            other = normpath(f"{dirname(name) or '.'}/{path}")
            assert other in _MODULES[:place]
            assert {word.strip() for word in words.split(",")} <= exports[other]


def test_no_file_of_the_page_is_forgotten() -> None:
    folder = Path(str(files("viz.page")))
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    there = {name for name in there if not name.endswith(".pyc")}
    modules = {f"{name}.js" for name in _MODULES}
    assert there == modules | {"__init__.py", "style.css", "template.html"}


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_the_page_starts_with_the_picture_s_theme(tmp_path: Path, theme: str) -> None:
    page = Elements(saved(tmp_path, network(), theme=theme))
    assert page.all("html") == [{"lang": "en", "data-theme": theme}]


def test_findings_are_marked_on_the_page(tmp_path: Path) -> None:
    from viz.model.marks import Mark
    from viz.page import page

    picture = draw(network(), fold=True)
    marks = {"t-1": Mark("bad", "all NaN")}
    looks = json.loads(
        Elements(
            page(picture.describer, picture.model, marks=marks, highlight={"op-1": ""})
        ).inside[3]
    )
    assert looks["marks"]["t-1"] == {"words": "all NaN", "level": "bad", "note": ""}
    assert looks["levels"]["bad"][0] in COLOURS
    assert looks["highlight"] == {"op-1": ""}
