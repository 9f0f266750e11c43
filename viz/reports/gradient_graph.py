"""The graph of a gradient beside the graph it is the gradient of: a backward pass is a graph too.

A backward walk with `create_graph=True` computes with Tensors, so that what it does is recorded as
any computation is. Here both stand in one picture, in two boxes: "forward" and "backward", and in
the second a box for each operation that the gradient was taken back through.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from microgradnd import Tensor
from microgradnd.graph import Node, checked, clock, node_of, seeded, walk
from viz.capture.trace import KEEP, Trace, trace
from viz.picture import Picture, draw
from viz.structure.groups import grouped
from viz.structure.ids import ids_of
from viz.structure.nesting import nested
from viz.structure.tree import Group, Part, numbered
from viz.style.kinds import GRADIENT, LOSS, LOSSES

NAMES = 2  # a tensor that is the gradient of several others is called after so many of them


_BACKWARD = {"loss": LOSS, "inputs": LOSSES, "gradient": GRADIENT}


class _Namer:
    """Calls the gradients of a walk "∂loss/∂h", as its observer, and notes which rule made what."""

    def __init__(self, loss: Tensor) -> None:
        self.ids = ids_of(trace(loss, backward=False))
        self.root, self.loss = node_of(loss), loss.name or "loss"
        self.names: dict[Node, tuple[Tensor, list[str]]] = {}
        self.values: dict[Node, Any] = {}  # the gradients, by what they are the gradients of
        self.rules: list[list[int]] = []  # the numbers before and after the nodes of each rule
        self.through: list[Node] = []  # by rule, the operation that it is of
        self.start = clock()

    def __call__(self, node: Node, i: int | None, g: Any) -> None:
        if i is not None:
            self.rules[-1][1] = clock()  # sums of contributions come later
            return
        if not node.is_leaf:
            self.rules.append([clock(), 0])
            self.through.append(node)
        by = self.loss if node == self.root else self.ids.title(node)
        name = f"∂{self.loss}/∂{by}"
        self.values[node] = g.data
        if not g.requires_grad:
            g.name = g.name or name  # now, before the rule takes it as a constant
        elif node_of(g).seq > self.start:
            self.names.setdefault(node_of(g), (g, []))[1].append(name)

    def put(self) -> None:
        """Gives the recorded gradients their names."""
        for g, names in self.names.values():
            more = " = …" if len(names) > NAMES else ""
            g.name = " = ".join(names[:NAMES]) + more


@checked(**_BACKWARD)
def gradient_trace(loss: Tensor, inputs: Tensor | Sequence[Tensor], gradient: Any = None) -> Trace:
    """The forward pass to a loss and the walk back to some inputs, both as one computation.

    Its outputs are the loss and the gradients, its groups "forward" and "backward". The tensors of
    the forward pass have the gradients that the walk found.

    Args:
        loss: the tensor that is differentiated.
        inputs: by which; leaves or intermediate results.
        gradient: to start from, 1 for a scalar.

    Raises:
        GraphError: one of them does not require a gradient, or its graph was freed.
        ValueError: the loss does not depend on an input.

    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> found = gradient_trace((x**2).named("y"), x)
    >>> [t.name for t in found.outputs], float(found.outputs[1])
    (['y', '∂y/∂x'], 6.0)
    >>> [group.name for group in found.groups.parts]
    ['forward', 'backward']
    """
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    targets = {node_of(t): t for t in wanted}
    seeds = seeded([loss], [gradient])
    namer = _Namer(loss)
    gradients = walk(seeds, namer, inputs=targets, create_graph=True)
    for node, t in targets.items():
        if node not in gradients:
            whole, part = loss.name or "the loss", t.name or "one of them"
            raise ValueError(f"gradient_trace(inputs): {whole} does not depend on {part}")
    namer.put()
    found = trace([loss, *(gradients[node] for node in targets)], backward=False)
    found.nesting = nested(_in_two(found.graph.computed, namer), found.nodes)
    found.gradients = {node: KEEP[found.keep](g) for node, g in namer.values.items()}
    return found


def _in_two(computed: Sequence[Node], namer: _Namer) -> Group:
    """The groups of a forward pass and of the walk back over it."""
    first = grouped([node for node in computed if node.seq <= namer.start])
    forward = Group("forward", "forward", [first] if first.is_module else first.parts)
    walked = [node for node in computed if node.seq > namer.start]
    backward = Group("backward", "backward", _rules(walked, namer))
    root = Group("", "graph", [part for part in (forward, backward) if part.parts])
    numbered(root)
    return root


def _rules(walked: Sequence[Node], namer: _Namer) -> list[Part]:
    """What the rules of each operation made: as a group, where it is more than one node."""
    parts: list[Part] = []
    made: list[list[Part]] = [[] for _ in namer.rules]
    starts = [start for start, _ in namer.rules]
    for node in walked:
        k = bisect(starts, node.seq) - 1
        if node.seq > namer.rules[k][1]:
            parts.append(node)
            continue
        if not made[k]:
            name = f"back through {namer.through[k].op.name}"
            parts.append(Group(name, name, made[k]))
        made[k].append(node)
    return [x.parts[0] if isinstance(x, Group) and len(x.parts) == 1 else x for x in parts]


@checked(**_BACKWARD)
def gradient_graph(
    loss: Tensor, inputs: Tensor | Sequence[Tensor], gradient: Any = None, **drawing: Any
) -> Picture:
    """Draws a forward pass and the walk back from it as one graph, see `gradient_trace`.

    Args:
        loss, inputs, gradient: as for `microgradnd.grad`.
        drawing: as for `viz.draw`: theme, direction, title, ...

    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> gradient_graph(x.tanh(), x)
    <Picture of 6 tensors, 4 operations>
    """
    found = gradient_trace(loss, inputs, gradient)
    names = ", ".join(t.name or "a gradient" for t in found.outputs[1:])
    title = f"{loss.name or 'loss'} and {names}: the forward pass, and the walk back as a graph"
    picture = draw(found, **{"title": title, **drawing})
    picture.model = replace(picture.model, backward=True)
    return picture
