"""python -m viz runs a script as it is and draws its backward calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from microgradnd import Tensor
from viz import cli, draw

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
    said = "python -m viz: --epochs 3 data.csv goes to train.py\n"
    assert (done.returncode, done.stderr) == (0, said)
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
    done = viz(script, "-o", "x.json", "--", "train.py", "--fail")
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
        ([], "which script?"),
    ],
)
def test_what_cannot_be_done_is_said(script: Path, words: list[str], said: str) -> None:
    done = viz(script, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train.py", "-o", "x.jpg"], "cannot save a picture as 'x.jpg'"),
        (["train.py", "-o", "x.svg", "--format", "png"], "but the output is 'x.svg'"),
        (["train.py", "--format", "jpg"], "invalid choice: 'jpg'"),
        (["train.py", "-o", "helper.py/x.svg"], "helper.py is in the way"),
        (["train.py", "-o", "folder.svg", "--format", "gif"], "invalid choice: 'gif'"),
        (["train.py", "--call", "0"], "--call counts from 1"),
        (["train.py", "--call", "first"], "--call first: wanted are numbers"),
        (["train.py", "--steps", "1,0"], "--steps counts from 1"),
        (["train.py", "--step", "-1"], "--step -1: it counts from 0"),
        (["train.py", "--fold", "layers"], "--fold 'layers' is unknown: one of auto, all"),
        (["--which", "2", "train.py"], "no option --which; those of the script stand behind"),
        (["--calls", "2", "train.py"], "no option --calls (did you mean --call?)"),
    ],
)
def test_what_makes_no_sense_is_said_before_the_script_is_run(
    script: Path,
    words: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(script.parent)
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert said in err


def test_what_goes_to_the_script_is_told_unless_it_stands_behind_a_bare_dash_dash(
    script: Path,
) -> None:
    assert viz(script, "train.py", "--which", "2").stderr == (
        "python -m viz: --which 2 goes to train.py\n"
    )
    assert viz(script, "train.py", "--theem", "dark").stderr == (
        "python -m viz: --theem dark goes to train.py (did you mean --theme?)\n"
    )
    assert viz(script, "--", "train.py", "--which", "2").stderr == ""


def test_a_picture_is_there_as_soon_as_its_call_was_made(script: Path) -> None:
    looking = 'print("then", *pathlib.Path().glob("*.svg"))\nif "--fail"'
    script.write_text("import pathlib\n" + SCRIPT.replace('if "--fail"', looking))
    done = viz(script, "train.py", "--call", "2", "-o", "x.svg")
    lines = done.stdout.splitlines()
    assert lines[-2:] == ["x.svg: backward call 2, loss = 0.16", "then x.svg"]


def test_a_folder_gets_a_file_of_the_script_s_name(script: Path) -> None:
    (script.parent / "pictures").mkdir()
    done = viz(script, "train.py", "-o", "pictures", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert title(script.parent / "pictures" / "train.json") == "loss = 4"
    assert viz(script, "train.py", "-o", "new/").returncode == 0
    assert (script.parent / "new" / "train.html").exists()


def test_the_picture_goes_where_the_command_stands_even_if_the_script_moves(script: Path) -> None:
    script.write_text("import os\nos.mkdir('elsewhere')\nos.chdir('elsewhere')\n" + SCRIPT)
    assert viz(script, "train.py", "-o", "x.json").returncode == 0
    assert (script.parent / "x.json").exists()


def test_the_last_call_is_drawn_as_it_was_though_its_leaves_have_changed_since(
    script: Path,
) -> None:
    assert viz(script, "train.py", "--call", "3", "-o", "x.json").returncode == 0
    assert viz(script, "train.py", "--call", "-1", "-o", "y.json").returncode == 0
    one, other = (json.loads((script.parent / f"{x}.json").read_text()) for x in "xy")
    assert one == other


def test_only_the_last_call_is_traced_if_only_the_last_is_wanted(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced: list[object] = []
    whole = cli.Recorder
    for module in ("viz.cli", "viz.capture.trace"):
        counted = lambda *given: traced.append(given) or whole(*given)
        monkeypatch.setattr(f"{module}.Recorder", counted)
    monkeypatch.chdir(script.parent)
    assert cli.main(["train.py", "--call", "-1", "-o", "x.json"]) == 0
    assert len(traced) == 1


def test_an_array_that_was_overwritten_before_the_last_call_could_be_drawn_is_told(
    script: Path,
) -> None:
    script.write_text(
        "import numpy as np\n"
        "from microgradnd import Tensor\n"
        "w, x = Tensor(np.ones(2), requires_grad=True, name='w'), np.ones(2)\n"
        "(w * x).sum().backward()\n"
        "x += 1.0\n"
    )
    assert viz(script, "train.py", "--call", "-1", "-o", "x.json").returncode == 0
    assert json.loads((script.parent / "x.json").read_text())["stale"]


def test_every_format_of_a_picture_is_offered(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the suffix must be one of") as raised:
        draw(Tensor(1.0, requires_grad=True)).save(tmp_path / "x.jpg")
    assert set(str(raised.value).split("one of ")[1].split(", ")) == set(cli.FORMATS)


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


def test_a_picture_plays(script: Path) -> None:
    done = viz(script, "train.py", "--animate", "--call", "2")
    assert done.stdout.splitlines()[-1] == "train.svg: backward call 2, loss = 0.16"
    assert "@keyframes" in (script.parent / "train.svg").read_text(encoding="utf-8")
    for words, why in (
        (["-o", "x.png"], "an SVG can play, 'x.png' cannot"),
        (["--style", "records"], "--animate plays a river"),
    ):
        done = viz(script, "--animate", *words, "train.py")
        assert (done.returncode, why in done.stderr) == (2, True)
        assert "args" not in done.stdout  # the script did not run


def test_a_training_is_filmed(script: Path) -> None:
    done = viz(script, "train.py", "--film", "2", "-o", "out/film.json")
    assert done.stdout.splitlines()[-1] == "out/film.json: 2 moments of 3 backward calls"
    contents = json.loads((script.parent / "out/film.json").read_text(encoding="utf-8"))
    assert [m["call"] for m in contents["film"]["moments"]] == [1, 3]
    assert viz(script, "train.py", "--film", "1").returncode == 0
    assert '"film":{' in (script.parent / "train.html").read_text(encoding="utf-8")
    done = viz(script, "train.py", "--film", "1", "--of", "cost", "-o", "none.svg")
    assert done.returncode == 2
    assert "no backward call from a tensor named 'cost'" in done.stderr
    assert not (script.parent / "none.svg").exists()
    done = viz(script, "train.py", "--film", "2", "--fail", "-o", "failed.svg")
    assert done.returncode == 1  # the script's, and what was filmed is there
    assert (script.parent / "failed.svg").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--film", "0"], "--film 0: it counts from 1"),
        (["--film", "2", "--call", "3"], "--call and --film do not go together"),
        (["--film", "2", "--focus", "w"], "--focus and --film do not go together"),
        (["--film", "2", "--health"], "--health and --film do not go together"),
        (["--film", "2", "--fold", "repeats"], "of a film it is auto, all or none"),
        (["--film", "2", "-o", "x.dot"], "a film is saved as .html, .json, .svg, .png, .pdf"),
        (["--of", "loss"], "give --film N, too"),
    ],
)
def test_what_no_film_can_be_is_refused_before_the_script_runs(
    script: Path, words: list[str], why: str
) -> None:
    done = viz(script, *words, "train.py")
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stdout == ""
