"""Which group every tensor belongs to, and which gradients cross a group's border.

An operation and its result are parts of a group. A leaf or constant belongs to the innermost
group that holds all its uses, but not to a module that it was given to as an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from microgradnd.graph import Node, Use
from viz.structure.tree import Group

Key: TypeAlias = Node | int  # what tells tensors and constants apart, `Operand.key`


@dataclass(frozen=True)
class Nesting:
    """The groups of a computation and what belongs to them.

    Attributes:
        groups: the whole tree.
        group_of: the innermost group around each operation, leaf and constant, by key.
        uses: of each tensor and constant, by key, in order.
        focus: the nodes in focus; None for all.
    """

    groups: Group
    group_of: dict[Key, Group] = field(default_factory=dict)
    uses: dict[Key, list[Use]] = field(default_factory=dict)
    focus: set[Node] | None = None

    def crossings(self) -> dict[Use, list[Group | None]]:
        """By use, the groups in which it is one of several uses of its operand, but not of all.

        What these add to the operand's gradient is known only as their sum. None stands for all
        that is not in focus: no group counts it.
        """
        out: dict[Use, list[Group | None]] = {}
        for key, uses in self.uses.items():
            if len(uses) < 2 or not isinstance(key, Node):
                continue
            inside: dict[Group | None, list[Use]] = {}
            for use in uses:
                if self.focus is not None and use[0] not in self.focus:
                    inside.setdefault(None, []).append(use)
                    continue
                for outer in self.group_of[use[0]].around():
                    inside.setdefault(outer, []).append(use)
            around = set(self.group_of[key].around())
            for group, some in inside.items():
                if len(some) > 1 and not (len(some) == len(uses) and group in around):
                    for use in some:
                        out.setdefault(use, []).append(group)
        return out


def nested(groups: Group, nodes: Sequence[Node], focus: set[Node] | None = None) -> Nesting:
    """Where the nodes of a computation and its constants belong in a tree of its groups."""
    out = Nesting(groups, focus=focus)
    for group in groups.groups():
        for part in group.parts:
            if isinstance(part, Node):
                out.group_of[part] = group
    for node in nodes:
        for i, operand in enumerate(node.operands):
            if operand.kind != "number":
                out.uses.setdefault(operand.key, []).append((node, i))
    for key, uses in out.uses.items():
        if key not in out.group_of:
            out.group_of[key] = _group_around(key, [out.group_of[op] for op, _ in uses])
    return out


def _group_around(key: Key, users: Sequence[Group]) -> Group:
    """The innermost group around all users that was not given the operand from outside."""
    innermost = _common(users)
    argument = key if isinstance(key, int) else key.id
    for group in list(innermost.around())[::-1]:
        if argument in group.inputs and group.parent is not None:
            return group.parent
    return innermost


def _common(groups: Sequence[Group]) -> Group:
    """The innermost group that holds all of some groups."""
    lines = [list(group.around())[::-1] for group in dict.fromkeys(groups)]
    innermost = lines[0][0]
    for level in zip(*lines, strict=False):
        if any(group is not level[0] for group in level):
            break
        innermost = level[0]
    return innermost


def leaves_by_group(nesting: Nesting) -> dict[Group, list[Key]]:
    """The keys of leaves and constants that belong to each group itself, in order of first use."""
    out: dict[Group, list[Key]] = {}
    for key in nesting.uses:
        if not is_computed(key):
            out.setdefault(nesting.group_of[key], []).append(key)
    return out


def is_computed(key: Key) -> bool:
    return isinstance(key, Node) and not key.is_leaf
