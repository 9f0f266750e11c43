"""The Python array API standard: its namespace on Tensors, recorded and not."""

from __future__ import annotations

import numpy as np
import pytest

import microgradnd as mg
from microgradnd import array_api as xp


def test_every_name_is_there_and_gives_tensors() -> None:
    for name in (*xp.FUNCTIONS, *xp.DTYPES, *xp.CONSTANTS):
        assert hasattr(xp, name), name
    assert type(xp.asarray([1, 2])) is mg.Tensor
    assert xp.asarray([1, 2], dtype=xp.float32).dtype == np.float32
    values, counts = xp.unique_counts(mg.Tensor([2.0, 1.0, 2.0]))
    assert (values.tolist(), counts.tolist()) == ([1.0, 2.0], [1, 2])
    assert xp.__array_namespace_info__().dtypes()["float64"] == np.float64
    with pytest.raises(AttributeError, match="no 'spam'"):
        xp.spam  # noqa: B018


def test_what_requires_a_gradient_is_recorded_or_refused() -> None:
    x = mg.Tensor([[1.0, 4.0], [9.0, 16.0]], requires_grad=True)
    namespace = x.__array_namespace__()
    (namespace.sum(namespace.sqrt(x)) + namespace.linalg.trace(x)).backward()
    np.testing.assert_allclose(x.grad.data, [[1.5, 0.25], [1 / 6, 1.125]])
    assert namespace.asarray(x) is x
    assert namespace.astype(x, namespace.float32).requires_grad
    with pytest.raises(TypeError, match=r"nextafter has no derivative rule"):
        namespace.nextafter(x, x)


def test_arrays_are_exchanged_without_copies() -> None:
    t = mg.Tensor(np.arange(3.0))
    assert np.shares_memory(np.from_dlpack(t), t.data)
    assert np.shares_memory(xp.from_dlpack(np.arange(3.0)).data, np.empty(0)) is False
    with pytest.raises(TypeError, match="would lose"):
        np.from_dlpack(mg.Tensor([1.0], requires_grad=True))


def test_numpys_results_are_the_standards() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(3, 4)), random.normal(size=(4,))
    for name, call in {
        "concat": lambda m, x, y: m.concat([x, y[None]]),
        "permute_dims": lambda m, x, y: m.permute_dims(x, (1, 0)),
        "vecdot": lambda m, x, y: m.vecdot(x, y),
        "where": lambda m, x, y: m.where(x > y, x, y),
        "cumulative_sum": lambda m, x, y: m.cumulative_sum(x, axis=1),
        "std": lambda m, x, y: m.std(x, axis=0, correction=1),
        "take_along_axis": lambda m, x, y: m.take_along_axis(x, m.argsort(x, axis=1), axis=1),
        "matmul": lambda m, x, y: x @ y,
        "shift": lambda m, x, y: m.astype(x * 10, m.int64) << 1,
    }.items():
        out = call(xp, mg.Tensor(a), mg.Tensor(b))
        np.testing.assert_array_equal(out.data, call(np, a, b), err_msg=name)
