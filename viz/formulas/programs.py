"""The NumPy program of a graph, with each line of the backward pass said as mathematics, too."""

from __future__ import annotations

from typing import Any

from microgradnd import Tensor, program
from microgradnd.graph import checked
from microgradnd.program import simplified
from viz.formulas import mathematics
from viz.style.kinds import GRADIENT, LOSS


@checked(loss=LOSS, gradient=GRADIENT)
def numpy_program(loss: Tensor, gradient: Any = None) -> program.Program:
    """The forward and backward pass of a graph as a NumPy program that needs nothing else.

    See `microgradnd.program.numpy_program`; here the formula of each line of the backward pass
    stands above it.

    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> print(numpy_program((x * x).sum().named("y")))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def forward_backward(x):
        # forward
        multiply1 = x * x  # (2,)
        y = multiply1.sum()  # ()
    <BLANKLINE>
        # backward
        d_y = np.float64(1.0)
        # ∂y/∂multiply1 = ∂y/∂y·𝟏_{2}
        d_multiply1 = np.broadcast_to(d_y, (2,))
        d_x = np.zeros_like(x)
        # ∂y/∂x += ∂y/∂multiply1 ⊙ x
        d_x += d_multiply1 * x
        # ∂y/∂x += ∂y/∂multiply1 ⊙ x
        d_x += d_multiply1 * x
    <BLANKLINE>
        return y, {"x": d_x}
    """
    return program.numpy_program(loss, gradient, lambda x: mathematics.text(simplified(x)))
