"""A LeNet-style network (C8) reads handwritten digits: python -m examples.lenet [--out DIR].

scikit-learn's digits are 8 × 8 pixels, so the filters are 3 × 3 instead of 5 × 5 and the border is
padded: conv 20, pool, conv 50, pool, fully connected 200 - 500 - 10, as the chapter's network but
for the sizes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from microgradnd import nn, optim
from microgradnd.data import ArrayDataset, DataLoader
from microgradnd.nn.functional import cross_entropy
from microgradnd.nn.summaries import summary
from microgradnd.training import History, accuracy, fit

EPOCHS = 30


def lenet(rng: np.random.Generator) -> nn.Sequential:
    """The network; x is (N, 1, 8, 8), float32."""
    options: dict[str, Any] = {"rng": rng, "dtype": np.float32}
    return nn.Sequential(
        nn.Conv2d(1, 20, 3, padding=1, **options),  # (N, 20, 8, 8)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 20, 4, 4)
        nn.Conv2d(20, 50, 3, padding=1, **options),  # (N, 50, 4, 4)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 50, 2, 2)
        nn.Flatten(),  # (N, 200)
        nn.Linear(200, 500, **options),
        nn.ReLU(),
        nn.Dropout(0.5, rng=rng),
        nn.Linear(500, 10, **options),
    )


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and test images (N, 1, 8, 8) in 0..1, and their classes; the BP network's split."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    x = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    return train_test_split(x, labels, test_size=450, random_state=0, stratify=labels)


def shifted(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image moved by up to one pixel: more to learn from."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows = rng.integers(0, 3, (len(x), 1)) + np.arange(8)
    columns = rng.integers(0, 3, (len(x), 1)) + np.arange(8)
    number = np.arange(len(x))[:, None, None]
    return padded[:, 0][number, rows[:, :, None], columns[:, None, :]][:, None]


def run(epochs: int = EPOCHS, progress: bool = True) -> tuple[nn.Sequential, History]:
    rng = np.random.default_rng(0)
    x, x_test, y, y_test = digits()
    model = lenet(rng)
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    schedule = optim.CosineAnnealingLR(optimizer, epochs)
    data = ArrayDataset(x, y, transform=lambda images: shifted(images, rng))
    loader = DataLoader(data, 32, shuffle=True, rng=rng)
    history = fit(
        model, cross_entropy, optimizer, loader, epochs, validation=[(x_test, y_test)],
        metrics={"accuracy": accuracy}, schedule=schedule, progress=progress,
    )  # fmt: skip
    return model, history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the curves")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    print(summary(lenet(np.random.default_rng(0)), (1, 1, 8, 8), dtype=np.float32))
    start = time.perf_counter()
    _, history = run()
    seconds = time.perf_counter() - start
    print(f"accuracy on 450 test images: {history[-1]['val_accuracy']:.2%} in {seconds:.0f} s")
    import matplotlib

    matplotlib.use("Agg")
    history.plot().savefig(out / "lenet.png", dpi=120)
    print(out / "lenet.png")


if __name__ == "__main__":
    main()
