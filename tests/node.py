"""Runs modules of the page in node: that on the PATH, else the one that playwright carries."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from viz.page import _scoped


def node() -> str | None:
    """Where node is."""
    found = find_spec("playwright")
    carried = Path(found.origin).parent / "driver" / "node" if found and found.origin else Path()
    return shutil.which("node") or (str(carried) if carried.is_file() else None)


needs_node = pytest.mark.skipif(node() is None, reason="no node, on the PATH or in playwright")


def run(modules: Sequence[str], program: str, data: Any = None) -> Any:
    """What the body of a function of `data` returns after the page's modules, by way of JSON.

    A module is the constant `of_NAME`, in a folder `of_FOLDER_NAME`, as in the page.
    """
    binary = node()
    assert binary is not None
    script = f""""use strict";
{"".join(map(_scoped, modules))}
const run = (data) => {{{program}}};
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(run(given) ?? null));
"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.cjs"
        path.write_text(script, encoding="utf-8")
        ended = subprocess.run(
            [binary, str(path)], input=json.dumps(data), capture_output=True, encoding="utf-8"
        )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout)
