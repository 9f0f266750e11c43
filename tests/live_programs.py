"""Programs for the live page: the chapter's systems and random ones, and the engine's numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np

import microgradnd as mg
from microgradnd import Tensor, nn
from microgradnd.nn import functional as F
from tests import random_programs
from tests.test_river import lstm, recurrent
from viz import trace
from viz.capture.trace import Trace
from viz.formats.live import program
from viz.structure.ids import ids_of

Numbers = dict[str, np.ndarray]
DOUBLE = np.float64


def parameter(draw: np.random.Generator, *shape: int, dtype: Any = DOUBLE) -> Tensor:
    return Tensor(draw.normal(size=shape).astype(dtype) * 0.5, requires_grad=True)


def back_propagation(dtype: Any) -> Tensor:
    draw = np.random.default_rng(0)
    x, d = (Tensor(draw.uniform(-1, 1, shape).astype(dtype)) for shape in ((4, 3), (4, 2)))
    for inputs, outputs in ((3, 5), (5, 2)):
        w, b = parameter(draw, inputs, outputs, dtype=dtype), parameter(draw, outputs, dtype=dtype)
        x = (x @ w + b).sigmoid()
    return ((x - d) ** 2).sum() * 0.5


def convolutional(dtype: Any) -> Tensor:
    draw = np.random.default_rng(1)
    x = Tensor(draw.uniform(0, 1, (2, 1, 12, 12)).astype(dtype))
    w1, b1 = parameter(draw, 3, 1, 3, 3, dtype=dtype), parameter(draw, 3, dtype=dtype)
    w2 = parameter(draw, 4, 3, 3, 3, dtype=dtype)
    x = F.max_pool2d(F.conv2d(x, w1, b1).relu(), 2)
    x = F.avg_pool2d(F.conv2d(x, w2, padding=1, stride=2).tanh(), 2, padding=1)
    x = x.reshape(2, -1) @ parameter(draw, 16, 3, dtype=dtype)
    return F.cross_entropy(x, Tensor(np.array([2, 0])))


def lenet(dtype: Any) -> Tensor:
    draw = np.random.default_rng(2)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 5, rng=draw, dtype=dtype), nn.Sigmoid(), nn.MaxPool2d(2),
        nn.Conv2d(2, 3, 3, rng=draw, dtype=dtype), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(12, 4, rng=draw, dtype=dtype),
    )  # fmt: skip
    x = Tensor(draw.uniform(0, 1, (1, 1, 16, 16)).astype(dtype))
    return nn.CrossEntropyLoss()(model(x), Tensor(np.array([1])))


def fused(kind: str) -> Callable[[Any], Tensor]:
    def build(dtype: Any) -> Tensor:
        draw = np.random.default_rng(3)
        layer = getattr(nn, kind)(2, 3, rng=draw, dtype=dtype)
        out, state = layer(Tensor(draw.normal(size=(4, 2, 2)).astype(dtype)))
        return (out * out).sum() + (state[0] if isinstance(state, tuple) else state).mean()

    return build


def attention(dtype: Any) -> Tensor:
    draw = np.random.default_rng(4)
    x = Tensor(draw.normal(size=(1, 4, 6)).astype(dtype))
    layer = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, rng=draw, dtype=dtype)
    return (layer(x) ** 2).mean()


def normalized(dtype: Any) -> Tensor:
    draw = np.random.default_rng(5)
    x = parameter(draw, 3, 4, 5, 5, dtype=dtype)
    y = nn.BatchNorm2d(4, dtype=dtype)(x)
    y = nn.LayerNorm(5, dtype=dtype)(y) * Tensor(draw.normal(size=(5, 5)).astype(dtype))
    return (nn.Dropout(0.3, rng=draw)(y).softmax(-1) ** 2).sum()


def embedded(dtype: Any) -> Tensor:
    draw = np.random.default_rng(6)
    rows = nn.Embedding(7, 3, rng=draw, dtype=dtype)(Tensor(np.array([[0, 3, 3], [6, 1, 3]])))
    return F.binary_cross_entropy_with_logits(rows.mean(1), Tensor(np.ones((2, 3), dtype))) + (
        mg.maximum(rows, 0.1).prod()
    )


def scalars(dtype: Any) -> Tensor:
    """A network of one number at a time."""
    draw = np.random.default_rng(8)
    x = [Tensor(dtype(v), name=f"x{k}") for k, v in enumerate(draw.normal(size=2))]
    for width in (3, 2):
        x = [sum((Tensor(dtype(v), requires_grad=True) * u for v, u in zip(row, x)),
                 Tensor(dtype(0.1), requires_grad=True)).tanh()
             for row in draw.normal(size=(width, len(x)))]  # fmt: skip
    return x[0] * x[1]


SYSTEMS: dict[str, Callable[[Any], Tensor]] = {
    "back-propagation": back_propagation,
    "convolutional": convolutional,
    "LeNet": lenet,
    "recurrent": lambda dtype: recurrent(4),
    "LSTM cells": lambda dtype: lstm(3),
    "RNN": fused("RNN"), "LSTM": fused("LSTM"), "GRU": fused("GRU"),
    "attention": attention,
    "normalization": normalized,
    "embedding": embedded,
    "scalars": scalars,
}  # fmt: skip


def random_losses() -> Iterator[Tensor]:
    """Random programs of all operations, those that the page has JavaScript for."""
    for number in count():
        made = random_programs.program(7, number)
        leaves = [Tensor(a, requires_grad=True) for a in made.leaves]
        loss = made.loss(*leaves)
        if isinstance(loss, Tensor) and loss.requires_grad and not _missing(loss):
            yield loss


def _missing(loss: Tensor) -> bool:
    found = trace(loss)
    return "missing" in program(found, ids_of(found))


def numbers_of(found: Trace) -> list[Numbers]:
    """Values, gradients and contributions by id, flat."""
    ids = ids_of(found)
    tables = (
        {ids.tensors[node]: x for node, x in found.values.items()},
        {ids.tensors[node]: x for node, x in found.gradients.items()},
        {ids.edge(*use): x for use, x in found.contributions.items()},
    )
    return [{key: np.ravel(x) for key, x in table.items()} for table in tables]


def trial(loss: Tensor, changes: int, seed: int = 0) -> tuple[dict[str, Any], list[list[Numbers]]]:
    """A program and random changes of its leaves, and the engine's numbers after each of them."""
    random = np.random.default_rng(seed)
    found = trace(loss)
    ids = ids_of(found)
    job: dict[str, Any] = {"program": program(found, ids), "changes": []}
    expected = [numbers_of(trace(loss, keep="arrays"))]
    for _ in range(changes):
        leaf = found.graph.leaves[random.integers(len(found.graph.leaves))]
        array = leaf._node.saved
        flat, at = array.reshape(-1), int(random.integers(max(array.size, 1)))
        if array.size:
            flat[at] += random.uniform(-0.02, 0.02)
            job["changes"].append([ids.tensors[leaf], at, float(flat[at])])
            expected.append(numbers_of(trace(loss, keep="arrays")))
    return job, expected


