"""A whole HTML page as a string that a notebook shows in a frame."""

from __future__ import annotations

from html import escape

_HEIGHT = 720  # px of the frame


class WholePage(str):
    """The text of a page; in a notebook the page itself, scripts included, in a frame of its own.

    >>> page = WholePage("<!DOCTYPE html><p>hello</p>")
    >>> page
    <page of 27 characters>
    >>> "srcdoc" in page._repr_html_()
    True
    """

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(str(self))}" sandbox="allow-scripts allow-downloads" '
            f'style="width:100%;height:{_HEIGHT}px;border:0" title="viz"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<page of {len(self):,} characters>"
