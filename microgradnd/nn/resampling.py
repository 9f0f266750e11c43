"""Layers that change the size of images, or take them apart into patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microgradnd.arguments import FLAG, either, one_of, optional, real, several, sizes, whole
from microgradnd.nn.module import FunctionModule
from microgradnd.ops import patches, resampling

SIZES = either(whole(1), several(whole(1), "one for each axis", 1, 3))
FACTOR = real(0, without="low")
FACTORS = either(FACTOR, several(FACTOR, "one for each axis", 1, 3))
INTERPOLATION = {
    "size": optional(SIZES),
    "scale_factor": optional(FACTORS),
    "mode": one_of(*resampling.MODES),
    "align_corners": optional(FLAG),
    "recompute_scale_factor": optional(FLAG),
    "antialias": FLAG,
}


class Unfold(FunctionModule, function=patches.unfold, padding=sizes(0)):
    """Each patch of images (N, C, H, W) as a column of (N, C·F·F, L); see `functional.unfold`.

    >>> import numpy as np
    >>> Unfold(2)(np.zeros((1, 3, 4, 4))).shape
    (1, 12, 9)
    """

    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1


class Fold(FunctionModule, function=patches.fold, output_size=sizes(1), padding=sizes(0)):
    """Columns (N, C·F·F, L) added up to images (N, C, H, W); see `functional.fold`.

    >>> import numpy as np
    >>> Fold((4, 4), 2)(np.zeros((1, 12, 9))).shape
    (1, 3, 4, 4)
    """

    output_size: Any
    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1


class PixelShuffle(FunctionModule, function=resampling.pixel_shuffle, upscale_factor=whole(1)):
    """Channels as pixels: (..., C·r², H, W) to (..., C, H·r, W·r).

    >>> import numpy as np
    >>> PixelShuffle(2)(np.zeros((1, 8, 3, 3))).shape
    (1, 2, 6, 6)
    """

    upscale_factor: int


class PixelUnshuffle(
    FunctionModule, function=resampling.pixel_unshuffle, downscale_factor=whole(1)
):
    """Pixels as channels: (..., C, H·r, W·r) to (..., C·r², H, W)."""

    downscale_factor: int


class ChannelShuffle(FunctionModule, function=resampling.channel_shuffle):
    """The channels of x (N, C, ...) dealt out anew; see `functional.channel_shuffle`."""

    groups: int


class Upsample(FunctionModule, function=resampling.interpolate, **INTERPOLATION):
    """Images of another size, by `size` or `scale_factor`; see `functional.interpolate`.

    >>> Upsample(scale_factor=2)([[[1.0, 2.0]]])
    Tensor([[[1., 1., 2., 2.]]])
    """

    size: int | Sequence[int] | None = None
    scale_factor: float | Sequence[float] | None = None
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None


def _bilinear(x: Any, size: Any, scale_factor: Any) -> Any:
    return resampling.interpolate(x, size, scale_factor, "bilinear", True)


class UpsamplingNearest2d(
    FunctionModule, function=resampling.interpolate, size=optional(SIZES),
    scale_factor=optional(FACTORS),
):  # fmt: skip
    """Images (N, C, H, W) of another size whose elements are repeated; see `Upsample`."""

    size: int | Sequence[int] | None = None
    scale_factor: float | Sequence[float] | None = None


class UpsamplingBilinear2d(UpsamplingNearest2d, function=_bilinear):
    """Images (N, C, H, W) of another size, bilinear with aligned corners; see `Upsample`."""
