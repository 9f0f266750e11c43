"""The chain rule as a sum over paths: what each way from a tensor to the loss adds to its gradient.

A path is a sequence of edges. An edge is (operation, operand index), as in a picture, so that x * x
has two of them. What a path contributes is the product of the local Jacobians along it, applied to
the gradient of the loss: the seed is pulled back over this one path alone. A path of one element of
a tensor goes through single elements: what it contributes is a product of numbers.
"""

from __future__ import annotations

import os
import pathlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microgradnd import Tensor
from microgradnd.graph import Graph, Node, Use, checked, pullback, seeded, whole
from viz.formats import files
from viz.formulas.elements import Index, bracketed, element_in
from viz.model.elements import Edge
from viz.picture import Picture
from viz.picture import draw as draw_picture
from viz.style.kinds import GRADIENT, LOSS, PATH
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
        elements: of a path through single elements their indices, at each of the nodes; else None.
    """

    edges: tuple[Use, ...]
    keys: tuple[str, ...]
    contribution: Array
    labels: tuple[str, ...]
    elements: tuple[Index, ...] | None = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes along the way, from the loss to the tensor."""
        end = [self.edges[-1][0].parent(self.edges[-1][1])] if self.edges else []
        return tuple([node for node, _ in self.edges] + end)

    def __str__(self) -> str:
        return " → ".join(self.labels)


@dataclass(frozen=True)
class Paths:
    """All paths from a tensor, or from one element of it, to the loss.

    Attributes:
        count: how many there are.
        listed: the paths themselves; None if there are more than the limit.
        shape, dtype: of the tensor; of one element the shape is ().
        loss, gradient: where they end, and the gradient there, 1 if None.
    """

    count: int
    listed: tuple[Path, ...] | None
    shape: tuple[int, ...]
    dtype: np.dtype
    loss: Tensor
    limit: int = 1000
    gradient: Any = None

    def _known(self) -> tuple[Path, ...]:
        if self.listed is None:
            raise ValueError(
                f"there are {self.count:,} paths, more than the limit of {self.limit:,}: they were "
                "counted, not listed; raise it with limit=, or begin at a later tensor"
            )
        return self.listed

    def __iter__(self) -> Iterator[Path]:
        return iter(self._known())

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> Path:
        known = self._known()
        if not -len(known) <= i < len(known):
            raise IndexError(f"Paths: k = {i} is no path, there are {len(known)}")
        return known[i]

    @property
    def total(self) -> Array:
        """The sum of all contributions, which is the gradient."""
        zero = np.zeros(self.shape, self.dtype)
        return np.asarray(sum((path.contribution for path in self._known()), zero))

    @checked(k=whole())
    def jacobians(self, k: int) -> list[Array | None]:
        """The local Jacobians along path k, from the loss to the tensor.

        Each has a row per element of the operation's result and a column per element of the
        operand; None stands for one of more than 64 rows. Their product, with the gradient of the
        loss on its left, is the path's contribution. Of a path through single elements they are
        1 × 1: the slopes of these elements.

        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> paths(x.square().sum(), x).jacobians(0)
        [array([[1., 1.]]), array([[2., 0.],
               [0., 4.]])]
        """
        path, slopes = self[k], _Slopes(Graph(self.loss))
        if path.elements is None:
            return [slopes.jacobian(*edge) if _size_of(edge[0]) <= LARGE else None
                    for edge in path.edges]  # fmt: skip
        places = [_flat(at, node.shape) for at, node in zip(path.elements, path.nodes)]
        return [
            slopes.jacobian(node, i)[row : row + 1, column : column + 1]
            for (node, i), row, column in zip(path.edges, places, places[1:])
        ]

    @checked(k=whole())
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
        labels = [_slope(x, node, i) for x, (node, i) in zip(self.jacobians(k), path.edges)]
        k = range(len(self))[k]
        title = f"path {k + 1} of {self.count} from {path.labels[0]} adds "
        title += f"{_amount(path.contribution).replace('-', '−')} (bold: local slopes)"
        options = {"fold": False, "title": title, "gradient": self.gradient, **options}
        picture = draw_picture(self.loss, **options)
        highlight = {**_on_picture(path, labels, picture), **options.get("highlight", {})}
        return picture.with_extras(highlight=highlight)

    def __str__(self) -> str:
        """A table: the contribution of each path, as a number or a norm, and its way."""
        if self.listed is None:
            return f"{self.count:,} paths, too many to list"
        rows = [(_amount(path.contribution), str(path)) for path in self.listed]
        rows.append((_amount(self.total), f"sum of {self.count} path{'s' * (self.count != 1)}"))
        wide = max(len(number) for number, _ in rows)
        return "\n".join(f"{number:>{wide}}  {way}" for number, way in rows)

    __repr__ = __str__

    @checked(path=PATH)
    def save(self, path: str | os.PathLike[str]) -> pathlib.Path:
        """Writes the table as a .md or .txt file; folders are created.

        Raises:
            ValueError: the file has another suffix.
        """
        texts = {".md": lambda: f"{self._repr_markdown_()}\n", ".txt": lambda: f"{self}\n"}
        return files.save(path, texts, "paths")

    def _repr_markdown_(self) -> str:
        return "\n".join(f"    {line}" for line in str(self).splitlines())


