"""A computation through its training: the numbers of many backward passes, to slide through."""

from __future__ import annotations

from viz.reports.film.recording import Film, film

__all__ = ["Film", "film"]
