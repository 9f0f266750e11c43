"""Draws the gallery: python -m examples.gallery [NAME ...] [--out DIR] [--theme auto]."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from examples.gallery import stepper
from examples.gallery.pictures import GALLERY, PLAYING
from viz.style.theme import THEMES

HERE = Path(__file__).parent


def main(arguments: list[str] | None = None) -> None:
    """Saves the pictures as SVG files and prints their sizes and times."""
    options = argparse.ArgumentParser(
        prog="python -m examples.gallery",
        description="Draws the networks of the gallery.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    options.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(GALLERY)}")
    place = options.add_mutually_exclusive_group()
    place.add_argument(
        "--out", type=Path, default=Path("out", "gallery"), metavar="DIR", help="where to"
    )
    place.add_argument(
        "--update", action="store_const", dest="out", const=HERE, default=argparse.SUPPRESS,
        help="draw the pictures that are part of the repository anew, the page's screenshot too",
    )  # fmt: skip
    options.add_argument("--theme", choices=THEMES, default="auto", help="of the pictures")
    given = options.parse_args(arguments)
    unknown = sorted(set(given.names) - set(GALLERY))
    if unknown:
        options.error(f"no picture is called {unknown[0]!r}: choose from {', '.join(GALLERY)}")
    for name in given.names or GALLERY:
        start = time.perf_counter()
        playing = {"animate": True} if name in PLAYING else {}
        saved = GALLERY[name](theme=given.theme).save(given.out / f"{name}.svg", **playing)
        seconds, size = time.perf_counter() - start, saved.stat().st_size / 1024
        print(f"{name:16} {size:7.1f} KiB {seconds:6.2f} s  {saved}")
    if given.out == HERE and not given.names:
        try:
            print(stepper.save(HERE / "stepper.png"))
        except RuntimeError as missing:
            print(f"{missing}: it is left as it was")


if __name__ == "__main__":
    main()
