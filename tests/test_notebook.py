"""What a notebook shows of pictures and, once viz is imported, of tensors."""

from __future__ import annotations

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

import viz
from microgradnd import Tensor


def shown(value: object) -> dict[str, str]:
    return DisplayFormatter().format(value)[0]


def test_a_picture_is_shown_as_svg_and_html() -> None:
    x = Tensor(2.0, requires_grad=True, name="x")
    found = shown(viz.draw(x * x))
    assert found["image/svg+xml"].startswith("<svg")
    assert found["image/svg+xml"] in found["text/html"]


def test_a_tensor_of_a_small_graph_is_shown_with_its_picture() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    loss = (x * x).sum()
    found = shown(loss)
    assert found["text/plain"] == repr(loss)
    assert 'data-name="multiply"' in found["image/svg+xml"]
    assert "backward step" in found["image/svg+xml"]
    assert x.grad is None


@pytest.mark.parametrize("value", [[1.0, 2.0], 3.0, []])
def test_leaves_and_results_that_are_no_scalars_are_shown_without_a_backward_pass(
    value: object,
) -> None:
    x = Tensor(value, dtype=float, requires_grad=True, name="x")
    for t in (x, x * 2.0, Tensor([1, 2])):
        assert shown(t)["image/svg+xml"].startswith("<svg")


def test_a_large_graph_is_told_in_words() -> None:
    t = Tensor(1.0, requires_grad=True)
    for _ in range(100):
        t = t.tanh()
    assert shown(t)["text/plain"].splitlines()[1:] == [
        "100 operations lead to it: viz.draw(tensor) shows them folded"
    ]
    large = Tensor(np.ones(2_000_000), requires_grad=True)
    assert "image/svg+xml" not in shown(large)


def test_showing_runs_no_hooks_and_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Tensor(2.0, requires_grad=True)
    calls: list[object] = []
    x.register_hook(calls.append)
    assert "image/svg+xml" in shown(x * x)
    assert calls == []
    monkeypatch.setattr("viz.picture.captured", lambda *_: 1 / 0)
    assert shown(x * x)["text/plain"].startswith("Tensor(4.")
