"""Two passes side by side, and what differs."""

from __future__ import annotations

from viz.reports.compare.comparison import Comparison, compare

__all__ = ["Comparison", "compare"]
