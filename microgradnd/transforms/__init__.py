"""Functions that differentiate."""
