"""What is to be shown: a networkx.MultiDiGraph, and the `Picture` that writes it to a file.

The graph is bipartite and knows nothing of drawing. Nodes are tensor records ("t-1", ...),
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

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from microgradnd.engine import Tensor
from microgradnd.graph import Constant, Node
from viz.summary import summarise
from viz.text import number, plural
from viz.theme import THEMES
from viz.trace import Trace, operand_value, same, trace

MOST = 20_000  # drawn nodes; beyond, neither layout engines nor browsers are of use
FAN_OUT = 4  # an intermediate result used by so many operations is drawn with tags, too
DIRECTIONS = ("TB", "LR")


class Picture:
    """A graph as it will be drawn; made by `viz.draw`.

    Attributes:
        graph: a networkx.MultiDiGraph, see the docstring of `viz.picture`.
        trace: the numbers it shows, see `viz.trace.Trace`.
    """

    def __init__(self, found: Trace, graph: nx.MultiDiGraph, drawing: dict[str, Any]) -> None:
        self.trace, self.graph, self.drawing = found, graph, drawing
        self._svg: str | None = None

    def svg(self) -> str:
        """The picture as the text of an SVG file; it is laid out at the first call."""
        if self._svg is None:
            from viz.svg import write

            self._svg = write(self.graph, **self.drawing)
        return self._svg

    def dot(self) -> str:
        """The picture in the DOT language, for Graphviz."""
        from viz.dot import write

        return write(self.graph, self.drawing["direction"])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a file in the format that its suffix names: .svg or .dot.

        Folders are created, and the file is replaced in one step.

        Raises:
            ValueError: the suffix names no format.
        """
        path = Path(path)
        writers: dict[str, Callable[[], str]] = {".svg": self.svg, ".dot": self.dot}
        if path.suffix.lower() not in writers:
            raise ValueError(
                f"cannot save a picture as {path.name!r}: the suffix must be one of "
                f"{', '.join(writers)}"
            )
        text = writers[path.suffix.lower()]()
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
        try:
            with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(draft, 0o666 & ~mask)  # mkstemp's files are for the owner alone
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
        return path

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<Picture of {self.graph.graph['summary']}>"


def draw(
    tensors: Tensor | Sequence[Tensor],
    *,
    gradient: Any = None,
    backward: bool = True,
    theme: str = "auto",
    direction: str = "TB",
    title: str | None = None,
    engine: str | None = None,
    timeout: float = 10.0,
) -> Picture:
    """Draws how tensors were computed and how the gradient flows back from them.

    Values are replayed from the leaves, gradients come from one observed backward pass that
    leaves `.grad` untouched: the picture is the same before and after `backward()`.

    Args:
        tensors: one tensor or several. One that requires no gradient is drawn as a lone record.
        gradient: of what is differentiated with respect to the tensor, as for `backward`; a list
            of them for several tensors.
        backward: False draws the forward pass alone.
        theme: "light", "dark", or "auto" to follow the reader's system.
        direction: of the forward pass: "TB" from top to bottom, "LR" from left to right.
        title: the first line of the picture.
        engine: of the layout, see `viz.layout.layout`; by default one that suits the graph.
        timeout: how long the layout engine may take, in seconds.

    Raises:
        GraphError: a tensor is no scalar and no gradient was given.
        ValueError: more than 20,000 nodes would be drawn, or an argument is unknown.

    >>> from microgradnd import Tensor
    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> picture = draw(x * x)
    >>> picture
    <Picture of 2 tensors, 1 operation>
    >>> sorted(key for _, _, key in picture.graph.edges(keys=True))
    ['e-1-0', 'e-1-1', 'e-1-out']
    """
    for what, value, known in (("theme", theme, THEMES), ("direction", direction, DIRECTIONS)):
        if value not in known:
            raise ValueError(f"{what} {value!r} is unknown: one of {', '.join(known)}")
    outputs = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    for t in outputs:
        if not isinstance(t, Tensor):
            raise TypeError(f"draw: can draw a Tensor or several, not a {type(t).__name__}")
    gradients = list(gradient) if isinstance(gradient, (list, tuple)) else [gradient]
    if isinstance(tensors, Tensor):
        gradients = [gradient]
    elif gradient is None:
        gradients = [None] * len(outputs)
    if len(gradients) != len(outputs):
        raise ValueError(f"draw: {len(outputs)} tensors, but {len(gradients)} gradients")
    found = trace(outputs, gradients, backward=backward)
    graph = build(found)
    if title is not None:
        graph.graph["title"] = title
    return Picture(
        found, graph, {"theme": theme, "direction": direction, "engine": engine, "timeout": timeout}
    )


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
    value = np.asarray(operand_value(operand, {}))
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
            contribution=None if contribution is None else summarise(contribution),
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
        record["value"] = summarise(found.values[node])
        record["gradient"] = None if g is None else summarise(g)
        record["contributions"] = [f"e-{ops[op][3:]}-{i}" for op, i in arrivals.get(node, [])]
        record["seed"] = None if start is None else summarise(start)
        terms = [found.contributions[place] for place in arrivals.get(node, [])]
        record["hooked"] = bool(
            g is not None
            and node.notes
            and node.notes.get("hooks")
            and not same(total([*([] if start is None else [start]), *terms]), g)
        )


def total(terms: Iterable[np.ndarray]) -> np.ndarray:
    """The sum of contributions in the order of the walk, which makes it the engine's own sum."""
    first, *others = terms
    for x in others:
        first = first + x
    return first


def describe(graph: nx.MultiDiGraph, found: Trace) -> None:
    """The words about the whole picture."""
    kinds = [kind for _, kind in graph.nodes(data="kind")]
    tensors = sum(kind not in ("operation", "tag") for kind in kinds)
    words = f"{plural(tensors, 'tensor')}, {plural(kinds.count('operation'), 'operation')}"
    heads = []
    for t in found.outputs:
        data = t._data if t.node is None else found.values[t.node]
        value = f" = {number(float(data))}" if t.ndim == 0 else ""
        heads.append(f"{t.name or 'output'}{value}")
    names = [repr(leaf.name) if leaf.name else "an unnamed leaf" for leaf in found.changed]
    steps = len(found.steps)
    graph.graph.update(
        title=", ".join(heads), summary=words, steps=steps, stale=found.stale,
        changed=tuple(dict.fromkeys(names)), names=[leaf.name or "" for leaf in found.changed],
        backward=bool(found.seeds),
    )  # fmt: skip
