"""Where boxes go and edges run."""

from __future__ import annotations

from viz.layout.placing import Box, Frame, Layout, LayoutError, Link, layout

__all__ = ["Box", "Frame", "Layout", "LayoutError", "Link", "layout"]
