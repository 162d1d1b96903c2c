"""One place to ask the process to stop: signals, the page's Quit, a model that cannot be loaded."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

EXIT_INTERRUPTED = 128 + signal.SIGINT
# Everything closes well within this; what hangs in native code is left to the system.
PATIENCE_S = 4.0


class StopRequest:
    """Whoever asks first decides the exit code. From any thread, and from a signal handler."""

    def __init__(self) -> None:
        self.exit_code = 0
        self._requested = threading.Event()
        self._watchdog: threading.Timer | None = None

    @property
    def is_requested(self) -> bool:
        return self._requested.is_set()

    def request(self, exit_code: int = 0) -> None:
        if self._requested.is_set():
            return
        self.exit_code = exit_code
        self._requested.set()
        self._watchdog = threading.Timer(PATIENCE_S, os._exit, (exit_code,))
        self._watchdog.daemon = True
        self._watchdog.start()

    def end_now(self) -> NoReturn:
        """Without waiting for any thread."""
        os._exit(self.exit_code)

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Ctrl-C ends with 130, the others with 0; a second signal ends the process at once, and
        so does time, until this block is left."""
        before = {number: signal.signal(number, self._receive) for number in _signals()}
        try:
            yield
        finally:
            if self._watchdog is not None:
                self._watchdog.cancel()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._requested.is_set():
            os._exit(128 + number)
        self.request(EXIT_INTERRUPTED if number == signal.SIGINT else 0)


def _signals() -> list[int]:
    """A signal that was ignored from outside (nohup) stays ignored."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)
    else:
        numbers.append(signal.SIGHUP)
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
