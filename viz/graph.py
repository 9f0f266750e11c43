"""The graph of a picture: a networkx.MultiDiGraph of a trace.

It is bipartite and knows nothing of drawing. Nodes are tensor records ("t-1", ...),
operations ("op-1", ...) and tags ("t-1-u2", the second use of t-1), numbered in order of creation.

Records and tags have the attributes
    kind            parameter, leaf, constant, intermediate, output or tag
    name, shape, dtype
    value           `viz.summary.Summary`
    gradient        Summary, or None where none was computed
    contributions   the keys of the edges over which it arrived, in the order of the walk
    seed            Summary of the gradient the walk started from here, or None
    hooked          whether hooks made the gradient another one than the sum
    home            of a tag, the id of its record
Operations have kind "operation", name, step (None without a backward pass), options and numbers,
the operands that are plain numbers by index.

Edges into an operation have the key "e-<op>-<operand index>", the attributes `arg` (the operand's
name), `index` and `contribution` (Summary or None); the edge to its result is "e-<op>-out".
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from microgradnd.graph import Constant, Node
from viz.summary import Summary, summarise
from viz.text import number, plural

if TYPE_CHECKING:
    from viz.trace import Trace

MOST = 20_000  # drawn nodes; beyond, neither layout engines nor browsers are of use
FAN_OUT = 4  # an intermediate result used by so many operations is drawn with tags, too


def is_number(operand: Any) -> bool:
    """Whether an operand is written on the pill of its operation: a number without a name."""
    return not isinstance(operand, (Node, Constant)) and np.ndim(operand) == 0


def build(found: Trace) -> nx.MultiDiGraph:
    """The graph of a trace: see the docstring of this module.

    Raises:
        ValueError: there are more than 20,000 nodes.
    """
    graph = nx.MultiDiGraph()
    records: dict[Any, str] = {}
    numbers = count(1)
    ops: dict[Node, str] = {}
    roots = {t.node for t in found.outputs if t.node is not None}
    uses = consumers(found)
    for node in found.nodes:
        if node.op is not None:
            for operand in node.parents:
                if not isinstance(operand, Node) and not is_number(operand):
                    add_constant(graph, records, operand, numbers)
            ops[node] = add_operation(graph, node, len(ops) + 1, found)
            add_uses(graph, node, ops[node], records, uses, found)
        records[node] = f"t-{next(numbers)}"
        kind = "intermediate" if node.plan else "parameter" if node.name else "leaf"
        graph.add_node(
            records[node], kind="output" if node in roots and node.plan else kind, name=node.name,
            shape=node.shape, dtype=str(node.dtype), key=node,
        )  # fmt: skip
        if node in ops:
            graph.add_edge(ops[node], records[node], key=f"e-{ops[node][3:]}-out", out=True)
        if len(graph) > MOST:
            raise ValueError(
                f"the picture would have more than {MOST:,} nodes; draw a smaller graph, "
                "e.g. fewer time steps, a smaller batch, or an intermediate result"
            )
    for t in found.outputs:
        if t.node is None:
            add_constant(graph, records, Constant(t._data, t.name) if t.name else t._data, numbers)
    measure(graph, found, ops)
    describe(graph, found)
    return graph


def consumers(found: Trace) -> dict[Any, list[Node]]:
    """The operations that use each tensor or constant, oldest first, each once."""
    uses: dict[Any, dict[Node, None]] = {}
    for node in found.nodes:
        for operand in node.parents:
            uses.setdefault(key_of(operand), {})[node] = None
    return {key: list(nodes) for key, nodes in uses.items()}


def key_of(operand: Any) -> Any:
    """What tells operands apart: a node itself, a constant's memory.

    A constant's array is kept by the graph, so that its id stands for it alone.
    """
    if isinstance(operand, Node):
        return operand
    return id(operand.value if isinstance(operand, Constant) else operand)


def add_constant(graph: nx.MultiDiGraph, records: dict, operand: Any, numbers: Any) -> None:
    key = key_of(operand)
    if key in records:
        return
    value = np.asarray(operand.value if isinstance(operand, Constant) else operand)
    records[key] = f"t-{next(numbers)}"
    graph.add_node(
        records[key], kind="constant", name=getattr(operand, "name", None), shape=value.shape,
        dtype=str(value.dtype), value=summarise(value), gradient=None, contributions=[], seed=None,
        hooked=False,
    )  # fmt: skip


def add_operation(graph: nx.MultiDiGraph, node: Node, index: int, found: Trace) -> str:
    assert node.op is not None
    graph.add_node(
        f"op-{index}", kind="operation", name=node.op.name, step=found.steps.get(node),
        options=changed_options(node),
        numbers={i: p for i, p in enumerate(node.parents) if is_number(p)},
        arity=len(node.parents), args=[node.op.operand(i) for i in range(len(node.parents))],
    )  # fmt: skip
    return f"op-{index}"


def changed_options(node: Node) -> dict[str, Any]:
    """The options of an operation that are not its defaults."""
    assert node.op is not None
    defaults = node.op.defaults
    return {key: x for key, x in node.options.items() if not equal(x, defaults.get(key))}


def equal(one: Any, other: Any) -> bool:
    arrays = isinstance(one, np.ndarray) or isinstance(other, np.ndarray)
    return one is other or (not arrays and bool(type(one) is type(other) and one == other))


def add_uses(
    graph: nx.MultiDiGraph, node: Node, op: str, records: dict, uses: dict, found: Trace
) -> None:
    """The edges into an operation, each from its operand's record or from a tag of it."""
    assert node.op is not None
    for i, operand in enumerate(node.parents):
        if is_number(operand):
            continue
        key = key_of(operand)
        home = tail = records[key]
        users = uses[key]
        leaf = not isinstance(operand, Node) or operand.plan is None
        if users[0] is not node and (leaf or len(users) >= FAN_OUT):
            use = graph.nodes[home].setdefault("uses", {})
            tail = f"{home}-u{use.setdefault(op, len(use) + 2)}"
            graph.add_node(tail, kind="tag", home=home, name=graph.nodes[home]["name"])
        contribution = found.contributions.get((node, i))
        graph.add_edge(
            tail, op, key=f"e-{op[3:]}-{i}", arg=node.op.operand(i), index=i, home=home,
            tracked=isinstance(operand, Node), out=False,
            contribution=shown(contribution),
        )  # fmt: skip


