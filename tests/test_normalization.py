"""Normalising layers and dropout: by hand, PyTorch as an oracle, derivatives."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
import microgradnd.nn.functional as F
from microgradnd import Tensor, nn

random = np.random.default_rng(0)


def torch_or_skip() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


LAYERS = [
    ("BatchNorm1d", (3,), {}, (5, 3)),
    ("BatchNorm1d", (3,), {"momentum": 0.3, "eps": 0.1}, (5, 3, 4)),
    ("BatchNorm2d", (3,), {}, (4, 3, 2, 5)),
    ("BatchNorm2d", (3,), {"affine": False, "track_running_stats": False}, (4, 3, 2, 5)),
    ("BatchNorm2d", (3,), {"momentum": None}, (4, 3, 2, 5)),
    ("BatchNorm3d", (3,), {"bias": False, "momentum": 0.0}, (4, 3, 2, 1, 2)),
    ("LayerNorm", (4,), {}, (5, 3, 4)),
    ("LayerNorm", ((3, 4),), {"bias": False}, (5, 3, 4)),
    ("LocalResponseNorm", (3,), {"alpha": 0.5, "k": 2.0}, (2, 6, 3)),
    ("LocalResponseNorm", (4,), {"alpha": 0.5}, (2, 7, 3, 2)),
]
each_layer = pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS)


@each_layer
def test_layers_compute_what_torchs_do(name: str, args: tuple, options: dict, shape: tuple) -> None:
    torch = torch_or_skip()
    theirs = getattr(torch.nn, name)(*args, **options).double()
    ours = getattr(nn, name)(*args, **options)
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(torch.tensor(random.standard_normal(tuple(p.shape))))
    ours.load_state_dict(theirs.state_dict())
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        x, g = random.standard_normal(shape) * 2 + 1, random.standard_normal(shape)
        t, u = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        out, wanted = ours(t), theirs(u)
        np.testing.assert_allclose(out.detach().numpy(), wanted.detach().numpy(), rtol=1e-9)
        ours.zero_grad()
        theirs.zero_grad()
        out.backward(g)
        wanted.backward(torch.tensor(g))
        np.testing.assert_allclose(t.grad.data, u.grad.numpy(), rtol=1e-8, atol=1e-12)
        for mine, other in zip(ours.parameters(), theirs.parameters()):
            np.testing.assert_allclose(mine.grad.data, other.grad.numpy(), rtol=1e-9, atol=1e-12)
        for path, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[path], value.numpy(), rtol=1e-9)


@each_layer
def test_derivatives_agree_with_finite_differences(
    name: str, args: tuple, options: dict, shape: tuple
) -> None:
    layer = getattr(nn, name)(*args, **options)
    x = Tensor(random.standard_normal(shape), requires_grad=True)
    for training in (True, False):
        layer.train(training)
        assert mg.gradcheck(lambda t, *_: layer(t), [x, *layer.parameters()])
    small = Tensor(x.data[:2], requires_grad=True)
    assert mg.gradgradcheck(lambda t: layer.train()(t), [small], atol=1e-4)


def test_a_normalised_batch_has_mean_0_and_variance_1() -> None:
    out = nn.BatchNorm1d(4, eps=0.0)(random.standard_normal((50, 4)) * 3 + 5).detach().numpy()
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(out.var(0), 1, rtol=1e-12)


def test_one_sample_has_no_variance_to_normalise_by() -> None:
    with pytest.raises(ValueError, match="larger batch"):
        nn.BatchNorm1d(3)(np.ones((1, 3)))
    with pytest.raises(ValueError, match="3 channels"):
        nn.BatchNorm2d(3)(np.ones((2, 4, 5, 5)))


def test_float32_stays_float32() -> None:
    x = random.standard_normal((4, 3, 2, 2)).astype(np.float32)
    for layer in (nn.BatchNorm2d(3, dtype=np.float32), nn.LocalResponseNorm(2), nn.Dropout()):
        assert layer(Tensor(x, requires_grad=True)).dtype == np.float32


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    x = np.ones(200_000)
    out = F.dropout(x, p=0.3, rng=np.random.default_rng(1)).numpy()
    assert set(np.unique(out)) == {0.0, 1 / 0.7}
    assert abs((out == 0).mean() - 0.3) < 0.005  # five standard deviations of the share
    assert abs(out.mean() - 1) < 0.01


def test_dropouts_gradient_is_its_mask() -> None:
    t = Tensor(np.ones((4, 5)), requires_grad=True)
    out = F.dropout(t, rng=np.random.default_rng(0))
    out.sum().backward()
    assert np.array_equal(t.grad.data, out.data)
    assert 0 < (out.data == 0).mean() < 1


def test_dropout2d_drops_whole_maps() -> None:
    out = F.dropout2d(np.ones((20, 10, 3, 3)), rng=np.random.default_rng(0)).numpy()
    maps = out.reshape(200, 9)
    assert (maps == maps[:, :1]).all()
    assert 0.3 < (maps[:, 0] == 0).mean() < 0.7


@pytest.mark.parametrize(
    ("axes", "shape", "lead"),
    [(1, (30, 9, 4), 2), (1, (200, 4), 1), (2, (30, 9, 4), 2), (3, (30, 9, 2, 2, 2), 2),
     (3, (200, 2, 2, 2), 1)],
)  # fmt: skip
def test_whole_channels_are_dropped_as_torch_drops_them(axes: int, shape: Any, lead: int) -> None:
    torch = torch_or_skip()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's of images without an axis
        theirs = getattr(torch.nn, f"Dropout{axes}d")()(torch.ones(shape)).numpy()
    ours = getattr(nn, f"Dropout{axes}d")(rng=np.random.default_rng(0))(np.ones(shape)).data
    for out in (ours, theirs):
        channels = out.reshape(int(np.prod(shape[:lead])), -1)
        assert (channels == channels[:, :1]).all()
        assert 0.3 < (channels[:, 0] == 0).mean() < 0.7
    with pytest.raises(ValueError, match=rf"dropout{axes}d: x has shape \(2,\)"):
        getattr(F, f"dropout{axes}d")(np.ones(2))


@pytest.mark.parametrize("p", [0.2, 0.7, 1.0])
def test_alpha_dropout_keeps_mean_and_variance_as_torchs(p: float) -> None:
    torch = torch_or_skip()
    x = np.random.default_rng(0).normal(size=100_000)
    out = F.alpha_dropout(x, p, rng=np.random.default_rng(1)).data
    theirs = torch.nn.functional.alpha_dropout(torch.tensor(x), p, True).numpy()
    dropped, exact = (min(np.unique(o), key=lambda v, o=o: -(o == v).sum()) for o in (out, theirs))
    np.testing.assert_allclose(dropped, exact, rtol=1e-6)  # what a dropped element becomes
    if p < 1:
        assert abs(out.mean()) < 0.02
        assert abs(out.std() - 1) < 0.02
        kept = out != dropped
        slope = np.polyfit(x[kept], out[kept], 1)
        np.testing.assert_allclose(
            slope, np.polyfit(x[theirs != exact], theirs[theirs != exact], 1)
        )


def test_dropout_does_nothing_in_evaluation() -> None:
    t = Tensor(np.ones(3), requires_grad=True)
    assert nn.Dropout().eval()(t) is t


def test_keep_prob_is_the_chapters_word_for_one_minus_p() -> None:
    assert nn.Dropout(keep_prob=0.8).p == pytest.approx(0.2)
    with pytest.raises(ValueError, match="not both"):
        nn.Dropout(0.5, keep_prob=0.5)
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        nn.Dropout(1.5)


def test_equal_seeds_drop_alike() -> None:
    one, other = (nn.Dropout(rng=np.random.default_rng(7))(np.ones(50)) for _ in range(2))
    assert np.array_equal(one.numpy(), other.numpy())
