"""python -m viz: draws the graphs of a script's backward calls."""

from viz.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
