"""Pictures of what a computation did and of the gradients that flow back through it."""

from __future__ import annotations

from microgradnd.program import Program
from viz import notebook
from viz.capture.trace import Trace, trace
from viz.diagnosis import Health, health
from viz.formulas.formulas import Formula, formula
from viz.formulas.programs import numpy_program
from viz.model.marks import Mark
from viz.picture import Picture, draw
from viz.reports.compare import Comparison, compare
from viz.reports.explanation import Explanation, explain
from viz.reports.film import Film, film
from viz.reports.gradient_graph import gradient_graph, gradient_trace
from viz.reports.neurons import Neurons, neurons
from viz.reports.paths import Path, Paths, paths

notebook.register()

__all__ = [
    "Comparison",
    "Explanation",
    "Film",
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
    "film",
    "formula",
    "gradient_graph",
    "gradient_trace",
    "health",
    "neurons",
    "numpy_program",
    "paths",
    "trace",
]


def __dir__() -> list[str]:
    return sorted(__all__)
