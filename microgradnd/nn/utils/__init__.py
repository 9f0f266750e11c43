"""What PyTorch has in `torch.nn.utils`: gradients within bounds, weights written otherwise, ..."""

from typing import TYPE_CHECKING

from microgradnd import errors
from microgradnd.nn.utils import rnn
from microgradnd.nn.utils.weights import (
    remove_spectral_norm,
    remove_weight_norm,
    spectral_norm,
    weight_norm,
)
from microgradnd.optim.regularization import clip_grad_norm_, clip_grad_value_
from microgradnd.parameters import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "remove_spectral_norm",
    "remove_weight_norm", "rnn", "spectral_norm", "vector_to_parameters", "weight_norm",
]  # fmt: skip

if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__)
