"""How much memory this process may take: the machine's, or its control group's when less."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llamapack_runtime.hardware.cgroups import cgroup_folders

_ROOT = Path("/")
_UNLIMITED = 1 << 60  # version 1 writes a number near 2**63 for "no limit"


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """`available_bytes` can be taken without swapping; file cache that can be dropped counts as
    available. `limited_by` says whose limit that is."""

    total_bytes: int
    available_bytes: int
    limited_by: Literal["machine", "cgroup"]


def available_memory(root: Path = _ROOT) -> MemoryLimits:
    """What can be had now."""
    total, available = _machine(root)
    limits = MemoryLimits(total, available, "machine")
    for limit, used in (*_groups_v2(root), *_groups_v1(root)):
        room = max(0, limit - used)
        if limit < total and room < limits.available_bytes:
            limits = MemoryLimits(limit, room, "cgroup")
    return limits


def _groups_v2(root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use in bytes of each of our groups that has a limit."""
    for folder in cgroup_folders(None, root):
        limit, current = _number(folder / "memory.max"), _number(folder / "memory.current")
        if limit is not None and current is not None:
            yield limit, current - _file_cache(folder, "")


def _groups_v1(root: Path) -> Iterator[tuple[int, int]]:
    for folder in cgroup_folders("memory", root):
        limit = _number(folder / "memory.limit_in_bytes")
        usage = _number(folder / "memory.usage_in_bytes")
        if limit is not None and usage is not None and limit < _UNLIMITED:
            yield limit, usage - _file_cache(folder, "total_")


def _file_cache(folder: Path, prefix: str) -> int:
    """Bytes of cached files that the kernel drops when the group needs room."""
    facts = _table(folder / "memory.stat")
    return facts.get(f"{prefix}inactive_file", 0) + facts.get(f"{prefix}active_file", 0)


if sys.platform == "win32":

    class _MemoryStatus(ctypes.Structure):
        """MEMORYSTATUSEX of sysinfoapi.h."""

        _fields_ = [
            ("length", ctypes.c_uint32),
            ("load_percent", ctypes.c_uint32),
            ("total_physical", ctypes.c_uint64),
            ("available_physical", ctypes.c_uint64),
            ("rest", ctypes.c_uint64 * 5),
        ]

    def _machine(root: Path) -> tuple[int, int]:  # noqa: ARG001 - the same shape on each system
        """Total and available bytes of the computer."""
        status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
        if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
            raise ctypes.WinError()
        return status.total_physical, status.available_physical

elif sys.platform == "darwin":

    def _machine(root: Path) -> tuple[int, int]:  # noqa: ARG001 - the same shape on each system
        """Total and available bytes. `vm_stat` counts pages; these kinds can be had at once."""
        page, kinds = os.sysconf("SC_PAGE_SIZE"), "free|inactive|speculative|purgeable"
        total = page * os.sysconf("SC_PHYS_PAGES")
        answer = subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True, check=False)
        counts = re.findall(rf"Pages (?:{kinds}):\s+(\d+)", answer.stdout)
        return total, sum(map(int, counts)) * page if counts else total // 2

else:

    def _machine(root: Path) -> tuple[int, int]:
        """Total and available bytes of the computer."""
        facts = _table(root / "proc/meminfo")
        total = facts.get("MemTotal", 0) * 1024
        free = facts.get("MemFree", 0) + facts.get("Cached", 0)  # before Linux 3.14
        return total, facts.get("MemAvailable", free) * 1024


def _table(path: Path) -> dict[str, int]:
    """Lines `name 123` or `Name:   123 kB` as numbers."""
    return {name: int(value) for name, value in re.findall(r"^(\w+):?\s+(\d+)", _read(path), re.M)}


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if re.fullmatch(r"\d+", text) else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
