"""The operations: derivative tables, one file per family."""

from microgradnd.ops import (  # noqa: F401 - they declare themselves
    activations,
    convolution,
    cumulative,
    einsum,
    elementwise,
    indexing,
    linalg,
    losses,
    more_activations,
    normalization,
    ordering,
    padding,
    pooling,
    rearranging,
    recurrent,
    reduction,
    selecting,
    shape,
    softmax,
    special,
)
