"""What a call costs: `python -m tests.benchmark_calls`, with PyTorch beside it if it is installed.

For each operation, on a tracked 4 x 4 float32 tensor: the time of the call, of its bare NumPy
forward function, their difference (what recording costs), that difference relative to `x + y`'s,
and PyTorch's eager call. In turn within one process, medians of rounds, one thread each.
"""

# ruff: noqa: E402 - the number of threads is read when NumPy and torch are imported
from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import gc
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import microgradnd as mg
import microgradnd.nn.functional as F

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]
else:
    torch.set_num_threads(1)

random = np.random.default_rng(0)
a, b = random.random((4, 4), dtype=np.float32), random.random((4, 4), dtype=np.float32)
x, y = mg.Tensor(a, requires_grad=True), mg.Tensor(b, requires_grad=True)
mask = a > 0.5
layer = mg.nn.Linear(4, 4, dtype="float32")
weight, bias = layer.weight.data, layer.bias.data if layer.bias is not None else None


def bare(name: str, *arrays: Any, **options: Any) -> Callable[[], Any]:
    return partial(mg.OPS[name].forward, *arrays, **options)


CASES: dict[str, tuple[Callable[[], Any], Callable[[], Any], str]] = {
    "x + y": (lambda: x + y, lambda: np.add(a, b), "p + q"),
    "x * 2.0": (lambda: x * 2.0, lambda: np.multiply(a, 2.0), "p * 2.0"),
    "x @ y": (lambda: x @ y, lambda: a.dot(b), "p @ q"),
    "x.exp()": (lambda: x.exp(), lambda: np.exp(a), "p.exp()"),
    "np.tanh(x)": (lambda: np.tanh(x), lambda: np.tanh(a), "torch.tanh(p)"),
    "mg.tanh(x)": (lambda: mg.tanh(x), lambda: np.tanh(a), "torch.tanh(p)"),
    "x.sum()": (lambda: x.sum(), lambda: np.add.reduce(a, None, keepdims=False), "p.sum()"),
    "x.sum(dim=0)": (lambda: x.sum(dim=0), lambda: np.add.reduce(a, 0, keepdims=False), "p.sum(0)"),
    "x.mean()": (lambda: x.mean(), bare("mean", a), "p.mean()"),
    "x.max(1)": (lambda: x.max(1), lambda: np.maximum.reduce(a, 1, keepdims=False), "p.amax(1)"),
    "x[0]": (lambda: x[0], lambda: a[0], "p[0]"),
    "x[:, 1:3]": (lambda: x[:, 1:3], lambda: a[:, 1:3], "p[:, 1:3]"),
    "x.reshape(16)": (lambda: x.reshape(16), lambda: a.reshape(16), "p.reshape(16)"),
    "x.T": (lambda: x.T, lambda: a.T, "p.T"),
    "leaky_relu": (lambda: x.leaky_relu(), bare("leaky_relu", a), "Ft.leaky_relu(p)"),
    "softmax": (lambda: x.softmax(), bare("softmax", a), "p.softmax(-1)"),
    "concatenate": (
        lambda: mg.concatenate([x, y]), lambda: np.concatenate([a, b]), "torch.cat([p, q])"),
    "where": (
        lambda: mg.where(mask, x, y), lambda: np.where(mask, a, b), "torch.where(mask_, p, q)"),
    "F.linear": (
        lambda: F.linear(x, layer.weight, layer.bias), bare("linear", a, weight, bias),
        "Ft.linear(p, layer_.weight, layer_.bias)"),
    "nn.Linear": (lambda: layer(x), bare("linear", a, weight, bias), "layer_(p)"),
}  # fmt: skip


def seconds(call: Callable[[], Any], times: int = 300) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times


def main(rounds: int = 15) -> None:
    scope: dict[str, Any] = {"torch": torch}
    if torch is not None:
        scope |= {
            "p": torch.tensor(a, requires_grad=True),
            "q": torch.tensor(b, requires_grad=True),
        }
        scope |= {"mask_": torch.tensor(mask), "Ft": torch.nn.functional}
        scope |= {"layer_": torch.nn.Linear(4, 4)}
    contenders = {
        name: [ours, forward, *([eval(f"lambda: {theirs}", scope)] if torch else [])]
        for name, (ours, forward, theirs) in CASES.items()
    }
    found: dict[str, list[list[float]]] = {n: [[] for _ in c] for n, c in contenders.items()}
    gc.disable()
    for _ in range(rounds):
        for name, calls in contenders.items():
            for times, call in zip(found[name], calls, strict=True):
                times.append(min(seconds(call), seconds(call)) * 1e6)
    medians = {name: [statistics.median(t) for t in times] for name, times in found.items()}
    reference = medians["x + y"][0] - medians["x + y"][1]
    heads = ("ours", "bare", "over", "/x+y", "torch", "ratio")
    print(f"{'µs':14s}" + "".join(f" {head:>6s}" for head in heads))
    for name, (ours, forward, *theirs) in medians.items():
        over = ours - forward
        line = f"{name:14s} {ours:6.2f} {forward:6.2f} {over:6.2f} {over / reference:6.2f}"
        print(line + "".join(f" {t:6.2f} {ours / t:6.2f}" for t in theirs))


if __name__ == "__main__":
    main()
