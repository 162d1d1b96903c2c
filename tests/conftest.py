"""What every test needs, whatever started the tests."""

from __future__ import annotations

import signal
import sys


def pytest_configure() -> None:
    """Undo ignored signals: a script's background jobs inherit them, and so would the programs
    that tests start and then ask to stop."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
