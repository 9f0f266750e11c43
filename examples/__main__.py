"""Lists the programs, or runs one: python -m examples [NAME ...]."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def programs() -> dict[str, str]:
    """What can be run, by name, each with the first line that it says of itself."""
    files = {path.stem: path for path in HERE.glob("[!_]*.py")}
    files |= {path.parent.name: path for path in HERE.glob("*/__main__.py")}
    found = {}
    for name, path in sorted(files.items()):
        source = path.read_text("utf-8")
        if 'if __name__ == "__main__":' in source:
            found[name] = str(ast.get_docstring(ast.parse(source))).splitlines()[0]
    return found


def main(arguments: list[str]) -> None:
    """Runs the program that is named first, with all other arguments; without one, lists them."""
    known = programs()
    if not arguments or arguments[0] in ("-h", "--help"):
        print("python -m examples NAME, NAME one of:", *known, sep="\n  ")
        return
    name, *rest = arguments
    if name not in known:
        sys.exit(f"no example is called {name!r}: choose from {', '.join(known)}")
    sys.argv = [f"python -m examples {name}", *rest]
    runpy.run_module(f"examples.{name}", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
