"""What is known of an operation besides its rules, by its traits.

A trait that the operation's row declares comes first; `TRAITS` has the rest until rows declare it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# By trait and value, the operations:
# elementwise: each element of the result depends on one element of each operand (ufuncs do so).
# view: the elements of its operand in another arrangement; permutes: it only exchanges axes.
# contraction: sums of products, a matrix product or a convolution.
# keeps_channels: axis 1 is the axis of channels of the result, and of its operand if it has one.
# discrete: the slope is 0 wherever there is one.
# saturates: (lower, upper) the levels at which the slope is 0, None where there is none; or a
#     function of the options that gives them.
# singular: the operand at whose zeros the result or a slope is not finite.
# activation: what one calls the function of a layer.
# truths: the operand that holds truth values.
_BY_TRAIT: dict[str, dict[Any, str]] = {
    "elementwise": {
        True: "sigmoid relu round leaky_relu clip where astype erf step silu gaussian softplus elu "
        "gelu hardtanh"
    },
    "view": {True: "reshape transpose swapaxes expand_dims squeeze broadcast_to getitem astype"},
    "permutes": {True: "transpose swapaxes"},
    "contraction": {
        True: "matmul einsum einsum2 conv2d conv2d_bias conv2d_input conv2d_weight",
    },
    "keeps_channels": {
        True: "conv2d conv2d_bias conv2d_input normalize max_pool2d avg_pool2d avg_pool2d_input "
        "pad",
    },
    "discrete": {True: "sign floor ceil round step"},
    "saturates": {
        (0.0, None): "relu",
        (0.0, 1.0): "sigmoid",
        (-1.0, 1.0): "tanh",
        lambda options: (0.0, None) if options["nonlinearity"] == "relu" else (-1.0, 1.0): (
            "rnn_sequence"
        ),
    },
    "singular": {"x": "log sqrt reciprocal power", "y": "divide"},
    "activation": {
        True: "elu erf gaussian gelu hardtanh leaky_relu log_softmax relu sigmoid silu sin softmax "
        "softplus step tanh"
    },
    "truths": {"condition": "where"},
}
TRAITS: dict[str, dict[str, Any]] = {}
for _trait, _values in _BY_TRAIT.items():
    for _value, _names in _values.items():
        for _name in _names.split():
            TRAITS.setdefault(_name, {})[_trait] = _value


def trait(op: Any, name: str, default: Any = None) -> Any:
    """A trait of an operation, or of a NumPy function; the default if it has none of the name.

    >>> trait(np.tanh, "saturates"), trait(np.tanh, "elementwise"), trait(np.sum, "view", False)
    ((-1.0, 1.0), True, False)
    """
    declared = getattr(op, "traits", {})
    if name in declared:
        return declared[name]
    function = getattr(op, "forward", op)
    if name == "elementwise" and isinstance(function, np.ufunc):
        return function.signature is None
    called = str(getattr(op, "name", None) or getattr(op, "__name__", ""))
    return TRAITS.get(called, {}).get(name, default)
