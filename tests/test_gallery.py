"""The gallery can be drawn anew, and what is committed of it is complete."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from examples.gallery.__main__ import main
from examples.gallery.pictures import GALLERY

FOLDER = Path(__file__).parent.parent / "examples" / "gallery"


def ids(path: Path) -> set[str]:
    root = ElementTree.parse(path).getroot()
    return {e.attrib["data-id"] for e in root.iter() if "data-id" in e.attrib}


@pytest.mark.parametrize("name", GALLERY)
def test_a_picture_drawn_anew_shows_what_the_committed_one_does(name: str, tmp_path: Path) -> None:
    main([name, "--out", str(tmp_path)])
    assert ids(tmp_path / f"{name}.svg") == ids(FOLDER / f"{name}.svg")


def test_a_name_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["vgg17"])
    assert "no picture is called 'vgg17': choose from bp_network" in capsys.readouterr().err
