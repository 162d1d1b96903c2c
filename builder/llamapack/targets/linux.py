"""Linux: a static launcher against musl, libraries against an old glibc."""

from __future__ import annotations

from llamapack.targets.types import LauncherBuild, Target

GLIBC_FLOOR = "2.28"
_NEWEST_WHEEL_MINOR = 35

_SOURCES = ("os_posix.c", "os_posix_places.c", "os_linux.c")
_LINK = ("-static", "-Wl,--gc-sections", "-s")


def _linux(machine: str, title: str, file_word: str, gpu: tuple[str, ...] = ()) -> Target:
    return Target(
        name=f"linux-{machine}",
        title=title,
        file_word=file_word,
        system="linux",
        library_triple=f"{machine}-linux-gnu.{GLIBC_FLOOR}",
        wheel_tag=f"manylinux_{GLIBC_FLOOR.replace('.', '_')}_{machine}",
        wheel_platforms=_wheel_platforms(machine),
        launcher=LauncherBuild(f"{machine}-linux-musl", _SOURCES, _LINK),
        gpu=gpu,
    )


def _wheel_platforms(machine: str) -> tuple[str, ...]:
    """Those of newer systems too, for a wheel is named after where it was made; what it needs is
    measured in the finished image. Some wheels have an older kind of name only."""
    by_year = ("manylinux2014", "manylinux2010", "manylinux1")
    return (
        *(f"manylinux_2_{minor}_{machine}" for minor in range(_NEWEST_WHEEL_MINOR, 4, -1)),
        *(f"{name}_{machine}" for name in by_year),
    )


LINUX_X86_64 = _linux("x86_64", "Linux on x86-64", "Linux", ("vulkan",))
LINUX_AARCH64 = _linux("aarch64", "Linux on 64-bit ARM", "Linux-ARM64")
