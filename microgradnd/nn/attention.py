"""Attention: each query's mean of values, weighted by how well the keys fit it."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd.arguments import (
    FLAG,
    PROBABILITY,
    checked,
    optional,
    real_array,
    require,
    whole,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor, as_tensor, default_dtype
from microgradnd.functions import concatenate, softmax, where
from microgradnd.nn.dropout import dropout
from microgradnd.nn.init import xavier_normal_, xavier_uniform_
from microgradnd.nn.linear import Linear
from microgradnd.nn.module import Module
from microgradnd.ops.linalg import linear
from microgradnd.parameters import Parameter
from microgradnd.random import generator


def scaled_dot_product_attention(
    query: TensorLike, key: TensorLike, value: TensorLike, attn_mask: TensorLike | None = None,
    dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
    enable_gqa: bool = False,
    *, rng: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """softmax(scale · Q Kᵀ + mask) V, over the last two axes.

    Args:
        query, key, value: (..., L, E), (..., S, E) and (..., S, D); what stands before is
            broadcast.
        attn_mask: broadcast to (..., L, S): truths, where True lets a query see a key, or numbers
            that are added. A query that may see no key gets zeros.
        dropout_p: the part of the weights that is dropped, at every call.
        is_causal: query i sees the keys up to number i alone; not with a mask.
        scale: None: 1/√E.
        enable_gqa: the heads, the third axis from the end, may be fewer in key and value; each of
            theirs then serves several of the query's.
        rng: draws what is dropped.

    Shapes: result (..., L, D). Source: Vaswani et al. 2017.

    >>> scaled_dot_product_attention([[1.0]], [[0.0], [0.0]], [[2.0], [4.0]])
    Tensor([[3.]])
    """
    q, k, v = _operands("scaled_dot_product_attention", query=query, key=key, value=value)
    if enable_gqa:
        k, v = _repeated(q, k, v)
    mask = _mask_of("scaled_dot_product_attention", "attn_mask", attn_mask)
    if is_causal:
        if mask is not None:
            raise ValueError(
                "scaled_dot_product_attention: is_causal is a mask of its own; give attn_mask or it"
            )
        mask = np.tri(q.shape[-2], k.shape[-2], dtype=bool)
    out, _ = attended(q, k, v, mask, dropout_p, scale, rng)
    return out


def attended(
    q: Tensor, k: Tensor, v: Tensor, mask: Any, p: float = 0.0, scale: float | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The weighted means, (..., L, D), and the weights, (..., L, S), of which a part p is dropped.

    A mask of truths says which keys are seen, one of numbers is added.
    """
    if scale is None:
        scale = q.shape[-1] ** -0.5 if q.shape[-1] else 0.0
    scores = (q * scale) @ k.swapaxes(-1, -2)  # (..., L, S)
    weights = softmax(scores) if mask is None else _masked_softmax(scores, mask)
    weights = dropout(weights, p, rng=rng)
    return weights @ v, weights


def _masked_softmax(scores: Tensor, mask: Any) -> Tensor:
    """The softmax of what a mask leaves; where it leaves nothing, zeros and no gradient."""
    if mask.dtype == bool:
        scores = where(mask, scores, -np.inf)
    else:
        scores = scores + (mask if mask.dtype == scores.dtype else mask.astype(scores.dtype))
    blind = (scores.data == -np.inf).all(axis=-1, keepdims=True)
    if not scores.shape[-1] or not blind.any():
        return softmax(scores)
    return where(blind, 0.0, softmax(where(blind, 0.0, scores)))


def _operands(owner: str, **given: TensorLike) -> list[Tensor]:
    """Query, key and value as Tensors of floats whose shapes fit one another."""
    found = [as_tensor(x, owner, name) for name, x in given.items()]
    for name, t in zip(given, found):
        if t.ndim < 2:
            raise ValueError(f"{owner}: {name} of shape {t.shape} needs two axes or more")
    found = [t if t.dtype.kind == "f" else t.astype(default_dtype[0]) for t in found]
    q, k, v = found
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ValueError(
            f"{owner}: query, key and value have shapes {q.shape}, {k.shape} and {v.shape}, "
            "needed (..., L, E), (..., S, E) and (..., S, D)"
        )
    return found


