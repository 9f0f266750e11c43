"""The graph of a computation, to look at: what was computed from what, and how to run it again.

A `Graph` is what leads to some tensors: its `Node`s are operations with their results, and leaves;
the `Operand`s of a node say what it was computed from. All of it is read-only, and looking changes
nothing. `Graph.replay` computes the values again by the operations' own forward functions,
`pullback` gives what one node's rules make of a gradient, `walk` is the engine's own backward pass
with somebody watching. Pictures, formulas and programs are made of these and nothing else.
The checks of arguments are handed on from here, too: pictures refuse in the library's own words.

>>> from microgradnd import Tensor
>>> x = Tensor(3.0, requires_grad=True, name="x")
>>> graph = Graph((x * x).sin().named("y"))
>>> [node.op.name for node in graph.computed], [leaf.name for leaf in graph.leaves]
(['multiply', 'sin'], ['x'])
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from weakref import WeakValueDictionary

import numpy as np

from microgradnd import accumulation, engine, node, writes
from microgradnd.arguments import (
    FLAG,
    NUMBERS,
    POSITIVE,
    PROBABILITY,
    STRING,
    Kind,
    checked,
    either,
    instance,
    one_of,
    optional,
    real_array,
    several,
    whole,
)
from microgradnd.declaration import Op
from microgradnd.engine import Tensor
from microgradnd.expansion import expanded
from microgradnd.grad_mode import observed, set_grad_enabled
from microgradnd.node import Call

__all__ = [
    "FLAG", "NUMBERS", "POSITIVE", "PROBABILITY", "STRING", "Call", "Graph", "Kind", "Node",
    "Observer", "Operand", "Seeds", "Use", "checked", "clock", "either", "expanded", "fitted",
    "instance", "node_of", "one_of", "operand_of", "optional", "pullback", "real_array", "replay",
    "seeded", "several", "walk", "watching", "whole",
]  # fmt: skip

Array = np.ndarray


class Node:
    """An operation and its result, or a leaf: a read-only view of what the engine recorded.

    Two views of the same node are equal, to each other and to `Tensor.node`; they sort in order
    of creation.

    >>> w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> total = node_of(w.sum(axis=0))
    >>> total.op.name, total.shape, dict(total.options)
    ('sum', (), {'axis': 0, 'keepdims': False})
    >>> total.predecessors
    (<leaf w (2,) float64>,)
    >>> total.shape = (3,)
    Traceback (most recent call last):
    AttributeError: a node is read-only, .shape cannot be set
    """

    __slots__ = ("_node", "_operands", "__weakref__")
    _node: node.Node
    _operands: tuple[Operand, ...]

    def __init__(self, recorded: node.Node) -> None:
        object.__setattr__(self, "_node", recorded)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a node is read-only, .{name} cannot be set")

    def __eq__(self, other: object) -> bool:
        return self is other or self._node is (other._node if isinstance(other, Node) else other)

    def __hash__(self) -> int:
        return hash(self._node)

    def __lt__(self, other: Node) -> bool:
        return self.seq < other.seq

    def __repr__(self) -> str:
        name = f" {self.name}" if self.name else ""
        kind = "leaf" if self.is_leaf else self.op.name
        return f"<{kind}{name} {self.shape} {self.dtype}>"

    @property
    def is_leaf(self) -> bool:
        return self._node.plan is None

    @property
    def op(self) -> Op:
        """The operation's row, with its name, rules and traits.

        Raises:
            AttributeError: it is a leaf.
        """
        if self._node.plan is None:
            raise AttributeError(f"{self!r} has no operation: it is a leaf")
        return self._node.plan.op

    @property
    def options(self) -> Mapping[str, Any]:
        """All options of the operation by name, those not given with their defaults."""
        return MappingProxyType(dict(zip(self.op.options, self._node.options)))

    @property
    def changed_options(self) -> dict[str, Any]:
        """The options that are not what the operation takes by default."""
        options = self.options.items()
        return {key: x for key, x in options if not _equal(x, self.op.options[key])}

    @property
    def operands(self) -> tuple[Operand, ...]:
        """What it was computed from, in the order of the operation's operands."""
        if not hasattr(self, "_operands"):
            parents = enumerate(self._node.parents)
            operands = tuple(_operand(x, i, self.op.operand(i)) for i, x in parents)
            object.__setattr__(self, "_operands", operands)
        return self._operands

    @property
    def predecessors(self) -> tuple[Node, ...]:
        """The nodes among its operands, to which gradients flow, each as often as it is used."""
        return tuple(operand.node for operand in self.operands if operand.node is not None)

    def parent(self, i: int) -> Node:
        """The node of operand i.

        Raises:
            ValueError: the operand is a constant.
        """
        found = self.operands[i].node
        if found is None:
            raise ValueError(f"{self!r}: its operand {i} is a constant, no gradient flows to it")
        return found

    @property
    def shape(self) -> tuple[int, ...]:
        return self._node.shape

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self._node.dtype)

    @property
    def name(self) -> str | None:
        return self._node.name

    @property
    def seq(self) -> int:
        """Grows in order of creation."""
        return self._node.seq

    @property
    def key(self) -> Node:
        """Itself: it is told apart as an `Operand` is."""
        return self

    @property
    def id(self) -> int:
        """What `Call.inputs` calls it."""
        return id(self._node)

    @property
    def value(self) -> Any:
        """The array of a leaf, not writeable; None of a computed node, see `Graph.replay`."""
        return _read_only(self._node.saved) if self.is_leaf else None

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls of modules that ended with this node, the inner ones first."""
        return tuple(
            Call(name or cls.__name__, cls.__name__, first, tuple(inputs))
            for name, cls, first, *inputs in self._note("calls", ())
        )

    @property
    def where(self) -> str | None:
        """File and line of the operation's call, within `source_lines` or `detect_anomaly`."""
        return self._note("where", None)

    @property
    def has_hooks(self) -> bool:
        """Whether functions look at its gradient, and may replace it."""
        return bool(self._note("hooks", ()))

    def written_since(self, moment: int) -> bool:
        """Whether the array of a leaf was written to after a moment on the clock of `seq`."""
        if not self.is_leaf:
            return False
        return self._note("changed", 0) > moment or writes.written_since(self._node.saved, moment)

    def compute(self, operands: Sequence[Any]) -> Array:
        """The result of its operation, with its options, for the values of operands."""
        with np.errstate(all="ignore"):
            return self.op.run(operands, self._node.options)

    def tensor(self, value: Array) -> Tensor:
        """A Tensor with a value, that was computed as this node was."""
        return engine.tracked(value, self._node)

    def _note(self, key: str, default: Any) -> Any:
        return default if self._node.notes is None else self._node.notes.get(key, default)


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """What an operation was computed from: a computed node, a leaf, a constant or a number.

    Attributes:
        kind: "computed" or "leaf" (then `node` is it), "constant" (an array, or anything that has
            a name) or "number" (one without axes and name; None where nothing was given).
        node: None of constants and numbers.
        name: of the tensor or constant, if it has one.
        index: its number among the operation's operands; None if it is no operand of one.
        parameter: what the operation calls it, e.g. "x", "xs[2]".

    >>> w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> for operand in node_of(w * Tensor([3.0, 4.0], name="c")).operands:
    ...     print(operand.parameter, operand.kind, operand.name, operand.value)
    x leaf w [1. 2.]
    y constant c [3. 4.]
    """

    node: Node | None
    name: str | None
    index: int | None
    parameter: str
    _value: Any  # of a constant: as the engine holds it

    def __repr__(self) -> str:
        return f"<operand {self.parameter}: {self.node or f'{self.kind} {self.shape}'}>"

    @property
    def key(self) -> Node | int:
        """What tells tensors apart: the node, or a number that stands for a constant's memory.

        It holds as long as the graph does.
        """
        return id(self._value) if self.node is None else self.node

    @property
    def kind(self) -> Literal["computed", "leaf", "constant", "number"]:
        if self.node is not None:
            return "leaf" if self.node.is_leaf else "computed"
        return "constant" if self.name is not None or self.shape else "number"

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self._value) if self.node is None else self.node.shape

    @property
    def dtype(self) -> np.dtype:
        return np.asarray(self._value).dtype if self.node is None else self.node.dtype

    @property
    def value(self) -> Any:
        """Of a leaf or constant its array, not writeable, or the number; else None."""
        return _read_only(self._value) if self.node is None else self.node.value

    def value_in(self, values: Mapping[Node, Any]) -> Any:
        """Its value, of a node the one that stands in a table of them, as `replay` gives it."""
        return _read_only(self._value) if self.node is None else values[self.node]


