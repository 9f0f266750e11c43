"""The program that `test_resume.py` kills: tests.resumed_program CHECKPOINT OUT [KILL_AT]."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np

from microgradnd import io, nn, optim
from microgradnd.data import ArrayDataset, DataLoader
from microgradnd.nn.functional import cross_entropy
from microgradnd.random import generator
from microgradnd.training import EarlyStopping, accuracy, fit


def main(checkpoint: str, out: str, kill_at: int | None = None) -> None:
    """Trains six epochs; kills itself, without a word, in the loss of batch number `kill_at`."""
    random = np.random.default_rng(0)
    x = random.standard_normal((60, 4))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 2))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    loader = DataLoader(ArrayDataset(x, y), 16, shuffle=True, rng=np.random.default_rng(5))
    batches = 0

    def loss(prediction, target):
        nonlocal batches
        batches += net.training
        if batches == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return cross_entropy(prediction, target)

    history = fit(
        net, loss, optimizer, loader, epochs=6, validation=[(x, y)], metrics={"acc": accuracy},
        schedule=optim.StepLR(optimizer, 2, 0.5), callbacks=[EarlyStopping(patience=9)],
        progress=False, checkpoint=checkpoint, resume=True,
    )  # fmt: skip
    columns = history.to_dict()
    del columns["seconds"]
    drawn = generator().random(3)
    io.save(out, {"net": net.state_dict(), "history": columns, "next draws": drawn})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else None)
