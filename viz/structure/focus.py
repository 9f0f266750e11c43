"""Which part of a computation a picture is about: paths between tensors, a neighbourhood."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeAlias

from microgradnd import Tensor
from microgradnd.graph import Graph, Node, node_of

_HOPS = 2
_Neighbours: TypeAlias = Callable[[Node], Iterable[Node]]


def focused(graph: Graph, focus: Any, hops: int | None) -> set[Node]:
    """The nodes within `hops` (2) operations of a tensor or the one of that name.

    Of a pair of them: those on the paths from the first to the second, `hops` (0) around. Raises
    ValueError: a tensor is not in the graph, a name fits none, or there is no such path.
    """
    pair = isinstance(focus, (tuple, list))
    ends = [_resolved(graph, end) for end in (focus if pair else [focus])]
    if pair and len(ends) != 2:
        raise ValueError(f"focus must be a tensor or a pair of them, not {len(ends)} tensors")
    if not pair:
        return _neighbourhood(ends, graph, _HOPS if hops is None else hops)
    start, end = ends
    after, before = _reachable(start, _users_in(graph)), _reachable(end, _predecessors)
    paths = after & before
    if end not in after:
        raise ValueError(f"no path leads from {title(start)} to {title(end)}")
    return _neighbourhood(paths, graph, hops) if hops else paths


def _resolved(graph: Graph, what: Any) -> Node:
    """The node of a tensor, or the one of that name."""
    if isinstance(what, Tensor):
        if what not in graph:
            raise ValueError(
                f"draw(focus): the tensor {what.name or ''!r} in focus is not part of the graph"
            )
        return node_of(what)
    if isinstance(what, Node):
        return what
    fitting = [node for node in graph.nodes if node.name == what]
    if not fitting:
        known = ", ".join(repr(node.name) for node in graph.nodes if node.name) or "none"
        raise ValueError(
            f"draw(focus): no tensor in the graph is called {what!r}; there are {known}"
        )
    return fitting[0]


def title(node: Node) -> str:
    if node.name:
        return repr(node.name)
    return "a leaf" if node.is_leaf else f"the result of {node.op.name}"


_predecessors: _Neighbours = lambda node: node.predecessors


def _users_in(graph: Graph) -> _Neighbours:
    return lambda node: (user for user, _ in graph.uses[node])


def _reachable(start: Node, neighbours: _Neighbours) -> set[Node]:
    """All that can be reached from a node by going from neighbour to neighbour."""
    seen = {start}
    stack = [start]
    while stack:
        for node in neighbours(stack.pop()):
            if node not in seen:
                seen.add(node)
                stack.append(node)
    return seen


def _neighbourhood(starts: Collection[Node], graph: Graph, hops: int) -> set[Node]:
    """All that leads to the starts, or comes from them, in so many operations."""
    seen = set(starts)
    for neighbours in (_predecessors, _users_in(graph)):
        border = set(starts)
        for _ in range(hops):
            border = {node for at in border for node in neighbours(at)}
            seen |= border
    return seen