Use: TypeAlias = tuple[Node, int]  # a computed node and the index of one of its operands
Seeds: TypeAlias = Sequence[tuple[Node, Any]]  # nodes, and the gradients a walk starts from there
Observer: TypeAlias = Callable[[Node, int | None, Any], None]  # what `walk` calls


class Graph:
    """All that leads to some tensors.

    Args:
        outputs: a Tensor or Node, or several; those that require no gradient are left out.

    Attributes:
        outputs: their nodes, each once.
        nodes: all of them, in order of creation.
        computed, leaves: those with an operation, and those without.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> y = x * x
    >>> graph = Graph([y.sum(), y.mean()])
    >>> graph
    <Graph of 3 computed, 1 leaf nodes>
    >>> graph.uses[node_of(x)]
    ((<multiply (2,) float64>, 0), (<multiply (2,) float64>, 1))
    """

    def __init__(self, outputs: Any) -> None:
        several = [outputs] if isinstance(outputs, (Tensor, Node, node.Node)) else outputs
        traced = (x for x in several if not isinstance(x, Tensor) or x.requires_grad)
        self.outputs = tuple(dict.fromkeys(map(node_of, traced)))
        computed, leaves = node.reachable([x._node for x in self.outputs])
        self.computed = tuple(map(_view, reversed(computed)))
        self.leaves = tuple(sorted(map(_view, leaves), key=node.by_seq))
        self.nodes = tuple(sorted([*self.computed, *self.leaves], key=node.by_seq))

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, what: Any) -> bool:
        return getattr(what, "node", what) in self._members

    def __repr__(self) -> str:
        return f"<Graph of {len(self.computed)} computed, {len(self.leaves)} leaf nodes>"

    @cached_property
    def _members(self) -> frozenset[Node]:
        return frozenset(self.nodes)

    @cached_property
    def uses(self) -> Mapping[Node, tuple[Use, ...]]:
        """By node, where its value is an operand, in order of creation."""
        found: dict[Node, list[Use]] = {x: [] for x in self.nodes}
        for user in self.computed:
            for i, operand in enumerate(user.operands):
                if operand.node is not None:
                    found[operand.node].append((user, i))
        return MappingProxyType({x: tuple(uses) for x, uses in found.items()})

    @property
    def changed(self) -> tuple[Node, ...]:
        """The leaves that were written to after something had been computed from them."""
        first_uses = ((leaf, self.uses[leaf][:1]) for leaf in self.leaves)
        return tuple(leaf for leaf, use in first_uses if use and leaf.written_since(use[0][0].seq))

    def leading_to(self, targets: Iterable[Node]) -> set[Node]:
        """The targets, and the nodes that are computed from one of them."""
        needed = set(targets)
        for x in self.computed:
            if any(p in needed for p in x.predecessors):
                needed.add(x)
        return needed

    def replay(self, wanted: Collection[Node] | None = None) -> dict[Node, Array]:
        """The values of the nodes, or of those wanted, computed again from the leaves.

        What is not wanted is forgotten after its last use. Leaves are taken as they are now.

        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> loss = (x * x).sum()
        >>> loss.backward()  # which frees what the graph had saved
        >>> Graph(loss).replay([node_of(loss)])
        {<sum () float64>: array(5.)}
        """
        return dict(replay(self.nodes, wanted))


