"""Skipped tests: what they lacked is said in one line each, and they can be run again alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from microgradnd import declaration

pytest.register_assert_rewrite("tests.bad_arguments")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("skipped tests")
    group.addoption("--skipped-to", metavar="FILE", help="note the tests that are skipped here")
    group.addoption("--only", metavar="FILE", help="run the tests that are noted here, no others")
    words = "random calls with bad arguments of each callable (MICROGRADND_FUZZ_SEED draws others)"
    parser.addoption("--programs", type=int, default=200, metavar="N",
                     help="random programs of all operations (10,000 in a long run)")  # fmt: skip
    parser.addoption("--fuzz", type=int, default=10, metavar="N", help=words)
    words_of_pictures = "random programs whose saved pictures are read back (200 in a long run)"
    parser.addoption("--pictures", type=int, default=8, metavar="N", help=words_of_pictures)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("only") is None:
        return
    noted = set(Path(config.getoption("only")).read_text("utf-8").splitlines())
    others = [item for item in items if item.nodeid not in noted]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item.nodeid in noted]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Says why tests were skipped; pytest's own summary (-rs) has a line for each place."""
    skipped = terminalreporter.getreports("skipped")
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:5} skipped: {reason}")
    if config.getoption("skipped_to") is not None:
        noted = "".join(f"{report.nodeid}\n" for report in skipped)
        Path(config.getoption("skipped_to")).write_text(noted, "utf-8")


# What a test declares ends with it.
REGISTRIES = (
    declaration.OPS, declaration.NUMPY, declaration.TORCH, declaration.PUBLIC,
    declaration.REDUCES, declaration.FUNCTIONS, declaration._public,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_operation_outlives_its_test() -> Iterator[None]:
    before = [registry.copy() for registry in REGISTRIES]
    yield
    for name in declaration.OPS.keys() - before[0].keys():
        declaration._forget(name)
    for registry, copy in zip(REGISTRIES, before, strict=True):
        if registry != copy:
            registry.clear()
            registry.update(copy)
