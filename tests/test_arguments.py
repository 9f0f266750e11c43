"""Bad arguments of layers, losses, optimisers, data, training: named, or rightly taken.

How they are tried stands in `bad_arguments.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
import viz
from microgradnd import data, io, models, nn, optim, training
from microgradnd.declaration import TORCH
from microgradnd.nn import functional as F
from microgradnd.nn import init
from tests import (
    test_arguments_composed,
    test_arguments_engine,
    test_arguments_methods,
    test_arguments_ops,
    test_arguments_transforms,
    test_arguments_viz,
)
from tests.bad_arguments import (
    ARRAYS,
    BAD,
    REAL,
    WHOLE,
    Case,
    leaf,
    name_of,
    singly,
    together,
    trials_of,
)


def x22() -> np.ndarray:
    return np.array([[0.5, 0.25], [0.125, 0.75]])


def image() -> np.ndarray:
    return np.linspace(0, 1, 32).reshape(1, 2, 4, 4)


CONVOLUTION = {
    "in_channels": "size", "out_channels": "size", "kernel_size": "pair", "stride": "pair",
    "padding": "pair0", "dilation": "pair", "groups": "size", "bias": "flag",
    "padding_mode": "none", "strict": "flag", "rng": "rng", "dtype": "dtype",
}  # fmt: skip
ALONG = dict.fromkeys(["kernel_size", "stride", "dilation"], "size") | {"padding": "size0"}
ALONG |= {"output_padding": "size0"}
VOLUME = dict.fromkeys(["kernel_size", "stride", "dilation"], "size|(1, 2, 3)")
VOLUME |= dict.fromkeys(["padding", "output_padding"], "size0|(1, 2, 3)")
WINDOWS = {
    "kernel_size": "pair", "stride": "pair?", "padding": "pair0", "dilation": "pair",
    "norm_type": "positive", "divisor_override": "size?",
    **dict.fromkeys(["ceil_mode", "return_indices", "count_include_pad"], "flag"),
}  # fmt: skip
ROWS = WINDOWS | ALONG | {"stride": "size?"}
VOLUMES = WINDOWS | VOLUME | {"stride": "size?|(1, 2, 3)"}
RECURRENT = {
    "input_size": "size", "hidden_size": "size", "num_layers": "size", "nonlinearity": "none",
    "bias": "flag", "batch_first": "flag", "dropout": "share", "bidirectional": "flag",
    "chapter": "flag", "fused": "flag", "proj_size": "size0", "rng": "rng", "dtype": "dtype",
}  # fmt: skip
NORM = {
    "num_features": "size", "eps": "not negative", "momentum": "share?", "affine": "flag",
    "track_running_stats": "flag", "dtype": "dtype", "normalized_shape": "pair|(1, 2, 3)",
    "elementwise_affine": "flag", "bias": "flag", "num_groups": "size", "num_channels": "size",
}  # fmt: skip
TABLE = {
    "num_embeddings": "size", "embedding_dim": "size", "padding_idx": "whole?",
    "max_norm": "positive?", "norm_type": "positive", "scale_grad_by_freq": "flag",
    "sparse": "none|0|False", "mode": "none", "include_last_offset": "flag", "rng": "rng",
    "dtype": "dtype",
}  # fmt: skip
ATTENTION = {
    "embed_dim": "size", "num_heads": "size", "dropout": "share", "kdim": "size?", "vdim": "size?",
    **dict.fromkeys(["bias", "add_bias_kv", "add_zero_attn", "batch_first", "norm_first"], "flag"),
    "d_model": "size", "nhead": "size", "dim_feedforward": "size", "activation": "function",
    "layer_norm_eps": "not negative", "rng": "rng", "dtype": "dtype",
}  # fmt: skip
HELD = "none|[]|()|{}|iterator|empty array|[[]]|''"


def layer(name: str, kinds: dict[str, str], **valid: Any) -> Case:
    return Case(getattr(nn, name), lambda: dict(valid), kinds)


LAYERS = [
    layer("Linear", {"in_features": "size0", "out_features": "size0", **RECURRENT},
          in_features=2, out_features=3),
    *(layer(name, {"in_features": "size", "out_features": "size", "activation": "function",
                   **RECURRENT}, in_features=2) for name in ("Perceptron", "ThresholdUnit")),
    layer("Conv2d", CONVOLUTION, in_channels=2, out_channels=2, kernel_size=2),
    layer("Conv1d", CONVOLUTION | ALONG, in_channels=2, out_channels=2, kernel_size=2),
    layer("ConvTranspose2d", CONVOLUTION | {"output_padding": "pair0"},
          in_channels=2, out_channels=2, kernel_size=2),
    layer("Conv3d", CONVOLUTION | VOLUME, in_channels=2, out_channels=2, kernel_size=2),
    layer("ConvTranspose1d", CONVOLUTION | ALONG, in_channels=2, out_channels=2, kernel_size=2),
    layer("ConvTranspose3d", CONVOLUTION | VOLUME, in_channels=2, out_channels=2, kernel_size=2),
    *(layer(f"{name}{axes}d", kinds, kernel_size=2)
      for name in ("MaxPool", "AvgPool", "MaxUnpool")
      for axes, kinds in ((1, ROWS), (2, WINDOWS), (3, VOLUMES))),
    *(layer(f"LPPool{axes}d", kinds, norm_type=2.0, kernel_size=2)
      for axes, kinds in ((1, ROWS), (2, WINDOWS), (3, VOLUMES))),
    *(layer(f"Adaptive{name}Pool{axes}d", {"output_size": kind, "return_indices": "flag"},
            output_size=1)
      for name in ("Avg", "Max")
      for axes, kind in ((1, "size?|[None]"), (2, "pair?"), (3, "size?|(1, 2, 3)"))),
    *(layer(name, {"p": "share?", "inplace": "flag", "keep_prob": "share?", "rng": "rng"})
      for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout")),
    layer("Unflatten", {"dim": "whole", "unflattened_size": "none|(1, 2, 3)|(2, 2)|(-1, 1)"},
          dim=1, unflattened_size=(7, 3)),
    *(layer(name, TABLE, num_embeddings=4, embedding_dim=2)
      for name in ("Embedding", "EmbeddingBag")),
    layer("Bilinear", {**dict.fromkeys(["in1_features", "in2_features", "out_features"], "size"),
                       **RECURRENT}, in1_features=2, in2_features=2, out_features=1),
    layer("GroupNorm", NORM, num_groups=1, num_channels=7 * 3),
    *(layer(f"InstanceNorm{axes}d", NORM, num_features=2) for axes in (1, 2, 3)),
    layer("RMSNorm", NORM | {"eps": "not negative?"}, normalized_shape=2),
    layer("MultiheadAttention", ATTENTION, embed_dim=21, num_heads=1),
    *(layer(f"Transformer{kind}Layer", ATTENTION, d_model=21, nhead=1, dim_feedforward=2)
      for kind in ("Encoder", "Decoder")),
    *(layer(f"Transformer{kind}", {f"{kind.lower()}_layer": "none|layer", "num_layers": "size",
                                   "norm": "none?|layer", **dict.fromkeys(
                                       ["enable_nested_tensor", "mask_check"], "flag")},
            **{f"{kind.lower()}_layer": nn.Tanh()}, num_layers=2)
      for kind in ("Encoder", "Decoder")),
    layer("Transformer", ATTENTION | {
        **dict.fromkeys(["num_encoder_layers", "num_decoder_layers"], "size"),
        **dict.fromkeys(["custom_encoder", "custom_decoder"], "none?|layer")},
          d_model=21, nhead=1, dim_feedforward=2, num_encoder_layers=1, num_decoder_layers=1),
    Case(nn.Transformer.generate_square_subsequent_mask, lambda: {"sz": 2}, {
        "sz": "size0", "device": "anything", "dtype": "dtype"}),
    layer("ModuleDict", {"modules": HELD}),
    layer("ParameterDict", {"parameters": f"{HELD}|dict"}),
    layer("ParameterList", {"values": "anything"}),
    *(layer(name, NORM, num_features=2) for name in ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d")),
    layer("LayerNorm", NORM, normalized_shape=2),
    layer("LocalResponseNorm", {"size": "size", "alpha": "real", "beta": "real", "k": "real"},
          size=2),
    *(layer(name, RECURRENT, input_size=2, hidden_size=2)
      for name in ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")),
    layer("Affine", {"k": "real", "c": "real"}),
    layer("Gaussian", {"c": "real", "sigma": "positive"}),
    layer("LeakyReLU", {"negative_slope": "real", "inplace": "flag"}),
    layer("Softplus", {"beta": "positive", "threshold": "real"}),
    layer("ELU", {"alpha": "real", "inplace": "flag"}),
    layer("GELU", {"approximate": "none"}),
    layer("Hardtanh", {"min_val": "real", "max_val": "real", "inplace": "flag"}),
    *(layer(name, {"dim": "whole"}) for name in ("Softmax", "Softmin", "GLU")),
    layer("CELU", {"alpha": "|".join(["none", *REAL - {"0", "0.0"}]), "inplace": "flag"}),
    layer("PairwiseDistance", {"p": "norm", "eps": "not negative", "keepdim": "flag"}),
    layer("CosineSimilarity", {"dim": "whole", "eps": "not negative"}),
    layer("Hardshrink", {"lambd": "real"}),
    layer("Softshrink", {"lambd": "not negative"}),
    layer("Threshold", {"threshold": "real", "value": "real", "inplace": "flag"},
          threshold=0.5, value=0.0),
    layer("RReLU", {"lower": "real", "upper": "real", "inplace": "flag"}),
    layer("PReLU", {"num_parameters": "size", "init": "real", "dtype": "dtype"}),
    layer("LogSoftmax", {"dim": "whole"}),
    layer("Flatten", {"start_dim": "whole", "end_dim": "whole"}),
    layer("ModuleList", {"modules": "none|[]|()|{}|iterator|empty array|[[]]|''"}, modules=[]),
]  # fmt: skip
# Weights are held against the losses' shape when they are used, so a module takes any.
OPTION_KINDS = {
    "reduction": "none", "weight": "anything", "pos_weight": "anything", "eps": "not negative",
    "ignore_index": "whole", "label_smoothing": "share", "delta": "positive",
    "beta": "not negative", "margin": "real", "blank": "size0", "distance_function": "function?",
    **dict.fromkeys(["log_target", "log_input", "full", "swap", "zero_infinity"], "flag"),
    "p": "norm",
}  # fmt: skip
FUNCTION_KINDS = {
    "input": "array", "x": "array", "target": "array", **CONVOLUTION, **OPTION_KINDS,
    "weight": "array", "bias": "array?", "pos_weight": "array?",
    "normalized_shape": "pair|(1, 2, 3)", "running_mean": "array?", "running_var": "array?",
    "training": "flag", "inplace": "flag", "momentum": "share",
    "p": "share", "output_size": "pair?", "size": "size", "alpha": "real", "k": "real",
    "c": "real", "negative_slope": "real", "padding_idx": "whole?", "rng": "rng",
    "output_padding": "pair0", "count_include_pad": "flag", "keepdim": "flag",
    **dict.fromkeys(["input1", "input2", "anchor", "positive", "negative", "x1", "x2", "var"],
                    "array"),
    **dict.fromkeys(["log_probs", "targets", "input_lengths", "target_lengths"], "array"),
}  # fmt: skip


def function(name: str, valid: Callable[[], dict[str, Any]], **kinds: str) -> Case:
    return Case(getattr(F, name), valid, FUNCTION_KINDS | kinds)


def same(value: np.ndarray, **more: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"input": mg.Tensor(value.copy()), "target": value.copy(), **more}


SIGNS = np.array([[1, -1], [1, -1]])


def classes() -> dict[str, Any]:
    return {"input": mg.Tensor(x22()), "target": np.array([0, 1])}


BAGS = TABLE | {"offsets": "none?", "per_sample_weights": "array?", "weight": "array"}
DISTANCE = {"p": "norm", "dim": "whole", "eps": "not negative", "keepdim": "flag",
            "x1": "array", "x2": "array"}  # fmt: skip


def rewritten(name: str) -> nn.Module:
    """A layer whose weight a function of nn.utils takes, or takes back."""
    layer = nn.Linear(2, 2)
    if name.startswith("remove_"):
        getattr(nn.utils, name.removeprefix("remove_"))(layer)
    return layer


FUNCTIONS = [
    *(function(name, same(x22()), beta="not negative", weight="array?") for name in (
        "half_squared_error", "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss",
        "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div")),
    *(function(name, classes, weight="array?") for name in ("cross_entropy", "nll_loss")),
    function("poisson_nll_loss", same(x22())),
    function("gaussian_nll_loss", same(x22(), var=x22())),
    *(function(name, lambda: {"input": leaf(2, 2), "target": SIGNS}, margin="real")
      for name in ("hinge_embedding_loss", "soft_margin_loss")),
    function("margin_ranking_loss", lambda: {"input1": leaf(2, 2), "input2": x22(),
                                             "target": SIGNS}),
    function("cosine_embedding_loss", lambda: {"input1": leaf(2, 2), "input2": x22(),
                                               "target": SIGNS[0]}),
    function("multi_margin_loss", classes, weight="array?", p="none|1"),
    function("multilabel_margin_loss", lambda: {"input": leaf(2, 2), "target": SIGNS}),
    function("multilabel_soft_margin_loss", same(x22()), weight="array?"),
    *(function(name, lambda: {"anchor": leaf(2, 2), "positive": x22(), "negative": x22() * 2},
               margin="positive", p="norm")
      for name in ("triplet_margin_loss", "triplet_margin_with_distance_loss")),
    function("pairwise_distance", lambda: {"x1": leaf(2, 2), "x2": x22()}, p="norm"),
    function("cosine_similarity", lambda: {"x1": leaf(2, 2), "x2": x22()}, dim="whole"),
    function("ctc_loss", lambda: {
        "log_probs": leaf(3, 2, 4), "targets": np.array([[1, 2], [3, 3]]),
        "input_lengths": np.array([3, 3]), "target_lengths": np.array([2, 1])}),
    function("first_component_loss", lambda: {"input": x22(), "target": x22()[:, 0]}),
    function("conv2d", lambda: {"input": image(), "weight": np.ones((2, 2, 2, 2))}),
    function("conv1d", lambda: {"input": image().reshape(1, 2, 16), "weight": np.ones((2, 2, 2))},
             **ALONG),
    function("conv_transpose2d", lambda: {"input": image(), "weight": np.ones((2, 2, 2, 2))}),
    function("conv3d", lambda: {"input": image()[None], "weight": np.ones((2, 1, 1, 2, 2))},
             **VOLUME),
    function("conv_transpose1d", lambda: {
        "input": image().reshape(1, 2, 16), "weight": np.ones((2, 2, 2))}, **ALONG),
    function("conv_transpose3d", lambda: {
        "input": image()[None], "weight": np.ones((1, 2, 1, 2, 2))}, **VOLUME),
    *(function(name, lambda: {"x": image(), "kernel_size": 2}, **WINDOWS)
      for name in ("max_pool2d", "avg_pool2d")),
    function("avg_pool3d", lambda: {"x": image(), "kernel_size": 2}, **VOLUMES),
    *(function(name, lambda: {"x": image()[0], "kernel_size": 2}, **ROWS)
      for name in ("max_pool1d", "avg_pool1d")),
    function("adaptive_avg_pool2d", lambda: {"x": image(), "output_size": 2}),
    function("batch_norm", lambda: {
        "input": x22(), "running_mean": np.zeros(2), "running_var": np.ones(2),
        "weight": np.ones(2), "bias": np.ones(2), "training": True}, weight="array?"),
    function("layer_norm", lambda: {"input": x22(), "normalized_shape": 2, "weight": np.ones(2),
                                    "bias": np.ones(2)}, weight="array?"),
    function("local_response_norm", lambda: {"input": image(), "size": 2}, beta="real"),
    function("dropout", lambda: {"x": x22()}),
    function("dropout2d", lambda: {"x": image()}),
    function("affine", lambda: {"x": x22()}),
    function("leaky_relu", lambda: {"x": x22()}),
    function("embedding", lambda: {"input": [0, 1], "weight": x22()}, **BAGS),
    function("embedding_bag", lambda: {"input": [[0, 1]], "weight": x22()}, **BAGS),
    function("group_norm", lambda: {"input": x22(), "num_groups": 1, "weight": np.ones(2),
                                    "bias": np.ones(2)}, num_groups="size", weight="array?"),
    function("instance_norm", lambda: {
        "input": image(), "running_mean": np.zeros(2), "running_var": np.ones(2),
        "weight": np.ones(2), "bias": np.ones(2)}, weight="array?", use_input_stats="flag"),
    function("rms_norm", lambda: {"input": x22(), "normalized_shape": 2, "weight": np.ones(2)},
             weight="array?", eps="not negative?"),
    function("scaled_dot_product_attention", lambda: {
        "query": x22(), "key": x22(), "value": x22()}, query="array", key="array", value="array",
        attn_mask="array?", dropout_p="share", is_causal="flag", scale="real?", enable_gqa="flag"),
    function("normalize", lambda: {"input": x22()}, **DISTANCE),
    function("pdist", lambda: {"input": x22()}, **DISTANCE),
    *(Case(getattr(nn.utils, name), lambda name=name: {"module": rewritten(name)},
           {"module": "none" if "remove" in name else "none|layer", "name": "none",
            "dim": "none?|0|1|-1",
            "n_power_iterations": "size", "eps": "not negative", "rng": "rng"})
      for name in ("weight_norm", "spectral_norm", "remove_weight_norm", "remove_spectral_norm")),
    Case(nn.utils.rnn.pad_sequence, lambda: {"sequences": [[1.0], [2.0, 3.0]]}, {
        "sequences": "anything", "batch_first": "flag", "padding_value": "real",
        "padding_side": "none"}),
    Case(nn.utils.rnn.unpad_sequence, lambda: {"padded_sequences": x22(), "lengths": [1, 2]}, {
        "padded_sequences": "array", "lengths": "array", "batch_first": "flag"}),
    Case(nn.utils.rnn.pack_padded_sequence, lambda: {"input": x22(), "lengths": [2, 1]}, {
        "input": "array", "lengths": "array", "batch_first": "flag", "enforce_sorted": "flag"}),
    Case(nn.utils.rnn.pack_sequence, lambda: {"sequences": [[1.0, 2.0], [3.0]]}, {
        "sequences": "anything", "enforce_sorted": "flag"}),
    Case(nn.utils.rnn.pad_packed_sequence, lambda: {
        "sequence": nn.utils.rnn.pack_sequence([[1.0, 2.0], [3.0]])}, {
        "sequence": "none", "batch_first": "flag", "padding_value": "real",
        "total_length": "size?"}),
    Case(nn.utils.rnn.unpack_sequence, lambda: {
        "packed_sequences": nn.utils.rnn.pack_sequence([[1.0, 2.0], [3.0]])}, {
        "packed_sequences": "none"}),
]  # fmt: skip
POSITIVE_MARGIN = {"margin": "positive"}
OWN_KINDS = {
    "MultiMarginLoss": {"p": "none|1"},
    **dict.fromkeys(["TripletMarginLoss", "TripletMarginWithDistanceLoss"], POSITIVE_MARGIN),
}
LOSSES = [
    Case(getattr(nn, name), dict, OPTION_KINDS | OWN_KINDS.get(name, {}))
    for name in nn.__all__
    if name.endswith(("Loss", "Error"))
]
INIT_KINDS = {
    "tensor": "none|Tensor|Tensor 0-d|leaf", "val": "real", "a": "real", "b": "real",
    "mean": "real", "std": "not negative", "gain": "real", "mode": "none", "nonlinearity": "none",
    "param": "real?", "rng": "rng",
}  # fmt: skip
INITS = [
    Case(getattr(init, name), lambda: {"tensor": leaf(2, 2)}, INIT_KINDS)
    for name in ("zeros_", "ones_", "uniform_", "normal_", "xavier_uniform_", "xavier_normal_",
                 "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "trunc_normal_")
] + [
    Case(init.constant_, lambda: {"tensor": leaf(2), "val": 1.0}, INIT_KINDS),
    Case(init.calculate_gain, lambda: {"nonlinearity": "relu"}, INIT_KINDS),
]  # fmt: skip
OPTIM_KINDS = {
    "params": "none|leaf", "parameters": "none|leaf|Tensor|Tensor 0-d|integer Tensor|computed",
    **dict.fromkeys(["lr", "weight_decay", "momentum", "eps", "alpha", "lr_decay",
                     "initial_accumulator_value", "max_norm", "clip_value", "strength", "gamma",
                     "eta_min", "start_factor", "end_factor", "max_lr", "threshold", "min_lr"],
                    "not negative"),
    **dict.fromkeys(["momentum_decay", "lambd", "t0", "tolerance_grad", "tolerance_change",
                     "power"], "not negative"),
    "dampening": "real", "betas": "none", "norm_type": "norm", "rho": "share", "etas": "none",
    "step_sizes": "none|(2, 2)",
    **dict.fromkeys(["nesterov", "centered", "amsgrad", "error_if_nonfinite", "maximize",
                     "decoupled_weight_decay", "cycle_momentum", "three_phase"], "flag"),
    **dict.fromkeys(["max_iter", "history_size", "T_0", "T_mult", "step_size_up"], "size"),
    **dict.fromkeys(["max_eval", "step_size_down", "epochs", "steps_per_epoch"], "size?"),
    **dict.fromkeys(["base_momentum", "max_momentum"], "share"),
    "line_search_fn": "none?", "scale_fn": "function?", "scale_mode": "none",
    "anneal_strategy": "none", "last_epoch": "none|-1", "base_lr": "not negative",
    "optimizer": "none|optimizer",
    **dict.fromkeys(["step_size", "T_max", "total_iters", "total_steps"], "size"),
    "pct_start": "share", "div_factor": "positive", "final_div_factor": "positive",
    "factor": "none|0.5|1e-320", "patience": "size0", "cooldown": "size0", "mode": "none",
    "threshold_mode": "none", "lr_lambda": "function", "schedulers": "none",
    "milestones": "none|[]|()",
    **dict.fromkeys(["x", "y", "d", "o", "slope"], "array"),
}  # fmt: skip


def graded() -> mg.Tensor:
    w = leaf(2)
    (w * w).sum().backward()
    return w


def schedule(name: str, kinds: dict[str, str] | None = None, **valid: Any) -> Case:
    def arguments() -> dict[str, Any]:
        return {"optimizer": optim.SGD([leaf(2)]), **valid}

    return Case(getattr(optim, name), arguments, OPTIM_KINDS | (kinds or {}))


def sequence() -> dict[str, Any]:
    sgd = optim.SGD([leaf(2)])
    return {"optimizer": sgd, "schedulers": [optim.StepLR(sgd, 1)], "milestones": []}


OPTIM = [
    *(Case(getattr(optim, name), lambda: {"params": [leaf(2)]}, OPTIM_KINDS)
      for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam",
                   "RAdam", "Rprop", "ASGD", "LBFGS")),
    Case(optim.clip_grad_norm_, lambda: {"parameters": [graded()], "max_norm": 1.0}, OPTIM_KINDS),
    Case(optim.clip_grad_value_, lambda: {"parameters": [graded()], "clip_value": 1.0},
         OPTIM_KINDS),
    *(Case(getattr(optim, name), lambda: {"parameters": [leaf(2)], "strength": 0.5}, OPTIM_KINDS)
      for name in ("l1_penalty", "l2_penalty")),
    Case(optim.hebb, lambda: {"x": [1.0, 2.0], "y": [1.0]}, OPTIM_KINDS | {"lr": "real"}),
    *(Case(rule, lambda: {"x": [1.0, 2.0], "d": [1.0], "o": [0.0]},
           OPTIM_KINDS | {"lr": "real", "slope": "array|function|len|class|layer"})
      for rule in (optim.delta, optim.perceptron)),
    schedule("StepLR", step_size=2),
    schedule("ExponentialLR", gamma=0.5),
    schedule("CosineAnnealingLR", T_max=3),
    schedule("LinearLR"),
    schedule("ConstantLR", {"factor": "share"}),
    schedule("PolynomialLR"),
    schedule("MultiStepLR", {"milestones": "none|[]|()|(1, 2, 3)|(2, 2)"}, milestones=[1, 2]),
    schedule("CosineAnnealingWarmRestarts", T_0=3),
    schedule("CyclicLR", base_lr=0.1, max_lr=1.0),
    schedule("MultiplicativeLR", lr_lambda=lambda t: 0.5),
    schedule("LambdaLR", lr_lambda=lambda t: 0.5),
    schedule("OneCycleLR", max_lr=1.0, total_steps=4),
    schedule("ReduceLROnPlateau"),
    Case(optim.SequentialLR, sequence, OPTIM_KINDS | {"last_epoch": "size0|-1"}),
    Case(optim.ChainedScheduler, lambda: {k: v for k, v in sequence().items() if k != "milestones"},
         OPTIM_KINDS | {"optimizer": "none|None"}),
]  # fmt: skip
TOKENS = "none|''|'abc'|'3'|[]|()|{}|set|dict|['a']|iterator|array of strings|empty array"
DATA_KINDS = {
    **dict.fromkeys(["length", "horizon", "step", "lag", "order", "models", "classes", "n"],
                    "size"),
    **dict.fromkeys(["x", "series", "changes", "start", "inputs", "training", "images", "labels",
                     "tokens", "lengths", "mean", "scale", "coefficients"], "array"),
    "low": "real", "high": "real", "axis": "whole?|()|(2, 2)|(-1, 1)", "dtype": "dtype",
    "mode": "none", "size": "pair", "context": "size0", "fractions": "none", "fraction": "share",
    "k": "size", "rng": "rng", "train": "none", "text": TOKENS, "unknown": "string?",
    "padding": "string?", "min_count": "size0", "max_size": "size0?", "padding_idx": "whole",
    "intercept": "real", "dataset": "none", "batch_size": "size?", "shuffle": "flag",
    "drop_last": "flag", "transform": "function?", "path": "none", "folder": "none",
    "predictors": "anything", "out_of_bag": "anything",
}  # fmt: skip


def of_data(call: Callable[..., Any], valid: Callable[[], dict[str, Any]], **kinds: str) -> Case:
    return Case(call, valid, DATA_KINDS | kinds)


DATA = [
    of_data(data.DataLoader, lambda: {
        "dataset": data.ArrayDataset(np.arange(4)), "batch_size": 2}),
    of_data(data.Standardiser, lambda: {"mean": 0.0, "scale": 1.0}),
    of_data(data.Standardiser.fit, lambda: {"training": x22()}),
    of_data(data.to_unit_range, lambda: {"x": x22()}),
    of_data(data.one_hot, lambda: {"labels": [0, 1], "classes": 2}),
    of_data(data.upsample, lambda: {"images": x22(), "size": 4}),
    of_data(data.windows, lambda: {"series": np.arange(9.0), "length": 2}),
    of_data(data.chronological_split, lambda: {"series": np.arange(9.0)}),
    of_data(data.difference, lambda: {"series": np.arange(9.0)}),
    of_data(data.undifference, lambda: {"changes": np.arange(4.0), "start": [1.0]}),
    of_data(data.persistence_forecast, lambda: {"inputs": x22()}),
    of_data(data.Autoregression, lambda: {"coefficients": [0.5], "intercept": 1.0}),
    of_data(data.Autoregression(np.array([0.5]), 1.0).predict, lambda: {"inputs": x22()}),
    of_data(data.fit_autoregression, lambda: {"series": np.arange(20.0), "order": 2}),
    # labels may be of any kind that can be sorted
    of_data(data.hold_out, lambda: {"n": 9}, labels="array?|['a']|array of strings"),
    of_data(data.k_fold, lambda: {"n": 9, "k": 3}, labels="array?|['a']|array of strings"),
    of_data(data.bootstrap, lambda: {"n": 9}),
    of_data(data.bagging, lambda: {"train": lambda i, rng: np.sum, "n": 3, "models": 2},
            train="function"),
    of_data(data.characters, lambda: {"text": "ab"}, text="string"),
    of_data(data.words, lambda: {"text": "ab"}, text="string"),
    of_data(data.Vocabulary, lambda: {"tokens": ["a", "b"]}, tokens=TOKENS),
    of_data(data.Vocabulary.build, lambda: {"text": "aab"}),
    of_data(data.Vocabulary(["a", "b"]).encode, lambda: {"tokens": ["a"]}, tokens=TOKENS),
    of_data(data.Vocabulary(["a", "b"]).decode, lambda: {"numbers": [0]}, numbers="array"),
    of_data(data.sequences, lambda: {"tokens": np.arange(9), "length": 2}, step="size?"),
    of_data(data.pad_sequences, lambda: {"rows": [[1, 2], [3]]},
            rows=f"none|{'|'.join(ARRAYS)}|ragged|set|generator|iterator|dict|{{}}"),
    of_data(data.padding_mask, lambda: {"lengths": [2, 1]}, length="size?"),
    of_data(data.read_idx, lambda: {"path": "no such file"}),
    of_data(data.mnist, lambda: {"folder": "no such folder"}, train="flag"),
]  # fmt: skip


def fitting() -> dict[str, Any]:
    net = nn.Linear(2, 1)
    return {
        "model": net, "loss": F.mse_loss, "optimizer": optim.SGD(net.parameters()),
        "batches": [(x22(), x22()[:, :1])], "epochs": 1, "progress": False,
    }  # fmt: skip


TRAINING = [
    Case(training.fit, fitting, {
        "model": "none", "loss": "function", "optimizer": "none", "batches": "none",
        "epochs": "size0",
        "validation": "none?", "metrics": "none?|{}", "schedule": "none?|optimizer",
        "callbacks": "none|[]|()", "clip": "positive?", "progress": "flag", "checkpoint": "none?",
        "resume": "flag", "rng": "rng", "history": "none?"}),
    Case(training.EarlyStopping, dict, {
        "patience": "size", "monitor": "string", "min_delta": "not negative",
        "restore_best": "flag", "mode": "none"}),
    Case(training.History, dict, {"records": "none|[]|()|{}|iterator|empty array"}),
    Case(training.accuracy, lambda: {"prediction": x22(), "target": np.array([0, 1])}, {
        "prediction": "array", "target": "array"}),
    Case(io.save, lambda: {"path": "no such folder/x.npz", "state": {}}, {
        "path": "none", "state": "none"}),
    Case(io.load, lambda: {"path": "no such file.npz"}, {"path": "none", "max_bytes": "none"}),
    Case(models.resnet, lambda: {"depth": 18, "classes": 2, "width": 1}, {
        "depth": "none", "classes": "size", "width": "size"}),
    Case(models.VGG, lambda: {"stages": (1, "pool"), "hidden": 2}, {
        "stages": "none|(1, 2, 3)|(2, 2)", "classes": "size", "hidden": "size", "dropout": "share",
        "rng": "rng", "dtype": "dtype"}),
    Case(models.vgg, lambda: {"depth": 11, "classes": 2, "hidden": 2}, {
        "depth": "none", "classes": "none|1|7|int64 3", "hidden": "size"}),
    Case(models.LeNet, dict, {"classes": "size", "rng": "rng", "dtype": "dtype"}),
    Case(mg.manual_seed, lambda: {"seed": 0}, {"seed": "size0|9223372036854775808|1" + "0" * 400}),
]  # fmt: skip
CASES = [*LAYERS, *FUNCTIONS, *LOSSES, *INITS, *OPTIM, *DATA, *TRAINING]


(
    test_bad_arguments_are_named_or_rightly_taken,
    test_several_bad_arguments_are_named_or_rightly_taken,
    test_exchanged_arguments_are_named_or_rightly_taken,
) = trials_of(CASES)


MODULES = (mg, F, nn, init, nn.utils, optim, optim.lr_scheduler, data, io, training, models, viz)
# Whose methods are for everyone, but for those of `Op` and what a layer's `forward` is for.
TABLES = (
    CASES, test_arguments_composed.CASES, test_arguments_engine.CASES,
    test_arguments_methods.CASES, test_arguments_ops.CASES, test_arguments_transforms.CASES,
    test_arguments_viz.CASES,
)  # fmt: skip
ELSEWHERE = {
    # errors, types and what is made by what is tried
    "AnomalyError", "DetachWarning", "GradientMismatch", "GraphError", "FileFormatError", "Op",
    "Value", "Values", "OPS", "Summary", "Run", "Trace", "Path", "Health", "Mark", "Comparison",
    "Explanation", "Formula", "Neurons", "Paths", "Picture", "Program", "Film",
    "Optimizer", "Schedule", "Dataset", "Module", "BasicBlock", "Bottleneck", "ResNet",
    # is not offered, whatever it is given: tests/test_composed.py
    "as_strided",
    # no arguments: switches to be decorated with, layers without options
    "no_grad", "enable_grad", "is_grad_enabled", "get_default_dtype", "detect_anomaly", "Identity",
    "source_lines",
    "Step", "Sigmoid", "Tanh", "ReLU", "SiLU", "ReLU6", "SELU", "Mish", "Softsign", "Hardsigmoid",
    "Hardswish", "Tanhshrink", "LogSigmoid", "Softmax2d",
    # hold whatever they are given, checked when it is used: tests/test_data.py, test_module.py
    "ArrayDataset", "Ensemble", "Sequential",
}  # fmt: skip
METHODS_ELSEWHERE = {
    "as_strided",  # is not offered
    "to_device",  # takes "cpu" alone: tests/test_ownership.py
    # of which others the arguments of `reshape`, `broadcast_to` and `astype` are made
    "reshape_as", "view_as", "expand_as", "type_as",
    # what subclasses define and the library calls; for the library's own inner use
    "forward", "update", "decay", "lr", "option_problems", "converted", "read", "takes", "residual",
    "step", "sequence", "function", "adopted", "own", "named", "call_with_hooks", "hooks",
    "check_input", "weights", "of", "joined", "finish", "check", "mask", "start", "run",
    "kept_from", "multiply_adds", "call", "passed_to", "operand", "plan", "to_networkx",
    "rates", "momenta", "set", "change", "each", "current", "with_extras",
    # raise AttributeError and KeyError for what they do not find: tests/test_containers.py
    "get_submodule", "get_parameter", "get_buffer", "pop",
}  # fmt: skip


def calls_tried() -> tuple[set[Any], set[str]]:
    """The functions of all tables, and the names of their cases."""
    cases = [case for table in TABLES for case in table]
    return {case.call for case in cases}, {
        word for case in cases for word in (name_of(case), name_of(case).rpartition(".")[2])
    }


def test_every_public_callable_is_tried() -> None:
    """What no table has is named in `ELSEWHERE` with why; an alias is what it stands for."""
    calls, names = calls_tried()
    missing = set()
    for module in MODULES:
        for name in getattr(module, "__all__", None) or [n for n in dir(module) if n[0] != "_"]:
            thing = getattr(module, name)
            own = getattr(thing, "__name__", name).removeprefix("microgradnd.")
            if callable(thing) and not names & {name, own} and thing not in calls:
                missing.add(name)
    assert missing - ELSEWHERE == set()
    assert ELSEWHERE - {name for module in MODULES for name in dir(module)} == set()


def test_every_public_method_is_tried() -> None:
    _, names = calls_tried()
    missing = set()
    for module in MODULES:
        for thing in [getattr(module, name) for name in getattr(module, "__all__", dir(module))]:
            if not isinstance(thing, type) or issubclass(thing, (Exception, mg.Op)):
                continue
            if thing.__module__.partition(".")[0] not in ("microgradnd", "viz"):
                continue
            for name, method in inspect.getmembers(thing):
                function = getattr(method, "__func__", method)
                if name.startswith("_") or not inspect.isfunction(function):
                    continue
                takes = len(inspect.signature(function).parameters) > (function is method)
                named = {name, TORCH.get(name, name)}
                if takes and not named & (names | METHODS_ELSEWHERE):
                    missing.add(f"{thing.__name__}.{name}")
    assert missing == set()


def test_a_case_that_accepts_or_refuses_wrongly_is_found() -> None:
    """The trial itself: what swallows everything, and what says nothing, fail it."""

    def swallow(size: Any) -> None: ...

    def mumble(size: Any, b: Any = 1) -> None:
        raise TypeError("no")

    def wreck(size: Any, w: mg.Tensor) -> None:
        w.name = "w"
        raise ValueError("wreck: size must be none")

    valid = lambda: {"size": 1}
    assert len(singly(Case(swallow, valid, {"size": "size"}), "size")) == len(BAD) - len(WHOLE)
    assert len(singly(Case(mumble, valid, {"size": "anything"}), "size")) > 70
    found = singly(Case(wreck, lambda: {"size": 1, "w": leaf(2)}, {"size": "none"}), "size")
    assert len(found) == len(BAD)
    assert all("changed" in words for words in found)
    one, other = (together(Case(mumble, lambda: {"size": 1, "b": 1}, dict.fromkeys(["size", "b"],
                  "none")), n) for n in (2, 5))  # fmt: skip
    assert len(one) == 2 < len(other)


W = [leaf(2)]
WORST: list[tuple[Callable[[], Any], str]] = [
    (lambda: optim.clip_grad_norm_([graded()], -1), "clip_grad_norm_: max_norm"),
    (lambda: optim.clip_grad_value_([graded()], -1), "clip_grad_value_: clip_value"),
    (lambda: nn.Conv2d(1, 1, 2.9), "Conv2d: kernel_size must be a whole number"),
    (lambda: F.max_pool2d(image(), 1.5), "max_pool2d: kernel_size must be a whole number"),
    (lambda: F.max_pool2d(image(), 2, padding=-0.5), "max_pool2d: padding must be a whole number"),
    (lambda: training.fit(**fitting(), history="abc"), "fit: history must be a History"),
    (lambda: training.fit(**fitting() | {"epochs": float("nan")}), "fit: epochs must be a whole"),
    (lambda: training.fit(**fitting() | {"epochs": -1}), "fit: epochs must be .* not -1"),
    (lambda: training.fit(**fitting() | {"optimizer": optim.SGD(W)}), "fit: optimizer holds none"),
    (lambda: optim.StepLR(optim.SGD(W), step_size=float("nan")), "StepLR: step_size"),
    (lambda: optim.LinearLR(optim.SGD(W), float("nan")), "LinearLR: start_factor"),
    (lambda: nn.BatchNorm1d(2, eps=-1), "BatchNorm1d: eps"),
    (lambda: nn.BatchNorm1d(2, momentum=7), "BatchNorm1d: momentum"),
    (lambda: data.Standardiser("x", "y"), "Standardiser: mean must be an array"),
    (lambda: nn.Conv2d(1, 1, 1, groups=0), "Conv2d: groups must be a whole number of at least 1"),
    (lambda: nn.Linear(1, 1, rng=5), "Linear: rng must be a generator, .* not 5"),
    (lambda: optim.StepLR("opt", 1), "StepLR: optimizer must be an Optimizer"),
    (lambda: optim.SGD(W, lr=None), "SGD: lr must be a finite number .* not None"),
    (lambda: data.DataLoader((x22(), x22()), 1), r"ArrayDataset\(x, y\)"),
    (lambda: io.save({"a": x22()}, "run.npz"), "save: path must be the path"),
]


@pytest.mark.parametrize(("call", "words"), WORST, ids=lambda x: x if isinstance(x, str) else "")
def test_what_used_to_pass_or_to_fail_obscurely(call: Callable[[], Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_a_refused_bound_leaves_the_gradients_as_they_were() -> None:
    w = graded()
    before = w.grad.numpy().copy()  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="max_norm"):
        optim.clip_grad_norm_([w], -1)
    assert np.array_equal(w.grad.numpy(), before)  # type: ignore[union-attr]
