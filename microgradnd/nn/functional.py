"""Layers, activations and losses as functions, gathered under PyTorch's names.

What the layers call at each step is held to the kinds of its arguments here, not where it is
defined: a layer checks its own once, when it is made.

>>> import microgradnd as mg, microgradnd.nn.functional as F
>>> F.relu(mg.Tensor([-1.0, 2.0]))
Tensor([0., 2.])
"""

from __future__ import annotations

from typing import Any

import microgradnd.functions as _functions
from microgradnd.arguments import (
    ARRAY,
    FLAG,
    NUMBER,
    POSITIVE,
    PROBABILITY,
    STATISTICS,
    STRING,
    TENSOR,
    checked,
    optional,
    sizes,
    whole,
)  # fmt: skip
from microgradnd.errors import missing_name
from microgradnd.functions import (
    elu,
    erf,
    gaussian,
    gelu,
    hardtanh,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    step,
    tanh,
)
from microgradnd.nn import (
    activations,
    attention,
    convolution,
    normalization,
)
from microgradnd.nn import dropout as drop
from microgradnd.nn import embedding as table
from microgradnd.nn import embedding_bag as bags
from microgradnd.nn import group_normalization as groups
from microgradnd.nn import pooling as pools
from microgradnd.nn import resampling as sampling
from microgradnd.nn.ctc import ctc_loss
from microgradnd.nn.distances import cosine_similarity, normalize, pairwise_distance, pdist
from microgradnd.nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    first_component_loss,
    gaussian_nll_loss,
    half_squared_error,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)
from microgradnd.nn.margin_losses import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from microgradnd.ops import more_pooling as more
from microgradnd.ops import patches, pooling, resampling
from microgradnd.ops.pooling import global_avg_pool2d

functions: Any = _functions  # (its stub tells of its functions alone)

_BIAS = {"bias": optional(ARRAY)}
_AFFINE = {"weight": optional(ARRAY), "bias": optional(ARRAY)}
_FILTERS = {"weight": ARRAY, **_BIAS}
_TO_BINS = pools.FLAGS | {"output_size": pools.BINS}

