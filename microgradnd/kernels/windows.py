"""The arithmetic of windows that slide: shared by pooling and convolution."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import TypeAlias

Pair: TypeAlias = int | Sequence[int]
Several: TypeAlias = int | Sequence[int]  # a number for all axes, or one for each


def pair(value: Pair) -> tuple[int, int]:
    """A number for both axes, or one for each, as (height, width).

    >>> pair(3), pair((3, 2))
    ((3, 3), (3, 2))
    """
    height, width = numbers(value, 2)
    return height, width


def numbers(value: Several, count: int) -> tuple[int, ...]:
    """A number for all of so many axes, or one for each.

    >>> numbers(3, 3), numbers((3, 2, 1), 3)
    ((3, 3, 3), (3, 2, 1))
    """
    given = value if isinstance(value, Sequence) else (value,) * count
    words = "a pair (height, width)" if count == 2 else str(count)
    if len(given) != count:
        raise ValueError(f"one number or {words} of them is needed, got {value!r}")
    try:
        return tuple(index(n) for n in given)
    except TypeError:
        raise TypeError(f"a whole number or {words} of them is needed, got {value!r}") from None


def overhang(length: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """By how much the last window of a size that is rounded up stands out behind the padding.

    No window begins behind the last element, as in PyTorch.

    >>> overhang(4, 3, 2, 0), overhang(4, 2, 2, 0)
    (1, 0)
    """
    span = dilation * (kernel - 1) + 1
    steps = -(-(length + 2 * padding - span) // stride)
    if steps * stride >= length + padding:
        steps -= 1
    return max(steps * stride + span - length - 2 * padding, 0)


def output_size(
    op: str, length: int, kernel: int, stride: int = 1, padding: int | tuple[int, int] = 0,
    dilation: int = 1, strict: bool = False,
) -> int:  # fmt: skip
    """How many places a window has along an axis: (W1 - F + 2P)/S + 1.

    Args:
        op: who asks, for the message.
        length: of the input along the axis, W1.
        kernel: length of the window, F; dilated, it spans D (F - 1) + 1.
        stride: from one place to the next, S.
        padding: on each side, P, or a pair (before, after).
        dilation: distance between the window's elements, D.
        strict: raises where S does not divide, instead of leaving out the last elements, which no
            place reaches, as PyTorch does.

    Raises:
        ValueError: for a result below 1, with the arithmetic written out.

    Source: eq. 5-32.

    >>> output_size("conv2d", 5, 3, stride=2), output_size("conv2d", 28, 5, padding=2)
    (2, 28)
    """
    before, after = padding if isinstance(padding, tuple) else (padding, padding)
    limits = (("kernel size", kernel, 1), ("stride", stride, 1), ("dilation", dilation, 1))
    for name, value, least in (*limits, ("padding", min(before, after), 0)):
        if value < least:
            raise ValueError(f"{op}: the {name} is {value}, it must be at least {least}")
    span = dilation * (kernel - 1) + 1
    room = length - span + before + after
    steps, rest = divmod(room, stride)
    if steps >= 0 and not (rest and strict):
        return steps + 1
    pads = f"2·{before}" if before == after else f"{before} + {after}"
    sum_ = f"({length} - {span} + {pads})/{stride} + 1 = {room / stride + 1:g}"
    why = f", where F = {dilation}·({kernel} - 1) + 1 = {span}" if dilation > 1 else ""
    if steps < 0:
        raise ValueError(
            f"{op}: (W1 - F + 2P)/S + 1 = {sum_}{why}: the window does not fit into the input "
            "once; give a larger input, a smaller window or more padding"
        )
    raise ValueError(
        f"{op}: (W1 - F + 2P)/S + 1 = {sum_}{why}: the stride {stride} does not divide {room}; "
        f"change the padding or the stride, or leave out the last {rest} with strict=False"
    )
