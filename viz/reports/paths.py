"""The chain rule as a sum over paths: what each way from a tensor to the loss adds to its gradient.

A path is a sequence of edges. An edge is (operation, operand index), as in a picture, so that x * x
has two of them. What a path contributes is the product of the local Jacobians along it, applied to
the gradient of the loss: the seed is pulled back over this one path alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from microgradnd import Tensor
from microgradnd.graph import Graph, Node, Use, node_of, pullback, seeded
from viz.picture import Picture
from viz.picture import draw as draw_picture
from viz.structure.ids import ids_of
from viz.style.text import number

Array = np.ndarray
LARGE = 64  # results of more elements have Jacobians that are not computed


@dataclass(frozen=True)
class Path:
    """One way from a tensor to the loss, in the order of the backward pass.

    Attributes:
        edges: pairs of an operation's node and an operand index, from the loss down to the tensor.
        keys: the names of the same edges in a picture of the loss.
        contribution: to the tensor's gradient, an array of its shape.
        labels: the operations, and the names of named results, read from the tensor upward.
    """

    edges: tuple[Use, ...]
    keys: tuple[str, ...]
    contribution: Array
    labels: tuple[str, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes along the way, from the loss to the tensor."""
        end = [node.parent(i) for node, i in self.edges[-1:]]
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
        loss, gradient: where they end, and the gradient there, 1 if None.
    """

    count: int
    listed: tuple[Path, ...] | None
    shape: tuple[int, ...]
    dtype: np.dtype
    loss: Tensor
    limit: int = 1000
    gradient: Any = None

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

    def jacobians(self, k: int) -> list[Array | None]:
        """The local Jacobians along path k, from the loss to the tensor.

        Each has a row per element of the operation's result and a column per element of the
        operand; None stands for one of more than 64 rows. Their product, with the gradient of the
        loss on its left, is the path's contribution.

        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> paths(x.square().sum(), x).jacobians(0)
        [array([[1., 1.]]), array([[2., 0.],
               [0., 4.]])]
        """
        values = Graph(self.loss).replay()
        return [jacobian(node, i, values) for node, i in self[k].edges]

    def draw(self, k: int = 0, **options: Any) -> Picture:
        """The picture of the loss in which path k stands out, its local Jacobians on its edges.

        A Jacobian of one element is written as that number, of others the norm ‖J‖, or their
        shape if they have more than 64 rows.

        Args:
            k: the number of the path.
            options: of `viz.draw`. By default the whole graph is drawn, without groups; with
                groups, a path through a closed one leads over its node. `focus=(w, loss)` draws
                the paths from w to the loss alone.

        Raises:
            ValueError: there are more paths than the limit.
            IndexError: there is no such path.

        >>> x = Tensor(3.0, requires_grad=True, name="x")
        >>> paths(x * x, x).draw(1).extras["highlight"]["e-1-1"]
        '3'
        """
        path = self[k]
        words = [slope(x, node, i) for x, (node, i) in zip(self.jacobians(k), path.edges)]
        k = range(len(self))[k]
        title = f"path {k + 1} of {self.count} from {path.labels[0]} adds "
        title += f"{amount(path.contribution)} (bold: local slopes)"
        options = {"fold": False, "title": title, "gradient": self.gradient, **options}
        picture = draw_picture(self.loss, **options)
        highlight = {**on_picture(path, words, picture), **options.get("highlight", {})}
        extras = {**picture.extras, "highlight": highlight}
        return Picture(picture.trace, picture.graph, picture.drawing, extras)

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
    start = seeded([loss], [gradient])[0][1]
    graph = Graph(top)
    if target not in graph:
        raise ValueError(f"{w.name or 'the tensor'!r} is no part of what the loss is computed from")
    useful = graph.leading_to([target])
    count = counted(graph, useful, top, target)
    listed = None
    if count <= limit:
        numbers = {node: i for i, node in enumerate(graph.computed, start=1)}
        listed = tuple(walked(top, target, start, useful, graph.replay(), numbers))
    return Paths(count, listed, w.shape, w.dtype, loss, limit, gradient)


def counted(graph: Graph, useful: set[Node], top: Node, target: Node) -> int:
    """How many paths lead from the top to the target."""
    ways = {top: 1}
    for node in reversed(graph.computed):
        if node == target:
            break
        count = ways.pop(node, 0)
        for p in node.predecessors if count else ():
            if p in useful:
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
    edges: list[Use] = []
    stack: list[tuple[int, Node, int, Array]] = [
        (0, top, -1, start)
    ]  # depth, operation, operand, g
    while stack:
        depth, node, i, g = stack.pop()
        if i >= 0:
            del edges[depth - 1 :]
            edges.append((node, i))
            g = pullback(node, g, values, [i])[i]
            node = node.parent(i)
        if node == target:
            yield path_of(edges, g, numbers, target)
            continue
        onward = [j for j, operand in enumerate(node.operands) if operand.node in useful]
        stack += [(depth + 1, node, j, g) for j in reversed(onward)]


def path_of(edges: list[Use], g: Array, numbers: dict[Node, int], target: Node) -> Path:
    labels = [target.name or "w"]
    for node, i in reversed(edges):
        labels.append(f"{node.op.name}[{node.operands[i].parameter}]")
        if node.name:
            labels.append(node.name)
    keys = tuple(f"e-{numbers[node]}-{i}" for node, i in edges)
    return Path(tuple(edges), keys, np.array(g), tuple(labels))


def jacobian(node: Node, i: int, values: dict[Node, Array]) -> Array | None:
    """The derivative of a node's result by operand i, as a matrix; None if it is large."""
    rows = int(np.prod(node.shape))
    if rows > LARGE:
        return None
    columns = int(np.prod(node.operands[i].shape))
    out = np.empty((rows, columns), node.dtype)
    for row in range(rows):
        unit = np.zeros(rows, node.dtype)
        unit[row] = 1.0
        out[row] = pullback(node, unit.reshape(node.shape), values, [i])[i].ravel()
    return out


def slope(x: Array | None, node: Node, i: int) -> str:
    """What stands on an edge for its local Jacobian."""
    if x is None:
        rows, columns = (int(np.prod(n.shape)) for n in (node, node.operands[i]))
        return f"J {rows:,}×{columns:,}"
    if x.size == 1:
        return number(float(x[0, 0]))
    return f"‖J‖ {number(float(np.linalg.norm(x)), 3)}"


def on_picture(path: Path, words: list[str], picture: Picture) -> dict[str, str]:
    """The ids of a picture's nodes and edges that a path leads over, with the words there."""
    graph, ids = picture.graph, ids_of(picture.trace)
    found: dict[str, str] = {}
    for (node, i), said in zip(path.edges, words, strict=True):
        around = [group.id for group in ids.nesting.group_of[node].around()]
        head = next((name for name in (ids.operations[node], *around) if name in graph), None)
        if head is None:
            continue  # not in focus
        own, tensor = ids.edge(node, i), ids.tensors[node.parent(i)]
        found[head] = ""
        for tail, _, key, edge in graph.in_edges(head, keys=True, data=True):
            homes = [edge["home"], *(home for home, _ in edge.get("merged", ()))]
            if key == own or (head in around and tensor in homes):
                found |= {key: said if key == own else "", tail: ""}
    tensors = {ids.tensors[node] for node in path.nodes}
    found |= dict.fromkeys(tensors & set(graph), "")
    for tail, head, key, edge in graph.edges(keys=True, data=True):
        if edge["out"] and tail in found and head in tensors:
            found[key] = ""
    return found
