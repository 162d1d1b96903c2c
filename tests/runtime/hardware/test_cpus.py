"""Limits and identity of the processor, from files of /proc and /sys under another root."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from llamapack_runtime.hardware.cpus import CpuLimits, cpu_identity, cpu_name, usable_cpus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


V2 = {
    "proc/self/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n",
    "proc/self/cgroup": "0::/user/app\n",
}
V1 = {
    "proc/self/mounts": "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0\n",
    "proc/self/cgroup": "5:memory:/elsewhere\n4:cpu,cpuacct:/docker/abc\n0::/\n",
}


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"sys/fs/cgroup/user/app/cpu.max": "150000 100000\n"}, 1.5),
        ({"sys/fs/cgroup/user/app/cpu.max": "max 100000\n"}, None),
        (
            {
                "sys/fs/cgroup/user/app/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/user/cpu.max": "200000 100000\n",
            },
            2.0,
        ),
        ({"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5),
        ({"sys/fs/cgroup/user/app/cpu.max": "nonsense\n"}, None),
    ],
    ids=["own", "unlimited", "the parent's is tighter", "seen from a container", "damaged"],
)
def test_the_quota_of_version_2(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    assert usable_cpus(write(tmp_path, V2 | files)).quota == quota


@pytest.mark.parametrize(
    ("folder", "quota", "expected"),
    [("cpu/docker/abc", "250000", 2.5), ("cpu", "100000", 1.0), ("cpu/docker/abc", "-1", None)],
)
def test_the_quota_of_version_1(
    tmp_path: Path, folder: str, quota: str, expected: float | None
) -> None:
    files = {
        f"sys/fs/cgroup/{folder}/cpu.cfs_quota_us": quota,
        f"sys/fs/cgroup/{folder}/cpu.cfs_period_us": "100000",
    }
    assert usable_cpus(write(tmp_path, V1 | files)).quota == expected


def test_the_group_s_path_cannot_lead_out_of_the_mount(tmp_path: Path) -> None:
    files = V2 | {"proc/self/cgroup": "0::/../../..\n", "cpu.max": "1 100000\n"}
    assert usable_cpus(write(tmp_path, files)).quota is None


if sys.platform == "linux":

    def test_siblings_count_as_one_core(tmp_path: Path) -> None:
        cpus = sorted(os.sched_getaffinity(0))
        names = [f"sys/devices/system/cpu/cpu{cpu}/topology/core_cpus_list" for cpu in cpus]
        limits = usable_cpus(write(tmp_path, dict.fromkeys(names, "0-99\n")))
        assert (limits.physical, limits.logical) == (1, len(cpus))

    def test_affinity_is_what_the_process_may_use() -> None:
        before = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {min(before)})
            limits = usable_cpus()
        finally:
            os.sched_setaffinity(0, before)
        assert (limits.logical, limits.physical, limits.affinity) == (1, 1, (min(before),))


@pytest.mark.parametrize(
    ("logical", "quota", "expected"),
    [(8, None, 8), (8, 2.0, 2), (8, 1.5, 1), (8, 0.2, 1), (2, 16.0, 2)],
)
def test_no_more_threads_than_whole_processors(
    logical: int, quota: float | None, expected: int
) -> None:
    assert CpuLimits(logical, logical, quota, ()).most_threads == expected


CPUINFO = (
    "vendor_id\t: GenuineIntel\nmodel name\t: A Processor\nflags\t\t: fpu avx2\n\nmodel name: 2\n"
)


def test_the_name_and_a_stable_identity(tmp_path: Path) -> None:
    root = write(tmp_path, {"proc/cpuinfo": CPUINFO})
    assert cpu_name(root) == "A Processor"
    assert cpu_identity(root) == cpu_identity(root)


@pytest.mark.parametrize(
    "change",
    [
        {"proc/cpuinfo": CPUINFO.replace("avx2", "avx2 avx512f")},
        {"proc/cpuinfo": CPUINFO, **V2, "sys/fs/cgroup/cpu.max": "50000 100000\n"},
    ],
    ids=["features", "limits"],
)
def test_the_identity_changes_with(tmp_path: Path, change: dict[str, str]) -> None:
    before = cpu_identity(write(tmp_path / "before", {"proc/cpuinfo": CPUINFO}))
    assert cpu_identity(write(tmp_path / "after", change)) != before


def test_an_empty_root_still_answers(tmp_path: Path) -> None:
    limits = usable_cpus(tmp_path)
    assert limits.logical >= limits.physical >= 1
    assert limits.quota is None
    assert cpu_name(tmp_path)
