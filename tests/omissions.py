"""What a bare machine lacks for a test: it is left out and named in the last line, or fails where all must run."""

import os
from collections import Counter
from collections.abc import Generator
from typing import NoReturn

import pytest

_LEFT_OUT = "left out on this machine: "


def omit(what: str) -> NoReturn:
    """Leave this test out for want of `what`, a noun such as "Chromium"."""
    __tracebackhide__ = True
    if os.environ.get("GENJI_NO_OMISSIONS"):
        pytest.fail(f"{what} is missing, and GENJI_NO_OMISSIONS lets nothing be left out.", pytrace=False)
    pytest.skip(_LEFT_OUT + what)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """The hook that conftest.py imports; outermost, so that its line comes after pytest's own last line.

    The reports are read rather than counted by `omit`, because the tests may run in other processes.
    """
    yield
    reporter: pytest.TerminalReporter | None = session.config.pluginmanager.get_plugin("terminalreporter")
    left_out = summary(reporter.stats.get("skipped", [])) if reporter else None
    if reporter and left_out:
        reporter.write_line(left_out)


def summary(skipped: list[pytest.TestReport]) -> str | None:
    """`Left out on this machine: Chromium (2 tests), a second PostgreSQL (1 test).`"""
    counts = Counter(what for report in skipped if (what := _left_out(report)))
    if not counts:
        return None
    parts = (f"{what} ({count} test{'s' if count > 1 else ''})" for what, count in sorted(counts.items()))
    return f"Left out on this machine: {', '.join(parts)}."


def _left_out(report: pytest.TestReport) -> str | None:
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
    _, mark, what = reason.partition(_LEFT_OUT)
    return what if mark else None