def _amount(x: Array) -> str:
    return f"{float(x):.4g}" if x.ndim == 0 else f"‖·‖ {float(np.linalg.norm(x)):.4g}"


@checked(loss=LOSS, w=LOSS, limit=whole(0), gradient=GRADIENT)
def paths(
    loss: Tensor,
    w: Tensor,
    element: int | Index | None = None,
    limit: int = 1000,
    gradient: Any = None,
) -> Paths:
    """The paths from a tensor to the loss, each with what it adds to the tensor's gradient.

    They are counted exactly, however many there are, and listed if they are no more than `limit`.
    Hooks are not run: the sum is the gradient that the rules alone give.

    Args:
        loss: the tensor that is differentiated.
        w: by which; a leaf or an intermediate result. `w[0, 1]` is one element of it.
        element: an index of w: the paths of this element alone, through single elements of all
            results; those over a slope of 0 are left out.
        gradient: to start from at the loss, 1 for a scalar.

    Raises:
        GraphError: one of them does not depend on tensors that require a gradient.
        ValueError: the loss does not depend on w, the index is not that of one element, or a
            result on the way of an element has more than 64 elements.

    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> paths(x * x + x, x)
    3  x → multiply[x] → add[x]
    3  x → multiply[y] → add[x]
    1  x → add[y]
    7  sum of 3 paths
    >>> v = Tensor([2.0, 3.0], requires_grad=True, name="v")
    >>> paths((v * v).sum(), v[1])
    3  v[1] → multiply[x] → [1] → sum[x]
    3  v[1] → multiply[y] → [1] → sum[x]
    6  sum of 2 paths
    """
    graph = Graph(loss)
    (_, start), *_ = seeded([loss], [gradient])
    target, index = element_in(graph, w, element)
    walk = _Walk(graph, target, index, np.asarray(start))
    count = walk.count()
    listed = tuple(walk.listed()) if count <= limit else None
    shape = w.shape if index is None else ()
    return Paths(count, listed, shape, w.dtype, loss, limit, gradient)


def _size_of(node: Node) -> int:
    return int(np.prod(node.shape))


def _flat(index: Index, shape: tuple[int, ...]) -> int:
    return int(np.ravel_multi_index(index, shape)) if index else 0


class _Slopes:
    """The local Jacobians of a graph, each computed once."""

    def __init__(self, graph: Graph) -> None:
        self.values = graph.replay()
        self.known: dict[Use, Array] = {}

    def pulled(self, node: Node, i: int, g: Array) -> Array:
        """What the gradient of a node's result gives for operand i alone."""
        return pullback(node, g, self.values, [i])[i]

    def jacobian(self, node: Node, i: int) -> Array:
        """The derivative of a node's result by operand i, as a matrix."""
        if (node, i) not in self.known:
            units = np.eye(_size_of(node), dtype=node.dtype).reshape(-1, *node.shape)
            rows = [self.pulled(node, i, unit).ravel() for unit in units]
            shape = _size_of(node), _size_of(node.parent(i))
            self.known[node, i] = np.array(rows, node.dtype).reshape(shape)
        return self.known[node, i]


Step = tuple[Use, int | None, int | None]  # an edge; the elements of its ends, or None


