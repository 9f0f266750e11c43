"""einops runs on Tensors through the array API: values as on arrays, gradients as on PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgradnd as mg

einops = pytest.importorskip("einops", reason="einops is no requirement")
array_api = pytest.importorskip("einops.array_api", reason="einops has its array API from 0.7 on")

X = np.random.default_rng(0).normal(size=(2, 4, 6, 3))
CALLS: list[tuple[str, tuple[str, ...], dict[str, int]]] = [
    ("rearrange", ("b h w c -> b c h w",), {}),
    ("rearrange", ("b h w c -> h (b w) c",), {}),
    ("rearrange", ("b h w c -> (b h w c)",), {}),
    ("rearrange", ("b h w c -> b h w c ()",), {}),
    ("rearrange", ("b (h h2) (w w2) c -> b h w (c h2 w2)",), {"h2": 2, "w2": 2}),
    ("rearrange", ("(b1 b2) h w c -> (b1 h) (b2 w) c",), {"b1": 2}),
    ("rearrange", ("b ... c -> c ... b",), {}),
    ("reduce", ("b h w c -> b c", "sum"), {}),
    ("reduce", ("b h w c -> b c", "mean"), {}),
    ("reduce", ("b h w c -> c", "max"), {}),
    ("reduce", ("b h w c -> h", "min"), {}),
    ("reduce", ("b h w c -> b () () c", "mean"), {}),
    ("reduce", ("b (h h2) (w w2) c -> b h w c", "max"), {"h2": 2, "w2": 3}),
    ("reduce", ("b h w c -> ", "prod"), {}),
    ("repeat", ("b h w c -> b h w c n",), {"n": 3}),
    ("repeat", ("b h w c -> b (h h2) (w w2) c",), {"h2": 2, "w2": 2}),
]


@pytest.mark.parametrize(("name", "words", "lengths"), CALLS)
def test_patterns(name: str, words: tuple[str, ...], lengths: dict[str, int]) -> None:
    x = mg.Tensor(X, requires_grad=True)
    out = getattr(array_api, name)(x, *words, **lengths)
    assert type(out) is mg.Tensor
    np.testing.assert_allclose(out.data, getattr(einops, name)(X, *words, **lengths), rtol=1e-13)
    weights = np.random.default_rng(1).normal(size=out.shape)
    (out * weights).sum().backward()
    torch = pytest.importorskip("torch", reason="PyTorch says what the gradients are")
    theirs = torch.tensor(X, requires_grad=True)
    (getattr(einops, name)(theirs, *words, **lengths) * torch.tensor(weights)).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.data, theirs.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_packing_and_unpacking() -> None:
    parts = [mg.Tensor(np.ones(s), requires_grad=True) for s in ((2, 3), (2, 4, 3), (2, 1, 2, 3))]
    packed, shapes = array_api.pack(parts, "b * c")
    assert packed.shape == (2, 7, 3)
    again = array_api.unpack(packed, shapes, "b * c")
    assert [part.shape for part in again] == [part.shape for part in parts]
    (again[1] * 2.0).sum().backward()
    grads: list[Any] = [part.grad for part in parts]
    assert [g.data.sum() for g in grads] == [0.0, 48.0, 0.0]


def test_lists_are_stacked_and_constants_leave() -> None:
    parts = [mg.Tensor(row, requires_grad=True) for row in X[0]]
    out = array_api.rearrange(parts, "n w c -> w (n c)")
    np.testing.assert_array_equal(out.data, einops.rearrange(X[0], "n w c -> w (n c)"))
    np.testing.assert_array_equal(array_api.asnumpy(mg.Tensor(X)), X)
