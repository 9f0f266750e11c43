"""Computations as expressions, and the programs that are written from them."""

from microgradnd.declaration import REQUIRED
from microgradnd.documentation import formula as source_of_rule
from microgradnd.program.expressions import (
    Expression,
    NotSymbolic,
    alike,
    applied,
    assumptions,
    composed,
    computed,
    concrete,
    count,
    evaluate,
    gradients,
    lowered,
    names_of,
    recorded,
    ruled,
    run,
    substitute,
)
from microgradnd.program.javascript import Rows, activations, encoded, is_activation
from microgradnd.program.numpy_programs import Program, numpy_program
from microgradnd.program.numpy_text import SUBSCRIPTS, SUPERSCRIPTS, NotExpressible, identifier
from microgradnd.program.simplification import Product, core, product_of, simplified

__all__ = [
    "REQUIRED", "SUBSCRIPTS", "SUPERSCRIPTS", "Expression", "NotExpressible", "NotSymbolic",
    "Product", "Program", "Rows", "activations", "alike", "applied", "assumptions", "composed",
    "computed", "concrete", "core", "count", "encoded", "evaluate", "gradients", "identifier",
    "is_activation", "lowered", "names_of", "numpy_program", "product_of", "recorded", "ruled",
    "run", "simplified", "source_of_rule", "substitute",
]  # fmt: skip
