"""PyTorch's own database of operators: on its samples, values, gradients and theirs are the same.

An operator is tried where a function here has its name. A clear refusal of a sample is one; what
is computed must be right, unless `OTHERWISE` says why it is another thing here.
"""

from __future__ import annotations

import sys
import types
import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import func, linalg, nn  # noqa: F401 - looked up by name

SAMPLES = 3  # of each operator, evenly from the database's
RANDOM = "draws at random"
NUMPYS = "has NumPy's meaning here"
OTHERWISE = {
    **dict.fromkeys(("bernoulli", "empty", "empty_like", "normal", "rand_like", "randint", "randn",
                     "randn_like", "uniform", "nn.functional.dropout", "nn.functional.dropout2d",
                     "nn.functional.dropout3d", "nn.functional.alpha_dropout",
                     "nn.functional.rrelu", "nn.functional.scaled_dot_product_attention"), RANDOM),
    **dict.fromkeys(("cumsum", "cumprod", "equal", "max", "median", "min", "nanmedian", "norm",
                     "repeat", "sort", "split", "std", "take_along_dim", "transpose", "unfold",
                     "var"), NUMPYS),
    "cholesky_solve": "PyTorch's gradient is not 0 in the triangle that is never read",
    "linalg.eig": "PyTorch's samples lead to complex results",
    "linalg.eigvals": "PyTorch's samples lead to complex results",
    "linalg.eigh": "eigenvectors may have the other sign",
    "linalg.lstsq": "residuals and rank come in NumPy's form",
    "linalg.norm": "at 0 the second derivative is 0 here, in PyTorch NaN",
    "linalg.slogdet": "PyTorch lets a constant, the sign, require a gradient",
    "nn.functional.ctc_loss": "PyTorch's gradient goes through a softmax of its own",
    **dict.fromkeys(("nn.functional.max_unpool1d", "nn.functional.max_unpool2d",
                     "nn.functional.max_unpool3d"), "of equal places the last one is written"),
}  # fmt: skip
# What PyTorch has for devices and memory, and what only chooses an algorithm.
IDLE = {"device", "layout", "requires_grad", "memory_format", "out_int32", "driver"}
REFUSALS = (TypeError, ValueError, IndexError, NotImplementedError)
# How an operator is called where its samples have another order of arguments.
CALLS: dict[str, Callable] = {
    "T": lambda x: x.T, "H": lambda x: x.H, "mT": lambda x: x.mT,
    "einsum": lambda xs, subscripts: mg.einsum(subscripts, *xs),
    "polygamma": lambda x, n: mg.polygamma(n, x),
    "where": lambda x, condition, y: mg.where(condition, x, y),
    **{f"nn.functional.{name}": lambda w, i, name=name, **o: getattr(nn.functional, name)(i, w, **o)
       for name in ("embedding", "embedding_bag")},
}  # fmt: skip


def database(torch: Any) -> list[Any]:
    """The operators that have a namesake here."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        # (a package for tests of PyTorch, which the database only derives classes from)
        patch.setitem(sys.modules, "expecttest", types.ModuleType("expecttest"))
        sys.modules["expecttest"].TestCase = unittest.TestCase  # type: ignore[attr-defined]
        from torch.testing._internal.common_methods_invocations import op_db
    real = {torch.float64, torch.int64}
    known = [op for op in op_db if op.name not in OTHERWISE and real & set(op.dtypes)]
    return [op for op in known if namesake(op.name)]


def namesake(name: str) -> Any:
    found: Any = CALLS.get(name, mg)
    for part in name.split(".") if found is mg else ():
        found = getattr(found, part, None)
    return found or (getattr(mg.Tensor, name, None) if "." not in name else None)


def ours(x: Any, leaves: list) -> Any:
    """An argument of PyTorch's as one of ours; pairs of both tensors go to the leaves."""
    if type(x).__name__ == "Tensor":
        made = mg.Tensor(np.array(x.detach().numpy(force=True)), requires_grad=x.requires_grad)
        leaves += [(x, made)] * x.requires_grad
        return made
    if type(x).__name__ == "dtype":
        return np.dtype(str(x).removeprefix("torch."))
    if isinstance(x, dict):
        return {k: ours(v, leaves) for k, v in x.items() if k not in IDLE}
    return type(x)(ours(v, leaves) for v in x) if type(x) in (list, tuple) else x


def listed(x: Any) -> list:
    return [v for part in x for v in listed(part)] if isinstance(x, (list, tuple)) else [x]


def same(one: Any, other: Any, tol: float) -> None:
    other = other.detach().numpy(force=True) if hasattr(other, "numpy") else other
    one = one.detach().numpy() if isinstance(one, mg.Tensor) else one
    assert np.shape(one) == np.shape(other)
    np.testing.assert_allclose(one, other, rtol=tol, atol=tol)


def pulled(grad: Callable, outs: list, leaves: list) -> list:
    """The gradients of the outputs' sum, each element with a random weight; None for none."""
    total: Any = None
    for i, out in enumerate(outs):
        if not _tracked(out):  # (it is constant, or of nothing but constants)
            continue
        weight = np.random.default_rng(i).uniform(-1, 1, tuple(out.shape))
        out = out.real + out.imag * 0.7 if "complex" in str(out.dtype) else out
        term = (out * (weight if grad is mg.grad else out.new_tensor(weight))).sum()
        total = term if total is None else total + term
    if total is None:
        return [None] * len(leaves)
    return list(grad(total, leaves, create_graph=True, allow_unused=True))


def _tracked(x: Any) -> bool:
    return getattr(x, "requires_grad", False)


def try_sample(op: Any, call: Callable, sample: Any, torch: Any) -> bool:
    """Whether it is computed here; raises where that is not what PyTorch computes."""
    leaves: list[Any] = []
    given = ours([sample.input, list(sample.args), sample.kwargs], leaves)
    theirs = listed(op.op(sample.input, *sample.args, **sample.kwargs))
    try:
        mine = listed(call(given[0], *given[1], **given[2]))
    except REFUSALS:
        return False
    for one, other in zip(mine, theirs, strict=True):
        same(one, other, 1e-7)
    for _ in range(1 + op.supports_gradgrad) if leaves else ():
        mine = pulled(mg.grad, mine, [m for _, m in leaves])
        try:
            theirs = pulled(torch.autograd.grad, theirs, [t for t, _ in leaves])
        except (RuntimeError, NotImplementedError):  # PyTorch has no derivative
            break
        for one, other, (leaf, _) in zip(mine, theirs, leaves, strict=True):
            zeros = np.zeros(tuple(leaf.shape))
            same(zeros if one is None else one, zeros if other is None else other, 1e-5)
    return True


def test_their_samples_are_computed_alike() -> None:
    torch = pytest.importorskip("torch", reason="torch is an oracle, not a dependency")
    operators, wrong, computed = database(torch), [], 0
    for op in operators:
        dtype = torch.float64 if torch.float64 in op.dtypes else torch.int64
        samples = list(op.sample_inputs("cpu", dtype, dtype == torch.float64))
        places = np.unique(np.linspace(0, len(samples) - 1, SAMPLES).astype(int))
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own complaints
            tried = 0
            for place in places:
                try:
                    tried += try_sample(op, namesake(op.name), samples[place], torch)
                except Exception as error:  # whatever it is: all others are to be seen, too
                    wrong.append(f"{op.name}, {op.variant_test_name} sample {place}: {error!r}")
            computed += tried > 0
    assert not wrong, "\n".join([f"{len(wrong)} are wrong", *wrong])
    assert computed > 340, f"{computed} of {len(operators)} operators are computed"
