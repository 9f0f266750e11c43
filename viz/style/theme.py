"""The colours of a picture: one table, a light and a dark value per role.

The light value stands in presentation attributes, which every renderer understands; for the theme
"auto" a style block gives the same elements their dark values through a media query.
"""

from __future__ import annotations

from collections.abc import Iterable

Rgb = tuple[int, int, int]

# role: (light, dark)
COLOURS: dict[str, tuple[str, str]] = {
    "canvas": ("#ffffff", "#0d1117"),
    "ink": ("#1b1f24", "#e6edf3"),
    "muted": ("#57606a", "#9da7b1"),
    "line": ("#6e7781", "#7d8590"),
    "hair": ("#d0d7de", "#373e47"),
    "record": ("#ffffff", "#161b22"),
    "leaf": ("#fdf6e3", "#231d10"),
    "leaf-line": ("#6b5310", "#d9b44a"),
    "const": ("#eef0f2", "#1c2128"),
    "op": ("#e6eef7", "#1b2838"),
    "op-line": ("#4f6d8f", "#6f9bc9"),
    "group": ("#f1f4ea", "#1d2419"),
    "group-line": ("#5b6f35", "#a9c46c"),
    "box": ("#f8f9fb", "#12171e"),  # around what an open group holds
    "box-line": ("#b6bfc9", "#3a434d"),
    "grad": ("#D55E00", "#ff8f3f"),  # strokes of what flows backward
    "river": ("#f3b183", "#8a4a1e"),  # the ribbon that is the gradient, and its tips
    "tip": ("#c2570f", "#ff9d57"),
    "below-1": ("#1f5f99", "#7fb8ec"),  # gains below and above 1
    "above-1": ("#a32a00", "#ff9d7a"),
    "part-0": ("#cc79a7", "#cc79a7"),  # contributions that add up
    "part-1": ("#0072b2", "#56a8e0"),
    "part-2": ("#009e73", "#2fc49b"),
    "part-3": ("#e69f00", "#f0b63a"),
    "part-4": ("#56b4e9", "#9fd4f5"),
    "part-5": ("#d55e00", "#ff8f3f"),
    "part-6": ("#8a8a8a", "#a5a5a5"),
    "plus": ("#0072B2", "#56b4e9"),  # strokes of weights by their sign
    "minus": ("#9c2a6f", "#ee8cc8"),  # gradients alone are orange
    "grad-ink": ("#a34700", "#ffa35f"),  # words about it: dark enough to read
    "glow": ("#ffd75e", "#8a6d00"),  # behind what is pointed out
    "chip": ("#b04c00", "#ff9d57"),
    "chip-ink": ("#ffffff", "#14100c"),
    "sum": ("#CC79A7", "#e59cc5"),
    "sum-ink": ("#97386f", "#f0b3d6"),
    "warn": ("#fff1c9", "#3a2d07"),
    "warn-ink": ("#5c4300", "#ffdf8a"),
    "warn-line": ("#b88700", "#d6a520"),
    "bad": ("#c1121f", "#ff7b72"),
    "bad-ink": ("#ffffff", "#2b0808"),
    "cell-ink": ("#000000", "#ffffff"),  # numbers on cells, from pale to full ones
    "cell-white": ("#ffffff", "#ffffff"),
    "cell-black": ("#000000", "#000000"),
}

THEMES = ("auto", "light", "dark")
NEGATIVE: Rgb = (0xD5, 0x5E, 0x00)
POSITIVE: Rgb = (0x00, 0x72, 0xB2)
_INK_ON_CELL = ("#000000", "#ffffff")


def paint(theme: str, fill: str | None = None, stroke: str | None = None) -> str:
    """The attributes that fill and stroke an element with roles of the table.

    >>> paint("light", fill="canvas")
    ' fill="#ffffff"'
    >>> paint("auto", fill="canvas", stroke="ink")
    ' fill="#ffffff" stroke="#1b1f24" class="mg-f-canvas mg-s-ink"'
    """
    given = [(key, role) for key, role in (("fill", fill), ("stroke", stroke)) if role]
    text = "".join(f' {key}="{COLOURS[role][theme == "dark"]}"' for key, role in given)
    if theme == "auto":
        text += f' class="{" ".join(f"mg-{key[0]}-{role}" for key, role in given)}"'
    return text


def style(theme: str) -> str:
    """The style block of a picture: its dark values, scoped so that they touch nothing else."""
    if theme != "auto":
        return ""
    rules = "".join(
        f".mg-auto .mg-f-{role}{{fill:{dark}}}.mg-auto .mg-s-{role}{{stroke:{dark}}}"
        for role, (_, dark) in COLOURS.items()
    )
    return f"<style>@media (prefers-color-scheme:dark){{{rules}}}</style>"


def rgb(code: str) -> Rgb:
    """The three channels of a six-digit colour.

    >>> rgb("#0072B2")
    (0, 114, 178)
    """
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def luminance(channels: Iterable[int]) -> float:
    """Relative luminance as WCAG 2 defines it: 0 for black, 1 for white."""
    linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(cell: Rgb) -> str:
    """Black or white, whichever reads better on a cell of a heat-map."""
    return _INK_ON_CELL[luminance(cell) < 0.179]
