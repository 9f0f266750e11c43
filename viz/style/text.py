"""Words and numbers of a picture: how they are written, how wide they are, how they are escaped.

Widths are those of DejaVu Sans, the widest of the common sans-serif fonts, so that what fits here
fits everywhere.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache
from html import escape
from typing import Any

FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif"
_DTYPES = {"float": "f", "int": "i", "uint": "u", "bool": "bool"}

# widths in units of the font size: (regular, bold) by character
_CLASSES = {
    "'Iijl|": (0.34, 0.40),
    " ,./:;\\·": (0.35, 0.40),
    "()-[]ft": (0.41, 0.50),
    "!r‖₀₁₂₃₄₅₆₇₈₉": (0.50, 0.51),
    '"*_`?cszFLJkvxy': (0.60, 0.70),
    "$0123456789EPSTYabdeghnopqu{}": (0.65, 0.74),
    "ABCKRVXZNU": (0.75, 0.84),
    "&DGHOQ#+<=>^w~−±×↗→": (0.85, 0.95),
    "M%@Wm…—": (1.00, 1.15),
}
_WIDTHS = {c: widths for characters, widths in _CLASSES.items() for c in characters}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: object) -> str:
    """The text without characters that XML forbids; a replacement mark stands for each.

    >>> clean("a\\x00b")
    'a\ufffdb'
    """
    return _FORBIDDEN.sub("\ufffd", str(text))


def xml(text: object) -> str:
    """Text as it stands between tags or in a quoted attribute."""
    quoted = escape(clean(text), quote=True)
    return quoted.replace("\n", "&#10;").replace("\t", "&#9;").replace("\r", "&#13;")


def one_line(text: object) -> str:
    """The text on one line: control characters as visible marks.

    >>> one_line("a\\nb")
    'a⏎b'
    """
    marks = {"\n": "⏎", "\t": "⇥", "\r": "⏎"}
    return "".join(marks.get(c, c) for c in clean(text))


@lru_cache(maxsize=8192)
def width(text: str, size: float, bold: bool = False) -> float:
    """An upper estimate of the width of a line of text in pixels."""
    total = 0.0
    for c in text:
        known = _WIDTHS.get(c)
        if known is not None:
            total += known[bold]
        elif unicodedata.combining(c):
            continue
        elif unicodedata.east_asian_width(c) in "WF":
            total += 1.05
        else:
            total += 1.0 if ord(c) > 0x2000 else 0.9
    return total * size


def fit(text: str, room: float, size: float, bold: bool = False) -> str:
    """The text, shortened with … until it is no wider than `room` pixels.

    >>> fit("backpropagation", 60.0, 10.0)
    'backprop…'
    """
    if width(text, size, bold) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width(text[:middle] + "…", size, bold) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low] + "…"


def number(x: float, digits: int = 4) -> str:
    """A number to so many significant digits, with a real minus sign.

    >>> number(-0.123456), number(1.5e-7, 3), number(float("nan"))
    ('−0.1235', '1.5e−7', 'NaN')
    """
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    text = f"{x:.{digits}g}"
    mantissa, e, exponent = text.partition("e")
    if e:
        text = f"{mantissa}e{int(exponent)}"
    return ("0" if x == 0 else text).replace("-", "−")


def shape_of(shape: tuple[int, ...]) -> str:
    """How a record writes a shape.

    >>> shape_of((3, 2)), shape_of(()), shape_of((5,))
    ('3×2', 'scalar', '5')
    """
    return "×".join(map(str, shape)) if shape else "scalar"


def dtype_of(dtype: Any) -> str:
    """The short name of a dtype.

    Bars say that of complex numbers the absolute values are shown.

    >>> dtype_of("float64"), dtype_of("bool"), dtype_of("complex64")
    ('f64', 'bool', '|c64|')
    """
    match = re.fullmatch(r"([a-z]+)(\d*)", str(dtype))
    if match and match[1] == "complex":
        return f"|c{match[2]}|"
    return _DTYPES.get(match[1], match[1]) + match[2] if match else str(dtype)


def plural(count: int, word: str) -> str:
    """A count with its noun.

    >>> plural(1, "operation"), plural(2, "operation")
    ('1 operation', '2 operations')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"
