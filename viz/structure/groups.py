"""The parts of a computation: modules' calls, repeated steps and blocks, as a tree of groups.

A call of a module made the nodes between two numbers of creation; inside it, what comes again and
again (time steps, equal blocks, the terms of a sum) is detected as a repetition of one sequence of
operations. Every group is an interval of the order of creation, so that no path leaves it and comes
back: it can be collapsed into one node without making a cycle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from microgradnd.graph import Node
from viz.structure.neurons import with_neurons
from viz.structure.tree import Group, Part, numbered

_LONGEST = 400  # operations and groups in one period of a repetition, at most
_FEWEST = 12  # operations that a repetition folds, if no groups are among them
_CHAIN = 6  # operations in a row, from which on they are one group
_BRANCHES = 4  # fewer calls beside each other, as q, k and v, are no repetition
_FANOUT = 40  # parts of a group; more are divided into stretches


def grouped(
    computed: Sequence[Node], *, modules: bool = True, repeats: bool = True, chains: bool = True,
    neurons: bool = True, stretches: bool = True,
) -> Group:  # fmt: skip
    """The tree of groups of operations in order of creation.

    Calls of modules, repetitions and chains (long rows of operations, each on the result of the
    one before) become groups, and the neurons and layers of computations with scalar weights, see
    `viz.structure.neurons`; with `stretches`, groups of more than 40 parts are divided.
    """
    root = Group("", "graph", list(computed))
    if modules:
        root.parts = _called(computed)
        if len(root.parts) == 1 and isinstance(root.parts[0], Group):
            root = root.parts[0]
    uses = Counter(p for node in computed for p in node.predecessors)
    if neurons:
        for group in list(root.groups()):
            group.parts = with_neurons(group.parts, uses)
    if repeats or chains:
        _folded(root, {}, repeats, uses if chains else None)
    if stretches:
        _divide(root)
    numbered(root)
    return root


def _called(computed: Sequence[Node]) -> list[Part]:
    """The operations, those that a module's call made in its group."""
    last: dict[Any, int] = {}
    for node in computed:
        for call in node.calls:
            last[call] = max(node.seq, last.get(call, 0))
    calls = sorted(last, key=lambda call: (call.first, -last[call]))
    top: list[Part] = []
    stack: list[tuple[int, list[Part]]] = [(computed[-1].seq if computed else 0, top)]
    upcoming = iter([*calls, None])
    call = next(upcoming)
    for node in computed:
        while stack[-1][0] < node.seq:
            stack.pop()
        while call is not None and call.first < node.seq:
            if last[call] >= node.seq:
                while stack[-1][0] < last[call]:  # a call that another cuts short is left out
                    stack.pop()
                group = Group(call.name, call.kind, inputs=call.inputs)
                stack[-1][1].append(group)
                stack.append((last[call], group.parts))
            call = next(upcoming)
        stack[-1][1].append(node)
    return top


