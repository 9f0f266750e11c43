"""Losses: their values by hand, PyTorch as an oracle, and what they refuse."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
import microgradnd.nn.functional as F
from microgradnd import Tensor, nn

random = np.random.default_rng(0)
X, Y = random.standard_normal((4, 3)), random.standard_normal((4, 3))
P, Q = random.uniform(0.05, 0.95, (4, 3)), random.uniform(0.05, 0.95, (4, 3))
LOGP = np.log(P / P.sum(1, keepdims=True))
DIST = Q / Q.sum(1, keepdims=True)
CLASSES = np.array([2, 0, 1, 2])
WEIGHT = np.array([0.5, 2.0, 1.0])
DEEP, DEEP_CLASSES = random.standard_normal((2, 3, 4, 2)), random.integers(0, 3, (2, 4, 2))
SOFT = np.abs(random.standard_normal((2, 3, 4, 2)))

CASES: list[tuple[str, np.ndarray, np.ndarray, dict[str, Any]]] = [
    ("mse_loss", X, Y, {}),
    ("l1_loss", X, Y, {}),
    ("huber_loss", X, Y, {"delta": 0.7}),
    ("smooth_l1_loss", X, Y, {"beta": 0.6}),
    ("smooth_l1_loss", X, Y, {"beta": 0.0}),
    ("binary_cross_entropy", P, Q, {}),
    ("binary_cross_entropy", P, Q, {"weight": WEIGHT}),
    ("binary_cross_entropy", np.array([0.0, 1.0, 0.5]), np.array([1.0, 1.0, 0.0]), {}),
    ("binary_cross_entropy_with_logits", X * 20, Q, {}),
    ("binary_cross_entropy_with_logits", X, Q, {"weight": WEIGHT, "pos_weight": WEIGHT * 2}),
    ("nll_loss", LOGP, CLASSES, {}),
    ("nll_loss", LOGP, CLASSES, {"weight": WEIGHT, "ignore_index": 0}),
    ("nll_loss", LOGP[0], np.array(1), {}),
    ("cross_entropy", X, CLASSES, {}),
    ("cross_entropy", X[0], np.array(1), {}),
    ("cross_entropy", X, CLASSES, {"weight": WEIGHT}),
    ("cross_entropy", X, CLASSES, {"ignore_index": 2}),
    ("cross_entropy", X, CLASSES, {"label_smoothing": 0.2}),
    ("cross_entropy", X, CLASSES, {"label_smoothing": 0.2, "weight": WEIGHT, "ignore_index": 0}),
    ("cross_entropy", X, DIST, {}),
    ("cross_entropy", X, DIST, {"weight": WEIGHT, "label_smoothing": 0.1}),
    ("cross_entropy", DEEP, DEEP_CLASSES, {"weight": WEIGHT}),
    ("cross_entropy", DEEP, SOFT, {}),
    ("kl_div", LOGP, DIST, {}),
    ("kl_div", LOGP, np.log(DIST), {"log_target": True}),
]  # fmt: skip
each_case = pytest.mark.parametrize(
    ("name", "x", "y", "options"), CASES, ids=lambda part: part if isinstance(part, str) else ""
)


@each_case
def test_values_and_gradients_are_torchs(name: str, x: Any, y: Any, options: dict) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        torch = pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
    as_torch = lambda v: torch.tensor(v) if isinstance(v, np.ndarray) else v
    theirs_options = {key: as_torch(value) for key, value in options.items()}
    for reduction in ("mean", "sum", "none"):
        ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        out = getattr(F, name)(ours, y, **options, reduction=reduction)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it advises another reduction for kl_div
            wanted = getattr(torch.nn.functional, name)(
                theirs, torch.tensor(y), **theirs_options, reduction=reduction
            )
        np.testing.assert_allclose(out.detach().numpy(), wanted.detach().numpy(), rtol=1e-12)
        out.sum().backward()
        wanted.sum().backward()
        np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), rtol=1e-8, atol=1e-13)


@each_case
def test_derivatives_agree_with_finite_differences(name: str, x: Any, y: Any, options: dict):
    if name == "binary_cross_entropy":
        x = np.clip(x, 0.05, 0.95)
    loss = lambda t: getattr(F, name)(t, y, **options)
    assert mg.gradcheck(loss, [Tensor(x, requires_grad=True)])
    assert mg.gradgradcheck(loss, [Tensor(x, requires_grad=True)])


def test_half_squared_error_is_equation_5_4() -> None:
    o, d = Tensor(X, requires_grad=True), Y
    loss = F.half_squared_error(o, d, reduction="none")
    np.testing.assert_allclose(
        loss.detach().numpy(), [0.5 * sum((b - a) ** 2) for a, b in zip(X, Y)]
    )
    loss.sum().backward()
    np.testing.assert_allclose(o.grad.data, X - Y)


def test_the_toy_loss_of_the_lstm_code_sees_the_first_component_alone() -> None:
    h = Tensor([0.7, -0.2], requires_grad=True)
    F.first_component_loss(h, 0.5).backward()
    np.testing.assert_allclose(h.grad.data, [2 * (0.7 - 0.5), 0.0])


def test_equation_5_29_needs_its_minus_sign() -> None:
    """Erratum 2: printed without it, the loss falls as the output gets worse."""
    o, y = Tensor([0.9], requires_grad=True), np.array([1.0])
    printed = lambda t: (y * np.log(t) + (1 - y) * np.log(1 - t)).sum()
    right = lambda t: F.binary_cross_entropy(t, y)
    assert float(printed(Tensor([0.1]))) < float(printed(Tensor([0.9]))) <= 0
    assert float(right(Tensor([0.1]))) > float(right(Tensor([0.9]))) >= 0
    np.testing.assert_allclose(float(right(o)), -float(printed(o)))


def test_cross_entropy_learns_as_fast_as_it_errs_where_squared_error_saturates() -> None:
    """L1: with a sigmoid, d/dz of the cross-entropy is o - y; squared error has o (1 - o) more."""
    z = Tensor([6.0], requires_grad=True)
    y = np.array([0.0])
    F.binary_cross_entropy(z.sigmoid(), y).backward()
    steep, z.grad = float(z.grad.sum()), None
    F.half_squared_error(z.sigmoid(), y).backward()
    o = 1 / (1 + np.exp(-6.0))
    np.testing.assert_allclose(steep, o, rtol=1e-9)
    np.testing.assert_allclose(float(z.grad.sum()), o * o * (1 - o), rtol=1e-9)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "kl_div"])
def test_shapes_that_differ_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: input has shape \(4, 3\), target \(3,\)"):
        getattr(F, name)(X, Y[0])


def test_class_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must lie in 0\.\.2"):
        F.cross_entropy(X, np.array([0, 1, 3, 2]), weight=WEIGHT)
    with pytest.raises(ValueError, match="weight has shape"):
        F.nll_loss(LOGP, CLASSES, weight=np.ones(2))


def test_probabilities_out_of_range_are_refused_with_the_cure() -> None:
    with pytest.raises(ValueError, match="binary_cross_entropy_with_logits"):
        F.binary_cross_entropy(X * 3, Q)


def test_modules_call_their_functions() -> None:
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    expected = F.cross_entropy(X, CLASSES, label_smoothing=0.1)
    assert float(loss(X, CLASSES)) == float(expected)
    assert repr(loss) == "CrossEntropyLoss(label_smoothing=0.1)"
    with pytest.raises(TypeError, match="unknown"):
        nn.MSELoss(weights=1)


@pytest.mark.parametrize("integer", [">i4", ">i8", ">u2"])
def test_targets_may_be_of_either_byte_order(integer: str) -> None:
    """E14: as files have them, which are read by np.frombuffer"""
    x, classes = np.array([[0.1, 0.7], [0.4, 0.2]]), np.array([1, 0])
    floats = x.astype(">f8")
    for loss in (F.cross_entropy, F.nll_loss):
        assert loss(Tensor(x), classes.astype(integer)).item() == loss(Tensor(x), classes).item()
    for loss in (
        F.mse_loss, F.l1_loss, F.huber_loss, F.smooth_l1_loss, F.half_squared_error, F.kl_div,
        F.cross_entropy, F.binary_cross_entropy, F.binary_cross_entropy_with_logits,
    ):  # fmt: skip
        assert loss(Tensor(x) * 0.5, floats).item() == loss(Tensor(x) * 0.5, x).item()
    weight = np.array([1.0, 3.0])
    weighted = [
        F.cross_entropy(Tensor(x), classes, w).item() for w in (weight, weight.astype(">f8"))
    ]
    assert weighted[0] == weighted[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_integers_widen_no_losses(dtype: Any) -> None:
    x, whole = Tensor(np.array([[0.5, 0.25]], dtype), requires_grad=True), np.array([[1, 0]])
    for name in (
        "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "half_squared_error", "kl_div",
        "binary_cross_entropy", "binary_cross_entropy_with_logits", "poisson_nll_loss",
        "multilabel_soft_margin_loss", "multilabel_margin_loss",
    ):  # fmt: skip
        for reduction in ("mean", "none"):
            assert getattr(F, name)(x, whole, reduction=reduction).dtype == dtype, name
    assert F.mse_loss(whole, x).dtype == dtype
    assert F.mse_loss(whole, whole).item() == 0
    assert F.nll_loss(x, np.array([1]), np.array([1, 2])).dtype == dtype
    assert F.cross_entropy(x, np.array([1]), np.array([1, 2]), label_smoothing=0.1).dtype == dtype
    assert F.gaussian_nll_loss(x, whole, 1).dtype == dtype
    assert F.gaussian_nll_loss(x, whole, [[1.5]]).dtype == dtype
    assert F.triplet_margin_loss(x, whole, [[0.5, 1.5]]).dtype == dtype
    assert F.cosine_embedding_loss(x, whole, [1]).dtype == dtype
    assert F.margin_ranking_loss(x, whole, [[1, -1]]).dtype == dtype


@pytest.mark.parametrize("log_target", [False, True])
def test_the_mean_divergence_of_a_batch_is_torchs(log_target: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        torch = pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
    y = np.log(DIST) if log_target else DIST
    options: dict[str, Any] = {"reduction": "batchmean", "log_target": log_target}
    ours, theirs = Tensor(LOGP, requires_grad=True), torch.tensor(LOGP, requires_grad=True)
    out = nn.KLDivLoss(**options)(ours, y)
    wanted = torch.nn.KLDivLoss(**options)(theirs, torch.tensor(y))
    np.testing.assert_allclose(out.item(), wanted.item())
    out.backward()
    wanted.backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy())
