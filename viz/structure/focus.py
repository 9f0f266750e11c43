"""Which part of a computation a picture is about: paths between tensors, a neighbourhood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from microgradnd.engine import Tensor
from microgradnd.node import Node

HOPS = 2


def focused(nodes: Sequence[Node], focus: Any, hops: int | None) -> set[Node]:
    """The nodes in focus.

    Args:
        nodes: of the whole computation, in order of creation.
        focus: a tensor or its name, to see what is within `hops` operations of it; or a pair of
            them, to see the paths that lead from the first to the second.
        hops: default 2; of a pair, how far around the paths.

    Raises:
        ValueError: a tensor is not in the graph, a name fits none, or no path leads from the first
            to the second.
    """
    pair = isinstance(focus, (tuple, list))
    ends = [found(nodes, end) for end in (focus if pair else [focus])]
    if pair and len(ends) != 2:
        raise ValueError(f"focus must be a tensor or a pair of them, not {len(ends)} tensors")
    users = users_of(nodes)
    if not pair:
        return near(ends, users, HOPS if hops is None else hops)
    start, end = ends
    after, before = spread([start], users.get), spread([end], parents)
    paths = after & before
    if end not in after:
        raise ValueError(f"no path leads from {title(start)} to {title(end)}")
    return near(paths, users, hops) if hops else paths


def found(nodes: Sequence[Node], what: Any) -> Node:
    """The node of a tensor, or the one of that name."""
    if isinstance(what, Tensor):
        if what.node is None or what.node not in set(nodes):
            raise ValueError(f"the tensor {what.name or ''!r} in focus is not part of the graph")
        return what.node
    if isinstance(what, Node):
        return what
    fitting = [node for node in nodes if node.name == what]
    if not fitting:
        known = ", ".join(repr(node.name) for node in nodes if node.name) or "none"
        raise ValueError(f"no tensor in the graph is called {what!r}; there are {known}")
    return fitting[0]


def title(node: Node) -> str:
    return (
        repr(node.name) if node.name else f"the result of {node.op.name}" if node.op else "a leaf"
    )


def parents(node: Node) -> list[Node]:
    return [p for p in node.parents if isinstance(p, Node)]


def users_of(nodes: Iterable[Node]) -> dict[Node, list[Node]]:
    out: dict[Node, list[Node]] = {}
    for node in nodes:
        for p in parents(node):
            out.setdefault(p, []).append(node)
    return out


def spread(starts: Iterable[Node], step: Any) -> set[Node]:
    """All that can be reached by a step from node to nodes."""
    seen = set(starts)
    stack = list(seen)
    while stack:
        for node in step(stack.pop()) or ():
            if node not in seen:
                seen.add(node)
                stack.append(node)
    return seen


def near(starts: set[Node] | list[Node], users: dict[Node, list[Node]], hops: int) -> set[Node]:
    """All that leads to the starts, or comes from them, in so many operations."""
    seen = set(starts)
    for step in (parents, users.get):
        edge = set(starts)
        for _ in range(hops):
            edge = {node for at in edge for node in step(at) or ()}
            seen |= edge
    return seen
