"""The parts of a computation: modules' calls, repeated steps and blocks, as a tree of groups.

A call of a module made the nodes between two numbers of creation; inside it, what comes again and
again (time steps, equal blocks, the terms of a sum) is found as a repetition of the same sequence
of operations. Every group is a stretch of the order of creation, so that no path leaves it and
comes back: it can be closed into one node without making a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from microgradnd.graph import Constant, Node

LONGEST = 400  # operations and groups in one period of a repetition, at most
CHAIN = 6  # elementwise operations in a row, from which on they are one group
FANOUT = 40  # parts of a group; more are gathered into stretches


@dataclass(eq=False)
class Group:
    """A part of a computation.

    Attributes:
        name: what it is called, of a module the name in the module around it.
        kind: the module's class, or "repeat", "step", "chain" or "stretch" for what was found.
        parts: the operations and groups in it, in order of creation.
        count: of a "repeat", how often its steps come.
        shared: of a "repeat", whether all steps use the same parameters.
        id: "g-1", "g-2", ... in order of creation, the outer before the inner.
    """

    name: str
    kind: str
    parts: list[Part] = field(default_factory=list)
    count: int = 1
    shared: bool = False
    id: str = ""

    @property
    def is_module(self) -> bool:
        return self.kind not in ("repeat", "step", "chain", "stretch")

    def nodes(self) -> Iterator[Node]:
        """All operations in it."""
        for part in self.parts:
            if isinstance(part, Group):
                yield from part.nodes()
            else:
                yield part

    def groups(self) -> Iterator[Group]:
        """This group and all groups in it, the outer before the inner."""
        yield self
        for part in self.parts:
            if isinstance(part, Group):
                yield from part.groups()


Part: TypeAlias = Node | Group


def grouped(computed: Sequence[Node], *, modules: bool = True, repeats: bool = True) -> Group:
    """The tree of groups of a computation.

    Args:
        computed: its operations, in order of creation.
        modules: whether calls of modules become groups.
        repeats: whether repetitions and long chains do.
    """
    root = Group("", "graph", list(computed))
    if modules:
        root.parts = called(computed)
        if len(root.parts) == 1 and isinstance(root.parts[0], Group):
            root = root.parts[0]
    if repeats:
        folded(root, {})
    for number, group in enumerate(root.groups(), start=0):
        group.id = f"g-{number}"
    return root


def called(computed: Sequence[Node]) -> list[Part]:
    """The operations, those that a module's call made in its group."""
    last: dict[Any, int] = {}
    for node in computed:
        for call in (node.notes or {}).get("calls", ()):
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
                group = Group(call.name, call.kind)
                stack[-1][1].append(group)
                stack.append((last[call], group.parts))
            call = next(upcoming)
        stack[-1][1].append(node)
    return top


def folded(group: Group, known: dict[Any, int]) -> int:
    """Gathers what repeats in a group, inner groups first; returns the number of its kind.

    Equal numbers mean equal structure: the same operations on operands of the same shapes.
    """
    tokens = [
        folded(part, known) if isinstance(part, Group) else token(part, known)
        for part in group.parts
    ]
    mark = known.setdefault((group.kind, *tokens), len(known))
    parts = group.parts
    for period in periods(tokens):
        parts, tokens = with_repeats(parts, tokens, period, known)
    group.parts = with_chains(parts)
    return mark


def token(node: Node, known: dict[Any, int]) -> int:
    """A number that equal operations on operands of equal shapes share."""
    shapes = (p.shape if isinstance(p, (Node, Constant)) else np.shape(p) for p in node.parents)
    key = (node.op.name, node.shape, *shapes)
    return known.setdefault(key, len(known))


def periods(tokens: Sequence[int]) -> list[int]:
    """The lengths with which some part of a sequence repeats at least three times, short first."""
    marks = np.array(tokens)
    found = []
    for period in range(1, min(LONGEST, len(tokens) // 3) + 1):
        same = marks[period:] == marks[:-period]
        # a run of 2 · period equal pairs is a stretch that comes three times
        ends = np.flatnonzero(~np.r_[False, same, False])
        if np.diff(ends).max(initial=0) > 2 * period:
            found.append(period)
    return found


def with_repeats(
    parts: list[Part], tokens: list[int], period: int, known: dict[Any, int]
) -> tuple[list[Part], list[int]]:
    """Stretches of `period` parts that come at least three times in a row, each as one group."""
    out: list[Part] = []
    marks: list[int] = []
    at = 0
    while at < len(parts):
        times = 1
        first = tokens[at : at + period]
        while tokens[at + times * period : at + (times + 1) * period] == first:
            times += 1
        if times < 3 or (period == 1 and isinstance(parts[at], Node)):
            out.append(parts[at])
            marks.append(tokens[at])
            at += 1
            continue
        steps = [parts[at + k * period : at + (k + 1) * period] for k in range(times)]
        out.append(repeat(steps))
        marks.append(known.setdefault(("repeat", times, *first), len(known)))
        at += times * period
    return out, marks


def repeat(steps: list[list[Part]]) -> Group:
    """A repetition: one group for each step, named by what a step is made of."""
    groups: list[Group] = []
    for number, parts in enumerate(steps, start=1):
        if len(parts) == 1 and isinstance(parts[0], Group):
            groups.append(parts[0])  # a call of a module is a step by itself
        else:
            groups.append(Group(f"step {number}", "step", list(parts)))
    names = [
        part.name or part.kind if isinstance(part, Group) else part.op.name for part in steps[0]
    ]
    words = " ".join(names[:3]) + (" …" if len(names) > 3 else "")
    used = [{p for n in group.nodes() for p in leaves_of(n)} for group in groups]
    shared = bool(used[0]) and all(other & used[0] == used[0] for other in used[1:])
    return Group(words, "repeat", [*groups], count=len(steps), shared=shared)


def leaves_of(node: Node) -> list[Node]:
    return [p for p in node.parents if isinstance(p, Node) and p.plan is None and p.name]


def with_chains(parts: list[Part]) -> list[Part]:
    """Long rows of operations, each made of the one before alone, as one group each."""
    out: list[Part] = []
    before: Part | None = None

    def linked(part: Part) -> bool:
        nonlocal before
        source, before = before, part
        if not isinstance(part, Node) or not isinstance(source, Node):
            return False
        return [p for p in part.parents if isinstance(p, Node)] == [source]

    row: list[Part] = []
    for part in [*parts, None]:
        if part is not None and linked(part):
            row.append(part)
            continue
        out += [Group(f"{len(row)} operations", "chain", row)] if len(row) >= CHAIN else row
        row = [part] if part is not None else []
    return out


def stretched(group: Group) -> None:
    """Gathers the parts of large groups into stretches, so that none has more than 40."""
    for part in group.parts:
        if isinstance(part, Group):
            stretched(part)
    while len(group.parts) > FANOUT:
        size = max(-(-len(group.parts) // FANOUT), 2)
        chunks = [group.parts[i : i + size] for i in range(0, len(group.parts), size)]
        group.parts = [
            chunk[0] if len(chunk) == 1 else Group(f"{len(chunk)} parts", "stretch", chunk)
            for chunk in chunks
        ]
