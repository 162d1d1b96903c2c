"""Cores and the fast ones among them, from files of /sys under another root, and from records as
Windows writes them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from llamapack_runtime.hardware.cores import Cores, count_cores, windows_cores

CPU = "sys/devices/system/cpu/cpu"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    return root


def per_cpu(name: str, *values: int) -> dict[str, str]:
    return {f"{CPU}{cpu}/{name}": str(value) for cpu, value in enumerate(values)}


# Two fast cores with two threads each, and four slow ones.
HYBRID = {
    "sys/devices/cpu_core/cpus": "0-3",
    "sys/devices/cpu_atom/cpus": "4-7",
    **{
        f"{CPU}{cpu}/topology/core_cpus_list": f"{cpu // 2 * 2}-{cpu // 2 * 2 + 1}"
        for cpu in range(4)
    },
    **{f"{CPU}{cpu}/topology/core_cpus_list": str(cpu) for cpu in range(4, 8)},
}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (HYBRID, Cores(6, 2)),
        (per_cpu("cpu_capacity", 446, 446, 446, 446, 871, 871, 1024, 1024), Cores(8, 4)),
        (per_cpu("cpu_capacity", *[530] * 4, *[1024] * 4), Cores(8, 4)),
        (per_cpu("cpufreq/cpuinfo_max_freq", *[5_100_000] * 4, *[3_300_000] * 4), Cores(8, 4)),
        (per_cpu("cpufreq/cpuinfo_max_freq", *[5_700_000] * 2, *[5_400_000] * 6), Cores(8, 8)),
        (per_cpu("cpu_capacity", *[1024] * 8), Cores(8, 8)),
        (per_cpu("cpu_capacity", 446, 1024), Cores(8, 8)),
        ({**per_cpu("cpu_capacity", *[446] * 8), f"{CPU}0/cpu_capacity": "nonsense"}, Cores(8, 8)),
        ({"sys/devices/cpu_core/cpus": "99-x,,-"}, Cores(8, 8)),
        ({}, Cores(8, 8)),
    ],
    ids=[
        "Intel hybrid",
        "three kinds of ARM cores",
        "two kinds of ARM cores",
        "compact cores",
        "boost differs a little",
        "alike",
        "told for some only",
        "damaged capacity",
        "damaged list",
        "nothing told",
    ],
)
def test_fast_cores(tmp_path: Path, files: dict[str, str], expected: Cores) -> None:
    assert count_cores(tuple(range(8)), 8, write(tmp_path, files)) == expected


def test_only_processors_that_we_may_use_count(tmp_path: Path) -> None:
    root = write(tmp_path, HYBRID)
    assert count_cores((0, 1, 4, 5), 4, root) == Cores(3, 1)
    assert count_cores((4, 5), 2, root) == Cores(2, 2)  # kept to slow cores, those must do


def record(efficiency: int, *, relation: int = 0, size: int = 48) -> bytes:
    return struct.pack("<IIBB", relation, size, 1, efficiency).ljust(size, b"\0")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (record(0) * 4, Cores(4, 4)),
        (record(1) * 6 + record(0) * 8, Cores(14, 6)),
        (record(1, size=64) + record(0), Cores(2, 1)),
        (record(1) + record(1, relation=3), Cores(1, 1)),
        (record(1) + b"\0" * 4, Cores(1, 1)),
        (record(1) + struct.pack("<IIBB", 0, 0, 1, 1), Cores(1, 1)),
        (b"", None),
    ],
    ids=["alike", "hybrid", "sizes", "other records", "cut off", "no size", "empty"],
)
def test_records_of_windows(data: bytes, expected: Cores | None) -> None:
    assert windows_cores(data) == expected
