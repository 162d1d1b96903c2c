"""Run by Python for Windows, under Wine: starts a pack as Windows' own programs do, and says what
then can be seen, as one line of JSON.

    python on_windows.py dialog PROGRAM             double-click; the text of its message box, OK
    python on_windows.py start PROGRAM              double-click; returns at once
    python on_windows.py wait PROGRAM URL           from a console, whose Ctrl-C then is the test's
    python on_windows.py end PROGRAM URL            the program itself is killed when URL answers
"""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import time
import urllib.request
from typing import Any

PATIENCE_S = 40.0
PAUSE_S = 0.1
_OK = 1


def main(verb: str, program: str, url: str = "") -> dict[str, Any]:
    if verb == "dialog":
        process = _double_click(program)
        text = _press_ok(process.pid)
        return {"text": text, "code": process.wait(PATIENCE_S)}
    if verb == "start":
        _double_click(program)
        return {}
    # Ctrl-C is for the program that we start, in whose console we are.
    signal.signal(signal.SIGINT, lambda *_: None)
    process = subprocess.Popen([program, "--no-browser", "--port", url.rpartition(":")[2]])
    if verb == "end":
        _wait_for(url)
        process.kill()
    code = process.wait(PATIENCE_S)
    return {"code": code, "answers": _outlives(url)}


def _double_click(program: str) -> subprocess.Popen[bytes]:
    """As Explorer starts programs: without a console and without standard streams."""
    detached = 0x00000008
    return subprocess.Popen([program], creationflags=detached, close_fds=True)


def _press_ok(process_id: int) -> str:
    """Waits for a message box of that process; its text."""
    user = getattr(ctypes, "windll").user32  # noqa: B009 - other systems' ctypes has none
    found: list[str] = []
    window_type = getattr(ctypes, "WINFUNCTYPE")(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)  # noqa: B009

    def text_of(window: int) -> str:
        buffer = ctypes.create_unicode_buffer(4096)
        user.GetWindowTextW(ctypes.c_void_p(window), buffer, len(buffer))
        return buffer.value

    @window_type  # type: ignore[untyped-decorator]  # a ctypes prototype
    def see_part(window: int, _data: int) -> int:
        if len(text_of(window)) > len("Cancel"):
            found.append(text_of(window))
        return 1

    @window_type  # type: ignore[untyped-decorator]  # as above
    def see_window(window: int, _data: int) -> int:
        owner = ctypes.c_ulong()
        user.GetWindowThreadProcessId(ctypes.c_void_p(window), ctypes.byref(owner))
        if owner.value == process_id and text_of(window) == "llamapack":
            user.EnumChildWindows(ctypes.c_void_p(window), see_part, None)
            user.PostMessageW(ctypes.c_void_p(window), 0x0111, _OK, 0)  # WM_COMMAND
        return 1

    until = time.monotonic() + PATIENCE_S
    while not found and time.monotonic() < until:
        user.EnumWindows(see_window, None)
        time.sleep(PAUSE_S)
    return "\n".join(found)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2):  # noqa: S310 - our own
            return True
    except OSError:
        return False


def _wait_for(url: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not _answers(url) and time.monotonic() < until:
        time.sleep(PAUSE_S)


def _outlives(url: str) -> bool:
    """Whether it still answers a second later."""
    time.sleep(1.0)
    return _answers(url)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])), flush=True)
