"""What is taken of a line, and how far things reach beside it, in times that hardly grow."""

from __future__ import annotations

from bisect import bisect_right, insort
from math import inf
from operator import itemgetter

Span = tuple[float, float]  # begin and end, which it includes


class Taken:
    """Spans of a line that do not meet."""

    __slots__ = ("spans",)

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def add(self, begin: float, end: float) -> None:
        insort(self.spans, (begin, end))

    def until(self, at: float) -> float:
        """Where the last of those that begin up to a place ends."""
        k = bisect_right(self.spans, at, key=itemgetter(0))
        return self.spans[k - 1][1] if k else -inf

    def is_free(self, begin: float, end: float) -> bool:
        return self.until(end) < begin


class Skyline:
    """Heights of cells in a row, which only grow: a tree of them, in an array.

    The height of a cell is the greatest `floor` of its node and of those above it; `best` is the
    greatest height that raises within a node have led to.
    """

    def __init__(self, cells: int, height: float) -> None:
        self.cells = cells
        self.floor = [height] * (2 * cells)
        self.best = [height] * (2 * cells)

    def _cover(self, first: int, last: int) -> list[int]:
        """The nodes that are the cells from `first` to `last` together."""
        out = []
        low, high = first + self.cells, last + self.cells + 1
        while low < high:
            if low & 1:
                out.append(low)
                low += 1
            if high & 1:
                high -= 1
                out.append(high)
            low >>= 1
            high >>= 1
        return out

    def highest(self, first: int, last: int) -> float:
        """The greatest height of the cells from `first` to `last`."""
        out = max([self.best[node] for node in self._cover(first, last)])
        for cell in {first, last}:
            node = cell + self.cells
            while node:
                if self.floor[node] > out:
                    out = self.floor[node]
                node >>= 1
        return out

    def lift(self, first: int, last: int, height: float) -> None:
        """Lifts the cells from `first` to `last` that are lower to a height."""
        for node in self._cover(first, last):
            self.floor[node] = max(self.floor[node], height)
            self.best[node] = max(self.best[node], height)
        for cell in (first, last):
            node = (cell + self.cells) >> 1
            while node and self.best[node] < height:
                self.best[node] = height
                node >>= 1
