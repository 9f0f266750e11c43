"""Rows of pooling, patches, interpolation and grids, which PyTorch is the oracle of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd.declaration import FUNCTIONS
from tests.op_case import OpCase, Operand, Sample, between, distinct, positive, real

ROW, IMAGE, VOLUME = (2, 7), (2, 3, 5, 6), (1, 2, 4, 5, 4)


def of(shape: Any, draw: Callable = distinct, **options: Any) -> Sample:
    return Sample((Operand(shape, draw),), options)


def sampled(shape: tuple[int, ...], grid: tuple[int, ...], **options: Any) -> Sample:
    """Points of a grid, some of them outside, and none near a kink."""
    return Sample((Operand(shape), Operand(grid, _off_kinks(shape))), options)


def _off_kinks(shape: tuple[int, ...]) -> Callable:
    def draw(random: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
        points = random.uniform(-1.6, 1.6, size)
        for axis, n in enumerate(reversed(shape[2:])):
            for align in (False, True):  # at least a tenth of an element from halves and wholes
                steps = (n - 1) / 2 if align else n / 2
                at = (points[..., axis] + 1) * steps
                near = np.abs(at * 2 - np.rint(at * 2)) < 0.1
                points[..., axis] += np.where(near, 0.11 / steps, 0)
        return points

    return draw


def images(name: str, *samples: Sample, ours: str | None = None) -> OpCase:
    def theirs(t: Any, *xs: Any, **options: Any) -> Any:
        return getattr(t.nn.functional, name)(*xs, **options)

    return OpCase(ours or name, FUNCTIONS[ours or name], None, samples, None, theirs)  # type: ignore


def unpooled(name: str, shape: tuple[int, ...], index: Any, **options: Any) -> OpCase:
    return images(name, Sample((Operand(shape), np.array(index).reshape(shape)), options))


CEILED = {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}
# fmt: off
MAXIMA = (
    images("max_pool1d", of(ROW, kernel_size=3, stride=2, padding=1, dilation=2),
           of((2, 3, 6), kernel_size=3, stride=2, ceil_mode=True, return_indices=True)),
    images("max_pool2d", of(IMAGE, **CEILED), of(IMAGE, **CEILED, return_indices=True),
           of(IMAGE, kernel_size=(2, 3), stride=(3, 1), padding=(1, 0), dilation=(2, 1),
              return_indices=True),
           of((3, 6, 5), kernel_size=2, ceil_mode=True, stride=3, padding=1)),
    images("max_pool3d", of(VOLUME, kernel_size=2), of(VOLUME, **CEILED, return_indices=True),
           of(VOLUME, kernel_size=(2, 3, 2), stride=(1, 2, 3), padding=(1, 1, 0),
              dilation=(2, 1, 1), return_indices=True),
           of(VOLUME[1:], kernel_size=(1, 2, 1), ceil_mode=True)),
    images("adaptive_max_pool1d", of((1, 2, 7), output_size=3),
           of((2, 5), output_size=2, return_indices=True)),
    images("adaptive_max_pool2d", of(IMAGE, output_size=(3, 4), return_indices=True),
           of(IMAGE, output_size=(None, 2)), of((1, 5, 6), output_size=1)),
    images("adaptive_max_pool3d", of(VOLUME, output_size=(3, 2, 3), return_indices=True),
           of(VOLUME, output_size=(2, None, 1))),
    unpooled("max_unpool1d", (1, 2, 2), [[1, 2], [0, 3]], kernel_size=2),
    unpooled("max_unpool2d", (1, 2, 2, 1), [0, 7, 1, 5], kernel_size=2),
    unpooled("max_unpool2d", (1, 1, 2, 2), [1, 2, 11, 15], kernel_size=3, stride=2, padding=1,
             output_size=(4, 4)),
    unpooled("max_unpool3d", (1, 1, 1, 2, 1), [3, 5], kernel_size=2),
)
MEANS = (
    images("avg_pool1d", of(ROW, kernel_size=3, stride=2, padding=1, count_include_pad=False),
           of((1, 2, 6), **CEILED), of((1, 2, 6), kernel_size=3, stride=2, ceil_mode=True)),
    images("avg_pool2d", of(IMAGE, **CEILED), of(IMAGE, **CEILED, count_include_pad=False),
           of(IMAGE, kernel_size=(2, 3), divisor_override=5),
           of(IMAGE, **CEILED, divisor_override=2), of((2, 4, 4), kernel_size=2, ceil_mode=True)),
    images("avg_pool3d", of(VOLUME, kernel_size=2), of(VOLUME, **CEILED),
           of(VOLUME, **CEILED, count_include_pad=False), of(VOLUME, kernel_size=(2, 3, 1),
           stride=(1, 2, 2), padding=(1, 0, 0), divisor_override=5),
           of(VOLUME, kernel_size=3, stride=(2, 1, 2), padding=1, count_include_pad=False)),
    images("adaptive_avg_pool1d", of((1, 2, 7), output_size=3), of((2, 6), output_size=2)),
    images("adaptive_avg_pool3d", of(VOLUME, output_size=(3, 2, 3)), of(VOLUME, output_size=1),
           of(VOLUME[1:], output_size=(None, 2, 4))),
    images("lp_pool1d", of((1, 2, 7), positive, norm_type=3.0, kernel_size=3, stride=2),
           of((2, 7), positive, norm_type=2, kernel_size=2, ceil_mode=True)),
    images("lp_pool2d", of(IMAGE, real, norm_type=2, kernel_size=(2, 3)),
           of(IMAGE, positive, norm_type=1.5, kernel_size=2, stride=1),
           of(IMAGE, real, norm_type=4, kernel_size=3, stride=2, ceil_mode=True),
           of(IMAGE, real, norm_type=1, kernel_size=2)),
    images("lp_pool3d", of(VOLUME, real, norm_type=2, kernel_size=2),
           of(VOLUME, positive, norm_type=3, kernel_size=(1, 2, 3), stride=2, ceil_mode=True)),
)
PATCHES = (
    images("unfold", of((2, 3, 5, 4), kernel_size=2), of((3, 5, 4), kernel_size=(3, 2)),
           of((1, 2, 6, 5), kernel_size=(2, 3), dilation=(2, 1), padding=(1, 2), stride=(2, 1)),
           ours="unfold_patches"),
    images("fold", of((2, 8, 9), output_size=4, kernel_size=2),
           of((1, 12, 21), output_size=(6, 5), kernel_size=(2, 3), dilation=(2, 1),
              padding=(1, 2), stride=(2, 1)),
           of((4, 4), output_size=(5, 5), kernel_size=2, stride=2), ours="fold_patches"),
    images("pixel_shuffle", of((2, 8, 2, 3), upscale_factor=2), of((9, 1, 2), upscale_factor=3)),
    images("pixel_unshuffle", of((2, 2, 4, 6), downscale_factor=2),
           of((1, 3, 6), downscale_factor=3)),
    images("channel_shuffle", of((2, 6, 2, 2), groups=3), of((1, 4, 3), groups=2)),
)
NEAREST = [
    of(shape, mode=mode, **how)
    for mode in ("nearest", "nearest-exact", "area")
    for shape, how in (
        ((1, 2, 5), {"size": 8}), ((1, 2, 6), {"size": 4}), ((1, 2, 6), {"scale_factor": 0.5}),
        (IMAGE, {"size": (7, 4)}), (IMAGE, {"scale_factor": 2}),
        (IMAGE, {"scale_factor": (1.7, 0.6)}),
        (IMAGE, {"scale_factor": 1.3, "recompute_scale_factor": True}),
        (VOLUME, {"scale_factor": (2, 1, 3)}), (VOLUME, {"size": (3, 7, 4)}),
    )
]
WEIGHED = [
    of(shape, mode=mode, align_corners=align, **how)
    for align in (False, True)
    for mode, shape, each in (
        ("linear", (1, 2, 5), ({"size": 8}, {"size": 3}, {"scale_factor": 1.7})),
        ("bilinear", IMAGE, ({"size": (7, 4)}, {"scale_factor": (2.3, 0.7)}, {"size": 1},
         {"scale_factor": 1.3, "recompute_scale_factor": True}, {"size": (3, 4), "antialias": True},
         {"scale_factor": (0.4, 2.2), "antialias": True})),
        ("bicubic", IMAGE, ({"size": (7, 4)}, {"scale_factor": (2.3, 0.7)}, {"size": (1, 9)},
         {"size": (3, 4), "antialias": True})),
        ("trilinear", VOLUME, ({"size": (3, 7, 4)}, {"scale_factor": 1.4})),
    )
    for how in each
]
GRIDS = (
    images("interpolate", *NEAREST, *WEIGHED),
    images("grid_sample", *[
        sampled(shape, grid, mode=mode, padding_mode=padding_mode, align_corners=align)
        for shape, grid, mode in (
            ((2, 2, 4, 5), (2, 3, 4, 2), "bilinear"), ((1, 2, 4, 5), (1, 2, 4, 2), "bicubic"),
            ((1, 2, 3, 4, 3), (1, 2, 3, 2, 3), "bilinear"),
        )
        for padding_mode in ("zeros", "border", "reflection")
        for align in (False, True)
    ]),
    images("grid_sample", *[
        Sample((Operand(shape), between(-1.6, 1.6)(np.random.default_rng(3), grid)),
               {"mode": "nearest", "padding_mode": padding_mode, "align_corners": align})
        for shape, grid in (((2, 2, 4, 5), (2, 3, 4, 2)), ((1, 2, 3, 4, 3), (1, 2, 3, 2, 3)))
        for padding_mode in ("zeros", "border", "reflection")
        for align in (False, True)
    ]),
    images("affine_grid", *[
        Sample((Operand(theta),), {"size": size, "align_corners": align})
        for theta, size in (((2, 2, 3), (2, 1, 3, 4)), ((1, 3, 4), (1, 2, 2, 3, 1)))
        for align in (False, True)
    ]),
)
# fmt: on
IMAGES = (*MAXIMA, *MEANS, *PATCHES, *GRIDS)
