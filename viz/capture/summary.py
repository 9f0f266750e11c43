"""What a picture keeps of an array: statistics, its elements if they are few, and a thumbnail."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from viz.capture.thumbnails import thumbnail
from viz.style.heatmap import GAP

Array = np.ndarray
_FULL = 64  # arrays of up to so many elements are kept whole
_BINS = 16  # of a histogram
LARGE = 1 << 20  # larger ones are gone over in blocks, without a copy in float64


@dataclass(frozen=True, slots=True)
class Summary:
    """An array in few numbers.

    Attributes:
        shape, dtype: of the array. Of a complex one all else is of its absolute values.
        mean, std, min, max, norm, rms, total: over all its elements, in float64; NaN if there are
            none of them. `norm` is the root of the sum of squares, `total` the sum.
        top: the largest finite magnitude.
        zeros: the share of elements that are exactly 0.
        nans, infs: how many elements are not numbers, or infinite.
        elements: all elements as nested lists, if there are at most 64.
        thumb: the array shrunk to at most 32 × 32 cells, or tiles of channels.
        caption: what the thumbnail leaves out.
        scale: the end of the heat-map's scale, the largest magnitude of a cell of the thumbnail or
            that of rounding errors, if they are larger.
        block: rows and columns of elements that a cell of the thumbnail stands for.
        bins: how many of the finite elements lie in each of 16 equal intervals from the smallest
            to the largest of them; empty if `elements` has them all.
    """

    shape: tuple[int, ...]
    dtype: str
    mean: float
    std: float
    min: float
    max: float
    norm: float
    rms: float
    total: float
    top: float
    zeros: float
    nans: int
    infs: int
    elements: Any
    thumb: Array | None
    caption: str
    scale: float
    block: tuple[int, int] = (1, 1)
    bins: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def scalar(self) -> float | None:
        """The only element, of an array that has one and no axes."""
        return self.mean if self.shape == () else None

    @property
    def flaw(self) -> str:
        """ "NaN", "Inf" or both, if the array holds any, else an empty string."""
        counts = (("NaN", self.nans), ("Inf", self.infs))
        return " ".join(f"{count} {kind}" for kind, count in counts if count)


def summarise(value: Any) -> Summary:
    """The summary of an array or a number; of complex ones that of their absolute values.

    >>> summarise(np.array([3.0, -4.0])).norm
    5.0
    >>> summarise(np.array([3 + 4j, 0])).elements
    [5.0, 0.0]
    """
    array = np.asarray(value)
    if array.dtype.kind == "c":
        return replace(summarise(np.abs(array)), dtype=str(array.dtype))
    if array.shape == ():
        return _of_scalar(float(array), array.dtype.name)
    if array.size == 0:
        nan = math.nan
        empty = array.tolist()
        return Summary(
            array.shape, str(array.dtype), nan, nan, nan, nan, 0.0, nan, 0.0, 0.0, nan, 0, 0, empty,
            None, "", 0.0,
        )  # fmt: skip
    if array.size > LARGE:
        return _of_large(array)
    x = array.astype(np.float64)
    finite = np.isfinite(x)
    whole = bool(finite.all())
    nans = 0 if whole else int(np.isnan(x).sum())
    infs = 0 if whole else int(x.size - finite.sum()) - nans
    top = float(np.abs(x).max()) if whole else float(np.abs(x[finite]).max(initial=0.0))
    # squares of elements near the ends of the range of float64 would not be numbers
    unit = top if whole and top > 0 and not 1e-140 < top < 1e140 else 1.0
    with np.errstate(all="ignore"):
        flat = x.ravel() / unit
        norm = math.sqrt(flat @ flat) * unit if whole else math.sqrt(np.square(flat).sum())
        mean = float(flat.sum()) / x.size
        deviation = flat - mean
        mean, std = mean * unit, math.sqrt(deviation @ deviation / x.size) * unit
        low, high, total = float(x.min()), float(x.max()), float(x.sum())
    return Summary(
        shape=array.shape, dtype=str(array.dtype), mean=mean, std=std, min=low, max=high,
        norm=norm, rms=norm / math.sqrt(x.size), total=total, top=top,
        zeros=1.0 - float(np.count_nonzero(x)) / x.size, nans=nans, infs=infs,
        # NumPy's long doubles are no floats of Python
        elements=(x if array.dtype == np.longdouble else array).tolist()
        if array.size <= _FULL else None, **_thumbnail(x),
        bins=_histogram([x.ravel() if whole else x[finite]]) if array.size > _FULL else (),
    )  # fmt: skip


def _of_large(array: Array) -> Summary:
    """The summary of an array too large to be copied; sums are taken in blocks, then in float64."""
    dtype = str(array.dtype)
    if array.dtype.kind != "f":
        array = array.astype(np.float32 if array.dtype == bool else np.float64)
    flat = array.ravel(order="K")
    blocks = [flat[i : i + LARGE] for i in range(0, flat.size, LARGE)]
    with np.errstate(all="ignore"):
        # NaN passes through minimum and maximum, and infinity is one of them
        low, high = float(flat.min()), float(flat.max())
        whole = math.isfinite(low) and math.isfinite(high)
        top = max(-low, high)
        nans = infs = 0
        if not whole:
            nans = sum(int(np.isnan(x).sum()) for x in blocks)
            infs = sum(int(np.isinf(x).sum()) for x in blocks)
            top = max(float(np.abs(x[np.isfinite(x)]).max(initial=0.0)) for x in blocks)
        total = sum(float(np.add.reduce(x, dtype=np.float64)) for x in blocks)
        mean = total / flat.size
        if flat.dtype != np.float64 and not 1e-12 < top < 1e12:  # squares would leave float32
            blocks = [x.astype(np.float64) for x in blocks]
        squares = sum(square(x) for x in blocks)
        deviations = sum(square(x - x.dtype.type(mean)) for x in blocks)
        zeros = 1.0 - sum(int(np.count_nonzero(x)) for x in blocks) / flat.size
    bins = _histogram(blocks if whole else [x[np.isfinite(x)] for x in blocks])
    return Summary(
        shape=array.shape, dtype=dtype, mean=mean, std=math.sqrt(deviations / flat.size),
        min=low, max=high, norm=math.sqrt(squares), rms=math.sqrt(squares / flat.size),
        total=total, top=top, zeros=zeros, nans=nans, infs=infs, elements=None,
        **_thumbnail(array), bins=bins,
    )  # fmt: skip


def _thumbnail(x: Array) -> dict[str, Any]:
    cells, plan = thumbnail(x)
    sizes = np.abs(cells[np.isfinite(cells) & (cells != GAP)])
    return {
        "thumb": cells, "scale": float(sizes.max(initial=0.0)),
        "caption": plan.caption, "block": plan.block,
    }  # fmt: skip


def _histogram(blocks: list[Array]) -> tuple[int, ...]:
    """How many finite numbers lie in each of 16 equal intervals from the smallest to the largest.

    >>> _histogram([np.array([0.0, 1.0]), np.array([16.0, 15.5])])
    (1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
    """
    low = min((float(x.min()) for x in blocks if x.size), default=0.0)
    high = max((float(x.max()) for x in blocks if x.size), default=0.0)
    counts = np.zeros(_BINS, np.int64)
    # halved where the range is more than the type holds
    half = 1.0 if math.isfinite(high - low) and high - low < np.finfo(np.float32).max else 0.5
    width = high * half - low * half
    for x in blocks:
        if width == 0:
            counts[0] += x.size
            continue
        x = x if half == 1.0 else x * x.dtype.type(half)
        place = ((x - x.dtype.type(low * half)) * x.dtype.type(_BINS / width)).astype(np.intp)
        counts += np.bincount(np.minimum(place, _BINS - 1, out=place), minlength=_BINS)
    return tuple(counts.tolist())


def square(x: Array) -> float:
    return float(x @ x)


def _of_scalar(x: float, dtype: str) -> Summary:
    nan, inf = math.isnan(x), math.isinf(x)
    size = abs(x)
    return Summary(
        (), dtype, x, math.nan if nan or inf else 0.0, x, x, size, size, x,
        0.0 if nan or inf else size, float(x == 0), int(nan), int(inf), x, None, "",
        0.0 if nan or inf else size,
    )  # fmt: skip


def literal(elements: Any) -> str:
    """Nested lists as JSON whose numbers are exact; "nan" and "inf" are strings there.

    >>> literal([[0.1, 2.0]]), literal(float("inf"))
    ('[[0.1, 2.0]]', '"inf"')
    """
    return json.dumps(spelled(elements))


def spelled(x: Any) -> Any:
    if isinstance(x, list):
        return [spelled(item) for item in x]
    return repr(x) if isinstance(x, float) and not math.isfinite(x) else x
