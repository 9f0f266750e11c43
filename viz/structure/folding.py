"""Which groups of a computation are open in a picture, and where that puts its operations.

A closed group is drawn as one node. Small computations are drawn whole; of larger ones as many
groups are opened, kind by kind and from the outside in, as stay readable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from microgradnd.graph import Node
from viz.structure.nesting import Key, Nesting, is_computed, leaves_by_group
from viz.structure.tree import Group, numbered

_SMALL = 160  # nodes of a computation that is drawn whole
_SCALAR = 60  # the same of one with neurons, each of which is tied to all of the layer before
_BUDGET = 50  # nodes up to which groups of a larger one are opened
_MOST = 300  # nodes of an overview, where no group has a meaning of its own
_STEP = 40  # operations of a step up to which some steps of a long loop are shown
_FEW_STEPS = 8  # repetitions of so many steps are opened like modules
_PLAIN = ("chain", "stretch")  # kinds of groups that stand for want of a better


@dataclass
class Folding:
    """The open groups of a picture.

    Attributes:
        nesting: the groups, and where everything belongs in them.
        open: the groups that are drawn as boxes around what they hold; the whole always is.
        place: by operation, itself or the closed group it is drawn in.
        shown_groups: the groups of which something is in focus.
    """

    nesting: Nesting
    open: set[Group]
    place: dict[Node, Node | Group] = field(default_factory=dict)
    shown_groups: set[Group] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.open.add(self.nesting.groups)
        stack: list[Group] = [self.nesting.groups]
        while stack:
            for part in stack.pop().parts:
                if isinstance(part, Node):
                    self.place[part] = part
                elif part in self.open:
                    stack.append(part)
                else:
                    self.place.update((node, part) for node in part.nodes())
        for node in self.place:
            if self.shows(node):
                self.shown_groups.update(self.nesting.group_of[node].around())

    def shows(self, node: Node) -> bool:
        """Whether a node is in focus."""
        return self.nesting.focus is None or node in self.nesting.focus

    def size(self) -> int:
        """About how many nodes are drawn."""
        places = {part for node, part in self.place.items() if self.shows(node)}
        keys = [key for key in self.nesting.uses if not is_computed(key)]
        return sum(self.collapsed(key) is None for key in keys) + _count(places)

    def collapsed(self, key: Key) -> Group | None:
        """The closed group that a leaf or constant is hidden in, or None."""
        hidden = None
        for group in self.nesting.group_of.get(key, self.nesting.groups).around():
            if group not in self.open and group in self.shown_groups:
                hidden = group
        return hidden

    def box(self, part: Any) -> Group | None:
        """The box around an operation, a closed group or a leaf; stretches are drawn without."""
        around = part.parent if isinstance(part, Group) else self.nesting.group_of.get(part)
        return self.boxed(around)

    def boxed(self, group: Group | None) -> Group | None:
        """The innermost box that an open group is drawn as, or stands in."""
        for outer in group.around() if group else ():
            repeat = outer.parent if outer.kind == "step" else outer
            # equal layers are no steps of time: what is in them stands in what is around them
            alike = repeat is not None and repeat.kind == "repeat" and not repeat.shared
            plain = outer.parent is None or outer.kind in _PLAIN or alike
            if not plain and outer in self.shown_groups:
                return outer
        return None


def whole(nesting: Nesting) -> Folding:
    """Everything is open."""
    return Folding(nesting, set(nesting.groups.groups()))


def overview(nesting: Nesting) -> Folding:
    """As much is open as stays readable."""
    leaves = {group: len(keys) for group, keys in leaves_by_group(nesting).items()}

    def collapsed(group: Group) -> int:
        """The nodes of an open group in which all groups are closed."""
        return _count(group.parts) + leaves.get(group, 0)

    groups = list(nesting.groups.groups())
    everything = 1 + sum(collapsed(group) - 1 for group in groups)
    scalar = any(group.kind == "neuron" for group in groups)
    small = _SCALAR if scalar else _SMALL
    few = nesting.focus is not None and len(nesting.focus) <= small
    plain = all(group.kind in ("graph", *_PLAIN) for group in groups)
    if few or everything <= (_MOST if plain else small):
        return whole(nesting)
    open_groups = {nesting.groups}
    total, level = collapsed(nesting.groups), _inner(nesting.groups)
    while level:
        kinds: dict[str, list[Group]] = {}
        for group in level:
            if _opens(group, scalar):
                kinds.setdefault(group.kind, []).append(group)
        opened: list[Group] = []
        for alike in sorted(kinds.values(), key=lambda some: sum(map(collapsed, some))):
            more = sum(collapsed(group) - 1 for group in alike)
            if total + more <= _BUDGET:
                total += more
                opened += alike
        open_groups.update(opened)
        level = [part for group in opened for part in _inner(group)]
    return Folding(nesting, open_groups)


def _opens(group: Group, scalar: bool) -> bool:
    """Whether an overview may open a group: it is no layer, and no row of many steps of time.

    In `scalar` computations it is no row of operations, one for each neuron or sample.
    """
    if group.kind == "repeat":
        plain = all(part.kind == "step" and not _inner(part) for part in _inner(group))
        return not (scalar and plain) and (group.count <= _FEW_STEPS or not group.shared)
    return group.kind not in ("steps", "layer", "neuron", *_PLAIN) and bool(_inner(group))


def _inner(group: Group) -> list[Group]:
    return [part for part in group.parts if isinstance(part, Group)]


def _count(parts: Iterable[Node | Group]) -> int:
    """The nodes that parts are drawn as: an operation has one for its result."""
    return sum(1 if isinstance(part, Group) else 2 for part in parts)


def named(groups: Group, names: Iterable[str]) -> set[Group]:
    """The groups that are asked for by path (or its end), name, kind or id, and those around them.

    Raises:
        ValueError: nothing has such a name; the error lists what there is.
    """
    out: set[Group] = set()
    for name in names:
        fitting = [g for g in groups.groups() if _is_called(g, name)]
        if not fitting:
            known = dict.fromkeys(g.path() or g.kind for g in groups.groups() if g.parent)
            some = ", ".join(map(repr, list(known)[:20])) or "none"
            raise ValueError(f"draw(open): no group is called {name!r}; there are {some}")
        for group in fitting:
            out.update(group.around())
            # who opens a module wants to see the modules in it, alike or not
            out.update(g for g in _inner(group) if g.kind == "repeat" and not g.shared)
    return out


def _is_called(g: Group, name: str) -> bool:
    return name in (g.name, g.kind, g.id) or f".{g.path()}".endswith(f".{name}")


def divided(groups: Group, steps: Collection[int]) -> None:
    """Divides repetitions so that the chosen steps stand alone, those between them folded.

    Steps count from 1; negative ones from the end.
    """
    for group, chosen in _repetitions(groups, steps):
        _divide(group, chosen)
    numbered(groups)


def _divide(group: Group, chosen: set[int]) -> None:
    parts: list[Any] = []
    between: list[Group] = []
    for number, step in enumerate([*_all_steps(group), None], start=1):
        if step is not None and number not in chosen:
            between.append(step)
            continue
        if between:
            name = f"steps {number - len(between)}–{number - 1}"
            several = Group(name, "steps", [*between])
            parts.append(between[0] if len(between) == 1 else several)
            between = []
        if step is not None:
            parts.append(step)
    group.parts = parts


def shorten(groups: Group) -> None:
    """Divides long loops: the first three steps and the last two stand alone, if they are small."""
    for group in list(groups.groups()):
        if group.kind == "repeat" and group.shared and group.count > _FEW_STEPS:
            size = sum(1 for _ in group.nodes()) // group.count
            if size <= _STEP:
                last = group.count
                _divide(group, {1, 2, 3, last - 1, last})
    numbered(groups)


def shortened(groups: Group) -> set[Group]:
    """What is open so that the steps that stand alone after `shorten` are seen."""
    out: set[Group] = set()
    for group in groups.groups():
        inner = _inner(group)
        if group.kind == "repeat" and any(part.kind == "steps" for part in inner):
            out.update(group.around())
            for part in inner:
                out.update(part.groups() if part.kind != "steps" else ())
    return out


def groups_around(groups: Group, steps: Collection[int]) -> set[Group]:
    """What must be open for the chosen steps to be seen, after `divided`."""
    out: set[Group] = set()
    for group, chosen in _repetitions(groups, steps):
        there = list(_all_steps(group))
        for number in chosen:
            if 1 <= number <= len(there):
                out.update(there[number - 1].groups(), group.around())
    return out


def _repetitions(groups: Group, steps: Collection[int]) -> list[tuple[Group, set[int]]]:
    """The repetitions in a group with the numbers, from 1, of the chosen steps in each."""
    return [
        (group, {s + group.count + 1 if s < 0 else s for s in steps})
        for group in groups.groups()
        if group.kind == "repeat"
    ]


def _all_steps(group: Group) -> Iterator[Group]:
    """The steps of a repetition, those that were gathered too."""
    for part in _inner(group):
        if part.kind in ("stretch", "steps"):
            yield from _all_steps(part)
        else:
            yield part
