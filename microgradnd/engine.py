"""The engine: a Tensor records what is computed with it, a walk over the record differentiates it.

`Tensor` holds an array and, if a gradient flows to it, the `Node` that says how it was computed.
Nodes are made by the operations of `microgradnd.declaration`; `walk` goes over them backward and
asks each node's plan for the gradients of its parents. No derivative rule is known here.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import RLock
from typing import Any

import numpy as np

from microgradnd import arguments, errors, writes
from microgradnd.accumulation import Owned, Totals, fitted
from microgradnd.grad_mode import Walked, default_dtype, observers, recording, walk_observer
from microgradnd.methods import Methods
from microgradnd.node import Array, Node, dtype_for, leading_to, next_seq, reachable, saved_by

new_tensor = object.__new__
TENSORS = "a Tensor, or several"
_accumulating = RLock()  # `.grad` of a leaf that several threads share loses no contribution


class Tensor(Methods):
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

    __slots__ = ("_array", "node", "_grad", "_name", "__weakref__")
    _array: Array
    node: Node | None
    _grad: Tensor | None
    _name: str | None  # of a constant; a tracked tensor's name stands on its node

    def __init__(
        self, data: Any, requires_grad: bool = False, *, dtype: Any = None,
        name: str | None = None, copy: bool = False,
    ) -> None:  # fmt: skip
        if isinstance(data, Tensor):
            if data.node is not None:
                raise errors.lossy("Tensor(t)")
            data = data._array
        array = errors.as_array("Tensor", "data", data)
        if dtype is not None:
            arguments.require("Tensor", "dtype", dtype, arguments.NUMBER_DTYPE)
            if array.dtype.kind == "c" != np.dtype(dtype).kind:
                raise errors.imaginary(dtype)
            array = array.astype(dtype, copy=False)
        if copy is not False:
            arguments.require("Tensor", "copy", copy, arguments.FLAG)
            array = np.array(array) if copy else array
        if name is not None:
            arguments.require("Tensor", "name", name, arguments.STRING)
        if dtype is None and array.dtype.char in "dD" and not isinstance(data, (Array, np.generic)):
            complexes = [np.complex64] * (array.dtype.char == "D")
            array = array.astype(np.result_type(default_dtype[0], *complexes), copy=False)
        self._array, self.node, self._grad, self._name = array, None, None, name
        if requires_grad is not False:
            self.requires_grad = requires_grad

    @property
    def data(self) -> Array:
        """The array itself. Assigning to it, or writing into it, is not recorded."""
        return self._array

    @data.setter
    def data(self, value: Any) -> None:
        if self.node is not None and self.node.plan is not None:
            raise errors.in_place("assigning to .data of a computed tensor")
        if value is not self._array:  # as it is after t.data -= step
            dtype = self._array.dtype
            value = arguments.real_array("Tensor", "data", value, dtype.kind).astype(
                dtype, copy=False
            )
            if value.shape != self._array.shape:
                raise errors.wrong_data(self._array.shape, value.shape)
            self._array = value
            self._leaf_changed(next_seq())
        else:
            self.changed()

    def changed(self) -> None:
        """Logs that the array was written to in place: no graph that needs its old values is wrong
        without noticing. Every write through a Tensor calls it; call it after one through `.data`.
        """
        self._leaf_changed(writes.log(self._array))

    def _leaf_changed(self, clock: int) -> None:
        node = self.node
        if node is not None and node.plan is None and node.notes["target"]() is self:
            node.saved = self._array
            node.notes["changed"] = clock

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward()` left here: None before, accumulated over calls after."""
        return getattr(self, "_grad", None)  # unset on what operations make

    @grad.setter
    def grad(self, value: Tensor | Array | None) -> None:
        if value is not None:
            array = arguments.real_array("Tensor", "grad", value, self._array.dtype.kind)
            if array.shape != self._array.shape:
                raise errors.wrong_gradient("Tensor.grad", array.shape, self._array.shape)
            value = value if isinstance(value, Tensor) else Tensor(array)
        self._grad = value

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor. Only leaves can be set."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        arguments.require("Tensor", "requires_grad", wanted, arguments.FLAG)
        name = self.name
        if self.node is not None and self.node.plan is not None:
            if not wanted:
                raise errors.lossy("requires_grad = False on a computed tensor")
        elif not wanted:
            self.node, self._name = None, name
        elif self.node is None:
            if self._array.dtype.kind not in "fc":
                raise errors.needs_float(self._array.dtype)
            self.node = node = Node()
            node.plan = node.first = node.second = node.many = None
            node.saved, node.options = self._array, ()
            node.shape, node.dtype, node.seq = self._array.shape, dtype_for(self._array), next_seq()
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
        arguments.require("Tensor", "name", name, arguments.optional(arguments.STRING))
        if self.node is None:
            self._name = name
        else:
            self.node.note()["name"] = name

    def backward(
        self, gradient: Tensor | Array | None = None, retain_graph: bool | None = None,
        create_graph: bool = False, inputs: Tensor | Iterable[Tensor] | None = None,
    ) -> None:  # fmt: skip
        """Adds the gradient of this tensor to `.grad` of the leaves it was computed from.

        Args:
            gradient: of what is differentiated with respect to this tensor; 1 for a scalar.
            retain_graph: keeps what the graph saved, for another walk; default `create_graph`.
            create_graph: records the walk itself, so that `.grad` can be differentiated again.
            inputs: only these tensors receive a gradient (they need not be leaves).
        """
        arguments.check("backward", retain_graph=retain_graph, create_graph=create_graph)
        targets = None
        if inputs is not None:
            listed = tensors_of("backward", "inputs", inputs)
            targets = {node_of(t): t for t in listed}
        found = walk(seed([self], [gradient]), targets, retain_graph, create_graph)
        with _accumulating:
            for node, g in found.items():
                t = targets.get(node) if targets is not None else node.notes["target"]()
                if t is not None and t.node is not None:  # it may have been frozen since
                    t._grad = g if t.grad is None or node.plan is not None else t.grad + g


