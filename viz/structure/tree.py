"""The tree of groups that a computation's parts are read as."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from microgradnd.graph import Node

# kinds of groups that are no modules; a "stretch" is a part of the order of creation
_DETECTED = ("graph", "repeat", "step", "steps", "chain", "stretch", "layer", "neuron")


@dataclass(eq=False)
class Group:
    """A part of a computation.

    Attributes:
        name: what it is called, of a module the name in the module around it.
        kind: the module's class, "graph" for the whole, or what was detected: "repeat", "step",
            "chain" (of operations, each on the one before), "layer" and "neuron" (of scalars) or
            "stretch" (for want of structure).
        parts: the operations and groups in it, in order of creation.
        count: of a "repeat", how often its steps come; of a "layer", how many samples it sees.
        shared: of a "repeat", whether all steps use the same parameters.
        id: "g-1", "g-2", ... in order of creation, the outer before the inner.
        parent: the group around it; None of the whole.
        inputs: of a module's call, the ids of its arguments' nodes, of constants their arrays'.
    """

    name: str
    kind: str
    parts: list[Part] = field(default_factory=list)
    count: int = 1
    shared: bool = False
    id: str = ""
    parent: Group | None = None
    inputs: tuple[int, ...] = ()

    @property
    def is_module(self) -> bool:
        return self.kind not in _DETECTED

    def __repr__(self) -> str:
        return f"<Group {self.id} {self.path()!r} ({self.kind})>"

    def around(self) -> Iterator[Group]:
        """This group and those around it, the innermost first."""
        group: Group | None = self
        while group is not None:
            yield group
            group = group.parent

    def path(self) -> str:
        """The names of the modules around it and its own, joined by dots."""
        names = [g.name for g in self.around() if g.parent is not None and g.is_module]
        own = [] if self.is_module else [self.name]
        return ".".join([*names[::-1], *own])

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


def numbered(root: Group) -> None:
    """Gives the groups of a tree their ids and parents."""
    for number, group in enumerate(root.groups()):
        group.id = f"g-{number}"
        for part in group.parts:
            if isinstance(part, Group):
                part.parent = group
