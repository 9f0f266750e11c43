"""Units and weights found in a trace: matrix products with a leaf, their shifts and functions.

A layer is a product x W, W x or x Wᵀ + b of data with a matrix that is a leaf or a constant,
perhaps transposed or reshaped on its way. Biases and thresholds are leaves added to it or
subtracted from it. What stands between a layer's net input and the data of the next is the
layer's function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from microgradnd.graph import Node, Operand
from viz.capture.trace import Trace
from viz.structure.neurons import signs

Array = np.ndarray

_FARTHEST = 12  # operations between a layer and the next, at most


@dataclass(frozen=True)
class Column:
    """The values of one sample at a row of units, and their gradients if they have any."""

    name: str | None
    values: Array  # (units,)
    gradients: Array | None = None  # (units,)


@dataclass(frozen=True)
class Parameter:
    """What a weight matrix, a bias or a threshold gives to each unit of a layer.

    Attributes:
        name: of the leaf.
        shape: of the leaf.
        sign: −1 for what is subtracted.
        at: by unit (and input), the place in the leaf, counted as in memory.
        values: by unit (and input).
        gradients: of the whole pass, or None.
        here: what this layer contributes to them, before other uses are added; or None.
    """

    name: str | None
    shape: tuple[int, ...]
    sign: int
    at: Array
    values: Array
    gradients: Array | None
    here: Array | None

    def place(self, *unit: int) -> tuple[int, ...]:
        """The index in the leaf."""
        return tuple(int(i) for i in np.unravel_index(int(self.at[unit]), self.shape))


@dataclass
class Layer:
    """A row of units for one sample.

    Attributes:
        product: the node of x W, W x or x Wᵀ + b; net: the node after all shifts.
        data: the operand that is no weight.
        inputs, weight (units, inputs), shifts, sums, outputs: the numbers. `sums` are the net
            inputs, with ∂E/∂net; `outputs` is None if the net input goes on as it is.
        units: makes of what has the product's shape an array (samples, units).
        function: the names of the operations that make the outputs.
        samples: how many there are in the pass.
        after: the layer whose outputs are the inputs, if that is all they are.
    """

    product: Node
    net: Node
    data: Operand
    left: bool  # W x, samples are columns
    inputs: Column
    weight: Parameter
    shifts: tuple[Parameter, ...]
    sums: Column
    samples: int
    units: Callable[[Array], Array]
    outputs: Column | None = None
    function: str = ""
    after: Layer | None = None
    followers: list[Layer] = field(default_factory=list)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many inputs and units."""
        units, inputs = self.weight.values.shape
        return inputs, units


def layers_of(found: Trace, sample: int) -> list[Layer]:
    """The layers of a trace in order of creation, linked where one feeds the next.

    Raises:
        ValueError: a layer has no such sample.
    """
    uses: dict[Node, list[Node]] = {}
    for node in found.nodes:
        for p in dict.fromkeys(node.predecessors):
            uses.setdefault(p, []).append(node)
    products = {node: _weights_of(node) for node in found.graph.computed
                if node.op.notation in ("matrix_product", "weighted_sums")}  # fmt: skip
    clear = [places[0] == 0 for places in products.values() if len(places) == 1]
    left = sum(clear) * 2 > len(clear)
    layers = []
    for node, places in products.items():
        if places:
            first = places[0] == 0 if len(places) == 1 else _hinted(node, uses, left)
            layers.append(_layer(node, first, uses, found, sample))
    _link(layers, uses, found, sample)
    return layers


def _is_affine(node: Node) -> bool:
    """Whether it is x Wᵀ + b, with a row of weights for each unit."""
    return node.op.notation == "weighted_sums"


def _weights_of(node: Node) -> list[int]:
    """Which operands of a product may be its weights: leaves first, then constants."""
    known = [_source(operand)[0].kind != "computed" for operand in node.operands]
    if _is_affine(node):
        return [1] if all(known[1:]) else []
    places = [i for i in (0, 1) if known[i] and len(node.operands[i].shape) in (1, 2)]
    tracked = [i for i in places if node.operands[i].node is not None]
    return tracked or places


