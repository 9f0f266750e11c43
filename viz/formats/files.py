"""Saving what was drawn: the suffix names the format, and a file is whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def save(
    path: str | os.PathLike[str], writers: Mapping[str, Callable[[], str | bytes]], what: str
) -> Path:
    """Writes a file in the format that its suffix names.

    Folders are created, and the file is replaced in one step.

    Args:
        path: of the file.
        writers: by suffix (".svg"), what makes the file's text or bytes.
        what: is saved, for the error: "a picture".

    Raises:
        ValueError: the suffix names no format.
    """
    path = Path(path)
    if path.suffix.lower() not in writers:
        raise ValueError(
            f"save(path): cannot save {what} as {path.name!r}: the suffix must be one of "
            f"{', '.join(writers)}"
        )
    content = writers[path.suffix.lower()]()
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(draft, 0o666 & ~mask)  # mkstemp's files are for the owner alone
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    return path
