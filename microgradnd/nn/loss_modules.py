"""Losses as modules, under PyTorch's names: each calls its function with its options."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, ClassVar

import numpy as np  # noqa: F401 - for the examples

from microgradnd.arguments import (
    ANY,
    CALLABLE,
    KINDS,
    NORM,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    Kind,
    one_number_of,
    optional,
    require,
    whole,
)
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor
from microgradnd.nn.ctc import ctc_loss
from microgradnd.nn.losses import (
    DIVERGENCE,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    first_component_loss,
    gaussian_nll_loss,
    half_squared_error,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)
from microgradnd.nn.margin_losses import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from microgradnd.nn.module import Module

# What the options of the losses are, where no module says otherwise.
_OPTIONS: dict[str, Kind] = KINDS | {
    **dict.fromkeys(["weight", "pos_weight"], ANY),  # arrays, held against the losses' shape
    **{"delta": POSITIVE, "beta": NOT_NEGATIVE, "margin": NUMBER, "blank": whole(0)},
    "distance_function": optional(CALLABLE),
}
_LEGACY = {"size_average", "reduce"}  # PyTorch's before it had `reduction`


class Loss(Module):
    """A loss as a module: calls its function with the options given to the constructor.

    Options that come first in PyTorch's constructor may be given by position.

    >>> MSELoss(reduction="sum")(Tensor([1.0, 3.0]), np.array([0.0, 1.0]))
    Tensor(5.)
    >>> MultiMarginLoss(2, margin=0.5)
    MultiMarginLoss(p=2, margin=0.5)
    """

    function: Callable[..., Tensor]
    leading: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[dict[str, Kind]] = {}

    def __init__(self, *leading: Any, **options: Any) -> None:
        kind = type(self).__name__
        parameters = signature(self.function).parameters.values()
        known = [p.name for p in parameters if p.default is not Parameter.empty]
        if len(leading) > len(self.leading):
            said = ", ".join(self.leading) or "nothing"
            raise TypeError(
                f"{kind}: {len(leading)} arguments by position, which may be {said}; name the "
                f"others: {known}"
            )
        for key, value in zip(self.leading, leading):
            if key in options:
                raise TypeError(f"{kind}: {key} was given twice, by position and by name")
            options[key] = value
        unknown = [key for key in options if key not in known]
        if unknown:
            cure = "; reduction takes their place" if _LEGACY.intersection(unknown) else ""
            raise TypeError(f"{kind}: unknown {unknown}, known are {known}{cure}")
        kinds = _OPTIONS | self.kinds
        for key, value in options.items():
            require(kind, key, value, kinds[key])
        self.options = {key: options[key] for key in known if key in options}

    def forward(self, *operands: TensorLike, **named: TensorLike) -> Tensor:
        return self.function(*operands, **named, **self.options)

    def extra_repr(self) -> str:
        return ", ".join(f"{key}={value!r}" for key, value in self.options.items())


def _module(
    name: str, function: Callable[..., Tensor], leading: str = "", **kinds: Kind
) -> type[Loss]:
    """The class of a loss, under its name; leading options may be given by position."""
    parts = {
        "function": staticmethod(function), "leading": tuple(leading.split()), "kinds": kinds,
        "__doc__": f"As a module: {function.__doc__}", "__module__": __name__,
    }  # fmt: skip
    return type(name, (Loss,), parts)


# fmt: off
HalfSquaredError   = _module("HalfSquaredError", half_squared_error)
FirstComponentLoss = _module("FirstComponentLoss", first_component_loss)
MSELoss            = _module("MSELoss", mse_loss)
L1Loss             = _module("L1Loss", l1_loss)
HuberLoss          = _module("HuberLoss", huber_loss, "reduction delta")
SmoothL1Loss       = _module("SmoothL1Loss", smooth_l1_loss)
PoissonNLLLoss     = _module("PoissonNLLLoss", poisson_nll_loss, "log_input full")
GaussianNLLLoss    = _module("GaussianNLLLoss", gaussian_nll_loss)
BCELoss            = _module("BCELoss", binary_cross_entropy, "weight")
BCEWithLogitsLoss  = _module("BCEWithLogitsLoss", binary_cross_entropy_with_logits, "weight")
NLLLoss            = _module("NLLLoss", nll_loss, "weight")
CrossEntropyLoss   = _module("CrossEntropyLoss", cross_entropy, "weight")
KLDivLoss          = _module("KLDivLoss", kl_div, reduction=DIVERGENCE)
HingeEmbeddingLoss = _module("HingeEmbeddingLoss", hinge_embedding_loss, "margin")
MarginRankingLoss  = _module("MarginRankingLoss", margin_ranking_loss, "margin")
CosineEmbeddingLoss = _module("CosineEmbeddingLoss", cosine_embedding_loss, "margin")
SoftMarginLoss     = _module("SoftMarginLoss", soft_margin_loss)
MultiMarginLoss    = _module("MultiMarginLoss", multi_margin_loss, "p margin weight",
                             p=one_number_of(1, 2))
MultiLabelMarginLoss = _module("MultiLabelMarginLoss", multilabel_margin_loss)
MultiLabelSoftMarginLoss = _module(
    "MultiLabelSoftMarginLoss", multilabel_soft_margin_loss, "weight")
TripletMarginLoss  = _module("TripletMarginLoss", triplet_margin_loss,
                             "margin p eps swap", margin=POSITIVE, p=NORM)
TripletMarginWithDistanceLoss = _module(
    "TripletMarginWithDistanceLoss", triplet_margin_with_distance_loss,
    margin=POSITIVE)
CTCLoss            = _module("CTCLoss", ctc_loss, "blank reduction zero_infinity")
# fmt: on