def _folded(group: Group, known: dict[Any, int], repeats: bool, uses: Counter[Node] | None) -> int:
    """Gathers what repeats in a group, inner groups first; returns the number of its kind.

    With `uses`, how often each node is used, rows of operations are gathered, too.
    Equal numbers mean equal structure: the same operations on operands of the same shapes.
    """
    tokens = [
        _folded(part, known, repeats, uses) if isinstance(part, Group) else _token(part, known)
        for part in group.parts
    ]
    own = known.setdefault((group.kind, *tokens), len(known))
    if group.kind in ("layer", "neuron"):  # one neuron beside the other, and that is what it says
        return own
    parts = group.parts
    for period in range(1, min(_LONGEST, len(tokens) // 3) + 1) if repeats else ():
        parts, tokens = _with_repeats(parts, tokens, period, known)
    group.parts = _with_chains(parts, uses) if uses is not None else parts
    return own


def _token(node: Node, known: dict[Any, int]) -> int:
    """A number that equal operations on operands of equal shapes share."""
    key = (node.op.name, node.shape, *(operand.shape for operand in node.operands))
    return known.setdefault(key, len(known))


def _runs(tokens: Sequence[int], period: int) -> list[tuple[int, int]]:
    """Where a sequence repeats at least three times with a period: starts and times."""
    numbers = np.array(tokens)
    same = np.r_[False, numbers[period:] == numbers[:-period], False]
    starts, ends = np.flatnonzero(np.diff(same)).reshape(-1, 2).T
    long = ends - starts >= 2 * period  # so many equal pairs: it comes three times
    times = (ends - starts) // period + 1
    return list(zip(starts[long].tolist(), times[long].tolist(), strict=True))


def _with_repeats(
    parts: list[Part], tokens: list[int], period: int, known: dict[Any, int]
) -> tuple[list[Part], list[int]]:
    """Sequences of `period` parts that come at least three times in a row, each as one group."""
    out: list[Part] = []
    numbers: list[int] = []
    at = 0
    for start, times in _runs(tokens, period):
        of_groups = any(isinstance(part, Group) for part in parts[start : start + period])
        if start < at or not (of_groups or (period > 1 and times * period >= _FEWEST)):
            continue
        end = start + times * period
        steps = [parts[i : i + period] for i in range(start, end, period)]
        if times < _BRANCHES and of_groups and not _linked(steps):
            continue
        out += parts[at:start]
        numbers += tokens[at:start]
        at = end
        out.append(_repeat(steps))
        kind = ("repeat", times, *tokens[start : start + period])
        numbers.append(known.setdefault(kind, len(known)))
    return out + parts[at:], numbers + tokens[at:]


def _linked(steps: Sequence[Sequence[Part]]) -> bool:
    """Whether any of the steps uses what another one made: else they are branches."""
    made = [
        {x for part in step for x in (part.nodes() if isinstance(part, Group) else (part,))}
        for step in steps
    ]
    before: set[Node] = set()
    for nodes in made:
        if any(p in before for node in nodes for p in node.predecessors):
            return True
        before |= nodes
    return False


def _repeat(steps: list[list[Part]]) -> Group:
    """A repetition: one group for each step, named by what a step is made of."""
    groups: list[Group] = []
    for number, parts in enumerate(steps, start=1):
        alone = parts[0] if len(parts) == 1 else None  # a call of a module is a step by itself
        step = alone if isinstance(alone, Group) else Group(f"step {number}", "step", list(parts))
        groups.append(step)
    name = _named(steps[0])
    used = [
        {p for node in group.nodes() for p in node.predecessors if p.is_leaf and p.name}
        for group in groups
    ]
    shared = bool(used[0]) and all(other & used[0] == used[0] for other in used[1:])
    for number, step in enumerate(groups if not shared else (), start=1):
        if step.kind == "step":  # equal layers are no steps of time
            step.name = f"{name} {number}"
    return Group(name, "repeat", [*groups], count=len(steps), shared=shared)


def _with_chains(parts: list[Part], uses: Counter[Node]) -> list[Part]:
    """Long rows of operations, each made of the one before alone, as one group each.

    What stands within a row is used there and nowhere else.
    """
    out: list[Part] = []
    row: list[Node] = []
    for part in [*parts, None]:
        node = part if isinstance(part, Node) else None
        used = node.predecessors if node is not None else ()
        if node is not None and row and {*used} == {row[-1]} and uses[row[-1]] == len(used):
            row.append(node)
            continue
        out += [Group(_named(row), "chain", [*row])] if len(row) >= _CHAIN else row
        row = [node] if node is not None else []
        out += [part] if isinstance(part, Group) else []
    return out


def _named(some: Sequence[Part]) -> str:
    """What operations and groups are called together: by the first of them."""
    names = [
        (part.kind if part.is_module else part.name) if isinstance(part, Group) else part.op.name
        for part in some
    ]
    return " ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _divide(group: Group) -> None:
    """Divides the parts of large groups into stretches, so that none has more than 40."""
    for part in group.parts:
        if isinstance(part, Group):
            _divide(part)
    while len(group.parts) > _FANOUT:
        size = max(-(-len(group.parts) // _FANOUT), 2)
        chunks = [group.parts[i : i + size] for i in range(0, len(group.parts), size)]
        group.parts = [
            chunk[0] if len(chunk) == 1 else Group(_name_of(chunk), "stretch", chunk)
            for chunk in chunks
        ]


def _name_of(chunk: Sequence[Part]) -> str:
    """What a stretch is called: by its first and last part if these are steps."""
    first, last = chunk[0], chunk[-1]
    if isinstance(first, Group) and isinstance(last, Group) and first.name != last.name:
        if first.kind == last.kind == "step":
            return f"steps {first.name.split()[-1]}–{last.name.split()[-1]}"
        return f"{first.name.split(' … ')[0]} … {last.name.split(' … ')[-1]}"
    count = sum(1 for part in chunk for _ in (part.nodes() if isinstance(part, Group) else (part,)))
    return f"{count} operations"
