"""python -m viz runs a script as it is and draws its backward calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
SCRIPT = """
import sys
import numpy as np
from microgradnd import Tensor
from helper import scale

print("args", *sys.argv[1:], __name__)
w = Tensor(np.eye(2), requires_grad=True, name="w")
for step in range(3):
    loss = ((w @ np.ones(2)) ** 2).sum() * scale
    loss.name = "loss"
    loss.backward()
    w.data = w.data - 0.1 * w.grad.data
    w.grad = None
if "--fail" in sys.argv:
    raise RuntimeError("no data")
if "--exit" in sys.argv:
    sys.exit(7)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text("scale = 2.0\n")
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return path


def viz(script: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, run in the script's folder."""
    return subprocess.run(
        [sys.executable, "-m", "viz", *words], cwd=script.parent, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(HERE), "PYTHONIOENCODING": "utf-8"}, check=False,
    )  # fmt: skip


def title(path: Path) -> str:
    return json.loads(path.read_text(encoding="utf-8"))["title"]


def test_an_unchanged_script_is_run_and_its_first_backward_call_drawn(script: Path) -> None:
    done = viz(script, "train.py", "--epochs", "3", "data.csv", "-o", "out/x.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("args --epochs 3 data.csv __main__\n")
    assert title(script.parent / "out/x.json") == "loss = 4"


def test_without_a_name_the_page_is_called_like_the_script(script: Path) -> None:
    assert viz(script, "train.py").returncode == 0
    assert (script.parent / "train.html").read_text(encoding="utf-8").startswith("<!")
    viz(script, "train.py", "--format", "svg")
    assert "<svg" in (script.parent / "train.svg").read_text(encoding="utf-8")


def test_calls_are_chosen_from_both_ends(script: Path) -> None:
    assert viz(script, "train.py", "--call", "1,-1,-2", "-o", "x.json").returncode == 0
    titles = {path.stem: title(path) for path in script.parent.glob("x-*.json")}
    assert titles == {"x-1": "loss = 4", "x-2": "loss = 0.16", "x-3": "loss = 0.0064"}


def test_calls_are_listed_with_place_and_value(script: Path) -> None:
    done = viz(script, "train.py", "--list")
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()[1:]]
    assert [line[:2] for line in lines] == [[str(n), "train.py:12"] for n in (1, 2, 3)]
    assert lines[1][2] == "loss = 0.16, 4 operations"
    assert sorted(path.name for path in script.parent.iterdir() if path.is_file()) == [
        "helper.py",
        "train.py",
    ]


def test_after_a_bare_dash_dash_everything_is_the_script_s(script: Path) -> None:
    done = viz(script, "-o", "x.json", "--", "train.py", "-o", "weights.npz", "--list")
    assert done.stdout.startswith("args -o weights.npz --list __main__\n")
    assert (script.parent / "x.json").exists()


def test_an_error_of_the_script_is_shown_as_its_own_and_the_call_still_drawn(script: Path) -> None:
    done = viz(script, "train.py", "--fail", "-o", "x.json")
    assert done.returncode == 1
    plain = subprocess.run(
        [sys.executable, "train.py", "--fail"], cwd=script.parent, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(HERE)}, check=False,
    )  # fmt: skip
    assert done.stderr.replace(str(script.parent) + os.sep, "") == plain.stderr.replace(
        str(script.parent) + os.sep, ""
    )
    assert title(script.parent / "x.json") == "loss = 4"


def test_the_script_s_exit_status_is_kept(script: Path) -> None:
    assert viz(script, "train.py", "--exit", "-o", "x.json").returncode == 7


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train.py", "--call", "9"], "made 3 backward calls, and call 9 was asked for"),
        (["other.py"], "there is no script 'other.py'"),
        (["train.py", "--open", "decoder"], "no group is called 'decoder'"),
        (["train.py", "--focus", "v"], "no tensor in the graph is called 'v'; there are 'w'"),
        (["train.py", "-o", "x.jpg"], "cannot save a picture as 'x.jpg'"),
        (["train.py", "--call", "0"], "--call counts from 1"),
        ([], "which script?"),
    ],
)
def test_what_cannot_be_done_is_said(script: Path, words: list[str], said: str) -> None:
    done = viz(script, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_folding_focus_and_steps_are_passed_on(script: Path) -> None:
    rnn = script.parent / "rnn.py"
    rnn.write_text(
        "import numpy as np\n"
        "from microgradnd import Tensor\n"
        "w = Tensor(np.eye(2) * 0.5, requires_grad=True, name='w')\n"
        "h = Tensor(np.ones((1, 2)), name='h0')\n"
        "for _ in range(40):\n"
        "    h = (h @ w + 0.1).tanh()\n"
        "h.sum().backward()\n"
    )
    assert viz(script, "rnn.py", "--steps", "1,-1", "-o", "a.svg").returncode == 0
    drawn = (script.parent / "a.svg").read_text(encoding="utf-8")
    assert 'data-name="step 1"' in drawn
    assert 'data-name="steps 2–39"' in drawn
    assert viz(script, "rnn.py", "--fold", "none", "-o", "b.svg").returncode == 0
    assert (script.parent / "b.svg").read_text(encoding="utf-8").count('"operation"') == 121


def test_anomaly_mode_s_error_is_drawn(script: Path) -> None:
    bad = script.parent / "bad.py"
    bad.write_text(
        "import microgradnd as mg\n"
        "x = mg.Tensor(-1.0, requires_grad=True, name='x')\n"
        "with mg.detect_anomaly():\n"
        "    (mg.sqrt(x) * 2.0).backward()\n"
    )
    done = viz(script, "bad.py", "-o", "x.svg")
    assert done.returncode == 1
    assert "AnomalyError" in done.stderr
    assert 'data-mark="bad"' in (script.parent / "x.svg").read_text(encoding="utf-8")


def test_help_tells_every_option(script: Path) -> None:
    text = viz(script, "--help").stdout
    for option in ("--call", "--list", "--format", "--fold", "--focus", "--open", "-o FILE"):
        assert option in text
    assert "examples:" in text
