"""Windows: a launcher of the windowed kind, and libraries that need nothing but the system's own
C runtime (Windows 10 and later)."""

from __future__ import annotations

from llamapack.targets.types import LauncherBuild, Target

# What Windows starts is smaller than 4 GiB: an executable's sizes and offsets are 32 bits wide.
MAX_PROGRAM_BYTES = 2**32 - 1

_TRIPLE = "x86_64-windows-gnu"
_SOURCES = ("os_windows.c", "os_windows_places.c", "os_windows_process.c")
# A program without a console of its own: a double-click shows no black window.
_LINK = ("-Wl,--subsystem,windows", "-Wl,--gc-sections", "-s", "-lshell32", "-lole32", "-luuid")

WINDOWS_X86_64 = Target(
    name="windows-x86_64",
    title="Windows on x86-64",
    file_word="Windows",
    system="windows",
    library_triple=_TRIPLE,
    wheel_platforms=("win_amd64",),
    wheel_tag="win_amd64",
    launcher=LauncherBuild(_TRIPLE, _SOURCES, _LINK),
    program_suffix=".exe",
    max_program_bytes=MAX_PROGRAM_BYTES,
    gpu=("vulkan",),
)
