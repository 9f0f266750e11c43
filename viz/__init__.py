"""Pictures of what a computation did and of the gradients that flow back through it."""

from __future__ import annotations

from viz.explain import Explanation, explain
from viz.formulas import Formula, formula
from viz.neurons import Neurons, neurons
from viz.numpy_program import Program, numpy_program
from viz.paths import Path, Paths, paths
from viz.picture import Picture, draw
from viz.trace import Trace, trace

__all__ = [
    "Explanation",
    "Formula",
    "Neurons",
    "Path",
    "Paths",
    "Picture",
    "Program",
    "Trace",
    "draw",
    "explain",
    "formula",
    "neurons",
    "numpy_program",
    "paths",
    "trace",
]
