"""The encoder of the Transformer: self-attention and a network for each place, in layers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from microgradnd.arguments import FLAG, NOT_NEGATIVE, checked, instance, optional, require, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor
from microgradnd.errors import shown
from microgradnd.functions import gelu, relu
from microgradnd.nn.attention import MultiheadAttention
from microgradnd.nn.containers import ModuleList
from microgradnd.nn.dropout import Dropout
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


class TransformerEncoderLayer(Module):
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

    @checked(
        d_model=whole(1), nhead=whole(1), dim_feedforward=whole(1), layer_norm_eps=NOT_NEGATIVE,
        norm_first=FLAG,
    )  # fmt: skip
    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = "relu", layer_norm_eps: float = 1e-5,
        batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        *, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        owner = type(self).__name__
        if isinstance(activation, str):
            if activation not in _ACTIVATIONS:
                raise ValueError(
                    f"{owner}: activation must be 'relu', 'gelu' or a function, not {activation!r}"
                )
        elif not callable(activation):
            raise TypeError(
                f"{owner}: activation must be 'relu', 'gelu' or a function, not {shown(activation)}"
            )
        if d_model % nhead:
            raise ValueError(f"{owner}: d_model={d_model} is no multiple of nhead={nhead}")
        more: dict[str, Any] = {"bias": bias, "dtype": dtype}
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, batch_first=batch_first, rng=rng, **more
        )
        self.linear1 = Linear(d_model, dim_feedforward, rng=rng, **more)
        self.dropout = Dropout(dropout, rng=rng)
        self.linear2 = Linear(dim_feedforward, d_model, rng=rng, **more)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, **more)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, **more)
        self.dropout1 = Dropout(dropout, rng=rng)
        self.dropout2 = Dropout(dropout, rng=rng)
        self.activation = _ACTIVATIONS[activation] if isinstance(activation, str) else activation

    def forward(
        self, src: TensorLike, src_mask: TensorLike | None = None,
        src_key_padding_mask: TensorLike | None = None, is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        x, masks = as_tensor(src, type(self).__name__, "src"), (src_mask, src_key_padding_mask)
        with _named(self, "src, src_mask, src_key_padding_mask, is_causal"):
            return self._encoded(x, masks, is_causal)

    def _encoded(self, x: Tensor, masks: tuple[Any, Any], is_causal: bool) -> Tensor:
        if self.norm_first:
            x = x + self._attended(self.norm1(x), *masks, is_causal)
            return x + self._transformed(self.norm2(x))
        x = self.norm1(x + self._attended(x, *masks, is_causal))
        return self.norm2(x + self._transformed(x))

    def _attended(self, x: Tensor, mask: Any, padding: Any, is_causal: bool) -> Tensor:
        out, _ = self.self_attn(
            x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False,
            is_causal=is_causal,
        )  # fmt: skip
        return self.dropout1(out)

    def _transformed(self, x: Tensor) -> Tensor:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoder(Module):
    """Several layers of an encoder, one after the other.

    Args:
        encoder_layer: the layer, which is copied; all start with the same parameters, as in
            PyTorch.
        num_layers: how many.
        norm: a layer at the end, such as a `LayerNorm`.

    Called with `src`, optionally `mask`, `src_key_padding_mask` and `is_causal`, which each layer
    gets.

    >>> layer = TransformerEncoderLayer(4, 2, 8)
    >>> TransformerEncoder(layer, 2)(np.ones((5, 3, 4))).shape
    (5, 3, 4)
    """

    @checked(
        encoder_layer=instance(Module, "a layer, as TransformerEncoderLayer(...)"),
        norm=optional(instance(Module, "a layer")),
    )
    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        shared = [rng for m in encoder_layer.modules() if (rng := getattr(m, "rng", None))]
        self.layers = ModuleList(  # the copies draw one after the other from the same generators
            copy.deepcopy(encoder_layer, {id(rng): rng for rng in shared})
            for _ in range(num_layers)
        )
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self, src: TensorLike, mask: TensorLike | None = None,
        src_key_padding_mask: TensorLike | None = None, is_causal: bool | None = None,
    ) -> Tensor:  # fmt: skip
        x = as_tensor(src, type(self).__name__, "src")
        require(type(self).__name__, "is_causal", is_causal, optional(FLAG))
        with _named(self, "src, mask, src_key_padding_mask"):
            for layer in self.layers:
                x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        return x if self.norm is None else self.norm(x)
