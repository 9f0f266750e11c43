"""Pictures of what a computation did and of the gradients that flow back through it."""

from __future__ import annotations

from viz.picture import Picture, draw
from viz.trace import Trace, trace

__all__ = ["Picture", "Trace", "draw", "trace"]
