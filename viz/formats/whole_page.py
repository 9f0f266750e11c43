"""A whole HTML page as a string that a notebook shows in a frame."""

from __future__ import annotations

import re
from html import escape

_SHORTEST, _TALLEST = 480, 720  # px of the frame
_ROOM = 220  # px that a page needs besides a picture
_SIZE = re.compile(r'<svg [^>]*?height="([\d.]+)"')


class WholePage(str):
    """The text of a page; in a notebook the page itself, scripts included, in a frame of its own.

    Attributes:
        still: the SVG that stands there where scripts are off; the frame is made for its height.

    >>> page = WholePage("<!DOCTYPE html><body><p>hello</p>")
    >>> page
    <page of 33 characters>
    >>> "srcdoc" in page._repr_html_()
    True
    """

    still: str = ""

    def with_still(self, svg: str) -> WholePage:
        """The same page with a picture for where scripts are off."""
        out = WholePage(self)
        out.still = svg
        return out

    def _repr_html_(self) -> str:
        text, height = str(self), _TALLEST
        if self.still:
            hidden = "<style>body{display:block}body>:not(noscript){display:none!important}</style>"
            noscript = f"<body><noscript>{hidden}{self.still}</noscript>"
            text = text.replace("<body>", noscript, 1)
            found = _SIZE.search(self.still)
            needed = float(found[1]) + _ROOM if found else _TALLEST
            height = round(min(max(needed, _SHORTEST), _TALLEST))
        return (
            f'<iframe srcdoc="{escape(text)}" sandbox="allow-scripts" '
            f'style="width:100%;height:{height}px;border:0" title="viz"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<page of {len(self):,} characters>"
