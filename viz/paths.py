"""The chain rule as a sum over paths: what each way from a tensor to the loss adds to its gradient.

A path is a sequence of edges. An edge is (operation, operand index), as in a picture, so that x * x
has two of them. What a path contributes is the product of the local Jacobians along it, applied to
the gradient of the loss: the seed is pulled back over this one path alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from microgradnd.contributions import fitted
from microgradnd.engine import Tensor, as_gradient, node_of, recording, seed
from microgradnd.graph import Node, by_seq, leading_to, reachable
from microgradnd.table import Plan
from viz.trace import operand_value, replayed

Array = np.ndarray


@dataclass(frozen=True)
class Path:
    """One way from a tensor to the loss, in the order of the backward pass.

    Attributes:
        edges: pairs of an operation's node and an operand index, from the loss down to the tensor.
        keys: the names of the same edges in a picture of the loss.
        contribution: to the tensor's gradient, an array of its shape.
        labels: the operations, and the names of named results, read from the tensor upward.
    """

    edges: tuple[tuple[Node, int], ...]
    keys: tuple[str, ...]
    contribution: Array
    labels: tuple[str, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes along the way, from the loss to the tensor."""
        end = [self.edges[-1][0].parents[self.edges[-1][1]]] if self.edges else []
        return tuple([node for node, _ in self.edges] + end)

    def __str__(self) -> str:
        return " → ".join(self.labels)


@dataclass(frozen=True)
class Paths:
    """All paths from a tensor to the loss.

    Attributes:
        count: how many there are.
        listed: the paths themselves; None if there are more than the limit.
        shape, dtype: of the tensor.
    """

    count: int
    listed: tuple[Path, ...] | None
    shape: tuple[int, ...]
    dtype: np.dtype
    limit: int = field(default=1000, repr=False)

    def known(self) -> tuple[Path, ...]:
        if self.listed is None:
            raise ValueError(
                f"there are {self.count:,} paths, more than the limit of {self.limit:,}: they were "
                "counted, not listed; raise it with limit=, or begin at a later tensor"
            )
        return self.listed

    def __iter__(self) -> Iterator[Path]:
        return iter(self.known())

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> Path:
        return self.known()[i]

    @property
    def total(self) -> Array:
        """The sum of all contributions, which is the gradient."""
        out = np.zeros(self.shape, self.dtype)
        for path in self.known():
            out = out + path.contribution
        return np.asarray(out)

    def __str__(self) -> str:
        """A table: the contribution of each path, as a number or a norm, and its way."""
        if self.listed is None:
            return f"{self.count:,} paths, too many to list"
        rows = [(amount(path.contribution), str(path)) for path in self.listed]
        rows.append((amount(self.total), f"sum of {self.count} path{'s' * (self.count != 1)}"))
        wide = max(len(number) for number, _ in rows)
        return "\n".join(f"{number:>{wide}}  {way}" for number, way in rows)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return "\n".join(f"    {line}" for line in str(self).splitlines())


def amount(x: Array) -> str:
    return f"{float(x):.4g}" if x.ndim == 0 else f"‖·‖ {float(np.linalg.norm(x)):.4g}"


def paths(loss: Tensor, w: Tensor, limit: int = 1000, gradient: Any = None) -> Paths:
    """The paths from a tensor to the loss, each with what it adds to the tensor's gradient.

    They are counted exactly, however many there are, and listed if they are no more than `limit`.
    Hooks are not run: the sum is the gradient that the rules alone give.

    Args:
        loss: the tensor that is differentiated.
        w: by which; a leaf or an intermediate result.
        gradient: to start from at the loss, 1 for a scalar.

    Raises:
        GraphError: one of them does not depend on tensors that require a gradient.
        ValueError: the loss does not depend on w.

    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> paths(x * x + x, x)
    3  x → multiply[x] → add[x]
    3  x → multiply[y] → add[x]
    1  x → add[y]
    7  sum of 3 paths
    """
    top, target = node_of(loss), node_of(w)
    start = np.asarray(as_gradient(seed([loss], [gradient])[0][1], False))
    computed, leaves = reachable([top])
    if target is not top and target not in leaves and target not in computed:
        raise ValueError(f"{w.name or 'the tensor'!r} is no part of what the loss is computed from")
    useful = leading_to([target], computed)
    count = counted(computed, useful, top, target)
    listed = None
    if count <= limit:
        values = replayed(sorted([*computed, *leaves], key=by_seq))
        numbers = {node: i for i, node in enumerate(reversed(computed), start=1)}
        listed = tuple(walked(top, target, start, useful, values, numbers))
    return Paths(count, listed, w.shape, w.dtype, limit)


def counted(computed: list[Node], useful: set[Node], top: Node, target: Node) -> int:
    """How many paths lead from the top to the target; the nodes come last created first."""
    ways = {top: 1}
    for node in computed:
        if node is target:
            break
        count = ways.pop(node, 0)
        for p in node.parents if count else ():
            if type(p) is Node and p in useful:
                ways[p] = ways.get(p, 0) + count
    return ways.get(target, 0)


def walked(
    top: Node,
    target: Node,
    start: Array,
    useful: set[Node],
    values: dict[Node, Array],
    numbers: dict[Node, int],
) -> Iterator[Path]:
    """Goes down every path, the first operands first; what paths share is pulled back once."""
    edges: list[tuple[Node, int]] = []
    stack: list[tuple[int, Node, int, Array]] = [
        (0, top, -1, start)
    ]  # depth, operation, operand, g
    pullers: dict[Any, Any] = {}
    while stack:
        depth, node, i, g = stack.pop()
        if i >= 0:
            del edges[depth - 1 :]
            edges.append((node, i))
            g = pulled(node, i, g, values, pullers)
            node = node.parents[i]
        if node is target:
            yield path_of(edges, g, numbers, target)
            continue
        onward = [j for j, p in enumerate(node.parents) if type(p) is Node and p in useful]
        stack += [(depth + 1, node, j, g) for j in reversed(onward)]


def pulled(node: Node, i: int, g: Array, values: dict[Node, Array], pullers: dict) -> Array:
    """What the gradient of a node's result gives for operand i alone, by the engine's plan."""
    assert node.plan is not None
    plan = pullers.get((node.plan, i))
    if plan is None:
        wanted = None if node.op.variadic else 1 << i
        plan = pullers[node.plan, i] = Plan(node.op, node.plan.mask, wanted)
    token = recording.set(False)
    try:
        saved = plan.pick([operand_value(p, values) for p in node.parents], values[node])
        found = dict(zip(plan.indices(node), plan.pull(g, saved, node)))
    finally:
        recording.reset(token)
    return fitted(as_gradient(found[i][1], False), node.parents[i], node)


def path_of(
    edges: list[tuple[Node, int]], g: Array, numbers: dict[Node, int], target: Node
) -> Path:
    labels = [target.name or "w"]
    for node, i in reversed(edges):
        labels.append(f"{node.op.name}[{node.op.operand(i)}]")
        if node.name:
            labels.append(node.name)
    keys = tuple(f"e-{numbers[node]}-{i}" for node, i in edges)
    return Path(tuple(edges), keys, np.array(g), tuple(labels))
