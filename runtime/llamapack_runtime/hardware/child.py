"""Runs a program that may crash or hang, and hands over each line that it prints. The other side,
how such a program ends, is here too. Knows nothing of what the lines mean."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

# NTSTATUS codes that Windows gives as exit codes, under the names that other systems use.
_WINDOWS_ENDS = {
    0x40000015: "SIGABRT",
    0xC0000005: "SIGSEGV",
    0xC0000006: "SIGBUS",
    0xC000001D: "SIGILL",
    0xC0000094: "SIGFPE",
    0xC0000096: "SIGILL",
    0xC00000FD: "SIGSEGV",
    0xC0000374: "SIGABRT",
    0xC0000409: "SIGABRT",
    # By others: the end of a session, a closed console, and a start while the session ends.
    0x40010004: "SIGTERM",
    0xC000013A: "SIGINT",
    0xC0000142: "SIGTERM",
}
# Deaths that others cause (out of memory, a shutdown) say nothing lasting about what was tried.
NOT_ITS_FAULT = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")
# Characters: a longer line comes in pieces, so that no child fills our memory with one.
_LONGEST_LINE = 1 << 20


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
    without one. Returns when it is gone, with all that it started. A line of more than 2^20
    characters comes in pieces. What `on_line` raises ends the child too. OSError when it cannot be
    started.

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
        _kill(process)
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
    while line := process.stdout.readline(_LONGEST_LINE):
        lines.put(line)
    lines.put(None)


def _kill(process: subprocess.Popen[str]) -> None:
    """With its whole group, which has its number as long as nobody has waited for it."""
    if sys.platform != "win32" and process.returncode is None:
        # It may have ended just now, which some systems call forbidden.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _cause(returncode: int) -> str:
    if returncode == 0:
        return ""
    if returncode < 0:
        try:
            return signal.Signals(-returncode).name
        except ValueError:
            return f"signal {-returncode}"
    return _WINDOWS_ENDS.get(returncode, f"exit code {returncode}")


def end_with_parent() -> None:
    """Called in a child: no core file, no error box, and no life after the parent's, which holds
    the other end of our standard input: native code that hangs has released the interpreter, so a
    thread can end us."""
    if sys.platform == "win32":
        import ctypes  # only for this call

        ctypes.windll.kernel32.SetErrorMode(0x0001 | 0x0002 | 0x8000)
    else:
        import resource  # there is none on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    # Not through a buffer: its lock would be held when the interpreter ends, which aborts then.
    while os.read(0, 4096):
        pass
    os._exit(3)
