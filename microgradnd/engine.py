"""The engine: a Tensor records what is computed with it, a walk over the record differentiates it.

`Tensor` holds an array and, if a gradient flows to it, the `Node` that says how it was computed.
Nodes are made by the operations of `microgradnd.declaration`; `walk` goes over them backward and
asks each node's plan for the gradients of its parents. No derivative rule is known here.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from microgradnd import errors
from microgradnd.accumulation import ALONE, Scatter, fitted, references, scatter
from microgradnd.node import (
    NO_OPTIONS,
    Array,
    Node,
    check_fresh,
    leading_to,
    next_seq,
    reachable,
    saved_by,
)

if TYPE_CHECKING:
    from microgradnd.declaration import Plan
    from microgradnd.tensor_methods import TensorMethods
else:
    TensorMethods = object

# False: nothing is recorded. True: it is. A function: it is, and the function is called with each
# new node and its result (anomaly mode). A context variable, so threads and tasks have their own.
recording: ContextVar[bool | Callable] = ContextVar("recording", default=True)
Observer = Callable[[Node, int | None, Any], None]
# Called with the seeds of every walk, gives the walk's observer (anomaly mode, pictures).
watcher: ContextVar[Callable[[Sequence], Observer] | None] = ContextVar("watcher", default=None)
default_dtype = [np.dtype(np.float64)]  # one cell, so that set_default_dtype reaches everyone
new_tensor = object.__new__


class Tensor(TensorMethods):
    """An array that remembers how it was computed.

    Args:
        data: an array (shared, not copied, unless `copy`), a number or nested lists of numbers;
            lists become arrays of the default dtype if they hold a float, as in NumPy.
        requires_grad: makes it a leaf that `backward()` gives a gradient to.
        dtype: of the array; data is converted if it has another one.
        name: shown in pictures and messages.
        copy: makes the tensor own its memory.

    >>> w = Tensor([1.0, -2.0], requires_grad=True, name="w")
    >>> (w * w).sum().backward()
    >>> w.grad
    Tensor([ 2., -4.])
    """

    __slots__ = ("_data", "node", "_grad", "_name", "__weakref__")
    _data: Array
    node: Node | None
    _grad: Tensor | None
    _name: str | None  # of a constant; a tracked tensor's name stands on its node

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        *,
        dtype: Any = None,
        name: str | None = None,
        copy: bool = False,
    ) -> None:
        if isinstance(data, Tensor):
            if data.node is not None:
                raise errors.lossy("Tensor(t)")
            data = data._data
        listed = not isinstance(data, (Array, np.generic))
        array = np.array(data, dtype) if copy else np.asarray(data, dtype)
        if array.dtype.kind not in "biuf":
            raise errors.not_an_operand("Tensor", data)
        if listed and dtype is None and array.dtype == float:
            array = array.astype(default_dtype[0], copy=False)
        self._data, self.node, self._grad, self._name = array, None, None, name
        if requires_grad:
            self.requires_grad = True

    @property
    def data(self) -> Array:
        """The array itself. Assigning to it, or writing into it, is not recorded."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        if self.node is not None and self.node.plan is not None:
            raise errors.in_place("assigning to .data of a computed tensor")
        if value is not self._data:  # as it is after t.data -= step
            value = np.asarray(getattr(value, "_data", value), self._data.dtype)
            if value.shape != self._data.shape:
                raise errors.wrong_data(value.shape, self._data.shape)
            self._data = value
        self.changed()

    def changed(self) -> None:
        """Notes that the array was written to in place, so that stale graphs explain themselves."""
        if self.node is not None:
            self.node.saved = self._data
            self.node.note()["changed"] = next_seq()

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward()` left here: None before, accumulated over calls after."""
        return getattr(self, "_grad", None)  # unset on what operations make

    @grad.setter
    def grad(self, value: Tensor | Array | None) -> None:
        if value is not None and np.shape(value) != self._data.shape:
            raise errors.wrong_gradient(np.shape(value), self._data.shape)
        self._grad = value if value is None or isinstance(value, Tensor) else Tensor(value)

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor. Only leaves can be set."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        name = self.name
        if self.node is not None and self.node.plan is not None:
            if not wanted:
                raise errors.lossy("requires_grad = False on a computed tensor")
        elif not wanted:
            self.node, self._name = None, name
        elif self.node is None:
            if self._data.dtype.kind != "f":
                raise errors.needs_float(self._data.dtype)
            self.node = node = Node()
            node.plan = node.first = node.second = node.many = None
            node.saved, node.options = self._data, NO_OPTIONS
            node.shape, node.dtype, node.seq = self._data.shape, self._data.dtype, next_seq()
            node.notes = {"name": name, "target": weakref.ref(self)}

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, not computed from tensors that require a gradient."""
        return self.node is None or self.node.plan is None

    @property
    def name(self) -> str | None:
        """What pictures and messages call it."""
        return getattr(self, "_name", None) if self.node is None else self.node.name

    @name.setter
    def name(self, name: str | None) -> None:
        if self.node is None:
            self._name = name
        else:
            self.node.note()["name"] = name

    def backward(
        self,
        gradient: Tensor | Array | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Iterable[Tensor] | None = None,
    ) -> None:
        """Adds the gradient of this tensor to `.grad` of the leaves it was computed from.

        Args:
            gradient: of what is differentiated with respect to this tensor; 1 for a scalar.
            retain_graph: keeps what the graph saved, for another walk; default `create_graph`.
            create_graph: records the walk itself, so that `.grad` can be differentiated again.
            inputs: only these tensors receive a gradient (they need not be leaves).
        """
        targets = None if inputs is None else {node_of(t): t for t in inputs}
        seeds = seed([self], [gradient])
        found = walk(seeds, targets, retain_graph, create_graph)
        for node in list(found):
            t = targets.get(node) if targets is not None else node.notes["target"]()
            g = settled(found, node)
            if t is not None:
                t._grad = g if t.grad is None or node.plan is not None else t.grad + g


def node_of(tensor: Tensor) -> Node:
    if tensor.node is None:
        raise errors.untracked(tensor._data.shape)
    return tensor.node


def seed(outputs: Sequence[Tensor], gradients: Sequence[Any]) -> list[tuple[Node, Any]]:
    """The gradients a walk starts from: those given, or 1 for each scalar."""
    seeds = []
    for t, g in zip(outputs, gradients, strict=True):
        node = node_of(t)
        if g is None:
            if t._data.size != 1:
                raise errors.needs_gradient(node.shape)
            g = np.ones(node.shape, node.dtype)
        if np.shape(g) != node.shape:
            raise errors.wrong_gradient(np.shape(g), node.shape)
        g = g.astype(node.dtype) if isinstance(g, Tensor) else np.asarray(g, node.dtype)
        seeds.append((node, g))
    return seeds


def untracked(data: Array) -> Tensor:
    """A constant Tensor of an array, made without the checks of `Tensor(data)`."""
    out = new_tensor(Tensor)
    out._data, out.node, out._name = data, None, None
    return out


def tracked(data: Array, node: Node) -> Tensor:
    out = new_tensor(Tensor)
    out._data, out.node = data, node
    return out


def record(
    plan: Plan, parents: tuple, saved: Any, out: Array, mode: Any, options: dict[str, Any]
) -> Tensor:
    """The Tensor of a result, with the node that remembers how it came about."""
    node = Node()
    few = 1 <= len(parents) <= 2 and not plan.op.variadic
    node.first, node.second = (*parents, None)[:2] if few else (None, None)
    node.plan, node.many, node.saved, node.options = plan, None if few else parents, saved, options
    node.shape, node.dtype, node.seq, node.notes = out.shape, out.dtype, next_seq(), None
    if mode is not True:
        mode(node, out)
    return tracked(out, node)


def walk(
    seeds: Sequence[tuple[Node, Any]],
    targets: Mapping[Node, Any] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    observer: Observer | None = None,
    saved_of: Callable[[Node], Any] = saved_by,
) -> dict[Node, Any]:
    """Walks a graph backward and returns the gradients of its leaves, or of the targets.

    Args:
        seeds: pairs of a node and the gradient to start from there.
        targets: the nodes wanted; only what leads to them is computed.
        retain_graph: keeps what the nodes saved; default `create_graph`.
        create_graph: runs the rules on Tensors, so that what they compute is recorded too.
        observer: called with (node, None, gradient) when a node's gradient is complete, then with
            (node, operand index, contribution) for each contribution that its rules make of it.
        saved_of: where to find what a node's rules need (pictures replay it from the leaves).
    """
    nodes, leaves = reachable(node for node, _ in seeds)
    check_fresh(nodes, leaves, saved_of)
    needed = None if targets is None else leading_to(targets, nodes)
    totals: dict[Node, Any] = {}
    found: dict[Node, Any] = {}
    if observer is None and (watch := watcher.get()) is not None:
        observer = watch(seeds)
    plain = not create_graph and observer is None and targets is None and saved_of is saved_by
    special = found, targets or {}, needed, create_graph, observer, saved_of
    pull = None if plain else careful(*special)
    free = not (create_graph if retain_graph is None else retain_graph)
    token = recording.set((recording.get() or True) if create_graph else False)
    try:
        for node, g in seeds:
            g = as_gradient(g, create_graph)
            totals[node] = totals[node] + g if node in totals else g
        descend(nodes, totals, found, pull, free)
        for leaf in leaves:
            if leaf in totals and (needed is None or leaf in needed):
                found[leaf] = hooked(leaf, totals.pop(leaf))
                if observer is not None:
                    observer(leaf, None, found[leaf])
    finally:
        recording.reset(token)
    return found


def careful(
    found: dict[Node, Any],
    targets: Mapping[Node, Any],
    needed: set[Node] | None,
    create_graph: bool,
    observer: Observer | None,
    saved_of: Callable[[Node], Any],
) -> Callable[[Node, Any], Sequence[Any]]:
    """How a node's gradient is pulled back in a walk that is selective, recorded or observed."""

    def pull(node: Node, g: Any) -> Sequence[Any]:
        if observer is not None:
            observer(node, None, g)
        if node in targets:
            found[node] = g
        if needed is not None and node not in needed:
            return ()
        plan = node.plan if needed is None else node.plan.only(node.parents, needed)
        saved = rewrapped(node, saved_of(node)) if create_graph else saved_of(node)
        contributions = []
        for i, (p, x) in zip(plan.indices(node), plan.pull(g, saved, node)):
            x = fitted(as_gradient(x, create_graph), p, node)
            contributions.append((p, x))
            if observer is not None:
                observer(node, i, x)
        return contributions

    return pull


def descend(
    nodes: list[Node],
    totals: dict[Node, Any],
    found: dict[Node, Any],
    pull: Callable[[Node, Any], Sequence[Any]] | None,
    free: bool,
) -> None:
    """The loop of `walk`: each node once, after all that was computed from it.

    The first contribution to a total is kept by reference, the second makes a buffer of the walk's
    own, later ones add into it: nothing is copied that need not be.
    """
    own: set[Node] = set()  # the nodes whose total is a buffer that nobody else holds
    take, total_of, add = totals.pop, totals.get, np.add
    for node in nodes:
        g = take(node, None)
        if g is None:
            continue
        if node.notes is not None:
            g = hooked(node, g)
            if "target" in node.notes:
                found[node] = g
        plan, saved = node.plan, node.saved
        exact = plan.exact
        for p, x in plan.pull(g, saved, node) if pull is None else pull(node, g):
            if type(x) is not Array:
                if type(x) is Scatter:
                    scatter(totals, own, p, x)
                    continue
                if type(x) is not Tensor:
                    x = np.asarray(x)
            if not exact and (x.shape != p.shape or x.dtype is not p.dtype):
                x = fitted(x, p, node)
            total = total_of(p)
            if total is None:
                totals[p] = x
            elif p in own:
                add(total, x, total)
            else:
                total = total + x
                if type(x) is Array:
                    total = np.asarray(total)  # the sum of 0-d arrays is a NumPy scalar
                    own.add(p)
                totals[p] = total
        if free and plan.save:
            node.saved = None


def as_gradient(x: Any, create_graph: bool) -> Any:
    """A gradient as the walk works with it: an array, or a Tensor if the walk is recorded."""
    if type(x) is Scatter:
        x = x.dense()
    if create_graph:
        return x if isinstance(x, Tensor) else untracked(np.asarray(x))
    return x._data if isinstance(x, Tensor) else np.asarray(x)


def rewrapped(node: Node, saved: Any) -> Any:
    """Saved arrays as Tensors of the forward graph, so that derivatives go on through them."""
    sources = [*node.parents, node]
    pairs = zip(node.plan.unpacked(saved), (sources[k] for k in node.plan.save))
    again = tuple(tracked(x, source) if type(source) is Node else x for x, source in pairs)
    return again[0] if len(again) == 1 else again


def hooked(node: Node, g: Any) -> Any:
    """The gradient of a node after its hooks, which may look at it or replace it."""
    for hook in list(node.notes.get("hooks", {}).values()):
        changed = hook(g if isinstance(g, Tensor) else untracked(g))
        if changed is not None:
            g = as_gradient(changed, isinstance(g, Tensor))
            if g.shape != node.shape:
                raise errors.wrong_gradient(g.shape, node.shape)
            g = g if g.dtype is node.dtype else g.astype(node.dtype)
    return g


def settled(found: dict[Node, Any], node: Node) -> Tensor:
    """Takes a gradient out of a walk's result as a Tensor that shares its memory with nobody."""
    x, count = references(found, node)
    if isinstance(x, Tensor):
        return x
    return untracked(x if x.base is None and count <= ALONE else x.copy())