def _repeated(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Key and value with as many heads as the query, each of theirs several times in a row."""
    if min(q.ndim, k.ndim, v.ndim) < 3:
        raise ValueError(
            "scaled_dot_product_attention: enable_gqa needs query, key and value (..., H, L, E)"
        )
    heads, fewer = q.shape[-3], (k.shape[-3], v.shape[-3])
    if any(not n or heads % n for n in fewer):
        raise ValueError(
            f"scaled_dot_product_attention: the {heads} heads of the query are no multiple of the "
            f"{fewer[0]} of the key and {fewer[1]} of the value"
        )
    every = np.arange(heads)
    return tuple(t[..., every // (heads // n), :, :] for t, n in zip((k, v), fewer))  # type: ignore


def _mask_of(owner: str, name: str, mask: Any) -> Any:
    """A mask as an array, or as the Tensor that it is, of truths or floats."""
    if mask is None:
        return None
    found = mask if isinstance(mask, Tensor) else real_array(owner, name, mask)
    if found.dtype.kind not in "bf":
        raise TypeError(
            f"{owner}: {name} must hold truths, or floats that are added, not {found.dtype}"
        )
    return found.data if isinstance(found, Tensor) and found.node is None else found


class MultiheadAttention(Module):
    """Attention by several heads, each with projections of query, key and value of its own.

    concat(head_1, ..., head_H) W_Oᵀ + b_O, where head_i = softmax(Q_i K_iᵀ / √(E/H)) V_i.

    Args:
        embed_dim: length of a query and of the result, E.
        num_heads: H, which divides E.
        dropout: the part of the weights that is dropped in training.
        bias: whether the projections add biases.
        add_bias_kv: one learned key and value are appended to those that come.
        add_zero_attn: a key and a value of zeros are appended.
        kdim, vdim: lengths of a key and of a value; default E.
        batch_first: all come as (N, L, E), and so does the result.
        rng: draws the start, as in PyTorch, and what is dropped.
        dtype: of the parameters; default `get_default_dtype()`.

    Called with query (L, N, E), key (S, N, kdim) and value (S, N, vdim), or without N; optionally

        key_padding_mask: (N, S): True, or a number that is added, where a key is to be ignored.
        need_weights: whether the weights are returned.
        attn_mask: (L, S) or (N·H, L, S): True where a query may NOT see a key (the opposite of
            `scaled_dot_product_attention`, as in PyTorch), or numbers that are added.
        average_attn_weights: the mean of all heads' weights, else (N, H, L, S).
        is_causal: says of attn_mask that it is causal; alone it is one.

    Returns the result (L, N, E) and the weights (N, L, S), None if not needed.

    >>> x = np.ones((5, 2, 4))
    >>> out, weights = MultiheadAttention(4, 2)(x, x, x)
    >>> out.shape, weights.shape
    ((5, 2, 4), (2, 5, 5))
    """

    @checked(
        embed_dim=whole(1), num_heads=whole(1), kdim=optional(whole(1)), vdim=optional(whole(1)),
        dropout=PROBABILITY, add_bias_kv=FLAG, add_zero_attn=FLAG,
    )  # fmt: skip
    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
        add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
        vdim: int | None = None, batch_first: bool = False,
        *, rng: np.random.Generator | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if embed_dim % num_heads:
            raise ValueError(
                f"{type(self).__name__}: embed_dim={embed_dim} is no multiple of "
                f"num_heads={num_heads}"
            )
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, float(dropout)
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.add_zero_attn, self.batch_first, self.rng = add_zero_attn, batch_first, rng
        dtype = dtype or default_dtype[0]

        def drawn(*shape: int, fill: Any = xavier_uniform_) -> Tensor:
            return fill(Parameter(np.zeros(shape, dtype)), rng=rng)

        self.in_proj_weight: Tensor | None = None
        self.in_proj_bias: Tensor | None = None
        self.bias_k: Tensor | None = None
        self.bias_v: Tensor | None = None
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = drawn(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = drawn(embed_dim, embed_dim)
            self.k_proj_weight = drawn(embed_dim, self.kdim)
            self.v_proj_weight = drawn(embed_dim, self.vdim)
        if bias:
            self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype))
        if add_bias_kv:
            self.bias_k = drawn(1, 1, embed_dim, fill=xavier_normal_)
            self.bias_v = drawn(1, 1, embed_dim, fill=xavier_normal_)
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, rng=generator(rng), dtype=dtype)
        if self.out_proj.bias is not None:
            self.out_proj.bias.data[...] = 0

    def forward(
        self, query: TensorLike, key: TensorLike, value: TensorLike,
        key_padding_mask: TensorLike | None = None, need_weights: bool = True,
        attn_mask: TensorLike | None = None, average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        flags = {"need_weights": need_weights, "average_attn_weights": average_attn_weights}
        for name, given in {**flags, "is_causal": is_causal}.items():
            require(type(self).__name__, name, given, FLAG)
        q, k, v, single = self._batches(query, key, value)  # (N, L, E), (N, S, E), (N, S, E)
        q, k, v = self._projected(q, k, v)
        mask = self._mask(key_padding_mask, attn_mask, is_causal, q, k)
        k, v, mask = self._appended(k, v, mask)
        q, k, v = (self._heads(t) for t in (q, k, v))  # (N, H, L, E/H)
        p = self.dropout if self.training else 0.0
        out, weights = attended(q, k, v, mask, p, rng=self.rng)
        out = out.swapaxes(1, 2)  # (N, L, H, E/H)
        out = self.out_proj(out.reshape((*out.shape[:2], self.embed_dim)))
        if single:
            out = out[0]
        elif not self.batch_first:
            out = out.swapaxes(0, 1)
        if not need_weights:
            return out, None
        weights = weights.mean(axis=1) if average_attn_weights else weights
        return out, weights[0] if single else weights

    def _batches(
        self, query: TensorLike, key: TensorLike, value: TensorLike
    ) -> tuple[Tensor, Tensor, Tensor, bool]:
        """All three with their batches first, and whether they came without."""
        owner = type(self).__name__
        given = {"query": query, "key": key, "value": value}
        found = [as_tensor(x, owner, name) for name, x in given.items()]
        shapes = [t.shape for t in found]
        axes = {t.ndim for t in found}
        single = axes == {2}
        batched = [t[None] if single else t for t in found]
        if axes == {3} and not self.batch_first:
            batched = [t.swapaxes(0, 1) for t in batched]
        q, k, v = batched
        fits = axes in ({2}, {3}) and [t.shape[2] for t in batched] == [
            self.embed_dim, self.kdim, self.vdim,
        ]  # fmt: skip
        if not fits or k.shape[:2] != v.shape[:2] or q.shape[0] != k.shape[0]:
            order = "N, L" if self.batch_first else "L, N"
            raise ValueError(
                f"{owner}: query, key and value have shapes {shapes}, needed ({order}, "
                f"{self.embed_dim}), ({order.replace('L', 'S')}, {self.kdim}) and "
                f"({order.replace('L', 'S')}, {self.vdim}), or all without N"
            )
        return q, k, v, single

    def _projected(self, q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
        e, bias, whole = self.embed_dim, self.in_proj_bias, self.in_proj_weight
        if whole is not None and q is k is v:
            together = linear(q, whole, bias)  # (N, L, 3E)
            return [together[..., i * e : (i + 1) * e] for i in range(3)]
        if whole is None:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        else:
            weights = [whole[i * e : (i + 1) * e] for i in range(3)]
        biases = [None if bias is None else bias[i * e : (i + 1) * e] for i in range(3)]
        return [linear(t, w, b) for t, w, b in zip((q, k, v), weights, biases)]

    def _heads(self, t: Tensor) -> Tensor:
        """(N, L, E) as (N, H, L, E/H)."""
        n, length, e = t.shape
        return t.reshape((n, length, self.num_heads, e // self.num_heads)).swapaxes(1, 2)

    def _appended(self, k: Tensor, v: Tensor, mask: Any) -> tuple[Tensor, Tensor, Any]:
        """Keys and values with those that the options append, which no mask hides."""
        rows: list[tuple[Any, Any]] = []
        if self.bias_k is not None:
            rows.append((self.bias_k, self.bias_v))
        if self.add_zero_attn:
            zeros = np.zeros((1, 1, self.embed_dim), k.dtype)
            rows.append((zeros, zeros))
        for more_k, more_v in rows:
            shape = (k.shape[0], 1, self.embed_dim)
            k, v = (
                concatenate([t, as_tensor(m, "MultiheadAttention", "bias").broadcast_to(shape)], 1)
                for t, m in ((k, more_k), (v, more_v))
            )
            if mask is not None:
                seen = np.full((*mask.shape[:-1], 1), mask.dtype == bool, mask.dtype)
                mask = concatenate([mask, seen], axis=-1)
                mask = mask.data if mask.node is None else mask
        return k, v, mask

    def _mask(self, padding: Any, attn: Any, is_causal: bool, q: Tensor, k: Tensor) -> Any:
        """Both masks as one for scores (N, H, L, S): truths where a key is seen, or numbers."""
        owner, (n, length, _), keys = type(self).__name__, q.shape, k.shape[1]
        attn = _mask_of(owner, "attn_mask", attn)
        padding = _mask_of(owner, "key_padding_mask", padding)
        if attn is None and is_causal:
            attn = ~np.tri(length, keys, dtype=bool)
        if attn is not None:
            if attn.shape not in ((length, keys), (n * self.num_heads, length, keys)):
                raise ValueError(
                    f"{owner}: attn_mask has shape {attn.shape}, needed (L, S) = "
                    f"{(length, keys)} or (N·H, L, S) = {(n * self.num_heads, length, keys)}"
                )
            if attn.ndim == 3:
                attn = attn.reshape((n, self.num_heads, length, keys))
        if padding is not None:
            if padding.shape != (n, keys) and (n, *padding.shape) != (1, keys):
                raise ValueError(
                    f"{owner}: key_padding_mask has shape {padding.shape}, needed (N, S) = "
                    f"{(n, keys)}"
                )
            padding = padding.reshape((n, 1, 1, keys))
        given = [mask for mask in (attn, padding) if mask is not None]
        if all(mask.dtype == bool for mask in given):
            hidden = given[0] | given[-1] if given else None
            return None if hidden is None else ~hidden
        numbers = [where(m, -np.inf, 0.0) if m.dtype == bool else m for m in given]
        return numbers[0] if len(numbers) == 1 else numbers[0] + numbers[1]

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, {self.num_heads}" + ", batch_first=True" * self.batch_first
