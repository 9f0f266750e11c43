"""The SVG writer and the strokes it draws with."""
