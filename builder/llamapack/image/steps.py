"""Runs the long programs behind an image and turns what they print into a little progress."""

from __future__ import annotations

import collections
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from llamapack.image.errors import StepError

Report = Callable[[str], None]

_KEPT_LINES = 30
_NINJA_STEP = re.compile(r"\[(\d+)/(\d+)\]")
_REPORT_EVERY_S = 20.0


def run(
    step: str,
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    report: Report | None = None,
) -> None:
    """Run `command`; with `report`, pass on ninja's `[done/total]` counts every 20 seconds.

    Raises StepError with the last lines of output when it fails. Ctrl-C ends the program too.
    """
    words = [str(word) for word in command]
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=dict(environment) if environment is not None else None,
        cwd=folder,
    ) as process:
        assert process.stdout is not None, "stdout is a pipe"
        try:
            tail = _follow(step, process.stdout, report)
            status = process.wait()
        except BaseException:
            process.terminate()
            raise
    if status != 0:
        raise StepError(step, words, status, tail)


def _follow(step: str, lines: Iterable[str], report: Report | None) -> Sequence[str]:
    tail: collections.deque[str] = collections.deque(maxlen=_KEPT_LINES)
    started = last = time.monotonic()
    for line in lines:
        tail.append(line.rstrip()[:500])
        count = _NINJA_STEP.search(line[:40])
        now = time.monotonic()
        if count and report and now - last >= _REPORT_EVERY_S:
            last = now
            report(f"{step}: {count[1]} of {count[2]} files, {now - started:.0f} s so far")
    return tail


class Stopwatch:
    """Seconds since it was made, for the line that a long step ends with."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started
