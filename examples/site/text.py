"""Docstrings as reStructuredText, with links to what they speak of."""

from __future__ import annotations

import re
from collections.abc import Callable

Link = Callable[[str], str | None]  # the page of a name, if it has one

SPECIAL = re.compile(r"([\\*_|`])")
HEADING = re.compile(r"[A-Z]\w*:")
ENTRY = re.compile(r"([\w*][\w*, ()]*): (.*)", re.DOTALL)


def heading(text: str, line: str) -> str:
    escaped = escape(text)
    return f"{escaped}\n{line * (2 * len(escaped))}\n"  # Chinese letters are two columns wide


def escape(text: str) -> str:
    return SPECIAL.sub(r"\\\1", text)


def code(text: str) -> str:
    return f"``{text}``" if text.strip() else ""


def linked(name: str, page: str) -> str:
    return f":doc:`{escape(name)} </{page}>`"


def inline(text: str, link: Link) -> str:
    """A paragraph; what stands in `backquotes` is code, or a link where it is the name of a page.

    >>> inline("see `exp` and `x_1`s", {"exp": "microgradnd/exp"}.get)
    'see :doc:`exp </microgradnd/exp>` and ``x_1``\\\\ s'
    """
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    written = escape(parts[0])
    for quoted, after in zip(parts[1::2], parts[2::2]):
        page = link(quoted.removesuffix("()"))
        if written[-1:].strip() and written[-1] not in "([{-/'\":":
            written += "\\ "
        written += linked(quoted, page) if page else code(quoted)
        written += "\\ " * (after[:1].isalnum()) + escape(after)
    return written


def paragraph(text: str, link: Link) -> str:
    """A paragraph that is taken for nothing else, whatever it begins with."""
    return f"\\ {inline(text, link)}\n"


def restructured(doc: str, link: Link) -> str:
    """A docstring: paragraphs, sections such as "Args:", lists, code and examples."""
    written = []
    literal = False  # the block before ends with "::"
    for block in re.split(r"\n{2,}", doc.strip("\n")):
        lines = block.splitlines()
        if block.startswith(">>>") or literal:
            written.append(block + "\n")
        elif HEADING.fullmatch(lines[0]) and len(lines) > 1:
            written += [f"**{lines[0][:-1]}**\n", entries(lines[1:], link)]
        elif all(line.startswith("    ") for line in lines):
            written.append(entries(lines, link))
        elif lines[0].startswith("- "):
            items = re.split(r"^- ", block, flags=re.MULTILINE)[1:]
            written += [f"- {paragraph(item, link)}" for item in items]
        else:
            written.append(paragraph(block, link))
        literal = block.endswith("::")
    return "\n".join(written)


def entries(lines: list[str], link: Link) -> str:
    """Names with what is said of them, as a list of definitions."""
    edge = min(len(line) - len(line.lstrip()) for line in lines)
    written = []
    for item in re.split(rf"^ {{{edge}}}(?=\S)", "\n".join(lines), flags=re.MULTILINE)[1:]:
        found = ENTRY.match(item)
        if found is None:
            written.append(f"    {paragraph(item, link)}")
        else:
            name = " ".join(found[1].split())
            written.append(f"{code(name)}\n    {paragraph(found[2], link)}")
    return "\n".join(written)


def table(heads: list[str], rows: list[list[str]], widths: str = "auto") -> str:
    """A table of cells of one paragraph each."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in [heads, *rows]:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def block(text: str, language: str = "python") -> str:
    """Code, set apart."""
    lines = [f"    {line}".rstrip() for line in text.splitlines()]
    return "\n".join([f".. code-block:: {language}", "", *lines]) + "\n"
