"""An LSTM forecasts next year's number of sunspots: python -m examples.sunspots [--out DIR].

The last 60 years are held out. Beside it stand the forecast that nothing changes (persistence) and
a linear autoregression of order 9 fitted to the same years. Four networks that start from
different numbers are averaged; what is left out of training beside the tail only stops it early.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from microgradnd import Tensor, nn, no_grad, optim
from microgradnd.data import ArrayDataset, DataLoader, Standardiser
from microgradnd.nn.functional import mse_loss
from microgradnd.training import EarlyStopping, fit

HELD_OUT = 60  # years, the last ones
WINDOW = 24  # years that a forecast sees: two cycles of the sun
WATCHED = 40  # years before the tail that early stopping watches
ORDER = 9  # of the autoregression, as is usual for this series
HIDDEN = 16
NETWORKS = 4


class Forecaster(nn.Module):
    """An LSTM over the years of a window, and one linear unit on its last state."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.lstm = nn.LSTM(1, HIDDEN, batch_first=True, rng=rng)
        self.out = nn.Linear(HIDDEN, 1, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.lstm(x)  # (N, T, H)
        return self.out(states[:, -1])  # (N, 1)


@dataclass(frozen=True)
class Result:
    """Forecasts of the held-out years by method, and their root mean squared errors."""

    years: np.ndarray
    truth: np.ndarray
    forecasts: dict[str, np.ndarray]

    @property
    def errors(self) -> dict[str, float]:
        difference = {name: x - self.truth for name, x in self.forecasts.items()}
        return {name: float(np.sqrt(np.mean(d * d))) for name, d in difference.items()}


def series() -> tuple[np.ndarray, np.ndarray]:
    """Years and yearly means of the sunspot number, 1700 to 2008 (statsmodels bundles them)."""
    try:
        from statsmodels.datasets import sunspots
    except ImportError as error:
        cure = 'pip install "microgradnd[examples]"'
        raise ImportError(f"the sunspot numbers come with statsmodels: {cure}") from error
    table = sunspots.load_pandas().data
    return table["YEAR"].to_numpy(), table["SUNACTIVITY"].to_numpy()


def windowed(z: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (N, length, 1) and next values (N, 1)."""
    x = np.stack([z[i : i + length] for i in range(len(z) - length)])[..., None]
    return x, z[length:, None]


def autoregression(x: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    """Forecasts of the tail by least squares on the n windows before it."""
    inputs = np.c_[np.ones(len(x)), x[:, -ORDER:, 0]]
    weights = np.linalg.lstsq(inputs[:n], y[:n, 0], rcond=None)[0]
    return inputs[n:] @ weights


def network(x: np.ndarray, y: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Forecasts of the tail by one network, trained on the windows before it."""
    rng = np.random.default_rng(seed)
    model = Forecaster(rng)
    optimizer = optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-4)
    early = n - WATCHED
    loader = DataLoader(ArrayDataset(x[:early], y[:early]), 32, shuffle=True, rng=rng)
    start = time.perf_counter()
    history = fit(
        model, mse_loss, optimizer, loader, 100, validation=[(x[early:n], y[early:n])],
        callbacks=[EarlyStopping(patience=20)], clip=1.0, progress=False,
    )  # fmt: skip
    best = min(history.to_dict()["val_loss"])
    seconds = time.perf_counter() - start
    print(f"network {seed + 1}/{NETWORKS}: {len(history)} epochs, best validation loss {best:.4f}, "
          f"{seconds:.1f} s", flush=True)  # fmt: skip
    with no_grad():
        return model(x[n:]).numpy()[:, 0]


def run() -> Result:
    years, spots = series()
    scale = Standardiser.fit(spots[:-HELD_OUT])
    x, y = windowed(scale(spots), WINDOW)
    n = len(y) - HELD_OUT
    networks = [network(x, y, n, seed) for seed in range(NETWORKS)]
    forecasts = {
        "persistence": x[n:, -1, 0],
        f"AR({ORDER})": autoregression(x, y, n),
        "LSTM": np.mean(networks, axis=0),
    }
    back = {name: scale.inverse(z) for name, z in forecasts.items()}
    return Result(years[-HELD_OUT:], spots[-HELD_OUT:], back)


def plot(result: Result, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(9, 4), layout="constrained")
    axis.plot(result.years, result.truth, color="black", label="observed")
    for name, error in list(result.errors.items())[1:]:
        style = "-" if name == "LSTM" else "--"
        axis.plot(result.years, result.forecasts[name], style, label=f"{name}, RMSE {error:.1f}")
    axis.set(xlabel="year", ylabel="sunspot number", title="Forecast one year ahead, held out")
    axis.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    result = run()
    print(f"root mean squared error over the last {HELD_OUT} years, one year ahead:")
    for name, error in result.errors.items():
        print(f"  {name:12} {error:6.2f}")
    plot(result, out / "sunspots.png")
    print(out / "sunspots.png")


if __name__ == "__main__":
    main()