# fmt: off
conv1d           = checked(**convolution.Conv1d.kinds, **_FILTERS)(convolution.conv1d)
conv2d           = checked(padding=convolution.PADDING, **_FILTERS)(convolution.conv2d)
conv3d           = checked(**convolution.Conv3d.kinds, **_FILTERS)(convolution.conv3d)
conv_transpose1d = checked(**convolution.ConvTranspose1d.kinds, **_FILTERS)(
    convolution.conv_transpose1d
)
conv_transpose2d = checked(padding=sizes(0), **_FILTERS)(convolution.conv_transpose2d)
conv_transpose3d = checked(**convolution.ConvTranspose3d.kinds, **_FILTERS)(
    convolution.conv_transpose3d
)
max_pool1d       = checked(**pools.ALONG, **pools.FLAGS, dilation=sizes(1, 1))(pooling.max_pool1d)
max_pool2d       = checked(**pools.IMAGES, **pools.FLAGS)(pooling.max_pool2d)
max_pool3d       = checked(**pools.VOLUMES, **pools.FLAGS, dilation=sizes(1, 3))(more.max_pool3d)
max_unpool1d     = checked(**pools.ALONG)(more.max_unpool1d)
max_unpool2d     = checked(**pools.IMAGES)(more.max_unpool2d)
max_unpool3d     = checked(**pools.VOLUMES)(more.max_unpool3d)
avg_pool1d       = checked(**pools.ALONG, **pools.FLAGS)(pools.avg_pool1d)
avg_pool2d       = checked(**pools.IMAGES, **pools.FLAGS, **pools.DIVISOR)(pools.avg_pool2d)
avg_pool3d       = checked(**pools.VOLUMES, **pools.FLAGS, **pools.DIVISOR)(pools.avg_pool3d)
lp_pool1d        = checked(**pools.ALONG, **pools.FLAGS, norm_type=POSITIVE)(more.lp_pool1d)
lp_pool2d        = checked(**pools.IMAGES, **pools.FLAGS, norm_type=POSITIVE)(more.lp_pool2d)
lp_pool3d        = checked(**pools.VOLUMES, **pools.FLAGS, norm_type=POSITIVE)(more.lp_pool3d)
adaptive_avg_pool1d = checked(output_size=pools.bins(1))(more.adaptive_avg_pool1d)
adaptive_avg_pool2d = checked(output_size=pools.BINS)(more.adaptive_avg_pool2d)
adaptive_avg_pool3d = checked(output_size=pools.bins(3))(more.adaptive_avg_pool3d)
adaptive_max_pool1d = checked(**_TO_BINS | {"output_size": pools.bins(1)})(
    more.adaptive_max_pool1d
)
adaptive_max_pool2d = checked(**_TO_BINS)(more.adaptive_max_pool2d)
adaptive_max_pool3d = checked(**_TO_BINS | {"output_size": pools.bins(3)})(
    more.adaptive_max_pool3d
)
unfold           = checked(padding=sizes(0))(patches.unfold)
fold             = checked(padding=sizes(0), output_size=sizes(1))(patches.fold)
pixel_shuffle    = checked(upscale_factor=whole(1))(resampling.pixel_shuffle)
pixel_unshuffle  = checked(downscale_factor=whole(1))(resampling.pixel_unshuffle)
channel_shuffle  = checked()(resampling.channel_shuffle)
interpolate      = checked(**sampling.INTERPOLATION)(resampling.interpolate)
grid_sample      = checked(grid=TENSOR, align_corners=optional(FLAG), mode=STRING)(
    resampling.grid_sample
)
affine_grid      = checked(theta=TENSOR, align_corners=optional(FLAG))(resampling.affine_grid)
batch_norm       = checked(
    momentum=PROBABILITY, running_mean=optional(STATISTICS), running_var=optional(STATISTICS),
    **_AFFINE,
)(normalization.batch_norm)
layer_norm       = checked(normalized_shape=normalization.SHAPE, **_AFFINE)(
    normalization.layer_norm
)
local_response_norm = checked(size=whole(1), alpha=NUMBER, beta=NUMBER)(
    normalization.local_response_norm
)
group_norm       = checked(num_groups=whole(1), **_AFFINE)(groups.group_norm)
instance_norm    = checked(
    momentum=PROBABILITY, running_mean=optional(STATISTICS), running_var=optional(STATISTICS),
    use_input_stats=FLAG, **_AFFINE,
)(groups.instance_norm)
rms_norm         = checked(normalized_shape=normalization.SHAPE, eps=groups.EPS,
                           weight=optional(ARRAY))(groups.rms_norm)
scaled_dot_product_attention = checked(
    dropout_p=PROBABILITY, is_causal=FLAG, enable_gqa=FLAG, scale=optional(NUMBER)
)(attention.scaled_dot_product_attention)
bilinear         = functions.functional("bilinear")
dropout          = checked()(drop.dropout)
dropout1d        = checked()(drop.dropout1d)
dropout2d        = checked()(drop.dropout2d)
dropout3d        = checked()(drop.dropout3d)
alpha_dropout    = checked()(drop.alpha_dropout)
embedding        = checked(weight=TENSOR, **table.OPTIONS)(table.embedding)
embedding_bag    = checked(weight=TENSOR, **bags.BAG)(bags.embedding_bag)
affine           = checked()(activations.affine)
leaky_relu       = checked()(activations.leaky_relu)
linear           = functions.functional("linear")
# fmt: on

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "affine",
    "affine_grid",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "embedding",
    "embedding_bag",
    "erf",
    "first_component_loss",
    "fold",
    "gaussian",
    "gaussian_nll_loss",
    "gelu",
    "global_avg_pool2d",
    "grid_sample",
    "group_norm",
    "half_squared_error",
    "hardtanh",
    "hinge_embedding_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_softmax",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "normalize",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "relu",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softplus",
    "step",
    "tanh",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "unfold",
]  # fmt: skip

_INSTEAD = {  # what one may look for here, and what to use
    "linear_cross_entropy": "use cross_entropy(linear(x, weight), target)",
}


def __getattr__(name: str) -> Any:
    """Operations whose row gives them a name here, such as a program's own."""
    if name in functions.functional_names():
        return functions.functional(name)
    plain = name.removesuffix("_")
    known = (
        {f"{plain}_": f"use {plain}; nothing is computed in place"} if plain in __dir__() else {}
    )
    raise missing_name(f"module {__name__!r}", name, __dir__, _INSTEAD | known)


def __dir__() -> list[str]:
    return sorted({*__all__, *functions.functional_names()})
