"""Checks against finite differences, and the hunt for NaN."""
