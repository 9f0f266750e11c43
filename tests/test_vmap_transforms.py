"""`func.vmap` with derivatives, containers, random draws and layers; what it refuses, and how."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import func, nn
from microgradnd.declaration import OPS, op
from microgradnd.errors import LoopWarning
from microgradnd.nn import functional as F
from microgradnd.transforms import batching
from tests.composed_cases import COMPOSED
from tests.op_case import OpCase, Operand, Sample
from tests.test_composed import called
from tests.test_transforms import flattened

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(5, 4)), RANDOM.normal(size=(5, 2))
NET = {
    "w": RANDOM.normal(size=(3, 4)), "b": RANDOM.normal(size=3), "v": RANDOM.normal(size=(2, 3)),
}  # fmt: skip


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own imports is not our concern
        return pytest.importorskip("torch", reason="torch is an oracle, not a dependency")


def network(m: Any, p: Any, x: Any) -> Any:
    return p["v"] @ m.tanh(p["w"] @ x + p["b"])


def loss(m: Any, p: Any, x: Any, y: Any) -> Any:
    return ((network(m, p, x) - y) ** 2).sum()


def one(m: Any, x: Any) -> Any:
    return (m.sin(x) * x[0]).sum()


CALLS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "gradients of samples": lambda f, m, p, to: f.vmap(
        f.grad(lambda p, x, y: loss(m, p, x, y)), (None, 0, 0))(p, to(X), to(Y)),
    "of an ensemble": lambda f, m, p, to: f.vmap(
        lambda p, x: network(m, p, x), ({"w": 0, "b": 0, "v": None}, None))(
        {"w": m.stack([p["w"], 2 * p["w"]]), "b": m.stack([p["b"], p["b"]]), "v": p["v"]},
        to(X[0])),
    "values and gradients": lambda f, m, p, to: f.vmap(
        lambda x, y: f.grad(lambda x: (loss(m, p, x, y), x * 2), has_aux=True)(x))(to(X), to(Y)),
    "jacobians": lambda f, m, p, to: f.vmap(f.jacrev(lambda x: network(m, p, x)))(to(X)),
    "jacobians forward": lambda f, m, p, to: f.vmap(f.jacfwd(lambda x: network(m, p, x)))(to(X)),
    "hessians": lambda f, m, p, to: f.vmap(f.hessian(lambda x: one(m, x)))(to(X)),
    "vjp": lambda f, m, p, to: f.vmap(
        lambda x, y: f.vjp(lambda x: network(m, p, x), x)[1](y)[0])(to(X), to(Y)),
    "jvp": lambda f, m, p, to: f.vmap(
        lambda x, t: f.jvp(lambda x: network(m, p, x), (x,), (t,))[1])(to(X), to(X + 1)),
    "pulled back for a basis": lambda f, m, p, to: f.vmap(
        f.vjp(lambda x: network(m, p, x), to(X[0]))[1])(to(np.eye(2)))[0],
    "a jacobian through a map": lambda f, m, p, to: f.jacrev(
        lambda x: f.vmap(lambda r: one(m, r))(x))(to(X)),
    "a gradient through a map of gradients": lambda f, m, p, to: f.grad(
        lambda x: (f.vmap(f.grad(lambda r: one(m, r)))(x) ** 2).sum())(to(X)),
    "maps in maps": lambda f, m, p, to: f.vmap(
        f.vmap(f.grad(lambda x, y: (x * m.sin(y)).sum()), (0, None)), (None, 0))(to(X), to(X)),
    "the hessian of a map": lambda f, m, p, to: f.hessian(
        lambda x: f.vmap(lambda r: one(m, r))(x).prod())(to(X[:2])),
    "axes": lambda f, m, p, to: f.vmap(lambda x, y: (x.sum() * y, x), (1, None), (1, -1))(
        to(X), to(Y)),
    "equal results": lambda f, m, p, to: f.vmap(lambda x: (x, p["b"]), 0, (1, 0))(to(X)),
    "chunks": lambda f, m, p, to: f.vmap(f.grad(lambda x: one(m, x)), chunk_size=2)(to(X)),
    "names": lambda f, m, p, to: f.vmap(lambda x: x * 2, in_dims=1, out_dims=1)(to(X)),
    "rows of a table": lambda f, m, p, to: f.vmap(lambda x, i: x[i] * 2)(
        to(X), to(np.array([0, 3, 1, 1, 2]))),
    "rows of one table": lambda f, m, p, to: f.vmap(
        lambda i: p["w"][i, 1:])(to(np.array([[0, 2], [1, 1]]))),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_torch_func_gives_the_same(call: Callable, torch: Any) -> None:
    before = dict(batching.looped)
    ours = call(func, mg, {k: mg.Tensor(v) for k, v in NET.items()}, mg.Tensor)
    assert dict(batching.looped) == before
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own complaints
        theirs = call(torch.func, torch, {k: torch.tensor(v) for k, v in NET.items()}, torch.tensor)
    for x, y in zip(flattened(ours), flattened(theirs), strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)


def test_jacobians_of_all_rows_are_those_row_by_row() -> None:
    f = lambda x: mg.cumprod(x) @ NET["w"].T
    whole = func.jacrev(f)(X[0])
    for k in (1, 2, 3):
        for jacobian in (func.jacrev, func.jacfwd):
            np.testing.assert_allclose(jacobian(f, chunk_size=k)(X[0]).data, whole.data)


def test_gradients_flow_out_of_a_map() -> None:
    w = mg.Tensor(NET["w"], requires_grad=True)
    func.vmap(lambda x: mg.tanh(w @ x).sum())(X).sum().backward()
    again = mg.Tensor(NET["w"], requires_grad=True)
    sum(mg.tanh(again @ x).sum() for x in X).backward()
    np.testing.assert_allclose(w.grad.data, again.grad.data)


# --- Indices that differ from sample to sample ---------------------------------------------------
INDICES: list[Callable[[Any, Any], Any]] = [
    lambda x, i: x[i], lambda x, i: x[:, i], lambda x, i: x[..., i], lambda x, i: x[i, :, i],
    lambda x, i: x[1, i], lambda x, i: x[:, 1, i], lambda x, i: x[i, np.array([[0], [1]])],
    lambda x, i: x[None, i, ..., 1:], lambda x, i: x[i[0]], lambda x, i: x[:, i[0], None],
    lambda x, i: np.take_along_axis(x, i.reshape((1, 1, 2)), 2),
]  # fmt: skip


@pytest.mark.parametrize("read", INDICES)
@pytest.mark.parametrize("axis", [0, None])
def test_each_sample_reads_and_writes_at_its_own_places(read: Callable, axis: int | None) -> None:
    shape = (3, 4, 3)
    x = RANDOM.normal(size=(5, *shape) if axis == 0 else shape)
    i = RANDOM.integers(0, 3, (5, 2))
    row = lambda k: x[k] if axis == 0 else x
    t = mg.Tensor(x, requires_grad=True)
    out = func.vmap(read, (axis, 0))(t, i)
    np.testing.assert_array_equal(out.data, np.stack([read(row(k), i[k]) for k in range(5)]))
    g = RANDOM.normal(size=out.shape)
    (found,) = mg.grad(out, t, g)
    again = mg.Tensor(x, requires_grad=True)
    rows = [read(again[k] if axis == 0 else again, mg.Tensor(i[k])) for k in range(5)]
    (exact,) = mg.grad(mg.stack(rows), again, g)
    np.testing.assert_allclose(found.data, exact.data, atol=1e-14)


def test_each_sample_writes_at_its_own_places() -> None:
    x, i, v = RANDOM.normal(size=(5, 3, 4)), RANDOM.integers(0, 4, (5, 2)), np.ones((3, 2))

    def write(x: Any, i: Any) -> Any:
        x = x * 1
        x[:, i] = v
        return x

    out = func.vmap(write)(x, i)
    np.testing.assert_array_equal(out.data, np.stack([write(a, b) for a, b in zip(x, i)]))
    added = func.vmap(lambda x, i: mg.index_add(x, 1, i, v))(x, i)
    exact = [mg.index_add(a, 1, b, v).data for a, b in zip(x, i)]
    np.testing.assert_array_equal(added.data, np.stack(exact))


# --- Functions composed of operations ------------------------------------------------------------
# They give results of different shapes for different values.
REFUSED = {"unique", "nonzero", "argwhere", "masked_select"}


@pytest.mark.parametrize(
    ("case", "sample"),
    [pytest.param(c, s, id=f"{c.op} {s.label}") for c in COMPOSED for s in c.samples[:2]],
)
def test_composed_functions_are_mapped(case: OpCase, sample: Sample) -> None:
    operands = [
        np.stack([o.draw(np.random.default_rng(i), o.shape) if isinstance(o, Operand) else o
                  for i in range(3)])
        for o in sample.operands
    ]  # fmt: skip
    call = lambda *xs: called(case.call, case, sample, list(xs))
    before = dict(batching.looped)
    if case.op in REFUSED:
        with pytest.raises(TypeError):
            func.vmap(call)(*operands)
        return
    if case.op == "one_hot" and "num_classes" not in sample.options:
        return
    outs = func.vmap(call)(*operands)
    rows = [call(*[mg.Tensor(x[i]) for x in operands]) for i in range(3)]
    for k, out in enumerate(outs):
        np.testing.assert_allclose(
            out.data, np.stack([row[k].data for row in rows]), rtol=1e-12, atol=1e-12
        )
    assert dict(batching.looped) == before


GRID = RANDOM.uniform(-1.2, 1.2, (2, 3, 2, 3, 4, 2))
POOLED = np.array([[[3, 1], [0, 2]], [[0, 3], [1, 2]]])
RULED: dict[str, tuple[Callable, list[np.ndarray]]] = {  # of operands (2, 3, ...)
    "cummax": (lambda x: mg.cummax(x, -1).values, [RANDOM.normal(size=(2, 3, 2, 4))]),
    "cummax of numbers": (lambda x: mg.cummax(x, 0).values, [RANDOM.normal(size=(2, 3))]),
    "mode": (lambda x: mg.mode(x, 0)[0], [RANDOM.integers(0, 3, (2, 3, 5)) / 2.0]),
    "partition": (lambda x: mg.partition(x, 2, None)[2], [RANDOM.normal(size=(2, 3, 2, 4))]),
    "searchsorted": (lambda a, v: mg.searchsorted(a, v, right=True), [
        np.sort(RANDOM.integers(0, 5, (2, 3, 6))), RANDOM.integers(0, 5, (2, 3, 2, 2))]),
    "searchsorted in an order": (lambda a, v: mg.searchsorted(a, v, sorter=mg.argsort(a)), [
        RANDOM.normal(size=(2, 3, 6)), RANDOM.normal(size=(2, 3, 4))]),
    "isin": (lambda x, y: mg.isin(x, y, invert=True), [
        RANDOM.integers(0, 5, (2, 3, 2, 2)), RANDOM.integers(0, 5, (2, 3, 4))]),
    "histogram": (lambda x, w: mg.histogram(x, 4, weights=w, density=True)[0], [
        RANDOM.integers(0, 9, (2, 3, 7)).astype(float), RANDOM.uniform(1, 2, (2, 3, 7))]),
    "edges": (lambda x: mg.histogram(x, 4)[1], [RANDOM.normal(size=(2, 3, 7))]),
    "bincount": (lambda x, w: mg.bincount(x, w, minlength=6), [
        RANDOM.integers(0, 6, (2, 3, 7)), RANDOM.normal(size=(2, 3, 7))]),
    "scatter_reduce": (lambda x, i, y: mg.scatter_reduce(x, 0, i, y, "prod"), [
        RANDOM.normal(size=(2, 3, 4)), RANDOM.integers(0, 4, (2, 3, 5)),
        RANDOM.normal(size=(2, 3, 5))]),
    "masked_scatter": (mg.masked_scatter, [
        RANDOM.normal(size=(2, 3, 4, 2)), RANDOM.uniform(size=(2, 3, 4, 2)) > 0.5,
        RANDOM.normal(size=(2, 3, 9))]),
    "max_unpool1d": (lambda x, i: F.max_unpool1d(x, i, 2), [
        RANDOM.normal(size=(2, 3, 2, 2)), np.stack([POOLED] * 3, 1)]),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2, return_indices=True)[1], [
        RANDOM.normal(size=(2, 3, 1, 4, 4))]),
    "grid_sample": (lambda x, g: F.grid_sample(x, g, align_corners=False), [
        RANDOM.normal(size=(2, 3, 2, 1, 3, 3)), GRID]),
}  # fmt: skip


@pytest.mark.parametrize("name", RULED)
def test_what_asks_for_values_is_mapped_by_rules(name: str) -> None:
    """In maps of maps, in maps where all but the first operand are the same, with gradients."""
    call, arrays = RULED[name]
    leaves = [mg.Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    before = dict(batching.looped)
    nested = func.vmap(func.vmap(call))(*leaves)
    shared = func.vmap(lambda x: call(x, *arrays_at(arrays[1:], 0)))(leaves[0][0])
    assert dict(batching.looped) == before
    rows = lambda i: [call(*[x[i, j] for x in leaves]) for j in range(3)]
    expected = mg.stack([mg.stack(rows(i)) for i in range(2)])
    np.testing.assert_allclose(nested.data, expected.data, rtol=1e-13)
    one = mg.stack([call(leaves[0][0, j], *arrays_at(arrays[1:], 0)) for j in range(3)])
    np.testing.assert_allclose(shared.data, one.data, rtol=1e-13)
    assert nested.requires_grad == expected.requires_grad
    if expected.requires_grad:
        g = RANDOM.normal(size=nested.shape)
        tracked = [x for x in leaves if x.requires_grad]
        found, exact = (mg.grad(o, tracked, g, allow_unused=True) for o in (nested, expected))
        for a, b in zip(found, exact, strict=True):
            assert (a is None) == (b is None)
            assert a is None or np.allclose(a.data, b.data, rtol=1e-12)


def arrays_at(arrays: list[np.ndarray], i: int) -> list[np.ndarray]:
    """The operands of the first sample in sample i of an outer map."""
    return [x[i, 0] for x in arrays]


def test_results_that_would_differ_in_length_are_named() -> None:
    with pytest.raises(ValueError, match=r"bincount: .* \[3, 4\]; give minlength"):
        func.vmap(mg.bincount)(np.array([[0, 2], [1, 3]]))
    with pytest.raises(ValueError, match="masked_scatter: 2 elements are wanted, 1 given"):
        func.vmap(mg.masked_scatter)(X[:, :2], np.ones((5, 2), bool), np.ones((5, 1)))


# --- Layers and losses ---------------------------------------------------------------------------
IMAGES = RANDOM.normal(size=(3, 2, 3, 8, 8)).astype(np.float32)
CLASSES = RANDOM.integers(0, 8, (3, 4))
RECURRENT = nn.LSTM(8, 4)
LAYERS: dict[str, tuple[Callable, tuple]] = {
    "convolutional": (
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4).eval(), nn.ReLU(), nn.MaxPool2d(2),
                      nn.Flatten(), nn.Linear(36, 2)), (IMAGES,)),
    "recurrent": (lambda x: RECURRENT(x)[0], (IMAGES[:, 0, 0, :, None],)),
    "norm": (nn.LayerNorm(8), (IMAGES,)),
    "embedding": (nn.Embedding(8, 3), (CLASSES,)),
    "cross entropy": (nn.CrossEntropyLoss(), (IMAGES[:, 0, 0, :4], CLASSES)),
    "with weights": (nn.CrossEntropyLoss(weight=np.arange(1.0, 9), label_smoothing=0.1),
                     (IMAGES[:, 0, 0, :4], CLASSES)),
    "ignoring": (nn.CrossEntropyLoss(ignore_index=int(CLASSES[0, 0])),
                 (IMAGES[:, 0, 0, :4], CLASSES)),
    "nll": (lambda x, y: nn.NLLLoss()(mg.log_softmax(x), y), (IMAGES[:, 0, 0, :4], CLASSES)),
    "mse": (nn.MSELoss(), (IMAGES, IMAGES + 1)),
    "huber": (nn.HuberLoss(), (IMAGES, IMAGES + 1)),
}  # fmt: skip


@pytest.mark.parametrize(("layer", "xs"), LAYERS.values(), ids=LAYERS)
def test_layers_and_losses_are_mapped(layer: Callable, xs: tuple) -> None:
    out = func.vmap(layer)(*xs)
    expected = mg.stack([layer(*[mg.Tensor(x[i]) for x in xs]) for i in range(3)])
    assert out.dtype == expected.dtype
    np.testing.assert_allclose(out.data, expected.data, rtol=1e-5, atol=1e-5)


# --- Random draws --------------------------------------------------------------------------------
def test_random_draws_are_refused_the_same_or_different() -> None:
    drop = nn.Dropout(0.5)
    ones = np.ones((6, 40))
    with pytest.raises(RuntimeError, match="randomness='different'"):
        func.vmap(drop)(ones)
    same = func.vmap(drop, randomness="same")(ones).data
    different = func.vmap(drop, randomness="different")(ones).data
    assert (same == same[0]).all()
    assert len({row.tobytes() for row in different}) == 6
    for draw in (lambda: mg.randn(3), lambda: mg.rand(3), lambda: mg.normal(size=3),
                 lambda: mg.uniform(size=3), lambda: mg.permutation(9)):  # fmt: skip
        drawn = func.vmap(lambda x, draw=draw: x * 0 + draw().sum() * 0 + draw()[0],
                          randomness="different")(np.ones(4))  # fmt: skip
        assert drawn.shape == (4,)
    nested = lambda f: func.vmap(f, randomness="different")
    drawn = nested(nested(lambda x: x + mg.randn()))(np.zeros((2, 3)))
    assert len(np.unique(drawn.data)) == 6
    assert mg.randn(2).shape == (2,)


# --- What it refuses -----------------------------------------------------------------------------
vmap = func.vmap


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vmap(3), "vmap: a function is needed"),
        (lambda: vmap(abs, randomness="no"), "randomness must be one of"),
        (lambda: vmap(abs, chunk_size=0), "chunk_size"),
        (lambda: vmap(abs, (0, 0))(X), "2 arguments by position, the function was called with 1"),
        (lambda: vmap(abs, None)(X), "no tensor to map over"),
        (lambda: vmap(abs, 2)(X), r"argument 0, \(5, 4\) float64, has no axis 2"),
        (lambda: vmap(lambda x, y: x)(X, 1.0), "argument 1, float 1.0, has no axis 0"),
        (
            lambda: vmap(lambda x, y: x)(X, X[:2]),
            r"argument 0 of shape \(5, 4\): 5 along axis 0, argument 1 of shape \(2, 4\): 2",
        ),
        (lambda: vmap(lambda d: d, ({"a": 0, "b": 0},))({"a": X}), "does not fit argument 0"),
        (lambda: vmap(lambda d: d, ("x",))(X), "an axis or None is meant"),
        (lambda: vmap(lambda x: x, 0, None)(X), "differs from sample to sample"),
        (lambda: vmap(lambda x: x, 0, 3)(X), "out_axes=3 for the result"),
        (lambda: vmap(lambda x: (x, x), 0, (0,))(X), "does not fit the result"),
        (lambda: vmap(lambda x: x if x.sum() > 0 else -x)(X), "a number or a truth"),
        (lambda: vmap(lambda x: float(x.sum()))(X), "a number or a truth"),
        (lambda: vmap(lambda x: x.item())(X), r"\.item"),
        (lambda: vmap(lambda x: x.numpy())(X), r"\.numpy"),
        (lambda: vmap(lambda x: np.asarray(x))(X), "the array itself"),
        (lambda: vmap(lambda x: np.nonzero(x))(X), "numpy.nonzero"),
        (lambda: vmap(lambda x: x[x > 0])(X), "a mask that differs"),
        (lambda: vmap(lambda x: nn.BatchNorm1d(4)(x))(X[:, None].repeat(2, 1)), "a write into"),
        (lambda: vmap(lambda x: x.reshape(3))(X), "cannot reshape array of size 4"),
        (lambda: vmap(lambda x: x.sum(axis=1))(X), "axis 1 is out of bounds for array of dim"),
        (lambda: vmap(lambda x: mg.softmax(x, -2))(X), "axis -2 is out of bounds"),
        (lambda: vmap(lambda x: x @ np.ones((3, 2)))(X), "matmul"),
        (lambda: vmap(lambda x: x.transpose(0, 1))(X), "axes don't match"),
        (lambda: vmap(func.grad(lambda x: x * 2))(X), "must return one number"),
    ],
)
def test_what_cannot_be_mapped_is_named(call: Callable, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_a_tensor_of_samples_that_left_its_map_says_so() -> None:
    kept: list[Any] = []
    vmap(lambda x: kept.append(x) or x)(X)
    with pytest.raises(TypeError, match="used after vmap has returned"):
        kept[0] + 1


def test_no_samples_give_no_results() -> None:
    out = vmap(lambda x: (x.reshape(2, 2).sum(0), x @ x))(np.zeros((0, 4)))
    assert [o.shape for o in out] == [(0, 2), (0,)]


def test_what_has_no_trait_is_called_for_each_sample() -> None:
    def own_fft(x: Any) -> Any:
        return np.array([np.vdot(x, x), *x[:1]])

    row = op(own_fft, "x", name="own_each", x=lambda g, x: x * (g[0] * 2) + np.eye(4)[0] * g[1])
    try:
        x = mg.Tensor(X, requires_grad=True)
        with pytest.warns(LoopWarning, match="own_each is called for each of 5 samples"):
            out = vmap(row)(x)
        assert batching.looped["own_each"] == 1
        np.testing.assert_allclose(out.data, np.stack([own_fft(r) for r in X]))
        out[:, 0].sum().backward()
        np.testing.assert_allclose(x.grad.data, 2 * X)
        assert vmap(row)(np.zeros((0, 4))).shape == (0, 2)
    finally:
        del OPS["own_each"]


def test_a_rule_made_for_arrays_alone_is_called_for_each_row() -> None:
    cube = op(lambda x: x**3, "x", name="own_cube",
              x=lambda g, x: np.multiply(np.asarray(g), 3 * x**2))  # fmt: skip
    try:
        before = batching.looped["jacobian"]
        np.testing.assert_allclose(func.jacrev(cube)(X[0]).data, np.diag(3 * X[0] ** 2))
        assert batching.looped["jacobian"] == before + 1
    finally:
        del OPS["own_cube"]