# What runs a job in JavaScript and gives the same tables: `live` is the module of the engine.
RUN = """
const spelled = (found) => found && [...found.data].map((x) => Number.isFinite(x) ? x : String(x));
const table = (from, get) => Object.fromEntries(Object.keys(from).map((k) => [k, spelled(get(k))]));
function ran({program, changes}) {
  const engine = new Live(program);
  const numbers = () => [table(program.tensors, (id) => engine.value(id)),
    table(program.tensors, (id) => engine.gradient(id)),
    table(program.contributions, (key) => engine.contribution(key)), engine.broken.slice()];
  const after = ([id, at, x]) => (engine.set(id, at, x), engine.run(), numbers());
  return [numbers(), ...changes.map(after)];
}
"""


def wrong(expected: list[list[Numbers]], got: list[list[Any]], within: float) -> list[str]:
    """Where the page's numbers are not those of the engine, relative to the largest of an array.

    What cancels to nothing is rounding noise, of a size that the largest of all arrays tells.
    """
    out = []
    for k, (wanted, (*tables, broken)) in enumerate(zip(expected, got, strict=True)):
        out += [f"{k}: a guard of {name}" for name in broken]
        sizes = {id(x): _largest(x) for table in wanted for x in table.values()}
        noise = within * 0.01 * max(sizes.values())
        for want, have in zip(wanted, tables, strict=True):
            for key, x in want.items():
                y = np.array([float(v) for v in have[key] or ()])
                near = within * sizes[id(x)] + noise
                if y.shape != x.shape or not np.allclose(y, x, within, near, equal_nan=True):
                    out.append(f"{k}: {key} {x[:3]} {y[:3]}")
    return out


def _largest(x: np.ndarray) -> float:
    return float(np.abs(x[np.isfinite(x)]).max(initial=0))
