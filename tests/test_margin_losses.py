"""Losses of margins, of likelihoods with a variance, and CTC: PyTorch as an oracle, and by hand."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradnd as mg
import microgradnd.nn.functional as F
from microgradnd import Tensor, nn
from tests.op_case import along_directions

random = np.random.default_rng(7)


def drawn(*shape: int) -> np.ndarray:
    return random.standard_normal(shape)


SIGNS = np.array([[1, -1, 1], [-1, -1, 1]])
PAIR = np.array([1, -1, -1, 1])
WEIGHT = np.array([0.5, 2.0, 1.0])
COUNTS = np.array([[0.0, 1.0, 3.0], [7.0, 2.0, 1.0]])
LISTED = np.array([[2, 0, -1], [1, -1, 0], [-1, 2, 1], [0, 1, 2]])
APART = np.array([[3.0, 0.1], [0.2, 2.0], [-1.0, -2.0], [0.3, 0.4]])


class Case(NamedTuple):
    name: str  # of the function
    operands: tuple[np.ndarray, ...]
    tracked: int  # so many operands have a gradient, the first ones
    options: dict[str, Any]
    module: str  # PyTorch's class of it


CASES = [
    *(Case(name, (drawn(2, 3), drawn(2, 3)), 2, {"weight": np.abs(drawn(2, 3))}, "")
      for name in ("mse_loss", "l1_loss", "huber_loss")),
    Case("poisson_nll_loss", (drawn(2, 3), COUNTS), 1, {}, "PoissonNLLLoss"),
    Case("poisson_nll_loss", (drawn(2, 3), COUNTS), 1, {"full": True}, "PoissonNLLLoss"),
    Case("poisson_nll_loss", (np.abs(drawn(2, 3)) + 0.1, COUNTS), 1,
         {"log_input": False, "eps": 0.1}, "PoissonNLLLoss"),
    *(Case("gaussian_nll_loss", (drawn(2, 3), drawn(2, 3), np.abs(drawn(*shape)) + 0.2), 3, options,
           "GaussianNLLLoss")
      for shape in ((2, 3), (2,), (2, 1), (1, 3)) for options in ({}, {"full": True})),
    Case("hinge_embedding_loss", (drawn(2, 3), SIGNS), 1, {}, "HingeEmbeddingLoss"),
    Case("hinge_embedding_loss", (drawn(2, 3), SIGNS), 1, {"margin": 0.3}, "HingeEmbeddingLoss"),
    Case("margin_ranking_loss", (drawn(4), drawn(4), PAIR), 2, {}, "MarginRankingLoss"),
    Case("margin_ranking_loss", (drawn(2, 3), drawn(2, 3), SIGNS), 2, {"margin": 0.6},
         "MarginRankingLoss"),
    Case("cosine_embedding_loss", (drawn(4, 3), drawn(4, 3), PAIR), 2, {}, "CosineEmbeddingLoss"),
    Case("cosine_embedding_loss", (drawn(4, 3), drawn(4, 3), PAIR), 2, {"margin": -0.4},
         "CosineEmbeddingLoss"),
    Case("cosine_embedding_loss", (drawn(3), drawn(3), np.array(-1)), 2, {"margin": -0.9},
         "CosineEmbeddingLoss"),
    Case("soft_margin_loss", (drawn(2, 3), SIGNS), 1, {}, "SoftMarginLoss"),
    *(Case("multi_margin_loss", (drawn(4, 3), np.array([2, 0, 1, 2])), 1, options,
           "MultiMarginLoss")
      for options in ({}, {"p": 2}, {"margin": 0.4}, {"weight": WEIGHT},
                      {"weight": WEIGHT, "p": 2, "margin": 2.0})),
    Case("multi_margin_loss", (drawn(3), np.array(1)), 1, {}, "MultiMarginLoss"),
    Case("multilabel_margin_loss", (drawn(4, 3), LISTED), 1, {}, "MultiLabelMarginLoss"),
    Case("multilabel_margin_loss", (drawn(2, 3), np.array([[2, -1, 0], [-1, 1, 1]])), 1, {},
         "MultiLabelMarginLoss"),
    Case("multilabel_margin_loss", (drawn(2, 3), np.full((2, 3), -1)), 1, {},
         "MultiLabelMarginLoss"),
    Case("multilabel_margin_loss", (drawn(3), LISTED[0]), 1, {}, "MultiLabelMarginLoss"),
    Case("multilabel_margin_loss", (drawn(4), np.array([1, 1, 3, -1])), 1, {},
         "MultiLabelMarginLoss"),
    Case("multilabel_soft_margin_loss", (drawn(2, 3), (SIGNS + 1) / 2), 1, {},
         "MultiLabelSoftMarginLoss"),
    Case("multilabel_soft_margin_loss", (drawn(3), np.array([1.0, 0.0, 0.5])), 1,
         {"weight": WEIGHT}, "MultiLabelSoftMarginLoss"),
    *(Case("triplet_margin_loss", (drawn(4, 3), drawn(4, 3), drawn(4, 3)), 3, options,
           "TripletMarginLoss")
      for options in ({}, {"swap": True}, {"p": 1, "margin": 0.5}, {"p": 3.0}, {"p": 1.5},
                      {"p": float("inf")}, {"eps": 0.1})),
    Case("triplet_margin_loss", (drawn(3), drawn(3), drawn(3)), 3, {}, "TripletMarginLoss"),
    Case("triplet_margin_with_distance_loss", (drawn(4, 3), drawn(4, 3), drawn(4, 3)), 3,
         {"swap": True, "margin": 0.8}, "TripletMarginWithDistanceLoss"),
    Case("triplet_margin_with_distance_loss", (drawn(4, 3), drawn(4, 3), drawn(4, 3)), 3,
         {"distance_function": lambda x, y: abs(x - y).sum(-1)}, "TripletMarginWithDistanceLoss"),
]  # fmt: skip
each_case = pytest.mark.parametrize(
    "case", CASES, ids=lambda c: f"{c.name} {c.operands[0].shape} {list(c.options)}"
)


@pytest.fixture
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def leaves(case: Case, dtype: Any = np.float64) -> list[Tensor]:
    return [Tensor(x.astype(dtype), requires_grad=True) for x in case.operands[: case.tracked]]


@each_case
def test_values_and_gradients_are_torchs(case: Case, torch: Any) -> None:
    as_torch = lambda v: torch.tensor(v) if isinstance(v, np.ndarray) else v
    options = {key: as_torch(value) for key, value in case.options.items()}
    for reduction in ("mean", "sum", "none"):
        ours = leaves(case)
        theirs = [torch.tensor(x.numpy(), requires_grad=True) for x in ours]
        rest = case.operands[case.tracked :]
        out = getattr(F, case.name)(*ours, *rest, **case.options, reduction=reduction)
        wanted = getattr(torch.nn.functional, case.name)(
            *theirs, *map(torch.tensor, rest), **options, reduction=reduction
        )
        assert out.shape == wanted.shape
        np.testing.assert_allclose(out.detach().numpy(), wanted.detach().numpy(), rtol=1e-10)
        g = np.random.default_rng(1).standard_normal(out.shape)
        out.backward(g)
        wanted.backward(torch.tensor(g))
        for x, y in zip(ours, theirs):
            np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-8, atol=1e-12)
        if case.module:
            loss = getattr(nn, case.module)(**case.options, reduction=reduction)
            np.testing.assert_array_equal(loss(*ours, *rest).numpy(), out.numpy())


@each_case
def test_derivatives_agree_with_finite_differences(case: Case) -> None:
    rest = case.operands[case.tracked :]
    loss = lambda *xs: getattr(F, case.name)(*xs, *rest, **case.options)
    assert mg.gradcheck(loss, leaves(case))
    assert mg.gradgradcheck(loss, leaves(case))


@each_case
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_dtype_is_kept(case: Case, dtype: Any) -> None:
    xs = leaves(case, dtype)
    rest = case.operands[case.tracked :]
    rest = tuple(x.astype(dtype) if x.dtype.kind == "f" else x for x in rest)
    for reduction in ("mean", "none"):
        out = getattr(F, case.name)(*xs, *rest, **case.options, reduction=reduction)
        out.sum().backward()
        assert {out.dtype, *(x.grad.dtype for x in xs)} == {np.dtype(dtype)}
        assert np.isfinite(out.numpy()).all()


def slope(loss: Callable[[Tensor], Tensor], x: Any) -> list[float]:
    leaf = Tensor(x, requires_grad=True)
    loss(leaf).sum().backward()
    return leaf.grad.tolist()


def test_where_a_margin_is_just_kept_the_slope_is_torchs(torch: Any) -> None:
    hinge = lambda M, like: lambda x: M.hinge_embedding_loss(x, like(np.array([-1.0, 1.0])))
    multi = lambda M, like: lambda x: M.multi_margin_loss(x, like(np.array(0)))
    several = lambda M, like: lambda x: M.multilabel_margin_loss(x, like(np.array([0, -1])))
    ranking = lambda M, like: lambda x: M.margin_ranking_loss(x, like(np.ones(2)), like(np.ones(2)))
    for loss in (hinge, multi, several, ranking):
        leaf = torch.tensor([1.0, 0.0], dtype=torch.double, requires_grad=True)
        loss(torch.nn.functional, torch.tensor)(leaf).sum().backward()
        assert slope(loss(F, np.asarray), [1.0, 0.0]) == leaf.grad.tolist()


def test_a_small_variance_is_held_and_has_the_slope_of_the_least(torch: Any) -> None:
    v = np.array([0.01, 0.5])
    ours = Tensor(v, requires_grad=True)
    theirs = torch.tensor(v, requires_grad=True)
    F.gaussian_nll_loss(np.ones(2), np.zeros(2), ours, eps=0.1).backward()
    ones, zeros = torch.ones(2), torch.zeros(2)
    torch.nn.functional.gaussian_nll_loss(ones, zeros, theirs, eps=0.1).backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy())
    with pytest.raises(ValueError, match="var must not be negative"):
        F.gaussian_nll_loss(np.ones(2), np.zeros(2), -1.0)
    with pytest.raises(ValueError, match="var has shape"):
        F.gaussian_nll_loss(np.ones((2, 3)), np.zeros((2, 3)), np.ones(3))


DISTANCES: list[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    *[("pairwise_distance", (4, 3), (4, 3), {"p": p}) for p in (1.0, 1.5, 2.0, 3.0, float("inf"))],
    ("pairwise_distance", (2, 4, 3), (3,), {"keepdim": True, "eps": 0.5}),
    ("cosine_similarity", (4, 3), (4, 3), {}),
    ("cosine_similarity", (2, 3, 2), (3, 1), {"dim": -2}),
    ("cosine_similarity", (3,), (3,), {"dim": 0, "eps": 100.0}),
]


@pytest.mark.parametrize(("name", "m", "n", "options"), DISTANCES)
def test_distances_are_torchs(name: str, m: Any, n: Any, options: Any, torch: Any) -> None:
    xs = [np.random.default_rng(3).standard_normal(m), np.random.default_rng(4).random(n)]
    ours, theirs = [Tensor(x, requires_grad=True) for x in xs], [torch.tensor(x) for x in xs]
    for x in theirs:
        x.requires_grad = True
    function = partial(getattr(F, name), **options)
    out, wanted = function(*ours), getattr(torch.nn.functional, name)(*theirs, **options)
    np.testing.assert_allclose(out.numpy(), wanted.detach().numpy())
    out.sum().backward()
    wanted.sum().backward()
    for x, y in zip(ours, theirs):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-8, atol=1e-12)
    if "eps" not in options:  # (what is held from below has the slope of what is not)
        assert mg.gradcheck(function, ours)
    assert mg.gradgradcheck(function, ours)
    single = [x.astype(np.float32) for x in xs]
    assert function(*map(Tensor, single)).dtype == np.float32
    module = {"pairwise_distance": nn.PairwiseDistance, "cosine_similarity": nn.CosineSimilarity}
    np.testing.assert_array_equal(module[name](**options)(*ours).numpy(), out.numpy())


def test_a_vector_of_zeros_is_like_none() -> None:
    x = Tensor(np.zeros((1, 2)), requires_grad=True)
    out = F.cosine_similarity(x, np.ones((1, 2)))
    out.sum().backward()
    assert out.tolist() == [0.0]
    assert np.isfinite(x.grad.numpy()).all()


def test_no_distance_has_no_slope() -> None:
    same = np.array([[0.5, -0.5]])
    for p in (1.5, 2.0, 3.0):
        distance = partial(F.pairwise_distance, x2=same, p=p, eps=0.0)
        assert slope(distance, same) == [[0.0, 0.0]]


def test_large_scores_do_not_overflow() -> None:
    x = np.array([[-900.0, 900.0]])
    assert F.soft_margin_loss(x, np.array([[1, 1]])).item() == 450
    assert F.multilabel_soft_margin_loss(x, np.array([[1, 0]])).item() == 900


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: F.hinge_embedding_loss(np.ones(2), np.array([0, 1])), "target must hold 1 and -1"),
    (lambda: F.cosine_embedding_loss(APART, APART, np.ones(2)), "the target has shape"),
    (lambda: F.cosine_embedding_loss(APART[None], APART[None], np.ones(4)), "input1 has shape"),
    (lambda: F.margin_ranking_loss(np.ones(2), np.ones(3), np.ones(2)), "input2 has shape"),
    (lambda: F.multi_margin_loss(APART, np.array([0, 1, 2, 0])), "class numbers must lie in"),
    (lambda: F.multi_margin_loss(APART, np.zeros(4, int), p=3), "p must be one of 1, 2"),
    (lambda: F.multi_margin_loss(APART, np.zeros(3, int)), "the target has shape"),
    (lambda: F.multilabel_margin_loss(APART[0], np.array([2, -1])), "class numbers must lie in"),
    (lambda: F.triplet_margin_loss(APART, APART, APART, margin=0.0), "margin must be"),
    (lambda: F.l1_loss(APART, APART, weight=np.ones(2)), "weight has shape"),
    (lambda: nn.TripletMarginLoss(1.0, margin=2.0), "margin was given twice"),
    (lambda: nn.MSELoss(None, True), "name the others"),
    (lambda: nn.MSELoss(size_average=True), "reduction takes their place"),
    (lambda: nn.LinearCrossEntropyLoss, "use CrossEntropyLoss"),
    (lambda: F.linear_cross_entropy, "use cross_entropy"),
    (lambda: F.relu_, "use relu"),
    (lambda: F.cosine_similarity(np.ones(2), np.ones(2)), "dim=1 is no axis"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_what_is_refused(call: Callable[[], Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError), match=words):
        call()


def test_options_may_come_by_position_as_in_torch(torch: Any) -> None:
    assert repr(nn.TripletMarginLoss(0.5, 1)) == "TripletMarginLoss(margin=0.5, p=1)"
    assert repr(nn.CTCLoss(2, "sum")) == "CTCLoss(blank=2, reduction='sum')"
    assert nn.CrossEntropyLoss(WEIGHT).options["weight"] is WEIGHT
    assert repr(nn.HuberLoss("sum", 2.0)) == "HuberLoss(reduction='sum', delta=2.0)"


def test_every_loss_of_torch_is_there_or_says_what_to_use(torch: Any) -> None:
    for name in torch.nn.modules.loss.__all__:
        if not hasattr(nn, name):
            with pytest.raises(AttributeError, match=f"{name}'; use "):
                getattr(nn, name)
    for name in dir(torch.nn.functional):
        if name.endswith("_loss"):
            assert name in dir(F)


# --- CTC -----------------------------------------------------------------------------------------
def by_enumeration(log_probs: np.ndarray, target: list[int], blank: int) -> float:
    """-log of the sum over all paths that read as the target."""
    total = 0.0
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        read = [c for c, _ in itertools.groupby(path) if c != blank]
        if read == target:
            total += np.exp(sum(log_probs[t, c] for t, c in enumerate(path)))
    return -np.log(total) if total else np.inf


def logits(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape)


def log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


@pytest.mark.parametrize("blank", [0, 1, 2])
@pytest.mark.parametrize("target", [[], [1], [0, 1], [1, 1], [0, 1, 0], [0, 0, 1], [1, 0, 1, 0]])
def test_ctc_is_the_sum_over_all_paths(target: list[int], blank: int) -> None:
    classes = [c for c in range(3) if c != blank]
    named = [classes[c] for c in target]
    p = log_softmax(logits(4, 3))
    found = F.ctc_loss(p, np.array(named, int), 4, len(named), blank, "sum")
    np.testing.assert_allclose(found.item(), by_enumeration(p, named, blank))


CTC: list[dict[str, Any]] = [
    {},
    {"input_lengths": np.array([6, 5, 4])},
    {"targets": np.array([1, 2, 2, 2, 3, 1])},  # joined
    {"target_lengths": np.array([0, 2, 1]), "input_lengths": np.array([4, 6, 1])},
    {"targets": np.array([[1, 1, 1], [2, 1, 1], [1, 2, 1]]), "zero_infinity": True,
     "input_lengths": np.array([4, 6, 6])},
    {"targets": np.array([[1, 0, 1], [2, 0, 9], [1, 9, 9]]), "blank": 3},
]  # fmt: skip


def ctc_arguments(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "targets": np.array([[1, 2, 2], [2, 3, 0], [1, 0, 0]]),
        "input_lengths": np.array([6, 6, 6]),
        "target_lengths": np.array([3, 2, 1]),
    } | given


@pytest.mark.parametrize("given", CTC, ids=lambda g: " ".join(g))
def test_ctc_is_torchs_behind_a_log_softmax(given: dict[str, Any], torch: Any) -> None:
    arguments = ctc_arguments(given)
    theirs_of = {k: torch.tensor(v) if k[-1] == "s" else v for k, v in arguments.items()}
    x = logits(6, 3, 4)
    for reduction in ("mean", "sum", "none"):
        ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        out = F.ctc_loss(F.log_softmax(ours, -1), **arguments, reduction=reduction)
        wanted = torch.nn.functional.ctc_loss(
            torch.log_softmax(theirs, -1), **theirs_of, reduction=reduction
        )
        np.testing.assert_allclose(out.detach().numpy(), wanted.detach().numpy(), rtol=1e-10)
        out.sum().backward()
        wanted.sum().backward()
        np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("given", CTC, ids=lambda g: " ".join(g))
def test_two_derivatives_of_ctc_are_the_finite_differences(given: dict[str, Any]) -> None:
    x = Tensor(log_softmax(logits(6, 3, 4)), requires_grad=True)
    loss = lambda p: F.ctc_loss(p, **ctc_arguments(given), reduction="sum")
    assert mg.gradcheck(loss, [x])
    assert mg.gradgradcheck(*along_directions(loss, [x]))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_ctc_keeps_the_dtype_and_large_losses(dtype: Any) -> None:
    x = Tensor((logits(300, 2, 5) * 3).astype(dtype), requires_grad=True)
    p = F.log_softmax(x, -1)
    out = F.ctc_loss(p, np.ones((2, 90), int), [300, 200], [90, 70])
    out.backward()
    assert out.dtype == x.grad.dtype == dtype
    assert np.isfinite(x.grad.numpy()).all()


def test_ctc_of_a_target_that_does_not_fit_is_infinite_without_a_gradient() -> None:
    x = Tensor(log_softmax(logits(3, 2, 3)), requires_grad=True)
    out = F.ctc_loss(x, [[1, 1], [1, 2]], [2, 3], [2, 2], reduction="none")
    assert out[0].item() == np.inf
    assert np.isfinite(out[1].item())
    out.sum().backward()
    assert (x.grad.numpy()[:, 0] == 0).all()
    assert np.isfinite(x.grad.numpy()).all()
    assert F.ctc_loss(x, [[1, 1], [1, 2]], [2, 0], [2, 0], zero_infinity=True).item() == 0


def test_what_ctc_refuses() -> None:
    p = log_softmax(logits(3, 2, 3))
    for changed, words in (
        ({"targets": [[1, 0], [1, 2]]}, "other than the blank"),
        ({"targets": [[1, 3], [1, 2]]}, "targets must hold class numbers"),
        ({"targets": [[1, 2]]}, "targets has shape"),
        ({"targets": [1, 2, 1]}, "target_lengths add up to"),
        ({"input_lengths": [3, 4]}, r"input_lengths must lie in 0\.\.3"),
        ({"input_lengths": [3]}, "input_lengths has shape"),
        ({"target_lengths": [3, 1]}, r"target_lengths must lie in 0\.\.2"),
        ({"blank": 3}, "blank=3 is none of"),
        ({"log_probs": p[0, 0]}, "log_probs has shape"),
    ):
        valid = {"log_probs": p, "targets": [[1, 2], [1, 2]], "input_lengths": [3, 3],
                 "target_lengths": [2, 2]}  # fmt: skip
        with pytest.raises(ValueError, match=words):
            F.ctc_loss(**valid | changed)
