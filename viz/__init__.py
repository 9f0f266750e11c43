"""Pictures of what a computation did and of the gradients that flow back through it."""

from __future__ import annotations

from viz import notebook
from viz.compare import Comparison, compare
from viz.explain import Explanation, explain
from viz.explain.formulas import Formula, formula
from viz.explain.numpy_program import Program, numpy_program
from viz.explain.paths import Path, Paths, paths
from viz.gradient_graph import gradient_graph, gradient_trace
from viz.health import Health, health
from viz.marks import Mark
from viz.neurons import Neurons, neurons
from viz.picture import Picture, draw
from viz.trace import Trace, trace

notebook.register()

__all__ = [
    "Comparison",
    "Explanation",
    "Formula",
    "Health",
    "Mark",
    "Neurons",
    "Path",
    "Paths",
    "Picture",
    "Program",
    "Trace",
    "compare",
    "draw",
    "explain",
    "formula",
    "gradient_graph",
    "gradient_trace",
    "health",
    "neurons",
    "numpy_program",
    "paths",
    "trace",
]
