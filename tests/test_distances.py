"""Distances, cosines and vectors of length 1 against PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn
from microgradnd.nn import functional as F
from tests.torch_layers import compared, leaves


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


CASES: list[tuple[str, dict[str, Any], tuple]] = [
    ("normalize", {}, ((2, 3),)),
    ("normalize", {"dim": -1, "p": 3.0}, ((2, 3, 2),)),
    ("normalize", {"dim": 0, "p": 1.0}, ((3,),)),
    ("normalize", {"p": np.inf}, ((2, 3),)),
    ("normalize", {"eps": 10.0}, ((2, 3),)),
    ("cosine_similarity", {}, ((2, 3), (2, 3))),
    ("cosine_similarity", {"dim": -1}, ((4, 2, 3), (2, 1))),
    ("cosine_similarity", {"dim": 0, "eps": 0.1}, ((3,), (3,))),
    ("pairwise_distance", {}, ((2, 3), (2, 3))),
    ("pairwise_distance", {"p": 1.0, "keepdim": True}, ((2, 3), (3,))),
    ("pairwise_distance", {"p": 2.5, "eps": 0.0}, ((3,), (3,))),
    ("pdist", {}, ((4, 3),)),
    ("pdist", {"p": 1.0}, ((3, 2),)),
    ("pdist", {"p": 3.0}, ((3, 2),)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]}")
def test_values_and_derivatives_are_torchs(torch: Any, case: tuple) -> None:
    name, options, shapes = case
    ours = lambda *xs: getattr(F, name)(*xs, **options)
    theirs = lambda *xs: getattr(torch.nn.functional, name)(*xs, **options)
    if name == "pdist":  # torch has no second derivative of it
        (x,) = leaves(*shapes)
        t = torch.tensor(x.data, requires_grad=True)
        np.testing.assert_allclose(ours(x).data, theirs(t).detach().numpy(), rtol=1e-13)
        (ours(x) ** 2).sum().backward()
        (theirs(t) ** 2).sum().backward()
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=1e-11, atol=1e-13)
    else:
        compared(torch, ours, theirs, leaves(*shapes))
    assert mg.gradcheck(ours, leaves(*shapes))
    assert mg.gradgradcheck(ours, leaves(*shapes), atol=1e-4)


@pytest.mark.parametrize("name", ["normalize", "cosine_similarity", "pdist"])
def test_slopes_at_zero_are_torchs(torch: Any, name: str) -> None:
    x = mg.Tensor([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    t = torch.tensor(x.data, requires_grad=True)
    more = (np.ones((3, 2)),) if name == "cosine_similarity" else ()
    out = getattr(F, name)(x, *more)
    expected = getattr(torch.nn.functional, name)(t, *map(torch.tensor, more))
    out.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=1e-14)
    np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_dtype_is_kept(dtype: Any) -> None:
    for name in ("normalize", "cosine_similarity", "pairwise_distance", "pdist"):
        count = 1 + (name in ("cosine_similarity", "pairwise_distance"))
        tensors = [mg.Tensor(np.eye(3, 2) + 1, True, dtype=dtype) for _ in range(count)]
        out = getattr(F, name)(*tensors)
        out.sum().backward()
        assert {out.dtype, *(t.grad.dtype for t in tensors)} == {np.dtype(dtype)}, name


def test_few_rows_have_no_pairs() -> None:
    assert F.pdist(np.zeros((1, 3))).shape == F.pdist(np.zeros((0, 3))).shape == (0,)


def test_layers_are_the_functions() -> None:
    x, y = leaves((2, 3), (2, 3))
    for layer, function, options in (
        (nn.CosineSimilarity, F.cosine_similarity, {"dim": 0}),
        (nn.PairwiseDistance, F.pairwise_distance, {"p": 1.0, "keepdim": True}),
    ):
        expected = function(x, y, **options).data
        np.testing.assert_array_equal(layer(**options)(x, y).data, expected)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: F.normalize(np.ones(3)), r"dim=1 is no axis of the input, of shape \(3,\)"),
        (lambda: F.cosine_similarity(np.ones((2, 3)), np.ones((2, 2))), "do not fit each other"),
        (lambda: F.cosine_similarity(np.ones(3), np.ones(3)), "dim=1 is no axis"),
        (lambda: F.pdist(np.ones(3)), r"must have shape \(N, D\)"),
        (lambda: F.pairwise_distance(np.ones(3), np.ones(3), p=-1.0), "p must be a number above"),
    ],
)
def test_what_does_not_fit_is_named(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
