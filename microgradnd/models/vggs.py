"""VGG: deep stacks of 3 × 3 convolutions (Simonyan and Zisserman 2015; fig. 5-22 and 5-23)."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd import nn
from microgradnd.arguments import checked, either, one_number_of, one_of, require, several, whole
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor

# by depth: how many convolutions the five stages have
_COUNTS = {11: (1, 1, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_MAPS = 'a list of maps, whole numbers of at least 1, and "pool"'


class VGG(nn.Module):
    """Convolutions with pooling, then three fully connected layers.

    Args:
        stages: the maps of each convolution, "pool" where the image is halved.
        classes: how many outputs.
        hidden: units of the two hidden fully connected layers.
        dropout: the share of them that is dropped in training.

    Shapes: x (N, 3, H, W) with H, W ≥ 32 (224 in the paper), result (N, classes): logits.
    """

    @checked(hidden=whole(1), stages=several(either(whole(1), one_of("pool")), _MAPS, 1))
    def __init__(
        self,
        stages: tuple[int | str, ...],
        classes: int = 1000,
        *,
        hidden: int = 4096,
        dropout: float = 0.5,
        rng: np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        options: dict[str, Any] = {"rng": rng, "dtype": dtype}
        layers: list[nn.Module] = []
        maps = 3
        for stage in stages:
            if stage == "pool":
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [nn.Conv2d(maps, int(stage), 3, padding=1, **options), nn.ReLU()]
            maps = int(stage)
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(maps * 49, hidden, **options),
            nn.ReLU(),
            nn.Dropout(dropout, rng=rng),
            nn.Linear(hidden, hidden, **options),
            nn.ReLU(),
            nn.Dropout(dropout, rng=rng),
            nn.Linear(hidden, classes, **options),
        )

    def forward(self, x: TensorLike) -> Tensor:
        maps = self.avgpool(self.features(x))  # (N, C, 7, 7)
        return self.classifier(maps.reshape(len(maps), -1))  # (N, classes)


def vgg(depth: int = 16, classes: int = 1000, **options: Any) -> VGG:
    """VGG of 11, 16 or 19 layers.

    Raises:
        ValueError: there is no VGG of that depth.

    >>> vgg(16, 10, hidden=8).features[28]
    Conv2d(512, 512, kernel_size=(3, 3), padding=1)  # 2,359,808 parameters
    """
    require("vgg", "depth", depth, one_number_of(*_COUNTS))
    stages: list[int | str] = []
    for maps, count in zip((64, 128, 256, 512, 512), _COUNTS[depth]):
        stages += [*[maps] * count, "pool"]
    return VGG(tuple(stages), classes, **options)
