"""macOS: a launcher that is linked, and signed ad hoc, for macOS 11 and later."""

from __future__ import annotations

from llamapack.targets.types import LauncherBuild, Target

OLDEST_SYSTEM = "11.0"

_SOURCES = ("os_posix.c", "os_posix_places.c", "os_macos.c")
_LINK = ("-Wl,-dead_strip", "-s")


def _macos(processor: str, machine: str, title: str, file_word: str) -> Target:
    """`processor` is zig's name, `machine` Apple's."""
    triple = f"{processor}-macos.{OLDEST_SYSTEM}"
    return Target(
        name=f"macos-{machine}",
        title=title,
        file_word=file_word,
        system="macos",
        library_triple=triple,
        wheel_platforms=(f"macosx_11_0_{machine}",),
        wheel_tag=f"macosx_11_0_{machine}",
        launcher=LauncherBuild(triple, _SOURCES, _LINK),
        program_suffix=".app",
        gpu=("metal",),
    )


MACOS_ARM64 = _macos("aarch64", "arm64", "macOS on Apple silicon", "Mac")
MACOS_X86_64 = _macos("x86_64", "x86_64", "macOS on Intel", "Mac-Intel")
