"""The operations: derivative tables, one file per family."""

from microgradnd.ops import (  # noqa: F401 - they declare themselves
    activations,
    convolution,
    einsum,
    elementwise,
    indexing,
    linalg,
    losses,
    normalization,
    padding,
    pooling,
    recurrent,
    reduction,
    shape,
    softmax,
)