def _source(operand: Operand) -> tuple[Operand, list[Node]]:
    """What an operand is a view of, and the operations that make it so, first to last."""
    views: list[Node] = []
    while (
        (node := operand.node) is not None and not node.is_leaf and (node.op.view or node.op.casts)
    ):
        views.append(node)
        operand = node.operands[0]
    return operand, views[::-1]


def _viewed(x: Array, views: Iterable[Node]) -> Array:
    for node in views:
        x = node.compute([x])
    return x


def _hinted(node: Node, uses: dict[Node, list[Node]], left: bool) -> bool:
    """Whether the first of two operands that could both be weights is: as the bias lies."""
    for user in uses.get(node, ()):
        for other in user.operands:
            shape = other.shape
            if other.node != node and len(shape) == 2 == len(node.shape) and shape != node.shape:
                return bool(shape[0] == node.shape[0] > 1)
    return left


def _rows(x: Array, first: bool, vector: bool) -> Array:
    """An array of a layer with a row per sample and a column per unit.

    first: the weights are the first operand, so units come before the last axis, the samples'.
    vector: the operand in question has one axis alone, and it is that of the units.
    """
    if vector:
        return x.reshape(1, -1)
    return (np.swapaxes(x, -1, -2) if first else x).reshape(-1, x.shape[-2 if first else -1])


def _numbered(shape: tuple[int, ...]) -> Array:
    return np.arange(int(np.prod(shape))).reshape(shape)


def _layer(
    node: Node, first: bool, uses: dict[Node, list[Node]], found: Trace, sample: int
) -> Layer:
    """The layer of one product."""
    i = 0 if first else 1
    matrix, data = node.operands[i], node.operands[1 - i]
    x = np.asarray(data.value_in(found.values))
    single = len(matrix.shape) == 1  # one unit, whose axis the result has not
    by_input = partial(_rows, first=first, vector=x.ndim == 1)
    units = (lambda a: a.reshape(-1, 1)) if single else by_input

    def flat(a: Array) -> Array:
        """The matrix by unit and input."""
        return a[None] if single else a if first or _is_affine(node) else a.T

    samples = len(by_input(x))
    _check_sample(sample, samples)
    base, views = _source(matrix)
    here = found.contributions.get((node, i))
    weight = _parameter(
        base,
        flat(_viewed(_numbered(base.shape), views)),
        found,
        None if here is None else flat(here),
    )
    net, shifts = _shifted(node, units, uses, found)
    name = data.name or _source(data)[0].name
    inputs = _column(name, x, _gradient(found, data.node), by_input, sample)
    sums = _column(net.name, found.values[net], found.gradients.get(net), units, sample)
    return Layer(node, net, data, first, inputs, weight, shifts, sums, samples, units)


def _gradient(found: Trace, node: Node | None) -> Array | None:
    return None if node is None else found.gradients.get(node)


def _column(
    name: str | None, value: Any, g: Array | None, by: Callable[[Array], Array], sample: int
) -> Column:
    return Column(name, by(np.asarray(value))[sample], None if g is None else by(g)[sample])


def _check_sample(sample: int, samples: int) -> None:
    if not 0 <= sample < samples:
        raise ValueError(
            f"neurons: sample={sample} is not in the pass: it has "
            + ("one sample, 0" if samples == 1 else f"samples 0 to {samples - 1}")
        )


def _parameter(
    base: Operand, at: Array, found: Trace, here: Array | None, sign: int = 1
) -> Parameter:
    value = np.asarray(base.value_in(found.values))
    g = _gradient(found, base.node)
    return Parameter(
        base.name, value.shape, sign, at, value.ravel()[at],
        None if g is None else g.ravel()[at], here,
    )  # fmt: skip


def _shifted(
    node: Node, units: Callable, uses: dict[Node, list[Node]], found: Trace
) -> tuple[Node, tuple[Parameter, ...]]:
    """The node after biases and thresholds, and these."""
    shifts = [
        shift for i, operand in enumerate(node.operands) if i == 2 and operand.shape
        if (shift := _shift_by(node, i, 1, units, found))
    ]  # fmt: skip
    while True:
        steps = [
            (user, p) for user in uses.get(node, ()) if (p := _shift(user, node, units, found))
        ]
        if len(steps) != 1:
            return node, tuple(shifts)
        node = steps[0][0]
        shifts.append(steps[0][1])


