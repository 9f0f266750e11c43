"""Where everything is at home in the tree of groups, and which gradients cross a group's border.

An operation and its result are parts of a group. A leaf or constant belongs to the innermost
group that holds all its uses, but not to a module that it was given to as an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from microgradnd.node import Constant, Node
from viz.structure.groups import Group

Use = tuple[Node, int]  # an operation and the index of one of its operands


@dataclass(frozen=True)
class Homes:
    """The groups of a computation.

    Attributes:
        groups: the whole tree.
        of: the innermost group around each operation, leaf and constant, by `key_of`.
        uses: of each tensor and constant, by `key_of`, in order.
        kept: the nodes in focus; None for all.
    """

    groups: Group
    of: dict[Any, Group] = field(default_factory=dict)
    uses: dict[Any, list[Use]] = field(default_factory=dict)
    kept: set[Node] | None = None

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
                if self.kept is not None and use[0] not in self.kept:
                    inside.setdefault(None, []).append(use)
                    continue
                for outer in self.of[use[0]].around():
                    inside.setdefault(outer, []).append(use)
            around = set(self.of[key].around())
            for group, some in inside.items():
                if len(some) > 1 and not (len(some) == len(uses) and group in around):
                    for use in some:
                        out.setdefault(use, []).append(group)
        return out


def is_number(operand: Any) -> bool:
    """Whether an operand is written on the pill of its operation: a number without a name."""
    return not isinstance(operand, (Node, Constant)) and np.ndim(operand) == 0


def key_of(operand: Any) -> Any:
    """What tells operands apart: a node itself, a constant's memory.

    A constant's array is kept by the graph, so that its id stands for it alone.
    """
    if isinstance(operand, Node):
        return operand
    return id(operand.value if isinstance(operand, Constant) else operand)


def homes(groups: Group, nodes: Sequence[Node], kept: set[Node] | None = None) -> Homes:
    """Where the nodes of a computation and its constants are at home in a tree of its groups."""
    found = Homes(groups, kept=kept)
    for group in groups.groups():
        for part in group.parts:
            if isinstance(part, Node):
                found.of[part] = group
    for node in nodes:
        for i, operand in enumerate(node.parents):
            if not is_number(operand):
                found.uses.setdefault(key_of(operand), []).append((node, i))
    for key, uses in found.uses.items():
        if key not in found.of:
            found.of[key] = home_of(key, [found.of[op] for op, _ in uses])
    return found


def home_of(key: Any, users: Sequence[Group]) -> Group:
    """The innermost group around all users that was not given the operand from outside."""
    home = common(users)
    given = key if isinstance(key, int) else id(key)
    for group in list(home.around())[::-1]:
        if given in group.inputs and group.parent is not None:
            return group.parent
    return home


def common(groups: Sequence[Group]) -> Group:
    """The innermost group that holds all of some groups."""
    lines = [list(group.around())[::-1] for group in dict.fromkeys(groups)]
    home = lines[0][0]
    for level in zip(*lines, strict=False):
        if any(group is not level[0] for group in level):
            break
        home = level[0]
    return home


def leaves_by_home(found: Homes) -> dict[Group, list[Any]]:
    """The keys of leaves and constants at home in each group itself, in order of first use."""
    out: dict[Group, list[Any]] = {}
    for key in found.uses:
        if not computed(key):
            out.setdefault(found.of[key], []).append(key)
    return out


def computed(key: Any) -> bool:
    return isinstance(key, Node) and key.plan is not None
