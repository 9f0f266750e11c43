"""Operations in a row: one record that says each of them and its gain."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import viz
from microgradnd import Tensor
from tests.picture_laws import broken
from viz.model.build import build
from viz.model.elements import ClosedGroup
from viz.model.snapshot import at_step
from viz.structure.folding import Folding


def chained(blocks: int = 2) -> Tensor:
    draw = np.random.default_rng(0)
    h = Tensor(draw.normal(size=(3, 4)), requires_grad=True, name="x")
    for k in range(blocks):
        w = Tensor(0.5 * draw.normal(size=(4, 4)), requires_grad=True, name=f"W{k}")
        h = (h @ w).tanh()
        h = ((h * h) * 0.5 + 0.1).exp().sin()
    return (h * h).mean().named("loss")


def strips(t: Tensor) -> list[ClosedGroup]:
    trace = viz.trace(t)
    model = build(trace, Folding(trace.nesting, set()), tags=False)
    return [group for group in model.of_kind(ClosedGroup) if group.module == "chain"]


def test_the_gains_of_a_strip_multiply_to_its_own() -> None:
    loss = chained()
    trace = viz.trace(loss)
    for strip in strips(loss):
        group = next(g for g in trace.groups.groups() if g.id == strip.id)
        nodes = list(group.nodes())
        first, last = nodes[0], nodes[-1]
        true = trace.contributions[first, 0].norm / trace.gradients[last].norm
        assert math.prod(gain for _, gain in strip.strip if gain) == pytest.approx(true)
        assert len(strip.strip) == len(nodes) == strip.operations
    texts = [text for text, _ in strips(loss)[0].strip]
    assert texts == ["x @ W0", "tanh(·)", "· × ·", "· × 0.5", "· + 0.1", "exp(·)", "sin(·)"]


def test_a_result_that_is_used_elsewhere_ends_the_row() -> None:
    x = Tensor(np.full(3, 0.5), requires_grad=True, name="x")
    h = x.exp().tanh().sqrt()
    y = h.sin().cos().exp().tanh()
    assert not strips((y + h).sum())  # neither part is long enough
    y = y.sin().cos()
    names = [part.op.name for part in nodes_of(strips((y + h).sum()), (y + h).sum())]
    assert names == ["sin", "cos", "exp", "tanh", "sin", "cos"]


def nodes_of(groups: list[ClosedGroup], t: Tensor) -> list:
    by_id = {group.id: group for group in viz.trace(t).groups.groups()}
    return [node for group in groups for node in by_id[group.id].nodes()]


def test_small_graphs_keep_all_operations_and_large_ones_say_that_they_fold() -> None:
    small = viz.draw(chained())
    assert not list(small.model.of_kind(ClosedGroup))
    assert "folded" not in small.model.summary
    large = viz.draw(chained(40), theme="light")
    assert "folded into" in large.model.summary
    svg = large.svg()
    assert broken(svg) == []
    assert "sin (×" in svg


def test_a_strip_tells_no_gain_before_its_steps_are_done() -> None:
    trace = viz.trace(chained())
    model = build(trace, Folding(trace.nesting, set()), tags=False)
    stage = at_step(model, 9)
    known = [{gain is not None for _, gain in group.strip}
             for group in stage.of_kind(ClosedGroup) if group.strip]  # fmt: skip
    assert known == [{False}, {True}]


def test_the_document_has_the_strips() -> None:
    loss = chained()
    document = json.loads(viz.draw(loss).json())
    told = [group["strip"] for group in document["groups"].values() if group["strip"]]
    assert told == [[list(step) for step in strip.strip] for strip in strips(loss)]