def _shift(user: Node, node: Node, units: Callable, found: Trace) -> Parameter | None:
    """The bias that an operation adds to a node, or the threshold that it subtracts."""
    sign = signs(user.op)
    if sign is None or user.shape != node.shape:
        return None
    i = 1 if user.operands[0].node == node else 0
    if user.operands[i].node == node or sign[1 - i] < 0:
        return None
    return _shift_by(user, i, sign[i], units, found)


def _shift_by(user: Node, i: int, sign: int, units: Callable, found: Trace) -> Parameter | None:
    """Operand i as a bias or threshold, if it is a parameter and the same for every sample."""
    other = user.operands[i]
    base, views = _source(other)
    if base.kind == "computed":
        return None
    index = _viewed(_numbered(base.shape), views)
    at = units(np.broadcast_to(index, user.shape))
    if (at != at[0]).any():
        return None  # data, not a bias
    here = found.contributions.get((user, i))
    by_unit = None if here is None else here.ravel()[units(np.broadcast_to(
        _numbered(other.shape), user.shape))[0]]  # fmt: skip
    return _parameter(base, at[0], found, by_unit, sign)


def _link(layers: list[Layer], uses: dict[Node, list[Node]], found: Trace, sample: int) -> None:
    """Tells each layer which one it follows, and what is done to net inputs on the way."""
    nets = {one.net: one for one in layers}
    ways: dict[int, tuple[Node | None, str]] = {}  # by a layer's id
    for one in layers:
        before, way = _origin(one.data.node, nets)
        if before is None:
            continue
        transposed = sum(bool(node.op.permutes) for node in way) % 2
        if before.sizes[1] == one.sizes[0] and transposed == (before.left != one.left):
            before.followers.append(one)
            one.after = before
            ways[id(one)] = one.data.node, _function_of(way)
    for one in layers:
        ends = {ways[id(f)] for f in one.followers}
        if len(ends) == 1:
            (node, function), *_ = ends
            if node != one.net:
                one.outputs, one.function = one.followers[0].inputs, function
        elif not ends:
            _last(one, uses, found, sample)


def _origin(data: Node | None, nets: dict[Node, Layer]) -> tuple[Layer | None, list[Node]]:
    """The one layer that data was computed from, and the operations in between."""
    hits: set[Node] = set()
    way: dict[Node, None] = {}
    stack = [] if data is None else [data]
    while stack:
        node = stack.pop()
        if node.is_leaf or node in way:
            continue
        if node in nets:
            hits.add(node)
        elif _mixes(node) or len(way) > _FARTHEST:
            return None, []
        else:
            way[node] = None
            stack += node.predecessors
    return (nets[hits.pop()] if len(hits) == 1 else None), sorted(way)


def _mixes(node: Node) -> bool:
    """Whether an operation puts values of several units together, or in another order."""
    if node.op.contraction or node.op.variadic:
        return True
    if not (node.op.view or node.op.casts) or node.op.permutes:
        return False
    (operand,) = node.operands
    places = _numbered(operand.shape)
    return not np.array_equal(node.compute([places]).ravel(), places.ravel())


def _function_of(way: Iterable[Node]) -> str:
    names = [node.op.name for node in way if not node.op.permutes]
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _last(one: Layer, uses: dict[Node, list[Node]], found: Trace, sample: int) -> None:
    """The outputs of a layer that no other follows: its function, if it is a known one."""
    users = uses.get(one.net, [])
    if len(users) == 1 and users[0].op.activation and users[0].shape == one.net.shape:
        node, g = users[0], found.gradients.get(users[0])
        one.outputs = _column(node.name, found.values[node], g, one.units, sample)
        one.function = node.op.name


def chains_of(layers: Iterable[Layer]) -> list[list[Layer]]:
    """Layers in rows, each of which follows the one before it alone."""
    chains: list[list[Layer]] = []
    ends: dict[int, list[Layer]] = {}
    for one in layers:
        before = one.after
        if before is not None and len(before.followers) == 1:
            ends[id(before)].append(one)
            ends[id(one)] = ends[id(before)]
        else:
            chains.append(row := [one])
            ends[id(one)] = row
    return chains
