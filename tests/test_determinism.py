"""The same program gives the same files, byte for byte, in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import hashlib
import numpy as np
import viz
from microgradnd import Tensor, nn

rng = np.random.default_rng(0)
block = lambda: nn.Sequential(nn.Linear(3, 3, rng=rng), nn.Tanh())
net = nn.Sequential(*(block() for _ in range(4)), nn.Linear(3, 2, rng=rng))
h = net(np.ones((2, 3)))
for _ in range(5):
    h = (h * h.sum(axis=1, keepdims=True)).sigmoid()
loss = (h ** 2).sum()
loss.name = 'E <"&'
for options in ({}, {"fold": True}, {"open": "2"}, {"fold": False, "direction": "LR"}):
    picture = viz.draw(loss, **options)
    for make in (picture.svg, picture.json, picture.html, picture.dot):
        print(hashlib.sha256(make().encode()).hexdigest())
print(hashlib.sha256(picture.filmstrip([0, 3]).svg().encode()).hexdigest())
"""


def hashes(seed: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )  # fmt: skip
    return done.stdout.split()


def test_files_do_not_depend_on_the_process() -> None:
    first = hashes("1")
    assert len(first) == 17
    assert len(set(first)) > 12  # different options give different files
    assert hashes("2") == first
