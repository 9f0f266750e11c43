"""The hunt for NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from zlib import crc32

import numpy as np

from microgradnd import errors
from microgradnd.grad_mode import observed
from microgradnd.node import Node, reachable
from microgradnd.testing.lines import calling_line


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raises where a NaN first appears, forward or backward, naming the op and its line.

    Every operation inside remembers the file and line that called it (`node.notes["where"]`). The
    error knows the operation, so that `viz.health(error)` can tell the way to it. Checksums of what
    operations saved find writes through bare NumPy arrays, too. Slow: for debugging.

    >>> from microgradnd import Tensor
    >>> with detect_anomaly(), np.errstate(invalid="ignore"):
    ...     Tensor([-1.0], requires_grad=True).log()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    microgradnd.errors.AnomalyError: log gave NaN from operands without NaN, at ...
    """

    def after_forward(node: Node, out: np.ndarray) -> None:
        node.note()["where"] = where = calling_line()
        node.note()["checksums"] = _checksums(node)
        if np.isnan(out).any():
            node.note()["nan"] = True
            if not any(_has_nan(p) for p in node.parents):
                text = f"{node.op.name} gave NaN from operands without NaN, at {where}"
                raise errors.AnomalyError(text, node, where=where)

    def watch(seeds: Sequence[tuple[Node, Any]]) -> Callable[[Node, int | None, Any], None]:
        for node in reachable(node for node, _ in seeds)[0]:
            for k, before, now in zip(
                node.plan.save, node.note().get("checksums", ()), _checksums(node)
            ):
                if before != now:
                    raise errors.stale(node.op, k, node)

        def after_rule(node: Node, i: int | None, contribution: Any) -> None:
            if i is not None and np.isnan(getattr(contribution, "_array", contribution)).any():
                where = (node.notes or {}).get("where", "(computed outside detect_anomaly)")
                text = f"the gradient of operand {node.op.operand(i)!r} of {node.op.name} is NaN"
                text += f"; the forward pass computed it at {where}"
                raise errors.AnomalyError(text, node, i, where, seeds)

        return after_rule

    with observed(after_forward, watch):
        yield


def _checksums(node: Node) -> list[int | None]:
    """A number for each array that a node saved, which changes when one of its elements does."""
    saved = () if node.saved is None else node.plan.unpacked(node.saved)
    return [crc32(x.tobytes()) if isinstance(x, np.ndarray) else None for x in saved]


def _has_nan(operand: Any) -> bool:
    if isinstance(operand, Node):
        notes = operand.notes or {}
        return bool(notes.get("nan")) or (operand.plan is None and _has_nan(operand.saved))
    return bool(np.isnan(getattr(operand, "value", operand)).any())
