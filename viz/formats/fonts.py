"""Fonts of PNG and PDF files: DejaVu Sans, and what is installed for the signs it lacks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

_TEXT = re.compile(r"<text [^>]*>([^<]*)</text>")


class MissingGlyphWarning(UserWarning):
    """No font on this machine has some characters of a picture: they are drawn as boxes."""


def fonts() -> list[str]:
    """Font files for machines that have none: matplotlib brings DejaVu Sans along."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    names = (folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf")
    return [str(name) for name in names if name.exists()]


@lru_cache(maxsize=256)
def _characters(font: str) -> frozenset[int]:
    """The code points a font has glyphs for; none if the file cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(font).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def _lacking(text: str, some: Iterable[str]) -> str:
    """The characters of a text that none of some fonts has, in order, each once."""
    left = dict.fromkeys(c for c in text if not c.isspace())
    for font in some:
        if not left:
            break
        has = _characters(font)
        left = dict.fromkeys(c for c in left if ord(c) not in has)
    return "".join(left)


def warn_of_missing_glyphs(svg: str) -> None:
    """Warns if no font here has a character of an SVG's texts."""
    from html import unescape

    ours = fonts()
    if not ours:
        return
    left = _lacking(unescape("".join(_TEXT.findall(svg))), ours[:1])
    if left:
        from matplotlib.font_manager import findSystemFonts

        left = _lacking(left, sorted(findSystemFonts()))
    if left:
        shown = left if len(left) <= 12 else f"{left[:12]} and {len(left) - 12} more"
        warnings.warn(
            f"no installed font has {shown}: drawn as boxes. Install one that does (for Chinese, "
            "Japanese and Korean for example Noto Sans CJK: fonts-noto-cjk); a browser shows the "
            "SVG with the fonts it has",
            MissingGlyphWarning,
            stacklevel=4,
        )
