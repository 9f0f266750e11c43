"""The arithmetic of windows that slide: shared by pooling and convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Pair: TypeAlias = int | Sequence[int]


def pair(value: Pair) -> tuple[int, int]:
    """A number for both axes, or one for each, as (height, width).

    >>> pair(3), pair((3, 2))
    ((3, 3), (3, 2))
    """
    if isinstance(value, Sequence):
        if len(value) != 2:
            raise ValueError(f"one number or a pair (height, width) is needed, got {value!r}")
        return int(value[0]), int(value[1])
    return int(value), int(value)


def output_size(
    op: str,
    length: int,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int = 1,
    strict: bool = False,
) -> int:
    """How many places a window has along an axis: `(length - kernel + 2 padding)/stride + 1`.

    A dilated kernel covers `dilation (kernel - 1) + 1` elements. Division rounds down: the last
    elements that no whole window reaches are left out, as in torch.

    Args:
        op: who asks, for the message.
        strict: a division with a remainder is an error too.

    Raises:
        ValueError: for a result below 1, with the arithmetic written out.

    Source: eq. 5-32.

    >>> output_size("conv2d", length=5, kernel=3, stride=2, padding=0)
    2
    """
    for name, value, least in (
        ("kernel size", kernel, 1),
        ("stride", stride, 1),
        ("dilation", dilation, 1),
        ("padding", padding, 0),
    ):
        if value < least:
            raise ValueError(f"{op}: the {name} is {value}, it must be at least {least}")
    covered = dilation * (kernel - 1) + 1
    room = length - covered + 2 * padding
    size = room // stride + 1
    if size >= 1 and not (strict and room % stride):
        return size
    spread = "" if dilation == 1 else f" (a kernel of {kernel} with dilation {dilation} covers "
    spread += f"{covered})" if spread else ""
    sums = (
        f"{op}: ({length} - {covered} + 2·{padding})/{stride} + 1 = {room / stride + 1:g}{spread}"
    )
    if size < 1:
        raise ValueError(
            f"{sums}: the window does not fit into the input once. "
            "Give a larger input, a smaller kernel or more padding"
        )
    raise ValueError(
        f"{sums} is no whole number: {room % stride} of the elements lie outside all windows. "
        f"Change the stride, the padding or the input, or allow rounding down to {size}"
    )
