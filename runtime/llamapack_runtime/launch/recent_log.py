"""The last lines of the log, kept in memory for a report that somebody may send to others."""

from __future__ import annotations

import logging
import traceback
from collections import deque

MAX_LINES = 100
MAX_CHARS = 500  # of a line


class RecentLog(logging.Handler):
    """From any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self.setFormatter(_Discreet())

    @property
    def lines(self) -> tuple[str, ...]:
        """The oldest first."""
        with self.lock:  # type: ignore[union-attr]  # None only before __init__
            return tuple(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.extend(line[:MAX_CHARS] for line in self.format(record).splitlines())


class _Discreet(logging.Formatter):
    """Says where an error was raised and of which kind it is, not its words: they may be what
    somebody wrote."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{self.formatTime(record)} {record.levelname} {record.name}: {record.getMessage()}"
        error = record.exc_info[1] if record.exc_info else None
        return text if error is None else "\n".join([text, *_places(error), type(error).__name__])


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
