"""When this process began, the launcher's part of it included."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def process_started_s() -> float:
    """By time.monotonic, which is asked now: a sleep of the computer in between would not count.
    Now, where the system does not say."""
    now_s = time.monotonic()
    if sys.platform != "linux":
        return now_s
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace")
        ticks = int(fields.rpartition(")")[2].split()[19])  # starttime of proc(5), since the boot
    except (OSError, ValueError, IndexError):
        return now_s
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return now_s - max(0.0, age_s)
