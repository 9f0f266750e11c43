"""The Transformer: attention and a network for each place, in layers of encoder and decoder."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from microgradnd.arguments import (
    DTYPE,
    FLAG,
    NOT_NEGATIVE,
    checked,
    instance,
    optional,
    require,
    whole,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.errors import shown
from microgradnd.functions import gelu, relu
from microgradnd.nn.attention import MultiheadAttention
from microgradnd.nn.containers import ModuleList
from microgradnd.nn.dropout import Dropout
from microgradnd.nn.init import xavier_uniform_
from microgradnd.nn.linear import Linear
from microgradnd.nn.module import Module
from microgradnd.nn.normalization import LayerNorm


@contextmanager
def _named(module: Module, arguments: str) -> Iterator[None]:
    """Says of an error within which arguments it comes from, which have other names there."""
    try:
        yield
    except (TypeError, ValueError) as error:
        error.add_note(f"{type(module).__name__}: it comes of {arguments}")
        raise


_ACTIVATIONS: dict[str, Callable[..., Tensor]] = {"relu": relu, "gelu": gelu}
Mask = TensorLike | None
_KINDS = {
    **dict.fromkeys(["d_model", "nhead", "dim_feedforward"], whole(1)),
    "layer_norm_eps": NOT_NEGATIVE, "norm_first": FLAG,
}  # fmt: skip


class _Layer(Module):
    """What the layers of encoder and decoder share: parts, each added to what came, normalised."""

    attentions: ClassVar[tuple[str, ...]] = ("self_attn",)
    self_attn: MultiheadAttention

    @checked(**_KINDS)
    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = "relu", layer_norm_eps: float = 1e-5,
        batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        *, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        owner = type(self).__name__
        f = _ACTIVATIONS.get(activation) if isinstance(activation, str) else activation
        if not callable(f):
            kind = ValueError if isinstance(activation, str) else TypeError
            raise kind(
                f"{owner}: activation must be 'relu', 'gelu' or a function, not {shown(activation)}"
            )
        if d_model % nhead:
            raise ValueError(f"{owner}: d_model={d_model} is no multiple of nhead={nhead}")
        more: dict[str, Any] = {"bias": bias, "dtype": dtype}
        for name in self.attentions:
            heads = MultiheadAttention(
                d_model, nhead, dropout, batch_first=batch_first, rng=rng, **more
            )
            setattr(self, name, heads)
        self.linear1 = Linear(d_model, dim_feedforward, rng=rng, **more)
        self.dropout = Dropout(dropout, rng=rng)
        self.linear2 = Linear(dim_feedforward, d_model, rng=rng, **more)
        self.norm_first, self.activation = norm_first, f
        parts = range(1, len(self.attentions) + 2)
        for i in parts:
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, **more))
        for i in parts:
            setattr(self, f"dropout{i}", Dropout(dropout, rng=rng))

    def _added(self, i: int, x: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """The result of part i added to what it was computed from, normalised before or after."""
        norm, drop = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        return x + drop(part(norm(x))) if self.norm_first else norm(x + drop(part(x)))

    def _attended(self, x: Tensor, masks: tuple[Mask, Mask, bool]) -> Tensor:
        return _seen(self.self_attn, x, x, masks)

    def _transformed(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


def _seen(
    attention: MultiheadAttention, x: Tensor, y: Tensor, masks: tuple[Mask, Mask, bool]
) -> Tensor:
    """What each place of x takes of the places of y, through a mask and one of padding."""
    mask, padding, is_causal = masks
    out, _ = attention(
        x, y, y, attn_mask=mask, key_padding_mask=padding, need_weights=False, is_causal=is_causal
    )
    return out


class TransformerEncoderLayer(_Layer):
    """Self-attention, then two fully connected layers, each added to what came and normalised.

    y = norm1(x + attention(x)), z = norm2(y + W₂ f(W₁ y + b₁) + b₂); with `norm_first`
    y = x + attention(norm1(x)), z = y + W₂ f(W₁ norm2(y) + b₁) + b₂.

    Args:
        d_model: length of the vector at each place, E.
        nhead: heads of the attention.
        dim_feedforward: length of W₁'s result.
        dropout: the part that is dropped in training: of the weights of the attention, of f's
            results, and of what is added.
        activation: f: "relu", "gelu" or a function.
        layer_norm_eps: added to the variances.
        batch_first: sequences come as (N, L, E), and so do the results.
        norm_first: whether the norms stand before.
        bias: whether linear layers and norms have biases.
        rng: draws the start and what is dropped.
        dtype: of the parameters; default `get_default_dtype()`.

    Called with `src` (L, N, E) or (L, E), optionally `src_mask` (L, L), `src_key_padding_mask`
    (N, L) and `is_causal`, as of `MultiheadAttention`. Source: Vaswani et al. 2017.

    >>> TransformerEncoderLayer(4, 2, 8)(np.ones((5, 3, 4))).shape
    (5, 3, 4)
    """

    def forward(
        self, src: TensorLike, src_mask: Mask = None, src_key_padding_mask: Mask = None,
        is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        x = as_tensor(src, type(self).__name__, "src")
        with _named(self, "src, src_mask, src_key_padding_mask, is_causal"):
            masks = src_mask, src_key_padding_mask, is_causal
            x = self._added(1, x, lambda y: self._attended(y, masks))
            return self._added(2, x, self._transformed)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to an encoder's results, then two fully connected layers.

    Each is added to what came and normalised: with memory m, y = norm1(x + attention(x, x)),
    z = norm2(y + attention(y, m)), norm3(z + W₂ f(W₁ z + b₁) + b₂); with `norm_first` the norms
    stand before, as of `TransformerEncoderLayer`, whose arguments it takes.

    Called with `tgt` (L, N, E) and `memory` (S, N, E), or both without N; optionally `tgt_mask`
    (L, L), `memory_mask` (L, S), `tgt_key_padding_mask` (N, L), `memory_key_padding_mask` (N, S),
    `tgt_is_causal` and `memory_is_causal`, as of `MultiheadAttention`.
    Source: Vaswani et al. 2017.

    >>> layer = TransformerDecoderLayer(4, 2, 8)
    >>> layer(np.ones((5, 3, 4)), np.ones((7, 3, 4)), tgt_is_causal=True).shape
    (5, 3, 4)
    """

    attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention

    def forward(
        self, tgt: TensorLike, memory: TensorLike, tgt_mask: Mask = None, memory_mask: Mask = None,
        tgt_key_padding_mask: Mask = None, memory_key_padding_mask: Mask = None,
        tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        x, m = (as_tensor(t, type(self).__name__, k) for k, t in
                {"tgt": tgt, "memory": memory}.items())  # fmt: skip
        own = tgt_mask, tgt_key_padding_mask, tgt_is_causal
        theirs = memory_mask, memory_key_padding_mask, memory_is_causal
        with _named(self, "tgt, tgt_mask, tgt_key_padding_mask, tgt_is_causal"):
            x = self._added(1, x, lambda y: self._attended(y, own))
        with _named(self, "tgt, memory, memory_mask, memory_key_padding_mask, memory_is_causal"):
            x = self._added(2, x, lambda y: _seen(self.multihead_attn, y, m, theirs))
        return self._added(3, x, self._transformed)


class _Stack(Module):
    """Copies of a layer, one after the other; what they share of generators, they go on sharing."""

    def _set_up(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        shared = [rng for m in layer.modules() if (rng := getattr(m, "rng", None))]
        self.layers = ModuleList(  # the copies draw one after the other from the same generators
            copy.deepcopy(layer, {id(rng): rng for rng in shared}) for _ in range(num_layers)
        )
        self.num_layers, self.norm = num_layers, norm

    def _through(self, x: Tensor, *given: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x, *given)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """Several layers of an encoder, one after the other.

    Args:
        encoder_layer: the layer, which is copied; all start with the same parameters, as in
            PyTorch.
        num_layers: how many.
        norm: a layer at the end, such as a `LayerNorm`.
        enable_nested_tensor, mask_check: PyTorch's choice between ways to compute the same.

    Called with `src`, optionally `mask`, `src_key_padding_mask` and `is_causal`, which each layer
    gets.

    >>> layer = TransformerEncoderLayer(4, 2, 8)
    >>> TransformerEncoder(layer, 2)(np.ones((5, 3, 4))).shape
    (5, 3, 4)
    """

    @checked(
        encoder_layer=instance(Module, "a layer, as TransformerEncoderLayer(...)"),
        norm=optional(instance(Module, "a layer")), enable_nested_tensor=FLAG, mask_check=FLAG,
    )  # fmt: skip
    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None,
        enable_nested_tensor: bool = True, mask_check: bool = True,
    ) -> None:  # fmt: skip
        self._set_up(encoder_layer, num_layers, norm)

    def forward(
        self, src: TensorLike, mask: Mask = None, src_key_padding_mask: Mask = None,
        is_causal: bool | None = None,
    ) -> Tensor:  # fmt: skip
        x = as_tensor(src, type(self).__name__, "src")
        require(type(self).__name__, "is_causal", is_causal, optional(FLAG))
        with _named(self, "src, mask, src_key_padding_mask"):
            return self._through(x, mask, src_key_padding_mask, bool(is_causal))


class TransformerDecoder(_Stack):
    """Several layers of a decoder, one after the other; each attends to the encoder's results.

    Args:
        decoder_layer: the layer, which is copied; all start with the same parameters, as in
            PyTorch.
        num_layers: how many.
        norm: a layer at the end, such as a `LayerNorm`.

    Called with `tgt`, `memory`, and the masks of `TransformerDecoderLayer`, which each layer gets.

    >>> layer = TransformerDecoderLayer(4, 2, 8)
    >>> TransformerDecoder(layer, 2)(np.ones((5, 3, 4)), np.ones((7, 3, 4))).shape
    (5, 3, 4)
    """

    @checked(
        decoder_layer=instance(Module, "a layer, as TransformerDecoderLayer(...)"),
        norm=optional(instance(Module, "a layer")),
    )
    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        self._set_up(decoder_layer, num_layers, norm)

    def forward(
        self, tgt: TensorLike, memory: TensorLike, tgt_mask: Mask = None, memory_mask: Mask = None,
        tgt_key_padding_mask: Mask = None, memory_key_padding_mask: Mask = None,
        tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        require(type(self).__name__, "tgt_is_causal", tgt_is_causal, optional(FLAG))
        x = as_tensor(tgt, type(self).__name__, "tgt")
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        with _named(self, "tgt, memory and their masks"):
            return self._through(x, memory, *masks, bool(tgt_is_causal), memory_is_causal)


class Transformer(Module):
    """An encoder of source sequences, and a decoder of target sequences that attends to it.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias, rng, dtype: as of `TransformerEncoderLayer`.
        num_encoder_layers, num_decoder_layers: how many layers each has; after them, a norm.
        custom_encoder, custom_decoder: modules in their places.

    All matrices start from Xavier's uniform distribution, as in PyTorch. Called with `src`
    (S, N, E) and `tgt` (L, N, E), or both without N; optionally `src_mask` (S, S), `tgt_mask`
    (L, L), `memory_mask` (L, S), `src_key_padding_mask` (N, S), `tgt_key_padding_mask` (N, L),
    `memory_key_padding_mask` (N, S), and whether each mask is causal. Returns (L, N, E).
    Source: Vaswani et al. 2017.

    >>> model = Transformer(4, 2, 1, 1, 8)
    >>> mask = Transformer.generate_square_subsequent_mask(3)
    >>> model(np.ones((5, 2, 4)), np.ones((3, 2, 4)), tgt_mask=mask).shape
    (3, 2, 4)
    """

    @checked(
        **_KINDS, num_encoder_layers=whole(1), num_decoder_layers=whole(1),
        custom_encoder=optional(instance(Module, "a module")),
        custom_decoder=optional(instance(Module, "a module")),
    )  # fmt: skip
    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6,
        num_decoder_layers: int = 6, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = "relu",
        custom_encoder: Module | None = None, custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False,
        bias: bool = True, *, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        given = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
                 norm_first, bias)  # fmt: skip
        norm = lambda: LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        with _named(self, "d_model, nhead, activation"):
            self.encoder = custom_encoder or TransformerEncoder(
                TransformerEncoderLayer(*given, rng=rng, dtype=dtype), num_encoder_layers, norm()
            )
            self.decoder = custom_decoder or TransformerDecoder(
                TransformerDecoderLayer(*given, rng=rng, dtype=dtype), num_decoder_layers, norm()
            )
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for p in self.parameters():
            if p.ndim > 1:
                xavier_uniform_(p, rng=rng)

    def forward(
        self, src: TensorLike, tgt: TensorLike, src_mask: Mask = None, tgt_mask: Mask = None,
        memory_mask: Mask = None, src_key_padding_mask: Mask = None,
        tgt_key_padding_mask: Mask = None, memory_key_padding_mask: Mask = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        with _named(self, "src, src_mask, src_key_padding_mask, src_is_causal"):
            memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        with _named(self, "src, tgt, and the masks of tgt and memory"):
            return self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """A causal mask (sz, sz) to be added: 0 up to the diagonal, -inf above it.

        >>> Transformer.generate_square_subsequent_mask(2)
        Tensor([[  0., -inf],
                [  0.,   0.]])
        """
        owner = "generate_square_subsequent_mask"
        require(owner, "sz", sz, whole(0))
        require(owner, "dtype", dtype, DTYPE)
        lower = np.tri(sz, dtype=bool)
        return Tensor(np.where(lower, 0.0, -np.inf).astype(dtype or default_dtype[0]))
