"""Available memory, from files of /proc and /sys under another root."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llamapack_runtime.hardware.memory import MemoryLimits, available_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")

KIB = 1024
MEMINFO = {"proc/meminfo": "MemTotal: 1000000 kB\nMemFree: 1 kB\nMemAvailable: 600000 kB\n"}
MACHINE = MemoryLimits(1000000 * KIB, 600000 * KIB, "machine")
V2 = MEMINFO | {
    "proc/self/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
    "proc/self/cgroup": "0::/app\n",
}
V1 = MEMINFO | {
    "proc/self/mounts": "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n",
    "proc/self/cgroup": "4:memory:/app\n",
}


def memory(root: Path, files: dict[str, str]) -> MemoryLimits:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return available_memory(root)


def group_v2(maximum: str, current: int, stat: str = "") -> dict[str, str]:
    folder = "sys/fs/cgroup/app"
    return V2 | {
        f"{folder}/memory.max": maximum,
        f"{folder}/memory.current": str(current),
        f"{folder}/memory.stat": stat,
    }


def test_without_groups_the_machine_counts(tmp_path: Path) -> None:
    assert memory(tmp_path, MEMINFO) == MACHINE


def test_old_kernels_have_no_memavailable(tmp_path: Path) -> None:
    files = {"proc/meminfo": "MemTotal: 100 kB\nMemFree: 10 kB\nCached: 20 kB\n"}
    assert memory(tmp_path, files).available_bytes == 30 * KIB


def test_a_tighter_group_counts(tmp_path: Path) -> None:
    limits = memory(tmp_path, group_v2("5000000", 2000000))
    assert limits == MemoryLimits(5000000, 3000000, "cgroup")


def test_file_cache_in_the_group_counts_as_free(tmp_path: Path) -> None:
    stat = "anon 5\nactive_file 300000\ninactive_file 700000\n"
    assert memory(tmp_path, group_v2("5000000", 2000000, stat)).available_bytes == 4000000


@pytest.mark.parametrize("maximum", ["max", "nonsense", str(1 << 62)])
def test_a_group_without_a_real_limit_does_not_count(tmp_path: Path, maximum: str) -> None:
    assert memory(tmp_path, group_v2(maximum, 2000000)) == MACHINE


def test_a_full_group_has_nothing_left(tmp_path: Path) -> None:
    assert memory(tmp_path, group_v2("5000000", 6000000)).available_bytes == 0


def test_a_group_larger_than_what_the_machine_has_left_does_not_count(tmp_path: Path) -> None:
    assert memory(tmp_path, group_v2(str(900000 * KIB), 0)) == MACHINE


def test_the_parent_s_limit_counts(tmp_path: Path) -> None:
    parent = {"sys/fs/cgroup/memory.max": "1000", "sys/fs/cgroup/memory.current": "400"}
    assert memory(tmp_path, group_v2("max", 1) | parent).available_bytes == 600


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("4000000", MemoryLimits(4000000, 3500000, "cgroup")),
        ("9223372036854771712", MACHINE),
    ],
)
def test_version_1(tmp_path: Path, limit: str, expected: MemoryLimits) -> None:
    folder = "sys/fs/cgroup/memory/app"
    files = {
        f"{folder}/memory.limit_in_bytes": limit,
        f"{folder}/memory.usage_in_bytes": "1000000",
        f"{folder}/memory.stat": "cache 1\ntotal_inactive_file 500000\n",
    }
    assert memory(tmp_path, V1 | files) == expected


def test_this_computer_has_memory() -> None:
    limits = available_memory()
    assert 0 < limits.available_bytes <= limits.total_bytes
