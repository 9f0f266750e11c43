"""Layers and functions against PyTorch's: values, gradients, second order, states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import microgradnd as mg
from microgradnd import nn

RANDOM = np.random.default_rng(0)


def leaves(*shapes: tuple[int, ...]) -> list[mg.Tensor]:
    return [mg.Tensor(RANDOM.normal(size=shape), requires_grad=True) for shape in shapes]


def total(out: Any) -> Any:
    """One number of all results, each element with a weight of its own."""
    weights = np.random.default_rng(3).uniform(-1, 1, tuple(out.shape))
    if isinstance(out, mg.Tensor):
        return (out * weights).sum()
    return (out * out.new_tensor(weights)).sum()


def compared(torch: Any, ours: Callable, theirs: Callable, tensors: list[mg.Tensor]) -> None:
    """Values, gradients, and the gradients of the gradients' sum of squares."""
    their = [torch.tensor(t.data, requires_grad=True) for t in tensors]
    out, expected = ours(*tensors), theirs(*their)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=1e-12, atol=1e-13)
    grads = mg.grad(total(out), tensors, create_graph=True)
    exact = torch.autograd.grad(total(expected), their, create_graph=True)
    for g, e in zip(grads, exact, strict=True):
        np.testing.assert_allclose(g.data, e.detach().numpy(), rtol=1e-11, atol=1e-12)
    second = mg.grad(sum((g * g).sum() for g in grads), tensors, allow_unused=True)
    squares = sum((e * e).sum() for e in exact)
    exact = torch.autograd.grad(squares, their, allow_unused=True)
    for g, e in zip(second, exact, strict=True):
        if g is None:
            assert e is None or not e.any()
            continue
        np.testing.assert_allclose(g.data, e.numpy(force=True), rtol=1e-9, atol=1e-10)


def loaded(ours: nn.Module, theirs: Any, torch: Any) -> None:
    """Theirs into ours, and back: the names are the same."""
    for p in theirs.parameters():
        torch.nn.init.uniform_(p, -0.8, 0.8)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())


def layers_agree(torch: Any, ours: nn.Module, theirs: Any, inputs: list[mg.Tensor],
                 call: Callable, their_call: Callable) -> None:  # fmt: skip
    """Results of a call, and gradients of inputs and parameters."""
    their = [torch.tensor(t.data, requires_grad=True) for t in inputs]
    outs, expected = call(ours, *inputs), their_call(theirs, *their)
    outs, expected = (list(o) if isinstance(o, tuple) else [o] for o in (outs, expected))
    assert [o is None for o in outs] == [e is None for e in expected]
    pairs = [(o, e) for o, e in zip(outs, expected, strict=True) if o is not None]
    for o, e in pairs:
        np.testing.assert_allclose(o.data, e.detach().numpy(), rtol=1e-11, atol=1e-12)
    sum(total(o) for o, _ in pairs).backward()
    sum(total(e) for _, e in pairs).backward()
    for t, e in zip(inputs, their, strict=True):
        np.testing.assert_allclose(t.grad.data, e.grad.numpy(), rtol=1e-9, atol=1e-11)
    exact = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        np.testing.assert_allclose(
            p.grad.data, exact[name].grad.numpy(), rtol=1e-9, atol=1e-11, err_msg=name
        )


def torch_options(torch: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
