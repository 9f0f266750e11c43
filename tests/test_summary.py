"""Summaries: parameters and multiply-adds, counted from what was really run."""

from __future__ import annotations

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import nn
from microgradnd.nn.summaries import in_bytes


def row_of(table, path):
    (row,) = [row for row in table.rows if row.path == path]
    return row


def test_linear_layers_multiply_each_input_with_each_weight() -> None:
    net = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3, bias=False))
    table = nn.summary(net, (7, 2, 5))
    assert [(row.path, row.shape) for row in table.rows] == [("0", (7, 2, 4)), ("1", (7, 2, 3))]
    assert [row.parameters for row in table.rows] == [24, 12]
    assert [row.multiply_adds for row in table.rows] == [7 * 2 * 5 * 4, 7 * 2 * 4 * 3]
    assert (table.parameters, table.multiply_adds) == (36, 14 * 32)


def test_nothing_of_the_model_is_changed() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].eval()
    net[0].weight.requires_grad = False
    before = {path: array.copy() for path, array in net.state_dict().items()}
    table = nn.summary(net, (1, 2))
    assert [module.training for module in net.modules()] == [True, True, False]
    assert [p.requires_grad for p in net.parameters()] == [False, True, True, True]
    assert all(p.grad is None for p in net.parameters())
    assert not any(kind for module in net.modules() for kind in module._hook_tables().values())
    for path, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[path])
    assert mg.is_grad_enabled()
    assert (table.parameters, table.trainable) == (12, 8)
    assert "4 parameters frozen" in repr(table)


def test_a_model_that_fails_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(2, 2))
    net[0].bias.requires_grad = False
    with pytest.raises(ValueError, match="linear"):
        nn.summary(net, (1, 3))
    assert net.training
    assert not net[0].bias.requires_grad
    assert not any(net[0]._hook_tables().values())
    net(np.ones((1, 2)))


def test_frozen_layers_count_too_also_under_no_grad() -> None:
    net = nn.Linear(3, 2)
    for parameter in net.parameters():
        parameter.requires_grad = False
    with mg.no_grad():
        assert nn.summary(net, (4, 3)).multiply_adds == 24


def test_a_layer_called_twice_does_its_work_twice_and_has_its_parameters_once() -> None:
    layer = nn.Linear(3, 3)
    table = nn.summary(nn.Sequential(layer, layer), (1, 3))
    assert [(row.path, row.calls) for row in table.rows] == [("0", 2)]
    assert (table.parameters, table.multiply_adds) == (12, 18)
    assert "Linear ×2" in repr(table)


def test_a_shared_weight_is_counted_where_it_comes_first() -> None:
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    net[1].weight = net[0].weight
    table = nn.summary(net, (1, 3))
    assert [row.parameters for row in table.rows] == [9, 0]
    assert (table.parameters, table.multiply_adds) == (9, 18)


class Attention(nn.Module):
    """A module that computes by itself, of two inputs, with several results."""

    def __init__(self) -> None:
        self.key = nn.Linear(4, 4, bias=False)
        self.unused = nn.Linear(2, 2)

    def forward(self, x, mask):
        scores = mg.einsum("ntd,nsd->nts", self.key(x), x)
        return scores * mask, scores


def test_what_a_module_does_besides_its_layers_is_its_own() -> None:
    table = nn.summary(Attention(), [(2, 3, 4), (3, 3)])
    own = row_of(table, "")
    assert own.multiply_adds == 2 * 3 * 3 * 4
    assert own.shape == [(2, 3, 3), (2, 3, 3)]
    assert row_of(table, "key").multiply_adds == 2 * 3 * 4 * 4
    assert row_of(table, "unused").calls == 0
    assert "(not called)" in repr(table)
    assert table.parameters == 16 + 6


def test_memory_is_that_of_what_backward_needs() -> None:
    class Square(nn.Module):
        def forward(self, x):
            return (x.exp() * 2.0).reshape((-1,))  # exp keeps its result, nothing else is kept

    assert nn.summary(Square(), (10, 10), dtype="float32").kept == 400
    assert nn.summary(nn.Linear(3, 2), (5, 3), dtype="float64").kept == 5 * 3 * 8


def test_the_input_takes_the_dtype_of_the_parameters_or_the_one_given() -> None:
    seen = []

    class Look(nn.Module):
        def __init__(self) -> None:
            self.w = mg.Tensor(np.ones(1, np.float32), requires_grad=True)

        def forward(self, x, *more):
            seen.append([x.dtype, *(m.dtype for m in more)])
            return x * self.w

    nn.summary(Look(), (1,))
    nn.summary(Look(), [(1,), (1,)], dtype=["float64", int])
    assert seen == [[np.float32], [np.float64, np.int64]]


def test_the_table_of_lenet_style_layers_reads_well() -> None:
    net = nn.Sequential(nn.Linear(800, 500), nn.Linear(500, 10)).astype(np.float32)
    assert repr(nn.summary(net, (1, 800))).splitlines() == [
        "layer    kind    output    parameters  multiply-adds",
        "────────────────────────────────────────────────────",
        "(input)          (1, 800)",
        "0        Linear  (1, 500)     400,500        400,000",
        "1        Linear  (1, 10)        5,010          5,000",
        "────────────────────────────────────────────────────",
        "total                         405,510        405,000",
        "parameters 1.62 MB, kept for backward 5.2 kB",
    ]


def test_bytes_are_told_in_a_unit_that_fits() -> None:
    told = [in_bytes(n) for n in (0, 999, 1000, 1_724_320, 553_430_176, 5_500_000_000)]
    assert told == ["0 B", "999 B", "1 kB", "1.72 MB", "553 MB", "5.5 GB"]
