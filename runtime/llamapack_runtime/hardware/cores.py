"""How many cores there are and how many of them are fast ones: chips for laptops and telephones mix
performance cores with slow ones, for which every step of a computation would wait."""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# Cores below this share of the fastest one's speed are slow ones. Capacity is what the kernel
# measured, where two thirds are common among the middle and the fastest of three kinds; top
# frequencies of equal cores differ by a few percent.
_LEAST_CAPACITY, _LEAST_FREQUENCY = 0.6, 0.75
# SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX of winnt.h: Relationship, Size of this record, then of
# PROCESSOR_RELATIONSHIP Flags and EfficiencyClass, the larger the faster.
_WINDOWS_CORE = struct.Struct("<IIBB")
_RELATION_PROCESSOR_CORE = 0


@dataclass(frozen=True, slots=True)
class Cores:
    """`performance` of the `physical` cores are fast; all of them where they are alike."""

    physical: int
    performance: int


def count_cores(affinity: Sequence[int], logical: int, root: Path) -> Cores:
    """The cores of the logical processors in `affinity`, from /sys below `root`. On systems without
    affinity all cores that the system has; `logical` is the answer where it does not tell."""
    if affinity:
        return _linux_cores(affinity, logical, root)
    cores = _native_cores()
    physical = min(cores.physical, logical) if cores else logical
    return Cores(physical, min(cores.performance, physical) if cores else physical)


def windows_cores(data: bytes) -> Cores | None:
    """From what GetLogicalProcessorInformationEx(RelationProcessorCore) wrote: one record a core,
    each as long as it says. None when there is no whole record."""
    classes = []
    offset = 0
    while offset + _WINDOWS_CORE.size <= len(data):
        relation, size, _flags, efficiency = _WINDOWS_CORE.unpack_from(data, offset)
        if size < _WINDOWS_CORE.size:
            break
        if relation == _RELATION_PROCESSOR_CORE:
            classes.append(efficiency)
        offset += size
    return Cores(len(classes), classes.count(max(classes))) if classes else None


def _linux_cores(affinity: Sequence[int], logical: int, root: Path) -> Cores:
    def count(processors: Sequence[int]) -> int:
        """Siblings that share a core name the same set."""
        return max(1, min(len({_siblings(each, root) for each in processors}), logical))

    return Cores(count(affinity), count(_fast_processors(affinity, root)))


def _fast_processors(affinity: Sequence[int], root: Path) -> Sequence[int]:
    named = set(_parse_list(_read(root / "sys/devices/cpu_core/cpus")))  # Intel's hybrid chips
    fast = [each for each in affinity if each in named]
    if fast:
        return fast
    for name, least in (
        ("cpu_capacity", _LEAST_CAPACITY),
        ("cpufreq/cpuinfo_max_freq", _LEAST_FREQUENCY),
    ):
        speeds = {
            each: _number(root / f"sys/devices/system/cpu/cpu{each}/{name}") for each in affinity
        }
        limit = max(speeds.values()) * least
        if any(speed < limit for speed in speeds.values()) and min(speeds.values()) > 0:
            return [each for each in affinity if speeds[each] >= limit]
    return affinity


def _siblings(processor: int, root: Path) -> str:
    topology = root / f"sys/devices/system/cpu/cpu{processor}/topology"
    for name in ("core_cpus_list", "thread_siblings_list"):
        text = _read(topology / name)
        if text:
            return text
    return str(processor)


def _parse_list(text: str) -> Iterator[int]:
    """The kernel's lists: "0-3,8"."""
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part.strip())
        if match:
            yield from range(int(match[1]), int(match[2] or match[1]) + 1)


def _number(path: Path) -> int:
    text = _read(path)
    return int(text) if re.fullmatch(r"\d{1,18}", text) else 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


if sys.platform == "win32":

    def _native_cores() -> Cores | None:
        import ctypes  # only for this call

        ask = ctypes.windll.kernel32.GetLogicalProcessorInformationEx
        size = ctypes.c_uint32(0)
        ask(_RELATION_PROCESSOR_CORE, None, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        if not ask(_RELATION_PROCESSOR_CORE, buffer, ctypes.byref(size)):
            return None
        return windows_cores(buffer.raw[: size.value])

elif sys.platform == "darwin":

    def _native_cores() -> Cores | None:
        import ctypes  # only for this call

        by_name = ctypes.CDLL("/usr/lib/libSystem.B.dylib").sysctlbyname

        def number(name: bytes) -> int:
            value, size = ctypes.c_int32(0), ctypes.c_size_t(4)
            failed = by_name(
                name, ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0)
            )
            return 0 if failed else value.value

        physical = number(b"hw.physicalcpu")
        # Chips with one kind of core have no levels.
        performance = number(b"hw.perflevel0.physicalcpu") or physical
        return Cores(physical, performance) if physical else None

else:

    def _native_cores() -> Cores | None:
        return None
