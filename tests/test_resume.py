"""A training that was killed halfway ends, resumed, in the same bits as one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from microgradnd import io

ROOT = Path(__file__).parents[1]


def run(*arguments: object) -> int:
    command = [sys.executable, "-m", "tests.resumed_program", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, timeout=120).returncode


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_training_resumes_bit_for_bit(tmp_path: Path) -> None:
    assert run(tmp_path / "a.npz", tmp_path / "whole.npz") == 0
    # four batches an epoch: batch 15 lies in the middle of the fourth epoch
    assert run(tmp_path / "b.npz", tmp_path / "none.npz", 15) == -signal.SIGKILL
    assert not (tmp_path / "none.npz").exists()
    assert len(io.load(tmp_path / "b.npz")["history"]) == 3
    assert run(tmp_path / "b.npz", tmp_path / "resumed.npz") == 0
    whole, resumed = io.load(tmp_path / "whole.npz"), io.load(tmp_path / "resumed.npz")
    assert whole["history"] == resumed["history"]
    assert whole["net"].keys() == resumed["net"].keys()
    for path, array in whole["net"].items():
        assert np.array_equal(array, resumed["net"][path]), path
    assert np.array_equal(whole["next draws"], resumed["next draws"])
