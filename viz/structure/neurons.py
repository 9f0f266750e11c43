"""Computations with scalar weights read again: sums Σ wᵢxᵢ + b are neurons, rows of them layers.

A neuron is a sum of products, each of a leaf of one element with an input, and of leaves and
constants, its bias; the result may go through an activation. What the sum is made of is used
nowhere else. Neurons with the same inputs are a layer, and layers with the same weights are one
over all samples, unless one of them feeds another. Names play no part in it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np

from microgradnd import Op
from microgradnd.graph import Node, Operand
from viz.structure.tree import Group, Part

_Term: TypeAlias = tuple[Node | None, Hashable]  # a weight and its input; None and a bias


@dataclass(frozen=True)
class _Neuron:
    """A sum of products, with what is done to it.

    Attributes:
        nodes: the products, the sums and the activation, in order of creation.
        inputs: the keys of the inputs, by term.
        weights: the weights and the bias, by term.
        bias: whether it has one.
        function: the name of the activation, or nothing.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[Hashable, ...]
    weights: tuple[Hashable, ...]
    bias: bool
    function: str

    @property
    def text(self) -> str:
        """What it computes."""
        return "Σ wᵢxᵢ" + " + b" * self.bias + f", {self.function}" * bool(self.function)


def with_neurons(parts: list[Part], uses: Counter[Node]) -> list[Part]:
    """Parts of a group with neurons and layers among them as groups, if there is a layer.

    `uses` counts the uses of each node in the whole computation.
    """
    layers = _layers(list(_neurons(parts, uses)))
    for groups in (_over_samples(layers), [_layer(x) for x in layers]) if layers else ():
        inside = {node for group in groups for node in group.nodes()}
        out = sorted([*groups, *(x for x in parts if x not in inside)], key=_first)
        if _runs_forward(out):
            return out
    return parts


@cache
def signs(op: Op) -> tuple[int, ...] | None:
    """The signs with which two operands go into a sum, −1 for what is subtracted.

    None of an operation that is no sum of two.
    """
    if op.linear != "x+y" or len(op.operands) != 2:
        return None
    ones = ([1.0, 0.0], [0.0, 1.0])
    return tuple(int(np.sign(op.forward(*pair))) for pair in ones)


def _neurons(parts: Sequence[Part], uses: Counter[Node]) -> Iterator[_Neuron]:
    own = {x for x in parts if isinstance(x, Node)}
    user = {p: x for x in own for p in x.predecessors if uses[p] == 1}
    sums = {x for x in own if x.op.elementwise and signs(x.op) == (1, 1)}
    alone, inner = own & user.keys(), sums & user.keys()
    for root in sorted(sums):
        if user.get(root) in sums:
            continue
        nodes, terms = [root], list[_Term]()
        for operand in _summands(root, inner, nodes):
            term = _term(operand, alone, uses, nodes)
            if term is None:
                break
            terms.append(term)
        else:
            yield from _neuron(nodes, terms, user.get(root))


def _summands(root: Node, inner: set[Node], nodes: list[Node]) -> Iterator[Operand]:
    """What is added up, first to last; sums that are used in the sum alone join the nodes."""
    stack = [*root.operands[::-1]]
    while stack:
        operand = stack.pop()
        node = operand.node
        if node in inner:
            nodes.append(node)
            stack += node.operands[::-1]
        else:
            yield operand


def _term(
    operand: Operand, alone: set[Node], uses: Counter[Node], nodes: list[Node]
) -> _Term | None:
    """A summand as weight and input, or as a bias; None if it is neither."""
    node = operand.node
    if node is None or (node.is_leaf and _is_scalar(node)):
        return None, _key(operand)
    if node not in alone or not node.op.elementwise or node.op.linear != "x y":
        return None
    weights = [x.node for x in node.operands if x.node is not None and x.node.is_leaf]
    weights = [x for x in weights if _is_scalar(x)]
    if not weights or len({x.key for x in node.operands}) < 2:
        return None
    weight = min(weights, key=lambda x: uses[x])  # all neurons of a layer use its inputs
    (given,) = (x for x in node.operands if x.node != weight)
    nodes.append(node)
    return weight, _key(given)


