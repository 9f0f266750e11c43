"""JavaScript of the page, run outside of a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import viz

_PAGE = Path(viz.__file__).parent / "page"


@cache
def executable() -> str:
    """Node: the machine's own, else the one that comes with playwright."""
    found = shutil.which("node")
    if found is None:
        import playwright

        found = str(Path(playwright.__file__).parent / "driver" / "node")
    return found


@cache
def _modules() -> Path:
    """The page's modules in a folder that node takes for modules."""
    folder = Path(mkdtemp(prefix="page-"))
    shutil.copytree(_PAGE, folder / "page", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def run(script: str, given: Any = None) -> Any:
    """What a script prints as JSON; it imports from "./page/…" and finds `given`.

    >>> run("console.log(JSON.stringify(given.x + 1))", {"x": 2})
    3
    """
    head = "import { readFileSync } from 'node:fs';\nconst given = JSON.parse(readFileSync(0));\n"
    file = _modules() / f"script-{abs(hash(script))}.js"
    file.write_text(head + script)
    done = subprocess.run(
        [executable(), str(file)], input=json.dumps(given), capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(done.stderr[-3000:])
    return json.loads(done.stdout)