def replay(
    nodes: Iterable[Node], wanted: Collection[Node] | None = None
) -> Iterator[tuple[Node, Array]]:
    """Computes nodes again from the leaves by their operations' forward functions, one by one.

    Args:
        nodes: in order of creation, with all that leads to them.
        wanted: whose values are given; each value is forgotten after its last use. All if None.

    Leaves are used as they lie in memory, because the last bits of a matrix product depend on it;
    only what was written to since it was used is copied.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> y = x * x
    >>> [(n.op.name, value) for n, value in replay(Graph(y.sum()).nodes, {node_of(y)})]
    [('multiply', array([1., 4.]))]
    """
    nodes = tuple(nodes)
    oldest = next((x.seq for x in nodes if not x.is_leaf), 0)
    needed = set(nodes if wanted is None else wanted)
    last: dict[Node, Node] = {}  # by node, the one that uses it last
    for x in reversed(nodes) if wanted is not None else ():
        if x in needed:
            needed.update(x.predecessors)
            for p in (*x.predecessors, x):
                last.setdefault(p, x)
    values: dict[Node, Array] = {}
    for x in filter(needed.__contains__, nodes):
        if x.is_leaf:
            # the engine refuses to walk over what was written to
            values[x] = np.copy(x.value) if x.written_since(oldest) else x.value
        else:
            values[x] = x.compute([operand.value_in(values) for operand in x.operands])
        if wanted is None or x in wanted:
            yield x, values[x]
        for p in (*x.predecessors, x) if wanted is not None else ():
            if last[p] == x:
                values.pop(p, None)


