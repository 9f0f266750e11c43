"""What is wrong with a pass: vanishing gradients, dead units, the origin of a NaN."""

from __future__ import annotations

from viz.diagnosis.report import Health, differentiable, health, traced

__all__ = ["Health", "differentiable", "health", "traced"]