def tensors_of(owner: str, name: str, given: Any) -> list[Tensor]:
    """A Tensor or several, as a list that is not empty."""
    listed = (
        [given] if isinstance(given, Tensor) else arguments.elements(owner, name, given, TENSORS)
    )
    for t in listed:
        errors.a_tensor(owner, name, t)
    if not listed:
        raise errors.no_tensors(owner, name)
    return listed


def node_of(tensor: Tensor) -> Node:
    if tensor.node is None:
        raise errors.untracked(tensor._array.shape)
    return tensor.node


def seed(
    outputs: Sequence[Tensor], gradients: Sequence[Any], owner: str = "backward",
    name: str = "gradient",
) -> list[tuple[Node, Any]]:  # fmt: skip
    """The gradients a walk starts from: those given, or 1 for each scalar."""
    seeds = []
    for t, g in zip(outputs, gradients, strict=True):
        node = node_of(t)
        if g is None:
            if t._array.size != 1 or t._array.dtype.kind == "c":
                raise errors.needs_gradient(node.shape, t._array.dtype)
            g = np.ones(node.shape, node.dtype)
        array = arguments.real_array(owner, name, g, t._array.dtype.kind)
        if array.shape != node.shape:
            raise errors.wrong_gradient(owner, array.shape, node.shape)
        g = (g if isinstance(g, Tensor) else array).astype(node.dtype)
        seeds.append((node, g))
    return seeds


def as_tensor(x: Any, owner: str = "Tensor", name: str = "data") -> Tensor:
    """A Tensor, or what stands for one, as it is; an array as a constant, or a named complaint."""
    if isinstance(x, Methods):
        return x  # type: ignore[return-value]
    errors.as_array(owner, name, x)
    return Tensor(x)


def constant(data: Array) -> Tensor:
    """A Tensor of an array that needs no gradient, made without the checks of `Tensor(data)`."""
    out = new_tensor(Tensor)
    out._array, out.node, out._name = data, None, None
    return out


def tracked(data: Array, node: Node) -> Tensor:
    """A Tensor of a node's value."""
    out = new_tensor(Tensor)
    out._array, out.node = data, node
    return out


def walk(
    seeds: Sequence[tuple[Node, Any]], targets: Mapping[Node, Any] | None = None,
    retain_graph: bool | None = None, create_graph: bool = False, observer: Walked | None = None,
    saved_of: Callable[[Node], Any] = saved_by, since: int = 0,
) -> dict[Node, Tensor]:  # fmt: skip
    """Walks a graph backward and returns the gradients of its leaves, or of the targets.

    Args:
        seeds: pairs of a node and the gradient to start from there.
        targets: the nodes wanted; only what leads to them is computed.
        retain_graph: keeps what the nodes saved; default `create_graph`.
        create_graph: runs the rules on Tensors, so that what they compute is recorded too.
        observer: called with (node, None, gradient) when a node's gradient is complete, then with
            (node, operand index, contribution) for each contribution that its rules make of it.
        saved_of: where to find what a node's rules need (pictures replay it from the leaves).
        since: what is older is a leaf.

    The gradients share their memory with nobody.
    """
    nodes, leaves = reachable(node for node, _ in seeds)
    older = [node for node in nodes if node.seq < since] if since else []
    if older:
        nodes = [node for node in nodes if node.seq >= since]
    writes.check_fresh(nodes, saved_of)
    if observer is None and observers:
        observer = walk_observer(seeds)
    totals: Totals = {}
    own: Owned = set()
    free = not (create_graph if retain_graph is None else retain_graph)
    token = recording.set(recording.get() if create_graph else False)
    try:
        for node, g in seeds:
            g = as_gradient(g, create_graph)
            totals[node] = totals[node] + g if node in totals else g
        if not create_graph and observer is None and targets is None and saved_of is saved_by:
            found = pull_all(nodes, totals, own, free)
        else:
            how = targets, create_graph, observer, saved_of
            found = pull_some(nodes, totals, own, free, *how)
        for leaf in leaves:
            if leaf in totals and (targets is None or leaf in targets):
                found[leaf] = g = hooked(leaf, totals[leaf], own)
                if observer is not None:
                    observer(leaf, None, g)
        found.update((node, totals[node]) for node in older if node in totals)
    finally:
        recording.reset(token)
    return {node: own_tensor(g, node in own) for node, g in found.items()}


