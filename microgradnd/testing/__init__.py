"""Checks against finite differences, the hunt for NaN, and which line computed what."""

from typing import TYPE_CHECKING

from microgradnd import errors
from microgradnd.testing.anomaly import detect_anomaly
from microgradnd.testing.differences import GradientMismatch, gradcheck, gradgradcheck
from microgradnd.testing.lines import source_lines

__all__ = ["GradientMismatch", "detect_anomaly", "gradcheck", "gradgradcheck", "source_lines"]

if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__)
