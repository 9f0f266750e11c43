"""Networks as circles and weighted connections, and a unit product by product."""

from __future__ import annotations

from viz.reports.neurons.network import Neurons, neurons

__all__ = ["Neurons", "neurons"]
