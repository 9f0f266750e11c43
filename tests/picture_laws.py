"""What holds in every river picture: counted in its SVG, with the widths of the widest font.

`broken(svg)` reads a file back and lists what breaks a law: text on text, on a border that it does
not belong to or out of its record, wires or ribbons through records or words, small print.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from xml.etree import ElementTree

from viz.style.heatmap import over
from viz.style.text import width
from viz.style.theme import Rgb, luminance, rgb

Rect = tuple[float, float, float, float]  # left, top, right, bottom
SVG = "{http://www.w3.org/2000/svg}"
SMALLEST = 11.0
RECORDS = ("parameter", "leaf", "constant", "intermediate", "output", "group", "more", "tag")
_BADGES = ("!", "×")  # of marks, on the corners of records
_NUMBER = re.compile(r"-?\d+\.?\d*")


@dataclass
class Found:
    """What a picture is made of, in its own coordinates."""

    texts: list[tuple[Rect, str, float, str | None]] = field(default_factory=list)
    boxes: dict[str, Rect] = field(default_factory=dict)
    strokes: list[tuple[str, list[tuple[float, float]], float]] = field(default_factory=list)
    size: tuple[float, float] = (0.0, 0.0)

    @property
    def filled(self) -> float:
        """The share of the picture that records take."""
        area = sum((r - x) * (b - y) for x, y, r, b in self.boxes.values())
        return area / (self.size[0] * self.size[1])


def read(svg: str) -> Found:
    """Texts, records and strokes of wires and ribbons."""
    out, root = Found(), ElementTree.fromstring(svg)
    out.size = float(root.attrib["width"]), float(root.attrib["height"])
    _walk(root, 0.0, 0.0, None, None, out)
    return out


def _walk(
    element: ElementTree.Element, x: float, y: float, record: str | None, edge: str | None,
    out: Found,
) -> None:  # fmt: skip
    found = re.fullmatch(r"translate\((\S+?)[ ,](\S+?)\)", element.get("transform", ""))
    if found:
        x, y = x + float(found[1]), y + float(found[2])
    kind, name = element.get("data-kind"), element.get("data-id", "")
    name = name or f"more of {element.get('data-home')}"
    if kind in RECORDS and element.get("transform"):
        record = name
        shape = next(e for e in element.iter() if e.tag in (f"{SVG}rect", f"{SVG}path"))
        out.boxes[name] = _box(element, x, y) if shape is not None else (x, y, x, y)
    elif name.startswith("e-") and record is None:
        edge = name
    if element.tag == f"{SVG}text":
        out.texts.append((_extent(element, x, y), "".join(element.itertext()),
                          float(element.get("font-size", "10")), record))  # fmt: skip
    elif element.tag == f"{SVG}path" and edge and element.get("fill") == "none":
        numbers = [float(n) for n in _NUMBER.findall(element.get("d", ""))]
        points = [(a + x, b + y) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
        out.strokes.append((edge, points, float(element.get("stroke-width", "1"))))
    for child in element:
        _walk(child, x, y, record, edge, out)


def _box(element: ElementTree.Element, x: float, y: float) -> Rect:
    """The record's own rectangle: of those at its origin the one that is filled."""
    for shape in element.iter(f"{SVG}rect"):
        left, top = float(shape.get("x", "0")), float(shape.get("y", "0"))
        if shape.get("fill") != "none" and 0 <= left <= 1 and 0 <= top <= 1:
            wide, high = float(shape.attrib["width"]), float(shape.attrib["height"])
            return x + left, y + top, x + left + wide, y + top + high
    raise AssertionError(f"a record without a box: {element.attrib}")


def _extent(element: ElementTree.Element, x: float, y: float) -> Rect:
    """The room of a text: an upper estimate of its width, and of capitals and descenders."""
    size = float(element.get("font-size", "10"))
    bold = element.get("font-weight") is not None
    long = width("".join(element.itertext()), size, bold)
    at = x + float(element.get("x", "0"))
    anchor = element.get("text-anchor")
    at -= long if anchor == "end" else long / 2 if anchor == "middle" else 0.0
    base = y + float(element.get("y", "0"))
    return at, base - 0.75 * size, at + long, base + 0.2 * size


def broken(svg: str) -> list[str]:
    """The laws that a picture breaks, in words; none in a good one."""
    found = read(svg)
    return [*_texts(found), *_boxes(found), *_strokes(found)]


