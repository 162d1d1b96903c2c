"""How many processors this process may use, and which processor it is. Linux is read from /proc and
/sys (below `root`, for the tests); other systems are asked (cores.py) or answer through `os`."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llamapack_runtime.hardware.cgroups import cgroup_folders
from llamapack_runtime.hardware.cores import count_cores

_ROOT = Path("/")
_IDENTITY_KEYS = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features")
_IDENTITY_KEYS_ARM = ("CPU implementer", "CPU part", "CPU variant")


@dataclass(frozen=True, slots=True)
class CpuLimits:
    """`affinity` lists the logical processors this process may run on (empty where the system does
    not say), `logical` counts them, `physical` counts their cores. `quota` is the processor time
    that the control group grants, in processors (1.5 is one and a half), None for no limit.
    `performance` counts the fast cores among the physical ones; 0 stands for all."""

    logical: int
    physical: int
    quota: float | None
    affinity: tuple[int, ...]
    performance: int = 0

    @property
    def most_threads(self) -> int:
        """More threads than this would only take turns: whole processors within every limit."""
        granted = self.logical if self.quota is None else min(self.logical, int(self.quota))
        return max(1, granted)


def usable_cpus(root: Path = _ROOT) -> CpuLimits:
    """The limits that hold for this process now."""
    affinity = _affinity()
    logical = len(affinity) or os.cpu_count() or 1
    cores = count_cores(affinity, logical, root)
    return CpuLimits(logical, cores.physical, _quota(root), affinity, cores.performance)


def cpu_name(root: Path = _ROOT) -> str:
    """The processor's name as its maker wrote it, or the architecture."""
    facts = _cpuinfo(root)
    name = facts.get("model name") or facts.get("Hardware") or _native_name()
    return name or platform.machine() or "unknown processor"


def cpu_identity(root: Path = _ROOT) -> str:
    """A short key that changes when the processor's model, its features or our limits change."""
    facts = _cpuinfo(root)
    keys = (*_IDENTITY_KEYS, *_IDENTITY_KEYS_ARM)
    parts = [f"{key}={facts.get(key, '')}" for key in keys]
    parts += [sys.platform, platform.machine(), cpu_name(root), repr(usable_cpus(root))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


if sys.platform == "darwin":

    def _native_name() -> str:
        """Such as "Apple M2"; Python says "arm"."""
        import ctypes  # only for this call

        by_name = ctypes.CDLL("/usr/lib/libSystem.B.dylib").sysctlbyname
        text, size = ctypes.create_string_buffer(256), ctypes.c_size_t(256)
        failed = by_name(
            b"machdep.cpu.brand_string", text, ctypes.byref(size), None, ctypes.c_size_t(0)
        )
        return "" if failed else text.value.decode("utf-8", "replace")

else:

    def _native_name() -> str:
        return platform.processor()


def _affinity() -> tuple[int, ...]:
    if sys.platform == "linux":
        return tuple(sorted(os.sched_getaffinity(0)))
    return ()


def _quota(root: Path) -> float | None:
    """The tightest limit among our own control group and its parents, in processors."""
    quotas = [*_quotas_v2(root), *_quotas_v1(root)]
    return min(quotas) if quotas else None


def _quotas_v2(root: Path) -> Iterator[float]:
    for folder in cgroup_folders(None, root):
        fields = _read(folder / "cpu.max").split()
        if len(fields) == 2 and all(re.fullmatch(r"\d+", field) for field in fields):
            yield int(fields[0]) / max(1, int(fields[1]))


def _quotas_v1(root: Path) -> Iterator[float]:
    for folder in cgroup_folders("cpu", root):
        quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if re.fullmatch(r"\d+", quota) and re.fullmatch(r"[1-9]\d*", period):
            yield int(quota) / int(period)


def _cpuinfo(root: Path) -> dict[str, str]:
    """The first processor's lines of /proc/cpuinfo; empty elsewhere."""
    facts: dict[str, str] = {}
    for line in _read(root / "proc/cpuinfo").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            facts.setdefault(key.strip(), value.strip())
    return facts


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
