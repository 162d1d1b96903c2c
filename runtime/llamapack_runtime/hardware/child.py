"""Runs a program that may crash or hang, and hands over each line that it prints. Knows nothing of
what the lines mean."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

# NTSTATUS codes that Windows gives as exit codes, under the names that other systems use.
_WINDOWS_ENDS = {
    0xC000001D: "SIGILL",
    0xC0000005: "SIGSEGV",
    0xC0000094: "SIGFPE",
    0xC0000096: "SIGILL",
    0xC00000FD: "SIGSEGV",
    0xC0000409: "SIGABRT",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How it went: `cause` is the signal's name, "exit code 3", or "" for a clean end.
    `was_stopped` means that it took longer than it was given and we ended it."""

    cause: str
    was_stopped: bool


def run_child(
    command: Sequence[str], on_line: Callable[[str], None], patience_s: Callable[[], float]
) -> Ending:
    """Start `command`, call `on_line` for each line, and end it when `patience_s()` seconds pass
    without one. Returns when it is gone. OSError when it cannot be started.

    It runs in a group of its own, so that Ctrl+C in a terminal is not taken for a crash, and holds
    a pipe of ours as standard input, which ends when we do."""
    process = _start(command)
    lines: SimpleQueue[str | None] = SimpleQueue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    was_stopped = True
    try:
        while (line := lines.get(timeout=max(0.0, patience_s()))) is not None:
            on_line(line)
        process.wait(max(0.1, patience_s()))
        was_stopped = False
    except (Empty, subprocess.TimeoutExpired):
        pass
    finally:
        process.kill()
        process.wait()
        reader.join()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
    return Ending("" if was_stopped else _cause(process.returncode), was_stopped)


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    return subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
        creationflags=flags,
        start_new_session=True,
    )


def _read(process: subprocess.Popen[str], lines: SimpleQueue[str | None]) -> None:
    assert process.stdout is not None, "it was started with a pipe"
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _cause(returncode: int) -> str:
    if returncode == 0:
        return ""
    if returncode < 0:
        try:
            return signal.Signals(-returncode).name
        except ValueError:
            return f"signal {-returncode}"
    return _WINDOWS_ENDS.get(returncode, f"exit code {returncode}")