class _Walk:
    """The ways from a loss down to a tensor; with an index to this element, through single ones."""

    def __init__(self, graph: Graph, target: Node, index: Index | None, start: Array) -> None:
        self.graph, self.target, self.slopes = graph, target, _Slopes(graph)
        (self.top,) = graph.outputs
        self.useful = graph.leading_to([target])
        self.numbers = {node: k for k, node in enumerate(graph.computed, start=1)}
        self.reached: dict[Node, Array] = {}  # by node: which elements lead down
        self.seeds: list[tuple[int | None, Any]] = [(None, start)]
        if index is not None:
            self.reached[target] = np.zeros(_size_of(target), bool)
            self.reached[target][_flat(index, target.shape)] = True
            self.reach()
            seeds = np.where(self.reached[self.top], start.ravel(), 0.0)
            self.seeds = [(int(k), float(seeds[k])) for k in np.flatnonzero(seeds)]

    def reach(self) -> None:
        for node in self.graph.computed:
            if node == self.target or node not in self.useful:
                continue
            if _size_of(node) > LARGE:
                raise ValueError(
                    f"{node.name or node.op.name!r} on the way has {_size_of(node):,} elements, "
                    f"single ones are followed up to {LARGE}: take the paths of the whole tensor"
                )
            through = (self.slopes.jacobian(node, i)[:, self.reached[node.parent(i)]]
                       for i in self.operands(node))  # fmt: skip
            self.reached[node] = np.any([(J != 0).any(axis=1) for J in through], axis=0)

    def operands(self, node: Node) -> list[int]:
        """The operands of a node that lead to the target."""
        return [i for i, p in enumerate(node.operands) if p.node in self.useful]

    def onward(self, node: Node, k: int | None) -> Iterator[Step]:
        """The steps from a result, or from an element of it, over slopes that are not 0."""
        for i in self.operands(node):
            if k is None:
                yield (node, i), None, None
                continue
            row = self.slopes.jacobian(node, i)[k]
            for j in np.flatnonzero((row != 0) & self.reached[node.parent(i)]):
                yield (node, i), k, int(j)

    def count(self) -> int:
        """How many paths there are."""
        ways: dict[Node, Counter] = defaultdict(Counter)
        ways[self.top].update(dict.fromkeys((k for k, _ in self.seeds), 1))
        for node in reversed(self.graph.computed):
            if node == self.target:
                break
            for k, count in ways.pop(node, Counter()).items():
                for (_, i), _, j in self.onward(node, k):
                    ways[node.parent(i)][j] += count
        return ways[self.target].total()

    def listed(self) -> Iterator[Path]:
        """Goes down every path, the first operands first; what paths share is pulled back once."""
        edges: list[Use] = []
        places: list[Index] = []
        # how many edges lead here; the last of them, this node, its element, the gradient before
        stack: list[tuple[int, Step | None, Node, int | None, Any]]
        stack = [(0, None, self.top, k, g) for k, g in reversed(self.seeds)]
        while stack:
            depth, step, node, k, g = stack.pop()
            del edges[max(depth - 1, 0) :], places[depth:]
            if step is not None:
                edges.append(step[0])
                g = self.pulled(step, g)
            if k is not None:
                places.append(tuple(int(a) for a in np.unravel_index(k, node.shape)))
            if node == self.target:
                yield self.path(edges, g, places if k is not None else None)
                continue
            stack += [
                (depth + 1, step, step[0][0].parent(step[0][1]), step[2], g)
                for step in reversed([*self.onward(node, k)])
            ]

    def pulled(self, step: Step, g: Any) -> Any:
        """The gradient at the lower end of a step, from that at the upper."""
        edge, k, j = step
        return self.slopes.pulled(*edge, g) if k is None else (
            g * float(self.slopes.jacobian(*edge)[k, j])
        )  # fmt: skip

    def path(self, edges: list[Use], g: Any, elements: Sequence[Index] | None) -> Path:
        """A path, with what stands for it in pictures and tables."""
        at = None if elements is None else tuple(elements)
        labels = [(self.target.name or "w") + ("" if at is None else bracketed(at[-1]))]
        for k in reversed(range(len(edges))):
            node, i = edges[k]
            labels.append(f"{node.op.name}[{node.operands[i].parameter}]")
            element = "" if at is None else bracketed(at[k])
            if node.name or element:
                labels.append((node.name or "") + element)
        keys = tuple(f"e-{self.numbers[node]}-{i}" for node, i in edges)
        return Path(tuple(edges), keys, np.array(g), tuple(labels), at)


def _slope(x: Array | None, node: Node, i: int) -> str:
    """What stands on an edge for its local Jacobian."""
    if x is None:
        rows, columns = _size_of(node), _size_of(node.parent(i))
        return f"J {rows:,}×{columns:,}"
    if x.size == 1:
        return number(float(x[0, 0]))
    return f"‖J‖ {number(float(np.linalg.norm(x)), 3)}"


def _on_picture(path: Path, labels: list[str], picture: Picture) -> dict[str, str]:
    """The ids of a picture's nodes and edges that a path leads over, with the labels there."""
    model, ids = picture.model, picture.describer.ids
    into: dict[str, list[Edge]] = {}
    for edge in model.edges.values():
        into.setdefault(edge.head, []).append(edge)
    found: dict[str, str] = {}
    for (node, i), label in zip(path.edges, labels, strict=True):
        around = [group.id for group in ids.nesting.group_of[node].around()]
        head = next((name for name in (ids.operations[node], *around) if name in model.nodes), None)
        if head is None:
            continue  # not in focus
        own, tensor = ids.edge(node, i), ids.tensors[node.parent(i)]
        found[head] = ""
        for edge in into.get(head, ()):
            homes = [edge.home, *(one.tensor for one in edge.merged)]
            if edge.id == own or (head in around and tensor in homes):
                found |= {edge.id: label if edge.id == own else "", edge.tail: ""}
    tensors = {ids.tensors[node] for node in path.nodes}
    found |= dict.fromkeys(tensors & set(model.nodes), "")
    for edge in model.edges.values():
        if edge.out and edge.tail in found and edge.head in tensors:
            found[edge.id] = ""
    return found