def pull_all(nodes: list[Node], totals: Totals, own: Owned, free: bool) -> dict[Node, Any]:
    """The plain walk: each node once, after all that was computed from it.

    A plan's `pull` computes the contributions and adds them to the totals of the operands.
    Returns the gradients of computed tensors that are to be kept.
    """
    found: dict[Node, Any] = {}
    take = totals.pop
    for node in nodes:
        g = take(node, None)
        if g is None:
            continue
        if node.notes is not None:
            g = hooked(node, g, own)
            if "target" in node.notes:
                found[node] = g
        plan = node.plan
        plan.pull(g, node, totals, own)
        if free and plan.save:
            node.saved = None
    return found


def pull_some(
    nodes: list[Node], totals: Totals, own: Owned, free: bool,
    targets: Mapping[Node, Any] | None, create_graph: bool, observer: Walked | None,
    saved_of: Callable[[Node], Any],
) -> dict[Node, Any]:  # fmt: skip
    """The walk that is selective, recorded or observed: contributions come one by one."""
    found: dict[Node, Any] = {}
    needed = None if targets is None else leading_to(targets, nodes)
    alone = observer is None and not create_graph  # what is computed here, nobody else holds
    for node in nodes:
        g = totals.pop(node, None)
        if g is None:
            continue
        if node.notes is not None:
            g = hooked(node, g, own)
        if observer is not None:
            observer(node, None, g)
        if node in targets if targets is not None else node.notes and "target" in node.notes:
            found[node] = g
        if needed is None or node in needed:
            plan = node.plan if needed is None else node.plan.only(node.parents, needed)
            saved = rewrapped(node, saved_of(node)) if create_graph else saved_of(node)
            for i, p, x in plan.contributions(g, saved, node):
                x = fitted(as_gradient(x, create_graph), p, node)
                if observer is not None:
                    observer(node, i, x)
                if alone and (p in totals or plan.is_fresh(i)):
                    own.add(p)
                totals[p] = as_gradient(totals[p] + x, create_graph) if p in totals else x
        if free and node.plan.save:
            node.saved = None
    return found


def as_gradient(x: Any, create_graph: bool) -> Any:
    """A gradient as the walk works with it: an array, or a Tensor if the walk is recorded."""
    if create_graph:
        return x if isinstance(x, Methods) else constant(np.asarray(x))
    return x._array if isinstance(x, Tensor) else x if isinstance(x, Methods) else np.asarray(x)


def rewrapped(node: Node, saved: Any) -> Any:
    """Saved arrays as Tensors of the forward graph, so that derivatives go on through them."""
    plan, sources = node.plan, [*node.parents, node]
    again = [
        tracked(x, sources[k]) if k < len(sources) and type(sources[k]) is Node else x
        for x, k in zip(plan.unpacked(saved), plan.save)
    ]
    return plan.kept_anew(again, node.options)


def hooked(node: Node, g: Any, own: Owned) -> Any:
    """The gradient of a node after its hooks, which may look at it or replace it.

    A hook is given a copy: what it writes into is nobody else's.
    """
    for hook in list(node.notes.get("hooks", {}).values()):
        changed = hook(g if isinstance(g, Tensor) else constant(g.copy()))
        if changed is not None:
            g = as_gradient(changed, isinstance(g, Tensor))
            if g.shape != node.shape:
                raise errors.wrong_gradient("register_hook", g.shape, node.shape)
            g = g if g.dtype == node.dtype else g.astype(node.dtype)
            own.discard(node)
    return g


def own_tensor(g: Any, owned: bool) -> Tensor:
    """A gradient as a Tensor that shares its memory with nobody."""
    if isinstance(g, Tensor):
        return constant(g._array.copy()) if g.node is None else tracked(g._array.copy(), g.node)
    return g if isinstance(g, Methods) else constant(g if owned else g.copy())  # type: ignore
