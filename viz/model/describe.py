"""The elements of a trace's pictures: each described once, whatever is open in a picture."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from microgradnd.graph import Node, Operand, Use
from viz.capture.summary import Summary, summarise
from viz.model.elements import ClosedGroup, Operation, TensorRecord
from viz.model.phrases import phrase_of
from viz.structure.ids import Ids, ids_of
from viz.structure.nesting import Key, is_computed
from viz.structure.tree import Group

if TYPE_CHECKING:
    from viz.capture.trace import Trace


_FEW = 8  # operands


class Describer:
    """Describes the parts of a trace.

    Attributes:
        trace: the numbers.
        ids: of its tensors and operations.
        varying: operations whose options or plain numbers differ from pass to pass.
    """

    varying: Collection[Node] = ()

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.records: dict[Key, TensorRecord] = {}
        self.summaries: dict[int, Summary] = {}  # by the ids of arrays that the trace keeps
        self.flows: dict[tuple[Group | None, Node], Summary | None] = {}

    @cached_property
    def ids(self) -> Ids:
        return ids_of(self.trace)

    @cached_property
    def outputs(self) -> set[Node]:
        return set(self.trace.graph.outputs)

    def in_focus(self, node: Node) -> bool:
        focus = self.trace.nesting.focus
        return focus is None or node in focus

    def record(self, key: Key) -> TensorRecord:
        """What is shown of a tensor or constant, without the edges that contribute to it."""
        if key not in self.records:
            describe: Any = self.of_node if isinstance(key, Node) else self.of_constant
            self.records[key] = describe(key)
        return self.records[key]

    def of_node(self, node: Node) -> TensorRecord:
        trace = self.trace
        kind = "intermediate" if not node.is_leaf else "parameter" if node.name else "leaf"
        kind = "output" if node in self.outputs and not node.is_leaf else kind
        value, gradient = self.value(node), self.known(trace.gradients.get(node))
        if gradient is not None and gradient.scale < (errors := self.rounding(node)):
            gradient = replace(gradient, scale=errors)
        # in the graph of a gradient the walk itself has gradients no more
        alone = gradient is None and trace.gradients and not trace.seeds
        return TensorRecord(
            self.ids.tensors[node], kind, node.name, node.shape, str(node.dtype), value, gradient,
            seed=summary(trace.seeds.get(node)), hooked=node in trace.hooked,
            rows=(("data", value),) if alone else None,
        )  # fmt: skip

    def of_constant(self, key: Key) -> TensorRecord:
        x = self.ids.constants[key]
        name, dtype = self.ids.tensors[key], str(x.dtype)
        return TensorRecord(name, "constant", x.name, x.shape, dtype, summarise(x.value))

    def rounding(self, node: Node) -> float:
        """How large rounding errors in a gradient may be: heat-maps do not make more of them.

        They are those of sums: of contributions that are added up, and of what an operation that
        is not elementwise, or broadcasts, passes on, weighted by its other operands.
        """
        trace, tops = self.trace, [0.0]
        uses = [use for use in trace.nesting.uses.get(node, ()) if use in trace.contributions]
        for op, i in uses:
            g = self.known(trace.gradients.get(op))
            alone = op.op.elementwise and op.shape == node.shape
            if g is not None and not alone and len(op.operands) <= _FEW:  # no sum has more
                keys = [x.key for k, x in enumerate(op.operands) if k != i and x.kind != "number"]
                others = [self.value(key).top for key in keys]
                tops.append(g.top * min(1.0, max(others, default=1.0)))
        kept = [trace.contributions[use] for use in uses if len(uses) > 1]
        tops += [x.top for x in map(self.known, kept) if x is not None]
        return 4.0 * float(np.finfo(node.dtype).eps) * max(tops)

    def known(self, kept: Any) -> Summary | None:
        """The summary of what the trace kept, made once."""
        if isinstance(kept, np.ndarray) and id(kept) not in self.summaries:
            self.summaries[id(kept)] = summarise(kept)
        return self.summaries.get(id(kept)) or summary(kept)

    def value(self, key: Key) -> Summary:
        if not isinstance(key, Node):
            return self.record(key).value
        found = self.known(self.trace.values[key])
        assert found is not None
        return found

    def operation(self, node: Node) -> Operation:
        return Operation(
            self.ids.operations[node], node.op.name, self.trace.steps.get(node),
            node.changed_options,
            {i: x.value for i, x in enumerate(node.operands)
             if x.kind == "number" and x.value is not None},
            tuple(x.parameter for x in node.operands),
            node.op.infix[0] if node.op.infix else "", phrase_of(node),
            bool(node.op.view) or node.op.notation == "element",
        )  # fmt: skip

    def closed_group(self, group: Group) -> ClosedGroup:
        """A group as one node, with what of it is in focus."""
        nodes = [node for node in group.nodes() if self.in_focus(node)]
        own, uses = set(nodes), self.trace.nesting.uses
        results = [
            replace(self.record(node), inside=self.flow(group, node))
            for node in nodes
            if node in self.outputs or any(op not in own for op, _ in uses.get(node, ()))
        ]
        given = [x.key for node in nodes for x in node.operands if x.kind != "number"]
        inside = set(group.nodes())
        inputs = dict.fromkeys(x for x in given if x not in inside and not self.belongs(x, group))
        walked = [self.trace.steps[node] for node in nodes if node in self.trace.steps]
        return ClosedGroup(
            group.id, group.name, group.kind, group.path(), group.count, group.shared, len(nodes),
            (min(walked), max(walked)) if walked else None,
            tuple((self.ids.tensors[key], *self.name_and_shape(key)) for key in inputs),
            tuple(results), tuple(map(self.record, self.leaves(group))), self.strip(group),
        )  # fmt: skip

    def strip(self, group: Group) -> tuple[tuple[str, float | None], ...]:
        """What a row of operations does, and their gains; nothing of groups that are none."""
        nodes = [x for x in group.parts if isinstance(x, Node) and self.in_focus(x)]
        plain = group.kind in ("chain", "step") and len(nodes) == len(group.parts)
        if not plain or not all(map(self.alone_on, nodes[1:], nodes)):
            return ()
        before = [nodes[0].predecessors[0], *nodes]
        return tuple((phrase_of(x), self.gain(x, p)) for x, p in zip(nodes, before, strict=False))

    def alone_on(self, node: Node, p: Node) -> bool:
        """Whether it is made of one computed tensor, and that of nothing else is."""
        computed = {x for x in node.predecessors if not x.is_leaf}
        return computed == {p} and all(op == node for op, _ in self.trace.nesting.uses[p])

    def gain(self, node: Node, p: Node) -> float | None:
        """‖∂ of its operand p‖ ÷ ‖∂ of its result‖; None if not known."""
        g = summary(self.trace.gradients.get(node))
        uses = [(node, i) for i, x in enumerate(node.operands) if x.node == p]
        flow = summary(self.trace.contributions.get(uses[0]))
        if len(uses) > 1:  # of x · x the gradient is the sum, known if nothing else uses x
            alone = len(uses) == len(self.trace.nesting.uses[p])
            flow = summary(self.trace.gradients.get(p)) if alone else None
        return flow.norm / g.norm if flow is not None and g is not None and g.norm else None

    def leaves(self, group: Group) -> list[Key]:
        """The leaves and constants that a group alone uses, as they are used first."""
        given = [x.key for node in group.nodes() if self.in_focus(node)
                 for x in node.operands if x.kind != "number"]  # fmt: skip
        return [key for key in dict.fromkeys(given) if self.belongs(key, group)]

    def belongs(self, key: Key, group: Group) -> bool:
        """Whether a leaf or constant is used in a group alone."""
        groups = self.trace.nesting.group_of
        return not is_computed(key) and key in groups and group in groups[key].around()

    def name_and_shape(self, key: Key) -> tuple[str | None, tuple[int, ...]]:
        what: Node | Operand = key if isinstance(key, Node) else self.ids.constants[key]
        return what.name, what.shape

    def flow(self, group: Group | None, node: Node) -> Summary | None:
        """What the uses of a node in a group that are in focus add to its gradient, if they do.

        None stands for all uses that are not in focus.
        """
        if (group, node) not in self.flows:
            self.flows[group, node] = summary(self.kept_flow(group, node))
        return self.flows[group, node]

    def kept_flow(self, group: Group | None, node: Node) -> Any:
        trace = self.trace
        if (group, node) in trace.borders:
            return trace.borders[group, node]
        uses = [
            (op, i)
            for op, i in trace.nesting.uses.get(node, ())
            if self.in_focus(op) == (group is not None)
            and (group is None or group in trace.nesting.group_of[op].around())
        ]
        if len(uses) == 1:
            return trace.contributions.get(uses[0])
        alone = len(uses) == len(trace.nesting.uses.get(node, ())) and node not in trace.seeds
        return trace.gradients.get(node) if uses and alone and node not in trace.hooked else None

    def latest(self, uses: list[Use]) -> Summary | None:
        """The sum of contributions after the last of some uses: the walk goes back in time."""
        last = min(uses, key=lambda use: (use[0].seq, -use[1]))
        return summary(self.trace.running.get(last))

    def share(self, uses: list[Use]) -> float | None:
        """Which part of a tensor's gradient some uses of it make."""
        known = [self.trace.shares.get(use) for use in uses]
        return None if None in known or not known else sum(x for x in known if x is not None)

    def norms(self, uses: list[Use]) -> tuple[float | None, ...]:
        """The norm of what each of some uses adds to a tensor's gradient."""
        known = (summary(self.trace.contributions.get(use)) for use in uses)
        return tuple(None if x is None else x.norm for x in known)

    def steps_of(self, uses: list[Use]) -> tuple[int, ...]:
        steps = self.trace.steps
        return tuple(sorted({steps[op] for op, _ in uses if op in steps}))


def summary(x: Any) -> Summary | None:
    """The summary of what a trace kept of an array, if it did."""
    return x if x is None or isinstance(x, Summary) else summarise(x)
