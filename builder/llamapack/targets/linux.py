"""Linux: a static launcher against musl, libraries against an old glibc."""

from __future__ import annotations

from llamapack.targets.types import LauncherBuild, Target

GLIBC_FLOOR = "2.28"

_SOURCES = ("os_posix.c", "os_posix_places.c", "os_linux.c")
_LINK = ("-static", "-Wl,--gc-sections", "-s")


def _linux(machine: str, title: str) -> Target:
    return Target(
        name=f"linux-{machine}",
        title=title,
        system="linux",
        library_triple=f"{machine}-linux-gnu.{GLIBC_FLOOR}",
        wheel_tag=f"manylinux_{GLIBC_FLOOR.replace('.', '_')}_{machine}",
        wheel_platforms=_wheel_platforms(machine),
        launcher=LauncherBuild(f"{machine}-linux-musl", _SOURCES, _LINK),
    )


def _wheel_platforms(machine: str) -> tuple[str, ...]:
    """Every glibc up to the floor, newest first; some wheels have an older kind of name only."""
    minors = range(int(GLIBC_FLOOR.partition(".")[2]), 4, -1)
    by_year = ("manylinux2014", "manylinux2010", "manylinux1")
    return (
        *(f"manylinux_2_{minor}_{machine}" for minor in minors),
        *(f"{name}_{machine}" for name in by_year),
    )


LINUX_X86_64 = _linux("x86_64", "Linux on x86-64")
LINUX_AARCH64 = _linux("aarch64", "Linux on 64-bit ARM")
