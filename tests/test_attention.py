"""Attention and the Transformer against PyTorch: values, gradients, states, masks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn
from microgradnd.nn import functional as F
from tests.torch_layers import compared, layers_agree, leaves, loaded, torch_options


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


RANDOM = np.random.default_rng(0)
CAUSAL = np.tri(3, 4, dtype=bool)
BLIND = np.array([[True, False, True, True], [False] * 4, [True] * 4])
NUMBERS = RANDOM.normal(size=(3, 4))


@pytest.mark.parametrize(
    "options",
    [
        {}, {"scale": 0.3}, {"is_causal": True}, {"attn_mask": CAUSAL}, {"attn_mask": BLIND},
        {"attn_mask": NUMBERS}, {"attn_mask": np.where(BLIND, NUMBERS, -np.inf)},
        {"attn_mask": NUMBERS[None, None]},
    ],
)  # fmt: skip
def test_scaled_dot_product_attention_is_torchs(torch: Any, options: dict[str, Any]) -> None:
    def theirs(*tensors: Any) -> Any:
        given = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            return torch.nn.functional.scaled_dot_product_attention(*tensors, **given)

    tensors = leaves((2, 2, 3, 5), (2, 2, 4, 5), (2, 2, 4, 6))
    ours = lambda *xs: F.scaled_dot_product_attention(*xs, **options)
    compared(torch, ours, theirs, tensors)
    assert mg.gradcheck(ours, tensors)


def test_grouped_heads_are_torchs(torch: Any) -> None:
    call = torch.nn.functional.scaled_dot_product_attention
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        compared(
            torch,
            lambda *xs: F.scaled_dot_product_attention(*xs, enable_gqa=True),
            lambda *xs: call(*xs, enable_gqa=True),
            leaves((2, 4, 3, 5), (2, 2, 4, 5), (2, 2, 4, 5)),
        )


def test_a_mask_that_is_learned_gets_its_gradient() -> None:
    tensors = leaves((3, 2), (4, 2), (4, 2), (3, 4))
    assert mg.gradcheck(F.scaled_dot_product_attention, tensors)
    assert mg.gradgradcheck(F.scaled_dot_product_attention, tensors)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_dtype_is_kept(dtype: Any) -> None:
    tensors = [mg.Tensor(t.data.astype(dtype), requires_grad=True) for t in leaves((3, 2), (4, 2))]
    for mask in (None, CAUSAL, BLIND, NUMBERS):
        out = F.scaled_dot_product_attention(*tensors, tensors[1], attn_mask=mask)
        out.sum().backward()
        assert {out.dtype, *(t.grad.dtype for t in tensors)} == {np.dtype(dtype)}


def test_dropped_weights_are_drawn_from_the_generator() -> None:
    q, k, v = leaves((3, 2), (4, 2), (4, 4))
    a, b = (
        F.scaled_dot_product_attention(q, k, v, dropout_p=0.5, rng=np.random.default_rng(1))
        for _ in range(2)
    )
    np.testing.assert_array_equal(a.data, b.data)
    assert not np.allclose(a.data, F.scaled_dot_product_attention(q, k, v).data)


PADDING = np.array([[False, True, False, False], [False, False, True, True]])
HIDDEN = ~np.tri(3, 4, 1, dtype=bool)
CALLS: list[dict[str, Any]] = [
    {}, {"need_weights": False}, {"average_attn_weights": False}, {"key_padding_mask": PADDING},
    {"attn_mask": HIDDEN}, {"attn_mask": HIDDEN, "key_padding_mask": PADDING},
    {"attn_mask": NUMBERS}, {"attn_mask": RANDOM.normal(size=(4, 3, 4))},
    {"attn_mask": NUMBERS, "key_padding_mask": np.where(PADDING, -np.inf, 0.0)},
]  # fmt: skip


@pytest.mark.parametrize("options", CALLS)
@pytest.mark.parametrize(
    "made",
    [
        {}, {"batch_first": True, "bias": False}, {"kdim": 5, "vdim": 3},
        {"add_bias_kv": True, "add_zero_attn": True},
    ],
)  # fmt: skip
def test_multihead_attention_is_torchs(
    torch: Any, made: dict[str, Any], options: dict[str, Any]
) -> None:
    ours = nn.MultiheadAttention(6, 2, **made)
    theirs = torch.nn.MultiheadAttention(6, 2, **made, dtype=torch.float64)
    loaded(ours, theirs, torch)
    shapes = [(3, 2, 6), (4, 2, made.get("kdim", 6)), (4, 2, made.get("vdim", 6))]
    if made.get("batch_first"):
        shapes = [(b, a, e) for a, b, e in shapes]
    layers_agree(
        torch, ours, theirs, leaves(*shapes),
        lambda layer, *xs: layer(*xs, **options),
        lambda layer, *xs: layer(*xs, **torch_options(torch, options)),
    )  # fmt: skip


def test_attention_of_one_sequence_to_itself_is_torchs(torch: Any) -> None:
    ours = nn.MultiheadAttention(4, 2)
    theirs = torch.nn.MultiheadAttention(4, 2, dtype=torch.float64)
    loaded(ours, theirs, torch)
    padding = np.array([False, False, True])
    call = lambda mask: lambda layer, x: layer(x, x, x, key_padding_mask=mask)
    layers_agree(
        torch, ours, theirs, leaves((3, 4)), call(padding), call(torch.tensor(padding))
    )  # fmt: skip


def test_is_causal_alone_is_a_mask() -> None:
    layer = nn.MultiheadAttention(4, 2)
    x = leaves((3, 1, 4))[0]
    a = layer(x, x, x, attn_mask=~np.tri(3, dtype=bool))[0]
    b, weights = layer(x, x, x, is_causal=True)
    np.testing.assert_array_equal(a.data, b.data)
    assert np.array_equal(weights.data[0] > 0, np.tri(3, dtype=bool))


def test_attention_starts_as_torchs(torch: Any) -> None:
    torch.manual_seed(0)
    ours = nn.MultiheadAttention(64, 4, add_bias_kv=True, rng=np.random.default_rng(0))
    theirs = torch.nn.MultiheadAttention(64, 4, add_bias_kv=True)
    for name, p in theirs.named_parameters():
        own = ours.get_parameter(name).data
        assert own.shape == tuple(p.shape)
        spread = p.detach().numpy().std()
        assert abs(own.std() - spread) <= 4 * spread / own.size**0.5, name
    assert not ours.out_proj.bias.data.any()


@pytest.mark.parametrize("activation", ["relu", "gelu", "function"])
@pytest.mark.parametrize("options", [{}, {"norm_first": True, "batch_first": True, "bias": False}])
def test_the_encoder_is_torchs(torch: Any, activation: str, options: dict[str, Any]) -> None:
    f = (mg.tanh, torch.tanh) if activation == "function" else (activation, activation)
    layer = nn.TransformerEncoderLayer(6, 2, 5, 0.0, f[0], **options)
    ours = nn.TransformerEncoder(layer, 2, nn.LayerNorm(6))
    layer = torch.nn.TransformerEncoderLayer(6, 2, 5, 0.0, f[1], **options, dtype=torch.float64)
    norm = torch.nn.LayerNorm(6, dtype=torch.float64)
    theirs = torch.nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=False)
    loaded(ours, theirs, torch)
    n, length = 2, 4
    shape = (n, length, 6) if options.get("batch_first") else (length, n, 6)
    masks = {"mask": ~np.tri(length, dtype=bool), "src_key_padding_mask": PADDING}
    for given in ({}, masks):
        ours.zero_grad()
        theirs.zero_grad()
        layers_agree(
            torch, ours, theirs, leaves(shape),
            lambda layer, x, given=given: layer(x, **given),
            lambda layer, x, given=given: layer(x, **torch_options(torch, given)),
        )  # fmt: skip


MEMORY_PADDING = np.array([[False, False, True, True, True], [False] * 5])
DECODING = [
    {},
    {"tgt_mask": ~np.tri(4, dtype=bool), "tgt_is_causal": True},
    {"tgt_mask": np.where(np.tri(4), 0.0, -np.inf), "tgt_key_padding_mask": PADDING,
     "memory_mask": RANDOM.normal(size=(4, 5)), "memory_key_padding_mask": MEMORY_PADDING},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning:torch")  # of the paths that it takes
@pytest.mark.parametrize("given", DECODING)
@pytest.mark.parametrize("options", [{}, {"norm_first": True, "batch_first": True, "bias": False}])
def test_the_decoder_is_torchs(torch: Any, options: dict, given: dict[str, Any]) -> None:
    layer = nn.TransformerDecoderLayer(6, 2, 5, 0.0, "gelu", **options)
    ours = nn.TransformerDecoder(layer, 2, nn.LayerNorm(6))
    double = {"dtype": torch.float64}
    layer = torch.nn.TransformerDecoderLayer(6, 2, 5, 0.0, "gelu", **options, **double)
    theirs = torch.nn.TransformerDecoder(layer, 2, torch.nn.LayerNorm(6, **double))
    loaded(ours, theirs, torch)
    shapes = ((2, 4, 6), (2, 5, 6)) if options.get("batch_first") else ((4, 2, 6), (5, 2, 6))
    layers_agree(
        torch, ours, theirs, leaves(*shapes), lambda layer, *xs: layer(*xs, **given),
        lambda layer, *xs: layer(*xs, **torch_options(torch, given)),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning:torch")  # of the paths that it takes
@pytest.mark.parametrize("given", DECODING)
@pytest.mark.parametrize("options", [{}, {"norm_first": True, "batch_first": True, "bias": False}])
def test_the_transformer_is_torchs(torch: Any, options: dict, given: dict[str, Any]) -> None:
    sizes = (6, 2, 2, 1, 5, 0.0)
    ours = nn.Transformer(*sizes, **options)
    theirs = torch.nn.Transformer(*sizes, **options, dtype=torch.float64)
    loaded(ours, theirs, torch)
    given = {**given, "src_mask": ~np.tri(5, dtype=bool), "src_key_padding_mask": MEMORY_PADDING}
    shapes = ((2, 5, 6), (2, 4, 6)) if options.get("batch_first") else ((5, 2, 6), (4, 2, 6))
    layers_agree(
        torch, ours, theirs, leaves(*shapes), lambda layer, *xs: layer(*xs, **given),
        lambda layer, *xs: layer(*xs, **torch_options(torch, given)),
    )  # fmt: skip
    ours.load_state_dict(nn.Transformer(*sizes, **options).state_dict())
    for name, p in ours.named_parameters():  # Xavier's bound holds for all matrices
        if p.ndim > 1:
            assert abs(p.data).max() <= (6 / sum(p.shape)) ** 0.5, name
    for make in (nn.Transformer, torch.nn.Transformer):
        mask = np.asarray(make.generate_square_subsequent_mask(3))
        np.testing.assert_array_equal(mask, np.where(np.tri(3), 0, -np.inf))


def test_layers_of_an_encoder_are_copies_that_drop_differently() -> None:
    rng = np.random.default_rng(2)
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 4, 0.5, rng=rng), 2)
    first, second = encoder.layers
    np.testing.assert_array_equal(first.linear1.weight.data, second.linear1.weight.data)
    assert first.linear1.weight is not second.linear1.weight
    assert first.dropout.rng is second.dropout.rng is rng
    x = np.ones((3, 1, 4))
    assert not np.array_equal(encoder(x).data, encoder(x).data)
    encoder.eval()
    np.testing.assert_array_equal(encoder(x).data, encoder(x).data)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.MultiheadAttention(5, 2), "embed_dim=5 is no multiple of num_heads=2"),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="sine"), "activation must be 'relu'"),
        (lambda: F.scaled_dot_product_attention(*leaves((3, 2), (4, 3), (4, 2))), "needed"),
        (
            lambda: F.scaled_dot_product_attention(
                *leaves((3, 2), (4, 2), (4, 2)), CAUSAL, is_causal=True
            ),
            "give attn_mask or it",
        ),
        (
            lambda: nn.MultiheadAttention(4, 2)(*leaves((3, 1, 4), (2, 1, 4), (1, 1, 4))),
            r"needed \(L, N, 4\)",
        ),
        (
            lambda: nn.MultiheadAttention(4, 2)(*leaves((3, 4), (2, 4), (2, 4)), attn_mask=CAUSAL),
            r"attn_mask has shape \(3, 4\), needed \(L, S\) = \(3, 2\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