def node_of(what: Any) -> Node:
    """The node of a Tensor, or of what `Tensor.node` and errors of anomaly mode hold.

    Raises:
        GraphError: the Tensor does not depend on any that requires a gradient.

    >>> x = Tensor(1.0, requires_grad=True)
    >>> node_of(x) == x.node, node_of(x.node) is node_of(x)
    (True, True)
    """
    found = engine.node_of(what) if isinstance(what, Tensor) else what
    return found if isinstance(found, Node) else _view(found)


def operand_of(tensor: Tensor) -> Operand:
    """A Tensor as an operand is described, whether or not it requires a gradient."""
    if tensor.node is not None:
        return _operand(tensor.node, None, "")
    return Operand(None, tensor.name, None, "", tensor.data)


def seeded(outputs: Sequence[Tensor], gradients: Sequence[Any]) -> list[tuple[Node, Array]]:
    """The seeds of a walk: for each output the gradient given, or 1 for a scalar.

    Raises:
        GraphError: an output requires no gradient, or is no scalar and has no gradient.
        ValueError: a gradient has another shape than its output.

    >>> seeded([Tensor(2.0, requires_grad=True)], [None])
    [(<leaf () float64>, array(1.))]
    """
    return [(_view(x), getattr(g, "_array", g)) for x, g in engine.seed(outputs, gradients)]


def pullback(
    x: Node, g: Array, values: Mapping[Node, Array], operands: Collection[int] | None = None
) -> dict[int, Array]:
    """What a node's rules make of the gradient of its result, by operand index.

    Contributions have their operand's shape and dtype. Hooks are not run, nothing is recorded.

    Args:
        x: a computed node.
        g: the gradient of its result.
        values: of it and its parents, as `Graph.replay` gives them.
        operands: only for the operands of these indices; all that a gradient flows to if None.

    >>> x = Tensor(3.0, requires_grad=True)
    >>> graph = Graph(x * x * 2.0)
    >>> pullback(graph.computed[0], np.array(1.0), graph.replay())
    {0: array(3.), 1: array(3.)}
    """
    recorded = x._node
    plan = recorded.plan
    if operands is not None:
        plan = plan.only(recorded.parents, {recorded.parents[i] for i in operands})
    with set_grad_enabled(False):
        pulled = plan.contributions(g, _saved(x, values), recorded)
    return {
        i: accumulation.fitted(engine.as_gradient(contribution, False), p, recorded)
        for i, p, contribution in pulled
        if operands is None or i in operands
    }


def fitted(contribution: Any, x: Node, i: int) -> Any:
    """What a rule of a node gave for operand i, in the operand's shape and dtype.

    It is summed over the axes along which the operand was broadcast, by the engine's own function.

    >>> w = Tensor([1.0], requires_grad=True)
    >>> fitted(np.ones(3), node_of(w + np.ones(3)), 0)
    array([3.])
    """
    return accumulation.fitted(contribution, x._node.parents[i], x._node)


