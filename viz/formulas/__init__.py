"""What a graph computes, to read: formulas, derivations, path sums and plain NumPy programs."""

from __future__ import annotations

from viz.formulas.explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
