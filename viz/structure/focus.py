"""Which part of a computation a picture is about: paths between tensors, a neighbourhood."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeAlias

from microgradnd import Tensor
from microgradnd.graph import Graph, Node, node_of

HOPS = 2
Neighbours: TypeAlias = Callable[[Node], Iterable[Node]]


def focused(graph: Graph, focus: Any, hops: int | None) -> set[Node]:
    """The nodes in focus.

    Args:
        graph: the whole computation.
        focus: a tensor or its name, to see what is within `hops` operations of it; or a pair of
            them, to see the paths that lead from the first to the second.
        hops: default 2; of a pair, how far around the paths.

    Raises:
        ValueError: a tensor is not in the graph, a name fits none, or no path leads from the first
            to the second.
    """
    pair = isinstance(focus, (tuple, list))
    ends = [resolved(graph, end) for end in (focus if pair else [focus])]
    if pair and len(ends) != 2:
        raise ValueError(f"focus must be a tensor or a pair of them, not {len(ends)} tensors")
    if not pair:
        return neighbourhood(ends, graph, HOPS if hops is None else hops)
    start, end = ends
    after, before = reachable(start, users_in(graph)), reachable(end, predecessors)
    paths = after & before
    if end not in after:
        raise ValueError(f"no path leads from {title(start)} to {title(end)}")
    return neighbourhood(paths, graph, hops) if hops else paths


def resolved(graph: Graph, what: Any) -> Node:
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


def predecessors(node: Node) -> Iterable[Node]:
    return node.predecessors


def users_in(graph: Graph) -> Neighbours:
    return lambda node: (user for user, _ in graph.uses[node])


def reachable(start: Node, neighbours: Neighbours) -> set[Node]:
    """All that can be reached from a node by going from neighbour to neighbour."""
    seen = {start}
    stack = [start]
    while stack:
        for node in neighbours(stack.pop()):
            if node not in seen:
                seen.add(node)
                stack.append(node)
    return seen


def neighbourhood(starts: Collection[Node], graph: Graph, hops: int) -> set[Node]:
    """All that leads to the starts, or comes from them, in so many operations."""
    seen = set(starts)
    for neighbours in (predecessors, users_in(graph)):
        border = set(starts)
        for _ in range(hops):
            border = {node for at in border for node in neighbours(at)}
            seen |= border
    return seen
