"""What every test needs, whatever started the tests."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings
from playwright.sync_api import Browser

import chromium


def pytest_configure() -> None:
    """Random examples may take their time: a shared computer stops for longer than any deadline
    that would say something. The same examples each time, so that a change is judged by what it
    changes; `make fuzz` tries others. And undo ignored signals: a script's background jobs inherit
    them, and so would the programs that tests start and then ask to stop."""
    settings.register_profile("same", deadline=None, derandomize=True)
    settings.register_profile("new", deadline=None, print_blob=True)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Unattended, a test with a browser has a second try: Chromium starves on a shared computer.
    What failed at first is told in full all the same."""
    if os.environ.get("CI"):
        for item in items:
            if "browser" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"tried again: {report.nodeid}")
        terminalreporter.line(report.longreprtext)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests: Playwright does not run twice at a time in one process."""
    found = chromium.path()
    if found is None:
        pytest.skip("Chromium was not found; on Debian: apt-get install chromium")
    with chromium.opened(found) as browser:
        yield browser
