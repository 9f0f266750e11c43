"""Groups: modules' calls and repetitions, found from the graph alone."""

from __future__ import annotations

import numpy as np

from microgradnd import Tensor, nn
from microgradnd.graph import Graph
from viz.structure.groups import grouped
from viz.structure.tree import Group, Part


def operations(t: Tensor) -> list:
    return list(Graph(t).computed)


def outline(part: Part) -> object:
    """A tree of groups in short: (name, kind, parts), operations by name."""
    if isinstance(part, Group):
        times = f"×{part.count}" if part.kind == "repeat" else part.kind
        return (part.name, times, [outline(inner) for inner in part.parts])
    return part.op.name


def test_calls_of_modules_are_nested_groups() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3), nn.Tanh()))
    loss = (net(np.ones((1, 2))) ** 2).sum()
    linear = ["linear"]
    assert outline(grouped(operations(loss))) == (
        "",
        "graph",
        [
            (
                "Sequential",
                "Sequential",
                [
                    ("0", "Linear", linear),
                    ("1", "Sequential", [("0", "Linear", linear), ("1", "Tanh", ["tanh"])]),
                ],
            ),
            "power",
            "sum",
        ],
    )


def recurrent(steps: int) -> Tensor:
    w, h = Tensor(np.eye(2), requires_grad=True, name="W"), Tensor(np.ones((1, 2)))
    for _ in range(steps):
        h = (h @ w + 0.5).tanh()
    return h.sum()


def test_equal_time_steps_are_one_repetition_with_shared_parameters() -> None:
    root = grouped(operations(recurrent(50)), stretches=False)
    [repeats] = [part for part in root.parts if isinstance(part, Group)]
    assert (repeats.kind, repeats.shared) == ("repeat", True)
    assert repeats.count == 50
    assert outline(repeats.parts[1])[2] == ["matmul", "add", "tanh"]


def test_equal_blocks_with_parameters_of_their_own_are_told_apart_from_time_steps() -> None:
    net = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(5)))
    root = grouped(operations(net(np.ones((1, 4))).sum()))
    repeats = [group for group in root.groups() if group.kind == "repeat"]
    assert [(group.count, group.shared) for group in repeats if group.count >= 4] == [(5, False)]


def test_long_chains_are_one_group() -> None:
    t = Tensor(np.full(3, 0.5), requires_grad=True)
    for name in ("exp", "tanh", "sqrt", "sin", "cos", "exp", "square"):
        t = getattr(t, name)() if hasattr(t, name) else t * t
    kinds = [part.kind for part in grouped(operations(t)).parts if isinstance(part, Group)]
    assert kinds == ["chain"]


def test_groupings_can_be_switched_off() -> None:
    switches = {"repeats": False, "chains": False, "stretches": False}
    unfolded = grouped(operations(recurrent(20)), **switches)
    assert all(not isinstance(p, Group) for p in unfolded.parts)
    flat = grouped(operations(nn.Linear(2, 2)(np.ones((1, 2))).sum()), modules=False)
    assert all(not isinstance(p, Group) for p in flat.parts)


def test_no_operation_is_lost_or_reordered_and_no_group_is_left_and_entered_again() -> None:
    random = np.random.default_rng(0)
    leaves = [Tensor(random.standard_normal(2), requires_grad=True) for _ in range(3)]
    pool = list(leaves)
    for _ in range(300):
        a, b = random.choice(len(pool), 2)
        pool.append(pool[a] * pool[b] if random.random() < 0.5 else (pool[a] + pool[b]).tanh())
    total = sum(pool[3:], start=pool[2]).sum()
    computed = operations(total)
    root = grouped(computed)
    assert list(root.nodes()) == computed
    assert all(len(group.parts) <= 40 for group in root.groups() if group.kind != "step")


def test_ten_thousand_scalar_operations_fold_into_a_few_groups_quickly() -> None:
    t = Tensor(1.0, requires_grad=True)
    for _ in range(5_000):
        t = t * 0.999 + 0.001
    root = grouped(operations(t))
    assert sum(1 for part in root.parts) <= 4
    assert next(g for g in root.groups() if g.kind == "repeat").count >= 4_998


def test_three_projections_of_one_tensor_are_branches_and_many_blocks_are_alike() -> None:
    x = Tensor(np.ones((2, 4)), requires_grad=True, name="x")
    q, k, v = (nn.Linear(4, 4)(x) for _ in range(3))
    root = grouped(operations((q @ k.T @ v).sum()))
    assert {group.kind for group in root.groups()} == {"graph", "Linear"}
    heads = [nn.Linear(4, 4)(x) for _ in range(6)]
    repeats = [g for g in grouped(operations(sum(heads).sum())).groups() if g.kind == "repeat"]
    assert [(g.count, g.shared) for g in repeats if "Linear" in g.name] == [(6, False)]
