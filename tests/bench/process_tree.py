"""What a process and its children cost: processor time and memory, from Linux's /proc."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

_TICKS_PER_S = 100  # USER_HZ, which Linux shows to programs whatever its own clock is
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)$", re.MULTILINE)


def tree(pid: int) -> list[int]:
    """`pid` and all its living descendants."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and its children so far."""
    ticks = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            # The name in parentheses may hold spaces; fields 14 and 15 are utime and stime.
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_S


def memory_bytes(pid: int, without: Path) -> int:
    """The processes' proportional share of memory, less the mapped pages of the file `without`."""
    return sum(
        size for one in tree(pid) for path, size in _mappings(one) if path != str(without.resolve())
    )


def _mappings(pid: int) -> Iterator[tuple[str, int]]:
    text = ""
    with contextlib.suppress(OSError):  # a child that has just ended
        text = Path(f"/proc/{pid}/smaps").read_text()
    paths = [match[1].strip() for match in _MAPPING.finditer(text)]
    sizes = [int(match[1]) * 1024 for match in _PSS.finditer(text)]
    yield from zip(paths, sizes, strict=True)
