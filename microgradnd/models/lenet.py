"""The LeNet-style network of the chapter's worked example (C8)."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnd import nn
from microgradnd.arguments import checked
from microgradnd.declaration import TensorLike
from microgradnd.engine import Tensor


class LeNet(nn.Module):
    """Two convolutions with pooling and two fully connected layers, on 28 × 28 images.

    Convolution 5 × 5 to 20 maps, pooling, convolution 5 × 5 to 50 maps, pooling, then
    800 - 500 - 10.

    Shapes: x (N, 1, 28, 28), result (N, classes): logits.
    Source: section 5.3.3 of the chapter; LeCun et al. 1998, whose net is smaller.

    >>> LeNet(rng=np.random.default_rng(0))(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 10)
    """

    @checked()
    def __init__(
        self, classes: int = 10, *, rng: np.random.Generator | None = None, dtype: Any = np.float32
    ) -> None:
        options: dict[str, Any] = {"rng": rng, "dtype": dtype}
        self.conv1 = nn.Conv2d(1, 20, 5, **options)
        self.conv2 = nn.Conv2d(20, 50, 5, **options)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(800, 500, **options)
        self.fc2 = nn.Linear(500, classes, **options)

    def forward(self, x: TensorLike) -> Tensor:
        maps = self.pool(self.relu(self.conv1(x)))  # (N, 20, 12, 12)
        maps = self.pool(self.relu(self.conv2(maps)))  # (N, 50, 4, 4)
        flat = maps.reshape(len(maps), -1)  # (N, 800)
        return self.fc2(self.relu(self.fc1(flat)))  # (N, classes)