def walk(
    seeds: Seeds,
    observer: Observer | None = None,
    *,
    values: Mapping[Node, Array] | None = None,
    inputs: Iterable[Node] | None = None,
    create_graph: bool = False,
) -> dict[Node, Any]:
    """Walks backward as `Tensor.backward` does, but leaves no `.grad` and frees nothing.

    Hooks run as in every backward pass.

    Args:
        seeds: where the walk starts, and with which gradients, see `seeded`.
        observer: called with (node, None, gradient) when a node's gradient is complete, then with
            (node, operand index, contribution) for each contribution that its rules make of it.
        values: of all nodes, as `Graph.replay` gives them, for a graph that may have been freed.
        inputs: the nodes wanted; only what leads to them is walked.
        create_graph: records the walk: gradients and contributions are Tensors.

    Returns:
        The gradients of the leaves, or of the inputs that the outputs depend on.

    Raises:
        GraphError: what a rule needs was freed, or written to, since it was saved.

    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> def show(node, i, g):
    ...     print(node, "" if i is None else node.operands[i].parameter, g)
    >>> found = walk(seeded([x * x], [None]), show)
    <multiply () float64>  1.0
    <multiply () float64> x 3.0
    <multiply () float64> y 3.0
    <leaf x () float64>  6.0
    >>> found, x.grad
    ({<leaf x () float64>: array(6.)}, None)
    """
    saved_of = engine.saved_by if values is None else lambda x: _saved(_view(x), values)
    watched = None if observer is None else _viewing(observer)
    targets = None if inputs is None else {x._node: x for x in inputs}
    starts = [(x._node, g) for x, g in seeds]
    found = engine.walk(starts, targets, True, create_graph, watched, saved_of)
    return {_view(x): g if create_graph else g.data for x, g in found.items()}


def watching(
    forward: Callable[[Node, Array], None] | None = None,
    backward: Callable[[Seeds], Observer | None] | None = None,
) -> AbstractContextManager[None]:
    """Watches what a program computes in a `with` block, and each of its backward passes.

    Args:
        forward: called with each new node and its result.
        backward: called with the seeds of each walk; gives its observer, see `walk`, or None.

    >>> x = Tensor(3.0, requires_grad=True)
    >>> with watching(lambda node, out: print(node.op.name, out)):
    ...     y = x * x + 1.0
    multiply 9.0
    add 10.0
    """

    def watch(starts: Sequence[tuple[node.Node, Any]]) -> Callable | None:
        observer = backward([(_view(x), g) for x, g in starts]) if backward else None
        return None if observer is None else _viewing(observer)

    return observed(None if forward is None else lambda x, out: forward(_view(x), out), watch)


def clock() -> int:
    """A moment on the clock of `Node.seq`: later than all nodes so far, before all to come."""
    return node.next_seq()


# How the engine keeps a graph is known here, by `Node`, and in `pullback`, `walk` and `watching`.
_views: WeakValueDictionary[int, Node] = WeakValueDictionary()


def _view(recorded: node.Node) -> Node:
    """The view of a node, the same one as long as somebody holds it."""
    view = _views.get(id(recorded))
    if view is None:
        view = _views[id(recorded)] = Node(recorded)
    return view


def _viewing(observer: Observer) -> Callable[[node.Node, int | None, Any], None]:
    return lambda x, i, g: observer(_view(x), i, g)


def _operand(x: Any, index: int | None, parameter: str) -> Operand:
    """The four kinds of parents: a computed node, a leaf, a named constant, a bare one."""
    if isinstance(x, node.Node):
        return Operand(_view(x), x.name, index, parameter, None)
    named = isinstance(x, node.Constant)
    return Operand(None, x.name if named else None, index, parameter, x.value if named else x)


def _saved(x: Node, values: Mapping[Node, Array]) -> Any:
    """What the rules of a node need, taken from replayed values."""
    operands = [operand.value_in(values) for operand in x.operands]
    kept = x.op.call(operands, x._node.options)[1:] if x.op.keeps else ()
    return x._node.plan.pick((*operands, values[x], *kept))


def _read_only(value: Any) -> Any:
    if type(value) is not Array or not value.flags.writeable:
        return value
    view = value.view()
    view.flags.writeable = False
    return view


def _equal(one: Any, other: Any) -> bool:
    alike = type(one) is type(other) and not isinstance(one, Array)
    return one is other or (alike and bool(one == other))