def _texts(found: Found) -> Iterator[str]:
    texts = sorted(found.texts, key=lambda text: text[0])
    for k, (one, words, size, record) in enumerate(texts):
        if size < SMALLEST:
            yield f"{words!r} is {size} px small"
        for other, more, _, _ in texts[k + 1 :]:
            if other[0] > one[2]:
                break
            if _meet(one, other, 0.5):
                yield f"{words!r} lies on {more!r}"
        for name, box in found.boxes.items():
            if name != record and _meet(one, box, 0.5):
                yield f"{words!r} lies on {name}"
            if name == record and not _inside(one, box) and words not in _BADGES:
                yield f"{words!r} leaves {name}"


def _boxes(found: Found) -> Iterator[str]:
    boxes = sorted(found.boxes.items(), key=lambda item: item[1])
    for k, (name, box) in enumerate(boxes):
        for other, more in boxes[k + 1 :]:
            if more[0] > box[2]:
                break
            if _meet(box, more, 0.5):
                yield f"{name} lies on {other}"


def _strokes(found: Found) -> Iterator[str]:
    free = [(rect, words) for rect, words, _, record in found.texts if record is None]
    for edge, points, thick in found.strokes:
        for (x0, y0), (x1, y1) in pairwise(points):
            half = thick / 2
            across = half * (abs(x0 - x1) < abs(y0 - y1)), half * (abs(x0 - x1) >= abs(y0 - y1))
            rect = (min(x0, x1) - across[0], min(y0, y1) - across[1],
                    max(x0, x1) + across[0], max(y0, y1) + across[1])  # fmt: skip
            for name, box in found.boxes.items():
                if _meet(rect, box, 1.0):
                    yield f"{edge} runs through {name}"
            for text, words in free:
                if _meet(rect, text, 0.5):
                    yield f"{edge} runs through {words!r}"


def _meet(one: Rect, other: Rect, by: float) -> bool:
    """Whether two rectangles overlap by more than so many px."""
    return (one[0] + by < other[2] and other[0] + by < one[2]
            and one[1] + by < other[3] and other[1] + by < one[3])  # fmt: skip


def _inside(text: Rect, box: Rect) -> bool:
    return text[0] >= box[0] and text[2] <= box[2] + 0.5 and text[3] <= box[3] + 0.5


def faint(svg: str) -> list[str]:
    """The texts that have less contrast than 4.5 to what they stand on, in a light or dark picture.

    They stand on what was painted before at their middle, halos included.
    """
    grounds: list[tuple[Rect, Rgb, float]] = []
    out: list[str] = []
    _paint(ElementTree.fromstring(svg), 0.0, 0.0, 1.0, grounds, out)
    return out


def _paint(
    element: ElementTree.Element, x: float, y: float, opacity: float,
    grounds: list[tuple[Rect, Rgb, float]], out: list[str],
) -> None:  # fmt: skip
    found = re.fullmatch(r"translate\((\S+?)[ ,](\S+?)\)", element.get("transform", ""))
    if found:
        x, y = x + float(found[1]), y + float(found[2])
    opacity *= float(element.get("opacity", "1"))
    fill = element.get("fill", "none")
    if element.tag == f"{SVG}text":
        left, top, right, bottom = _extent(element, x, y)
        spot = (left + right) / 2, (top + bottom) / 2
        ground: Rgb = (255, 255, 255)
        for (a, b, c, d), colour, alpha in grounds:
            if a <= spot[0] <= c and b <= spot[1] <= d:
                ground = over((*colour, round(255 * alpha)), ground)
        if element.get("paint-order"):
            ground = rgb(element.attrib["stroke"])
        levels = sorted((luminance(ground), luminance(rgb(fill))))
        if (levels[1] + 0.05) / (levels[0] + 0.05) < 4.5:
            out.append(f"{''.join(element.itertext())!r} is {fill} on {ground}")
    elif fill != "none":
        alpha = opacity * float(element.get("fill-opacity", "1"))
        grounds += [(rect, rgb(fill), alpha) for rect in _filled(element, x, y)]
    for child in element:
        _paint(child, x, y, opacity, grounds, out)


def _filled(element: ElementTree.Element, x: float, y: float) -> Iterator[Rect]:
    """The rectangles that an element fills; of paths those of cells, of circles their squares."""
    if element.tag == f"{SVG}rect":
        left, top = x + float(element.get("x", "0")), y + float(element.get("y", "0"))
        yield (
            left,
            top,
            left + float(element.attrib["width"]),
            top + float(element.attrib["height"]),
        )
    elif element.tag == f"{SVG}circle":
        cx, cy, r = (float(element.attrib[key]) for key in ("cx", "cy", "r"))
        yield x + cx - r, y + cy - r, x + cx + r, y + cy + r
    elif element.tag == f"{SVG}path":
        for cell in re.finditer(r"M(\S+) (\S+?)h([\d.]+)v([\d.]+)h-[\d.]+z", element.get("d", "")):
            left, top, wide, high = map(float, cell.groups())
            yield x + left, y + top, x + left + wide, y + top + high
