"""The live page's engine computes what the library computes, whatever is changed."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import Tensor
from microgradnd.declaration import OPS
from tests.live_programs import RUN, SYSTEMS, numbers_of, random_losses, trial, wrong
from tests.node import needs_node, run
from tests.op_case import OpCase
from tests.op_cases import CASES, LIBRARY_OPS
from viz import trace
from viz.formats.live import MOST, known, program
from viz.structure.ids import ids_of

pytestmark = needs_node
MODULES = [f"live/{name}" for name in ("ndarray", "special", "functions", "kernels", "engine")]
LIVE = "const {Live} = of_live_engine;"
WITHIN: dict[Any, float] = {np.float64: 1e-10, np.float32: 2e-5}
# What the page has no JavaScript for: complex numbers, decompositions, and the gradient rules
# that work on arrays alone.
WITHOUT = {
    "angle", "complex", "conj", "ctc", "eigvals", "eigvalsh", "fft", "ifft", "imag", "irfft",
    "matrix_exp", "max_pool2d_input", "packed_eig", "packed_eigh", "packed_qr", "packed_svd",
    "pinv", "real", "rfft", "svdvals",
}  # fmt: skip


def live_of(tensor: Tensor, gradient: Any = None) -> tuple[dict[str, Any], Any]:
    found = trace(tensor, gradient, keep="arrays")
    return program(found, ids_of(found)), found


def test_the_names_that_python_reads_are_the_functions_that_there_are() -> None:
    assert set(run(MODULES, "return Object.keys(of_live_kernels.steps);")) == known()


def jobs_of(case: OpCase, dtype: Any, most: int) -> list[tuple[dict[str, Any], Any]]:
    jobs = []
    for sample in case.samples[:most]:
        out = case.call(*sample.tensors(dtype), **sample.options)
        if out.requires_grad and np.dtype(out.dtype).kind == "f":
            g = np.random.default_rng(5).uniform(-1, 1, out.shape)
            jobs.append(live_of(out, np.asarray(g, out.dtype)))
    return jobs


@pytest.mark.parametrize("dtype", WITHIN)
def test_every_op_of_the_table_but_a_few_runs_in_the_page(dtype: Any) -> None:
    made = {
        case.op: jobs_of(case, dtype, 5 if dtype is np.float64 else 2)
        for case in CASES
        if OPS[case.op].rules
    }
    without = {op for op, jobs in made.items() if not jobs or any("missing" in p for p, _ in jobs)}
    all_jobs = [(op, *job) for op, jobs in made.items() if op not in without for job in jobs]
    got = run(MODULES, f"{LIVE}{RUN}return data.map((program) => ran({{program, changes: []}}));",
              [job for _, job, _ in all_jobs])  # fmt: skip
    for (op, _, found), numbers in zip(all_jobs, got, strict=True):
        assert not wrong([numbers_of(found)], numbers, WITHIN[dtype]), op
    with_rules = {op for op in LIBRARY_OPS if OPS[op].rules}
    print(f"{len(with_rules - without)} of {len(with_rules)} ops with a gradient run in the page")
    assert without - {"astype"} <= WITHOUT
    assert len(with_rules - without) >= 135


@pytest.mark.parametrize("dtype", WITHIN)
@pytest.mark.parametrize("name", SYSTEMS)
def test_the_chapters_systems_follow_every_change(name: str, dtype: Any) -> None:
    job, expected = trial(SYSTEMS[name](dtype), 20)
    got = run(MODULES, f"{LIVE}{RUN}return ran(data);", job)
    assert not wrong(expected, got, WITHIN[dtype])


def test_random_programs_follow_every_change() -> None:
    made = [trial(loss, 4, seed) for seed, loss in enumerate(islice(random_losses(), 15))]
    got = run(MODULES, f"{LIVE}{RUN}return data.map(ran);", [job for job, _ in made])
    for (_, expected), numbers in zip(made, got, strict=True):
        assert not wrong(expected, numbers, 1e-10)


def network() -> tuple[Tensor, dict[str, str]]:
    draw = np.random.default_rng(0)
    w1, w2 = (
        Tensor(draw.normal(size=s), requires_grad=True, name=n)
        for s, n in (((3, 4), "W1"), ((4, 2), "W2"))
    )
    x = Tensor(draw.normal(size=(2, 3)), name="x")
    h = (x @ w1).tanh().named("h")
    y = ((h @ w2).square().sum() + (w1 * w1).sum() * 0.1).named("loss")
    found = trace(y)
    ids = ids_of(found)
    return y, {node.name: ids.tensors[node] for node in found.nodes if node.name} | {
        found.nodes[k].op.name: name for k, name in enumerate(map(ids.operations.get, found.nodes))
        if name
    }  # fmt: skip


def test_a_flow_that_is_blocked_a_tensor_that_is_frozen_or_held() -> None:
    y, ids = network()
    code = f"""{LIVE}
    const {{program, ids}} = data, live = new Live(program);
    const g = (id) => [...live.gradient(ids[id]).data], v = (id) => [...live.value(ids[id]).data];
    const out = {{before: g("W1")}};
    const [tanh] = live.backward.filter((u) => u.of === ids.tanh);
    live.block(tanh.key); live.run(); out.blocked = g("W1"); out.w2 = g("W2");
    live.undo(); live.run(); out.undone = g("W1");
    live.freeze(ids.h); live.run(); out.frozen = g("W1"); live.undo();
    live.hold(ids.h); live.set(ids.W1, 0, 5); live.run();
    out.h = v("h"); out.held = g("W1"); out.gradient = g("h");
    live.reset(); out.after = g("W1"); out.swaps = live.choices(ids.tanh);
    live.swap(ids.tanh, "sigmoid"); live.run(); out.sigmoid = g("W1");
    live.undo(); live.run(); out.back = g("W1");
    return out;"""
    found, traced = live_of(y)
    got = {k: np.array(x) for k, x in run(MODULES, code, {"program": found, "ids": ids}).items()}
    w1 = traced.graph.leaves[0].value.ravel()
    for name in ("undone", "after", "back"):
        np.testing.assert_array_equal(got[name], got["before"])
    np.testing.assert_allclose(got["blocked"], 0.2 * w1)  # what the penalty alone gives
    np.testing.assert_allclose(got["frozen"], 0.2 * w1)
    np.testing.assert_allclose(got["held"], 0.2 * np.array([5.0, *w1[1:]]))
    values = {node.name: x for node, x in traced.values.items()}
    np.testing.assert_allclose(got["h"], values["h"].ravel(), rtol=1e-14)
    assert got["gradient"].any()
    assert {"relu", "sigmoid", "tanh"} <= set(got["swaps"])
    x, w1, w2 = (Tensor(values.get(n, 0.0), requires_grad=True) for n in ("x", "W1", "W2"))
    x = next(o.value for n in traced.nodes if not n.is_leaf for o in n.operands if o.name == "x")
    ((mg.sigmoid(x @ w1) @ w2).square().sum() + (w1 * w1).sum() * 0.1).backward()
    np.testing.assert_allclose(got["sigmoid"], w1.grad.data.ravel(), rtol=1e-10)


def test_all_activations_can_stand_for_each_other() -> None:
    x = Tensor(np.array([[-1.5, 0.3], [0.6, 2.0]]), requires_grad=True)
    found, _ = live_of(x.tanh(), np.array([[1.0, 2.0], [-1.0, 0.5]]))
    code = f"""{LIVE}const live = new Live(data);
    return Object.fromEntries(live.choices("op-1").map((name) => {{
      live.swap("op-1", name); live.run();
      return [name, [[...live.value("t-2").data], [...live.gradient("t-1").data]]];
    }}));"""
    got = run(MODULES, code, found)
    assert len(got) > 12
    for name, (value, gradient) in got.items():
        t = Tensor(x.data, requires_grad=True)
        y = OPS[name](t)
        y.backward(np.array([[1.0, 2.0], [-1.0, 0.5]]))
        np.testing.assert_allclose(value, y.data.ravel(), rtol=1e-12, err_msg=name)
        np.testing.assert_allclose(gradient, t.grad.data.ravel(), rtol=1e-12, err_msg=name)


def test_a_rule_that_went_by_a_value_says_when_it_would_go_another_way() -> None:
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    found, _ = live_of(x.prod())
    code = f"""{LIVE}const live = new Live(data), before = live.broken.length;
    live.set("t-1", 1, 0); live.run(); return [before, live.broken];"""
    assert run(MODULES, code, found) == [0, ["op-1"]]


def test_what_cannot_run_in_a_page_says_what_it_was() -> None:
    x = Tensor(np.eye(3) * 2.0, requires_grad=True)
    assert live_of(mg.linalg.pinv(x).sum())[0]["missing"] == ["pinv"]
    half = Tensor(np.ones(3, np.float16), requires_grad=True)
    assert live_of((half * half).sum())[0]["missing"] == ["float16 arrays"]
    wide = Tensor(np.zeros(MOST), requires_grad=True)
    assert "too many" in live_of((wide * wide).sum())[0]["why"]
    many = mg.stack([x.sum() * k for k in range(65)]).sum()
    assert live_of(many)[0] == {
        "missing": ["stack"],
        "why": "65 operands are too many to be computed in a page",
    }
    y = Tensor(2.0, requires_grad=True) * 3.0
    y.register_hook(lambda g: g * 2.0)
    assert live_of(y * 2.0)[0]["missing"] == ["hook"]


def test_a_hundred_records_run_in_a_sixtieth_of_a_second() -> None:
    """The fastest of many runs, because a machine may be busy with other things."""
    draw = np.random.default_rng(0)
    x: Any = Tensor(draw.normal(size=(8, 16)))
    for _ in range(34):
        x = (x @ Tensor(draw.normal(size=(16, 16)) * 0.2, requires_grad=True) + 0.1).tanh()
    found, _ = live_of(x.sum())
    code = f"""{LIVE}const live = new Live(data), times = [];
    for (let k = 0; k < 100; k++) {{
      const start = performance.now(); live.run(); times.push(performance.now() - start);
    }}
    return Math.min(...times);"""
    milliseconds = run(MODULES, code, found)
    print(f"{milliseconds:.2f} ms")
    assert milliseconds < 1000 / 60
