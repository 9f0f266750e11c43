"""Speed against PyTorch's eager mode: `python -m tests.benchmark [W1 W3 W8]`.

One thread each, contenders in turn within one process, medians of the ratios of neighbours;
gradients are compared before anything is timed. Needs torch, which the project never requires.
"""

# ruff: noqa: E402 - the number of threads is read when NumPy and torch are imported
from __future__ import annotations

import gc
import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from operator import methodcaller
from typing import Any

import numpy as np
import torch

import microgradnd as mg
from microgradnd import Tensor

torch.set_num_threads(1)
Step = Callable[[], list[Any]]  # one run of the workload; returns the gradients


def chain(length: int, ops: int) -> tuple[Step, Step]:
    """`length` operations on 4 floats, forward and backward: multiply, add and (ops=3) tanh."""
    random = np.random.default_rng(1)
    values = [random.standard_normal(4), 1 + 1e-6 * random.standard_normal(4), np.full(4, 1e-5)]
    arrays = [v.astype(np.float32) for v in values]

    def ours() -> list[Any]:
        x, a, b = (Tensor(v, requires_grad=True) for v in arrays)
        y = x
        for _ in range(length // ops):
            y = y * a + b
            if ops == 3:
                y = mg.tanh(y)
        y.sum().backward()
        return [x.grad.data, a.grad.data, b.grad.data]

    def torchs() -> list[Any]:
        x, a, b = (torch.tensor(v, requires_grad=True) for v in arrays)
        y = x
        for _ in range(length // ops):
            y = y * a + b
            if ops == 3:
                y = torch.tanh(y)
        y.sum().backward()
        return [x.grad.numpy(), a.grad.numpy(), b.grad.numpy()]

    return ours, torchs


def w1() -> tuple[Step, Step]:
    return chain(999, 3)


def w8() -> tuple[Step, Step]:
    return chain(100_000, 2)


def w3() -> tuple[Step, Step]:
    """An MLP 784-256-128-10, batch 64, ReLU, softmax cross-entropy, one step of SGD."""
    random = np.random.default_rng(3)
    sizes = [784, 256, 128, 10]
    x = random.random((64, 784), dtype=np.float32)
    target = random.integers(0, 10, 64)
    pairs = list(pairwise(sizes))
    start = [random.standard_normal(p, np.float32) * np.float32((2 / p[0]) ** 0.5) for p in pairs]
    start += [np.zeros(n, np.float32) for _, n in pairs]
    rate = 1e-3

    mine = [Tensor(w, requires_grad=True, copy=True) for w in start]
    rate32 = np.float32(rate)

    def ours() -> list[Any]:
        h: Any = x
        for i in range(3):
            h = h @ mine[i] + mine[3 + i]
            if i < 2:
                h = mg.relu(h)
        mg.cross_entropy(h, target).mean().backward()
        grads = []
        for p in mine:
            step, p.grad = p.grad.data, None
            grads.append(step)
            step *= rate32
            p.data -= step
        return grads

    theirs = [torch.tensor(w, requires_grad=True) for w in start]
    tx, ty = torch.tensor(x), torch.tensor(target)

    def torchs() -> list[Any]:
        h = tx
        for i in range(3):
            h = h @ theirs[i] + theirs[3 + i]
            if i < 2:
                h = torch.relu(h)
        torch.nn.functional.cross_entropy(h, ty).backward()
        grads = []
        with torch.no_grad():
            for p in theirs:
                step, p.grad = p.grad, None
                grads.append(step.mul_(rate).numpy())
                p -= step
        return grads

    return ours, torchs


def stepped(
    ours: Any, theirs: Any, x: np.ndarray, loss: Callable[[Any], Any], torch_loss: Callable
) -> tuple[Step, Step]:
    """A step of SGD of two networks with the same start."""
    ours.load_state_dict(theirs.state_dict())
    mine, their = list(ours.parameters()), list(theirs.parameters())
    rate = np.float32(1e-3)
    tx = torch.tensor(x)

    def step() -> list[Any]:
        loss(ours(x)).backward()
        grads = []
        for p in mine:
            grad, p.grad = p.grad.data, None
            grads.append(grad)
            p.data -= grad * rate
        return grads

    def torchs() -> list[Any]:
        torch_loss(theirs(tx)).backward()
        grads = []
        with torch.no_grad():
            for p in their:
                grad, p.grad = p.grad, None
                grads.append(grad.numpy())
                p -= grad * float(rate)
        return grads

    return step, torchs


def w2() -> tuple[Step, Step]:
    """micrograd's two moons: 2-16-16-1, 100 points, hinge loss, weight decay, a step of SGD."""
    random = np.random.default_rng(2)
    torch.manual_seed(2)

    def layers(nn: Any, **given: Any) -> Any:
        return nn.Sequential(
            nn.Linear(2, 16, **given), nn.ReLU(), nn.Linear(16, 16, **given), nn.ReLU(),
            nn.Linear(16, 1, **given),
        )  # fmt: skip

    angle = random.random(50) * np.pi
    moons = [np.cos(angle), np.sin(angle)], [1 - np.cos(angle), 0.5 - np.sin(angle)]
    x = np.concatenate(moons, axis=1).T + 0.1 * random.standard_normal((100, 2))
    y = np.repeat(np.float32([1, -1]), 50)[:, None]
    ours, theirs = layers(mg.nn, dtype=np.float32), layers(torch.nn)
    ty, mine, their = torch.tensor(y), list(ours.parameters()), list(theirs.parameters())
    return stepped(
        ours, theirs, x.astype(np.float32),
        lambda out: mg.relu(1 - y * out).mean() + 1e-4 * sum((p * p).sum() for p in mine),
        lambda out: torch.relu(1 - ty * out).mean() + 1e-4 * sum((p * p).sum() for p in their),
    )  # fmt: skip


def w4() -> tuple[Step, Step]:
    """The chapter's network (C8), batch 32 of 28 x 28, one step of SGD."""
    random = np.random.default_rng(4)
    torch.manual_seed(4)

    def layers(nn: Any, **given: Any) -> Any:
        return nn.Sequential(
            nn.Conv2d(1, 20, 5, **given), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(20, 50, 5, **given), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(800, 500, **given), nn.ReLU(), nn.Linear(500, 10, **given),
        )  # fmt: skip

    x = random.standard_normal((32, 1, 28, 28), np.float32)
    ours = layers(mg.nn, dtype=np.float32)
    target = random.integers(0, 10, 32)
    ty = torch.tensor(target)
    return stepped(
        ours, layers(torch.nn), x, lambda out: mg.cross_entropy(out, target).mean(),
        lambda out: torch.nn.functional.cross_entropy(out, ty),
    )  # fmt: skip


def w5b() -> tuple[Step, Step]:
    """A block of VGG: two convolutions 3 x 3, 64 to 64 maps, and pooling, on (4, 64, 56, 56)."""
    random = np.random.default_rng(5)
    torch.manual_seed(5)

    def layers(nn: Any, **given: Any) -> Any:
        return nn.Sequential(
            nn.Conv2d(64, 64, 3, padding=1, **given), nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1, **given), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip

    x = random.standard_normal((4, 64, 56, 56), np.float32)
    mean = methodcaller("mean")
    return stepped(layers(mg.nn, dtype=np.float32), layers(torch.nn), x, mean, mean)


WORKLOADS = {
    "W1": (w1, 100), "W2": (w2, 100), "W3": (w3, 100), "W4": (w4, 30), "W5b": (w5b, 9),
    "W8": (w8, 9),
}  # fmt: skip


def difference(ours: list[Any], torchs: list[Any]) -> float:
    """The largest difference, relative to the largest element of its array."""
    scale = [float(np.abs(b).max()) for b in torchs]
    return max(float(np.abs(a - b).max()) / s for a, b, s in zip(ours, torchs, scale))


def timed(step: Step) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def memory_growth(step: Step) -> float:
    """The highest memory of one run over that at its start, in MB."""
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    # torch's hundred thousand objects would be visited by each garbage collection that our graph
    # sets off; a program that uses microgradnd does not have them.
    gc.collect()
    gc.freeze()
    print("workload  ours ms  torch ms  ours/torch (quartiles)    gradient difference  peak MB")
    for name in sys.argv[1:] or WORKLOADS:
        make, runs = WORKLOADS[name]
        ours, torchs = make()
        error = difference(ours(), torchs())
        if not error <= 1e-3:
            raise SystemExit(f"{name}: gradients differ by {error}")
        times = [(timed(ours), timed(torchs)) for _ in range(runs)]
        mine, theirs = (statistics.median(t) * 1e3 for t in zip(*times))
        low, middle, high = statistics.quantiles([a / b for a, b in times], n=4)
        print(
            f"{name:8}{mine:9.2f}{theirs:10.2f}    {middle:.3f} ({low:.3f} to {high:.3f})"
            f"{error:22.1e}{memory_growth(ours):9.1f}"
        )


if __name__ == "__main__":
    main()