def _is_scalar(node: Node) -> bool:
    return math.prod(node.shape) == 1


def _key(operand: Operand) -> Hashable:
    """What tells inputs apart: numbers by their value."""
    return ("number", repr(operand.value)) if operand.kind == "number" else operand.key


def _neuron(nodes: list[Node], terms: list[_Term], user: Node | None) -> Iterator[_Neuron]:
    products = [(weight, x) for weight, x in terms if weight is not None]
    if not products:
        return
    function = ""
    if user is not None and user.op.activation and len(user.operands) == 1:
        nodes, function = [*nodes, user], user.op.name
    inputs = tuple(x for _, x in products)
    weights = (*(weight for weight, _ in products), *(x for weight, x in terms if weight is None))
    bias = len(terms) > len(products)
    yield _Neuron(tuple(sorted(nodes)), inputs, weights, bias, function)


def _layers(neurons: Sequence[_Neuron]) -> list[list[_Neuron]]:
    """Neurons with the same inputs; one alone is a layer if another layer feeds it."""
    layers: list[list[_Neuron]] = []
    latest: dict[Hashable, list[_Neuron]] = {}
    for neuron in neurons:
        row = latest.get(neuron.inputs)
        if row is None or any(other.weights == neuron.weights for other in row):
            row = latest[neuron.inputs] = []
            layers.append(row)
        row.append(neuron)
    made: set[Hashable] = set()
    out = []
    for row in layers:
        if len(row) > 1 or made.intersection(row[0].inputs):
            made.update(neuron.nodes[-1] for neuron in row)
            out.append(row)
    return out if any(len(row) > 1 for row in out) else []


def _over_samples(layers: Sequence[Sequence[_Neuron]]) -> list[Group]:
    """Layers with the same weights as one, with a group for each sample in it."""
    alike: dict[Hashable, list[Sequence[_Neuron]]] = {}
    for row in layers:
        alike.setdefault(tuple(neuron.weights for neuron in row), []).append(row)
    out = []
    for rows in alike.values():
        made = {neuron.nodes[-1] for row in rows for neuron in row}
        if any(made.intersection(row[0].inputs) for row in rows):  # steps of time, not samples
            out += [*map(_layer, rows)]
            continue
        group = _layer(rows[0])
        if len(rows) > 1:
            samples: list[Part] = [*map(_layer, rows)]
            for k, sample in enumerate(samples, start=1):
                assert isinstance(sample, Group)
                sample.name = f"sample {k}"
            group = Group(group.name, "layer", samples, len(rows))
        out.append(group)
    return out


def _layer(row: Sequence[_Neuron]) -> Group:
    """A layer, or the one neuron that it is."""
    if len(row) == 1:
        return Group(f"neuron: {row[0].text}", "neuron", list(row[0].nodes))
    functions = {neuron.function for neuron in row}
    what = f", {row[0].function}" if len(functions) == 1 and row[0].function else ""
    neurons: list[Part] = [
        Group(f"neuron {k}: {neuron.text}", "neuron", list(neuron.nodes))
        for k, neuron in enumerate(row, start=1)
    ]
    return Group(f"layer of {len(row)} neurons{what}", "layer", neurons)


def _first(part: Part) -> int:
    return part.seq if isinstance(part, Node) else min(node.seq for node in part.nodes())


def _runs_forward(parts: Sequence[Part]) -> bool:
    """Whether each part uses only those before it: then all of them can be closed."""
    place = {
        node: k
        for k, part in enumerate(parts)
        for node in (part.nodes() if isinstance(part, Group) else (part,))
    }
    return all(place.get(p, -1) <= k for node, k in place.items() for p in node.predecessors)