def measure(graph: nx.MultiDiGraph, found: Trace, ops: dict[Node, str]) -> None:
    """Gives the records of nodes their numbers."""
    arrivals: dict[Node, list[tuple[Node, int]]] = {}
    for node, i in found.contributions:
        arrivals.setdefault(node.parents[i], []).append((node, i))
    for name, record in graph.nodes(data=True):
        record["id"] = name
        node = record.pop("key", None)
        record.pop("uses", None)
        if node is None:
            continue
        g, start = found.gradients.get(node), found.seeds.get(node)
        record["value"], record["gradient"] = shown(found.values[node]), shown(g)
        record["contributions"] = [f"e-{ops[op][3:]}-{i}" for op, i in arrivals.get(node, [])]
        record["seed"], record["hooked"] = shown(start), node in found.hooked


def shown(x: Any) -> Summary | None:
    """The summary of what a trace kept of an array, if it did."""
    return x if x is None or isinstance(x, Summary) else summarise(x)


def describe(graph: nx.MultiDiGraph, found: Trace) -> None:
    """The words about the whole picture."""
    kinds = [kind for _, kind in graph.nodes(data="kind")]
    tensors = sum(kind not in ("operation", "tag") for kind in kinds)
    words = f"{plural(tensors, 'tensor')}, {plural(kinds.count('operation'), 'operation')}"
    heads = []
    for t in found.outputs:
        value = shown(t._data if t.node is None else found.values[t.node])
        told = "" if value is None or value.scalar is None else f" = {number(value.scalar)}"
        heads.append(f"{t.name or 'output'}{told}")
    names = [repr(leaf.name) if leaf.name else "an unnamed leaf" for leaf in found.changed]
    steps = len(found.steps)
    graph.graph.update(
        title=", ".join(heads), summary=words, steps=steps, stale=found.stale,
        changed=tuple(dict.fromkeys(names)), names=[leaf.name or "" for leaf in found.changed],
        backward=bool(found.seeds),
    )  # fmt: skip
