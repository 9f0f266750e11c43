"""The gallery in the repository is what the code draws now, and drawing it touches none of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from examples.gallery.__main__ import HERE, main
from examples.gallery.pictures import GALLERY

NUMBER = re.compile(r"(?<![#\w])[-−+]?\d[\d,]*(?:\.\d+)?(?:e[-−+]?\d+)?")
Said = tuple[str, list[float]]  # words and attributes, and the numbers taken out of them


def test_drawing_leaves_the_repository_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in HERE.iterdir() if path.is_file()}
    main(["neuron"])
    assert (tmp_path / "out" / "gallery" / "neuron.svg").exists()
    assert {path: path.read_bytes() for path in HERE.iterdir() if path.is_file()} == before


def test_an_update_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    drawn: list[Path] = []
    keep = lambda picture, path: drawn.append(path) or HERE / "neuron.svg"
    monkeypatch.setattr("viz.Neurons.save", keep)
    main(["neuron", "--update"])
    assert drawn == [HERE / "neuron.svg"]


def test_every_picture_in_the_repository_is_drawn_by_the_code() -> None:
    assert {path.stem for path in HERE.glob("*.svg")} == set(GALLERY)


@pytest.mark.parametrize("name", GALLERY)
def test_a_committed_picture_is_what_the_code_draws_now(name: str, tmp_path: Path) -> None:
    """But for the last digits, which depend on the processor's matrix product."""
    main([name, "--out", str(tmp_path)])
    now, committed = (list(said(folder / f"{name}.svg")) for folder in (tmp_path, HERE))
    cure = f"draw it anew: python -m examples.gallery {name} --update"
    assert [words for words, _ in now] == [words for words, _ in committed], cure
    for (words, x), (_, y) in zip(now, committed, strict=True):
        assert x == pytest.approx(y, rel=2e-3, abs=1e-6), f"{words}: {cure}"


def said(path: Path) -> Iterator[Said]:
    """Each element of a picture: its tag, id, words and data; where it lies is left out."""
    for element in ElementTree.parse(path).getroot().iter():
        data = [f"{key}={x}" for key, x in element.items() if key.startswith("data-")]
        text = " ".join([element.tag, *data, (element.text or "").strip()])
        yield NUMBER.sub("#", text), [spelled(x[0]) for x in NUMBER.finditer(text)]


def spelled(number: str) -> float:
    return float(number.replace("−", "-").replace(",", ""))


def test_a_name_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["vgg17"])
    assert "no picture is called 'vgg17': choose from bp_network" in capsys.readouterr().err
