"""What PyTorch has in `torch.nn.utils`: gradients held within bounds, parameters as one vector."""

from microgradnd.optim.regularization import clip_grad_norm_, clip_grad_value_
from microgradnd.parameters import parameters_to_vector, vector_to_parameters

__all__ = ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "vector_to_parameters"]
