"""Computations as expressions, and the programs that are written from them."""
