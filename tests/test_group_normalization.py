"""Group, instance and root-mean-square normalisation against PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn
from microgradnd.nn import functional as F
from tests.torch_layers import compared, layers_agree, leaves, loaded


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


FUNCTIONS: list[tuple[str, Callable, Callable, tuple]] = [
    (
        "groups",
        lambda x, w, b: F.group_norm(x, 2, w, b),
        lambda t, x, w, b: t.group_norm(x, 2, w, b),
        ((3, 4, 2), (4,), (4,)),
    ),
    (
        "one group",
        lambda x: F.group_norm(x, 1, eps=0.1),
        lambda t, x: t.group_norm(x, 1, eps=0.1),
        ((2, 4),),
    ),
    (
        "a group each",
        lambda x, w: F.group_norm(x, 3, w),
        lambda t, x, w: t.group_norm(x, 3, w),
        ((2, 3, 2, 2), (3,)),
    ),
    (
        "instances",
        lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
        lambda t, x, w, b: t.instance_norm(x, weight=w, bias=b),
        ((2, 3, 4), (3,), (3,)),
    ),
    (
        "instances of images",
        lambda x: F.instance_norm(x, eps=0.1),
        lambda t, x: t.instance_norm(x, eps=0.1),
        ((2, 3, 2, 3),),
    ),
    (
        "mean squares",
        lambda x, w: F.rms_norm(x, (4,), w),
        lambda t, x, w: t.rms_norm(x, (4,), w),
        ((3, 4), (4,)),
    ),
    (
        "mean squares of two axes",
        lambda x: F.rms_norm(x, (2, 3), eps=0.1),
        lambda t, x: t.rms_norm(x, (2, 3), eps=0.1),
        ((2, 2, 3),),
    ),
]


@pytest.mark.parametrize("case", FUNCTIONS, ids=lambda case: case[0])
def test_values_and_derivatives_are_torchs(torch: Any, case: tuple) -> None:
    _, ours, theirs, shapes = case
    compared(torch, ours, lambda *xs: theirs(torch.nn.functional, *xs), leaves(*shapes))
    assert mg.gradcheck(ours, leaves(*shapes))
    assert mg.gradgradcheck(ours, leaves(*shapes), atol=1e-4)


LAYERS: list[tuple[str, tuple, dict[str, Any], tuple[int, ...]]] = [
    ("GroupNorm", (2, 4), {}, (3, 4, 2)),
    ("GroupNorm", (2, 4), {"affine": False, "eps": 0.1}, (3, 4)),
    ("InstanceNorm1d", (3,), {"affine": True}, (2, 3, 4)),
    ("InstanceNorm1d", (3,), {}, (3, 4)),
    ("InstanceNorm2d", (3,), {"track_running_stats": True, "momentum": 0.3}, (2, 3, 2, 2)),
    ("InstanceNorm2d", (3,), {"affine": True, "track_running_stats": True}, (3, 2, 2)),
    ("InstanceNorm3d", (3,), {"affine": True, "bias": False}, (2, 3, 2, 1, 2)),
    ("InstanceNorm1d", (3,), {"track_running_stats": True, "momentum": None}, (2, 3, 4)),
    ("GroupNorm", (2, 4), {"bias": False}, (3, 4, 2)),
    ("RMSNorm", ((3, 2),), {}, (2, 3, 2)),
    ("RMSNorm", (4,), {"eps": 0.1, "elementwise_affine": False}, (3, 4)),
]


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: f"{case[0]} {case[2]} {case[3]}")
def test_layers_and_states_are_torchs(torch: Any, case: tuple) -> None:
    name, given, options, shape = case
    ours = getattr(nn, name)(*given, **options)
    theirs = getattr(torch.nn, name)(*given, **options).double()
    loaded(ours, theirs, torch)
    for mode in (True, True, False):
        ours.train(mode).zero_grad()
        theirs.train(mode).zero_grad()
        call = lambda layer, x: layer(x)
        layers_agree(torch, ours, theirs, leaves(shape), call, call)
        for key, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[key], value.numpy(), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_dtype_is_kept(torch: Any, dtype: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(dtype) * dtype(20)
    for name, given in (("group_norm", (2,)), ("instance_norm", ()), ("rms_norm", ((3,),))):
        t = mg.Tensor(x, requires_grad=True)
        out = getattr(F, name)(t, *given)
        out.sum().backward()
        assert out.dtype == t.grad.dtype == dtype
        expected = getattr(torch.nn.functional, name)(torch.tensor(x), *given).numpy()
        np.testing.assert_allclose(out.data, expected, rtol=0, atol=np.finfo(dtype).eps * 4)


def test_empty_batches_stay_empty() -> None:
    assert F.group_norm(np.zeros((0, 4, 2)), 2).shape == (0, 4, 2)
    assert F.instance_norm(np.zeros((0, 4, 2))).shape == (0, 4, 2)
    assert F.rms_norm(np.zeros((0, 4)), (4,)).shape == (0, 4)


def test_nothing_that_is_given_is_changed() -> None:
    x, mean, var = np.ones((2, 3, 4)), np.zeros(3), np.ones(3)
    F.instance_norm(x, mean, var, use_input_stats=False)
    assert not mean.any()
    assert (var == 1).all()
    assert (x == 1).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: F.group_norm(np.ones((2, 3)), 2), "the 3 channels .* num_groups=2"),
        (lambda: F.group_norm(np.ones(3), 1), "no axis of channels"),
        (lambda: F.group_norm(np.ones((2, 3)), 1, np.ones(2)), r"weight has shape \(2,\)"),
        (lambda: F.instance_norm(np.ones((2, 3))), r"must be \(N, C, ...\)"),
        (lambda: F.instance_norm(np.ones((2, 3, 1))), "has no variance"),
        (lambda: F.instance_norm(np.ones((2, 3, 2)), use_input_stats=False), "running_mean"),
        (lambda: F.rms_norm(np.ones((2, 3)), (2,)), r"does not end in \(2,\)"),
        (lambda: nn.GroupNorm(2, 3), "num_channels=3 is no multiple of num_groups=2"),
        (lambda: nn.GroupNorm(1, 3)(np.ones((2, 4))), "3 channels in the second axis"),
        (lambda: nn.InstanceNorm2d(3)(np.ones((2, 3))), "3 channels in the second of 4 axes"),
    ],
)
def test_what_does_not_fit_is_named(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
